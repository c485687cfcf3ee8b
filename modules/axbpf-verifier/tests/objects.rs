//! Objects that clang makes of C: the programs of the apps and of the unikernel's tests, and those of the loader's.
use axbpf_abi::{Arch, CtxLayout, helpers};
use axbpf_isa::{Imm64, Insn, InsnIdx, RawInsn};
use axbpf_loader::{LinkedProgram, ObjectSpec};
use axbpf_verifier::*;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn compile(source: &Path) -> ObjectSpec {
    let object = Path::new(env!("CARGO_TARGET_TMPDIR")).join(source.file_name().unwrap()).with_extension("o");
    let mut clang = Command::new("clang-19");
    clang.args(["-target", "bpf", "-mcpu=v4", "-g", "-O2", "-D__TARGET_ARCH_riscv", "-I"]).arg(root().join("api/axbpf-build/include"));
    for dir in std::fs::read_dir("/usr/include").unwrap().map(|entry| entry.unwrap().path()).filter(|dir| dir.join("asm/types.h").is_file())
    {
        clang.arg("-idirafter").arg(dir);
    }
    let out = clang.arg("-c").arg(source).arg("-o").arg(&object).output().expect("clang-19; scripts/setup.sh bpf installs it");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    ObjectSpec::parse(&std::fs::read(object).unwrap()).unwrap()
}

fn check(spec: &ObjectSpec, linked: &LinkedProgram) -> Result<Verdict, String> {
    let map = |at: InsnIdx| {
        let Ok(Insn::LoadImm64 { imm: Imm64::MapIdx(idx) | Imm64::MapIdxValue { idx, .. }, .. }) = axbpf_isa::decode(&linked.insns, at)
        else {
            return None;
        };
        let id = linked.maps[idx as usize];
        let map = &spec.maps[id];
        Some(MapInfo { id: id as u32, map_type: map.kind()?, key_size: map.key_size, value_size: map.value_size, flags: map.map_flags })
    };
    let prog_type = linked.prog_type().unwrap();
    let request = Request {
        slots: &linked.insns,
        prog_type,
        ctx: CtxLayout::of(prog_type, Arch::Riscv64).unwrap(),
        gpl: spec.license.contains("GPL"),
        strict_alignment: true,
        map: &map,
        helper: &helpers::by_id,
        source: &|_| None,
        log_level: 1,
        limits: Limits::default(),
    };
    let mut log = String::new();
    verify(&request, &mut log).map_err(|rejected| format!("{rejected}\n{log}"))
}

#[test]
fn programs_of_the_apps_are_accepted() {
    let mut programs = 0;
    for folder in ["apps/bpf-trace/bpf", "apps/hello-bpf/bpf", "tests/guest/bpf", "tests/out-of-tree/bpf"] {
        for source in std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
            if !source.to_str().unwrap().ends_with(".bpf.c") {
                continue;
            }
            let spec = compile(&source);
            for program in &spec.programs {
                let linked = spec.link(&program.name, &mut ()).unwrap();
                let verdict = check(&spec, &linked).unwrap_or_else(|error| panic!("{} {}: {error}", source.display(), program.name));
                // The engines take what was accepted.
                let wide = |slot: &RawInsn| slot.opcode == 0x18;
                let plain =
                    linked.insns.iter().map(|slot| if wide(slot) { RawInsn::new(0x18, slot.dst(), 0, 0, 0) } else { *slot }).collect();
                extern "C" fn helper(_: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
                    0
                }
                axbpf_vm::Program::new(plain, verdict.facts, &|_| Some(helper)).unwrap();
                programs += 1;
            }
        }
    }
    assert!(programs >= 9, "{programs}");
}
