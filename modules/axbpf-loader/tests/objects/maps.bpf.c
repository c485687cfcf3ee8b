// Every way of defining a map in .maps; with PLAIN, those that aya-obj reads too.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct key {
	__u32 a;
	__u64 b;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 100);
	__type(key, struct key);
	__type(value, __u64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} by_type SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 10);
	__uint(key_size, 4);
	__uint(value_size, 24);
	__uint(numa_node, 1);
} by_size SEC(".maps");

#ifndef PLAIN
struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 1000);
	__type(value, __u32);
	__ulong(map_extra, 0x300000005ULL);
} bloom SEC(".maps");
#endif

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} ring SEC(".maps");

#ifndef PLAIN
static
#endif
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u32);
} hidden SEC(".maps");

#ifndef PLAIN
struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 7);
	__type(key, __u32);
	__type(value, struct key);
} first SEC(".maps"), second SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 5);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = {
	.values = { [1] = &second, [4] = &first },
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u64);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_HASH);
		__uint(max_entries, 1);
		__type(key, int);
		__type(value, int);
	});
} outer_hash SEC(".maps");

int tail(void *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 3);
	__uint(key_size, 4);
	__array(values, int(void *));
} jumps SEC(".maps") = {
	.values = { [2] = (void *)&tail },
};
#endif

SEC("socket") int tail(void *ctx)
{
	__u32 key = 1;
	__u32 *value = bpf_map_lookup_elem(&hidden, &key);
	return value ? *value : 0;
}

SEC("socket") int use_maps(void *ctx)
{
	struct key key = {};
	__u32 zero = 0;
	__u64 *value;
	__builtin_memset(&key, 0, sizeof(key));
	value = bpf_map_lookup_elem(&by_type, &key);
	if (value)
		bpf_ringbuf_output(&ring, value, 8, 0);
	bpf_map_update_elem(&by_size, &zero, (char[24]){}, 0);
#ifndef PLAIN
	bpf_tail_call(ctx, &jumps, 2);
	return bpf_map_lookup_elem(&outer, &zero) != 0;
#else
	return 0;
#endif
}
