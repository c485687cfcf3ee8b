// Subprograms: in .text, beside the program, called twice, nested, recursive declarations, passed to helpers.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} table SEC(".maps");

static __noinline int leaf(int x)
{
	__u32 key = x & 3;
	__u64 *value = bpf_map_lookup_elem(&table, &key);
	return value ? *value : -1;
}

__noinline int middle(int x)
{
	return leaf(x) * leaf(x + 1);
}

// Never called.
__noinline int unused(int x)
{
	return leaf(x) + 3;
}

static long visit(void *map, __u32 *key, __u64 *value, void *arg)
{
	*(int *)arg += *value + leaf(*key);
	return 0;
}

// aya-obj takes every function of such a section for a program.
#ifdef TEXT_ONLY
#define BESIDE
#else
#define BESIDE __attribute__((section("kprobe/two")))
#endif

static __noinline BESIDE int beside(int x)
{
	return x * 7 + leaf(x);
}

SEC("kprobe/one") int one(void *ctx)
{
	return middle((long)ctx) + leaf(9);
}

SEC("kprobe/two") int two(void *ctx)
{
	int sum = 0;
	bpf_for_each_map_elem(&table, visit, &sum, 0);
	return beside((long)ctx) + sum;
}

SEC("kprobe/two") int three(void *ctx)
{
	return beside(3) - beside(4);
}

SEC("kretprobe/axtask::api::yield_now") int four(void *ctx)
{
	return 0;
}
