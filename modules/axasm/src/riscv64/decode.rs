//! What a probe does about the instruction it replaces: executes it elsewhere, computes what it does, or is refused.
//!
//! Source: the RISC-V Instruction Set Manual, volume I, "RV32/64G Instruction Set Listings" and the chapter on C.
use super::Regs;

/// An instruction as probes see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Insn {
    /// Bytes: 2 or 4.
    pub len: u8,
    /// What to do about it.
    pub step: Step,
}

/// See [`Insn`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// It does the same at any address.
    OutOfLine,
    /// It depends on its address: [`simulate`] does it.
    Simulate(Op),
    /// Neither is right.
    Refuse(Refusal),
}

/// Why an instruction cannot be probed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Privileged, or a control register: what it reads or changes is not what it was, inside a trap.
    System,
    /// A breakpoint already.
    Breakpoint,
    /// lr or sc: a trap between the two breaks the reservation.
    Exclusive,
    /// No instruction of RV64GC or of an extension that adds none which depend on their address.
    Unknown,
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Refusal::System => "a system instruction, whose effect a trap would change",
            Refusal::Breakpoint => "a breakpoint already",
            Refusal::Exclusive => "between lr and sc, where a trap breaks the reservation",
            Refusal::Unknown => "no instruction that is known",
        })
    }
}

/// An instruction whose effect is computed. Register numbers; offsets in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// `c.nop`: probes at function entries find the compiler's, and save a trap.
    Nop,
    /// rd = pc + imm.
    Auipc {
        /// Destination.
        rd: u8,
        /// Distance, a multiple of 4096.
        imm: i32,
    },
    /// rd = address of the next instruction; pc += offset. `c.j` with rd = x0.
    Jal {
        /// Destination.
        rd: u8,
        /// Distance.
        offset: i32,
    },
    /// rd = address of the next instruction; pc = (rs1 + offset) without its lowest bit. `c.jr` and `c.jalr` with offset 0.
    Jalr {
        /// Destination.
        rd: u8,
        /// Base.
        rs1: u8,
        /// Distance.
        offset: i32,
    },
    /// pc += offset if the condition holds. `c.beqz` and `c.bnez` with rs2 = x0.
    Branch {
        /// Condition.
        cond: Cond,
        /// Left side.
        rs1: u8,
        /// Right side.
        rs2: u8,
        /// Distance.
        offset: i32,
    },
}

/// Condition of a branch.
#[expect(missing_docs, reason = "named as the instructions: beq, bne, blt, bge, bltu, bgeu")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cond {
    Eq,
    Ne,
    Lt,
    Ge,
    Ltu,
    Geu,
}

/// The instruction that these bytes begin with; `None`: they end within it.
pub fn decode(bytes: &[u8]) -> Option<Insn> {
    let low = u16::from_le_bytes(*bytes.first_chunk()?);
    if low & 3 != 3 {
        return Some(Insn { len: 2, step: compressed(low) });
    }
    if low & 0x1c == 0x1c {
        // 48 bits and longer: no extension has any yet.
        return Some(Insn { len: 4, step: Step::Refuse(Refusal::Unknown) });
    }
    Some(Insn { len: 4, step: full(u32::from_le_bytes(*bytes.first_chunk()?)) })
}

fn full(word: u32) -> Step {
    use Refusal::*;
    let (rd, funct3, rs1, rs2) = ((word >> 7 & 31) as u8, word >> 12 & 7, (word >> 15 & 31) as u8, (word >> 20 & 31) as u8);
    let signed = word as i32;
    match word & 0x7f {
        // load, store, op-imm, op-imm-32, op, op-32, lui; floating point; vectors; fences and cache blocks
        0x03 | 0x23 | 0x13 | 0x1b | 0x33 | 0x3b | 0x37 | 0x07 | 0x27 | 0x43 | 0x47 | 0x4b | 0x4f | 0x53 | 0x57 | 0x0f => Step::OutOfLine,
        0x17 => Step::Simulate(Op::Auipc { rd, imm: signed & !0xfff }),
        0x2f => match word >> 27 {
            2 | 3 => Step::Refuse(Exclusive),
            _ => Step::OutOfLine,
        },
        0x63 => {
            let offset = (signed >> 31) << 12 | (signed << 4 & 0x800) | (signed >> 20 & 0x7e0) | (signed >> 7 & 0x1e);
            let cond = match funct3 {
                0 => Cond::Eq,
                1 => Cond::Ne,
                4 => Cond::Lt,
                5 => Cond::Ge,
                6 => Cond::Ltu,
                7 => Cond::Geu,
                _ => return Step::Refuse(Unknown),
            };
            Step::Simulate(Op::Branch { cond, rs1, rs2, offset })
        }
        0x67 if funct3 == 0 => Step::Simulate(Op::Jalr { rd, rs1, offset: signed >> 20 }),
        0x6f => {
            let offset = (signed >> 31) << 20 | (signed & 0xf_f000) | (signed >> 9 & 0x800) | (signed >> 20 & 0x7fe);
            Step::Simulate(Op::Jal { rd, offset })
        }
        0x73 => match (funct3, word >> 20) {
            (0, 1) if rd == 0 && rs1 == 0 => Step::Refuse(Breakpoint),
            // cycle, time, instret and their kin, read by csrrs with x0.
            (2, 0xc00..=0xc1f) if rs1 == 0 => Step::OutOfLine,
            _ => Step::Refuse(System),
        },
        _ => Step::Refuse(Unknown),
    }
}

