//! Loops whose rounds need not be walked one by one.
//!
//! Linux walks a loop round by round until its states repeat or it ends. Here, once a loop has gone round a few times, one tries to walk all
//! its rounds at once: the present state is replaced by one that covers those of all rounds to come (numbers that change become ranges), the
//! body is walked from it, and if every path that comes back to the head is covered by it again, every round is. Should anything go wrong on
//! the way, from whatever path, everything that was learnt since is dropped and the loop is unrolled as before. So this only ever accepts
//! what is safe, and never refuses what unrolling would accept.
//!
//! That a loop *ends* does not follow from states that repeat. One of its numbers has to be a counter: on every path back it has moved by a
//! constant distance in one direction, without wrapping, within a range that is known. The counter gets an id of its own at the head, and
//! numbers keep their distance from the number that their id names, so what comes back tells how far it moved. The length of the range over
//! the distance bounds the rounds, and rounds times the longest way round is charged against the limit of instructions, as if they had been
//! walked.
//!
//! A good guess comes from a trial: first the body alone is walked with counters that may be anything, and what comes back, with the bounds
//! that branches compared them with, is the range that is then tried in earnest.
use crate::checkpoint::{reg_bit, slot_bit};
use crate::reason::{Step, refuse};
use crate::scalar::Scalar;
use crate::state::State;
use crate::tnum::{Tnum, low};
use crate::value::{Kind, Reg};
use crate::walk::Walk;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use axbpf_abi::flags::BPF_LOG_LEVEL2;
use axbpf_isa::Width;

/// Rounds that are walked before trying: short loops are unrolled, which says more.
const ROUNDS: u32 = 4;
/// Loops that were tried in vain are tried again after as many times the rounds.
const PATIENCE: u32 = 8;
/// Instructions that one try may take.
const BUDGET: usize = 20_000;
/// Counters that rise are expected to stay below.
const TOP: u64 = i32::MAX as u64;
/// Trials before one in earnest.
const TRIALS: u32 = 3;
/// Tries within each other.
const NESTED: usize = 16;

/// Where a number is: frame, and register or slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Reg(usize, usize),
    Slot(usize, usize),
}

/// A number that changes from round to round.
#[derive(Clone, Debug)]
struct Counter {
    place: Place,
    /// Its id at the head.
    id: u32,
    /// What it was a round before, and when the trial began.
    last: Scalar,
    start: Scalar,
    /// What the trial took it for.
    tried: Scalar,
    /// Bounds that it was compared with, and its distance from the head then.
    thresholds: Vec<(u64, i64)>,
    /// How far the trial saw it move in a round, at least and at most; `None`: it did not come back.
    moved: Option<(i64, i64)>,
}

/// The head of a loop that is walked for all rounds at once.
#[derive(Debug)]
pub(crate) struct Widened {
    pub frames: usize,
    /// Those that moved on every way round so far, and ids of all that were widened.
    counters: Vec<Counter>,
    pub ids: Vec<u32>,
    /// Instructions of a round that are paid for.
    longest: u64,
    /// Instructions of the longest round so far, and what paths may take beyond that because they were not walked to their end.
    used: u64,
    slack: u64,
    rounds: u64,
}

/// Something to return to if walking all rounds at once fails.
pub(crate) struct Speculation {
    state: State,
    at: u32,
    parent: Option<u32>,
    /// Open paths of `parent`: one more while this lasts.
    branches: u32,
    written: [u64; 8],
    pending: usize,
    /// Checkpoints made later have a higher one.
    epoch: u32,
    processed: usize,
    head: u32,
    trial: Option<Trial>,
    looped: u64,
}

/// The first of two walks: what comes back is only collected.
struct Trial {
    counters: Vec<Counter>,
    /// States at the head, joined.
    joined: Vec<Option<Scalar>>,
    /// What else came back otherwise than it was, and the number of trials before.
    more: Vec<Place>,
    attempt: u32,
    frames: usize,
    end: u32,
    returned: bool,
    longest: u64,
    slack: u64,
    cost: u64,
}

