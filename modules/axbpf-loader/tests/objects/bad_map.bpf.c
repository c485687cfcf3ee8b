// One map, as the test defines it.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	DEFINITION;
} bad SEC(".maps");

SEC("kprobe") int use(void *ctx)
{
	return bpf_map_lookup_elem(&bad, ctx) != 0;
}
