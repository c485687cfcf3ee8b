/* Code itself: control flow, dead code, wide loads, reserved fields: issue 3, point 5. */
#include "expect.h"

MAP(values, ARRAY, 1, __u32, __u64[8]);

#define CODE(name, verdict, code) SEC("socket") verdict NAKED int name(void) { ASM(code, ADDR(values)); }
/* One instruction by its fields. */
#define INSN(code, regs, off, imm) ".byte " #code ", " #regs "; .short " #off "; .long " #imm ";"

/* Every instruction can be reached, every path ends. */
CODE(smallest, EXPECT_ACCEPT RETVAL(0), "r0 = 0; exit;")
CODE(unreachable_behind_exit, EXPECT_REJECT("unreachable insn 2"), "r0 = 0; exit; r0 = 1; exit;")
CODE(unreachable_behind_jump, EXPECT_REJECT("unreachable insn 2"), "r0 = 0; goto 1f; r0 = 1; 1: exit;")
CODE(unreachable_loop, EXPECT_REJECT("unreachable insn 2"), "r0 = 0; exit; 1: goto 1b;")
CODE(no_exit, EXPECT_REJECT("last insn is not an exit or jmp"), "r0 = 0;")
CODE(ends_in_jump, EXPECT_ACCEPT RETVAL(1), "r0 = 0; goto 2f; 1: r0 = 1; exit; 2: goto 1b;")
CODE(ends_in_branch, EXPECT_REJECT("last insn is not an exit or jmp"), "r0 = 0; if r1 == 0 goto 1f; exit; 1: if r0 == 0 goto 1b;")
CODE(jump_behind_end, EXPECT_REJECT("jump out of range from insn 1 to 3"), "r0 = 0;" INSN(0x05, 0, 1, 0) "exit;")
CODE(jump_before_start, EXPECT_REJECT("jump out of range from insn 1 to -1"), "r0 = 0;" INSN(0x05, 0, -3, 0) "exit;")
CODE(branch_behind_end, EXPECT_REJECT("jump out of range from insn 1 to 3"), "r0 = 0;" INSN(0x15, 0, 1, 0) "exit;")
CODE(long_jump, EXPECT_ACCEPT RETVAL(0), "r0 = 0; gotol 1f; 1: exit;")
CODE(long_jump_far, EXPECT_REJECT("jump out of range from insn 1 to 70002"), "r0 = 0;" INSN(0x06, 0, 0, 70000) "exit;")
CODE(jump_into_wide_load, EXPECT_REJECT("jump into the middle of ldimm64 insn 2"), "r0 = 0; if r1 == 0 goto +1; r2 = 0x1122334455667788 ll; exit;")
CODE(branch_to_next, EXPECT_ACCEPT RETVAL(0), "r0 = 0; if r1 == 0 goto +0; exit;")
CODE(jump_to_next, EXPECT_ACCEPT RETVAL(0), "r0 = 0; goto +0; exit;")

/* What is never reached on any path may be wrong; only its opcode has to exist. */
CODE(dead_bad_access, EXPECT_ACCEPT RETVAL(0), "r0 = 0; r1 = 5; if r1 == 5 goto 1f; r2 = 0; r0 = *(u64 *)(r2 + 0); 1: exit;")
CODE(live_bad_access, EXPECT_REJECT("R2 invalid mem access 'scalar'"), "r0 = 0; r1 = 5; if r1 != 5 goto 1f; r2 = 0; r0 = *(u64 *)(r2 + 0); 1: exit;")
CODE(dead_unknown_helper, EXPECT_ACCEPT RETVAL(0), "r0 = 0; if r0 == 0 goto 1f; call 123456; 1: exit;")
CODE(live_unknown_helper, EXPECT_REJECT("invalid func unknown#123456"), "r0 = 0; if r0 != 0 goto 1f; call 123456; 1: exit;")
CODE(dead_unset_register, EXPECT_ACCEPT RETVAL(0), "r0 = 0; if r0 == 0 goto 1f; r0 = r7; 1: exit;")
CODE(dead_stack_overflow, EXPECT_ACCEPT RETVAL(0), "r0 = 0; if r0 == 0 goto 1f; *(u64 *)(r10 - 1024) = 0; 1: exit;")
CODE(dead_endless_loop, EXPECT_ACCEPT RETVAL(0), "r0 = 0; if r0 == 0 goto 1f; 2: goto 2b; 1: exit;")
CODE(dead_bad_opcode, EXPECT_REJECT("unknown opcode ff"), "r0 = 0; if r0 == 0 goto 1f;" INSN(0xff, 0, 0, 0) "1: exit;")
CODE(dead_bad_register, EXPECT_ACCEPT RETVAL(0), "r0 = 0; if r0 == 0 goto 1f;" INSN(0xb7, 0x0b, 0, 0) "1: exit;")
CODE(dead_reserved, EXPECT_ACCEPT RETVAL(0), "r0 = 0; if r0 == 0 goto 1f;" INSN(0xb7, 0x10, 0, 0) "1: exit;")

