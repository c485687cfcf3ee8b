//! What is known of a register's value.
use crate::MapInfo;
use axbpf_isa::{AluOp, Width};
use core::fmt;

/// Linux's name of a kind.
pub(crate) type Name = &'static str;

/// A register, or eight bytes of stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Value {
    /// Nothing was put there, or a call took it.
    #[default]
    Uninit,
    /// A number.
    Scalar(Range),
    /// A pointer, `off` bytes from the beginning of what it points into.
    Ptr { to: Target, off: i64 },
}

/// What a pointer points into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    Ctx,
    /// Frame by number; offset 0 is its upper end.
    Stack {
        frame: u8,
    },
    Map(MapInfo),
    /// A value; `or_null` is the number of the lookup that may have found none.
    MapValue {
        map: MapInfo,
        or_null: Option<u32>,
    },
    /// A ring buffer record that the program holds as reference `id`.
    Record {
        size: u32,
        id: u32,
        or_null: bool,
    },
    /// The packet, of which `range` bytes from its beginning are known to be there.
    Packet {
        range: u32,
    },
    PacketEnd,
}

/// Numbers from `min` to `max`, unsigned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Range {
    pub min: u64,
    pub max: u64,
}

impl Range {
    pub(crate) const ANY: Range = Range { min: 0, max: u64::MAX };

    pub(crate) const fn exactly(value: u64) -> Range {
        Range { min: value, max: value }
    }

    /// Any number of `bits` bits.
    pub(crate) const fn bits(bits: u32) -> Range {
        Range { min: 0, max: u64::MAX >> (64 - bits) }
    }

    pub(crate) fn known(self) -> Option<u64> {
        (self.min == self.max).then_some(self.min)
    }

    pub(crate) fn contains(self, other: Range) -> bool {
        self.min <= other.min && other.max <= self.max
    }

    fn lower_half(self) -> Range {
        if self.max >> 32 == 0 { self } else { self.known().map_or(Range::bits(32), |v| Range::exactly(v & 0xffff_ffff)) }
    }

    /// What `op` makes of any two numbers of these ranges.
    pub(crate) fn alu(op: AluOp, width: Width, a: Range, b: Range) -> Range {
        if let (Some(a), Some(b)) = (a.known(), b.known()) {
            return Range::exactly(op.eval(width, a, b));
        }
        let all = match width {
            Width::W64 => Range::ANY,
            Width::W32 => Range::bits(32),
        };
        let (a, b) = match width {
            Width::W64 => (a, b),
            Width::W32 => (a.lower_half(), b.lower_half()),
        };
        let count = b.known().map(|count| (count & u64::from(width.bits() - 1)) as u32);
        let range = match op {
            AluOp::Mov => Some(b),
            AluOp::Add => a.min.checked_add(b.min).zip(a.max.checked_add(b.max)).map(|(min, max)| Range { min, max }),
            AluOp::Sub => a.min.checked_sub(b.max).map(|min| Range { min, max: a.max - b.min }),
            AluOp::Mul => a.max.checked_mul(b.max).map(|max| Range { min: a.min * b.min, max }),
            AluOp::And => Some(Range { min: 0, max: a.max.min(b.max) }),
            AluOp::Or => Some(Range { min: a.min.max(b.min), max: ones(a.max | b.max) }),
            AluOp::Xor => Some(Range { min: 0, max: ones(a.max | b.max) }),
            AluOp::Rsh => count.map(|n| Range { min: a.min >> n, max: a.max >> n }),
            AluOp::Lsh => count.filter(|&n| a.max.leading_zeros() >= n).map(|n| Range { min: a.min << n, max: a.max << n }),
            // Not by zero, which makes 0 of a quotient and keeps a remainder's dividend.
            AluOp::Div => b.known().filter(|&d| d != 0).map(|d| Range { min: a.min / d, max: a.max / d }),
            AluOp::Mod => b.known().filter(|&d| d != 0).map(|d| Range { min: 0, max: a.max.min(d - 1) }),
            AluOp::Arsh => count.filter(|_| a.max < 1 << (width.bits() - 1)).map(|n| Range { min: a.min >> n, max: a.max >> n }),
            AluOp::Sdiv | AluOp::Smod => None,
        };
        range.filter(|range| range.max <= all.max).unwrap_or(all)
    }
}

/// The number whose bits are all ones up to the highest one of `value`.
fn ones(value: u64) -> u64 {
    if value == 0 { 0 } else { u64::MAX >> value.leading_zeros() }
}

impl Value {
    pub(crate) const ANY: Value = Value::Scalar(Range::ANY);

    pub(crate) fn known(&self) -> Option<u64> {
        match self {
            Value::Scalar(range) => range.known(),
            _ => None,
        }
    }

    pub(crate) fn is_ptr(&self) -> bool {
        matches!(self, Value::Ptr { .. })
    }

    /// Whether it may be null although it is a pointer.
    pub(crate) fn or_null(&self) -> bool {
        match self {
            Value::Ptr { to: Target::MapValue { or_null, .. }, .. } => or_null.is_some(),
            Value::Ptr { to: Target::Record { or_null, .. }, .. } => *or_null,
            _ => false,
        }
    }

    /// Linux's name of its kind.
    pub(crate) fn name(&self) -> Name {
        match self {
            Value::Uninit => "?",
            Value::Scalar(_) => "scalar",
            Value::Ptr { to, .. } => match to {
                Target::Ctx => "ctx",
                Target::Stack { .. } => "fp",
                Target::Map(_) => "map_ptr",
                Target::MapValue { or_null: None, .. } => "map_value",
                Target::MapValue { .. } => "map_value_or_null",
                Target::Record { or_null: false, .. } => "ringbuf_mem",
                Target::Record { .. } => "ringbuf_mem_or_null",
                Target::Packet { .. } => "pkt",
                Target::PacketEnd => "pkt_end",
            },
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Scalar(Range { min, max }) if min == max => write!(f, "{}", *min as i64),
            Value::Scalar(Range::ANY) => f.write_str("scalar()"),
            Value::Scalar(Range { min, max }) => write!(f, "scalar(umin={min},umax={max})"),
            Value::Ptr { to: Target::Stack { frame }, off } => {
                f.write_str("fp")?;
                if *frame > 0 {
                    write!(f, "[{frame}]")?;
                }
                write!(f, "{off}")
            }
            Value::Ptr { to, off } => {
                write!(f, "{}(", self.name())?;
                match to {
                    Target::Map(map) => write!(f, "id={}", map.id)?,
                    Target::MapValue { map, or_null } => {
                        write!(f, "map={},vs={}", map.id, map.value_size)?;
                        if let Some(id) = or_null {
                            write!(f, ",id={id}")?;
                        }
                    }
                    Target::Record { size, id, .. } => write!(f, "ref_obj_id={id},sz={size}")?,
                    Target::Packet { range } => write!(f, "r={range}")?,
                    _ => {}
                }
                match off {
                    0 => f.write_str(")"),
                    off => write!(f, ",off={off})"),
                }
            }
            Value::Uninit => f.write_str("?"),
        }
    }
}
