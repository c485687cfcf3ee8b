//! The prototypes of the helpers that exist here; their bodies are in axbpf-runtime, each beside the name of its prototype.
//!
//! Sources: `include/uapi/linux/bpf.h` for ids and meaning, `kernel/bpf/helpers.c`, `kernel/bpf/ringbuf.c` and
//! `kernel/trace/bpf_trace.c` for arguments and who may call.
use crate::Progs::{All, Only, Tracing};
use crate::{Access, Arg, HelperProto, MapType, ProgType, Ret};

/// Maps with keys and values that programs look up.
const KEYED: &[MapType] = &[MapType::Array, MapType::PercpuArray, MapType::Hash, MapType::PercpuHash];
const RINGBUF: &[MapType] = &[MapType::Ringbuf];

const READ: Arg = Arg::Mem { access: Access::Read, nullable: false };
const READ_OR_NULL: Arg = Arg::Mem { access: Access::Read, nullable: true };
const WRITE: Arg = Arg::Mem { access: Access::Write, nullable: false };
const SIZE: Arg = Arg::Size { zero: false };
const SIZE_OR_ZERO: Arg = Arg::Size { zero: true };

/// Programs at functions.
const PROBES: crate::Progs = Only(&[ProgType::Kprobe, ProgType::Tracing]);
/// Programs that a link attaches with a cookie.
const ATTACHED: crate::Progs = Only(&[
    ProgType::Kprobe,
    ProgType::Tracepoint,
    ProgType::RawTracepoint,
    ProgType::RawTracepointWritable,
    ProgType::Tracing,
    ProgType::PerfEvent,
    ProgType::Lsm,
]);

macro_rules! protos {
    ($($konst:ident = $id:literal, $name:literal, [$($arg:expr),*], $ret:ident, $progs:expr $(, $gpl:ident)?;)*) => {
        $(#[doc = concat!("`", $name, "`.")]
        pub const $konst: HelperProto = HelperProto {
            id: $id, name: $name, args: &[$($arg),*], ret: Ret::$ret, gpl_only: protos!(@gpl $($gpl)?), progs: $progs,
        };)*
        /// Every prototype, by id.
        pub const ALL: &[HelperProto] = &[$($konst),*];
    };
    (@gpl gpl) => { true };
    (@gpl) => { false };
}

protos! {
    MAP_LOOKUP_ELEM = 1, "bpf_map_lookup_elem", [Arg::MapPtr(KEYED), Arg::MapKey], MapValueOrNull, All;
    MAP_UPDATE_ELEM = 2, "bpf_map_update_elem", [Arg::MapPtr(KEYED), Arg::MapKey, Arg::MapValue, Arg::Anything], Integer, All;
    MAP_DELETE_ELEM = 3, "bpf_map_delete_elem", [Arg::MapPtr(KEYED), Arg::MapKey], Integer, All;
    PROBE_READ = 4, "bpf_probe_read", [WRITE, SIZE_OR_ZERO, Arg::UnsafeAddr], Integer, Tracing, gpl;
    KTIME_GET_NS = 5, "bpf_ktime_get_ns", [], Integer, All;
    TRACE_PRINTK = 6, "bpf_trace_printk", [READ, SIZE], Integer, All, gpl; // and up to three values: as Linux, they are not checked
    GET_PRANDOM_U32 = 7, "bpf_get_prandom_u32", [], Integer, All;
    GET_SMP_PROCESSOR_ID = 8, "bpf_get_smp_processor_id", [], Integer, All;
    GET_CURRENT_PID_TGID = 14, "bpf_get_current_pid_tgid", [], Integer, All;
    GET_CURRENT_COMM = 16, "bpf_get_current_comm", [WRITE, SIZE], Integer, All;
    PROBE_READ_STR = 45, "bpf_probe_read_str", [WRITE, SIZE_OR_ZERO, Arg::UnsafeAddr], Integer, Tracing, gpl;
    PROBE_READ_KERNEL = 113, "bpf_probe_read_kernel", [WRITE, SIZE_OR_ZERO, Arg::UnsafeAddr], Integer, Tracing, gpl;
    PROBE_READ_KERNEL_STR = 115, "bpf_probe_read_kernel_str", [WRITE, SIZE_OR_ZERO, Arg::UnsafeAddr], Integer, Tracing, gpl;
    RINGBUF_OUTPUT = 130, "bpf_ringbuf_output", [Arg::MapPtr(RINGBUF), READ, SIZE_OR_ZERO, Arg::Anything], Integer, All;
    RINGBUF_RESERVE = 131, "bpf_ringbuf_reserve", [Arg::MapPtr(RINGBUF), Arg::AllocSize, Arg::Anything], RingbufRecordOrNull, All;
    RINGBUF_SUBMIT = 132, "bpf_ringbuf_submit", [Arg::RingbufRecord, Arg::Anything], Void, All;
    RINGBUF_DISCARD = 133, "bpf_ringbuf_discard", [Arg::RingbufRecord, Arg::Anything], Void, All;
    RINGBUF_QUERY = 134, "bpf_ringbuf_query", [Arg::MapPtr(RINGBUF), Arg::Anything], Integer, All;
    GET_FUNC_IP = 173, "bpf_get_func_ip", [Arg::Ctx], Integer, PROBES, gpl;
    GET_ATTACH_COOKIE = 174, "bpf_get_attach_cookie", [Arg::Ctx], Integer, ATTACHED;
    TRACE_VPRINTK = 177, "bpf_trace_vprintk", [READ, SIZE, READ_OR_NULL, SIZE_OR_ZERO], Integer, All, gpl;
}

/// The prototype of the helper with this id, if it exists here.
pub fn by_id(id: u32) -> Option<&'static HelperProto> {
    ALL.binary_search_by_key(&id, |p| p.id).ok().map(|i| &ALL[i])
}
