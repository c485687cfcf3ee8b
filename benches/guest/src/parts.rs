//! What the other figures are made of: map operations from Rust without bpf(2), and what they use. The loop around them is left in: 14
//! instructions (`part.nothing`).
use crate::{measure, tell};
use axbpf::abi::MapType;
use axbpf::maps::{Map, MapSpec};
use axbpf::platform::{IrqGuard, cpu_id, fault, monotonic_ns};
use axbpf::{cmd, fds};
use core::hint::black_box;

const TIMES: u64 = 1000;

fn part(name: &str, mut work: impl FnMut()) {
    let cost = measure(4, TIMES, || {
        for _ in 0..TIMES {
            work();
        }
    });
    tell(format_args!("{name}"), cost, "insns/op");
}

pub fn run() {
    part("part.nothing", || _ = black_box(0));
    part("part.monotonic_ns", || _ = black_box(monotonic_ns()));
    part("part.irq_guard", || drop(black_box(IrqGuard::new())));
    part("part.cpu_id", || _ = black_box(cpu_id()));
    let (from, mut to) = ([7u64; 32], [0u64; 32]);
    for len in [8, 152] {
        // SAFETY: bytes of a buffer of ours.
        let to = unsafe { core::slice::from_raw_parts_mut(to.as_mut_ptr().cast::<u8>(), len) };
        part(if len == 8 { "part.fault_read_8" } else { "part.fault_read_152" }, || {
            fault::read(black_box(&mut *to), from.as_ptr().addr()).unwrap()
        });
    }
    for map_type in [MapType::Array, MapType::PercpuArray, MapType::Hash, MapType::LruHash] {
        let key_size = if matches!(map_type, MapType::Array | MapType::PercpuArray) { 4 } else { 8 };
        let spec = MapSpec { map_type, key_size, value_size: 8, max_entries: 1024, ..MapSpec::default() };
        let fd = cmd::map_create(&spec).unwrap();
        if map_type == MapType::Array {
            part("part.fd", || _ = black_box(fds::map(fd).unwrap()));
        }
        let map: alloc::sync::Arc<Map> = fds::map(fd).unwrap();
        let (key, mut value) = ([1u64], [0u64]);
        // SAFETY: bytes of words of ours.
        let (key, value) = unsafe {
            (
                core::slice::from_raw_parts(key.as_ptr().cast::<u8>(), key_size as usize),
                core::slice::from_raw_parts_mut(value.as_mut_ptr().cast::<u8>(), 8),
            )
        };
        map.update(key, value, 0).unwrap();
        part(&alloc::format!("map.{map_type}.update.typed"), || map.update(black_box(key), value, 0).unwrap());
        part(&alloc::format!("map.{map_type}.lookup.typed"), || map.lookup(black_box(key), value).unwrap());
        let _section = IrqGuard::new();
        // SAFETY: a key of the map's size, in a section.
        part(&alloc::format!("map.{map_type}.lookup.prog"), || _ = black_box(unsafe { map.lookup_ptr(black_box(key.as_ptr())) }));
        // SAFETY: as above.
        part(&alloc::format!("map.{map_type}.update.prog"), || {
            unsafe { map.update_ptr(black_box(key.as_ptr()), value.as_ptr(), 0) }.unwrap()
        });
        drop(map);
        cmd::close(fd).unwrap();
    }
}
