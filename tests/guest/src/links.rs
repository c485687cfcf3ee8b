//! LINK_CREATE through bpf(2), with the layout of kprobe_multi: names or addresses, cookies, returns; and what it refuses.
use axbpf::abi::attr::{LinkCreateKprobeMulti, ProgLoad};
use axbpf::abi::{AttachType, Cmd, Errno, ProgType};
use axbpf::{RawInsn, bpf, bpf_attr};
use core::ffi::CStr;
use core::sync::atomic::{AtomicU64, Ordering::*};

#[inline(never)]
extern "C" fn first(n: u64) -> u64 {
    core::hint::black_box(n) + 1
}

#[inline(never)]
extern "C" fn second(n: u64) -> u64 {
    core::hint::black_box(n) + 2
}

fn call(cmd: Cmd, attr: impl Into<bpf_attr>) -> i64 {
    let mut attr = attr.into();
    // SAFETY: nothing that these commands are given is written to.
    unsafe { bpf(cmd as u32, &mut attr, size_of::<bpf_attr>() as u32) }
}

fn addr<T: ?Sized>(value: &T) -> u64 {
    core::ptr::from_ref(value).cast::<u8>().expose_provenance() as u64
}

static SUM: AtomicU64 = AtomicU64::new(0);

/// Adds the cookie to `SUM`: r0 = cookie; *SUM += r0. The verifier knows no way to an app's variable, so the sum is in a map.
fn program(map: u32, prog_type: ProgType, expected_attach_type: u32) -> i64 {
    let insns = [
        RawInsn::new(0x85, 0, 0, 0, 174), // call bpf_get_attach_cookie
        RawInsn::new(0x18, 1, 2, 0, map as i32),
        RawInsn::new(0, 0, 0, 0, 0),
        RawInsn::new(0xdb, 1, 0, 0, 0), // lock *(u64 *)(r1 + 0) += r0
        RawInsn::new(0xb7, 0, 0, 0, 0),
        RawInsn::new(0x95, 0, 0, 0, 0),
    ]
    .map(RawInsn::to_bytes);
    call(
        Cmd::ProgLoad,
        ProgLoad {
            prog_type: prog_type as u32,
            insn_cnt: insns.len() as u32,
            insns: addr(&insns),
            license: addr(c"GPL".to_bytes_with_nul()),
            expected_attach_type,
            ..ProgLoad::default()
        },
    )
}

pub fn run() {
    use axbpf::abi::attr::MapCreate;
    let map = call(Cmd::MapCreate, MapCreate { map_type: 2, key_size: 4, value_size: 8, max_entries: 1, ..MapCreate::default() });
    let map = u32::try_from(map).unwrap();
    let sum = || {
        let mut value = [0; 8];
        axbpf::cmd::map_lookup_elem(map, &[0; 4], &mut value).unwrap();
        let now = u64::from_le_bytes(value);
        now - SUM.swap(now, Relaxed)
    };
    let multi = AttachType::TraceKprobeMulti as u32;
    let prog = u32::try_from(program(map, ProgType::Kprobe, multi)).unwrap();
    let plain = u32::try_from(program(map, ProgType::Kprobe, 0)).unwrap();
    let call_both = || core::hint::black_box(first(1) + second(2));

    // By address, with cookies.
    let addrs = [first as *const () as u64, second as *const () as u64];
    let cookies = [100u64, 1];
    let good = LinkCreateKprobeMulti {
        prog_fd: prog,
        attach_type: multi,
        cnt: 2,
        addrs: addr(&addrs),
        cookies: addr(&cookies),
        ..Default::default()
    };
    let link = u32::try_from(call(Cmd::LinkCreate, good)).unwrap();
    assert_eq!(call_both(), 6);
    assert_eq!(sum(), 101);
    axbpf::cmd::close(link).unwrap();
    call_both();
    assert_eq!(sum(), 0, "closing the link detaches");

    // By name, at the return, a program that was loaded for no attach type.
    let names: [&CStr; 2] = [c"axbpf_tests_guest::links::first", c"axbpf_tests_guest::links::second"];
    let syms = names.map(|name| addr(name.to_bytes_with_nul()));
    let by_name = LinkCreateKprobeMulti { prog_fd: plain, flags: 1, addrs: 0, syms: addr(&syms), ..good };
    let link = u32::try_from(call(Cmd::LinkCreate, by_name)).unwrap();
    assert_eq!(call_both(), 6);
    assert_eq!(sum(), 101);
    assert_eq!(axbpf::fds::link(link).unwrap().hits(), 2);
    // The program lives on in the link.
    axbpf::cmd::close(plain).unwrap();
    call_both();
    assert_eq!(sum(), 101);
    axbpf::cmd::close(link).unwrap();

    let unknown = [addr(c"no::such::function".to_bytes_with_nul()), syms[1]];
    let code = [addrs[0], addrs[1] + 1];
    let refused = [
        (LinkCreateKprobeMulti { syms: addr(&unknown), addrs: 0, ..good }, Errno::ENOENT),
        (LinkCreateKprobeMulti { addrs: addr(&code), ..good }, Errno::EINVAL),
        (LinkCreateKprobeMulti { addrs: addr(&SUM), cnt: 1, ..good }, Errno::EINVAL),
        (LinkCreateKprobeMulti { syms: addr(&syms), ..good }, Errno::EINVAL),
        (LinkCreateKprobeMulti { addrs: 0, ..good }, Errno::EINVAL),
        (LinkCreateKprobeMulti { cnt: 0, ..good }, Errno::EINVAL),
        (LinkCreateKprobeMulti { cnt: 1 << 21, ..good }, Errno::E2BIG),
        (LinkCreateKprobeMulti { flags: 2, ..good }, Errno::EINVAL),
        (LinkCreateKprobeMulti { link_flags: 1, ..good }, Errno::EINVAL),
        (LinkCreateKprobeMulti { attach_type: 0, ..good }, Errno::EINVAL),
        (LinkCreateKprobeMulti { addrs: 0x1000, ..good }, Errno::EFAULT),
        (LinkCreateKprobeMulti { prog_fd: map, ..good }, Errno::EINVAL),
        (LinkCreateKprobeMulti { prog_fd: 999, ..good }, Errno::EBADF),
    ];
    for (i, (attr, errno)) in refused.into_iter().enumerate() {
        assert_eq!(call(Cmd::LinkCreate, attr), errno.neg(), "case {i}");
    }
    assert_eq!(axbpf::kprobe::points(), 0, "all or none");
    let socket = u32::try_from(program(map, ProgType::Syscall, 0));
    assert!(socket.is_err(), "bpf_get_attach_cookie needs a context of a tracing program");
    axbpf::cmd::close(prog).unwrap();
    axbpf::cmd::close(map).unwrap();
}
