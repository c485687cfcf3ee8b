//! Instructions that together are fewer here.
use super::{Ext, Lower};
use crate::JitError;
use axasm::riscv64::enc::{Shamt, ShamtW, rori, roriw};
use axbpf_isa::{AluOp, Insn, InsnIdx, Operand, Reg, Size, Width};

impl Lower<'_> {
    /// Lowers the first few of these instructions together, if they are such: how many, or 0.
    pub(super) fn fuse(&mut self, insns: &[(InsnIdx, Insn)]) -> Result<usize, JitError> {
        // Jumps may arrive at the first, at no other.
        let few = &insns[..insns.len().min(5)];
        let alone = few.iter().skip(1).take_while(|&&(at, _)| !self.flow.is_leader(at)).count();
        let insns = &few[..few.len().min(1 + alone)];
        if self.features.zbb
            && let taken @ 1.. = self.rotate(insns)?
        {
            return Ok(taken);
        }
        let [(_, insn), (next, with), ..] = insns else { return Ok(0) };
        Ok(if self.branch_over_jump(insn, *next, with) || self.pair(insn, *next, with)? { 2 } else { 0 })
    }

    /// Two operations on one register.
    fn pair(&mut self, insn: &Insn, next: InsnIdx, with: &Insn) -> Result<bool, JitError> {
        let (Insn::Alu { op, width: Width::W64, dst, src }, Insn::Alu { op: then, width, dst: same, src: by }) = (*insn, *with) else {
            return Ok(false);
        };
        if dst != same {
            return Ok(false);
        }
        match (op, src, then, by) {
            // dst = src; dst OP= by: three operands
            (AluOp::Mov, Operand::Reg(from), _, _) if then != AluOp::Mov => {
                self.at = next;
                let by = if by == Operand::Reg(dst) { src } else { by };
                self.alu(then, width, dst, from, by)?;
            }
            // dst <<= 32; dst >>= 32: the lower half, zero- or sign-extended
            (AluOp::Lsh, Operand::Imm(32), AluOp::Rsh, Operand::Imm(32)) if width == Width::W64 => {
                self.at = next;
                self.alu(AluOp::Mov, Width::W32, dst, dst, Operand::Reg(dst))?;
            }
            (AluOp::Lsh, Operand::Imm(32), AluOp::Arsh, Operand::Imm(32)) if width == Width::W64 => {
                self.at = next;
                self.mov_sx(Width::W64, dst, dst, Size::W)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn rotate(&mut self, insns: &[(InsnIdx, Insn)]) -> Result<usize, JitError> {
        let Some(Rotation { width, dst, x, right, temp, shift, len }) = Rotation::find(insns) else { return Ok(0) };
        let rd = self.write(dst)?;
        let last = insns[len - 1].0;
        if self.flow.is_live(last, temp) {
            self.at = insns[1].0;
            self.alu(shift.0, width, temp, x, Operand::Imm(shift.1))?;
        }
        self.at = last;
        let rs = self.host(x);
        match width {
            Width::W64 => {
                self.emit(rori(rd, rs, Shamt::masked(right)));
                self.set_ext(dst, Ext::NONE);
            }
            Width::W32 => {
                self.emit(roriw(rd, rs, ShamtW::masked(right)));
                self.end_w32(dst, Ext::SEXT);
            }
        }
        Ok(len)
    }
}

/// dst = x, rotated; and what stays in the register that helped.
struct Rotation {
    width: Width,
    dst: Reg,
    x: Reg,
    /// To the right by so much.
    right: u32,
    temp: Reg,
    /// temp = x, shifted so.
    shift: (AluOp, i32),
    /// Instructions that it is.
    len: usize,
}

impl Rotation {
    /// A rotation as clang writes it: temp = x; temp >>= n; x <<= bits - n; x |= temp. Or the shifts the other way round, or with
    /// `dst = x` before the second one, which changes dst then instead of x.
    fn find(insns: &[(InsnIdx, Insn)]) -> Option<Rotation> {
        let alu = |i: usize| match insns.get(i)?.1 {
            Insn::Alu { op, width, dst, src } => Some((op, width, dst, src)),
            _ => None,
        };
        let (AluOp::Mov, width, temp, Operand::Reg(x)) = alu(0)? else { return None };
        let (there, w1, d1, Operand::Imm(n)) = alu(1)? else { return None };
        let (dst, len) = match alu(2)? {
            (AluOp::Mov, same, dst, from) if same == width && from == Operand::Reg(x) => (dst, 5),
            _ => (x, 4),
        };
        let (back, w2, d2, Operand::Imm(m)) = alu(len - 2)? else { return None };
        let (AluOp::Or, w3, d3, Operand::Reg(or)) = alu(len - 1)? else { return None };
        let bits = width.bits() as i32;
        let right = match (there, back) {
            (AluOp::Rsh, AluOp::Lsh) => n,
            (AluOp::Lsh, AluOp::Rsh) => m,
            _ => return None,
        };
        let one_width = [w1, w2, w3] == [width; 3];
        let connected = (d1, or, d2, d3) == (temp, temp, dst, dst) && temp != dst && temp != x && x != Reg::R10;
        let complete = (1..bits).contains(&n) && n + m == bits;
        (one_width && connected && complete).then_some(Rotation { width, dst, x, right: right as u32, temp, shift: (there, n), len })
    }
}
