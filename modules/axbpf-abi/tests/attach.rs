//! Attach types, what programs may return, and flags against Linux's header.
use std::fs;

use axbpf_abi::{AttachType, ProgType, expected_attach_type, ret_range, takes_attach_type};

#[test]
fn ranges() {
    use AttachType::*;
    let rows = [
        (ProgType::CgroupSkb, CgroupInetIngress, Some((0, 1))),
        (ProgType::CgroupSkb, CgroupInetEgress, Some((0, 3))),
        (ProgType::CgroupSock, CgroupInetSockCreate, Some((0, 1))),
        (ProgType::CgroupSockAddr, CgroupInet4Bind, Some((0, 3))),
        (ProgType::CgroupSockAddr, CgroupInet6Connect, Some((0, 1))),
        (ProgType::CgroupSockAddr, CgroupUdp6Sendmsg, Some((0, 1))),
        (ProgType::CgroupSockAddr, CgroupUdp4Recvmsg, Some((1, 1))),
        (ProgType::CgroupSockAddr, CgroupUnixGetsockname, Some((1, 1))),
        (ProgType::CgroupSockAddr, CgroupUnixConnect, Some((0, 1))),
        (ProgType::CgroupSysctl, CgroupSysctl, Some((0, 1))),
        (ProgType::CgroupSockopt, CgroupGetsockopt, Some((0, 1))),
        (ProgType::CgroupDevice, CgroupDevice, Some((0, 1))),
        (ProgType::SockOps, CgroupSockOps, Some((0, 1))),
        (ProgType::Tracing, TraceFentry, Some((0, 0))),
        (ProgType::Tracing, TraceFexit, Some((0, 0))),
        (ProgType::Tracing, ModifyReturn, None),
        (ProgType::Tracing, TraceRawTp, None),
        (ProgType::Tracing, TraceIter, Some((0, 1))),
        (ProgType::Kprobe, TraceKprobeSession, Some((0, 1))),
        (ProgType::Kprobe, TraceKprobeMulti, None),
        (ProgType::Lsm, LsmMac, None),
        (ProgType::Lsm, LsmCgroup, Some((0, 1))),
        (ProgType::SkLookup, SkLookup, Some((0, 1))),
        (ProgType::Netfilter, Netfilter, Some((0, 1))),
        (ProgType::Xdp, Xdp, None),
        (ProgType::SchedCls, TcxIngress, None),
        (ProgType::SocketFilter, CgroupInetIngress, None),
        (ProgType::RawTracepoint, CgroupInetIngress, None),
    ];
    for (prog_type, attach, want) in rows {
        assert_eq!(ret_range(prog_type, attach as u32), want, "{prog_type} for {attach}");
    }
}

#[test]
fn attach_types_of_load() {
    use AttachType::*;
    let taken = |t: ProgType| AttachType::ALL.iter().copied().filter(|&a| takes_attach_type(t, a as u32)).collect::<Vec<_>>();
    // 0 is cgroup_inet_ingress; for two program types it means another.
    let sock = [CgroupInetIngress, CgroupInetSockCreate, CgroupInet4PostBind, CgroupInet6PostBind, CgroupInetSockRelease];
    assert_eq!(taken(ProgType::CgroupSock), sock);
    assert_eq!(taken(ProgType::SkReuseport), [CgroupInetIngress, SkReuseportSelect, SkReuseportSelectOrMigrate]);
    assert_eq!(taken(ProgType::CgroupSkb), [CgroupInetIngress, CgroupInetEgress]);
    assert_eq!(taken(ProgType::CgroupSockopt), [CgroupGetsockopt, CgroupSetsockopt]);
    assert_eq!(taken(ProgType::CgroupSockAddr).len(), 17);
    assert_eq!(taken(ProgType::SkLookup), [SkLookup]);
    assert_eq!(taken(ProgType::Netfilter), [Netfilter]);
    assert_eq!(taken(ProgType::Syscall), [CgroupInetIngress]);
    assert_eq!(taken(ProgType::Kprobe), AttachType::ALL);
    assert!(takes_attach_type(ProgType::Xdp, u32::MAX) && !takes_attach_type(ProgType::SkLookup, u32::MAX));
    assert_eq!(expected_attach_type(ProgType::CgroupSock, 0), CgroupInetSockCreate as u32);
    assert_eq!(expected_attach_type(ProgType::SkReuseport, 0), SkReuseportSelect as u32);
    assert_eq!(expected_attach_type(ProgType::CgroupSkb, 0), 0);
}

/// Every flag here that Linux's header has as a shift or a number has the value that it has there.
#[test]
fn flags_are_linuxes() {
    let Ok(header) = fs::read_to_string("/usr/include/linux/bpf.h") else {
        eprintln!("NOT CHECKED: this host has no /usr/include/linux/bpf.h");
        return;
    };
    let value = |text: &str| -> Option<u64> {
        let text = text.replace("ULL", "").replace('U', "");
        let text = text.trim().trim_matches(['(', ')']);
        let number = |n: &str| {
            let n = n.trim().trim_matches(['(', ')', '_']).to_lowercase();
            n.strip_prefix("0x").map_or_else(|| n.parse().ok(), |hex| u64::from_str_radix(hex, 16).ok())
        };
        match text.split_once("<<") {
            Some((n, by)) => Some(number(n)? << number(by)?),
            None => number(text),
        }
    };
    let theirs = |name: &str| {
        header.lines().find_map(|line| {
            let line = line.split("/*").next()?.trim().trim_end_matches(',');
            let line = line.strip_prefix("#define ").unwrap_or(line);
            let rest = line.strip_prefix(name)?;
            if !rest.starts_with([' ', '\t', '=']) {
                return None;
            }
            value(rest.trim().trim_start_matches('='))
        })
    };
    let mut seen = 0;
    for line in include_str!("../src/flags.rs").lines().filter_map(|l| l.strip_prefix("pub const ")) {
        let (name, rest) = line.split_once(':').unwrap();
        let ours = value(rest.split_once('=').unwrap().1.trim().trim_end_matches(';').replace('_', "").as_str());
        if let (Some(ours), Some(theirs)) = (ours, theirs(name)) {
            assert_eq!(ours, theirs, "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 40, "only {seen} flags were found in the header");
}
