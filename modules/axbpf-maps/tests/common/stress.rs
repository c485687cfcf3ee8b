//! Random operations of several CPUs on one map. Each has keys of its own, of which it knows what they hold: nothing is lost. Others it shares
//! with everybody: what it finds there somebody put there, in one piece. Runs on the host by threads, and in a unikernel by tasks of each CPU.
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use axbpf_abi::MapType::{self, *};
use axbpf_abi::flags::*;
use axbpf_maps::{Map, MapError, MapSpec};
use axbpf_platform::IrqGuard;

/// Own keys of each CPU, and those of all.
const OWN: u64 = 24;
const SHARED: u64 = 6;

/// The maps that are worked on, for so many CPUs.
pub fn maps(cpus: u32) -> Vec<Arc<Map>> {
    let entries = OWN as u32 * cpus + SHARED as u32;
    let map = |map_type, key_size, value_size, flags| {
        let spec = MapSpec { map_type, key_size, value_size, max_entries: entries, flags, ..MapSpec::default() };
        Map::new(&spec).unwrap_or_else(|error| panic!("{map_type}: {error}"))
    };
    [
        map(Array, 4, 8, 0),
        map(Hash, 8, 8, 0),
        map(Hash, 8, 32, 0),
        map(Hash, 8, 8, BPF_F_NO_PREALLOC),
        map(Hash, 20, 32, BPF_F_NO_PREALLOC),
        map(LruHash, 8, 32, 0),
        map(LpmTrie, 8, 32, BPF_F_NO_PREALLOC),
        map(Queue, 0, 16, 0),
        map(Stack, 0, 16, 0),
    ]
    .into()
}

fn key(map_type: MapType, size: usize, number: u64) -> Vec<u8> {
    let mut key = match map_type {
        // All 32 bits, so that no key is a prefix of another.
        LpmTrie => [32u32.to_ne_bytes(), ((number as u32) << 8 | 0xa0).to_be_bytes()].concat(),
        _ => number.to_le_bytes().to_vec(),
    };
    key.resize(size, 0x11);
    key
}

/// A value that shows if it is not whole: one word again and again.
fn value(size: usize, word: u64) -> Vec<u8> {
    word.to_le_bytes().repeat(size / 8)
}

