//! The locks of this crate, one class: at most one is held on a CPU at a time, and a probe that interrupts its holder is told so instead of
//! waiting for ever.
use crate::MapError;
use crate::sync::Spin;
use axbpf_platform::{IrqGuard, PerCpu, per_cpu};
use core::sync::atomic::{AtomicBool, Ordering::*, compiler_fence};

/// Whether a CPU holds a lock of the class, or waits for one.
static HELD: PerCpu<AtomicBool> = per_cpu!(AtomicBool::new(false));

/// A lock without data: what it protects is atomic anyway.
pub(crate) struct Lock(Spin);

impl Lock {
    pub(crate) fn new() -> Self {
        Lock(Spin::new())
    }

    /// Runs `f` with the lock held and IRQs off.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce() -> R) -> Result<R, MapError> {
        let _section = IrqGuard::new();
        let held = HELD.this();
        // The threads of a model are one thread of the host's, one CPU.
        if held.load(Relaxed) && cfg!(not(all(test, loom))) {
            return Err(MapError::Busy);
        }
        held.store(true, Relaxed);
        // Only this CPU looks at the flag, so the order within it is enough.
        compiler_fence(SeqCst);
        let result = self.0.with(f);
        compiler_fence(SeqCst);
        held.store(false, Relaxed);
        Ok(result)
    }
}
