//! Programs: from instructions to something that runs.
use crate::helpers;
use crate::verify::{self, GlobalFunc, Rejected};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use axbpf_abi::{Arch, CtxLayout, Facts, MAX_INSNS, OBJ_NAME_LEN, ProgType};
use axbpf_isa::{Imm64, Insn, InsnIdx, RawInsn, decode, insns, opcode};
#[cfg(feature = "axbpf-maps")]
use axbpf_maps::Map;
use axbpf_vm::{Accepted, Engine, Interpreter, Program};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A program to be loaded: the fields of PROG_LOAD.
pub struct ProgSpec<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type, which decides the context and the helpers.
    pub prog_type: ProgType,
    /// BPF_TRACE_KPROBE_MULTI and the like; 0: none.
    pub expected_attach_type: u32,
    /// Text of its license.
    pub license: &'a str,
    /// Its instructions; maps by descriptor, or by index into `maps`.
    pub insns: Vec<RawInsn>,
    /// BPF_F_STRICT_ALIGNMENT and the like.
    pub flags: u32,
    /// The maps that its instructions name by index.
    #[cfg(feature = "axbpf-maps")]
    pub maps: &'a [Arc<Map>],
    /// The source line of a slot, for the log.
    pub source: Option<&'a dyn Fn(InsnIdx) -> Option<String>>,
    /// The function that begins at a slot, if it is global: verified by its types, on its own.
    pub global: Option<&'a dyn Fn(InsnIdx) -> Option<GlobalFunc>>,
    /// What the log tells: BPF_LOG_*.
    pub log_level: u32,
    /// Interpret it, although it could be compiled.
    pub interpret: bool,
}

impl<'a> ProgSpec<'a> {
    /// Of this type and with this name, with a license that is compatible with the GPL.
    pub fn new(name: &'a str, prog_type: ProgType, insns: Vec<RawInsn>) -> Self {
        ProgSpec {
            name,
            prog_type,
            expected_attach_type: 0,
            license: "GPL",
            insns,
            flags: 0,
            #[cfg(feature = "axbpf-maps")]
            maps: &[],
            source: None,
            global: None,
            log_level: 0,
            interpret: false,
        }
    }
}

/// Why a program was not loaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// There are no instructions, or too many.
    Length(usize),
    /// Programs of this type cannot run here.
    Type(ProgType),
    /// An instruction names a map that is not there.
    NoSuchMap {
        /// The instruction.
        at: InsnIdx,
        /// Its descriptor or index.
        map: i32,
    },
    /// It uses a program array that programs of another type use.
    ProgArray {
        /// The instruction that names it.
        at: InsnIdx,
    },
    /// The verifier refused it.
    Rejected(Rejected),
    /// The instructions do not hang together.
    Program(axbpf_vm::Refused),
    /// What the verifier says of an instruction does not fit it: a fault of the verifier's.
    Facts(InsnIdx),
    /// The interpreter's stack is too small for it.
    Stack(axbpf_vm::StackTooDeep),
    /// It could not be compiled.
    #[cfg(feature = "axbpf-jit")]
    Jit(axbpf_jit::JitError),
    /// No memory for its code.
    NoMemory,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(0) => f.write_str("the program has no instructions"),
            Self::Length(slots) => write!(f, "the program has {slots} instructions; {MAX_INSNS} is the most"),
            Self::Type(prog_type) => write!(f, "programs of type {prog_type} cannot run here"),
            Self::ProgArray { at } => write!(f, "insn {at}: this program array belongs to programs of another type"),
            Self::NoSuchMap { at, map } => write!(f, "insn {at}: map {map} does not exist, or its value cannot be named directly"),
            Self::Rejected(rejected) => rejected.fmt(f),
            Self::Program(refused) => refused.fmt(f),
            Self::Facts(at) => write!(f, "insn {at}: the verifier's facts do not fit it"),
            Self::Stack(deep) => deep.fmt(f),
            #[cfg(feature = "axbpf-jit")]
            Self::Jit(error) => error.fmt(f),
            Self::NoMemory => f.write_str("no memory for the program's code"),
        }
    }
}

impl core::error::Error for LoadError {}

