//! Conditional jumps: which sides are possible, and what each side knows (Linux: `check_cond_jmp_op`).
use crate::checkpoint::{reg_bit, slot_bit};
use crate::reason::{Step, refuse};
use crate::scalar::{Cond, Scalar};
use crate::state::State;
use crate::value::{Kind, Reg};
use crate::walk::{Next, Walk};
use alloc::rc::Rc;
use axbpf_isa::{JmpOp, Operand, Width};

/// The longest packet that comparisons speak of (Linux: MAX_PACKET_OFF).
const MAX_PACKET_OFF: u64 = 0xffff;

impl Walk<'_> {
    pub(crate) fn branch(&mut self, op: JmpOp, width: Width, dst: axbpf_isa::Reg, src: Operand, target: u32) -> Step<Next> {
        let b = self.operand(src)?;
        let a = self.read(dst)?;
        let next = self.flow.next(self.at);
        let decided = self.decide(op, width, &a, &b);
        if let Some(taken) = decided {
            // This side only: whatever was known of both numbers was relied on.
            self.rely_on(if a.is_scalar() { a.from } else { 0 } | if b.is_scalar() { b.from } else { 0 });
            self.learnt.branch(self.at, taken);
            self.threshold(&a, &b, width);
            return Ok(Next::At(if taken { target } else { next }));
        }
        self.threshold(&a, &b, width);
        if a.is_scalar() && b.is_scalar() {
            return self.numbers_branch(op, width, dst, src, (&a, &b), target);
        }
        let (taken, not) = self.pointers(op, width, src, &a, &b);
        self.learnt.branch(self.at, true);
        self.learnt.branch(self.at, false);
        self.later(taken, target)?;
        self.state = not;
        Ok(Next::At(next))
    }

    /// A comparison of two numbers: each side knows more of both, or is impossible.
    fn numbers_branch(
        &mut self,
        op: JmpOp,
        width: Width,
        dst: axbpf_isa::Reg,
        src: Operand,
        (a, b): (&Reg, &Reg),
        target: u32,
    ) -> Step<Next> {
        let other = if let Operand::Reg(src) = src { Some(src).filter(|&src| src != dst) } else { None };
        let same = matches!(src, Operand::Reg(src) if src == dst);
        let side = |cond| {
            let (mut x, mut y) = (a.s, b.s);
            (same || Scalar::refine(cond, width, &mut x, &mut y)).then_some((x, y))
        };
        // A range that was narrowed by the other one depends on both.
        let from = a.from | b.from;
        let narrowed = |walk: &Self, state: &mut State, (x, y): (Scalar, Scalar)| {
            for (reg, old, s) in [(Some(dst), a, x), (other, b, y)] {
                if let Some(reg) = reg.filter(|_| s != old.s) {
                    let new = Reg { s, from, epoch: walk.epoch, ..*old };
                    state.frame_mut().regs[reg.index()] = new;
                    if new.id != 0 {
                        walk.spread(state, &new);
                    }
                }
            }
        };
        let (taken, not) = (side(Cond::Op(op)), side(Cond::opposite(op)));
        if let Some(taken) = taken {
            self.learnt.branch(self.at, true);
            if not.is_some() {
                let mut state = self.state.clone();
                narrowed(self, &mut state, taken);
                self.later(state, target)?;
            }
        }
        let Some(here) = not.or(taken) else {
            return refuse!(Flow, "no side of this branch is possible" => "what is known of its operands contradicts itself");
        };
        if taken.is_none() || not.is_none() {
            // What both numbers can be was needed to find the other side impossible.
            self.rely_on(from);
        }
        let mut state = core::mem::take(&mut self.state);
        narrowed(self, &mut state, here);
        self.state = state;
        if not.is_none() {
            return Ok(Next::At(target));
        }
        self.learnt.branch(self.at, false);
        Ok(Next::At(self.flow.next(self.at)))
    }

    /// The only side that is possible, if there is one.
    fn decide(&self, op: JmpOp, width: Width, a: &Reg, b: &Reg) -> Option<bool> {
        if a.is_scalar() && b.is_scalar() {
            if a.id != 0 && a.id == b.id && a.delta == b.delta && width == Width::W64 {
                return match op {
                    JmpOp::Eq | JmpOp::Ge | JmpOp::Le | JmpOp::Sge | JmpOp::Sle => Some(true),
                    JmpOp::Set => Scalar::decide(op, width, &a.s, &b.s),
                    _ => Some(false),
                };
            }
            return Scalar::decide(op, width, &a.s, &b.s);
        }
        let not_null = |a: &Reg, b: &Reg| a.is_not_null() && b.is_null();
        if width == Width::W64 && (not_null(a, b) || not_null(b, a)) {
            return match op {
                JmpOp::Eq => Some(false),
                JmpOp::Ne => Some(true),
                _ => None,
            };
        }
        None
    }

    /// Every number linked with `known` is as far from it as before.
    fn spread(&self, state: &mut State, known: &Reg) {
        let moved = |reg: &mut Reg, place: u128| {
            let from = self.source_of(reg, place) | known.from;
            let by = reg.delta.wrapping_sub(known.delta);
            let s = if by == 0 { known.s } else { Scalar::alu(axbpf_isa::AluOp::Add, Width::W64, &known.s, &Scalar::exactly(by as u64)) };
            // Both statements are true of it. If they contradict each other this side is impossible, but what that relies on is not kept.
            let (mut both, mut other) = (reg.s, s);
            let possible = Scalar::refine(Cond::Op(JmpOp::Eq), Width::W64, &mut both, &mut other);
            (reg.s, reg.from, reg.epoch) = (if possible { both } else { s }, from, self.epoch);
        };
        let linked = |reg: &Reg| reg.id == known.id && reg.is_scalar();
        for (number, frame) in state.frames.iter_mut().enumerate() {
            if frame.regs.iter().any(linked) {
                for (i, reg) in Rc::make_mut(frame).regs.iter_mut().enumerate().filter(|(_, reg)| linked(reg)) {
                    moved(reg, reg_bit(number, i));
                }
            }
            if frame.stack.slots.iter().any(|slot| slot.reg.as_deref().is_some_and(linked)) {
                let stack = Rc::make_mut(&mut Rc::make_mut(frame).stack);
                for (i, slot) in stack.slots.iter_mut().enumerate() {
                    if let Some(reg) = slot.reg.as_mut().filter(|reg| linked(reg)) {
                        moved(Rc::make_mut(reg), slot_bit(number, i));
                    }
                }
            }
        }
    }

    /// Both sides of a comparison with a pointer: taken, and not.
    fn pointers(&mut self, op: JmpOp, width: Width, src: Operand, a: &Reg, b: &Reg) -> (State, State) {
        let both = |walk: &Self| (walk.state.clone(), walk.state.clone());
        if width == Width::W32 {
            return both(self);
        }
        // Equal to a pointer that is not null: not null either.
        if let (JmpOp::Eq | JmpOp::Ne, Operand::Reg(_)) = (op, src)
            && a.is_pointer()
            && b.is_pointer()
        {
            let checked = match (a.or_null && b.is_not_null(), b.or_null && a.is_not_null()) {
                (true, _) => Some(a),
                (_, true) => Some(b),
                _ => None,
            };
            if let Some(reg) = checked.filter(|reg| !matches!(reg.kind, Kind::Btf { .. })) {
                let (equal, differs) = (with_null(&self.state, reg, false), self.state.clone());
                return if op == JmpOp::Eq { (equal, differs) } else { (differs, equal) };
            }
        }
        let null = match (a.or_null && b.is_null(), b.or_null && a.is_null()) {
            (true, _) => Some(a),
            (_, true) => Some(b),
            _ => None,
        };
        if let (JmpOp::Eq | JmpOp::Ne, Some(reg)) = (op, null) {
            let (null, not_null) = (with_null(&self.state, reg, true), with_null(&self.state, reg, false));
            return if op == JmpOp::Eq { (null, not_null) } else { (not_null, null) };
        }
        let end = |packet: &Reg, end: &Reg| match packet.kind {
            Kind::Packet => end.kind == Kind::PacketEnd,
            // The metadata ends where the packet begins.
            Kind::PacketMeta => end.kind == Kind::Packet && end.off == 0 && end.id == 0 && end.s.known() == Some(0),
            _ => false,
        };
        let (packet, flip) = match (end(a, b), end(b, a)) {
            (true, _) => (a, false),
            (_, true) => (b, true),
            _ => return both(self),
        };
        // As `packet op end`.
        let op = match (op, flip) {
            (op, false) => op,
            (JmpOp::Gt, true) => JmpOp::Lt,
            (JmpOp::Lt, true) => JmpOp::Gt,
            (JmpOp::Ge, true) => JmpOp::Le,
            (JmpOp::Le, true) => JmpOp::Ge,
            (op, true) => op,
        };
        let side = |open: bool| in_packet(&self.state, packet, open);
        let none = || self.state.clone();
        match op {
            JmpOp::Gt => (none(), side(false)),
            JmpOp::Ge => (none(), side(true)),
            JmpOp::Lt => (side(true), none()),
            JmpOp::Le => (side(false), none()),
            _ => both(self),
        }
    }

    /// `may_goto`: jumps out of its loop when the budget of rounds is spent.
    pub(crate) fn may_goto(&mut self, target: u32) -> Step<Next> {
        let out = self.state.clone();
        if self.parent.is_some() {
            self.widen_imprecise(self.at);
        }
        // The rounds go on later; leaving comes first, with the numbers as they are.
        let mut stay = core::mem::replace(&mut self.state, out);
        stay.may_goto += 1;
        self.later(stay, self.flow.next(self.at))?;
        Ok(Next::At(target))
    }
}

