//! What R1 points to, by program type.
use crate::ProgType;

/// An instruction set that the components run on; it decides the layout of `pt_regs`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Arch {
    /// RISC-V, 64 bits.
    Riscv64,
    /// x86, 64 bits.
    X86_64,
    /// Arm, 64 bits.
    Aarch64,
    /// LoongArch, 64 bits.
    Loongarch64,
}

impl Arch {
    /// The four, riscv64 first.
    pub const ALL: [Arch; 4] = [Arch::Riscv64, Arch::X86_64, Arch::Aarch64, Arch::Loongarch64];

    /// Name as in Rust's `target_arch` and in `make ARCH=`.
    pub const fn name(self) -> &'static str {
        match self {
            Arch::Riscv64 => "riscv64",
            Arch::X86_64 => "x86_64",
            Arch::Aarch64 => "aarch64",
            Arch::Loongarch64 => "loongarch64",
        }
    }

    /// The one with this name.
    pub fn from_name(name: &str) -> Option<Arch> {
        Arch::ALL.into_iter().find(|a| a.name() == name)
    }

    /// Bytes of the `pt_regs` that a program sees, the way libbpf's `bpf_tracing.h` reads them (Linux `arch/*/include/uapi/asm/ptrace.h`):
    /// riscv `user_regs_struct` (32 words), x86 `pt_regs` (21), arm64 `user_pt_regs` (34), loongarch `user_pt_regs` (45).
    pub const fn pt_regs_size(self) -> u32 {
        8 * match self {
            Arch::Riscv64 => 32,
            Arch::X86_64 => 21,
            Arch::Aarch64 => 34,
            Arch::Loongarch64 => 45,
        }
    }
}

impl Arch {
    /// Byte of `pt_regs` at which argument `i` of a C function is, at its entry (libbpf's PT_REGS_PARM1 is argument 0). `None`: it is not in
    /// a register.
    pub const fn arg_offset(self, i: usize) -> Option<usize> {
        const X86: [usize; 6] = [14, 13, 12, 11, 9, 8]; // rdi, rsi, rdx, rcx, r8, r9
        let (registers, word) = match self {
            Arch::Riscv64 => (8, 10 + i),
            Arch::Aarch64 => (8, i),
            Arch::Loongarch64 => (8, 4 + i),
            Arch::X86_64 => (X86.len(), if i < X86.len() { X86[i] } else { 0 }),
        };
        if i < registers { Some(8 * word) } else { None }
    }
}

/// Value that a context field holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FieldKind {
    /// A number.
    Scalar,
    /// Start of the packet; the load is 4 bytes wide and yields a pointer.
    Packet,
    /// End of the packet, likewise.
    PacketEnd,
    /// Start of the packet's metadata, likewise; it ends where the packet starts.
    PacketMeta,
    /// A socket or null.
    SockOrNull(SockKind),
    /// `struct bpf_flow_keys` of flow dissectors.
    FlowKeys,
}

/// A run of context bytes of one kind. Accesses are naturally aligned.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CtxField {
    /// First byte.
    pub off: u32,
    /// Bytes.
    pub size: u32,
    /// What a load yields.
    pub kind: FieldKind,
    /// Sizes in bytes that a load may have, as a set: 1, 2, 4 and 8 are their own bits.
    pub read: u8,
    /// Sizes that a store may have, likewise.
    pub write: u8,
    /// Where the value is in memory. For pointers that are loaded as 4 bytes, 8 bytes behind the struct that programs know; otherwise `off`.
    pub stored: u32,
}

/// The context of a program type: its fields, ascending, and its size in bytes. What no field covers is not accessible.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CtxLayout {
    /// Name of the struct, as Linux has it.
    pub name: &'static str,
    /// Size in bytes.
    pub size: u32,
    /// Accessible fields.
    pub fields: &'static [CtxField],
}

const fn scalars(off: u32, size: u32, min_access: u32) -> CtxField {
    CtxField { off, size, kind: FieldKind::Scalar, writable: false, min_access }
}
const fn writable(mut field: CtxField) -> CtxField {
    field.writable = true;
    field
}
const fn packet(off: u32, kind: FieldKind) -> CtxField {
    CtxField { off, size: 4, kind, writable: false, min_access: 4 }
}

