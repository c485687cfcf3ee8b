//! Links: programs attached to functions of the kernel.
use crate::Prog;
use crate::run::{self, Origin};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use axbpf_abi::ProgType;
use axbpf_platform::IrqGuard;
use axkprobe::{Handler, Hit, Probe, ProbeError, Regs, When};
use core::fmt;

/// A place for a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// A function's name, `name+offset`, or an address.
    pub symbol: String,
    /// What `bpf_get_attach_cookie` answers there.
    pub cookie: u64,
}

impl From<&str> for Target {
    fn from(symbol: &str) -> Self {
        Target { symbol: symbol.into(), cookie: 0 }
    }
}

/// Why a program was not attached.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AttachError {
    /// Only kprobe programs go to functions.
    Type(ProgType),
    /// No place was named.
    NoTarget,
    /// One of the places cannot have a probe.
    Probe {
        /// The place.
        target: String,
        /// Why.
        error: ProbeError,
    },
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(prog_type) => write!(f, "programs of type {prog_type} cannot be attached here; kprobe programs can"),
            Self::NoTarget => f.write_str("nothing to attach to was named"),
            Self::Probe { target, error: error @ ProbeError::NoSuchSymbol { .. } } if target.is_empty() => error.fmt(f),
            Self::Probe { error, .. } => error.fmt(f),
        }
    }
}

impl core::error::Error for AttachError {}

/// A program that is attached. Dropping it detaches: then it runs no more.
pub struct Link {
    prog: Arc<Prog>,
    probes: Vec<(Target, Probe)>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({} at {} places)", self.prog.name(), self.probes.len())
    }
}

/// What happened at one place of a link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TargetStats<'a> {
    /// The place.
    pub symbol: &'a str,
    /// Its address.
    pub addr: u64,
    /// How often the program ran.
    pub hits: u64,
    /// How often it did not: inside another program, or with too many calls under way.
    pub missed: u64,
}

struct Runner {
    prog: Arc<Prog>,
    origin: Origin,
}

impl Handler for Runner {
    fn hit(&self, regs: &mut Regs, _hit: &Hit) -> bool {
        run::at_hit(&IrqGuard::new(), &self.prog, regs, self.origin).is_some()
    }
}

impl Link {
    /// Attaches a kprobe program before each of these places, or to the returns of these functions. All or none. From task context.
    pub fn kprobes(prog: &Arc<Prog>, targets: &[Target], at_return: bool) -> Result<Arc<Link>, AttachError> {
        if prog.prog_type() != ProgType::Kprobe {
            return Err(AttachError::Type(prog.prog_type()));
        }
        if targets.is_empty() {
            return Err(AttachError::NoTarget);
        }
        let when = if at_return { When::Return { max_active: None } } else { When::Before };
        let install = |target: &Target| {
            let addr = axkprobe::resolve(&target.symbol)?;
            let at_entry = axkprobe::symbols()?.by_addr(addr).is_some_and(|symbol| symbol.addr == addr);
            let origin = Origin { cookie: target.cookie, func_ip: if at_entry { addr } else { 0 } };
            let probe = Probe::install(addr, when, Arc::new(Runner { prog: Arc::clone(prog), origin }))?;
            Ok((target.clone(), probe))
        };
        let probes =
            targets.iter().map(|target| install(target).map_err(|error| AttachError::Probe { target: target.symbol.clone(), error }));
        Ok(Arc::new(Link { prog: Arc::clone(prog), probes: probes.collect::<Result<_, _>>()? }))
    }

    /// Detaches: the program runs no more, and what was counted can still be read. An error: at one of the places it may still run.
    pub fn detach(&self) -> Result<(), AttachError> {
        for (target, probe) in &self.probes {
            probe.remove().map_err(|error| AttachError::Probe { target: target.symbol.clone(), error })?;
        }
        Ok(())
    }

    /// The program.
    pub fn prog(&self) -> &Arc<Prog> {
        &self.prog
    }

    /// What happened at each place, in the order in which they were given.
    pub fn stats(&self) -> impl Iterator<Item = TargetStats<'_>> {
        self.probes.iter().map(|(target, probe)| TargetStats {
            symbol: &target.symbol,
            addr: probe.addr(),
            hits: probe.hits(),
            missed: probe.missed(),
        })
    }

    /// How often the program ran, at all places together.
    pub fn hits(&self) -> u64 {
        self.stats().map(|stats| stats.hits).sum()
    }

    /// How often it was hit and did not run.
    pub fn missed(&self) -> u64 {
        self.stats().map(|stats| stats.missed).sum()
    }
}
