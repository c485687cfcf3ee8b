//! The contexts' fields. Each table follows the `*_is_valid_access` function of Linux 6.12 that its comment names, for a privileged loader.
use crate::{Arch, AttachType, CtxField, CtxLayout, FieldKind, ProgType, SockKind, expected_attach_type};

/// Any size of access.
const ANY: u8 = 1 | 2 | 4 | 8;
/// A 4-byte field of which parts may be read.
const NARROW: u8 = 1 | 2 | 4;
/// Variants of a struct: each program type or attach type that sees it differently has a bit of its own; these are all of them.
const EACH: u8 = u8::MAX;

/// A field of a struct, and the variants in which it may be read or written.
#[derive(Clone, Copy)]
struct Row {
    field: CtxField,
    readers: u8,
    writers: u8,
}

/// A number at `off`, readable in accesses of these sizes by every variant.
const fn read(off: u32, size: u32, sizes: u8) -> Row {
    Row { field: CtxField { off, size, kind: FieldKind::Scalar, read: sizes, write: 0, stored: off }, readers: EACH, writers: 0 }
}

/// A pointer that takes 8 bytes in the struct itself.
const fn pointer(off: u32, kind: FieldKind) -> Row {
    let mut row = read(off, 8, 8);
    row.field.kind = kind;
    row
}

/// A pointer that programs load as 4 bytes from `off`; it is in memory at `stored`.
const fn packet(off: u32, kind: FieldKind, stored: u32) -> Row {
    let mut row = read(off, 4, 4);
    row.field.kind = kind;
    row.field.stored = stored;
    row
}

impl Row {
    /// Only these variants may access it.
    const fn only(mut self, variants: u8) -> Row {
        self.readers = variants;
        self.writers &= variants;
        self
    }

    /// These variants may write it, in accesses of these sizes.
    const fn write(mut self, sizes: u8, variants: u8) -> Row {
        self.field.write = sizes;
        self.writers = variants;
        self
    }
}

/// The fields of one variant.
struct Chosen<const N: usize> {
    fields: [CtxField; N],
    len: usize,
}

const fn choose<const N: usize>(rows: &[Row; N], variant: u8) -> Chosen<N> {
    let (mut fields, mut len, mut i) = ([rows[0].field; N], 0, 0);
    while i < N {
        let mut field = rows[i].field;
        if rows[i].writers & variant == 0 {
            field.write = 0;
        }
        if rows[i].readers & variant == 0 {
            field.read = 0;
        }
        if field.read | field.write != 0 {
            fields[len] = field;
            len += 1;
        }
        i += 1;
    }
    Chosen { fields, len }
}

/// The fields of a table that a variant has, as a slice.
macro_rules! fields {
    ($rows:ident, $variant:expr) => {{
        const CHOSEN: Chosen<{ $rows.len() }> = choose(&$rows, $variant);
        const FIELDS: &[CtxField] = CHOSEN.fields.split_at(CHOSEN.len).0;
        FIELDS
    }};
    ($rows:ident) => {
        fields!($rows, EACH)
    };
}

// kprobe_prog_is_valid_access: loads of any size within pt_regs.
macro_rules! pt_regs {
    ($arch:ident) => {{
        const REGS: [Row; 1] = [read(0, Arch::$arch.pt_regs_size(), ANY)];
        fields!(REGS)
    }};
}

// pe_prog_is_valid_access: whole registers, then sample_period and addr in loads of any size.
macro_rules! perf_event {
    ($arch:ident) => {{
        const SIZE: u32 = Arch::$arch.pt_regs_size();
        const DATA: [Row; 3] = [read(0, SIZE, 8), read(SIZE, 8, ANY), read(SIZE + 8, 8, ANY)];
        fields!(DATA)
    }};
}

/// Twelve arguments of 8 bytes: MAX_BPF_FUNC_ARGS.
const ARGS_SIZE: u32 = 12 * 8;
// raw_tp_prog_is_valid_access: loads of any size.
const RAW_TP: [Row; 1] = [read(0, ARGS_SIZE, ANY)];
// raw_tp_writable_prog_is_valid_access: a load from byte 0 takes the whole pointer to the buffer.
const RAW_TP_WRITABLE: [Row; 3] = [pointer(0, FieldKind::TpBuffer), read(1, 7, NARROW), read(8, ARGS_SIZE - 8, ANY)];
// btf_ctx_access: whole arguments.
const TRACING: [Row; 1] = [read(0, ARGS_SIZE, 8)];
// tp_prog_is_valid_access: the record, at most PERF_MAX_TRACE_SIZE; its first 8 bytes are the kernel's own.
const TRACEPOINT: [Row; 1] = [read(8, 8192 - 8, ANY)];
// syscall_prog_is_valid_access: the caller's own buffer of at most U16_MAX bytes.
const SYSCALL: [Row; 1] = [read(0, 65535, ANY).write(ANY, EACH)];

