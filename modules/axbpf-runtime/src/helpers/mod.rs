//! The bodies of helpers, each beside the prototype that the verifier checks calls against.
//!
//! Bodies are `extern "C"` functions of five u64, called from programs: IRQs are off, the stack is the program's, and what the prototype says
//! of an argument holds: the verifier saw to it.
mod callback;
mod dynptr;
mod format;
#[cfg(feature = "axbpf-maps")]
mod map;
mod memory;
mod misc;
#[cfg(feature = "axbpf-maps")]
mod ringbuf;
#[cfg(feature = "axbpf-maps")]
mod sync;
#[cfg(feature = "axbpf-maps")]
mod task;
mod trace;

use axbpf_abi::{HelperProto, helpers as proto};
use axbpf_vm::HelperFn;

/// A prototype and what implements it.
type Helper = (&'static HelperProto, HelperFn);

/// By id.
const HELPERS: &[Helper] = &[
    #[cfg(feature = "axbpf-maps")]
    (&proto::MAP_LOOKUP_ELEM, map::lookup_elem),
    #[cfg(feature = "axbpf-maps")]
    (&proto::MAP_UPDATE_ELEM, map::update_elem),
    #[cfg(feature = "axbpf-maps")]
    (&proto::MAP_DELETE_ELEM, map::delete_elem),
    (&proto::PROBE_READ, memory::probe_read),
    (&proto::KTIME_GET_NS, misc::ktime_get_ns),
    (&proto::TRACE_PRINTK, trace::printk),
    (&proto::GET_PRANDOM_U32, misc::get_prandom_u32),
    (&proto::GET_SMP_PROCESSOR_ID, misc::get_smp_processor_id),
    (&proto::GET_CURRENT_PID_TGID, misc::get_current_pid_tgid),
    (&proto::GET_CURRENT_COMM, misc::get_current_comm),
    #[cfg(feature = "axbpf-maps")]
    (&proto::PERF_EVENT_OUTPUT, ringbuf::perf_event_output),
    (&proto::GET_CURRENT_TASK, misc::get_current_task),
    (&proto::PROBE_READ_STR, memory::probe_read_str),
    #[cfg(feature = "axbpf-maps")]
    (&proto::MAP_PUSH_ELEM, map::push_elem),
    #[cfg(feature = "axbpf-maps")]
    (&proto::MAP_POP_ELEM, map::pop_elem),
    #[cfg(feature = "axbpf-maps")]
    (&proto::MAP_PEEK_ELEM, map::peek_elem),
    #[cfg(feature = "axbpf-maps")]
    (&proto::SPIN_LOCK, sync::spin_lock),
    #[cfg(feature = "axbpf-maps")]
    (&proto::SPIN_UNLOCK, sync::spin_unlock),
    (&proto::PROBE_READ_KERNEL, memory::probe_read),
    (&proto::PROBE_READ_KERNEL_STR, memory::probe_read_str),
    #[cfg(feature = "axbpf-maps")]
    (&proto::RINGBUF_OUTPUT, ringbuf::output),
    #[cfg(feature = "axbpf-maps")]
    (&proto::RINGBUF_RESERVE, ringbuf::reserve),
    #[cfg(feature = "axbpf-maps")]
    (&proto::RINGBUF_SUBMIT, ringbuf::submit),
    #[cfg(feature = "axbpf-maps")]
    (&proto::RINGBUF_DISCARD, ringbuf::discard),
    #[cfg(feature = "axbpf-maps")]
    (&proto::RINGBUF_QUERY, ringbuf::query),
    #[cfg(feature = "axbpf-maps")]
    (&proto::TASK_STORAGE_GET, task::storage_get),
    #[cfg(feature = "axbpf-maps")]
    (&proto::TASK_STORAGE_DELETE, task::storage_delete),
    (&proto::GET_CURRENT_TASK_BTF, misc::get_current_task),
    #[cfg(feature = "axbpf-maps")]
    (&proto::FOR_EACH_MAP_ELEM, callback::for_each_map_elem),
    (&proto::GET_FUNC_IP, misc::get_func_ip),
    (&proto::GET_ATTACH_COOKIE, misc::get_attach_cookie),
    (&proto::TRACE_VPRINTK, trace::vprintk),
    (&proto::LOOP, callback::loop_),
    #[cfg(feature = "axbpf-maps")]
    (&proto::MAP_LOOKUP_PERCPU_ELEM, map::lookup_percpu_elem),
    (&proto::DYNPTR_FROM_MEM, dynptr::from_mem),
    #[cfg(feature = "axbpf-maps")]
    (&proto::RINGBUF_RESERVE_DYNPTR, dynptr::ringbuf_reserve),
    #[cfg(feature = "axbpf-maps")]
    (&proto::RINGBUF_SUBMIT_DYNPTR, dynptr::ringbuf_submit),
    #[cfg(feature = "axbpf-maps")]
    (&proto::RINGBUF_DISCARD_DYNPTR, dynptr::ringbuf_discard),
    (&proto::DYNPTR_READ, dynptr::read),
    (&proto::DYNPTR_WRITE, dynptr::write),
    (&proto::DYNPTR_DATA, dynptr::data),
    #[cfg(feature = "axbpf-maps")]
    (&proto::USER_RINGBUF_DRAIN, callback::user_ringbuf_drain),
];

/// Numbers of helpers that no program can name: calls of others become calls of these where more is known.
#[cfg(feature = "axbpf-maps")]
pub(crate) const LOOKUP_WORD4: i32 = 0x0100_0000;
#[cfg(feature = "axbpf-maps")]
pub(crate) const LOOKUP_WORD8: i32 = LOOKUP_WORD4 + 1;
#[cfg(feature = "axbpf-maps")]
pub(crate) const UPDATE_WORD4: i32 = LOOKUP_WORD4 + 2;
#[cfg(feature = "axbpf-maps")]
pub(crate) const UPDATE_WORD8: i32 = LOOKUP_WORD4 + 3;

/// The body of a helper that an engine is to call, those above included.
pub(crate) fn target(id: u32) -> Option<HelperFn> {
    #[cfg(feature = "axbpf-maps")]
    match id as i32 {
        LOOKUP_WORD4 => return Some(map::lookup_word4),
        LOOKUP_WORD8 => return Some(map::lookup_word8),
        UPDATE_WORD4 => return Some(map::update_word4),
        UPDATE_WORD8 => return Some(map::update_word8),
        _ => {}
    }
    body(id)
}

/// The helper with this id.
fn find(id: u32) -> Option<&'static Helper> {
    HELPERS.binary_search_by_key(&id, |(proto, _)| proto.id).ok().map(|i| &HELPERS[i])
}

