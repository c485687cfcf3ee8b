/* Global functions, verified by themselves for what their types promise: issue 3, point 2. */
#include "expect.h"

struct pair {
	__u64 a, b;
};

MAP(values, ARRAY, 1, __u32, __u64[8]);
MAP(hash, HASH, 4, __u32, struct pair);

/* weak: the compiler may not look into them. */
#define GLOBAL __weak __noinline

GLOBAL int always_five(int unused)
{
	return 5;
}

SEC("socket") EXPECT_ACCEPT RETVAL(5)
int result_used(void *ctx)
{
	return always_five(1);
}

/* Of the result nothing is known. */
SEC("socket") EXPECT_REJECT("R9 !read_ok")
NAKED int result_unknown(void)
{
	ASM(R"(
	r1 = 1
	call always_five
	if w0 == 5 goto 1f
	r0 = r9
	exit
1:	r0 = 0
	exit
	)");
}

GLOBAL int index_checked(int i)
{
	__u32 key = 0;
	__u64 *row = bpf_map_lookup_elem(&values, &key);

	return row && i >= 0 && i < 8 ? row[i] : 0;
}

SEC("socket") EXPECT_ACCEPT RETVAL(0)
int number_checked_inside(void *ctx)
{
	return index_checked(7);
}

GLOBAL int index_unchecked(int i)
{
	__u32 key = 0;
	__u64 *row = bpf_map_lookup_elem(&values, &key);

	return row ? row[i] : 0;
}

/* That the caller passes a good number does not help. */
SEC("socket") EXPECT_REJECT("math between map_value pointer and register with unbounded min value is not allowed")
int number_checked_outside(void *ctx)
{
	return index_unchecked(7);
}

GLOBAL int sum_checked(struct pair *pair)
{
	return pair ? pair->a + pair->b : 0;
}

SEC("socket") EXPECT_ACCEPT RETVAL(3)
int memory_on_stack(void *ctx)
{
	struct pair pair = { 1, 2 };

	return sum_checked(&pair);
}

SEC("socket") EXPECT_ACCEPT RETVAL(0)
int memory_null(void *ctx)
{
	return sum_checked(0);
}

SEC("socket") EXPECT_REJECT("invalid indirect access to stack R1 off=-8 size=16")
REWORDED("stack R1 off=-8 size=16")
NAKED int memory_too_small(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = 0
	r1 = r10
	r1 += -8
	call sum_checked
	exit
	)");
}

SEC("socket") EXPECT_REJECT("R1 type=scalar expected=fp")
NAKED int memory_is_a_number(void)
{
	ASM(R"(
	r1 = 5
	call sum_checked
	exit
	)");
}

SEC("socket") EXPECT_REJECT("R1 type=ctx expected=fp")
NAKED int memory_is_ctx(void)
{
	ASM(R"(
	call sum_checked
	exit
	)");
}

SEC("socket") EXPECT_ACCEPT RETVAL(0)
NAKED int memory_in_map(void)
{
	ASM(LOOKUP(values) R"(
	r1 = r0
	r1 += 48
	call sum_checked
	exit
	)", ADDR(values));
}

SEC("socket") EXPECT_REJECT("invalid access to map value, value_size=64 off=56 size=16")
NAKED int memory_in_map_over(void)
{
	ASM(LOOKUP(values) R"(
	r1 = r0
	r1 += 56
	call sum_checked
	exit
	)", ADDR(values));
}

GLOBAL int sum_unchecked(struct pair *pair)
{
	return pair->a + pair->b;
}

SEC("socket") EXPECT_REJECT("R1 invalid mem access 'mem_or_null'")
int memory_unchecked(void *ctx)
{
	struct pair pair = { 1, 2 };

	return sum_unchecked(&pair);
}

GLOBAL int sum_nonnull(struct pair *pair __arg_nonnull)
{
	return pair->a + pair->b;
}

SEC("socket") EXPECT_ACCEPT RETVAL(3)
int memory_nonnull(void *ctx)
{
	struct pair pair = { 1, 2 };

	return sum_nonnull(&pair);
}

SEC("socket") EXPECT_REJECT("arg#0 is expected to be non-NULL")
NAKED int memory_nonnull_perhaps_null(void)
{
	ASM(R"(
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = %[hash] ll
	call %[bpf_map_lookup_elem]
	r1 = r0
	call sum_nonnull
	exit
	)", ADDR(hash), IMM(bpf_map_lookup_elem));
}

SEC("socket") EXPECT_ACCEPT RETVAL(0)
NAKED int memory_perhaps_null(void)
{
	ASM(R"(
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = %[hash] ll
	call %[bpf_map_lookup_elem]
	r1 = r0
	call sum_checked
	exit
	)", ADDR(hash), IMM(bpf_map_lookup_elem));
}

