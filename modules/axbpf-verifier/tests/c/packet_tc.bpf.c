/* Packets of tc and socket programs: issue 3, points 3 and 4. */
#include "expect.h"

MAP(values, ARRAY, 1, __u32, __u64);

/* r2 = data, r3 = data_end, the context in r6; label 1 leaves. */
#define PACKET(name, verdict, code) \
	SEC("tc") verdict NAKED int name(void) \
	{ \
		ASM("r6 = r1; w2 = *(u32 *)(r1 + 76); w3 = *(u32 *)(r1 + 80);" code "1: r0 = 0; exit;"); \
	}
#define UPTO(n) "r4 = r2; r4 += " #n "; if r4 > r3 goto 1f;"

PACKET(checked, EXPECT_ACCEPT RETVAL(0), UPTO(14) "w0 = *(u16 *)(r2 + 12);")
PACKET(checked_short, EXPECT_REJECT("invalid access to packet, off=12 size=2"), UPTO(13) "w0 = *(u16 *)(r2 + 12);")
PACKET(written, EXPECT_ACCEPT RETVAL(0), UPTO(14) "*(u16 *)(r2 + 12) = 8;")
PACKET(written_over, EXPECT_REJECT("invalid access to packet, off=14 size=2"), UPTO(14) "*(u16 *)(r2 + 14) = 8;")
PACKET(metadata, EXPECT_ACCEPT RETVAL(0), "w7 = *(u32 *)(r6 + 140); r4 = r7; r4 += 4; if r4 > r2 goto 1f; w0 = *(u32 *)(r7 + 0);")
PACKET(metadata_over, EXPECT_REJECT("invalid access to packet"),
       "w7 = *(u32 *)(r6 + 140); r4 = r7; r4 += 4; if r4 > r2 goto 1f; w0 = *(u32 *)(r7 + 4);")
PACKET(after_pull, EXPECT_REJECT("R7 invalid mem access 'scalar'"), UPTO(14) "r7 = r2; r1 = r6; r2 = 64; call 39; w0 = *(u8 *)(r7 + 0);")
PACKET(after_pull_again, EXPECT_ACCEPT RETVAL(0),
       UPTO(14) "r1 = r6; r2 = 64; call 39; w2 = *(u32 *)(r6 + 76); w3 = *(u32 *)(r6 + 80);" UPTO(14) "w0 = *(u8 *)(r2 + 13);")
PACKET(after_store, EXPECT_REJECT("R7 invalid mem access 'scalar'"),
       UPTO(14) "r7 = r2; *(u64 *)(r10 - 8) = 0; r1 = r6; r2 = 0; r3 = r10; r3 += -8; r4 = 8; r5 = 0; call 9; w0 = *(u8 *)(r7 + 0);")
PACKET(after_load, EXPECT_ACCEPT RETVAL(0),
       UPTO(14) "r7 = r2; r1 = r6; r2 = 0; r3 = r10; r3 += -8; r4 = 8; call 26; w0 = *(u8 *)(r7 + 0);")
/* In strict mode the header's two bytes of padding count: the packet starts 2 behind a multiple of 4. */
PACKET(address_strict, STRICT EXPECT_ACCEPT RETVAL(0), UPTO(34) "w0 = *(u32 *)(r2 + 26);")
PACKET(address_strict_misaligned, STRICT EXPECT_REJECT("misaligned packet access off 2+0+0+24 size 4"), UPTO(34) "w0 = *(u32 *)(r2 + 24);")
PACKET(address_not_strict, EXPECT_ACCEPT RETVAL(0), UPTO(34) "w0 = *(u32 *)(r2 + 25);")

/* Packet bytes as keys and values. */
SEC("tc") EXPECT_ACCEPT
NAKED int key_in_packet(void)
{
	ASM(R"(
	w2 = *(u32 *)(r1 + 76)
	w3 = *(u32 *)(r1 + 80)
	r4 = r2
	r4 += 4
	if r4 > r3 goto 1f
	r1 = %[values] ll
	call %[bpf_map_lookup_elem]
1:	r0 = 0
	exit
	)", ADDR(values), IMM(bpf_map_lookup_elem));
}

SEC("tc") EXPECT_REJECT("invalid access to packet, off=0 size=4")
NAKED int key_in_packet_short(void)
{
	ASM(R"(
	w2 = *(u32 *)(r1 + 76)
	w3 = *(u32 *)(r1 + 80)
	r4 = r2
	r4 += 3
	if r4 > r3 goto 1f
	r1 = %[values] ll
	call %[bpf_map_lookup_elem]
1:	r0 = 0
	exit
	)", ADDR(values), IMM(bpf_map_lookup_elem));
}

/* A helper that changes packets, in a subprogram. */
SUBPROG int pull(void)
{
	ASM(R"(
	r2 = 64
	call %[bpf_skb_pull_data]
	r0 = 0
	exit
	)", IMM(bpf_skb_pull_data));
}

SUBPROG int look(void)
{
	ASM(R"(
	r0 = 0
	exit
	)");
}

SEC("tc") EXPECT_REJECT("R7 invalid mem access 'scalar'")
NAKED int changed_by_subprogram(void)
{
	ASM(R"(
	w7 = *(u32 *)(r1 + 76)
	w3 = *(u32 *)(r1 + 80)
	r4 = r7
	r4 += 4
	if r4 > r3 goto 1f
	call pull
	w0 = *(u32 *)(r7 + 0)
1:	r0 = 0
	exit
	)");
}

SEC("tc") EXPECT_ACCEPT RETVAL(0)
NAKED int not_changed_by_subprogram(void)
{
	ASM(R"(
	w7 = *(u32 *)(r1 + 76)
	w3 = *(u32 *)(r1 + 80)
	r4 = r7
	r4 += 4
	if r4 > r3 goto 1f
	call look
	w0 = *(u32 *)(r7 + 0)
1:	r0 = 0
	exit
	)");
}

/* Socket filters see the packet by helpers only. */
SEC("socket") EXPECT_REJECT("invalid bpf_context access off=76 size=4")
NAKED int socket_data(void)
{
	ASM(R"(
	w0 = *(u32 *)(r1 + 76)
	exit
	)");
}

SEC("socket") EXPECT_ACCEPT RETVAL(0)
int socket_by_helper(struct __sk_buff *skb)
{
	__u16 proto = 0xffff;

	if (bpf_skb_load_bytes(skb, 12, &proto, sizeof(proto)))
		return 1;
	return proto;
}

struct ip {
	__u8 version_and_length;
	__u8 tos;
	__u16 total;
	__u32 id, ttl, from, to;
};

/* A header of variable length. */
SEC("tc") EXPECT_ACCEPT RETVAL(0)
int ports(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ip *ip = data + 14;
	__u16 *port;

	if ((void *)(ip + 1) > end)
		return 0;
	port = (void *)ip + (ip->version_and_length & 15) * 4;
	if ((void *)(port + 2) > end)
		return 0;
	return port[0] == 53 || port[1] == 53;
}

SEC("tc") EXPECT_REJECT("invalid access to packet")
int ports_unchecked(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ip *ip = data + 14;
	__u16 *port;

	if ((void *)(ip + 1) > end)
		return 0;
	port = (void *)ip + (ip->version_and_length & 15) * 4;
	if ((void *)(port + 1) > end)
		return 0;
	return port[0] == 53 || port[1] == 53;
}

char LICENSE[] SEC("license") = "GPL";
