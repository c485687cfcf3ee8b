//! What is learnt on the way, for the engines.
use crate::Rejected;
use crate::reason::refuse;
use crate::walk::Walk;
use alloc::collections::BTreeMap;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use axbpf_abi::{Branch, CallFact, Facts, MAX_CALL_FRAMES, MAX_STACK, Subprog};
use axbpf_isa::{Insn, InsnIdx};

/// Stack that a tail call may leave to the program that it jumps to.
const TAIL_CALL_STACK: u32 = 256;

/// What is noted of a slot: some path came there; its branch is taken somewhere, not taken somewhere; its access goes through a pointer that
/// is rewritten or recovered from faults, or through another one.
const SEEN: u8 = 1;
const TAKEN: u8 = 2;
const NOT_TAKEN: u8 = 4;
const SPECIAL: u8 = 8;
const PLAIN: u8 = 16;

/// See the module. Everything here only grows weaker as more paths are walked.
pub(crate) struct Learnt {
    slots: Vec<u8>,
    rewrites: BTreeMap<u32, u16>,
    faults: BTreeSet<u32>,
    /// Calls: the map, if it is always the same; the key, likewise.
    maps: BTreeMap<u32, Option<u32>>,
    keys: BTreeMap<u32, Option<u64>>,
    tail_calls: BTreeSet<usize>,
}

impl Learnt {
    /// Nothing yet, of a program of so many slots.
    pub fn new(slots: usize) -> Learnt {
        Learnt {
            slots: alloc::vec![0; slots],
            rewrites: BTreeMap::new(),
            faults: BTreeSet::new(),
            maps: BTreeMap::new(),
            keys: BTreeMap::new(),
            tail_calls: BTreeSet::new(),
        }
    }

    pub fn seen(&mut self, at: u32) {
        self.slots[at as usize] |= SEEN;
    }

    pub fn branch(&mut self, at: u32, taken: bool) {
        self.slots[at as usize] |= if taken { TAKEN } else { NOT_TAKEN };
    }

    /// `false`: elsewhere it was the other kind of pointer.
    pub fn pointer(&mut self, at: u32, special: bool) -> bool {
        let slot = &mut self.slots[at as usize];
        *slot |= if special { SPECIAL } else { PLAIN };
        *slot & (SPECIAL | PLAIN) != SPECIAL | PLAIN
    }

    pub fn rewrite(&mut self, at: u32, stored: u32) {
        self.rewrites.insert(at, stored as u16);
    }

    pub fn fault(&mut self, at: u32) {
        self.faults.insert(at);
    }

    pub fn call_map(&mut self, at: u32, map: u32) {
        let known = self.maps.entry(at).or_insert(Some(map));
        if *known != Some(map) {
            *known = None;
        }
    }

    /// Whether the key is still the same on every path.
    pub fn key(&mut self, at: u32, key: u64) -> bool {
        let known = self.keys.entry(at).or_insert(Some(key));
        if *known != Some(key) {
            *known = None;
        }
        known.is_some()
    }

    pub fn no_key(&mut self, at: u32) {
        self.keys.insert(at, None);
    }

    pub fn tail_call(&mut self, subprog: usize) {
        self.tail_calls.insert(subprog);
    }
}

