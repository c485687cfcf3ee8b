//! Where the trap handler finds what an address means: a table of fixed size, read without a lock.
//!
//! Invariants:
//! 1. A key, once in an entry, stays until [`Table::remove`], which only makes it `GONE`: searches go on behind it.
//! 2. An entry's point is stored before its key, so whoever sees the key sees the point.
//! 3. One writer at a time (the caller's lock). A key is removed when no reader can look for it any more: a grace period after its breakpoint
//!    left the text. So an entry may get another key and point at once.
#![allow(unsafe_code, reason = "points are shared with trap handlers by address; the invariants above say for how long")]
use crate::point::Point;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering::*};

/// Places; each point takes up to two.
const SIZE: usize = 4096;
/// As many may be taken.
const LIMIT: usize = SIZE * 3 / 4;

const FREE: u64 = 0;
const GONE: u64 = 1;

struct Entry {
    key: AtomicU64,
    point: AtomicPtr<Point>,
}

/// Addresses and points.
pub(crate) struct Table {
    entries: [Entry; SIZE],
    taken: AtomicU64,
}

impl Table {
    pub(crate) const fn new() -> Self {
        Table {
            entries: [const { Entry { key: AtomicU64::new(FREE), point: AtomicPtr::new(ptr::null_mut()) } }; SIZE],
            taken: AtomicU64::new(0),
        }
    }

    fn first(&self, key: u64) -> usize {
        // Code is aligned to 2 bytes; the product's upper bits are the mixed ones.
        (key >> 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize >> (usize::BITS - SIZE.ilog2())
    }

    fn places(&self, key: u64) -> impl Iterator<Item = &Entry> {
        let first = self.first(key);
        (first..first + SIZE).map(|i| &self.entries[i % SIZE])
    }

    /// The point that an address belongs to. From a section with IRQs off, which bounds how long the answer may be used.
    pub(crate) fn get<'a>(&self, key: u64) -> Option<&'a Point> {
        let entry =
            self.places(key).map(|entry| (entry, entry.key.load(Acquire))).take_while(|&(_, k)| k != FREE).find(|&(_, k)| k == key)?.0;
        // SAFETY: stored before the key (2) by `insert`, whose caller keeps the point until no section can find it; `'a` ends with the
        //    caller's section.
        unsafe { entry.point.load(Acquire).as_ref() }
    }

    /// Makes `key` lead to `point`, which lives until [`Table::remove`]. `false`: the table is full.
    pub(crate) fn insert(&self, key: u64, point: &Point) -> bool {
        if self.taken.load(Relaxed) as usize >= LIMIT {
            return false;
        }
        let Some(entry) = self.places(key).find(|entry| entry.key.load(Relaxed) <= GONE) else { return false };
        entry.point.store(ptr::from_ref(point).cast_mut(), Release);
        entry.key.store(key, Release);
        self.taken.fetch_add(1, Relaxed);
        true
    }

    /// Makes the run of `GONE` that ends before a `FREE` free as well, where `key` was: nothing lies behind it that a search could miss. Else
    /// searches in vain, as each step's first one is, would grow with every removal.
    fn tidy(&self, key: u64) {
        let first = self.first(key);
        let run = self.places(key).take_while(|entry| entry.key.load(Relaxed) != FREE).count();
        for entry in (first..first + run).rev().map(|i| &self.entries[i % SIZE]) {
            if entry.key.load(Relaxed) != GONE {
                break;
            }
            entry.key.store(FREE, Release);
        }
    }

    /// Forgets `key`, which nobody looks for any more (3).
    pub(crate) fn remove(&self, key: u64) {
        if let Some(entry) =
            self.places(key).take_while(|entry| entry.key.load(Relaxed) != FREE).find(|entry| entry.key.load(Relaxed) == key)
        {
            entry.key.store(GONE, Release);
            self.taken.fetch_sub(1, Relaxed);
            self.tidy(key);
        }
    }
}
