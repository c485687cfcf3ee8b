//! Return probes: at the function's entry its return address is replaced by the trampoline's; the real one is kept in an instance until
//! then. Instances are a fixed table, claimed without a lock.
//!
//! Invariants:
//! 1. An instance belongs to the task whose number is in `task` (0: free). Only that task, on whichever CPU, looks at its other fields, so
//!    they need no order among themselves.
//! 2. Within a task, the call that was entered last returns first: of several instances with the same stack pointer (tail calls) the one
//!    with the highest `order` is meant; one below the current stack pointer belongs to a call that never returned.
#![allow(unsafe_code, reason = "an instance keeps its point by address; the point's count of instances keeps it alive")]
use crate::Hit;
use crate::arch::{Regs, trampoline};
use crate::hit::guarded;
use crate::point::Point;
use axbpf_platform::{IrqGuard, current_task};
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering::*};

const SIZE: usize = 2048;
/// A task's instances are within this many places from where its number leads.
const WINDOW: usize = 64;

struct Instance {
    task: AtomicU64,
    sp: AtomicU64,
    ra: AtomicU64,
    order: AtomicU64,
    point: AtomicPtr<Point>,
}

static INSTANCES: [Instance; SIZE] = [const {
    Instance {
        task: AtomicU64::new(0),
        sp: AtomicU64::new(0),
        ra: AtomicU64::new(0),
        order: AtomicU64::new(0),
        point: AtomicPtr::new(ptr::null_mut()),
    }
}; SIZE];
static ORDER: AtomicU64 = AtomicU64::new(0);

fn window(task: u64) -> impl Iterator<Item = &'static Instance> {
    let first = task.wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize >> (usize::BITS - SIZE.ilog2());
    (first..first + WINDOW).map(|i| &INSTANCES[i % SIZE])
}

/// The current task's number here: never 0, never used again by another task.
fn this_task() -> u64 {
    current_task().id + 1
}

impl Instance {
    /// Gives it back. Its point may be freed from here on.
    fn release(&self) {
        let point = self.point.load(Relaxed);
        self.task.store(0, Release);
        // SAFETY: the point lives while it counts this instance.
        unsafe { (*point).instances.fetch_sub(1, Release) };
    }
}

/// At the entry of a function: makes it return to the trampoline. `false`: too many calls are under way.
pub(crate) fn follow(point: &Point, regs: &mut Regs) -> bool {
    let (task, sp) = (this_task(), regs.sp());
    for stale in window(task).filter(|i| i.task.load(Relaxed) == task && i.sp.load(Relaxed) < sp) {
        stale.release();
    }
    let max = point.list().iter().map(|probe| probe.max_active).max().unwrap_or(0);
    if point.instances.fetch_add(1, Relaxed) < max
        && let Some(free) = window(task).find(|i| i.task.load(Relaxed) == 0 && i.task.compare_exchange(0, task, Acquire, Relaxed).is_ok())
    {
        free.sp.store(sp, Relaxed);
        free.ra.store(regs.ra(), Relaxed);
        free.order.store(ORDER.fetch_add(1, Relaxed), Relaxed);
        free.point.store(ptr::from_ref(point).cast_mut(), Relaxed);
        regs.set_ra(trampoline());
        return true;
    }
    point.instances.fetch_sub(1, Relaxed);
    false
}

/// From the trampoline (public for tests), with the registers at the return; answers the address to return to.
pub fn on_return(regs: &mut Regs) -> u64 {
    let _section = IrqGuard::new();
    let (task, sp) = (this_task(), regs.sp());
    let mine = window(task).filter(|i| i.task.load(Relaxed) == task && i.sp.load(Relaxed) == sp);
    let Some(instance) = mine.max_by_key(|i| i.order.load(Relaxed)) else {
        // Nobody knows where to go on.
        panic!("axkprobe: task {} returned through a probe that it did not come through, with stack pointer {sp:#x}", task - 1);
    };
    let ra = instance.ra.load(Relaxed);
    // SAFETY: the point lives while it counts this instance, that is until the release below.
    let point = unsafe { &*instance.point.load(Relaxed) };
    regs.pc = ra;
    let info = Hit { addr: point.addr, at_return: true };
    let probes = || point.list().iter().filter(|probe| probe.at_return);
    let ran = guarded(|| {
        for probe in probes() {
            let counter = if probe.handler.hit(regs, &info) { &probe.hits } else { &probe.missed };
            counter.fetch_add(1, Relaxed);
        }
    });
    if ran.is_none() {
        probes().for_each(|probe| _ = probe.missed.fetch_add(1, Relaxed));
    }
    instance.release();
    ra
}
