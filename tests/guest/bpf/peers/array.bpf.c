/* 1000 elements of an array are looked up and added to. */
#include "peers.h"

MAP(arr, BPF_MAP_TYPE_ARRAY, 64, __u32, __u64);

SEC("xdp")
int array(struct xdp_md *ctx)
{
	__u32 n = 0;

	NOUNROLL
	for (__u32 i = 0; i < 1000; i++) {
		__u32 k = i & 63;
		__u64 *v = bpf_map_lookup_elem(&arr, &k);

		if (v) {
			*v += i;
			n++;
		}
	}
	return n;
}
