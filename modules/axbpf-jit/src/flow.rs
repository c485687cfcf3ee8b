//! What a back-end wants to know about a program's flow before it lowers: where jumps arrive, and where the upper half of a register
//! is never read again, so that a 32-bit result need not be zero-extended there.
use alloc::vec::Vec;
use axbpf_isa::{AluOp, AtomicOp, Callee, Insn, InsnIdx, Operand, Reg, Size, Width};
use axbpf_vm::Program;

/// Facts about each slot of a program.
pub(crate) struct Flow {
    /// A jump arrives here, or a subprogram starts.
    leaders: Vec<bool>,
    /// No path arrives here, says the verifier.
    dead: Vec<bool>,
    /// Registers whose upper half is read after this instruction before it is written again, one bit each.
    upper: Vec<RegSet>,
    /// Registers that are read after this instruction before they are written again.
    live: Vec<RegSet>,
}

/// A set of registers, one bit each.
pub(crate) type RegSet = u16;

const fn bit(reg: Reg) -> RegSet {
    1 << reg.index()
}

/// R1 to R5: arguments of a call, and lost in it.
const ARGS: RegSet = 0b11_1110;
const R0: RegSet = 1;

impl Flow {
    pub fn new(program: &Program) -> Flow {
        let slots = program.slots().len();
        let (none, nothing) = (alloc::vec![false; slots], alloc::vec![0; slots]);
        let mut flow = Flow { leaders: none.clone(), dead: none, upper: nothing.clone(), live: nothing };
        for &slot in &program.facts().dead {
            if let Some(dead) = flow.dead.get_mut(slot as usize) {
                *dead = true;
            }
        }
        // For `look_back`: upper halves and registers wanted before each slot.
        let mut before = alloc::vec![(0, 0); slots];
        for subprog in &program.facts().subprogs {
            let insns: Vec<_> = program.insns_of(subprog).collect();
            flow.leaders[subprog.start as usize] = true;
            for &(at, insn) in &insns {
                if let Some(target) = target(at, &insn) {
                    flow.leaders[target] = true;
                }
            }
            flow.look_back(&insns, &mut before);
        }
        flow
    }

    pub fn is_leader(&self, at: InsnIdx) -> bool {
        self.leaders[at.at()]
    }

    pub fn is_dead(&self, at: InsnIdx) -> bool {
        self.dead[at.at()]
    }

    /// Whether the upper half that `reg` has after this instruction is ever read.
    pub fn needs_upper(&self, at: InsnIdx, reg: Reg) -> bool {
        self.upper[at.at()] & bit(reg) != 0
    }

    /// Whether the register is ever read after this instruction with the value it has then.
    pub fn is_live(&self, at: InsnIdx, reg: Reg) -> bool {
        self.live[at.at()] & bit(reg) != 0
    }

    /// Backward over one subprogram until nothing changes; loops take a second round, nested ones seldom more than a third.
    fn look_back(&mut self, insns: &[(InsnIdx, Insn)], before: &mut [(RegSet, RegSet)]) {
        let mut changed = true;
        while changed {
            changed = false;
            for &(at, insn) in insns.iter().rev() {
                let ends = matches!(insn, Insn::Exit | Insn::Jump { .. });
                let falls = before.get(at.at() + insn.slots()).copied().filter(|_| !ends).unwrap_or_default();
                let jumps = target(at, &insn).map(|target| before[target]).unwrap_or_default();
                let (upper, live) = (falls.0 | jumps.0, falls.1 | jumps.1);
                (self.upper[at.at()], self.live[at.at()]) = (upper, live);
                let (upper_reads, writes) = upper_halves(&insn, upper);
                let new = (upper & !writes | upper_reads, live & !writes | reads(&insn));
                changed |= before[at.at()] != new;
                before[at.at()] = new;
            }
        }
    }
}

/// Slot that the instruction may jump to; `Program` proved that it is one.
pub(crate) fn target(at: InsnIdx, insn: &Insn) -> Option<usize> {
    insn.jump_offset().map(|offset| (at.0 + 1).wrapping_add_signed(offset) as usize)
}

