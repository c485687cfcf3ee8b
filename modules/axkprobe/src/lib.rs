//! Layer 2. kprobes and kretprobes for kernels in one address space.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod symbols;
