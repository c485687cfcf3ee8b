//! The task that a hit interrupted, as programs see it.
use axbpf_abi::TASK_COMM_LEN;
use axbpf_platform::{Task, current_task, fault};

/// All tasks are threads of one process.
pub(crate) const TGID: u64 = 1;

/// The current task.
pub(crate) struct Current(Task);

impl Current {
    pub(crate) fn get() -> Current {
        Current(current_task())
    }

    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    /// Its name, cut off so that a NUL ends it. The name may be changing: it is read as memory that may be bad.
    pub(crate) fn comm(&self) -> [u8; TASK_COMM_LEN] {
        let mut comm = [0; TASK_COMM_LEN];
        let (addr, len) = self.0.name;
        // On a bad address the bytes are zero: no name.
        let _ = fault::read(&mut comm[..len.min(TASK_COMM_LEN - 1)], addr);
        comm
    }
}

/// The bytes before the first NUL.
pub(crate) fn until_nul(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len())]
}
