/* Tail calls: issue 3, points 2 and 5. */
#include "expect.h"

MAP(tails, PROG_ARRAY, 4, __u32, __u32);
MAP(values, ARRAY, 4, __u32, __u32);
RING(ring);

struct locked {
	struct bpf_spin_lock lock;
	__u32 value;
};
MAP(locked, ARRAY, 1, __u32, struct locked);

#define TAIL(name, verdict, code, ...) SEC("socket") verdict NAKED int name(void) { ASM(code "exit;", ##__VA_ARGS__); }
#define CALL "r2 = %[tails] ll; r3 = 0; call 12;"

TAIL(plain, EXPECT_ACCEPT RETVAL(3), CALL "r0 = 3;", ADDR(tails))
TAIL(result_of_none, EXPECT_REJECT("R0 !read_ok"), CALL, ADDR(tails))
TAIL(context_missing, EXPECT_REJECT("R1 type=scalar expected=ctx"), "r1 = 0;" CALL "r0 = 0;", ADDR(tails))
TAIL(context_clobbered, EXPECT_REJECT("R1 !read_ok"), "call 7;" CALL "r0 = 0;", ADDR(tails))
TAIL(other_map, EXPECT_REJECT("expected prog array map for tail call"), "r2 = %[values] ll; r3 = 0; call 12; r0 = 0;", ADDR(values))
TAIL(map_is_a_number, EXPECT_REJECT("R2 type=scalar expected=map_ptr"), "r2 = 0; r3 = 0; call 12; r0 = 0;")
TAIL(index_unknown, EXPECT_ACCEPT, "r6 = r1; call 7; r3 = r0; r1 = r6; r2 = %[tails] ll; call 12; r0 = 0;", ADDR(tails))
TAIL(index_missing, EXPECT_REJECT("R3 !read_ok"), "r2 = %[tails] ll; call 12; r0 = 0;", ADDR(tails))
TAIL(index_is_a_pointer, EXPECT_ACCEPT, "r2 = %[tails] ll; r3 = r10; call 12; r0 = 0;", ADDR(tails))
TAIL(with_reference, EXPECT_REJECT("Unreleased reference id="),
     "r6 = r1; r1 = %[ring] ll; r2 = 8; r3 = 0; call 131; if r0 == 0 goto 1f; r7 = r0; r1 = r6;" CALL
     "r1 = r7; r2 = 0; call 132; 1: r0 = 0;", ADDR(tails), ADDR(ring))
TAIL(after_reference, EXPECT_ACCEPT RETVAL(0),
     "r6 = r1; r1 = %[ring] ll; r2 = 8; r3 = 0; call 131; if r0 == 0 goto 1f; r1 = r0; r2 = 0; call 132; r1 = r6;" CALL "1: r0 = 0;",
     ADDR(tails), ADDR(ring))
TAIL(stack_of_the_program, EXPECT_ACCEPT RETVAL(0), "*(u64 *)(r10 - 512) = 0;" CALL "r0 = 0;", ADDR(tails))

/* From a subprogram: what lies below must be small. */
SUBPROG int tail_here(void)
{
	ASM(CALL "r0 = 0; exit;", ADDR(tails));
}

SEC("tc") EXPECT_ACCEPT RETVAL(0)
NAKED int from_subprogram(void)
{
	ASM("*(u64 *)(r10 - 224) = 0; call tail_here; r0 = 0; exit;");
}

SEC("tc") EXPECT_REJECT("tail_calls are not allowed when call stack of previous frames is 256 bytes. Too large")
NAKED int from_subprogram_on_large_stack(void)
{
	ASM("*(u64 *)(r10 - 256) = 0; call tail_here; r0 = 0; exit;");
}

char LICENSE[] SEC("license") = "GPL";
