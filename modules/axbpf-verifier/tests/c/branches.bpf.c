/* Every comparison refines both of its sides, at 64 and at 32 bits: issue 3, points 1 and 2. r6 is an index into a value of 64 bytes. */
#include "expect.h"

struct value {
	char bytes[64];
};

MAP(values, ARRAY, 1, __u32, struct value);

#define FAR "R0 max value is outside of the allowed memory range"
#define OFF64 "invalid access to map value, value_size=64 off=64 size=1"
#define UNBOUNDED_MIN "math between map_value pointer and register with unbounded min value is not allowed"
#define UNBOUNDED "R0 unbounded memory access, make sure to bounds check any such access"
#define NEGATIVE "R0 min value is negative"

/* One byte at values[r6], if the guard lets r6 pass. */
#define INDEX(name, verdict, guard) \
	SEC("socket") verdict NAKED int name(void) \
	{ \
		ASM(UNKNOWN_R6 guard LOOKUP(values) "r0 += r6; r0 = *(u8 *)(r0 + 0); 1: r0 = 0; exit;", ADDR(values)); \
	}

INDEX(above_taken_leaves, EXPECT_ACCEPT, "if r6 > 63 goto 1f;")
INDEX(above_taken_leaves_over, EXPECT_REJECT(OFF64), "if r6 > 64 goto 1f;")
INDEX(not_below, EXPECT_ACCEPT, "if r6 >= 64 goto 1f;")
INDEX(not_below_over, EXPECT_REJECT(OFF64), "if r6 >= 65 goto 1f;")
INDEX(below_taken_stays, EXPECT_ACCEPT, "if r6 < 64 goto 2f; goto 1f; 2:")
INDEX(below_taken_stays_over, EXPECT_REJECT(OFF64), "if r6 < 65 goto 2f; goto 1f; 2:")
INDEX(at_most_taken_stays, EXPECT_ACCEPT, "if r6 <= 63 goto 2f; goto 1f; 2:")
INDEX(at_most_taken_stays_over, EXPECT_REJECT(OFF64), "if r6 <= 64 goto 2f; goto 1f; 2:")
/* The other side of the same branch has no upper bound. */
INDEX(above_falls_through_wrong_way, EXPECT_REJECT("unbounded"), "if r6 < 64 goto 1f;")
INDEX(signed_window, EXPECT_ACCEPT, "if r6 s< 0 goto 1f; if r6 s> 63 goto 1f;")
INDEX(signed_window_over, EXPECT_REJECT(OFF64), "if r6 s< 0 goto 1f; if r6 s> 64 goto 1f;")
INDEX(signed_upper_only, EXPECT_REJECT(UNBOUNDED_MIN), "if r6 s> 63 goto 1f;")
INDEX(signed_window_inclusive, EXPECT_ACCEPT, "if r6 s<= -1 goto 1f; if r6 s>= 64 goto 1f;")
INDEX(signed_window_from_minus_one, EXPECT_REJECT(NEGATIVE), "if r6 s<= -2 goto 1f; if r6 s>= 64 goto 1f;")
INDEX(signed_lower_only, EXPECT_REJECT(UNBOUNDED), "if r6 s< 0 goto 1f;")
INDEX(equal_is_known, EXPECT_ACCEPT, "if r6 == 63 goto 2f; goto 1f; 2:")
INDEX(equal_is_known_over, EXPECT_REJECT(OFF64), "if r6 == 64 goto 2f; goto 1f; 2:")
INDEX(not_equal_falls_through_known, EXPECT_ACCEPT, "if r6 != 17 goto 1f;")
INDEX(not_equal_tells_nothing, EXPECT_REJECT("unbounded"), "if r6 == 17 goto 1f;")
/* The end of a range can be cut off by an inequality. */
INDEX(not_equal_cuts_upper_end, EXPECT_ACCEPT, "if r6 > 64 goto 1f; if r6 == 64 goto 1f;")
INDEX(not_equal_inside_cuts_nothing, EXPECT_REJECT(OFF64), "if r6 > 64 goto 1f; if r6 == 63 goto 1f;")

