/* Contexts by program type: issue 3, point 3. */
#include "expect.h"

#define CTX(name, section, verdict, code) \
	SEC(section) verdict NAKED int name(void) { ASM(code "r0 = 0; exit;"); }

/* kprobe: the registers, to be read. */
CTX(kprobe_first, "kprobe", EXPECT_ACCEPT, "r0 = *(u64 *)(r1 + 0);")
CTX(kprobe_last, "kprobe", EXPECT_ACCEPT, "r0 = *(u64 *)(r1 + 160);")
CTX(kprobe_behind, "kprobe", EXPECT_REJECT("invalid bpf_context access off=168 size=8"), "r0 = *(u64 *)(r1 + 168);")
CTX(kprobe_half, "kprobe", EXPECT_ACCEPT, "w0 = *(u32 *)(r1 + 4);")
CTX(kprobe_across, "kprobe", EXPECT_REJECT("invalid bpf_context access off=4 size=8"), "r0 = *(u64 *)(r1 + 4);")
CTX(kprobe_before, "kprobe", EXPECT_REJECT("invalid bpf_context access off=-8 size=8"), "r0 = *(u64 *)(r1 - 8);")
CTX(kprobe_written, "kprobe", EXPECT_REJECT("invalid bpf_context access off=0 size=8"), "*(u64 *)(r1 + 0) = 0;")
CTX(kprobe_value_is_a_number, "kprobe", EXPECT_REJECT("R2 invalid mem access 'scalar'"), "r2 = *(u64 *)(r1 + 112); r0 = *(u64 *)(r2 + 0);")
CTX(kprobe_value_by_helper, "kprobe", EXPECT_ACCEPT, "r3 = *(u64 *)(r1 + 112); r1 = r10; r1 += -8; r2 = 8; call 113;")
CTX(uprobe_register, "uprobe", EXPECT_ACCEPT, "r0 = *(u64 *)(r1 + 80);")

/* Tracepoint: the record behind its first 8 bytes. */
CTX(tp_field, "tp", EXPECT_ACCEPT, "r0 = *(u64 *)(r1 + 8);")
CTX(tp_byte, "tp", EXPECT_ACCEPT, "w0 = *(u8 *)(r1 + 13);")
CTX(tp_head, "tp", EXPECT_REJECT("invalid bpf_context access off=0 size=8"), "r0 = *(u64 *)(r1 + 0);")
CTX(tp_misaligned, "tp", EXPECT_REJECT("invalid bpf_context access off=10 size=4"), "w0 = *(u32 *)(r1 + 10);")
CTX(tp_largest, "tp", EXPECT_ACCEPT, "r0 = *(u64 *)(r1 + 8184);")
CTX(tp_too_large, "tp", EXPECT_REJECT("invalid bpf_context access off=8192 size=8"), "r0 = *(u64 *)(r1 + 8192);")
CTX(tp_written, "tp", EXPECT_REJECT("invalid bpf_context access off=8 size=8"), "*(u64 *)(r1 + 8) = 0;")

/* Raw tracepoint: 12 arguments. */
CTX(raw_tp_first, "raw_tp", EXPECT_ACCEPT, "r0 = *(u64 *)(r1 + 0);")
CTX(raw_tp_last, "raw_tp", EXPECT_ACCEPT, "r0 = *(u64 *)(r1 + 88);")
CTX(raw_tp_behind, "raw_tp", EXPECT_REJECT("invalid bpf_context access off=96 size=8"), "r0 = *(u64 *)(r1 + 96);")
CTX(raw_tp_argument_is_a_number, "raw_tp", EXPECT_REJECT("R2 invalid mem access 'scalar'"), "r2 = *(u64 *)(r1 + 0); r0 = *(u64 *)(r2 + 0);")
CTX(raw_tp_written, "raw_tp", EXPECT_REJECT("invalid bpf_context access off=0 size=8"), "*(u64 *)(r1 + 0) = 0;")

/* Perf event: the registers, then period and address. */
CTX(perf_register, "perf_event", EXPECT_ACCEPT, "r0 = *(u64 *)(r1 + 0);")
CTX(perf_period, "perf_event", EXPECT_ACCEPT, "r0 = *(u64 *)(r1 + 168);")
CTX(perf_period_half, "perf_event", EXPECT_ACCEPT, "w0 = *(u32 *)(r1 + 168);")
CTX(perf_behind, "perf_event", EXPECT_REJECT("invalid bpf_context access off=184 size=8"), "r0 = *(u64 *)(r1 + 184);")

