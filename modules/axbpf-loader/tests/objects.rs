//! What objects say, against what their sources say.
mod common;

use axbpf_abi::{
    AttachType, MapType, ProgType,
    flags::{BPF_F_NO_PREALLOC, BPF_F_RDONLY_PROG},
};
use axbpf_isa::{InsnIdx, RawInsn, opcode::*};
use axbpf_loader::{
    ExternKind, Initial, LinkCause, LinkedProgram, MapSpec, ObjectSpec, Pinning, Resolver, SectionDef, VariableError, section_defs,
};
use common::{compile, link, object};

fn map<'a>(object: &'a ObjectSpec, name: &str) -> &'a MapSpec {
    object.map(name).unwrap_or_else(|| panic!("no map {name}")).1
}

/// The maps that wide loads refer to: name, and byte of the value.
fn map_loads<'a>(object: &'a ObjectSpec, linked: &LinkedProgram) -> Vec<(&'a str, Option<i32>)> {
    let loads = linked.insns.windows(2).filter(|w| w[0].opcode == LDDW);
    let name = |insn: RawInsn| object.maps[linked.maps[insn.imm as usize]].name.as_str();
    loads
        .filter_map(|w| match w[0].src() {
            PSEUDO_MAP_IDX => Some((name(w[0]), None)),
            PSEUDO_MAP_IDX_VALUE => Some((name(w[0]), Some(w[1].imm))),
            _ => None,
        })
        .collect()
}

#[test]
fn btf_maps_have_every_field() {
    let object = object("maps");
    let names: Vec<_> = object.maps.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names.len(), 10, "{names:?}");
    let numbers = |m: &MapSpec| (m.kind().unwrap(), m.key_size, m.value_size, m.max_entries, m.map_flags);
    let by_type = map(&object, "by_type");
    assert_eq!(numbers(by_type), (MapType::Hash, 16, 8, 100, BPF_F_NO_PREALLOC));
    assert_eq!(by_type.pinning, Pinning::ByName);
    assert_eq!(object.btf.as_ref().unwrap().ty(by_type.btf_key_type_id).unwrap().name, "key");
    assert_eq!(numbers(map(&object, "by_size")), (MapType::LruHash, 4, 24, 10, 0));
    assert_eq!(map(&object, "by_size").numa_node, Some(1));
    assert_eq!(numbers(map(&object, "bloom")), (MapType::BloomFilter, 0, 4, 1000, 0));
    assert_eq!(map(&object, "bloom").map_extra, 0x3_0000_0005);
    assert_eq!(numbers(map(&object, "ring")), (MapType::Ringbuf, 0, 0, 1 << 16, 0));
    assert_eq!(numbers(map(&object, "hidden")), (MapType::Array, 4, 4, 3, 0));
    assert_eq!(map(&object, "hidden").pinning, Pinning::None);
}

#[test]
fn maps_of_maps_and_programs_are_initialised() {
    let object = object("maps");
    let index = |name| object.map(name).unwrap().0;
    let outer = map(&object, "outer");
    assert_eq!((outer.key_size, outer.value_size), (4, 4));
    let inner = outer.inner.as_ref().unwrap();
    assert_eq!((inner.kind(), inner.value_size, inner.max_entries), (Some(MapType::Array), 16, 7));
    let mut initial = outer.initial.clone();
    initial.sort_by_key(|v| v.0);
    assert_eq!(initial, [(1, Initial::Map(index("second"))), (4, Initial::Map(index("first")))]);
    let outer_hash = map(&object, "outer_hash");
    assert_eq!((outer_hash.key_size, outer_hash.value_size), (8, 4));
    assert_eq!(outer_hash.inner.as_ref().unwrap().kind(), Some(MapType::Hash));
    let jumps = map(&object, "jumps");
    let [(2, Initial::Program(tail))] = jumps.initial[..] else { panic!("{:?}", jumps.initial) };
    assert_eq!(object.programs[tail].name, "tail");
}

