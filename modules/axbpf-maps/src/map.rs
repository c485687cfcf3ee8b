//! Maps of every type behind one interface.
#![allow(unsafe_code, reason = "programs know maps, keys and values by address")]
use crate::array::Array;
use crate::hash::Hash;
use crate::{MapError, MapSpec, Ringbuf};
use alloc::sync::Arc;
use alloc::vec::Vec;
use axbpf_abi::MapType;
use axbpf_abi::flags::*;
use axbpf_platform::cpu_count;
use core::fmt;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::*};

/// A map.
pub struct Map {
    spec: MapSpec,
    id: u32,
    frozen: AtomicBool,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Array(Array),
    Hash(Hash),
    Ringbuf(Ringbuf),
    /// Declared, so that objects with one load: it has its size, and its elements are empty.
    ProgArray(Array),
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map({} {:?})", self.name(), self.kind)
    }
}

impl Map {
    /// Makes a map, with all the memory that it will ever use. From task context.
    pub fn new(spec: &MapSpec) -> Result<Arc<Map>, MapError> {
        static IDS: AtomicU32 = AtomicU32::new(1);
        spec.check()?;
        let kind = match spec.map_type {
            MapType::Array | MapType::PercpuArray => Kind::Array(Array::new(spec)?),
            MapType::Hash | MapType::PercpuHash => Kind::Hash(Hash::new(spec)?),
            MapType::Ringbuf => Kind::Ringbuf(Ringbuf::new(spec)?),
            MapType::ProgArray => Kind::ProgArray(Array::new(spec)?),
            other => return Err(MapError::Type(other)),
        };
        let map = Arc::new(Map { spec: *spec, id: IDS.fetch_add(1, Relaxed), frozen: AtomicBool::new(false), kind });
        if let Kind::Ringbuf(ring) = &map.kind {
            ring.attach();
        }
        Ok(map)
    }

    /// What it was made from.
    pub fn spec(&self) -> &MapSpec {
        &self.spec
    }

