/* A check on one register holds for those that it was copied from or to: issue 3, point 1. */
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

INDEX(copy_checked, EXPECT_ACCEPT, "r7 = r6; if r7 > 63 goto 1f;")
INDEX(copy_checked_over, EXPECT_REJECT("invalid access to map value, value_size=64 off=64 size=1"), "r7 = r6; if r7 > 64 goto 1f;")
INDEX(copy_of_copy_checked, EXPECT_ACCEPT, "r7 = r6; r8 = r7; if r8 > 63 goto 1f;")
INDEX(original_changed_before_check, EXPECT_REJECT("unbounded"), "r7 = r6; r6 *= 2; if r7 > 31 goto 1f;")
INDEX(copy_changed_before_check, EXPECT_REJECT("unbounded"), "r7 = r6; r7 *= 2; if r7 > 63 goto 1f;")
/* Differences by a constant are kept since 6.11. */
INDEX(copy_plus_constant, EXPECT_ACCEPT, "r6 &= 0xff; r7 = r6; r7 += 1; if r7 > 64 goto 1f;")
INDEX(copy_plus_constant_over, EXPECT_REJECT("invalid access to map value"), "r6 &= 0xff; r7 = r6; r7 += 1; if r7 > 65 goto 1f;")
INDEX(original_checked_copy_used, EXPECT_ACCEPT, "r6 &= 0xff; r7 = r6; r7 += 10; if r6 > 53 goto 1f; r6 = r7;")
INDEX(original_checked_copy_used_over, EXPECT_REJECT("off=64 size=1"), "r6 &= 0xff; r7 = r6; r7 += 10; if r6 > 54 goto 1f; r6 = r7;")
INDEX(two_copies_with_constants, EXPECT_ACCEPT,
      "r6 &= 0xff; r7 = r6; r8 = r6; r7 += 4; r8 += 20; if r7 > 47 goto 1f; r6 = r8;")
INDEX(copy_compared_equal, EXPECT_ACCEPT, "r7 = r6; if r7 != 40 goto 1f;")
INDEX(two_unknowns_found_equal, EXPECT_ACCEPT, "call 7; r7 = r0; if r7 > 63 goto 1f; if r6 != r7 goto 1f;")
/* Equal at one moment is not one value: a later check on the other one says nothing. */
INDEX(equal_is_no_link, EXPECT_REJECT("unbounded"), "call 7; r7 = r0; if r6 != r7 goto 1f; if r7 > 63 goto 1f;")
INDEX(link_goes_with_new_value, EXPECT_REJECT("unbounded"), "r7 = r6; call 7; r7 = r0; if r7 > 63 goto 1f;")
/* A copy of the lower half is the same value only if the upper half is known to be 0. */
INDEX(half_copy_of_small, EXPECT_ACCEPT, "r6 <<= 32; r6 >>= 32; w7 = w6; if r7 > 63 goto 1f;")
INDEX(half_copy_of_unknown, EXPECT_REJECT("unbounded"), "w7 = w6; if r7 > 63 goto 1f;")
INDEX(half_of_copy_checked, EXPECT_REJECT("unbounded"), "r7 = r6; if w7 > 63 goto 1f;")
INDEX(half_of_small_copy_checked, EXPECT_ACCEPT, "w6 = w6; r7 = r6; if w7 > 63 goto 1f;")
/* Sign extension makes another value. */
INDEX(sign_extended_copy, EXPECT_REJECT("unbounded"), "r7 = (s8)r6; if r7 > 63 goto 1f;")
INDEX(sign_extended_copy_of_small, EXPECT_ACCEPT, "r6 &= 0x7f; r7 = (s8)r6; if r7 > 63 goto 1f;")

/* Copies on the stack. */
INDEX(spilled_copy_checked, EXPECT_ACCEPT, "*(u64 *)(r10 - 16) = r6; if r6 > 63 goto 1f; r6 = *(u64 *)(r10 - 16);")
INDEX(spilled_copy_checked_over, EXPECT_REJECT("off=64 size=1"),
      "*(u64 *)(r10 - 16) = r6; if r6 > 64 goto 1f; r6 = *(u64 *)(r10 - 16);")
INDEX(filled_copy_checked, EXPECT_ACCEPT, "*(u64 *)(r10 - 16) = r6; r7 = *(u64 *)(r10 - 16); if r7 > 63 goto 1f;")
INDEX(filled_copy_of_changed, EXPECT_REJECT("unbounded"),
      "*(u64 *)(r10 - 16) = r6; r7 = *(u64 *)(r10 - 16); r6 += r7; if r7 > 63 goto 1f;")
INDEX(spilled_before_half_spill, EXPECT_ACCEPT,
      "w6 = w6; *(u32 *)(r10 - 16) = r6; w7 = *(u32 *)(r10 - 16); if r7 > 63 goto 1f;")
INDEX(half_spill_of_unknown, EXPECT_REJECT("unbounded"),
      "*(u32 *)(r10 - 16) = r6; w7 = *(u32 *)(r10 - 16); if r7 > 63 goto 1f;")

/* A null check on one copy of a pointer holds for all. */
SEC("socket") EXPECT_ACCEPT
NAKED int null_check_on_copy(void)
{
	ASM(R"(
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = %[values] ll
	call %[bpf_map_lookup_elem]
	r7 = r0
	r8 = r7
	*(u64 *)(r10 - 16) = r8
	if r7 == 0 goto 1f
	r9 = *(u64 *)(r10 - 16)
	r0 = *(u8 *)(r9 + 0)
	r0 = *(u8 *)(r8 + 0)
1:	r0 = 0
	exit
	)", ADDR(values), IMM(bpf_map_lookup_elem));
}

/* A second look-up is another pointer. */
SEC("socket") EXPECT_REJECT("R7 invalid mem access 'map_value_or_null'")
NAKED int null_check_on_other(void)
{
	ASM(R"(
	call %[bpf_get_prandom_u32]
	*(u32 *)(r10 - 4) = r0
	r2 = r10
	r2 += -4
	r1 = %[values] ll
	call %[bpf_map_lookup_elem]
	r7 = r0
	r2 = r10
	r2 += -4
	r1 = %[values] ll
	call %[bpf_map_lookup_elem]
	if r0 == 0 goto 1f
	r0 = *(u8 *)(r7 + 0)
1:	r0 = 0
	exit
	)", ADDR(values), IMM(bpf_map_lookup_elem), IMM(bpf_get_prandom_u32));
}

char LICENSE[] SEC("license") = "GPL";
