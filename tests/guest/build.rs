//! Link arguments and the programs of the tests.
use std::path::Path;

fn main() {
    axbpf_build::link();
    for name in ["registers", "inside", "callbacks", "types", "faults"] {
        axbpf_build::compile_bpf(format!("bpf/{name}.bpf.c").as_ref(), &[]);
    }
    for name in ["empty", "lcg", "collatz", "siphash", "sort", "parse", "array", "hash", "ktime", "ringbuf"] {
        axbpf_build::compile_bpf(format!("bpf/peers/{name}.bpf.c").as_ref(), &[Path::new("bpf/peers")]);
    }
}
