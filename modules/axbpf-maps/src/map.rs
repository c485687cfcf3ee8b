//! Maps of every type behind one interface.
use crate::array::Array;
use crate::bloom::Bloom;
use crate::hash::Hash;
use crate::lpm::Lpm;
use crate::objects::{HashOfMaps, Holds, Inner, Object, Objects};
use crate::ops::Ops;
use crate::queue::Queue;
use crate::ringbuf::UserRing;
use crate::stacktrace::StackTrace;
use crate::storage::TaskStorage;
use crate::store::{Flat, Growing};
use crate::sync::AtomicU64;
use crate::{MapError, MapSpec, Ringbuf};
use alloc::sync::Arc;
use alloc::vec::Vec;
use axbpf_abi::MapType;
use axbpf_abi::flags::*;
use axbpf_platform::{cpu_count, quiesce};
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::*};

/// A map.
pub struct Map {
    spec: MapSpec,
    /// See [`Map::value_len`].
    value_len: usize,
    /// What commands find by the shortest way.
    pub(crate) short: Short,
    id: u32,
    pub(crate) frozen: AtomicBool,
    /// Commands that change it at the moment.
    writers: AtomicU32,
    /// See [`Map::hold`].
    users: AtomicU32,
    pub(crate) kind: Kind,
}

/// What a map is. Programs' operations on the first ones are called directly.
#[derive(Debug)]
pub(crate) enum Kind {
    Array(Array),
    Hash(Hash<Flat>),
    /// With BPF_F_NO_PREALLOC.
    Sparse(Hash<Growing>),
    Ringbuf(Ringbuf),
    Objects(Objects),
    HashOfMaps(HashOfMaps),
    Queue(Queue),
    Bloom(Bloom),
    Lpm(Lpm),
    StackTrace(StackTrace),
    UserRing(UserRing),
    TaskStorage(TaskStorage),
}

impl Kind {
    pub(crate) fn ops(&self) -> &dyn Ops {
        match self {
            Kind::Array(array) => array,
            Kind::Hash(hash) => hash,
            Kind::Sparse(hash) => hash,
            Kind::Ringbuf(ring) => ring,
            Kind::Objects(objects) => objects,
            Kind::HashOfMaps(maps) => maps,
            Kind::Queue(queue) => queue,
            Kind::Bloom(bloom) => bloom,
            Kind::Lpm(trie) => trie,
            Kind::StackTrace(traces) => traces,
            Kind::UserRing(ring) => ring,
            Kind::TaskStorage(storage) => storage,
        }
    }
}

/// See [`Map::get_word`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Short {
    /// An array of words.
    Index,
    /// A hash of keys of 4 or 8 bytes to words.
    Word,
    /// Neither; or commands may not do everything.
    None,
}

/// A command that changes a map.
pub(crate) struct Writing<'a>(&'a AtomicU32);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// See [`Map::mmap`].
pub struct Shared<'a> {
    words: &'a [AtomicU64],
    _writing: Writing<'a>,
}

impl core::ops::Deref for Shared<'_> {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        self.words
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map({} {:?})", self.name(), self.kind)
    }
}

impl Map {
    /// Makes a map. From task context.
    pub fn new(spec: &MapSpec) -> Result<Arc<Map>, MapError> {
        Map::with_inner(spec, None)
    }

