//! The code buffer: instructions in their shortest form, jumps of whatever length they turn out to need.
use crate::image::HelperCall;
use alloc::vec::Vec;
use axasm::riscv64::enc::*;

/// Condition of a branch between two registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cond {
    Eq,
    Ne,
    Lt,
    Ge,
    Ltu,
    Geu,
}

impl Cond {
    pub fn inverted(self) -> Cond {
        match self {
            Cond::Eq => Cond::Ne,
            Cond::Ne => Cond::Eq,
            Cond::Lt => Cond::Ge,
            Cond::Ge => Cond::Lt,
            Cond::Ltu => Cond::Geu,
            Cond::Geu => Cond::Ltu,
        }
    }

    fn word(self, a: X, b: X, offset: BranchOffset) -> u32 {
        match self {
            Cond::Eq => beq(a, b, offset),
            Cond::Ne => bne(a, b, offset),
            Cond::Lt => blt(a, b, offset),
            Cond::Ge => bge(a, b, offset),
            Cond::Ltu => bltu(a, b, offset),
            Cond::Geu => bgeu(a, b, offset),
        }
    }
}

/// What refers to a place whose distance is known only at the end.
#[derive(Clone, Copy)]
enum Kind {
    Branch {
        cond: Cond,
        a: X,
        b: X,
    },
    Jump,
    /// Of a subprogram.
    Call,
    /// Of the helper with this constant as address, through a stub.
    Helper,
    /// Load of a constant.
    Constant {
        rd: X,
    },
    /// The place's address.
    Address {
        rd: X,
    },
}

#[derive(Clone, Copy)]
enum Place {
    Label(usize),
    /// Index into the constants.
    Constant(usize),
    /// Index into the stubs.
    Stub(usize),
}

struct Reference {
    /// Offset into the bytes before it.
    at: usize,
    kind: Kind,
    place: Place,
    /// Bytes it takes; grows until it reaches.
    size: u8,
}

/// Code whose references are still missing: they stand beside it, each with its place between the bytes.
pub(super) struct Asm {
    bytes: Vec<u8>,
    references: Vec<Reference>,
    /// For each label its offset into the bytes and how many references come before it.
    labels: Vec<(usize, usize)>,
    constants: Vec<u64>,
    /// Index of the helper's address among the constants.
    stubs: Vec<usize>,
    rvc: bool,
}

/// See [`Asm::mark`].
pub(super) struct Mark {
    bytes: usize,
    references: usize,
    constants: usize,
    stubs: usize,
}

/// Code with everything in its place.
pub(super) struct Finished {
    pub code: Vec<u8>,
    pub text_len: usize,
    /// Offset of each label.
    pub labels: Vec<u32>,
    pub calls: Vec<HelperCall>,
}

/// The pair of `auipc` and a second instruction reaches 2 GiB; no code is larger.
#[derive(Debug)]
pub(super) struct OutOfReach;

/// Scratch register of long jumps and stubs.
const FAR: X = X::T1;
const STUB_LEN: usize = 12;

impl Asm {
    pub fn new(labels: usize, rvc: bool) -> Self {
        let labels = alloc::vec![(0, 0); labels];
        Asm { bytes: Vec::new(), references: Vec::new(), labels, constants: Vec::new(), stubs: Vec::new(), rvc }
    }

