//! The prototypes of the helpers of Linux 6.12. Those that exist here have their bodies in axbpf-runtime, each beside the name of its
//! prototype.
//!
//! Sources: `include/uapi/linux/bpf.h` for ids and meaning; the `bpf_func_proto` structs of `kernel/bpf/*.c`, `kernel/trace/bpf_trace.c`,
//! `net/core/*.c` and `drivers/media/rc/bpf-lirc.c` for arguments; the `*_func_proto` functions there for who may call, with all capabilities;
//! `check_map_func_compatibility` for map types; `bpf_helper_changes_pkt_data`.
//!
//! Where Linux has several prototypes of a helper, the table holds the one of the user API and [`VARIANTS`] the others; [`of`] chooses.
//! Two rows are stricter than Linux: `bpf_get_stack` writes its buffer in raw tracepoints too, which Linux takes for reading, and
//! `bpf_get_branch_snapshot` has flags, which Linux does not check. Memory that a helper fills but Linux only checks for reading
//! (ARG_PTR_TO_MEM) has to be initialised and writable.
use crate::{
    Access, Arg, AttachType, Callback, DynptrKind, DynptrState, HelperProto, MapType,
    ProgType::{self, *},
    Progs, Ret, SockKind,
};

/// What a program looks up: a value, or in a map of maps the inner map, in a map of sockets a socket that it holds.
const LOOKUP: &[MapType] = &[
    MapType::Hash,
    MapType::Array,
    MapType::PercpuHash,
    MapType::PercpuArray,
    MapType::LruHash,
    MapType::LruPercpuHash,
    MapType::LpmTrie,
    MapType::ArrayOfMaps,
    MapType::HashOfMaps,
    MapType::Devmap,
    MapType::DevmapHash,
    MapType::Sockmap,
    MapType::Sockhash,
    MapType::Xskmap,
];
/// What a program updates and deletes from; [`may_update_sockmap`] has to be asked too.
const UPDATE: &[MapType] = &[
    MapType::Hash,
    MapType::Array,
    MapType::PercpuHash,
    MapType::PercpuArray,
    MapType::LruHash,
    MapType::LruPercpuHash,
    MapType::LpmTrie,
    MapType::Sockmap,
    MapType::Sockhash,
];
/// Maps with `map_set_for_each_callback_args`.
const EACH: &[MapType] =
    &[MapType::Hash, MapType::Array, MapType::PercpuHash, MapType::PercpuArray, MapType::LruHash, MapType::LruPercpuHash];
/// Maps whose values may hold a timer (`map_check_btf`).
const TIMERS: &[MapType] = &[MapType::Hash, MapType::LruHash, MapType::Array];
const PERCPU: &[MapType] = &[MapType::PercpuArray, MapType::PercpuHash, MapType::LruPercpuHash];
const PUSH: &[MapType] = &[MapType::Queue, MapType::Stack, MapType::BloomFilter];
const POP: &[MapType] = &[MapType::Queue, MapType::Stack];
const PROG_ARRAY: &[MapType] = &[MapType::ProgArray];
const PERF_EVENTS: &[MapType] = &[MapType::PerfEventArray];
const RINGBUF: &[MapType] = &[MapType::Ringbuf];
const USER_RINGBUF: &[MapType] = &[MapType::UserRingbuf];
const STACK_TRACE: &[MapType] = &[MapType::StackTrace];
const CGROUP_ARRAY: &[MapType] = &[MapType::CgroupArray];
const CGROUP_STORAGES: &[MapType] = &[MapType::CgroupStorage, MapType::PercpuCgroupStorage];
const REDIRECT_MAPS: &[MapType] = &[MapType::Devmap, MapType::DevmapHash, MapType::Cpumap, MapType::Xskmap];
const SOCKMAP: &[MapType] = &[MapType::Sockmap];
const SOCKHASH: &[MapType] = &[MapType::Sockhash];
const REUSEPORT: &[MapType] = &[MapType::ReuseportSockarray, MapType::Sockmap, MapType::Sockhash];
const SK_STORAGE: &[MapType] = &[MapType::SkStorage];
const INODE_STORAGE: &[MapType] = &[MapType::InodeStorage];
const TASK_STORAGE: &[MapType] = &[MapType::TaskStorage];
const CGRP_STORAGE: &[MapType] = &[MapType::CgrpStorage];

const ANY: Arg = Arg::Anything;
const CTX: Arg = Arg::Ctx { nullable: false };
const READ: Arg = Arg::Mem { access: Access::Read, nullable: false };
const READ_OR_NULL: Arg = Arg::Mem { access: Access::Read, nullable: true };
const WRITE: Arg = Arg::Mem { access: Access::Write, nullable: false };
const CHANGE: Arg = Arg::Mem { access: Access::ReadWrite, nullable: false };
const CHANGE_OR_NULL: Arg = Arg::Mem { access: Access::ReadWrite, nullable: true };
const SIZE: Arg = Arg::Size { zero: false };
const SIZE_OR_ZERO: Arg = Arg::Size { zero: true };
const VALUE: Arg = Arg::MapValue { access: Access::Read, nullable: false };
const VALUE_OR_NULL: Arg = Arg::MapValue { access: Access::Read, nullable: true };
const VALUE_OUT: Arg = Arg::MapValue { access: Access::Write, nullable: false };
const SOCK: Arg = Arg::Sock { release: false, nullable: false, common: true };
const SOCK_OR_NULL: Arg = Arg::Sock { release: false, nullable: true, common: true };
const DYNPTR: Arg = dynptr(DynptrState::Use { rdonly: true });
const NUMBER: Ret = Ret::Integer;

const fn fixed(size: u32, align: u32, access: Access) -> Arg {
    Arg::FixedMem { size, align, access }
}
const fn btf(name: &'static str) -> Arg {
    Arg::Btf { name, release: false, nullable: false }
}
const fn btf_or_null(name: &'static str) -> Arg {
    Arg::Btf { name, release: false, nullable: true }
}
const fn dynptr(state: DynptrState) -> Arg {
    Arg::Dynptr { state }
}
const fn sock(kind: SockKind) -> Ret {
    Ret::SockOrNull { kind, acquire: false }
}
const fn held(kind: SockKind) -> Ret {
    Ret::SockOrNull { kind, acquire: true }
}
const fn ret_btf(name: &'static str, nullable: bool) -> Ret {
    Ret::Btf { name, nullable, acquire: false }
}
const fn only(types: &[ProgType]) -> Progs {
    Progs::of(types)
}

const ALL_TYPES: Progs = Progs::ALL;
/// What `bpf_base_func_proto` offers; infrared decoders choose from it.
const BASE: Progs = Progs::ALL.without(only(&[LircMode2]));
/// `bpf_tracing_func_proto`.
const TRACING: Progs = Progs::TRACING;
/// `tracing_prog_func_proto`.
const BTF_TRACING: Progs = only(&[Tracing, Lsm, Syscall]);
/// `bpf_sk_base_func_proto`.
const SOCKET_BASE: Progs =
    only(&[SocketFilter, SchedCls, SchedAct, Xdp, CgroupSkb, CgroupSockAddr, SockOps, SkSkb, SkMsg, FlowDissector, SkLookup]).and(LWT);
