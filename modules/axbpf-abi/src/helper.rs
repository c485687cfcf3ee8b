//! Helper prototypes as data: the verifier checks calls against them.
use crate::{MapType, ProgType};

/// What an argument of a helper has to be (Linux: `enum bpf_arg_type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arg {
    /// Any initialised value.
    Anything,
    /// The program's context.
    Ctx,
    /// A map of one of these types, known at load; it decides the sizes of [`Arg::MapKey`] and [`Arg::MapValue`].
    MapPtr(&'static [MapType]),
    /// Readable memory of the map's key size.
    MapKey,
    /// Readable memory of the map's value size.
    MapValue,
    /// Memory; its size in bytes is the next argument, an [`Arg::Size`].
    Mem {
        /// What the helper does with it.
        access: Access,
        /// May be null if the size is 0.
        nullable: bool,
    },
    /// Size in bytes of the memory in the argument before; at least 1 unless `zero`.
    Size {
        /// May be 0.
        zero: bool,
    },
    /// Constant size in bytes of the memory that the call returns.
    AllocSize,
    /// A ring buffer record that the program holds; it is given back by the call.
    RingbufRecord,
    /// Any number whatever, or a pointer that is only taken as a number: an address that the helper reads with fault recovery.
    UnsafeAddr,
}

/// What a helper does with memory it is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Only reads: the program must have initialised it.
    Read,
    /// Fills it: it may be uninitialised before and is initialised after.
    Write,
}

/// What a helper returns in R0 (Linux: `enum bpf_return_type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ret {
    /// A number.
    Integer,
    /// Nothing: R0 is not readable afterwards.
    Void,
    /// Pointer to the value of the map in the first argument, or null.
    MapValueOrNull,
    /// A ring buffer record of the size in [`Arg::AllocSize`], or null; has to be submitted or discarded on every path.
    RingbufRecordOrNull,
}

/// A helper's contract. Its id is its number in `include/uapi/linux/bpf.h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HelperProto {
    /// `call` immediate.
    pub id: u32,
    /// With its prefix `bpf_`.
    pub name: &'static str,
    /// R1 upwards, at most five.
    pub args: &'static [Arg],
    /// R0.
    pub ret: Ret,
    /// Callable only by programs with a GPL-compatible license.
    pub gpl_only: bool,
    /// Program types that may call it.
    pub progs: Progs,
}

/// Sets of program types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progs {
    /// Every type.
    All,
    /// Those that observe the kernel: kprobe, tracepoint, raw tracepoint, tracing, perf_event, and syscall.
    Tracing,
    /// Only these.
    Only(&'static [ProgType]),
}

impl Progs {
    /// Whether the type is in the set.
    pub fn contains(self, t: ProgType) -> bool {
        use ProgType::*;
        match self {
            Progs::All => true,
            Progs::Tracing => {
                matches!(t, Kprobe | Tracepoint | RawTracepoint | RawTracepointWritable | Tracing | PerfEvent | Syscall | Lsm)
            }
            Progs::Only(types) => types.contains(&t),
        }
    }
}

/// Whether programs of this license may call helpers that are GPL-only (Linux: `license_is_gpl_compatible`).
pub fn is_gpl_compatible(license: &str) -> bool {
    matches!(license, "GPL" | "GPL v2" | "GPL and additional rights" | "Dual BSD/GPL" | "Dual MIT/GPL" | "Dual MPL/GPL")
}
