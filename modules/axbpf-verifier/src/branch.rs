//! Conditional jumps: which sides are possible, and what each side knows.
use crate::stack::Slot;
use crate::state::State;
use crate::value::{Range, Target, Value};
use crate::walk::{Next, Step, Walk};
use axbpf_isa::{JmpOp, Operand, Reg, Width};

impl Walk<'_> {
    pub(crate) fn branch(&mut self, op: JmpOp, width: Width, dst: Reg, src: Operand, target: u32) -> Step<Next> {
        let (a, b) = (self.read(dst)?, self.operand(src, width)?);
        let next = self.flow.next(self.at);
        let (taken, not) = match (a, b) {
            (Value::Scalar(a), Value::Scalar(b)) => {
                let side = |op: Option<JmpOp>, state: &State| -> Option<State> {
                    let (a, b) = match op {
                        Some(op) => narrow(op, width, a, b)?,
                        None => (a, b),
                    };
                    let mut state = state.clone();
                    let regs = &mut state.frames.last_mut()?.regs;
                    regs[dst.index()] = Value::Scalar(a);
                    if let Operand::Reg(src) = src {
                        regs[src.index()] = Value::Scalar(b);
                    }
                    Some(state)
                };
                let known = a.known().zip(b.known()).map(|(a, b)| op.eval(width, a, b));
                match known {
                    Some(true) => (Some(self.state.clone()), None),
                    Some(false) => (None, Some(self.state.clone())),
                    None if op == JmpOp::Set => (side(None, &self.state), side(None, &self.state)),
                    None => (side(Some(op), &self.state), side(Some(opposite(op)), &self.state)),
                }
            }
            (Value::Ptr { to, .. }, Value::Scalar(zero))
                if zero.known() == Some(0) && width == Width::W64 && matches!(op, JmpOp::Eq | JmpOp::Ne) =>
            {
                let (null, not_null) = if a.or_null() {
                    (Some(self.null(a)), Some(self.not_null(a)))
                } else if matches!(to, Target::Packet { .. } | Target::PacketEnd) {
                    (Some(self.state.clone()), Some(self.state.clone()))
                } else {
                    (None, Some(self.state.clone()))
                };
                if op == JmpOp::Eq { (null, not_null) } else { (not_null, null) }
            }
            (Value::Ptr { to: Target::Packet { .. }, off }, Value::Ptr { to: Target::PacketEnd, .. }) if width == Width::W64 => {
                self.packet(off, matches!(op, JmpOp::Lt | JmpOp::Le), matches!(op, JmpOp::Gt | JmpOp::Ge))
            }
            (Value::Ptr { to: Target::PacketEnd, .. }, Value::Ptr { to: Target::Packet { .. }, off }) if width == Width::W64 => {
                self.packet(off, matches!(op, JmpOp::Gt | JmpOp::Ge), matches!(op, JmpOp::Lt | JmpOp::Le))
            }
            // Other comparisons of pointers tell nothing.
            _ => (Some(self.state.clone()), Some(self.state.clone())),
        };
        match (taken, not) {
            (Some(taken), Some(not)) => {
                self.later(taken, target)?;
                self.state = not;
                Ok(Next::At(next))
            }
            (Some(state), None) => {
                self.state = state;
                Ok(Next::At(target))
            }
            (None, Some(state)) => {
                self.state = state;
                Ok(Next::At(next))
            }
            // Ranges that contradict each other cannot come here; both sides are as good as none.
            (None, None) => Ok(Next::End),
        }
    }

    /// The state in which the lookup that `value` comes from has found nothing.
    fn null(&self, value: Value) -> State {
        let mut state = self.state.clone();
        each_of(&mut state, value, |value| *value = Value::Scalar(Range::exactly(0)));
        if let Value::Ptr { to: Target::Record { id, .. }, .. } = value {
            state.refs.retain(|&(held, _)| held != id);
        }
        state
    }

    /// The state in which it has found something.
    fn not_null(&self, value: Value) -> State {
        let mut state = self.state.clone();
        each_of(&mut state, value, |value| match value {
            Value::Ptr { to: Target::MapValue { or_null, .. }, .. } => *or_null = None,
            Value::Ptr { to: Target::Record { or_null, .. }, .. } => *or_null = false,
            _ => {}
        });
        state
    }

    /// Both sides of a comparison of the packet's beginning plus `off` with its end; the flags say which side means that so much is there.
    fn packet(&self, off: i64, if_taken: bool, if_not: bool) -> (Option<State>, Option<State>) {
        let side = |there: bool| {
            let mut state = self.state.clone();
            if let (true, Ok(off)) = (there, u16::try_from(off)) {
                state.each_value(|value| {
                    if let Value::Ptr { to: Target::Packet { range }, .. } = value {
                        *range = (*range).max(off.into());
                    }
                });
            }
            Some(state)
        };
        (side(if_taken), side(if_not))
    }
}

