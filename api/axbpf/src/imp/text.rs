//! Code memory and changes to code. The kernel maps all memory once, linearly, in 4 KiB pages; a page of code has no writable mapping but
//! the temporary alias made here.
use super::isa;
use alloc::vec::Vec;
use axalloc::{UsageKind, global_allocator};
use axbpf_platform::{PAGE_SIZE, Patch, store_code};
use axhal::mem::virt_to_phys;
use axhal::paging::MappingFlags;
use memory_addr::{VirtAddr, VirtAddrRange};

const CODE: MappingFlags = MappingFlags::READ.union(MappingFlags::EXECUTE);
const DATA: MappingFlags = MappingFlags::READ.union(MappingFlags::WRITE);

/// The kernel's code, by the symbols of its linker script.
#[cfg(feature = "axkprobe")]
pub(super) fn range() -> core::ops::Range<u64> {
    unsafe extern "C" {
        static _stext: u8;
        static _etext: u8;
    }
    (&raw const _stext).expose_provenance() as u64..(&raw const _etext).expose_provenance() as u64
}

/// See [`axbpf_platform::Platform::exec_alloc`].
pub(super) fn alloc(pages: usize) -> Option<usize> {
    let addr = global_allocator().alloc_pages(pages, PAGE_SIZE, UsageKind::Global).ok()?;
    // SAFETY: the pages are ours; whatever they held must not become code.
    unsafe { core::slice::from_raw_parts_mut(addr as *mut u8, pages * PAGE_SIZE) }.fill(0);
    if axmm::kernel_aspace().lock().protect(addr.into(), pages * PAGE_SIZE, CODE).is_err() {
        global_allocator().dealloc_pages(addr, pages, UsageKind::Global);
        return None;
    }
    isa::flush_tlb(addr, pages * PAGE_SIZE);
    Some(addr)
}

/// See [`axbpf_platform::Platform::exec_free`].
pub(super) fn free(addr: usize, pages: usize) {
    // If the pages cannot be made writable again they stay ours for ever: the allocator would fault on them.
    if axmm::kernel_aspace().lock().protect(addr.into(), pages * PAGE_SIZE, DATA).is_ok() {
        isa::flush_tlb(addr, pages * PAGE_SIZE);
        global_allocator().dealloc_pages(addr, pages, UsageKind::Global);
    }
}

/// See [`axbpf_platform::Platform::exec_write`].
pub(super) fn write(batch: &[Patch<'_>]) -> bool {
    // The pages of code that the batch touches, each once.
    let mut pages: Vec<usize> = batch.iter().flat_map(|p| (page(p.addr)..p.addr + p.bytes.len()).step_by(PAGE_SIZE)).collect();
    pages.sort_unstable();
    pages.dedup();
    if pages.is_empty() {
        return true;
    }
    let size = pages.len() * PAGE_SIZE;
    let mut space = axmm::kernel_aspace().lock(); // IRQs are off from here on: the alias is used on this CPU alone
    for &page in &pages {
        if !matches!(space.page_table().query(page.into()), Ok((_, flags, _)) if flags.contains(MappingFlags::EXECUTE)) {
            return false;
        }
    }
    let limits = VirtAddrRange::new(space.base(), space.end());
    let Some(alias) = space.find_free_area(isa::ALIAS_HINT.into(), size, limits) else { return false };
    let mut mapped = 0;
    while mapped < pages.len()
        && space.map_linear(alias + mapped * PAGE_SIZE, virt_to_phys(VirtAddr::from(pages[mapped])), PAGE_SIZE, DATA).is_ok()
    {
        mapped += 1;
    }
    let complete = mapped == pages.len();
    if complete {
        for patch in batch {
            for (addr, bytes) in pieces(patch) {
                // Present: collected above.
                if let Ok(index) = pages.binary_search(&page(addr)) {
                    // SAFETY: in the alias mapped above; a piece ends within its page.
                    unsafe { store_code(alias.as_usize() + index * PAGE_SIZE + addr % PAGE_SIZE, bytes) };
                }
            }
        }
    }
    for i in 0..mapped {
        // It was mapped just now, so this cannot fail; if it did, the alias would stay and only its address be lost.
        let _ = space.unmap(alias + i * PAGE_SIZE, PAGE_SIZE);
    }
    drop(space);
    // The alias address will be used again, perhaps from another CPU.
    isa::flush_tlb(alias.as_usize(), size);
    isa::sync_code();
    complete
}

const fn page(addr: usize) -> usize {
    addr / PAGE_SIZE * PAGE_SIZE
}

/// The parts of a patch, one a page.
fn pieces<'a>(patch: &Patch<'a>) -> impl Iterator<Item = (usize, &'a [u8])> {
    let (mut addr, mut rest) = (patch.addr, patch.bytes);
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (now, later) = rest.split_at(rest.len().min(PAGE_SIZE - addr % PAGE_SIZE));
        let piece = (addr, now);
        (addr, rest) = (addr + now.len(), later);
        Some(piece)
    })
}
