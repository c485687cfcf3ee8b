//! Programs that make the verifier work: how long an instruction takes it, and whether its time grows with the program alone.
use axbpf_isa::{RawInsn, asm::assemble};

/// What is repeated, one slot each. No jumps: what comes back is `slots` long.
const STRAIGHT: [&str; 8] =
    ["r0 += 1", "r1 = r0", "r1 &= 255", "w0 ^= w1", "*(u64 *)(r10 - 8) = r0", "r0 = *(u64 *)(r10 - 8)", "r0 *= 3", "r0 >>= 1"];

fn slots_of(lines: &[&str]) -> Vec<RawInsn> {
    assemble(&lines.join("\n")).expect("the generator writes what the assembler reads")
}

/// The body again and again, `slots` in all with a beginning and an end.
fn repeat(body: &[RawInsn], slots: usize) -> Vec<RawInsn> {
    let (begin, end) = (slots_of(&["r0 = 1"]), slots_of(&["exit"]));
    let mut out = Vec::with_capacity(slots);
    out.extend(begin.iter().chain(body.iter().cycle().take(slots.saturating_sub(2))).chain(&end));
    out
}

/// `slots` instructions on one path: arithmetic, spills and fills.
pub fn straight(slots: usize) -> Vec<RawInsn> {
    repeat(&slots_of(&STRAIGHT), slots)
}

/// As many, with a branch on a number that nobody knows in every 128: each is walked on both sides, which meet again.
pub fn branches(slots: usize) -> Vec<RawInsn> {
    let mut body = slots_of(&["call 7", "if r0 > 9 goto +2", "r6 = r0", "r6 += 1"]);
    body.extend(slots_of(&STRAIGHT).iter().cycle().take(124));
    repeat(&body, slots)
}

/// A loop of which nobody knows how often it goes round: walked to the limit, and refused.
pub fn unknown_rounds() -> Vec<RawInsn> {
    assemble("call 7\nr6 = r0\nr0 = 0\nr0 += 1\nif r0 < r6 goto -2\nexit\n").expect("as above")
}

/// Linux walks 140,015 instructions for such a loop.
pub fn rounds() -> Vec<RawInsn> {
    let body: String = STRAIGHT.iter().map(|line| format!("{line}\n")).collect();
    assemble(&format!("r6 = 0\nr0 = 1\n{body}r6 += 1\nif r6 < 10000 goto -10\nexit\n")).expect("as above")
}
