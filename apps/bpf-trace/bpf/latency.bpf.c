/* How long a function takes, in nanoseconds, by powers of two. */
#include <linux/bpf.h>
#include <axbpf_regs.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "log2.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} start SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} latency_ns SEC(".maps");

/* Returns without an entry: the probe came in the middle of a call. */
__u64 unmatched;

SEC("kprobe")
int BPF_KPROBE(enter)
{
	__u32 task = bpf_get_current_pid_tgid();
	__u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&start, &task, &now, BPF_ANY);
	return 0;
}

SEC("kretprobe")
int BPF_KRETPROBE(leave, long ret)
{
	__u32 task = bpf_get_current_pid_tgid(), slot;
	__u64 *begin = bpf_map_lookup_elem(&start, &task), *count;

	if (!begin) {
		__sync_fetch_and_add(&unmatched, 1);
		return 0;
	}
	slot = log2_slot(bpf_ktime_get_ns() - *begin);
	bpf_map_delete_elem(&start, &task);
	count = bpf_map_lookup_elem(&latency_ns, &slot);
	if (count)
		*count += 1;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
