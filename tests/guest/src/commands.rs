//! bpf(2) as it is: numbers and memory in, numbers and memory out. Runs in the unikernel, and on a host as a test of api/axbpf.
use alloc::vec::Vec;
use axbpf::abi::attr::{MapCreate, MapElem, ProgLoad, TestRun};
use axbpf::abi::{Cmd, Errno, MapType, ProgType};
use axbpf::{RawInsn, bpf, bpf_attr};

/// A command with a whole attr; it may change the attr.
fn call(cmd: Cmd, attr: &mut bpf_attr) -> i64 {
    // SAFETY: every address in the attrs of this file is that of memory which the caller may have written, or bad.
    unsafe { bpf(cmd as u32, attr, size_of::<bpf_attr>() as u32) }
}

fn fd(result: i64) -> u32 {
    u32::try_from(result).unwrap_or_else(|_| panic!("a descriptor was expected: {result}"))
}

fn addr<T>(value: &T) -> u64 {
    core::ptr::from_ref(value).expose_provenance() as u64
}

fn addr_mut<T: ?Sized>(value: &mut T) -> u64 {
    core::ptr::from_mut(value).cast::<u8>().expose_provenance() as u64
}

fn create(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32) -> i64 {
    call(Cmd::MapCreate, &mut MapCreate { map_type: map_type as u32, key_size, value_size, max_entries, ..MapCreate::default() }.into())
}

fn elem(cmd: Cmd, map_fd: u32, key: u64, value: u64, flags: u64) -> i64 {
    call(cmd, &mut MapElem { map_fd, key, value, flags }.into())
}

const NULL: u64 = 0;
const BAD: u64 = 0x1000;

/// All of it.
pub fn run() {
    before_any_command();
    maps();
    programs();
    program_with_a_map();
}

fn before_any_command() {
    let mut attr = bpf_attr::from(MapElem::default());
    assert_eq!(call(Cmd::ProgAttach, &mut attr), Errno::EINVAL.neg(), "a command that does not exist here");
    // SAFETY: as in `call`.
    let raw = |cmd, attr: *mut bpf_attr, size| unsafe { bpf(cmd, attr, size) };
    assert_eq!(raw(999, &mut attr, 152), Errno::EINVAL.neg());
    assert_eq!(raw(0, &mut attr, 8192), Errno::E2BIG.neg());
    assert_eq!(raw(0, core::ptr::without_provenance_mut(BAD as usize), 152), Errno::EFAULT.neg());
    let mut longer = [0u64; 32];
    longer[25] = 1; // behind all that is known
    assert_eq!(raw(0, longer.as_mut_ptr().cast(), 256), Errno::E2BIG.neg());
    let mut attr = bpf_attr::from(MapElem::default());
    attr.0[100] = 1; // behind what this command knows
    assert_eq!(call(Cmd::MapLookupElem, &mut attr), Errno::EINVAL.neg());
}

