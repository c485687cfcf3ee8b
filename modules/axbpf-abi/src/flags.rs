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
/// MAP_CREATE: each CPU has an LRU list of its own.
pub const BPF_F_NO_COMMON_LRU: u32 = 1 << 1;
/// MAP_CREATE: NUMA node given.
pub const BPF_F_NUMA_NODE: u32 = 1 << 2;
/// MAP_CREATE: commands may only read.
pub const BPF_F_RDONLY: u32 = 1 << 3;
/// MAP_CREATE: commands may only write.
pub const BPF_F_WRONLY: u32 = 1 << 4;
/// MAP_CREATE: stack traces hold build ids and offsets instead of addresses.
pub const BPF_F_STACK_BUILD_ID: u32 = 1 << 5;
/// MAP_CREATE: hash seed is zero.
pub const BPF_F_ZERO_SEED: u32 = 1 << 6;
/// MAP_CREATE: programs may only read.
pub const BPF_F_RDONLY_PROG: u32 = 1 << 7;
/// MAP_CREATE: programs may only write.
pub const BPF_F_WRONLY_PROG: u32 = 1 << 8;
/// MAP_CREATE: a socket's storage is copied to the sockets that it accepts.
pub const BPF_F_CLONE: u32 = 1 << 9;
/// MAP_CREATE: the value can be shared with the app.
pub const BPF_F_MMAPABLE: u32 = 1 << 10;
/// MAP_CREATE: perf events stay when the map's descriptor is closed.
pub const BPF_F_PRESERVE_ELEMS: u32 = 1 << 11;
/// MAP_CREATE: arrays of different lengths can take this one's place in a map of maps.
pub const BPF_F_INNER_MAP: u32 = 1 << 12;
/// MAP_CREATE: a `struct_ops` map that a link attaches.
pub const BPF_F_LINK: u32 = 1 << 13;
/// Pinning: the path is relative to a descriptor.
pub const BPF_F_PATH_FD: u32 = 1 << 14;
/// MAP_CREATE: the type of the value is in the BTF of this descriptor.
pub const BPF_F_VTYPE_BTF_OBJ_FD: u32 = 1 << 15;
/// Commands: a token's descriptor is given.
pub const BPF_F_TOKEN_FD: u32 = 1 << 16;
/// MAP_CREATE: a fault in an arena is a SEGV instead of a new page.
pub const BPF_F_SEGV_ON_FAULT: u32 = 1 << 17;
/// MAP_CREATE: an arena's pointers are not converted to the app's.
pub const BPF_F_NO_USER_CONV: u32 = 1 << 18;

/// PROG_LOAD: check alignment strictly.
pub const BPF_F_STRICT_ALIGNMENT: u32 = 1 << 0;
/// PROG_LOAD: do not check alignment.
pub const BPF_F_ANY_ALIGNMENT: u32 = 1 << 1;
/// PROG_LOAD: fill the upper halves of registers with random bits where a 32-bit instruction left them to chance.
pub const BPF_F_TEST_RND_HI32: u32 = 1 << 2;
/// PROG_LOAD: the verifier saves its state as often as it can.
pub const BPF_F_TEST_STATE_FREQ: u32 = 1 << 3;
/// PROG_LOAD: the program may sleep.
pub const BPF_F_SLEEPABLE: u32 = 1 << 4;
/// PROG_LOAD, XDP: packets may consist of several buffers.
pub const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;
/// PROG_LOAD, XDP: the program is for one device.
pub const BPF_F_XDP_DEV_BOUND_ONLY: u32 = 1 << 6;
/// PROG_LOAD: contradictory register bounds are an error.
pub const BPF_F_TEST_REG_INVARIANTS: u32 = 1 << 7;

/// LINK_CREATE, kprobe_multi: run at return.
pub const BPF_F_KPROBE_MULTI_RETURN: u32 = 1 << 0;

/// LINK_CREATE, uprobe_multi: run at return.
pub const BPF_F_UPROBE_MULTI_RETURN: u32 = 1 << 0;
/// LINK_CREATE, netfilter: defragment IP packets first.
pub const BPF_F_NETFILTER_IP_DEFRAG: u32 = 1 << 0;

