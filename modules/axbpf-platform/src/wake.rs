//! Waking a task out of a probe, which may have interrupted the scheduler with its locks held: the hit links the reader into a list of its
//! CPU and pends an interrupt; the wake happens at the end of that interrupt, which cannot come before the interrupted code has IRQs on,
//! so after it has dropped every such lock.
//!
//! Invariants:
//! 1. A [`Reader`] is on at most one list at most once: taking `linked` from false to true is the ticket for linking it. `armed` is not
//!    enough: a task may be polled, and arm itself again, for another reason while it still waits on a list.
//! 2. `linked` becomes false after the list's `next` was read and before the wake. So who finds it true leaves the wake to a drain that
//!    has yet to come.
use crate::PerCpu;
use alloc::sync::Arc;
use atomic_waker::AtomicWaker;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering::*, fence};
use core::task::Waker;

/// A task that waits for events, as those who produce them see it.
pub struct Reader {
    armed: AtomicBool,
    linked: AtomicBool,
    next: AtomicPtr<Reader>,
    waker: AtomicWaker,
}

static LISTS: PerCpu<AtomicPtr<Reader>> = crate::per_cpu!(AtomicPtr::new(ptr::null_mut()));
static WAKES: AtomicU64 = AtomicU64::new(0);

impl Default for Reader {
    fn default() -> Self {
        Reader {
            armed: AtomicBool::new(false),
            linked: AtomicBool::new(false),
            next: AtomicPtr::new(ptr::null_mut()),
            waker: AtomicWaker::new(),
        }
    }
}

impl Reader {
    /// The reader is about to sleep: the next [`notify`](Self::notify) wakes it. It has to look for events once more after this call.
    pub fn arm(&self, waker: &Waker) {
        self.waker.register(waker);
        self.armed.store(true, Relaxed);
        // Pairs with the fence in `notify`: either it sees `armed`, or the caller sees the event.
        fence(SeqCst);
    }

    /// There are events: wakes the reader if it sleeps. From any context with IRQs off: no lock, no allocation.
    #[inline(always)]
    pub fn notify(self: &Arc<Self>) {
        // Pairs with the fence in `arm`.
        fence(SeqCst);
        if self.armed.load(Relaxed) {
            self.notify_armed();
        }
    }

    fn notify_armed(self: &Arc<Self>) {
        if !self.armed.swap(false, AcqRel) || self.linked.swap(true, AcqRel) {
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
        // Acquire too: whoever found it true put its event before this wake.
        reader.linked.swap(false, AcqRel);
        WAKES.fetch_add(1, Relaxed);
        reader.waker.wake();
        // If the reader's own handle is gone, its memory is freed here: where waking is allowed, so is that.
    }
}

/// Readers awakened so far.
pub fn wakes() -> u64 {
    WAKES.load(Relaxed)
}
