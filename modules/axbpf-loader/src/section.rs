//! libbpf's section names: what a program is and where it goes.
use axbpf_abi::{AttachType, ProgType};

/// What a section name's first part says about the programs in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SectionDef {
    /// The part before the target: `kprobe`, `kretprobe.multi`, `cgroup/bind4`.
    pub prefix: &'static str,
    /// Program type.
    pub prog_type: ProgType,
    /// Expected attach type, for those types that have several.
    pub attach_type: Option<AttachType>,
    /// What else the name says.
    pub mode: Mode,
    /// Whether `/target` may follow.
    takes_target: bool,
}

/// What a section name says beyond the types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Nothing.
    Plain,
    /// The program may sleep (`.s`, `syscall`): BPF_F_SLEEPABLE.
    Sleepable,
    /// The program takes packets in several parts (`xdp.frags`): BPF_F_XDP_HAS_FRAGS.
    Frags,
}

impl SectionDef {
    /// Finds what a section name says, and the target behind the prefix: `kprobe/vfs_read` names the target `vfs_read`. A leading `?` (not loaded
    /// unless asked for) is no part of the name. `None`: not one of libbpf's names.
    pub fn of(section: &str) -> Option<(&'static SectionDef, Option<&str>)> {
        let name = section.strip_prefix('?').unwrap_or(section);
        DEFS.iter().find_map(|def| match name.strip_prefix(def.prefix)? {
            "" => Some((def, None)),
            rest if def.takes_target => Some((def, Some(rest.strip_prefix('/')?).filter(|t| !t.is_empty()))),
            _ => None,
        })
    }

    /// Whether the program runs at the return of what it is attached to.
    pub fn at_return(&self) -> bool {
        matches!(
            self.prefix,
            "kretprobe" | "kretprobe.multi" | "uretprobe" | "uretprobe.s" | "uretprobe.multi" | "uretprobe.multi.s" | "kretsyscall"
        )
    }

    /// Whether the program may sleep.
    pub fn is_sleepable(&self) -> bool {
        self.mode == Mode::Sleepable
    }
}

/// Every name, in the order of libbpf's own table.
pub fn section_defs() -> &'static [SectionDef] {
    DEFS
}

const fn exact(prefix: &'static str, prog_type: ProgType, attach_type: Option<AttachType>) -> SectionDef {
    SectionDef { prefix, prog_type, attach_type, mode: Mode::Plain, takes_target: false }
}
const fn target(prefix: &'static str, prog_type: ProgType, attach_type: Option<AttachType>) -> SectionDef {
    SectionDef { takes_target: true, ..exact(prefix, prog_type, attach_type) }
}
const fn sleepable(def: SectionDef) -> SectionDef {
    SectionDef { mode: Mode::Sleepable, ..def }
}
const fn frags(def: SectionDef) -> SectionDef {
    SectionDef { mode: Mode::Frags, ..def }
}

