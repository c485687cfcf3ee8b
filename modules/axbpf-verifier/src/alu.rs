//! Arithmetic, with numbers and with pointers (Linux: `check_alu_op`, `adjust_ptr_min_max_vals`, `adjust_scalar_min_max_vals`).
use crate::flow::POINT;
use crate::reason::{Step, refuse};
use crate::scalar::Scalar;
use crate::value::{Kind, Num, Reg};
use crate::walk::{Walk, bits};
use axbpf_isa::{AluOp, ByteOrder, Operand, Size, Width};

/// Offsets of pointers stay below this (Linux: BPF_MAX_VAR_OFF).
pub(crate) const MAX_VAR_OFF: i64 = 1 << 29;

/// An operator as programs write it.
fn sign(op: AluOp) -> &'static str {
    match op {
        AluOp::Add => "+=",
        AluOp::Sub => "-=",
        AluOp::Mul => "*=",
        AluOp::Div | AluOp::Sdiv => "/=",
        AluOp::Mod | AluOp::Smod => "%=",
        AluOp::And => "&=",
        AluOp::Or => "|=",
        AluOp::Xor => "^=",
        AluOp::Lsh => "<<=",
        AluOp::Rsh => ">>=",
        AluOp::Arsh => "s>>=",
        AluOp::Mov => "=",
    }
}

/// A number before it was shifted to the left, see [`Walk::shifted_back`].
pub(crate) struct Shifted {
    at: u32,
    dst: axbpf_isa::Reg,
    by: u32,
    value: Reg,
}

