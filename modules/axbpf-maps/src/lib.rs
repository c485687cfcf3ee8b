//! Layer 2. BPF maps: memory shared by programs, which may interrupt anything, and tasks.
//!
//! - [`MapSpec`], [`Map::new`]: a map of any type that means something without Linux: see `docs/maps.md`.
//! - From tasks: [`Map::lookup`], [`update`](Map::update), [`delete`](Map::delete), [`next_key`](Map::next_key), batches
//!   ([`lookup_batch`](Map::lookup_batch)), as the commands of bpf(2); [`Map::iter`], [`Map::mmap`].
//! - From programs: [`Map::lookup_ptr`] and its siblings, by address. They allocate nothing. Lookups take no lock; what changes a map takes one
//!   of a bucket or of a small map, and who meets a lock of its own CPU's is answered [`MapError::Busy`].
//! - For code that compiles lookups in: [`Map::quick_lookup`] and [`Lookup`]: base address and stride of arrays, quick ways for keys of a word.
//! - [`Ringbuf`]: records from programs to a task, in order, with a reader that sleeps until there are some. [`UserRing`]: the other way.
//!
//! What a program holds, the pointer to a value, stays memory of the map until the map goes; elements are used again at once, as Linux's
//! preallocated ones. All memory counts against [`memory_limit`].
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod array;
mod batch;
mod bloom;
mod bytes;
mod error;
mod fast;
mod hash;
mod lock;
mod lpm;
mod lru;
mod map;
mod memory;
#[cfg(all(test, loom))]
mod models;
mod objects;
mod ops;
mod program;
mod queue;
mod ringbuf;
mod spec;
mod stacktrace;
mod storage;
mod store;
mod sync;
mod value;
mod words;

pub use batch::Batch;
pub use error::MapError;
pub use fast::Lookup;
pub use map::{Map, Shared};
pub use memory::{memory_limit, memory_used, set_memory_limit};
pub use objects::Object;
pub use ringbuf::{Query, Ringbuf, UserRing};
pub use spec::MapSpec;
