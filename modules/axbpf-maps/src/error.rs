use axbpf_abi::{Errno, MapType};
use core::fmt;

/// Why a map was not made, or an operation not done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MapError {
    /// Maps of this type do not exist here.
    Type(MapType),
    /// A field of the specification that this type does not allow.
    Field {
        /// Its name in `bpf_attr`.
        field: &'static str,
        /// What was given.
        value: u64,
        /// What is right.
        wants: &'static str,
    },
    /// Larger than any map may be.
    TooLarge {
        /// The field that makes it so.
        field: &'static str,
        /// What was given.
        value: u64,
    },
    /// All maps together would need more memory than they may have.
    Limit {
        /// Bytes that this one needs.
        needs: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// The machine has no more memory.
    NoMemory {
        /// Bytes that were needed.
        needs: usize,
    },
    /// The map's type does not know this operation (Linux: -EINVAL).
    Operation,
    /// The map's type has no such command at all, or not with these flags (Linux: -ENOTSUPP).
    Unsupported,
    /// The same, where Linux says -EOPNOTSUPP.
    NotSupported,
    /// A key of another size.
    KeySize {
        /// The map's.
        is: usize,
        /// What was given.
        given: usize,
    },
    /// A value of another size; for maps with a value a CPU, the size of all of them.
    ValueSize {
        /// The map's.
        is: usize,
        /// What was given.
        given: usize,
    },
    /// Flags that this operation does not know.
    Flags(u64),
    /// The map cannot be put into another one, or not into this one.
    Inner(&'static str),
    /// A program array holds programs of one type, compiled or not.
    Kind,
    /// A map of maps needs one that the others are like.
    NoInner,
    /// No such key.
    NoSuchKey,
    /// The index lies past the array's end.
    Index,
    /// The key is there, and BPF_NOEXIST was asked for.
    Exists,
    /// The buffers are too small for what has to come out at once.
    NoRoom,
    /// All elements are in use.
    Full,
    /// The trie is full, or the ring buffer of a CPU's events.
    NoSpace,
    /// No address is left of a stack trace.
    NoTrace,
    /// The key's prefix is longer than the trie's keys are.
    Prefix,
    /// No element is ready to be used from here: the reserve of a map without preallocation is empty, or nothing can be evicted.
    Reserve,
    /// The ring buffer has no room for the record, which is lost and counted.
    Dropped,
    /// This CPU holds the lock already: the caller interrupted itself.
    Busy,
    /// A command is changing the map.
    Writing,
    /// The map is frozen, or was made read-only or write-only.
    Access,
}

impl MapError {
    /// The error number that Linux's commands and helpers answer.
    pub fn errno(self) -> Errno {
        match self {
            Self::Field { .. }
            | Self::Type(_)
            | Self::Flags(_)
            | Self::KeySize { .. }
            | Self::ValueSize { .. }
            | Self::Inner(_)
            | Self::Prefix
            | Self::Kind => Errno::EINVAL,
            Self::NoInner => Errno::EBADF,
            Self::TooLarge { .. } | Self::Full => Errno::E2BIG,
            Self::Limit { .. } | Self::NoMemory { .. } | Self::Reserve => Errno::ENOMEM,
            Self::NoTrace => Errno::EFAULT,
            Self::Unsupported => Errno::ENOTSUPP,
            Self::NotSupported => Errno::EOPNOTSUPP,
            Self::Operation => Errno::EINVAL,
            Self::NoSuchKey => Errno::ENOENT,
            Self::NoRoom | Self::NoSpace => Errno::ENOSPC,
            Self::Index => Errno::E2BIG,
            Self::Exists => Errno::EEXIST,
            Self::Busy | Self::Writing => Errno::EBUSY,
            Self::Dropped => Errno::EAGAIN,
            Self::Access => Errno::EPERM,
        }
    }
}

impl From<MapError> for Errno {
    fn from(error: MapError) -> Errno {
        error.errno()
    }
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(t) => write!(f, "maps of type {t} do not exist here"),
            Self::Field { field, value, wants } => write!(f, "{field} is {value}; this type wants {wants}"),
            Self::TooLarge { field, value } => write!(f, "{field} of {value} makes the map larger than any may be"),
            Self::Limit { needs, left } => {
                write!(f, "the map needs {needs} bytes, and {left} are left of the limit for maps; raise the limit")
            }
            Self::NoMemory { needs } => write!(f, "no memory for a map of {needs} bytes"),
            Self::Operation => f.write_str("maps of this type do not know this operation"),
            Self::Unsupported | Self::NotSupported => f.write_str("maps of this type do not support this command, or not with these flags"),
            Self::KeySize { is, given } => write!(f, "a key has {is} bytes, not {given}"),
            Self::ValueSize { is, given } => write!(f, "a value has {is} bytes, not {given}"),
            Self::Flags(flags) => write!(f, "flags {flags:#x} are unknown here"),
            Self::Inner(why) => write!(f, "this map cannot be an inner map: {why}"),
            Self::Kind => f.write_str("a program array holds programs of one type, and of the type of those that use it"),
            Self::NoInner => f.write_str("a map of maps is made with a map that its inner ones are like"),
            Self::NoSuchKey => f.write_str("no such key"),
            Self::Index => f.write_str("the index lies past the end of the array"),
            Self::Exists => f.write_str("the key exists already"),
            Self::NoRoom => f.write_str("the buffers are too small for the elements of one bucket"),
            Self::NoTrace => f.write_str("no address is left of the stack trace"),
            Self::Prefix => f.write_str("the prefix is longer than the keys are"),
            Self::Full | Self::NoSpace => f.write_str("the map is full; make max_entries larger"),
            Self::Reserve => f.write_str("no element is ready; programs take from a reserve that tasks fill"),
            Self::Dropped => f.write_str("no room for the record: it is lost; make the ring larger, or read it sooner"),
            Self::Busy => f.write_str("this CPU is changing a map already; try again"),
            Self::Writing => f.write_str("a command is changing the map; try again"),
            Self::Access => f.write_str("the map is frozen, or its flags forbid this access"),
        }
    }
}

impl core::error::Error for MapError {}
