//! What the verifier accepts does no harm: random programs that it accepts run with every access checked, on several contexts.
use axbpf_abi::{Arch, CtxLayout, HelperProto, MapType, ProgType, helpers};
use axbpf_isa::{AluOp, AtomicOp, Callee, Imm64, Insn, InsnIdx, JmpOp, Operand, RawInsn, Reg, Size, Width};
use axbpf_verifier::*;
use axbpf_vm::{Program, run_checked};

mod judge;

/// `AXBPF_FUZZ_PROGRAMS` and `AXBPF_FUZZ_SEED` in the environment ask for others.
const PROGRAMS: usize = 20_000;
/// More than any program here walks: those that the verifier accepts end long before.
const BUDGET: u64 = 2_000_000;
const VALUE_SIZE: usize = 24;
const RECORD_SIZE: usize = 16;

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

fn mov(dst: usize, src: Operand) -> Insn {
    Insn::Alu { op: AluOp::Mov, width: Width::W64, dst: reg(dst), src }
}

/// R1 and R6: context. R7: a map's value. R8: a number out of the context. The others: numbers. Some stack is set.
fn prologue() -> Vec<Insn> {
    let mut out = vec![
        mov(6, Operand::Reg(Reg::R1)),
        Insn::LoadImm64 { dst: reg(7), imm: Imm64::MapFdValue { fd: 1, off: 0 } },
        Insn::Load { size: Size::Dw, sx: false, dst: reg(8), src: Reg::R1, off: 16 },
    ];
    out.extend([0, 2, 3, 4, 5, 9].map(|n| mov(n, Operand::Imm(n as i32 * 3))));
    out.extend([-8, -16, -24].map(|off| Insn::Store { size: Size::Dw, dst: Reg::R10, off, src: Operand::Imm(7) }));
    out
}

/// Pointer to the stack, `off` bytes below its upper end.
fn stack(dst: usize, off: i32) -> [Insn; 2] {
    [mov(dst, Operand::Reg(Reg::R10)), Insn::Alu { op: AluOp::Add, width: Width::W64, dst: reg(dst), src: Operand::Imm(-off) }]
}

/// A call with what it needs, mostly; R1 is the context again afterwards, and R2 to R5 are numbers.
fn random_call(random: &mut Random, functions: bool) -> Vec<Insn> {
    let mut out = Vec::new();
    let helper = |id: &HelperProto| Insn::Call(Callee::Helper(id.id));
    match random.below(if functions { 6 } else { 5 }) {
        0 | 1 => {
            out.push(Insn::LoadImm64 { dst: Reg::R1, imm: Imm64::MapFd(1) });
            out.extend(stack(2, random.of(&[8, 8, 16, 24, 20, 28, 2])));
            out.push(helper(&helpers::MAP_LOOKUP_ELEM));
            if random.below(4) != 0 {
                out.push(Insn::Branch {
                    op: JmpOp::Eq,
                    width: Width::W64,
                    dst: Reg::R0,
                    src: Operand::Imm(0),
                    offset: random.of(&[5, 6, 7]),
                });
            }
        }
        2 => {
            out.extend(stack(1, random.of(&[8, 16, 24, 32])));
            out.push(mov(2, if random.below(2) == 0 { Operand::Reg(Reg::R8) } else { Operand::Imm(random.of(&[0, 8, 16, 24, 25])) }));
            out.extend([mov(3, Operand::Imm(0)), helper(&helpers::PROBE_READ_KERNEL)]);
        }
        3 => {
            out.push(Insn::LoadImm64 { dst: Reg::R1, imm: Imm64::MapFd(2) });
            out.extend([mov(2, Operand::Imm(RECORD_SIZE as i32)), mov(3, Operand::Imm(0)), helper(&helpers::RINGBUF_RESERVE)]);
            if random.below(8) != 0 {
                // Null, or used, perhaps kept elsewhere, and mostly given back.
                let off = random.of(&[0i16, 8, 8, 12]);
                let uses = [
                    Insn::Store { size: Size::Dw, dst: Reg::R0, off, src: Operand::Imm(1) },
                    mov(1, Operand::Reg(Reg::R0)),
                    Insn::Store { size: Size::Dw, dst: Reg::R10, off: -24, src: Operand::Reg(Reg::R0) },
                    mov(2, Operand::Imm(0)),
                    helper(&helpers::RINGBUF_SUBMIT),
                ];
                let skip = random.of(&[5i16, 5, 5, 5, 5, 5, 4, 6]);
                out.push(Insn::Branch { op: JmpOp::Eq, width: Width::W64, dst: Reg::R0, src: Operand::Imm(0), offset: skip });
                out.extend(uses);
                out.push(mov(0, Operand::Imm(0)));
            }
        }
        4 => out.push(helper(&helpers::GET_PRANDOM_U32)),
        // Where it leads is known when all is there.
        _ => {
            match random.below(3) {
                0 => out.extend(stack(1, random.of(&[8, 16, 24]))),
                1 => out.push(mov(1, Operand::Reg(reg(random.of(&[6, 7, 8]))))),
                _ => {}
            }
            out.push(Insn::Call(Callee::Local { offset: 0 }));
        }
    }
    out.extend([mov(1, Operand::Reg(Reg::R6))]);
    out.extend([2, 3, 4, 5].map(|n| mov(n, Operand::Imm(n as i32))));
    out
}

