//! What happens at a breakpoint. In trap context: IRQs off, on the interrupted stack, any lock held by the interrupted code.
use crate::arch::{BREAKPOINT, COPY, Frame, SLOT};
use crate::point::Point;
use crate::table::Table;
use crate::{Hit, returns};
use axbpf_platform::{PerCpu, fault, per_cpu};
use core::sync::atomic::{AtomicBool, Ordering::*, compiler_fence};

/// Addresses of probed instructions, and of slots.
pub(crate) static TABLE: Table = Table::new();

struct Cpu {
    /// Handlers are running: hits meanwhile only step, and count as missed.
    busy: AtomicBool,
}

static CPUS: PerCpu<Cpu> = per_cpu!(Cpu { busy: AtomicBool::new(false) });

/// Handles a breakpoint, if it is one of ours: `false` means that it is somebody else's. From the kernel's trap handler, IRQs off, with the
/// frame that the trap saved and returns to.
pub fn on_break(frame: &mut Frame) -> bool {
    let pc = frame.pc;
    if let Some(point) = TABLE.get(pc).filter(|point| point.addr == pc) {
        hit(point, frame);
        return true;
    }
    let slot = TABLE.get(pc & !(SLOT as u64 - 1));
    if let Some((point, irqs_on)) = slot.and_then(|point| Some((point, point.stepped(pc)?))) {
        frame.pc = point.addr + u64::from(point.insn.len);
        frame.unmask_irqs(irqs_on);
        return true;
    }
    // One that was removed after this CPU ran into it: the instruction is there again.
    let mut now = BREAKPOINT;
    fault::read(&mut now, pc as usize).is_ok() && now != BREAKPOINT
}

fn hit(point: &Point, frame: &mut Frame) {
    frame.regs.pc = point.addr;
    let ran = guarded(|| {
        let mut follow = false;
        let info = Hit { addr: point.addr, at_return: false };
        for probe in point.list() {
            if probe.at_return {
                follow = true;
            } else if probe.handler.hit(&mut frame.regs, &info) {
                probe.counts.hits.fetch_add(1, Relaxed);
            } else {
                probe.counts.missed.fetch_add(1, Relaxed);
            }
        }
        if follow && !returns::follow(point, &mut frame.regs) {
            missed(point, true);
        }
    });
    if ran.is_none() {
        missed(point, false);
    }
    frame.regs.pc = point.addr;
    if point.simulate(&mut frame.regs) {
        frame.pc = frame.regs.pc;
    } else if let Some(slot) = point.slot_addr() {
        frame.pc = if frame.mask_irqs() { slot + COPY as u64 } else { slot };
    }
}

/// Counts a hit that ran nothing.
fn missed(point: &Point, only_returns: bool) {
    for probe in point.list().iter().filter(|probe| probe.at_return || !only_returns) {
        probe.counts.missed.fetch_add(1, Relaxed);
    }
}

/// Runs handlers; `None` if this is inside of one. IRQs are off.
pub(crate) fn guarded<R>(f: impl FnOnce() -> R) -> Option<R> {
    let busy = &CPUS.this().busy;
    if busy.load(Relaxed) {
        return None;
    }
    busy.store(true, Relaxed);
    // Only this CPU looks at the flag, in traps: the order within the program is enough.
    compiler_fence(SeqCst);
    let result = f();
    compiler_fence(SeqCst);
    busy.store(false, Relaxed);
    Some(result)
}
