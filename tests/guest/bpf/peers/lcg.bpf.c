/* 10000 rounds of a congruential generator and a xorshift: arithmetic alone, one branch back a round. */
#include "peers.h"

SEC("xdp")
int lcg(struct xdp_md *ctx)
{
	INPUT(8);
	__u64 x = *(__u64 *)p | 1;

	NOUNROLL
	for (__u32 i = 0; i < 10000; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	return (__u32)(x ^ (x >> 32));
}
