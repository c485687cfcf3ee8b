use crate::arch;
use core::marker::PhantomData;

/// A section with IRQs off on this CPU: it is not interrupted, the task stays on its CPU, and nothing that [`defer`](crate::defer) was
/// given during it is dropped before it ends. Nests. Dropping it never switches tasks.
#[must_use = "the section ends when this is dropped"]
pub struct IrqGuard {
    state: usize,
    /// Belongs to the CPU that made it.
    _not_send: PhantomData<*const ()>,
}

impl IrqGuard {
    /// Begins a section.
    #[inline]
    pub fn new() -> Self {
        IrqGuard { state: arch::irqs_save(), _not_send: PhantomData }
    }
}

impl Default for IrqGuard {
    #[inline]
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for IrqGuard {
    #[inline]
    fn drop(&mut self) {
        arch::irqs_restore(self.state);
    }
}