/// `tc_cls_act_func_proto`.
const TC: Progs = only(&[SchedCls, SchedAct]);
/// `lwt_out_func_proto`.
const LWT: Progs = only(&[LwtIn, LwtOut, LwtXmit, LwtSeg6local]);
/// `cgroup_common_func_proto`.
const CGROUP: Progs = only(&[CgroupSkb, CgroupSock, CgroupSockAddr, SockOps, CgroupDevice, CgroupSysctl, CgroupSockopt, Lsm]);
/// `cgroup_current_func_proto`: these run in the task that they are about.
const CGROUP_TASK: Progs = only(&[CgroupSock, CgroupSockAddr, CgroupDevice, CgroupSysctl, CgroupSockopt]);

/// Rows: name here, id, name, arguments, result, program types; then `gpl`, `packet` (PKT_ACCESS), `moves` (CHANGES_PACKET), `sleeps`
/// (MIGHT_SLEEP).
macro_rules! protos {
    ($($konst:ident = $id:literal, $name:literal, [$($arg:expr),*], $ret:expr, $progs:expr $(, $flag:ident)*;)*) => {
        $(#[doc = concat!("`", $name, "`.")]
        pub const $konst: HelperProto = HelperProto {
            id: $id, name: $name, args: &[$($arg),*], ret: $ret, progs: $progs, flags: 0 $(| flag!($flag))*,
        };)*
        /// Every prototype, by id: that of helper `id` is at `id - 1`.
        pub const ALL: &[HelperProto] = &[$($konst),*];
    };
}

/// Rows: the helper's first prototype, then what is different.
macro_rules! variants {
    ($($konst:ident, [$($arg:expr),*], $ret:expr, $progs:expr $(, $flag:ident)*;)*) => {
        /// Other prototypes of some helpers, for the program types that see them.
        pub const VARIANTS: &[HelperProto] = &[$(HelperProto {
            args: &[$($arg),*], ret: $ret, progs: $progs, flags: 0 $(| flag!($flag))*, ..$konst
        }),*];
    };
}

macro_rules! flag {
    (gpl) => {
        HelperProto::GPL
    };
    (packet) => {
        HelperProto::PKT_ACCESS
    };
    (moves) => {
        HelperProto::CHANGES_PACKET
    };
    (sleeps) => {
        HelperProto::MIGHT_SLEEP
    };
}

