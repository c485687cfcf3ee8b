//! Layer 1. The verifier, first stage: walks every path of a linked program with what is known of registers and stack, and accepts it only if
//! each access is to memory that the program may use, each call keeps the helper's contract, and every path ends.
//!
//! Stage one knows constant offsets only: an access at a variable offset is refused. Loops are walked round by round, so their bound has to be
//! a constant. The messages are in the words that Linux's users know, with a hint behind a semicolon.
//!
//! - [`verify`] takes a [`Request`] and answers a [`Verdict`] with [`Facts`] for the engines, or why not ([`Rejected`]).
//! - `flow`: what hangs together before anything is walked. `value`, `stack`, `state`: what is known. `walk`: the paths. `memory`, `calls`,
//!   `branch`: what instructions need and do.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod branch;
mod calls;
mod flow;
mod memory;
mod reason;
mod stack;
mod state;
mod value;
mod walk;

use alloc::string::String;
use axbpf_abi::{CtxLayout, Facts, HelperProto, MapType, ProgType};
use axbpf_isa::{InsnIdx, RawInsn};
use core::fmt::Write;

pub use reason::{Reason, Rejected};

/// A map, as a program's instructions name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MapInfo {
    /// Tells it from the other maps of the program.
    pub id: u32,
    /// Its type.
    pub map_type: MapType,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// BPF_F_RDONLY_PROG and the like.
    pub flags: u32,
}

/// What the walk may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Instructions walked, over all paths.
    pub insns: usize,
    /// Bytes of states that are kept.
    pub memory: usize,
}

impl Default for Limits {
    /// Linux's million instructions; 16 MiB.
    fn default() -> Self {
        Limits { insns: axbpf_abi::MAX_INSNS, memory: 16 << 20 }
    }
}

/// A program to be verified, and what it may use.
pub struct Request<'a> {
    /// The instructions, with maps as the loader left them.
    pub slots: &'a [RawInsn],
    /// The program's type: which helpers it may call.
    pub prog_type: ProgType,
    /// What R1 points to.
    pub ctx: CtxLayout,
    /// Its license is compatible with the GPL.
    pub gpl: bool,
    /// All accesses have to be aligned (BPF_F_STRICT_ALIGNMENT).
    pub strict_alignment: bool,
    /// The map that the wide load at a slot names.
    pub map: &'a dyn Fn(InsnIdx) -> Option<MapInfo>,
    /// The helper with this id.
    pub helper: &'a dyn Fn(u32) -> Option<&'static HelperProto>,
    /// The source line of a slot, for messages.
    pub source: &'a dyn Fn(InsnIdx) -> Option<String>,
    /// What the log tells: BPF_LOG_*.
    pub log_level: u32,
    /// What the walk may cost.
    pub limits: Limits,
}

/// A program that may run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// What engines build on.
    pub facts: Facts,
    /// Instructions walked, over all paths.
    pub insns_processed: usize,
    /// States that were kept to compare with.
    pub states: usize,
}

/// Verifies a program; tells `log` as much as the log level asks for.
pub fn verify(request: &Request<'_>, log: &mut dyn Write) -> Result<Verdict, Rejected> {
    use axbpf_abi::flags::{BPF_LOG_LEVEL1, BPF_LOG_LEVEL2, BPF_LOG_STATS};
    let result = flow::Flow::of(request).and_then(|flow| walk::Walk::new(request, &flow, log).run());
    let level = request.log_level;
    if let Err(rejected) = &result
        && level & (BPF_LOG_LEVEL1 | BPF_LOG_LEVEL2) != 0
    {
        if let Some(line) = (request.source)(rejected.at) {
            let _ = writeln!(log, "; {line}");
        }
        let _ = writeln!(log, "{}", rejected.reason);
    }
    if let (Ok(verdict), true) = (&result, level & (BPF_LOG_LEVEL2 | BPF_LOG_STATS) != 0) {
        let (insns, limit) = (verdict.insns_processed, request.limits.insns);
        let _ = writeln!(log, "processed {insns} insns (limit {limit}) states {} stack depth {}", verdict.states, verdict.facts.max_stack);
    }
    result
}
