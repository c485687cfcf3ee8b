//! Arrays of objects: programs to jump to, maps to look up, ring buffers for the events of a CPU each.
//!
//! Invariants:
//! 1. A slot's word is the address of what its owner owns, or 0. It changes by one store, under the lock that also changes the owner.
//! 2. What a slot held is dropped after a grace period: a program that found the address uses it until it returns.
use crate::array::next_index;
use crate::bytes;
use crate::hash::Hash;
use crate::memory::{Charge, allocate, boxed};
use crate::ops::Ops;
use crate::store::Flat;
use crate::words::Words;
use crate::{Map, MapError, MapSpec};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use axbpf_abi::MapType;
use axbpf_abi::flags::{BPF_EXIST, BPF_F_INNER_MAP};
use axbpf_platform::IrqGuard;
use core::any::Any;
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering::*};
use kspin::SpinRaw;

/// What a slot can hold.
pub trait Object: Any + Send + Sync {
    /// Its number, which lookups answer.
    fn id(&self) -> u32;
    /// What programs find in the slot: a map's address, or where a program is entered. Not 0, and valid as long as the object lives.
    fn address(&self) -> u64;
    /// Objects of one array are of one kind: the first one decides. Programs: their type, and whether they are compiled.
    fn kind(&self) -> u32 {
        0
    }
}

impl Object for Map {
    fn id(&self) -> u32 {
        Map::id(self)
    }

    fn address(&self) -> u64 {
        Map::address(self)
    }
}

/// What maps that are put into a map have to be like (Linux: `bpf_map_meta_equal`, `array_map_meta_equal`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inner(MapSpec);

impl Inner {
    /// Maps like this one.
    pub(crate) fn like(spec: &MapSpec) -> Result<Inner, MapError> {
        match spec.map_type {
            // Two levels are enough.
            MapType::ArrayOfMaps | MapType::HashOfMaps => Err(MapError::Inner("maps of maps do not nest")),
            MapType::ProgArray | MapType::TaskStorage => Err(MapError::Unsupported),
            _ => Ok(Inner(*spec)),
        }
    }

    pub(crate) fn spec(&self) -> &MapSpec {
        &self.0
    }

    pub(crate) fn check(&self, map: &Map) -> Result<(), MapError> {
        let (a, b) = (&self.0, map.spec());
        let same = (a.map_type, a.key_size, a.value_size, a.flags, a.fields) == (b.map_type, b.key_size, b.value_size, b.flags, b.fields);
        let array = matches!(a.map_type, MapType::Array | MapType::PercpuArray | MapType::PerfEventArray);
        let sized = array && a.flags & BPF_F_INNER_MAP == 0;
        if same && (!sized || a.max_entries == b.max_entries) {
            Ok(())
        } else {
            Err(MapError::Inner("it has to be like the one that the outer map was made with"))
        }
    }
}

/// The owners of what slots hold. From task context.
struct Owners(SpinRaw<Places>);

/// One place a slot, and those that are free, for whom it matters.
struct Places {
    list: Vec<Option<Arc<dyn Object>>>,
    free: Vec<u32>,
}

impl Owners {
    fn new(len: usize) -> Result<Owners, MapError> {
        let list = boxed(len, || None)?.into_vec();
        let mut next = len as u32;
        let free = boxed(len, || {
            next -= 1;
            next
        })?;
        Ok(Owners(SpinRaw::new(Places { list, free: free.into_vec() })))
    }

    fn with<R>(&self, f: impl FnOnce(&mut Places) -> R) -> R {
        let _section = IrqGuard::new();
        f(&mut self.0.lock())
    }
}

/// Bytes of an owner.
const OWNER: usize = size_of::<Option<Arc<dyn Object>>>() + size_of::<u32>();

/// Drops what programs may still see.
fn release(object: Option<Arc<dyn Object>>) {
    if let Some(object) = object {
        axbpf_platform::defer(Box::new(object));
    }
}

/// What an array of objects holds.
pub(crate) enum Holds {
    Programs,
    /// Maps like this one.
    Maps(Inner),
    /// Ring buffers, by the number of the CPU whose events they take.
    Rings,
}

