//! Random sequences of operations on maps of every type, by commands and as programs do them, against plain models; and nothing stays
//! behind: not a byte of memory. `FUZZ_SECONDS=60 FUZZ_SEED=7 cargo test -p axbpf-maps --release --test fuzz` goes on for longer, so long
//! for each type, and then as long as for ten with types mixed.
use axbpf_abi::MapType::{self, *};
use axbpf_abi::flags::*;
use axbpf_maps::{Map, MapError, MapSpec, Object, Ringbuf, memory_used};
use axbpf_platform::{IrqGuard, cpu_id, defer, reclaim};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Counts what is allocated and not given back.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does it all.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> u64 {
        ((self.next() >> 32) * n) >> 32
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// A map as programs use it.
struct Program<'a>(&'a Map);

impl Program<'_> {
    fn lookup(&self, key: &[u8]) -> Option<*mut u8> {
        let _section = IrqGuard::new();
        // SAFETY: of the map's size, as in all of these.
        let value = unsafe { self.0.lookup_ptr(key.as_ptr()) };
        (!value.is_null()).then_some(value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        // SAFETY: a value of the map, which nobody else uses.
        self.lookup(key).map(|at| unsafe { std::slice::from_raw_parts(at, self.0.spec().value_size as usize) }.to_vec())
    }

    fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        let _section = IrqGuard::new();
        // SAFETY: as above.
        unsafe { self.0.update_ptr(key.as_ptr(), value.as_ptr(), flags) }
    }

    fn delete(&self, key: &[u8]) -> Result<(), MapError> {
        let _section = IrqGuard::new();
        // SAFETY: as above.
        unsafe { self.0.delete_ptr(key.as_ptr()) }
    }

    fn push(&self, value: &[u8], flags: u64) -> Result<(), MapError> {
        let _section = IrqGuard::new();
        // SAFETY: as above.
        unsafe { self.0.push_ptr(value.as_ptr(), flags) }
    }

    fn pop(&self, value: &mut [u8], keep: bool) -> Result<(), MapError> {
        let _section = IrqGuard::new();
        // SAFETY: as above.
        unsafe { self.0.pop_ptr(value.as_mut_ptr(), keep) }
    }
}

const FLAGS: [u64; 5] = [BPF_ANY, BPF_ANY, BPF_NOEXIST, BPF_EXIST, 9];

/// What a map with keys holds: by the key that identifies it, the key as it was given and the value.
struct Keyed<'a> {
    map: &'a Map,
    model: BTreeMap<Vec<u8>, (Vec<u8>, Vec<u8>)>,
    what: MapType,
    max: usize,
}

/// A prefix without the bits behind it; `None`: longer than the key.
fn masked(key: &[u8]) -> Option<(usize, Vec<bool>)> {
    let len = u32::from_ne_bytes(key[..4].try_into().unwrap()) as usize;
    let bits = |n: usize| key[4 + n / 8] >> (7 - n % 8) & 1 == 1;
    (len <= (key.len() - 4) * 8).then(|| (len, (0..len).map(bits).collect()))
}

