/* Prints the registers of its context. */
#include <linux/bpf.h>
#include <axbpf_regs.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

SEC("kprobe")
int print_regs(struct pt_regs *ctx)
{
	bpf_printk("pc %lx sp %lx ra %lx", PT_REGS_IP(ctx), PT_REGS_SP(ctx), PT_REGS_RET(ctx));
	bpf_printk("args %d %u %lx", (int)PT_REGS_PARM1(ctx), (unsigned int)PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx));
	bpf_printk("func %lx cookie %llu name %s", bpf_get_func_ip(ctx), bpf_get_attach_cookie(ctx), (char *)PT_REGS_PARM4(ctx));
	return 0;
}

SEC("kretprobe")
int print_result(struct pt_regs *ctx)
{
	bpf_printk("func %lx returns %lx", bpf_get_func_ip(ctx), PT_REGS_RC(ctx));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
