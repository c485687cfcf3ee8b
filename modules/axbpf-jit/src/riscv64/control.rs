//! Frames, jumps, calls.
use super::asm::Cond;
use super::{Ext, Frame, Lower, SAVED, mem};
use crate::flow::{target, writes};
use crate::{JitCause, JitError};
use alloc::vec::Vec;
use axasm::riscv64::enc::*;
use axbpf_abi::Subprog;
use axbpf_isa::{Insn, InsnIdx, JmpOp, Operand, Reg, Width};
use axbpf_vm::{MAX_LOOPS, Program};

/// ra and s0.
const RECORD: i64 = 16;

impl Frame {
    pub(super) fn new(program: &Program, subprog: &Subprog, insns: &[(InsnIdx, Insn)], is_c: bool) -> Self {
        let calls = insns.iter().any(|(_, insn)| matches!(insn, Insn::Call(_)));
        let counts_loops = insns.iter().any(|(_, insn)| matches!(insn, Insn::MayGoto { .. }));
        let written = insns.iter().fold(0, |set, (_, insn)| set | writes(insn));
        let saved: Vec<X> = if calls { (0..4).filter(|i| written >> (6 + i) & 1 != 0).map(|i| SAVED[i]).collect() } else { Vec::new() };
        // Facts may be generous; a function that does not name R10 has no stack.
        let uses_stack = insns.iter().map(|(at, _)| program.slots()[at.at()]).any(|slot| slot.dst() == 10 || slot.src() == 10);
        let stack = if uses_stack { (i64::from(subprog.stack) + 7) & !7 } else { 0 };
        let record = if calls { RECORD } else { 0 };
        let size = (stack + i64::from(counts_loops) * 8 + saved.len() as i64 * 8 + record + 15) & !15;
        let (epilogue, shares_epilogue, end) = (0, false, subprog.end);
        Frame { epilogue, shares_epilogue, end, is_c, calls, stack, counts_loops, saved, size }
    }

    /// Saved registers and where, from sp.
    fn slots(&self) -> impl Iterator<Item = (X, i64)> + '_ {
        let top = self.size - if self.calls { RECORD } else { 0 };
        self.saved.iter().zip(1..).map(move |(&reg, n)| (reg, top - 8 * n))
    }
}

