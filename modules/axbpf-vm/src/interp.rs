//! The interpreter: instructions turned once into a function and its operands each, then called one after the other.
//!
//! Everything here is generic over [`Memory`] and safe; what memory is decides whether a run is checked or trusted.
use crate::program::Program;
use crate::{HelperFn, MAX_LOOPS};
use alloc::boxed::Box;
use alloc::vec::Vec;
use axbpf_abi::MAX_CALL_FRAMES;
use axbpf_isa::{AluOp, AtomicOp, ByteOrder, Callee, Imm64, Insn, InsnIdx, JmpOp, Operand, Reg, Size, Width};
use core::fmt;

/// What programs read and write. `None` is a fault.
pub(crate) trait Memory: Sized {
    /// Reads, zero-extended.
    fn load(&self, size: Size, addr: u64) -> Option<u64>;
    /// Writes the low bytes of `value`.
    fn store(&mut self, size: Size, addr: u64, value: u64) -> Option<()>;
    /// Does `op` (size W or Dw) and returns the old value, zero-extended. `expected` is R0, for [`AtomicOp::Cmpxchg`].
    fn atomic(&mut self, op: AtomicOp, size: Size, addr: u64, src: u64, expected: u64) -> Option<u64>;
    /// Whether one more instruction may run.
    fn tick(&mut self) -> bool;
}

/// Why a run ended early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultCause {
    /// An access outside the program's memory, or a misaligned atomic.
    Access {
        /// First byte.
        addr: u64,
        /// Length in bytes.
        size: u32,
        /// Whether it writes.
        write: bool,
    },
    /// More than eight frames.
    CallDepth,
    /// The budget of instructions is spent.
    Budget,
}

/// Why and where a run ended early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The instruction.
    pub at: InsnIdx,
    /// Why.
    pub cause: FaultCause,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "insn {}: ", self.at)?;
        match self.cause {
            FaultCause::Access { addr, size, write } => {
                let what = if write { "write" } else { "read" };
                write!(f, "{what} of {size} bytes at {addr:#x}, outside the program's memory or misaligned")
            }
            FaultCause::CallDepth => write!(f, "more than {MAX_CALL_FRAMES} frames; the call chain is too deep"),
            FaultCause::Budget => f.write_str("the budget of instructions is spent; the program may not end"),
        }
    }
}

impl core::error::Error for Fault {}

/// Runs one instruction and returns the slot of the next; [`END`] after the last.
type Step<M> = fn(&mut Machine<'_, M>, &Op<M>, usize) -> usize;

/// Past any program, so the look-up of the next instruction ends the run.
const END: usize = usize::MAX;

/// An instruction made ready: 16 bytes.
pub(crate) struct Op<M> {
    step: Step<M>,
    /// Immediate; distance of `goto` and local calls; index of a helper or wide immediate.
    imm: i32,
    /// Offset of an access in bytes; distance of a branch; stack bytes of the caller for local calls.
    off: i16,
    dst: Index,
    src: Index,
}

impl<M> Op<M> {
    /// The immediate, sign-extended.
    #[inline(always)]
    fn imm(&self) -> u64 {
        self.imm as i64 as u64
    }

    /// The slot that a branch at `pc` goes to.
    #[inline(always)]
    fn target(&self, pc: usize) -> usize {
        (pc + 1).wrapping_add_signed(self.off.into())
    }

    /// The slot that a jump at `pc` with a long distance goes to.
    #[inline(always)]
    fn far_target(&self, pc: usize) -> usize {
        (pc + 1).wrapping_add_signed(self.imm as isize)
    }
}

/// A register as an index that needs no check.
#[derive(Clone, Copy)]
enum Index {
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
}

impl Index {
    fn of(reg: Reg) -> Index {
        use Index::*;
        [R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10][reg.index()]
    }
}

/// A program made ready: one entry a slot, so that slots are positions (the second half of a wide load is never reached).
pub(crate) struct Code<M> {
    ops: Box<[Op<M>]>,
    helpers: Box<[HelperFn]>,
    /// Immediates of wide loads.
    wide: Box<[u64]>,
}

/// What a call saves.
#[derive(Clone, Copy)]
struct Frame {
    /// R6 to R10.
    saved: [u64; 5],
    loops: u32,
    /// Slot after the call.
    back: u32,
}

/// A run in progress.
pub(crate) struct Machine<'a, M> {
    /// R0 to R10.
    regs: [u64; Reg::COUNT],
    /// Those of the callers; the program itself needs none.
    frames: [Frame; MAX_CALL_FRAMES - 1],
    depth: usize,
    /// How often the frame's `may_goto` may still fall through.
    loops: u32,
    fault: Option<Fault>,
    helpers: &'a [HelperFn],
    wide: &'a [u64],
    pub(crate) mem: M,
}

