//! What may be read without effects: RAM. The kernel's address space maps device registers too, and reading one can be an acknowledge.
use axbpf_platform::PAGE_SIZE;
use axhal::mem::{MemRegionFlags, memory_regions, phys_to_virt};
use core::sync::atomic::{AtomicUsize, Ordering::*};

/// Pieces of RAM that are kept apart; more are ignored, so not readable.
const PIECES: usize = 16;

/// First address and the one behind the last, in order; both 0: no piece.
static RAM: [[AtomicUsize; 2]; PIECES] = [const { [AtomicUsize::new(0), AtomicUsize::new(0)] }; PIECES];
/// The same for the kernel's address space.
static SPACE: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

/// Finds the RAM.
pub(super) fn init() {
    let (base, size) = axhal::mem::kernel_aspace();
    SPACE[0].store(base.as_usize(), Relaxed);
    SPACE[1].store(base.as_usize() + size, Relaxed);
    let mut pieces = RAM.iter();
    let mut last: Option<&[AtomicUsize; 2]> = None;
    for region in memory_regions().filter(|region| !region.flags.contains(MemRegionFlags::DEVICE)) {
        let start = phys_to_virt(region.paddr).as_usize() / PAGE_SIZE * PAGE_SIZE;
        let end = (phys_to_virt(region.paddr).as_usize() + region.size).next_multiple_of(PAGE_SIZE);
        match last {
            Some(piece) if piece[1].load(Relaxed) == start => piece[1].store(end, Relaxed),
            _ => {
                let Some(piece) = pieces.next() else { return };
                piece[0].store(start, Relaxed);
                piece[1].store(end, Relaxed);
                last = Some(piece);
            }
        }
    }
}

/// Tells the platform where most reads will be.
pub(super) fn tell_largest() {
    let bounds = |[start, end]: &[AtomicUsize; 2]| (start.load(Relaxed), end.load(Relaxed));
    if let Some((start, end)) = RAM.iter().map(bounds).max_by_key(|(start, end)| end - start) {
        axbpf_platform::fault::set_plain(start, end);
    }
}

/// See [`axbpf_platform::Platform::is_device`]. Outside the kernel's address space nothing is mapped, and reading faults.
pub(super) fn is_device(addr: usize, len: usize) -> bool {
    let end = addr.saturating_add(len);
    let within = |[start, stop]: &[AtomicUsize; 2]| addr >= start.load(Relaxed) && end <= stop.load(Relaxed);
    let outside = end <= SPACE[0].load(Relaxed) || addr >= SPACE[1].load(Relaxed);
    !outside && !RAM.iter().any(within)
}
