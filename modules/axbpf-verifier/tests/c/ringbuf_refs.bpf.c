/* Records of ring buffers: references that have to be given back: issue 3, point 3. */
#include "expect.h"

RING(ring);
RING(other);
MAP(values, ARRAY, 1, __u32, __u64[8]);

#define REC(name, verdict, code) SEC("socket") verdict NAKED int name(void) { ASM(code "1: r0 = 0; exit;", ADDR(ring), ADDR(other), ADDR(values)); }
#define RESERVE(size) "r1 = %[ring] ll; r2 = " size "; r3 = 0; call 131;"
#define RESERVED(size) RESERVE(size) "if r0 == 0 goto 1f; r6 = r0;"
#define SUBMIT "r1 = r6; r2 = 0; call 132;"
#define DISCARD "r1 = r6; r2 = 0; call 133;"

REC(submitted, EXPECT_ACCEPT RETVAL(0), RESERVED("16") "*(u64 *)(r6 + 8) = 1;" SUBMIT)
REC(discarded, EXPECT_ACCEPT RETVAL(0), RESERVED("16") "*(u64 *)(r6 + 8) = 1;" DISCARD)
REC(forgotten, EXPECT_REJECT("Unreleased reference id=2 alloc_insn="), RESERVED("16") "*(u64 *)(r6 + 8) = 1;")
REC(forgotten_unchecked, EXPECT_REJECT("Unreleased reference id=2 alloc_insn="), RESERVE("16"))
REC(released_on_one_path, EXPECT_REJECT("Unreleased reference id="), RESERVED("16") "call 7; if r0 == 0 goto 1f;" SUBMIT)
REC(released_on_both_paths, EXPECT_ACCEPT RETVAL(0), RESERVED("16") "call 7; if r0 == 0 goto 2f;" SUBMIT "goto 1f; 2:" DISCARD)
REC(released_twice, EXPECT_REJECT("R1 type=scalar expected=ringbuf_mem"), RESERVED("16") SUBMIT "r1 = r6; r2 = 0; call 132;")
REC(used_after_release, EXPECT_REJECT("R6 invalid mem access 'scalar'"), RESERVED("16") SUBMIT "r0 = *(u64 *)(r6 + 0);")
REC(copy_used_after_release, EXPECT_REJECT("R7 invalid mem access 'scalar'"), RESERVED("16") "r7 = r6;" SUBMIT "r0 = *(u64 *)(r7 + 0);")
REC(spilled_used_after_release, EXPECT_REJECT("R7 invalid mem access 'scalar'"),
    RESERVED("16") "*(u64 *)(r10 - 8) = r6;" SUBMIT "r7 = *(u64 *)(r10 - 8); r0 = *(u64 *)(r7 + 0);")
REC(released_from_spill, EXPECT_ACCEPT RETVAL(0), RESERVED("16") "*(u64 *)(r10 - 8) = r6; r6 = 0; r6 = *(u64 *)(r10 - 8);" SUBMIT)
REC(lost, EXPECT_REJECT("Unreleased reference id="), RESERVED("16") "r6 = 0; r0 = 0;")
REC(unchecked_written, EXPECT_REJECT("R0 invalid mem access 'ringbuf_mem_or_null'"), RESERVE("16") "*(u64 *)(r0 + 0) = 1; r6 = r0;" SUBMIT)
REC(unchecked_submitted, EXPECT_REJECT("R1 type=ringbuf_mem_or_null expected=ringbuf_mem"), RESERVE("16") "r6 = r0;" SUBMIT)
REC(null_on_other_path, EXPECT_ACCEPT RETVAL(0), RESERVE("16") "if r0 != 0 goto 2f; goto 1f; 2: r6 = r0;" SUBMIT)
REC(written_behind, EXPECT_REJECT("invalid access to memory, mem_size=16 off=16 size=8"), RESERVED("16") "*(u64 *)(r6 + 16) = 1;" SUBMIT)
REC(written_across_end, EXPECT_REJECT("invalid access to memory, mem_size=16 off=12 size=8"), RESERVED("16") "*(u64 *)(r6 + 12) = 1;" SUBMIT)
REC(written_before, EXPECT_REJECT("R6 min value is outside of the allowed memory range"), RESERVED("16") "*(u64 *)(r6 - 8) = 1;" SUBMIT)
REC(index_checked, EXPECT_ACCEPT, RESERVED("16") "call 7; r0 &= 15; r7 = r6; r7 += r0; *(u8 *)(r7 + 0) = 1;" SUBMIT)
REC(index_unchecked, EXPECT_REJECT("outside of the allowed memory range"), RESERVED("16") "call 7; r0 &= 31; r7 = r6; r7 += r0; *(u8 *)(r7 + 0) = 1;" SUBMIT)
/* What is submitted is the record's beginning. */
REC(moved_submitted, EXPECT_REJECT("must have zero offset when passed to release func"), RESERVED("16") "r6 += 8;" SUBMIT)
REC(moved_back_submitted, EXPECT_ACCEPT RETVAL(0), RESERVED("16") "r6 += 8; r6 += -8;" SUBMIT)
REC(size_unknown, EXPECT_REJECT("R2 is not a known constant"), "call 7; r2 = r0; r2 &= 15; r1 = %[ring] ll; r3 = 0; call 131; if r0 == 0 goto 1f; r6 = r0;" SUBMIT)
REC(size_by_copy, EXPECT_ACCEPT RETVAL(0), "r7 = 8; r7 += 8; r1 = %[ring] ll; r2 = r7; r3 = 0; call 131; if r0 == 0 goto 1f; r6 = r0; *(u64 *)(r6 + 8) = 1;" SUBMIT)
REC(two_records, EXPECT_ACCEPT RETVAL(0), RESERVED("8") "r7 = r6; r1 = %[other] ll; r2 = 8; r3 = 0; call 131; if r0 == 0 goto 2f; r6 = r0;" SUBMIT "2: r6 = r7;" SUBMIT)
REC(two_records_one_left, EXPECT_REJECT("Unreleased reference id="), RESERVED("8") "r7 = r6;" RESERVED("8") SUBMIT "r6 = r7;" SUBMIT)
REC(map_value_submitted, EXPECT_REJECT("R1 type=map_value expected=ringbuf_mem"), LOOKUP(values) "r6 = r0;" SUBMIT)
REC(stack_submitted, EXPECT_REJECT("R1 type=fp expected=ringbuf_mem"), "r6 = r10; r6 += -8;" SUBMIT)
REC(number_submitted, EXPECT_REJECT("R1 type=scalar expected=ringbuf_mem"), "r6 = 0;" SUBMIT)
REC(record_as_key, EXPECT_ACCEPT RETVAL(0), RESERVED("16") "*(u64 *)(r6 + 0) = 0; r2 = r6; r1 = %[values] ll; call 1;" SUBMIT)
REC(record_as_key_too_short, EXPECT_REJECT("invalid access to memory, mem_size=16 off=14 size=4"), RESERVED("16") "r2 = r6; r2 += 14; r1 = %[values] ll; call 1;" SUBMIT)
REC(wrong_map, EXPECT_REJECT("cannot pass map_type 2 into func bpf_ringbuf_reserve#131"), "r1 = %[values] ll; r2 = 8; r3 = 0; call 131; if r0 == 0 goto 1f; r6 = r0;" SUBMIT)

