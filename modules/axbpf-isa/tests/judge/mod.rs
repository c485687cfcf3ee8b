//! LLVM's assembler and disassembler as judges. Their absence fails a test.
use axbpf_isa::RawInsn;
use std::io::Write;
use std::process::{Command, Stdio};

fn run(program: &str, args: &[&str], input: &str) -> String {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; scripts/setup.sh bpf installs it"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !errors.contains("error"), "{program}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The bytes that llvm-mc makes of each line.
pub fn assemble(lines: &[String]) -> Vec<Vec<u8>> {
    let out = run("llvm-mc-19", &["-triple=bpfel", "-mcpu=v4", "--show-encoding"], &(lines.join("\n") + "\n"));
    let byte = |text: &str| u8::from_str_radix(text.trim().strip_prefix("0x").unwrap(), 16).unwrap();
    out.lines()
        .filter_map(|line| line.split_once("# encoding: [")?.1.strip_suffix(']'))
        .map(|bytes| bytes.split(',').map(byte).collect())
        .collect()
}

/// What llvm-objdump makes of the slots: an instruction a line, without the names it gives to jump targets. With
/// `alu32` it writes `w1` wherever a 32-bit register may stand; without, loads and stores name `r1` and 32-bit fetches are unknown.
pub fn disassemble(slots: &[RawInsn], alu32: bool, name: &str) -> Vec<String> {
    let object = std::env::temp_dir().join(format!("axbpf-isa-{name}-{}.o", std::process::id()));
    let path = object.to_str().unwrap();
    let bytes: Vec<String> = slots.iter().flat_map(|slot| slot.to_bytes()).map(|byte| format!(".byte {byte}\n")).collect();
    run("llvm-mc-19", &["-triple=bpfel", "-mcpu=v4", "-filetype=obj", "-o", path], &bytes.concat());
    let out = run("llvm-objdump-19", &["-d", if alu32 { "--mcpu=v4" } else { "--mattr=" }, "--no-show-raw-insn", path], "");
    std::fs::remove_file(&object).unwrap();
    let lines = out.lines().filter_map(|line| line.split_once(":\t"));
    let text = lines.filter(|(slot, _)| slot.trim().parse::<usize>().is_ok()).map(|(_, text)| text);
    text.map(|text| text.split(" <.text").next().unwrap().trim().to_owned()).collect()
}
