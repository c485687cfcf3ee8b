/* Each call as an event: when, where, who, with which arguments. */
#include <linux/bpf.h>
#include <axbpf_regs.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct event {
	__u64 ns;
	__u64 arg;
	__u32 cpu;
	__u32 task;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} events SEC(".maps");

/* Events that found the buffer full. */
__u64 dropped;

SEC("kprobe")
int BPF_KPROBE(on_call, unsigned long arg)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&dropped, 1);
		return 0;
	}
	event->ns = bpf_ktime_get_ns();
	event->arg = arg;
	event->cpu = bpf_get_smp_processor_id();
	event->task = bpf_get_current_pid_tgid();
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
