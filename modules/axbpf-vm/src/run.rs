//! The trust boundary, and the only unsafe code here: accepted programs and the memory that they use directly.
#![expect(unsafe_code, reason = "programs access the machine's own memory; what makes that sound is stated at each step")]
use crate::interp::{Code, Machine, Memory, run, run_from};
use crate::program::Program;
use axbpf_abi::MAX_STACK;
use axbpf_isa::{AtomicOp, Size};
use core::cell::UnsafeCell;
use core::fmt;
use core::ptr::{with_exposed_provenance, with_exposed_provenance_mut};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A program that may run: every access it makes is to memory it may use, and it ends.
#[derive(Clone, Debug)]
pub struct Accepted(Program);

impl Accepted {
    /// # Safety
    ///
    /// The verifier accepted exactly these instructions, with exactly these facts, for the context that [`Engine::run`] will be given; and
    /// maps or other objects whose addresses were linked into them live at least as long as any engine made from this value.
    pub unsafe fn new(program: Program) -> Self {
        Accepted(program)
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.0
    }
}

/// A program ready to run. An engine can run on several CPUs at once, also nested.
pub trait Engine: Send + Sync {
    /// Runs the program with R1 = `args[0]` and R2 = `args[1]`; answers R0. Verified programs have one argument; the second is for
    /// conformance vectors, which get the length of their memory there.
    ///
    /// # Safety
    ///
    /// `args[0]` is the address of a context of the type that the program was accepted for, valid for the whole run. (A program that was
    /// never verified: whatever it does with these values is the caller's to answer for.)
    unsafe fn run_with(&self, args: [u64; 2]) -> u64;

    /// [`Self::run_with`] the context alone.
    ///
    /// # Safety
    ///
    /// As there.
    unsafe fn run(&self, ctx: *mut u8) -> u64 {
        // SAFETY: the caller's promise, passed on.
        unsafe { self.run_with([ctx.expose_provenance() as u64, 0]) }
    }

    /// Runs a subprogram that the program has given to a helper; answers R0.
    ///
    /// # Safety
    ///
    /// The program is running, and its helper was given `func` for a callback; `args`, R1 to R5, are what the verifier was told that such a
    /// callback gets.
    unsafe fn call_back(&self, func: u64, args: [u64; 5]) -> u64;

    /// The machine code; empty for an interpreter.
    fn machine_code(&self) -> &[u8] {
        &[]
    }
}

/// The engine that runs on any CPU: predecoded instructions, about a dozen host instructions each. Uses under 2 KiB of stack.
pub struct Interpreter(Code<Direct>);

/// The program needs more stack than the interpreter has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StackTooDeep {
    /// What it needs, in bytes.
    pub bytes: u32,
}

impl fmt::Display for StackTooDeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the call chain uses {} bytes of stack and programs have {MAX_STACK}; make frames smaller", self.bytes)
    }
}

impl core::error::Error for StackTooDeep {}

impl Interpreter {
    /// Makes an accepted program ready.
    pub fn new(accepted: Accepted) -> Result<Self, StackTooDeep> {
        let Accepted(program) = accepted;
        match program.facts().max_stack {
            0..=MAX_STACK => Ok(Interpreter(Code::new(&program))),
            bytes => Err(StackTooDeep { bytes }),
        }
    }
}

// Nearly all of a run's own stack: it has to leave room on the program stack for helpers.
const _: () = assert!(size_of::<Machine<'_, Direct>>() + MAX_STACK as usize <= 1536);

impl Engine for Interpreter {
    unsafe fn run_with(&self, args: [u64; 2]) -> u64 {
        // All frames together; reached only through the address in R10.
        let stack = UnsafeCell::new([0u64; MAX_STACK as usize / 8]);
        let fp = stack.get().expose_provenance() + MAX_STACK as usize;
        // An accepted program does not fault; one that does (its atomics misaligned, say) ends with 0.
        run(&self.0, Direct, args, fp as u64).unwrap_or(0)
    }

    unsafe fn call_back(&self, func: u64, args: [u64; 5]) -> u64 {
        // Of its own, and of those that it calls: as in `run_with`.
        let stack = UnsafeCell::new([0u64; MAX_STACK as usize / 8]);
        let fp = stack.get().expose_provenance() + MAX_STACK as usize;
        run_from(&self.0, Direct, func as usize, args, fp as u64).unwrap_or(0)
    }
}

impl fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interpreter")
    }
}

