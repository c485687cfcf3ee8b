//! Objects before the verifier, as a loader would bring them there.
use axbpf_abi::flags::BPF_F_RDONLY_PROG;
use axbpf_abi::{Arch, CtxLayout, kfuncs};
use axbpf_isa::{Imm64, Insn, InsnIdx};
use axbpf_loader::{LinkedProgram, MapSpec, ObjectSpec, Resolver};
use axbpf_verifier::*;

/// Finds kernel functions by their names.
pub struct Kfuncs;

impl Resolver for Kfuncs {
    fn kfunc(&mut self, name: &str) -> Option<u32> {
        kfuncs::by_name(name).map(|proto| proto.id)
    }
}

/// What the verifier is told of a map.
pub fn map_info(spec: &ObjectSpec, id: u32, map: &MapSpec) -> Option<MapInfo> {
    let mut info = MapInfo::new(id, map.kind()?, map.key_size, map.value_size, map.max_entries, map.map_flags);
    info.name = map.name.clone();
    if let Some(btf) = &spec.btf {
        info.fields = map_fields(btf, map.btf_value_type_id);
    }
    let constant = map.frozen && map.map_flags & BPF_F_RDONLY_PROG != 0;
    info.contents = map.data.as_ref().filter(|_| constant).map(|data| data.bytes.as_slice().into());
    info.inner = match &map.inner {
        Some(inner) => Some(Box::new(map_info(spec, u32::MAX, inner)?)),
        None => None,
    };
    Some(info)
}

/// What the verifier says, and its log.
pub fn verify_object(
    spec: &ObjectSpec,
    linked: &LinkedProgram,
    arch: Arch,
    strict_alignment: bool,
    log_level: u32,
) -> (Result<Verdict, Rejected>, String) {
    let def = linked.def.expect("a section that says what its programs are");
    let attach_type = def.attach_type.map_or(0, |attach_type| attach_type as u32);
    let ctx = CtxLayout::of(def.prog_type, attach_type, arch).expect("a type that has a context");
    let map = |at: InsnIdx| {
        let Ok(Insn::LoadImm64 { imm: Imm64::MapIdx(idx) | Imm64::MapIdxValue { idx, .. }, .. }) = axbpf_isa::decode(&linked.insns, at)
        else {
            return None;
        };
        let id = linked.maps[idx as usize];
        map_info(spec, id as u32, &spec.maps[id])
    };
    let global = |at: InsnIdx| {
        let info = linked.func_info.iter().find(|info| info.insn_off == at.0)?;
        GlobalFunc::of(spec.btf.as_ref()?, info.type_id)
    };
    let helper = |id: u32| axbpf_abi::helpers::of(id, def.prog_type, attach_type);
    let source = |at: InsnIdx| {
        let line = linked.line_info.iter().find(|line| line.insn_off == at.0)?;
        Some(spec.source_line(line)?.text.trim().to_owned())
    };
    let request = Request {
        attach_type,
        gpl: axbpf_abi::is_gpl_compatible(&spec.license),
        sleepable: def.is_sleepable(),
        strict_alignment,
        map: &map,
        global: &global,
        helper: &helper,
        source: &source,
        log_level,
        ..Request::new(&linked.insns, def.prog_type, ctx)
    };
    let mut log = String::new();
    let result = verify(&request, &mut log);
    (result, log)
}
