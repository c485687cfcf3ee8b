//! riscv64.
pub mod enc;

mod decode;
mod regs;

pub use decode::{Cond, Insn, Op, Refusal, Step, decode, simulate};
pub use regs::Regs;