    /// Its number, which no other map has had.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        let name = &self.spec.name;
        core::str::from_utf8(&name[..name.iter().position(|&b| b == 0).unwrap_or(name.len())]).unwrap_or("")
    }

    /// Bytes of a value as commands pass it: of all CPUs' together, each rounded up to 8, where there is one for each.
    pub fn value_len(&self) -> usize {
        if self.spec.per_cpu() { self.spec.stride() * cpu_count() } else { self.spec.value_size as usize }
    }

    /// Forbids changes by commands from now on; programs may still make theirs, unless BPF_F_RDONLY_PROG.
    pub fn freeze(&self) {
        self.frozen.store(true, Release);
    }

    /// Whether commands may not change it any more.
    pub fn is_frozen(&self) -> bool {
        self.frozen.load(Acquire)
    }

    /// The ring buffer that it is.
    pub fn ringbuf(&self) -> Option<&Ringbuf> {
        match &self.kind {
            Kind::Ringbuf(ring) => Some(ring),
            _ => None,
        }
    }

    fn readable(&self) -> Result<(), MapError> {
        if self.spec.flags & BPF_F_WRONLY != 0 { Err(MapError::Access) } else { Ok(()) }
    }

    fn writable(&self) -> Result<(), MapError> {
        if self.is_frozen() || self.spec.flags & BPF_F_RDONLY != 0 { Err(MapError::Access) } else { Ok(()) }
    }

    fn check_key(&self, key: &[u8]) -> Result<(), MapError> {
        let is = self.spec.key_size as usize;
        if key.len() == is { Ok(()) } else { Err(MapError::KeySize { is, given: key.len() }) }
    }

    fn check_value(&self, value: &[u8]) -> Result<(), MapError> {
        let is = self.value_len();
        if value.len() == is { Ok(()) } else { Err(MapError::ValueSize { is, given: value.len() }) }
    }

    fn unknown<T>(&self) -> Result<T, MapError> {
        let map_type = self.spec.map_type;
        Err(if map_type == MapType::Ringbuf { MapError::Unsupported(map_type) } else { MapError::Operation(map_type) })
    }

    /// Copies a value out (MAP_LOOKUP_ELEM). From any context.
    pub fn lookup(&self, key: &[u8], out: &mut [u8]) -> Result<(), MapError> {
        self.readable()?;
        match &self.kind {
            Kind::Array(array) => self.check_key(key).and_then(|()| self.check_value(out)).and_then(|()| array.lookup(key, out)),
            Kind::Hash(hash) => self.check_key(key).and_then(|()| self.check_value(out)).and_then(|()| hash.lookup(key, out)),
            // No program can be put there yet, so every element is empty.
            Kind::ProgArray(_) => self.check_key(key).and(Err(MapError::NoSuchKey)),
            Kind::Ringbuf(_) => self.unknown(),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Vec<u8>, MapError> {
        let mut out = alloc::vec![0; self.value_len()];
        self.lookup(key, &mut out)?;
        Ok(out)
    }

    /// Sets a value (MAP_UPDATE_ELEM). From any context.
    pub fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        self.writable()?;
        if flags & BPF_F_LOCK != 0 {
            // No value has a lock.
            return Err(MapError::Flags(flags));
        }
        match &self.kind {
            Kind::Array(array) => self.check_key(key).and_then(|()| self.check_value(value)).and_then(|()| array.update(key, value, flags)),
            Kind::Hash(hash) => self.check_key(key).and_then(|()| self.check_value(value)).and_then(|()| hash.update(key, value, flags)),
            Kind::Ringbuf(_) | Kind::ProgArray(_) => self.unknown(),
        }
    }

    /// Removes an element (MAP_DELETE_ELEM). From any context.
    pub fn delete(&self, key: &[u8]) -> Result<(), MapError> {
        self.writable()?;
        match &self.kind {
            Kind::Hash(hash) => self.check_key(key).and_then(|()| hash.delete(key, None)),
            Kind::ProgArray(array) => self.check_key(key).and_then(|()| Err(array.empty(key))),
            Kind::Array(_) | Kind::Ringbuf(_) => self.unknown(),
        }
    }

    /// Copies a value out and removes the element, at once (MAP_LOOKUP_AND_DELETE_ELEM). From any context.
    pub fn lookup_and_delete(&self, key: &[u8], out: &mut [u8]) -> Result<(), MapError> {
        self.readable().and_then(|()| self.writable())?;
        match &self.kind {
            Kind::Hash(hash) => self.check_key(key).and_then(|()| self.check_value(out)).and_then(|()| hash.delete(key, Some(out))),
            Kind::Array(_) | Kind::Ringbuf(_) | Kind::ProgArray(_) => Err(MapError::Unsupported(self.spec.map_type)),
        }
    }

    /// The key after `key`, the first one for `None` and for a key that is not there (MAP_GET_NEXT_KEY). Safe while others change the map:
    /// elements that stay are all met unless their list changes at that moment.
    pub fn next_key(&self, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), MapError> {
        self.readable()?;
        if let Some(key) = key {
            self.check_key(key)?;
        }
        self.check_key(out)?;
        match &self.kind {
            Kind::Array(array) | Kind::ProgArray(array) => array.next_key(key, out),
            Kind::Hash(hash) => hash.next_key(key, out),
            Kind::Ringbuf(_) => self.unknown(),
        }
    }

    /// Every key.
    pub fn keys(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        let mut last: Option<Vec<u8>> = None;
        // As many as fit, so that it ends although others add what was just removed.
        (0..self.spec.max_entries).map_while(move |_| {
            let mut next = alloc::vec![0; self.spec.key_size as usize];
            self.next_key(last.as_deref(), &mut next).ok()?;
            last = Some(next.clone());
            Some(next)
        })
    }

    /// Address of the only element's value of an array with one, for programs that name it directly (BPF_PSEUDO_MAP_VALUE).
    pub fn value_address(&self) -> Option<u64> {
        match &self.kind {
            Kind::Array(array) if self.spec.max_entries == 1 && !self.spec.per_cpu() => Some(array.row(0).0.expose_provenance() as u64),
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
        let key = unsafe { core::slice::from_raw_parts(key, self.spec.key_size as usize) };
        let found = match &self.kind {
            Kind::Array(array) => array.lookup_ptr(key),
            Kind::Hash(hash) => hash.lookup_ptr(key),
            Kind::Ringbuf(_) | Kind::ProgArray(_) => None,
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
        let key = unsafe { core::slice::from_raw_parts(key, self.spec.key_size as usize) };
        // SAFETY: the caller's.
        let value = unsafe { core::slice::from_raw_parts(value, self.spec.value_size as usize) };
        match &self.kind {
            Kind::Array(array) => array.update_here(key, value, flags),
            Kind::Hash(hash) => hash.update_here(key, value, flags),
            Kind::Ringbuf(_) | Kind::ProgArray(_) => self.unknown(),
        }
    }

    /// Removes a key. IRQs off.
    ///
    /// # Safety
    ///
    /// `key` is readable for the key's size.
    pub unsafe fn delete_ptr(&self, key: *const u8) -> Result<(), MapError> {
        // SAFETY: the caller's.
        let key = unsafe { core::slice::from_raw_parts(key, self.spec.key_size as usize) };
        match &self.kind {
            Kind::Hash(hash) => hash.delete(key, None),
            Kind::Array(_) | Kind::Ringbuf(_) | Kind::ProgArray(_) => self.unknown(),
        }
    }

    /// Reserves a record of a ring buffer; null: no room, or no ring buffer.
    pub fn reserve(&self, len: u64) -> *mut u8 {
        self.ringbuf().and_then(|ring| ring.reserve(len)).unwrap_or(ptr::null_mut())
    }
}
