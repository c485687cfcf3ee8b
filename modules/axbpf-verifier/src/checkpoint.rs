//! States that are kept to compare later ones with, and what was found out about them afterwards.
//!
//! Two things decide how little of a checkpoint has to agree. *Reads*: a stack slot that no path from here reads before writing it does not
//! matter. *Precision*: the range of a number matters only if something relied on it, such as a branch that was taken for granted or an
//! offset. Every number carries the places of the last checkpoint that it was computed from (`Reg::from`); when it is relied on, those places
//! become precise, and those of the checkpoint before that they were computed from, and so on to the beginning. Linux finds the same by
//! walking back over the instructions (`mark_chain_precision`).
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
    pub(crate) fn rely_on(&mut self, mut from: u128) {
        let mut next = self.parent;
        while let Some(i) = next {
            let epoch = self.checkpoints[i as usize].parent.map_or(0, |parent| self.checkpoints[parent as usize].epoch);
            let checkpoint = &mut self.checkpoints[i as usize];
            let new = from & !checkpoint.precise;
            if new == 0 {
                return;
            }
            checkpoint.precise |= new;
            from = checkpoint.sources(new, epoch);
            next = checkpoint.parent;
        }
    }

    /// A slot is read on this path.
    pub(crate) fn mark_read(&mut self, frame: usize, slot: usize) {
        let bit = 1u64 << (slot & 63);
        let (mut next, mut written) = (self.parent, self.written[frame]);
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
        if precise != 0 {
            let mut from = 0;
            for (number, frame) in self.state.frames.iter().enumerate() {
                for reg in (0..10).filter(|&reg| precise & reg_bit(number, reg) != 0) {
                    if frame.regs[reg].is_scalar() {
                        from |= self.source_of(&frame.regs[reg], reg_bit(number, reg));
                    }
                }
                for (slot, held) in frame.stack.slots.iter().enumerate() {
                    let bit = slot_bit(number, slot);
                    if let (true, Some(reg)) = (precise & bit != 0, &held.reg)
                        && reg.is_scalar()
                    {
                        from |= self.source_of(reg, bit);
                    }
                }
            }
            self.rely_on(from);
        }
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