/// The state in which the origin of `reg` is null, or is not.
fn with_null(state: &State, reg: &Reg, null: bool) -> State {
    let mut state = state.clone();
    let (id, refid) = (reg.id, reg.refid);
    if null && refid != 0 {
        // Nothing was acquired after all.
        state.refs.retain(|held| held.id != refid);
    }
    state.each(
        |reg| reg.or_null && reg.id == id,
        |reg| match null {
            true => *reg = Reg::exactly(0),
            false => {
                reg.or_null = false;
                // Values keep their id if they may hold a lock; it tells them apart.
                if !matches!(reg.kind, Kind::MapValue(_)) {
                    reg.id = 0;
                }
            }
        },
    );
    state
}

/// The state in which everything before `packet` is there; `open`: one byte more is (Linux: `find_good_pkt_pointers`).
fn in_packet(state: &State, packet: &Reg, open: bool) -> State {
    let mut state = state.clone();
    let off = i64::from(packet.off);
    if off < 0 || off == 0 && open || packet.s.umax > MAX_PACKET_OFF || packet.s.umax + off as u64 > MAX_PACKET_OFF {
        return state;
    }
    let there = off as u32 + u32::from(open);
    let (kind, id) = (packet.kind, packet.id);
    state.each(|reg| reg.kind == kind && reg.id == id, |reg| reg.range = reg.range.max(there));
    state
}
