//! What a hit must not do: allocate, or use much of a stack that may be a few KiB.
#![cfg(not(target_arch = "riscv64"))]
#[allow(dead_code, reason = "shared by two tests")]
mod hart;

use axkprobe::{Handler, Hit, Probe, Regs, When};
use hart::{Hart, Nothing, TEXT};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::*};

struct Counting;

std::thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: the system's allocator, counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as our caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as our caller promises.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_hit_neither_allocates_nor_frees() {
    let _alone = TEXT.alone();
    let at_return = When::Return { max_active: None };
    let places = [(TEXT.at("demo::add3"), When::Before), (TEXT.at("demo::add3"), at_return), (TEXT.at("demo::padded"), When::Before)];
    let probes = places.map(|(at, when)| Probe::install(at, when, Arc::new(Nothing)).unwrap());
    let breakpoint = TEXT.insns("demo::add3")[0];
    // The frames of traps alone: this hart's own fetches allocate.
    let (mut entered, mut left, mut padded) = (Hart::new(breakpoint, 5), Hart::new(breakpoint, 5), Hart::new(TEXT.at("demo::padded"), 0));
    left.enter();
    let before = ALLOCATIONS.get();
    assert!(axkprobe::on_break(&mut entered.frame) && axkprobe::on_break(&mut padded.frame));
    axkprobe::on_return(&mut left.frame.regs);
    assert_eq!(ALLOCATIONS.get(), before);
    assert!(probes.iter().all(|probe| probe.hits() > 0));
}

static DEPTH: AtomicUsize = AtomicUsize::new(0);

/// About where the stack is.
#[inline(never)]
fn here() -> usize {
    let place = 0u8;
    black_box(&raw const place).addr()
}

#[test]
fn the_way_to_a_handler_is_short() {
    struct Depth;
    impl Handler for Depth {
        fn hit(&self, _: &mut Regs, _: &Hit) -> bool {
            DEPTH.store(here(), Relaxed);
            true
        }
    }
    let _alone = TEXT.alone();
    for when in [When::Before, When::Return { max_active: None }] {
        let probe = Probe::install(TEXT.at("demo::add3"), when, Arc::new(Depth)).unwrap();
        let mut hart = Hart::new(TEXT.at("demo::add3"), 5);
        let used = if when == When::Before {
            let start = here();
            axkprobe::on_break(&mut hart.frame);
            start - DEPTH.load(Relaxed)
        } else {
            hart.enter();
            let start = here();
            axkprobe::on_return(&mut hart.frame.regs);
            start - DEPTH.load(Relaxed)
        };
        // Of the 1 KiB that there is, the trap's own frame takes 300.
        assert!(used <= 640, "{used} bytes");
        drop(probe);
    }
}
