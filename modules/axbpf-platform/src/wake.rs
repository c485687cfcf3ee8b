//! Waking a task out of a probe, which may have interrupted the scheduler with its locks held: the hit links the reader into a list of its
//! CPU and pends an interrupt; the wake happens at the end of that interrupt, which cannot come before the interrupted code has IRQs on,
//! so after it has dropped every such lock.
//!
//! Invariant: a [`Reader`] is on at most one list at most once: taking `armed` from true to false is the ticket for linking it, and the
//! reader arms itself again only after its wake.
use crate::PerCpu;
use alloc::sync::Arc;
use atomic_waker::AtomicWaker;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering::*};
use core::task::Waker;

/// A task that waits for events, as those who produce them see it.
pub struct Reader {
    armed: AtomicBool,
    next: AtomicPtr<Reader>,
    waker: AtomicWaker,
}

static LISTS: PerCpu<AtomicPtr<Reader>> = crate::per_cpu!(AtomicPtr::new(ptr::null_mut()));
static WAKES: AtomicU64 = AtomicU64::new(0);

impl Default for Reader {
    fn default() -> Self {
        Reader { armed: AtomicBool::new(false), next: AtomicPtr::new(ptr::null_mut()), waker: AtomicWaker::new() }
    }
}

impl Reader {
    /// The reader is about to sleep: the next [`notify`](Self::notify) wakes it. It has to look for events once more after this call.
    pub fn arm(&self, waker: &Waker) {
        self.waker.register(waker);
        self.armed.store(true, SeqCst);
    }

    /// There are events: wakes the reader if it sleeps. From any context with IRQs off: no lock, no allocation.
    pub fn notify(self: &Arc<Self>) {
        // The producer's store of the event and this load are ordered as the reader's store of `armed` and its look for events.
        core::sync::atomic::fence(SeqCst);
        if !self.armed.load(Relaxed) || !self.armed.swap(false, AcqRel) {
            return;
        }
        let node = Arc::into_raw(Arc::clone(self)).cast_mut();
        let list = LISTS.this();
        let mut head = list.load(Relaxed);
        loop {
            self.next.store(head, Relaxed);
            match list.compare_exchange(head, node, Release, Relaxed) {
                Ok(_) => break,
                Err(now) => head = now,
            }
        }
        crate::pend_wake();
    }
}

/// Whether this CPU has readers to wake.
pub fn pending() -> bool {
    !LISTS.this().load(Relaxed).is_null()
}

/// Wakes the readers of this CPU's list. The platform calls it at the end of an interrupt, where waking a task is allowed.
pub fn drain() {
    let mut node = LISTS.this().swap(ptr::null_mut(), Acquire);
    while !node.is_null() {
        // SAFETY: `notify` put it there with `Arc::into_raw`, and the swap gave it to us alone.
        let reader = unsafe { Arc::from_raw(node) };
        node = reader.next.load(Relaxed);
        WAKES.fetch_add(1, Relaxed);
        reader.waker.wake();
        // If the reader's own handle is gone, its memory is freed here: where waking is allowed, so is that.
    }
}

/// Readers awakened so far.
pub fn wakes() -> u64 {
    WAKES.load(Relaxed)
}