impl<M: Memory> Machine<'_, M> {
    #[inline(always)]
    fn dst(&self, op: &Op<M>) -> u64 {
        self.regs[op.dst as usize]
    }

    #[inline(always)]
    fn src(&self, op: &Op<M>) -> u64 {
        self.regs[op.src as usize]
    }

    #[inline(always)]
    fn set(&mut self, op: &Op<M>, value: u64) {
        self.regs[op.dst as usize] = value;
    }

    #[cold]
    fn fail(&mut self, pc: usize, cause: FaultCause) -> usize {
        self.fault = Some(Fault { at: InsnIdx(pc as u32), cause });
        END
    }

    #[inline(always)]
    fn load(&mut self, op: &Op<M>, pc: usize, size: Size, finish: impl Fn(u64) -> u64) -> usize {
        let addr = self.src(op).wrapping_add_signed(op.off.into());
        match self.mem.load(size, addr) {
            Some(value) => self.set(op, finish(value)),
            None => return self.fail(pc, FaultCause::Access { addr, size: size.bytes(), write: false }),
        }
        pc + 1
    }

    #[inline(always)]
    fn store(&mut self, op: &Op<M>, pc: usize, size: Size, value: u64) -> usize {
        let addr = self.dst(op).wrapping_add_signed(op.off.into());
        match self.mem.store(size, addr, value) {
            Some(()) => pc + 1,
            None => self.fail(pc, FaultCause::Access { addr, size: size.bytes(), write: true }),
        }
    }

    #[inline(always)]
    fn atomic(&mut self, op: &Op<M>, pc: usize, what: AtomicOp, size: Size) -> usize {
        let addr = self.dst(op).wrapping_add_signed(op.off.into());
        let Some(old) = self.mem.atomic(what, size, addr, self.src(op), self.regs[0]) else {
            return self.fail(pc, FaultCause::Access { addr, size: size.bytes(), write: true });
        };
        match what {
            AtomicOp::Cmpxchg => self.regs[0] = old,
            _ if what.fetches() => self.regs[op.src as usize] = old,
            _ => {}
        }
        pc + 1
    }

    fn call(&mut self, op: &Op<M>, pc: usize) -> usize {
        let Some(frame) = self.frames.get_mut(self.depth) else { return self.fail(pc, FaultCause::CallDepth) };
        let [.., r6, r7, r8, r9, r10] = self.regs;
        *frame = Frame { saved: [r6, r7, r8, r9, r10], loops: self.loops, back: pc as u32 + 1 };
        self.depth += 1;
        self.loops = MAX_LOOPS;
        self.regs[10] = r10.wrapping_sub(op.off as u64);
        op.far_target(pc)
    }

    fn exit(&mut self) -> usize {
        let Some(depth) = self.depth.checked_sub(1) else { return END };
        self.depth = depth;
        let Frame { saved, loops, back } = self.frames[depth];
        self.regs[6..].copy_from_slice(&saved);
        self.loops = loops;
        back as usize
    }
}

