//! What stands on the platform trait, on the host's implementation: a CPU is a thread.
use axbpf_platform::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::task::{Wake, Waker};
use std::time::Duration;

/// A page that is readable, and one behind it that is not.
fn edge() -> usize {
    // SAFETY: new memory, which nobody else uses; it stays.
    unsafe {
        let at =
            libc::mmap(std::ptr::null_mut(), 2 * PAGE_SIZE, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANON, -1, 0);
        assert_ne!(at, libc::MAP_FAILED);
        assert_eq!(libc::mprotect(at.byte_add(PAGE_SIZE), PAGE_SIZE, libc::PROT_NONE), 0);
        at.expose_provenance() + PAGE_SIZE
    }
}

#[test]
fn reads_of_bad_addresses_are_errors() {
    let edge = edge();
    // SAFETY: the last bytes of the readable page.
    unsafe { ((edge - 8) as *mut [u8; 8]).write(*b"abcdefg\0") };
    assert_eq!(fault::read_bytes::<8>(edge - 8).unwrap(), *b"abcdefg\0");
    assert_eq!(fault::read_bytes::<3>(edge - 7).unwrap(), *b"bcd", "not aligned");
    let before = fault::recovered();
    for addr in [0, 8, edge, edge - 4, usize::MAX - 3, 0x0000_8000_0000_0000] {
        let mut out = [0xff; 8];
        assert_eq!(fault::read(&mut out, addr), Err(fault::BadAddress { addr }));
        assert_eq!(out, [0; 8], "{addr:#x}");
    }
    assert!(fault::recovered() >= before + 6);
    assert_eq!(fault::read(&mut [], 0), Ok(()), "nothing is read");

    let mut out = [0xff; 16];
    assert_eq!(fault::read_str(&mut out, edge - 8), Ok(8));
    assert_eq!(out[..8], *b"abcdefg\0");
    let mut out = [0xff; 4];
    assert_eq!(fault::read_str(&mut out, edge - 8), Ok(4));
    assert_eq!(out, *b"abc\0", "cut off, with its NUL");
    // SAFETY: as above.
    unsafe { ((edge - 8) as *mut [u8; 8]).write(*b"abcdefgh") };
    let mut out = [0xff; 16];
    assert_eq!(fault::read_str(&mut out, edge - 8), Err(fault::BadAddress { addr: edge - 8 }), "no NUL before the end");
    assert_eq!(out, [0; 16]);
    assert_eq!(fault::read_str(&mut [], 0), Ok(0));

    // SAFETY: the readable page may be written.
    unsafe {
        assert_eq!(fault::write(edge - 4, b"wxyz"), Ok(()));
        assert_eq!(fault::write(edge - 2, b"wxyz"), Err(fault::BadAddress { addr: edge }));
    }
    assert_eq!(fault::read_bytes::<4>(edge - 4).unwrap(), *b"wxyz");
    assert_eq!(fault::fixup(edge), None, "a fault elsewhere is not ours");
}

#[test]
fn programs_have_a_stack_of_their_own() {
    static STACKS: stack::Stacks = stack::Stacks::new();
    let section = IrqGuard::new();
    assert_eq!(STACKS.run(&section, || 1), None, "before it was made");
    STACKS.init();
    let here = 0u8;
    let (inside, nested) = STACKS.run(&section, || (&raw const here as usize, STACKS.run(&IrqGuard::new(), || 1))).unwrap();
    let place = STACKS.run(&section, || {
        let there = 0u8;
        &raw const there as usize
    });
    assert_eq!((inside, nested), (&raw const here as usize, None));
    assert!(place.unwrap().abs_diff(inside) > stack::SIZE, "the same stack");
    assert_eq!(STACKS.overflows(), 0);
    // A program that uses a little too much is found out.
    fn deep(n: usize) -> usize {
        let mut room = [n; 64];
        std::hint::black_box(&mut room);
        if n == 0 { 0 } else { deep(n - 1) + room[1] }
    }
    let fits = STACKS.run(&section, || deep(10)).unwrap();
    assert_eq!((fits, STACKS.overflows()), (55, 0));
}

struct Flag(Arc<AtomicU64>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// What is deferred while a section runs is dropped after the section's end, not before.
#[test]
fn sections_hold_reclamation_back() {
    let dropped = Arc::new(AtomicU64::new(0));
    let (inside, leave) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _section = IrqGuard::new();
            inside.store(true, SeqCst);
            while !leave.load(SeqCst) {
                std::hint::spin_loop();
            }
            assert_eq!(dropped.load(SeqCst), 0, "dropped under a reader");
        });
        while !inside.load(SeqCst) {
            std::hint::spin_loop();
        }
        defer(Box::new(Flag(Arc::clone(&dropped))));
        assert!(wait_quiescent(20_000_000).is_err(), "a CPU is in its section: who waits is told");
        std::thread::sleep(Duration::from_millis(30));
        assert_eq!(dropped.load(SeqCst), 0);
        leave.store(true, SeqCst);
    });
    // The reclaimer may be this thread or another.
    for _ in 0..200 {
        let _ = reclaim();
        if dropped.load(SeqCst) == 1 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never dropped");
}

