/* Packets of XDP programs, read and written under a check against their end: issue 3, point 4. */
#include "expect.h"

/* r2 = data, r3 = data_end, r1 = ctx in r6; label 1 leaves. */
#define PACKET(name, verdict, code) \
	SEC("xdp") verdict NAKED int name(void) \
	{ \
		ASM("r6 = r1; w2 = *(u32 *)(r1 + 0); w3 = *(u32 *)(r1 + 4);" code "1: r0 = 2; exit;"); \
	}
/* r4 = data + n, to be compared with the end. */
#define UPTO(n) "r4 = r2; r4 += " #n ";"

PACKET(checked, EXPECT_ACCEPT RETVAL(2), UPTO(8) "if r4 > r3 goto 1f; r0 = *(u64 *)(r2 + 0);")
PACKET(checked_one_short, EXPECT_REJECT("invalid access to packet, off=0 size=8"), UPTO(7) "if r4 > r3 goto 1f; r0 = *(u64 *)(r2 + 0);")
PACKET(unchecked, EXPECT_REJECT("invalid access to packet, off=0 size=1, R2(id=0,off=0,r=0)"), "w0 = *(u8 *)(r2 + 0);")
PACKET(last_byte, EXPECT_ACCEPT RETVAL(2), UPTO(14) "if r4 > r3 goto 1f; w0 = *(u8 *)(r2 + 13);")
PACKET(behind_last_byte, EXPECT_REJECT("invalid access to packet, off=14 size=1"), UPTO(14) "if r4 > r3 goto 1f; w0 = *(u8 *)(r2 + 14);")
PACKET(end_less, EXPECT_ACCEPT RETVAL(2), UPTO(8) "if r3 < r4 goto 1f; r0 = *(u64 *)(r2 + 0);")
PACKET(end_less_wrong_side, EXPECT_REJECT("invalid access to packet, off=0 size=8"), UPTO(8) "if r3 < r4 goto 2f; goto 1f; 2: r0 = *(u64 *)(r2 + 0);")
PACKET(end_at_least, EXPECT_ACCEPT RETVAL(2), UPTO(8) "if r3 >= r4 goto 2f; goto 1f; 2: r0 = *(u64 *)(r2 + 0);")
PACKET(end_at_least_wrong_side, EXPECT_REJECT("invalid access to packet, off=0 size=8"), UPTO(8) "if r3 >= r4 goto 1f; r0 = *(u64 *)(r2 + 0);")
/* The comparison without equality proves one byte more. */
PACKET(end_above, EXPECT_ACCEPT RETVAL(2), UPTO(7) "if r3 > r4 goto 2f; goto 1f; 2: r0 = *(u64 *)(r2 + 0);")
PACKET(end_above_one_more, EXPECT_REJECT("invalid access to packet, off=0 size=8"), UPTO(6) "if r3 > r4 goto 2f; goto 1f; 2: r0 = *(u64 *)(r2 + 0);")
PACKET(at_least_end, EXPECT_ACCEPT RETVAL(2), UPTO(7) "if r4 >= r3 goto 1f; r0 = *(u64 *)(r2 + 0);")
PACKET(at_most_end, EXPECT_ACCEPT RETVAL(2), UPTO(8) "if r4 <= r3 goto 2f; goto 1f; 2: r0 = *(u64 *)(r2 + 0);")
PACKET(signed_comparison, EXPECT_REJECT("invalid access to packet, off=0 size=8"), UPTO(8) "if r4 s> r3 goto 1f; r0 = *(u64 *)(r2 + 0);")
PACKET(equal_to_end, EXPECT_REJECT("invalid access to packet, off=0 size=8"), UPTO(8) "if r4 == r3 goto 2f; goto 1f; 2: r0 = *(u64 *)(r2 + 0);")
PACKET(half_comparison, EXPECT_REJECT("invalid access to packet, off=0 size=8"), UPTO(8) "if w4 > w3 goto 1f; r0 = *(u64 *)(r2 + 0);")
PACKET(start_compared_with_end, EXPECT_REJECT("invalid access to packet, off=0 size=8"), "if r2 > r3 goto 1f; r0 = *(u64 *)(r2 + 0);")
PACKET(backwards_from_checked, EXPECT_ACCEPT RETVAL(2), UPTO(8) "if r4 > r3 goto 1f; r0 = *(u64 *)(r4 - 8);")
PACKET(backwards_too_far, EXPECT_REJECT("R4 offset is outside of the packet"), UPTO(8) "if r4 > r3 goto 1f; r0 = *(u8 *)(r4 - 9);")
PACKET(copy_made_before_check, EXPECT_ACCEPT RETVAL(2), "r5 = r2; r5 += 4;" UPTO(8) "if r4 > r3 goto 1f; w0 = *(u32 *)(r5 + 0);")
PACKET(copy_reaches_further, EXPECT_REJECT("invalid access to packet, off=4 size=8"), "r5 = r2; r5 += 4;" UPTO(8) "if r4 > r3 goto 1f; r0 = *(u64 *)(r5 + 0);")
PACKET(second_check_wider, EXPECT_ACCEPT RETVAL(2), UPTO(4) "if r4 > r3 goto 1f;" UPTO(8) "if r4 > r3 goto 1f; r0 = *(u64 *)(r2 + 0);")
PACKET(second_check_narrower, EXPECT_ACCEPT RETVAL(2), UPTO(8) "if r4 > r3 goto 1f;" UPTO(4) "if r4 > r3 goto 1f; r0 = *(u64 *)(r2 + 0);")
PACKET(written, EXPECT_ACCEPT RETVAL(2), UPTO(8) "if r4 > r3 goto 1f; *(u64 *)(r2 + 0) = 5;")
PACKET(written_over, EXPECT_REJECT("invalid access to packet, off=4 size=8"), UPTO(8) "if r4 > r3 goto 1f; *(u64 *)(r2 + 4) = 5;")
PACKET(end_read, EXPECT_REJECT("R3 invalid mem access 'pkt_end'"), "w0 = *(u8 *)(r3 - 1);")
PACKET(end_moved, EXPECT_REJECT("R3 pointer arithmetic on pkt_end prohibited"), "r3 += -8;")
PACKET(length, EXPECT_ACCEPT RETVAL(2), "r4 = r3; r4 -= r2;")
PACKET(length_is_a_number, EXPECT_REJECT("R4 invalid mem access 'scalar'"), "r4 = r3; r4 -= r2; w0 = *(u8 *)(r4 + 0);")
PACKET(length_checked_only, EXPECT_REJECT("invalid access to packet, off=0 size=8"), "r4 = r3; r4 -= r2; if r4 < 8 goto 1f; r0 = *(u64 *)(r2 + 0);")

