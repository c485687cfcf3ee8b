/* Static subprograms, verified where they are called: issue 3, point 2. */
#include "expect.h"

MAP(values, ARRAY, 1, __u32, __u64[8]);

SUBPROG int five(void)
{
	ASM("r0 = 5; exit;");
}

SUBPROG int first_argument(void)
{
	ASM("r0 = r1; exit;");
}

SUBPROG int nothing(void)
{
	ASM("r2 = 5; exit;");
}

SUBPROG int reads_word(void)
{
	ASM("r0 = *(u64 *)(r1 + 0); exit;");
}

SUBPROG int writes_word(void)
{
	ASM("*(u64 *)(r1 + 0) = 9; r0 = 0; exit;");
}

SUBPROG int reads_r6(void)
{
	ASM("r0 = r6; exit;");
}

SUBPROG int clobbers_saved(void)
{
	ASM("r6 = 0; r7 = 0; r8 = 0; r9 = 0; r0 = 0; exit;");
}

SUBPROG int own_stack(void)
{
	ASM("*(u64 *)(r10 - 8) = 77; r0 = *(u64 *)(r10 - 8); exit;");
}

SUBPROG int stack_address(void)
{
	ASM("r0 = r10; exit;");
}

SUBPROG int spills_its_stack(void)
{
	ASM("r2 = r10; *(u64 *)(r1 + 0) = r2; r0 = 0; exit;");
}

SUBPROG int null_or_argument(void)
{
	ASM("r6 = r1; call 7; if r0 == 0 goto 1f; r0 = r6; 1: exit;");
}

SUBPROG int is_small(void)
{
	ASM("r0 = 0; if r1 > 63 goto 1f; r0 = 1; 1: exit;");
}

SUBPROG int falls_out(void)
{
	ASM("r0 = 0;");
}

SUBPROG int endless(void)
{
	ASM("1: r0 = 0; if r0 == 0 goto 1b; exit;");
}

SUBPROG int calls_itself(void)
{
	ASM("r0 = 0; if r1 == 0 goto 1f; call calls_itself; 1: exit;");
}

SUBPROG int level3(void)
{
	ASM("r0 = *(u64 *)(r1 - 8); exit;");
}

SUBPROG int level2(void)
{
	ASM("call level3; exit;");
}

#define CALLS(name, verdict, code) SEC("socket") verdict NAKED int name(void) { ASM(code "exit;"); }

CALLS(result_is_known, EXPECT_ACCEPT RETVAL(5), "call five; if r0 == 5 goto 1f; r0 = r9; 1:")
CALLS(result_is_known_otherwise, EXPECT_REJECT("R9 !read_ok"), "call five; if r0 == 6 goto 1f; r0 = r9; 1:")
CALLS(argument_given, EXPECT_ACCEPT RETVAL(3), "r1 = 3; call first_argument;")
CALLS(argument_missing, EXPECT_REJECT("R1 !read_ok"), "r6 = r1; call 7; call first_argument;")
CALLS(no_result, EXPECT_REJECT("R0 !read_ok"), "call nothing; r1 = r0; r0 = 0;")
CALLS(no_result_unused, EXPECT_ACCEPT RETVAL(0), "call nothing; r0 = 0;")
CALLS(arguments_clobbered, EXPECT_REJECT("R2 !read_ok"), "r2 = 1; call five; r0 = r2;")
CALLS(saved_registers_kept, EXPECT_ACCEPT RETVAL(2), "r6 = 2; call clobbers_saved; r0 = r6;")
CALLS(saved_registers_not_seen, EXPECT_REJECT("R6 !read_ok"), "r6 = 2; call reads_r6;")
CALLS(reads_callers_stack, EXPECT_ACCEPT RETVAL(4), "*(u64 *)(r10 - 8) = 4; r1 = r10; r1 += -8; call reads_word;")
CALLS(reads_callers_stack_too_high, EXPECT_REJECT("invalid read from stack R1 off=0 size=8"), "r1 = r10; call reads_word;")
CALLS(reads_number, EXPECT_REJECT("R1 invalid mem access 'scalar'"), "r1 = 8; call reads_word;")
CALLS(writes_callers_stack, EXPECT_ACCEPT RETVAL(9), "r1 = r10; r1 += -8; call writes_word; r0 = *(u64 *)(r10 - 8); if r0 == 9 goto 1f; r0 = r9; 1:")
CALLS(writes_callers_pointer, EXPECT_REJECT("R1 invalid mem access 'scalar'"),
      "*(u64 *)(r10 - 8) = r1; r1 = r10; r1 += -8; call writes_word; r1 = *(u64 *)(r10 - 8); w0 = *(u32 *)(r1 + 0);")
CALLS(writes_beside_callers_pointer, EXPECT_ACCEPT RETVAL(64),
      "*(u64 *)(r10 - 8) = r1; r1 = r10; r1 += -16; call writes_word; r1 = *(u64 *)(r10 - 8); w0 = *(u32 *)(r1 + 0); if w0 == 50 goto 1f; r0 = 64; 1: r0 = 64;")
