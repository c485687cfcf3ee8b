use core::fmt;

/// One slot as it stands in memory (RFC 9669 §3.1): `opcode:8 dst:4 src:4 off:16 imm:32`, little endian.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(C)]
pub struct RawInsn {
    /// Operation, source kind and class.
    pub opcode: u8,
    /// `src << 4 | dst`.
    pub regs: u8,
    /// Signed offset, in bytes (memory) or slots (jumps).
    pub off: i16,
    /// Signed immediate.
    pub imm: i32,
}

impl RawInsn {
    /// Size of a slot in bytes.
    pub const SIZE: usize = 8;

    /// A slot of its fields; `dst` and `src` are taken modulo 16, as the encoding has room for.
    pub const fn new(opcode: u8, dst: u8, src: u8, off: i16, imm: i32) -> Self {
        Self { opcode, regs: (src & 0xf) << 4 | dst & 0xf, off, imm }
    }

    /// The destination field: 0-15, of which 0-10 are registers.
    pub const fn dst(self) -> u8 {
        self.regs & 0xf
    }

    /// The source field: 0-15, of which 0-10 are registers; calls and wide loads keep their kind here.
    pub const fn src(self) -> u8 {
        self.regs >> 4
    }

    /// Reads a slot from its bytes.
    pub const fn from_bytes(b: [u8; 8]) -> Self {
        Self { opcode: b[0], regs: b[1], off: i16::from_le_bytes([b[2], b[3]]), imm: i32::from_le_bytes([b[4], b[5], b[6], b[7]]) }
    }

    /// The slot as bytes.
    pub const fn to_bytes(self) -> [u8; 8] {
        let (off, imm) = (self.off.to_le_bytes(), self.imm.to_le_bytes());
        [self.opcode, self.regs, off[0], off[1], imm[0], imm[1], imm[2], imm[3]]
    }
}

impl fmt::Debug for RawInsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x} dst={} src={} off={} imm={:#x}", self.opcode, self.dst(), self.src(), self.off, self.imm)
    }
}

/// Index of a slot within its program (or subprogram), counted in slots.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct InsnIdx(pub u32);

impl InsnIdx {
    /// Slot reached by a taken jump from here: the offset counts from the slot after this one. `None`: outside `0..slots`.
    pub fn branch(self, offset: i32, slots: usize) -> Option<InsnIdx> {
        let target = i64::from(self.0) + 1 + i64::from(offset);
        (0..slots as i64).contains(&target).then_some(InsnIdx(target as u32))
    }

    /// As an index into a slice of slots.
    pub const fn at(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for InsnIdx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
