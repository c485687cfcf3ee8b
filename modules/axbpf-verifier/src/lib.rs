//! Layer 1. The verifier: walks every path of a linked program with what is known of registers and stack, and accepts it only if each access
//! is to memory that the program may use, each call keeps its callee's contract, everything acquired is given back, and every path ends.
//!
//! The rules and the words are those of Linux 6.12 for privileged programs. What is kept of a number is `scalar`; of a register, `value`;
//! of a path, `state`. Paths are walked one after another, depth first (`walk`); where they meet, a state that is covered by one walked
//! before (`equal`, `checkpoint`) is not walked again. Loops with a counter are walked for all rounds at once where that works
//! (`loops`).
//!
//! - [`verify`] takes a [`Request`] and answers a [`Verdict`] with [`Facts`] for the engines, or why not ([`Rejected`]).
//! - `flow`: what hangs together before anything is walked. `alu`, `branch`, `memory`, `stackmem`, `calls`, `helpers`, `args`, `resources`:
//!   what instructions need and do. `funcs`: what BTF says. `facts`: what engines get. `log`: what users read.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod alu;
mod args;
mod branch;
mod calls;
mod checkpoint;
#[cfg(test)]
mod domain_tests;
mod equal;
mod facts;
mod flow;
mod format;
mod funcs;
mod helpers;
mod legal;
mod log;
mod loops;
mod memory;
mod reason;
mod resources;
mod scalar;
mod stack;
mod stackmem;
mod state;
mod tnum;
mod value;
mod walk;

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use axbpf_abi::{CtxLayout, Facts, HelperProto, MapType, ProgType};
use axbpf_isa::{InsnIdx, RawInsn};
use core::fmt::Write;

pub use axbpf_abi::MapFields;
pub use funcs::{GlobalFunc, Param, map_fields};
pub use reason::{Reason, Rejected, Rule};

/// A map, as a program's instructions name it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MapInfo {
    /// Tells it from the other maps of the program.
    pub id: u32,
    /// Its name, for messages.
    pub name: String,
    /// Its type.
    pub map_type: MapType,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Most elements.
    pub max_entries: u32,
    /// BPF_F_RDONLY_PROG and the like.
    pub flags: u32,
    /// Fields of its values that only helpers reach.
    pub fields: MapFields,
    /// What its only value holds, if it never changes again (a frozen map of constants).
    pub contents: Option<Rc<[u8]>>,
    /// What a map of maps holds.
    pub inner: Option<Box<MapInfo>>,
}

impl MapInfo {
    /// A map without special fields, contents or inner maps.
    pub fn new(id: u32, map_type: MapType, key_size: u32, value_size: u32, max_entries: u32, flags: u32) -> MapInfo {
        MapInfo {
            id,
            name: String::new(),
            map_type,
            key_size,
            value_size,
            max_entries,
            flags,
            fields: MapFields::default(),
            contents: None,
            inner: None,
        }
    }
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
    /// What it will be attached to (BPF_TRACE_FENTRY and the like): what it may return.
    pub attach_type: u32,
    /// What R1 points to.
    pub ctx: CtxLayout,
    /// Its license is compatible with the GPL.
    pub gpl: bool,
    /// It may sleep (BPF_F_SLEEPABLE).
    pub sleepable: bool,
    /// All accesses have to be aligned (BPF_F_STRICT_ALIGNMENT).
    pub strict_alignment: bool,
    /// CPUs there may be.
    pub cpus: u32,
    /// The map that the wide load at a slot names.
    pub map: &'a dyn Fn(InsnIdx) -> Option<MapInfo>,
    /// The helper with this id.
    pub helper: &'a dyn Fn(u32) -> Option<&'static HelperProto>,
    /// The kernel function with this id, as the loader put it into the call.
    pub kfunc: &'a dyn Fn(u32) -> Option<&'static HelperProto>,
    /// The function that begins at a slot, if it is global.
    pub global: &'a dyn Fn(InsnIdx) -> Option<GlobalFunc>,
    /// The source line of a slot, for messages.
    pub source: &'a dyn Fn(InsnIdx) -> Option<String>,
    /// What the log tells: BPF_LOG_*.
    pub log_level: u32,
    /// What the walk may cost.
    pub limits: Limits,
}

impl<'a> Request<'a> {
    /// A program without maps, functions of the kernel, BTF or source, that may call the helpers of Linux and has a GPL-compatible license.
    pub fn new(slots: &'a [RawInsn], prog_type: ProgType, ctx: CtxLayout) -> Request<'a> {
        Request {
            slots,
            prog_type,
            attach_type: 0,
            ctx,
            gpl: true,
            sleepable: prog_type == ProgType::Syscall,
            strict_alignment: false,
            cpus: 8,
            map: &|_| None,
            helper: &axbpf_abi::helpers::by_id,
            kfunc: &axbpf_abi::kfuncs::by_id,
            global: &|_| None,
            source: &|_| None,
            log_level: 0,
            limits: Limits::default(),
        }
    }
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
        let _ = writeln!(log, "{}", rejected.reason.text);
        if !rejected.reason.hint.is_empty() {
            let _ = writeln!(log, "hint: {}", rejected.reason.hint);
        }
    }
    if let (Ok(verdict), true) = (&result, level & (BPF_LOG_LEVEL2 | BPF_LOG_STATS) != 0) {
        let (insns, limit) = (verdict.insns_processed, request.limits.insns);
        let _ = writeln!(log, "processed {insns} insns (limit {limit}) states {} stack depth {}", verdict.states, verdict.facts.max_stack);
    }
    result
}
