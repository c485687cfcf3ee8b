// The macros of bpf_tracing.h, for the instruction set that -D__TARGET_ARCH_... names; PLAIN: sections that aya-obj knows.
#include <linux/bpf.h>
#if defined(__TARGET_ARCH_riscv)
struct user_regs_struct {
	unsigned long pc, ra, sp, gp, tp, t0, t1, t2, s0, s1, a0, a1, a2, a3, a4, a5, a6, a7;
	unsigned long s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, t3, t4, t5, t6;
};
#endif
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct event {
	__u64 ip, size;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("kprobe/alloc") int BPF_KPROBE(on_alloc, unsigned long size, unsigned long align)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return 0;
	e->ip = PT_REGS_IP(ctx);
	e->size = size + align;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

#ifdef PLAIN
#define MULTI "kretprobe/alloc"
#else
#define MULTI "kretprobe.multi/alloc*"
#endif

SEC(MULTI) int BPF_KRETPROBE(on_return, long ret)
{
	bpf_printk("returned %ld", ret);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
