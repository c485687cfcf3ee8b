//! Broken objects: every answer is an error or a value, never a panic.
mod common;

use axbpf_isa::RawInsn;
use axbpf_loader::{LinkCause, MapCause, ObjectSpec, ParseCause, ParseError};
use common::{SOURCES, compile};

/// Parses and, if that succeeds, links and looks at everything.
fn walk(bytes: &[u8]) -> Result<usize, ParseError> {
    let mut object = ObjectSpec::parse(bytes).inspect_err(|e| assert!(!e.to_string().is_empty()))?;
    let names: Vec<_> = object.programs.iter().map(|p| p.name.clone()).collect();
    let mut linked_programs = 0;
    for name in names {
        let Ok(linked) = object.link(&name, &mut ()).inspect_err(|e| assert!(!e.to_string().is_empty())) else { continue };
        assert!(linked.maps.iter().all(|m| *m < object.maps.len()));
        let _ = linked.line_info.iter().map(|l| object.source_line(l)).collect::<Vec<_>>();
        linked_programs += 1;
    }
    let vars: Vec<_> = object.maps.iter().filter_map(|m| m.data.as_ref()).flat_map(|d| &d.vars).map(|v| v.name.clone()).collect();
    for var in vars {
        // A damaged size can ask for any amount of memory: only what the file could hold is looked at.
        if object.variable(&var).is_some_and(|(_, v)| v.size < 1 << 20 && v.offset < 1 << 20) {
            let value = object.variable_bytes(&var).unwrap();
            object.set_variable(&var, &value).unwrap();
        }
    }
    Ok(linked_programs)
}

#[test]
fn any_prefix_is_refused() {
    for name in SOURCES {
        let bytes = compile(name, &[]);
        walk(&bytes).unwrap();
        // The section headers stand at the end.
        for len in 0..bytes.len() {
            assert!(walk(&bytes[..len]).is_err(), "{name}: {len} bytes of {}", bytes.len());
        }
    }
}

#[test]
fn any_flipped_bit_is_survived() {
    for name in SOURCES {
        let mut bytes = compile(name, &[]);
        let mut refused = 0;
        for at in 0..bytes.len() {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                refused += u32::from(walk(&bytes).is_err());
                bytes[at] ^= 1 << bit;
            }
        }
        assert!(refused > 1000, "{name}: {refused}");
    }
}

#[test]
fn any_word_of_ones_is_survived() {
    for name in SOURCES {
        let mut bytes = compile(name, &[]);
        for at in (0..bytes.len() - 8).step_by(4) {
            for len in [2, 4, 8] {
                let kept: Vec<u8> = bytes[at..at + len].to_vec();
                bytes[at..at + len].fill(0xff);
                let _ = walk(&bytes);
                bytes[at..at + len].copy_from_slice(&kept);
            }
        }
    }
}

#[test]
fn what_is_no_bpf_object_is_named() {
    let bytes = compile("calls", &[]);
    let with = |at: usize, value: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        let e = ObjectSpec::parse(&bytes).unwrap_err();
        assert_eq!(e.section, "");
        (e.offset, e.cause)
    };
    assert_eq!(with(0, b"MZ"), (0, ParseCause::NotElf));
    assert_eq!(with(4, &[1]), (4, ParseCause::Not64Bit));
    assert_eq!(with(5, &[2]), (5, ParseCause::BigEndian));
    assert_eq!(with(16, &[2, 0]), (16, ParseCause::FileType(2)));
    assert_eq!(with(18, &[62, 0]), (18, ParseCause::Machine(62)));
    let big = compile("legacy", &["--target=bpfeb"]);
    let error = ObjectSpec::parse(&big).unwrap_err();
    assert_eq!(error.to_string(), "file, byte 0x5: big-endian object; compile with clang -target bpfel");
}

/// Says what a definition of a map is refused for.
fn map_error(definition: &str) -> ParseError {
    let args = format!("-DDEFINITION={definition}");
    ObjectSpec::parse(&compile("bad_map", &[&args])).unwrap_err()
}

#[test]
fn maps_that_cannot_be_are_named() {
    let cause = |definition| match map_error(definition) {
        ParseError { section, cause: ParseCause::Map { map, cause }, .. } if section == ".maps" && map == "bad" => cause,
        other => panic!("{definition}: {other}"),
    };
    assert_eq!(cause("__uint(max_entries, 1)"), MapCause::NoType);
    assert_eq!(cause("int type"), MapCause::Member("type".into()));
    assert_eq!(cause("__uint(type, 2); __uint(color, 1)"), MapCause::Unknown("color".into()));
    assert_eq!(cause("__uint(type, 2); __uint(key_size, 8); __type(key, int)"), MapCause::Sizes { of: "key", first: 8, second: 4 });
    assert_eq!(cause("__uint(type, 2); __array(values, int(void *))"), MapCause::Values);
    assert_eq!(cause("__uint(type, 12); __array(values, int(void *))"), MapCause::NotAStruct);
    assert_eq!(cause("__uint(type, 2); __uint(pinning, 5)"), MapCause::Member("pinning".into()));
    let unsized_key = map_error("__uint(type, 2); __type(key, struct nowhere)");
    assert!(matches!(unsized_key, ParseError { section, cause: ParseCause::Btf(_), .. } if section == ".BTF"));
    let text = map_error("__uint(max_entries, 1)").to_string();
    assert_eq!(text, "section .maps, byte 0x0: map bad: no type; add __uint(type, BPF_MAP_TYPE_...)");
}

