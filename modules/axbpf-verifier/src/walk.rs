//! The walk along every path: one after another, depth first, with checkpoints to compare with.
use crate::calls::Async;
use crate::checkpoint::{Checkpoint, reg_bit};
use crate::equal::{Exact, covers};
use crate::flow::{FORCE, Flow, HEAD, POINT, proto};
use crate::loops::Speculation;
use crate::reason::{Step, refuse};
use crate::state::{Frame, State};
use crate::value::{Kind, Reg};
use crate::{MapInfo, Rejected, Request, Verdict};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::rc::Rc;
use alloc::vec::Vec;
use axbpf_abi::flags::{BPF_LOG_LEVEL1, BPF_LOG_LEVEL2};
use axbpf_abi::{Arg, IterState};
use axbpf_isa::{Callee, Imm64, Insn, InsnIdx, Operand, Width};
use core::fmt::Write;

/// Where a path goes on.
pub(crate) enum Next {
    At(u32),
    /// It has ended.
    End,
}

/// A path that is walked later.
pub(crate) struct Pending {
    pub state: State,
    pub at: u32,
    /// The instruction before.
    pub from: u32,
    pub parent: Option<u32>,
    pub written: [u64; 8],
}

pub(crate) struct Walk<'a> {
    pub request: &'a Request<'a>,
    pub flow: &'a Flow,
    pub log: &'a mut dyn Write,
    /// Every map that was named so far, inner maps too.
    pub maps: Vec<MapInfo>,
    /// Their numbers, by the slot that names one.
    map_at: BTreeMap<u32, u32>,
    // The path at hand.
    pub state: State,
    pub at: u32,
    /// The instruction before.
    pub from: u32,
    pub parent: Option<u32>,
    pub epoch: u32,
    /// Slots of each frame that were written since the last checkpoint.
    pub written: [u64; 8],
    /// What the instruction before shifted.
    pub shifted: Option<crate::alu::Shifted>,
    // The others.
    pub pending: Vec<Pending>,
    pub checkpoints: Vec<Checkpoint>,
    /// Places of `checkpoints` that are free.
    free: Vec<u32>,
    /// Checkpoints by their instruction.
    pub here: BTreeMap<u32, Vec<u32>>,
    /// Places of complete checkpoints, oldest first, for when memory gets short.
    complete: alloc::collections::VecDeque<(u32, u32)>,
    pub bytes: usize,
    ids: u32,
    pub epochs: u32,
    pub processed: usize,
    jumps: usize,
    /// `processed` and `jumps` at the last checkpoint.
    last: (usize, usize),
    pub speculations: Vec<Speculation>,
    /// The path at hand is taken up again where a speculation ended.
    pub resumed: bool,
    /// Instructions that rounds of loops took which were not walked one by one.
    pub looped: u64,
    /// What was known at the head of each loop the last time, by its slot and depth, and how often it was passed since the loop was entered.
    pub heads: BTreeMap<(u32, usize), (State, u32)>,
    /// Loops that could not be walked at once, and how often one tried.
    pub stubborn: BTreeMap<(u32, usize), u32>,
    made: usize,
    // What is learnt.
    /// Bytes of stack that each function uses.
    pub depth: Vec<u32>,
    /// Global functions that are called, and those whose own walk is done.
    pub called: BTreeSet<usize>,
    pub callbacks: Vec<Async>,
    pub learnt: crate::facts::Learnt,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(request: &'a Request<'a>, flow: &'a Flow, log: &'a mut dyn Write) -> Walk<'a> {
        Walk {
            request,
            flow,
            log,
            maps: Vec::new(),
            map_at: BTreeMap::new(),
            state: State::default(),
            at: 0,
            from: 0,
            parent: None,
            epoch: 0,
            written: [0; 8],
            shifted: None,
            pending: Vec::new(),
            checkpoints: Vec::new(),
            free: Vec::new(),
            here: BTreeMap::new(),
            complete: Default::default(),
            bytes: 0,
            ids: 0,
            epochs: 0,
            processed: 0,
            jumps: 0,
            last: (0, 0),
            speculations: Vec::new(),
            resumed: false,
            looped: 0,
            heads: BTreeMap::new(),
            stubborn: BTreeMap::new(),
            made: 0,
            depth: alloc::vec![0; flow.subprogs.len()],
            called: BTreeSet::new(),
            callbacks: Vec::new(),
            learnt: crate::facts::Learnt::new(flow.insns.len()),
        }
    }

    pub(crate) fn run(mut self) -> Result<Verdict, Rejected> {
        let mut frame = Frame::new(0, 0, 0);
        frame.regs[1] = Reg::pointer(Kind::Ctx);
        self.walk_function(frame, 0)?;
        // Global functions are walked once each, for whatever arguments their types allow; callbacks that run later too.
        let (mut done, mut callbacks) = (BTreeSet::new(), 0);
        loop {
            if let Some(&subprog) = self.called.iter().find(|subprog| !done.contains(*subprog)) {
                done.insert(subprog);
                let at = self.flow.subprogs[subprog].0;
                let frame = self.global_entry(subprog).map_err(|reason| Rejected { at: InsnIdx(at), reason })?;
                let name = (self.request.global)(InsnIdx(at)).map(|global| global.name).unwrap_or_default();
                let told = self.request.log_level & (BPF_LOG_LEVEL1 | BPF_LOG_LEVEL2) != 0;
                if told {
                    let _ = writeln!(self.log, "Validating {name}() func#{subprog}...");
                }
                self.walk_function(frame, at)?;
                if told {
                    let _ = writeln!(self.log, "Func#{subprog} ('{name}') is safe for any args that match its prototype");
                }
            } else if let Some(callback) = self.callbacks.get(callbacks) {
                callbacks += 1;
                let (frame, at) = (callback.frame.clone(), self.flow.subprogs[callback.frame.subprog as usize].0);
                self.walk_function(frame, at)?;
            } else {
                break;
            }
        }
        let facts = self.facts()?;
        Ok(Verdict { facts, insns_processed: self.processed, states: self.made })
    }

    /// Walks a function from its beginning, along every path.
    fn walk_function(&mut self, frame: Frame, at: u32) -> Result<(), Rejected> {
        self.state = State { frames: alloc::vec![Rc::new(frame)], ..State::default() };
        (self.at, self.parent, self.epoch, self.written) = (at, None, 0, [0; 8]);
        if self.request.log_level & BPF_LOG_LEVEL2 != 0 {
            self.tell_entry();
        }
        loop {
            if let Err(reason) = self.walk_path() {
                // A loop that was walked for all rounds at once may only be good round by round.
                if self.speculations.is_empty() {
                    let rejected = Rejected { at: InsnIdx(self.at), reason };
                    self.tell_rejected();
                    return Err(rejected);
                }
                if self.fail_speculation(&reason) {
                    continue;
                }
            } else {
                self.close(self.parent);
            }
            if self.end_speculation() {
                continue;
            }
            let Some(next) = self.pending.pop() else {
                self.here.clear();
                self.heads.clear();
                self.checkpoints.clear();
                self.free.clear();
                self.complete.clear();
                self.bytes = 0;
                return Ok(());
            };
            (self.state, self.at, self.from, self.parent, self.written) = (next.state, next.at, next.from, next.parent, next.written);
            self.epoch = self.parent.map_or(0, |parent| self.checkpoints[parent as usize].epoch);
            if self.request.log_level & BPF_LOG_LEVEL2 != 0 {
                self.tell_path();
            }
        }
    }

    /// To the end of the path at hand.
    fn walk_path(&mut self) -> Step {
        loop {
            let at = self.at;
            // A path that is taken up again at the head of a loop was compared there before.
            let seen = core::mem::take(&mut self.resumed);
            if self.flow.marks[at as usize] & POINT != 0 && !seen && self.visit()? {
                return Ok(());
            }
            self.processed += 1;
            self.state.cost += 1;
            if self.processed > self.request.limits.insns {
                let limit = self.request.limits.insns;
                self.speculations.clear();
                return refuse!(Limit, "BPF program is too large. Processed {} insn", limit + 1 => "make loops shorter, or bound them by constants");
            }
            self.learnt.seen(at);
            if let Some(reason) = self.flow.illegal.get(&at) {
                return Err(reason.clone());
            }
            let Some(insn) = self.flow.insns[at as usize] else {
                return refuse!(Flow, "jump into the middle of ldimm64 insn {at}");
            };
            let told = self.tell();
            let next = self.insn(insn)?;
            if let Some(before) = told {
                self.tell_changes(&before);
            }
            match next {
                Next::At(next) => (self.from, self.at) = (at, next),
                Next::End => return Ok(()),
            }
        }
    }

    fn insn(&mut self, insn: Insn) -> Step<Next> {
        let next = self.flow.next(self.at);
        match insn {
            Insn::Alu { op, width, dst, src } => self.alu(op, width, dst, src)?,
            Insn::Neg { width, dst } => self.neg(width, dst)?,
            Insn::MovSx { width, dst, src, from } => self.mov_sx(width, dst, src, from)?,
            Insn::End { order, dst, size } => self.end(order, dst, size)?,
            Insn::LoadImm64 { dst, imm } => {
                let value = self.immediate(imm)?;
                self.set(dst, value)?;
            }
            Insn::Load { size, sx, dst, src, off } => self.load(size, sx, dst, src, off)?,
            Insn::Store { size, dst, off, src } => self.store(size, dst, off, src)?,
            Insn::Atomic { op, size, dst, off, src } => self.atomic(op, size, dst, off, src)?,
            Insn::LoadAbs { .. } => self.packet_load(None)?,
            Insn::LoadInd { src, .. } => self.packet_load(Some(src))?,
            Insn::Jump { offset, .. } => {
                self.jumps += 1;
                return Ok(Next::At(Flow::target(self.at, offset) as u32));
            }
            Insn::Branch { op, width, dst, src, offset } => {
                self.jumps += 1;
                return self.branch(op, width, dst, src, Flow::target(self.at, offset.into()) as u32);
            }
            Insn::MayGoto { offset } => {
                self.jumps += 1;
                return self.may_goto(Flow::target(self.at, offset.into()) as u32);
            }
            Insn::Call(Callee::Local { offset }) => {
                self.jumps += 1;
                return self.call(Flow::target(self.at, offset) as u32);
            }
            Insn::Call(Callee::Helper(id)) => {
                self.jumps += 1;
                self.helper(id)?;
            }
            Insn::Call(Callee::Kfunc { btf_id, .. }) => {
                self.jumps += 1;
                self.kfunc(btf_id)?;
            }
            Insn::Exit => return self.exit(),
        }
        Ok(Next::At(next))
    }

    // ---- Registers.

    pub(crate) fn reg(&self, reg: axbpf_isa::Reg) -> &Reg {
        &self.state.frame().regs[reg.index()]
    }

    /// A register that is read: it has to have a value.
    #[inline]
    pub(crate) fn read(&self, reg: axbpf_isa::Reg) -> Step<Reg> {
        let value = self.reg(reg);
        if matches!(value.kind, Kind::NotInit) {
            return not_readable(reg);
        }
        let mut value = *value;
        if value.is_scalar() {
            (value.from, value.epoch) = (self.source_of_reg(reg), self.epoch);
        }
        Ok(value)
    }

    /// Where the number in a register comes from.
    pub(crate) fn source_of_reg(&self, reg: axbpf_isa::Reg) -> u128 {
        let place = reg_bit(self.state.top(), reg.index());
        if self.reg(reg).is_scalar() { self.source_of(self.reg(reg), place) } else { 0 }
    }

    #[inline]
    pub(crate) fn operand(&self, src: Operand) -> Step<Reg> {
        match src {
            Operand::Reg(reg) => self.read(reg),
            Operand::Imm(imm) => Ok(Reg { epoch: self.epoch, ..Reg::exactly(imm as i64 as u64) }),
        }
    }

    #[inline]
    pub(crate) fn set(&mut self, reg: axbpf_isa::Reg, mut value: Reg) -> Step {
        if reg == axbpf_isa::Reg::R10 {
            return refuse!(Register, "frame pointer is read only" => "copy R10 to another register");
        }
        if value.epoch != self.epoch {
            (value.from, value.epoch) = (0, self.epoch);
        }
        self.state.frame_mut().regs[reg.index()] = value;
        Ok(())
    }

    pub(crate) fn new_id(&mut self) -> u32 {
        self.ids += 1;
        self.ids
    }

    /// What a wide load loads.
    fn immediate(&mut self, imm: Imm64) -> Step<Reg> {
        match imm {
            Imm64::Value(value) => Ok(Reg::exactly(value)),
            Imm64::MapFd(_) | Imm64::MapIdx(_) => Ok(Reg::pointer(Kind::Map(self.map_here()?))),
            Imm64::MapFdValue { off, .. } | Imm64::MapIdxValue { off, .. } => {
                let map = self.map_here()?;
                let info = &self.maps[map as usize];
                if info.map_type != axbpf_abi::MapType::Array || info.max_entries > 1 && info.max_entries != u32::MAX {
                    let map = info.map_type as u32;
                    return refuse!(Memory, "direct value access is not supported by this map type: {map}" => "look its values up");
                }
                if off >= info.value_size {
                    let size = info.value_size;
                    return refuse!(Memory, "invalid access to map value pointer, value_size={size} off={off}");
                }
                let mut value = Reg::pointer(Kind::MapValue(map));
                value.off = off as i32;
                Ok(value)
            }
            Imm64::Func { offset } => {
                let subprog = self.flow.subprog_of(Flow::target(self.at, offset) as u32);
                if (self.request.global)(InsnIdx(self.flow.subprogs[subprog].0)).is_some() {
                    return refuse!(Call, "callback function not static" => "declare it static");
                }
                Ok(Reg::pointer(Kind::Func(subprog as u32)))
            }
            Imm64::VarAddr { .. } => {
                refuse!(Unsupported, "kernel variables are not known here" => "read the address with bpf_probe_read_kernel")
            }
        }
    }

    /// The map that the instruction at hand names.
    fn map_here(&mut self) -> Step<u32> {
        if let Some(&map) = self.map_at.get(&self.at) {
            return Ok(map);
        }
        let Some(info) = (self.request.map)(InsnIdx(self.at)) else {
            let fd = self.request.slots[self.at as usize].imm;
            return refuse!(Memory, "fd {fd} is not pointing to valid bpf_map" => "this instruction names no map of the program");
        };
        self.check_map_of_prog(&info)?;
        let map = self.map_number(info);
        self.map_at.insert(self.at, map);
        Ok(map)
    }

    /// The number of a map; maps of one id share one.
    pub(crate) fn map_number(&mut self, info: MapInfo) -> u32 {
        let found = self.maps.iter().position(|map| map.id == info.id && map.id != u32::MAX);
        found.unwrap_or_else(|| {
            self.maps.push(info);
            self.maps.len() - 1
        }) as u32
    }

    // ---- Paths.

    /// Walks a path with this state later.
    pub(crate) fn later(&mut self, state: State, at: u32) -> Step {
        if self.pending.len() >= MAX_PENDING {
            return refuse!(Limit, "The sequence of {} jumps is too complex.", self.pending.len() => "split the function");
        }
        if let Some(parent) = self.parent {
            self.checkpoints[parent as usize].branches += 1;
        }
        self.pending.push(Pending { state, at, from: self.at, parent: self.parent, written: self.written });
        Ok(())
    }

    /// A path from this checkpoint is at its end.
    pub(crate) fn close(&mut self, of: Option<u32>) {
        let mut next = of;
        while let Some(i) = next {
            let checkpoint = &mut self.checkpoints[i as usize];
            checkpoint.branches -= 1;
            if checkpoint.branches > 0 {
                return;
            }
            let (parent, epoch) = (checkpoint.parent, checkpoint.epoch);
            if let (Some(parent), Some(entry)) = (parent, self.live_entry(i).filter(|&entry| entry != i)) {
                self.note_loop(parent, entry);
            }
            self.complete.push_back((i, epoch));
            next = parent;
        }
    }

    /// At a place where paths meet: whether the path at hand needs no further walk. Makes a checkpoint now and then.
    fn visit(&mut self) -> Step<bool> {
        let at = self.at;
        let marks = self.flow.marks[at as usize];
        if marks & HEAD != 0 {
            self.trial_round();
        }
        if self.leaves_speculation() {
            return Ok(true);
        }
        let force = marks & FORCE != 0;
        let (jumps, insns) = (self.jumps - self.last.1, self.processed - self.last.0);
        let mut add = force || jumps >= 2 && insns >= 8;
        let (mut iterates, mut calls_back) = (false, false);
        let may_goto = matches!(self.flow.insns[at as usize], Some(Insn::MayGoto { .. }));
        if force
            && !may_goto
            && let Some(proto) = self.flow.insns[at as usize].and_then(|insn| proto(self.request, &insn))
        {
            iterates = proto.args.iter().any(|arg| matches!(arg, Arg::Iter { state: IterState::Next, .. }));
            calls_back = proto.args.iter().any(|arg| matches!(arg, Arg::Callback(_)));
        }
        let mut i = 0;
        while let Some(&index) = self.here.get(&at).and_then(|list| list.get(i)) {
            i += 1;
            let checkpoint = &self.checkpoints[index as usize];
            if checkpoint.branches > 0 {
                let within =
                    |walk: &Self| covers(&walk.checkpoints[index as usize], &walk.state, Exact::Within, walk.flow, &walk.fixed_ids());
                if checkpoint.widened.is_some() {
                    if self.comes_back_to(index) {
                        if !(within(self) && self.is_round_of(index)) {
                            return refuse!(Loop, "a round is not like the others");
                        }
                        self.note_return(index);
                        return Ok(true);
                    }
                    continue;
                }
                if iterates || calls_back || may_goto {
                    let differs = !may_goto || checkpoint.state.may_goto != self.state.may_goto;
                    if differs && within(self) && (!iterates || self.iterates_on(index)) {
                        self.return_to(index);
                        return Ok(true);
                    }
                } else {
                    if checkpoint.state.unroll == self.state.unroll
                        && !self.iterators_moved(index)
                        && maybe_looping(&checkpoint.state, &self.state)
                        && covers(checkpoint, &self.state, Exact::Yes, self.flow, &[])
                    {
                        return refuse!(Loop, "infinite loop detected at insn {at}" => "nothing that the loop depends on changes from one round to the next");
                    }
                    // Loops that are unrolled get few checkpoints: they rarely help.
                    if !force && jumps < 20 && insns < 100 {
                        add = false;
                    }
                }
            } else {
                let exact = if self.live_entry(index).is_some() { Exact::Within } else { Exact::No };
                let fixed = if exact == Exact::Within { self.fixed_ids() } else { Vec::new() };
                if covers(checkpoint, &self.state, exact, self.flow, &fixed) {
                    if let (Exact::Within, Some(parent), Some(entry)) = (exact, self.parent, self.live_entry(index)) {
                        self.note_loop(parent, entry);
                    }
                    self.checkpoints[index as usize].hits += 1;
                    self.skipped(index)?;
                    self.inherit(index);
                    return Ok(true);
                }
            }
            if add {
                let checkpoint = &mut self.checkpoints[index as usize];
                checkpoint.misses += 1;
                let patience = if force && checkpoint.branches > 0 { 64 } else { 3 };
                if checkpoint.misses > checkpoint.hits * patience + patience {
                    self.forget(index);
                    i -= 1;
                }
            }
        }
        if marks & HEAD != 0 && self.try_widening()? {
            return Ok(false);
        }
        if add {
            self.checkpoint()?;
        }
        Ok(false)
    }

    /// The path at hand goes on as one from the open checkpoint `index` did.
    pub(crate) fn return_to(&mut self, index: u32) {
        if let Some(parent) = self.parent {
            self.note_loop(parent, index);
        }
        self.checkpoints[index as usize].hits += 1;
        self.keep_whole(index);
        self.inherit(index);
    }

    /// Takes a checkpoint out of the list that states are compared with; its place is free if no path needs it.
    fn forget(&mut self, index: u32) {
        let at = self.checkpoints[index as usize].at;
        if let Some(list) = self.here.get_mut(&at) {
            list.retain(|&i| i != index);
        }
        if self.checkpoints[index as usize].branches == 0 {
            self.release(index);
        }
    }

    pub(crate) fn release(&mut self, index: u32) {
        let checkpoint = &mut self.checkpoints[index as usize];
        if checkpoint.epoch == 0 {
            return;
        }
        self.bytes -= checkpoint.bytes;
        (checkpoint.bytes, checkpoint.epoch, checkpoint.state, checkpoint.widened) = (0, 0, State::default(), None);
        self.free.push(index);
    }

    /// Makes a checkpoint of the present state.
    pub(crate) fn checkpoint(&mut self) -> Step<u32> {
        self.last = (self.processed, self.jumps);
        let bytes = self.state.size() + size_of::<Checkpoint>();
        self.make_room(bytes)?;
        self.epochs += 1;
        self.made += 1;
        let depth = self.parent.map_or(0, |parent| self.checkpoints[parent as usize].depth + 1);
        let checkpoint = Checkpoint {
            state: self.state.clone(),
            at: self.at,
            epoch: self.epochs,
            parent: self.parent,
            branches: 1,
            precise: 0,
            kept: 0,
            whole: false,
            read: [0; 8],
            written: self.written,
            depth,
            entry: None,
            hits: 0,
            misses: 0,
            bytes,
            dropped: false,
            widened: None,
        };
        self.bytes += bytes;
        let index = match self.free.pop() {
            Some(index) => {
                self.checkpoints[index as usize] = checkpoint;
                index
            }
            None => {
                self.checkpoints.push(checkpoint);
                self.checkpoints.len() as u32 - 1
            }
        };
        self.here.entry(self.at).or_default().push(index);
        (self.parent, self.epoch, self.written) = (Some(index), self.epochs, [0; 8]);
        Ok(index)
    }

    /// Drops old checkpoints that are complete, if memory gets short; then what those on the path at hand know, but for the last ones.
    fn make_room(&mut self, bytes: usize) -> Step {
        let limit = self.request.limits.memory;
        let needs = |walk: &Self| walk.bytes + bytes + walk.pending.len() * size_of::<Pending>() > limit;
        while needs(self) {
            match self.complete.pop_front() {
                Some((index, epoch)) => {
                    if self.checkpoints[index as usize].epoch == epoch {
                        self.forget(index);
                    }
                }
                None => {
                    self.thin_out();
                    if needs(self) {
                        self.speculations.clear();
                        return refuse!(Limit, "the states to compare need more than {limit} bytes" => "split the program, or raise the limit");
                    }
                }
            }
        }
        Ok(())
    }

    /// Forgets what the checkpoints of the path at hand know, but for the last ones and those of loops that end at run time.
    fn thin_out(&mut self) {
        let (mut next, mut kept) = (self.parent, 0);
        while let Some(index) = next {
            let checkpoint = &mut self.checkpoints[index as usize];
            next = checkpoint.parent;
            kept += 1;
            let patience = if self.flow.marks[checkpoint.at as usize] & FORCE != 0 { 1024 } else { 64 };
            if kept <= patience || checkpoint.widened.is_some() || checkpoint.dropped {
                continue;
            }
            let at = checkpoint.at;
            (checkpoint.dropped, checkpoint.state) = (true, State::default());
            self.bytes -= checkpoint.bytes - size_of::<Checkpoint>();
            checkpoint.bytes = size_of::<Checkpoint>();
            if let Some(list) = self.here.get_mut(&at) {
                list.retain(|&i| i != index);
            }
        }
    }

    /// Whether an iterator was moved on since the checkpoint: then its loop ends at run time.
    pub(crate) fn iterators_moved(&self, index: u32) -> bool {
        let old = &self.checkpoints[index as usize].state;
        let depths = |state: &State| -> Vec<u32> {
            let slots = state.frames.iter().flat_map(|frame| frame.stack.slots.iter());
            slots
                .filter_map(|slot| match slot.reg.as_deref()?.kind {
                    Kind::IterSlot { depth, first: true, .. } => Some(depth),
                    _ => None,
                })
                .collect()
        };
        let has_iterators = |state: &State| !state.refs.is_empty();
        has_iterators(old) && depths(old) != depths(&self.state)
    }
}

#[cold]
fn not_readable(reg: axbpf_isa::Reg) -> Step<Reg> {
    refuse!(Register, "{reg} !read_ok" => "it has no value on this path, or a call took it")
}

/// Paths that wait; Linux: BPF_COMPLEXITY_LIMIT_JMP_SEQ.
const MAX_PENDING: usize = 8192;

/// A quick look whether two states might be the same: the registers of the last function are.
fn maybe_looping(old: &State, new: &State) -> bool {
    old.frames.len() == new.frames.len()
        && old.frame().regs.iter().zip(&new.frame().regs).all(|(a, b)| a.kind == b.kind && a.off == b.off && a.s == b.s)
}

/// Bits of a register that an operation works on.
pub(crate) const fn bits(width: Width) -> u32 {
    match width {
        Width::W32 => 32,
        Width::W64 => 64,
    }
}
