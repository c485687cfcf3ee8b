/* Where the stack begins and ends, at known and at variable offsets: issue 3, points 1 and 4. */
#include "expect.h"

#define STACK(name, verdict, code) \
	SEC("socket") verdict NAKED int name(void) { ASM(UNKNOWN_R6 code "1: r0 = 0; exit;"); }

STACK(lowest_word, EXPECT_ACCEPT RETVAL(0), "*(u64 *)(r10 - 512) = r6; r1 = *(u64 *)(r10 - 512);")
STACK(below_lowest_word, EXPECT_REJECT("invalid write to stack R10 off=-520 size=8"), "*(u64 *)(r10 - 520) = r6;")
STACK(above_frame, EXPECT_REJECT("invalid write to stack R10 off=0 size=8"), "*(u64 *)(r10 + 0) = r6;")
STACK(last_byte, EXPECT_ACCEPT, "*(u8 *)(r10 - 1) = r6;")
STACK(across_the_top, EXPECT_REJECT("misaligned stack access off 0+-1+0 size 2"), "r1 = r10; r1 += -1; *(u16 *)(r1 + 0) = r6;")
STACK(read_above, EXPECT_REJECT("invalid read from stack R10 off=8 size=8"), "r1 = *(u64 *)(r10 + 8);")
STACK(read_far_below, EXPECT_REJECT("invalid read from stack R10 off=-4096 size=8"), "r1 = *(u64 *)(r10 - 4096);")
STACK(by_moved_pointer, EXPECT_ACCEPT, "r1 = r10; r1 += -32; r1 += 16; *(u64 *)(r1 + 8) = r6;")
STACK(by_moved_pointer_above, EXPECT_REJECT("invalid write to stack R1 off=0 size=8"),
      "r1 = r10; r1 += -32; r1 += 16; *(u64 *)(r1 + 16) = r6;")
STACK(by_subtraction, EXPECT_REJECT("R1 subtraction from stack pointer prohibited"), "r1 = r10; r1 -= 32; *(u64 *)(r1 + 0) = r6;")
STACK(by_wild_offset, EXPECT_REJECT("invalid write to stack"), "r1 = r10; r1 += 0x10000000; *(u64 *)(r1 + 0) = r6;")
STACK(by_offset_that_returns, EXPECT_ACCEPT, "r1 = r10; r1 += -100000; r1 += 99992; *(u64 *)(r1 + 0) = r6;")
STACK(by_offset_too_far_to_add, EXPECT_REJECT("math between fp pointer and 1073741822 is not allowed"),
      "r1 = r10; r1 += 1073741822; r1 += -1073741830; *(u64 *)(r1 + 0) = r6;")

/* Words are aligned, on the stack always. */
STACK(aligned_word, EXPECT_ACCEPT, "*(u64 *)(r10 - 24) = r6;")
STACK(misaligned_word, EXPECT_REJECT("misaligned stack access off"), "*(u64 *)(r10 - 20) = r6;")
STACK(misaligned_half, EXPECT_REJECT("misaligned stack access off"), "*(u32 *)(r10 - 22) = r6;")
STACK(misaligned_read, EXPECT_REJECT("misaligned stack access off"),
      "*(u64 *)(r10 - 16) = r6; *(u64 *)(r10 - 8) = r6; r1 = *(u64 *)(r10 - 12);")
STACK(bytes_anywhere, EXPECT_ACCEPT, "*(u8 *)(r10 - 21) = r6; w1 = *(u8 *)(r10 - 21);")

/* The frame pointer is not to be written. */
STACK(frame_pointer_moved, EXPECT_REJECT("frame pointer is read only"), "r10 += -8;")
STACK(frame_pointer_assigned, EXPECT_REJECT("frame pointer is read only"), "r10 = r6;")
STACK(frame_pointer_loaded, EXPECT_REJECT("frame pointer is read only"), "*(u64 *)(r10 - 8) = r6; r10 = *(u64 *)(r10 - 8);")
STACK(frame_pointer_copied, EXPECT_ACCEPT, "r9 = r10; r9 += -8; *(u64 *)(r9 + 0) = r6; r6 = *(u64 *)(r10 - 8);")

