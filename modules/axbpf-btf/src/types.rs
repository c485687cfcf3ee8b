//! Types as views into the section.
use core::fmt;

use crate::word;

/// Number of a type: its position in the section, counted from 1; 0 is `void`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct TypeId(pub u32);

impl TypeId {
    /// `void`.
    pub const VOID: TypeId = TypeId(0);
}

impl fmt::Display for TypeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! kinds {
    ($($name:ident = $n:literal, $text:literal;)*) => {
        /// What a type is: BTF_KIND_*.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Kind { $(#[doc = concat!("`", $text, "`.")] $name = $n,)* }

        impl Kind {
            /// The kind with this number.
            pub const fn from_u32(n: u32) -> Option<Kind> {
                match n { $($n => Some(Kind::$name),)* _ => None }
            }

            /// Name as bpftool prints it, in lower case.
            pub const fn name(self) -> &'static str {
                match self { $(Kind::$name => $text,)* }
            }
        }
    };
}

kinds! {
    Void = 0, "void";
    Int = 1, "int";
    Ptr = 2, "ptr";
    Array = 3, "array";
    Struct = 4, "struct";
    Union = 5, "union";
    Enum = 6, "enum";
    Fwd = 7, "fwd";
    Typedef = 8, "typedef";
    Volatile = 9, "volatile";
    Const = 10, "const";
    Restrict = 11, "restrict";
    Func = 12, "func";
    FuncProto = 13, "func_proto";
    Var = 14, "var";
    Datasec = 15, "datasec";
    Float = 16, "float";
    DeclTag = 17, "decl_tag";
    TypeTag = 18, "type_tag";
    Enum64 = 19, "enum64";
}

impl Kind {
    /// Whether a type of this kind has to have a name. Structs, unions and enums may have one.
    pub const fn is_named(self) -> bool {
        use Kind::*;
        matches!(self, Int | Fwd | Typedef | Func | Var | Datasec | Float | DeclTag | TypeTag)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A type: its name, empty if it has none, and what it is.
#[derive(Clone, Copy, Debug)]
pub struct Type<'a> {
    /// Empty: anonymous.
    pub name: &'a str,
    /// What it is.
    pub def: TypeDef<'a>,
}

/// What a type is. Sizes are in bytes.
#[derive(Clone, Copy, Debug)]
pub enum TypeDef<'a> {
    /// No type.
    Void,
    /// An integer.
    Int {
        /// Bytes.
        size: u32,
        /// How it is to be read.
        encoding: Encoding,
        /// First bit of the value; not 0 only in old bit fields.
        offset: u8,
        /// Bits of the value.
        bits: u8,
    },
    /// A pointer.
    Ptr(TypeId),
    /// An array.
    Array {
        /// Type of its elements.
        elem: TypeId,
        /// Type of its index.
        index: TypeId,
        /// How many elements.
        nelems: u32,
    },
    /// A struct.
    Struct(Composite<'a>),
    /// A union.
    Union(Composite<'a>),
    /// An enumeration of 32-bit values (kind `enum`) or 64-bit ones (`enum64`).
    Enum(Enum<'a>),
    /// A struct or union that is declared only.
    Fwd {
        /// A union rather than a struct.
        is_union: bool,
    },
    /// Another name.
    Typedef(TypeId),
    /// `volatile`.
    Volatile(TypeId),
    /// `const`.
    Const(TypeId),
    /// `restrict`.
    Restrict(TypeId),
    /// A function.
    Func {
        /// Its prototype.
        proto: TypeId,
        /// Who sees it.
        linkage: Linkage,
    },
    /// A prototype.
    FuncProto(FuncProto<'a>),
    /// A variable.
    Var {
        /// Its type.
        ty: TypeId,
        /// Who sees it.
        linkage: Linkage,
    },
    /// A section of variables.
    Datasec(Datasec<'a>),
    /// A floating-point number.
    Float {
        /// Bytes.
        size: u32,
    },
    /// A tag of a declaration; the name is the tag's text.
    DeclTag {
        /// What is tagged.
        target: TypeId,
        /// Member or parameter; `None`: the declaration itself.
        component: Option<u32>,
    },
    /// A tag of a pointer's target; the name is the tag's text.
    TypeTag(TypeId),
}

impl TypeDef<'_> {
    /// Its kind; enumerations of both widths answer by the width.
    pub const fn kind(&self) -> Kind {
        match self {
            TypeDef::Void => Kind::Void,
            TypeDef::Int { .. } => Kind::Int,
            TypeDef::Ptr(_) => Kind::Ptr,
            TypeDef::Array { .. } => Kind::Array,
            TypeDef::Struct(_) => Kind::Struct,
            TypeDef::Union(_) => Kind::Union,
            TypeDef::Enum(Enum { wide: false, .. }) => Kind::Enum,
            TypeDef::Enum(Enum { wide: true, .. }) => Kind::Enum64,
            TypeDef::Fwd { .. } => Kind::Fwd,
            TypeDef::Typedef(_) => Kind::Typedef,
            TypeDef::Volatile(_) => Kind::Volatile,
            TypeDef::Const(_) => Kind::Const,
            TypeDef::Restrict(_) => Kind::Restrict,
            TypeDef::Func { .. } => Kind::Func,
            TypeDef::FuncProto(_) => Kind::FuncProto,
            TypeDef::Var { .. } => Kind::Var,
            TypeDef::Datasec(_) => Kind::Datasec,
            TypeDef::Float { .. } => Kind::Float,
            TypeDef::DeclTag { .. } => Kind::DeclTag,
            TypeDef::TypeTag(_) => Kind::TypeTag,
        }
    }
}

/// How an integer is to be read: BTF_INT_*.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Encoding {
    /// Neither of the others.
    Unsigned,
    /// Two's complement.
    Signed,
    /// A character.
    Char,
    /// A truth value.
    Bool,
}

/// Who sees a function or variable: BTF_FUNC_* and BTF_VAR_*.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Linkage {
    /// This object's file only.
    Static,
    /// Every object linked with it.
    Global,
    /// Defined elsewhere: by the kernel, for BPF programs.
    Extern,
}

impl Linkage {
    pub(crate) const fn from_u32(n: u32) -> Option<Linkage> {
        match n {
            0 => Some(Linkage::Static),
            1 => Some(Linkage::Global),
            2 => Some(Linkage::Extern),
            _ => None,
        }
    }
}

/// The string at this offset, up to its NUL; empty if it is no UTF-8, which the check of the section rules out for names.
pub(crate) fn name_at(strings: &[u8], off: u32) -> &str {
    core::str::from_utf8(bytes_at(strings, off).unwrap_or(&[])).unwrap_or("")
}

/// The bytes at this offset, up to their NUL.
pub(crate) fn bytes_at(strings: &[u8], off: u32) -> Option<&[u8]> {
    let rest = strings.get(off as usize..)?;
    Some(&rest[..rest.iter().position(|&b| b == 0)?])
}

/// Records of `N` words.
fn records<const N: usize>(bytes: &[u8]) -> impl ExactSizeIterator<Item = [u32; N]> + Clone + '_ {
    bytes.chunks_exact(4 * N).map(|rec| core::array::from_fn(|i| word(rec, 4 * i).unwrap_or(0)))
}

/// Bytes of a type that follow its 12-byte head, with what is needed to read them.
#[derive(Clone, Copy)]
pub(crate) struct Tail<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) strings: &'a [u8],
}

