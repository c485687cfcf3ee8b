//! Ring buffers from programs. R1 is the address of a [`Map`] that the program keeps alive, or of a record.
#![allow(unsafe_code, reason = "maps and records are addresses; the prototypes say of what")]
use super::readable;
use axbpf_abi::Errno;
use axbpf_abi::flags::BPF_F_CTXLEN_MASK;
use axbpf_maps::{Map, MapError, Query, Ringbuf};

/// The ring buffer that R1 names.
///
/// # Safety
///
/// `map` is R1 of a call whose prototype wants a ring buffer there.
unsafe fn ring<'a>(map: u64) -> Option<&'a Ringbuf> {
    // SAFETY: the caller's.
    unsafe { Map::from_address(map) }.ringbuf()
}

/// `bpf_ringbuf_output(ringbuf, data, size, flags)`: 0, -EAGAIN without room, -EINVAL for flags.
pub(super) extern "C" fn output(map: u64, data: u64, size: u64, flags: u64, _: u64) -> u64 {
    // SAFETY: R1, R2 and R3 by the prototype.
    let (ring, data) = unsafe { (ring(map), readable(data, size)) };
    super::status(ring.ok_or(MapError::Operation).and_then(|ring| ring.output(data, flags)))
}

/// `bpf_ringbuf_reserve(ringbuf, size, flags)`: address of the record, or 0.
pub(super) extern "C" fn reserve(map: u64, size: u64, flags: u64, _: u64, _: u64) -> u64 {
    if flags != 0 {
        return 0;
    }
    // SAFETY: R1 by the prototype.
    unsafe { Map::from_address(map) }.reserve(size).expose_provenance() as u64
}

/// `bpf_ringbuf_submit(data, flags)`.
pub(super) extern "C" fn submit(data: u64, flags: u64, _: u64, _: u64, _: u64) -> u64 {
    // SAFETY: R1 by the prototype: a record of a map that the program keeps alive, given back once.
    unsafe { Ringbuf::commit_record(core::ptr::with_exposed_provenance_mut(data as usize), false, flags) };
    0
}

/// `bpf_ringbuf_discard(data, flags)`.
pub(super) extern "C" fn discard(data: u64, flags: u64, _: u64, _: u64, _: u64) -> u64 {
    // SAFETY: as in `submit`.
    unsafe { Ringbuf::commit_record(core::ptr::with_exposed_provenance_mut(data as usize), true, flags) };
    0
}

/// `bpf_ringbuf_query(ringbuf, what)`; 0 for what it does not know.
pub(super) extern "C" fn query(map: u64, what: u64, _: u64, _: u64, _: u64) -> u64 {
    // SAFETY: R1 by the prototype.
    let ring = unsafe { ring(map) };
    ring.zip(Query::from_u64(what)).map_or(0, |(ring, what)| ring.query(what))
}

/// `bpf_perf_event_output(ctx, map, flags, data, size)`: into the ring buffer of this CPU. -ENOENT: it has none; -ENOSPC: it has no room. Programs
/// of packets may ask in `flags` (BPF_F_CTXLEN_MASK) for so many bytes of the packet behind the data.
pub(super) extern "C" fn perf_event_output(ctx: u64, map: u64, flags: u64, data: u64, size: u64) -> u64 {
    let of_packet = ((flags & BPF_F_CTXLEN_MASK) >> 32) as usize;
    // SAFETY: R1, R2, R4 and R5 by the prototype; IRQs are off in a program.
    let (packet, map, data) = unsafe { (crate::run::packet(ctx), Map::from_address(map), readable(data, size)) };
    super::status(match (of_packet, packet) {
        (0, _) => map.output_event(flags, [data, &[]]).map_err(MapError::errno),
        (_, None) => Err(Errno::EINVAL),
        (len, Some(packet)) => match packet.get(..len) {
            Some(packet) => map.output_event(flags & !BPF_F_CTXLEN_MASK, [data, packet]).map_err(MapError::errno),
            None => Err(Errno::EFAULT),
        },
    })
}
