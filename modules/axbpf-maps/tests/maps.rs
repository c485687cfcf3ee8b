//! Arrays and hashes: every operation's answers, against a model, and from several threads (a thread is a CPU here).
use axbpf_abi::Errno;
use axbpf_abi::MapType::{self, *};
use axbpf_abi::flags::*;
use axbpf_maps::{Map, MapError, MapSpec, memory_used};
use axbpf_platform::{IrqGuard, MAX_CPUS};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};

fn spec(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32) -> MapSpec {
    MapSpec { map_type, key_size, value_size, max_entries, ..MapSpec::default() }
}

fn map(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32) -> Arc<Map> {
    Map::new(&spec(map_type, key_size, value_size, max_entries)).unwrap()
}

/// A small generator, the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

#[test]
fn creation_is_refused_as_linux_does() {
    let flags = |flags, base: MapSpec| MapSpec { flags, ..base };
    for (spec, errno) in [
        (spec(Array, 8, 8, 1), Errno::EINVAL),
        (spec(Array, 4, 0, 1), Errno::EINVAL),
        (spec(Array, 4, 8, 0), Errno::EINVAL),
        (spec(Array, 4, 1 << 23, 1), Errno::E2BIG),
        (spec(PercpuArray, 4, 8, 0), Errno::EINVAL),
        (spec(Hash, 0, 8, 1), Errno::EINVAL),
        (spec(Hash, 4, 0, 1), Errno::EINVAL),
        (spec(Hash, 4, 8, 0), Errno::EINVAL),
        (spec(Hash, 1 << 23, 8, 1), Errno::E2BIG),
        (spec(Hash, 8, 8, u32::MAX), Errno::E2BIG),
        (spec(Hash, 8, 1 << 20, 1 << 20), Errno::ENOMEM),
        (spec(ProgArray, 4, 8, 1), Errno::EINVAL),
        (spec(Ringbuf, 0, 0, 4096 + 8), Errno::EINVAL),
        (spec(Ringbuf, 0, 0, 2048), Errno::EINVAL),
        (spec(Ringbuf, 0, 0, 0), Errno::EINVAL),
        (spec(Ringbuf, 4, 0, 4096), Errno::EINVAL),
        (spec(Queue, 4, 8, 1), Errno::EINVAL),
        (spec(Stack, 0, 0, 1), Errno::EINVAL),
        (spec(Sockmap, 4, 4, 1), Errno::EINVAL),
        (flags(BPF_F_NO_PREALLOC, spec(Array, 4, 8, 1)), Errno::EINVAL),
        (flags(BPF_F_MMAPABLE, spec(Hash, 4, 8, 1)), Errno::EINVAL),
        (flags(BPF_F_RDONLY | BPF_F_WRONLY, spec(Hash, 4, 8, 1)), Errno::EINVAL),
        (flags(1 << 31, spec(Array, 4, 8, 1)), Errno::EINVAL),
    ] {
        let error = Map::new(&spec).unwrap_err();
        assert_eq!(error.errno(), errno, "{spec:?}: {error}");
    }
}

#[test]
fn memory_is_counted_and_given_back() {
    // Other tests run at the same time: this one's maps are larger than theirs.
    let before = memory_used();
    let large = map(Array, 4, 8, 2 << 20);
    assert!(memory_used() >= before + (16 << 20) - (1 << 20));
    drop(large);
    assert!(memory_used() < before + (8 << 20));
}

