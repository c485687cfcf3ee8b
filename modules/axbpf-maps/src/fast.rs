//! What programs and commands do most, without looking at every possibility: arrays, and hashes of keys of up to a word.
#![allow(unsafe_code, reason = "programs know keys and values by address")]
use crate::map::{Kind, Short};
use crate::{Map, MapError};
use axbpf_abi::flags::{BPF_ANY, BPF_EXIST};
use axbpf_platform::IrqGuard;
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;

/// How programs can look a map's elements up by themselves, instead of calling a helper. Linux: `map_gen_lookup`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lookup {
    /// The key is an index, 4 bytes; a value stands at `base + index * stride` if the index is below `entries`.
    Index {
        /// Address of the first value; it does not change as long as the map lives.
        base: u64,
        /// Bytes from one value to the next.
        stride: u32,
        /// How many.
        entries: u32,
    },
    /// Keys have 4 bytes: [`Map::lookup_word4`] and [`Map::update_word4`] are quick.
    Word4,
    /// Keys have 8 bytes: [`Map::lookup_word8`] and [`Map::update_word8`] are quick.
    Word8,
}

/// A key of 4 or 8 bytes.
///
/// # Safety
///
/// `key` is readable for `SIZE` bytes.
#[inline(always)]
unsafe fn word<const SIZE: usize>(key: *const u8) -> u64 {
    // SAFETY: the caller's; aligned, or read as bytes.
    unsafe {
        match (SIZE, key.addr() % SIZE) {
            // Volatile, or the compiler sees that both ways are the same, and takes the slow one.
            (8, 0) => key.cast::<u64>().read_volatile(),
            (4, 0) => key.cast::<u32>().read_volatile().into(),
            (8, _) => key.cast::<u64>().read_unaligned(),
            _ => key.cast::<u32>().read_unaligned().into(),
        }
    }
}

impl Map {
    /// A quicker way than [`lookup_ptr`](Map::lookup_ptr), if there is one.
    pub fn quick_lookup(&self) -> Option<Lookup> {
        let spec = self.spec();
        match &self.kind {
            Kind::Array(array) if !spec.per_cpu() => {
                let (base, stride) = array.row(0);
                Some(Lookup::Index { base: base.expose_provenance() as u64, stride: stride as u32, entries: spec.max_entries })
            }
            Kind::Hash(hash) if hash.is_plain() && spec.key_size == 4 => Some(Lookup::Word4),
            Kind::Hash(hash) if hash.is_plain() && spec.key_size == 8 => Some(Lookup::Word8),
            _ => None,
        }
    }

    #[inline(always)]
    fn lookup_word(&self, word: u64) -> *mut u8 {
        match &self.kind {
            Kind::Hash(hash) => hash.lookup_word(word).unwrap_or(ptr::null_mut()),
            _ => ptr::null_mut(),
        }
    }

    #[inline(always)]
    unsafe fn update_word(&self, word: u64, key: *const u8, value: *const u8, flags: u64) -> Result<(), MapError> {
        if let Kind::Hash(hash) = &self.kind
            && matches!(flags, BPF_ANY | BPF_EXIST)
            && self.value_len() == 8
            && value.addr().is_multiple_of(8)
            // SAFETY: the caller's; aligned.
            && let Some(done) = hash.set_word(word, unsafe { value.cast::<u64>().read() }, &IrqGuard::new())
        {
            return done;
        }
        // SAFETY: the caller's.
        unsafe { self.update_ptr(key, value, flags) }
    }

    /// [`lookup_ptr`](Map::lookup_ptr) where [`quick_lookup`](Map::quick_lookup) says `Word4`; otherwise null.
    ///
    /// # Safety
    ///
    /// `key` is readable for 4 bytes. IRQs are off.
    #[inline(always)]
    pub unsafe fn lookup_word4(&self, key: *const u8) -> *mut u8 {
        // SAFETY: the caller's.
        self.lookup_word(unsafe { word::<4>(key) })
    }

    /// The same for `Word8`.
    ///
    /// # Safety
    ///
    /// `key` is readable for 8 bytes. IRQs are off.
    #[inline(always)]
    pub unsafe fn lookup_word8(&self, key: *const u8) -> *mut u8 {
        // SAFETY: the caller's.
        self.lookup_word(unsafe { word::<8>(key) })
    }

    /// [`update_ptr`](Map::update_ptr) for maps whose keys have 4 bytes.
    ///
    /// # Safety
    ///
    /// As there.
    #[inline(always)]
    pub unsafe fn update_word4(&self, key: *const u8, value: *const u8, flags: u64) -> Result<(), MapError> {
        // SAFETY: the caller's.
        unsafe { self.update_word(word::<4>(key), key, value, flags) }
    }

    /// [`update_ptr`](Map::update_ptr) for maps whose keys have 8 bytes.
    ///
    /// # Safety
    ///
    /// As there.
    #[inline(always)]
    pub unsafe fn update_word8(&self, key: *const u8, value: *const u8, flags: u64) -> Result<(), MapError> {
        // SAFETY: the caller's.
        unsafe { self.update_word(word::<8>(key), key, value, flags) }
    }

    /// Bytes of a key, if [`get_word`](Map::get_word) and [`set_word`](Map::set_word) may know it.
    #[inline(always)]
    pub fn short_key(&self) -> Option<u32> {
        (self.short != Short::None).then_some(self.spec().key_size)
    }

    /// The value, of 8 bytes, of a key of 4 or 8 bytes (MAP_LOOKUP_ELEM). `None`: not in this short way.
    #[inline(always)]
    pub fn get_word(&self, key: u64, _section: &IrqGuard) -> Option<Result<u64, MapError>> {
        match (self.short, &self.kind) {
            (Short::Index, Kind::Array(array)) => Some(array.get_word(key).ok_or(MapError::NoSuchKey)),
            (Short::Word, Kind::Hash(hash)) => Some(hash.get_word(key).ok_or(MapError::NoSuchKey)),
            _ => None,
        }
    }

    /// Sets it (MAP_UPDATE_ELEM with BPF_ANY). `None`: not in this short way.
    #[inline(always)]
    pub fn set_word(&self, key: u64, value: u64, section: &IrqGuard) -> Option<Result<(), MapError>> {
        // Whoever freezes the map waits for the end of sections that began before; later ones see it, as the wait orders them.
        if self.frozen.load(Relaxed) {
            return None;
        }
        match (self.short, &self.kind) {
            (Short::Index, Kind::Array(array)) => Some(array.set_word(key, value).ok_or(MapError::Index)),
            (Short::Word, Kind::Hash(hash)) => hash.set_word(key, value, section),
            _ => None,
        }
    }
}
