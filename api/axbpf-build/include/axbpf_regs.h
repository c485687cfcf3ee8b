/* The registers that a kprobe program gets, in Linux's layout. libbpf's bpf_tracing.h reads them through PT_REGS_PARM1 and its siblings, but
 * leaves the struct to vmlinux.h or to the kernel's headers of one ISA. Include it before <bpf/bpf_tracing.h>. */
#pragma once
#include <linux/types.h>

#if defined(__TARGET_ARCH_riscv)
struct user_regs_struct {
	__u64 pc, ra, sp, gp, tp, t0, t1, t2, s0, s1, a0, a1, a2, a3, a4, a5, a6, a7;
	__u64 s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, t3, t4, t5, t6;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31], sp, pc, pstate;
};
#elif defined(__TARGET_ARCH_x86)
struct pt_regs {
	__u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, eflags, rsp, ss;
};
#elif defined(__TARGET_ARCH_loongarch)
struct user_pt_regs {
	__u64 regs[32], orig_a0, csr_era, csr_badv, reserved[10];
};
#endif
