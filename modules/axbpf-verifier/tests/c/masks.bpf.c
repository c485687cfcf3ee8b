/* Known bits: issue 3, point 1. */
#include "expect.h"

struct value {
	char bytes[64];
};

MAP(values, ARRAY, 1, __u32, struct value);

#define FAR "outside of the allowed memory range"

#define INDEX(name, verdict, code) \
	SEC("socket") verdict NAKED int name(void) \
	{ \
		ASM(UNKNOWN_R6 code LOOKUP(values) "r0 += r6; r0 = *(u8 *)(r0 + 0); 1: r0 = 0; exit;", ADDR(values)); \
	}

INDEX(and_constant, EXPECT_ACCEPT, "r6 &= 63;")
INDEX(and_constant_over, EXPECT_REJECT(FAR), "r6 &= 127;")
INDEX(and_negative_constant, EXPECT_REJECT("unbounded"), "r6 &= -64;")
INDEX(and_register, EXPECT_ACCEPT, "call 7; r7 = 48; r0 &= r7; r6 &= r0;")
INDEX(and_register_over, EXPECT_REJECT(FAR), "call 7; r7 = 64; r0 &= r7; r6 &= r0;")
INDEX(and_half, EXPECT_ACCEPT, "w6 &= 63;")
INDEX(and_half_negative, EXPECT_REJECT("unbounded"), "w6 &= -64;")
INDEX(or_of_small, EXPECT_ACCEPT, "r7 = r6; r6 &= 32; r7 &= 31; r6 |= r7;")
INDEX(or_of_small_over, EXPECT_REJECT(FAR), "r7 = r6; r6 &= 64; r7 &= 31; r6 |= r7;")
INDEX(or_constant, EXPECT_ACCEPT, "r6 &= 15; r6 |= 48;")
INDEX(or_constant_over, EXPECT_REJECT(FAR), "r6 &= 15; r6 |= 64;")
INDEX(xor_of_small, EXPECT_ACCEPT, "r6 &= 63; r6 ^= 42;")
INDEX(xor_of_small_over, EXPECT_REJECT(FAR), "r6 &= 63; r6 ^= 64;")
/* Linux does not see that both operands are one value. */
INDEX(xor_with_itself, EXPECT_REJECT("with unbounded min value"), "r6 ^= r6;")
INDEX(xor_with_same_constant, EXPECT_ACCEPT, "r6 = 1000; r7 = 1000; r6 ^= r7;")
INDEX(xor_clears_known_bit, EXPECT_ACCEPT, "r6 &= 63; r6 |= 256; r6 ^= 256;")
INDEX(xor_unknown, EXPECT_REJECT("unbounded"), "r6 ^= 1;")
INDEX(shifted_mask, EXPECT_ACCEPT, "r6 &= 0xff00; r6 >>= 10;")
INDEX(shifted_mask_over, EXPECT_REJECT(FAR), "r6 &= 0xff00; r6 >>= 9;")
INDEX(mask_of_upper_bits, EXPECT_ACCEPT, "r7 = 0xfc00000000000000 ll; r6 &= r7; r6 >>= 58;")
INDEX(mask_rotated, EXPECT_ACCEPT, "r7 = r6; r6 <<= 60; r6 >>= 58; r7 >>= 62; r6 |= r7;")
INDEX(low_bits_carry, EXPECT_ACCEPT, "r6 &= 3; r6 += 60;")
INDEX(low_bits_carry_over, EXPECT_REJECT(FAR), "r6 &= 3; r6 += 61;")
INDEX(mul_of_bits, EXPECT_ACCEPT, "r6 &= 1; r6 *= 63;")
INDEX(mul_of_bits_over, EXPECT_REJECT(FAR), "r6 &= 1; r6 *= 64;")
/* Multiples of 4 up to 60: what is cut off below is known. */
INDEX(mask_then_range, EXPECT_ACCEPT, "r6 &= 0xfc; if r6 >= 64 goto 1f; r6 |= 3;")
INDEX(mask_then_range_over, EXPECT_REJECT(FAR), "r6 &= 0xfc; if r6 > 64 goto 1f; r6 |= 3;")
/* Bits that are known decide whether an end of a range can be reached. */
INDEX(mask_tightens_range, EXPECT_ACCEPT, "r6 &= 0xf0; if r6 > 63 goto 1f; r6 += 15;")
INDEX(neg_of_constant, EXPECT_REJECT("with unbounded min value") LINUX_DIFFERS("6.17 knows ranges of negated numbers"), "r6 = -63; r6 = -r6;")
INDEX(neg_of_constant_over, EXPECT_REJECT("with unbounded min value") REWORDED("invalid access to map value, value_size=64 off=64 size=1"), "r6 = -64; r6 = -r6;")
/* There is no instruction for it: all bits turned. */
INDEX(not_by_xor, EXPECT_ACCEPT, "r6 &= 63; r6 ^= -1; r6 &= 63;")
INDEX(not_by_xor_unmasked, EXPECT_REJECT("R0 min value is negative"), "r6 &= 63; r6 ^= -1;")

/* Strict alignment is a matter of known bits too. */
#define ALIGNED(name, verdict, code) \
	SEC("socket") STRICT verdict NAKED int name(void) \
	{ \
		ASM(UNKNOWN_R6 code LOOKUP(values) "r0 += r6; r0 = *(u32 *)(r0 + 0); 1: r0 = 0; exit;", ADDR(values)); \
	}

ALIGNED(aligned_by_mask, EXPECT_ACCEPT, "r6 &= 0x3c;")
ALIGNED(misaligned_by_mask, EXPECT_REJECT("misaligned value access off (0x0; 0x3e)+0+0 size 4"), "r6 &= 0x3e;")
ALIGNED(aligned_by_shift, EXPECT_ACCEPT, "r6 &= 15; r6 <<= 2;")
ALIGNED(misaligned_by_shift, EXPECT_REJECT("misaligned value access off"), "r6 &= 15; r6 <<= 1;")
ALIGNED(aligned_by_product, EXPECT_ACCEPT, "r6 &= 7; r6 *= 8;")
ALIGNED(misaligned_after_or, EXPECT_REJECT("misaligned value access off (0x1; 0x3c)+0+0 size 4"), "r6 &= 0x3c; r6 |= 1;")
ALIGNED(misaligned_constant, EXPECT_REJECT("misaligned value access off 0+2+0 size 4"), "r6 = 2;")

char LICENSE[] SEC("license") = "GPL";
