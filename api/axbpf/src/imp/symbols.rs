//! Where the image keeps its symbol table: section `.ksyms`, reserved by axbpf-build's linker script, filled by `axbpf embed`.

/// Something for the section to hold, so that it is there before it is filled.
#[used]
#[unsafe(link_section = ".ksyms")]
static FIRST: [u64; 8] = [0; 8];

// Weak: without the script the image still links, and the two words are 0.
core::arch::global_asm!(
    ".weak axprobe_ksyms_start",
    ".weak axprobe_ksyms_end",
    ".pushsection .rodata.axprobe_ksyms, \"a\"",
    ".balign 8",
    ".global AXPROBE_KSYMS",
    "AXPROBE_KSYMS: .8byte axprobe_ksyms_start, axprobe_ksyms_end",
    ".popsection"
);

unsafe extern "C" {
    static AXPROBE_KSYMS: [usize; 2];
}

/// The section's bytes; empty where the image was linked without the script.
pub(super) fn section() -> &'static [u8] {
    core::hint::black_box(&FIRST);
    // SAFETY: the words above; the linker writes them.
    let [start, end] = unsafe { (&raw const AXPROBE_KSYMS).read_volatile() };
    // SAFETY: both 0, or the bounds of a section that never changes.
    if start == 0 { &[] } else { unsafe { core::slice::from_raw_parts(start as *const u8, end - start) } }
}