#[test]
fn map_loads_name_their_maps() {
    let object = object("maps");
    let linked = link(&object, "use_maps");
    let names: Vec<_> = map_loads(&object, &linked).iter().map(|m| m.0).collect();
    assert_eq!(names, ["by_type", "ring", "by_size", "jumps", "outer"]);
    assert_eq!(linked.maps.len(), 5, "each map once");
    assert_eq!(map_loads(&object, &link(&object, "tail")), [("hidden", None)], "static map, by its section's symbol");
}

#[test]
fn a_resolver_gives_descriptors() {
    struct Fds;
    impl Resolver for Fds {
        fn map(&mut self, index: usize, map: &MapSpec) -> Option<i32> {
            (map.name != "ring").then_some(1000 + index as i32)
        }
    }
    let object = object("maps");
    let linked = object.link("use_maps", &mut Fds).unwrap();
    let loads: Vec<_> = linked.insns.iter().filter(|i| i.opcode == LDDW).map(|i| (i.src(), i.imm)).collect();
    let fd = |name| (PSEUDO_MAP_FD, 1000 + object.map(name).unwrap().0 as i32);
    assert_eq!(loads, [fd("by_type"), (PSEUDO_MAP_IDX, 1), fd("by_size"), fd("jumps"), fd("outer")]);
}

#[test]
fn globals_are_maps() {
    let mut object = object("globals");
    let names: Vec<_> = object.maps.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, [".rodata", ".data", ".data.sums", ".bss", ".kconfig"]);
    for m in &object.maps {
        let constant = matches!(m.name.as_str(), ".rodata" | ".kconfig");
        assert_eq!((m.kind(), m.key_size, m.max_entries), (Some(MapType::Array), 4, 1));
        assert_eq!((m.frozen, m.map_flags), (constant, if constant { BPF_F_RDONLY_PROG } else { 0 }), "{}", m.name);
    }
    assert_eq!(object.variable_bytes("interval").unwrap(), 17i32.to_le_bytes());
    assert_eq!(&object.variable_bytes("comm").unwrap()[..5], b"init\0");
    assert_eq!(object.variable_bytes("sums").unwrap()[8..16], 2u64.to_le_bytes());
    assert_eq!(object.variable_bytes("hits").unwrap(), [0; 8]);
    assert_eq!(object.variable_bytes("use_globals.calls").unwrap(), [0; 4]);
    let (_, hits) = object.variable("hits").unwrap();
    assert_eq!(object.btf.as_ref().unwrap().size_of(hits.type_id), Ok(8));
    let (_, calls) = object.variable("use_globals.calls").unwrap();
    assert_eq!(object.btf.as_ref().unwrap().ty(calls.type_id).unwrap().name, "int");

    object.set_variable("interval", &99i32.to_le_bytes()).unwrap();
    object.set_variable("hits", &[7; 8]).unwrap();
    assert_eq!(object.variable_bytes("interval").unwrap(), 99i32.to_le_bytes());
    assert_eq!(object.variable_bytes("hits").unwrap(), [7; 8]);
    assert_eq!(object.variable_bytes("counter").unwrap(), 5i32.to_le_bytes(), "the neighbour stays");
    let size = VariableError::Size { name: "interval".into(), size: 4, given: 8 };
    assert_eq!(object.set_variable("interval", &[0; 8]), Err(size));
    assert_eq!(object.set_variable("absent", &[0; 8]), Err(VariableError::Unknown("absent".into())));

    let linked = link(&object, "use_globals");
    for (name, offset) in map_loads(&object, &linked) {
        let (_, spec) = object.map(name).unwrap();
        assert!((offset.unwrap() as u32) < spec.value_size, "{name} {offset:?}");
    }
    let used = |name| map_loads(&object, &linked).iter().any(|l| l.0 == name);
    assert!(used(".bss") && used(".data") && used(".data.sums") && used(".rodata") && !used(".kconfig"));
    let sums = map_loads(&object, &linked).into_iter().filter(|l| l.0 == ".data.sums").map(|l| l.1).collect::<Vec<_>>();
    assert_eq!(sums, [Some(0)]);
}

