//! The same operations here and on the machine's own Linux, through bpf(2): `cargo test -p axbpf-maps --test linux -- --ignored`, as root.
//! Where bpf(2) is not permitted these tests fail; they never count as passed.
mod common;

use axbpf_abi::MapType::{self, *};
use axbpf_abi::flags::*;
use axbpf_maps::{Map, MapError, MapSpec};
use std::ffi::{c_int, c_long};
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::Arc;

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

const SYS_BPF: c_long = if cfg!(target_arch = "x86_64") { 321 } else { 280 };
const CREATE: c_int = 0;
const LOOKUP: c_int = 1;
const UPDATE: c_int = 2;
const DELETE: c_int = 3;
const NEXT_KEY: c_int = 4;
const LOOKUP_AND_DELETE: c_int = 21;

fn bpf(cmd: c_int, attr: &[u64; 16]) -> Result<c_long, u16> {
    // SAFETY: the attributes hold addresses of buffers that are large enough for the maps used here.
    let result = unsafe { syscall(SYS_BPF, cmd, attr.as_ptr(), size_of_val(attr)) };
    if result >= 0 { Ok(result) } else { Err(std::io::Error::last_os_error().raw_os_error().unwrap() as u16) }
}

/// Linux's map.
fn create(spec: &MapSpec) -> Result<File, u16> {
    let mut attr = [0; 16];
    attr[0] = u64::from(spec.map_type as u32) | u64::from(spec.key_size) << 32;
    attr[1] = u64::from(spec.value_size) | u64::from(spec.max_entries) << 32;
    attr[2] = spec.flags.into();
    let fd = bpf(CREATE, &attr)?;
    // SAFETY: a new descriptor, ours.
    Ok(unsafe { File::from_raw_fd(fd as c_int) })
}

/// Values of all of Linux's CPUs fit.
const ROOM: usize = 1 << 16;

fn element(cmd: c_int, map: &File, key: Option<&[u8]>, value: &mut [u8], flags: u64) -> Result<(), u16> {
    let mut attr = [0; 16];
    attr[0] = map.as_raw_fd() as u64;
    // Maps without keys take a null pointer alone.
    attr[1] = key.filter(|key| !key.is_empty()).map_or(0, |key| key.as_ptr().expose_provenance() as u64);
    attr[2] = if cmd == DELETE { 0 } else { value.as_mut_ptr().expose_provenance() as u64 };
    attr[3] = flags;
    bpf(cmd, &attr).map(drop)
}

fn errno(result: Result<(), MapError>) -> Result<(), u16> {
    result.map_err(|error| error.errno().0)
}

fn spec(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32, flags: u32) -> MapSpec {
    MapSpec { map_type, key_size, value_size, max_entries, flags, ..MapSpec::default() }
}

fn both(spec: &MapSpec) -> (Arc<Map>, File) {
    (Map::new(spec).unwrap(), create(spec).expect("bpf(2) has to be permitted for this test"))
}

#[test]
#[ignore = "asks the machine's Linux"]
fn creation() {
    drop(both(&spec(Array, 4, 8, 1, 0)));
    let mut differences = Vec::new();
    let mut asked = 0;
    for map_type in [Array, PercpuArray, Hash, PercpuHash, LruHash, LruPercpuHash, Ringbuf, ProgArray] {
        let flags_of = || (0..15).map(|bit| 1 << bit).chain([0, BPF_F_RDONLY | BPF_F_WRONLY, BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG]);
        for key_size in [0, 1, 4, 5, 8, 512, 513, (1 << 22) - 8, 1 << 22, u32::MAX] {
            for value_size in [0, 1, 4, 8, 32768, 32769, 1 << 20, (1 << 22) - 8, 1 << 22, u32::MAX] {
                for max_entries in [0, 1, 3, 4096, 8192, 12288] {
                    for flags in flags_of() {
                        let size = (u64::from(key_size) + u64::from(value_size)) * u64::from(max_entries);
                        let small = key_size > 1 << 22 || value_size > 1 << 22 || size < 1 << 19;
                        if !small {
                            continue;
                        }
                        let spec = spec(map_type, key_size, value_size, max_entries, flags);
                        let (ours, theirs) = (errno(Map::new(&spec).map(drop)), create(&spec).map(drop));
                        asked += 1;
                        if ours != theirs {
                            differences.push(format!("{map_type} key {key_size} value {value_size} entries {max_entries} flags {flags:#x}: {ours:?}, Linux {theirs:?}"));
                        }
                    }
                }
            }
        }
    }
    println!("{asked} maps");
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences[..differences.len().min(40)].join("\n"));
}

