//! A probed instruction and what is attached to it.
#![allow(unsafe_code, reason = "the list of a point is read without a lock and swapped as a whole")]
use crate::Handler;
use crate::arch::{COPY, Insn, Regs, Step};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use axbpf_platform::Sealed;
use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering::*};

/// One probe, as its point knows it.
pub(crate) struct Attached {
    pub(crate) handler: Arc<dyn Handler>,
    /// Runs at the return of the function.
    pub(crate) at_return: bool,
    /// Calls under way at once that can be followed to their return.
    pub(crate) max_active: usize,
    /// Calls entered before this are not its own, see [`crate::returns::now`].
    pub(crate) since: u64,
    pub(crate) counts: Arc<Counts>,
}

/// What happened at a probe.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) hits: AtomicU64,
    pub(crate) missed: AtomicU64,
}

/// Never changes once it is in a point.
pub(crate) type List = Vec<Arc<Attached>>;

/// A probed instruction. Readers are in sections with IRQs off; the owner (see `install`) frees it when a grace period has passed since its
/// breakpoint left the text, and not before `instances` is 0.
pub(crate) struct Point {
    pub(crate) addr: u64,
    pub(crate) insn: Insn,
    /// The instruction and a breakpoint, twice, for those that are executed elsewhere. Which of the two is executed remembers whether IRQs
    /// were on: no other place would do, if the instruction faults and the handler of that fault runs into probes too.
    pub(crate) slot: Option<Sealed>,
    /// What the breakpoint replaced.
    pub(crate) original: [u8; 2],
    list: AtomicPtr<List>,
    /// Calls under way that will return to the trampoline.
    pub(crate) instances: AtomicUsize,
}

impl Point {
    pub(crate) fn new(addr: u64, insn: Insn, slot: Option<Sealed>, original: [u8; 2]) -> Self {
        let list = AtomicPtr::new(Box::into_raw(Box::default()));
        Point { addr, insn, slot, original, list, instances: AtomicUsize::new(0) }
    }

    /// What is attached. In a section with IRQs off, or under the lock of `install`.
    pub(crate) fn list(&self) -> &List {
        // SAFETY: always a live box: `swap_list` answers the old one, which its caller keeps for a grace period.
        unsafe { &*self.list.load(Acquire) }
    }

    /// Replaces the list; the old one may be dropped a grace period later.
    pub(crate) fn swap_list(&self, list: List) -> Box<List> {
        let old = self.list.swap(Box::into_raw(Box::new(list)), AcqRel);
        // SAFETY: from `Box::into_raw`, and the swap took it out of everybody's reach but that of readers now in their sections.
        unsafe { Box::from_raw(old) }
    }

    /// Where the slot begins.
    pub(crate) fn slot_addr(&self) -> Option<u64> {
        self.slot.as_ref().map(|slot| slot.addr() as u64)
    }

    /// If a breakpoint of the slot is at `pc`: whether IRQs were on.
    pub(crate) fn stepped(&self, pc: u64) -> Option<bool> {
        let at = pc.checked_sub(self.slot_addr()?)?.checked_sub(self.insn.len.into())?;
        [0, COPY as u64].into_iter().position(|copy| copy == at).map(|copy| copy == 1)
    }

    /// Does what the instruction does, if that is computed.
    pub(crate) fn simulate(&self, regs: &mut Regs) -> bool {
        let Step::Simulate(op) = self.insn.step else { return false };
        crate::arch::simulate(op, self.insn.len, regs);
        true
    }
}

impl Drop for Point {
    fn drop(&mut self) {
        // SAFETY: as in `swap_list`; a point is dropped when no reader is left.
        drop(unsafe { Box::from_raw(*self.list.get_mut()) });
    }
}
