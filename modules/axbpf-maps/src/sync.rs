//! Atomics and locks of what programs share: those of `core` and kspin, or loom's, which tries every order of the threads of a model
//! (`models.rs`).
#[cfg(not(all(test, loom)))]
pub(crate) use core::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, fence},
};
#[cfg(all(test, loom))]
pub(crate) use loom::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, fence},
};

/// A spin lock without data.
pub(crate) struct Spin(#[cfg(not(all(test, loom)))] kspin::SpinRaw<()>, #[cfg(all(test, loom))] loom::sync::Mutex<()>);

impl Spin {
    #[cfg(not(all(test, loom)))]
    pub(crate) const fn new() -> Self {
        Spin(kspin::SpinRaw::new(()))
    }

    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        Spin(loom::sync::Mutex::new(()))
    }

    /// Takes it. IRQs off.
    #[inline(always)]
    pub(crate) fn lock(&self) -> SpinGuard<'_> {
        let guard = self.0.lock();
        // A model's threads do not panic with it.
        #[cfg(all(test, loom))]
        let guard = guard.unwrap();
        guard
    }
}

#[cfg(not(all(test, loom)))]
pub(crate) type SpinGuard<'a> = kspin::SpinRawGuard<'a, ()>;
#[cfg(all(test, loom))]
pub(crate) type SpinGuard<'a> = loom::sync::MutexGuard<'a, ()>;
