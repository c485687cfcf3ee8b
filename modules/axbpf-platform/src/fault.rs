//! Reads of memory that may not be there. Every load that may fault stands in an exception table, `pc -> fixup`: the platform's trap hook
//! asks [`fixup`] about each load fault before anybody else sees it.
use crate::arch;
use core::fmt;
use core::ptr;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// The address is not readable memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadAddress {
    /// The address that was asked for.
    pub addr: usize,
}

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "address {:#x} is not readable memory", self.addr)
    }
}

impl core::error::Error for BadAddress {}

/// A line of the exception table: a fault at a pc in `start..end` goes on at `fixup`. Each is a distance from its own place, as in Linux, so
/// that the table is the same wherever the code lies, and read-only in position-independent programs too.
#[repr(C)]
pub(crate) struct Entry {
    start: i32,
    end: i32,
    fixup: i32,
}

/// What a field of an [`Entry`] stands for.
fn address(field: &i32) -> usize {
    ptr::from_ref(field).addr().wrapping_add_signed(*field as isize)
}

static RECOVERED: AtomicU64 = AtomicU64::new(0);

/// Where to go on after a load fault at `pc`; `None`: the fault is a bug of somebody else's.
pub fn fixup(pc: usize) -> Option<usize> {
    let entry = arch::exception_table().iter().find(|e| (address(&e.start)..address(&e.end)).contains(&pc))?;
    RECOVERED.fetch_add(1, Relaxed);
    Some(address(&entry.fixup))
}

/// Faults recovered so far.
pub fn recovered() -> u64 {
    RECOVERED.load(Relaxed)
}

/// Memory of which the platform said that reading it has no effects: first address, and the last one that [`LONGEST`] bytes follow, less
/// the first.
static PLAIN: [AtomicUsize; 2] = [AtomicUsize::new(usize::MAX), AtomicUsize::new(0)];
/// Most bytes that are asked for at once: one comparison tells whether they are plain.
const LONGEST: usize = 256;

/// Reads of this memory do not ask [`Platform::is_device`](crate::Platform::is_device) any more: the largest piece of RAM, say.
pub fn set_plain(start: usize, end: usize) {
    if let Some(last) = end.checked_sub(start).and_then(|len| len.checked_sub(LONGEST)) {
        PLAIN[1].store(last, Relaxed);
        PLAIN[0].store(start, Relaxed);
    }
}

#[inline]
fn is_device(addr: usize, len: usize) -> bool {
    !(len <= LONGEST && is_plain(addr)) && crate::is_device(addr, len)
}

#[inline(always)]
fn is_plain(addr: usize) -> bool {
    ram().holds(addr)
}

/// Where the memory is that [`set_plain`] told of, for those who ask more than once.
#[derive(Clone, Copy)]
pub struct Ram {
    start: usize,
    last: usize,
}

/// See [`Ram`].
#[inline(always)]
pub fn ram() -> Ram {
    Ram { start: PLAIN[0].load(Relaxed), last: PLAIN[1].load(Relaxed) }
}

impl Ram {
    #[inline(always)]
    fn holds(self, addr: usize) -> bool {
        addr.wrapping_sub(self.start) <= self.last
    }

    /// See [`plain`].
    #[inline(always)]
    pub fn plain(self, addr: usize, len: usize) -> Option<Plain> {
        (len <= LONGEST && addr.is_multiple_of(8) && self.holds(addr)).then_some(Plain { addr, len })
    }
}

/// Aligned memory that [`set_plain`] told of.
#[derive(Clone, Copy)]
pub struct Plain {
    addr: usize,
    len: usize,
}

/// These bytes, if they are such memory, and `addr` is aligned to 8.
#[inline(always)]
pub fn plain(addr: usize, len: usize) -> Option<Plain> {
    ram().plain(addr, len)
}

impl Plain {
    /// The first word, and that of another one. `None`, as in all of these: it cannot be read, or is not part of this memory.
    #[inline(always)]
    pub fn word_and(self, other: Plain) -> Option<[u64; 2]> {
        if self.len >= 8 && other.len >= 8 { arch::load_two(self.addr, other.addr) } else { None }
    }

    /// The first four words.
    #[inline(always)]
    pub fn four(self) -> Option<[u64; 4]> {
        if self.len >= 32 { arch::load_four(self.addr) } else { None }
    }

    /// The first words.
    #[inline(always)]
    pub fn read(self, words: &mut [u64]) -> Option<()> {
        if words.len() * 8 > self.len {
            return None;
        }
        for (i, word) in words.iter_mut().enumerate() {
            *word = arch::load(self.addr + i * 8)?;
        }
        Some(())
    }

