//! Programs that hang together.
use crate::HelperFn;
use alloc::boxed::Box;
use alloc::vec::Vec;
use axbpf_abi::{Facts, MAX_STACK, Subprog};
use axbpf_isa::{Callee, DecodeError, Imm64, Insn, InsnIdx, RawInsn, insns};
use core::fmt;

/// Linked instructions that every engine can take: all legal, jumps within their subprogram and onto instructions, calls to the starts of
/// subprograms, helpers at known addresses. Whether running them is safe is another question, see [`Accepted`](crate::Accepted).
#[derive(Clone, Debug)]
pub struct Program {
    slots: Box<[RawInsn]>,
    facts: Facts,
    /// Those that it calls, by id.
    helpers: Box<[(u32, HelperFn)]>,
    /// First slots of subprograms that it gives to helpers, ascending.
    callbacks: Box<[u32]>,
}

/// Why instructions are not a [`Program`], and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Slot of the instruction, or the first slot of the subprogram.
    pub at: InsnIdx,
    /// Why.
    pub cause: RefusedCause,
}

/// See [`Refused`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefusedCause {
    /// There are no instructions.
    Empty,
    /// Not an instruction.
    Decode(DecodeError),
    /// A jump to this slot: outside its subprogram, or the second half of a wide load.
    Jump {
        /// The slot, counted from the program's start.
        target: i64,
    },
    /// A call of this slot, or its address, where no subprogram starts.
    Call {
        /// The slot, counted from the program's start.
        target: i64,
    },
    /// The subprograms of the facts leave a gap, overlap, or start within an instruction.
    Subprogs,
    /// A frame of a subprogram larger than programs may have: 512 bytes.
    FrameTooLarge {
        /// In bytes.
        bytes: u32,
    },
    /// The last instruction of a subprogram neither exits nor jumps.
    FallsThrough,
    /// No such helper here.
    UnknownHelper {
        /// Its id.
        id: u32,
    },
    /// A call of a kernel function: linking has to turn it into something else.
    Kfunc {
        /// BTF id of the function.
        btf_id: u32,
    },
    /// A wide load of a map or variable: linking has to turn it into a plain value.
    Unlinked,
    /// A legacy packet load: linking has to turn it into helper calls.
    PacketLoad,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let RefusedCause::Decode(error) = self.cause {
            return error.fmt(f);
        }
        write!(f, "insn {}: ", self.at)?;
        match self.cause {
            RefusedCause::Empty => f.write_str("a program needs at least one instruction"),
            RefusedCause::Decode(error) => error.fmt(f),
            RefusedCause::Jump { target } => write!(f, "jump to slot {target}, which starts no instruction of this subprogram"),
            RefusedCause::Call { target } => write!(f, "call to slot {target}, where no subprogram starts"),
            RefusedCause::Subprogs => f.write_str("the subprograms do not cover the program instruction by instruction"),
            RefusedCause::FrameTooLarge { bytes } => write!(f, "the frame has {bytes} bytes, of at most {MAX_STACK}; make it smaller"),
            RefusedCause::FallsThrough => f.write_str("the subprogram runs past its last instruction; end it with exit or a jump"),
            RefusedCause::UnknownHelper { id } => write!(f, "helper {id} does not exist here"),
            RefusedCause::Kfunc { btf_id } => write!(f, "kernel function with BTF id {btf_id} is not linked"),
            RefusedCause::Unlinked => f.write_str("this wide load is not linked; replace it with the address it stands for"),
            RefusedCause::PacketLoad => f.write_str("legacy packet loads do not run; compile the program with direct packet access"),
        }
    }
}

impl core::error::Error for Refused {}

