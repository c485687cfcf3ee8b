//! Hashes. Elements are allocated with the map; buckets are lists of them. Readers take no lock.
//!
//! Invariants:
//! 1. A bucket's list changes only under the bucket's lock, each time by one store, so whoever walks it meanwhile sees it before or after.
//! 2. A list ends with the number of its bucket, marked. An element may be taken out and put into another list while somebody stands on
//!    it: who comes to another list's end begins again. Within the same list it comes to the front, so nothing is passed over.
//! 3. The version in an element's header is odd while its key is written. Who compares keys, or copies a value for a task, looks at it
//!    before and after.
//! 4. An element is in one list or free, never both. Who stands on a free one begins again: its link is marked.
//! 5. An element that replaces another comes to the front, and the other goes: who has passed the front by then meets neither. So
//!    `replaced` counts between the two, and who finds nothing looks at it before and after.
mod ops;

use crate::bytes;
use crate::lock::Lock;
use crate::lru::Clock;
use crate::memory::{Charge, boxed};
use crate::store::{FREE, Flat, Growing, NONE, Store, View, header, is_whole, next_of, version_of};
use crate::sync::{AtomicU16, AtomicU32, AtomicUsize, fence, spin_loop};
use crate::value::Layout;
use crate::words::Row;
use crate::{MapError, MapSpec};
use alloc::boxed::Box;
use axbpf_abi::MapType;
use axbpf_abi::flags::*;
use axbpf_platform::{IrqGuard, cpu_count, cpu_id, monotonic_ns};
use core::fmt;
use core::sync::atomic::Ordering::*;

/// Marks the end of a list; the rest is the bucket's number.
const END: u32 = 1 << 31;

/// The lock stands at a multiple of 4 bytes: where atomics have no bytes, it is the beginning of a word.
#[repr(C, align(8))]
struct Bucket {
    head: AtomicU32,
    lock: Lock,
    /// Elements that were replaced here, modulo 2^16: nobody sleeps through as many between two loads of one walk. Beside the lock it costs
    /// no memory.
    replaced: AtomicU16,
}

/// A hash, or a hash with a value a CPU. Behind an element's header are its key, then its value or values.
pub(crate) struct Hash<S> {
    store: S,
    buckets: Box<[Bucket]>,
    _charge: Charge,
    /// Bytes of a key and of a value.
    key_size: usize,
    value_size: usize,
    /// Words of a key.
    key: usize,
    /// Words of a value.
    stride: usize,
    /// How far a hash is shifted to be the number of its bucket.
    shift: u32,
    /// 1, or the number of CPUs.
    cpus: usize,
    max_entries: usize,
    count: AtomicUsize,
    /// An odd number.
    seed: u64,
    layout: Layout,
    /// Those of an LRU hash: when all elements are in use, one goes that was not asked for lately.
    lru: Option<Clock>,
}

/// An element that has a key.
#[derive(Clone, Copy)]
struct Found<'a> {
    i: u32,
    element: Row<'a>,
    version: u32,
}

impl Found<'_> {
    /// Whether what was read of it since it was found is of that key.
    #[inline(always)]
    fn is_still(&self) -> bool {
        fence(Acquire);
        version_of(self.element.at(0).load(Relaxed)) == self.version
    }
}

impl<S> fmt::Debug for Hash<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({} of {})", self.count.load(Relaxed), self.max_entries)
    }
}

/// Nobody outside knows the time to the nanosecond, nor how many hashes there were.
pub(crate) fn random() -> u64 {
    static STATE: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(0);
    let mut x = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Relaxed) ^ monotonic_ns().rotate_left(32);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

/// The elements of a hash: how many, and words of each.
fn elements(spec: &MapSpec) -> Result<(usize, Option<usize>), MapError> {
    // Replacing an element takes a free one first. A CPU replaces one at a time: a probe in the midst of it finds the lock busy. Where there
    // is a value for each CPU, they are changed in place.
    let (cpus, replacing) = if spec.per_cpu() { (cpu_count(), 0) } else { (1, cpu_count()) };
    let count = spec.max_entries as usize + replacing;
    if count >= NONE as usize {
        return Err(MapError::TooLarge { field: "max_entries", value: spec.max_entries.into() });
    }
    let values = (spec.stride() / 8).checked_mul(cpus);
    Ok((count, values.and_then(|values| values.checked_add(1 + (spec.key_size as usize).div_ceil(8)))))
}

