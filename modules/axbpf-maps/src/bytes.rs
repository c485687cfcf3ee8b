//! Keys and values as words. What programs and tasks pass is mostly aligned, and then it is read so: where the ISA has no unaligned loads, a
//! word of single bytes costs ten times as much.

/// Bytes as whole words, if they are aligned, and the rest.
#[inline]
pub(crate) fn words(bytes: &[u8]) -> Option<(&[u64], &[u8])> {
    let (words, rest) = bytes.split_at(bytes.len() & !7);
    Some((bytemuck::try_cast_slice(words).ok()?, rest))
}

/// The same, to be written; unaligned ones are given back.
#[inline]
pub(crate) fn words_mut(bytes: &mut [u8]) -> Result<(&mut [u64], &mut [u8]), &mut [u8]> {
    if !bytes.as_ptr().addr().is_multiple_of(8) {
        return Err(bytes);
    }
    let (words, rest) = bytes.split_at_mut(bytes.len() & !7);
    Ok((bytemuck::cast_slice_mut(words), rest))
}

/// At most eight bytes as a word; missing ones are zero.
#[inline]
pub(crate) fn word(bytes: &[u8]) -> u64 {
    if let (8, Ok(word)) = (bytes.len(), bytemuck::try_from_bytes::<u64>(bytes)) {
        return u64::from_le(*word);
    }
    if let (4, Ok(word)) = (bytes.len(), bytemuck::try_from_bytes::<u32>(bytes)) {
        return u32::from_le(*word).into();
    }
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// An index, as keys of arrays are.
#[inline]
pub(crate) fn index(key: &[u8]) -> Option<u32> {
    (key.len() == 4).then(|| word(key) as u32)
}