impl Keyed<'_> {
    fn is_array(&self) -> bool {
        matches!(self.what, Array | PercpuArray)
    }

    fn is_lru(&self) -> bool {
        matches!(self.what, LruHash | LruPercpuHash)
    }

    fn per_cpu(&self) -> bool {
        matches!(self.what, PercpuArray | PercpuHash | LruPercpuHash)
    }

    /// Bytes from one CPU's value to the next.
    fn stride(&self) -> usize {
        (self.map.spec().value_size as usize).next_multiple_of(8)
    }

    fn key(&self, random: &mut Random) -> Vec<u8> {
        let size = self.map.spec().key_size as usize;
        match self.what {
            Array | PercpuArray => (random.below(self.max as u64 + 2) as u32).to_le_bytes().to_vec(),
            LpmTrie => {
                let len = random.below((size as u64 - 4) * 8 + 2) as u32;
                // Few different ones, that differ late.
                let mut key = [len.to_ne_bytes().as_slice(), &vec![0x5a; size - 4]].concat();
                for _ in 0..random.below(3) {
                    let bit = random.below((size as u64 - 4) * 8) as usize;
                    key[4 + bit / 8] ^= 0x80 >> (bit % 8);
                }
                key
            }
            _ => {
                let mut key = vec![0x77; size];
                let number = random.below(self.max as u64 * 2);
                let len = size.min(8);
                key[..len].copy_from_slice(&number.to_le_bytes()[..len]);
                key
            }
        }
    }

    /// What identifies it.
    fn id(&self, key: &[u8]) -> Vec<u8> {
        match self.what {
            LpmTrie => masked(key).map_or(vec![0xff; 4], |(len, bits)| {
                [len.to_string().as_bytes(), &bits.iter().map(|&bit| u8::from(bit)).collect::<Vec<_>>()].concat()
            }),
            _ => key.to_vec(),
        }
    }

    fn bad_prefix(&self, key: &[u8]) -> bool {
        self.what == LpmTrie && masked(key).is_none()
    }

    fn index(key: &[u8]) -> usize {
        u32::from_le_bytes(key.try_into().unwrap()) as usize
    }

    /// The value that a lookup finds.
    fn found(&self, key: &[u8]) -> Option<&Vec<u8>> {
        if self.what != LpmTrie {
            return self.model.get(key).map(|(_, value)| value);
        }
        let (len, bits) = masked(key)?;
        let fits = self.model.values().filter_map(|(key, value)| masked(key).map(|(l, b)| (l, b, value)));
        fits.filter(|(l, b, _)| *l <= len && bits.starts_with(b)).max_by_key(|(l, ..)| *l).map(|(.., value)| value)
    }

    /// What an update answers.
    fn checked(&self, key: &[u8], flags: u64) -> Result<(), MapError> {
        if flags > BPF_EXIST {
            return Err(MapError::Flags(flags));
        }
        if self.is_array() {
            return match flags {
                _ if Self::index(key) >= self.max => Err(MapError::Index),
                BPF_NOEXIST => Err(MapError::Exists),
                _ => Ok(()),
            };
        }
        if self.bad_prefix(key) {
            return Err(MapError::Prefix);
        }
        match (self.model.contains_key(&self.id(key)), flags) {
            (true, BPF_NOEXIST) => Err(MapError::Exists),
            (false, BPF_EXIST) => Err(MapError::NoSuchKey),
            (false, _) if self.model.len() == self.max && !self.is_lru() => {
                Err(if self.what == LpmTrie { MapError::NoSpace } else { MapError::Full })
            }
            _ => Ok(()),
        }
    }

    /// An update was made.
    fn set(&mut self, key: &[u8], value: Vec<u8>) {
        let full = self.model.len() == self.max;
        let id = self.id(key);
        let is_new = self.model.insert(id, (key.to_vec(), value)).is_none();
        if is_new && full {
            // One that was there has gone, and no more than those that are about to be replaced.
            assert!(self.is_lru());
            let left: BTreeSet<_> = self.map.keys().collect();
            assert!(left.contains(key) && left.len() <= self.max && left.len() + 1 >= self.max, "{} of {}", left.len(), self.max);
            let before = self.model.len();
            self.model.retain(|key, _| left.contains(key));
            assert_eq!(self.model.len(), left.len(), "{before} before");
        }
    }

    fn removed(&self, key: &[u8]) -> Result<(), MapError> {
        match () {
            () if self.what == Array || self.what == PercpuArray => Err(MapError::Operation),
            () if self.bad_prefix(key) => Err(MapError::Prefix),
            () if !self.model.contains_key(&self.id(key)) => Err(MapError::NoSuchKey),
            () => Ok(()),
        }
    }

    /// The keys in order, for tries: those below a prefix before it, those with a zero first.
    fn in_order(&self) -> Vec<Vec<u8>> {
        let mut keys: Vec<Vec<u8>> = self.model.values().map(|(key, _)| key.clone()).collect();
        if self.what == LpmTrie {
            keys.sort_by(|a, b| {
                let ((a_len, a), (b_len, b)) = (masked(a).unwrap(), masked(b).unwrap());
                let both = a_len.min(b_len);
                a[..both].cmp(&b[..both]).then(b_len.cmp(&a_len))
            });
        }
        keys
    }

    fn step(&mut self, random: &mut Random) {
        let (map, program) = (self.map, Program(self.map));
        let key = self.key(random);
        let id = self.id(&key);
        let mut out = vec![0xee; map.value_len()];
        let what = random.below(24);
        match what {
            0..6 => {
                let (mut value, flags) = (random.bytes(map.value_len()), random.of(&FLAGS));
                if self.per_cpu() {
                    // What stands between the values of two CPUs is nobody's.
                    let (size, stride) = (map.spec().value_size as usize, self.stride());
                    value.chunks_mut(stride).for_each(|value| value[size..].fill(0));
                }
                let expected = self.checked(&key, flags);
                assert_eq!(map.update(&key, &value, flags), expected, "{key:?} {flags}");
                if expected.is_ok() {
                    self.set(&key, value);
                }
            }
            6..10 => {
                let (value, flags) = (random.bytes(map.spec().value_size as usize), random.of(&FLAGS));
                let expected = self.checked(&key, flags);
                assert_eq!(program.update(&key, &value, flags), expected, "{key:?} {flags}");
                if expected.is_ok() {
                    let all = match (self.per_cpu(), self.model.get(&id)) {
                        (false, _) => value,
                        (true, old) => {
                            let mut all = old.map_or(vec![0; map.value_len()], |(_, old)| old.clone());
                            let at = cpu_id() * self.stride();
                            all[at..at + value.len()].copy_from_slice(&value);
                            all
                        }
                    };
                    self.set(&key, all);
                }
            }
            10..12 => {
                let expected = self.removed(&key);
                assert_eq!(if what == 10 { map.delete(&key) } else { program.delete(&key) }, expected, "{key:?}");
                if expected.is_ok() {
                    self.model.remove(&id);
                }
            }
            12..15 => {
                let expected = self.found(&key).cloned();
                assert_eq!(map.lookup(&key, &mut out).ok().map(|()| out), expected, "{key:?}");
            }
            15..18 => {
                let (here, size) = (cpu_id() * self.stride(), map.spec().value_size as usize);
                let part = |value: &Vec<u8>| if self.per_cpu() { value[here..here + size].to_vec() } else { value.clone() };
                assert_eq!(program.get(&key), self.found(&key).map(part), "{key:?}");
            }
            18..20 => {
                let expected = match self.what {
                    Array | PercpuArray | LpmTrie => Err(MapError::Unsupported),
                    _ => self.removed(&key),
                };
                assert_eq!(map.lookup_and_delete(&key, &mut out), expected);
                if expected.is_ok() {
                    assert_eq!(Some(out), self.model.remove(&id).map(|(_, value)| value));
                }
            }
            20 => {
                let keys: Vec<_> = map.keys().collect();
                let all = self.in_order();
                if self.what == LpmTrie {
                    assert_eq!(keys, all);
                } else {
                    assert_eq!(keys.len(), all.len(), "each once");
                    assert_eq!(keys.into_iter().collect::<BTreeSet<_>>(), all.into_iter().collect());
                }
            }
            21 => self.batch(random),
            22 => {
                let _section = IrqGuard::new();
                let mut seen = BTreeMap::new();
                let (key_size, value_size) = (map.spec().key_size as usize, map.spec().value_size as usize);
                let result = map.for_each_ptr(|key, value| {
                    // SAFETY: an element of the map.
                    let bytes = |at, len| unsafe { std::slice::from_raw_parts(at, len) }.to_vec();
                    seen.insert(bytes(key, key_size), bytes(value.cast_const(), value_size)).is_none()
                });
                if self.what == LpmTrie {
                    return assert_eq!(result, Err(MapError::Operation));
                }
                assert_eq!(result, Ok(self.model.len() as u64));
                for (key, (_, value)) in &self.model {
                    let here = if self.per_cpu() { cpu_id() * self.stride() } else { 0 };
                    assert_eq!(seen.get(key).map(Vec::as_slice), Some(&value[here..here + value_size]));
                }
            }
            _ => {
                // A program writes by a pointer that it looked up.
                let value = random.bytes(map.spec().value_size as usize);
                let Some(at) = program.lookup(&key) else { return };
                // SAFETY: a value of the map, which nobody else uses.
                unsafe { std::slice::from_raw_parts_mut(at, value.len()) }.copy_from_slice(&value);
                let here = if self.per_cpu() { cpu_id() * self.stride() } else { 0 };
                let id = if self.what == LpmTrie {
                    let (len, bits) = masked(&key).unwrap();
                    let fits = self.model.iter().filter(|(_, (key, _))| masked(key).is_some_and(|(l, b)| l <= len && bits.starts_with(&b)));
                    fits.max_by_key(|(_, (key, _))| masked(key).unwrap().0).map(|(id, _)| id.clone()).unwrap()
                } else {
                    id
                };
                self.model.get_mut(&id).unwrap().1[here..here + value.len()].copy_from_slice(&value);
            }
        }
    }

    fn batch(&mut self, random: &mut Random) {
        let map = self.map;
        let (key_size, value_len) = (map.spec().key_size as usize, map.value_len());
        // Enough for a bucket in any case.
        let room = self.model.len() + 1;
        let (mut keys, mut values) = (vec![0; key_size * room], vec![0; value_len * room]);
        let mut next = vec![0; map.place_len()];
        let delete = random.below(3) == 0 && !self.is_array() && self.what != LpmTrie;
        let (count, result) = if delete {
            map.lookup_and_delete_batch(None, &mut next, &mut keys, &mut values, 0)
        } else {
            map.lookup_batch(None, &mut next, &mut keys, &mut values, 0)
        };
        assert_eq!((count, result), (self.model.len(), Err(MapError::NoSuchKey)));
        for (key, value) in keys.chunks(key_size).zip(values.chunks(value_len)).take(count) {
            assert_eq!(self.model.get(&self.id(key)), Some(&(key.to_vec(), value.to_vec())));
        }
        if delete {
            self.model.clear();
        }
    }
}