#[test]
fn arrays_answer_as_linux_does() {
    let array = map(Array, 4, 12, 3);
    let key = |i: u32| i.to_le_bytes();
    let mut out = [0xff; 12];
    assert_eq!(array.lookup(&key(0), &mut out), Ok(()));
    assert_eq!(out, [0; 12]);
    assert_eq!(array.lookup(&key(3), &mut out), Err(MapError::NoSuchKey));
    assert_eq!(array.update(&key(1), b"hello world!", BPF_ANY), Ok(()));
    assert_eq!(array.update(&key(1), b"hello again!", BPF_EXIST), Ok(()));
    assert_eq!(array.get(&key(1)).unwrap(), b"hello again!");
    assert_eq!(array.get(&key(2)).unwrap(), [0; 12], "the neighbour is untouched");
    assert_eq!(array.update(&key(1), b"hello world!", BPF_NOEXIST).unwrap_err().errno(), Errno::EEXIST);
    assert_eq!(array.update(&key(3), b"hello world!", BPF_ANY).unwrap_err().errno(), Errno::E2BIG);
    assert_eq!(array.update(&key(3), b"hello world!", BPF_NOEXIST).unwrap_err().errno(), Errno::E2BIG);
    assert_eq!(array.update(&key(1), b"hello world!", BPF_F_LOCK).unwrap_err().errno(), Errno::EINVAL);
    assert_eq!(array.update(&key(1), b"short", BPF_ANY), Err(MapError::ValueSize { is: 12, given: 5 }));
    assert_eq!(array.update(b"key", b"hello world!", BPF_ANY), Err(MapError::KeySize { is: 4, given: 3 }));
    assert_eq!(array.delete(&key(1)).unwrap_err().errno(), Errno::EINVAL);
    assert_eq!(array.lookup_and_delete(&key(1), &mut out).unwrap_err().errno(), Errno::ENOTSUPP);
    let keys: Vec<Vec<u8>> = array.keys().collect();
    assert_eq!(keys, [key(0), key(1), key(2)]);
    let mut next = [0; 4];
    assert_eq!(array.next_key(Some(&key(9)), &mut next), Ok(()), "a key that is not there: the first");
    assert_eq!(next, key(0));
    assert_eq!(array.next_key(Some(&key(2)), &mut next).unwrap_err().errno(), Errno::ENOENT);
}

#[test]
fn values_of_all_cpus() {
    for map in [map(PercpuArray, 4, 12, 2), map(PercpuHash, 4, 12, 2)] {
        assert_eq!(map.value_len(), 16 * MAX_CPUS);
        let all: Vec<u8> = (0..MAX_CPUS).flat_map(|cpu| [[cpu as u8; 12].as_slice(), &[0; 4]].concat()).collect();
        map.update(&1u32.to_le_bytes(), &all, BPF_ANY).unwrap();
        assert_eq!(map.get(&1u32.to_le_bytes()).unwrap(), all);
        // A program changes its own CPU's value, and sees it.
        let key = 1u32.to_le_bytes();
        let section = IrqGuard::new();
        let cpu = axbpf_platform::cpu_id();
        // SAFETY: key and value are as long as the map's.
        let value = unsafe {
            map.update_ptr(key.as_ptr(), [0xee; 12].as_ptr(), BPF_ANY).unwrap();
            *map.lookup_ptr(key.as_ptr()).cast::<[u8; 12]>()
        };
        drop(section);
        assert_eq!(value, [0xee; 12]);
        let mut expected = all;
        expected[cpu * 16..cpu * 16 + 12].fill(0xee);
        assert_eq!(map.get(&key).unwrap(), expected);
    }
    // A new element of a program's: zero on the other CPUs, although the memory was used before.
    let hash = map(PercpuHash, 4, 8, 1);
    for _ in 0..70 {
        hash.update(&1u32.to_le_bytes(), &[0xaa; 8 * MAX_CPUS], BPF_ANY).unwrap();
        hash.delete(&1u32.to_le_bytes()).unwrap();
        let section = IrqGuard::new();
        // SAFETY: as above.
        unsafe { hash.update_ptr(2u32.to_le_bytes().as_ptr(), 5u64.to_le_bytes().as_ptr(), BPF_NOEXIST).unwrap() };
        drop(section);
        let all = hash.get(&2u32.to_le_bytes()).unwrap();
        assert_eq!(all.iter().map(|&byte| u32::from(byte)).sum::<u32>(), 5, "{all:?}");
        hash.delete(&2u32.to_le_bytes()).unwrap();
    }
}

/// Random operations on a hash and on a model, with keys that fill it.
#[test]
fn a_hash_against_a_model() {
    for (key_size, value_size, entries) in [(4u32, 8u32, 16u32), (8, 4, 1), (13, 40, 100), (1, 1, 7)] {
        let map = map(Hash, key_size, value_size, entries);
        let mut model: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
        let mut random = Random(key_size.into());
        for round in 0..20_000u64 {
            let mut key = vec![0; key_size as usize];
            key[0] = random.below(u64::from(entries) * 2) as u8;
            *key.last_mut().unwrap() ^= key[0].wrapping_mul(3);
            let value: Vec<u8> = (0..value_size).map(|i| (round + u64::from(i)) as u8).collect();
            let (there, full) = (model.contains_key(&key), model.len() == entries as usize);
            match random.below(5) {
                0 | 1 => {
                    let flags = random.below(3);
                    let expected = match (there, flags) {
                        (true, BPF_NOEXIST) => Err(MapError::Exists),
                        (false, BPF_EXIST) => Err(MapError::NoSuchKey),
                        (false, _) if full => Err(MapError::Full),
                        _ => Ok(()),
                    };
                    assert_eq!(map.update(&key, &value, flags), expected);
                    if expected.is_ok() {
                        model.insert(key, value);
                    }
                }
                2 => assert_eq!(map.delete(&key).is_ok(), model.remove(&key).is_some()),
                3 => {
                    let mut out = vec![0; value_size as usize];
                    let result = map.lookup_and_delete(&key, &mut out);
                    assert_eq!(result.ok().map(|()| out), model.remove(&key));
                }
                _ => assert_eq!(map.get(&key).ok(), model.get(&key).cloned()),
            }
            if round % 512 == 0 {
                let mut keys: Vec<Vec<u8>> = map.keys().collect();
                let mut expected: Vec<Vec<u8>> = model.keys().cloned().collect();
                keys.sort();
                expected.sort();
                assert_eq!(keys, expected);
            }
        }
    }
}

