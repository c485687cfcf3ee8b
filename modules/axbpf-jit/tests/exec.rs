//! Compiled programs: compiled on every host, run where the host is the target (the riscv64 tests run under qemu-user).
#[path = "../../../tests/data/harness.rs"]
mod harness;
mod machine;

use axbpf_abi::{Facts, Subprog};
use axbpf_isa::{RawInsn, asm::assemble};
use axbpf_jit::riscv64::Features;
use axbpf_jit::{Target, compile};
use axbpf_vm::{Accepted, HelperFn, Program};

/// Every combination of what code may use.
fn all_features() -> impl Iterator<Item = Features> {
    (0..8).map(|bits| Features { c: bits & 1 != 0, zba: bits & 2 != 0, zbb: bits & 4 != 0 })
}

/// Compiles the program and, where the host can, compares its result.
fn check(name: &str, program: Program, mem: &[u8], features: Features, expected: u64) {
    // SAFETY: the interpreter's tests run the same programs with every access checked.
    let accepted = unsafe { Accepted::new(program) };
    let image = compile(&accepted, Target::Riscv64(features)).unwrap_or_else(|error| panic!("{name}: {error}"));
    if cfg!(target_arch = "riscv64") {
        let mut words: Vec<u64> =
            mem.chunks(8).map(|chunk| chunk.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))).collect();
        let args = if mem.is_empty() { [0, 0] } else { [words.as_mut_ptr().expose_provenance() as u64, mem.len() as u64] };
        let found = machine::run(&image, args);
        assert_eq!(found, expected, "{name}, {features:?}: {found:#x}, not {expected:#x}");
    }
}

fn unchecked(slots: &[RawInsn]) -> Program {
    Program::unchecked(slots.to_vec(), &|_| None).unwrap()
}

#[test]
fn vectors() {
    for vector in harness::vectors() {
        let Ok(expected) = vector.expected else { continue };
        for features in all_features() {
            check(&vector.name, unchecked(&vector.slots), &vector.mem, features, expected);
        }
    }
}

/// Jumps over, and back over, so much code that each length of jump is needed: around 256 bytes, 2 KiB, 4 KiB, and over 1 MiB.
#[test]
fn jumps_of_every_length() {
    // Four bytes a multiplication; without Zbb some eighty a byte swap, so that 16 bits of slots reach over more than 20 bits of code.
    let counts = [1, 40, 62, 63, 64, 125, 127, 128, 500, 512, 1000, 1022, 1023, 1024, 1025, 2050];
    let gaps = counts.map(|count| "r9 *= r8\n".repeat(count)).into_iter().chain(["r9 = be64 r9\n".repeat(16_000)]);
    for gap in gaps {
        // Taken and not taken, unconditional, backward, conditional backward, and a call over the distance.
        let source = format!(
            "r0 = 0\nr6 = 2\nr8 = 1\nr9 = 1\nif r6 == 2 goto far\nexit\nback: r0 += 1\nr6 += -1\nif r6 != 0 goto again\ngotol end\n{gap}\
             far: r0 += 10\nif r6 == 3 goto back2\nif w0 s< 1000 goto back\nback2: exit\n{gap}again: r0 += 100\nif r6 == 7 goto back3\n\
             if r6 == 1 goto far2\nback3: exit\nfar2: gotol back\n{gap}end: r0 += 1000\nr7 = r0\ncall sub\nr0 += r7\nexit\n{gap}exit\n\
             sub: r0 = 5000\nexit\n"
        );
        let slots = assemble(&source).unwrap();
        for features in [Features::GC, Features { c: false, ..Features::GC }] {
            check(&format!("gap of {} slots", gap.lines().count()), unchecked(&slots), &[], features, 6112);
        }
    }
}

extern "C" fn weigh(a: u64, b: u64, c: u64, d: u64, e: u64) -> u64 {
    a + 10 * b + 100 * c + 1000 * d + 10_000 * e
}

#[test]
fn helpers_take_and_keep_what_the_abi_says() {
    let source = "r6 = 6\nr7 = 7\nr8 = 8\nr9 = 9\n*(u64 *)(r10 - 8) = 3\nr1 = 1\nr2 = 2\nr3 = 3\nr4 = 4\nr5 = 5\ncall 1\nr6 += r7\nr6 += r8\n\
                  r6 += r9\nr0 += r6\nr1 = r0\nr2 = 0\nr3 = 0\nr4 = 0\nr5 = 0\ncall 1\nr1 = *(u64 *)(r10 - 8)\nr0 += r1\nexit";
    for features in all_features() {
        let program = Program::unchecked(assemble(source).unwrap(), &|id| (id == 1).then_some(weigh as HelperFn)).unwrap();
        check("helpers", program, &[], features, 54_321 + 30 + 3);
    }
}

/// Constants of every length, through registers and memory.
#[test]
fn constants() {
    let mut values = vec![0u64, u64::MAX, 0x1234_5678_9abc_def0, 0xffff_ffc0_8020_1234, 0x8000_0000_0000_0001, i64::MAX as u64];
    for shift in 0..64 {
        values.extend([
            1 << shift,
            (1 << shift) - 1,
            !(1 << shift),
            0xfff << shift,
            0x8001 << shift,
            (1 << shift) + 0x800,
            (1u64 << shift).wrapping_sub(0x801),
        ]);
    }
    let loads: String = values.iter().map(|value| format!("r0 *= 31\nr1 = {value} ll\nr0 += r1\n")).collect();
    let expected = values.iter().fold(0u64, |sum, &value| sum.wrapping_mul(31).wrapping_add(value));
    for features in [Features::GC, Features { c: false, ..Features::GC }] {
        check("constants", unchecked(&assemble(&format!("r0 = 0\n{loads}exit")).unwrap()), &[], features, expected);
    }
}

