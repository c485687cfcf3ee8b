//! Loads and stores: whether the memory that a pointer names may be used so (Linux: `check_mem_access` and what it calls).
use crate::alu::MAX_VAR_OFF;
use crate::reason::{Step, refuse};
use crate::scalar::Scalar;
use crate::tnum::Tnum;
use crate::value::{Kind, Reg};
use crate::walk::Walk;
use alloc::string::String;
use axbpf_abi::flags::{BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG};
use axbpf_abi::{Access, FieldKind, ProgType, SockKind};
use axbpf_isa::{AtomicOp, Operand, Size};

/// What is stored.
pub(crate) enum Source<'a> {
    Reg(&'a Reg),
    Imm(i32),
    /// Some bytes: what a helper or an atomic operation leaves.
    Some,
}

impl Walk<'_> {
    pub(crate) fn load(&mut self, size: Size, sx: bool, dst: axbpf_isa::Reg, src: axbpf_isa::Reg, off: i16) -> Step {
        let ptr = self.read(src)?;
        if dst == axbpf_isa::Reg::R10 {
            return refuse!(Register, "frame pointer is read only" => "copy R10 to another register");
        }
        let mut value = self.access(src, &ptr, off.into(), size.bytes(), Access::Read, None, false)?;
        self.one_kind_of_pointer(&ptr)?;
        if value.is_scalar() {
            let bits = size.bytes() * 8;
            let s = if sx { value.s.sign_extend(bits) } else { value.s.truncate(bits) };
            if s != value.s {
                (value.s, value.id, value.delta) = (s, 0, 0);
            }
        }
        self.set(dst, value)
    }

    pub(crate) fn store(&mut self, size: Size, dst: axbpf_isa::Reg, off: i16, src: Operand) -> Step {
        let value = match src {
            Operand::Reg(reg) => Some(self.read(reg)?),
            Operand::Imm(_) => None,
        };
        let ptr = self.read(dst)?;
        let source = match (src, &value) {
            (Operand::Reg(reg), Some(value)) => {
                // What is spilled is still the same number.
                if matches!(ptr.kind, Kind::Stack(_)) && value.is_scalar() && value.id == 0 && value.s.known().is_none() {
                    let id = self.new_id();
                    (self.state.frame_mut().regs[reg.index()].id, self.state.frame_mut().regs[reg.index()].delta) = (id, 0);
                    return self.store(size, dst, off, src);
                }
                Source::Reg(value)
            }
            (Operand::Imm(imm), _) => Source::Imm(imm),
            _ => Source::Some,
        };
        self.access(dst, &ptr, off.into(), size.bytes(), Access::Write, Some(source), false)?;
        self.one_kind_of_pointer(&ptr)
    }

    pub(crate) fn atomic(&mut self, op: AtomicOp, size: Size, dst: axbpf_isa::Reg, off: i16, src: axbpf_isa::Reg) -> Step {
        self.read(src)?;
        let ptr = self.read(dst)?;
        if op == AtomicOp::Cmpxchg {
            self.read(axbpf_isa::Reg::R0)?;
        }
        let name = ptr.name();
        if matches!(ptr.kind, Kind::Ctx | Kind::Packet | Kind::PacketMeta | Kind::FlowKeys | Kind::Sock(_)) {
            return refuse!(Memory, "BPF_ATOMIC stores into {dst} {name} is not allowed");
        }
        let fetched = match op {
            AtomicOp::Add { fetch } | AtomicOp::Or { fetch } | AtomicOp::And { fetch } | AtomicOp::Xor { fetch } => fetch.then_some(src),
            AtomicOp::Xchg => Some(src),
            AtomicOp::Cmpxchg => Some(axbpf_isa::Reg::R0),
        };
        if fetched == Some(axbpf_isa::Reg::R10) {
            return refuse!(Register, "frame pointer is read only" => "copy R10 to another register");
        }
        let (off, bytes) = (off.into(), size.bytes());
        let old = self.access(dst, &ptr, off, bytes, Access::Read, None, true)?;
        self.access(dst, &ptr, off, bytes, Access::Write, Some(Source::Some), true)?;
        self.one_kind_of_pointer(&ptr)?;
        match fetched {
            Some(reg) if old.is_scalar() => self.set(reg, Reg { s: old.s.truncate(bytes * 8), id: 0, delta: 0, ..old }),
            Some(reg) => self.set(reg, old),
            None => Ok(()),
        }
    }

    /// Legacy packet loads (RFC 9669 §5.5).
    pub(crate) fn packet_load(&mut self, index: Option<axbpf_isa::Reg>) -> Step {
        use axbpf_isa::Reg as R;
        if !matches!(self.request.prog_type, ProgType::SocketFilter | ProgType::SchedCls | ProgType::SchedAct) {
            return refuse!(Memory, "BPF_LD_[ABS|IND] instructions not allowed for this program type");
        }
        self.read(R::R6)?;
        self.check_resources("BPF_LD_[ABS|IND]")?;
        if self.reg(R::R6).kind != Kind::Ctx {
            return refuse!(Memory, "at the time of BPF_LD_ABS|IND R6 != pointer to skb" => "R6 has to hold the context");
        }
        let six = *self.reg(R::R6);
        self.check_ctx_pointer(R::R6, &six)?;
        if let Some(index) = index {
            self.read(index)?;
        }
        self.forget_caller_saved();
        self.set(R::R0, Reg::UNKNOWN)
    }

    /// An access of `size` bytes at `ptr + off`. Loads answer what they find.
    #[expect(clippy::too_many_arguments, reason = "where, how much, what for")]
    pub(crate) fn access(
        &mut self,
        reg: axbpf_isa::Reg,
        ptr: &Reg,
        off: i64,
        size: u32,
        access: Access,
        source: Option<Source<'_>>,
        strict: bool,
    ) -> Step<Reg> {
        self.check_alignment(ptr, off, size, strict)?;
        let write = access != Access::Read;
        let at = off + i64::from(ptr.off);
        let name = ptr.name();
        if ptr.or_null {
            return refuse!(Memory, "{reg} invalid mem access '{name}'" => "compare it with null first");
        }
        match ptr.kind {
            Kind::MapKey(map) => {
                if write {
                    return refuse!(Memory, "write to change key {reg} not allowed");
                }
                let key_size = self.maps[map as usize].key_size;
                self.check_region(reg, ptr, at, size.into(), key_size, Region::MapKey)?;
                Ok(Reg::UNKNOWN)
            }
            Kind::MapValue(map) => {
                self.check_map_value(reg, ptr, map, at, size.into(), access)?;
                match ptr.s.known() {
                    Some(by) if !write => Ok(self.constant(map, at + by as i64, size).map_or(Reg::UNKNOWN, Reg::exactly)),
                    _ => Ok(Reg::UNKNOWN),
                }
            }
            Kind::Mem { size: has, rdonly, .. } => {
                if write && rdonly {
                    return refuse!(Memory, "{reg} cannot write into {name}");
                }
                self.check_region(reg, ptr, at, size.into(), has, Region::Mem)?;
                Ok(Reg::UNKNOWN)
            }
            Kind::Ctx => self.access_ctx(reg, ptr, off, size, write),
            Kind::Stack(frame) => match source {
                Some(source) => self.stack_store(reg, ptr, frame.into(), at, size, source).map(|()| Reg::UNKNOWN),
                None => self.stack_load(reg, ptr, frame.into(), at, size),
            },
            Kind::Packet | Kind::PacketMeta => {
                if write && !self.may_write_packet() {
                    return refuse!(Memory, "cannot write into packet" => "programs of this type only read it");
                }
                self.check_packet(reg, ptr, at, size.into())?;
                Ok(Reg::UNKNOWN)
            }
            Kind::FlowKeys => {
                if at < 0 || at + i64::from(size) > FLOW_KEYS_SIZE {
                    return refuse!(Memory, "invalid access to flow keys off={at} size={size}");
                }
                Ok(Reg::UNKNOWN)
            }
            Kind::Sock(kind) => {
                if write {
                    return refuse!(Memory, "{reg} cannot write into {name}");
                }
                self.check_sock(reg, ptr, kind, at, size)?;
                Ok(Reg::UNKNOWN)
            }
            Kind::Btf { .. } => {
                if write {
                    return refuse!(Memory, "only read is supported");
                }
                let var = ptr.s.bits;
                if !var.is_const() || var.value != 0 {
                    return refuse!(Memory, "{reg} is {name} invalid variable offset: off={off}, var_off={var}");
                }
                if at < 0 {
                    return refuse!(Memory, "{reg} is {name} invalid negative access: off={at}");
                }
                // Read with fault recovery, as Linux's PROBE_MEM; what is there is a number until there is BTF to say more.
                self.learnt.fault(self.at);
                Ok(Reg::UNKNOWN)
            }
            Kind::Map(_) => {
                if write {
                    return refuse!(Memory, "only read from bpf_array is supported");
                }
                refuse!(Memory, "{reg} invalid mem access '{name}'" => "a map's own fields cannot be read here; use helpers")
            }
            Kind::Scalar => {
                refuse!(Memory, "{reg} invalid mem access '{name}'" => "it is a number here; read addresses with bpf_probe_read_kernel")
            }
            _ => refuse!(Memory, "{reg} invalid mem access '{name}'"),
        }
    }

    fn may_write_packet(&self) -> bool {
        use ProgType::*;
        matches!(self.request.prog_type, SchedCls | SchedAct | Xdp | LwtXmit | SkSkb | SkMsg)
    }

    /// An instruction accesses the context, or other memory, but not now this and then that: what it becomes depends on it.
    fn one_kind_of_pointer(&mut self, ptr: &Reg) -> Step {
        let special = matches!(ptr.kind, Kind::Ctx | Kind::Sock(_) | Kind::Btf { .. });
        if !self.learnt.pointer(self.at, special) {
            return refuse!(Memory, "same insn cannot be used with different pointers" => "one of them is the context; use an instruction for each");
        }
        Ok(())
    }

    fn access_ctx(&mut self, reg: axbpf_isa::Reg, ptr: &Reg, off: i64, size: u32, write: bool) -> Step<Reg> {
        if self.request.prog_type != ProgType::Syscall {
            self.check_ctx_pointer(reg, ptr)?;
        } else {
            // The caller's own buffer: offsets may vary.
            let at = off + i64::from(ptr.off);
            if ptr.s.known() == Some(0) && (at < 0 || at + i64::from(size) > self.request.ctx.size.into()) {
                return refuse!(Memory, "invalid bpf_context access off={at} size={size}");
            }
            self.check_region(reg, ptr, at, size.into(), self.request.ctx.size, Region::Mem)?;
            return Ok(Reg::UNKNOWN);
        }
        let Some(field) = self.request.ctx.field(off, size, write) else {
            return refuse!(Memory, "invalid bpf_context access off={off} size={size}" => "there is no such field, or it cannot be accessed so");
        };
        if write {
            return Ok(Reg::UNKNOWN);
        }
        if field.stored != field.off {
            self.learnt.rewrite(self.at, field.stored);
        }
        let id = self.new_id();
        Ok(match field.kind {
            FieldKind::Scalar => Reg::UNKNOWN,
            FieldKind::Packet => Reg::pointer(Kind::Packet),
            FieldKind::PacketMeta => Reg::pointer(Kind::PacketMeta),
            FieldKind::PacketEnd => Reg::pointer(Kind::PacketEnd),
            FieldKind::Sock(kind) => Reg { id, ..Reg::pointer(Kind::Sock(kind)) },
            FieldKind::TpBuffer => {
                return refuse!(Unsupported, "invalid bpf_context access off={off} size={size}" => "there are no writable tracepoints here");
            }
            FieldKind::SockOrNull(kind) => Reg::pointer_or_null(Kind::Sock(kind), id),
            FieldKind::FlowKeys => Reg::pointer(Kind::FlowKeys),
        })
    }

    /// The context is used as it came.
    pub(crate) fn check_ctx_pointer(&self, reg: axbpf_isa::Reg, ptr: &Reg) -> Step {
        self.check_unmoved(reg, ptr, "use the unmodified context")
    }

    /// A pointer without any offset (Linux: `__check_ptr_off_reg`).
    pub(crate) fn check_unmoved(&self, reg: axbpf_isa::Reg, ptr: &Reg, hint: &'static str) -> Step {
        let (name, off, var) = (ptr.name(), ptr.off, ptr.s.bits);
        if off < 0 {
            return refuse!(Memory, "negative offset {name} ptr {reg} off={off} disallowed" => hint);
        }
        if off != 0 {
            return refuse!(Memory, "dereference of modified {name} ptr {reg} off={off} disallowed" => hint);
        }
        if !var.is_const() || var.value != 0 {
            return refuse!(Memory, "variable {name} access var_off={var} disallowed" => hint);
        }
        Ok(())
    }

    fn check_sock(&self, reg: axbpf_isa::Reg, ptr: &Reg, kind: SockKind, off: i64, size: u32) -> Step {
        let name = ptr.name();
        if ptr.s.smin < 0 {
            return refuse!(Memory, "{reg} min value is negative, either use unsigned index or do a if (index >=0) check.");
        }
        let valid = ptr.s.known() == Some(0) && axbpf_abi::CtxLayout::of_sock(kind).field(off, size, false).is_some();
        if !valid {
            return refuse!(Memory, "{reg} invalid {name} access off={off} size={size}");
        }
        Ok(())
    }

    /// Linux: `check_packet_access`.
    pub(crate) fn check_packet(&self, reg: axbpf_isa::Reg, ptr: &Reg, off: i64, size: u64) -> Step {
        if ptr.s.smin < 0 {
            return refuse!(Memory, "{reg} min value is negative, either use unsigned index or do a if (index >=0) check.");
        }
        if off >= 0 && off as u64 + size <= ptr.range.into() {
            return Ok(());
        }
        let (id, fixed, range) = (ptr.id, ptr.off, ptr.range);
        refuse!(
            Memory,
            "invalid access to packet, off={off} size={size}, {reg}(id={id},off={fixed},r={range})\n{reg} offset is outside of the packet"
            => "compare with data_end first"
        )
    }

    /// A map's value: what the map permits, its bounds, its special fields.
    pub(crate) fn check_map_value(&self, reg: axbpf_isa::Reg, ptr: &Reg, map: u32, off: i64, size: u64, access: Access) -> Step {
        let info = &self.maps[map as usize];
        let value_size = info.value_size;
        if access != Access::Read && info.flags & BPF_F_RDONLY_PROG != 0 {
            return refuse!(Memory, "write into map forbidden, value_size={value_size} off={off} size={size}" => "programs may only read it");
        }
        if access != Access::Write && info.flags & BPF_F_WRONLY_PROG != 0 {
            return refuse!(Memory, "read from map forbidden, value_size={value_size} off={off} size={size}" => "programs may only write it");
        }
        self.check_region(reg, ptr, off, size, value_size, Region::MapValue)?;
        // From the first to the last byte that it may touch.
        let (from, to) = (off + ptr.s.smin, off + ptr.s.umax as i64 + size as i64);
        for (field, at, len) in info.fields.all() {
            if i64::from(at) < to && from < i64::from(at + len) {
                return refuse!(Memory, "{field} cannot be accessed directly by load/store" => "use the helpers that it is for");
            }
        }
        Ok(())
    }

    /// Memory of a known size: both ends of the range of offsets (Linux: `check_mem_region_access`).
    pub(crate) fn check_region(&self, reg: axbpf_isa::Reg, ptr: &Reg, off: i64, size: u64, has: u32, region: Region) -> Step {
        let outside = |at: i64| at < 0 || at as u64 + size > has.into();
        let what = |at: i64| -> String {
            match region {
                Region::MapKey => alloc::format!("invalid access to map key, key_size={has} off={at} size={size}"),
                Region::MapValue => alloc::format!("invalid access to map value, value_size={has} off={at} size={size}"),
                Region::Mem => alloc::format!("invalid access to memory, mem_size={has} off={at} size={size}"),
            }
        };
        let s = &ptr.s;
        if s.smin < 0 && off.checked_add(s.smin).is_none_or(|min| min < 0 || i32::try_from(min).is_err()) {
            return refuse!(Memory, "{reg} min value is negative, either use unsigned index or do a if (index >=0) check.");
        }
        let min = off.saturating_add(s.smin);
        if outside(min) {
            let what = what(min);
            return refuse!(Memory, "{what}\n{reg} min value is outside of the allowed memory range");
        }
        if s.umax >= MAX_VAR_OFF as u64 {
            return refuse!(Memory, "{reg} unbounded memory access, make sure to bounds check any such access");
        }
        let max = off + s.umax as i64;
        if outside(max) {
            let what = what(max);
            return refuse!(Memory, "{what}\n{reg} max value is outside of the allowed memory range");
        }
        Ok(())
    }

    pub(crate) fn check_alignment(&self, ptr: &Reg, off: i64, size: u32, strict: bool) -> Step {
        let strict = strict || self.request.strict_alignment;
        let (what, strict) = match ptr.kind {
            Kind::Packet | Kind::PacketMeta => {
                // The IP header is aligned to 4 bytes, 14 behind a 2-byte pad.
                let fixed = i64::from(ptr.off) + off;
                let sum = ptr.s.bits.add(Tnum::exactly(2i64.wrapping_add(fixed) as u64));
                if strict && !sum.is_aligned(size.into()) {
                    let (var, reg_off) = (ptr.s.bits, ptr.off);
                    return refuse!(Memory, "misaligned packet access off 2+{var}+{reg_off}+{off} size {size}");
                }
                return Ok(());
            }
            Kind::FlowKeys => ("flow keys ", strict),
            Kind::MapKey(_) => ("key ", strict),
            Kind::MapValue(_) => ("value ", strict),
            Kind::Ctx => ("context ", strict),
            // Slots of the stack are tracked by eight bytes.
            Kind::Stack(_) => ("stack ", true),
            Kind::Sock(_) => ("sock ", strict),
            _ => ("", strict),
        };
        let sum = ptr.s.bits.add(Tnum::exactly((i64::from(ptr.off) + off) as u64));
        if strict && size > 1 && !sum.is_aligned(size.into()) {
            let (var, reg_off) = (ptr.s.bits, ptr.off);
            return refuse!(Memory, "misaligned {what}access off {var}+{reg_off}+{off} size {size}");
        }
        Ok(())
    }

    /// What a load from a map that never changes finds.
    fn constant(&self, map: u32, off: i64, size: u32) -> Option<u64> {
        let info = &self.maps[map as usize];
        if info.flags & BPF_F_RDONLY_PROG == 0 {
            return None;
        }
        let off = usize::try_from(off).ok()?;
        let contents = info.contents.as_deref()?;
        let bytes = contents.get(off..off.checked_add(size as usize)?)?;
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        Some(u64::from_le_bytes(word))
    }

    /// R1 to R5 are gone after a call.
    pub(crate) fn forget_caller_saved(&mut self) {
        let frame = self.state.frame_mut();
        for reg in 0..=5 {
            frame.regs[reg] = Reg::NOT_INIT;
        }
    }
}

/// `struct bpf_flow_keys`.
const FLOW_KEYS_SIZE: i64 = axbpf_abi::FLOW_KEYS_SIZE as i64;

/// Memory of a known size, as messages name it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Region {
    MapKey,
    MapValue,
    Mem,
}

/// Bytes of numbers of which nothing is known.
pub(crate) fn unknown(size: u32) -> Scalar {
    Scalar::UNKNOWN.truncate(size * 8)
}