#[test]
fn freezing_and_access_flags() {
    let hash = map(Hash, 4, 8, 4);
    let (key, value) = ([1; 4], [2; 8]);
    hash.update(&key, &value, 0).unwrap();
    assert_eq!(hash.freeze(), Ok(()));
    assert_eq!(hash.freeze(), Err(MapError::Access));
    assert_eq!(hash.update(&key, &value, 0).unwrap_err().errno(), Errno::EPERM);
    assert_eq!(hash.delete(&key).unwrap_err().errno(), Errno::EPERM);
    assert_eq!(hash.get(&key).unwrap(), value);
    let section = IrqGuard::new();
    // SAFETY: key and value are as long as the map's.
    unsafe { hash.update_ptr(key.as_ptr(), [3; 8].as_ptr(), 0).unwrap() };
    drop(section);
    assert_eq!(hash.get(&key).unwrap(), [3; 8], "programs still may");
    let read_only = Map::new(&MapSpec { flags: BPF_F_RDONLY, ..spec(Hash, 4, 8, 4) }).unwrap();
    assert_eq!(read_only.update(&key, &value, 0).unwrap_err().errno(), Errno::EPERM);
    let write_only = Map::new(&MapSpec { flags: BPF_F_WRONLY, ..spec(Hash, 4, 8, 4) }).unwrap();
    write_only.update(&key, &value, 0).unwrap();
    assert_eq!(write_only.get(&key).unwrap_err().errno(), Errno::EPERM);
}

/// Four threads count in the same hash, each with keys of its own and shared ones, while another one walks over it.
#[test]
fn nothing_is_lost_between_threads() {
    const ROUNDS: u64 = 30_000;
    let map = map(Hash, 8, 8, 64);
    let shared: Vec<u64> = (0..8).collect();
    for &key in &shared {
        map.update(&key.to_le_bytes(), &0u64.to_le_bytes(), 0).unwrap();
    }
    let stop = AtomicBool::new(false);
    let walked = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let counters: Vec<_> = (0..4u64)
            .map(|thread| {
                let (map, shared) = (&map, &shared);
                scope.spawn(move || {
                    let mut random = Random(thread + 1);
                    for round in 0..ROUNDS {
                        let own = (1 << 32 | thread << 16 | (round % 4)).to_le_bytes();
                        let _section = IrqGuard::new();
                        // SAFETY: keys and values are as long as the map's; values are only changed atomically.
                        unsafe {
                            let at = map.lookup_ptr(shared[random.below(8) as usize].to_le_bytes().as_ptr());
                            (*at.cast::<AtomicU64>()).fetch_add(1, Relaxed);
                            map.update_ptr(own.as_ptr(), round.to_le_bytes().as_ptr(), BPF_ANY).unwrap();
                            let at = map.lookup_ptr(own.as_ptr()).cast::<AtomicU64>();
                            assert_eq!((*at).load(Relaxed), round, "nobody else writes this key");
                            if round % 3 == 0 {
                                map.delete_ptr(own.as_ptr()).unwrap();
                                assert!(map.lookup_ptr(own.as_ptr()).is_null());
                            }
                        }
                    }
                })
            })
            .collect();
        let (map, stop, walked) = (&map, &stop, &walked);
        scope.spawn(move || {
            // Once in any case, although the counters may have ended before this thread began.
            loop {
                for key in map.keys() {
                    let key = u64::from_le_bytes(key.try_into().unwrap());
                    assert!(key < 8 || key >> 32 == 1 && (key as u32) >> 16 < 4 && (key as u16) < 4, "{key:#x} was never inserted");
                    walked.fetch_add(1, Relaxed);
                }
                if stop.load(Relaxed) {
                    break;
                }
            }
        });
        for counter in counters {
            counter.join().unwrap();
        }
        stop.store(true, Relaxed);
    });
    let count = |key: &u64| u64::from_le_bytes(map.get(&key.to_le_bytes()).unwrap().try_into().unwrap());
    assert_eq!(shared.iter().map(count).sum::<u64>(), 4 * ROUNDS);
    assert!(walked.load(Relaxed) > 0);
}

