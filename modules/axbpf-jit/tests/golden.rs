//! Code as text, by llvm-objdump, beside the program: tests/golden/ISA/*.txt. `BLESS=1 cargo test --test golden` writes what is there now.
use axbpf_abi::{Facts, Subprog};
use axbpf_isa::asm::assemble;
use axbpf_jit::riscv64::Features;
use axbpf_jit::{Target, compile};
use axbpf_vm::{Accepted, HelperFn, Program};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Standard output of a program that has to succeed.
fn run(program: &str, args: &[&str], input: &[u8]) -> String {
    let child = Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{program}: {error}; scripts/setup.sh bpf installs it"));
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} failed");
    String::from_utf8(output.stdout).unwrap()
}

/// The code as llvm-objdump reads it, an instruction a line, each with its offset.
fn disassemble(isa: &str, code: &[u8], name: &str) -> String {
    let object = std::env::temp_dir().join(format!("axbpf-jit-{name}-{}.o", std::process::id()));
    let path = object.to_str().unwrap();
    let bytes: String = code.iter().map(|byte| format!(".byte {byte}\n")).collect();
    let (triple, features) = (format!("-triple={isa}"), "--mattr=+m,+a,+c,+zba,+zbb");
    run("llvm-mc-19", &[&triple, features, "-filetype=obj", "-o", path, "-"], bytes.as_bytes());
    let out = run("llvm-objdump-19", &["-d", "--no-show-raw-insn", features, path], b"");
    std::fs::remove_file(&object).unwrap();
    let lines = out.lines().filter_map(|line| line.split_once(':'));
    let insns = lines.filter_map(|(at, text)| Some((u32::from_str_radix(at.trim(), 16).ok()?, text.trim().split(" <").next()?)));
    insns.map(|(at, text)| format!("{at:>4x}: {}\n", text.trim_end().replace('\t', " "))).collect()
}

extern "C" fn helper(_: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    0
}

#[test]
fn code_is_as_written_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut judged = 0;
    for isa in ["riscv64"] {
        let mut paths: Vec<_> = std::fs::read_dir(root.join(isa)).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            let source = text.split("-- code\n").next().unwrap();
            // Frames as a verifier would report them: 16 bytes each.
            let slots = assemble(source).unwrap_or_else(|error| panic!("{name}: {error}"));
            let known = |_| Some(helper as HelperFn);
            let facts = Program::unchecked(slots.clone(), &known).unwrap().facts().clone();
            let subprogs = facts.subprogs.iter().map(|&subprog| Subprog { stack: 16, ..subprog }).collect();
            let program = Program::new(slots, Facts { subprogs, max_stack: 64, ..Facts::default() }, &known).unwrap();
            // SAFETY: not run.
            let accepted = unsafe { Accepted::new(program) };
            // A name that ends in an extension: with what QEMU's default CPU has.
            let target = if name.ends_with("zbb") { Target::Riscv64(Features::GC_ZBA_ZBB) } else { Target::named(isa).unwrap() };
            let image = compile(&accepted, target).unwrap();
            let found = format!("{source}-- code\n{}", disassemble(isa, &image.code[..image.text_len], name));
            if std::env::var_os("BLESS").is_some() {
                std::fs::write(&path, &found).unwrap();
                continue;
            }
            assert_eq!(found, text, "{name} ({isa}): found, then expected");
            assert!(found.lines().last().is_some_and(|line| line.ends_with(": ret") || line.contains(": j")), "{name}: no code");
            judged += 1;
        }
    }
    assert!(judged >= 8, "{judged} programs compared");
}
