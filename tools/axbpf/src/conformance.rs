//! `axbpf conformance`: the plugin protocol of bpf_conformance. Programs come unverified; the interpreter checks every access.
use std::{io, process::ExitCode};

use axbpf_isa::RawInsn;
use axbpf_vm::{Program, run_checked};

use crate::{
    Failure,
    args::{Args, hex},
};

/// Instructions that a vector may run: far more than any needs, and over in a second or two.
const BUDGET: u64 = 100_000_000;

pub fn run(mut args: Args) -> Result<ExitCode, Failure> {
    let engine = args.value("--engine")?;
    let mut memory = args.operands(1)?.pop().map(|text| hex(&text)).transpose()?.unwrap_or_default();
    let text = io::read_to_string(io::stdin()).map_err(|e| Failure::unusable(format!("standard input: {e}")))?;
    let slots = slots(&hex(&text)?)?;
    let r0 = match engine.as_deref() {
        None | Some("interp") => interpret(slots, &mut memory)?,
        Some(other) => return Err(Failure::unusable(format!("engine {other} is not there; interp is"))),
    };
    println!("{r0:x}");
    Ok(ExitCode::SUCCESS)
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