/// Runs the program from its start with R1, R2 and R10 as given.
pub(crate) fn run<M: Memory>(code: &Code<M>, mem: M, [r1, r2]: [u64; 2], fp: u64) -> Result<u64, Fault> {
    run_from(code, mem, 0, [r1, r2, 0, 0, 0], fp)
}

/// Runs the subprogram that starts at a slot, with R1 to R5 and R10 as given, until it exits.
pub(crate) fn run_from<M: Memory>(code: &Code<M>, mem: M, start: usize, args: [u64; 5], fp: u64) -> Result<u64, Fault> {
    let mut regs = [0; Reg::COUNT];
    regs[1..=5].copy_from_slice(&args);
    regs[10] = fp;
    let frames = [Frame { saved: [0; 5], loops: 0, back: 0 }; MAX_CALL_FRAMES - 1];
    let mut m = Machine { regs, frames, depth: 0, loops: MAX_LOOPS, fault: None, helpers: &code.helpers, wide: &code.wide, mem };
    let mut pc = start;
    while let Some(op) = code.ops.get(pc) {
        pc = if m.mem.tick() { (op.step)(&mut m, op, pc) } else { m.fail(pc, FaultCause::Budget) };
    }
    match m.fault {
        Some(fault) => Err(fault),
        None => Ok(m.regs[0]),
    }
}

impl<M: Memory> Code<M> {
    /// Makes a program ready.
    pub(crate) fn new(program: &Program) -> Self {
        let mut code = (Vec::with_capacity(program.slots().len()), Vec::new(), Vec::new());
        let (ops, helpers, wide) = (&mut code.0, &mut code.1, &mut code.2);
        for subprog in &program.facts().subprogs {
            for (at, insn) in program.insns_of(subprog) {
                let mut op = prepare(insn);
                match insn {
                    // `Program` keeps frames below 2^15.
                    Insn::Call(Callee::Local { .. }) => op.off = subprog.stack as i16,
                    Insn::Call(Callee::Helper(id)) => {
                        op.imm = helpers.len() as i32;
                        helpers.extend(program.helper(id));
                    }
                    Insn::LoadImm64 { imm: Imm64::Value(value), .. } => {
                        op.imm = wide.len() as i32;
                        wide.push(value);
                    }
                    // The address of a subprogram is its first slot: see `Engine::call_back`.
                    Insn::LoadImm64 { imm: Imm64::Func { offset }, .. } => {
                        op.imm = wide.len() as i32;
                        wide.push((at.0 + 1).wrapping_add_signed(offset).into());
                    }
                    _ => {}
                }
                ops.push(op);
                if insn.slots() == 2 {
                    ops.push(prepare(Insn::Exit));
                }
            }
        }
        Code { ops: code.0.into(), helpers: code.1.into(), wide: code.2.into() }
    }
}

/// An instruction as function and operands.
fn prepare<M: Memory>(insn: Insn) -> Op<M> {
    let op = |step, dst: Reg, src: Operand, off| {
        let (src, imm) = match src {
            Operand::Reg(src) => (src, 0),
            Operand::Imm(imm) => (Reg::R0, imm),
        };
        Op { step, imm, off, dst: Index::of(dst), src: Index::of(src) }
    };
    let none = Operand::Imm(0);
    match insn {
        Insn::Alu { op: what, width, dst, src } => op(alu(what, width, src), dst, src, 0),
        Insn::Neg { width, dst } => op(neg(width), dst, none, 0),
        Insn::MovSx { width, dst, src, from } => op(mov_sx(width, from), dst, Operand::Reg(src), 0),
        Insn::End { order, dst, size } => op(end(order, size), dst, none, 0),
        Insn::LoadImm64 { dst, .. } => op(load_imm64, dst, none, 0),
        Insn::Load { size, sx, dst, src, off } => op(load(size, sx), dst, Operand::Reg(src), off),
        Insn::Store { size, dst, off, src } => op(store(size, src), dst, src, off),
        Insn::Atomic { op: what, size, dst, off, src } => op(atomic(what, size), dst, Operand::Reg(src), off),
        Insn::Jump { offset, .. } => op(|_, op, pc| op.far_target(pc), Reg::R0, Operand::Imm(offset), 0),
        Insn::Branch { op: what, width, dst, src, offset } => op(branch(what, width, src), dst, src, offset),
        Insn::MayGoto { offset } => op(may_goto, Reg::R0, none, offset),
        Insn::Call(Callee::Local { offset }) => op(|m, op, pc| m.call(op, pc), Reg::R0, Operand::Imm(offset), 0),
        Insn::Call(Callee::Helper(_)) => op(call_helper, Reg::R0, none, 0),
        // `Program` refuses kernel functions and packet loads.
        Insn::Exit | Insn::Call(Callee::Kfunc { .. }) | Insn::LoadAbs { .. } | Insn::LoadInd { .. } => {
            op(|m, _, _| m.exit(), Reg::R0, none, 0)
        }
    }
}