struct Count(AtomicU64);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_reader_is_woken_once_for_each_time_it_sleeps() {
    let count = Arc::new(Count(AtomicU64::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let reader = Arc::new(wake::Reader::default());
    let notify = || {
        let _section = IrqGuard::new();
        reader.notify();
        reader.notify();
    };
    notify();
    wake::drain();
    assert_eq!(count.0.load(SeqCst), 0, "it is awake");
    for n in 1..=3 {
        reader.arm(&waker);
        notify();
        wake::drain();
        wake::drain();
        assert_eq!(count.0.load(SeqCst), n);
    }
    // A reader that is gone when the list is drained.
    reader.arm(&waker);
    notify();
    drop(reader);
    wake::drain();
    assert!(!wake::pending());
}

/// Machine code is written where nobody executes it, and then runs.
#[test]
fn code_memory() {
    let code: &[u8] = if cfg!(target_arch = "riscv64") {
        &[0x13, 0x05, 0xa0, 0x02, 0x67, 0x80, 0x00, 0x00] // li a0, 42; ret
    } else {
        &[0xb8, 42, 0, 0, 0, 0xc3] // mov eax, 42; ret
    };
    let mut sealed = Vec::new();
    for _ in 0..40 {
        let mut draft = Draft::new(code.len() + 3000).unwrap();
        let at = draft.addr();
        draft.bytes_mut()[..code.len()].copy_from_slice(code);
        let code = draft.seal().unwrap();
        assert_eq!((code.addr(), code.len()), (at, 6 + 3000 + usize::from(cfg!(target_arch = "riscv64")) * 2));
        // SAFETY: a function that returns 42.
        let f: extern "C" fn() -> i32 = unsafe { std::mem::transmute(at) };
        assert_eq!(f(), 42);
        sealed.push(code);
    }
    let places: std::collections::BTreeSet<usize> = sealed.iter().map(Sealed::addr).collect();
    assert_eq!(places.len(), 40);
    assert!(exec_bytes() >= 40 * 3000);
    let first = sealed[0].addr();
    sealed.clear();
    let again = Draft::new(64).unwrap();
    assert!(places.contains(&again.addr()) || again.addr() == first, "memory is used again");
    // SAFETY: nobody executes an address that is not code.
    assert!(!unsafe { patch(&[Patch { addr: 0x10, bytes: &[0] }]) }, "not code");
}

/// A CPU that runs into an instruction while it is replaced finds the old one or the new one.
#[test]
fn an_aligned_instruction_is_written_by_one_store() {
    fn never_mixed<const N: usize>(read: impl Fn(usize) -> u64 + Sync) {
        let code = Draft::new(64).unwrap().seal().unwrap();
        let (old, new) = (0, u64::MAX >> (64 - 8 * N));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..400 {
                    for byte in [0xff, 0] {
                        // SAFETY: nobody executes this code.
                        assert!(unsafe { patch(&[Patch { addr: code.addr(), bytes: &[byte; N] }]) });
                    }
                }
                done.store(true, Relaxed);
            });
            while !done.load(Relaxed) {
                let now = read(code.addr());
                assert!(now == old || now == new, "{N} bytes: {now:#x}");
            }
        });
    }
    let at = std::ptr::with_exposed_provenance::<u8>;
    // SAFETY: code is mapped readable, and aligned to 8.
    unsafe {
        never_mixed::<2>(|addr| at(addr).cast::<u16>().read_volatile().into());
        never_mixed::<4>(|addr| at(addr).cast::<u32>().read_volatile().into());
        never_mixed::<8>(|addr| at(addr).cast::<u64>().read_volatile());
    }
}

/// Code of several owners shares pages: whoever writes there does not take the page from another writer.
#[test]
fn writers_of_one_page_do_not_disturb_each_other() {
    let code: Vec<Sealed> = (0..4).map(|_| Draft::new(64).unwrap().seal().unwrap()).collect();
    assert!(code.windows(2).any(|two| two[0].addr() / PAGE_SIZE == two[1].addr() / PAGE_SIZE), "no page is shared");
    std::thread::scope(|scope| {
        for code in &code {
            scope.spawn(|| {
                for byte in 0..200 {
                    // SAFETY: nobody executes this code.
                    assert!(unsafe { patch(&[Patch { addr: code.addr(), bytes: &[byte; 8] }]) });
                }
            });
        }
    });
}

#[test]
fn each_cpu_has_its_own() {
    static COUNTS: PerCpu<AtomicU64> = per_cpu!(AtomicU64::new(7));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    let _section = IrqGuard::new();
                    let count = COUNTS.this();
                    count.store(count.load(Relaxed) + 1, Relaxed); // not atomic: nobody else is on this CPU
                }
            });
        }
    });
    assert_eq!(COUNTS.iter().map(|count| count.load(Relaxed) - 7).sum::<u64>(), 4000);
}