/* With a register whose value is known, or only bounded. */
INDEX(above_known_register, EXPECT_ACCEPT, "r7 = 63; if r6 > r7 goto 1f;")
INDEX(above_known_register_over, EXPECT_REJECT(OFF64), "r7 = 64; if r6 > r7 goto 1f;")
INDEX(register_above, EXPECT_ACCEPT, "r7 = 64; if r7 > r6 goto 2f; goto 1f; 2:")
INDEX(register_above_over, EXPECT_REJECT(OFF64), "r7 = 65; if r7 > r6 goto 2f; goto 1f; 2:")
INDEX(below_bounded_register, EXPECT_ACCEPT, "call 7; r7 = r0; r7 &= 63; if r6 > r7 goto 1f;")
INDEX(below_bounded_register_over, EXPECT_REJECT("outside of the allowed memory range"),
      "call 7; r7 = r0; r7 &= 127; if r6 > r7 goto 1f;")
INDEX(equals_bounded_register, EXPECT_ACCEPT, "call 7; r7 = r0; r7 &= 31; if r6 != r7 goto 1f;")
INDEX(equals_bounded_register_wrong_side, EXPECT_REJECT("unbounded"), "call 7; r7 = r0; r7 &= 31; if r6 == r7 goto 1f;")
INDEX(signed_window_by_registers, EXPECT_ACCEPT, "r7 = 0; r8 = 64; if r7 s> r6 goto 1f; if r6 s>= r8 goto 1f;")
INDEX(signed_window_by_registers_over, EXPECT_REJECT(OFF64), "r7 = 0; r8 = 65; if r7 s> r6 goto 1f; if r6 s>= r8 goto 1f;")

/* A comparison of 32 bits says nothing of the upper half. */
INDEX(half_compared_whole_used, EXPECT_REJECT("unbounded"), "if w6 > 63 goto 1f;")
INDEX(half_compared_half_used, EXPECT_ACCEPT, "if w6 > 63 goto 1f; w6 = w6;")
INDEX(half_compared_half_used_over, EXPECT_REJECT(OFF64), "if w6 > 64 goto 1f; w6 = w6;")
/* It does if the upper half is known to be 0 already. */
INDEX(half_compared_after_extension, EXPECT_ACCEPT, "w6 = w6; if w6 >= 64 goto 1f;")
INDEX(half_compared_after_extension_over, EXPECT_REJECT(OFF64), "w6 = w6; if w6 >= 65 goto 1f;")
INDEX(half_signed_window, EXPECT_ACCEPT, "w6 = w6; if w6 s< 0 goto 1f; if w6 s> 63 goto 1f;")
INDEX(half_signed_window_over, EXPECT_REJECT(OFF64), "w6 = w6; if w6 s< 0 goto 1f; if w6 s> 64 goto 1f;")
/* What is negative in 32 bits is a large positive number in 64. */
INDEX(half_signed_upper_only, EXPECT_REJECT("R0 unbounded memory access"), "w6 = w6; if w6 s> 63 goto 1f;")
INDEX(half_below_taken, EXPECT_ACCEPT, "w6 = w6; if w6 < 64 goto 2f; goto 1f; 2:")
INDEX(half_below_taken_over, EXPECT_REJECT(OFF64), "w6 = w6; if w6 <= 64 goto 2f; goto 1f; 2:")
INDEX(half_equal, EXPECT_ACCEPT, "w6 = w6; if w6 != 63 goto 1f;")
INDEX(half_equal_upper_unknown, EXPECT_REJECT("makes map_value pointer be out of bounds"), "if w6 != 63 goto 1f;")
INDEX(half_by_register, EXPECT_ACCEPT, "w6 = w6; w7 = 63; if w6 > w7 goto 1f;")
INDEX(half_by_register_over, EXPECT_REJECT(OFF64), "w6 = w6; w7 = 64; if w6 > w7 goto 1f;")

