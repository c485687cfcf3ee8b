//! What is known of a frame's bytes.
use crate::value::{Range, Value};
use alloc::vec::Vec;
use axbpf_abi::MAX_STACK;

/// Eight bytes of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Slot {
    /// Each byte by itself.
    Bytes([Byte; 8]),
    /// One value, stored as a whole.
    Whole(Value),
}

/// A byte of stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Byte {
    Uninit,
    Any,
    Zero,
}

impl Slot {
    pub(crate) const UNINIT: Slot = Slot::Bytes([Byte::Uninit; 8]);

    /// Its bytes, forgetting what they were together.
    fn bytes(&self) -> [Byte; 8] {
        match self {
            Slot::Bytes(bytes) => *bytes,
            Slot::Whole(Value::Uninit) => [Byte::Uninit; 8],
            Slot::Whole(value) if value.known() == Some(0) => [Byte::Zero; 8],
            Slot::Whole(_) => [Byte::Any; 8],
        }
    }
}

/// A frame's stack. Offsets count from its upper end, -512 to -1; slot `i` holds the bytes `-8 * (i + 1)` and the seven above.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Stack(Vec<Slot>);

/// Slot and byte in it.
fn place(off: i64) -> (usize, usize) {
    let from_top = (-off - 1) as usize;
    (from_top / 8, 7 - from_top % 8)
}

impl Stack {
    /// Whether `size` bytes at `off` lie in a frame.
    pub(crate) fn holds(off: i64, size: u64) -> bool {
        off >= -i64::from(MAX_STACK) && off < 0 && size <= off.unsigned_abs()
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.0
    }

    pub(crate) fn slots_mut(&mut self) -> &mut [Slot] {
        &mut self.0
    }

    fn slot_mut(&mut self, i: usize) -> &mut Slot {
        if i >= self.0.len() {
            self.0.resize(i + 1, Slot::UNINIT);
        }
        &mut self.0[i]
    }

    fn slot(&self, i: usize) -> Slot {
        self.0.get(i).copied().unwrap_or(Slot::UNINIT)
    }

    /// Stores a value of `size` bytes. The place is within the frame; for 8 bytes it is aligned.
    pub(crate) fn store(&mut self, off: i64, size: u32, value: Value) {
        if size == 8 {
            *self.slot_mut(place(off).0) = Slot::Whole(value);
            return;
        }
        let byte = if value.known() == Some(0) { Byte::Zero } else { Byte::Any };
        self.fill(off, size.into(), byte);
    }

    /// Sets bytes one by one. The place is within the frame.
    pub(crate) fn fill(&mut self, off: i64, size: u64, byte: Byte) {
        for at in off..off + size as i64 {
            let (i, b) = place(at);
            let slot = self.slot_mut(i);
            let mut bytes = slot.bytes();
            bytes[b] = byte;
            *slot = Slot::Bytes(bytes);
        }
    }

    /// What a load of `size` bytes finds; `Err`: the byte, counted from the place, that is not initialised. The place is within the frame.
    pub(crate) fn load(&self, off: i64, size: u32) -> Result<Value, i64> {
        let (i, first) = place(off);
        if let (Slot::Whole(value), 0) = (self.slot(i), first) {
            match value {
                Value::Uninit => return Err(0),
                value if size == 8 => return Ok(value),
                // The lower bytes come first.
                Value::Scalar(range) if range.max <= Range::bits(size * 8).max => return Ok(Value::Scalar(range)),
                _ => {}
            }
        }
        self.check(off, size.into())?;
        let zero = (off..off + i64::from(size)).all(|at| {
            let (i, b) = place(at);
            self.slot(i).bytes()[b] == Byte::Zero
        });
        Ok(Value::Scalar(if zero { Range::exactly(0) } else { Range::bits(size * 8) }))
    }

    /// Whether bytes are initialised; `Err`: the first that is not. The place is within the frame.
    pub(crate) fn check(&self, off: i64, size: u64) -> Result<(), i64> {
        let uninit = |at: &i64| {
            let (i, b) = place(off + at);
            self.slot(i).bytes()[b] == Byte::Uninit
        };
        match (0..size as i64).find(uninit) {
            Some(at) => Err(at),
            None => Ok(()),
        }
    }
}
