//! What readers of a hash may rely on while others replace, remove and use again the elements they stand on.
use axbpf_abi::MapType::{Hash, PercpuHash};
use axbpf_maps::{Map, MapError, MapSpec, memory_used};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::*};

fn hash(value_size: u32, max_entries: u32) -> Arc<Map> {
    Map::new(&MapSpec { map_type: Hash, key_size: 8, value_size, max_entries, ..MapSpec::default() }).unwrap()
}

/// Runs `writer` on two threads over and over, and `reader` this often.
fn beside(rounds: u64, writer: impl Fn(u64) + Sync, mut reader: impl FnMut(u64)) {
    let stop = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let writer = &writer;
            scope.spawn(move || {
                let mut round = thread;
                while !stop.load(Relaxed) {
                    writer(round);
                    round += 2;
                }
            });
        }
        // A failed assertion has to end the writers too, or the scope waits for them for ever.
        struct Stop<'a>(&'a AtomicBool);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.store(true, Relaxed);
            }
        }
        let _stop = Stop(stop);
        (0..rounds).for_each(&mut reader);
    });
}

/// The new element of a key goes to the front of the list: a reader that has passed the front by then must not answer that there is none.
#[test]
fn a_key_that_is_replaced_is_there_all_the_time() {
    let map = hash(8, 8);
    let put = |key: u64, value: u64| map.update(&key.to_le_bytes(), &value.to_le_bytes(), 0).unwrap();
    (0..8).for_each(|key| put(key, key));
    beside(
        1_000_000,
        |round| put(round % 8, round),
        |round| assert!(map.get(&(round % 8).to_le_bytes()).is_ok(), "round {round}: the key was never removed"),
    );
}

/// An element is used again at once: a command must not answer with the value that another key has in it by then.
#[test]
fn a_value_belongs_to_its_key() {
    const WORDS: usize = 32;
    let map = hash(8 * WORDS as u32, 2);
    let value = |key: u64| [key.to_le_bytes(); WORDS].concat();
    beside(
        300_000,
        |round| {
            let key = round / 2 % 64;
            let _ = map.update(&key.to_le_bytes(), &value(key), 0);
            let _ = map.delete(&key.to_le_bytes());
        },
        |round| {
            let key = round % 64;
            match map.get(&key.to_le_bytes()) {
                Ok(found) => assert_eq!(found, value(key), "round {round}"),
                Err(error) => assert_eq!(error, MapError::NoSuchKey),
            }
        },
    );
}

/// The limit is about all memory of a hash, not about its keys and values alone.
#[test]
fn what_a_hash_needs_besides_values_is_counted() {
    let before = memory_used();
    let map = hash(8, 1 << 16);
    let used = memory_used() - before;
    // Key and value 16, link 12, bucket 8; the other tests' maps, which come and go meanwhile, are small.
    assert!((36 << 16..39 << 16).contains(&used), "{used}");
    drop(map);
    let per_cpu = MapSpec { map_type: PercpuHash, key_size: 8, value_size: 8, max_entries: 1 << 14, ..MapSpec::default() };
    let map = Map::new(&per_cpu).unwrap();
    assert!(memory_used() - before >= (8 + 8 * axbpf_platform::MAX_CPUS + 20) << 14);
    drop(map);
    assert!(memory_used() < before + (1 << 20), "given back");
}
