//! The table: every form an instruction can take, one value each. Decoding, encoding, text and legality all read it.
//!
//! A [`Form`] says for each field of the slot whether it is an operand or has one fixed value (an operation selector, or zero where
//! the field is reserved). Two forms never match the same slot; what no form matches is not an instruction.
//!
//! To add an instruction: give it a value in [`Insn`], a row here, and its operands in `code.rs`; the tests ask an outside assembler about it.
use crate::opcode::*;
use crate::{AluOp, AtomicOp, ByteOrder, Callee, Imm64, Insn, JmpOp, Operand, Reg, Size, Width};

/// Conformance groups of RFC 9669 §2.4.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Group {
    /// 32-bit arithmetic and comparisons, memory up to 4 bytes, calls.
    Base32,
    /// 64-bit arithmetic, comparisons and memory.
    Base64,
    /// 32-bit multiplication, division, remainder.
    Divmul32,
    /// 64-bit multiplication, division, remainder.
    Divmul64,
    /// 32-bit atomics.
    Atomic32,
    /// 64-bit atomics.
    Atomic64,
    /// Legacy packet loads.
    Packet,
    /// Linux's own, not in RFC 9669.
    Linux,
}

impl Group {
    /// The name that RFC 9669 gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Base32 => "base32",
            Group::Base64 => "base64",
            Group::Divmul32 => "divmul32",
            Group::Divmul64 => "divmul64",
            Group::Atomic32 => "atomic32",
            Group::Atomic64 => "atomic64",
            Group::Packet => "packet",
            Group::Linux => "linux",
        }
    }
}

/// What a form expects in one field of a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// This value and no other.
    Fixed(i32),
    /// An operand: a register number (0-10) in `dst` and `src`, any value in `off` and `imm`.
    Free,
}

/// One form of an instruction.
#[derive(Debug)]
pub struct Form {
    /// Opcode byte.
    pub opcode: u8,
    /// Destination field.
    pub dst: Field,
    /// Source field.
    pub src: Field,
    /// Offset field.
    pub off: Field,
    /// Immediate field.
    pub imm: Field,
    /// Immediate of the second slot, for wide instructions; that slot's other fields are zero.
    pub next: Option<Field>,
    /// Conformance group.
    pub group: Group,
    /// Text with places for the operands (see `text.rs`); `{op}` stands for `symbol`.
    pub(crate) text: &'static str,
    pub(crate) symbol: &'static str,
    /// The instruction with its operands zero.
    pub(crate) shape: Insn,
}

use Field::{Fixed, Free};
const ZERO: Field = Fixed(0);

// Rows. Each lists what RFC 9669's tables list: name, code, what else selects it, symbol.

