/* Stack and frames over the whole call graph: issue 3, point 2. Socket programs: since 6.13 those of tracing have stacks per frame. */
#include "expect.h"

/* A function that uses so many bytes of stack. */
#define USES(name, bytes) \
	SUBPROG int name(void) { ASM("*(u64 *)(r10 - " #bytes ") = 0; r0 = 0; exit;"); }
#define USES_AND_CALLS(name, bytes, callee) \
	SUBPROG int name(void) { ASM("*(u64 *)(r10 - " #bytes ") = 0; call " #callee "; r0 = 0; exit;"); }
#define MAIN(name, verdict, bytes, callee) \
	SEC("socket") verdict NAKED int name(void) { ASM("*(u64 *)(r10 - " #bytes ") = 0; call " #callee "; r0 = 0; exit;"); }

USES(uses_256, 256)
USES(uses_288, 288)
USES(uses_512, 512)
USES(uses_32, 32)
USES(uses_8, 8)
USES_AND_CALLS(uses_128_calls_256, 128, uses_256)
USES_AND_CALLS(uses_160_calls_256, 160, uses_256)
USES_AND_CALLS(calls_288, 8, uses_288)

MAIN(two_frames_full, EXPECT_ACCEPT RETVAL(0), 256, uses_256)
MAIN(two_frames_too_large, EXPECT_REJECT("combined stack size of 2 calls is 544. Too large"), 256, uses_288)
MAIN(three_frames_full, EXPECT_ACCEPT RETVAL(0), 128, uses_128_calls_256)
MAIN(three_frames_too_large, EXPECT_REJECT("combined stack size of 3 calls is 544. Too large"), 128, uses_160_calls_256)
MAIN(callee_takes_all, EXPECT_REJECT("combined stack size of 2 calls is"), 8, uses_512)
/* A frame counts in steps of 16 bytes where programs are compiled (32 where not), and at least one. */
MAIN(rounded_up, EXPECT_REJECT("combined stack size of 2 calls is 528. Too large"), 264, uses_256)
MAIN(rounded_up_below, EXPECT_ACCEPT RETVAL(0), 248, uses_256)

/* The branches of the graph do not add up. */
SEC("socket") EXPECT_ACCEPT RETVAL(0)
NAKED int one_after_the_other(void)
{
	ASM(R"(
	*(u64 *)(r10 - 224) = 0
	call uses_256
	call uses_288
	call uses_256
	r0 = 0
	exit
	)");
}

SEC("socket") EXPECT_REJECT("combined stack size of 3 calls is")
NAKED int longer_branch_counts(void)
{
	ASM(R"(
	*(u64 *)(r10 - 224) = 0
	call uses_256
	call calls_288
	r0 = 0
	exit
	)");
}

/* A small frame takes room too. */
SEC("socket") EXPECT_ACCEPT RETVAL(0)
NAKED int small_frame(void)
{
	ASM("call uses_8; *(u64 *)(r10 - 480) = 0; r0 = 0; exit;");
}

SEC("socket") EXPECT_REJECT("combined stack size of 2 calls is 528. Too large")
NAKED int small_frame_without_room(void)
{
	ASM("call uses_8; *(u64 *)(r10 - 512) = 0; r0 = 0; exit;");
}

/* Reads reserve stack as writes do. */
SUBPROG int reads_288(void)
{
	ASM("r0 = *(u64 *)(r10 - 288); exit;");
}
MAIN(reads_count, EXPECT_REJECT("combined stack size of 2 calls is 544. Too large"), 256, reads_288)

SUBPROG int helper_288(void)
{
	ASM("r2 = 0; r3 = r10; r3 += -288; r4 = 8; call 26; r0 = 0; exit;");
}
MAIN(memory_of_helpers_counts, EXPECT_REJECT("combined stack size of 2 calls is 544. Too large"), 256, helper_288)

/* Callbacks stand on the frames of those who call them. */
SEC("socket") EXPECT_REJECT("combined stack size of 2 calls is 544. Too large")
NAKED int callback_too_large(void)
{
	ASM(R"(
	*(u64 *)(r10 - 256) = 0
	r1 = 1
	r2 = uses_288 ll
	r3 = 0
	r4 = 0
	call %[bpf_loop]
	r0 = 0
	exit
	)", IMM(bpf_loop));
}

SEC("socket") EXPECT_ACCEPT RETVAL(0)
NAKED int callback_full(void)
{
	ASM(R"(
	*(u64 *)(r10 - 256) = 0
	r1 = 1
	r2 = uses_256 ll
	r3 = 0
	r4 = 0
	call %[bpf_loop]
	r0 = 0
	exit
	)", IMM(bpf_loop));
}

/* Eight frames: the program's own and seven. */
SUBPROG int frame8(void) { ASM("r0 = 8; exit;"); }
SUBPROG int frame7(void) { ASM("call frame8; exit;"); }
SUBPROG int frame6(void) { ASM("call frame7; exit;"); }
SUBPROG int frame5(void) { ASM("call frame6; exit;"); }
SUBPROG int frame4(void) { ASM("call frame5; exit;"); }
SUBPROG int frame3(void) { ASM("call frame4; exit;"); }
SUBPROG int frame2(void) { ASM("call frame3; exit;"); }
SUBPROG int frame1(void) { ASM("call frame2; exit;"); }

SEC("socket") EXPECT_ACCEPT RETVAL(8)
NAKED int eight_frames(void)
{
	ASM("call frame2; exit;");
}

SEC("socket") EXPECT_REJECT("the call stack of 9 frames is too deep")
NAKED int nine_frames(void)
{
	ASM("call frame1; exit;");
}

/* Two that call each other. */
SUBPROG int ping(void) { ASM("if r1 == 0 goto 1f; r1 -= 1; call pong; 1: r0 = 0; exit;"); }
SUBPROG int pong(void) { ASM("if r1 == 0 goto 1f; r1 -= 1; call ping; 1: r0 = 0; exit;"); }

/* Even where it would end: the graph has a circle. */
SEC("socket") EXPECT_REJECT("frames is too deep")
REWORDED("recursive call")
NAKED int mutual_recursion(void)
{
	ASM("r1 = 2; call ping; r0 = 0; exit;");
}

char LICENSE[] SEC("license") = "GPL";