fn compressed(half: u16) -> Step {
    use Refusal::*;
    let h = i32::from(half);
    let bit = |from: u32, to: u32| (h >> from & 1) << to;
    let rd = (half >> 7 & 31) as u8;
    let rs2 = (half >> 2 & 31) as u8;
    let rs1_short = (half >> 7 & 7) as u8 + 8;
    match (half & 3, half >> 13) {
        (0, 0) if half >> 5 == 0 => Step::Refuse(Unknown),
        (0, 4) if half >> 10 & 7 > 3 => Step::Refuse(Unknown),
        (0, _) => Step::OutOfLine,
        (1, 0) if half == 1 => Step::Simulate(Op::Nop),
        (1, 1) if rd == 0 => Step::Refuse(Unknown),
        (1, 5) => {
            let offset =
                (h << 19 >> 31) << 11 | bit(8, 10) | (h >> 9 & 3) << 8 | bit(6, 7) | bit(7, 6) | bit(2, 5) | bit(11, 4) | (h >> 3 & 7) << 1;
            Step::Simulate(Op::Jal { rd: 0, offset })
        }
        (1, 6 | 7) => {
            let offset = (h << 19 >> 31) << 8 | (h >> 5 & 3) << 6 | bit(2, 5) | (h >> 10 & 3) << 3 | (h >> 3 & 3) << 1;
            let cond = if half >> 13 == 6 { Cond::Eq } else { Cond::Ne };
            Step::Simulate(Op::Branch { cond, rs1: rs1_short, rs2: 0, offset })
        }
        (1, _) => Step::OutOfLine,
        (2, 2 | 3) if rd == 0 => Step::Refuse(Unknown),
        (2, 4) => match (half >> 12 & 1, rd, rs2) {
            (0, 0, 0) => Step::Refuse(Unknown),
            (1, 0, 0) => Step::Refuse(Breakpoint),
            (link, rs1, 0) => Step::Simulate(Op::Jalr { rd: link as u8, rs1, offset: 0 }),
            _ => Step::OutOfLine,
        },
        _ => Step::OutOfLine,
    }
}

/// Does what the instruction of `len` bytes at `regs.pc` does; `regs.pc` is where to go on.
pub fn simulate(op: Op, len: u8, regs: &mut Regs) {
    let pc = regs.pc;
    let next = pc.wrapping_add(len.into());
    let to = |offset: i32| pc.wrapping_add_signed(offset.into());
    regs.pc = match op {
        Op::Nop => next,
        Op::Auipc { rd, imm } => {
            regs.set(rd, to(imm));
            next
        }
        Op::Jal { rd, offset } => {
            regs.set(rd, next);
            to(offset)
        }
        Op::Jalr { rd, rs1, offset } => {
            let target = regs.get(rs1).wrapping_add_signed(offset.into()) & !1;
            regs.set(rd, next);
            target
        }
        Op::Branch { cond, rs1, rs2, offset } => {
            let (a, b) = (regs.get(rs1), regs.get(rs2));
            let taken = match cond {
                Cond::Eq => a == b,
                Cond::Ne => a != b,
                Cond::Lt => (a as i64) < b as i64,
                Cond::Ge => a as i64 >= b as i64,
                Cond::Ltu => a < b,
                Cond::Geu => a >= b,
            };
            if taken { to(offset) } else { next }
        }
    };
}
