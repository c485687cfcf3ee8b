//! What is known at one point of one path. Frames and stacks are shared between states until they differ.
use crate::stack::{Slot, Stack};
use crate::value::{Kind, Reg};
use alloc::rc::Rc;
use alloc::vec::Vec;
use axbpf_abi::Callback;

/// A function that is being executed.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub regs: [Reg; 11],
    pub stack: Rc<Stack>,
    /// Which function.
    pub subprog: u32,
    /// The call that made it.
    pub callsite: u32,
    /// It is called back by a helper: what it is for.
    pub callback: Option<Callback>,
    /// How often the callback of the call at hand was entered on this path.
    pub callback_depth: u32,
    /// References there were when it was called back: it leaves as many.
    pub refs_before: u32,
}

impl Frame {
    pub fn new(number: usize, subprog: u32, callsite: u32) -> Frame {
        let mut regs = [const { Reg::NOT_INIT }; 11];
        regs[10] = Reg::pointer(Kind::Stack(number as u8));
        Frame { regs, stack: Rc::default(), subprog, callsite, callback: None, callback_depth: 0, refs_before: 0 }
    }
}

/// Something that has to be given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ref {
    pub id: u32,
    /// Where it was acquired.
    pub at: u32,
    pub irq: bool,
}

/// A `bpf_spin_lock` that is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lock {
    pub map: u32,
    pub id: u32,
    pub at: u32,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub frames: Vec<Rc<Frame>>,
    pub refs: Vec<Ref>,
    pub lock: Option<Lock>,
    /// Depth of sections without preemption.
    pub preempt: u32,
    /// In an RCU section.
    pub rcu: bool,
    /// How often `may_goto` was passed on this path.
    pub may_goto: u32,
    /// How deep callbacks are nested in their own calls: tells rounds of them apart from an endless loop.
    pub unroll: u32,
    /// Instructions executed so far at most, rounds of loops that were not walked included.
    pub cost: u64,
}

impl State {
    pub fn top(&self) -> usize {
        self.frames.len().saturating_sub(1)
    }

    pub fn frame(&self) -> &Frame {
        &self.frames[self.frames.len() - 1]
    }

    pub fn frame_mut(&mut self) -> &mut Frame {
        let top = self.frames.len() - 1;
        Rc::make_mut(&mut self.frames[top])
    }

    pub fn stack_mut(&mut self, frame: usize) -> &mut Stack {
        Rc::make_mut(&mut Rc::make_mut(&mut self.frames[frame]).stack)
    }

    /// Changes the registers and spilled registers that are `wanted`; what is not stays shared.
    pub fn each(&mut self, wanted: impl Fn(&Reg) -> bool, mut f: impl FnMut(&mut Reg)) {
        for frame in &mut self.frames {
            if frame.regs.iter().any(&wanted) {
                Rc::make_mut(frame).regs.iter_mut().filter(|reg| wanted(reg)).for_each(&mut f);
            }
            if frame.stack.slots.iter().any(|slot| slot.reg.as_deref().is_some_and(&wanted)) {
                let stack = Rc::make_mut(&mut Rc::make_mut(frame).stack);
                for reg in stack.slots.iter_mut().filter_map(|slot| slot.reg.as_mut()).filter(|reg| wanted(reg)) {
                    f(Rc::make_mut(reg));
                }
            }
        }
    }

    /// Whether an open-coded iterator is under way.
    pub fn has_iterators(&self) -> bool {
        let slots = self.frames.iter().flat_map(|frame| &frame.stack.slots);
        slots.filter_map(|slot| slot.reg.as_deref()).any(|reg| matches!(reg.kind, Kind::IterSlot { .. }))
    }

    /// Bytes that it takes at most: what it shares with others counts for each of them.
    pub fn size(&self) -> usize {
        const COUNTS: usize = 2 * size_of::<usize>();
        let slots = |frame: &Frame| {
            let spilled = frame.stack.slots.iter().filter(|slot| slot.reg.is_some()).count();
            frame.stack.slots.len() * size_of::<Slot>() + spilled * (size_of::<Reg>() + COUNTS)
        };
        let frame = |frame: &Rc<Frame>| size_of::<Frame>() + size_of::<Stack>() + 3 * COUNTS + slots(frame);
        size_of::<State>() + self.frames.iter().map(frame).sum::<usize>() + self.refs.len() * size_of::<Ref>()
    }
}