fn keyed(spec: &MapSpec, random: &mut Random, steps: u64) {
    let map = Map::new(spec).unwrap();
    let max = spec.max_entries as usize;
    let mut keyed = Keyed { map: &map, model: BTreeMap::new(), what: spec.map_type, max };
    if keyed.is_array() {
        let zero = |i: usize| ((i as u32).to_le_bytes().to_vec(), ((i as u32).to_le_bytes().to_vec(), vec![0; map.value_len()]));
        keyed.model = (0..max).map(zero).collect();
    }
    for _ in 0..steps {
        keyed.step(random);
    }
}

/// Queues, stacks and bloom filters.
fn keyless(spec: &MapSpec, random: &mut Random, steps: u64) {
    let map = Map::new(spec).unwrap();
    let program = Program(&map);
    let (size, max) = (spec.value_size as usize, spec.max_entries as usize);
    let mut model = VecDeque::new();
    for _ in 0..steps {
        let (value, flags) = (random.bytes(size), random.of(&[BPF_ANY, BPF_ANY, BPF_EXIST, BPF_NOEXIST]));
        let mut out = value.clone();
        if spec.map_type == BloomFilter {
            let expected = if flags == BPF_ANY { Ok(()) } else { Err(MapError::Flags(flags)) };
            let pushed = if random.below(2) == 0 { map.update(&[], &value, flags) } else { program.push(&value, flags) };
            assert_eq!(pushed, expected);
            if pushed.is_ok() {
                model.push_back(value);
            }
            let i = random.below(model.len() as u64 + 1) as usize;
            if let Some(mut value) = model.get(i).cloned() {
                assert_eq!((map.lookup(&[], &mut value), program.pop(&mut value, true)), (Ok(()), Ok(())), "what was put in is in");
            }
            continue;
        }
        let next = if spec.map_type == Queue { model.front() } else { model.back() };
        let none = || next.cloned().unwrap_or(vec![0; size]);
        match random.below(8) {
            0..4 => {
                let expected = match flags {
                    BPF_NOEXIST => Err(MapError::Flags(flags)),
                    BPF_ANY if model.len() == max => Err(MapError::Full),
                    _ => Ok(()),
                };
                let pushed = if random.below(2) == 0 { map.update(&[], &value, flags) } else { program.push(&value, flags) };
                assert_eq!(pushed, expected);
                if expected.is_ok() {
                    if model.len() == max {
                        model.pop_front();
                    }
                    model.push_back(value);
                }
            }
            4 => assert_eq!((map.lookup(&[], &mut out).is_ok(), &out), (next.is_some(), &none())),
            5 => assert_eq!((program.pop(&mut out, true).is_ok(), &out), (next.is_some(), &none())),
            command => {
                let taken = if command == 6 { map.lookup_and_delete(&[], &mut out) } else { program.pop(&mut out, false) };
                assert_eq!((taken.is_ok(), &out), (next.is_some(), &none()));
                if spec.map_type == Queue {
                    model.pop_front()
                } else {
                    model.pop_back()
                };
            }
        }
    }
}

