//! Maps of every type from a probe that tasks on all CPUs hit, while commands change the same maps: nothing is lost, nothing is torn.
use crate::stress::on_each_cpu;
use alloc::vec::Vec;
use axbpf::PerfBuffer;
use axbpf::abi::flags::{BPF_F_LOCK, BPF_F_NO_PREALLOC};
use core::hint::black_box;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};

/// Calls on each CPU: fewer than the sparse hash has elements for.
const CALLS: u64 = 3000;

#[inline(never)]
extern "C" fn called(n: u64) -> u64 {
    black_box(n)
}

static DONE: AtomicBool = AtomicBool::new(false);
static WRONG: AtomicU64 = AtomicU64::new(0);

fn words(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks().0.iter().map(|&word| u64::from_le_bytes(word)).collect()
}

pub fn run() {
    let object = crate::object!("types");
    let map = |name| object.map(name).unwrap().clone();
    let (pairs, routes, sparse, calls) = (map("pairs"), map("routes"), map("sparse"), map("calls"));
    assert_eq!(sparse.spec().flags, BPF_F_NO_PREALLOC);
    let route = |len: u32, addr: [u8; 4]| [len.to_le_bytes(), addr].concat();
    routes.update(&route(8, [10, 0, 0, 0]), &8u64.to_le_bytes(), 0).unwrap();
    routes.update(&route(16, [10, 1, 0, 0]), &16u64.to_le_bytes(), 0).unwrap();
    let mut events = PerfBuffer::new(map("events"), 1 << 16).unwrap();
    let target = alloc::format!("{:#x}", called as *const () as usize);
    let link = object.attach_to("every_type", &[target.as_str().into()]).unwrap();

    DONE.store(false, SeqCst);
    let changer = axtask::spawn({
        let (pairs, routes) = (pairs.clone(), routes.clone());
        move || {
            let mut value = alloc::vec![0; pairs.value_len()];
            let mut n = 0u32;
            while !DONE.load(SeqCst) {
                pairs.lookup_with(&[0; 4], &mut value, BPF_F_LOCK).unwrap();
                let pair = words(&value);
                if pair[1] * 2 != pair[2] {
                    WRONG.fetch_add(1, Relaxed);
                }
                // Beside the route that every call looks for.
                n += 1;
                let other = route(24 + n % 9, [10, 2, n as u8, 255]);
                routes.update(&other, &1u64.to_le_bytes(), 0).unwrap();
                routes.delete(&other).unwrap();
                axtask::yield_now();
            }
        }
    });
    let prog = object.program("add_to_pair").unwrap().prog.clone();
    on_each_cpu(move |_| {
        for n in 0..CALLS {
            called(n);
            let packet = [0; 64];
            let run = prog.test_run(&axbpf::TestRunSpec::packet(&packet)).unwrap();
            assert_eq!(run.retval, 0);
            if n % 64 == 0 {
                axtask::yield_now();
            }
        }
    });
    DONE.store(true, SeqCst);
    changer.join();

    let cpus = axhal::cpu_num() as u64;
    let (hits, missed) = (link.hits(), link.missed());
    assert_eq!(hits + missed, CALLS * cpus);
    let results = map("results");
    let result = |i: u32| words(&results.get(&i.to_le_bytes()).unwrap())[0] as i64;
    assert_eq!(result(0), hits as i64);
    // The route of 16 bits, until a call puts in one of 24 bits for the same address.
    let routed = result(1) as u64;
    assert!((16 * hits..24 * hits).contains(&routed), "{routed} of {hits}");
    for i in [2, 5, 6, 7, 8, 9, 10] {
        assert_eq!(result(i), 0, "result {i}");
    }
    assert_eq!(WRONG.load(SeqCst), 0, "pairs that were torn");
    let pair = words(&pairs.get(&[0; 4]).unwrap());
    assert_eq!(pair, [0, CALLS * cpus, 2 * CALLS * cpus], "the lock is free, and nothing is lost");
    // Where a CPU stands still in the midst of growing, the others find the reserve empty, and are told so.
    let (kept, refused) = (sparse.keys().count() as u64, result(4) as u64);
    assert!(kept + refused == hits && refused <= hits / 10, "{kept} and {refused} of {hits}");
    assert_eq!(words(&map("each_cpu").get(&[0; 4]).unwrap()).iter().sum::<u64>(), hits);
    assert_eq!((map("newest").get(&[]).map(|value| value.len()), map("oldest").get(&[]).map(|value| value.len())), (Ok(8), Ok(8)));
    // The tasks have gone; values of their own are freed when others come, or with the map.
    println!("  {hits} hits, {missed} missed, {refused} found no element; {calls:?}");
    let mut taken = 0;
    let mut next = alloc::vec![alloc::collections::BTreeMap::<u64, u64>::new(); cpus as usize];
    events.consume(|cpu, bytes| {
        let call = words(bytes);
        // Numbers of a task come in order.
        let last = next[cpu].insert(call[0], call[1]);
        assert!(last.is_none_or(|last| last < call[1]), "CPU {cpu}: {call:?} after {last:?}");
        taken += 1;
    });
    assert_eq!((taken + events.dropped(), events.dropped()), (hits, result(11) as u64));
    drop(link);

    let packet: [u8; 64] = core::array::from_fn(|i| i as u8);
    let run = object.program("say_packet").unwrap().prog.test_run(&axbpf::TestRunSpec::packet(&packet)).unwrap();
    assert_eq!(run.retval, 2, "XDP_PASS");
    let mut said = Vec::new();
    events.consume(|_, bytes| said.push(bytes.to_vec()));
    assert_eq!(said, [[&[0xcd, 0xab], &packet[..20]].concat()]);
}

/// Random operations of all CPUs on the same maps, against what each of them knows.
pub fn on_all_cpus() {
    const ROUNDS: u64 = 10_000;
    for map in crate::map_stress::maps(axhal::cpu_num() as u32) {
        let worker = map.clone();
        on_each_cpu(move |cpu| crate::map_stress::work(&worker, cpu as u64, ROUNDS));
        crate::map_stress::left(&map);
    }
}
