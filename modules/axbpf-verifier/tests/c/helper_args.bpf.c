/* Arguments of helpers: memory with its size, and what else a prototype asks for: issue 3, point 3. */
#include "expect.h"

MAP(values, ARRAY, 1, __u32, __u64[8]);
MAP(hash, HASH, 4, __u64, __u64);
MAP(events, PERF_EVENT_ARRAY, 4, __u32, __u32);
MAP(stacks, STACK_TRACE, 4, __u32, __u64[16]);
RING(ring);

const volatile char format[] = "number %d\n";

#define CALL(name, section, verdict, code) \
	SEC(section) verdict NAKED int name(void) { ASM("r9 = r1;" code "1: r0 = 0; exit;", ADDR(values), ADDR(hash), ADDR(events), ADDR(stacks), ADDR(ring), ADDR(format)); }

/* probe_read_kernel(dst, size, from): size may be 0. */
#define READ "call 113;"
CALL(size_fits, "kprobe", EXPECT_ACCEPT, "r1 = r10; r1 += -16; r2 = 16; r3 = 0;" READ)
CALL(size_too_large, "kprobe", EXPECT_REJECT("invalid indirect access to stack R1 off=-16 size=17") REWORDED("invalid write to stack R1 off=-16 size=17"), "r1 = r10; r1 += -16; r2 = 17; r3 = 0;" READ)
CALL(size_zero, "kprobe", EXPECT_ACCEPT, "r1 = r10; r1 += -16; r2 = 0; r3 = 0;" READ)
CALL(size_negative, "kprobe", EXPECT_REJECT("R2 min value is negative"), "r1 = r10; r1 += -16; r2 = -1; r3 = 0;" READ)
CALL(size_unbounded, "kprobe", EXPECT_REJECT("R2 min value is negative"), "call 7; r2 = r0; r1 = r10; r1 += -16; r3 = 0;" READ)
CALL(size_unbounded_positive, "kprobe", EXPECT_REJECT("R2 unbounded memory access, use 'var &= const' or 'if (var < const)'"), "call 7; w2 = w0; r1 = r10; r1 += -16; r3 = 0;" READ)
CALL(size_masked, "kprobe", EXPECT_ACCEPT, "call 7; r2 = r0; r2 &= 15; r1 = r10; r1 += -16; r3 = 0;" READ)
CALL(size_masked_over, "kprobe", EXPECT_REJECT("invalid indirect access to stack R1 off=-16 size=31") REWORDED("invalid write to stack R1 off=-16 size=31"), "call 7; r2 = r0; r2 &= 31; r1 = r10; r1 += -16; r3 = 0;" READ)
CALL(size_checked, "kprobe", EXPECT_ACCEPT, "call 7; r2 = r0; if r2 > 16 goto 1f; r1 = r10; r1 += -16; r3 = 0;" READ)
CALL(size_checked_signed, "kprobe", EXPECT_REJECT("R2 min value is negative"), "call 7; r2 = r0; if r2 s> 16 goto 1f; r1 = r10; r1 += -16; r3 = 0;" READ)
CALL(size_checked_both, "kprobe", EXPECT_ACCEPT, "call 7; r2 = r0; if r2 s> 16 goto 1f; if r2 s< 0 goto 1f; r1 = r10; r1 += -16; r3 = 0;" READ)
CALL(null_with_zero_size, "kprobe", EXPECT_REJECT("R1 type=scalar expected=fp"), "r1 = 0; r2 = 0; r3 = 0;" READ)
CALL(size_is_a_pointer, "kprobe", EXPECT_REJECT("R2 type=fp expected=scalar"), "r1 = r10; r1 += -16; r2 = r10; r3 = 0;" READ)
CALL(size_missing, "kprobe", EXPECT_REJECT("R2 !read_ok"), "call 7; r1 = r10; r1 += -16; r3 = 0;" READ)
CALL(into_value, "kprobe", EXPECT_ACCEPT, LOOKUP(values) "r1 = r0; r2 = 64; r3 = 0;" READ)
CALL(into_value_over, "kprobe", EXPECT_REJECT("invalid access to map value, value_size=64 off=0 size=65"), LOOKUP(values) "r1 = r0; r2 = 65; r3 = 0;" READ)
CALL(into_moved_value, "kprobe", EXPECT_ACCEPT, LOOKUP(values) "r1 = r0; r1 += 32; r2 = 32; r3 = 0;" READ)
CALL(into_moved_value_over, "kprobe", EXPECT_REJECT("invalid access to map value, value_size=64 off=32 size=33"), LOOKUP(values) "r1 = r0; r1 += 32; r2 = 33; r3 = 0;" READ)
CALL(into_value_zero, "kprobe", EXPECT_ACCEPT, LOOKUP(values) "r1 = r0; r2 = 0; r3 = 0;" READ)
CALL(into_value_variable, "kprobe", EXPECT_ACCEPT, "call 7; r7 = r0; r7 &= 31;" LOOKUP(values) "r1 = r0; r1 += r7; r2 = 32; r3 = 0;" READ)
CALL(into_value_variable_over, "kprobe", EXPECT_REJECT("R1 max value is outside of the allowed memory range"), "call 7; r7 = r0; r7 &= 31;" LOOKUP(values) "r1 = r0; r1 += r7; r2 = 34; r3 = 0;" READ)
CALL(into_number, "kprobe", EXPECT_REJECT("R1 type=scalar expected=fp"), "r1 = 4096; r2 = 8; r3 = 0;" READ)
CALL(into_context, "kprobe", EXPECT_REJECT("R1 type=ctx expected=fp"), "r2 = 8; r3 = 0;" READ)
CALL(into_unchecked_value, "kprobe", EXPECT_REJECT("R1 type=map_value_or_null expected=fp"), "*(u64 *)(r10 - 8) = 0; r2 = r10; r2 += -8; r1 = %[hash] ll; call 1; r1 = r0; r2 = 8; r3 = 0;" READ)
CALL(from_pointer, "kprobe", EXPECT_ACCEPT, "r1 = r10; r1 += -16; r2 = 16; r3 = r9;" READ)
/* What was filled is a number. */
CALL(filled_is_a_number, "kprobe", EXPECT_REJECT("R1 invalid mem access 'scalar'"), "*(u64 *)(r10 - 16) = r10; r1 = r10; r1 += -16; r2 = 16; r3 = 0;" READ "r1 = *(u64 *)(r10 - 16); r0 = *(u8 *)(r1 - 1);")
CALL(not_filled_stays, "kprobe", EXPECT_ACCEPT, "*(u64 *)(r10 - 24) = r10; r1 = r10; r1 += -16; r2 = 16; r3 = 0;" READ "r1 = *(u64 *)(r10 - 24); r0 = *(u8 *)(r1 - 1);")