protos! {
    MAP_LOOKUP_ELEM = 1, "bpf_map_lookup_elem", [Arg::MapPtr(LOOKUP), Arg::MapKey], Ret::MapValue { nullable: true }, ALL_TYPES, packet;
    MAP_UPDATE_ELEM = 2, "bpf_map_update_elem", [Arg::MapPtr(UPDATE), Arg::MapKey, VALUE, ANY], NUMBER, ALL_TYPES, packet;
    MAP_DELETE_ELEM = 3, "bpf_map_delete_elem", [Arg::MapPtr(UPDATE), Arg::MapKey], NUMBER, ALL_TYPES, packet;
    PROBE_READ = 4, "bpf_probe_read", [WRITE, SIZE_OR_ZERO, Arg::UnsafeAddr], NUMBER, TRACING, gpl;
    KTIME_GET_NS = 5, "bpf_ktime_get_ns", [], NUMBER, ALL_TYPES;
    TRACE_PRINTK = 6, "bpf_trace_printk", [READ, SIZE], NUMBER, ALL_TYPES, gpl; // and up to three values: as Linux, they are not checked
    GET_PRANDOM_U32 = 7, "bpf_get_prandom_u32", [], NUMBER, ALL_TYPES;
    GET_SMP_PROCESSOR_ID = 8, "bpf_get_smp_processor_id", [], NUMBER, BASE;
    SKB_STORE_BYTES = 9, "bpf_skb_store_bytes", [CTX, ANY, READ, SIZE, ANY], NUMBER, TC.and(only(&[LwtXmit, SkSkb])), moves;
    L3_CSUM_REPLACE = 10, "bpf_l3_csum_replace", [CTX, ANY, ANY, ANY, ANY], NUMBER, TC.and(only(&[LwtXmit])), moves;
    L4_CSUM_REPLACE = 11, "bpf_l4_csum_replace", [CTX, ANY, ANY, ANY, ANY], NUMBER, TC.and(only(&[LwtXmit])), moves;
    TAIL_CALL = 12, "bpf_tail_call", [CTX, Arg::MapPtr(PROG_ARRAY), ANY], Ret::Void, ALL_TYPES, moves;
    CLONE_REDIRECT = 13, "bpf_clone_redirect", [CTX, ANY, ANY], NUMBER, TC.and(only(&[LwtXmit])), moves;
    GET_CURRENT_PID_TGID = 14, "bpf_get_current_pid_tgid", [], NUMBER, BASE;
    GET_CURRENT_UID_GID = 15, "bpf_get_current_uid_gid", [], NUMBER, TRACING.and(CGROUP_TASK).and(only(&[SkMsg]));
    GET_CURRENT_COMM = 16, "bpf_get_current_comm", [WRITE, SIZE], NUMBER, TRACING.and(CGROUP_TASK);
    GET_CGROUP_CLASSID = 17, "bpf_get_cgroup_classid", [CTX], NUMBER, LWT.and(TC);
    SKB_VLAN_PUSH = 18, "bpf_skb_vlan_push", [CTX, ANY, ANY], NUMBER, TC, moves;
    SKB_VLAN_POP = 19, "bpf_skb_vlan_pop", [CTX], NUMBER, TC, moves;
    SKB_GET_TUNNEL_KEY = 20, "bpf_skb_get_tunnel_key", [CTX, WRITE, SIZE, ANY], NUMBER, TC.and(only(&[LwtXmit]));
    SKB_SET_TUNNEL_KEY = 21, "bpf_skb_set_tunnel_key", [CTX, READ, SIZE, ANY], NUMBER, TC.and(only(&[LwtXmit]));
    PERF_EVENT_READ = 22, "bpf_perf_event_read", [Arg::MapPtr(PERF_EVENTS), ANY], NUMBER, TRACING, gpl;
    REDIRECT = 23, "bpf_redirect", [ANY, ANY], NUMBER, TC.and(only(&[Xdp, LwtXmit]));
    GET_ROUTE_REALM = 24, "bpf_get_route_realm", [CTX], NUMBER, LWT.and(TC);
    PERF_EVENT_OUTPUT = 25, "bpf_perf_event_output", [CTX, Arg::MapPtr(PERF_EVENTS), ANY, READ, SIZE_OR_ZERO], NUMBER, TRACING.and(CGROUP).and(LWT).and(TC).and(only(&[SocketFilter, Xdp, SkSkb, SkMsg, SkLookup])), gpl;
    SKB_LOAD_BYTES = 26, "bpf_skb_load_bytes", [CTX, ANY, WRITE, SIZE], NUMBER, LWT.and(TC).and(only(&[SocketFilter, CgroupSkb, SkSkb, FlowDissector, SkReuseport]));
    GET_STACKID = 27, "bpf_get_stackid", [CTX, Arg::MapPtr(STACK_TRACE), ANY], NUMBER, BTF_TRACING.and(only(&[Kprobe, Tracepoint, RawTracepoint, RawTracepointWritable])), gpl;
    CSUM_DIFF = 28, "bpf_csum_diff", [READ_OR_NULL, SIZE_OR_ZERO, READ_OR_NULL, SIZE_OR_ZERO, ANY], NUMBER, LWT.and(TC).and(only(&[Xdp])), packet;
    SKB_GET_TUNNEL_OPT = 29, "bpf_skb_get_tunnel_opt", [CTX, WRITE, SIZE], NUMBER, TC.and(only(&[LwtXmit]));
    SKB_SET_TUNNEL_OPT = 30, "bpf_skb_set_tunnel_opt", [CTX, READ, SIZE], NUMBER, TC.and(only(&[LwtXmit]));
    SKB_CHANGE_PROTO = 31, "bpf_skb_change_proto", [CTX, ANY, ANY], NUMBER, TC, moves;
    SKB_CHANGE_TYPE = 32, "bpf_skb_change_type", [CTX, ANY], NUMBER, TC;
    SKB_UNDER_CGROUP = 33, "bpf_skb_under_cgroup", [CTX, Arg::MapPtr(CGROUP_ARRAY), ANY], NUMBER, LWT.and(TC);
    GET_HASH_RECALC = 34, "bpf_get_hash_recalc", [CTX], NUMBER, LWT.and(TC);
    GET_CURRENT_TASK = 35, "bpf_get_current_task", [], NUMBER, BASE, gpl;
    PROBE_WRITE_USER = 36, "bpf_probe_write_user", [Arg::UnsafeAddr, READ, SIZE], NUMBER, TRACING, gpl;
    CURRENT_TASK_UNDER_CGROUP = 37, "bpf_current_task_under_cgroup", [Arg::MapPtr(CGROUP_ARRAY), ANY], NUMBER, TRACING.and(CGROUP_TASK);
    SKB_CHANGE_TAIL = 38, "bpf_skb_change_tail", [CTX, ANY, ANY], NUMBER, TC.and(only(&[LwtXmit, SkSkb])), moves;
    SKB_PULL_DATA = 39, "bpf_skb_pull_data", [CTX, ANY], NUMBER, TC.and(only(&[LwtIn, LwtOut, LwtXmit, SkSkb])), moves;
    CSUM_UPDATE = 40, "bpf_csum_update", [CTX, ANY], NUMBER, TC.and(only(&[LwtXmit]));
    SET_HASH_INVALID = 41, "bpf_set_hash_invalid", [CTX], NUMBER, TC.and(only(&[LwtXmit]));
    GET_NUMA_NODE_ID = 42, "bpf_get_numa_node_id", [], NUMBER, BASE;
    SKB_CHANGE_HEAD = 43, "bpf_skb_change_head", [CTX, ANY, ANY], NUMBER, TC.and(only(&[LwtXmit, SkSkb])), moves;
    XDP_ADJUST_HEAD = 44, "bpf_xdp_adjust_head", [CTX, ANY], NUMBER, only(&[Xdp]), moves;
    PROBE_READ_STR = 45, "bpf_probe_read_str", [WRITE, SIZE_OR_ZERO, Arg::UnsafeAddr], Ret::SizeOrErrno, TRACING, gpl;
    GET_SOCKET_COOKIE = 46, "bpf_get_socket_cookie", [CTX], NUMBER, TC.and(only(&[SocketFilter, CgroupSkb, CgroupSock, CgroupSockAddr, SockOps, SkSkb]));
    GET_SOCKET_UID = 47, "bpf_get_socket_uid", [CTX], NUMBER, TC.and(only(&[SocketFilter, CgroupSkb, SkSkb]));
    SET_HASH = 48, "bpf_set_hash", [CTX, ANY], NUMBER, TC;
    SETSOCKOPT = 49, "bpf_setsockopt", [CTX, ANY, ANY, READ, SIZE], NUMBER, only(&[CgroupSockAddr, SockOps]);
    SKB_ADJUST_ROOM = 50, "bpf_skb_adjust_room", [CTX, ANY, ANY, ANY], NUMBER, TC.and(only(&[SkSkb])), moves;
    REDIRECT_MAP = 51, "bpf_redirect_map", [Arg::MapPtr(REDIRECT_MAPS), ANY, ANY], NUMBER, only(&[Xdp]);
    SK_REDIRECT_MAP = 52, "bpf_sk_redirect_map", [CTX, Arg::MapPtr(SOCKMAP), ANY, ANY], NUMBER, only(&[SkSkb]);
    SOCK_MAP_UPDATE = 53, "bpf_sock_map_update", [CTX, Arg::MapPtr(SOCKMAP), Arg::MapKey, ANY], NUMBER, only(&[SockOps]), packet;
    XDP_ADJUST_META = 54, "bpf_xdp_adjust_meta", [CTX, ANY], NUMBER, only(&[Xdp]), moves;
    PERF_EVENT_READ_VALUE = 55, "bpf_perf_event_read_value", [Arg::MapPtr(PERF_EVENTS), ANY, WRITE, SIZE], NUMBER, TRACING, gpl;
    PERF_PROG_READ_VALUE = 56, "bpf_perf_prog_read_value", [CTX, WRITE, SIZE], NUMBER, only(&[PerfEvent]), gpl;
    GETSOCKOPT = 57, "bpf_getsockopt", [CTX, ANY, ANY, WRITE, SIZE], NUMBER, only(&[CgroupSockAddr, SockOps]);
    OVERRIDE_RETURN = 58, "bpf_override_return", [CTX, ANY], NUMBER, only(&[Kprobe]), gpl;
    SOCK_OPS_CB_FLAGS_SET = 59, "bpf_sock_ops_cb_flags_set", [CTX, ANY], NUMBER, only(&[SockOps]);
    MSG_REDIRECT_MAP = 60, "bpf_msg_redirect_map", [CTX, Arg::MapPtr(SOCKMAP), ANY, ANY], NUMBER, only(&[SkMsg]);
    MSG_APPLY_BYTES = 61, "bpf_msg_apply_bytes", [CTX, ANY], NUMBER, only(&[SkMsg]);
    MSG_CORK_BYTES = 62, "bpf_msg_cork_bytes", [CTX, ANY], NUMBER, only(&[SkMsg]);
    MSG_PULL_DATA = 63, "bpf_msg_pull_data", [CTX, ANY, ANY, ANY], NUMBER, only(&[SkMsg]), moves;
    BIND = 64, "bpf_bind", [CTX, READ, SIZE], NUMBER, only(&[CgroupSockAddr]);
    XDP_ADJUST_TAIL = 65, "bpf_xdp_adjust_tail", [CTX, ANY], NUMBER, only(&[Xdp]), moves;
    SKB_GET_XFRM_STATE = 66, "bpf_skb_get_xfrm_state", [CTX, ANY, WRITE, SIZE, ANY], NUMBER, TC;
    GET_STACK = 67, "bpf_get_stack", [CTX, WRITE, SIZE_OR_ZERO, ANY], Ret::SizeOrErrno, TRACING, gpl;
    SKB_LOAD_BYTES_RELATIVE = 68, "bpf_skb_load_bytes_relative", [CTX, ANY, WRITE, SIZE, ANY], NUMBER, TC.and(only(&[SocketFilter, CgroupSkb, SkReuseport]));
    FIB_LOOKUP = 69, "bpf_fib_lookup", [CTX, CHANGE, SIZE, ANY], NUMBER, TC.and(only(&[Xdp])), gpl;
    SOCK_HASH_UPDATE = 70, "bpf_sock_hash_update", [CTX, Arg::MapPtr(SOCKHASH), Arg::MapKey, ANY], NUMBER, only(&[SockOps]), packet;
    MSG_REDIRECT_HASH = 71, "bpf_msg_redirect_hash", [CTX, Arg::MapPtr(SOCKHASH), Arg::MapKey, ANY], NUMBER, only(&[SkMsg]);
    SK_REDIRECT_HASH = 72, "bpf_sk_redirect_hash", [CTX, Arg::MapPtr(SOCKHASH), Arg::MapKey, ANY], NUMBER, only(&[SkSkb]);
    LWT_PUSH_ENCAP = 73, "bpf_lwt_push_encap", [CTX, ANY, READ, SIZE], NUMBER, only(&[LwtIn, LwtXmit]), moves;
    LWT_SEG6_STORE_BYTES = 74, "bpf_lwt_seg6_store_bytes", [CTX, ANY, READ, SIZE], NUMBER, only(&[LwtSeg6local]), moves;
    LWT_SEG6_ADJUST_SRH = 75, "bpf_lwt_seg6_adjust_srh", [CTX, ANY, ANY], NUMBER, only(&[LwtSeg6local]), moves;
    LWT_SEG6_ACTION = 76, "bpf_lwt_seg6_action", [CTX, ANY, READ, SIZE], NUMBER, only(&[LwtSeg6local]), moves;
    RC_REPEAT = 77, "bpf_rc_repeat", [CTX], NUMBER, only(&[LircMode2]), gpl;
    RC_KEYDOWN = 78, "bpf_rc_keydown", [CTX, ANY, ANY, ANY], NUMBER, only(&[LircMode2]), gpl;
    SKB_CGROUP_ID = 79, "bpf_skb_cgroup_id", [CTX], NUMBER, TC.and(only(&[CgroupSkb]));
    GET_CURRENT_CGROUP_ID = 80, "bpf_get_current_cgroup_id", [], NUMBER, BASE;
    GET_LOCAL_STORAGE = 81, "bpf_get_local_storage", [Arg::MapPtr(CGROUP_STORAGES), ANY], Ret::MapValue { nullable: false }, CGROUP;
    SK_SELECT_REUSEPORT = 82, "bpf_sk_select_reuseport", [CTX, Arg::MapPtr(REUSEPORT), Arg::MapKey, ANY], NUMBER, only(&[SkReuseport]);
    SKB_ANCESTOR_CGROUP_ID = 83, "bpf_skb_ancestor_cgroup_id", [CTX, ANY], NUMBER, TC.and(only(&[CgroupSkb]));
    SK_LOOKUP_TCP = 84, "bpf_sk_lookup_tcp", [CTX, READ, SIZE_OR_ZERO, ANY, ANY], held(SockKind::Socket), TC.and(only(&[Xdp, CgroupSkb, CgroupSockAddr, SkSkb])), packet;
    SK_LOOKUP_UDP = 85, "bpf_sk_lookup_udp", [CTX, READ, SIZE_OR_ZERO, ANY, ANY], held(SockKind::Socket), TC.and(only(&[Xdp, CgroupSkb, CgroupSockAddr, SkSkb])), packet;
    SK_RELEASE = 86, "bpf_sk_release", [Arg::Sock { release: true, nullable: false, common: true }], NUMBER, TC.and(only(&[Xdp, CgroupSkb, CgroupSockAddr, SkSkb, SkLookup]));
    MAP_PUSH_ELEM = 87, "bpf_map_push_elem", [Arg::MapPtr(PUSH), VALUE, ANY], NUMBER, ALL_TYPES, packet;
    MAP_POP_ELEM = 88, "bpf_map_pop_elem", [Arg::MapPtr(POP), VALUE_OUT], NUMBER, ALL_TYPES;
    MAP_PEEK_ELEM = 89, "bpf_map_peek_elem", [Arg::MapPtr(PUSH), VALUE_OUT], NUMBER, ALL_TYPES; // of a bloom filter, the value is read
    MSG_PUSH_DATA = 90, "bpf_msg_push_data", [CTX, ANY, ANY, ANY], NUMBER, only(&[SkMsg]), moves;
    MSG_POP_DATA = 91, "bpf_msg_pop_data", [CTX, ANY, ANY, ANY], NUMBER, only(&[SkMsg]), moves;
    RC_POINTER_REL = 92, "bpf_rc_pointer_rel", [CTX, ANY, ANY], NUMBER, only(&[LircMode2]), gpl;
    SPIN_LOCK = 93, "bpf_spin_lock", [Arg::SpinLock], Ret::Void, BASE;
    SPIN_UNLOCK = 94, "bpf_spin_unlock", [Arg::SpinLock], Ret::Void, BASE;
    SK_FULLSOCK = 95, "bpf_sk_fullsock", [SOCK], sock(SockKind::Socket), TC.and(only(&[CgroupSkb]));
    TCP_SOCK = 96, "bpf_tcp_sock", [SOCK], sock(SockKind::Tcp), TC.and(only(&[CgroupSkb, SockOps, CgroupSockopt]));
    SKB_ECN_SET_CE = 97, "bpf_skb_ecn_set_ce", [CTX], NUMBER, TC.and(only(&[CgroupSkb]));
    GET_LISTENER_SOCK = 98, "bpf_get_listener_sock", [SOCK], sock(SockKind::Socket), TC.and(only(&[CgroupSkb]));
    SKC_LOOKUP_TCP = 99, "bpf_skc_lookup_tcp", [CTX, READ, SIZE_OR_ZERO, ANY, ANY], held(SockKind::Common), TC.and(only(&[Xdp, CgroupSkb, CgroupSockAddr, SkSkb])), packet;
    TCP_CHECK_SYNCOOKIE = 100, "bpf_tcp_check_syncookie", [SOCK, READ, SIZE, READ, SIZE], NUMBER, TC.and(only(&[Xdp])), gpl, packet;
    SYSCTL_GET_NAME = 101, "bpf_sysctl_get_name", [CTX, CHANGE, SIZE, ANY], NUMBER, only(&[CgroupSysctl]);
    SYSCTL_GET_CURRENT_VALUE = 102, "bpf_sysctl_get_current_value", [CTX, WRITE, SIZE], NUMBER, only(&[CgroupSysctl]);
    SYSCTL_GET_NEW_VALUE = 103, "bpf_sysctl_get_new_value", [CTX, WRITE, SIZE], NUMBER, only(&[CgroupSysctl]);
    SYSCTL_SET_NEW_VALUE = 104, "bpf_sysctl_set_new_value", [CTX, READ, SIZE], NUMBER, only(&[CgroupSysctl]);
    STRTOL = 105, "bpf_strtol", [READ, SIZE, ANY, fixed(8, 8, Access::Write)], NUMBER, BASE;
    STRTOUL = 106, "bpf_strtoul", [READ, SIZE, ANY, fixed(8, 8, Access::Write)], NUMBER, BASE;
    SK_STORAGE_GET = 107, "bpf_sk_storage_get", [Arg::MapPtr(SK_STORAGE), SOCK, VALUE_OR_NULL, ANY], Ret::MapValue { nullable: true }, TC.and(only(&[Lsm, CgroupSkb, CgroupSockAddr, SockOps, SkMsg, CgroupSockopt, StructOps]));
    SK_STORAGE_DELETE = 108, "bpf_sk_storage_delete", [Arg::MapPtr(SK_STORAGE), SOCK], NUMBER, TC.and(only(&[Lsm, CgroupSkb, CgroupSockAddr, SockOps, SkMsg, CgroupSockopt, StructOps]));
    SEND_SIGNAL = 109, "bpf_send_signal", [ANY], NUMBER, TRACING;
    TCP_GEN_SYNCOOKIE = 110, "bpf_tcp_gen_syncookie", [SOCK, READ, SIZE, READ, SIZE], NUMBER, TC.and(only(&[Xdp])), gpl, packet;
    SKB_OUTPUT = 111, "bpf_skb_output", [btf("sk_buff"), Arg::MapPtr(PERF_EVENTS), ANY, READ, SIZE_OR_ZERO], NUMBER, BTF_TRACING, gpl;
    PROBE_READ_USER = 112, "bpf_probe_read_user", [WRITE, SIZE_OR_ZERO, Arg::UnsafeAddr], NUMBER, BASE, gpl;
    PROBE_READ_KERNEL = 113, "bpf_probe_read_kernel", [WRITE, SIZE_OR_ZERO, Arg::UnsafeAddr], NUMBER, BASE, gpl;
    PROBE_READ_USER_STR = 114, "bpf_probe_read_user_str", [WRITE, SIZE_OR_ZERO, Arg::UnsafeAddr], Ret::SizeOrErrno, BASE, gpl;
    PROBE_READ_KERNEL_STR = 115, "bpf_probe_read_kernel_str", [WRITE, SIZE_OR_ZERO, Arg::UnsafeAddr], Ret::SizeOrErrno, BASE, gpl;
    TCP_SEND_ACK = 116, "bpf_tcp_send_ack", [btf("tcp_sock"), ANY], NUMBER, only(&[StructOps]);
    SEND_SIGNAL_THREAD = 117, "bpf_send_signal_thread", [ANY], NUMBER, TRACING;
    JIFFIES64 = 118, "bpf_jiffies64", [], NUMBER, BASE;
    READ_BRANCH_RECORDS = 119, "bpf_read_branch_records", [CTX, CHANGE_OR_NULL, SIZE_OR_ZERO, ANY], NUMBER, only(&[PerfEvent]), gpl;
    GET_NS_CURRENT_PID_TGID = 120, "bpf_get_ns_current_pid_tgid", [ANY, ANY, WRITE, SIZE], NUMBER, BASE;
    XDP_OUTPUT = 121, "bpf_xdp_output", [btf("xdp_buff"), Arg::MapPtr(PERF_EVENTS), ANY, READ, SIZE_OR_ZERO], NUMBER, BTF_TRACING, gpl;
    GET_NETNS_COOKIE = 122, "bpf_get_netns_cookie", [Arg::Ctx { nullable: true }], NUMBER, only(&[CgroupSock, CgroupSockAddr, SockOps, SkMsg, CgroupSockopt]);
    GET_CURRENT_ANCESTOR_CGROUP_ID = 123, "bpf_get_current_ancestor_cgroup_id", [ANY], NUMBER, BASE;
    SK_ASSIGN = 124, "bpf_sk_assign", [CTX, SOCK, ANY], NUMBER, TC;
    KTIME_GET_BOOT_NS = 125, "bpf_ktime_get_boot_ns", [], NUMBER, ALL_TYPES;
    SEQ_PRINTF = 126, "bpf_seq_printf", [btf("seq_file"), READ, SIZE, READ_OR_NULL, SIZE_OR_ZERO], NUMBER, only(&[Tracing]), gpl;
    SEQ_WRITE = 127, "bpf_seq_write", [btf("seq_file"), READ, SIZE_OR_ZERO], NUMBER, only(&[Tracing]), gpl;
    SK_CGROUP_ID = 128, "bpf_sk_cgroup_id", [SOCK], NUMBER, only(&[CgroupSkb]);
    SK_ANCESTOR_CGROUP_ID = 129, "bpf_sk_ancestor_cgroup_id", [SOCK, ANY], NUMBER, only(&[CgroupSkb]);
    RINGBUF_OUTPUT = 130, "bpf_ringbuf_output", [Arg::MapPtr(RINGBUF), READ, SIZE_OR_ZERO, ANY], NUMBER, BASE;
    RINGBUF_RESERVE = 131, "bpf_ringbuf_reserve", [Arg::MapPtr(RINGBUF), Arg::AllocSize, ANY], Ret::RingbufRecordOrNull, BASE;
    RINGBUF_SUBMIT = 132, "bpf_ringbuf_submit", [Arg::RingbufRecord, ANY], Ret::Void, BASE;
    RINGBUF_DISCARD = 133, "bpf_ringbuf_discard", [Arg::RingbufRecord, ANY], Ret::Void, BASE;
    RINGBUF_QUERY = 134, "bpf_ringbuf_query", [Arg::MapPtr(RINGBUF), ANY], NUMBER, BASE;
    CSUM_LEVEL = 135, "bpf_csum_level", [CTX, ANY], NUMBER, TC.and(only(&[LwtXmit]));
    SKC_TO_TCP6_SOCK = 136, "bpf_skc_to_tcp6_sock", [SOCK], ret_btf("tcp6_sock", true), SOCKET_BASE.and(BTF_TRACING);
    SKC_TO_TCP_SOCK = 137, "bpf_skc_to_tcp_sock", [SOCK], ret_btf("tcp_sock", true), SOCKET_BASE.and(BTF_TRACING);
    SKC_TO_TCP_TIMEWAIT_SOCK = 138, "bpf_skc_to_tcp_timewait_sock", [SOCK], ret_btf("tcp_timewait_sock", true), SOCKET_BASE.and(BTF_TRACING);
    SKC_TO_TCP_REQUEST_SOCK = 139, "bpf_skc_to_tcp_request_sock", [SOCK], ret_btf("tcp_request_sock", true), SOCKET_BASE.and(BTF_TRACING);
    SKC_TO_UDP6_SOCK = 140, "bpf_skc_to_udp6_sock", [SOCK], ret_btf("udp6_sock", true), SOCKET_BASE.and(BTF_TRACING);
    GET_TASK_STACK = 141, "bpf_get_task_stack", [btf("task_struct"), WRITE, SIZE_OR_ZERO, ANY], Ret::SizeOrErrno, TRACING;
    LOAD_HDR_OPT = 142, "bpf_load_hdr_opt", [CTX, CHANGE, SIZE, ANY], NUMBER, only(&[SockOps]);
    STORE_HDR_OPT = 143, "bpf_store_hdr_opt", [CTX, READ, SIZE, ANY], NUMBER, only(&[SockOps]), moves;
    RESERVE_HDR_OPT = 144, "bpf_reserve_hdr_opt", [CTX, ANY, ANY], NUMBER, only(&[SockOps]);
    INODE_STORAGE_GET = 145, "bpf_inode_storage_get", [Arg::MapPtr(INODE_STORAGE), btf_or_null("inode"), VALUE_OR_NULL, ANY], Ret::MapValue { nullable: true }, only(&[Lsm]);
    INODE_STORAGE_DELETE = 146, "bpf_inode_storage_delete", [Arg::MapPtr(INODE_STORAGE), btf_or_null("inode")], NUMBER, only(&[Lsm]);
    D_PATH = 147, "bpf_d_path", [btf("path"), CHANGE, SIZE_OR_ZERO], NUMBER, BTF_TRACING;
    COPY_FROM_USER = 148, "bpf_copy_from_user", [WRITE, SIZE_OR_ZERO, Arg::UnsafeAddr], NUMBER, TRACING, sleeps;
    SNPRINTF_BTF = 149, "bpf_snprintf_btf", [CHANGE, SIZE, READ, SIZE, ANY], NUMBER, BASE;
    SEQ_PRINTF_BTF = 150, "bpf_seq_printf_btf", [btf("seq_file"), READ, SIZE_OR_ZERO, ANY], NUMBER, only(&[Tracing]), gpl;
    SKB_CGROUP_CLASSID = 151, "bpf_skb_cgroup_classid", [CTX], NUMBER, TC;
    REDIRECT_NEIGH = 152, "bpf_redirect_neigh", [ANY, READ_OR_NULL, SIZE_OR_ZERO, ANY], NUMBER, TC;
    PER_CPU_PTR = 153, "bpf_per_cpu_ptr", [Arg::PercpuBtf, ANY], Ret::PercpuVar { nullable: true }, BASE;
    THIS_CPU_PTR = 154, "bpf_this_cpu_ptr", [Arg::PercpuBtf], Ret::PercpuVar { nullable: false }, BASE;
    REDIRECT_PEER = 155, "bpf_redirect_peer", [ANY, ANY], NUMBER, TC;
    TASK_STORAGE_GET = 156, "bpf_task_storage_get", [Arg::MapPtr(TASK_STORAGE), btf_or_null("task_struct"), VALUE_OR_NULL, ANY], Ret::MapValue { nullable: true }, TRACING;
    TASK_STORAGE_DELETE = 157, "bpf_task_storage_delete", [Arg::MapPtr(TASK_STORAGE), btf_or_null("task_struct")], NUMBER, TRACING;
    GET_CURRENT_TASK_BTF = 158, "bpf_get_current_task_btf", [], ret_btf("task_struct", false), BASE, gpl;
    BPRM_OPTS_SET = 159, "bpf_bprm_opts_set", [btf("linux_binprm"), ANY], NUMBER, only(&[Lsm]);
    KTIME_GET_COARSE_NS = 160, "bpf_ktime_get_coarse_ns", [], NUMBER, SOCKET_BASE.and(only(&[CgroupSock, CgroupSysctl, SkReuseport, StructOps]));
    IMA_INODE_HASH = 161, "bpf_ima_inode_hash", [btf("inode"), WRITE, SIZE], NUMBER, only(&[Lsm]), sleeps;
    SOCK_FROM_FILE = 162, "bpf_sock_from_file", [btf("file")], ret_btf("socket", true), BTF_TRACING;
    CHECK_MTU = 163, "bpf_check_mtu", [CTX, ANY, fixed(4, 4, Access::ReadWrite), ANY, ANY], NUMBER, TC.and(only(&[Xdp])), gpl;
    FOR_EACH_MAP_ELEM = 164, "bpf_for_each_map_elem", [Arg::MapPtr(EACH), Arg::Callback(Callback::ForEachMapElem), Arg::StackOrNull, ANY], NUMBER, BASE;
    SNPRINTF = 165, "bpf_snprintf", [CHANGE_OR_NULL, SIZE_OR_ZERO, Arg::ConstStr, READ_OR_NULL, SIZE_OR_ZERO], NUMBER, BASE, gpl;
    SYS_BPF = 166, "bpf_sys_bpf", [ANY, READ, SIZE], NUMBER, only(&[Syscall]), sleeps;
    BTF_FIND_BY_NAME_KIND = 167, "bpf_btf_find_by_name_kind", [READ, SIZE, ANY, ANY], NUMBER, only(&[Syscall]), sleeps;
    SYS_CLOSE = 168, "bpf_sys_close", [ANY], NUMBER, only(&[Syscall]), sleeps;
    TIMER_INIT = 169, "bpf_timer_init", [Arg::Timer, Arg::MapPtr(TIMERS), ANY], NUMBER, BASE, gpl;
    TIMER_SET_CALLBACK = 170, "bpf_timer_set_callback", [Arg::Timer, Arg::Callback(Callback::Timer)], NUMBER, BASE, gpl;
    TIMER_START = 171, "bpf_timer_start", [Arg::Timer, ANY, ANY], NUMBER, BASE, gpl;
    TIMER_CANCEL = 172, "bpf_timer_cancel", [Arg::Timer], NUMBER, BASE, gpl;
    GET_FUNC_IP = 173, "bpf_get_func_ip", [CTX], NUMBER, only(&[Kprobe, Tracing]), gpl;
    GET_ATTACH_COOKIE = 174, "bpf_get_attach_cookie", [CTX], NUMBER, only(&[Kprobe, Tracepoint, PerfEvent, RawTracepoint, RawTracepointWritable, Tracing, Lsm]);
    TASK_PT_REGS = 175, "bpf_task_pt_regs", [btf("task_struct")], ret_btf("pt_regs", false), BASE, gpl;
    GET_BRANCH_SNAPSHOT = 176, "bpf_get_branch_snapshot", [WRITE, SIZE_OR_ZERO, ANY], NUMBER, TRACING, gpl;
    TRACE_VPRINTK = 177, "bpf_trace_vprintk", [READ, SIZE, READ_OR_NULL, SIZE_OR_ZERO], NUMBER, BASE, gpl;
    SKC_TO_UNIX_SOCK = 178, "bpf_skc_to_unix_sock", [SOCK], ret_btf("unix_sock", true), SOCKET_BASE.and(BTF_TRACING);
    KALLSYMS_LOOKUP_NAME = 179, "bpf_kallsyms_lookup_name", [READ, SIZE_OR_ZERO, ANY, fixed(8, 8, Access::Write)], NUMBER, only(&[Syscall]);
    FIND_VMA = 180, "bpf_find_vma", [btf("task_struct"), ANY, Arg::Callback(Callback::FindVma), Arg::StackOrNull, ANY], NUMBER, TRACING;
    LOOP = 181, "bpf_loop", [Arg::Scalar, Arg::Callback(Callback::Loop), Arg::StackOrNull, ANY], NUMBER, BASE;
    STRNCMP = 182, "bpf_strncmp", [READ, SIZE, Arg::ConstStr], NUMBER, BASE;
    GET_FUNC_ARG = 183, "bpf_get_func_arg", [CTX, ANY, fixed(8, 8, Access::Write)], NUMBER, only(&[Tracing, Lsm]);
    GET_FUNC_RET = 184, "bpf_get_func_ret", [CTX, fixed(8, 8, Access::Write)], NUMBER, only(&[Tracing, Lsm]);
    GET_FUNC_ARG_CNT = 185, "bpf_get_func_arg_cnt", [CTX], NUMBER, only(&[Tracing, Lsm]);
    GET_RETVAL = 186, "bpf_get_retval", [], NUMBER, CGROUP;
    SET_RETVAL = 187, "bpf_set_retval", [ANY], NUMBER, CGROUP;
    XDP_GET_BUFF_LEN = 188, "bpf_xdp_get_buff_len", [CTX], NUMBER, only(&[Xdp]);
    XDP_LOAD_BYTES = 189, "bpf_xdp_load_bytes", [CTX, ANY, WRITE, SIZE], NUMBER, only(&[Xdp]);
    XDP_STORE_BYTES = 190, "bpf_xdp_store_bytes", [CTX, ANY, READ, SIZE], NUMBER, only(&[Xdp]);
    COPY_FROM_USER_TASK = 191, "bpf_copy_from_user_task", [WRITE, SIZE_OR_ZERO, Arg::UnsafeAddr, btf("task_struct"), ANY], NUMBER, TRACING, gpl, sleeps;
    SKB_SET_TSTAMP = 192, "bpf_skb_set_tstamp", [CTX, ANY, ANY], NUMBER, TC;
    IMA_FILE_HASH = 193, "bpf_ima_file_hash", [btf("file"), WRITE, SIZE], NUMBER, only(&[Lsm]), sleeps;
    KPTR_XCHG = 194, "bpf_kptr_xchg", [Arg::Kptr, Arg::KptrOrNull], Ret::KptrOrNull, BASE;
    MAP_LOOKUP_PERCPU_ELEM = 195, "bpf_map_lookup_percpu_elem", [Arg::MapPtr(PERCPU), Arg::MapKey, ANY], Ret::MapValue { nullable: true }, BASE, packet;
    SKC_TO_MPTCP_SOCK = 196, "bpf_skc_to_mptcp_sock", [SOCK], ret_btf("mptcp_sock", true), SOCKET_BASE.and(BTF_TRACING);
    DYNPTR_FROM_MEM = 197, "bpf_dynptr_from_mem", [WRITE, SIZE_OR_ZERO, ANY, dynptr(DynptrState::Init(DynptrKind::Local))], NUMBER, BASE;
    RINGBUF_RESERVE_DYNPTR = 198, "bpf_ringbuf_reserve_dynptr", [Arg::MapPtr(RINGBUF), ANY, ANY, dynptr(DynptrState::Init(DynptrKind::Ringbuf))], NUMBER, BASE;
    RINGBUF_SUBMIT_DYNPTR = 199, "bpf_ringbuf_submit_dynptr", [dynptr(DynptrState::Release), ANY], Ret::Void, BASE;
    RINGBUF_DISCARD_DYNPTR = 200, "bpf_ringbuf_discard_dynptr", [dynptr(DynptrState::Release), ANY], Ret::Void, BASE;
    DYNPTR_READ = 201, "bpf_dynptr_read", [WRITE, SIZE_OR_ZERO, DYNPTR, ANY, ANY], NUMBER, BASE;
    DYNPTR_WRITE = 202, "bpf_dynptr_write", [DYNPTR, ANY, READ, SIZE_OR_ZERO, ANY], NUMBER, BASE; // the packet may move, if the dynptr is over one
    DYNPTR_DATA = 203, "bpf_dynptr_data", [DYNPTR, ANY, Arg::AllocSize], Ret::DynptrSliceOrNull { rdonly: false }, BASE;
    TCP_RAW_GEN_SYNCOOKIE_IPV4 = 204, "bpf_tcp_raw_gen_syncookie_ipv4", [fixed(20, 1, Access::Read), READ, SIZE_OR_ZERO], NUMBER, TC.and(only(&[Xdp])), gpl, packet;
    TCP_RAW_GEN_SYNCOOKIE_IPV6 = 205, "bpf_tcp_raw_gen_syncookie_ipv6", [fixed(40, 1, Access::Read), READ, SIZE_OR_ZERO], NUMBER, TC.and(only(&[Xdp])), gpl, packet;
    TCP_RAW_CHECK_SYNCOOKIE_IPV4 = 206, "bpf_tcp_raw_check_syncookie_ipv4", [fixed(20, 1, Access::Read), fixed(20, 1, Access::Read)], NUMBER, TC.and(only(&[Xdp])), gpl, packet;
    TCP_RAW_CHECK_SYNCOOKIE_IPV6 = 207, "bpf_tcp_raw_check_syncookie_ipv6", [fixed(40, 1, Access::Read), fixed(20, 1, Access::Read)], NUMBER, TC.and(only(&[Xdp])), gpl, packet;
    KTIME_GET_TAI_NS = 208, "bpf_ktime_get_tai_ns", [], NUMBER, BASE;
    USER_RINGBUF_DRAIN = 209, "bpf_user_ringbuf_drain", [Arg::MapPtr(USER_RINGBUF), Arg::Callback(Callback::UserRingbufDrain), Arg::StackOrNull, ANY], NUMBER, BASE;
    CGRP_STORAGE_GET = 210, "bpf_cgrp_storage_get", [Arg::MapPtr(CGRP_STORAGE), btf_or_null("cgroup"), VALUE_OR_NULL, ANY], Ret::MapValue { nullable: true }, BASE;
    CGRP_STORAGE_DELETE = 211, "bpf_cgrp_storage_delete", [Arg::MapPtr(CGRP_STORAGE), btf_or_null("cgroup")], NUMBER, BASE;
}

