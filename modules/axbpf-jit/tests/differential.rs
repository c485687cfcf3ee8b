//! Random programs, the same on every machine, on the interpreter and compiled.
mod machine;

use axbpf_isa::{AluOp, AtomicOp, ByteOrder, Callee, Imm64, Insn, JmpOp, Operand, RawInsn, Reg, Size, Width};
use axbpf_jit::riscv64::Features;
use axbpf_jit::{Target, compile};
use axbpf_vm::{Accepted, HelperFn, Program, run_checked};

/// splitmix64
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// Numbers where things change, and any others.
    fn value(&mut self) -> u64 {
        let edges =
            [0, 1, 2, 0x7f, 0x80, 0xff, 0x7ff, 0x800, 0x801, 0xfff, 0x1000, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
        let edge = self.pick(&edges);
        match self.below(6) {
            0 => edge,
            1 => 0u64.wrapping_sub(edge),
            2 => edge << 32,
            3 => 1 << self.below(64),
            4 => self.next() as u32 as u64,
            _ => self.next(),
        }
    }

    fn imm(&mut self) -> i32 {
        self.value() as i32
    }
}

/// R0 to R9.
fn reg(random: &mut Random) -> Reg {
    Reg::new(random.below(10) as u8).unwrap()
}

/// Bytes of the stack that programs use, below R10.
const STACK: i16 = 64;

/// An offset from R10 at a multiple of the size.
fn place(random: &mut Random, size: Size) -> i16 {
    let size = size.bytes() as i16;
    -(1 + random.below((STACK / size) as u64) as i16) * size
}

struct Maker {
    random: Random,
    insns: Vec<Insn>,
}

impl Maker {
    fn operand(&mut self) -> Operand {
        match self.random.below(2) {
            0 => Operand::Reg(reg(&mut self.random)),
            _ => Operand::Imm(self.random.imm()),
        }
    }

    /// One instruction that neither jumps nor calls; now and then two that go together.
    fn straight(&mut self) {
        use AluOp::*;
        let r = &mut self.random;
        let (dst, src) = (reg(r), reg(r));
        let width = r.pick(&[Width::W32, Width::W64]);
        let size = r.pick(&[Size::B, Size::H, Size::W, Size::Dw]);
        let off = place(r, size);
        let insn = match r.below(21) {
            0..10 => {
                let op = r.pick(&[Add, Sub, Mul, Div, Sdiv, Or, And, Lsh, Rsh, Mod, Smod, Xor, Mov, Arsh]);
                Insn::Alu { op, width, dst, src: self.operand() }
            }
            10 => Insn::Neg { width, dst },
            11 => {
                let from = if width == Width::W64 { r.pick(&[Size::B, Size::H, Size::W]) } else { r.pick(&[Size::B, Size::H]) };
                Insn::MovSx { width, dst, src, from }
            }
            12 => Insn::End {
                order: r.pick(&[ByteOrder::ToLe, ByteOrder::ToBe, ByteOrder::Swap]),
                dst,
                size: r.pick(&[Size::H, Size::W, Size::Dw]),
            },
            13 => Insn::LoadImm64 { dst, imm: Imm64::Value(r.value()) },
            14 => Insn::Load { size, sx: size != Size::Dw && r.below(2) == 0, dst, src: Reg::R10, off },
            15 => Insn::Store { size, dst: Reg::R10, off, src: self.operand() },
            16 => {
                let size = r.pick(&[Size::W, Size::Dw]);
                let fetch = r.below(2) == 0;
                let all = [
                    AtomicOp::Add { fetch },
                    AtomicOp::Or { fetch },
                    AtomicOp::And { fetch },
                    AtomicOp::Xor { fetch },
                    AtomicOp::Xchg,
                    AtomicOp::Cmpxchg,
                ];
                let (op, off) = (r.pick(&all), place(r, size));
                Insn::Atomic { op, size, dst: Reg::R10, off, src }
            }
            17 => {
                // Zero- or sign-extension the old way.
                let op = r.pick(&[Rsh, Arsh]);
                self.insns.push(Insn::Alu { op: Lsh, width: Width::W64, dst, src: Operand::Imm(32) });
                Insn::Alu { op, width: Width::W64, dst, src: Operand::Imm(32) }
            }
            18 => {
                // An address in a register, R10 and more; it must not become a value, for it differs between engines.
                let (base, src) = (Reg::new(6 + r.below(4) as u8).unwrap(), Reg::new(r.below(6) as u8).unwrap());
                self.insns.push(Insn::Alu { op: Mov, width: Width::W64, dst: base, src: Operand::Reg(Reg::R10) });
                self.insns.push(Insn::Alu { op: Add, width: Width::W64, dst: base, src: Operand::Imm(off.into()) });
                self.insns.push(Insn::Store { size, dst: base, off: 0, src: Operand::Reg(src) });
                Insn::Load { size, sx: false, dst: base, src: base, off: 0 }
            }
            _ => {
                self.insns.push(Insn::Alu { op: Mov, width, dst, src: Operand::Reg(src) });
                Insn::Alu {
                    op: r.pick(&[Add, Sub, Mul, Div, Mod, And, Or, Xor, Lsh, Rsh, Arsh]),
                    width: Width::W64,
                    dst,
                    src: self.operand(),
                }
            }
        };
        self.insns.push(insn);
    }

