//! Proves that a BPF program is safe and ends, or says where and why not
#![no_std]