// kprobe_prog_is_valid_access: aligned reads of any size within pt_regs.
const PT_REGS: [[CtxField; 1]; 4] = {
    let mut out = [[scalars(0, 0, 1)]; 4];
    let mut i = 0;
    while i < 4 {
        out[i] = [scalars(0, Arch::ALL[i].pt_regs_size(), 1)];
        i += 1;
    }
    out
};
// raw_tp_prog_is_valid_access: twelve 8-byte arguments.
const RAW_TP: [CtxField; 1] = [scalars(0, 12 * 8, 8)];
// The record of a tracepoint, at most PERF_MAX_TRACE_SIZE; its first 8 bytes are the kernel's own.
const TRACEPOINT: [CtxField; 1] = [scalars(8, 8192 - 8, 1)];
// struct bpf_perf_event_data: pt_regs, sample_period, addr.
const PERF_EVENT: [[CtxField; 2]; 4] = {
    let mut out = [[scalars(0, 0, 1); 2]; 4];
    let mut i = 0;
    while i < 4 {
        let regs = Arch::ALL[i].pt_regs_size();
        out[i] = [scalars(0, regs, 8), scalars(regs, 16, 1)];
        i += 1;
    }
    out
};
// struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
const XDP: [CtxField; 3] = [packet(0, FieldKind::Packet), packet(4, FieldKind::PacketEnd), scalars(12, 12, 4)];
// struct __sk_buff: what sk_filter, cls and act programs may read; data at 76, data_end at 80.
const SK_BUFF_FILTER: [CtxField; 3] = [scalars(0, 48, 4), writable(scalars(48, 20, 4)), scalars(68, 8, 4)];
const SK_BUFF_CLS: [CtxField; 8] = [
    scalars(0, 8, 4),
    writable(scalars(8, 4, 4)),
    scalars(12, 20, 4),
    scalars(32, 16, 4),
    writable(scalars(48, 20, 4)),
    scalars(68, 8, 4),
    packet(76, FieldKind::Packet),
    packet(80, FieldKind::PacketEnd),
];
// A syscall program's context is the caller's own buffer of up to U16_MAX bytes.
const SYSCALL: [CtxField; 1] = [writable(scalars(0, 65535, 1))];

impl CtxLayout {
    /// The layout for a program type on an ISA; `None`: programs of this type cannot be loaded here.
    pub const fn of(prog_type: ProgType, arch: Arch) -> Option<CtxLayout> {
        let a = arch as usize;
        let (name, size, fields): (_, u32, &'static [CtxField]) = match prog_type {
            ProgType::Kprobe => ("pt_regs", arch.pt_regs_size(), &PT_REGS[a]),
            ProgType::PerfEvent => ("bpf_perf_event_data", arch.pt_regs_size() + 16, &PERF_EVENT[a]),
            ProgType::RawTracepoint => ("bpf_raw_tracepoint_args", 96, &RAW_TP),
            ProgType::Tracing => ("bpf_tracing_args", 96, &RAW_TP),
            ProgType::Tracepoint => ("tracepoint record", 8192, &TRACEPOINT),
            ProgType::Xdp => ("xdp_md", 24, &XDP),
            ProgType::SocketFilter => ("__sk_buff", 192, &SK_BUFF_FILTER),
            ProgType::SchedCls | ProgType::SchedAct => ("__sk_buff", 192, &SK_BUFF_CLS),
            ProgType::Syscall => ("syscall context", 65535, &SYSCALL),
            _ => return None,
        };
        Some(CtxLayout { name, size, fields })
    }

    /// The field that an access of `size` bytes at `off` lies in; `None`: invalid bpf_context access.
    pub fn field(&self, off: i64, size: u32) -> Option<&'static CtxField> {
        let (start, end) = (u32::try_from(off).ok()?, u32::try_from(off + i64::from(size)).ok()?);
        let field = self.fields.iter().find(|f| f.off <= start && end <= f.off + f.size)?;
        (size >= field.min_access && start % size == 0).then_some(field)
    }
}
