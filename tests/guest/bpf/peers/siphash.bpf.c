/* SipHash-2-4 of the input: sums, rotations and loads of 64 bits. */
#include "peers.h"

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
#define ROUND \
	do { \
		v0 += v1; \
		v1 = ROTL(v1, 13); \
		v1 ^= v0; \
		v0 = ROTL(v0, 32); \
		v2 += v3; \
		v3 = ROTL(v3, 16); \
		v3 ^= v2; \
		v0 += v3; \
		v3 = ROTL(v3, 21); \
		v3 ^= v0; \
		v2 += v1; \
		v1 = ROTL(v1, 17); \
		v1 ^= v2; \
		v2 = ROTL(v2, 32); \
	} while (0)

SEC("xdp")
int siphash(struct xdp_md *ctx)
{
	INPUT(INPUT_SIZE);
	__u64 k0 = 0x0706050403020100ULL, k1 = 0x0f0e0d0c0b0a0908ULL;
	__u64 v0 = k0 ^ 0x736f6d6570736575ULL, v1 = k1 ^ 0x646f72616e646f6dULL;
	__u64 v2 = k0 ^ 0x6c7967656e657261ULL, v3 = k1 ^ 0x7465646279746573ULL;

	NOUNROLL
	for (__u32 i = 0; i < INPUT_SIZE; i += 8) {
		__u64 m = *(__u64 *)(p + i);

		v3 ^= m;
		ROUND;
		ROUND;
		v0 ^= m;
	}
	v3 ^= (__u64)INPUT_SIZE << 56;
	ROUND;
	ROUND;
	v0 ^= (__u64)INPUT_SIZE << 56;
	v2 ^= 0xff;
	ROUND;
	ROUND;
	ROUND;
	ROUND;
	__u64 h = v0 ^ v1 ^ v2 ^ v3;
	return (__u32)(h ^ (h >> 32));
}
