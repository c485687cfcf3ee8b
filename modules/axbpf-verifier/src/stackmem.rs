//! Loads from and stores to the stack (Linux: `check_stack_read`, `check_stack_write` and what they call).
use crate::alu::MAX_VAR_OFF;
use crate::checkpoint::slot_bit;
use crate::memory::Source;
use crate::reason::{Step, refuse};
use crate::scalar::Scalar;
use crate::stack::{Byte, Slot, Stack, byte_of, slot_of};
use crate::value::{Kind, Reg};
use crate::walk::Walk;
use alloc::rc::Rc;
use axbpf_abi::{Access, MAX_STACK};

/// Bytes of a frame's stack, as offsets from R10.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub min: i64,
    /// Behind the last one.
    pub end: i64,
    /// The first one is known.
    pub fixed: bool,
}

impl Walk<'_> {
    /// Where an access of `size` bytes at `off` from R10 plus the pointer's variable part lies.
    pub(crate) fn stack_span(&mut self, reg: axbpf_isa::Reg, ptr: &Reg, frame: usize, off: i64, size: u32, access: Access) -> Step<Span> {
        let how = if access == Access::Read { "read from" } else { "write to" };
        let (s, fixed) = (&ptr.s, ptr.s.known().is_some());
        let limits = -i64::from(MAX_STACK)..0;
        let (min, max) = match s.known() {
            Some(by) => (off.saturating_add(by as i64), off.saturating_add(by as i64)),
            None => {
                if s.smax >= MAX_VAR_OFF || s.smin <= -MAX_VAR_OFF {
                    return refuse!(Memory, "invalid unbounded variable-offset {how} stack {reg}" => "bound the offset");
                }
                (off + s.smin, off + s.smax)
            }
        };
        let end = max.saturating_add(size.into());
        let inside = limits.contains(&min) && end <= 0;
        if !inside {
            const HINT: &str = "a frame has the bytes -512 to -1";
            if fixed {
                return refuse!(Memory, "invalid {how} stack {reg} off={min} size={size}" => HINT);
            }
            let var = s.bits;
            return refuse!(Memory, "invalid variable-offset {how} stack {reg} var_off={var} off={off} size={size}" => HINT);
        }
        let subprog = self.state.frames[frame].subprog as usize;
        self.depth[subprog] = self.depth[subprog].max(min.unsigned_abs() as u32);
        Ok(Span { min, end, fixed })
    }

    pub(crate) fn stack_store(&mut self, reg: axbpf_isa::Reg, ptr: &Reg, frame: usize, off: i64, size: u32, source: Source<'_>) -> Step {
        let span = self.stack_span(reg, ptr, frame, off, size, Access::Write)?;
        // Storing part of a pointer leaves some number.
        let zero = match &source {
            Source::Reg(value) => value.is_null(),
            Source::Imm(imm) => *imm == 0,
            Source::Some => false,
        };
        let from = if let Source::Reg(value) = &source { value.from } else { 0 };
        self.check_overwrite(frame, span)?;
        let (epoch, same_frame) = (self.epoch, frame == self.state.top());
        if !span.fixed {
            if zero {
                self.rely_on(from);
            }
            let stack = self.state.stack_mut(frame);
            for at in span.min..span.end {
                let slot = stack.make(slot_of(at));
                // A zero that may or may not be written over a zero.
                let is_zero =
                    slot.bytes[byte_of(at)] == Byte::Zero || slot.spilled().is_some_and(|(reg, size)| size == 8 && reg.known() == Some(0));
                if slot.is_special() {
                    let zeros = slot.spilled().is_some_and(|(reg, size)| size == 8 && reg.known() == Some(0));
                    slot.scrub();
                    if zeros {
                        slot.bytes = [Byte::Zero; 8];
                    }
                }
                slot.bytes[byte_of(at)] = if zero && is_zero { Byte::Zero } else { Byte::Misc };
            }
            return Ok(());
        }
        let off = span.min;
        let place = slot_of(off);
        let aligned = off % 8 == 0;
        let spill = match &source {
            Source::Reg(value) if value.is_scalar() && aligned => {
                let fits = value.s.umax <= crate::tnum::low(size * 8);
                let mut value = *(*value);
                if !fits {
                    (value.s, value.id, value.delta) = (value.s.truncate(size * 8), 0, 0);
                }
                Some(value)
            }
            Source::Imm(imm) if aligned => {
                let s = Scalar::exactly(*imm as i64 as u64).truncate(size * 8);
                Some(Reg { epoch, ..Reg::scalar(s) })
            }
            Source::Reg(value) if value.is_pointer() => {
                if size != 8 {
                    // Linux lets privileged programs store parts of pointers as data, but not into the slot of a register.
                    return refuse!(Memory, "invalid size of register spill" => "store all eight bytes of a pointer");
                }
                if !same_frame && matches!(value.kind, Kind::Stack(_)) {
                    return refuse!(Memory, "cannot spill pointers to stack into stack frame of the caller");
                }
                Some(*(*value))
            }
            _ => None,
        };
        if spill.is_none() && zero {
            self.rely_on(from);
        }
        if size == 8 {
            self.written[frame] |= 1 << place;
        }
        let stack = self.state.stack_mut(frame);
        let slot = stack.make(place);
        match spill {
            Some(value) => {
                for (i, byte) in slot.bytes.iter_mut().enumerate() {
                    if i < size as usize {
                        *byte = Byte::Spill;
                    } else if *byte != Byte::Zero && *byte != Byte::Invalid {
                        *byte = Byte::Misc;
                    }
                }
                slot.reg = Some(Rc::new(value));
            }
            None => {
                if slot.is_special() {
                    slot.scrub();
                }
                for at in off..span.end {
                    slot.bytes[byte_of(at)] = if zero { Byte::Zero } else { Byte::Misc };
                }
            }
        }
        Ok(())
    }

    pub(crate) fn stack_load(&mut self, reg: axbpf_isa::Reg, ptr: &Reg, frame: usize, off: i64, size: u32) -> Step<Reg> {
        let span = self.stack_span(reg, ptr, frame, off, size, Access::Read)?;
        for slot in slot_of(span.end - 1)..=slot_of(span.min) {
            self.mark_read(frame, slot);
        }
        let stack = self.state.frames[frame].stack.clone();
        if span.fixed && span.min % 8 == 0 {
            let place = slot_of(span.min);
            if let Some((value, spilled)) = stack.get(place).and_then(Slot::spilled) {
                if !value.is_scalar() {
                    if size != 8 || spilled != 8 {
                        return refuse!(Memory, "invalid size of register fill" => "load all eight bytes of a pointer");
                    }
                    return Ok(**value);
                }
                if size <= spilled {
                    let mut value = **value;
                    value.from = self.source_of(&value, slot_bit(frame, place));
                    value.epoch = self.epoch;
                    let s = value.s.truncate(size * 8);
                    if s != value.s {
                        (value.s, value.id, value.delta) = (s, 0, 0);
                    }
                    if value.id == 0 && value.s.known().is_none() {
                        // The copy in the slot and this one are the same number.
                        let id = self.new_id();
                        (value.id, value.delta) = (id, 0);
                        if size == spilled
                            && let Some(slot) = self.state.stack_mut(frame).slots.get_mut(place)
                            && let Some(kept) = &mut slot.reg
                        {
                            let kept = Rc::make_mut(kept);
                            (kept.id, kept.delta) = (id, 0);
                        }
                    }
                    return Ok(value);
                }
            }
        }
        // A spilled pointer is loaded as a whole or not at all; with a variable offset it is some number.
        let mut all_zero = true;
        let mut from = 0;
        for at in span.min..span.end {
            let slot = stack.get(slot_of(at));
            match stack.byte(at) {
                Byte::Invalid | Byte::Misc => all_zero = false,
                Byte::Zero => {}
                Byte::Spill => {
                    let value = slot.and_then(|slot| slot.reg.as_deref());
                    match value {
                        Some(value) if value.is_scalar() => {
                            let zero = value.known() == Some(0);
                            all_zero &= zero;
                            from |= if zero { self.source_of(value, slot_bit(frame, slot_of(at))) } else { 0 };
                        }
                        _ if !span.fixed => all_zero = false,
                        _ => return refuse!(Memory, "invalid size of register fill" => "load all eight bytes of a pointer"),
                    }
                }
                Byte::Dynptr | Byte::Iter | Byte::Irq => {
                    let (off, at) = (span.min, at - span.min);
                    return refuse!(Memory, "invalid read from stack off {off}+{at} size {size}");
                }
            }
        }
        let mut value = if all_zero { Reg::exactly(0) } else { Reg::scalar(crate::memory::unknown(size)) };
        if all_zero {
            (value.from, value.epoch) = (from, self.epoch);
            // That all of it is 0 was relied on.
            self.rely_on(from);
        }
        Ok(value)
    }

    /// Memory on the stack that a helper reads or fills. `size` is the most that it may touch.
    pub(crate) fn stack_for_helper(
        &mut self,
        reg: axbpf_isa::Reg,
        ptr: &Reg,
        frame: usize,
        size: u32,
        access: Access,
        fills: bool,
    ) -> Step {
        let span = self.stack_span(reg, ptr, frame, ptr.off.into(), size, access)?;
        let stack = self.state.frames[frame].stack.clone();
        for at in span.min..span.end {
            if matches!(stack.byte(at), Byte::Dynptr | Byte::Iter | Byte::Irq) {
                if access != Access::Read {
                    return refuse!(Memory, "potential write to dynptr at off={at} disallowed");
                }
                let off = span.min;
                let rest = at - off;
                return refuse!(Memory, "invalid read from stack {reg} off {off}+{rest} size {size}");
            }
        }
        if !fills {
            for slot in slot_of(span.end - 1)..=slot_of(span.min) {
                self.mark_read(frame, slot);
            }
        }
        if access != Access::Read {
            self.scatter(frame, span, fills && span.fixed);
        }
        Ok(())
    }

    /// Bytes that somebody else may have written: some numbers now. `all`: all of them were.
    pub(crate) fn scatter(&mut self, frame: usize, span: Span, all: bool) {
        if all {
            for slot in slot_of(span.end - 1)..=slot_of(span.min) {
                let low = -8 * (slot as i64 + 1);
                if span.min <= low && low + 8 <= span.end {
                    self.written[frame] |= 1 << slot;
                }
            }
        }
        let stack: &mut Stack = self.state.stack_mut(frame);
        for at in span.min..span.end {
            let slot = stack.make(slot_of(at));
            if slot.is_special() {
                slot.scrub();
            }
            slot.bytes[byte_of(at)] = Byte::Misc;
        }
    }

    /// Dynptrs that hold a reference are not overwritten; what is left of one whose part is, is nothing (Linux: `destroy_if_dynptr_stack_slot`).
    pub(crate) fn check_overwrite(&mut self, frame: usize, span: Span) -> Step {
        let stack = self.state.frames[frame].stack.clone();
        for at in span.min..span.end {
            let place = slot_of(at);
            let Some(slot) = stack.get(place) else { continue };
            let Some(value) = slot.reg.as_deref() else { continue };
            let Kind::DynptrSlot { first, .. } = value.kind else { continue };
            if value.refid != 0 {
                return refuse!(Resource, "cannot overwrite referenced dynptr" => "submit or discard it first");
            }
            let id = value.id;
            let other = if first { place.wrapping_sub(1) } else { place + 1 };
            let stack = self.state.stack_mut(frame);
            for place in [place, other] {
                if let Some(slot) = stack.slots.get_mut(place) {
                    slot.scrub();
                }
            }
            self.forget_slices(id);
        }
        Ok(())
    }

    /// Slices of a dynptr that is gone are gone.
    pub(crate) fn forget_slices(&mut self, id: u32) {
        if id != 0 {
            self.state.each(|reg| reg.dynid == id, |reg| *reg = Reg::UNKNOWN);
        }
    }
}