fn maps() {
    use MapType::*;
    for (map_type, key, value, entries, errno) in [
        (Array, 4, 8, 0, Errno::EINVAL),
        (Array, 8, 8, 1, Errno::EINVAL),
        (Array, 4, 0, 1, Errno::EINVAL),
        (Hash, 0, 8, 1, Errno::EINVAL),
        (Hash, 4, 0, 1, Errno::EINVAL),
        (Hash, 4, 1 << 24, 1, Errno::E2BIG),
        (Hash, 4, 1 << 20, 1 << 20, Errno::ENOMEM),
        (Ringbuf, 0, 0, 4095, Errno::EINVAL),
        (Ringbuf, 4, 0, 4096, Errno::EINVAL),
        (LpmTrie, 8, 8, 1, Errno::EINVAL),
    ] {
        assert_eq!(create(map_type, key, value, entries), errno.neg(), "{map_type} {key} {value} {entries}");
    }
    let map = fd(create(Hash, 4, 8, 2));
    let (mut key, mut value) = (1u32, 10u64);
    let at = |key: &u32| addr(key);
    assert_eq!(elem(Cmd::MapLookupElem, map, at(&key), addr_mut(&mut value), 0), Errno::ENOENT.neg());
    assert_eq!(elem(Cmd::MapUpdateElem, map, at(&key), addr(&value), 2), Errno::ENOENT.neg(), "BPF_EXIST");
    assert_eq!(elem(Cmd::MapUpdateElem, map, at(&key), addr(&value), 1), 0, "BPF_NOEXIST");
    assert_eq!(elem(Cmd::MapUpdateElem, map, at(&key), addr(&value), 1), Errno::EEXIST.neg());
    assert_eq!(elem(Cmd::MapUpdateElem, map, at(&key), addr(&value), 99), Errno::EINVAL.neg());
    assert_eq!(elem(Cmd::MapUpdateElem, map, BAD, addr(&value), 0), Errno::EFAULT.neg());
    assert_eq!(elem(Cmd::MapUpdateElem, map, at(&key), NULL, 0), Errno::EFAULT.neg());
    key = 2;
    assert_eq!(elem(Cmd::MapUpdateElem, map, at(&key), addr(&value), 0), 0);
    key = 3;
    assert_eq!(elem(Cmd::MapUpdateElem, map, at(&key), addr(&value), 0), Errno::E2BIG.neg(), "full");
    let mut keys = Vec::new();
    let mut next = 0u32;
    let mut result = elem(Cmd::MapGetNextKey, map, NULL, addr_mut(&mut next), 0);
    while result == 0 {
        keys.push(next);
        let key = next;
        result = elem(Cmd::MapGetNextKey, map, addr(&key), addr_mut(&mut next), 0);
    }
    keys.sort();
    assert_eq!((result, keys.as_slice()), (Errno::ENOENT.neg(), [1, 2].as_slice()));
    (key, value) = (1, 0);
    assert_eq!(elem(Cmd::MapLookupAndDeleteElem, map, at(&key), addr_mut(&mut value), 0), 0);
    assert_eq!(value, 10);
    assert_eq!(elem(Cmd::MapDeleteElem, map, at(&key), NULL, 0), Errno::ENOENT.neg());
    assert_eq!(elem(Cmd::MapDeleteElem, 77, at(&key), NULL, 0), Errno::EBADF.neg());
    assert_eq!(call(Cmd::MapFreeze, &mut MapElem { map_fd: map, ..MapElem::default() }.into()), 0);
    assert_eq!(elem(Cmd::MapUpdateElem, map, at(&key), addr(&value), 0), Errno::EPERM.neg(), "frozen");
    axbpf::cmd::close(map).unwrap();
    assert_eq!(elem(Cmd::MapDeleteElem, map, at(&key), NULL, 0), Errno::EBADF.neg(), "closed");

    let array = fd(create(Array, 4, 8, 4));
    key = 4;
    assert_eq!(elem(Cmd::MapLookupElem, array, at(&key), addr_mut(&mut value), 0), Errno::ENOENT.neg());
    assert_eq!(elem(Cmd::MapUpdateElem, array, at(&key), addr(&value), 0), Errno::E2BIG.neg());
    key = 3;
    assert_eq!(elem(Cmd::MapUpdateElem, array, at(&key), addr(&value), 1), Errno::EEXIST.neg());
    assert_eq!(elem(Cmd::MapDeleteElem, array, at(&key), NULL, 0), Errno::EINVAL.neg());
    axbpf::cmd::close(array).unwrap();
}

const fn insn(opcode: u8, dst: u8, src: u8, off: i16, imm: i32) -> [u8; 8] {
    RawInsn::new(opcode, dst, src, off, imm).to_bytes()
}

const EXIT: [u8; 8] = insn(0x95, 0, 0, 0, 0);

fn load(insns: &[[u8; 8]], log: Option<&mut [u8]>) -> (i64, u32) {
    let (log_buf, log_size) = log.map_or((0, 0), |log| (addr_mut(log), log.len() as u32));
    let license = c"GPL";
    let mut attr = bpf_attr::from(ProgLoad {
        prog_type: ProgType::Syscall as u32,
        insn_cnt: insns.len() as u32,
        insns: insns.as_ptr().expose_provenance() as u64,
        license: license.as_ptr().expose_provenance() as u64,
        log_level: u32::from(log_size > 0),
        log_size,
        log_buf,
        prog_name: *b"commands\0\0\0\0\0\0\0\0",
        ..ProgLoad::default()
    });
    let result = call(Cmd::ProgLoad, &mut attr);
    (result, u32::from_le_bytes(attr.0[140..144].try_into().unwrap()))
}

fn test_run(prog_fd: u32, ctx: &mut [u8]) -> (i64, u32) {
    let (ctx_size_in, ctx_in) = (ctx.len() as u32, if ctx.is_empty() { NULL } else { addr_mut(ctx) });
    let mut attr = bpf_attr::from(TestRun { prog_fd, ctx_size_in, ctx_in, repeat: 10, ..TestRun::default() });
    let result = call(Cmd::ProgTestRun, &mut attr);
    (result, u32::from_le_bytes(attr.0[4..8].try_into().unwrap()))
}