fn may_goto<M: Memory>(m: &mut Machine<'_, M>, op: &Op<M>, pc: usize) -> usize {
    match m.loops.checked_sub(1) {
        Some(left) => {
            m.loops = left;
            pc + 1
        }
        None => op.target(pc),
    }
}

fn load_imm64<M: Memory>(m: &mut Machine<'_, M>, op: &Op<M>, pc: usize) -> usize {
    m.set(op, m.wide[op.imm as usize]);
    pc + 2
}

fn call_helper<M: Memory>(m: &mut Machine<'_, M>, op: &Op<M>, pc: usize) -> usize {
    let [_, r1, r2, r3, r4, r5, ..] = m.regs;
    // One entry a call: `Code::new` counts them.
    m.regs[0] = m.helpers[op.imm as usize](r1, r2, r3, r4, r5);
    pc + 1
}

// One function a kind of instruction, made from the kind's meaning in axbpf-isa with everything but the operands constant.

fn alu<M: Memory>(op: AluOp, width: Width, src: Operand) -> Step<M> {
    macro_rules! select {
        ($($op:ident)*) => { match (op, width, src) { $(
            (AluOp::$op, Width::W64, Operand::Reg(_)) => |m, o, pc| { m.set(o, AluOp::$op.eval(Width::W64, m.dst(o), m.src(o))); pc + 1 },
            (AluOp::$op, Width::W64, Operand::Imm(_)) => |m, o, pc| { m.set(o, AluOp::$op.eval(Width::W64, m.dst(o), o.imm())); pc + 1 },
            (AluOp::$op, Width::W32, Operand::Reg(_)) => |m, o, pc| { m.set(o, AluOp::$op.eval(Width::W32, m.dst(o), m.src(o))); pc + 1 },
            (AluOp::$op, Width::W32, Operand::Imm(_)) => |m, o, pc| { m.set(o, AluOp::$op.eval(Width::W32, m.dst(o), o.imm())); pc + 1 },
        )* } };
    }
    select!(Add Sub Mul Div Sdiv Or And Lsh Rsh Mod Smod Xor Mov Arsh)
}

fn branch<M: Memory>(op: JmpOp, width: Width, src: Operand) -> Step<M> {
    macro_rules! select {
        ($($op:ident)*) => { match (op, width, src) { $(
            (JmpOp::$op, Width::W64, Operand::Reg(_)) => |m, o, pc| if JmpOp::$op.eval(Width::W64, m.dst(o), m.src(o)) { o.target(pc) } else { pc + 1 },
            (JmpOp::$op, Width::W64, Operand::Imm(_)) => |m, o, pc| if JmpOp::$op.eval(Width::W64, m.dst(o), o.imm()) { o.target(pc) } else { pc + 1 },
            (JmpOp::$op, Width::W32, Operand::Reg(_)) => |m, o, pc| if JmpOp::$op.eval(Width::W32, m.dst(o), m.src(o)) { o.target(pc) } else { pc + 1 },
            (JmpOp::$op, Width::W32, Operand::Imm(_)) => |m, o, pc| if JmpOp::$op.eval(Width::W32, m.dst(o), o.imm()) { o.target(pc) } else { pc + 1 },
        )* } };
    }
    select!(Eq Gt Ge Set Ne Sgt Sge Lt Le Slt Sle)
}

