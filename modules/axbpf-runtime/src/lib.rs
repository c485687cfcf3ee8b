//! Ids and lifetimes of maps, programs and links; helper bodies; attach; event delivery
#![no_std]
