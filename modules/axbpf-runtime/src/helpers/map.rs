//! Maps from programs. R1 is the address of a [`Map`] that the program keeps alive.
#![allow(unsafe_code, reason = "maps, keys and values are addresses; the prototypes say of what")]
use super::status;
use axbpf_maps::Map;

fn ptr(addr: u64) -> *const u8 {
    core::ptr::with_exposed_provenance(addr as usize)
}

/// `bpf_map_lookup_elem(map, key)`: address of the value, or 0.
pub(super) extern "C" fn lookup_elem(map: u64, key: u64, _: u64, _: u64, _: u64) -> u64 {
    // SAFETY: R1 and R2 by the prototype; IRQs are off in a program.
    unsafe { Map::from_address(map).lookup_ptr(ptr(key)) }.expose_provenance() as u64
}

/// `bpf_map_update_elem(map, key, value, flags)`.
pub(super) extern "C" fn update_elem(map: u64, key: u64, value: u64, flags: u64, _: u64) -> u64 {
    // SAFETY: R1 to R3 by the prototype; IRQs are off in a program.
    status(unsafe { Map::from_address(map).update_ptr(ptr(key), ptr(value), flags) })
}

/// `bpf_map_delete_elem(map, key)`.
pub(super) extern "C" fn delete_elem(map: u64, key: u64, _: u64, _: u64, _: u64) -> u64 {
    // SAFETY: R1 and R2 by the prototype; IRQs are off in a program.
    status(unsafe { Map::from_address(map).delete_ptr(ptr(key)) })
}

/// `bpf_map_lookup_elem` in a hash whose keys have 4 bytes.
pub(super) extern "C" fn lookup_word4(map: u64, key: u64, _: u64, _: u64, _: u64) -> u64 {
    // SAFETY: as in `lookup_elem`.
    unsafe { Map::from_address(map).lookup_word4(ptr(key)) }.expose_provenance() as u64
}

/// `bpf_map_lookup_elem` in a hash whose keys have 8 bytes.
pub(super) extern "C" fn lookup_word8(map: u64, key: u64, _: u64, _: u64, _: u64) -> u64 {
    // SAFETY: as in `lookup_elem`.
    unsafe { Map::from_address(map).lookup_word8(ptr(key)) }.expose_provenance() as u64
}

/// `bpf_map_update_elem` in a hash whose keys have 4 bytes.
pub(super) extern "C" fn update_word4(map: u64, key: u64, value: u64, flags: u64, _: u64) -> u64 {
    // SAFETY: as in `update_elem`.
    status(unsafe { Map::from_address(map).update_word4(ptr(key), ptr(value), flags) })
}

/// `bpf_map_update_elem` in a hash whose keys have 8 bytes.
pub(super) extern "C" fn update_word8(map: u64, key: u64, value: u64, flags: u64, _: u64) -> u64 {
    // SAFETY: as in `update_elem`.
    status(unsafe { Map::from_address(map).update_word8(ptr(key), ptr(value), flags) })
}

/// `bpf_map_push_elem(map, value, flags)`: queues, stacks, bloom filters.
pub(super) extern "C" fn push_elem(map: u64, value: u64, flags: u64, _: u64, _: u64) -> u64 {
    // SAFETY: R1 and R2 by the prototype; IRQs are off in a program.
    status(unsafe { Map::from_address(map).push_ptr(ptr(value), flags) })
}

/// `bpf_map_pop_elem(map, value)`.
pub(super) extern "C" fn pop_elem(map: u64, value: u64, _: u64, _: u64, _: u64) -> u64 {
    // SAFETY: R1 and R2 by the prototype; IRQs are off in a program.
    status(unsafe { Map::from_address(map).pop_ptr(ptr(value).cast_mut(), false) })
}

/// `bpf_map_peek_elem(map, value)`.
pub(super) extern "C" fn peek_elem(map: u64, value: u64, _: u64, _: u64, _: u64) -> u64 {
    // SAFETY: R1 and R2 by the prototype; IRQs are off in a program.
    status(unsafe { Map::from_address(map).pop_ptr(ptr(value).cast_mut(), true) })
}

/// `bpf_map_lookup_percpu_elem(map, key, cpu)`: address of that CPU's value, or 0.
pub(super) extern "C" fn lookup_percpu_elem(map: u64, key: u64, cpu: u64, _: u64, _: u64) -> u64 {
    // SAFETY: R1 and R2 by the prototype; IRQs are off in a program.
    unsafe { Map::from_address(map).lookup_on_ptr(ptr(key), cpu as u32 as usize) }.expose_provenance() as u64
}
