//! Grace periods. Sections have IRQs off, so a CPU that took an interrupt after the generation was raised has left every section that it
//! was in before. The trap hook acknowledges at the end of each interrupt: no queue, no allocation.
use axbpf_platform::{IrqGuard, PerCpu, Stuck, per_cpu};
use axhal::irq::{IPI_IRQ, IpiTarget, send_ipi};
use core::sync::atomic::{AtomicU64, Ordering::*};

/// Counts the grace periods asked for.
static GENERATION: AtomicU64 = AtomicU64::new(0);
/// Up to which generation each CPU has been seen outside sections.
static SEEN: PerCpu<AtomicU64> = per_cpu!(AtomicU64::new(0));
/// How long to wait before the interrupt is sent again.
pub(super) const RESEND_NS: u64 = 20_000_000;

/// From the trap hook: IRQs off, the interrupted code had them on.
pub(super) fn acknowledge() {
    SEEN.this().store(GENERATION.load(SeqCst), SeqCst);
}

/// See [`axbpf_platform::Platform::wait_quiescent`].
pub(super) fn wait(limit_ns: u64) -> Result<(), Stuck> {
    if !axhal::asm::irqs_enabled() {
        // The caller itself is in a section: it would wait for its own end.
        return Err(Stuck { cpu: axbpf_platform::cpu_id() });
    }
    let cpus = axbpf_platform::cpu_count();
    let generation = GENERATION.fetch_add(1, SeqCst) + 1;
    let interrupt_others = || {
        let _same_cpu = IrqGuard::new();
        // A task is in no section.
        SEEN.this().fetch_max(generation, SeqCst);
        if cpus > 1 {
            send_ipi(IPI_IRQ, IpiTarget::AllExceptCurrent { cpu_id: axbpf_platform::cpu_id(), cpu_num: cpus });
        }
    };
    interrupt_others();
    let begin = axbpf_platform::monotonic_ns();
    let mut again = RESEND_NS;
    for cpu in 0..cpus {
        while SEEN.of(cpu).load(SeqCst) < generation {
            core::hint::spin_loop();
            let waited = axbpf_platform::monotonic_ns().saturating_sub(begin);
            if waited > limit_ns {
                return Err(Stuck { cpu });
            }
            if waited > again {
                again = waited + RESEND_NS;
                interrupt_others();
            }
        }
    }
    Ok(())
}
