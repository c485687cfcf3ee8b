//! Test runs: what goes in and what comes out, on each engine that this machine has. The rules for packets and contexts one by one are in
//! tests/guest/src/packets.rs, where Linux is asked too.
#![cfg(feature = "prog")]
use axbpf_abi::{AttachType, ProgType};
use axbpf_isa::asm::assemble;
use axbpf_platform::{IrqGuard, stack};
use axbpf_runtime::{LoadError, Prog, ProgSpec, RunError, TestRunSpec};
use std::sync::Arc;

fn load(prog_type: ProgType, attach_type: AttachType, interpret: bool, text: &str) -> Arc<Prog> {
    stack::PROGRAMS.init();
    let spec = ProgSpec {
        expected_attach_type: attach_type as u32,
        interpret,
        log_level: 1,
        ..ProgSpec::new("test", prog_type, assemble(text).unwrap())
    };
    let mut log = String::new();
    Prog::load(spec, &mut log).unwrap_or_else(|error| panic!("{error}\n{log}"))
}

/// The program on the interpreter, and compiled where that is possible.
fn engines(prog_type: ProgType, text: &str) -> [Arc<Prog>; 2] {
    [true, false].map(|interpret| load(prog_type, AttachType::Xdp, interpret, text))
}

/// Ethernet's addresses change places; the answer is the sum of the bytes behind the header, of as many as there are.
const SWAP_AND_SUM: &str = "
    r2 = *(u32 *)(r1 + 0)
    r3 = *(u32 *)(r1 + 4)
    r0 = 0
    r4 = r2
    r4 += 14
    if r4 > r3 goto out
    r5 = *(u16 *)(r2 + 0)
    r6 = *(u32 *)(r2 + 2)
    r7 = *(u16 *)(r2 + 6)
    r8 = *(u32 *)(r2 + 8)
    *(u16 *)(r2 + 0) = r7
    *(u32 *)(r2 + 2) = r8
    *(u16 *)(r2 + 6) = r5
    *(u32 *)(r2 + 8) = r6
    r7 = 0
next:
    r5 = r4
    r5 += 1
    if r5 > r3 goto out
    r6 = *(u8 *)(r4 + 0)
    r0 += r6
    r4 = r5
    r7 += 1
    if r7 < 4000 goto next
out:
    exit
";

#[test]
fn packets_go_in_and_out() {
    for prog in engines(ProgType::Xdp, SWAP_AND_SUM) {
        for len in [14, 15, 64, 1514, 3520] {
            let data: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            let run = prog.test_run(&TestRunSpec::packet(&data)).unwrap();
            assert_eq!(run.retval, data[14..].iter().map(|&byte| u64::from(byte)).sum::<u64>(), "{len} bytes");
            assert_eq!(run.data, [&data[6..12], &data[..6], &data[12..]].concat(), "{len} bytes");
            assert_eq!(run.ctx, []);
        }
        let data: Vec<u8> = (0..20).collect();
        let twice = TestRunSpec { repeat: 2, ..TestRunSpec::packet(&data) };
        assert_eq!(prog.test_run(&twice).unwrap().data, data);
    }
}

#[test]
fn socket_buffers_have_a_context() {
    // Returns wire_len; the mark and the last word of cb become the packet's length, byte 14 of the packet 0.
    let text = "
        r2 = *(u32 *)(r1 + 76)
        r3 = *(u32 *)(r1 + 80)
        r0 = *(u32 *)(r1 + 160)
        r4 = *(u32 *)(r1 + 0)
        *(u32 *)(r1 + 8) = r4
        *(u32 *)(r1 + 64) = r4
        r4 = r2
        r4 += 15
        if r4 > r3 goto out
        r5 = 0
        *(u8 *)(r2 + 14) = r5
    out:
        exit
    ";
    let field = |ctx: &[u8], at: usize| u32::from_le_bytes(ctx[at..at + 4].try_into().unwrap());
    for prog in engines(ProgType::SchedCls, text) {
        let mut ctx = [0; 164];
        ctx[160..].copy_from_slice(&2000u32.to_le_bytes());
        let run = prog.test_run(&TestRunSpec { data: &[9; 70], ctx: Some(&ctx), repeat: 1 }).unwrap();
        assert_eq!((run.retval, run.ctx.len(), run.data.len()), (2000, 192, 70));
        assert_eq!((field(&run.ctx, 8), field(&run.ctx, 64), field(&run.ctx, 160)), (70, 70, 2000));
        assert_eq!(run.data.iter().position(|&byte| byte == 0), Some(14));
    }
    for prog in engines(ProgType::SocketFilter, "r0 = *(u32 *)(r1 + 0)\nexit") {
        let run = prog.test_run(&TestRunSpec::packet(&[9; 70])).unwrap();
        assert_eq!((run.retval, run.data), (56, [vec![0; 14], vec![9; 56]].concat()));
    }
}

