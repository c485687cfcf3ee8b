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
    /// Branches that every path takes, or none, by position.
    pub branches: Vec<Branch>,
    /// Calls that always name the same map, by position.
    pub calls: Vec<CallFact>,
    /// Slots of loads that may fault and then yield 0, ascending (Linux: PROBE_MEM).
    pub faults: Vec<u32>,
    /// Loads of a context's pointers, by position: slot, and the offset at which the 8-byte value stands. The load, which programs write as
    /// one of 4 bytes, becomes `*(u64 *)(src + off)`.
    pub rewrites: Vec<(u32, u16)>,
    /// Slots of operations on lower halves, and of loads of less than 8 bytes, whose zeros above nobody reads; ascending.
    pub lower_half: Vec<u32>,
}

/// A branch with one side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Branch {
    /// Its slot.
    pub at: u32,
    /// It is always taken; else never.
    pub taken: bool,
}

/// What is known of a call of a helper that takes a map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallFact {
    /// Its slot.
    pub at: u32,
    /// The map's id, as the request gave it.
    pub map: u32,
    /// The key, if it has at most 8 bytes and is always the same.
    pub key: Option<u64>,
}

/// A function of a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Subprog {
    /// First slot.
    pub start: u32,
    /// Slot after the last one.
    pub end: u32,
    /// Bytes of its own frame that it uses below R10, a multiple of 8.
    pub stack: u32,
    /// Registers R6 to R9 that it writes, as bits.
    pub callee_saved: u16,
    /// It makes tail calls.
    pub tail_calls: bool,
}

impl Facts {
    /// Index of the subprogram that holds this slot.
    pub fn subprog_of(&self, slot: u32) -> Option<usize> {
        let next = self.subprogs.partition_point(|s| s.start <= slot);
        next.checked_sub(1).filter(|&i| slot < self.subprogs[i].end)
    }
}
