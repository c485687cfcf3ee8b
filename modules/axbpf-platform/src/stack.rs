//! The stack that programs run on: one a CPU. The interrupted one may be a few KiB without a guard page.
use crate::{IrqGuard, PerCpu, arch};
use alloc::boxed::Box;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*};

/// Bytes of each stack.
pub const SIZE: usize = 16 * 1024;
/// Lies at the low end; a program that ran over it is counted.
const CANARY: u64 = 0x5afe_57ac_c0de_cafe;

/// One stack a CPU.
pub struct Stacks {
    cpus: PerCpu<CpuStack>,
    overflows: AtomicU64,
}

struct CpuStack {
    /// Address of the low end; 0 before [`Stacks::init`].
    base: AtomicUsize,
    busy: AtomicBool,
}

/// The stacks of programs.
pub static PROGRAMS: Stacks = Stacks::new();

#[repr(C, align(16))]
struct Memory([u64; SIZE / 8]);

impl Stacks {
    /// None yet: [`init`](Self::init) makes them.
    #[allow(clippy::new_without_default, reason = "for statics, which Default cannot make")]
    pub const fn new() -> Self {
        Stacks { cpus: crate::per_cpu!(CpuStack { base: AtomicUsize::new(0), busy: AtomicBool::new(false) }), overflows: AtomicU64::new(0) }
    }

    /// Makes the stacks of CPUs that have none. From task context, before the first [`run`](Self::run). They are never freed.
    pub fn init(&self) {
        for stack in self.cpus.iter() {
            if stack.base.load(Relaxed) == 0 {
                let memory = Box::leak(Box::new(Memory([0; SIZE / 8])));
                memory.0[0] = CANARY;
                stack.base.store(core::ptr::from_mut(memory).expose_provenance(), Release);
            }
        }
    }

    /// How often something was found to have written over the low end of its stack.
    pub fn overflows(&self) -> u64 {
        self.overflows.load(Relaxed)
    }

    /// Calls `f` on this CPU's stack. `None`: the stack is in use (this is a hit inside a program), or there is none yet.
    pub fn run<R>(&self, _irqs_off: &IrqGuard, f: impl FnOnce() -> R) -> Option<R> {
        let stack = self.cpus.this();
        let base = stack.base.load(Acquire);
        if base == 0 || stack.busy.load(Relaxed) {
            return None;
        }
        stack.busy.store(true, Relaxed);
        let result = arch::call_on_stack(f, base + SIZE);
        // SAFETY: `base` is the address of a leaked `Memory`; programs that went wrong may write there, so the read is volatile.
        if unsafe { core::ptr::with_exposed_provenance::<u64>(base).read_volatile() } != CANARY {
            self.overflows.fetch_add(1, Relaxed);
            // SAFETY: as above; the word belongs to nobody else.
            unsafe { core::ptr::with_exposed_provenance_mut::<u64>(base).write_volatile(CANARY) };
        }
        stack.busy.store(false, Relaxed);
        Some(result)
    }
}