    /// Makes a map of maps: those that are put into it have to be like `inner`. From task context.
    pub fn with_inner(spec: &MapSpec, inner: Option<&MapSpec>) -> Result<Arc<Map>, MapError> {
        static IDS: AtomicU32 = AtomicU32::new(1);
        spec.check()?;
        let inner = || inner.ok_or(MapError::NoInner).and_then(|inner| inner.check().and_then(|()| Inner::like(inner)));
        let kind = match spec.map_type {
            MapType::Array | MapType::PercpuArray => Kind::Array(Array::new(spec)?),
            MapType::Hash | MapType::PercpuHash if spec.flags & BPF_F_NO_PREALLOC != 0 => Kind::Sparse(Hash::growing(spec)?),
            MapType::Hash | MapType::PercpuHash | MapType::LruHash | MapType::LruPercpuHash => Kind::Hash(Hash::new(spec)?),
            MapType::Queue | MapType::Stack => Kind::Queue(Queue::new(spec)?),
            MapType::LpmTrie => Kind::Lpm(Lpm::new(spec)?),
            MapType::BloomFilter => Kind::Bloom(Bloom::new(spec)?),
            MapType::Ringbuf => Kind::Ringbuf(Ringbuf::new(spec)?),
            MapType::UserRingbuf => Kind::UserRing(UserRing::new(spec)?),
            MapType::StackTrace => Kind::StackTrace(StackTrace::new(spec)?),
            MapType::TaskStorage => Kind::TaskStorage(TaskStorage::new(spec)?),
            MapType::ProgArray => Kind::Objects(Objects::new(spec, Holds::Programs)?),
            MapType::PerfEventArray => Kind::Objects(Objects::new(spec, Holds::Rings)?),
            MapType::ArrayOfMaps => Kind::Objects(Objects::new(spec, Holds::Maps(inner()?))?),
            MapType::HashOfMaps => Kind::HashOfMaps(HashOfMaps::new(spec, inner()?)?),
            other => return Err(MapError::Type(other)),
        };
        let value_len = if spec.per_cpu() { spec.stride() * cpu_count() } else { spec.value_size as usize };
        let open = spec.flags & (BPF_F_RDONLY | BPF_F_WRONLY) == 0 && spec.fields.all().next().is_none();
        let short = match &kind {
            Kind::Array(_) if open && value_len == 8 => Short::Index,
            Kind::Hash(hash) if open && value_len == 8 && hash.is_plain() && matches!(spec.key_size, 4 | 8) => Short::Word,
            _ => Short::None,
        };
        let map = Arc::new(Map {
            spec: *spec,
            value_len,
            short,
            id: IDS.fetch_add(1, Relaxed),
            frozen: AtomicBool::new(false),
            writers: AtomicU32::new(0),
            users: AtomicU32::new(0),
            kind,
        });
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
        self.value_len
    }

    /// From task context: forbids changes by commands from now on; programs may still make theirs, unless BPF_F_RDONLY_PROG. [`MapError::Writing`] while a command
    /// changes it; [`MapError::Access`] if they cannot anyway.
    pub fn freeze(&self) -> Result<(), MapError> {
        if self.spec.flags & BPF_F_RDONLY != 0 || self.frozen.swap(true, SeqCst) {
            return Err(MapError::Access);
        }
        // Short ones are in a section instead of being counted.
        if self.writers.load(SeqCst) > 0 || (self.short != Short::None && quiesce().is_err()) {
            self.frozen.store(false, SeqCst);
            return Err(MapError::Writing);
        }
        Ok(())
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

    /// The ring buffer that it is, from tasks to programs.
    pub fn user_ringbuf(&self) -> Option<&UserRing> {
        match &self.kind {
            Kind::UserRing(ring) => Some(ring),
            _ => None,
        }
    }

    pub(crate) fn readable(&self) -> Result<(), MapError> {
        if self.spec.flags & BPF_F_WRONLY != 0 { Err(MapError::Access) } else { Ok(()) }
    }

    /// While the guard lives, the map is not frozen.
    #[inline(always)]
    pub(crate) fn writable(&self) -> Result<Writing<'_>, MapError> {
        self.writers.fetch_add(1, SeqCst);
        let writing = Writing(&self.writers);
        if self.frozen.load(SeqCst) || self.spec.flags & BPF_F_RDONLY != 0 { Err(MapError::Access) } else { Ok(writing) }
    }

    fn check_key(&self, key: &[u8]) -> Result<(), MapError> {
        let is = self.spec.key_size as usize;
        if key.len() == is { Ok(()) } else { Err(MapError::KeySize { is, given: key.len() }) }
    }

    fn check_value(&self, value: &[u8]) -> Result<(), MapError> {
        let is = self.value_len();
        if value.len() == is { Ok(()) } else { Err(MapError::ValueSize { is, given: value.len() }) }
    }

    /// BPF_F_LOCK needs values with a lock.
    pub(crate) fn check_lock(&self, flags: u64) -> Result<(), MapError> {
        if flags & BPF_F_LOCK != 0 && self.spec.fields.spin_lock.is_none() { Err(MapError::Flags(flags)) } else { Ok(()) }
    }

