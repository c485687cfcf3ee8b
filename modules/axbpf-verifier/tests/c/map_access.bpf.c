/* Maps that programs may only read or only write, constants in read-only data, and pointers to maps themselves: issue 3, point 4. */
#include "expect.h"

MAP(plain, ARRAY, 1, __u32, __u64);
MAP(readable, ARRAY, 1, __u32, __u64, __uint(map_flags, BPF_F_RDONLY_PROG););
MAP(writable, ARRAY, 1, __u32, __u64, __uint(map_flags, BPF_F_WRONLY_PROG););
struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 4);
	__uint(value_size, 8);
} stack_map SEC(".maps");
MAP(tails, PROG_ARRAY, 4, __u32, __u32);
MAP(hash, HASH, 4, __u32, __u64);

const volatile __u32 limit = 12;
const volatile __u64 large = 0x123456789abcdef0;
const volatile __u8 table[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
volatile __u32 variable = 12;
volatile __u64 zeroed;

#define VALUE(name, verdict, map, code) \
	SEC("socket") verdict NAKED int name(void) \
	{ \
		ASM("*(u64 *)(r10 - 8) = 0; r2 = r10; r2 += -8; r1 = %[" #map "] ll; call 1; if r0 == 0 goto 1f;" code "1: r0 = 0; exit;", ADDR(map)); \
	}
VALUE(rdonly_read, EXPECT_ACCEPT, readable, "r1 = *(u64 *)(r0 + 0);")
VALUE(rdonly_written, EXPECT_REJECT("write into map forbidden, value_size=8 off=0 size=8"), readable, "*(u64 *)(r0 + 0) = 1;")
VALUE(rdonly_added, EXPECT_REJECT("write into map forbidden, value_size=8 off=0 size=8"), readable, "r1 = 1; lock *(u64 *)(r0 + 0) += r1;")
VALUE(wronly_written, EXPECT_ACCEPT, writable, "*(u64 *)(r0 + 0) = 1;")
VALUE(wronly_read, EXPECT_REJECT("read from map forbidden, value_size=8 off=0 size=8"), writable, "r1 = *(u64 *)(r0 + 0);")

SEC("socket") EXPECT_REJECT("write into map forbidden")
NAKED int rdonly_updated(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = 0
	r2 = r10
	r2 += -8
	r3 = r2
	r4 = 0
	r1 = %[readable] ll
	call %[bpf_map_update_elem]
	r0 = 0
	exit
	)", ADDR(readable), IMM(bpf_map_update_elem));
}

SEC("socket") EXPECT_ACCEPT
NAKED int wronly_updated(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = 0
	r2 = r10
	r2 += -8
	r3 = r2
	r4 = 0
	r1 = %[writable] ll
	call %[bpf_map_update_elem]
	r0 = 0
	exit
	)", ADDR(writable), IMM(bpf_map_update_elem));
}

/* A helper that fills memory may not be given a read-only value. */
SEC("socket") EXPECT_REJECT("write into map forbidden, value_size=8 off=0 size=8")
NAKED int rdonly_filled(void)
{
	ASM("r6 = r1;" LOOKUP(readable) R"(
	r1 = r6
	r2 = 0
	r3 = r0
	r4 = 8
	call %[bpf_skb_load_bytes]
	r0 = 0
	exit
	)", ADDR(readable), IMM(bpf_skb_load_bytes));
}

SEC("socket") EXPECT_ACCEPT
NAKED int plain_filled(void)
{
	ASM("r6 = r1;" LOOKUP(plain) R"(
	r1 = r6
	r2 = 0
	r3 = r0
	r4 = 8
	call %[bpf_skb_load_bytes]
	r0 = 0
	exit
	)", ADDR(plain), IMM(bpf_skb_load_bytes));
}

