/* 1000 lookups of 64 keys of a hash; what is missing is put in. */
#include "peers.h"

MAP(tab, BPF_MAP_TYPE_HASH, 256, __u64, __u64);

SEC("xdp")
int hash(struct xdp_md *ctx)
{
	__u32 n = 0;

	NOUNROLL
	for (__u32 i = 0; i < 1000; i++) {
		__u64 k = (i & 63) * 0x9e3779b97f4a7c15ULL, one = 1;
		__u64 *v = bpf_map_lookup_elem(&tab, &k);

		if (v)
			*v += 1;
		else
			bpf_map_update_elem(&tab, &k, &one, 0);
		n++;
	}
	return n;
}

/* 1000 updates of the same keys. */
SEC("xdp")
int hash_update(struct xdp_md *ctx)
{
	__u32 n = 0;

	NOUNROLL
	for (__u32 i = 0; i < 1000; i++) {
		__u64 k = (i & 63) * 0x9e3779b97f4a7c15ULL, v = i;

		n += bpf_map_update_elem(&tab, &k, &v, 0) == 0;
	}
	return n;
}
