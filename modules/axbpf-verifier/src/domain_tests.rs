//! What is believed of numbers is true of them: every operation is compared with what it does to each number of narrow registers, by the
//! very code that serves 64 bits; then with random numbers of 64 bits.
use crate::scalar::{Cond, Scalar};
use crate::tnum::{Tnum, low, sext};
use alloc::vec::Vec;
use axbpf_isa::{AluOp, JmpOp, Width};

const ALU: [AluOp; 14] = [
    AluOp::Add,
    AluOp::Sub,
    AluOp::Mul,
    AluOp::Div,
    AluOp::Sdiv,
    AluOp::Or,
    AluOp::And,
    AluOp::Lsh,
    AluOp::Rsh,
    AluOp::Mod,
    AluOp::Smod,
    AluOp::Xor,
    AluOp::Mov,
    AluOp::Arsh,
];
const JMP: [JmpOp; 11] =
    [JmpOp::Eq, JmpOp::Ne, JmpOp::Gt, JmpOp::Ge, JmpOp::Lt, JmpOp::Le, JmpOp::Sgt, JmpOp::Sge, JmpOp::Slt, JmpOp::Sle, JmpOp::Set];
const WIDTHS: [Width; 2] = [Width::W32, Width::W64];

/// RFC 9669 §4.1 for registers of `n` bits: W64 is the whole register, W32 its lower half, which leaves zeros above.
fn alu(op: AluOp, width: Width, n: u32, a: u64, b: u64) -> u64 {
    let bits = if width == Width::W64 { n } else { n / 2 };
    let (a, b) = (a & low(bits), b & low(bits));
    let (sa, sb) = (i128::from(sext(a, bits)), i128::from(sext(b, bits)));
    let count = (b & u64::from(bits - 1)) as u32;
    let result = match op {
        AluOp::Add => a.wrapping_add(b),
        AluOp::Sub => a.wrapping_sub(b),
        AluOp::Mul => a.wrapping_mul(b),
        AluOp::Div => a.checked_div(b).unwrap_or(0),
        AluOp::Mod => a.checked_rem(b).unwrap_or(a),
        AluOp::Sdiv => {
            if sb == 0 {
                0
            } else {
                (sa / sb) as u64
            }
        }
        AluOp::Smod => {
            if sb == 0 {
                a
            } else {
                (sa % sb) as u64
            }
        }
        AluOp::Or => a | b,
        AluOp::And => a & b,
        AluOp::Xor => a ^ b,
        AluOp::Lsh => a << count,
        AluOp::Rsh => a >> count,
        AluOp::Arsh => (sa >> count) as u64,
        AluOp::Mov => b,
    };
    result & low(bits)
}

fn holds(op: JmpOp, width: Width, n: u32, a: u64, b: u64) -> bool {
    let bits = if width == Width::W64 { n } else { n / 2 };
    let (a, b) = (a & low(bits), b & low(bits));
    let (sa, sb) = (sext(a, bits), sext(b, bits));
    match op {
        JmpOp::Eq => a == b,
        JmpOp::Ne => a != b,
        JmpOp::Gt => a > b,
        JmpOp::Ge => a >= b,
        JmpOp::Lt => a < b,
        JmpOp::Le => a <= b,
        JmpOp::Sgt => sa > sb,
        JmpOp::Sge => sa >= sb,
        JmpOp::Slt => sa < sb,
        JmpOp::Sle => sa <= sb,
        JmpOp::Set => a & b != 0,
    }
}

/// Whether a number is in the set, by each view.
fn is_in<const N: u32>(s: &Scalar<N>, x: u64) -> bool {
    let (half, whole) = (x & low(N / 2), x & low(N));
    s.bits.contains(Tnum::exactly(whole))
        && (s.umin..=s.umax).contains(&whole)
        && (s.smin..=s.smax).contains(&sext(whole, N))
        && (s.umin32..=s.umax32).contains(&(half as u32))
        && (s.smin32..=s.smax32).contains(&(sext(half, N / 2) as i32))
}

/// A set and its numbers.
type Set<const N: u32> = (Scalar<N>, Vec<u64>);

fn with_numbers<const N: u32>(s: Scalar<N>) -> Set<N> {
    (s, (0..=low(N)).filter(|&x| is_in(&s, x)).collect())
}

