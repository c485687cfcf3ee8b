//! Layer 2. kprobes and kretprobes for kernels in one address space. Knows nothing of BPF: a probe calls a [`Handler`].
//!
//! - [`init`] with what the kernel tells about itself, then [`resolve`] a name and [`Probe::install`].
//! - The kernel's trap handler gives every breakpoint to [`on_break`].
//! - [`symbols`](mod@symbols): the kernel's functions by name and address.
//!
//! A hit: the trap handler finds the point without a lock; the handlers run, before the instruction, with the registers as Linux lays them
//! out; then the instruction is executed out of line with IRQs masked, or computed. A hit inside a handler runs nothing and counts as missed.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod arch;
mod blacklist;
mod error;
mod hit;
mod install;
mod point;
mod returns;
pub mod symbols;
mod table;

pub use arch::{Frame, Refusal, Regs};
pub use error::ProbeError;
pub use hit::on_break;
pub use install::{Config, Probe, When, init, orphans, points, resolve, symbols};
#[doc(hidden)]
pub use returns::on_return;

/// What a probe calls. In trap context: IRQs off, any lock held by the interrupted code, so no allocation, no lock, no output.
pub trait Handler: Send + Sync {
    /// The probe was hit. `false`: nothing was done, count it as missed.
    fn hit(&self, regs: &mut Regs, hit: &Hit) -> bool;
}

/// What a handler may want to know besides the registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hit {
    /// Address of the probe; for a return, of the function that returns.
    pub addr: u64,
    /// The function returns: `regs.pc` is where to.
    pub at_return: bool,
}