/// PROG_ATTACH: programs of child groups take this one's place.
pub const BPF_F_ALLOW_OVERRIDE: u32 = 1 << 0;
/// PROG_ATTACH: programs of child groups run as well.
pub const BPF_F_ALLOW_MULTI: u32 = 1 << 1;
/// PROG_ATTACH: take the place of a program.
pub const BPF_F_REPLACE: u32 = 1 << 2;
/// PROG_ATTACH, LINK_CREATE: before another program.
pub const BPF_F_BEFORE: u32 = 1 << 3;
/// PROG_ATTACH, LINK_CREATE: after another program.
pub const BPF_F_AFTER: u32 = 1 << 4;
/// PROG_ATTACH, LINK_CREATE: the other program is given by its id.
pub const BPF_F_ID: u32 = 1 << 5;
/// PROG_QUERY: also what parent groups add.
pub const BPF_F_QUERY_EFFECTIVE: u32 = 1 << 0;

/// PROG_TEST_RUN: run on the given CPU.
pub const BPF_F_TEST_RUN_ON_CPU: u32 = 1 << 0;
/// PROG_TEST_RUN, XDP: packets go where the program sends them.
pub const BPF_F_TEST_XDP_LIVE_FRAMES: u32 = 1 << 1;

/// `bpf_timer_start`: the time is absolute.
pub const BPF_F_TIMER_ABS: u64 = 1 << 0;
/// `bpf_timer_start`: the callback runs on the CPU that started the timer.
pub const BPF_F_TIMER_CPU_PIN: u64 = 1 << 1;
/// Perf events: which CPU's buffer.
pub const BPF_F_INDEX_MASK: u64 = 0xffff_ffff;
/// Perf events: that of this CPU.
pub const BPF_F_CURRENT_CPU: u64 = BPF_F_INDEX_MASK;
/// Perf events: how many bytes of the packet follow the sample.
pub const BPF_F_CTXLEN_MASK: u64 = 0xfffff << 32;
/// `bpf_redirect`: to the interface's receiving side.
pub const BPF_F_INGRESS: u64 = 1 << 0;
/// `bpf_redirect_map`: to every entry of the map.
pub const BPF_F_BROADCAST: u64 = 1 << 3;
/// `bpf_redirect_map`: but not to where the packet came from.
pub const BPF_F_EXCLUDE_INGRESS: u64 = 1 << 4;
/// `bpf_skb_store_bytes`: fix the checksum up.
pub const BPF_F_RECOMPUTE_CSUM: u64 = 1 << 0;
/// `bpf_skb_store_bytes`: the packet's hash is void.
pub const BPF_F_INVALIDATE_HASH: u64 = 1 << 1;
/// Checksum helpers: size of the field that changed.
pub const BPF_F_HDR_FIELD_MASK: u64 = 0xf;
/// `bpf_l4_csum_replace`: the change is in the pseudo header.
pub const BPF_F_PSEUDO_HDR: u64 = 1 << 4;
/// `bpf_l4_csum_replace`: 0 is a checksum that is not there.
pub const BPF_F_MARK_MANGLED_0: u64 = 1 << 5;
/// `bpf_l4_csum_replace`: a missing checksum becomes 0xffff.
pub const BPF_F_MARK_ENFORCE: u64 = 1 << 6;
/// Stack helpers: how many frames to leave out.
pub const BPF_F_SKIP_FIELD_MASK: u64 = 0xff;
/// Stack helpers: the app's stack instead of the kernel's.
pub const BPF_F_USER_STACK: u64 = 1 << 8;
/// `bpf_get_stackid`: compare hashes only.
pub const BPF_F_FAST_STACK_CMP: u64 = 1 << 9;
/// `bpf_get_stackid`: a new stack takes an old one's place.
pub const BPF_F_REUSE_STACKID: u64 = 1 << 10;
/// `bpf_get_stack`: build ids and offsets.
pub const BPF_F_USER_BUILD_ID: u64 = 1 << 11;
/// Local storage: make it if it is not there.
pub const BPF_LOCAL_STORAGE_GET_F_CREATE: u64 = 1 << 0;

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
