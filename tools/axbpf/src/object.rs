//! The object named on the command line.
use std::fs;

use axbpf_abi::kfuncs;
use axbpf_loader::{LinkError, LinkedProgram, ObjectSpec, ProgramSpec, Resolver};

use crate::Failure;

/// What objects may ask about the kernel: this project's reference is Linux 6.12.
const KCONFIG: [(&str, u64); 3] =
    [("LINUX_KERNEL_VERSION", 6 << 16 | 12 << 8), ("LINUX_HAS_BPF_COOKIE", 1), ("LINUX_HAS_SYSCALL_WRAPPER", 0)];

/// Finds kernel functions by their names.
struct Kfuncs;

impl Resolver for Kfuncs {
    fn kfunc(&mut self, name: &str) -> Option<u32> {
        kfuncs::by_name(name).map(|proto| proto.id)
    }
}

/// An object, and which of its programs are meant.
pub struct Object {
    pub spec: ObjectSpec,
    only: Option<String>,
}

impl Object {
    /// Reads and parses a file; `only`: the one program that is meant.
    pub fn read(path: &str, only: Option<String>) -> Result<Object, Failure> {
        let bytes = fs::read(path).map_err(|e| Failure::unusable(format!("{path}: {e}")))?;
        let mut spec = ObjectSpec::parse(&bytes).map_err(|e| Failure::unusable(format!("{path}: {e}")))?;
        spec.set_kconfig(&KCONFIG).map_err(|e| Failure::unusable(format!("{path}: {e}")))?;
        match &only {
            Some(name) if spec.program(name).is_none() => {
                let names: Vec<_> = spec.programs.iter().map(|p| p.name.as_str()).collect();
                Err(Failure::unusable(format!("{path}: no program {name}; there are: {}", names.join(" "))))
            }
            None if spec.programs.is_empty() => Err(Failure::unusable(format!("{path}: no programs"))),
            _ => Ok(Object { spec, only }),
        }
    }

    /// The programs that are meant, each linked.
    pub fn programs(&self) -> impl Iterator<Item = (&ProgramSpec, Result<LinkedProgram, LinkError>)> {
        let meant = self.spec.programs.iter().filter(|p| self.only.as_ref().is_none_or(|name| *name == p.name));
        meant.map(|p| (p, self.spec.link(&p.name, &mut Kfuncs)))
    }
}
