//! Programs that nobody verified, compiled: to be looked at, or, as conformance vectors, to be run.
#![expect(unsafe_code, reason = "the compiler takes accepted programs only; the user of this command answers for these")]

use axbpf_isa::{
    InsnIdx, RawInsn, insns,
    opcode::{LDDW, PSEUDO_MAP_IDX, PSEUDO_MAP_IDX_VALUE},
};
use axbpf_jit::{Image, Jit, Target, compile};
use axbpf_loader::LinkedProgram;
use axbpf_platform::Draft;
use axbpf_vm::{Accepted, Engine as _, Program};

use crate::Failure;

/// Where maps stand in a riscv64 kernel, nearly: addresses of this size decide how long their loads are.
const MAPS: u64 = 0xffff_ffc0_8100_0000;

/// The back-end of this name.
pub fn target(name: &str) -> Result<Target, Failure> {
    Target::named(name).ok_or_else(|| Failure::unusable(format!("no back-end for {name}; riscv64 is there")))
}

/// Machine code of a linked program. Maps get addresses as a kernel has them; helpers are called through their stubs.
pub fn image(linked: &LinkedProgram, target: Target) -> Result<Image, String> {
    extern "C" fn helper(_: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
        0
    }
    let program = Program::unchecked(placed(linked), &|_| Some(helper)).map_err(|e| e.to_string())?;
    // SAFETY: the program is only translated; nothing here runs it.
    let accepted = unsafe { Accepted::new(program) };
    compile(&accepted, target).map_err(|e| e.to_string())
}

/// Runs a program that nobody verified with these values in R1 and R2.
pub fn execute(program: Program, args: [u64; 2]) -> Result<u64, String> {
    let target = Target::host().ok_or("there is no compiler for this machine; use --engine interp")?;
    // SAFETY: conformance vectors stay in their memory and end; whoever calls this with others asked for what then happens.
    let accepted = unsafe { Accepted::new(program) };
    let image = compile(&accepted, target).map_err(|e| e.to_string())?;
    let mut draft = Draft::new(image.code.len()).ok_or("no memory for the code")?;
    let at = draft.addr();
    image.write_to(draft.bytes_mut(), at as u64).ok_or("no memory for the code")?;
    let code = draft.seal().ok_or("no memory for the code")?;
    // SAFETY: 1. Written just above, for this address. 2. Sealed code does not change. 3. For this machine.
    let jit = unsafe { Jit::new(&image, code, at) };
    // SAFETY: as for `accepted`.
    Ok(unsafe { jit.run_with(args) })
}

/// The slots with an address in place of each map.
fn placed(linked: &LinkedProgram) -> Vec<RawInsn> {
    let mut slots = linked.insns.clone();
    let starts: Vec<InsnIdx> = insns(&linked.insns).map(|(at, _)| at).collect();
    for at in starts.into_iter().map(InsnIdx::at) {
        let [first, second, ..] = &mut slots[at..] else { continue };
        if first.opcode == LDDW && matches!(first.src(), PSEUDO_MAP_IDX | PSEUDO_MAP_IDX_VALUE) {
            let address = MAPS + 0x1000 * u64::from(first.imm as u32) + u64::from(second.imm as u32);
            *first = RawInsn::new(LDDW, first.dst(), 0, 0, address as i32);
            second.imm = (address >> 32) as i32;
        }
    }
    slots
}

/// `ret`, with which every function ends.
const RET: [u8; 2] = [0x82, 0x80];

/// The machine instructions that a slot became, one a line: offset and word. The first slot brings the program's prologue; epilogues and
/// prologues of subprograms follow the slot before them. Of the constants and stubs behind the last function only the size is shown.
pub fn words(image: &Image, from: InsnIdx, to: InsnIdx) -> String {
    let offset = |slot: InsnIdx| image.slots.get(slot.at()).map(|&o| o as usize);
    let (mut at, end) = (if from == InsnIdx(0) { 0 } else { offset(from).unwrap_or(image.code.len()) }, offset(to));
    let mut out = String::new();
    while at < end.unwrap_or(image.code.len()) {
        // RISC-V: 4 bytes if the two lowest bits are set, else 2.
        let rest = &image.code[at..];
        let len = if rest[0] & 3 == 3 { 4 } else { 2 }.min(rest.len());
        let word: String = rest[..len].iter().rev().map(|b| format!("{b:02x}")).collect();
        out += &format!("{at:>16x}: {word}\n");
        at += len;
        if end.is_none() && rest.starts_with(&RET) {
            break;
        }
    }
    if end.is_none() && at < image.code.len() {
        out += &format!("{at:>16x}: {} bytes of constants and stubs\n", image.code.len() - at);
    }
    out
}