fn programs() {
    let prog = fd(load(&[insn(0xb7, 0, 0, 0, 42), EXIT], None).0);
    assert_eq!(test_run(prog, &mut []), (0, 42));
    // r0 = *(u32 *)(r1 + 4): from the context
    let second = fd(load(&[insn(0x61, 0, 1, 4, 0), EXIT], None).0);
    assert_eq!(test_run(second, &mut [0, 0, 0, 0, 7, 1, 0, 0]), (0, 0x107));
    assert_eq!(test_run(999, &mut []).0, Errno::EBADF.neg());
    // *(u16 *)(r1 + 2) += 1: such programs answer in the context.
    let third = [insn(0x69, 0, 1, 2, 0), insn(0x07, 0, 0, 0, 1), insn(0x6b, 1, 0, 2, 0), EXIT];
    let third = fd(load(&third, None).0);
    let mut ctx = [1, 0, 2, 0, 3];
    assert_eq!(test_run(third, &mut ctx), (0, 12));
    assert_eq!(ctx, [1, 0, 12, 0, 3]);
    axbpf::cmd::close(third).unwrap();
    assert_eq!(elem(Cmd::MapLookupElem, prog, NULL, NULL, 0), Errno::EINVAL.neg(), "a program is no map");
    axbpf::cmd::close(prog).unwrap();
    axbpf::cmd::close(second).unwrap();

    assert_eq!(load(&[], None).0, Errno::E2BIG.neg());
    let unsafe_program = [insn(0x79, 0, 2, 0, 0), EXIT]; // r0 = *(u64 *)(r2 + 0)
    assert_eq!(load(&unsafe_program, None).0, Errno::EACCES.neg());
    let mut log = [0xffu8; 512];
    let (result, log_true_size) = load(&unsafe_program, Some(&mut log));
    assert_eq!(result, Errno::EACCES.neg());
    let text = core::ffi::CStr::from_bytes_until_nul(&log).unwrap().to_str().unwrap();
    assert!(text.contains("R2 !read_ok"), "{text}");
    assert_eq!(log_true_size as usize, text.len() + 1);
    let mut short = [0xffu8; 16];
    assert_eq!(load(&unsafe_program, Some(&mut short)).0, Errno::ENOSPC.neg());
    assert_eq!(short[15], 0, "what is there of the log ends with a NUL");
    assert_eq!(load(&[insn(0xff, 0, 0, 0, 0), EXIT], None).0, Errno::EACCES.neg(), "no instruction");
}

/// The program counts in a map that the app made; the map lives on in the program after its descriptor is closed.
fn program_with_a_map() {
    let map = fd(create(MapType::Array, 4, 8, 1));
    let insns = [
        insn(0x62, 10, 0, -4, 0),        // *(u32 *)(r10 - 4) = 0
        insn(0xbf, 2, 10, 0, 0),         // r2 = r10
        insn(0x07, 2, 0, 0, -4),         // r2 += -4
        insn(0x18, 1, 1, 0, map as i32), // r1 = map ll
        insn(0, 0, 0, 0, 0),
        insn(0x85, 0, 0, 0, 1), // call bpf_map_lookup_elem
        insn(0x15, 0, 0, 2, 0), // if r0 == 0 goto +2
        insn(0xb7, 1, 0, 0, 1), // r1 = 1
        insn(0xdb, 0, 1, 0, 0), // lock *(u64 *)(r0 + 0) += r1
        insn(0xb7, 0, 0, 0, 0), // r0 = 0
        EXIT,
    ];
    let prog = fd(load(&insns, None).0);
    assert_eq!(test_run(prog, &mut []), (0, 0));
    let (key, mut value) = (0u32, 0u64);
    assert_eq!(elem(Cmd::MapLookupElem, map, addr(&key), addr_mut(&mut value), 0), 0);
    assert_eq!(value, 10);
    axbpf::cmd::close(map).unwrap();
    assert_eq!(test_run(prog, &mut []), (0, 0));
    axbpf::cmd::close(prog).unwrap();
    let mut bad = insns;
    bad[3] = insn(0x18, 1, 1, 0, 999);
    assert_eq!(load(&bad, None).0, Errno::EBADF.neg());
}
