//! The current task as a probe may look at it: without a lock. axtask keeps the fields private, so their places are found once, in a task
//! of ours whose name is known; that task then becomes the one that reclaims memory.
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use axbpf_platform::{Task, fault};
use axtask::TaskInner;
use core::mem::ManuallyDrop;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use core::time::Duration;

/// Offsets from the address that the CPU keeps of its current task; 0: not found.
static INNER: AtomicUsize = AtomicUsize::new(0);
static NAME_PTR: AtomicUsize = AtomicUsize::new(0);
static NAME_LEN: AtomicUsize = AtomicUsize::new(0);

const RECLAIMER: &str = "axbpf-reclaim";
const STACK_SIZE: usize = 64 * 1024;
/// After a grace period that did not end.
const RETRY: Duration = Duration::from_millis(100);

static WANTED: AtomicBool = AtomicBool::new(false);
static WAITING: axtask::WaitQueue = axtask::WaitQueue::new();

/// Starts the reclaim task and learns from it where tasks keep what we read.
pub(super) fn init() {
    let mut name = String::with_capacity(2 * RECLAIMER.len()); // length and capacity differ
    name.push_str(RECLAIMER);
    let task = axtask::spawn_task(TaskInner::new(reclaim_loop, name, STACK_SIZE));
    let inner: &TaskInner = &task;
    let (outer, inner) = (Arc::as_ptr(&task) as usize, core::ptr::from_ref(inner) as usize);
    INNER.store(inner - outer, Relaxed);
    let word = |at: usize| fault::read_bytes::<8>(inner + at).map_or(0, usize::from_le_bytes);
    for at in (0..size_of::<TaskInner>()).step_by(size_of::<usize>()) {
        let mut text = [0; RECLAIMER.len()];
        if fault::read(&mut text, word(at)).is_err() || text != *RECLAIMER.as_bytes() {
            continue;
        }
        // A String is pointer, length and capacity, in an order of the compiler's.
        if let Some(len) = [at.wrapping_sub(16), at.wrapping_sub(8), at + 8, at + 16].into_iter().find(|&at| word(at) == RECLAIMER.len()) {
            NAME_PTR.store(inner - outer + at, Relaxed);
            NAME_LEN.store(inner - outer + len, Relaxed);
            break;
        }
    }
}

/// See [`axbpf_platform::Platform::current_task`].
pub(super) fn current() -> Task {
    let key = axhal::percpu::current_task_ptr::<u8>() as usize;
    if key == 0 {
        return Task { id: 0, key: 0, name: (0, 0) };
    }
    // SAFETY: 1. The CPU's current task lives until the CPU switches away from it, which it does not do under us. 2. `INNER` is where a
    //    task of the same type has its TaskInner (0, before init, is right for axtask as it is). 3. `id` never changes.
    let id = unsafe { &*((key + INNER.load(Relaxed)) as *const TaskInner) }.id().as_u64();
    let (ptr, len) = (NAME_PTR.load(Relaxed), NAME_LEN.load(Relaxed));
    if len == 0 {
        return Task { id, key, name: (0, 0) };
    }
    // SAFETY: 1. as above. 2. `init` found two aligned words there. They may be changing: volatile, and whoever reads the name does so
    //    through the fault-safe copy.
    let name = unsafe { (((key + ptr) as *const usize).read_volatile(), ((key + len) as *const usize).read_volatile()) };
    Task { id, key, name }
}

/// What a reference counts: axtask does not name its type of tasks.
trait Counted {
    type Target;
}

impl<T> Counted for Arc<T> {
    type Target = T;
}

type AxTask = <axtask::AxTaskRef as Counted>::Target;

/// See [`axbpf_platform::Platform::task_watch`].
pub(super) fn watch(key: usize) -> usize {
    // SAFETY: 1. The CPU keeps of its current task what `Arc::into_raw` gave. 2. The task runs, so the count is not 0; it stays as it is.
    let task = ManuallyDrop::new(unsafe { Arc::from_raw(key as *const AxTask) });
    Arc::downgrade(&task).into_raw() as usize
}

/// See [`axbpf_platform::Platform::task_gone`].
pub(super) fn gone(watch: usize) -> bool {
    // SAFETY: from `watch`, and not given back yet.
    let task = ManuallyDrop::new(unsafe { Weak::from_raw(watch as *const AxTask) });
    task.strong_count() == 0
}

/// See [`axbpf_platform::Platform::task_unwatch`].
pub(super) fn unwatch(watch: usize) {
    // SAFETY: from `watch`, given back once.
    drop(unsafe { Weak::from_raw(watch as *const AxTask) });
}

/// See [`axbpf_platform::Platform::wake_reclaimer`].
pub(super) fn wake_reclaimer() {
    WANTED.store(true, SeqCst);
    WAITING.notify_one(true);
}

fn reclaim_loop() {
    loop {
        WAITING.wait_until(|| WANTED.swap(false, SeqCst));
        while axbpf_platform::reclaim().is_err() {
            axtask::sleep(RETRY);
        }
    }
}
