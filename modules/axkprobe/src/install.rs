//! Installing and removing probes. From task context only.
//!
//! Order of installation: the slot is filled, the point published, the breakpoint stored. Of removal: the instruction is restored, then
//! a grace period; after it no CPU is at the breakpoint, in a handler or in the slot, so the point leaves the table and is freed, or kept until
//! the calls have returned that go through it.
use crate::arch::{BREAKPOINT, COPY, Insn, MAX_INSN, Refusal, SLOT, Step, begins_reservation, decode};
use crate::hit::TABLE;
use crate::point::{Attached, Counts, List, Point};
use crate::symbols::{Symbol, Symbols};
use crate::{Handler, ProbeError, blacklist, returns};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use axbpf_platform::{Draft, Patch, Sealed, cpu_count, fault, quiesce};
use core::fmt;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering::*};
use spin::{Mutex, Once};

/// What the kernel tells about itself.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its code.
    pub text: Range<u64>,
    /// Parts of the code that must not be probed: the section `.text.axprobe`.
    pub blacklist: Vec<Range<u64>>,
    /// The symbol table: section `.ksyms`.
    pub symbols: &'static [u8],
}

static CONFIG: Once<Config> = Once::new();

/// Sets up the engine. Later calls change nothing.
pub fn init(config: Config) {
    CONFIG.call_once(|| config);
}

fn config() -> Result<&'static Config, ProbeError> {
    CONFIG.get().ok_or(ProbeError::NotInitialised)
}

/// The kernel's symbols.
pub fn symbols() -> Result<Symbols<'static>, ProbeError> {
    Ok(Symbols::parse(config()?.symbols)?)
}

/// The address that `name` stands for: a function's readable or mangled name, `name+0x10` for an instruction in it, or an address (`0x...`).
pub fn resolve(name: &str) -> Result<u64, ProbeError> {
    let number = |text: &str| text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u64::from_str_radix(hex, 16).ok());
    if let Some(addr) = name.starts_with("0x").then(|| number(name)).flatten() {
        return Ok(addr);
    }
    let symbols = symbols()?;
    let (function, offset) = match name.rsplit_once('+').and_then(|(function, offset)| Some((function, number(offset)?))) {
        Some(parts) => parts,
        None => (name, 0),
    };
    let mut found = symbols.by_name(function);
    let Some(symbol) = found.next() else {
        return Err(ProbeError::NoSuchSymbol { name: function.into(), similar: symbols.similar(function).map(|s| s.name.into()) });
    };
    match found.count() {
        0 => {}
        more => return Err(ProbeError::Ambiguous { name: function.into(), count: 1 + more, first: symbol.addr }),
    }
    if offset >= symbol.size.max(1) {
        return Err(ProbeError::PastEnd { name: function.into(), size: symbol.size, offset });
    }
    Ok(symbol.addr + offset)
}

/// When a probe runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// Before the instruction.
    Before,
    /// At the return of the function that begins there.
    Return {
        /// Calls under way at once that are followed; `None`: as Linux, 10 or twice the number of CPUs.
        max_active: Option<usize>,
    },
}

