//! Ring buffers: Linux's layout and rules, order, room, wake-ups, several producers.
use axbpf_abi::MapType::Ringbuf as RINGBUF;
use axbpf_abi::flags::*;
use axbpf_maps::{Map, MapError, MapSpec, Query, Ringbuf};
use axbpf_platform::{IrqGuard, wake};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::*};
use std::task::{Context, Poll, Wake, Waker};

const SIZE: u32 = 4096;

fn map() -> Arc<Map> {
    Map::new(&MapSpec { map_type: RINGBUF, max_entries: SIZE, ..MapSpec::default() }).unwrap()
}

fn ring(map: &Map) -> &Ringbuf {
    map.ringbuf().unwrap()
}

fn commit(record: *mut u8, discard: bool, flags: u64) {
    assert!(!record.is_null());
    // SAFETY: each caller has it from `reserve`, and commits it once.
    unsafe { Ringbuf::commit_record(record, discard, flags) };
}

fn all(ring: &Ringbuf) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    ring.consume(|record| records.push(record.to_vec()));
    records
}

#[test]
fn records_come_out_in_order_and_whole() {
    let map = map();
    let ring = ring(&map);
    // Around the ring many times, with lengths that do not fit evenly.
    let mut next = 0u64;
    for round in 0..2000u64 {
        let mut expected = Vec::new();
        for i in 0..3 {
            let len = ((round * 7 + i * 131) % 700) as usize;
            let record: Vec<u8> = (0..len).map(|b| (next as usize + b) as u8).collect();
            next += 1;
            ring.output(&record, 0).unwrap();
            expected.push(record);
        }
        assert_eq!(all(ring), expected, "round {round}");
    }
    assert_eq!((ring.dropped(), ring.query(Query::AvailData)), (0, 0));
}

#[test]
fn the_largest_record_fits_anywhere() {
    let map = map();
    let ring = ring(&map);
    let largest = vec![7; SIZE as usize - 8];
    for _ in 0..10 {
        ring.output(&largest, 0).unwrap();
        assert_eq!(all(ring), std::slice::from_ref(&largest));
        ring.output(&[1; 5], 0).unwrap(); // so that the next one begins elsewhere
        assert_eq!(all(ring).len(), 1);
    }
    assert_eq!(ring.output(&vec![7; SIZE as usize - 7], 0), Err(MapError::Dropped));
    assert!(map.reserve(u64::MAX).is_null());
    assert_eq!(ring.dropped(), 2);
}

#[test]
fn busy_records_hold_the_reader_and_discarded_ones_are_passed_over() {
    let map = map();
    let ring = ring(&map);
    let _section = IrqGuard::new();
    let (a, b, c) = (map.reserve(8), map.reserve(16), map.reserve(24));
    assert_eq!(b as usize - a as usize, 16, "a header of 8 bytes before each");
    // SAFETY: the header before a reserved record.
    let header = |record: *mut u8| unsafe { record.cast::<u32>().sub(2).read() };
    assert_eq!(header(a), BPF_RINGBUF_BUSY_BIT | 8);
    commit(b, false, 0);
    assert_eq!(header(b), 16);
    assert_eq!(all(ring).len(), 0, "a is first, and busy");
    commit(a, true, 0);
    assert_eq!(header(a), BPF_RINGBUF_DISCARD_BIT | 8);
    assert_eq!(all(ring).iter().map(Vec::len).collect::<Vec<_>>(), [16]);
    commit(c, false, 0);
    assert_eq!(all(ring).iter().map(Vec::len).collect::<Vec<_>>(), [24]);
    assert_eq!(ring.query(Query::ConsPos), ring.query(Query::ProdPos));
    assert_eq!((ring.query(Query::ProdPos), ring.query(Query::RingSize)), (16 + 24 + 32, 4096));
}

#[test]
fn a_busy_record_is_never_written_over() {
    let map = map();
    let ring = ring(&map);
    let section = IrqGuard::new();
    let first = map.reserve(8);
    // SAFETY: reserved just now.
    unsafe { first.cast::<u64>().write(0x1234) };
    let mut written = 0;
    while ring.output(&[0xff; 56], 0).is_ok() {
        written += 1;
        // The consumer cannot pass the first one, so the ring fills up.
        assert_eq!(all(ring).len(), 0);
    }
    drop(section);
    assert_eq!(written, (4096 - 16) / 64);
    assert_eq!(ring.dropped(), 1);
    commit(first, false, 0);
    let records = all(ring);
    assert_eq!((records.len(), records[0].as_slice()), (1 + written, 0x1234u64.to_le_bytes().as_slice()));
}

