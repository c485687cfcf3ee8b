//! Maps as programs see them: by address, with IRQs off.
#![allow(unsafe_code, reason = "programs know maps, keys and values by address")]
use crate::map::Kind;
use crate::{Map, MapError, Ringbuf};
use axbpf_abi::flags::{BPF_F_CURRENT_CPU, BPF_F_INDEX_MASK};
use core::ptr;
use core::slice::{from_raw_parts, from_raw_parts_mut};

impl Map {
    /// Address of the only element's value of an array with one, for programs that name it directly (BPF_PSEUDO_MAP_VALUE).
    pub fn value_address(&self) -> Option<u64> {
        match &self.kind {
            Kind::Array(array) if self.spec().max_entries == 1 && !self.spec().per_cpu() => Some(array.row(0).0.expose_provenance() as u64),
            _ => None,
        }
    }

    /// For code that looks arrays up by itself: address of the first value, of this CPU's row where there is one for each CPU, and bytes
    /// from one value to the next.
    pub fn array_row(&self, cpu: usize) -> Option<(*mut u8, usize)> {
        match &self.kind {
            Kind::Array(array) => Some(array.row(cpu)),
            _ => None,
        }
    }

    /// The map's address, by which programs name it.
    pub fn address(&self) -> u64 {
        ptr::from_ref(self).expose_provenance() as u64
    }

    /// The map at an address.
    ///
    /// # Safety
    ///
    /// `address` is a map's [`address`](Self::address), and the map outlives `'a`.
    pub unsafe fn from_address<'a>(address: u64) -> &'a Map {
        // SAFETY: the caller's.
        unsafe { &*ptr::with_exposed_provenance(address as usize) }
    }

    /// Address of a key's value, null if there is none: of this CPU's value where there is one for each. IRQs off.
    ///
    /// # Safety
    ///
    /// `key` is readable for the key's size.
    pub unsafe fn lookup_ptr(&self, key: *const u8) -> *mut u8 {
        // SAFETY: the caller's.
        let key = unsafe { from_raw_parts(key, self.spec().key_size as usize) };
        let found = match &self.kind {
            Kind::Array(array) => array.lookup_ptr(key),
            Kind::Hash(hash) => hash.lookup_ptr(key),
            other => other.ops().lookup_ptr(key),
        };
        found.unwrap_or(ptr::null_mut())
    }

    /// Sets a key's value, this CPU's where there is one for each. IRQs off.
    ///
    /// # Safety
    ///
    /// `key` and `value` are readable for their sizes.
    pub unsafe fn update_ptr(&self, key: *const u8, value: *const u8, flags: u64) -> Result<(), MapError> {
        // SAFETY: the caller's.
        let key = unsafe { from_raw_parts(key, self.spec().key_size as usize) };
        // SAFETY: the caller's.
        let value = unsafe { from_raw_parts(value, self.spec().value_size as usize) };
        self.check_lock(flags)?;
        match &self.kind {
            Kind::Array(array) => array.update_here(key, value, flags),
            Kind::Hash(hash) => hash.update_here(key, value, flags),
            other => other.ops().update_here(key, value, flags),
        }
    }

    /// Removes a key. IRQs off.
    ///
    /// # Safety
    ///
    /// `key` is readable for the key's size.
    pub unsafe fn delete_ptr(&self, key: *const u8) -> Result<(), MapError> {
        // SAFETY: the caller's.
        let key = unsafe { from_raw_parts(key, self.spec().key_size as usize) };
        self.kind.ops().delete_here(key)
    }

    /// Appends a value to a queue, a stack or a bloom filter. IRQs off.
    ///
    /// # Safety
    ///
    /// `value` is readable for the value's size.
    pub unsafe fn push_ptr(&self, value: *const u8, flags: u64) -> Result<(), MapError> {
        // SAFETY: the caller's.
        let value = unsafe { from_raw_parts(value, self.spec().value_size as usize) };
        self.kind.ops().push(value, flags)
    }

    /// Takes the next value of a queue or a stack; `keep`: leaves it there. A bloom filter says whether it has the value. If there is none,
    /// the bytes become zero, but for a bloom filter's. IRQs off.
    ///
    /// # Safety
    ///
    /// `value` is readable and writable for the value's size.
    pub unsafe fn pop_ptr(&self, value: *mut u8, keep: bool) -> Result<(), MapError> {
        // SAFETY: the caller's.
        let value = unsafe { from_raw_parts_mut(value, self.spec().value_size as usize) };
        if keep { self.kind.ops().peek(value) } else { self.kind.ops().pop(value) }
    }

