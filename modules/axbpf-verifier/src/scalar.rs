//! What is known of a number: its bits, and its ranges as an unsigned and as a signed number, of the whole register and of its lower half.
//! The five views are kept consistent by [`Scalar::sync`] (Linux: `reg_bounds_sync` and what it calls in `kernel/bpf/verifier.c`).
//!
//! The width is a parameter so that tests can go through all numbers of narrow registers with the very code that serves 64 bits.
use crate::tnum::{Tnum, low, sext};
use axbpf_isa::{AluOp, JmpOp, Width};

/// A set of numbers of `N` bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Scalar<const N: u32 = 64> {
    pub bits: Tnum,
    pub umin: u64,
    pub umax: u64,
    pub smin: i64,
    pub smax: i64,
    pub umin32: u32,
    pub umax32: u32,
    pub smin32: i32,
    pub smax32: i32,
}

/// The ranges of one width, `bits` wide, in numbers that are wide enough for both.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Range {
    bits: u32,
    umin: u64,
    umax: u64,
    smin: i64,
    smax: i64,
}

impl Range {
    const fn full(bits: u32) -> Range {
        Range { bits, umin: 0, umax: low(bits), smin: sext(1 << (bits - 1), bits), smax: low(bits - 1) as i64 }
    }

    const fn exactly(value: u64, bits: u32) -> Range {
        let value = value & low(bits);
        Range { bits, umin: value, umax: value, smin: sext(value, bits), smax: sext(value, bits) }
    }

    fn known(self) -> Option<u64> {
        (self.umin == self.umax).then_some(self.umin)
    }

    fn unsigned(self, min: u64, max: u64) -> Range {
        Range { umin: min, umax: max, ..self }
    }

    /// An unsigned range given by numbers that may have wrapped, as long as both have in the same way.
    fn wrapped_u(&mut self, min: i128, max: i128) {
        let window = |n: i128| n >> self.bits;
        if window(min) == window(max) {
            (self.umin, self.umax) = (min as u64 & low(self.bits), max as u64 & low(self.bits));
        }
    }

    fn wrapped_s(&mut self, min: i128, max: i128) {
        let window = |n: i128| (n + (1 << (self.bits - 1))) >> self.bits;
        if window(min) == window(max) {
            (self.smin, self.smax) = (sext(min as u64, self.bits), sext(max as u64, self.bits));
        }
    }

    /// The ranges of `self op b`; `result` is what the bits say of it.
    fn op(self, op: AluOp, b: Range, result: Tnum) -> Range {
        let bits = self.bits;
        let mut out = Range::full(bits);
        let wide = |n: u64| i128::from(n);
        let swide = |n: i64| i128::from(n);
        match op {
            AluOp::Add => {
                out.wrapped_u(wide(self.umin) + wide(b.umin), wide(self.umax) + wide(b.umax));
                out.wrapped_s(swide(self.smin) + swide(b.smin), swide(self.smax) + swide(b.smax));
            }
            AluOp::Sub => {
                out.wrapped_u(wide(self.umin) - wide(b.umax), wide(self.umax) - wide(b.umin));
                out.wrapped_s(swide(self.smin) - swide(b.smax), swide(self.smax) - swide(b.smin));
            }
            AluOp::Mul => {
                if let Some(max) = self.umax.checked_mul(b.umax).filter(|&max| max <= low(bits)) {
                    (out.umin, out.umax) = (self.umin * b.umin, max);
                }
                let corners = [(self.smin, b.smin), (self.smin, b.smax), (self.smax, b.smin), (self.smax, b.smax)];
                let products = corners.map(|(a, b)| i128::from(a) * i128::from(b));
                let (min, max) = products.iter().fold((i128::MAX, i128::MIN), |(min, max), &n| (min.min(n), max.max(n)));
                if min >= swide(out.smin) && max <= swide(out.smax) {
                    (out.smin, out.smax) = (min as i64, max as i64);
                }
            }
            AluOp::And => out.umax = self.umax.min(b.umax),
            AluOp::Or => out.umin = self.umin.max(b.umin),
            AluOp::Lsh => {
                if let Some(by) = b.known().filter(|&by| by < bits.into() && self.umax <= low(bits) >> by) {
                    (out.umin, out.umax) = (self.umin << by, self.umax << by);
                }
            }
            AluOp::Rsh => {
                if let Some(by) = b.known().filter(|&by| by < bits.into()) {
                    (out.umin, out.umax) = (self.umin >> by, self.umax >> by);
                }
            }
            AluOp::Arsh => {
                if let Some(by) = b.known().filter(|&by| by < bits.into()) {
                    (out.smin, out.smax) = (self.smin >> by, self.smax >> by);
                }
            }
            // As in Linux, nothing is known of quotients and remainders.
            AluOp::Div | AluOp::Mod | AluOp::Sdiv | AluOp::Smod | AluOp::Xor | AluOp::Mov => {}
        }
        // What the bits say; of everything else, `sync` takes care.
        (out.umin, out.umax) = (out.umin.max(result.min()), out.umax.min(result.max()));
        out
    }
}

