//! The one line that an app with axbpf needs, and one for its BPF program.
fn main() {
    #[cfg(feature = "bpf")]
    axbpf_build::link();
    #[cfg(feature = "axbpf-loader")]
    axbpf_build::compile_bpf("bpf/hello.bpf.c".as_ref(), &[]);
}