fn random_body(random: &mut Random, functions: bool) -> Vec<Insn> {
    let mut out = Vec::new();
    for _ in 0..random.of(&[1, 2, 3, 4, 6, 12]) {
        match random.below(12) {
            0 => out.extend(random_call(random, functions)),
            1 => out.extend(random_access(random)),
            2 => out.extend(random_loop(random)),
            _ => out.push(random_insn(random)),
        }
    }
    out
}

/// A number is bounded in some way, perhaps well enough, perhaps through a copy of it, and added to a pointer that is used then.
fn random_access(random: &mut Random) -> Vec<Insn> {
    let number = random.of(&[2usize, 3, 4, 5, 8, 8, 9]);
    let copy = random.of(&[2usize, 3, 4, 5, 9]);
    let bound = random.of(&[1, 3, 7, 8, 15, 16, 20, 23, 24, 31, 64]);
    let width = random.of(&[Width::W64, Width::W64, Width::W32]);
    let mut out = Vec::new();
    if random.below(2) == 0 {
        out.push(Insn::Load { size: random.of(&[Size::B, Size::H, Size::W, Size::Dw]), sx: false, dst: reg(number), src: reg(6), off: 24 });
    }
    if random.below(3) == 0 {
        out.push(Insn::Alu { op: AluOp::Mov, width, dst: reg(copy), src: Operand::Reg(reg(number)) });
        if random.below(2) == 0 {
            out.push(Insn::Alu {
                op: random.of(&[AluOp::Add, AluOp::Sub]),
                width,
                dst: reg(copy),
                src: Operand::Imm(random.of(&[1, 4, -8])),
            });
        }
    }
    if random.below(4) == 0 {
        // Cut off by shifts, as programs without 32-bit operations do.
        let (by, back) = (random.of(&[32, 32, 48, 56, 31]), random.of(&[AluOp::Rsh, AluOp::Rsh, AluOp::Arsh]));
        let shift = |op| Insn::Alu { op, width: Width::W64, dst: reg(copy), src: Operand::Imm(by) };
        out.extend([Insn::Alu { op: AluOp::Mov, width: Width::W64, dst: reg(copy), src: Operand::Reg(reg(number)) }, shift(AluOp::Lsh)]);
        if random.below(8) == 0 {
            out.push(random_insn(random));
        }
        out.push(shift(back));
    }
    let checked = random.of(&[number, number, copy]);
    match random.below(4) {
        0 => out.push(Insn::Alu { op: AluOp::And, width, dst: reg(checked), src: Operand::Imm(bound) }),
        1 => {
            // The body that follows is skipped if the number is too large.
            let op = random.of(&[JmpOp::Gt, JmpOp::Ge, JmpOp::Sgt, JmpOp::Ne, JmpOp::Set]);
            out.push(Insn::Branch { op, width, dst: reg(checked), src: Operand::Imm(bound), offset: random.of(&[4, 4, 3, 5]) });
        }
        2 => out.push(Insn::Alu { op: AluOp::Rsh, width, dst: reg(checked), src: Operand::Imm(random.of(&[28, 29, 30, 31])) }),
        _ => {
            let (op, less) = (JmpOp::Gt, random.of(&[2usize, 4, 9]));
            out.push(mov(less, Operand::Imm(bound)));
            out.push(Insn::Branch { op, width, dst: reg(checked), src: Operand::Reg(reg(less)), offset: random.of(&[4, 4, 3, 5]) });
        }
    }
    let spilled = random.below(4) == 0;
    if spilled {
        let size = random.of(&[Size::Dw, Size::Dw, Size::W]);
        out.push(Insn::Store { size, dst: Reg::R10, off: -16, src: Operand::Reg(reg(number)) });
        out.push(Insn::Load { size, sx: false, dst: reg(number), src: Reg::R10, off: random.of(&[-16, -16, -12]) });
    }
    let (pointer, off) = if random.below(2) == 0 { (7, 0) } else { (10, random.of(&[-24i16, -32, -40])) };
    out.push(mov(0, Operand::Reg(reg(pointer))));
    out.push(Insn::Alu { op: AluOp::Add, width: Width::W64, dst: Reg::R0, src: Operand::Reg(reg(number)) });
    let size = random.of(&[Size::B, Size::B, Size::H, Size::W, Size::Dw]);
    out.push(match random.below(2) {
        0 => Insn::Load { size, sx: false, dst: reg(number), src: Reg::R0, off },
        _ => Insn::Store { size, dst: Reg::R0, off, src: Operand::Imm(9) },
    });
    out.push(mov(0, Operand::Imm(0)));
    out
}

