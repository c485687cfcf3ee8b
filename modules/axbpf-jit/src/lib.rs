//! BPF to machine code: lowering to the host ISAs
#![no_std]
