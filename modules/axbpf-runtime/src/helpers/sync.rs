//! `bpf_spin_lock`: a lock in a map's value, held by one program or command at a time. The verifier saw that a program holds one at most, and
//! gives it back; its IRQs are off meanwhile.
#![allow(unsafe_code, reason = "a lock is an address")]
use core::ptr::with_exposed_provenance;
use core::sync::atomic::{AtomicU64, Ordering::*};

/// The word of a value that a lock of 4 bytes is part of, and the lock's bit there: as `axbpf-maps` has it for BPF_F_LOCK.
///
/// # Safety
///
/// `lock` is R1 of a call whose prototype wants a lock there.
unsafe fn bit<'a>(lock: u64) -> (&'a AtomicU64, u64) {
    // SAFETY: values begin at multiples of 8 and are padded to them, and everybody changes this word atomically.
    (unsafe { &*with_exposed_provenance::<AtomicU64>(lock as usize & !7) }, 1 << (lock % 8 * 8))
}

/// `bpf_spin_lock(lock)`.
pub(super) extern "C" fn spin_lock(lock: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    // SAFETY: R1 by the prototype.
    let (word, bit) = unsafe { bit(lock) };
    while word.fetch_or(bit, Acquire) & bit != 0 {
        while word.load(Relaxed) & bit != 0 {
            core::hint::spin_loop();
        }
    }
    0
}

/// `bpf_spin_unlock(lock)`.
pub(super) extern "C" fn spin_unlock(lock: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    // SAFETY: R1 by the prototype.
    let (word, bit) = unsafe { bit(lock) };
    word.fetch_and(!bit, Release);
    0
}
