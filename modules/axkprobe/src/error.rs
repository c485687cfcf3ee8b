//! Why a probe cannot be.
use crate::arch::Refusal;
use crate::symbols::SymbolsError;
use alloc::string::String;
use axbpf_platform::Stuck;
use core::fmt;

/// Why a probe could not be installed or removed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ProbeError {
    /// [`init`](crate::init) was not called.
    NotInitialised,
    /// There are no symbols to find functions by.
    Symbols(SymbolsError),
    /// No function of this name.
    NoSuchSymbol {
        /// What was asked for.
        name: String,
        /// One that may have been meant.
        similar: Option<String>,
    },
    /// Several functions have this name.
    Ambiguous {
        /// The name.
        name: String,
        /// How many have it.
        count: usize,
        /// Where the first one is.
        first: u64,
    },
    /// The offset lies past the function's end.
    PastEnd {
        /// The function.
        name: String,
        /// Its size in bytes.
        size: u64,
        /// What was asked for.
        offset: u64,
    },
    /// Not an address of the kernel's code.
    NotCode(u64),
    /// In the middle of an instruction.
    NotAnInstruction {
        /// What was asked for.
        addr: u64,
        /// Where the instruction begins.
        begins: u64,
    },
    /// The instruction cannot be probed.
    Instruction {
        /// Its address.
        addr: u64,
        /// The function that it is in.
        name: String,
        /// Why.
        why: Refusal,
    },
    /// A breakpoint there would be hit while another one is handled.
    Blacklisted {
        /// The address.
        addr: u64,
        /// The function that it is in.
        name: String,
    },
    /// A return probe in the middle of a function.
    NotAtEntry(u64),
    /// All places for probe points are taken.
    TableFull,
    /// No memory for a slot.
    NoMemory,
    /// The kernel's code could not be written.
    Write(u64),
    /// A CPU did not answer, so what it may still use was kept.
    Stuck(Stuck),
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInitialised => f.write_str("axkprobe is not initialised; call init first"),
            Self::Symbols(error) => error.fmt(f),
            Self::NoSuchSymbol { name, similar: None } => {
                write!(f, "no function is called `{name}`; it may have been inlined, or not be part of this image")
            }
            Self::NoSuchSymbol { name, similar: Some(similar) } => write!(f, "no function is called `{name}`; there is `{similar}`"),
            Self::Ambiguous { name, count, first } => {
                write!(f, "{count} functions are called `{name}`; name the one you mean by its address, the first is at {first:#x}")
            }
            Self::PastEnd { name, size, offset } => write!(f, "`{name}` has {size} bytes, so there is no instruction at +{offset:#x}"),
            Self::NotCode(addr) => write!(f, "{addr:#x} is no address of the kernel's code"),
            Self::NotAnInstruction { addr, begins } => write!(f, "{addr:#x} is in the middle of the instruction at {begins:#x}"),
            Self::Instruction { addr, name, why } => write!(f, "the instruction at {addr:#x} in `{name}` cannot be probed: it is {why}"),
            Self::Blacklisted { addr, name } => {
                write!(f, "`{name}` at {addr:#x} cannot be probed: it runs while a breakpoint is handled, so its own would never end")
            }
            Self::NotAtEntry(addr) => write!(f, "{addr:#x} is not the first instruction of a function; return probes go there"),
            Self::TableFull => f.write_str("there are too many probe points; remove some"),
            Self::NoMemory => f.write_str("no memory for the probe's code"),
            Self::Write(addr) => write!(f, "the code at {addr:#x} cannot be written"),
            Self::Stuck(stuck) => stuck.fmt(f),
        }
    }
}

impl core::error::Error for ProbeError {}

impl From<SymbolsError> for ProbeError {
    fn from(error: SymbolsError) -> Self {
        Self::Symbols(error)
    }
}

impl From<Stuck> for ProbeError {
    fn from(stuck: Stuck) -> Self {
        Self::Stuck(stuck)
    }
}
