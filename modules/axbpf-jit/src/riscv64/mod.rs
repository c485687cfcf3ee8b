//! riscv64: RV64IMAC or less.
//!
//! | BPF | in a function that calls | in one that does not |
//! |---|---|---|
//! | R0 | a5 (and a0 at the end of the program and of callbacks) | a5 |
//! | R1 to R5 | a0 to a4 | a0 to a4 |
//! | R6 to R9 | s1 to s4, saved if written | a6, a7, t3, t4 |
//! | R10 | sp + the size of the BPF frame | the same |
//!
//! t0, t1, t2, t5 and t6 are scratch. Helpers take R1 to R5 where the C ABI has its arguments, so a call moves nothing but the result.
//! Subprograms take and leave registers as BPF has them. A function that calls keeps a frame record: ra and s0 at s0 - 16.
//!
//! A frame, from sp upwards: BPF stack, counter for `may_goto`, saved registers, record; each part only if the function needs it.
mod alu;
mod asm;
mod constant;
mod control;
mod fuse;
mod memory;

use crate::flow::Flow;
use crate::{Image, JitCause, JitError, Target};
use alloc::vec::Vec;
use asm::Asm;
pub(crate) use asm::shorten;
use axasm::riscv64::enc::*;
use axbpf_abi::Subprog;
use axbpf_isa::{Callee, Insn, InsnIdx, Reg};
use axbpf_vm::{Accepted, Program};

/// What the CPU has beyond RV64IMA.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Features {
    /// C: 2-byte instructions.
    pub c: bool,
    /// Zba: zero-extension in one instruction.
    pub zba: bool,
    /// Zbb: rotation, byte reversal, extension of bytes and halfwords in one instruction.
    pub zbb: bool,
}

impl Features {
    /// What every RV64GC has.
    pub const GC: Features = Features { c: true, zba: false, zbb: false };
    /// GC with Zba and Zbb, as QEMU's default CPU and RVA22 have them.
    pub const GC_ZBA_ZBB: Features = Features { c: true, zba: true, zbb: true };
}

/// Machine code for an accepted program.
pub fn compile(accepted: &Accepted, features: Features) -> Result<Image, JitError> {
    let program = accepted.program();
    let subprogs = &program.facts().subprogs;
    let slots = program.slots().len();
    // A label for each slot, then each subprogram's entry and its epilogue.
    let asm = Asm::new(slots + 2 * subprogs.len(), features.c);
    let mut lower = Lower {
        asm,
        features,
        program,
        flow: Flow::new(program),
        slots,
        frame: Frame::default(),
        known: Known::NOTHING,
        assumed: alloc::vec![Known::ALL; slots],
        arriving: alloc::vec![Known::ALL; slots],
        at: InsnIdx(0),
    };
    for (index, subprog) in subprogs.iter().enumerate() {
        lower.subprog(index, subprog)?;
    }
    let finished = lower.asm.finish().map_err(|asm::OutOfReach| JitError { at: InsnIdx(0), cause: JitCause::TooLarge })?;
    let mut offsets = finished.labels;
    offsets.truncate(slots);
    Ok(Image { code: finished.code, text_len: finished.text_len, slots: offsets, calls: finished.calls, target: Target::Riscv64(features) })
}

/// What is known of a register's upper half.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Ext {
    /// Copies of bit 31.
    sext: bool,
    /// Zero.
    zext: bool,
}

impl Ext {
    const NONE: Ext = Ext { sext: false, zext: false };
    const SEXT: Ext = Ext { sext: true, zext: false };
    const ZEXT: Ext = Ext { sext: false, zext: true };
    /// Zero, and bit 31 too.
    const BOTH: Ext = Ext { sext: true, zext: true };

    fn of(value: i64) -> Ext {
        Ext { sext: i32::try_from(value).is_ok(), zext: u32::try_from(value).is_ok() }
    }

    fn and(self, other: Ext) -> Ext {
        Ext { sext: self.sext && other.sext, zext: self.zext && other.zext }
    }
}

/// [`Ext`] of each register, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Known {
    sext: u16,
    zext: u16,
}

impl Known {
    const NOTHING: Known = Known { sext: 0, zext: 0 };
    /// More than any place can know: what a place that nothing has reached yet may be taken for.
    const ALL: Known = Known { sext: u16::MAX, zext: u16::MAX };

    /// What is known on both of two paths.
    fn and(self, other: Known) -> Known {
        Known { sext: self.sext & other.sext, zext: self.zext & other.zext }
    }
}

