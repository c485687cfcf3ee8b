//! Arrays: values in a row, by CPU first where there is one for each.
use crate::bytes;
use crate::memory::{Charge, allocate};
use crate::ops::{Ops, Visit};
use crate::sync::AtomicU64;
use crate::value::Layout;
use crate::words::Words;
use crate::{MapError, MapSpec};
use axbpf_abi::flags::*;
use axbpf_platform::{IrqGuard, cpu_count, cpu_id};
use core::sync::atomic::Ordering::Relaxed;

/// An array, or an array with a value a CPU.
#[derive(Debug)]
pub(crate) struct Array {
    values: Words,
    _charge: Charge,
    entries: usize,
    /// Words of a value.
    stride: usize,
    /// 1, or the number of CPUs.
    cpus: usize,
    layout: Layout,
}

impl Array {
    pub(crate) fn new(spec: &MapSpec) -> Result<Array, MapError> {
        let (entries, stride) = (spec.max_entries as usize, spec.stride() / 8);
        let cpus = if spec.per_cpu() { cpu_count() } else { 1 };
        let words = entries.checked_mul(stride).and_then(|words| words.checked_mul(cpus));
        let (values, _charge) = allocate(words)?;
        Ok(Array { values, _charge, entries, stride, cpus, layout: Layout::new(spec.fields) })
    }

    /// First word of a value. The row of a CPU is one stretch.
    #[inline]
    fn at(&self, index: usize, cpu: usize) -> usize {
        (cpu * self.entries + index) * self.stride
    }

    #[inline]
    fn index(&self, key: &[u8]) -> Option<usize> {
        let index = bytes::index(key)? as usize;
        (index < self.entries).then_some(index)
    }

    /// Address of the first value, and bytes from one to the next: of this CPU's row if there is one for each.
    pub(crate) fn row(&self, cpu: usize) -> (*mut u8, usize) {
        (self.values.ptr(self.at(0, cpu % self.cpus)), self.stride * 8)
    }

    /// All values.
    pub(crate) fn words(&self) -> &[AtomicU64] {
        self.values.slice()
    }

    #[inline(always)]
    pub(crate) fn get_word(&self, index: u64) -> Option<u64> {
        let plain = self.cpus == 1 && index < self.entries as u64;
        plain.then(|| self.values.at(index as usize).load(Relaxed))
    }

    #[inline(always)]
    pub(crate) fn set_word(&self, index: u64, value: u64) -> Option<()> {
        let plain = self.cpus == 1 && index < self.entries as u64;
        plain.then(|| self.values.at(index as usize).store(value, Relaxed))
    }

    #[inline]
    pub(crate) fn lookup_ptr(&self, key: &[u8]) -> Option<*mut u8> {
        let cpu = if self.cpus == 1 { 0 } else { cpu_id() };
        Some(self.values.ptr(self.at(self.index(key)?, cpu)))
    }

    /// From a program: this CPU's value.
    pub(crate) fn update_here(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        let cpu = if self.cpus == 1 { 0 } else { cpu_id() };
        self.put(self.at(self.check(key, flags)?, cpu), value, flags);
        Ok(())
    }

    fn put(&self, at: usize, value: &[u8], flags: u64) {
        let row = self.values.row(at);
        if flags & BPF_F_LOCK != 0 {
            self.layout.locked(row, || self.layout.put(row, value));
        } else {
            self.layout.put(row, value);
        }
    }

    fn check(&self, key: &[u8], flags: u64) -> Result<usize, MapError> {
        match flags & !BPF_F_LOCK {
            BPF_ANY | BPF_EXIST => self.index(key).ok_or(MapError::Index),
            // Every index exists; Linux looks at the index first.
            BPF_NOEXIST => self.index(key).map_or(Err(MapError::Index), |_| Err(MapError::Exists)),
            _ => Err(MapError::Flags(flags)),
        }
    }
}

impl Ops for Array {
    fn lookup(&self, key: &[u8], out: &mut [u8], flags: u64) -> Result<(), MapError> {
        let index = self.index(key).ok_or(MapError::NoSuchKey)?;
        let row = self.values.row(self.at(index, 0));
        if self.cpus == 1 && flags & BPF_F_LOCK != 0 {
            let _section = IrqGuard::new();
            self.layout.locked(row, || self.layout.get(row, out));
        } else if self.cpus == 1 {
            self.layout.get(row, out);
        } else {
            for (cpu, out) in out.chunks_mut(self.stride * 8).enumerate() {
                self.values.row(self.at(index, cpu)).get(out);
            }
        }
        Ok(())
    }

    fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        let index = self.check(key, flags)?;
        if self.cpus == 1 {
            let _section = (flags & BPF_F_LOCK != 0).then(IrqGuard::new);
            self.put(self.at(index, 0), value, flags);
        } else {
            for (cpu, value) in value.chunks(self.stride * 8).enumerate() {
                self.values.row(self.at(index, cpu)).put(value);
            }
        }
        Ok(())
    }

    /// An array always has all its elements.
    fn delete(&self, _key: &[u8]) -> Result<(), MapError> {
        Err(MapError::Operation)
    }

    fn next_key(&self, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), MapError> {
        next_index(self.entries, key, out)
    }

    fn lookup_ptr(&self, key: &[u8]) -> Option<*mut u8> {
        self.lookup_ptr(key)
    }

    fn update_here(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        self.update_here(key, value, flags)
    }

    fn for_each(&self, visit: Visit<'_>) -> Result<u64, MapError> {
        let cpu = if self.cpus == 1 { 0 } else { cpu_id() };
        for index in 0..self.entries {
            if !visit((index as u32).to_le_bytes().as_ptr(), self.values.ptr(self.at(index, cpu))) {
                return Ok(index as u64 + 1);
            }
        }
        Ok(self.entries as u64)
    }
}

/// The index after the one in `key`: the first one after none, and after what is no index.
pub(crate) fn next_index(entries: usize, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), MapError> {
    let index = key.and_then(|key| Some(bytes::index(key)? as usize));
    let next = match index.filter(|&index| index < entries) {
        None => 0,
        Some(last) if last + 1 == entries => return Err(MapError::NoSuchKey),
        Some(index) => index + 1,
    };
    out.copy_from_slice(&(next as u32).to_le_bytes());
    Ok(())
}