/* get_current_comm(dst, size): size must not be 0. */
CALL(nonzero_size, "kprobe", EXPECT_ACCEPT, "r1 = r10; r1 += -16; r2 = 16; call 16;")
CALL(nonzero_size_zero, "kprobe", EXPECT_REJECT("R2 invalid zero-sized read: u64=[0,0]"), "r1 = r10; r1 += -16; r2 = 0; call 16;")
CALL(nonzero_size_perhaps_zero, "kprobe", EXPECT_REJECT("R2 invalid zero-sized read: u64=[0,15]"), "call 7; r2 = r0; r2 &= 15; r1 = r10; r1 += -16; call 16;")
CALL(nonzero_size_checked, "kprobe", EXPECT_ACCEPT, "call 7; r2 = r0; r2 &= 15; if r2 == 0 goto 1f; r1 = r10; r1 += -16; call 16;")

/* csum_diff(from, size, to, size, seed): null goes with 0. */
CALL(null_pair, "tc", EXPECT_ACCEPT RETVAL(0), "r1 = 0; r2 = 0; *(u64 *)(r10 - 8) = 0; r3 = r10; r3 += -8; r4 = 8; r5 = 0; call 28;")
CALL(null_with_size, "tc", EXPECT_REJECT("R1 type=scalar expected=fp"), "r1 = 0; r2 = 8; *(u64 *)(r10 - 8) = 0; r3 = r10; r3 += -8; r4 = 8; r5 = 0; call 28;")
CALL(perhaps_null_with_size, "tc", EXPECT_ACCEPT, "*(u64 *)(r10 - 8) = 0; r2 = r10; r2 += -8; r1 = %[hash] ll; call 1; r1 = r0; r2 = 8; r3 = 0; r4 = 0; r5 = 0; call 28;")

/* perf_event_output(ctx, map, flags, data, size) */
CALL(perf_output, "tc", EXPECT_ACCEPT, "*(u64 *)(r10 - 8) = 0; r1 = r9; r2 = %[events] ll; r3 = 0xffffffff ll; r4 = r10; r4 += -8; r5 = 8; call 25;")
CALL(perf_output_too_much, "tc", EXPECT_REJECT("stack R4 off=-8 size=16"), "*(u64 *)(r10 - 8) = 0; r1 = r9; r2 = %[events] ll; r3 = 0xffffffff ll; r4 = r10; r4 += -8; r5 = 16; call 25;")
CALL(perf_output_to_array, "tc", EXPECT_REJECT("cannot pass map_type 2 into func bpf_perf_event_output#25"), "*(u64 *)(r10 - 8) = 0; r1 = r9; r2 = %[values] ll; r3 = 0; r4 = r10; r4 += -8; r5 = 8; call 25;")
CALL(perf_output_context, "tc", EXPECT_REJECT("R1 type=fp expected=ctx"), "*(u64 *)(r10 - 8) = 0; r1 = r10; r2 = %[events] ll; r3 = 0; r4 = r10; r4 += -8; r5 = 8; call 25;")

