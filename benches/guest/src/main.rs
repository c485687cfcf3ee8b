//! Benchmarks: one line a measurement, `name value unit`. QEMU counts instructions as nanoseconds (`-icount shift=0`), so every figure is the
//! same in every run. Names are those of the Linux harness where Linux has the same.
#![no_std]
#![no_main]

#[macro_use]
extern crate axstd as std;
extern crate alloc;

mod maps;
mod parts;
mod programs;
mod ring;

use axbpf::platform::monotonic_ns;

/// Tells one measurement.
fn tell(name: core::fmt::Arguments<'_>, value: f64, unit: &str) {
    // Figures are small, or whole: two digits tell all.
    println!("{name} {value:.2} {unit}");
}

/// Instructions of `work`, `rounds` times, for each of `operations` in a round. Once more before, so that nothing is new.
fn measure(rounds: u64, operations: u64, mut work: impl FnMut()) -> f64 {
    work();
    let begin = monotonic_ns();
    for _ in 0..rounds {
        work();
    }
    (monotonic_ns() - begin) as f64 / (rounds * operations) as f64
}

#[unsafe(no_mangle)]
fn main() {
    axbpf::init().expect("the trap hook is there");
    parts::run();
    programs::run();
    maps::run();
    ring::run();
    assert_eq!(axbpf::fds::open_fds(), 0, "descriptors were left open");
    println!("bench: done");
}
