//! `.BTF.ext`: what belongs to instructions. Sections of records, grouped by the ELF section of the code.
use core::ops::Range;

use crate::{Btf, BtfError, Cause, Kind, TypeId, check, word};

/// Which function begins at an instruction: `struct bpf_func_info`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FuncInfo {
    /// In `.BTF.ext`: byte in the code section; in a linked program, as in bpf(2): slot.
    pub insn_off: u32,
    /// The function, kind func.
    pub type_id: TypeId,
}

/// Which source line an instruction begins: `struct bpf_line_info`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LineInfo {
    /// In `.BTF.ext`: byte in the code section; in a linked program, as in bpf(2): slot.
    pub insn_off: u32,
    /// File name, offset into the BTF strings.
    pub file_name_off: u32,
    /// Text of the line, offset into the BTF strings.
    pub line_off: u32,
    /// Line (upper 22 bits) and column (lower 10).
    pub line_col: u32,
}

impl LineInfo {
    /// Line, counted from 1.
    pub const fn line(self) -> u32 {
        self.line_col >> 10
    }

    /// Column, counted from 1; 0: unknown.
    pub const fn column(self) -> u32 {
        self.line_col & 0x3ff
    }
}

/// What CO-RE patches into an instruction: `struct bpf_core_relo`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CoreRelo {
    /// Byte in the code section.
    pub insn_off: u32,
    /// The type, as the object knows it.
    pub type_id: TypeId,
    /// Path into the type (`0:1:2`), offset into the BTF strings.
    pub access_str_off: u32,
    /// What is asked about it.
    pub kind: CoreReloKind,
}

/// What a CO-RE relocation asks: `enum bpf_core_relo_kind`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CoreReloKind {
    /// Offset of a field in bytes.
    FieldByteOffset,
    /// Size of a field in bytes.
    FieldByteSize,
    /// Whether a field exists.
    FieldExists,
    /// Whether a field is signed.
    FieldSigned,
    /// Left shift that extracts a bit field.
    FieldLshiftU64,
    /// Right shift that extracts a bit field.
    FieldRshiftU64,
    /// Id of the type in the object's BTF.
    TypeIdLocal,
    /// Id of the type in the kernel's BTF.
    TypeIdTarget,
    /// Whether a type exists.
    TypeExists,
    /// Size of a type in bytes.
    TypeSize,
    /// Whether an enumerator exists.
    EnumvalExists,
    /// Value of an enumerator.
    EnumvalValue,
    /// Whether a type exists and has the same layout.
    TypeMatches,
}

impl CoreReloKind {
    /// In the order of their numbers.
    pub const ALL: [CoreReloKind; 13] = {
        use CoreReloKind::*;
        [
            FieldByteOffset,
            FieldByteSize,
            FieldExists,
            FieldSigned,
            FieldLshiftU64,
            FieldRshiftU64,
            TypeIdLocal,
            TypeIdTarget,
            TypeExists,
            TypeSize,
            EnumvalExists,
            EnumvalValue,
            TypeMatches,
        ]
    };

    /// libbpf's word for it.
    pub const fn name(self) -> &'static str {
        const NAMES: [&str; 13] = [
            "byte_off",
            "byte_sz",
            "field_exists",
            "signed",
            "lshift_u64",
            "rshift_u64",
            "local_type_id",
            "target_type_id",
            "type_exists",
            "type_size",
            "enumval_exists",
            "enumval_value",
            "type_matches",
        ];
        NAMES[self as usize]
    }
}

/// A checked `.BTF.ext` section.
#[derive(Clone, Debug)]
pub struct BtfExt<'a> {
    bytes: &'a [u8],
    func: Range<usize>,
    line: Range<usize>,
    core: Range<usize>,
}

/// The records of one code section.
#[derive(Clone, Copy, Debug)]
pub struct InfoSec<'a> {
    /// Name of the ELF section, offset into the BTF strings.
    pub sec_name_off: u32,
    record_size: usize,
    records: &'a [u8],
    at: usize,
}

impl<'a> InfoSec<'a> {
    /// The fields of each record that are known, and the record's place.
    fn words<const N: usize>(self) -> impl ExactSizeIterator<Item = (usize, [u32; N])> + use<'a, N> {
        let InfoSec { record_size, at, .. } = self;
        self.records
            .chunks_exact(record_size)
            .enumerate()
            .map(move |(i, rec)| (at + i * record_size, core::array::from_fn(|f| word(rec, 4 * f).unwrap_or(0))))
    }
}

impl<'a> BtfExt<'a> {
    /// Checks the section; `btf` is the `.BTF` section beside it.
    pub fn parse(bytes: &'a [u8], btf: &Btf<'_>) -> Result<BtfExt<'a>, BtfError> {
        if u32::try_from(bytes.len()).is_err() {
            return Err(BtfError { offset: 0, cause: Cause::TooLarge });
        }
        let header_len = check::preamble(bytes, 24)?;
        let func = check::part(bytes, header_len, 8, "func_info records")?;
        let line = check::part(bytes, header_len, 16, "line_info records")?;
        // Headers of 24 bytes are from before CO-RE.
        let core = if header_len >= 32 { check::part(bytes, header_len, 24, "core_relo records")? } else { 0..0 };
        let ext = BtfExt { bytes, func, line, core };
        type Check = fn([u32; 4], &Btf<'_>) -> Fault;
        let parts: [(&Range<usize>, u32, Check); 3] =
            [(&ext.func, 8, func_fault), (&ext.line, 16, line_fault), (&ext.core, 16, core_fault)];
        for (part, least, fault) in parts {
            for sec in ext.sections(part, least) {
                let sec = sec?;
                if btf.str(sec.sec_name_off).is_none() {
                    return Err(BtfError { offset: sec.at as u32 - 8, cause: Cause::Name(sec.sec_name_off) });
                }
                if let Some((at, (word, cause))) = sec.words().find_map(|(at, rec)| Some((at, fault(rec, btf)?))) {
                    return Err(BtfError { offset: (at + 4 * word) as u32, cause });
                }
            }
        }
        Ok(ext)
    }

