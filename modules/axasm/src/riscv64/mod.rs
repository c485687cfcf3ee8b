//! riscv64.
pub mod enc;
