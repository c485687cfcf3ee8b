//! What a map is to be, and which maps may be made (Linux: `map_alloc_check` of each type).
use crate::MapError;
use axbpf_abi::flags::*;
use axbpf_abi::{MapFields, MapType, OBJ_NAME_LEN};

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
    /// Bloom filters: how many hash functions, 5 for 0.
    pub map_extra: u64,
    /// Locks and timers in its values, as BTF says.
    pub fields: MapFields,
}

impl Default for MapSpec {
    /// An array without size: the fields that matter have to be set.
    fn default() -> Self {
        MapSpec {
            map_type: MapType::Array,
            key_size: 0,
            value_size: 0,
            max_entries: 0,
            flags: 0,
            name: [0; OBJ_NAME_LEN],
            map_extra: 0,
            fields: MapFields::default(),
        }
    }
}

/// Most bytes of a key and a value (Linux: KMALLOC_MAX_SIZE).
const MAX_ELEMENT: u32 = 1 << 22;
/// Most bytes of a value of which there is one for each CPU (Linux: PCPU_MIN_UNIT_SIZE).
const MAX_CPU_VALUE: u32 = 1 << 15;
/// Most bytes of an LPM trie's key behind the prefix length.
const MAX_PREFIX: u32 = 256;
/// Most addresses of a stack trace (Linux: `sysctl_perf_event_max_stack`).
pub(crate) const MAX_STACK_DEPTH: u32 = 127;
/// Most bytes of a value that is stored with a task (Linux: BPF_LOCAL_STORAGE_MAX_VALUE_SIZE, less its headers).
const MAX_STORAGE: u32 = 65_480;

const ACCESS: u32 = BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG;
/// Of maps that programs do not read by themselves.
const SYS_ACCESS: u32 = BPF_F_RDONLY | BPF_F_WRONLY;

/// Whether maps of a type can be made here. The others stand for things that this kernel does not have: sockets, devices, control groups.
pub(crate) fn exists(map_type: MapType) -> bool {
    use MapType::*;
    matches!(
        map_type,
        Array
            | PercpuArray
            | Hash
            | PercpuHash
            | LruHash
            | LruPercpuHash
            | LpmTrie
            | Queue
            | Stack
            | BloomFilter
            | Ringbuf
            | UserRingbuf
            | PerfEventArray
            | ProgArray
            | ArrayOfMaps
            | HashOfMaps
            | StackTrace
            | TaskStorage
    )
}

fn field(ok: bool, field: &'static str, value: u32, wants: &'static str) -> Result<(), MapError> {
    if ok { Ok(()) } else { Err(MapError::Field { field, value: value.into(), wants }) }
}

fn at_most(max: u32, field: &'static str, value: u32) -> Result<(), MapError> {
    if value <= max { Ok(()) } else { Err(MapError::TooLarge { field, value: value.into() }) }
}

impl MapSpec {
    /// Refuses what Linux refuses for the type.
    pub(crate) fn check(&self) -> Result<(), MapError> {
        use MapType::*;
        if !exists(self.map_type) {
            return Err(MapError::Type(self.map_type));
        }
        self.check_flags()?;
        let keyless = || field(self.key_size == 0, "key_size", self.key_size, "0");
        let key_is_4 = || field(self.key_size == 4, "key_size", self.key_size, "4");
        let value_is_4 = || field(self.value_size == 4, "value_size", self.value_size, "4");
        let has_entries = || field(self.max_entries != 0, "max_entries", self.max_entries, "at least 1");
        let has_value = || field(self.value_size != 0, "value_size", self.value_size, "at least 1");
        match self.map_type {
            Ringbuf | UserRingbuf => {
                keyless()?;
                field(self.value_size == 0, "value_size", self.value_size, "0")?;
                let size = self.max_entries;
                return field(size.is_power_of_two() && size >= 4096, "max_entries", size, "a power of two, and a multiple of 4096");
            }
            TaskStorage => {
                field(self.max_entries == 0, "max_entries", self.max_entries, "0: there is one for each task that asks")?;
                key_is_4()?;
                has_value()?;
                return at_most(MAX_STORAGE, "value_size", self.value_size);
            }
            Queue | Stack | BloomFilter => keyless()?,
            Array | PercpuArray => key_is_4()?,
            ProgArray | PerfEventArray | ArrayOfMaps => key_is_4().and_then(|()| value_is_4())?,
            HashOfMaps => value_is_4()?,
            LpmTrie => {
                field(
                    (5..=4 + MAX_PREFIX).contains(&self.key_size),
                    "key_size",
                    self.key_size,
                    "4 bytes of prefix length and 1 to 256 of data",
                )?;
                let most = MAX_ELEMENT - 4 - MAX_PREFIX - 40;
                field(self.value_size <= most, "value_size", self.value_size, "less than 4 MiB")?;
            }
            StackTrace => {
                key_is_4()?;
                let each = if self.flags & BPF_F_STACK_BUILD_ID != 0 { 32 } else { 8 };
                let good = self.value_size >= 8 && self.value_size.is_multiple_of(each) && self.value_size / each <= MAX_STACK_DEPTH;
                field(good, "value_size", self.value_size, "8 bytes (32 with BPF_F_STACK_BUILD_ID) for each of 1 to 127 addresses")?;
            }
            _ => field(self.key_size != 0, "key_size", self.key_size, "at least 1")?,
        }
        has_entries()?;
        has_value()?;
        at_most(if self.per_cpu() { MAX_CPU_VALUE } else { MAX_ELEMENT }, "value_size", self.value_size)?;
        at_most(MAX_ELEMENT - self.value_size, "key_size", self.key_size)?;
        at_most(1 << 30, "max_entries", self.max_entries)
    }

