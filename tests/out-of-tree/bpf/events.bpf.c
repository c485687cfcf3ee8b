/* A record a call. */
#include <linux/bpf.h>
#include <axbpf_regs.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("kprobe")
int BPF_KPROBE(report, unsigned long n)
{
	bpf_ringbuf_output(&events, &n, sizeof(n), 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
