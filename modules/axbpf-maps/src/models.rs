//! Models of what programs share, in every order of their threads (loom): `make test-models`. They are small, since the orders grow
//! exponentially: two or three threads, a handful of operations, at most so many preemptions as `LOOM_MAX_PREEMPTIONS` says. Readers are
//! threads of their own: loom comes back to a store because of a later load, but not to a load because of a later store behind a load.
use crate::hash::Hash;
use crate::lpm::Lpm;
use crate::ops::Ops;
use crate::ringbuf::{Query, Ringbuf};
use crate::stacktrace::StackTrace;
use crate::store::{Flat, Store};
use crate::words::Row;
use crate::{MapError, MapSpec};
use axbpf_abi::MapType;
use axbpf_abi::flags::*;
use core::sync::atomic::Ordering::Relaxed;
use loom::sync::Arc;
use loom::thread;
use std::vec::Vec;

/// Runs `f` in every order of its threads; that there were several.
fn model(f: impl Fn() + Send + Sync + 'static) {
    static ORDERS: std::sync::Mutex<u64> = std::sync::Mutex::new(0);
    // One model at a time.
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = ALONE.lock();
    *ORDERS.lock().unwrap() = 0;
    loom::model(move || {
        *ORDERS.lock().unwrap() += 1;
        f();
    });
    let orders = *ORDERS.lock().unwrap();
    assert!(orders > 3, "{orders} orders were tried: the threads do not meet");
}

fn spec(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32, flags: u32) -> MapSpec {
    MapSpec { map_type, key_size, value_size, max_entries, flags: flags | BPF_F_ZERO_SEED, ..MapSpec::default() }
}

/// Two buckets, values of two words: an update replaces the element.
fn hash() -> Arc<Hash<Flat>> {
    Arc::new(Hash::new(&spec(MapType::Hash, 8, 16, 1, 0)).unwrap())
}

fn key(number: u64) -> [u8; 8] {
    number.to_le_bytes()
}

fn value(number: u64) -> Vec<u8> {
    [number.to_le_bytes(), number.to_le_bytes()].concat()
}

/// The number in a value, which has to be whole.
fn number(value: &[u8]) -> u64 {
    let (a, b) = value.split_at(8);
    assert_eq!(a, b, "torn");
    u64::from_le_bytes(a.try_into().unwrap())
}

fn get(hash: &Hash<Flat>, k: u64) -> Option<u64> {
    let mut out = [0; 16];
    hash.lookup(&key(k), &mut out, 0).ok().map(|()| number(&out))
}

/// Invariant 5 of hashes: a key that is replaced is there all the time.
#[test]
fn a_key_is_replaced() {
    model(|| {
        let hash = hash();
        hash.update(&key(1), &value(10), 0).unwrap();
        let reader = thread::spawn({
            let hash = Arc::clone(&hash);
            move || assert!(matches!(get(&hash, 1), Some(10..=12)))
        });
        hash.update(&key(1), &value(11), 0).unwrap();
        hash.update(&key(1), &value(12), 0).unwrap();
        reader.join().unwrap();
        assert_eq!(get(&hash, 1), Some(12));
    });
}

/// The same where another element stands before it, which the reader has passed when the new one comes to the front.
#[test]
fn a_key_is_replaced_behind_another() {
    // In the same one of two buckets, with the seed 0.
    const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
    let same = |k: &u64| (k.wrapping_mul(SEED) ^ k.wrapping_mul(SEED) >> 17).wrapping_mul(SEED) >> 63 == 0;
    let mut keys = (1..).filter(same);
    let (a, b) = (keys.next().unwrap(), keys.next().unwrap());
    model(move || {
        let hash: Arc<Hash<Flat>> = Arc::new(Hash::new(&spec(MapType::Hash, 8, 16, 2, 0)).unwrap());
        hash.update(&key(a), &value(10), 0).unwrap();
        hash.update(&key(b), &value(20), 0).unwrap();
        let reader = thread::spawn({
            let hash = Arc::clone(&hash);
            move || assert!(matches!(get(&hash, a), Some(10..=11)))
        });
        hash.update(&key(a), &value(11), 0).unwrap();
        reader.join().unwrap();
    });
}

/// Invariants 3 and 4: an element that is used again is not taken for the one it was.
#[test]
fn an_element_is_used_again() {
    model(|| {
        let hash = hash();
        hash.update(&key(1), &value(1), 0).unwrap();
        let reader = thread::spawn({
            let hash = Arc::clone(&hash);
            move || {
                assert!(matches!(get(&hash, 1), None | Some(1)));
                assert!(matches!(get(&hash, 2), None | Some(2)));
            }
        });
        hash.delete(&key(1)).unwrap();
        hash.update(&key(2), &value(2), 0).unwrap();
        reader.join().unwrap();
        assert_eq!((get(&hash, 1), get(&hash, 2)), (None, Some(2)));
    });
}

/// Two writers: both keys are in, or the second was told that there is no room; none is lost.
#[test]
fn two_keys_come() {
    model(|| {
        let hash = hash();
        let writer = thread::spawn({
            let hash = Arc::clone(&hash);
            move || hash.update(&key(1), &value(1), BPF_NOEXIST)
        });
        let second = hash.update(&key(2), &value(2), BPF_NOEXIST);
        let first = writer.join().unwrap();
        let there = [(1, first), (2, second)].map(|(k, result)| {
            assert!(matches!(result, Ok(()) | Err(MapError::Full)), "{result:?}");
            assert_eq!(get(&hash, k), result.ok().map(|()| k));
            usize::from(result.is_ok())
        });
        assert_eq!(there.iter().sum::<usize>(), 1, "there is room for one");
    });
}

