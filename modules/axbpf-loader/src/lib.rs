//! BPF ELF objects: bytes to ObjectSpec to linked instructions
#![no_std]
