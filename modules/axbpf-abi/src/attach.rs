//! What the attach type that PROG_LOAD is given decides: whether the program loads, and what it may return.
use crate::{AttachType, ProgType};

/// The attach type that a program has, given the number in PROG_LOAD: two program types are older than attach types, and 0 means the one
/// that they had then (Linux: `bpf_prog_load_fixup_attach_type`).
pub const fn expected_attach_type(prog_type: ProgType, given: u32) -> u32 {
    match prog_type {
        ProgType::CgroupSock if given == 0 => AttachType::CgroupInetSockCreate as u32,
        ProgType::SkReuseport if given == 0 => AttachType::SkReuseportSelect as u32,
        _ => given,
    }
}

/// Whether PROG_LOAD takes this attach type for this program type; `false` is EINVAL (Linux: `bpf_prog_load_check_attach`). Types that are
/// not asked here take any number.
pub const fn takes_attach_type(prog_type: ProgType, given: u32) -> bool {
    use AttachType::*;
    let attach_type = AttachType::from_u32(expected_attach_type(prog_type, given));
    match prog_type {
        ProgType::CgroupSock => {
            matches!(attach_type, Some(CgroupInetSockCreate | CgroupInetSockRelease | CgroupInet4PostBind | CgroupInet6PostBind))
        }
        ProgType::CgroupSockAddr => matches!(
            attach_type,
            Some(
                CgroupInet4Bind
                    | CgroupInet6Bind
                    | CgroupInet4Connect
                    | CgroupInet6Connect
                    | CgroupUnixConnect
                    | CgroupInet4Getpeername
                    | CgroupInet6Getpeername
                    | CgroupUnixGetpeername
                    | CgroupInet4Getsockname
                    | CgroupInet6Getsockname
                    | CgroupUnixGetsockname
                    | CgroupUdp4Sendmsg
                    | CgroupUdp6Sendmsg
                    | CgroupUnixSendmsg
                    | CgroupUdp4Recvmsg
                    | CgroupUdp6Recvmsg
                    | CgroupUnixRecvmsg,
            )
        ),
        ProgType::CgroupSkb => matches!(attach_type, Some(CgroupInetIngress | CgroupInetEgress)),
        ProgType::CgroupSockopt => matches!(attach_type, Some(CgroupSetsockopt | CgroupGetsockopt)),
        ProgType::SkLookup => matches!(attach_type, Some(SkLookup)),
        ProgType::SkReuseport => matches!(attach_type, Some(SkReuseportSelect | SkReuseportSelectOrMigrate)),
        ProgType::Netfilter => matches!(attach_type, Some(Netfilter)),
        ProgType::Syscall | ProgType::Ext => given == 0,
        _ => true,
    }
}

/// Smallest and largest value that R0 may hold at a program's end (Linux: `check_return_code`); `None`: any number.
///
/// `expected_attach_type` is the number that PROG_LOAD was given. LSM hooks with a range of their own are not known here.
pub const fn ret_range(prog_type: ProgType, expected_attach_type: u32) -> Option<(i64, i64)> {
    use AttachType::*;
    let attach_type = AttachType::from_u32(expected_attach_type);
    match prog_type {
        // Hooks that run after the fact cannot refuse.
        ProgType::CgroupSockAddr => match attach_type {
            Some(
                CgroupUdp4Recvmsg
                | CgroupUdp6Recvmsg
                | CgroupUnixRecvmsg
                | CgroupInet4Getpeername
                | CgroupInet6Getpeername
                | CgroupUnixGetpeername
                | CgroupInet4Getsockname
                | CgroupInet6Getsockname
                | CgroupUnixGetsockname,
            ) => Some((1, 1)),
            // Bit 1: the port may be bound without CAP_NET_BIND_SERVICE.
            Some(CgroupInet4Bind | CgroupInet6Bind) => Some((0, 3)),
            _ => Some((0, 1)),
        },
        ProgType::CgroupSkb => match attach_type {
            // Bit 1: the queue is congested.
            Some(CgroupInetEgress) => Some((0, 3)),
            _ => Some((0, 1)),
        },
        ProgType::CgroupSock | ProgType::SockOps | ProgType::CgroupDevice | ProgType::CgroupSysctl | ProgType::CgroupSockopt => {
            Some((0, 1))
        }
        ProgType::Tracing => match attach_type {
            Some(TraceFentry | TraceFexit) => Some((0, 0)),
            Some(TraceIter) => Some((0, 1)),
            _ => None,
        },
        ProgType::Kprobe if matches!(attach_type, Some(TraceKprobeSession)) => Some((0, 1)),
        ProgType::Lsm if matches!(attach_type, Some(LsmCgroup)) => Some((0, 1)),
        // SK_DROP and SK_PASS; NF_DROP and NF_ACCEPT.
        ProgType::SkLookup | ProgType::Netfilter => Some((0, 1)),
        _ => None,
    }
}
