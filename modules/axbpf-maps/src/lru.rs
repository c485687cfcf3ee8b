//! Which element of a full LRU hash goes: the next one of a clock that nobody asked for, or not as often as the hand has passed it since.
//! That keeps what is asked for often through a flood of what is asked for once, as Linux's two lists do.
use crate::MapError;
use crate::memory::{Charge, boxed};
use crate::sync::{AtomicU8, AtomicU32};
use alloc::boxed::Box;
use core::sync::atomic::Ordering::*;

/// Elements that the hand passes at most before it takes one in spite of its mark: a probe waits no longer.
const PATIENCE: u32 = 128;

/// How often it pays to be asked for.
const MOST: u8 = 3;

/// A mark an element, and the hand.
pub(crate) struct Clock {
    marks: Box<[AtomicU8]>,
    _charge: Charge,
    hand: AtomicU32,
}

impl Clock {
    pub(crate) fn new(elements: usize) -> Result<Clock, MapError> {
        let _charge = Charge::new(Some(elements))?;
        Ok(Clock { marks: boxed(elements, || AtomicU8::new(0))?, _charge, hand: AtomicU32::new(0) })
    }

    /// After so many elements the hand has come to each as often as it takes to lose all marks.
    pub(crate) fn rounds(&self) -> usize {
        self.marks.len() * (usize::from(MOST) + 1)
    }

    /// A program asked for the element. Full marks are only read, so that elements many CPUs ask for stay in their caches.
    pub(crate) fn mark(&self, i: u32) {
        let mark = &self.marks[i as usize];
        let asked = mark.load(Relaxed);
        if asked < MOST {
            mark.store(asked + 1, Relaxed);
        }
    }

    /// The element is another one from now on.
    pub(crate) fn forget(&self, i: u32) {
        self.marks[i as usize].store(0, Relaxed);
    }

    /// The next element that may go; the marks of those before it are gone.
    pub(crate) fn next(&self) -> u32 {
        let mut passed = 0;
        loop {
            // Races of several CPUs only make the clock less exact.
            let at = self.hand.load(Relaxed) as usize % self.marks.len();
            self.hand.store((at + 1) as u32, Relaxed);
            let asked = self.marks[at].load(Relaxed);
            if asked == 0 || passed == PATIENCE {
                return at as u32;
            }
            self.marks[at].store(asked - 1, Relaxed);
            passed += 1;
        }
    }
}