fn neg<M: Memory>(width: Width) -> Step<M> {
    match width {
        Width::W64 => |m, o, pc| {
            m.set(o, AluOp::Sub.eval(Width::W64, 0, m.dst(o)));
            pc + 1
        },
        Width::W32 => |m, o, pc| {
            m.set(o, AluOp::Sub.eval(Width::W32, 0, m.dst(o)));
            pc + 1
        },
    }
}

/// Selects by size, which is then constant in each of the functions.
macro_rules! by_size {
    ($size:expr, $s:ident => $step:expr) => {
        match $size {
            Size::B => {
                const $s: Size = Size::B;
                $step
            }
            Size::H => {
                const $s: Size = Size::H;
                $step
            }
            Size::W => {
                const $s: Size = Size::W;
                $step
            }
            Size::Dw => {
                const $s: Size = Size::Dw;
                $step
            }
        }
    };
}

fn mov_sx<M: Memory>(width: Width, from: Size) -> Step<M> {
    match width {
        Width::W64 => by_size!(from, S => |m, o, pc| { m.set(o, S.sign_extend(m.src(o))); pc + 1 }),
        Width::W32 => by_size!(from, S => |m, o, pc| { m.set(o, Width::W32.truncate(S.sign_extend(m.src(o)))); pc + 1 }),
    }
}

fn end<M: Memory>(order: ByteOrder, size: Size) -> Step<M> {
    match order {
        ByteOrder::ToLe => by_size!(size, S => |m, o, pc| { m.set(o, ByteOrder::ToLe.eval(S, m.dst(o))); pc + 1 }),
        ByteOrder::ToBe | ByteOrder::Swap => by_size!(size, S => |m, o, pc| { m.set(o, ByteOrder::Swap.eval(S, m.dst(o))); pc + 1 }),
    }
}

fn load<M: Memory>(size: Size, sx: bool) -> Step<M> {
    match sx {
        false => by_size!(size, S => |m, o, pc| m.load(o, pc, S, |value| value)),
        true => by_size!(size, S => |m, o, pc| m.load(o, pc, S, |value| S.sign_extend(value))),
    }
}

fn store<M: Memory>(size: Size, src: Operand) -> Step<M> {
    match src {
        Operand::Reg(_) => by_size!(size, S => |m, o, pc| m.store(o, pc, S, m.src(o))),
        Operand::Imm(_) => by_size!(size, S => |m, o, pc| m.store(o, pc, S, o.imm())),
    }
}

fn atomic<M: Memory>(op: AtomicOp, size: Size) -> Step<M> {
    macro_rules! select {
        ($($op:pat => $value:expr,)*) => { match (op, size) { $(
            ($op, Size::Dw) => |m, o, pc| m.atomic(o, pc, $value, Size::Dw),
            ($op, _) => |m, o, pc| m.atomic(o, pc, $value, Size::W),
        )* } };
    }
    select! {
        AtomicOp::Add { fetch: false } => AtomicOp::Add { fetch: false },
        AtomicOp::Add { fetch: true } => AtomicOp::Add { fetch: true },
        AtomicOp::Or { fetch: false } => AtomicOp::Or { fetch: false },
        AtomicOp::Or { fetch: true } => AtomicOp::Or { fetch: true },
        AtomicOp::And { fetch: false } => AtomicOp::And { fetch: false },
        AtomicOp::And { fetch: true } => AtomicOp::And { fetch: true },
        AtomicOp::Xor { fetch: false } => AtomicOp::Xor { fetch: false },
        AtomicOp::Xor { fetch: true } => AtomicOp::Xor { fetch: true },
        AtomicOp::Xchg => AtomicOp::Xchg,
        AtomicOp::Cmpxchg => AtomicOp::Cmpxchg,
    }
}
