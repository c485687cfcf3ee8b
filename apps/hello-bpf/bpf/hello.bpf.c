/* Answers the square of the first argument that a call has. */
#include <linux/bpf.h>
#include <axbpf_regs.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

SEC("kprobe")
int BPF_KPROBE(square, unsigned long n)
{
	return n * n;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
