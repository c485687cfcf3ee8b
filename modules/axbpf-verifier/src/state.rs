//! Everything that is known at one moment of one path.
use crate::stack::{Byte, Slot, Stack};
use crate::value::{Target, Value};
use alloc::vec::Vec;
use axbpf_isa::{InsnIdx, Reg};

/// A call under way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    pub regs: [Value; Reg::COUNT],
    pub stack: Stack,
    /// Where the caller goes on.
    pub return_to: u32,
    /// The function that runs.
    pub subprog: usize,
}

impl Frame {
    pub(crate) fn new(number: usize, subprog: usize, return_to: u32) -> Frame {
        let mut regs = [Value::Uninit; Reg::COUNT];
        regs[Reg::R10.index()] = Value::Ptr { to: Target::Stack { frame: number as u8 }, off: 0 };
        Frame { regs, stack: Stack::default(), return_to, subprog }
    }
}

/// All frames, and the references that have to be given back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct State {
    /// The program's own first.
    pub frames: Vec<Frame>,
    /// Number of each reference, and the call that made it.
    pub refs: Vec<(u32, InsnIdx)>,
}

impl State {
    /// Every value, registers and stack of all frames.
    pub(crate) fn each_value(&mut self, mut f: impl FnMut(&mut Value)) {
        for frame in &mut self.frames {
            frame.regs.iter_mut().for_each(&mut f);
            for slot in frame.stack.slots_mut() {
                if let Slot::Whole(value) = slot {
                    f(value);
                }
            }
        }
    }

    /// Registers that nobody reads any more are forgotten.
    pub(crate) fn forget_dead(&mut self, live: u16) {
        if let Some(frame) = self.frames.last_mut() {
            for (i, reg) in frame.regs.iter_mut().enumerate() {
                if live & 1 << i == 0 {
                    *reg = Value::Uninit;
                }
            }
        }
    }

    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        let stacks: usize = self.frames.iter().map(|frame| size_of::<Frame>() + size_of_val(frame.stack.slots())).sum();
        size_of::<State>() + stacks + self.refs.len() * 8
    }

    /// The frames, each with the slot where it goes on; the last one is at `at`.
    fn places(&self, at: u32) -> impl Iterator<Item = (&Frame, u32)> {
        self.frames.iter().zip(self.frames.iter().skip(1).map(|callee| callee.return_to).chain([at]))
    }

    /// The same for states that differ only in numbers that do not matter, and mostly not the same for others.
    pub(crate) fn hash(&self, at: u32, matters: &[u16]) -> u64 {
        let mut hash = 0u64;
        let mut mix = |word: u64| hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        for (frame, at) in self.places(at) {
            mix(at.into());
            for (i, value) in frame.regs.iter().enumerate() {
                mix(match value {
                    Value::Uninit => 0,
                    Value::Ptr { off, .. } => *off as u64,
                    Value::Scalar(_) if matters[at as usize] & 1 << i == 0 => 1,
                    Value::Scalar(range) => range.min ^ range.max.rotate_left(32),
                });
            }
        }
        hash
    }

    /// Whether everything that may happen from `new` on may happen from here: if all paths from here are good, so are those from `new`.
    /// `matters`: of each slot, the registers whose numbers may decide something.
    pub(crate) fn covers(&self, new: &State, at: u32, matters: &[u16]) -> bool {
        let mut ids = Ids::default();
        let same_calls = |(old, new): (&Frame, &Frame)| old.return_to == new.return_to && old.subprog == new.subprog;
        self.frames.len() == new.frames.len()
            && self.refs.len() == new.refs.len()
            && self.frames.iter().zip(&new.frames).all(same_calls)
            && self.places(at).zip(&new.frames).all(|((old, at), new)| {
                let idle = |i: usize| matters[at as usize] & 1 << i == 0;
                let numbers = |old: &Value, new: &Value| matches!((old, new), (Value::Scalar(_), Value::Scalar(_)));
                let mut regs = old.regs.iter().zip(&new.regs).enumerate();
                regs.all(|(i, (old, new))| (idle(i) && numbers(old, new)) || ids.cover(old, new)) && ids.cover_stack(&old.stack, &new.stack)
            })
            && self.refs.iter().zip(&new.refs).all(|(old, new)| ids.same(old.0, new.0))
    }
}

/// Which number of the old state stands for which of the new one.
#[derive(Default)]
struct Ids(Vec<(u32, u32)>);

impl Ids {
    fn same(&mut self, old: u32, new: u32) -> bool {
        match self.0.iter().find(|pair| pair.0 == old || pair.1 == new) {
            Some(&pair) => pair == (old, new),
            None => {
                self.0.push((old, new));
                true
            }
        }
    }

    fn cover(&mut self, old: &Value, new: &Value) -> bool {
        match (old, new) {
            // What was not read cannot matter.
            (Value::Uninit, _) => true,
            (Value::Scalar(old), Value::Scalar(new)) => old.contains(*new),
            (Value::Ptr { to: old, off: old_off }, Value::Ptr { to: new, off: new_off }) if old_off == new_off => match (*old, *new) {
                (Target::MapValue { map: a, or_null: Some(i) }, Target::MapValue { map: b, or_null: Some(j) }) => a == b && self.same(i, j),
                (Target::Record { size: a, id: i, or_null: n }, Target::Record { size: b, id: j, or_null: m }) => {
                    a == b && n == m && self.same(i, j)
                }
                (Target::Packet { range: old }, Target::Packet { range: new }) => old <= new,
                (old, new) => old == new,
            },
            _ => false,
        }
    }

    fn cover_stack(&mut self, old: &Stack, new: &Stack) -> bool {
        let none = Slot::UNINIT;
        old.slots().iter().enumerate().all(|(i, old)| {
            let new = new.slots().get(i).unwrap_or(&none);
            match (old, new) {
                (Slot::Bytes(old), Slot::Bytes(new)) => {
                    old.iter().zip(new).all(|(old, new)| old == new || *old == Byte::Uninit || (*old == Byte::Any && *new == Byte::Zero))
                }
                (Slot::Whole(old), Slot::Whole(new)) => self.cover(old, new),
                // Bytes that were not known as one value were not used as one.
                (Slot::Bytes(old), Slot::Whole(new)) => {
                    old.iter().all(|byte| *byte == Byte::Uninit || (*byte == Byte::Any && matches!(new, Value::Scalar(_))))
                }
                (Slot::Whole(old), Slot::Bytes(_)) => *old == Value::Uninit,
            }
        })
    }
}
