//! Layer 0. Machine code of the host ISAs as data: encoders for the JIT; for probes, decoders, the register file that a trap saves, and the
//! execution of single instructions on it. Every ISA is compiled on every host.
#![no_std]
#![forbid(unsafe_code)]

pub mod riscv64;
