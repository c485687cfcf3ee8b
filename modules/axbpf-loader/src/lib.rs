//! Layer 1. BPF objects: bytes become values, values become programs ready for the verifier.
//!
//! - [`ObjectSpec::parse`]: an ELF object that clang wrote against libbpf's headers, as maps, programs, global variables and BTF. It knows no
//!   machine: the same bytes give the same values everywhere.
//! - [`ObjectSpec::set_variable`]: the host's part before loading.
//! - [`ObjectSpec::link`]: one program with its subprograms, its maps as indices or, through a [`Resolver`], as descriptors.
//! - [`SectionDef`]: libbpf's section names.
//!
//! Broken input is a [`ParseError`] with section, byte and cause; a reference without an answer is a [`LinkError`] of the program that needs it.
//!
//! ```
//! use axbpf_loader::{ObjectSpec, ParseCause};
//!
//! let error = ObjectSpec::parse(b"#!/bin/sh").unwrap_err();
//! assert_eq!(error.cause, ParseCause::NotElf);
//! assert_eq!(error.to_string(), "file, byte 0x0: no ELF file; an object that clang -target bpf wrote is needed");
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod code;
mod data;
mod elf;
mod error;
mod legacy;
mod link;
mod map;
mod section;
mod spec;

pub use data::*;
pub use error::*;
pub use link::*;
pub use map::*;
pub use section::*;
pub use spec::*;
