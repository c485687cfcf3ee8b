//! Helpers that call the program back: a subprogram of its own, until it answers 1.
#![allow(unsafe_code, reason = "maps, callbacks and their arguments are addresses; the prototypes say of what")]
#[cfg(feature = "axbpf-maps")]
use super::dynptr::Dynptr;
use crate::run::call_back;
use axbpf_abi::Errno;
#[cfg(feature = "axbpf-maps")]
use axbpf_maps::{Map, MapError};

/// Most rounds of [`bpf_loop`](loop_): BPF_MAX_LOOPS.
const MAX_LOOPS: u32 = 8 << 20;

/// A count, or an error number, negative.
fn count<E: Into<Errno>>(result: Result<u64, E>) -> u64 {
    result.unwrap_or_else(|error| error.into().neg() as u64)
}

/// `bpf_for_each_map_elem(map, callback, ctx, flags)`: `callback(map, key, value, ctx)`; how many elements it was called for.
#[cfg(feature = "axbpf-maps")]
pub(super) extern "C" fn for_each_map_elem(map: u64, callback: u64, ctx: u64, flags: u64, _: u64) -> u64 {
    if flags != 0 {
        return count(Err(Errno::EINVAL));
    }
    // SAFETY: R1 by the prototype.
    let elements = unsafe { Map::from_address(map) };
    count(elements.for_each_ptr(|key, value| {
        let args = [map, key.expose_provenance() as u64, value.expose_provenance() as u64, ctx];
        // SAFETY: R2 and R3 by the prototype; key and value are the map's, whose memory stays while the program runs.
        unsafe { call_back(callback, args) == 0 }
    }))
}

/// `bpf_loop(nr_loops, callback, ctx, flags)`: `callback(index, ctx)`; how many rounds there were.
pub(super) extern "C" fn loop_(rounds: u64, callback: u64, ctx: u64, flags: u64, _: u64) -> u64 {
    let rounds = rounds as u32;
    if flags != 0 {
        return count(Err(Errno::EINVAL));
    }
    if rounds > MAX_LOOPS {
        return count(Err(Errno::E2BIG));
    }
    for index in 0..rounds {
        // SAFETY: R2 and R3 by the prototype.
        if unsafe { call_back(callback, [index.into(), ctx, 0, 0]) } != 0 {
            return u64::from(index) + 1;
        }
    }
    rounds.into()
}

/// `bpf_user_ringbuf_drain(map, callback, ctx, flags)`: `callback(dynptr, ctx)` for each record that a task has put in; how many.
#[cfg(feature = "axbpf-maps")]
pub(super) extern "C" fn user_ringbuf_drain(map: u64, callback: u64, ctx: u64, flags: u64, _: u64) -> u64 {
    // SAFETY: R1 by the prototype.
    let ring = unsafe { Map::from_address(map) }.user_ringbuf().ok_or(MapError::Operation);
    count(ring.and_then(|ring| {
        ring.drain(flags, |record| {
            let dynptr = Dynptr::local(record);
            // SAFETY: R2 and R3 by the prototype; record and dynptr live until the callback has returned.
            unsafe { call_back(callback, [dynptr.address(), ctx, 0, 0]) == 0 }
        })
    }))
}
