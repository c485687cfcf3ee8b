//! The helpers' prototypes against the C declarations that libbpf ships, and who may call what.
use std::{collections::BTreeMap, fs};

use axbpf_abi::{
    Access, Arg, AttachType, DynptrState, HelperProto, IterKind, IterState, MapType, ProgType, Ret, SockKind, helpers, kfuncs,
};

/// A C declaration of a helper: whether each parameter is a pointer, and what it returns.
struct Declared {
    name: String,
    pointers: Vec<bool>,
    returns: Returns,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Returns {
    Number,
    Pointer,
    Nothing,
}

/// libbpf generates these from the comments of `include/uapi/linux/bpf.h`:
/// `static long (* const bpf_name)(void *map, __u64 flags) = (void *) 1;`
fn declarations() -> Option<BTreeMap<u32, Declared>> {
    const HEADER: &str = "/usr/include/bpf/bpf_helper_defs.h";
    let Ok(text) = fs::read_to_string(HEADER) else {
        eprintln!("NOT CHECKED: this host has no {HEADER} (package libbpf-dev)");
        return None;
    };
    let mut all = BTreeMap::new();
    for line in text.lines().filter_map(|l| l.strip_prefix("static ")) {
        let (ret, rest) = line.split_once("(* const ").unwrap();
        let (name, rest) = rest.split_once(")(").unwrap();
        let (params, id) = rest.split_once(") = (void *) ").unwrap();
        let pointers = if params == "void" { vec![] } else { params.split(", ").map(|p| p.contains('*')).collect() };
        let returns = match ret.trim() {
            "void" => Returns::Nothing,
            ret if ret.contains('*') => Returns::Pointer,
            _ => Returns::Number,
        };
        all.insert(id.trim_end_matches(';').parse().unwrap(), Declared { name: name.to_string(), pointers, returns });
    }
    Some(all)
}

/// Whether C passes the argument as a pointer; `None`: either way.
fn is_pointer(arg: &Arg) -> Option<bool> {
    match arg {
        Arg::UnsafeAddr => None,
        Arg::Anything | Arg::Scalar | Arg::ConstScalar | Arg::Size { .. } | Arg::AllocSize => Some(false),
        _ => Some(true),
    }
}

fn returns(ret: &Ret) -> Returns {
    match ret {
        Ret::Integer | Ret::Range(..) | Ret::SizeOrErrno => Returns::Number,
        Ret::Void => Returns::Nothing,
        _ => Returns::Pointer,
    }
}

#[test]
fn every_helper_of_the_header() {
    let Some(declared) = declarations() else { return };
    // A newer libbpf may know more helpers; each of ours has to be there.
    assert!(declared.len() >= helpers::ALL.len(), "{} declarations", declared.len());
    for proto in helpers::ALL {
        let c = &declared[&proto.id];
        assert_eq!(proto.name, c.name, "helper {}", proto.id);
        let variadic = proto.id == helpers::TRACE_PRINTK.id;
        assert_eq!(proto.args.len(), c.pointers.len() - usize::from(variadic), "arguments of {}", proto.name);
        for (i, (arg, &pointer)) in proto.args.iter().zip(&c.pointers).enumerate() {
            assert!(is_pointer(arg).is_none_or(|p| p == pointer), "argument {} of {}: {arg:?}", i + 1, proto.name);
        }
        // Here C and the kernel's own prototypes differ: a jump has no result, a lock and its release none that is of use, the registers of
        // a task are a number in C, and bpf_set_hash_invalid answers 0.
        let odd = ["bpf_tail_call", "bpf_spin_lock", "bpf_spin_unlock", "bpf_task_pt_regs", "bpf_set_hash_invalid"].contains(&proto.name);
        assert_eq!(returns(&proto.ret) == c.returns, !odd, "result of {}: {:?}", proto.name, proto.ret);
    }
}

#[test]
fn ids_are_places() {
    assert_eq!(helpers::ALL.len(), 211);
    for (i, proto) in helpers::ALL.iter().enumerate() {
        assert_eq!(proto.id as usize, i + 1);
        assert_eq!(helpers::by_id(proto.id), Some(proto));
    }
    for id in [0, 212, u32::MAX] {
        assert_eq!(helpers::by_id(id), None);
        assert_eq!(helpers::of(id, ProgType::Kprobe, 0), None);
    }
}

/// What the verifier counts on in every prototype.
#[test]
fn prototypes_are_consistent() {
    for proto in helpers::ALL.iter().chain(helpers::VARIANTS).chain(kfuncs::ALL) {
        let name = proto.name;
        assert!(proto.args.len() <= 5, "{name}");
        assert!(name.starts_with("bpf_"), "{name}");
        assert!(ProgType::ALL.iter().any(|&t| proto.progs.contains(t)), "nobody calls {name}");
        for (i, arg) in proto.args.iter().enumerate() {
            let next = proto.args.get(i + 1);
            match arg {
                Arg::Mem { .. } => assert!(matches!(next, Some(Arg::Size { .. } | Arg::AllocSize)), "{name}: memory without a size"),
                Arg::Size { .. } => assert!(i > 0 && matches!(proto.args[i - 1], Arg::Mem { .. }), "{name}: a size of nothing"),
                Arg::MapKey | Arg::MapValue { .. } => {
                    assert!(proto.args[..i].iter().any(|a| matches!(a, Arg::MapPtr(_))), "{name}: key or value of no map")
                }
                Arg::MapPtr(types) => assert!(!types.is_empty() && !types.contains(&MapType::Unspec), "{name}"),
                _ => {}
            }
        }
        let has = |f: fn(&Arg) -> bool| proto.args.iter().any(f);
        match proto.ret {
            Ret::MapValue { .. } => assert!(matches!(proto.args[0], Arg::MapPtr(_)), "{name}"),
            Ret::RingbufRecordOrNull | Ret::DynptrSliceOrNull { .. } => assert!(has(|a| *a == Arg::AllocSize), "{name}"),
            Ret::SizeOrErrno => assert_eq!(proto.args.iter().filter(|a| matches!(a, Arg::Size { .. })).count(), 1, "{name}"),
            Ret::KptrOrNull => assert!(has(|a| *a == Arg::Kptr), "{name}"),
            Ret::PercpuVar { .. } => assert_eq!(proto.args[0], Arg::PercpuBtf, "{name}"),
            _ => {}
        }
    }
}

#[test]
fn variants_are_for_other_programs() {
    for variant in helpers::VARIANTS {
        let first = helpers::by_id(variant.id).unwrap();
        assert_eq!(first.name, variant.name);
        assert!((first.args, first.flags) != (variant.args, variant.flags), "{} twice", first.name);
        for &t in ProgType::ALL.iter().filter(|&&t| variant.progs.contains(t)) {
            let all = helpers::ALL.iter().chain(helpers::VARIANTS);
            assert_eq!(all.filter(|p| p.id == variant.id && p.progs.contains(t)).count(), 1, "{} for {t}", first.name);
        }
    }
}

/// Who may call: rows picked from Linux's `*_func_proto` functions.
#[test]
fn callers() {
    use ProgType::*;
    let none = AttachType::CgroupInetIngress;
    let rows: &[(&HelperProto, &[ProgType], &[ProgType])] = &[
        (&helpers::MAP_LOOKUP_ELEM, &[Kprobe, Xdp, LircMode2, Netfilter, Syscall], &[]),
        (&helpers::GET_SMP_PROCESSOR_ID, &[SocketFilter, Kprobe], &[LircMode2]),
        (&helpers::PROBE_READ, &[Kprobe, Tracepoint, PerfEvent, RawTracepointWritable, Lsm, Syscall], &[Xdp, SocketFilter, SchedCls]),
        (&helpers::PROBE_READ_KERNEL, &[Kprobe, Xdp, CgroupSkb], &[LircMode2]),
        (&helpers::GET_CURRENT_COMM, &[Kprobe, CgroupDevice, CgroupSysctl, CgroupSock], &[Xdp, SockOps, SkMsg, CgroupSkb, SocketFilter]),
        (&helpers::GET_CURRENT_UID_GID, &[Tracepoint, SkMsg], &[SkSkb, Xdp]),
        (&helpers::SKB_STORE_BYTES, &[SchedCls, SchedAct, LwtXmit, SkSkb], &[LwtIn, CgroupSkb, SocketFilter, Xdp]),
        (&helpers::SKB_PULL_DATA, &[LwtIn, LwtOut, LwtXmit, SkSkb], &[LwtSeg6local, CgroupSkb]),
        (&helpers::REDIRECT, &[Xdp, SchedAct, LwtXmit], &[LwtOut, SkSkb]),
        (&helpers::REDIRECT_MAP, &[Xdp], &[SchedCls]),
        (&helpers::CSUM_DIFF, &[Xdp, SchedCls, LwtIn], &[SkSkb, CgroupSkb]),
        (&helpers::SK_LOOKUP_TCP, &[Xdp, SchedCls, CgroupSkb, SkSkb], &[SocketFilter, SkLookup, LwtIn]),
        (&helpers::SK_RELEASE, &[Xdp, SkLookup], &[SocketFilter]),
        (&helpers::SK_STORAGE_GET, &[SchedCls, SockOps, CgroupSock, Tracing, Lsm], &[Xdp, SkSkb, SocketFilter, Kprobe]),
        (&helpers::SK_STORAGE_DELETE, &[SchedCls, Tracing], &[CgroupSock, Kprobe]),
        (&helpers::OVERRIDE_RETURN, &[Kprobe], &[Tracing, PerfEvent]),
        (&helpers::READ_BRANCH_RECORDS, &[PerfEvent], &[Kprobe]),
        (&helpers::D_PATH, &[Tracing, Lsm, Syscall], &[Kprobe, RawTracepoint]),
        (&helpers::SYS_BPF, &[Syscall], &[Kprobe, Tracing, Lsm]),
        (&helpers::COPY_FROM_USER, &[Kprobe, Syscall], &[Xdp, SocketFilter]),
        (&helpers::PERF_EVENT_OUTPUT, &[Kprobe, Xdp, SocketFilter, SkMsg, LwtOut, CgroupSysctl], &[FlowDissector, SkReuseport, Netfilter]),
        (&helpers::KTIME_GET_COARSE_NS, &[Xdp, CgroupSysctl, SkReuseport], &[Kprobe, CgroupDevice, CgroupSockopt, LircMode2]),
        (&helpers::RC_KEYDOWN, &[LircMode2], &[Kprobe]),
        (&helpers::TRACE_VPRINTK, &[Kprobe, Xdp], &[LircMode2]),
        (&helpers::XDP_GET_BUFF_LEN, &[Xdp, Tracing], &[SchedCls]),
    ];
    for (proto, yes, no) in rows {
        for (types, want) in [(yes, true), (no, false)] {
            for &t in *types {
                assert_eq!(helpers::of(proto.id, t, none as u32).is_some(), want, "{} by {t}", proto.name);
            }
        }
    }
}

#[test]
fn attach_types_decide() {
    use AttachType as At;
    let may = |proto: &HelperProto, t, at: At| helpers::of(proto.id, t, at as u32).is_some();
    assert!(may(&helpers::GET_FUNC_IP, ProgType::Kprobe, At::CgroupInetIngress));
    assert!(may(&helpers::GET_FUNC_IP, ProgType::Tracing, At::TraceFexit));
    assert!(!may(&helpers::GET_FUNC_IP, ProgType::Tracing, At::TraceRawTp));
    assert!(may(&helpers::GET_FUNC_ARG, ProgType::Tracing, At::TraceFentry));
    assert!(!may(&helpers::GET_FUNC_ARG, ProgType::Tracing, At::TraceIter));
    assert!(may(&helpers::GET_FUNC_RET, ProgType::Lsm, At::LsmMac));
    assert!(may(&helpers::GET_ATTACH_COOKIE, ProgType::Tracing, At::TraceRawTp));
    assert!(!may(&helpers::GET_ATTACH_COOKIE, ProgType::Tracing, At::TraceIter));
    assert!(!may(&helpers::GET_ATTACH_COOKIE, ProgType::Syscall, At::CgroupInetIngress));
    assert!(may(&helpers::SEQ_WRITE, ProgType::Tracing, At::TraceIter));
    assert!(!may(&helpers::SEQ_WRITE, ProgType::Tracing, At::TraceFentry));
    assert!(may(&helpers::BIND, ProgType::CgroupSockAddr, At::CgroupInet6Connect));
    assert!(!may(&helpers::BIND, ProgType::CgroupSockAddr, At::CgroupInet4Bind));
    assert!(may(&helpers::SETSOCKOPT, ProgType::CgroupSockAddr, At::CgroupUnixConnect));
    assert!(!may(&helpers::SETSOCKOPT, ProgType::CgroupSockAddr, At::CgroupUnixGetsockname));
    assert!(may(&helpers::GETSOCKOPT, ProgType::CgroupSockopt, At::CgroupSetsockopt));
    assert!(!may(&helpers::GETSOCKOPT, ProgType::CgroupSockopt, At::CgroupGetsockopt));
    assert!(!may(&helpers::SETSOCKOPT, ProgType::Lsm, At::LsmMac));
    assert!(may(&helpers::SET_RETVAL, ProgType::CgroupSockAddr, At::CgroupInet4Bind));
    assert!(!may(&helpers::SET_RETVAL, ProgType::CgroupSockAddr, At::CgroupUdp4Recvmsg));
    assert!(!may(&helpers::GET_RETVAL, ProgType::CgroupSkb, At::CgroupInetEgress));
    assert!(!may(&helpers::GET_LOCAL_STORAGE, ProgType::Lsm, At::LsmMac));
    assert!(may(&helpers::GET_LOCAL_STORAGE, ProgType::Lsm, At::LsmCgroup));
    assert!(may(&helpers::SET_RETVAL, ProgType::CgroupSock, At::CgroupInetIngress), "0 stands for sock_create");
    let gpl = |at: At| helpers::of(helpers::GET_FUNC_IP.id, ProgType::Kprobe, at as u32).unwrap().has(HelperProto::GPL);
    assert_eq!(
        [gpl(At::PerfEvent), gpl(At::TraceKprobeMulti), gpl(At::TraceKprobeSession), gpl(At::TraceUprobeMulti)],
        [true, false, false, false]
    );
    let sockmap = |proto, t, at: At| helpers::may_update_sockmap(proto, t, at as u32);
    assert!(sockmap(&helpers::MAP_UPDATE_ELEM, ProgType::Xdp, At::Xdp));
    assert!(!sockmap(&helpers::MAP_UPDATE_ELEM, ProgType::SockOps, At::CgroupSockOps));
    assert!(sockmap(&helpers::MAP_DELETE_ELEM, ProgType::SockOps, At::CgroupSockOps));
    assert!(!sockmap(&helpers::MAP_UPDATE_ELEM, ProgType::Kprobe, At::CgroupInetIngress));
    assert!(sockmap(&helpers::MAP_UPDATE_ELEM, ProgType::Tracing, At::TraceIter));
}

#[test]
fn variants_are_found() {
    let arg = |proto: &HelperProto, t, i: usize| helpers::of(proto.id, t, AttachType::CgroupSetsockopt as u32).unwrap().args.get(i);
    assert!(matches!(arg(&helpers::GET_SOCKET_COOKIE, ProgType::SchedCls, 0), Some(Arg::Ctx { .. })));
    assert!(matches!(arg(&helpers::GET_SOCKET_COOKIE, ProgType::Tracing, 0), Some(Arg::Sock { nullable: true, .. })));
    assert!(matches!(arg(&helpers::SETSOCKOPT, ProgType::SockOps, 0), Some(Arg::Ctx { .. })));
    assert!(matches!(arg(&helpers::SETSOCKOPT, ProgType::CgroupSockopt, 0), Some(Arg::Sock { .. })));
    assert!(matches!(arg(&helpers::SK_STORAGE_GET, ProgType::CgroupSock, 1), Some(Arg::Ctx { .. })));
    assert!(matches!(arg(&helpers::SK_STORAGE_GET, ProgType::SchedCls, 1), Some(Arg::Sock { nullable: false, .. })));
    assert!(matches!(arg(&helpers::SK_ASSIGN, ProgType::SkLookup, 1), Some(Arg::Sock { nullable: true, common: false, .. })));
    assert_eq!(arg(&helpers::GET_CGROUP_CLASSID, ProgType::SkMsg, 0), None);
    let stackid = |t| helpers::of(helpers::GET_STACKID.id, t, 0).unwrap().has(HelperProto::GPL);
    assert_eq!((stackid(ProgType::Kprobe), stackid(ProgType::PerfEvent)), (true, false));
}

#[test]
fn flags() {
    let named = |flag: u32| helpers::ALL.iter().filter(|p| p.has(flag)).map(|p| p.name.trim_start_matches("bpf_")).collect::<Vec<_>>();
    assert_eq!(
        named(HelperProto::CHANGES_PACKET),
        [
            "skb_store_bytes",
            "l3_csum_replace",
            "l4_csum_replace",
            "tail_call",
            "clone_redirect",
            "skb_vlan_push",
            "skb_vlan_pop",
            "skb_change_proto",
            "skb_change_tail",
            "skb_pull_data",
            "skb_change_head",
            "xdp_adjust_head",
            "skb_adjust_room",
            "xdp_adjust_meta",
            "msg_pull_data",
            "xdp_adjust_tail",
            "lwt_push_encap",
            "lwt_seg6_store_bytes",
            "lwt_seg6_adjust_srh",
            "lwt_seg6_action",
            "msg_push_data",
            "msg_pop_data",
            "store_hdr_opt"
        ]
    );
    assert_eq!(
        named(HelperProto::MIGHT_SLEEP),
        ["copy_from_user", "ima_inode_hash", "sys_bpf", "btf_find_by_name_kind", "sys_close", "copy_from_user_task", "ima_file_hash"]
    );
    for packet in ["map_lookup_elem", "map_update_elem", "map_push_elem", "csum_diff", "sk_lookup_udp", "tcp_gen_syncookie"] {
        assert!(named(HelperProto::PKT_ACCESS).contains(&packet), "{packet}");
    }
    for gpl in ["probe_read_kernel", "trace_printk", "fib_lookup", "timer_init", "snprintf", "perf_event_output"] {
        assert!(named(HelperProto::GPL).contains(&gpl), "{gpl}");
    }
    for free in ["ringbuf_output", "ktime_get_ns", "loop", "skb_load_bytes", "get_attach_cookie", "copy_from_user", "send_signal"] {
        assert!(!named(HelperProto::GPL).contains(&free), "{free}");
    }
}

#[test]
fn kfuncs_by_id_and_name() {
    for (i, proto) in kfuncs::ALL.iter().enumerate() {
        assert_eq!(proto.id as usize, i);
        assert_eq!(kfuncs::by_id(proto.id), Some(proto));
        assert_eq!(kfuncs::by_name(proto.name), Some(proto));
        assert!(proto.has(HelperProto::GPL), "{}", proto.name);
    }
    assert_eq!((kfuncs::by_id(kfuncs::ALL.len() as u32), kfuncs::by_id(u32::MAX)), (None, None));
    for unknown in ["", "bpf_", "iter_num_new", "bpf_map_lookup_elem", "bpf_iter_num_new "] {
        assert_eq!(kfuncs::by_name(unknown), None, "{unknown:?}");
    }
    let flagged = |flag| kfuncs::ALL.iter().filter(|p| p.has(flag)).map(|p| p.name).collect::<Vec<_>>();
    assert_eq!(flagged(HelperProto::RCU_LOCK), ["bpf_rcu_read_lock"]);
    assert_eq!(flagged(HelperProto::RCU_UNLOCK), ["bpf_rcu_read_unlock"]);
    assert_eq!(flagged(HelperProto::PREEMPT_DISABLE), ["bpf_preempt_disable"]);
    assert_eq!(flagged(HelperProto::PREEMPT_ENABLE), ["bpf_preempt_enable"]);
    assert!(kfuncs::DYNPTR_FROM_XDP.progs.contains(ProgType::Xdp) && !kfuncs::DYNPTR_FROM_XDP.progs.contains(ProgType::SchedCls));
    assert!(kfuncs::DYNPTR_FROM_SKB.progs.contains(ProgType::CgroupSkb) && !kfuncs::DYNPTR_FROM_SKB.progs.contains(ProgType::Xdp));
}

/// Every iterator has the three calls that Linux asks for, and they agree on its kind.
#[test]
fn iterators_are_complete() {
    for kind in [IterKind::Num, IterKind::Bits] {
        for (state, what) in [(IterState::New, "new"), (IterState::Next, "next"), (IterState::Destroy, "destroy")] {
            let proto = kfuncs::by_name(&format!("bpf_iter_{}_{what}", kind.name())).unwrap();
            assert_eq!(proto.args[0], Arg::Iter { kind, state });
        }
    }
}

#[test]
fn some_prototypes_in_full() {
    assert_eq!(helpers::RINGBUF_RESERVE.args[..], [Arg::MapPtr(&[MapType::Ringbuf]), Arg::AllocSize, Arg::Anything]);
    assert_eq!(helpers::SK_LOOKUP_TCP.ret, Ret::SockOrNull { kind: SockKind::Socket, acquire: true });
    assert_eq!(helpers::SKC_LOOKUP_TCP.ret, Ret::SockOrNull { kind: SockKind::Common, acquire: true });
    assert_eq!(helpers::TCP_SOCK.ret, Ret::SockOrNull { kind: SockKind::Tcp, acquire: false });
    assert_eq!(helpers::SK_RELEASE.args[..], [Arg::Sock { release: true, nullable: false, common: true }]);
    assert_eq!(helpers::STRTOL.args[3], Arg::FixedMem { size: 8, align: 8, access: Access::Write });
    assert_eq!(helpers::CHECK_MTU.args[2], Arg::FixedMem { size: 4, align: 4, access: Access::ReadWrite });
    assert_eq!(helpers::DYNPTR_READ.args[2], Arg::Dynptr { state: DynptrState::Use { rdonly: true } });
    assert_eq!(helpers::RINGBUF_SUBMIT_DYNPTR.args[0], Arg::Dynptr { state: DynptrState::Release });
    assert_eq!(helpers::MAP_POP_ELEM.args[1], Arg::MapValue { access: Access::Write, nullable: false });
    assert_eq!(helpers::PROBE_READ_KERNEL_STR.ret, Ret::SizeOrErrno);
    assert_eq!(helpers::PROBE_READ_KERNEL.ret, Ret::Integer);
    let takes = |proto: &HelperProto, map| matches!(proto.args[0], Arg::MapPtr(types) if types.contains(&map));
    for map in MapType::ALL {
        use MapType::*;
        let keyed = matches!(map, Hash | Array | PercpuHash | PercpuArray | LruHash | LruPercpuHash | LpmTrie | Sockmap | Sockhash);
        assert_eq!(takes(&helpers::MAP_UPDATE_ELEM, *map), keyed, "{map}");
        assert_eq!(takes(&helpers::MAP_DELETE_ELEM, *map), keyed, "{map}");
        let found = keyed || matches!(map, ArrayOfMaps | HashOfMaps | Devmap | DevmapHash | Xskmap);
        assert_eq!(takes(&helpers::MAP_LOOKUP_ELEM, *map), found, "{map}");
        assert_eq!(takes(&helpers::MAP_POP_ELEM, *map), matches!(map, Queue | Stack), "{map}");
        assert_eq!(takes(&helpers::MAP_PEEK_ELEM, *map), matches!(map, Queue | Stack | BloomFilter), "{map}");
        assert_eq!(takes(&helpers::REDIRECT_MAP, *map), matches!(map, Devmap | DevmapHash | Cpumap | Xskmap), "{map}");
    }
}