impl<const N: u32> Scalar<N> {
    const HALF: u32 = N / 2;
    const SIGN: u64 = 1 << (N - 1);
    const SIGN32: u64 = 1 << (Self::HALF - 1);

    pub const UNKNOWN: Scalar<N> = Self::of(Tnum::UNKNOWN.truncate(N), Range::full(N), Range::full(N / 2));

    const fn of(bits: Tnum, whole: Range, half: Range) -> Self {
        Scalar {
            bits,
            umin: whole.umin,
            umax: whole.umax,
            smin: whole.smin,
            smax: whole.smax,
            umin32: half.umin as u32,
            umax32: half.umax as u32,
            smin32: half.smin as i32,
            smax32: half.smax as i32,
        }
    }

    pub const fn exactly(value: u64) -> Self {
        let value = value & low(N);
        Self::of(Tnum::exactly(value), Range::exactly(value, N), Range::exactly(value, N / 2))
    }

    /// A number from `min` to `max`, unsigned.
    pub fn between(min: u64, max: u64) -> Self {
        let mut s = Scalar { umin: min, umax: max, ..Self::UNKNOWN };
        s.sync();
        s
    }

    /// A number from `min` to `max`, signed.
    pub fn between_signed(min: i64, max: i64) -> Self {
        let mut s = Scalar { smin: min, smax: max, ..Self::UNKNOWN };
        s.sync();
        s
    }

    /// The number, if there is only one.
    pub const fn known(&self) -> Option<u64> {
        if self.bits.is_const() { Some(self.bits.value) } else { None }
    }

    /// The lower half, if only one is possible.
    pub const fn known32(&self) -> Option<u64> {
        let half = self.bits.truncate(Self::HALF);
        if half.is_const() { Some(half.value) } else { None }
    }

    /// Whether every number of `other` is in this set, by each view (Linux: `range_within` and `tnum_in`).
    pub fn contains(&self, other: &Self) -> bool {
        self.umin <= other.umin
            && self.umax >= other.umax
            && self.smin <= other.smin
            && self.smax >= other.smax
            && self.umin32 <= other.umin32
            && self.umax32 >= other.umax32
            && self.smin32 <= other.smin32
            && self.smax32 >= other.smax32
            && self.bits.contains(other.bits)
    }

    /// The smallest set that holds both, view by view.
    pub fn join(&self, other: &Self) -> Self {
        Scalar {
            bits: self.bits.join(other.bits),
            umin: self.umin.min(other.umin),
            umax: self.umax.max(other.umax),
            smin: self.smin.min(other.smin),
            smax: self.smax.max(other.smax),
            umin32: self.umin32.min(other.umin32),
            umax32: self.umax32.max(other.umax32),
            smin32: self.smin32.min(other.smin32),
            smax32: self.smax32.max(other.smax32),
        }
    }

    fn whole(&self) -> Range {
        Range { bits: N, umin: self.umin, umax: self.umax, smin: self.smin, smax: self.smax }
    }

    fn half(&self) -> Range {
        let (umin, umax) = (self.umin32.into(), self.umax32.into());
        Range { bits: Self::HALF, umin, umax, smin: self.smin32.into(), smax: self.smax32.into() }
    }

    /// Lets every view tell the others what it knows. `false`: they contradict each other, the set is empty.
    pub fn sync(&mut self) -> bool {
        loop {
            let before = *self;
            if !self.deduce() {
                return false;
            }
            // Each round only narrows; two or three settle it.
            if *self == before {
                return true;
            }
        }
    }

