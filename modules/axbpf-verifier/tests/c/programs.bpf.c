/* Programs as people write them, each beside one that forgets something: issue 3, all points. */
#include "expect.h"
#include <axbpf_regs.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>

struct key {
	__u32 pid;
	char comm[16];
};
struct histogram {
	__u32 slots[32];
};
struct event {
	__u64 time;
	__u32 pid, length;
	char path[64];
};

MAP(starts, HASH, 1024, __u32, __u64);
MAP(counts, HASH, 1024, struct key, __u64);
MAP(histograms, ARRAY, 1, __u32, struct histogram);
MAP(scratch, PERCPU_ARRAY, 1, __u32, struct event);
MAP(sessions, LRU_HASH, 1024, __u64, struct histogram);
RING(events);
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} perf SEC(".maps");

const volatile __u32 wanted_pid = 0;
const volatile bool by_name = true;
__u64 hits, misses;

static __always_inline __u32 log2_of(__u64 value)
{
	__u32 result = 0;

	for (int step = 32; step; step >>= 1)
		if (value >> step) {
			value >>= step;
			result += step;
		}
	return result;
}

SEC("kprobe") EXPECT_ACCEPT
int latency_start(struct pt_regs *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid();
	__u64 now = bpf_ktime_get_ns();

	if (wanted_pid && wanted_pid != pid)
		return 0;
	bpf_map_update_elem(&starts, &pid, &now, BPF_ANY);
	return 0;
}

SEC("kretprobe") EXPECT_ACCEPT
int latency_end(struct pt_regs *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid(), zero = 0, slot;
	__u64 *start = bpf_map_lookup_elem(&starts, &pid);
	struct histogram *histogram;

	if (!start)
		return 0;
	histogram = bpf_map_lookup_elem(&histograms, &zero);
	slot = log2_of(bpf_ktime_get_ns() - *start);
	if (histogram && slot < 32)
		__sync_fetch_and_add(&histogram->slots[slot], 1);
	bpf_map_delete_elem(&starts, &pid);
	return 0;
}

/* The logarithm of 64 bits can be 63. */
SEC("kretprobe") EXPECT_REJECT("outside of the allowed memory range")
int latency_end_unchecked(struct pt_regs *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid(), zero = 0, slot;
	__u64 *start = bpf_map_lookup_elem(&starts, &pid);
	struct histogram *histogram;

	if (!start)
		return 0;
	histogram = bpf_map_lookup_elem(&histograms, &zero);
	slot = log2_of(bpf_ktime_get_ns() - *start);
	if (histogram)
		__sync_fetch_and_add(&histogram->slots[slot], 1);
	return 0;
}

SEC("kretprobe") EXPECT_REJECT("invalid mem access 'map_value_or_null'")
int latency_end_without_start(struct pt_regs *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid();
	__u64 *start = bpf_map_lookup_elem(&starts, &pid);

	hits += bpf_ktime_get_ns() - *start;
	return 0;
}

SEC("kprobe") EXPECT_ACCEPT
int count_by_name(struct pt_regs *ctx)
{
	struct key key = { .pid = bpf_get_current_pid_tgid() >> 32 };
	__u64 one = 1, *count;

	if (by_name)
		bpf_get_current_comm(key.comm, sizeof(key.comm));
	count = bpf_map_lookup_elem(&counts, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&counts, &key, &one, BPF_NOEXIST);
	return 0;
}

SEC("kprobe") EXPECT_REJECT("stack R1 off=-16 size=20")
NAKED int count_by_long_name(void)
{
	ASM("r1 = r10; r1 += -16; r2 = 20; call %[bpf_get_current_comm]; r0 = 0; exit;", IMM(bpf_get_current_comm));
}

