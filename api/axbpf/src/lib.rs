//! eBPF and kprobes for ArceOS apps.
#![no_std]

extern crate alloc;

#[cfg(feature = "arceos")]
mod imp;

#[cfg(feature = "arceos")]
pub use imp::{InitError, init, late_wakes, symbol_section};
#[cfg(feature = "axkprobe")]
pub use axbpf_runtime::axkprobe as kp;