    /// Copies a value out (MAP_LOOKUP_ELEM); a bloom filter is asked whether it has the value in `out`. `flags`: 0 or BPF_F_LOCK.
    pub fn lookup_with(&self, key: &[u8], out: &mut [u8], flags: u64) -> Result<(), MapError> {
        self.readable()?;
        if flags & !BPF_F_LOCK != 0 {
            return Err(MapError::Flags(flags));
        }
        self.check_lock(flags)?;
        self.check_key(key)?;
        self.check_value(out)?;
        match &self.kind {
            Kind::Array(array) => array.lookup(key, out, flags),
            Kind::Hash(hash) => hash.lookup(key, out, flags),
            other => other.ops().lookup(key, out, flags),
        }
    }

    /// [`lookup_with`](Self::lookup_with) without flags.
    pub fn lookup(&self, key: &[u8], out: &mut [u8]) -> Result<(), MapError> {
        self.lookup_with(key, out, 0)
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Vec<u8>, MapError> {
        let mut out = alloc::vec![0; self.value_len()];
        self.lookup(key, &mut out)?;
        Ok(out)
    }

    /// Sets a value (MAP_UPDATE_ELEM); queues and stacks take one more.
    pub fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        let _writing = self.writable()?;
        self.check_lock(flags)?;
        self.check_key(key)?;
        self.check_value(value)?;
        match &self.kind {
            Kind::Array(array) => array.update(key, value, flags),
            Kind::Hash(hash) => hash.update(key, value, flags),
            other => other.ops().update(key, value, flags),
        }
    }

    /// Removes an element (MAP_DELETE_ELEM).
    pub fn delete(&self, key: &[u8]) -> Result<(), MapError> {
        let _writing = self.writable()?;
        self.check_key(key)?;
        self.kind.ops().delete(key)
    }

    /// Copies a value out and removes the element, at once (MAP_LOOKUP_AND_DELETE_ELEM). `flags`: 0 or BPF_F_LOCK.
    pub fn lookup_and_delete_with(&self, key: &[u8], out: &mut [u8], flags: u64) -> Result<(), MapError> {
        let _writing = self.readable().and_then(|()| self.writable())?;
        if flags & !BPF_F_LOCK != 0 {
            return Err(MapError::Flags(flags));
        }
        self.check_lock(flags)?;
        self.check_key(key)?;
        self.check_value(out)?;
        self.kind.ops().lookup_and_delete(key, out, flags)
    }

    /// [`lookup_and_delete_with`](Self::lookup_and_delete_with) without flags.
    pub fn lookup_and_delete(&self, key: &[u8], out: &mut [u8]) -> Result<(), MapError> {
        self.lookup_and_delete_with(key, out, 0)
    }

    /// The key after `key`, the first one for `None` and for a key that is not there (MAP_GET_NEXT_KEY). Safe while others change the map:
    /// elements that stay are all met unless their list changes at that moment.
    pub fn next_key(&self, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), MapError> {
        self.readable()?;
        if let Some(key) = key {
            self.check_key(key)?;
        }
        self.check_key(out)?;
        self.kind.ops().next_key(key, out)
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

    /// Every key with its value, as far as they stay while they are gone through.
    pub fn iter(&self) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + '_ {
        self.keys().filter_map(|key| Some((self.get(&key).ok()?, key))).map(|(value, key)| (key, value))
    }

