//! The trampoline of return probes. It saves what a function may return or keep, lets `on_return` look at it, and goes on at the caller.
use super::Regs;

unsafe extern "C" {
    fn axkprobe_trampoline();
}

pub(super) fn trampoline() -> u64 {
    axkprobe_trampoline as *const () as u64
}

/// From the trampoline, with what it saved; answers where to go on.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".text.axprobe")]
extern "C" fn axkprobe_return(regs: &mut Regs) -> u64 {
    crate::on_return(regs)
}

core::arch::global_asm!(
    r#"
    .pushsection .text.axprobe, "ax"
    .balign 4
    .macro AXKPROBE_REGS op         // x5 to x31, where Regs has them
    \op x5, 5*8(sp)
    \op x6, 6*8(sp)
    \op x7, 7*8(sp)
    \op x8, 8*8(sp)
    \op x9, 9*8(sp)
    \op x10, 10*8(sp)
    \op x11, 11*8(sp)
    \op x12, 12*8(sp)
    \op x13, 13*8(sp)
    \op x14, 14*8(sp)
    \op x15, 15*8(sp)
    \op x16, 16*8(sp)
    \op x17, 17*8(sp)
    \op x18, 18*8(sp)
    \op x19, 19*8(sp)
    \op x20, 20*8(sp)
    \op x21, 21*8(sp)
    \op x22, 22*8(sp)
    \op x23, 23*8(sp)
    \op x24, 24*8(sp)
    \op x25, 25*8(sp)
    \op x26, 26*8(sp)
    \op x27, 27*8(sp)
    \op x28, 28*8(sp)
    \op x29, 29*8(sp)
    \op x30, 30*8(sp)
    \op x31, 31*8(sp)
    .endm

    .global axkprobe_trampoline
axkprobe_trampoline:
    addi    sp, sp, -32*8
    AXKPROBE_REGS sd
    sd      ra, 1*8(sp)
    addi    t0, sp, 32*8
    sd      t0, 2*8(sp)
    sd      gp, 3*8(sp)
    sd      tp, 4*8(sp)
    mv      a0, sp
    call    axkprobe_return
    mv      ra, a0
    AXKPROBE_REGS ld                // not gp and tp: they belong to the CPU, and the task may run on another one by now
    addi    sp, sp, 32*8
    ret
    .popsection
    "#
);
