/* Numbers that matter later keep paths apart, through moves, spills, calls and helpers: issue 3, point 2. The good path is walked first. */
#include "expect.h"

MAP(values, ARRAY, 1, __u32, __u64[8]);

/* r6 is 3 on one path and 64 on the other, which Linux walks second: it walks on before it jumps. */
#define TWO "r6 = 64; call 7; if r0 == 0 goto 2f; r6 = 3; 2:"
#define SMALL "r6 = 63; call 7; if r0 == 0 goto 2f; r6 = 3; 2:"
/* The index that comes of it goes into a value of 64 bytes. */
#define END LOOKUP(values) "r0 += r7; w0 = *(u8 *)(r0 + 0); r0 = 0; exit;"
#define OVER EXPECT_REJECT("invalid access to map value, value_size=64 off=64 size=1")
#define PAIR(name, code) \
	SEC("tc") EXPECT_ACCEPT RETVAL(0) NAKED int name(void) { ASM("r9 = r1;" SMALL code END, ADDR(values)); } \
	SEC("tc") OVER NAKED int name##_over(void) { ASM("r9 = r1;" TWO code END, ADDR(values)); }

SUBPROG int same(void)
{
	ASM("r0 = r1; exit;");
}
SUBPROG int keeps_r6(void)
{
	ASM("r6 = 1; r7 = 2; r0 = 0; exit;");
}
SUBPROG int writes_up(void)
{
	ASM("*(u64 *)(r2 + 0) = r1; r0 = 0; exit;");
}
SUBPROG int reads_up(void)
{
	ASM("r0 = *(u64 *)(r1 + 0); exit;");
}
SUBPROG int same_deep(void)
{
	ASM("*(u64 *)(r10 - 8) = r1; r1 = r10; r1 += -8; call reads_up; exit;");
}
SUBPROG int callback(void)
{
	ASM("r0 = 0; exit;");
}

PAIR(move, "r7 = r6;")
PAIR(move_twice, "r8 = r6; call 7; r7 = r8;")
PAIR(half_move, "w7 = w6;")
PAIR(add_zero, "r7 = 0; r7 += r6;")
PAIR(sum, "r8 = r6; r8 += 5; r7 = r8; r7 -= 5;")
PAIR(masked, "r7 = r6; r7 &= 127;")
PAIR(ored, "r7 = 0; r7 |= r6;")
PAIR(shifted, "r7 = r6; r7 <<= 4; r7 >>= 4;")
PAIR(spilled, "*(u64 *)(r10 - 24) = r6; r6 = 0; call 7; r7 = *(u64 *)(r10 - 24);")
PAIR(spilled_half, "*(u32 *)(r10 - 24) = r6; r6 = 0; call 7; w7 = *(u32 *)(r10 - 24);")
PAIR(spilled_by_pointer, "r8 = r10; r8 += -24; *(u64 *)(r8 + 0) = r6; r6 = 0; call 7; r7 = *(u64 *)(r10 - 24);")
PAIR(spilled_twice, "*(u64 *)(r10 - 24) = r6; r8 = *(u64 *)(r10 - 24); *(u64 *)(r10 - 32) = r8; call 7; r7 = *(u64 *)(r10 - 32);")
PAIR(through_subprogram, "r1 = r6; call same; r7 = r0;")
PAIR(through_two_subprograms, "r1 = r6; call same_deep; r7 = r0;")
PAIR(over_subprogram, "call keeps_r6; r7 = r6;")
PAIR(written_up, "r1 = r6; r2 = r10; r2 += -24; call writes_up; r7 = *(u64 *)(r10 - 24);")
PAIR(read_up, "*(u64 *)(r10 - 24) = r6; r1 = r10; r1 += -24; call reads_up; r7 = r0;")
PAIR(over_callback, "r1 = 3; r2 = callback ll; r3 = 0; r4 = 0; call 181; r7 = r6;")
PAIR(over_branches, "call 7; if r0 == 1 goto +1; r8 = 5; call 7; if r0 == 2 goto +1; r8 = 6; r7 = r6;")
PAIR(over_loop, "r8 = 0; 3: r8 += 1; if r8 < 5 goto 3b; r7 = r6;")
PAIR(compared, "call 7; r8 = r0; if r8 > r6 goto +1; r8 = 1; r7 = r6;")
PAIR(by_sum_of_two, "r8 = 1; r8 += r6; r7 = r8; r7 += -1;")
PAIR(swapped_through, "r8 = r6; r6 = 1; r7 = r8; r8 = r6;")
PAIR(exchanged, "*(u64 *)(r10 - 24) = r6; r7 = 0; r7 = xchg_64(r10 - 24, r7);")

/* A number decides a branch in which something else happens. */
#define DECIDE(name, code) \
	SEC("tc") EXPECT_ACCEPT RETVAL(0) NAKED int name(void) { ASM(SMALL code "r0 = r9; exit; 9: r0 = 0; exit;"); } \
	SEC("tc") EXPECT_REJECT("R9 !read_ok") NAKED int name##_over(void) { ASM(TWO code "r0 = r9; exit; 9: r0 = 0; exit;"); }
DECIDE(branch, "call 7; if r6 < 64 goto 9f;")
DECIDE(branch_half, "call 7; if w6 < 64 goto 9f;")
DECIDE(branch_signed, "call 7; if r6 s<= 63 goto 9f;")
DECIDE(branch_by_register, "r7 = 64; call 7; if r6 != r7 goto 9f;")
DECIDE(branch_by_bits, "call 7; if r6 & 64 goto +1; goto 9f;")
DECIDE(branch_by_copy, "r8 = r6; call 7; if r8 < 64 goto 9f;")
DECIDE(branch_by_sum, "r8 = r6; r8 += 10; call 7; if r8 < 74 goto 9f;")
DECIDE(branch_by_spill, "*(u64 *)(r10 - 16) = r6; call 7; r8 = *(u64 *)(r10 - 16); if r8 < 64 goto 9f;")
DECIDE(branch_by_subprogram, "r1 = r6; call same; r8 = r0; call 7; if r8 < 64 goto 9f;")
DECIDE(branch_by_product, "r8 = r6; r8 *= 2; call 7; if r8 < 128 goto 9f;")

/* Sizes and constants of helpers are numbers that matter as well. */
SEC("tc") EXPECT_REJECT("stack R3 off=-16 size=64")
NAKED int size_of_helper_over(void)
{
	ASM("r9 = r1;" TWO "r1 = r9; r2 = 0; r3 = r10; r3 += -16; r4 = r6; call 26; r0 = 0; exit;");
}

SEC("tc") EXPECT_ACCEPT RETVAL(0)
NAKED int size_of_helper(void)
{
	ASM("r9 = r1;" SMALL "r1 = r9; r2 = 0; r3 = r10; r3 += -64; r4 = r6; call 26; r0 = 0; exit;");
}

SEC("cgroup_skb/ingress") EXPECT_REJECT("At program exit the register R0 has")
NAKED int returned_over(void)
{
	ASM("r6 = 2; call 7; if r0 == 0 goto 2f; r6 = 1; 2: call 7; r0 = r6; exit;");
}

SEC("cgroup_skb/ingress") EXPECT_ACCEPT
NAKED int returned(void)
{
	ASM("r6 = 1; call 7; if r0 == 0 goto 2f; r6 = 0; 2: call 7; r0 = r6; exit;");
}

char LICENSE[] SEC("license") = "GPL";
