/* Sizes that the kernel's allocator is asked for, by powers of two.
 *
 * Rust's own calling convention is not C's. Here it passes where the result goes, then `self`, then a `Layout` in two registers: alignment, size. */
#include <linux/bpf.h>
#include <axbpf_regs.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "log2.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} sizes SEC(".maps");

SEC("kprobe/<axalloc::default_impl::GlobalAllocator>::alloc")
int BPF_KPROBE(on_alloc, void *result, void *self, unsigned long align, unsigned long size)
{
	__u32 slot = log2_slot(size);
	__u64 *count = bpf_map_lookup_elem(&sizes, &slot);

	if (count)
		*count += 1;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
