//! Arguments of helpers and kfuncs against their prototypes (Linux: `check_func_arg` and what it calls).
use crate::alu::MAX_VAR_OFF;
use crate::memory::Region;
use crate::reason::{Step, refuse};
use crate::value::{Kind, Reg};
use crate::walk::Walk;
use alloc::vec::Vec;
use axbpf_abi::flags::BPF_F_RDONLY_PROG;
use axbpf_abi::{Access, Arg, Callback, HelperProto, MapType, SockKind, helpers as ids};
use axbpf_isa::Reg as R;

/// What was found out about the arguments of a call.
#[derive(Default)]
pub(crate) struct Meta {
    /// The map.
    pub map: Option<u32>,
    /// The size that the call returns memory of.
    pub alloc_size: Option<u32>,
    /// The reference that an argument came with.
    pub refid: Option<u32>,
    /// The one that the call gives back.
    pub release: Option<u32>,
    /// Id and reference of the dynptr.
    pub dynptr: Option<(u32, u32)>,
    /// What it is over may only be read.
    pub rdonly: bool,
    pub callback: Option<Callback>,
    pub subprog: Option<u32>,
    /// The lock: its map and the value's id.
    pub lock: Option<(u32, u32)>,
    /// The iterator that is moved on: frame and slot.
    pub next: Option<(usize, usize)>,
    /// The constant format.
    pub format: Option<Vec<u8>>,
    /// The most that the size may be.
    pub most: Option<u64>,
    /// The timer's map.
    timer: Option<u32>,
    /// Its type is not one that the callee takes.
    wrong_map: bool,
}

const MEMORY: &str = "fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_";
const KEYS: &str = "fp, pkt, pkt_meta, map_key, map_value";

fn wrong_type<T>(reg: R, value: &Reg, expected: &str) -> Step<T> {
    let name = value.name();
    let hint = match value.kind {
        _ if value.or_null => "compare it with null first",
        _ => "",
    };
    refuse!(Call, "{reg} type={name} expected={expected}" => hint)
}

