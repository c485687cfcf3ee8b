//! The records of a ring buffer, for a task that awaits them.
use alloc::sync::Arc;
use alloc::vec::Vec;
use axbpf_abi::MapType;
use axbpf_maps::Map;
use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll};
use futures_core::Stream;

/// Reads a ring buffer: as a [`Stream`], by [`next`](RingBuf::next), or without waiting. Woken by the hit that wrote a record.
#[derive(Debug)]
pub struct RingBuf {
    map: Arc<Map>,
}

/// The map is not a ring buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotRingBuf(pub MapType);

impl fmt::Display for NotRingBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map of type {:?} has no records to read; a ringbuf has", self.0)
    }
}

impl core::error::Error for NotRingBuf {}