/// Rounds that are counted, mostly; what is counted may become an offset.
fn random_loop(random: &mut Random) -> Vec<Insn> {
    let counter = random.of(&[3usize, 4, 5, 9]);
    let (start, step, op, bound) = random.of(&[
        (0, 1, JmpOp::Lt, 16),
        (0, 1, JmpOp::Ne, 24),
        (0, 2, JmpOp::Ne, 24),
        (0, 3, JmpOp::Ne, 25),
        (0, 8, JmpOp::Lt, 24),
        (24, -1, JmpOp::Ne, 0),
        (20, -1, JmpOp::Gt, 0),
        (23, -1, JmpOp::Sge, 0),
        (0, 1, JmpOp::Le, 200),
        (1, 1, JmpOp::Slt, 300),
        (-8, 4, JmpOp::Slt, 40),
        (0, 1, JmpOp::Lt, 1000),
    ]);
    let width = random.of(&[Width::W64, Width::W32]);
    let in_stack = random.below(4) == 0;
    let mut body = Vec::new();
    for _ in 0..random.below(4) {
        body.push(random_insn(random));
    }
    if random.below(2) == 0 {
        let pointer = random.of(&[7usize, 7, 10]);
        body.push(mov(0, Operand::Reg(reg(pointer))));
        body.push(Insn::Alu { op: AluOp::Add, width: Width::W64, dst: Reg::R0, src: Operand::Reg(reg(counter)) });
        let off = if pointer == 10 { random.of(&[-24i16, -32, -320]) } else { random.of(&[0, 0, -1, 8]) };
        body.push(Insn::Store { size: random.of(&[Size::B, Size::B, Size::W, Size::Dw]), dst: Reg::R0, off, src: Operand::Imm(3) });
        body.push(mov(0, Operand::Imm(0)));
    }
    if random.below(6) == 0 {
        // Now and then it begins anew.
        body.push(Insn::Branch { op: JmpOp::Eq, width, dst: reg(8), src: Operand::Imm(7), offset: 1 });
        body.push(mov(counter, Operand::Imm(start)));
    }
    let count = Insn::Alu { op: AluOp::Add, width, dst: reg(counter), src: Operand::Imm(step) };
    if in_stack {
        body.push(Insn::Store { size: Size::Dw, dst: Reg::R10, off: -8, src: Operand::Reg(reg(counter)) });
        body.push(mov(counter, Operand::Imm(0)));
        body.push(Insn::Load { size: Size::Dw, sx: false, dst: reg(counter), src: Reg::R10, off: -8 });
    }
    body.push(count);
    let back = -(body.iter().map(Insn::slots).sum::<usize>() as i16) - 1;
    let mut out = vec![mov(counter, Operand::Imm(start))];
    out.extend(body);
    out.push(Insn::Branch { op, width, dst: reg(counter), src: Operand::Imm(bound), offset: back });
    out
}

