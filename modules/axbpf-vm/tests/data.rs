//! The vectors of tests/data on both ways to interpret, and on rbpf where it knows the instructions.
#[path = "../../../tests/data/harness.rs"]
mod harness;

use axbpf_abi::{Facts, Subprog};
use axbpf_isa::{AluOp, ByteOrder, Callee, Insn, RawInsn, insns};
use axbpf_vm::{Accepted, Engine, Interpreter, Program, run_checked};
use harness::{Vector, vectors};

const BUDGET: u64 = 100_000_000;

/// R1 and R2 for a vector.
fn args(mem: &[u8]) -> [u64; 2] {
    if mem.is_empty() { [0, 0] } else { [mem.as_ptr().expose_provenance() as u64, mem.len() as u64] }
}

/// Memory of a vector, at a multiple of 8 as a context has it.
struct Aligned(Vec<u64>, usize);

impl Aligned {
    fn new(bytes: &[u8]) -> Self {
        let words = bytes.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_ne_bytes(word)
        });
        Aligned(words.collect(), bytes.len())
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: any bytes make u64s and these bytes lie within the vector.
        unsafe { core::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.1) }
    }
}

/// The vector with frames small enough for a whole call chain to fit into one stack.
fn small_frames(slots: &[RawInsn]) -> Program {
    let facts = Program::unchecked(slots.to_vec(), &|_| None).unwrap().facts().clone();
    let stack = if facts.subprogs.len() == 1 { 512 } else { 64 };
    let subprogs = facts.subprogs.iter().map(|&subprog| Subprog { stack, ..subprog }).collect();
    Program::new(slots.to_vec(), Facts { subprogs, max_stack: 512, ..Facts::default() }, &|_| None).unwrap()
}

#[test]
fn checked() {
    for Vector { name, slots, mem, expected } in vectors() {
        let mut mem = Aligned::new(&mem);
        let args = args(mem.bytes());
        let found = Program::unchecked(slots, &|_| None)
            .map_err(|refused| refused.to_string())
            .and_then(|program| run_checked(&program, &mut [mem.bytes()], args, BUDGET).map_err(|fault| fault.to_string()));
        match expected {
            Ok(value) => assert_eq!(found, Ok(value), "{name}"),
            Err(part) => assert!(found.as_ref().is_err_and(|message| message.contains(&part)), "{name}: {found:?}"),
        }
    }
}

#[test]
fn trusted() {
    for Vector { name, slots, mem, expected } in vectors() {
        let Ok(expected) = expected else { continue };
        let mut mem = Aligned::new(&mem);
        let args = args(mem.bytes());
        // SAFETY: the checked run of the same vector (above) found no access outside this memory.
        let accepted = unsafe { Accepted::new(small_frames(&slots)) };
        let engine = Interpreter::new(accepted).unwrap();
        // SAFETY: as before.
        assert_eq!(unsafe { engine.run_with(args) }, expected, "{name}");
    }
}

/// Vectors on which rbpf 0.4 differs from RFC 9669 (and from Linux, which agrees with these results).
const RBPF_DIFFERS: [&str; 9] = [
    // zero-extends the immediate of a 64-bit comparison
    "jeq64",
    "jge64",
    "jlt64",
    "jne64",
    // keeps the upper half of a 32-bit remainder by zero
    "mod-by-zero32-imm",
    "mod-by-zero32-reg",
    // panics on overflow
    "neg64-min",
    // passes no length in R2
    "mem-length",
    "fnv1a",
];

/// What rbpf 0.4 lacks of the instruction set, or reads otherwise.
fn is_beyond_rbpf(insn: &Insn) -> bool {
    match insn {
        Insn::Atomic { .. } | Insn::MovSx { .. } | Insn::MayGoto { .. } => true,
        Insn::Load { sx, .. } => *sx,
        Insn::Jump { long, .. } => *long,
        Insn::End { order, .. } => *order == ByteOrder::Swap,
        Insn::Alu { op, .. } => matches!(op, AluOp::Sdiv | AluOp::Smod),
        Insn::Call(callee) => matches!(callee, Callee::Local { .. }),
        _ => false,
    }
}

#[test]
fn rbpf_agrees() {
    let mut judged = 0;
    for Vector { name, slots, mem, expected } in vectors() {
        let Ok(expected) = expected else { continue };
        if RBPF_DIFFERS.contains(&&*name) || insns(&slots).any(|(_, insn)| is_beyond_rbpf(&insn.unwrap())) {
            continue;
        }
        let bytes: Vec<u8> = slots.iter().flat_map(|slot| slot.to_bytes()).collect();
        let mut vm = rbpf::EbpfVmRaw::new(None).unwrap();
        vm.set_verifier(|_| Ok(())).unwrap();
        vm.set_program(&bytes).unwrap();
        let mut mem = Aligned::new(&mem);
        assert_eq!(vm.execute_program(mem.bytes()).ok(), Some(expected), "{name}");
        judged += 1;
    }
    assert!(judged > 120, "only {judged} vectors judged");
}
