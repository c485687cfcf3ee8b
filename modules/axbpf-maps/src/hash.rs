//! Hashes. Elements are allocated with the map; buckets are lists of them. Readers take no lock.
//!
//! Invariants:
//! 1. A bucket's list changes only under the bucket's lock, each time by one store, so whoever walks it meanwhile sees it before or after.
//! 2. A list ends with the number of its bucket, marked. An element may be taken out and put into another list while somebody stands on
//!    it: who comes to another list's end begins again. Within the same list it comes to the front, so nothing is passed over.
//! 3. `version` of an element is odd while its key is written. Who compares keys, or copies a value for a task, looks at it before and
//!    after.
//! 4. An element is in one list or free, never both. Free ones are a stack whose head carries a count, so that a head taken, freed and
//!    seen again is not taken for the same. Their links are marked: who stands on one begins again.
//! 5. An element that replaces another comes to the front, and the other goes: who has passed the front by then meets neither. So
//!    `replaced` counts between the two, and who finds nothing looks at it before and after.
use crate::bytes;
use crate::lock::Lock;
use crate::lru::Clock;
use crate::memory::{Charge, boxed};
use crate::ops::{Ops, Visit};
use crate::value::Layout;
use crate::words::Words;
use crate::{MapError, MapSpec};
use alloc::boxed::Box;
use axbpf_abi::MapType;
use axbpf_abi::flags::*;
use axbpf_platform::{IrqGuard, cpu_count, cpu_id, monotonic_ns};
use core::fmt;
use core::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering::*, fence};

/// Marks the end of a list; the rest is the bucket's number.
const END: u32 = 1 << 31;
/// Marks the link of a free element; the rest is the next free one.
const FREE: u32 = 1 << 30;
/// No free element.
const NONE: u32 = FREE - 1;

struct Bucket {
    head: AtomicU32,
    /// Elements that were replaced here, modulo 2^16: nobody sleeps through as many between two loads of one walk. Beside the lock it costs
    /// no memory.
    replaced: AtomicU16,
    lock: Lock,
}

/// What an element has besides key and value.
struct Link {
    next: AtomicU32,
    /// Of the key.
    hash: AtomicU32,
    version: AtomicU32,
}

/// A hash, or a hash with a value a CPU.
pub(crate) struct Hash {
    buckets: Box<[Bucket]>,
    links: Box<[Link]>,
    /// Key, then value or values, of each element.
    words: Words,
    _charge: Charge,
    /// Bytes of a key and of a value.
    key_size: usize,
    value_size: usize,
    /// Words of a key.
    key: usize,
    /// Words of a value.
    stride: usize,
    /// Words of an element: key and all values.
    element: usize,
    /// How far a hash is shifted to be the number of its bucket.
    shift: u32,
    /// 1, or the number of CPUs.
    cpus: usize,
    max_entries: usize,
    count: AtomicUsize,
    /// Count and index of the stack of free elements.
    free: AtomicU64,
    /// An odd number.
    seed: u64,
    layout: Layout,
    /// Those of an LRU hash: when all elements are in use, one goes that was not asked for lately.
    lru: Option<Clock>,
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({} of {})", self.count.load(Relaxed), self.max_entries)
    }
}

/// Nobody outside knows the time to the nanosecond, nor how many hashes there were.
pub(crate) fn random() -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(0);
    let mut x = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Relaxed) ^ monotonic_ns().rotate_left(32);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

