//! The smallest app that enables the components: counts calls of a function of its own.
#![no_std]
#![no_main]

#[macro_use]
extern crate axstd as std;

#[unsafe(no_mangle)]
fn main() {
    println!("hello");
}
