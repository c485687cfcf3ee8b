//! The command surface on a host: the same test that runs in the unikernel (tests/guest).
#![cfg(all(feature = "axbpf-maps", feature = "prog"))]
extern crate alloc;

#[path = "../../../tests/guest/src/commands.rs"]
mod commands;

#[test]
fn commands_as_numbers_and_memory() {
    axbpf::platform::stack::PROGRAMS.init();
    commands::run();
    assert_eq!(axbpf::fds::open_fds(), 0);
}
