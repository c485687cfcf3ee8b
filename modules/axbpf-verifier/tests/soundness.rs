//! What the verifier accepts does no harm: random programs that it accepts run with every access checked, on several contexts.
use axbpf_abi::{Arch, CtxLayout, MapType, ProgType};
use axbpf_isa::{AluOp, AtomicOp, Imm64, Insn, InsnIdx, JmpOp, Operand, RawInsn, Reg, Size, Width};
use axbpf_verifier::*;
use axbpf_vm::{Program, run_checked};

const PROGRAMS: usize = 40_000;
/// More than any program here walks: those that the verifier accepts end long before.
const BUDGET: u64 = 2_000_000;
const VALUE_SIZE: usize = 24;

/// The same numbers every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 11) as usize % n
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

fn reg(n: usize) -> Reg {
    Reg::new(n as u8).unwrap()
}

/// R1 and R6: context. R7: a map's value. R8: a number out of the context. The others: numbers. Some stack is set.
fn prologue() -> Vec<Insn> {
    let mov = |dst, src| Insn::Alu { op: AluOp::Mov, width: Width::W64, dst: reg(dst), src };
    let mut out = vec![
        mov(6, Operand::Reg(Reg::R1)),
        Insn::LoadImm64 { dst: reg(7), imm: Imm64::MapFdValue { fd: 1, off: 0 } },
        Insn::Load { size: Size::Dw, sx: false, dst: reg(8), src: Reg::R1, off: 16 },
    ];
    out.extend([0, 2, 3, 4, 5, 9].map(|n| mov(n, Operand::Imm(n as i32 * 3))));
    out.extend([-8, -16, -24].map(|off| Insn::Store { size: Size::Dw, dst: Reg::R10, off, src: Operand::Imm(7) }));
    out
}

fn random_insn(random: &mut Random) -> Insn {
    use AluOp::*;
    let ops = [Add, Sub, Mul, Div, Sdiv, Or, And, Lsh, Rsh, Mod, Smod, Xor, Mov, Arsh];
    let sizes = [Size::B, Size::H, Size::W, Size::Dw];
    let widths = [Width::W64, Width::W64, Width::W32];
    let imms = [0, 1, -1, 2, 3, 7, 8, 15, 16, 31, 63, 255, -8, -16, 0x7fff_ffff, i32::MIN];
    let numbers = [0, 2, 3, 4, 5, 8, 9];
    let jumps =
        [JmpOp::Eq, JmpOp::Ne, JmpOp::Gt, JmpOp::Ge, JmpOp::Lt, JmpOp::Le, JmpOp::Sgt, JmpOp::Sge, JmpOp::Slt, JmpOp::Sle, JmpOp::Set];
    let any = |random: &mut Random| reg(random.below(10));
    let base = |random: &mut Random| reg(random.of(&[1, 6, 7, 7, 10, 10, 10, 3, 9]));
    let off = |random: &mut Random| random.of(&[0i16, 0, 8, 8, 16, 4, 1, -8, -8, -16, -24, -32, -4, 20, 23, 248, 256, -512]);
    let dst = reg(random.of(&numbers));
    let src = if random.below(2) == 0 { Operand::Imm(random.of(&imms)) } else { Operand::Reg(reg(random.of(&numbers))) };
    match random.below(20) {
        0..=5 => Insn::Alu { op: random.of(&ops), width: random.of(&widths), dst, src },
        6 => Insn::Alu { op: Mov, width: Width::W64, dst, src: Operand::Reg(reg(random.below(11))) },
        7 => Insn::Alu { op: random.of(&[Add, Sub]), width: Width::W64, dst: any(random), src },
        8 => Insn::Neg { width: random.of(&widths), dst },
        9 => Insn::MovSx { width: Width::W64, dst, src: reg(random.of(&numbers)), from: random.of(&sizes[..3]) },
        10 | 11 => Insn::Load { size: random.of(&sizes), sx: false, dst, src: base(random), off: off(random) },
        12 | 13 => {
            let src = if random.below(3) == 0 { Operand::Imm(random.of(&imms)) } else { Operand::Reg(any(random)) };
            Insn::Store { size: random.of(&sizes), dst: base(random), off: off(random), src }
        }
        14 => {
            let op = random.of(&[AtomicOp::Add { fetch: true }, AtomicOp::Or { fetch: false }, AtomicOp::Xchg, AtomicOp::Cmpxchg]);
            Insn::Atomic { op, size: random.of(&sizes[2..]), dst: base(random), off: off(random), src: reg(random.of(&numbers)) }
        }
        _ => {
            // Mostly forwards; backwards makes loops.
            let offset = random.of(&[1i16, 1, 2, 2, 3, 4, 5, -3, -5]);
            Insn::Branch { op: random.of(&jumps), width: random.of(&widths), dst: any(random), src, offset }
        }
    }
}

