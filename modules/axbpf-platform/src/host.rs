//! The platform of tests and host tools: a CPU is a thread, IRQs off is a count, a fault is SIGSEGV.
use crate::{MAX_CPUS, Patch, Platform, Stuck, Task};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::cell::Cell;
use std::sync::{Arc, Once, Weak};
use std::time::{Duration, Instant};

struct Host;

/// Which CPU numbers belong to threads.
static TAKEN: [AtomicBool; MAX_CPUS] = [const { AtomicBool::new(false) }; MAX_CPUS];
/// Odd while the CPU is in a section with IRQs off; every section makes it grow by two.
static SECTION: [Section; MAX_CPUS] = [const { Section(AtomicU64::new(0)) }; MAX_CPUS];

/// In cache lines of its own, or threads would be in each other's way.
#[repr(align(128))]
struct Section(AtomicU64);

/// A thread's CPU, given back when the thread ends.
struct Cpu(usize);

impl Cpu {
    fn take() -> Cpu {
        loop {
            if let Some(cpu) = TAKEN.iter().position(|taken| !taken.swap(true, AcqRel)) {
                return Cpu(cpu);
            }
            // More threads than CPUs: wait for one to end.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Cpu {
    fn drop(&mut self) {
        TAKEN[self.0].store(false, Release);
    }
}

/// Counts threads: a task's id is never used again.
static THREADS: AtomicU64 = AtomicU64::new(1);

std::thread_local! {
    static THREAD: (u64, Arc<()>) = (THREADS.fetch_add(1, Relaxed), Arc::new(()));
    static CPU: Cpu = Cpu::take();
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static WAKE: Cell<bool> = const { Cell::new(false) };
}

#[crate_interface::impl_interface]
impl Platform for Host {
    fn this_cpu() -> usize {
        CPU.with(|cpu| cpu.0)
    }

    fn cpu_count() -> usize {
        MAX_CPUS
    }

    fn irqs_save() -> usize {
        let depth = DEPTH.get();
        DEPTH.set(depth + 1);
        if depth == 0 {
            SECTION[Self::this_cpu()].0.fetch_add(1, SeqCst);
        }
        depth
    }

    fn irqs_restore(depth: usize) {
        DEPTH.set(depth);
        if depth == 0 {
            if WAKE.take() {
                crate::wake::drain();
            }
            SECTION[Self::this_cpu()].0.fetch_add(1, SeqCst);
        }
    }

    fn monotonic_ns() -> u64 {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_nanos() as u64
    }

    fn current_task() -> Task {
        const NAME: &str = "host";
        let id = THREAD.with(|thread| thread.0);
        Task { id, key: id as usize, name: (NAME.as_ptr().expose_provenance(), NAME.len()) }
    }

    fn task_watch(_key: usize) -> usize {
        THREAD.with(|thread| Arc::downgrade(&thread.1).into_raw().expose_provenance())
    }

    fn task_gone(watch: usize) -> bool {
        // SAFETY: from `task_watch`, and not yet given back.
        let weak = core::mem::ManuallyDrop::new(unsafe { Weak::from_raw(core::ptr::with_exposed_provenance::<()>(watch)) });
        weak.strong_count() == 0
    }

    fn task_unwatch(watch: usize) {
        // SAFETY: from `task_watch`, given back once.
        drop(unsafe { Weak::from_raw(core::ptr::with_exposed_provenance::<()>(watch)) });
    }

    fn wait_quiescent(limit_ns: u64) -> Result<(), Stuck> {
        let start = Instant::now();
        for (cpu, section) in SECTION.iter().enumerate() {
            let seen = section.0.load(SeqCst);
            while seen % 2 == 1 && section.0.load(SeqCst) == seen {
                if start.elapsed() > Duration::from_nanos(limit_ns) {
                    return Err(Stuck { cpu });
                }
                std::thread::yield_now();
            }
        }
        Ok(())
    }

    fn pend_wake() {
        WAKE.set(true);
    }

    fn wake_reclaimer() {
        static START: Once = Once::new();
        static REQUEST: (std::sync::Mutex<bool>, std::sync::Condvar) = (std::sync::Mutex::new(false), std::sync::Condvar::new());
        START.call_once(|| {
            std::thread::spawn(|| {
                loop {
                    let mut asked = REQUEST.0.lock().unwrap_or_else(|e| e.into_inner());
                    while !core::mem::take(&mut *asked) {
                        asked = REQUEST.1.wait(asked).unwrap_or_else(|e| e.into_inner());
                    }
                    drop(asked);
                    while crate::reclaim().is_err() {}
                }
            });
        });
        *REQUEST.0.lock().unwrap_or_else(|e| e.into_inner()) = true;
        REQUEST.1.notify_one();
    }

    fn is_device(_addr: usize, _len: usize) -> bool {
        install_handler();
        false
    }

    fn exec_alloc(pages: usize) -> Option<usize> {
        // SAFETY: a new private mapping at an address of the kernel's choice.
        let at = unsafe {
            let (prot, flags) = (libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            libc::mmap(core::ptr::null_mut(), pages * crate::PAGE_SIZE, prot, flags, -1, 0)
        };
        (at != libc::MAP_FAILED).then(|| at.expose_provenance())
    }

    fn exec_free(addr: usize, pages: usize) {
        // SAFETY: what `exec_alloc` mapped, given back once.
        unsafe { libc::munmap(core::ptr::with_exposed_provenance_mut(addr), pages * crate::PAGE_SIZE) };
    }

    fn exec_write(batch: &[Patch<'_>]) -> bool {
        // A process has one view of its pages: here they are writable for a moment, and executable too, because other code may share them.
        // One writer at a time, lest one ends the other's moment.
        static WRITER: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let _writer = WRITER.lock().unwrap_or_else(|e| e.into_inner());
        batch.iter().all(|patch| {
            let first = patch.addr & !(crate::PAGE_SIZE - 1);
            let len = (patch.addr + patch.bytes.len()).next_multiple_of(crate::PAGE_SIZE) - first;
            let page = core::ptr::with_exposed_provenance_mut::<libc::c_void>(first);
            // SAFETY: mprotect fails for what is not mapped; then nothing is written. The bytes belong to the caller (`Draft`, `patch`).
            unsafe {
                if libc::mprotect(page, len, libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC) != 0 {
                    return false;
                }
                crate::store_code(patch.addr, patch.bytes);
                libc::mprotect(page, len, libc::PROT_READ | libc::PROT_EXEC);
                flush_icache(patch.addr, patch.bytes.len());
            }
            true
        })
    }
}

/// Brings the instruction caches of this process's threads in step.
fn flush_icache(addr: usize, len: usize) {
    #[cfg(target_arch = "riscv64")]
    // SAFETY: riscv_flush_icache(start, end, flags) has no effect on memory; flags 0 is every thread of the process.
    unsafe {
        const RISCV_FLUSH_ICACHE: libc::c_long = 259;
        libc::syscall(RISCV_FLUSH_ICACHE, addr, addr + len, 0);
    }
    // x86 needs nothing.
    let _ = (addr, len);
}

/// Puts the exception table in front of whoever handled SIGSEGV and SIGBUS before.
fn install_handler() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        for signal in [libc::SIGSEGV, libc::SIGBUS] {
            // SAFETY: a zeroed sigaction is a valid one; the handler has the type that SA_SIGINFO asks for.
            unsafe {
                let mut action: libc::sigaction = core::mem::zeroed();
                action.sa_sigaction = on_fault as *const () as usize;
                action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
                libc::sigaction(signal, &action, core::ptr::null_mut());
            }
        }
    });
}

extern "C" fn on_fault(signal: libc::c_int, _info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: with SA_SIGINFO the third argument is this thread's ucontext, which may be changed.
    let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
    #[cfg(target_arch = "x86_64")]
    let pc = &mut context.uc_mcontext.gregs[libc::REG_RIP as usize];
    #[cfg(target_arch = "riscv64")]
    let pc = &mut context.uc_mcontext.__gregs[0];
    match crate::fault::fixup(*pc as usize) {
        Some(fixup) => *pc = fixup as _,
        // Not ours: the default action, when the instruction is executed again.
        // SAFETY: restores the default action.
        None => unsafe { _ = libc::signal(signal, libc::SIG_DFL) },
    }
}
