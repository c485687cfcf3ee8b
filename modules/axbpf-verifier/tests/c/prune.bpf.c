/* Paths that meet: what was seen on one must not hide what is wrong on another: issue 3, point 2. */
#include "expect.h"

MAP(values, ARRAY, 1, __u32, __u64[8]);
MAP(hash, HASH, 4, __u32, __u64[8]);
RING(ring);

#define MEET(name, verdict, code) SEC("tc") verdict NAKED int name(void) { ASM("r9 = r1;" code "1: r0 = 0; exit;", ADDR(values), ADDR(hash), ADDR(ring)); }
/* What stands behind it up to the label 2 is done on the path that Linux walks second: it walks on before it jumps. */
#define COIN "call 7; if r0 != 0 goto 3f; goto 2f; 3:"

/* The first path that is walked is good; the second is not. */
MEET(number_differs, EXPECT_REJECT("invalid access to map value"), "r6 = 8;" COIN "r6 = 64; 2:" LOOKUP(values) "r0 += r6; r0 = *(u64 *)(r0 + 0);")
MEET(number_differs_other_way, EXPECT_REJECT("invalid access to map value"), "r6 = 64;" COIN "r6 = 8; 2:" LOOKUP(values) "r0 += r6; r0 = *(u64 *)(r0 + 0);")
MEET(number_differs_both_good, EXPECT_ACCEPT RETVAL(0), "r6 = 8;" COIN "r6 = 56; 2:" LOOKUP(values) "r0 += r6; r0 = *(u64 *)(r0 + 0);")
MEET(copied_before_use, EXPECT_REJECT("invalid access to map value"), "r6 = 8;" COIN "r6 = 64; 2: r7 = r6; r7 += 0;" LOOKUP(values) "r0 += r7; r0 = *(u64 *)(r0 + 0);")
MEET(spilled_before_use, EXPECT_REJECT("invalid access to map value"), "r6 = 8;" COIN "r6 = 64; 2: *(u64 *)(r10 - 16) = r6; r6 = 0;" LOOKUP(values) "r7 = *(u64 *)(r10 - 16); r0 += r7; r0 = *(u64 *)(r0 + 0);")
MEET(spilled_before_meeting, EXPECT_REJECT("invalid access to map value"), "*(u64 *)(r10 - 16) = 8;" COIN "*(u64 *)(r10 - 16) = 64; 2:" LOOKUP(values) "r7 = *(u64 *)(r10 - 16); r0 += r7; r0 = *(u64 *)(r0 + 0);")
MEET(sum_of_both, EXPECT_REJECT("invalid access to map value"), "r6 = 8; r7 = 8;" COIN "r6 = 60; 2: r6 += r7;" LOOKUP(values) "r0 += r6; r0 = *(u64 *)(r0 + 0);")
MEET(decides_later_branch, EXPECT_REJECT("R8 !read_ok"), "r6 = 1;" COIN "r6 = 2; 2: call 7; if r6 == 1 goto 1f; r0 = r8;")
MEET(through_and, EXPECT_REJECT("R8 !read_ok"), "r6 = 4;" COIN "r6 = 5; 2: r6 &= 1; call 7; if r6 == 0 goto 1f; r0 = r8;")
MEET(through_and_same, EXPECT_ACCEPT RETVAL(0), "r6 = 4;" COIN "r6 = 6; 2: r6 &= 1; call 7; if r6 == 0 goto 1f; r0 = r8;")
MEET(size_of_memory, EXPECT_REJECT("stack R3 off=-16 size=24"), "r6 = 8;" COIN "r6 = 24; 2: r1 = r9; r2 = 0; r3 = r10; r3 += -16; r4 = r6; call 26;")
MEET(reserve_size, EXPECT_REJECT("invalid access to memory, mem_size=8 off=8 size=8"), "r6 = 16;" COIN "r6 = 8; 2: r1 = %[ring] ll; r2 = r6; r3 = 0; call 131; if r0 == 0 goto 1f; *(u64 *)(r0 + 8) = 1; r1 = r0; r2 = 0; call 132;")
MEET(type_differs, EXPECT_REJECT("R6 invalid mem access 'scalar'"), "r6 = r10; r6 += -8; *(u64 *)(r10 - 8) = 0;" COIN "r6 = 0; 2: r0 = *(u64 *)(r6 + 0);")
MEET(type_differs_unused, EXPECT_ACCEPT RETVAL(0), "r6 = r10;" COIN "r6 = 0; 2: call 7;")
MEET(unset_on_one_path, EXPECT_REJECT("R6 !read_ok"), COIN "r6 = 0; 2: r0 = r6;")
MEET(unset_on_one_path_overwritten, EXPECT_ACCEPT RETVAL(0), COIN "r6 = 0; 2: r6 = 1; r0 = r6;")
MEET(map_differs, EXPECT_ACCEPT RETVAL(0), "r6 = %[values] ll;" COIN "r6 = %[hash] ll; 2: *(u32 *)(r10 - 4) = 0; r2 = r10; r2 += -4; r1 = r6; call 1; if r0 == 0 goto 1f; r0 = *(u64 *)(r0 + 56);")
MEET(kind_of_map_differs, EXPECT_REJECT("invalid zero-sized read"), "r6 = %[values] ll;" COIN "r6 = %[ring] ll; 2: *(u32 *)(r10 - 4) = 0; r2 = r10; r2 += -4; r1 = r6; call 1;")
MEET(stack_differs, EXPECT_REJECT("R6 invalid mem access 'scalar'"), "*(u64 *)(r10 - 8) = r9;" COIN "*(u64 *)(r10 - 8) = 0; 2: r6 = *(u64 *)(r10 - 8); w0 = *(u32 *)(r6 + 0);")
MEET(stack_differs_unused, EXPECT_ACCEPT RETVAL(0), "*(u64 *)(r10 - 8) = r9;" COIN "*(u64 *)(r10 - 8) = 0; 2: w0 = *(u32 *)(r9 + 0);")
MEET(stack_byte_differs, EXPECT_REJECT("R8 !read_ok"), "*(u64 *)(r10 - 8) = 0;" COIN "*(u8 *)(r10 - 4) = 1; 2: call 7; r6 = *(u64 *)(r10 - 8); if r6 == 0 goto 1f; r0 = r8;")
MEET(offset_differs, EXPECT_REJECT("invalid write to stack R6 off=0 size=8"), "r6 = r10; r6 += -16;" COIN "r6 = r10; r6 += -8; 2: *(u64 *)(r6 + 8) = 0;")
MEET(reference_on_one_path, EXPECT_REJECT("Unreleased reference id="), "r6 = 0;" COIN "r1 = %[ring] ll; r2 = 8; r3 = 0; call 131; r6 = r0; 2: call 7;")
MEET(reference_released_by_flag, EXPECT_ACCEPT RETVAL(0), "r6 = 0;" COIN "r1 = %[ring] ll; r2 = 8; r3 = 0; call 131; r6 = r0; 2: call 7; if r6 == 0 goto 1f; r1 = r6; r2 = 0; call 132;")
MEET(checked_on_one_path, EXPECT_REJECT("R6 invalid mem access 'map_value_or_null'"),
     "call 7; *(u32 *)(r10 - 4) = r0; r2 = r10; r2 += -4; r1 = %[hash] ll; call 1; r6 = r0; call 7; if r0 == 0 goto 2f; if r6 == 0 goto 1f; 2: r0 = *(u64 *)(r6 + 0);")
