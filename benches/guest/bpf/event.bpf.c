// One record for each call of the function that this is attached to.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("kprobe")
int event(void *ctx)
{
	__u64 *record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);

	if (record) {
		*record = 1;
		bpf_ringbuf_submit(record, 0);
	}
	return 0;
}

char _license[] SEC("license") = "GPL";
