/* Loops by callback: bpf_loop and bpf_for_each_map_elem: issue 3, points 2 and 3. */
#include "expect.h"

struct value {
	__u64 a, b;
};

MAP(array, ARRAY, 8, __u32, struct value);
MAP(hash, HASH, 8, __u64, struct value);
RING(ring);

__u64 table[16];
__u64 total;

struct state {
	__u64 sum;
	struct value *value;
};

static long add(__u32 i, struct state *state)
{
	state->sum += i;
	return 0;
}

SEC("socket") EXPECT_ACCEPT RETVAL(4950)
int loop_adds(void *ctx)
{
	struct state state = {};

	bpf_loop(100, add, &state, 0);
	return state.sum;
}

static long stop_at_five(__u32 i, __u64 *seen)
{
	*seen = i;
	return i == 5;
}

SEC("socket") EXPECT_ACCEPT RETVAL(5)
int loop_stops(void *ctx)
{
	__u64 seen = 0;

	bpf_loop(100, stop_at_five, &seen, 0);
	return seen;
}

static long returns_i(__u32 i, void *ctx)
{
	return i;
}

SEC("socket") EXPECT_REJECT("At callback return the register R0 has") 
int loop_returns_too_much(void *ctx)
{
	bpf_loop(100, returns_i, NULL, 0);
	return 0;
}

static long returns_bit(__u32 i, void *ctx)
{
	return i & 1;
}

SEC("socket") EXPECT_ACCEPT RETVAL(0)
int loop_returns_bit(void *ctx)
{
	bpf_loop(100, returns_bit, NULL, 0);
	return 0;
}

/* What the callback writes is not known to be what it was before. */
SUBPROG int writes_seven(void)
{
	ASM(R"(
	*(u64 *)(r2 + 0) = 7
	r0 = 0
	exit
	)");
}

SEC("socket") EXPECT_REJECT("R9 !read_ok")
NAKED int loop_result_unknown(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = 3
	r1 = 10
	r2 = writes_seven ll
	r3 = r10
	r3 += -8
	r4 = 0
	call %[bpf_loop]
	r1 = *(u64 *)(r10 - 8)
	if r1 == 3 goto 1f
	r0 = r9
	exit
1:	r0 = 0
	exit
	)", IMM(bpf_loop));
}

/* It is one of the two. */
SEC("socket") EXPECT_ACCEPT RETVAL(0)
NAKED int loop_result_one_of_two(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = 3
	r1 = 10
	r2 = writes_seven ll
	r3 = r10
	r3 += -8
	r4 = 0
	call %[bpf_loop]
	r1 = *(u64 *)(r10 - 8)
	if r1 == 3 goto 1f
	if r1 == 7 goto 1f
	r0 = r9
	exit
1:	r0 = 0
	exit
	)", IMM(bpf_loop));
}

/* An index that grows in each round. */
SUBPROG int index_grows(void)
{
	ASM(R"(
	r3 = *(u64 *)(r2 + 0)
	r3 += 1
	*(u64 *)(r2 + 0) = r3
	r1 = %[table] ll
	r1 += r3
	*(u8 *)(r1 + 0) = 1
	r0 = 0
	exit
	)", ADDR(table));
}

/* A known number of rounds is walked round by round. */
SEC("socket") EXPECT_ACCEPT RETVAL(0)
NAKED int loop_index_grows_a_little(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = 0
	r1 = 10
	r2 = index_grows ll
	r3 = r10
	r3 += -8
	r4 = 0
	call %[bpf_loop]
	r0 = 0
	exit
	)", IMM(bpf_loop));
}

SEC("socket") EXPECT_REJECT("invalid access to map value")
NAKED int loop_index_grows_far(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = 0
	r1 = 200
	r2 = index_grows ll
	r3 = r10
	r3 += -8
	r4 = 0
	call %[bpf_loop]
	r0 = 0
	exit
	)", IMM(bpf_loop));
}

static long fills(__u32 i, void *ctx)
{
	if (i < 16)
		table[i] = i;
	return 0;
}

SEC("socket") EXPECT_ACCEPT RETVAL(0)
int loop_fills(void *ctx)
{
	bpf_loop(16, fills, NULL, 0);
	return 0;
}

static long fills_unchecked(__u32 i, void *ctx)
{
	table[i] = i;
	return 0;
}

