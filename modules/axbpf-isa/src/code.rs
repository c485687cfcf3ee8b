//! Slots to instructions and back, by the table.
use crate::form::{Field, Form};
use crate::{Callee, Imm64, Insn, InsnIdx, Operand, RawInsn, Reg};
use core::fmt;

/// A field of a slot, as errors name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldName {
    /// Destination register.
    Dst,
    /// Source register.
    Src,
    /// Offset.
    Off,
    /// Immediate.
    Imm,
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FieldName::Dst => "dst",
            FieldName::Src => "src",
            FieldName::Off => "off",
            FieldName::Imm => "imm",
        })
    }
}

/// Why a slot is not an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecodeCause {
    /// The index lies behind the last slot.
    PastEnd {
        /// How many slots there are.
        slots: usize,
    },
    /// No instruction has this opcode.
    UnknownOpcode {
        /// The byte.
        opcode: u8,
    },
    /// The instruction has one legal value here (zero: the field is reserved).
    Reserved {
        /// Opcode byte.
        opcode: u8,
        /// Which field.
        field: FieldName,
        /// What it holds.
        value: i32,
        /// What it has to hold.
        expected: i32,
    },
    /// The field selects the operation, and none has this value.
    UnknownOperation {
        /// Opcode byte.
        opcode: u8,
        /// Which field.
        field: FieldName,
        /// What it holds.
        value: i32,
    },
    /// Registers are R0 to R10.
    BadRegister {
        /// Which field.
        field: FieldName,
        /// What it holds: 11 to 15.
        number: u8,
    },
    /// A wide load starts in the last slot.
    WideCut,
    /// The second slot of a wide load has something other than zero beside its immediate.
    WideMalformed {
        /// The second slot.
        second: RawInsn,
    },
    /// The second slot of this kind of wide load has to be zero throughout.
    WideReserved {
        /// Its immediate.
        imm: i32,
    },
}

