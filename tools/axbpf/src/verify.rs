//! `axbpf verify`: what the verifier says of each program, before it reaches a unikernel.
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use axbpf_abi::{Arch, CtxLayout, ProgType, helpers};
use axbpf_isa::{Imm64, Insn, InsnIdx, RawInsn, insns};
use axbpf_loader::{LinkedProgram, ObjectSpec, SectionDef};
use axbpf_verifier::{Limits, MapInfo, Request, Verdict, verify};

use crate::{
    Failure,
    args::{Args, hex},
    conformance::slots,
    object::Object,
};

/// What the options say of every program.
struct Options {
    prog_type: Option<ProgType>,
    arch: Arch,
    log_level: u32,
}

pub fn run(mut args: Args) -> Result<ExitCode, Failure> {
    let only = args.value("--prog")?;
    let arch = args.value("--arch")?.map_or(Ok(Arch::from_name(std::env::consts::ARCH).unwrap_or(Arch::Riscv64)), |name| {
        Arch::from_name(&name)
            .ok_or_else(|| Failure::unusable(format!("arch {name} is unknown; riscv64, x86_64, aarch64, loongarch64 are known")))
    })?;
    let log_level = args.value("--log")?.map_or(Ok(0), |level| level.parse().map_err(|_| Failure::unusable("--log takes a number")))?;
    let options = Options { prog_type: args.value("--type")?.map(|name| prog_type(&name)).transpose()?, arch, log_level };
    let path = args.operand("OBJ")?;
    let mut out = io::stdout().lock();
    let mut status = ExitCode::SUCCESS;
    let mut tell = |name: &str, verdict: Result<Verdict, String>, slots: usize| -> Result<(), Failure> {
        match verdict {
            Ok(verdict) => writeln!(out, "accept {name} insns={slots} states={}", verdict.states)?,
            Err(reason) => {
                writeln!(out, "reject {name} {reason}")?;
                status = ExitCode::FAILURE;
            }
        }
        Ok(())
    };
    if path == "-" {
        let text = io::read_to_string(io::stdin()).map_err(|e| Failure::unusable(format!("standard input: {e}")))?;
        let slots = slots(&hex(&text)?)?;
        let prog_type = options.prog_type.ok_or_else(|| Failure::unusable("instructions on standard input need --type"))?;
        tell("-", check(&slots, prog_type, true, &options, &|_| None, &|_| None), slots.len())?;
        return Ok(status);
    }
    let object = Object::read(&path, only)?;
    for (program, linked) in object.programs() {
        match linked {
            Ok(linked) => tell(&program.name, program_verdict(&object.spec, &linked, &options), linked.insns.len())?,
            Err(error) => tell(&program.name, Err(error.to_string()), 0)?,
        }
    }
    Ok(status)
}

/// By libbpf's section prefix.
fn prog_type(name: &str) -> Result<ProgType, Failure> {
    let def = SectionDef::of(name).map(|(def, _)| def.prog_type);
    def.ok_or_else(|| Failure::unusable(format!("type {name} is unknown; libbpf's section prefixes are types: kprobe, xdp, socket, ...")))
}

fn program_verdict(spec: &ObjectSpec, linked: &LinkedProgram, options: &Options) -> Result<Verdict, String> {
    let prog_type = match options.prog_type {
        Some(prog_type) => prog_type,
        None => linked.prog_type().map_err(|e| e.to_string())?,
    };
    let map = |at: InsnIdx| {
        let Ok(Insn::LoadImm64 { imm: Imm64::MapIdx(idx) | Imm64::MapIdxValue { idx, .. }, .. }) = axbpf_isa::decode(&linked.insns, at)
        else {
            return None;
        };
        let id = *linked.maps.get(usize::try_from(idx).ok()?)?;
        let map = &spec.maps[id];
        Some(MapInfo { id: id as u32, map_type: map.kind()?, key_size: map.key_size, value_size: map.value_size, flags: map.map_flags })
    };
    let source = |at| {
        let line = spec.source_line(linked.line_at(at)?)?;
        Some(format!("{}:{}: {}", line.file, line.line, line.text.trim()))
    };
    let unresolved = |reason: String| match insns(&linked.insns).find_map(|(at, _)| linked.unresolved_at(at)) {
        Some(unresolved) => format!("{reason} ({unresolved})"),
        None => reason,
    };
    let gpl = axbpf_abi::is_gpl_compatible(&spec.license);
    check(&linked.insns, prog_type, gpl, options, &map, &source).map_err(unresolved)
}

/// `insn N: reason`, if it is refused.
fn check(
    slots: &[RawInsn],
    prog_type: ProgType,
    gpl: bool,
    options: &Options,
    map: &dyn Fn(InsnIdx) -> Option<MapInfo>,
    source: &dyn Fn(InsnIdx) -> Option<String>,
) -> Result<Verdict, String> {
    let ctx = CtxLayout::of(prog_type, options.arch).ok_or_else(|| format!("insn 0: programs of type {prog_type} cannot run here"))?;
    let helper = &helpers::by_id;
    let (log_level, limits) = (options.log_level, Limits::default());
    let mut log = String::new();
    let request = Request { slots, prog_type, ctx, gpl, strict_alignment: false, map, helper, source, log_level, limits };
    let result = verify(&request, &mut log);
    eprint!("{log}");
    result.map_err(|rejected| rejected.to_string())
}
