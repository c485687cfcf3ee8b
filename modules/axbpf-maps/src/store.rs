//! Where the elements of a map live that come and go: all of them allocated with the map ([`Flat`]), or as they are needed ([`Growing`]).
//!
//! An element is a row of words. The first is its header: in the lower half the link to the next element, in the upper half the element's
//! version. Free elements are a stack; their links are marked, so that who stands on one knows.
use crate::MapError;
use crate::memory::{Charge, allocate, boxed};
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, spin_loop};
use crate::words::{Row, Words};
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use alloc::task::Wake;
use axbpf_platform::{IrqGuard, cpu_count, wake};
use core::sync::atomic::Ordering::*;
use core::task::Waker;
use spin::Once;

/// Marks the link of a free element; the rest is the next free one.
pub(crate) const FREE: u32 = 1 << 30;
/// No element.
pub(crate) const NONE: u32 = FREE - 1;

/// A header.
#[inline(always)]
pub(crate) fn header(next: u32, version: u32) -> u64 {
    u64::from(version) << 32 | u64::from(next)
}

/// The link in a header.
#[inline(always)]
pub(crate) fn next_of(header: u64) -> u32 {
    header as u32
}

/// The version in a header: odd while the element is being written.
#[inline(always)]
pub(crate) fn version_of(header: u64) -> u32 {
    (header >> 32) as u32
}

/// Whether the version is even, as the sign of a shifted word: a mask would take a constant.
#[inline(always)]
pub(crate) fn is_whole(header: u64) -> bool {
    (header << 31) as i64 >= 0
}

/// Elements by number.
pub(crate) trait Store: Send + Sync + 'static {
    /// What it means that none is free.
    const EMPTY: MapError;

    /// What finds elements: what does not change of the store, for those who look at several.
    type View<'a>: View<'a>;

    fn view(&self) -> Self::View<'_>;

    /// An element's words, of which the first is its header, and whatever comes behind them.
    #[inline(always)]
    fn element(&self, i: u32) -> Row<'_> {
        self.view().element(i)
    }

    /// Takes a free element, which is the caller's until it gives it back. IRQs off.
    fn take(&self) -> Option<u32>;

    /// Gives an element back. IRQs off.
    fn give(&self, i: u32);

    /// Makes more if there are few; whether one was free then. From task context.
    fn prepare(&self) -> bool {
        false
    }

    #[inline(always)]
    fn header(&self, i: u32) -> &AtomicU64 {
        self.element(i).at(0)
    }
}

/// See [`Store::View`].
pub(crate) trait View<'a>: Copy {
    /// See [`Store::element`].
    fn element(self, i: u32) -> Row<'a>;
}

/// A stack of elements. Its head carries a count, so that one that was taken, given and is seen again is not taken for the same.
struct Stack(AtomicU64);

impl Stack {
    fn new(first: u32) -> Stack {
        Stack(AtomicU64::new(first.into()))
    }

    fn pop(&self, store: &impl Store) -> Option<u32> {
        let mut head = self.0.load(Acquire);
        loop {
            let i = head as u32;
            if i == NONE {
                return None;
            }
            let next = next_of(store.header(i).load(Relaxed)) & !FREE;
            match self.0.compare_exchange_weak(head, (head >> 32).wrapping_add(1) << 32 | u64::from(next), AcqRel, Acquire) {
                Ok(_) => return Some(i),
                Err(now) => head = now,
            }
        }
    }

    /// Puts elements on top that are linked to one another already.
    fn push(&self, store: &impl Store, first: u32, last: u32) {
        let link = store.header(last);
        let version = version_of(link.load(Relaxed));
        let mut head = self.0.load(Relaxed);
        loop {
            link.store(header(FREE | head as u32, version), Release);
            match self.0.compare_exchange_weak(head, (head >> 32).wrapping_add(1) << 32 | u64::from(first), Release, Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
}

/// Links the elements `first..first + count`, which begin where `words` does, to one another, and the last one to none.
fn link(words: &Words, element: usize, first: u32, count: usize) {
    for n in 0..count {
        let next = if n + 1 == count { NONE } else { first + n as u32 + 1 };
        words.at(n * element).store(header(FREE | next, 0), Relaxed);
    }
}

/// All elements in one piece.
pub(crate) struct Flat {
    words: Words,
    element: usize,
    free: Stack,
    _charge: Charge,
}

impl Flat {
    /// So many elements, of so many words each with their headers.
    pub(crate) fn new(count: usize, element: Option<usize>) -> Result<Flat, MapError> {
        let (words, _charge) = allocate(element.and_then(|element| element.checked_mul(count)))?;
        let element = element.unwrap_or_default();
        link(&words, element, 0, count);
        Ok(Flat { words, element, free: Stack::new(0), _charge })
    }
}

#[derive(Clone, Copy)]
pub(crate) struct FlatView<'a> {
    words: Row<'a>,
    element: usize,
}

impl<'a> View<'a> for FlatView<'a> {
    #[inline(always)]
    fn element(self, i: u32) -> Row<'a> {
        self.words.from(i as usize * self.element)
    }
}

impl Store for Flat {
    /// Where there are as many elements as may be used, none is free only because others of the same CPU were interrupted with theirs.
    const EMPTY: MapError = MapError::Busy;

    type View<'a> = FlatView<'a>;

    #[inline(always)]
    fn view(&self) -> FlatView<'_> {
        FlatView { words: self.words.all(), element: self.element }
    }

    fn take(&self) -> Option<u32> {
        self.free.pop(self)
    }

    fn give(&self, i: u32) {
        self.free.push(self, i, i);
    }
}

