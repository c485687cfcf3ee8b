//! The platform of ArceOS: the only place that names its crates, a file per concern and one per ISA.
#[cfg(not(target_arch = "riscv64"))]
compile_error!("the platform of ArceOS is there for riscv64 so far; build with ARCH=riscv64, or without the feature `arceos`");

mod grace;
mod hook;
#[cfg_attr(target_arch = "riscv64", path = "riscv64.rs")]
mod isa;
mod memory;
mod symbols;
mod task;
mod text;

use axbpf_platform::{IrqGuard, MAX_CPUS, Patch, Platform, Stuck, Task};
use axhal::irq::{IPI_IRQ, IpiTarget, send_ipi};
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};

/// Why [`init`] could not begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum InitError {
    /// Not on the CPU that booted: only its part of axipi is not initialised yet.
    NotPrimary {
        /// Where `init` was called.
        cpu: usize,
    },
    /// More CPUs than the components have room for.
    TooManyCpus {
        /// As configured.
        cpus: usize,
    },
    /// Breakpoints do not reach the hook.
    NoHook,
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPrimary { cpu } => {
                write!(f, "axbpf::init was called on CPU {cpu}, not on the one that booted; call it first in main, before anything sleeps")
            }
            Self::TooManyCpus { cpus } => write!(f, "{cpus} CPUs are configured, {MAX_CPUS} at most are supported"),
            Self::NoHook => f.write_str("breakpoints do not reach the trap hook; call axbpf_build::link() in the app's build script"),
        }
    }
}

impl core::error::Error for InitError {}

#[percpu::def_percpu]
static CPU: usize = 0;

static INITIALISED: AtomicBool = AtomicBool::new(false);

/// Sets up the trap hook, the stacks of programs, and the task that reclaims memory. First thing in main, on the CPU that booted; calls
/// `axipi::init` for it, which ArceOS does not. Later calls do nothing.
pub fn init() -> Result<(), InitError> {
    if INITIALISED.load(Acquire) {
        return Ok(());
    }
    let cpus = axhal::cpu_num();
    if cpus > MAX_CPUS {
        return Err(InitError::TooManyCpus { cpus });
    }
    {
        let _same_cpu = kernel_guard::NoPreempt::new();
        if !axhal::percpu::this_cpu_is_bsp() {
            return Err(InitError::NotPrimary { cpu: axhal::percpu::this_cpu_id() });
        }
        if INITIALISED.swap(true, AcqRel) {
            return Ok(());
        }
        axipi::init();
        each_cpu(|| {
            // SAFETY: this CPU's own, with its IRQs off or (here) its task not preempted.
            unsafe { CPU.write_current_raw(axhal::percpu::this_cpu_id()) }
        });
        if !hook::works() {
            each_cpu(isa::install_vectors);
        }
    }
    if !hook::works() {
        INITIALISED.store(false, Release);
        return Err(InitError::NoHook);
    }
    // SAFETY: written above, on every CPU; gp leads to a CPU's own data.
    unsafe { axbpf_platform::set_cpu_number_offset(CPU.offset()) };
    memory::init();
    memory::tell_largest();
    axbpf_platform::stack::PROGRAMS.init();
    #[cfg(feature = "axkprobe")]
    axbpf_runtime::axkprobe::init(axbpf_runtime::axkprobe::Config {
        text: text::range(),
        blacklist: alloc::vec::Vec::new(),
        symbols: symbols::section(),
    });
    hook::set_ready();
    task::init();
    Ok(())
}

/// Calls `f` on every CPU and waits until all have. Preemption is off.
fn each_cpu(f: fn()) {
    static DONE: AtomicUsize = AtomicUsize::new(0);
    DONE.store(0, SeqCst);
    axipi::run_on_each_cpu(move || {
        f();
        DONE.fetch_add(1, SeqCst);
    });
    // The platform clears a CPU's pending interrupt after it has handled it, and with it one that came in between: what was queued for that
    // CPU is still there, but nobody tells it. So it is told again.
    let mut told = axhal::time::monotonic_time_nanos();
    while DONE.load(SeqCst) < axhal::cpu_num() {
        core::hint::spin_loop();
        let now = axhal::time::monotonic_time_nanos();
        if now - told > grace::RESEND_NS {
            told = now;
            let _same_cpu = IrqGuard::new();
            send_ipi(IPI_IRQ, IpiTarget::AllExceptCurrent { cpu_id: axhal::percpu::this_cpu_id(), cpu_num: axhal::cpu_num() });
        }
    }
}

/// How often waking readers had to wait for a further interrupt.
pub fn late_wakes() -> u64 {
    hook::late_wakes()
}

struct ArceOs;

#[crate_interface::impl_interface]
impl Platform for ArceOs {
    fn this_cpu() -> usize {
        // SAFETY: one load; the caller has IRQs off, or takes what it gets.
        unsafe { CPU.read_current_raw() }
    }

    fn cpu_count() -> usize {
        axhal::cpu_num()
    }

    fn irqs_save() -> usize {
        let on = axhal::asm::irqs_enabled();
        axhal::asm::disable_irqs();
        on.into()
    }

    fn irqs_restore(state: usize) {
        if state != 0 {
            axhal::asm::enable_irqs();
        }
    }

    fn monotonic_ns() -> u64 {
        axhal::time::monotonic_time_nanos()
    }

    fn current_task() -> Task {
        let _same_cpu = IrqGuard::new();
        task::current()
    }

    fn task_watch(key: usize) -> usize {
        task::watch(key)
    }

    fn task_gone(watch: usize) -> bool {
        task::gone(watch)
    }

    fn task_unwatch(watch: usize) {
        task::unwatch(watch);
    }

    fn wait_quiescent(limit_ns: u64) -> Result<(), Stuck> {
        grace::wait(limit_ns)
    }

    fn pend_wake() {
        isa::pend_interrupt();
    }

    fn wake_reclaimer() {
        task::wake_reclaimer();
    }

    fn is_device(addr: usize, len: usize) -> bool {
        memory::is_device(addr, len)
    }

    fn exec_alloc(pages: usize) -> Option<usize> {
        text::alloc(pages)
    }

    fn exec_free(addr: usize, pages: usize) {
        text::free(addr, pages);
    }

    fn exec_write(batch: &[Patch<'_>]) -> bool {
        text::write(batch)
    }
}
