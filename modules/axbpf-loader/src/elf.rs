//! The ELF file as sections, symbols and relocations: every table is checked here, so that the rest works on values.
use alloc::{borrow::ToOwned, vec::Vec};

use object::{
    LittleEndian as LE,
    elf::{self, FileHeader64},
    read::elf::{FileHeader as _, Rel as _, SectionHeader as _, SectionTable, Sym as _},
};

use crate::{ParseCause, ParseError};

type Header = FileHeader64<LE>;

/// What a section holds, as far as BPF is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Content {
    /// Instructions.
    Code,
    /// Bytes.
    Data,
    /// Zeroes that the file does not hold.
    Zeroes,
    /// Anything else: tables of ELF itself.
    Other,
}

#[derive(Debug)]
pub(crate) struct Section<'a> {
    pub(crate) name: &'a str,
    pub(crate) content: Content,
    /// Empty for [`Content::Zeroes`].
    pub(crate) data: &'a [u8],
    pub(crate) size: u64,
    /// Sorted by offset.
    pub(crate) relocs: Vec<Rel>,
}

impl Section<'_> {
    pub(crate) fn error(&self, offset: u64, cause: ParseCause) -> ParseError {
        ParseError { section: self.name.to_owned(), offset, cause }
    }
}

/// A relocation: what stands at `offset` refers to `symbol`. Its type adds nothing: place and symbol decide, and old compilers wrote type 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rel {
    pub(crate) offset: u64,
    pub(crate) symbol: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SymbolKind {
    NoType,
    Object,
    Function,
    Section,
    Other,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbol<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: SymbolKind,
    pub(crate) place: Place,
    pub(crate) value: u64,
    pub(crate) size: u64,
    pub(crate) local: bool,
    pub(crate) weak: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Undefined,
    Section(usize),
    /// Absolute, common: places that BPF does not have.
    Elsewhere,
}

#[derive(Debug)]
pub(crate) struct Elf<'a> {
    pub(crate) sections: Vec<Section<'a>>,
    pub(crate) symbols: Vec<Symbol<'a>>,
}

const fn in_file(offset: u64, cause: ParseCause) -> ParseError {
    ParseError { section: alloc::string::String::new(), offset, cause }
}

impl<'a> Elf<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Elf<'a>, ParseError> {
        let header = header(bytes)?;
        let malformed = |what| move |_| in_file(0, ParseCause::Malformed { what });
        let table = header.sections(LE, bytes).map_err(malformed("section header table"))?;

        let mut sections = Vec::with_capacity(table.len());
        let mut symbol_table = None;
        for (index, raw) in table.enumerate() {
            let name = table.section_name(LE, raw).ok().and_then(|n| core::str::from_utf8(n).ok());
            let at = header.e_shoff(LE) + 64 * index.0 as u64;
            let name = name.ok_or(in_file(at, ParseCause::Name))?;
            let data =
                raw.data(LE, bytes).map_err(|_| in_file(raw.sh_offset(LE), ParseCause::CutShort { what: "contents of a section" }))?;
            let content = match raw.sh_type(LE) {
                elf::SHT_NOBITS => Content::Zeroes,
                elf::SHT_PROGBITS if raw.sh_flags(LE).contains(elf::SHF_EXECINSTR) => Content::Code,
                elf::SHT_PROGBITS => Content::Data,
                _ => Content::Other,
            };
            if raw.sh_type(LE) == elf::SHT_SYMTAB && symbol_table.replace(index).is_some() {
                return Err(in_file(at, ParseCause::SecondSymbolTable));
            }
            sections.push(Section { name, content, data, size: raw.sh_size(LE), relocs: Vec::new() });
        }
        let symbols = symbols(bytes, &table)?;
        relocations(bytes, &table, &mut sections, symbols.len())?;
        Ok(Elf { sections, symbols })
    }

    /// The section of this name.
    pub(crate) fn section(&self, name: &str) -> Option<(usize, &Section<'a>)> {
        self.sections.iter().enumerate().find(|(_, s)| s.name == name)
    }

    /// Symbols that stand in this section, except those that stand for a section or a file.
    pub(crate) fn symbols_in(&self, section: usize) -> impl Iterator<Item = &Symbol<'a>> {
        let named = |s: &&Symbol<'_>| matches!(s.kind, SymbolKind::NoType | SymbolKind::Object | SymbolKind::Function);
        self.symbols.iter().filter(move |s| s.place == Place::Section(section)).filter(named)
    }

    /// The symbol of a relocation; `parse` has checked that it is there.
    pub(crate) fn symbol(&self, section: &Section<'_>, rel: Rel) -> Result<&Symbol<'a>, ParseError> {
        self.symbols.get(rel.symbol as usize).ok_or_else(|| section.error(rel.offset, ParseCause::RelocSymbol(rel.symbol)))
    }
}

