//! The number of this CPU: asked for at every hit, so where the platform says where it stands, it is read there without a call.
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Offset of the CPU's number from the register that leads to the CPU's own data (riscv64: gp).
static OFFSET: AtomicUsize = AtomicUsize::new(UNKNOWN);
const UNKNOWN: usize = usize::MAX;

/// Tells where each CPU's number stands: a word at this distance from gp (riscv64). Other ISAs ask the platform.
///
/// # Safety
///
/// On every CPU, from now on, that word is the CPU's number.
pub unsafe fn set_cpu_number_offset(offset: usize) {
    OFFSET.store(offset, Relaxed);
}

/// Number of the CPU that this runs on, below [`cpu_count`](crate::cpu_count). Stays true only while IRQs are off.
#[inline]
pub fn cpu_id() -> usize {
    #[cfg(all(target_os = "none", target_arch = "riscv64"))]
    {
        let offset = OFFSET.load(Relaxed);
        if offset != UNKNOWN {
            let number: usize;
            // SAFETY: `set_cpu_number_offset`'s caller said that the word is there.
            unsafe {
                core::arch::asm!("add {0}, gp, {1}", "ld {0}, 0({0})", out(reg) number, in(reg) offset, options(nostack, readonly, preserves_flags))
            };
            return number;
        }
    }
    crate::this_cpu()
}
