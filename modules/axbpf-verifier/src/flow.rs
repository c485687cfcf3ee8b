//! What has to hang together before any path is walked: decodable instructions, functions, jumps within them, everything reachable, no
//! recursion. Also which registers are live where, so that states that differ in dead ones count as the same.
use crate::legal::Illegal;
use crate::reason::{Step, refuse};
use crate::state::Frame;
use crate::{Reason, Rejected, Request};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use axbpf_abi::{Arg, HelperProto, IterState};
use axbpf_isa::{
    AluOp, AtomicOp, Callee, Imm64, Insn, InsnIdx, Operand, Reg, Size, Width, decode,
    opcode::{EXIT, LDDW},
};

fn reject<T>(at: u32, step: Step<T>) -> Result<T, Rejected> {
    step.map_err(|reason| Rejected { at: InsnIdx(at), reason })
}

/// The slot that a call or an address of a function names.
fn callee(at: u32, insn: &Insn) -> Option<i64> {
    match *insn {
        Insn::Call(Callee::Local { offset }) | Insn::LoadImm64 { imm: Imm64::Func { offset }, .. } => Some(Flow::target(at, offset)),
        _ => None,
    }
}

/// The prototype of what an instruction calls.
pub(crate) fn proto(request: &Request<'_>, insn: &Insn) -> Option<&'static HelperProto> {
    match *insn {
        Insn::Call(Callee::Helper(id)) => (request.helper)(id),
        Insn::Call(Callee::Kfunc { btf_id, .. }) => (request.kfunc)(btf_id),
        _ => None,
    }
}

/// A join: jumps lead there, or a call returns there. States are compared there.
pub(crate) const POINT: u8 = 1;
/// A checkpoint is always made: loops that end at run time only go through it.
pub(crate) const FORCE: u8 = 2;
/// A loop begins here: a later instruction jumps back.
pub(crate) const HEAD: u8 = 4;

/// The program's shape.
pub(crate) struct Flow {
    /// The instruction that begins at each slot.
    pub insns: Vec<Option<Insn>>,
    /// First slot and the one behind the last, of each function; the program itself first.
    pub subprogs: Vec<(u32, u32)>,
    /// The calls that each function makes: slot and function; callbacks that it names too.
    pub calls: Vec<Vec<(u32, usize)>>,
    /// The functions, those that are called before those that call them.
    pub order: Vec<usize>,
    /// Registers, as bits, whose values may still be read at each slot.
    pub live: Vec<u16>,
    /// [`POINT`], [`FORCE`], [`HEAD`].
    pub marks: Vec<u8>,
    /// Slots of instructions that are none, and why; no path may reach them.
    pub illegal: BTreeMap<u32, Reason>,
    /// A call that closes a circle of functions.
    pub recursion: Option<u32>,
    /// First and last slot of each loop, by its first.
    pub loops: Vec<(u32, u32)>,
}

impl Flow {
    pub(crate) fn of(request: &Request<'_>) -> Result<Flow, Rejected> {
        let len = request.slots.len();
        if len == 0 {
            return reject(0, refuse!(Flow, "a program needs at least one instruction"));
        }
        let mut flow = Flow {
            insns: alloc::vec![None; len],
            subprogs: Vec::new(),
            calls: Vec::new(),
            order: Vec::new(),
            live: alloc::vec![0; len],
            marks: alloc::vec![0; len],
            illegal: BTreeMap::new(),
            recursion: None,
            loops: Vec::new(),
        };
        let mut starts = alloc::vec![0u32];
        let mut next = 0;
        while next < len {
            let at = InsnIdx(next as u32);
            let insn = match decode(request.slots, at) {
                Ok(insn) => insn,
                Err(error) => {
                    let illegal = Illegal::of(request.slots[at.at()], &error);
                    if illegal.always {
                        return reject(at.0, Err(illegal.reason));
                    }
                    // It may stand where no path comes.
                    flow.illegal.insert(at.0, illegal.reason);
                    let wide = request.slots[next].opcode == LDDW;
                    match request.slots[next].opcode {
                        EXIT => Insn::Exit,
                        _ => Insn::Jump { offset: i32::from(wide), long: false },
                    }
                }
            };
            next += if request.slots[next].opcode == LDDW { 2 } else { 1 };
            flow.insns[at.at()] = Some(insn);
            if let Some(to) = callee(at.0, &insn) {
                if to < 0 || to >= len as i64 {
                    return reject(at.0, refuse!(Flow, "jump out of range from insn {} to {to}", at.0));
                }
                starts.push(to as u32);
            }
        }
        starts.sort_unstable();
        starts.dedup();
        for (i, &start) in starts.iter().enumerate() {
            if flow.insns[start as usize].is_none() {
                return reject(start, refuse!(Flow, "jump into the middle of ldimm64 insn {}", start - 1));
            }
            flow.subprogs.push((start, starts.get(i + 1).copied().unwrap_or(len as u32)));
        }
        flow.check_jumps(request)?;
        flow.check_reachable()?;
        flow.check_calls()?;
        flow.find_live(request);
        Ok(flow)
    }

    /// Where a function goes on after the call that made this frame: a callback is entered again and again by its call.
    pub(crate) fn resumes_at(&self, frame: &Frame) -> u32 {
        if frame.callback.is_some() { frame.callsite } else { self.next(frame.callsite) }
    }

    /// The last slot of the loop that begins at `head`.
    pub(crate) fn loop_end(&self, head: u32) -> Option<u32> {
        self.loops.binary_search_by_key(&head, |&(head, _)| head).ok().map(|i| self.loops[i].1)
    }

    /// The function that holds a slot.
    pub(crate) fn subprog_of(&self, slot: u32) -> usize {
        self.subprogs.partition_point(|&(start, _)| start <= slot).saturating_sub(1)
    }

    /// The slot behind the instruction at `at`.
    pub(crate) fn next(&self, at: u32) -> u32 {
        at + self.insns[at as usize].map_or(1, |insn| insn.slots() as u32)
    }

    /// Where the jump at `at` leads.
    pub(crate) fn target(at: u32, offset: i32) -> i64 {
        i64::from(at) + 1 + i64::from(offset)
    }

    /// Slots that may follow the instruction at `at` within its function.
    fn successors(&self, at: u32) -> [Option<u32>; 2] {
        let next = self.next(at);
        match self.insns[at as usize] {
            Some(Insn::Exit) => [None, None],
            Some(Insn::Jump { offset, .. }) => [Some(Self::target(at, offset) as u32), None],
            Some(Insn::Branch { offset, .. } | Insn::MayGoto { offset }) => [Some(next), Some(Self::target(at, offset.into()) as u32)],
            _ => [Some(next), None],
        }
    }

    fn check_jumps(&mut self, request: &Request<'_>) -> Result<(), Rejected> {
        for &(start, end) in &self.subprogs {
            let mut last = None;
            for at in start..end {
                let Some(insn) = self.insns[at as usize] else { continue };
                last = Some((at, insn));
                match insn {
                    Insn::Call(Callee::Local { .. }) if at + 1 < end => self.marks[at as usize + 1] |= POINT,
                    Insn::MayGoto { .. } => self.marks[at as usize] |= POINT | FORCE,
                    Insn::Call(_) => {
                        let loops = |arg: &Arg| matches!(arg, Arg::Callback(_) | Arg::Iter { state: IterState::Next, .. });
                        if proto(request, &insn).is_some_and(|proto| proto.args.iter().any(loops)) {
                            self.marks[at as usize] |= POINT | FORCE;
                        }
                    }
                    _ => {}
                }
                if let Some(offset) = insn.jump_offset() {
                    let to = Self::target(at, offset);
                    if to < start.into() || to >= end.into() {
                        return reject(at, refuse!(Flow, "jump out of range from insn {at} to {to}" => "jumps stay within their function"));
                    }
                    if self.insns[to as usize].is_none() {
                        return reject(at, refuse!(Flow, "jump into the middle of ldimm64 insn {}", to - 1));
                    }
                    self.marks[to as usize] |= POINT;
                    if to <= at.into() {
                        self.marks[to as usize] |= HEAD;
                        self.loops.push((to as u32, at));
                    }
                }
            }
            let at = match last {
                Some((_, Insn::Exit | Insn::Jump { .. })) => continue,
                Some((at, _)) => at,
                None => start,
            };
            return reject(at, refuse!(Flow, "last insn is not an exit or jmp" => "end the function with one"));
        }
        // Of several jumps back, the last one ends the loop.
        self.loops.sort_unstable_by_key(|&(head, end)| (head, core::cmp::Reverse(end)));
        self.loops.dedup_by_key(|&mut (head, _)| head);
        Ok(())
    }

    fn check_reachable(&self) -> Result<(), Rejected> {
        let mut seen = alloc::vec![false; self.insns.len()];
        // Functions are there because something calls them; whether that is reached, the walk of its own function says.
        let mut open: Vec<u32> = self.subprogs.iter().map(|&(start, _)| start).collect();
        while let Some(at) = open.pop() {
            if !core::mem::replace(&mut seen[at as usize], true) {
                open.extend(self.successors(at).into_iter().flatten());
            }
        }
        match (0..self.insns.len()).find(|&at| self.insns[at].is_some() && !seen[at]) {
            Some(at) => reject(at as u32, refuse!(Flow, "unreachable insn {at}" => "remove it, or the jump around it")),
            None => Ok(()),
        }
    }

    /// Who calls whom, and an order in which callees come first.
    fn check_calls(&mut self) -> Result<(), Rejected> {
        let callees = |&(start, end): &(u32, u32)| {
            let callee = |at: u32| Some((at, self.subprog_of(callee(at, self.insns[at as usize].as_ref()?)? as u32)));
            (start..end).filter_map(callee).collect()
        };
        self.calls = self.subprogs.iter().map(callees).collect();
        #[derive(Clone, Copy, PartialEq)]
        enum Seen {
            Not,
            Open,
            Done,
        }
        let mut seen = alloc::vec![Seen::Not; self.calls.len()];
        // Not by recursion: the chain may be as long as the program.
        let mut chain: Vec<(usize, usize)> = Vec::new();
        for first in 0..seen.len() {
            if seen[first] == Seen::Not {
                seen[first] = Seen::Open;
                chain.push((first, 0));
            }
            while let Some((here, next)) = chain.last_mut() {
                match self.calls[*here].get(*next) {
                    Some(&(at, callee)) => {
                        *next += 1;
                        match core::mem::replace(&mut seen[callee], Seen::Open) {
                            Seen::Not => chain.push((callee, 0)),
                            // The walk finds it, if a path comes there.
                            Seen::Open => self.recursion = Some(at),
                            Seen::Done => seen[callee] = Seen::Done,
                        }
                    }
                    None => {
                        seen[*here] = Seen::Done;
                        self.order.push(*here);
                        chain.pop();
                    }
                }
            }
        }
        Ok(())
    }

    fn find_live(&mut self, request: &Request<'_>) {
        self.live = self.backward(|insn, after| {
            let (reads, writes) = uses(insn, request);
            (after & !writes) | reads | 1 << Reg::R10.index()
        });
    }

    /// Slots of operations on lower halves, and of loads of less than eight bytes, whose zeros above nobody reads.
    pub(crate) fn lower_half_only(&self) -> Vec<u32> {
        let upper = self.backward(upper_halves);
        let after = |at: u32| self.successors(at).into_iter().flatten().fold(0, |all, next| all | upper[next as usize]);
        let narrow = |at: u32| match self.insns[at as usize]? {
            Insn::Alu { width: Width::W32, dst, .. }
            | Insn::Neg { width: Width::W32, dst }
            | Insn::MovSx { width: Width::W32, dst, .. } => Some(dst),
            Insn::Load { size, sx: false, dst, .. } if size != Size::Dw => Some(dst),
            _ => None,
        };
        let slots = 0..self.insns.len() as u32;
        slots.filter(|&at| narrow(at).is_some_and(|dst| after(at) >> dst.index() & 1 == 0)).collect()
    }

    /// A set of registers before each slot, computed from those behind it, until nothing changes. One pass from the end is enough but for jumps
    /// back: what they change is gone through again. Each slot changes at most once a register, so this is linear in the program.
    fn backward(&self, before: impl Fn(&Insn, u16) -> u16) -> Vec<u16> {
        let mut sets = alloc::vec![0u16; self.insns.len()];
        let update = |sets: &mut [u16], at: u32| {
            let Some(insn) = &self.insns[at as usize] else { return false };
            let after = self.successors(at).into_iter().flatten().fold(0, |all, next| all | sets[next as usize]);
            let set = before(insn, after);
            core::mem::replace(&mut sets[at as usize], set) != set
        };
        // Jumps by where they lead; those that lead back have not seen what is there.
        let (mut jumps, mut open) = (Vec::new(), Vec::new());
        for at in (0..self.insns.len() as u32).rev() {
            update(&mut sets, at);
            if let Some(offset) = self.insns[at as usize].and_then(|insn| insn.jump_offset())
                && !self.loops.is_empty()
            {
                let to = Self::target(at, offset) as u32;
                jumps.push((to, at));
                if to <= at {
                    open.push(at);
                }
            }
        }
        jumps.sort_unstable();
        while let Some(at) = open.pop() {
            if !update(&mut sets, at) {
                continue;
            }
            // The one before takes one slot or two.
            let before = [1, 2].iter().filter_map(|slots| at.checked_sub(*slots)).find(|&before| self.insns[before as usize].is_some());
            let from = jumps[jumps.partition_point(|&(to, _)| to < at)..].iter().take_while(|&&(to, _)| to == at).map(|&(_, from)| from);
            open.extend(from.chain(before));
        }
        sets
    }
}

/// Registers whose upper halves are read before an instruction, if those in `after` are behind it.
fn upper_halves(insn: &Insn, after: u16) -> u16 {
    let bit = |reg: Reg| 1u16 << reg.index();
    let operand = |src: Operand| match src {
        Operand::Reg(reg) => bit(reg),
        Operand::Imm(_) => 0,
    };
    let dies = |dst: Reg| after & !bit(dst);
    match *insn {
        Insn::Alu { width: Width::W32, dst, .. } | Insn::Neg { width: Width::W32, dst } | Insn::MovSx { dst, .. } => dies(dst),
        Insn::Alu { op: AluOp::Mov, dst, src, .. } => dies(dst) | if after & bit(dst) != 0 { operand(src) } else { 0 },
        // The lower half of the result depends on lower halves alone.
        Insn::Alu { op: AluOp::Add | AluOp::Sub | AluOp::Mul | AluOp::And | AluOp::Or | AluOp::Xor, dst, src, .. } => {
            if after & bit(dst) != 0 { after | operand(src) } else { after }
        }
        Insn::Neg { .. } => after,
        Insn::Alu { dst, src, .. } => after | bit(dst) | operand(src),
        Insn::End { dst, size, .. } => {
            if size == Size::Dw {
                after | bit(dst)
            } else {
                dies(dst)
            }
        }
        Insn::LoadImm64 { dst, .. } => dies(dst),
        Insn::Load { dst, src, .. } => dies(dst) | bit(src),
        Insn::Store { size, dst, src, .. } => after | bit(dst) | if size == Size::Dw { operand(src) } else { 0 },
        Insn::Atomic { dst, src, .. } => after | bit(dst) | bit(src) | 1,
        Insn::Branch { width: Width::W64, dst, src, .. } => after | bit(dst) | operand(src),
        Insn::Call(_) | Insn::LoadAbs { .. } | Insn::LoadInd { .. } => after | 0x3ff,
        Insn::Exit => 1,
        Insn::Branch { .. } | Insn::Jump { .. } | Insn::MayGoto { .. } => after,
    }
}

/// Registers that an instruction reads, and those that it sets, as bits.
fn uses(insn: &Insn, request: &Request<'_>) -> (u16, u16) {
    let bit = |reg: Reg| 1u16 << reg.index();
    let operand = |src: Operand| match src {
        Operand::Reg(reg) => bit(reg),
        Operand::Imm(_) => 0,
    };
    const ARGS: u16 = 0b11_1110;
    match *insn {
        Insn::Alu { op: AluOp::Mov, dst, src, .. } => (operand(src), bit(dst)),
        Insn::Alu { dst, src, .. } => (bit(dst) | operand(src), 0),
        Insn::Neg { dst, .. } | Insn::End { dst, .. } => (bit(dst), 0),
        Insn::MovSx { dst, src, .. } => (bit(src), bit(dst)),
        Insn::LoadImm64 { dst, .. } => (0, bit(dst)),
        Insn::Load { dst, src, .. } => (bit(src), bit(dst)),
        Insn::Store { dst, src, .. } => (bit(dst) | operand(src), 0),
        Insn::Atomic { op, dst, src, .. } => (bit(dst) | bit(src) | if op == AtomicOp::Cmpxchg { 1 } else { 0 }, 0),
        Insn::Branch { dst, src, .. } => (bit(dst) | operand(src), 0),
        Insn::Call(_) => {
            let args = proto(request, insn).map_or(5, |proto| proto.args.len());
            (ARGS & ((1 << (args + 1)) - 1), ARGS | 1)
        }
        Insn::LoadAbs { .. } => (1 << 6, ARGS | 1),
        Insn::LoadInd { src, .. } => (1 << 6 | bit(src), ARGS | 1),
        Insn::Exit => (1, 0),
        Insn::Jump { .. } | Insn::MayGoto { .. } => (0, 0),
    }
}
