//! Maps that hold no keys and values of one's own: stack traces, rings for events, records for programs, values of tasks.
use axbpf_abi::MapType::{self, *};
use axbpf_abi::flags::*;
use axbpf_abi::{Errno, MapFields};
use axbpf_maps::{Map, MapError, MapSpec, Query};
use axbpf_platform::{IrqGuard, Task, cpu_id, current_task, wake};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::*};
use std::task::{Context, Poll, Wake, Waker};

fn spec(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32) -> MapSpec {
    MapSpec { map_type, key_size, value_size, max_entries, ..MapSpec::default() }
}

fn key(number: u32) -> [u8; 4] {
    number.to_le_bytes()
}

fn words(bytes: &[u8]) -> Vec<u64> {
    bytes.chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect()
}

#[test]
fn stack_traces_have_numbers() {
    let map = Map::new(&spec(StackTrace, 4, 8 * 5, 64)).unwrap();
    let _section = IrqGuard::new();
    let trace = [0x10u64, 0x20, 0x30];
    let id = map.stack_id(&trace, 0).unwrap();
    assert!(id < 64);
    assert_eq!(map.stack_id(&trace, 0), Ok(id), "the same one");
    assert_eq!(words(&map.get(&key(id)).unwrap()), [0x10, 0x20, 0x30, 0, 0]);
    // Without the innermost frame it is another one; of a long one the innermost addresses are kept.
    let rest = map.stack_id(&trace, 1).unwrap();
    assert_eq!(words(&map.get(&key(rest)).unwrap()), [0x20, 0x30, 0, 0, 0]);
    let long: Vec<u64> = (1..20).collect();
    let long = map.stack_id(&long, 2).unwrap();
    assert_eq!(words(&map.get(&key(long)).unwrap()), [3, 4, 5, 6, 7]);
    assert_eq!(map.stack_id(&trace, 3).unwrap_err().errno(), Errno::EFAULT);
    assert_eq!(map.stack_id(&trace, 1 << 12).unwrap_err().errno(), Errno::EINVAL);

    let keys: Vec<_> = map.keys().collect();
    let mut ids = [id, rest, long];
    ids.sort_unstable();
    assert_eq!(keys, ids.iter().map(|&id| key(id).to_vec()).collect::<Vec<_>>());
    assert_eq!(map.update(&key(id), &[0; 40], 0).unwrap_err().errno(), Errno::EINVAL);
    assert_eq!(map.delete(&key(id)), Ok(()));
    assert_eq!((map.delete(&key(id)), map.get(&key(id))), (Err(MapError::NoSuchKey), Err(MapError::NoSuchKey)));
    let mut out = [0xff; 40];
    assert_eq!(map.lookup_and_delete(&key(rest), &mut out), Ok(()));
    assert_eq!(words(&out), [0x20, 0x30, 0, 0, 0]);
    assert_eq!(map.lookup_and_delete(&key(rest), &mut out), Err(MapError::NoSuchKey));
    assert_eq!((map.delete(&key(64)), map.get(&key(64))), (Err(MapError::Index), Err(MapError::NoSuchKey)));
}

#[test]
fn stack_traces_that_share_a_bucket() {
    let map = Map::new(&spec(StackTrace, 4, 8, 1)).unwrap();
    let _section = IrqGuard::new();
    assert_eq!(map.stack_id(&[1], 0), Ok(0));
    assert_eq!(map.stack_id(&[2], 0), Err(MapError::Exists));
    // More often than there are elements: each gives back the one before.
    for address in 3..500 {
        assert_eq!(map.stack_id(&[address], BPF_F_REUSE_STACKID), Ok(0));
        assert_eq!(words(&map.get(&key(0)).unwrap()), [address]);
    }
}

