//! Decoded instructions.
use core::fmt;

/// A register, R0 to R10.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reg(u8);

impl Reg {
    /// Result of calls and of the program.
    pub const R0: Reg = Reg(0);
    /// First argument; the context at program start.
    pub const R1: Reg = Reg(1);
    /// Second argument.
    pub const R2: Reg = Reg(2);
    /// Third argument.
    pub const R3: Reg = Reg(3);
    /// Fourth argument.
    pub const R4: Reg = Reg(4);
    /// Fifth argument.
    pub const R5: Reg = Reg(5);
    /// Callee-saved.
    pub const R6: Reg = Reg(6);
    /// Callee-saved.
    pub const R7: Reg = Reg(7);
    /// Callee-saved.
    pub const R8: Reg = Reg(8);
    /// Callee-saved.
    pub const R9: Reg = Reg(9);
    /// Frame pointer, read-only.
    pub const R10: Reg = Reg(10);
    /// Number of registers.
    pub const COUNT: usize = 11;

    /// The register with this number, if there is one.
    pub const fn new(n: u8) -> Option<Reg> {
        if n <= 10 { Some(Reg(n)) } else { None }
    }

    /// The registers in order.
    pub fn all() -> impl DoubleEndedIterator<Item = Reg> {
        (0..=10).map(Reg)
    }

    /// Number, 0 to 10.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "R{}", self.0)
    }
}

/// `R3`, the verifier's way; instruction text writes `r3`.
impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "R{}", self.0)
    }
}

/// How many bits of the registers an operation uses. W32 results are zero-extended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Width {
    /// The lower half: classes ALU and JMP32.
    W32,
    /// The whole register: classes ALU64 and JMP.
    W64,
}

/// Size of a memory access.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Size {
    /// One byte.
    B,
    /// Two bytes.
    H,
    /// Four bytes.
    W,
    /// Eight bytes.
    Dw,
}

impl Size {
    /// In bytes.
    pub const fn bytes(self) -> u32 {
        match self {
            Size::B => 1,
            Size::H => 2,
            Size::W => 4,
            Size::Dw => 8,
        }
    }
}

/// Second operand: a register or a sign-extended immediate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operand {
    /// Source kind X.
    Reg(Reg),
    /// Source kind K; sign-extended to the width of the operation.
    Imm(i32),
}

/// Arithmetic of two operands (RFC 9669 §4.1). `Neg`, `End` and sign-extending moves are instructions of their own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "the field's own names; semantics of the unusual ones stand in the table")]
pub enum AluOp {
    Add,
    Sub,
    Mul,
    /// Unsigned; x / 0 is 0.
    Div,
    /// Signed; x / 0 is 0, MIN / -1 is MIN.
    Sdiv,
    Or,
    And,
    /// The count is masked by the width.
    Lsh,
    /// The count is masked by the width.
    Rsh,
    /// Unsigned; x % 0 is x.
    Mod,
    /// Signed; x % 0 is x, MIN % -1 is 0.
    Smod,
    Xor,
    Mov,
    /// The count is masked by the width.
    Arsh,
}

/// Byte order conversions (RFC 9669 §4.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ByteOrder {
    /// `le16 r1`: to little endian (ALU, TO_LE): on a little-endian host only the truncation is left.
    ToLe,
    /// `be16 r1`: to big endian (ALU, TO_BE).
    ToBe,
    /// `bswap16 r1`: unconditional (ALU64).
    Swap,
}

/// Condition of a branch (RFC 9669 §4.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "the field's own names: dst OP src, plain ones unsigned, S ones signed; Set is dst & src")]
pub enum JmpOp {
    Eq,
    Gt,
    Ge,
    Set,
    Ne,
    Sgt,
    Sge,
    Lt,
    Le,
    Slt,
    Sle,
}

/// Atomic operations on memory (RFC 9669 §5.3), of 32 or 64 bits (`size`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AtomicOp {
    /// `lock *(dst + off) += src`; with `fetch`, src = the old value.
    Add {
        /// src receives the old value.
        fetch: bool,
    },
    /// Bitwise or.
    Or {
        /// src receives the old value.
        fetch: bool,
    },
    /// Bitwise and.
    And {
        /// src receives the old value.
        fetch: bool,
    },
    /// Bitwise exclusive or.
    Xor {
        /// src receives the old value.
        fetch: bool,
    },
    /// src and memory change places.
    Xchg,
    /// If R0 equals memory, src is stored; R0 = the old value either way.
    Cmpxchg,
}

/// What a wide load puts into its register (RFC 9669 §5.4): the source field of its first slot.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Imm64 {
    /// src 0: the value itself.
    Value(u64),
    /// src 1 (BPF_PSEUDO_MAP_FD): address of the map with this descriptor.
    MapFd(i32),
    /// src 2 (BPF_PSEUDO_MAP_VALUE): address inside the value of the map's only element.
    MapFdValue {
        /// Descriptor of the map.
        fd: i32,
        /// Offset into the value, in bytes.
        off: u32,
    },
    /// src 3 (BPF_PSEUDO_BTF_ID): address of a kernel variable.
    VarAddr {
        /// BTF id of the variable.
        btf_id: u32,
        /// Descriptor of the module's BTF, 0 for the kernel's.
        btf_fd: i32,
    },
    /// src 4 (BPF_PSEUDO_FUNC): address of the subprogram that starts this many slots after the next instruction (first slot + 1 + offset).
    Func {
        /// Distance in slots, counted from the slot after the first one, as calls do.
        offset: i32,
    },
    /// src 5 (BPF_PSEUDO_MAP_IDX): the map at this index of the load's descriptor array.
    MapIdx(i32),
    /// src 6 (BPF_PSEUDO_MAP_IDX_VALUE): address inside the value of that map's only element.
    MapIdxValue {
        /// Index into the load's descriptor array.
        idx: i32,
        /// Offset into the value, in bytes.
        off: u32,
    },
}

