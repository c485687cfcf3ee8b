/* Records of 16 bytes: 1024 that wake nobody, one alone, and one that always wakes. */
#include "peers.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} rb SEC(".maps");

static __always_inline __u32 emit(__u64 flags)
{
	__u64 *e = bpf_ringbuf_reserve(&rb, 16, 0);

	if (!e)
		return 0;
	e[0] = 1;
	e[1] = 2;
	bpf_ringbuf_submit(e, flags);
	return 1;
}

SEC("xdp")
int ringbuf(struct xdp_md *ctx)
{
	__u32 n = 0;

	NOUNROLL
	for (__u32 i = 0; i < 1024; i++)
		n += emit(BPF_RB_NO_WAKEUP);
	return n;
}

SEC("xdp")
int ringbuf_one(struct xdp_md *ctx)
{
	return emit(BPF_RB_NO_WAKEUP);
}

SEC("xdp")
int ringbuf_wake(struct xdp_md *ctx)
{
	return emit(BPF_RB_FORCE_WAKEUP);
}
