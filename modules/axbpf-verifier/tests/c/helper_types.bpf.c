/* Which program types may call what: issue 3, point 3. */
#include "expect.h"

#define CALL(name, section, verdict, code) SEC(section) verdict NAKED int name(void) { ASM(code "r0 = 0; exit;"); }

CALL(random_anywhere, "socket", EXPECT_ACCEPT RETVAL(0), "call 7;")
CALL(time_anywhere, "xdp", EXPECT_ACCEPT RETVAL(0), "call 5;")
CALL(adjust_head_in_xdp, "xdp", EXPECT_ACCEPT RETVAL(0), "r2 = 0; call 44;")
CALL(adjust_head_in_tc, "tc", EXPECT_REJECT("cannot use helper bpf_xdp_adjust_head#44"), "r2 = 0; call 44;")
CALL(adjust_head_in_kprobe, "kprobe", EXPECT_REJECT("cannot use helper bpf_xdp_adjust_head#44"), "r2 = 0; call 44;")
CALL(store_bytes_in_tc, "tc", EXPECT_ACCEPT RETVAL(0), "*(u64 *)(r10 - 8) = 0; r2 = 0; r3 = r10; r3 += -8; r4 = 8; r5 = 0; call 9;")
CALL(store_bytes_in_filter, "socket", EXPECT_REJECT("cannot use helper bpf_skb_store_bytes#9"), "*(u64 *)(r10 - 8) = 0; r2 = 0; r3 = r10; r3 += -8; r4 = 8; r5 = 0; call 9;")
CALL(load_bytes_in_xdp, "xdp", EXPECT_REJECT("cannot use helper bpf_skb_load_bytes#26"), "r2 = 0; r3 = r10; r3 += -8; r4 = 8; call 26;")
CALL(xdp_load_bytes, "xdp", EXPECT_ACCEPT RETVAL(0), "r2 = 0; r3 = r10; r3 += -8; r4 = 8; call 189;")
CALL(stackid_in_xdp, "xdp", EXPECT_REJECT("cannot use helper bpf_get_stackid#27"), "call 27;")
CALL(func_ip_in_kprobe, "kprobe", EXPECT_ACCEPT, "call 173;")
CALL(func_ip_in_tp, "tp", EXPECT_REJECT("func bpf_get_func_ip#173 not supported for program type 5"), "call 173;")
CALL(override_return_in_tp, "tp", EXPECT_REJECT("cannot use helper bpf_override_return#58"), "r2 = 0; call 58;")
CALL(sys_bpf_in_kprobe, "kprobe", EXPECT_REJECT("cannot use helper bpf_sys_bpf#166"), "call 166;")
CALL(redirect_in_xdp, "xdp", EXPECT_ACCEPT, "r1 = 1; r2 = 0; call 23;")
CALL(redirect_in_filter, "socket", EXPECT_REJECT("cannot use helper bpf_redirect#23"), "r1 = 1; r2 = 0; call 23;")
CALL(perf_value_in_perf_event, "perf_event", EXPECT_ACCEPT, "r2 = r10; r2 += -24; r3 = 24; call 56;")
CALL(perf_value_in_kprobe, "kprobe", EXPECT_REJECT("cannot use helper bpf_perf_prog_read_value#56"), "r2 = r10; r2 += -24; r3 = 24; call 56;")
CALL(copy_from_user_when_sleepable, "uprobe.s", EXPECT_ACCEPT, "r1 = r10; r1 += -8; r2 = 8; r3 = 0; call 148;")
CALL(copy_from_user_when_not, "uprobe", EXPECT_REJECT("helper call might sleep in a non-sleepable prog"), "r1 = r10; r1 += -8; r2 = 8; r3 = 0; call 148;")
CALL(cookie_in_kprobe, "kprobe", EXPECT_ACCEPT, "call 174;")
CALL(cookie_in_xdp, "xdp", EXPECT_REJECT("cannot use helper bpf_get_attach_cookie#174"), "call 174;")
/* These follow the privileges of who loads. */
CALL(current_pid_in_filter, "socket", EXPECT_ACCEPT RETVAL(0), "call 14;")
CALL(probe_read_in_filter, "socket", EXPECT_ACCEPT RETVAL(0), "r1 = r10; r1 += -8; r2 = 8; r3 = 0; call 113;")

/* What a type may return. */
CALL(returns_in_tp, "tp", EXPECT_ACCEPT, "")
SEC("cgroup_skb/egress") EXPECT_ACCEPT NAKED int returns_three(void)
{
	ASM("r0 = 3; exit;");
}
SEC("cgroup_skb/egress") EXPECT_REJECT("At program exit the register R0 has smin=4 smax=4 should have been in [0, 3]") NAKED int returns_four(void)
{
	ASM("r0 = 4; exit;");
}
SEC("cgroup_skb/ingress") EXPECT_REJECT("should have been in [0, 1]") NAKED int returns_two(void)
{
	ASM("r0 = 2; exit;");
}
SEC("cgroup_skb/ingress") EXPECT_ACCEPT NAKED int returns_one(void)
{
	ASM("r0 = 1; exit;");
}
SEC("cgroup_skb/ingress") EXPECT_REJECT("At program exit the register R0 has") NAKED int returns_unknown(void)
{
	ASM("call 7; exit;");
}
SEC("cgroup_skb/ingress") EXPECT_ACCEPT NAKED int returns_masked(void)
{
	ASM("call 7; r0 &= 1; exit;");
}
SEC("cgroup_skb/ingress") EXPECT_REJECT("R0 is not a known value") NAKED int returns_pointer(void)
{
	ASM("r0 = r1; exit;");
}
SEC("cgroup/dev") EXPECT_ACCEPT NAKED int device_allowed(void)
{
	ASM("r0 = 1; exit;");
}
SEC("cgroup/dev") EXPECT_REJECT("should have been in [0, 1]") NAKED int device_minus_one(void)
{
	ASM("r0 = -1; exit;");
}
/* 64 bits count: what is 0 in the lower half only is too large. */
SEC("cgroup/dev") EXPECT_REJECT("should have been in [0, 1]") NAKED int device_upper_half(void)
{
	ASM("r0 = 0x100000000 ll; exit;");
}

char LICENSE[] SEC("license") = "GPL";