/// Records, some of them reserved over a while and committed in another order.
fn ring(spec: &MapSpec, random: &mut Random, steps: u64) {
    let map = Map::new(spec).unwrap();
    let ring = map.ringbuf().unwrap();
    let size = u64::from(spec.max_entries);
    // Of what is not consumed, in order: bytes, and whether it is committed, and how.
    let mut model: VecDeque<(Vec<u8>, Option<bool>)> = VecDeque::new();
    let mut open: Vec<(usize, *mut u8)> = Vec::new();
    let (mut first, mut used, mut dropped) = (0, 0, 0);
    let total = |len: usize| (len as u64 + 8).next_multiple_of(8);
    for _ in 0..steps {
        let most = random.of(&[16, 100, 1000, size]);
        let len = random.below(most) as usize;
        let bytes = random.bytes(len);
        match random.below(4) {
            0 => {
                let at = map.reserve(len as u64);
                assert_eq!(at.is_null(), used + total(len) > size, "{used} and {len} of {size}");
                if at.is_null() {
                    dropped += 1;
                    continue;
                }
                // SAFETY: reserved just now.
                unsafe { std::slice::from_raw_parts_mut(at, len) }.copy_from_slice(&bytes);
                used += total(len);
                open.push((first + model.len(), at));
                model.push_back((bytes, None));
            }
            1 if !open.is_empty() => {
                let (number, at) = open.swap_remove(random.below(open.len() as u64) as usize);
                let discard = random.below(4) == 0;
                let _section = IrqGuard::new();
                // SAFETY: reserved, and not committed yet.
                unsafe { Ringbuf::commit_record(at, discard, 0) };
                model[number - first].1 = Some(discard);
            }
            2 => {
                let fits = used + total(len) <= size;
                assert_eq!(ring.output(&bytes, 0), if fits { Ok(()) } else { Err(MapError::Dropped) });
                if fits {
                    used += total(len);
                    model.push_back((bytes, Some(false)));
                } else {
                    dropped += 1;
                }
            }
            _ => {
                let mut expected = Vec::new();
                while let Some((_, Some(discarded))) = model.front() {
                    let discarded = *discarded;
                    let (bytes, _) = model.pop_front().unwrap();
                    used -= total(bytes.len());
                    first += 1;
                    if !discarded {
                        expected.push(bytes);
                    }
                }
                let mut records = Vec::new();
                ring.consume(|record| records.push(record.to_vec()));
                assert_eq!(records, expected);
            }
        }
    }
    assert_eq!(ring.dropped(), dropped);
}

