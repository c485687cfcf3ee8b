use alloc::string::String;
use core::fmt;

use axbpf_abi::MAX_INSNS;
use axbpf_btf::BtfError;
use axbpf_isa::InsnIdx;

/// Why bytes are not an object that can be used: where, and what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError {
    /// Section at fault; empty: the file's own headers.
    pub section: String,
    /// Byte in that section, or in the file.
    pub offset: u64,
    /// What is wrong there.
    pub cause: ParseCause,
}

/// Causes of a [`ParseError`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ParseCause {
    /// The file does not begin like ELF.
    NotElf,
    /// ELF of 32 bits.
    Not64Bit,
    /// A big-endian object.
    BigEndian,
    /// ELF for another machine.
    Machine(u16),
    /// Not a relocatable object (ET_REL).
    FileType(u16),
    /// ELF headers or tables that contradict each other.
    Malformed {
        /// Which part.
        what: &'static str,
    },
    /// A part reaches beyond what holds it.
    CutShort {
        /// Which part.
        what: &'static str,
    },
    /// A name that is not UTF-8, or lies outside its strings.
    Name,
    /// Two symbol tables.
    SecondSymbolTable,
    /// Code whose size is not a multiple of 8 bytes.
    CodeSize(u64),
    /// A function whose symbol does not fit its section.
    Function {
        /// Its name.
        name: String,
    },
    /// BTF that is broken; the offset is in it.
    Btf(BtfError),
    /// `.BTF.ext` or `.maps` without `.BTF`.
    NoBtf,
    /// Relocations with explicit addends: BPF objects have none.
    Rela,
    /// A relocation that names a symbol which does not exist.
    RelocSymbol(u32),
    /// A relocation of something that takes none.
    RelocPlace,
    /// A second relocation of the same place.
    RelocTwice,
    /// A call or function pointer that leads to no function's start.
    NoFunction,
    /// A pointer into a section of maps that leads to no map.
    NoMap,
    /// A map that cannot be used.
    Map {
        /// Its name.
        map: String,
        /// Why.
        cause: MapCause,
    },
    /// Data of 4 GiB or more: the value of a map is smaller.
    DataSize(u64),
    /// A license that is not text.
    License,
}

/// What can be wrong with the definition of a map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MapCause {
    /// BTF does not describe a struct.
    NotAStruct,
    /// A member whose type does not say what it should.
    Member(String),
    /// A member that is unknown.
    Unknown(String),
    /// Two members give sizes that differ.
    Sizes {
        /// `key` or `value`.
        of: &'static str,
        /// One of them, in bytes.
        first: u32,
        /// The other one.
        second: u32,
    },
    /// No type is given.
    NoType,
    /// Initial values in a map that takes none.
    Values,
    /// An initial value that is neither a map nor a program.
    Initial,
    /// A definition in a `maps` section that is shorter than its five words.
    Legacy {
        /// Bytes of each definition: size of the section / number of maps.
        stride: u64,
    },
    /// A definition in a `maps` section names an inner map that is not there.
    Inner(u32),
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.section.as_str(), &self.cause) {
            ("", cause) => write!(f, "file, byte {:#x}: {cause}", self.offset),
            (section, cause) => write!(f, "section {section}, byte {:#x}: {cause}", self.offset),
        }
    }
}

impl fmt::Display for ParseCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ParseCause::*;
        match self {
            NotElf => f.write_str("no ELF file; an object that clang -target bpf wrote is needed"),
            Not64Bit => f.write_str("ELF of 32 bits; compile with clang -target bpf"),
            BigEndian => f.write_str("big-endian object; compile with clang -target bpfel"),
            Machine(m) => write!(f, "ELF for machine {m}, not for BPF (247); compile with clang -target bpf"),
            FileType(t) => write!(f, "ELF file of type {t} is not a relocatable object (1); compile with -c and do not link"),
            Malformed { what } => write!(f, "{what} malformed"),
            CutShort { what } => write!(f, "{what} cut short"),
            Name => f.write_str("name outside its strings, or not utf-8"),
            SecondSymbolTable => f.write_str("second symbol table"),
            CodeSize(n) => write!(f, "{n} bytes of code are not a multiple of 8"),
            Function { name } => write!(f, "function {name} does not fit its section"),
            Btf(e) => e.cause.fmt(f),
            NoBtf => f.write_str("no .BTF section describes this; compile with -g"),
            Rela => f.write_str("relocations with addends, which BPF does not have"),
            RelocSymbol(n) => write!(f, "relocation by symbol {n}, which does not exist"),
            RelocPlace => f.write_str("relocation of what is neither a call nor a wide load"),
            RelocTwice => f.write_str("second relocation of the same place"),
            NoFunction => f.write_str("no function begins where this leads"),
            NoMap => f.write_str("no map begins where this leads"),
            Map { map, cause } => write!(f, "map {map}: {cause}"),
            DataSize(n) => write!(f, "{n} bytes of data exceed a map's value"),
            License => f.write_str("license is not text that ends with a zero byte"),
        }
    }
}

