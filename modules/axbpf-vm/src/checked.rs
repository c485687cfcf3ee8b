//! Runs of programs that nobody verified: every access is checked, instructions are counted.
use crate::interp::{Code, Fault, Memory, run};
use crate::program::Program;
use alloc::vec::Vec;
use axbpf_abi::{MAX_CALL_FRAMES, MAX_STACK};
use axbpf_isa::{AtomicOp, Size};

/// Runs a program on nothing but these pieces of memory and eight frames of 512 bytes, each at its real address; R1 and R2 as given. It
/// may run `budget` instructions. Needs no trust in the program, only in the helpers it calls.
pub fn run_checked(program: &Program, memory: &mut [&mut [u8]], args: [u64; 2], budget: u64) -> Result<u64, Fault> {
    let mut stack = alloc::vec![0u8; MAX_CALL_FRAMES * MAX_STACK as usize + 8];
    // Programs may count on R10 being a multiple of 8, which a vector of bytes need not be.
    let skew = stack.as_ptr().align_offset(8);
    let stack = &mut stack[skew..][..MAX_CALL_FRAMES * MAX_STACK as usize];
    let fp = stack.as_ptr_range().end as u64;
    let regions = memory.iter_mut().map(|piece| &mut **piece).chain([stack]).map(|bytes| Region { base: bytes.as_ptr() as u64, bytes });
    run(&Code::new(program), Regions { regions: regions.collect(), budget }, args, fp)
}

struct Region<'a> {
    base: u64,
    bytes: &'a mut [u8],
}

struct Regions<'a> {
    regions: Vec<Region<'a>>,
    budget: u64,
}

impl Region<'_> {
    fn slice(&self, addr: u64, size: Size) -> Option<&[u8]> {
        let at = usize::try_from(addr.checked_sub(self.base)?).ok()?;
        self.bytes.get(at..at.checked_add(size.bytes() as usize)?)
    }

    fn slice_mut(&mut self, addr: u64, size: Size) -> Option<&mut [u8]> {
        let at = usize::try_from(addr.checked_sub(self.base)?).ok()?;
        self.bytes.get_mut(at..at.checked_add(size.bytes() as usize)?)
    }
}

impl Memory for Regions<'_> {
    fn load(&self, size: Size, addr: u64) -> Option<u64> {
        let bytes = self.regions.iter().find_map(|region| region.slice(addr, size))?;
        let mut value = [0; 8];
        value[..bytes.len()].copy_from_slice(bytes);
        Some(u64::from_le_bytes(value))
    }

    fn store(&mut self, size: Size, addr: u64, value: u64) -> Option<()> {
        let bytes = self.regions.iter_mut().find_map(|region| region.slice_mut(addr, size))?;
        bytes.copy_from_slice(&value.to_le_bytes()[..bytes.len()]);
        Some(())
    }

    fn atomic(&mut self, op: AtomicOp, size: Size, addr: u64, src: u64, expected: u64) -> Option<u64> {
        if !addr.is_multiple_of(size.bytes().into()) {
            return None;
        }
        let old = self.load(size, addr)?;
        self.store(size, addr, op.eval(size, old, src, expected))?;
        Some(old)
    }

    fn tick(&mut self) -> bool {
        let left = self.budget.checked_sub(1);
        self.budget = left.unwrap_or(0);
        left.is_some()
    }
}