/// A program of one function or two.
fn random_program(random: &mut Random) -> Vec<RawInsn> {
    let mut main = prologue();
    if random.below(2) == 0 {
        // As programs do: the number is bounded before it is used.
        main.push(Insn::Alu { op: AluOp::And, width: Width::W64, dst: reg(8), src: Operand::Imm(random.of(&[1, 7, 31])) });
    }
    main.extend(random_body(random, true));
    main.extend([mov(0, Operand::Imm(0)), Insn::Exit]);
    let mut slots = encode(&main);
    let calls = |slots: &[RawInsn]| (0..slots.len()).filter(|&at| slots[at].opcode == 0x85 && slots[at].src() == 1).collect::<Vec<_>>();
    let (calls, function) = (calls(&slots), slots.len());
    if !calls.is_empty() {
        // Here R6 to R9 and the stack are not set; R1 is what the caller passes.
        let mut body: Vec<Insn> =
            [0, 6, 7, 8, 9].map(|n| mov(n, if n == 6 || n == 7 { Operand::Reg(Reg::R1) } else { Operand::Imm(8) })).into();
        body.extend(random_body(random, false));
        if random.below(4) != 0 {
            body.push(mov(0, Operand::Imm(0)));
        }
        body.push(Insn::Exit);
        slots.extend(encode(&body));
    }
    for at in calls {
        slots[at].imm = (function - at - 1) as i32;
    }
    slots
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
    let base = |random: &mut Random| reg(random.of(&[0, 0, 1, 6, 7, 7, 10, 10, 10, 3, 9]));
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

/// The maps: one with a value, and a ring buffer.
fn map(fd: i32) -> Option<MapInfo> {
    match fd {
        1 => Some(MapInfo::new(1, MapType::Array, 4, VALUE_SIZE as u32, 1, 0)),
        2 => Some(MapInfo::new(2, MapType::Ringbuf, 0, 0, 4096, 0)),
        _ => None,
    }
}

fn verified(slots: &[RawInsn], arch: Arch) -> Result<Verdict, Rejected> {
    let by_slot = |at: InsnIdx| match axbpf_isa::decode(slots, at) {
        Ok(Insn::LoadImm64 { imm: Imm64::MapFd(fd) | Imm64::MapFdValue { fd, .. }, .. }) => map(fd),
        _ => None,
    };
    let ctx = CtxLayout::of(ProgType::Kprobe, 0, arch).unwrap();
    let limits = Limits { insns: 20_000, ..Limits::default() };
    let request = Request { map: &by_slot, limits, ..Request::new(slots, ProgType::Kprobe, ctx) };
    verify(&request, &mut String::new())
}

fn text(slots: &[RawInsn]) -> String {
    axbpf_isa::insns(slots).map(|(at, insn)| format!("{at:4}: {}\n", insn.unwrap())).collect()
}

/// What lookups and reservations answer: null every third time.
struct Answers {
    value: u64,
    record: u64,
    calls: u64,
}

thread_local! {
    static ANSWERS: std::cell::Cell<Answers> = const { std::cell::Cell::new(Answers { value: 0, record: 0, calls: 0 }) };
}

fn answer(which: fn(&Answers) -> u64) -> u64 {
    let mut answers = ANSWERS.replace(Answers { value: 0, record: 0, calls: 0 });
    answers.calls += 1;
    let answer = if answers.calls.is_multiple_of(3) { 0 } else { which(&answers) };
    ANSWERS.set(answers);
    answer
}

extern "C" fn lookup(_: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    answer(|answers| answers.value)
}

extern "C" fn reserve(_: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    answer(|answers| answers.record)
}

/// Submits, reads nothing, or answers any number.
extern "C" fn number(a: u64, b: u64, _: u64, _: u64, _: u64) -> u64 {
    a ^ b.rotate_left(17)
}

#[test]
fn accepted_programs_do_no_harm() {
    let asked = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let programs = asked("AXBPF_FUZZ_PROGRAMS").map_or(PROGRAMS, |n| n as usize);
    let mut random = Random(0x5eed_1234_5678_9abc ^ asked("AXBPF_FUZZ_SEED").unwrap_or(0).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let (mut accepted, mut calls, mut loops) = (0, 0, 0);
    let mut reasons = std::collections::BTreeMap::<String, usize>::new();
    for program in 0..programs {
        let slots = random_program(&mut random);
        let verdict = match verified(&slots, Arch::Riscv64) {
            Ok(verdict) => verdict,
            Err(rejected) => {
                let text = rejected.reason.to_string();
                *reasons.entry(text.split([' ', ',']).skip(1).take(3).collect::<Vec<_>>().join(" ")).or_default() += 1;
                continue;
            }
        };
        accepted += 1;
        let jumps_back =
            |(_, insn): (InsnIdx, Result<Insn, _>)| insn.is_ok_and(|insn: Insn| insn.jump_offset().is_some_and(|offset| offset < 0));
        loops += usize::from(axbpf_isa::insns(&slots).any(jumps_back));
        calls += usize::from(slots.iter().any(|slot| slot.opcode == 0x85));
        for round in 0..6u64 {
            let (mut value, mut record) = ([0u64; VALUE_SIZE / 8], [0u64; RECORD_SIZE / 8]);
            let fill: [u64; 6] = [0, u64::MAX, 1, 1 << 63, 0x8000_0000, random.next()];
            let mut ctx: Vec<u64> = (0..32).map(|word| fill[round as usize].wrapping_mul(word % 3 + 1) ^ (word & round)).collect();
            let address = |words: &mut [u64]| words.as_mut_ptr().expose_provenance() as u64;
            let at = address(&mut value);
            ANSWERS.set(Answers { value: at, record: address(&mut record), calls: round });
            let mut linked = slots.clone();
            for i in 0..linked.len() - 1 {
                if linked[i].opcode == 0x18 {
                    linked[i] = RawInsn::new(0x18, linked[i].dst(), 0, 0, at as u32 as i32);
                    linked[i + 1].imm = (at >> 32) as i32;
                }
            }
            let body = |id: u32| -> Option<axbpf_vm::HelperFn> {
                Some(if id == helpers::MAP_LOOKUP_ELEM.id {
                    lookup
                } else if id == helpers::RINGBUF_RESERVE.id {
                    reserve
                } else {
                    number
                })
            };
            let engine = Program::new(linked, verdict.facts.clone(), &body).unwrap_or_else(|error| panic!("{program}: {error}"));
            let args = [address(&mut ctx), 0];
            let before = ctx.clone();
            // SAFETY: arrays of words, as bytes.
            let regions = unsafe {
                &mut [
                    std::slice::from_raw_parts_mut(ctx.as_mut_ptr().cast::<u8>(), 256),
                    std::slice::from_raw_parts_mut(value.as_mut_ptr().cast(), VALUE_SIZE),
                    std::slice::from_raw_parts_mut(record.as_mut_ptr().cast(), RECORD_SIZE),
                ]
            };
            let result = run_checked(&engine, regions, args, BUDGET);
            assert!(result.is_ok(), "program {program}, round {round}: {result:?}\n{}", text(&slots));
            assert_eq!(ctx, before, "program {program} wrote to its context:\n{}", text(&slots));
        }
    }
    println!("{accepted} of {programs} accepted, {calls} with calls, {loops} with loops; refused: {reasons:?}");
    assert!(
        accepted > programs / 20 && calls > programs / 100 && loops > programs / 100,
        "only {accepted} of {programs}, {calls} with calls, {loops} with loops: too few to tell anything"
    );
}

/// What is accepted here, Linux accepts.
#[test]
#[ignore = "needs a Linux that permits bpf(2)"]
fn linux_accepts_them() {
    let def = |fd| {
        let map = map(fd)?;
        let max_entries = if map.map_type == MapType::Ringbuf { 4096 } else { 1 };
        let MapInfo { map_type, key_size, value_size, flags: map_flags, .. } = map;
        Some(judge::MapDef { map_type, key_size, value_size, max_entries, map_flags })
    };
    let linux = judge::Linux::with((1..).map_while(def)).unwrap_or_else(|error| panic!("bpf(2) is not permitted here: {error}"));
    let mut random = Random(0x0dd5_1234_5678_9abc);
    let (mut accepted, mut wrong) = (0, Vec::new());
    for _ in 0..PROGRAMS {
        let slots = random_program(&mut random);
        // What is known only here is left out: quotients, what is dead only here, and loops that end only here.
        let unlike = |(_, insn): (InsnIdx, Result<Insn, _>)| match insn.unwrap() {
            Insn::Alu { op: AluOp::Div | AluOp::Sdiv | AluOp::Mod | AluOp::Smod, .. } => true,
            // Nor that neither context nor stack are null.
            Insn::Branch { op: JmpOp::Eq | JmpOp::Ne, src: Operand::Reg(_), .. } => true,
            // What is fetched replaces the address before Linux looks at the store.
            Insn::Atomic { op: AtomicOp::Cmpxchg, dst: Reg::R0, .. } => true,
            Insn::Atomic { dst, src, .. } if dst == src => true,
            insn => insn.jump_offset().is_some_and(|offset| offset < 0),
        };
        let Ok(verdict) = verified(&slots, judge::Linux::arch()) else { continue };
        if !verdict.facts.dead.is_empty() || axbpf_isa::insns(&slots).any(unlike) {
            continue;
        }
        accepted += 1;
        if let Err(log) = linux.verify(ProgType::Kprobe, &slots, true) {
            wrong.push(format!("{log}\n{}", text(&slots)));
        }
    }
    println!("{PROGRAMS} programs, {accepted} accepted here");
    assert!(wrong.is_empty(), "{} are refused by Linux:\n{}", wrong.len(), wrong.join("\n"));
}
