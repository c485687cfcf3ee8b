//! Probes at every instruction of a function, of the app's and of the kernel's, at once: results stay what they were.
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use axbpf::kprobe::{ProbeError, symbols};
use axbpf::{AttachError, Link, Prog, ProgSpec, RawInsn};
use core::hint::black_box;

/// Branches, a loop, memory, calls.
#[inline(never)]
extern "C" fn busy(n: u64) -> u64 {
    let mut table = [n, n ^ 3, 7, 11];
    let mut sum = 0u64;
    for i in 0..black_box(n % 9) {
        let at = (i as usize + 1) % table.len();
        table[at] = table[at].wrapping_mul(0x9e37_79b9).rotate_left(5) ^ leaf(i);
        sum = if table[at] & 4 == 0 { sum.wrapping_add(table[at]) } else { sum ^ u64::from(table[at] as u32) };
    }
    sum
}

#[inline(never)]
extern "C" fn leaf(n: u64) -> u64 {
    black_box(n) + 1
}

/// A link for every instruction of the function; how many could not be probed, and why.
fn probe_all(prog: &Arc<Prog>, name: &str) -> (Vec<Arc<Link>>, Vec<String>) {
    let size = symbols().unwrap().by_name(name).next().unwrap_or_else(|| panic!("{name}")).size;
    let (mut links, mut refused) = (Vec::new(), Vec::new());
    for offset in (0..size).step_by(2) {
        let target = alloc::format!("{name}+{offset:#x}");
        match Link::kprobes(prog, &[target.as_str().into()], false) {
            Ok(link) => links.push(link),
            Err(AttachError::Probe { error: ProbeError::NotAnInstruction { .. }, .. }) => {}
            Err(error) => refused.push(alloc::format!("{error}")),
        }
    }
    (links, refused)
}

pub fn run() {
    let insns = [[0xb7, 0, 0, 0, 0, 0, 0, 0], [0x95, 0, 0, 0, 0, 0, 0, 0]].map(RawInsn::from_bytes).to_vec();
    let prog = Prog::load(ProgSpec::new("count", axbpf::abi::ProgType::Kprobe, insns), &mut String::new()).unwrap();
    let results = || (0..200u64).map(|n| black_box(busy as extern "C" fn(u64) -> u64)(n)).collect::<Vec<_>>();
    let before = results();
    let (links, refused) = probe_all(&prog, "axbpf_tests_guest::offsets::busy");
    // What follows the function up to the next one is no code.
    assert!(links.len() > 20 && refused.len() <= 4, "{} probed, refused: {refused:?}", links.len());
    assert_eq!(results(), before);
    let hit = links.iter().filter(|link| link.hits() > 0).count();
    assert!(hit * 10 > links.len() * 7, "{hit} of {} were hit", links.len());
    assert_eq!(links.iter().map(|link| link.missed()).sum::<u64>(), 0);
    let first = links.first().unwrap();
    assert_eq!(first.hits(), 200);
    drop(links);

    // Of the kernel: where it takes locks and switches tasks.
    let mut probed = 0;
    for name in ["axtask::api::yield_now", "<axtask::run_queue::AxRunQueue>::resched", "<axalloc::default_impl::GlobalAllocator>::alloc"] {
        let (links, refused) = probe_all(&prog, name);
        for _ in 0..50 {
            axtask::yield_now();
            drop(black_box(alloc::vec![1u8; 100]));
        }
        assert!(links.iter().any(|link| link.hits() > 0), "{name}: no hit; refused: {refused:?}");
        probed += links.len();
    }
    println!("  {hit} instructions of an own function and up to {probed} of the kernel's were hit");
    assert_eq!(axbpf::kprobe::points(), 0);
}