/// Sets of every view and of two together: intervals, signed ones, those of the lower half, and known bits, `step` apart.
fn sets<const N: u32>(step: usize) -> Vec<Set<N>> {
    let mut raw = Vec::new();
    let (top, half) = (low(N), low(N / 2));
    let grid = |top: u64| (0..=top).step_by(step).chain([top]).collect::<Vec<_>>();
    for &min in &grid(top) {
        for &max in grid(top).iter().filter(|&&max| max >= min) {
            raw.push(Scalar { umin: min, umax: max, ..Scalar::<N>::UNKNOWN });
            let (smin, smax) = (sext(min, N), sext(max, N));
            raw.push(Scalar { smin: smin.min(smax), smax: smin.max(smax), ..Scalar::<N>::UNKNOWN });
        }
    }
    for min in 0..=half {
        for max in min..=half {
            raw.push(Scalar { umin32: min as u32, umax32: max as u32, ..Scalar::<N>::UNKNOWN });
            let (smin, smax) = (sext(min, N / 2) as i32, sext(max, N / 2) as i32);
            raw.push(Scalar { smin32: smin.min(smax), smax32: smin.max(smax), ..Scalar::<N>::UNKNOWN });
        }
    }
    for mask in (0..=top).step_by(step) {
        for value in (0..=top).step_by(step).filter(|value| value & mask == 0) {
            raw.push(Scalar { bits: Tnum { value, mask }, ..Scalar::<N>::UNKNOWN });
        }
    }
    // Views that have little to do with each other.
    let pairs = raw.clone();
    for (i, s) in raw.iter_mut().enumerate() {
        let other = &pairs[(i * 7919 + 13) % pairs.len()];
        if i % 3 == 0 {
            s.bits = other.bits;
            (s.umin32, s.umax32) = (s.umin32.max(other.umin32), s.umax32.min(other.umax32));
        }
    }
    raw.into_iter().map(with_numbers).collect()
}

/// Telling each other loses nothing and settles; a set is called empty only if it is.
fn sync_keeps_all<const N: u32>(step: usize) {
    for (mut s, numbers) in sets::<N>(step) {
        let before = s;
        if !s.sync() {
            assert!(numbers.is_empty(), "{before:?} is not empty: {numbers:?}");
            continue;
        }
        assert!(numbers.iter().all(|&x| is_in(&s, x)), "{before:?} became {s:?}, without some of {numbers:?}");
        let settled = s;
        assert!(s.sync() && s == settled, "{settled:?} goes on to {s:?}");
        assert!(before.contains(&s));
    }
}

#[test]
fn views_agree() {
    sync_keeps_all::<4>(1);
    sync_keeps_all::<8>(5);
}

/// Sets that hang together, and are not empty.
fn synced<const N: u32>(step: usize) -> Vec<Set<N>> {
    let synced = sets::<N>(step).into_iter().filter_map(|(mut s, _)| s.sync().then(|| with_numbers(s)));
    let mut all: Vec<Set<N>> = synced.filter(|(_, numbers)| !numbers.is_empty()).collect();
    all.sort_by_key(|(s, _)| (s.umin, s.umax, s.smin, s.smax, s.umin32, s.umax32, s.bits.value, s.bits.mask));
    all.dedup_by_key(|(s, _)| *s);
    all
}