struct Number(u32);

impl Object for Number {
    fn id(&self) -> u32 {
        self.0
    }

    fn address(&self) -> u64 {
        u64::from(self.0) << 12
    }

    fn kind(&self) -> u32 {
        1
    }
}

/// Program arrays and maps of maps.
fn objects(spec: &MapSpec, random: &mut Random, steps: u64) {
    let inner = MapSpec { map_type: Array, key_size: 4, value_size: 8, max_entries: 1, ..MapSpec::default() };
    let programs = spec.map_type == ProgArray;
    let map = if programs { Map::new(spec) } else { Map::with_inner(spec, Some(&inner)) }.unwrap();
    let maps: Vec<Arc<Map>> = (0..4).map(|_| Map::new(&inner).unwrap()).collect();
    let (max, hash) = (spec.max_entries, spec.map_type == HashOfMaps);
    let mut model: BTreeMap<u32, u32> = BTreeMap::new();
    for _ in 0..steps {
        let key = random.below(u64::from(max) + 2) as u32;
        let (bytes, flags) = (key.to_le_bytes(), random.of(&[BPF_ANY, BPF_ANY, BPF_ANY, BPF_NOEXIST, BPF_EXIST]));
        match random.below(6) {
            0..3 => {
                let one = random.of(&[0usize, 1, 2, 3]);
                let id = if programs { one as u32 + 1 } else { maps[one].id() };
                let result = if programs {
                    map.put(&bytes, Arc::new(Number(id)), flags)
                } else {
                    map.put_map(&bytes, Arc::clone(&maps[one]), flags)
                };
                let expected = match (hash, model.contains_key(&key)) {
                    (false, _) if flags != BPF_ANY => Err(MapError::Flags(flags)),
                    (false, _) if key >= max => Err(MapError::Index),
                    (true, true) if flags == BPF_NOEXIST => Err(MapError::Exists),
                    (true, false) if flags == BPF_EXIST => Err(MapError::NoSuchKey),
                    (true, false) if model.len() == max as usize => Err(MapError::Full),
                    _ => Ok(()),
                };
                assert_eq!(result, expected, "{key} {flags}");
                if expected.is_ok() {
                    model.insert(key, id);
                }
            }
            3 => {
                let expected = match model.remove(&key) {
                    _ if key >= max && !hash => Err(MapError::Index),
                    Some(_) => Ok(()),
                    None => Err(MapError::NoSuchKey),
                };
                assert_eq!(map.delete(&bytes), expected);
            }
            4 => {
                let expected = model.get(&key).map(|id| id.to_le_bytes().to_vec());
                assert_eq!(map.get(&bytes).ok(), expected);
            }
            _ if !programs => {
                let found = Program(&map).lookup(&bytes).map(|at| at as u64);
                let expected = model.get(&key).and_then(|id| maps.iter().find(|map| map.id() == *id));
                assert_eq!(found, expected.map(|map| map.address()));
            }
            _ => {}
        }
    }
}

