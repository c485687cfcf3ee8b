//! Prototypes of helpers and kfuncs as data: the verifier checks calls against them.
use crate::{MapType, ProgType};

/// What an argument has to be (Linux: `enum bpf_arg_type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arg {
    /// Any initialised value (ARG_ANYTHING).
    Anything,
    /// A number, no pointer (a kfunc's integer parameter).
    Scalar,
    /// A number that is known when the program is loaded (a kfunc's `__k` parameter).
    ConstScalar,
    /// The program's context.
    Ctx {
        /// May be null.
        nullable: bool,
    },
    /// A map of one of these types, known at load; it decides the sizes of [`Arg::MapKey`] and [`Arg::MapValue`].
    MapPtr(&'static [MapType]),
    /// Readable memory of the map's key size.
    MapKey,
    /// Memory of the map's value size.
    MapValue {
        /// What the helper does with it.
        access: Access,
        /// May be null.
        nullable: bool,
    },
    /// Memory; its size in bytes is the next argument, an [`Arg::Size`] or [`Arg::AllocSize`].
    Mem {
        /// What the helper does with it.
        access: Access,
        /// May be null: before an [`Arg::Size`] if the size is 0, before an [`Arg::AllocSize`] always.
        nullable: bool,
    },
    /// Memory of this size (ARG_PTR_TO_FIXED_SIZE_MEM; `long`, `int` or a struct of the kernel).
    FixedMem {
        /// Bytes.
        size: u32,
        /// Alignment that it needs in bytes.
        align: u32,
        /// What the helper does with it.
        access: Access,
    },
    /// Size in bytes of the memory in the argument before; at least 1 unless `zero`.
    Size {
        /// May be 0.
        zero: bool,
    },
    /// Constant size in bytes of the memory that the call returns (ARG_CONST_ALLOC_SIZE_OR_ZERO), and of an [`Arg::Mem`] before (`__szk`).
    AllocSize,
    /// Memory that the program holds from `bpf_ringbuf_reserve`; it is given back by the call.
    RingbufRecord,
    /// A dynptr on the stack, or one passed to a callback.
    Dynptr {
        /// What the call does with it.
        state: DynptrState,
    },
    /// An open-coded iterator on the stack.
    Iter {
        /// Which.
        kind: IterKind,
        /// What the call does with it.
        state: IterState,
    },
    /// A `struct bpf_spin_lock` in a map value.
    SpinLock,
    /// A `struct bpf_timer` in a map value.
    Timer,
    /// A kernel pointer in a map value, untyped access to its field.
    Kptr,
    /// What goes into the [`Arg::Kptr`] before: a pointer of its type that the program holds, which the call takes over, or null.
    KptrOrNull,
    /// A NUL-terminated string in a frozen read-only map.
    ConstStr,
    /// A function of the program that the helper calls back.
    Callback(Callback),
    /// Pointer into the stack, or null: passed to callbacks as it is.
    StackOrNull,
    /// A socket of one of the kinds that the struct covers (ARG_PTR_TO_SOCK_COMMON, ARG_PTR_TO_SOCKET, BTF pointers of sockets).
    Sock {
        /// The call gives the reference back (OBJ_RELEASE).
        release: bool,
        /// May be null.
        nullable: bool,
        /// `sock_common` is enough; otherwise a full socket is asked for.
        common: bool,
    },
    /// Pointer to this struct of the kernel (ARG_PTR_TO_BTF_ID).
    Btf {
        /// Name of the struct.
        name: &'static str,
        /// The call gives the reference back.
        release: bool,
        /// May be null.
        nullable: bool,
    },
    /// Address of a per-CPU variable of the kernel.
    PercpuBtf,
    /// Any number whatever, or a pointer that is only taken as a number: an address that the helper reads with fault recovery.
    UnsafeAddr,
    /// Where `bpf_local_irq_save` keeps what `bpf_local_irq_restore` needs: 8 bytes of stack.
    IrqFlag {
        /// It is filled; else it was, and is used up.
        save: bool,
    },
}

/// What a callee does with memory it is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Only reads: the program must have initialised it.
    Read,
    /// Fills it: it may be uninitialised before and is initialised after (MEM_UNINIT).
    Write,
    /// Reads and writes (MEM_WRITE): it must be initialised.
    ReadWrite,
}

