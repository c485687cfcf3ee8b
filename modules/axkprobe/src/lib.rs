//! kprobes and kretprobes for kernels in one address space
#![no_std]
