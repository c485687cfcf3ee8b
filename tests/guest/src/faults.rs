//! Addresses that are bad, read by a program: an error number and zeroes, never a panic.
use axbpf::abi::Errno;

/// `struct args` of bpf/faults.bpf.c.
const SIZE: usize = 24 + 16 + 16;

/// Results of reading bytes and a string, and both.
fn read(prog: &axbpf::Prog, addr: u64) -> (i64, i64, [u8; 16], [u8; 16]) {
    let mut args = [0; SIZE];
    args[..8].copy_from_slice(&addr.to_le_bytes());
    let run = prog.test_run(&axbpf::TestRunSpec::ctx(&args)).unwrap();
    assert_eq!(run.retval, 0);
    let args = run.ctx;
    let word = |at: usize| i64::from_le_bytes(args[at..at + 8].try_into().unwrap());
    (word(8), word(16), args[24..40].try_into().unwrap(), args[40..].try_into().unwrap())
}

pub fn run() {
    let object = crate::object!("faults");
    let prog = &object.program("read_it").unwrap().prog;
    let text = b"fifteen bytes..\0and more";
    let (bytes, string, copy, copied) = read(prog, text.as_ptr() as u64);
    assert_eq!((bytes, string), (0, 16));
    assert_eq!((&copy, &copied), (&text[..16].try_into().unwrap(), b"fifteen bytes..\0"));

    let efault = Errno::EFAULT.neg();
    let linear = axhal::mem::phys_to_virt(0.into()).as_usize() as u64;
    let before = axbpf::platform::fault::recovered();
    for (what, addr) in [
        ("null", 0),
        ("user half", 0x1000),
        ("not canonical", 0x0000_8000_0000_0000),
        ("no such kernel page", linear + 0x30_0000_0000),
        ("the last page", u64::MAX - 3),
        ("PLIC: reading it would acknowledge", linear + 0x0c20_1004),
        ("UART", linear + 0x1000_0000),
        ("no RAM there", linear + 0x9000_0000),
    ] {
        assert_eq!(read(prog, addr), (efault, efault, [0; 16], [0; 16]), "{what}");
    }
    assert!(axbpf::platform::fault::recovered() > before, "some of them have to fault");
}
