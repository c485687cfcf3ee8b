//! Keys and values as words. What programs and tasks pass is mostly aligned, and then it is read so: where the ISA has no unaligned loads, a
//! word of single bytes costs ten times as much.
#![allow(unsafe_code, reason = "aligned bytes are read as words")]

/// Bytes as whole words, if they are aligned, and the rest.
#[inline]
pub(crate) fn words(bytes: &[u8]) -> Option<(&[u64], &[u8])> {
    // SAFETY: any eight bytes are a word.
    let (before, words, rest) = unsafe { bytes.align_to() };
    before.is_empty().then_some((words, rest))
}

/// The same, to be written.
#[inline]
pub(crate) fn words_mut(bytes: &mut [u8]) -> Option<(&mut [u64], &mut [u8])> {
    if !bytes.as_ptr().addr().is_multiple_of(8) {
        return None;
    }
    // SAFETY: any eight bytes are a word, and any word is eight bytes.
    let (_, words, rest) = unsafe { bytes.align_to_mut() };
    Some((words, rest))
}

/// At most eight bytes as a word; missing ones are zero.
#[inline]
pub(crate) fn word(bytes: &[u8]) -> u64 {
    let at = bytes.as_ptr();
    match bytes.len() {
        // SAFETY: eight bytes, aligned.
        8 if at.addr().is_multiple_of(8) => u64::from_le(unsafe { at.cast::<u64>().read() }),
        // SAFETY: four bytes, aligned.
        4 if at.addr().is_multiple_of(4) => u32::from_le(unsafe { at.cast::<u32>().read() }).into(),
        _ => bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

/// An index, as keys of arrays are.
#[inline]
pub(crate) fn index(key: &[u8]) -> Option<u32> {
    (key.len() == 4).then(|| word(key) as u32)
}
