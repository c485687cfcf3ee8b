//! Host machine code per ISA as data, and the register file that a trap saves
#![no_std]
