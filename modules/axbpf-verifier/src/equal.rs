//! Whether a state is covered by one that was walked before (Linux: `states_equal` and what it calls).
use crate::checkpoint::{self, Checkpoint};
use crate::flow::Flow;
use crate::stack::{Byte, Slot};
use crate::state::{Frame, State};
use crate::value::{Kind, Reg};
use alloc::rc::Rc;
use alloc::vec::Vec;

/// How closely states are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exact {
    /// What nobody read or relied on may differ: for checkpoints whose paths were all walked.
    No,
    /// Everything has to be covered: for checkpoints on loops that are still being walked.
    Within,
    /// Everything has to be the same: an endless loop.
    Yes,
}

/// Ids of the old state and of the new one that stand for each other.
struct Ids<'a> {
    pairs: Vec<(u32, u32)>,
    /// Those that stand for themselves.
    fixed: &'a [u32],
    /// Those of numbers that the old state widened: each is the only one of its id, so nothing is linked.
    alone: &'a [u32],
}

impl Ids<'_> {
    fn same(&mut self, old: u32, new: u32) -> bool {
        if (old == 0) != (new == 0) {
            return false;
        }
        old == 0 || self.pair(old, new)
    }

    fn pair(&mut self, old: u32, new: u32) -> bool {
        for &(a, b) in &self.pairs {
            if a == old {
                return b == new;
            }
            if b == new {
                return false;
            }
        }
        self.pairs.push((old, new));
        true
    }

    /// The same register in both states.
    fn itself(&mut self, reg: &Reg) -> bool {
        if reg.is_scalar() {
            return self.linked(reg, reg);
        }
        self.same(reg.id, reg.id) && self.same(reg.refid, reg.refid) && self.same(reg.dynid, reg.dynid)
    }

    /// Ids of numbers: what was not linked in the old state may be linked in the new one, but not the other way around.
    fn linked(&mut self, old: &Reg, new: &Reg) -> bool {
        if old.id == 0 || self.alone.contains(&old.id) {
            return true;
        }
        if self.fixed.contains(&old.id) {
            return old.id == new.id && old.delta == new.delta;
        }
        if new.id == 0 {
            // It equals no other number of the new state, which matters only if the old one equalled one.
            return !self.pairs.iter().any(|&(a, _)| a == old.id) && {
                self.pairs.push((old.id, u32::MAX - self.pairs.len() as u32));
                true
            };
        }
        old.delta == new.delta && {
            match self.pairs.iter().find(|&&(a, _)| a == old.id) {
                Some(&(_, b)) => b == new.id,
                None => {
                    self.pairs.push((old.id, new.id));
                    true
                }
            }
        }
    }
}

/// Whether `new`, at the instruction of `old`, needs no walk of its own.
pub(crate) fn covers(old: &Checkpoint, new: &State, exact: Exact, flow: &Flow, fixed: &[u32]) -> bool {
    let of = &old.state;
    if of.frames.len() != new.frames.len()
        || of.preempt != new.preempt
        || of.rcu != new.rcu
        || of.refs.len() != new.refs.len()
        || (exact == Exact::Yes && of.may_goto != new.may_goto)
    {
        return false;
    }
    let alone = old.widened.as_ref().map_or(&[][..], |widened| &widened.ids);
    let mut ids = Ids { pairs: Vec::new(), fixed, alone };
    match (&of.lock, &new.lock) {
        (None, None) => {}
        (Some(a), Some(b)) if a.map == b.map && ids.same(a.id, b.id) => {}
        _ => return false,
    }
    let top = of.top();
    for (number, (a, b)) in of.frames.iter().zip(&new.frames).enumerate() {
        if a.subprog != b.subprog || a.callsite != b.callsite && number > 0 || a.callback != b.callback {
            return false;
        }
        if Rc::ptr_eq(a, b) && exact != Exact::Yes {
            // The same frame: only its ids have to stand for themselves, which they do unless others say no.
            let each = a.regs.iter().chain(a.stack.slots.iter().filter_map(|slot| slot.reg.as_deref()));
            for reg in each {
                if !ids.itself(reg) {
                    return false;
                }
            }
            continue;
        }
        let at = if number == top { old.at } else { flow.resumes_at(&of.frames[number + 1]) };
        let live = flow.live[at as usize];
        for reg in 0..10 {
            let precise = old.matters(checkpoint::reg_bit(number, reg));
            if live >> reg & 1 != 0 && !covers_reg(&a.regs[reg], &b.regs[reg], exact, precise, &mut ids) {
                return false;
            }
        }
        if !covers_stack(old, number, a, b, exact, &mut ids) {
            return false;
        }
    }
    of.refs.iter().zip(&new.refs).all(|(a, b)| a.irq == b.irq && ids.same(a.id, b.id))
}