    /// The groups of one part: `u32 record_size`, then for each code section `{u32 sec_name_off, u32 num_info}` and its records.
    fn sections(&self, part: &Range<usize>, least: u32) -> impl Iterator<Item = Result<InfoSec<'a>, BtfError>> + use<'a> {
        let bytes = &self.bytes[..part.end];
        let mut at = part.start;
        let mut record_size = None;
        core::iter::from_fn(move || {
            if at >= bytes.len() {
                return None;
            }
            let mut next = || {
                let short = |at: usize| BtfError { offset: at as u32, cause: Cause::Truncated { what: "records" } };
                let record_size = match record_size {
                    Some(n) => n,
                    None => {
                        let n = word(bytes, at).ok_or(short(at))?;
                        if n < least || !n.is_multiple_of(4) {
                            return Err(BtfError { offset: at as u32, cause: Cause::RecordSize(n) });
                        }
                        at += 4;
                        *record_size.insert(n as usize)
                    }
                };
                if at >= bytes.len() {
                    return Ok(None);
                }
                let (Some(sec_name_off), Some(count)) = (word(bytes, at), word(bytes, at + 4)) else { return Err(short(at)) };
                if count == 0 {
                    return Err(BtfError { offset: at as u32 + 4, cause: Cause::Ext { field: "num_info", value: 0 } });
                }
                let start = at + 8;
                let end = (count as usize).checked_mul(record_size).and_then(|len| len.checked_add(start)).ok_or(short(at))?;
                let records = bytes.get(start..end).ok_or(short(at))?;
                at = end;
                Ok(Some(InfoSec { sec_name_off, record_size, records, at: start }))
            };
            let result = next().transpose();
            if matches!(result, Some(Err(_))) {
                // One error ends the walk.
                at = usize::MAX;
            }
            result
        })
    }

    /// Which functions begin where, by code section.
    pub fn func_info(&self) -> impl Iterator<Item = (u32, impl ExactSizeIterator<Item = FuncInfo> + use<'a>)> + use<'a> {
        self.sections(&self.func, 8).flatten().map(|sec| {
            let infos = sec.words().map(|(_, [insn_off, id])| FuncInfo { insn_off, type_id: TypeId(id) });
            (sec.sec_name_off, infos)
        })
    }

    /// Which lines begin where, by code section (offset of its name in the BTF strings).
    pub fn line_info(&self) -> impl Iterator<Item = (u32, impl ExactSizeIterator<Item = LineInfo> + use<'a>)> + use<'a> {
        self.sections(&self.line, 16).flatten().map(|sec| {
            let infos = sec.words();
            let infos =
                infos.map(|(_, [insn_off, file_name_off, line_off, line_col])| LineInfo { insn_off, file_name_off, line_off, line_col });
            (sec.sec_name_off, infos)
        })
    }

    /// What CO-RE has to patch, by code section (offset of its name in the BTF strings).
    pub fn core_relo(&self) -> impl Iterator<Item = (u32, impl Iterator<Item = CoreRelo> + use<'a>)> + use<'a> {
        self.sections(&self.core, 16).flatten().map(|sec| {
            let relos = sec.words().filter_map(|(_, [insn_off, id, access_str_off, kind])| {
                let kind = *CoreReloKind::ALL.get(kind as usize)?;
                Some(CoreRelo { insn_off, type_id: TypeId(id), access_str_off, kind })
            });
            (sec.sec_name_off, relos)
        })
    }
}

/// What is wrong with a record, and in which word of it.
type Fault = Option<(usize, Cause)>;

fn insn_off_fault(insn_off: u32) -> Fault {
    (!insn_off.is_multiple_of(8)).then_some((0, Cause::Ext { field: "insn_off", value: insn_off }))
}

fn func_fault([insn_off, id, ..]: [u32; 4], btf: &Btf<'_>) -> Fault {
    insn_off_fault(insn_off).or_else(|| match btf.ty(TypeId(id)).map(|t| t.def.kind()) {
        Some(Kind::Func) => None,
        Some(other) => Some((1, Cause::Ext { field: "type_id of kind", value: other as u32 })),
        None => Some((1, Cause::TypeId(id))),
    })
}

fn line_fault([insn_off, file_name_off, line_off, _]: [u32; 4], btf: &Btf<'_>) -> Fault {
    let string = |word, off| btf.str_bytes(off).is_none().then_some((word, Cause::Name(off)));
    insn_off_fault(insn_off).or_else(|| string(1, file_name_off)).or_else(|| string(2, line_off))
}

fn core_fault([insn_off, id, access_str_off, kind]: [u32; 4], btf: &Btf<'_>) -> Fault {
    let bad_kind = || (kind as usize >= CoreReloKind::ALL.len()).then_some((3, Cause::Ext { field: "core_relo kind", value: kind }));
    let bad_type = || btf.ty(TypeId(id)).is_none().then_some((1, Cause::TypeId(id)));
    let bad_name = || btf.str(access_str_off).is_none().then_some((2, Cause::Name(access_str_off)));
    insn_off_fault(insn_off).or_else(bad_type).or_else(bad_name).or_else(bad_kind)
}
