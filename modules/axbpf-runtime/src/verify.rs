//! What the verifier is told of a program, and what comes back.
use crate::prog::Link;
use crate::{ProgSpec, helpers};
#[cfg(feature = "axbpf-maps")]
use alloc::{boxed::Box, string::ToString};
use axbpf_abi::CtxLayout;
use axbpf_abi::flags::{BPF_F_SLEEPABLE, BPF_F_STRICT_ALIGNMENT};
#[cfg(feature = "axbpf-maps")]
use axbpf_abi::{MapType, flags::BPF_F_RDONLY_PROG};
use axbpf_isa::InsnIdx;
#[cfg(feature = "axbpf-maps")]
use axbpf_maps::{Map, MapSpec};
use axbpf_verifier::{MapInfo, Request, Verdict};
use core::fmt::Write;

pub use axbpf_verifier::{GlobalFunc, Reason, Rejected};

/// Verifies a program whose maps are `links`.
pub(crate) fn verify(spec: &ProgSpec<'_>, ctx: CtxLayout, gpl: bool, links: &[Link], log: &mut dyn Write) -> Result<Verdict, Rejected> {
    #[cfg(feature = "axbpf-maps")]
    let map = |at: InsnIdx| {
        let link = links.binary_search_by_key(&at, |link| link.at).ok().map(|i| &links[i])?;
        Some(map_info(&link.map))
    };
    #[cfg(not(feature = "axbpf-maps"))]
    let map = |_: InsnIdx| -> Option<MapInfo> {
        let _ = links;
        None
    };
    let attach_type = axbpf_abi::expected_attach_type(spec.prog_type, spec.expected_attach_type);
    // Those that have a body here.
    let helper = |id| axbpf_abi::helpers::of(id, spec.prog_type, attach_type).filter(|_| helpers::body(id).is_some());
    let source = |at| spec.source.and_then(|source| source(at));
    let global = |at| spec.global.and_then(|global| global(at));
    let request = Request {
        attach_type,
        gpl,
        sleepable: spec.flags & BPF_F_SLEEPABLE != 0,
        strict_alignment: spec.flags & BPF_F_STRICT_ALIGNMENT != 0,
        cpus: axbpf_platform::cpu_count() as u32,
        map: &map,
        helper: &helper,
        kfunc: &|_| None,
        global: &global,
        source: &source,
        log_level: spec.log_level,
        ..Request::new(&spec.insns, spec.prog_type, ctx)
    };
    axbpf_verifier::verify(&request, log)
}

/// What the verifier is told of a map. What a frozen map of constants holds is as good as in the program.
#[cfg(feature = "axbpf-maps")]
fn map_info(map: &Map) -> MapInfo {
    let spec = map.spec();
    let mut info = spec_info(map.id(), spec);
    info.name = map.name().to_string();
    info.inner = map.inner_spec().map(|inner| Box::new(spec_info(u32::MAX, inner)));
    if map.is_frozen() && spec.flags & BPF_F_RDONLY_PROG != 0 && spec.map_type == MapType::Array && spec.max_entries == 1 {
        info.contents = map.get(&[0; 4]).ok().map(Into::into);
    }
    info
}

#[cfg(feature = "axbpf-maps")]
fn spec_info(id: u32, spec: &MapSpec) -> MapInfo {
    let info = MapInfo::new(id, spec.map_type, spec.key_size, spec.value_size, spec.max_entries, spec.flags);
    MapInfo { fields: spec.fields, ..info }
}