// xdp_is_valid_access: struct xdp_md.
const XDP_DEVMAP: u8 = 1;
const XDP_OTHER: u8 = 2;
const XDP: [Row; 6] = [
    packet(0, FieldKind::Packet, 24),
    packet(4, FieldKind::PacketEnd, 32),
    packet(8, FieldKind::PacketMeta, 40),
    read(12, 4, 4),                  // ingress_ifindex
    read(16, 4, 4),                  // rx_queue_index
    read(20, 4, 4).only(XDP_DEVMAP), // egress_ifindex
];

// bpf_skb_is_valid_access: struct __sk_buff. The variants narrow it down: sk_filter_, tc_cls_act_, cg_skb_, lwt_, sk_skb_ and
// flow_dissector_is_valid_access.
const FILTER: u8 = 1;
const TC: u8 = 2;
const CGROUP: u8 = 4;
const LWT: u8 = 8;
const STREAM: u8 = 16;
const DISSECTOR: u8 = 32;
const SKBS: u8 = FILTER | TC | CGROUP | LWT | STREAM;
const SK_BUFF: [Row; 25] = [
    read(0, 8, NARROW).only(SKBS),                                       // len, pkt_type
    read(8, 4, NARROW).only(SKBS & !STREAM).write(4, TC | CGROUP | LWT), // mark
    read(12, 4, NARROW).only(SKBS).write(4, TC),                         // queue_mapping
    read(16, 16, NARROW).only(SKBS),                                     // protocol, vlan_present, vlan_tci, vlan_proto
    read(32, 4, NARROW).only(SKBS).write(4, SKBS & !FILTER),             // priority
    read(36, 8, NARROW).only(SKBS),                                      // ingress_ifindex, ifindex
    read(44, 4, NARROW).only(SKBS).write(4, TC | STREAM),                // tc_index
    read(48, 20, ANY).only(SKBS).write(ANY, SKBS & !STREAM),             // cb
    read(68, 4, NARROW).only(SKBS),                                      // hash
    read(72, 4, NARROW).only(TC).write(4, TC),                           // tc_classid
    packet(76, FieldKind::Packet, 192).only(EACH & !FILTER),
    packet(80, FieldKind::PacketEnd, 200).only(EACH & !FILTER),
    read(84, 4, NARROW).only(SKBS),             // napi_id
    read(88, 4, NARROW).only(CGROUP | STREAM),  // family
    read(92, 40, 4).only(CGROUP | STREAM),      // remote_ip4, local_ip4, remote_ip6, local_ip6
    read(132, 8, NARROW).only(CGROUP | STREAM), // remote_port, local_port
    packet(140, FieldKind::PacketMeta, 208).only(TC),
    pointer(144, FieldKind::FlowKeys).only(DISSECTOR),
    read(152, 8, 8).only(TC | CGROUP).write(8, TC | CGROUP), // tstamp
    read(160, 4, NARROW).only(TC),                           // wire_len
    read(164, 4, NARROW).only(SKBS),                         // gso_segs
    pointer(168, FieldKind::SockOrNull(SockKind::Common)).only(SKBS),
    read(176, 4, NARROW).only(SKBS),   // gso_size
    read(180, 1, 1).only(TC),          // tstamp_type
    read(184, 8, 8).only(TC | CGROUP), // hwtstamp
];