    /// Goes through the elements: address of the key, and of the value (this CPU's where there is one for each). `visit` ends it with
    /// `false`. Answers how many were visited. IRQs off.
    pub fn for_each_ptr(&self, mut visit: impl FnMut(*const u8, *mut u8) -> bool) -> Result<u64, MapError> {
        self.kind.ops().for_each(&mut visit)
    }

    /// Address of a key's value on another CPU (`bpf_map_lookup_percpu_elem`); null: there is no such value or CPU. IRQs off.
    ///
    /// # Safety
    ///
    /// `key` is readable for the key's size.
    pub unsafe fn lookup_on_ptr(&self, key: *const u8, cpu: usize) -> *mut u8 {
        // SAFETY: the caller's.
        let here = unsafe { self.lookup_ptr(key) };
        if here.is_null() || !self.spec().per_cpu() || cpu >= axbpf_platform::cpu_count() {
            return ptr::null_mut();
        }
        let (this, stride) = match &self.kind {
            // A row a CPU.
            Kind::Array(array) => (axbpf_platform::cpu_id(), array.row(1).0.addr().wrapping_sub(array.row(0).0.addr())),
            // A value a CPU, one after another.
            _ => (axbpf_platform::cpu_id(), self.spec().stride()),
        };
        here.wrapping_offset((cpu as isize - this as isize) * stride as isize)
    }

    /// Puts a record into the ring buffer that an array of perf events has for a CPU (`bpf_perf_event_output`), the caller's own; in pieces.
    /// IRQs off.
    pub fn output_event(&self, flags: u64, pieces: [&[u8]; 2]) -> Result<(), MapError> {
        let Kind::Objects(events) = &self.kind else { return Err(MapError::Operation) };
        if flags & !BPF_F_INDEX_MASK != 0 {
            return Err(MapError::Flags(flags));
        }
        let cpu = axbpf_platform::cpu_id() as u32;
        let index = if flags == BPF_F_CURRENT_CPU { cpu } else { flags as u32 };
        if index as usize >= events.len() {
            return Err(MapError::Index);
        }
        let ring = events.ring(index).ok_or(MapError::NoSuchKey)?;
        if index != cpu {
            return Err(MapError::NotSupported);
        }
        // SAFETY: the slot holds a map's address, and what it held lives until this section has ended.
        let ring = unsafe { Map::from_address(ring) }.ringbuf().ok_or(MapError::Operation)?;
        ring.output_pieces(pieces, 0).map_err(|error| if error == MapError::Dropped { MapError::NoSpace } else { error })
    }

    /// The number of a stack trace, innermost address first, in a map of stack traces (`bpf_get_stackid`). IRQs off.
    pub fn stack_id(&self, trace: &[u64], flags: u64) -> Result<u32, MapError> {
        match &self.kind {
            Kind::StackTrace(traces) => traces.id_of(trace, flags),
            _ => Err(MapError::Operation),
        }
    }

    /// Address of the value that a map keeps for a task (`bpf_task_storage_get`), null if there is none: it is made, with these bytes or zeros,
    /// if `create` says so and there is memory ready. IRQs off.
    ///
    /// # Safety
    ///
    /// `create` is null or readable for the value's size.
    pub unsafe fn task_value(&self, task: &axbpf_platform::Task, create: Option<*const u8>) -> *mut u8 {
        let Kind::TaskStorage(storage) = &self.kind else { return ptr::null_mut() };
        // SAFETY: the caller's.
        let bytes = |at: *const u8| (!at.is_null()).then(|| unsafe { from_raw_parts(at, self.spec().value_size as usize) });
        storage.value(task, create.map(bytes)).unwrap_or(ptr::null_mut())
    }

    /// Removes what a map keeps for a task (`bpf_task_storage_delete`). IRQs off.
    pub fn task_delete(&self, task: &axbpf_platform::Task) -> Result<(), MapError> {
        match &self.kind {
            Kind::TaskStorage(storage) => storage.remove(task.id),
            _ => Err(MapError::Operation),
        }
    }

    /// Reserves a record of a ring buffer; null: no room, or no ring buffer.
    #[inline(always)]
    pub fn reserve(&self, len: u64) -> *mut u8 {
        self.ringbuf().and_then(|ring: &Ringbuf| ring.reserve(len)).unwrap_or(ptr::null_mut())
    }
}
