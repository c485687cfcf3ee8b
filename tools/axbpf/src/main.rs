//! Host command.
fn main() {}
