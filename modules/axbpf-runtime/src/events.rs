//! The records of ring buffers, for a task that awaits them; and records from tasks to programs.
use alloc::sync::Arc;
use alloc::vec::Vec;
use axbpf_abi::MapType;
use axbpf_maps::{Map, MapError, MapSpec, Ringbuf, UserRing};
use axbpf_platform::cpu_count;
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

/// The map is not a ring buffer, or not of that kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotRingBuf(pub MapType);

impl fmt::Display for NotRingBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map of type {} is not of the kind that this reads or writes", self.0)
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

/// Why the events of an array of perf events cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PerfError {
    /// The map is no such array.
    Map(NotRingBuf),
    /// A CPU's ring buffer was not made, or not put into the array.
    Ring(MapError),
}

impl fmt::Display for PerfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map(error) => error.fmt(f),
            Self::Ring(error) => write!(f, "ring buffer of a CPU: {error}"),
        }
    }
}

impl core::error::Error for PerfError {}

/// Reads what programs put out by `bpf_perf_event_output`: one ring buffer a CPU, in a BPF_MAP_TYPE_PERF_EVENT_ARRAY, behind one reader, as
/// libbpf's `perf_buffer`. Dropping it takes the ring buffers out of the array.
#[derive(Debug)]
pub struct PerfBuffer {
    map: Arc<Map>,
    rings: Vec<RingBuf>,
    /// The CPU that is asked first next time, so that a busy one does not keep the others waiting.
    next: usize,
}

impl PerfBuffer {
    /// A reader of this array, with so many bytes for the events of each CPU, a power of two of at least 4096.
    pub fn new(map: Arc<Map>, bytes: u32) -> Result<PerfBuffer, PerfError> {
        let spec = map.spec();
        if spec.map_type != MapType::PerfEventArray {
            return Err(PerfError::Map(NotRingBuf(spec.map_type)));
        }
        let cpus = cpu_count().min(spec.max_entries as usize);
        let ring = MapSpec { map_type: MapType::Ringbuf, max_entries: bytes, name: spec.name, ..MapSpec::default() };
        let mut buffer = PerfBuffer { map: Arc::clone(&map), rings: Vec::with_capacity(cpus), next: 0 };
        for cpu in 0..cpus as u32 {
            let ring = Map::new(&ring).map_err(PerfError::Ring)?;
            map.put_map(&cpu.to_le_bytes(), Arc::clone(&ring), 0).map_err(PerfError::Ring)?;
            buffer.rings.push(RingBuf { map: ring });
        }
        Ok(buffer)
    }

    /// The oldest event of some CPU, with the CPU's number; sleeps until there is one.
    pub async fn next(&mut self) -> (usize, Vec<u8>) {
        poll_fn(|cx| self.poll(cx, |cpu, bytes| (cpu, bytes.to_vec()))).await
    }

    /// Gives every event that is there to `f`, in place, CPU by CPU, oldest first; answers how many.
    pub fn consume(&mut self, mut f: impl FnMut(usize, &[u8])) -> usize {
        self.rings.iter_mut().enumerate().map(|(cpu, ring)| ring.consume(|bytes| f(cpu, bytes))).sum()
    }

    /// Events that found no room, of all CPUs.
    pub fn dropped(&self) -> u64 {
        self.rings.iter().map(RingBuf::dropped).sum()
    }

    fn poll<R>(&mut self, cx: &mut Context<'_>, mut f: impl FnMut(usize, &[u8]) -> R) -> Poll<R> {
        let cpus = self.rings.len();
        for cpu in (self.next..cpus).chain(0..self.next) {
            if let Some(result) = self.rings[cpu].ring().take(|bytes| f(cpu, bytes)) {
                self.next = (cpu + 1) % cpus;
                return Poll::Ready(result);
            }
        }
        // Whichever comes first wakes the task; each looks once more after it was armed.
        for (cpu, ring) in self.rings.iter().enumerate() {
            if let Poll::Ready(result) = ring.ring().poll_next(cx, |bytes| f(cpu, bytes)) {
                return Poll::Ready(result);
            }
        }
        Poll::Pending
    }
}

impl Drop for PerfBuffer {
    fn drop(&mut self) {
        for cpu in 0..self.rings.len() as u32 {
            // Whoever took it out already, or froze the map, has seen to it.
            let _ = self.map.delete(&cpu.to_le_bytes());
        }
    }
}

impl Stream for PerfBuffer {
    type Item = (usize, Vec<u8>);

    /// Never ends.
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(cx, |cpu, bytes| (cpu, bytes.to_vec())).map(Some)
    }
}

/// Gives records to programs, which drain them by `bpf_user_ringbuf_drain`: as libbpf's `user_ring_buffer`.
#[derive(Clone, Debug)]
pub struct UserRingBuf {
    map: Arc<Map>,
}

impl UserRingBuf {
    /// A writer to this map. Several may write.
    pub fn new(map: Arc<Map>) -> Result<UserRingBuf, NotRingBuf> {
        match map.user_ringbuf() {
            Some(_) => Ok(UserRingBuf { map }),
            None => Err(NotRingBuf(map.spec().map_type)),
        }
    }

    fn ring(&self) -> &UserRing {
        // `new` saw to it, and a map's kind does not change.
        self.map.user_ringbuf().unwrap_or_else(|| unreachable!())
    }

    /// Adds a record; [`MapError::Dropped`]: no room.
    pub fn output(&self, bytes: &[u8]) -> Result<(), MapError> {
        self.ring().output(bytes)
    }

    /// Adds a record; sleeps until programs have made room. An error: it never fits.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), MapError> {
        poll_fn(|cx| self.ring().poll_output(cx, bytes)).await
    }

    /// Records that found no room.
    pub fn dropped(&self) -> u64 {
        self.ring().dropped()
    }
}