    fn block(&mut self, len: u64) {
        for _ in 0..len {
            self.straight();
        }
    }

    /// A branch over some instructions.
    fn conditional(&mut self) {
        use JmpOp::*;
        let at = self.insns.len();
        let dst = reg(&mut self.random);
        let src = self.operand();
        let op = self.random.pick(&[Eq, Gt, Ge, Set, Ne, Sgt, Sge, Lt, Le, Slt, Sle]);
        let width = self.random.pick(&[Width::W32, Width::W64]);
        self.insns.push(Insn::Branch { op, width, dst, src, offset: 0 });
        let len = self.random.below(4);
        self.block(len);
        let skipped: usize = self.insns[at + 1..].iter().map(Insn::slots).sum();
        if let Insn::Branch { offset, .. } = &mut self.insns[at] {
            *offset = skipped as i16;
        }
    }

    /// Some instructions, a few times; the counter is on the stack, where nothing else writes.
    fn repeated(&mut self) {
        let counter = -STACK - 8;
        let dst = Reg::R9;
        self.insns.push(Insn::Store { size: Size::Dw, dst: Reg::R10, off: counter, src: Operand::Imm(3) });
        let at = self.insns.len();
        let len = 1 + self.random.below(6);
        self.block(len);
        self.insns.push(Insn::Load { size: Size::Dw, sx: false, dst, src: Reg::R10, off: counter });
        self.insns.push(Insn::Alu { op: AluOp::Add, width: Width::W64, dst, src: Operand::Imm(-1) });
        self.insns.push(Insn::Store { size: Size::Dw, dst: Reg::R10, off: counter, src: Operand::Reg(dst) });
        let back: usize = self.insns[at..].iter().map(Insn::slots).sum();
        self.insns.push(Insn::Branch { op: JmpOp::Ne, width: Width::W64, dst, src: Operand::Imm(0), offset: -(back as i16) - 1 });
    }

    /// Values in these registers.
    fn set(&mut self, regs: core::ops::Range<u8>) {
        for reg in regs {
            let dst = Reg::new(reg).unwrap();
            let value = self.random.value();
            self.insns.push(Insn::LoadImm64 { dst, imm: Imm64::Value(value) });
        }
    }

    /// A call of a helper or (offset filled in later) of the subprogram, after which R1 to R5 have values again.
    fn call(&mut self, local: bool) {
        let callee = if local { Callee::Local { offset: 0 } } else { Callee::Helper(1) };
        self.insns.push(Insn::Call(callee));
        self.set(1..6);
    }

    /// Defines every register and the stack.
    fn begin(&mut self, regs: core::ops::Range<u8>) {
        self.set(regs);
        for off in (1..=STACK / 8).map(|i| -8 * i) {
            let src = self.operand();
            self.insns.push(Insn::Store { size: Size::Dw, dst: Reg::R10, off, src });
        }
    }