/// Elements that are taken and given back: nobody has the same one at the same time (the stack's count).
#[test]
fn free_elements() {
    model(|| {
        let store = Arc::new(Flat::new(2, Some(2)).unwrap());
        let mark = |store: &Flat, i: u32, mark: u64| store.element(i).at(1).store(mark, Relaxed);
        let is_mine = |store: &Flat, i: u32, mark: u64| assert_eq!(store.element(i).at(1).load(Relaxed), mark, "somebody else has it");
        let other = thread::spawn({
            let store = Arc::clone(&store);
            move || {
                // Both, of which the first comes back to the top: it leads to none then, but did lead to the second.
                let (first, second) = (store.take(), store.take());
                second.inspect(|&i| mark(&store, i, 2));
                first.inspect(|&i| store.give(i));
                second.inspect(|&i| is_mine(&store, i, 2));
                second.inspect(|&i| store.give(i));
            }
        });
        for own in [3, 4] {
            let i = store.take();
            i.inspect(|&i| mark(&store, i, own));
            i.inspect(|&i| is_mine(&store, i, own));
            i.inspect(|&i| store.give(i));
        }
        other.join().unwrap();
        assert!(store.take().is_some() && store.take().is_some() && store.take().is_none());
    });
}

/// Two producers and the reader: every record comes out whole, in order of reservation, or was refused for want of room.
#[test]
fn records() {
    model(|| {
        // Room for one record of a word and then some: it wraps around.
        let mut ring = Ringbuf::new(&spec(MapType::Ringbuf, 0, 0, 4096, 0)).unwrap();
        ring.shrink(32);
        let ring = Arc::new(ring);
        let producer = |ring: &Arc<Ringbuf>, mark: u64| {
            let ring = Arc::clone(ring);
            thread::spawn(move || ring.output(&mark.to_le_bytes(), 0).is_ok())
        };
        ring.output(&7u64.to_le_bytes(), 0).unwrap();
        let (a, b) = (producer(&ring, 1), producer(&ring, 2));
        let mut seen = Vec::new();
        let consume = |seen: &mut Vec<u64>| {
            let mut take = |record: Row<'_>, _| seen.push(record.at(0).load(Relaxed));
            while ring.take_words(&mut take).is_some() {}
        };
        consume(&mut seen);
        let sent = [7].into_iter().chain([(1, a), (2, b)].into_iter().filter_map(|(mark, thread)| thread.join().unwrap().then_some(mark)));
        let mut sent: Vec<u64> = sent.collect();
        consume(&mut seen);
        assert_eq!(seen[0], 7);
        seen.sort_unstable();
        sent.sort_unstable();
        assert_eq!(seen, sent);
        assert_eq!((ring.query(Query::AvailData), ring.dropped()), (0, 3 - sent.len() as u64));
    });
}

/// A thread that finds what is right.
fn look_up(trie: &Arc<Lpm>, key: Vec<u8>, right: fn(u64) -> bool) -> thread::JoinHandle<()> {
    let trie = Arc::clone(trie);
    thread::spawn(move || {
        let mut out = [0; 16];
        trie.lookup(&key, &mut out, 0).unwrap();
        assert!(right(number(&out)), "{}", number(&out));
    })
}

/// A lookup in a trie whose node is removed and used again for another prefix.
#[test]
fn a_prefix_is_moved() {
    let prefix = |len: u32, byte: u8| [len.to_ne_bytes().as_slice(), &[byte, 0]].concat();
    model(move || {
        let trie = Arc::new(Lpm::new(&spec(MapType::LpmTrie, 6, 16, 2, BPF_F_NO_PREALLOC)).unwrap());
        trie.update(&prefix(4, 0x10), &value(4), 0).unwrap();
        trie.update(&prefix(8, 0x12), &value(8), 0).unwrap();
        let reader = look_up(&trie, prefix(16, 0x12), |found| matches!(found, 4 | 8));
        trie.delete(&prefix(8, 0x12)).unwrap();
        trie.update(&prefix(8, 0x80), &value(80), 0).unwrap();
        reader.join().unwrap();
        look_up(&trie, prefix(16, 0x12), |found| found == 4).join().unwrap();
    });
}

/// The node above the right one is removed and used again for a prefix that does not fit: the right one is found all the time.
#[test]
fn a_prefix_stays() {
    let prefix = |len: u32, byte: u8| [len.to_ne_bytes().as_slice(), &[byte, 0]].concat();
    model(move || {
        let trie = Arc::new(Lpm::new(&spec(MapType::LpmTrie, 6, 16, 4, BPF_F_NO_PREALLOC)).unwrap());
        for len in [4, 8, 16] {
            trie.update(&prefix(len, 0x12), &value(len.into()), 0).unwrap();
        }
        let reader = look_up(&trie, prefix(16, 0x12), |found| found == 16);
        trie.delete(&prefix(8, 0x12)).unwrap();
        trie.update(&prefix(8, 0x80), &value(80), 0).unwrap();
        reader.join().unwrap();
    });
}

/// A trace that is copied while its bucket gets others.
#[test]
fn a_trace_is_exchanged() {
    model(|| {
        let traces = Arc::new(StackTrace::new(&spec(MapType::StackTrace, 4, 16, 1, 0)).unwrap());
        traces.id_of(&[1, 1], 0).unwrap();
        let reader = thread::spawn({
            let traces = Arc::clone(&traces);
            move || {
                let mut out = [0; 16];
                traces.lookup(&[0; 4], &mut out, 0).unwrap();
                assert!(matches!(number(&out), 1..=3));
            }
        });
        traces.id_of(&[2, 2], BPF_F_REUSE_STACKID).unwrap();
        traces.id_of(&[3, 3], BPF_F_REUSE_STACKID).unwrap();
        reader.join().unwrap();
    });
}