/* Registers and opcodes that do not exist. */
CODE(opcode_zero, EXPECT_REJECT("unknown opcode 00"), "r0 = 0;" INSN(0x00, 0, 0, 0) "exit;")
CODE(opcode_unknown, EXPECT_REJECT("unknown opcode ff"), "r0 = 0;" INSN(0xff, 0, 0, 0) "exit;")
CODE(alu_unknown, EXPECT_REJECT("unknown opcode f4"), "r0 = 0;" INSN(0xf4, 0, 0, 0) "exit;")
CODE(register_15, EXPECT_REJECT("R15 is invalid"), "r0 = 0;" INSN(0xb7, 0x0f, 0, 0) "exit;")
CODE(source_11, EXPECT_REJECT("R11 is invalid"), "r0 = 0;" INSN(0xbf, 0xb0, 0, 0) "exit;")

/* Fields that have to be zero. */
CODE(move_with_offset, EXPECT_REJECT("BPF_MOV uses reserved fields"), "r0 = 0;" INSN(0xb7, 0, 1, 0) "exit;")
CODE(move_register_with_immediate, EXPECT_REJECT("BPF_MOV uses reserved fields"), "r0 = 0;" INSN(0xbf, 0x10, 0, 1) "exit;")
CODE(move_signed_odd_width, EXPECT_REJECT("BPF_MOV uses reserved fields"), "r0 = 0;" INSN(0xbf, 0x00, 7, 0) "exit;")
CODE(add_with_offset, EXPECT_REJECT("BPF_ALU uses reserved fields"), "r0 = 0;" INSN(0x07, 0, 1, 0) "exit;")
CODE(add_register_with_immediate, EXPECT_REJECT("BPF_ALU uses reserved fields"), "r0 = 0;" INSN(0x0f, 0x10, 0, 1) "exit;")
CODE(division_with_odd_offset, EXPECT_REJECT("BPF_ALU uses reserved fields"), "r0 = 0;" INSN(0x37, 0, 2, 3) "exit;")
CODE(exit_with_register, EXPECT_REJECT("BPF_EXIT uses reserved fields"), "r0 = 0;" INSN(0x95, 1, 0, 0))
CODE(exit_with_immediate, EXPECT_REJECT("BPF_EXIT uses reserved fields"), "r0 = 0;" INSN(0x95, 0, 0, 1))
CODE(exit_half, EXPECT_REJECT("unknown opcode 96"), "r0 = 0;" INSN(0x96, 0, 0, 0) "exit;")
CODE(jump_with_register, EXPECT_REJECT("BPF_JA uses reserved fields"), "r0 = 0;" INSN(0x05, 1, 0, 0) "exit;")
CODE(branch_register_with_immediate, EXPECT_REJECT("BPF_JMP/JMP32 uses reserved fields"), "r0 = 0;" INSN(0x1d, 0x10, 0, 1) "exit;")
CODE(branch_constant_with_source, EXPECT_REJECT("BPF_JMP/JMP32 uses reserved fields"), "r0 = 0;" INSN(0x15, 0x10, 0, 1) "exit;")
CODE(call_with_offset, EXPECT_REJECT("BPF_CALL uses reserved fields"), "r0 = 0;" INSN(0x85, 0, 1, 7) "exit;")
CODE(call_with_destination, EXPECT_REJECT("BPF_CALL uses reserved fields"), "r0 = 0;" INSN(0x85, 1, 0, 7) "exit;")
CODE(call_of_unknown_kind, EXPECT_REJECT("BPF_CALL uses reserved fields"), "r0 = 0;" INSN(0x85, 0x30, 0, 7) "exit;")
CODE(load_with_immediate, EXPECT_REJECT("BPF_LDX uses reserved fields"), "r0 = 0;" INSN(0x61, 0x10, 0, 1) "exit;")
CODE(store_with_source, EXPECT_REJECT("BPF_ST uses reserved fields"), "r0 = 0;" INSN(0x7a, 0x1a, -8, 1) "exit;")
CODE(store_register_with_immediate, EXPECT_REJECT("BPF_STX uses reserved fields"), "r0 = 0;" INSN(0x7b, 0x0a, -8, 1) "exit;")