    fn deduce(&mut self) -> bool {
        let half = Self::HALF;
        let low_half = low(half);
        // Bits to ranges: the sign bit alone decides which end of a signed range it bounds.
        let t = self.bits;
        self.umin = self.umin.max(t.min());
        self.umax = self.umax.min(t.max());
        self.smin = self.smin.max(sext(t.value | t.mask & Self::SIGN, N));
        self.smax = self.smax.min(sext(t.value | t.mask & !Self::SIGN, N));
        let t = t.truncate(half);
        self.umin32 = self.umin32.max(t.min() as u32);
        self.umax32 = self.umax32.min(t.max() as u32);
        self.smin32 = self.smin32.max(sext(t.value | t.mask & Self::SIGN32, half) as i32);
        self.smax32 = self.smax32.min(sext(t.value | t.mask & !Self::SIGN32, half) as i32);
        // Whole to half: where all numbers have one upper half.
        if self.umin >> half == self.umax >> half {
            self.narrow32_u(self.umin & low_half, self.umax & low_half);
            self.narrow32_s(sext(self.umin, half), sext(self.umax, half));
        }
        if self.smin >> half == self.smax >> half {
            self.narrow32_u(self.smin as u64 & low_half, self.smax as u64 & low_half);
            self.narrow32_s(sext(self.smin as u64, half), sext(self.smax as u64, half));
        }
        // Around 0 the upper half changes, but the lower one, signed, goes on.
        let small = sext(Self::SIGN32, half)..=(low_half >> 1) as i64;
        if small.contains(&self.smin) && small.contains(&self.smax) {
            self.narrow32_s(self.smin, self.smax);
        }
        // Unsigned to signed and back, where a range does not cross the place at which the other one wraps.
        self.narrow32_s(sext(self.umin32.into(), half), sext(self.umax32.into(), half));
        self.narrow32_u(self.smin32 as u64 & low_half, self.smax32 as u64 & low_half);
        self.cross32();
        self.narrow_s(sext(self.umin, N), sext(self.umax, N));
        self.narrow_u(self.smin as u64 & low(N), self.smax as u64 & low(N));
        self.cross();
        // Half to whole: a bound whose lower half is impossible moves to the next possible one.
        let upper = !low_half;
        self.umin = self.umin.max(self.umin & upper | u64::from(self.umin32));
        self.umax = self.umax.min(self.umax & upper | u64::from(self.umax32));
        self.smin = self.smin.max(self.smin & upper as i64 | i64::from(self.umin32));
        self.smax = self.smax.min(self.smax & upper as i64 | i64::from(self.umax32));
        if small.contains(&self.smin) && small.contains(&self.smax) {
            self.smin = self.smin.max(self.smin32.into());
            self.smax = self.smax.min(self.smax32.into());
        }
        if self.umin > self.umax || self.smin > self.smax || self.umin32 > self.umax32 || self.smin32 > self.smax32 {
            return false;
        }
        // Ranges to bits.
        let Some(whole) = self.bits.intersect(Tnum::range(self.umin, self.umax)) else { return false };
        let Some(lower) = whole.truncate(half).intersect(Tnum::range(self.umin32.into(), self.umax32.into())) else { return false };
        self.bits = whole.with_low(lower, half);
        true
    }

    fn narrow_u(&mut self, min: u64, max: u64) {
        if min <= max {
            (self.umin, self.umax) = (self.umin.max(min), self.umax.min(max));
        }
    }

    fn narrow_s(&mut self, min: i64, max: i64) {
        if min <= max {
            (self.smin, self.smax) = (self.smin.max(min), self.smax.min(max));
        }
    }

    fn narrow32_u(&mut self, min: u64, max: u64) {
        if min <= max {
            (self.umin32, self.umax32) = (self.umin32.max(min as u32), self.umax32.min(max as u32));
        }
    }

    fn narrow32_s(&mut self, min: i64, max: i64) {
        if min <= max {
            (self.smin32, self.smax32) = (self.smin32.max(min as i32), self.smax32.min(max as i32));
        }
    }