MEET(ids_differ, EXPECT_REJECT("R7 invalid mem access 'map_value_or_null'"),
     "call 7; *(u32 *)(r10 - 4) = r0; r2 = r10; r2 += -4; r1 = %[hash] ll; call 1; r6 = r0; r2 = r10; r2 += -4; r1 = %[hash] ll; call 1; r7 = r0; call 7; if r0 == 0 goto 2f; r7 = r6; 2: if r6 == 0 goto 1f; r0 = *(u64 *)(r7 + 0);")
MEET(ids_same, EXPECT_ACCEPT,
     "call 7; *(u32 *)(r10 - 4) = r0; r2 = r10; r2 += -4; r1 = %[hash] ll; call 1; r6 = r0; r7 = r0; call 7; if r0 == 0 goto 2f; r7 = r6; 2: if r6 == 0 goto 1f; r0 = *(u64 *)(r7 + 0);")
/* Numbers: one path knows two registers to be equal, the other does not. */
MEET(linked_on_one_path, EXPECT_REJECT("unbounded"), "call 7; r6 = r0; call 7; r7 = r0; call 7; if r0 == 0 goto 2f; r7 = r6; 2: if r6 > 7 goto 1f;" LOOKUP(values) "r0 += r7; r0 = *(u8 *)(r0 + 0);")
MEET(linked_on_both_paths, EXPECT_ACCEPT RETVAL(0), "call 7; r6 = r0; r7 = r0; call 7; if r0 == 0 goto 2f; r7 = r6; 2: if r6 > 7 goto 1f;" LOOKUP(values) "r0 += r7; r0 = *(u8 *)(r0 + 0);")
MEET(range_wider_on_second, EXPECT_REJECT("outside of the allowed memory range"), "call 7; r6 = r0; r6 &= 7;" COIN "call 7; r6 = r0; r6 &= 127; 2:" LOOKUP(values) "r0 += r6; r0 = *(u8 *)(r0 + 0);")
MEET(packet_range_on_one_path, EXPECT_REJECT("invalid access to packet"), "w6 = *(u32 *)(r9 + 76); w7 = *(u32 *)(r9 + 80); r2 = r6; r2 += 8; call 7; r2 = r6; r2 += 8; if r0 == 0 goto 2f; if r2 > r7 goto 1f; 2: r0 = *(u64 *)(r6 + 0);")