const TYPES: [MapType; 15] = [
    Array,
    PercpuArray,
    Hash,
    PercpuHash,
    LruHash,
    LruPercpuHash,
    LpmTrie,
    Queue,
    Stack,
    BloomFilter,
    Ringbuf,
    ProgArray,
    ArrayOfMaps,
    HashOfMaps,
    Hash,
];

/// A map of a type, of random sizes, and so many operations.
fn sequence(map_type: MapType, random: &mut Random, steps: u64) {
    let base = MapSpec { map_type, ..MapSpec::default() };
    let max_entries = random.of(&[1, 2, 3, 7, 8, 30, 200]);
    let value_size = random.of(&[1, 4, 7, 8, 12, 16, 40, 200]);
    let prealloc = random.of(&[0, BPF_F_NO_PREALLOC]);
    match map_type {
        Array | PercpuArray => keyed(&MapSpec { key_size: 4, value_size, max_entries, ..base }, random, steps),
        Hash | PercpuHash => {
            let key_size = random.of(&[2, 4, 5, 8, 12, 16, 30, 64]);
            keyed(&MapSpec { key_size, value_size, max_entries, flags: prealloc, ..base }, random, steps);
        }
        LruHash | LruPercpuHash => {
            let key_size = random.of(&[4, 8, 12]);
            keyed(&MapSpec { key_size, value_size, max_entries: max_entries.max(7), ..base }, random, steps);
        }
        LpmTrie => {
            let key_size = random.of(&[5, 8, 12, 13, 20, 36, 260]);
            keyed(&MapSpec { key_size, value_size, max_entries, flags: BPF_F_NO_PREALLOC, ..base }, random, steps);
        }
        Queue | Stack | BloomFilter => keyless(&MapSpec { value_size, max_entries, ..base }, random, steps),
        Ringbuf => ring(&MapSpec { max_entries: random.of(&[4096, 8192]), ..base }, random, steps),
        ProgArray | ArrayOfMaps => objects(&MapSpec { key_size: 4, value_size: 4, max_entries, ..base }, random, steps),
        HashOfMaps => objects(&MapSpec { key_size: 4, value_size: 4, max_entries, flags: prealloc, ..base }, random, steps),
        other => panic!("no model of {other}"),
    }
}

