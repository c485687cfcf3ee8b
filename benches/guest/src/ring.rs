//! The ring buffer: records from a program, and one event from a program to a reader that sleeps.
use crate::programs::{input, peer, test_run};
use crate::{measure, tell};
use axbpf::{Object, RingBuf, fds};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};

/// Records of a run.
const BATCH: u32 = 1024;
const EVENTS: u64 = 1000;

static DONE: AtomicBool = AtomicBool::new(false);
static SEEN: AtomicU64 = AtomicU64::new(0);

pub fn run() {
    let input = input();
    let object = Object::load(peer!("ringbuf")).unwrap_or_else(|error| panic!("{error}"));
    let ring = || RingBuf::new(object.map("rb").unwrap().clone()).unwrap();
    let fd = |name| fds::install(fds::Object::Prog(object.program(name).unwrap().prog.clone())).unwrap();
    let (many, one, wake) = (fd("ringbuf"), fd("ringbuf_one"), fd("ringbuf_wake"));

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
    // The run itself, without anybody to read.
    let alone = measure(1, EVENTS, || {
        for _ in 0..EVENTS {
            test_run(one, 1, &input);
            reader.consume(|_| ());
        }
    });

    // A task sleeps until an event comes, takes it, sleeps again; this one makes an event, and lets the other have the CPU.
    let mut sleeper = ring();
    let task = axtask::spawn(move || {
        axtask::future::block_on(async {
            while !DONE.load(Acquire) {
                sleeper.next_batch(|_| _ = SEEN.fetch_add(1, Release)).await;
            }
        })
    });
    axtask::yield_now();
    let each = measure(1, EVENTS, || {
        for _ in 0..EVENTS {
            let seen = SEEN.load(Acquire);
            test_run(wake, 1, &input);
            while SEEN.load(Acquire) == seen {
                axtask::yield_now();
            }
        }
    });
    tell(format_args!("ring.epoll_each"), each, "insns/event");
    tell(format_args!("ring.run_alone"), alone, "insns/event");
    DONE.store(true, Release);
    test_run(wake, 1, &input);
    task.join();
    for fd in [many, one, wake] {
        axbpf::cmd::close(fd).unwrap();
    }
}
