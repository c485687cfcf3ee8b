//! Apps need `axbpf_build::link()` alone; this one also tries the other way to hook traps.
fn main() {
    println!("cargo::rerun-if-env-changed=HOOK");
    let vectors = std::env::var("HOOK").is_ok_and(|hook| hook == "vectors");
    axbpf_build::link_with(if vectors { axbpf_build::Hook::Vectors } else { axbpf_build::Hook::Wrap });
    println!("cargo::rustc-env=HOOK={}", if vectors { "vectors" } else { "wrap" });
    axbpf_build::compile_bpf("bpf/events.bpf.c".as_ref(), &[]);
}
