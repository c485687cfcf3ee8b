//! Queues and stacks: values without keys (Linux: `kernel/bpf/queue_stack_maps.c`).
//!
//! Invariants, under the lock: `len <= entries`; the values stand in a ring of places, the oldest at `first`.
use crate::lock::Lock;
use crate::memory::{Charge, allocate};
use crate::ops::Ops;
use crate::sync::AtomicUsize;
use crate::value::Layout;
use crate::words::Words;
use crate::{MapError, MapSpec};
use axbpf_abi::MapType;
use axbpf_abi::flags::{BPF_ANY, BPF_EXIST};
use core::fmt;
use core::sync::atomic::Ordering::Relaxed;

/// A queue, or a stack.
pub(crate) struct Queue {
    values: Words,
    _charge: Charge,
    lock: Lock,
    /// Place of the oldest value.
    first: AtomicUsize,
    len: AtomicUsize,
    entries: usize,
    /// Words of a value.
    stride: usize,
    layout: Layout,
    /// The newest value is the next one.
    is_stack: bool,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.is_stack { "Stack" } else { "Queue" };
        write!(f, "{name}({} of {})", self.len.load(Relaxed), self.entries)
    }
}

impl Queue {
    pub(crate) fn new(spec: &MapSpec) -> Result<Queue, MapError> {
        let (entries, stride) = (spec.max_entries as usize, spec.stride() / 8);
        let (values, _charge) = allocate(entries.checked_mul(stride))?;
        Ok(Queue {
            values,
            _charge,
            lock: Lock::new(),
            first: AtomicUsize::new(0),
            len: AtomicUsize::new(0),
            entries,
            stride,
            layout: Layout::new(spec.fields),
            is_stack: spec.map_type == MapType::Stack,
        })
    }

    /// First word of the `i`-th oldest value.
    fn at(&self, i: usize) -> usize {
        let place = self.first.load(Relaxed) + i;
        (if place < self.entries { place } else { place - self.entries }) * self.stride
    }

    /// Copies the next value out; without one, zeros.
    fn next(&self, out: &mut [u8], keep: bool) -> Result<(), MapError> {
        self.lock.with(|| {
            let len = self.len.load(Relaxed);
            if len == 0 {
                out.fill(0);
                return Err(MapError::NoSuchKey);
            }
            self.layout.get(self.values.row(self.at(if self.is_stack { len - 1 } else { 0 })), out);
            if !keep {
                if !self.is_stack {
                    self.first.store(self.at(1) / self.stride, Relaxed);
                }
                self.len.store(len - 1, Relaxed);
            }
            Ok(())
        })?
    }
}

impl Ops for Queue {
    fn lookup(&self, _key: &[u8], out: &mut [u8], _flags: u64) -> Result<(), MapError> {
        self.next(out, true)
    }

    fn update(&self, _key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        self.push(value, flags)
    }

    fn delete(&self, _key: &[u8]) -> Result<(), MapError> {
        Err(MapError::Operation)
    }

    fn lookup_and_delete(&self, _key: &[u8], out: &mut [u8], _flags: u64) -> Result<(), MapError> {
        self.next(out, false)
    }

    fn next_key(&self, _key: Option<&[u8]>, _out: &mut [u8]) -> Result<(), MapError> {
        Err(MapError::Operation)
    }

    fn update_here(&self, _key: &[u8], _value: &[u8], _flags: u64) -> Result<(), MapError> {
        Err(MapError::Operation)
    }

    fn push(&self, value: &[u8], flags: u64) -> Result<(), MapError> {
        if !matches!(flags, BPF_ANY | BPF_EXIST) {
            return Err(MapError::Flags(flags));
        }
        self.lock.with(|| {
            let mut len = self.len.load(Relaxed);
            if len == self.entries {
                if flags != BPF_EXIST {
                    return Err(MapError::Full);
                }
                // The oldest goes.
                self.first.store(self.at(1) / self.stride, Relaxed);
                len -= 1;
            }
            self.len.store(len + 1, Relaxed);
            self.layout.put_new(self.values.row(self.at(len)), value);
            Ok(())
        })?
    }

    fn pop(&self, out: &mut [u8]) -> Result<(), MapError> {
        self.next(out, false)
    }

    fn peek(&self, out: &mut [u8]) -> Result<(), MapError> {
        self.next(out, true)
    }
}
