//! PROG_TEST_RUN: a program runs by itself, with a context and a packet that the caller gives.
use crate::prog::ARCH;
use crate::{Prog, packet, run};
use alloc::vec::Vec;
use axbpf_abi::{AttachType, CtxLayout, Errno, ProgType};
use axbpf_platform::{IrqGuard, monotonic_ns};
use core::fmt;

/// No test run takes a longer context, in bytes; of most types they have to be shorter.
pub const MAX_CTX: usize = u16::MAX as usize;

/// What a test run is given.
#[derive(Clone, Copy, Default, Debug)]
pub struct TestRunSpec<'a> {
    /// The packet, for programs that take one: Ethernet header first, in xdp programs the metadata that `ctx` tells of before it.
    pub data: &'a [u8],
    /// The context or its beginning, with zeros behind it; of packets the fields of `struct xdp_md` or `struct __sk_buff` that a caller may
    /// set. `None`: none was given, which for xdp programs means no metadata.
    pub ctx: Option<&'a [u8]>,
    /// How often the program runs, each time with what the last one left; 0: once.
    pub repeat: u32,
}

impl<'a> TestRunSpec<'a> {
    /// One run with this context.
    pub fn ctx(bytes: &'a [u8]) -> Self {
        TestRunSpec { ctx: Some(bytes), ..TestRunSpec::default() }
    }

    /// One run with this packet.
    pub fn packet(data: &'a [u8]) -> Self {
        TestRunSpec { data, ..TestRunSpec::default() }
    }
}

/// What a test run answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TestRun {
    /// R0 of the last run.
    pub retval: u64,
    /// Nanoseconds a run.
    pub duration_ns: u64,
    /// The packet, as the program left it.
    pub data: Vec<u8>,
    /// The context, as the program left it: of packets the whole struct; else as many bytes as were given. Empty if none was given.
    pub ctx: Vec<u8>,
}

/// Why a test run was not possible.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RunError {
    /// No test runs for programs of this type.
    Type(ProgType),
    /// No test runs for programs that were loaded for this attach type.
    AttachType(AttachType),
    /// The context is larger than that of the program's type.
    Context {
        /// Bytes given.
        given: usize,
        /// Most bytes.
        most: usize,
    },
    /// The context has bytes, other than zeros, behind the struct of the program's type.
    LongContext {
        /// Bytes of the struct.
        most: usize,
    },
    /// A field of the context cannot have this value.
    Field {
        /// Its first byte.
        at: usize,
        /// What it can have.
        wants: &'static str,
    },
    /// The context names an interface that does not exist.
    NoDevice(u32),
    /// Programs of this type take no packet.
    NoPacket(ProgType),
    /// The packet is too short.
    ShortPacket {
        /// Its bytes, without metadata.
        given: usize,
        /// Fewest bytes.
        least: usize,
    },
    /// The packet is too long.
    LongPacket {
        /// Its bytes.
        given: usize,
        /// Most bytes.
        most: usize,
    },
    /// More of the packet than fits lies behind its linear part.
    Fragments {
        /// Bytes there.
        given: usize,
        /// Most bytes.
        most: usize,
    },
    /// This CPU is running a program.
    Busy,
}

impl RunError {
    /// The number that Linux answers.
    pub fn errno(self) -> Errno {
        match self {
            Self::Type(_) => Errno::ENOTSUPP,
            Self::AttachType(_) | Self::Context { .. } | Self::Field { .. } | Self::NoPacket(_) => Errno::EINVAL,
            Self::ShortPacket { .. } | Self::LongPacket { .. } => Errno::EINVAL,
            Self::LongContext { .. } => Errno::E2BIG,
            Self::NoDevice(_) => Errno::ENODEV,
            Self::Fragments { .. } => Errno::ENOMEM,
            Self::Busy => Errno::EBUSY,
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(prog_type) => write!(f, "programs of type {prog_type} cannot be run by themselves"),
            Self::AttachType(attach_type) => write!(f, "programs for {attach_type} cannot be run by themselves"),
            Self::Context { given, most } => write!(f, "the context has {given} bytes, of at most {most}"),
            Self::LongContext { most } => write!(f, "the context's struct has {most} bytes; behind them must be zeros, within a page"),
            Self::Field { at, wants } => write!(f, "the context's field at byte {at} has to be {wants}"),
            Self::NoDevice(index) => write!(f, "interface {index} does not exist; 1 is the loopback"),
            Self::NoPacket(prog_type) => write!(f, "programs of type {prog_type} take no packet"),
            Self::ShortPacket { given, least } => write!(f, "the packet has {given} bytes, of at least {least}"),
            Self::LongPacket { given, most } => write!(f, "the packet has {given} bytes, of at most {most}"),
            Self::Fragments { given, most } => write!(f, "behind the packet's linear part are {given} bytes, of at most {most}"),
            Self::Busy => f.write_str("this CPU is running a program already"),
        }
    }
}

