//! A hart in miniature: it fetches riscv64 code from memory, this process's text and slots alike, and traps into the engine at breakpoints.
use axasm::riscv64::{Regs, Step, decode, simulate};
use axbpf_platform::{Draft, IrqGuard, Sealed};
use axkprobe::{Config, Frame, Handler, Hit, init, on_break, on_return, symbols};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering::*};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

const IRQS_ON: u64 = 1 << 5;
/// A call returns here when it is done.
const DONE: u64 = 0x1000;
const RA: u8 = 1;
const SP: u8 = 2;
const A0: u8 = 10;

/// Functions as (name, halfwords). `>name` stands for a jump (c.j), `@name` for a call (jal, two halfwords).
const FUNCTIONS: &[(&str, &str)] = &[
    // addi a0, a0, 1; c.addi a0, 2; c.jr ra
    ("demo::add3", "0513 0015 0509 8082"),
    // c.addi a0, 1; addi a0, a0, 100 at 2 mod 4; auipc a1, 0; c.jr ra
    ("demo::odd", "0505 0513 0645 0597 0000 8082"),
    // c.mv a1, a0; c.li a0, 0; 1: c.beqz a1, 2f; c.add a0, a1; c.addi a1, -1; c.j 1b; 2: c.jr ra
    ("demo::sum", "85aa 4501 c581 952e 15fd bfed 8082"),
    // c.addi a0, 5; c.j demo::add3
    ("demo::tail", "0515 >demo::add3"),
    // addi sp, sp, -16; c.mv s0, ra; jal demo::add3; c.mv ra, s0; addi sp, sp, 16; c.jr ra
    ("demo::outer", "0113 ff01 8406 @demo::add3 80a2 0113 0101 8082"),
    // c.nop; c.nop; c.nop; c.nop; bne a0, zero, 1f; c.li a0, 7; 1: c.jr ra
    ("demo::padded", "0001 0001 0001 0001 1363 0005 451d 8082"),
    // lr.d a1, (a2); bne a1, a3, 2f; sc.d a4, a5, (a2); bnez a4, 0b; 2: c.jr ra
    ("demo::atomic", "35af 1006 9663 00d5 372f 18f6 fb75 8082"),
    // wfi; csrrci zero, sstatus, 2; sret; ecall; c.ebreak; c.jr ra
    ("demo::system", "0073 1050 7073 1001 0073 1020 0073 0000 9002 8082"),
    ("memcpy", "0505 8082"),
    ("twin", "0505 8082"),
    ("twin", "0509 8082"),
];

/// The text, its symbols, and how it was before anybody changed it.
pub struct Text {
    code: Sealed,
    original: Vec<u8>,
    at: BTreeMap<&'static str, (u64, u64)>,
    alone: Mutex<()>,
}

pub static TEXT: LazyLock<Text> = LazyLock::new(|| {
    let words: Vec<Vec<&str>> = FUNCTIONS.iter().map(|(_, words)| words.split(' ').collect()).collect();
    let size = |words: &[&str]| words.iter().map(|word| if word.starts_with('@') { 4 } else { 2 }).sum::<u64>();
    let mut draft = Draft::new(4096).expect("memory");
    let base = draft.addr() as u64;
    let (mut at, mut symbols, mut end) = (BTreeMap::new(), Vec::new(), base);
    for ((name, _), words) in FUNCTIONS.iter().zip(&words) {
        at.insert(*name, (end, size(words)));
        symbols.push((end, *name));
        end += size(words);
    }
    let mut bytes = Vec::new();
    for word in words.iter().flatten() {
        let here = base + bytes.len() as u64;
        let jump = |name: &str| (at[name].0 as i64 - here as i64) as u32;
        let word = match word.split_at(1) {
            (">", name) => {
                let o = jump(name);
                let bits = (o >> 11 & 1) << 12 | (o >> 4 & 1) << 11 | (o >> 8 & 3) << 9 | (o >> 10 & 1) << 8 | (o >> 6 & 1) << 7;
                0xa001 | bits | (o >> 7 & 1) << 6 | (o >> 1 & 7) << 3 | (o >> 5 & 1) << 2
            }
            ("@", name) => {
                let o = jump(name);
                0x0ef | (o >> 20 & 1) << 31 | (o >> 1 & 0x3ff) << 21 | (o >> 11 & 1) << 20 | (o >> 12 & 0xff) << 12
            }
            _ => u32::from_str_radix(word, 16).expect("hex"),
        };
        let len = if word & 3 == 3 && word > 0xffff { 4 } else { 2 };
        bytes.extend_from_slice(&word.to_le_bytes()[..len]);
    }
    assert_eq!(base + bytes.len() as u64, end);
    draft.bytes_mut()[..bytes.len()].copy_from_slice(&bytes);
    let code = draft.seal().expect("memory");
    let table = symbols::write(&symbols, end).expect("a small table").leak();
    // The return of `padded` is a refused place.
    let last = at["demo::padded"].0 + 14;
    init(Config { text: base..base + 4096, blacklist: std::iter::once(last..last + 2).collect(), symbols: table });
    Text { code, original: bytes, at, alone: Mutex::new(()) }
});

impl Text {
    /// The text for one test alone.
    pub fn alone(&self) -> MutexGuard<'_, ()> {
        self.alone.lock().unwrap_or_else(|e| e.into_inner())
    }

    pub fn base(&self) -> u64 {
        self.code.addr() as u64
    }

    /// Address of a function.
    pub fn at(&self, name: &str) -> u64 {
        self.at[name].0
    }

    /// Addresses of a function's instructions, as they were.
    pub fn insns(&self, name: &str) -> Vec<u64> {
        let (start, size) = self.at[name];
        let (mut at, mut insns) = (start, Vec::new());
        while at < start + size {
            insns.push(at);
            at += u64::from(decode(&self.original[(at - self.base()) as usize..]).expect("an instruction").len);
        }
        insns
    }

    /// Whether every byte is what it was.
    pub fn is_original(&self) -> bool {
        let now = (0..self.original.len()).step_by(2).flat_map(|i| halfword(self.base() + i as u64).to_le_bytes());
        now.eq(self.original.iter().copied())
    }
}

