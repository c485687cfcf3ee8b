//! Why a program is refused, in Linux's words where it has them; what would help follows a semicolon.
use crate::value::Value;
use axbpf_abi::{Access, MAX_STACK, MapType};
use axbpf_isa::{AluOp, DecodeError, InsnIdx, Reg};
use core::fmt;

/// A program that is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejected {
    /// The instruction.
    pub at: InsnIdx,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            // Says itself where.
            Reason::Decode(error) => error.fmt(f),
            reason => write!(f, "insn {}: {reason}", self.at),
        }
    }
}

impl core::error::Error for Rejected {}

/// See [`Rejected`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each one's text says what it is")]
pub enum Reason {
    // Control flow.
    Empty,
    Decode(DecodeError),
    JumpOutOfRange { from: u32, to: i64 },
    JumpIntoInsn { to: i64 },
    Unreachable { at: u32 },
    FallsThrough,
    Recursion,
    CallDepth { frames: usize },
    StackDepth { frames: usize, bytes: u32 },
    Loop { at: u32 },
    TooComplex { limit: usize },
    OutOfMemory { limit: usize },
    // What stage one does not know.
    MayGoto,
    FunctionPointer,
    KernelVariable,
    Kfunc,
    PacketLoad,
    // Registers.
    NotReadable { reg: Reg },
    FramePointer,
    Arithmetic { reg: Reg, kind: &'static str },
    Bitwise { reg: Reg, op: AluOp },
    Operator { reg: Reg, op: AluOp },
    Arithmetic32 { reg: Reg },
    TwoPointers { reg: Reg, op: AluOp },
    PointerFromScalar { reg: Reg },
    StackSubtraction { reg: Reg },
    DivByZero,
    Shift { by: i32 },
    VariableOffset { kind: &'static str },
    OrNullArithmetic { reg: Reg, kind: &'static str },
    OffsetTooLarge { kind: &'static str, off: i64 },
    // Memory.
    NotMemory { reg: Reg, kind: &'static str },
    DifferentPointers,
    ModifiedCtx { reg: Reg, off: i64 },
    Ctx { off: i64, size: u32 },
    CtxReadOnly { off: i64, size: u32 },
    StackRange { reg: Reg, access: Access, off: i64, size: u32 },
    StackMisaligned { off: i64, size: u32 },
    StackUninit { off: i64, at: i64, size: u32 },
    StackOfCaller,
    PartialSpill,
    MapValue { value_size: u32, off: i64, size: u64 },
    MapAddress { value_size: u32, off: u32 },
    MapNoAddress { map: MapType },
    MapReadOnly,
    MapForbidden { access: Access, value_size: u32, off: i64, size: u64 },
    Memory { mem_size: u32, off: i64, size: u64 },
    Packet { reg: Reg, off: i64, size: u64, range: u32 },
    PacketReadOnly,
    Misaligned { off: i64, size: u32 },
    AtomicPlace { reg: Reg, kind: &'static str },
    NoMap,
    // Calls.
    UnknownHelper { id: u32 },
    HelperType { name: &'static str, id: u32 },
    HelperGpl { name: &'static str },
    ArgType { reg: Reg, is: &'static str, wants: &'static str },
    ArgMap { name: &'static str, id: u32, map: MapType },
    ArgNegative { reg: Reg },
    ArgSize { reg: Reg },
    ArgZero { reg: Reg, max: u64 },
    ArgConst { reg: Reg },
    ReleaseOffset { reg: Reg },
    LeakedReference { id: u32, at: InsnIdx },
    ReturnsStack,
}

impl Reason {
    pub(crate) fn not_memory(reg: Reg, value: &Value) -> Reason {
        Reason::NotMemory { reg, kind: value.name() }
    }
}

/// An operator as programs write it.
fn sign(op: AluOp) -> &'static str {
    match op {
        AluOp::Add => "+",
        AluOp::Sub => "-",
        AluOp::Mul => "*",
        AluOp::Div => "/",
        AluOp::Sdiv => "s/",
        AluOp::Mod => "%",
        AluOp::Smod => "s%",
        AluOp::And => "&",
        AluOp::Or => "|",
        AluOp::Xor => "^",
        AluOp::Lsh => "<<",
        AluOp::Rsh => ">>",
        AluOp::Arsh => "s>>",
        AluOp::Mov => "",
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Reason::*;
        match self {
            Empty => f.write_str("a program needs at least one instruction"),
            Decode(error) => error.fmt(f),
            JumpOutOfRange { from, to } => write!(f, "jump out of range from insn {from} to {to}; jumps stay within their function"),
            JumpIntoInsn { to } => write!(f, "jump into the middle of ldimm64 insn {to}"),
            Unreachable { at } => write!(f, "unreachable insn {at}; remove it, or the jump around it"),
            FallsThrough => f.write_str("last insn is not an exit or jmp; end the function with one"),
            Recursion => f.write_str("recursive call; write it as a loop"),
            CallDepth { frames } => write!(f, "the call stack of {frames} frames is too deep; inline some of the functions"),
            StackDepth { frames, bytes } => {
                write!(f, "combined stack size of {frames} calls is {bytes}. Too large; the limit is {MAX_STACK}, a map can hold the rest")
            }
            Loop { at } => {
                write!(f, "infinite loop detected at insn {at}; nothing that the loop depends on changes from one round to the next")
            }
            TooComplex { limit } => {
                write!(f, "BPF program is too large. Processed {limit} insn; make loops shorter, with a constant bound")
            }
            OutOfMemory { limit } => write!(f, "the states to compare need more than {limit} bytes; split the program, or raise the limit"),
            MayGoto => f.write_str("may_goto is not supported yet; use a loop with a constant bound"),
            FunctionPointer => f.write_str("addresses of functions are not supported yet; call the function directly"),
            KernelVariable => f.write_str("kernel variables are not supported yet; read the address with bpf_probe_read_kernel"),
            Kfunc => f.write_str("calling kernel functions is not allowed; use a helper"),
            PacketLoad => f.write_str("legacy packet loads do not run here; use direct packet access"),
            NotReadable { reg } => write!(f, "{reg} !read_ok; it has no value on this path, or a call took it"),
            FramePointer => f.write_str("frame pointer is read only; copy R10 to another register"),
            Arithmetic { reg, kind } => write!(f, "{reg} pointer arithmetic on {kind} prohibited"),
            Bitwise { reg, op } => write!(f, "{reg} bitwise operator {}= on pointer prohibited", sign(*op)),
            Operator { reg, op } => {
                write!(f, "{reg} pointer arithmetic with {}= operator prohibited; only += and -= move pointers", sign(*op))
            }
            Arithmetic32 { reg } => write!(f, "{reg} 32-bit pointer arithmetic prohibited; use the 64-bit register"),
            TwoPointers { reg, op } => write!(f, "{reg} pointer {}= pointer prohibited", sign(*op)),
            StackSubtraction { reg } => write!(f, "{reg} subtraction from stack pointer prohibited; add a negative number"),
            DivByZero => f.write_str("div by zero; the divisor is a constant"),
            Shift { by } => write!(f, "invalid shift {by}; a shift by a constant has to be less than the register's width"),
            PointerFromScalar { reg } => write!(f, "{reg} tried to subtract pointer from scalar"),
            VariableOffset { kind } => write!(
                f,
                "math between {kind} pointer and register with unbounded min value is not allowed; only constant offsets are supported yet"
            ),
            OrNullArithmetic { reg, kind } => write!(f, "{reg} pointer arithmetic on {kind} prohibited, null-check it first"),
            OffsetTooLarge { kind, off } => write!(f, "math between {kind} pointer and {off} is not allowed; offsets stay below 2^29"),
            NotMemory { reg, kind } => {
                write!(f, "{reg} invalid mem access '{kind}'")?;
                match *kind {
                    "scalar" => f.write_str("; it is a number here, read addresses with bpf_probe_read_kernel"),
                    kind if kind.ends_with("_or_null") => f.write_str("; compare it with null first"),
                    _ => Ok(()),
                }
            }
            DifferentPointers => {
                f.write_str("same insn cannot be used with different pointers; one of them is the context, use an instruction for each")
            }
            ModifiedCtx { reg, off } => write!(f, "dereference of modified ctx ptr {reg} off={off} disallowed; use the unmodified context"),
            Ctx { off, size } => write!(f, "invalid bpf_context access off={off} size={size}"),
            CtxReadOnly { off, size } => write!(f, "invalid bpf_context access off={off} size={size}; this field cannot be written"),
            StackRange { reg, access, off, size } => {
                let access = match access {
                    Access::Read => "read from",
                    Access::Write => "write to",
                };
                write!(f, "invalid {access} stack {reg} off={off} size={size}; a frame has the bytes -{MAX_STACK} to -1")
            }
            StackMisaligned { off, size } => write!(f, "misaligned stack access off {off} size {size}"),
            StackUninit { off, at, size } => {
                write!(f, "invalid read from stack off {off}+{at} size {size}; initialise it, padding included")
            }
            PartialSpill => f.write_str("invalid size of register spill; store all eight bytes of a pointer"),
            StackOfCaller => f.write_str("cannot spill pointers to stack into stack frame of the caller"),
            MapValue { value_size, off, size } => write!(f, "invalid access to map value, value_size={value_size} off={off} size={size}"),
            MapAddress { value_size, off } => write!(f, "invalid access to map value pointer, value_size={value_size} off={off}"),
            MapNoAddress { map } => {
                write!(f, "direct value access is not supported by a map of type {}; look its values up", map.name())
            }
            MapReadOnly => f.write_str("write into map forbidden; programs may only read it"),
            MapForbidden { access, value_size, off, size } => {
                let (access, may) = match access {
                    Access::Read => ("read from", "write"),
                    Access::Write => ("write into", "read"),
                };
                write!(f, "{access} map forbidden, value_size={value_size} off={off} size={size}; programs may only {may} it")
            }
            Memory { mem_size, off, size } => write!(f, "invalid access to memory, mem_size={mem_size} off={off} size={size}"),
            Packet { reg, off, size, range } => {
                write!(f, "invalid access to packet, off={off} size={size}, {reg}(id=0,off={off},r={range}); compare with data_end first")
            }
            PacketReadOnly => f.write_str("cannot write into packet"),
            Misaligned { off, size } => write!(f, "misaligned access off {off} size {size}"),
            AtomicPlace { reg, kind } => write!(f, "BPF_ATOMIC stores into {reg} {kind} is not allowed"),
            NoMap => f.write_str("this wide load names no map that the program has"),
            UnknownHelper { id } => write!(f, "invalid func unknown#{id}; this helper does not exist here"),
            HelperType { name, id } => write!(f, "program of this type cannot use helper {name}#{id}"),
            HelperGpl { name } => {
                write!(
                    f,
                    "cannot call GPL-restricted function from non-GPL compatible program; {name} needs a license section that says GPL"
                )
            }
            ArgType { reg, is, wants } => write!(f, "{reg} type={is} expected={wants}"),
            ArgMap { name, id, map } => {
                write!(f, "cannot pass map_type {} into func {name}#{id}; it does not take maps of type {}", *map as u32, map.name())
            }
            ArgNegative { reg } => write!(f, "{reg} min value is negative, either use unsigned or 'var &= const'"),
            ArgSize { reg } => {
                write!(f, "{reg} unbounded memory access, use 'var &= const' or 'if (var < const)'")
            }
            ArgZero { reg, max } => write!(f, "{reg} invalid zero-sized read: u64=[0,{max}]; check that it is not 0 first"),
            ArgConst { reg } => write!(f, "{reg} is not a known constant"),
            ReleaseOffset { reg } => {
                write!(f, "{reg} must have zero offset when passed to release func or trusted arg to kfunc; pass the record's beginning")
            }
            LeakedReference { id, at } => {
                write!(f, "Unreleased reference id={id} alloc_insn={at}; submit or discard the record on every path")
            }
            ReturnsStack => f.write_str("cannot return stack pointer to the caller"),
        }
    }
}
