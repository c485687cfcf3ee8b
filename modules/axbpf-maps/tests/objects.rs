//! Maps that hold programs and maps.
use axbpf_abi::MapType::{self, *};
use axbpf_abi::flags::*;
use axbpf_maps::{Map, MapError, MapSpec, Object};
use axbpf_platform::{IrqGuard, reclaim};
use std::sync::Arc;

fn spec(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32) -> MapSpec {
    MapSpec { map_type, key_size, value_size, max_entries, ..MapSpec::default() }
}

fn inner(max_entries: u32) -> Arc<Map> {
    Map::new(&spec(Array, 4, 8, max_entries)).unwrap()
}

/// What a program finds.
fn found(map: &Map, key: u32) -> u64 {
    let _section = IrqGuard::new();
    // SAFETY: a key of the map's size, in a section.
    unsafe { map.lookup_ptr((&raw const key).cast()) }.expose_provenance() as u64
}

fn key(key: u32) -> [u8; 4] {
    key.to_le_bytes()
}

#[test]
fn maps_of_maps() {
    for map_type in [ArrayOfMaps, HashOfMaps] {
        assert_eq!(Map::new(&spec(map_type, 4, 4, 3)).err(), Some(MapError::NoInner));
        let outer = Map::with_inner(&spec(map_type, 4, 4, 3), Some(inner(5).spec())).unwrap();
        assert_eq!(outer.inner_spec().map(|spec| spec.max_entries), Some(5));
        let maps: Vec<Arc<Map>> = (0..3).map(|_| inner(5)).collect();
        for (i, map) in (0..).zip(&maps) {
            assert_eq!(found(&outer, i), 0);
            assert_eq!(outer.put_map(&key(i), Arc::clone(map), BPF_ANY), Ok(()), "{map_type}");
            assert_eq!(found(&outer, i), map.address());
            assert_eq!(outer.get(&key(i)), Ok(map.id().to_le_bytes().to_vec()), "commands see the id");
        }
        assert_eq!(outer.get(&key(9)), Err(MapError::NoSuchKey));
        let full = if map_type == ArrayOfMaps { MapError::Index } else { MapError::Full };
        assert_eq!(outer.put_map(&key(3), inner(5), BPF_ANY), Err(full));
        // Others in their place; those that were there go.
        let other = inner(5);
        assert_eq!(outer.put_map(&key(1), Arc::clone(&other), BPF_ANY), Ok(()));
        assert_eq!(found(&outer, 1), other.address());
        assert_eq!(outer.delete(&key(2)), Ok(()));
        assert_eq!((outer.delete(&key(2)), found(&outer, 2)), (Err(MapError::NoSuchKey), 0));
        assert_eq!(outer.update(&key(0), &[0; 4], BPF_ANY), Err(MapError::Operation), "maps are no bytes");
        // What is not like the inner map.
        for wrong in [inner(6), Map::new(&spec(Array, 4, 16, 5)).unwrap(), Map::new(&spec(Hash, 4, 8, 5)).unwrap()] {
            assert!(matches!(outer.put_map(&key(2), wrong, BPF_ANY), Err(MapError::Inner(_))), "{map_type}");
        }
        // Nothing is kept but what is there: one by us, one by the map.
        for _ in 0..100 {
            reclaim().unwrap();
            if Arc::strong_count(&maps[1]) + Arc::strong_count(&maps[2]) == 2 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let counts: Vec<usize> = maps.iter().chain([&other]).map(Arc::strong_count).collect();
        assert_eq!(counts, [2, 1, 1, 2], "{map_type}");
        drop(outer);
        assert_eq!((Arc::strong_count(&maps[0]), Arc::strong_count(&other)), (1, 1), "{map_type}");
    }
}

#[test]
fn what_cannot_be_an_inner_map() {
    let nested = Map::with_inner(&spec(ArrayOfMaps, 4, 4, 3), Some(inner(1).spec())).unwrap();
    assert!(matches!(Map::with_inner(&spec(ArrayOfMaps, 4, 4, 3), Some(nested.spec())), Err(MapError::Inner(_))));
    let programs = Map::new(&spec(ProgArray, 4, 4, 3)).unwrap();
    assert_eq!(Map::with_inner(&spec(HashOfMaps, 4, 4, 3), Some(programs.spec())).err(), Some(MapError::Unsupported));
    // Arrays of any size, if the first one says so.
    let any = Map::new(&MapSpec { flags: BPF_F_INNER_MAP, ..spec(Array, 4, 8, 1) }).unwrap();
    let outer = Map::with_inner(&spec(ArrayOfMaps, 4, 4, 3), Some(any.spec())).unwrap();
    let large = Map::new(&MapSpec { flags: BPF_F_INNER_MAP, ..spec(Array, 4, 8, 100) }).unwrap();
    assert_eq!(outer.put_map(&key(0), large, BPF_ANY), Ok(()));
}

/// Its number, and what it keeps.
struct Program(u32, #[expect(dead_code, reason = "kept")] Option<Arc<Map>>);

impl Object for Program {
    fn id(&self) -> u32 {
        self.0
    }

    fn address(&self) -> u64 {
        u64::from(self.0) << 12
    }

    fn kind(&self) -> u32 {
        self.0 / 100
    }
}

#[test]
fn program_arrays() {
    let array = Map::new(&spec(ProgArray, 4, 4, 2)).unwrap();
    assert_eq!(array.put(&key(0), Arc::new(Program(7, None)), BPF_NOEXIST), Err(MapError::Flags(BPF_NOEXIST)));
    assert_eq!(array.put(&key(0), Arc::new(Program(7, None)), BPF_ANY), Ok(()));
    assert_eq!(array.put(&key(2), Arc::new(Program(8, None)), BPF_ANY), Err(MapError::Index));
    assert_eq!(array.get(&key(0)), Ok(vec![7, 0, 0, 0]));
    assert_eq!(found(&array, 0), 0, "programs do not look programs up");
    let (table, slots) = array.object_table().unwrap();
    // SAFETY: the table of a map that lives.
    let words = unsafe { core::slice::from_raw_parts(table.cast::<u64>(), slots) };
    assert_eq!(words, [7 << 12, 0]);
    assert_eq!(array.delete(&key(0)), Ok(()));
    assert_eq!((array.delete(&key(0)), array.delete(&key(2))), (Err(MapError::NoSuchKey), Err(MapError::Index)));
    assert_eq!(array.get(&key(0)), Err(MapError::NoSuchKey));
}

#[test]
fn programs_of_one_kind() {
    let array = Map::new(&spec(ProgArray, 4, 4, 2)).unwrap();
    assert!(array.claim(1), "a program of this kind uses it");
    assert_eq!(array.put(&key(0), Arc::new(Program(205, None)), BPF_ANY), Err(MapError::Kind));
    assert_eq!(array.put(&key(0), Arc::new(Program(105, None)), BPF_ANY), Ok(()));
    assert!(array.claim(1) && !array.claim(2));
}

/// A program that uses the array it stands in does not keep itself alive.
#[test]
fn the_last_user_empties_a_program_array() {
    let array = Map::new(&spec(ProgArray, 4, 4, 2)).unwrap();
    array.hold();
    array.hold();
    array.put(&key(1), Arc::new(Program(1, Some(Arc::clone(&array)))), BPF_ANY).unwrap();
    array.release();
    assert!(array.object(&key(1)).is_some());
    array.release();
    assert!(array.object(&key(1)).is_none());
    for _ in 0..100 {
        reclaim().unwrap();
        if Arc::strong_count(&array) == 1 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("{} references", Arc::strong_count(&array));
}
