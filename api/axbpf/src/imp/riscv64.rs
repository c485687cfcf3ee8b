//! riscv64: causes, the two ways into the hook, and the instructions that only an ISA has.
use super::hook::{Cause, on_trap};
use axcpu::TrapFrame;

/// Where to look for address space for the alias of [`super::text`]: behind the linear mapping of the RAM.
pub(super) const ALIAS_HINT: usize = 0xffff_ffd0_0000_0000;

pub(super) fn pc(frame: &TrapFrame) -> usize {
    frame.sepc
}

pub(super) fn set_pc(frame: &mut TrapFrame, pc: usize) {
    frame.sepc = pc;
}

/// Ours are all `c.ebreak`.
pub(super) fn after_breakpoint(pc: usize) -> usize {
    pc + 2
}

fn harts() -> sbi_rt::HartMask {
    sbi_rt::HartMask::from_mask_base((1 << axhal::cpu_num()) - 1, 0)
}

/// Drops the TLB entries of every hart for these addresses. An SBI call that fails leaves nothing that could be done.
pub(super) fn flush_tlb(addr: usize, len: usize) {
    let _ = sbi_rt::remote_sfence_vma(harts(), addr, len);
}

/// Every hart fetches what was written.
pub(super) fn sync_code() {
    // SAFETY: fences.
    unsafe { core::arch::asm!("fence rw, rw", "fence.i") };
    let _ = sbi_rt::remote_fence_i(harts());
}

/// Pends the software interrupt of this hart.
pub(super) fn pend_interrupt() {
    // SAFETY: sip.SSIP; its handler takes an interrupt that nobody sent.
    unsafe { core::arch::asm!("csrsi sip, 2") };
}

#[inline(always)]
fn cause() -> Cause {
    match riscv::register::scause::read().bits() as isize {
        4 | 5 | 13 => Cause::Load, // misaligned, access fault, page fault
        3 => Cause::Break,
        irq if irq < 0 => Cause::Irq,
        _ => Cause::Other,
    }
}

/// The frame as axkprobe wants it: axcpu's begins with a slot for x0, then has ra to t6 in the order of Linux's user_regs_struct, whose first
/// word is the pc; sepc and sstatus follow.
#[cfg(feature = "axkprobe")]
pub(super) fn probe_frame(frame: &mut TrapFrame) -> &mut axbpf_runtime::axkprobe::Frame {
    const { assert!(core::mem::offset_of!(TrapFrame, sepc) == 32 * 8 && core::mem::offset_of!(TrapFrame, sstatus) == 33 * 8) };
    const { assert!(size_of::<axbpf_runtime::axkprobe::Frame>() <= size_of::<TrapFrame>()) };
    // SAFETY: same words in the same places, as asserted; the slot for x0 is written by nobody and read by nobody.
    unsafe { &mut *core::ptr::from_mut(frame).cast() }
}

// ---- By link argument: `--wrap=riscv_trap_handler`.

// Weak: without --wrap the word is 0, and the image still links.
core::arch::global_asm!(
    ".weak __real_riscv_trap_handler",
    ".pushsection .rodata.axprobe_real, \"a\"",
    ".balign 8",
    ".global AXPROBE_REAL",
    "AXPROBE_REAL: .dword __real_riscv_trap_handler",
    ".popsection"
);

unsafe extern "C" {
    static AXPROBE_REAL: usize;
}
unsafe extern "Rust" {
    fn riscv_trap_handler(frame: &mut TrapFrame);
}

/// axcpu's handler.
#[inline(always)]
fn real(frame: &mut TrapFrame) {
    // SAFETY: the word above.
    let wrapped = unsafe { (&raw const AXPROBE_REAL).read_volatile() };
    // With --wrap the plain name means the wrapper, so it must not be called then.
    if wrapped != 0 {
        // SAFETY: the linker wrote the address of axcpu's function, which has this type.
        unsafe { core::mem::transmute::<usize, unsafe fn(&mut TrapFrame)>(wrapped)(frame) }
    } else {
        // SAFETY: as axcpu's vector calls it.
        unsafe { riscv_trap_handler(frame) }
    }
}