/// An ELF file made by hand: one section of code with these slots, a symbol for each function, relocations by symbol name.
struct Handmade {
    slots: Vec<RawInsn>,
    symbols: Vec<(&'static str, u8, u16, u64, u64)>,
    relocs: Vec<(u64, u32)>,
}

const CODE: u16 = 1;
const EXIT: RawInsn = RawInsn::new(0x95, 0, 0, 0, 0);
const CALL_LOCAL: RawInsn = RawInsn::new(0x85, 0, 1, 0, -1);
const FUNC: u8 = 0x12;

impl Handmade {
    fn parse(&self) -> Result<ObjectSpec, ParseError> {
        let mut strings = vec![0u8];
        let mut string = |text: &str| {
            let at = strings.len() as u32;
            strings.extend(text.as_bytes());
            strings.push(0);
            at
        };
        let code: Vec<u8> = self.slots.iter().flat_map(|s| s.to_bytes()).collect();
        let mut symtab = vec![0u8; 24];
        for (name, info, section, value, size) in &self.symbols {
            symtab.extend(string(name).to_le_bytes());
            symtab.extend([*info, 0]);
            symtab.extend(section.to_le_bytes());
            symtab.extend(value.to_le_bytes());
            symtab.extend(size.to_le_bytes());
        }
        let rel: Vec<u8> =
            self.relocs.iter().flat_map(|(at, sym)| [at.to_le_bytes(), (u64::from(*sym) << 32 | 10).to_le_bytes()].concat()).collect();
        let names = ["kprobe/hand", ".symtab", ".strtab", ".rel"].map(&mut string);
        let mut out = vec![0u8; 64];
        let mut headers = vec![0u8; 64];
        // type, flags, link, info, entry size
        let shapes = [(1u32, 6u64, 0u32, 0u32, 0u64), (2, 0, 3, 1, 24), (3, 0, 0, 0, 0), (9, 0, 2, 1, 16)];
        for ((data, name), (kind, flags, link, info, entry)) in [code, symtab, strings, rel].iter().zip(names).zip(shapes) {
            headers.extend(name.to_le_bytes());
            headers.extend(kind.to_le_bytes());
            headers.extend([flags, 0, out.len() as u64, data.len() as u64].iter().flat_map(|w| w.to_le_bytes()));
            headers.extend(link.to_le_bytes());
            headers.extend(info.to_le_bytes());
            headers.extend([1, entry].iter().flat_map(|w: &u64| w.to_le_bytes()));
            out.extend(data);
        }
        out[..16].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
        out[16..20].copy_from_slice(&[1, 0, 247, 0]);
        out[20] = 1;
        let at = out.len() as u64;
        out[40..48].copy_from_slice(&at.to_le_bytes());
        for (field, value) in [(52, 64u16), (58, 64), (60, 5), (62, 3)] {
            out[field..field + 2].copy_from_slice(&value.to_le_bytes());
        }
        out.extend(headers);
        ObjectSpec::parse(&out)
    }
}

fn hand(slots: &[RawInsn], symbols: &[(&'static str, u8, u16, u64, u64)], relocs: &[(u64, u32)]) -> Result<ObjectSpec, ParseError> {
    Handmade { slots: slots.to_vec(), symbols: symbols.to_vec(), relocs: relocs.to_vec() }.parse()
}

#[test]
fn handmade_objects_have_their_causes() {
    let two = [CALL_LOCAL, EXIT, EXIT];
    let main = ("main", FUNC, CODE, 0, 16);
    let sub = ("sub", FUNC, CODE, 16, 8);
    let model = hand(&two, &[main, sub], &[(0, 2)]).unwrap();
    assert_eq!(model.link("main", &mut ()).unwrap().insns.len(), 3);

    let refused = |slots: &[RawInsn], symbols: &[_], relocs: &[_]| {
        let e = hand(slots, symbols, relocs).unwrap_err();
        (e.section, e.offset, e.cause)
    };
    let code = |offset, cause| ("kprobe/hand".to_string(), offset, cause);
    let function = |name: &str| ParseCause::Function { name: name.into() };
    assert_eq!(refused(&two, &[("main", FUNC, CODE, 0, 32)], &[]), code(0, function("main")));
    assert_eq!(refused(&two, &[("main", FUNC, CODE, 4, 8)], &[]), code(4, function("main")));
    assert_eq!(refused(&two, &[("main", FUNC, CODE, 8, u64::MAX - 7)], &[]), code(8, function("main")));
    assert_eq!(refused(&two, &[("main", FUNC, CODE, 8, 0)], &[]), code(8, function("main")));
    assert_eq!(refused(&two, &[main], &[(8, 1)]), code(8, ParseCause::RelocPlace));
    assert_eq!(refused(&two, &[main], &[(4, 1)]), code(4, ParseCause::RelocPlace));
    assert_eq!(refused(&two, &[main, sub], &[(0, 2), (0, 1)]), code(0, ParseCause::RelocTwice));
    assert_eq!(
        refused(&two, &[main, ("mid", FUNC, CODE, 8, 16), ("label", 0x10, CODE, 16, 0)], &[(0, 3)]),
        code(0, ParseCause::NoFunction)
    );
    let (section, _, cause) = refused(&two, &[main], &[(0, 9)]);
    assert_eq!((section.as_str(), cause), (".rel", ParseCause::RelocSymbol(9)));
    let (section, _, cause) = refused(&two, &[main], &[(24, 1)]);
    assert_eq!((section.as_str(), cause), (".rel", ParseCause::Malformed { what: "place of a relocation" }));
    let (section, offset, _) = refused(&two, &[("main", FUNC, 77, 0, 16)], &[]);
    assert_eq!((section.as_str(), offset), (".symtab", 24));
}

#[test]
fn programs_that_cannot_be_linked_have_their_causes() {
    let main = ("main", FUNC, CODE, 0, 16);
    let cause =
        |slots: &[RawInsn], symbols: &[_], relocs: &[_]| hand(slots, symbols, relocs).unwrap().link("main", &mut ()).unwrap_err().cause;
    // A call without a relocation into the middle of nothing.
    assert_eq!(cause(&[RawInsn::new(0x85, 0, 1, 0, 5), EXIT], &[main], &[]), LinkCause::NoFunction);
    let undefined = ("gone", 0x10, 0, 0, 0);
    let unresolved = LinkCause::Unresolved { name: "gone".into(), kind: "symbol" };
    assert_eq!(cause(&[CALL_LOCAL, EXIT], &[main, undefined], &[(0, 2)]), unresolved);
    let lddw = RawInsn::new(0x18, 1, 0, 0, 0);
    let absolute = ("here", 0x10, 0xfff1, 4096, 0);
    let wide = [lddw, RawInsn::default(), EXIT];
    let main = ("main", FUNC, CODE, 0, 24);
    assert_eq!(cause(&wide, &[main, absolute], &[(0, 2)]), LinkCause::Unsupported { section: String::new() });
    let into_symtab = ("table", 0x10, 2, 0, 0);
    assert_eq!(cause(&wide, &[main, into_symtab], &[(0, 2)]), LinkCause::Unsupported { section: ".symtab".into() });
}

#[test]
fn half_a_wide_load_at_the_end_is_kept_for_the_verifier() {
    let object = hand(&[RawInsn::new(0x18, 1, 0, 0, 0)], &[("main", FUNC, CODE, 0, 8)], &[]).unwrap();
    assert_eq!(object.link("main", &mut ()).unwrap().insns.len(), 1);
}

#[test]
fn functions_that_call_each_other_in_a_circle_are_joined_once() {
    let slots = [CALL_LOCAL, EXIT, CALL_LOCAL, EXIT];
    let symbols = [("main", FUNC, CODE, 0, 16), ("back", FUNC, CODE, 16, 16)];
    let linked = hand(&slots, &symbols, &[(0, 2), (16, 1)]).unwrap().link("main", &mut ()).unwrap();
    assert_eq!(linked.insns.len(), 4);
    assert_eq!((linked.insns[0].imm, linked.insns[2].imm), (1, -3));
}

#[test]
fn a_long_chain_of_calls_needs_no_stack() {
    const FUNCTIONS: u64 = 60_000;
    let slots: Vec<_> = (0..FUNCTIONS).flat_map(|i| [RawInsn::new(0x85, 0, 1, 0, if i + 1 == FUNCTIONS { -1 } else { 1 }), EXIT]).collect();
    let symbols: Vec<_> = (0..FUNCTIONS).map(|i| (if i == 0 { "main" } else { "f" }, FUNC, CODE, 16 * i, 16)).collect();
    let mut symbols_and_last = symbols;
    symbols_and_last[FUNCTIONS as usize - 1].0 = "last";
    let error = hand(&slots, &symbols_and_last, &[]).unwrap().link("main", &mut ());
    // The last function calls its own first slot: itself.
    assert_eq!(error.unwrap().insns.len(), slots.len());
}

#[test]
fn a_section_without_typed_symbols_is_one_function() {
    let object = hand(&[EXIT, EXIT], &[("old_style", 0x10, CODE, 0, 0)], &[]).unwrap();
    assert_eq!(object.programs.iter().map(|p| (p.name.as_str(), p.slots)).collect::<Vec<_>>(), [("old_style", 2)]);
}
