/* Dynptrs: issue 3, point 3. */
#include "expect.h"

RING(ring);
MAP(values, ARRAY, 1, __u32, __u64[8]);

/* A dynptr takes 16 bytes at (r10 - 16). Label 1 leaves. */
#define DYNPTR(name, verdict, code) SEC("tc") verdict NAKED int name(void) { ASM("r9 = r1;" code "1: r0 = 0; exit;", ADDR(ring), ADDR(values)); }
#define RESERVE(size) "r1 = %[ring] ll; r2 = " size "; r3 = 0; r4 = r10; r4 += -16; call 198;"
#define SUBMIT "r1 = r10; r1 += -16; r2 = 0; call 199;"
#define DISCARD "r1 = r10; r1 += -16; r2 = 0; call 200;"
#define FROM_VALUE(size) LOOKUP(values) "r1 = r0; r2 = " size "; r3 = 0; r4 = r10; r4 += -16; call 197;"
/* (dst at -24, 8 bytes) */
#define READ "*(u64 *)(r10 - 24) = 0; r1 = r10; r1 += -24; r2 = 8; r3 = r10; r3 += -16; r4 = 0; r5 = 0; call 201;"
#define WRITE "*(u64 *)(r10 - 24) = 0; r1 = r10; r1 += -16; r2 = 0; r3 = r10; r3 += -24; r4 = 8; r5 = 0; call 202;"
#define DATA(size) "r1 = r10; r1 += -16; r2 = 0; r3 = " size "; call 203;"

DYNPTR(submitted, EXPECT_ACCEPT RETVAL(0), RESERVE("16") SUBMIT)
DYNPTR(discarded, EXPECT_ACCEPT RETVAL(0), RESERVE("16") DISCARD)
DYNPTR(forgotten, EXPECT_REJECT("Unreleased reference id="), RESERVE("16"))
/* It has to be given back even where nothing was reserved. */
DYNPTR(failed_not_given_back, EXPECT_REJECT("Unreleased reference id="), RESERVE("16") "if r0 != 0 goto 1f;" SUBMIT)
DYNPTR(submitted_twice, EXPECT_REJECT("arg 1 is an unacquired reference"), RESERVE("16") SUBMIT SUBMIT)
DYNPTR(not_initialized, EXPECT_REJECT("arg 1 is an unacquired reference"), SUBMIT)
DYNPTR(size_unknown, EXPECT_ACCEPT RETVAL(0), "call 7; r2 = r0; r2 &= 63; r1 = %[ring] ll; r3 = 0; r4 = r10; r4 += -16; call 198;" SUBMIT)
DYNPTR(written_by_helper, EXPECT_ACCEPT RETVAL(0), RESERVE("16") WRITE SUBMIT)
DYNPTR(read_by_helper, EXPECT_ACCEPT RETVAL(0), RESERVE("16") READ SUBMIT)
DYNPTR(data_used, EXPECT_ACCEPT RETVAL(0), RESERVE("16") DATA("16") "if r0 == 0 goto 2f; *(u64 *)(r0 + 8) = 1; 2:" SUBMIT)
DYNPTR(data_unchecked, EXPECT_REJECT("R0 invalid mem access 'mem_or_null'"), RESERVE("16") DATA("16") "*(u64 *)(r0 + 8) = 1;" SUBMIT)
DYNPTR(data_too_far, EXPECT_REJECT("invalid access to memory, mem_size=16 off=16 size=8"), RESERVE("16") DATA("16") "if r0 == 0 goto 2f; *(u64 *)(r0 + 16) = 1; 2:" SUBMIT)
DYNPTR(data_size_unknown, EXPECT_REJECT("R3 is not a known constant"), RESERVE("16") "call 7; r1 = r10; r1 += -16; r2 = 0; r3 = r0; call 203;" SUBMIT)
DYNPTR(data_after_submit, EXPECT_REJECT("R7 invalid mem access 'scalar'"), RESERVE("16") DATA("16") "if r0 == 0 goto 2f; r7 = r0;" SUBMIT "*(u64 *)(r7 + 0) = 1; goto 1f; 2:" SUBMIT)
DYNPTR(data_submitted, EXPECT_REJECT("R1 type=mem expected=ringbuf_mem"), RESERVE("16") DATA("16") "if r0 == 0 goto 2f; r1 = r0; r2 = 0; call 132; goto 1f; 2:" SUBMIT)
DYNPTR(overwritten, EXPECT_REJECT("cannot overwrite referenced dynptr"), RESERVE("16") "*(u64 *)(r10 - 16) = 0;" SUBMIT)
DYNPTR(overwritten_second_half, EXPECT_REJECT("cannot overwrite referenced dynptr"), RESERVE("16") "*(u8 *)(r10 - 1) = 0;" SUBMIT)
DYNPTR(read_directly, EXPECT_REJECT("invalid read from stack off -16+0 size 8"), RESERVE("16") "r7 = *(u64 *)(r10 - 16);" SUBMIT)
DYNPTR(written_beside, EXPECT_ACCEPT RETVAL(0), RESERVE("16") "*(u64 *)(r10 - 24) = 0;" SUBMIT)
DYNPTR(half_given, EXPECT_REJECT("cannot pass in dynptr at an offset=-8"), RESERVE("16") "r1 = r10; r1 += -8; r2 = 0; call 199;" SUBMIT)
DYNPTR(misplaced, EXPECT_REJECT("cannot pass in dynptr at an offset=-12"), "r1 = %[ring] ll; r2 = 8; r3 = 0; r4 = r10; r4 += -12; call 198;")
DYNPTR(too_high, EXPECT_REJECT("cannot pass in dynptr at an offset=-8"), "r1 = %[ring] ll; r2 = 8; r3 = 0; r4 = r10; r4 += -8; call 198;")
DYNPTR(variable_place, EXPECT_REJECT("dynptr has to be at a constant offset"), "call 7; r7 = r0; r7 &= 8; r4 = r10; r4 += -32; r4 += r7; r1 = %[ring] ll; r2 = 8; r3 = 0; call 198;")
DYNPTR(in_map, EXPECT_REJECT("R4 type=map_value expected=fp"), LOOKUP(values) "r4 = r0; r1 = %[ring] ll; r2 = 8; r3 = 0; call 198;")
DYNPTR(initialized_twice, EXPECT_REJECT("cannot overwrite referenced dynptr"), RESERVE("16") RESERVE("8") SUBMIT)

