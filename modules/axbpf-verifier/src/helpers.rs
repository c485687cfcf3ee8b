//! Calls of helpers and kfuncs: who may call them, where, and what comes back (Linux: `check_helper_call`, `check_kfunc_call`).
use crate::args::Meta;
use crate::reason::{Step, refuse};
use crate::scalar::Scalar;
use crate::state::Ref;
use crate::value::{Kind, Reg};
use crate::walk::Walk;
use alloc::rc::Rc;
use axbpf_abi::{Callback, HelperProto, MapType, Ret, helpers as ids};
use axbpf_isa::Reg as R;

/// Linux: MAX_ERRNO.
const MAX_ERRNO: i64 = 4095;

impl Walk<'_> {
    pub(crate) fn helper(&mut self, id: u32) -> Step {
        let Some(proto) = (self.request.helper)(id) else {
            return match axbpf_abi::helpers::by_id(id) {
                Some(_) if id == ids::GET_FUNC_IP.id => {
                    let prog_type = self.request.prog_type as u32;
                    refuse!(Call, "func bpf_get_func_ip#{id} not supported for program type {prog_type}")
                }
                Some(proto) => {
                    let name = proto.name;
                    refuse!(Call, "program of this type cannot use helper {name}#{id}" => "or it does not exist here")
                }
                None if id == 0 => refuse!(Call, "program of this type cannot use helper bpf_unspec#0"),
                None => refuse!(Call, "invalid func unknown#{id}" => "Linux 6.12 has no helper of that number"),
            };
        };
        let name = proto.name;
        if !proto.progs.contains(self.request.prog_type) {
            return refuse!(Call, "program of this type cannot use helper {name}#{id}");
        }
        if proto.has(HelperProto::GPL) && !self.request.gpl {
            return refuse!(Call, "cannot call GPL-restricted function from non-GPL compatible program" => "set a GPL-compatible license");
        }
        if self.state.lock.is_some() && id != ids::SPIN_UNLOCK.id {
            return refuse!(Resource, "function calls are not allowed while holding a lock");
        }
        if proto.has(HelperProto::MIGHT_SLEEP) {
            if !self.request.sleepable {
                return refuse!(Call, "helper call might sleep in a non-sleepable prog");
            }
            if self.state.rcu {
                return refuse!(Resource, "sleepable helper {name}#{id} in rcu_read_lock region");
            }
            if self.state.preempt > 0 {
                return refuse!(Resource, "sleepable helper {name}#{id} in non-preemptible region");
            }
        }
        let meta = self.args(proto)?;
        match id {
            _ if id == ids::TAIL_CALL.id => {
                self.check_resources("tail_call")?;
                let subprog = self.state.frame().subprog;
                self.learnt.tail_call(subprog as usize);
            }
            _ if id == ids::SPIN_LOCK.id => self.spin_lock(&meta, true)?,
            _ if id == ids::SPIN_UNLOCK.id => self.spin_lock(&meta, false)?,
            _ if id == ids::SNPRINTF.id => self.check_format(&meta)?,
            _ if id == ids::DYNPTR_FROM_MEM.id => {
                let value = self.reg(R::R1);
                if !matches!(value.kind, Kind::MapValue(_)) {
                    let name = value.name();
                    return refuse!(Call, "Unsupported reg type {name} for bpf_dynptr_from_mem data");
                }
            }
            _ => {}
        }
        self.remember_call(&meta);
        self.finish(proto, meta)
    }

    pub(crate) fn kfunc(&mut self, id: u32) -> Step {
        let Some(proto) = (self.request.kfunc)(id) else {
            return refuse!(Unsupported, "calling kernel function id {id} is not allowed" => "this kernel function does not exist here");
        };
        let name = proto.name;
        if !proto.progs.contains(self.request.prog_type) {
            return refuse!(Call, "calling kernel function {name} is not allowed");
        }
        if proto.has(HelperProto::GPL) && !self.request.gpl {
            return refuse!(Call, "cannot call kernel function from non-GPL compatible program");
        }
        if self.state.lock.is_some() {
            return refuse!(Resource, "function calls are not allowed while holding a lock");
        }
        if proto.has(HelperProto::MIGHT_SLEEP) && !self.request.sleepable {
            return refuse!(Call, "program must be sleepable to call sleepable kfunc {name}");
        }
        if proto.has(HelperProto::RCU_LOCK) {
            if self.state.rcu {
                return refuse!(Resource, "nested rcu read lock (kernel function {name})");
            }
            self.state.rcu = true;
        }
        if proto.has(HelperProto::RCU_UNLOCK) {
            if !self.state.rcu {
                return refuse!(Resource, "unmatched rcu read unlock (kernel function {name})");
            }
            self.state.rcu = false;
        }
        if proto.has(HelperProto::MIGHT_SLEEP) && (self.state.rcu || self.state.preempt > 0) {
            let where_ = if self.state.rcu { "rcu_read_lock region" } else { "non-preemptible region" };
            return refuse!(Resource, "kernel func {name} is sleepable within {where_}");
        }
        if proto.has(HelperProto::PREEMPT_DISABLE) {
            self.state.preempt += 1;
        }
        if proto.has(HelperProto::PREEMPT_ENABLE) {
            if self.state.preempt == 0 {
                return refuse!(Resource, "unmatched attempt to enable preemption (kernel function {name})");
            }
            self.state.preempt -= 1;
        }
        let meta = self.args(proto)?;
        if let Some((frame, slot)) = meta.next {
            return self.iter_next(frame, slot, proto);
        }
        self.finish(proto, meta)
    }

    /// A lookup whose map is the same on every path may become inline code.
    fn remember_call(&mut self, meta: &Meta) {
        if let Some(map) = meta.map {
            let id = self.maps[map as usize].id;
            self.learnt.call_map(self.at, id);
        }
    }

    /// What the call leaves.
    fn finish(&mut self, proto: &'static HelperProto, meta: Meta) -> Step {
        if let Some(id) = meta.release {
            self.release_ref(id);
        }
        if let (Some(callback), Some(subprog)) = (meta.callback, meta.subprog) {
            let rounds = self.reg(R::R1).s.umax;
            if callback == Callback::Loop {
                self.rely_on(self.source_of_reg(R::R1));
            }
            if callback != Callback::Loop || u64::from(self.state.frame().callback_depth) < rounds {
                self.call_back(callback, subprog, meta.map)?;
            } else {
                self.state.frame_mut().callback_depth = 0;
            }
        }
        if proto.has(HelperProto::CHANGES_PACKET) {
            self.state.each(|reg| matches!(reg.kind, Kind::Packet | Kind::PacketMeta | Kind::PacketEnd), |reg| *reg = Reg::UNKNOWN);
        }
        let is_kfunc = axbpf_abi::helpers::by_id(proto.id).is_none_or(|helper| helper.name != proto.name);
        let nr_cpus = u64::from(self.request.cpus.max(1));
        self.forget_caller_saved();
        let ret = match proto.ret {
            Ret::Void => return Ok(()),
            Ret::Integer => match proto.id {
                id if id == ids::GET_SMP_PROCESSOR_ID.id && !is_kfunc => Reg::scalar(Scalar::between(0, nr_cpus - 1)),
                _ => Reg::UNKNOWN,
            },
            Ret::SizeOrErrno => Reg::scalar(Scalar::between_signed(-MAX_ERRNO, meta.most.unwrap_or(0).min(i64::MAX as u64) as i64)),
            Ret::KptrOrNull => return refuse!(Unsupported, "kernel pointers in maps do not exist here"),
            Ret::Range(min, max) => Reg::scalar(Scalar::between_signed(min, max)),
            Ret::MapValue { nullable } => {
                let Some(map) = meta.map else { return refuse!(Call, "kernel subsystem misconfigured verifier") };
                let kind = match self.inner_map(map) {
                    Some(inner) => Kind::Map(inner),
                    None => Kind::MapValue(map),
                };
                let id = self.new_id();
                Reg { kind, or_null: nullable, id, ..Reg::NOT_INIT }
            }
            Ret::RingbufRecordOrNull => {
                // Linux gives the pointer an id before it gives one to the reference.
                self.new_id();
                let id = self.acquire(false);
                let size = meta.alloc_size.unwrap_or(0);
                Reg { refid: id, ..Reg::pointer_or_null(Kind::Mem { size, rdonly: false, ringbuf: true }, id) }
            }
            Ret::DynptrSliceOrNull { rdonly } => {
                let id = self.new_id();
                let size = meta.alloc_size.unwrap_or(0);
                let (dynid, refid) = meta.dynptr.unwrap_or((0, 0));
                let kind = Kind::Mem { size, rdonly: rdonly || meta.rdonly, ringbuf: false };
                Reg { dynid, refid, ..Reg::pointer_or_null(kind, id) }
            }
            Ret::Mem { size, nullable, rdonly } => {
                let id = self.new_id();
                Reg { or_null: nullable, id, ..Reg::pointer(Kind::Mem { size, rdonly, ringbuf: false }) }
            }
            Ret::SockOrNull { kind, acquire } => {
                let id = if acquire { self.acquire(false) } else { self.new_id() };
                let refid = if acquire { id } else { meta.refid.unwrap_or(0) };
                Reg { refid, ..Reg::pointer_or_null(Kind::Sock(kind), id) }
            }
            Ret::Btf { name, nullable, acquire } => {
                let id = if acquire { self.acquire(false) } else { self.new_id() };
                let refid = if acquire { id } else { 0 };
                Reg { or_null: nullable, id, refid, ..Reg::pointer(Kind::Btf { name, trusted: acquire || !nullable }) }
            }
            Ret::PercpuVar { nullable } => {
                let id = self.new_id();
                Reg { or_null: nullable, id, ..Reg::pointer(Kind::Mem { size: 0, rdonly: true, ringbuf: false }) }
            }
        };
        self.set(R::R0, ret)
    }

    pub(crate) fn acquire(&mut self, irq: bool) -> u32 {
        let id = self.new_id();
        let at = self.at;
        self.state.refs.push(Ref { id, at, irq });
        id
    }

    /// The map type that a map of maps holds.
    fn inner_map(&mut self, map: u32) -> Option<u32> {
        let info = &self.maps[map as usize];
        if !matches!(info.map_type, MapType::ArrayOfMaps | MapType::HashOfMaps) {
            return None;
        }
        let inner = (**info.inner.as_ref()?).clone();
        Some(self.map_number(inner))
    }

    /// Moves an iterator on: one path has another element, the other is at the end (Linux: `process_iter_next_call`).
    fn iter_next(&mut self, frame: usize, slot: usize, proto: &'static HelperProto) -> Step {
        let ret = match proto.ret {
            Ret::Mem { size, rdonly, .. } => Kind::Mem { size, rdonly, ringbuf: false },
            _ => Kind::Mem { size: 4, rdonly: true, ringbuf: false },
        };
        self.forget_caller_saved();
        let update = |walk: &mut Self, more: bool| {
            if let Some(reg) = walk.state.stack_mut(frame).slots.get_mut(slot).and_then(|slot| slot.reg.as_mut())
                && let Kind::IterSlot { depth, drained, .. } = &mut Rc::make_mut(reg).kind
            {
                *depth += u32::from(more);
                *drained = !more;
            }
        };
        let reg = self.state.frames[frame].stack.get(slot).and_then(|slot| slot.reg.as_deref());
        let drained = matches!(reg.map(|reg| reg.kind), Some(Kind::IterSlot { drained: true, .. }));
        if !drained {
            let end = self.state.clone();
            update(self, true);
            self.widen_imprecise(self.at);
            self.set(R::R0, Reg::pointer(ret))?;
            let more = core::mem::replace(&mut self.state, end);
            self.later(more, self.flow.next(self.at))?;
        }
        update(self, false);
        self.set(R::R0, Reg::exactly(0))
    }

    /// Whether the iterator that is moved on here was not at its end, then and now.
    pub(crate) fn iterates_on(&self, index: u32) -> bool {
        let value = self.reg(R::R1);
        let (Kind::Stack(frame), Some(by)) = (value.kind, value.s.known()) else { return false };
        let slot = crate::stack::slot_of(i64::from(value.off) + by as i64);
        let active = |state: &crate::state::State| {
            let reg = state.frames.get(usize::from(frame)).and_then(|frame| frame.stack.get(slot)).and_then(|slot| slot.reg.as_deref());
            matches!(reg.map(|reg| reg.kind), Some(Kind::IterSlot { drained: false, .. }))
        };
        active(&self.state) && active(&self.checkpoints[index as usize].state)
    }
}
