//! Code memory. A program's code is written while nobody can execute it ([`Draft`]) and executed while nobody can write it ([`Sealed`]).
//! Many share a page: writes go through another, temporary mapping of it, so a page is executable from its first use on.
use crate::{PAGE_SIZE, exec_alloc, exec_free, exec_write};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::*};
use spin::Mutex;

/// Bytes to write at an address of executable memory.
#[derive(Clone, Copy, Debug)]
pub struct Patch<'a> {
    /// Where.
    pub addr: usize,
    /// What.
    pub bytes: &'a [u8],
}

/// Stores one patch, or the part of it that lies in one mapping, where it can be written: for [`Platform::exec_write`](crate::Platform::exec_write).
/// One store where length and alignment allow it, so that a CPU that executes there sees the old instruction or the new one, and no mixture.
///
/// # Safety
///
/// These bytes are mapped, may be written, and nobody reads or writes them as anything but code.
pub unsafe fn store_code(at: usize, bytes: &[u8]) {
    macro_rules! whole {
        ($int:ty) => {
            // SAFETY: the caller's promise; `at` is aligned, and the length was matched.
            unsafe {
                ptr::with_exposed_provenance_mut::<$int>(at).write_volatile(<$int>::from_le_bytes(bytes.try_into().unwrap_or_default()))
            }
        };
    }
    match bytes.len() {
        2 if at.is_multiple_of(2) => whole!(u16),
        4 if at.is_multiple_of(4) => whole!(u32),
        8 if at.is_multiple_of(8) => whole!(u64),
        // SAFETY: the caller's promise.
        len => unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), ptr::with_exposed_provenance_mut(at), len) },
    }
}

/// Writes to the kernel's text while it runs; see [`Platform::exec_write`](crate::Platform::exec_write). `false`: an address is not mapped.
///
/// # Safety
///
/// Whoever executes these addresses, on any CPU and at any moment during the write, finds instructions that are right for it: old, new, and
/// in any mixture that the stores allow.
pub unsafe fn patch(batch: &[Patch<'_>]) -> bool {
    exec_write(batch)
}

/// Room for code, not executable yet: bytes on the heap, and the address that they will have.
#[derive(Debug)]
pub struct Draft {
    place: Place,
    bytes: Box<[u8]>,
}

/// Code that can run. Dropping it makes the memory available to others: whoever holds one sees to it that no CPU executes it by then
/// ([`defer`](crate::defer)).
#[derive(Debug)]
pub struct Sealed {
    place: Place,
    len: usize,
}

impl Draft {
    /// Room for `len` bytes. From task context. `None`: no memory.
    pub fn new(len: usize) -> Option<Draft> {
        let place = PAGES.lock().take(len.max(1))?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len).ok()?;
        bytes.resize(len, 0);
        Some(Draft { place, bytes: bytes.into() })
    }

    /// The address at which the code will run.
    pub fn addr(&self) -> usize {
        self.place.addr
    }

    /// The code, to be filled in.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Makes it executable, on every CPU. From task context. `None`: the platform could not write there.
    pub fn seal(self) -> Option<Sealed> {
        let Draft { place, bytes } = self;
        exec_write(&[Patch { addr: place.addr, bytes: &bytes }]).then_some(Sealed { place, len: bytes.len() })
    }
}

impl Sealed {
    /// Address of the first byte.
    pub fn addr(&self) -> usize {
        self.place.addr
    }

    /// Length in bytes, as it was asked for.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no code.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// A piece of executable memory that belongs to somebody.
#[derive(Debug)]
struct Place {
    addr: usize,
    granules: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        PAGES.lock().give_back(self.addr, self.granules);
    }
}

/// Unit of allocation in bytes: a cache line, so that programs do not share one.
const GRANULE: usize = 64;
/// Pages asked for at a time.
const CHUNK_PAGES: usize = 16;

static BYTES: AtomicUsize = AtomicUsize::new(0);

/// Bytes of executable memory that the platform has given so far.
pub fn exec_bytes() -> usize {
    BYTES.load(Relaxed)
}

/// The executable pages, each chunk with a bit a granule.
struct Pages {
    chunks: Vec<Chunk>,
}

struct Chunk {
    addr: usize,
    pages: usize,
    /// One flag a granule: taken.
    taken: Vec<bool>,
}

impl Pages {
    fn take(&mut self, len: usize) -> Option<Place> {
        let granules = len.div_ceil(GRANULE);
        if let Some(place) = self.chunks.iter_mut().find_map(|chunk| chunk.take(granules)) {
            return Some(place);
        }
        let pages = (granules * GRANULE).div_ceil(PAGE_SIZE).max(CHUNK_PAGES);
        let addr = exec_alloc(pages)?;
        BYTES.fetch_add(pages * PAGE_SIZE, Relaxed);
        self.chunks.push(Chunk { addr, pages, taken: alloc::vec![false; pages * PAGE_SIZE / GRANULE] });
        self.chunks.last_mut()?.take(granules)
    }

    fn give_back(&mut self, addr: usize, granules: usize) {
        let Some(i) = self.chunks.iter().position(|c| (c.addr..c.addr + c.pages * PAGE_SIZE).contains(&addr)) else { return };
        let chunk = &mut self.chunks[i];
        let first = (addr - chunk.addr) / GRANULE;
        chunk.taken[first..first + granules].fill(false);
        // An empty chunk goes back, unless it is the last one: loading and unloading one program must not remap every time.
        if self.chunks.len() > 1 && self.chunks[i].taken.iter().all(|&taken| !taken) {
            let chunk = self.chunks.swap_remove(i);
            BYTES.fetch_sub(chunk.pages * PAGE_SIZE, Relaxed);
            exec_free(chunk.addr, chunk.pages);
        }
    }
}

impl Chunk {
    /// First fit.
    fn take(&mut self, granules: usize) -> Option<Place> {
        let mut run = 0;
        for at in 0..self.taken.len() {
            run = if self.taken[at] { 0 } else { run + 1 };
            if run == granules {
                let first = at + 1 - granules;
                self.taken[first..=at].fill(true);
                return Some(Place { addr: self.addr + first * GRANULE, granules });
            }
        }
        None
    }
}

/// Taken in task context only: the holder may allocate and be preempted, so others just spin until it runs again.
static PAGES: Mutex<Pages> = Mutex::new(Pages { chunks: Vec::new() });
