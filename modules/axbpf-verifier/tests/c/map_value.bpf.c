/* Values of maps, at fixed offsets and by type of map: issue 3, points 1 and 4. */
#include "expect.h"

struct value {
	__u64 a;
	__u32 b;
	__u32 c;
};

MAP(hash, HASH, 4, __u64, struct value);
MAP(array, ARRAY, 4, __u32, struct value);
MAP(percpu, PERCPU_ARRAY, 4, __u32, struct value);
MAP(lru, LRU_HASH, 4, __u32, struct value);

/* With the key 0 of 8 bytes, which serves as one of 4 too. */
#define VALUE(name, verdict, map, code) \
	SEC("socket") verdict NAKED int name(void) \
	{ \
		ASM("*(u64 *)(r10 - 8) = 0; r2 = r10; r2 += -8; r1 = %[" #map "] ll; call 1;" code "1: r0 = 0; exit;", ADDR(map)); \
	}
#define CHECKED "if r0 == 0 goto 1f;"

VALUE(read_all, EXPECT_ACCEPT, hash, CHECKED "r1 = *(u64 *)(r0 + 0); w1 = *(u32 *)(r0 + 8); w1 = *(u32 *)(r0 + 12);")
VALUE(read_behind, EXPECT_REJECT("invalid access to map value, value_size=16 off=16 size=4"), hash, CHECKED "w1 = *(u32 *)(r0 + 16);")
VALUE(read_across_end, EXPECT_REJECT("invalid access to map value, value_size=16 off=12 size=8"), hash, CHECKED "r1 = *(u64 *)(r0 + 12);")
VALUE(read_before, EXPECT_REJECT("R0 min value is outside of the allowed memory range"), hash, CHECKED "r1 = *(u64 *)(r0 - 8);")
VALUE(write_all, EXPECT_ACCEPT, hash, CHECKED "*(u64 *)(r0 + 8) = r10; *(u64 *)(r0 + 0) = 1;")
VALUE(write_behind, EXPECT_REJECT("invalid access to map value, value_size=16 off=13 size=4"), hash, CHECKED "*(u32 *)(r0 + 13) = 1;")
VALUE(moved_and_back, EXPECT_ACCEPT, hash, CHECKED "r0 += 64; r0 += -56; r1 = *(u64 *)(r0 + 0);")
VALUE(moved_behind, EXPECT_REJECT("invalid access to map value, value_size=16 off=64 size=8"), hash, CHECKED "r0 += 64; r1 = *(u64 *)(r0 + 0);")
VALUE(subtracted, EXPECT_ACCEPT, hash, CHECKED "r0 += 16; r0 -= 8; r1 = *(u64 *)(r0 + 0);")
VALUE(subtracted_too_far, EXPECT_REJECT("R0 min value is outside of the allowed memory range"), hash, CHECKED "r0 -= 8; r1 = *(u64 *)(r0 + 0);")
VALUE(unchecked, EXPECT_REJECT("R0 invalid mem access 'map_value_or_null'"), hash, "r1 = *(u64 *)(r0 + 0);")
VALUE(checked_wrong_way, EXPECT_REJECT("R0 invalid mem access 'scalar'"), hash, "if r0 != 0 goto 1f; r1 = *(u64 *)(r0 + 0);")
VALUE(checked_by_half, EXPECT_REJECT("R0 invalid mem access 'map_value_or_null'"), hash, "if w0 == 0 goto 1f; r1 = *(u64 *)(r0 + 0);")
VALUE(checked_by_greater, EXPECT_REJECT("R0 invalid mem access 'map_value_or_null'"), hash, "if r0 > 0 goto 2f; goto 1f; 2: r1 = *(u64 *)(r0 + 0);")
/* Compared with another pointer that is known not to be null. */
VALUE(checked_by_equal_pointer, EXPECT_ACCEPT, hash,
      "r6 = r0; *(u64 *)(r10 - 8) = 1; r2 = r10; r2 += -8; r1 = %[hash] ll; call 1; if r0 == 0 goto 1f; if r6 != r0 goto 1f; r1 = *(u64 *)(r6 + 0);")
VALUE(not_checked_by_unequal_pointer, EXPECT_REJECT("R6 invalid mem access 'map_value_or_null'"), hash,
      "r6 = r0; *(u64 *)(r10 - 8) = 1; r2 = r10; r2 += -8; r1 = %[hash] ll; call 1; if r0 == 0 goto 1f; if r6 == r0 goto 1f; r1 = *(u64 *)(r6 + 0);")
VALUE(moved_before_check, EXPECT_REJECT("R0 pointer arithmetic on map_value_or_null prohibited, null-check it first"), hash,
      "r0 += 8;" CHECKED "r1 = *(u64 *)(r0 + 0);")
VALUE(percpu_value, EXPECT_ACCEPT, percpu, CHECKED "r1 = *(u64 *)(r0 + 8);")
VALUE(percpu_value_over, EXPECT_REJECT("invalid access to map value, value_size=16 off=16 size=8"), percpu, CHECKED "r1 = *(u64 *)(r0 + 16);")
VALUE(lru_value, EXPECT_ACCEPT, lru, CHECKED "*(u64 *)(r0 + 8) = r0;")
VALUE(lru_value_over, EXPECT_REJECT("invalid access to map value, value_size=16 off=16 size=1"), lru, CHECKED "*(u8 *)(r0 + 16) = r0;")
/* An element that the key certainly names is there; 6.12 wants the check all the same. */
SEC("socket") EXPECT_REJECT("R0 invalid mem access 'map_value_or_null'") LINUX_DIFFERS("6.14 knows that a constant index is in the array")
NAKED int array_unchecked(void)
{
	ASM(R"(
	*(u32 *)(r10 - 8) = 0
	r2 = r10
	r2 += -8
	r1 = %[array] ll
	call %[bpf_map_lookup_elem]
	r1 = *(u64 *)(r0 + 0)
	r0 = 0
	exit
	)", ADDR(array), IMM(bpf_map_lookup_elem));
}

SEC("socket") EXPECT_REJECT("R0 invalid mem access 'map_value_or_null'")
NAKED int array_index_too_large_unchecked(void)
{
	ASM(R"(
	*(u32 *)(r10 - 8) = 4
	r2 = r10
	r2 += -8
	r1 = %[array] ll
	call %[bpf_map_lookup_elem]
	r1 = *(u64 *)(r0 + 0)
	r0 = 0
	exit
	)", ADDR(array), IMM(bpf_map_lookup_elem));
}

VALUE(array_checked, EXPECT_ACCEPT, array, CHECKED "r1 = *(u64 *)(r0 + 0);")
VALUE(multiplied, EXPECT_REJECT("R0 pointer arithmetic with *= operator prohibited"), hash, CHECKED "r0 *= 2;")
VALUE(masked, EXPECT_REJECT("R0 bitwise operator &= on pointer prohibited"), hash, CHECKED "r0 &= -8;")
VALUE(shifted, EXPECT_REJECT("R0 pointer arithmetic with <<= operator prohibited"), hash, CHECKED "r0 <<= 3;")
VALUE(half_added, EXPECT_REJECT("R0 32-bit pointer arithmetic prohibited"), hash, CHECKED "w0 += 8;")
VALUE(half_copied, EXPECT_REJECT("R1 invalid mem access 'scalar'"), hash, CHECKED "w1 = w0; r1 = *(u64 *)(r1 + 0);")
VALUE(difference_of_pointers, EXPECT_ACCEPT, hash, CHECKED "r1 = r0; r0 += 8; r0 -= r1;")
VALUE(difference_is_a_number, EXPECT_REJECT("R0 invalid mem access 'scalar'"), hash, CHECKED "r1 = r0; r0 += 8; r0 -= r1; r1 = *(u64 *)(r0 + 0);")
VALUE(sum_of_pointers, EXPECT_REJECT("R0 pointer += pointer prohibited"), hash, CHECKED "r0 += r10;")

/* Keys and values that helpers take from elsewhere than the stack. */
SEC("socket") EXPECT_ACCEPT
NAKED int key_in_value(void)
{
	ASM(LOOKUP(array) R"(
	r2 = r0
	r2 += 8
	r1 = %[hash] ll
	call %[bpf_map_lookup_elem]
	r0 = 0
	exit
	)", ADDR(array), ADDR(hash), IMM(bpf_map_lookup_elem));
}

SEC("socket") EXPECT_REJECT("invalid access to map value, value_size=16 off=12 size=8")
NAKED int key_in_value_over(void)
{
	ASM(LOOKUP(array) R"(
	r2 = r0
	r2 += 12
	r1 = %[hash] ll
	call %[bpf_map_lookup_elem]
	r0 = 0
	exit
	)", ADDR(array), ADDR(hash), IMM(bpf_map_lookup_elem));
}

SEC("socket") EXPECT_ACCEPT
NAKED int update_from_value(void)
{
	ASM(LOOKUP(array) R"(
	r3 = r0
	*(u64 *)(r10 - 8) = 0
	r2 = r10
	r2 += -8
	r4 = 0
	r1 = %[hash] ll
	call %[bpf_map_update_elem]
	r0 = 0
	exit
	)", ADDR(array), ADDR(hash), IMM(bpf_map_update_elem));
}

SEC("socket") EXPECT_REJECT("R3 type=map_value_or_null expected=fp")
NAKED int update_from_unchecked(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = 0
	r2 = r10
	r2 += -8
	r1 = %[hash] ll
	call %[bpf_map_lookup_elem]
	r3 = r0
	r2 = r10
	r2 += -8
	r4 = 0
	r1 = %[hash] ll
	call %[bpf_map_update_elem]
	r0 = 0
	exit
	)", ADDR(hash), IMM(bpf_map_lookup_elem), IMM(bpf_map_update_elem));
}

SEC("socket") EXPECT_REJECT("R3 type=scalar expected=fp")
NAKED int update_from_null(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = 0
	r2 = r10
	r2 += -8
	r3 = 0
	r4 = 0
	r1 = %[hash] ll
	call %[bpf_map_update_elem]
	r0 = 0
	exit
	)", ADDR(hash), IMM(bpf_map_update_elem));
}

/* Real code: a counter that two paths use. */
SEC("socket") EXPECT_ACCEPT
int count(struct __sk_buff *skb)
{
	__u64 key = skb->protocol;
	struct value *value = bpf_map_lookup_elem(&hash, &key);

	if (!value) {
		struct value fresh = { .a = 1, .b = skb->len };

		bpf_map_update_elem(&hash, &key, &fresh, BPF_NOEXIST);
		return 0;
	}
	__sync_fetch_and_add(&value->a, 1);
	value->b += skb->len;
	return 0;
}

SEC("socket") EXPECT_REJECT("invalid mem access 'map_value_or_null'")
int count_without_check(struct __sk_buff *skb)
{
	__u64 key = skb->protocol;
	struct value *value = bpf_map_lookup_elem(&hash, &key);

	__sync_fetch_and_add(&value->a, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
