//! The Linux that the tests run on as a judge: what bpf(2) says of the same programs. Nothing is attached or run.
use axbpf_abi::attr::{Attr, MapCreate, ProgLoad};
use axbpf_abi::{Arch, Cmd, MapType, ProgType};
use axbpf_isa::RawInsn;
use std::ffi::{c_long, c_uint};
use std::io::Error;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

/// Number of bpf(2): x86_64 has its own, the others share one.
const BPF: c_long = if cfg!(target_arch = "x86_64") { 321 } else { 280 };
/// BPF_F_SLEEPABLE, which syscall programs need.
const SLEEPABLE: u32 = 1 << 4;

fn bpf(cmd: Cmd, attr: &impl Attr) -> Result<OwnedFd, Error> {
    let mut attr = attr.to_attr();
    // SAFETY:
    // 1. The kernel reads and writes at most the given length of `attr`; what it points to, the caller holds.
    // 2. Both commands answer a new descriptor or -1.
    let fd = unsafe { syscall(BPF, cmd as c_uint, attr.as_mut_ptr(), attr.len() as c_uint) };
    // SAFETY: a new descriptor, which nobody else has.
    if fd < 0 { Err(Error::last_os_error()) } else { Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) }) }
}

/// A map to be made.
pub struct MapDef {
    pub map_type: MapType,
    pub key_size: u32,
    pub value_size: u32,
    pub max_entries: u32,
    pub map_flags: u32,
}

/// The kernel with the maps of a test.
pub struct Linux {
    maps: Vec<OwnedFd>,
}

impl Linux {
    /// Makes the maps. Fails if the kernel does not permit it.
    pub fn with(defs: impl Iterator<Item = MapDef>) -> Result<Linux, Error> {
        let make = |def: MapDef| {
            let MapDef { map_type, key_size, value_size, max_entries, map_flags } = def;
            bpf(
                Cmd::MapCreate,
                &MapCreate { map_type: map_type as u32, key_size, value_size, max_entries, map_flags, ..MapCreate::default() },
            )
        };
        Ok(Linux { maps: defs.map(make).collect::<Result<_, _>>()? })
    }

    /// The ISA, which decides the context of kprobes.
    pub fn arch() -> Arch {
        Arch::from_name(std::env::consts::ARCH).expect("an ISA that the components know")
    }

    /// Verifies a program; map 1 is the first one that was made. `Err`: the last lines of the log.
    pub fn verify(&self, prog_type: ProgType, slots: &[RawInsn], gpl: bool) -> Result<(), String> {
        let fd = |n: i32| usize::try_from(n).ok().and_then(|n| self.maps.get(n.checked_sub(1)?)).map_or(-1, AsRawFd::as_raw_fd);
        let linked: Vec<u8> = slots
            .iter()
            .map(|slot| match (slot.opcode, slot.src()) {
                (0x18, 1 | 2) => RawInsn { imm: fd(slot.imm), ..*slot },
                _ => *slot,
            })
            .flat_map(|slot| slot.to_bytes())
            .collect();
        let license = if gpl { c"GPL" } else { c"none" };
        let mut attr = ProgLoad {
            prog_type: prog_type as u32,
            insn_cnt: slots.len() as u32,
            insns: linked.as_ptr().expose_provenance() as u64,
            license: license.as_ptr().expose_provenance() as u64,
            prog_flags: if prog_type == ProgType::Syscall { SLEEPABLE } else { 0 },
            ..ProgLoad::default()
        };
        let Err(error) = bpf(Cmd::ProgLoad, &attr) else { return Ok(()) };
        // Once more for the words: a log that is cut is an error of its own.
        let mut log = vec![0u8; 1 << 20];
        (attr.log_level, attr.log_size) = (1, log.len() as u32);
        attr.log_buf = log.as_mut_ptr().expose_provenance() as u64;
        let _ = bpf(Cmd::ProgLoad, &attr);
        // Behind the end there may be what was told of paths that were good.
        let text = String::from_utf8_lossy(log.split(|&byte| byte == 0).next().unwrap_or_default());
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("processed")).collect();
        Err(format!("{} ({error})", lines[lines.len().saturating_sub(2)..].join(" | ")))
    }
}
