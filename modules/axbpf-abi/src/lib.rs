//! Layer 0. The words of bpf(2): what callers, programs and engines agree on, as plain values with Linux's numbers.
//!
//! - [`Cmd`], [`MapType`], [`ProgType`], [`AttachType`], [`flags`]: the enumerations of `include/uapi/linux/bpf.h`.
//! - [`attr`]: the layouts that `bpf_attr` has for each command, read from and written to bytes.
//! - [`HelperProto`]: a helper's prototype as data; [`helpers`] holds those of all helpers of Linux 6.12, [`kfuncs`] those of
//!   the kfuncs that exist here.
//! - [`takes_attach_type`], [`ret_range`]: which attach types programs load for, and what they may return.
//! - [`Facts`]: what the verifier learnt about a program and the engines build on.
//! - [`CtxLayout`]: which fields a program of some type may access through R1, and those of sockets.
//! - [`Errno`]: Linux's error numbers, which programs see as negative helper results and callers as results of `bpf()`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod attach;
pub mod attr;
mod ctx;
mod errno;
mod facts;
pub mod flags;
mod helper;
pub mod helpers;
pub mod kfuncs;
mod layouts;
mod types;

pub use attach::*;
pub use ctx::*;
pub use errno::*;
pub use facts::*;
pub use helper::*;
pub use types::*;

/// Longest name of a map or program with its NUL: BPF_OBJ_NAME_LEN.
pub const OBJ_NAME_LEN: usize = 16;
/// Stack of a program in bytes, over its whole call graph: MAX_BPF_STACK.
pub const MAX_STACK: u32 = 512;
/// Deepest call chain, the program itself included: MAX_CALL_FRAMES.
pub const MAX_CALL_FRAMES: usize = 8;
/// Most instructions that PROG_LOAD takes, and that the verifier walks: BPF_COMPLEXITY_LIMIT_INSNS.
pub const MAX_INSNS: usize = 1_000_000;
/// Length of a task's name with its NUL: TASK_COMM_LEN.
pub const TASK_COMM_LEN: usize = 16;
