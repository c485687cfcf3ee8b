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

    /// Forgets `key`, which nobody looks for any more (3).
    pub(crate) fn remove(&self, key: u64) {
        let first = self.first(key);
        let run = (first..first + SIZE).take_while(|i| self.entries[i % SIZE].key.load(Relaxed) != FREE);
        let Some(at) = run.into_iter().find(|i| self.entries[i % SIZE].key.load(Relaxed) == key) else { return };
        self.entries[at % SIZE].key.store(GONE, Release);
        self.taken.fetch_sub(1, Relaxed);
        // Nothing lies behind a `GONE` before a `FREE` that a search could miss, so it is as good as free. Else searches in vain, as the first
        // one of each step is, would get longer with every removal.
        if self.entries[(at + 1) % SIZE].key.load(Relaxed) == FREE {
            let run = (0..SIZE).map(|back| &self.entries[(at + SIZE - back) % SIZE]);
            run.take_while(|entry| entry.key.load(Relaxed) == GONE).for_each(|entry| entry.key.store(FREE, Release));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{Insn, Step};
    use alloc::boxed::Box;
    use alloc::vec::Vec;

    fn point(addr: u64) -> Box<Point> {
        let insn = Insn { len: 2, step: Step::OutOfLine };
        Box::new(Point::new(addr, insn, None, [0; 2]))
    }

    #[test]
    fn keys_come_and_go_and_leave_nothing_behind() {
        let table = Box::new(Table::new());
        let mut seed = 1u64;
        let mut live: Vec<Box<Point>> = Vec::new();
        for round in 0..50_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Neighbours collide more than strangers.
            let key = 0xffff_ffc0_8020_0000 + (seed >> 40) % 20_000 * 2;
            match live.iter().position(|point| point.addr == key) {
                Some(at) => {
                    table.remove(key);
                    live.swap_remove(at);
                }
                None if live.len() < 200 + round % 300 => {
                    let point = point(key);
                    assert!(table.insert(key, &point));
                    live.push(point);
                }
                None => table.remove(live.swap_remove(seed as usize % live.len()).addr),
            }
            if round % 100 == 0 {
                assert!(live.iter().all(|point| table.get(point.addr).is_some_and(|found| ptr::eq(found, &**point))));
                assert!((0..20_000u64).filter(|i| table.get(0xffff_ffc0_8020_0000 + i * 2).is_some()).count() == live.len());
            }
        }
        live.iter().for_each(|point| table.remove(point.addr));
        let left = table.entries.iter().filter(|entry| entry.key.load(Relaxed) != FREE).count();
        assert!(left == 0, "{left} entries");
    }

    #[test]
    fn a_full_table_says_so() {
        let table = Box::new(Table::new());
        let points: Vec<_> = (0..LIMIT as u64).map(|i| point(0x1000 + 2 * i)).collect();
        assert!(points.iter().all(|point| table.insert(point.addr, point)));
        assert!(!table.insert(8, &points[0]));
        assert!(points.iter().all(|point| table.get(point.addr).is_some_and(|found| ptr::eq(found, &**point))));
        table.remove(0x1000);
        assert!(table.insert(8, &points[0]));
    }
}