/// Says that it was dropped.
struct Begun(Arc<AtomicBool>);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn random_operations() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    let seconds = number("FUZZ_SECONDS");
    let span = seconds.map_or(Duration::from_millis(200), Duration::from_secs);
    let mut random = Random(number("FUZZ_SEED").unwrap_or(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    // What the first use of things allocates for good: this thread's, and that of the thread that reclaims.
    sequence(HashOfMaps, &mut random, 100);
    sequence(ProgArray, &mut random, 100);
    let begun = Arc::new(AtomicBool::new(false));
    defer(Box::new(Begun(Arc::clone(&begun))));
    while !begun.load(Relaxed) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut pass = |name: String, span: Duration, pick: &dyn Fn(&mut Random) -> MapType| {
        let (begin, mut sequences, mut steps) = (Instant::now(), 0u64, 0);
        while begin.elapsed() < span {
            settle(None);
            let live = LIVE.load(Relaxed);
            let length = random.of(&[10, 100, 1000, 5000]);
            sequence(pick(&mut random), &mut random, length);
            settle(Some(live));
            assert_eq!(memory_used(), 0, "{name}");
            (sequences, steps) = (sequences + 1, steps + length);
        }
        if seconds.is_some() {
            println!("{name}: {sequences} sequences, {steps} operations");
        }
    };
    for map_type in TYPES {
        pass(map_type.to_string(), span, &|_| map_type);
    }
    pass("mixed".into(), span * if seconds.is_some() { 10 } else { 1 }, &|random| random.of(&TYPES));
}

/// Waits until what was deferred is gone, and all memory is given back.
fn settle(live: Option<usize>) {
    for _ in 0..5000 {
        let _ = reclaim();
        if live.is_none_or(|live| LIVE.load(Relaxed) <= live) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("{} bytes stay behind", LIVE.load(Relaxed) as isize - live.unwrap_or_default() as isize);
}
