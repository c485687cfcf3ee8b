//! The locks of this crate, one class: at most one is held on a CPU at a time, and a probe that interrupts its holder is told so instead of
//! waiting for ever.
use crate::MapError;
use crate::sync::{Spin, SpinGuard};
use axbpf_platform::{IrqGuard, PerCpu, per_cpu};
use core::sync::atomic::{AtomicBool, Ordering::*, compiler_fence};

/// Whether a CPU holds a lock of the class, or waits for one.
static HELD: PerCpu<AtomicBool> = per_cpu!(AtomicBool::new(false));

/// A lock without data: what it protects is atomic anyway.
pub(crate) struct Lock(Spin);

/// A lock that is held. Its parts end in this order: the lock, the mark, the section.
pub(crate) struct Held<'a> {
    _guard: SpinGuard<'a>,
    _mark: Mark,
    _section: IrqGuard,
}

/// That this CPU holds one, or waits for one.
pub(crate) struct Mark(&'static AtomicBool);

impl Drop for Mark {
    #[inline(always)]
    fn drop(&mut self) {
        compiler_fence(SeqCst);
        self.0.store(false, Relaxed);
    }
}

impl Lock {
    pub(crate) fn new() -> Self {
        Lock(Spin::new())
    }

    /// Takes the lock, with IRQs off until it is dropped.
    #[inline(always)]
    pub(crate) fn hold(&self) -> Result<Held<'_>, MapError> {
        let _section = IrqGuard::new();
        let (_guard, _mark) = self.hold_in(&_section)?;
        Ok(Held { _guard, _mark, _section })
    }

    /// The same for a caller in a section.
    #[inline(always)]
    pub(crate) fn hold_in(&self, _section: &IrqGuard) -> Result<(SpinGuard<'_>, Mark), MapError> {
        let held = HELD.this();
        // The threads of a model are one thread of the host's, one CPU.
        if held.load(Relaxed) && cfg!(not(all(test, loom))) {
            return Err(MapError::Busy);
        }
        held.store(true, Relaxed);
        // Only this CPU looks at the flag, so the order within it is enough.
        compiler_fence(SeqCst);
        Ok((self.0.lock(), Mark(held)))
    }

    /// Runs `f` with the lock held and IRQs off.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce() -> R) -> Result<R, MapError> {
        let _held = self.hold()?;
        Ok(f())
    }
}
