//! A program and the subprograms it reaches become one stretch of instructions.
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

use axbpf_abi::{MAX_INSNS, ProgType};
use axbpf_btf::{CoreRelo, CoreReloKind, FuncInfo, LineInfo};
use axbpf_isa::{
    InsnIdx, RawInsn,
    opcode::{
        CALL, LDDW, PSEUDO_CALL, PSEUDO_FUNC, PSEUDO_KFUNC_CALL, PSEUDO_MAP_FD, PSEUDO_MAP_IDX, PSEUDO_MAP_IDX_VALUE, PSEUDO_MAP_VALUE,
    },
};

use crate::{
    ExternKind, LinkCause, LinkError, MapSpec, ObjectSpec, SectionDef,
    code::{Target, function_at},
};

/// Helper that does not exist: stands where a CO-RE relocation has no answer, so that only a program that gets there is refused. libbpf's number.
const POISON_CORE: i32 = 0xbad_2310;
/// The same for a weak kernel function that is not there. libbpf's number.
const POISON_KFUNC: i32 = 2_002_000_000;

/// The one door to run-time state: what a linked program gets from the machine it is to run on.
pub trait Resolver {
    /// Descriptor of a map, by its index in [`ObjectSpec::maps`]. `None`: its loads stay indices into [`LinkedProgram::maps`].
    fn map(&mut self, index: usize, map: &MapSpec) -> Option<i32> {
        let _ = (index, map);
        None
    }

    /// Address of a kernel symbol.
    fn ksym(&mut self, name: &str) -> Option<u64> {
        let _ = name;
        None
    }

    /// BTF id of a kernel function that programs may call.
    fn kfunc(&mut self, name: &str) -> Option<u32> {
        let _ = name;
        None
    }
}

/// Knows nothing: maps stay indices, and a program that needs the kernel's symbols cannot be linked.
impl Resolver for () {}

/// A program ready to be verified: its own slots first, then those of its subprograms in the order in which they are first referred to.
#[derive(Clone, Debug)]
pub struct LinkedProgram {
    /// The program's name.
    pub name: String,
    /// Section it comes from.
    pub section: String,
    /// What the section's name says.
    pub def: Option<&'static SectionDef>,
    /// The slots.
    pub insns: Vec<RawInsn>,
    /// The functions, by position; the program itself is the first.
    pub funcs: Vec<LinkedFunc>,
    /// Indices into [`ObjectSpec::maps`]: a load of MAP_IDX `n` is of the map `maps[n]`.
    pub maps: Vec<usize>,
    /// Types of the functions; `insn_off` counts slots.
    pub func_info: Vec<FuncInfo>,
    /// Source lines, ascending; `insn_off` counts slots.
    pub line_info: Vec<LineInfo>,
    /// Places whose instruction waits for types of the kernel that are not there.
    pub unresolved: Vec<Unresolved>,
}

/// A function of a linked program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkedFunc {
    /// Its name.
    pub name: String,
    /// First slot.
    pub start: InsnIdx,
    /// How many slots.
    pub slots: u32,
}

/// A CO-RE relocation without an answer. Its instruction calls a helper that does not exist: a program that can reach it is refused there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unresolved {
    /// The slot.
    pub at: InsnIdx,
    /// What is asked.
    pub kind: CoreReloKind,
    /// About which type.
    pub type_name: String,
    /// Path into the type: indices of members, separated by colons.
    pub path: String,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} at {} needs the kernel's btf", self.kind.name(), self.type_name, self.path)
    }
}

impl LinkedProgram {
    /// Its type by the section's name; an error that names the section if that tells none.
    pub fn prog_type(&self) -> Result<ProgType, LinkError> {
        let unknown = || LinkError { program: self.name.clone(), at: None, cause: LinkCause::Section(self.section.clone()) };
        self.def.map(|d| d.prog_type).ok_or_else(unknown)
    }

