//! The records of a ring buffer, for a task that awaits them.
use alloc::sync::Arc;
use alloc::vec::Vec;
use axbpf_abi::MapType;
use axbpf_maps::{Map, Ringbuf};
use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll};
use futures_core::Stream;

/// Reads a ring buffer: as a [`Stream`], by [`next`](RingBuf::next), or without waiting. The hit that wrote a record wakes the task.
#[derive(Clone, Debug)]
pub struct RingBuf {
    map: Arc<Map>,
}

/// The map is not a ring buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotRingBuf(pub MapType);

impl fmt::Display for NotRingBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map of type {} has no records to read; a ringbuf has", self.0)
    }
}

impl core::error::Error for NotRingBuf {}

impl RingBuf {
    /// A reader of this map. Several take turns: a record goes to one of them.
    pub fn new(map: Arc<Map>) -> Result<RingBuf, NotRingBuf> {
        match map.ringbuf() {
            Some(_) => Ok(RingBuf { map }),
            None => Err(NotRingBuf(map.spec().map_type)),
        }
    }

    fn ring(&self) -> &Ringbuf {
        // `new` saw to it, and a map's kind does not change.
        self.map.ringbuf().unwrap_or_else(|| unreachable!())
    }

    /// The oldest record; sleeps until there is one.
    pub async fn next(&mut self) -> Vec<u8> {
        poll_fn(|cx| self.ring().poll_next(cx, <[u8]>::to_vec)).await
    }

    /// Gives every record that is there to `f`, in place, oldest first; answers how many.
    pub fn consume(&mut self, f: impl FnMut(&[u8])) -> usize {
        self.ring().consume(f)
    }

    /// Sleeps until there are records, then gives all of them to `f`, in place; answers how many.
    pub async fn next_batch(&mut self, mut f: impl FnMut(&[u8])) -> usize {
        let ring = self.ring();
        poll_fn(|cx| ring.poll_next(cx, &mut f)).await;
        1 + ring.consume(f)
    }

    /// Records that found no room.
    pub fn dropped(&self) -> u64 {
        self.ring().dropped()
    }
}

impl Stream for RingBuf {
    type Item = Vec<u8>;

    /// Never ends.
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        self.ring().poll_next(cx, <[u8]>::to_vec).map(Some)
    }
}
