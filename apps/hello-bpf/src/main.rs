//! The smallest app that enables the components; each is a Cargo feature that may be left out. Copy what you need.
#![no_std]
#![no_main]
#[macro_use]
extern crate axstd as std;
extern crate alloc;

#[unsafe(no_mangle)]
fn main() {
    println!("hello from {} CPUs", std::thread::available_parallelism().map_or(1, usize::from));
    #[cfg(feature = "bpf")]
    axbpf::init().expect("the trap hook is there");
    #[cfg(feature = "axbpf-maps")]
    maps();
    #[cfg(feature = "axbpf-loader")]
    loader();
    #[cfg(feature = "axbpf-jit")]
    instructions();
    #[cfg(feature = "axkprobe")]
    probe();
}

#[cfg(feature = "axbpf-maps")]
fn maps() {
    use axbpf::maps::{Map, MapSpec};
    let spec = MapSpec { map_type: axbpf::abi::MapType::Hash, key_size: 4, value_size: 8, max_entries: 16, ..MapSpec::default() };
    let map = Map::new(&spec).unwrap();
    map.update(&7u32.to_le_bytes(), &49u64.to_le_bytes(), 0).unwrap();
    println!("maps: 7 -> {}", map.get(&7u32.to_le_bytes()).unwrap()[0]);
}

#[cfg(feature = "axbpf-loader")]
fn loader() {
    let object = axbpf::Object::load(include_bytes!(concat!(env!("OUT_DIR"), "/hello.bpf.o"))).unwrap();
    let mut regs = [0; 256];
    regs[axbpf::ARCH.arg_offset(0).unwrap()] = 12;
    let run = object.program("square").unwrap().prog.test_run(&axbpf::TestRunSpec::ctx(&regs)).unwrap();
    println!("loader: 12 * 12 = {}", run.retval);
}

#[cfg(feature = "axbpf-jit")]
fn instructions() {
    let insns = [[0xb7, 0, 0, 0, 42, 0, 0, 0], [0x95, 0, 0, 0, 0, 0, 0, 0]].map(axbpf::RawInsn::from_bytes); // r0 = 42; exit
    let prog =
        axbpf::Prog::load(axbpf::ProgSpec::new("answer", axbpf::abi::ProgType::Syscall, insns.to_vec()), &mut alloc::string::String::new());
    let prog = prog.unwrap();
    println!("jit: {} bytes, R0 = {}", prog.jited_len(), prog.test_run(&axbpf::TestRunSpec::default()).unwrap().retval);
}

#[cfg(feature = "axkprobe")]
fn probe() {
    struct Counter;
    impl axbpf::kprobe::Handler for Counter {
        fn hit(&self, _: &mut axbpf::kprobe::Regs, _: &axbpf::kprobe::Hit) -> bool {
            true
        }
    }
    let addr = axbpf::kprobe::resolve("axtask::api::yield_now").unwrap();
    let probe = axbpf::kprobe::Probe::install(addr, axbpf::kprobe::When::Before, alloc::sync::Arc::new(Counter)).unwrap();
    (0..100).for_each(|_| std::thread::yield_now());
    println!("kprobe: at least {} calls of yield_now", probe.hits().min(100));
}
