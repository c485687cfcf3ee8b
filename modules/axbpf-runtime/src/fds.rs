//! Descriptors: small numbers for maps, programs and links, as bpf(2) hands them out. There is one process, so one table. An object lives as
//! long as a descriptor or another object refers to it.
#[cfg(feature = "axbpf-maps")]
use crate::short;
#[cfg(feature = "axbpf-maps")]
pub use crate::short::short_map;
use alloc::vec::Vec;
use core::fmt;
use spin::Mutex;

/// 0, 1 and 2 are what they are in every process.
const FIRST: u32 = 3;
/// Most descriptors open at once.
pub const MAX_FDS: usize = 4096;

/// What a descriptor can stand for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Object {
    /// A map.
    #[cfg(feature = "axbpf-maps")]
    Map(alloc::sync::Arc<axbpf_maps::Map>),
    /// A program.
    #[cfg(feature = "prog")]
    Prog(alloc::sync::Arc<crate::Prog>),
    /// A link: a program attached somewhere.
    #[cfg(all(feature = "prog", feature = "axkprobe"))]
    Link(alloc::sync::Arc<crate::Link>),
}

/// Why a descriptor could not be used or made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FdError {
    /// It is not open.
    Closed(u32),
    /// It is open, but stands for another kind of object.
    Kind {
        /// The descriptor.
        fd: u32,
        /// What it stands for.
        is: &'static str,
        /// What is wanted.
        wanted: &'static str,
    },
    /// All are in use.
    TooMany,
}

impl fmt::Display for FdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(fd) => write!(f, "descriptor {fd} is not open"),
            Self::Kind { fd, is, wanted } => write!(f, "descriptor {fd} is a {is}, not a {wanted}"),
            Self::TooMany => write!(f, "{MAX_FDS} descriptors are open; close some"),
        }
    }
}

impl core::error::Error for FdError {}

/// By descriptor, less [`FIRST`].
static TABLE: Mutex<Vec<Option<Object>>> = Mutex::new(Vec::new());

#[inline(always)]
pub(crate) fn place(fd: u32) -> usize {
    fd.wrapping_sub(FIRST) as usize
}

#[cfg(any(feature = "axbpf-maps", feature = "prog"))]
impl Object {
    fn kind(&self) -> &'static str {
        match *self {
            #[cfg(feature = "axbpf-maps")]
            Self::Map(_) => "map",
            #[cfg(feature = "prog")]
            Self::Prog(_) => "program",
            #[cfg(all(feature = "prog", feature = "axkprobe"))]
            Self::Link(_) => "link",
        }
    }
}

/// Gives an object the lowest free descriptor.
#[allow(irrefutable_let_patterns, reason = "with few features there is but one kind")]
pub fn install(object: Object) -> Result<u32, FdError> {
    #[cfg(feature = "axbpf-maps")]
    if let Object::Map(map) = &object {
        map.hold();
    }
    let mut table = TABLE.lock();
    let free = table.iter().position(Option::is_none).unwrap_or(table.len());
    if free >= MAX_FDS {
        drop(table);
        #[cfg(feature = "axbpf-maps")]
        if let Object::Map(map) = &object {
            map.release();
        }
        return Err(FdError::TooMany);
    }
    if free == table.len() {
        table.push(None);
    }
    #[cfg(feature = "axbpf-maps")]
    if let Object::Map(map) = &object {
        short::enter(free, map);
    }
    table[free] = Some(object);
    Ok(FIRST + free as u32)
}

/// What a descriptor stands for.
pub fn get(fd: u32) -> Result<Object, FdError> {
    TABLE.lock().get(place(fd)).cloned().flatten().ok_or(FdError::Closed(fd))
}

/// Closes a descriptor. If nothing else refers to the object, it ends here: a link is detached, a map freed.
pub fn close(fd: u32) -> Result<(), FdError> {
    // Dropped after the lock is: ending a link takes a grace period.
    let (object, seen) = {
        let mut table = TABLE.lock();
        (table.get_mut(place(fd)).and_then(Option::take), left(place(fd)))
    };
    #[cfg(feature = "axbpf-maps")]
    if let Some(Object::Map(map)) = &object {
        map.release();
    }
    // A CPU that does not answer may still be in a section that sees it.
    if seen && axbpf_platform::quiesce().is_err() {
        axbpf_platform::defer(alloc::boxed::Box::new(object));
        return Ok(());
    }
    object.map(drop).ok_or(FdError::Closed(fd))
}

/// Whether sections may still see what stood at this place of the table, which is locked.
fn left(place: usize) -> bool {
    #[cfg(feature = "axbpf-maps")]
    return short::leave(place);
    #[cfg(not(feature = "axbpf-maps"))]
    return place == usize::MAX;
}

/// How many are open.
pub fn open_fds() -> usize {
    TABLE.lock().iter().flatten().count()
}

/// The object of one kind.
#[cfg(any(feature = "axbpf-maps", feature = "prog"))]
macro_rules! getter {
    ($(#[$doc:meta])* $name:ident, $kind:ident, $ty:ty, $wanted:literal) => {
        $(#[$doc])*
        pub fn $name(fd: u32) -> Result<alloc::sync::Arc<$ty>, FdError> {
            match TABLE.lock().get(place(fd)) {
                Some(Some(Object::$kind(object))) => Ok(alloc::sync::Arc::clone(object)),
                #[allow(unreachable_patterns, reason = "with few features there is but one kind")]
                Some(Some(other)) => Err(FdError::Kind { fd, is: other.kind(), wanted: $wanted }),
                _ => Err(FdError::Closed(fd)),
            }
        }
    };
}

#[cfg(feature = "axbpf-maps")]
getter!(
    /// The map that a descriptor stands for.
    map, Map, axbpf_maps::Map, "map"
);
#[cfg(feature = "prog")]
getter!(
    /// The program that a descriptor stands for.
    prog, Prog, crate::Prog, "program"
);
#[cfg(all(feature = "prog", feature = "axkprobe"))]
getter!(
    /// The link that a descriptor stands for.
    link, Link, crate::Link, "link"
);
