//! How a simulated station keeps its record: take what waits, decide, commit, tell (DESIGN.md §9). As the station's thread
//! does it, with a commit that takes time and in which it can crash.

use std::collections::{BTreeMap, BTreeSet};

use counterpart_core::fault::{Misconduct, Refusal};
use counterpart_core::ids::{EntryRef, Epoch};
use counterpart_core::line::Line;
use counterpart_core::line::due::Conduct;
use counterpart_core::line::facts::Standing;
use counterpart_core::line::turn::{Answer, Given, Input, Written};
use counterpart_core::precedence::Mark;
use counterpart_core::record::log::Entry;
use counterpart_core::record::merkle::Hash;

use crate::counts;
use crate::fault::Fault;
use crate::journal::{Evidence, Journal, Transaction};
use crate::promises::{self, Held, Promise};
use crate::root::Rooted;
use crate::station::{Kept, Message, Tentative, Word};
use crate::world::{Event, World};

/// Inputs decided in one turn.
const TURN_INPUTS_MAX: usize = 64;
/// One commit in so many fails: the disk was full.
const FAILS_EVERY: u64 = 1_000;

/// What waits for one line, sorted.
#[derive(Default)]
struct Waiting {
    inputs: Vec<Input>,
    lies: Vec<crate::lies::EntryLie>,
    breaches: Vec<Evidence>,
    opening: Option<Box<counterpart_core::record::opening::Opening>>,
    words: Vec<Word>,
    retired: Vec<(Hash, u64)>,
    arrived: Vec<(Epoch, EntryRef, Vec<u8>)>,
    fed_by: BTreeSet<usize>,
}

impl World {
    /// A station looks at what waits, unless a commit is under way.
    pub(crate) fn woken(&mut self, station: usize) -> Held {
        let it = &mut self.stations[station];
        if it.wake_ms == Some(self.now_ms) {
            it.wake_ms = None;
        }
        if !it.running || it.pending.is_some() {
            return Ok(());
        }
        let mut waiting: BTreeMap<usize, Waiting> = BTreeMap::new();
        for (at, message) in it.inbox.drain(..it.inbox.len().min(TURN_INPUTS_MAX)) {
            waiting.entry(at).or_default().take(message);
        }
        if self.plan.fault == Some(Fault::ReorderedApply) {
            waiting.values_mut().for_each(Waiting::reorder);
        }
        let mut tentative = Vec::new();
        for at in 0..self.stations[station].kept.len() {
            let inputs = waiting.remove(&at);
            if inputs.is_some() || self.is_due(station, at) {
                tentative.push(self.decide(station, at, inputs.unwrap_or_default()));
            }
        }
        if !tentative.iter().any(Tentative::is_some) {
            for t in tentative {
                self.publish(station, t)?;
            }
            self.sleep(station);
            return Ok(());
        }
        self.while_tentative(station, &tentative)?;
        let (run, lasts) = (self.stations[station].run, self.chance.scaled(1, 20));
        if self.stations[station].doomed {
            let within = self.chance.below(lasts);
            self.after(within, Event::Crash(station, run));
        }
        self.after(lasts, Event::Committed(station, run));
        self.stations[station].pending = Some(tentative);
        Ok(())
    }

