//! Maps as programs see them: by address, with IRQs off.
#![allow(unsafe_code, reason = "programs know maps, keys and values by address")]
use crate::map::Kind;
use crate::{Map, MapError, Ringbuf};
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

    /// Reserves a record of a ring buffer; null: no room, or no ring buffer.
    #[inline(always)]
    pub fn reserve(&self, len: u64) -> *mut u8 {
        self.ringbuf().and_then(|ring: &Ringbuf| ring.reserve(len)).unwrap_or(ptr::null_mut())
    }
}
