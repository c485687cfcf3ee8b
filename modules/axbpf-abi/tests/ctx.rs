//! Contexts: where C has the fields, and which accesses Linux takes.
use std::{fs, path::Path, process::Command};

use axbpf_abi::{Arch, AttachType, CtxField, CtxLayout, FLOW_KEYS_SIZE, FieldKind, ProgType, SockKind};

const ANY: [u32; 4] = [1, 2, 4, 8];

fn layout(prog_type: ProgType, attach: AttachType) -> CtxLayout {
    CtxLayout::of(prog_type, attach as u32, Arch::Riscv64).expect("a context")
}

/// For types of which the context does not depend on the attach type.
fn plain(prog_type: ProgType) -> CtxLayout {
    layout(prog_type, AttachType::CgroupInetIngress)
}

/// Sizes that an access at `off` may have.
fn sizes(layout: &CtxLayout, off: u32, write: bool) -> Vec<u32> {
    ANY.into_iter().filter(|&size| layout.field(off.into(), size, write).is_some()).collect()
}

#[track_caller]
fn reads(layout: &CtxLayout, rows: &[(u32, &[u32])]) {
    for (off, want) in rows {
        assert_eq!(sizes(layout, *off, false), *want, "{} read at {off}", layout.name);
    }
}

/// Every place that a program may write, and in which sizes: nothing else may be writable.
#[track_caller]
fn writes(layout: &CtxLayout, rows: &[(u32, &[u32])]) {
    let found: Vec<_> = (0..layout.size).map(|off| (off, sizes(layout, off, true))).filter(|(_, sizes)| !sizes.is_empty()).collect();
    let want: Vec<_> = rows.iter().map(|(off, sizes)| (*off, sizes.to_vec())).collect();
    assert_eq!(found, want, "{} writes", layout.name);
}

fn kind(layout: &CtxLayout, off: i64, size: u32) -> FieldKind {
    layout.field(off, size, false).expect("readable").kind
}

#[test]
fn fields_are_ordered_and_within_the_struct() {
    for &prog_type in ProgType::ALL {
        for &attach in AttachType::ALL {
            for arch in Arch::ALL {
                let Some(layout) = CtxLayout::of(prog_type, attach as u32, arch) else { continue };
                assert!(layout.memory >= layout.size && !layout.fields.is_empty(), "{prog_type}");
                assert!(layout.fields.is_sorted_by_key(|f| f.off), "{prog_type}");
                for f in layout.fields {
                    let within =
                        |f: &CtxField| if f.stored == f.off { f.off + f.size <= layout.size } else { f.stored + 8 <= layout.memory };
                    assert!(within(f), "{prog_type} {f:?}");
                    assert!(f.stored == f.off || (f.stored >= layout.size && f.stored % 8 == 0), "{prog_type} {f:?}");
                    assert!(f.write == 0 || f.kind == FieldKind::Scalar, "{prog_type} {f:?}");
                }
            }
        }
    }
}

#[test]
fn which_types_have_a_context() {
    let without = ProgType::ALL.iter().filter(|&&t| AttachType::ALL.iter().all(|&a| CtxLayout::of(t, a as u32, Arch::X86_64).is_none()));
    assert_eq!(without.copied().collect::<Vec<_>>(), [ProgType::Unspec, ProgType::StructOps, ProgType::Ext]);
    for (prog_type, attach) in [
        (ProgType::CgroupSock, AttachType::CgroupInetEgress),
        (ProgType::CgroupSockAddr, AttachType::CgroupInetIngress),
        (ProgType::CgroupSockopt, AttachType::CgroupInetIngress),
    ] {
        assert_eq!(CtxLayout::of(prog_type, attach as u32, Arch::X86_64), None, "{prog_type} for {attach}");
    }
}

#[test]
fn accesses_outside_every_struct() {
    let layout = plain(ProgType::Kprobe);
    for (off, size) in
        [(-8, 8), (-1, 1), (256, 8), (256, 1), (252, 8), (i64::MAX, 8), (i64::MIN, 8), (u32::MAX.into(), 8), (0, 0), (0, 3), (0, 16)]
    {
        assert_eq!(layout.field(off, size, false), None, "{size} bytes at {off}");
    }
}

