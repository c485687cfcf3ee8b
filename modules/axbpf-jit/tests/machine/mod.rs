//! Images in executable memory of a Linux process.
use axbpf_jit::Image;

unsafe extern "C" {
    fn mmap(addr: *mut u8, len: usize, prot: i32, flags: i32, fd: i32, offset: i64) -> *mut u8;
    fn mprotect(addr: *mut u8, len: usize, prot: i32) -> i32;
    fn munmap(addr: *mut u8, len: usize) -> i32;
}

const READ_WRITE: i32 = 0b011;
const READ_EXEC: i32 = 0b101;
/// MAP_PRIVATE | MAP_ANONYMOUS
const ANONYMOUS: i32 = 0x22;

/// Pages of their own: first writable, then executable.
pub struct Code {
    at: *mut u8,
    len: usize,
}

impl Code {
    pub fn new(image: &Image) -> Self {
        let len = image.code.len().next_multiple_of(4096);
        // SAFETY: a new mapping, which nothing else knows; it is written to before it becomes executable.
        unsafe {
            let at = mmap(core::ptr::null_mut(), len, READ_WRITE, ANONYMOUS, -1, 0);
            assert_ne!(at as isize, -1, "mmap of {len} bytes");
            let written = image.write_to(core::slice::from_raw_parts_mut(at, len), at as u64);
            assert_eq!((written, mprotect(at, len, READ_EXEC)), (Some(()), 0));
            #[cfg(target_arch = "riscv64")]
            core::arch::asm!("fence.i");
            Code { at, len }
        }
    }

    /// R0 of a run with these in R1 and R2.
    pub fn run(&self, [r1, r2]: [u64; 2]) -> u64 {
        // SAFETY: the image's first byte is its entry, of this type; its program accesses nothing but what the tests give it.
        unsafe { core::mem::transmute::<*mut u8, extern "C" fn(u64, u64) -> u64>(self.at)(r1, r2) }
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        // SAFETY: made in `new`, unused from here on.
        unsafe { munmap(self.at, self.len) };
    }
}
