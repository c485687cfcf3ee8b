//! Link arguments, BPF programs, and the options of `make`, which become part of the image: it has no command line.
use std::path::Path;
use std::{env, fs, process};

const PROGRAMS: [&str; 4] = ["counts", "latency", "allocs", "events"];

fn main() {
    axbpf_build::link();
    let bpf = Path::new("bpf");
    for name in PROGRAMS {
        axbpf_build::compile_bpf(&bpf.join(format!("{name}.bpf.c")), &[bpf]);
    }
    for (option, default) in [("PROBE", "bpf_trace::workload::step"), ("DURATION", "5"), ("LOOPS", "10000")] {
        println!("cargo::rerun-if-env-changed={option}");
        let value = env::var(option).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| default.into());
        println!("cargo::rustc-env=BPF_TRACE_{option}={value}");
    }
    // Another object, if one is named; an empty name stands for none.
    println!("cargo::rerun-if-env-changed=OBJ");
    let object = env::var("OBJ").unwrap_or_default();
    let copy = Path::new(&env::var_os("OUT_DIR").unwrap_or_default()).join("user.bpf.o");
    let bytes = if object.is_empty() {
        Ok(Vec::new())
    } else {
        println!("cargo::rerun-if-changed={object}");
        fs::read(&object)
    };
    if let Err(error) = bytes.and_then(|bytes| fs::write(copy, bytes)) {
        eprintln!("bpf-trace: OBJ={object}: {error}");
        process::exit(1);
    }
    println!("cargo::rustc-env=BPF_TRACE_OBJ={object}");
}
