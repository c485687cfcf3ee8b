//! The engine on a host: riscv64 code is executed by a hart in miniature, whose breakpoints are real stores into its text.
#![cfg(not(target_arch = "riscv64"))]
#[allow(dead_code, reason = "shared by two tests")]
mod hart;

use axkprobe::{Frame, Handler, Hit, Probe, ProbeError, Refusal, Regs, When, on_break, orphans, points, resolve};
use hart::{Hart, Nothing, Seen, TEXT, call, nothing};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};

const ON_RETURN: When = When::Return { max_active: None };
/// Name, argument, result.
const CALLS: &[(&str, u64, u64)] = &[
    ("demo::add3", 5, 8),
    ("demo::odd", 5, 106),
    ("demo::sum", 10, 55),
    ("demo::tail", 1, 9),
    ("demo::outer", 2, 5),
    ("demo::padded", 0, 7),
];

fn install(addr: u64, when: When, handler: Arc<dyn Handler>) -> Probe {
    Probe::install(addr, when, handler).unwrap_or_else(|e| panic!("{e}"))
}

/// How often each instruction of the function runs in a call.
fn executed(name: &str, a0: u64) -> Vec<u64> {
    let mut hart = Hart::new(TEXT.at(name), a0);
    let mut pcs = Vec::new();
    while !hart.returned() {
        pcs.push(hart.frame.pc);
        hart.step();
    }
    TEXT.insns(name).iter().map(|insn| pcs.iter().filter(|&pc| pc == insn).count() as u64).collect()
}

#[test]
fn the_text_does_what_the_tests_think() {
    let _alone = TEXT.alone();
    for &(name, a0, result) in CALLS {
        assert_eq!(call(name, a0), result, "{name}");
    }
}

#[test]
fn every_instruction_can_be_probed_and_does_the_same() {
    let _alone = TEXT.alone();
    for &(name, a0, result) in CALLS {
        let counts = executed(name, a0);
        for (insn, count) in TEXT.insns(name).into_iter().zip(counts) {
            // The last of `padded` is on the list of refused places.
            if insn == TEXT.at("demo::padded") + 14 {
                continue;
            }
            let seen = Arc::new(Seen::default());
            let probe = install(insn, When::Before, seen.clone());
            assert!(!TEXT.is_original());
            for hart in [Hart::new(TEXT.at(name), a0), Hart::new(TEXT.at(name), a0).irqs_off()] {
                let mut hart = hart;
                assert_eq!(hart.run(), result, "{name} with a probe at {insn:#x}");
            }
            assert_eq!((probe.hits(), probe.missed()), (2 * count, 0), "{name} {insn:#x}");
            assert!(seen.take().iter().all(|(regs, hit)| regs.pc == insn && *hit == Hit { addr: insn, at_return: false }));
            probe.remove().unwrap();
            assert!(TEXT.is_original());
        }
    }
    assert_eq!(points(), 0);
}

#[test]
fn all_instructions_at_once() {
    let _alone = TEXT.alone();
    let places = CALLS.iter().flat_map(|(name, ..)| TEXT.insns(name)).filter(|&at| at != TEXT.at("demo::padded") + 14);
    let probes: Vec<Probe> = places.map(|at| install(at, When::Before, nothing())).collect();
    assert_eq!(points(), probes.len());
    for &(name, a0, result) in CALLS {
        assert_eq!(call(name, a0), result, "{name}");
    }
    drop(probes);
    assert_eq!(points(), 0);
    assert!(TEXT.is_original());
}

#[test]
fn a_handler_sees_the_registers_before_the_instruction() {
    let _alone = TEXT.alone();
    let seen = Arc::new(Seen::default());
    let probe = install(TEXT.at("demo::add3") + 4, When::Before, seen.clone());
    let mut hart = Hart::on_stack(TEXT.at("demo::add3"), 40, 0x7770);
    hart.run();
    let [(regs, _)] = seen.take()[..] else { panic!("one hit") };
    assert_eq!((regs.pc, regs.sp(), regs.arg(0), regs.ra()), (TEXT.at("demo::add3") + 4, 0x7770, 41, 0x1000));
    drop(probe);
}

