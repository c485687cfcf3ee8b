//! `bpf_printk`: text for the trace ring.
use super::format::{Line, format};
use super::readable;
use axbpf_abi::Errno;
use axbpf_platform::IrqGuard;

/// `bpf_trace_printk(fmt, fmt_size, a, b, c)`: length of the text, or -EINVAL.
pub(super) extern "C" fn printk(fmt: u64, size: u64, a: u64, b: u64, c: u64) -> u64 {
    // SAFETY: R1 and R2 by the prototype.
    print(unsafe { readable(fmt, size) }, &[a, b, c])
}

/// `bpf_trace_vprintk(fmt, fmt_size, args, args_size)`: the arguments are u64 in memory.
pub(super) extern "C" fn vprintk(fmt: u64, size: u64, args: u64, args_size: u64, _: u64) -> u64 {
    /// As Linux: MAX_BPRINTF_VARARGS.
    const MAX_ARGS: usize = 12;
    // SAFETY: R1 and R2, R3 and R4 by the prototype.
    let (fmt, args) = unsafe { (readable(fmt, size), readable(args, args_size)) };
    let (words, []) = args.as_chunks() else { return Errno::EINVAL.neg() as u64 };
    if words.len() > MAX_ARGS {
        return Errno::EINVAL.neg() as u64;
    }
    let mut values = [0; MAX_ARGS];
    values.iter_mut().zip(words).for_each(|(value, &word)| *value = u64::from_le_bytes(word));
    print(fmt, &values[..words.len()])
}

fn print(fmt: &[u8], args: &[u64]) -> u64 {
    let mut line = Line::<{ crate::trace::MAX_TEXT }>::new();
    // Linux: a format without its NUL is refused.
    if fmt.last() != Some(&0) || format(&mut line, fmt, args).is_err() {
        return Errno::EINVAL.neg() as u64;
    }
    let text = line.bytes();
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    crate::trace::write(&IrqGuard::new(), text);
    line.bytes().len() as u64
}
