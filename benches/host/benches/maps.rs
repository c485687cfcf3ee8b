//! Operations of maps by 1, 2 and 4 threads at once, each of which is a CPU of the host platform. A further type is a further row of
//! [`ROWS`]. `TYPE/OP/THREADS`: time of an operation over all threads, so that halving it is doubling the throughput.
//!
//! `empty/loop` does nothing in the same harness: what this machine gives to two and four threads. At the end `scaling` divides what lookups
//! gain from two threads by what it gains, both measured in turns; 1 is as good as it gets.
use axbpf_abi::MapType;
use axbpf_abi::flags::BPF_F_NO_PREALLOC;
use axbpf_maps::{Map, MapError, MapSpec};
use criterion::{BenchmarkId, Criterion, Throughput};
use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// Threads at once.
const THREADS: [u64; 3] = [1, 2, 4];
/// Keys that are there.
const N: u64 = 1024;

/// A type and its operations.
struct Row {
    map_type: MapType,
    key_size: u32,
    max_entries: u32,
    flags: u32,
    /// The key of an index, as a little-endian number.
    key: fn(u64) -> u64,
    /// Where it is empty at first: what puts a key into it.
    fill: Option<Op>,
    ops: &'static [(&'static str, Op)],
    /// Which of them is to scale with threads.
    scales: Option<&'static str>,
}

/// One operation, with a key that is there, and the thread's buffer for values. Whether it did what it should.
type Op = fn(&Map, &[u8], &mut [u8]) -> bool;

const LOOKUP: (&str, Op) = ("lookup", |map, key, value| map.lookup(key, value).is_ok());
const UPDATE: (&str, Op) = ("update", |map, key, value| map.update(key, value, 0).is_ok());
/// The last key has none after it, which is an answer too.
const NEXT_KEY: (&str, Op) = ("next_key", |map, key, _| {
    let mut next = [0; 8];
    matches!(map.next_key(Some(key), &mut next[..key.len()]), Ok(()) | Err(MapError::NoSuchKey))
});
/// Out and in again. Two threads may meet at a key: then one of them finds nothing to remove.
const DELETE_INSERT: (&str, Op) = ("delete_insert", |map, key, value| {
    let _ = black_box(map.delete(key));
    map.update(key, value, 0).is_ok()
});

const INDEXED: Row = Row {
    map_type: MapType::Array,
    key_size: 4,
    max_entries: N as u32,
    flags: 0,
    key: |index| index,
    fill: None,
    ops: &[LOOKUP, UPDATE, NEXT_KEY],
    scales: Some("lookup"),
};
const KEYED: Row = Row {
    map_type: MapType::Hash,
    key_size: 8,
    // A key that is out is one that fits, whoever else puts one in.
    max_entries: N as u32 + 64,
    key: |index| index.wrapping_mul(0x9e37_79b9_7f4a_7c15),
    fill: Some(UPDATE.1),
    ops: &[LOOKUP, UPDATE, NEXT_KEY, DELETE_INSERT],
    ..INDEXED
};

/// In and out again. Another thread may have taken what was there.
const PUSH_POP: (&str, Op) = ("push_pop", |map, key, value| {
    let pushed = map.update(key, value, 0).is_ok();
    let _ = black_box(map.lookup_and_delete(key, value));
    pushed
});
const PEEK: (&str, Op) = ("peek", |map, key, value| {
    let _ = black_box(map.lookup(key, value));
    true
});
const KEYLESS: Row = Row { map_type: MapType::Queue, key_size: 0, ops: &[PUSH_POP, PEEK], scales: None, ..INDEXED };

const ROWS: &[Row] = &[
    INDEXED,
    KEYED,
    Row { map_type: MapType::PercpuArray, ..INDEXED },
    Row { map_type: MapType::PercpuHash, ..KEYED }, // its commands copy the values of all CPUs
    Row { map_type: MapType::LruHash, ..KEYED },
    Row {
        map_type: MapType::LpmTrie,
        key: |index| (index.wrapping_mul(0x9e37_79b9) & 0xffff_ffff) << 32 | 32,
        flags: BPF_F_NO_PREALLOC,
        ..KEYED
    },
    KEYLESS,
    Row { map_type: MapType::Stack, ..KEYLESS },
    Row { map_type: MapType::BloomFilter, ops: &[("push", UPDATE.1), PEEK], ..KEYLESS },
];

/// Makes a row's map, with `N` keys in it.
fn map(row: &Row) -> Arc<Map> {
    let Row { map_type, key_size, max_entries, flags, .. } = *row;
    let spec = MapSpec { map_type, key_size, value_size: 8, max_entries, flags, ..MapSpec::default() };
    let map = Map::new(&spec).unwrap_or_else(|error| panic!("{}: {error}", row.map_type));
    let mut value = vec![0; map.value_len()];
    if let Some(fill) = row.fill {
        for index in 0..N {
            assert!(fill(&map, &(row.key)(index).to_le_bytes()[..row.key_size as usize], &mut value), "{}: fill", row.map_type);
        }
    }
    map
}

