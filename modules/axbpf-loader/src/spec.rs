use alloc::{
    borrow::{Cow, ToOwned},
    string::String,
    vec::Vec,
};

use axbpf_btf::{Btf, BtfExt, LineInfo};

use crate::{
    Extern, ExternKind, Initial, MapCause, MapSpec, ParseCause, ParseError, SectionDef, Variable, VariableError,
    code::{self, Code, Function, Targets},
    data,
    elf::{Content, Elf, Place},
    legacy,
    map::{self, MapPlaces},
};

/// An object as values: the same for the same bytes on every machine.
#[derive(Clone, Debug)]
pub struct ObjectSpec {
    /// Text of the section `license`; empty: there is none.
    pub license: String,
    /// Word in the section `version`: the kernel version that old kprobe programs had to name.
    pub version: Option<u32>,
    /// The maps: those of `.maps`, then of `maps` sections, then one for each section of global data, `.kconfig` last.
    pub maps: Vec<MapSpec>,
    /// The programs, in the order of their sections and places in them.
    pub programs: Vec<ProgramSpec>,
    /// What the object uses and does not define.
    pub externs: Vec<Extern>,
    /// The object's types.
    pub btf: Option<Btf<'static>>,
    pub(crate) codes: Vec<Code>,
    pub(crate) functions: Vec<Function>,
    /// The map `.kconfig`.
    pub(crate) kconfig: Option<usize>,
}

/// A program of an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProgramSpec {
    /// Name of its function.
    pub name: String,
    /// Name of its section, as it is.
    pub section: String,
    /// What the section's name says; `None`: it is not one of libbpf's, loading needs a type from elsewhere.
    pub def: Option<&'static SectionDef>,
    /// What the section's name says behind the type: function, tracepoint, path.
    pub target: Option<String>,
    /// Whether it is to be loaded without being asked for: no `?` before the section's name.
    pub autoload: bool,
    /// Its slots, without those of subprograms.
    pub slots: u32,
    pub(crate) function: usize,
}

/// A place in the source, for messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceLine<'a> {
    /// File, as the compiler was given it.
    pub file: Cow<'a, str>,
    /// Line, counted from 1.
    pub line: u32,
    /// Column, counted from 1; 0: unknown.
    pub column: u32,
    /// The line's text.
    pub text: Cow<'a, str>,
}

impl ObjectSpec {
    /// Reads an object that clang -target bpf wrote. Every error names section, byte and cause.
    pub fn parse(bytes: &[u8]) -> Result<ObjectSpec, ParseError> {
        let elf = Elf::parse(bytes)?;
        let btf_error = |section: &str| {
            let section = section.to_owned();
            move |e: axbpf_btf::BtfError| ParseError { section, offset: e.offset.into(), cause: ParseCause::Btf(e) }
        };
        let btf = elf.section(".BTF").map(|(_, s)| Btf::parse(s.data).map_err(btf_error(".BTF"))).transpose()?;
        let btf = btf.as_ref();

        let (mut maps, mut places) = (Vec::new(), MapPlaces::new(elf.sections.len()));
        for (map, definition) in map::btf_maps(&elf, btf)?.into_iter().chain(legacy::maps(&elf)?) {
            places.define(maps.len(), definition);
            maps.push(map);
        }
        for (section, map) in data::maps(&elf, btf)? {
            places.data[section] = Some(maps.len());
            maps.push(map);
        }
        let (externs, kconfig_map) = data::externs(&elf, btf)?;
        let kconfig = kconfig_map.as_ref().map(|_| maps.len());
        maps.extend(kconfig_map);

        let (mut codes, by_section) = code::sections(&elf)?;
        let functions = code::functions(&elf, &by_section)?;
        let targets = Targets { elf: &elf, maps: &places, externs: &externs, functions: &functions, codes: &by_section };
        for (section, code) in elf.sections.iter().zip(&by_section) {
            if let Some(code) = *code {
                codes[code].relocs = targets.relocations(section, &codes[code])?;
            }
        }
        if let Some((_, section)) = elf.section(".BTF.ext") {
            let btf = btf.ok_or_else(|| section.error(0, ParseCause::NoBtf))?;
            let ext = BtfExt::parse(section.data, btf).map_err(btf_error(".BTF.ext"))?;
            code::distribute(&mut codes, btf, &ext);
        }
        let programs = programs(&codes, &functions);
        initial_values(&elf, &places, &by_section, &functions, &programs, &mut maps)?;
        Ok(ObjectSpec {
            license: license(&elf)?,
            version: version(&elf)?,
            maps,
            programs,
            externs: externs.into_iter().map(|(_, e)| e).collect(),
            btf: btf.cloned().map(Btf::into_owned),
            codes,
            functions,
            kconfig,
        })
    }

