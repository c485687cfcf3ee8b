//! Stack traces by number (Linux: kernel/bpf/stackmap.c). A trace's number is its hash cut to the number of buckets, so the same one has the
//! same number as long as no other takes its bucket.
//!
//! Invariants:
//! 1. A bucket holds the number of an element, or none; who exchanges it owns the one that was there.
//! 2. The version in an element's header is odd while its trace is written. Who copies a trace looks at it before and after.
use crate::bytes;
use crate::memory::{Charge, boxed};
use crate::ops::Ops;
use crate::store::{FREE, Flat, NONE, Store, header, version_of};
use crate::sync::{AtomicU32, fence, spin_loop};
use crate::{MapError, MapSpec};
use alloc::boxed::Box;
use axbpf_abi::flags::*;
use axbpf_platform::{IrqGuard, cpu_count};
use core::fmt;
use core::sync::atomic::Ordering::*;

/// Words of an element: header, hash and number of addresses, the addresses.
pub(crate) struct StackTrace {
    buckets: Box<[AtomicU32]>,
    traces: Flat,
    /// Most addresses of a trace.
    depth: usize,
    _charge: Charge,
}

impl fmt::Debug for StackTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = self.buckets.iter().filter(|bucket| bucket.load(Relaxed) != NONE).count();
        write!(f, "StackTrace({used} of {})", self.buckets.len())
    }
}

/// What the helper may be asked for; the low 8 bits are how many frames to leave out.
const KNOWN: u64 = BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK | BPF_F_FAST_STACK_CMP | BPF_F_REUSE_STACKID;

impl StackTrace {
    pub(crate) fn new(spec: &MapSpec) -> Result<StackTrace, MapError> {
        let (entries, depth) = (spec.max_entries as usize, spec.value_size as usize / 8);
        let buckets = entries.next_power_of_two();
        let _charge = Charge::new(buckets.checked_mul(size_of::<AtomicU32>()))?;
        // One for each CPU that is about to exchange its bucket's.
        let traces = Flat::new(entries + cpu_count(), depth.checked_add(2))?;
        Ok(StackTrace { buckets: boxed(buckets, || AtomicU32::new(NONE))?, traces, depth, _charge })
    }

    /// The number of a trace, innermost address first; it is put in if it is not there. IRQs off.
    pub(crate) fn id_of(&self, trace: &[u64], flags: u64) -> Result<u32, MapError> {
        if flags & !KNOWN != 0 {
            return Err(MapError::Flags(flags));
        }
        let trace = trace.get(flags as usize & BPF_F_SKIP_FIELD_MASK as usize..).filter(|rest| !rest.is_empty());
        let trace = trace.ok_or(MapError::NoTrace)?;
        let trace = &trace[..trace.len().min(self.depth)];
        let hash = trace
            .iter()
            .fold(0x9e37_79b9_7f4a_7c15u64, |hash, address| (hash.rotate_left(5) ^ address).wrapping_mul(0x517c_c1b7_2722_0a95));
        let hash = (hash >> 32) as u32;
        let id = hash & (self.buckets.len() - 1) as u32;
        let bucket = &self.buckets[id as usize];
        let there = bucket.load(Acquire);
        let known = u64::from(hash) << 32 | trace.len() as u64;
        if there != NONE {
            let element = self.traces.element(there);
            let same_hash = element.at(1).load(Relaxed) >> 32 == u64::from(hash);
            let fast = flags & BPF_F_FAST_STACK_CMP != 0;
            let same = || element.at(1).load(Relaxed) == known && element.from(2).take(trace.len()).eq(trace.iter().copied());
            if same_hash && (fast || same()) {
                return Ok(id);
            }
            if flags & BPF_F_REUSE_STACKID == 0 {
                return Err(MapError::Exists);
            }
        }
        let new = self.traces.take().ok_or(MapError::Reserve)?;
        let element = self.traces.element(new);
        let version = version_of(element.at(0).load(Relaxed)) | 1;
        element.at(0).store(header(FREE, version), Relaxed);
        fence(Release);
        element.at(1).store(known, Relaxed);
        for (i, &address) in trace.iter().enumerate() {
            element.at(2 + i).store(address, Relaxed);
        }
        element.at(0).store(header(NONE, version.wrapping_add(1)), Release);
        self.give(bucket.swap(new, AcqRel));
        Ok(id)
    }

    fn give(&self, i: u32) {
        if i != NONE {
            let link = self.traces.header(i);
            link.store(header(FREE, version_of(link.load(Relaxed)) | 1), Release);
            self.traces.give(i);
        }
    }

    /// Copies a trace out, zeros behind it; `false`: it was being written.
    fn copy(&self, i: u32, out: &mut [u8]) -> bool {
        let element = self.traces.element(i);
        let version = version_of(element.at(0).load(Acquire));
        let len = (element.at(1).load(Relaxed) as u32 as usize).min(self.depth);
        let (trace, rest) = out.split_at_mut(len * 8);
        element.from(2).get(trace);
        rest.fill(0);
        fence(Acquire);
        version & 1 == 0 && version_of(element.at(0).load(Relaxed)) == version
    }

    fn index(&self, key: &[u8]) -> Option<&AtomicU32> {
        self.buckets.get(bytes::index(key)? as usize)
    }
}

impl Ops for StackTrace {
    /// The addresses; the rest is zero.
    fn lookup(&self, key: &[u8], out: &mut [u8], _flags: u64) -> Result<(), MapError> {
        let bucket = self.index(key).ok_or(MapError::NoSuchKey)?;
        let _section = IrqGuard::new();
        loop {
            let there = bucket.load(Acquire);
            if there == NONE {
                return Err(MapError::NoSuchKey);
            }
            if self.copy(there, out) {
                return Ok(());
            }
            spin_loop();
        }
    }

    fn update(&self, _key: &[u8], _value: &[u8], _flags: u64) -> Result<(), MapError> {
        Err(MapError::Operation)
    }

    fn delete(&self, key: &[u8]) -> Result<(), MapError> {
        let bucket = self.index(key).ok_or(MapError::Index)?;
        let _section = IrqGuard::new();
        match bucket.swap(NONE, AcqRel) {
            NONE => Err(MapError::NoSuchKey),
            there => {
                self.give(there);
                Ok(())
            }
        }
    }

    fn lookup_and_delete(&self, key: &[u8], out: &mut [u8], _flags: u64) -> Result<(), MapError> {
        let bucket = self.index(key).ok_or(MapError::NoSuchKey)?;
        let _section = IrqGuard::new();
        match bucket.swap(NONE, AcqRel) {
            NONE => Err(MapError::NoSuchKey),
            // Nobody else has it.
            there => {
                self.copy(there, out);
                self.give(there);
                Ok(())
            }
        }
    }

    /// The next number that has a trace.
    fn next_key(&self, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), MapError> {
        let from = match key.and_then(bytes::index) {
            Some(id) if (id as usize) < self.buckets.len() => id as usize + 1,
            _ => 0,
        };
        let next = (from..self.buckets.len()).find(|&id| self.buckets[id].load(Relaxed) != NONE).ok_or(MapError::NoSuchKey)?;
        out.copy_from_slice(&(next as u32).to_le_bytes());
        Ok(())
    }
}
