//! What readers of a hash may rely on while others replace, remove and use again the elements they stand on.
use axbpf_abi::MapType::{Hash, PercpuHash};
use axbpf_abi::flags::BPF_F_NO_PREALLOC;
use axbpf_maps::{Map, MapError, MapSpec, memory_used};
use axbpf_platform::IrqGuard;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::{Arc, Mutex};

fn hash(value_size: u32, max_entries: u32, flags: u32) -> Arc<Map> {
    Map::new(&MapSpec { map_type: Hash, key_size: 8, value_size, max_entries, flags, ..MapSpec::default() }).unwrap()
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
    for flags in [0, BPF_F_NO_PREALLOC] {
        replaced_all_the_time(&hash(8, 8, flags));
    }
}

fn replaced_all_the_time(map: &Map) {
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
    let value = |key: u64| [key.to_le_bytes(); WORDS].concat();
    let of_its_key = |map: &Map| {
        beside(
            150_000,
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
    };
    of_its_key(&hash(8 * WORDS as u32, 2, 0));
    of_its_key(&hash(8 * WORDS as u32, 2, BPF_F_NO_PREALLOC));
}

/// Tests that look at the memory of all maps make large ones, one at a time.
static LARGE: Mutex<()> = Mutex::new(());

/// The limit is about all memory of a hash, not about its keys and values alone.
#[test]
fn what_a_hash_needs_besides_values_is_counted() {
    let _alone = LARGE.lock();
    let before = memory_used();
    let map = hash(8, 1 << 16, 0);
    let used = memory_used() - before;
    // Key and value 16, header 8, bucket 8; the other tests' maps, which come and go meanwhile, are small.
    assert!((32 << 16..35 << 16).contains(&used), "{used}");
    drop(map);
    let per_cpu = MapSpec { map_type: PercpuHash, key_size: 8, value_size: 8, max_entries: 1 << 14, ..MapSpec::default() };
    let map = Map::new(&per_cpu).unwrap();
    assert!(memory_used() - before >= (8 + 8 * axbpf_platform::MAX_CPUS + 16) << 14);
    drop(map);
    assert!(memory_used() < before + (1 << 20), "given back");
}

/// Without preallocation a hash takes memory as it fills, and a program finds some ready although it never allocates.
#[test]
fn a_hash_grows() {
    const ENTRIES: u64 = 1 << 17;
    let _alone = LARGE.lock();
    let before = memory_used();
    let map = hash(8, ENTRIES as u32, BPF_F_NO_PREALLOC);
    let at_first = memory_used() - before;
    assert!((8 << 17..9 << 17).contains(&at_first), "buckets, and little more: {at_first}");
    for key in 0..ENTRIES {
        let section = IrqGuard::new();
        let (key, value) = (key.to_le_bytes(), (!key).to_le_bytes());
        // SAFETY: a key and a value of their sizes.
        unsafe { map.update_ptr(key.as_ptr(), value.as_ptr(), 0) }.unwrap();
        drop(section); // where the interrupt comes that it pended
    }
    assert!((32 << 17..33 << 17).contains(&(memory_used() - before)));
    assert_eq!(map.update(&ENTRIES.to_le_bytes(), &[0; 8], 0), Err(MapError::Full));
    assert!((0..ENTRIES).all(|key| map.get(&key.to_le_bytes()) == Ok((!key).to_le_bytes().to_vec())));
}

/// A program that takes all that is ready at once is told so; a command then finds more.
#[test]
fn a_reserve_ends() {
    let map = hash(8, 1 << 16, BPF_F_NO_PREALLOC);
    let section = IrqGuard::new();
    // SAFETY: as above.
    let put = |key: u64| unsafe { map.update_ptr(key.to_le_bytes().as_ptr(), [0; 8].as_ptr(), 0) };
    let ready = (0..1 << 16).find(|&key| put(key) == Err(MapError::Reserve)).unwrap();
    assert!(ready >= 128, "{ready}");
    drop(section);
    assert_eq!(map.update(&ready.to_le_bytes(), &[0; 8], 0), Ok(()));
}