impl Hash<Flat> {
    pub(crate) fn new(spec: &MapSpec) -> Result<Self, MapError> {
        let (count, words) = elements(spec)?;
        let is_lru = matches!(spec.map_type, MapType::LruHash | MapType::LruPercpuHash);
        let lru = if is_lru { Some(Clock::new(count)?) } else { None };
        Hash::with(spec, Flat::new(count, words)?, lru)
    }
}

impl Hash<Growing> {
    /// A hash that grows.
    pub(crate) fn growing(spec: &MapSpec) -> Result<Self, MapError> {
        let (count, words) = elements(spec)?;
        Hash::with(spec, Growing::new(count, words)?, None)
    }
}

#[cfg(not(all(test, loom)))]
const _: () = assert!(size_of::<Bucket>() == 8);

impl<S: Store> Hash<S> {
    fn with(spec: &MapSpec, store: S, lru: Option<Clock>) -> Result<Self, MapError> {
        let max_entries = spec.max_entries as usize;
        // Two at least: a hash is not shifted away.
        let buckets = max_entries.next_power_of_two().max(2);
        let _charge = Charge::new(buckets.checked_mul(size_of::<Bucket>()))?;
        let mut number = 0;
        let buckets = boxed(buckets, || {
            number += 1;
            Bucket { head: AtomicU32::new(END | (number - 1)), replaced: AtomicU16::new(0), lock: Lock::new() }
        })?;
        // Odd, and with as many ones as zeros.
        let seed = 0x9e37_79b9_7f4a_7c15 ^ if spec.flags & BPF_F_ZERO_SEED != 0 { 0 } else { random() & !1 };
        Ok(Hash {
            store,
            shift: u64::BITS - buckets.len().trailing_zeros(),
            buckets,
            _charge,
            key_size: spec.key_size as usize,
            value_size: spec.value_size as usize,
            key: (spec.key_size as usize).div_ceil(8),
            stride: spec.stride() / 8,
            cpus: if spec.per_cpu() { cpu_count() } else { 1 },
            max_entries,
            count: AtomicUsize::new(0),
            seed,
            layout: Layout::new(spec.fields),
            lru,
        })
    }

    /// One step for each word of the key: multiplication by a random odd number, of which the upper bits count.
    #[inline]
    fn step(&self, hash: u64, word: u64) -> u64 {
        (hash ^ hash >> 17 ^ word).wrapping_mul(self.seed)
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        if self.key == 1 { self.hash_word(bytes::word(key)) } else { self.hash_words(key) }
    }

    #[inline(always)]
    fn hash_word(&self, word: u64) -> u64 {
        self.finish(word.wrapping_mul(self.seed))
    }

    /// A second multiplication, or keys at equal distances would come to stand at equal distances, which with some seeds are few places.
    #[inline(always)]
    fn finish(&self, hash: u64) -> u64 {
        self.step(hash, 0)
    }

    fn hash_words(&self, key: &[u8]) -> u64 {
        let hash = match bytes::words(key) {
            Some((words, rest)) => {
                let hash = words.iter().fold(0, |hash, word| self.step(hash, u64::from_le(*word)));
                if rest.is_empty() { hash } else { self.step(hash, bytes::word(rest)) }
            }
            None => key.chunks(8).fold(0, |hash, word| self.step(hash, bytes::word(word))),
        };
        self.finish(hash)
    }

    #[inline]
    fn number(&self, hash: u64) -> u32 {
        (hash >> self.shift) as u32
    }

    /// The hash of the key that stands in an element.
    fn hash_of(&self, i: u32) -> u64 {
        let key = self.key_of(i);
        if self.key == 1 {
            return self.hash_word(key.at(0).load(Relaxed));
        }
        self.finish(key.take(self.key).fold(0, |hash, word| self.step(hash, word)))
    }