impl Hash {
    pub(crate) fn new(spec: &MapSpec) -> Result<Hash, MapError> {
        let max_entries = spec.max_entries as usize;
        let (key, stride) = ((spec.key_size as usize).div_ceil(8), spec.stride() / 8);
        // Replacing an element takes a free one first. A CPU replaces one at a time: a probe in the midst of it finds the lock busy. Where
        // there is a value for each CPU, they are changed in place.
        let (cpus, replacing) = if spec.per_cpu() { (cpu_count(), 0) } else { (1, cpu_count()) };
        let elements = max_entries + replacing;
        if elements >= NONE as usize {
            return Err(MapError::TooLarge { field: "max_entries", value: spec.max_entries.into() });
        }
        let size = stride.checked_mul(cpus).and_then(|values| values.checked_add(key));
        let words = size.and_then(|size| size.checked_mul(elements));
        let buckets = max_entries.next_power_of_two();
        let is_lru = matches!(spec.map_type, MapType::LruHash | MapType::LruPercpuHash);
        let lists = elements * (size_of::<Link>() + usize::from(is_lru)) + buckets * size_of::<Bucket>();
        let needs = words.and_then(|words| words.checked_mul(8)).and_then(|bytes| bytes.checked_add(lists));
        let _charge = Charge::new(needs)?;
        let words = words.and_then(Words::new).ok_or(MapError::NoMemory { needs: needs.unwrap_or(usize::MAX) })?;
        let mut next = 0;
        let links = boxed(elements, || {
            next += 1;
            let free = if next == elements { NONE } else { next as u32 };
            Link { next: AtomicU32::new(FREE | free), hash: AtomicU32::new(0), version: AtomicU32::new(0) }
        })?;
        let mut number = 0;
        let buckets = boxed(buckets, || {
            number += 1;
            Bucket { head: AtomicU32::new(END | (number - 1)), replaced: AtomicU16::new(0), lock: Lock::new() }
        })?;
        // Odd, and with as many ones as zeros.
        let seed = 0x9e37_79b9_7f4a_7c15 ^ if spec.flags & BPF_F_ZERO_SEED != 0 { 0 } else { random() & !1 };
        let shift = 32 - buckets.len().trailing_zeros();
        let (count, free) = (AtomicUsize::new(0), AtomicU64::new(0));
        let lru = if is_lru { Some(Clock::new(elements)?) } else { None };
        let layout = Layout::new(spec.fields);
        let (key_size, value_size) = (spec.key_size as usize, spec.value_size as usize);
        Ok(Hash {
            buckets,
            links,
            words,
            _charge,
            key_size,
            value_size,
            key,
            stride,
            element: key + stride * cpus,
            shift,
            cpus,
            max_entries,
            count,
            free,
            seed,
            layout,
            lru,
        })
    }

    /// One step for each word of the key: multiplication by a random odd number, of which the upper bits count.
    #[inline]
    fn step(&self, hash: u64, word: u64) -> u64 {
        (hash ^ hash >> 32 ^ word).wrapping_mul(self.seed)
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u32 {
        if self.key == 1 { (bytes::word(key).wrapping_mul(self.seed) >> 32) as u32 } else { self.hash_words(key) }
    }

    fn hash_words(&self, key: &[u8]) -> u32 {
        let hash = match bytes::words(key) {
            Some((words, rest)) => {
                let hash = words.iter().fold(0, |hash, word| self.step(hash, u64::from_le(*word)));
                if rest.is_empty() { hash } else { self.step(hash, bytes::word(rest)) }
            }
            None => key.chunks(8).fold(0, |hash, word| self.step(hash, bytes::word(word))),
        };
        (hash >> 32) as u32
    }

    #[inline]
    fn number(&self, hash: u32) -> u32 {
        (u64::from(hash) >> self.shift) as u32
    }

    /// First word of an element: of its key.
    #[inline]
    fn key_at(&self, i: u32) -> usize {
        i as usize * self.element
    }

    /// First word of a value.
    #[inline]
    fn value_at(&self, i: u32, cpu: usize) -> usize {
        let first = self.key_at(i) + self.key;
        if self.cpus == 1 { first } else { first + cpu * self.stride }
    }

    /// The element with this key, and its version.
    fn find(&self, hash: u32, key: &[u8]) -> Option<(u32, u32)> {
        self.search(hash, |at| self.words.is(at, key))
    }

    /// The element with this key.
    #[inline]
    fn find_hashed(&self, hash: u32, key: &[u8]) -> Option<u32> {
        let found = if self.key == 1 {
            let word = bytes::word(key);
            self.search(hash, |at| self.words.at(at).load(Relaxed) == word)
        } else {
            self.find(hash, key)
        };
        found.map(|(i, _)| i)
    }

    /// Hashes and finds: most keys are no longer than a word.
    #[inline(always)]
    fn find_key(&self, key: &[u8]) -> Option<(u32, u32)> {
        if self.key == 1 {
            let word = bytes::word(key);
            let hash = (word.wrapping_mul(self.seed) >> 32) as u32;
            self.search(hash, |at| self.words.at(at).load(Relaxed) == word)
        } else {
            self.find(self.hash(key), key)
        }
    }

    /// The element with this hash whose key is `the_one`, and its version.
    #[inline(always)]
    fn search(&self, hash: u32, the_one: impl Fn(usize) -> bool) -> Option<(u32, u32)> {
        let number = self.number(hash);
        let bucket = &self.buckets[number as usize];
        'again: loop {
            let replaced = bucket.replaced.load(Acquire);
            let mut at = bucket.head.load(Acquire);
            while at & (END | FREE) == 0 {
                let link = &self.links[at as usize];
                let version = link.version.load(Acquire);
                if link.hash.load(Relaxed) == hash && version & 1 == 0 && the_one(self.key_at(at)) {
                    fence(Acquire);
                    if link.version.load(Relaxed) == version {
                        return Some((at, version));
                    }
                    continue 'again;
                }
                at = link.next.load(Acquire);
            }
            // What was read of an element that is used again, its version or parts of its key, was stored after its replacement.
            fence(Acquire);
            if at == END | number && bucket.replaced.load(Relaxed) == replaced {
                return None;
            }
            core::hint::spin_loop();
        }
    }

