//! The walk along every path.
use crate::flow::Flow;
use crate::state::{Frame, State};
use crate::value::{Range, Target, Value};
use crate::{Reason, Rejected, Request, Verdict};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use axbpf_abi::flags::{BPF_LOG_LEVEL1, BPF_LOG_LEVEL2};
use axbpf_abi::{Facts, MAX_STACK, MapType, Subprog};
use axbpf_isa::{AluOp, Callee, Imm64, Insn, InsnIdx, Operand, Reg, Width};
use core::fmt::Write;

/// What one instruction may answer.
pub(crate) type Step<T> = Result<T, Reason>;

/// Where a path goes on.
pub(crate) enum Next {
    At(u32),
    /// The program ends.
    End,
}

/// A state that was kept, to compare later ones with.
struct Node {
    /// `None`: forgotten, so that others have room.
    state: Option<State>,
    /// The one before it on its path.
    parent: Option<usize>,
    /// See [`State::hash`].
    hash: u64,
    /// Paths through it that have not ended. While there are any, the one being walked is among them or comes from them.
    open: u32,
}

/// A path that was put off.
struct Pending {
    state: State,
    at: u32,
    parent: Option<usize>,
}

/// States at one instruction that are compared whatever they hold; older ones are found by their hash.
const RECENT: usize = 32;