/// Every operation with every flag on present and missing keys, of each type.
#[test]
#[ignore = "asks the machine's Linux"]
fn operations() {
    let mut differences = Vec::new();
    for (spec, keys) in [
        (spec(Array, 4, 12, 3, 0), [0u32, 1, 2, 3, u32::MAX]),
        (spec(PercpuArray, 4, 12, 3, 0), [0, 1, 2, 3, u32::MAX]),
        (spec(Hash, 4, 12, 3, 0), [0, 1, 2, 3, u32::MAX]),
        (spec(PercpuHash, 4, 12, 3, 0), [0, 1, 2, 3, u32::MAX]),
        (spec(LruHash, 4, 12, 256, 0), [0, 1, 2, 3, u32::MAX]),
        (spec(LruPercpuHash, 4, 12, 256, 0), [0, 1, 2, 3, u32::MAX]),
        (spec(Ringbuf, 0, 0, 4096, 0), [0; 5]),
        (spec(ProgArray, 4, 4, 3, 0), [0, 1, 2, 3, u32::MAX]),
        (spec(Array, 4, 12, 3, BPF_F_RDONLY), [0, 1, 2, 3, u32::MAX]),
        (spec(Hash, 4, 12, 3, BPF_F_RDONLY), [0, 1, 2, 3, u32::MAX]),
        (spec(Hash, 4, 12, 3, BPF_F_WRONLY), [0, 1, 2, 3, u32::MAX]),
    ] {
        let (ours, theirs) = both(&spec);
        let key_of = |key: u32| key.to_le_bytes()[..spec.key_size as usize].to_vec();
        let mut check = |what: String, ours: Result<(), u16>, theirs: Result<(), u16>| {
            if ours != theirs {
                differences.push(format!("{} flags {:#x}: {what}: {ours:?}, Linux {theirs:?}", spec.map_type, spec.flags));
            }
        };
        // Three rounds: of flags first on an empty hash, later on a full one.
        for round in 0..3 {
            for &key in &keys {
                let key = key_of(key);
                // A program array takes descriptors of programs, of which there are none here.
                for flags in [BPF_EXIST, BPF_NOEXIST, BPF_ANY, 3, BPF_F_LOCK, 1 << 40].into_iter().filter(|_| spec.map_type != ProgArray) {
                    let mut value = vec![round; ROOM];
                    let result = errno(ours.update(&key, &value[..ours.value_len()], flags));
                    check(format!("update {key:?} {flags}"), result, element(UPDATE, &theirs, Some(&key), &mut value, flags));
                }
                let (mut value, mut out) = (vec![0; ROOM], vec![0; ours.value_len()]);
                let result = errno(ours.lookup(&key, &mut out));
                check(format!("lookup {key:?}"), result, element(LOOKUP, &theirs, Some(&key), &mut value, 0));
                if result.is_ok() && matches!(spec.map_type, Array | Hash) {
                    assert_eq!(value[..out.len()], out, "{} {key:?}", spec.map_type);
                }
            }
            let mut next = vec![0; spec.key_size as usize];
            for key in [None, Some(77), Some(2)].into_iter().filter(|&key| key != Some(2) || spec.map_type == Array) {
                let (key, mut room) = (key.map(key_of), vec![0; ROOM]);
                let result = errno(ours.next_key(key.as_deref(), &mut next));
                check(format!("next key {key:?}"), result, element(NEXT_KEY, &theirs, key.as_deref(), &mut room, 0));
            }
            for key in [keys[1], keys[1], keys[4]] {
                let key = key_of(key);
                let (mut value, mut out) = (vec![0; ROOM], vec![0; ours.value_len()]);
                let result = errno(ours.lookup_and_delete(&key, &mut out));
                check(format!("lookup and delete {key:?}"), result, element(LOOKUP_AND_DELETE, &theirs, Some(&key), &mut value, 0));
            }
            for key in [keys[2], keys[2], keys[4]] {
                let key = key_of(key);
                check(format!("delete {key:?}"), errno(ours.delete(&key)), element(DELETE, &theirs, Some(&key), &mut [], 0));
            }
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

/// Random operations on a hash, with keys that fill it: results, values and the set of keys are equal all the time.
#[test]
#[ignore = "asks the machine's Linux"]
fn random_operations() {
    let (ours, theirs) = both(&spec(Hash, 6, 20, 12, 0));
    let mut state = 1u64;
    let mut below = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    for round in 0..20_000u64 {
        let key = (below(20) * 0x0101_0203).to_le_bytes()[..6].to_vec();
        let mut value: Vec<u8> = (0..20).map(|i| (round + i) as u8).collect();
        let (mut out, mut room) = ([0; 20], [0; 20]);
        let (a, b) = match below(5) {
            0 | 1 => {
                let flags = below(4);
                (errno(ours.update(&key, &value, flags)), element(UPDATE, &theirs, Some(&key), &mut value, flags))
            }
            2 => (errno(ours.delete(&key)), element(DELETE, &theirs, Some(&key), &mut [], 0)),
            3 => (errno(ours.lookup_and_delete(&key, &mut out)), element(LOOKUP_AND_DELETE, &theirs, Some(&key), &mut room, 0)),
            _ => (errno(ours.lookup(&key, &mut out)), element(LOOKUP, &theirs, Some(&key), &mut room, 0)),
        };
        assert_eq!(a, b, "round {round}");
        assert_eq!(out, room, "round {round}");
        if round % 100 == 0 {
            let mut mine: Vec<Vec<u8>> = ours.keys().collect();
            let (mut linux, mut key, mut next): (Vec<Vec<u8>>, Option<Vec<u8>>, _) = (Vec::new(), None, vec![0; 6]);
            while element(NEXT_KEY, &theirs, key.as_deref(), &mut next, 0).is_ok() {
                linux.push(next.clone());
                key = Some(next.clone());
            }
            mine.sort();
            linux.sort();
            assert_eq!(mine, linux, "round {round}");
        }
    }
}

/// How often Linux's LRU hash has what is asked for, on the trace of `common`. The figure stands in tests/lru.rs.
#[test]
#[ignore = "asks the machine's Linux"]
fn lru_hit_rate() {
    const PROG_LOAD: c_int = 5;
    const TEST_RUN: c_int = 10;
    const SYSCALL: u64 = 31;
    let map = create(&spec(LruHash, 4, 8, common::ENTRIES, 0)).unwrap();
    let fd = map.as_raw_fd();
    let insn = |op: u64, dst: u64, src: u64, off: i16, imm: i32| {
        op | dst << 8 | src << 12 | u64::from(off as u16) << 16 | u64::from(imm as u32) << 32
    };
    // Looks the context's key up; sets it to 0 if it is not there. Answers whether it was.
    let program = [
        insn(0x61, 1, 1, 0, 0),    // r1 = *(u32 *)(r1 + 0)
        insn(0x63, 10, 1, -4, 0),  // *(u32 *)(r10 - 4) = r1
        insn(0x18, 1, 1, 0, fd),   // r1 = map
        0,                         //
        insn(0xbf, 2, 10, 0, 0),   // r2 = r10
        insn(0x07, 2, 0, 0, -4),   // r2 += -4
        insn(0x85, 0, 0, 0, 1),    // call map_lookup_elem
        insn(0x55, 0, 0, 11, 0),   // if r0 != 0 goto +11
        insn(0x7a, 10, 0, -16, 0), // *(u64 *)(r10 - 16) = 0
        insn(0x18, 1, 1, 0, fd),   // r1 = map
        0,                         //
        insn(0xbf, 2, 10, 0, 0),   // r2 = r10
        insn(0x07, 2, 0, 0, -4),   // r2 += -4
        insn(0xbf, 3, 10, 0, 0),   // r3 = r10
        insn(0x07, 3, 0, 0, -16),  // r3 += -16
        insn(0xb7, 4, 0, 0, 0),    // r4 = 0
        insn(0x85, 0, 0, 0, 2),    // call map_update_elem
        insn(0xb7, 0, 0, 0, 0),    // r0 = 0
        insn(0x95, 0, 0, 0, 0),    // exit
        insn(0xb7, 0, 0, 0, 1),    // r0 = 1
        insn(0x95, 0, 0, 0, 0),    // exit
    ];
    let mut attr = [0; 16];
    attr[0] = SYSCALL | (program.len() as u64) << 32;
    attr[1] = program.as_ptr().expose_provenance() as u64;
    attr[2] = c"GPL".as_ptr().expose_provenance() as u64;
    attr[5] = 1 << 36; // BPF_F_SLEEPABLE
    let prog = bpf(PROG_LOAD, &attr).unwrap();
    let (mut hits, mut asked) = (0, 0);
    for key in common::trace() {
        let mut attr = [0; 16];
        attr[0] = prog as u64;
        attr[5] = 4; // ctx_size_in
        attr[6] = (&raw const key).expose_provenance() as u64;
        bpf(TEST_RUN, &attr).unwrap();
        hits += attr[0] >> 32;
        asked += 1;
    }
    println!("Linux: {hits} of {asked}");
}
