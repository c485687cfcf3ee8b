//! Tests that need a unikernel. Each panics if something is wrong, which whoever watches QEMU sees.
#![no_std]
#![no_main]

#[macro_use]
extern crate axstd as std;
extern crate alloc;

mod callbacks;
mod commands;
mod faults;
mod inside;
mod links;
#[path = "../../../modules/axbpf-maps/tests/common/stress.rs"]
mod map_stress;
mod offsets;
mod packets;
mod peers;
mod registers;
mod stack;
mod stress;
mod types;

#[unsafe(no_mangle)]
fn main() {
    axbpf::init().expect("the trap hook is there");
    let tests: [(&str, fn()); 13] = [
        ("commands", commands::run),
        ("packets", packets::run),
        ("inside", inside::run),
        ("callbacks", callbacks::run),
        ("peers", peers::run),
        ("registers", registers::run),
        ("links", links::run),
        ("offsets", offsets::run),
        ("faults", faults::run),
        ("stack", stack::run),
        ("types", types::run),
        ("maps on all CPUs", types::on_all_cpus),
        ("stress", stress::run),
    ];
    for (name, test) in tests {
        test();
        println!("test {name}: ok");
    }
    assert_eq!(axbpf::fds::open_fds(), 0, "descriptors were left open");
    println!("TEST-RESULT: pass on {} CPUs", axhal::cpu_num());
}

/// Loads an object of bpf/.
macro_rules! object {
    ($name:literal) => {
        match axbpf::Object::load(include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".bpf.o"))) {
            Ok(object) => object,
            Err(axbpf::ObjectError::Load { program, error, log }) => panic!("{program}: {error}\n{log}"),
            Err(error) => panic!("{error}"),
        }
    };
}
pub(crate) use object;
