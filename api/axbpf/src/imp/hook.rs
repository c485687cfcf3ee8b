//! The one trap hook, for load faults, breakpoints, wake-ups and grace periods. Reached with IRQs off, on the interrupted stack, from
//! `__wrap_<isa>_trap_handler` (chosen by the linker) or from vectors of our own; both in the ISA's file.
use super::{grace, isa};
use axbpf_platform::{IrqGuard, fault, stack::Stacks, wake};
use axcpu::TrapFrame;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};

/// What a trap is to us.
pub(super) enum Cause {
    /// A load that faulted, in any way.
    Load,
    /// A breakpoint instruction.
    Break,
    /// An interrupt.
    Irq,
    /// Anything else: not ours.
    Other,
}

/// Per-CPU data is there, so interrupts are ours too.
static READY: AtomicBool = AtomicBool::new(false);
/// Set by the breakpoint of [`works`].
static SEEN: AtomicBool = AtomicBool::new(false);
/// One for waking, apart from that of programs.
static DRAIN_STACKS: Stacks = Stacks::new();
/// Drains put off to the next interrupt.
static LATE: AtomicU64 = AtomicU64::new(0);

/// Every trap comes through here, in front of the kernel's own handler, `real`.
#[inline(always)]
pub(super) fn on_trap(frame: &mut TrapFrame, cause: Cause, real: impl Fn(&mut TrapFrame)) {
    match cause {
        Cause::Load => match fault::fixup(isa::pc(frame)) {
            Some(pc) => isa::set_pc(frame, pc),
            None => real(frame),
        },
        Cause::Break => {
            if !on_break(frame) {
                real(frame);
            }
        }
        Cause::Irq if READY.load(Relaxed) => {
            // The count keeps `real` from switching tasks, so that what follows runs now and on this CPU. Dropping the guard switches, if
            // `real` or a wake asked for that, where the kernel's own guard would have.
            let guard = kernel_guard::NoPreempt::new();
            real(frame);
            // After `real`: it reads the cause register itself, which a hit inside `drain` would replace; and on riscv64 it clears the
            // pending bit after its own handlers, so what was asked for meanwhile would wait for the next interrupt.
            grace::acknowledge();
            if wake::pending() {
                drain();
            }
            drop(guard);
        }
        Cause::Irq | Cause::Other => real(frame),
    }
}

#[unsafe(link_section = ".text.axprobe")]
fn on_break(frame: &mut TrapFrame) -> bool {
    if isa::pc(frame) == isa::selftest_at() {
        SEEN.store(true, Relaxed);
        isa::set_pc(frame, isa::after_breakpoint(isa::pc(frame)));
        return true;
    }
    #[cfg(feature = "axkprobe")]
    return axbpf_runtime::axkprobe::on_break(isa::probe_frame(frame));
    #[cfg(not(feature = "axkprobe"))]
    false
}

/// Wakes readers on a stack of its own: waking a task formats and allocates, and the interrupted stack may be a few KiB. Not the stack of
/// programs, so that hits in here run theirs.
#[cold]
fn drain() {
    let irqs = IrqGuard::new();
    if DRAIN_STACKS.run(&irqs, wake::drain).is_none() {
        LATE.fetch_add(1, Relaxed);
    }
}

/// How often the readers of a CPU had to wait for its next interrupt.
pub(super) fn late_wakes() -> u64 {
    LATE.load(Relaxed)
}

pub(super) fn set_ready() {
    DRAIN_STACKS.init();
    READY.store(true, SeqCst);
}

/// Whether a breakpoint reaches the hook. Without a hook the kernel skips the breakpoint, so asking is harmless.
pub(super) fn works() -> bool {
    SEEN.store(false, Relaxed);
    isa::selftest();
    SEEN.load(Relaxed)
}