/// What a call does with a dynptr.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DynptrState {
    /// Makes one in uninitialised stack, over memory of this kind.
    Init(DynptrKind),
    /// Uses one of any kind. `rdonly`: the call does not change the dynptr itself (MEM_RDONLY).
    Use {
        /// See above.
        rdonly: bool,
    },
    /// Uses up one over a ring buffer (OBJ_RELEASE).
    Release,
}

/// What a dynptr is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DynptrKind {
    /// Memory of the program: a map value.
    Local,
    /// A record of a ring buffer.
    Ringbuf,
    /// A packet of tc or socket programs.
    Skb,
    /// A packet of XDP programs.
    Xdp,
    /// The same as the first argument (`bpf_dynptr_clone`).
    Clone,
}

/// Open-coded iterators (Linux: `BTF_KFUNCS` with KF_ITER_*).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IterKind {
    /// `struct bpf_iter_num`: numbers of a range; 8 bytes; `next` answers `int *`.
    Num,
    /// `struct bpf_iter_bits`: set bits of words; 16 bytes; `next` answers `int *`.
    Bits,
}

impl IterKind {
    /// Bytes of the iterator on the stack.
    pub const fn size(self) -> u32 {
        match self {
            IterKind::Num => 8,
            IterKind::Bits => 16,
        }
    }

    /// As messages name it.
    pub const fn name(self) -> &'static str {
        match self {
            IterKind::Num => "num",
            IterKind::Bits => "bits",
        }
    }
}

/// What a call does with an iterator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IterState {
    /// Makes one in uninitialised stack.
    New,
    /// Moves it on; null is its end.
    Next,
    /// Uses it up.
    Destroy,
}

/// How a helper calls a function of the program back: what R1 to R5 hold there, and what it may return.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Callback {
    /// `bpf_for_each_map_elem`: map, key, value, the caller's pointer; returns 0 or 1.
    ForEachMapElem,
    /// `bpf_loop`: index, the caller's pointer; returns 0 or 1.
    Loop,
    /// `bpf_timer_set_callback`: map, key, value; returns 0; runs later, asynchronously.
    Timer,
    /// `bpf_find_vma`: task, vma, the caller's pointer; returns 0.
    FindVma,
    /// `bpf_user_ringbuf_drain`: dynptr, the caller's pointer; returns 0 or 1.
    UserRingbufDrain,
}

/// What a callee returns in R0 (Linux: `enum bpf_return_type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ret {
    /// A number.
    Integer,
    /// A number in this range: what Linux knows of the results of some helpers.
    Range(i64, i64),
    /// At most the largest value that the [`Arg::Size`] can have, at least -4095 (Linux: `do_refine_retval_range`).
    SizeOrErrno,
    /// Nothing: R0 is not readable afterwards.
    Void,
    /// Pointer to the value of the map in the first argument.
    MapValue {
        /// Or null.
        nullable: bool,
    },
    /// A ring buffer record of the size in [`Arg::AllocSize`], or null; has to be submitted or discarded on every path.
    RingbufRecordOrNull,
    /// Memory of the size in [`Arg::AllocSize`], or null: a slice of the dynptr in the first argument.
    DynptrSliceOrNull {
        /// Programs may only read it.
        rdonly: bool,
    },
    /// Memory of this size.
    Mem {
        /// Bytes.
        size: u32,
        /// Or null.
        nullable: bool,
        /// Programs may only read it.
        rdonly: bool,
    },
    /// A socket, or null.
    SockOrNull {
        /// Which struct.
        kind: SockKind,
        /// It is held and has to be released on every path.
        acquire: bool,
    },
    /// Pointer to this struct of the kernel.
    Btf {
        /// Name of the struct.
        name: &'static str,
        /// Or null.
        nullable: bool,
        /// It is held and has to be released on every path.
        acquire: bool,
    },
    /// What was in the [`Arg::Kptr`], or null; it is held and has to be released on every path.
    KptrOrNull,
    /// What the per-CPU variable in the first argument points to on some CPU.
    PercpuVar {
        /// Or null.
        nullable: bool,
    },
}