#[test]
fn a_handler_may_change_registers() {
    struct Set(u64);
    impl Handler for Set {
        fn hit(&self, regs: &mut Regs, _: &Hit) -> bool {
            regs.set(10, self.0);
            true
        }
    }
    let _alone = TEXT.alone();
    let entry = install(TEXT.at("demo::add3"), When::Before, Arc::new(Set(100)));
    assert_eq!(call("demo::add3", 1), 103);
    let exit = install(TEXT.at("demo::add3"), ON_RETURN, Arc::new(Set(7)));
    assert_eq!(call("demo::add3", 1), 7);
    drop(entry);
    assert_eq!(call("demo::add3", 1), 7);
    drop(exit);
    assert_eq!(call("demo::add3", 1), 4);
}

#[test]
fn several_probes_share_a_point() {
    let _alone = TEXT.alone();
    let add3 = TEXT.at("demo::add3");
    let probes: Vec<Probe> = (0..5).map(|_| install(add3, When::Before, nothing())).collect();
    assert_eq!(points(), 1);
    call("demo::add3", 0);
    let mut probes = probes.into_iter();
    probes.next().unwrap().remove().unwrap();
    assert!(!TEXT.is_original());
    call("demo::add3", 0);
    for probe in probes {
        assert_eq!((probe.hits(), probe.missed()), (2, 0));
    }
    assert!(TEXT.is_original());
}

