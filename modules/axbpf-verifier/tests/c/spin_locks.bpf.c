/* Spin locks in map values: issue 3, points 3 and 4. */
#include "expect.h"

struct guarded {
	__u64 before;
	struct bpf_spin_lock lock;
	__u32 after;
};
struct plain {
	__u64 number, other;
};

MAP(guarded, ARRAY, 2, __u32, struct guarded);
MAP(second, ARRAY, 2, __u32, struct guarded);
MAP(plain, ARRAY, 2, __u32, struct plain);
RING(ring);

#define LOCKS(name, verdict, code) SEC("tc") verdict NAKED int name(void) { ASM("r8 = r1;" code "1: r0 = 0; exit;", ADDR(guarded), ADDR(second), ADDR(plain), ADDR(ring)); }
#define VALUE LOOKUP(guarded) "r6 = r0;"
#define LOCK "r1 = r6; r1 += 8; call 93;"
#define UNLOCK "r1 = r6; r1 += 8; call 94;"

LOCKS(locked, EXPECT_ACCEPT RETVAL(0), VALUE LOCK "*(u64 *)(r6 + 0) = 1; *(u32 *)(r6 + 12) = 1;" UNLOCK)
LOCKS(not_unlocked, EXPECT_REJECT("bpf_spin_unlock is missing") REWORDED("BPF_EXIT instruction in main prog cannot be used inside bpf_spin_lock-ed region"), VALUE LOCK)
LOCKS(not_unlocked_on_one_path, EXPECT_REJECT("bpf_spin_unlock is missing") REWORDED("BPF_EXIT instruction in main prog cannot be used inside bpf_spin_lock-ed region"),
      VALUE LOCK "r0 = *(u64 *)(r6 + 0); if r0 == 0 goto 1f;" UNLOCK)
LOCKS(unlocked_on_both_paths, EXPECT_ACCEPT RETVAL(0), VALUE LOCK "r7 = *(u64 *)(r6 + 0); if r7 == 0 goto 2f;" UNLOCK "goto 1f; 2:" UNLOCK)
LOCKS(not_locked, EXPECT_REJECT("bpf_spin_unlock without taking a lock"), VALUE UNLOCK)
LOCKS(unlocked_twice, EXPECT_REJECT("bpf_spin_unlock without taking a lock"), VALUE LOCK UNLOCK UNLOCK)
LOCKS(locked_twice, EXPECT_REJECT("function calls are not allowed while holding a lock"), VALUE LOCK LOCK UNLOCK)
LOCKS(locked_again, EXPECT_ACCEPT RETVAL(0), VALUE LOCK UNLOCK LOCK UNLOCK)
LOCKS(two_locks, EXPECT_REJECT("function calls are not allowed while holding a lock"), VALUE LOOKUP(second) "r7 = r0;" LOCK "r1 = r7; r1 += 8; call 93;" UNLOCK)
LOCKS(other_unlocked, EXPECT_REJECT("bpf_spin_unlock of different lock"), VALUE LOOKUP(second) "r7 = r0;" LOCK "r1 = r7; r1 += 8; call 94;")
/* Two look-ups of one map are two values. */
LOCKS(same_map_other_value, EXPECT_REJECT("bpf_spin_unlock of different lock"), VALUE "r7 = r6;" LOOKUP(guarded) "r9 = r0;" LOCK "r1 = r9; r1 += 8; call 94;")
LOCKS(copy_unlocked, EXPECT_ACCEPT RETVAL(0), VALUE "r7 = r6;" LOCK "r1 = r7; r1 += 8; call 94;")
LOCKS(helper_while_locked, EXPECT_REJECT("function calls are not allowed while holding a lock"), VALUE LOCK "call 7;" UNLOCK)
LOCKS(helper_behind, EXPECT_ACCEPT RETVAL(0), VALUE LOCK UNLOCK "call 7;")
LOCKS(lock_read, EXPECT_REJECT("bpf_spin_lock cannot be accessed directly by load/store"), VALUE "w0 = *(u32 *)(r6 + 8);")
LOCKS(lock_written, EXPECT_REJECT("bpf_spin_lock cannot be accessed directly by load/store"), VALUE "*(u32 *)(r6 + 8) = 0;")
LOCKS(lock_read_in_part, EXPECT_REJECT("bpf_spin_lock cannot be accessed directly by load/store"), VALUE "w0 = *(u8 *)(r6 + 11);")
LOCKS(lock_in_wide_read, EXPECT_REJECT("bpf_spin_lock cannot be accessed directly by load/store"), VALUE "r0 = *(u64 *)(r6 + 8);")
LOCKS(beside_the_lock, EXPECT_ACCEPT RETVAL(0), VALUE "w0 = *(u32 *)(r6 + 12); r0 = *(u64 *)(r6 + 0);")
LOCKS(lock_in_variable_read, EXPECT_REJECT("bpf_spin_lock cannot be accessed directly by load/store"), "call 7; r7 = r0; r7 &= 15;" VALUE "r6 += r7; w0 = *(u8 *)(r6 + 0);")
LOCKS(lock_not_in_variable_read, EXPECT_ACCEPT RETVAL(0), "call 7; r7 = r0; r7 &= 7;" VALUE "r6 += r7; w0 = *(u8 *)(r6 + 0);")
LOCKS(wrong_place, EXPECT_REJECT("off 0 doesn't point to 'struct bpf_spin_lock' that is at 8"), VALUE "r1 = r6; call 93;" UNLOCK)
LOCKS(variable_place, EXPECT_REJECT("R1 doesn't have constant offset. bpf_spin_lock has to be at the constant offset"),
      "call 7; r7 = r0; r7 &= 8;" VALUE "r1 = r6; r1 += r7; call 93;" UNLOCK)
