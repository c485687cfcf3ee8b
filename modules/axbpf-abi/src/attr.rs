//! The layouts of `union bpf_attr`, one a command (Linux 6.12, `include/uapi/linux/bpf.h`).
//!
//! Pointers are addresses in a `u64`. [`Attr::read`] takes what the caller gave, of any length, the way Linux does: missing bytes are zero,
//! and bytes that the command does not know must be zero.
use crate::Errno;

/// Size of the whole union in bytes.
pub const ATTR_SIZE: usize = 152;
/// The union as words: what is not given is zero.
pub type AttrWords = [u64; ATTR_SIZE / 8];
/// Longest attr that is looked at; a longer one is E2BIG.
pub const ATTR_MAX: usize = 4096;

/// A command's arguments.
pub trait Attr: Sized {
    /// Bytes that the command knows.
    const SIZE: usize;
    /// As many words.
    type Words: Default + AsRef<[u64]> + AsMut<[u64]>;

    /// Reads the fields.
    fn from_words(words: &Self::Words) -> Self;

    /// Writes the fields; the rest is zero.
    fn to_attr(&self) -> [u8; ATTR_SIZE];

    /// Reads the fields from the words that the command knows, and refuses what it does not know in the last one.
    #[inline]
    fn read(words: &Self::Words) -> Result<Self, Errno> {
        let last = words.as_ref().last().copied().unwrap_or(0);
        if Self::SIZE % 8 != 0 && last >> (Self::SIZE % 8 * 8) != 0 {
            return Err(Errno::EINVAL);
        }
        Ok(Self::from_words(words))
    }

    /// Reads the fields of a whole attr and refuses what the command does not know (Linux: CHECK_ATTR).
    fn read_all(words: &AttrWords) -> Result<Self, Errno> {
        let (known, unknown) = words.split_at(Self::SIZE.div_ceil(8));
        if unknown.iter().any(|&word| word != 0) {
            return Err(Errno::EINVAL);
        }
        let mut own = Self::Words::default();
        own.as_mut().copy_from_slice(known);
        Self::read(&own)
    }
}

/// One field: a number or a name. Fields are aligned as in Linux's union: a number lies within one word.
trait Field: Sized + Copy {
    fn get(words: &[u64], at: usize) -> Self;
    fn put(self, b: &mut [u8]);
}
macro_rules! number_field {
    ($($t:ty)*) => { $(impl Field for $t {
        #[inline]
        fn get(words: &[u64], at: usize) -> Self {
            (words[at / 8] >> (at % 8 * 8)) as $t
        }
        fn put(self, b: &mut [u8]) { b.copy_from_slice(&self.to_le_bytes()) }
    })* };
}
number_field!(u32 i32 u64);
impl Field for [u8; 16] {
    fn get(words: &[u64], at: usize) -> Self {
        core::array::from_fn(|i| (words[(at + i) / 8] >> ((at + i) % 8 * 8)) as u8)
    }
    fn put(self, b: &mut [u8]) {
        b.copy_from_slice(&self)
    }
}

macro_rules! attrs {
    ($($(#[$doc:meta])* $name:ident $size:literal { $($field:ident: $t:ty = $off:literal),* $(,)? })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        #[expect(missing_docs, reason = "Linux's field names; the layout is the documentation")]
        pub struct $name { $(pub $field: $t,)* }

        impl Attr for $name {
            const SIZE: usize = $size;
            type Words = [u64; ($size as usize).div_ceil(8)];
            #[inline]
            fn from_words(words: &Self::Words) -> Self {
                Self { $($field: Field::get(words, $off),)* }
            }
            fn to_attr(&self) -> [u8; ATTR_SIZE] {
                let mut b = [0; ATTR_SIZE];
                $(Field::put(self.$field, &mut b[$off..$off + size_of::<$t>()]);)*
                b
            }
        }
    )* };
}

attrs! {
    /// MAP_CREATE.
    MapCreate 80 {
        map_type: u32 = 0, key_size: u32 = 4, value_size: u32 = 8, max_entries: u32 = 12, map_flags: u32 = 16, inner_map_fd: u32 = 20,
        numa_node: u32 = 24, map_name: [u8; 16] = 28, map_ifindex: u32 = 44, btf_fd: u32 = 48, btf_key_type_id: u32 = 52,
        btf_value_type_id: u32 = 56, btf_vmlinux_value_type_id: u32 = 60, map_extra: u64 = 64, value_type_btf_obj_fd: i32 = 72,
        map_token_fd: i32 = 76,
    }
    /// MAP_*_ELEM and MAP_GET_NEXT_KEY: `value` is `next_key` there.
    MapElem 32 { map_fd: u32 = 0, key: u64 = 8, value: u64 = 16, flags: u64 = 24 }
    /// MAP_*_BATCH. `in_batch` and `out_batch` are places of an iteration; `count` is first the room, then what was done.
    MapBatch 56 {
        in_batch: u64 = 0, out_batch: u64 = 8, keys: u64 = 16, values: u64 = 24, count: u32 = 32, map_fd: u32 = 36, elem_flags: u64 = 40,
        flags: u64 = 48,
    }
    /// PROG_LOAD.
    ProgLoad 148 {
        prog_type: u32 = 0, insn_cnt: u32 = 4, insns: u64 = 8, license: u64 = 16, log_level: u32 = 24, log_size: u32 = 28,
        log_buf: u64 = 32, kern_version: u32 = 40, prog_flags: u32 = 44, prog_name: [u8; 16] = 48, prog_ifindex: u32 = 64,
        expected_attach_type: u32 = 68, prog_btf_fd: u32 = 72, func_info_rec_size: u32 = 76, func_info: u64 = 80,
        func_info_cnt: u32 = 88, line_info_rec_size: u32 = 92, line_info: u64 = 96, line_info_cnt: u32 = 104, attach_btf_id: u32 = 108,
        attach_prog_fd: u32 = 112, core_relo_cnt: u32 = 116, fd_array: u64 = 120, core_relos: u64 = 128, core_relo_rec_size: u32 = 136,
        log_true_size: u32 = 140, prog_token_fd: i32 = 144,
    }
    /// PROG_TEST_RUN. `retval`, `duration` (ns a run), `data_size_out` and `ctx_size_out` are answers; the sizes are first those of the
    /// buffers at `data_out` and `ctx_out`.
    TestRun 76 {
        prog_fd: u32 = 0, retval: u32 = 4, data_size_in: u32 = 8, data_size_out: u32 = 12, data_in: u64 = 16, data_out: u64 = 24,
        repeat: u32 = 32, duration: u32 = 36, ctx_size_in: u32 = 40, ctx_size_out: u32 = 44, ctx_in: u64 = 48, ctx_out: u64 = 56,
        flags: u32 = 64, cpu: u32 = 68, batch_size: u32 = 72,
    }
    /// LINK_CREATE with attach type BPF_TRACE_KPROBE_MULTI: `syms` is an array of `cnt` pointers to names, or `addrs` one of addresses;
    /// `cookies` an array of as many numbers, or 0.
    LinkCreateKprobeMulti 48 {
        prog_fd: u32 = 0, target_fd: u32 = 4, attach_type: u32 = 8, link_flags: u32 = 12, flags: u32 = 16, cnt: u32 = 20,
        syms: u64 = 24, addrs: u64 = 32, cookies: u64 = 40,
    }
}
