//! Functions that run between a breakpoint and the guard against hits inside hits, or that handling a hit calls: a breakpoint in one would
//! be hit again while it is handled. What lies in the section `.text.axprobe` is refused by address.

/// Prefixes of readable names.
#[rustfmt::skip]
const PREFIXES: &[&str] = &[
    // The way into the trap and out of it.
    "trap_vector_base", "riscv_trap_handler", "__wrap_riscv_trap_handler", "__real_riscv_trap_handler",
    "axbpf_vector", "axbpf_trap", "axbpf_selftest", "axbpf_call_on_stack", "axbpf_copy", "axkprobe_trampoline", "axkprobe_return",
    "_start", "axcpu::riscv::context::context_switch", "<axcpu::riscv::context::TaskContext>::switch_to",
    // Ourselves.
    "axkprobe::", "<axkprobe::", "axbpf_platform::", "<axbpf_platform::", "axasm::", "<axasm::", "axbpf::imp", "<axbpf::imp",
    // What the compiler calls by itself.
    "memcpy", "memmove", "memset", "memcmp", "bcmp", "strlen", "compiler_builtins::", "__",
    // What the hook asks of the kernel before the guard, and with it.
    "kernel_guard::", "<kernel_guard::", "percpu::", "axhal::percpu::", "axplat::percpu::",
    "axhal::time::monotonic_time_nanos", "axplat_riscv64_qemu_virt::time", "<axplat_riscv64_qemu_virt::time", "core::panicking", "rust_begin_unwind",
];
/// Parts of names: implementations of interfaces that the above call through.
const PARTS: &[&str] = &["KernelGuardIf", "kernel_guard_if", "axbpf_platform", "axkprobe"];

/// What begins like the above and is no part of it.
const EXCEPT: &[&str] = &["__rust", "__rg_"];

/// Whether the function of this name must not be probed.
pub(crate) fn contains(name: &str) -> bool {
    if EXCEPT.iter().any(|prefix| name.starts_with(prefix)) {
        return false;
    }
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || PARTS.iter().any(|part| name.contains(part))
}