/// Checks what kind of file this is.
fn header(bytes: &[u8]) -> Result<&Header, ParseError> {
    if bytes.get(..4) != Some(&elf::ELFMAG) {
        return Err(in_file(0, ParseCause::NotElf));
    }
    if bytes.get(4).is_some_and(|&class| class != elf::ELFCLASS64.0) {
        return Err(in_file(4, ParseCause::Not64Bit));
    }
    if bytes.get(5) == Some(&elf::ELFDATA2MSB.0) {
        return Err(in_file(5, ParseCause::BigEndian));
    }
    if bytes.len() < size_of::<Header>() {
        return Err(in_file(bytes.len() as u64, ParseCause::CutShort { what: "header" }));
    }
    let header = Header::parse(bytes).map_err(|_| in_file(0, ParseCause::Malformed { what: "header" }))?;
    // EM_NONE: what clang wrote before BPF had a number.
    let machine = header.e_machine(LE);
    if machine != elf::EM_BPF && machine != elf::EM_NONE {
        return Err(in_file(18, ParseCause::Machine(machine.0)));
    }
    if header.e_type(LE) != elf::ET_REL {
        return Err(in_file(16, ParseCause::FileType(header.e_type(LE).0)));
    }
    Ok(header)
}

fn symbols<'a>(bytes: &'a [u8], table: &SectionTable<'a, Header>) -> Result<Vec<Symbol<'a>>, ParseError> {
    let malformed = |what| in_file(0, ParseCause::Malformed { what });
    let raw = table.symbols(LE, bytes, elf::SHT_SYMTAB).map_err(|_| malformed("symbol table"))?;
    let mut symbols = Vec::with_capacity(raw.len());
    for (index, s) in raw.enumerate() {
        let name = raw.symbol_name(LE, s).ok().and_then(|n| core::str::from_utf8(n).ok());
        let name = name.ok_or(ParseError { section: ".symtab".to_owned(), offset: 24 * index.0 as u64, cause: ParseCause::Name })?;
        let place = match raw.symbol_section(LE, s, index) {
            Ok(Some(section)) if section.0 < table.len() => Place::Section(section.0),
            Ok(None) if s.is_undefined(LE) => Place::Undefined,
            Ok(None) => Place::Elsewhere,
            _ => {
                let cause = ParseCause::Malformed { what: "section of a symbol" };
                return Err(ParseError { section: ".symtab".to_owned(), offset: 24 * index.0 as u64, cause });
            }
        };
        let kind = match s.st_type() {
            elf::STT_NOTYPE => SymbolKind::NoType,
            elf::STT_OBJECT => SymbolKind::Object,
            elf::STT_FUNC => SymbolKind::Function,
            elf::STT_SECTION => SymbolKind::Section,
            _ => SymbolKind::Other,
        };
        let (value, size) = (s.st_value(LE), s.st_size(LE));
        symbols.push(Symbol { name, kind, place, value, size, local: s.is_local(), weak: s.is_weak() });
    }
    Ok(symbols)
}

/// Hands each section its relocations, in order.
fn relocations<'a>(
    bytes: &'a [u8],
    table: &SectionTable<'a, Header>,
    sections: &mut [Section<'a>],
    symbol_count: usize,
) -> Result<(), ParseError> {
    for (index, raw) in table.enumerate() {
        let target = raw.sh_info(LE) as usize;
        let name = sections[index.0].name;
        let error = |offset, cause| ParseError { section: name.to_owned(), offset, cause };
        let wanted =
            sections.get(target).is_some_and(|s| matches!(s.content, Content::Code | Content::Data) && !s.name.starts_with(".debug"));
        if raw.sh_type(LE) == elf::SHT_RELA && wanted {
            return Err(error(0, ParseCause::Rela));
        }
        let Some((rels, _)) = raw.rel(LE, bytes).map_err(|_| error(0, ParseCause::Malformed { what: "relocation table" }))? else {
            continue;
        };
        if target >= sections.len() {
            return Err(error(0, ParseCause::Malformed { what: "target of the relocation table" }));
        }
        if !wanted {
            continue;
        }
        let section = &mut sections[target];
        for (i, rel) in rels.iter().enumerate() {
            let (offset, symbol) = (rel.r_offset(LE), rel.r_sym(LE));
            if symbol as usize >= symbol_count {
                return Err(error(16 * i as u64, ParseCause::RelocSymbol(symbol)));
            }
            if offset >= section.size {
                return Err(error(16 * i as u64, ParseCause::Malformed { what: "place of a relocation" }));
            }
            section.relocs.push(Rel { offset, symbol });
        }
        section.relocs.sort_by_key(|r| r.offset);
        if let Some(pair) = section.relocs.windows(2).find(|w| w[0].offset == w[1].offset) {
            return Err(section.error(pair[0].offset, ParseCause::RelocTwice));
        }
    }
    Ok(())
}
