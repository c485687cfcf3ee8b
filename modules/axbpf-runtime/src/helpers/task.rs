//! Values that maps keep for tasks. R1 is the address of a [`Map`] that the program keeps alive, R2 of a task.
#![allow(unsafe_code, reason = "maps and values are addresses; the prototypes say of what")]
use axbpf_abi::Errno;
use axbpf_abi::flags::BPF_LOCAL_STORAGE_GET_F_CREATE;
use axbpf_maps::Map;
use axbpf_platform::{Task, current_task};

/// The task that R2 names: no program has another one than the current.
fn named(address: u64) -> Option<Task> {
    Some(current_task()).filter(|task| task.key as u64 == address && task.key != 0)
}

/// `bpf_task_storage_get(map, task, value, flags)`: address of the value, or 0. `value`: what a new one begins with, zeros if it is null.
pub(super) extern "C" fn storage_get(map: u64, task: u64, value: u64, flags: u64, _: u64) -> u64 {
    if flags & !BPF_LOCAL_STORAGE_GET_F_CREATE != 0 {
        return 0;
    }
    let Some(task) = named(task) else { return 0 };
    let create = (flags != 0).then_some(core::ptr::with_exposed_provenance(value as usize));
    // SAFETY: R1 and R3 by the prototype; IRQs are off in a program.
    unsafe { Map::from_address(map).task_value(&task, create) }.expose_provenance() as u64
}

/// `bpf_task_storage_delete(map, task)`.
pub(super) extern "C" fn storage_delete(map: u64, task: u64, _: u64, _: u64, _: u64) -> u64 {
    let task = named(task).ok_or(Errno::EINVAL);
    // SAFETY: R1 by the prototype; IRQs are off in a program.
    super::status(task.and_then(|task| unsafe { Map::from_address(map) }.task_delete(&task).map_err(|error| error.errno())))
}
