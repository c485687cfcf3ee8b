//! For the build script of an app that uses `axbpf`: `fn main() { axbpf_build::link(); }`.
//!
//! Environment of the build: `AXBPF_KSYMS_SIZE`, bytes to reserve for the symbol table. `axbpf embed KERNEL.elf` fills the table in after
//! linking and answers how many bytes it needs if that was too few; then the image is linked once more.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// How the image gets to see traps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hook {
    /// The linker puts the hook in front of the kernel's trap handler: every CPU, from the first instruction.
    Wrap,
    /// `axbpf::init` installs trap vectors of its own, on every CPU.
    Vectors,
}

/// Passes the link arguments that `axbpf` needs. In the app's build script: a library's own cannot pass them.
pub fn link() {
    link_with(Hook::Wrap);
}

/// As [`link`], with a choice of how traps are hooked.
pub fn link_with(hook: Hook) {
    if hook == Hook::Wrap {
        let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
        let handler = match arch.as_str() {
            "riscv64" => "riscv_trap_handler",
            "x86_64" => "x86_trap_handler",
            "aarch64" => "aarch64_trap_handler",
            "loongarch64" => "loongarch64_trap_handler",
            _ => fail(&format!("no trap hook for {arch}: riscv64, x86_64, aarch64 and loongarch64 have one")),
        };
        println!("cargo::rustc-link-arg=--wrap={handler}");
    }
    let script = out_dir().join("axbpf_sections.lds");
    write(&script, include_str!("sections.lds"));
    println!("cargo::rustc-link-arg=-T{}", script.display());
    println!("cargo::rerun-if-env-changed=AXBPF_KSYMS_SIZE");
    let size = env::var("AXBPF_KSYMS_SIZE").unwrap_or_default();
    let size = match size.as_str() {
        "" => 64,
        text => text
            .parse::<u64>()
            .unwrap_or_else(|_| fail(&format!("AXBPF_KSYMS_SIZE={text}: not a number of bytes")))
            .next_multiple_of(64)
            .max(64),
    };
    println!("cargo::rustc-link-arg=--defsym=AXBPF_KSYMS_SIZE={size}");
}

/// Compiles one BPF program, `source`, with clang for the target's registers, and returns where the object is (in `OUT_DIR`, `.bpf.o` for
/// `.bpf.c`), for `include_bytes!(concat!(env!("OUT_DIR"), "/NAME.bpf.o"))`. Besides libbpf's headers it finds `<axbpf_regs.h>`, the struct of
/// the registers, and what is in the folders `include`.
pub fn compile_bpf(source: &Path, include: &[&Path]) -> PathBuf {
    println!("cargo::rerun-if-changed={}", source.display());
    for dir in include {
        println!("cargo::rerun-if-changed={}", dir.display());
    }
    println!("cargo::rerun-if-env-changed=BPF_CLANG");
    let clang = env::var("BPF_CLANG").unwrap_or_else(|_| "clang-19".into());
    let arch = match env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default().as_str() {
        "riscv64" => "riscv",
        "aarch64" => "arm64",
        "loongarch64" => "loongarch",
        _ => "x86",
    };
    let name = source.file_name().unwrap_or_else(|| fail(&format!("{}: not a file", source.display())));
    let object = out_dir().join(name).with_extension("o");
    let own = out_dir().join("include");
    if let Err(error) = fs::create_dir_all(&own) {
        fail(&format!("{}: {error}", own.display()));
    }
    write(&own.join("axbpf_regs.h"), include_str!("../include/axbpf_regs.h"));
    let mut command = Command::new(&clang);
    command.args(["-target", "bpf", "-mcpu=v4", "-g", "-O2", "-Wall", "-Werror"]).arg(format!("-D__TARGET_ARCH_{arch}"));
    for dir in include.iter().copied().chain([own.as_path()]) {
        command.arg("-I").arg(dir);
    }
    // <asm/types.h> of the machine that compiles: the same for every target.
    for dir in fs::read_dir("/usr/include").into_iter().flatten().flatten().map(|entry| entry.path()) {
        if dir.join("asm/types.h").is_file() {
            command.arg("-idirafter").arg(dir);
        }
    }
    command.arg("-c").arg(source).arg("-o").arg(&object);
    match command.status() {
        Ok(status) if status.success() => object,
        Ok(status) => fail(&format!("{clang} cannot compile {}: {status}", source.display())),
        Err(error) => fail(&format!("{clang}: {error}; scripts/setup.sh installs it, BPF_CLANG names another")),
    }
}

fn out_dir() -> PathBuf {
    env::var_os("OUT_DIR").map_or_else(|| fail("OUT_DIR is not set: call this from a build script"), PathBuf::from)
}

fn write(path: &Path, text: &str) {
    if let Err(error) = fs::write(path, text) {
        fail(&format!("{}: {error}", path.display()));
    }
}

fn fail(message: &str) -> ! {
    eprintln!("axbpf-build: {message}");
    std::process::exit(1)
}
