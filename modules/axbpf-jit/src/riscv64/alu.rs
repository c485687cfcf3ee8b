//! Arithmetic.
use super::asm::Cond;
use super::{Ext, Lower};
use crate::JitError;
use axasm::riscv64::enc::*;
use axbpf_isa::{AluOp, ByteOrder, Operand, Reg, Size, Width};

/// The instructions of an operation for the two widths.
type Pair = [fn(X, X, X) -> u32; 2];

fn select(width: Width, [w64, w32]: Pair) -> fn(X, X, X) -> u32 {
    match width {
        Width::W64 => w64,
        Width::W32 => w32,
    }
}

/// What the instructions of a width leave of the upper half.
const fn native(width: Width) -> Ext {
    match width {
        Width::W64 => Ext::NONE,
        Width::W32 => Ext::SEXT,
    }
}

impl Lower<'_> {
    /// dst = left OP src
    pub(super) fn alu(&mut self, op: AluOp, width: Width, dst: Reg, left: Reg, src: Operand) -> Result<(), JitError> {
        let rd = self.write(dst)?;
        let ext = match (op, src) {
            (AluOp::Mov, Operand::Reg(from)) => return self.mov(width, dst, from),
            (AluOp::Smod | AluOp::Mod, Operand::Imm(0)) => return self.mov(width, dst, left),
            (AluOp::Mov, Operand::Imm(imm)) => {
                // A 32-bit move of a negative number clears the upper half, if anyone looks.
                let value = if width == Width::W32 && self.needs_upper(dst) { i64::from(imm as u32) } else { imm.into() };
                self.li(rd, value);
                Ext::of(value)
            }
            (AluOp::Sdiv | AluOp::Div, Operand::Imm(0)) => {
                self.li(rd, 0);
                Ext::BOTH
            }
            (AluOp::Add, Operand::Imm(imm)) => self.add_imm(width, rd, left, imm.into()),
            (AluOp::Sub, Operand::Imm(imm)) => self.add_imm(width, rd, left, -i64::from(imm)),
            (AluOp::Lsh | AluOp::Rsh | AluOp::Arsh, Operand::Imm(count)) => self.shift_imm(op, width, rd, left, count as u32),
            (AluOp::Mul | AluOp::Div, Operand::Imm(imm)) if is_power_of_two(width, imm) => {
                let shift = if op == AluOp::Mul { AluOp::Lsh } else { AluOp::Rsh };
                self.shift_imm(shift, width, rd, left, imm.trailing_zeros())
            }
            (AluOp::Mod, Operand::Imm(imm)) if is_power_of_two(width, imm) => {
                self.bitwise(AluOp::And, rd, left, Operand::Imm(imm.wrapping_sub(1)))
            }
            (AluOp::And | AluOp::Or | AluOp::Xor, _) => self.bitwise(op, rd, left, src),
            (AluOp::Div | AluOp::Sdiv, Operand::Reg(by)) => self.div_or_zero(op, width, rd, left, by),
            (AluOp::Add, Operand::Reg(_)) => self.by_registers(width, [add, addw], rd, left, src),
            (AluOp::Sub, Operand::Reg(_)) => self.by_registers(width, [sub, subw], rd, left, src),
            (AluOp::Mul, _) => self.by_registers(width, [mul, mulw], rd, left, src),
            (AluOp::Div, _) => self.by_registers(width, DIVU, rd, left, src),
            (AluOp::Sdiv, _) => self.by_registers(width, DIV, rd, left, src),
            // A remainder by zero is the dividend on this CPU too, and MIN % -1 is 0.
            (AluOp::Mod, _) => self.by_registers(width, [remu, remuw], rd, left, src),
            (AluOp::Smod, _) => self.by_registers(width, [rem, remw], rd, left, src),
            // The count is masked here too.
            (AluOp::Lsh, _) => self.by_registers(width, [sll, sllw], rd, left, src),
            (AluOp::Rsh, _) => self.by_registers(width, [srl, srlw], rd, left, src),
            (AluOp::Arsh, _) => self.by_registers(width, [sra, sraw], rd, left, src),
        };
        match width {
            Width::W64 => self.set_ext(dst, ext),
            Width::W32 => self.end_w32(dst, ext),
        }
        Ok(())
    }

    fn by_registers(&mut self, width: Width, pair: Pair, rd: X, left: Reg, src: Operand) -> Ext {
        let (a, b) = (self.read(left, X::T0), self.operand(src, X::T2));
        self.emit(select(width, pair)(rd, a, b));
        native(width)
    }

    /// dst = from
    fn mov(&mut self, width: Width, dst: Reg, from: Reg) -> Result<(), JitError> {
        let rd = self.write(dst)?;
        let rs = self.read(from, rd);
        let ext = self.ext(from);
        match width {
            Width::W32 if self.needs_upper(dst) && !ext.zext => {
                self.zext_w(rd, rs);
                self.set_ext(dst, Ext::ZEXT);
            }
            // As short as a move, and branches have it easier.
            Width::W32 if ext == Ext::NONE => {
                self.sext_w(rd, rs);
                self.set_ext(dst, Ext::SEXT);
            }
            _ => {
                self.mv(rd, rs);
                self.set_ext(dst, ext);
            }
        }
        Ok(())
    }

    /// rd = left + value
    fn add_imm(&mut self, width: Width, rd: X, left: Reg, value: i64) -> Ext {
        let (a, value) = match (left, width) {
            // R10 is sp and a constant itself.
            (Reg::R10, Width::W64) => (X::SP, value + self.frame.stack),
            _ => (self.read(left, X::T0), value),
        };
        let add_imm: fn(X, X, Imm12) -> u32 = if width == Width::W64 { addi } else { addiw };
        let nearest = value.clamp(-2048, 2047);
        match (Imm12::new(value), Imm12::new(nearest), Imm12::new(value - nearest)) {
            (Some(imm), ..) => self.emit(add_imm(rd, a, imm)),
            // Two additions are one instruction less than a constant and an addition.
            (_, Some(first), Some(second)) => {
                self.emit(addi(rd, a, first));
                self.emit(add_imm(rd, rd, second));
            }
            _ => {
                self.li(X::T2, if width == Width::W64 { value } else { i64::from(value as i32) });
                self.emit(select(width, [add, addw])(rd, a, X::T2));
            }
        }
        native(width)
    }

    /// rd = left shifted by count
    fn shift_imm(&mut self, op: AluOp, width: Width, rd: X, left: Reg, count: u32) -> Ext {
        let a = self.read(left, X::T0);
        let (shamt, shamt_w) = (Shamt::masked(count), ShamtW::masked(count));
        self.emit(match (op, width) {
            (AluOp::Lsh, Width::W64) => slli(rd, a, shamt),
            (AluOp::Lsh, Width::W32) => slliw(rd, a, shamt_w),
            (AluOp::Arsh, Width::W64) => srai(rd, a, shamt),
            (AluOp::Arsh, Width::W32) => sraiw(rd, a, shamt_w),
            (_, Width::W64) => srli(rd, a, shamt),
            (_, Width::W32) => srliw(rd, a, shamt_w),
        });
        match (op, width, count & (width.bits() - 1)) {
            (AluOp::Rsh, Width::W64, 33..) | (AluOp::Rsh, Width::W32, 1..) => Ext::BOTH,
            (AluOp::Rsh, Width::W64, 32) => Ext::ZEXT,
            (AluOp::Arsh, Width::W64, 32..) => Ext::SEXT,
            _ => native(width),
        }
    }

    /// rd = left & src, |, ^: the same instruction for both widths
    fn bitwise(&mut self, op: AluOp, rd: X, left: Reg, src: Operand) -> Ext {
        let (a, x) = (self.read(left, X::T0), self.ext(left));
        let y = match src {
            Operand::Reg(src) => self.ext(src),
            Operand::Imm(imm) => Ext::of(imm.into()),
        };
        match src {
            // A mask of low bits that no immediate holds.
            Operand::Imm(imm @ 2048..) if op == AluOp::And && imm & imm.wrapping_add(1) == 0 => self.keep_low(rd, a, imm.trailing_ones()),
            Operand::Imm(imm) => match Imm12::new(imm.into()) {
                Some(imm) => self.emit(match op {
                    AluOp::And => andi(rd, a, imm),
                    AluOp::Or => ori(rd, a, imm),
                    _ => xori(rd, a, imm),
                }),
                None => {
                    self.li(X::T2, imm.into());
                    self.emit(bitwise_by_register(op)(rd, a, X::T2));
                }
            },
            Operand::Reg(_) => {
                let b = self.operand(src, X::T2);
                self.emit(bitwise_by_register(op)(rd, a, b));
            }
        }
        match (op, src) {
            (AluOp::And, _) if x == Ext::BOTH || y == Ext::BOTH => Ext::BOTH,
            (AluOp::And, _) => Ext { sext: x.sext && y.sext, zext: x.zext || y.zext },
            // Ones from bit 31 upwards.
            (AluOp::Or, Operand::Imm(..0)) => Ext::SEXT,
            _ => x.and(y),
        }
    }

    /// rd = the low bits of rs
    fn keep_low(&mut self, rd: X, rs: X, bits: u32) {
        if bits == 16 && self.features.zbb {
            return self.emit(zext_h(rd, rs));
        }
        self.emit(slli(rd, rs, Shamt::masked(64 - bits)));
        self.emit(srli(rd, rd, Shamt::masked(64 - bits)));
    }

    /// rd = left / by, 0 if `by` is 0. This CPU would answer all ones, and does not trap: so it divides first and looks afterwards.
    fn div_or_zero(&mut self, op: AluOp, width: Width, rd: X, left: Reg, by: Reg) -> Ext {
        let (a, b) = (self.read(left, X::T0), self.read(by, X::T2));
        let divide = select(width, if op == AluOp::Sdiv { DIV } else { DIVU });
        let divisor = if width == Width::W32 && self.ext(by) == Ext::NONE {
            self.sext_w(X::T1, b);
            X::T1
        } else {
            b
        };
        if rd != divisor {
            self.emit(divide(rd, a, b));
            self.asm.skip_if(Cond::Ne, divisor, X::ZERO, |asm| asm.emit(addi(rd, X::ZERO, Imm12::of::<0>())));
        } else {
            // If it is 0, the result stands there already.
            self.emit(divide(X::T1, a, b));
            self.asm.skip_if(Cond::Eq, rd, X::ZERO, |asm| asm.emit(addi(rd, X::T1, Imm12::of::<0>())));
        }
        native(width)
    }

    /// dst = -dst
    pub(super) fn neg(&mut self, width: Width, dst: Reg) -> Result<(), JitError> {
        let rd = self.write(dst)?;
        self.emit(select(width, [sub, subw])(rd, X::ZERO, rd));
        match width {
            Width::W64 => self.set_ext(dst, Ext::NONE),
            Width::W32 => self.end_w32(dst, Ext::SEXT),
        }
        Ok(())
    }

    /// dst = (sN)src
    pub(super) fn mov_sx(&mut self, width: Width, dst: Reg, src: Reg, from: Size) -> Result<(), JitError> {
        let rd = self.write(dst)?;
        let rs = self.read(src, X::T0);
        match from {
            Size::W | Size::Dw if self.ext(src).sext => self.mv(rd, rs),
            Size::W | Size::Dw => self.sext_w(rd, rs),
            Size::B if self.features.zbb => self.emit(sext_b(rd, rs)),
            Size::H if self.features.zbb => self.emit(sext_h(rd, rs)),
            Size::B | Size::H => {
                let count = Shamt::masked(64 - from.bits());
                self.emit(slli(rd, rs, count));
                self.emit(srai(rd, rd, count));
            }
        }
        match width {
            Width::W64 => self.set_ext(dst, Ext::SEXT),
            Width::W32 => self.end_w32(dst, Ext::SEXT),
        }
        Ok(())
    }

    /// dst = its low bytes in another order
    pub(super) fn end(&mut self, order: ByteOrder, dst: Reg, size: Size) -> Result<(), JitError> {
        let rd = self.write(dst)?;
        match (order, size) {
            (ByteOrder::ToLe, Size::Dw) => return Ok(()),
            (ByteOrder::ToLe, Size::W) => {
                let ext = self.ext(dst);
                self.end_w32(dst, ext);
                return Ok(());
            }
            (ByteOrder::ToLe, _) => self.keep_low(rd, rd, size.bits()),
            (ByteOrder::ToBe | ByteOrder::Swap, _) if self.features.zbb => {
                self.emit(rev8(rd, rd));
                if size != Size::Dw {
                    self.emit(srli(rd, rd, Shamt::masked(64 - size.bits())));
                }
            }
            (ByteOrder::ToBe | ByteOrder::Swap, _) => self.reverse_bytes(rd, size.bytes()),
        }
        let ext = match size {
            Size::B | Size::H => Ext::BOTH,
            Size::W => Ext::ZEXT,
            Size::Dw => Ext::NONE,
        };
        self.set_ext(dst, ext);
        Ok(())
    }

    /// Byte by byte, for CPUs without Zbb.
    fn reverse_bytes(&mut self, rd: X, bytes: u32) {
        let byte = Imm12::of::<0xff>();
        self.emit(andi(X::T1, rd, byte));
        for _ in 1..bytes {
            self.emit(srli(rd, rd, Shamt::masked(8)));
            self.emit(slli(X::T1, X::T1, Shamt::masked(8)));
            self.emit(andi(X::T2, rd, byte));
            self.emit(or(X::T1, X::T1, X::T2));
        }
        self.mv(rd, X::T1);
    }
}

const DIVU: Pair = [divu, divuw];
const DIV: Pair = [div, divw];

fn bitwise_by_register(op: AluOp) -> fn(X, X, X) -> u32 {
    match op {
        AluOp::And => and,
        AluOp::Or => or,
        _ => xor,
    }
}

/// Whether the immediate, unsigned as the width sees it, is one.
fn is_power_of_two(width: Width, imm: i32) -> bool {
    (imm as u32).is_power_of_two() && (width == Width::W32 || imm > 0)
}
