//! Layer 0. Machine code of the host ISAs as data: encoders for the JIT, decoders for probes. Every ISA is compiled on every host.
#![no_std]
#![forbid(unsafe_code)]

pub mod riscv64;
