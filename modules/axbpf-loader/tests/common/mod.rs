//! Objects that clang-19 makes of tests/objects/NAME.bpf.c.
#![allow(dead_code, reason = "each test crate uses its part")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use axbpf_loader::{LinkedProgram, ObjectSpec};

/// Every source.
pub const SOURCES: [&str; 6] = ["maps", "globals", "calls", "core", "legacy", "kprobe"];

/// Compiles a source, with further arguments, and answers where the object is.
pub fn compile_to(name: &str, args: &[&str]) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/objects/{name}.bpf.c"));
    let object = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.{}.{number}.o", std::process::id()));
    let mut clang = Command::new("clang-19");
    clang.args(["-target", "bpf", "-mcpu=v3", "-g", "-O2", "-Wall", "-Wno-visibility", "-Werror", "-D__TARGET_ARCH_riscv"]);
    // asm/types.h stands in a folder named after the machine; it is the same for BPF on each.
    let machine = fs::read_dir("/usr/include").expect("/usr/include").filter_map(|d| Some(d.ok()?.path()));
    for dir in machine.filter(|d| d.join("asm/types.h").exists()) {
        clang.arg("-idirafter").arg(dir);
    }
    run(clang.args(args).arg("-c").arg(source).arg("-o").arg(&object));
    object
}

/// Compiles a source.
pub fn compile(name: &str, args: &[&str]) -> Vec<u8> {
    let object = compile_to(name, args);
    let bytes = fs::read(&object).expect("the object");
    fs::remove_file(object).expect("the object is ours");
    bytes
}

/// Compiles and parses a source.
pub fn object(name: &str) -> ObjectSpec {
    ObjectSpec::parse(&compile(name, &[])).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Links with nothing resolved.
pub fn link(object: &ObjectSpec, program: &str) -> LinkedProgram {
    object.link(program, &mut ()).unwrap_or_else(|e| panic!("{e}"))
}

/// What a command prints.
pub fn run(command: &mut Command) -> String {
    let out = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}; scripts/setup.sh installs it"));
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("text")
}
