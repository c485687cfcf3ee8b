//! The ring buffer: records from a program, and one event from a program to a reader that sleeps.
use crate::programs::{input, peer, test_run};
use crate::{measure, tell};
use axbpf::platform::monotonic_ns;
use axbpf::{Object, RingBuf, fds};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};

/// Records of a run.
const BATCH: u32 = 1024;
const EVENTS: u64 = 1000;

static DONE: AtomicBool = AtomicBool::new(false);
static SEEN: AtomicU64 = AtomicU64::new(0);
static ARRIVED: AtomicU64 = AtomicU64::new(0);

pub fn run() {
    let input = input();
    let object = Object::load(peer!("ringbuf")).unwrap_or_else(|error| panic!("{error}"));
    let ring = || RingBuf::new(object.map("rb").unwrap().clone()).unwrap();
    let fd = |name| fds::install(fds::Object::Prog(object.program(name).unwrap().prog.clone())).unwrap();
    let (many, one) = (fd("ringbuf"), fd("ringbuf_one"));

    let mut reader = ring();
    let mut cost = 0;
    test_run(many, 1, &input);
    assert_eq!(reader.consume(|_| ()), BATCH as usize);
    for _ in 0..16 {
        cost += test_run(many, 1, &input);
        assert_eq!(reader.consume(|_| ()), BATCH as usize);
    }
    tell(format_args!("ring.produce"), f64::from(cost) / 16.0 / f64::from(BATCH), "insns/event");

    let polled = measure(1, EVENTS, || {
        for _ in 0..EVENTS {
            test_run(one, 1, &input);
            assert_eq!(reader.consume(|_| ()), 1);
        }
    });
    tell(format_args!("ring.poll_each"), polled, "insns/event");
    awaken();
    for fd in [many, one] {
        axbpf::cmd::close(fd).unwrap();
    }
}

/// What is probed.
#[inline(never)]
fn event() {
    core::hint::black_box(());
}

/// A task sleeps until a probe has an event for it, takes it, sleeps again. This one makes an event, and lets the other have the CPU.
fn awaken() {
    let object = Object::load(include_bytes!(concat!(env!("OUT_DIR"), "/event.bpf.o"))).unwrap_or_else(|error| panic!("{error}"));
    let mut sleeper = RingBuf::new(object.map("events").unwrap().clone()).unwrap();
    let link =
        object.attach_to("event", &[axbpf::Target::from("axbpf_bench_guest::ring::event")]).unwrap_or_else(|error| panic!("{error}"));
    let task = axtask::spawn(move || {
        axtask::future::block_on(async {
            while !DONE.load(Acquire) {
                sleeper.next_batch(|_| ()).await;
                ARRIVED.store(monotonic_ns(), Relaxed);
                SEEN.fetch_add(1, Release);
            }
        })
    });
    axtask::yield_now();
    let mut latency = 0;
    let each = measure(1, EVENTS, || {
        latency = 0;
        for _ in 0..EVENTS {
            let (seen, begin) = (SEEN.load(Acquire), monotonic_ns());
            event();
            while SEEN.load(Acquire) == seen {
                axtask::yield_now();
            }
            latency += ARRIVED.load(Relaxed) - begin;
        }
    });
    // From before the probed function is called until the reader has the record.
    tell(format_args!("ring.epoll_each"), latency as f64 / EVENTS as f64, "insns/event");
    // Until the reader sleeps again and the producer goes on.
    tell(format_args!("ring.epoll_round"), each, "insns/event");
    DONE.store(true, Release);
    event();
    task.join();
    drop(link);
}
