//! `axbpf dump`: linked programs as text.
use std::{
    fmt::Write as _,
    io::{self, Write as _},
    process::ExitCode,
};

use axbpf_isa::{Callee, Imm64, Insn, InsnIdx, insns};
use axbpf_jit::Image;
use axbpf_loader::{LinkedProgram, ObjectSpec};

use crate::{Failure, args::Args, jit, object::Object};

pub fn run(mut args: Args) -> Result<ExitCode, Failure> {
    let (only, bytes) = (args.value("--prog")?, args.flag("--bytes"));
    let target = args.value("--jit")?.map(|name| jit::target(&name)).transpose()?;
    let object = Object::read(&args.operand("OBJ")?, only)?;
    let mut out = io::stdout().lock();
    let mut status = ExitCode::SUCCESS;
    for (program, linked) in object.programs() {
        match linked {
            Ok(linked) => {
                write!(out, "{} section {}: {} slots", program.name, program.section, linked.insns.len())?;
                let image = match target.map(|target| jit::image(&linked, target)).transpose() {
                    Ok(image) => image,
                    Err(error) => {
                        writeln!(out)?;
                        eprintln!("axbpf: program {}: {error}", program.name);
                        status = ExitCode::FAILURE;
                        continue;
                    }
                };
                match &image {
                    Some(image) => writeln!(out, ", {} bytes of machine code", image.code.len())?,
                    None => writeln!(out)?,
                }
                out.write_all(text(&object.spec, &linked, bytes, image.as_ref()).as_bytes())?;
            }
            Err(error) => {
                eprintln!("axbpf: {error}");
                status = ExitCode::FAILURE;
            }
        }
    }
    Ok(status)
}

/// One instruction a line, in the notation of llvm-objdump, under the names of its functions and the source lines it comes from.
fn text(spec: &ObjectSpec, linked: &LinkedProgram, bytes: bool, image: Option<&Image>) -> String {
    let mut out = String::new();
    let mut shown = None;
    for (at, insn) in insns(&linked.insns) {
        if let Some(func) = linked.funcs.iter().find(|f| f.start == at) {
            let _ = writeln!(out, "{}:", func.name);
        }
        if let Some(info) = linked.line_at(at).filter(|info| info.insn_off == at.0 && shown != Some(info.line())) {
            shown = Some(info.line());
            if let Some(line) = spec.source_line(info).filter(|l| !l.text.is_empty()) {
                let _ = writeln!(out, "; {}", line.text.trim());
            }
        }
        let _ = write!(out, "{:>6}: ", at.0);
        if bytes {
            let slots = insn.as_ref().map_or(1, Insn::slots);
            let hex = linked.insns[at.at()..].iter().take(slots).flat_map(|slot| slot.to_bytes());
            let hex: String = hex.map(|b| format!("{b:02x} ")).collect();
            let _ = write!(out, "{hex:<49}");
        }
        let _ = match insn {
            Ok(insn) => writeln!(out, "{insn}{}", remark(spec, linked, at, insn)),
            Err(error) => writeln!(out, "<{error}>"),
        };
        if let Some(image) = image {
            let next = InsnIdx(at.0 + insn.as_ref().map_or(1, Insn::slots) as u32);
            out += &jit::words(image, at, next);
        }
    }
    out
}

/// The names behind an instruction's numbers.
fn remark(spec: &ObjectSpec, linked: &LinkedProgram, at: InsnIdx, insn: Insn) -> String {
    let map = |idx: i32| usize::try_from(idx).ok().and_then(|i| Some(spec.maps[*linked.maps.get(i)?].name.as_str())).unwrap_or("?");
    let func = |offset| at.branch(offset, linked.insns.len()).and_then(|to| linked.func_at(to)).map_or("?", |f| f.name.as_str());
    match insn {
        Insn::LoadImm64 { imm: Imm64::MapIdx(idx), .. } => format!(" ; map {}", map(idx)),
        Insn::LoadImm64 { imm: Imm64::MapIdxValue { idx, off }, .. } => {
            let spec = spec.map(map(idx)).and_then(|(_, m)| m.data.as_ref());
            let var = spec.and_then(|d| d.vars.iter().find(|v| (v.offset..v.offset.saturating_add(v.size.max(1))).contains(&off)));
            match var {
                Some(var) if var.offset == off => format!(" ; {}", var.name),
                Some(var) => format!(" ; {}+{}", var.name, off - var.offset),
                None => format!(" ; {}+{off}", map(idx)),
            }
        }
        Insn::LoadImm64 { imm: Imm64::Func { offset }, .. } | Insn::Call(Callee::Local { offset }) => format!(" ; {}", func(offset)),
        Insn::Call(Callee::Helper(_)) => linked.unresolved_at(at).map_or_else(String::new, |u| format!(" ; {u}")),
        _ => String::new(),
    }
}
