//! The words of bpf(2): commands, attr layouts, types, helper prototypes, facts, context layouts
#![no_std]
