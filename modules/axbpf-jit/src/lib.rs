//! Layer 2. BPF to machine code.
//!
//! [`compile`] turns an accepted program into an [`Image`]: bytes and nothing else, on any host and for any [`Target`]. A [`Jit`] is an image
//! in executable memory, and an [`Engine`](axbpf_vm::Engine).
//!
//! ```
//! use axbpf_jit::{Target, compile};
//! use axbpf_vm::{Accepted, Program};
//! # use axbpf_abi::{Facts, Subprog};
//!
//! let slots = axbpf_isa::asm::assemble("r0 = 42\nexit").unwrap();
//! # let facts = Facts { subprogs: vec![Subprog { start: 0, end: 2, stack: 0, ..Subprog::default() }], ..Facts::default() };
//! let program = Program::new(slots, facts, &|_id| None).unwrap();
//! // SAFETY: these two instructions touch no memory.
//! let accepted = unsafe { Accepted::new(program) };
//! let image = compile(&accepted, Target::named("riscv64").unwrap()).unwrap();
//! assert_eq!(image.code.len(), 8); // li a5, 42; mv a0, a5; ret
//! ```
//!
//! Back-ends are features, all of them buildable on every host: `riscv64` (default).
#![no_std]
#![deny(unsafe_code)]

#[cfg(not(feature = "riscv64"))]
compile_error!("axbpf-jit needs the feature of at least one back-end: riscv64");

extern crate alloc;

mod flow;
mod image;
#[cfg(feature = "riscv64")]
pub mod riscv64;
mod run;

use axbpf_isa::InsnIdx;
use axbpf_vm::Accepted;
use core::fmt;

pub use image::Image;
pub use run::Jit;

/// The machine that code is made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Target {
    /// riscv64 with these features.
    #[cfg(feature = "riscv64")]
    Riscv64(riscv64::Features),
}

impl Target {
    /// The target of this name (`riscv64`) with the features that all machines have which run ArceOS. `None`: no such back-end here.
    pub fn named(name: &str) -> Option<Target> {
        match name {
            #[cfg(feature = "riscv64")]
            "riscv64" => Some(Target::Riscv64(riscv64::Features::GC)),
            _ => None,
        }
    }
}

/// Why a program was not compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JitError {
    /// The instruction; the program's first one for what concerns all of it.
    pub at: InsnIdx,
    /// Why.
    pub cause: JitCause,
}

/// See [`JitError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JitCause {
    /// An instruction that linking should have replaced.
    Unsupported,
    /// R10 is read-only.
    WritesFramePointer,
    /// Code of more than 2 GiB.
    TooLarge,
}

impl fmt::Display for JitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "insn {}: ", self.at)?;
        match self.cause {
            JitCause::Unsupported => {
                f.write_str("the compiler has no code for this instruction; link it into one that it has, or interpret")
            }
            JitCause::WritesFramePointer => f.write_str("R10 is read-only; copy it to another register"),
            JitCause::TooLarge => f.write_str("the code would be larger than 2 GiB; split the program"),
        }
    }
}

impl core::error::Error for JitError {}

/// Machine code for an accepted program.
pub fn compile(accepted: &Accepted, target: Target) -> Result<Image, JitError> {
    match target {
        #[cfg(feature = "riscv64")]
        Target::Riscv64(features) => riscv64::compile(accepted, features),
    }
}
