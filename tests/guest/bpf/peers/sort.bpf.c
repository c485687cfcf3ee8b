/* Bubble sort of 64 numbers on the stack: 2016 comparisons. */
#include "peers.h"

SEC("xdp")
int sort(struct xdp_md *ctx)
{
	INPUT(256);
	__u32 a[64], h = 0;

	NOUNROLL
	for (__u32 i = 0; i < 64; i++)
		a[i] = ((__u32 *)p)[i] * 2654435761u; /* a copy without this would become memcpy */
	NOUNROLL
	for (__u32 i = 63; i > 0; i--) {
		NOUNROLL
		for (__u32 j = 0; j < i; j++) {
			__u32 x = a[j], y = a[j + 1], min = x, max = y;

			if (x > y) {
				min = y;
				max = x;
			}
			/* Stored on both ways: Linux tells half a spilled register from data and would never join the two. */
			OPAQUE(min);
			OPAQUE(max);
			a[j] = min;
			a[j + 1] = max;
		}
	}
	NOUNROLL
	for (__u32 i = 0; i < 64; i++)
		h = h * 31 + a[i];
	return h;
}
