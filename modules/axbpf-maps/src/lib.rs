//! Layer 2. BPF maps: memory shared by programs, which may interrupt anything, and tasks.
//!
//! - [`MapSpec`], [`Map::new`]: arrays and hashes, each also with a value a CPU; ring buffers; program arrays.
//! - From tasks: [`Map::lookup`], [`update`](Map::update), [`delete`](Map::delete), [`next_key`](Map::next_key), as the commands of bpf(2).
//! - From programs: [`Map::lookup_ptr`] and its siblings, by address. They allocate nothing, and take a lock only to change a hash or to
//!   reserve a record; one that meets a lock of its own CPU's answers [`MapError::Busy`].
//! - [`Ringbuf`]: records from programs to a task, in order, with a reader that sleeps until there are some.
//!
//! What a program holds, the pointer to a value, stays memory of the map until the map goes; elements are allocated with the map and used
//! again at once, as Linux's preallocated ones.
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