/// An array of programs, of maps or of ring buffers.
pub(crate) struct Objects {
    slots: Words,
    _charges: [Charge; 2],
    owners: Owners,
    holds: Holds,
    /// One more than the kind of what it holds; 0: nothing decided that yet.
    kind: AtomicU32,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Objects({})", self.slots.len())
    }
}

impl Objects {
    pub(crate) fn new(spec: &MapSpec, holds: Holds) -> Result<Objects, MapError> {
        let entries = spec.max_entries as usize;
        let charge = Charge::new(entries.checked_mul(OWNER))?;
        let (slots, words) = allocate(Some(entries))?;
        Ok(Objects { slots, _charges: [charge, words], owners: Owners::new(entries)?, holds, kind: AtomicU32::new(0) })
    }

    /// From now on it holds this kind of objects alone; `false`: it holds another.
    pub(crate) fn claim(&self, kind: u32) -> bool {
        let kind = kind.wrapping_add(1);
        self.kind.compare_exchange(0, kind, Relaxed, Relaxed).is_ok() || self.kind.load(Relaxed) == kind
    }

    /// Takes everything out.
    pub(crate) fn clear(&self) {
        for index in 0..self.slots.len() as u32 {
            let _ = self.put(&index.to_le_bytes(), None);
        }
    }

    pub(crate) fn holds(&self) -> &Holds {
        &self.holds
    }

    /// The ring buffer at this place, for as long as the caller's section lasts.
    pub(crate) fn ring(&self, index: u32) -> Option<u64> {
        let index = index as usize;
        let word = if index < self.slots.len() { self.slots.at(index).load(Acquire) } else { 0 };
        (word != 0).then_some(word)
    }

    /// How many places it has.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    fn index(&self, key: &[u8]) -> Option<usize> {
        let index = bytes::index(key)? as usize;
        (index < self.slots.len()).then_some(index)
    }

    /// Puts an object into a slot, or takes out what is there.
    pub(crate) fn put(&self, key: &[u8], object: Option<Arc<dyn Object>>) -> Result<(), MapError> {
        let index = self.index(key).ok_or(MapError::Index)?;
        let taken = object.is_none();
        let old = self.owners.with(|owners| {
            self.slots.at(index).store(object.as_ref().map_or(0, |object| object.address()), Release);
            core::mem::replace(&mut owners.list[index], object)
        });
        let empty = old.is_none();
        release(old);
        if taken && empty { Err(MapError::NoSuchKey) } else { Ok(()) }
    }

    /// What a slot holds.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Arc<dyn Object>> {
        let index = self.index(key)?;
        self.owners.with(|owners| owners.list[index].clone())
    }

    /// Address of the first slot's word, for code that jumps by it: 8 bytes a slot, 0 where there is nothing.
    pub(crate) fn table(&self) -> (*const u8, usize) {
        (self.slots.ptr(0), self.slots.len())
    }
}

impl Ops for Objects {
    /// The object's id.
    fn lookup(&self, key: &[u8], out: &mut [u8], _flags: u64) -> Result<(), MapError> {
        if matches!(self.holds, Holds::Rings) {
            return Err(MapError::Unsupported);
        }
        let object = self.get(key).ok_or(MapError::NoSuchKey)?;
        out.copy_from_slice(&object.id().to_le_bytes());
        Ok(())
    }

    /// Objects are not bytes: see [`Map::put`](crate::Map::put).
    fn update(&self, _key: &[u8], _value: &[u8], _flags: u64) -> Result<(), MapError> {
        Err(MapError::Operation)
    }

    fn delete(&self, key: &[u8]) -> Result<(), MapError> {
        self.put(key, None)
    }

    fn next_key(&self, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), MapError> {
        next_index(self.slots.len(), key, out)
    }

    /// The map itself. Programs do not look programs up, nor their events' ring buffers.
    fn lookup_ptr(&self, key: &[u8]) -> Option<*mut u8> {
        if !matches!(self.holds, Holds::Maps(_)) {
            return None;
        }
        address(self.slots.at(self.index(key)?).load(Acquire))
    }
}

fn address(word: u64) -> Option<*mut u8> {
    (word != 0).then(|| core::ptr::with_exposed_provenance_mut(word as usize))
}

/// A hash of maps. A value is the map's address, and the number of its owner.
pub(crate) struct HashOfMaps {
    hash: Hash<Flat>,
    _charge: Charge,
    owners: Owners,
    inner: Inner,
    /// Bytes of a key.
    key_size: usize,
}

