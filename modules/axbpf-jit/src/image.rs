//! Finished machine code, not yet anywhere.
use crate::Target;
use alloc::vec::Vec;

/// Machine code of a program. It runs at any address as it is; [`Image::write_to`] makes calls shorter where the address allows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    /// Position-independent code, then its constants. Its first byte is the entry: C calling convention, R1 and R2 as arguments, R0 as result.
    pub code: Vec<u8>,
    /// How many bytes of `code` are instructions; constants and the stubs of far helpers follow.
    pub text_len: usize,
    /// Offset into `code` of each slot's instruction, in bytes; that of the next one for slots without code.
    pub slots: Vec<u32>,
    /// Calls of helpers.
    pub(crate) calls: Vec<HelperCall>,
    /// The machine it is for.
    pub target: Target,
}

/// A call that goes through a stub within the image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct HelperCall {
    /// Where, in bytes.
    pub at: u32,
    /// How many bytes it takes.
    pub len: u8,
    /// Address of the helper.
    pub target: u64,
}

impl Image {
    /// Copies the code to `place`, which will be executed at the address `at`. `None`: the place is smaller than the code.
    pub fn write_to(&self, place: &mut [u8], at: u64) -> Option<()> {
        let place = place.get_mut(..self.code.len())?;
        place.copy_from_slice(&self.code);
        for call in &self.calls {
            let start = call.at as usize;
            if let Some(bytes) = place.get_mut(start..start + usize::from(call.len)) {
                let from = at.wrapping_add(call.at.into());
                match self.target {
                    #[cfg(feature = "riscv64")]
                    Target::Riscv64(_) => crate::riscv64::shorten(bytes, from, call.target),
                }
            }
        }
        Some(())
    }
}
