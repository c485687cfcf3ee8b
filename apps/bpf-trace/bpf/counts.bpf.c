/* Calls per function: one program at many of them, told apart by the address of each. */
#include <linux/bpf.h>
#include <axbpf_regs.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, __u64);
} calls SEC(".maps");

SEC("kprobe.multi")
int count_calls(struct pt_regs *ctx)
{
	__u64 ip = bpf_get_func_ip(ctx), one = 1;
	__u64 *count = bpf_map_lookup_elem(&calls, &ip);

	if (count)
		*count += 1; /* this CPU's own, and IRQs are off */
	else
		/* Another CPU may insert it at this moment: then this sets our own count, still zero, in its element. */
		bpf_map_update_elem(&calls, &ip, &one, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