/* Variable offsets. */
#define IN_64 "r6 &= 0x38; r7 = r10; r7 += -64; r7 += r6;"
STACK(variable_write, EXPECT_ACCEPT, IN_64 "*(u64 *)(r7 + 0) = r6;")
STACK(variable_write_above, EXPECT_REJECT("invalid variable-offset write to stack R7"), IN_64 "*(u64 *)(r7 + 8) = r6;")
STACK(variable_read, EXPECT_ACCEPT, IN_64 "r1 = *(u64 *)(r7 + 0);")
STACK(variable_read_above, EXPECT_REJECT("invalid variable-offset read from stack R7"), IN_64 "r1 = *(u64 *)(r7 + 8);")
STACK(variable_write_below, EXPECT_REJECT("invalid variable-offset write to stack R7"),
      "r6 &= 0x38; r7 = r10; r7 += -560; r7 += r6; *(u64 *)(r7 + 0) = r6;")
STACK(unbounded_write, EXPECT_REJECT("invalid unbounded variable-offset write to stack R7"),
      "w6 = w6; r6 <<= 3; r7 = r10; r7 += -64; r7 += r6; *(u8 *)(r7 + 0) = r6;")
STACK(unbounded_sum, EXPECT_REJECT("math between fp pointer and register with unbounded min value is not allowed"),
      "r7 = r10; r7 += r6; *(u8 *)(r7 + 0) = r6;")
STACK(variable_misaligned, EXPECT_REJECT("misaligned stack access off"),
      "r6 &= 0x3c; r7 = r10; r7 += -64; r7 += r6; *(u64 *)(r7 + 0) = r6;")
STACK(variable_by_negative, EXPECT_ACCEPT, "r6 &= 0x38; r6 = -r6; r6 &= -8; if r6 s> 0 goto 1f; if r6 s< -56 goto 1f; r7 = r10; r7 += -8; r7 += r6;"
      "*(u64 *)(r7 + 0) = r6;")
STACK(variable_by_negative_above, EXPECT_REJECT("invalid variable-offset write to stack R7"),
      "r6 &= 0x38; r6 = -r6; r6 &= -8; if r6 s> 0 goto 1f; if r6 s< -56 goto 1f; r7 = r10; r7 += r6; *(u64 *)(r7 + 0) = r6;")
STACK(variable_by_subtraction, EXPECT_REJECT("R7 subtraction from stack pointer prohibited"), "r6 &= 0x38; r7 = r10; r7 += -8; r7 -= r6;")
STACK(variable_checked, EXPECT_ACCEPT, "if r6 > 63 goto 1f; r7 = r10; r7 += -64; r7 += r6; *(u8 *)(r7 + 0) = 1;")
STACK(variable_checked_over, EXPECT_REJECT("invalid variable-offset write to stack R7"),
      "if r6 > 64 goto 1f; r7 = r10; r7 += -64; r7 += r6; *(u8 *)(r7 + 0) = 1;")

/* A write at a variable offset may have hit any slot in its range, and no other. */
#define SPILLED "*(u64 *)(r10 - 8) = 5; *(u64 *)(r10 - 80) = r10;" IN_64
SEC("socket") EXPECT_REJECT("R9 !read_ok")
NAKED int variable_write_forgets_numbers(void)
{
	ASM(UNKNOWN_R6 SPILLED R"(
	*(u64 *)(r7 + 0) = 1
	r1 = *(u64 *)(r10 - 8)
	if r1 != 5 goto 1f
	r0 = 0
	exit
1:	r0 = r9
	exit
	)");
}

