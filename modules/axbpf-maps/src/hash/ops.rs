//! Commands and batches of hashes, and the walk over all elements.
use super::{END, Hash};
use crate::MapError;
use crate::ops::{Ops, Visit};
use crate::store::{FREE, Store, next_of};
use crate::sync::spin_loop;
use axbpf_platform::{IrqGuard, cpu_id};
use core::sync::atomic::Ordering::*;

impl<S: Store> Ops for Hash<S> {
    fn lookup(&self, key: &[u8], out: &mut [u8], flags: u64) -> Result<(), MapError> {
        let _section = IrqGuard::new();
        loop {
            let found = self.find_key(key).ok_or(MapError::NoSuchKey)?;
            self.copy_out(found.element, out, flags);
            if found.is_still() {
                return Ok(());
            }
        }
    }

    fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        loop {
            let result = if self.cpus == 1 { self.put(key, value, flags) } else { self.put_all(key, value, flags) };
            if result == Err(MapError::Reserve) && self.lru.is_none() && self.store.prepare() {
                continue;
            }
            return result;
        }
    }

    fn delete(&self, key: &[u8]) -> Result<(), MapError> {
        self.remove(key, |_| ())
    }

    fn lookup_and_delete(&self, key: &[u8], out: &mut [u8], _flags: u64) -> Result<(), MapError> {
        self.remove(key, |element| self.copy_out(element, out, 0))
    }

    /// The key after `key` in the order of buckets; the first one if `key` is not there. Where a list changes meanwhile its elements may come
    /// twice, but those that stay are not left out.
    fn next_key(&self, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), MapError> {
        let _section = IrqGuard::new();
        let mut from = 0;
        if let Some(key) = key {
            let hash = self.hash(key);
            let number = self.number(hash);
            if let Some(found) = self.find(hash, key) {
                let next = next_of(found.element.at(0).load(Acquire));
                let ends = next & END != 0;
                let stays = found.is_still() && next & FREE == 0 && (ends || self.copy_key(next, number, out));
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
                if self.copy_key(head, number as u32, out) {
                    return Ok(());
                }
                spin_loop();
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
                    at = next_of(self.store.header(here).load(Relaxed));
                    Some(here)
                })
            };
            let count = elements().count();
            if count * self.key_size > keys.len() {
                return Err(MapError::NoRoom);
            }
            let out = keys.chunks_mut(self.key_size).zip(values.chunks_mut(self.value_len()));
            for (i, (key, value)) in elements().zip(out) {
                let element = self.store.element(i);
                element.from(1).get(key);
                self.copy_out(element, value, flags);
                if delete {
                    self.unlink(bucket, i);
                    self.store.give(i);
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
                let element = self.store.element(at);
                let next = next_of(element.at(0).load(Acquire));
                count += 1;
                if !visit(element.from(1).ptr(), self.value_in(element, cpu).ptr()) {
                    return Ok(count);
                }
                at = next;
            }
        }
        Ok(count)
    }
}
