/* Nothing but entering and leaving. */
#include "peers.h"

SEC("xdp")
int empty(struct xdp_md *ctx)
{
	return 0;
}
