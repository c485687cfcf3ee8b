//! BTF: parse, check, write, look up
#![no_std]