/// Whoever copies a trace gets one, not parts of two.
#[test]
fn stack_traces_are_whole() {
    const DEPTH: usize = 20;
    let map = Map::new(&spec(StackTrace, 4, 8 * DEPTH as u32, 1)).unwrap();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (1..3u64)
            .map(|writer| {
                let map = &map;
                scope.spawn(move || {
                    for round in 0..100_000 {
                        let _section = IrqGuard::new();
                        let trace = [(writer << 32) | (round % 7); DEPTH];
                        map.stack_id(&trace, BPF_F_REUSE_STACKID).unwrap();
                    }
                })
            })
            .collect();
        while writers.iter().any(|writer| !writer.is_finished()) {
            if let Ok(bytes) = map.get(&key(0)) {
                let trace = words(&bytes);
                assert!(trace.iter().all(|&address| address == trace[0]), "{trace:x?}");
            }
        }
    });
}

#[test]
fn events_of_this_cpu() {
    let events = Map::new(&spec(PerfEventArray, 4, 4, 64)).unwrap();
    let ring = Map::new(&spec(Ringbuf, 0, 0, 4096)).unwrap();
    let section = IrqGuard::new();
    let here = cpu_id() as u32;
    let other = u64::from(here ^ 1);
    assert_eq!(events.output_event(BPF_F_CURRENT_CPU, [b"early", b""]), Err(MapError::NoSuchKey));
    drop(section);
    assert_eq!(events.put_map(&key(here), Arc::clone(&events), 0).unwrap_err().errno(), Errno::EINVAL);
    events.put_map(&key(here), Arc::clone(&ring), 0).unwrap();
    events.put_map(&key(other as u32), Arc::clone(&ring), 0).unwrap();
    assert_eq!(events.get(&key(here)).unwrap_err().errno(), Errno::ENOTSUPP);

    let section = IrqGuard::new();
    assert_eq!(events.output_event(BPF_F_CURRENT_CPU, [b"eight...", b"more"]), Ok(()));
    assert_eq!(events.output_event(u64::from(here), [b"named", b""]), Ok(()));
    assert_eq!(events.output_event(u64::from(here), [b"odd", b" bytes, and many of them"]), Ok(()));
    assert_eq!(events.output_event(u64::from(here), [b"nine byte", b"s"]), Ok(()));
    assert_eq!(events.output_event(other, [b"elsewhere", b""]).unwrap_err().errno(), Errno::EOPNOTSUPP);
    assert_eq!(events.output_event(64, [b"", b""]).unwrap_err().errno(), Errno::E2BIG);
    assert_eq!(events.output_event(1 << 32, [b"", b""]).unwrap_err().errno(), Errno::EINVAL);
    let mut records = Vec::new();
    ring.ringbuf().unwrap().consume(|record| records.push(record.to_vec()));
    let expected: [&[u8]; 4] = [b"eight...more", b"named", b"odd bytes, and many of them", b"nine bytes"];
    assert_eq!(records, expected);
    assert_eq!(events.output_event(BPF_F_CURRENT_CPU, [&[0; 5000], b""]).unwrap_err().errno(), Errno::ENOSPC);
    assert_eq!(ring.ringbuf().unwrap().dropped(), 1);
    drop(section);

    assert_eq!(events.delete(&key(here)), Ok(()));
    assert_eq!((events.delete(&key(here)), events.delete(&key(64))), (Err(MapError::NoSuchKey), Err(MapError::Index)));
}

/// Without BPF_F_PRESERVE_ELEMS the array lets go of its rings when the last descriptor of it is closed.
#[test]
fn events_end_with_the_last_user() {
    for flags in [0, BPF_F_PRESERVE_ELEMS] {
        let events = Map::new(&MapSpec { flags, ..spec(PerfEventArray, 4, 4, 1) }).unwrap();
        events.hold();
        events.put_map(&key(0), Map::new(&spec(Ringbuf, 0, 0, 4096)).unwrap(), 0).unwrap();
        events.release();
        assert_eq!(events.object(&key(0)).is_some(), flags != 0);
    }
}

struct Count(AtomicU64);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn records_for_programs() {
    let map = Map::new(&spec(UserRingbuf, 0, 0, 4096)).unwrap();
    let ring = map.user_ringbuf().unwrap();
    for number in 0..10u64 {
        ring.output(&number.to_le_bytes()).unwrap();
    }
    let section = IrqGuard::new();
    let mut seen = Vec::new();
    let drained = ring.drain(0, |record| {
        // Nobody drains while somebody does.
        assert_eq!(ring.drain(0, |_| true), Err(MapError::Busy));
        seen.push(record[0]);
        record[0] < 3
    });
    assert_eq!((drained, seen), (Ok(4), vec![0, 1, 2, 3]), "the last one is taken too");
    assert_eq!(ring.drain(0, |_| true), Ok(6));
    assert_eq!(ring.drain(4, |_| true), Err(MapError::Flags(4)));
    drop(section);