#[test]
fn externs_are_listed_and_resolved() {
    struct Kernel;
    impl Resolver for Kernel {
        fn ksym(&mut self, name: &str) -> Option<u64> {
            (name == "known_symbol").then_some(0xffff_ffc0_8020_1234)
        }
    }
    let mut object = object("globals");
    let kind = |object: &ObjectSpec, name: &str| object.externs.iter().find(|e| e.name == name).unwrap().clone();
    assert!(matches!(kind(&object, "LINUX_KERNEL_VERSION").kind, ExternKind::Kconfig { set: false, .. }));
    assert!(matches!(kind(&object, "known_symbol").kind, ExternKind::Ksym { .. }));
    assert!(matches!(kind(&object, "bpf_some_kfunc").kind, ExternKind::Kfunc { .. }));
    assert!(kind(&object, "unknown_symbol").weak && !kind(&object, "known_symbol").weak);

    let missing = object.link("optional", &mut ()).unwrap_err();
    assert_eq!(missing.cause, LinkCause::Unresolved { name: "LINUX_KERNEL_VERSION".into(), kind: "kconfig value" });
    assert_eq!(missing.at, Some(("optional".into(), InsnIdx(0))));
    let answers = [("LINUX_KERNEL_VERSION", 0x60c00), ("LINUX_HAS_BPF_COOKIE", 1), ("CONFIG_HZ", 100)];
    object.set_kconfig(&answers).unwrap();
    assert_eq!(object.variable_bytes("LINUX_KERNEL_VERSION").unwrap(), 0x60c00u32.to_le_bytes());
    assert_eq!(object.variable_bytes("LINUX_HAS_BPF_COOKIE").unwrap(), [1]);
    let too_large = VariableError::Size { name: "LINUX_HAS_BPF_COOKIE".into(), size: 1, given: 8 };
    assert_eq!(object.set_kconfig(&[("LINUX_HAS_BPF_COOKIE", 256)]), Err(too_large));
    assert_eq!(map_loads(&object, &link(&object, "optional"))[0].0, ".kconfig");
    assert!(!object.program("optional").unwrap().autoload);

    let missing = object.link("use_externs", &mut ()).unwrap_err();
    assert_eq!(missing.cause, LinkCause::Unresolved { name: "known_symbol".into(), kind: "kernel symbol" });
    let linked = object.link("use_externs", &mut Kernel).unwrap();
    let values: Vec<u64> = (linked.insns.windows(2).filter(|w| w[0].opcode == LDDW && w[0].src() == 0))
        .map(|w| u64::from(w[1].imm as u32) << 32 | u64::from(w[0].imm as u32))
        .collect();
    assert!(values.contains(&0xffff_ffc0_8020_1234) && values.contains(&0), "{values:x?}");
    assert!(linked.insns.iter().any(|i| i.opcode == CALL && i.src() == 0 && i.imm == 2_002_000_000), "weak kfunc: poisoned");
}

#[test]
fn subprograms_are_appended_once() {
    let object = object("calls");
    let entries: Vec<_> = object.programs.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(entries, ["one", "two", "three", "four"], "static functions and .text are no programs");
    let funcs = |name| link(&object, name).funcs.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
    assert_eq!(funcs("one"), ["one", "middle", "leaf"]);
    assert_eq!(funcs("two"), ["two", "visit", "leaf", "beside"]);
    assert_eq!(funcs("three"), ["three", "beside", "leaf"]);
    assert_eq!(funcs("four"), ["four"]);
    for program in entries {
        let linked = link(&object, program);
        assert_eq!(linked.funcs.iter().map(|f| f.slots as usize).sum::<usize>(), linked.insns.len());
        let starts: Vec<_> = linked.funcs.iter().map(|f| f.start).collect();
        let mut calls = 0;
        for (at, insn) in linked.insns.iter().enumerate() {
            let refers = insn.opcode == CALL && insn.src() == PSEUDO_CALL || insn.opcode == LDDW && insn.src() == PSEUDO_FUNC;
            if refers {
                let target = InsnIdx(at as u32).branch(insn.imm, linked.insns.len()).expect("inside");
                assert!(starts.contains(&target), "{program} insn {at}");
                calls += 1;
            }
        }
        assert!(calls >= starts.len() - 1, "{program}");
    }
}