CALLS(stacks_are_apart, EXPECT_ACCEPT RETVAL(1), "*(u64 *)(r10 - 8) = 1; call own_stack; r0 = *(u64 *)(r10 - 8);")
CALLS(stack_pointer_returned, EXPECT_REJECT("cannot return stack pointer to the caller"), "call stack_address; r0 = 0;")
CALLS(stack_pointer_spilled_up, EXPECT_REJECT("cannot spill pointers to stack into stack frame of the caller"),
      "r1 = r10; r1 += -8; call spills_its_stack; r0 = 0;")
/* A check in the callee holds for the caller's copies too. */
CALLS(checked_by_callee, EXPECT_ACCEPT RETVAL(0),
      "call 7; r6 = r0; r1 = r0; call is_small; if r0 == 0 goto 1f; if r6 < 64 goto 1f; r0 = r9; 1: r0 = 0;")
CALLS(checked_by_callee_short, EXPECT_REJECT("R9 !read_ok"),
      "call 7; r6 = r0; r1 = r0; call is_small; if r0 == 0 goto 1f; if r6 < 63 goto 1f; r0 = r9; 1: r0 = 0;")
CALLS(falls_out_of_function, EXPECT_REJECT("last insn is not an exit or jmp"), "call falls_out; r0 = 0;")
CALLS(endless_in_subprogram, EXPECT_REJECT("infinite loop detected"), "call endless; r0 = 0;")
CALLS(recursive, EXPECT_REJECT("the call stack of 9 frames is too deep"), "r1 = 1; call calls_itself;")
CALLS(two_levels, EXPECT_ACCEPT RETVAL(6), "*(u64 *)(r10 - 16) = 6; r1 = r10; r1 += -8; call level2;")
CALLS(two_levels_too_high, EXPECT_REJECT("invalid read from stack R1 off=0 size=8"), "r1 = r10; r1 += 8; call level2;")

/* A pointer or null comes back. */
SEC("socket") EXPECT_ACCEPT RETVAL(0)
NAKED int result_checked(void)
{
	ASM("r7 = r1;" R"(
	call null_or_argument
	if r0 == 0 goto 1f
	w0 = *(u32 *)(r0 + 0)
1:	r0 = 0
	exit
	)");
}

SEC("socket") EXPECT_REJECT("R0 invalid mem access 'scalar'")
NAKED int result_unchecked(void)
{
	ASM(R"(
	call null_or_argument
	w0 = *(u32 *)(r0 + 0)
	r0 = 0
	exit
	)");
}

/* A value is looked up by the callee and used by the caller. */
SUBPROG int look_up(void)
{
	ASM(R"(
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	call %[bpf_map_lookup_elem]
	exit
	)", IMM(bpf_map_lookup_elem));
}

SEC("socket") EXPECT_ACCEPT RETVAL(0)
NAKED int value_from_subprogram(void)
{
	ASM(R"(
	r1 = %[values] ll
	call look_up
	if r0 == 0 goto 1f
	r1 = *(u64 *)(r0 + 56)
1:	r0 = 0
	exit
	)", ADDR(values));
}

SEC("socket") EXPECT_REJECT("invalid access to map value, value_size=64 off=57 size=8")
NAKED int value_from_subprogram_over(void)
{
	ASM(R"(
	r1 = %[values] ll
	call look_up
	if r0 == 0 goto 1f
	r1 = *(u64 *)(r0 + 57)
1:	r0 = 0
	exit
	)", ADDR(values));
}

/* The same subprogram with other arguments is looked at again. */
SUBPROG int at_index(void)
{
	ASM("r1 += r2; w0 = *(u8 *)(r1 + 0); exit;");
}

SEC("socket") EXPECT_ACCEPT RETVAL(0)
NAKED int called_twice(void)
{
	ASM(LOOKUP(values) R"(
	r6 = r0
	r1 = r6
	r2 = 0
	call at_index
	r1 = r6
	r2 = 63
	call at_index
	r0 = 0
	exit
	)", ADDR(values));
}

SEC("socket") EXPECT_REJECT("invalid access to map value, value_size=64 off=64 size=1")
NAKED int called_twice_over(void)
{
	ASM(LOOKUP(values) R"(
	r6 = r0
	r1 = r6
	r2 = 0
	call at_index
	r1 = r6
	r2 = 64
	call at_index
	r0 = 0
	exit
	)", ADDR(values));
}

/* A jump into the void behind the function. */
SEC("socket") EXPECT_REJECT("jump out of range from insn 1 to 102")
NAKED int jumps_out(void)
{
	ASM(R"(
	r0 = 0
	.byte 0x05, 0; .short 100; .long 0
	exit
	)");
}

/* Real code. */
static __noinline int clamp(int value, int most)
{
	return value < 0 ? 0 : value > most ? most : value;
}

SEC("socket") EXPECT_ACCEPT
int clamped(struct __sk_buff *skb)
{
	__u32 key = 0;
	__u64 *row = bpf_map_lookup_elem(&values, &key);

	return row ? row[clamp(bpf_get_prandom_u32(), 7)] : 0;
}

SEC("socket") EXPECT_REJECT("invalid access to map value, value_size=64 off=64 size=8")
int clamped_too_high(struct __sk_buff *skb)
{
	__u32 key = 0;
	__u64 *row = bpf_map_lookup_elem(&values, &key);

	return row ? row[clamp(bpf_get_prandom_u32(), 8)] : 0;
}

char LICENSE[] SEC("license") = "GPL";
