//! The engine with real breakpoints: compiled functions run on this CPU, SIGTRAP takes the place of the kernel's trap handler.
#![cfg(target_arch = "riscv64")]
use axasm::riscv64::decode;
use axbpf_platform::IrqGuard;
use axkprobe::{Config, Frame, Handler, Hit, Probe, ProbeError, Refusal, Regs, When, init, on_break, points, symbols};
use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

const IRQS_ON: u64 = 1 << 5;
const ON_RETURN: When = When::Return { max_active: Some(64) };

// ---- What is probed: calls, loops, loads and stores, atomics, 2- and 4-byte instructions at any alignment.

#[unsafe(link_section = "probed_text")]
#[inline(never)]
extern "C" fn fibonacci(n: u64) -> u64 {
    if n < 2 { n } else { fibonacci(n - 1) + fibonacci(n - 2) }
}

#[unsafe(link_section = "probed_text")]
#[inline(never)]
extern "C" fn sort(words: &mut [u64; 12]) -> u64 {
    let mut i = 1;
    while i < 12 {
        let mut j = i;
        while j > 0 && words[j - 1] > words[j] {
            (words[j - 1], words[j]) = (words[j], words[j - 1]);
            j -= 1;
        }
        i += 1;
    }
    words.iter().enumerate().fold(0, |hash, (i, w)| (hash ^ w.wrapping_mul(i as u64 | 1)).rotate_left(7) / (w | 1))
}

#[unsafe(link_section = "probed_text")]
#[inline(never)]
extern "C" fn count(counter: &AtomicU64, n: u64) -> u64 {
    let before = counter.fetch_add(n, AcqRel);
    // An lr/sc loop.
    let _ = counter.fetch_update(AcqRel, Acquire, |value| Some(value ^ 0x5555));
    before
}

#[unsafe(link_section = "probed_text")]
#[inline(never)]
extern "C" fn work(seed: u64) -> u64 {
    let counter = AtomicU64::new(seed);
    let mut words = std::array::from_fn(|i| seed.wrapping_mul(i as u64 + 3) >> (i % 5));
    let sorted = sort(&mut words);
    count(&counter, 5).wrapping_add(sorted) ^ fibonacci(seed % 4 + 3) ^ counter.load(Relaxed)
}

unsafe extern "C" {
    static __start_probed_text: u8;
    static __stop_probed_text: u8;
}

struct Text {
    start: u64,
    original: Vec<u8>,
    alone: Mutex<()>,
}

static TEXT: LazyLock<Text> = LazyLock::new(|| {
    let (start, stop) = (&raw const __start_probed_text as u64, &raw const __stop_probed_text as u64);
    let mut list = [
        (fibonacci as *const () as u64, "fibonacci"),
        (sort as *const () as u64, "sort"),
        (count as *const () as u64, "count"),
        (work as *const () as u64, "work"),
    ];
    list.sort();
    let table = symbols::write(&list, stop).expect("a small table").leak();
    init(Config { text: start..stop, blacklist: Vec::new(), symbols: table });
    // SAFETY: zeroed is a valid sigaction, and the handler is what SA_SIGINFO asks for.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_trap as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
        assert_eq!(libc::sigaction(libc::SIGTRAP, &action, std::ptr::null_mut()), 0);
    }
    Text { start, original: bytes(start, stop), alone: Mutex::new(()) }
});

fn bytes(start: u64, stop: u64) -> Vec<u8> {
    // SAFETY: this program's text.
    (start..stop).map(|at| unsafe { std::ptr::with_exposed_provenance::<u8>(at as usize).read_volatile() }).collect()
}

impl Text {
    fn alone(&self) -> MutexGuard<'_, ()> {
        self.alone.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn is_original(&self) -> bool {
        bytes(self.start, self.start + self.original.len() as u64) == self.original
    }

    fn insns(&self) -> Vec<u64> {
        let (mut at, mut insns) = (0, Vec::new());
        while let Some(insn) = decode(&self.original[at..]) {
            insns.push(self.start + at as u64);
            at += usize::from(insn.len);
        }
        insns
    }
}

std::thread_local! {
    static STATUS: Cell<u64> = const { Cell::new(IRQS_ON) };
    static IRQS_OFF: RefCell<Option<IrqGuard>> = const { RefCell::new(None) };
}

/// The trap handler. IRQs are off from here to the end of the slot.
extern "C" fn on_trap(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let guard = IRQS_OFF.take().unwrap_or_default();
    // SAFETY: with SA_SIGINFO the third argument is this thread's ucontext: pc, then x1 to x31.
    let gregs = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.__gregs };
    let mut frame = Frame { regs: Regs::default(), pc: gregs[0], status: STATUS.get() };
    frame.regs.x.copy_from_slice(&gregs[1..]);
    // Between the breakpoint and this handler, the probe may have been removed and installed again: then it is hit again.
    if !on_break(&mut frame) && !(TEXT.start..TEXT.start + TEXT.original.len() as u64).contains(&frame.pc) {
        std::process::abort();
    }
    gregs[0] = frame.pc;
    gregs[1..].copy_from_slice(&frame.regs.x);
    STATUS.set(frame.status);
    if frame.status & IRQS_ON == 0 {
        IRQS_OFF.replace(Some(guard));
    }
}

struct Nothing;

impl Handler for Nothing {
    fn hit(&self, _: &mut Regs, _: &Hit) -> bool {
        true
    }
}

fn install(addr: u64, when: When) -> Probe {
    Probe::install(addr, when, Arc::new(Nothing)).unwrap_or_else(|e| panic!("{e}"))
}

