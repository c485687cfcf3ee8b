/* Halves of registers: writing one clears the other: issue 3, points 1 and 7. */
#include "expect.h"

struct value {
	char bytes[64];
};

MAP(values, ARRAY, 1, __u32, struct value);

/* Each 32-bit operation leaves the upper half 0, whatever it held. r0 is all ones before. */
#define UPPER(name, code) \
	SEC("socket") EXPECT_ACCEPT RETVAL(0) NAKED int name(void) { ASM("r0 = -1; r1 = 7; r2 = 0;" code "r0 >>= 32; exit;"); }
UPPER(add_constant, "w0 += 1;")
UPPER(add_register, "w0 += w1;")
UPPER(sub_constant, "w0 -= 1;")
UPPER(sub_register, "w0 -= w1;")
UPPER(mul_constant, "w0 *= 3;")
UPPER(mul_register, "w0 *= w1;")
UPPER(div_constant, "w0 /= 2;")
UPPER(div_register, "w0 /= w1;")
UPPER(div_zero, "w0 /= w2;")
UPPER(mod_constant, "w0 %%= 2;")
UPPER(mod_register, "w0 %%= w1;")
UPPER(mod_zero, "w0 %%= w2;")
UPPER(and_constant, "w0 &= -2;")
UPPER(and_register, "w0 &= w1;")
UPPER(or_constant, "w0 |= 1;")
UPPER(or_register, "w0 |= w1;")
UPPER(xor_constant, "w0 ^= 1;")
UPPER(xor_register, "w0 ^= w1;")
UPPER(lsh_constant, "w0 <<= 1;")
UPPER(lsh_register, "w0 <<= w1;")
UPPER(lsh_by_zero, "w0 <<= w2;")
UPPER(rsh_constant, "w0 >>= 1;")
UPPER(rsh_register, "w0 >>= w1;")
UPPER(arsh_constant, "w0 s>>= 1;")
UPPER(arsh_register, "w0 s>>= w1;")
UPPER(move_constant, "w0 = -1;")
UPPER(move_register, "r3 = -1; w0 = w3;")
UPPER(move_signed, "r3 = -1; w0 = (s8)w3;")
UPPER(neg, "w0 = -w0;")
UPPER(to_little, "r0 = le32 r0;")
UPPER(to_big, "r0 = be32 r0;")
UPPER(load_word, "*(u64 *)(r10 - 8) = -1; w0 = *(u32 *)(r10 - 8);")
UPPER(load_short, "*(u64 *)(r10 - 8) = -1; w0 = *(u16 *)(r10 - 8);")
UPPER(load_byte, "*(u64 *)(r10 - 8) = -1; w0 = *(u8 *)(r10 - 8);")
UPPER(fetch, "*(u64 *)(r10 - 8) = -1; w0 = atomic_fetch_add((u32 *)(r10 - 8), w0);")
UPPER(compare_exchange, "*(u64 *)(r10 - 8) = -1; w0 = cmpxchg32_32(r10 - 8, w0, w1);")

/* And the verifier knows it. */
#define KNOWN(name, verdict, code) \
	SEC("socket") verdict NAKED int name(void) { ASM(UNKNOWN_R6 code "r6 >>= 32; if r6 == 0 goto 1f; r0 = r9; exit; 1: r0 = 0; exit;"); }
KNOWN(known_after_add, EXPECT_ACCEPT RETVAL(0), "w6 += 1;")
KNOWN(unknown_after_whole_add, EXPECT_REJECT("R9 !read_ok"), "r6 += 1;")
KNOWN(known_after_move, EXPECT_ACCEPT RETVAL(0), "w6 = w6;")
KNOWN(unknown_after_whole_move, EXPECT_REJECT("R9 !read_ok"), "r6 = r6;")
KNOWN(known_after_mul, EXPECT_ACCEPT RETVAL(0), "w6 *= w6;")
KNOWN(known_after_shift, EXPECT_ACCEPT RETVAL(0), "w6 <<= 5;")
KNOWN(known_after_and, EXPECT_ACCEPT RETVAL(0), "w6 &= -8;")
KNOWN(unknown_after_whole_neg, EXPECT_REJECT("R9 !read_ok"), "r6 = -r6;")
KNOWN(unknown_after_swap, EXPECT_REJECT("R9 !read_ok"), "r6 = be64 r6;")
KNOWN(known_after_load, EXPECT_ACCEPT RETVAL(0), "*(u64 *)(r10 - 8) = r6; w6 = *(u32 *)(r10 - 8);")
KNOWN(unknown_after_signed_load, EXPECT_REJECT("R9 !read_ok"), "*(u64 *)(r10 - 8) = r6; r6 = *(s32 *)(r10 - 8);")
KNOWN(known_after_fetch, EXPECT_ACCEPT RETVAL(0), "*(u64 *)(r10 - 8) = r6; w6 = atomic_fetch_or((u32 *)(r10 - 8), w6);")
/* A comparison of halves leaves the upper one as it was. */
KNOWN(unknown_after_comparison, EXPECT_REJECT("R9 !read_ok"), "if w6 == 5 goto +1; r6 = 0;")
KNOWN(known_after_comparison, EXPECT_ACCEPT RETVAL(0), "if r6 == 5 goto +1; r6 = 0;")

char LICENSE[] SEC("license") = "GPL";
