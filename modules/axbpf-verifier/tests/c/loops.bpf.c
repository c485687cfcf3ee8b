/* Loops that end and loops that do not: issue 3, point 2. */
#include "expect.h"

MAP(values, ARRAY, 1, __u32, __u64[8]);
MAP(hash, HASH, 4, __u32, __u64);

#define LARGE "BPF program is too large. Processed 1000001 insn"
#define ENDLESS "infinite loop detected at insn"
#define LOOP(name, verdict, code) \
	SEC("socket") verdict NAKED int name(void) { ASM(code "exit;"); }

LOOP(counts_up, EXPECT_ACCEPT RETVAL(10), "r0 = 0; 1: r0 += 1; if r0 < 10 goto 1b;")
LOOP(counts_down, EXPECT_ACCEPT RETVAL(0), "r0 = 10; 1: r0 -= 1; if r0 != 0 goto 1b;")
LOOP(counts_up_signed, EXPECT_ACCEPT RETVAL(5), "r0 = -5; 1: r0 += 1; if r0 s< 5 goto 1b;")
LOOP(counts_up_half, EXPECT_ACCEPT RETVAL(10), "r0 = 0; 1: w0 += 1; if w0 < 10 goto 1b;")
LOOP(doubles, EXPECT_ACCEPT RETVAL(1024), "r0 = 1; 1: r0 <<= 1; if r0 < 1000 goto 1b;")
LOOP(halves, EXPECT_ACCEPT RETVAL(0), "r0 = 1000; 1: r0 >>= 1; if r0 != 0 goto 1b;")
LOOP(exits_in_the_middle, EXPECT_ACCEPT RETVAL(7), "r0 = 0; 1: r0 += 1; if r0 == 7 goto 2f; goto 1b; 2:")
LOOP(head_checked_first, EXPECT_ACCEPT RETVAL(9), "r0 = 0; 1: if r0 > 8 goto 2f; r0 += 1; goto 1b; 2:")
LOOP(skips_its_end, EXPECT_REJECT(LARGE), "r0 = 1; 1: r0 += 2; if r0 != 10 goto 1b;")
LOOP(hits_its_end, EXPECT_ACCEPT RETVAL(11), "r0 = 1; 1: r0 += 2; if r0 != 11 goto 1b;")
LOOP(wrong_direction, EXPECT_REJECT(LARGE), "r0 = 10; 1: r0 += 1; if r0 > 5 goto 1b;")
LOOP(stands_still, EXPECT_REJECT(ENDLESS), "r0 = 0; 1: r0 += 0; if r0 == 0 goto 1b;")
LOOP(jumps_to_itself, EXPECT_REJECT(ENDLESS), "r0 = 0; if r1 == 0 goto 2f; 1: goto 1b; 2:")
LOOP(nothing_changes, EXPECT_REJECT(ENDLESS), "call 7; if r0 == 0 goto 2f; 1: r6 = 5; r7 = 6; goto 1b; 2: r0 = 0;")
LOOP(toggles, EXPECT_REJECT(ENDLESS), "r0 = 0; r6 = 0; 1: r6 ^= 1; r7 = r6; if r7 s>= 0 goto 1b;")
LOOP(waits_for_chance, EXPECT_REJECT(ENDLESS), "1: call 7; if r0 != 0 goto 1b;")
LOOP(waits_a_bounded_time, EXPECT_ACCEPT, "r6 = 0; 1: r6 += 1; if r6 > 50 goto 2f; call 7; if r0 != 0 goto 1b; 2: r0 = 0;")
LOOP(unknown_bound, EXPECT_REJECT(LARGE), "call 7; r6 = r0; r0 = 0; 1: r0 += 1; if r0 < r6 goto 1b;")
LOOP(unknown_bound_checked, EXPECT_ACCEPT, "call 7; r6 = r0; if r6 > 100 goto 2f; r0 = 0; 1: r0 += 1; if r0 < r6 goto 1b; 2: r0 = 0;")
LOOP(unknown_start_checked, EXPECT_ACCEPT, "call 7; r0 &= 31; 1: if r0 == 0 goto 2f; r0 -= 1; goto 1b; 2:")
LOOP(unknown_step, EXPECT_ACCEPT, "call 7; r6 = r0; r6 &= 7; r6 += 1; r0 = 0; 1: r0 += r6; if r0 < 40 goto 1b; r0 = 0;")
LOOP(unknown_step_maybe_zero, EXPECT_REJECT(ENDLESS), "call 7; r6 = r0; r6 &= 7; r0 = 0; 1: r0 += r6; if r0 < 40 goto 1b; r0 = 0;")
LOOP(nested, EXPECT_ACCEPT RETVAL(100), "r0 = 0; r6 = 10; 1: r7 = 10; 2: r0 += 1; r7 -= 1; if r7 != 0 goto 2b; r6 -= 1; if r6 != 0 goto 1b;")
LOOP(nested_endless, EXPECT_REJECT(ENDLESS), "r0 = 0; 1: r7 = 10; 2: r7 -= 1; if r7 != 0 goto 2b; if r0 == 0 goto 1b;")
LOOP(nested_too_large, EXPECT_REJECT(LARGE),
     "r0 = 0; r6 = 2000; 1: r7 = 2000; 2: r0 += 1; r7 -= 1; if r7 != 0 goto 2b; r6 -= 1; if r6 != 0 goto 1b;")
