//! A map's memory: 8-byte words that programs, on any CPU, read and write by address while tasks do so here. Every access here is atomic
//! by words, so a value of 8 bytes is never torn.
use crate::bytes;
use crate::sync::AtomicU64;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;

/// Zeroed, and never moved.
#[derive(Debug)]
pub(crate) struct Words(Box<[AtomicU64]>);

impl Words {
    pub(crate) fn new(len: usize) -> Option<Words> {
        let mut words = Vec::new();
        words.try_reserve_exact(len).ok()?;
        words.resize_with(len, || AtomicU64::new(0));
        Some(Words(words.into()))
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them, for others.
    pub(crate) fn slice(&self) -> &[AtomicU64] {
        &self.0
    }

    /// All of them.
    #[inline(always)]
    pub(crate) fn all(&self) -> Row<'_> {
        Row(&self.0)
    }

    /// Those from word `i` on.
    #[inline(always)]
    pub(crate) fn row(&self, i: usize) -> Row<'_> {
        self.all().from(i)
    }

    /// The word with this index.
    #[inline(always)]
    pub(crate) fn at(&self, i: usize) -> &AtomicU64 {
        &self.0[i]
    }

    /// Address of the word with this index, for programs: derived from the whole, because ring buffers go back from there.
    #[inline(always)]
    pub(crate) fn ptr(&self, i: usize) -> *mut u8 {
        debug_assert!(i < self.0.len());
        self.0.as_ptr().wrapping_add(i).cast_mut().cast()
    }
}

/// Some words in a row: a key, a value, an element and those behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a>(&'a [AtomicU64]);

impl<'a> Row<'a> {
    /// Without the first `i`.
    #[inline(always)]
    pub(crate) fn from(self, i: usize) -> Row<'a> {
        Row(&self.0[i..])
    }

    /// The word with this index.
    #[inline(always)]
    pub(crate) fn at(self, i: usize) -> &'a AtomicU64 {
        &self.0[i]
    }

    /// Address of the first word, for programs, which go on from there.
    #[inline(always)]
    pub(crate) fn ptr(self) -> *mut u8 {
        self.0.as_ptr().cast_mut().cast()
    }

    /// Copies bytes in; the rest of the last word becomes zero.
    pub(crate) fn put(self, bytes: &[u8]) {
        match bytes::words(bytes) {
            Some((words, rest)) => {
                let (here, behind) = self.0.split_at(words.len());
                here.iter().zip(words).for_each(|(to, from)| to.store(u64::from_le(*from), Relaxed));
                if !rest.is_empty() {
                    behind[0].store(bytes::word(rest), Relaxed);
                }
            }
            None => self.0.iter().zip(bytes.chunks(8)).for_each(|(to, from)| to.store(bytes::word(from), Relaxed)),
        }
    }

    /// Copies bytes out.
    pub(crate) fn get(self, bytes: &mut [u8]) {
        let bytewise = |from: &[AtomicU64], bytes: &mut [u8]| {
            for (from, to) in from.iter().zip(bytes.chunks_mut(8)) {
                to.copy_from_slice(&from.load(Relaxed).to_le_bytes()[..to.len()]);
            }
        };
        match bytes::words_mut(bytes) {
            Ok((words, rest)) => {
                let (here, behind) = self.0.split_at(words.len());
                here.iter().zip(words).for_each(|(from, to)| *to = from.load(Relaxed).to_le());
                if !rest.is_empty() {
                    bytewise(behind, rest);
                }
            }
            Err(bytes) => bytewise(self.0, bytes),
        }
    }

    /// Whether what stands here, put there by [`put`](Self::put), is these bytes.
    pub(crate) fn is(self, bytes: &[u8]) -> bool {
        match bytes::words(bytes) {
            Some((words, rest)) => {
                let (here, behind) = self.0.split_at(words.len());
                here.iter().zip(words).all(|(here, there)| here.load(Relaxed) == u64::from_le(*there))
                    && (rest.is_empty() || behind[0].load(Relaxed) == bytes::word(rest))
            }
            None => self.0.iter().zip(bytes.chunks(8)).all(|(here, there)| here.load(Relaxed) == bytes::word(there)),
        }
    }

    /// So many words from the first on.
    pub(crate) fn take(self, len: usize) -> impl Iterator<Item = u64> + 'a {
        self.0.iter().take(len).map(|word| word.load(Relaxed))
    }

    /// Makes words zero.
    pub(crate) fn clear(self, len: usize) {
        self.0.iter().take(len).for_each(|word| word.store(0, Relaxed));
    }
}