impl Place {
    fn of<'s>(&self, state: &'s State) -> Option<&'s Reg> {
        match *self {
            Place::Reg(frame, reg) => state.frames.get(frame).map(|frame| &frame.regs[reg]),
            Place::Slot(frame, slot) => {
                state.frames.get(frame)?.stack.get(slot)?.spilled().filter(|&(_, size)| size == 8).map(|(reg, _)| &**reg)
            }
        }
    }

    fn put(&self, state: &mut State, reg: Reg) {
        match *self {
            Place::Reg(frame, i) => Rc::make_mut(&mut state.frames[frame]).regs[i] = reg,
            Place::Slot(frame, slot) => state.stack_mut(frame).make(slot).reg = Some(Rc::new(reg)),
        }
    }

    fn bit(&self) -> u128 {
        match *self {
            Place::Reg(frame, reg) => reg_bit(frame, reg),
            Place::Slot(frame, slot) => slot_bit(frame, slot),
        }
    }
}

impl Walk<'_> {
    /// At the head of a loop: once it has gone round a few times, tries to walk all further rounds at once.
    pub(crate) fn try_widening(&mut self) -> Step<bool> {
        let Some(end) = self.flow.loop_end(self.at) else { return Ok(false) };
        let key = (self.at, self.state.frames.len());
        let entered = !(self.at..=end).contains(&self.from);
        let known = self.heads.entry(key).or_default();
        known.1 = if entered { 0 } else { known.1 + 1 };
        let rounds = known.1;
        let last = core::mem::replace(&mut known.0, self.state.clone());
        if rounds < ROUNDS || self.speculations.len() >= NESTED {
            return Ok(false);
        }
        let tries = self.stubborn.get(&key).copied().unwrap_or(0);
        if tries > 0 && (tries > 3 || rounds < ROUNDS * PATIENCE.pow(tries)) {
            return Ok(false);
        }
        let Some(changed) = self.changed(&last) else { return Ok(false) };
        // Loops over iterators end by themselves.
        if changed.is_empty() || self.state.has_iterators() {
            return Ok(false);
        }
        self.begin(changed, end, 0)?;
        Ok(true)
    }

    /// Places of numbers that differ from those of an older state. `None`: more than numbers differs.
    fn changed(&self, old: &State) -> Option<Vec<(Place, Scalar)>> {
        if old.refs.len() != self.state.refs.len() || old.lock != self.state.lock || old.unroll != self.state.unroll {
            return None;
        }
        let live = self.flow.live[self.at as usize];
        let top = self.state.top();
        let mut changed = Vec::new();
        for (number, (a, b)) in old.frames.iter().zip(&self.state.frames).enumerate() {
            if Rc::ptr_eq(a, b) {
                continue;
            }
            if a.subprog != b.subprog || a.callback != b.callback {
                return None;
            }
            for reg in 0..10 {
                if number == top && live >> reg & 1 == 0 {
                    continue;
                }
                let (x, y) = (&a.regs[reg], &b.regs[reg]);
                match (x.kind, y.kind) {
                    (Kind::Scalar, Kind::Scalar) if x.s == y.s && !moved(x, y) => {}
                    (Kind::Scalar, Kind::Scalar) => changed.push((Place::Reg(number, reg), x.s)),
                    (a, b) if a != b || (x.or_null, x.off) != (y.or_null, y.off) || x.s != y.s => return None,
                    _ => {}
                }
            }
            if Rc::ptr_eq(&a.stack, &b.stack) {
                continue;
            }
            for slot in 0..a.stack.slots.len().max(b.stack.slots.len()) {
                let (x, y) = (Place::Slot(number, slot).of(old), Place::Slot(number, slot).of(&self.state));
                match (x, y) {
                    (Some(x), Some(y)) if x.is_scalar() && y.is_scalar() => {
                        if x.s != y.s || moved(x, y) {
                            changed.push((Place::Slot(number, slot), x.s));
                        }
                    }
                    (Some(x), Some(y)) if x.kind == y.kind && x.off == y.off && x.s == y.s => {}
                    (None, None) => {}
                    _ => return None,
                }
            }
        }
        Some(changed)
    }

    /// Begins the trial: counters may be anything that they may come to be.
    fn begin(&mut self, changed: Vec<(Place, Scalar)>, end: u32, attempt: u32) -> Step {
        let before = self.state.clone();
        let mut counters = Vec::new();
        for (place, last) in changed {
            let Some(start) = place.of(&before).map(|reg| reg.s) else { continue };
            // A number that was nothing special a round before, as far as is known, becomes any number.
            let range = if last.umax < start.umin {
                // It rises; where it may wrap nothing could be said.
                Scalar::between(start.umin, start.umax.max(TOP))
            } else if start.umax < last.umin {
                Scalar::between((last.umin - start.umax).min(start.umin), start.umax)
            } else if last == start {
                start
            } else {
                Scalar::UNKNOWN
            };
            let tried = in_steps(range, &start, &last);
            let id = self.widen(place, tried);
            counters.push(Counter { place, id, last, start, tried, thresholds: Vec::new(), moved: None });
        }
        let joined = counters.iter().map(|_| None).collect();
        let trial = Trial {
            counters,
            joined,
            more: Vec::new(),
            attempt,
            frames: self.state.frames.len(),
            end,
            returned: false,
            longest: 0,
            slack: 0,
            cost: self.state.cost,
        };
        self.speculate(before, Some(trial));
        self.checkpoint().map(|_| ())
    }

    fn speculate(&mut self, state: State, trial: Option<Trial>) {
        // The checkpoint before stays open, whatever becomes of those that follow.
        let branches = self.parent.map_or(0, |parent| {
            let parent = &mut self.checkpoints[parent as usize];
            parent.branches += 1;
            parent.branches - 1
        });
        self.speculations.push(Speculation {
            branches,
            state,
            at: self.at,
            parent: self.parent,
            written: self.written,
            pending: self.pending.len(),
            epoch: self.epochs,
            processed: self.processed,
            head: self.at,
            trial,
            looped: self.looped,
        });
    }

    /// Makes the number at a place any of `s`, with a new id, which it answers.
    fn widen(&mut self, place: Place, s: Scalar) -> u32 {
        let id = self.new_id();
        if let Some(old) = place.of(&self.state) {
            let from = self.source_of(old, place.bit());
            let reg = Reg { s, id, from, epoch: self.epoch, ..Reg::UNKNOWN };
            place.put(&mut self.state, reg);
        }
        id
    }

    /// In a trial, at its head again: collects what came back.
    pub(crate) fn trial_round(&mut self) {
        let at = self.at;
        let others = match self.speculations.last() {
            Some(Speculation { trial: Some(trial), state, head, .. }) if *head == at && trial.frames == self.state.frames.len() => {
                self.changed(state).unwrap_or_default()
            }
            _ => return,
        };
        let Some(speculation) = self.speculations.last_mut() else { return };
        let state = &self.state;
        let Some(trial) = speculation.trial.as_mut() else { return };
        if speculation.head != at || trial.frames != state.frames.len() {
            return;
        }
        trial.returned = true;
        for (place, was) in others {
            let known = trial.more.contains(&place) || trial.counters.iter().any(|counter| counter.place == place);
            if !known && place.of(state).is_some_and(|reg| !was.contains(&reg.s)) {
                trial.more.push(place);
            }
        }
        trial.longest = trial.longest.max(state.cost - trial.cost);
        for (counter, joined) in trial.counters.iter_mut().zip(&mut trial.joined) {
            let Some(reg) = counter.place.of(state).filter(|reg| reg.is_scalar()) else { continue };
            *joined = Some(joined.map_or(reg.s, |old: Scalar| old.join(&reg.s)));
            let moved = (reg.id == counter.id).then_some(reg.delta);
            counter.moved = match (moved, counter.moved) {
                (Some(by), None) => Some((by, by)),
                (Some(by), Some((min, max))) => Some((min.min(by), max.max(by))),
                (None, _) => Some((i64::MIN, i64::MAX)),
            };
        }
    }

    /// Whether the path at hand leaves what a trial looks at.
    pub(crate) fn leaves_speculation(&self) -> bool {
        let Some(speculation) = self.speculations.last() else { return false };
        let Some(trial) = &speculation.trial else { return false };
        let depth = self.state.frames.len();
        let outside = depth < trial.frames || depth == trial.frames && !(speculation.head..=trial.end).contains(&self.at);
        let again = self.at == speculation.head && depth == trial.frames && self.processed > speculation.processed;
        outside || again
    }

    /// Remembers what counters are compared with.
    pub(crate) fn threshold(&mut self, a: &Reg, b: &Reg, width: Width) {
        if self.speculations.is_empty() {
            return;
        }
        let known = |reg: &Reg| if width == Width::W32 { reg.s.known32() } else { reg.known() };
        let (counter, bound) = match (known(a), known(b)) {
            (None, Some(bound)) => (a, bound),
            (Some(bound), None) => (b, bound),
            // The range of the other one bounds it too.
            (None, None) if a.is_scalar() && b.is_scalar() => {
                self.note_threshold(a.id, a.delta, b.s.umax);
                (b, a.s.umax)
            }
            _ => return,
        };
        self.note_threshold(counter.id, counter.delta, bound);
    }

    fn note_threshold(&mut self, id: u32, delta: i64, bound: u64) {
        if id == 0 {
            return;
        }
        for speculation in &mut self.speculations {
            if let Some(counter) = speculation.trial.as_mut().and_then(|trial| trial.counters.iter_mut().find(|counter| counter.id == id))
                && counter.thresholds.len() < 16
            {
                counter.thresholds.push((bound, delta));
            }
        }
    }

    /// When everything since the last speculation was walked: a trial is followed by the walk in earnest. `true`: a path is at hand.
    pub(crate) fn end_speculation(&mut self) -> bool {
        while let Some(speculation) = self.speculations.last() {
            if self.pending.len() > speculation.pending {
                return false;
            }
            if speculation.trial.is_some() {
                let Some(trial) = self.roll_back().and_then(|done| done.trial) else { return true };
                let goes_on = if trial.more.is_empty() || trial.attempt >= TRIALS { self.earnest(trial) } else { self.again(trial) };
                if !goes_on {
                    self.give_up();
                }
                return true;
            }
            // All rounds are covered; what they take was charged.
            if self.processed as u64 + self.looped > self.request.limits.insns as u64 {
                self.roll_back();
                self.give_up();
                return true;
            }
            let parent = speculation.parent;
            self.speculations.pop();
            if parent.is_some() {
                self.close(parent);
            }
        }
        false
    }

    /// Another trial, with more numbers that change.
    fn again(&mut self, trial: Trial) -> bool {
        let mut changed: Vec<(Place, Scalar)> = trial.counters.iter().map(|counter| (counter.place, counter.last)).collect();
        changed.extend(trial.more.iter().map(|&place| (place, Scalar::UNKNOWN)));
        self.begin(changed, trial.end, trial.attempt + 1).is_ok()
    }

    /// Something went wrong, or a path of a trial is at its end: whether a path is at hand.
    pub(crate) fn fail_speculation(&mut self, reason: &crate::Reason) -> bool {
        if let (Some(speculation), true) = (self.speculations.last(), self.request.log_level & BPF_LOG_LEVEL2 != 0) {
            let what = if speculation.trial.is_some() { "trial" } else { "walk" };
            let _ = writeln!(self.log, "\n; {what} of all rounds from insn {} fails at insn {}: {reason}", speculation.head, self.at);
        }
        if self.speculations.last().is_some_and(|s| s.trial.is_some() && self.processed - s.processed < BUDGET) {
            // Only a trial: the path is dropped.
            self.close(self.parent);
            return false;
        }
        if self.roll_back().is_some() {
            self.give_up();
        }
        true
    }

    /// The loop at hand is unrolled for now.
    fn give_up(&mut self) {
        *self.stubborn.entry((self.at, self.state.frames.len())).or_default() += 1;
    }

    /// Forgets everything since the last speculation.
    fn roll_back(&mut self) -> Option<Speculation> {
        let mut speculation = self.speculations.pop()?;
        self.resumed = true;
        self.pending.truncate(speculation.pending);
        if let Some(parent) = speculation.parent {
            self.checkpoints[parent as usize].branches = speculation.branches;
        }
        for index in 0..self.checkpoints.len() as u32 {
            if self.checkpoints[index as usize].epoch > speculation.epoch {
                let at = self.checkpoints[index as usize].at;
                if let Some(list) = self.here.get_mut(&at) {
                    list.retain(|&i| i != index);
                }
                self.release(index);
            }
        }
        self.state = core::mem::take(&mut speculation.state);
        (self.at, self.parent, self.written, self.looped) = (speculation.at, speculation.parent, speculation.written, speculation.looped);
        self.epoch = self.parent.map_or(0, |parent| self.checkpoints[parent as usize].epoch);
        Some(speculation)
    }

    /// The walk in earnest, from the ranges that the trial suggests. `false`: there is no counter.
    fn earnest(&mut self, trial: Trial) -> bool {
        if !trial.returned {
            return false;
        }
        let before = self.state.clone();
        let mut counters = Vec::new();
        for (mut counter, joined) in trial.counters.into_iter().zip(&trial.joined) {
            let range = match (joined, counter.moved) {
                (Some(joined), Some((min, max))) if min > 0 && max < i64::MAX => counter.rising(joined, max),
                (Some(joined), Some((min, max))) if max < 0 && min > i64::MIN => counter.falling(joined, min),
                (Some(joined), _) if counter.tried.contains(joined) => counter.start.join(joined),
                (Some(_), _) => Scalar::UNKNOWN,
                (None, _) => Scalar::UNKNOWN,
            };
            let mut range = range;
            if !range.sync() {
                range = Scalar::UNKNOWN;
            }
            if let Some(joined) = joined {
                range = in_steps(range, &counter.start, joined);
            }
            counter.id = self.widen(counter.place, range);
            counters.push(counter);
        }
        let ids: Vec<u32> = counters.iter().map(|counter| counter.id).collect();
        counters.retain(|counter| counter.steps());
        // The counter that takes the fewest rounds.
        let rounds = counters.iter().filter_map(|counter| counter.rounds(counter.place.of(&self.state)?)).min();
        // A trial does not see every way round to its end: twice as much is charged, if the limit allows.
        let seen = trial.longest.max(1) + trial.slack;
        let limit = self.request.limits.insns as u64;
        let charge = |longest: u64| rounds.unwrap_or(u64::MAX).saturating_mul(longest);
        let longest = if charge(2 * seen + 16) <= limit / 4 { 2 * seen + 16 } else { seen };
        let charged = charge(longest);
        let (Some(rounds), true) = (rounds, charged <= self.request.limits.insns as u64) else {
            self.state = before;
            return false;
        };
        self.speculate(before, None);
        self.state.cost += charged;
        self.looped += charged;
        let frames = self.state.frames.len();
        match self.checkpoint() {
            Ok(index) => {
                let widened = Widened { frames, counters, ids, longest, used: 0, slack: 0, rounds };
                self.checkpoints[index as usize].widened = Some(Box::new(widened));
                true
            }
            Err(_) => {
                self.roll_back();
                false
            }
        }
    }

    /// Ids of numbers that loops being walked count by: they stand for themselves.
    pub(crate) fn fixed_ids(&self) -> Vec<u32> {
        let heads = self.speculations.iter().filter(|speculation| speculation.trial.is_none());
        let of = |head: &Speculation| {
            let found = self.here.get(&head.head)?.iter().find(|&&i| self.checkpoints[i as usize].epoch == head.epoch + 1)?;
            self.checkpoints[*found as usize].widened.as_ref().map(|widened| widened.ids.clone())
        };
        heads.filter_map(of).flatten().collect()
    }

    /// Whether the path at hand comes from the loop's head at a checkpoint, and did not enter the loop anew since: its counters still say so.
    pub(crate) fn comes_back_to(&self, index: u32) -> bool {
        let Some(widened) = &self.checkpoints[index as usize].widened else { return false };
        let from_here = |counter: &Counter| counter.place.of(&self.state).is_some_and(|reg| reg.is_scalar() && reg.id == counter.id);
        widened.frames == self.state.frames.len() && widened.counters.iter().any(from_here)
    }

    /// Whether the present state is one more round of the loop that begins at a checkpoint, which covers it: one of its counters has moved.
    pub(crate) fn is_round_of(&self, index: u32) -> bool {
        let checkpoint = &self.checkpoints[index as usize];
        let Some(widened) = &checkpoint.widened else { return false };
        let cost = self.state.cost.saturating_sub(checkpoint.state.cost);
        // One of those that moved on every way round so far.
        cost + widened.slack <= widened.longest
            && widened.counters.iter().any(|counter| counter.round(&self.state, widened.rounds, &checkpoint.state))
    }

    pub(crate) fn note_return(&mut self, index: u32) {
        let state = &self.state;
        let checkpoint = &mut self.checkpoints[index as usize];
        if let Some(widened) = &mut checkpoint.widened {
            let (rounds, head) = (widened.rounds, &checkpoint.state);
            widened.counters.retain(|counter| counter.round(state, rounds, head));
            widened.used = widened.used.max(state.cost.saturating_sub(head.cost));
        }
        self.return_to(index);
    }

    /// A path is covered by an older state: it may take as much longer than that one as it took to get here.
    pub(crate) fn skipped(&mut self, index: u32) -> Step {
        let more = self.state.cost.saturating_sub(self.checkpoints[index as usize].state.cost);
        if more == 0 || self.speculations.is_empty() {
            return Ok(());
        }
        let mut parent = self.parent;
        let mut paid = true;
        while let Some(i) = parent {
            let checkpoint = &mut self.checkpoints[i as usize];
            if let Some(widened) = &mut checkpoint.widened {
                widened.slack += more;
                paid &= widened.used + widened.slack <= widened.longest;
            }
            parent = checkpoint.parent;
        }
        for trial in self.speculations.iter_mut().filter_map(|speculation| speculation.trial.as_mut()) {
            trial.slack += more;
        }
        if paid { Ok(()) } else { refuse!(Loop, "a round takes longer than was charged") }
    }
}

