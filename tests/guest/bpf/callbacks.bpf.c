/* Helpers that call the program back: loops, elements of maps, records from tasks. What they answer is kept in `results`. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define MAP(name, kind, n, k, v) \
	struct { \
		__uint(type, kind); \
		__uint(max_entries, n); \
		__type(key, k); \
		__type(value, v); \
	} name SEC(".maps")

MAP(array, BPF_MAP_TYPE_ARRAY, 5, __u32, __u64);
MAP(hash, BPF_MAP_TYPE_HASH, 16, __u64, __u64);
MAP(each_cpu, BPF_MAP_TYPE_PERCPU_ARRAY, 3, __u32, __u64);
MAP(results, BPF_MAP_TYPE_ARRAY, 32, __u32, __s64);

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} from_tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} to_tasks SEC(".maps");

static void result(__u32 i, __s64 value)
{
	bpf_map_update_elem(&results, &i, &value, BPF_ANY);
}

struct sum {
	__u64 sum;
	__u64 stop;
};

static long add_index(__u32 index, void *ctx)
{
	struct sum *sum = ctx;

	sum->sum += index;
	return index == sum->stop;
}

static long add_square(__u32 index, void *ctx)
{
	struct sum inner = { .stop = -1 }, *sum = ctx;

	bpf_loop(index, add_index, &inner, 0);
	sum->sum += inner.sum;
	return 0;
}

static long add_value(void *map, __u32 *key, __u64 *value, void *ctx)
{
	struct sum *sum = ctx;

	sum->sum += *key * *value;
	return *key == sum->stop;
}

static long take_out(void *map, __u64 *key, __u64 *value, void *ctx)
{
	struct sum *sum = ctx;
	__u64 copy = *key;

	sum->sum += *value;
	if (copy & 1)
		bpf_map_delete_elem(&hash, &copy);
	return 0;
}

static long add_record(struct bpf_dynptr *record, void *ctx)
{
	struct sum *sum = ctx;
	__u64 *whole, copy = 0;
	__u32 part = 0;

	if (bpf_dynptr_read(&copy, sizeof(copy), record, 0, 0))
		return 0;
	whole = bpf_dynptr_data(record, 0, sizeof(*whole));
	if (whole)
		sum->sum += *whole;
	bpf_dynptr_read(&part, sizeof(part), record, 4, 0);
	sum->sum += part;
	return copy == sum->stop;
}

SEC("syscall")
int call_back(void *ctx)
{
	struct sum sum = { .stop = -1 };
	struct bpf_dynptr record;
	__u64 value, key, *data;
	__u32 i;

	result(0, bpf_loop(1000, add_index, &sum, 0));
	result(1, sum.sum);
	sum.sum = 0, sum.stop = 10;
	result(2, bpf_loop(1000, add_index, &sum, 0));
	result(3, sum.sum);
	result(4, bpf_loop((8 << 20) + 1, add_index, &sum, 0));
	result(5, bpf_loop(1, add_index, &sum, 1));
	sum.sum = 0;
	result(6, bpf_loop(20, add_square, &sum, 0));
	result(7, sum.sum);

	for (i = 0; i < 5; i++) {
		__u32 index = i;

		value = i + 1;
		bpf_map_update_elem(&array, &index, &value, BPF_ANY);
		bpf_map_update_elem(&each_cpu, &index, &value, BPF_ANY);
	}
	for (i = 0; i < 10; i++) {
		key = i;
		value = 100 + i;
		bpf_map_update_elem(&hash, &key, &value, BPF_ANY);
	}
	sum.sum = 0, sum.stop = -1;
	result(8, bpf_for_each_map_elem(&array, add_value, &sum, 0));
	result(9, sum.sum);
	sum.sum = 0, sum.stop = 2;
	result(10, bpf_for_each_map_elem(&array, add_value, &sum, 0));
	result(11, sum.sum);
	sum.sum = 0;
	result(12, bpf_for_each_map_elem(&each_cpu, add_value, &sum, 0));
	result(13, sum.sum);
	sum.sum = 0;
	result(14, bpf_for_each_map_elem(&hash, take_out, &sum, 0));
	result(15, sum.sum);
	result(16, bpf_for_each_map_elem(&array, add_value, &sum, 1));

	sum.sum = 0, sum.stop = 3;
	result(17, bpf_user_ringbuf_drain(&from_tasks, add_record, &sum, 0));
	result(18, sum.sum);
	result(19, bpf_user_ringbuf_drain(&from_tasks, add_record, &sum, 0));
	result(20, bpf_user_ringbuf_drain(&from_tasks, add_record, &sum, 77));

	result(21, bpf_ringbuf_reserve_dynptr(&to_tasks, 20, 0, &record));
	value = 0x1122334455667788;
	result(22, bpf_dynptr_write(&record, 4, &value, sizeof(value), 0));
	result(23, bpf_dynptr_write(&record, 13, &value, sizeof(value), 0));
	data = bpf_dynptr_data(&record, 12, sizeof(*data));
	if (data)
		__builtin_memcpy(data, &value, sizeof(value));
	result(24, data != 0);
	bpf_ringbuf_submit_dynptr(&record, 0);
	result(25, bpf_ringbuf_reserve_dynptr(&to_tasks, 5000, 0, &record));
	bpf_ringbuf_discard_dynptr(&record, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
