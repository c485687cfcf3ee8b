//! Layer 3. Maps, programs and links as objects with lifetimes: loaded, run, attached; the helpers that programs call; the events that come
//! out of them.
//!
//! - [`fds`]: descriptors for the command surface.
//! - [`Prog`]: a program: verified, compiled or predecoded, ready to run ([`Prog::load`], [`Prog::test_run`]).
//! - [`Link`]: a program attached to functions of the kernel.
//! - [`Object`]: what clang wrote, loaded whole: maps, programs, links ([`Object::load`]).
//! - [`RingBuf`]: the records of a ring buffer as a stream; [`TracePipe`]: what programs print.
//!
//! Features: `axbpf-maps`, `axbpf-loader`, `axbpf-jit`, `axkprobe`, each a component that an image may leave out. `prog` (programs and their
//! verifier) comes with the loader and the JIT; without the JIT programs are interpreted.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod fds;

#[cfg(feature = "axkprobe")]
pub use axkprobe;

#[cfg(feature = "axbpf-maps")]
mod events;
#[cfg(feature = "prog")]
#[allow(unsafe_code, reason = "arguments of helpers are addresses; the prototypes say of what")]
mod helpers;
#[cfg(all(feature = "prog", feature = "axbpf-maps"))]
mod inline;
#[cfg(all(feature = "prog", feature = "axkprobe"))]
mod link;
#[cfg(feature = "axbpf-loader")]
mod object;
#[cfg(feature = "prog")]
mod packet;
#[cfg(feature = "prog")]
mod prog;
#[cfg(feature = "prog")]
mod run;
#[cfg(feature = "axbpf-maps")]
mod short;
#[cfg(feature = "prog")]
mod task;
#[cfg(feature = "prog")]
mod test_run;
#[cfg(feature = "prog")]
mod trace;
#[cfg(feature = "prog")]
mod verify;

#[cfg(feature = "prog")]
pub use axbpf_isa::{InsnIdx, RawInsn};
#[cfg(feature = "axbpf-loader")]
pub use axbpf_loader as loader;
#[cfg(feature = "axbpf-maps")]
pub use axbpf_maps as maps;
#[cfg(feature = "axbpf-maps")]
pub use events::{NotRingBuf, PerfBuffer, PerfError, RingBuf, UserRingBuf};
#[cfg(all(feature = "prog", feature = "axkprobe"))]
pub use link::{AttachError, Link, Target, TargetStats};
#[cfg(feature = "axbpf-loader")]
pub use object::{Object, ObjectError, ObjectOptions, ObjectProgram};
#[cfg(feature = "prog")]
pub use packet::MAX_PACKET;
#[cfg(feature = "prog")]
pub use prog::{ARCH, LoadError, Prog, ProgSpec, last_map_index};
#[cfg(feature = "prog")]
pub use test_run::{MAX_CTX, RunError, TestRun, TestRunSpec};
#[cfg(feature = "prog")]
pub use trace::{TraceLine, TracePipe, trace_lost};
#[cfg(feature = "prog")]
pub use verify::{GlobalFunc, Reason, Rejected};
