//! Test runs with packets, through bpf(2): contexts, packets in and out, and what is refused. What each case has to answer is what Linux
//! answers. Runs in the unikernel; on a host as a test of api/axbpf, which can ask the host's Linux about the same cases.
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use axbpf::abi::attr::{ProgLoad, TestRun};
use axbpf::abi::{AttachType, Cmd, Errno, ProgType};
use axbpf::{RawInsn, bpf_attr};

/// Something with bpf(2) and close(2).
pub trait Kernel {
    /// Result, or a negative error number.
    fn bpf(&self, cmd: Cmd, attr: &mut bpf_attr) -> i64;
    fn close(&self, fd: u32);
}

/// This project's.
pub struct Own;

impl Kernel for Own {
    fn bpf(&self, cmd: Cmd, attr: &mut bpf_attr) -> i64 {
        // SAFETY: every address in the attrs of this file is that of memory which the caller may have written, or 0.
        unsafe { axbpf::bpf(cmd as u32, attr, size_of::<bpf_attr>() as u32) }
    }

    fn close(&self, fd: u32) {
        axbpf::cmd::close(fd).unwrap();
    }
}

/// A program and what it is run with.
#[derive(Clone)]
pub struct Case {
    pub name: String,
    prog_type: ProgType,
    attach_type: u32,
    insns: Vec<RawInsn>,
    data: Vec<u8>,
    /// Bytes at `data_out`, and `data_size_out`.
    data_out: Option<(usize, u32)>,
    ctx: Option<Vec<u8>>,
    /// Bytes at `ctx_out`.
    ctx_out: Option<usize>,
    /// What else the attr has.
    attr: TestRun,
    expected: Outcome,
}

/// What comes of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// 0 or a negative error number; without a result the rest is zero.
    result: i64,
    retval: u32,
    data_size_out: u32,
    data: Vec<u8>,
    ctx_size_out: u32,
    ctx: Vec<u8>,
}

const UNTOUCHED: u8 = 0xa5;

impl Case {
    fn new(name: impl ToString, prog_type: ProgType, insns: &[RawInsn], data: &[u8], expected: Outcome) -> Case {
        Case {
            name: name.to_string(),
            prog_type,
            attach_type: 0,
            insns: insns.to_vec(),
            data: data.to_vec(),
            data_out: None,
            ctx: None,
            ctx_out: None,
            attr: TestRun { repeat: 1, ..TestRun::default() },
            expected,
        }
    }

    /// With room for the data, of which `data_size_out` tells nothing.
    fn out(mut self) -> Case {
        self.data_out = Some((self.data.len() + 64, 0));
        self
    }

    fn ctx(mut self, ctx: &[u8]) -> Case {
        self.ctx = Some(ctx.to_vec());
        self
    }

    fn ctx_out(mut self, room: usize) -> Case {
        self.ctx_out = Some(room);
        self
    }