struct Count(AtomicU64);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn wake_ups() {
    let map = map();
    let ring = ring(&map);
    let count = Arc::new(Count(AtomicU64::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let woken = || {
        wake::drain();
        count.0.load(SeqCst)
    };
    let poll = || ring.poll_next(&mut Context::from_waker(&waker), <[u8]>::to_vec);
    assert_eq!(poll(), Poll::Pending);
    ring.output(b"one", BPF_RB_NO_WAKEUP).unwrap();
    assert_eq!(woken(), 0);
    ring.output(b"two", 0).unwrap();
    assert_eq!(woken(), 0, "adaptive: the reader is behind already, so it is awake or was told not to be awakened");
    ring.output(b"three", BPF_RB_FORCE_WAKEUP).unwrap();
    assert_eq!(woken(), 1);
    for record in [b"one".as_slice(), b"two", b"three"] {
        assert_eq!(poll(), Poll::Ready(record.to_vec()));
    }
    assert_eq!(poll(), Poll::Pending);
    ring.output(b"four", 0).unwrap();
    assert_eq!(woken(), 2, "adaptive: the reader has caught up");
    ring.output(b"five", 0).unwrap();
    assert_eq!(woken(), 2, "awake already");
    assert_eq!(ring.output(b"six", 77), Err(MapError::Flags(77)));
}

/// Three producers, one reader that sleeps: every record arrives or is counted, in the order of each producer.
#[test]
fn several_producers() {
    const EACH: u64 = 20_000;
    let map = map();
    let ring = ring(&map);
    let mut last = [0u64; 3];
    let (mut taken, mut left) = (0u64, 0u64);
    let sent = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let producers: Vec<_> = (0..3u64)
            .map(|producer| {
                let (map, sent) = (&map, &sent);
                scope.spawn(move || {
                    let mut failed = 0;
                    for n in 1..=EACH {
                        let _section = IrqGuard::new();
                        let record = map.reserve(24);
                        if record.is_null() {
                            failed += 1;
                            continue;
                        }
                        // SAFETY: reserved just now.
                        unsafe { record.cast::<[u64; 3]>().write([producer, n, !n]) };
                        let discard = n % 16 == 0;
                        if !discard {
                            sent.fetch_add(1, SeqCst);
                        }
                        commit(record, discard, 0);
                    }
                    failed
                })
            })
            .collect();
        let mut take = |record: &[u8]| {
            let word = |i: usize| u64::from_le_bytes(record[i * 8..i * 8 + 8].try_into().unwrap());
            let (producer, n) = (word(0) as usize, word(1));
            assert_eq!((record.len(), word(2)), (24, !n), "a record that is not whole");
            assert!(n > last[producer] && n % 16 != 0, "{n} of {producer} after {}", last[producer]);
            last[producer] = n;
            taken += 1;
        };
        while producers.iter().any(|producer| !producer.is_finished()) {
            ring.consume(&mut take);
        }
        ring.consume(&mut take);
        left = producers.into_iter().map(|producer| producer.join().unwrap()).sum();
    });
    assert_eq!(taken, sent.load(SeqCst));
    assert_eq!(ring.dropped(), left);
    assert!(taken > 0);
}

/// A reader that sleeps whenever there is nothing, woken by the producers alone, some records discarded: it gets to the end.
#[test]
fn no_wake_up_is_lost() {
    const EACH: u64 = 30_000;
    let map = map();
    let ring = ring(&map);
    let count = Arc::new(Count(AtomicU64::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    std::thread::scope(|scope| {
        for producer in 0..2u64 {
            let map = &map;
            scope.spawn(move || {
                let mut n = 0;
                while n < EACH {
                    let section = IrqGuard::new();
                    let record = map.reserve(8);
                    if !record.is_null() {
                        // SAFETY: reserved just now.
                        unsafe { record.cast::<u64>().write(n) };
                        // The last one of each is for the reader.
                        commit(record, n + 1 != EACH && (n + producer) % 3 == 0, 0);
                        n += 1;
                    }
                    drop(section); // the wake-up
                    if record.is_null() || n % 32 == 0 {
                        std::thread::yield_now();
                    }
                }
            });
        }
        let mut ended = 0;
        while ended < 2 {
            let woken = count.0.load(SeqCst);
            let start = std::time::Instant::now();
            match ring.poll_next(&mut Context::from_waker(&waker), |record| u64::from_le_bytes(record.try_into().unwrap())) {
                Poll::Ready(n) => ended += u64::from(n + 1 == EACH),
                Poll::Pending => {
                    while count.0.load(SeqCst) == woken {
                        if start.elapsed().as_secs() >= 20 {
                            // The producers may wait for room: let them end, so that the test can.
                            while ended < 2 {
                                ring.consume(|record| ended += u64::from(record == (EACH - 1).to_le_bytes()));
                            }
                            panic!("slept on although there was a record");
                        }
                        std::thread::yield_now();
                    }
                }
            }
        }
    });
    assert_eq!(ring.query(Query::AvailData), 0);
}
