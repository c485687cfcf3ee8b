//! Something to trace: tasks that yield, sleep, lock, allocate and free, one that awaits timers, and [`step`], called a known number of times.
use crate::options::Options;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use axtask::{AxCpuMask, AxTaskRef};
use core::hint::black_box;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use core::time::Duration;
use std::sync::Mutex;

static STOP: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU64 = AtomicU64::new(0);
static SHARED: Mutex<u64> = Mutex::new(0);

/// Does work that grows with the lowest bits of `n`. Nobody else calls it, so its calls can be counted exactly.
#[inline(never)]
pub fn step(n: u64) -> u64 {
    let mut x = n | 1;
    for _ in 0..1u32 << (n % 9) {
        x = black_box(x.wrapping_mul(0x5851_f42d_4c95_7f2d).rotate_left(7) ^ n);
    }
    x
}

/// The tasks of a workload.
pub struct Workload {
    steppers: Vec<AxTaskRef>,
    others: Vec<AxTaskRef>,
}

impl Workload {
    /// Starts it.
    pub fn start(options: &Options) -> Workload {
        STOP.store(false, SeqCst);
        CALLS.store(0, SeqCst);
        let cpus = axhal::cpu_num() as u64;
        // The calls of step, shared out over the CPUs.
        let steppers = (0..cpus).map(|cpu| {
            let calls = options.loops / cpus + u64::from(cpu < options.loops % cpus);
            on_cpu(cpu as usize, "stepper", move || {
                for n in 0..calls {
                    black_box(step(black_box(n)));
                    CALLS.fetch_add(1, Relaxed);
                    if n % 64 == 63 {
                        axtask::yield_now();
                    }
                }
            })
        });
        let steppers = steppers.collect();
        let others = [
            ("yielder", yielder as fn()),
            ("sleeper", sleeper),
            ("locker", locker),
            ("locker", locker),
            ("allocator", allocator),
            ("awaiter", awaiter),
        ];
        let others = others.into_iter().enumerate().map(|(i, (name, f))| on_cpu(i % cpus as usize, name, f)).collect();
        Workload { steppers, others }
    }

    /// Waits until every call of [`step`] was made; how many there were.
    pub fn finish_steps(&mut self) -> u64 {
        self.steppers.drain(..).for_each(|task| {
            task.join();
        });
        CALLS.load(SeqCst)
    }

    /// Ends the other tasks.
    pub fn stop(self) {
        STOP.store(true, SeqCst);
        for task in self.steppers.into_iter().chain(self.others) {
            task.join();
        }
    }
}

fn on_cpu(cpu: usize, name: &str, f: impl FnOnce() + Send + 'static) -> AxTaskRef {
    let pinned = move || {
        let mut mask = AxCpuMask::new();
        mask.set(cpu, true);
        axtask::set_current_affinity(mask);
        f();
    };
    axtask::spawn_with_name(pinned, String::from(name))
}

fn running() -> bool {
    !STOP.load(Relaxed)
}

fn yielder() {
    while running() {
        for _ in 0..16 {
            axtask::yield_now();
        }
        axtask::sleep(Duration::from_millis(10));
    }
}

fn sleeper() {
    while running() {
        axtask::sleep(Duration::from_millis(20));
    }
}

fn locker() {
    while running() {
        for _ in 0..8 {
            let mut shared = SHARED.lock();
            *shared = black_box(*shared + 1);
        }
        axtask::sleep(Duration::from_millis(10));
    }
}

fn allocator() {
    let mut size = 8;
    while running() {
        let buffers: Vec<Box<[u8]>> = (0..8).map(|i| alloc::vec![0; size + i].into_boxed_slice()).collect();
        drop(black_box(buffers));
        size = if size > 16 * 1024 { 8 } else { size * 2 };
        axtask::sleep(Duration::from_millis(5));
    }
}

fn awaiter() {
    axtask::future::block_on(async {
        while running() {
            axtask::future::sleep(Duration::from_millis(15)).await;
        }
    });
}