impl fmt::Debug for Tail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.bytes.len())
    }
}

/// A struct or union: its size and `struct btf_member {name_off, type, offset}` for each member.
#[derive(Clone, Copy, Debug)]
pub struct Composite<'a> {
    /// Bytes.
    pub size: u32,
    /// kind_flag: the offset of a member holds its bit-field size in the upper 8 bits.
    pub(crate) bitfields: bool,
    pub(crate) tail: Tail<'a>,
}

/// A member of a struct or union.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member<'a> {
    /// Empty: an anonymous struct or union, whose members count as those of the outer one, or unnamed padding.
    pub name: &'a str,
    /// Its type.
    pub ty: TypeId,
    /// From the start of the struct, in bits.
    pub bit_offset: u32,
    /// Width of a bit field in bits; 0: it is none.
    pub bit_size: u8,
}

impl<'a> Composite<'a> {
    /// The members in the order of the declaration.
    pub fn members(&self) -> impl ExactSizeIterator<Item = Member<'a>> + use<'a> {
        let Composite { bitfields, tail, .. } = *self;
        records(tail.bytes).map(move |[name, ty, offset]| {
            let (bit_offset, bit_size) = if bitfields { (offset & 0xff_ffff, (offset >> 24) as u8) } else { (offset, 0) };
            Member { name: name_at(tail.strings, name), ty: TypeId(ty), bit_offset, bit_size }
        })
    }
}

/// An enumeration.
#[derive(Clone, Copy, Debug)]
pub struct Enum<'a> {
    /// Bytes of a variable of this type.
    pub size: u32,
    /// Whether values are signed.
    pub signed: bool,
    /// Kind enum64.
    pub(crate) wide: bool,
    pub(crate) tail: Tail<'a>,
}

impl<'a> Enum<'a> {
    /// Names and values; signed values are sign-extended to 64 bits.
    pub fn values(&self) -> impl Iterator<Item = (&'a str, u64)> + use<'a> {
        let Enum { signed, wide, tail, .. } = *self;
        tail.bytes.chunks_exact(if wide { 12 } else { 8 }).map(move |rec| {
            let [name, low, high] = core::array::from_fn(|i| word(rec, 4 * i).unwrap_or(0));
            let value = match (wide, signed) {
                (true, _) => u64::from(high) << 32 | u64::from(low),
                (false, true) => i64::from(low as i32) as u64,
                (false, false) => u64::from(low),
            };
            (name_at(tail.strings, name), value)
        })
    }
}

/// A prototype.
#[derive(Clone, Copy, Debug)]
pub struct FuncProto<'a> {
    /// Type of the result.
    pub ret: TypeId,
    pub(crate) tail: Tail<'a>,
}

impl<'a> FuncProto<'a> {
    /// Names and types of the parameters; a last one without name and type stands for `...`.
    pub fn params(&self) -> impl ExactSizeIterator<Item = (&'a str, TypeId)> + use<'a> {
        let tail = self.tail;
        records(tail.bytes).map(move |[name, ty]| (name_at(tail.strings, name), TypeId(ty)))
    }
}

/// A section of variables.
#[derive(Clone, Copy, Debug)]
pub struct Datasec<'a> {
    /// Bytes; clang leaves 0, the size stands in the ELF section.
    pub size: u32,
    pub(crate) tail: Tail<'a>,
}

/// A variable's place in its section: `struct btf_var_secinfo`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VarSecinfo {
    /// The variable (kind var) or, in `.ksyms`, the function.
    pub ty: TypeId,
    /// Byte in the section; clang leaves 0 for global ones, whose symbol tells.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
}

impl<'a> Datasec<'a> {
    /// The variables.
    pub fn vars(&self) -> impl ExactSizeIterator<Item = VarSecinfo> + use<'a> {
        records(self.tail.bytes).map(|[ty, offset, size]| VarSecinfo { ty: TypeId(ty), offset, size })
    }
}
