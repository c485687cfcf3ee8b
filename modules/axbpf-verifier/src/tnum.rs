//! Tristate numbers: what is known of each bit of a number (Linux: `kernel/bpf/tnum.c`; Vishwanathan et al., "Sound, precise, and fast
//! abstract interpretation with tristate numbers", CGO 2022).

/// A set of numbers: the bits that are 0 in `mask` are those of `value`, the others may be anything. A bit is never 1 in both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tnum {
    pub value: u64,
    pub mask: u64,
}

impl Tnum {
    pub const UNKNOWN: Tnum = Tnum { value: 0, mask: u64::MAX };

    pub const fn exactly(value: u64) -> Tnum {
        Tnum { value, mask: 0 }
    }

    /// The smallest one that holds every number from `min` to `max`: they share the bits above the first difference.
    pub const fn range(min: u64, max: u64) -> Tnum {
        let differ = (min ^ max).leading_zeros();
        let low = if differ == 0 { u64::MAX } else { (1 << (64 - differ)) - 1 };
        Tnum { value: min & !low, mask: low }
    }

    pub const fn is_const(self) -> bool {
        self.mask == 0
    }

    /// The least and the greatest one, unsigned.
    pub const fn min(self) -> u64 {
        self.value
    }

    pub const fn max(self) -> u64 {
        self.value | self.mask
    }

    /// Whether every number of `other` is in this set.
    pub const fn contains(self, other: Tnum) -> bool {
        other.mask & !self.mask == 0 && self.value == other.value & !self.mask
    }

    pub const fn add(self, b: Tnum) -> Tnum {
        let (masks, values) = (self.mask.wrapping_add(b.mask), self.value.wrapping_add(b.value));
        // Where the largest sum differs from the smallest, a carry may or may not arrive.
        let mask = masks.wrapping_add(values) ^ values | self.mask | b.mask;
        Tnum { value: values & !mask, mask }
    }

    pub const fn sub(self, b: Tnum) -> Tnum {
        let values = self.value.wrapping_sub(b.value);
        let mask = values.wrapping_add(self.mask) ^ values.wrapping_sub(b.mask) | self.mask | b.mask;
        Tnum { value: values & !mask, mask }
    }

    pub const fn and(self, b: Tnum) -> Tnum {
        let value = self.value & b.value;
        Tnum { value, mask: (self.max() & b.max()) & !value }
    }

    pub const fn or(self, b: Tnum) -> Tnum {
        let value = self.value | b.value;
        Tnum { value, mask: (self.mask | b.mask) & !value }
    }

    pub const fn xor(self, b: Tnum) -> Tnum {
        let mask = self.mask | b.mask;
        Tnum { value: (self.value ^ b.value) & !mask, mask }
    }

    /// Long multiplication: the known part exactly, and the uncertainty of each partial product.
    pub const fn mul(self, b: Tnum) -> Tnum {
        let known = self.value.wrapping_mul(b.value);
        if self.mask | b.mask == 0 {
            return Tnum::exactly(known);
        }
        let (mut a, mut b, mut unsure) = (self, b, Tnum::exactly(0));
        while a.value | a.mask != 0 {
            if a.value & 1 != 0 {
                unsure = unsure.add(Tnum { value: 0, mask: b.mask });
            } else if a.mask & 1 != 0 {
                unsure = unsure.add(Tnum { value: 0, mask: b.max() });
            }
            a = a.shr(1);
            b = b.shl(1);
        }
        Tnum::exactly(known).add(unsure)
    }

    pub const fn shl(self, by: u32) -> Tnum {
        Tnum { value: self.value << by, mask: self.mask << by }
    }

    pub const fn shr(self, by: u32) -> Tnum {
        Tnum { value: self.value >> by, mask: self.mask >> by }
    }

    /// Arithmetic shift of a number of `bits` bits: an unknown sign bit spreads as unknown.
    pub const fn sar(self, by: u32, bits: u32) -> Tnum {
        let keep = low(bits);
        Tnum { value: (sext(self.value, bits) >> by) as u64 & keep, mask: (sext(self.mask, bits) >> by) as u64 & keep }
    }

    /// The lowest `bits` bits; the others are 0.
    pub const fn truncate(self, bits: u32) -> Tnum {
        Tnum { value: self.value & low(bits), mask: self.mask & low(bits) }
    }

    /// This one's upper bits with the lowest `bits` bits of `other`.
    pub const fn with_low(self, other: Tnum, bits: u32) -> Tnum {
        let low = low(bits);
        Tnum { value: self.value & !low | other.value & low, mask: self.mask & !low | other.mask & low }
    }

    /// What is in both; `None`: nothing is.
    pub const fn intersect(self, b: Tnum) -> Option<Tnum> {
        if (self.value ^ b.value) & !self.mask & !b.mask != 0 {
            return None;
        }
        let mask = self.mask & b.mask;
        Some(Tnum { value: (self.value | b.value) & !mask, mask })
    }

    /// The smallest one that holds both.
    pub const fn join(self, b: Tnum) -> Tnum {
        let mask = self.mask | b.mask | (self.value ^ b.value);
        Tnum { value: self.value & !mask, mask }
    }

    /// Whether every number of it is a multiple of `size`, a power of two.
    pub const fn is_aligned(self, size: u64) -> bool {
        self.max() & (size - 1) == 0
    }
}

/// The lowest `bits` bits set.
pub(crate) const fn low(bits: u32) -> u64 {
    if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }
}

/// Sign extension of a number of `bits` bits.
pub(crate) const fn sext(value: u64, bits: u32) -> i64 {
    ((value << (64 - bits)) as i64) >> (64 - bits)
}