/* The number of rounds does not bound the index. */
SEC("socket") EXPECT_REJECT("unbounded memory access, make sure to bounds check any such access")
int loop_fills_unchecked(void *ctx)
{
	bpf_loop(16, fills_unchecked, NULL, 0);
	return 0;
}

SEC("socket") EXPECT_ACCEPT
int loop_of_unknown_length(void *ctx)
{
	bpf_loop(bpf_get_prandom_u32(), fills, NULL, 0);
	return 0;
}

static long inner(__u32 i, __u64 *sum)
{
	*sum += i;
	return 0;
}

static long outer(__u32 i, __u64 *sum)
{
	bpf_loop(10, inner, sum, 0);
	return 0;
}

SEC("socket") EXPECT_ACCEPT RETVAL(450)
int loop_nested(void *ctx)
{
	__u64 sum = 0;

	bpf_loop(10, outer, &sum, 0);
	return sum;
}

SUBPROG int endless_inside(void)
{
	ASM("1: r0 = 0; if r0 == 0 goto 1b; exit;");
}

SEC("socket") EXPECT_REJECT("infinite loop detected")
NAKED int loop_endless_inside(void)
{
	ASM("r1 = 10; r2 = endless_inside ll; r3 = 0; r4 = 0; call 181; r0 = 0; exit;");
}

/* The context reaches the callback as it is given. */
static long writes_past(__u32 i, __u64 *place)
{
	place[1] = i;
	return 0;
}

SEC("socket") EXPECT_ACCEPT
int loop_context_wide(void *ctx)
{
	__u64 place[2] = {};

	bpf_loop(4, writes_past, place, 0);
	return place[1];
}

SEC("socket") EXPECT_REJECT("invalid write to stack R2 off=0 size=8")
NAKED int loop_context_narrow(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = 0
	r1 = 4
	r2 = writes_behind ll
	r3 = r10
	r3 += -8
	r4 = 0
	call %[bpf_loop]
	r0 = 0
	exit
	)", IMM(bpf_loop));
}

SUBPROG int writes_behind(void)
{
	ASM(R"(
	*(u64 *)(r2 + 8) = r1
	r0 = 0
	exit
	)");
}

SUBPROG int reads_context(void)
{
	ASM(R"(
	r0 = *(u64 *)(r2 + 0)
	r0 = 0
	exit
	)");
}

SEC("socket") EXPECT_REJECT("R2 invalid mem access 'scalar'")
NAKED int loop_context_null(void)
{
	ASM(R"(
	r1 = 4
	r2 = reads_context ll
	r3 = 0
	r4 = 0
	call %[bpf_loop]
	r0 = 0
	exit
	)", IMM(bpf_loop));
}

SUBPROG int reads_r6(void)
{
	ASM(R"(
	r0 = r6
	r0 = 0
	exit
	)");
}

/* A callback has registers of its own. */
SEC("socket") EXPECT_REJECT("R6 !read_ok")
NAKED int loop_callback_registers(void)
{
	ASM(R"(
	r6 = 1
	r1 = 4
	r2 = reads_r6 ll
	r3 = 0
	r4 = 0
	call %[bpf_loop]
	r0 = r6
	exit
	)", IMM(bpf_loop));
}

SUBPROG int clobbers_r6(void)
{
	ASM(R"(
	r6 = 77
	r0 = 0
	exit
	)");
}

SEC("socket") EXPECT_ACCEPT RETVAL(1)
NAKED int loop_caller_registers(void)
{
	ASM(R"(
	r6 = 1
	r1 = 4
	r2 = clobbers_r6 ll
	r3 = 0
	r4 = 0
	call %[bpf_loop]
	r0 = r6
	exit
	)", IMM(bpf_loop));
}

SEC("socket") EXPECT_REJECT("R2 type=scalar expected=func")
NAKED int loop_without_function(void)
{
	ASM(R"(
	r1 = 4
	r2 = 0
	r3 = 0
	r4 = 0
	call %[bpf_loop]
	r0 = 0
	exit
	)", IMM(bpf_loop));
}

SEC("socket") EXPECT_REJECT("R2 type=func expected=fp")
NAKED int function_is_no_memory(void)
{
	ASM(R"(
	r1 = %[hash] ll
	r2 = clobbers_r6 ll
	call %[bpf_map_lookup_elem]
	r0 = 0
	exit
	)", ADDR(hash), IMM(bpf_map_lookup_elem));
}