/* A string of unknown length behind a header. */
SEC("kprobe") EXPECT_ACCEPT
int path_by_scratch(struct pt_regs *ctx)
{
	__u32 zero = 0;
	struct event *event = bpf_map_lookup_elem(&scratch, &zero);
	long length;

	if (!event)
		return 0;
	event->time = bpf_ktime_get_ns();
	length = bpf_probe_read_kernel_str(event->path, sizeof(event->path), (void *)PT_REGS_PARM1(ctx));
	if (length < 0 || length > (long)sizeof(event->path))
		return 0;
	event->length = length;
	bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU, event, offsetof(struct event, path) + length);
	return 0;
}

SEC("kprobe") EXPECT_REJECT("min value is negative, either use unsigned or 'var &= const'")
int path_by_scratch_unchecked(struct pt_regs *ctx)
{
	__u32 zero = 0;
	struct event *event = bpf_map_lookup_elem(&scratch, &zero);
	long length;

	if (!event)
		return 0;
	length = bpf_probe_read_kernel_str(event->path, sizeof(event->path), (void *)PT_REGS_PARM1(ctx));
	bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU, event->path, length);
	return 0;
}

SEC("kprobe") EXPECT_ACCEPT
int path_by_ring(struct pt_regs *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&misses, 1);
		return 0;
	}
	event->time = bpf_ktime_get_ns();
	event->pid = bpf_get_current_pid_tgid();
	if (bpf_probe_read_kernel_str(event->path, sizeof(event->path), (void *)PT_REGS_PARM2(ctx)) < 0) {
		bpf_ringbuf_discard(event, 0);
		return 0;
	}
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("kprobe") EXPECT_REJECT("Unreleased reference id=")
int path_by_ring_forgets(struct pt_regs *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return 0;
	if (bpf_probe_read_kernel_str(event->path, sizeof(event->path), (void *)PT_REGS_PARM2(ctx)) < 0)
		return 0;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* A pointer of the traced code cannot be followed as it is. */
SEC("kprobe") EXPECT_REJECT("invalid mem access 'scalar'")
int follows_argument(struct pt_regs *ctx)
{
	hits += *(volatile __u64 *)PT_REGS_PARM1(ctx);
	return 0;
}

SEC("kprobe") EXPECT_ACCEPT
int reads_argument(struct pt_regs *ctx)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)PT_REGS_PARM1(ctx));
	hits += value;
	return 0;
}

/* Arguments by libbpf's macros. */
SEC("kprobe") EXPECT_ACCEPT
int BPF_KPROBE(arguments_by_macro, __u64 first, __u32 second)
{
	hits += first;
	misses += second;
	return 0;
}

/* Compares two strings. */
static __noinline int same(const char *left, const char *right)
{
	for (int i = 0; i < 16; i++) {
		if (left[i] != right[i])
			return 0;
		if (!left[i])
			return 1;
	}
	return 1;
}

SEC("kprobe") EXPECT_ACCEPT
int compares_names(struct pt_regs *ctx)
{
	char mine[16] = {}, wanted[16] = "init";

	bpf_get_current_comm(mine, sizeof(mine));
	if (same(mine, wanted))
		hits++;
	return 0;
}

SEC("kprobe") EXPECT_REJECT("invalid read from stack R1 off=0 size=1")
NAKED int compares_names_too_long(void)
{
	ASM(R"(
	r6 = 0
	r0 = 0
1:	r1 = r10
	r1 += -16
	r1 += r6
	w2 = *(u8 *)(r1 + 0)
	r6 += 1
	if r6 <= 16 goto 1b
	exit
	)");
}

/* Network. */
struct eth {
	__u8 to[6], from[6];
	__be16 type;
} __attribute__((packed));
struct vlan {
	__be16 tag, type;
};
struct ip {
	__u8 head, tos;
	__be16 total, id, fragment;
	__u8 ttl, protocol;
	__be16 check;
	__be32 from, to;
};

