/* Collatz steps of 64 start values, at most 128 each: branches that nobody can predict. */
#include "peers.h"

SEC("xdp")
int collatz(struct xdp_md *ctx)
{
	INPUT(INPUT_SIZE);
	__u64 zero = *(__u64 *)(p + INPUT_SIZE - 8);
	__u32 total = 0;

	NOUNROLL
	for (__u32 i = 0; i < 64; i++) {
		__u64 n = p[i] + 1;

		NOUNROLL
		for (__u32 k = 0; k < 128; k++) {
			if (n == 1)
				break;
			/* A zero that the verifier cannot know keeps n without bounds; with bounds Linux would tell branches ahead, track n
			 * exactly and come to the end of its million steps. */
			if (n & 1)
				n = 3 * n + 1;
			else
				n = (n >> 1) + zero;
			total++;
			OPAQUE(total); /* or it becomes one with k, which is tracked */
		}
	}
	return total;
}
