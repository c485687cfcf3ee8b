//! Every error of the commands, and Linux's number for each.
use axbpf_abi::Errno;
use axbpf_runtime::fds::FdError;
use core::fmt;

/// Why a command failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A descriptor.
    Fd(FdError),
    /// A map, or an operation on one.
    #[cfg(feature = "axbpf-maps")]
    Map(axbpf_runtime::maps::MapError),
    /// A program was not loaded.
    #[cfg(feature = "prog")]
    Load(axbpf_runtime::LoadError),
    /// A program was not run.
    #[cfg(feature = "prog")]
    Run(axbpf_runtime::RunError),
    /// A program was not attached.
    #[cfg(all(feature = "axkprobe", feature = "prog"))]
    Attach(axbpf_runtime::AttachError),
}

impl Error {
    /// The number that Linux answers.
    pub fn errno(&self) -> Errno {
        match self {
            Self::Fd(FdError::Closed(_)) => Errno::EBADF,
            // Linux: a descriptor of another kind is EINVAL.
            Self::Fd(FdError::Kind { .. }) => Errno::EINVAL,
            Self::Fd(FdError::TooMany) => Errno::EMFILE,
            #[cfg(feature = "axbpf-maps")]
            Self::Map(error) => error.errno(),
            #[cfg(feature = "prog")]
            Self::Load(error) => {
                use axbpf_runtime::LoadError::*;
                match error {
                    Length(_) => Errno::E2BIG,
                    Type(_) | Program(_) | ProgArray { .. } => Errno::EINVAL,
                    NoSuchMap { .. } => Errno::EBADF,
                    Rejected(_) => Errno::EACCES,
                    // As a verifier's fault is in Linux.
                    Facts(_) => Errno::EFAULT,
                    NoMemory => Errno::ENOMEM,
                    _ => Errno::ENOTSUPP,
                }
            }
            #[cfg(feature = "prog")]
            Self::Run(error) => error.errno(),
            #[cfg(all(feature = "axkprobe", feature = "prog"))]
            Self::Attach(error) => {
                use axbpf_runtime::AttachError;
                use axbpf_runtime::axkprobe::ProbeError;
                match error {
                    AttachError::Probe { error, .. } => match error {
                        ProbeError::NoSuchSymbol { .. } | ProbeError::Symbols(_) => Errno::ENOENT,
                        ProbeError::TableFull => Errno::ENOSPC,
                        ProbeError::NoMemory => Errno::ENOMEM,
                        ProbeError::Stuck(_) => Errno::ETIMEDOUT,
                        _ => Errno::EINVAL,
                    },
                    _ => Errno::EINVAL,
                }
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fd(error) => error.fmt(f),
            #[cfg(feature = "axbpf-maps")]
            Self::Map(error) => error.fmt(f),
            #[cfg(feature = "prog")]
            Self::Load(error) => error.fmt(f),
            #[cfg(feature = "prog")]
            Self::Run(error) => error.fmt(f),
            #[cfg(all(feature = "axkprobe", feature = "prog"))]
            Self::Attach(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

macro_rules! from {
    ($($(#[$cfg:meta])* $variant:ident($ty:ty);)*) => { $(
        $(#[$cfg])*
        impl From<$ty> for Error {
            fn from(error: $ty) -> Self {
                Self::$variant(error)
            }
        }
    )* };
}

from! {
    Fd(FdError);
    #[cfg(feature = "axbpf-maps")]
    Map(axbpf_runtime::maps::MapError);
    #[cfg(feature = "prog")]
    Load(axbpf_runtime::LoadError);
    #[cfg(feature = "prog")]
    Run(axbpf_runtime::RunError);
    #[cfg(all(feature = "axkprobe", feature = "prog"))]
    Attach(axbpf_runtime::AttachError);
}