variants! {
    GET_CGROUP_CLASSID, [], NUMBER, CGROUP_TASK.and(only(&[SkMsg]));
    GET_STACKID, [CTX, Arg::MapPtr(STACK_TRACE), ANY], NUMBER, only(&[PerfEvent]);
    GET_SOCKET_COOKIE, [SOCK_OR_NULL], NUMBER, BTF_TRACING.and(only(&[SkReuseport]));
    SETSOCKOPT, [SOCK, ANY, ANY, READ, SIZE], NUMBER, only(&[Lsm, CgroupSockopt, StructOps]);
    GETSOCKOPT, [SOCK, ANY, ANY, WRITE, SIZE], NUMBER, only(&[Lsm, CgroupSockopt, StructOps]);
    SK_STORAGE_GET, [Arg::MapPtr(SK_STORAGE), SOCK_OR_NULL, VALUE_OR_NULL, ANY], Ret::MapValue { nullable: true }, only(&[Tracing, Syscall]);
    SK_STORAGE_GET, [Arg::MapPtr(SK_STORAGE), CTX, VALUE_OR_NULL, ANY], Ret::MapValue { nullable: true }, only(&[CgroupSock]);
    SK_STORAGE_DELETE, [Arg::MapPtr(SK_STORAGE), SOCK_OR_NULL], NUMBER, only(&[Tracing, Syscall]);
    SK_ASSIGN, [CTX, Arg::Sock { release: false, nullable: true, common: false }, ANY], NUMBER, only(&[SkLookup]);
    XDP_GET_BUFF_LEN, [btf("xdp_buff")], NUMBER, BTF_TRACING;
}

