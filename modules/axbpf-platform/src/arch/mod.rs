//! What asks which CPU this is: the copy routines with their exception table, and the switch to another stack. Each ISA's file has the same
//! three routines; this one gives them types.
use crate::fault::Entry;
use core::mem::MaybeUninit;

#[cfg(target_arch = "riscv64")]
mod riscv64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(not(all(target_os = "none", target_arch = "riscv64")))]
pub(crate) use crate::{irqs_restore, irqs_save};
#[cfg(target_arch = "riscv64")]
pub(crate) use riscv64::{load, load_fifteen, load_five, load_four, load_two};
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::{load, load_fifteen, load_five, load_four, load_two};

#[cfg(all(target_os = "none", target_arch = "riscv64"))]
pub(crate) use riscv64::{irqs_restore, irqs_save};

unsafe extern "C" {
    /// Copies bytes; returns how many were not copied.
    fn axbpf_copy(dst: *mut u8, src: usize, len: usize) -> usize;
    /// Copies up to and with the NUL, at most `len` bytes; returns the count, or -1 after a fault.
    fn axbpf_copy_str(dst: *mut u8, src: usize, len: usize) -> isize;
    /// `f(arg)` on the stack that ends at `top`.
    fn axbpf_call_on_stack(arg: *mut u8, f: unsafe extern "C" fn(*mut u8), top: usize);
    static __start_axprobe_ex: Entry;
    static __stop_axprobe_ex: Entry;
}

pub(crate) fn exception_table() -> &'static [Entry] {
    let (start, stop) = (&raw const __start_axprobe_ex, &raw const __stop_axprobe_ex);
    // SAFETY: the linker makes both symbols around the section of that name, which holds nothing but entries and never changes.
    unsafe { core::slice::from_raw_parts(start, (stop as usize - start as usize) / size_of::<Entry>()) }
}

/// Copies from `addr`; returns the bytes that were not copied.
pub(crate) fn copy(dst: &mut [u8], addr: usize) -> usize {
    // SAFETY: `dst` is writable; loads from `addr` that fault are in the exception table.
    unsafe { axbpf_copy(dst.as_mut_ptr(), addr, dst.len()) }
}

/// Copies a string from `addr` up to and with its NUL; `None` after a fault.
pub(crate) fn copy_str(dst: &mut [u8], addr: usize) -> Option<usize> {
    // SAFETY: as in `copy`.
    usize::try_from(unsafe { axbpf_copy_str(dst.as_mut_ptr(), addr, dst.len()) }).ok()
}

/// Calls `f` on the stack whose high end is `top`, which nobody else uses meanwhile.
pub(crate) fn call_on_stack<R, F: FnOnce() -> R>(f: F, top: usize) -> R {
    struct Call<F, R>(Option<F>, MaybeUninit<R>);
    unsafe extern "C" fn thunk<R, F: FnOnce() -> R>(call: *mut u8) {
        // SAFETY: `call` is the `Call` below, which waits for us and is used by nobody else.
        let call = unsafe { &mut *call.cast::<Call<F, R>>() };
        if let Some(f) = call.0.take() {
            call.1.write(f());
        }
    }
    let mut call = Call(Some(f), MaybeUninit::uninit());
    // SAFETY: 1. the thunk is for this type. 2. The stack is free and large enough, as the caller sees to. 3. `f` returns: panics abort here
    //    (kernel) or do not happen (host tests).
    unsafe { axbpf_call_on_stack((&raw mut call).cast(), thunk::<R, F>, top) };
    // SAFETY: the thunk ran to its end, so it wrote the result.
    unsafe { call.1.assume_init() }
}