    /// What only a fault does: look at, or tell of, what no commit has kept yet.
    fn while_tentative(&mut self, station: usize, tentative: &[Tentative]) -> Held {
        for t in tentative {
            match self.plan.fault {
                Some(Fault::HeadNamedBeforeCommit) => self.tell_sessions(station, t.at, true)?,
                Some(Fault::RingBeforeCommit) => self.ring(station, t.at)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn is_due(&self, station: usize, at: usize) -> bool {
        let it = &self.stations[station];
        let (now, kept) = (it.now(self.now_ms), &it.kept[at]);
        let received = kept.line.received_due_ms().is_some_and(|ms| ms <= now.ms);
        kept.stirred || received || kept.next.is_some_and(|next| next <= now.wall)
    }

    /// One line's turn, on its tentative state.
    fn decide(&mut self, station: usize, at: usize, waiting: Waiting) -> Tentative {
        let Waiting { inputs, lies, breaches, opening, words, retired, arrived, fed_by } = waiting;
        let mut chance = self.chance.apart();
        let it = &mut self.stations[station];
        let now = it.now(self.now_ms);
        let steady_ms = now.ms.saturating_sub(it.kept[at].up_since_ms);
        let conduct = Conduct { even: it.kept[at].even, steady_ms, mark: Mark::Exercise };
        let accepts_forks = self.plan.fault == Some(Fault::AcceptedFork);
        let mut rooted = Rooted::default();
        for (link, highest) in retired {
            if it.kept[at].line.retire(&link, highest) {
                rooted.retired = Some(Some(highest));
            }
        }
        for word in words {
            it.by_root(at, word, (now, conduct, &self.plan.signing), &mut rooted);
        }
        let key = it.key_of(it.kept[at].line.signer());
        let kept = &mut it.kept[at];
        let Kept { line, journal, .. } = kept;
        let Rooted { mut written, refused, mut answers, retired, opened } = rooted;
        let begun: Vec<_> = written.iter().map(|w| (w.epoch, w.entry.header.at(), w.entry.bytes.clone())).collect();
        let stored = |epoch: Epoch, at: EntryRef| {
            let come = if accepts_forks { arrived.as_slice() } else { begun.as_slice() };
            stored(journal, epoch, at, come)
        };
        let verify = &self.plan.signing;
        let given = Given { now: now.wall, conduct, monotonic_ms: now.ms, sign: &key.entry, verify, stored: &stored };
        written.extend(opening.and_then(|opening| line.open(&opening, &given).ok()));
        for lie in lies {
            written.extend(crate::lies::craft(line, journal, &given, lie, &mut chance));
        }
        if self.plan.fault == Some(Fault::LapseByTheWrongSide) && it.nature == crate::plan::Nature::Honest {
            written.extend(crate::lies::wrong_lapse(line, &given));
        }
        let brought: Vec<(Epoch, Vec<u8>)> = inputs.iter().map(brought).collect();
        let plan = line.turn(inputs, &given);
        written.extend(plan.written);
        let arrived = judged(arrived, journal, plan.answers.iter().zip(&brought));
        let accused = plan.answers.iter().zip(brought);
        let mut evidence: Vec<Evidence> =
            accused.filter_map(|(answer, brought)| accusation(line, answer, brought)).collect();
        if accepts_forks {
            evidence.retain(|e| e.what != Misconduct::Fork);
        }
        for breach in breaches {
            line.mark_halted(breach.epoch, breach.what);
            let epoch = known(line, breach.epoch);
            evidence.push(Evidence { epoch, ..breach });
        }
        answers.extend(plan.answers);
        kept.stirred = false;
        Tentative {
            at,
            written,
            shown: plan.shown,
            refused,
            retired,
            opened,
            answers,
            evidence,
            arrived,
            fed_by,
            next: plan.next,
        }
    }

    /// The commit is done, or it failed and nothing of it is kept.
    pub(crate) fn committed(&mut self, station: usize) -> Held {
        let Some(tentative) = self.stations[station].pending.take() else { return Ok(()) };
        if !self.healed && self.chance.below(FAILS_EVERY) == 0 {
            return self.failed(station, &tentative);
        }
        for t in &tentative {
            self.store(station, t)?;
        }
        for t in tentative {
            self.publish(station, t)?;
        }
        self.sleep(station);
        Ok(())
    }

    /// On disk, from now on.
    pub(crate) fn store(&mut self, station: usize, t: &Tentative) -> Held {
        let it = &mut self.stations[station];
        let (honest, kept) = (it.honest(), &mut it.kept[t.at]);
        let was_halted: Vec<Epoch> =
            kept.journal.evidence().iter().filter(|e| e.what.halts()).map(|e| e.epoch).collect();
        let Tentative { written, shown, refused, evidence, retired, .. } = t;
        kept.journal.commit(Transaction { written, shown, refused, evidence, retired: *retired }, self.now_ms);
        let me = kept.line.me();
        // What continues it may still come when a later epoch serves.
        let serving = kept.journal.serving().epoch;
        let halted = |epoch: &Epoch| *epoch >= serving && was_halted.contains(epoch);
        let taken = written.iter().any(|w| w.entry.header.party != me && halted(&w.epoch));
        Promise::HaltedStays.check(!taken, || "an entry was taken of a log that is halted".into())?;
        let key = |epoch: Epoch, index| kept.line.span(epoch).map(|span| span.peer().key_at(index));
        let signed = |entry: &Entry| {
            let key = key(entry.header.epoch, entry.header.own.size);
            key.is_some_and(|key| entry.signed_by(&key, &self.plan.signing))
        };
        for (epoch, at, bytes) in &t.arrived {
            forked(&kept.journal, *epoch, *at, bytes, signed)?;
        }
        for e in evidence {
            let shows = e.what != Misconduct::Fork || Entry::read(&e.bytes).is_ok_and(|entry| signed(&entry));
            Promise::EvidenceHolds.check(shows, || "what is kept as a fork was not signed by the peer".into())?;
        }
        let wire = &mut self.wires[kept.wire];
        wire.granted[me.slot()].extend(t.opened.map(|opened| opened.key));
        let own = written.iter().filter(|w| w.entry.header.party == me && !w.taken_back);
        for w in own.filter(|_| honest) {
            let place = (w.epoch, w.entry.header.own.size);
            wire.leaves[me.slot()].insert(w.entry.leaf);
            if *wire.signed[me.slot()].entry(place).or_insert(w.entry.leaf) != w.entry.leaf {
                let unmarked = wire.unmarked[me.slot()];
                Promise::SignedOnce.check(unmarked, || format!("{} #{} is signed twice", place.0, place.1))?;
                wire.forked[me.slot()].insert(w.epoch);
                self.counts.note("signed at a place where another copy has signed");
            }
        }
        Ok(())
    }

    /// Tells everybody of what is on disk.
    fn publish(&mut self, station: usize, t: Tentative) -> Held {
        let at = t.at;
        let it = &mut self.stations[station];
        let (honest, name) = (it.honest(), it.name);
        let kept = &mut it.kept[at];
        kept.next = t.next;
        kept.held = kept.line.held();
        kept.heard = kept.line.heard();
        if !t.refused.is_empty() {
            kept.watched.refused();
        }
        kept.watched.committed(&kept.line, &kept.journal, &t.written, honest)?;
        let wire = kept.wire;
        counts::of_restore(&mut self.counts, kept, &t);
        for w in &t.written {
            let header = &w.entry.header;
            if header.party == kept.line.me() {
                counts::of_entry(&mut self.counts, w);
                self.story.tell(self.now_ms, || format!("{name} on wire {wire}: {}", told(w)));
            }
            kept.watched.told(w.epoch, header.at(), w.entry.leaf);
            self.wires[wire].touched.extend(w.thing.map(|thing| (w.epoch, thing)));
        }
        for answer in &t.answers {
            self.answered(station, at, answer)?;
        }
        for e in &t.evidence {
            self.is_accused_rightly(station, at, e.what, e.epoch)?;
            self.names_who(station, at, e)?;
            self.counts.note(if e.what.halts() { "halt" } else { "misconduct kept" });
            self.story.tell(self.now_ms, || format!("{name} on wire {wire}: keeps evidence of {}", e.what.word()));
            self.tell_misconduct(station, at, e)?;
        }
        if t.opened.is_some() {
            self.has_opened(station, at);
        }
        self.notice(station, at);
        self.tell_sessions(station, at, false)?;
        self.ring(station, at)?;
        self.look_if_even(wire)
    }

    fn answered(&mut self, station: usize, at: usize, answer: &Answer) -> Held {
        match answer {
            Answer::Refused(refusal) => {
                self.counts.note(counts::refusal(refusal));
                if self.stands_aside(station) && *refusal == Refusal::Restored {
                    self.counts.note("refused at the copy that stands aside");
                }
            }
            Answer::Misconduct(what) => self.counts.note(format!("misconduct {}", counts::name(what))),
            Answer::Written(entry) => {
                self.acts += u64::from(entry.party == self.stations[station].kept[at].line.me());
            }
            Answer::Held => self.counts.note("held already"),
            Answer::Kept => self.counts.note("shown kept"),
            Answer::LetGo => self.counts.note("let go"),
        }
        Ok(())
    }

    /// Both stations of a wire hold the same: then they see the same of all that has changed since.
    fn look_if_even(&mut self, wire: usize) -> Held {
        if self.wires[wire].touched.is_empty() || !self.is_even(wire) || !self.is_settled(wire) {
            return Ok(());
        }
        self.counts.note("looked at even records");
        let mut touched = std::mem::take(&mut self.wires[wire].touched);
        let [one, other] = self.ends(wire).map(|kept| kept.line.epoch());
        if one != other {
            return Ok(());
        }
        let from = self.same_from(wire);
        touched.retain(|(epoch, _)| *epoch >= from);
        let [one, other] = self.ends(wire);
        promises::same_of(&one.line, &other.line, &touched)
    }

    /// Neither station of a wire is deciding anything.
    pub(crate) fn is_settled(&self, wire: usize) -> bool {
        self.wires[wire].places.iter().all(|(s, _)| self.stations[*s].running && self.stations[*s].pending.is_none())
    }

    /// When a station wakes by itself.
    fn sleep(&mut self, station: usize) {
        const AT_LEAST_EVERY_MS: u64 = 3_600_000;
        let it = &self.stations[station];
        let now = it.now(self.now_ms);
        let due = it.kept.iter().flat_map(|kept| {
            let clock = kept.next.map(|next| next.since(now.wall).max(1));
            let received = kept.line.received_due_ms().map(|ms| ms.saturating_sub(now.ms));
            [clock, received, kept.stirred.then_some(0)].into_iter().flatten()
        });
        let waits = (!it.inbox.is_empty()).then_some(0);
        let ms = due.chain(waits).min().unwrap_or(AT_LEAST_EVERY_MS).min(AT_LEAST_EVERY_MS);
        self.wake(station, ms);
    }
}

impl Waiting {
    fn take(&mut self, message: Message) {
        match message {
            Message::Open(opening) => self.opening = Some(opening),
            Message::Act(epoch, act, words) => self.inputs.push(Input::Act(epoch, act, words)),
            Message::Alerting(epoch, at, channel) => self.inputs.push(Input::Alerting(epoch, at, channel)),
            Message::Arrived(number, arrived) => {
                self.fed_by.insert(number);
                let header = &arrived.entry.header;
                self.arrived.push((header.epoch, header.at(), arrived.entry.bytes.clone()));
                self.inputs.push(Input::Arrived(arrived));
            }
            Message::Shown(number, shown) => {
                self.fed_by.insert(number);
                self.inputs.push(Input::Shown(shown));
            }
            Message::Heard(number, named) => {
                self.fed_by.insert(number);
                self.inputs.push(Input::Heard(named));
            }
            Message::Root(word) => self.words.push(*word),
            Message::Retired(link, highest) => self.retired.push((link, highest)),
            Message::Breach(evidence) => self.breaches.push(evidence),
            Message::Lie(lie) => self.lies.push(lie),
        }
    }

    /// The fault of that name: the last two entries change places.
    fn reorder(&mut self) {
        let arrived = |input: &Input| matches!(input, Input::Arrived(_));
        let places: Vec<usize> = (0..self.inputs.len()).filter(|at| arrived(&self.inputs[*at])).collect();
        if let [.., one, other] = places.as_slice() {
            self.inputs.swap(*one, *other);
        }
    }
}

/// What the store says stands at an index, or what this turn has brought there.
fn stored(journal: &Journal, epoch: Epoch, at: EntryRef, come: &[(Epoch, EntryRef, Vec<u8>)]) -> Option<Vec<u8>> {
    let come = come.iter().find(|(e, a, _)| (*e, *a) == (epoch, at));
    let come = come.map(|(_, _, bytes)| bytes.clone());
    come.or_else(|| journal.entry(epoch, at).map(|s| s.entry.bytes.clone()))
}

/// The bytes that an input brought from outside, and the epoch of which they are.
fn brought(input: &Input) -> (Epoch, Vec<u8>) {
    match input {
        Input::Arrived(arrived) => (arrived.entry.header.epoch, arrived.entry.bytes.clone()),
        Input::Shown(shown) => (shown.entry.header.epoch, shown.entry.bytes.clone()),
        _ => (Epoch::FIRST, Vec::new()),
    }
}

fn accusation(line: &Line, answer: &Answer, (epoch, bytes): (Epoch, Vec<u8>)) -> Option<Evidence> {
    let epoch = known(line, epoch);
    if let Answer::Misconduct(what) = answer { Some(Evidence { what: *what, epoch, bytes }) } else { None }
}

/// The epoch in which the line takes misconduct to be.
fn known(line: &Line, epoch: Epoch) -> Epoch {
    if line.span(epoch).is_some() { epoch } else { line.epoch() }
}

/// Without what was let go before anything stood in its place: it shows no fork of what the same turn took there.
fn judged<'a>(
    mut arrived: Vec<(Epoch, EntryRef, Vec<u8>)>,
    journal: &Journal,
    answers: impl Iterator<Item = (&'a Answer, &'a (Epoch, Vec<u8>))>,
) -> Vec<(Epoch, EntryRef, Vec<u8>)> {
    let let_go: BTreeSet<&[u8]> =
        answers.filter(|(answer, _)| **answer == Answer::LetGo).map(|(_, (_, bytes))| bytes.as_slice()).collect();
    arrived.retain(|(epoch, at, bytes)| journal.entry(*epoch, *at).is_some() || !let_go.contains(bytes.as_slice()));
    arrived
}

/// A signed entry that differs from the one on disk at its index, or follows another log than that on disk: then the log is halted;
/// and the entry is kept, unless the log was halted before and has not come so far.
fn forked(journal: &Journal, epoch: Epoch, at: EntryRef, bytes: &[u8], signed: impl Fn(&Entry) -> bool) -> Held {
    let Some(part) = journal.of(epoch) else { return Ok(()) };
    let stands = part.entry(at);
    let Ok(entry) = Entry::read(bytes) else { return Ok(()) };
    let other = match stands {
        Some(stored) => stored.entry.bytes != bytes,
        None => part.root_at(at.party, at.index).is_some_and(|root| root != entry.header.own.root),
    };
    if !other || !signed(&entry) {
        return Ok(());
    }
    // Of an ended log that a fork has halted one is kept.
    let known = |e: &Evidence| e.what == Misconduct::Fork && e.epoch == epoch && epoch < journal.serving().epoch;
    let kept = stands.is_none() || journal.evidence().iter().any(|e| e.bytes == bytes || known(e));
    Promise::NoForkIsTaken.check(kept && journal.halted(epoch).is_some(), || format!("two logs at {epoch} {at}"))
}

fn told(written: &Written) -> String {
    let header = &written.entry.header;
    let kind = header.kind().map_or("of an unknown type", counterpart_core::record::kind::Kind::word);
    let on = header.refers.map_or(String::new(), |at| format!(" on {at}"));
    let held = header.held.size;
    let standing =
        if written.standing == Standing::Counts { String::new() } else { format!("  ({:?})", written.standing) };
    let back = if written.taken_back { "  (taken back)" } else { "" };
    let epoch = if header.epoch == Epoch::FIRST { String::new() } else { format!("epoch {} ", header.epoch.number) };
    format!("{epoch}{} {kind}{on}, holds {held}{standing}{back}", header.at())
}
