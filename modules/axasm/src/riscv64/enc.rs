//! Encoders: a function an instruction, its operands in the manual's order, named as in the manual.
//!
//! RV64I, M and A, the instructions of Zba and Zbb that replace longer sequences, and [`compress`], which knows the C form of all of
//! them that have one. Fields that not every value fits into are types of their own ([`Imm12`], [`BranchOffset`], ...), so encoding
//! itself cannot fail.

/// An integer register.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct X(u8);

#[expect(missing_docs, reason = "the ABI's own names")]
impl X {
    pub const ZERO: X = X(0);
    pub const RA: X = X(1);
    pub const SP: X = X(2);
    pub const T0: X = X(5);
    pub const T1: X = X(6);
    pub const T2: X = X(7);
    pub const S0: X = X(8);
    pub const S1: X = X(9);
    pub const A0: X = X(10);
    pub const A1: X = X(11);
    pub const A2: X = X(12);
    pub const A3: X = X(13);
    pub const A4: X = X(14);
    pub const A5: X = X(15);
    pub const A6: X = X(16);
    pub const A7: X = X(17);
    pub const S2: X = X(18);
    pub const S3: X = X(19);
    pub const S4: X = X(20);
    pub const T3: X = X(28);
    pub const T4: X = X(29);
    pub const T5: X = X(30);
    pub const T6: X = X(31);
}