#[test]
fn a_hit_inside_a_handler_is_missed_and_does_no_harm() {
    struct Calls(&'static str);
    impl Handler for Calls {
        fn hit(&self, _: &mut Regs, _: &Hit) -> bool {
            // As a kernel function that a handler calls: another frame on this CPU, IRQs off.
            assert_eq!(Hart::new(TEXT.at(self.0), 1).irqs_off().run(), 9);
            true
        }
    }
    let _alone = TEXT.alone();
    let outer = install(TEXT.at("demo::sum"), When::Before, Arc::new(Calls("demo::tail")));
    let inner = install(TEXT.at("demo::tail"), When::Before, nothing());
    let at_return = install(TEXT.at("demo::add3"), ON_RETURN, nothing());
    assert_eq!(call("demo::sum", 4), 10);
    assert_eq!((outer.hits(), outer.missed()), (1, 0));
    assert_eq!((inner.hits(), inner.missed()), (0, 1));
    assert_eq!((at_return.hits(), at_return.missed()), (0, 1));
    assert_eq!(call("demo::tail", 1), 9);
    assert_eq!((inner.hits(), inner.missed()), (1, 1));
    assert_eq!((at_return.hits(), at_return.missed()), (1, 1));
}

#[test]
fn a_fault_in_a_slot_may_run_into_probes() {
    let _alone = TEXT.alone();
    let first = install(TEXT.at("demo::add3"), When::Before, nothing());
    let second = install(TEXT.at("demo::odd"), When::Before, nothing());
    let mut hart = Hart::new(TEXT.at("demo::add3"), 5);
    hart.step();
    assert_ne!(hart.frame.pc, TEXT.at("demo::add3"), "it is in the slot");
    // The handler of a fault there, with IRQs off, steps over a probe of its own.
    assert_eq!(Hart::new(TEXT.at("demo::odd"), 5).irqs_off().run(), 106);
    hart.step();
    hart.step();
    assert_eq!((hart.frame.pc, hart.frame.status), (TEXT.at("demo::add3") + 4, 1 << 5));
    assert_eq!(hart.run(), 8);
    assert_eq!((first.hits(), second.hits()), (1, 1));
}

#[test]
fn returns_are_seen_with_the_value_and_the_function() {
    let _alone = TEXT.alone();
    let seen = Arc::new(Seen::default());
    let probe = install(TEXT.at("demo::add3"), ON_RETURN, seen.clone());
    let mut hart = Hart::on_stack(TEXT.at("demo::outer"), 2, 0x8880);
    assert_eq!(hart.run(), 5);
    let [(regs, hit)] = seen.take()[..] else { panic!("one return") };
    assert_eq!(hit, Hit { addr: TEXT.at("demo::add3"), at_return: true });
    // In `outer`, behind the call.
    let caller = TEXT.at("demo::outer") + 10;
    assert_eq!((regs.ret(), regs.pc, regs.ra(), regs.sp()), (5, caller, caller, 0x8870));
    assert_eq!((probe.hits(), probe.missed()), (1, 0));
}

#[test]
fn a_tail_call_returns_through_both() {
    let _alone = TEXT.alone();
    let (tail, add3) = (Arc::new(Seen::default()), Arc::new(Seen::default()));
    let probes = [install(TEXT.at("demo::tail"), ON_RETURN, tail.clone()), install(TEXT.at("demo::add3"), ON_RETURN, add3.clone())];
    assert_eq!(call("demo::tail", 1), 9);
    assert_eq!(add3.take().iter().map(|(regs, _)| regs.ret()).collect::<Vec<_>>(), [9]);
    assert_eq!(tail.take().iter().map(|(regs, _)| (regs.ret(), regs.pc)).collect::<Vec<_>>(), [(9, 0x1000)]);
    assert!(probes.iter().all(|probe| (probe.hits(), probe.missed()) == (1, 0)));
}

#[test]
fn calls_past_max_active_are_missed() {
    let _alone = TEXT.alone();
    let probe = install(TEXT.at("demo::add3"), When::Return { max_active: Some(2) }, nothing());
    let mut calls: Vec<Hart> = (0..5).map(|i| Hart::new(TEXT.at("demo::add3"), i)).collect();
    calls.iter_mut().for_each(Hart::enter);
    assert_eq!(probe.missed(), 3);
    // In another order than they were entered.
    for (i, hart) in calls.iter_mut().enumerate().rev() {
        assert_eq!(hart.run(), i as u64 + 3);
    }
    assert_eq!((probe.hits(), probe.missed()), (2, 3));
    call("demo::add3", 0);
    assert_eq!((probe.hits(), probe.missed()), (3, 3));
}

#[test]
fn calls_under_way_return_when_the_probe_is_gone() {
    let _alone = TEXT.alone();
    let seen = Arc::new(Seen::default());
    let probe = install(TEXT.at("demo::add3"), ON_RETURN, seen.clone());
    let mut hart = Hart::new(TEXT.at("demo::add3"), 5);
    hart.enter();
    probe.remove().unwrap();
    assert!(TEXT.is_original() && points() == 0);
    assert_eq!((Arc::strong_count(&seen), orphans()), (1, 1), "the point is kept, the handler is not");
    // Nor does a new one get the return of a call that it did not see.
    let next = install(TEXT.at("demo::add3"), ON_RETURN, seen.clone());
    assert_eq!(hart.run(), 8);
    assert_eq!((seen.take().len(), next.hits(), orphans()), (0, 0, 0));
    call("demo::add3", 5);
    assert_eq!((seen.take().len(), next.hits()), (1, 1));
}

#[test]
fn a_return_probe_beside_another_does_not_get_older_calls() {
    let _alone = TEXT.alone();
    let stays = install(TEXT.at("demo::add3"), When::Before, nothing());
    let first = install(TEXT.at("demo::add3"), ON_RETURN, nothing());
    let mut hart = Hart::new(TEXT.at("demo::add3"), 5);
    hart.enter();
    first.remove().unwrap();
    let second = install(TEXT.at("demo::add3"), ON_RETURN, nothing());
    assert_eq!(hart.run(), 8);
    assert_eq!((stays.hits(), second.hits(), second.missed()), (1, 0, 0));
}

#[test]
fn calls_that_never_return_do_not_use_up_instances() {
    let _alone = TEXT.alone();
    let probe = install(TEXT.at("demo::add3"), When::Return { max_active: Some(1) }, nothing());
    for i in 0..100 {
        // The task ends in the middle of the call, and the next one gets its stack.
        Hart::on_stack(TEXT.at("demo::add3"), i, 0x9990).enter();
    }
    assert_eq!(Hart::on_stack(TEXT.at("demo::add3"), 5, 0x9990).run(), 8);
    assert_eq!((probe.hits(), probe.missed()), (1, 0));
}

#[test]
fn a_hit_on_another_stack_of_the_same_task_leaves_calls_alone() {
    let _alone = TEXT.alone();
    let probe = install(TEXT.at("demo::add3"), ON_RETURN, nothing());
    let mut interrupted = Hart::on_stack(TEXT.at("demo::add3"), 5, 0x10_0000);
    interrupted.enter();
    for sp in [0x8_0000, 0x20_0000] {
        assert_eq!(Hart::on_stack(TEXT.at("demo::add3"), 6, sp).irqs_off().run(), 9);
    }
    assert_eq!(interrupted.run(), 8);
    assert_eq!((probe.hits(), probe.missed()), (3, 0));
}

fn refused(addr: u64, when: When) -> ProbeError {
    let error = Probe::install(addr, when, nothing()).expect_err("refused");
    assert!(TEXT.is_original() && points() == 0);
    let text = error.to_string();
    assert!(text.starts_with(|c: char| !c.is_uppercase()) && !text.ends_with('.'), "{text}");
    error
}

#[test]
fn what_cannot_be_probed_says_why() {
    let _alone = TEXT.alone();
    let why = |addr| match refused(addr, When::Before) {
        ProbeError::Instruction { addr: at, why, .. } if at == addr => why,
        other => panic!("{other:?}"),
    };
    let atomic = TEXT.insns("demo::atomic");
    for &at in &atomic[..3] {
        assert_eq!(why(at), Refusal::Exclusive, "lr, what follows, sc");
    }
    drop(install(atomic[3], When::Before, nothing()));
    let system = TEXT.insns("demo::system");
    for &at in &system[..4] {
        assert_eq!(why(at), Refusal::System);
    }
    assert_eq!(why(system[4]), Refusal::Breakpoint);
    drop(install(system[5], When::Before, nothing()));

    let add3 = TEXT.at("demo::add3");
    assert_eq!(refused(add3 + 2, When::Before), ProbeError::NotAnInstruction { addr: add3 + 2, begins: add3 });
    assert_eq!(refused(add3 + 1, When::Before), ProbeError::NotAnInstruction { addr: add3 + 1, begins: add3 });
    assert_eq!(refused(add3 + 4, ON_RETURN), ProbeError::NotAtEntry(add3 + 4));
    assert!(matches!(refused(TEXT.at("memcpy"), When::Before), ProbeError::Blacklisted { .. }));
    assert!(matches!(refused(TEXT.at("demo::padded") + 14, When::Before), ProbeError::Blacklisted { .. }));
    assert_eq!(refused(8, When::Before), ProbeError::NotCode(8));
    assert_eq!(refused(TEXT.base() + 4000, When::Before), ProbeError::NotCode(TEXT.base() + 4000));
    assert_eq!(refused(u64::MAX, When::Before), ProbeError::NotCode(u64::MAX));
}

#[test]
fn a_probe_on_the_instruction_before_does_not_hide_where_instructions_begin() {
    let _alone = TEXT.alone();
    let add3 = TEXT.at("demo::add3");
    let first = install(add3, When::Before, nothing());
    // With the two-byte breakpoint taken for the instruction, add3 + 2 would be one.
    assert!(matches!(Probe::install(add3 + 2, When::Before, nothing()), Err(ProbeError::NotAnInstruction { .. })));
    drop(install(add3 + 4, When::Before, nothing()));
    drop(first);
}

#[test]
fn names_resolve() {
    let _alone = TEXT.alone();
    let add3 = TEXT.at("demo::add3");
    assert_eq!(resolve("demo::add3"), Ok(add3));
    assert_eq!(resolve("demo::add3+0x4"), Ok(add3 + 4));
    assert_eq!(resolve("demo::add3+4"), Ok(add3 + 4));
    assert_eq!(resolve(&format!("{add3:#x}")), Ok(add3));
    assert_eq!(resolve("demo::add3+8"), Err(ProbeError::PastEnd { name: "demo::add3".into(), size: 8, offset: 8 }));
    assert_eq!(resolve("other::sum"), Err(ProbeError::NoSuchSymbol { name: "other::sum".into(), similar: Some("demo::sum".into()) }));
    assert_eq!(resolve("nothing"), Err(ProbeError::NoSuchSymbol { name: "nothing".into(), similar: None }));
    assert!(matches!(resolve("twin"), Err(ProbeError::Ambiguous { count: 2, .. })));
    for odd in ["", "+", "+0x", "0x", "0xg", "demo::add3+", "demo::add3+0x10000000000000000", "::"] {
        assert!(resolve(odd).is_err(), "{odd:?}");
    }
}

#[test]
fn breakpoints_of_others_are_theirs() {
    let _alone = TEXT.alone();
    let theirs = TEXT.insns("demo::system")[4];
    let mut frame = Frame { pc: theirs, ..Frame::default() };
    assert!(!on_break(&mut frame));
    assert_eq!(frame.pc, theirs);
    // Removed between the trap and the look: the instruction is executed again.
    let mut frame = Frame { pc: TEXT.at("demo::sum"), status: 1 << 5, ..Frame::default() };
    assert!(on_break(&mut frame));
    assert_eq!((frame.pc, frame.status), (TEXT.at("demo::sum"), 1 << 5));
    // In memory that is not there.
    assert!(!on_break(&mut Frame { pc: 16, ..Frame::default() }));
}

#[test]
fn a_cpu_that_does_not_answer_is_named_and_harms_nobody() {
    let _alone = TEXT.alone();
    let seen = Arc::new(Seen::default());
    let probe = install(TEXT.at("demo::add3"), When::Before, seen.clone());
    let (locked, done) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _irqs_off = axbpf_platform::IrqGuard::new();
            locked.store(true, SeqCst);
            while !done.load(SeqCst) {
                std::thread::yield_now();
            }
        });
        while !locked.load(SeqCst) {
            std::thread::yield_now();
        }
        let error = probe.remove().expect_err("a CPU has IRQs off");
        done.store(true, SeqCst);
        assert!(matches!(error, ProbeError::Stuck(_)), "{error}");
    });
    assert!(Arc::strong_count(&seen) > 1, "that CPU may be running the handler");
    assert!(TEXT.is_original());
    assert_eq!((call("demo::add3", 5), seen.take().len()), (8, 0));
    // The point is as good as a new one.
    let next = install(TEXT.at("demo::add3"), When::Before, nothing());
    assert_eq!((call("demo::add3", 5), next.hits()), (8, 1));
    next.remove().unwrap();
    assert_eq!(points(), 0);
    assert!(TEXT.is_original());
}

