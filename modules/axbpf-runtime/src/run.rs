//! A run of a program: on the CPU's program stack, with what helpers ask of it.
#![allow(unsafe_code, reason = "a run trusts its context")]
use crate::Prog;
use axbpf_platform::{IrqGuard, PerCpu, per_cpu, stack};
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering::Relaxed};

/// What helpers want to know of the run that they are called in. One a CPU: runs do not nest.
pub(crate) struct Current {
    pub(crate) cookie: AtomicU64,
    pub(crate) func_ip: AtomicU64,
    /// The program that runs; null: none does.
    prog: AtomicPtr<Prog>,
}

static CURRENT: PerCpu<Current> =
    per_cpu!(Current { cookie: AtomicU64::new(0), func_ip: AtomicU64::new(0), prog: AtomicPtr::new(core::ptr::null_mut()) });

pub(crate) fn current() -> &'static Current {
    CURRENT.this()
}

/// The packet of the running program, from data to data_end. `None`: it has none.
///
/// # Safety
///
/// `ctx` is the address of the running program's context; what is answered is used during the helper's call alone.
#[cfg(feature = "axbpf-maps")]
pub(crate) unsafe fn packet<'a>(ctx: u64) -> Option<&'a [u8]> {
    // SAFETY: null, or the program that runs on this CPU, which `run` borrows meanwhile.
    let prog = unsafe { current().prog.load(Relaxed).as_ref() }.filter(|prog| prog.takes_packet())?;
    let layout = axbpf_abi::CtxLayout::of(prog.prog_type(), prog.expected_attach_type(), crate::prog::ARCH)?;
    let at = core::ptr::with_exposed_provenance::<[u64; 2]>(ctx as usize + layout.size as usize);
    // SAFETY: behind the struct of such a context are the packet's pointers (`packet.rs`).
    let [data, end] = unsafe { at.read() };
    let len = usize::try_from(end.checked_sub(data)?).ok()?;
    // SAFETY: the packet's page, which nobody else writes during the call.
    Some(unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(data as usize), len) })
}

/// Runs a callback that the running program has given to a helper, with R1 to R4 as given.
///
/// # Safety
///
/// In that helper's call: `func` is what the program gave for a callback, and `args` what its prototype says that one gets.
pub(crate) unsafe fn call_back(func: u64, [r1, r2, r3, r4]: [u64; 4]) -> u64 {
    // SAFETY: null, or the program that runs on this CPU, which `run` borrows meanwhile.
    let prog = unsafe { current().prog.load(Relaxed).as_ref() };
    // SAFETY: the caller's.
    prog.map_or(0, |prog| unsafe { prog.engine().call_back(func, [r1, r2, r3, r4, 0]) })
}

/// Where a run comes from.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Origin {
    /// For `bpf_get_attach_cookie`.
    pub(crate) cookie: u64,
    /// For `bpf_get_func_ip`.
    pub(crate) func_ip: u64,
}

/// Runs `prog`, `times` times in a row; the last result. `None`: this CPU is running a program already.
///
/// # Safety
///
/// `ctx` is a context of the program's type, valid for the whole run.
#[inline]
unsafe fn run(irqs_off: &IrqGuard, prog: &Prog, ctx: *mut u8, origin: Origin, times: u32) -> Option<u64> {
    stack::PROGRAMS.run(irqs_off, || {
        let current = current();
        current.cookie.store(origin.cookie, Relaxed);
        current.func_ip.store(origin.func_ip, Relaxed);
        current.prog.store(core::ptr::from_ref(prog).cast_mut(), Relaxed);
        let engine = prog.engine();
        // SAFETY: the caller's; verified programs leave a context valid.
        let result = (0..times).fold(0, |_, _| unsafe { engine.run(ctx) });
        current.prog.store(core::ptr::null_mut(), Relaxed);
        result
    })
}

/// Runs a kprobe program at a hit.
#[cfg(feature = "axkprobe")]
pub(crate) fn at_hit(irqs_off: &IrqGuard, prog: &Prog, regs: &mut axkprobe::Regs, origin: Origin) -> Option<u64> {
    debug_assert!(size_of::<axkprobe::Regs>() == crate::prog::ARCH.pt_regs_size() as usize);
    // SAFETY: links are made for kprobe programs alone, whose context is pt_regs.
    unsafe { run(irqs_off, prog, core::ptr::from_mut(regs).cast(), origin, 1) }
}

/// Runs a program several times with a context made of words, as large as the layout of its type says.
pub(crate) fn test(irqs_off: &IrqGuard, prog: &Prog, ctx: &mut [u64], times: u32) -> Option<u64> {
    // SAFETY: `Prog::test_run`, the only caller, makes them as large as the memory of the program's type. Where it has packet pointers,
    // they lead to a page that lives as long as the context does.
    unsafe { run(irqs_off, prog, ctx.as_mut_ptr().cast(), Origin::default(), times) }
}
