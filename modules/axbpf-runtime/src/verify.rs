//! What the verifier is told of a program, and what comes back.
use crate::prog::Link;
use crate::{ProgSpec, helpers};
use axbpf_abi::CtxLayout;
use axbpf_abi::flags::BPF_F_STRICT_ALIGNMENT;
use axbpf_isa::InsnIdx;
use axbpf_verifier::{Limits, MapInfo, Request, Verdict};
use core::fmt::Write;

pub use axbpf_verifier::{Reason, Rejected};

/// Verifies a program whose maps are `links`.
pub(crate) fn verify(spec: &ProgSpec<'_>, ctx: CtxLayout, gpl: bool, links: &[Link], log: &mut dyn Write) -> Result<Verdict, Rejected> {
    #[cfg(feature = "axbpf-maps")]
    let map = |at: InsnIdx| {
        let link = links.binary_search_by_key(&at, |link| link.at).ok().map(|i| &links[i])?;
        let spec = link.map.spec();
        let (key_size, value_size) = (spec.key_size, spec.value_size);
        Some(MapInfo { id: link.map.id(), map_type: spec.map_type, key_size, value_size, flags: spec.flags })
    };
    #[cfg(not(feature = "axbpf-maps"))]
    let map = |_: InsnIdx| -> Option<MapInfo> {
        let _ = links;
        None
    };
    let source = |at| spec.source.and_then(|source| source(at));
    let request = Request {
        slots: &spec.insns,
        prog_type: spec.prog_type,
        ctx,
        gpl,
        strict_alignment: spec.flags & BPF_F_STRICT_ALIGNMENT != 0,
        map: &map,
        helper: &helpers::proto,
        source: &source,
        log_level: spec.log_level,
        limits: Limits::default(),
    };
    axbpf_verifier::verify(&request, log)
}
