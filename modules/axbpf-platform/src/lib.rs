//! Layer 0. Everything that the components ask of the OS, and the few mechanisms that are the same on every OS.
//!
//! [`Platform`] is the one trait: an OS implements it once (`#[crate_interface::impl_interface]`), in the image that links the components.
//! On top of it stand
//!
//! - [`IrqGuard`]: a section with IRQs off, which is also what readers of shared structures are in;
//! - [`PerCpu`]: one value a CPU;
//! - [`Draft`] and [`Sealed`]: code memory, written before it is executable; [`patch`]: text of the kernel, changed while it runs;
//! - [`quiesce`] and [`defer`]: waiting until all sections that could see an object have ended, then dropping it;
//! - [`fault`]: reads of addresses that may be bad;
//! - [`stack`]: stacks of their own that programs run on;
//! - [`wake`]: waking a task out of a probe.
//!
//! Feature `host`: an implementation for tests and tools on Linux, where a CPU is a thread.
#![no_std]

extern crate alloc;
#[cfg(any(feature = "host", test))]
extern crate std;

mod arch;
mod code;
mod cpu;
pub mod fault;
mod grace;
#[cfg(feature = "host")]
mod host;
mod irq;
mod percpu;
pub mod stack;
pub mod wake;

pub use code::{Draft, Patch, Sealed, exec_bytes, patch, store_code};
pub use cpu::{cpu_id, set_cpu_number_offset};
pub use grace::{Stuck, defer, quiesce, reclaim};
pub use irq::IrqGuard;
pub use percpu::{MAX_CPUS, PerCpu};

/// What an OS supplies. The functions are called from anywhere, a probe included, unless they say otherwise.
#[crate_interface::def_interface(gen_caller)]
pub trait Platform {
    /// See [`cpu_id`](fn@cpu_id).
    fn this_cpu() -> usize;
    /// CPUs of the machine, at most [`MAX_CPUS`].
    fn cpu_count() -> usize;
    /// Masks IRQs on this CPU; returns what [`irqs_restore`] takes. Never switches tasks. [`IrqGuard`] is the way to call it; on bare metal it does
    /// the same by itself where it knows the ISA's instruction.
    fn irqs_save() -> usize;
    /// Undoes [`irqs_save`], without switching tasks.
    fn irqs_restore(state: usize);
    /// Nanoseconds since boot; never goes back on one CPU.
    fn monotonic_ns() -> u64;
    /// The task that runs on this CPU, or that the interrupted code belongs to.
    fn current_task() -> Task;
    /// Remembers the current task, whose key this is, so that one can ask whether it has gone; answers what to ask with. No allocation.
    fn task_watch(key: usize) -> usize;
    /// Whether the task has gone: it will not run again.
    fn task_gone(watch: usize) -> bool;
    /// Ends [`task_watch`]. From task context, at the end of an interrupt, or while the task itself runs: memory may be freed.
    fn task_unwatch(watch: usize);
    /// Waits until every CPU has been outside an IRQ-off section at some time since the call, or `limit_ns` have passed. From task context,
    /// IRQs on, no spin lock held. Use [`quiesce`].
    fn wait_quiescent(limit_ns: u64) -> Result<(), Stuck>;
    /// Makes this CPU call [`wake::drain`] soon, when IRQs are on again: no lock, no allocation, one register write.
    fn pend_wake();
    /// Something was deferred: makes some task call [`reclaim`] before long. From task context.
    fn wake_reclaimer();
    /// Whether reading these bytes can have effects: device memory, or a window that passes the page tables by.
    fn is_device(addr: usize, len: usize) -> bool;
    /// Pages for code, of [`PAGE_SIZE`] each: readable, executable, not writable, near the kernel's text where the ISA's branches need
    /// that. From task context.
    fn exec_alloc(pages: usize) -> Option<usize>;
    /// Gives back what [`exec_alloc`] gave. No CPU executes there any more. From task context.
    fn exec_free(addr: usize, pages: usize);
    /// Writes to code: every patch through a temporary mapping that is never executable; then, once for the whole batch, every CPU's
    /// instruction cache is brought in step. A patch of 1, 2, 4 or 8 bytes at an address aligned to its size is one store. From task
    /// context. `false`: an address is not mapped code.
    fn exec_write(batch: &[Patch<'_>]) -> bool;
}

/// Size of a page in bytes.
pub const PAGE_SIZE: usize = 4096;

/// A task, as a program sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Task {
    /// Its id; 0 where no task runs yet.
    pub id: u64,
    /// A number that no other living task has: its address.
    pub key: usize,
    /// Address and length in bytes of its name, to be read by [`fault::read`]: the name may be changing under a lock. Length 0: no name.
    pub name: (usize, usize),
}
