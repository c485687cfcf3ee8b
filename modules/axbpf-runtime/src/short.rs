//! Maps by descriptor without the table's lock, for what commands do most: the first descriptors' maps that have a short way
//! ([`Map::short_key`]).
//!
//! Invariant: a place holds the address of a map that the table holds too. Who closes the descriptor empties the place, and keeps the map
//! until every section that began before has ended.
#![allow(unsafe_code, reason = "a section keeps what it finds here alive")]
use crate::fds::place;
use alloc::sync::Arc;
use axbpf_maps::Map;
use axbpf_platform::IrqGuard;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering::*};

/// Later descriptors go the long way.
const PLACES: usize = 64;

static MAPS: [AtomicPtr<Map>; PLACES] = [const { AtomicPtr::new(null_mut()) }; PLACES];

/// The map that a descriptor stands for, if it is one of these.
#[inline(always)]
pub fn short_map(fd: u32, _section: &IrqGuard) -> Option<&Map> {
    let map = MAPS.get(place(fd))?.load(Acquire);
    // SAFETY: null, or a map that lives at least as long as the section (the invariant).
    unsafe { map.as_ref() }
}

/// The table holds the map from now on.
pub(crate) fn enter(place: usize, map: &Arc<Map>) {
    if let Some(slot) = MAPS.get(place).filter(|_| map.short_key().is_some()) {
        slot.store(Arc::as_ptr(map).cast_mut(), Release);
    }
}

/// The table lets go of what it has at this place; whether sections may still see it.
pub(crate) fn leave(place: usize) -> bool {
    MAPS.get(place).is_some_and(|slot| !slot.swap(null_mut(), AcqRel).is_null())
}
