//! Executable memory of a Linux process.
use axbpf_jit::{Image, Target, compile, riscv64::Features};
use axbpf_vm::{Accepted, Program};

unsafe extern "C" {
    fn mmap(addr: *mut u8, len: usize, prot: i32, flags: i32, fd: i32, offset: i64) -> *mut u8;
    fn mprotect(addr: *mut u8, len: usize, prot: i32) -> i32;
    fn munmap(addr: *mut u8, len: usize) -> i32;
}

pub struct Code(*mut u8, usize);

impl Code {
    pub fn new(image: &Image) -> Self {
        let len = image.code.len().next_multiple_of(4096);
        unsafe {
            let at = mmap(core::ptr::null_mut(), len, 3, 0x22, -1, 0);
            assert!(at as isize != -1);
            image.write_to(core::slice::from_raw_parts_mut(at, len), at as u64).unwrap();
            assert_eq!(mprotect(at, len, 5), 0);
            #[cfg(target_arch = "riscv64")]
            core::arch::asm!("fence.i");
            Code(at, len)
        }
    }
    pub fn run(&self, args: [u64; 2]) -> u64 {
        let f: extern "C" fn(u64, u64) -> u64 = unsafe { core::mem::transmute(self.0) };
        f(args[0], args[1])
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        unsafe { munmap(self.0, self.1) };
    }
}
