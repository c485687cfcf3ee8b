//! What a program asks about the moment and the place it runs in.
use super::writable;
use crate::run;
use crate::task::{Current, TGID};
use axbpf_platform::{PerCpu, cpu_id, current_task, monotonic_ns, per_cpu};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// `bpf_ktime_get_ns()`: since boot.
pub(super) extern "C" fn ktime_get_ns(_: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    monotonic_ns()
}

/// `bpf_get_smp_processor_id()`.
pub(super) extern "C" fn get_smp_processor_id(_: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    cpu_id() as u64
}

/// `bpf_get_prandom_u32()`: a generator a CPU (splitmix64), seeded by the time of its first use.
pub(super) extern "C" fn get_prandom_u32(_: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    static STATES: PerCpu<AtomicU64> = per_cpu!(AtomicU64::new(0));
    let state = STATES.this();
    let mut x = state.load(Relaxed);
    if x == 0 {
        x = monotonic_ns() ^ (cpu_id() as u64).rotate_right(8);
    }
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state.store(x, Relaxed);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ x >> 31) >> 32
}

/// `bpf_get_current_pid_tgid()`: process in the upper half, task in the lower.
pub(super) extern "C" fn get_current_pid_tgid(_: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    TGID << 32 | Current::get().id() & 0xffff_ffff
}

/// `bpf_get_current_task()`, `bpf_get_current_task_btf()`: address of the task.
pub(super) extern "C" fn get_current_task(_: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    current_task().key as u64
}

/// `bpf_get_current_comm(buf, size)`: the task's name, cut off, with its NUL; the rest zero.
pub(super) extern "C" fn get_current_comm(buf: u64, size: u64, _: u64, _: u64, _: u64) -> u64 {
    // SAFETY: R1 and R2 by the prototype.
    let buf = unsafe { writable(buf, size) };
    let comm = Current::get().comm();
    let len = comm.len().min(buf.len());
    buf[..len].copy_from_slice(&comm[..len]);
    buf[len..].fill(0);
    if let Some(last) = buf.last_mut() {
        *last = 0;
    }
    0
}

/// `bpf_get_func_ip(ctx)`: address of the probed function, 0 where the probe is not at a function's entry or return.
pub(super) extern "C" fn get_func_ip(_ctx: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    run::current().func_ip.load(Relaxed)
}

/// `bpf_get_attach_cookie(ctx)`: the number that the link was made with.
pub(super) extern "C" fn get_attach_cookie(_ctx: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    run::current().cookie.load(Relaxed)
}