/// The prototype of the helper with this id, in its first form.
pub fn by_id(id: u32) -> Option<&'static HelperProto> {
    ALL.get(usize::try_from(id).ok()?.checked_sub(1)?)
}

/// The prototype that a program of this type and expected attach type calls this helper by; `None`: it may not call it.
///
/// An LSM program's hook decides more: only hooks with a socket have `bpf_setsockopt` and `bpf_getsockopt`.
pub fn of(id: u32, prog_type: ProgType, expected_attach_type: u32) -> Option<&'static HelperProto> {
    let first = by_id(id)?;
    let proto =
        if first.progs.contains(prog_type) { first } else { VARIANTS.iter().find(|p| p.id == id && p.progs.contains(prog_type))? };
    let attach_type = AttachType::from_u32(crate::expected_attach_type(prog_type, expected_attach_type));
    let multi = matches!(attach_type, Some(AttachType::TraceKprobeMulti | AttachType::TraceKprobeSession | AttachType::TraceUprobeMulti));
    match proto.id {
        _ if !attached(proto, prog_type, attach_type) => None,
        id if id == GET_FUNC_IP.id && prog_type == Kprobe && multi => Some(&GET_FUNC_IP_MULTI),
        _ => Some(proto),
    }
}

/// `bpf_get_func_ip` of links to many functions: for every license.
pub const GET_FUNC_IP_MULTI: HelperProto = HelperProto { progs: only(&[Kprobe]), flags: 0, ..GET_FUNC_IP };

