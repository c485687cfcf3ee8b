/* Division, extension, byte order: issue 3, points 1 and 5. */
#include "expect.h"

struct value {
	char bytes[64];
};

MAP(values, ARRAY, 1, __u32, struct value);

#define RUN(name, verdict, code) SEC("socket") verdict NAKED int name(void) { ASM(code "exit;"); }
#define INDEX(name, verdict, code) \
	SEC("socket") verdict NAKED int name(void) \
	{ \
		ASM(UNKNOWN_R6 code LOOKUP(values) "r0 += r6; r0 = *(u8 *)(r0 + 0); 1: r0 = 0; exit;", ADDR(values)); \
	}

/* By zero: the quotient is 0, the remainder is the dividend. */
RUN(divide, EXPECT_ACCEPT RETVAL(14), "r0 = 100; r1 = 7; r0 /= r1;")
RUN(divide_by_zero_register, EXPECT_ACCEPT RETVAL(0), "r0 = 100; r1 = 0; r0 /= r1;")
RUN(modulo_by_zero_register, EXPECT_ACCEPT RETVAL(100), "r0 = 100; r1 = 0; r0 %%= r1;")
RUN(divide_by_zero, EXPECT_REJECT("div by zero"), "r0 = 100; r0 /= 0;")
RUN(modulo_by_zero, EXPECT_REJECT("div by zero"), "r0 = 100; r0 %%= 0;")
RUN(divide_half_by_zero, EXPECT_REJECT("div by zero"), "w0 = 100; w0 /= 0;")
RUN(divide_signed, EXPECT_ACCEPT RETVAL(-14), "r0 = -100; r0 s/= 7;")
RUN(modulo_signed, EXPECT_ACCEPT RETVAL(-2), "r0 = -100; r0 s%%= 7;")
RUN(divide_signed_by_zero, EXPECT_REJECT("div by zero"), "r0 = -100; r0 s/= 0;")
RUN(divide_unsigned_of_negative, EXPECT_ACCEPT RETVAL(1), "r0 = -100; r1 = -100; r0 /= r1;")
RUN(divide_half, EXPECT_ACCEPT RETVAL(2), "r0 = 0x700000005 ll; w0 /= 2;")
RUN(shift_too_far, EXPECT_REJECT("invalid shift 64"), "r0 = 1; r0 <<= 64;")
RUN(shift_half_too_far, EXPECT_REJECT("invalid shift 32"), "w0 = 1; w0 <<= 32;")
RUN(shift_far, EXPECT_ACCEPT RETVAL(0), "r0 = 1; r0 <<= 63;")
RUN(shift_negative, EXPECT_REJECT("invalid shift -1"), "r0 = 1; r0 >>= -1;")
RUN(shift_register_too_far, EXPECT_ACCEPT RETVAL(2), "r0 = 1; r1 = 65; r0 <<= r1;")
INDEX(quotient_small, EXPECT_REJECT("unbounded min value"), "w6 &= 0xff; r6 /= 4;")
INDEX(quotient_checked, EXPECT_ACCEPT, "w6 &= 0xff; r6 /= 4; if r6 > 63 goto 1f;")
INDEX(remainder_checked, EXPECT_ACCEPT, "r6 %%= 64; if r6 > 63 goto 1f;")
INDEX(remainder_masked, EXPECT_ACCEPT, "r6 %%= 64; r6 &= 63;")
INDEX(quotient_masked_wide, EXPECT_REJECT("outside of the allowed memory range"), "r6 /= 64; r6 &= 127;")

