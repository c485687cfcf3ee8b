//! What loads and stores need, and what they find.
use crate::Reason;
use crate::stack::{Byte, Stack};
use crate::value::{Range, Target, Value};
use crate::walk::{Step, Walk};
use axbpf_abi::flags::{BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG};
use axbpf_abi::{Access, FieldKind, ProgType};
use axbpf_isa::{AtomicOp, Reg, Size};

/// Whether `size` bytes at `off` lie within `len`.
fn within(off: i64, size: u64, len: u32) -> bool {
    u64::try_from(off).ok().and_then(|off| off.checked_add(size)).is_some_and(|end| end <= len.into())
}

/// Kinds of pointers that helpers take as memory.
pub(crate) const MEMORY: &str = "fp, pkt, map_value, or ringbuf_mem";

impl Walk<'_> {
    /// The base of an access: a pointer that is not null.
    fn base(&mut self, reg: Reg) -> Step<(Target, i64)> {
        let (to, off) = match self.read(reg)? {
            Value::Ptr { to, off } if !Value::or_null(&Value::Ptr { to, off }) => (to, off),
            value => return Err(Reason::not_memory(reg, &value)),
        };
        // Whoever lays the context out otherwise rewrites the instruction, which then fits nothing else.
        let to_ctx = matches!(to, Target::Ctx);
        if *self.to_ctx[self.at as usize].get_or_insert(to_ctx) != to_ctx {
            return Err(Reason::DifferentPointers);
        }
        Ok((to, off))
    }

    /// `size` bytes at `off` of the stack, aligned; grows the function's frame.
    fn stack_place(&mut self, reg: Reg, frame: u8, off: i64, size: u32, access: Access) -> Step<()> {
        if !Stack::holds(off, size.into()) {
            return Err(Reason::StackRange { reg, access, off, size });
        }
        if off % i64::from(size) != 0 {
            return Err(Reason::StackMisaligned { off, size });
        }
        self.use_stack(frame, off);
        Ok(())
    }

    fn use_stack(&mut self, frame: u8, off: i64) {
        let subprog = self.state.frames[usize::from(frame)].subprog;
        self.depth[subprog] = self.depth[subprog].max(off.unsigned_abs() as u32);
    }

    /// `size` bytes of memory other than stack and context.
    fn other_place(&self, reg: Reg, to: Target, off: i64, size: u64, access: Access) -> Step<()> {
        let write = access == Access::Write;
        match to {
            Target::MapValue { map, .. } => {
                if !within(off, size, map.value_size) {
                    return Err(Reason::MapValue { value_size: map.value_size, off, size });
                }
                let forbidden = if write { BPF_F_RDONLY_PROG } else { BPF_F_WRONLY_PROG };
                if map.flags & forbidden != 0 {
                    return Err(Reason::MapForbidden { access, value_size: map.value_size, off, size });
                }
                Ok(())
            }
            Target::Record { size: mem_size, .. } if !within(off, size, mem_size) => Err(Reason::Memory { mem_size, off, size }),
            Target::Packet { range } if !within(off, size, range) => Err(Reason::Packet { reg, off, size, range }),
            Target::Packet { .. }
                if write && !matches!(self.request.prog_type, ProgType::Xdp | ProgType::SchedCls | ProgType::SchedAct) =>
            {
                Err(Reason::PacketReadOnly)
            }
            Target::Record { .. } | Target::Packet { .. } => Ok(()),
            Target::Ctx | Target::Stack { .. } | Target::Map(_) | Target::PacketEnd => {
                Err(Reason::not_memory(reg, &Value::Ptr { to, off }))
            }
        }
    }

    fn aligned(&self, off: i64, size: u32) -> Step<()> {
        if self.request.strict_alignment && off % i64::from(size) != 0 { Err(Reason::Misaligned { off, size }) } else { Ok(()) }
    }

    pub(crate) fn load(&mut self, reg: Reg, off: i16, size: Size, sx: bool) -> Step<Value> {
        let (to, base) = self.base(reg)?;
        let (off, bytes) = (base + i64::from(off), size.bytes());
        let found = match to {
            Target::Ctx => {
                if base != 0 {
                    return Err(Reason::ModifiedCtx { reg, off: base });
                }
                let field = self.request.ctx.field(off, bytes).ok_or(Reason::Ctx { off, size: bytes })?;
                match field.kind {
                    FieldKind::Scalar => Value::Scalar(Range::bits(size.bits())),
                    _ if sx => return Err(Reason::Ctx { off, size: bytes }),
                    FieldKind::Packet => Value::Ptr { to: Target::Packet { range: 0 }, off: 0 },
                    FieldKind::PacketEnd => Value::Ptr { to: Target::PacketEnd, off: 0 },
                }
            }
            Target::Stack { frame } => {
                self.stack_place(reg, frame, off, bytes, Access::Read)?;
                let found = self.state.frames[usize::from(frame)].stack.load(off, bytes);
                found.map_err(|at| Reason::StackUninit { off, at, size: bytes })?
            }
            Target::Map(_) | Target::PacketEnd => return Err(Reason::not_memory(reg, &Value::Ptr { to, off })),
            _ => {
                self.other_place(reg, to, off, bytes.into(), Access::Read)?;
                self.aligned(off, bytes)?;
                Value::Scalar(Range::bits(size.bits()))
            }
        };
        Ok(match found {
            Value::Scalar(range) if sx => match range.known() {
                Some(value) => Value::Scalar(Range::exactly(size.sign_extend(value))),
                None if range.max < 1 << (size.bits() - 1) => found,
                None => Value::ANY,
            },
            found => found,
        })
    }

    pub(crate) fn store(&mut self, reg: Reg, off: i16, size: Size, value: Value) -> Step<()> {
        let (to, base) = self.base(reg)?;
        let (off, bytes) = (base + i64::from(off), size.bytes());
        match to {
            Target::Ctx => {
                if base != 0 {
                    return Err(Reason::ModifiedCtx { reg, off: base });
                }
                match self.request.ctx.field(off, bytes) {
                    Some(field) if field.writable && !value.is_ptr() => Ok(()),
                    Some(_) => Err(Reason::CtxReadOnly { off, size: bytes }),
                    None => Err(Reason::Ctx { off, size: bytes }),
                }
            }
            Target::Stack { frame } => {
                self.stack_place(reg, frame, off, bytes, Access::Write)?;
                if value.is_ptr() && bytes != 8 {
                    return Err(Reason::PartialSpill);
                }
                if matches!(value, Value::Ptr { to: Target::Stack { .. }, .. }) && usize::from(frame) + 1 != self.state.frames.len() {
                    return Err(Reason::StackOfCaller);
                }
                self.state.frames[usize::from(frame)].stack.store(off, bytes, value);
                Ok(())
            }
            Target::Map(_) | Target::PacketEnd => Err(Reason::not_memory(reg, &Value::Ptr { to, off })),
            _ => {
                self.other_place(reg, to, off, bytes.into(), Access::Write)?;
                self.aligned(off, bytes)
            }
        }
    }

    pub(crate) fn atomic(&mut self, op: AtomicOp, size: Size, dst: Reg, off: i16, src: Reg) -> Step<()> {
        self.read(src)?;
        if op == AtomicOp::Cmpxchg {
            self.read(Reg::R0)?;
        }
        let (to, base) = self.base(dst)?;
        let (off, bytes) = (base + i64::from(off), size.bytes());
        let any = Value::Scalar(Range::bits(size.bits()));
        match to {
            Target::Stack { frame } => {
                self.stack_place(dst, frame, off, bytes, Access::Write)?;
                let stack = &mut self.state.frames[usize::from(frame)].stack;
                stack.check(off, bytes.into()).map_err(|at| Reason::StackUninit { off, at, size: bytes })?;
                stack.store(off, bytes, any);
            }
            Target::MapValue { .. } | Target::Record { .. } => {
                self.other_place(dst, to, off, bytes.into(), Access::Read)?;
                self.other_place(dst, to, off, bytes.into(), Access::Write)?;
                // Values and records begin at multiples of 8.
                if off % i64::from(bytes) != 0 {
                    return Err(Reason::Misaligned { off, size: bytes });
                }
            }
            _ => return Err(Reason::AtomicPlace { reg: dst, kind: Value::Ptr { to, off }.name() }),
        }
        match op {
            AtomicOp::Cmpxchg => self.set(Reg::R0, any),
            _ if op.fetches() => self.set(src, any),
            _ => Ok(()),
        }
    }

    /// Memory that a helper gets: `size` bytes, or, if that is not `exact`, at most so many.
    pub(crate) fn argument(&mut self, reg: Reg, size: u64, exact: bool, access: Access) -> Step<()> {
        let value = self.read(reg)?;
        let wrong = Reason::ArgType { reg, is: value.name(), wants: MEMORY };
        let Value::Ptr { to, off } = value else { return Err(wrong) };
        if value.or_null() {
            return Err(wrong);
        }
        let write = access == Access::Write;
        match to {
            Target::Stack { frame } => {
                if size == 0 {
                    return Ok(());
                }
                let small = u32::try_from(size).unwrap_or(u32::MAX);
                if !Stack::holds(off, size) {
                    return Err(Reason::StackRange { reg, access, off, size: small });
                }
                self.use_stack(frame, off);
                let stack = &mut self.state.frames[usize::from(frame)].stack;
                // How much is written is known, or else it has to be initialised before.
                if !write || !exact {
                    stack.check(off, size).map_err(|at| Reason::StackUninit { off, at, size: small })?;
                }
                if write {
                    stack.fill(off, size, Byte::Any);
                }
                Ok(())
            }
            Target::MapValue { .. } | Target::Record { .. } | Target::Packet { .. } => self.other_place(reg, to, off, size, access),
            Target::Ctx | Target::Map(_) | Target::PacketEnd => Err(wrong),
        }
    }
}
