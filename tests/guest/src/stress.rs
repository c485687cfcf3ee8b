//! Hits on all CPUs while probes come and go: none lost, none miscounted, and the code as before in the end.
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use axbpf::{Link, Prog, ProgSpec, RawInsn};
use axtask::AxCpuMask;
use core::hint::black_box;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};

/// Calls on each CPU.
const CALLS: u64 = 10_000;

#[inline(never)]
extern "C" fn steady(n: u64) -> u64 {
    black_box(n) + 1
}

#[inline(never)]
extern "C" fn changing(n: u64) -> u64 {
    black_box(n).rotate_left(3) ^ n
}

static DONE: AtomicBool = AtomicBool::new(false);
static WRONG: AtomicU64 = AtomicU64::new(0);

fn text_of_kernel() -> Vec<u8> {
    unsafe extern "C" {
        static _stext: u8;
        static _etext: u8;
    }
    let (start, end) = (&raw const _stext as usize, &raw const _etext as usize);
    let mut text = alloc::vec![0; end - start];
    axbpf::platform::fault::read(&mut text, start).unwrap();
    text
}

pub fn on_each_cpu(f: impl Fn(usize) + Clone + Send + 'static) {
    let task = |cpu: usize| {
        let f = f.clone();
        axtask::spawn(move || {
            let mut mask = AxCpuMask::new();
            mask.set(cpu, true);
            axtask::set_current_affinity(mask);
            f(cpu);
        })
    };
    let tasks: Vec<_> = (0..axhal::cpu_num()).map(task).collect();
    for task in tasks {
        task.join();
    }
}

fn load() -> Arc<Prog> {
    let insns = [[0xb7, 0, 0, 0, 0, 0, 0, 0], [0x95, 0, 0, 0, 0, 0, 0, 0]].map(RawInsn::from_bytes).to_vec();
    Prog::load(ProgSpec::new("count", axbpf::abi::ProgType::Kprobe, insns), &mut String::new()).unwrap()
}

pub fn run() {
    let before = text_of_kernel();
    let prog = load();
    let symbol = |f: extern "C" fn(u64) -> u64| alloc::format!("{:#x}", f as usize);
    let link = Link::kprobes(&prog, &[symbol(steady).as_str().into()], false).unwrap();
    let returns = Link::kprobes(&prog, &[symbol(steady).as_str().into()], true).unwrap();
    DONE.store(false, SeqCst);
    let changer = {
        let prog = Arc::clone(&prog);
        axtask::spawn(move || {
            let (mut rounds, mut hits) = (0u64, 0);
            while !DONE.load(SeqCst) {
                let at_return = rounds % 3 == 1;
                let link = Link::kprobes(&prog, &[symbol(changing).as_str().into(), "axtask::api::yield_now".into()], at_return).unwrap();
                axtask::yield_now();
                hits += link.hits();
                drop(link);
                rounds += 1;
            }
            println!("  installed and removed {rounds} times meanwhile, hit {hits} times");
            assert!(rounds > 10 && hits > 0, "{rounds} rounds, {hits} hits");
        })
    };
    on_each_cpu(|_| {
        for n in 0..CALLS {
            let right = steady(n) == n + 1 && changing(n) == n.rotate_left(3) ^ n;
            if !right {
                WRONG.fetch_add(1, Relaxed);
            }
            if n % 32 == 0 {
                axtask::yield_now();
            }
        }
    });
    DONE.store(true, SeqCst);
    changer.join();
    let calls = CALLS * axhal::cpu_num() as u64;
    println!("  {calls} calls = {} hits + {} missed, {} returns + {} missed", link.hits(), link.missed(), returns.hits(), returns.missed());
    assert_eq!(WRONG.load(SeqCst), 0, "results of probed functions");
    assert_eq!(link.hits() + link.missed(), calls);
    assert_eq!(returns.hits() + returns.missed(), calls);
    drop((link, returns));
    assert_eq!(axbpf::kprobe::points(), 0);
    let after = text_of_kernel();
    let different = before.iter().zip(&after).filter(|(a, b)| a != b).count();
    assert_eq!((before.len(), different), (after.len(), 0), "bytes of the code differ");
}
