//! Instructions that are none, in Linux's words (Linux: `resolve_pseudo_ldimm64`, and what `do_check` says of reserved fields).
use crate::{Reason, Rule};
use alloc::format;
use axbpf_isa::{DecodeCause, DecodeError, FieldName, RawInsn};

/// What is wrong with an instruction.
pub(crate) struct Illegal {
    pub reason: Reason,
    /// Even where no path reaches it.
    pub always: bool,
}

impl Illegal {
    pub fn of(slot: RawInsn, error: &DecodeError) -> Illegal {
        let imm = slot.imm;
        let (text, always) = match error.cause {
            DecodeCause::PastEnd { .. } | DecodeCause::WideCut | DecodeCause::WideMalformed { .. } => {
                ("invalid bpf_ld_imm64 insn".into(), true)
            }
            DecodeCause::WideReserved { .. } => ("BPF_LD_IMM64 uses reserved fields".into(), true),
            DecodeCause::UnknownOpcode { opcode } => (format!("unknown opcode {opcode:02x}"), true),
            DecodeCause::BadRegister { number, .. } => (format!("R{number} is invalid"), false),
            DecodeCause::UnknownOperation { opcode: 0x18, .. } => ("unrecognized bpf_ld_imm64 insn".into(), true),
            DecodeCause::UnknownOperation { opcode: 0xc3 | 0xdb, field: FieldName::Imm, .. } => {
                (format!("BPF_ATOMIC uses invalid atomic opcode {imm:02x}"), false)
            }
            DecodeCause::Reserved { opcode: 0xe5, .. } | DecodeCause::UnknownOperation { opcode: 0xe5, .. } => {
                (format!("invalid may_goto imm {imm}"), false)
            }
            DecodeCause::Reserved { opcode, .. } | DecodeCause::UnknownOperation { opcode, .. } => {
                (format!("{} uses reserved fields", family(opcode)), opcode == 0x18)
            }
        };
        let text = format!("{text}\n{error}");
        Illegal { reason: Reason { rule: Rule::Insn, text, hint: "" }, always }
    }
}

/// What Linux calls the instructions that share a check.
fn family(opcode: u8) -> &'static str {
    match (opcode & 7, opcode >> 4) {
        (0, _) if opcode == 0x18 => "BPF_LD_IMM64",
        (0, _) => "BPF_LD_[ABS|IND]",
        (1, _) => "BPF_LDX",
        (2, _) => "BPF_ST",
        (3, _) if opcode >> 5 == 6 => "BPF_ATOMIC",
        (3, _) => "BPF_STX",
        (4 | 7, 0xb) => "BPF_MOV",
        (4 | 7, 0xd) => "BPF_END",
        (4 | 7, 0x8) => "BPF_NEG",
        (4 | 7, _) => "BPF_ALU",
        (_, 0x8) => "BPF_CALL",
        (_, 0x9) => "BPF_EXIT",
        (_, 0x0) => "BPF_JA",
        _ => "BPF_JMP/JMP32",
    }
}
