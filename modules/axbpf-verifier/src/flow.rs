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
    /// Registers, as bits, whose values may still be read at each slot.
    pub live: Vec<u16>,
    /// Slots where several paths meet.
    pub joins: Vec<bool>,
}

impl Flow {
    pub(crate) fn of(request: &Request<'_>) -> Result<Flow, Rejected> {
        let reject = |at: u32, reason| Err(Rejected { at: InsnIdx(at), reason });
        let len = request.slots.len();
        if len == 0 {
            return reject(0, Reason::Empty);
        }
        let mut flow =
            Flow { insns: alloc::vec![None; len], subprogs: Vec::new(), live: alloc::vec![0; len], joins: alloc::vec![false; len] };
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
                        to if to < 0 || to >= len as i64 => return reject(at.0, Reason::JumpOutOfRange { to }),
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
                if let Some(offset) = insn.jump_offset() {
                    let to = Self::target(at, offset);
                    if to < start.into() || to >= end.into() {
                        return reject(Reason::JumpOutOfRange { to });
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

    /// Functions that a function calls, with the call's slot.
    pub(crate) fn calls(&self, subprog: usize) -> impl Iterator<Item = (u32, usize)> + '_ {
        let (start, end) = self.subprogs[subprog];
        (start..end).filter_map(|at| match self.insns[at as usize] {
            Some(Insn::Call(Callee::Local { offset })) => Some((at, self.subprog_of(Self::target(at, offset) as u32))),
            _ => None,
        })
    }

    /// No function calls itself, directly or through others.
    fn check_calls(&self) -> Result<(), Rejected> {
        // Functions are taken away once all they call are gone; what is left in the end is in a circle, or calls into one.
        let mut done = alloc::vec![false; self.subprogs.len()];
        loop {
            let ready = |i: &usize| !done[*i] && self.calls(*i).all(|(_, callee)| done[callee]);
            match (0..done.len()).find(ready) {
                Some(i) => done[i] = true,
                None => break,
            }
        }
        let Some(mut here) = done.iter().position(|done| !done) else { return Ok(()) };
        // Each of them calls another: going on leads into a circle, and the call that closes it is named.
        let mut passed = alloc::vec![false; done.len()];
        loop {
            passed[here] = true;
            let Some((at, callee)) = self.calls(here).find(|&(_, callee)| !done[callee]) else { return Ok(()) };
            if passed[callee] {
                return Err(Rejected { at: InsnIdx(at), reason: Reason::Recursion });
            }
            here = callee;
        }
    }

    /// Backwards until nothing changes.
    fn find_live(&mut self, request: &Request<'_>) {
        let mut changed = true;
        while changed {
            changed = false;
            for at in (0..self.insns.len()).rev() {
                let Some(insn) = self.insns[at] else { continue };
                let after = self.successors(at as u32).into_iter().flatten().fold(0, |live, next| live | self.live[next as usize]);
                let (reads, writes) = uses(&insn, request);
                let live = (after & !writes) | reads | 1 << 10;
                changed |= live != self.live[at];
                self.live[at] = live;
            }
        }
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
