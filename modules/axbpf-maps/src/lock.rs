//! The locks of this crate, one class: at most one is held on a CPU at a time, and a probe that interrupts its holder is told so instead of
//! waiting for ever.
use crate::MapError;
use axbpf_platform::{IrqGuard, PerCpu, per_cpu};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed, compiler_fence};
use kspin::SpinRaw;

/// Whether a CPU holds a lock of the class, or waits for one.
static HELD: PerCpu<AtomicBool> = per_cpu!(AtomicBool::new(false));

/// A lock without data: what it protects is atomic anyway.
pub(crate) struct Lock(SpinRaw<()>);

impl Lock {
    pub(crate) const fn new() -> Self {
        Lock(SpinRaw::new(()))
    }

    /// Runs `f` with the lock held and IRQs off.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce() -> R) -> Result<R, MapError> {
        let _section = IrqGuard::new();
        let held = HELD.this();
        if held.load(Relaxed) {
            return Err(MapError::Busy);
        }
        held.store(true, Relaxed);
        // Only this CPU looks at the flag, so the order within it is enough.
        compiler_fence(core::sync::atomic::Ordering::SeqCst);
        let guard = self.0.lock();
        let result = f();
        drop(guard);
        compiler_fence(core::sync::atomic::Ordering::SeqCst);
        held.store(false, Relaxed);
        Ok(result)
    }
}
