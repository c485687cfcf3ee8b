//! Layer 0. The BPF instruction set of RFC 9669 as values: every other crate reads and writes instructions through this one.
//!
//! - [`RawInsn`]: one slot of 8 bytes as it stands in memory, fields apart, nothing judged.
//! - [`Insn`]: a decoded instruction. [`decode`] makes one from one or two slots and refuses what RFC 9669 does not define,
//!   reserved fields that are not zero included; [`Insn::encode`] is its inverse.
//! - [`FORMS`]: the table of all forms that an instruction can take, which the rest reads; [`opcode`] names the parts of the opcode byte.
//! - [`AluOp::eval`], [`JmpOp::eval`], [`ByteOrder::eval`]: what operations compute.
//! - [`asm`] and [`disasm`]: text in the notation of llvm-objdump and bpftool.
//!
//! Positions are slots ([`InsnIdx`]): a wide instruction (`lddw`) takes two.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod asm;
mod code;
pub mod disasm;
mod form;
mod insn;
pub mod opcode;
mod raw;
mod sem;
mod text;

pub use code::{DecodeCause, DecodeError, FieldName, decode, insns};
pub use form::{FORMS, Field, Form, Group};
pub use insn::*;
pub use raw::*;
