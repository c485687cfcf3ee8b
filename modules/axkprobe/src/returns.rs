//! Return probes: at the function's entry its return address is replaced by the trampoline's; the real one is kept in an instance until
//! then. Instances are a fixed table, claimed without a lock.
//!
//! Invariants:
//! 1. A call is known by its stack pointer: that of its entry is that of its return, and the stacks of living tasks do not overlap. Not by
//!    its task: where the scheduler switches, the current task is not the one whose stack is in use; and one task may use several stacks.
//! 2. So an instance, once claimed, is the business of the code on that stack alone, on whichever CPU, and its fields need no order.
//! 3. Several calls at one stack pointer follow one another by tail calls, each with the trampoline as return address but for the first; the
//!    one with the highest `order` returns first. A call entered with another return address is the only one at its stack pointer: what is
//!    left there by a call that never returned, or by a dead task that had the stack before, is released.
#![allow(unsafe_code, reason = "an instance keeps its point by address; the point's count of instances keeps it alive")]
use crate::Hit;
use crate::arch::{Regs, trampoline};
use crate::hit::guarded;
use crate::point::Point;
use axbpf_platform::IrqGuard;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering::*};

const SIZE: usize = 2048;
/// An instance is within this many places from where its stack pointer leads.
const WINDOW: usize = 64;

struct Instance {
    /// The stack pointer; 0: free.
    sp: AtomicU64,
    ra: AtomicU64,
    order: AtomicU64,
    point: AtomicPtr<Point>,
}

static INSTANCES: [Instance; SIZE] =
    [const { Instance { sp: AtomicU64::new(0), ra: AtomicU64::new(0), order: AtomicU64::new(0), point: AtomicPtr::new(ptr::null_mut()) } };
        SIZE];
static ORDER: AtomicU64 = AtomicU64::new(0);

/// Calls that are entered from now on have at least this `order`.
pub(crate) fn now() -> u64 {
    ORDER.load(Relaxed)
}

fn window(sp: u64) -> impl Iterator<Item = &'static Instance> {
    let first = sp.wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize >> (usize::BITS - SIZE.ilog2());
    (first..first + WINDOW).map(|i| &INSTANCES[i % SIZE])
}

/// Those of the calls at this stack pointer.
fn own(sp: u64) -> impl Iterator<Item = &'static Instance> {
    window(sp).filter(move |instance| instance.sp.load(Relaxed) == sp)
}

impl Instance {
    /// Takes a free one.
    fn claim(sp: u64) -> Option<&'static Instance> {
        window(sp).find(|i| i.sp.load(Relaxed) == 0 && i.sp.compare_exchange(0, sp, Acquire, Relaxed).is_ok())
    }

    /// Gives it back. Its point may be freed from here on.
    fn release(&self) {
        let point = self.point.load(Relaxed);
        self.sp.store(0, Release);
        // SAFETY: the point lives while it counts this instance.
        unsafe { (*point).instances.fetch_sub(1, Release) };
    }
}

/// At the entry of a function: makes it return to the trampoline. `false`: too many calls are under way.
pub(crate) fn follow(point: &Point, regs: &mut Regs) -> bool {
    let sp = regs.sp();
    if regs.ra() != trampoline() {
        own(sp).for_each(Instance::release);
    }
    let max = point.list().iter().map(|probe| probe.max_active).max().unwrap_or(0);
    let room = point.instances.fetch_add(1, Relaxed) < max;
    let Some(instance) = room.then(|| Instance::claim(sp)).flatten() else {
        point.instances.fetch_sub(1, Release);
        return false;
    };
    instance.ra.store(regs.ra(), Relaxed);
    instance.order.store(ORDER.fetch_add(1, Relaxed), Relaxed);
    instance.point.store(ptr::from_ref(point).cast_mut(), Relaxed);
    regs.set_ra(trampoline());
    true
}

/// From the trampoline (public for tests), with the registers at the return; answers the address to return to.
pub fn on_return(regs: &mut Regs) -> u64 {
    let _section = IrqGuard::new();
    let sp = regs.sp();
    let Some(instance) = own(sp).max_by_key(|i| i.order.load(Relaxed)) else {
        // Nobody knows where to go on.
        panic!("axkprobe: a call returned through a probe that it did not come through, with stack pointer {sp:#x}");
    };
    let (ra, order) = (instance.ra.load(Relaxed), instance.order.load(Relaxed));
    // SAFETY: the point lives while it counts this instance, that is until the release below.
    let point = unsafe { &*instance.point.load(Relaxed) };
    regs.pc = ra;
    regs.set_ra(ra);
    let info = Hit { addr: point.addr, at_return: true };
    // Not those that were installed after the call was entered.
    let probes = || point.list().iter().filter(|probe| probe.at_return && probe.since <= order);
    let ran = guarded(|| {
        for probe in probes() {
            let counter = if probe.handler.hit(regs, &info) { &probe.counts.hits } else { &probe.counts.missed };
            counter.fetch_add(1, Relaxed);
        }
    });
    if ran.is_none() {
        probes().for_each(|probe| _ = probe.counts.missed.fetch_add(1, Relaxed));
    }
    instance.release();
    ra
}