// bpf_sock_is_valid_access: struct bpf_sock; bpf_sock_common_is_valid_access leaves fields out. As a context it is that of cgroup_sock, with
// what __sock_filter_check_attach_type says of the attach types.
const SOCK_CREATE: u8 = 1;
const SOCK_BIND4: u8 = 2;
const SOCK_BIND6: u8 = 4;
const SOCK_FULL: u8 = 8;
const SOCK_COMMON: u8 = 16;
const SOCK: [Row; 25] = [
    read(0, 4, 4).only(SOCK_CREATE | SOCK_FULL | SOCK_COMMON).write(4, SOCK_CREATE), // bound_dev_if
    read(4, 4, 4),                                                                   // family
    read(4, 2, 2),                                                                   // of this field and the like, only the first bytes
    read(4, 1, 1),
    read(8, 4, 4).only(!SOCK_COMMON), // type
    read(8, 2, 2).only(!SOCK_COMMON),
    read(8, 1, 1).only(!SOCK_COMMON),
    read(12, 4, 4).only(!SOCK_COMMON), // protocol
    read(12, 2, 2).only(!SOCK_COMMON),
    read(12, 1, 1).only(!SOCK_COMMON),
    read(16, 8, 4).only(SOCK_CREATE | SOCK_FULL).write(4, SOCK_CREATE), // mark, priority
    read(24, 4, NARROW).only(SOCK_BIND4 | SOCK_FULL | SOCK_COMMON),     // src_ip4
    read(28, 16, NARROW).only(SOCK_BIND6 | SOCK_FULL | SOCK_COMMON),    // src_ip6
    read(44, 4, 4).only(!SOCK_CREATE),                                  // src_port
    read(44, 2, 2).only(!SOCK_CREATE),
    read(44, 1, 1).only(!SOCK_CREATE),
    read(48, 2, 1 | 2),   // dst_port
    read(48, 4, 4),       // dst_port, as it was once
    read(52, 20, NARROW), // dst_ip4, dst_ip6
    read(72, 4, 4),       // state
    read(72, 2, 2),
    read(72, 1, 1),
    read(76, 4, 4), // rx_queue_mapping
    read(76, 2, 2),
    read(76, 1, 1),
];

// bpf_tcp_sock_is_valid_access: struct bpf_tcp_sock.
const TCP_SOCK: [Row; 3] = [read(0, 80, 4), read(80, 16, 8), read(96, 16, 4)];

// sock_ops_is_valid_access: struct bpf_sock_ops.
const SOCK_OPS: [Row; 13] = [
    read(0, 4, 4),                  // op
    read(4, 4, 4).write(4, EACH),   // args[0] or reply
    read(8, 156, 4),                // args[1] to sacked_out
    read(164, 4, 4).write(4, EACH), // sk_txhash
    read(168, 16, 8),               // bytes_received, bytes_acked
    pointer(184, FieldKind::SockOrNull(SockKind::Socket)),
    pointer(192, FieldKind::Packet),
    pointer(200, FieldKind::PacketEnd),
    read(208, 4, 4), // skb_len
    read(212, 4, 4), // skb_tcp_flags
    read(212, 2, 2),
    read(212, 1, 1),
    read(216, 8, 8), // skb_hwtstamp
];

// sk_msg_is_valid_access: struct sk_msg_md.
const SK_MSG: [Row; 4] = [
    pointer(0, FieldKind::Packet),
    pointer(8, FieldKind::PacketEnd),
    read(16, 56, 4), // family to size
    pointer(72, FieldKind::Sock(SockKind::Socket)),
];

// sock_addr_is_valid_access: struct bpf_sock_addr. The address families have fields of their own; so have the sendmsg attach types.
const ADDR4: u8 = 1;
const ADDR6: u8 = 2;
const ADDR4_SENDMSG: u8 = 4;
const ADDR6_SENDMSG: u8 = 8;
const ADDR_UNIX: u8 = 16;
const SOCK_ADDR: [Row; 8] = [
    read(0, 4, 4),                                                                    // user_family
    read(4, 4, NARROW).only(ADDR4 | ADDR4_SENDMSG).write(4, ADDR4 | ADDR4_SENDMSG),   // user_ip4
    read(8, 16, ANY).only(ADDR6 | ADDR6_SENDMSG).write(4 | 8, ADDR6 | ADDR6_SENDMSG), // user_ip6
    read(24, 4, NARROW).write(4, EACH),                                               // user_port
    read(28, 12, 4),                                                                  // family, type, protocol
    read(40, 4, NARROW).only(ADDR4_SENDMSG).write(4, ADDR4_SENDMSG),                  // msg_src_ip4
    read(44, 16, ANY).only(ADDR6_SENDMSG).write(4 | 8, ADDR6_SENDMSG),                // msg_src_ip6
    pointer(64, FieldKind::Sock(SockKind::Socket)),
];

// sk_reuseport_is_valid_access: struct sk_reuseport_md.
const SK_REUSEPORT: [Row; 8] = [
    pointer(0, FieldKind::Packet),
    pointer(8, FieldKind::PacketEnd),
    read(16, 4, NARROW), // len
    read(20, 4, 2 | 4),  // eth_protocol
    read(24, 8, NARROW), // ip_protocol, bind_inany
    read(32, 4, 4),      // hash
    pointer(40, FieldKind::Sock(SockKind::Socket)),
    pointer(48, FieldKind::SockOrNull(SockKind::Common)), // migrating_sk
];

