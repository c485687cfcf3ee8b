//! Formats that are known when the program is loaded (Linux: `bpf_bprintf_prepare`).
use crate::args::Meta;
use crate::reason::{Step, refuse};
use crate::walk::Walk;

/// How many values a format takes; `None`: it is not one that programs may use.
pub(crate) fn values(text: &[u8]) -> Option<u64> {
    let mut rest = text.split(|&byte| byte == 0).next()?.iter().copied().peekable();
    let mut count = 0;
    while let Some(byte) = rest.next() {
        if !byte.is_ascii_graphic() && !byte.is_ascii_whitespace() {
            return None;
        }
        if byte != b'%' {
            continue;
        }
        if rest.next_if_eq(&b'%').is_some() {
            continue;
        }
        count += 1;
        while rest.next_if(|&byte| matches!(byte, b'0' | b'+' | b'-' | b' ')).is_some() {}
        while rest.next_if(|byte| byte.is_ascii_digit()).is_some() {}
        match rest.next()? {
            b's' | b'c' => continue,
            b'p' => {
                // Symbols and addresses: one or two letters more.
                if let Some(kind) = rest.next_if(|byte| byte.is_ascii_alphanumeric()) {
                    match kind {
                        b'K' | b'x' | b's' | b'S' | b'B' => {}
                        b'k' | b'u' => _ = rest.next_if_eq(&b's')?,
                        b'i' | b'I' => _ = rest.next_if(|&byte| matches!(byte, b'4' | b'6'))?,
                        _ => return None,
                    }
                }
                continue;
            }
            b'l' => {
                rest.next_if_eq(&b'l');
                matches!(rest.next()?, b'd' | b'i' | b'u' | b'x' | b'X').then_some(())?;
            }
            b'd' | b'i' | b'u' | b'x' | b'X' => continue,
            _ => return None,
        }
    }
    Some(count)
}

impl Walk<'_> {
    /// `bpf_snprintf`: the format fits the values.
    pub(crate) fn check_format(&mut self, meta: &Meta) -> Step {
        let (Some(text), Some(size)) = (&meta.format, meta.most) else { return Ok(()) };
        if values(text) != Some(size / 8) || size % 8 != 0 {
            return refuse!(Call, "Invalid format string" => "each value takes eight bytes");
        }
        Ok(())
    }
}