#[test]
fn a_handler_may_own_probes() {
    struct Owner(#[expect(dead_code, reason = "owned, to be dropped")] Probe);
    impl Handler for Owner {
        fn hit(&self, _: &mut Regs, _: &Hit) -> bool {
            false
        }
    }
    let _alone = TEXT.alone();
    let inner = install(TEXT.at("demo::odd"), When::Before, nothing());
    let outer = install(TEXT.at("demo::sum"), When::Before, Arc::new(Owner(inner)));
    call("demo::sum", 1);
    assert_eq!((outer.hits(), outer.missed()), (0, 1), "it says that it did nothing");
    outer.remove().unwrap();
    assert_eq!(points(), 0);
    assert!(TEXT.is_original());
}

#[test]
fn probes_come_and_go_under_load_and_no_call_is_lost() {
    let _alone = TEXT.alone();
    let before = install(TEXT.at("demo::add3"), When::Before, Arc::new(Nothing));
    let at_return = install(TEXT.at("demo::sum"), When::Return { max_active: Some(64) }, nothing());
    let (stop, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    assert_eq!(call("demo::outer", 2), 5);
                    assert_eq!(call("demo::sum", 3), 6);
                    calls.fetch_add(1, Relaxed);
                }
            });
        }
        // Points and their lists, entries, slots, instances: everything is used again and again.
        let places = ["demo::add3", "demo::sum", "demo::outer"].map(|name| TEXT.insns(name)).concat();
        for round in 0..100 {
            let when = |at| if at == TEXT.at("demo::add3") && round % 2 == 0 { ON_RETURN } else { When::Before };
            let probes: Vec<Probe> =
                places.iter().skip(round % 3).step_by(1 + round % 4).map(|&at| install(at, when(at), nothing())).collect();
            std::thread::yield_now();
            drop(probes);
        }
        stop.store(true, Relaxed);
    });
    let calls = calls.into_inner();
    assert!(calls > 100, "{calls}");
    assert_eq!((before.hits(), before.missed()), (calls, 0));
    assert_eq!((at_return.hits(), at_return.missed()), (calls, 0));
    drop((before, at_return));
    assert_eq!(points(), 0);
    assert!(TEXT.is_original());
}