impl Walk<'_> {
    /// What was learnt, once every path has ended well.
    pub(crate) fn facts(&self) -> Result<Facts, Rejected> {
        let reject = |reason| Rejected { at: InsnIdx(0), reason };
        let subprogs = self.flow.subprogs.iter().zip(&self.depth).enumerate();
        let subprogs = subprogs.map(|(i, (&(start, end), &depth))| Subprog {
            start,
            end,
            stack: depth.next_multiple_of(8),
            callee_saved: self.callee_saved(start, end),
            tail_calls: self.learnt.tail_calls.contains(&i),
        });
        let max_stack = self.deepest(8).0;
        // Linux's frames take a multiple of 16 where programs are compiled. One alone may be as large as it likes within the limit.
        let (bytes, frames) = self.deepest(16);
        if let Some(at) = self.flow.recursion {
            return refuse!(Flow, "recursive call from insn {at}" => "write it as a loop").map_err(reject);
        }
        if bytes > MAX_STACK && frames > 1 {
            return refuse!(Flow, "combined stack size of {frames} calls is {bytes}. Too large" => "the limit is 512 bytes; a map can hold the rest")
                .map_err(reject);
        }
        if frames > MAX_CALL_FRAMES {
            return refuse!(Flow, "the call stack of {frames} frames is too deep !" => "inline some of the functions").map_err(reject);
        }
        if let Some(bytes) = self.before_tail_call() {
            return refuse!(Flow, "tail_calls are not allowed when call stack of previous frames is {bytes} bytes. Too large")
                .map_err(reject);
        }
        let noted = || (0..).zip(&self.learnt.slots);
        let dead = noted().filter(|&(at, slot)| slot & SEEN == 0 && self.flow.insns[at as usize].is_some()).map(|(at, _)| at);
        let one_way = noted().filter_map(|(at, slot)| match slot & (TAKEN | NOT_TAKEN) {
            TAKEN => Some(Branch { at, taken: true }),
            NOT_TAKEN => Some(Branch { at, taken: false }),
            _ => None,
        });
        let calls = self.learnt.maps.iter().filter_map(|(&at, &map)| {
            let key = self.learnt.keys.get(&at).copied().flatten();
            Some(CallFact { at, map: map?, key })
        });
        Ok(Facts {
            subprogs: subprogs.collect(),
            max_stack,
            dead: dead.collect(),
            branches: one_way.collect(),
            calls: calls.collect(),
            faults: self.learnt.faults.iter().copied().collect(),
            rewrites: self.learnt.rewrites.iter().map(|(&at, &off)| (at, off)).collect(),
            lower_half: self.flow.lower_half_only(),
        })
    }

    /// Registers R6 to R9 that a function writes, as bits.
    fn callee_saved(&self, start: u32, end: u32) -> u16 {
        let written = |at: u32| match self.flow.insns[at as usize] {
            Some(
                Insn::Alu { dst, .. }
                | Insn::Neg { dst, .. }
                | Insn::MovSx { dst, .. }
                | Insn::End { dst, .. }
                | Insn::LoadImm64 { dst, .. }
                | Insn::Load { dst, .. },
            ) => 1 << dst.index(),
            // Fetching ones put the old value there.
            Some(Insn::Atomic { src, .. }) => 1 << src.index(),
            _ => 0,
        };
        (start..end).fold(0, |all, at| all | written(at)) & 0b11_1100_0000
    }

    /// Bytes and frames of the deepest chain of calls, with frames that are multiples of `align` bytes.
    fn deepest(&self, align: u32) -> (u32, usize) {
        let mut deepest = alloc::vec![(0, 0); self.depth.len()];
        for &subprog in &self.flow.order {
            let calls = || self.flow.calls[subprog].iter().map(|&(_, callee)| deepest[callee]);
            let bytes = calls().map(|(bytes, _)| bytes).max().unwrap_or(0);
            let frames = calls().map(|(_, frames)| frames).max().unwrap_or(0);
            deepest[subprog] = (self.depth[subprog].next_multiple_of(align) + bytes, 1 + frames);
        }
        deepest[0]
    }

    /// The stack above a function that makes tail calls, if it is more than the next program can do without.
    fn before_tail_call(&self) -> Option<u32> {
        let reaches = {
            let mut reaches = alloc::vec![false; self.depth.len()];
            for &subprog in &self.flow.order {
                let below = self.flow.calls[subprog].iter().any(|&(_, callee)| reaches[callee]);
                reaches[subprog] = below || self.learnt.tail_calls.contains(&subprog);
            }
            reaches
        };
        // Callers first: the most that is above each function.
        let mut above = alloc::vec![0; self.depth.len()];
        for &subprog in self.flow.order.iter().rev() {
            let own = above[subprog] + self.depth[subprog].next_multiple_of(16);
            for &(_, callee) in &self.flow.calls[subprog] {
                if reaches[callee] && own >= TAIL_CALL_STACK {
                    return Some(own);
                }
                above[callee] = above[callee].max(own);
            }
        }
        None
    }
}