/// Elements in segments that are allocated when few are free (BPF_F_NO_PREALLOC): by commands before they take one, and at the end of the
/// interrupt that a program pends which has taken one of the last. Programs never allocate. Linux: `bpf_mem_alloc`.
pub(crate) struct Growing(Arc<Segments>);

pub(crate) struct Segments {
    /// In order; those that do not exist yet are empty.
    table: Box<[Once<(Words, Charge)>]>,
    /// A segment has 2^this elements.
    shift: u32,
    element: usize,
    /// Elements at most.
    total: usize,
    made: AtomicUsize,
    free: Stack,
    /// How many are free, but for those who are at it.
    ready: AtomicUsize,
    /// Fewer are few.
    low: usize,
    growing: AtomicBool,
    /// Armed unless growth was asked for.
    growth: Arc<wake::Reader>,
    _charge: Charge,
}

/// What the interrupt calls.
struct Grow(Weak<Segments>);

impl Wake for Grow {
    fn wake(self: Arc<Self>) {
        if let Some(segments) = self.0.upgrade() {
            // Who finds none free is told so, and asks again.
            let _ = segments.grow();
            segments.arm(&Waker::from(self));
        }
    }
}

/// Bytes of elements that are ready if possible, and how many at least and at most, for each CPU (Linux: 96 and fewer of those over 256
/// bytes).
const RESERVE: usize = 32 << 10;
const READY: (usize, usize) = (4, 128);
/// More CPUs share what so many have.
const CPUS: usize = 8;

impl Growing {
    /// At most so many elements, of so many words each with their headers.
    pub(crate) fn new(total: usize, element: Option<usize>) -> Result<Growing, MapError> {
        let bytes = element.and_then(|element| element.checked_mul(8)).unwrap_or(usize::MAX);
        let low = ((RESERVE / bytes).clamp(READY.0, READY.1) * cpu_count().min(CPUS)).min(total);
        let shift = (2 * low).next_power_of_two().trailing_zeros();
        let segments = total.div_ceil(1 << shift);
        let _charge = Charge::new(segments.checked_mul(size_of::<Once<(Words, Charge)>>()))?;
        let segments = Arc::new(Segments {
            table: boxed(segments, Once::new)?,
            shift,
            element: bytes / 8,
            total,
            made: AtomicUsize::new(0),
            free: Stack::new(NONE),
            ready: AtomicUsize::new(0),
            low,
            growing: AtomicBool::new(false),
            growth: Arc::default(),
            _charge,
        });
        segments.grow()?;
        segments.arm(&Waker::from(Arc::new(Grow(Arc::downgrade(&segments)))));
        Ok(Growing(segments))
    }
}

impl Segments {
    fn arm(&self, waker: &Waker) {
        self.growth.arm(waker);
    }

    /// Adds a segment unless all are there. Waits for whoever is adding one.
    fn grow(&self) -> Result<(), MapError> {
        // IRQs off, so whoever is at it is another CPU, and has done soon.
        let _section = IrqGuard::new();
        if self.growing.swap(true, Acquire) {
            while self.growing.load(Acquire) {
                spin_loop();
            }
            return Ok(());
        }
        let made = self.made.load(Relaxed);
        let count = (self.total - made).min(1 << self.shift);
        let grown = if count == 0 { Ok(()) } else { self.add(made, count) };
        self.growing.store(false, Release);
        grown
    }

    fn add(&self, first: usize, count: usize) -> Result<(), MapError> {
        let segment = allocate(self.element.checked_mul(count))?;
        link(&segment.0, self.element, first as u32, count);
        self.table[first >> self.shift].call_once(|| segment);
        self.made.store(first + count, Relaxed);
        self.ready.fetch_add(count, Relaxed);
        self.free.push(self, first as u32, (first + count - 1) as u32);
        Ok(())
    }

    fn is_low(&self, ready: usize) -> bool {
        ready < self.low && self.made.load(Relaxed) < self.total
    }
}

impl<'a> View<'a> for &'a Segments {
    #[inline]
    fn element(self, i: u32) -> Row<'a> {
        let segment = self.table[(i >> self.shift) as usize].get();
        // A number is known to others only when its segment is there.
        let (words, _) = segment.unwrap_or_else(|| unreachable!());
        words.row((i & ((1 << self.shift) - 1)) as usize * self.element)
    }
}

impl Store for Segments {
    const EMPTY: MapError = MapError::Reserve;

    type View<'a> = &'a Segments;

    fn view(&self) -> &Segments {
        self
    }

    fn take(&self) -> Option<u32> {
        let taken = self.free.pop(self);
        let ready = match taken {
            Some(_) => self.ready.fetch_sub(1, Relaxed) - 1,
            None => 0,
        };
        if self.is_low(ready) {
            self.growth.notify();
        }
        taken
    }

    fn give(&self, i: u32) {
        self.ready.fetch_add(1, Relaxed);
        self.free.push(self, i, i);
    }

    fn prepare(&self) -> bool {
        if self.is_low(self.ready.load(Relaxed)) {
            // A command that finds none free says so.
            let _ = self.grow();
        }
        self.ready.load(Relaxed) > 0
    }
}

impl Store for Growing {
    const EMPTY: MapError = Segments::EMPTY;

    type View<'a> = &'a Segments;

    #[inline(always)]
    fn view(&self) -> &Segments {
        &self.0
    }

    fn take(&self) -> Option<u32> {
        self.0.take()
    }

    fn give(&self, i: u32) {
        self.0.give(i);
    }

    fn prepare(&self) -> bool {
        self.0.prepare()
    }
}
