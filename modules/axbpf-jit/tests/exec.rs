mod machine;
#[path = "../../../tests/data/harness.rs"]
mod harness;
use axbpf_jit::{Target, compile, riscv64::Features};
use axbpf_vm::{Accepted, Program};
use machine::Code;

#[test]
fn vectors() {
    for v in harness::vectors() {
        let Ok(expected) = v.expected else { continue };
        let accepted = unsafe { Accepted::new(Program::unchecked(v.slots, &|_| None).unwrap()) };
        for c in [false, true] { for z in [false, true] {
            let image = compile(&accepted, Target::Riscv64(Features { c, zba: z, zbb: z })).unwrap_or_else(|e| panic!("{}: {e}", v.name));
            if cfg!(target_arch = "riscv64") {
                let mut mem = v.mem.clone();
                let args = if mem.is_empty() { [0, 0] } else { [mem.as_mut_ptr() as u64, mem.len() as u64] };
                let found = Code::new(&image).run(args);
                if found != expected { println!("XX {} c={c} z={z}: {found:#x} {expected:#x}", v.name); }
            }
        } }
    }
}