/// A program that was verified and is ready to run.
pub struct Prog {
    id: u32,
    name: [u8; OBJ_NAME_LEN],
    prog_type: ProgType,
    expected_attach_type: u32,
    slots: usize,
    insns_processed: usize,
    /// Before `maps`, so that it goes first.
    engine: Box<dyn Engine>,
    /// What its instructions name.
    #[cfg(feature = "axbpf-maps")]
    maps: Vec<Arc<Map>>,
}

impl fmt::Debug for Prog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prog({} {})", self.name(), self.prog_type)
    }
}

/// The ISA whose registers programs see: that of the machine, riscv64's on hosts.
pub const ARCH: Arch = if cfg!(target_arch = "aarch64") {
    Arch::Aarch64
} else if cfg!(target_arch = "loongarch64") {
    Arch::Loongarch64
} else if cfg!(all(target_arch = "x86_64", target_os = "none")) {
    Arch::X86_64
} else {
    Arch::Riscv64
};

impl Prog {
    /// Verifies a program and makes it ready: compiled where there is a compiler for this machine, else predecoded. The verifier's log goes to
    /// `log`. From task context.
    pub fn load(mut spec: ProgSpec<'_>, log: &mut dyn Write) -> Result<Arc<Prog>, LoadError> {
        static IDS: AtomicU32 = AtomicU32::new(1);
        if spec.insns.is_empty() || spec.insns.len() > MAX_INSNS {
            return Err(LoadError::Length(spec.insns.len()));
        }
        let ctx = Some(spec.prog_type).filter(|&prog_type| runnable(prog_type));
        let ctx = ctx.and_then(|prog_type| CtxLayout::of(prog_type, spec.expected_attach_type, ARCH));
        let ctx = ctx.ok_or(LoadError::Type(spec.prog_type))?;
        let links = links(&spec)?;
        #[cfg(feature = "axbpf-maps")]
        for link in &links {
            if !link.map.claim(kind(spec.prog_type)) {
                return Err(LoadError::ProgArray { at: link.at });
            }
        }
        let gpl = axbpf_abi::is_gpl_compatible(spec.license);
        let verdict = verify::verify(&spec, ctx, gpl, &links, log).map_err(LoadError::Rejected)?;
        for link in &links {
            link.put(&mut spec.insns);
        }
        widen(&mut spec.insns, &verdict.facts)?;
        bury(&mut spec.insns, &verdict.facts)?;
        let slots = spec.insns.len();
        #[cfg_attr(not(feature = "axbpf-maps"), expect(unused_mut, reason = "nothing is inlined without maps"))]
        let mut facts = verdict.facts;
        #[cfg(feature = "axbpf-maps")]
        crate::inline::inline(&mut spec.insns, &mut facts, &links);
        let engine = engine(spec.insns, facts, spec.interpret)?;
        crate::trace::init();
        let mut name = [0; OBJ_NAME_LEN];
        let len = spec.name.len().min(OBJ_NAME_LEN - 1);
        name[..len].copy_from_slice(&spec.name.as_bytes()[..len]);
        Ok(Arc::new(Prog {
            id: IDS.fetch_add(1, Relaxed),
            name,
            prog_type: spec.prog_type,
            expected_attach_type: spec.expected_attach_type,
            slots,
            insns_processed: verdict.insns_processed,
            engine,
            #[cfg(feature = "axbpf-maps")]
            maps: links.into_iter().map(|link| link.map).collect(),
        }))
    }

    /// Its number, which no other program has had.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Its name, cut off at 15 bytes.
    pub fn name(&self) -> &str {
        core::str::from_utf8(crate::task::until_nul(&self.name)).unwrap_or("")
    }

    /// Its type.
    pub fn prog_type(&self) -> ProgType {
        self.prog_type
    }

    /// What it was loaded for: BPF_TRACE_KPROBE_MULTI and the like.
    pub fn expected_attach_type(&self) -> u32 {
        self.expected_attach_type
    }

    /// Its length in slots.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Instructions that the verifier walked.
    pub fn insns_processed(&self) -> usize {
        self.insns_processed
    }

    /// Bytes of its machine code; 0 if it is interpreted.
    pub fn jited_len(&self) -> usize {
        self.engine.machine_code().len()
    }

    /// The maps that its instructions name.
    #[cfg(feature = "axbpf-maps")]
    pub fn maps(&self) -> &[Arc<Map>] {
        &self.maps
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        &*self.engine
    }
}

