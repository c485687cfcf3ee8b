//! What a map is to be, and the limits.
use crate::MapError;
use crate::words::Words;
use axbpf_abi::flags::*;
use axbpf_abi::{MapType, OBJ_NAME_LEN};
use core::sync::atomic::{AtomicUsize, Ordering::*};

/// A map to be made: the fields of MAP_CREATE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MapSpec {
    /// Its type.
    pub map_type: MapType,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Most elements; bytes of a ring buffer.
    pub max_entries: u32,
    /// BPF_F_*.
    pub flags: u32,
    /// Its name, with a NUL if it is shorter.
    pub name: [u8; OBJ_NAME_LEN],
}

impl Default for MapSpec {
    /// An array without size: the fields that matter have to be set.
    fn default() -> Self {
        MapSpec { map_type: MapType::Array, key_size: 0, value_size: 0, max_entries: 0, flags: 0, name: [0; OBJ_NAME_LEN] }
    }
}

/// Most bytes of a key and a value (Linux: KMALLOC_MAX_SIZE).
const MAX_ELEMENT: u32 = 1 << 22;
/// Most bytes of a value of which there is one for each CPU (Linux: PCPU_MIN_UNIT_SIZE).
const MAX_CPU_VALUE: u32 = 1 << 15;
const ACCESS: u32 = BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG;

impl MapSpec {
    /// Refuses what Linux refuses for the type (`map_alloc_check` of each).
    pub(crate) fn check(&self) -> Result<(), MapError> {
        use MapType::*;
        let field =
            |ok: bool, field, value: u32, wants| if ok { Ok(()) } else { Err(MapError::Field { field, value: value.into(), wants }) };
        let allowed = match self.map_type {
            Array => BPF_F_NUMA_NODE | BPF_F_MMAPABLE | ACCESS,
            // Values of all CPUs belong to no node.
            PercpuArray => ACCESS,
            // Programs do not read its elements.
            ProgArray => BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY,
            Hash => BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE | BPF_F_ZERO_SEED | ACCESS,
            PercpuHash => BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED | ACCESS,
            Ringbuf => BPF_F_NUMA_NODE,
            other => return Err(MapError::Type(other)),
        };
        field(self.flags & !allowed == 0, "map_flags", self.flags, "fewer flags")?;
        let both = |a, b| self.flags & (a | b) == a | b;
        field(!both(BPF_F_RDONLY, BPF_F_WRONLY), "map_flags", self.flags, "not both read-only and write-only")?;
        field(!both(BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG), "map_flags", self.flags, "not both read-only and write-only")?;
        if self.map_type == Ringbuf {
            field(self.key_size == 0, "key_size", self.key_size, "0")?;
            field(self.value_size == 0, "value_size", self.value_size, "0")?;
            let size = self.max_entries;
            return field(size.is_power_of_two() && size >= 4096, "max_entries", size, "a power of two, and a multiple of 4096");
        }
        field(self.max_entries != 0, "max_entries", self.max_entries, "at least 1")?;
        field(self.value_size != 0, "value_size", self.value_size, "at least 1")?;
        match self.map_type {
            Array | PercpuArray => field(self.key_size == 4, "key_size", self.key_size, "4")?,
            ProgArray => {
                field(self.key_size == 4, "key_size", self.key_size, "4")?;
                field(self.value_size == 4, "value_size", self.value_size, "4")?;
            }
            _ => field(self.key_size != 0, "key_size", self.key_size, "at least 1")?,
        }
        if self.value_size > if self.per_cpu() { MAX_CPU_VALUE } else { MAX_ELEMENT } {
            return Err(MapError::TooLarge { field: "value_size", value: self.value_size.into() });
        }
        if self.key_size > MAX_ELEMENT - self.value_size {
            return Err(MapError::TooLarge { field: "key_size", value: self.key_size.into() });
        }
        if self.max_entries > 1 << 30 {
            return Err(MapError::TooLarge { field: "max_entries", value: self.max_entries.into() });
        }
        Ok(())
    }

    /// Bytes of a value, rounded up so that values of several CPUs or elements follow one another.
    pub(crate) fn stride(&self) -> usize {
        (self.value_size as usize).next_multiple_of(8)
    }

    /// Whether there is a value for each CPU.
    pub(crate) fn per_cpu(&self) -> bool {
        matches!(self.map_type, MapType::PercpuArray | MapType::PercpuHash)
    }
}

static LIMIT: AtomicUsize = AtomicUsize::new(64 << 20);
static USED: AtomicUsize = AtomicUsize::new(0);

/// Most bytes that all maps together may use; 64 MiB unless it was set.
pub fn memory_limit() -> usize {
    LIMIT.load(Relaxed)
}

/// Sets [`memory_limit`]; maps that exist are not affected.
pub fn set_memory_limit(bytes: usize) {
    LIMIT.store(bytes, Relaxed);
}

/// Bytes that all maps together use.
pub fn memory_used() -> usize {
    USED.load(Relaxed)
}

/// Bytes that a map uses, taken from the limit until it goes.
#[derive(Debug)]
pub(crate) struct Charge(usize);

impl Charge {
    /// `None`: more bytes than there are addresses.
    pub(crate) fn new(bytes: Option<usize>) -> Result<Charge, MapError> {
        let needs = bytes.unwrap_or(usize::MAX);
        let take = |used: usize| used.checked_add(needs).filter(|&sum| sum <= memory_limit());
        match USED.fetch_update(Relaxed, Relaxed, take) {
            Ok(_) => Ok(Charge(needs)),
            Err(used) => Err(MapError::Limit { needs, left: memory_limit().saturating_sub(used) }),
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        USED.fetch_sub(self.0, Relaxed);
    }
}

/// Zeroed words that count against the limit.
pub(crate) fn allocate(words: Option<usize>) -> Result<(Words, Charge), MapError> {
    let needs = words.and_then(|words| words.checked_mul(8));
    let charge = Charge::new(needs)?;
    let words = Words::new(charge.0 / 8).ok_or(MapError::NoMemory { needs: charge.0 })?;
    Ok((words, charge))
}
