/* Ranges through arithmetic: issue 3, point 1. r6 is an index into a value of 64 bytes. */
#include "expect.h"

struct value {
	char bytes[64];
};

MAP(values, ARRAY, 1, __u32, struct value);

#define FAR "outside of the allowed memory range"

/* One byte at values[r6] behind the code. */
#define INDEX(name, verdict, code) \
	SEC("socket") verdict NAKED int name(void) \
	{ \
		ASM(UNKNOWN_R6 code LOOKUP(values) "r0 += r6; r0 = *(u8 *)(r0 + 0); 1: r0 = 0; exit;", ADDR(values)); \
	}

INDEX(add_constant, EXPECT_ACCEPT, "r6 &= 31; r6 += 32;")
INDEX(add_constant_over, EXPECT_REJECT(FAR), "r6 &= 31; r6 += 33;")
INDEX(add_range, EXPECT_ACCEPT, "r7 = r6; r6 &= 31; r7 >>= 59; r6 += r7;")
INDEX(add_range_over, EXPECT_REJECT(FAR), "r7 = r6; r6 &= 31; r7 >>= 58; r6 += r7;")
INDEX(sub_constant, EXPECT_ACCEPT, "r6 &= 31; r6 += 40; r6 -= 8;")
INDEX(sub_below_zero, EXPECT_REJECT("R0 min value is negative"), "r6 &= 31; r6 -= 8;")
INDEX(sub_range, EXPECT_ACCEPT, "r7 = r6; r7 &= 15; r6 &= 15; r6 += 15; r6 -= r7;")
INDEX(sub_range_below_zero, EXPECT_REJECT("R0 min value is negative"), "r7 = r6; r7 &= 31; r6 &= 15; r6 += 15; r6 -= r7;")
INDEX(mul, EXPECT_ACCEPT, "r6 &= 7; r6 *= 9;")
INDEX(mul_over, EXPECT_REJECT(FAR), "r6 &= 7; r6 *= 10;")
INDEX(shift_left, EXPECT_ACCEPT, "r6 &= 7; r6 <<= 3;")
INDEX(shift_left_over, EXPECT_REJECT(FAR), "r6 &= 7; r6 <<= 4;")
INDEX(shift_right, EXPECT_ACCEPT, "r6 >>= 58;")
INDEX(shift_right_over, EXPECT_REJECT(FAR), "r6 >>= 57;")
INDEX(shift_right_half, EXPECT_ACCEPT, "w6 >>= 26;")
INDEX(shift_right_half_over, EXPECT_REJECT(FAR), "w6 >>= 25;")
INDEX(shift_right_signed, EXPECT_REJECT("R0 min value is negative"), "r6 s>>= 58;")
INDEX(shift_right_signed_of_positive, EXPECT_ACCEPT, "r6 >>= 1; r6 s>>= 57;")
/* A count that is not one number leaves nothing known. */
INDEX(shift_by_known_register, EXPECT_ACCEPT, "r7 = 3; r6 &= 7; r6 <<= r7;")
INDEX(shift_by_range, EXPECT_REJECT("with unbounded min value"), "r7 = r6; r7 &= 3; r6 &= 7; r6 <<= r7;")
INDEX(shift_by_range_then_check, EXPECT_ACCEPT, "r7 = r6; r7 &= 3; r6 &= 7; r6 <<= r7; if r6 > 63 goto 1f;")
INDEX(shift_right_by_range, EXPECT_REJECT("with unbounded min value"), "r7 = r6; r7 &= 7; r7 += 10; r6 &= 0xffff; r6 >>= r7;")
INDEX(shift_right_by_range_then_mask, EXPECT_ACCEPT, "r7 = r6; r7 &= 7; r7 += 10; r6 &= 0xffff; r6 >>= r7; r6 &= 63;")
INDEX(sum_wraps, EXPECT_REJECT(FAR), "r7 = -64 ll; if r6 < r7 goto 1f; r6 += 70; if r6 s> 100 goto 1f; r6 *= r6;")
/* A sum of two values without bounds has none, wherever it ends. */
INDEX(sum_of_unknown, EXPECT_REJECT("unbounded"), "r7 = r6; call 7; r6 += r0; if r7 > 63 goto 1f;")
INDEX(wraps_back_then_checked, EXPECT_ACCEPT, "r6 += 1000; if r6 > 63 goto 1f;")
INDEX(checked_then_wraps, EXPECT_REJECT("unbounded min value"), "if r6 > 63 goto 1f; r7 = r6; r6 -= r7; r6 -= 64; r6 <<= 57;")