/* Frames: the caller's state counts although the callee does not look at it. */
SUBPROG int flips(void)
{
	ASM("call 7; if r0 == 0 goto 1f; r0 = 1; 1: exit;");
}
MEET(caller_differs, EXPECT_REJECT("invalid access to map value"), "r6 = 8;" COIN "r6 = 64; 2: call flips;" LOOKUP(values) "r0 += r6; r0 = *(u64 *)(r0 + 0);")
MEET(caller_same, EXPECT_ACCEPT RETVAL(0), "r6 = 8;" COIN "r6 = 16; 2: call flips;" LOOKUP(values) "r0 += r6; r0 = *(u64 *)(r0 + 0);")
MEET(result_decides, EXPECT_REJECT("R8 !read_ok"), "call flips; if r0 == 0 goto 1f; r0 = r8;")

/* Many branches that nothing depends on: 2 to the 40 paths, few states. */
#define BRANCH "call 7; if r0 == 0 goto +1; r6 += 1;"
#define BRANCHES BRANCH BRANCH BRANCH BRANCH BRANCH BRANCH BRANCH BRANCH BRANCH BRANCH
MEET(many_paths, EXPECT_ACCEPT RETVAL(0), "r6 = 0;" BRANCHES BRANCHES BRANCHES BRANCHES)
/* In the end the sum matters: Linux goes through all that it can be. */
MEET(many_paths_sum_used, EXPECT_ACCEPT RETVAL(0), "r6 = 0;" BRANCHES BRANCHES BRANCHES BRANCHES LOOKUP(values) "r0 += r6; w0 = *(u8 *)(r0 + 0);")
MEET(many_paths_sum_used_over, EXPECT_REJECT("invalid access to map value, value_size=64 off=64 size=1"), "r6 = 24;" BRANCHES BRANCHES BRANCHES BRANCHES LOOKUP(values) "r0 += r6; w0 = *(u8 *)(r0 + 0);")

char LICENSE[] SEC("license") = "GPL";