impl core::error::Error for RunError {}

/// Memory that programs access, aligned to 8 bytes.
pub(crate) struct Words(Vec<u64>);

impl Words {
    /// So many zeros, rounded up to whole words.
    pub(crate) fn zeros(len: usize) -> Words {
        Words(alloc::vec![0; len.div_ceil(8)])
    }

    /// These bytes, with zeros up to the next word.
    pub(crate) fn of(bytes: &[u8]) -> Words {
        let mut words = Words::zeros(bytes.len());
        words.bytes_mut()[..bytes.len()].copy_from_slice(bytes);
        words
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.0)
    }

    /// Where it is, for as long as this value lives.
    pub(crate) fn address(&mut self) -> u64 {
        self.0.as_mut_ptr().expose_provenance() as u64
    }
}

impl Prog {
    /// Whether its test runs take a packet.
    pub fn takes_packet(&self) -> bool {
        use ProgType::*;
        matches!(self.prog_type(), Xdp | SchedCls | SchedAct | SocketFilter)
    }

    /// Runs it by itself (PROG_TEST_RUN), with rules and limits of Linux 6.12. Beyond Linux kprobe, tracepoint and perf event programs can
    /// run so too, and every program `repeat` times.
    pub fn test_run(&self, spec: &TestRunSpec<'_>) -> Result<TestRun, RunError> {
        use ProgType::*;
        let prog_type = self.prog_type();
        match prog_type {
            Kprobe | Tracepoint | RawTracepoint | PerfEvent | Syscall => self.run_plain(spec),
            Xdp => {
                if let Some(only @ (AttachType::XdpDevmap | AttachType::XdpCpumap)) = AttachType::from_u32(self.expected_attach_type()) {
                    return Err(RunError::AttachType(only));
                }
                let mut xdp = packet::Xdp::new(spec.data, spec.ctx)?;
                let (retval, duration_ns) = self.run_often(&mut xdp.ctx, spec.repeat)?;
                let (data, ctx) = xdp.finish();
                Ok(TestRun { retval, duration_ns, data, ctx })
            }
            SchedCls | SchedAct | SocketFilter => {
                let mut skb = packet::Skb::new(spec.data, spec.ctx, prog_type != SocketFilter)?;
                let (retval, duration_ns) = self.run_often(&mut skb.ctx, spec.repeat)?;
                let (data, ctx) = skb.finish();
                Ok(TestRun { retval, duration_ns, data, ctx })
            }
            _ => Err(RunError::Type(prog_type)),
        }
    }

    /// With a context of the caller's and nothing else.
    fn run_plain(&self, spec: &TestRunSpec<'_>) -> Result<TestRun, RunError> {
        let layout = CtxLayout::of(self.prog_type(), self.expected_attach_type(), ARCH).ok_or(RunError::Type(self.prog_type()))?;
        let (given, most) = (spec.ctx.unwrap_or_default(), layout.size as usize);
        if !spec.data.is_empty() {
            return Err(RunError::NoPacket(self.prog_type()));
        }
        if given.len() > most {
            return Err(RunError::Context { given: given.len(), most });
        }
        let mut bytes = given.to_vec();
        bytes.resize(layout.memory as usize, 0);
        let mut words = Words::of(&bytes);
        let (retval, duration_ns) = self.run_often(&mut words, spec.repeat)?;
        let mut ctx = words.bytes().to_vec();
        ctx.truncate(given.len());
        Ok(TestRun { retval, duration_ns, data: Vec::new(), ctx })
    }

    /// R0 of the last run, and nanoseconds a run. The clock is read once for many runs, but not for so many that IRQs stay off for long.
    fn run_often(&self, ctx: &mut Words, repeat: u32) -> Result<(u64, u64), RunError> {
        const LONG_NS: u64 = 100_000;
        let repeat = repeat.max(1);
        let (mut left, mut batch, mut retval, mut spent) = (repeat, 1u32, 0, 0);
        while left > 0 {
            let times = batch.min(left);
            let irqs_off = IrqGuard::new();
            let begin = monotonic_ns();
            retval = run::test(&irqs_off, self, &mut ctx.0, times).ok_or(RunError::Busy)?;
            let took = monotonic_ns().saturating_sub(begin);
            drop(irqs_off);
            spent += took;
            left -= times;
            if took < LONG_NS / 2 {
                batch = batch.saturating_mul(2);
            } else if took > LONG_NS {
                batch = (batch / 2).max(1);
            }
        }
        Ok((retval, spent / u64::from(repeat)))
    }
}
