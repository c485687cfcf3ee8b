//! What programs may return.
use crate::{AttachType, ProgType};

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
