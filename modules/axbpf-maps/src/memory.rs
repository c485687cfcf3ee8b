//! The memory of all maps together, and the limit for it.
use crate::MapError;
use crate::words::Words;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering::*};

static LIMIT: AtomicUsize = AtomicUsize::new(64 << 20);
static USED: AtomicUsize = AtomicUsize::new(0);

/// Most bytes that all maps together may use; 64 MiB unless it was set.
pub fn memory_limit() -> usize {
    LIMIT.load(Relaxed)
}

/// Sets [`memory_limit`]; maps that exist are not affected.
pub fn set_memory_limit(bytes: usize) {
    LIMIT.store(bytes, Relaxed);
}

/// Bytes that all maps together use.
pub fn memory_used() -> usize {
    USED.load(Relaxed)
}

/// Bytes that a map uses, taken from the limit until it goes.
#[derive(Debug)]
pub(crate) struct Charge(usize);

impl Charge {
    /// `None`: more bytes than there are addresses.
    pub(crate) fn new(bytes: Option<usize>) -> Result<Charge, MapError> {
        let needs = bytes.unwrap_or(usize::MAX);
        let take = |used: usize| used.checked_add(needs).filter(|&sum| sum <= memory_limit());
        match USED.fetch_update(Relaxed, Relaxed, take) {
            Ok(_) => Ok(Charge(needs)),
            Err(used) => Err(MapError::Limit { needs, left: memory_limit().saturating_sub(used) }),
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        USED.fetch_sub(self.0, Relaxed);
    }
}

/// Zeroed words that count against the limit.
pub(crate) fn allocate(words: Option<usize>) -> Result<(Words, Charge), MapError> {
    let needs = words.and_then(|words| words.checked_mul(8));
    let charge = Charge::new(needs)?;
    let words = Words::new(charge.0 / 8).ok_or(MapError::NoMemory { needs: charge.0 })?;
    Ok((words, charge))
}

/// A list of so many, made one by one.
pub(crate) fn boxed<T>(len: usize, make: impl FnMut() -> T) -> Result<Box<[T]>, MapError> {
    let mut list = Vec::new();
    list.try_reserve_exact(len).map_err(|_| MapError::NoMemory { needs: len.saturating_mul(size_of::<T>()) })?;
    list.resize_with(len, make);
    Ok(list.into())
}
