/* What is kept of registers that were spilled, whole, in halves and in bytes: issue 3, points 1 and 4. */
#include "expect.h"

struct value {
	char bytes[64];
};

MAP(values, ARRAY, 1, __u32, struct value);

#define FAR "outside of the allowed memory range"
#define OFF64 "invalid access to map value, value_size=64 off=64 size=1"

/* One byte at values[r6] behind the code. */
#define INDEX(name, verdict, code) \
	SEC("socket") verdict NAKED int name(void) \
	{ \
		ASM(UNKNOWN_R6 code LOOKUP(values) "r0 += r6; r0 = *(u8 *)(r0 + 0); 1: r0 = 0; exit;", ADDR(values)); \
	}
/* A program whose branch to 1 must not be taken. */
#define DECIDED(name, verdict, code) \
	SEC("socket") verdict NAKED int name(void) { ASM(UNKNOWN_R6 code "r0 = 0; exit; 1: r0 = r9; exit;"); }

INDEX(range_kept, EXPECT_ACCEPT, "r6 &= 63; *(u64 *)(r10 - 16) = r6; r6 = 99; r6 = *(u64 *)(r10 - 16);")
INDEX(range_kept_over, EXPECT_REJECT(FAR), "r6 &= 64; *(u64 *)(r10 - 16) = r6; r6 = 9; r6 = *(u64 *)(r10 - 16);")
INDEX(half_kept, EXPECT_ACCEPT, "r6 &= 63; *(u32 *)(r10 - 16) = r6; w6 = *(u32 *)(r10 - 16);")
/* Only what begins at a multiple of 8 is kept as a number. */
INDEX(half_in_upper_place, EXPECT_REJECT("R0 unbounded memory access"), "r6 &= 63; *(u32 *)(r10 - 12) = r6; w6 = *(u32 *)(r10 - 12);")
INDEX(half_of_other_place, EXPECT_REJECT("R0 unbounded memory access"),
      "r6 &= 63; *(u32 *)(r10 - 12) = r6; w6 = *(u32 *)(r10 - 16);")
INDEX(half_fill_of_whole, EXPECT_ACCEPT, "r6 &= 63; *(u64 *)(r10 - 16) = r6; w6 = *(u32 *)(r10 - 16);")
INDEX(byte_fill_of_whole, EXPECT_ACCEPT, "r6 &= 63; *(u64 *)(r10 - 16) = r6; w6 = *(u8 *)(r10 - 16);")
/* A byte has at most 255; of the second byte of an unknown number nothing else is known. */
INDEX(second_byte_of_whole, EXPECT_REJECT(FAR), "*(u64 *)(r10 - 16) = r6; w6 = *(u8 *)(r10 - 15);")
INDEX(second_byte_masked, EXPECT_ACCEPT, "*(u64 *)(r10 - 16) = r6; w6 = *(u8 *)(r10 - 15); w6 &= 63;")
INDEX(whole_fill_of_half, EXPECT_REJECT("unbounded"), "r6 &= 63; *(u32 *)(r10 - 16) = r6; r6 = *(u64 *)(r10 - 16);")
INDEX(half_then_upper_zero, EXPECT_REJECT("unbounded"),
      "r6 &= 63; *(u32 *)(r10 - 16) = r6; *(u32 *)(r10 - 12) = 0; r6 = *(u64 *)(r10 - 16);")
INDEX(truncated_by_half_spill, EXPECT_ACCEPT,
      "r7 = 0x100000000 ll; r6 &= 63; r6 |= r7; *(u32 *)(r10 - 16) = r6; w6 = *(u32 *)(r10 - 16);")