/// See the module.
pub(crate) struct Walk<'a> {
    pub request: &'a Request<'a>,
    pub flow: &'a Flow,
    log: &'a mut dyn Write,
    pub state: State,
    pub at: u32,
    parent: Option<usize>,
    nodes: Vec<Node>,
    recent: BTreeMap<u32, Vec<usize>>,
    older: BTreeMap<(u32, u64), usize>,
    pending: Vec<Pending>,
    processed: usize,
    /// Instructions and jumps since a state was last kept.
    since: (u32, u32),
    /// Bytes of kept and pending states.
    memory: usize,
    states: usize,
    last_id: u32,
    /// Bytes of stack that each function uses.
    pub depth: Vec<u32>,
    seen: Vec<bool>,
    /// Whether the instruction at a slot goes to the context, once it has been walked.
    pub to_ctx: Vec<Option<bool>>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(request: &'a Request<'a>, flow: &'a Flow, log: &'a mut dyn Write) -> Self {
        let mut frame = Frame::new(0, 0, 0);
        frame.regs[Reg::R1.index()] = Value::Ptr { to: Target::Ctx, off: 0 };
        Walk {
            request,
            flow,
            log,
            state: State { frames: alloc::vec![frame], refs: Vec::new() },
            at: 0,
            parent: None,
            nodes: Vec::new(),
            recent: BTreeMap::new(),
            older: BTreeMap::new(),
            pending: Vec::new(),
            processed: 0,
            since: (0, 0),
            memory: 0,
            states: 0,
            last_id: 0,
            depth: alloc::vec![0; flow.subprogs.len()],
            seen: alloc::vec![false; request.slots.len()],
            to_ctx: alloc::vec![None; request.slots.len()],
        }
    }

    pub(crate) fn run(mut self) -> Result<Verdict, Rejected> {
        loop {
            if let Err(reason) = self.path() {
                if self.request.log_level & BPF_LOG_LEVEL1 != 0 && self.request.log_level & BPF_LOG_LEVEL2 == 0 {
                    self.tell();
                }
                return Err(Rejected { at: InsnIdx(self.at), reason });
            }
            self.close();
            let Some(Pending { state, at, parent }) = self.pending.pop() else { break };
            self.memory -= state.bytes();
            (self.state, self.at, self.parent) = (state, at, parent);
        }
        let facts = self.facts()?;
        Ok(Verdict { facts, insns_processed: self.processed, states: self.states })
    }

    /// Walks one path to its end.
    fn path(&mut self) -> Step<()> {
        loop {
            if self.processed >= self.request.limits.insns {
                return Err(Reason::TooComplex { limit: self.request.limits.insns });
            }
            if self.flow.joins[self.at as usize] && self.known()? {
                return Ok(());
            }
            self.processed += 1;
            self.since.0 += 1;
            self.seen[self.at as usize] = true;
            if self.request.log_level & BPF_LOG_LEVEL2 != 0 {
                self.tell();
            }
            match self.step()? {
                Next::At(at) => self.at = at,
                Next::End => return Ok(()),
            }
        }
    }

    /// Whether all that may follow was looked at already, from a state that allows at least as much. Keeps the state if not.
    fn known(&mut self) -> Step<bool> {
        self.since.1 += 1;
        self.state.forget_dead(self.flow.live[self.at as usize]);
        let (at, matters) = (self.at, &self.flow.matters);
        let hash = self.state.hash(at, matters);
        let recent = self.recent.entry(at).or_default();
        for &i in recent.iter().rev().chain(self.older.get(&(at, hash))) {
            let node = &self.nodes[i];
            let Some(state) = &node.state else { continue };
            if node.open > 0 {
                // On the way to here: the same state again means that it never ends.
                if *state == self.state {
                    return Err(Reason::Loop { at });
                }
            } else if state.covers(&self.state, at, matters) {
                return Ok(true);
            }
        }
        // As Linux: not at every round of a short loop.
        if !recent.is_empty() && (self.since.0 < 8 || self.since.1 < 2) {
            return Ok(false);
        }
        self.since = (0, 0);
        if recent.len() >= RECENT {
            let oldest = recent.remove(0);
            if let Some(same) = self.older.insert((at, self.nodes[oldest].hash), oldest) {
                self.forget(same);
            }
        }
        self.recent.entry(at).or_default().push(self.nodes.len());
        self.memory += self.state.bytes();
        self.states += 1;
        // The new one takes its parent's path over, so the parent's count stays.
        self.nodes.push(Node { state: Some(self.state.clone()), hash, parent: self.parent, open: 1 });
        self.parent = Some(self.nodes.len() - 1);
        self.check_memory()?;
        Ok(false)
    }

    fn forget(&mut self, node: usize) {
        self.memory -= self.nodes[node].state.take().map_or(0, |state| state.bytes());
    }

    /// Bytes of what is kept.
    fn used(&self) -> usize {
        self.memory + self.nodes.len() * size_of::<Node>()
    }

    /// Makes room while there is some left: of the older states every other one goes, so that the rest is spread over the loops.
    fn check_memory(&mut self) -> Step<()> {
        let limit = self.request.limits.memory;
        if self.used() > limit / 4 * 3 {
            let mut older = core::mem::take(&mut self.older);
            let mut keep = false;
            older.retain(|_, &mut node| {
                keep = !keep;
                if !keep {
                    self.forget(node);
                }
                keep
            });
            self.older = older;
        }
        if self.used() > limit { Err(Reason::OutOfMemory { limit }) } else { Ok(()) }
    }

    /// The path has ended.
    fn close(&mut self) {
        let mut parent = self.parent;
        while let Some(i) = parent {
            self.nodes[i].open -= 1;
            if self.nodes[i].open > 0 {
                break;
            }
            parent = self.nodes[i].parent;
        }
    }

    /// Puts a path off.
    pub(crate) fn later(&mut self, state: State, at: u32) -> Step<()> {
        if let Some(i) = self.parent {
            self.nodes[i].open += 1;
        }
        self.memory += state.bytes();
        self.pending.push(Pending { state, at, parent: self.parent });
        self.check_memory()
    }

    /// A number for a new reference or lookup.
    pub(crate) fn new_id(&mut self) -> u32 {
        self.last_id += 1;
        self.last_id
    }

    pub(crate) fn frame(&mut self) -> &mut Frame {
        let last = self.state.frames.len() - 1;
        &mut self.state.frames[last]
    }

    /// A register's value, which must be there.
    pub(crate) fn read(&mut self, reg: Reg) -> Step<Value> {
        match self.frame().regs[reg.index()] {
            Value::Uninit => Err(Reason::NotReadable { reg }),
            value => Ok(value),
        }
    }

    pub(crate) fn set(&mut self, reg: Reg, value: Value) -> Step<()> {
        if reg == Reg::R10 {
            return Err(Reason::FramePointer);
        }
        self.frame().regs[reg.index()] = value;
        Ok(())
    }

    /// The value of a second operand.
    pub(crate) fn operand(&mut self, src: Operand, width: Width) -> Step<Value> {
        match src {
            Operand::Reg(reg) => self.read(reg),
            Operand::Imm(imm) => Ok(Value::Scalar(Range::exactly(match width {
                Width::W64 => imm as i64 as u64,
                Width::W32 => u64::from(imm as u32),
            }))),
        }
    }

    fn step(&mut self) -> Step<Next> {
        let at = self.at;
        // Jumps were checked, so one begins here.
        let Some(insn) = self.flow.insns[at as usize] else { return Err(Reason::JumpIntoInsn { to: at.into() }) };
        match insn {
            Insn::Alu { op, width, dst, src } => self.alu(op, width, dst, src)?,
            Insn::Neg { width, dst } => {
                let value = self.number(dst)?;
                self.set(dst, Value::Scalar(Range::alu(AluOp::Sub, width, Range::exactly(0), value)))?;
            }
            Insn::MovSx { width, dst, src, from } => {
                let value = self.number(src)?;
                let known = value.known().map(|value| from.sign_extend(value) & Range::bits(width.bits()).max);
                // What fits without its sign bit stays what it is.
                let keeps = value.max < 1 << (from.bits() - 1);
                let range = match known {
                    Some(known) => Range::exactly(known),
                    None if keeps => value,
                    None => Range::bits(width.bits()),
                };
                self.set(dst, Value::Scalar(range))?;
            }
            Insn::End { order, dst, size } => {
                let value = self.number(dst)?;
                let range = value.known().map_or(Range::bits(size.bits()), |value| Range::exactly(order.eval(size, value)));
                self.set(dst, Value::Scalar(range))?;
            }
            Insn::LoadImm64 { dst, imm } => {
                let value = self.wide(imm)?;
                self.set(dst, value)?;
            }
            Insn::Load { size, sx, dst, src, off } => {
                let value = self.load(src, off, size, sx)?;
                self.set(dst, value)?;
            }
            Insn::Store { size, dst, off, src } => {
                let value = self.operand(src, Width::W64)?;
                self.store(dst, off, size, value)?;
            }
            Insn::Atomic { op, size, dst, off, src } => self.atomic(op, size, dst, off, src)?,
            Insn::Jump { offset, .. } => {
                self.since.1 += 1;
                return Ok(Next::At(Flow::target(at, offset) as u32));
            }
            Insn::Branch { op, width, dst, src, offset } => {
                self.since.1 += 1;
                return self.branch(op, width, dst, src, Flow::target(at, offset.into()) as u32);
            }
            Insn::Call(Callee::Helper(id)) => self.helper(id)?,
            Insn::Call(Callee::Local { offset }) => return self.call(Flow::target(at, offset) as u32),
            Insn::Exit => return self.exit(),
            Insn::MayGoto { .. } => return Err(Reason::MayGoto),
            Insn::LoadAbs { .. } | Insn::LoadInd { .. } => return Err(Reason::PacketLoad),
            Insn::Call(Callee::Kfunc { .. }) => return Err(Reason::Kfunc),
        }
        Ok(Next::At(self.flow.next(at)))
    }

    /// The number in a register: any if it is a pointer, which is one no longer.
    fn number(&mut self, reg: Reg) -> Step<Range> {
        Ok(match self.read(reg)? {
            Value::Scalar(range) => range,
            _ => Range::ANY,
        })
    }

    fn wide(&mut self, imm: Imm64) -> Step<Value> {
        let map = || (self.request.map)(InsnIdx(self.at)).ok_or(Reason::NoMap);
        Ok(match imm {
            Imm64::Value(value) => Value::Scalar(Range::exactly(value)),
            Imm64::MapFd(_) | Imm64::MapIdx(_) => Value::Ptr { to: Target::Map(map()?), off: 0 },
            Imm64::MapFdValue { off, .. } | Imm64::MapIdxValue { off, .. } => {
                let map = map()?;
                if map.map_type != MapType::Array {
                    return Err(Reason::MapNoAddress { map: map.map_type });
                }
                if off >= map.value_size {
                    return Err(Reason::MapAddress { value_size: map.value_size, off });
                }
                Value::Ptr { to: Target::MapValue { map, or_null: None }, off: off.into() }
            }
            Imm64::Func { .. } => return Err(Reason::FunctionPointer),
            Imm64::VarAddr { .. } => return Err(Reason::KernelVariable),
        })
    }

    fn alu(&mut self, op: AluOp, width: Width, dst: Reg, src: Operand) -> Step<()> {
        let b = self.operand(src, width)?;
        if op == AluOp::Mov {
            let value = match (b, width) {
                (value, Width::W64) => value,
                (Value::Scalar(range), Width::W32) => Value::Scalar(Range::alu(AluOp::Mov, width, range, range)),
                // Half of a pointer is a number.
                (_, Width::W32) => Value::Scalar(Range::bits(32)),
            };
            return self.set(dst, value);
        }
        // Defined for registers, a mistake as constants.
        if let Operand::Imm(imm) = src {
            match op {
                AluOp::Div | AluOp::Sdiv | AluOp::Mod | AluOp::Smod if imm == 0 => return Err(Reason::DivByZero),
                AluOp::Lsh | AluOp::Rsh | AluOp::Arsh if !(0..width.bits() as i32).contains(&imm) => return Err(Reason::Shift { by: imm }),
                _ => {}
            }
        }
        let a = self.read(dst)?;
        let value = match (a, b) {
            (Value::Scalar(a), Value::Scalar(b)) => Value::Scalar(Range::alu(op, width, a, b)),
            // A distance, or half of something: a number of which nothing is known.
            (Value::Ptr { .. }, Value::Ptr { .. }) if op == AluOp::Sub => Value::Scalar(Range::bits(width.bits())),
            _ if op == AluOp::Sub && width == Width::W32 => Value::Scalar(Range::bits(32)),
            (Value::Ptr { .. }, Value::Ptr { .. }) => return Err(Reason::TwoPointers { reg: dst, op }),
            _ if width == Width::W32 => return Err(Reason::Arithmetic32 { reg: dst }),
            (Value::Ptr { to, off }, Value::Scalar(by)) => self.moved(op, dst, to, off, by)?,
            (_, Value::Ptr { .. }) if op == AluOp::Sub => return Err(Reason::PointerFromScalar { reg: dst }),
            (Value::Scalar(by), Value::Ptr { to, off }) => self.moved(op, dst, to, off, by)?,
            // Both were read, so neither is unset.
            (Value::Uninit, _) | (_, Value::Uninit) => return Err(Reason::NotReadable { reg: dst }),
        };
        self.set(dst, value)
    }

    /// A pointer and a number.
    fn moved(&mut self, op: AluOp, reg: Reg, to: Target, off: i64, by: Range) -> Step<Value> {
        const FAR: u64 = 1 << 29;
        let value = Value::Ptr { to, off };
        if value.or_null() {
            return Err(Reason::OrNullArithmetic { reg, kind: value.name() });
        }
        if matches!(to, Target::Map(_) | Target::PacketEnd) {
            return Err(Reason::Arithmetic { reg, kind: value.name() });
        }
        match op {
            AluOp::Sub if matches!(to, Target::Stack { .. }) => return Err(Reason::StackSubtraction { reg }),
            AluOp::Add | AluOp::Sub => {}
            AluOp::And | AluOp::Or | AluOp::Xor => return Err(Reason::Bitwise { reg, op }),
            _ => return Err(Reason::Operator { reg, op }),
        }
        let by = by.known().ok_or(Reason::VariableOffset { kind: value.name() })? as i64;
        let moved = if op == AluOp::Sub { off.checked_sub(by) } else { off.checked_add(by) };
        match moved {
            Some(off) if off.unsigned_abs() < FAR => Ok(Value::Ptr { to, off }),
            _ => Err(Reason::OffsetTooLarge { kind: value.name(), off: by }),
        }
    }

    /// Writes the instruction with what is known before it.
    fn tell(&mut self) {
        let Some(insn) = self.flow.insns[self.at as usize] else { return };
        if let Some(line) = (self.request.source)(InsnIdx(self.at)) {
            let _ = writeln!(self.log, "; {line}");
        }
        let opcode = self.request.slots[self.at as usize].opcode;
        let _ = write!(self.log, "{}: ({opcode:02x}) {insn} ;", self.at);
        let Some(frame) = self.state.frames.last() else { return };
        if self.state.frames.len() > 1 {
            let _ = write!(self.log, " frame{}:", self.state.frames.len() - 1);
        }
        for (reg, value) in Reg::all().zip(&frame.regs).filter(|(_, value)| **value != Value::Uninit) {
            let _ = write!(self.log, " {reg}={value}");
        }
        for (i, slot) in frame.stack.slots().iter().enumerate() {
            if let crate::stack::Slot::Whole(value) = slot {
                let _ = write!(self.log, " fp-{}={value}", 8 * (i + 1));
            }
        }
        let _ = writeln!(self.log);
    }

    /// What was learnt, once every path has ended well.
    fn facts(&self) -> Result<Facts, Rejected> {
        let subprogs = self.flow.subprogs.iter().zip(&self.depth);
        let subprogs = subprogs.map(|(&(start, end), &depth)| Subprog { start, end, stack: depth.next_multiple_of(8) });
        let mut facts = Facts { subprogs: subprogs.collect(), max_stack: 0, dead: Vec::new() };
        facts.max_stack = self.deepest(8).0;
        // Linux's frames take a multiple of 16 where programs are compiled. One alone may be as large as it likes within the limit.
        let (bytes, frames) = self.deepest(16);
        if bytes > MAX_STACK && frames > 1 {
            return Err(Rejected { at: InsnIdx(0), reason: Reason::StackDepth { frames, bytes } });
        }
        facts.dead = (0..self.seen.len()).filter(|&at| self.flow.insns[at].is_some() && !self.seen[at]).map(|at| at as u32).collect();
        Ok(facts)
    }

    /// Bytes and frames of the deepest chain of calls, with frames that are multiples of `align` bytes.
    fn deepest(&self, align: u32) -> (u32, usize) {
        let mut deepest = alloc::vec![(0, 0); self.depth.len()];
        for &subprog in &self.flow.order {
            let below = self.flow.calls[subprog].iter().map(|&(_, callee)| deepest[callee]).max().unwrap_or_default();
            deepest[subprog] = (self.depth[subprog].next_multiple_of(align) + below.0, 1 + below.1);
        }
        deepest[0]
    }
}
