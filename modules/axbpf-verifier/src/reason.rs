//! Why a program is refused, in Linux's words where it has them; what would help follows a semicolon.
use crate::value::Value;
use axbpf_abi::MAX_STACK;
use axbpf_isa::{DecodeError, InsnIdx, Reg};
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
    JumpOutOfRange { to: i64 },
    JumpIntoInsn { to: i64 },
    Unreachable { at: u32 },
    FallsThrough,
    Recursion,
    CallDepth { frames: usize },
    StackDepth { frames: usize, bytes: u32 },
    Loop,
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
    VariableOffset { kind: &'static str },
    OrNullArithmetic { reg: Reg, kind: &'static str },
    OffsetTooLarge { off: i64 },
    // Memory.
    NotMemory { reg: Reg, kind: &'static str },
    ModifiedCtx { reg: Reg, off: i64 },
    Ctx { off: i64, size: u32 },
    CtxReadOnly { off: i64, size: u32 },
    StackRange { reg: Reg, off: i64, size: u32 },
    StackMisaligned { off: i64, size: u32 },
    StackUninit { off: i64, at: i64, size: u32 },
    StackOfCaller,
    MapValue { value_size: u32, off: i64, size: u64 },
    MapReadOnly,
    MapWriteOnly,
    Memory { mem_size: u32, off: i64, size: u64 },
    Packet { off: i64, size: u64, range: u32 },
    PacketReadOnly,
    Misaligned { off: i64, size: u32 },
    AtomicPlace { reg: Reg, kind: &'static str },
    AtomicPointer { reg: Reg },
    NoMap,
    // Calls.
    UnknownHelper { id: u32 },
    HelperType { name: &'static str },
    HelperGpl { name: &'static str },
    ArgType { reg: Reg, is: &'static str, wants: &'static str },
    ArgMap { name: &'static str, map: &'static str },
    ArgSize { reg: Reg },
    ArgZero { reg: Reg },
    ArgConst { reg: Reg },
    NotOwned { reg: Reg },
    LeakedReference { id: u32, at: InsnIdx },
    ReturnsStack,
}

impl Reason {
    pub(crate) fn not_memory(reg: Reg, value: &Value) -> Reason {
        Reason::NotMemory { reg, kind: value.name() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Reason::*;
        match self {
            Empty => f.write_str("a program needs at least one instruction"),
            Decode(error) => error.fmt(f),
            JumpOutOfRange { to } => write!(f, "jump out of range to insn {to}; jumps stay within their function"),
            JumpIntoInsn { to } => write!(f, "jump into the middle of ldimm64 insn {to}"),
            Unreachable { at } => write!(f, "unreachable insn {at}; remove it, or the jump around it"),
            FallsThrough => f.write_str("last insn is not an exit or jmp; end the function with one"),
            Recursion => f.write_str("recursive call; write it as a loop"),
            CallDepth { frames } => write!(f, "the call stack of {frames} frames is too deep; inline some of the functions"),
            StackDepth { frames, bytes } => {
                write!(f, "combined stack size of {frames} calls is {bytes}. Too large; the limit is {MAX_STACK}, a map can hold the rest")
            }
            Loop => f.write_str("infinite loop detected; nothing that the loop depends on changes from one round to the next"),
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
            VariableOffset { kind } => write!(
                f,
                "math between {kind} pointer and register with unbounded min value is not allowed; only constant offsets are supported yet"
            ),
            OrNullArithmetic { reg, kind } => write!(f, "{reg} pointer arithmetic on {kind} prohibited, null-check it first"),
            OffsetTooLarge { off } => write!(f, "pointer offset {off} is not allowed; offsets stay below 2^29"),
            NotMemory { reg, kind } => {
                write!(f, "{reg} invalid mem access '{kind}'")?;
                match *kind {
                    "scalar" => f.write_str("; it is a number here, read addresses with bpf_probe_read_kernel"),
                    kind if kind.ends_with("_or_null") => f.write_str("; compare it with null first"),
                    _ => Ok(()),
                }
            }
            ModifiedCtx { reg, off } => write!(f, "dereference of modified ctx ptr {reg} off={off} disallowed; use the unmodified context"),
            Ctx { off, size } => write!(f, "invalid bpf_context access off={off} size={size}"),
            CtxReadOnly { off, size } => write!(f, "invalid bpf_context access off={off} size={size}; this field cannot be written"),
            StackRange { reg, off, size } => {
                write!(f, "invalid stack access through {reg} off={off} size={size}; a frame has the bytes -{MAX_STACK} to -1")
            }
            StackMisaligned { off, size } => write!(f, "misaligned stack access off {off} size {size}"),
            StackUninit { off, at, size } => {
                write!(f, "invalid read from stack off {off}+{at} size {size}; initialise it, padding included")
            }
            StackOfCaller => f.write_str("cannot spill pointers to stack into stack frame of the caller"),
            MapValue { value_size, off, size } => write!(f, "invalid access to map value, value_size={value_size} off={off} size={size}"),
            MapReadOnly => f.write_str("write into map forbidden; programs may only read it"),
            MapWriteOnly => f.write_str("read from map forbidden; programs may only write it"),
            Memory { mem_size, off, size } => write!(f, "invalid access to memory, mem_size={mem_size} off={off} size={size}"),
            Packet { off, size, range } => {
                write!(f, "invalid access to packet, off={off} size={size}, R(range={range}); compare with data_end first")
            }
            PacketReadOnly => f.write_str("cannot write into packet"),
            Misaligned { off, size } => write!(f, "misaligned access off {off} size {size}"),
            AtomicPlace { reg, kind } => write!(f, "BPF_ATOMIC stores into {reg} {kind} is not allowed"),
            AtomicPointer { reg } => write!(f, "{reg} leaks addr into mem; atomic operations take numbers"),
            NoMap => f.write_str("this wide load names no map that the program has"),
            UnknownHelper { id } => write!(f, "invalid func unknown#{id}; this helper does not exist here"),
            HelperType { name } => write!(f, "program of this type cannot use helper {name}"),
            HelperGpl { name } => {
                write!(f, "cannot call GPL-restricted function {name} from non-GPL compatible program; see its license section")
            }
            ArgType { reg, is, wants } => write!(f, "{reg} type={is} expected={wants}"),
            ArgMap { name, map } => write!(f, "cannot pass map_type {map} into func {name}"),
            ArgSize { reg } => {
                write!(f, "{reg} unbounded memory access, use 'var &= const' or 'if (var < const)'")
            }
            ArgZero { reg } => write!(f, "{reg} invalid zero-sized read; the size may be 0 here"),
            ArgConst { reg } => write!(f, "{reg} is not a known constant"),
            NotOwned { reg } => {
                write!(f, "{reg} must be referenced when passed to release function; it holds no record, or not its beginning")
            }
            LeakedReference { id, at } => {
                write!(f, "Unreleased reference id={id} alloc_insn={at}; submit or discard the record on every path")
            }
            ReturnsStack => f.write_str("cannot return stack pointer to the caller"),
        }
    }
}
