//! `axbpf embed`: writes the symbols of a linked kernel into its section `.ksyms`, in place.
use std::{
    fs::{self, OpenOptions},
    io::{Seek as _, SeekFrom, Write as _},
    process::ExitCode,
};

use axkprobe::symbols;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind, SymbolKind};

use crate::{Failure, args::Args};

/// Status when the section is too small: its size has to be this much, and the kernel linked again.
const TOO_SMALL: u8 = 3;

pub fn run(args: Args) -> Result<ExitCode, Failure> {
    let path = args.operand("KERNEL.elf")?;
    let unusable = |e: &dyn std::fmt::Display| Failure::unusable(format!("{path}: {e}"));
    let bytes = fs::read(&path).map_err(|e| unusable(&e))?;
    let elf = object::File::parse(&*bytes).map_err(|e| unusable(&e))?;
    let (offset, room) = section(&elf).map_err(|e| unusable(&e))?;
    let named = named(&elf);
    if named.is_empty() {
        return Err(unusable(&"no symbols; link without --strip-all"));
    }
    let end = elf.sections().filter(|s| s.kind() == SectionKind::Text).map(|s| s.address() + s.size()).max().unwrap_or(0);
    let list: Vec<(u64, &str)> = named.iter().map(|(address, name)| (*address, name.as_str())).collect();
    let mut table = symbols::write(&list, end).ok_or_else(|| unusable(&"its code spans more than 4 GiB"))?;
    if table.len() as u64 > room {
        println!("{}", table.len());
        return Ok(ExitCode::from(TOO_SMALL));
    }
    // What is left of an earlier, longer table must not stay.
    table.resize(room as usize, 0);
    let mut file = OpenOptions::new().write(true).open(&path).map_err(|e| unusable(&e))?;
    file.seek(SeekFrom::Start(offset)).and_then(|_| file.write_all(&table)).map_err(|e| unusable(&e))?;
    Ok(ExitCode::SUCCESS)
}

/// Place and size of `.ksyms` in the file.
fn section(elf: &object::File<'_>) -> Result<(u64, u64), String> {
    let add = "link with the script of axbpf-build (axbpf_build::link() in build.rs)";
    let section = elf.section_by_name(".ksyms").ok_or_else(|| format!("no section .ksyms; {add}"))?;
    section.file_range().ok_or_else(|| format!("section .ksyms has no place in the file; {add}"))
}

/// Address and readable name of everything that stands in code, by address, each once.
fn named(elf: &object::File<'_>) -> Vec<(u64, String)> {
    let in_text = |s: &object::Symbol<'_, '_>| {
        let section = s.section_index().and_then(|i| elf.section_by_index(i).ok());
        section.is_some_and(|section| section.kind() == SectionKind::Text)
    };
    // Labels of assembly code have no type and are wanted too.
    let wanted = |s: &object::Symbol<'_, '_>| matches!(s.kind(), SymbolKind::Text | SymbolKind::Label | SymbolKind::Unknown);
    let mut out: Vec<(u64, String)> = elf
        .symbols()
        .filter(|s| s.is_definition() && wanted(s) && in_text(s))
        .filter_map(|s| Some((s.address(), s.name().ok()?)))
        // Local labels, and the marks of code and data in a section ($x, $d).
        .filter(|(_, name)| !name.is_empty() && !name.starts_with(".L") && !name.starts_with('$'))
        .map(|(address, name)| (address, symbols::readable(name)))
        .collect();
    out.sort();
    out.dedup();
    out
}
