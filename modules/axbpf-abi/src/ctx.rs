//! What R1 points to, by program type.
use crate::{ProgType, SockKind, layouts};

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
    /// Start of the packet; the load yields a pointer, also where it is 4 bytes wide.
    Packet,
    /// End of the packet, likewise.
    PacketEnd,
    /// Start of the packet's metadata, likewise; it ends where the packet starts.
    PacketMeta,
    /// A socket.
    Sock(SockKind),
    /// A socket or null.
    SockOrNull(SockKind),
    /// `struct bpf_flow_keys` of flow dissectors: [`FLOW_KEYS_SIZE`] bytes, readable and writable.
    FlowKeys,
    /// The buffer that a writable raw tracepoint lends (PTR_TO_TP_BUFFER); the tracepoint says how long it is.
    TpBuffer,
}

/// Size of `struct bpf_flow_keys` in bytes.
pub const FLOW_KEYS_SIZE: u32 = 56;

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

/// The context of a program type: its fields, by their first byte, and its size in bytes. What no field covers is not accessible.
///
/// Programs see the struct that Linux's user API has, in which a packet's start and end are 4 bytes. A pointer needs 8, so the memory that R1
/// points to is that struct and, behind it, one 8-byte word for each such pointer; [`CtxField::stored`] says which. Linux instead keeps a
/// struct of its own behind R1 and rewrites each access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CtxLayout {
    /// Name of the struct, as Linux has it.
    pub name: &'static str,
    /// Size in bytes of the struct that programs know.
    pub size: u32,
    /// Size in bytes of the memory behind R1: the struct and the words behind it.
    pub memory: u32,
    /// Accessible fields. They overlap where only the first bytes of a field may be read narrowly.
    pub fields: &'static [CtxField],
}

impl CtxLayout {
    /// The layout for a program type on an instruction set. `expected_attach_type` is the number that PROG_LOAD was given: some fields are
    /// there for some attach types only. `None`: the type has no fixed context, or not with this attach type.
    pub const fn of(prog_type: ProgType, expected_attach_type: u32, arch: Arch) -> Option<CtxLayout> {
        layouts::of(prog_type, expected_attach_type, arch)
    }

    /// What programs may read through a pointer to a socket (Linux: `bpf_sock_common_is_valid_access` and its siblings).
    pub const fn of_sock(kind: SockKind) -> CtxLayout {
        layouts::of_sock(kind)
    }

    /// The field that an access of `size` bytes at `off` lies in; `None`: invalid bpf_context access.
    pub fn field(&self, off: i64, size: u32, write: bool) -> Option<&'static CtxField> {
        let start = u32::try_from(off).ok()?;
        let end = start.checked_add(size)?;
        if !matches!(size, 1 | 2 | 4 | 8) || !start.is_multiple_of(size) {
            return None;
        }
        self.fields.iter().find(|f| {
            let sizes = if write { f.write } else { f.read };
            f.off <= start && end <= f.off + f.size && u32::from(sizes) & size != 0
        })
    }
}