/* XDP: words, only whole ones. */
CTX(xdp_words, "xdp", EXPECT_ACCEPT RETVAL(0), "w2 = *(u32 *)(r1 + 0); w2 = *(u32 *)(r1 + 4); w2 = *(u32 *)(r1 + 8); w2 = *(u32 *)(r1 + 12); w2 = *(u32 *)(r1 + 16);")
CTX(xdp_double, "xdp", EXPECT_REJECT("invalid bpf_context access off=0 size=8"), "r2 = *(u64 *)(r1 + 0);")
CTX(xdp_half, "xdp", EXPECT_REJECT("invalid bpf_context access off=12 size=2"), "w2 = *(u16 *)(r1 + 12);")
CTX(xdp_misaligned, "xdp", EXPECT_REJECT("invalid bpf_context access off=2 size=4"), "w2 = *(u32 *)(r1 + 2);")
CTX(xdp_behind, "xdp", EXPECT_REJECT("invalid bpf_context access off=24 size=4"), "w2 = *(u32 *)(r1 + 24);")
CTX(xdp_egress, "xdp", EXPECT_REJECT("invalid bpf_context access off=20 size=4"), "w2 = *(u32 *)(r1 + 20);")
CTX(xdp_egress_in_devmap, "xdp/devmap", EXPECT_ACCEPT, "w2 = *(u32 *)(r1 + 20);")
CTX(xdp_written, "xdp", EXPECT_REJECT("invalid bpf_context access off=16 size=4"), "*(u32 *)(r1 + 16) = 1;")
CTX(xdp_index_is_a_number, "xdp", EXPECT_REJECT("R2 invalid mem access 'scalar'"), "w2 = *(u32 *)(r1 + 12); w0 = *(u8 *)(r2 + 0);")

/* Packets of sockets: what may be read and written depends on the type. */
CTX(skb_length, "socket", EXPECT_ACCEPT RETVAL(0), "w0 = *(u32 *)(r1 + 0);")
CTX(skb_narrow, "socket", EXPECT_ACCEPT RETVAL(0), "w0 = *(u16 *)(r1 + 0); w0 = *(u8 *)(r1 + 4);")
CTX(skb_double, "socket", EXPECT_REJECT("invalid bpf_context access off=0 size=8"), "r0 = *(u64 *)(r1 + 0);")
CTX(skb_cb, "socket", EXPECT_ACCEPT RETVAL(0), "*(u32 *)(r1 + 48) = 1; w0 = *(u32 *)(r1 + 64);")
CTX(skb_cb_double, "socket", EXPECT_ACCEPT RETVAL(0), "*(u64 *)(r1 + 48) = 1;")
CTX(skb_cb_behind, "socket", EXPECT_REJECT("invalid bpf_context access off=64 size=8"), "*(u64 *)(r1 + 64) = 1;")
CTX(skb_mark_written_by_filter, "socket", EXPECT_REJECT("invalid bpf_context access off=8 size=4"), "*(u32 *)(r1 + 8) = 1;")
CTX(skb_mark_written_by_tc, "tc", EXPECT_ACCEPT RETVAL(0), "*(u32 *)(r1 + 8) = 1;")
CTX(skb_length_written_by_tc, "tc", EXPECT_REJECT("invalid bpf_context access off=0 size=4"), "*(u32 *)(r1 + 0) = 1;")
CTX(skb_priority_written_by_tc, "tc", EXPECT_ACCEPT RETVAL(0), "*(u32 *)(r1 + 32) = 1;")
CTX(skb_classid_in_filter, "socket", EXPECT_REJECT("invalid bpf_context access off=72 size=4"), "w0 = *(u32 *)(r1 + 72);")
CTX(skb_classid_in_tc, "tc", EXPECT_ACCEPT RETVAL(0), "w0 = *(u32 *)(r1 + 72); *(u32 *)(r1 + 72) = 1;")
CTX(skb_time_in_tc, "tc", EXPECT_ACCEPT RETVAL(0), "r0 = *(u64 *)(r1 + 152); *(u64 *)(r1 + 152) = 5;")
CTX(skb_time_half, "tc", EXPECT_REJECT("invalid bpf_context access off=152 size=4"), "w0 = *(u32 *)(r1 + 152);")
CTX(skb_behind, "tc", EXPECT_REJECT("invalid bpf_context access off=192 size=4"), "w0 = *(u32 *)(r1 + 192);")
CTX(skb_word_misaligned, "tc", EXPECT_REJECT("invalid bpf_context access off=2 size=4"), "w0 = *(u32 *)(r1 + 2);")
CTX(skb_data_written, "tc", EXPECT_REJECT("invalid bpf_context access off=76 size=4"), "*(u32 *)(r1 + 76) = 0;")
CTX(skb_data_half, "tc", EXPECT_REJECT("invalid bpf_context access off=76 size=2"), "w0 = *(u16 *)(r1 + 76);")

