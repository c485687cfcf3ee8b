//! What has to hang together before any path is walked: decodable instructions, functions, jumps within them, everything reachable, no
//! recursion. Also which registers are live where, so that states that differ in dead ones count as the same.
use crate::{Reason, Rejected, Request};
use alloc::vec::Vec;
use axbpf_isa::{AtomicOp, Callee, Imm64, Insn, InsnIdx, Operand, Reg, insns};

/// The program's shape.
pub(crate) struct Flow {
    /// The instruction that begins at each slot.
    pub insns: Vec<Option<Insn>>,
    /// First slot and the one behind the last, of each function; the program itself first.
    pub subprogs: Vec<(u32, u32)>,
    /// The calls that each function makes: slot and function.
    pub calls: Vec<Vec<(u32, usize)>>,
    /// The functions, those that are called before those that call them.
    pub order: Vec<usize>,
    /// Registers, as bits, whose values may still be read at each slot.
    pub live: Vec<u16>,
    /// Registers, as bits, whose numbers may still decide something at each slot: a branch, an address, an argument, what is stored. A
    /// counter that is only counted and returned is live, but does not matter.
    pub matters: Vec<u16>,
    /// Slots where several paths meet: jumps lead there, or functions return there.
    pub joins: Vec<bool>,
}

impl Flow {
    pub(crate) fn of(request: &Request<'_>) -> Result<Flow, Rejected> {
        let reject = |at: u32, reason| Err(Rejected { at: InsnIdx(at), reason });
        let len = request.slots.len();
        if len == 0 {
            return reject(0, Reason::Empty);
        }
        let mut flow = Flow {
            insns: alloc::vec![None; len],
            subprogs: Vec::new(),
            calls: Vec::new(),
            order: Vec::new(),
            live: alloc::vec![0; len],
            matters: alloc::vec![0; len],
            joins: alloc::vec![false; len],
        };
        let mut starts = alloc::vec![0u32];
        for (at, insn) in insns(request.slots) {
            let insn = insn.map_err(|error| Rejected { at, reason: Reason::Decode(error) })?;
            flow.insns[at.at()] = Some(insn);
            let unsupported = match insn {
                Insn::MayGoto { .. } => Reason::MayGoto,
                Insn::LoadAbs { .. } | Insn::LoadInd { .. } => Reason::PacketLoad,
                Insn::LoadImm64 { imm: Imm64::Func { .. }, .. } => Reason::FunctionPointer,
                Insn::LoadImm64 { imm: Imm64::VarAddr { .. }, .. } => Reason::KernelVariable,
                Insn::Call(Callee::Kfunc { .. }) => Reason::Kfunc,
                Insn::Call(Callee::Local { offset }) => {
                    match i64::from(at.0) + 1 + i64::from(offset) {
                        to if to < 0 || to >= len as i64 => return reject(at.0, Reason::JumpOutOfRange { from: at.0, to }),
                        to => starts.push(to as u32),
                    }
                    continue;
                }
                _ => continue,
            };
            return reject(at.0, unsupported);
        }
        starts.sort_unstable();
        starts.dedup();
        for (i, &start) in starts.iter().enumerate() {
            if flow.insns[start as usize].is_none() {
                return reject(start, Reason::JumpIntoInsn { to: start.into() });
            }
            flow.subprogs.push((start, starts.get(i + 1).copied().unwrap_or(len as u32)));
        }
        flow.check_jumps()?;
        flow.check_reachable()?;
        flow.check_calls()?;
        flow.find_live(request);
        Ok(flow)
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
            Some(Insn::Branch { offset, .. }) => [Some(next), Some(Self::target(at, offset.into()) as u32)],
            _ => [Some(next), None],
        }
    }

    fn check_jumps(&mut self) -> Result<(), Rejected> {
        for &(start, end) in &self.subprogs {
            let mut last = None;
            for at in start..end {
                let Some(insn) = self.insns[at as usize] else { continue };
                let reject = |reason| Err(Rejected { at: InsnIdx(at), reason });
                last = Some((at, insn));
                if matches!(insn, Insn::Call(Callee::Local { .. })) && at + 1 < end {
                    self.joins[at as usize + 1] = true;
                }
                if let Some(offset) = insn.jump_offset() {
                    let to = Self::target(at, offset);
                    if to < start.into() || to >= end.into() {
                        return reject(Reason::JumpOutOfRange { from: at, to });
                    }
                    if self.insns[to as usize].is_none() {
                        return reject(Reason::JumpIntoInsn { to });
                    }
                    self.joins[to as usize] = true;
                }
            }
            match last {
                Some((_, Insn::Exit | Insn::Jump { .. })) => {}
                Some((at, _)) => return Err(Rejected { at: InsnIdx(at), reason: Reason::FallsThrough }),
                None => return Err(Rejected { at: InsnIdx(start), reason: Reason::FallsThrough }),
            }
        }
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
            Some(at) => Err(Rejected { at: InsnIdx(at as u32), reason: Reason::Unreachable { at: at as u32 } }),
            None => Ok(()),
        }
    }

    /// Who calls whom, and an order in which callees come first: no function calls itself, directly or through others.
    fn check_calls(&mut self) -> Result<(), Rejected> {
        let callees = |&(start, end): &(u32, u32)| {
            let callee = |at| match self.insns[at as usize] {
                Some(Insn::Call(Callee::Local { offset })) => Some((at, self.subprog_of(Self::target(at, offset) as u32))),
                _ => None,
            };
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
                            Seen::Open => return Err(Rejected { at: InsnIdx(at), reason: Reason::Recursion }),
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

    /// Backwards until nothing changes. Each slot changes at most twice a register, so this is linear in the program.
    fn find_live(&mut self, request: &Request<'_>) {
        let slots = || (0..self.insns.len() as u32).filter(|&at| self.insns[at as usize].is_some());
        let jump = |at: u32| Some((Self::target(at, self.insns[at as usize]?.jump_offset()?) as u32, at));
        let mut jumps: Vec<(u32, u32)> = slots().filter_map(jump).collect();
        jumps.sort_unstable();
        let mut open: Vec<u32> = slots().collect();
        let mut is_open = alloc::vec![true; self.insns.len()];
        while let Some(at) = open.pop() {
            is_open[at as usize] = false;
            let Some(insn) = self.insns[at as usize] else { continue };
            let (reads, writes) = uses(&insn, request);
            let after = |of: &[u16]| self.successors(at).into_iter().flatten().fold(0, |all, next| all | of[next as usize]);
            let live = (after(&self.live) & !writes) | reads | 1 << Reg::R10.index();
            let result = if self.subprogs[0].1 > at { 0 } else { 1 };
            let matters = decides(&insn, (reads, writes), after(&self.matters), result);
            let before = (self.live[at as usize], self.matters[at as usize]);
            if before == (live, matters) {
                continue;
            }
            (self.live[at as usize], self.matters[at as usize]) = (live, matters);
            // The one before takes one slot or two.
            let before = [1, 2].iter().filter_map(|slots| at.checked_sub(*slots)).find(|&before| self.insns[before as usize].is_some());
            let from = jumps[jumps.partition_point(|&(to, _)| to < at)..].iter().take_while(|&&(to, _)| to == at).map(|&(_, from)| from);
            for before in from.chain(before) {
                if !core::mem::replace(&mut is_open[before as usize], true) {
                    open.push(before);
                }
            }
        }
    }
}

/// Registers whose numbers matter before an instruction that reads and sets `uses`, if those in `after` matter behind it; `result`: those
/// that matter to whoever called the function.
fn decides(insn: &Insn, (reads, writes): (u16, u16), after: u16, result: u16) -> u16 {
    match insn {
        // What is computed matters if the result does.
        Insn::Alu { dst, .. } | Insn::MovSx { dst, .. } | Insn::Neg { dst, .. } | Insn::End { dst, .. } => {
            (after & !writes) | if after & 1 << dst.index() != 0 { reads } else { 0 }
        }
        Insn::Exit => result,
        _ => (after & !writes) | reads,
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
        Insn::Alu { op: axbpf_isa::AluOp::Mov, dst, src, .. } => (operand(src), bit(dst)),
        Insn::Alu { dst, src, .. } => (bit(dst) | operand(src), 0),
        Insn::Neg { dst, .. } | Insn::End { dst, .. } => (bit(dst), 0),
        Insn::MovSx { dst, src, .. } => (bit(src), bit(dst)),
        Insn::LoadImm64 { dst, .. } => (0, bit(dst)),
        Insn::Load { dst, src, .. } => (bit(src), bit(dst)),
        Insn::Store { dst, src, .. } => (bit(dst) | operand(src), 0),
        Insn::Atomic { op, dst, src, .. } => (bit(dst) | bit(src) | if op == AtomicOp::Cmpxchg { 1 } else { 0 }, 0),
        Insn::Branch { dst, src, .. } => (bit(dst) | operand(src), 0),
        Insn::Call(Callee::Helper(id)) => {
            let args = (request.helper)(id).map_or(5, |proto| proto.args.len());
            (ARGS & ((1 << (args + 1)) - 1), ARGS | 1)
        }
        Insn::Call(_) => (ARGS, ARGS | 1),
        Insn::Exit => (1, 0),
        Insn::Jump { .. } | Insn::MayGoto { .. } | Insn::LoadAbs { .. } | Insn::LoadInd { .. } => (0, 0),
    }
}
