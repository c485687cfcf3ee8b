//! Reads of addresses that may be bad.
use super::{status, writable};
use axbpf_abi::Errno;
use axbpf_platform::fault;

/// `bpf_probe_read(dst, size, addr)`, `bpf_probe_read_kernel`: 0, or -EFAULT with `dst` zeroed.
pub(super) extern "C" fn probe_read(dst: u64, size: u64, addr: u64, _: u64, _: u64) -> u64 {
    // SAFETY: R1 and R2 by the prototype.
    let dst = unsafe { writable(dst, size) };
    status(fault::read(dst, addr as usize).map_err(|_| Errno::EFAULT))
}

/// `bpf_probe_read_str(dst, size, addr)`, `bpf_probe_read_kernel_str`: bytes with the NUL, or -EFAULT with `dst` zeroed.
pub(super) extern "C" fn probe_read_str(dst: u64, size: u64, addr: u64, _: u64, _: u64) -> u64 {
    // SAFETY: R1 and R2 by the prototype.
    let dst = unsafe { writable(dst, size) };
    match fault::read_str(dst, addr as usize) {
        Ok(len) => len as u64,
        Err(_) => Errno::EFAULT.neg() as u64,
    }
}
