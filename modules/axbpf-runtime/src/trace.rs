//! The trace ring: where `bpf_printk` writes. One ring a CPU, written with IRQs off and without a lock, read by one reader that sleeps
//! until there is something ([`TracePipe`]), as Linux's `trace_pipe`.
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use axbpf_abi::TASK_COMM_LEN;
use axbpf_platform::{IrqGuard, PerCpu, cpu_id, monotonic_ns, per_cpu, wake};
use core::fmt;
use core::future::poll_fn;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*};
use core::task::{Context, Poll};
use spin::Once;

/// Words of a CPU's ring; a power of two.
const WORDS: usize = 2048;
/// Longest text of a line in bytes; the rest is cut off (Linux: MAX_BPRINTF_BUF is 512 as well).
pub(crate) const MAX_TEXT: usize = 512;
/// Words before the text: time; CPU and length; task id; name in two.
const HEADER: usize = 5;

/// Positions count words and never wrap. `head` is moved by the CPU alone, after the record is written; `tail` by the reader alone.
struct Ring {
    words: Once<Box<[AtomicU64]>>,
    head: AtomicUsize,
    tail: AtomicUsize,
    lost: AtomicU64,
}

static RINGS: PerCpu<Ring> =
    per_cpu!(Ring { words: Once::new(), head: AtomicUsize::new(0), tail: AtomicUsize::new(0), lost: AtomicU64::new(0) });
static READER: Once<Arc<wake::Reader>> = Once::new();
static OPEN: AtomicBool = AtomicBool::new(false);

/// Makes the rings of CPUs that have none. From task context; lines written before are lost, and counted.
pub(crate) fn init() {
    for ring in RINGS.iter() {
        ring.words.call_once(|| (0..WORDS).map(|_| AtomicU64::new(0)).collect());
    }
    READER.call_once(Arc::default);
}

/// Lines that did not fit, so far.
pub fn trace_lost() -> u64 {
    RINGS.iter().map(|ring| ring.lost.load(Relaxed)).sum()
}

/// Appends a line to this CPU's ring.
pub(crate) fn write(_irqs_off: &IrqGuard, text: &[u8]) {
    let ring = RINGS.this();
    let text = &text[..text.len().min(MAX_TEXT)];
    let need = HEADER + text.len().div_ceil(8);
    let head = ring.head.load(Relaxed);
    let free = WORDS - head.wrapping_sub(ring.tail.load(Acquire));
    let Some(words) = ring.words.get().filter(|_| need <= free) else {
        ring.lost.fetch_add(1, Relaxed);
        return;
    };
    let mut at = head;
    let mut put = |word: u64| {
        words[at % WORDS].store(word, Relaxed);
        at = at.wrapping_add(1);
    };
    let task = crate::task::Current::get();
    put(monotonic_ns());
    put((cpu_id() as u64) << 32 | text.len() as u64);
    put(task.id());
    task.comm().as_chunks().0.iter().for_each(|&half| put(u64::from_le_bytes(half)));
    for chunk in text.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        put(u64::from_le_bytes(word));
    }
    ring.head.store(at, Release);
    if let Some(reader) = READER.get() {
        reader.notify();
    }
}

/// A line that a program printed. Displayed as Linux's `trace_pipe` has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceLine {
    /// When, in nanoseconds since boot.
    pub ns: u64,
    /// On which CPU.
    pub cpu: u32,
    /// In which task.
    pub task: u64,
    /// That task's name, up to the first NUL.
    pub comm: [u8; TASK_COMM_LEN],
    /// What it printed, without the line's end.
    pub text: String,
}

impl fmt::Display for TraceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = crate::task::until_nul(&self.comm);
        let (s, us) = (self.ns / 1_000_000_000, self.ns / 1000 % 1_000_000);
        let task = format_args!("{}-{}", String::from_utf8_lossy(name), self.task);
        // `d`: IRQs are off where programs run; the other latency marks do not exist here.
        write!(f, "{:>23} [{:03}] d.... {s:5}.{us:06}: bpf_trace_printk: {}", alloc::format!("{task}"), self.cpu, self.text)
    }
}

/// The reader of the trace ring. There is one: opening a second while it lives answers `None`.
#[derive(Debug)]
pub struct TracePipe(());

impl TracePipe {
    /// Opens it. From task context.
    pub fn open() -> Option<TracePipe> {
        init();
        (!OPEN.swap(true, AcqRel)).then_some(TracePipe(()))
    }

    /// The oldest line that is there.
    pub fn try_next(&mut self) -> Option<TraceLine> {
        // The oldest of the CPUs' first lines.
        let ring = RINGS.iter().filter_map(|ring| Some((ring.first_ns()?, ring))).min_by_key(|&(ns, _)| ns)?.1;
        ring.take()
    }

    /// The next line; sleeps until there is one.
    pub async fn next(&mut self) -> TraceLine {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// See [`next`](Self::next).
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<TraceLine> {
        if let Some(line) = self.try_next() {
            return Poll::Ready(line);
        }
        if let Some(reader) = READER.get() {
            reader.arm(cx.waker());
        }
        // What was written before the reader was armed woke nobody.
        self.try_next().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for TracePipe {
    fn drop(&mut self) {
        OPEN.store(false, Release);
    }
}

impl Ring {
    fn word(&self, at: usize) -> u64 {
        self.words.get().map_or(0, |words| words[at % WORDS].load(Relaxed))
    }

    /// When the first line was written.
    fn first_ns(&self) -> Option<u64> {
        let tail = self.tail.load(Relaxed);
        (tail != self.head.load(Acquire)).then(|| self.word(tail))
    }

    fn take(&self) -> Option<TraceLine> {
        let ns = self.first_ns()?;
        let tail = self.tail.load(Relaxed);
        let (cpu, len) = ((self.word(tail + 1) >> 32) as u32, (self.word(tail + 1) as u32 as usize).min(MAX_TEXT));
        let mut comm = [0; TASK_COMM_LEN];
        comm.as_chunks_mut().0.iter_mut().enumerate().for_each(|(i, half)| *half = self.word(tail + 3 + i).to_le_bytes());
        let mut text: alloc::vec::Vec<u8> = (0..len.div_ceil(8)).flat_map(|i| self.word(tail + HEADER + i).to_le_bytes()).collect();
        text.truncate(len);
        let line = TraceLine { ns, cpu, task: self.word(tail + 2), comm, text: String::from_utf8_lossy(&text).into_owned() };
        self.tail.store(tail.wrapping_add(HEADER + len.div_ceil(8)), Release);
        Some(line)
    }
}
