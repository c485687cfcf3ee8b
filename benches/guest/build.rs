//! Link arguments and the programs that are measured: those of tests/guest, whose results are checked there.
use std::path::Path;

fn main() {
    axbpf_build::link();
    let peers = Path::new("../../tests/guest/bpf/peers");
    for name in ["empty", "lcg", "collatz", "siphash", "sort", "parse", "array", "hash", "ktime", "ringbuf"] {
        axbpf_build::compile_bpf(&peers.join(format!("{name}.bpf.c")), &[peers]);
    }
    axbpf_build::compile_bpf(Path::new("bpf/event.bpf.c"), &[]);
}
