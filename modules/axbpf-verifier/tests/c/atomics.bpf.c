/* Atomic instructions: issue 3, points 1, 4 and 5. */
#include "expect.h"

struct value {
	__u64 a;
	__u32 b, c;
};

MAP(values, ARRAY, 1, __u32, struct value);

#define ATOMIC(name, verdict, code) SEC("tc") verdict NAKED int name(void) { ASM("r9 = r1;" code "1: exit;", ADDR(values)); }
#define SLOT "*(u64 *)(r10 - 8) = 12;"

ATOMIC(add, EXPECT_ACCEPT RETVAL(15), SLOT "r1 = 3; lock *(u64 *)(r10 - 8) += r1; r0 = *(u64 *)(r10 - 8);")
ATOMIC(or, EXPECT_ACCEPT RETVAL(15), SLOT "r1 = 3; lock *(u64 *)(r10 - 8) |= r1; r0 = *(u64 *)(r10 - 8);")
ATOMIC(and, EXPECT_ACCEPT RETVAL(4), SLOT "r1 = 6; lock *(u64 *)(r10 - 8) &= r1; r0 = *(u64 *)(r10 - 8);")
ATOMIC(xor, EXPECT_ACCEPT RETVAL(10), SLOT "r1 = 6; lock *(u64 *)(r10 - 8) ^= r1; r0 = *(u64 *)(r10 - 8);")
ATOMIC(fetch_add, EXPECT_ACCEPT RETVAL(12), SLOT "r0 = 3; r0 = atomic_fetch_add((u64 *)(r10 - 8), r0);")
ATOMIC(fetch_add_half, EXPECT_ACCEPT RETVAL(12), SLOT "w0 = 3; w0 = atomic_fetch_add((u32 *)(r10 - 8), w0);")
ATOMIC(exchange, EXPECT_ACCEPT RETVAL(12), SLOT "r0 = 3; r0 = xchg_64(r10 - 8, r0);")
ATOMIC(compare_exchange, EXPECT_ACCEPT RETVAL(3), SLOT "r0 = 12; r1 = 3; r0 = cmpxchg_64(r10 - 8, r0, r1); r0 = *(u64 *)(r10 - 8);")
ATOMIC(bytes, EXPECT_REJECT("unknown opcode d3") REWORDED("invalid atomic operand size"), SLOT "r0 = 0; r1 = 3; .byte 0xd3, 0x1a; .short -8; .long 0;")
ATOMIC(shorts, EXPECT_REJECT("unknown opcode cb") REWORDED("invalid atomic operand size"), SLOT "r0 = 0; r1 = 3; .byte 0xcb, 0x1a; .short -8; .long 0;")
ATOMIC(unknown_operation, EXPECT_REJECT("BPF_ATOMIC uses invalid atomic opcode 10"), SLOT "r0 = 0; r1 = 3; .byte 0xdb, 0x1a; .short -8; .long 0x10;")
ATOMIC(xchg_without_fetch, EXPECT_REJECT("BPF_ATOMIC uses invalid atomic opcode e0"), SLOT "r0 = 0; r1 = 3; .byte 0xdb, 0x1a; .short -8; .long 0xe0;")
ATOMIC(source_unwritten, EXPECT_REJECT("R3 !read_ok"), SLOT "lock *(u64 *)(r10 - 8) += r3; r0 = 0;")
ATOMIC(expected_unwritten, EXPECT_REJECT("R0 !read_ok"), SLOT "r1 = 1; r0 = cmpxchg_64(r10 - 8, r0, r1);")
ATOMIC(misaligned, EXPECT_REJECT("misaligned stack access off"), "*(u64 *)(r10 - 16) = 0; *(u64 *)(r10 - 8) = 0; r1 = 1; lock *(u64 *)(r10 - 12) += r1; r0 = 0;")
ATOMIC(half_aligned, EXPECT_ACCEPT RETVAL(0), SLOT "r1 = 1; lock *(u32 *)(r10 - 4) += w1; r0 = 0;")
ATOMIC(stack_above, EXPECT_REJECT("stack R10 off=0 size=8"), "r1 = 1; lock *(u64 *)(r10 + 0) += r1; r0 = 0;")
ATOMIC(frame_pointer_fetched, EXPECT_REJECT("frame pointer is read only"), SLOT "r1 = r10; .byte 0xdb, 0xa1; .short -8; .long 1; r0 = 0;")
/* What is fetched is what was there; what is in memory afterwards is not known. */
ATOMIC(fetched_known, EXPECT_ACCEPT RETVAL(12), SLOT "r0 = 3; r0 = atomic_fetch_add((u64 *)(r10 - 8), r0); if r0 == 12 goto 1f; r0 = r8;")
ATOMIC(fetched_other, EXPECT_REJECT("R8 !read_ok"), SLOT "r0 = 3; r0 = atomic_fetch_add((u64 *)(r10 - 8), r0); if r0 == 15 goto 1f; r0 = r8;")
ATOMIC(memory_unknown, EXPECT_REJECT("R8 !read_ok"), SLOT "r0 = 3; lock *(u64 *)(r10 - 8) += r0; r0 = *(u64 *)(r10 - 8); if r0 == 15 goto 1f; r0 = r8;")
ATOMIC(source_kept, EXPECT_ACCEPT RETVAL(3), SLOT "r0 = 3; lock *(u64 *)(r10 - 8) += r0; if r0 == 3 goto 1f; r0 = r8;")
ATOMIC(half_fetched_is_small, EXPECT_ACCEPT RETVAL(12), SLOT "w0 = 3; w0 = atomic_fetch_add((u32 *)(r10 - 8), w0); r1 = r0; r1 >>= 32; if r1 == 0 goto 1f; r0 = r8;")
ATOMIC(pointer_added, EXPECT_REJECT("R0 invalid mem access 'scalar'"), "*(u64 *)(r10 - 8) = r9; r1 = 0; lock *(u64 *)(r10 - 8) += r1; r0 = *(u64 *)(r10 - 8); w0 = *(u32 *)(r0 + 0);")
ATOMIC(pointer_beside, EXPECT_ACCEPT, "*(u64 *)(r10 - 8) = r9; *(u64 *)(r10 - 16) = 0; r1 = 1; lock *(u64 *)(r10 - 16) += r1; r0 = *(u64 *)(r10 - 8); w0 = *(u32 *)(r0 + 0);")

