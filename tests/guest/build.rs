//! Link arguments and the programs of the tests.
fn main() {
    axbpf_build::link();
    for name in ["registers", "inside", "faults"] {
        axbpf_build::compile_bpf(format!("bpf/{name}.bpf.c").as_ref(), &[]);
    }
}
