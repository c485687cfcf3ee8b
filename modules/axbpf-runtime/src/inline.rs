//! What calls of map helpers become, once it is known which map they are about: a lookup in an array is a comparison and an addition in the
//! program itself, and hashes of short keys have helpers of their own (Linux: `do_misc_fixups`, `map_gen_lookup`).
use crate::helpers;
use crate::prog::Link;
use alloc::vec::Vec;
use axbpf_abi::Facts;
use axbpf_abi::helpers::{MAP_LOOKUP_ELEM, MAP_UPDATE_ELEM};
use axbpf_isa::RawInsn;
use axbpf_isa::opcode::*;
use axbpf_maps::Lookup;

/// `opcode imm` of the instructions that are made here.
const LOAD_KEY: u8 = LDX | MEM | W;
const JGE: u8 = JMP | K | 0x30;
const SHIFT: u8 = ALU64 | K | 0x60;
const MULTIPLY: u8 = ALU64 | K | 0x20;
const ADD: u8 = ALU64 | X;
const MOVE: u8 = ALU64 | K | 0xb0;

/// A call and what takes its place; the first instructions of it may stand in the wide load before the call.
struct Site {
    at: u32,
    code: Vec<RawInsn>,
}

/// Changes the calls whose map `facts` know. A program that has no room for it stays as it is.
pub(crate) fn inline(slots: &mut Vec<RawInsn>, facts: &mut Facts, links: &[Link]) {
    let targets = targets(slots);
    let mut sites = Vec::new();
    for call in &facts.calls {
        let at = call.at as usize;
        let helper = slots.get(at).filter(|slot| slot.opcode == CALL && slot.src() == 0).map(|slot| slot.imm as u32);
        let Some(link) = links.iter().find(|link| link.map.id() == call.map) else { continue };
        match (helper, link.map.quick_lookup()) {
            (Some(id), Some(Lookup::Index { base, stride, entries })) if id == MAP_LOOKUP_ELEM.id => {
                // Mostly the map is loaded right before: then the values' address is, instead.
                let loaded = at >= 2 && !targets.contains(&call.at) && links.iter().any(|link| link.at.at() + 2 == at);
                let before = if loaded { slots.get(at - 2).filter(|load| load.opcode == LDDW && load.dst() == 1) } else { None };
                let load = [RawInsn::new(LDDW, 1, 0, 0, base as u32 as i32), RawInsn::new(0, 0, 0, 0, (base >> 32) as u32 as i32)];
                let mut code = Vec::new();
                if before.is_some() {
                    slots[at - 2..at].copy_from_slice(&load);
                } else {
                    code.extend(load);
                }
                let scale = match stride.is_power_of_two() {
                    true => RawInsn::new(SHIFT, 0, 0, 0, stride.trailing_zeros() as i32),
                    false => RawInsn::new(MULTIPLY, 0, 0, 0, stride as i32),
                };
                code.extend([
                    RawInsn::new(LOAD_KEY, 0, 2, 0, 0),
                    RawInsn::new(JGE, 0, 0, 3, entries as i32),
                    scale,
                    RawInsn::new(ADD, 0, 1, 0, 0),
                    RawInsn::new(JA, 0, 0, 1, 0),
                    RawInsn::new(MOVE, 0, 0, 0, 0),
                ]);
                sites.push(Site { at: call.at, code });
            }
            (Some(id), Some(Lookup::Word4)) if id == MAP_LOOKUP_ELEM.id => slots[at].imm = helpers::LOOKUP_WORD4,
            (Some(id), Some(Lookup::Word8)) if id == MAP_LOOKUP_ELEM.id => slots[at].imm = helpers::LOOKUP_WORD8,
            (Some(id), Some(Lookup::Word4)) if id == MAP_UPDATE_ELEM.id => slots[at].imm = helpers::UPDATE_WORD4,
            (Some(id), Some(Lookup::Word8)) if id == MAP_UPDATE_ELEM.id => slots[at].imm = helpers::UPDATE_WORD8,
            _ => {}
        }
    }
    if !sites.is_empty()
        && let Some(longer) = splice(slots, &sites)
    {
        *slots = longer;
        shift(facts, &sites);
    }
}

/// Where a jump or a call within the program leads, and whether its distance stands in `imm`.
fn leads(at: usize, slot: RawInsn) -> Option<(i64, bool)> {
    let far = match (slot.opcode, slot.src()) {
        (GOTOL, _) | (CALL, PSEUDO_CALL) | (LDDW, PSEUDO_FUNC) => true,
        (CALL | EXIT, _) => return None,
        (opcode, _) if matches!(opcode & CLASS, JMP | JMP32) => false,
        _ => return None,
    };
    Some((at as i64 + 1 + if far { i64::from(slot.imm) } else { i64::from(slot.off) }, far))
}