/// Programs that can follow one another by tail calls are of one type; which engine runs them does not matter here.
#[cfg(feature = "axbpf-maps")]
fn kind(prog_type: ProgType) -> u32 {
    prog_type as u32
}

#[cfg(feature = "axbpf-maps")]
impl axbpf_maps::Object for Prog {
    fn id(&self) -> u32 {
        self.id
    }

    fn address(&self) -> u64 {
        core::ptr::from_ref(self).expose_provenance() as u64
    }

    fn kind(&self) -> u32 {
        kind(self.prog_type)
    }
}

/// A wide load of a map's address, or of one in its value.
pub(crate) struct Link {
    pub(crate) at: InsnIdx,
    /// Offset into the value; `None`: the map itself.
    #[cfg(feature = "axbpf-maps")]
    pub(crate) value: Option<u32>,
    #[cfg(feature = "axbpf-maps")]
    pub(crate) map: Arc<Map>,
}

impl Link {
    /// The address that the instruction loads.
    #[cfg(feature = "axbpf-maps")]
    fn address(&self) -> u64 {
        match self.value {
            None => self.map.address(),
            Some(offset) => self.map.value_address().unwrap_or(0) + u64::from(offset),
        }
    }

    #[cfg(not(feature = "axbpf-maps"))]
    fn address(&self) -> u64 {
        0
    }

    /// Turns it into a load of a plain value.
    fn put(&self, slots: &mut [RawInsn]) {
        let (at, address) = (self.at.at(), self.address());
        if let [first, second, ..] = &mut slots[at..] {
            first.regs &= 0xf;
            first.imm = address as u32 as i32;
            second.imm = (address >> 32) as u32 as i32;
        }
    }
}

/// The wide loads of maps, in order.
fn links(spec: &ProgSpec<'_>) -> Result<Vec<Link>, LoadError> {
    let mut links = Vec::new();
    let mut next = 0;
    while next < spec.insns.len() {
        let at = InsnIdx(next as u32);
        next += if spec.insns[next].opcode == opcode::LDDW { 2 } else { 1 };
        // What is no instruction is the verifier's to refuse, if a path reaches it.
        let Ok(Insn::LoadImm64 { imm, .. }) = decode(&spec.insns, at) else { continue };
        let (map, value, index) = match imm {
            Imm64::MapFd(fd) => (fd, None, false),
            Imm64::MapIdx(index) => (index, None, true),
            Imm64::MapFdValue { fd, off } => (fd, Some(off), false),
            Imm64::MapIdxValue { idx, off } => (idx, Some(off), true),
            _ => continue,
        };
        let missing = LoadError::NoSuchMap { at, map };
        #[cfg(feature = "axbpf-maps")]
        {
            let found = match u32::try_from(map) {
                Ok(number) if index => spec.maps.get(number as usize).cloned(),
                Ok(fd) => crate::fds::map(fd).ok(),
                Err(_) => None,
            };
            let found = found.filter(|map| value.is_none() || map.value_address().is_some());
            links.push(Link { at, value, map: found.ok_or(missing)? });
        }
        #[cfg(not(feature = "axbpf-maps"))]
        {
            let _ = (value, index, &mut links);
            return Err(missing);
        }
    }
    Ok(links)
}

/// Types whose contexts are made somewhere here: by probes, or by test runs alone.
fn runnable(prog_type: ProgType) -> bool {
    use ProgType::*;
    matches!(prog_type, Kprobe | Tracepoint | RawTracepoint | Tracing | PerfEvent | Syscall | Xdp | SchedCls | SchedAct | SocketFilter)
}

/// Turns loads of packet pointers, 4 bytes wide in the structs that programs know, into loads of the 8 bytes that the context has behind its
/// struct. Done once here, so that no engine has to know of contexts; a load left as it is would make half an address a pointer.
fn widen(slots: &mut [RawInsn], facts: &Facts) -> Result<(), LoadError> {
    const LOAD_W: u8 = opcode::LDX | opcode::MEM | opcode::W;
    const LOAD_DW: u8 = opcode::LDX | opcode::MEM | opcode::DW;
    for &(at, off) in &facts.rewrites {
        let load = slots.get_mut(at as usize).filter(|slot| slot.opcode == LOAD_W);
        let (Some(load), Ok(off)) = (load, i16::try_from(off)) else { return Err(LoadError::Facts(InsnIdx(at))) };
        (load.opcode, load.off) = (LOAD_DW, off);
    }
    Ok(())
}

