//! A task may be polled at any time, also while its wake-up is on the way: it arms itself then although it is on a list.
use axbpf_platform::{IrqGuard, wake};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::*};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

#[derive(Default)]
struct Count(AtomicU64);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn arming_while_on_a_list_links_once() {
    let (count, reader) = (Arc::new(Count::default()), Arc::new(wake::Reader::default()));
    let waker = Waker::from(Arc::clone(&count));
    let section = IrqGuard::new();
    for _ in 0..3 {
        reader.arm(&waker);
        reader.notify();
    }
    assert_eq!(Arc::strong_count(&reader), 2, "the list has one handle of it");
    drop(section); // the wake-up
    assert!(!wake::pending());
    assert_eq!((count.0.load(SeqCst), Arc::strong_count(&reader)), (1, 1));
    // And again, so that it was taken off properly.
    reader.arm(&waker);
    let section = IrqGuard::new();
    reader.notify();
    drop(section);
    assert_eq!((count.0.load(SeqCst), Arc::strong_count(&reader)), (2, 1));
}

/// Notified on several CPUs while it arms itself again and again: no wake-up is lost, and no list is damaged.
#[test]
fn arming_and_notifying_on_several_cpus() {
    const PRODUCERS: u64 = 3;
    const EACH: u64 = 50_000;
    let (count, reader) = (Arc::new(Count::default()), Arc::new(wake::Reader::default()));
    let waker = Waker::from(Arc::clone(&count));
    let events = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..PRODUCERS {
            let (reader, events) = (Arc::clone(&reader), &events);
            scope.spawn(move || {
                for n in 0..EACH {
                    let section = IrqGuard::new();
                    events.fetch_add(1, Relaxed);
                    reader.notify();
                    drop(section);
                    if n % 64 == 0 {
                        std::thread::yield_now(); // lets the reader come between
                    }
                }
            });
        }
        loop {
            let (seen, woken) = (events.load(Relaxed), count.0.load(SeqCst));
            if seen == PRODUCERS * EACH {
                break;
            }
            reader.arm(&waker);
            // What came before it was armed woke nobody; what comes now does.
            if events.load(Relaxed) != seen {
                continue;
            }
            let start = Instant::now();
            while count.0.load(SeqCst) == woken {
                assert!(start.elapsed() < Duration::from_secs(20), "a lost wake-up after {seen} events");
                std::thread::yield_now();
            }
        }
    });
    assert_eq!(Arc::strong_count(&reader), 1);
}