/// What axcpu's vector calls instead of its own handler, if the image was linked with --wrap.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".text.axprobe")]
fn __wrap_riscv_trap_handler(frame: &mut TrapFrame) {
    on_trap(frame, cause(), real);
}

// ---- By vectors of our own.

#[unsafe(no_mangle)]
#[unsafe(link_section = ".text.axprobe")]
extern "C" fn axbpf_trap(frame: &mut TrapFrame) {
    on_trap(frame, cause(), real);
}

/// On this hart. IRQs off.
pub(super) fn install_vectors() {
    // SAFETY: the vector below saves and restores what axcpu's does and hands everything that is not ours to axcpu.
    unsafe { axcpu::asm::write_trap_vector_base(axbpf_vector as *const () as usize) }
}

unsafe extern "C" {
    fn axbpf_vector();
    fn axbpf_selftest();
    fn axbpf_selftest_at();
}

/// Runs into the breakpoint at [`selftest_at`].
pub(super) fn selftest() {
    // SAFETY: a breakpoint and a return; with or without a hook, what follows the breakpoint is executed next.
    unsafe { axbpf_selftest() };
}

pub(super) fn selftest_at() -> usize {
    axbpf_selftest_at as *const () as usize
}

core::arch::global_asm!(
    r#"
    .pushsection .text.axprobe, "ax"
    .balign 4
    .global axbpf_selftest, axbpf_selftest_at
axbpf_selftest:
axbpf_selftest_at:
    .hword  0x9002                  // c.ebreak: the assembler has no C extension here
    .hword  0x8082                  // c.ret

    .macro AXBPF_REGS op            // every register but sp, where axcpu's TrapFrame has it
    \op ra, 1*8(sp)
    \op gp, 3*8(sp)
    \op tp, 4*8(sp)
    \op t0, 5*8(sp)
    \op t1, 6*8(sp)
    \op t2, 7*8(sp)
    \op s0, 8*8(sp)
    \op s1, 9*8(sp)
    \op a0, 10*8(sp)
    \op a1, 11*8(sp)
    \op a2, 12*8(sp)
    \op a3, 13*8(sp)
    \op a4, 14*8(sp)
    \op a5, 15*8(sp)
    \op a6, 16*8(sp)
    \op a7, 17*8(sp)
    \op s2, 18*8(sp)
    \op s3, 19*8(sp)
    \op s4, 20*8(sp)
    \op s5, 21*8(sp)
    \op s6, 22*8(sp)
    \op s7, 23*8(sp)
    \op s8, 24*8(sp)
    \op s9, 25*8(sp)
    \op s10, 26*8(sp)
    \op s11, 27*8(sp)
    \op t3, 28*8(sp)
    \op t4, 29*8(sp)
    \op t5, 30*8(sp)
    \op t6, 31*8(sp)
    .endm

    .balign 4
    .global axbpf_vector
axbpf_vector:                       // from kernel mode: an image of one address space has no other
    addi    sp, sp, -{frame_size}
    AXBPF_REGS sd
    addi    t0, sp, {frame_size}
    csrr    t1, sepc
    csrr    t2, sstatus
    sd      t0, 2*8(sp)
    sd      t1, 32*8(sp)
    sd      t2, 33*8(sp)
    mv      a0, sp
    call    axbpf_trap
    ld      t0, 32*8(sp)
    ld      t1, 33*8(sp)
    csrw    sepc, t0
    csrw    sstatus, t1
    AXBPF_REGS ld                   // gp, the CPU's base, with the rest: a preempted task goes on where it was
    ld      sp, 2*8(sp)
    sret
    .popsection
    "#,
    frame_size = const size_of::<TrapFrame>(),
);
