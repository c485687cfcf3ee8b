//! x86_64.
core::arch::global_asm!(
    r#"
    .section .text.axprobe, "ax"
    .balign 16

    .macro AXBPF_EX start, end, fixup
        .pushsection axprobe_ex, "aR"   // R: --gc-sections does not see who reads it
        .balign 4
        .long   \start - .
        .long   \end - .
        .long   \fixup - .
        .popsection
    .endm

    // rdi dst, rsi src, rdx len -> bytes left; only loads may fault
    .global axbpf_copy
axbpf_copy:
    cmp     rdx, 8
    jb      3f
1:  mov     rax, [rsi]
2:  mov     [rdi], rax
    add     rdi, 8
    add     rsi, 8
    sub     rdx, 8
    cmp     rdx, 8
    jae     1b
    AXBPF_EX 1b, 2b, 3f         // byte by byte to the exact place
3:  test    rdx, rdx
    jz      6f
4:  mov     al, [rsi]
5:  mov     [rdi], al
    inc     rdi
    inc     rsi
    dec     rdx
    jnz     4b
6:  mov     rax, rdx
    ret
    AXBPF_EX 4b, 5b, 6b

    // rdi dst, rsi src, rdx len -> bytes copied, or -1
    .global axbpf_copy_str
axbpf_copy_str:
    mov     rcx, rdi
1:  test    rdx, rdx
    jz      4f
2:  mov     al, [rsi]
3:  mov     [rdi], al
    inc     rdi
    inc     rsi
    dec     rdx
    test    al, al
    jnz     1b
4:  mov     rax, rdi
    sub     rax, rcx
    ret
5:  mov     rax, -1
    ret
    AXBPF_EX 2b, 3b, 5b

    // rdi argument, rsi function, rdx high end of the stack
    .global axbpf_call_on_stack
axbpf_call_on_stack:
    push    rbp
    mov     rbp, rsp
    mov     rsp, rdx
    call    rsi
    mov     rsp, rbp
    pop     rbp
    ret
    "#
);

/// Loads an aligned word; the exception table makes a fault `None`.
#[inline]
pub(crate) fn load(addr: usize) -> Option<u64> {
    let (value, done): (u64, u64);
    // SAFETY: a load that faults goes on behind the block, with `done` still 0; it has no other effect.
    unsafe {
        core::arch::asm!(
            "xor    {done:e}, {done:e}",
            "21: mov {value}, [{addr}]",
            "22: mov {done:e}, 1",
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
    Some([load(first)?, load(second)?])
}

/// Loads four aligned words.
#[inline(always)]
pub(crate) fn load_four(addr: usize) -> Option<[u64; 4]> {
    Some([load(addr)?, load(addr + 8)?, load(addr + 16)?, load(addr + 24)?])
}

/// What five aligned words have in them, all together.
#[inline]
pub(crate) fn load_five(addr: usize) -> Option<u64> {
    (0..5).try_fold(0, |all, i| Some(all | load(addr + i * 8)?))
}

/// What fifteen aligned words have in them, all together.
#[inline(always)]
pub(crate) fn load_fifteen(addr: usize) -> Option<u64> {
    (0..15).try_fold(0, |all, i| Some(all | load(addr + i * 8)?))
}