impl Walk<'_> {
    pub(crate) fn args(&mut self, proto: &'static HelperProto) -> Step<Meta> {
        let mut meta = Meta::default();
        let mut before: Option<(R, Reg, Access, bool)> = None;
        for (i, arg) in proto.args.iter().enumerate() {
            let Some(reg) = R::new(i as u8 + 1) else { break };
            let value = self.read(reg)?;
            self.check_packet_arg(proto, arg, &value)?;
            if value.refid != 0 && !matches!(arg, Arg::Dynptr { .. }) && value.is_pointer() {
                if let Some(other) = meta.refid.filter(|&other| other != value.refid) {
                    return refuse!(Call, "more than one arg with ref_obj_id {reg} {} {other}", value.refid);
                }
                meta.refid = Some(value.refid);
            }
            match *arg {
                Arg::Mem { access, nullable } => before = Some((reg, value, access, nullable)),
                // The size of the memory that is returned may be that of a buffer for it too.
                Arg::AllocSize if before.is_some() => {
                    let Some((at, ptr, access, _)) = before.take() else { continue };
                    if !ptr.is_null() {
                        self.memory_and_size(at, &ptr, access, true, reg, &value, true, &mut meta)?;
                    }
                    self.arg(proto, arg, i, reg, value, &mut meta)?;
                }
                Arg::Size { zero } => {
                    let Some((at, ptr, access, nullable)) = before.take() else { continue };
                    self.memory_and_size(at, &ptr, access, nullable, reg, &value, zero, &mut meta)?;
                }
                _ => self.arg(proto, arg, i, reg, value, &mut meta)?,
            }
        }
        if let (true, Some(map)) = (meta.wrong_map, meta.map) {
            let (map_type, name, id) = (self.maps[map as usize].map_type as u32, proto.name, proto.id);
            return match id {
                _ if id == ids::TAIL_CALL.id => refuse!(Call, "expected prog array map for tail call"),
                _ if id == ids::FOR_EACH_MAP_ELEM.id => refuse!(Call, "callback function not allowed for map"),
                _ => refuse!(Call, "cannot pass map_type {map_type} into func {name}#{id}"),
            };
        }
        Ok(meta)
    }

    fn check_packet_arg(&self, proto: &HelperProto, arg: &Arg, value: &Reg) -> Step {
        let memory = matches!(arg, Arg::Mem { .. } | Arg::MapKey | Arg::MapValue { .. } | Arg::FixedMem { .. });
        if memory && value.is_packet() && !proto.has(HelperProto::PKT_ACCESS) {
            return refuse!(Call, "helper access to the packet is not allowed" => "copy it to the stack first");
        }
        Ok(())
    }

    fn arg(&mut self, proto: &'static HelperProto, arg: &Arg, i: usize, reg: R, value: Reg, meta: &mut Meta) -> Step {
        match *arg {
            Arg::Anything | Arg::UnsafeAddr => {}
            Arg::Scalar | Arg::ConstScalar => {
                if !value.is_scalar() {
                    return refuse!(Call, "{reg} is not a scalar");
                }
                if *arg == Arg::ConstScalar {
                    if value.known().is_none() {
                        return refuse!(Call, "{reg} must be a known constant");
                    }
                    self.rely_on(value.from);
                }
            }
            Arg::Ctx { nullable } => {
                if nullable && value.is_null() {
                    return Ok(());
                }
                if value.kind != Kind::Ctx || value.or_null {
                    return wrong_type(reg, &value, "ctx");
                }
                self.check_ctx_pointer(reg, &value)?;
            }
            Arg::MapPtr(types) => {
                let (Kind::Map(map), false) = (value.kind, value.or_null) else { return wrong_type(reg, &value, "map_ptr") };
                self.check_unmoved(reg, &value, "")?;
                if meta.timer.is_some_and(|timer| timer != map) {
                    return refuse!(Call, "timer pointer in R1 map_uid=0 doesn't match map pointer in R2 map_uid=0");
                }
                let info = &self.maps[map as usize];
                // Said when the other arguments were looked at, as Linux does.
                meta.wrong_map = !types.contains(&info.map_type);
                let changes = [ids::MAP_UPDATE_ELEM.id, ids::MAP_DELETE_ELEM.id, ids::MAP_PUSH_ELEM.id, ids::MAP_POP_ELEM.id];
                if changes.contains(&proto.id) && info.flags & BPF_F_RDONLY_PROG != 0 {
                    return refuse!(Call, "write into map forbidden" => "programs may only read it");
                }
                meta.map = Some(map);
            }
            Arg::MapKey => {
                let Some(map) = meta.map else { return refuse!(Call, "invalid map_ptr to access map->key") };
                if !is_memory(&value, false) {
                    return wrong_type(reg, &value, KEYS);
                }
                let size = self.maps[map as usize].key_size;
                self.check_memory(reg, &value, size, Access::Read, false, true)?;
                // A key that is the same on every path may become part of inline code.
                if let (Kind::Stack(frame), Some(by)) = (value.kind, value.s.known()) {
                    self.remember_key(usize::from(frame), i64::from(value.off) + by as i64, size);
                }
            }
            Arg::MapValue { access, nullable } => {
                if nullable && value.is_null() {
                    return Ok(());
                }
                let Some(map) = meta.map else { return refuse!(Call, "invalid map_ptr to access map->value") };
                if !is_memory(&value, false) {
                    return wrong_type(reg, &value, KEYS);
                }
                let size = self.maps[map as usize].value_size;
                self.check_memory(reg, &value, size, access, false, true)?;
            }
            Arg::FixedMem { size, align, access } => {
                if !is_memory(&value, true) {
                    return wrong_type(reg, &value, MEMORY);
                }
                self.check_memory(reg, &value, size, access, false, true)?;
                self.check_alignment(&value, 0, align.max(1), true)?;
            }
            // Handled with their sizes, or their memory.
            Arg::Mem { .. } | Arg::Size { .. } => {}
            Arg::AllocSize => {
                let Some(size) = value.known() else {
                    return refuse!(Call, "{reg} is not a known constant" => "the size of a record is a constant");
                };
                self.rely_on(value.from);
                let Ok(size) = u32::try_from(size) else { return refuse!(Call, "{reg} is not a known constant") };
                meta.alloc_size = Some(size);
            }
            Arg::RingbufRecord => {
                let (Kind::Mem { ringbuf: true, .. }, false) = (value.kind, value.or_null) else {
                    return wrong_type(reg, &value, "ringbuf_mem");
                };
                if value.off != 0 {
                    return refuse!(Call, "{reg} must have zero offset when passed to release func or trusted arg to kfunc"
                        => "pass the pointer that bpf_ringbuf_reserve returned");
                }
                self.check_unmoved(reg, &value, "pass the pointer that bpf_ringbuf_reserve returned")?;
                if value.refid == 0 {
                    return refuse!(Call, "arg {} is an unacquired reference", i + 1);
                }
                meta.release = Some(value.refid);
            }
            Arg::Dynptr { state } => self.dynptr_arg(reg, i, &value, state, meta)?,
            Arg::Iter { kind, state } => self.iter_arg(reg, &value, kind, state, meta)?,
            Arg::SpinLock => meta.lock = Some(self.lock_arg(reg, &value)?),
            Arg::Timer => meta.timer = Some(self.timer_arg(reg, &value)?),
            Arg::Kptr | Arg::KptrOrNull => {
                let Kind::MapValue(_) = value.kind else { return wrong_type(reg, &value, "map_value") };
                return refuse!(Unsupported, "{reg} has no valid kptr" => "kernel pointers in maps do not exist here");
            }
            Arg::ConstStr => meta.format = Some(self.const_str(reg, &value)?),
            Arg::Callback(callback) => {
                let Kind::Func(subprog) = value.kind else { return wrong_type(reg, &value, "func") };
                (meta.callback, meta.subprog) = (Some(callback), Some(subprog));
                if callback == Callback::Timer {
                    meta.map = meta.timer;
                }
            }
            Arg::StackOrNull => {
                if !value.is_null() && !matches!(value.kind, Kind::Stack(_)) {
                    return wrong_type(reg, &value, "fp");
                }
            }
            Arg::Sock { release, nullable, common } => {
                if nullable && value.is_null() {
                    return Ok(());
                }
                let fits = match value.kind {
                    Kind::Sock(SockKind::Common) => common,
                    Kind::Sock(_) | Kind::Btf { trusted: true, .. } => true,
                    _ => false,
                };
                if !fits || value.or_null {
                    return wrong_type(
                        reg,
                        &value,
                        if common { "sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_" } else { "sock" },
                    );
                }
                self.check_unmoved(reg, &value, "")?;
                if release {
                    if value.refid == 0 {
                        return refuse!(Call, "{reg} must be referenced when passed to release function");
                    }
                    meta.release = Some(value.refid);
                }
            }
            Arg::Btf { name, release, nullable } => {
                if nullable && value.is_null() {
                    return Ok(());
                }
                let fits = matches!(value.kind, Kind::Btf { name: of, trusted } if of == name && trusted);
                if !fits || value.or_null {
                    return wrong_type(reg, &value, "ptr_, trusted_ptr_, rcu_ptr_");
                }
                if release {
                    meta.release = Some(value.refid).filter(|&id| id != 0);
                }
            }
            Arg::PercpuBtf => return wrong_type(reg, &value, "percpu_ptr_, percpu_rcu_ptr_, percpu_trusted_ptr_"),
            Arg::IrqFlag { save } => self.irq_arg(reg, &value, save)?,
        }
        Ok(())
    }

    /// Memory and the argument that says how much of it (Linux: `check_mem_size_reg`).
    #[expect(clippy::too_many_arguments, reason = "two arguments of a call, and what each has to be")]
    fn memory_and_size(
        &mut self,
        at: R,
        ptr: &Reg,
        access: Access,
        nullable: bool,
        reg: R,
        size: &Reg,
        zero: bool,
        meta: &mut Meta,
    ) -> Step {
        if !size.is_scalar() {
            return wrong_type(reg, size, "scalar");
        }
        let null = nullable && ptr.is_null();
        let ptr = &Reg { or_null: ptr.or_null && !nullable, ..*ptr };
        if !null && !is_memory(ptr, true) {
            return wrong_type(at, ptr, MEMORY);
        }
        let s = &size.s;
        if s.smin < 0 {
            return refuse!(Call, "{reg} min value is negative, either use unsigned or 'var &= const'" => "bound the size");
        }
        if s.umin == 0 && !zero {
            let (min, max) = (s.umin, s.umax);
            return refuse!(Call, "{reg} invalid zero-sized read: u64=[{min},{max}]" => "the size may not be 0");
        }
        if s.umax >= MAX_VAR_OFF as u64 {
            return refuse!(Call, "{reg} unbounded memory access, use 'var &= const' or 'if (var < const)'");
        }
        let (most, known) = (s.umax, s.known().is_some());
        meta.most = Some(most);
        if null {
            if most != 0 {
                return wrong_type(at, ptr, MEMORY);
            }
        } else {
            let Ok(most) = u32::try_from(most) else { return refuse!(Call, "{reg} unbounded memory access") };
            self.check_memory(at, ptr, most, access, zero, known)?;
        }
        self.rely_on(size.from);
        Ok(())
    }

    /// Memory that the callee uses: `size` bytes at most; `exact`: just so many (Linux: `check_helper_mem_access`).
    pub(crate) fn check_memory(&mut self, reg: R, ptr: &Reg, size: u32, access: Access, zero: bool, exact: bool) -> Step {
        let name = ptr.name();
        if ptr.or_null {
            return wrong_type(reg, ptr, MEMORY);
        }
        let off = i64::from(ptr.off);
        match ptr.kind {
            Kind::Packet | Kind::PacketMeta => {
                if access != Access::Read && !self.packet_writable() {
                    return refuse!(Memory, "cannot write into packet");
                }
                if size == 0 && zero { Ok(()) } else { self.check_packet(reg, ptr, off, size.into()) }
            }
            Kind::MapKey(map) => {
                if access != Access::Read {
                    return refuse!(Memory, "{reg} cannot write into {name}");
                }
                let has = self.maps[map as usize].key_size;
                self.check_region(reg, ptr, off, size.into(), has, Region::MapKey)
            }
            Kind::MapValue(map) => self.check_map_value(reg, ptr, map, off, size.into(), access),
            Kind::Mem { size: has, rdonly, .. } => {
                if access != Access::Read && rdonly {
                    return refuse!(Memory, "{reg} cannot write into {name}");
                }
                self.check_region(reg, ptr, off, size.into(), has, Region::Mem)
            }
            Kind::Stack(frame) => {
                if size == 0 {
                    return if zero {
                        self.stack_span(reg, ptr, frame.into(), off, 0, access).map(|_| ())
                    } else {
                        refuse!(Memory, "invalid zero-sized read")
                    };
                }
                self.stack_for_helper(reg, ptr, frame.into(), size, access, access == Access::Write && exact)
            }
            Kind::Btf { trusted: true, .. } if access == Access::Read => Ok(()),
            Kind::Ctx if self.request.prog_type == axbpf_abi::ProgType::Syscall => {
                self.check_region(reg, ptr, off, size.into(), self.request.ctx.size, Region::Mem)
            }
            _ => wrong_type(reg, ptr, MEMORY),
        }
    }

    fn packet_writable(&self) -> bool {
        use axbpf_abi::ProgType::*;
        matches!(self.request.prog_type, SchedCls | SchedAct | Xdp | LwtXmit | SkSkb | SkMsg)
    }

    /// A NUL-terminated string that cannot change (Linux: `check_reg_const_str`).
    fn const_str(&mut self, reg: R, value: &Reg) -> Step<Vec<u8>> {
        let (Kind::MapValue(map), false) = (value.kind, value.or_null) else { return wrong_type(reg, value, "map_value") };
        let info = &self.maps[map as usize];
        let (Some(contents), true) = (info.contents.clone(), info.flags & BPF_F_RDONLY_PROG != 0) else {
            return refuse!(Call, "{reg} does not point to a readonly map'" => "formats stand in .rodata");
        };
        let Some(by) = value.s.known() else { return refuse!(Call, "{reg} is not a constant address'") };
        let off = i64::from(value.off) + by as i64;
        self.check_map_value(reg, value, map, value.off.into(), 1, Access::Read)?;
        let text = usize::try_from(off).ok().and_then(|off| contents.get(off..)).unwrap_or_default();
        if !text.contains(&0) {
            return refuse!(Call, "string is not zero-terminated");
        }
        Ok(text.to_vec())
    }

    /// A key on the stack whose bytes are constant.
    fn remember_key(&mut self, frame: usize, off: i64, size: u32) {
        if size > 8 || off % 8 != 0 && off % i64::from(size.max(1)) != 0 {
            return;
        }
        let slot = crate::stack::slot_of(off);
        let Some((value, spilled)) = self.state.frames[frame].stack.get(slot).and_then(|slot| slot.spilled()) else {
            return self.learnt.no_key(self.at);
        };
        match value.known().filter(|_| off % 8 == 0 && spilled >= size) {
            Some(key) => {
                let from = self.source_of(value, crate::checkpoint::slot_bit(frame, slot));
                let key = key & crate::tnum::low(size * 8);
                if self.learnt.key(self.at, key) {
                    // Other paths here are compared by it from now on.
                    self.rely_on(from);
                }
            }
            None => self.learnt.no_key(self.at),
        }
    }

    /// What a map may not be used for by programs of this type (Linux: `check_map_prog_compatibility`).
    pub(crate) fn check_map_of_prog(&self, map: &crate::MapInfo) -> Step {
        use axbpf_abi::ProgType::*;
        let prog_type = self.request.prog_type;
        let tracing = matches!(prog_type, Kprobe | Tracepoint | PerfEvent | RawTracepoint | RawTracepointWritable);
        if map.fields.spin_lock.is_some() {
            if prog_type == SocketFilter {
                return refuse!(Resource, "socket filter progs cannot use bpf_spin_lock yet");
            }
            if tracing {
                return refuse!(Resource, "tracing progs cannot use bpf_spin_lock yet");
            }
        }
        if map.fields.timer.is_some() && tracing {
            return refuse!(Resource, "tracing progs cannot use bpf_timer yet");
        }
        if map.map_type == MapType::StructOps {
            return refuse!(Call, "bpf_struct_ops map cannot be used in prog");
        }
        Ok(())
    }
}

/// Whether a register points to memory that callees may use; `any`: also to that of helpers and of the kernel.
fn is_memory(value: &Reg, any: bool) -> bool {
    !value.or_null
        && match value.kind {
            Kind::Stack(_) | Kind::Packet | Kind::PacketMeta | Kind::MapKey(_) | Kind::MapValue(_) => true,
            Kind::Mem { .. } => true,
            Kind::Btf { trusted: true, .. } | Kind::Ctx => any,
            _ => false,
        }
}
