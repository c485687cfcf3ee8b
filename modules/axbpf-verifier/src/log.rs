//! What the log tells, in the form that users of Linux know: source lines, instructions, what is known of registers and stack.
use crate::stack::Byte;
use crate::state::State;
use crate::value::{Kind, Num, Reg, Unum};
use crate::walk::Walk;
use alloc::string::String;
use axbpf_abi::flags::{BPF_LOG_LEVEL1, BPF_LOG_LEVEL2};
use axbpf_isa::InsnIdx;
use core::fmt::{self, Write};

/// A register as the log shows it.
struct Shown<'a>(&'a Reg);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reg = self.0;
        if let Some(value) = reg.known() {
            return Num(value as i64).fmt(f);
        }
        f.write_str(&reg.name())?;
        if let Kind::Stack(frame) = reg.kind {
            if frame > 0 {
                write!(f, "[{frame}]")?;
            }
            write!(f, "{}", reg.off)?;
            if reg.s.known() == Some(0) {
                return Ok(());
            }
        }
        let mut first = true;
        let mut put = |f: &mut fmt::Formatter<'_>, name: &str, value: &dyn fmt::Display| {
            let before = if core::mem::take(&mut first) { "(" } else { "," };
            write!(f, "{before}{name}={value}")
        };
        if reg.id != 0 {
            put(f, "id", &reg.id)?;
        }
        if reg.refid != 0 {
            put(f, "ref_obj_id", &reg.refid)?;
        }
        if reg.is_pointer() && reg.off != 0 && !matches!(reg.kind, Kind::Stack(_)) {
            put(f, "off", &reg.off)?;
        }
        if reg.is_packet() {
            put(f, "r", &reg.range)?;
        }
        if let Kind::Mem { size, .. } = reg.kind {
            put(f, "sz", &size)?;
        }
        let s = &reg.s;
        if s.known().is_none() {
            // Bounds that say something; those that are equal share a number.
            let bounds: [(&str, i64, bool); 8] = [
                ("smin", s.smin, s.smin == i64::MIN),
                ("smax", s.smax, s.smax == i64::MAX),
                ("umin", s.umin as i64, s.umin == 0),
                ("umax", s.umax as i64, s.umax == u64::MAX),
                ("smin32", s.smin32.into(), s.smin32 == i32::MIN),
                ("smax32", s.smax32.into(), s.smax32 == i32::MAX),
                ("umin32", s.umin32.into(), s.umin32 == 0),
                ("umax32", s.umax32.into(), s.umax32 == u32::MAX),
            ];
            let mut done = [false; 8];
            for i in 0..8 {
                let (name, value, trivial) = bounds[i];
                if trivial || done[i] {
                    continue;
                }
                let mut names = String::from(name);
                for j in i + 1..8 {
                    if !bounds[j].2 && !done[j] && bounds[j].1 == value {
                        done[j] = true;
                        names.push('=');
                        names.push_str(bounds[j].0);
                    }
                }
                match name.starts_with('s') {
                    true => put(f, &names, &Num(value))?,
                    false => put(f, &names, &Unum(value as u64))?,
                }
            }
            if s.bits.mask != u64::MAX {
                put(f, "var_off", &s.bits)?;
            }
        }
        if first { f.write_str("()") } else { f.write_str(")") }
    }
}