/// Whether a number is farther from, or nearer to, the number that both count from.
fn moved(a: &Reg, b: &Reg) -> bool {
    a.id != 0 && a.id == b.id && a.delta != b.delta
}

/// A range whose numbers have the lowest bits that `a` and `b` share: what moves by a multiple of eight stays aligned.
fn in_steps(range: Scalar, a: &Scalar, b: &Scalar) -> Scalar {
    let shared = a.bits.join(b.bits);
    let known = shared.mask.trailing_zeros();
    if known == 0 || known >= 64 {
        return range;
    }
    let bits = Tnum { value: shared.value & low(known), mask: !low(known) };
    let mut narrow = range;
    match range.bits.intersect(bits) {
        Some(bits) => {
            narrow.bits = bits;
            if narrow.sync() { narrow } else { range }
        }
        None => range,
    }
}

impl Counter {
    /// From where it is to where it was compared: `v != bound` ends a loop whose counter comes back with as much as `v` and the rest of a
    /// round.
    fn rising(&self, joined: &Scalar, moved: i64) -> Scalar {
        let reached = |&(bound, at): &(u64, i64)| bound.checked_sub(1)?.checked_add_signed(moved.checked_sub(at)?);
        let bounds = || self.thresholds.iter().filter_map(reached);
        let bound = bounds().filter(|&most| most >= self.start.umax && most < u64::MAX >> 1).min();
        let most = if joined.umax < TOP { Some(joined.umax) } else { bound };
        most.map_or(Scalar::UNKNOWN, |most| Scalar::between(self.start.umin, most.max(self.start.umax)))
    }