/// Whether the attach type allows the call, given that the program type does.
fn attached(proto: &HelperProto, prog_type: ProgType, attach_type: Option<AttachType>) -> bool {
    use AttachType as At;
    // bpf_prog_has_trampoline
    let trampoline = match prog_type {
        Tracing => matches!(attach_type, Some(At::TraceFentry | At::TraceFexit | At::ModifyReturn)),
        Lsm => attach_type == Some(At::LsmMac),
        _ => false,
    };
    let lsm_cgroup = prog_type != Lsm || attach_type == Some(At::LsmCgroup);
    let unix = matches!(attach_type, Some(At::CgroupUnixGetpeername | At::CgroupUnixGetsockname));
    match *proto {
        GET_FUNC_ARG | GET_FUNC_RET | GET_FUNC_ARG_CNT => trampoline,
        GET_FUNC_IP => prog_type == Kprobe || trampoline,
        GET_ATTACH_COOKIE => match prog_type {
            Tracing => trampoline || attach_type == Some(At::TraceRawTp),
            Lsm => trampoline,
            _ => true,
        },
        SEQ_PRINTF | SEQ_WRITE | SEQ_PRINTF_BTF => attach_type == Some(At::TraceIter),
        GET_LOCAL_STORAGE => lsm_cgroup,
        GET_RETVAL | SET_RETVAL => lsm_cgroup && !ignores_errors(attach_type),
        BIND => matches!(attach_type, Some(At::CgroupInet4Connect | At::CgroupInet6Connect)),
        _ if proto.id == SETSOCKOPT.id || proto.id == GETSOCKOPT.id => match prog_type {
            CgroupSockAddr => !unix,
            CgroupSockopt => attach_type == Some(At::CgroupSetsockopt),
            _ => lsm_cgroup,
        },
        _ => true,
    }
}