/// An installed probe. Dropping it removes it; [`Probe::remove`] also says whether that worked.
pub struct Probe {
    addr: u64,
    counts: Arc<Counts>,
    /// `None`: removed.
    attached: Mutex<Option<Arc<Attached>>>,
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Probe({:#x})", self.addr)
    }
}

/// Everything that is installed, by address.
struct Installed {
    points: BTreeMap<u64, Box<Point>>,
    /// Points that left the table while calls were under way: freed when those have returned.
    #[expect(clippy::vec_box, reason = "instances keep their addresses")]
    orphans: Vec<Box<Point>>,
}

static INSTALLED: Mutex<Installed> = Mutex::new(Installed { points: BTreeMap::new(), orphans: Vec::new() });
/// Of points, for [`points`] without the lock.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Probed instructions.
pub fn points() -> usize {
    COUNT.load(Relaxed)
}

/// Removed points that are kept because calls have yet to return through them.
pub fn orphans() -> usize {
    let mut installed = INSTALLED.lock();
    installed.sweep();
    installed.orphans.len()
}

impl Probe {
    /// Installs a probe at an address (see [`resolve`]).
    pub fn install(addr: u64, when: When, handler: Arc<dyn Handler>) -> Result<Probe, ProbeError> {
        let mut installed = INSTALLED.lock();
        installed.sweep();
        let (at_return, max_active) = match when {
            When::Before => (false, 0),
            When::Return { max_active } => (true, max_active.unwrap_or_else(|| (2 * cpu_count()).max(10))),
        };
        let insn = installed.check(addr, at_return)?;
        let counts = Arc::new(Counts::default());
        let attached = Arc::new(Attached { handler, at_return, max_active, since: returns::now(), counts: Arc::clone(&counts) });
        match installed.points.get(&addr) {
            Some(point) => {
                let mut list = point.list().clone();
                // Without any it is one whose removal a stuck CPU stopped halfway.
                let armed = !list.is_empty();
                list.push(Arc::clone(&attached));
                // Hits under way may still read the old one.
                axbpf_platform::defer(point.swap_list(list));
                if !armed && !store(addr, BREAKPOINT) {
                    axbpf_platform::defer(point.swap_list(List::new()));
                    return Err(ProbeError::Write(addr));
                }
            }
            None => installed.add(addr, insn, Arc::clone(&attached))?,
        }
        Ok(Probe { addr, counts, attached: Mutex::new(Some(attached)) })
    }

    /// Its address.
    pub fn addr(&self) -> u64 {
        self.addr
    }

    /// How often its handler ran. Can be read after the probe was removed, too.
    pub fn hits(&self) -> u64 {
        self.counts.hits.load(Relaxed)
    }

    /// How often it was hit and its handler did not run: inside another handler, or with too many calls under way.
    pub fn missed(&self) -> u64 {
        self.counts.missed.load(Relaxed)
    }

    /// Removes it. When this returns, its handler runs nowhere. If a CPU does not answer, the handler is kept for ever and an error says so.
    /// Removing it once more does nothing.
    pub fn remove(&self) -> Result<(), ProbeError> {
        let Some(attached) = self.attached.lock().take() else { return Ok(()) };
        let removed = INSTALLED.lock().remove(self.addr, &attached);
        if removed.is_err() {
            core::mem::forget(attached);
        }
        // Else the handler is dropped here, without the lock: it may own other probes.
        removed
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // What could not be removed stays installed, and what it uses is kept.
        let _ = self.remove();
    }
}

impl Installed {
    /// Whether a probe may be at `addr`, and the instruction there.
    fn check(&self, addr: u64, at_return: bool) -> Result<Insn, ProbeError> {
        let config = config()?;
        if !config.text.contains(&addr) {
            return Err(ProbeError::NotCode(addr));
        }
        let symbol = symbols()?.by_addr(addr).ok_or(ProbeError::NotCode(addr))?;
        if config.blacklist.iter().any(|range| range.contains(&addr)) || blacklist::contains(symbol.name) {
            return Err(ProbeError::Blacklisted { addr, name: symbol.name.into() });
        }
        if at_return && addr != symbol.addr {
            return Err(ProbeError::NotAtEntry(addr));
        }
        self.insn_at(addr, symbol)
    }

    /// The instruction at `addr`: found by going through the function from its beginning, as it was before it got probes.
    fn insn_at(&self, addr: u64, symbol: Symbol<'_>) -> Result<Insn, ProbeError> {
        let mut code = alloc::vec![0; ((addr - symbol.addr) as usize + MAX_INSN).min(symbol.size as usize)];
        fault::read(&mut code, symbol.addr as usize).map_err(|_| ProbeError::NotCode(addr))?;
        for (&at, point) in self.points.range(symbol.addr..addr + 1) {
            let offset = (at - symbol.addr) as usize;
            if let Some(bytes) = code.get_mut(offset..offset + 2) {
                bytes.copy_from_slice(&point.original);
            }
        }
        let refuse = |why| ProbeError::Instruction { addr, name: String::from(symbol.name), why };
        let (mut at, mut reserved) = (symbol.addr, false);
        loop {
            let here = &code[(at - symbol.addr) as usize..];
            let insn = decode(here).ok_or_else(|| refuse(Refusal::Unknown))?;
            if at == addr {
                return match insn.step {
                    Step::Refuse(why) => Err(refuse(why)),
                    _ if reserved => Err(refuse(Refusal::Exclusive)),
                    _ => Ok(insn),
                };
            }
            // lr begins what sc ends; the two follow one another in the order of addresses.
            if insn.step == Step::Refuse(Refusal::Exclusive) {
                reserved = begins_reservation(here);
            }
            let next = at + u64::from(insn.len);
            if next > addr {
                return Err(ProbeError::NotAnInstruction { addr, begins: at });
            }
            at = next;
        }
    }

