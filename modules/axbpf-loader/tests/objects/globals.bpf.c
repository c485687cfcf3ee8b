// Global variables of every section, and names that others define.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile int interval = 17;
const volatile char comm[16] = "init";
int counter = 5;
long sums[3] SEC(".data.sums") = { 1, 2, 3 };
__u64 hits;
static int hidden;

extern int LINUX_KERNEL_VERSION __kconfig;
extern _Bool LINUX_HAS_BPF_COOKIE __kconfig __weak;
extern const void known_symbol __ksym;
extern const void unknown_symbol __ksym __weak;
extern int bpf_some_kfunc(int) __ksym __weak;

SEC("?kprobe/never_loaded") int optional(void *ctx)
{
	return LINUX_KERNEL_VERSION;
}

SEC("kprobe") int use_globals(void *ctx)
{
	static int calls;

	calls += interval;
	hidden += counter + comm[1];
	__sync_fetch_and_add(&hits, calls);
	sums[2] += hidden;
	bpf_printk("sum %d", sums[2]);
	return sums[1];
}

SEC("kprobe") int use_externs(void *ctx)
{
	if (LINUX_HAS_BPF_COOKIE)
		return 1;
	if (&unknown_symbol)
		return (long)&unknown_symbol;
	if (bpf_some_kfunc)
		return bpf_some_kfunc(3);
	return (long)&known_symbol >> 32;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
