//! `bpf_trace_printk`'s formats (Linux: `bpf_bprintf_prepare` in kernel/bpf/helpers.c): %d %i %u %x %X %o %c with l, ll, h, hh, width and
//! flags; %s %pks %pus; %p %px %pK; %%.
use axbpf_platform::fault;
use core::fmt::{self, Write};

/// Text of bounded length; what does not fit is dropped.
pub(super) struct Line<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Line<N> {
    pub(super) fn new() -> Self {
        Line { bytes: [0; N], len: 0 }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = &mut self.bytes[self.len..];
        let n = bytes.len().min(room.len());
        room[..n].copy_from_slice(&bytes[..n]);
        self.len += n;
    }
}

impl<const N: usize> Write for Line<N> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.push(s.as_bytes());
        Ok(())
    }
}

/// A conversion that does not exist, or more of them than arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BadFormat;

/// Longest string that %s takes from memory.
const MAX_STRING: usize = 128;

/// Flags and width of a conversion.
#[derive(Default)]
struct Spec {
    left: bool,
    zero: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
    /// Bits of the argument that count: 8, 16, 32 or 64.
    bits: u32,
}

/// Writes `format`, up to its NUL, with `args`.
pub(super) fn format<const N: usize>(line: &mut Line<N>, format: &[u8], args: &[u64]) -> Result<(), BadFormat> {
    let mut rest = crate::task::until_nul(format);
    let mut args = args.iter().copied();
    while let Some(at) = rest.iter().position(|&b| b == b'%') {
        line.push(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(b"%") {
            line.push(b"%");
            rest = after;
            continue;
        }
        let spec = Spec::parse(&mut rest);
        let kind = take(&mut rest).ok_or(BadFormat)?;
        let mut arg = || args.next().ok_or(BadFormat);
        match kind {
            b'd' | b'i' => {
                let unused = 64 - spec.bits;
                let value = (arg()? as i64) << unused >> unused;
                let sign = if value < 0 {
                    "-"
                } else if spec.plus {
                    "+"
                } else if spec.space {
                    " "
                } else {
                    ""
                };
                spec.number(line, sign, format_args!("{}", value.unsigned_abs()));
            }
            b'u' => spec.number(line, "", format_args!("{}", spec.unsigned(arg()?))),
            b'x' => spec.number(line, if spec.alternate { "0x" } else { "" }, format_args!("{:x}", spec.unsigned(arg()?))),
            b'X' => spec.number(line, if spec.alternate { "0X" } else { "" }, format_args!("{:X}", spec.unsigned(arg()?))),
            b'o' => {
                let value = spec.unsigned(arg()?);
                spec.number(line, if spec.alternate && value != 0 { "0" } else { "" }, format_args!("{value:o}"));
            }
            b'c' => spec.padded(line, &[arg()? as u8]),
            b's' => string(line, &spec, arg()?),
            b'p' => match rest {
                [b'k' | b'u', b's', after @ ..] => {
                    rest = after;
                    string(line, &spec, arg()?);
                }
                _ => {
                    // One address space, nothing to hide: %p is %px.
                    if let [b'x' | b'K', after @ ..] = rest {
                        rest = after;
                    }
                    let value = arg()?;
                    let mut text = Line::<16>::new();
                    let _ = write!(text, "{value:016x}");
                    spec.padded(line, text.bytes());
                }
            },
            _ => return Err(BadFormat),
        }
    }
    line.push(rest);
    Ok(())
}

fn take(rest: &mut &[u8]) -> Option<u8> {
    let (&first, after) = rest.split_first()?;
    *rest = after;
    Some(first)
}

fn string<const N: usize>(line: &mut Line<N>, spec: &Spec, addr: u64) {
    let mut bytes = [0; MAX_STRING];
    let text = match fault::read_str(&mut bytes, addr as usize) {
        Ok(_) => crate::task::until_nul(&bytes),
        Err(_) => b"(fault)".as_slice(),
    };
    spec.padded(line, &text[..text.len().min(spec.precision.unwrap_or(usize::MAX))]);
}

impl Spec {
    fn parse(rest: &mut &[u8]) -> Spec {
        let mut spec = Spec { bits: 32, ..Spec::default() };
        while let Some(&flag) = rest.first() {
            match flag {
                b'-' => spec.left = true,
                b'0' => spec.zero = true,
                b'+' => spec.plus = true,
                b' ' => spec.space = true,
                b'#' => spec.alternate = true,
                _ => break,
            }
            *rest = &rest[1..];
        }
        spec.width = number(rest);
        if let Some(after) = rest.strip_prefix(b".") {
            *rest = after;
            spec.precision = Some(number(rest));
        }
        for (prefix, bits) in [(b"hh".as_slice(), 8), (b"h", 16), (b"ll", 64), (b"l", 64), (b"z", 64), (b"j", 64)] {
            if let Some(after) = rest.strip_prefix(prefix) {
                *rest = after;
                spec.bits = bits;
                break;
            }
        }
        spec
    }

    fn unsigned(&self, value: u64) -> u64 {
        value & (u64::MAX >> (64 - self.bits))
    }

    fn number<const N: usize>(&self, line: &mut Line<N>, sign: &str, digits: fmt::Arguments<'_>) {
        let mut text = Line::<24>::new();
        let _ = text.write_fmt(digits); // 22 octal digits at most
        let wanted = match self.precision {
            Some(precision) => precision,
            None if self.zero && !self.left => self.width.saturating_sub(sign.len()),
            None => 0,
        };
        let zeros = wanted.saturating_sub(text.len).min(N);
        let spaces = self.width.saturating_sub(sign.len() + zeros + text.len).min(N);
        let pad = |line: &mut Line<N>, n, with: u8| (0..n).for_each(|_| line.push(&[with]));
        if !self.left {
            pad(line, spaces, b' ');
        }
        line.push(sign.as_bytes());
        pad(line, zeros, b'0');
        line.push(text.bytes());
        if self.left {
            pad(line, spaces, b' ');
        }
    }

    fn padded<const N: usize>(&self, line: &mut Line<N>, text: &[u8]) {
        let spaces = self.width.saturating_sub(text.len()).min(N);
        let pad = |line: &mut Line<N>| (0..spaces).for_each(|_| line.push(b" "));
        if !self.left {
            pad(line);
        }
        line.push(text);
        if self.left {
            pad(line);
        }
    }
}

/// Decimal digits; capped, as a line is short.
fn number(rest: &mut &[u8]) -> usize {
    let mut value = 0usize;
    while let Some(&digit @ b'0'..=b'9') = rest.first() {
        value = (value * 10 + usize::from(digit - b'0')).min(4096);
        *rest = &rest[1..];
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;
    use std::string::{String, ToString};

    fn fmt(text: &CStr, args: &[u64]) -> Result<String, BadFormat> {
        let mut line = Line::<64>::new();
        format(&mut line, text.to_bytes_with_nul(), args)?;
        Ok(String::from_utf8_lossy(line.bytes()).to_string())
    }

    /// What the C library's printf makes of the same, for the conversions that both have.
    fn libc_says(format: &CStr, arg: u64) -> String {
        let mut out = [0u8; 128];
        // SAFETY: the buffer's length is given; each format below takes one integer.
        let n = unsafe { libc::snprintf(out.as_mut_ptr().cast(), out.len(), format.as_ptr(), arg) };
        String::from_utf8_lossy(&out[..n as usize]).to_string()
    }

    #[test]
    fn integers_as_the_c_library_prints_them() {
        let values = [0, 1, 42, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000_0005, u64::MAX, 1 << 63, 200, 65000];
        for kind in ["d", "i", "u", "x", "X", "o", "ld", "lu", "lx", "lld", "llu", "llx", "hd", "hu", "hhd", "hhx", "zu"] {
            for flags in ["", "5", "-5", "05", "20", "-20", "020", "+", " ", "#", "+8", ".5", "8.5", "-8.3"] {
                // Undefined in C: '#' with d and u, '+' and ' ' with unsigned; and C has no prefix for zero, Linux has.
                let signed = kind.ends_with(['d', 'i']);
                if (flags.contains('#') && (signed || kind.ends_with('u'))) || (flags.contains(['+', ' ']) && !signed) {
                    continue;
                }
                let format = std::format!("<%{flags}{kind}>\0");
                let format = CStr::from_bytes_with_nul(format.as_bytes()).unwrap();
                for value in values {
                    let bits = [("hh", 8), ("h", 16), ("l", 64), ("z", 64)].iter().find(|(prefix, _)| kind.starts_with(prefix));
                    if flags.contains('#') && value << (64 - bits.map_or(32, |b| b.1)) == 0 {
                        continue;
                    }
                    assert_eq!(fmt(format, &[value]), Ok(libc_says(format, value)), "{format:?} {value:#x}");
                }
            }
        }
    }

    #[test]
    fn strings_pointers_and_percent() {
        let word = c"word";
        let addr = word.as_ptr() as u64;
        assert_eq!(fmt(c"[%s] [%8s] [%-8s] [%.2s] [%pks]", &[addr; 5]).unwrap(), "[word] [    word] [word    ] [wo] [word]");
        assert_eq!(fmt(c"%s", &[8]).unwrap(), "(fault)");
        assert_eq!(fmt(c"%p|%px", &[0x1234, 0xffff_ffc0_8020_0000]).unwrap(), "0000000000001234|ffffffc080200000");
        assert_eq!(fmt(c"100%% %c", &[b'x'.into()]).unwrap(), "100% x");
    }

    #[test]
    fn bad_formats_are_refused() {
        for (text, args) in [(c"%d", 0), (c"%", 1), (c"%5", 1), (c"%q", 1), (c"%n", 1), (c"%f", 1), (c"%d %d", 1)] {
            assert_eq!(fmt(text, &[1, 2][..args]), Err(BadFormat), "{text:?}");
        }
    }

    #[test]
    fn a_line_ends_where_its_room_ends() {
        assert_eq!(fmt(c"%4000d|", &[1]).unwrap().len(), 64);
        assert_eq!(fmt(c"%s", &[c"a".as_ptr() as u64]).unwrap(), "a");
    }
}