    /// Whether the fifteen words from byte `from` on are zero: without a loop.
    #[inline(always)]
    pub fn fifteen_zero(self, from: usize) -> Option<bool> {
        if from + 15 * 8 > self.len {
            return None;
        }
        Some(arch::load_fifteen(self.addr + from)? == 0)
    }

    /// Whether all words from byte `from` on are zero.
    #[inline(always)]
    pub fn is_zero(self, from: usize) -> Option<bool> {
        let (mut all, mut at) = (0, from);
        while at + 40 <= self.len {
            all |= arch::load_five(self.addr + at)?;
            at += 40;
        }
        while at + 8 <= self.len {
            all |= arch::load(self.addr + at)?;
            at += 8;
        }
        Some(all == 0)
    }
}

/// Reads words; where they are aligned, with nothing in between.
#[inline]
pub fn read_words(dst: &mut [u64], addr: usize) -> Result<(), BadAddress> {
    if addr.is_multiple_of(8) && !is_device(addr, dst.len() * 8) {
        for (i, word) in dst.iter_mut().enumerate() {
            *word = arch::load(addr + i * 8).ok_or(BadAddress { addr })?;
        }
        return Ok(());
    }
    for (i, word) in dst.iter_mut().enumerate() {
        *word = u64::from_le_bytes(read_bytes(addr.wrapping_add(i * 8))?);
    }
    Ok(())
}

/// Copies `dst.len()` bytes from `addr`. On a bad address, `dst` is zeroed, as Linux does. From any context.
pub fn read(dst: &mut [u8], addr: usize) -> Result<(), BadAddress> {
    let done = !is_device(addr, dst.len()) && arch::copy(dst, addr) == 0;
    if !done {
        dst.fill(0);
        return Err(BadAddress { addr });
    }
    Ok(())
}

/// Copies a string with its NUL, at most `dst.len()` bytes with the NUL always the last one; returns the bytes written, NUL included. On a
/// bad address, `dst` is zeroed, as Linux does. From any context.
pub fn read_str(dst: &mut [u8], addr: usize) -> Result<usize, BadAddress> {
    if dst.is_empty() {
        return Ok(0);
    }
    let len = (!is_device(addr, dst.len())).then(|| arch::copy_str(dst, addr)).flatten();
    match len {
        Some(len) => {
            dst[len - 1] = 0;
            Ok(len)
        }
        None => {
            dst.fill(0);
            Err(BadAddress { addr })
        }
    }
}

/// Reads a value of plain bytes.
pub fn read_bytes<const N: usize>(addr: usize) -> Result<[u8; N], BadAddress> {
    let mut bytes = [0; N];
    read(&mut bytes, addr)?;
    Ok(bytes)
}

/// Eight bytes as they stand in memory.
#[inline]
fn word_of(bytes: &[u8]) -> u64 {
    let at = bytes.as_ptr();
    if bytes.len() == 8 && at.addr().is_multiple_of(8) {
        // SAFETY: eight bytes, aligned.
        return unsafe { at.cast::<u64>().read() };
    }
    let mut word = [0; 8];
    word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    u64::from_ne_bytes(word)
}

/// Writes to memory that the caller named: the pages are looked at first, by reading, so an unmapped one is an error and not a
/// panic. Memory that is mapped but read-only still faults.
///
/// # Safety
///
/// `addr..addr + src.len()`, if it is mapped, is memory that the caller may have written.
#[inline]
pub unsafe fn write(addr: usize, src: &[u8]) -> Result<(), BadAddress> {
    let mut at = addr;
    let end = addr.checked_add(src.len()).ok_or(BadAddress { addr })?;
    while at < end {
        // The word that the byte lies in is in the same page.
        let word = at & !7;
        if is_device(word, 8) || arch::load(word).is_none() {
            return Err(BadAddress { addr: at });
        }
        at = (at / crate::PAGE_SIZE + 1) * crate::PAGE_SIZE;
    }
    if let (8, true) = (src.len(), addr.is_multiple_of(8)) {
        let word = ptr::with_exposed_provenance_mut::<[u8; 8]>(addr).cast::<u64>();
        // SAFETY: mapped, as just read, and writable, as the caller promises; aligned.
        unsafe { word.write(word_of(src)) };
        return Ok(());
    }
    // SAFETY: mapped, as just read, and writable, as the caller promises.
    unsafe { ptr::copy_nonoverlapping(src.as_ptr(), ptr::with_exposed_provenance_mut(addr), src.len()) };
    Ok(())
}