// libbpf, src/libbpf.c, section_defs.
#[rustfmt::skip]
const DEFS: &[SectionDef] = {
    use {AttachType as At, ProgType::*};
    &[
        exact("socket",                SocketFilter, None),
        exact("sk_reuseport/migrate",  SkReuseport, Some(At::SkReuseportSelectOrMigrate)),
        exact("sk_reuseport",          SkReuseport, Some(At::SkReuseportSelect)),
        target("kprobe",               Kprobe, None),
        target("uprobe",               Kprobe, None),
        sleepable(target("uprobe.s",   Kprobe, None)),
        target("kretprobe",            Kprobe, None),
        target("uretprobe",            Kprobe, None),
        sleepable(target("uretprobe.s", Kprobe, None)),
        target("kprobe.multi",         Kprobe, Some(At::TraceKprobeMulti)),
        target("kretprobe.multi",      Kprobe, Some(At::TraceKprobeMulti)),
        target("kprobe.session",       Kprobe, Some(At::TraceKprobeSession)),
        target("uprobe.multi",         Kprobe, Some(At::TraceUprobeMulti)),
        target("uretprobe.multi",      Kprobe, Some(At::TraceUprobeMulti)),
        sleepable(target("uprobe.multi.s", Kprobe, Some(At::TraceUprobeMulti))),
        sleepable(target("uretprobe.multi.s", Kprobe, Some(At::TraceUprobeMulti))),
        target("ksyscall",             Kprobe, None),
        target("kretsyscall",          Kprobe, None),
        target("usdt",                 Kprobe, None),
        sleepable(target("usdt.s",     Kprobe, None)),
        exact("tc/ingress",            SchedCls, Some(At::TcxIngress)),
        exact("tc/egress",             SchedCls, Some(At::TcxEgress)),
        exact("tcx/ingress",           SchedCls, Some(At::TcxIngress)),
        exact("tcx/egress",            SchedCls, Some(At::TcxEgress)),
        exact("tc",                    SchedCls, None),
        exact("classifier",            SchedCls, None),
        exact("action",                SchedAct, None),
        exact("netkit/primary",        SchedCls, Some(At::NetkitPrimary)),
        exact("netkit/peer",           SchedCls, Some(At::NetkitPeer)),
        target("tracepoint",           Tracepoint, None),
        target("tp",                   Tracepoint, None),
        target("raw_tracepoint",       RawTracepoint, None),
        target("raw_tp",               RawTracepoint, None),
        target("raw_tracepoint.w",     RawTracepointWritable, None),
        target("raw_tp.w",             RawTracepointWritable, None),
        target("tp_btf",               Tracing, Some(At::TraceRawTp)),
        target("fentry",               Tracing, Some(At::TraceFentry)),
        target("fmod_ret",             Tracing, Some(At::ModifyReturn)),
        target("fexit",                Tracing, Some(At::TraceFexit)),
        sleepable(target("fentry.s",   Tracing, Some(At::TraceFentry))),
        sleepable(target("fmod_ret.s", Tracing, Some(At::ModifyReturn))),
        sleepable(target("fexit.s",    Tracing, Some(At::TraceFexit))),
        target("freplace",             Ext, None),
        target("lsm",                  Lsm, Some(At::LsmMac)),
        sleepable(target("lsm.s",      Lsm, Some(At::LsmMac))),
        target("lsm_cgroup",           Lsm, Some(At::LsmCgroup)),
        target("iter",                 Tracing, Some(At::TraceIter)),
        sleepable(target("iter.s",     Tracing, Some(At::TraceIter))),
        sleepable(exact("syscall",     Syscall, None)),
        frags(exact("xdp.frags/devmap", Xdp, Some(At::XdpDevmap))),
        exact("xdp/devmap",            Xdp, Some(At::XdpDevmap)),
        frags(exact("xdp.frags/cpumap", Xdp, Some(At::XdpCpumap))),
        exact("xdp/cpumap",            Xdp, Some(At::XdpCpumap)),
        frags(exact("xdp.frags",       Xdp, Some(At::Xdp))),
        exact("xdp",                   Xdp, Some(At::Xdp)),
        exact("perf_event",            PerfEvent, None),
        exact("lwt_in",                LwtIn, None),
        exact("lwt_out",               LwtOut, None),
        exact("lwt_xmit",              LwtXmit, None),
        exact("lwt_seg6local",         LwtSeg6local, None),
        exact("sockops",               SockOps, Some(At::CgroupSockOps)),
        exact("sk_skb/stream_parser",  SkSkb, Some(At::SkSkbStreamParser)),
        exact("sk_skb/stream_verdict", SkSkb, Some(At::SkSkbStreamVerdict)),
        exact("sk_skb/verdict",        SkSkb, Some(At::SkSkbVerdict)),
        exact("sk_skb",                SkSkb, None),
        exact("sk_msg",                SkMsg, Some(At::SkMsgVerdict)),
        exact("lirc_mode2",            LircMode2, Some(At::LircMode2)),
        exact("flow_dissector",        FlowDissector, Some(At::FlowDissector)),
        exact("cgroup_skb/ingress",    CgroupSkb, Some(At::CgroupInetIngress)),
        exact("cgroup_skb/egress",     CgroupSkb, Some(At::CgroupInetEgress)),
        exact("cgroup/skb",            CgroupSkb, None),
        exact("cgroup/sock_create",    CgroupSock, Some(At::CgroupInetSockCreate)),
        exact("cgroup/sock_release",   CgroupSock, Some(At::CgroupInetSockRelease)),
        exact("cgroup/sock",           CgroupSock, Some(At::CgroupInetSockCreate)),
        exact("cgroup/post_bind4",     CgroupSock, Some(At::CgroupInet4PostBind)),
        exact("cgroup/post_bind6",     CgroupSock, Some(At::CgroupInet6PostBind)),
        exact("cgroup/bind4",          CgroupSockAddr, Some(At::CgroupInet4Bind)),
        exact("cgroup/bind6",          CgroupSockAddr, Some(At::CgroupInet6Bind)),
        exact("cgroup/connect4",       CgroupSockAddr, Some(At::CgroupInet4Connect)),
        exact("cgroup/connect6",       CgroupSockAddr, Some(At::CgroupInet6Connect)),
        exact("cgroup/connect_unix",   CgroupSockAddr, Some(At::CgroupUnixConnect)),
        exact("cgroup/sendmsg4",       CgroupSockAddr, Some(At::CgroupUdp4Sendmsg)),
        exact("cgroup/sendmsg6",       CgroupSockAddr, Some(At::CgroupUdp6Sendmsg)),
        exact("cgroup/sendmsg_unix",   CgroupSockAddr, Some(At::CgroupUnixSendmsg)),
        exact("cgroup/recvmsg4",       CgroupSockAddr, Some(At::CgroupUdp4Recvmsg)),
        exact("cgroup/recvmsg6",       CgroupSockAddr, Some(At::CgroupUdp6Recvmsg)),
        exact("cgroup/recvmsg_unix",   CgroupSockAddr, Some(At::CgroupUnixRecvmsg)),
        exact("cgroup/getpeername4",   CgroupSockAddr, Some(At::CgroupInet4Getpeername)),
        exact("cgroup/getpeername6",   CgroupSockAddr, Some(At::CgroupInet6Getpeername)),
        exact("cgroup/getpeername_unix", CgroupSockAddr, Some(At::CgroupUnixGetpeername)),
        exact("cgroup/getsockname4",   CgroupSockAddr, Some(At::CgroupInet4Getsockname)),
        exact("cgroup/getsockname6",   CgroupSockAddr, Some(At::CgroupInet6Getsockname)),
        exact("cgroup/getsockname_unix", CgroupSockAddr, Some(At::CgroupUnixGetsockname)),
        exact("cgroup/sysctl",         CgroupSysctl, Some(At::CgroupSysctl)),
        exact("cgroup/getsockopt",     CgroupSockopt, Some(At::CgroupGetsockopt)),
        exact("cgroup/setsockopt",     CgroupSockopt, Some(At::CgroupSetsockopt)),
        exact("cgroup/dev",            CgroupDevice, Some(At::CgroupDevice)),
        target("struct_ops",           StructOps, None),
        sleepable(target("struct_ops.s", StructOps, None)),
        exact("sk_lookup",             SkLookup, Some(At::SkLookup)),
        exact("netfilter",             Netfilter, Some(At::Netfilter)),
    ]
};