GLOBAL int third(struct pair *pair __arg_nonnull)
{
	return (&pair->b)[1];
}

SEC("socket") EXPECT_REJECT("invalid access to memory, mem_size=16 off=16 size=8")
int memory_read_behind(void *ctx)
{
	struct pair pair[2] = {};

	return third(pair);
}

GLOBAL int set(struct pair *pair)
{
	if (!pair)
		return 1;
	pair->a = 7;
	return 0;
}

SEC("socket") EXPECT_ACCEPT RETVAL(7)
int memory_written(void *ctx)
{
	struct pair pair = {};

	set(&pair);
	return pair.a;
}

/* What the callee may have written is not what it was. */
SEC("socket") EXPECT_REJECT("R9 !read_ok")
NAKED int memory_forgotten(void)
{
	ASM(R"(
	*(u64 *)(r10 - 16) = 0
	*(u64 *)(r10 - 8) = 0
	r1 = r10
	r1 += -16
	call set
	r1 = *(u64 *)(r10 - 16)
	if r1 == 0 goto 1f
	r0 = r9
	exit
1:	r0 = 0
	exit
	)");
}

SEC("socket") EXPECT_REJECT("R1 invalid mem access 'scalar'")
NAKED int pointer_in_memory_forgotten(void)
{
	ASM(R"(
	*(u64 *)(r10 - 16) = r1
	*(u64 *)(r10 - 8) = 0
	r1 = r10
	r1 += -16
	call set
	r1 = *(u64 *)(r10 - 16)
	w0 = *(u32 *)(r1 + 0)
	exit
	)");
}

/* The context. */
GLOBAL int length(struct __sk_buff *skb)
{
	return skb->len > 0;
}

SEC("socket") EXPECT_ACCEPT RETVAL(1)
int context(struct __sk_buff *skb)
{
	return length(skb);
}

SEC("socket") EXPECT_REJECT("arg#0 expects pointer to ctx")
NAKED int context_is_stack(void)
{
	ASM(R"(
	r1 = r10
	call length
	exit
	)");
}

GLOBAL int length_by_tag(void *skb __arg_ctx)
{
	return ((struct __sk_buff *)skb)->len > 0;
}

SEC("socket") EXPECT_ACCEPT RETVAL(1)
int context_by_tag(struct __sk_buff *skb)
{
	return length_by_tag(skb);
}

GLOBAL int takes_void(void *anything)
{
	return anything != 0;
}

SEC("socket") EXPECT_REJECT("arg#0 reference type('UNKNOWN ') size cannot be determined: -22")
int void_pointer(void *ctx)
{
	return takes_void(ctx);
}

/* Results. */
GLOBAL void returns_nothing(int i)
{
	asm volatile("" ::"r"(i));
}

SEC("socket") EXPECT_REJECT("doesn't return scalar. Only those are supported")
int nothing_returned(void *ctx)
{
	returns_nothing(1);
	return 0;
}

GLOBAL struct pair *returns_pointer(struct pair *pair)
{
	return pair;
}

SEC("socket") EXPECT_REJECT("doesn't return scalar. Only those are supported")
int pointer_returned(void *ctx)
{
	struct pair pair = {};

	return !returns_pointer(&pair);
}

/* Through dead code only: it is not verified. */
const volatile bool enabled = false;

SEC("socket") EXPECT_ACCEPT RETVAL(0)
int bad_one_not_called(void *ctx)
{
	return enabled ? index_unchecked(7) : 0;
}

const volatile bool switched_on = true;

SEC("socket") EXPECT_REJECT("math between map_value pointer and register with unbounded min value is not allowed")
int bad_one_called(void *ctx)
{
	return switched_on ? index_unchecked(7) : 0;
}

/* The callee needs nothing of the caller, and the log says so. */
SEC("socket") EXPECT_ACCEPT LOG2("Func#1 ('always_five') is safe for any args that match its prototype")
int said_to_be_safe(void *ctx)
{
	return always_five(1);
}

GLOBAL int endless(int i)
{
	while (i)
		asm volatile("" : "+r"(i));
	return 0;
}

SEC("socket") EXPECT_REJECT("infinite loop detected")
int endless_function(void *ctx)
{
	return endless(0);
}

/* A reference taken by a global function is its own. */
RING(ring);

GLOBAL int takes_reference(int i)
{
	return bpf_ringbuf_reserve(&ring, 8, 0) != 0;
}

SEC("socket") EXPECT_REJECT("Unreleased reference id=")
int reference_taken(void *ctx)
{
	return takes_reference(1);
}

char LICENSE[] SEC("license") = "GPL";