/* Variable offsets: a length from the packet. */
#define FIRST_BYTE UPTO(1) "if r4 > r3 goto 1f; w5 = *(u8 *)(r2 + 0);"
PACKET(variable, EXPECT_ACCEPT RETVAL(2), FIRST_BYTE "r2 += r5;" UPTO(4) "if r4 > r3 goto 1f; w0 = *(u32 *)(r2 + 0);")
PACKET(variable_unchecked, EXPECT_REJECT("invalid access to packet, off=0 size=4, R2(id="), FIRST_BYTE "r2 += r5; w0 = *(u32 *)(r2 + 0);")
/* The check of one variable place says nothing of another. */
PACKET(variable_other_checked, EXPECT_REJECT("invalid access to packet"), FIRST_BYTE UPTO(8) "r2 += r5; if r4 > r3 goto 1f; w0 = *(u32 *)(r2 + 0);")
PACKET(variable_twice, EXPECT_REJECT("invalid access to packet"), FIRST_BYTE
       "r2 += r5;" UPTO(4) "if r4 > r3 goto 1f; r2 += r5; w0 = *(u8 *)(r2 + 0);")
PACKET(variable_and_constant, EXPECT_ACCEPT RETVAL(2), FIRST_BYTE "r2 += r5; r7 = r2; r7 += 2;" UPTO(4) "if r4 > r3 goto 1f; w0 = *(u16 *)(r7 + 0);")
PACKET(variable_and_constant_over, EXPECT_REJECT("invalid access to packet"), FIRST_BYTE
       "r2 += r5; r7 = r2; r7 += 2;" UPTO(4) "if r4 > r3 goto 1f; w0 = *(u32 *)(r7 + 0);")
PACKET(variable_unbounded, EXPECT_REJECT("math between pkt pointer and register with unbounded min value is not allowed"),
       UPTO(8) "if r4 > r3 goto 1f; r5 = *(u64 *)(r2 + 0); r2 += r5;")
/* Offsets above 0xffff prove nothing: the sum might wrap. */
PACKET(variable_too_wide, EXPECT_REJECT("invalid access to packet"),
       UPTO(8) "if r4 > r3 goto 1f; w5 = *(u32 *)(r2 + 0); r2 += r5;" UPTO(4) "if r4 > r3 goto 1f; w0 = *(u32 *)(r2 + 0);")
PACKET(variable_masked, EXPECT_ACCEPT RETVAL(2),
       UPTO(8) "if r4 > r3 goto 1f; w5 = *(u32 *)(r2 + 0); w5 &= 0x7fff; r2 += r5;" UPTO(4) "if r4 > r3 goto 1f; w0 = *(u32 *)(r2 + 0);")
PACKET(constant_too_far, EXPECT_REJECT("invalid access to packet"), "r2 += 65535;" UPTO(8) "if r4 > r3 goto 1f; r0 = *(u64 *)(r2 + 0);")
PACKET(negative_offset, EXPECT_REJECT("R2 offset is outside of the packet"), "r2 += -8;" UPTO(16) "if r4 > r3 goto 1f; r0 = *(u64 *)(r2 + 0);")

