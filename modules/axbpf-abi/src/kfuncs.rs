//! The prototypes of the kfuncs that exist here. A `call` of one names it by BTF; linked programs by its place in [`ALL`].
//!
//! Sources: `common_btf_ids` in `kernel/bpf/helpers.c` and the sets in `net/core/filter.c` of Linux 6.12; `bpf_local_irq_save` and
//! `bpf_local_irq_restore` are of 6.14. Arguments are what the suffixes of C's parameter names say (`Documentation/bpf/kfuncs.rst`), and all
//! are for programs of a GPL-compatible license (`add_kfunc_call`).
use crate::{
    Access, Arg, DynptrKind, DynptrState, HelperProto, IterKind, IterState,
    ProgType::{CgroupSkb, LwtIn, LwtOut, LwtSeg6local, LwtXmit, SchedAct, SchedCls, SkSkb, SocketFilter, Xdp},
    Progs, Ret,
};

const CTX: Arg = Arg::Ctx { nullable: false };
// Linux lets each of these take a callback's dynptr; bpf_dynptr_adjust changes it for that callback alone.
const DYNPTR: Arg = Arg::Dynptr { state: DynptrState::Use { rdonly: true } };
/// `buffer__opt`, where the slice is copied to if the packet does not have it in one piece.
const BUFFER: Arg = Arg::Mem { access: Access::Write, nullable: true };
/// Answer of the iterators here: `int *`.
const INT_OR_NULL: Ret = Ret::Mem { size: 4, nullable: true, rdonly: true };

/// Kfuncs of the common set.
const EVERYONE: Progs = Progs::ALL;
/// Those whose context is a packet with `struct __sk_buff`.
const SKB: Progs = Progs::of(&[SchedCls, SchedAct, SkSkb, SocketFilter, CgroupSkb, LwtIn, LwtOut, LwtXmit, LwtSeg6local]);
const XDP: Progs = Progs::of(&[Xdp]);

const fn init(kind: DynptrKind) -> Arg {
    Arg::Dynptr { state: DynptrState::Init(kind) }
}
const fn iter(kind: IterKind, state: IterState) -> Arg {
    Arg::Iter { kind, state }
}

/// Rows: name here, id, name, arguments, result, program types, then a flag of [`HelperProto`].
macro_rules! protos {
    ($($konst:ident = $id:literal, $name:literal, [$($arg:expr),*], $ret:expr, $progs:expr $(, $flag:ident)?;)*) => {
        $(#[doc = concat!("`", $name, "`.")]
        pub const $konst: HelperProto = HelperProto {
            id: $id, name: $name, args: &[$($arg),*], ret: $ret, progs: $progs, flags: HelperProto::GPL $(| HelperProto::$flag)?,
        };)*
        /// Every prototype: that of kfunc `id` is at `id`.
        pub const ALL: &[HelperProto] = &[$($konst),*];
    };
}

protos! {
    ITER_NUM_NEW = 0, "bpf_iter_num_new", [iter(IterKind::Num, IterState::New), Arg::Scalar, Arg::Scalar], Ret::Integer, EVERYONE;
    ITER_NUM_NEXT = 1, "bpf_iter_num_next", [iter(IterKind::Num, IterState::Next)], INT_OR_NULL, EVERYONE;
    ITER_NUM_DESTROY = 2, "bpf_iter_num_destroy", [iter(IterKind::Num, IterState::Destroy)], Ret::Void, EVERYONE;
    ITER_BITS_NEW = 3, "bpf_iter_bits_new", [iter(IterKind::Bits, IterState::New), Arg::UnsafeAddr, Arg::Scalar], Ret::Integer, EVERYONE;
    ITER_BITS_NEXT = 4, "bpf_iter_bits_next", [iter(IterKind::Bits, IterState::Next)], INT_OR_NULL, EVERYONE;
    ITER_BITS_DESTROY = 5, "bpf_iter_bits_destroy", [iter(IterKind::Bits, IterState::Destroy)], Ret::Void, EVERYONE;
    RCU_READ_LOCK = 6, "bpf_rcu_read_lock", [], Ret::Void, EVERYONE, RCU_LOCK;
    RCU_READ_UNLOCK = 7, "bpf_rcu_read_unlock", [], Ret::Void, EVERYONE, RCU_UNLOCK;
    PREEMPT_DISABLE = 8, "bpf_preempt_disable", [], Ret::Void, EVERYONE, PREEMPT_DISABLE;
    PREEMPT_ENABLE = 9, "bpf_preempt_enable", [], Ret::Void, EVERYONE, PREEMPT_ENABLE;
    DYNPTR_ADJUST = 10, "bpf_dynptr_adjust", [DYNPTR, Arg::Scalar, Arg::Scalar], Ret::Integer, EVERYONE;
    DYNPTR_IS_NULL = 11, "bpf_dynptr_is_null", [DYNPTR], Ret::Integer, EVERYONE;
    DYNPTR_IS_RDONLY = 12, "bpf_dynptr_is_rdonly", [DYNPTR], Ret::Integer, EVERYONE;
    DYNPTR_SIZE = 13, "bpf_dynptr_size", [DYNPTR], Ret::Integer, EVERYONE;
    DYNPTR_CLONE = 14, "bpf_dynptr_clone", [DYNPTR, init(DynptrKind::Clone)], Ret::Integer, EVERYONE;
    DYNPTR_SLICE = 15, "bpf_dynptr_slice", [DYNPTR, Arg::Scalar, BUFFER, Arg::AllocSize], Ret::DynptrSliceOrNull { rdonly: true }, EVERYONE;
    DYNPTR_SLICE_RDWR = 16, "bpf_dynptr_slice_rdwr", [DYNPTR, Arg::Scalar, BUFFER, Arg::AllocSize], Ret::DynptrSliceOrNull { rdonly: false }, EVERYONE; // only programs that may write packets
    DYNPTR_FROM_SKB = 17, "bpf_dynptr_from_skb", [CTX, Arg::Scalar, init(DynptrKind::Skb)], Ret::Integer, SKB;
    DYNPTR_FROM_XDP = 18, "bpf_dynptr_from_xdp", [CTX, Arg::Scalar, init(DynptrKind::Xdp)], Ret::Integer, XDP;
    LOCAL_IRQ_SAVE = 19, "bpf_local_irq_save", [Arg::IrqFlag { save: true }], Ret::Void, EVERYONE;
    LOCAL_IRQ_RESTORE = 20, "bpf_local_irq_restore", [Arg::IrqFlag { save: false }], Ret::Void, EVERYONE;
}

/// The prototype of the kfunc with this id.
pub fn by_id(id: u32) -> Option<&'static HelperProto> {
    ALL.get(usize::try_from(id).ok()?)
}

/// The prototype of the kfunc with this name, `bpf_` included.
pub fn by_name(name: &str) -> Option<&'static HelperProto> {
    ALL.iter().find(|p| p.name == name)
}
