//! The same objects read by others: aya-obj for programs and maps, llvm-objdump-19 for instructions, llvm-readelf-19 for sections.
mod common;

use std::{collections::HashSet, process::Command};

use axbpf_isa::{InsnIdx, RawInsn, opcode::*};
use axbpf_loader::{MapSpec, ObjectSpec, Resolver};
use common::{SOURCES, compile, compile_to, run};

/// Gives each map the descriptor that aya-obj is told, and each symbol an answer.
struct Fds;

const FIRST_FD: i32 = 100;

impl Resolver for Fds {
    fn map(&mut self, index: usize, _: &MapSpec) -> Option<i32> {
        Some(FIRST_FD + index as i32)
    }
    fn ksym(&mut self, _: &str) -> Option<u64> {
        Some(0)
    }
}

/// What aya-obj can read: it refuses what legacy.bpf.c is for, and knows neither kfuncs nor several of the sections and maps.
const READABLE: [&str; 4] = ["maps", "calls", "core", "kprobe"];
const ARGS: &[&str] = &["-DPLAIN", "-DTEXT_ONLY"];

#[test]
fn aya_obj_sees_the_same_maps_and_programs() {
    for name in READABLE {
        let bytes = compile(name, ARGS);
        let ours = ObjectSpec::parse(&bytes).unwrap();
        let theirs = aya_obj::Object::parse(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        // Without a license it takes GPL.
        assert!(ours.license.is_empty() || theirs.license.to_str().unwrap() == ours.license);
        let mut names: Vec<_> = ours.programs.iter().map(|p| p.name.clone()).collect();
        let mut expected: Vec<_> = theirs.programs.keys().cloned().collect();
        names.sort();
        expected.sort();
        assert_eq!(names, expected, "{name}");
        for (map_name, map) in &theirs.maps {
            let (_, m) = ours.map(map_name).unwrap_or_else(|| panic!("{name}: no map {map_name}"));
            assert_eq!((m.map_type, m.max_entries), (map.map_type(), map.max_entries()), "{name} {map_name}");
            assert_eq!((m.key_size, m.map_flags), (map.key_size(), map.map_flags()), "{name} {map_name}");
            assert_eq!(m.value_size, map.value_size(), "{name} {map_name}");
        }
        assert_eq!(ours.maps.len(), theirs.maps.len(), "{name}");
    }
}

#[test]
fn aya_obj_links_the_same_instructions() {
    for (name, compared) in [("maps", 2), ("kprobe", 2), ("calls", 4)] {
        let bytes = compile(name, ARGS);
        let ours = ObjectSpec::parse(&bytes).unwrap();
        let mut theirs = aya_obj::Object::parse(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        let text: HashSet<usize> = theirs.functions.keys().map(|k| k.0).collect();
        let maps = theirs.maps.clone();
        let fds = maps.iter().map(|(n, m)| (n.as_str(), FIRST_FD + ours.map(n).unwrap().0 as i32, m));
        theirs.relocate_maps(fds, &text).unwrap();
        theirs.relocate_calls(&text).unwrap();
        let mut seen = 0;
        for program in &ours.programs {
            let linked = ours.link(&program.name, &mut Fds).unwrap();
            let function = &theirs.functions[&theirs.programs[&program.name].function_key()];
            assert_eq!(linked.insns.len(), function.instructions.len(), "{name} {}", program.name);
            for (at, i) in function.instructions.iter().enumerate() {
                let theirs = RawInsn::new(i.code, i.dst_reg(), i.src_reg(), i.off, i.imm);
                assert_eq!(theirs, linked.insns[at], "{name} {} insn {at}", program.name);
            }
            seen += 1;
        }
        assert!(seen >= compared, "{name}");
    }
}

/// Slots by llvm-objdump: section, slot, bytes; wide loads are printed with their 16 bytes.
fn objdump(object: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let text = run(Command::new("llvm-objdump-19").arg("-d").arg(object));
    let mut sections: Vec<(String, Vec<u8>)> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("Disassembly of section ") {
            sections.push((name.trim_end_matches(':').to_string(), Vec::new()));
        } else if let Some((_, rest)) = line.split_once(":\t")
            && let Some((_, bytes)) = sections.last_mut()
        {
            let hex = rest.split('\t').next().unwrap();
            bytes.extend(hex.split(' ').map(|b| u8::from_str_radix(b, 16).unwrap()));
        }
    }
    sections
}

#[test]
fn llvm_objdump_sees_the_same_functions() {
    for name in SOURCES {
        let path = compile_to(name, &[]);
        let ours = ObjectSpec::parse(&std::fs::read(&path).unwrap()).unwrap();
        let sections = objdump(&path);
        let symbols = run(Command::new("llvm-readelf-19").args(["-s", "-W"]).arg(&path));
        std::fs::remove_file(&path).unwrap();
        for program in &ours.programs {
            // "Num: Value Size FUNC GLOBAL DEFAULT Ndx Name"
            let fields =
                symbols.lines().map(|l| l.split_whitespace().collect::<Vec<_>>()).find(|f| f.last() == Some(&program.name.as_str()));
            let fields = fields.unwrap_or_else(|| panic!("{name}: {}", program.name));
            let (start, len) = (usize::from_str_radix(fields[1], 16).unwrap(), fields[2].parse::<usize>().unwrap());
            assert_eq!((fields[3], len), ("FUNC", 8 * program.slots as usize));
            let (_, bytes) = sections.iter().find(|(s, _)| *s == program.section).unwrap_or_else(|| panic!("{name}: {}", program.section));
            let expected: Vec<RawInsn> = bytes[start..start + len].as_chunks().0.iter().map(|b| RawInsn::from_bytes(*b)).collect();
            let Ok(linked) = ours.link(&program.name, &mut Fds) else { continue };
            let changed = |insn: &RawInsn| insn.opcode == LDDW || insn.opcode == CALL;
            let poisoned = |at: usize| linked.unresolved_at(InsnIdx(at as u32)).is_some();
            let mut second = false;
            for (at, theirs) in expected.iter().enumerate() {
                if !changed(theirs) && !second && !poisoned(at) && name != "core" {
                    assert_eq!(*theirs, linked.insns[at], "{name} {} insn {at}", program.name);
                }
                second = !second && theirs.opcode == LDDW;
            }
        }
    }
}
