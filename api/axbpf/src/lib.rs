//! API.
#![no_std]
