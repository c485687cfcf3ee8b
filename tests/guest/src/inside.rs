//! Maps from inside a program, and what the app sees of them afterwards.
use axbpf::abi::Errno;

/// What bpf/inside.bpf.c has to find, by number of the result; results that depend on the moment are left out.
const EXPECTED: [(u32, i64); 25] = [
    (0, 0),
    (1, Errno::E2BIG.neg()),
    (2, Errno::EEXIST.neg()),
    (3, Errno::EINVAL.neg()),
    (4, 7),
    (5, 0),
    (6, 5),
    (7, Errno::ENOENT.neg()),
    (8, 0),
    (9, Errno::EEXIST.neg()),
    (10, 0),
    (11, Errno::E2BIG.neg()),
    (12, 0),
    (13, Errno::ENOENT.neg()),
    (14, 0),
    (15, Errno::EINVAL.neg()),
    (16, 10),
    (17, 0),
    (18, 7),
    (19, Errno::ENOENT.neg()),
    (20, 0),
    (21, Errno::EINVAL.neg()),
    (22, 16 + 24 + 24),
    (23, 4096),
    (24, 0),
];

pub fn run() {
    let object = crate::object!("inside");
    let run = object.program("use_maps").unwrap().prog.test_run(&axbpf::TestRunSpec::default()).unwrap();
    assert_eq!(run.retval, 0);
    let results = object.map("results").unwrap();
    let result = |i: u32| i64::from_le_bytes(results.get(&i.to_le_bytes()).unwrap().try_into().unwrap());
    for (i, expected) in EXPECTED {
        assert_eq!(result(i), expected, "result {i}");
    }
    assert!(result(25) < axhal::cpu_num() as i64);
    assert_eq!(result(26), 1, "all tasks are of process 1");
    assert_eq!(result(27), axtask::current().id().as_u64() as i64);

    let hash = object.map("hash").unwrap();
    let mut keys: alloc::vec::Vec<u64> = hash.keys().map(|key| u64::from_le_bytes(key.try_into().unwrap())).collect();
    keys.sort();
    assert_eq!(keys, [0x2222, 0x3333]);
    let per_cpu = object.map("percpu_array").unwrap().get(&2u32.to_le_bytes()).unwrap();
    assert_eq!(per_cpu.len(), 8 * axhal::cpu_num());
    assert_eq!(per_cpu.as_chunks().0.iter().map(|&value| u64::from_le_bytes(value)).sum::<u64>(), 5);

    let ring = object.map("ring").unwrap().ringbuf().unwrap();
    let mut records = alloc::vec::Vec::new();
    ring.consume(|record| records.push(record.to_vec()));
    assert_eq!(records, [0x1111u64.to_le_bytes().to_vec(), [3u64.to_le_bytes(), 4u64.to_le_bytes()].concat()]);
    assert_eq!(ring.dropped(), 1);
}
