use alloc::{borrow::Cow, vec::Vec};

use crate::{
    BtfError, Cause, Composite, Datasec, Encoding, Enum, FuncProto, Kind, Linkage, MAX_DEPTH, Member, Type, TypeDef, TypeId, check,
    types::{Tail, bytes_at, name_at},
    word,
};

/// Members that one search through anonymous structs and unions looks at before it gives up: nested declarations can share types, so depth alone is no limit.
const MAX_MEMBERS: usize = 1 << 16;

/// A checked `.BTF` section. It borrows its bytes (a kernel's, in its image) or owns them (an object's).
#[derive(Clone, Debug)]
pub struct Btf<'a> {
    bytes: Cow<'a, [u8]>,
    layout: check::Layout,
}

impl<'a> Btf<'a> {
    /// Checks the section and finds its types. The rules are those of Linux's `kernel/bpf/btf.c` for single types, except that sections of
    /// variables may lack offsets and sizes, as clang leaves them, and names may be any UTF-8.
    pub fn parse(bytes: impl Into<Cow<'a, [u8]>>) -> Result<Btf<'a>, BtfError> {
        let bytes = bytes.into();
        let layout = check::section(&bytes)?;
        let btf = Btf { bytes, layout };
        check::references(&btf)?;
        Ok(btf)
    }

    /// The same with bytes of its own.
    pub fn into_owned(self) -> Btf<'static> {
        Btf { bytes: Cow::Owned(self.bytes.into_owned()), layout: self.layout }
    }

    /// The section.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many types there are, `void` counted: ids are less than this.
    pub fn type_count(&self) -> u32 {
        self.layout.types.len() as u32
    }

    fn strings(&self) -> &[u8] {
        &self.bytes[self.layout.strings.clone()]
    }

    /// The string at this offset of the string section, if there is one and it is UTF-8.
    pub fn str(&self, offset: u32) -> Option<&str> {
        core::str::from_utf8(self.str_bytes(offset)?).ok()
    }

    /// The string at this offset of the string section as bytes: source lines need not be UTF-8.
    pub fn str_bytes(&self, offset: u32) -> Option<&[u8]> {
        bytes_at(self.strings(), offset)
    }

    /// Byte of the section at which the type stands; `void` has none and answers 0.
    pub(crate) fn offset_of(&self, id: TypeId) -> u32 {
        self.layout.types.get(id.0 as usize).copied().unwrap_or(0)
    }

    /// An error at this type.
    pub(crate) fn error(&self, id: TypeId, cause: Cause) -> BtfError {
        BtfError { offset: self.offset_of(id), cause }
    }