/// What no path reaches may be no instruction at all, or call what does not exist: engines need not know it.
fn bury(slots: &mut [RawInsn], facts: &Facts) -> Result<(), LoadError> {
    for &at in &facts.dead {
        let len = if slots.get(at as usize).is_some_and(|slot| slot.opcode == opcode::LDDW) { 2 } else { 1 };
        for slot in slots.iter_mut().skip(at as usize).take(len) {
            *slot = RawInsn::new(opcode::EXIT, 0, 0, 0, 0);
        }
    }
    // No engine recovers from faults of loads yet, and no helper here returns what would need it.
    facts.faults.first().map_or(Ok(()), |&at| Err(LoadError::Facts(InsnIdx(at))))
}

/// The trust boundary: what the verifier accepted becomes what runs.
#[allow(unsafe_code, reason = "the one place where a program is declared accepted")]
fn engine(slots: Vec<RawInsn>, facts: Facts, interpret: bool) -> Result<Box<dyn Engine>, LoadError> {
    let program = Program::new(slots, facts, &helpers::target).map_err(LoadError::Program)?;
    // SAFETY: 1. `Prog::load`, the only caller, has these instructions and facts from the verifier, and only put addresses in place of maps,
    //    and wide loads where the verifier said so.
    //    2. The program keeps those maps alive, and helpers are functions of this image. 3. Runs give it the context of its type.
    let accepted = unsafe { Accepted::new(program) };
    #[cfg(feature = "axbpf-jit")]
    if let Some(target) = axbpf_jit::Target::host().filter(|_| !interpret) {
        let image = axbpf_jit::compile(&accepted, target).map_err(LoadError::Jit)?;
        let mut draft = axbpf_platform::Draft::new(image.code.len()).ok_or(LoadError::NoMemory)?;
        let at = draft.addr();
        image.write_to(draft.bytes_mut(), at as u64).ok_or(LoadError::NoMemory)?;
        let code = draft.seal().ok_or(LoadError::NoMemory)?;
        // SAFETY: 1. Written above, for this address. 2. Sealed memory does not change, and every CPU fetches it. 3. For this CPU, from this
        //    program.
        return Ok(Box::new(unsafe { axbpf_jit::Jit::new(&image, code, at) }));
    }
    let _ = interpret;
    Ok(Box::new(Interpreter::new(accepted).map_err(LoadError::Stack)?))
}

/// The highest index by which instructions name a map of [`ProgSpec::maps`].
pub fn last_map_index(slots: &[RawInsn]) -> Option<usize> {
    let index = |(_, insn)| match insn {
        Ok(Insn::LoadImm64 { imm: Imm64::MapIdx(idx) | Imm64::MapIdxValue { idx, .. }, .. }) => usize::try_from(idx).ok(),
        _ => None,
    };
    insns(slots).filter_map(index).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `r0 = *(u32 *)(r9 - 4)`, the same with 8 bytes, and a wide load whose second half looks like such a load.
    const SLOTS: [RawInsn; 4] =
        [RawInsn::new(0x61, 0, 9, -4, 0), RawInsn::new(0x79, 0, 9, -4, 0), RawInsn::new(0x18, 1, 0, 0, 0), RawInsn::new(0, 0, 0, 0, 0)];

    fn widened(rewrites: &[(u32, u16)]) -> Result<Vec<RawInsn>, u32> {
        let mut slots = SLOTS.to_vec();
        match widen(&mut slots, &Facts { rewrites: rewrites.to_vec(), ..Facts::default() }) {
            Ok(()) => Ok(slots),
            Err(LoadError::Facts(at)) => Err(at.0),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn loads_of_pointers_become_wide() {
        let mut expected = SLOTS.to_vec();
        assert_eq!(widened(&[]).as_ref(), Ok(&expected));
        expected[0] = RawInsn::new(0x79, 0, 9, 208, 0);
        assert_eq!(widened(&[(0, 208)]), Ok(expected));
    }

    #[test]
    fn nothing_else_becomes_wide() {
        for (rewrite, at) in [((1, 8), 1), ((2, 8), 2), ((3, 8), 3), ((4, 8), 4), ((0, 0x8000), 0)] {
            assert_eq!(widened(&[rewrite]), Err(at), "{rewrite:?}");
        }
    }
}