/// Whether these cgroup hooks have no result that a program could ask for or change.
const fn ignores_errors(attach_type: Option<AttachType>) -> bool {
    use AttachType as At;
    matches!(
        attach_type,
        Some(
            At::CgroupInetIngress
                | At::CgroupInetEgress
                | At::CgroupSockOps
                | At::CgroupUdp4Recvmsg
                | At::CgroupUdp6Recvmsg
                | At::CgroupUnixRecvmsg
                | At::CgroupInet4Getpeername
                | At::CgroupInet6Getpeername
                | At::CgroupUnixGetpeername
                | At::CgroupInet4Getsockname
                | At::CgroupInet6Getsockname
                | At::CgroupUnixGetsockname
        )
    )
}

/// Whether such a program may update a sockmap or sockhash by `bpf_map_update_elem`, or delete from it by `bpf_map_delete_elem`: where it
/// cannot have a locked socket at hand (Linux: `may_update_sockmap`).
pub fn may_update_sockmap(proto: &HelperProto, prog_type: ProgType, expected_attach_type: u32) -> bool {
    match prog_type {
        Tracing => expected_attach_type == AttachType::TraceIter as u32,
        SockOps => proto.id == MAP_DELETE_ELEM.id,
        SocketFilter | SchedCls | SchedAct | Xdp | SkReuseport | FlowDissector | SkLookup => true,
        _ => false,
    }
}