    // A task waits for room.
    let count = Arc::new(Count(AtomicU64::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let mut cx = Context::from_waker(&waker);
    while ring.poll_output(&mut cx, &[7; 1000]) == Poll::Ready(Ok(())) {}
    assert_eq!((ring.query(Query::AvailData), ring.dropped()), (4 * 1008, 0));
    let woken = || {
        wake::drain();
        count.0.load(SeqCst)
    };
    assert_eq!(ring.drain(BPF_RB_NO_WAKEUP, |_| false), Ok(1));
    assert_eq!(woken(), 0);
    assert_eq!(ring.drain(0, |_| false), Ok(1));
    assert_eq!(woken(), 1);
    assert_eq!(ring.poll_output(&mut cx, &[7; 1000]), Poll::Ready(Ok(())));
    assert_eq!(ring.poll_output(&mut cx, &[7; 5000]), Poll::Ready(Err(MapError::Dropped)), "it never fits");
}

fn value(map: &Map, task: &Task, create: Option<&[u8; 12]>) -> Option<*mut u8> {
    let _section = IrqGuard::new();
    // SAFETY: 12 bytes, as the map's values have.
    let value = unsafe { map.task_value(task, create.map(|bytes| bytes.as_ptr())) };
    (!value.is_null()).then_some(value)
}

fn storage() -> Arc<Map> {
    let fields = MapFields::default();
    Map::new(&MapSpec { flags: BPF_F_NO_PREALLOC, fields, ..spec(TaskStorage, 4, 12, 0) }).unwrap()
}

#[test]
fn values_of_tasks() {
    let map = storage();
    let task = current_task();
    let id = key(task.id as u32);
    assert_eq!(value(&map, &task, None), None);
    assert_eq!(map.get(&id), Err(MapError::NoSuchKey));
    let at = value(&map, &task, Some(b"twelve bytes")).unwrap();
    assert_eq!(value(&map, &task, Some(b"other bytes.")), Some(at), "there already");
    assert_eq!(map.get(&id).unwrap(), b"twelve bytes");
    assert_eq!(map.update(&id, b"by a command", BPF_NOEXIST), Err(MapError::Exists));
    assert_eq!(map.update(&id, b"by a command", BPF_EXIST), Ok(()));
    // SAFETY: a value of the map.
    assert_eq!(unsafe { std::slice::from_raw_parts(at, 12) }, b"by a command");
    assert_eq!(map.delete(&id), Ok(()));
    assert_eq!((map.delete(&id), map.task_delete(&task)), (Err(MapError::NoSuchKey), Err(MapError::NoSuchKey)));
    assert_eq!(map.update(&id, b"by a command", BPF_EXIST), Err(MapError::NoSuchKey));
    assert_eq!(map.update(&id, b"made by one.", BPF_ANY), Ok(()), "the task's own");
    assert_eq!(map.update(&key(u32::MAX), b"of nobody...", BPF_ANY), Err(MapError::NoSuchKey));
    assert_eq!(map.task_delete(&task), Ok(()));
    assert_eq!(map.next_key(None, &mut [0; 4]).unwrap_err().errno(), Errno::ENOTSUPP);
}

/// Values of tasks that have gone are freed.
#[test]
fn tasks_go() {
    let map = storage();
    let own = current_task();
    value(&map, &own, Some(b"still there.")).unwrap();
    for _ in 0..20_000 {
        // More than the map has room for, if nobody looked.
        let map = &map;
        std::thread::scope(|scope| {
            scope.spawn(move || assert!(value(map, &current_task(), Some(&[7; 12])).is_some(), "{map:?}"));
        });
    }
    assert_eq!(map.get(&key(own.id as u32)).unwrap(), b"still there.");
}