/* Helpers that change packets end what was known. */
#define MOVE_HEAD "r1 = r6; r2 = 0; call 44;"
PACKET(moved_head_old_pointer, EXPECT_REJECT("R7 invalid mem access 'scalar'"),
       UPTO(8) "if r4 > r3 goto 1f; r7 = r2;" MOVE_HEAD "r0 = *(u64 *)(r7 + 0);")
PACKET(moved_head_new_pointer, EXPECT_ACCEPT RETVAL(2),
       UPTO(8) "if r4 > r3 goto 1f; " MOVE_HEAD "w2 = *(u32 *)(r6 + 0); w3 = *(u32 *)(r6 + 4);" UPTO(8) "if r4 > r3 goto 1f; r0 = *(u64 *)(r2 + 0);")
PACKET(moved_head_old_check, EXPECT_REJECT("invalid access to packet"),
       UPTO(8) "if r4 > r3 goto 1f; " MOVE_HEAD "w2 = *(u32 *)(r6 + 0); r0 = *(u64 *)(r2 + 0);")
PACKET(spilled_over_moved_head, EXPECT_REJECT("R7 invalid mem access 'scalar'"),
       UPTO(8) "if r4 > r3 goto 1f; *(u64 *)(r10 - 8) = r2;" MOVE_HEAD "r7 = *(u64 *)(r10 - 8); r0 = *(u64 *)(r7 + 0);")
PACKET(other_helper_between, EXPECT_ACCEPT RETVAL(2), UPTO(8) "if r4 > r3 goto 1f; r7 = r2; call 7; r0 = *(u64 *)(r7 + 0);")

/* Metadata stands before the packet. */
PACKET(meta, EXPECT_ACCEPT RETVAL(2), "w7 = *(u32 *)(r6 + 8); r4 = r7; r4 += 4; if r4 > r2 goto 1f; w0 = *(u32 *)(r7 + 0);")
PACKET(meta_unchecked, EXPECT_REJECT("invalid access to packet, off=0 size=4"), "w7 = *(u32 *)(r6 + 8); w0 = *(u32 *)(r7 + 0);")
PACKET(meta_over, EXPECT_REJECT("invalid access to packet, off=0 size=8"), "w7 = *(u32 *)(r6 + 8); r4 = r7; r4 += 4; if r4 > r2 goto 1f; r0 = *(u64 *)(r7 + 0);")
PACKET(meta_against_end, EXPECT_REJECT("invalid access to packet"), "w7 = *(u32 *)(r6 + 8); r4 = r7; r4 += 4; if r4 > r3 goto 1f; w0 = *(u32 *)(r7 + 0);")
PACKET(meta_against_moved_data, EXPECT_REJECT("invalid access to packet"),
       "w7 = *(u32 *)(r6 + 8); r2 += 8; r4 = r7; r4 += 4; if r4 > r2 goto 1f; w0 = *(u32 *)(r7 + 0);")
PACKET(data_from_meta_check, EXPECT_REJECT("invalid access to packet"),
       "w7 = *(u32 *)(r6 + 8); r4 = r7; r4 += 4; if r4 > r2 goto 1f; w0 = *(u32 *)(r2 + 0);")

/* Packets as memory of helpers. */
PACKET(helper_reads_packet, EXPECT_ACCEPT RETVAL(2), UPTO(16) "if r4 > r3 goto 1f; r1 = r2; r2 = 16; r3 = 0; r4 = 0; r5 = 0; call 28;")
PACKET(helper_reads_packet_over, EXPECT_REJECT("invalid access to packet, off=0 size=16"),
       UPTO(12) "if r4 > r3 goto 1f; r1 = r2; r2 = 16; r3 = 0; r4 = 0; r5 = 0; call 28;")

struct eth {
	__u8 dst[6], src[6];
	__u16 proto;
};

SEC("xdp") EXPECT_ACCEPT RETVAL(2)
int swap_addresses(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct eth *eth = (void *)(long)ctx->data;
	__u8 old[6];

	if ((void *)(eth + 1) > end)
		return XDP_DROP;
	__builtin_memcpy(old, eth->dst, 6);
	__builtin_memcpy(eth->dst, eth->src, 6);
	__builtin_memcpy(eth->src, old, 6);
	return XDP_PASS;
}

/* A loop that walks to the end; its bound is a constant. */
SEC("xdp") EXPECT_ACCEPT RETVAL(64)
int count_zeros(struct xdp_md *ctx)
{
	__u8 *end = (void *)(long)ctx->data_end, *at = (void *)(long)ctx->data;
	int zeros = 0;

	for (int i = 0; i < 100 && at + 1 <= end; i++, at++)
		zeros += *at == 0;
	return zeros;
}

SEC("xdp") EXPECT_REJECT("invalid access to packet")
int count_zeros_one_further(struct xdp_md *ctx)
{
	__u8 *end = (void *)(long)ctx->data_end, *at = (void *)(long)ctx->data;
	int zeros = 0;

	for (int i = 0; i < 100 && at + 1 <= end; i++, at++)
		zeros += at[1] == 0;
	return zeros;
}

char LICENSE[] SEC("license") = "GPL";