/* JSET: the side that is not taken knows the tested bits to be 0. */
INDEX(jset_clears, EXPECT_ACCEPT, "if r6 & 0xffffffc0 goto 1f;")
INDEX(jset_clears_one_bit_less, EXPECT_REJECT("outside of the allowed memory range"), "if r6 & 0xffffff80 goto 1f;")
/* The mask of 32 bits is sign-extended, but a positive one leaves the upper half open. */
INDEX(jset_leaves_upper_half, EXPECT_REJECT("unbounded"), "if r6 & 0x7fffffc0 goto 1f;")
INDEX(jset_half, EXPECT_ACCEPT, "w6 = w6; if w6 & 0xffffffc0 goto 1f;")
INDEX(jset_half_one_bit_less, EXPECT_REJECT("outside of the allowed memory range"), "w6 = w6; if w6 & 0xffffffa0 goto 1f;")
/* The side that is taken knows it if the mask is one bit. */
INDEX(jset_taken_sets_bit, EXPECT_ACCEPT, "r6 &= 64; if r6 & 64 goto 2f; goto 1f; 2: r6 -= 64;")
INDEX(jset_not_taken_clears_bit, EXPECT_ACCEPT, "r6 &= 127; if r6 & 64 goto 1f;")
INDEX(jset_taken_has_bit, EXPECT_REJECT("outside of the allowed memory range"), "r6 &= 127; if r6 & 64 goto 2f; goto 1f; 2:")
INDEX(jset_register_mask, EXPECT_ACCEPT, "r6 &= 0xff; r7 = 0xc0; if r6 & r7 goto 1f;")
INDEX(jset_register_mask_short, EXPECT_REJECT("outside of the allowed memory range"), "r6 &= 0xff; r7 = 0x80; if r6 & r7 goto 1f;")

/* A branch that is decided by what is known is not walked on its other side: behind it R9 was never set. */
#define DECIDED(name, verdict, code) \
	SEC("socket") verdict NAKED int name(void) { ASM(UNKNOWN_R6 code "r0 = 0; exit; 1: r0 = r9; exit;"); }

DECIDED(decided_by_range, EXPECT_ACCEPT RETVAL(0), "r6 &= 7; if r6 > 7 goto 1f;")
DECIDED(undecided_by_range, EXPECT_REJECT("R9 !read_ok"), "r6 &= 7; if r6 > 6 goto 1f;")
/* An odd number is not 4: ranges alone do not tell. */
DECIDED(decided_by_bits, EXPECT_REJECT("R9 !read_ok") LINUX_DIFFERS("6.18 compares known bits"), "r6 |= 1; if r6 == 4 goto 1f;")
DECIDED(undecided_by_bits, EXPECT_REJECT("R9 !read_ok"), "r6 |= 1; if r6 == 5 goto 1f;")
DECIDED(decided_jset, EXPECT_ACCEPT RETVAL(0), "r6 <<= 3; if r6 & 7 goto 1f;")
DECIDED(undecided_jset, EXPECT_REJECT("R9 !read_ok"), "r6 <<= 3; if r6 & 8 goto 1f;")
DECIDED(decided_signed, EXPECT_ACCEPT RETVAL(0), "r6 >>= 1; if r6 s< 0 goto 1f;")
DECIDED(undecided_signed, EXPECT_REJECT("R9 !read_ok"), "r6 s>>= 1; if r6 s< 0 goto 1f;")
DECIDED(decided_half, EXPECT_ACCEPT RETVAL(0), "w6 &= 15; if w6 s>= 16 goto 1f;")
DECIDED(undecided_half, EXPECT_REJECT("R9 !read_ok"), "w6 &= 15; if w6 s>= 15 goto 1f;")
DECIDED(decided_between_registers, EXPECT_ACCEPT RETVAL(0), "r7 = r6; r7 &= 7; r6 |= 8; if r7 == r6 goto 1f;")
DECIDED(undecided_between_registers, EXPECT_REJECT("R9 !read_ok"), "r7 = r6; r7 &= 15; r6 |= 8; if r7 == r6 goto 1f;")
/* Both comparisons are about the same unknown: the second one is decided. */
DECIDED(decided_by_earlier_branch, EXPECT_ACCEPT RETVAL(0), "if r6 > 9 goto 2f; if r6 s> 9 goto 1f; 2:")
DECIDED(undecided_by_earlier_branch, EXPECT_REJECT("R9 !read_ok"), "if r6 s> 9 goto 2f; if r6 > 9 goto 1f; 2:")

char LICENSE[] SEC("license") = "GPL";
