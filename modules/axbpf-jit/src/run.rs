//! Images where they can run: the only unsafe code here, and the one file that asks what CPU this is.
#![expect(unsafe_code, reason = "calling what was compiled; what makes that sound is stated at each step")]
use crate::{Image, Target};
use axbpf_vm::Engine;

/// A compiled program in executable memory. `C` owns that memory and gives it back when dropped.
#[derive(Debug)]
pub struct Jit<C> {
    entry: extern "C" fn(u64, u64) -> u64,
    len: usize,
    /// Held for its drop alone.
    _code: C,
}

impl Target {
    /// The machine that this runs on, with the features that all machines of its kind have which run ArceOS. `None`: no back-end here.
    pub fn host() -> Option<Target> {
        if cfg!(target_arch = "riscv64") { Target::named("riscv64") } else { None }
    }
}

impl<C> Jit<C> {
    /// # Safety
    ///
    /// 1. `image` was written by [`Image::write_to`] to the memory that `code` owns, with this `at`, its address.
    /// 2. As long as `code` lives, that memory is readable and executable and does not change; every CPU's instruction cache has it.
    /// 3. The image is for this CPU, and was compiled from the [`Accepted`](axbpf_vm::Accepted) program that is meant to run.
    pub unsafe fn new(image: &Image, code: C, at: usize) -> Self {
        let at = core::ptr::with_exposed_provenance::<u8>(at);
        // SAFETY: an image's first byte is its entry, a function of this type; it is there, as the caller promises.
        let entry = unsafe { core::mem::transmute::<*const u8, extern "C" fn(u64, u64) -> u64>(at) };
        Jit { entry, len: image.code.len(), _code: code }
    }
}

impl<C: Send + Sync> Engine for Jit<C> {
    unsafe fn run_with(&self, [r1, r2]: [u64; 2]) -> u64 {
        // The code is there and right (`new`), and its program was accepted for this context (the caller).
        (self.entry)(r1, r2)
    }

    unsafe fn call_back(&self, func: u64, [r1, r2, r3, r4, r5]: [u64; 5]) -> u64 {
        let at = core::ptr::with_exposed_provenance::<u8>(func as usize);
        // SAFETY: the address of a subprogram of this code (the caller), which takes and answers what such a function does (`is_c`).
        let func = unsafe { core::mem::transmute::<*const u8, extern "C" fn(u64, u64, u64, u64, u64) -> u64>(at) };
        func(r1, r2, r3, r4, r5)
    }

    fn machine_code(&self) -> &[u8] {
        // SAFETY: readable, unchanging and of this length as long as `_code` lives, by `new`'s contract.
        unsafe { core::slice::from_raw_parts(self.entry as *const u8, self.len) }
    }
}
