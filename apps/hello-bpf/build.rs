//! The one line that every app with axbpf needs, and one for its BPF program.
fn main() {
    axbpf_build::link();
    axbpf_build::compile_bpf("bpf/hello.bpf.c".as_ref(), &[]);
}
