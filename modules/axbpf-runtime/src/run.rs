//! A run of a program: on the CPU's program stack, with what helpers ask of it.
use crate::Prog;
use axbpf_platform::{IrqGuard, PerCpu, per_cpu, stack};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What helpers want to know of the run that they are called in. One a CPU: runs do not nest.
pub(crate) struct Current {
    pub(crate) cookie: AtomicU64,
    pub(crate) func_ip: AtomicU64,
}

static CURRENT: PerCpu<Current> = per_cpu!(Current { cookie: AtomicU64::new(0), func_ip: AtomicU64::new(0) });

pub(crate) fn current() -> &'static Current {
    CURRENT.this()
}

/// Where a run comes from.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Origin {
    /// For `bpf_get_attach_cookie`.
    pub(crate) cookie: u64,
    /// For `bpf_get_func_ip`.
    pub(crate) func_ip: u64,
}

/// Runs `prog`; `None`: this CPU is running one already.
///
/// # Safety
///
/// `ctx` is a context of the program's type, valid for the whole run.
pub(crate) unsafe fn run(irqs_off: &IrqGuard, prog: &Prog, ctx: *mut u8, origin: Origin) -> Option<u64> {
    stack::PROGRAMS.run(irqs_off, || {
        let current = current();
        current.cookie.store(origin.cookie, Relaxed);
        current.func_ip.store(origin.func_ip, Relaxed);
        // SAFETY: the caller's.
        unsafe { prog.engine().run(ctx) }
    })
}