/// Every copy of what one lookup answered.
fn each_of(state: &mut State, of: Value, mut f: impl FnMut(&mut Value)) {
    let same = |value: &Value| match (value, &of) {
        (
            Value::Ptr { to: Target::MapValue { or_null: a @ Some(_), .. }, .. },
            Value::Ptr { to: Target::MapValue { or_null: b, .. }, .. },
        ) => a == b,
        (Value::Ptr { to: Target::Record { id: a, or_null: true, .. }, .. }, Value::Ptr { to: Target::Record { id: b, .. }, .. }) => a == b,
        _ => false,
    };
    for frame in &mut state.frames {
        let slots = frame.stack.slots_mut().iter_mut().filter_map(|slot| match slot {
            Slot::Whole(value) => Some(value),
            Slot::Bytes(_) => None,
        });
        for value in frame.regs.iter_mut().chain(slots) {
            if same(value) {
                f(value);
            }
        }
    }
}

fn opposite(op: JmpOp) -> JmpOp {
    match op {
        JmpOp::Eq => JmpOp::Ne,
        JmpOp::Ne => JmpOp::Eq,
        JmpOp::Gt => JmpOp::Le,
        JmpOp::Le => JmpOp::Gt,
        JmpOp::Ge => JmpOp::Lt,
        JmpOp::Lt => JmpOp::Ge,
        JmpOp::Sgt => JmpOp::Sle,
        JmpOp::Sle => JmpOp::Sgt,
        JmpOp::Sge => JmpOp::Slt,
        JmpOp::Slt => JmpOp::Sge,
        JmpOp::Set => JmpOp::Set,
    }
}

/// What is left of two ranges where `a op b` holds; `None`: it cannot.
fn narrow(op: JmpOp, width: Width, a: Range, b: Range) -> Option<(Range, Range)> {
    let all = Range::bits(width.bits());
    if a.max > all.max || b.max > all.max {
        // The lower halves of wider numbers are compared: nothing follows for the whole.
        return Some((a, b));
    }
    // Numbers whose sign bit is clear compare as unsigned ones.
    let half = 1u64 << (width.bits() - 1);
    let unsigned = match op {
        JmpOp::Sgt => JmpOp::Gt,
        JmpOp::Sge => JmpOp::Ge,
        JmpOp::Slt => JmpOp::Lt,
        JmpOp::Sle => JmpOp::Le,
        op => op,
    };
    if unsigned != op && (a.max >= half || b.max >= half) {
        let Some(c) = b.known() else { return Some((a, b)) };
        // Above a number that is not negative there are no negative ones, and the other way around.
        let side = match op {
            JmpOp::Sge if c < half => Range { min: c, max: half - 1 },
            JmpOp::Sgt if c < half => Range { min: c.checked_add(1).filter(|&min| min < half)?, max: half - 1 },
            JmpOp::Sgt if c == all.max => Range { min: 0, max: half - 1 },
            JmpOp::Sle if c >= half => Range { min: half, max: c },
            JmpOp::Slt if c >= half => Range { min: half, max: c.checked_sub(1).filter(|&max| max >= half)? },
            JmpOp::Slt if c == 0 => Range { min: half, max: all.max },
            _ => return Some((a, b)),
        };
        let left = Range { min: a.min.max(side.min), max: a.max.min(side.max) };
        return (left.min <= left.max).then_some((left, b));
    }
    let (mut a, mut b) = (a, b);
    match unsigned {
        JmpOp::Eq => {
            a = Range { min: a.min.max(b.min), max: a.max.min(b.max) };
            b = a;
        }
        JmpOp::Ne => {
            if let Some(c) = b.known() {
                exclude(&mut a, c)?;
            } else if let Some(c) = a.known() {
                exclude(&mut b, c)?;
            }
        }
        JmpOp::Gt => {
            a.min = a.min.max(b.min.checked_add(1)?);
            b.max = b.max.min(a.max.checked_sub(1)?);
        }
        JmpOp::Ge => {
            a.min = a.min.max(b.min);
            b.max = b.max.min(a.max);
        }
        JmpOp::Lt => {
            b.min = b.min.max(a.min.checked_add(1)?);
            a.max = a.max.min(b.max.checked_sub(1)?);
        }
        JmpOp::Le => {
            b.min = b.min.max(a.min);
            a.max = a.max.min(b.max);
        }
        _ => {}
    }
    (a.min <= a.max && b.min <= b.max).then_some((a, b))
}