/// Where a subprogram keeps things.
#[derive(Default)]
struct Frame {
    /// Its epilogue's label.
    epilogue: usize,
    /// Something jumps there.
    shares_epilogue: bool,
    /// Slot after its last.
    end: u32,
    /// C calls it: the program itself, or a helper's callback.
    is_c: bool,
    calls: bool,
    /// Bytes of BPF stack: R10 = sp + this.
    stack: i64,
    counts_loops: bool,
    saved: Vec<X>,
    /// All of it, in bytes.
    size: i64,
}

const SAVED: [X; 4] = [X::S1, X::S2, X::S3, X::S4];
const UNSAVED: [X; 4] = [X::A6, X::A7, X::T3, X::T4];

struct Lower<'a> {
    asm: Asm,
    features: Features,
    program: &'a Program,
    flow: Flow,
    slots: usize,
    frame: Frame,
    known: Known,
    /// For each slot where a jump arrives: what is taken to be known there, and what is known on all ways there so far.
    assumed: Vec<Known>,
    arriving: Vec<Known>,
    /// The instruction at hand.
    at: InsnIdx,
}

/// `offset(base)`, of a constant known to fit: frames are 512 bytes and a few words.
const fn mem(base: X, offset: i64) -> Mem {
    match Imm12::new(offset) {
        Some(offset) => Mem { base, offset },
        None => Mem { base, offset: Imm12::of::<0>() },
    }
}