ATOMIC(in_value, EXPECT_ACCEPT, LOOKUP(values) "r1 = 1; lock *(u64 *)(r0 + 0) += r1; r0 = 0;")
ATOMIC(in_value_over, EXPECT_REJECT("invalid access to map value, value_size=16 off=16 size=8"), LOOKUP(values) "r1 = 1; lock *(u64 *)(r0 + 16) += r1; r0 = 0;")
ATOMIC(in_value_half, EXPECT_ACCEPT, LOOKUP(values) "r1 = 1; lock *(u32 *)(r0 + 12) += w1; r0 = 0;")
ATOMIC(in_value_half_misaligned, EXPECT_REJECT("misaligned value access off"), LOOKUP(values) "r1 = 1; lock *(u32 *)(r0 + 10) += w1; r0 = 0;")
ATOMIC(in_unchecked_value, EXPECT_REJECT("R0 invalid mem access 'map_value_or_null'"), "call 7; *(u32 *)(r10 - 4) = r0; r2 = r10; r2 += -4; r1 = %[values] ll; call 1; r1 = 1; lock *(u64 *)(r0 + 0) += r1; r0 = 0;")
ATOMIC(pointer_into_value, EXPECT_ACCEPT, LOOKUP(values) "lock *(u64 *)(r0 + 0) += r10; r0 = 0;")
ATOMIC(in_packet, EXPECT_REJECT("BPF_ATOMIC stores into R2 pkt is not allowed"), "w2 = *(u32 *)(r1 + 76); w3 = *(u32 *)(r1 + 80); r4 = r2; r4 += 8; r0 = 0; if r4 > r3 goto 1f; r1 = 1; lock *(u64 *)(r2 + 0) += r1;")
ATOMIC(in_number, EXPECT_REJECT("R1 invalid mem access 'scalar'"), "r0 = 0; r1 = 64; lock *(u64 *)(r1 + 0) += r0;")

/* Real code: a counter and a ticket. */
__u64 counter;
__u32 ticket;

SEC("tc") EXPECT_ACCEPT RETVAL(7)
int counts(struct __sk_buff *skb)
{
	__u64 first = __sync_fetch_and_add(&counter, 7);
	__u32 second = __sync_fetch_and_or(&ticket, 1);

	__sync_val_compare_and_swap(&ticket, 1, 0);
	return counter - first + second;
}

char LICENSE[] SEC("license") = "GPL";
