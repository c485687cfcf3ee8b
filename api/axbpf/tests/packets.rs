//! Test runs with packets on a host: the same test that runs in the unikernel (tests/guest), and the same cases on the host's own Linux:
//! `cargo test -p axbpf ... --test packets -- --ignored`, as root. Where bpf(2) is not permitted that test fails; it never counts as passed.
#![cfg(feature = "prog")]
extern crate alloc;

#[path = "../../../tests/guest/src/packets.rs"]
mod packets;

use axbpf::abi::Cmd;
use axbpf::bpf_attr;
use std::ffi::{c_int, c_long};
use std::io::Error;

#[test]
fn packets_and_contexts() {
    axbpf::platform::stack::PROGRAMS.init();
    packets::run();
    assert_eq!(axbpf::fds::open_fds(), 0);
}

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn close(fd: c_int) -> c_int;
}

/// Number of bpf(2): x86_64 has its own, the others share one.
const BPF: c_long = if cfg!(target_arch = "x86_64") { 321 } else { 280 };

struct Linux;

impl packets::Kernel for Linux {
    fn bpf(&self, cmd: Cmd, attr: &mut bpf_attr) -> i64 {
        // SAFETY: the attributes of `packets` hold addresses of buffers that are large enough.
        match unsafe { syscall(BPF, cmd as c_int, &raw mut *attr, size_of::<bpf_attr>()) } {
            -1 => -i64::from(Error::last_os_error().raw_os_error().unwrap()),
            result => result,
        }
    }

    fn close(&self, fd: u32) {
        // SAFETY: a descriptor that the call above opened.
        unsafe { close(fd as c_int) };
    }
}

#[test]
#[ignore = "asks the machine's Linux"]
fn linux_agrees() {
    let asked = packets::cases().into_iter().map(|case| (case.ask(&Linux), case));
    let differs = asked.filter(|(answer, case)| *answer != case.expected);
    let differences: Vec<String> = differs.map(|(answer, case)| format!("{}: {answer:?}, not {:?}", case.name, case.expected)).collect();
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
    println!("{} cases", packets::cases().len());
}
