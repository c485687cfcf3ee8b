//! Build script.
fn main() {
    axbpf_build::link();
}
