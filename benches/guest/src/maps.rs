//! Map operations through bpf(2), as the Linux harness measures them: 1024 elements, values of 8 bytes.
use crate::{measure, tell};
use axbpf::abi::attr::{MapCreate, MapElem};
use axbpf::abi::flags::BPF_F_NO_PREALLOC;
use axbpf::abi::{Cmd, MapType};
use axbpf::{bpf_attr, cmd};

const N: u64 = 1024;

/// Key bytes, flags of the map, and what there is to measure.
type Row = (MapType, u32, u32, &'static [(&'static str, Cmd)]);

const ALL: &[(&str, Cmd)] = &[
    ("insert", Cmd::MapUpdateElem),
    ("update", Cmd::MapUpdateElem),
    ("lookup", Cmd::MapLookupElem),
    ("next_key", Cmd::MapGetNextKey),
    ("delete", Cmd::MapDeleteElem),
];

const ROWS: &[Row] = &[
    (MapType::Array, 4, 0, ALL.split_at(1).1.split_at(3).0),
    (MapType::PercpuArray, 4, 0, ALL.split_at(1).1.split_at(3).0),
    (MapType::Hash, 8, 0, ALL),
    (MapType::Hash, 8, BPF_F_NO_PREALLOC, ALL),
    (MapType::PercpuHash, 8, 0, ALL),
    (MapType::LruHash, 8, 0, ALL),
    (MapType::LruPercpuHash, 8, 0, ALL),
    (MapType::LpmTrie, 8, BPF_F_NO_PREALLOC, ALL),
    (MapType::Queue, 0, 0, KEYLESS),
    (MapType::Stack, 0, 0, KEYLESS),
    (MapType::BloomFilter, 0, 0, KEYLESS.split_at(2).0),
];

/// Puts in, looks, takes out.
const KEYLESS: &[(&str, Cmd)] = &[("insert", Cmd::MapUpdateElem), ("lookup", Cmd::MapLookupElem), ("delete", Cmd::MapLookupAndDeleteElem)];

#[inline(always)]
fn bpf(cmd: Cmd, attr: &mut bpf_attr) -> i64 {
    // SAFETY: what the attr leads to are this file's buffers.
    unsafe { axbpf::bpf(cmd as u32, attr, size_of::<bpf_attr>() as u32) }
}

pub fn run() {
    for &(map_type, key_size, map_flags, operations) in ROWS {
        let create =
            MapCreate { map_type: map_type as u32, key_size, value_size: 8, max_entries: N as u32, map_flags, ..MapCreate::default() };
        let fd = bpf(Cmd::MapCreate, &mut create.into());
        assert!(fd >= 0, "{map_type}: {fd}");
        let map_fd = fd as u32;
        let (mut key, mut value) = (0u64, [0u64; 64]);
        for &(name, op) in operations {
            let element = MapElem {
                map_fd,
                key: if key_size == 0 { 0 } else { (&raw mut key).expose_provenance() as u64 },
                value: if op == Cmd::MapDeleteElem { 0 } else { value.as_mut_ptr().expose_provenance() as u64 },
                flags: 0,
            };
            // A key is new, or there to be deleted, once.
            let once = matches!(name, "insert" | "delete");
            let mut attr = bpf_attr::from(element);
            let mut from = 0;
            let mut all = |n: u64| {
                let keys = from..from + n;
                let mut one = |word: u64| {
                    // SAFETY: nobody else has the key now.
                    unsafe { (&raw mut key).write_volatile(word) };
                    let result = bpf(op, &mut attr);
                    // The last key of an array has no successor.
                    assert!(result == 0 || op == Cmd::MapGetNextKey, "{map_type} {name}: {result}");
                };
                match map_type {
                    // All 32 bits of an address.
                    MapType::LpmTrie => keys.for_each(|i| one(i << 32 | 32)),
                    _ => keys.for_each(one),
                }
                if once {
                    from += n;
                }
            };
            let cost = if once { measure(1, N / 2, || all(N / 2)) } else { measure(4, N, || all(N)) };
            let sparse = if map_flags & BPF_F_NO_PREALLOC != 0 && map_type == MapType::Hash { "_no_prealloc" } else { "" };
            tell(format_args!("map.{map_type}{sparse}.{name}"), cost, "insns/op");
        }
        cmd::close(map_fd).unwrap();
    }
    let mut nothing = bpf_attr::from(MapElem { map_fd: u32::MAX, ..MapElem::default() });
    let cost = measure(1, 4096, || {
        for _ in 0..4096 {
            assert!(bpf(Cmd::MapLookupElem, &mut nothing) < 0);
        }
    });
    tell(format_args!("map.bad_fd_syscall"), cost, "insns/op");
}
