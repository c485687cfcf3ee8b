use axbpf_abi::*;
use axbpf_verifier::*;
#[test]
fn dbg() {
    let text = std::fs::read_to_string("/tmp/prog.txt").unwrap();
    let slots = axbpf_isa::asm::assemble(&text).unwrap();
    let ctx = CtxLayout::of(ProgType::SocketFilter, 0, Arch::X86_64).unwrap();
    let mut log = String::new();
    let r = verify(&Request { log_level: 2, ..Request::new(&slots, ProgType::SocketFilter, ctx) }, &mut log);
    println!("{}", &log[..log.len().min(60000)]);
    println!("{r:?}");
}