struct AluRow(AluOp, u8, i32, Group, Group, &'static str);

/// §4.1: code in the upper four bits, `off`, groups of the two widths.
const ALU_OPS: [AluRow; 14] = [
    AluRow(AluOp::Add, 0x00, 0, Group::Base32, Group::Base64, "+="),
    AluRow(AluOp::Sub, 0x10, 0, Group::Base32, Group::Base64, "-="),
    AluRow(AluOp::Mul, 0x20, 0, Group::Divmul32, Group::Divmul64, "*="),
    AluRow(AluOp::Div, 0x30, 0, Group::Divmul32, Group::Divmul64, "/="),
    AluRow(AluOp::Sdiv, 0x30, 1, Group::Divmul32, Group::Divmul64, "s/="),
    AluRow(AluOp::Or, 0x40, 0, Group::Base32, Group::Base64, "|="),
    AluRow(AluOp::And, 0x50, 0, Group::Base32, Group::Base64, "&="),
    AluRow(AluOp::Lsh, 0x60, 0, Group::Base32, Group::Base64, "<<="),
    AluRow(AluOp::Rsh, 0x70, 0, Group::Base32, Group::Base64, ">>="),
    AluRow(AluOp::Mod, 0x90, 0, Group::Divmul32, Group::Divmul64, "%="),
    AluRow(AluOp::Smod, 0x90, 1, Group::Divmul32, Group::Divmul64, "s%="),
    AluRow(AluOp::Xor, 0xa0, 0, Group::Base32, Group::Base64, "^="),
    AluRow(AluOp::Mov, 0xb0, 0, Group::Base32, Group::Base64, "="),
    AluRow(AluOp::Arsh, 0xc0, 0, Group::Base32, Group::Base64, "s>>="),
];
const NEG: u8 = 0x80;
const MOV: u8 = 0xb0;
const END: u8 = 0xd0;

struct MovSxRow(Width, Size, i32, &'static str);

/// §4.1: `off` = bits taken.
const MOV_SX: [MovSxRow; 5] = [
    MovSxRow(Width::W32, Size::B, 8, "{wdst} = (s8){wsrc}"),
    MovSxRow(Width::W32, Size::H, 16, "{wdst} = (s16){wsrc}"),
    MovSxRow(Width::W64, Size::B, 8, "{dst} = (s8){src}"),
    MovSxRow(Width::W64, Size::H, 16, "{dst} = (s16){src}"),
    MovSxRow(Width::W64, Size::W, 32, "{dst} = (s32){src}"),
];

struct EndRow(ByteOrder, Size, u8, i32, Group, &'static str);

/// §4.2: opcode, `imm` = bits.
const END_OPS: [EndRow; 9] = [
    EndRow(ByteOrder::ToLe, Size::H, ALU | K | END, 16, Group::Base32, "le16"),
    EndRow(ByteOrder::ToLe, Size::W, ALU | K | END, 32, Group::Base32, "le32"),
    EndRow(ByteOrder::ToLe, Size::Dw, ALU | K | END, 64, Group::Base64, "le64"),
    EndRow(ByteOrder::ToBe, Size::H, ALU | X | END, 16, Group::Base32, "be16"),
    EndRow(ByteOrder::ToBe, Size::W, ALU | X | END, 32, Group::Base32, "be32"),
    EndRow(ByteOrder::ToBe, Size::Dw, ALU | X | END, 64, Group::Base64, "be64"),
    EndRow(ByteOrder::Swap, Size::H, ALU64 | K | END, 16, Group::Base64, "bswap16"),
    EndRow(ByteOrder::Swap, Size::W, ALU64 | K | END, 32, Group::Base64, "bswap32"),
    EndRow(ByteOrder::Swap, Size::Dw, ALU64 | K | END, 64, Group::Base64, "bswap64"),
];

struct JmpRow(JmpOp, u8, &'static str);

/// §4.3: code in the upper four bits.
const JMP_OPS: [JmpRow; 11] = [
    JmpRow(JmpOp::Eq, 0x10, "=="),
    JmpRow(JmpOp::Gt, 0x20, ">"),
    JmpRow(JmpOp::Ge, 0x30, ">="),
    JmpRow(JmpOp::Set, 0x40, "&"),
    JmpRow(JmpOp::Ne, 0x50, "!="),
    JmpRow(JmpOp::Sgt, 0x60, "s>"),
    JmpRow(JmpOp::Sge, 0x70, "s>="),
    JmpRow(JmpOp::Lt, 0xa0, "<"),
    JmpRow(JmpOp::Le, 0xb0, "<="),
    JmpRow(JmpOp::Slt, 0xc0, "s<"),
    JmpRow(JmpOp::Sle, 0xd0, "s<="),
];
const JCOND: u8 = 0xe0;

struct SizeRow(Size, u8, Group, &'static str, &'static str);

/// §5.1, §5.2: bits, group of loads and stores, names unsigned and signed.
const SIZES: [SizeRow; 4] = [
    SizeRow(Size::B, B, Group::Base32, "u8", "s8"),
    SizeRow(Size::H, H, Group::Base32, "u16", "s16"),
    SizeRow(Size::W, W, Group::Base32, "u32", "s32"),
    SizeRow(Size::Dw, DW, Group::Base64, "u64", ""),
];

struct AtomicRow(AtomicOp, i32, &'static str, &'static str, &'static str);

const PLAIN_32: &str = "lock *(u32 *)({dst} {off}) {op} {wsrc~}";
const PLAIN_64: &str = "lock *(u64 *)({dst} {off}) {op} {src}";
const FETCH_32: &str = "{wsrc} = atomic_fetch_{op}((u32 *)({dst} {off}), {wsrc})";
const FETCH_64: &str = "{src} = atomic_fetch_{op}((u64 *)({dst} {off}), {src})";

/// §5.3: `imm`, text of the two sizes. Load-acquire (0x100) and store-release (0x110) would be two rows more, of four sizes.
const ATOMIC_OPS: [AtomicRow; 10] = [
    AtomicRow(AtomicOp::Add { fetch: false }, 0x00, "+=", PLAIN_32, PLAIN_64),
    AtomicRow(AtomicOp::Or { fetch: false }, 0x40, "|=", PLAIN_32, PLAIN_64),
    AtomicRow(AtomicOp::And { fetch: false }, 0x50, "&=", PLAIN_32, PLAIN_64),
    AtomicRow(AtomicOp::Xor { fetch: false }, 0xa0, "^=", PLAIN_32, PLAIN_64),
    AtomicRow(AtomicOp::Add { fetch: true }, FETCH, "add", FETCH_32, FETCH_64),
    AtomicRow(AtomicOp::Or { fetch: true }, 0x40 | FETCH, "or", FETCH_32, FETCH_64),
    AtomicRow(AtomicOp::And { fetch: true }, 0x50 | FETCH, "and", FETCH_32, FETCH_64),
    AtomicRow(AtomicOp::Xor { fetch: true }, 0xa0 | FETCH, "xor", FETCH_32, FETCH_64),
    AtomicRow(AtomicOp::Xchg, 0xe0 | FETCH, "", "{wsrc} = xchg32_32({dst} {off}, {wsrc})", "{src} = xchg_64({dst} {off}, {src})"),
    AtomicRow(AtomicOp::Cmpxchg, 0xf0 | FETCH, "", "w0 = cmpxchg32_32({dst} {off}, w0, {wsrc})", "r0 = cmpxchg_64({dst} {off}, r0, {src})"),
];

struct WideRow(Imm64, u8, Field, &'static str);

/// §5.4: source field, second immediate.
const WIDE: [WideRow; 7] = [
    WideRow(Imm64::Value(0), 0, Free, "{dst} = {imm64} ll"),
    WideRow(Imm64::MapFd(0), PSEUDO_MAP_FD, ZERO, "{dst} = map[fd:{imm}]"),
    WideRow(Imm64::MapFdValue { fd: 0, off: 0 }, PSEUDO_MAP_VALUE, Free, "{dst} = map[fd:{imm}][0] + {next}"),
    WideRow(Imm64::VarAddr { btf_id: 0, btf_fd: 0 }, PSEUDO_BTF_ID, Free, "{dst} = var[id:{imm}, fd:{next}]"),
    WideRow(Imm64::Func { offset: 0 }, PSEUDO_FUNC, ZERO, "{dst} = subprog[{far}]"),
    WideRow(Imm64::MapIdx(0), PSEUDO_MAP_IDX, ZERO, "{dst} = map[idx:{imm}]"),
    WideRow(Imm64::MapIdxValue { idx: 0, off: 0 }, PSEUDO_MAP_IDX_VALUE, Free, "{dst} = map[idx:{imm}][0] + {next}"),
];

struct CallRow(Callee, u8, Field, Group, &'static str);

/// §4.3.1: source field, offset field.
const CALLS: [CallRow; 3] = [
    CallRow(Callee::Helper(0), 0, ZERO, Group::Base32, "call {imm}"),
    CallRow(Callee::Local { offset: 0 }, PSEUDO_CALL, ZERO, Group::Base32, "call {pc}"),
    CallRow(Callee::Kfunc { btf_id: 0, btf_idx: 0 }, PSEUDO_KFUNC_CALL, Free, Group::Base32, "call kfunc[id:{imm}, idx:{idx}]"),
];

const REG: Operand = Operand::Reg(Reg::R0);
const VALUE: Operand = Operand::Imm(0);
const R0: Reg = Reg::R0;

const COUNT: usize = ALU_OPS.len() * 4 + 2 + MOV_SX.len() + END_OPS.len() + JMP_OPS.len() * 4 + 4 // arithmetic, jumps, exit
    + SIZES.len() * 3 + 3 + 6 + ATOMIC_OPS.len() * 2 + WIDE.len() + CALLS.len();

/// Every form, in the order of RFC 9669.
pub static FORMS: [Form; COUNT] = build();

const fn form(opcode: u8, [dst, src, off, imm]: [Field; 4], group: Group, text: &'static str, symbol: &'static str, shape: Insn) -> Form {
    Form { opcode, dst, src, off, imm, next: None, group, text, symbol, shape }
}

// `for` and iterators do not run at compile time, hence the counting loops; each body is one row made into its forms.
const fn build() -> [Form; COUNT] {
    const EXIT_FORM: Form = form(EXIT, [ZERO; 4], Group::Base32, "exit", "", Insn::Exit);
    let mut forms = [EXIT_FORM; COUNT];
    let mut n = 0;
    macro_rules! push {
        ($($form:tt)*) => {{
            forms[n] = form($($form)*);
            n += 1;
        }};
    }
    macro_rules! each {
        ($rows:expr, $row:pat => $body:block) => {{
            let mut i = 0;
            while i < $rows.len() {
                let $row = $rows[i];
                $body
                i += 1;
            }
        }};
    }
    each!(ALU_OPS, AluRow(op, code, off, group32, group64, symbol) => {
        let (k, x) = ([Free, ZERO, Fixed(off), Free], [Free, Free, Fixed(off), ZERO]);
        let (dst, w32, w64) = (R0, Width::W32, Width::W64);
        push!(ALU | K | code, k, group32, "{wdst} {op} {wimm}", symbol, Insn::Alu { op, width: w32, dst, src: VALUE });
        push!(ALU | X | code, x, group32, "{wdst} {op} {wsrc}", symbol, Insn::Alu { op, width: w32, dst, src: REG });
        push!(ALU64 | K | code, k, group64, "{dst} {op} {imm}", symbol, Insn::Alu { op, width: w64, dst, src: VALUE });
        push!(ALU64 | X | code, x, group64, "{dst} {op} {src}", symbol, Insn::Alu { op, width: w64, dst, src: REG });
    });
    let alone = [Free, ZERO, ZERO, ZERO];
    push!(ALU | K | NEG, alone, Group::Base32, "{wdst} = -{wdst}", "", Insn::Neg { width: Width::W32, dst: R0 });
    push!(ALU64 | K | NEG, alone, Group::Base64, "{dst} = -{dst}", "", Insn::Neg { width: Width::W64, dst: R0 });
    each!(MOV_SX, MovSxRow(width, from, bits, text) => {
        let (class, group) = match width {
            Width::W32 => (ALU, Group::Base32),
            Width::W64 => (ALU64, Group::Base64),
        };
        push!(class | X | MOV, [Free, Free, Fixed(bits), ZERO], group, text, "", Insn::MovSx { width, dst: R0, src: R0, from });
    });
    each!(END_OPS, EndRow(order, size, opcode, bits, group, symbol) => {
        push!(opcode, [Free, ZERO, ZERO, Fixed(bits)], group, "{dst} = {op} {dst}", symbol, Insn::End { order, dst: R0, size });
    });

    each!(JMP_OPS, JmpRow(op, code, symbol) => {
        let (k, x) = ([Free, ZERO, Free, Free], [Free, Free, Free, ZERO]);
        let (dst, offset, w32, w64) = (R0, 0, Width::W32, Width::W64);
        let (k32, x32) = ("if {wdst} {op} {wimm} goto {to}", "if {wdst} {op} {wsrc} goto {to}");
        let (k64, x64) = ("if {dst} {op} {imm} goto {to}", "if {dst} {op} {src} goto {to}");
        push!(JMP32 | K | code, k, Group::Base32, k32, symbol, Insn::Branch { op, width: w32, dst, src: VALUE, offset });
        push!(JMP32 | X | code, x, Group::Base32, x32, symbol, Insn::Branch { op, width: w32, dst, src: REG, offset });
        push!(JMP | K | code, k, Group::Base64, k64, symbol, Insn::Branch { op, width: w64, dst, src: VALUE, offset });
        push!(JMP | X | code, x, Group::Base64, x64, symbol, Insn::Branch { op, width: w64, dst, src: REG, offset });
    });
    push!(JA, [ZERO, ZERO, Free, ZERO], Group::Base32, "goto {to}", "", Insn::Jump { offset: 0, long: false });
    push!(GOTOL, [ZERO, ZERO, ZERO, Free], Group::Base32, "gotol {far}", "", Insn::Jump { offset: 0, long: true });
    push!(JMP | K | JCOND, [ZERO, ZERO, Free, ZERO], Group::Linux, "may_goto {to}", "", Insn::MayGoto { offset: 0 });
    each!(CALLS, CallRow(callee, src, off, group, text) => {
        push!(CALL, [ZERO, Fixed(src as i32), off, Free], group, text, "", Insn::Call(callee));
    });
    n += 1; // `exit` fills the array

    each!(SIZES, SizeRow(size, bits, group, symbol, signed) => {
        let (dst, src, off) = (R0, R0, 0);
        let wide = matches!(size, Size::Dw);
        let load = if wide { "{dst} = *({op} *)({src} {off})" } else { "{dst~} = *({op} *)({src} {off})" };
        let store = if wide { "*({op} *)({dst} {off}) = {src}" } else { "*({op} *)({dst} {off}) = {src~}" };
        let store_imm = if wide { "*({op} *)({dst} {off}) = {imm}" } else { "*({op} *)({dst} {off}) = {wimm}" };
        push!(LDX | MEM | bits, [Free, Free, Free, ZERO], group, load, symbol, Insn::Load { size, sx: false, dst, src, off });
        push!(ST | MEM | bits, [Free, ZERO, Free, Free], group, store_imm, symbol, Insn::Store { size, dst, off, src: VALUE });
        push!(STX | MEM | bits, [Free, Free, Free, ZERO], group, store, symbol, Insn::Store { size, dst, off, src: REG });
        if !wide {
            let load = "{dst} = *({op} *)({src} {off})";
            push!(LDX | MEMSX | bits, [Free, Free, Free, ZERO], Group::Base64, load, signed, Insn::Load { size, sx: true, dst, src, off });
            let (abs, ind) = ("r0 = *({op} *)skb[{imm}]", "r0 = *({op} *)skb[{src}{plus}]");
            push!(LD | ABS | bits, [ZERO, ZERO, ZERO, Free], Group::Packet, abs, symbol, Insn::LoadAbs { size, imm: 0 });
            push!(LD | IND | bits, [ZERO, Free, ZERO, Free], Group::Packet, ind, symbol, Insn::LoadInd { size, src, imm: 0 });
        }
    });
    each!(ATOMIC_OPS, AtomicRow(op, imm, symbol, text32, text64) => {
        let (fields, dst, src, off) = ([Free, Free, Free, Fixed(imm)], R0, R0, 0);
        push!(STX | ATOMIC | W, fields, Group::Atomic32, text32, symbol, Insn::Atomic { op, size: Size::W, dst, off, src });
        push!(STX | ATOMIC | DW, fields, Group::Atomic64, text64, symbol, Insn::Atomic { op, size: Size::Dw, dst, off, src });
    });
    each!(WIDE, WideRow(imm, src, next, text) => {
        push!(LDDW, [Free, Fixed(src as i32), ZERO, Free], Group::Base64, text, "", Insn::LoadImm64 { dst: R0, imm });
        forms[n - 1].next = Some(next);
    });
    assert!(n == COUNT);
    forms
}

/// End of a chain of forms.
const NONE: u8 = u8::MAX;
const _: () = assert!(COUNT < NONE as usize);

/// For each opcode its first form, for each form the next one of the same opcode.
static CHAINS: ([u8; 256], [u8; COUNT]) = {
    let (mut first, mut next) = ([NONE; 256], [NONE; COUNT]);
    let forms = build();
    let mut i = COUNT;
    while i > 0 {
        i -= 1;
        let head = &mut first[forms[i].opcode as usize];
        next[i] = *head;
        *head = i as u8;
    }
    (first, next)
};

impl Form {
    /// The forms with this opcode; empty for an unknown one.
    pub fn with_opcode(opcode: u8) -> impl Iterator<Item = &'static Form> {
        let (first, next) = &CHAINS;
        let some = |i: u8| (i != NONE).then_some(i);
        core::iter::successors(some(first[opcode as usize]), move |&i| some(next[i as usize])).map(|i| &FORMS[i as usize])
    }

    /// The form of this instruction. `None`: no instruction combines these, such as an atomic of size B.
    pub fn of(insn: &Insn) -> Option<&'static Form> {
        let shape = insn.shape();
        FORMS.iter().find(|form| form.shape == shape)
    }

    /// How many slots it takes.
    pub const fn slots(&self) -> usize {
        if self.next.is_some() { 2 } else { 1 }
    }

    /// An instruction of this form whose operands are all zero.
    pub const fn shape(&self) -> Insn {
        self.shape
    }
}

impl Insn {
    /// The conformance group it belongs to. `None`: not an instruction, as in [`Form::of`].
    pub fn group(&self) -> Option<Group> {
        Form::of(self).map(|form| form.group)
    }
}