    /// The function that holds a slot.
    pub fn func_at(&self, slot: InsnIdx) -> Option<&LinkedFunc> {
        let next = self.funcs.partition_point(|f| f.start <= slot);
        next.checked_sub(1).map(|i| &self.funcs[i]).filter(|_| slot.at() < self.insns.len())
    }

    /// The source line that a slot comes from.
    pub fn line_at(&self, slot: InsnIdx) -> Option<&LineInfo> {
        let start = self.func_at(slot)?.start.0;
        let next = self.line_info.partition_point(|l| l.insn_off <= slot.0);
        next.checked_sub(1).map(|i| &self.line_info[i]).filter(|l| l.insn_off >= start)
    }

    /// The CO-RE relocation without an answer at a slot: why a verifier found a helper there that does not exist.
    pub fn unresolved_at(&self, slot: InsnIdx) -> Option<&Unresolved> {
        self.unresolved.iter().find(|u| u.at == slot)
    }
}

impl ObjectSpec {
    /// Joins a program with the subprograms it reaches, and resolves what their instructions refer to.
    pub fn link(&self, program: &str, resolver: &mut dyn Resolver) -> Result<LinkedProgram, LinkError> {
        let no_program = || LinkError { program: program.to_owned(), at: None, cause: LinkCause::NoProgram };
        let spec = self.program(program).ok_or_else(no_program)?;
        let out = LinkedProgram {
            name: spec.name.clone(),
            section: spec.section.clone(),
            def: spec.def,
            insns: Vec::new(),
            funcs: Vec::new(),
            maps: Vec::new(),
            func_info: Vec::new(),
            line_info: Vec::new(),
            unresolved: Vec::new(),
        };
        let (places, map_slots) = (alloc::vec![None; self.functions.len()], alloc::vec![None; self.maps.len()]);
        let mut linker = Linker { object: self, resolver, out, places, map_slots };
        let located = |(at, cause)| LinkError { program: program.to_owned(), at, cause };
        linker.join(spec.function).map_err(located)?;
        linker.carry_core();
        Ok(linker.out)
    }
}

struct Linker<'a> {
    object: &'a ObjectSpec,
    resolver: &'a mut dyn Resolver,
    out: LinkedProgram,
    /// First slot of each function that is part of the program.
    places: Vec<Option<u32>>,
    /// Index into `out.maps` of each map that is used.
    map_slots: Vec<Option<u32>>,
}

type Located<T> = Result<T, (Option<(String, InsnIdx)>, LinkCause)>;