    /// A signed range across 0 is two unsigned stretches, `0..=smax` and `smin..`. If the unsigned range touches only one, it is that one.
    fn cross(&mut self) {
        if self.smin < 0 && self.smax >= 0 {
            let (negative, positive) = (self.smin as u64 & low(N), self.smax as u64);
            if self.umax < negative {
                self.narrow_u(0, positive);
            } else if self.umin > positive {
                self.narrow_u(negative, low(N));
            }
        }
    }

    fn cross32(&mut self) {
        if self.smin32 < 0 && self.smax32 >= 0 {
            let (negative, positive) = (self.smin32 as u64 & low(Self::HALF), self.smax32 as u64);
            if u64::from(self.umax32) < negative {
                self.narrow32_u(0, positive);
            } else if u64::from(self.umin32) > positive {
                self.narrow32_u(negative, low(Self::HALF));
            }
        }
    }

    /// The lowest `bits` bits as a number of their own, the rest 0: what a narrow load or a 32-bit operation leaves.
    pub fn truncate(&self, bits: u32) -> Self {
        if bits >= N {
            return *self;
        }
        let t = self.bits.truncate(bits);
        let mut out = Scalar { bits: t, umin: t.min(), umax: t.max(), ..Self::UNKNOWN };
        if bits == Self::HALF {
            (out.umin32, out.umax32, out.smin32, out.smax32) = (self.umin32, self.umax32, self.smin32, self.smax32);
        } else if self.umin >> bits == self.umax >> bits {
            (out.umin, out.umax) = (self.umin & low(bits), self.umax & low(bits));
        }
        out.sync();
        out
    }

    /// The lowest `bits` bits, sign-extended: MOVSX and sign-extending loads.
    pub fn sign_extend(&self, bits: u32) -> Self {
        if bits >= N {
            return *self;
        }
        let least = sext(1 << (bits - 1), bits);
        let mut out = Scalar { smin: least, smax: !least, ..Self::UNKNOWN };
        if self.smin >= least && self.smax <= !least {
            return *self;
        }
        if bits == Self::HALF {
            (out.smin, out.smax) = (self.smin32.into(), self.smax32.into());
        } else if self.umin >> bits == self.umax >> bits && sext(self.umin, bits) <= sext(self.umax, bits) {
            (out.smin, out.smax) = (sext(self.umin, bits), sext(self.umax, bits));
        }
        let t = self.bits.truncate(bits);
        out.bits = Tnum { value: sext(t.value, bits) as u64 & low(N), mask: sext(t.mask, bits) as u64 & low(N) };
        out.bits.value &= !out.bits.mask;
        out.sync();
        out
    }

    /// `a op b` (RFC 9669 §4.1). W32 is the lower half, the upper one becomes 0.
    pub fn alu(op: AluOp, width: Width, a: &Self, b: &Self) -> Self {
        if op == AluOp::Mov {
            return if width == Width::W64 { *b } else { b.truncate(Self::HALF) };
        }
        let bits = if width == Width::W64 { N } else { Self::HALF };
        let (ta, tb) = (a.bits.truncate(bits), b.bits.truncate(bits));
        // Shift counts are masked by the width.
        let shift = if tb.mask & u64::from(bits - 1) == 0 { Some((tb.value & u64::from(bits - 1)) as u32) } else { None };
        let b = &match (op, shift) {
            (AluOp::Lsh | AluOp::Rsh | AluOp::Arsh, Some(by)) => Self::exactly(by.into()),
            (AluOp::Lsh | AluOp::Rsh | AluOp::Arsh, None) => return Self::UNKNOWN.truncate(bits),
            _ => *b,
        };
        let t = match (op, shift) {
            (AluOp::Add, _) => ta.add(tb),
            (AluOp::Sub, _) => ta.sub(tb),
            (AluOp::Mul, _) => ta.mul(tb),
            (AluOp::And, _) => ta.and(tb),
            (AluOp::Or, _) => ta.or(tb),
            (AluOp::Xor, _) => ta.xor(tb),
            (AluOp::Lsh, Some(by)) => ta.shl(by),
            (AluOp::Rsh, Some(by)) => ta.shr(by),
            (AluOp::Arsh, Some(by)) => ta.sar(by, bits),
            _ => Tnum::UNKNOWN,
        }
        .truncate(bits);
        let half = match (op, width) {
            // The lower half of the result comes from the upper one.
            (AluOp::Rsh | AluOp::Arsh | AluOp::Div | AluOp::Mod | AluOp::Sdiv | AluOp::Smod, Width::W64) => Range::full(Self::HALF),
            (AluOp::Lsh, Width::W64) if shift.is_some_and(|by| by >= Self::HALF) => Range::exactly(0, Self::HALF),
            _ => a.half().op(op, b.half(), t.truncate(Self::HALF)),
        };
        let whole = match width {
            Width::W64 => a.whole().op(op, b.whole(), t),
            Width::W32 => Range::full(N).unsigned(half.umin, half.umax),
        };
        let mut out = Self::of(t, whole, half);
        if (op, width, shift) == (AluOp::Lsh, Width::W64, Some(Self::HALF)) {
            // The first half of a sign extension.
            let up = |n: i32| i64::from(n) << Self::HALF;
            (out.smin, out.smax) = (up(a.smin32), up(a.smax32));
        }
        // Two true statements about one number cannot contradict each other; were they to, nothing is claimed.
        if !out.sync() {
            return Self::UNKNOWN.truncate(bits);
        }
        out
    }

