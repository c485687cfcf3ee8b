//! Layer 1. What it means to run a BPF program, and the interpreter that every other engine is compared with.
//!
//! - [`Program`]: linked instructions that hang together (decodable, jumps to instructions, helpers known); anyone may make one.
//! - [`Accepted`]: a program that a verifier accepted. Its one constructor is `unsafe`: that line is the trust boundary.
//! - [`Engine`]: a program ready to run, interpreted or compiled; whoever calls it does not tell them apart.
//! - [`Interpreter`]: the engine that runs predecoded instructions with the memory of the machine itself.
//!
//! ```
//! use axbpf_abi::{Facts, Subprog};
//! use axbpf_vm::{Accepted, Engine, Interpreter, Program};
//!
//! let slots = axbpf_isa::asm::assemble("r0 = 40\nr0 += 2\nexit").unwrap();
//! let facts = Facts { subprogs: vec![Subprog { start: 0, end: 3, stack: 0, ..Subprog::default() }], ..Facts::default() };
//! let program = Program::new(slots, facts, &|_id| None).unwrap();
//! // SAFETY: these three instructions touch no memory.
//! let engine = Interpreter::new(unsafe { Accepted::new(program) }).unwrap();
//! // SAFETY: the program reads no context.
//! assert_eq!(unsafe { engine.run(core::ptr::null_mut()) }, 42);
//! ```
//!
//! Features: `unchecked` adds `run_checked` (memory checked access by access, instructions counted) and `Program::unchecked`, for the
//! host command and tests.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;

#[cfg(feature = "unchecked")]
mod checked;
mod interp;
mod program;
mod run;

#[cfg(feature = "unchecked")]
pub use checked::run_checked;
pub use interp::{Fault, FaultCause};
pub use program::{Program, Refused, RefusedCause};
pub use run::{Accepted, Engine, Interpreter, StackTooDeep};

/// A helper: up to five arguments in R1 to R5, the result in R0. The C calling convention lets compiled programs call it directly.
pub type HelperFn = extern "C" fn(u64, u64, u64, u64, u64) -> u64;

/// How often the `may_goto` instructions of a frame fall through, all together, before they jump: Linux's BPF_MAX_LOOPS.
pub const MAX_LOOPS: u32 = 8 << 20;