/// A slot that is not an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DecodeError {
    /// Which slot.
    pub at: InsnIdx,
    /// Why.
    pub cause: DecodeCause,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "insn {}: ", self.at)?;
        match self.cause {
            DecodeCause::PastEnd { slots } => write!(f, "the program has only {slots} slots"),
            DecodeCause::UnknownOpcode { opcode: 0 } => {
                f.write_str("unknown opcode 0x00; it is legal only as the second slot of a wide load")
            }
            DecodeCause::UnknownOpcode { opcode } => write!(f, "unknown opcode {opcode:#04x}"),
            DecodeCause::Reserved { opcode, field, value, expected: 0 } => {
                write!(f, "opcode {opcode:#04x} uses the reserved field {field} ({value}); it must be 0")
            }
            DecodeCause::Reserved { opcode, field, value, expected } => {
                write!(f, "opcode {opcode:#04x} has {field} {value}; it must be {expected}")
            }
            DecodeCause::UnknownOperation { opcode, field, value } => {
                write!(f, "opcode {opcode:#04x} has no operation with {field} {value:#x}")
            }
            DecodeCause::BadRegister { field, number } => write!(f, "{field} register R{number} is invalid; the last one is R10"),
            DecodeCause::WideCut => f.write_str("the program ends within a wide load; it takes two slots"),
            DecodeCause::WideMalformed { second } => {
                write!(f, "the second slot of a wide load holds only an immediate; this one is {second:?}")
            }
            DecodeCause::WideReserved { imm } => write!(f, "the second slot of this wide load has imm {imm}; it must be 0"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// The instruction at slot `at`.
///
/// ```
/// use axbpf_isa::*;
/// let slots = [RawInsn::new(0x07, 1, 0, 0, 5)];
/// assert_eq!(decode(&slots, InsnIdx(0)).unwrap().to_string(), "r1 += 0x5");
/// ```
pub fn decode(slots: &[RawInsn], at: InsnIdx) -> Result<Insn, DecodeError> {
    let fail = |cause| DecodeError { at, cause };
    let raw = *slots.get(at.at()).ok_or(fail(DecodeCause::PastEnd { slots: slots.len() }))?;
    let form = match Form::with_opcode(raw.opcode).find(|form| form.mismatch(raw).is_none()) {
        Some(form) => form,
        None => return Err(fail(explain(raw))),
    };
    let reg = |field, number| Reg::new(number).ok_or(fail(DecodeCause::BadRegister { field, number }));
    let dst = if form.dst == Field::Free { reg(FieldName::Dst, raw.dst())? } else { Reg::R0 };
    let src = if form.src == Field::Free { reg(FieldName::Src, raw.src())? } else { Reg::R0 };
    let next = match form.next {
        None => 0,
        Some(expected) => {
            let second = *slots.get(at.at() + 1).ok_or(fail(DecodeCause::WideCut))?;
            if second != (RawInsn { imm: second.imm, ..RawInsn::default() }) {
                return Err(fail(DecodeCause::WideMalformed { second }));
            }
            if !expected.allows(second.imm) {
                return Err(fail(DecodeCause::WideReserved { imm: second.imm }));
            }
            second.imm
        }
    };
    Ok(form.shape.with(Operands { dst, src, off: raw.off, imm: raw.imm, next }))
}

/// The instructions of a program in order, each with its first slot. Ends after the first error.
///
/// ```
/// use axbpf_isa::*;
/// let slots = asm::assemble("r0 = 1 ll\nexit").unwrap();
/// let at: Vec<_> = insns(&slots).map(|(at, insn)| { insn.unwrap(); at.0 }).collect();
/// assert_eq!(at, [0, 2]);
/// ```
pub fn insns(slots: &[RawInsn]) -> impl Iterator<Item = (InsnIdx, Result<Insn, DecodeError>)> + '_ {
    let mut next = 0;
    core::iter::from_fn(move || {
        let at = InsnIdx(u32::try_from(next).ok()?);
        if next >= slots.len() {
            return None;
        }
        let insn = decode(slots, at);
        next = insn.map_or(usize::MAX, |insn| next + insn.slots());
        Some((at, insn))
    })
}

impl Insn {
    /// Its slot, and the second one of a wide load. `None`: no instruction combines these fields, such as an atomic of size B, or a
    /// `goto` (not `long`) whose offset needs more than 16 bits.
    pub fn encode(&self) -> Option<(RawInsn, Option<RawInsn>)> {
        Some(Form::of(self)?.emit(self.operands()?))
    }

    /// The instruction with all operands zero: what its form is found by.
    pub(crate) fn shape(&self) -> Insn {
        self.with(Operands::ZERO)
    }
}

impl Form {
    /// The slots of this form with these operands.
    pub(crate) fn emit(&self, o: Operands) -> (RawInsn, Option<RawInsn>) {
        let dst = self.dst.value(o.dst.index() as i32) as u8;
        let src = self.src.value(o.src.index() as i32) as u8;
        let slot = RawInsn::new(self.opcode, dst, src, self.off.value(o.off.into()) as i16, self.imm.value(o.imm));
        let second = self.next.map(|next| RawInsn { imm: next.value(o.next), ..RawInsn::default() });
        (slot, second)
    }

    /// The first field whose fixed value `raw` does not have.
    pub(crate) fn mismatch(&self, raw: RawInsn) -> Option<(FieldName, i32, i32)> {
        self.fields(raw).into_iter().find_map(|(name, field, value)| match field {
            Field::Fixed(expected) if expected != value => Some((name, value, expected)),
            _ => None,
        })
    }

    /// Expected and actual contents, in the order in which errors name them: selectors of the kind first.
    fn fields(&self, raw: RawInsn) -> [(FieldName, Field, i32); 4] {
        [
            (FieldName::Src, self.src, raw.src().into()),
            (FieldName::Dst, self.dst, raw.dst().into()),
            (FieldName::Off, self.off, raw.off.into()),
            (FieldName::Imm, self.imm, raw.imm),
        ]
    }

    fn mismatches(&self, raw: RawInsn) -> usize {
        let wrong = |&(_, field, value): &(FieldName, Field, i32)| !field.allows(value);
        self.fields(raw).iter().filter(|field| wrong(field)).count()
    }
}

impl Field {
    /// Whether the field may hold this.
    pub fn allows(self, value: i32) -> bool {
        self == Field::Free || self == Field::Fixed(value)
    }

    /// The fixed value, or else the operand.
    fn value(self, operand: i32) -> i32 {
        match self {
            Field::Fixed(value) => value,
            Field::Free => operand,
        }
    }
}

/// Why no form matches: judged by the form that comes nearest.
#[cold]
fn explain(raw: RawInsn) -> DecodeCause {
    let opcode = raw.opcode;
    let nearest = Form::with_opcode(opcode).min_by_key(|form| form.mismatches(raw));
    let Some((field_name, value, expected)) = nearest.and_then(|form| form.mismatch(raw)) else {
        return DecodeCause::UnknownOpcode { opcode };
    };
    let fixed = |form: &Form| {
        form.fields(raw).into_iter().find_map(|(name, field, _)| match field {
            Field::Fixed(value) if name == field_name => Some(value),
            _ => None,
        })
    };
    if Form::with_opcode(opcode).filter_map(fixed).any(|other| other != expected) {
        DecodeCause::UnknownOperation { opcode, field: field_name, value }
    } else {
        DecodeCause::Reserved { opcode, field: field_name, value, expected }
    }
}

/// What the free fields of a form hold.
#[derive(Clone, Copy)]
pub(crate) struct Operands {
    pub dst: Reg,
    pub src: Reg,
    pub off: i16,
    pub imm: i32,
    /// Immediate of the second slot.
    pub next: i32,
}

impl Operands {
    pub const ZERO: Operands = Operands { dst: Reg::R0, src: Reg::R0, off: 0, imm: 0, next: 0 };
}

impl Operand {
    fn with(self, o: Operands) -> Operand {
        match self {
            Operand::Reg(_) => Operand::Reg(o.src),
            Operand::Imm(_) => Operand::Imm(o.imm),
        }
    }

    fn parts(self) -> (Reg, i32) {
        match self {
            Operand::Reg(src) => (src, 0),
            Operand::Imm(imm) => (Reg::R0, imm),
        }
    }
}

impl Imm64 {
    fn with(self, o: Operands) -> Imm64 {
        let (imm, next) = (o.imm, o.next as u32);
        match self {
            Imm64::Value(_) => Imm64::Value(u64::from(next) << 32 | u64::from(imm as u32)),
            Imm64::MapFd(_) => Imm64::MapFd(imm),
            Imm64::MapFdValue { .. } => Imm64::MapFdValue { fd: imm, off: next },
            Imm64::VarAddr { .. } => Imm64::VarAddr { btf_id: imm as u32, btf_fd: o.next },
            Imm64::Func { .. } => Imm64::Func { offset: imm },
            Imm64::MapIdx(_) => Imm64::MapIdx(imm),
            Imm64::MapIdxValue { .. } => Imm64::MapIdxValue { idx: imm, off: next },
        }
    }

    fn parts(self) -> (i32, i32) {
        match self {
            Imm64::Value(value) => (value as i32, (value >> 32) as i32),
            Imm64::MapFd(imm) | Imm64::MapIdx(imm) | Imm64::Func { offset: imm } => (imm, 0),
            Imm64::MapFdValue { fd: imm, off } | Imm64::MapIdxValue { idx: imm, off } => (imm, off as i32),
            Imm64::VarAddr { btf_id, btf_fd } => (btf_id as i32, btf_fd),
        }
    }
}

impl Insn {
    /// The same kind of instruction with other operands.
    pub(crate) fn with(self, o: Operands) -> Insn {
        let Operands { dst, src, off, imm, .. } = o;
        match self {
            Insn::Alu { op, width, src, .. } => Insn::Alu { op, width, dst, src: src.with(o) },
            Insn::Neg { width, .. } => Insn::Neg { width, dst },
            Insn::MovSx { width, from, .. } => Insn::MovSx { width, dst, src, from },
            Insn::End { order, size, .. } => Insn::End { order, dst, size },
            Insn::LoadImm64 { imm, .. } => Insn::LoadImm64 { dst, imm: imm.with(o) },
            Insn::LoadAbs { size, .. } => Insn::LoadAbs { size, imm },
            Insn::LoadInd { size, .. } => Insn::LoadInd { size, src, imm },
            Insn::Load { size, sx, .. } => Insn::Load { size, sx, dst, src, off },
            Insn::Store { size, src, .. } => Insn::Store { size, dst, off, src: src.with(o) },
            Insn::Atomic { op, size, .. } => Insn::Atomic { op, size, dst, off, src },
            Insn::Jump { long, .. } => Insn::Jump { offset: if long { imm } else { off.into() }, long },
            Insn::Branch { op, width, src, .. } => Insn::Branch { op, width, dst, src: src.with(o), offset: off },
            Insn::MayGoto { .. } => Insn::MayGoto { offset: off },
            Insn::Call(Callee::Helper(_)) => Insn::Call(Callee::Helper(imm as u32)),
            Insn::Call(Callee::Local { .. }) => Insn::Call(Callee::Local { offset: imm }),
            Insn::Call(Callee::Kfunc { .. }) => Insn::Call(Callee::Kfunc { btf_id: imm as u32, btf_idx: off }),
            Insn::Exit => Insn::Exit,
        }
    }

    /// Its operands; zero where it has none. `None`: an offset that does not fit into its field.
    pub(crate) fn operands(&self) -> Option<Operands> {
        let mut o = Operands::ZERO;
        match *self {
            Insn::Alu { dst, src, .. } => (o.dst, (o.src, o.imm)) = (dst, src.parts()),
            Insn::Neg { dst, .. } | Insn::End { dst, .. } => o.dst = dst,
            Insn::MovSx { dst, src, .. } => (o.dst, o.src) = (dst, src),
            Insn::LoadImm64 { dst, imm } => (o.dst, (o.imm, o.next)) = (dst, imm.parts()),
            Insn::LoadAbs { imm, .. } => o.imm = imm,
            Insn::LoadInd { src, imm, .. } => (o.src, o.imm) = (src, imm),
            Insn::Load { dst, src, off, .. } | Insn::Atomic { dst, src, off, .. } => (o.dst, o.src, o.off) = (dst, src, off),
            Insn::Store { dst, off, src, .. } => (o.dst, o.off, (o.src, o.imm)) = (dst, off, src.parts()),
            Insn::Jump { offset, long: false } => o.off = i16::try_from(offset).ok()?,
            Insn::Jump { offset, long: true } => o.imm = offset,
            Insn::Branch { dst, src, offset, .. } => (o.dst, o.off, (o.src, o.imm)) = (dst, offset, src.parts()),
            Insn::MayGoto { offset } => o.off = offset,
            Insn::Call(Callee::Helper(id)) => o.imm = id as i32,
            Insn::Call(Callee::Local { offset }) => o.imm = offset,
            Insn::Call(Callee::Kfunc { btf_id, btf_idx }) => (o.imm, o.off) = (btf_id as i32, btf_idx),
            Insn::Exit => {}
        }
        Some(o)
    }
}
