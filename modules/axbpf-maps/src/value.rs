//! Copies of values: around the fields that only helpers touch, and under the value's own lock.
use crate::words::Row;
use axbpf_abi::MapFields;
use core::sync::atomic::Ordering::*;

/// How the values of a map are copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    fields: MapFields,
    /// There are no such fields.
    plain: bool,
}

impl Layout {
    pub(crate) fn new(fields: MapFields) -> Layout {
        Layout { fields, plain: fields.all().next().is_none() }
    }

    /// The bytes of a word, as a mask, that are ordinary ones; `at` is the word's offset in the value.
    fn ordinary(&self, at: usize) -> u64 {
        let special = |byte: usize| self.fields.all().any(|(_, off, len)| (off..off + len).contains(&((at + byte) as u32)));
        (0..8).filter(|&byte| !special(byte)).fold(0, |mask, byte| mask | 0xff << (byte * 8))
    }

    /// Copies a value in; the fields stay as they are.
    pub(crate) fn put(&self, row: Row<'_>, value: &[u8]) {
        if self.plain {
            return row.put(value);
        }
        for (number, bytes) in value.chunks(8).enumerate() {
            let mut new = [0; 8];
            new[..bytes.len()].copy_from_slice(bytes);
            let (new, mask) = (u64::from_le_bytes(new), self.ordinary(number * 8));
            // Somebody may take or release a lock that shares the word.
            let _ = row.at(number).fetch_update(Relaxed, Relaxed, |old| Some(old & !mask | new & mask));
        }
    }

    /// Copies a value into an element that was not in use: its fields begin as zeros.
    pub(crate) fn put_new(&self, row: Row<'_>, value: &[u8]) {
        if !self.plain {
            row.clear(value.len().div_ceil(8));
        }
        self.put(row, value);
    }

    /// Copies a value out; the fields come out as zeros.
    pub(crate) fn get(&self, row: Row<'_>, out: &mut [u8]) {
        row.get(out);
        for (_, off, len) in self.fields.all() {
            if let Some(field) = out.get_mut(off as usize..(off + len) as usize) {
                field.fill(0);
            }
        }
    }

    /// Runs `f` while the value's own lock is held, if it has one. IRQs off.
    pub(crate) fn locked<R>(&self, row: Row<'_>, f: impl FnOnce() -> R) -> R {
        let Some(off) = self.fields.spin_lock else { return f() };
        let (word, bit) = (row.at(off as usize / 8), 1u64 << (off % 8 * 8));
        while word.fetch_or(bit, Acquire) & bit != 0 {
            crate::sync::spin_loop();
        }
        let result = f();
        word.fetch_and(!bit, Release);
        result
    }
}
