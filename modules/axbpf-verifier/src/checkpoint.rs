//! States that are kept to compare later ones with, and what was found out about them afterwards.
//!
//! Two things decide how little of a checkpoint has to agree. *Reads*: a stack slot that no path from here reads before writing it does not
//! matter. *Precision*: the range of a number matters only if something relied on it, such as a branch that was taken for granted or an
//! offset. Every number carries the places of the last checkpoint that it was computed from (`Reg::from`); when it is relied on, those places
//! become precise, and those of the checkpoint before that they were computed from, and so on to the beginning. Linux finds the same by
//! walking back over the instructions (`mark_chain_precision`).
//!
//! Paths that return to a loop's head end there, covered by it, although what follows from the head on is not known yet. So all that the head
//! knows counts as read and relied on from the first return on (`Checkpoint::whole`), for the head and for whatever a return came through
//! (`Checkpoint::kept`): a state that enters the loop elsewhere is covered only if it is like those that were.
//!
//! Registers need no such record of reads: which are live is known before the walk.
use crate::loops::Widened;
use crate::state::State;
use crate::walk::Walk;

/// A place in a state, as a bit: ten registers of each of eight frames.
pub(crate) const fn reg_bit(frame: usize, reg: usize) -> u128 {
    1 << (frame * 10 + reg)
}

/// The slots share what is left: a bit stands for several of them, which is coarse but safe.
pub(crate) const fn slot_bit(frame: usize, slot: usize) -> u128 {
    1 << (80 + (frame * 7 + slot) % 48)
}

/// See the module.
pub(crate) struct Checkpoint {
    pub state: State,
    /// The instruction that comes next.
    pub at: u32,
    /// Its number, which no other checkpoint of this walk has had.
    pub epoch: u32,
    /// The one before on its path.
    pub parent: Option<u32>,
    /// Paths from here that are not at their end.
    pub branches: u32,
    /// Places that were relied on, see [`reg_bit`].
    pub precise: u128,
    /// Places that a return to a loop's head relied on: they count when states are compared, but may still be widened.
    pub kept: u128,
    /// Paths returned here: everything is relied on.
    pub whole: bool,
    /// Slots of each frame that were read.
    pub read: [u64; 8],
    /// Slots of each frame that were written since `parent`.
    pub written: [u64; 8],
    /// Checkpoints before it on its path.
    pub depth: u32,
    /// The outermost checkpoint that a path from here returned to, and its epoch: until that one is done, nothing is known for good.
    pub entry: Option<(u32, u32)>,
    /// How often it covered a state, and did not.
    pub hits: u32,
    pub misses: u32,
    /// Bytes accounted for it.
    pub bytes: usize,
    /// What it knew is forgotten, because memory was short.
    pub dropped: bool,
    /// It is the head of a loop that is walked for all rounds at once.
    pub widened: Option<alloc::boxed::Box<Widened>>,
}

impl Checkpoint {
    pub fn is_precise(&self, bit: u128) -> bool {
        self.precise & bit != 0
    }

    /// Whether the number at a place matters to what follows.
    pub fn matters(&self, bit: u128) -> bool {
        self.whole || (self.precise | self.kept) & bit != 0
    }

    /// The places of the checkpoint `epoch` that these places of this one were computed from.
    fn sources(&self, bits: u128, epoch: u32) -> u128 {
        if self.dropped {
            return u128::MAX;
        }
        let of = |reg: &crate::value::Reg, bit: u128| match reg.is_scalar() {
            true if reg.epoch == epoch => reg.from,
            true => bit,
            false => 0,
        };
        let mut sources = 0;
        for (number, frame) in self.state.frames.iter().enumerate() {
            if bits >> (number * 10) & 0x3ff != 0 {
                for reg in (0..10).filter(|&reg| bits & reg_bit(number, reg) != 0) {
                    sources |= of(&frame.regs[reg], reg_bit(number, reg));
                }
            }
            if bits >> 80 != 0 {
                for (i, slot) in frame.stack.slots.iter().enumerate() {
                    let bit = slot_bit(number, i);
                    if let (true, Some(reg)) = (bits & bit != 0, &slot.reg) {
                        sources |= of(reg, bit);
                    }
                }
            }
        }
        sources
    }
}

