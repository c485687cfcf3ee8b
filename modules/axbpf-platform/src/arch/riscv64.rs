//! riscv64. `global_asm!` does not know the C extension here; nothing below needs it.
core::arch::global_asm!(
    r#"
    .section .text.axprobe, "ax"
    .balign 4

    .macro AXBPF_EX start, end, fixup
        .pushsection axprobe_ex, "aR"   // R: --gc-sections does not see who reads it
        .balign 4
        .long   \start - .
        .long   \end - .
        .long   \fixup - .
        .popsection
    .endm

    // a0 dst, a1 src, a2 len -> bytes left. Words where both are aligned, then bytes; only loads may fault.
    .global axbpf_copy
axbpf_copy:
    or      t0, a0, a1
    andi    t0, t0, 7
    bnez    t0, 3f
    li      t1, 32
    bltu    a2, t1, 9f
7:  ld      t0, 0(a1)
    ld      t2, 8(a1)
    ld      t3, 16(a1)
    ld      t4, 24(a1)
8:  sd      t0, 0(a0)
    sd      t2, 8(a0)
    sd      t3, 16(a0)
    sd      t4, 24(a0)
    addi    a0, a0, 32
    addi    a1, a1, 32
    addi    a2, a2, -32
    bgeu    a2, t1, 7b
    AXBPF_EX 7b, 8b, 9f         // word by word
9:  li      t1, 8
    bltu    a2, t1, 3f
1:  ld      t0, 0(a1)
2:  sd      t0, 0(a0)
    addi    a0, a0, 8
    addi    a1, a1, 8
    addi    a2, a2, -8
    bgeu    a2, t1, 1b
    AXBPF_EX 1b, 2b, 3f         // byte by byte to the exact place
3:  beqz    a2, 6f
4:  lbu     t0, 0(a1)
5:  sb      t0, 0(a0)
    addi    a0, a0, 1
    addi    a1, a1, 1
    addi    a2, a2, -1
    bnez    a2, 4b
6:  mv      a0, a2
    ret
    AXBPF_EX 4b, 5b, 6b

    // a0 dst, a1 src, a2 len -> bytes copied, or -1
    .global axbpf_copy_str
axbpf_copy_str:
    mv      a3, a0
1:  beqz    a2, 4f
2:  lbu     t0, 0(a1)
3:  sb      t0, 0(a0)
    addi    a0, a0, 1
    addi    a1, a1, 1
    addi    a2, a2, -1
    bnez    t0, 1b
4:  sub     a0, a0, a3
    ret
5:  li      a0, -1
    ret
    AXBPF_EX 2b, 3b, 5b

    // a0 argument, a1 function, a2 high end of the stack
    .global axbpf_call_on_stack
axbpf_call_on_stack:
    addi    sp, sp, -16
    sd      ra, 8(sp)
    sd      s0, 0(sp)
    addi    s0, sp, 16          // a frame like the compiler's, so that stacks can be walked through
    mv      t0, sp
    mv      sp, a2
    addi    sp, sp, -16
    sd      t0, 0(sp)
    jalr    a1
    ld      sp, 0(sp)
    ld      s0, 0(sp)
    ld      ra, 8(sp)
    addi    sp, sp, 16
    ret
    "#
);

/// Masks IRQs; whether they were on.
#[cfg(target_os = "none")]
#[inline]
pub(crate) fn irqs_save() -> usize {
    let before: usize;
    // SAFETY: clears sstatus.SIE, which a kernel may. No `nomem`: accesses stay within the section.
    unsafe { core::arch::asm!("csrrci {}, sstatus, 2", out(reg) before, options(nostack)) };
    before & 2
}

/// Undoes [`irqs_save`].
#[cfg(target_os = "none")]
#[inline]
pub(crate) fn irqs_restore(before: usize) {
    if before != 0 {
        // SAFETY: as above; they were on.
        unsafe { core::arch::asm!("csrsi sstatus, 2", options(nostack)) };
    }
}

/// Loads an aligned word; the exception table makes a fault `None`.
#[inline]
pub(crate) fn load(addr: usize) -> Option<u64> {
    let (value, done): (u64, usize);
    // SAFETY: a load that faults goes on behind the block, with `done` still 0; it has no other effect.
    unsafe {
        core::arch::asm!(
            "li     {done}, 0",
            "21: ld {value}, 0({addr})",
            "22: li {done}, 1",
            "23:",
            ".pushsection axprobe_ex, \"aR\"",
            ".balign 4",
            ".long  21b - .",
            ".long  22b - .",
            ".long  23b - .",
            ".popsection",
            addr = in(reg) addr,
            value = out(reg) value,
            done = out(reg) done,
            options(nostack, readonly),
        )
    };
    (done != 0).then_some(value)
}