impl fmt::Display for MapCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MapCause::NotAStruct => f.write_str("not described as a struct; define it with __uint, __type and __array of bpf_helpers.h"),
            MapCause::Member(m) => write!(f, "member {m} does not have the form that __uint, __type or __array give it"),
            MapCause::Unknown(m) => write!(f, "member {m} is unknown"),
            MapCause::Sizes { of, first, second } => write!(f, "{of} is given {first} bytes and {second} bytes"),
            MapCause::NoType => f.write_str("no type; add __uint(type, BPF_MAP_TYPE_...)"),
            MapCause::Values => f.write_str("only maps of maps and program arrays have initial values, inner maps none"),
            MapCause::Initial => f.write_str("initial value is neither a map nor a program"),
            MapCause::Legacy { stride } => write!(f, "definitions of {stride} bytes; at least 20 are needed"),
            MapCause::Inner(n) => write!(f, "inner map {n} does not exist"),
        }
    }
}

impl core::error::Error for ParseError {}

/// Why a program of an object cannot be made ready to load.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkError {
    /// The program.
    pub program: String,
    /// Function and slot in it at fault, if it is one place.
    pub at: Option<(String, InsnIdx)>,
    /// What is wrong.
    pub cause: LinkCause,
}

/// Causes of a [`LinkError`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkCause {
    /// The object has no program of this name.
    NoProgram,
    /// The section's name does not tell the program type.
    Section(String),
    /// More slots than a program may have.
    TooLong,
    /// A call or a function pointer leads to no function's start.
    NoFunction,
    /// A pointer leads outside the global data that it names.
    OutOfData {
        /// The data's section.
        section: String,
        /// Byte in it.
        offset: i64,
        /// Its size in bytes.
        size: u32,
    },
    /// A pointer into a section that holds neither code, maps nor data known here.
    Unsupported {
        /// That section.
        section: String,
    },
    /// A name that nothing defines.
    Unresolved {
        /// The name.
        name: String,
        /// What it is looked up as.
        kind: &'static str,
    },
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "program {}", self.program)?;
        if let Some((function, slot)) = &self.at {
            write!(f, ", {function} insn {slot}")?;
        }
        write!(f, ": {}", self.cause)
    }
}

impl fmt::Display for LinkCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkCause::NoProgram => f.write_str("the object has no such program"),
            LinkCause::Section(s) => write!(f, "section name {s} does not tell the program type; use one of libbpf's, or give the type"),
            LinkCause::TooLong => write!(f, "more than {MAX_INSNS} slots"),
            LinkCause::NoFunction => f.write_str("no function begins where this leads"),
            LinkCause::OutOfData { section, offset, size } => write!(f, "byte {offset} is outside the {size} bytes of {section}"),
            LinkCause::Unsupported { section } if section.is_empty() => f.write_str("symbol lies in no section"),
            LinkCause::Unsupported { section } => write!(f, "section {section} is neither code, maps, .data, .rodata nor .bss"),
            LinkCause::Unresolved { name, kind } => write!(f, "{kind} {name} is not defined anywhere"),
        }
    }
}

impl core::error::Error for LinkError {}

/// Why a global variable cannot be read or set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VariableError {
    /// There is no such variable.
    Unknown(String),
    /// The variable has another size.
    Size {
        /// Its name.
        name: String,
        /// Its size in bytes.
        size: u32,
        /// Size of what was given.
        given: usize,
    },
    /// The section is larger than the memory there is.
    Memory,
}

impl fmt::Display for VariableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VariableError::Unknown(name) => write!(f, "the object has no global variable {name}"),
            VariableError::Size { name, size, given } => write!(f, "variable {name} has {size} bytes, {given} were given"),
            VariableError::Memory => f.write_str("no memory for the section's data"),
        }
    }
}

impl core::error::Error for VariableError {}
