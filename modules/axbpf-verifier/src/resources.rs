//! Locks, timers, dynptrs and iterators: arguments that are more than memory.
use crate::args::Meta;
use crate::reason::{Step, refuse};
use crate::stack::{Byte, Slot, slot_of};
use crate::stackmem::Span;
use crate::state::Lock;
use crate::value::{Kind, Reg};
use crate::walk::Walk;
use alloc::rc::Rc;
use axbpf_abi::{Access, DynptrKind, DynptrState, IterKind, IterState};
use axbpf_isa::Reg as R;

impl Walk<'_> {
    /// A `bpf_spin_lock` in a map value (Linux: `process_spin_lock`).
    pub(crate) fn lock_arg(&mut self, reg: R, value: &Reg) -> Step<(u32, u32)> {
        let (map, off) = self.field_arg(reg, value, "bpf_spin_lock")?;
        let name = &self.maps[map as usize].name;
        match self.maps[map as usize].fields.spin_lock {
            None => refuse!(Resource, "map '{name}' has no valid bpf_spin_lock" => "its BTF has to say where the lock is"),
            Some(at) if i64::from(at) != off => refuse!(Resource, "off {off} doesn't point to 'struct bpf_spin_lock' that is at {at}"),
            Some(_) => Ok((map, value.id)),
        }
    }

    pub(crate) fn timer_arg(&mut self, reg: R, value: &Reg) -> Step<u32> {
        let (map, off) = self.field_arg(reg, value, "bpf_timer")?;
        let name = &self.maps[map as usize].name;
        match self.maps[map as usize].fields.timer {
            None => refuse!(Resource, "map '{name}' has no valid bpf_timer" => "its BTF has to say where the timer is"),
            Some(at) if i64::from(at) != off => refuse!(Resource, "off {off} doesn't point to 'struct bpf_timer' that is at {at}"),
            Some(_) => Ok(map),
        }
    }

    fn field_arg(&self, reg: R, value: &Reg, what: &str) -> Step<(u32, i64)> {
        let (Kind::MapValue(map), false) = (value.kind, value.or_null) else {
            let name = value.name();
            return refuse!(Call, "{reg} type={name} expected=map_value");
        };
        let Some(by) = value.s.known() else {
            return refuse!(Resource, "{reg} doesn't have constant offset. {what} has to be at the constant offset");
        };
        Ok((map, i64::from(value.off) + by as i64))
    }

    pub(crate) fn spin_lock(&mut self, meta: &Meta, lock: bool) -> Step {
        let Some((map, id)) = meta.lock else { return Ok(()) };
        match (lock, self.state.lock) {
            (true, Some(_)) => refuse!(Resource, "Locking two bpf_spin_locks are not allowed"),
            (true, None) => {
                self.state.lock = Some(Lock { map, id, at: self.at });
                Ok(())
            }
            (false, None) => refuse!(Resource, "bpf_spin_unlock without taking a lock"),
            (false, Some(held)) if held.map != map || held.id != id => refuse!(Resource, "bpf_spin_unlock of different lock"),
            (false, Some(_)) => {
                self.state.lock = None;
                Ok(())
            }
        }
    }

    /// Where on the stack something of `slots` slots begins: its frame, and its slot, the lowest in memory.
    fn stack_place(&mut self, reg: R, value: &Reg, what: &str, size: u32) -> Step<(usize, usize, Span)> {
        let Kind::Stack(frame) = value.kind else {
            let name = value.name();
            return refuse!(Call, "{reg} type={name} expected=fp");
        };
        let Some(by) = value.s.known() else { return refuse!(Call, "{what} has to be at a constant offset") };
        let off = i64::from(value.off) + by as i64;
        if off % 8 != 0 || off < 0 && off > -i64::from(size) {
            return refuse!(Call, "cannot pass in {what} at an offset={off}");
        }
        let span = self.stack_span(reg, value, frame.into(), value.off.into(), size, Access::Write)?;
        Ok((frame.into(), slot_of(off), span))
    }

    pub(crate) fn dynptr_arg(&mut self, reg: R, i: usize, value: &Reg, state: DynptrState, meta: &mut Meta) -> Step {
        if let Kind::Dynptr(_) = value.kind {
            return match state {
                DynptrState::Init(_) => refuse!(Call, "Dynptr has to be an uninitialized dynptr"),
                DynptrState::Release => refuse!(Call, "CONST_PTR_TO_DYNPTR cannot be released"),
                DynptrState::Use { rdonly: false } => refuse!(Call, "cannot pass pointer to const bpf_dynptr, the helper mutates it"),
                DynptrState::Use { .. } => {
                    meta.dynptr = Some((value.id, 0));
                    Ok(())
                }
            };
        }
        if !matches!(value.kind, Kind::Stack(_)) {
            let name = value.name();
            if matches!(state, DynptrState::Init(_)) {
                return refuse!(Call, "{reg} type={name} expected=fp");
            }
            return refuse!(Call, "arg#{i} expected pointer to stack or const struct bpf_dynptr, but {reg} is {name}");
        }
        let (frame, slot, span) = self.stack_place(reg, value, "dynptr", 16)?;
        let found = self.state.frames[frame].stack.get(slot).and_then(|slot| slot.reg.clone());
        let found = found.filter(|reg| matches!(reg.kind, Kind::DynptrSlot { first: true, .. }));
        let second_is_there = slot > 0
            && self.state.frames[frame].stack.get(slot - 1).and_then(|slot| slot.reg.as_deref()).is_some_and(|second| {
                matches!(second.kind, Kind::DynptrSlot { first: false, .. }) && found.as_ref().is_some_and(|first| first.id == second.id)
            });
        match state {
            DynptrState::Init(kind) => {
                let occupied = |slot: usize| {
                    let slot = self.state.frames[frame].stack.get(slot);
                    slot.is_some_and(|slot| matches!(slot.bytes[7], Byte::Iter | Byte::Irq))
                };
                if slot == 0 || occupied(slot) || occupied(slot - 1) {
                    return refuse!(Call, "Dynptr has to be an uninitialized dynptr");
                }
                self.check_overwrite(frame, span)?;
                let (kind, refid, rdonly) = match kind {
                    DynptrKind::Clone => {
                        let Some((_, refid)) = meta.dynptr else { return refuse!(Call, "bpf_dynptr_clone needs a dynptr") };
                        (DynptrKind::Local, refid, meta.rdonly)
                    }
                    DynptrKind::Ringbuf => (kind, self.acquire(false), false),
                    _ => (kind, 0, false),
                };
                let id = self.new_id();
                for (place, first) in [(slot, true), (slot - 1, false)] {
                    let reg = Reg { id, refid, ..Reg::pointer(Kind::DynptrSlot { kind, first, rdonly }) };
                    self.written[frame] |= 1 << place;
                    *self.state.stack_mut(frame).make(place) = Slot { bytes: [Byte::Dynptr; 8], reg: Some(Rc::new(reg)) };
                }
                Ok(())
            }
            DynptrState::Use { .. } | DynptrState::Release => {
                let Some(found) = found.filter(|_| second_is_there) else {
                    if state == DynptrState::Release {
                        return refuse!(Call, "arg {} is an unacquired reference", i + 1);
                    }
                    return refuse!(Call, "Expected an initialized dynptr as arg #{i}");
                };
                for place in [slot, slot - 1] {
                    self.mark_read(frame, place);
                }
                if let Kind::DynptrSlot { rdonly, .. } = found.kind {
                    meta.rdonly |= rdonly;
                }
                meta.dynptr = Some((found.id, found.refid));
                if state == DynptrState::Release {
                    if found.refid == 0 {
                        return refuse!(Call, "arg {} is an unacquired reference", i + 1);
                    }
                    self.drop_dynptrs(found.refid);
                }
                Ok(())
            }
        }
    }

    /// A reserved record is given back: every dynptr over it, and every slice of those, is gone.
    fn drop_dynptrs(&mut self, refid: u32) {
        self.state.refs.retain(|held| held.id != refid);
        let of = |slot: &Slot| slot.reg.as_ref().is_some_and(|reg| reg.refid == refid && matches!(reg.kind, Kind::DynptrSlot { .. }));
        let mut ids = alloc::vec::Vec::new();
        for number in 0..self.state.frames.len() {
            if !self.state.frames[number].stack.slots.iter().any(of) {
                continue;
            }
            for slot in self.state.stack_mut(number).slots.iter_mut().filter(|slot| of(slot)) {
                ids.extend(slot.reg.as_ref().map(|reg| reg.id));
                slot.scrub();
            }
        }
        for id in ids {
            self.forget_slices(id);
        }
        self.state.each(|reg| reg.refid == refid, |reg| *reg = Reg::UNKNOWN);
    }

    /// An open-coded iterator on the stack (Linux: `process_iter_arg`).
    pub(crate) fn iter_arg(&mut self, reg: R, value: &Reg, kind: IterKind, state: IterState, meta: &mut Meta) -> Step {
        let (name, arg) = (kind.name(), reg.index() - 1);
        if !matches!(value.kind, Kind::Stack(_)) {
            return refuse!(Call, "arg#{} expected pointer to an iterator on stack", arg);
        }
        let (frame, slot, span) = self.stack_place(reg, value, "iter", kind.size())?;
        let slots = kind.size() as usize / 8;
        let place = |i: usize| slot.checked_sub(i);
        let is_iter = |walk: &Self, i: usize| {
            let found = place(i).and_then(|slot| walk.state.frames[frame].stack.get(slot)).and_then(|slot| slot.reg.as_deref());
            matches!(found.map(|reg| reg.kind), Some(Kind::IterSlot { kind: of, first, .. }) if of == kind && first == (i == 0))
        };
        match state {
            IterState::New => {
                if (0..slots).any(|i| {
                    let slot = place(i).and_then(|slot| self.state.frames[frame].stack.get(slot));
                    slot.is_some_and(|slot| slot.bytes[7] == Byte::Iter)
                }) {
                    return refuse!(Call, "expected uninitialized iter_{name} as arg #{arg}");
                }
                self.check_overwrite(frame, span)?;
                let id = self.acquire(false);
                for i in 0..slots {
                    let Some(place) = place(i) else { continue };
                    let kind = Kind::IterSlot { kind, depth: 0, drained: false, first: i == 0 };
                    let reg = Reg { refid: if i == 0 { id } else { 0 }, ..Reg::pointer(kind) };
                    self.written[frame] |= 1 << place;
                    *self.state.stack_mut(frame).make(place) = Slot { bytes: [Byte::Iter; 8], reg: Some(Rc::new(reg)) };
                }
                Ok(())
            }
            IterState::Next | IterState::Destroy => {
                if !(0..slots).all(|i| is_iter(self, i)) {
                    return refuse!(Call, "expected an initialized iter_{name} as arg #{arg}");
                }
                for place in (0..slots).filter_map(place) {
                    self.mark_read(frame, place);
                }
                if state == IterState::Next {
                    meta.next = Some((frame, slot));
                    return Ok(());
                }
                let refid = self.state.frames[frame].stack.get(slot).and_then(|slot| slot.reg.as_ref()).map_or(0, |reg| reg.refid);
                self.state.refs.retain(|held| held.id != refid);
                for place in (0..slots).filter_map(place) {
                    self.state.stack_mut(frame).make(place).scrub();
                }
                Ok(())
            }
        }
    }

    /// Where `bpf_local_irq_save` keeps what `bpf_local_irq_restore` needs.
    pub(crate) fn irq_arg(&mut self, reg: R, value: &Reg, save: bool) -> Step {
        if !matches!(value.kind, Kind::Stack(_)) {
            return refuse!(Call, "arg#0 expected pointer to an irq flag on stack");
        }
        let (frame, slot, span) = self.stack_place(reg, value, "irq flag", 8)?;
        let found = self.state.frames[frame].stack.get(slot).and_then(|slot| slot.reg.clone());
        let found = found.filter(|reg| reg.kind == Kind::IrqSlot);
        if save {
            if found.is_some() {
                return refuse!(Call, "expected uninitialized irq flag as arg#0");
            }
            self.check_overwrite(frame, span)?;
            let refid = self.acquire(true);
            let reg = Reg { refid, ..Reg::pointer(Kind::IrqSlot) };
            *self.state.stack_mut(frame).make(slot) = Slot { bytes: [Byte::Irq; 8], reg: Some(Rc::new(reg)) };
            return Ok(());
        }
        let Some(found) = found else { return refuse!(Call, "expected an initialized irq flag as arg#0") };
        let last = self.state.refs.iter().rev().find(|held| held.irq).map(|held| (held.id, held.at));
        if let Some((_, at)) = last.filter(|&(id, _)| id != found.refid) {
            return refuse!(
                Resource,
                "cannot restore irq state out of order, expected id={} acquired at insn_idx={at}",
                last.map_or(0, |(id, _)| id)
            );
        }
        self.state.refs.retain(|held| held.id != found.refid);
        self.state.stack_mut(frame).make(slot).scrub();
        Ok(())
    }
}