SEC("socket") EXPECT_REJECT("R1 invalid mem access 'func'")
NAKED int function_is_not_read(void)
{
	ASM(R"(
	r1 = clobbers_r6 ll
	r0 = *(u64 *)(r1 + 0)
	exit
	)");
}

/* A reference that the callback takes is the callback's to give back. */
static long reserves(__u32 i, void *ctx)
{
	void *record = bpf_ringbuf_reserve(&ring, 8, 0);

	if (record)
		bpf_ringbuf_submit(record, 0);
	return 0;
}

SEC("socket") EXPECT_ACCEPT
int loop_reserves(void *ctx)
{
	bpf_loop(4, reserves, NULL, 0);
	return 0;
}

static long reserves_only(__u32 i, void *ctx)
{
	bpf_ringbuf_reserve(&ring, 8, 0);
	return 0;
}

SEC("socket") EXPECT_REJECT("Unreleased reference id=")
int loop_reserves_only(void *ctx)
{
	bpf_loop(4, reserves_only, NULL, 0);
	return 0;
}

/* One that was taken before is not released in it: there may be no round, or many. */
static long submits(__u32 i, void **record)
{
	bpf_ringbuf_submit(*record, 0);
	return 0;
}

SEC("socket") EXPECT_REJECT("reference has not been acquired before")
REWORDED("Unreleased reference id=")
int loop_submits(void *ctx)
{
	void *record = bpf_ringbuf_reserve(&ring, 8, 0);

	if (!record)
		return 0;
	bpf_loop(1, submits, &record, 0);
	return 0;
}

/* Elements of maps. */
static long sums(void *map, __u32 *key, struct value *value, __u64 *sum)
{
	*sum += value->a + *key;
	return 0;
}

SEC("socket") EXPECT_ACCEPT RETVAL(28)
int each_sums(void *ctx)
{
	__u64 sum = 0;

	bpf_for_each_map_elem(&array, sums, &sum, 0);
	return sum;
}

SUBPROG int reads_behind_value(void)
{
	ASM(R"(
	r0 = *(u64 *)(r3 + 16)
	r0 = 0
	exit
	)");
}

SUBPROG int reads_value(void)
{
	ASM(R"(
	r0 = *(u64 *)(r3 + 8)
	r0 = 0
	exit
	)");
}

SUBPROG int reads_behind_key(void)
{
	ASM(R"(
	r0 = *(u64 *)(r2 + 8)
	r0 = 0
	exit
	)");
}

SUBPROG int writes_key(void)
{
	ASM(R"(
	*(u64 *)(r2 + 0) = 0
	r0 = 0
	exit
	)");
}

SUBPROG int writes_value(void)
{
	ASM(R"(
	*(u64 *)(r3 + 8) = 0
	r0 = 0
	exit
	)");
}

SUBPROG int deletes(void)
{
	ASM(R"(
	call %[bpf_map_delete_elem]
	r0 = 0
	exit
	)", IMM(bpf_map_delete_elem));
}

SUBPROG int returns_two(void)
{
	ASM(R"(
	r0 = 2
	exit
	)");
}

#define EACH(name, verdict, map, callback) \
	SEC("socket") verdict NAKED int name(void) \
	{ \
		ASM("r1 = %[" #map "] ll; r2 = " #callback " ll; r3 = 0; r4 = 0; call 164; r0 = 0; exit;", ADDR(map)); \
	}
EACH(each_reads_value, EXPECT_ACCEPT RETVAL(0), hash, reads_value)
EACH(each_reads_behind_value, EXPECT_REJECT("invalid access to map value, value_size=16 off=16 size=8"), hash, reads_behind_value)
EACH(each_reads_behind_key, EXPECT_REJECT("invalid access to map key, key_size=8 off=8 size=8"), hash, reads_behind_key)
EACH(each_writes_key, EXPECT_REJECT("write to change key R2 not allowed"), hash, writes_key)
EACH(each_writes_value, EXPECT_ACCEPT RETVAL(0), hash, writes_value)
EACH(each_deletes, EXPECT_ACCEPT RETVAL(0), hash, deletes)
EACH(each_returns_two, EXPECT_REJECT("At callback return the register R0 has"), hash, returns_two)
EACH(each_of_ring, EXPECT_REJECT("callback function not allowed for map"), ring, reads_value)

char LICENSE[] SEC("license") = "GPL";
