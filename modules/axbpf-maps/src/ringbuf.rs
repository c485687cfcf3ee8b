//! Ring buffers: records from programs, in order of reservation, to one reader. Record headers are Linux's (kernel/bpf/ringbuf.c).
//!
//! The data area has the ring's size twice, one behind the other: a record that begins near the end of the first runs on into the second,
//! so that it is one piece, and its bytes of the first area's beginning are left alone. (Linux maps the same pages twice instead.)
//!
//! Invariants:
//! 1. Positions count bytes and only grow. `consumer <= producer <= consumer + size`; between them lie whole records, in order of
//!    reservation: moving `producer` is the reservation, and the memory before the new position belongs to who moved it.
//! 2. Words that belong to no record are zero. A header is never zero, so a record is there from the store of its header on: until then it
//!    is as good as busy.
//! 3. `consumer` is moved by the holder of `reading`, after it has made the record's words zero; a producer that sees it may write there.
//!    It does not pass a busy record, so nobody writes over one.
use crate::memory::{Charge, allocate};
use crate::ops::Ops;
use crate::sync::{AtomicBool, AtomicU64, fence};
use crate::words::{Row, Words};
use crate::{MapError, MapSpec};
use alloc::sync::Arc;
use axbpf_abi::flags::*;
use axbpf_platform::{IrqGuard, wake};
use core::fmt;
use core::sync::atomic::Ordering::*;
use core::task::{Context, Poll};

const HEADER: u64 = BPF_RINGBUF_HDR_SZ as u64;
const BUSY: u64 = BPF_RINGBUF_BUSY_BIT as u64;
const DISCARD: u64 = BPF_RINGBUF_DISCARD_BIT as u64;
/// A header has no more bits for a length (Linux: RINGBUF_MAX_RECORD_SZ).
const LONGEST: u64 = DISCARD - 1;

/// A ring buffer. Programs reach it through [`Map`](crate::Map), readers through [`consume`](Self::consume) or [`poll_next`](Self::poll_next).
pub struct Ringbuf {
    /// Word 0 is the address of this, for programs that only have a record; data follows from `FIRST` on.
    words: Words,
    _charge: Charge,
    /// Bytes of the ring; a power of two.
    size: u64,
    /// Bytes of the longest record.
    longest: u64,
    consumer: AtomicU64,
    producer: AtomicU64,
    reading: AtomicBool,
    dropped: AtomicU64,
    reader: Arc<wake::Reader>,
}

/// Words before the data.
const FIRST: usize = 1;

impl fmt::Debug for Ringbuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ringbuf({} of {} bytes)", self.query(Query::AvailData), self.size)
    }
}

/// Records are not elements: no command knows them.
impl Ops for Ringbuf {}

/// A ring buffer the other way round: from tasks to programs, which drain it (Linux: `bpf_user_ringbuf_drain`). Tasks may wait for room.
pub struct UserRing {
    ring: Ringbuf,
    /// Who waits for room.
    room: Arc<wake::Reader>,
    draining: AtomicBool,
}

impl fmt::Debug for UserRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User{:?}", self.ring)
    }
}

impl Ops for UserRing {}

/// Most records that are drained at once (Linux: BPF_MAX_USER_RINGBUF_SAMPLES).
const MOST_DRAINED: u64 = 128 * 1024;

impl UserRing {
    pub(crate) fn new(spec: &MapSpec) -> Result<UserRing, MapError> {
        Ok(UserRing { ring: Ringbuf::new(spec)?, room: Arc::default(), draining: AtomicBool::new(false) })
    }

    /// Gives a record to the programs. [`MapError::Dropped`]: no room, which counts.
    pub fn output(&self, bytes: &[u8]) -> Result<(), MapError> {
        self.ring.output(bytes, 0)
    }

    /// The same, or a wake-up when programs have made room. One task at a time.
    pub fn poll_output(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<(), MapError>> {
        // What never fits waits for nothing.
        if bytes.len() as u64 > self.ring.longest {
            return Poll::Ready(self.output(bytes));
        }
        let fits = || self.ring.query(Query::AvailData) + total(bytes.len() as u64) <= self.ring.size;
        if !fits() {
            self.room.arm(cx.waker());
            // Room that was made before the task was armed woke nobody.
            if !fits() {
                return Poll::Pending;
            }
        }
        Poll::Ready(self.output(bytes))
    }

    /// Gives records to `f`, oldest first, until there are none, or `f` answers `false`; answers how many. `flags`: BPF_RB_NO_WAKEUP and
    /// BPF_RB_FORCE_WAKEUP, about tasks that wait for room. [`MapError::Busy`]: somebody is at it. IRQs off.
    pub fn drain(&self, flags: u64, mut f: impl FnMut(&[u8]) -> bool) -> Result<u64, MapError> {
        if flags & !(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP) != 0 {
            return Err(MapError::Flags(flags));
        }
        if self.draining.swap(true, Acquire) {
            return Err(MapError::Busy);
        }
        let mut count = 0;
        while count < MOST_DRAINED
            && let Some(more) = self.ring.take(&mut f)
        {
            count += 1;
            if !more {
                break;
            }
        }
        self.draining.store(false, Release);
        if flags & BPF_RB_FORCE_WAKEUP != 0 || (count > 0 && flags & BPF_RB_NO_WAKEUP == 0) {
            self.room.notify();
        }
        Ok(count)
    }

    /// Positions and sizes.
    pub fn query(&self, what: Query) -> u64 {
        self.ring.query(what)
    }

    /// Records that found no room.
    pub fn dropped(&self) -> u64 {
        self.ring.dropped()
    }
}

/// What [`Ringbuf::query`] answers: BPF_RB_*.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Query {
    /// Bytes that are not consumed yet, headers included.
    AvailData,
    /// Bytes of the ring.
    RingSize,
    /// Position of the reader.
    ConsPos,
    /// Position behind the last record.
    ProdPos,
}

