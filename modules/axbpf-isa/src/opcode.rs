//! Parts of the opcode byte (RFC 9669 §3.1, §4, §5) and the few whole opcodes that loaders and linkers look for.

/// Class: wide loads and legacy packet loads.
pub const LD: u8 = 0x00;
/// Class: load from memory.
pub const LDX: u8 = 0x01;
/// Class: store an immediate.
pub const ST: u8 = 0x02;
/// Class: store a register, atomics.
pub const STX: u8 = 0x03;
/// Class: 32-bit arithmetic.
pub const ALU: u8 = 0x04;
/// Class: 64-bit comparisons, calls, exit.
pub const JMP: u8 = 0x05;
/// Class: 32-bit comparisons, gotol.
pub const JMP32: u8 = 0x06;
/// Class: 64-bit arithmetic.
pub const ALU64: u8 = 0x07;
/// The bits of the class.
pub const CLASS: u8 = 0x07;

/// Source: the immediate.
pub const K: u8 = 0x00;
/// Source: the source register.
pub const X: u8 = 0x08;

/// Size: 4 bytes.
pub const W: u8 = 0x00;
/// Size: 2 bytes.
pub const H: u8 = 0x08;
/// Size: 1 byte.
pub const B: u8 = 0x10;
/// Size: 8 bytes.
pub const DW: u8 = 0x18;

/// Mode: 64-bit immediate.
pub const IMM: u8 = 0x00;
/// Mode: packet at a constant offset (legacy).
pub const ABS: u8 = 0x20;
/// Mode: packet at a register's offset (legacy).
pub const IND: u8 = 0x40;
/// Mode: memory.
pub const MEM: u8 = 0x60;
/// Mode: memory, sign-extended.
pub const MEMSX: u8 = 0x80;
/// Mode: atomic.
pub const ATOMIC: u8 = 0xc0;

/// A wide load's first slot (`lddw`).
pub const LDDW: u8 = LD | DW | IMM;
/// Any call.
pub const CALL: u8 = JMP | K | 0x80;
/// `exit`.
pub const EXIT: u8 = JMP | K | 0x90;
/// `goto`, 16-bit offset in `off`.
pub const JA: u8 = JMP | K;
/// `gotol`, 32-bit offset in `imm`.
pub const GOTOL: u8 = JMP32 | K;

/// Source field of a [`CALL`]: a subprogram.
pub const PSEUDO_CALL: u8 = 1;
/// Source field of a [`CALL`]: a kernel function.
pub const PSEUDO_KFUNC_CALL: u8 = 2;

/// Source field of an [`LDDW`]: a map's descriptor.
pub const PSEUDO_MAP_FD: u8 = 1;
/// Source field of an [`LDDW`]: a map's descriptor and an offset into its value.
pub const PSEUDO_MAP_VALUE: u8 = 2;
/// Source field of an [`LDDW`]: a kernel variable.
pub const PSEUDO_BTF_ID: u8 = 3;
/// Source field of an [`LDDW`]: a subprogram's address.
pub const PSEUDO_FUNC: u8 = 4;
/// Source field of an [`LDDW`]: an index into the load's descriptor array.
pub const PSEUDO_MAP_IDX: u8 = 5;
/// Source field of an [`LDDW`]: such an index and an offset into the map's value.
pub const PSEUDO_MAP_IDX_VALUE: u8 = 6;

/// Bit of an atomic's immediate: the old value is returned.
pub const FETCH: i32 = 0x01;