    /// The values of an array with BPF_F_MMAPABLE as words, each value rounded up to 8 bytes: what a process gets from Linux by mmap(2), here
    /// without mapping anything. As long as it is held the map cannot be frozen.
    pub fn mmap(&self) -> Result<Shared<'_>, MapError> {
        match &self.kind {
            Kind::Array(array) if self.spec.flags & BPF_F_MMAPABLE != 0 => {
                self.readable()?;
                Ok(Shared { _writing: self.writable()?, words: array.words() })
            }
            _ => Err(MapError::NotSupported),
        }
    }

    /// Whether a value with these bytes was put into a bloom filter, perhaps.
    pub fn may_contain(&self, value: &[u8]) -> Result<bool, MapError> {
        let mut value = value.to_vec();
        match self.lookup(&[], &mut value) {
            Ok(()) => Ok(true),
            Err(MapError::NoSuchKey) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Puts a program into a program array (MAP_UPDATE_ELEM with its descriptor). Whether it fits is the caller's to know.
    pub fn put(&self, key: &[u8], object: Arc<dyn Object>, flags: u64) -> Result<(), MapError> {
        let _writing = self.writable()?;
        self.check_key(key)?;
        match &self.kind {
            Kind::Objects(objects) if matches!(objects.holds(), Holds::Programs) => {
                if flags != BPF_ANY {
                    return Err(MapError::Flags(flags));
                }
                if !objects.claim(object.kind()) {
                    return Err(MapError::Kind);
                }
                objects.put(key, Some(object))
            }
            _ => Err(MapError::Operation),
        }
    }

    /// Puts a map into a map of maps, a ring buffer into an array of perf events (MAP_UPDATE_ELEM with its descriptor).
    pub fn put_map(&self, key: &[u8], map: Arc<Map>, flags: u64) -> Result<(), MapError> {
        let _writing = self.writable()?;
        self.check_lock(flags)?;
        self.check_key(key)?;
        match &self.kind {
            Kind::Objects(_) if flags != BPF_ANY => Err(MapError::Flags(flags)),
            Kind::Objects(objects) => {
                match objects.holds() {
                    Holds::Programs => return Err(MapError::Operation),
                    Holds::Maps(inner) => inner.check(&map)?,
                    Holds::Rings if map.ringbuf().is_none() => return Err(MapError::Inner("a CPU's events go to a ring buffer")),
                    Holds::Rings => {}
                }
                objects.put(key, Some(map))
            }
            Kind::HashOfMaps(maps) => maps.inner().check(&map).and_then(|()| maps.put(key, map, flags)),
            _ => Err(MapError::Operation),
        }
    }

    /// Whether a program array can be used by a program of this kind ([`Object::kind`]); it holds no other from now on.
    pub fn claim(&self, kind: u32) -> bool {
        match &self.kind {
            Kind::Objects(objects) if matches!(objects.holds(), Holds::Programs) => objects.claim(kind),
            _ => true,
        }
    }

    /// Somebody who is no program uses the map: a descriptor, an object. Programs in an array may use that array, so that each keeps the other;
    /// when the last user leaves ([`release`](Self::release)), the array lets go of them (Linux: `bpf_map_put_uref`). So does one of perf
    /// events without BPF_F_PRESERVE_ELEMS.
    pub fn hold(&self) {
        self.users.fetch_add(1, Relaxed);
    }

    /// See [`hold`](Self::hold). From task context.
    pub fn release(&self) {
        if self.users.fetch_sub(1, AcqRel) == 1
            && let Kind::Objects(objects) = &self.kind
        {
            match objects.holds() {
                Holds::Programs => objects.clear(),
                Holds::Rings if self.spec.flags & BPF_F_PRESERVE_ELEMS == 0 => objects.clear(),
                _ => {}
            }
        }
    }

    /// The program or map in a slot.
    pub fn object(&self, key: &[u8]) -> Option<Arc<dyn Object>> {
        match &self.kind {
            Kind::Objects(objects) => objects.get(key),
            Kind::HashOfMaps(maps) => maps.get(key),
            _ => None,
        }
    }

    fn inner(&self) -> Option<&Inner> {
        match &self.kind {
            Kind::Objects(objects) => match objects.holds() {
                Holds::Maps(inner) => Some(inner),
                _ => None,
            },
            Kind::HashOfMaps(maps) => Some(maps.inner()),
            _ => None,
        }
    }

    /// What the maps in a map of maps are like.
    pub fn inner_spec(&self) -> Option<&MapSpec> {
        self.inner().map(Inner::spec)
    }

    /// For code that jumps by a program array: address of the first slot, 8 bytes each, and how many.
    pub fn object_table(&self) -> Option<(*const u8, usize)> {
        match &self.kind {
            Kind::Objects(objects) => Some(objects.table()),
            _ => None,
        }
    }
}
