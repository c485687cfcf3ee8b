//! Constants in registers.
use super::Lower;
use axasm::riscv64::enc::*;

/// Constants that take more instructions than this come from memory, which takes two.
const MAX_LEN: usize = 3;

impl Lower<'_> {
    /// rd = value.
    pub(super) fn li(&mut self, rd: X, value: i64) {
        if length(value) > MAX_LEN {
            return self.asm.load_constant(rd, value as u64);
        }
        self.li_by_parts(rd, value);
    }

    fn li_by_parts(&mut self, rd: X, value: i64) {
        match Step::of(value) {
            Step::Small(imm) => self.emit(addi(rd, X::ZERO, imm)),
            Step::Word(high, low) => {
                self.emit(lui(rd, high));
                if low.value() != 0 {
                    self.emit(addiw(rd, rd, low));
                }
            }
            Step::Right(left, count) => {
                self.li_by_parts(rd, left);
                self.emit(srli(rd, rd, Shamt::masked(count)));
            }
            Step::Left(high, count, low) => {
                self.li_by_parts(rd, high);
                self.emit(slli(rd, rd, Shamt::masked(count)));
                if low.value() != 0 {
                    self.emit(addi(rd, rd, low));
                }
            }
        }
    }
}

/// How many instructions [`Lower::li`] makes of the value, without the help of memory.
fn length(value: i64) -> usize {
    match Step::of(value) {
        Step::Small(_) => 1,
        Step::Word(_, low) => 1 + usize::from(low.value() != 0),
        Step::Right(left, _) => length(left) + 1,
        Step::Left(high, _, low) => length(high) + 1 + usize::from(low.value() != 0),
    }
}

/// The last instructions of a constant, and what has to come before them.
enum Step {
    /// One addi.
    Small(Imm12),
    /// lui, addiw.
    Word(Imm20, Imm12),
    /// A constant, shifted right with zeros coming in.
    Right(i64, u32),
    /// A constant, shifted left, plus a small one.
    Left(i64, u32, Imm12),
}

impl Step {
    fn of(value: i64) -> Step {
        let low = Imm12::new((value << 52) >> 52).unwrap_or(Imm12::of::<0>());
        if i64::from(low.value()) == value {
            return Step::Small(low);
        }
        if let Ok(word) = i32::try_from(value) {
            // Wraps for the 2 KiB below 2^31: so does addiw.
            let high = i64::from(word.wrapping_add(0x800) >> 12);
            return Step::Word(Imm20::new(high).unwrap_or(Imm20::of::<0>()), low);
        }
        // Ones below zeros, such as masks: -1 shifted right.
        let zeros = value.leading_zeros();
        if zeros > 0 && value.wrapping_add(1) & value == 0 {
            return Step::Right(-1, zeros);
        }
        if let (1.., Ok(word)) = (zeros, i32::try_from(value << zeros)) {
            return Step::Right(word.into(), zeros);
        }
        let rest = value.wrapping_sub(low.value().into()) >> 12;
        let more = rest.trailing_zeros();
        Step::Left(rest >> more, 12 + more, low)
    }
}