impl Program {
    /// Checks that the instructions hang together, and looks up their helpers.
    pub fn new(slots: Vec<RawInsn>, facts: Facts, helper: &dyn Fn(u32) -> Option<HelperFn>) -> Result<Self, Refused> {
        let mut starts = alloc::vec![false; slots.len() + 1];
        for (at, insn) in insns(&slots) {
            insn.map_err(|error| Refused { at, cause: RefusedCause::Decode(error) })?;
            starts[at.at()] = true;
        }
        starts[slots.len()] = true; // where the last subprogram ends
        check_subprogs(&slots, &facts.subprogs, &starts)?;

        let (mut helpers, mut callbacks): (Vec<(u32, HelperFn)>, Vec<u32>) = (Vec::new(), Vec::new());
        for subprog in &facts.subprogs {
            let mut last = Insn::Exit;
            for (at, insn) in insns_of(&slots, subprog) {
                let refuse = |cause| Err(Refused { at, cause });
                if let Some(offset) = insn.jump_offset() {
                    let target = i64::from(at.0) + 1 + i64::from(offset);
                    let inside = (i64::from(subprog.start)..i64::from(subprog.end)).contains(&target);
                    if !inside || !starts[target as usize] {
                        return refuse(RefusedCause::Jump { target });
                    }
                }
                match insn {
                    Insn::Call(Callee::Helper(id)) => {
                        if let Err(place) = helpers.binary_search_by_key(&id, |&(id, _)| id) {
                            let Some(body) = helper(id) else { return refuse(RefusedCause::UnknownHelper { id }) };
                            helpers.insert(place, (id, body));
                        }
                    }
                    Insn::Call(Callee::Local { offset }) | Insn::LoadImm64 { imm: Imm64::Func { offset }, .. } => {
                        let target = i64::from(at.0) + 1 + i64::from(offset);
                        let Ok(index) = facts.subprogs.binary_search_by_key(&target, |subprog| subprog.start.into()) else {
                            return refuse(RefusedCause::Call { target });
                        };
                        if matches!(insn, Insn::LoadImm64 { .. }) {
                            callbacks.push(facts.subprogs[index].start);
                        }
                    }
                    Insn::Call(Callee::Kfunc { btf_id, .. }) => return refuse(RefusedCause::Kfunc { btf_id }),
                    Insn::LoadImm64 { imm: Imm64::Value(_), .. } => {}
                    Insn::LoadImm64 { .. } => return refuse(RefusedCause::Unlinked),
                    Insn::LoadAbs { .. } | Insn::LoadInd { .. } => return refuse(RefusedCause::PacketLoad),
                    _ => {}
                }
                last = insn;
            }
            if !matches!(last, Insn::Exit | Insn::Jump { .. }) {
                return Err(Refused { at: InsnIdx(subprog.start), cause: RefusedCause::FallsThrough });
            }
        }
        callbacks.sort_unstable();
        callbacks.dedup();
        Ok(Program { slots: slots.into(), facts, helpers: helpers.into(), callbacks: callbacks.into() })
    }

    /// A program of which nothing is known: its subprograms are what its calls reach, each with a frame of 512 bytes.
    #[cfg(feature = "unchecked")]
    pub fn unchecked(slots: Vec<RawInsn>, helper: &dyn Fn(u32) -> Option<HelperFn>) -> Result<Self, Refused> {
        let mut starts = alloc::vec![0];
        for (at, insn) in insns(&slots) {
            let insn = insn.map_err(|error| Refused { at, cause: RefusedCause::Decode(error) })?;
            if let Insn::Call(Callee::Local { offset }) | Insn::LoadImm64 { imm: Imm64::Func { offset }, .. } = insn {
                match at.branch(offset, slots.len()) {
                    Some(target) => starts.push(target.0),
                    None => return Err(Refused { at, cause: RefusedCause::Call { target: i64::from(at.0) + 1 + i64::from(offset) } }),
                }
            }
        }
        starts.sort_unstable();
        starts.dedup();
        let ends = starts.iter().skip(1).copied().chain([slots.len() as u32]);
        let stack = MAX_STACK;
        let subprogs = starts.iter().zip(ends).map(|(&start, end)| Subprog { start, end, stack, ..Subprog::default() }).collect();
        let max_stack = stack * axbpf_abi::MAX_CALL_FRAMES as u32;
        Program::new(slots, Facts { subprogs, max_stack, ..Facts::default() }, helper)
    }

    /// The slots.
    pub fn slots(&self) -> &[RawInsn] {
        &self.slots
    }

    /// The facts that it was made with.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// A subprogram's instructions in order, each with its first slot.
    pub fn insns_of(&self, subprog: &Subprog) -> impl Iterator<Item = (InsnIdx, Insn)> + '_ {
        insns_of(&self.slots, subprog)
    }

    /// Whether helpers may call the subprogram that starts at this slot: the program loads its address.
    pub fn is_callback(&self, start: u32) -> bool {
        self.callbacks.binary_search(&start).is_ok()
    }

    /// The body of a helper that the program calls.
    pub fn helper(&self, id: u32) -> Option<HelperFn> {
        self.helpers.binary_search_by_key(&id, |&(id, _)| id).ok().map(|i| self.helpers[i].1)
    }
}

fn check_subprogs(slots: &[RawInsn], subprogs: &[Subprog], starts: &[bool]) -> Result<(), Refused> {
    if slots.is_empty() {
        return Err(Refused { at: InsnIdx(0), cause: RefusedCause::Empty });
    }
    let mut covered = 0;
    for subprog in subprogs {
        let on_insns = subprog.start == covered && subprog.start < subprog.end && starts.get(subprog.end as usize) == Some(&true);
        if !on_insns {
            return Err(Refused { at: InsnIdx(subprog.start), cause: RefusedCause::Subprogs });
        }
        if subprog.stack > MAX_STACK {
            return Err(Refused { at: InsnIdx(subprog.start), cause: RefusedCause::FrameTooLarge { bytes: subprog.stack } });
        }
        covered = subprog.end;
    }
    if covered as usize != slots.len() {
        return Err(Refused { at: InsnIdx(covered), cause: RefusedCause::Subprogs });
    }
    Ok(())
}

fn insns_of<'a>(slots: &'a [RawInsn], subprog: &Subprog) -> impl Iterator<Item = (InsnIdx, Insn)> + 'a {
    let start = subprog.start;
    let range = slots.get(start as usize..subprog.end as usize).unwrap_or_default();
    insns(range).filter_map(move |(at, insn)| Some((InsnIdx(start + at.0), insn.ok()?)))
}