/// Takes a number away from the edge of a range; `None`: nothing is left.
fn exclude(range: &mut Range, c: u64) -> Option<()> {
    match (range.min == c, range.max == c) {
        (true, true) => return None,
        (true, false) => range.min += 1,
        (false, true) => range.max -= 1,
        (false, false) => {}
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axbpf_isa::AluOp;

    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        /// A number near a corner.
        fn number(&mut self) -> u64 {
            let corner = [0, 1 << 31, 1 << 32, 1 << 63, u64::MAX, 0x7fff_ffff, 10][self.next() as usize % 7];
            let near = corner.wrapping_add(self.next() % 9).wrapping_sub(4);
            if self.next().is_multiple_of(4) { self.next() >> (self.next() % 64) } else { near }
        }

        /// A range and two numbers in it.
        fn range(&mut self) -> (Range, [u64; 2]) {
            let (a, b) = (self.number(), self.number());
            let (min, max) = if self.next().is_multiple_of(5) { (a, a) } else { (a.min(b), a.max(b)) };
            let inside = |n: u64| if max - min == u64::MAX { n } else { min + n % (max - min + 1) };
            (Range { min, max }, [inside(self.next()), if self.next().is_multiple_of(2) { min } else { max }])
        }
    }

    /// Whatever two numbers of the ranges are taken, the result is in the range that is believed.
    #[test]
    fn arithmetic_stays_in_its_range() {
        use AluOp::*;
        let mut random = Random(0x1234_5678_9abc_def1);
        for _ in 0..300_000 {
            let ((a, in_a), (b, in_b)) = (random.range(), random.range());
            let op = [Add, Sub, Mul, Div, Sdiv, Or, And, Lsh, Rsh, Mod, Smod, Xor, Mov, Arsh][random.next() as usize % 14];
            for width in [Width::W32, Width::W64] {
                let range = Range::alu(op, width, a, b);
                for (x, y) in in_a.into_iter().flat_map(|x| in_b.map(|y| (x, y))) {
                    let result = op.eval(width, x, y);
                    assert!(
                        range.contains(Range::exactly(result)),
                        "{op:?} {width:?}: {x:#x} of {a:?}, {y:#x} of {b:?}: {result:#x} not in {range:?}"
                    );
                }
            }
        }
    }

    /// Numbers for which a comparison holds are not narrowed away; a side that is called impossible is.
    #[test]
    fn branches_keep_what_is_possible() {
        use JmpOp::*;
        let mut random = Random(0x9876_5432_1fed_cba9);
        for _ in 0..300_000 {
            let ((a, in_a), (b, in_b)) = (random.range(), random.range());
            let op = [Eq, Ne, Gt, Ge, Lt, Le, Sgt, Sge, Slt, Sle][random.next() as usize % 10];
            for width in [Width::W32, Width::W64] {
                let narrowed = narrow(op, width, a, b);
                for (x, y) in in_a.into_iter().flat_map(|x| in_b.map(|y| (x, y))) {
                    if op.eval(width, x, y) {
                        let (left, right) =
                            narrowed.unwrap_or_else(|| panic!("{op:?} {width:?}: {x:#x} of {a:?}, {y:#x} of {b:?}: possible"));
                        let kept = left.contains(Range::exactly(x)) && right.contains(Range::exactly(y));
                        assert!(kept, "{op:?} {width:?}: {x:#x} of {a:?}, {y:#x} of {b:?} not in {left:?}, {right:?}");
                    }
                }
                assert_eq!(opposite(opposite(op)), op);
                let (x, y) = (in_a[0], in_b[0]);
                assert_ne!(op.eval(width, x, y), opposite(op).eval(width, x, y));
            }
        }
    }
}