/* syscall: any bytes, up to 64 KiB. */
CTX(syscall_any, "syscall", EXPECT_ACCEPT, "r0 = *(u64 *)(r1 + 8); *(u8 *)(r1 + 3) = 1;")
CTX(syscall_before, "syscall", EXPECT_REJECT("invalid bpf_context access off=-8 size=8"), "r0 = *(u64 *)(r1 - 8);")

/* Rules of all types. */
CTX(moved, "xdp", EXPECT_REJECT("dereference of modified ctx ptr R1 off=4 disallowed"), "r1 += 4; w0 = *(u32 *)(r1 + 0);")
CTX(moved_for_helper, "tc", EXPECT_REJECT("dereference of modified ctx ptr R1 off=4 disallowed"), "r1 += 4; r2 = 64; call 39;")
CTX(moved_and_back, "xdp", EXPECT_ACCEPT RETVAL(0), "r1 += 4; r1 += -4; w0 = *(u32 *)(r1 + 12);")
CTX(moved_by_variable, "tc", EXPECT_REJECT("variable ctx access var_off=(0x0; 0x4) disallowed"),
    "r6 = r1; call 7; r0 &= 4; r6 += r0; w0 = *(u32 *)(r6 + 0);")
CTX(atomic, "tc", EXPECT_REJECT("BPF_ATOMIC stores into R1 ctx is not allowed"), "r2 = 1; lock *(u32 *)(r1 + 8) += w2;")
CTX(clobbered, "tc", EXPECT_REJECT("R1 !read_ok"), "call 7; w0 = *(u32 *)(r1 + 0);")
CTX(saved, "tc", EXPECT_ACCEPT RETVAL(0), "r6 = r1; call 7; w0 = *(u32 *)(r6 + 0);")
CTX(other_register, "tc", EXPECT_REJECT("R2 !read_ok"), "w0 = *(u32 *)(r2 + 0);")
CTX(pointer_stored_in_cb, "tc", EXPECT_ACCEPT, "*(u64 *)(r1 + 48) = r10;")
CTX(helper_wants_ctx, "tc", EXPECT_REJECT("R1 type=fp expected=ctx"), "r1 = r10; r2 = 64; call 39;")
CTX(helper_wants_ctx_number, "tc", EXPECT_REJECT("R1 type=scalar expected=ctx"), "r1 = 0; r2 = 64; call 39;")

/* The same instruction on two kinds of pointer. */
SEC("tc") EXPECT_REJECT("same insn cannot be used with different pointers")
NAKED int two_kinds_of_pointer(void)
{
	ASM(R"(
	r6 = r1
	*(u64 *)(r10 - 8) = 0
	call %[bpf_get_prandom_u32]
	if r0 == 0 goto 1f
	r6 = r10
	r6 += -8
1:	w0 = *(u32 *)(r6 + 0)
	r0 = 0
	exit
	)", IMM(bpf_get_prandom_u32));
}

SEC("tc") EXPECT_ACCEPT RETVAL(0)
NAKED int two_insns_for_two_kinds(void)
{
	ASM(R"(
	r6 = r1
	*(u64 *)(r10 - 8) = 0
	call %[bpf_get_prandom_u32]
	if r0 == 0 goto 1f
	r6 = r10
	r6 += -8
	w0 = *(u32 *)(r6 + 0)
	r0 = 0
	exit
1:	w0 = *(u32 *)(r6 + 0)
	r0 = 0
	exit
	)", IMM(bpf_get_prandom_u32));
}

char LICENSE[] SEC("license") = "GPL";