// sk_lookup_is_valid_access: struct bpf_sk_lookup.
const SK_LOOKUP: [Row; 2] = [
    pointer(0, FieldKind::SockOrNull(SockKind::Socket)),
    read(8, 60, NARROW), // family to ingress_ifindex; remote_port has 2 bytes and 2 of padding
];

// cgroup_dev_is_valid_access: struct bpf_cgroup_dev_ctx.
const CGROUP_DEV: [Row; 2] = [
    read(0, 4, NARROW), // access_type
    read(4, 8, 4),      // major, minor
];

// sysctl_is_valid_access: struct bpf_sysctl.
const SYSCTL: [Row; 2] = [
    read(0, 4, NARROW),                // write
    read(4, 4, NARROW).write(4, EACH), // file_pos
];

// cg_sockopt_is_valid_access: struct bpf_sockopt.
const GETSOCKOPT: u8 = 1;
const SETSOCKOPT: u8 = 2;
const SOCKOPT: [Row; 6] = [
    pointer(0, FieldKind::Sock(SockKind::Socket)),
    pointer(8, FieldKind::Packet),                        // optval
    pointer(16, FieldKind::PacketEnd),                    // optval_end
    read(24, 8, 4).write(4, SETSOCKOPT),                  // level, optname
    read(32, 4, 4).write(4, EACH),                        // optlen
    read(36, 4, 4).only(GETSOCKOPT).write(4, GETSOCKOPT), // retval
];

// nf_is_valid_access: struct bpf_nf_ctx, skb and state. Without types of the kernel they are numbers.
const NETFILTER: [Row; 1] = [read(0, 16, 8)];
// lirc_mode2_is_valid_access: one sample.
const LIRC_MODE2: [Row; 1] = [read(0, 4, 4)];

const fn sock_variant(attach_type: u32) -> Option<&'static [CtxField]> {
    const CREATE: u32 = AttachType::CgroupInetSockCreate as u32;
    const RELEASE: u32 = AttachType::CgroupInetSockRelease as u32;
    const BIND4: u32 = AttachType::CgroupInet4PostBind as u32;
    const BIND6: u32 = AttachType::CgroupInet6PostBind as u32;
    Some(match attach_type {
        0 | CREATE | RELEASE => fields!(SOCK, SOCK_CREATE),
        BIND4 => fields!(SOCK, SOCK_BIND4),
        BIND6 => fields!(SOCK, SOCK_BIND6),
        _ => return None,
    })
}

const fn sockopt_variant(attach_type: u32) -> Option<&'static [CtxField]> {
    match AttachType::from_u32(attach_type) {
        Some(AttachType::CgroupGetsockopt) => Some(fields!(SOCKOPT, GETSOCKOPT)),
        Some(AttachType::CgroupSetsockopt) => Some(fields!(SOCKOPT, SETSOCKOPT)),
        _ => None,
    }
}

const fn sock_addr_variant(attach_type: u32) -> Option<&'static [CtxField]> {
    use AttachType::*;
    Some(match AttachType::from_u32(attach_type) {
        Some(CgroupInet4Bind | CgroupInet4Connect | CgroupInet4Getpeername | CgroupInet4Getsockname | CgroupUdp4Recvmsg) => {
            fields!(SOCK_ADDR, ADDR4)
        }
        Some(CgroupInet6Bind | CgroupInet6Connect | CgroupInet6Getpeername | CgroupInet6Getsockname | CgroupUdp6Recvmsg) => {
            fields!(SOCK_ADDR, ADDR6)
        }
        Some(CgroupUdp4Sendmsg) => fields!(SOCK_ADDR, ADDR4_SENDMSG),
        Some(CgroupUdp6Sendmsg) => fields!(SOCK_ADDR, ADDR6_SENDMSG),
        Some(CgroupUnixConnect | CgroupUnixSendmsg | CgroupUnixRecvmsg | CgroupUnixGetpeername | CgroupUnixGetsockname) => {
            fields!(SOCK_ADDR, ADDR_UNIX)
        }
        _ => return None,
    })
}

/// `?`, which a `const fn` does not have.
macro_rules! some {
    ($option:expr) => {
        match $option {
            Some(value) => value,
            None => return None,
        }
    };
}

