//! What a type of map does. Every type implements [`Ops`]; what it leaves out is answered as Linux answers it for such types.
use crate::MapError;
use core::fmt;

/// Goes through elements: addresses of the key, and of the value (of this CPU's value where there is one for each). `false` ends it.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(*const u8, *mut u8) -> bool;

/// The operations of a type. Keys and values have the sizes that [`Map`](crate::Map) was made with, or none where the type has none; access
/// flags, freezing and BPF_F_LOCK on maps without locks are [`Map`](crate::Map)'s business.
pub(crate) trait Ops: fmt::Debug + Send + Sync {
    // ---- From tasks, as commands.

    /// MAP_LOOKUP_ELEM: copies the value out; all CPUs' values, one after another, where there is one for each. `out` holds what the caller
    /// passed (bloom filters are asked for that value).
    fn lookup(&self, _key: &[u8], _out: &mut [u8], _flags: u64) -> Result<(), MapError> {
        Err(MapError::Unsupported)
    }

    /// MAP_UPDATE_ELEM.
    fn update(&self, _key: &[u8], _value: &[u8], _flags: u64) -> Result<(), MapError> {
        Err(MapError::Unsupported)
    }

    /// MAP_DELETE_ELEM.
    fn delete(&self, _key: &[u8]) -> Result<(), MapError> {
        Err(MapError::Unsupported)
    }

    /// MAP_LOOKUP_AND_DELETE_ELEM.
    fn lookup_and_delete(&self, _key: &[u8], _out: &mut [u8], _flags: u64) -> Result<(), MapError> {
        Err(MapError::Unsupported)
    }

    /// MAP_GET_NEXT_KEY.
    fn next_key(&self, _key: Option<&[u8]>, _out: &mut [u8]) -> Result<(), MapError> {
        Err(MapError::Unsupported)
    }

    /// Buckets, for batches.
    fn buckets(&self) -> u32 {
        0
    }

    /// Copies all elements of a bucket out, and removes them; answers how many. [`MapError::NoRoom`]: they do not fit, and nothing happened.
    fn bucket(&self, _number: u32, _keys: &mut [u8], _values: &mut [u8], _flags: u64, _delete: bool) -> Result<usize, MapError> {
        Err(MapError::Unsupported)
    }

    // ---- From programs, with IRQs off: nothing here allocates or waits for an interrupted lock.

    /// The value's address, this CPU's where there is one for each; it stays memory of the map.
    fn lookup_ptr(&self, _key: &[u8]) -> Option<*mut u8> {
        None
    }

    /// `bpf_map_update_elem`: this CPU's value where there is one for each.
    fn update_here(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        self.update(key, value, flags)
    }

    /// `bpf_map_delete_elem`.
    fn delete_here(&self, key: &[u8]) -> Result<(), MapError> {
        self.delete(key)
    }

    /// `bpf_map_push_elem`.
    fn push(&self, _value: &[u8], _flags: u64) -> Result<(), MapError> {
        Err(MapError::Operation)
    }

    /// `bpf_map_pop_elem`.
    fn pop(&self, _out: &mut [u8]) -> Result<(), MapError> {
        Err(MapError::Operation)
    }

    /// `bpf_map_peek_elem`.
    fn peek(&self, _out: &mut [u8]) -> Result<(), MapError> {
        Err(MapError::Operation)
    }

    /// `bpf_for_each_map_elem`: how many elements were gone through.
    fn for_each(&self, _visit: Visit<'_>) -> Result<u64, MapError> {
        Err(MapError::Operation)
    }
}
