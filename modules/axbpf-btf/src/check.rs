//! The one pass over a section that makes every later look-up safe to trust.
use alloc::vec::Vec;
use core::ops::Range;

use crate::{Btf, BtfError, Cause, Kind, Linkage, TypeDef, TypeId, types::bytes_at, word};

/// Where the parts are.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Byte at which each type stands, by id; the first entry is that of `void`, which stands nowhere.
    pub(crate) types: Vec<u32>,
    /// Bytes of the strings.
    pub(crate) strings: Range<usize>,
}

/// The first 12 bytes of a type, `struct btf_type`: name_off, info (vlen: 16, kind: 5 from bit 24, kind_flag: bit 31), size or type.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    pub(crate) name_off: u32,
    pub(crate) vlen: u32,
    pub(crate) kind: Kind,
    pub(crate) kind_flag: bool,
    pub(crate) size: u32,
}

impl Head {
    pub(crate) const SIZE: usize = 12;

    /// `None`: cut short, or of a kind that is not defined.
    pub(crate) fn read(bytes: &[u8], at: usize) -> Option<Head> {
        let info = word(bytes, at + 4)?;
        Some(Head {
            name_off: word(bytes, at)?,
            vlen: info & 0xffff,
            kind: Kind::from_u32(info >> 24 & 0x1f)?,
            kind_flag: info >> 31 != 0,
            size: word(bytes, at + 8)?,
        })
    }

    /// Bytes that follow.
    pub(crate) const fn tail_len(self) -> usize {
        match self.kind {
            Kind::Int | Kind::Var | Kind::DeclTag => 4,
            Kind::Array => 12,
            Kind::Struct | Kind::Union | Kind::Datasec | Kind::Enum64 => 12 * self.vlen as usize,
            Kind::Enum | Kind::FuncProto => 8 * self.vlen as usize,
            _ => 0,
        }
    }
}

fn fail<T>(at: usize, cause: Cause) -> Result<T, BtfError> {
    Err(BtfError { offset: at as u32, cause })
}

/// The magic number, the version and the flags, which `.BTF` and `.BTF.ext` share; answers the header's length.
pub(crate) fn preamble(bytes: &[u8], least: u32) -> Result<usize, BtfError> {
    let Some(&[m0, m1, version, flags]) = bytes.first_chunk() else { return fail(0, Cause::Truncated { what: "header" }) };
    match u16::from_le_bytes([m0, m1]) {
        0xeb9f => {}
        0x9feb => return fail(0, Cause::BigEndian),
        other => return fail(0, Cause::Magic(other)),
    }
    if version != 1 {
        return fail(2, Cause::Version(version));
    }
    if flags != 0 {
        return fail(3, Cause::Flags(flags));
    }
    let Some(len) = word(bytes, 4) else { return fail(4, Cause::Truncated { what: "header" }) };
    if len < least || !len.is_multiple_of(4) {
        return fail(4, Cause::HeaderLen(len));
    }
    if bytes.len() < len as usize {
        return fail(4, Cause::Truncated { what: "header" });
    }
    Ok(len as usize)
}

/// The part whose offset (from the header's end) and length stand at `field` of the header.
pub(crate) fn part(bytes: &[u8], header_len: usize, field: usize, what: &'static str) -> Result<Range<usize>, BtfError> {
    let (Some(off), Some(len)) = (word(bytes, field), word(bytes, field + 4)) else {
        return fail(field, Cause::Truncated { what: "header" });
    };
    let start = header_len as u64 + u64::from(off);
    let end = start + u64::from(len);
    if end > bytes.len() as u64 {
        return fail(field, Cause::OutOfSection { what });
    }
    Ok(start as usize..end as usize)
}

/// Checks everything that can be seen without following references.
pub(crate) fn section(bytes: &[u8]) -> Result<Layout, BtfError> {
    if u32::try_from(bytes.len()).is_err() {
        return fail(0, Cause::TooLarge);
    }
    let header_len = preamble(bytes, 24)?;
    let types = part(bytes, header_len, 8, "types")?;
    let strings = part(bytes, header_len, 16, "strings")?;
    if !types.start.is_multiple_of(4) {
        return fail(8, Cause::Unaligned { what: "types" });
    }
    let text = &bytes[strings.clone()];
    if text.first() != Some(&0) || text.last() != Some(&0) {
        return fail(strings.start, Cause::Strings);
    }
    let body = &bytes[..types.end];
    let mut found = alloc::vec![0u32];
    let mut at = types.start;
    while at < types.end {
        let Some(info) = word(body, at + 4) else { return fail(at, Cause::Truncated { what: "type" }) };
        let Some(head) = Head::read(body, at) else {
            let kind = info >> 24 & 0x1f;
            return fail(at, if Kind::from_u32(kind).is_some() { Cause::Truncated { what: "type" } } else { Cause::Kind(kind) });
        };
        let tail_at = at + Head::SIZE;
        let end = tail_at + head.tail_len();
        let Some(tail) = body.get(tail_at..end) else { return fail(at, Cause::Truncated { what: head.kind.name() }) };
        one(at, info, head, tail, text)?;
        found.push(at as u32);
        at = end;
    }
    Ok(Layout { types: found, strings })
}

