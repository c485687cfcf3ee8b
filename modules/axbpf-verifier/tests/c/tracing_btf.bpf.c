/* Arguments with types, of tracepoints: issue 3, points 1, 3 and 4. The judge's own kernel has the types. */
#include "expect.h"

#define TRACE(name, section, verdict, code) SEC(section) verdict NAKED int name(void) { ASM(code "r0 = 0; exit;"); }

/* sched_switch(bool preempt, struct task_struct *prev, struct task_struct *next, unsigned int prev_state) */
#define SWITCH "tp_btf/sched_switch"
#define UNTYPED HERE_DIFFERS("without BTF of the kernel, arguments are numbers")
TRACE(argument_number, SWITCH, EXPECT_ACCEPT, "r1 = *(u64 *)(r1 + 0);")
TRACE(argument_number_is_no_pointer, SWITCH, EXPECT_REJECT("R1 invalid mem access 'scalar'"), "r1 = *(u64 *)(r1 + 0); r0 = *(u64 *)(r1 + 0);")
TRACE(argument_pointer, SWITCH, EXPECT_ACCEPT UNTYPED, "r1 = *(u64 *)(r1 + 8); r0 = *(u64 *)(r1 + 0);")
TRACE(argument_pointer_beyond, SWITCH, EXPECT_REJECT("access beyond struct task_struct at off 1048576 size 8") UNTYPED, "r1 = *(u64 *)(r1 + 8); r1 += 1048576; r0 = *(u64 *)(r1 + 0);")
TRACE(argument_pointer_written, SWITCH, EXPECT_REJECT("only read is supported") UNTYPED, "r1 = *(u64 *)(r1 + 8); *(u64 *)(r1 + 0) = 0;")
TRACE(argument_pointer_before, SWITCH, EXPECT_REJECT("R1 is ptr_task_struct invalid negative access: off=-8") UNTYPED, "r1 = *(u64 *)(r1 + 8); r0 = *(u64 *)(r1 - 8);")
TRACE(argument_pointer_variable, SWITCH, EXPECT_REJECT("R6 is ptr_task_struct invalid variable offset: off=0") UNTYPED, "r6 = *(u64 *)(r1 + 8); call 7; r0 &= 8; r6 += r0; r0 = *(u64 *)(r6 + 0);")
TRACE(argument_behind_last, SWITCH, EXPECT_REJECT("doesn't have 5-th argument") UNTYPED, "r1 = *(u64 *)(r1 + 32);")
TRACE(argument_half, SWITCH, EXPECT_REJECT("invalid bpf_context access off=8 size=4"), "w1 = *(u32 *)(r1 + 8);")
TRACE(argument_misaligned, SWITCH, EXPECT_REJECT("invalid bpf_context access off=4 size=8"), "r1 = *(u64 *)(r1 + 4);")
TRACE(argument_written, SWITCH, EXPECT_REJECT("invalid bpf_context access off=8 size=8"), "*(u64 *)(r1 + 8) = 0;")
TRACE(argument_to_helper, SWITCH, EXPECT_ACCEPT, "r3 = *(u64 *)(r1 + 8); r1 = r10; r1 += -8; r2 = 8; call 113;")

/* get_current_task_btf has a type, get_current_task is a number. */
TRACE(task_with_type, "raw_tp", EXPECT_ACCEPT, "call 158; r0 = *(u64 *)(r0 + 0);")
TRACE(task_as_number, "raw_tp", EXPECT_REJECT("R0 invalid mem access 'scalar'"), "call 35; r0 = *(u64 *)(r0 + 0);")
TRACE(task_as_number_by_helper, "raw_tp", EXPECT_ACCEPT, "call 35; r3 = r0; r1 = r10; r1 += -8; r2 = 8; call 113;")

char LICENSE[] SEC("license") = "GPL";