fn check_pair<const N: u32>((a, in_a): &Set<N>, (b, in_b): &Set<N>) {
    for width in WIDTHS {
        for op in ALU {
            let result = Scalar::alu(op, width, a, b);
            for (&x, &y) in in_a.iter().flat_map(|x| in_b.iter().map(move |y| (x, y))) {
                let got = alu(op, width, N, x, y);
                assert!(is_in(&result, got), "{op:?} {width:?}: {x:#x} of {a:?}, {y:#x} of {b:?}: {got:#x} is not in {result:?}");
            }
        }
        for op in JMP {
            let decided = Scalar::decide(op, width, a, b);
            let (mut yes, mut no) = ((*a, *b), (*a, *b));
            let may = Scalar::refine(Cond::Op(op), width, &mut yes.0, &mut yes.1);
            let may_not = Scalar::refine(Cond::opposite(op), width, &mut no.0, &mut no.1);
            for (&x, &y) in in_a.iter().flat_map(|x| in_b.iter().map(move |y| (x, y))) {
                let holds = holds(op, width, N, x, y);
                assert!(
                    decided.is_none_or(|decided| decided == holds),
                    "{op:?} {width:?}: {x:#x} of {a:?}, {y:#x} of {b:?}: decided {decided:?}"
                );
                let (possible, side) = if holds { (may, &yes) } else { (may_not, &no) };
                let kept = possible && is_in(&side.0, x) && is_in(&side.1, y);
                assert!(kept, "{op:?} {width:?} {holds}: {x:#x} of {a:?}, {y:#x} of {b:?} are not in {side:?}");
            }
        }
    }
    let joined = a.join(b);
    assert!(in_a.iter().chain(in_b).all(|&x| is_in(&joined, x)), "{a:?} and {b:?} in {joined:?}");
    if a.contains(b) {
        assert!(in_b.iter().all(|&x| is_in(a, x)), "{b:?} in {a:?}");
    }
}

/// Every pair of sets of four bits, of which the upper and the lower two are the halves.
#[test]
fn every_pair_of_four_bits() {
    let all = synced::<4>(1);
    assert!(all.len() > 200, "{}", all.len());
    for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (a, b))) {
        check_pair(a, b);
    }
}

/// Sets of eight bits with constants, and with each other now and then.
#[test]
fn eight_bits() {
    let all = synced::<8>(11);
    for (i, a) in all.iter().enumerate() {
        for c in [0, 1, 2, 3, 4, 7, 8, 0x0f, 0x10, 0x7f, 0x80, 0xf0, 0xff] {
            check_pair(a, &with_numbers(Scalar::exactly(c)));
        }
        check_pair(&all[(i * 31) % all.len()], a);
    }
}

#[test]
fn cut_and_extended() {
    for (s, numbers) in synced::<8>(3) {
        for bits in [2, 4, 8] {
            let (cut, extended) = (s.truncate(bits), s.sign_extend(bits));
            for x in &numbers {
                assert!(is_in(&cut, x & low(bits)), "{x:#x} of {s:?}, {bits} bits: {cut:?}");
                assert!(is_in(&extended, sext(*x, bits) as u64 & low(8)), "{x:#x} of {s:?}, {bits} bits: {extended:?}");
            }
        }
        let unsigned = Scalar::<8>::between(s.umin, s.umax);
        let signed = Scalar::<8>::between_signed(s.smin, s.smax);
        assert!(numbers.iter().all(|&x| is_in(&unsigned, x) && is_in(&signed, x)));
        assert!(s.known().is_none_or(|known| numbers == [known]), "{s:?} {numbers:?}");
    }
}

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
        let corner = [0, 1 << 31, 1 << 32, 1 << 63, u64::MAX, 0x7fff_ffff, 0xffff_ffff_8000_0000][self.next() as usize % 7];
        if self.next().is_multiple_of(4) { self.next() >> (self.next() % 64) } else { corner.wrapping_add(self.next() % 9).wrapping_sub(4) }
    }

    /// A set around two numbers, which are in it.
    fn set(&mut self) -> (Scalar, [u64; 2]) {
        let (x, y) = (self.number(), self.number());
        let y = if self.next().is_multiple_of(4) { x } else { y };
        let (a, b) = (Scalar::<64>::exactly(x), Scalar::<64>::exactly(y));
        let mut s = Scalar::<64>::UNKNOWN;
        let views = self.next();
        let joined = a.join(&b);
        if views & 1 != 0 {
            (s.umin, s.umax) = (joined.umin, joined.umax);
        }
        if views & 2 != 0 {
            (s.smin, s.smax) = (joined.smin, joined.smax);
        }
        if views & 4 != 0 {
            (s.umin32, s.umax32) = (joined.umin32, joined.umax32);
        }
        if views & 8 != 0 {
            (s.smin32, s.smax32) = (joined.smin32, joined.smax32);
        }
        if views & 16 != 0 {
            let unknown = self.next() & self.next();
            s.bits = Tnum { value: joined.bits.value & !unknown, mask: joined.bits.mask | unknown };
        }
        assert!(s.sync(), "{x:#x} and {y:#x} are in it");
        (s, [x, y])
    }
}

