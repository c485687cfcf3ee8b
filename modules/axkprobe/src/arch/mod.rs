//! What depends on the ISA: the frame that a trap leaves, the breakpoint, the trampoline of return probes. The only file here that asks what
//! CPU this is. Hosts without a port take riscv64's: the engine's tests run on any host, with frames made by hand.
#![allow(unsafe_code, reason = "the trampoline is assembly code")]

pub use axasm::riscv64::{Insn, Refusal, Regs, Step, decode, simulate};

#[cfg(target_arch = "riscv64")]
mod riscv64;

/// What a trap saves: a program's view of the registers, then what the trap itself needs.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Frame {
    /// The registers. `pc` is filled in by us: the trap handler leaves anything there.
    pub regs: Regs,
    /// sepc: where execution goes on.
    pub pc: u64,
    /// sstatus.
    pub status: u64,
}

/// sstatus.SPIE: IRQs are on after the return from the trap.
const IRQS_ON: u64 = 1 << 5;

impl Frame {
    /// Masks IRQs for what the frame returns to; answers whether they were on.
    pub(crate) fn mask_irqs(&mut self) -> bool {
        let on = self.status & IRQS_ON != 0;
        self.status &= !IRQS_ON;
        on
    }

    /// Undoes [`mask_irqs`](Self::mask_irqs), if they were on.
    pub(crate) fn unmask_irqs(&mut self, on: bool) {
        self.status |= if on { IRQS_ON } else { 0 };
    }
}

/// The breakpoint: `c.ebreak`, for instructions of both lengths: one aligned store of two bytes, whatever CPUs fetch meanwhile.
pub(crate) const BREAKPOINT: [u8; 2] = 0x9002u16.to_le_bytes();
/// Longest instruction in bytes.
pub(crate) const MAX_INSN: usize = 4;
/// Room in a slot for the instruction and the breakpoint behind it.
pub(crate) const COPY: usize = 8;
const _: () = assert!(MAX_INSN + BREAKPOINT.len() <= COPY);
/// Bytes of a slot, and its alignment.
pub(crate) const SLOT: usize = 2 * COPY;

/// Of the instructions that [`Refusal::Exclusive`] stands for: whether it is lr.
pub(crate) fn begins_reservation(insn: &[u8]) -> bool {
    insn.get(3).is_some_and(|top| top >> 3 == 0b00010)
}

/// Address that a probed function returns to instead of its caller's.
pub(crate) fn trampoline() -> u64 {
    #[cfg(target_arch = "riscv64")]
    return riscv64::trampoline();
    // Tests call what the trampoline calls.
    #[cfg(not(target_arch = "riscv64"))]
    0xdead_0000
}
