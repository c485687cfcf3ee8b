//! Code sections: functions, what their instructions refer to, and the source lines they come from.
use alloc::{borrow::ToOwned, string::String, vec::Vec};

use axbpf_btf::{Btf, BtfExt, CoreRelo, FuncInfo, LineInfo};
use axbpf_isa::{
    RawInsn,
    opcode::{CALL, LDDW},
};

use crate::{
    Extern, ParseCause, ParseError,
    elf::{Content, Elf, Place, Rel, Section, Symbol, SymbolKind},
    map::MapPlaces,
};

/// The instructions of a section and what belongs to them; positions are slots of the section, ascending.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) name: String,
    pub(crate) insns: Vec<RawInsn>,
    pub(crate) relocs: Vec<(u32, Target)>,
    pub(crate) funcs: Vec<FuncInfo>,
    pub(crate) lines: Vec<LineInfo>,
    pub(crate) core: Vec<CoreRelo>,
}

/// A function: the program itself or a subprogram.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Index into the code sections.
    pub(crate) code: usize,
    /// First slot in it.
    pub(crate) start: u32,
    pub(crate) slots: u32,
    /// `static`: never a program of its own.
    pub(crate) local: bool,
}

/// What an instruction refers to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    Map(usize),
    Data {
        map: usize,
        offset: i64,
    },
    Function(usize),
    Extern(usize),
    /// Data of a kind that is not known here: only a program that uses it cannot be linked.
    Unsupported(String),
}

/// Everything that relocations of code can lead to.
pub(crate) struct Targets<'a> {
    pub(crate) elf: &'a Elf<'a>,
    pub(crate) maps: &'a MapPlaces,
    pub(crate) externs: &'a [(usize, Extern)],
    pub(crate) functions: &'a [Function],
    /// Code section by ELF section.
    pub(crate) codes: &'a [Option<usize>],
}

/// Reads the code sections; answers also which ELF section is which.
pub(crate) fn sections(elf: &Elf<'_>) -> Result<(Vec<Code>, Vec<Option<usize>>), ParseError> {
    let mut codes = Vec::new();
    let mut by_section = alloc::vec![None; elf.sections.len()];
    for (index, section) in elf.sections.iter().enumerate().filter(|(_, s)| s.content == Content::Code && s.size != 0) {
        let (slots, rest) = section.data.as_chunks();
        // Slots are counted in 32 bits everywhere.
        if !rest.is_empty() || u32::try_from(section.size).is_err() {
            return Err(section.error(section.size, ParseCause::CodeSize(section.size)));
        }
        by_section[index] = Some(codes.len());
        let insns = slots.iter().map(|b| RawInsn::from_bytes(*b)).collect();
        codes.push(Code {
            name: section.name.to_owned(),
            insns,
            relocs: Vec::new(),
            funcs: Vec::new(),
            lines: Vec::new(),
            core: Vec::new(),
        });
    }
    Ok((codes, by_section))
}

/// The functions of all code sections, by section and start.
pub(crate) fn functions(elf: &Elf<'_>, codes: &[Option<usize>]) -> Result<Vec<Function>, ParseError> {
    let mut functions = Vec::new();
    for (index, section) in elf.sections.iter().enumerate() {
        let Some(code) = codes[index] else { continue };
        let before = functions.len();
        for s in elf.symbols_in(index).filter(|s| s.kind == SymbolKind::Function) {
            let fits = s.value.checked_add(s.size).is_some_and(|end| end <= section.size);
            if !fits || s.size == 0 || !s.value.is_multiple_of(8) || !s.size.is_multiple_of(8) {
                return Err(section.error(s.value, ParseCause::Function { name: s.name.to_owned() }));
            }
            let (start, slots) = ((s.value / 8) as u32, (s.size / 8) as u32);
            functions.push(Function { name: s.name.to_owned(), code, start, slots, local: s.local });
        }
        // Before LLVM 8 symbols had no type: the section is one function then.
        if functions.len() == before {
            let name = elf.symbols_in(index).find(|s| s.value == 0 && !s.local && !s.name.is_empty()).map_or(section.name, |s| s.name);
            functions.push(Function { name: name.to_owned(), code, start: 0, slots: (section.size / 8) as u32, local: false });
        }
    }
    functions.sort_by_key(|f| (f.code, f.start));
    Ok(functions)
}

/// The function that starts at this slot.
pub(crate) fn function_at(functions: &[Function], code: usize, slot: i64) -> Option<usize> {
    let slot = u32::try_from(slot).ok()?;
    let index = functions.partition_point(|f| (f.code, f.start) < (code, slot));
    functions.get(index).filter(|f| (f.code, f.start) == (code, slot)).map(|_| index)
}