/// The machine's memory. Its methods are safe to call only because a value of this type exists nowhere but in the run of an
/// [`Accepted`] program: each address is one that the verifier proved good for that access.
struct Direct;

/// Reads are volatile: other CPUs and helpers may change memory at any time, as with map values.
macro_rules! read {
    ($ty:ty, $addr:expr) => {{
        let at = with_exposed_provenance::<$ty>($addr as usize);
        // SAFETY:
        // 1. The address is that of an access of an accepted program (see `Direct`), readable for the size of the type.
        // 2. Any bytes are a valid integer; misaligned reads go the other way.
        unsafe { if at.is_aligned() { at.read_volatile() } else { at.read_unaligned() } }
    }};
}

macro_rules! write {
    ($ty:ty, $addr:expr, $value:expr) => {{
        let at = with_exposed_provenance_mut::<$ty>($addr as usize);
        // SAFETY: as in `read`, writable.
        unsafe { if at.is_aligned() { at.write_volatile($value as $ty) } else { at.write_unaligned($value as $ty) } }
    }};
}

macro_rules! atomic {
    ($ty:ty, $atomic:ty, $op:expr, $addr:expr, $src:expr, $expected:expr) => {{
        let at = with_exposed_provenance_mut::<$ty>($addr as usize);
        if !at.is_aligned() {
            return None;
        }
        // SAFETY:
        // 1. As in `read`, writable; aligned, as just checked.
        // 2. Plain accesses by other CPUs race with this one only as the program's author wrote it; no Rust reference covers the place.
        let cell = unsafe { <$atomic>::from_ptr(at) };
        let (src, full) = ($src as $ty, Ordering::SeqCst);
        // As Linux: those that answer the old value order all other accesses, the others none.
        let order = if $op.fetches() { full } else { Ordering::Relaxed };
        u64::from(match $op {
            AtomicOp::Add { .. } => cell.fetch_add(src, order),
            AtomicOp::Or { .. } => cell.fetch_or(src, order),
            AtomicOp::And { .. } => cell.fetch_and(src, order),
            AtomicOp::Xor { .. } => cell.fetch_xor(src, order),
            AtomicOp::Xchg => cell.swap(src, full),
            AtomicOp::Cmpxchg => match cell.compare_exchange($expected as $ty, src, full, full) {
                Ok(old) | Err(old) => old,
            },
        })
    }};
}

impl Memory for Direct {
    #[inline(always)]
    fn load(&self, size: Size, addr: u64) -> Option<u64> {
        Some(match size {
            Size::B => read!(u8, addr).into(),
            Size::H => read!(u16, addr).into(),
            Size::W => read!(u32, addr).into(),
            Size::Dw => read!(u64, addr),
        })
    }

    #[inline(always)]
    fn store(&mut self, size: Size, addr: u64, value: u64) -> Option<()> {
        match size {
            Size::B => write!(u8, addr, value),
            Size::H => write!(u16, addr, value),
            Size::W => write!(u32, addr, value),
            Size::Dw => write!(u64, addr, value),
        }
        Some(())
    }

    #[inline(always)]
    fn atomic(&mut self, op: AtomicOp, size: Size, addr: u64, src: u64, expected: u64) -> Option<u64> {
        Some(match size {
            Size::Dw => atomic!(u64, AtomicU64, op, addr, src, expected),
            _ => atomic!(u32, AtomicU32, op, addr, src, expected),
        })
    }

    #[inline(always)]
    fn tick(&mut self) -> bool {
        true
    }
}