impl Linker<'_> {
    /// Places the function and, depth first, what it refers to: libbpf's order, without recursion, as objects choose the depth.
    fn join(&mut self, first: usize) -> Located<()> {
        self.place(first).map_err(|cause| (None, cause))?;
        let mut open = alloc::vec![(first, 0u32)];
        while let Some((index, from)) = open.pop() {
            let function = &self.object.functions[index];
            let at = |slot: u32| Some((function.name.clone(), InsnIdx(slot)));
            let mut slot = from;
            while slot < function.slots {
                let here = slot;
                let insn = self.out.insns[(self.places[index].unwrap_or(0) + here) as usize];
                slot += if insn.opcode == LDDW { 2 } else { 1 };
                if let Some(callee) = self.resolve(index, here, insn).map_err(|cause| (at(here), cause))? {
                    // What it refers to comes before the rest of this function.
                    open.push((index, slot));
                    open.push((callee, 0));
                    break;
                }
            }
        }
        Ok(())
    }

    /// Appends a function's slots and lines; answers where it starts.
    fn place(&mut self, index: usize) -> Result<u32, LinkCause> {
        let function = &self.object.functions[index];
        let code = &self.object.codes[function.code];
        let (from, to) = (function.start, function.start + function.slots);
        if self.out.insns.len() + function.slots as usize > MAX_INSNS {
            return Err(LinkCause::TooLong);
        }
        let start = self.out.insns.len() as u32;
        self.places[index] = Some(start);
        self.out.insns.extend_from_slice(&code.insns[from as usize..to as usize]);
        self.out.funcs.push(LinkedFunc { name: function.name.clone(), start: InsnIdx(start), slots: function.slots });
        let funcs = within(&code.funcs, from, from + 1, |f| f.insn_off);
        self.out.func_info.extend(funcs.iter().take(1).map(|f| FuncInfo { insn_off: start, ..*f }));
        let lines = within(&code.lines, from, to, |l| l.insn_off);
        self.out.line_info.extend(lines.iter().map(|l| LineInfo { insn_off: l.insn_off - from + start, ..*l }));
        Ok(start)
    }

    /// Resolves what one instruction refers to; answers the function, if it is one that was not part of the program before.
    fn resolve(&mut self, index: usize, slot: u32, insn: RawInsn) -> Result<Option<usize>, LinkCause> {
        let function = &self.object.functions[index];
        let code = &self.object.codes[function.code];
        let in_code = function.start + slot;
        let at = (self.places[index].unwrap_or(0) + slot) as usize;
        let wide = insn.opcode == LDDW;
        if wide && slot + 1 >= function.slots {
            // Half a wide load: left to the verifier, which names it.
            return Ok(None);
        }
        let target = code.relocs.binary_search_by_key(&in_code, |r| r.0).ok().map(|i| &code.relocs[i].1);
        match (target, insn.opcode) {
            (Some(Target::Function(callee)), _) => self.refer(at, *callee, wide),
            (Some(Target::Map(map)), _) => self.map(at, *map, None),
            (Some(Target::Data { map, offset }), _) => {
                let spec = &self.object.maps[*map];
                let outside = || LinkCause::OutOfData { section: spec.name.clone(), offset: *offset, size: spec.value_size };
                let inside = u32::try_from(*offset).ok().filter(|o| *o <= spec.value_size).ok_or_else(outside)?;
                self.map(at, *map, Some(inside))
            }
            (Some(Target::Extern(index)), _) => self.external(at, *index, wide),
            (Some(Target::Unsupported(section)), _) => Err(LinkCause::Unsupported { section: section.clone() }),
            // Functions of one section can refer to each other without a relocation.
            (None, CALL) if insn.src() == PSEUDO_CALL => self.neighbour(at, function.code, in_code, insn, false),
            (None, LDDW) if insn.src() == PSEUDO_FUNC => self.neighbour(at, function.code, in_code, insn, true),
            _ => Ok(None),
        }
    }

    fn neighbour(&mut self, at: usize, code: usize, slot: u32, insn: RawInsn, wide: bool) -> Result<Option<usize>, LinkCause> {
        let target = i64::from(slot) + 1 + i64::from(insn.imm);
        let callee = function_at(&self.object.functions, code, target).ok_or(LinkCause::NoFunction)?;
        self.refer(at, callee, wide)
    }

    /// Makes the instruction refer to a function, which becomes part of the program; answers it if it was not yet.
    fn refer(&mut self, at: usize, callee: usize, wide: bool) -> Result<Option<usize>, LinkCause> {
        let placed = self.places[callee];
        let start = placed.map_or_else(|| self.place(callee), Ok)?;
        let insn = &mut self.out.insns[at];
        set_src(insn, if wide { PSEUDO_FUNC } else { PSEUDO_CALL });
        // Both are below MAX_INSNS.
        insn.imm = start as i32 - (at as i32 + 1);
        Ok(placed.is_none().then_some(callee))
    }

    /// Makes the wide load name a map, or with `offset` a byte of its value.
    fn map(&mut self, at: usize, map: usize, offset: Option<u32>) -> Result<Option<usize>, LinkCause> {
        let maps = &mut self.out.maps;
        let index = *self.map_slots[map].get_or_insert_with(|| {
            maps.push(map);
            maps.len() as u32 - 1
        });
        let fd = self.resolver.map(map, &self.object.maps[map]);
        let kind = match (fd, offset) {
            (Some(_), None) => PSEUDO_MAP_FD,
            (Some(_), Some(_)) => PSEUDO_MAP_VALUE,
            (None, None) => PSEUDO_MAP_IDX,
            (None, Some(_)) => PSEUDO_MAP_IDX_VALUE,
        };
        set_src(&mut self.out.insns[at], kind);
        self.out.insns[at].imm = fd.unwrap_or(index as i32);
        self.out.insns[at + 1].imm = offset.unwrap_or(0) as i32;
        Ok(None)
    }

    fn external(&mut self, at: usize, index: usize, wide: bool) -> Result<Option<usize>, LinkCause> {
        let object = self.object;
        let name = &object.externs[index].name;
        let weak = object.externs[index].weak;
        let unresolved = || LinkCause::Unresolved { name: name.clone(), kind: object.externs[index].kind.word() };
        match (object.externs[index].kind, wide) {
            (ExternKind::Kconfig { offset, set }, true) if set || weak => {
                let map = object.kconfig.ok_or_else(unresolved)?;
                return self.map(at, map, Some(offset));
            }
            (ExternKind::Ksym { .. } | ExternKind::Kfunc { .. }, true) => {
                let address = self.resolver.ksym(name).or(weak.then_some(0)).ok_or_else(unresolved)?;
                self.out.insns[at].imm = address as i32;
                self.out.insns[at + 1].imm = (address >> 32) as i32;
            }
            (ExternKind::Kfunc { .. }, false) => match self.resolver.kfunc(name) {
                Some(id) => {
                    set_src(&mut self.out.insns[at], PSEUDO_KFUNC_CALL);
                    self.out.insns[at].imm = id as i32;
                }
                None if weak => self.out.insns[at] = RawInsn::new(CALL, 0, 0, 0, POISON_KFUNC),
                None => return Err(unresolved()),
            },
            _ => return Err(unresolved()),
        }
        Ok(None)
    }

    /// Answers the CO-RE relocations as for a kernel without types: what asks whether something exists gets 0, what needs it is poisoned.
    fn carry_core(&mut self) {
        for (index, function) in self.object.functions.iter().enumerate() {
            let Some(start) = self.places[index] else { continue };
            let code = &self.object.codes[function.code];
            for relo in within(&code.core, function.start, function.start + function.slots, |r| r.insn_off) {
                let slot = relo.insn_off - function.start;
                self.core(InsnIdx(start + slot), slot + 1 < function.slots, relo);
            }
        }
        self.out.unresolved.sort_by_key(|u| u.at);
    }

    fn core(&mut self, at: InsnIdx, has_next: bool, relo: &CoreRelo) {
        use CoreReloKind::*;
        let [insn, rest @ ..] = &mut self.out.insns[at.at()..] else { return };
        let wide = insn.opcode == LDDW && has_next;
        let zero = match relo.kind {
            // The compiler's own answer stands.
            TypeIdLocal => return,
            FieldExists | TypeExists | EnumvalExists | TypeMatches | TypeSize | TypeIdTarget => true,
            _ => false,
        };
        if zero {
            insn.imm = 0;
        } else {
            *insn = RawInsn::new(CALL, 0, 0, 0, POISON_CORE);
        }
        if let (true, Some(second)) = (wide, rest.first_mut()) {
            *second = if zero { RawInsn { imm: 0, ..*second } } else { *insn };
        }
        if !zero {
            let btf = self.object.btf.as_ref();
            let type_name = btf.and_then(|b| b.ty(relo.type_id)).map(|t| t.name).unwrap_or_default().to_owned();
            let path = btf.and_then(|b| b.str(relo.access_str_off)).unwrap_or_default().to_owned();
            self.out.unresolved.push(Unresolved { at, kind: relo.kind, type_name, path });
        }
    }
}

fn set_src(insn: &mut RawInsn, src: u8) {
    *insn = RawInsn::new(insn.opcode, insn.dst(), src, insn.off, insn.imm);
}

/// Those of the ascending records whose position lies in `from..to`.
fn within<T>(records: &[T], from: u32, to: u32, position: impl Fn(&T) -> u32) -> &[T] {
    let first = records.partition_point(|r| position(r) < from);
    let end = records.partition_point(|r| position(r) < to);
    &records[first..end.max(first)]
}