LOCKS(map_without_lock, EXPECT_REJECT("has no valid bpf_spin_lock"), LOOKUP(plain) "r1 = r0; r1 += 8; call 93;")
LOCKS(stack_as_lock, EXPECT_REJECT("R1 type=fp expected=map_value"), "r1 = r10; r1 += -8; call 93;")
LOCKS(unchecked_value, EXPECT_REJECT("R1 type=map_value_or_null expected=map_value"),
      "*(u32 *)(r10 - 4) = 5; r2 = r10; r2 += -4; r1 = %[guarded] ll; call 1; r1 = r0; call 93;")
/* A copy of the value for a helper must not hold the lock. */
LOCKS(value_to_helper, EXPECT_REJECT("bpf_spin_lock cannot be accessed directly by load/store"), VALUE "r2 = r6; r1 = %[ring] ll; r3 = 16; r4 = 0; call 130;")
LOCKS(value_to_helper_before_lock, EXPECT_ACCEPT RETVAL(0), VALUE "r2 = r6; r1 = %[ring] ll; r3 = 8; r4 = 0; call 130;")
LOCKS(packet_load_while_locked, EXPECT_REJECT("BPF_LD_[ABS|IND] cannot be used inside bpf_spin_lock-ed region"),
      VALUE LOCK "r7 = r6; r6 = r8; r0 = *(u8 *)skb[0]; r6 = r7;" UNLOCK)
LOCKS(tail_call_while_locked, EXPECT_REJECT("function calls are not allowed while holding a lock"), VALUE LOCK "r1 = r8; r2 = 0; r3 = 0; call 12;" UNLOCK)
LOCKS(loop_while_locked, EXPECT_ACCEPT RETVAL(0), VALUE LOCK "r7 = 0; 2: r7 += 1; if r7 < 10 goto 2b;" UNLOCK)

SUBPROG int unlocks(void)
{
	ASM("call 94; r0 = 0; exit;");
}
SUBPROG int locks(void)
{
	ASM("call 93; r0 = 0; exit;");
}
SUBPROG int quiet(void)
{
	ASM("r0 = 0; exit;");
}
SUBPROG int calls_helper(void)
{
	ASM("call 7; r0 = 0; exit;");
}
LOCKS(subprogram_while_locked, EXPECT_ACCEPT RETVAL(0), VALUE LOCK "call quiet;" UNLOCK)
LOCKS(subprogram_with_helper_while_locked, EXPECT_REJECT("function calls are not allowed while holding a lock"), VALUE LOCK "call calls_helper;" UNLOCK)
LOCKS(subprogram_unlocks, EXPECT_ACCEPT RETVAL(0), VALUE LOCK "r1 = r6; r1 += 8; call unlocks;")
LOCKS(subprogram_locks, EXPECT_ACCEPT RETVAL(0), VALUE "r1 = r6; r1 += 8; call locks;" UNLOCK)
LOCKS(subprogram_locks_only, EXPECT_REJECT("bpf_spin_unlock is missing") REWORDED("cannot be used inside bpf_spin_lock-ed region"), VALUE "r1 = r6; r1 += 8; call locks;")

__weak __noinline int global_quiet(int i)
{
	return i;
}
LOCKS(global_function_while_locked, EXPECT_REJECT("global function calls are not allowed while holding a lock"),
      VALUE LOCK "r1 = 1; call global_quiet;" UNLOCK)

/* Program types. */
SEC("socket") EXPECT_REJECT("socket filter progs cannot use bpf_spin_lock yet")
NAKED int in_socket_filter(void)
{
	ASM(VALUE LOCK UNLOCK "r0 = 0; exit;", ADDR(guarded));
}

SEC("kprobe") EXPECT_REJECT("tracing progs cannot use bpf_spin_lock yet")
NAKED int in_kprobe(void)
{
	ASM(VALUE LOCK UNLOCK "r0 = 0; exit;", ADDR(guarded));
}

/* The map alone is no reason. */
SEC("xdp") EXPECT_ACCEPT RETVAL(2)
int in_xdp(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct guarded *value = bpf_map_lookup_elem(&guarded, &key);

	if (value) {
		bpf_spin_lock(&value->lock);
		value->before++;
		value->after += value->before > 10;
		bpf_spin_unlock(&value->lock);
	}
	return XDP_PASS;
}

SEC("xdp") EXPECT_REJECT("bpf_spin_unlock is missing")
REWORDED("cannot be used inside bpf_spin_lock-ed region")
int in_xdp_with_return(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct guarded *value = bpf_map_lookup_elem(&guarded, &key);

	if (value) {
		bpf_spin_lock(&value->lock);
		if (value->before++ > 10)
			return XDP_DROP;
		bpf_spin_unlock(&value->lock);
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
