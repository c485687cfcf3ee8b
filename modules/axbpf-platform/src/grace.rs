//! Reclamation: an object that readers may still see is dropped when every section with IRQs off that began before has ended.
use alloc::boxed::Box;
use core::fmt;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::*};

/// A CPU that has had IRQs off for as long as somebody waited for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stuck {
    /// Its number.
    pub cpu: usize,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CPU {} did not take an interrupt in time: IRQs are off there", self.cpu)
    }
}

impl core::error::Error for Stuck {}

/// How long a grace period may last.
const LIMIT_NS: u64 = 2_000_000_000;

/// Waits until every section with IRQs off that ran when this was called has ended. From task context, IRQs on, no spin lock held.
pub fn quiesce() -> Result<(), Stuck> {
    crate::wait_quiescent(LIMIT_NS)
}

struct Deferred {
    next: *mut Deferred,
    /// Held for its drop alone.
    _object: Box<dyn Send>,
}

/// Objects whose grace period has not begun yet.
static QUEUE: AtomicPtr<Deferred> = AtomicPtr::new(ptr::null_mut());

/// Drops `object` after a grace period, in the reclaim task. From task context.
pub fn defer(object: Box<dyn Send>) {
    let node = Box::into_raw(Box::new(Deferred { next: ptr::null_mut(), _object: object }));
    push(node, node);
    crate::wake_reclaimer();
}

/// Prepends the list `first..=last`, which the caller owns.
fn push(first: *mut Deferred, last: *mut Deferred) {
    let mut head = QUEUE.load(Relaxed);
    loop {
        // SAFETY: `last` is a node of ours that nobody else sees until the exchange below.
        unsafe { (*last).next = head };
        match QUEUE.compare_exchange_weak(head, first, Release, Relaxed) {
            Ok(_) => return,
            Err(now) => head = now,
        }
    }
}

/// Waits for one grace period and drops what was deferred before it; returns how many objects. The reclaim task calls this when
/// [`Platform::wake_reclaimer`](crate::Platform::wake_reclaimer) asks. If a CPU is stuck, everything stays queued.
pub fn reclaim() -> Result<usize, Stuck> {
    let list = QUEUE.swap(ptr::null_mut(), Acquire);
    if list.is_null() {
        return Ok(0);
    }
    if let Err(stuck) = quiesce() {
        let mut last = list;
        // SAFETY: the swap made the list ours; its nodes are live boxes.
        while let Some(next) = unsafe { (*last).next.as_mut() } {
            last = next;
        }
        push(list, last);
        return Err(stuck);
    }
    let (mut count, mut node) = (0, list);
    while !node.is_null() {
        // SAFETY: made by `Box::into_raw` in `defer`, unlinked by the swap, so seen by us alone.
        let deferred = unsafe { Box::from_raw(node) };
        node = deferred.next;
        count += 1;
    }
    Ok(count)
}
