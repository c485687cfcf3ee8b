//! Programs: loading, and runs by PROG_TEST_RUN. A run's figure is its duration divided by the repetitions, the loop around them included, as
//! Linux reports it.
use crate::tell;
use axbpf::abi::Cmd;
use axbpf::abi::attr::TestRun;
use axbpf::platform::monotonic_ns;
use axbpf::{Object, ObjectOptions, bpf_attr, fds, loader::ObjectSpec};

/// An object of tests/guest/bpf/peers.
macro_rules! peer {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".bpf.o"))
    };
}
pub(crate) use peer;

const PEERS: [&[u8]; 9] = [
    peer!("empty"),
    peer!("lcg"),
    peer!("collatz"),
    peer!("siphash"),
    peer!("sort"),
    peer!("parse"),
    peer!("array"),
    peer!("hash"),
    peer!("ktime"),
];

/// Packet that the programs compute on: any will do that has no special structure; tests/guest checks the results.
pub fn input() -> [u8; 1024] {
    let mut bytes = [0; 1024];
    let mut state = 12345u32;
    for byte in &mut bytes[..1016] {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12345);
        *byte = (state >> 16) as u8;
    }
    bytes
}

/// Nanoseconds of a run.
pub fn test_run(prog_fd: u32, repeat: u32, data: &[u8]) -> u32 {
    let mut attr = bpf_attr::from(TestRun {
        prog_fd,
        repeat,
        data_in: data.as_ptr().expose_provenance() as u64,
        data_size_in: data.len() as u32,
        ..TestRun::default()
    });
    // SAFETY: the attr and what it leads to are this function's.
    assert_eq!(unsafe { axbpf::bpf(Cmd::ProgTestRun as u32, &mut attr, size_of::<bpf_attr>() as u32) }, 0);
    u32::from_le_bytes(attr.0[36..40].try_into().unwrap())
}

pub fn run() {
    let input = input();
    for bytes in PEERS {
        let spec = ObjectSpec::parse(bytes).unwrap();
        for (mode, interpret) in [("jit", false), ("interp", true)] {
            for program in &spec.programs {
                let name = &program.name;
                let options = ObjectOptions { interpret, only: Some(name), ..ObjectOptions::default() };
                let begin = monotonic_ns();
                let object = Object::load_with(&spec, &options).unwrap_or_else(|error| panic!("{error}"));
                let load = monotonic_ns() - begin;
                let prog = &object.program(name).unwrap().prog;
                if !interpret {
                    tell(format_args!("prog.{name}.insns"), prog.slots() as f64, "insns");
                    tell(format_args!("prog.{name}.verified"), prog.insns_processed() as f64, "insns");
                    tell(format_args!("prog.{name}.jited_len"), prog.jited_len() as f64, "bytes");
                }
                tell(format_args!("prog.{name}.{mode}.load"), load as f64, "insns");
                let fd = fds::install(fds::Object::Prog(prog.clone())).unwrap();
                test_run(fd, 1, &input);
                tell(
                    format_args!("prog.{name}.{mode}.run"),
                    f64::from(test_run(fd, if interpret { 20 } else { 100 }, &input)),
                    "insns/run",
                );
                axbpf::cmd::close(fd).unwrap();
            }
        }
    }
}