    /// The program of this name.
    pub fn program(&self, name: &str) -> Option<&ProgramSpec> {
        self.programs.iter().find(|p| p.name == name)
    }

    /// The map of this name, with its index.
    pub fn map(&self, name: &str) -> Option<(usize, &MapSpec)> {
        self.maps.iter().enumerate().find(|(_, m)| m.name == name)
    }

    /// The global variable of this name, with the map that holds it.
    pub fn variable(&self, name: &str) -> Option<(usize, &Variable)> {
        let in_map = |(i, m): (usize, &'_ MapSpec)| m.data.as_ref()?.vars.iter().position(|v| v.name == name).map(|v| (i, v));
        let (map, var) = self.maps.iter().enumerate().find_map(in_map)?;
        Some((map, self.maps[map].data.as_ref()?.vars.get(var)?))
    }

    /// The initial bytes of a global variable.
    pub fn variable_bytes(&self, name: &str) -> Result<Vec<u8>, VariableError> {
        let unknown = || VariableError::Unknown(name.to_owned());
        let (map, var) = self.variable(name).ok_or_else(unknown)?;
        let bytes = self.maps[map].data.as_ref().map_or(&[][..], |d| &d.bytes);
        let held = bytes.get(var.offset as usize..).unwrap_or(&[]);
        let held = &held[..held.len().min(var.size as usize)];
        let mut out = Vec::new();
        out.try_reserve_exact(var.size as usize).map_err(|_| VariableError::Memory)?;
        out.extend_from_slice(held);
        out.resize(var.size as usize, 0);
        Ok(out)
    }

    /// Sets a global variable (`.rodata`, `.data`, `.bss`, `.kconfig`) before the object is loaded.
    pub fn set_variable(&mut self, name: &str, value: &[u8]) -> Result<(), VariableError> {
        let (map, var) = self.variable(name).ok_or_else(|| VariableError::Unknown(name.to_owned()))?;
        let (offset, size) = (var.offset as usize, var.size);
        if value.len() != size as usize {
            return Err(VariableError::Size { name: name.to_owned(), size, given: value.len() });
        }
        if let Some(data) = &mut self.maps[map].data {
            let end = offset + value.len();
            if let Some(missing) = end.checked_sub(data.bytes.len()) {
                data.bytes.try_reserve_exact(missing).map_err(|_| VariableError::Memory)?;
                data.bytes.resize(end, 0);
            }
            data.bytes[offset..end].copy_from_slice(value);
        }
        if let Some(Extern { kind: ExternKind::Kconfig { set, .. }, .. }) = self.externs.iter_mut().find(|e| e.name == name) {
            *set = true;
        }
        Ok(())
    }

    /// Answers what the object asks about the kernel (`__kconfig`): sets those of these values that it declares, in as many bytes as it
    /// declares. LINUX_KERNEL_VERSION (major << 16 | minor << 8 | patch) and LINUX_HAS_BPF_COOKIE are the ones that objects use.
    pub fn set_kconfig(&mut self, values: &[(&str, u64)]) -> Result<(), VariableError> {
        for (name, value) in values {
            if !self.externs.iter().any(|e| e.name == *name && matches!(e.kind, ExternKind::Kconfig { .. })) {
                continue;
            }
            let Some((_, var)) = self.variable(name) else { continue };
            let (bytes, size) = (value.to_le_bytes(), var.size);
            let fits = |n: &usize| *n <= 8 && bytes[*n..].iter().all(|&b| b == 0);
            let Some(len) = usize::try_from(size).ok().filter(fits) else {
                return Err(VariableError::Size { name: (*name).to_owned(), size, given: 8 });
            };
            self.set_variable(name, &bytes[..len])?;
        }
        Ok(())
    }

    /// What the source says at a line of [`LinkedProgram::line_info`](crate::LinkedProgram::line_info).
    pub fn source_line(&self, info: &LineInfo) -> Option<SourceLine<'_>> {
        let text = |off| self.btf.as_ref()?.str_bytes(off).map(String::from_utf8_lossy);
        Some(SourceLine { file: text(info.file_name_off)?, line: info.line(), column: info.column(), text: text(info.line_off)? })
    }
}

