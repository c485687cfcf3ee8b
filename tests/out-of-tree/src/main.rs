//! Counts calls of its own function, and is woken by one.
#![no_std]
#![no_main]

#[macro_use]
extern crate axstd as std;

use axbpf::{Object, RingBuf};
use std::sync::Arc;

#[inline(never)]
fn probed(n: u64) -> u64 {
    core::hint::black_box(n)
}

#[unsafe(no_mangle)]
fn main() {
    axbpf::init().unwrap();
    let object = Object::load(include_bytes!(concat!(env!("OUT_DIR"), "/events.bpf.o"))).unwrap();
    let link = object.attach("report", Some("out_of_tree::probed")).unwrap();
    let mut events = RingBuf::new(Arc::clone(object.map("events").unwrap())).unwrap();
    let mut sum = 0;
    for n in 0..100 {
        sum += probed(n);
    }
    let mut reported = 0;
    events.consume(|record| reported += u64::from_le_bytes(record.try_into().unwrap()));
    assert_eq!(sum, reported);
    println!("out of tree: {}, {} hits of 100", env!("HOOK"), link.hits());
    // The reader sleeps first; the hit then wakes it.
    let reader = axtask::spawn(move || {
        let record = axtask::future::block_on(events.next());
        println!("woken by a hit: 1 record, {}", record[0]);
    });
    axtask::sleep(core::time::Duration::from_millis(50));
    probed(7);
    reader.join();
}