/// Loads two aligned words.
#[inline(always)]
pub(crate) fn load_two(first: usize, second: usize) -> Option<[u64; 2]> {
    let (a, b, done): (u64, u64, usize);
    // SAFETY: as in `load`.
    unsafe {
        core::arch::asm!(
            "li     {done}, 0",
            "21: ld {a}, 0({first})",
            "ld     {b}, 0({second})",
            "22: li {done}, 1",
            "23:",
            ".pushsection axprobe_ex, \"aR\"",
            ".balign 4",
            ".long  21b - .",
            ".long  22b - .",
            ".long  23b - .",
            ".popsection",
            first = in(reg) first,
            second = in(reg) second,
            a = out(reg) a,
            b = lateout(reg) b,
            done = out(reg) done,
            options(nostack, readonly),
        )
    };
    (done != 0).then_some([a, b])
}

/// Loads four aligned words.
#[inline(always)]
pub(crate) fn load_four(addr: usize) -> Option<[u64; 4]> {
    let (a, b, c, d, done): (u64, u64, u64, u64, usize);
    // SAFETY: as in `load`.
    unsafe {
        core::arch::asm!(
            "li     {done}, 0",
            "21: ld {a}, 0({addr})",
            "ld     {b}, 8({addr})",
            "ld     {c}, 16({addr})",
            "ld     {d}, 24({addr})",
            "22: li {done}, 1",
            "23:",
            ".pushsection axprobe_ex, \"aR\"",
            ".balign 4",
            ".long  21b - .",
            ".long  22b - .",
            ".long  23b - .",
            ".popsection",
            addr = in(reg) addr,
            a = out(reg) a,
            b = out(reg) b,
            c = out(reg) c,
            d = out(reg) d,
            done = out(reg) done,
            options(nostack, readonly),
        )
    };
    (done != 0).then_some([a, b, c, d])
}

/// What five aligned words have in them, all together.
#[inline]
pub(crate) fn load_five(addr: usize) -> Option<u64> {
    let (value, done): (u64, usize);
    // SAFETY: as in `load`.
    unsafe {
        core::arch::asm!(
            "li     {done}, 0",
            "21: ld {value}, 0({addr})",
            "ld     {a}, 8({addr})",
            "ld     {b}, 16({addr})",
            "ld     {c}, 24({addr})",
            "or     {value}, {value}, {a}",
            "ld     {a}, 32({addr})",
            "22: li {done}, 1",
            "or     {b}, {b}, {c}",
            "or     {value}, {value}, {a}",
            "or     {value}, {value}, {b}",
            "23:",
            ".pushsection axprobe_ex, \"aR\"",
            ".balign 4",
            ".long  21b - .",
            ".long  22b - .",
            ".long  23b - .",
            ".popsection",
            addr = in(reg) addr,
            value = out(reg) value,
            a = out(reg) _,
            b = out(reg) _,
            c = out(reg) _,
            done = out(reg) done,
            options(nostack, readonly),
        )
    };
    (done != 0).then_some(value)
}

/// What fifteen aligned words have in them, all together.
#[inline(always)]
pub(crate) fn load_fifteen(addr: usize) -> Option<u64> {
    let (value, done): (u64, usize);
    // SAFETY: as in `load`.
    unsafe {
        core::arch::asm!(
            "li     {done}, 0",
            "21: ld {value}, 0({addr})",
            "ld     {a}, 8({addr})",
            "ld     {b}, 16({addr})",
            "ld     {c}, 24({addr})",
            "or     {value}, {value}, {a}",
            "ld     {a}, 32({addr})",
            "or     {b}, {b}, {c}",
            "ld     {c}, 40({addr})",
            "or     {value}, {value}, {b}",
            "ld     {b}, 48({addr})",
            "or     {value}, {value}, {a}",
            "ld     {a}, 56({addr})",
            "or     {value}, {value}, {c}",
            "ld     {c}, 64({addr})",
            "or     {value}, {value}, {b}",
            "ld     {b}, 72({addr})",
            "or     {value}, {value}, {a}",
            "ld     {a}, 80({addr})",
            "or     {value}, {value}, {c}",
            "ld     {c}, 88({addr})",
            "or     {value}, {value}, {b}",
            "ld     {b}, 96({addr})",
            "or     {value}, {value}, {a}",
            "ld     {a}, 104({addr})",
            "or     {value}, {value}, {c}",
            "ld     {c}, 112({addr})",
            "or     {value}, {value}, {b}",
            "22: li {done}, 1",
            "or     {value}, {value}, {b}",
            "or     {value}, {value}, {a}",
            "or     {value}, {value}, {c}",
            "23:",
            ".pushsection axprobe_ex, \"aR\"",
            ".balign 4",
            ".long  21b - .",
            ".long  22b - .",
            ".long  23b - .",
            ".popsection",
            addr = in(reg) addr,
            value = out(reg) value,
            a = out(reg) _,
            b = out(reg) _,
            c = out(reg) _,
            done = out(reg) done,
            options(nostack, readonly),
        )
    };
    (done != 0).then_some(value)
}