impl Targets<'_> {
    /// What the instructions of a section refer to.
    pub(crate) fn relocations(&self, section: &Section<'_>, code: &Code) -> Result<Vec<(u32, Target)>, ParseError> {
        let mut out = Vec::with_capacity(section.relocs.len());
        for rel in &section.relocs {
            if !rel.offset.is_multiple_of(8) {
                return Err(section.error(rel.offset, ParseCause::RelocPlace));
            }
            let slot = (rel.offset / 8) as usize;
            let insn = code.insns.get(slot).ok_or_else(|| section.error(rel.offset, ParseCause::RelocPlace))?;
            let symbol = self.elf.symbol(section, *rel)?;
            let target = match insn.opcode {
                CALL => self.call(section, *rel, symbol, *insn)?,
                LDDW if slot + 1 < code.insns.len() => self.address(section, *rel, symbol, i64::from(insn.imm))?,
                _ => return Err(section.error(rel.offset, ParseCause::RelocPlace)),
            };
            out.push((slot as u32, target));
        }
        Ok(out)
    }

    fn undefined(&self, section: &Section<'_>, rel: Rel) -> Result<Target, ParseError> {
        let found = self.externs.binary_search_by_key(&(rel.symbol as usize), |e| e.0);
        found.map(Target::Extern).map_err(|_| section.error(rel.offset, ParseCause::RelocSymbol(rel.symbol)))
    }

    fn function(&self, section: &Section<'_>, rel: Rel, code: usize, byte: Option<i64>) -> Result<Target, ParseError> {
        let slot = byte.filter(|b| b % 8 == 0).map(|b| b / 8);
        let found = slot.and_then(|slot| function_at(self.functions, code, slot));
        found.map(Target::Function).ok_or_else(|| section.error(rel.offset, ParseCause::NoFunction))
    }

    /// A call: its immediate counts slots from the symbol, less one.
    fn call(&self, section: &Section<'_>, rel: Rel, symbol: &Symbol<'_>, insn: RawInsn) -> Result<Target, ParseError> {
        let code = match symbol.place {
            Place::Undefined => return self.undefined(section, rel),
            Place::Section(s) => self.codes[s],
            Place::Elsewhere => None,
        };
        let code = code.ok_or_else(|| section.error(rel.offset, ParseCause::NoFunction))?;
        let byte = i64::try_from(symbol.value).ok().and_then(|v| v.checked_add(8 * (i64::from(insn.imm) + 1)));
        self.function(section, rel, code, byte)
    }

    /// A wide load: its immediate counts bytes from the symbol.
    fn address(&self, section: &Section<'_>, rel: Rel, symbol: &Symbol<'_>, addend: i64) -> Result<Target, ParseError> {
        let place = match symbol.place {
            Place::Undefined => return self.undefined(section, rel),
            Place::Elsewhere => return Ok(Target::Unsupported(String::new())),
            Place::Section(s) => s,
        };
        let byte = i64::try_from(symbol.value).ok().and_then(|v| v.checked_add(addend));
        if let Some(code) = self.codes[place] {
            return self.function(section, rel, code, byte);
        }
        if let Some(map) = self.maps.data[place] {
            return byte.map(|offset| Target::Data { map, offset }).ok_or_else(|| section.error(rel.offset, ParseCause::NoMap));
        }
        if !self.maps.defines(place) {
            return Ok(Target::Unsupported(self.elf.sections[place].name.to_owned()));
        }
        let map = byte.and_then(|byte| self.maps.at(place, u64::try_from(byte).ok()?));
        map.map(Target::Map).ok_or_else(|| section.error(rel.offset, ParseCause::NoMap))
    }
}

/// Hands each code section its functions, lines and CO-RE relocations from `.BTF.ext`, in order and counted in slots.
pub(crate) fn distribute(codes: &mut [Code], btf: &Btf<'_>, ext: &BtfExt<'_>) {
    let slot = |byte: u32| byte / 8;
    for code in codes.iter_mut() {
        let is_it = |name_off: u32| btf.str(name_off) == Some(code.name.as_str());
        let within = |byte: u32| (slot(byte) as usize) < code.insns.len();
        let funcs = ext.func_info().filter(|(sec, _)| is_it(*sec)).flat_map(|(_, i)| i);
        code.funcs = funcs.filter(|f| within(f.insn_off)).map(|f| FuncInfo { insn_off: slot(f.insn_off), ..f }).collect();
        let lines = ext.line_info().filter(|(sec, _)| is_it(*sec)).flat_map(|(_, i)| i);
        code.lines = lines.filter(|l| within(l.insn_off)).map(|l| LineInfo { insn_off: slot(l.insn_off), ..l }).collect();
        let core = ext.core_relo().filter(|(sec, _)| is_it(*sec)).flat_map(|(_, i)| i);
        code.core = core.filter(|r| within(r.insn_off)).map(|r| CoreRelo { insn_off: slot(r.insn_off), ..r }).collect();
        code.funcs.sort_by_key(|f| f.insn_off);
        code.lines.sort_by_key(|l| l.insn_off);
        code.core.sort_by_key(|r| r.insn_off);
    }
}