fn encode(insns: &[Insn]) -> Vec<RawInsn> {
    insns.iter().flat_map(|insn| insn.encode().map(|(first, second)| std::iter::once(first).chain(second)).into_iter().flatten()).collect()
}

#[test]
fn accepted_programs_do_no_harm() {
    let mut random = Random(0x5eed_1234_5678_9abc);
    let mut accepted = 0;
    let mut reasons = std::collections::BTreeMap::<String, usize>::new();
    for number in 0..PROGRAMS {
        let mut insns = prologue();
        let mut body: Vec<Insn> = (0..random.below(14) + 2).map(|_| random_insn(&mut random)).collect();
        if random.below(2) == 0 {
            // As programs do: the number is bounded before it is used.
            body.insert(0, Insn::Alu { op: AluOp::And, width: Width::W64, dst: reg(8), src: Operand::Imm(random.of(&[1, 7, 31])) });
        }
        insns.extend(body);
        insns.push(Insn::Alu { op: AluOp::Mov, width: Width::W64, dst: Reg::R0, src: Operand::Imm(0) });
        insns.push(Insn::Exit);
        let mut slots = encode(&insns);
        let map = |_: InsnIdx| Some(MapInfo { id: 1, map_type: MapType::Array, key_size: 4, value_size: VALUE_SIZE as u32, flags: 0 });
        let request = Request {
            slots: &slots,
            prog_type: ProgType::Kprobe,
            ctx: CtxLayout::of(ProgType::Kprobe, Arch::Riscv64).unwrap(),
            gpl: true,
            strict_alignment: false,
            map: &map,
            helper: &|_| None,
            source: &|_| None,
            log_level: 0,
            limits: Limits { insns: 20_000, ..Limits::default() },
        };
        let verdict = match verify(&request, &mut String::new()) {
            Ok(verdict) => verdict,
            Err(rejected) => {
                let text = rejected.reason.to_string();
                *reasons.entry(text.split([' ', ',']).skip(1).take(3).collect::<Vec<_>>().join(" ")).or_default() += 1;
                continue;
            }
        };
        accepted += 1;
        for round in 0..6u64 {
            let mut value = [0u64; VALUE_SIZE / 8];
            let fill: [u64; 6] = [0, u64::MAX, 1, 1 << 63, 0x8000_0000, random.next()];
            let mut ctx: Vec<u64> = (0..32).map(|word| fill[round as usize].wrapping_mul(word % 3 + 1) ^ (word & round)).collect();
            let at = value.as_mut_ptr().expose_provenance() as u64;
            for (slot, upper) in [(1, at as u32), (2, (at >> 32) as u32)] {
                slots[slot].imm = upper as i32;
            }
            slots[1] = RawInsn::new(0x18, 7, 0, 0, at as u32 as i32);
            let program = Program::new(slots.clone(), verdict.facts.clone(), &|_| None).unwrap_or_else(|error| panic!("{number}: {error}"));
            let args = [ctx.as_mut_ptr().expose_provenance() as u64, 0];
            let before = ctx.clone();
            // SAFETY: two arrays of words, as bytes.
            let (ctx_bytes, value_bytes) = unsafe {
                (
                    std::slice::from_raw_parts_mut(ctx.as_mut_ptr().cast(), 256),
                    std::slice::from_raw_parts_mut(value.as_mut_ptr().cast(), VALUE_SIZE),
                )
            };
            let result = run_checked(&program, &mut [ctx_bytes, value_bytes], args, BUDGET);
            let text = || insns.iter().map(|insn| format!("  {insn}\n")).collect::<String>();
            assert!(result.is_ok(), "program {number}, round {round}: {result:?}\n{}", text());
            assert_eq!(ctx, before, "program {number} wrote to its context:\n{}", text());
        }
    }
    println!("{accepted} of {PROGRAMS} accepted; refused: {reasons:?}");
    assert!(accepted > PROGRAMS / 20, "only {accepted} of {PROGRAMS} are accepted: too few to tell anything");
}
