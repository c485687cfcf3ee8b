//! Bloom filters: whether a value was put there, perhaps, or surely not (Linux: `kernel/bpf/bloom_filter.c`). Bits are only ever set, each by
//! one operation: no lock.
use crate::bytes;
use crate::hash::random;
use crate::memory::{Charge, allocate};
use crate::ops::Ops;
use crate::words::Words;
use crate::{MapError, MapSpec};
use axbpf_abi::flags::{BPF_ANY, BPF_F_ZERO_SEED};
use core::fmt;
use core::sync::atomic::Ordering::Relaxed;

/// A bloom filter.
pub(crate) struct Bloom {
    bits: Words,
    _charge: Charge,
    /// One less than the number of bits, a power of two.
    mask: u64,
    /// How many bits stand for a value.
    functions: u32,
    /// An odd number.
    seed: u64,
}

impl fmt::Debug for Bloom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bloom({} bits)", self.mask + 1)
    }
}

impl Bloom {
    pub(crate) fn new(spec: &MapSpec) -> Result<Bloom, MapError> {
        let functions = match spec.map_extra {
            0 => 5,
            given => given as u32,
        };
        // 1 / ln 2 bits for each function and value is where false answers are fewest; Linux: 7 / 5.
        let wanted = u64::from(spec.max_entries) * u64::from(functions) / 5 * 7;
        let bits = if wanted > 1 << 31 { 1 << 32 } else { wanted.max(64).next_power_of_two() };
        let (words, _charge) = allocate(Some((bits / 64) as usize))?;
        let seed = 0x9e37_79b9_7f4a_7c15 ^ if spec.flags & BPF_F_ZERO_SEED != 0 { 0 } else { random() & !1 };
        Ok(Bloom { bits: words, _charge, mask: bits - 1, functions, seed })
    }

    /// Word and mask of each bit that stands for a value.
    fn places(&self, value: &[u8]) -> impl Iterator<Item = (usize, u64)> + use<> {
        let step = |hash: u64, word: u64| {
            let product = u128::from(hash ^ word) * u128::from(self.seed);
            (product >> 64) as u64 ^ product as u64
        };
        let hash = value.chunks(8).fold(self.seed.rotate_left(32), |hash, chunk| step(hash, bytes::word(chunk)));
        // Two hashes make all others (Kirsch and Mitzenmacher).
        let (first, second, mask) = (hash, step(hash, value.len() as u64) | 1, self.mask);
        (0..u64::from(self.functions)).map(move |i| {
            let bit = first.wrapping_add(second.wrapping_mul(i)) >> 7 & mask;
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }

    fn holds(&self, value: &[u8]) -> Result<(), MapError> {
        let all = self.places(value).all(|(word, bit)| self.bits.at(word).load(Relaxed) & bit != 0);
        if all { Ok(()) } else { Err(MapError::NoSuchKey) }
    }
}

impl Ops for Bloom {
    fn lookup(&self, _key: &[u8], out: &mut [u8], _flags: u64) -> Result<(), MapError> {
        self.holds(out)
    }

    fn update(&self, _key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        self.push(value, flags)
    }

    fn delete(&self, _key: &[u8]) -> Result<(), MapError> {
        Err(MapError::NotSupported)
    }

    fn next_key(&self, _key: Option<&[u8]>, _out: &mut [u8]) -> Result<(), MapError> {
        Err(MapError::NotSupported)
    }

    fn update_here(&self, _key: &[u8], _value: &[u8], _flags: u64) -> Result<(), MapError> {
        Err(MapError::Operation)
    }

    fn push(&self, value: &[u8], flags: u64) -> Result<(), MapError> {
        if flags != BPF_ANY {
            return Err(MapError::Flags(flags));
        }
        for (word, bit) in self.places(value) {
            let word = self.bits.at(word);
            if word.load(Relaxed) & bit == 0 {
                word.fetch_or(bit, Relaxed);
            }
        }
        Ok(())
    }

    fn pop(&self, _out: &mut [u8]) -> Result<(), MapError> {
        Err(MapError::NotSupported)
    }

    fn peek(&self, out: &mut [u8]) -> Result<(), MapError> {
        self.holds(out)
    }
}