#[test]
fn every_run_counts() {
    let text = "r0 = *(u64 *)(r1 + 8)\nr0 += 1\n*(u64 *)(r1 + 8) = r0\nexit";
    for prog in engines(ProgType::Syscall, text) {
        for repeat in [0, 1, 2, 3, 1000, 65_537] {
            let run = prog.test_run(&TestRunSpec { repeat, ..TestRunSpec::ctx(&[0; 16]) }).unwrap();
            let runs = u64::from(repeat.max(1));
            assert_eq!((run.retval, &run.ctx[8..]), (runs, &runs.to_le_bytes()[..]), "{repeat}");
        }
    }
}

#[test]
fn a_run_takes_time() {
    let text = "r0 = 0\nnext:\nr0 += 1\nif r0 < 5000 goto next\nexit";
    for prog in engines(ProgType::Syscall, text) {
        let took = |repeat| prog.test_run(&TestRunSpec { repeat, ..TestRunSpec::default() }).unwrap().duration_ns;
        let (one, many) = (took(1), took(20));
        assert!(one > 1000 && many > 1000, "{one} ns, {many} ns");
    }
}

#[test]
fn what_cannot_be_run_is_an_error() {
    let error = |prog: &Prog, spec: &TestRunSpec<'_>| prog.test_run(spec).unwrap_err();
    let [xdp, _] = engines(ProgType::Xdp, "r0 = 2\nexit");
    assert_eq!(error(&xdp, &TestRunSpec::default()).to_string(), "the packet has 0 bytes, of at least 14");
    assert_eq!(
        error(&xdp, &TestRunSpec { ctx: Some(&[4]), ..TestRunSpec::packet(&[0; 60]) }).to_string(),
        "the context's field at byte 0 has to be the length of the metadata: a multiple of 4, at most 216 and data_end"
    );
    let [skb, _] = engines(ProgType::SchedAct, "r0 = 2\nexit");
    assert_eq!(error(&skb, &TestRunSpec::packet(&[0; 4096])).to_string(), "the packet has 4096 bytes, of at most 3710");
    let [syscall, _] = engines(ProgType::Syscall, "r0 = 2\nexit");
    assert_eq!(error(&syscall, &TestRunSpec::packet(&[0; 60])), RunError::NoPacket(ProgType::Syscall));
    assert_eq!(error(&syscall, &TestRunSpec::ctx(&[0; 65536])), RunError::Context { given: 65536, most: 65535 });
    let devmap = load(ProgType::Xdp, AttachType::XdpDevmap, true, "r0 = 2\nexit");
    assert_eq!(error(&devmap, &TestRunSpec::packet(&[0; 60])), RunError::AttachType(AttachType::XdpDevmap));

    // A CPU that runs a program runs no other.
    let irqs_off = IrqGuard::new();
    let nested = stack::PROGRAMS.run(&irqs_off, || xdp.test_run(&TestRunSpec::packet(&[0; 60])));
    assert_eq!(nested, Some(Err(RunError::Busy)));
}

#[test]
fn types_without_contexts_here_are_not_loaded() {
    use ProgType::*;
    let runnable = [SocketFilter, Kprobe, SchedCls, SchedAct, Tracepoint, Xdp, PerfEvent, RawTracepoint, Tracing, Syscall];
    for &prog_type in ProgType::ALL {
        let spec = ProgSpec::new("test", prog_type, assemble("r0 = 0\nexit").unwrap());
        match Prog::load(spec, &mut String::new()) {
            Err(LoadError::Type(found)) => assert!(found == prog_type && !runnable.contains(&prog_type), "{prog_type}"),
            // Tracing programs need an attach type.
            result => assert!(runnable.contains(&prog_type) && (result.is_ok() || prog_type == Tracing), "{prog_type}: {result:?}"),
        }
    }
}