    /// Whether `a op b` holds for all numbers, or for none.
    pub fn decide(op: JmpOp, width: Width, a: &Self, b: &Self) -> Option<bool> {
        let (ra, rb, ta, tb) = match width {
            Width::W64 => (a.whole(), b.whole(), a.bits, b.bits),
            Width::W32 => (a.half(), b.half(), a.bits.truncate(Self::HALF), b.bits.truncate(Self::HALF)),
        };
        let less = |min_a, max_a, min_b, max_b| {
            if max_a < min_b {
                Some(true)
            } else if min_a >= max_b {
                Some(false)
            } else {
                None
            }
        };
        let (ult, ugt) = (|| less(ra.umin, ra.umax, rb.umin, rb.umax), || less(rb.umin, rb.umax, ra.umin, ra.umax));
        let sless = |min_a, max_a, min_b, max_b| {
            if max_a < min_b {
                Some(true)
            } else if min_a >= max_b {
                Some(false)
            } else {
                None
            }
        };
        let (slt, sgt) = (|| sless(ra.smin, ra.smax, rb.smin, rb.smax), || sless(rb.smin, rb.smax, ra.smin, ra.smax));
        let equal = || match (ta.is_const() && tb.is_const(), ta.value == tb.value) {
            (true, equal) => Some(equal),
            _ if ra.umin > rb.umax || ra.umax < rb.umin || ra.smin > rb.smax || ra.smax < rb.smin => Some(false),
            _ if ta.intersect(tb).is_none() => Some(false),
            _ => None,
        };
        match op {
            JmpOp::Eq => equal(),
            JmpOp::Ne => equal().map(|equal| !equal),
            JmpOp::Set if ta.value & tb.value != 0 => Some(true),
            JmpOp::Set if ta.max() & tb.max() == 0 => Some(false),
            JmpOp::Set => None,
            JmpOp::Lt => ult(),
            JmpOp::Ge => ult().map(|holds| !holds),
            JmpOp::Gt => ugt(),
            JmpOp::Le => ugt().map(|holds| !holds),
            JmpOp::Slt => slt(),
            JmpOp::Sge => slt().map(|holds| !holds),
            JmpOp::Sgt => sgt(),
            JmpOp::Sle => sgt().map(|holds| !holds),
        }
    }