#[test]
fn lines_move_with_their_functions() {
    let object = object("calls");
    let source = include_str!("objects/calls.bpf.c");
    let linked = link(&object, "two");
    assert_eq!(linked.func_info.len(), linked.funcs.len());
    for (info, func) in linked.func_info.iter().zip(&linked.funcs) {
        assert_eq!(info.insn_off, func.start.0);
        assert_eq!(object.btf.as_ref().unwrap().ty(info.type_id).unwrap().name, func.name);
    }
    assert!(linked.line_info.windows(2).all(|w| w[0].insn_off <= w[1].insn_off));
    for func in &linked.funcs {
        let line = object.source_line(linked.line_at(func.start).expect("a line")).unwrap();
        assert!(line.file.ends_with("calls.bpf.c"));
        assert_eq!(source.lines().nth(line.line as usize - 1), Some(&*line.text));
        let body = source.split_inclusive("\n}\n").find(|f| f.contains(&format!(" {}(", func.name)) && f.contains(&*line.text));
        assert!(body.is_some(), "{}: {}", func.name, line.text);
        assert_eq!(linked.func_at(InsnIdx(func.start.0 + func.slots - 1)), Some(func));
    }
    assert_eq!(linked.func_at(InsnIdx(linked.insns.len() as u32)), None);
}

#[test]
fn sections_say_type_and_target() {
    let object = object("calls");
    let four = object.program("four").unwrap();
    assert_eq!(four.target.as_deref(), Some("axtask::api::yield_now"));
    assert!(four.def.unwrap().at_return() && four.autoload);
    assert_eq!(link(&object, "four").prog_type(), Ok(ProgType::Kprobe));

    let of = |name: &str| SectionDef::of(name).map(|(d, t)| (d.prefix, d.prog_type, d.attach_type, d.is_sleepable(), t.map(String::from)));
    let some = |t: &str| Some(t.to_string());
    assert_eq!(of("kprobe/f+0x10"), Some(("kprobe", ProgType::Kprobe, None, false, some("f+0x10"))));
    assert_eq!(of("kprobe/").unwrap().4, None);
    assert_eq!(of("kprobe"), Some(("kprobe", ProgType::Kprobe, None, false, None)));
    assert_eq!(of("?fentry.s/f"), Some(("fentry.s", ProgType::Tracing, Some(AttachType::TraceFentry), true, some("f"))));
    assert_eq!(of("kprobe.multi/a*"), Some(("kprobe.multi", ProgType::Kprobe, Some(AttachType::TraceKprobeMulti), false, some("a*"))));
    assert_eq!(of("tp/cat/name"), Some(("tp", ProgType::Tracepoint, None, false, some("cat/name"))));
    assert_eq!(of("usdt/path:a:b"), Some(("usdt", ProgType::Kprobe, None, false, some("path:a:b"))));
    assert_eq!(of("cgroup/bind4"), Some(("cgroup/bind4", ProgType::CgroupSockAddr, Some(AttachType::CgroupInet4Bind), false, None)));
    assert_eq!(of("xdp.frags"), Some(("xdp.frags", ProgType::Xdp, Some(AttachType::Xdp), false, None)));
    assert!(of("syscall").unwrap().3);
    for unknown in ["kprobes", "xdp/prog", "socket1", "2/16", "", "kprobe_multi", "maps", "tc/other"] {
        assert_eq!(of(unknown), None, "{unknown}");
    }
    for def in section_defs() {
        assert_eq!(SectionDef::of(def.prefix).unwrap().0, def, "{}", def.prefix);
    }
}

