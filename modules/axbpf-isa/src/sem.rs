//! What operations compute (RFC 9669 §4), for whoever runs them or folds constants. Little-endian hosts, as all of ours are.
use crate::{AluOp, AtomicOp, ByteOrder, JmpOp, Operand, Size, Width};

macro_rules! alu {
    ($name:ident, $unsigned:ty, $signed:ty) => {
        #[inline(always)]
        const fn $name(op: AluOp, a: $unsigned, b: $unsigned) -> $unsigned {
            let (sa, sb) = (a as $signed, b as $signed);
            let count = b as u32; // `wrapping_sh*` mask it by the width
            match op {
                AluOp::Add => a.wrapping_add(b),
                AluOp::Sub => a.wrapping_sub(b),
                AluOp::Mul => a.wrapping_mul(b),
                AluOp::Div => {
                    if b == 0 {
                        0
                    } else {
                        a / b
                    }
                }
                AluOp::Sdiv => {
                    if b == 0 {
                        0
                    } else {
                        sa.wrapping_div(sb) as $unsigned
                    }
                }
                AluOp::Or => a | b,
                AluOp::And => a & b,
                AluOp::Lsh => a.wrapping_shl(count),
                AluOp::Rsh => a.wrapping_shr(count),
                AluOp::Mod => {
                    if b == 0 {
                        a
                    } else {
                        a % b
                    }
                }
                AluOp::Smod => {
                    if b == 0 {
                        a
                    } else {
                        sa.wrapping_rem(sb) as $unsigned
                    }
                }
                AluOp::Xor => a ^ b,
                AluOp::Mov => b,
                AluOp::Arsh => sa.wrapping_shr(count) as $unsigned,
            }
        }
    };
}
alu!(alu64, u64, i64);
alu!(alu32, u32, i32);

macro_rules! jmp {
    ($name:ident, $unsigned:ty, $signed:ty) => {
        #[inline(always)]
        const fn $name(op: JmpOp, a: $unsigned, b: $unsigned) -> bool {
            let (sa, sb) = (a as $signed, b as $signed);
            match op {
                JmpOp::Eq => a == b,
                JmpOp::Gt => a > b,
                JmpOp::Ge => a >= b,
                JmpOp::Set => a & b != 0,
                JmpOp::Ne => a != b,
                JmpOp::Sgt => sa > sb,
                JmpOp::Sge => sa >= sb,
                JmpOp::Lt => a < b,
                JmpOp::Le => a <= b,
                JmpOp::Slt => sa < sb,
                JmpOp::Sle => sa <= sb,
            }
        }
    };
}
jmp!(jmp64, u64, i64);
jmp!(jmp32, u32, i32);

impl AluOp {
    /// The result of `a OP b`; of width W32 the lower halves go in and the upper half of the result is zero.
    #[inline(always)]
    pub const fn eval(self, width: Width, a: u64, b: u64) -> u64 {
        match width {
            Width::W64 => alu64(self, a, b),
            Width::W32 => alu32(self, a as u32, b as u32) as u64,
        }
    }
}

impl JmpOp {
    /// Whether `a OP b` holds; of width W32 the lower halves are compared.
    #[inline(always)]
    pub const fn eval(self, width: Width, a: u64, b: u64) -> bool {
        match width {
            Width::W64 => jmp64(self, a, b),
            Width::W32 => jmp32(self, a as u32, b as u32),
        }
    }
}

impl ByteOrder {
    /// The low `size` bytes of `value`, converted.
    #[inline(always)]
    pub const fn eval(self, size: Size, value: u64) -> u64 {
        match (self, size) {
            (ByteOrder::ToLe, _) => size.truncate(value),
            (ByteOrder::ToBe | ByteOrder::Swap, _) => value.swap_bytes() >> (64 - size.bits()),
        }
    }
}

impl Size {
    /// In bits.
    pub const fn bits(self) -> u32 {
        self.bytes() * 8
    }

    /// The low bits of this size, the rest zero.
    #[inline(always)]
    pub const fn truncate(self, value: u64) -> u64 {
        value << (64 - self.bits()) >> (64 - self.bits())
    }

    /// The low bits of this size, sign-extended.
    #[inline(always)]
    pub const fn sign_extend(self, value: u64) -> u64 {
        ((value << (64 - self.bits())) as i64 >> (64 - self.bits())) as u64
    }
}

impl Width {
    /// In bits.
    pub const fn bits(self) -> u32 {
        match self {
            Width::W32 => 32,
            Width::W64 => 64,
        }
    }

    /// The bits of this width, the rest zero.
    #[inline(always)]
    pub const fn truncate(self, value: u64) -> u64 {
        match self {
            Width::W32 => value as u32 as u64,
            Width::W64 => value,
        }
    }
}

impl Operand {
    /// The immediate as the 64 bits that operations see. `None`: a register.
    pub const fn imm(self) -> Option<u64> {
        match self {
            Operand::Imm(imm) => Some(imm as i64 as u64),
            Operand::Reg(_) => None,
        }
    }
}

impl AtomicOp {
    /// Whether the old value reaches a register: R0 for [`AtomicOp::Cmpxchg`], else the source register.
    pub const fn fetches(self) -> bool {
        match self {
            AtomicOp::Add { fetch } | AtomicOp::Or { fetch } | AtomicOp::And { fetch } | AtomicOp::Xor { fetch } => fetch,
            AtomicOp::Xchg | AtomicOp::Cmpxchg => true,
        }
    }

    /// What the memory of `size` holds afterwards if it held `old`; `expected` is R0, for [`AtomicOp::Cmpxchg`].
    pub const fn eval(self, size: Size, old: u64, src: u64, expected: u64) -> u64 {
        size.truncate(match self {
            AtomicOp::Add { .. } => old.wrapping_add(src),
            AtomicOp::Or { .. } => old | src,
            AtomicOp::And { .. } => old & src,
            AtomicOp::Xor { .. } => old ^ src,
            AtomicOp::Xchg => src,
            AtomicOp::Cmpxchg => {
                if size.truncate(old) == size.truncate(expected) {
                    src
                } else {
                    old
                }
            }
        })
    }
}
