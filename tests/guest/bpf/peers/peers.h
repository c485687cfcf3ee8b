/* Shared by the programs of this folder, which are also run on other engines to compare speeds. Here only their results count: each is a
 * checksum over the 1024 bytes of input that src/peers.rs makes, reached by packet access, loops and branches that depend on it. */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define INPUT_SIZE 1024
#define NOUNROLL _Pragma("clang loop unroll(disable) vectorize(disable)")
/* The compiler knows nothing of x behind this; no instruction comes of it. */
#define OPAQUE(x) asm volatile("" : "+r"(x))

/* Declares `p`, the first n bytes of the packet; a shorter packet is an error. */
#define INPUT(n) \
	__u8 *p = (__u8 *)(long)ctx->data; \
	if (p + (n) > (__u8 *)(long)ctx->data_end) \
	return -1

#define MAP(name, kind, n, k, v) \
	struct { \
		__uint(type, kind); \
		__uint(max_entries, n); \
		__type(key, k); \
		__type(value, v); \
	} name SEC(".maps")

char LICENSE[] SEC("license") = "GPL";