/* Constants decide branches: what they switch off may be anything. */
#define CONSTANT(name, verdict, variable, code) \
	SEC("socket") verdict NAKED int name(void) { ASM("r1 = %[" #variable "] ll;" code "r0 = 0; exit; 1: r0 = r9; exit;", ADDR(variable)); }
CONSTANT(constant_known, EXPECT_ACCEPT RETVAL(0), limit, "w1 = *(u32 *)(r1 + 0); if w1 != 12 goto 1f;")
CONSTANT(constant_other, EXPECT_REJECT("R9 !read_ok"), limit, "w1 = *(u32 *)(r1 + 0); if w1 == 12 goto 1f;")
CONSTANT(constant_wide, EXPECT_ACCEPT RETVAL(0), large, "r1 = *(u64 *)(r1 + 0); r2 = 0x123456789abcdef0 ll; if r1 != r2 goto 1f;")
CONSTANT(constant_byte_of_wide, EXPECT_ACCEPT RETVAL(0), large, "w1 = *(u8 *)(r1 + 1); if w1 != 0xde goto 1f;")
CONSTANT(constant_signed_byte, EXPECT_ACCEPT RETVAL(0), large, "r1 = *(s8 *)(r1 + 1); if r1 s> 0 goto 1f;")
CONSTANT(constant_in_table, EXPECT_ACCEPT RETVAL(0), table, "w1 = *(u8 *)(r1 + 5); if w1 != 6 goto 1f;")
CONSTANT(variable_unknown, EXPECT_REJECT("R9 !read_ok"), variable, "w1 = *(u32 *)(r1 + 0); if w1 != 12 goto 1f;")
CONSTANT(zeroed_unknown, EXPECT_REJECT("R9 !read_ok"), zeroed, "r1 = *(u64 *)(r1 + 0); if r1 != 0 goto 1f;")
CONSTANT(constant_at_variable_offset, EXPECT_REJECT("R9 !read_ok"), table,
	 "r6 = r1; call 7; r0 &= 7; r6 += r0; w1 = *(u8 *)(r6 + 0); if w1 > 8 goto 1f;")

#define GLOBAL(name, verdict, variable, code) \
	SEC("socket") verdict NAKED int name(void) { ASM("r1 = %[" #variable "] ll;" code "r0 = 0; exit;", ADDR(variable)); }
GLOBAL(constant_written, EXPECT_REJECT("write into map forbidden"), limit, "*(u32 *)(r1 + 0) = 1;")
GLOBAL(variable_written, EXPECT_ACCEPT RETVAL(0), variable, "*(u32 *)(r1 + 0) = 1;")
GLOBAL(beyond_the_section, EXPECT_REJECT("invalid access to map value"), zeroed, "r1 = *(u64 *)(r1 + 64);")

/* libbpf's switches: a helper that does not exist, behind a constant. */
const volatile bool has_feature = false;
const volatile bool has_other = true;

SEC("socket") EXPECT_ACCEPT RETVAL(0)
NAKED int feature_off(void)
{
	ASM(R"(
	r1 = %[has_feature] ll
	w1 = *(u8 *)(r1 + 0)
	if w1 == 0 goto 1f
	call 195896080
1:	r0 = 0
	exit
	)", ADDR(has_feature));
}

SEC("socket") EXPECT_REJECT("invalid func unknown#195896080")
NAKED int feature_on(void)
{
	ASM(R"(
	r1 = %[has_other] ll
	w1 = *(u8 *)(r1 + 0)
	if w1 == 0 goto 1f
	call 195896080
1:	r0 = 0
	exit
	)", ADDR(has_other));
}

/* A loop bounded by a constant. */
SEC("socket") EXPECT_ACCEPT RETVAL(36)
int sum_of_table(void *ctx)
{
	int sum = 0;

	for (__u32 i = 0; i < limit && i < 8; i++)
		sum += table[i];
	return sum;
}

/* The map itself. */
SEC("socket") EXPECT_REJECT("only read from bpf_array is supported")
NAKED int map_written(void)
{
	ASM(R"(
	r1 = %[plain] ll
	*(u64 *)(r1 + 0) = 0
	r0 = 0
	exit
	)", ADDR(plain));
}

SEC("socket") EXPECT_REJECT("R1 pointer arithmetic on map_ptr prohibited")
NAKED int map_moved(void)
{
	ASM(R"(
	r1 = %[plain] ll
	r1 += 8
	r0 = 0
	exit
	)", ADDR(plain));
}

SEC("socket") EXPECT_REJECT("R1 type=scalar expected=map_ptr")
NAKED int map_is_a_number(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = 0
	r2 = r10
	r2 += -8
	r1 = 0
	call %[bpf_map_lookup_elem]
	r0 = 0
	exit
	)", IMM(bpf_map_lookup_elem));
}

SEC("socket") EXPECT_REJECT("R1 type=fp expected=map_ptr")
NAKED int map_is_the_stack(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = 0
	r2 = r10
	r2 += -8
	r1 = r10
	call %[bpf_map_lookup_elem]
	r0 = 0
	exit
	)", IMM(bpf_map_lookup_elem));
}

SEC("socket") EXPECT_ACCEPT
NAKED int map_spilled(void)
{
	ASM(R"(
	r1 = %[plain] ll
	*(u64 *)(r10 - 16) = r1
	*(u64 *)(r10 - 8) = 0
	r2 = r10
	r2 += -8
	r1 = *(u64 *)(r10 - 16)
	call %[bpf_map_lookup_elem]
	r0 = 0
	exit
	)", ADDR(plain), IMM(bpf_map_lookup_elem));
}

/* One of two maps: of one kind, of different kinds. */
SEC("socket") EXPECT_ACCEPT
NAKED int one_of_two_maps(void)
{
	ASM(R"(
	call %[bpf_get_prandom_u32]
	r1 = %[plain] ll
	if r0 == 0 goto 1f
	r1 = %[hash] ll
1:	*(u64 *)(r10 - 8) = 0
	r2 = r10
	r2 += -8
	call %[bpf_map_lookup_elem]
	if r0 == 0 goto 2f
	r0 = *(u64 *)(r0 + 0)
2:	r0 = 0
	exit
	)", ADDR(plain), ADDR(hash), IMM(bpf_map_lookup_elem), IMM(bpf_get_prandom_u32));
}

/* Helpers that go with some maps only. */
SEC("socket") EXPECT_ACCEPT
NAKED int push_to_stack(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = 0
	r2 = r10
	r2 += -8
	r3 = 0
	r1 = %[stack_map] ll
	call %[bpf_map_push_elem]
	r0 = 0
	exit
	)", ADDR(stack_map), IMM(bpf_map_push_elem));
}

SEC("socket") EXPECT_REJECT("cannot pass map_type 2 into func bpf_map_push_elem#87")
NAKED int push_to_array(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = 0
	r2 = r10
	r2 += -8
	r3 = 0
	r1 = %[plain] ll
	call %[bpf_map_push_elem]
	r0 = 0
	exit
	)", ADDR(plain), IMM(bpf_map_push_elem));
}

SEC("socket") EXPECT_REJECT("cannot pass map_type 3 into func bpf_map_lookup_elem#1")
NAKED int lookup_in_prog_array(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = 0
	r2 = r10
	r2 += -8
	r1 = %[tails] ll
	call %[bpf_map_lookup_elem]
	r0 = 0
	exit
	)", ADDR(tails), IMM(bpf_map_lookup_elem));
}

char LICENSE[] SEC("license") = "GPL";
