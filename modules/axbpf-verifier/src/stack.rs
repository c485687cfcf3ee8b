//! What is known of a frame's stack: 64 slots of 8 bytes.
use crate::value::Reg;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// What is known of a byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub(crate) enum Byte {
    /// Nothing was written.
    #[default]
    Invalid,
    /// Some number.
    Misc,
    /// 0.
    Zero,
    /// Part of the slot's register.
    Spill,
    /// Part of a dynptr.
    Dynptr,
    /// Part of an iterator.
    Iter,
    /// What `bpf_local_irq_save` keeps.
    Irq,
}

/// Eight bytes, at an offset that is a multiple of eight; `bytes[0]` is the lowest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    pub bytes: [Byte; 8],
    /// What is spilled from `bytes[0]` on, as many bytes as are [`Byte::Spill`]; or the dynptr or iterator.
    pub reg: Option<Rc<Reg>>,
}

impl Slot {
    /// The register that is spilled here, and how many of its bytes.
    pub fn spilled(&self) -> Option<(&Rc<Reg>, u32)> {
        let reg = self.reg.as_ref().filter(|_| self.bytes[0] == Byte::Spill)?;
        Some((reg, self.bytes.iter().filter(|&&byte| byte == Byte::Spill).count() as u32))
    }

    /// Whether it holds more than plain bytes.
    pub fn is_special(&self) -> bool {
        matches!(self.bytes[7], Byte::Spill | Byte::Dynptr | Byte::Iter | Byte::Irq) || self.bytes[0] == Byte::Spill
    }

    /// Forgets the register; its bytes are some number now, or nothing if it was a dynptr or iterator.
    pub fn scrub(&mut self) {
        self.reg = None;
        for byte in &mut self.bytes {
            match byte {
                Byte::Spill => *byte = Byte::Misc,
                Byte::Dynptr | Byte::Iter | Byte::Irq => *byte = Byte::Invalid,
                _ => {}
            }
        }
    }
}

/// The slots that were ever written; the first is the one right below R10.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stack {
    pub slots: Vec<Slot>,
}

/// The slot that holds the byte at `off`, which is below R10.
pub(crate) fn slot_of(off: i64) -> usize {
    ((-off - 1) / 8) as usize
}

/// The byte at `off` within its slot.
pub(crate) fn byte_of(off: i64) -> usize {
    off.rem_euclid(8) as usize
}

impl Stack {
    pub fn get(&self, slot: usize) -> Option<&Slot> {
        self.slots.get(slot)
    }

    /// The slot, made if it was never written. At most 64 slots are asked for: offsets were checked.
    pub fn make(&mut self, slot: usize) -> &mut Slot {
        if slot >= self.slots.len() {
            self.slots.resize_with(slot + 1, Slot::default);
        }
        &mut self.slots[slot]
    }

    /// The byte at `off`.
    pub fn byte(&self, off: i64) -> Byte {
        self.get(slot_of(off)).map_or(Byte::Invalid, |slot| slot.bytes[byte_of(off)])
    }
}
