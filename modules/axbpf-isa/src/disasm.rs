//! Slots to text.
use crate::{RawInsn, insns};
use core::fmt;

/// The text of a program, one instruction a line. `{:#}` writes the slot's number before each. The first slot that is not an
/// instruction ends it, with the error in its place.
///
/// ```
/// use axbpf_isa::{asm, disasm};
/// let slots = asm::assemble("r0 = 7 ll\nexit").unwrap();
/// assert_eq!(disasm::listing(&slots).to_string(), "r0 = 0x7 ll\nexit\n");
/// assert_eq!(format!("{:#}", disasm::listing(&slots)), "   0: r0 = 0x7 ll\n   2: exit\n");
/// ```
pub fn listing(slots: &[RawInsn]) -> Listing<'_> {
    Listing(slots)
}

/// See [`listing`].
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a>(&'a [RawInsn]);

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, insn) in insns(self.0) {
            if f.alternate() {
                write!(f, "{:>4}: ", at.0)?;
            }
            match insn {
                Ok(insn) => writeln!(f, "{insn}")?,
                Err(error) => writeln!(f, "<{error}>")?,
            }
        }
        Ok(())
    }
}