impl Walk<'_> {
    pub(crate) fn alu(&mut self, op: AluOp, width: Width, dst: axbpf_isa::Reg, src: Operand) -> Step {
        if let Operand::Imm(imm) = src {
            if imm == 0 && matches!(op, AluOp::Div | AluOp::Mod | AluOp::Sdiv | AluOp::Smod) {
                return refuse!(Arithmetic, "div by zero" => "the divisor is a constant");
            }
            if matches!(op, AluOp::Lsh | AluOp::Rsh | AluOp::Arsh) && !(0..bits(width) as i32).contains(&imm) {
                return refuse!(Arithmetic, "invalid shift {imm}" => "a shift by a constant has to be less than the register's width");
            }
        }
        if op == AluOp::Mov {
            return self.mov(width, dst, src);
        }
        let number = |src| self.reg(src).is_scalar();
        if number(dst) && matches!(src, Operand::Imm(_)) || matches!(src, Operand::Reg(src) if number(dst) && number(src)) {
            match (op, width, src) {
                (AluOp::Lsh, Width::W64, Operand::Imm(by)) => {
                    self.shifted = Some(Shifted { at: self.at, dst, by: by as u32, value: *self.reg(dst) });
                }
                (AluOp::Rsh | AluOp::Arsh, Width::W64, Operand::Imm(by)) => {
                    if let Some(value) = self.shifted_back(op, dst, by as u32) {
                        return self.set(dst, value);
                    }
                }
                _ => {}
            }
            self.numbers(op, width, dst, src);
            return Ok(());
        }
        let b = self.operand(src)?;
        let a = self.read(dst)?;
        if dst == axbpf_isa::Reg::R10 {
            return refuse!(Register, "frame pointer is read only" => "copy R10 to another register");
        }
        let result = if a.is_pointer() && b.is_pointer() {
            if op != AluOp::Sub {
                let sign = sign(op);
                return refuse!(Arithmetic, "{dst} pointer {sign} pointer prohibited");
            }
            Reg::UNKNOWN
        } else if a.is_pointer() {
            self.rely_on(b.from);
            self.moved(op, width, dst, a, &b, false)?
        } else {
            self.rely_on(a.from);
            self.moved(op, width, dst, b, &a, true)?
        };
        self.set(dst, result)
    }

    /// What a shift to the right makes of the number that the instruction before shifted to the left: the way in which programs without 32-bit
    /// operations cut numbers off. A number that had no more bits is the same number, and those that are linked with it stay so.
    ///
    /// Only in loops that are walked for all rounds at once, which need their counters: elsewhere what Linux refuses is refused.
    fn shifted_back(&mut self, op: AluOp, dst: axbpf_isa::Reg, by: u32) -> Option<Reg> {
        let Shifted { at, dst: was, by: left, mut value } = self.shifted.take()?;
        // Where paths meet, states are compared that do not hold what was before.
        let joined = self.flow.marks[self.at as usize] & POINT != 0;
        if (was, left, at, at + 1) != (dst, by, self.from, self.at) || joined || self.speculations.is_empty() {
            return None;
        }
        value.from = self.source_of_reg(dst);
        value.epoch = self.epoch;
        let s = if op == AluOp::Rsh { value.s.truncate(64 - by) } else { value.s.sign_extend(64 - by) };
        Some(if s == value.s { value } else { Reg { s, id: 0, delta: 0, ..value } })
    }

    fn mov(&mut self, width: Width, dst: axbpf_isa::Reg, src: Operand) -> Step {
        let mut value = self.operand(src)?;
        if width == Width::W32 {
            value = match value.kind {
                Kind::Scalar => {
                    let half = value.s.truncate(32);
                    // Nothing was cut off: still the same number.
                    if half == value.s { self.linked(src, value) } else { Reg { s: half, id: 0, delta: 0, ..value } }
                }
                // Half of a pointer is some number.
                _ => Reg::scalar(Scalar::UNKNOWN.truncate(32)),
            };
        } else if value.is_scalar() {
            value = self.linked(src, value);
        }
        self.set(dst, value)
    }

    /// A number about to be copied gets an id, so that a check of one refines the other.
    fn linked(&mut self, src: Operand, mut value: Reg) -> Reg {
        if let Operand::Reg(reg) = src
            && value.id == 0
            && value.s.known().is_none()
        {
            value.id = self.new_id();
            value.delta = 0;
            self.state.frame_mut().regs[reg.index()].id = value.id;
            self.state.frame_mut().regs[reg.index()].delta = 0;
        }
        value
    }

    pub(crate) fn neg(&mut self, width: Width, dst: axbpf_isa::Reg) -> Step {
        let value = self.read(dst)?;
        let result = match value.is_scalar() {
            true => Reg { s: Scalar::alu(AluOp::Sub, width, &Scalar::exactly(0), &value.s), id: 0, delta: 0, ..value },
            false => Reg::scalar(Scalar::UNKNOWN.truncate(bits(width))),
        };
        self.set(dst, result)
    }

    pub(crate) fn mov_sx(&mut self, width: Width, dst: axbpf_isa::Reg, src: axbpf_isa::Reg, from: Size) -> Step {
        let value = self.read(src)?;
        if !value.is_scalar() {
            // Part of a pointer is some number.
            return self.set(dst, Reg::scalar(Scalar::UNKNOWN.truncate(bits(width))));
        }
        let mut s = value.s.sign_extend(from.bytes() * 8);
        if width == Width::W32 {
            s = s.truncate(32);
        }
        let result = if s == value.s { self.linked(Operand::Reg(src), value) } else { Reg { s, id: 0, delta: 0, ..value } };
        self.set(dst, result)
    }

    pub(crate) fn end(&mut self, order: ByteOrder, dst: axbpf_isa::Reg, size: Size) -> Step {
        let value = self.read(dst)?;
        let bits = size.bytes() * 8;
        let s = match value.known() {
            Some(n) => Scalar::exactly(order.eval(size, n)),
            // Little-endian machines only cut off.
            None if order == ByteOrder::ToLe && value.is_scalar() => value.s.truncate(bits),
            None => Scalar::UNKNOWN.truncate(bits),
        };
        self.set(dst, if value.is_scalar() { Reg { s, id: 0, delta: 0, ..value } } else { Reg::scalar(s) })
    }

    /// Two numbers: most of what programs do, so nothing is copied.
    fn numbers(&mut self, op: AluOp, width: Width, dst: axbpf_isa::Reg, src: Operand) {
        let a = self.reg(dst);
        let (imm, other);
        let (b, from) = match src {
            Operand::Reg(src) => {
                other = self.reg(src);
                (&other.s, self.source_of_reg(src))
            }
            Operand::Imm(value) => {
                imm = Scalar::exactly(value as i64 as u64);
                (&imm, 0)
            }
        };
        let from = from | self.source_of_reg(dst);
        let s = match (a.s.known(), b.known()) {
            // As in Linux, quotients of constants are not known either.
            (Some(x), Some(y)) if !matches!(op, AluOp::Div | AluOp::Mod | AluOp::Sdiv | AluOp::Smod) => {
                Scalar::exactly(op.eval(width, x, y))
            }
            _ => Scalar::alu(op, width, &a.s, b),
        };
        let (mut id, mut delta) = (0, 0);
        // A constant distance from a number that others know by its id.
        if let (AluOp::Add | AluOp::Sub, true, Some(by)) = (op, a.id != 0, b.known()) {
            let by = if op == AluOp::Sub { (by as i64).wrapping_neg() } else { by as i64 };
            let by = if width == Width::W32 { by as i32 as i64 } else { by };
            // The lower half alone, as long as it does not wrap.
            let half = a.s.umax <= u32::MAX.into()
                && if by >= 0 { a.s.umax + by.unsigned_abs() <= u32::MAX.into() } else { a.s.umin >= by.unsigned_abs() };
            let whole = width == Width::W64 || half;
            if whole && by.unsigned_abs() < 1 << 32 {
                (id, delta) = (a.id, a.delta.wrapping_add(by));
            }
        }
        let epoch = self.epoch;
        let result = &mut self.state.frame_mut().regs[dst.index()];
        (result.s, result.id, result.delta, result.from, result.epoch) = (s, id, delta, from, epoch);
    }

    /// A pointer and a number; `swapped`: the number was on the left.
    fn moved(&mut self, op: AluOp, width: Width, dst: axbpf_isa::Reg, ptr: Reg, by: &Reg, swapped: bool) -> Step<Reg> {
        let sign = sign(op);
        if width == Width::W32 {
            if op == AluOp::Sub {
                return Ok(Reg::scalar(Scalar::UNKNOWN.truncate(32)));
            }
            return refuse!(Arithmetic, "{dst} 32-bit pointer arithmetic prohibited" => "use the 64-bit register");
        }
        if ptr.or_null {
            let name = ptr.name();
            return refuse!(Arithmetic, "{dst} pointer arithmetic on {name} prohibited, null-check it first");
        }
        let still = by.known() == Some(0) && op == AluOp::Add;
        match ptr.kind {
            Kind::Map(_) | Kind::FlowKeys if still => {}
            Kind::FlowKeys if by.known().is_some() => {}
            Kind::Map(_) | Kind::PacketEnd | Kind::Sock(_) | Kind::Func(_) | Kind::FlowKeys | Kind::Dynptr(_) => {
                let name = ptr.name();
                return refuse!(Arithmetic, "{dst} pointer arithmetic on {name} prohibited");
            }
            _ => {}
        }
        match op {
            AluOp::Add => {}
            AluOp::Sub if swapped => return refuse!(Arithmetic, "{dst} tried to subtract pointer from scalar"),
            AluOp::Sub if matches!(ptr.kind, Kind::Stack(_)) => {
                return refuse!(Arithmetic, "{dst} subtraction from stack pointer prohibited" => "add a negative number");
            }
            AluOp::Sub => {}
            AluOp::And | AluOp::Or | AluOp::Xor => return refuse!(Arithmetic, "{dst} bitwise operator {sign} on pointer prohibited"),
            _ => return refuse!(Arithmetic, "{dst} pointer arithmetic with {sign} operator prohibited" => "only += and -= move pointers"),
        }
        check_sane(&by.s, None, &ptr)?;
        let mut out = ptr;
        let known = by.known().map(|by| if op == AluOp::Sub { (by as i64).wrapping_neg() } else { by as i64 });
        match known.and_then(|by| i32::try_from(i64::from(ptr.off) + by).ok()) {
            Some(off) => out.off = off,
            None => {
                out.s = Scalar::alu(op, Width::W64, &ptr.s, &by.s);
                if ptr.is_packet() {
                    // Another distance from the packet's beginning: what was compared with its end says nothing of it.
                    (out.id, out.range) = (self.new_id(), 0);
                }
            }
        }
        check_sane(&out.s, Some(out.off), &ptr)?;
        Ok(out)
    }
}

