//! Maps without keys: queues, stacks, bloom filters.
use axbpf_abi::MapType::{self, *};
use axbpf_abi::flags::*;
use axbpf_maps::{Map, MapError, MapSpec};
use std::collections::VecDeque;
use std::sync::Arc;

fn map(map_type: MapType, value_size: u32, max_entries: u32) -> Arc<Map> {
    Map::new(&MapSpec { map_type, value_size, max_entries, ..MapSpec::default() }).unwrap()
}

fn pop(map: &Map) -> Result<u64, MapError> {
    let mut value = [0xff; 8];
    let result = map.lookup_and_delete(&[], &mut value).map(|()| u64::from_le_bytes(value));
    if result.is_err() {
        assert_eq!(value, [0; 8], "nothing is zeros");
    }
    result
}

/// Random operations against a list.
#[test]
fn queues_and_stacks_against_a_model() {
    for map_type in [Queue, Stack] {
        for entries in [1, 2, 7] {
            let map = map(map_type, 8, entries);
            let (mut model, mut state) = (VecDeque::new(), 9u64);
            for round in 0..10_000u64 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let flags = [BPF_ANY, BPF_EXIST, BPF_NOEXIST, 3][(state >> 40 & 3) as usize];
                match state >> 60 {
                    0..8 => {
                        let expected = match flags {
                            BPF_NOEXIST | 3 => Err(MapError::Flags(flags)),
                            BPF_ANY if model.len() == entries as usize => Err(MapError::Full),
                            _ => {
                                if model.len() == entries as usize {
                                    model.pop_front();
                                }
                                model.push_back(round);
                                Ok(())
                            }
                        };
                        assert_eq!(map.update(&[], &round.to_le_bytes(), flags), expected, "{map_type} {round}");
                    }
                    8..13 => {
                        let next = if map_type == Queue { model.pop_front() } else { model.pop_back() };
                        assert_eq!(pop(&map).ok(), next, "{map_type} {round}");
                    }
                    _ => {
                        let next = if map_type == Queue { model.front() } else { model.back() };
                        assert_eq!(map.get(&[]).ok(), next.map(|next| next.to_le_bytes().to_vec()), "{map_type} {round}");
                    }
                }
            }
        }
    }
}

/// What four threads put in comes out once.
#[test]
fn nothing_is_lost_or_doubled() {
    for map_type in [Queue, Stack] {
        let map = map(map_type, 16, 64);
        let sums: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (1..=4u64)
                .map(|thread| {
                    let map = &map;
                    scope.spawn(move || {
                        let mut sum = 0;
                        for i in 0..5000u64 {
                            let number = thread << 32 | i;
                            let value = [number.to_le_bytes(), (!number).to_le_bytes()].concat();
                            while map.update(&[], &value, BPF_ANY).is_err() {
                                std::thread::yield_now();
                            }
                            let mut out = [0; 16];
                            if map.lookup_and_delete(&[], &mut out).is_ok() {
                                let (a, b) =
                                    (u64::from_le_bytes(out[..8].try_into().unwrap()), u64::from_le_bytes(out[8..].try_into().unwrap()));
                                assert_eq!(a, !b, "half of one value and half of another");
                                sum += a;
                            }
                        }
                        sum
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut sum: u64 = sums.iter().sum();
        let mut out = [0; 16];
        while map.lookup_and_delete(&[], &mut out).is_ok() {
            sum += u64::from_le_bytes(out[..8].try_into().unwrap());
        }
        let expected: u64 = (1..=4u64).flat_map(|thread| (0..5000u64).map(move |i| thread << 32 | i)).sum();
        assert_eq!(sum, expected, "{map_type}");
    }
}

/// What was put in is there, always; of the rest, few are said to be.
#[test]
fn bloom_filters() {
    for (functions, most) in [(0, 0.05), (1, 0.6), (3, 0.12), (10, 0.005)] {
        let spec = MapSpec { map_type: BloomFilter, value_size: 12, max_entries: 10_000, map_extra: functions, ..MapSpec::default() };
        let map = Map::new(&spec).unwrap();
        let value = |n: u32| [n.to_le_bytes(), [7; 4], (n ^ 5).to_le_bytes()].concat();
        for n in 0..10_000 {
            map.update(&[], &value(n), BPF_ANY).unwrap();
        }
        assert!((0..10_000).all(|n| map.may_contain(&value(n)).unwrap()));
        let wrong = (10_000..110_000).filter(|&n| map.may_contain(&value(n)).unwrap()).count();
        assert!((wrong as f64) < most * 100_000.0, "{functions} functions: {wrong} of 100000");
        assert_eq!(map.update(&[], &value(1), BPF_EXIST), Err(MapError::Flags(BPF_EXIST)));
        assert_eq!(map.delete(&[]), Err(MapError::NotSupported));
    }
    let too_many = MapSpec { map_type: BloomFilter, value_size: 12, max_entries: 1, map_extra: 16, ..MapSpec::default() };
    assert!(matches!(Map::new(&too_many), Err(MapError::Field { field: "map_extra", .. })));
}