impl Lower<'_> {
    fn emit(&mut self, word: u32) {
        self.asm.emit(word);
    }

    fn fail<T>(&self, cause: JitCause) -> Result<T, JitError> {
        Err(JitError { at: self.at, cause })
    }

    /// Host register of R0 to R9.
    fn host(&self, reg: Reg) -> X {
        let callee = if self.frame.calls { SAVED } else { UNSAVED };
        match reg.index() {
            0 => X::A5,
            1 => X::A0,
            2 => X::A1,
            3 => X::A2,
            4 => X::A3,
            5 => X::A4,
            n => callee[(n - 6).min(3)],
        }
    }

    /// A register to read; R10 is put into `temp` first.
    fn read(&mut self, reg: Reg, temp: X) -> X {
        if reg == Reg::R10 {
            self.emit(addi(temp, X::SP, mem(X::SP, self.frame.stack).offset));
            return temp;
        }
        self.host(reg)
    }

    /// A register to write.
    fn write(&self, reg: Reg) -> Result<X, JitError> {
        if reg == Reg::R10 { self.fail(JitCause::WritesFramePointer) } else { Ok(self.host(reg)) }
    }

    fn ext(&self, reg: Reg) -> Ext {
        let bit = |set: u16| set >> reg.index() & 1 != 0;
        Ext { sext: bit(self.known.sext), zext: bit(self.known.zext) }
    }

    fn set_ext(&mut self, reg: Reg, ext: Ext) {
        let set = |set: u16, value: bool| set & !(1 << reg.index()) | u16::from(value) << reg.index();
        self.known = Known { sext: set(self.known.sext, ext.sext), zext: set(self.known.zext, ext.zext) };
    }

    fn needs_upper(&self, reg: Reg) -> bool {
        self.flow.needs_upper(self.at, reg)
    }

    /// After a 32-bit result: clears the upper half, if that is read later and not known to be zero.
    fn end_w32(&mut self, dst: Reg, ext: Ext) {
        let rd = self.host(dst);
        if self.needs_upper(dst) && !ext.zext {
            self.zext_w(rd, rd);
            self.set_ext(dst, Ext::ZEXT);
        } else {
            self.set_ext(dst, ext);
        }
    }

    fn zext_w(&mut self, rd: X, rs: X) {
        if self.features.zba {
            return self.emit(add_uw(rd, rs, X::ZERO));
        }
        self.emit(slli(rd, rs, Shamt::masked(32)));
        self.emit(srli(rd, rd, Shamt::masked(32)));
    }

    fn sext_w(&mut self, rd: X, rs: X) {
        self.emit(addiw(rd, rs, Imm12::of::<0>()));
    }

    fn mv(&mut self, rd: X, rs: X) {
        if rd != rs {
            self.emit(addi(rd, rs, Imm12::of::<0>()));
        }
    }

    fn subprog(&mut self, index: usize, subprog: &Subprog) -> Result<(), JitError> {
        let insns: Vec<_> = self.program.insns_of(subprog).filter(|&(at, _)| !self.flow.is_dead(at)).collect();
        self.at = InsnIdx(subprog.start);
        let is_c = index == 0 || self.program.is_callback(subprog.start);
        self.frame = Frame::new(self.program, subprog, &insns, is_c);
        let entry = self.slots + 2 * index;
        self.frame.epilogue = entry + 1;
        // What is known where jumps arrive depends on code that comes later: it is taken for granted, and if that was too much, the
        // code is made again with less. Nothing known is always right, so this ends.
        let start = self.asm.mark();
        while !self.attempt(entry, subprog, &insns)? {
            self.asm.reset(&start);
        }
        Ok(())
    }

    /// Lowers the subprogram; tells whether what it took for granted holds.
    fn attempt(&mut self, entry: usize, subprog: &Subprog, insns: &[(InsnIdx, Insn)]) -> Result<bool, JitError> {
        let range = subprog.start as usize..subprog.end as usize;
        self.arriving[range.clone()].fill(Known::ALL);
        self.known = Known::NOTHING;
        // Callers arrive before the prologue, jumps to the first slot after it.
        self.asm.label(entry);
        self.prologue();
        let mut next_slot = range.start;
        let mut rest = insns;
        while let [(at, insn), ..] = rest {
            // Slots without code (dead, second halves, fused) have the label of what follows.
            self.labels(&mut next_slot, at.at());
            self.at = *at;
            if self.flow.is_leader(*at) {
                self.arrive(at.at());
                // What arrives from before is seen at once; only jumps back can disappoint.
                self.known = self.assumed[at.at()].and(self.arriving[at.at()]);
                self.assumed[at.at()] = self.known;
            }
            let taken = self.fuse(rest)?;
            if taken == 0 {
                self.insn(insn)?;
            }
            if matches!(insn, Insn::Jump { .. } | Insn::Exit) {
                // Nothing falls through from here.
                self.known = Known::ALL;
            }
            rest = rest.get(taken.max(1)..).unwrap_or_default();
        }
        self.labels(&mut next_slot, range.end - 1);
        if self.frame.shares_epilogue {
            self.asm.label(self.frame.epilogue);
            self.epilogue();
        }
        let mut holds = true;
        for (assumed, arriving) in self.assumed[range.clone()].iter_mut().zip(&self.arriving[range]) {
            let both = assumed.and(*arriving);
            holds &= both == *assumed;
            *assumed = both;
        }
        Ok(holds)
    }

    /// A jump goes to the slot from here.
    fn arrive(&mut self, slot: usize) {
        self.arriving[slot] = self.arriving[slot].and(self.known);
    }

    /// Labels of all slots up to this one, here.
    fn labels(&mut self, next: &mut usize, upto: usize) {
        while *next <= upto {
            self.asm.label(*next);
            *next += 1;
        }
    }

    fn insn(&mut self, insn: &Insn) -> Result<(), JitError> {
        match *insn {
            // dst OP= src
            Insn::Alu { op, width, dst, src } => self.alu(op, width, dst, dst, src)?,
            // dst = -dst
            Insn::Neg { width, dst } => self.neg(width, dst)?,
            // dst = (sN)src
            Insn::MovSx { width, dst, src, from } => self.mov_sx(width, dst, src, from)?,
            Insn::End { order, dst, size } => self.end(order, dst, size)?,
            Insn::LoadImm64 { dst, imm } => self.load_imm64(dst, imm)?,
            Insn::Load { size, sx, dst, src, off } => self.load(size, sx, dst, src, off)?,
            Insn::Store { size, dst, off, src } => self.store(size, dst, off, src),
            Insn::Atomic { op, size, dst, off, src } => self.atomic(op, size, dst, off, src)?,
            Insn::Jump { offset, .. } => self.jump(offset),
            Insn::Branch { op, width, dst, src, offset } => self.branch(op, width, dst, src, offset),
            Insn::MayGoto { offset } => self.may_goto(offset),
            Insn::Call(Callee::Helper(id)) => self.call_helper(id)?,
            Insn::Call(Callee::Local { offset }) => self.call_local(offset),
            Insn::Call(Callee::Kfunc { .. }) | Insn::LoadAbs { .. } | Insn::LoadInd { .. } => return self.fail(JitCause::Unsupported),
            Insn::Exit => self.exit(),
        }
        Ok(())
    }
}