    /// Where an element's key stands.
    #[inline(always)]
    fn key_of(&self, i: u32) -> Row<'_> {
        self.store.element(i).from(1)
    }

    /// Where an element's value stands, of a CPU.
    #[inline(always)]
    fn value_of(&self, i: u32, cpu: usize) -> Row<'_> {
        self.value_in(self.store.element(i), cpu)
    }

    /// The same, of an element that was found.
    #[inline(always)]
    fn value_in<'a>(&self, element: Row<'a>, cpu: usize) -> Row<'a> {
        let first = 1 + self.key;
        element.from(if self.cpus == 1 { first } else { first + cpu * self.stride })
    }

    /// The element with this key.
    #[inline(always)]
    fn find(&self, hash: u64, key: &[u8]) -> Option<Found<'_>> {
        if self.key == 1 {
            let word = bytes::word(key);
            self.search(hash, |element| element.at(1).load(Relaxed) == word)
        } else {
            self.search(hash, |element| element.from(1).is(key))
        }
    }

    /// Hashes and finds.
    #[inline(always)]
    fn find_key(&self, key: &[u8]) -> Option<Found<'_>> {
        if self.key == 1 { self.find_word(bytes::word(key)) } else { self.find(self.hash(key), key) }
    }

    /// The same for a key of one word.
    #[inline(always)]
    fn find_word(&self, word: u64) -> Option<Found<'_>> {
        let hash = self.hash_word(word);
        self.meet(hash, |element| element.at(1).load(Relaxed) == word).or_else(|| self.find_word_again(hash, word))
    }

    /// After one that was not met: it is not there, or the list has changed.
    #[inline(never)]
    fn find_word_again(&self, hash: u64, word: u64) -> Option<Found<'_>> {
        self.search(hash, |element| element.at(1).load(Relaxed) == word)
    }

    /// The element with this hash that is `the_one`, if it is met on the way through the list: short enough to be everywhere.
    #[inline(always)]
    fn meet(&self, hash: u64, the_one: impl Fn(Row<'_>) -> bool) -> Option<Found<'_>> {
        let store = self.store.view();
        let mut i = self.buckets.get(self.number(hash) as usize)?.head.load(Acquire);
        while i & (END | FREE) == 0 {
            let element = store.element(i);
            let header = element.at(0).load(Acquire);
            if the_one(element) {
                let found = Found { i, element, version: version_of(header) };
                return (is_whole(header) && found.is_still()).then_some(found);
            }
            i = next_of(header);
        }
        None
    }

    /// The element with this hash that is `the_one` by its key.
    #[inline(always)]
    fn search(&self, hash: u64, mut the_one: impl FnMut(Row<'_>) -> bool) -> Option<Found<'_>> {
        let (number, store) = (self.number(hash), self.store.view());
        let bucket = &self.buckets[number as usize];
        'again: loop {
            let replaced = bucket.replaced.load(Acquire);
            let mut i = bucket.head.load(Acquire);
            while i & (END | FREE) == 0 {
                let element = store.element(i);
                let header = element.at(0).load(Acquire);
                let version = version_of(header);
                if the_one(element) && version & 1 == 0 {
                    let found = Found { i, element, version };
                    if found.is_still() {
                        return Some(found);
                    }
                    continue 'again;
                }
                i = next_of(header);
            }
            // What was read of an element that is used again, its version or parts of its key, was stored after its replacement.
            fence(Acquire);
            if i == END | number && bucket.replaced.load(Relaxed) == replaced {
                return None;
            }
            spin_loop();
        }
    }

    /// The element of a bucket that is `the_one` by its key. Under the bucket's lock, where lists and keys do not change.
    #[inline(always)]
    fn pick(&self, bucket: &Bucket, the_one: impl Fn(Row<'_>) -> bool) -> Option<(u32, Row<'_>)> {
        let store = self.store.view();
        let mut i = bucket.head.load(Relaxed);
        while i & END == 0 {
            let element = store.element(i);
            if the_one(element) {
                return Some((i, element));
            }
            i = next_of(element.at(0).load(Relaxed));
        }
        None
    }

    /// The element of a bucket with this key. Under the bucket's lock.
    fn pick_key(&self, bucket: &Bucket, key: &[u8]) -> Option<(u32, Row<'_>)> {
        if self.key == 1 {
            let word = bytes::word(key);
            self.pick(bucket, |element| element.at(1).load(Relaxed) == word)
        } else {
            self.pick(bucket, |element| element.from(1).is(key))
        }
    }

    /// Takes an element out of its list. Under the bucket's lock.
    fn unlink(&self, bucket: &Bucket, i: u32) {
        let after = next_of(self.store.header(i).load(Relaxed));
        let mut at = bucket.head.load(Relaxed);
        if at == i {
            return bucket.head.store(after, Release);
        }
        loop {
            let link = self.store.header(at);
            let now = link.load(Relaxed);
            if next_of(now) == i {
                return link.store(header(after, version_of(now)), Release);
            }
            at = next_of(now);
        }
    }

    /// Sets a value; `write` puts it into the element, of which it is told whether it is a new one.
    fn set(&self, key: &[u8], flags: u64, replace: bool, write: impl Fn(u32, bool)) -> Result<(), MapError> {
        let (flags, locked) = (flags & !BPF_F_LOCK, flags & BPF_F_LOCK != 0);
        if flags > BPF_EXIST {
            return Err(MapError::Flags(flags));
        }
        let hash = self.hash(key);
        // With the value's own lock, an element is changed in place.
        let replace = replace && !locked;
        loop {
            let result = self.set_once((hash, key), flags, replace, &write)?;
            match (result, &self.lru) {
                (Err(MapError::Full), Some(clock)) => self.evict(clock)?,
                (result, _) => return result,
            }
        }
    }

    fn set_once(
        &self,
        (hash, key): (u64, &[u8]),
        flags: u64,
        replace: bool,
        write: impl Fn(u32, bool),
    ) -> Result<Result<(), MapError>, MapError> {
        let bucket = &self.buckets[self.number(hash) as usize];
        bucket.lock.with(|| {
            let old = self.pick_key(bucket, key).map(|(i, _)| i);
            match (old, flags) {
                (Some(_), BPF_NOEXIST) => return Err(MapError::Exists),
                (None, BPF_EXIST) => return Err(MapError::NoSuchKey),
                (Some(i), _) if !replace => {
                    write(i, false);
                    return Ok(());
                }
                (None, _) => {
                    let grow = |count| (count < self.max_entries).then_some(count + 1);
                    self.count.fetch_update(Relaxed, Relaxed, grow).map_err(|_| MapError::Full)?;
                }
                _ => {}
            }
            let Some(new) = self.store.take() else {
                if old.is_none() {
                    self.count.fetch_sub(1, Relaxed);
                }
                return Err(S::EMPTY);
            };
            let element = self.store.element(new);
            let link = element.at(0);
            let version = version_of(link.load(Relaxed)).wrapping_add(1);
            link.store(header(FREE, version), Relaxed);
            fence(Release);
            element.from(1).put(key);
            write(new, true);
            link.store(header(bucket.head.load(Relaxed), version.wrapping_add(1)), Release);
            if let Some(clock) = &self.lru {
                clock.forget(new);
            }
            bucket.head.store(new, Release);
            if let Some(old) = old {
                // Invariant 5: released with the head before it and by the store that unlinks after it.
                bucket.replaced.fetch_add(1, Release);
                self.unlink(bucket, old);
                self.store.give(old);
            }
            Ok(())
        })
    }

    /// Makes room: takes out an element that was not asked for lately. No lock is held; at most one is, in between.
    fn evict(&self, clock: &Clock) -> Result<(), MapError> {
        // Elements that are free or on their way are passed over; others may evict at the same time, or remove.
        for _ in 0..clock.rounds() {
            let i = clock.next();
            let bucket = &self.buckets[self.number(self.hash_of(i)) as usize];
            let gone = bucket.lock.with(|| {
                let here = self.has(bucket, i);
                if here {
                    self.unlink(bucket, i);
                    self.store.give(i);
                    self.count.fetch_sub(1, Relaxed);
                }
                here
            })?;
            if gone || self.count.load(Relaxed) < self.max_entries {
                return Ok(());
            }
        }
        Err(MapError::Reserve)
    }

    /// Whether an element is in a list. Under the bucket's lock.
    fn has(&self, bucket: &Bucket, i: u32) -> bool {
        let mut at = bucket.head.load(Relaxed);
        while at & (END | FREE) == 0 && at != i {
            at = next_of(self.store.header(at).load(Relaxed));
        }
        at == i
    }

    /// Whether a key is one word, a value one or more, and nothing has to be done but to find it.
    pub(crate) fn is_plain(&self) -> bool {
        self.key == 1 && self.cpus == 1 && self.lru.is_none()
    }

    /// Address of the value of a key of one word, for plain hashes. In a section.
    #[inline(always)]
    pub(crate) fn lookup_word(&self, word: u64) -> Option<*mut u8> {
        Some(self.find_word(word)?.element.from(2).ptr())
    }

    /// The first word of the value of such a key.
    #[inline(always)]
    pub(crate) fn get_word(&self, word: u64) -> Option<u64> {
        let mut value = 0;
        self.search(self.hash_word(word), |element| {
            // Of the same key as long as the version is the same.
            value = element.at(2).load(Relaxed);
            element.at(1).load(Relaxed) == word
        })?;
        Some(value)
    }

    /// Sets the value, of one word, of a key of one word that is there. `None`: it is not, or has to be looked at more closely.
    #[inline(always)]
    pub(crate) fn set_word(&self, word: u64, value: u64, section: &IrqGuard) -> Option<Result<(), MapError>> {
        let bucket = &self.buckets[self.number(self.hash_word(word)) as usize];
        let _held = match bucket.lock.hold_in(section) {
            Ok(held) => held,
            Err(busy) => return Some(Err(busy)),
        };
        self.pick(bucket, |element| element.at(1).load(Relaxed) == word)?.1.at(2).store(value, Relaxed);
        Some(Ok(()))
    }

    pub(crate) fn lookup_ptr(&self, key: &[u8]) -> Option<*mut u8> {
        let cpu = if self.cpus == 1 { 0 } else { cpu_id() };
        let found = self.find_key(key)?;
        if let Some(clock) = &self.lru {
            clock.mark(found.i);
        }
        Some(self.value_in(found.element, cpu).ptr())
    }

    /// Bytes of a value as commands pass it.
    fn value_len(&self) -> usize {
        if self.cpus == 1 { self.value_size } else { self.stride * 8 * self.cpus }
    }

    fn copy_out(&self, element: Row<'_>, out: &mut [u8], flags: u64) {
        let value = self.value_in(element, 0);
        if self.cpus > 1 {
            for (cpu, out) in out.chunks_mut(self.stride * 8).enumerate() {
                value.from(cpu * self.stride).get(out);
            }
        } else if flags & BPF_F_LOCK != 0 {
            self.layout.locked(value, || self.layout.get(value, out));
        } else {
            self.layout.get(value, out);
        }
    }

    /// Sets the only value of an element. One of a word is changed where it stands, by one store; a larger one would be seen half changed.
    fn put(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        self.set(key, flags, self.stride > 1, |i, new| {
            let row = self.value_of(i, 0);
            match (new, flags & BPF_F_LOCK != 0) {
                (true, _) => self.layout.put_new(row, value),
                (_, true) => self.layout.locked(row, || self.layout.put(row, value)),
                _ => self.layout.put(row, value),
            }
        })
    }

    /// Sets the values of all CPUs.
    fn put_all(&self, key: &[u8], values: &[u8], flags: u64) -> Result<(), MapError> {
        self.set(key, flags, false, |i, _| {
            let row = self.value_of(i, 0);
            for (cpu, value) in values.chunks(self.stride * 8).enumerate() {
                row.from(cpu * self.stride).put(value);
            }
        })
    }

    /// The first word of a key's value, for a caller in a section.
    pub(crate) fn word(&self, key: &[u8]) -> Option<u64> {
        loop {
            let found = self.find_key(key)?;
            let word = self.value_in(found.element, 0).at(0).load(Acquire);
            if found.is_still() {
                return Some(word);
            }
        }
    }

    /// From a program: this CPU's value; those of the other CPUs are zero in a new element.
    pub(crate) fn update_here(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        if self.cpus == 1 {
            return self.put(key, value, flags);
        }
        self.set(key, flags, false, |i, new| {
            let row = self.value_of(i, 0);
            if new {
                row.clear(self.stride * self.cpus);
            }
            row.from(cpu_id() * self.stride).put(value);
        })
    }

    /// Removes an element, of which `f` takes what it wants.
    fn remove<R>(&self, key: &[u8], f: impl FnOnce(Row<'_>) -> R) -> Result<R, MapError> {
        let hash = self.hash(key);
        let bucket = &self.buckets[self.number(hash) as usize];
        bucket.lock.with(|| {
            let (i, element) = self.pick_key(bucket, key).ok_or(MapError::NoSuchKey)?;
            self.unlink(bucket, i);
            let result = f(element);
            self.store.give(i);
            self.count.fetch_sub(1, Relaxed);
            Ok(result)
        })?
    }

    // ---- For those who keep something of their own in the values.

    pub(crate) fn store(&self) -> &S {
        &self.store
    }

    /// How many elements there are.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// What `f` sees of a key's value; it may see more than one before the right one.
    pub(crate) fn with_value<R>(&self, key: &[u8], mut f: impl FnMut(Row<'_>) -> R) -> Option<R> {
        let _section = IrqGuard::new();
        loop {
            let found = self.find_key(key)?;
            let result = f(self.value_in(found.element, 0));
            if found.is_still() {
                return Some(result);
            }
        }
    }

    /// Inserts a key whose value `f` writes. IRQs off.
    pub(crate) fn insert_with(&self, key: &[u8], f: impl Fn(Row<'_>)) -> Result<(), MapError> {
        self.set(key, BPF_NOEXIST, false, |i, _| f(self.value_of(i, 0)))
    }

    /// Removes a key, of whose value `f` takes what it wants.
    pub(crate) fn remove_with<R>(&self, key: &[u8], f: impl FnOnce(Row<'_>) -> R) -> Result<R, MapError> {
        self.remove(key, |element| f(self.value_in(element, 0)))
    }

    /// Removes the first element of a bucket whose value `f` wants to be removed, and answers that value's first word.
    pub(crate) fn remove_one(&self, number: u32, f: impl Fn(Row<'_>) -> bool) -> Result<Option<u64>, MapError> {
        let bucket = &self.buckets[number as usize];
        if bucket.head.load(Acquire) & END != 0 {
            return Ok(None);
        }
        bucket.lock.with(|| {
            let mut at = bucket.head.load(Relaxed);
            while at & (END | FREE) == 0 {
                let value = self.value_of(at, 0);
                if f(value) {
                    let word = value.at(0).load(Relaxed);
                    self.unlink(bucket, at);
                    self.store.give(at);
                    self.count.fetch_sub(1, Relaxed);
                    return Some(word);
                }
                at = next_of(self.store.header(at).load(Relaxed));
            }
            None
        })
    }

    /// Copies the key of an element; `false`: it is not in that bucket any more.
    fn copy_key(&self, i: u32, number: u32, out: &mut [u8]) -> bool {
        let element = self.store.element(i);
        let version = version_of(element.at(0).load(Acquire));
        element.from(1).get(out);
        version & 1 == 0 && Found { i, element, version }.is_still() && self.number(self.hash(out)) == number
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Whatever the seed: keys at equal distances, as counters and addresses are, come to stand apart.
    #[test]
    fn keys_at_equal_distances() {
        const KEYS: u64 = 1024;
        let spec = MapSpec { map_type: MapType::Hash, key_size: 8, value_size: 8, max_entries: KEYS as u32, ..MapSpec::default() };
        for _ in 0..200 {
            let hash = Hash::new(&spec).unwrap();
            for distance in [1, 8, 64, 4096, 1 << 32, 0x9e37_79b9_7f4a_7c15] {
                let mut lists = [0u32; KEYS as usize];
                for key in 0..KEYS {
                    let key = key.wrapping_mul(distance);
                    assert_eq!(hash.hash(&key.to_le_bytes()), hash.hash_word(key));
                    lists[hash.number(hash.hash_word(key)) as usize] += 1;
                }
                // How many elements a lookup passes on average: 0.5 if they stand at random.
                let passed: u32 = lists.iter().map(|&len| len * len.saturating_sub(1) / 2).sum();
                assert!(f64::from(passed) / (KEYS as f64) < 6.0, "distance {distance}, seed {:#x}: {passed}", hash.seed);
            }
        }
    }
}
