//! Traces the unikernel that it is part of: loads BPF objects, attaches their programs to kernel functions, reads what they report while a
//! workload runs, prints it, powers off. `make A=apps/bpf-trace ARCH=riscv64 run`; the Makefile's header lists the options.
#![no_std]
#![no_main]

#[macro_use]
extern crate axstd as std;
extern crate alloc;

mod options;
mod power;
mod report;
mod tools;
mod workload;

use alloc::string::{String, ToString};
use core::time::Duration;
use options::Options;
use workload::Workload;

#[unsafe(no_mangle)]
fn main() {
    let status = match run() {
        Ok(()) => 0,
        Err(message) => {
            println!("bpf-trace: {message}");
            1
        }
    };
    power::off(status)
}

fn run() -> Result<(), String> {
    let text = |error: &dyn core::fmt::Display| error.to_string();
    axbpf::init().map_err(|e| text(&e))?;
    let options = Options::read()?;
    match options.object {
        Some((file, bytes)) => trace_object(&options, file, bytes),
        None => trace(&options),
    }
}

/// Traces with the app's own programs.
fn trace(options: &Options) -> Result<(), String> {
    println!("bpf-trace: {} CPUs, probe {}, {} calls of step, {} s", axhal::cpu_num(), options.probe, options.loops, options.duration);
    let counts = tools::Counts::start()?;
    let latency = tools::Latency::start(options.probe)?;
    let allocs = tools::Allocs::start()?;
    let events = tools::Events::start(options.probe)?;
    let begin = axhal::time::monotonic_time();
    let mut workload = Workload::start(options);
    let made = workload.finish_steps();
    if let Some(left) = Duration::from_secs(options.duration).checked_sub(axhal::time::monotonic_time() - begin) {
        axtask::sleep(left);
    }
    workload.stop();

    println!();
    counts.report(made)?;
    latency.report(options.probe)?;
    allocs.report()?;
    events.report()?;
    tools::report_losses();
    Ok(())
}

/// Traces with an object of the user's.
fn trace_object(options: &Options, file: &str, bytes: &[u8]) -> Result<(), String> {
    let traced = tools::UserObject::start(file, bytes, options.probe)?;
    let mut workload = Workload::start(options);
    workload.finish_steps();
    axtask::sleep(Duration::from_secs(options.duration));
    workload.stop();
    traced.report()?;
    tools::report_losses();
    Ok(())
}