    fn falling(&self, joined: &Scalar, moved: i64) -> Scalar {
        let reached = |&(bound, at): &(u64, i64)| bound.checked_add(1)?.checked_add_signed(moved.checked_sub(at)?);
        let bound = self.thresholds.iter().filter_map(reached).filter(|&least| least <= self.start.umin).max();
        Scalar::between(
            bound.unwrap_or(0).max(if joined.umax <= self.start.umax { joined.umin } else { 0 }).min(self.start.umin),
            self.start.umax,
        )
    }

    /// Whether the trial saw it move in one direction only.
    fn steps(&self) -> bool {
        self.moved.is_some_and(|(min, max)| min > 0 && max < i64::MAX || max < 0 && min > i64::MIN)
    }

    /// The most rounds that it allows, by its range and how far the trial saw it move.
    fn rounds(&self, reg: &Reg) -> Option<u64> {
        let (min, max) = self.moved?;
        let step = if min > 0 { min.unsigned_abs() } else { max.unsigned_abs() };
        ((reg.s.umax - reg.s.umin) / step.max(1)).checked_add(1)
    }

    /// Whether it has moved in `state` since the head, in its direction, without wrapping, far enough for so many rounds.
    fn round(&self, state: &State, rounds: u64, head: &State) -> bool {
        let (Some(reg), Some(first), Some((min, _))) = (self.place.of(state), self.place.of(head), self.moved) else { return false };
        if !reg.is_scalar() || reg.id != self.id || reg.delta == 0 || (min > 0) != (reg.delta > 0) {
            return false;
        }
        let by = reg.delta.unsigned_abs();
        let unwrapped = if reg.delta > 0 { reg.s.umin >= by } else { reg.s.umax <= u64::MAX - by };
        unwrapped && (first.s.umax - first.s.umin) / by < rounds
    }
}