    /// Whether what was read of an element since it had this version is of one key.
    fn is_still(&self, i: u32, version: u32) -> bool {
        fence(Acquire);
        self.links[i as usize].version.load(Relaxed) == version
    }

    /// Takes a free element.
    fn take(&self) -> Option<u32> {
        let mut head = self.free.load(Acquire);
        loop {
            let i = head as u32;
            if i == NONE {
                return None;
            }
            let next = self.links[i as usize].next.load(Relaxed) & !FREE;
            match self.free.compare_exchange_weak(head, (head >> 32).wrapping_add(1) << 32 | u64::from(next), AcqRel, Acquire) {
                Ok(_) => return Some(i),
                Err(now) => head = now,
            }
        }
    }

    fn give(&self, i: u32) {
        let mut head = self.free.load(Relaxed);
        loop {
            self.links[i as usize].next.store(FREE | head as u32, Release);
            match self.free.compare_exchange_weak(head, (head >> 32).wrapping_add(1) << 32 | u64::from(i), Release, Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Takes an element out of its list. Under the bucket's lock.
    fn unlink(&self, bucket: &Bucket, i: u32) {
        let after = self.links[i as usize].next.load(Relaxed);
        let mut at = &bucket.head;
        while at.load(Relaxed) != i {
            at = &self.links[at.load(Relaxed) as usize].next;
        }
        at.store(after, Release);
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
        (hash, key): (u32, &[u8]),
        flags: u64,
        replace: bool,
        write: impl Fn(u32, bool),
    ) -> Result<Result<(), MapError>, MapError> {
        let bucket = &self.buckets[self.number(hash) as usize];
        bucket.lock.with(|| {
            let old = self.find_hashed(hash, key);
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
            let Some(new) = self.take() else {
                if old.is_none() {
                    self.count.fetch_sub(1, Relaxed);
                }
                return Err(MapError::Busy);
            };
            let link = &self.links[new as usize];
            link.version.fetch_add(1, Release);
            fence(Release);
            link.hash.store(hash, Relaxed);
            self.words.put(self.key_at(new), key);
            write(new, true);
            link.next.store(bucket.head.load(Relaxed), Release);
            link.version.fetch_add(1, Release);
            if let Some(clock) = &self.lru {
                clock.forget(new);
            }
            bucket.head.store(new, Release);
            if let Some(old) = old {
                // Invariant 5: released with the head before it and by the store that unlinks after it.
                bucket.replaced.fetch_add(1, Release);
                self.unlink(bucket, old);
                self.give(old);
            }
            Ok(())
        })
    }

    /// Makes room: takes out an element that was not asked for lately. No lock is held; at most one is, in between.
    fn evict(&self, clock: &Clock) -> Result<(), MapError> {
        // Elements that are free or on their way are passed over; others may evict at the same time, or remove.
        for _ in 0..clock.len() {
            let i = clock.next();
            let hash = self.links[i as usize].hash.load(Relaxed);
            let bucket = &self.buckets[self.number(hash) as usize];
            let gone = bucket.lock.with(|| {
                let here = self.has(bucket, i);
                if here {
                    self.unlink(bucket, i);
                    self.give(i);
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
            at = self.links[at as usize].next.load(Relaxed);
        }
        at == i
    }

    /// Whether a key is one word, a value one or more, and nothing has to be done but to find it.
    pub(crate) fn is_plain(&self) -> bool {
        self.key == 1 && self.cpus == 1 && self.lru.is_none()
    }

    /// Address of the value of a key of one word, for plain hashes. In a section.
    #[inline(always)]
    pub(crate) fn find_word(&self, word: u64) -> Option<usize> {
        let hash = (word.wrapping_mul(self.seed) >> 32) as u32;
        let (i, _) = self.search(hash, |at| self.words.at(at).load(Relaxed) == word)?;
        Some(self.key_at(i) + 1)
    }

    /// The first word of the value of such a key.
    #[inline]
    pub(crate) fn get_word(&self, word: u64) -> Option<u64> {
        let hash = (word.wrapping_mul(self.seed) >> 32) as u32;
        loop {
            let (i, version) = self.search(hash, |at| self.words.at(at).load(Relaxed) == word)?;
            let value = self.words.at(self.key_at(i) + 1).load(Relaxed);
            if self.is_still(i, version) {
                return Some(value);
            }
        }
    }

    #[inline]
    pub(crate) fn value_ptr(&self, at: usize) -> *mut u8 {
        self.words.ptr(at)
    }

    /// Sets the value, of one word, of a key of one word that is there. `None`: it is not, or has to be looked at more closely.
    #[inline(always)]
    pub(crate) fn set_word(&self, word: u64, value: u64) -> Option<Result<(), MapError>> {
        let hash = (word.wrapping_mul(self.seed) >> 32) as u32;
        let bucket = &self.buckets[self.number(hash) as usize];
        let set = bucket.lock.with(|| {
            let (i, _) = self.search(hash, |at| self.words.at(at).load(Relaxed) == word)?;
            self.words.at(self.key_at(i) + 1).store(value, Relaxed);
            Some(())
        });
        match set {
            Ok(done) => done.map(Ok),
            Err(busy) => Some(Err(busy)),
        }
    }

    pub(crate) fn lookup_ptr(&self, key: &[u8]) -> Option<*mut u8> {
        let cpu = if self.cpus == 1 { 0 } else { cpu_id() };
        let (i, _) = self.find_key(key)?;
        if let Some(clock) = &self.lru {
            clock.mark(i);
        }
        Some(self.words.ptr(self.value_at(i, cpu)))
    }

    /// Bytes of a value as commands pass it.
    fn value_len(&self) -> usize {
        if self.cpus == 1 { self.value_size } else { self.stride * 8 * self.cpus }
    }

    fn copy_out(&self, i: u32, out: &mut [u8]) {
        if self.cpus == 1 {
            return self.layout.get(&self.words, self.value_at(i, 0), out);
        }
        for (cpu, out) in out.chunks_mut(self.stride * 8).enumerate() {
            self.words.get(self.value_at(i, cpu), out);
        }
    }

    /// Sets the only value of an element. One of a word is changed where it stands, by one store; a larger one would be seen half changed.
    fn put(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        self.set(key, flags, self.stride > 1, |i, new| {
            let at = self.value_at(i, 0);
            match (new, flags & BPF_F_LOCK != 0) {
                (true, _) => self.layout.put_new(&self.words, at, value),
                (_, true) => self.layout.locked(&self.words, at, || self.layout.put(&self.words, at, value)),
                _ => self.layout.put(&self.words, at, value),
            }
        })
    }

    /// The first word of a key's value, for a caller in a section.
    pub(crate) fn word(&self, key: &[u8]) -> Option<u64> {
        loop {
            let (i, version) = self.find_key(key)?;
            let word = self.words.at(self.value_at(i, 0)).load(Acquire);
            if self.is_still(i, version) {
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
            if new {
                self.words.clear(self.value_at(i, 0), self.stride * self.cpus);
            }
            self.words.put(self.value_at(i, cpu_id()), value);
        })
    }

    /// Removes an element, and copies its value out.
    fn remove(&self, key: &[u8], out: Option<&mut [u8]>) -> Result<(), MapError> {
        let hash = self.hash(key);
        let bucket = &self.buckets[self.number(hash) as usize];
        bucket.lock.with(|| {
            let (i, _) = self.find(hash, key).ok_or(MapError::NoSuchKey)?;
            self.unlink(bucket, i);
            if let Some(out) = out {
                self.copy_out(i, out);
            }
            self.give(i);
            self.count.fetch_sub(1, Relaxed);
            Ok(())
        })?
    }

    /// Copies the key of an element; `false`: it is not in that bucket any more.
    fn key_of(&self, i: u32, number: u32, out: &mut [u8]) -> bool {
        let link = &self.links[i as usize];
        let version = link.version.load(Acquire);
        self.words.get(self.key_at(i), out);
        let hash = link.hash.load(Relaxed);
        fence(Acquire);
        version & 1 == 0 && link.version.load(Relaxed) == version && self.number(hash) == number
    }
}

impl Ops for Hash {
    fn lookup(&self, key: &[u8], out: &mut [u8], flags: u64) -> Result<(), MapError> {
        let _section = IrqGuard::new();
        loop {
            let (i, version) = self.find_key(key).ok_or(MapError::NoSuchKey)?;
            if flags & BPF_F_LOCK != 0 {
                self.layout.locked(&self.words, self.value_at(i, 0), || self.copy_out(i, out));
            } else {
                self.copy_out(i, out);
            }
            if self.is_still(i, version) {
                return Ok(());
            }
        }
    }

    fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        if self.cpus == 1 {
            return self.put(key, value, flags);
        }
        self.set(key, flags, false, |i, _| {
            for (cpu, value) in value.chunks(self.stride * 8).enumerate() {
                self.words.put(self.value_at(i, cpu), value);
            }
        })
    }

    fn delete(&self, key: &[u8]) -> Result<(), MapError> {
        self.remove(key, None)
    }

    fn lookup_and_delete(&self, key: &[u8], out: &mut [u8], _flags: u64) -> Result<(), MapError> {
        self.remove(key, Some(out))
    }

    /// The key after `key` in the order of buckets; the first one if `key` is not there (any more).
    /// The key after `key` in the order of buckets; the first one if `key` is not there. Where a list changes meanwhile its elements may come
    /// twice, but those that stay are not left out.
    fn next_key(&self, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), MapError> {
        let _section = IrqGuard::new();
        let mut from = 0;
        if let Some(key) = key {
            let hash = self.hash(key);
            let number = self.number(hash);
            if let Some((i, version)) = self.find(hash, key) {
                let next = self.links[i as usize].next.load(Acquire);
                let ends = next & END != 0;
                let stays = self.is_still(i, version) && next & FREE == 0 && (ends || self.key_of(next, number, out));
                if stays && !ends {
                    return Ok(());
                }
                from = number as usize + usize::from(stays);
            }
        }
        for (number, bucket) in self.buckets.iter().enumerate().skip(from) {
            loop {
                let head = bucket.head.load(Acquire);
                if head & END != 0 {
                    break;
                }
                if self.key_of(head, number as u32, out) {
                    return Ok(());
                }
                core::hint::spin_loop();
            }
        }
        Err(MapError::NoSuchKey)
    }

    fn lookup_ptr(&self, key: &[u8]) -> Option<*mut u8> {
        self.lookup_ptr(key)
    }

    fn update_here(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        self.update_here(key, value, flags)
    }

    fn buckets(&self) -> u32 {
        self.buckets.len() as u32
    }

    fn bucket(&self, number: u32, keys: &mut [u8], values: &mut [u8], flags: u64, delete: bool) -> Result<usize, MapError> {
        let bucket = &self.buckets[number as usize];
        // Most are empty: no lock for them.
        if bucket.head.load(Acquire) & END != 0 {
            return Ok(0);
        }
        bucket.lock.with(|| {
            let elements = || {
                let mut at = bucket.head.load(Relaxed);
                core::iter::from_fn(move || {
                    let here = (at & (END | FREE) == 0).then_some(at)?;
                    at = self.links[here as usize].next.load(Relaxed);
                    Some(here)
                })
            };
            let count = elements().count();
            if count * self.key_size > keys.len() {
                return Err(MapError::NoRoom);
            }
            let out = keys.chunks_mut(self.key_size).zip(values.chunks_mut(self.value_len()));
            for (i, (key, value)) in elements().zip(out) {
                self.words.get(self.key_at(i), key);
                if flags & BPF_F_LOCK != 0 {
                    self.layout.locked(&self.words, self.value_at(i, 0), || self.copy_out(i, value));
                } else {
                    self.copy_out(i, value);
                }
                if delete {
                    self.unlink(bucket, i);
                    self.give(i);
                    self.count.fetch_sub(1, Relaxed);
                }
            }
            Ok(count)
        })?
    }

    /// Bucket by bucket; an element that comes or goes meanwhile is met or not.
    fn for_each(&self, visit: Visit<'_>) -> Result<u64, MapError> {
        let cpu = if self.cpus == 1 { 0 } else { cpu_id() };
        let mut count = 0;
        for bucket in &self.buckets {
            let mut at = bucket.head.load(Acquire);
            while at & (END | FREE) == 0 {
                // Read before the visit, which may remove the element.
                let next = self.links[at as usize].next.load(Acquire);
                count += 1;
                if !visit(self.words.ptr(self.key_at(at)), self.words.ptr(self.value_at(at, cpu))) {
                    return Ok(count);
                }
                at = next;
            }
        }
        Ok(count)
    }
}