/* Wide loads: two halves, the second one a word and nothing else. */
CODE(wide, EXPECT_ACCEPT RETVAL(0x55667788), "r0 = 0x1122334455667788 ll; exit;")
CODE(wide_half_missing, EXPECT_REJECT("invalid bpf_ld_imm64 insn"), "r0 = 0;" INSN(0x18, 0, 0, 5) "exit;")
CODE(wide_second_with_register, EXPECT_REJECT("invalid bpf_ld_imm64 insn"), INSN(0x18, 0, 0, 5) INSN(0, 1, 0, 0) "exit;")
CODE(wide_second_with_offset, EXPECT_REJECT("invalid bpf_ld_imm64 insn"), INSN(0x18, 0, 0, 5) INSN(0, 0, 1, 0) "exit;")
CODE(wide_first_with_offset, EXPECT_REJECT("BPF_LD_IMM64 uses reserved fields"), INSN(0x18, 0, 1, 5) INSN(0, 0, 0, 0) "exit;")
CODE(wide_of_unknown_kind, EXPECT_REJECT("unrecognized bpf_ld_imm64 insn"), INSN(0x18, 0x70, 0, 0) INSN(0, 0, 0, 0) "exit;")
CODE(wide_of_no_descriptor, EXPECT_REJECT("fd 1000000 is not pointing to valid bpf_map"), INSN(0x18, 0x10, 0, 1000000) INSN(0, 0, 0, 0) "r0 = 0; exit;")
CODE(wide_to_frame_pointer, EXPECT_REJECT("frame pointer is read only"), INSN(0x18, 0x0a, 0, 5) INSN(0, 0, 0, 0) "r0 = 0; exit;")

/* Loads and stores. */
CODE(store_to_nowhere, EXPECT_REJECT("R1 invalid mem access 'scalar'"), "r1 = 0; *(u64 *)(r1 + 0) = 0; r0 = 0; exit;")
CODE(load_from_nowhere, EXPECT_REJECT("R0 invalid mem access 'scalar'"), "r0 = 0; r0 = *(u64 *)(r0 + 0); exit;")
CODE(load_from_unset, EXPECT_REJECT("R5 !read_ok"), "r0 = *(u64 *)(r5 + 0); exit;")
CODE(load_from_map, EXPECT_REJECT("R1 invalid mem access 'map_value_or_null'"), "*(u32 *)(r10 - 4) = 7; r2 = r10; r2 += -4; r1 = %[values] ll; call 1; r1 = r0; r0 = *(u64 *)(r1 + 0); exit;")

/* Packet loads of the old kind: R6 is the context, R1 to R5 are gone. */
CODE(packet_byte, EXPECT_ACCEPT RETVAL(0), "r6 = r1; r0 = *(u8 *)skb[0]; exit;")
CODE(packet_byte_without_context, EXPECT_REJECT("at the time of BPF_LD_ABS|IND R6 != pointer to skb"), "r6 = 0; r0 = *(u8 *)skb[0]; exit;")
CODE(packet_byte_unset_context, EXPECT_REJECT("R6 !read_ok"), "r0 = *(u8 *)skb[0]; exit;")
CODE(packet_byte_clobbers, EXPECT_REJECT("R1 !read_ok"), "r6 = r1; r0 = *(u8 *)skb[0]; r0 = *(u32 *)(r1 + 0); exit;")
CODE(packet_byte_keeps_saved, EXPECT_ACCEPT RETVAL(0), "r6 = r1; r7 = 0; r0 = *(u8 *)skb[0]; r0 = r7; exit;")
CODE(packet_indirect, EXPECT_ACCEPT RETVAL(0), "r6 = r1; r7 = 4; r0 = *(u16 *)skb[r7]; exit;")
CODE(packet_indirect_unset, EXPECT_REJECT("R7 !read_ok"), "r6 = r1; r0 = *(u16 *)skb[r7]; exit;")
CODE(packet_byte_reserved, EXPECT_REJECT("BPF_LD_[ABS|IND] uses reserved fields"), "r6 = r1;" INSN(0x30, 1, 0, 0) "exit;")
SEC("xdp") EXPECT_REJECT("BPF_LD_[ABS|IND] instructions not allowed for this program type")
NAKED int packet_byte_in_xdp(void)
{
	ASM("r6 = r1; r0 = *(u8 *)skb[0]; exit;");
}

/* Messages have the instruction's text and the registers. */
CODE(said_with_text, EXPECT_REJECT("0: (b7) r2 = 0") EXPECT_REJECT("R2 invalid mem access 'scalar'"), "r2 = 0; r0 = *(u64 *)(r2 + 0); exit;")
CODE(said_with_count, EXPECT_ACCEPT LOG2("processed 2 insns (limit 1000000)"), "r0 = 0; exit;")
CODE(said_at_level_two, EXPECT_ACCEPT LOG2("0: (b7) r0 = 0") LOG2("1: (95) exit"), "r0 = 0; exit;")
CODE(said_with_range, EXPECT_ACCEPT LOG2("scalar(smin=smin32=0,smax=umax=smax32=umax32=63,var_off=(0x0; 0x3f))"), "call 7; r0 &= 63; exit;")

char LICENSE[] SEC("license") = "GPL";
