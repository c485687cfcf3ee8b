//! Loads, stores, atomics.
use super::asm::Cond;
use super::{Ext, Lower};
use crate::{JitCause, JitError};
use axasm::riscv64::enc::*;
use axbpf_isa::{AtomicOp, Imm64, Operand, Reg, Size};

impl Lower<'_> {
    /// base + off as an operand; T0 holds what does not fit into one.
    fn address(&mut self, base: Reg, off: i16) -> Mem {
        let (base, offset) = match base {
            Reg::R10 => (X::SP, self.frame.stack + i64::from(off)),
            base => (self.host(base), off.into()),
        };
        if let Some(offset) = Imm12::new(offset) {
            return Mem { base, offset };
        }
        let (high, low) = hi_lo(offset).unwrap_or((Imm20::of::<0>(), Imm12::of::<0>()));
        self.emit(lui(X::T0, high));
        self.emit(add(X::T0, X::T0, base));
        Mem { base: X::T0, offset: low }
    }

    /// dst = *(size *)(src + off)
    pub(super) fn load(&mut self, size: Size, sx: bool, dst: Reg, src: Reg, off: i16) -> Result<(), JitError> {
        let rd = self.write(dst)?;
        let from = self.address(src, off);
        let signed_is_enough = !self.needs_upper(dst);
        let (word, ext) = match (size, sx) {
            (Size::B, false) => (lbu(rd, from), Ext::BOTH),
            (Size::H, false) => (lhu(rd, from), Ext::BOTH),
            // lw has a 2-byte form, lwu has none
            (Size::W, false) if signed_is_enough => (lw(rd, from), Ext::SEXT),
            (Size::W, false) => (lwu(rd, from), Ext::ZEXT),
            (Size::B, true) => (lb(rd, from), Ext::SEXT),
            (Size::H, true) => (lh(rd, from), Ext::SEXT),
            (Size::W, true) => (lw(rd, from), Ext::SEXT),
            (Size::Dw, _) => (ld(rd, from), Ext::NONE),
        };
        self.emit(word);
        self.set_ext(dst, ext);
        Ok(())
    }

    /// *(size *)(dst + off) = src
    pub(super) fn store(&mut self, size: Size, dst: Reg, off: i16, src: Operand) {
        let value = self.operand(src, X::T1);
        let to = self.address(dst, off);
        self.emit(match size {
            Size::B => sb(value, to),
            Size::H => sh(value, to),
            Size::W => sw(value, to),
            Size::Dw => sd(value, to),
        });
    }

    pub(super) fn load_imm64(&mut self, dst: Reg, imm: Imm64) -> Result<(), JitError> {
        let rd = self.write(dst)?;
        let value = match imm {
            Imm64::Value(value) => value,
            Imm64::Func { offset } => {
                let entry = self.entry_of(offset);
                self.asm.address(rd, entry);
                self.set_ext(dst, Ext::NONE);
                return Ok(());
            }
            _ => return self.fail(JitCause::Unsupported),
        };
        self.li(rd, value as i64);
        self.set_ext(dst, Ext::of(value as i64));
        Ok(())
    }

    /// Atomics: those that answer the old value order all other accesses, the others none, as in Linux.
    pub(super) fn atomic(&mut self, op: AtomicOp, size: Size, dst: Reg, off: i16, src: Reg) -> Result<(), JitError> {
        let at = self.atomic_address(dst, off);
        let value = self.read(src, X::T1);
        let amo = match op {
            AtomicOp::Add { .. } => Amo::Add,
            AtomicOp::Or { .. } => Amo::Or,
            AtomicOp::And { .. } => Amo::And,
            AtomicOp::Xor { .. } => Amo::Xor,
            AtomicOp::Xchg => Amo::Swap,
            AtomicOp::Cmpxchg => {
                self.cmpxchg(size, at, value);
                return Ok(());
            }
        };
        let (old, order) = if op.fetches() { (self.write(src)?, Order::Full) } else { (X::ZERO, Order::Relaxed) };
        match size {
            Size::Dw => self.emit(amo_d(amo, old, value, at, order)),
            _ => self.emit(amo_w(amo, old, value, at, order)),
        }
        if op.fetches() {
            match size {
                Size::Dw => self.set_ext(src, Ext::NONE),
                _ => self.end_w32(src, Ext::SEXT),
            }
        }
        Ok(())
    }

    /// base + off in a register.
    fn atomic_address(&mut self, base: Reg, off: i16) -> X {
        let Mem { base, offset } = self.address(base, off);
        if offset.value() == 0 {
            return base;
        }
        self.emit(addi(X::T0, base, offset));
        X::T0
    }

    /// If R0 == *at, *at = value; R0 = what *at held.
    fn cmpxchg(&mut self, size: Size, at: X, value: X) {
        let r0 = self.host(Reg::R0);
        // lr.w sign-extends
        let expected = if size == Size::Dw || self.ext(Reg::R0).sext {
            r0
        } else {
            self.sext_w(X::T2, r0);
            X::T2
        };
        let again = self.asm.here();
        let (load, store) = match size {
            Size::Dw => (lr_d(X::T6, at, Order::Full), sc_d(X::T5, value, at, Order::Release)),
            _ => (lr_w(X::T6, at, Order::Full), sc_w(X::T5, value, at, Order::Release)),
        };
        self.emit(load);
        self.asm.skip_if(Cond::Ne, X::T6, expected, |asm| {
            asm.emit(store);
            let retry = asm.reserve_branch();
            asm.patch_branch(retry, Cond::Ne, X::T5, X::ZERO, again);
        });
        self.mv(r0, X::T6);
        match size {
            Size::Dw => self.set_ext(Reg::R0, Ext::NONE),
            _ => self.end_w32(Reg::R0, Ext::SEXT),
        }
    }
}