/* One call that copies needs no reference. */
REC(output, EXPECT_ACCEPT RETVAL(0), "*(u64 *)(r10 - 8) = 1; r1 = %[ring] ll; r2 = r10; r2 += -8; r3 = 8; r4 = 0; call 130;")
REC(output_too_much, EXPECT_REJECT("stack R2 off=-8 size=16"), "*(u64 *)(r10 - 8) = 1; r1 = %[ring] ll; r2 = r10; r2 += -8; r3 = 16; r4 = 0; call 130;")
REC(output_nothing, EXPECT_REJECT("R2 type=scalar expected=fp"), "r1 = %[ring] ll; r2 = 0; r3 = 0; r4 = 0; call 130;")
REC(query, EXPECT_ACCEPT RETVAL(0), "r1 = %[ring] ll; r2 = 0; call 134;")

/* References go through subprograms. */
SUBPROG int submit(void)
{
	ASM("r2 = 0; call 132; r0 = 0; exit;");
}
REC(released_by_callee, EXPECT_ACCEPT RETVAL(0), RESERVED("16") "r1 = r6; call submit;")
REC(released_by_callee_then_used, EXPECT_REJECT("R6 invalid mem access 'scalar'"), RESERVED("16") "r1 = r6; call submit; r0 = *(u64 *)(r6 + 0);")

SUBPROG int reserve(void)
{
	ASM("r2 = 16; r3 = 0; call 131; exit;");
}
REC(taken_by_callee, EXPECT_ACCEPT RETVAL(0), "r1 = %[ring] ll; call reserve; if r0 == 0 goto 1f; r6 = r0; *(u64 *)(r6 + 8) = 1;" SUBMIT)
REC(taken_by_callee_left, EXPECT_REJECT("Unreleased reference id="), "r1 = %[ring] ll; call reserve; if r0 == 0 goto 1f; *(u64 *)(r0 + 8) = 1;")

SUBPROG int reserve_and_lose(void)
{
	ASM("r2 = 16; r3 = 0; call 131; r0 = 0; exit;");
}
REC(lost_by_callee, EXPECT_REJECT("Unreleased reference id="), "r1 = %[ring] ll; call reserve_and_lose;")

/* Real code. */
struct event {
	__u32 length, protocol;
	char name[16];
};

SEC("socket") EXPECT_ACCEPT RETVAL(0)
int reports(struct __sk_buff *skb)
{
	struct event *event = bpf_ringbuf_reserve(&ring, sizeof(*event), 0);

	if (!event)
		return 0;
	event->length = skb->len;
	event->protocol = skb->protocol;
	__builtin_memset(event->name, 'x', sizeof(event->name));
	if (event->length < 20)
		bpf_ringbuf_discard(event, 0);
	else
		bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("socket") EXPECT_REJECT("Unreleased reference id=")
int reports_sometimes(struct __sk_buff *skb)
{
	struct event *event = bpf_ringbuf_reserve(&ring, sizeof(*event), 0);

	if (!event)
		return 0;
	event->length = skb->len;
	if (event->length < 20)
		return 0;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