    /// Where things stand, for [`Self::reset`].
    pub fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.len(), references: self.references.len(), constants: self.constants.len(), stubs: self.stubs.len() }
    }

    /// Forgets everything after the mark. Labels put since then have to be put again.
    pub fn reset(&mut self, mark: &Mark) {
        self.bytes.truncate(mark.bytes);
        self.references.truncate(mark.references);
        self.constants.truncate(mark.constants);
        self.stubs.truncate(mark.stubs);
    }

    /// Appends an instruction.
    pub fn emit(&mut self, word: u32) {
        match compress(word) {
            Some(half) if self.rvc => self.bytes.extend(half.to_le_bytes()),
            _ => self.bytes.extend(word.to_le_bytes()),
        }
    }

    /// Puts the label here.
    pub fn label(&mut self, label: usize) {
        self.labels[label] = (self.bytes.len(), self.references.len());
    }

    /// Goes to the label if the condition holds.
    pub fn branch(&mut self, cond: Cond, a: X, b: X, label: usize) {
        self.refer(Kind::Branch { cond, a, b }, Place::Label(label));
    }

    /// Goes to the label.
    pub fn jump(&mut self, label: usize) {
        self.refer(Kind::Jump, Place::Label(label));
    }

    /// Calls what is at the label; changes RA.
    pub fn call(&mut self, label: usize) {
        self.refer(Kind::Call, Place::Label(label));
    }

    /// rd = address of a label.
    pub fn address(&mut self, rd: X, label: usize) {
        self.refer(Kind::Address { rd }, Place::Label(label));
    }

    /// Calls the helper at this address; changes RA and T1.
    pub fn call_helper(&mut self, target: u64) {
        let constant = self.constant(target);
        let stub = self.stubs.iter().position(|&other| other == constant).unwrap_or_else(|| {
            self.stubs.push(constant);
            self.stubs.len() - 1
        });
        self.refer(Kind::Helper, Place::Stub(stub));
    }

    /// rd = value, from memory.
    pub fn load_constant(&mut self, rd: X, value: u64) {
        let constant = self.constant(value);
        self.refer(Kind::Constant { rd }, Place::Constant(constant));
    }

    fn constant(&mut self, value: u64) -> usize {
        self.constants.iter().position(|&other| other == value).unwrap_or_else(|| {
            self.constants.push(value);
            self.constants.len() - 1
        })
    }

    fn refer(&mut self, kind: Kind, place: Place) {
        let size = match kind {
            Kind::Helper | Kind::Constant { .. } | Kind::Address { .. } => 8,
            Kind::Branch { cond: Cond::Eq | Cond::Ne, b: X::ZERO, .. } | Kind::Jump if self.rvc => 2,
            Kind::Branch { .. } | Kind::Jump | Kind::Call => 4,
        };
        self.references.push(Reference { at: self.bytes.len(), kind, place, size });
    }

    /// Leaves the next instructions out if the condition holds: those that `skipped` emits, without references among them.
    pub fn skip_if(&mut self, cond: Cond, a: X, b: X, skipped: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend([0; 4]);
        skipped(self);
        self.patch_branch(start, cond, a, b, self.bytes.len());
    }

    /// Where the next instruction goes, for [`Self::patch_branch`].
    pub fn here(&self) -> usize {
        self.bytes.len()
    }

    /// Turns the four bytes at `at` into a branch; only a few instructions and no references lie between the two.
    pub fn patch_branch(&mut self, at: usize, cond: Cond, a: X, b: X, target: usize) {
        let offset = BranchOffset::new(target as i64 - at as i64).unwrap_or(BranchOffset::of::<0>());
        self.bytes[at..at + 4].copy_from_slice(&cond.word(a, b, offset).to_le_bytes());
    }

    /// Four bytes for [`Self::patch_branch`].
    pub fn reserve_branch(&mut self) -> usize {
        let at = self.bytes.len();
        self.bytes.extend([0; 4]);
        at
    }

    /// Decides the sizes and puts everything into its place.
    pub fn finish(mut self) -> Result<Finished, OutOfReach> {
        // Bytes of references before each, and before the end.
        let mut before = alloc::vec![0; self.references.len() + 1];
        loop {
            for (i, reference) in self.references.iter().enumerate() {
                before[i + 1] = before[i] + usize::from(reference.size);
            }
            let layout = Layout::new(&self, &before);
            let mut grown = false;
            for (i, reference) in self.references.iter_mut().enumerate() {
                let distance = layout.offset(&self.labels, reference.place) as i64 - (reference.at + before[i]) as i64;
                let size = reference.kind.size(distance, self.rvc).ok_or(OutOfReach)?;
                if size > reference.size {
                    (reference.size, grown) = (size, true);
                }
            }
            if !grown {
                return Ok(self.place(&layout));
            }
        }
    }

    fn place(&self, layout: &Layout<'_>) -> Finished {
        let mut code = Vec::with_capacity(layout.end);
        let mut calls = Vec::new();
        let mut done = 0;
        for reference in &self.references {
            code.extend(&self.bytes[done..reference.at]);
            done = reference.at;
            let at = code.len();
            if let (Kind::Helper, Place::Stub(stub)) = (reference.kind, reference.place) {
                calls.push(HelperCall { at: at as u32, len: reference.size, target: self.constants[self.stubs[stub]] });
            }
            reference.write(&mut code, layout.offset(&self.labels, reference.place) as i64 - at as i64);
            debug_assert_eq!(code.len() - at, usize::from(reference.size));
        }
        code.extend(&self.bytes[done..]);
        let text_len = code.len();
        if !self.constants.is_empty() {
            code.resize(layout.constants, 0);
        }
        code.extend(self.constants.iter().flat_map(|constant| constant.to_le_bytes()));
        for &constant in &self.stubs {
            let distance = (layout.constants + constant * 8) as i64 - code.len() as i64;
            write_pair(&mut code, distance, |high| auipc(FAR, high), |low| ld(FAR, Mem { base: FAR, offset: low }));
            code.extend(jalr(X::ZERO, Mem { base: FAR, offset: Imm12::of::<0>() }).to_le_bytes());
        }
        let labels = (0..self.labels.len()).map(|label| layout.offset(&self.labels, Place::Label(label)) as u32).collect();
        Finished { code, text_len, labels, calls }
    }
}

/// Where things are, given the sizes of references.
struct Layout<'a> {
    before: &'a [usize],
    constants: usize,
    stubs: usize,
    end: usize,
}

