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