/// Readers of keys that stay there find them, whatever is inserted and deleted beside them.
#[test]
fn what_stays_is_found() {
    let map = map(Hash, 8, 8, 32);
    for key in 0..8u64 {
        map.update(&key.to_le_bytes(), &(key * 11).to_le_bytes(), 0).unwrap();
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..2u64 {
            let (map, stop) = (&map, &stop);
            scope.spawn(move || {
                let mut random = Random(thread + 77);
                while !stop.load(Relaxed) {
                    let key = (100 + random.below(16)).to_le_bytes();
                    if random.below(2) == 0 {
                        let _ = map.update(&key, &[0xab; 8], 0);
                    } else {
                        let _ = map.delete(&key);
                    }
                }
            });
        }
        for round in 0..200_000u64 {
            let key = round % 8;
            assert_eq!(map.get(&key.to_le_bytes()).unwrap(), (key * 11).to_le_bytes(), "round {round}");
        }
        stop.store(true, Relaxed);
    });
}

#[test]
fn direct_values_and_rows() {
    let one = map(Array, 4, 64, 1);
    let at = one.value_address().unwrap() as *mut u64;
    assert!(at.is_aligned());
    // SAFETY: the value's first 8 bytes.
    unsafe { at.write(77) };
    assert_eq!(one.get(&[0; 4]).unwrap()[0], 77);
    assert_eq!(map(Array, 4, 64, 2).value_address(), None);
    assert_eq!(map(PercpuArray, 4, 64, 1).value_address(), None);
    assert_eq!(map(Hash, 4, 64, 1).value_address(), None);
    let (row, stride) = one.array_row(0).unwrap();
    assert_eq!((row.cast::<u64>(), stride), (at, 64));
    let per_cpu = map(PercpuArray, 4, 12, 3);
    let section = IrqGuard::new();
    let (row, stride) = per_cpu.array_row(axbpf_platform::cpu_id()).unwrap();
    // SAFETY: the key is as long as the map's.
    let at = unsafe { per_cpu.lookup_ptr(2u32.to_le_bytes().as_ptr()) };
    assert_eq!((at as usize, stride), (row as usize + 2 * stride, 16));
    drop(section);
    // SAFETY: the map's own address.
    assert_eq!(unsafe { Map::from_address(one.address()) }.id(), one.id());
}

/// In one address space, mapping is looking.
#[test]
fn shared_arrays() {
    let shared = Map::new(&MapSpec { flags: BPF_F_MMAPABLE, ..spec(Array, 4, 12, 2) }).unwrap();
    shared.update(&1u32.to_le_bytes(), &[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0], 0).unwrap();
    let words = shared.mmap().unwrap();
    assert_eq!(words.iter().map(|word| word.load(Relaxed)).collect::<Vec<_>>(), [0, 0, 1, 2]);
    words[0].store(7, Relaxed);
    assert_eq!(shared.get(&0u32.to_le_bytes()).unwrap()[0], 7);
    assert_eq!(shared.freeze().unwrap_err().errno(), Errno::EBUSY);
    drop(words);
    assert_eq!(shared.freeze(), Ok(()));
    assert_eq!(shared.mmap().err().map(MapError::errno), Some(Errno::EPERM));
    assert_eq!(map(Array, 4, 8, 1).mmap().err().map(MapError::errno), Some(Errno::EOPNOTSUPP));
}

#[test]
fn elements_of_a_hash() {
    let hash = map(Hash, 4, 8, 9);
    for key in 0..9u32 {
        hash.update(&key.to_le_bytes(), &u64::from(key * key).to_le_bytes(), 0).unwrap();
    }
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte));
    let mut all: Vec<_> = hash.iter().map(|(key, value)| (number(&key), number(&value))).collect();
    all.sort_unstable();
    assert_eq!(all, (0..9).map(|key| (key, key * key)).collect::<Vec<_>>());
}
