/* Maps of each type from inside a program: what each helper answers is kept in `results`. */
#include <linux/bpf.h>
#include <axbpf_regs.h>
#include <bpf/bpf_helpers.h>

#define MAP(name, kind, n, k, v) \
	struct { \
		__uint(type, kind); \
		__uint(max_entries, n); \
		__type(key, k); \
		__type(value, v); \
	} name SEC(".maps")

MAP(array, BPF_MAP_TYPE_ARRAY, 4, __u32, __u64);
MAP(percpu_array, BPF_MAP_TYPE_PERCPU_ARRAY, 4, __u32, __u64);
MAP(hash, BPF_MAP_TYPE_HASH, 2, __u64, __u64);
MAP(percpu_hash, BPF_MAP_TYPE_PERCPU_HASH, 2, __u64, __u64);
MAP(results, BPF_MAP_TYPE_ARRAY, 32, __u32, __s64);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

static void result(__u32 i, __s64 value)
{
	bpf_map_update_elem(&results, &i, &value, BPF_ANY);
}

SEC("syscall")
int use_maps(void *ctx)
{
	__u32 two = 2, five = 5;
	__u64 a = 0x1111, b = 0x2222, c = 0x3333, value = 7, *at;

	result(0, bpf_map_update_elem(&array, &two, &value, BPF_ANY));
	result(1, bpf_map_update_elem(&array, &five, &value, BPF_ANY));
	result(2, bpf_map_update_elem(&array, &two, &value, BPF_NOEXIST));
	result(3, bpf_map_delete_elem(&array, &two));
	at = bpf_map_lookup_elem(&array, &two);
	result(4, at ? *at : -1);
	result(5, bpf_map_lookup_elem(&array, &five) != 0);

	at = bpf_map_lookup_elem(&percpu_array, &two);
	if (at)
		*at += 5;
	result(6, at ? *at : -1);

	result(7, bpf_map_update_elem(&hash, &a, &value, BPF_EXIST));
	result(8, bpf_map_update_elem(&hash, &a, &value, BPF_NOEXIST));
	result(9, bpf_map_update_elem(&hash, &a, &value, BPF_NOEXIST));
	result(10, bpf_map_update_elem(&hash, &b, &value, BPF_ANY));
	result(11, bpf_map_update_elem(&hash, &c, &value, BPF_ANY));
	result(12, bpf_map_delete_elem(&hash, &a));
	result(13, bpf_map_delete_elem(&hash, &a));
	result(14, bpf_map_update_elem(&hash, &c, &value, BPF_ANY));
	result(15, bpf_map_update_elem(&hash, &c, &value, 77));
	at = bpf_map_lookup_elem(&hash, &c);
	if (at)
		__sync_fetch_and_add(at, 3);
	result(16, at ? *at : -1);

	result(17, bpf_map_update_elem(&percpu_hash, &a, &value, BPF_ANY));
	at = bpf_map_lookup_elem(&percpu_hash, &a);
	result(18, at ? *at : -1);
	result(19, bpf_map_delete_elem(&percpu_hash, &b));

	result(20, bpf_ringbuf_output(&ring, &a, sizeof(a), 0));
	result(21, bpf_ringbuf_output(&ring, &a, sizeof(a), 77));
	at = bpf_ringbuf_reserve(&ring, 16, 0);
	if (at) {
		at[0] = 1;
		at[1] = 2;
		bpf_ringbuf_discard(at, 0);
	}
	at = bpf_ringbuf_reserve(&ring, 16, 0);
	if (at) {
		at[0] = 3;
		at[1] = 4;
		bpf_ringbuf_submit(at, 0);
	}
	result(22, bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA));
	result(23, bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE));
	at = bpf_ringbuf_reserve(&ring, 4096, 0);
	result(24, at != 0);
	if (at)
		bpf_ringbuf_discard(at, 0);
	result(25, bpf_get_smp_processor_id());
	result(26, bpf_get_current_pid_tgid() >> 32);
	result(27, bpf_get_current_pid_tgid() & 0xffffffff);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
