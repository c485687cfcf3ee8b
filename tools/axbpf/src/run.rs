//! `axbpf run`: programs verified, made ready and run on this machine, as in a unikernel.
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use axbpf_platform::stack;
use axbpf_runtime::{Object, ObjectOptions, TestRunSpec};

use crate::{
    Failure,
    args::{Args, hex},
    conformance::engine,
    object,
};

/// The shortest frame of Ethernet, for programs that want a packet where none is given.
const FRAME: [u8; 60] = [0; 60];

pub fn run(mut args: Args) -> Result<ExitCode, Failure> {
    let (only, ctx) = (args.value("--prog")?, args.value("--ctx")?.map(|text| hex(&text)).transpose()?);
    let repeat = args.value("--repeat")?.map_or(Ok(1), |n| n.parse().map_err(|_| Failure::unusable("--repeat takes a number")))?;
    let interpret = !engine(args.value("--engine")?.as_deref())?;
    let object = object::Object::read(&args.operand("OBJ")?, only)?;
    stack::PROGRAMS.init();
    let mut out = io::stdout().lock();
    let mut status = ExitCode::SUCCESS;
    for (program, _) in object.programs() {
        let options = ObjectOptions { only: Some(&program.name), interpret, ..ObjectOptions::default() };
        let loaded = Object::load_with(&object.spec, &options).map_err(|error| error.to_string());
        let run = loaded.and_then(|loaded| {
            let prog = &loaded.programs().first().ok_or("it was not loaded")?.prog;
            if !interpret && prog.jited_len() == 0 {
                return Err("there is no compiler for this machine; use --engine interp".into());
            }
            let ctx = ctx.as_deref();
            let spec = if prog.takes_packet() {
                TestRunSpec::packet(ctx.unwrap_or(&FRAME))
            } else {
                TestRunSpec { ctx, ..TestRunSpec::default() }
            };
            let spec = TestRunSpec { repeat, ..spec };
            prog.test_run(&spec).map_err(|error| format!("program {}: {error}", program.name))
        });
        match run {
            Ok(run) => writeln!(out, "{} R0={:#x} ns={}", program.name, run.retval, run.duration_ns)?,
            Err(error) => {
                eprintln!("axbpf: {error}");
                status = ExitCode::FAILURE;
            }
        }
    }
    Ok(status)
}