pub(crate) const fn of(prog_type: ProgType, attach_type: u32, arch: Arch) -> Option<CtxLayout> {
    let attach_type = expected_attach_type(prog_type, attach_type);
    let regs = arch.pt_regs_size();
    let (name, size, fields) = match prog_type {
        ProgType::Kprobe => (
            "pt_regs",
            regs,
            match arch {
                Arch::Riscv64 => pt_regs!(Riscv64),
                Arch::X86_64 => pt_regs!(X86_64),
                Arch::Aarch64 => pt_regs!(Aarch64),
                Arch::Loongarch64 => pt_regs!(Loongarch64),
            },
        ),
        ProgType::PerfEvent => (
            "bpf_perf_event_data",
            regs + 16,
            match arch {
                Arch::Riscv64 => perf_event!(Riscv64),
                Arch::X86_64 => perf_event!(X86_64),
                Arch::Aarch64 => perf_event!(Aarch64),
                Arch::Loongarch64 => perf_event!(Loongarch64),
            },
        ),
        ProgType::RawTracepoint => ("bpf_raw_tracepoint_args", ARGS_SIZE, fields!(RAW_TP)),
        ProgType::RawTracepointWritable => ("bpf_raw_tracepoint_args", ARGS_SIZE, fields!(RAW_TP_WRITABLE)),
        ProgType::Tracing | ProgType::Lsm => ("bpf_tracing_args", ARGS_SIZE, fields!(TRACING)),
        ProgType::Tracepoint => ("tracepoint record", 8192, fields!(TRACEPOINT)),
        ProgType::Syscall => ("syscall context", 65535, fields!(SYSCALL)),
        ProgType::Xdp => {
            ("xdp_md", 24, if attach_type == AttachType::XdpDevmap as u32 { fields!(XDP, XDP_DEVMAP) } else { fields!(XDP, XDP_OTHER) })
        }
        ProgType::SocketFilter => ("__sk_buff", 192, fields!(SK_BUFF, FILTER)),
        ProgType::SchedCls | ProgType::SchedAct => ("__sk_buff", 192, fields!(SK_BUFF, TC)),
        ProgType::CgroupSkb => ("__sk_buff", 192, fields!(SK_BUFF, CGROUP)),
        ProgType::LwtIn | ProgType::LwtOut | ProgType::LwtXmit | ProgType::LwtSeg6local => ("__sk_buff", 192, fields!(SK_BUFF, LWT)),
        ProgType::SkSkb => ("__sk_buff", 192, fields!(SK_BUFF, STREAM)),
        ProgType::FlowDissector => ("__sk_buff", 192, fields!(SK_BUFF, DISSECTOR)),
        ProgType::CgroupSock => ("bpf_sock", 80, some!(sock_variant(attach_type))),
        ProgType::SockOps => ("bpf_sock_ops", 224, fields!(SOCK_OPS)),
        ProgType::SkMsg => ("sk_msg_md", 80, fields!(SK_MSG)),
        ProgType::CgroupSockAddr => ("bpf_sock_addr", 72, some!(sock_addr_variant(attach_type))),
        ProgType::SkReuseport => ("sk_reuseport_md", 56, fields!(SK_REUSEPORT)),
        ProgType::SkLookup => ("bpf_sk_lookup", 72, fields!(SK_LOOKUP)),
        ProgType::CgroupDevice => ("bpf_cgroup_dev_ctx", 12, fields!(CGROUP_DEV)),
        ProgType::CgroupSysctl => ("bpf_sysctl", 8, fields!(SYSCTL)),
        ProgType::CgroupSockopt => ("bpf_sockopt", 40, some!(sockopt_variant(attach_type))),
        ProgType::Netfilter => ("bpf_nf_ctx", 16, fields!(NETFILTER)),
        ProgType::LircMode2 => ("lirc sample", 4, fields!(LIRC_MODE2)),
        ProgType::Unspec | ProgType::StructOps | ProgType::Ext => return None,
    };
    Some(CtxLayout { name, size, memory: memory(prog_type, size), fields })
}

/// `struct xdp_md` and `struct __sk_buff` are followed by data, data_end and data_meta.
const fn memory(prog_type: ProgType, size: u32) -> u32 {
    use ProgType::*;
    match prog_type {
        Xdp | SocketFilter | SchedCls | SchedAct | CgroupSkb | LwtIn | LwtOut | LwtXmit | LwtSeg6local | SkSkb | FlowDissector => {
            size + 3 * 8
        }
        _ => size,
    }
}

pub(crate) const fn of_sock(kind: SockKind) -> CtxLayout {
    let (name, size, fields) = match kind {
        SockKind::Socket => ("bpf_sock", 80, fields!(SOCK, SOCK_FULL)),
        SockKind::Common => ("bpf_sock", 80, fields!(SOCK, SOCK_COMMON)),
        SockKind::Tcp => ("bpf_tcp_sock", 112, fields!(TCP_SOCK)),
    };
    CtxLayout { name, size, memory: size, fields }
}
