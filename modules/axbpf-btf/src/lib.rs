//! Layer 0. BTF, the type information of BPF objects and kernels: parsed, checked and looked up in place.
//!
//! - [`Btf`]: a `.BTF` section. [`Btf::parse`] checks every type once; afterwards every [`Type`] is a view into the bytes, and no look-up fails
//!   on the form of the data.
//! - [`BtfExt`]: a `.BTF.ext` section: which function and source line an instruction belongs to, and what CO-RE has to patch.
//! - [`BtfError`]: the byte at fault and the cause.
//!
//! The formats are those of Linux's `Documentation/bpf/btf.rst`, `include/uapi/linux/btf.h` and, for `.BTF.ext`, libbpf's `libbpf_internal.h`.
//!
//! ```
//! use axbpf_btf::{Btf, BtfError, Kind, TypeDef};
//!
//! fn size_of_struct(section: &[u8], name: &str) -> Result<Option<u32>, BtfError> {
//!     let btf = Btf::parse(section)?;
//!     btf.find(name, Kind::Struct).map(|id| btf.size_of(id)).transpose()
//! }
//! assert!(size_of_struct(b"\x7fELF", "task_struct").is_err());
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod btf;
mod check;
mod error;
mod ext;
mod types;

pub use btf::*;
pub use error::*;
pub use ext::*;
pub use types::*;

/// Deepest chain of typedefs, modifiers, arrays and nested members that look-ups follow: MAX_RESOLVE_DEPTH of Linux's `kernel/bpf/btf.c`.
pub const MAX_DEPTH: usize = 32;

/// The four bytes at `at`, little endian.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}
