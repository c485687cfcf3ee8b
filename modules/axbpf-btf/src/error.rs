use core::fmt;

use crate::{Kind, MAX_DEPTH};

/// What is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BtfError {
    /// Byte in the section; for look-ups, that of the type they failed on.
    pub offset: u32,
    /// What is wrong there.
    pub cause: Cause,
}

/// Causes of a [`BtfError`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cause {
    /// Fewer bytes than what begins here needs.
    Truncated {
        /// What begins here.
        what: &'static str,
    },
    /// Not `0xeb9f`.
    Magic(u16),
    /// `0xeb9f` with its bytes swapped.
    BigEndian,
    /// A version other than 1.
    Version(u8),
    /// Header flags, of which there are none.
    Flags(u8),
    /// A header length that cannot be.
    HeaderLen(u32),
    /// An offset in the header that is not a multiple of 4.
    Unaligned {
        /// Which part it names.
        what: &'static str,
    },
    /// A part named by the header reaches beyond the section.
    OutOfSection {
        /// Which part.
        what: &'static str,
    },
    /// The strings do not begin and end with a NUL.
    Strings,
    /// A kind that is not defined.
    Kind(u32),
    /// A field holds what its kind does not allow.
    Field {
        /// Kind of the type.
        kind: Kind,
        /// Linux's name of the field.
        field: &'static str,
        /// What it holds.
        value: u32,
    },
    /// An offset that does not lead to a string.
    Name(u32),
    /// A name that is needed and missing, or there and not allowed.
    NamePresence(Kind),
    /// A type id beyond the last type.
    TypeId(u32),
    /// A type of another kind is referred to than has to be.
    Refers {
        /// The type that refers.
        from: Kind,
        /// The type referred to.
        to: Kind,
    },
    /// The kind has no size.
    NoSize(Kind),
    /// A size beyond 4 GiB.
    TooLarge,
    /// A chain of more than [`MAX_DEPTH`] types.
    TooDeep,
    /// Size of a record in `.BTF.ext` that is too small or not a multiple of 4.
    RecordSize(u32),
    /// A number that `.BTF.ext` does not allow here.
    Ext {
        /// Linux's name of the field.
        field: &'static str,
        /// What it holds.
        value: u32,
    },
}

impl fmt::Display for BtfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {:#x}: {}", self.offset, self.cause)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Truncated { what } => write!(f, "{what} is cut short"),
            Cause::Magic(m) => write!(f, "magic {m:#06x} is not BTF's 0xeb9f"),
            Cause::BigEndian => f.write_str("big-endian BTF; compile with -target bpfel"),
            Cause::Version(v) => write!(f, "version {v} is unknown, 1 is known"),
            Cause::Flags(v) => write!(f, "header flags {v:#x} are unknown"),
            Cause::HeaderLen(n) => write!(f, "header length {n} is impossible"),
            Cause::Unaligned { what } => write!(f, "offset of the {what} is not a multiple of 4"),
            Cause::OutOfSection { what } => write!(f, "the {what} reach beyond the section"),
            Cause::Strings => f.write_str("strings do not begin and end with a zero byte"),
            Cause::Kind(k) => write!(f, "kind {k} is unknown"),
            Cause::Field { kind, field, value } => write!(f, "{field} {value:#x} is not allowed in a {kind}"),
            Cause::Name(off) => write!(f, "offset {off:#x} is not a name in the strings"),
            Cause::NamePresence(kind) if kind.is_named() => write!(f, "a {kind} needs a name"),
            Cause::NamePresence(kind) => write!(f, "a {kind} has no name"),
            Cause::TypeId(id) => write!(f, "type {id} does not exist"),
            Cause::Refers { from, to } => write!(f, "a {from} cannot refer to a {to}"),
            Cause::NoSize(kind) => write!(f, "a {kind} has no size"),
            Cause::TooLarge => f.write_str("size exceeds 4 GiB"),
            Cause::TooDeep => write!(f, "a chain of more than {MAX_DEPTH} types, or a circle"),
            Cause::RecordSize(n) => write!(f, "record size {n} is too small or not a multiple of 4"),
            Cause::Ext { field, value } => write!(f, "{field} {value:#x} is not allowed"),
        }
    }
}

impl core::error::Error for BtfError {}