impl fmt::Debug for HashOfMaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashOfMaps({:?})", self.hash)
    }
}

impl HashOfMaps {
    pub(crate) fn new(spec: &MapSpec, inner: Inner) -> Result<HashOfMaps, MapError> {
        let entries = spec.max_entries as usize;
        let _charge = Charge::new(entries.checked_mul(OWNER))?;
        let hash = Hash::new(&MapSpec { value_size: 16, ..*spec })?;
        Ok(HashOfMaps { hash, _charge, owners: Owners::new(entries)?, inner, key_size: spec.key_size as usize })
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// The number of a key's owner.
    fn owner(&self, key: &[u8]) -> Option<usize> {
        let mut value = [0; 16];
        self.hash.lookup(key, &mut value, 0).ok()?;
        Some(u64::from_le_bytes(*value.last_chunk()?) as usize)
    }

    pub(crate) fn put(&self, key: &[u8], map: Arc<Map>, flags: u64) -> Result<(), MapError> {
        let old = self.owners.with(|owners| {
            let old = self.owner(key);
            // A key that is replaced keeps its owner's place.
            let full = if flags == BPF_EXIST { MapError::NoSuchKey } else { MapError::Full };
            let place = old.or_else(|| owners.free.last().map(|&place| place as usize)).ok_or(full)?;
            let mut value = [0; 16];
            value[..8].copy_from_slice(&map.address().to_le_bytes());
            value[8..].copy_from_slice(&(place as u64).to_le_bytes());
            self.hash.update(key, &value, flags)?;
            if old.is_none() {
                owners.free.pop();
            }
            Ok(owners.list[place].replace(map))
        })?;
        release(old);
        Ok(())
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<Arc<dyn Object>> {
        self.owners.with(|owners| owners.list[self.owner(key)?].clone())
    }
}

impl Ops for HashOfMaps {
    fn lookup(&self, key: &[u8], out: &mut [u8], _flags: u64) -> Result<(), MapError> {
        let object = self.get(key).ok_or(MapError::NoSuchKey)?;
        out.copy_from_slice(&object.id().to_le_bytes());
        Ok(())
    }

    fn update(&self, _key: &[u8], _value: &[u8], _flags: u64) -> Result<(), MapError> {
        Err(MapError::Operation)
    }

    fn delete(&self, key: &[u8]) -> Result<(), MapError> {
        let old = self.owners.with(|owners| {
            let place = self.owner(key).ok_or(MapError::NoSuchKey)?;
            self.hash.delete(key)?;
            // There is room: it was taken from there.
            owners.free.push(place as u32);
            Ok(owners.list[place].take())
        })?;
        release(old);
        Ok(())
    }

    fn next_key(&self, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), MapError> {
        self.hash.next_key(key, out)
    }

    fn lookup_ptr(&self, key: &[u8]) -> Option<*mut u8> {
        address(self.hash.word(key)?)
    }

    fn buckets(&self) -> u32 {
        self.hash.buckets()
    }

    fn bucket(&self, number: u32, keys: &mut [u8], values: &mut [u8], flags: u64, delete: bool) -> Result<usize, MapError> {
        // Lists are short: there are as many buckets as elements.
        let room = (values.len() / 4).min(64);
        let mut words = alloc::vec![0; room * 16];
        let mut gone: Vec<Option<Arc<dyn Object>>> = Vec::with_capacity(room);
        let keys = keys.get_mut(..room * self.key_size).unwrap_or_default();
        let count = self.owners.with(|owners| {
            let count = self.hash.bucket(number, keys, &mut words, flags, delete)?;
            for (value, id) in words.chunks(16).zip(values.chunks_mut(4)).take(count) {
                let place = value.last_chunk().map_or(0, |&place| u64::from_le_bytes(place) as usize);
                id.copy_from_slice(&owners.list[place].as_ref().map_or(0, |object| object.id()).to_le_bytes());
                if delete {
                    // There is room in both: they were taken from there, and no more than `room`.
                    owners.free.push(place as u32);
                    gone.push(owners.list[place].take());
                }
            }
            Ok(count)
        })?;
        gone.into_iter().for_each(release);
        Ok(count)
    }
}