/// Registers that the instruction reads, one bit each.
fn reads(insn: &Insn) -> RegSet {
    let operand = |src: Operand| if let Operand::Reg(src) = src { bit(src) } else { 0 };
    match *insn {
        Insn::Alu { op: AluOp::Mov, src, .. } => operand(src),
        Insn::Alu { dst, src, .. } | Insn::Store { dst, src, .. } | Insn::Branch { dst, src, .. } => bit(dst) | operand(src),
        Insn::Neg { dst, .. } | Insn::End { dst, .. } => bit(dst),
        Insn::MovSx { src, .. } | Insn::Load { src, .. } | Insn::LoadInd { src, .. } => bit(src),
        Insn::Atomic { op, dst, src, .. } => bit(dst) | bit(src) | if op == AtomicOp::Cmpxchg { R0 } else { 0 },
        // A subprogram or helper may read any argument.
        Insn::Call(_) => ARGS,
        Insn::Exit => R0,
        Insn::LoadImm64 { .. } | Insn::LoadAbs { .. } | Insn::Jump { .. } | Insn::MayGoto { .. } => 0,
    }
}

/// Registers that the instruction writes, one bit each.
pub(crate) fn writes(insn: &Insn) -> RegSet {
    upper_halves(insn, 0).1
}

/// Registers whose upper half the instruction reads and those it writes, if `after` are those read later.
fn upper_halves(insn: &Insn, after: RegSet) -> (RegSet, RegSet) {
    let operand = |src: Operand| if let Operand::Reg(src) = src { bit(src) } else { 0 };
    // For results whose upper half depends on the upper half of operands, but whose lower half does not.
    let if_needed = |dst: Reg, reads: RegSet| if after & bit(dst) != 0 { reads } else { 0 };
    match *insn {
        Insn::Alu { width: Width::W32, dst, .. } => (0, bit(dst)),
        Insn::Alu { op, width: Width::W64, dst, src } => {
            let reads = match (op, src) {
                (AluOp::Mov, _) => if_needed(dst, operand(src)),
                (AluOp::Add | AluOp::Sub | AluOp::Mul | AluOp::Or | AluOp::Xor, _) => if_needed(dst, bit(dst) | operand(src)),
                (AluOp::And, Operand::Imm(0..)) => 0,
                (AluOp::And, _) => if_needed(dst, bit(dst) | operand(src)),
                (AluOp::Lsh, Operand::Imm(count)) if count & 63 >= 32 => 0,
                (AluOp::Lsh, _) => if_needed(dst, bit(dst)),
                (AluOp::Rsh | AluOp::Arsh, _) => bit(dst),
                (AluOp::Div | AluOp::Sdiv | AluOp::Mod | AluOp::Smod, _) => bit(dst) | operand(src),
            };
            (reads, bit(dst))
        }
        Insn::Neg { width: Width::W32, dst } => (0, bit(dst)),
        Insn::Neg { width: Width::W64, dst } => (if_needed(dst, bit(dst)), bit(dst)),
        Insn::MovSx { dst, .. } => (0, bit(dst)),
        Insn::End { dst, size, .. } => (if size == Size::Dw { bit(dst) } else { 0 }, bit(dst)),
        Insn::LoadImm64 { dst, .. } => (0, bit(dst)),
        Insn::LoadAbs { .. } => (0, R0),
        Insn::LoadInd { src, .. } => (bit(src), R0),
        Insn::Load { dst, src, .. } => (bit(src), bit(dst)),
        Insn::Store { size, dst, src, .. } => (bit(dst) | if size == Size::Dw { operand(src) } else { 0 }, 0),
        Insn::Atomic { op, size, dst, src, .. } => {
            let expected = if op == AtomicOp::Cmpxchg { R0 } else { 0 };
            let values = if size == Size::Dw { bit(src) | expected } else { 0 };
            let writes = match op {
                AtomicOp::Cmpxchg => R0,
                _ if op.fetches() => bit(src),
                _ => 0,
            };
            (bit(dst) | values, writes)
        }
        Insn::Jump { .. } | Insn::MayGoto { .. } => (0, 0),
        Insn::Branch { width: Width::W32, .. } => (0, 0),
        Insn::Branch { width: Width::W64, dst, src, .. } => (bit(dst) | operand(src), 0),
        // A subprogram may take R1 to R5 on to anything.
        Insn::Call(Callee::Helper(_) | Callee::Local { .. } | Callee::Kfunc { .. }) => (ARGS, ARGS | R0),
        Insn::Exit => (R0, 0),
    }
}
