//! Dynptrs: 16 bytes on a program's stack that stand for memory of a size not known before (Linux: `struct bpf_dynptr_kern`). What the
//! verifier saw initialised is what these functions find there.
#![allow(unsafe_code, reason = "dynptrs and what they stand for are addresses; the prototypes say of what")]
use super::{readable, status, writable};
use axbpf_abi::Errno;
#[cfg(feature = "axbpf-maps")]
use axbpf_maps::{Map, Ringbuf};
use core::ptr::with_exposed_provenance_mut;

/// A dynptr as it stands in memory.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub(super) struct Dynptr {
    /// Address of the memory; 0: it stands for none.
    data: u64,
    /// Bytes, in the lower 24 bits; then its kind, which only Linux looks at here.
    size: u32,
    offset: u32,
}

/// Most bytes: DYNPTR_MAX_SIZE.
const MAX_SIZE: u32 = (1 << 24) - 1;
const LOCAL: u32 = 1 << 28;
#[cfg(feature = "axbpf-maps")]
const RINGBUF: u32 = 2 << 28;

impl Dynptr {
    const NONE: Dynptr = Dynptr { data: 0, size: 0, offset: 0 };

    /// Of memory that is there while a callback runs.
    #[cfg(feature = "axbpf-maps")]
    pub(super) fn local(bytes: &[u8]) -> Dynptr {
        Dynptr { data: bytes.as_ptr().expose_provenance() as u64, size: LOCAL | (bytes.len() as u32).min(MAX_SIZE), offset: 0 }
    }

    #[cfg(feature = "axbpf-maps")]
    pub(super) fn address(&self) -> u64 {
        core::ptr::from_ref(self).expose_provenance() as u64
    }

    fn len(&self) -> u64 {
        (self.size & MAX_SIZE).into()
    }

    /// Address of some of its bytes.
    fn part(&self, offset: u64, len: u64) -> Result<u64, Errno> {
        // Linux takes both as u32.
        let (offset, len) = (offset & 0xffff_ffff, len & 0xffff_ffff);
        if self.data == 0 {
            return Err(Errno::EINVAL);
        }
        if len > self.len() || offset > self.len() - len {
            return Err(Errno::E2BIG);
        }
        Ok(self.data + u64::from(self.offset) + offset)
    }
}

/// The dynptr that an argument names.
///
/// # Safety
///
/// `address` is the argument of a call whose prototype wants a dynptr there; nobody else uses it during the call.
unsafe fn dynptr<'a>(address: u64) -> &'a mut Dynptr {
    // SAFETY: 16 bytes, aligned to 8, of the program's stack or of a helper that calls back.
    unsafe { &mut *with_exposed_provenance_mut(address as usize) }
}

/// `bpf_dynptr_from_mem(data, size, flags, ptr)`.
pub(super) extern "C" fn from_mem(data: u64, size: u64, flags: u64, ptr: u64, _: u64) -> u64 {
    // SAFETY: R4 by the prototype.
    let dynptr = unsafe { dynptr(ptr) };
    *dynptr = Dynptr::NONE;
    let size = size as u32;
    status(match () {
        () if size > MAX_SIZE => Err(Errno::E2BIG),
        () if flags != 0 => Err(Errno::EINVAL),
        () => {
            *dynptr = Dynptr { data, size: LOCAL | size, offset: 0 };
            Ok(())
        }
    })
}

/// `bpf_dynptr_read(dst, len, src, offset, flags)`.
pub(super) extern "C" fn read(dst: u64, len: u64, src: u64, offset: u64, flags: u64) -> u64 {
    // SAFETY: R1 to R3 by the prototype.
    let (dst, src) = unsafe { (writable(dst, len), *dynptr(src)) };
    let from = if flags != 0 { Err(Errno::EINVAL) } else { src.part(offset, len) };
    // SAFETY: within what the dynptr stands for. The two may overlap: the program's own memory, byte by byte as memmove.
    status(from.map(|from| unsafe { core::ptr::copy(with_exposed_provenance_mut(from as usize), dst.as_mut_ptr(), dst.len()) }))
}

/// `bpf_dynptr_write(dst, offset, src, len, flags)`.
pub(super) extern "C" fn write(dst: u64, offset: u64, src: u64, len: u64, flags: u64) -> u64 {
    // SAFETY: R1, R3 and R4 by the prototype.
    let (dst, src) = unsafe { (*dynptr(dst), readable(src, len)) };
    let to = if flags != 0 { Err(Errno::EINVAL) } else { dst.part(offset, len) };
    // SAFETY: as in `read`.
    status(to.map(|to| unsafe { core::ptr::copy(src.as_ptr(), with_exposed_provenance_mut(to as usize), src.len()) }))
}

/// `bpf_dynptr_data(ptr, offset, len)`: address of that part, or 0.
pub(super) extern "C" fn data(ptr: u64, offset: u64, len: u64, _: u64, _: u64) -> u64 {
    // SAFETY: R1 by the prototype.
    unsafe { dynptr(ptr) }.part(offset, len).unwrap_or(0)
}

/// `bpf_ringbuf_reserve_dynptr(ringbuf, size, flags, ptr)`: to be submitted or discarded even where it fails.
#[cfg(feature = "axbpf-maps")]
pub(super) extern "C" fn ringbuf_reserve(map: u64, size: u64, flags: u64, ptr: u64, _: u64) -> u64 {
    // SAFETY: R1 and R4 by the prototype.
    let (map, dynptr) = unsafe { (Map::from_address(map), dynptr(ptr)) };
    *dynptr = Dynptr::NONE;
    let size = size as u32;
    if flags != 0 || size > MAX_SIZE {
        return status(Err(if flags != 0 { Errno::EINVAL } else { Errno::E2BIG }));
    }
    match map.reserve(size.into()) {
        record if record.is_null() => status(Err(Errno::EINVAL)),
        record => {
            *dynptr = Dynptr { data: record.expose_provenance() as u64, size: RINGBUF | size, offset: 0 };
            0
        }
    }
}

/// Ends a reservation, if there is one.
#[cfg(feature = "axbpf-maps")]
fn commit(ptr: u64, discard: bool, flags: u64) {
    // SAFETY: by the prototype.
    let dynptr = unsafe { dynptr(ptr) };
    if dynptr.data != 0 {
        // SAFETY: a record of a map that the program keeps alive, given back once.
        unsafe { Ringbuf::commit_record(with_exposed_provenance_mut(dynptr.data as usize), discard, flags) };
    }
    *dynptr = Dynptr::NONE;
}

/// `bpf_ringbuf_submit_dynptr(ptr, flags)`.
#[cfg(feature = "axbpf-maps")]
pub(super) extern "C" fn ringbuf_submit(ptr: u64, flags: u64, _: u64, _: u64, _: u64) -> u64 {
    commit(ptr, false, flags);
    0
}

/// `bpf_ringbuf_discard_dynptr(ptr, flags)`.
#[cfg(feature = "axbpf-maps")]
pub(super) extern "C" fn ringbuf_discard(ptr: u64, flags: u64, _: u64, _: u64, _: u64) -> u64 {
    commit(ptr, true, flags);
    0
}
