//! Objects that clang makes of C: the programs of the apps and of the unikernel's tests, and those of the loader's.
mod common;

use axbpf_abi::Arch;
use axbpf_isa::RawInsn;
use axbpf_loader::ObjectSpec;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn compile(source: &Path, cpu: &str) -> ObjectSpec {
    let object = Path::new(env!("CARGO_TARGET_TMPDIR")).join(source.file_name().unwrap()).with_extension(format!("{cpu}.o"));
    let mut clang = Command::new("clang-19");
    clang.arg(format!("-mcpu={cpu}"));
    clang.args(["-target", "bpf", "-g", "-O2", "-D__TARGET_ARCH_riscv", "-I"]).arg(root().join("api/axbpf-build/include"));
    for dir in std::fs::read_dir("/usr/include").unwrap().map(|entry| entry.unwrap().path()).filter(|dir| dir.join("asm/types.h").is_file())
    {
        clang.arg("-idirafter").arg(dir);
    }
    let out = clang.arg("-c").arg(source).arg("-o").arg(&object).output().expect("clang-19; scripts/setup.sh bpf installs it");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    ObjectSpec::parse(&std::fs::read(object).unwrap()).unwrap()
}

/// Verifies the programs in a folder; answers how many instructions were walked for each.
fn verify_folder(folder: &str, cpu: &str) -> BTreeMap<String, usize> {
    let mut walked = BTreeMap::new();
    for source in std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
        if !source.to_str().unwrap().ends_with(".bpf.c") {
            continue;
        }
        let spec = compile(&source, cpu);
        for program in &spec.programs {
            let linked = spec.link(&program.name, &mut common::Kfuncs).unwrap();
            let (verdict, log) = common::verify_object(&spec, &linked, Arch::Riscv64, false, 1);
            let verdict = verdict.unwrap_or_else(|error| panic!("{} {}, {cpu}: {error}\n{log}", source.display(), program.name));
            walked.insert(program.name.clone(), verdict.insns_processed);
            // The engines take what was accepted.
            let wide = |slot: &RawInsn| slot.opcode == 0x18;
            let plain = linked.insns.iter().map(|slot| if wide(slot) { RawInsn::new(0x18, slot.dst(), 0, 0, 0) } else { *slot }).collect();
            extern "C" fn helper(_: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
                0
            }
            axbpf_vm::Program::new(plain, verdict.facts, &|_| Some(helper)).unwrap();
        }
    }
    walked
}

#[test]
fn programs_of_the_apps_are_accepted() {
    let folders = ["apps/bpf-trace/bpf", "apps/hello-bpf/bpf", "tests/guest/bpf", "tests/out-of-tree/bpf"];
    let programs: usize = folders.iter().map(|folder| verify_folder(folder, "v4").len()).sum();
    assert!(programs >= 10, "{programs}");
}

/// Loops that Linux unrolls: 140,015 instructions for the first. Old instruction sets cut numbers off by shifts.
#[test]
fn loops_are_not_unrolled_whatever_the_instruction_set() {
    for cpu in ["v1", "v2", "v3", "v4"] {
        let walked = verify_folder("tests/guest/bpf/peers", cpu);
        for name in ["lcg", "array", "hash", "ktime", "ringbuf"] {
            assert!(walked[name] < 2000, "{name}, {cpu}: {} instructions walked", walked[name]);
        }
    }
}
