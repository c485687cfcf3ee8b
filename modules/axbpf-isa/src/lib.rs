//! Layer 0. The BPF instruction set of RFC 9669 as values: every other crate reads and writes instructions through this one.
//!
//! - [`RawInsn`]: one slot of 8 bytes as it stands in memory, fields apart, nothing judged.
//! - [`Insn`]: a decoded instruction. [`decode`] makes one from one or two slots and refuses what RFC 9669 does not define,
//!   reserved fields that are not zero included; [`Insn::encode`] is its inverse.
//! - [`asm`] and [`disasm`]: text in the notation of llvm-objdump and bpftool.
//!
//! Positions are slots ([`InsnIdx`]): a wide instruction (`lddw`) takes two.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod insn;
mod raw;

pub use insn::*;
pub use raw::*;