SEC("xdp") EXPECT_ACCEPT RETVAL(2)
int skips_vlans(struct xdp_md *ctx)
{
	void *at = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct eth *eth = at;
	__be16 type;

	if ((void *)(eth + 1) > end)
		return XDP_DROP;
	type = eth->type;
	at = eth + 1;
	for (int i = 0; i < 4 && (type == bpf_htons(0x8100) || type == bpf_htons(0x88a8)); i++) {
		struct vlan *vlan = at;

		if ((void *)(vlan + 1) > end)
			return XDP_DROP;
		type = vlan->type;
		at = vlan + 1;
	}
	if (type == bpf_htons(0x0800)) {
		struct ip *ip = at;

		if ((void *)(ip + 1) > end)
			return XDP_DROP;
		if (ip->ttl <= 1)
			return XDP_DROP;
		ip->ttl--;
	}
	return XDP_PASS;
}

SEC("xdp") EXPECT_REJECT("invalid access to packet")
int skips_vlans_unchecked(struct xdp_md *ctx)
{
	void *at = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct eth *eth = at;
	__be16 type;

	if ((void *)(eth + 1) > end)
		return XDP_DROP;
	type = eth->type;
	at = eth + 1;
	for (int i = 0; i < 4 && type == bpf_htons(0x8100); i++) {
		struct vlan *vlan = at;

		type = vlan->type;
		at = vlan + 1;
	}
	return type ? XDP_PASS : XDP_DROP;
}

/* A checksum whose number of words comes from the packet. */
SEC("xdp") EXPECT_ACCEPT RETVAL(0)
int sums_header(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ip *ip = data + sizeof(struct eth);
	__u16 *word = (void *)ip;
	__u32 sum = 0, words;

	if ((void *)(ip + 1) > end)
		return XDP_DROP;
	words = (ip->head & 15) * 2;
	for (__u32 i = 0; i < 30; i++) {
		if (i >= words)
			break;
		if ((void *)(word + 1) > end)
			break;
		sum += *word++;
	}
	return (sum & 0xffff) != 0;
}

SEC("xdp") EXPECT_REJECT("invalid access to packet")
int sums_header_unchecked(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ip *ip = data + sizeof(struct eth);
	__u16 *word = (void *)ip;
	__u32 sum = 0, words;

	if ((void *)(ip + 1) > end)
		return XDP_DROP;
	words = (ip->head & 15) * 2;
	for (__u32 i = 0; i < 30; i++) {
		if (i >= words)
			break;
		sum += *word++;
	}
	return (sum & 0xffff) != 0;
}

/* State of a session, which another CPU may remove at any time. */
SEC("tc") EXPECT_ACCEPT RETVAL(0)
int session_bytes(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ip *ip = data + sizeof(struct eth);
	struct histogram *session, fresh = {};
	__u64 key;

	if ((void *)(ip + 1) > end)
		return 0;
	key = (__u64)ip->from << 32 | ip->to;
	session = bpf_map_lookup_elem(&sessions, &key);
	if (!session) {
		bpf_map_update_elem(&sessions, &key, &fresh, BPF_ANY);
		session = bpf_map_lookup_elem(&sessions, &key);
		if (!session)
			return 0;
	}
	session->slots[ip->protocol & 31] += skb->len;
	return 0;
}

SEC("tc") EXPECT_REJECT("outside of the allowed memory range")
int session_bytes_over(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ip *ip = data + sizeof(struct eth);
	struct histogram *session;
	__u64 key;

	if ((void *)(ip + 1) > end)
		return 0;
	key = (__u64)ip->from << 32 | ip->to;
	session = bpf_map_lookup_elem(&sessions, &key);
	if (session)
		session->slots[ip->protocol & 63] += skb->len;
	return 0;
}

/* The log quotes the source. */
SEC("tc") EXPECT_ACCEPT RETVAL(0) LOG2("; __u32 length = skb->len;") LOG2("processed ")
int quoted(struct __sk_buff *skb)
{
	__u32 length = skb->len;

	hits += length;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
