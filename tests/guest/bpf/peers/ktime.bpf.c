/* 1000 calls of a helper. */
#include "peers.h"

SEC("xdp")
int ktime(struct xdp_md *ctx)
{
	__u32 n = 0;

	NOUNROLL
	for (__u32 i = 0; i < 1000; i++)
		n += bpf_ktime_get_ns() != 0;
	return n;
}