impl Query {
    /// By its number in `bpf_ringbuf_query`.
    pub fn from_u64(number: u64) -> Option<Query> {
        Some(match number {
            BPF_RB_AVAIL_DATA => Query::AvailData,
            BPF_RB_RING_SIZE => Query::RingSize,
            BPF_RB_CONS_POS => Query::ConsPos,
            BPF_RB_PROD_POS => Query::ProdPos,
            _ => return None,
        })
    }
}

/// Bytes of a record with its header.
fn total(len: u64) -> u64 {
    (len + HEADER).next_multiple_of(8)
}

/// Length in a header, without its marks.
fn len_of(header: u64) -> u64 {
    header & LONGEST
}

/// A record's bytes.
#[allow(unsafe_code, reason = "a submitted record belongs to the reader")]
fn bytes<'a>(record: Row<'a>, len: usize) -> &'a [u8] {
    // SAFETY: 1. The record lies within the two areas: it begins in the first and is no longer than one. 2. It is submitted, so nobody
    //    writes it until `consumer` has passed it, which `take_first` does after this slice's last use.
    unsafe { core::slice::from_raw_parts(record.ptr(), len) }
}

impl Ringbuf {
    pub(crate) fn new(spec: &MapSpec) -> Result<Ringbuf, MapError> {
        let (words, _charge) = allocate((spec.max_entries as usize / 4).checked_add(FIRST))?;
        Ok(Ringbuf {
            words,
            _charge,
            size: spec.max_entries.into(),
            longest: (u64::from(spec.max_entries) - HEADER).min(LONGEST),
            consumer: AtomicU64::new(0),
            producer: AtomicU64::new(0),
            reading: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            reader: Arc::default(),
        })
    }

    /// Makes it smaller than any may be, for models.
    #[cfg(all(test, loom))]
    pub(crate) fn shrink(&mut self, size: u64) {
        self.size = size;
        self.longest = size - HEADER;
    }

    /// The word at a position.
    fn word(&self, pos: u64) -> usize {
        FIRST + (pos & (self.size - 1)) as usize / 8
    }

    /// Reserves a record of `len` bytes, which [`commit`](Self::commit) ends; answers the word of its header. `None`: no room, which counts as
    /// dropped. From any context; it waits for nobody.
    #[inline(always)]
    fn reserve_word(&self, len: u64) -> Option<usize> {
        if len <= self.longest {
            let total = total(len);
            // In this order: a position of the producer is never before an earlier one of the consumer.
            let mut consumer = self.consumer.load(Acquire);
            let mut producer = self.producer.load(Relaxed);
            loop {
                if producer + total - consumer > self.size {
                    let now = self.consumer.load(Acquire);
                    if now == consumer {
                        break;
                    }
                    consumer = now;
                    producer = self.producer.load(Relaxed);
                    continue;
                }
                // Relaxed: who reads, or writes over it, goes by headers and by `consumer`.
                match self.producer.compare_exchange_weak(producer, producer + total, Relaxed, Relaxed) {
                    Ok(_) => {
                        // The upper half, Linux's page offset, says how many words before the record the ring's own begin.
                        let word = self.word(producer);
                        self.words.at(word).store((word as u64) << 32 | BUSY | len, Relaxed);
                        return Some(word);
                    }
                    Err(now) => producer = now,
                }
            }
        }
        self.dropped.fetch_add(1, Relaxed);
        None
    }

    /// The same, by address: of the record, 8-byte aligned, with its header before it.
    #[inline(always)]
    pub(crate) fn reserve(&self, len: u64) -> Option<*mut u8> {
        self.reserve_word(len).map(|word| self.words.ptr(word + 1))
    }

    /// Ends a reservation: the record can be read, or is passed over. IRQs off.
    #[inline(always)]
    fn commit(&self, word: usize, discard: bool, flags: u64) {
        let header = self.words.at(word);
        let len = len_of(header.load(Relaxed));
        header.store((word as u64) << 32 | len | if discard { DISCARD } else { 0 }, Release);
        // Against a reader that goes to sleep: it has stored its position before it arms itself, which is a fence too, and looks for records
        // after that. Either it sees this one, or its position is seen here.
        fence(SeqCst);
        let first = self.word(self.consumer.load(Relaxed)) == word;
        if flags & BPF_RB_FORCE_WAKEUP != 0 || (first && flags & BPF_RB_NO_WAKEUP == 0) {
            self.reader.notify();
        }
    }

