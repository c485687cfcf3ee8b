//! Four threads at once on every type of map: see `common/stress.rs`.
extern crate alloc;
#[path = "common/stress.rs"]
mod stress;

const THREADS: u64 = 4;

#[test]
fn four_threads() {
    for map in stress::maps(THREADS as u32) {
        std::thread::scope(|scope| {
            for cpu in 0..THREADS {
                let map = &map;
                scope.spawn(move || stress::work(map, cpu, 60_000));
            }
        });
        stress::left(&map);
    }
}
