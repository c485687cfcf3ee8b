//! eBPF and kprobes for ArceOS apps: programs that clang compiled are loaded, verified, compiled and attached to the app's own kernel
//! functions while it runs. There is no user space, so the commands of bpf(2) are function calls.
//!
//! - First thing in `main`: [`init`]. In the app's build script: `axbpf_build::link()`.
//! - [`Object`]: load what clang wrote, attach its programs, read its maps. [`RingBuf`] and [`TracePipe`]: await what programs report.
//! - [`bpf`]: bpf(2) itself, with Linux's numbers, layouts and error numbers; beside it a typed function for each command ([`cmd`]).
//! - [`kprobe`]: probes for Rust handlers, without any BPF. [`maps`]: maps as a library.
//!
//! Each component is a feature: `axbpf-maps`, `axbpf-loader`, `axbpf-jit`, `axkprobe`. The verifier comes with whatever can load a program;
//! without `axbpf-jit` programs are interpreted. Feature `arceos` (on by default) is the platform of ArceOS.
#![no_std]

extern crate alloc;

mod error;
#[cfg(feature = "arceos")]
mod imp;

#[cfg(any(feature = "axbpf-maps", feature = "prog"))]
pub mod cmd;
#[cfg(any(feature = "axbpf-maps", feature = "prog"))]
mod syscall;

pub use error::Error;
#[cfg(feature = "arceos")]
pub use imp::{InitError, init, late_wakes};
#[cfg(any(feature = "axbpf-maps", feature = "prog"))]
pub use syscall::{bpf, bpf_attr};

pub use axbpf_abi as abi;
pub use axbpf_platform as platform;
#[cfg(feature = "axkprobe")]
pub use axbpf_runtime::axkprobe as kprobe;
pub use axbpf_runtime::fds;
#[cfg(feature = "prog")]
pub use axbpf_runtime::{ARCH, LoadError, Prog, ProgSpec, RawInsn, RunError, TestRun, TestRunSpec, TraceLine, TracePipe, trace_lost};
#[cfg(all(feature = "axkprobe", feature = "prog"))]
pub use axbpf_runtime::{AttachError, Link, Target, TargetStats};
#[cfg(feature = "axbpf-maps")]
pub use axbpf_runtime::{NotRingBuf, PerfBuffer, PerfError, RingBuf, UserRingBuf, maps};
#[cfg(feature = "axbpf-loader")]
pub use axbpf_runtime::{Object, ObjectError, ObjectOptions, ObjectProgram, loader};