INDEX(constant_by_store, EXPECT_ACCEPT, "*(u64 *)(r10 - 16) = 63; r6 = *(u64 *)(r10 - 16);")
INDEX(constant_by_store_over, EXPECT_REJECT(OFF64), "*(u64 *)(r10 - 16) = 64; r6 = *(u64 *)(r10 - 16);")
INDEX(negative_constant_by_store, EXPECT_REJECT("R0 min value is outside of the allowed memory range"), "*(u64 *)(r10 - 16) = -1; r6 = *(u64 *)(r10 - 16);")
INDEX(half_constant_by_store, EXPECT_ACCEPT, "*(u32 *)(r10 - 16) = 63; w6 = *(u32 *)(r10 - 16);")
INDEX(half_constant_by_store_over, EXPECT_REJECT(OFF64), "*(u32 *)(r10 - 16) = 64; w6 = *(u32 *)(r10 - 16);")
INDEX(overwritten_by_byte, EXPECT_REJECT("unbounded"),
      "r6 &= 63; *(u64 *)(r10 - 16) = r6; *(u8 *)(r10 - 9) = r6; r6 = *(u64 *)(r10 - 16);")
INDEX(overwritten_beside, EXPECT_ACCEPT, "r6 &= 63; *(u64 *)(r10 - 16) = r6; *(u8 *)(r10 - 17) = r6; r6 = *(u64 *)(r10 - 16);")
INDEX(overwritten_by_other, EXPECT_REJECT("unbounded"),
      "r7 = r6; r6 &= 63; *(u64 *)(r10 - 16) = r6; *(u64 *)(r10 - 16) = r7; r6 = *(u64 *)(r10 - 16);")
INDEX(sign_extending_fill, EXPECT_ACCEPT, "r6 &= 63; *(u64 *)(r10 - 16) = r6; r6 = *(s8 *)(r10 - 16);")
INDEX(sign_extending_fill_negative, EXPECT_REJECT("R0 min value is negative"),
      "r6 &= 255; *(u64 *)(r10 - 16) = r6; r6 = *(s8 *)(r10 - 16);")

/* Zero bytes stay zero, in whatever pieces they are read. */
DECIDED(zero_in_one_piece, EXPECT_ACCEPT RETVAL(0), "*(u64 *)(r10 - 8) = 0; r1 = *(u64 *)(r10 - 8); if r1 != 0 goto 1f;")
DECIDED(zero_in_bytes, EXPECT_ACCEPT RETVAL(0), "*(u64 *)(r10 - 8) = 0; w1 = *(u8 *)(r10 - 3); if w1 != 0 goto 1f;")
DECIDED(zero_in_middle, EXPECT_ACCEPT RETVAL(0), "*(u64 *)(r10 - 8) = 0; w1 = *(u16 *)(r10 - 6); if w1 != 0 goto 1f;")
DECIDED(one_in_middle, EXPECT_REJECT("R9 !read_ok"), "*(u64 *)(r10 - 8) = 1; w1 = *(u16 *)(r10 - 6); if w1 != 0 goto 1f;")
DECIDED(zero_bytes_joined, EXPECT_ACCEPT RETVAL(0),
	"*(u16 *)(r10 - 4) = 0; *(u16 *)(r10 - 2) = 0; w1 = *(u32 *)(r10 - 4); if r1 != 0 goto 1f;")
DECIDED(zero_bytes_with_a_hole, EXPECT_REJECT("R9 !read_ok"),
	"*(u16 *)(r10 - 4) = 0; *(u8 *)(r10 - 2) = 0; w1 = *(u32 *)(r10 - 4); if r1 != 0 goto 1f;")
DECIDED(zero_overwritten, EXPECT_REJECT("R9 !read_ok"),
	"*(u64 *)(r10 - 8) = 0; *(u8 *)(r10 - 5) = r6; r1 = *(u64 *)(r10 - 8); if r1 != 0 goto 1f;")
DECIDED(constant_half_read_back, EXPECT_ACCEPT RETVAL(0), "*(u64 *)(r10 - 8) = 7; w1 = *(u32 *)(r10 - 8); if w1 != 7 goto 1f;")

