//! A program that prints the registers in its context, at a function's entry and at its return.
use axbpf::{Link, Target, TracePipe};

#[inline(never)]
extern "C" fn probed(a: i32, b: u32, c: u64, name: *const u8) -> u64 {
    core::hint::black_box((a, b, name));
    c ^ 0xffff
}

pub fn run() {
    let mut pipe = TracePipe::open().unwrap();
    assert!(TracePipe::open().is_none(), "there is one reader");
    let object = crate::object!("registers");
    let addr = probed as *const () as u64;
    let target = Target { symbol: alloc::format!("{addr:#x}"), cookie: 4711 };
    let entry = Link::kprobes(&object.program("print_regs").unwrap().prog, core::slice::from_ref(&target), false).unwrap();
    let ret = Link::kprobes(&object.program("print_result").unwrap().prog, core::slice::from_ref(&target), true).unwrap();
    let result = core::hint::black_box(probed)(-5, 4_000_000_000, 0xabc_0000, c"probed!".as_ptr().cast());
    assert_eq!(result, 0xabc_ffff);
    assert_eq!((entry.hits(), entry.missed(), ret.hits(), ret.missed()), (1, 0, 1, 0));
    drop((entry, ret));
    assert_eq!(core::hint::black_box(probed)(0, 0, 1, c"".as_ptr().cast()), 0xfffe);

    let mut line = || axtask::future::block_on(pipe.next());
    let first = line();
    assert!(first.text.starts_with(&alloc::format!("pc {addr:x} sp ffffff")), "{first}");
    assert_eq!(first.task, axtask::current().id().as_u64());
    assert!(first.comm.starts_with(b"main\0"), "{first}");
    assert_eq!(line().text, "args -5 4000000000 abc0000");
    assert_eq!(line().text, alloc::format!("func {addr:x} cookie 4711 name probed!"));
    let last = line();
    assert_eq!(last.text, alloc::format!("func {addr:x} returns abcffff"));
    assert!(alloc::format!("{last}").contains(": bpf_trace_printk: func"), "{last}");
    assert!(pipe.try_next().is_none(), "the links are gone");
}