fn word(bytes: &[u8]) -> u64 {
    let words: &[[u8; 8]] = bytes.as_chunks().0;
    assert!(words.iter().all(|word| *word == words[0]), "a torn value: {bytes:x?}");
    u64::from_le_bytes(words[0])
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// One CPU's part: `rounds` operations.
pub fn work(map: &Map, cpu: u64, rounds: u64) {
    let mut random = Random(cpu * 77 + 5);
    if matches!(map.spec().map_type, Queue | Stack) {
        return pass_on(map, cpu, rounds, &mut random);
    }
    let (what, key_size, value_size) = (map.spec().map_type, map.spec().key_size as usize, map.spec().value_size as usize);
    let mut model: BTreeMap<u64, u64> = BTreeMap::new();
    if what == Array {
        model.extend((0..OWN).map(|n| (n, 0)));
    }
    for round in 1..=rounds {
        let own = random.below(3) > 0;
        let n = random.below(if own { OWN } else { SHARED });
        let key = key(what, key_size, if own { SHARED + cpu * OWN + n } else { n });
        let given = cpu << 32 | round;
        let bytes = value(value_size, given);
        let mut out = alloc::vec![0; value_size];
        match random.below(8) {
            action @ 0..3 => {
                let flags = [BPF_ANY, BPF_NOEXIST, BPF_EXIST][random.below(3) as usize];
                let result = if action == 0 {
                    map.update(&key, &bytes, flags)
                } else {
                    let _section = IrqGuard::new();
                    // SAFETY: a key and a value of their sizes.
                    unsafe { map.update_ptr(key.as_ptr(), bytes.as_ptr(), flags) }
                };
                let evictable = what == LruHash;
                match (own, result) {
                    (true, Ok(())) => {
                        assert!(flags != BPF_NOEXIST || evictable || !model.contains_key(&n), "{what} {round}: made anew");
                        assert!(flags != BPF_EXIST || model.contains_key(&n), "{what} {round}: was not there");
                        model.insert(n, given);
                    }
                    (true, Err(MapError::Exists)) => assert!(flags == BPF_NOEXIST && model.contains_key(&n), "{what} {round}"),
                    (true, Err(MapError::NoSuchKey)) => {
                        assert!(flags == BPF_EXIST && (evictable || !model.contains_key(&n)), "{what} {round}");
                    }
                    // What programs take from a reserve may have run out for a moment.
                    (_, Err(MapError::Reserve)) => assert!(action != 0, "{what} {round}: a command finds memory"),
                    (false, Ok(()) | Err(MapError::Exists | MapError::NoSuchKey)) => {}
                    (_, result) => panic!("{what} {round}: {result:?}"),
                }
            }
            3 if what != Array => {
                let result = map.delete(&key);
                if own {
                    let there = model.remove(&n).is_some();
                    let good = result == if there { Ok(()) } else { Err(MapError::NoSuchKey) };
                    assert!(good || (what == LruHash && there), "{what} {round}: {result:?}");
                }
            }
            4 if !matches!(what, Array | LpmTrie) => {
                let result = map.lookup_and_delete(&key, &mut out);
                if own {
                    let there = model.remove(&n);
                    match result {
                        Ok(()) => assert_eq!(Some(word(&out)), there, "{what} {round}"),
                        Err(_) => assert!(there.is_none() || what == LruHash, "{what} {round}: lost"),
                    }
                }
            }
            5 => {
                let _section = IrqGuard::new();
                // SAFETY: a key of its size.
                let at = unsafe { map.lookup_ptr(key.as_ptr()) };
                if own {
                    let expected = model.get(&n);
                    assert!(at.is_null() == expected.is_none() || what == LruHash, "{what} {round}: {expected:?}");
                    if let (false, Some(&expected), false) = (at.is_null(), expected, what == LruHash) {
                        // SAFETY: a value that nobody else touches.
                        assert_eq!(word(unsafe { core::slice::from_raw_parts(at, value_size) }), expected, "{what} {round}");
                    }
                }
            }
            _ => match (map.lookup(&key, &mut out), own) {
                (Ok(()), true) => assert_eq!(Some(&word(&out)), model.get(&n), "{what} {round}"),
                (Ok(()), false) => {
                    let found = word(&out);
                    assert!(
                        found == 0 && what == Array || (found as u32) != 0 && found as u32 as u64 <= rounds,
                        "{what} {round}: {found:x}"
                    );
                }
                (Err(error), own) => {
                    assert_eq!(error, MapError::NoSuchKey);
                    assert!(!own || what == LruHash || !model.contains_key(&n), "{what} {round}: lost");
                }
            },
        }
    }
}

/// Queues and stacks: what one puts in comes out once, in a queue in the order of each.
fn pass_on(map: &Map, cpu: u64, rounds: u64, random: &mut Random) {
    let mut last: BTreeMap<u64, u64> = BTreeMap::new();
    let mut held: VecDeque<u64> = VecDeque::new();
    for round in 1..=rounds {
        if random.below(2) == 0 {
            let given = cpu << 32 | round;
            let bytes = value(16, given);
            let _section = IrqGuard::new();
            // SAFETY: a value of its size.
            match unsafe { map.push_ptr(bytes.as_ptr(), BPF_ANY) } {
                Ok(()) => held.push_back(given),
                Err(error) => assert_eq!(error, MapError::Full),
            }
        } else {
            let mut out = [0; 16];
            match map.lookup_and_delete(&[], &mut out) {
                Ok(()) => {
                    let found = word(&out);
                    let (from, number) = (found >> 32, found & 0xffff_ffff);
                    assert!(number != 0, "{round}: nothing that anybody put in");
                    let before = last.insert(from, number);
                    assert!(
                        map.spec().map_type == Stack || before.is_none_or(|before| before < number),
                        "{round}: {before:?}, then {number}"
                    );
                }
                Err(error) => assert_eq!(error, MapError::NoSuchKey),
            }
        }
    }
}

/// When all have ended: what is left is whole.
pub fn left(map: &Map) {
    if matches!(map.spec().map_type, Queue | Stack) {
        let mut out = [0; 16];
        while map.lookup_and_delete(&[], &mut out).is_ok() {
            word(&out);
        }
        return;
    }
    let (mut count, most) = (0, map.spec().max_entries as usize);
    for (_, value) in map.iter() {
        word(&value);
        count += 1;
    }
    assert!(count <= most, "{count} elements of {most}");
    assert_eq!(map.keys().count(), count);
}