/// How long it takes until each of `threads` threads has called `work` so often. It is told the thread's number and a count; the state is
/// the thread's own.
fn parallel<S>(threads: u64, times: u64, state: impl Fn() -> S + Sync, work: impl Fn(&mut S, u64) + Sync) -> Duration {
    let barrier = Barrier::new(threads as usize);
    let (barrier, state, work) = (&barrier, &state, &work);
    let spans: Vec<(Instant, Instant)> = std::thread::scope(|scope| {
        let run = |thread: u64| {
            move || {
                // The first use of a map makes the thread a CPU; that and its memory are not measured.
                let mut state = state();
                barrier.wait();
                let begin = Instant::now();
                for round in 0..times {
                    // Every thread begins elsewhere.
                    work(&mut state, round + thread * (N / 4 + 3));
                }
                (begin, Instant::now())
            }
        };
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(run(thread))).collect();
        running.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let begin = spans.iter().map(|span| span.0).min();
    let end = spans.iter().map(|span| span.1).max();
    begin.zip(end).map_or(Duration::ZERO, |(begin, end)| end - begin)
}

/// An operation of a map by some threads.
fn operate(row: &Row, map: &Map, op: Op, threads: u64, times: u64) -> Duration {
    let state = || {
        let mut value = vec![0; map.value_len()];
        let key = (row.key)(0).to_le_bytes();
        assert!(op(map, &key[..row.key_size as usize], &mut value), "{}", row.map_type);
        value
    };
    parallel(threads, times, state, |value, round| {
        let key = black_box((row.key)(round % N)).to_le_bytes();
        let right = op(map, &key[..row.key_size as usize], value);
        assert!(right, "{}, round {round}", row.map_type);
    })
}

/// The same without a map.
fn empty(threads: u64, times: u64) -> Duration {
    parallel(threads, times, || 0u64, |sum, round| *sum = black_box(sum.wrapping_add(round % N)))
}

/// Operations of all threads together are so many times those that criterion asks for: each thread does its share.
fn shares(threads: u64, times: u64) -> u64 {
    times.div_ceil(threads)
}

fn operations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("empty");
    group.throughput(Throughput::Elements(1));
    for threads in THREADS {
        group.bench_function(BenchmarkId::new("loop", threads), |b| b.iter_custom(|times| empty(threads, shares(threads, times))));
    }
    group.finish();
    for row in ROWS {
        let mut group = criterion.benchmark_group(row.map_type.to_string());
        group.throughput(Throughput::Elements(1));
        for &(name, op) in row.ops {
            let map = map(row);
            for threads in THREADS {
                let id = BenchmarkId::new(name, threads);
                group.bench_function(id, |b| b.iter_custom(|times| operate(row, &map, op, threads, shares(threads, times))));
            }
        }
        group.finish();
    }
}

/// Work by some threads, each so often.
type Work<'a> = &'a dyn Fn(u64, u64) -> Duration;

/// The shortest of each: by one thread, by two that do it so often each. Other work on the machine only makes them longer.
#[derive(Clone, Copy)]
struct Best([f64; 2]);

impl Best {
    fn new() -> Best {
        Best([f64::INFINITY; 2])
    }

    fn turn(&mut self, work: Work<'_>, times: u64) {
        for (threads, best) in [1, 2].into_iter().zip(&mut self.0) {
            *best = best.min(work(threads, times).as_secs_f64());
        }
    }

    /// What two threads gain over one: 2 if neither is in the other's way. Threads do not begin at the same moment, so short work would seem
    /// to gain less.
    fn gain(self) -> f64 {
        2.0 * self.0[0] / self.0[1]
    }
}

/// How often fits into a span that is long beside the beginning of a thread.
fn often(work: Work<'_>) -> u64 {
    const SPAN: f64 = 0.01;
    const TRIAL: u64 = 100_000;
    (TRIAL as f64 * SPAN / work(1, TRIAL).as_secs_f64().max(1e-6)) as u64 + 1
}

/// Prints what two threads gain over one, in shares of what they gain without a map, both measured in turns.
fn scaling() {
    const TURNS: usize = 40;
    for row in ROWS {
        let Some(&(name, op)) = row.ops.iter().find(|(name, _)| Some(*name) == row.scales) else { continue };
        let map = map(row);
        let on_map = |threads, times| operate(row, &map, op, threads, times);
        let (times, times_empty) = (often(&on_map), often(&empty));
        let (mut with, mut without) = (Best::new(), Best::new());
        for _ in 0..TURNS {
            with.turn(&on_map, times);
            without.turn(&empty, times_empty);
        }
        println!("scaling.{}.{name}.2 {:.3} ratio", row.map_type, with.gain() / without.gain());
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(700))
        .without_plots()
        .configure_from_args();
    operations(&mut criterion);
    criterion.final_summary();
    // `cargo test --benches` only wants to know that it runs.
    if std::env::args().any(|arg| arg == "--bench") {
        scaling();
    }
}