fn covers_reg(old: &Reg, new: &Reg, exact: Exact, precise: bool, ids: &mut Ids<'_>) -> bool {
    if exact == Exact::Yes {
        return same_reg(old, new, ids) && ids.same(old.id, new.id);
    }
    match old.kind {
        Kind::NotInit => true,
        Kind::Scalar => {
            if !new.is_scalar() {
                return false;
            }
            if !precise && exact == Exact::No {
                return true;
            }
            old.s.contains(&new.s) && ids.linked(old, new)
        }
        Kind::MapKey(_) | Kind::MapValue(_) | Kind::Mem { .. } => {
            old.kind == new.kind
                && (old.or_null, old.off) == (new.or_null, new.off)
                && old.s.contains(&new.s)
                && ids.same(old.id, new.id)
                && ids.same(old.refid, new.refid)
                && ids.same(old.dynid, new.dynid)
        }
        Kind::Packet | Kind::PacketMeta => {
            old.kind == new.kind && old.range <= new.range && old.off == new.off && ids.same(old.id, new.id) && old.s.contains(&new.s)
        }
        _ => same_reg(old, new, ids) && ids.same(old.id, new.id),
    }
}

fn same_reg(old: &Reg, new: &Reg, ids: &mut Ids<'_>) -> bool {
    old.kind == new.kind
        && (old.or_null, old.off, old.range, old.delta) == (new.or_null, new.off, new.range, new.delta)
        && old.s == new.s
        && ids.same(old.refid, new.refid)
        && ids.same(old.dynid, new.dynid)
}

fn covers_stack(old: &Checkpoint, number: usize, a: &Frame, b: &Frame, exact: Exact, ids: &mut Ids<'_>) -> bool {
    if Rc::ptr_eq(&a.stack, &b.stack) && exact == Exact::No {
        // Ids of spilled pointers still have to agree with those in registers.
        return a.stack.slots.iter().filter_map(|slot| slot.reg.as_deref()).all(|reg| ids.itself(reg));
    }
    const NONE: Slot = Slot { bytes: [Byte::Invalid; 8], reg: None };
    for (i, slot) in a.stack.slots.iter().enumerate() {
        if exact == Exact::No && old.read[number] >> i & 1 == 0 {
            continue;
        }
        let new = b.stack.get(i).unwrap_or(&NONE);
        let precise = old.matters(checkpoint::slot_bit(number, i));
        if !covers_slot(slot, new, exact, precise, ids) {
            return false;
        }
    }
    exact != Exact::Yes || a.stack.slots.len() == b.stack.slots.len()
}

fn covers_slot(old: &Slot, new: &Slot, exact: Exact, precise: bool, ids: &mut Ids<'_>) -> bool {
    // Eight bytes of which nothing is known cover any number.
    let any_number = |slot: &Slot| slot.reg.is_none() && slot.bytes.iter().all(|&byte| matches!(byte, Byte::Misc | Byte::Invalid));
    let whole_number = |slot: &Slot| slot.spilled().is_some_and(|(reg, size)| size == 8 && reg.is_scalar());
    if exact != Exact::Yes && any_number(old) && (whole_number(new) || any_number(new)) {
        return true;
    }
    if exact == Exact::No && !precise && whole_number(old) && any_number(new) {
        return true;
    }
    for i in 0..8 {
        let (a, b) = (old.bytes[i], new.bytes[i]);
        let number = |byte: Byte, slot: &Slot| match byte {
            Byte::Misc | Byte::Zero | Byte::Invalid => true,
            Byte::Spill => slot.reg.as_ref().is_some_and(|reg| reg.is_scalar()),
            _ => false,
        };
        let fine = match a {
            _ if exact == Exact::Yes => a == b,
            // Programs may read what was never written: it is some number. It may also be made into a dynptr.
            Byte::Invalid => matches!(b, Byte::Invalid | Byte::Misc | Byte::Zero) || b == Byte::Spill && number(b, new),
            Byte::Misc => number(b, new),
            _ => a == b,
        };
        if !fine {
            return false;
        }
    }
    match (&old.reg, &new.reg) {
        (Some(a), Some(b)) => match (a.kind, b.kind) {
            // How often it was moved on does not matter to what comes after.
            (Kind::IterSlot { kind: x, drained: p, first: f, .. }, Kind::IterSlot { kind: y, drained: q, first: g, .. }) => {
                (x, p, f) == (y, q, g) && ids.same(a.refid, b.refid)
            }
            (Kind::DynptrSlot { .. }, Kind::DynptrSlot { .. }) => a.kind == b.kind && ids.same(a.refid, b.refid) && ids.same(a.id, b.id),
            _ if old.bytes[0] == Byte::Spill && new.bytes[0] == Byte::Spill => covers_reg(a, b, exact, precise, ids),
            _ => true,
        },
        (Some(_), None) => old.bytes[0] != Byte::Spill || new.bytes[0] == Byte::Spill,
        _ => true,
    }
}
