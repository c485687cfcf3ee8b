//! MAP_*_BATCH.
use super::{bytes_at, errno, write};
use crate::cmd;
use alloc::vec::Vec;
use axbpf_abi::attr::MapBatch;
use axbpf_abi::{Cmd, Errno, MapType};
use axbpf_runtime::fds;
use axbpf_runtime::maps::{Map, MapError};

/// Byte of `count` in the attr.
const COUNT: usize = 32;

/// # Safety
///
/// As [`bpf`](super::bpf).
pub(super) unsafe fn map_batch(cmd: Cmd, attr: &MapBatch, addr: usize) -> Result<i64, Errno> {
    let map = fds::map(attr.map_fd).map_err(errno)?;
    map.check_batch(cmd, attr.elem_flags).map_err(errno)?;
    let looks_up = matches!(cmd, Cmd::MapLookupBatch | Cmd::MapLookupAndDeleteBatch);
    if attr.flags != 0 && looks_up && map.goes_by_buckets() {
        return Err(Errno::EINVAL);
    }
    if attr.count == 0 {
        return Ok(0);
    }
    // SAFETY: the caller's.
    unsafe { write(addr + COUNT, &0u32.to_le_bytes())? };
    let (key_size, value_len, count) = (map.spec().key_size as usize, map.value_len(), attr.count as usize);
    let (count, result) = match cmd {
        Cmd::MapUpdateBatch => {
            let keys = bytes_at(attr.keys as usize, count.checked_mul(key_size).ok_or(Errno::ENOMEM)?)?;
            let values = bytes_at(attr.values as usize, count.checked_mul(value_len).ok_or(Errno::ENOMEM)?)?;
            update(&map, &keys, &values, attr.elem_flags)
        }
        Cmd::MapDeleteBatch => {
            let keys = bytes_at(attr.keys as usize, count.checked_mul(key_size).ok_or(Errno::ENOMEM)?)?;
            let (count, result) = map.delete_batch(&keys, attr.elem_flags);
            (count, result.map_err(errno))
        }
        _ => {
            // No more can come out than there is, but for elements that come meanwhile.
            let count = count.min(map.spec().max_entries as usize + 64);
            let (mut keys, mut values) = (room(count, key_size)?, room(count, value_len)?);
            let from = if attr.in_batch == 0 { None } else { Some(bytes_at(attr.in_batch as usize, map.place_len())?) };
            let mut next = alloc::vec![0; map.place_len()];
            let (count, result) = match cmd {
                Cmd::MapLookupBatch => map.lookup_batch(from.as_deref(), &mut next, &mut keys, &mut values, attr.elem_flags),
                _ => map.lookup_and_delete_batch(from.as_deref(), &mut next, &mut keys, &mut values, attr.elem_flags),
            };
            let walked = count > 0 || matches!(result, Ok(()) | Err(MapError::NoRoom));
            // SAFETY: the caller's.
            unsafe {
                write(attr.keys as usize, &keys[..count * key_size])?;
                write(attr.values as usize, &values[..count * value_len])?;
                if walked {
                    write(attr.out_batch as usize, &next)?;
                }
            }
            (count, result.map_err(errno))
        }
    };
    // SAFETY: the caller's.
    unsafe { write(addr + COUNT, &(count as u32).to_le_bytes())? };
    result.map(|()| 0)
}

fn room(count: usize, size: usize) -> Result<Vec<u8>, Errno> {
    let len = count.checked_mul(size).ok_or(Errno::ENOMEM)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| Errno::ENOMEM)?;
    bytes.resize(len, 0);
    Ok(bytes)
}

/// Maps and programs come as descriptors.
fn update(map: &Map, keys: &[u8], values: &[u8], flags: u64) -> (usize, Result<(), Errno>) {
    if !matches!(map.spec().map_type, MapType::ArrayOfMaps | MapType::HashOfMaps) {
        let (count, result) = map.update_batch(keys, values, flags);
        return (count, result.map_err(errno));
    }
    let mut count = 0;
    for (key, value) in keys.chunks(map.spec().key_size as usize).zip(values.chunks(4)) {
        if let Err(error) = cmd::update(map, key, value, flags) {
            return (count, Err(error.errno()));
        }
        count += 1;
    }
    (count, Ok(()))
}