impl Walk<'_> {
    fn is_told(&self) -> bool {
        self.request.log_level & BPF_LOG_LEVEL2 != 0
    }

    /// Writes the instruction that comes next; answers the state before it, if what changes is told.
    pub(crate) fn tell(&mut self) -> Option<State> {
        if !self.is_told() {
            return None;
        }
        self.tell_insn();
        Some(self.state.clone())
    }

    fn tell_insn(&mut self) {
        if let Some(line) = (self.request.source)(InsnIdx(self.at)) {
            let _ = writeln!(self.log, "; {line}");
        }
        let opcode = self.request.slots[self.at as usize].opcode;
        if let Some(insn) = self.flow.insns[self.at as usize] {
            let _ = write!(self.log, "{}: ({opcode:02x}) {insn}", self.at);
        }
    }

    /// Behind the instruction: what it changed.
    pub(crate) fn tell_changes(&mut self, before: &State) {
        let state = core::mem::take(&mut self.state);
        let top = state.frames.len() - 1;
        let mut any = false;
        let mut begin = |log: &mut dyn Write| {
            if !core::mem::replace(&mut any, true) {
                let _ = log.write_str(" ;");
                if top > 0 {
                    let _ = write!(log, " frame{top}:");
                }
            }
        };
        let old = before.frames.get(top);
        for (i, reg) in state.frame().regs.iter().enumerate() {
            let same = old.is_some_and(|old| old.regs[i].kind == reg.kind && old.regs[i].s == reg.s && old.regs[i].off == reg.off);
            if !same && reg.kind != Kind::NotInit {
                begin(self.log);
                let _ = write!(self.log, " R{i}_w={}", Shown(reg));
            }
        }
        for (i, slot) in state.frame().stack.slots.iter().enumerate() {
            let same = old.and_then(|old| old.stack.get(i)).is_some_and(|old| old.bytes == slot.bytes);
            if !same {
                begin(self.log);
                tell_slot(self.log, i, slot);
            }
        }
        let _ = writeln!(self.log);
        self.state = state;
    }

    /// A function begins.
    pub(crate) fn tell_entry(&mut self) {
        let subprog = self.state.frame().subprog;
        let _ = write!(self.log, "func#{subprog} @{at}\n{at}:", at = self.at);
        tell_state(self.log, &self.state);
    }

    /// A path that was left for later begins.
    pub(crate) fn tell_path(&mut self) {
        let from = self.parent.map_or(0, |parent| self.checkpoints[parent as usize].at);
        let _ = write!(self.log, "\nfrom {from} to {}:", self.at);
        tell_state(self.log, &self.state);
    }

    /// The instruction that was refused, and what was known there.
    pub(crate) fn tell_rejected(&mut self) {
        if self.request.log_level & (BPF_LOG_LEVEL1 | BPF_LOG_LEVEL2) == 0 {
            return;
        }
        if self.is_told() {
            let _ = writeln!(self.log);
            return;
        }
        self.tell_insn();
        let _ = self.log.write_str(" ;");
        tell_state(self.log, &self.state);
    }
}

fn tell_slot(log: &mut dyn Write, i: usize, slot: &crate::stack::Slot) {
    let _ = write!(log, " fp-{}=", 8 * (i + 1));
    match slot.spilled() {
        Some((reg, 8)) => _ = write!(log, "{}", Shown(reg)),
        _ => {
            for byte in slot.bytes.iter().rev() {
                let _ = log.write_char(match byte {
                    Byte::Invalid => '?',
                    Byte::Misc => 'm',
                    Byte::Zero => '0',
                    Byte::Spill => 'r',
                    Byte::Dynptr => 'd',
                    Byte::Iter => 'i',
                    Byte::Irq => 'f',
                });
            }
        }
    }
}

fn tell_state(log: &mut dyn Write, state: &State) {
    let Some(frame) = state.frames.last() else { return };
    if state.frames.len() > 1 {
        let _ = write!(log, " frame{}:", state.frames.len() - 1);
    }
    for (i, reg) in frame.regs.iter().enumerate().filter(|(_, reg)| reg.kind != Kind::NotInit) {
        let _ = write!(log, " R{i}={}", Shown(reg));
    }
    for (i, slot) in frame.stack.slots.iter().enumerate() {
        tell_slot(log, i, slot);
    }
    if !state.refs.is_empty() {
        let _ = log.write_str(" refs=");
        for (i, held) in state.refs.iter().enumerate() {
            let _ = write!(log, "{}{}", if i > 0 { "," } else { "" }, held.id);
        }
    }
    let _ = writeln!(log);
}
