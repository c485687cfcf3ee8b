//! Programs that compute: XDP programs whose packet access, loops and branches depend on the packet, run by PROG_TEST_RUN on both engines.
use axbpf::abi::attr::TestRun;
use axbpf::abi::{Cmd, ProgType};
use axbpf::{Object, ObjectOptions, bpf_attr, fds, loader::ObjectSpec};

/// What each program of an object answers for [`input`]. An interpreter in Python, which shares nothing with this project, computed these
/// numbers from the same programs; Linux 6.12 on riscv64 answers the same.
type Results = &'static [(&'static str, u32)];

/// An object of bpf/peers.
macro_rules! peer {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".bpf.o"))
    };
}

const PEERS: [(&[u8], Results); 10] = [
    (peer!("empty"), &[("empty", 0)]),
    (peer!("lcg"), &[("lcg", 841_094_110)]),
    (peer!("collatz"), &[("collatz", 2563)]),
    (peer!("siphash"), &[("siphash", 2_705_362_426)]),
    (peer!("sort"), &[("sort", 761_625_656)]),
    (peer!("parse"), &[("parse", 2_180_945_586)]),
    (peer!("array"), &[("array", 1000)]),
    (peer!("hash"), &[("hash", 1000), ("hash_update", 1000)]),
    (peer!("ktime"), &[("ktime", 1000)]),
    (peer!("ringbuf"), &[("ringbuf", 1024), ("ringbuf_one", 1), ("ringbuf_wake", 1)]),
];

/// 16 slots of 64 bytes, each an Ethernet frame: every fourth with a VLAN tag, every third with IPv4 options, TCP, UDP, ICMP and IPv6 in
/// turn. The rest comes from a congruential generator; the last 8 bytes are zero.
fn input() -> [u8; 1024] {
    let mut bytes = [0; 1024];
    let mut state = 12345u32;
    for byte in &mut bytes[..1016] {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12345);
        *byte = (state >> 16) as u8;
    }
    for (n, frame) in bytes.as_chunks_mut::<64>().0.iter_mut().enumerate() {
        let mut at = 12;
        if n % 4 == 3 {
            frame[at..at + 4].copy_from_slice(&[0x81, 0, 0, n as u8]);
            at += 4;
        }
        if n % 8 == 5 {
            (frame[at], frame[at + 1], frame[at + 8]) = (0x86, 0xdd, 17);
            continue;
        }
        frame[at..at + 2].copy_from_slice(&[8, 0]);
        at += 2;
        let words = if n % 3 == 2 { 6 } else { 5 };
        let protocol = if n % 5 == 4 { 1 } else { [6, 17][n & 1] };
        frame[at] = 0x40 | words;
        frame[at + 6..at + 10].copy_from_slice(&[0x40, 0, 64, protocol]);
        at += usize::from(words) * 4;
        frame[at + 2..at + 4].copy_from_slice(if n & 2 != 0 { &[0, 53] } else { &[0x1f, 0x90] });
    }
    bytes
}

/// PROG_TEST_RUN as numbers and memory: R0, and the nanoseconds of a run.
fn test_run(prog_fd: u32, repeat: u32, data: &[u8]) -> (u32, u32) {
    let mut back = [0; 1024];
    let mut attr = bpf_attr::from(TestRun {
        prog_fd,
        repeat,
        data_in: data.as_ptr().expose_provenance() as u64,
        data_size_in: data.len() as u32,
        data_out: back.as_mut_ptr().expose_provenance() as u64,
        data_size_out: back.len() as u32,
        ..TestRun::default()
    });
    // SAFETY: the attr and what it leads to are this function's.
    assert_eq!(unsafe { axbpf::bpf(Cmd::ProgTestRun as u32, &mut attr, size_of::<bpf_attr>() as u32) }, 0);
    assert_eq!(back, data, "none of them writes to the packet");
    let field = |at: usize| u32::from_le_bytes(attr.0[at..at + 4].try_into().unwrap());
    assert_eq!(field(12), 1024);
    (field(4), field(36))
}

pub fn run() {
    let input = input();
    for (bytes, results) in PEERS {
        for interpret in [false, true] {
            let spec = ObjectSpec::parse(bytes).unwrap();
            let object = Object::load_with(&spec, &ObjectOptions { interpret, ..ObjectOptions::default() });
            let object = object.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(object.programs().len(), results.len());
            for &(name, expected) in results {
                let prog = &object.program(name).unwrap().prog;
                assert_eq!((prog.prog_type(), prog.jited_len() == 0), (ProgType::Xdp, interpret), "{name}");
                let fd = fds::install(fds::Object::Prog(prog.clone())).unwrap();
                let (retval, _) = test_run(fd, 1, &input);
                assert_eq!(retval, expected, "{name}, interpreted: {interpret}");
                // A ring buffer that nobody reads takes 1024 records twice; the others can go on.
                let (again, duration) = test_run(fd, if name == "ringbuf" { 1 } else { 5 }, &input);
                assert_eq!(again, expected, "{name} again, interpreted: {interpret}");
                // 10000 rounds take more than 10 us on any machine that takes less than a second for them.
                assert!(name != "lcg" || (10_000..1_000_000_000).contains(&duration), "{duration} ns");
                axbpf::cmd::close(fd).unwrap();
            }
        }
    }
}