SEC("socket") EXPECT_ACCEPT RETVAL(0)
NAKED int variable_write_beside(void)
{
	ASM(UNKNOWN_R6 R"(
	*(u64 *)(r10 - 8) = 5
	r6 &= 0x38
	r7 = r10
	r7 += -72
	r7 += r6
	*(u64 *)(r7 + 0) = 1
	r1 = *(u64 *)(r10 - 8)
	if r1 != 5 goto 1f
	r0 = 0
	exit
1:	r0 = r9
	exit
	)");
}

SEC("socket") EXPECT_REJECT("R1 invalid mem access 'scalar'")
NAKED int variable_write_forgets_pointers(void)
{
	ASM(UNKNOWN_R6 R"(
	*(u64 *)(r10 - 64) = r10
	)" IN_64 R"(
	*(u64 *)(r7 + 0) = 1
	r1 = *(u64 *)(r10 - 64)
	r0 = *(u8 *)(r1 - 1)
	r0 = 0
	exit
	)");
}

SEC("socket") EXPECT_ACCEPT RETVAL(0)
NAKED int variable_write_keeps_pointers_below(void)
{
	ASM(UNKNOWN_R6 R"(
	*(u64 *)(r10 - 72) = r10
	)" IN_64 R"(
	*(u64 *)(r7 + 0) = 1
	r1 = *(u64 *)(r10 - 72)
	r0 = *(u8 *)(r1 - 1)
	r0 = 0
	exit
	)");
}

/* What was zero and is written with zero stays zero. */
SEC("socket") EXPECT_ACCEPT RETVAL(0)
NAKED int variable_write_of_zero(void)
{
	ASM(UNKNOWN_R6 R"(
	*(u64 *)(r10 - 8) = 0
	*(u64 *)(r10 - 16) = 0
	r6 &= 8
	r7 = r10
	r7 += -16
	r7 += r6
	*(u8 *)(r7 + 3) = 0
	r1 = *(u64 *)(r10 - 8)
	if r1 != 0 goto 1f
	r0 = 0
	exit
1:	r0 = r9
	exit
	)");
}

SEC("socket") EXPECT_REJECT("R9 !read_ok")
NAKED int variable_write_of_one(void)
{
	ASM(UNKNOWN_R6 R"(
	*(u64 *)(r10 - 8) = 0
	*(u64 *)(r10 - 16) = 0
	r6 &= 8
	r7 = r10
	r7 += -16
	r7 += r6
	*(u8 *)(r7 + 3) = 1
	r1 = *(u64 *)(r10 - 8)
	if r1 != 0 goto 1f
	r0 = 0
	exit
1:	r0 = r9
	exit
	)");
}

SEC("socket") EXPECT_REJECT("R9 !read_ok")
NAKED int variable_read_of_zero_or_five(void)
{
	ASM(UNKNOWN_R6 R"(
	*(u64 *)(r10 - 8) = 0
	*(u64 *)(r10 - 16) = 5
	r6 &= 8
	r7 = r10
	r7 += -16
	r7 += r6
	r1 = *(u64 *)(r7 + 0)
	if r1 != 0 goto 1f
	r0 = 0
	exit
1:	r0 = r9
	exit
	)");
}

/* Helpers that are given stack at a variable offset. */
#define KEY_AT(range) \
	UNKNOWN_R6 "r6 &= " range "; *(u64 *)(r10 - 8) = 0; *(u64 *)(r10 - 16) = 0; r2 = r10; r2 += -16; r2 += r6; r1 = %[values] ll; call 1;" \
	"r0 = 0; exit;"
MAP(values, ARRAY, 1, __u32, __u64);

SEC("socket") EXPECT_ACCEPT
NAKED int variable_key(void)
{
	ASM(KEY_AT("0xc"), ADDR(values));
}

SEC("socket") EXPECT_REJECT("invalid variable-offset indirect access to stack R2")
REWORDED("invalid variable-offset read from stack R2")
NAKED int variable_key_above(void)
{
	ASM(KEY_AT("0xf"), ADDR(values));
}

char LICENSE[] SEC("license") = "GPL";
