/* Slots of a histogram by powers of two, as bcc's log2l: 0 and 1 are slot 0, 2 and 3 slot 1, 4 to 7 slot 2. */
#pragma once
#include <linux/types.h>

#define SLOTS 64

static inline __u32 log2_slot(__u64 v)
{
	__u32 slot = 0;

	if (v >> 32) {
		slot += 32;
		v >>= 32;
	}
	if (v >> 16) {
		slot += 16;
		v >>= 16;
	}
	if (v >> 8) {
		slot += 8;
		v >>= 8;
	}
	if (v >> 4) {
		slot += 4;
		v >>= 4;
	}
	if (v >> 2) {
		slot += 2;
		v >>= 2;
	}
	return slot + (v >> 1);
}
