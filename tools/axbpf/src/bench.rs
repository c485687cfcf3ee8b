//! `axbpf bench`: what loading costs on this machine, a line a measurement: `name value unit`.
use std::{fs, io::Write as _, process::ExitCode, time::Instant};

use axbpf_abi::{Arch, CtxLayout, ProgType};
use axbpf_isa::RawInsn;
use axbpf_verifier::{Request, Verdict, verify};

use crate::{Failure, args::Args, object::Object, verify::program_verdict};

#[path = "../../../benches/verifier.rs"]
mod programs;

/// Each figure is the median of so many measurements.
const TIMES: usize = 9;

pub fn run(args: Args) -> Result<ExitCode, Failure> {
    let objects = args.operands(usize::MAX)?;
    let mut out = std::io::stdout().lock();
    if objects.is_empty() {
        for slots in [125_000, 250_000, 500_000, 1_000_000] {
            line(&mut out, &format!("verify.straight_{}k", slots / 1000), &programs::straight(slots))?;
        }
        line(&mut out, "verify.branches_900k", &programs::branches(900_000))?;
        line(&mut out, "verify.unknown_rounds", &programs::unknown_rounds())?;
        line(&mut out, "verify.rounds", &programs::rounds())?;
        if let Some(peak) = peak_kib() {
            writeln!(out, "verify.peak {peak} KiB")?;
        }
    }
    for path in objects {
        let begin = Instant::now();
        let object = Object::read(&path, None)?;
        writeln!(out, "object.{path}.parse {} ns", begin.elapsed().as_nanos())?;
        for (program, linked) in object.programs() {
            let name = &program.name;
            let linked = linked.map_err(|error| Failure::refused(format!("{path}: {error}")))?;
            let mut verdict = Err(String::new());
            let ns = median(|| verdict = program_verdict(&object.spec, &linked, Arch::Riscv64));
            let verdict = verdict.map_err(|reason| Failure::refused(format!("{path}: {name}: {reason}")))?;
            tell(&mut out, &format!("prog.{name}.verify"), ns, Some(&verdict))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(out: &mut impl std::io::Write, name: &str, slots: &[RawInsn]) -> Result<(), Failure> {
    let ctx =
        CtxLayout::of(ProgType::SocketFilter, 0, Arch::Riscv64).ok_or_else(|| Failure::refused("socket filters have no context here"))?;
    let mut verdict = None;
    let ns = median(|| {
        verdict = verify(&Request::new(slots, ProgType::SocketFilter, ctx), &mut String::new()).ok();
    });
    tell(out, name, ns, verdict.as_ref())
}

fn tell(out: &mut impl std::io::Write, name: &str, ns: u128, verdict: Option<&Verdict>) -> Result<(), Failure> {
    writeln!(out, "{name} {ns} ns")?;
    if let Some(verdict) = verdict {
        writeln!(out, "{name}.processed {} insns", verdict.insns_processed)?;
        writeln!(out, "{name}.states {} states", verdict.states)?;
    }
    Ok(())
}

fn median(mut work: impl FnMut()) -> u128 {
    let mut times: Vec<u128> = (0..TIMES)
        .map(|_| {
            let begin = Instant::now();
            work();
            begin.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    times[TIMES / 2]
}

/// The most memory that this process has used, the programs themselves included.
fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok())
}