/// The body of the helper with this id.
pub(crate) fn body(id: u32) -> Option<HelperFn> {
    find(id).map(|(_, body)| *body)
}

/// A result: zero or an error number, negative.
fn status<E: Into<axbpf_abi::Errno>>(result: Result<(), E>) -> u64 {
    match result {
        Ok(()) => 0,
        Err(error) => error.into().neg() as u64,
    }
}

/// Memory that the prototype says the helper fills.
///
/// # Safety
///
/// `addr` and `len` are an [`axbpf_abi::Arg::Mem`] that is written and its size, in a call that the verifier accepted.
unsafe fn writable<'a>(addr: u64, len: u64) -> &'a mut [u8] {
    match len {
        0 => &mut [],
        // SAFETY: the caller's; such memory is the program's own stack or a map's value, where other writers are the program's business.
        _ => unsafe { core::slice::from_raw_parts_mut(core::ptr::with_exposed_provenance_mut(addr as usize), len as usize) },
    }
}

/// Memory that the prototype says the helper reads.
///
/// # Safety
///
/// `addr` and `len` are an [`axbpf_abi::Arg::Mem`] that is read and its size, in a call that the verifier accepted.
unsafe fn readable<'a>(addr: u64, len: u64) -> &'a [u8] {
    match len {
        0 => &[],
        // SAFETY: as in `writable`.
        _ => unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(addr as usize), len as usize) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axbpf_abi::Arg;

    #[test]
    fn helpers_are_found_by_their_ids() {
        // Ascending, as the search needs it, each once.
        assert!(HELPERS.is_sorted_by(|(a, _), (b, _)| a.id < b.id));
        for (proto, _) in HELPERS {
            assert!(body(proto.id).is_some() && proto::by_id(proto.id) == Some(proto), "{}", proto.name);
        }
        // Without maps, those that take one are not there.
        let takes_map =
            |proto: &HelperProto| proto.args.iter().any(|arg| matches!(arg, Arg::MapPtr(_) | Arg::RingbufRecord | Arg::SpinLock));
        assert_eq!(HELPERS.iter().any(|(proto, _)| takes_map(proto)), cfg!(feature = "axbpf-maps"));
        assert!(body(0).is_none() && body(u32::MAX).is_none());
    }
}
