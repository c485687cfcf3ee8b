//! `axbpf verify`: what the verifier says of each program, before it reaches a unikernel.
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use axbpf_abi::{Arch, CtxLayout, expected_attach_type, flags::BPF_F_RDONLY_PROG, helpers};
use axbpf_isa::{Imm64, Insn, InsnIdx};
use axbpf_loader::{LinkedProgram, MapSpec, ObjectSpec, SectionDef};
use axbpf_verifier::{GlobalFunc, MapInfo, Rejected, Request, Verdict, map_fields, verify};

use crate::{
    Failure,
    args::{Args, hex},
    conformance::slots,
    object::Object,
};

/// What the options say of every program.
struct Options {
    prog_type: Option<&'static SectionDef>,
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
        let def = options.prog_type.ok_or_else(|| Failure::unusable("instructions on standard input need --type"))?;
        let attach_type = expected_attach_type(def.prog_type, def.attach_type.map_or(0, |attach_type| attach_type as u32));
        let verdict = match CtxLayout::of(def.prog_type, attach_type, options.arch) {
            Some(ctx) => {
                let helper = |id| helpers::of(id, def.prog_type, attach_type);
                let (sleepable, log_level) = (def.is_sleepable(), options.log_level);
                let request = Request { attach_type, sleepable, helper: &helper, log_level, ..Request::new(&slots, def.prog_type, ctx) };
                check(&request).map_err(|rejected| rejected.to_string())
            }
            None => Err(format!("insn 0: programs of type {} cannot be verified", def.prog_type)),
        };
        tell("-", verdict, slots.len())?;
        return Ok(status);
    }
    let object = Object::read(&path, only)?;
    for (program, linked) in object.programs() {
        match linked {
            Ok(linked) => tell(&program.name, with_options(&object.spec, &linked, &options), linked.insns.len())?,
            Err(error) => tell(&program.name, Err(error.to_string()), 0)?,
        }
    }
    Ok(status)
}

/// By libbpf's section prefix.
fn prog_type(name: &str) -> Result<&'static SectionDef, Failure> {
    let def = SectionDef::of(name).map(|(def, _)| def);
    def.ok_or_else(|| Failure::unusable(format!("type {name} is unknown; libbpf's section prefixes are types: kprobe, xdp, socket, ...")))
}

/// What the verifier says of a program, without a log.
pub fn program_verdict(spec: &ObjectSpec, linked: &LinkedProgram, arch: Arch) -> Result<Verdict, String> {
    with_options(spec, linked, &Options { prog_type: None, arch, log_level: 0 })
}

fn with_options(spec: &ObjectSpec, linked: &LinkedProgram, options: &Options) -> Result<Verdict, String> {
    let (prog_type, attach_type, sleepable) = match (options.prog_type, linked.def) {
        (Some(def), _) | (None, Some(def)) => (def.prog_type, def.attach_type, def.is_sleepable()),
        (None, None) => return Err(linked.prog_type().map_or_else(|e| e.to_string(), |_| String::new())),
    };
    let attach_type = expected_attach_type(prog_type, attach_type.map_or(0, |attach_type| attach_type as u32));
    let map = |at: InsnIdx| {
        let Ok(Insn::LoadImm64 { imm: Imm64::MapIdx(idx) | Imm64::MapIdxValue { idx, .. }, .. }) = axbpf_isa::decode(&linked.insns, at)
        else {
            return None;
        };
        let id = *linked.maps.get(usize::try_from(idx).ok()?)?;
        map_info(spec, id as u32, &spec.maps[id])
    };
    let global = |at: InsnIdx| {
        let info = linked.func_info.iter().find(|info| info.insn_off == at.0)?;
        GlobalFunc::of(spec.btf.as_ref()?, info.type_id)
    };
    let source = |at| {
        let line = spec.source_line(linked.line_at(at)?)?;
        Some(format!("{}:{}: {}", line.file, line.line, line.text.trim()))
    };
    let unresolved = |rejected: Rejected| match linked.unresolved_at(rejected.at) {
        Some(unresolved) => format!("{rejected} ({unresolved})"),
        None => rejected.to_string(),
    };
    let helper = |id| helpers::of(id, prog_type, attach_type);
    let Some(ctx) = CtxLayout::of(prog_type, attach_type, options.arch) else {
        return Err(format!("insn 0: programs of type {prog_type} cannot be verified"));
    };
    let request = Request {
        attach_type,
        gpl: axbpf_abi::is_gpl_compatible(&spec.license),
        sleepable,
        map: &map,
        helper: &helper,
        global: &global,
        source: &source,
        log_level: options.log_level,
        ..Request::new(&linked.insns, prog_type, ctx)
    };
    check(&request).map_err(unresolved)
}

/// What the verifier is told of a map.
fn map_info(spec: &ObjectSpec, id: u32, map: &MapSpec) -> Option<MapInfo> {
    let mut info = MapInfo::new(id, map.kind()?, map.key_size, map.value_size, map.max_entries, map.map_flags);
    info.name = map.name.clone();
    if let Some(btf) = &spec.btf {
        info.fields = map_fields(btf, map.btf_value_type_id);
    }
    let constant = map.frozen && map.map_flags & BPF_F_RDONLY_PROG != 0;
    info.contents = map.data.as_ref().filter(|_| constant).map(|data| data.bytes.as_slice().into());
    if let Some(inner) = &map.inner {
        info.inner = Some(Box::new(map_info(spec, u32::MAX, inner)?));
    }
    Some(info)
}

fn check(request: &Request<'_>) -> Result<Verdict, Rejected> {
    let mut log = String::new();
    let result = verify(request, &mut log);
    eprint!("{log}");
    result
}