/// The functions that are programs: global ones outside `.text`. An object without any such gives those of `.text`.
fn programs(codes: &[Code], functions: &[Function]) -> Vec<ProgramSpec> {
    let spec = |(index, f): (usize, &Function)| {
        let section = codes[f.code].name.clone();
        let (def, target) = SectionDef::of(&section).unzip();
        let target = target.flatten().map(ToOwned::to_owned);
        ProgramSpec { name: f.name.clone(), autoload: !section.starts_with('?'), section, def, target, slots: f.slots, function: index }
    };
    let global = || functions.iter().enumerate().filter(|(_, f)| !f.local);
    let programs: Vec<_> = global().filter(|(_, f)| codes[f.code].name != ".text").map(spec).collect();
    if programs.is_empty() { global().map(spec).collect() } else { programs }
}

/// Reads which maps or programs stand in a map from the start: pointers in the definition's `values`.
fn initial_values(
    elf: &Elf<'_>,
    places: &MapPlaces,
    codes: &[Option<usize>],
    functions: &[Function],
    programs: &[ProgramSpec],
    maps: &mut [MapSpec],
) -> Result<(), ParseError> {
    let Some((index, section)) = elf.section(".maps") else { return Ok(()) };
    for rel in &section.relocs {
        let around = places.around(index, rel.offset);
        let (map, definition) = around.ok_or_else(|| section.error(rel.offset, ParseCause::NoMap))?;
        let name = maps[map].name.clone();
        let error = |cause| section.error(rel.offset, ParseCause::Map { map: name.clone(), cause });
        let from_values = definition.values.and_then(|at| (rel.offset - definition.offset).checked_sub(at));
        let Some(byte) = from_values.filter(|b| b.is_multiple_of(8)) else { return Err(error(MapCause::Values)) };
        let symbol = elf.symbol(section, *rel)?;
        let Place::Section(target) = symbol.place else { return Err(error(MapCause::Initial)) };
        // The word in place is the addend.
        let addend = section.data.get(rel.offset as usize..).and_then(|b| b.first_chunk()).map_or(0, |b| u64::from_le_bytes(*b));
        let at = symbol.value.wrapping_add(addend);
        let value = if let Some(code) = codes[target] {
            let function = i64::try_from(at / 8).ok().and_then(|slot| code::function_at(functions, code, slot));
            function.and_then(|f| programs.iter().position(|p| p.function == f)).map(Initial::Program)
        } else {
            places.at(target, at).map(Initial::Map)
        };
        let fits = |v: &Initial| maps[map].holds_maps() == matches!(v, Initial::Map(_));
        let value = value.filter(fits).ok_or_else(|| error(MapCause::Initial))?;
        maps[map].initial.push(((byte / 8) as u32, value));
    }
    Ok(())
}

fn license(elf: &Elf<'_>) -> Result<String, ParseError> {
    let Some((_, section)) = elf.section("license").filter(|(_, s)| s.content == Content::Data) else { return Ok(String::new()) };
    let text = section.data.split(|&b| b == 0).next().unwrap_or(&[]);
    let text = core::str::from_utf8(text).ok().filter(|t| t.len() < section.data.len());
    text.map(ToOwned::to_owned).ok_or_else(|| section.error(0, ParseCause::License))
}

fn version(elf: &Elf<'_>) -> Result<Option<u32>, ParseError> {
    let Some((_, section)) = elf.section("version").filter(|(_, s)| s.content == Content::Data) else { return Ok(None) };
    let word = section.data.first_chunk().map(|b| u32::from_le_bytes(*b));
    word.map(Some).ok_or_else(|| section.error(0, ParseCause::CutShort { what: "version" }))
}
