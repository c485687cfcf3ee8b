//! Helpers that call the program back, by both engines.
use alloc::vec::Vec;
use axbpf::abi::Errno;
use axbpf::{Object, ObjectOptions, UserRingBuf, loader::ObjectSpec};

/// What bpf/callbacks.bpf.c has to find, by number of the result.
fn expected() -> Vec<i64> {
    let triangle = |n: i64| n * (n - 1) / 2;
    alloc::vec![
        1000,
        triangle(1000),
        11,
        triangle(11),
        Errno::E2BIG.neg(),
        Errno::EINVAL.neg(),
        20,
        (0..20).map(triangle).sum(),
        5,
        (0..5).map(|i| i * (i + 1)).sum(),
        3,
        2 + 2 * 3,
        3,
        2 + 2 * 3,
        10,
        (100..110).sum(),
        Errno::EINVAL.neg(),
        4,         // up to the one that stops it
        1 + 2 + 3, // and the upper halves are zero
        2,
        Errno::EINVAL.neg(),
        0,
        0,
        Errno::E2BIG.neg(),
        1,
        Errno::EINVAL.neg(),
    ]
}

pub fn run() {
    let spec = ObjectSpec::parse(include_bytes!(concat!(env!("OUT_DIR"), "/callbacks.bpf.o"))).unwrap();
    for interpret in [false, true] {
        let options = ObjectOptions { interpret, ..ObjectOptions::default() };
        let object = match Object::load_with(&spec, &options) {
            Ok(object) => object,
            Err(axbpf::ObjectError::Load { program, error, log }) => panic!("{program}: {error}\n{log}"),
            Err(error) => panic!("{error}"),
        };
        let tasks = UserRingBuf::new(object.map("from_tasks").unwrap().clone()).unwrap();
        for number in 0..6u64 {
            tasks.output(&number.to_le_bytes()).unwrap();
        }
        let run = object.program("call_back").unwrap().prog.test_run(&axbpf::TestRunSpec::default()).unwrap();
        assert_eq!(run.retval, 0);
        let results = object.map("results").unwrap();
        for (i, expected) in (0u32..).zip(expected()) {
            let found = i64::from_le_bytes(results.get(&i.to_le_bytes()).unwrap().try_into().unwrap());
            assert_eq!(found, expected, "result {i}, interpreted: {interpret}");
        }
        let mut keys: Vec<u64> = object.map("hash").unwrap().keys().map(|key| u64::from_le_bytes(key.try_into().unwrap())).collect();
        keys.sort_unstable();
        assert_eq!(keys, [0, 2, 4, 6, 8], "a callback may remove the element that it was called for");
        let mut records = Vec::new();
        object.map("to_tasks").unwrap().ringbuf().unwrap().consume(|record| records.push(record.to_vec()));
        let value = 0x1122_3344_5566_7788u64.to_le_bytes();
        assert_eq!(records, [[[0; 4].as_slice(), &value, &value].concat()]);
    }
}