fn results() -> Vec<u64> {
    (0..4).map(|seed| work(black_box(seed * 0x1234_5678_9abc + 7))).collect()
}

#[test]
fn every_instruction_can_be_probed_and_does_the_same() {
    let _alone = TEXT.alone();
    let expected = results();
    let (mut hit, mut exclusive, mut all) = (0, 0, Vec::new());
    for at in TEXT.insns() {
        match Probe::install(at, When::Before, Arc::new(Nothing)) {
            Ok(probe) => {
                assert_eq!(results(), expected, "with a probe at {at:#x}");
                assert_eq!((probe.missed(), STATUS.get()), (0, IRQS_ON));
                hit += usize::from(probe.hits() > 0);
                probe.remove().unwrap();
                all.push(at);
            }
            Err(ProbeError::Instruction { why: Refusal::Exclusive, .. }) => exclusive += 1,
            // Between functions.
            Err(ProbeError::Instruction { why: Refusal::Unknown, .. }) => {}
            Err(e) => panic!("{e}"),
        }
    }
    assert!(TEXT.is_original());
    // The others are on paths to panics, and for shorter loops.
    assert!(hit > 60 && hit * 2 > all.len(), "{hit} of {} instructions were hit", all.len());
    assert!((2..20).contains(&exclusive), "{exclusive} in lr/sc loops");
    // And all at once.
    let probes: Vec<Probe> = all.iter().map(|&at| install(at, When::Before)).collect();
    assert_eq!(points(), all.len());
    assert_eq!(results(), expected);
    assert_eq!(probes.iter().filter(|probe| probe.hits() > 0).count(), hit);
    drop(probes);
    assert!(TEXT.is_original());
}

#[test]
fn returns_go_through_the_trampoline() {
    #[derive(Default)]
    struct Sum(AtomicU64);
    impl Handler for Sum {
        fn hit(&self, regs: &mut Regs, hit: &Hit) -> bool {
            assert_eq!((hit.at_return, hit.addr), (true, fibonacci as *const () as u64));
            self.0.fetch_add(regs.ret(), Relaxed);
            true
        }
    }
    let _alone = TEXT.alone();
    let sum = Arc::new(Sum::default());
    let probe = Probe::install(fibonacci as *const () as u64, ON_RETURN, sum.clone()).unwrap();
    assert_eq!(fibonacci(black_box(10)), 55);
    let (mut calls, mut values) = (0, 0);
    fn follow(n: u64, calls: &mut u64, values: &mut u64) -> u64 {
        *calls += 1;
        let value = if n < 2 { n } else { follow(n - 1, calls, values) + follow(n - 2, calls, values) };
        *values += value;
        value
    }
    follow(10, &mut calls, &mut values);
    // The compiler may have turned one of the two calls into a loop; what returns is counted, and nothing is missed.
    assert!(probe.missed() == 0 && probe.hits() > 10 && probe.hits() <= calls, "{} of {calls}", probe.hits());
    if probe.hits() == calls {
        assert_eq!(sum.0.load(Relaxed), values);
    }
    drop(probe);
    assert!(TEXT.is_original());
}

#[test]
fn breakpoints_of_others_are_theirs() {
    let _alone = TEXT.alone();
    // Nothing is mapped there: the look at the instruction faults and is recovered.
    let before = axbpf_platform::fault::recovered();
    assert!(!on_break(&mut Frame { pc: 16, ..Frame::default() }));
    assert_eq!(axbpf_platform::fault::recovered(), before + 1);
    // Removed between the trap and the look.
    let mut frame = Frame { pc: sort as *const () as u64, ..Frame::default() };
    assert!(on_break(&mut frame));
    assert_eq!(frame.pc, sort as *const () as u64);
}

#[test]
fn a_handler_changes_the_return_value() {
    struct Set;
    impl Handler for Set {
        fn hit(&self, regs: &mut Regs, _: &Hit) -> bool {
            regs.set(10, 77);
            true
        }
    }
    let _alone = TEXT.alone();
    let probe = Probe::install(sort as *const () as u64, ON_RETURN, Arc::new(Set)).unwrap();
    assert_eq!(sort(black_box(&mut [3; 12])), 77);
    drop(probe);
    assert_ne!(sort(black_box(&mut [3; 12])), 77);
}

#[test]
fn probes_come_and_go_under_load_and_no_call_is_lost() {
    const CALLS: u64 = 10_000;
    let _alone = TEXT.alone();
    let entry = install(sort as *const () as u64, When::Before);
    let at_return = install(sort as *const () as u64, ON_RETURN);
    let expected = results();
    let before = entry.hits();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..CALLS / 4 {
                        assert_eq!(results(), expected);
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            let insns = TEXT.insns();
            let mut round = 0;
            while !done.load(Relaxed) {
                round += 1;
                let probes: Vec<Probe> = insns
                    .iter()
                    .skip(round % 37)
                    .step_by(37)
                    .filter_map(|&at| Probe::install(at, When::Before, Arc::new(Nothing)).ok())
                    .chain([install(fibonacci as *const () as u64, ON_RETURN), install(work as *const () as u64, ON_RETURN)])
                    .collect();
                drop(probes);
            }
            assert!(round > 3, "{round} rounds");
        });
        let ended: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
        done.store(true, Relaxed);
        ended.into_iter().for_each(|result| result.unwrap());
    });
    assert_eq!((entry.hits() - before, entry.missed()), (2 * CALLS, 0));
    assert_eq!((at_return.hits() - before, at_return.missed()), (2 * CALLS, 0));
    drop((entry, at_return));
    assert_eq!(points(), 0);
    assert!(TEXT.is_original());
}