impl Walk<'_> {
    /// Something relies on what was computed from these places of the last checkpoint.
    pub(crate) fn rely_on(&mut self, from: u128) {
        self.rely(self.parent, from, |checkpoint| &mut checkpoint.precise);
    }

    /// Marks places of checkpoint `next`, and what they were computed from before it.
    fn rely(&mut self, mut next: Option<u32>, mut from: u128, places: impl Fn(&mut Checkpoint) -> &mut u128) {
        while let Some(i) = next {
            let epoch = self.checkpoints[i as usize].parent.map_or(0, |parent| self.checkpoints[parent as usize].epoch);
            let checkpoint = &mut self.checkpoints[i as usize];
            let known = places(checkpoint);
            let new = from & !*known;
            if new == 0 {
                return;
            }
            *known |= new;
            from = checkpoint.sources(new, epoch);
            next = checkpoint.parent;
        }
    }

    /// A path returns to this checkpoint: from now on all that it knows is relied on, and read.
    pub(crate) fn keep_whole(&mut self, index: u32) {
        let checkpoint = &mut self.checkpoints[index as usize];
        if core::mem::replace(&mut checkpoint.whole, true) {
            return;
        }
        let (parent, written, frames) = (checkpoint.parent, checkpoint.written, checkpoint.state.frames.len());
        self.rely(Some(index), u128::MAX, |checkpoint| &mut checkpoint.kept);
        let before = core::mem::replace(&mut self.checkpoints[index as usize].read, [u64::MAX; 8]);
        for frame in 0..frames {
            let mut slots = !before[frame] & !written[frame];
            while slots != 0 {
                self.mark_read_from(parent, 0, frame, slots.trailing_zeros() as usize);
                slots &= slots - 1;
            }
        }
    }

    /// A slot is read on this path.
    pub(crate) fn mark_read(&mut self, frame: usize, slot: usize) {
        self.mark_read_from(self.parent, self.written[frame], frame, slot);
    }

    fn mark_read_from(&mut self, mut next: Option<u32>, mut written: u64, frame: usize, slot: usize) {
        let bit = 1u64 << (slot & 63);
        while let Some(i) = next {
            let checkpoint = &mut self.checkpoints[i as usize];
            if written & bit != 0 || checkpoint.read[frame] & bit != 0 || !checkpoint.dropped && checkpoint.state.frames.len() <= frame {
                return;
            }
            checkpoint.read[frame] |= bit;
            (next, written) = (checkpoint.parent, checkpoint.written[frame]);
        }
    }

    /// What is known of a checkpoint that covers the present state holds for the path that led here.
    pub(crate) fn inherit(&mut self, i: u32) {
        let (read, precise) = (self.checkpoints[i as usize].read, self.checkpoints[i as usize].precise);
        for (frame, mut slots) in read.into_iter().enumerate().take(self.state.frames.len()) {
            while slots != 0 {
                self.mark_read(frame, slots.trailing_zeros() as usize);
                slots &= slots - 1;
            }
        }
        let from = self.sources_of(precise);
        self.rely_on(from);
        let checkpoint = &self.checkpoints[i as usize];
        let kept = if checkpoint.whole { u128::MAX } else { checkpoint.kept };
        let from = self.sources_of(kept);
        self.rely(self.parent, from, |checkpoint| &mut checkpoint.kept);
    }

    /// The places of the last checkpoint that the numbers at these places of the present state come from.
    fn sources_of(&self, places: u128) -> u128 {
        if places == 0 {
            return 0;
        }
        let mut from = 0;
        for (number, frame) in self.state.frames.iter().enumerate() {
            for reg in (0..10).filter(|&reg| places & reg_bit(number, reg) != 0) {
                if frame.regs[reg].is_scalar() {
                    from |= self.source_of(&frame.regs[reg], reg_bit(number, reg));
                }
            }
            for (slot, held) in frame.stack.slots.iter().enumerate() {
                let bit = slot_bit(number, slot);
                if let (true, Some(reg)) = (places & bit != 0, &held.reg)
                    && reg.is_scalar()
                {
                    from |= self.source_of(reg, bit);
                }
            }
        }
        from
    }

    /// Where the number at this place comes from.
    pub(crate) fn source_of(&self, reg: &crate::value::Reg, place: u128) -> u128 {
        if reg.epoch == self.epoch { reg.from } else { place }
    }

    /// A path has returned to the loop that begins at checkpoint `head`: what is known of its checkpoints is not complete before that one's.
    pub(crate) fn note_loop(&mut self, of: u32, head: u32) {
        let head = self.live_entry(head).unwrap_or(head);
        let (epoch, depth, open) = {
            let head = &self.checkpoints[head as usize];
            (head.epoch, head.depth, head.branches > 0)
        };
        let outer = self.live_entry(of).map(|entry| self.checkpoints[entry as usize].depth);
        if open && outer.is_none_or(|outer| depth <= outer) {
            self.checkpoints[of as usize].entry = Some((head, epoch));
        }
    }

    /// The loop entry of a checkpoint, if paths from it are still open.
    pub(crate) fn live_entry(&self, of: u32) -> Option<u32> {
        let (entry, epoch) = self.checkpoints[of as usize].entry?;
        let found = self.checkpoints.get(entry as usize)?;
        (found.epoch == epoch && found.branches > 0).then_some(entry)
    }
}
