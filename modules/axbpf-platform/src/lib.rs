//! The one trait between the BPF components and the OS, with a std implementation for host tests
#![no_std]