    /// The type with this id, if there is one.
    pub fn ty(&self, id: TypeId) -> Option<Type<'_>> {
        if id == TypeId::VOID {
            return Some(Type { name: "", def: TypeDef::Void });
        }
        let at = *self.layout.types.get(id.0 as usize)? as usize;
        let head = check::Head::read(&self.bytes, at)?;
        let strings = self.strings();
        let tail_at = at + check::Head::SIZE;
        let tail = Tail { bytes: self.bytes.get(tail_at..tail_at + head.tail_len())?, strings };
        let field = |i: usize| word(tail.bytes, 4 * i);
        let (size, target) = (head.size, TypeId(head.size));
        let composite = Composite { size, bitfields: head.kind_flag, tail };
        let def = match head.kind {
            Kind::Void => TypeDef::Void,
            Kind::Int => {
                let data = field(0)?;
                let encoding = match data >> 24 {
                    1 => Encoding::Signed,
                    2 => Encoding::Char,
                    4 => Encoding::Bool,
                    _ => Encoding::Unsigned,
                };
                TypeDef::Int { size, encoding, offset: (data >> 16) as u8, bits: data as u8 }
            }
            Kind::Ptr => TypeDef::Ptr(target),
            Kind::Array => TypeDef::Array { elem: TypeId(field(0)?), index: TypeId(field(1)?), nelems: field(2)? },
            Kind::Struct => TypeDef::Struct(composite),
            Kind::Union => TypeDef::Union(composite),
            Kind::Enum => TypeDef::Enum(Enum { size, signed: head.kind_flag, wide: false, tail }),
            Kind::Enum64 => TypeDef::Enum(Enum { size, signed: head.kind_flag, wide: true, tail }),
            Kind::Fwd => TypeDef::Fwd { is_union: head.kind_flag },
            Kind::Typedef => TypeDef::Typedef(target),
            Kind::Volatile => TypeDef::Volatile(target),
            Kind::Const => TypeDef::Const(target),
            Kind::Restrict => TypeDef::Restrict(target),
            Kind::Func => TypeDef::Func { proto: target, linkage: Linkage::from_u32(head.vlen)? },
            Kind::FuncProto => TypeDef::FuncProto(FuncProto { ret: target, tail }),
            Kind::Var => TypeDef::Var { ty: target, linkage: Linkage::from_u32(field(0)?)? },
            Kind::Datasec => TypeDef::Datasec(Datasec { size, tail }),
            Kind::Float => TypeDef::Float { size },
            Kind::DeclTag => TypeDef::DeclTag { target, component: Some(field(0)?).filter(|&c| c != u32::MAX) },
            Kind::TypeTag => TypeDef::TypeTag(target),
        };
        Some(Type { name: name_at(strings, head.name_off), def })
    }

    fn existing(&self, id: TypeId) -> Result<Type<'_>, BtfError> {
        self.ty(id).ok_or(self.error(TypeId::VOID, Cause::TypeId(id.0)))
    }

    /// Every type but `void`, by id.
    pub fn types(&self) -> impl Iterator<Item = (TypeId, Type<'_>)> {
        (1..self.type_count()).filter_map(|id| Some((TypeId(id), self.ty(TypeId(id))?)))
    }

    /// The first type of this kind and name. Reads the types one after another.
    pub fn find(&self, name: &str, kind: Kind) -> Option<TypeId> {
        let (strings, first) = (self.strings(), 1..self.layout.types.len());
        let found = first.into_iter().find(|&id| {
            let head = check::Head::read(&self.bytes, self.layout.types[id] as usize);
            // The terminating zero makes a comparison of bytes one of whole names.
            head.is_some_and(|h| {
                let rest = strings.get(h.name_off as usize..).unwrap_or(&[]);
                h.kind == kind && rest.strip_prefix(name.as_bytes()).is_some_and(|r| r.first() == Some(&0))
            })
        })?;
        Some(TypeId(found as u32))
    }

    /// Follows typedefs, `const`, `volatile`, `restrict` and type tags to what the type is.
    pub fn resolve(&self, id: TypeId) -> Result<(TypeId, Type<'_>), BtfError> {
        let mut at = id;
        for _ in 0..MAX_DEPTH {
            let ty = self.existing(at)?;
            match ty.def {
                TypeDef::Typedef(to) | TypeDef::Const(to) | TypeDef::Volatile(to) | TypeDef::Restrict(to) | TypeDef::TypeTag(to) => at = to,
                _ => return Ok((at, ty)),
            }
        }
        Err(self.error(id, Cause::TooDeep))
    }

    /// Bytes of a value of this type; of a variable, those of its type.
    pub fn size_of(&self, id: TypeId) -> Result<u32, BtfError> {
        let (mut at, mut count) = (id, 1u32);
        for _ in 0..MAX_DEPTH {
            let (here, ty) = self.resolve(at)?;
            let size = match ty.def {
                TypeDef::Ptr(_) => 8,
                TypeDef::Int { size, .. } | TypeDef::Float { size } => size,
                TypeDef::Struct(s) | TypeDef::Union(s) => s.size,
                TypeDef::Enum(e) => e.size,
                TypeDef::Datasec(d) => d.size,
                TypeDef::Var { ty, .. } => {
                    at = ty;
                    continue;
                }
                TypeDef::Array { elem, nelems, .. } => {
                    at = elem;
                    count = count.checked_mul(nelems).ok_or(self.error(here, Cause::TooLarge))?;
                    continue;
                }
                def => return Err(self.error(here, Cause::NoSize(def.kind()))),
            };
            return count.checked_mul(size).ok_or(self.error(id, Cause::TooLarge));
        }
        Err(self.error(id, Cause::TooDeep))
    }

    /// Alignment of a value of this type in bytes, a power of two; of a struct, that of its members. Types without a size answer 1.
    pub fn align_of(&self, id: TypeId) -> Result<u32, BtfError> {
        let (mut pending, mut align, mut looked_at) = (alloc::vec![(id, 0)], 1, 0);
        while let Some((at, depth)) = pending.pop() {
            looked_at += 1;
            if depth > MAX_DEPTH || looked_at > MAX_MEMBERS {
                return Err(self.error(id, Cause::TooDeep));
            }
            let natural = match self.resolve(at)?.1.def {
                TypeDef::Ptr(_) => 8,
                TypeDef::Int { size, .. } | TypeDef::Float { size } | TypeDef::Enum(Enum { size, .. }) => size.next_power_of_two().min(8),
                TypeDef::Array { elem: inner, .. } | TypeDef::Var { ty: inner, .. } => {
                    pending.push((inner, depth + 1));
                    1
                }
                TypeDef::Struct(s) | TypeDef::Union(s) => {
                    pending.extend(s.members().map(|m| (m.ty, depth + 1)));
                    1
                }
                _ => 1,
            };
            align = align.max(natural);
        }
        Ok(align)
    }

    /// The member of this name in a struct or union (typedefs and qualifiers are followed), also within anonymous members; the offset counts
    /// from the outermost struct. `None`: there is no such member.
    pub fn member(&self, id: TypeId, name: &str) -> Result<Option<Member<'_>>, BtfError> {
        let mut pending: Vec<(TypeId, u32, usize)> = alloc::vec![(id, 0, 0)];
        let mut looked_at = 0;
        while let Some((at, base, depth)) = pending.pop() {
            let (TypeDef::Struct(composite) | TypeDef::Union(composite)) = self.resolve(at)?.1.def else { continue };
            for m in composite.members() {
                looked_at += 1;
                if depth >= MAX_DEPTH || looked_at > MAX_MEMBERS {
                    return Err(self.error(id, Cause::TooDeep));
                }
                let bit_offset = base.checked_add(m.bit_offset).ok_or(self.error(at, Cause::TooLarge))?;
                if m.name == name && !name.is_empty() {
                    return Ok(Some(Member { bit_offset, ..m }));
                }
                if m.name.is_empty() {
                    pending.push((m.ty, bit_offset, depth + 1));
                }
            }
        }
        Ok(None)
    }
}
