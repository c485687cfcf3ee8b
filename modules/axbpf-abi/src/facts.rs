use alloc::vec::Vec;

/// What the verifier proved about a program: the engines rely on it. Positions are slots of the linked program.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// The program itself first, then its subprograms, by position. They cover the program without gaps.
    pub subprogs: Vec<Subprog>,
    /// Deepest use of the stack over all call chains, in bytes: at most [`MAX_STACK`](crate::MAX_STACK).
    pub max_stack: u32,
    /// Slots that no path reaches, ascending. Engines need not translate them.
    pub dead: Vec<u32>,
}

/// A function of a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Subprog {
    /// First slot.
    pub start: u32,
    /// Slot after the last one.
    pub end: u32,
    /// Bytes of its own frame that it uses below R10, a multiple of 8.
    pub stack: u32,
}

impl Facts {
    /// Index of the subprogram that holds this slot.
    pub fn subprog_of(&self, slot: u32) -> Option<usize> {
        let next = self.subprogs.partition_point(|s| s.start <= slot);
        next.checked_sub(1).filter(|&i| slot < self.subprogs[i].end)
    }
}