    /// What a kernel answers.
    pub fn ask(&self, kernel: &dyn Kernel) -> Outcome {
        let license = c"GPL";
        let bytes: Vec<u8> = self.insns.iter().flat_map(|insn| insn.to_bytes()).collect();
        let mut log = vec![0u8; 1 << 16];
        let load = ProgLoad {
            prog_type: self.prog_type as u32,
            expected_attach_type: self.attach_type,
            insn_cnt: self.insns.len() as u32,
            insns: bytes.as_ptr().expose_provenance() as u64,
            license: license.as_ptr().expose_provenance() as u64,
            log_level: 1,
            log_size: log.len() as u32,
            log_buf: log.as_mut_ptr().expose_provenance() as u64,
            ..ProgLoad::default()
        };
        let prog = kernel.bpf(Cmd::ProgLoad, &mut load.into());
        let prog_fd = u32::try_from(prog).unwrap_or_else(|_| panic!("{}: {prog}: {}", self.name, String::from_utf8_lossy(&log)));

        let mut data = vec![UNTOUCHED; self.data_out.map_or(0, |(room, _)| room)];
        let mut ctx = vec![UNTOUCHED; self.ctx_out.unwrap_or(0)];
        let pointer = |bytes: &[u8]| if bytes.is_empty() { 0 } else { bytes.as_ptr().expose_provenance() as u64 };
        let pointer_mut = |bytes: &mut [u8]| if bytes.is_empty() { 0 } else { bytes.as_mut_ptr().expose_provenance() as u64 };
        let ctx_in = self.ctx.as_deref().unwrap_or_default();
        let mut attr = bpf_attr::from(TestRun {
            prog_fd,
            data_in: pointer(&self.data),
            data_size_in: self.data.len() as u32,
            data_out: pointer_mut(&mut data),
            data_size_out: self.data_out.map_or(self.attr.data_size_out, |(_, size)| size),
            ctx_in: pointer(ctx_in),
            ctx_size_in: ctx_in.len() as u32 | self.attr.ctx_size_in,
            ctx_out: pointer_mut(&mut ctx),
            ctx_size_out: ctx.len() as u32 | self.attr.ctx_size_out,
            ..self.attr
        });
        let before = attr;
        let result = kernel.bpf(Cmd::ProgTestRun, &mut attr);
        kernel.close(prog_fd);
        let field = |at: usize| u32::from_le_bytes(attr.0[at..at + 4].try_into().unwrap());
        if result < 0 && result != Errno::ENOSPC.neg() {
            assert!(data.iter().chain(&ctx).all(|&byte| byte == UNTOUCHED) && attr.0 == before.0, "{}: something was written", self.name);
            return Outcome { result, ..Outcome::default() };
        }
        let filled = |bytes: Vec<u8>| match bytes.iter().rposition(|&byte| byte != UNTOUCHED) {
            Some(last) => bytes[..=last].to_vec(),
            None => Vec::new(),
        };
        Outcome { result, retval: field(4), data_size_out: field(12), data: filled(data), ctx_size_out: field(44), ctx: filled(ctx) }
    }
}

pub fn run() {
    for case in cases() {
        assert_eq!(case.ask(&Own), case.expected, "{}", case.name);
    }
}

/// Where another kernel answers something else than expected: the case, and its answer.
pub fn differences(kernel: &dyn Kernel) -> Vec<String> {
    let asked = cases().into_iter().map(|case| (case.ask(kernel), case));
    asked
        .filter(|(answer, case)| *answer != case.expected)
        .map(|(answer, case)| format!("{}: {answer:?}, not {:?}", case.name, case.expected))
        .collect()
}

fn refused(errno: Errno) -> Outcome {
    Outcome { result: errno.neg(), ..Outcome::default() }
}

/// R0, and data of this length that nobody asked for.
fn returns(retval: u32, len: usize) -> Outcome {
    Outcome { retval, data_size_out: len as u32, ..Outcome::default() }
}

const EXIT: RawInsn = RawInsn::new(0x95, 0, 0, 0, 0);

/// `r0 = imm; exit`.
fn constant(imm: i32) -> Vec<RawInsn> {
    vec![RawInsn::new(0xb7, 0, 0, 0, imm), EXIT]
}

/// `dst = *(u32 *)(src + off)`.
const fn load(dst: u8, src: u8, off: i16) -> RawInsn {
    RawInsn::new(0x61, dst, src, off, 0)
}

/// Returns 4 bytes of the context.
fn field(off: usize) -> Vec<RawInsn> {
    vec![load(0, 1, off as i16), EXIT]
}

/// Returns the upper or lower half of 8 bytes of the context.
fn half(off: usize, upper: bool) -> Vec<RawInsn> {
    vec![RawInsn::new(0x79, 0, 1, off as i16, 0), RawInsn::new(0x77, 0, 0, 0, if upper { 32 } else { 0 }), EXIT]
}

/// Returns the difference of two pointers of the context.
fn between(start: i16, end: i16) -> Vec<RawInsn> {
    vec![load(2, 1, start), load(0, 1, end), RawInsn::new(0x1f, 0, 2, 0, 0), EXIT]
}