/// What the verifier found unreachable has no code, and branches there are no branches.
#[test]
fn dead_code_is_left_out() {
    let source = "r0 = 1\nif r0 == 1 goto +2\nr0 = 7\nexit\nif r0 == 2 goto dead\nr0 += 1\nexit\ndead: r0 = 9\nexit";
    let facts = |dead: &[u32]| Facts {
        subprogs: vec![Subprog { start: 0, end: 9, stack: 0, ..Subprog::default() }],
        max_stack: 0,
        dead: dead.to_vec(),
        ..Facts::default()
    };
    let program = |dead: &[u32]| Program::new(assemble(source).unwrap(), facts(dead), &|_| None).unwrap();
    check("dead code", program(&[2, 3, 7, 8]), &[], Features::GC, 2);
    let len = |dead: &[u32]| {
        // SAFETY: not run.
        let accepted = unsafe { Accepted::new(program(dead)) };
        compile(&accepted, Target::Riscv64(Features::GC)).unwrap().code.len()
    };
    assert!(len(&[2, 3, 7, 8]) < len(&[]) - 10);
}

#[test]
fn errors_name_the_instruction() {
    // SAFETY: not run.
    let accepted = unsafe { Accepted::new(unchecked(&assemble("r0 = 0\nr10 += 8\nexit").unwrap())) };
    let error = compile(&accepted, Target::Riscv64(Features::GC)).unwrap_err();
    assert_eq!(error.to_string(), "insn 1: R10 is read-only; copy it to another register");
}

#[test]
fn targets_have_names() {
    assert_eq!(Target::named("riscv64"), Some(Target::Riscv64(Features::GC)));
    assert_eq!(Target::named("pdp11"), None);
    assert_eq!(Target::host().is_some(), cfg!(target_arch = "riscv64"));
}

/// Calls its first argument as C does, with the others as R1 to R4.
extern "C" fn apply(func: u64, a: u64, b: u64, c: u64, d: u64) -> u64 {
    if cfg!(not(target_arch = "riscv64")) {
        return 0;
    }
    // SAFETY: a subprogram of the code that called this.
    let func = unsafe {
        core::mem::transmute::<*const u8, extern "C" fn(u64, u64, u64, u64, u64) -> u64>(core::ptr::with_exposed_provenance(func as usize))
    };
    func(a, b, c, d, 0)
}

/// Subprograms as C's functions: their address near and far, their arguments, result and saved registers, with calls of their own and without.
#[test]
fn callbacks_are_functions_of_c() {
    for gap in [0, 3, 3000] {
        let gap = "r0 = be64 r0\n".repeat(gap);
        let source = format!(
            "r6 = 6\nr7 = 7\nr8 = 8\nr9 = 9\n*(u64 *)(r10 - 8) = 3\nr1 = 0 ll\nr2 = 1\nr3 = 2\nr4 = 3\nr5 = 4\ncall 1\nr6 += r0\n\
             r1 = 0 ll\nr2 = 10\nr3 = 20\nr4 = 30\nr5 = 40\ncall 1\nr0 += r6\nr0 += r7\nr0 += r8\nr0 += r9\nr1 = *(u64 *)(r10 - 8)\nr0 += r1\n\
             exit\n{gap}r0 = 0\nexit\n\
             leaf: r6 = r1\nr7 = r2\nr8 = 100\nr0 = r6\nr0 += r7\nr0 += r3\nr0 += r4\nr0 *= r8\nexit\n\
             deep: r6 = r1\nr7 = r2\n*(u64 *)(r10 - 8) = r3\nr8 = r4\ncall leaf\nr9 = r0\nr0 = r6\nr0 += r7\nr0 += r8\nr1 = *(u64 *)(r10 - 8)\n\
             r0 += r1\nr0 += r9\nexit"
        );
        let mut slots = assemble(&source).unwrap();
        // The wide loads are of the addresses of `leaf` and of `deep`.
        let (leaf, deep) = (slots.len() - 9 - 13, slots.len() - 13);
        let loads: Vec<usize> = (0..slots.len()).filter(|&at| slots[at].to_bytes()[0] == 0x18).collect();
        for (&at, target) in loads.iter().zip([leaf, deep]) {
            const PSEUDO_FUNC: u8 = 4;
            slots[at] = RawInsn::new(0x18, 1, PSEUDO_FUNC, 0, (target - at - 1) as i32);
        }
        // (1 + .. + 4) * 100 by `leaf`; 10 + .. + 40 by `deep`, and 100 times as much by `leaf` for it.
        let (first, second) = (1000, 100 + 100 * 100);
        let sum = 6 + first + second + 7 + 8 + 9 + 3;
        for features in [Features::GC, Features { c: false, ..Features::GC_ZBA_ZBB }] {
            let program = Program::unchecked(slots.clone(), &|id| (id == 1).then_some(apply as HelperFn)).unwrap();
            check("callbacks", program, &[], features, sum);
        }
    }
}