/* Over memory of a map value: nothing to give back. */
DYNPTR(local, EXPECT_ACCEPT RETVAL(0), FROM_VALUE("64") READ)
DYNPTR(local_too_large, EXPECT_REJECT("invalid access to map value, value_size=64 off=0 size=65"), FROM_VALUE("65"))
DYNPTR(local_submitted, EXPECT_REJECT("arg 1 is an unacquired reference"), FROM_VALUE("64") SUBMIT)
DYNPTR(local_overwritten, EXPECT_ACCEPT RETVAL(0), FROM_VALUE("64") "*(u64 *)(r10 - 16) = 0;")
DYNPTR(local_overwritten_used, EXPECT_REJECT("Expected an initialized dynptr as arg #2"), FROM_VALUE("64") "*(u64 *)(r10 - 16) = 0;" READ)
DYNPTR(local_twice, EXPECT_ACCEPT RETVAL(0), FROM_VALUE("64") FROM_VALUE("32") READ)
DYNPTR(local_of_stack, EXPECT_REJECT("Unsupported reg type fp for bpf_dynptr_from_mem data"), "*(u64 *)(r10 - 24) = 0; r1 = r10; r1 += -24; r2 = 8; r3 = 0; r4 = r10; r4 += -16; call 197;")
DYNPTR(local_data, EXPECT_ACCEPT RETVAL(0), FROM_VALUE("64") DATA("8") "if r0 == 0 goto 1f; *(u64 *)(r0 + 0) = 1;")

/* In a subprogram of its own. */
SUBPROG int submits(void)
{
	ASM("r2 = 0; call 199; r0 = 0; exit;");
}
DYNPTR(submitted_by_callee, EXPECT_ACCEPT RETVAL(0), RESERVE("16") "r1 = r10; r1 += -16; call submits;")
DYNPTR(submitted_by_callee_and_here, EXPECT_REJECT("arg 1 is an unacquired reference"), RESERVE("16") "r1 = r10; r1 += -16; call submits;" SUBMIT)

/* Real code. */
SEC("tc") EXPECT_ACCEPT RETVAL(0)
int reports(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	__u32 length = skb->len;

	if (bpf_ringbuf_reserve_dynptr(&ring, (length & 31) + 4, 0, &ptr)) {
		bpf_ringbuf_discard_dynptr(&ptr, 0);
		return 0;
	}
	bpf_dynptr_write(&ptr, 0, &length, sizeof(length), 0);
	bpf_ringbuf_submit_dynptr(&ptr, 0);
	return 0;
}

SEC("tc") EXPECT_REJECT("Unreleased reference id=")
int reports_if_it_can(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	__u32 length = skb->len;

	if (bpf_ringbuf_reserve_dynptr(&ring, (length & 31) + 4, 0, &ptr))
		return 0;
	bpf_dynptr_write(&ptr, 0, &length, sizeof(length), 0);
	bpf_ringbuf_submit_dynptr(&ptr, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