/// Offsets that are far away could wrap (Linux: `check_reg_sane_offset`).
fn check_sane(s: &Scalar, off: Option<i32>, ptr: &Reg) -> Step {
    const HINT: &str = "bound it with a comparison or a mask";
    if let Some(value) = s.known() {
        let value = value as i64;
        if off.is_none() && (value >= MAX_VAR_OFF || value <= -MAX_VAR_OFF) && value != i64::MIN {
            let name = ptr.name();
            return refuse!(Arithmetic, "math between {name} pointer and {value} is not allowed");
        }
    }
    if let Some(off) = off
        && (i64::from(off) >= MAX_VAR_OFF || i64::from(off) <= -MAX_VAR_OFF)
    {
        let name = ptr.name();
        return refuse!(Arithmetic, "{name} pointer offset {off} is not allowed");
    }
    if s.smin == i64::MIN {
        let name = ptr.name();
        return refuse!(Arithmetic, "math between {name} pointer and register with unbounded min value is not allowed" => HINT);
    }
    if s.smin >= MAX_VAR_OFF || s.smin <= -MAX_VAR_OFF {
        let (value, name) = (Num(s.smin), ptr.name());
        return refuse!(Arithmetic, "value {value} makes {name} pointer be out of bounds" => HINT);
    }
    Ok(())
}