impl<'a> Layout<'a> {
    fn new(asm: &Asm, before: &'a [usize]) -> Self {
        let code = asm.bytes.len() + before[asm.references.len()];
        let constants = code.next_multiple_of(8);
        let stubs = constants + asm.constants.len() * 8;
        Layout { before, constants, stubs, end: stubs + asm.stubs.len() * STUB_LEN }
    }

    fn offset(&self, labels: &[(usize, usize)], place: Place) -> usize {
        match place {
            Place::Label(label) => labels[label].0 + self.before[labels[label].1],
            Place::Constant(index) => self.constants + index * 8,
            Place::Stub(index) => self.stubs + index * STUB_LEN,
        }
    }
}

impl Kind {
    /// Bytes that it takes at this distance.
    fn size(self, distance: i64, rvc: bool) -> Option<u8> {
        // The jump of a long branch stands behind the inverted one.
        let jump = JumpOffset::new(distance).and(JumpOffset::new(distance - 4)).is_some();
        hi_lo(distance).and(hi_lo(distance - 4))?;
        Some(match self {
            Kind::Branch { cond: Cond::Eq | Cond::Ne, a, b: X::ZERO }
                if rvc && BranchOffset::new(distance).is_some_and(|offset| c_beqz(a, offset).is_some()) =>
            {
                2
            }
            Kind::Branch { .. } if BranchOffset::new(distance).is_some() => 4,
            Kind::Branch { .. } if jump => 8,
            Kind::Branch { .. } => 12,
            Kind::Jump if rvc && JumpOffset::new(distance).is_some_and(|offset| c_j(offset).is_some()) => 2,
            Kind::Jump | Kind::Call if jump => 4,
            Kind::Jump | Kind::Call | Kind::Helper | Kind::Constant { .. } | Kind::Address { .. } => 8,
        })
    }
}

impl Reference {
    /// Appends it. A distance that its size does not reach (sizes were made so that there is none) becomes a jump to itself.
    fn write(&self, code: &mut Vec<u8>, distance: i64) {
        let jump = |distance| JumpOffset::new(distance).unwrap_or(JumpOffset::of::<0>());
        let branch = BranchOffset::new(distance).unwrap_or(BranchOffset::of::<0>());
        match (self.kind, self.size) {
            (Kind::Branch { cond, a, .. }, 2) => {
                let half = if cond == Cond::Eq { c_beqz(a, branch) } else { c_bnez(a, branch) };
                code.extend(half.unwrap_or_default().to_le_bytes());
            }
            (Kind::Branch { cond, a, b }, 4) => code.extend(cond.word(a, b, branch).to_le_bytes()),
            (Kind::Branch { cond, a, b }, 8) => {
                code.extend(cond.inverted().word(a, b, BranchOffset::of::<8>()).to_le_bytes());
                code.extend(jal(X::ZERO, jump(distance - 4)).to_le_bytes());
            }
            (Kind::Branch { cond, a, b }, _) => {
                code.extend(cond.inverted().word(a, b, BranchOffset::of::<12>()).to_le_bytes());
                write_pair(code, distance - 4, |high| auipc(FAR, high), |low| jalr(X::ZERO, Mem { base: FAR, offset: low }));
            }
            (Kind::Jump, 2) => code.extend(c_j(jump(distance)).unwrap_or_default().to_le_bytes()),
            (Kind::Jump, 4) => code.extend(jal(X::ZERO, jump(distance)).to_le_bytes()),
            (Kind::Jump, _) => write_pair(code, distance, |high| auipc(FAR, high), |low| jalr(X::ZERO, Mem { base: FAR, offset: low })),
            (Kind::Call, 4) => code.extend(jal(X::RA, jump(distance)).to_le_bytes()),
            (Kind::Call | Kind::Helper, _) => {
                write_pair(code, distance, |high| auipc(X::RA, high), |low| jalr(X::RA, Mem { base: X::RA, offset: low }))
            }
            (Kind::Address { rd }, _) => write_pair(code, distance, |high| auipc(rd, high), |low| addi(rd, rd, low)),
            (Kind::Constant { rd }, _) => write_pair(code, distance, |high| auipc(rd, high), |low| ld(rd, Mem { base: rd, offset: low })),
        }
    }
}

fn write_pair(code: &mut Vec<u8>, distance: i64, first: impl Fn(Imm20) -> u32, second: impl Fn(Imm12) -> u32) {
    let (high, low) = hi_lo(distance).unwrap_or((Imm20::of::<0>(), Imm12::of::<0>()));
    code.extend(first(high).to_le_bytes());
    code.extend(second(low).to_le_bytes());
}

/// Puts a direct call into the place of one through a stub, if the helper is near enough.
pub(crate) fn shorten(bytes: &mut [u8], at: u64, target: u64) {
    if let (Some((high, low)), [a, b, c, d, e, f, g, h]) = (hi_lo(target.wrapping_sub(at) as i64), bytes) {
        [*a, *b, *c, *d] = auipc(X::RA, high).to_le_bytes();
        [*e, *f, *g, *h] = jalr(X::RA, Mem { base: X::RA, offset: low }).to_le_bytes();
    }
}