/* Moves and loads that extend the sign. */
RUN(move_signed_byte, EXPECT_ACCEPT RETVAL(-128), "r1 = 0x180; r0 = (s8)r1;")
RUN(move_signed_short, EXPECT_ACCEPT RETVAL(-32768), "r1 = 0x8000; r0 = (s16)r1;")
RUN(move_signed_half, EXPECT_ACCEPT RETVAL(1), "r1 = 0x80000000 ll; r0 = (s32)r1; r0 >>= 63;")
RUN(move_signed_byte_half, EXPECT_ACCEPT RETVAL(0), "r1 = 0x80; w0 = (s8)w1; r0 >>= 32;")
RUN(load_signed_byte, EXPECT_ACCEPT RETVAL(-128), "*(u64 *)(r10 - 8) = 0x80; r0 = *(s8 *)(r10 - 8);")
RUN(load_signed_word, EXPECT_ACCEPT RETVAL(1), "*(u64 *)(r10 - 8) = 0x80000000; r0 = *(s32 *)(r10 - 8); r0 >>= 63;")
INDEX(signed_byte_of_positive, EXPECT_ACCEPT, "r6 &= 63; r6 = (s8)r6;")
INDEX(signed_byte_unknown, EXPECT_REJECT("R0 min value is negative"), "r6 = (s8)r6;")
INDEX(signed_byte_checked, EXPECT_ACCEPT, "r6 = (s8)r6; if r6 s< 0 goto 1f; if r6 s> 63 goto 1f;")
INDEX(signed_byte_moved_up, EXPECT_REJECT("outside of the allowed memory range"), "r6 = (s8)r6; r6 += 128;")
INDEX(signed_byte_halved, EXPECT_ACCEPT, "r6 = (s8)r6; r6 += 128; r6 >>= 2;")
INDEX(signed_half_unknown, EXPECT_REJECT("makes map_value pointer be out of bounds"), "r6 = (s32)r6;")
INDEX(signed_half_checked, EXPECT_ACCEPT, "r6 = (s32)r6; if r6 > 63 goto 1f;")
INDEX(signed_byte_in_half, EXPECT_REJECT("R0 unbounded memory access"), "w6 = (s8)w6;")
INDEX(signed_byte_in_half_positive, EXPECT_ACCEPT, "w6 &= 63; w6 = (s8)w6;")
INDEX(loaded_signed, EXPECT_REJECT("R0 min value is negative"), "*(u64 *)(r10 - 16) = r6; r6 = *(s8 *)(r10 - 16);")
INDEX(loaded_signed_masked, EXPECT_ACCEPT, "*(u64 *)(r10 - 16) = r6; r6 = *(s8 *)(r10 - 16); r6 &= 63;")

/* Byte order. */
RUN(to_big, EXPECT_ACCEPT RETVAL(0x3412), "r0 = 0x1234; r0 = be16 r0;")
RUN(to_little, EXPECT_ACCEPT RETVAL(0x1234), "r0 = 0x71234; r0 = le16 r0;")
RUN(swap, EXPECT_ACCEPT RETVAL(0x78563412), "r0 = 0x12345678; r0 = bswap32 r0;")
RUN(swap_64, EXPECT_ACCEPT RETVAL(0x1), "r0 = 0x100000000000000 ll; r0 = bswap64 r0;")
INDEX(swapped, EXPECT_REJECT("with unbounded min value") REWORDED("outside of the allowed memory range"), "r6 &= 63; r6 = be16 r6;")
INDEX(swapped_masked, EXPECT_ACCEPT, "r6 = be16 r6; r6 &= 63;")
RUN(swap_odd_size, EXPECT_REJECT("BPF_END uses reserved fields"), "r0 = 1; .byte 0xd4, 0; .short 0; .long 24;")
RUN(swap_with_offset, EXPECT_REJECT("BPF_END uses reserved fields"), "r0 = 1; .byte 0xd4, 0; .short 1; .long 16;")
RUN(neg, EXPECT_ACCEPT RETVAL(-5), "r0 = 5; r0 = -r0;")
RUN(neg_reserved, EXPECT_REJECT("BPF_NEG uses reserved fields"), "r0 = 5; .byte 0x87, 0; .short 0; .long 1;")

char LICENSE[] SEC("license") = "GPL";