#[test]
fn tracing_contexts() {
    let kprobe = plain(ProgType::Kprobe);
    reads(&kprobe, &[(0, &ANY), (1, &[1]), (2, &[1, 2]), (4, &[1, 2, 4]), (248, &ANY), (252, &[1, 2, 4]), (255, &[1]), (256, &[])]);
    writes(&kprobe, &[]);
    let perf = CtxLayout::of(ProgType::PerfEvent, 0, Arch::X86_64).unwrap();
    reads(&perf, &[(0, &[8]), (4, &[]), (160, &[8]), (164, &[]), (168, &ANY), (175, &[1]), (176, &ANY), (180, &[1, 2, 4]), (184, &[])]);
    writes(&perf, &[]);
    reads(&plain(ProgType::RawTracepoint), &[(0, &ANY), (88, &ANY), (95, &[1]), (96, &[])]);
    let writable = plain(ProgType::RawTracepointWritable);
    reads(&writable, &[(0, &[8]), (1, &[1]), (4, &[1, 2, 4]), (8, &ANY), (88, &ANY), (96, &[])]);
    assert_eq!((kind(&writable, 0, 8), kind(&writable, 8, 8)), (FieldKind::TpBuffer, FieldKind::Scalar));
    for prog_type in [ProgType::Tracing, ProgType::Lsm] {
        reads(&plain(prog_type), &[(0, &[8]), (1, &[]), (4, &[]), (88, &[8]), (92, &[]), (96, &[])]);
        writes(&plain(prog_type), &[]);
    }
    reads(&plain(ProgType::Tracepoint), &[(0, &[]), (7, &[]), (8, &ANY), (8184, &ANY), (8191, &[1]), (8192, &[])]);
    reads(&plain(ProgType::Syscall), &[(0, &ANY), (65534, &[1]), (65535, &[])]);
    assert_eq!(sizes(&plain(ProgType::Syscall), 16, true), ANY);
}

#[test]
fn xdp_md() {
    let xdp = layout(ProgType::Xdp, AttachType::Xdp);
    reads(&xdp, &[(0, &[4]), (1, &[]), (2, &[]), (4, &[4]), (8, &[4]), (12, &[4]), (14, &[]), (16, &[4]), (20, &[]), (24, &[])]);
    writes(&xdp, &[]);
    reads(&layout(ProgType::Xdp, AttachType::XdpDevmap), &[(20, &[4]), (22, &[]), (24, &[])]);
    assert_eq!((xdp.size, xdp.memory), (24, 48));
    for (off, want, stored) in [(0, FieldKind::Packet, 24), (4, FieldKind::PacketEnd, 32), (8, FieldKind::PacketMeta, 40)] {
        let field = xdp.field(off, 4, false).unwrap();
        assert_eq!((field.kind, field.stored), (want, stored));
    }
}

