//! The tools: each loads its object, attaches its programs, and prints what they found.
use crate::report;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use axbpf::maps::Map;
use axbpf::{Link, Object, ObjectError, RingBuf, Target, TracePipe};
use axtask::AxTaskRef;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};

/// An object of bpf/, compiled by build.rs.
macro_rules! object {
    ($name:literal) => {
        load(concat!($name, ".bpf.o"), include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".bpf.o")))
    };
}

fn load(file: &str, bytes: &[u8]) -> Result<Object, String> {
    Object::load(bytes).map_err(|error| {
        if let ObjectError::Load { log, .. } = &error {
            print!("{log}");
        }
        format!("{file}: {error}")
    })
}

fn map(object: &Object, name: &str) -> Result<Arc<Map>, String> {
    object.map(name).cloned().ok_or_else(|| format!("the object has no map {name}"))
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// The sum of all CPUs' numbers.
fn sum(value: &[u8]) -> u64 {
    value.as_chunks().0.iter().map(|&word| u64::from_le_bytes(word)).sum()
}

/// The name of the function at an address.
fn symbol(addr: u64) -> String {
    let found = axbpf::kprobe::symbols().ok().and_then(|symbols| symbols.by_addr(addr));
    found.map_or_else(|| format!("{addr:#x}"), |symbol| symbol.name.into())
}

/// Calls per function, as bcc's funccount.
pub struct Counts {
    link: Arc<Link>,
    calls: Arc<Map>,
    step: u64,
}

impl Counts {
    /// Functions that the workload goes through, with its own first.
    const FUNCTIONS: [&str; 8] = [
        "bpf_trace::workload::step",
        "axtask::api::yield_now",
        "axtask::api::sleep",
        "axtask::api::exit",
        "<axtask::run_queue::AxRunQueue>::resched",
        "<axalloc::default_impl::GlobalAllocator>::alloc",
        "<axalloc::default_impl::GlobalAllocator>::dealloc",
        "axhal::irq::irq_handler",
    ];

    /// Attaches. Functions that this image does not have are left out, the workload's own excepted.
    pub fn start() -> Result<Counts, String> {
        let object = object!("counts")?;
        let step = axbpf::kprobe::resolve(Self::FUNCTIONS[0]).map_err(text)?;
        let exists = |name: &&str| axbpf::kprobe::resolve(name).is_ok();
        let targets: Vec<Target> = Self::FUNCTIONS.iter().copied().filter(exists).map(Target::from).collect();
        let link = object.attach_to("count_calls", &targets).map_err(text)?;
        Ok(Counts { link, calls: map(&object, "calls")?, step })
    }

    /// Detaches and prints. An error if the calls of the workload's own function are not all accounted for.
    pub fn report(&self, made: u64) -> Result<(), String> {
        self.link.detach().map_err(text)?;
        let missed: Vec<(u64, u64)> = self.link.stats().map(|stats| (stats.addr, stats.missed)).collect();
        let mut rows: Vec<(String, u64)> = Vec::new();
        let mut counted = 0;
        for key in self.calls.keys() {
            let addr = u64::from_le_bytes(key.as_slice().try_into().map_err(|_| "a key of 8 bytes was expected")?);
            let count = self.calls.get(&key).map(|value| sum(&value)).unwrap_or(0);
            if addr == self.step {
                counted = count;
            }
            rows.push((symbol(addr), count));
        }
        report::table("FUNCTION", &mut rows);
        let missed_steps: u64 = missed.iter().filter(|(addr, _)| *addr == self.step).map(|(_, missed)| missed).sum();
        let missed: u64 = missed.iter().map(|(_, missed)| missed).sum();
        println!("step: {made} calls = {counted} hits + {missed_steps} missed; missed at all functions: {missed}\n");
        if counted + missed_steps != made {
            return Err(format!("step was called {made} times, but {counted} hits and {missed_steps} misses were counted"));
        }
        Ok(())
    }
}

/// Time from entry to return, as bcc's funclatency.
pub struct Latency {
    links: Vec<Arc<Link>>,
    histogram: Arc<Map>,
    /// The program's global variables.
    variables: Option<Arc<Map>>,
}

impl Latency {
    /// Attaches to entry and return of `probe`.
    pub fn start(probe: &str) -> Result<Latency, String> {
        let object = object!("latency")?;
        // The return first, so that no entry lacks its return.
        let links = ["leave", "enter"].map(|program| object.attach(program, Some(probe)).map_err(text));
        let links = links.into_iter().collect::<Result<_, _>>()?;
        Ok(Latency { links, histogram: map(&object, "latency_ns")?, variables: object.map(".bss").cloned() })
    }

    /// Detaches and prints.
    pub fn report(&self, probe: &str) -> Result<(), String> {
        // The entry last, so that no return lacks its entry.
        for link in &self.links {
            link.detach().map_err(text)?;
        }
        let missed: u64 = self.links.iter().map(|link| link.missed()).sum();
        println!("Time in {probe}; missed: {missed}, returns without entry: {}", self.variables.as_deref().map_or(0, first_word));
        report::log2_histogram("nsecs", &slots(&self.histogram));
        Ok(())
    }
}

/// What the allocator is asked for.
pub struct Allocs {
    link: Arc<Link>,
    sizes: Arc<Map>,
}

impl Allocs {
    /// Attaches to the function that the program's section names.
    pub fn start() -> Result<Allocs, String> {
        let object = object!("allocs")?;
        let link = object.attach("on_alloc", None).map_err(text)?;
        Ok(Allocs { link, sizes: map(&object, "sizes")? })
    }

    /// Detaches and prints.
    pub fn report(&self) -> Result<(), String> {
        self.link.detach().map_err(text)?;
        println!("Sizes of allocations; missed: {}", self.link.missed());
        report::log2_histogram("bytes", &slots(&self.sizes));
        Ok(())
    }
}

/// Calls as events, taken by a task that awaits them.
pub struct Events {
    link: Arc<Link>,
    ring: Arc<Map>,
    dropped: Option<Arc<Map>>,
    reader: AxTaskRef,
}

/// `struct event` of bpf/events.bpf.c.
struct Event {
    ns: u64,
    arg: u64,
    cpu: u32,
    task: u32,
    comm: [u8; 16],
}

impl Event {
    fn from_bytes(bytes: &[u8]) -> Option<Event> {
        let (ns, rest) = bytes.split_first_chunk()?;
        let (arg, rest) = rest.split_first_chunk()?;
        let (cpu, rest) = rest.split_first_chunk()?;
        let (task, rest) = rest.split_first_chunk()?;
        let comm = *rest.first_chunk()?;
        let (ns, arg) = (u64::from_le_bytes(*ns), u64::from_le_bytes(*arg));
        Some(Event { ns, arg, cpu: u32::from_le_bytes(*cpu), task: u32::from_le_bytes(*task), comm })
    }
}

static TAKEN: AtomicU64 = AtomicU64::new(0);
static WAKEUPS: AtomicU64 = AtomicU64::new(0);
static LAST: AtomicBool = AtomicBool::new(false);

impl Events {
    /// Events that are printed one by one; the rest is counted.
    const SHOWN: u64 = 10;

    /// Starts the reader and attaches to `probe`.
    pub fn start(probe: &str) -> Result<Events, String> {
        let object = object!("events")?;
        let ring = map(&object, "events")?;
        let mut stream = RingBuf::new(Arc::clone(&ring)).map_err(text)?;
        let reader = axtask::spawn_with_name(
            move || {
                axtask::future::block_on(async {
                    while !LAST.load(SeqCst) {
                        stream.next_batch(Self::show).await;
                        WAKEUPS.fetch_add(1, Relaxed);
                    }
                })
            },
            "events".into(),
        );
        println!("{:<14} {:>3} {:>6} {:<16} {:>18}", "TIME", "CPU", "TASK", "COMM", "ARG");
        let link = object.attach("on_call", Some(probe)).map_err(text)?;
        Ok(Events { link, ring, dropped: object.map(".bss").cloned(), reader })
    }

    fn show(record: &[u8]) {
        // The last one is empty: it ends the reader.
        let Some(event) = Event::from_bytes(record) else {
            LAST.store(true, SeqCst);
            return;
        };
        if TAKEN.fetch_add(1, Relaxed) < Self::SHOWN {
            let comm = event.comm.split(|&byte| byte == 0).next().unwrap_or(&[]);
            let (s, us) = (event.ns / 1_000_000_000, event.ns / 1000 % 1_000_000);
            let comm = String::from_utf8_lossy(comm);
            println!("{s:>7}.{us:06} {:>3} {:>6} {comm:<16} {:>#18x}", event.cpu, event.task, event.arg);
        }
    }

    /// Detaches, lets the reader finish, prints. An error if an event is not accounted for.
    pub fn report(self) -> Result<(), String> {
        self.link.detach().map_err(text)?;
        let (hits, missed) = (self.link.hits(), self.link.missed());
        let ring = self.ring.ringbuf().ok_or("events is no ring buffer")?;
        // Behind all others; while the reader is behind, there may be no room yet.
        while ring.output(&[], axbpf::abi::flags::BPF_RB_FORCE_WAKEUP).is_err() {
            axtask::yield_now();
        }
        self.reader.join();
        let (taken, dropped) = (TAKEN.load(Relaxed), self.dropped.as_deref().map_or(0, first_word));
        println!("events: {hits} hits = {taken} taken in {} turns + {dropped} dropped; missed: {missed}\n", WAKEUPS.load(Relaxed));
        if taken + dropped != hits {
            return Err(format!("{hits} events were reported, but {taken} taken and {dropped} dropped"));
        }
        Ok(())
    }
}

/// The counts of an array with a value a CPU, summed up.
fn slots(map: &Map) -> Vec<u64> {
    map.keys().map(|key| map.get(&key).map(|value| sum(&value)).unwrap_or(0)).collect()
}

/// The first variable of a map of global variables.
fn first_word(map: &Map) -> u64 {
    map.get(&0u32.to_le_bytes()).ok().and_then(|value| value.first_chunk().map(|&word| u64::from_le_bytes(word))).unwrap_or(0)
}

/// An object of the user's: every program is attached to where its section says, or else to `probe`.
pub struct UserObject {
    object: Object,
    links: Vec<Arc<Link>>,
}

impl UserObject {
    /// Loads and attaches.
    pub fn start(file: &str, bytes: &[u8], probe: &str) -> Result<UserObject, String> {
        let object = load(file, bytes)?;
        if object.programs().is_empty() {
            return Err(format!("{file}: there is no program in it"));
        }
        if let Some(mut pipe) = TracePipe::open() {
            axtask::spawn_with_name(
                move || {
                    axtask::future::block_on(async {
                        loop {
                            println!("{}", pipe.next().await);
                        }
                    })
                },
                "trace_pipe".into(),
            );
        }
        let mut links = Vec::new();
        for program in object.programs() {
            let target = program.target.as_deref().unwrap_or(probe);
            let link = object.attach(&program.name, Some(target)).map_err(|error| format!("{file}: {error}"))?;
            println!(
                "{}: {} at {target}, {} instructions, {} bytes",
                program.section,
                program.name,
                program.prog.slots(),
                program.prog.jited_len()
            );
            links.push(link);
        }
        Ok(UserObject { object, links })
    }

    /// Detaches and prints what is in the maps.
    pub fn report(&self) -> Result<(), String> {
        println!();
        let mut rows = Vec::new();
        for link in &self.links {
            link.detach().map_err(text)?;
            rows.extend(link.stats().map(|stats| (format!("{} (missed: {})", stats.symbol, stats.missed), stats.hits)));
        }
        report::table("PROBE", &mut rows);
        for (name, map) in self.object.maps() {
            print_map(name, map);
        }
        Ok(())
    }
}

/// Prints a map's elements; those of arrays that are zero are left out.
fn print_map(name: &str, map: &Map) {
    const SHOWN: usize = 64;
    println!("map {name}, {}:", map.spec().map_type);
    if let Some(ring) = map.ringbuf() {
        println!("  {ring:?}, {} dropped", ring.dropped());
    }
    let elements = map.keys().filter_map(|key| Some((map.get(&key).ok()?, key))).filter(|(value, _)| value.iter().any(|&byte| byte != 0));
    for (value, key) in elements.take(SHOWN) {
        match (map.spec().value_size, value.len()) {
            (8, 8..) => println!("  {}: {}", number(&key), sum(&value)),
            _ => println!("  {}: {}", number(&key), number(&value)),
        }
    }
    println!();
}

/// Bytes as a number if they may be one, else in hex.
fn number(bytes: &[u8]) -> String {
    match bytes.len() {
        1..=8 => {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            format!("{}", u64::from_le_bytes(word))
        }
        _ => bytes.iter().take(64).map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// What got lost anywhere.
pub fn report_losses() {
    use axbpf::platform::{fault, stack, wake};
    println!(
        "lost trace lines: {}; program stack overflows: {}; wake-ups: {} ({} late); faults recovered: {}",
        axbpf::trace_lost(),
        stack::PROGRAMS.overflows(),
        wake::wakes(),
        axbpf::late_wakes(),
        fault::recovered()
    );
}