    fn check_flags(&self) -> Result<(), MapError> {
        use MapType::*;
        const HASH: u32 = BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED | ACCESS;
        let allowed = match self.map_type {
            Array => BPF_F_NUMA_NODE | BPF_F_MMAPABLE | BPF_F_INNER_MAP | ACCESS,
            // Values of all CPUs belong to no node.
            PercpuArray => ACCESS,
            ProgArray | ArrayOfMaps => BPF_F_NUMA_NODE | SYS_ACCESS,
            PerfEventArray => BPF_F_NUMA_NODE | BPF_F_PRESERVE_ELEMS | SYS_ACCESS,
            Hash | HashOfMaps => HASH | BPF_F_NUMA_NODE,
            PercpuHash => HASH,
            LruHash => HASH | BPF_F_NUMA_NODE | BPF_F_NO_COMMON_LRU,
            LruPercpuHash => HASH | BPF_F_NO_COMMON_LRU,
            LpmTrie => BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE | ACCESS,
            Queue | Stack => BPF_F_NUMA_NODE | ACCESS,
            BloomFilter => BPF_F_NUMA_NODE | BPF_F_ZERO_SEED | ACCESS,
            StackTrace => BPF_F_NUMA_NODE | BPF_F_STACK_BUILD_ID | SYS_ACCESS,
            TaskStorage => BPF_F_NO_PREALLOC | BPF_F_CLONE,
            _ => BPF_F_NUMA_NODE,
        };
        field(self.flags & !allowed == 0, "map_flags", self.flags, "fewer flags")?;
        let both = |a, b| self.flags & (a | b) == a | b;
        field(!both(BPF_F_RDONLY, BPF_F_WRONLY), "map_flags", self.flags, "not both read-only and write-only")?;
        field(!both(BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG), "map_flags", self.flags, "not both read-only and write-only")?;
        let prealloc = self.flags & BPF_F_NO_PREALLOC == 0;
        match self.map_type {
            LruHash | LruPercpuHash if !prealloc => return Err(MapError::Unsupported),
            LpmTrie | TaskStorage => field(!prealloc, "map_flags", self.flags, "BPF_F_NO_PREALLOC")?,
            _ => {}
        }
        let numa = self.flags & BPF_F_NUMA_NODE != 0 && self.flags & BPF_F_NO_COMMON_LRU != 0;
        field(!numa, "map_flags", self.flags, "a list a CPU belongs to no node")?;
        let extra = if self.map_type == BloomFilter { 0xf } else { 0 };
        let value = self.map_extra;
        if value & !extra != 0 {
            return Err(MapError::Field { field: "map_extra", value, wants: "0; for a bloom filter up to 15 hash functions" });
        }
        Ok(())
    }

    /// Bytes of a value, rounded up so that values of several CPUs or elements follow one another.
    pub(crate) fn stride(&self) -> usize {
        (self.value_size as usize).next_multiple_of(8)
    }

    /// Whether there is a value for each CPU.
    pub(crate) fn per_cpu(&self) -> bool {
        matches!(self.map_type, MapType::PercpuArray | MapType::PercpuHash | MapType::LruPercpuHash)
    }
}