impl X {
    /// The register with this number, 0 to 31.
    pub const fn new(number: u8) -> Option<X> {
        if number < 32 { Some(X(number)) } else { None }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// A signed value of a certain number of bits, as an immediate field takes it.
macro_rules! immediate {
    ($(#[$doc:meta])* $name:ident, $bits:literal, $align:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct $name(i32);

        impl $name {
            /// `None` if the value does not fit.
            pub const fn new(value: i64) -> Option<Self> {
                let half = 1 << ($bits - 1);
                if -half <= value && value < half && value.rem_euclid($align) == 0 { Some($name(value as i32)) } else { None }
            }

            /// A constant; one that does not fit does not compile.
            pub const fn of<const VALUE: i64>() -> Self {
                const { Self::new(VALUE).unwrap() }
            }

            /// The value.
            pub const fn value(self) -> i32 {
                self.0
            }
        }
    };
}

immediate! {
    /// Immediate of I- and S-type: 12 bits, -2048 to 2047.
    Imm12, 12, 1
}
immediate! {
    /// Offset of B-type, in bytes from the instruction: 13 bits, even.
    BranchOffset, 13, 2
}
immediate! {
    /// Offset of J-type, in bytes from the instruction: 21 bits, even.
    JumpOffset, 21, 2
}
immediate! {
    /// Immediate of U-type: the upper 20 of 32 bits, as a signed number.
    Imm20, 20, 1
}

/// A shift count below 64.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shamt(u8);

impl Shamt {
    /// The count modulo 64, as registers give it.
    pub const fn masked(count: u32) -> Shamt {
        Shamt((count & 63) as u8)
    }
}

/// A shift count below 32.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShamtW(u8);

impl ShamtW {
    /// The count modulo 32, as registers give it.
    pub const fn masked(count: u32) -> ShamtW {
        ShamtW((count & 31) as u8)
    }
}

/// A place in memory: `offset(base)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mem {
    /// Base address.
    pub base: X,
    /// Added to it, in bytes.
    pub offset: Imm12,
}

/// Ordering bits of an atomic instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// None.
    Relaxed,
    /// `.rl`: after all accesses before it.
    Release,
    /// `.aqrl`: also before all accesses after it.
    Full,
}

// Splits a 32-bit displacement for auipc (or lui) and a 12-bit immediate: the low part is signed, so the high part rounds.

/// The parts of `value` for [`lui`] or [`auipc`] and an instruction with a 12-bit immediate. `None` beyond what two such reach
/// (-2^31 - 2^11 to 2^31 - 2^11 - 1).
pub const fn hi_lo(value: i64) -> Option<(Imm20, Imm12)> {
    let low = (value << 52) >> 52;
    match (Imm20::new((value - low) >> 12), Imm12::new(low)) {
        (Some(high), Some(low)) => Some((high, low)),
        _ => None,
    }
}

// Major opcodes (unprivileged manual, "RV32/64G instruction set listings").
const LOAD: u32 = 0b000_0011;
const MISC_MEM: u32 = 0b000_1111;
const OP_IMM: u32 = 0b001_0011;
const AUIPC: u32 = 0b001_0111;
const OP_IMM_32: u32 = 0b001_1011;
const STORE: u32 = 0b010_0011;
const AMO: u32 = 0b010_1111;
const OP: u32 = 0b011_0011;
const LUI: u32 = 0b011_0111;
const OP_32: u32 = 0b011_1011;
const BRANCH: u32 = 0b110_0011;
const JALR: u32 = 0b110_0111;
const JAL: u32 = 0b110_1111;

// R-type: funct7 | rs2 | rs1 | funct3 | rd | opcode
const fn r(funct7: u32, rs2: X, rs1: X, funct3: u32, rd: X, opcode: u32) -> u32 {
    funct7 << 25 | (rs2.0 as u32) << 20 | (rs1.0 as u32) << 15 | funct3 << 12 | (rd.0 as u32) << 7 | opcode
}

// I-type: imm[11:0] | rs1 | funct3 | rd | opcode
const fn i(imm: Imm12, rs1: X, funct3: u32, rd: X, opcode: u32) -> u32 {
    (imm.0 as u32) << 20 | (rs1.0 as u32) << 15 | funct3 << 12 | (rd.0 as u32) << 7 | opcode
}

// I-type with a shift count: funct6 | shamt[5:0] | rs1 | funct3 | rd | opcode
const fn shift(funct6: u32, shamt: u8, rs1: X, funct3: u32, rd: X, opcode: u32) -> u32 {
    funct6 << 26 | (shamt as u32) << 20 | (rs1.0 as u32) << 15 | funct3 << 12 | (rd.0 as u32) << 7 | opcode
}

// S-type: imm[11:5] | rs2 | rs1 | funct3 | imm[4:0] | opcode
const fn s(mem: Mem, rs2: X, funct3: u32, opcode: u32) -> u32 {
    let imm = mem.offset.0 as u32;
    (imm >> 5 & 0x7f) << 25 | (rs2.0 as u32) << 20 | (mem.base.0 as u32) << 15 | funct3 << 12 | (imm & 0x1f) << 7 | opcode
}

// B-type: imm[12|10:5] | rs2 | rs1 | funct3 | imm[4:1|11] | opcode
const fn b(offset: BranchOffset, rs2: X, rs1: X, funct3: u32) -> u32 {
    let imm = offset.0 as u32;
    let (high, low) = ((imm >> 12 & 1) << 6 | imm >> 5 & 0x3f, imm & 0x1e | imm >> 11 & 1);
    high << 25 | (rs2.0 as u32) << 20 | (rs1.0 as u32) << 15 | funct3 << 12 | low << 7 | BRANCH
}

// U-type: imm[31:12] | rd | opcode
const fn u(imm: Imm20, rd: X, opcode: u32) -> u32 {
    (imm.0 as u32) << 12 | (rd.0 as u32) << 7 | opcode
}

// Atomics: funct5 | aq | rl | rs2 | rs1 | funct3 | rd | opcode
const fn a(funct5: u32, order: Order, rs2: X, rs1: X, funct3: u32, rd: X) -> u32 {
    let aqrl = match order {
        Order::Relaxed => 0b00,
        Order::Release => 0b01,
        Order::Full => 0b11,
    };
    r(funct5 << 2 | aqrl, rs2, rs1, funct3, rd, AMO)
}

/// Functions of one format, one a row.
macro_rules! encoders {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),*) = $word:expr;)*) => {
        $($(#[$doc])* pub const fn $name($($arg: $ty),*) -> u32 { $word })*
    };
}

encoders! {
    /// rd = rs1 + rs2
    add(rd: X, rs1: X, rs2: X) = r(0b000_0000, rs2, rs1, 0b000, rd, OP);
    /// rd = rs1 - rs2
    sub(rd: X, rs1: X, rs2: X) = r(0b010_0000, rs2, rs1, 0b000, rd, OP);
    /// rd = rs1 << (rs2 mod 64)
    sll(rd: X, rs1: X, rs2: X) = r(0b000_0000, rs2, rs1, 0b001, rd, OP);
    /// rd = rs1 ^ rs2
    xor(rd: X, rs1: X, rs2: X) = r(0b000_0000, rs2, rs1, 0b100, rd, OP);
    /// rd = rs1 >> (rs2 mod 64), zeros come in
    srl(rd: X, rs1: X, rs2: X) = r(0b000_0000, rs2, rs1, 0b101, rd, OP);
    /// rd = rs1 >> (rs2 mod 64), copies of the sign come in
    sra(rd: X, rs1: X, rs2: X) = r(0b010_0000, rs2, rs1, 0b101, rd, OP);
    /// rd = rs1 | rs2
    or(rd: X, rs1: X, rs2: X) = r(0b000_0000, rs2, rs1, 0b110, rd, OP);
    /// rd = rs1 & rs2
    and(rd: X, rs1: X, rs2: X) = r(0b000_0000, rs2, rs1, 0b111, rd, OP);
    /// rd = low half of rs1 + rs2, sign-extended
    addw(rd: X, rs1: X, rs2: X) = r(0b000_0000, rs2, rs1, 0b000, rd, OP_32);
    /// rd = low half of rs1 - rs2, sign-extended
    subw(rd: X, rs1: X, rs2: X) = r(0b010_0000, rs2, rs1, 0b000, rd, OP_32);
    /// rd = low half of rs1 << (rs2 mod 32), sign-extended
    sllw(rd: X, rs1: X, rs2: X) = r(0b000_0000, rs2, rs1, 0b001, rd, OP_32);
    /// rd = low half of rs1 >> (rs2 mod 32), zeros come in, sign-extended
    srlw(rd: X, rs1: X, rs2: X) = r(0b000_0000, rs2, rs1, 0b101, rd, OP_32);
    /// rd = low half of rs1 >> (rs2 mod 32), copies of the sign come in
    sraw(rd: X, rs1: X, rs2: X) = r(0b010_0000, rs2, rs1, 0b101, rd, OP_32);

    /// rd = rs1 * rs2
    mul(rd: X, rs1: X, rs2: X) = r(0b000_0001, rs2, rs1, 0b000, rd, OP);
    /// rd = rs1 / rs2, signed; by zero -1, MIN / -1 = MIN
    div(rd: X, rs1: X, rs2: X) = r(0b000_0001, rs2, rs1, 0b100, rd, OP);
    /// rd = rs1 / rs2, unsigned; by zero all ones
    divu(rd: X, rs1: X, rs2: X) = r(0b000_0001, rs2, rs1, 0b101, rd, OP);
    /// rd = rs1 % rs2, signed; by zero rs1, MIN % -1 = 0
    rem(rd: X, rs1: X, rs2: X) = r(0b000_0001, rs2, rs1, 0b110, rd, OP);
    /// rd = rs1 % rs2, unsigned; by zero rs1
    remu(rd: X, rs1: X, rs2: X) = r(0b000_0001, rs2, rs1, 0b111, rd, OP);
    /// As [`mul`] of low halves, sign-extended
    mulw(rd: X, rs1: X, rs2: X) = r(0b000_0001, rs2, rs1, 0b000, rd, OP_32);
    /// As [`div`] of low halves, sign-extended
    divw(rd: X, rs1: X, rs2: X) = r(0b000_0001, rs2, rs1, 0b100, rd, OP_32);
    /// As [`divu`] of low halves, sign-extended
    divuw(rd: X, rs1: X, rs2: X) = r(0b000_0001, rs2, rs1, 0b101, rd, OP_32);
    /// As [`rem`] of low halves, sign-extended
    remw(rd: X, rs1: X, rs2: X) = r(0b000_0001, rs2, rs1, 0b110, rd, OP_32);
    /// As [`remu`] of low halves, sign-extended
    remuw(rd: X, rs1: X, rs2: X) = r(0b000_0001, rs2, rs1, 0b111, rd, OP_32);

    /// rd = rs1 + imm
    addi(rd: X, rs1: X, imm: Imm12) = i(imm, rs1, 0b000, rd, OP_IMM);
    /// rd = rs1 ^ imm
    xori(rd: X, rs1: X, imm: Imm12) = i(imm, rs1, 0b100, rd, OP_IMM);
    /// rd = rs1 | imm
    ori(rd: X, rs1: X, imm: Imm12) = i(imm, rs1, 0b110, rd, OP_IMM);
    /// rd = rs1 & imm
    andi(rd: X, rs1: X, imm: Imm12) = i(imm, rs1, 0b111, rd, OP_IMM);
    /// rd = low half of rs1 + imm, sign-extended
    addiw(rd: X, rs1: X, imm: Imm12) = i(imm, rs1, 0b000, rd, OP_IMM_32);
    /// rd = rs1 << shamt
    slli(rd: X, rs1: X, shamt: Shamt) = shift(0b000000, shamt.0, rs1, 0b001, rd, OP_IMM);
    /// rd = rs1 >> shamt, zeros come in
    srli(rd: X, rs1: X, shamt: Shamt) = shift(0b000000, shamt.0, rs1, 0b101, rd, OP_IMM);
    /// rd = rs1 >> shamt, copies of the sign come in
    srai(rd: X, rs1: X, shamt: Shamt) = shift(0b010000, shamt.0, rs1, 0b101, rd, OP_IMM);
    /// rd = low half of rs1 << shamt, sign-extended
    slliw(rd: X, rs1: X, shamt: ShamtW) = shift(0b000000, shamt.0, rs1, 0b001, rd, OP_IMM_32);
    /// rd = low half of rs1 >> shamt, zeros come in, sign-extended
    srliw(rd: X, rs1: X, shamt: ShamtW) = shift(0b000000, shamt.0, rs1, 0b101, rd, OP_IMM_32);
    /// rd = low half of rs1 >> shamt, copies of the sign come in
    sraiw(rd: X, rs1: X, shamt: ShamtW) = shift(0b010000, shamt.0, rs1, 0b101, rd, OP_IMM_32);
    /// rd = imm << 12, sign-extended
    lui(rd: X, imm: Imm20) = u(imm, rd, LUI);
    /// rd = pc + (imm << 12)
    auipc(rd: X, imm: Imm20) = u(imm, rd, AUIPC);

    /// rd = byte, sign-extended
    lb(rd: X, mem: Mem) = i(mem.offset, mem.base, 0b000, rd, LOAD);
    /// rd = 2 bytes, sign-extended
    lh(rd: X, mem: Mem) = i(mem.offset, mem.base, 0b001, rd, LOAD);
    /// rd = 4 bytes, sign-extended
    lw(rd: X, mem: Mem) = i(mem.offset, mem.base, 0b010, rd, LOAD);
    /// rd = 8 bytes
    ld(rd: X, mem: Mem) = i(mem.offset, mem.base, 0b011, rd, LOAD);
    /// rd = byte
    lbu(rd: X, mem: Mem) = i(mem.offset, mem.base, 0b100, rd, LOAD);
    /// rd = 2 bytes
    lhu(rd: X, mem: Mem) = i(mem.offset, mem.base, 0b101, rd, LOAD);
    /// rd = 4 bytes
    lwu(rd: X, mem: Mem) = i(mem.offset, mem.base, 0b110, rd, LOAD);
    /// byte = rs2
    sb(rs2: X, mem: Mem) = s(mem, rs2, 0b000, STORE);
    /// 2 bytes = rs2
    sh(rs2: X, mem: Mem) = s(mem, rs2, 0b001, STORE);
    /// 4 bytes = rs2
    sw(rs2: X, mem: Mem) = s(mem, rs2, 0b010, STORE);
    /// 8 bytes = rs2
    sd(rs2: X, mem: Mem) = s(mem, rs2, 0b011, STORE);

    /// Goes to offset if rs1 == rs2
    beq(rs1: X, rs2: X, offset: BranchOffset) = b(offset, rs2, rs1, 0b000);
    /// Goes to offset if rs1 != rs2
    bne(rs1: X, rs2: X, offset: BranchOffset) = b(offset, rs2, rs1, 0b001);
    /// Goes to offset if rs1 < rs2, signed
    blt(rs1: X, rs2: X, offset: BranchOffset) = b(offset, rs2, rs1, 0b100);
    /// Goes to offset if rs1 >= rs2, signed
    bge(rs1: X, rs2: X, offset: BranchOffset) = b(offset, rs2, rs1, 0b101);
    /// Goes to offset if rs1 < rs2, unsigned
    bltu(rs1: X, rs2: X, offset: BranchOffset) = b(offset, rs2, rs1, 0b110);
    /// Goes to offset if rs1 >= rs2, unsigned
    bgeu(rs1: X, rs2: X, offset: BranchOffset) = b(offset, rs2, rs1, 0b111);
    /// rd = next pc; goes to mem's address
    jalr(rd: X, mem: Mem) = i(mem.offset, mem.base, 0b000, rd, JALR);

    /// rd = 4 bytes at rs1, sign-extended, and reserves them
    lr_w(rd: X, rs1: X, order: Order) = a(0b00010, order, X::ZERO, rs1, 0b010, rd);
    /// rd = 8 bytes at rs1, and reserves them
    lr_d(rd: X, rs1: X, order: Order) = a(0b00010, order, X::ZERO, rs1, 0b011, rd);
    /// 4 bytes at rs1 = rs2 if still reserved; rd = 0 if done
    sc_w(rd: X, rs2: X, rs1: X, order: Order) = a(0b00011, order, rs2, rs1, 0b010, rd);
    /// 8 bytes at rs1 = rs2 if still reserved; rd = 0 if done
    sc_d(rd: X, rs2: X, rs1: X, order: Order) = a(0b00011, order, rs2, rs1, 0b011, rd);

    // Zba, Zbb.
    /// rd = low half of rs1, zero-extended, + rs2 (Zba)
    add_uw(rd: X, rs1: X, rs2: X) = r(0b000_0100, rs2, rs1, 0b000, rd, OP_32);
    /// rd = rs1 rotated right (Zbb)
    rori(rd: X, rs1: X, shamt: Shamt) = shift(0b011000, shamt.0, rs1, 0b101, rd, OP_IMM);
    /// rd = low half of rs1 rotated right, sign-extended (Zbb)
    roriw(rd: X, rs1: X, shamt: ShamtW) = shift(0b011000, shamt.0, rs1, 0b101, rd, OP_IMM_32);
    /// rd = bytes of rs in reverse order (Zbb)
    rev8(rd: X, rs: X) = shift(0b011010, 0b111000, rs, 0b101, rd, OP_IMM);
    /// rd = low byte of rs, sign-extended (Zbb)
    sext_b(rd: X, rs: X) = shift(0b011000, 0b000100, rs, 0b001, rd, OP_IMM);
    /// rd = low 2 bytes of rs, sign-extended (Zbb)
    sext_h(rd: X, rs: X) = shift(0b011000, 0b000101, rs, 0b001, rd, OP_IMM);
    /// rd = low 2 bytes of rs, zero-extended (Zbb)
    zext_h(rd: X, rs: X) = r(0b000_0100, X::ZERO, rs, 0b100, rd, OP_32);
}

/// J-type: rd = next pc; goes to offset.
pub const fn jal(rd: X, offset: JumpOffset) -> u32 {
    // imm[20|10:1|11|19:12] | rd | opcode
    let imm = offset.0 as u32;
    let field = (imm >> 20 & 1) << 19 | (imm >> 1 & 0x3ff) << 9 | (imm >> 11 & 1) << 8 | imm >> 12 & 0xff;
    field << 12 | (rd.0 as u32) << 7 | JAL
}

/// What an atomic read-modify-write does with memory and rs2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the manual's names")]
pub enum Amo {
    Swap,
    Add,
    Xor,
    And,
    Or,
}

impl Amo {
    const fn funct5(self) -> u32 {
        match self {
            Amo::Swap => 0b00001,
            Amo::Add => 0b00000,
            Amo::Xor => 0b00100,
            Amo::And => 0b01100,
            Amo::Or => 0b01000,
        }
    }
}

/// rd = 4 bytes at rs1, sign-extended; those change by `op` and rs2.
pub const fn amo_w(op: Amo, rd: X, rs2: X, rs1: X, order: Order) -> u32 {
    a(op.funct5(), order, rs2, rs1, 0b010, rd)
}

/// rd = 8 bytes at rs1; those change by `op` and rs2.
pub const fn amo_d(op: Amo, rd: X, rs2: X, rs1: X, order: Order) -> u32 {
    a(op.funct5(), order, rs2, rs1, 0b011, rd)
}

/// `fence rw, rw`: earlier reads and writes come before later ones.
pub const FENCE_RW_RW: u32 = i(Imm12::of::<0b0011_0011>(), X::ZERO, 0b000, X::ZERO, MISC_MEM);

/// The 2-byte form of an instruction, if it has one: the same operation and the same operands (C extension). Branches and jumps are left
/// as they are ([`c_j`], [`c_beqz`], [`c_bnez`]): their offsets are known last.
pub const fn compress(word: u32) -> Option<u16> {
    let (rd, rs1, rs2) = (word >> 7 & 31, word >> 15 & 31, word >> 20 & 31);
    let (funct3, funct7) = (word >> 12 & 7, word >> 25);
    let imm = word as i32 >> 20;
    let shamt = word >> 20 & 63;
    let small = -32 <= imm && imm < 32;
    let same = rd == rs1 && rd != 0;
    let half = match (word & 0x7f, funct3) {
        // c.nop
        (OP_IMM, 0b000) if imm == 0 && rd == 0 && rs1 == 0 => ci(0b000, 0, 0, 0b01),
        // c.li
        (OP_IMM | OP_IMM_32, 0b000) if rs1 == 0 && rd != 0 && small => ci(0b010, imm as u32, rd, 0b01),
        // c.mv
        (OP_IMM, 0b000) if imm == 0 && rd != 0 && rs1 != 0 => cr(0b1000, rd, rs1),
        // c.addi
        (OP_IMM, 0b000) if same && imm != 0 && small => ci(0b000, imm as u32, rd, 0b01),
        // c.addi16sp
        (OP_IMM, 0b000) if rd == 2 && rs1 == 2 && imm != 0 && imm % 16 == 0 && -512 <= imm && imm < 512 => {
            let n = imm as u32;
            let low = (n >> 4 & 1) << 4 | (n >> 6 & 1) << 3 | (n >> 7 & 3) << 1 | n >> 5 & 1;
            ci(0b011, (n >> 9 & 1) << 5 | low, 2, 0b01)
        }
        // c.addi4spn
        (OP_IMM, 0b000) if is_prime(rd) && rs1 == 2 && 0 < imm && imm < 1024 && imm % 4 == 0 => {
            let n = imm as u32;
            (n >> 4 & 3) << 11 | (n >> 6 & 15) << 7 | (n >> 2 & 1) << 6 | (n >> 3 & 1) << 5 | prime(rd) << 2
        }
        // c.addiw
        (OP_IMM_32, 0b000) if same && small => ci(0b001, imm as u32, rd, 0b01),
        // c.lui
        (LUI, _) if rd != 0 && rd != 2 && word >> 12 != 0 && -32 <= word as i32 >> 12 && (word as i32) >> 12 < 32 => {
            ci(0b011, word >> 12, rd, 0b01)
        }
        // c.slli
        (OP_IMM, 0b001) if same && word >> 26 == 0 && shamt != 0 => ci(0b000, shamt, rd, 0b10),
        // c.srli, c.srai
        (OP_IMM, 0b101) if same && is_prime(rd) && shamt != 0 && word >> 26 == 0b000000 => cb(shamt, 0b00, rd),
        (OP_IMM, 0b101) if same && is_prime(rd) && shamt != 0 && word >> 26 == 0b010000 => cb(shamt, 0b01, rd),
        // c.andi
        (OP_IMM, 0b111) if same && is_prime(rd) && small => cb(imm as u32, 0b10, rd),
        // c.mv, c.add
        (OP, 0b000) if funct7 == 0 && rd != 0 && rs1 == 0 && rs2 != 0 => cr(0b1000, rd, rs2),
        (OP, 0b000) if funct7 == 0 && rd != 0 && rs2 == 0 && rs1 != 0 => cr(0b1000, rd, rs1),
        (OP, 0b000) if funct7 == 0 && rd != 0 && rd == rs1 && rs2 != 0 => cr(0b1001, rd, rs2),
        (OP, 0b000) if funct7 == 0 && rd != 0 && rd == rs2 && rs1 != 0 => cr(0b1001, rd, rs1),
        // c.sub, c.xor, c.or, c.and, c.subw, c.addw
        (OP, 0b000) if funct7 == 0b010_0000 && same && is_prime(rd) && is_prime(rs2) => ca(0b100_011, rd, 0b00, rs2),
        (OP, 0b100 | 0b110 | 0b111) if funct7 == 0 && is_prime(rd) && is_prime(rs1) && is_prime(rs2) && (rd == rs1 || rd == rs2) => {
            let funct2 = if funct3 == 0b100 { 0b01 } else { funct3 - 0b100 };
            ca(0b100_011, rd, funct2, if rd == rs1 { rs2 } else { rs1 })
        }
        (OP_32, 0b000) if funct7 == 0b010_0000 && same && is_prime(rd) && is_prime(rs2) => ca(0b100_111, rd, 0b00, rs2),
        (OP_32, 0b000) if funct7 == 0 && is_prime(rd) && is_prime(rs1) && is_prime(rs2) && (rd == rs1 || rd == rs2) => {
            ca(0b100_111, rd, 0b01, if rd == rs1 { rs2 } else { rs1 })
        }
        // c.lwsp, c.ldsp
        (LOAD, 0b010) if rs1 == 2 && rd != 0 && fits(imm, 4, 256) => ci(0b010, sp_offset_w(imm as u32), rd, 0b10),
        (LOAD, 0b011) if rs1 == 2 && rd != 0 && fits(imm, 8, 512) => ci(0b011, sp_offset_d(imm as u32), rd, 0b10),
        // c.lw, c.ld
        (LOAD, 0b010) if is_prime(rd) && is_prime(rs1) && fits(imm, 4, 128) => cl(0b010, offset_w(imm as u32), rs1, rd),
        (LOAD, 0b011) if is_prime(rd) && is_prime(rs1) && fits(imm, 8, 256) => cl(0b011, offset_d(imm as u32), rs1, rd),
        (STORE, 0b010 | 0b011) => {
            let imm = (funct7 << 5 | rd) as i32 - ((funct7 as i32 >> 6) << 12);
            let n = imm as u32;
            match funct3 {
                // c.swsp, c.sdsp
                0b010 if rs1 == 2 && fits(imm, 4, 256) => 0b110 << 13 | (n >> 2 & 15) << 9 | (n >> 6 & 3) << 7 | rs2 << 2 | 0b10,
                0b011 if rs1 == 2 && fits(imm, 8, 512) => 0b111 << 13 | (n >> 3 & 7) << 10 | (n >> 6 & 7) << 7 | rs2 << 2 | 0b10,
                // c.sw, c.sd
                0b010 if is_prime(rs2) && is_prime(rs1) && fits(imm, 4, 128) => cl(0b110, offset_w(n), rs1, rs2),
                0b011 if is_prime(rs2) && is_prime(rs1) && fits(imm, 8, 256) => cl(0b111, offset_d(n), rs1, rs2),
                _ => return None,
            }
        }
        // c.jr, c.jalr
        (JALR, _) if imm == 0 && rs1 != 0 && rd == 0 => cr(0b1000, rs1, 0),
        (JALR, _) if imm == 0 && rs1 != 0 && rd == 1 => cr(0b1001, rs1, 0),
        _ => return None,
    };
    Some(half as u16)
}

/// Whether the C extension's 3-bit fields can name the register: x8 to x15.
const fn is_prime(reg: u32) -> bool {
    reg & 0b11000 == 0b01000
}

const fn prime(reg: u32) -> u32 {
    reg & 7
}

const fn fits(offset: i32, align: i32, end: i32) -> bool {
    0 <= offset && offset < end && offset % align == 0
}

// CI: funct3 | imm[5] | rd/rs1 | imm[4:0] | op
const fn ci(funct3: u32, imm: u32, rd: u32, op: u32) -> u32 {
    funct3 << 13 | (imm >> 5 & 1) << 12 | rd << 7 | (imm & 31) << 2 | op
}

// CR: funct4 | rd/rs1 | rs2 | op
const fn cr(funct4: u32, rd: u32, rs2: u32) -> u32 {
    funct4 << 12 | rd << 7 | rs2 << 2 | 0b10
}

// CB with an immediate: 100 | imm[5] | funct2 | rd'/rs1' | imm[4:0] | op
const fn cb(imm: u32, funct2: u32, rd: u32) -> u32 {
    0b100 << 13 | (imm >> 5 & 1) << 12 | funct2 << 10 | prime(rd) << 7 | (imm & 31) << 2 | 0b01
}

// CA: funct6 | rd'/rs1' | funct2 | rs2' | op
const fn ca(funct6: u32, rd: u32, funct2: u32, rs2: u32) -> u32 {
    funct6 << 10 | prime(rd) << 7 | funct2 << 5 | prime(rs2) << 2 | 0b01
}

// CL, CS: funct3 | imm | rs1' | imm | rd'/rs2' | op
const fn cl(funct3: u32, offset: (u32, u32), rs1: u32, reg: u32) -> u32 {
    funct3 << 13 | offset.0 << 10 | prime(rs1) << 7 | offset.1 << 5 | prime(reg) << 2
}

// uimm[5:3] and uimm[2|6]
const fn offset_w(n: u32) -> (u32, u32) {
    (n >> 3 & 7, (n >> 2 & 1) << 1 | n >> 6 & 1)
}

// uimm[5:3] and uimm[7:6]
const fn offset_d(n: u32) -> (u32, u32) {
    (n >> 3 & 7, n >> 6 & 3)
}

// uimm[5] uimm[4:2|7:6]
const fn sp_offset_w(n: u32) -> u32 {
    n & 0b111100 | n >> 6 & 3
}

// uimm[5] uimm[4:3|8:6]
const fn sp_offset_d(n: u32) -> u32 {
    n & 0b111000 | n >> 6 & 7
}

/// The 2-byte form of `jal zero`: offsets of 12 bits.
pub const fn c_j(offset: JumpOffset) -> Option<u16> {
    let n = offset.0 as u32;
    if offset.0 < -2048 || offset.0 >= 2048 {
        return None;
    }
    // imm[11|4|9:8|10|6|7|3:1|5]
    let high = (n >> 11 & 1) << 10 | (n >> 4 & 1) << 9 | (n >> 8 & 3) << 7 | (n >> 10 & 1) << 6 | (n >> 6 & 1) << 5;
    let low = (n >> 7 & 1) << 4 | (n >> 1 & 7) << 1 | n >> 5 & 1;
    Some((0b101 << 13 | (high | low) << 2 | 0b01) as u16)
}

/// The 2-byte form of `beq rs1, zero`: x8 to x15, offsets of 9 bits.
pub const fn c_beqz(rs1: X, offset: BranchOffset) -> Option<u16> {
    c_branch(0b110, rs1, offset)
}

/// The 2-byte form of `bne rs1, zero`: x8 to x15, offsets of 9 bits.
pub const fn c_bnez(rs1: X, offset: BranchOffset) -> Option<u16> {
    c_branch(0b111, rs1, offset)
}

const fn c_branch(funct3: u32, rs1: X, offset: BranchOffset) -> Option<u16> {
    let n = offset.0 as u32;
    if offset.0 < -256 || offset.0 >= 256 || !is_prime(rs1.0 as u32) {
        return None;
    }
    // imm[8|4:3] and imm[7:6|2:1|5]
    let (high, low) = ((n >> 8 & 1) << 2 | n >> 3 & 3, (n >> 6 & 3) << 3 | (n >> 1 & 3) << 1 | n >> 5 & 1);
    Some((funct3 << 13 | high << 10 | prime(rs1.0 as u32) << 7 | low << 2 | 0b01) as u16)
}
