//! Calls of functions of the program, of callbacks, and what ends them (Linux: `check_func_call`, `prepare_func_exit`, `process_bpf_exit`).
use crate::checkpoint::{reg_bit, slot_bit};
use crate::funcs::Param;
use crate::reason::{Step, refuse};
use crate::scalar::Scalar;
use crate::state::Frame;
use crate::value::{Kind, Reg};
use crate::walk::{Next, Walk};
use alloc::rc::Rc;
use alloc::string::String;
use axbpf_abi::{Access, Callback, MAX_CALL_FRAMES};
use axbpf_isa::{InsnIdx, Reg as R};

/// A callback that runs later, on its own: walked as a function of its own.
#[derive(Clone)]
pub(crate) struct Async {
    pub frame: Frame,
}

const CALLER_SAVED: core::ops::RangeInclusive<usize> = 1..=5;

impl Walk<'_> {
    /// A call of a function of the program. What is known to be `static` is walked from here with what is known.
    pub(crate) fn call(&mut self, to: u32) -> Step<Next> {
        let subprog = self.flow.subprog_of(to);
        if let Some(global) = (self.request.global)(InsnIdx(to)) {
            if self.state.lock.is_some() {
                return refuse!(Resource, "global function calls are not allowed while holding a lock,\nuse static function instead");
            }
            self.check_global_args(&global)?;
            self.called.insert(subprog);
            self.forget_caller_saved();
            self.set(R::R0, Reg::UNKNOWN)?;
            return Ok(Next::At(self.flow.next(self.at)));
        }
        let number = self.state.frames.len();
        if number >= MAX_CALL_FRAMES {
            let frames = number + 1;
            return refuse!(Flow, "the call stack of {frames} frames is too deep" => "inline some of the functions");
        }
        let mut frame = Frame::new(number, subprog as u32, self.at);
        for reg in CALLER_SAVED {
            frame.regs[reg] = self.passed(reg);
        }
        let caller = self.state.frame_mut();
        for reg in 0..=5 {
            caller.regs[reg] = Reg::NOT_INIT;
        }
        self.enter(frame);
        Ok(Next::At(to))
    }

    /// A register as it is passed on: with where its number comes from.
    fn passed(&self, reg: usize) -> Reg {
        let mut value = self.state.frame().regs[reg];
        if value.is_scalar() {
            value.from = self.source_of(&value, reg_bit(self.state.top(), reg));
            value.epoch = self.epoch;
        }
        value
    }

    fn enter(&mut self, frame: Frame) {
        // A new frame has nothing to do with one of the same number before.
        self.written[self.state.frames.len()] = u64::MAX;
        self.state.frames.push(Rc::new(frame));
    }

    fn check_global_args(&mut self, global: &crate::GlobalFunc) -> Step {
        let name = &global.name;
        if !global.returns_scalar {
            return refuse!(Unsupported, "Global function {name}() doesn't return scalar. Only those are supported.");
        }
        for (i, param) in global.params.iter().enumerate() {
            let Some(reg) = R::new(i as u8 + 1) else { continue };
            let value = self.read(reg)?;
            match *param {
                Param::Scalar => {
                    if !value.is_scalar() {
                        return refuse!(Call, "{reg} is not a scalar" => "the function's parameter is a number");
                    }
                }
                Param::Ctx => {
                    if value.kind != Kind::Ctx {
                        return refuse!(Call, "arg#{i} expects pointer to ctx" => "pass the context on as it came");
                    }
                    self.check_ctx_pointer(reg, &value)?;
                }
                Param::Mem { size, nullable } => {
                    if value.is_null() || value.or_null {
                        if !nullable {
                            return refuse!(Call, "arg#{i} is expected to be non-NULL");
                        }
                        if value.is_null() {
                            continue;
                        }
                    }
                    let value = Reg { or_null: false, ..value };
                    self.check_memory(reg, &value, size, Access::ReadWrite, false, true)?;
                }
                Param::Dynptr => self.dynptr_arg(reg, i, &value, axbpf_abi::DynptrState::Use { rdonly: true }, &mut Default::default())?,
                Param::Unknown => {
                    return refuse!(
                        Unsupported,
                        "arg#{i} reference type('UNKNOWN ') size cannot be determined: -22\nCaller passes invalid args into func#{name}"
                    );
                }
            }
        }
        Ok(())
    }

    /// How a global function begins when it is walked on its own.
    pub(crate) fn global_entry(&mut self, subprog: usize) -> Step<Frame> {
        let mut frame = Frame::new(0, subprog as u32, 0);
        let Some(global) = (self.request.global)(InsnIdx(self.flow.subprogs[subprog].0)) else { return Ok(frame) };
        for (i, param) in global.params.iter().enumerate().take(5) {
            frame.regs[i + 1] = match *param {
                Param::Scalar => Reg::UNKNOWN,
                Param::Ctx => Reg::pointer(Kind::Ctx),
                Param::Mem { size, nullable } => {
                    let id = self.new_id();
                    let kind = Kind::Mem { size, rdonly: false, ringbuf: false };
                    if nullable { Reg::pointer_or_null(kind, id) } else { Reg::pointer(kind) }
                }
                Param::Dynptr => Reg { id: self.new_id(), ..Reg::pointer(Kind::Dynptr(axbpf_abi::DynptrKind::Local)) },
                Param::Unknown => {
                    let name = &global.name;
                    return refuse!(Unsupported, "arg#{i} type is not supported in {name}()" => "pass a number, the context, or a pointer to a struct");
                }
            };
        }
        Ok(frame)
    }

    pub(crate) fn exit(&mut self) -> Step<Next> {
        let top = self.state.top();
        if top == 0 {
            self.check_resources("BPF_EXIT instruction in main prog")?;
            self.check_return()?;
            return Ok(Next::End);
        }
        let result = if self.reg(R::R0).kind == Kind::NotInit { Reg::NOT_INIT } else { self.passed(0) };
        if matches!(result.kind, Kind::Stack(frame) if usize::from(frame) == top) {
            return refuse!(Return, "cannot return stack pointer to the caller");
        }
        let (callback, callsite) = (self.state.frame().callback, self.state.frame().callsite);
        if let Some(callback) = callback {
            self.check_callback_return(callback, &result)?;
            if self.state.refs.len() != self.state.frame().refs_before as usize {
                return self.leaked();
            }
            self.state.frames.pop();
            self.widen_imprecise(callsite);
            return Ok(Next::At(callsite));
        }
        self.state.frames.pop();
        self.state.frame_mut().regs[0] = result;
        Ok(Next::At(self.flow.next(callsite)))
    }

    /// What a helper calls back runs with this frame; the path at hand goes on behind the call.
    pub(crate) fn call_back(&mut self, callback: Callback, subprog: u32, map: Option<u32>) -> Step {
        let number = self.state.frames.len();
        if number >= MAX_CALL_FRAMES {
            let frames = number + 1;
            return refuse!(Flow, "the call stack of {frames} frames is too deep" => "inline some of the functions");
        }
        let mut frame = Frame::new(number, subprog, self.at);
        frame.callback = Some(callback);
        let map_pointers = |frame: &mut Frame| {
            if let Some(map) = map {
                frame.regs[1] = Reg::pointer(Kind::Map(map));
                frame.regs[2] = Reg::pointer(Kind::MapKey(map));
                frame.regs[3] = Reg::pointer(Kind::MapValue(map));
            }
        };
        match callback {
            Callback::ForEachMapElem => {
                map_pointers(&mut frame);
                frame.regs[3].id = self.new_id();
                frame.regs[4] = self.passed(3);
            }
            Callback::Loop => {
                frame.regs[1] = Reg { epoch: self.epoch, ..Reg::UNKNOWN };
                frame.regs[2] = self.passed(3);
            }
            Callback::FindVma => {
                frame.regs[1] = Reg::pointer(Kind::Btf { name: "task_struct", trusted: true });
                frame.regs[2] = Reg::pointer(Kind::Btf { name: "vm_area_struct", trusted: true });
                frame.regs[3] = self.passed(4);
            }
            Callback::UserRingbufDrain => {
                frame.regs[1] = Reg { id: self.new_id(), ..Reg::pointer(Kind::Dynptr(axbpf_abi::DynptrKind::Local)) };
                frame.regs[2] = self.passed(3);
            }
            Callback::Timer => {
                map_pointers(&mut frame);
                let mut frame = Frame { callback: Some(callback), ..Frame { regs: frame.regs, ..Frame::new(0, subprog, 0) } };
                frame.regs[10] = Reg::pointer(Kind::Stack(0));
                for reg in &mut frame.regs {
                    (reg.from, reg.epoch) = (0, 0);
                }
                if !self.callbacks.iter().any(|known| known.frame.subprog == subprog && known.frame.regs[1].kind == frame.regs[1].kind) {
                    self.callbacks.push(Async { frame });
                }
                return Ok(());
            }
        }
        frame.refs_before = self.state.refs.len() as u32;
        let here = self.state.clone();
        let written = self.written;
        self.state.frame_mut().callback_depth += 1;
        self.state.unroll += 1;
        self.enter(frame);
        let inside = core::mem::replace(&mut self.state, here);
        let start = self.flow.subprogs[subprog as usize].0;
        self.later(inside, start)?;
        self.written = written;
        self.state.frame_mut().callback_depth = 0;
        Ok(())
    }

    fn check_callback_return(&mut self, callback: Callback, result: &Reg) -> Step {
        let most = if matches!(callback, Callback::FindVma | Callback::Timer) { 0 } else { 1 };
        if result.kind == Kind::NotInit {
            return refuse!(Register, "R0 !read_ok" => "a callback returns a number");
        }
        if !result.is_scalar() {
            let name = result.name();
            return refuse!(Return, "R0 not a scalar value ({name})");
        }
        self.rely_on(result.from);
        in_range("At callback return", &result.s, 0, most)
    }

    /// R0 at the end of the program, of a global function, or of a callback that runs on its own.
    fn check_return(&mut self) -> Step {
        let frame = self.state.frame();
        let (subprog, callback) = (frame.subprog, frame.callback);
        let result = self.read(R::R0)?;
        if subprog != 0 && callback.is_none() {
            if !result.is_scalar() {
                let name = result.name();
                return refuse!(Return, "At subprogram exit the register R0 is not a scalar value ({name})");
            }
            return Ok(());
        }
        let (what, range) = match callback {
            Some(_) => ("At async callback return", Some((0, 0))),
            None => ("At program exit", axbpf_abi::ret_range(self.request.prog_type, self.request.attach_type)),
        };
        let Some((min, max)) = range else { return Ok(()) };
        if !result.is_scalar() {
            let name = result.name();
            return refuse!(Return, "{what} the register R0 is not a known value ({name})");
        }
        self.rely_on(result.from);
        in_range(what, &result.s, min, max)
    }

    /// What has to be ended before `what`.
    pub(crate) fn check_resources(&self, what: &str) -> Step {
        if self.state.lock.is_some() {
            return refuse!(Resource, "{what} cannot be used inside bpf_spin_lock-ed region" => "release the lock on every path");
        }
        if !self.state.refs.is_empty() {
            return self.leaked_before(what);
        }
        if self.state.preempt > 0 {
            return refuse!(Resource, "{what} cannot be used inside bpf_preempt_disable-ed region");
        }
        if self.state.rcu {
            return refuse!(Resource, "{what} cannot be used inside bpf_rcu_read_lock-ed region");
        }
        Ok(())
    }

    fn leaked_before<T>(&self, what: &str) -> Step<T> {
        let Some(held) = self.state.refs.first() else { return refuse!(Resource, "{what} would lead to reference leak") };
        let (id, at) = (held.id, held.at);
        if held.irq {
            return refuse!(Resource, "{what} cannot be used inside bpf_local_irq_save-ed region");
        }
        refuse!(Resource, "Unreleased reference id={id} alloc_insn={at}\n{what} would lead to reference leak" => "release it on every path")
    }

    fn leaked<T>(&self) -> Step<T> {
        let before = self.state.frame().refs_before as usize;
        match self.state.refs.get(before) {
            Some(held) => {
                let (id, at) = (held.id, held.at);
                refuse!(Resource, "Unreleased reference id={id} alloc_insn={at}" => "release it before the callback returns")
            }
            None => refuse!(Resource, "a callback released what it did not acquire"),
        }
    }

    /// Numbers that changed since the last time here, and that nothing relied on, are any numbers: so that rounds become alike
    /// (Linux: `widen_imprecise_scalars`).
    pub(crate) fn widen_imprecise(&mut self, at: u32) {
        let open = |&&index: &&u32| {
            let checkpoint = &self.checkpoints[index as usize];
            // Not the one that was made of this very state.
            let made = self.at == at && self.parent == Some(index);
            checkpoint.branches > 0 && !made && checkpoint.state.frames.len() == self.state.frames.len()
        };
        let Some(&index) = self.here.get(&at).and_then(|list| list.iter().rev().find(open)) else { return };
        let old = &self.checkpoints[index as usize];
        let differs = |old_reg: &Reg, new: &Reg, bit: u128| {
            old_reg.is_scalar() && new.is_scalar() && !old.is_precise(bit) && (old_reg.s != new.s || old_reg.id != new.id)
        };
        let mut changed: alloc::vec::Vec<(usize, Option<usize>, usize)> = alloc::vec::Vec::new();
        for (number, (a, b)) in old.state.frames.iter().zip(&self.state.frames).enumerate() {
            if a.subprog != b.subprog {
                return;
            }
            for reg in 0..10 {
                if differs(&a.regs[reg], &b.regs[reg], reg_bit(number, reg)) {
                    changed.push((number, Some(reg), 0));
                }
            }
            for (i, (x, y)) in a.stack.slots.iter().zip(&b.stack.slots).enumerate() {
                if let (Some((x, 8)), Some((y, 8))) = (x.spilled(), y.spilled())
                    && differs(x, y, slot_bit(number, i))
                {
                    changed.push((number, None, i));
                }
            }
        }
        let epoch = self.epoch;
        let any = |from: u128| Reg { from, epoch, ..Reg::UNKNOWN };
        for (number, reg, slot) in changed {
            match reg {
                Some(reg) => {
                    let from = self.source_of(&self.state.frames[number].regs[reg], reg_bit(number, reg));
                    Rc::make_mut(&mut self.state.frames[number]).regs[reg] = any(from);
                }
                None => {
                    let from = match self.state.frames[number].stack.get(slot).and_then(|slot| slot.reg.as_deref()) {
                        Some(reg) => self.source_of(reg, slot_bit(number, slot)),
                        None => 0,
                    };
                    self.state.stack_mut(number).make(slot).reg = Some(Rc::new(any(from)));
                }
            }
        }
    }

    /// Something is given back: what pointed to it is nothing now.
    pub(crate) fn release_ref(&mut self, id: u32) -> bool {
        let before = self.state.refs.len();
        self.state.refs.retain(|held| held.id != id);
        if self.state.refs.len() == before {
            return false;
        }
        self.state.each(|reg| reg.refid == id, |reg| *reg = Reg::UNKNOWN);
        true
    }
}

/// A number that has to be in a range.
fn in_range(what: &str, s: &Scalar, min: i64, max: i64) -> Step {
    if s.smin >= min && s.smax <= max {
        return Ok(());
    }
    let mut text = alloc::format!("{what} the register R0 has");
    let mut put = |part: String| text.push_str(&part);
    if s.smin > i64::MIN {
        put(alloc::format!(" smin={}", s.smin));
    }
    if s.smax < i64::MAX {
        put(alloc::format!(" smax={}", s.smax));
    }
    if s.smin == i64::MIN && s.smax == i64::MAX {
        put(" unknown scalar value".into());
    }
    put(alloc::format!(" should have been in [{min}, {max}]"));
    refuse!(Return, "{text}" => "return a number of that range")
}
