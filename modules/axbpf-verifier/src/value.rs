//! What is known of a register.
use crate::scalar::Scalar;
use alloc::string::String;
use axbpf_abi::{DynptrKind, IterKind, SockKind};
use core::fmt::{self, Write};

/// What a register or a spilled register holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Nothing: it must not be read.
    NotInit,
    /// A number.
    Scalar,
    /// The program's context.
    Ctx,
    /// A map itself; the index is that of [`Walk::maps`](crate::walk::Walk).
    Map(u32),
    /// A value of a map.
    MapValue(u32),
    /// A key of a map, as callbacks get it.
    MapKey(u32),
    /// The frame of this number.
    Stack(u8),
    /// The packet; what `Reg::range` says was compared with its end.
    Packet,
    /// Its metadata.
    PacketMeta,
    /// Its end.
    PacketEnd,
    /// So many bytes of memory.
    Mem { size: u32, rdonly: bool, ringbuf: bool },
    /// A socket's fields.
    Sock(SockKind),
    /// `struct bpf_flow_keys`.
    FlowKeys,
    /// A struct of the kernel.
    Btf { name: &'static str, trusted: bool },
    /// A function of the program.
    Func(u32),
    /// A dynptr that somebody else keeps: what callbacks get.
    Dynptr(DynptrKind),
    /// In a stack slot only: half of a dynptr.
    DynptrSlot { kind: DynptrKind, first: bool, rdonly: bool },
    /// In a stack slot only: an open-coded iterator, how often it was moved on, whether it is at its end.
    IterSlot { kind: IterKind, depth: u32, drained: bool, first: bool },
    /// In a stack slot only: what `bpf_local_irq_save` keeps.
    IrqSlot,
}

/// What is known of a register.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reg {
    pub kind: Kind,
    /// A pointer that may be null instead.
    pub or_null: bool,
    /// Pointers: the constant part of the offset.
    pub off: i32,
    /// Packet pointers: bytes behind the pointer's variable part that are there.
    pub range: u32,
    /// Tells pointers of one origin from others: those that are null together, packet pointers with one variable part, values of one lookup.
    /// Numbers with one id are equal, apart from `delta`.
    pub id: u32,
    /// The reference that it came with.
    pub refid: u32,
    /// The dynptr that it is a slice of.
    pub dynid: u32,
    /// Numbers: the distance from the number that `id` names.
    pub delta: i64,
    /// The number, or the variable part of a pointer's offset.
    pub s: Scalar,
    /// Locations of the checkpoint `epoch` that the number was computed from, see [`crate::checkpoint`].
    pub from: u128,
    pub epoch: u32,
}

impl Reg {
    pub const NOT_INIT: Reg = Reg {
        kind: Kind::NotInit,
        or_null: false,
        off: 0,
        range: 0,
        id: 0,
        refid: 0,
        dynid: 0,
        delta: 0,
        s: Scalar::exactly(0),
        from: 0,
        epoch: 0,
    };

    pub const fn scalar(s: Scalar) -> Reg {
        Reg { kind: Kind::Scalar, s, ..Reg::NOT_INIT }
    }

    pub const UNKNOWN: Reg = Reg::scalar(Scalar::UNKNOWN);

    pub const fn exactly(value: u64) -> Reg {
        Reg::scalar(Scalar::exactly(value))
    }

    pub const fn pointer(kind: Kind) -> Reg {
        Reg { kind, ..Reg::NOT_INIT }
    }

    pub const fn pointer_or_null(kind: Kind, id: u32) -> Reg {
        Reg { kind, or_null: true, id, ..Reg::NOT_INIT }
    }

    pub fn is_scalar(&self) -> bool {
        matches!(self.kind, Kind::Scalar)
    }

    pub fn is_pointer(&self) -> bool {
        !matches!(self.kind, Kind::Scalar | Kind::NotInit)
    }

    pub fn is_packet(&self) -> bool {
        matches!(self.kind, Kind::Packet | Kind::PacketMeta)
    }

    /// The constant, if it is one.
    pub fn known(&self) -> Option<u64> {
        if self.is_scalar() { self.s.known() } else { None }
    }

    pub fn is_null(&self) -> bool {
        self.known() == Some(0)
    }

    /// A pointer that is surely not null.
    pub fn is_not_null(&self) -> bool {
        !self.or_null
            && matches!(
                self.kind,
                Kind::Ctx
                    | Kind::Map(_)
                    | Kind::MapValue(_)
                    | Kind::MapKey(_)
                    | Kind::Stack(_)
                    | Kind::Mem { .. }
                    | Kind::Sock(_)
                    | Kind::Func(_)
                    | Kind::FlowKeys
                    | Kind::Btf { trusted: true, .. }
            )
    }

    /// As messages name it (Linux: `reg_type_str`).
    pub fn name(&self) -> String {
        let mut name = String::new();
        let (before, word) = match self.kind {
            Kind::NotInit => ("", "?"),
            Kind::Scalar => ("", "scalar"),
            Kind::Ctx => ("", "ctx"),
            // A lookup in a map of maps: a map, once it is there.
            Kind::Map(_) if self.or_null => ("", "map_value"),
            Kind::Map(_) => ("", "map_ptr"),
            Kind::MapValue(_) => ("", "map_value"),
            Kind::MapKey(_) => ("", "map_key"),
            Kind::Stack(_) => ("", "fp"),
            Kind::Packet => ("", "pkt"),
            Kind::PacketMeta => ("", "pkt_meta"),
            Kind::PacketEnd => ("", "pkt_end"),
            Kind::Mem { rdonly: true, .. } => ("rdonly_", "mem"),
            Kind::Mem { ringbuf: true, .. } => ("ringbuf_", "mem"),
            Kind::Mem { .. } => ("", "mem"),
            Kind::Sock(SockKind::Socket) => ("", "sock"),
            Kind::Sock(SockKind::Common) => ("", "sock_common"),
            Kind::Sock(SockKind::Tcp) => ("", "tcp_sock"),
            Kind::FlowKeys => ("", "flow_keys"),
            Kind::Btf { trusted: true, .. } => ("trusted_", "ptr_"),
            Kind::Btf { .. } => ("", "ptr_"),
            Kind::Func(_) => ("", "func"),
            Kind::Dynptr(_) => ("", "dynptr_ptr"),
            Kind::DynptrSlot { .. } => ("", "dynptr"),
            Kind::IterSlot { .. } => ("", "iter"),
            Kind::IrqSlot => ("", "irq"),
        };
        let _ = write!(name, "{before}{word}");
        if let Kind::Btf { name: of, .. } = self.kind {
            name.push_str(if self.or_null { "or_null_" } else { "" });
            name.push_str(of);
        } else if self.or_null {
            name.push_str("_or_null");
        }
        name
    }
}

/// A number as logs print it: decimal where that is short.
pub(crate) struct Num(pub i64);

impl fmt::Display for Num {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Linux: is_snum_decimal, T = S16_MAX.
        if (-0x7fff..=0x7fff).contains(&self.0) { write!(f, "{}", self.0) } else { write!(f, "{:#x}", self.0) }
    }
}

/// The same of an unsigned one.
pub(crate) struct Unum(pub u64);

impl fmt::Display for Unum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 <= 0xffff { write!(f, "{}", self.0) } else { write!(f, "{:#x}", self.0) }
    }
}

impl fmt::Display for crate::tnum::Tnum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_const() { Unum(self.value).fmt(f) } else { write!(f, "({:#x}; {:#x})", self.value, self.mask) }
    }
}