LOOP(counter_on_stack, EXPECT_ACCEPT RETVAL(10), "*(u64 *)(r10 - 8) = 0; 1: r0 = *(u64 *)(r10 - 8); r0 += 1; *(u64 *)(r10 - 8) = r0; if r0 < 10 goto 1b;")
LOOP(counter_on_stack_forgotten, EXPECT_REJECT(LARGE) REWORDED(ENDLESS),
     "*(u64 *)(r10 - 8) = 0; 1: *(u8 *)(r10 - 8) = 1; r0 = *(u64 *)(r10 - 8); r0 += 1; *(u64 *)(r10 - 8) = r0; if r0 < 10 goto 1b;")
LOOP(entered_in_the_middle, EXPECT_ACCEPT RETVAL(10), "r0 = 0; goto 2f; 1: r0 += 1; 2: r0 += 1; if r0 < 9 goto 1b; if r0 == 10 goto 3f; r0 += 1; 3:")
LOOP(large_but_bounded, EXPECT_ACCEPT RETVAL(100000), "r0 = 0; 1: r0 += 1; if r0 < 100000 goto 1b;")
LOOP(too_large, EXPECT_REJECT(LARGE), "r0 = 0; 1: r0 += 1; if r0 < 600000 goto 1b;")
/* What is computed in the rounds does not matter to anything: the second path through a round is pruned. */
LOOP(two_ways_through_each_round, EXPECT_ACCEPT,
     "r6 = 0; r7 = 0; 1: call 7; if r0 == 0 goto 2f; r7 += 1; 2: r6 += 1; if r6 < 1000 goto 1b; r0 = 0;")

/* The counter is a number in memory that others may write. */
SEC("socket") EXPECT_REJECT(ENDLESS)
NAKED int counter_in_map(void)
{
	ASM(LOOKUP(hash) R"(
	r6 = r0
	*(u64 *)(r6 + 0) = 0
1:	r0 = *(u64 *)(r6 + 0)
	r0 += 1
	*(u64 *)(r6 + 0) = r0
	if r0 < 10 goto 1b
	r0 = 0
	exit
	)", ADDR(hash));
}

/* The index stays in the range that the loop's condition gives. */
SEC("socket") EXPECT_ACCEPT
NAKED int index_in_loop(void)
{
	ASM(LOOKUP(values) R"(
	r6 = 0
1:	r1 = r6
	r1 <<= 3
	r2 = r0
	r2 += r1
	*(u64 *)(r2 + 0) = r6
	r6 += 1
	if r6 < 8 goto 1b
	r0 = 0
	exit
	)", ADDR(values));
}

SEC("socket") EXPECT_REJECT("invalid access to map value, value_size=64 off=64 size=8")
NAKED int index_in_loop_over(void)
{
	ASM(LOOKUP(values) R"(
	r6 = 0
1:	r1 = r6
	r1 <<= 3
	r2 = r0
	r2 += r1
	*(u64 *)(r2 + 0) = r6
	r6 += 1
	if r6 <= 8 goto 1b
	r0 = 0
	exit
	)", ADDR(values));
}

/* A pointer that moves with the counter. */
SEC("socket") EXPECT_ACCEPT RETVAL(0)
NAKED int pointer_in_loop(void)
{
	ASM(R"(
	r1 = r10
	r1 += -64
	r6 = 8
1:	*(u64 *)(r1 + 0) = 0
	r1 += 8
	r6 -= 1
	if r6 != 0 goto 1b
	r0 = *(u64 *)(r10 - 8)
	exit
	)");
}

SEC("socket") EXPECT_REJECT("invalid write to stack R1 off=0 size=8")
NAKED int pointer_in_loop_over(void)
{
	ASM(R"(
	r1 = r10
	r1 += -64
	r6 = 9
1:	*(u64 *)(r1 + 0) = 0
	r1 += 8
	r6 -= 1
	if r6 != 0 goto 1b
	r0 = *(u64 *)(r10 - 8)
	exit
	)");
}

/* Real code. */
SEC("socket") EXPECT_ACCEPT RETVAL(91)
int squares(void *ctx)
{
	volatile int table[7];
	int sum = 0;

	for (int i = 0; i < 7; i++)
		table[i] = i * i;
	for (int i = 0; i < 7; i++)
		sum += table[i];
	return sum;
}

SEC("socket") EXPECT_REJECT("invalid")
int squares_one_more(void *ctx)
{
	volatile int table[8] = {};
	int sum = 0, last = bpf_get_prandom_u32() & 15;

	for (int i = 0; i < last; i++)
		sum += table[i & 15];
	return sum;
}

/* A hash over data: the state differs in each round, and no check depends on it. */
SEC("socket") EXPECT_ACCEPT
int mixed(struct __sk_buff *skb)
{
	__u32 hash = bpf_get_prandom_u32();

	for (int i = 0; i < 200; i++) {
		if (hash & 1)
			hash = hash * 33 ^ 0xedb88320;
		else
			hash += 7;
		asm volatile("" : "+r"(hash));
	}
	return hash & 0xff;
}

char LICENSE[] SEC("license") = "GPL";
