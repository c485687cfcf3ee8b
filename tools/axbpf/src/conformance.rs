//! `axbpf conformance`: the plugin protocol of bpf_conformance. Programs come unverified; the interpreter checks every access, compiled code none.
use std::{io, process::ExitCode};

use axbpf_isa::RawInsn;
use axbpf_vm::{Program, run_checked};

use crate::{
    Failure,
    args::{Args, hex},
    jit,
};

/// Instructions that a vector may run: far more than any needs, and over in a second or two.
const BUDGET: u64 = 100_000_000;

pub fn run(mut args: Args) -> Result<ExitCode, Failure> {
    let compile = engine(args.value("--engine")?.as_deref())?;
    let mut memory = args.operands(1)?.pop().map(|text| hex(&text)).transpose()?.unwrap_or_default();
    let text = io::read_to_string(io::stdin()).map_err(|e| Failure::unusable(format!("standard input: {e}")))?;
    let slots = slots(&hex(&text)?)?;
    let r0 = if compile { compiled(slots, &mut memory)? } else { interpret(slots, &mut memory)? };
    println!("{r0:x}");
    Ok(ExitCode::SUCCESS)
}

/// Whether the engine of this name compiles; without a name, nobody does.
pub fn engine(name: Option<&str>) -> Result<bool, Failure> {
    match name {
        None | Some("interp") => Ok(false),
        Some("jit") => Ok(true),
        Some(other) => Err(Failure::unusable(format!("engine {other} is not there; interp and jit are"))),
    }
}

/// The slots of a program given as bytes.
pub fn slots(bytes: &[u8]) -> Result<Vec<RawInsn>, Failure> {
    let (slots, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        return Err(Failure::unusable(format!("{} bytes are not whole instructions of 8 bytes", bytes.len())));
    }
    Ok(slots.iter().map(|slot| RawInsn::from_bytes(*slot)).collect())
}

/// R1 = the memory, R2 = its length; both 0 without memory.
fn interpret(slots: Vec<RawInsn>, memory: &mut [u8]) -> Result<u64, Failure> {
    let program = Program::unchecked(slots, &|_| None).map_err(Failure::refused)?;
    let args = if memory.is_empty() { [0, 0] } else { [memory.as_ptr() as u64, memory.len() as u64] };
    run_checked(&program, &mut [memory], args, BUDGET).map_err(Failure::refused)
}

/// The same, as machine code; nothing is checked.
fn compiled(slots: Vec<RawInsn>, memory: &mut [u8]) -> Result<u64, Failure> {
    let program = Program::unchecked(slots, &|_| None).map_err(Failure::refused)?;
    let args = if memory.is_empty() { [0, 0] } else { [memory.as_mut_ptr().expose_provenance() as u64, memory.len() as u64] };
    jit::execute(program, args).map_err(Failure::refused)
}