    /// Mixes some registers (whole, or the lower half) and the stack into R0.
    fn end(&mut self) {
        let dst = Reg::R0;
        for n in 1..10 {
            let src = Operand::Reg(Reg::new(n).unwrap());
            let width = match self.random.below(3) {
                0 => continue,
                1 => Width::W32,
                _ => Width::W64,
            };
            self.insns.push(Insn::Alu { op: AluOp::Mul, width: Width::W64, dst, src: Operand::Imm(0x0100_0193) });
            if width == Width::W32 {
                let src = Operand::Reg(Reg::R0);
                let other = Reg::new(n).unwrap();
                self.insns.push(Insn::Alu { op: AluOp::Xor, width: Width::W32, dst: other, src });
            }
            self.insns.push(Insn::Alu { op: AluOp::Xor, width: Width::W64, dst, src });
        }
        for off in (1..=STACK / 8).map(|i| -8 * i) {
            self.insns.push(Insn::Load { size: Size::Dw, sx: false, dst: Reg::R1, src: Reg::R10, off });
            self.insns.push(Insn::Alu { op: AluOp::Mul, width: Width::W64, dst, src: Operand::Imm(31) });
            self.insns.push(Insn::Alu { op: AluOp::Add, width: Width::W64, dst, src: Operand::Reg(Reg::R1) });
        }
        self.insns.push(Insn::Exit);
    }

    fn body(&mut self, calls: u64) {
        for _ in 0..2 + self.random.below(8) {
            match self.random.below(10 + calls) {
                0..5 => {
                    let len = 1 + self.random.below(8);
                    self.block(len);
                }
                5..8 => self.conditional(),
                8..10 => self.repeated(),
                n => self.call(n % 2 == 0),
            }
        }
    }
}

/// A program of this seed: half of them call.
fn program(seed: u64) -> Vec<RawInsn> {
    let mut maker = Maker { random: Random(seed), insns: Vec::new() };
    let calls = if seed.is_multiple_of(2) { 4 } else { 0 };
    maker.begin(0..10);
    maker.body(calls);
    maker.end();
    let sub: usize = maker.insns.iter().map(Insn::slots).sum();
    if calls != 0 {
        // The subprogram gets R1 to R5 and has to define the rest itself.
        maker.set(0..1);
        maker.begin(6..10);
        maker.body(0);
        maker.end();
    }
    let mut slots = Vec::new();
    for insn in &mut maker.insns {
        if let Insn::Call(Callee::Local { offset }) = insn {
            *offset = sub as i32 - slots.len() as i32 - 1;
        }
        let (first, second) = insn.encode().unwrap_or_else(|| panic!("seed {seed}: {insn:?}"));
        slots.push(first);
        slots.extend(second);
    }
    slots
}

extern "C" fn mix(a: u64, b: u64, c: u64, d: u64, e: u64) -> u64 {
    [b, c, d, e].into_iter().fold(a, |hash, x| hash.rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ x)
}

#[test]
fn random_programs_compute_the_same() {
    let helper = |id| (id == 1).then_some(mix as HelperFn);
    let mut distinct = std::collections::HashSet::new();
    for seed in 0..4000 {
        let slots = program(seed);
        let text = || format!("{:#}", axbpf_isa::disasm::listing(&slots));
        let program = Program::unchecked(slots.clone(), &helper).unwrap_or_else(|refused| panic!("seed {seed}: {refused}\n{}", text()));
        let expected = run_checked(&program, &mut [], [0, 0], 100_000).unwrap_or_else(|fault| panic!("seed {seed}: {fault}\n{}", text()));
        distinct.insert(expected);
        // SAFETY: the checked run found no access outside the stack.
        let accepted = unsafe { Accepted::new(program) };
        for features in [Features::GC, Features::GC_ZBA_ZBB, Features { c: false, ..Features::GC }] {
            let image = compile(&accepted, Target::Riscv64(features)).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{}", text()));
            if cfg!(target_arch = "riscv64") {
                let found = machine::run(&image, [0, 0]);
                assert_eq!(found, expected, "seed {seed}, {features:?}\n{}", text());
            }
        }
    }
    assert!(distinct.len() > 3900, "{} results", distinct.len());
}
