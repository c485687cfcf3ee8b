//! The enumerations of `include/uapi/linux/bpf.h`, with their numbers.

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $n:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u32)]
        pub enum $name { $(#[doc = concat!("`", $text, "`.")] $variant = $n,)* }

        impl $name {
            /// Every value, in order of number.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The value with this number.
            pub const fn from_u32(n: u32) -> Option<Self> {
                match n { $($n => Some($name::$variant),)* _ => None }
            }

            /// Its name as bpftool prints it.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

numbered! {
    /// Commands of bpf(2), `enum bpf_cmd`.
    Cmd {
        MapCreate = 0, "map_create";
        MapLookupElem = 1, "map_lookup_elem";
        MapUpdateElem = 2, "map_update_elem";
        MapDeleteElem = 3, "map_delete_elem";
        MapGetNextKey = 4, "map_get_next_key";
        ProgLoad = 5, "prog_load";
        ObjPin = 6, "obj_pin";
        ObjGet = 7, "obj_get";
        ProgAttach = 8, "prog_attach";
        ProgDetach = 9, "prog_detach";
        ProgTestRun = 10, "prog_test_run";
        ProgGetNextId = 11, "prog_get_next_id";
        MapGetNextId = 12, "map_get_next_id";
        ProgGetFdById = 13, "prog_get_fd_by_id";
        MapGetFdById = 14, "map_get_fd_by_id";
        ObjGetInfoByFd = 15, "obj_get_info_by_fd";
        ProgQuery = 16, "prog_query";
        RawTracepointOpen = 17, "raw_tracepoint_open";
        BtfLoad = 18, "btf_load";
        BtfGetFdById = 19, "btf_get_fd_by_id";
        TaskFdQuery = 20, "task_fd_query";
        MapLookupAndDeleteElem = 21, "map_lookup_and_delete_elem";
        MapFreeze = 22, "map_freeze";
        BtfGetNextId = 23, "btf_get_next_id";
        MapLookupBatch = 24, "map_lookup_batch";
        MapLookupAndDeleteBatch = 25, "map_lookup_and_delete_batch";
        MapUpdateBatch = 26, "map_update_batch";
        MapDeleteBatch = 27, "map_delete_batch";
        LinkCreate = 28, "link_create";
        LinkUpdate = 29, "link_update";
        LinkGetFdById = 30, "link_get_fd_by_id";
        LinkGetNextId = 31, "link_get_next_id";
        EnableStats = 32, "enable_stats";
        IterCreate = 33, "iter_create";
        LinkDetach = 34, "link_detach";
        ProgBindMap = 35, "prog_bind_map";
        TokenCreate = 36, "token_create";
    }
}

numbered! {
    /// Map types, `enum bpf_map_type`.
    MapType {
        Unspec = 0, "unspec";
        Hash = 1, "hash";
        Array = 2, "array";
        ProgArray = 3, "prog_array";
        PerfEventArray = 4, "perf_event_array";
        PercpuHash = 5, "percpu_hash";
        PercpuArray = 6, "percpu_array";
        StackTrace = 7, "stack_trace";
        CgroupArray = 8, "cgroup_array";
        LruHash = 9, "lru_hash";
        LruPercpuHash = 10, "lru_percpu_hash";
        LpmTrie = 11, "lpm_trie";
        ArrayOfMaps = 12, "array_of_maps";
        HashOfMaps = 13, "hash_of_maps";
        Devmap = 14, "devmap";
        Sockmap = 15, "sockmap";
        Cpumap = 16, "cpumap";
        Xskmap = 17, "xskmap";
        Sockhash = 18, "sockhash";
        CgroupStorage = 19, "cgroup_storage";
        ReuseportSockarray = 20, "reuseport_sockarray";
        PercpuCgroupStorage = 21, "percpu_cgroup_storage";
        Queue = 22, "queue";
        Stack = 23, "stack";
        SkStorage = 24, "sk_storage";
        DevmapHash = 25, "devmap_hash";
        StructOps = 26, "struct_ops";
        Ringbuf = 27, "ringbuf";
        InodeStorage = 28, "inode_storage";
        TaskStorage = 29, "task_storage";
        BloomFilter = 30, "bloom_filter";
        UserRingbuf = 31, "user_ringbuf";
        CgrpStorage = 32, "cgrp_storage";
        Arena = 33, "arena";
    }
}

numbered! {
    /// Program types, `enum bpf_prog_type`.
    ProgType {
        Unspec = 0, "unspec";
        SocketFilter = 1, "socket_filter";
        Kprobe = 2, "kprobe";
        SchedCls = 3, "sched_cls";
        SchedAct = 4, "sched_act";
        Tracepoint = 5, "tracepoint";
        Xdp = 6, "xdp";
        PerfEvent = 7, "perf_event";
        CgroupSkb = 8, "cgroup_skb";
        CgroupSock = 9, "cgroup_sock";
        LwtIn = 10, "lwt_in";
        LwtOut = 11, "lwt_out";
        LwtXmit = 12, "lwt_xmit";
        SockOps = 13, "sock_ops";
        SkSkb = 14, "sk_skb";
        CgroupDevice = 15, "cgroup_device";
        SkMsg = 16, "sk_msg";
        RawTracepoint = 17, "raw_tracepoint";
        CgroupSockAddr = 18, "cgroup_sock_addr";
        LwtSeg6local = 19, "lwt_seg6local";
        LircMode2 = 20, "lirc_mode2";
        SkReuseport = 21, "sk_reuseport";
        FlowDissector = 22, "flow_dissector";
        CgroupSysctl = 23, "cgroup_sysctl";
        RawTracepointWritable = 24, "raw_tracepoint_writable";
        CgroupSockopt = 25, "cgroup_sockopt";
        Tracing = 26, "tracing";
        StructOps = 27, "struct_ops";
        Ext = 28, "ext";
        Lsm = 29, "lsm";
        SkLookup = 30, "sk_lookup";
        Syscall = 31, "syscall";
        Netfilter = 32, "netfilter";
    }
}

numbered! {
    /// Attach types, `enum bpf_attach_type`.
    AttachType {
        CgroupInetIngress = 0, "cgroup_inet_ingress";
        CgroupInetEgress = 1, "cgroup_inet_egress";
        CgroupInetSockCreate = 2, "cgroup_inet_sock_create";
        CgroupSockOps = 3, "cgroup_sock_ops";
        SkSkbStreamParser = 4, "sk_skb_stream_parser";
        SkSkbStreamVerdict = 5, "sk_skb_stream_verdict";
        CgroupDevice = 6, "cgroup_device";
        SkMsgVerdict = 7, "sk_msg_verdict";
        CgroupInet4Bind = 8, "cgroup_inet4_bind";
        CgroupInet6Bind = 9, "cgroup_inet6_bind";
        CgroupInet4Connect = 10, "cgroup_inet4_connect";
        CgroupInet6Connect = 11, "cgroup_inet6_connect";
        CgroupInet4PostBind = 12, "cgroup_inet4_post_bind";
        CgroupInet6PostBind = 13, "cgroup_inet6_post_bind";
        CgroupUdp4Sendmsg = 14, "cgroup_udp4_sendmsg";
        CgroupUdp6Sendmsg = 15, "cgroup_udp6_sendmsg";
        LircMode2 = 16, "lirc_mode2";
        FlowDissector = 17, "flow_dissector";
        CgroupSysctl = 18, "cgroup_sysctl";
        CgroupUdp4Recvmsg = 19, "cgroup_udp4_recvmsg";
        CgroupUdp6Recvmsg = 20, "cgroup_udp6_recvmsg";
        CgroupGetsockopt = 21, "cgroup_getsockopt";
        CgroupSetsockopt = 22, "cgroup_setsockopt";
        TraceRawTp = 23, "trace_raw_tp";
        TraceFentry = 24, "trace_fentry";
        TraceFexit = 25, "trace_fexit";
        ModifyReturn = 26, "modify_return";
        LsmMac = 27, "lsm_mac";
        TraceIter = 28, "trace_iter";
        CgroupInet4Getpeername = 29, "cgroup_inet4_getpeername";
        CgroupInet6Getpeername = 30, "cgroup_inet6_getpeername";
        CgroupInet4Getsockname = 31, "cgroup_inet4_getsockname";
        CgroupInet6Getsockname = 32, "cgroup_inet6_getsockname";
        XdpDevmap = 33, "xdp_devmap";
        CgroupInetSockRelease = 34, "cgroup_inet_sock_release";
        XdpCpumap = 35, "xdp_cpumap";
        SkLookup = 36, "sk_lookup";
        Xdp = 37, "xdp";
        SkSkbVerdict = 38, "sk_skb_verdict";
        SkReuseportSelect = 39, "sk_reuseport_select";
        SkReuseportSelectOrMigrate = 40, "sk_reuseport_select_or_migrate";
        PerfEvent = 41, "perf_event";
        TraceKprobeMulti = 42, "trace_kprobe_multi";
        LsmCgroup = 43, "lsm_cgroup";
        StructOps = 44, "struct_ops";
        Netfilter = 45, "netfilter";
        TcxIngress = 46, "tcx_ingress";
        TcxEgress = 47, "tcx_egress";
        TraceUprobeMulti = 48, "trace_uprobe_multi";
        CgroupUnixConnect = 49, "cgroup_unix_connect";
        CgroupUnixSendmsg = 50, "cgroup_unix_sendmsg";
        CgroupUnixRecvmsg = 51, "cgroup_unix_recvmsg";
        CgroupUnixGetpeername = 52, "cgroup_unix_getpeername";
        CgroupUnixGetsockname = 53, "cgroup_unix_getsockname";
        NetkitPrimary = 54, "netkit_primary";
        NetkitPeer = 55, "netkit_peer";
        TraceKprobeSession = 56, "trace_kprobe_session";
    }
}

impl MapType {
    /// Whether each CPU has a value of its own; callers see them one after another, each rounded up to 8 bytes.
    pub const fn is_percpu(self) -> bool {
        matches!(self, MapType::PercpuHash | MapType::PercpuArray | MapType::LruPercpuHash | MapType::PercpuCgroupStorage)
    }
}

/// Fields of map values that only helpers may touch, by their offsets. Copies of values leave them out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MapFields {
    /// Offset of a `struct bpf_spin_lock`, 4 bytes.
    pub spin_lock: Option<u32>,
    /// Offset of a `struct bpf_timer`, 16 bytes.
    pub timer: Option<u32>,
}

impl MapFields {
    /// Name, offset and bytes of each.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u32, u32)> {
        let lock = self.spin_lock.map(|at| ("bpf_spin_lock", at, 4));
        lock.into_iter().chain(self.timer.map(|at| ("bpf_timer", at, 16)))
    }
}
