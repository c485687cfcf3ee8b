//! The prototypes of the helpers that exist here; their bodies are in axbpf-runtime, each beside the name of its prototype.
//!
//! Sources: `include/uapi/linux/bpf.h` for ids and meaning, `kernel/bpf/helpers.c`, `kernel/bpf/ringbuf.c` and
//! `kernel/trace/bpf_trace.c` for arguments and who may call.
use crate::{Access, Arg, HelperProto, MapType, ProgType, Progs, Ret};

/// Maps with keys and values that programs look up.
const KEYED: &[MapType] = &[MapType::Array, MapType::PercpuArray, MapType::Hash, MapType::PercpuHash];
const RINGBUF: &[MapType] = &[MapType::Ringbuf];

const READ: Arg = Arg::Mem { access: Access::Read, nullable: false };
const READ_OR_NULL: Arg = Arg::Mem { access: Access::Read, nullable: true };
const WRITE: Arg = Arg::Mem { access: Access::Write, nullable: false };
const SIZE: Arg = Arg::Size { zero: false };
const SIZE_OR_ZERO: Arg = Arg::Size { zero: true };

const ALL_TYPES: Progs = Progs::ALL;
const TRACING: Progs = Progs::TRACING;
/// Programs at functions.
const PROBES: Progs = Progs::of(&[ProgType::Kprobe, ProgType::Tracing]);
/// Programs that a link attaches with a cookie.
const ATTACHED: Progs = Progs::of(&[
    ProgType::Kprobe,
    ProgType::Tracepoint,
    ProgType::RawTracepoint,
    ProgType::RawTracepointWritable,
    ProgType::Tracing,
    ProgType::PerfEvent,
    ProgType::Lsm,
]);

macro_rules! protos {
    ($($konst:ident = $id:literal, $name:literal, [$($arg:expr),*], $ret:expr, $progs:expr $(, $gpl:ident)?;)*) => {
        $(#[doc = concat!("`", $name, "`.")]
        pub const $konst: HelperProto = HelperProto {
            id: $id, name: $name, args: &[$($arg),*], ret: $ret, progs: $progs, flags: protos!(@gpl $($gpl)?),
        };)*
        /// Every prototype, by id.
        pub const ALL: &[HelperProto] = &[$($konst),*];
    };
    (@gpl gpl) => { HelperProto::GPL };
    (@gpl) => { 0 };
}

protos! {
    MAP_LOOKUP_ELEM = 1, "bpf_map_lookup_elem", [Arg::MapPtr(KEYED), Arg::MapKey], Ret::MapValue { nullable: true }, ALL_TYPES;
    MAP_UPDATE_ELEM = 2, "bpf_map_update_elem", [Arg::MapPtr(KEYED), Arg::MapKey, Arg::MapValue { access: Access::Read, nullable: false }, Arg::Anything], Ret::Integer, ALL_TYPES;
    MAP_DELETE_ELEM = 3, "bpf_map_delete_elem", [Arg::MapPtr(KEYED), Arg::MapKey], Ret::Integer, ALL_TYPES;
    PROBE_READ = 4, "bpf_probe_read", [WRITE, SIZE_OR_ZERO, Arg::UnsafeAddr], Ret::Integer, TRACING, gpl;
    KTIME_GET_NS = 5, "bpf_ktime_get_ns", [], Ret::Integer, ALL_TYPES;
    TRACE_PRINTK = 6, "bpf_trace_printk", [READ, SIZE], Ret::Integer, ALL_TYPES, gpl; // and up to three values: as Linux, they are not checked
    GET_PRANDOM_U32 = 7, "bpf_get_prandom_u32", [], Ret::Integer, ALL_TYPES;
    GET_SMP_PROCESSOR_ID = 8, "bpf_get_smp_processor_id", [], Ret::Integer, ALL_TYPES;
    GET_CURRENT_PID_TGID = 14, "bpf_get_current_pid_tgid", [], Ret::Integer, ALL_TYPES;
    GET_CURRENT_COMM = 16, "bpf_get_current_comm", [WRITE, SIZE], Ret::Integer, ALL_TYPES;
    PROBE_READ_STR = 45, "bpf_probe_read_str", [WRITE, SIZE_OR_ZERO, Arg::UnsafeAddr], Ret::Integer, TRACING, gpl;
    PROBE_READ_KERNEL = 113, "bpf_probe_read_kernel", [WRITE, SIZE_OR_ZERO, Arg::UnsafeAddr], Ret::Integer, TRACING, gpl;
    PROBE_READ_KERNEL_STR = 115, "bpf_probe_read_kernel_str", [WRITE, SIZE_OR_ZERO, Arg::UnsafeAddr], Ret::Integer, TRACING, gpl;
    RINGBUF_OUTPUT = 130, "bpf_ringbuf_output", [Arg::MapPtr(RINGBUF), READ, SIZE_OR_ZERO, Arg::Anything], Ret::Integer, ALL_TYPES;
    RINGBUF_RESERVE = 131, "bpf_ringbuf_reserve", [Arg::MapPtr(RINGBUF), Arg::AllocSize, Arg::Anything], Ret::RingbufRecordOrNull, ALL_TYPES;
    RINGBUF_SUBMIT = 132, "bpf_ringbuf_submit", [Arg::RingbufRecord, Arg::Anything], Ret::Void, ALL_TYPES;
    RINGBUF_DISCARD = 133, "bpf_ringbuf_discard", [Arg::RingbufRecord, Arg::Anything], Ret::Void, ALL_TYPES;
    RINGBUF_QUERY = 134, "bpf_ringbuf_query", [Arg::MapPtr(RINGBUF), Arg::Anything], Ret::Integer, ALL_TYPES;
    GET_FUNC_IP = 173, "bpf_get_func_ip", [Arg::Ctx { nullable: false }], Ret::Integer, PROBES, gpl;
    GET_ATTACH_COOKIE = 174, "bpf_get_attach_cookie", [Arg::Ctx { nullable: false }], Ret::Integer, ATTACHED;
    TRACE_VPRINTK = 177, "bpf_trace_vprintk", [READ, SIZE, READ_OR_NULL, SIZE_OR_ZERO], Ret::Integer, ALL_TYPES, gpl;
}

/// The prototype of the helper with this id, if it exists here.
pub fn by_id(id: u32) -> Option<&'static HelperProto> {
    ALL.binary_search_by_key(&id, |p| p.id).ok().map(|i| &ALL[i])
}