#[test]
fn sk_buff() {
    const N: &[u32] = &[1, 2, 4];
    let (filter, tc, cgroup) = (plain(ProgType::SocketFilter), plain(ProgType::SchedCls), plain(ProgType::CgroupSkb));
    let (lwt, stream, dissector) = (plain(ProgType::LwtXmit), plain(ProgType::SkSkb), plain(ProgType::FlowDissector));
    for layout in [filter, tc, cgroup, lwt, stream, dissector] {
        assert_eq!((layout.name, layout.size, layout.memory), ("__sk_buff", 192, 216));
    }
    // off                     filter  tc      cgroup  lwt     stream  dissector
    let rows: &[(u32, [&[u32]; 6])] = &[
        (0, [N, N, N, N, N, &[]]),                 // len
        (3, [&[1], &[1], &[1], &[1], &[1], &[]]),  // its last byte
        (8, [N, N, N, N, &[], &[]]),               // mark
        (44, [N, N, N, N, N, &[]]),                // tc_index
        (48, [&ANY, &ANY, &ANY, &ANY, &ANY, &[]]), // cb
        (64, [N, N, N, N, N, &[]]),                // cb[4]: 8 bytes would reach into hash
        (68, [N, N, N, N, N, &[]]),                // hash
        (72, [&[], N, &[], &[], &[], &[]]),        // tc_classid
        (76, [&[], &[4], &[4], &[4], &[4], &[4]]), // data
        (80, [&[], &[4], &[4], &[4], &[4], &[4]]), // data_end
        (82, [&[], &[], &[], &[], &[], &[]]),
        (84, [N, N, N, N, N, &[]]),              // napi_id
        (88, [&[], &[], N, &[], N, &[]]),        // family
        (92, [&[], &[], &[4], &[], &[4], &[]]),  // remote_ip4
        (128, [&[], &[], &[4], &[], &[4], &[]]), // local_ip6[3]
        (130, [&[], &[], &[], &[], &[], &[]]),
        (132, [&[], &[], N, &[], N, &[]]),          // remote_port
        (136, [&[], &[], N, &[], N, &[]]),          // local_port
        (140, [&[], &[4], &[], &[], &[], &[]]),     // data_meta
        (144, [&[], &[], &[], &[], &[], &[8]]),     // flow_keys
        (152, [&[], &[8], &[8], &[], &[], &[]]),    // tstamp
        (160, [&[], N, &[], &[], &[], &[]]),        // wire_len
        (164, [N, N, N, N, N, &[]]),                // gso_segs
        (168, [&[8], &[8], &[8], &[8], &[8], &[]]), // sk
        (172, [&[], &[], &[], &[], &[], &[]]),
        (176, [N, N, N, N, N, &[]]),             // gso_size
        (180, [&[], &[1], &[], &[], &[], &[]]),  // tstamp_type
        (181, [&[], &[], &[], &[], &[], &[]]),   // padding
        (184, [&[], &[8], &[8], &[], &[], &[]]), // hwtstamp
        (192, [&[], &[], &[], &[], &[], &[]]),
    ];
    for (off, want) in rows {
        for (layout, want) in [filter, tc, cgroup, lwt, stream, dissector].iter().zip(want) {
            reads(layout, &[(*off, want)]);
        }
    }
    let cb: Vec<(u32, &[u32])> = (48..68)
        .map(|off| {
            let sizes: &[u32] = match (off % 8, off) {
                (_, 64) | (4, _) => N,
                (0, _) => &ANY,
                (2 | 6, _) => &[1, 2],
                _ => &[1],
            };
            (off, sizes)
        })
        .collect();
    let with = |others: &[(u32, &'static [u32])]| {
        let mut all = cb.clone();
        all.extend(others);
        all.sort_by_key(|row| row.0);
        all
    };
    writes(&filter, &cb);
    writes(&lwt, &with(&[(8, &[4]), (32, &[4])]));
    writes(&cgroup, &with(&[(8, &[4]), (32, &[4]), (152, &[8])]));
    writes(&tc, &with(&[(8, &[4]), (12, &[4]), (32, &[4]), (44, &[4]), (72, &[4]), (152, &[8])]));
    writes(&stream, &[(32, &[4]), (44, &[4])]);
    writes(&dissector, &[]);
    assert_eq!(kind(&filter, 168, 8), FieldKind::SockOrNull(SockKind::Common));
    assert_eq!(kind(&dissector, 144, 8), FieldKind::FlowKeys);
    for (off, want, stored) in [(76, FieldKind::Packet, 192), (80, FieldKind::PacketEnd, 200), (140, FieldKind::PacketMeta, 208)] {
        let field = tc.field(off, 4, false).unwrap();
        assert_eq!((field.kind, field.stored), (want, stored));
    }
}

#[test]
fn socket_contexts() {
    const N: &[u32] = &[1, 2, 4];
    let create = layout(ProgType::CgroupSock, AttachType::CgroupInetSockCreate);
    reads(&create, &[(0, &[4]), (4, N), (5, &[]), (6, &[]), (8, N), (16, &[4]), (20, &[4]), (24, &[]), (28, &[]), (44, &[])]);
    reads(&create, &[(48, N), (49, &[1]), (50, &[]), (52, N), (54, &[1, 2]), (68, N), (72, N), (74, &[]), (76, N), (78, &[]), (80, &[])]);
    writes(&create, &[(0, &[4]), (16, &[4]), (20, &[4])]);
    assert_eq!(plain(ProgType::CgroupSock), create);
    assert_eq!(layout(ProgType::CgroupSock, AttachType::CgroupInetSockRelease), create);
    let bind4 = layout(ProgType::CgroupSock, AttachType::CgroupInet4PostBind);
    reads(&bind4, &[(0, &[]), (16, &[]), (24, N), (26, &[1, 2]), (28, &[]), (44, N), (46, &[]), (72, N)]);
    writes(&bind4, &[]);
    reads(&layout(ProgType::CgroupSock, AttachType::CgroupInet6PostBind), &[(0, &[]), (24, &[]), (28, N), (40, N), (44, N)]);

    let ops = plain(ProgType::SockOps);
    reads(
        &ops,
        &[(0, &[4]), (2, &[]), (16, &[4]), (160, &[4]), (164, &[4]), (168, &[8]), (172, &[]), (176, &[8]), (184, &[8]), (192, &[8])],
    );
    reads(&ops, &[(196, &[]), (200, &[8]), (208, &[4]), (212, N), (213, &[]), (214, &[]), (216, &[8]), (220, &[]), (224, &[])]);
    writes(&ops, &[(4, &[4]), (164, &[4])]);
    assert_eq!(kind(&ops, 184, 8), FieldKind::SockOrNull(SockKind::Socket));
    assert_eq!((kind(&ops, 192, 8), kind(&ops, 200, 8)), (FieldKind::Packet, FieldKind::PacketEnd));

    let msg = plain(ProgType::SkMsg);
    reads(&msg, &[(0, &[8]), (4, &[]), (8, &[8]), (16, &[4]), (18, &[]), (24, &[4]), (68, &[4]), (72, &[8]), (76, &[]), (80, &[])]);
    writes(&msg, &[]);
    assert_eq!((msg.size, msg.memory), (80, 80));
    assert_eq!(kind(&msg, 72, 8), FieldKind::Sock(SockKind::Socket));

    let lookup = plain(ProgType::SkLookup);
    reads(&lookup, &[(0, &[8]), (4, &[]), (8, N), (16, N), (24, N), (36, N), (38, &[1, 2]), (40, N), (64, N), (67, &[1]), (68, &[])]);
    writes(&lookup, &[]);
    let reuseport = plain(ProgType::SkReuseport);
    reads(&reuseport, &[(0, &[8]), (8, &[8]), (16, N), (20, &[2, 4]), (21, &[]), (22, &[2]), (24, N), (28, N), (32, &[4]), (36, &[])]);
    reads(&reuseport, &[(40, &[8]), (48, &[8]), (52, &[]), (56, &[])]);
    writes(&reuseport, &[]);
    assert_eq!(kind(&reuseport, 40, 8), FieldKind::Sock(SockKind::Socket));
    assert_eq!(kind(&reuseport, 48, 8), FieldKind::SockOrNull(SockKind::Common));
}

#[test]
fn sock_addr() {
    const N: &[u32] = &[1, 2, 4];
    let bind4 = layout(ProgType::CgroupSockAddr, AttachType::CgroupInet4Bind);
    reads(
        &bind4,
        &[(0, &[4]), (1, &[]), (4, N), (7, &[1]), (8, &[]), (24, N), (28, &[4]), (30, &[]), (36, &[4]), (40, &[]), (64, &[8]), (72, &[])],
    );
    writes(&bind4, &[(4, &[4]), (24, &[4])]);
    let send4 = layout(ProgType::CgroupSockAddr, AttachType::CgroupUdp4Sendmsg);
    reads(&send4, &[(4, N), (8, &[]), (40, N), (44, &[])]);
    writes(&send4, &[(4, &[4]), (24, &[4]), (40, &[4])]);
    let bind6 = layout(ProgType::CgroupSockAddr, AttachType::CgroupInet6Bind);
    reads(&bind6, &[(4, &[]), (8, &ANY), (12, N), (16, &ANY), (20, N), (23, &[1]), (40, &[]), (44, &[])]);
    writes(&bind6, &[(8, &[4, 8]), (12, &[4]), (16, &[4, 8]), (20, &[4]), (24, &[4])]);
    let send6 = layout(ProgType::CgroupSockAddr, AttachType::CgroupUdp6Sendmsg);
    reads(&send6, &[(40, &[]), (44, N), (48, &ANY), (56, N), (60, &[])]);
    let unix = layout(ProgType::CgroupSockAddr, AttachType::CgroupUnixConnect);
    reads(&unix, &[(0, &[4]), (4, &[]), (8, &[]), (24, N), (64, &[8])]);
    writes(&unix, &[(24, &[4])]);
    assert_eq!(kind(&unix, 64, 8), FieldKind::Sock(SockKind::Socket));
}

#[test]
fn small_contexts() {
    const N: &[u32] = &[1, 2, 4];
    let device = plain(ProgType::CgroupDevice);
    reads(&device, &[(0, N), (3, &[1]), (4, &[4]), (5, &[]), (8, &[4]), (12, &[])]);
    writes(&device, &[]);
    let sysctl = plain(ProgType::CgroupSysctl);
    reads(&sysctl, &[(0, N), (4, N), (8, &[])]);
    writes(&sysctl, &[(4, &[4])]);
    let get = layout(ProgType::CgroupSockopt, AttachType::CgroupGetsockopt);
    reads(&get, &[(0, &[8]), (8, &[8]), (16, &[8]), (24, &[4]), (26, &[]), (32, &[4]), (36, &[4]), (40, &[])]);
    writes(&get, &[(32, &[4]), (36, &[4])]);
    assert_eq!((kind(&get, 8, 8), kind(&get, 16, 8)), (FieldKind::Packet, FieldKind::PacketEnd));
    let set = layout(ProgType::CgroupSockopt, AttachType::CgroupSetsockopt);
    reads(&set, &[(32, &[4]), (36, &[])]);
    writes(&set, &[(24, &[4]), (28, &[4]), (32, &[4])]);
    reads(&plain(ProgType::Netfilter), &[(0, &[8]), (4, &[]), (8, &[8]), (16, &[])]);
    reads(&plain(ProgType::LircMode2), &[(0, &[4]), (2, &[]), (4, &[])]);
}

#[test]
fn sockets_behind_pointers() {
    let (full, common, tcp) =
        (CtxLayout::of_sock(SockKind::Socket), CtxLayout::of_sock(SockKind::Common), CtxLayout::of_sock(SockKind::Tcp));
    reads(
        &full,
        &[(0, &[4]), (4, &[1, 2, 4]), (8, &[1, 2, 4]), (16, &[4]), (24, &[1, 2, 4]), (44, &[1, 2, 4]), (50, &[]), (76, &[1, 2, 4])],
    );
    reads(
        &common,
        &[(0, &[4]), (4, &[1, 2, 4]), (8, &[]), (12, &[]), (16, &[]), (20, &[]), (24, &[1, 2, 4]), (44, &[1, 2, 4]), (72, &[1, 2, 4])],
    );
    reads(&tcp, &[(0, &[4]), (2, &[]), (76, &[4]), (80, &[8]), (84, &[]), (88, &[8]), (96, &[4]), (108, &[4]), (112, &[])]);
    for layout in [full, common, tcp] {
        writes(&layout, &[]);
    }
}

/// Sizes of structs and places of their fields, as a C compiler has them from Linux's own header.
#[test]
fn c_agrees() {
    type Fields = &'static [(&'static str, u32)];
    let structs: &[(&str, u32, Fields)] = &[
        ("xdp_md", plain(ProgType::Xdp).size, &[("data_meta", 8), ("egress_ifindex", 20)]),
        (
            "__sk_buff",
            plain(ProgType::SchedCls).size,
            &[("mark", 8), ("priority", 32), ("tc_index", 44), ("cb", 48), ("tc_classid", 72), ("data", 76), ("data_end", 80)],
        ),
        (
            "__sk_buff",
            plain(ProgType::SkSkb).size,
            &[("family", 88), ("remote_ip4", 92), ("remote_port", 132), ("data_meta", 140), ("flow_keys", 144), ("tstamp", 152)],
        ),
        (
            "__sk_buff",
            plain(ProgType::SocketFilter).size,
            &[("wire_len", 160), ("gso_segs", 164), ("sk", 168), ("gso_size", 176), ("tstamp_type", 180), ("hwtstamp", 184)],
        ),
        (
            "bpf_sock",
            CtxLayout::of_sock(SockKind::Socket).size,
            &[
                ("mark", 16),
                ("src_ip4", 24),
                ("src_ip6", 28),
                ("src_port", 44),
                ("dst_port", 48),
                ("dst_ip4", 52),
                ("rx_queue_mapping", 76),
            ],
        ),
        ("bpf_tcp_sock", CtxLayout::of_sock(SockKind::Tcp).size, &[("bytes_received", 80), ("bytes_acked", 88), ("dsack_dups", 96)]),
        (
            "bpf_sock_ops",
            plain(ProgType::SockOps).size,
            &[
                ("reply", 4),
                ("family", 20),
                ("sk_txhash", 164),
                ("bytes_received", 168),
                ("sk", 184),
                ("skb_data", 192),
                ("skb_tcp_flags", 212),
            ],
        ),
        ("sk_msg_md", plain(ProgType::SkMsg).size, &[("data_end", 8), ("family", 16), ("size", 68), ("sk", 72)]),
        (
            "bpf_sock_addr",
            layout(ProgType::CgroupSockAddr, AttachType::CgroupInet4Bind).size,
            &[("user_ip4", 4), ("user_ip6", 8), ("user_port", 24), ("msg_src_ip4", 40), ("msg_src_ip6", 44), ("sk", 64)],
        ),
        ("sk_reuseport_md", plain(ProgType::SkReuseport).size, &[("eth_protocol", 20), ("hash", 32), ("sk", 40), ("migrating_sk", 48)]),
        ("bpf_sk_lookup", plain(ProgType::SkLookup).size, &[("family", 8), ("remote_port", 36), ("ingress_ifindex", 64)]),
        ("bpf_cgroup_dev_ctx", plain(ProgType::CgroupDevice).size, &[("major", 4), ("minor", 8)]),
        ("bpf_sysctl", plain(ProgType::CgroupSysctl).size, &[("write", 0), ("file_pos", 4)]),
        (
            "bpf_sockopt",
            layout(ProgType::CgroupSockopt, AttachType::CgroupGetsockopt).size,
            &[("optval", 8), ("optlen", 32), ("retval", 36)],
        ),
        ("bpf_flow_keys", FLOW_KEYS_SIZE, &[]),
    ];
    let header = Path::new("/usr/include/linux/bpf.h");
    if !header.exists() || Command::new("cc").arg("--version").output().is_err() {
        eprintln!("NOT CHECKED: this host has no cc or no {}", header.display());
        return;
    }
    let mut c = String::from("#include <stddef.h>\n#include <linux/bpf.h>\n");
    for (name, size, fields) in structs {
        // Headers before Linux 6.2 end struct bpf_sock_ops before skb_hwtstamp.
        let older = if *name == "bpf_sock_ops" { size - 8 } else { *size };
        c += &format!("_Static_assert(sizeof(struct {name}) == {size} || sizeof(struct {name}) == {older}, \"size of {name}\");\n");
        for (field, off) in *fields {
            c += &format!("_Static_assert(offsetof(struct {name}, {field}) == {off}, \"{name}.{field}\");\n");
        }
    }
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ctx.c");
    fs::write(&source, c).unwrap();
    let out = Command::new("cc").arg("-fsyntax-only").arg(&source).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}