/// What a call reaches: the source field of a CALL.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Callee {
    /// src 0: helper function with this id.
    Helper(u32),
    /// src 1: subprogram at this distance in slots from the next instruction.
    Local {
        /// Distance in slots.
        offset: i32,
    },
    /// src 2: kernel function with this BTF id; `btf_idx` names the module's BTF in the load's descriptor array, 0 for the kernel's.
    Kfunc {
        /// BTF id of the function.
        btf_id: u32,
        /// Index into the load's descriptor array.
        btf_idx: i16,
    },
}

/// One instruction, decoded; every value of this type is legal in itself (positions and registers' contents are the verifier's).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Insn {
    /// `dst OP= src`.
    Alu {
        /// Operation.
        op: AluOp,
        /// Bits used.
        width: Width,
        /// Left operand and result.
        dst: Reg,
        /// Right operand.
        src: Operand,
    },
    /// `dst = -dst`.
    Neg {
        /// Bits used.
        width: Width,
        /// Operand and result.
        dst: Reg,
    },
    /// `dst = (sN)src`: sign-extending move. W64 takes `from` B, H or W; W32 takes B or H.
    MovSx {
        /// Bits written (then zero-extended).
        width: Width,
        /// Result.
        dst: Reg,
        /// Operand.
        src: Reg,
        /// Bits read.
        from: Size,
    },
    /// Byte order conversion of the low `bits` bits; the rest is cleared.
    End {
        /// Which conversion.
        order: ByteOrder,
        /// Operand and result.
        dst: Reg,
        /// H, W or Dw.
        size: Size,
    },
    /// `dst = imm64`, two slots.
    LoadImm64 {
        /// Result.
        dst: Reg,
        /// What is loaded.
        imm: Imm64,
    },
    /// `r0 = *(SIZE *)skb[imm]`, legacy packet load (RFC 9669 §5.5); size B, H or W.
    LoadAbs {
        /// Bytes read.
        size: Size,
        /// Offset from the packet's start.
        imm: i32,
    },
    /// `r0 = *(SIZE *)skb[src + imm]`, legacy packet load.
    LoadInd {
        /// Bytes read.
        size: Size,
        /// Register added to the offset.
        src: Reg,
        /// Offset from the packet's start.
        imm: i32,
    },
    /// `dst = *(SIZE *)(src + off)`; `sx` sign-extends (MEMSX; size B, H or W).
    Load {
        /// Bytes read.
        size: Size,
        /// Sign-extended instead of zero-extended.
        sx: bool,
        /// Result.
        dst: Reg,
        /// Base address.
        src: Reg,
        /// Offset in bytes.
        off: i16,
    },
    /// `*(SIZE *)(dst + off) = src` (STX: register; ST: immediate).
    Store {
        /// Bytes written.
        size: Size,
        /// Base address.
        dst: Reg,
        /// Offset in bytes.
        off: i16,
        /// What is stored.
        src: Operand,
    },
    /// Atomic read-modify-write at `dst + off`; size W or Dw.
    Atomic {
        /// Operation.
        op: AtomicOp,
        /// W or Dw.
        size: Size,
        /// Base address.
        dst: Reg,
        /// Offset in bytes.
        off: i16,
        /// Operand, and old value for fetching operations.
        src: Reg,
    },
    /// `goto offset`: JA (16 bits) or, `long`, gotol (JMP32 JA, 32 bits).
    Jump {
        /// In slots from the next instruction.
        offset: i32,
        /// Written as gotol.
        long: bool,
    },
    /// `if dst OP src goto offset`.
    Branch {
        /// Condition.
        op: JmpOp,
        /// Bits compared.
        width: Width,
        /// Left operand.
        dst: Reg,
        /// Right operand.
        src: Operand,
        /// In slots from the next instruction.
        offset: i16,
    },
    /// `may_goto offset` (JCOND, src 0): jumps when the loop budget is spent.
    MayGoto {
        /// In slots from the next instruction.
        offset: i16,
    },
    /// Call; R0 = result, R1-R5 undefined afterwards.
    Call(Callee),
    /// Return R0 to the caller or end the program.
    Exit,
}

impl Insn {
    /// How many slots it takes: 2 for a wide load, else 1.
    pub const fn slots(&self) -> usize {
        if matches!(self, Insn::LoadImm64 { .. }) { 2 } else { 1 }
    }

    /// Distance of the jump it may take, in slots from the next instruction; `None` for all but jumps and branches.
    pub const fn jump_offset(&self) -> Option<i32> {
        match *self {
            Insn::Jump { offset, .. } => Some(offset),
            Insn::Branch { offset, .. } | Insn::MayGoto { offset } => Some(offset as i32),
            _ => None,
        }
    }
}