/* Pointers. */
SEC("socket") EXPECT_ACCEPT
NAKED int pointer_whole(void)
{
	ASM(LOOKUP(values) R"(
	*(u64 *)(r10 - 16) = r0
	r1 = *(u64 *)(r10 - 16)
	r0 = *(u64 *)(r1 + 56)
	r0 = 0
	exit
	)", ADDR(values));
}

SEC("socket") EXPECT_REJECT("invalid access to map value, value_size=64 off=57 size=8")
NAKED int pointer_whole_over(void)
{
	ASM(LOOKUP(values) R"(
	r0 += 1
	*(u64 *)(r10 - 16) = r0
	r1 = *(u64 *)(r10 - 16)
	r0 = *(u64 *)(r1 + 56)
	r0 = 0
	exit
	)", ADDR(values));
}

SEC("socket") EXPECT_REJECT("invalid size of register fill")
NAKED int pointer_half_fill(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = r1
	w0 = *(u32 *)(r10 - 8)
	r0 = 0
	exit
	)");
}

/* Written over, it is a number. */
SEC("socket") EXPECT_REJECT("R1 invalid mem access 'scalar'")
NAKED int pointer_overwritten_in_part(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = r1
	*(u8 *)(r10 - 8) = 0
	r1 = *(u64 *)(r10 - 8)
	r0 = *(u32 *)(r1 + 0)
	exit
	)");
}

SEC("socket") EXPECT_ACCEPT
NAKED int pointer_overwritten_number_unused(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = r1
	*(u8 *)(r10 - 8) = 0
	r1 = *(u64 *)(r10 - 8)
	r0 = 0
	exit
	)");
}

SEC("socket") EXPECT_REJECT("invalid size of register spill")
NAKED int pointer_half_spill(void)
{
	ASM(R"(
	*(u32 *)(r10 - 8) = r1
	r0 = 0
	exit
	)");
}

/* Spilled on one path only: on the other the slot holds a number. */
SEC("socket") EXPECT_REJECT("R1 invalid mem access 'scalar'")
NAKED int pointer_on_one_path(void)
{
	ASM(R"(
	r6 = r1
	*(u64 *)(r10 - 8) = 0
	call %[bpf_get_prandom_u32]
	if r0 == 0 goto 1f
	*(u64 *)(r10 - 8) = r6
1:	r1 = *(u64 *)(r10 - 8)
	r0 = *(u32 *)(r1 + 0)
	r0 = 0
	exit
	)", IMM(bpf_get_prandom_u32));
}

SEC("socket") EXPECT_ACCEPT
NAKED int pointer_on_both_paths(void)
{
	ASM(R"(
	r6 = r1
	*(u64 *)(r10 - 8) = r6
	call %[bpf_get_prandom_u32]
	if r0 == 0 goto 1f
	*(u64 *)(r10 - 8) = r6
1:	r1 = *(u64 *)(r10 - 8)
	r0 = *(u32 *)(r1 + 0)
	r0 = 0
	exit
	)", IMM(bpf_get_prandom_u32));
}

/* A helper that is given a stretch of stack changes it. */
SEC("socket") EXPECT_REJECT("R1 invalid mem access 'scalar'")
NAKED int pointer_overwritten_by_helper(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = r1
	r2 = 0
	r3 = r10
	r3 += -8
	r4 = 8
	call %[bpf_skb_load_bytes]
	r1 = *(u64 *)(r10 - 8)
	r0 = *(u32 *)(r1 + 0)
	exit
	)", IMM(bpf_skb_load_bytes));
}

SEC("socket") EXPECT_ACCEPT
NAKED int pointer_beside_helper_memory(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = r1
	r2 = 0
	r3 = r10
	r3 += -16
	r4 = 8
	call %[bpf_skb_load_bytes]
	r1 = *(u64 *)(r10 - 8)
	r0 = *(u32 *)(r1 + 0)
	r0 = 0
	exit
	)", IMM(bpf_skb_load_bytes));
}

char LICENSE[] SEC("license") = "GPL";
