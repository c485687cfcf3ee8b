/* Maps of the remaining types from a probe that tasks on every CPU hit. */
#include <linux/bpf.h>
#include <axbpf_regs.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct pair {
	struct bpf_spin_lock lock;
	__u32 pad;
	__u64 a, b;
};

struct prefix {
	__u32 len;
	__u8 addr[4];
};

struct call {
	__u64 task, number;
};

#define MAP(name, kind, n, k, v, flags) \
	struct { \
		__uint(type, kind); \
		__uint(max_entries, n); \
		__uint(map_flags, flags); \
		__type(key, k); \
		__type(value, v); \
	} name SEC(".maps")
#define KEYLESS(name, kind, n, v) \
	struct { \
		__uint(type, kind); \
		__uint(max_entries, n); \
		__type(value, v); \
	} name SEC(".maps")

MAP(pairs, BPF_MAP_TYPE_ARRAY, 1, __u32, struct pair, 0);
MAP(routes, BPF_MAP_TYPE_LPM_TRIE, 1000, struct prefix, __u64, BPF_F_NO_PREALLOC);
MAP(sparse, BPF_MAP_TYPE_HASH, 100000, struct call, __u64, BPF_F_NO_PREALLOC);
MAP(each_cpu, BPF_MAP_TYPE_PERCPU_ARRAY, 2, __u32, __u64, 0);
MAP(calls, BPF_MAP_TYPE_TASK_STORAGE, 0, int, __u64, BPF_F_NO_PREALLOC);
KEYLESS(newest, BPF_MAP_TYPE_STACK, 8, __u64);
KEYLESS(oldest, BPF_MAP_TYPE_QUEUE, 8, __u64);
KEYLESS(seen, BPF_MAP_TYPE_BLOOM_FILTER, 4096, __u64);
MAP(results, BPF_MAP_TYPE_ARRAY, 16, __u32, __s64, 0);

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} events SEC(".maps");

static void count(__u32 i, __s64 n)
{
	__s64 *at = bpf_map_lookup_elem(&results, &i);

	if (at)
		__sync_fetch_and_add(at, n);
}

SEC("kprobe")
int every_type(struct pt_regs *ctx)
{
	struct call call = { .task = (__u32)bpf_get_current_pid_tgid(), .number = PT_REGS_PARM1(ctx) };
	struct prefix longer = { .len = 32, .addr = { 10, 1, 2, 3 } };
	__u32 zero = 0, cpu = bpf_get_smp_processor_id();
	__u64 one = 1, length = 24, top, *at;

	count(0, 1);
	at = bpf_map_lookup_elem(&routes, &longer);
	count(1, at ? *at : -1000);
	longer.addr[2] = call.number;
	longer.len = 24;
	count(2, bpf_map_update_elem(&routes, &longer, &length, BPF_ANY));
	if (call.number & 1)
		count(3, bpf_map_delete_elem(&routes, &longer) != 0);
	count(4, bpf_map_update_elem(&sparse, &call, &call.task, BPF_NOEXIST) != 0);
	at = bpf_map_lookup_percpu_elem(&each_cpu, &zero, cpu);
	if (at)
		*at += 1;
	count(5, bpf_map_lookup_percpu_elem(&each_cpu, &zero, 1000) != 0);
	at = bpf_task_storage_get(&calls, bpf_get_current_task_btf(), &one, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (at)
		*at += 1;
	else
		count(6, 1);
	count(7, bpf_map_push_elem(&newest, &call.number, BPF_EXIST));
	count(7, bpf_map_push_elem(&oldest, &call.number, BPF_EXIST));
	count(8, bpf_map_peek_elem(&newest, &top));
	count(9, bpf_map_push_elem(&seen, &call.number, BPF_ANY));
	count(10, bpf_map_peek_elem(&seen, &call.number));
	count(11, bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &call, sizeof(call)) != 0);
	return 0;
}

/* Tracing programs have no locks; those of packets do. */
SEC("tc")
int add_to_pair(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct pair *pair = bpf_map_lookup_elem(&pairs, &zero);

	if (!pair)
		return 1;
	bpf_spin_lock(&pair->lock);
	pair->a += 1;
	pair->b += 2;
	bpf_spin_unlock(&pair->lock);
	return 0;
}

/* With so many bytes of the packet behind what it says itself. */
SEC("xdp")
int say_packet(struct xdp_md *xdp)
{
	__u16 tag = 0xabcd;

	if (bpf_perf_event_output(xdp, &events, BPF_F_CURRENT_CPU | 20ull << 32, &tag, sizeof(tag)))
		return 1;
	return bpf_perf_event_output(xdp, &events, BPF_F_CURRENT_CPU | 65ull << 32, &tag, sizeof(tag)) == -14 ? XDP_PASS : XDP_ABORTED;
}

char _license[] SEC("license") = "GPL";
