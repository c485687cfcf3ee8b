//! The vectors of tests/data on the kernel of this machine: Linux's own engine as a judge.
//!
//! Not part of a plain test run: it needs Linux, root, and a kernel that knows cpu v4 (6.6): `cargo test -p axbpf-vm --test kernel -- --ignored`.
#![cfg(target_os = "linux")]
#[path = "../../../tests/data/harness.rs"]
mod harness;

use axbpf_isa::asm::assemble;
use axbpf_isa::{Callee, Insn, RawInsn};
use harness::{Vector, vectors};

unsafe extern "C" {
    fn syscall(number: i64, cmd: i64, attr: *mut u8, size: usize) -> i64;
    fn close(fd: i32) -> i32;
}

const SYS_BPF: i64 = if cfg!(target_arch = "x86_64") { 321 } else { 280 };
const PROG_LOAD: i64 = 5;
const PROG_TEST_RUN: i64 = 10;
const SOCKET_FILTER: u32 = 1;

/// `bpf()` with the fields (offset, size, value) in its attribute, which it returns changed.
fn bpf(cmd: i64, fields: &[(usize, usize, u64)]) -> Result<(i64, [u8; 128]), std::io::Error> {
    let mut attr = [0u8; 128];
    for &(at, size, value) in fields {
        attr[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
    }
    // SAFETY: the attribute is as long as said; addresses in it are those of live buffers (see the callers).
    match unsafe { syscall(SYS_BPF, cmd, attr.as_mut_ptr(), attr.len()) } {
        -1 => Err(std::io::Error::last_os_error()),
        found => Ok((found, attr)),
    }
}

fn address<T>(of: &[T]) -> u64 {
    of.as_ptr().expose_provenance() as u64
}

/// The lower half of R0; the verifier's last words if it does not accept the program.
fn run(slots: &[RawInsn]) -> Result<u32, String> {
    let (license, mut log, packet) = (c"GPL".to_bytes_with_nul(), vec![0u8; 1 << 20], [0u8; 64]);
    let bytes: Vec<u8> = slots.iter().flat_map(|slot| slot.to_bytes()).collect();
    let load = [
        (0, 4, SOCKET_FILTER.into()),
        (4, 4, slots.len() as u64),
        (8, 8, address(&bytes)),
        (16, 8, address(license)),
        (24, 4, 1),
        (28, 4, log.len() as u64),
        (32, 8, log.as_mut_ptr().expose_provenance() as u64),
    ];
    let (fd, _) = bpf(PROG_LOAD, &load).map_err(|error| {
        // EPERM; the verifier's own refusals are EACCES and EINVAL.
        assert_ne!(error.raw_os_error(), Some(1), "bpf(2) is not permitted here: {error}");
        let text = String::from_utf8_lossy(&log).trim_end_matches('\0').trim_end().to_owned();
        text.lines().rev().nth(1).unwrap_or("no log").to_owned()
    })?;
    let (_, attr) = bpf(PROG_TEST_RUN, &[(0, 4, fd as u64), (8, 4, 64), (16, 8, address(&packet)), (32, 4, 1)]).unwrap();
    // SAFETY: it was opened above.
    unsafe { close(fd as i32) };
    Ok(u32::from_le_bytes(attr[4..8].try_into().unwrap()))
}

/// A program that puts the vector's memory on its stack, calls the vector with its address and length, and answers one half of R0.
fn wrap(vector: &Vector, upper: bool) -> Vec<RawInsn> {
    let len = vector.mem.len();
    let words = vector.mem.chunks(4).map(|bytes| bytes.iter().rev().fold(0u32, |word, &byte| word << 8 | u32::from(byte)));
    let stores: String = words.enumerate().map(|(i, word)| format!("*(u32 *)(r10 - {}) = {word}\n", len - 4 * i)).collect();
    let half = if upper { "r0 >>= 32" } else { "w0 = w0" };
    let mut slots = assemble(&format!("{stores}r1 = r10\nr1 += -{len}\nr2 = {len}\n")).unwrap();
    slots.extend(Insn::Call(Callee::Local { offset: 2 }).encode().map(|(first, _)| first));
    slots.extend(assemble(&format!("{half}\nexit")).unwrap());
    slots.extend(&vector.slots);
    slots
}

#[test]
#[ignore = "asks this machine's kernel: Linux, as root"]
fn linux_agrees() {
    let mut judged = 0;
    for vector in vectors() {
        let Ok(expected) = vector.expected else { continue };
        let halves = run(&wrap(&vector, false)).and_then(|low| Ok((low, run(&wrap(&vector, true))?)));
        match halves {
            // Since 6.15 `may_goto` counts time instead of rounds.
            Ok(_) if vector.name.starts_with("may-goto-") => {}
            Ok((low, high)) => {
                let found = u64::from(high) << 32 | u64::from(low);
                assert_eq!(found, expected, "{}: {found:#x}, not {expected:#x}", vector.name);
                judged += 1;
            }
            Err(why) => println!("{}: not accepted: {why}", vector.name),
        }
    }
    assert!(judged >= 210, "{judged} vectors judged");
    println!("{judged} vectors judged");
}
