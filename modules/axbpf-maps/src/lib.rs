//! BPF maps and ring buffers, safe in probe context
#![no_std]