#[test]
fn sixty_four_bits() {
    let mut random = Random(0x9876_5432_1fed_cba9);
    for _ in 0..150_000 {
        let ((a, in_a), (b, in_b)) = (random.set(), random.set());
        check_pair(&(a, in_a.to_vec()), &(b, in_b.to_vec()));
    }
}

/// Known bits alone: every pair of sets of five bits.
#[test]
fn known_bits() {
    let all: Vec<Tnum> =
        (0..32).flat_map(|mask| (0..32).filter(move |value| value & mask == 0).map(move |value| Tnum { value, mask })).collect();
    let numbers = |t: &Tnum| (0..32u64).filter(|&x| t.contains(Tnum::exactly(x))).collect::<Vec<_>>();
    for a in &all {
        let in_a = numbers(a);
        for b in &all {
            let (add, sub, mul) = (a.add(*b), a.sub(*b), a.mul(*b));
            let (and, or, xor) = (a.and(*b), a.or(*b), a.xor(*b));
            let both = a.intersect(*b);
            for (x, y) in in_a.iter().flat_map(|&x| numbers(b).into_iter().map(move |y| (x, y))) {
                let results =
                    [(add, x.wrapping_add(y)), (sub, x.wrapping_sub(y)), (mul, x.wrapping_mul(y)), (and, x & y), (or, x | y), (xor, x ^ y)];
                assert!(results.iter().all(|(t, n)| t.contains(Tnum::exactly(*n))), "{a:?} {b:?}: {x} {y} in {results:?}");
                if x == y {
                    assert!(both.is_some_and(|both| both.contains(Tnum::exactly(x))), "{x} in {a:?} and {b:?}");
                }
            }
            assert_eq!(both.is_some(), in_a.iter().any(|x| numbers(b).contains(x)), "{a:?} {b:?}");
            assert_eq!(a.contains(*b), numbers(b).iter().all(|x| in_a.contains(x)), "{a:?} {b:?}");
        }
    }
    for (min, max) in (0..64u64).flat_map(|min| (min..64).map(move |max| (min, max))) {
        let range = Tnum::range(min, max);
        assert!((min..=max).all(|x| range.contains(Tnum::exactly(x))), "{min}..={max}: {range:?}");
    }
}

/// What is expected to be known, and not just not wrong.
#[test]
fn what_programs_rely_on() {
    let unknown = Scalar::<64>::UNKNOWN;
    let and = Scalar::alu(AluOp::And, Width::W64, &unknown, &Scalar::exactly(0x3f));
    assert_eq!((and.umin, and.umax, and.smin, and.smax), (0, 63, 0, 63));
    let half = Scalar::alu(AluOp::Add, Width::W32, &unknown, &Scalar::exactly(1));
    assert_eq!((half.umax, half.smin), (u64::from(u32::MAX), 0));
    // A sign extension by two shifts keeps what is known of the lower half.
    let number = Scalar::<64>::between_signed(-5, 9).truncate(32);
    let up = Scalar::alu(AluOp::Lsh, Width::W64, &number, &Scalar::exactly(32));
    let down = Scalar::alu(AluOp::Arsh, Width::W64, &up, &Scalar::exactly(32));
    assert_eq!((down.smin, down.smax), (-5, 9));
    assert_eq!((number.sign_extend(32).smin, number.sign_extend(32).smax), (-5, 9));
    // One side of a comparison.
    let (mut a, mut b) = (unknown, Scalar::exactly(10));
    assert!(Scalar::refine(Cond::Op(JmpOp::Lt), Width::W64, &mut a, &mut b));
    assert_eq!((a.umin, a.umax, a.bits), (0, 9, Tnum::range(0, 9)));
    let mut c = Scalar::<64>::exactly(9);
    assert!(Scalar::refine(Cond::Op(JmpOp::Ne), Width::W64, &mut a, &mut c));
    assert_eq!(a.umax, 8);
    let (mut bit, mut mask) = (unknown, Scalar::exactly(8));
    assert!(Scalar::refine(Cond::NotSet, Width::W64, &mut bit, &mut mask));
    assert_eq!(bit.bits.max() & 8, 0);
}
