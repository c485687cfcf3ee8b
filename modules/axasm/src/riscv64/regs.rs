/// The registers of interrupted code, laid out as Linux's `struct user_regs_struct` (arch/riscv/include/uapi/asm/ptrace.h): what a BPF
/// program sees as `pt_regs`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Regs {
    /// Address of the instruction.
    pub pc: u64,
    /// x1 to x31: ra, sp, gp, tp, t0 to t2, s0, s1, a0 to a7, s2 to s11, t3 to t6.
    pub x: [u64; 31],
}

impl Regs {
    /// Register x`n`; x0, and numbers past 31, are 0.
    pub fn get(&self, n: u8) -> u64 {
        usize::from(n).checked_sub(1).and_then(|i| self.x.get(i)).copied().unwrap_or(0)
    }

    /// Sets register x`n`; writes to x0 are lost.
    pub fn set(&mut self, n: u8, value: u64) {
        if let Some(x) = usize::from(n).checked_sub(1).and_then(|i| self.x.get_mut(i)) {
            *x = value;
        }
    }

    /// The return address, at a function's entry.
    pub fn ra(&self) -> u64 {
        self.get(1)
    }

    /// Sets the return address, at a function's entry.
    pub fn set_ra(&mut self, addr: u64) {
        self.set(1, addr);
    }

    /// The stack pointer.
    pub fn sp(&self) -> u64 {
        self.get(2)
    }

    /// Argument `i` of a C function, at its entry, for `i` below 8.
    pub fn arg(&self, i: u8) -> u64 {
        if i < 8 { self.get(10 + i) } else { 0 }
    }

    /// What a C function returns, at its return.
    pub fn ret(&self) -> u64 {
        self.get(10)
    }
}