impl Lower<'_> {
    pub(super) fn prologue(&mut self) {
        let size = self.frame.size;
        if size > 0 {
            self.emit(addi(X::SP, X::SP, mem(X::SP, -size).offset));
        }
        if self.frame.calls {
            self.emit(sd(X::RA, mem(X::SP, size - 8)));
            self.emit(sd(X::S0, mem(X::SP, size - 16)));
            self.emit(addi(X::S0, X::SP, mem(X::SP, size).offset));
        }
        let saved: Vec<_> = self.frame.slots().collect();
        for (reg, offset) in saved {
            self.emit(sd(reg, mem(X::SP, offset)));
        }
        if self.frame.counts_loops {
            self.li(X::T0, MAX_LOOPS.into());
            self.emit(sd(X::T0, mem(X::SP, self.frame.stack)));
        }
    }

    pub(super) fn epilogue(&mut self) {
        let size = self.frame.size;
        if self.frame.is_c {
            self.mv(X::A0, X::A5);
        }
        let saved: Vec<_> = self.frame.slots().collect();
        for (reg, offset) in saved {
            self.emit(ld(reg, mem(X::SP, offset)));
        }
        if self.frame.calls {
            self.emit(ld(X::RA, mem(X::SP, size - 8)));
            self.emit(ld(X::S0, mem(X::SP, size - 16)));
        }
        if size > 0 {
            self.emit(addi(X::SP, X::SP, mem(X::SP, size).offset));
        }
        self.emit(jalr(X::ZERO, mem(X::RA, 0)));
    }

    pub(super) fn exit(&mut self) {
        let is_short = !self.frame.calls;
        if is_short {
            return self.epilogue();
        }
        self.frame.shares_epilogue = true;
        if self.at.0 + 1 != self.frame.end {
            self.asm.jump(self.frame.epilogue);
        }
    }

    pub(super) fn jump(&mut self, offset: i32) {
        let Some(label) = target(self.at, &Insn::Jump { offset, long: true }) else { return };
        self.arrive(label);
        if offset != 0 {
            self.asm.jump(label);
        }
    }

    /// if dst OP src goto offset
    pub(super) fn branch(&mut self, op: JmpOp, width: Width, dst: Reg, src: Operand, offset: i16) {
        let Some(label) = target(self.at, &Insn::Branch { op, width, dst, src, offset }) else { return };
        // What the verifier saw taken always or never needs no comparison.
        if self.flow.is_dead(InsnIdx(label as u32)) || offset == 0 {
            return;
        }
        let next = InsnIdx(self.at.0 + 1);
        if next.at() < self.slots && self.flow.is_dead(next) {
            self.arrive(label);
            return self.asm.jump(label);
        }
        self.compare(op, width, dst, src, true, label);
    }

    /// if dst OP src goto +1; goto offset: the jump under the opposite condition. Tells whether it is one.
    pub(super) fn branch_over_jump(&mut self, insn: &Insn, next: InsnIdx, jump: &Insn) -> bool {
        let Insn::Branch { op, width, dst, src, offset: 1 } = *insn else { return false };
        let (Insn::Jump { .. }, Some(label)) = (jump, target(next, jump)) else { return false };
        let after = InsnIdx(next.0 + 1);
        if next.0 != self.at.0 + 1 || self.flow.is_dead(after) || self.flow.is_dead(InsnIdx(label as u32)) {
            return false;
        }
        self.compare(op, width, dst, src, false, label);
        true
    }

    /// Goes to the label if `dst OP src` is what is wanted.
    fn compare(&mut self, op: JmpOp, width: Width, dst: Reg, src: Operand, wanted: bool, label: usize) {
        self.arrive(label);
        let (cond, a, b) = match op {
            JmpOp::Set => self.test(width, dst, src),
            _ => self.order(op, width, dst, src),
        };
        let cond = if wanted { cond } else { cond.inverted() };
        self.asm.branch(cond, a, b, label);
    }

    /// dst OP src, as a condition on two registers
    fn order(&mut self, op: JmpOp, width: Width, dst: Reg, src: Operand) -> (Cond, X, X) {
        let signed = matches!(op, JmpOp::Sgt | JmpOp::Sge | JmpOp::Slt | JmpOp::Sle);
        // dst > -1 is dst >= 0, and so on: saves the constant
        let (op, src) = match (op, src) {
            (JmpOp::Sgt, Operand::Imm(-1)) => (JmpOp::Sge, Operand::Imm(0)),
            (JmpOp::Sle, Operand::Imm(-1)) => (JmpOp::Slt, Operand::Imm(0)),
            same => same,
        };
        let (a, b) = match width {
            Width::W64 => (self.read(dst, X::T0), self.operand(src, X::T2)),
            Width::W32 => self.operands_w32(signed, dst, src),
        };
        match op {
            JmpOp::Eq => (Cond::Eq, a, b),
            JmpOp::Gt => (Cond::Ltu, b, a),
            JmpOp::Ge => (Cond::Geu, a, b),
            JmpOp::Lt => (Cond::Ltu, a, b),
            JmpOp::Le => (Cond::Geu, b, a),
            JmpOp::Sgt => (Cond::Lt, b, a),
            JmpOp::Sge => (Cond::Ge, a, b),
            JmpOp::Slt => (Cond::Lt, a, b),
            JmpOp::Sle => (Cond::Ge, b, a),
            // Set goes through `test`.
            JmpOp::Ne | JmpOp::Set => (Cond::Ne, a, b),
        }
    }

    /// A right operand in a register: `temp` for constants other than zero, and for R10.
    pub(super) fn operand(&mut self, src: Operand, temp: X) -> X {
        match src {
            Operand::Reg(src) => self.read(src, temp),
            Operand::Imm(0) => X::ZERO,
            Operand::Imm(imm) => {
                self.li(temp, imm.into());
                temp
            }
        }
    }

    /// Two lower halves, extended so that comparing the registers compares them. Sign-extension keeps the unsigned order too; zero-extended
    /// registers are left as they are where the order is unsigned.
    fn operands_w32(&mut self, signed: bool, dst: Reg, src: Operand) -> (X, X) {
        let a = self.ext(dst);
        let b = match src {
            Operand::Reg(src) => self.ext(src),
            Operand::Imm(imm) => Ext::of(imm.into()),
        };
        let as_they_are = (a.sext && b.sext) || (!signed && a.zext && b.zext);
        let (mut x, mut y) = (self.read(dst, X::T0), self.operand(src, X::T2));
        if !as_they_are && !a.sext {
            self.sext_w(X::T0, x);
            x = X::T0;
        }
        if !as_they_are && !b.sext {
            self.sext_w(X::T2, y);
            y = X::T2;
        }
        (x, y)
    }

    /// dst & src is not zero, as a condition on two registers
    fn test(&mut self, width: Width, dst: Reg, src: Operand) -> (Cond, X, X) {
        let (a, temp) = (self.read(dst, X::T0), X::T2);
        let ext = self.ext(dst);
        match src {
            Operand::Imm(imm @ 0..=2047) => {
                self.emit(andi(temp, a, mem(X::ZERO, imm.into()).offset));
                (Cond::Ne, temp, X::ZERO)
            }
            // One bit: shifted into the sign.
            Operand::Imm(imm) if imm.count_ones() == 1 && (width == Width::W32 || imm > 0) => {
                self.emit(slli(temp, a, Shamt::masked(imm.leading_zeros() + 32)));
                (Cond::Lt, temp, X::ZERO)
            }
            Operand::Imm(imm) => {
                self.li(temp, imm.into());
                self.emit(and(temp, temp, a));
                if width == Width::W32 && imm < 0 && ext == Ext::NONE {
                    self.sext_w(temp, temp);
                }
                (Cond::Ne, temp, X::ZERO)
            }
            Operand::Reg(src) => {
                let b = self.read(src, temp);
                self.emit(and(temp, a, b));
                let other = self.ext(src);
                if width == Width::W32 && !(ext.zext || other.zext || ext.sext && other.sext) {
                    self.sext_w(temp, temp);
                }
                (Cond::Ne, temp, X::ZERO)
            }
        }
    }

    /// Jumps when the frame's counter is zero, otherwise takes one from it.
    pub(super) fn may_goto(&mut self, offset: i16) {
        let Some(label) = target(self.at, &Insn::MayGoto { offset }) else { return };
        self.arrive(label);
        let counter = mem(X::SP, self.frame.stack);
        self.emit(ld(X::T0, counter));
        self.asm.branch(Cond::Eq, X::T0, X::ZERO, label);
        self.emit(addi(X::T0, X::T0, Imm12::of::<-1>()));
        self.emit(sd(X::T0, counter));
    }

    pub(super) fn call_helper(&mut self, id: u32) -> Result<(), JitError> {
        let Some(body) = self.program.helper(id) else { return self.fail(JitCause::Unsupported) };
        self.asm.call_helper(body as usize as u64);
        self.mv(X::A5, X::A0);
        self.forget_caller_saved();
        Ok(())
    }

    pub(super) fn call_local(&mut self, offset: i32) {
        let entry = self.entry_of(offset);
        self.asm.call(entry);
        self.forget_caller_saved();
    }

    /// Label of the subprogram that starts at this distance.
    pub(super) fn entry_of(&self, offset: i32) -> usize {
        let target = (self.at.0 + 1).wrapping_add_signed(offset);
        let index = self.program.facts().subprogs.partition_point(|subprog| subprog.start < target);
        self.slots + 2 * index
    }

    fn forget_caller_saved(&mut self) {
        for reg in [Reg::R0, Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5] {
            self.set_ext(reg, Ext::NONE);
        }
    }
}