/// Structs of sockets that programs see.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SockKind {
    /// `struct bpf_sock`, a full socket (PTR_TO_SOCKET).
    Socket,
    /// `struct bpf_sock`, the fields that every socket has (PTR_TO_SOCK_COMMON).
    Common,
    /// `struct bpf_tcp_sock` (PTR_TO_TCP_SOCK).
    Tcp,
}

/// The contract of a helper or a kfunc.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HelperProto {
    /// `call` immediate: its number in `include/uapi/linux/bpf.h`; of a kfunc, its number in [`kfuncs`](crate::kfuncs).
    pub id: u32,
    /// With its prefix `bpf_`.
    pub name: &'static str,
    /// R1 upwards, at most five.
    pub args: &'static [Arg],
    /// R0.
    pub ret: Ret,
    /// Program types that may call it.
    pub progs: Progs,
    /// [`GPL`](HelperProto::GPL) and the like.
    pub flags: u32,
}

impl HelperProto {
    /// Callable only by programs with a GPL-compatible license.
    pub const GPL: u32 = 1 << 0;
    /// Packet memory may be passed as [`Arg::Mem`] (`pkt_access`).
    pub const PKT_ACCESS: u32 = 1 << 1;
    /// The packet may move: pointers to it are void after the call (`bpf_helper_changes_pkt_data`).
    pub const CHANGES_PACKET: u32 = 1 << 2;
    /// It may sleep: only sleepable programs call it, outside RCU, lock and preemption sections (`might_sleep`, KF_SLEEPABLE).
    pub const MIGHT_SLEEP: u32 = 1 << 3;
    /// A kfunc that begins an RCU section; `RCU_UNLOCK` ends it.
    pub const RCU_LOCK: u32 = 1 << 4;
    /// See [`RCU_LOCK`](HelperProto::RCU_LOCK).
    pub const RCU_UNLOCK: u32 = 1 << 5;
    /// A kfunc that begins a section without preemption; `PREEMPT_ENABLE` ends it.
    pub const PREEMPT_DISABLE: u32 = 1 << 6;
    /// See [`PREEMPT_DISABLE`](HelperProto::PREEMPT_DISABLE).
    pub const PREEMPT_ENABLE: u32 = 1 << 7;
    /// The call does not change R1 to R5 if nothing reads them (`bpf_fastcall`).
    pub const FASTCALL: u32 = 1 << 8;

    /// Whether this flag is set.
    pub const fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}

/// A set of program types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progs(u64);

impl Progs {
    /// Every type.
    pub const ALL: Progs = Progs(u64::MAX);
    /// Those that observe the kernel (Linux: `bpf_tracing_func_proto`): kprobe, tracepoint, raw tracepoint, tracing, perf_event, LSM, syscall.
    pub const TRACING: Progs = Progs::of(&[
        ProgType::Kprobe,
        ProgType::Tracepoint,
        ProgType::RawTracepoint,
        ProgType::RawTracepointWritable,
        ProgType::Tracing,
        ProgType::PerfEvent,
        ProgType::Lsm,
        ProgType::Syscall,
    ]);

    /// These types.
    pub const fn of(types: &[ProgType]) -> Progs {
        let (mut set, mut i) = (0, 0);
        while i < types.len() {
            set |= 1 << types[i] as u32;
            i += 1;
        }
        Progs(set)
    }

    /// Both sets together.
    pub const fn and(self, other: Progs) -> Progs {
        Progs(self.0 | other.0)
    }

    /// This set without the other.
    pub const fn without(self, other: Progs) -> Progs {
        Progs(self.0 & !other.0)
    }

    /// Whether the type is in the set.
    pub const fn contains(self, t: ProgType) -> bool {
        self.0 >> t as u32 & 1 != 0
    }
}

/// Whether programs of this license may call helpers that are GPL-only (Linux: `license_is_gpl_compatible`).
pub fn is_gpl_compatible(license: &str) -> bool {
    matches!(license, "GPL" | "GPL v2" | "GPL and additional rights" | "Dual BSD/GPL" | "Dual MIT/GPL" | "Dual MPL/GPL")
}
