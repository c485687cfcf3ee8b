//! The run contract of BPF programs and the interpreter
#![no_std]