/// A fetch.
fn halfword(addr: u64) -> u16 {
    // SAFETY: code of this process, in `TEXT` or a slot, aligned; others write it as whole halfwords.
    unsafe { (*std::ptr::with_exposed_provenance::<AtomicU16>(addr as usize)).load(Acquire) }
}

static STACKS: AtomicU64 = AtomicU64::new(1);

/// One call under way.
pub struct Hart {
    pub frame: Frame,
    /// IRQs are off, in the platform's eyes too.
    irqs_off: Option<IrqGuard>,
}

impl Hart {
    /// About to call the function at `entry`, on a stack of its own.
    pub fn new(entry: u64, a0: u64) -> Hart {
        Hart::on_stack(entry, a0, STACKS.fetch_add(1, Relaxed) << 20)
    }

    pub fn on_stack(entry: u64, a0: u64, sp: u64) -> Hart {
        let mut frame = Frame { regs: Regs::default(), pc: entry, status: IRQS_ON };
        frame.regs.set(RA, DONE);
        frame.regs.set(SP, sp);
        frame.regs.set(A0, a0);
        Hart { frame, irqs_off: None }
    }

    /// With IRQs off from the start, as inside an interrupt.
    pub fn irqs_off(mut self) -> Hart {
        self.frame.status = 0;
        self
    }

    pub fn returned(&self) -> bool {
        self.frame.pc == DONE
    }

    /// One instruction, one trap, or the trampoline.
    pub fn step(&mut self) {
        let pc = self.frame.pc;
        if pc == TRAMPOLINE {
            self.frame.pc = on_return(&mut self.frame.regs);
            return;
        }
        // Nothing comes between the fetch of a breakpoint and its trap.
        let guard = self.irqs_off.take().unwrap_or_default();
        let first = halfword(pc);
        let bytes = [first.to_le_bytes(), if first & 3 == 3 { halfword(pc + 2) } else { 0 }.to_le_bytes()].concat();
        let insn = decode(&bytes).expect("whole");
        if first == 0x9002 {
            self.frame.regs.pc = 0x0bad;
            assert!(on_break(&mut self.frame), "a breakpoint at {pc:#x} that nobody knows");
            self.irqs_off = (self.frame.status & IRQS_ON == 0).then_some(guard);
            return;
        }
        self.irqs_off = (self.frame.status & IRQS_ON == 0).then_some(guard);
        self.frame.regs.pc = pc;
        if let Step::Simulate(op) = insn.step {
            simulate(op, insn.len, &mut self.frame.regs);
        } else {
            execute(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]), &mut self.frame.regs);
            self.frame.regs.pc = pc + u64::from(insn.len);
        }
        self.frame.pc = self.frame.regs.pc;
    }

    /// Through the first instruction, its slot and all.
    pub fn enter(&mut self) {
        let status = self.frame.status;
        self.step();
        while self.frame.status != status {
            self.step();
        }
    }

    /// To the end of the call; answers a0.
    pub fn run(&mut self) -> u64 {
        let status = self.frame.status;
        for _ in 0..1000 {
            if self.returned() {
                break;
            }
            self.step();
        }
        assert!(self.returned(), "the call does not end");
        assert_eq!(self.frame.status, status, "IRQs are as they were");
        self.frame.regs.get(A0)
    }
}

/// What the engine takes for the trampoline's address where there is no assembly for it.
const TRAMPOLINE: u64 = 0xdead_0000;

/// The few instructions of [`FUNCTIONS`] that do not depend on the pc.
fn execute(word: u32, regs: &mut Regs) {
    let (rd, rs2) = ((word >> 7 & 31) as u8, (word >> 2 & 31) as u8);
    let imm6 = ((word << 19 & 0x8000_0000 | word << 24 & 0x7c00_0000) as i32 >> 26) as i64;
    let value = match (word & 0x7f, word & 3, word >> 13 & 7) {
        (0x13, ..) => regs.get((word >> 15 & 31) as u8).wrapping_add_signed((word as i32 >> 20).into()),
        (_, 1, 0) => regs.get(rd).wrapping_add_signed(imm6),
        (_, 1, 2) => imm6 as u64,
        (_, 2, 4) if word >> 12 & 1 == 0 => regs.get(rs2),
        (_, 2, 4) => regs.get(rd).wrapping_add(regs.get(rs2)),
        _ => panic!("{word:08x} is not in this test's text"),
    };
    regs.set(rd, value);
}

/// Calls a function and answers what it returns.
pub fn call(name: &str, a0: u64) -> u64 {
    Hart::new(TEXT.at(name), a0).run()
}

/// A handler that keeps what it saw.
#[derive(Default)]
pub struct Seen(pub Mutex<Vec<(Regs, Hit)>>);

impl Handler for Seen {
    fn hit(&self, regs: &mut Regs, hit: &Hit) -> bool {
        self.0.lock().unwrap().push((*regs, *hit));
        true
    }
}

impl Seen {
    pub fn take(&self) -> Vec<(Regs, Hit)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A handler that does nothing but be called.
pub struct Nothing;

impl Handler for Nothing {
    fn hit(&self, _: &mut Regs, _: &Hit) -> bool {
        true
    }
}

pub fn nothing() -> Arc<dyn Handler> {
    Arc::new(Nothing)
}
