//! Flag bits of commands and helpers, with Linux's names and values.

/// Create or update.
pub const BPF_ANY: u64 = 0;
/// Create only: EEXIST if the key is there.
pub const BPF_NOEXIST: u64 = 1;
/// Update only: ENOENT if the key is not there.
pub const BPF_EXIST: u64 = 2;
/// Copy a value under its `bpf_spin_lock`.
pub const BPF_F_LOCK: u64 = 4;

/// MAP_CREATE: elements are allocated when they are inserted.
pub const BPF_F_NO_PREALLOC: u32 = 1 << 0;
/// MAP_CREATE: NUMA node given.
pub const BPF_F_NUMA_NODE: u32 = 1 << 2;
/// MAP_CREATE: commands may only read.
pub const BPF_F_RDONLY: u32 = 1 << 3;
/// MAP_CREATE: commands may only write.
pub const BPF_F_WRONLY: u32 = 1 << 4;
/// MAP_CREATE: hash seed is zero.
pub const BPF_F_ZERO_SEED: u32 = 1 << 6;
/// MAP_CREATE: programs may only read.
pub const BPF_F_RDONLY_PROG: u32 = 1 << 7;
/// MAP_CREATE: programs may only write.
pub const BPF_F_WRONLY_PROG: u32 = 1 << 8;
/// MAP_CREATE: the value can be shared with the app.
pub const BPF_F_MMAPABLE: u32 = 1 << 10;

/// PROG_LOAD: check alignment strictly.
pub const BPF_F_STRICT_ALIGNMENT: u32 = 1 << 0;
/// PROG_LOAD: do not check alignment.
pub const BPF_F_ANY_ALIGNMENT: u32 = 1 << 1;
/// PROG_LOAD: the program may sleep.
pub const BPF_F_SLEEPABLE: u32 = 1 << 4;

/// LINK_CREATE, kprobe_multi: run at return.
pub const BPF_F_KPROBE_MULTI_RETURN: u32 = 1 << 0;

/// Log level bits of PROG_LOAD: 1 says why, 2 shows every path, 4 ends with statistics.
pub const BPF_LOG_LEVEL1: u32 = 1;
/// See [`BPF_LOG_LEVEL1`].
pub const BPF_LOG_LEVEL2: u32 = 2;
/// See [`BPF_LOG_LEVEL1`].
pub const BPF_LOG_STATS: u32 = 4;
/// The log keeps its beginning instead of its end.
pub const BPF_LOG_FIXED: u32 = 8;

/// Ring buffer: do not wake the reader.
pub const BPF_RB_NO_WAKEUP: u64 = 1 << 0;
/// Ring buffer: wake the reader in any case.
pub const BPF_RB_FORCE_WAKEUP: u64 = 1 << 1;
/// `bpf_ringbuf_query`: bytes not yet consumed.
pub const BPF_RB_AVAIL_DATA: u64 = 0;
/// `bpf_ringbuf_query`: size of the data area in bytes.
pub const BPF_RB_RING_SIZE: u64 = 1;
/// `bpf_ringbuf_query`: consumer position.
pub const BPF_RB_CONS_POS: u64 = 2;
/// `bpf_ringbuf_query`: producer position.
pub const BPF_RB_PROD_POS: u64 = 3;
/// Ring buffer record header: the record is not committed yet.
pub const BPF_RINGBUF_BUSY_BIT: u32 = 1 << 31;
/// Ring buffer record header: readers skip the record.
pub const BPF_RINGBUF_DISCARD_BIT: u32 = 1 << 30;
/// Size of a ring buffer record's header in bytes.
pub const BPF_RINGBUF_HDR_SZ: u32 = 8;