    /// Keeps the numbers of both sets for which `a op b` can hold; `not` is the opposite of [`JmpOp::Set`]. `false`: none are left.
    pub fn refine(cond: Cond, width: Width, a: &mut Self, b: &mut Self) -> bool {
        match cond {
            Cond::Op(JmpOp::Gt) => return Self::refine(Cond::Op(JmpOp::Lt), width, b, a),
            Cond::Op(JmpOp::Ge) => return Self::refine(Cond::Op(JmpOp::Le), width, b, a),
            Cond::Op(JmpOp::Sgt) => return Self::refine(Cond::Op(JmpOp::Slt), width, b, a),
            Cond::Op(JmpOp::Sge) => return Self::refine(Cond::Op(JmpOp::Sle), width, b, a),
            _ => {}
        }
        let bits = if width == Width::W64 { N } else { Self::HALF };
        let (mut ra, mut rb) = if width == Width::W64 { (a.whole(), b.whole()) } else { (a.half(), b.half()) };
        let (mut ta, mut tb) = (a.bits.truncate(bits), b.bits.truncate(bits));
        match cond {
            Cond::Op(JmpOp::Eq) => {
                (ra.umin, ra.umax) = (ra.umin.max(rb.umin), ra.umax.min(rb.umax));
                (ra.smin, ra.smax) = (ra.smin.max(rb.smin), ra.smax.min(rb.smax));
                rb = ra;
                let Some(both) = ta.intersect(tb) else { return false };
                (ta, tb) = (both, both);
            }
            Cond::Op(JmpOp::Ne) => {
                let known = (rb.known(), ra.known());
                let (range, c) = match known {
                    (Some(c), _) => (&mut ra, c),
                    (None, Some(c)) => (&mut rb, c),
                    _ => return true,
                };
                if range.umin == c && range.umax == c {
                    return false;
                }
                range.umin += u64::from(range.umin == c);
                range.umax -= u64::from(range.umax == c);
                let c = sext(c, bits);
                if range.smin < range.smax {
                    range.smin += i64::from(range.smin == c);
                    range.smax -= i64::from(range.smax == c);
                }
            }
            Cond::Op(JmpOp::Le) => (ra.umax, rb.umin) = (ra.umax.min(rb.umax), rb.umin.max(ra.umin)),
            Cond::Op(JmpOp::Sle) => (ra.smax, rb.smin) = (ra.smax.min(rb.smax), rb.smin.max(ra.smin)),
            Cond::Op(JmpOp::Lt) => {
                if rb.umax == 0 || ra.umin == low(bits) {
                    return false;
                }
                (ra.umax, rb.umin) = (ra.umax.min(rb.umax - 1), rb.umin.max(ra.umin + 1));
            }
            Cond::Op(JmpOp::Slt) => {
                let full = Range::full(bits);
                if rb.smax == full.smin || ra.smin == full.smax {
                    return false;
                }
                (ra.smax, rb.smin) = (ra.smax.min(rb.smax - 1), rb.smin.max(ra.smin + 1));
            }
            Cond::Op(JmpOp::Set) => {
                if let Some(bit) = rb.known().filter(|bit| bit.is_power_of_two()) {
                    ta = Tnum { value: ta.value | bit, mask: ta.mask & !bit };
                } else if let Some(bit) = ra.known().filter(|bit| bit.is_power_of_two()) {
                    tb = Tnum { value: tb.value | bit, mask: tb.mask & !bit };
                }
            }
            // No bit is set in both: where one is known to be 1, the other's is 0.
            Cond::NotSet => {
                let (clear_a, clear_b) = (tb.value, ta.value);
                if ta.value & tb.value != 0 {
                    return false;
                }
                ta.mask &= !clear_a;
                tb.mask &= !clear_b;
            }
            Cond::Op(JmpOp::Gt | JmpOp::Ge | JmpOp::Sgt | JmpOp::Sge) => {}
        }
        a.put(width, ra, ta) && b.put(width, rb, tb)
    }

    fn put(&mut self, width: Width, range: Range, t: Tnum) -> bool {
        match width {
            Width::W64 => {
                (self.umin, self.umax, self.smin, self.smax, self.bits) = (range.umin, range.umax, range.smin, range.smax, t);
            }
            Width::W32 => {
                (self.umin32, self.umax32) = (range.umin as u32, range.umax as u32);
                (self.smin32, self.smax32) = (range.smin as i32, range.smax as i32);
                self.bits = self.bits.with_low(t, Self::HALF);
            }
        }
        self.umin <= self.umax && self.smin <= self.smax && self.umin32 <= self.umax32 && self.smin32 <= self.smax32 && self.sync()
    }
}

/// What holds on one side of a conditional jump.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cond {
    /// The comparison.
    Op(JmpOp),
    /// `a & b` is 0.
    NotSet,
}

impl Cond {
    /// What holds where `op` does not.
    pub fn opposite(op: JmpOp) -> Cond {
        Cond::Op(match op {
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
            JmpOp::Set => return Cond::NotSet,
        })
    }
}
