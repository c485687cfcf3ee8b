//! Images in executable memory of a Linux process.
use axbpf_jit::{Image, Jit};
use axbpf_vm::Engine;

unsafe extern "C" {
    fn mmap(addr: *mut u8, len: usize, prot: i32, flags: i32, fd: i32, offset: i64) -> *mut u8;
    fn mprotect(addr: *mut u8, len: usize, prot: i32) -> i32;
    fn munmap(addr: *mut u8, len: usize) -> i32;
}

const READ_WRITE: i32 = 0b011;
const READ_EXEC: i32 = 0b101;
/// MAP_PRIVATE | MAP_ANONYMOUS
const ANONYMOUS: i32 = 0x22;

/// Pages of their own.
struct Pages {
    at: *mut u8,
    len: usize,
}

// SAFETY: nobody writes to them once they are executable.
unsafe impl Send for Pages {}
// SAFETY: as above.
unsafe impl Sync for Pages {}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: made in `load`, unused from here on.
        unsafe { munmap(self.at, self.len) };
    }
}

/// An image ready to run: written first, then executable.
fn load(image: &Image) -> Jit<Pages> {
    let len = image.code.len().next_multiple_of(4096);
    // SAFETY: a new mapping, which nothing else knows; it is written to before it becomes executable.
    unsafe {
        let at = mmap(core::ptr::null_mut(), len, READ_WRITE, ANONYMOUS, -1, 0);
        assert_ne!(at as isize, -1, "mmap of {len} bytes");
        let written = image.write_to(core::slice::from_raw_parts_mut(at, len), at as u64);
        assert_eq!((written, mprotect(at, len, READ_EXEC)), (Some(()), 0));
        #[cfg(target_arch = "riscv64")]
        core::arch::asm!("fence.i");
        Jit::new(image, Pages { at, len }, at.expose_provenance())
    }
}

/// R0 of a run with these in R1 and R2, of a program that accesses nothing but what the tests give it.
pub fn run(image: &Image, args: [u64; 2]) -> u64 {
    let engine = load(image);
    assert_eq!(engine.machine_code().len(), image.code.len());
    // SAFETY: the tests' own promise.
    unsafe { engine.run_with(args) }
}