    /// Submits or discards a record of any ring.
    ///
    /// # Safety
    ///
    /// `record` is from [`Map::reserve`](crate::Map::reserve), and not committed yet; its ring lives.
    #[allow(unsafe_code, reason = "a program has nothing but the record's address")]
    #[inline(always)]
    pub unsafe fn commit_record(record: *mut u8, discard: bool, flags: u64) {
        // SAFETY: 1. A header stands before every record. 2. Its upper half leads back to word 0, which holds the ring's address (`attach`).
        let (ring, word) = unsafe {
            let header = record.cast::<AtomicU64>().sub(1);
            let word = ((*header).load(Relaxed) >> 32) as usize;
            let ring = (*header.sub(word)).load(Relaxed) as usize;
            (&*core::ptr::with_exposed_provenance::<Ringbuf>(ring), word)
        };
        ring.commit(word, discard, flags);
    }

    /// Tells records where their ring is. It does not move from here on.
    pub(crate) fn attach(&self) {
        self.words.at(0).store(core::ptr::from_ref(self).expose_provenance() as u64, Release);
    }

    /// Copies a record in whole.
    pub fn output(&self, bytes: &[u8], flags: u64) -> Result<(), MapError> {
        self.output_pieces([bytes, &[]], flags)
    }

    /// The same, of two pieces, one right behind the other.
    pub(crate) fn output_pieces(&self, [first, second]: [&[u8]; 2], flags: u64) -> Result<(), MapError> {
        if flags & !(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP) != 0 {
            return Err(MapError::Flags(flags));
        }
        let _section = IrqGuard::new();
        let word = self.reserve_word((first.len() + second.len()) as u64).ok_or(MapError::Dropped)?;
        let record = self.words.row(word + 1);
        record.put(first);
        let (whole, odd) = (first.len() / 8, first.len() % 8);
        if odd == 0 {
            record.from(whole).put(second);
        } else if !second.is_empty() {
            // The word that both share, then the rest.
            let (shared, rest) = second.split_at(second.len().min(8 - odd));
            let mut bytes = [0; 8];
            bytes[..odd].copy_from_slice(&first[whole * 8..]);
            bytes[odd..odd + shared.len()].copy_from_slice(shared);
            record.from(whole).put(&bytes);
            record.from(whole + 1).put(rest);
        }
        self.commit(word, false, flags);
        Ok(())
    }

    /// Positions and sizes, as they are at some moment during the call.
    pub fn query(&self, what: Query) -> u64 {
        let (consumer, producer) = (self.consumer.load(Acquire), self.producer.load(Acquire));
        match what {
            Query::AvailData => producer.saturating_sub(consumer),
            Query::RingSize => self.size,
            Query::ConsPos => consumer,
            Query::ProdPos => producer,
        }
    }

    /// Records that found no room, or could not be reserved.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Gives every record that is there to `f`, oldest first; answers how many. Waits for nothing: a record that is not submitted yet ends
    /// it. 0 too while another task is reading. From task context.
    pub fn consume(&self, mut f: impl FnMut(&[u8])) -> usize {
        let mut count = 0;
        while self.take(&mut f).is_some() {
            count += 1;
        }
        count
    }

    /// Gives the oldest record to `f`. `None`: there is none, or another task is reading.
    pub fn take<R>(&self, f: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.take_words(|record, len| f(bytes(record, len)))
    }

    /// The same by words, and how many bytes of them belong to the record.
    pub(crate) fn take_words<R>(&self, f: impl FnOnce(Row<'_>, usize) -> R) -> Option<R> {
        if self.reading.swap(true, Acquire) {
            return None;
        }
        let result = self.take_first(f);
        self.reading.store(false, Release);
        result
    }

    fn take_first<R>(&self, f: impl FnOnce(Row<'_>, usize) -> R) -> Option<R> {
        loop {
            let consumer = self.consumer.load(Relaxed);
            if consumer == self.producer.load(Acquire) {
                return None;
            }
            let word = self.word(consumer);
            let header = self.words.at(word).load(Acquire);
            if header == 0 || header & BUSY != 0 {
                return None;
            }
            let len = len_of(header);
            let total = total(len);
            let free = || {
                self.words.row(word).clear(total as usize / 8);
                self.consumer.store(consumer + total, Release);
            };
            if header & DISCARD != 0 {
                free();
                // The reader may be armed already: the next record's producer sees this position, or its header is seen here.
                fence(SeqCst);
                continue;
            }
            let result = f(self.words.row(word + 1), len as usize);
            free();
            return Some(result);
        }
    }

    /// The oldest record through `f`, or a wake-up when there is one. One task at a time.
    pub fn poll_next<R>(&self, cx: &mut Context<'_>, mut f: impl FnMut(&[u8]) -> R) -> Poll<R> {
        if let Some(result) = self.take(&mut f) {
            return Poll::Ready(result);
        }
        self.reader.arm(cx.waker());
        // What was submitted before the reader was armed woke nobody.
        self.take(f).map_or(Poll::Pending, Poll::Ready)
    }
}