#[test]
fn core_relocations_without_types_of_the_kernel() {
    let object = object("core");
    let reads = link(&object, "reads");
    let paths: Vec<_> = reads.unresolved.iter().map(|u| (u.type_name.as_str(), u.path.as_str())).collect();
    assert_eq!(paths, [("task_struct", "0:1"), ("task_struct", "0:0")]);
    for u in &reads.unresolved {
        assert_eq!(reads.insns[u.at.at()], RawInsn::new(CALL, 0, 0, 0, 195_896_080));
        assert_eq!(reads.unresolved_at(u.at), Some(u));
    }
    let text = reads.unresolved[0].to_string();
    assert!(text.contains("byte_off of task_struct at 0:1 needs the kernel's btf"), "{text}");
    let asks = link(&object, "asks");
    assert_eq!(asks.unresolved, [], "questions have the answer no");
    let constants: Vec<_> = asks.insns.iter().filter(|i| matches!(i.opcode & 0xf7, 0xb4 | 0xb7 | LDDW)).map(|i| i.imm).collect();
    assert!(constants.contains(&0) && !constants.contains(&16), "{constants:?}");
}

#[test]
fn legacy_maps_of_every_length() {
    for (words, inner) in [(0, None), (1, None), (2, Some("0")), (4, Some("0,0,0,0"))] {
        let mut args = vec![];
        let defines = (format!("-DWORDS={words}"), format!("-DINNER={}", inner.unwrap_or_default()));
        if words != 0 {
            args.push(defines.0.as_str());
        }
        if inner.is_some() {
            args.extend([defines.1.as_str(), "-DPINNED"]);
        }
        let object = ObjectSpec::parse(&compile("legacy", &args)).unwrap_or_else(|e| panic!("{words} words: {e}"));
        let numbers = |m: &MapSpec| (m.kind().unwrap(), m.key_size, m.value_size, m.max_entries, m.map_flags);
        assert_eq!(numbers(map(&object, "counts")), (MapType::Hash, 4, 8, 64, 1));
        assert_eq!(numbers(map(&object, "nested")), (MapType::ArrayOfMaps, 4, 4, 2, 0));
        assert_eq!(numbers(map(&object, "own")), (MapType::Array, 4, 4, 1, 0));
        assert_eq!(map(&object, "nested").inner.as_ref().map(|m| m.name.as_str()), inner.map(|_| "counts"), "{words} words");
        assert_eq!(map(&object, "own").pinning, if inner.is_some() { Pinning::ByName } else { Pinning::None });
        assert_eq!(object.version, Some(0x60c00));
        assert_eq!(object.license, "");
        assert_eq!(map_loads(&object, &link(&object, "one")), [("counts", None)]);
        assert_eq!(map_loads(&object, &link(&object, "numbered")), [("own", None)]);
    }
}

#[test]
fn an_unknown_section_matters_when_it_is_loaded() {
    let object = object("legacy");
    let one = object.program("one").unwrap();
    assert_eq!((one.section.as_str(), one.def), ("socket1", None));
    let error = link(&object, "one").prog_type().unwrap_err();
    assert_eq!(error.cause, LinkCause::Section("socket1".into()));
    assert_eq!(object.link("absent", &mut ()).unwrap_err().cause, LinkCause::NoProgram);
}

#[test]
fn kprobe_macros_at_every_level_of_the_instruction_set() {
    for args in [&[][..], &["-mcpu=v4"], &["-mcpu=v2"], &["-O1"]] {
        let object = ObjectSpec::parse(&compile("kprobe", args)).unwrap();
        assert_eq!(object.license, "GPL");
        let linked = link(&object, "on_alloc");
        assert_eq!((linked.prog_type(), linked.funcs.len()), (Ok(ProgType::Kprobe), 1));
        assert_eq!(map_loads(&object, &linked), [("events", None)]);
        let multi = object.program("on_return").unwrap();
        assert_eq!(multi.def.unwrap().attach_type, Some(AttachType::TraceKprobeMulti));
        assert_eq!(multi.target.as_deref(), Some("alloc*"));
    }
}

#[test]
fn alignment_of_the_bytes_does_not_matter() {
    let bytes = compile("calls", &[]);
    for shift in 0..8 {
        let mut moved = vec![0; shift];
        moved.extend(&bytes);
        assert_eq!(ObjectSpec::parse(&moved[shift..]).unwrap().programs.len(), 4);
    }
}
