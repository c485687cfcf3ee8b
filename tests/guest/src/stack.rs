//! How much of the interrupted stack a hit uses before the program's own: at most 1 KiB.
use axbpf::{Link, Prog, ProgSpec, RawInsn};

const LIMIT: usize = 1024;
const LOOKED_AT: usize = 4096;
const PATTERN: u64 = 0x5af0_5af0_5af0_5af0;

core::arch::global_asm!(".global axguest_nothing", ".balign 4", "axguest_nothing: nop", "ret");
unsafe extern "C" {
    fn axguest_nothing();
}

/// Fills the stack below with a pattern, calls the probed function, and answers how far down it was changed.
#[inline(never)]
fn used() -> usize {
    let sp: usize;
    // SAFETY: reads a register.
    unsafe { core::arch::asm!("mv {}, sp", out(reg) sp) };
    let _same_stack = axbpf::platform::IrqGuard::new();
    // Below what this function itself may put there.
    let top = sp - 128;
    for at in (top - LOOKED_AT..top).step_by(8) {
        // SAFETY: the task's stack has 256 KiB, and nothing is below: IRQs are off, and no call is under way.
        unsafe { (at as *mut u64).write_volatile(PATTERN) };
    }
    // SAFETY: returns at once.
    unsafe { axguest_nothing() };
    // SAFETY: as above.
    let changed = (top - LOOKED_AT..top).step_by(8).find(|&at| unsafe { (at as *const u64).read_volatile() } != PATTERN);
    changed.map_or(0, |at| sp - at)
}

pub fn run() {
    let unprobed = used();
    let insns = [[0xb7, 0, 0, 0, 0, 0, 0, 0], [0x95, 0, 0, 0, 0, 0, 0, 0]].map(RawInsn::from_bytes).to_vec();
    let spec = ProgSpec::new("nothing", axbpf::abi::ProgType::Kprobe, insns);
    let prog = Prog::load(spec, &mut alloc::string::String::new()).unwrap();
    let target = alloc::format!("{:#x}", axguest_nothing as *const () as usize);
    let link = Link::kprobes(&prog, &[target.as_str().into()], false).unwrap();
    let probed = used();
    assert_eq!(link.hits(), 1);
    assert!(probed > unprobed, "the hit has to use something");
    println!("  a hit uses {probed} bytes of the interrupted stack");
    assert!(probed <= LIMIT, "{probed} bytes");
}