/// First slots of the instructions.
fn starts(slots: &[RawInsn]) -> impl Iterator<Item = usize> + '_ {
    let mut next = 0;
    core::iter::from_fn(move || {
        let at = next;
        next += if slots.get(at)?.opcode == LDDW { 2 } else { 1 };
        Some(at)
    })
}

/// Slots that jumps lead to.
fn targets(slots: &[RawInsn]) -> alloc::collections::BTreeSet<u32> {
    starts(slots).filter_map(|at| leads(at, slots[at])).map(|(to, _)| to as u32).collect()
}

/// Where a slot comes to stand; the slots of `sites` are those of their first new instruction.
fn moved(at: u32, sites: &[Site]) -> u32 {
    let before = sites.partition_point(|site| site.at < at);
    at + sites[..before].iter().map(|site| site.code.len() as u32 - 1).sum::<u32>()
}

/// The program with the sites' code in place of their calls. `None`: a jump would be too far.
fn splice(slots: &[RawInsn], sites: &[Site]) -> Option<Vec<RawInsn>> {
    let mut out = Vec::with_capacity(slots.len() + sites.iter().map(|site| site.code.len()).sum::<usize>());
    let mut starts = starts(slots).peekable();
    let mut sites_left = sites;
    for (at, &slot) in slots.iter().enumerate() {
        let begins = starts.next_if_eq(&at).is_some();
        if let [site, rest @ ..] = sites_left
            && site.at as usize == at
        {
            out.extend(&site.code);
            sites_left = rest;
            continue;
        }
        let mut slot = slot;
        if begins && let Some((to, far)) = leads(at, slot) {
            let distance = i64::from(moved(u32::try_from(to).ok()?, sites)) - out.len() as i64 - 1;
            match far {
                true => slot.imm = i32::try_from(distance).ok()?,
                false => slot.off = i16::try_from(distance).ok()?,
            }
        }
        out.push(slot);
    }
    Some(out)
}

/// The same facts of the longer program.
fn shift(facts: &mut Facts, sites: &[Site]) {
    let put = |at: &mut u32| *at = moved(*at, sites);
    for subprog in &mut facts.subprogs {
        put(&mut subprog.start);
        put(&mut subprog.end);
    }
    facts.dead.iter_mut().for_each(put);
    facts.branches.iter_mut().for_each(|branch| put(&mut branch.at));
    facts.calls.retain(|call| sites.binary_search_by_key(&call.at, |site| site.at).is_err());
    facts.calls.iter_mut().for_each(|call| put(&mut call.at));
    facts.faults.iter_mut().for_each(put);
    facts.rewrites.iter_mut().for_each(|(at, _)| put(at));
    facts.lower_half.iter_mut().for_each(put);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(at: u32, len: usize) -> Site {
        Site { at, code: alloc::vec![RawInsn::new(MOVE, 0, 0, 0, 9); len] }
    }

    /// Jumps over, to and from what grew lead where they led.
    #[test]
    fn jumps_lead_where_they_led() {
        let text = "if r1 == 0 goto +4\nif r1 == 1 goto +1\nr0 = 1\ncall 1\nr0 = 2\nif r1 == 2 goto -3\ngotol -7\nexit";
        let slots = axbpf_isa::asm::assemble(text).unwrap();
        let sites = [site(3, 4)];
        let longer = splice(&slots, &sites).unwrap();
        assert_eq!(longer.len(), slots.len() + 3);
        let place = |old: usize| moved(old as u32, &sites) as i64;
        for at in starts(&slots).filter(|&at| at != 3) {
            let (old, new) = (leads(at, slots[at]), leads(place(at) as usize, longer[place(at) as usize]));
            assert_eq!(old.map(|(to, far)| (place(to as usize), far)), new, "slot {at}");
        }
        assert_eq!(longer[3..7], sites[0].code);
    }

    #[test]
    fn a_jump_that_would_be_too_far_stays_as_it_is() {
        let mut slots = alloc::vec![RawInsn::new(MOVE, 0, 0, 0, 0); 40_000];
        slots[0] = RawInsn::new(JA, 0, 0, 32_767, 0);
        assert!(splice(&slots, &[site(5, 1)]).is_some());
        assert!(splice(&slots, &[site(5, 2)]).is_none());
    }

    #[test]
    fn facts_move_along() {
        let mut facts = Facts { dead: alloc::vec![1, 4, 9], lower_half: alloc::vec![3, 5], ..Facts::default() };
        facts.calls = [4, 7].map(|at| axbpf_abi::CallFact { at, map: 1, key: None }).to_vec();
        shift(&mut facts, &[site(4, 6), site(8, 8)]);
        assert_eq!((facts.dead, facts.lower_half), (alloc::vec![1, 4, 21], alloc::vec![3, 10]));
        assert_eq!(facts.calls.iter().map(|call| call.at).collect::<Vec<_>>(), [12], "what is no call any more is no fact");
    }
}