/// Checks one type by itself: fields, names. `text` are the strings.
fn one(at: usize, info: u32, head: Head, tail: &[u8], text: &[u8]) -> Result<(), BtfError> {
    use Kind::*;
    let Head { name_off, vlen, kind, kind_flag, size } = head;
    let refuse = |at: usize, field, value| fail(at, Cause::Field { kind, field, value });
    let name = |at: usize, off: u32| match bytes_at(text, off).map(core::str::from_utf8) {
        Some(Ok(_)) => Ok(()),
        _ => fail(at, Cause::Name(off)),
    };
    let field = |i: usize| word(tail, 4 * i).unwrap_or(0);

    if kind == Void {
        return fail(at, Cause::Kind(0));
    }
    name(at, name_off)?;
    if kind.is_named() && text.get(name_off as usize) == Some(&0) {
        return fail(at, Cause::NamePresence(kind));
    }
    if matches!(kind, Ptr | Array | Volatile | Const | Restrict | FuncProto) && name_off != 0 {
        return fail(at, Cause::NamePresence(kind));
    }
    // Bits of info that no kind uses, and the parts that this kind does not.
    let counted = matches!(kind, Struct | Union | Enum | Enum64 | Func | FuncProto | Datasec);
    let flagged = matches!(kind, Struct | Union | Enum | Enum64 | Fwd | DeclTag | TypeTag);
    if info & 0x60ff_0000 != 0 || !counted && vlen != 0 || !flagged && kind_flag {
        return refuse(at + 4, "info", info);
    }
    match kind {
        Int => {
            let data = field(0);
            let (encoding, offset, bits) = (data >> 24, data >> 16 & 0xff, data & 0xff);
            if !(1..=16).contains(&size) {
                return refuse(at + 8, "size", size);
            }
            if !matches!(encoding, 0 | 1 | 2 | 4) || data & 0xff00 != 0 || bits == 0 || offset + bits > 8 * size {
                return refuse(at + Head::SIZE, "int_data", data);
            }
        }
        Float if !matches!(size, 2 | 4 | 8 | 12 | 16) => return refuse(at + 8, "size", size),
        Array | Fwd if size != 0 => return refuse(at + 8, "size", size),
        Enum | Enum64 => {
            if !size.is_power_of_two() || size > 8 {
                return refuse(at + 8, "size", size);
            }
            let rec = if kind == Enum { 8 } else { 12 };
            for i in 0..vlen as usize {
                name(at + Head::SIZE + rec * i, field(rec / 4 * i))?;
            }
        }
        Struct | Union => {
            for i in 0..vlen as usize {
                let (rec, offset) = (at + Head::SIZE + 12 * i, field(3 * i + 2));
                name(rec, field(3 * i))?;
                let bit = if kind_flag { offset & 0xff_ffff } else { offset };
                if bit / 8 > size || kind == Union && bit != 0 {
                    return refuse(rec + 8, "offset", offset);
                }
            }
        }
        FuncProto => {
            for i in 0..vlen as usize {
                name(at + Head::SIZE + 8 * i, field(2 * i))?;
            }
        }
        Func if Linkage::from_u32(vlen).is_none() => return refuse(at + 4, "vlen", vlen),
        Var if Linkage::from_u32(field(0)).is_none() => return refuse(at + Head::SIZE, "linkage", field(0)),
        DeclTag if field(0) > i32::MAX as u32 && field(0) != u32::MAX => return refuse(at + Head::SIZE, "component_idx", field(0)),
        _ => {}
    }
    Ok(())
}

/// Checks that every reference leads to a type, and to one of a kind that makes sense there.
pub(crate) fn references(btf: &Btf<'_>) -> Result<(), BtfError> {
    for (id, ty) in btf.types() {
        let from = ty.def.kind();
        let exists = |to: TypeId| if to.0 < btf.type_count() { Ok(()) } else { Err(btf.error(id, Cause::TypeId(to.0))) };
        let kind_of = |to: TypeId| btf.ty(to).map(|t| t.def.kind()).ok_or(btf.error(id, Cause::TypeId(to.0)));
        // A value: neither void nor what is no type of values.
        let value = |to: TypeId| match kind_of(to)? {
            to @ (Kind::Void | Kind::Func | Kind::FuncProto | Kind::Var | Kind::Datasec | Kind::DeclTag) => {
                Err(btf.error(id, Cause::Refers { from, to }))
            }
            _ => Ok(()),
        };
        let only = |to: TypeId, allowed: &[Kind]| match kind_of(to)? {
            to if allowed.contains(&to) => Ok(()),
            to => Err(btf.error(id, Cause::Refers { from, to })),
        };
        match ty.def {
            TypeDef::Ptr(to) | TypeDef::Typedef(to) | TypeDef::Volatile(to) | TypeDef::Const(to) | TypeDef::Restrict(to) => exists(to)?,
            TypeDef::TypeTag(to) | TypeDef::DeclTag { target: to, .. } => exists(to)?,
            TypeDef::Array { elem, index, .. } => {
                value(elem)?;
                value(index)?;
            }
            TypeDef::Struct(s) | TypeDef::Union(s) => s.members().try_for_each(|m| value(m.ty))?,
            TypeDef::Func { proto, .. } => only(proto, &[Kind::FuncProto])?,
            TypeDef::FuncProto(p) => {
                exists(p.ret)?;
                p.params().try_for_each(|(_, to)| exists(to))?;
            }
            TypeDef::Var { ty, .. } => exists(ty)?,
            TypeDef::Datasec(d) => d.vars().try_for_each(|v| only(v.ty, &[Kind::Var, Kind::Func]))?,
            TypeDef::Void | TypeDef::Int { .. } | TypeDef::Enum(_) | TypeDef::Fwd { .. } | TypeDef::Float { .. } => {}
        }
    }
    Ok(())
}
