//! Many elements with one call (MAP_*_BATCH).
//!
//! Hashes go bucket by bucket, so that an element that stays comes once; the others key by key.
use crate::{Map, MapError};
use axbpf_abi::flags::*;
use axbpf_abi::{Cmd, MapType};

/// How far a batch got: so many elements were done; an error comes after that many.
pub type Batch = (usize, Result<(), MapError>);

/// How a type goes through its elements in batches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Not at all.
    None,
    /// Key by key; a place is the last key. `bool`: elements can be removed.
    Keys(bool),
    /// By buckets; a place is the number of the next one, 4 bytes.
    Buckets,
}

impl Map {
    fn way(&self) -> Way {
        use MapType::*;
        match self.spec().map_type {
            Hash | PercpuHash | LruHash | LruPercpuHash | HashOfMaps => Way::Buckets,
            Array | PercpuArray | ArrayOfMaps => Way::Keys(false),
            LpmTrie => Way::Keys(true),
            _ => Way::None,
        }
    }

    /// Bytes of a place to go on from.
    pub fn place_len(&self) -> usize {
        if self.goes_by_buckets() { 4 } else { self.spec().key_size as usize }
    }

    /// Whether a place is the number of a bucket.
    pub fn goes_by_buckets(&self) -> bool {
        self.way() == Way::Buckets
    }

    /// Whether a batch can begin at all: otherwise nothing was looked at.
    pub fn check_batch(&self, cmd: Cmd, flags: u64) -> Result<(), MapError> {
        let reads = matches!(cmd, Cmd::MapLookupBatch | Cmd::MapLookupAndDeleteBatch);
        if reads {
            self.readable()?;
        }
        if cmd != Cmd::MapLookupBatch {
            self.writable()?;
        }
        let known = match self.way() {
            Way::None => false,
            Way::Buckets => true,
            Way::Keys(removable) => match cmd {
                Cmd::MapLookupAndDeleteBatch => false,
                Cmd::MapDeleteBatch => removable,
                _ => true,
            },
        };
        if known { self.check_elem_flags(flags) } else { Err(MapError::Unsupported) }
    }

    /// Copies elements out (MAP_LOOKUP_BATCH), as many as `keys` and `values` have room for, from the beginning or from a place that an earlier
    /// call left in `next`. [`MapError::NoSuchKey`]: these were the last ones. [`MapError::NoRoom`]: not even one bucket fits.
    pub fn lookup_batch(&self, from: Option<&[u8]>, next: &mut [u8], keys: &mut [u8], values: &mut [u8], flags: u64) -> Batch {
        match self.check_batch(Cmd::MapLookupBatch, flags) {
            Err(error) => (0, Err(error)),
            Ok(()) if self.goes_by_buckets() => self.by_buckets(from, next, keys, values, flags, false),
            Ok(()) => self.by_keys(from, next, keys, values, flags),
        }
    }

    /// The same, and removes them (MAP_LOOKUP_AND_DELETE_BATCH).
    pub fn lookup_and_delete_batch(&self, from: Option<&[u8]>, next: &mut [u8], keys: &mut [u8], values: &mut [u8], flags: u64) -> Batch {
        let checked = self.check_batch(Cmd::MapLookupAndDeleteBatch, flags).and_then(|()| self.writable());
        match checked {
            Err(error) => (0, Err(error)),
            Ok(_writing) => self.by_buckets(from, next, keys, values, flags, true),
        }
    }

    /// Sets elements, one after another (MAP_UPDATE_BATCH).
    pub fn update_batch(&self, keys: &[u8], values: &[u8], flags: u64) -> Batch {
        if let Err(error) = self.check_batch(Cmd::MapUpdateBatch, flags) {
            return (0, Err(error));
        }
        let elements = keys.chunks(self.spec().key_size as usize).zip(values.chunks(self.value_len()));
        each(elements, |(key, value)| self.update(key, value, flags))
    }

    /// Removes elements, one after another (MAP_DELETE_BATCH).
    pub fn delete_batch(&self, keys: &[u8], flags: u64) -> Batch {
        if let Err(error) = self.check_batch(Cmd::MapDeleteBatch, flags) {
            return (0, Err(error));
        }
        each(keys.chunks(self.spec().key_size as usize), |key| self.delete(key))
    }

    fn check_elem_flags(&self, flags: u64) -> Result<(), MapError> {
        if flags & !BPF_F_LOCK != 0 { Err(MapError::Flags(flags)) } else { self.check_lock(flags) }
    }

    fn by_keys(&self, from: Option<&[u8]>, next: &mut [u8], keys: &mut [u8], values: &mut [u8], flags: u64) -> Batch {
        let elements = keys.chunks_exact_mut(self.spec().key_size as usize).zip(values.chunks_exact_mut(self.value_len()));
        let mut count = 0;
        for (key, value) in elements {
            // Where an element goes while it is copied, the one after it is next.
            loop {
                let before = if count == 0 { from } else { Some(&*next) };
                if let Err(error) = self.next_key(before, key) {
                    return (count, Err(error));
                }
                match self.lookup_with(key, value, flags) {
                    Ok(()) => break,
                    Err(MapError::NoSuchKey) if self.spec().map_type == MapType::LpmTrie => {}
                    // An empty place of an array.
                    Err(error) => return (count, Err(error)),
                }
            }
            next.copy_from_slice(key);
            count += 1;
        }
        (count, Ok(()))
    }

    fn by_buckets(&self, from: Option<&[u8]>, next: &mut [u8], keys: &mut [u8], values: &mut [u8], flags: u64, delete: bool) -> Batch {
        let (key_size, value_len) = (self.spec().key_size as usize, self.value_len());
        let mut bucket = from.and_then(|from| Some(u32::from_le_bytes(from.try_into().ok()?))).unwrap_or(0);
        let ops = self.kind.ops();
        if bucket >= ops.buckets() {
            return (0, Err(MapError::NoSuchKey));
        }
        let mut count = 0;
        let result = loop {
            if bucket >= ops.buckets() {
                break Err(MapError::NoSuchKey);
            }
            match ops.bucket(bucket, &mut keys[count * key_size..], &mut values[count * value_len..], flags, delete) {
                Ok(more) => (count, bucket) = (count + more, bucket + 1),
                // What was copied is worth going on from.
                Err(MapError::NoRoom) if count > 0 => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if let Some(place) = next.first_chunk_mut() {
            *place = bucket.to_le_bytes();
        }
        (count, result)
    }
}

fn each<T>(elements: impl Iterator<Item = T>, mut f: impl FnMut(T) -> Result<(), MapError>) -> Batch {
    let mut count = 0;
    for element in elements {
        if let Err(error) = f(element) {
            return (count, Err(error));
        }
        count += 1;
    }
    (count, Ok(()))
}