/// Adds 1 to byte `at` of the packet and returns it; -1 if the packet is shorter.
fn increment(data: i16, data_end: i16, at: i16) -> Vec<RawInsn> {
    vec![
        load(2, 1, data),
        load(3, 1, data_end),
        RawInsn::new(0xb7, 0, 0, 0, -1),                // r0 = -1
        RawInsn::new(0xbf, 4, 2, 0, 0),                 // r4 = r2
        RawInsn::new(0x07, 4, 0, 0, i32::from(at) + 1), // r4 += at + 1
        RawInsn::new(0x2d, 4, 3, 3, 0),                 // if r4 > r3 goto +3
        RawInsn::new(0x71, 0, 2, at, 0),                // r0 = *(u8 *)(r2 + at)
        RawInsn::new(0x07, 0, 0, 0, 1),                 // r0 += 1
        RawInsn::new(0x73, 2, 0, at, 0),                // *(u8 *)(r2 + at) = r0
        EXIT,
    ]
}

/// A frame of `len` bytes: to this host, IPv4, then a pattern without [`UNTOUCHED`] at its end.
fn frame(len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..len).map(|i| (i % 151) as u8).collect();
    bytes[..14].copy_from_slice(&[0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 8, 0]);
    bytes
}

/// A struct of 4-byte fields with some of them set, by offset.
fn fields(size: usize, set: &[(usize, u32)]) -> Vec<u8> {
    let mut bytes = vec![0; size];
    for &(at, value) in set {
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    bytes
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    xdp_packets(&mut cases);
    xdp_contexts(&mut cases);
    skb_packets(&mut cases);
    skb_contexts(&mut cases);
    any_type(&mut cases);
    cases
}

/// Pointers in `struct xdp_md`, and its size.
const XDP_DATA: i16 = 0;
const XDP_END: i16 = 4;
const XDP_META: i16 = 8;
const XDP_MD: usize = 24;
/// Bytes of a packet that fit into a page with headroom and `skb_shared_info`.
const LINEAR: usize = 4096 - 256 - 320;

fn xdp_packets(cases: &mut Vec<Case>) {
    let case =
        |name: &str, insns: &[RawInsn], data: &[u8], expected| Case::new(format!("xdp {name}"), ProgType::Xdp, insns, data, expected);
    let length = between(XDP_DATA, XDP_END);
    for len in [0, 1, 13] {
        cases.push(case(&format!("{len} bytes"), &length, &vec![1; len], refused(Errno::EINVAL)));
    }
    for len in [14, 60, 1514, LINEAR, LINEAR + 1, 8000, LINEAR + 17 * 4096] {
        let (data, linear) = (frame(len), len.min(LINEAR) as u32);
        let expected = Outcome { data: data.clone(), ..returns(linear, len) };
        cases.push(case(&format!("{len} bytes"), &length, &data, expected).out());
    }
    cases.push(case("too many fragments", &length, &frame(LINEAR + 17 * 4096 + 1), refused(Errno::ENOMEM)));

    let data = frame(60);
    let incremented = |by: u8| {
        let mut data = data.clone();
        data[20] += by;
        data
    };
    let increment = increment(XDP_DATA, XDP_END, 20);
    let mut written = case("is written", &increment, &data, Outcome { data: incremented(1), ..returns(21, 60) }).out();
    cases.push(written.clone());
    written.name = "xdp three runs write one packet".into();
    written.attr.repeat = 3;
    written.expected = Outcome { data: incremented(3), ..returns(23, 60) };
    cases.push(written.clone());
    written.name = "xdp no run is one run".into();
    written.attr.repeat = 0;
    written.expected = Outcome { data: incremented(1), ..returns(21, 60) };
    cases.push(written.clone());
    written.name = "xdp too little room".into();
    written.data_out = Some((60, 33));
    written.expected.result = Errno::ENOSPC.neg();
    written.expected.data.truncate(33);
    cases.push(written.clone());
    written.name = "xdp just enough room".into();
    written.data_out = Some((60, 60));
    written.expected = Outcome { data: incremented(1), ..returns(21, 60) };
    cases.push(written);
    let mut nowhere = case("no buffer, but a size", &increment, &data, Outcome { result: Errno::ENOSPC.neg(), ..returns(21, 60) });
    nowhere.attr.data_size_out = 59;
    cases.push(nowhere);
    cases.push(case("too short for the program", &increment, &data[..20], returns(u32::MAX, 20)));
    cases.push(case("at the end", &increment, &data[..21], returns(21, 21)));
    for retval in [0, 2, -1, i32::MIN] {
        cases.push(case(&format!("returns {retval}"), &constant(retval), &data, returns(retval as u32, 60)));
    }
}

fn xdp_contexts(cases: &mut Vec<Case>) {
    let case =
        |name: &str, insns: &[RawInsn], data: &[u8], expected| Case::new(format!("xdp {name}"), ProgType::Xdp, insns, data, expected);
    let data = frame(60);
    for (at, value) in [(12, 1), (16, 0)] {
        cases.push(case(&format!("field {at}"), &field(at), &data, returns(value, 60)));
    }
    let mut egress = case("for devmap", &field(20), &data, refused(Errno::EINVAL));
    egress.attach_type = AttachType::XdpDevmap as u32;
    cases.push(egress.clone());
    egress.name = "xdp for cpumap".into();
    egress.attach_type = AttachType::XdpCpumap as u32;
    egress.insns = constant(1);
    cases.push(egress);

    // Offsets into the data: where the packet begins and where it ends.
    let md = |data: usize, end: usize, more: &[(usize, u32)]| fields(XDP_MD, &[&[(0, data as u32), (4, end as u32)], more].concat());
    let (length, meta) = (between(XDP_DATA, XDP_END), between(XDP_META, XDP_DATA));
    let answered = |retval, md: Vec<u8>| Outcome { ctx_size_out: md.len() as u32, ctx: md, data: data.clone(), ..returns(retval, 60) };
    // The end of the context as it comes back, cut where nothing but its fill could be.
    for size in [0, 4, 40] {
        let given = md(size, 60, &[]);
        cases.push(
            case(&format!("{size} bytes of metadata"), &meta, &data, answered(size as u32, given.clone()))
                .ctx(&given)
                .ctx_out(XDP_MD)
                .out(),
        );
        cases.push(case(&format!("{size} bytes of metadata, the packet"), &length, &data, returns(60 - size as u32, 60)).ctx(&given));
    }
    let given = md(216, 300, &[]);
    cases.push(case("most metadata", &meta, &frame(300), returns(216, 300)).ctx(&given));
    let given = md(8, 30, &[(12, 1)]);
    cases.push(case("a linear part", &length, &data, answered(22, given.clone())).ctx(&given).ctx_out(XDP_MD).out());
    // No context but room for one: the linear part is empty.
    cases.push(case("room for a context", &length, &data, answered(0, md(0, 0, &[]))).ctx_out(XDP_MD).out());
    let long = frame(LINEAR + 200);
    cases.push(case("metadata leaves the same room", &length, &long, returns(LINEAR as u32, LINEAR + 200)).ctx(&md(
        100,
        LINEAR + 200,
        &[],
    )));
    for (name, given, errno) in [
        ("data not aligned", md(6, 60, &[]), Errno::EINVAL),
        ("data behind data_end", md(44, 40, &[]), Errno::EINVAL),
        ("data_end behind the data", md(0, 61, &[]), Errno::EINVAL),
        ("data_meta", md(0, 60, &[(8, 4)]), Errno::EINVAL),
        ("too little behind the metadata", md(48, 60, &[]), Errno::EINVAL),
        ("egress_ifindex", md(0, 60, &[(20, 1)]), Errno::EINVAL),
        ("a queue of no interface", md(0, 60, &[(16, 1)]), Errno::EINVAL),
        ("a queue that does not exist", md(0, 60, &[(12, 1), (16, 1)]), Errno::EINVAL),
        ("an interface that does not exist", md(0, 60, &[(12, 99_999)]), Errno::ENODEV),
        ("one byte too many", [md(0, 60, &[]), vec![1]].concat(), Errno::E2BIG),
        ("many bytes too many", [md(0, 60, &[]), vec![0; 4096]].concat(), Errno::E2BIG),
        ("very many bytes too many", [md(0, 60, &[]), vec![0; 70_000]].concat(), Errno::E2BIG),
    ] {
        cases.push(case(&format!("context: {name}"), &length, &data, refused(errno)).ctx(&given));
    }
    cases.push(case("context: too much metadata", &length, &frame(300), refused(Errno::EINVAL)).ctx(&md(220, 300, &[])));
    cases.push(case("context: zeros behind it", &length, &data, returns(60, 60)).ctx(&[md(0, 60, &[]), vec![0; 40]].concat()));
    cases.push(case("context: its beginning", &length, &data, returns(56, 60)).ctx(&md(4, 60, &[])[..8]));
    let given = md(0, 60, &[]);
    let short = Outcome { result: Errno::ENOSPC.neg(), ctx_size_out: 24, ctx: given[..5].to_vec(), ..returns(60, 60) };
    cases.push(case("context: too little room", &length, &data, short).ctx(&given).ctx_out(5));
}

/// Pointers in `struct __sk_buff`, and its size.
const SKB_DATA: i16 = 76;
const SKB_END: i16 = 80;
const SKB_META: i16 = 140;
const SK_BUFF: usize = 192;

fn skb_packets(cases: &mut Vec<Case>) {
    use ProgType::{SchedAct, SchedCls, SocketFilter};
    let data = frame(60);
    for prog_type in [SchedCls, SchedAct, SocketFilter] {
        let case = |name: &str, insns: &[RawInsn], data: &[u8], expected| {
            Case::new(format!("{prog_type} {name}"), prog_type, insns, data, expected)
        };
        // Socket filters see what is behind the Ethernet header.
        let hidden = if prog_type == SocketFilter { 14 } else { 0 };
        for len in [0, 1, 13, 3713, 8000] {
            cases.push(case(&format!("{len} bytes"), &field(0), &vec![1; len], refused(Errno::EINVAL)));
        }
        for len in [60, 1514, 3710] {
            let data = frame(len);
            let back = [vec![0; hidden], data[hidden..].to_vec()].concat();
            cases
                .push(case(&format!("{len} bytes"), &field(0), &data, Outcome { data: back, ..returns((len - hidden) as u32, len) }).out());
        }
        for (at, value) in [
            (4, 0),
            (8, 0),
            (12, 0),
            (16, 8),
            (20, 0),
            (24, 0),
            (28, 0),
            (32, 0),
            (36, 0),
            (40, 1),
            (44, 0),
            (48, 0),
            (64, 0),
            (68, 0),
            (84, 0),
            (164, 0),
            (176, 0),
        ] {
            cases.push(case(&format!("field {at}"), &field(at), &data, returns(value, 60)));
        }
        for (to, value) in [([0; 6], 0), ([0xff; 6], 2), ([1, 0, 0x5e, 0, 0, 1], 2), ([2, 0, 0, 0, 0, 0], 3)] {
            let mut data = data.clone();
            data[..6].copy_from_slice(&to);
            cases.push(case(&format!("to {to:x?}"), &field(4), &data, returns(value, 60)));
        }
        for (length, behind, value) in
            [(0x86dd, 0, 0xdd86), (0x0600, 0, 0x0006), (0x05ff, 0, 0x0400), (46, 0xff, 0x0100), (0x88b5, 0, 0xb588)]
        {
            let mut data = data.clone();
            data[12..14].copy_from_slice(&u16::to_be_bytes(length));
            data[14..16].fill(behind);
            cases.push(case(&format!("protocol {length:#x} {behind}"), &field(16), &data, returns(value, 60)));
        }
    }
    for prog_type in [SchedCls, SchedAct] {
        let case = |name: &str, insns: &[RawInsn], data: &[u8], expected| {
            Case::new(format!("{prog_type} {name}"), prog_type, insns, data, expected)
        };
        cases.push(case("data", &between(SKB_DATA, SKB_END), &data, returns(60, 60)));
        cases.push(case("metadata", &between(SKB_META, SKB_DATA), &data, returns(0, 60)));
        // Where no context was given it is not known.
        cases.push(case("wire_len", &field(160), &data, returns(0, 60)));
        cases.push(case("wire_len with a context", &field(160), &data, returns(60, 60)).ctx(&[0; 4]));
        let mut incremented = data.clone();
        incremented[13] += 2;
        let mut written =
            case("is written", &increment(SKB_DATA, SKB_END, 13), &data, Outcome { data: incremented, ..returns(2, 60) }).out();
        written.attr.repeat = 2;
        cases.push(written.clone());
        written.name = format!("{prog_type} too little room");
        written.data_out = Some((60, 20));
        written.expected.result = Errno::ENOSPC.neg();
        written.expected.data.truncate(20);
        cases.push(written);
        cases.push(case("too short for the program", &increment(SKB_DATA, SKB_END, 40), &data[..40], returns(u32::MAX, 40)));
    }
}

fn skb_contexts(cases: &mut Vec<Case>) {
    use ProgType::{SchedCls, SocketFilter};
    let data = frame(60);
    /// What a caller may set, each with a number of its own.
    const SET: [(usize, u32); 14] = [
        (8, 0x0101_0108), // mark
        (32, 0x0202_0220),
        (36, 77), // ingress_ifindex
        (40, 1),
        (48, 0x0303_0330),
        (52, 0x0303_0331),
        (56, 0x0303_0332),
        (60, 0x0303_0333),
        (64, 0x0303_0334),
        (152, 0x0404_0440), // tstamp
        (156, 0x0505_0550),
        (160, 1000), // wire_len
        (164, 12),   // gso_segs
        (176, 1448),
    ];
    let hwtstamp = [(184, 0x0606_0660), (188, 0x0707_0770)];
    let given = fields(SK_BUFF, &[&SET[..], &hwtstamp].concat());
    for prog_type in [SchedCls, SocketFilter] {
        let case = |name: &str, insns: &[RawInsn], expected| Case::new(format!("{prog_type} {name}"), prog_type, insns, &data, expected);
        let tc = prog_type == SchedCls;
        for (at, value) in SET.into_iter().filter(|(at, _)| tc || !(152..=160).contains(at)) {
            let insns = if at == 152 || at == 156 { half(152, at == 156) } else { field(at) };
            cases.push(case(&format!("context: field {at}"), &insns, returns(value, 60)).ctx(&given));
        }
        let back = Outcome { ctx_size_out: 192, ctx: given.clone(), ..returns(5, 60) };
        cases.push(case("context comes back", &constant(5), back).ctx(&given).ctx_out(SK_BUFF));
        let len = if tc { 60 } else { 46 };
        let fresh = fields(SK_BUFF, &[(40, 1), (160, len)]);
        let back = Outcome { ctx_size_out: 192, ctx: fresh.clone(), ..returns(5, 60) };
        cases.push(case("context out of nothing", &constant(5), back).ctx_out(SK_BUFF));
        let short = Outcome { result: Errno::ENOSPC.neg(), ctx_size_out: 192, ctx: fresh[..41].to_vec(), ..returns(5, 60) };
        cases.push(case("context: too little room", &constant(5), short).ctx_out(41));
        // Each byte that a caller may not set.
        let settable = [8..12, 32..44, 48..68, 152..168, 176..180, 184..192];
        for at in (0..SK_BUFF).filter(|at| !settable.iter().any(|range| range.contains(at))) {
            let mut ctx = vec![0; SK_BUFF];
            ctx[at] = 1;
            cases.push(case(&format!("context: byte {at}"), &constant(0), refused(Errno::EINVAL)).ctx(&ctx));
        }
        for (name, at, value, errno) in [
            ("an interface that does not exist", 40, 99_999, Some(Errno::ENODEV)),
            ("wire_len too small", 160, len - 1, Some(Errno::EINVAL)),
            ("wire_len", 160, len, None),
            ("greatest wire_len", 160, 65536, None),
            ("wire_len too great", 160, 65537, Some(Errno::EINVAL)),
            ("most gso_segs", 164, 65535, None),
            ("too many gso_segs", 164, 65536, Some(Errno::EINVAL)),
        ] {
            let expected = errno.map_or(returns(0, 60), refused);
            cases.push(case(&format!("context: {name}"), &constant(0), expected).ctx(&fields(SK_BUFF, &[(at, value)])));
        }
        cases.push(case("context: gso_size has 16 bits", &field(176), returns(0x1234, 60)).ctx(&fields(SK_BUFF, &[(176, 0x5_1234)])));
        cases.push(case("context: one byte too many", &constant(0), refused(Errno::E2BIG)).ctx(&[given.clone(), vec![1]].concat()));
        cases.push(case("context: zeros behind it", &field(32), returns(0x0202_0220, 60)).ctx(&[given.clone(), vec![0; 8]].concat()));
        cases.push(case("context: its beginning", &field(32), returns(0x0202_0220, 60)).ctx(&given[..36]));
    }
    // mark, priority, a word of cb and tstamp are stored, then read in another run.
    let stores = [
        load(0, 1, 8),
        RawInsn::new(0xb7, 2, 0, 0, 9),
        RawInsn::new(0x63, 1, 2, 8, 0), // *(u32 *)(r1 + 8) = r2
        RawInsn::new(0xb7, 2, 0, 0, 7),
        RawInsn::new(0x63, 1, 2, 32, 0),
        RawInsn::new(0xb7, 2, 0, 0, 6),
        RawInsn::new(0x63, 1, 2, 56, 0),
        RawInsn::new(0x7b, 1, 2, 152, 0),
        EXIT,
    ];
    let back = fields(SK_BUFF, &[(8, 9), (32, 7), (40, 1), (56, 6), (152, 6), (160, 60)]);
    let mut written =
        Case::new("sched_cls context is written", SchedCls, &stores, &data, Outcome { ctx_size_out: 192, ctx: back, ..returns(0, 60) })
            .ctx_out(SK_BUFF);
    cases.push(written.clone());
    written.name = "sched_cls context stays for the next run".into();
    written.attr.repeat = 2;
    written.expected.retval = 9;
    cases.push(written);
}

/// What is refused whatever the program.
fn any_type(cases: &mut Vec<Case>) {
    let data = frame(60);
    for prog_type in [ProgType::Xdp, ProgType::SchedCls, ProgType::SocketFilter] {
        let base = |name: &str| Case::new(format!("{prog_type} {name}"), prog_type, &constant(1), &data, refused(Errno::EINVAL));
        let mut more = |name: &str, attr: TestRun| cases.push(Case { attr: TestRun { repeat: 1, ..attr }, ..base(name) });
        more("an unknown flag", TestRun { flags: 1 << 7, ..TestRun::default() });
        more("a size of no context", TestRun { ctx_size_in: 24, ..TestRun::default() });
        more("a size of no room for the context", TestRun { ctx_size_out: 24, ..TestRun::default() });
        more("a batch", TestRun { batch_size: 1, ..TestRun::default() });
        let on_cpu = Case { attr: TestRun { repeat: 1, cpu: 1, ..TestRun::default() }, ..base("a CPU") };
        cases.push(Case { expected: if prog_type == ProgType::Xdp { returns(1, 60) } else { on_cpu.expected.clone() }, ..on_cpu });
    }
    // Types that take no packet.
    let raw_tp = Case::new("raw_tracepoint with data", ProgType::RawTracepoint, &constant(1), &data, refused(Errno::EINVAL));
    cases.push(Case { attr: TestRun::default(), ..raw_tp });
}