/* get_stackid(ctx, map, flags) */
CALL(stack_id, "kprobe", EXPECT_ACCEPT, "r1 = r9; r2 = %[stacks] ll; r3 = 0; call 27;")
CALL(stack_id_of_ring, "kprobe", EXPECT_REJECT("cannot pass map_type 27 into func bpf_get_stackid#27"), "r1 = r9; r2 = %[ring] ll; r3 = 0; call 27;")

/* get_stack(ctx, buf, size, flags): at most so many bytes come back. */
CALL(stack_length, "kprobe", EXPECT_ACCEPT, LOOKUP(values) "r6 = r0; r1 = r9; r2 = r6; r3 = 64; r4 = 0; call 67; if r0 s< 0 goto 1f; if r0 s> 63 goto 1f; r6 += r0; w0 = *(u8 *)(r6 + 0);")
/* The result is at most the size, which is one too far. */
CALL(stack_length_end, "kprobe", EXPECT_REJECT("invalid access to map value, value_size=64 off=64 size=1"), LOOKUP(values) "r6 = r0; r1 = r9; r2 = r6; r3 = 64; r4 = 0; call 67; if r0 s< 0 goto 1f; r6 += r0; w0 = *(u8 *)(r6 + 0);")
CALL(stack_length_shorter, "kprobe", EXPECT_ACCEPT, LOOKUP(values) "r6 = r0; r1 = r9; r2 = r6; r3 = 63; r4 = 0; call 67; if r0 s< 0 goto 1f; r6 += r0; w0 = *(u8 *)(r6 + 0);")
CALL(stack_length_unchecked, "kprobe", EXPECT_REJECT("R6 min value is negative"), LOOKUP(values) "r6 = r0; r1 = r9; r2 = r6; r3 = 32; r4 = 0; call 67; r6 += r0; w0 = *(u8 *)(r6 + 0);")

/* probe_read_kernel_str likewise. */
CALL(string_length, "kprobe", EXPECT_ACCEPT, LOOKUP(values) "r6 = r0; r1 = r6; r2 = 32; r3 = 0; call 115; if r0 s< 0 goto 1f; r6 += r0; w0 = *(u8 *)(r6 + 0);")
CALL(string_length_unchecked, "kprobe", EXPECT_REJECT("R6 min value is negative"), LOOKUP(values) "r6 = r0; r1 = r6; r2 = 32; r3 = 0; call 115; r6 += r0; w0 = *(u8 *)(r6 + 0);")

/* Constant strings. */
CALL(snprintf_constant, "tc", EXPECT_ACCEPT, "*(u64 *)(r10 - 8) = 5; r1 = r10; r1 += -32; r2 = 16; r3 = %[format] ll; r4 = r10; r4 += -8; r5 = 8; call 165;")
CALL(snprintf_on_stack, "tc", EXPECT_REJECT("R3 type=fp expected=map_value"), "*(u64 *)(r10 - 8) = 5; r1 = r10; r1 += -32; r2 = 16; r3 = r10; r3 += -8; r4 = r10; r4 += -8; r5 = 8; call 165;")
CALL(snprintf_in_writable, "tc", EXPECT_REJECT("does not point to a readonly map"), LOOKUP(values) "r3 = r0; *(u64 *)(r10 - 8) = 5; r1 = r10; r1 += -32; r2 = 16; r4 = r10; r4 += -8; r5 = 8; call 165;")
CALL(snprintf_too_few, "tc", EXPECT_REJECT("Invalid format string"), "*(u64 *)(r10 - 8) = 5; r1 = r10; r1 += -32; r2 = 16; r3 = %[format] ll; r4 = 0; r5 = 0; call 165;")

/* strtol writes its result. */
CALL(string_to_number, "syscall", EXPECT_ACCEPT, "*(u64 *)(r10 - 8) = 0x37; r1 = r10; r1 += -8; r2 = 8; r3 = 0; r4 = r10; r4 += -16; call 105;")
CALL(string_to_number_misaligned, "syscall", EXPECT_REJECT("misaligned stack access off"), "*(u64 *)(r10 - 8) = 0x37; r1 = r10; r1 += -8; r2 = 8; r3 = 0; r4 = r10; r4 += -20; call 105;")
CALL(string_to_number_too_high, "syscall", EXPECT_REJECT("stack R4 off=-4 size=8"), "*(u64 *)(r10 - 8) = 0x37; r1 = r10; r1 += -8; r2 = 8; r3 = 0; r4 = r10; r4 += -4; call 105;")

/* Unknown and impossible calls. */
CALL(unknown_helper, "tc", EXPECT_REJECT("invalid func unknown#100000"), "call 100000;")
CALL(helper_zero, "tc", EXPECT_REJECT("program of this type cannot use helper bpf_unspec#0"), "call 0;")

char LICENSE[] SEC("license") = "GPL";