    /// Makes a point and its breakpoint.
    fn add(&mut self, addr: u64, insn: Insn, attached: Arc<Attached>) -> Result<(), ProbeError> {
        let mut bytes = [0; MAX_INSN];
        let bytes = &mut bytes[..insn.len.into()];
        fault::read(bytes, addr as usize).map_err(|_| ProbeError::NotCode(addr))?;
        let original = [bytes[0], bytes[1]];
        let slot = match insn.step {
            Step::OutOfLine => Some(slot(bytes)?),
            Step::Simulate(_) | Step::Refuse(_) => None,
        };
        let point = Box::new(Point::new(addr, insn, slot, original));
        drop(point.swap_list(alloc::vec![attached]));
        let keys = [Some(addr), point.slot_addr()];
        for (i, key) in keys.iter().enumerate() {
            if key.is_some_and(|key| !TABLE.insert(key, &point)) {
                keys[..i].iter().flatten().for_each(|&key| TABLE.remove(key));
                return Err(ProbeError::TableFull);
            }
        }
        if !store(addr, BREAKPOINT) {
            keys.iter().flatten().for_each(|&key| TABLE.remove(key));
            return Err(ProbeError::Write(addr));
        }
        self.points.insert(addr, point);
        COUNT.store(self.points.len(), Relaxed);
        Ok(())
    }

    fn remove(&mut self, addr: u64, attached: &Arc<Attached>) -> Result<(), ProbeError> {
        let Some(point) = self.points.get(&addr) else { return Ok(()) };
        let rest: List = point.list().iter().filter(|other| !Arc::ptr_eq(other, attached)).cloned().collect();
        let last = rest.is_empty();
        if last && !store(addr, point.original) {
            return Err(ProbeError::Write(addr));
        }
        let old = point.swap_list(rest);
        if let Err(stuck) = quiesce() {
            // Somebody may still read it: it is never freed. An empty point stays and costs its place in the table, no more.
            core::mem::forget(old);
            return Err(stuck.into());
        }
        drop(old);
        if last && let Some(point) = self.points.remove(&addr) {
            TABLE.remove(addr);
            if let Some(slot) = point.slot_addr() {
                TABLE.remove(slot);
            }
            COUNT.store(self.points.len(), Relaxed);
            self.orphan(point);
        }
        Ok(())
    }

    /// Frees a point that no CPU can find any more, now or when its last call has returned.
    fn orphan(&mut self, point: Box<Point>) {
        self.orphans.push(point);
        self.sweep();
    }

    /// Frees orphans whose calls have all returned: giving back its instance is the last that a return does with a point.
    fn sweep(&mut self) {
        self.orphans.retain(|point| point.instances.load(Acquire) != 0);
    }
}

/// Executable memory with the instruction and a breakpoint behind it, twice (see [`Point`]). What is between them is no instruction.
fn slot(insn: &[u8]) -> Result<Sealed, ProbeError> {
    // The platform gives whole cache lines.
    let mut draft = Draft::new(SLOT).filter(|draft| draft.addr() % SLOT == 0).ok_or(ProbeError::NoMemory)?;
    for copy in draft.bytes_mut().chunks_exact_mut(COPY) {
        copy[..insn.len()].copy_from_slice(insn);
        copy[insn.len()..][..BREAKPOINT.len()].copy_from_slice(&BREAKPOINT);
    }
    draft.seal().ok_or(ProbeError::NoMemory)
}

/// Stores two bytes of code at once.
#[allow(unsafe_code)]
fn store(addr: u64, bytes: [u8; 2]) -> bool {
    // SAFETY: 1. One aligned store: a CPU fetches the instruction or the breakpoint. 2. The breakpoint's point is in the table before (`add`)
    //    and until a grace period after (`remove`), and does what the instruction does.
    unsafe { axbpf_platform::patch(&[Patch { addr: addr as usize, bytes: &bytes }]) }
}