/* 32-bit arithmetic wraps at 32 bits and clears the upper half. */
INDEX(half_add_wraps, EXPECT_ACCEPT, "w6 &= 63; w7 = 0xffffffff; w6 += 1; w6 += w7;")
INDEX(half_sub_wraps, EXPECT_REJECT("R0 unbounded memory access"), "w6 &= 15; w6 -= 1;")
INDEX(half_move_truncates, EXPECT_ACCEPT, "r7 = 0x1000000000 ll; r6 &= 63; r6 |= r7; w6 = w6;")
INDEX(whole_move_does_not, EXPECT_REJECT(FAR), "r7 = 0x10000000 ll; r6 &= 63; r6 |= r7; r6 = r6;")
/* What is 0 to 63 in the lower half stays so when the sum carries into the upper half. */
INDEX(carry_is_cut, EXPECT_ACCEPT, "r6 &= 63; r7 = 0xffffffff00000000 ll; r6 += r7; w6 = w6;")
INDEX(upper_half_of_shifted, EXPECT_ACCEPT, "r6 <<= 32; r6 >>= 58;")
INDEX(sign_extended_by_shifts, EXPECT_REJECT("R0 min value is negative"), "r6 <<= 58; r6 s>>= 58;")

/* The lower half's range and the upper half's bits together bound the whole. */
INDEX(upper_bits_then_lower_range, EXPECT_ACCEPT, "r7 = 0x7fffffff; if r6 > r7 goto 1f; if w6 > 63 goto 1f;")
INDEX(upper_bits_open_lower_range, EXPECT_REJECT("R0 unbounded memory access"), "r7 = 0x1ffffffff ll; if r6 > r7 goto 1f; if w6 > 63 goto 1f;")
INDEX(signed_and_unsigned_agree, EXPECT_ACCEPT, "if r6 s< 0 goto 1f; if r6 s> 1000 goto 1f; if r6 > 63 goto 1f;")
INDEX(range_in_negative_numbers, EXPECT_ACCEPT, "if r6 s> -1 goto 1f; if r6 s< -64 goto 1f; r6 += 64;")
INDEX(range_in_negative_numbers_low, EXPECT_REJECT("R0 min value is negative"),
      "if r6 s> -1 goto 1f; if r6 s< -65 goto 1f; r6 += 64;")

/* Widths of the access count from the index. */
#define WIDE(name, verdict, limit, type) \
	SEC("socket") verdict NAKED int name(void) \
	{ \
		ASM(UNKNOWN_R6 "if r6 > " limit " goto 1f;" LOOKUP(values) "r0 += r6; r0 = *(" type " *)(r0 + 0); 1: r0 = 0; exit;", \
		    ADDR(values)); \
	}

WIDE(eight_bytes, EXPECT_ACCEPT, "56", "u64")
WIDE(eight_bytes_over, EXPECT_REJECT("invalid access to map value, value_size=64 off=57 size=8"), "57", "u64")
WIDE(four_bytes, EXPECT_ACCEPT, "60", "u32")
WIDE(four_bytes_over, EXPECT_REJECT("invalid access to map value, value_size=64 off=61 size=4"), "61", "u32")
WIDE(two_bytes, EXPECT_ACCEPT, "62", "u16")
WIDE(two_bytes_over, EXPECT_REJECT("invalid access to map value, value_size=64 off=63 size=2"), "63", "u16")

/* Two checks of the same register meet: the wider of both counts. */
SEC("socket") EXPECT_REJECT("invalid access to map value, value_size=64 off=80 size=1")
NAKED int paths_join_wider(void)
{
	ASM(UNKNOWN_R6 R"(
	call 7
	if r0 == 0 goto 2f
	if r6 > 63 goto 1f
	goto 3f
2:	if r6 > 80 goto 1f
3:	)" LOOKUP(values) R"(
	r0 += r6
	r0 = *(u8 *)(r0 + 0)
1:	r0 = 0
	exit
	)", ADDR(values));
}

SEC("socket") EXPECT_ACCEPT
NAKED int paths_join_both_good(void)
{
	ASM(UNKNOWN_R6 R"(
	call 7
	if r0 == 0 goto 2f
	if r6 > 63 goto 1f
	goto 3f
2:	if r6 > 32 goto 1f
3:	)" LOOKUP(values) R"(
	r0 += r6
	r0 = *(u8 *)(r0 + 0)
1:	r0 = 0
	exit
	)", ADDR(values));
}

char LICENSE[] SEC("license") = "GPL";
