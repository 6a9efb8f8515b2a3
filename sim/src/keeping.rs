//! How a simulated station keeps its record: take what waits, decide, commit, tell (DESIGN.md §9). As the station's thread
//! does it, with a commit that takes time and in which it can crash.

use std::collections::{BTreeMap, BTreeSet};

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{EntryRef, Epoch};
use counterpart_core::line::due::Conduct;
use counterpart_core::line::facts::Standing;
use counterpart_core::line::ringing;
use counterpart_core::line::turn::{Answer, Given, Input, Written};
use counterpart_core::precedence::Mark;
use counterpart_core::record::codes::Channel;
use counterpart_core::record::log::Entry;

use crate::counts;
use crate::fault::Fault;
use crate::journal::{Evidence, Journal, Reading};
use crate::plan::LENGTH_MS;
use crate::promises::{self, Held, Promise};
use crate::station::{Kept, Message, Tentative};
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
    arrived: Vec<(EntryRef, Vec<u8>)>,
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
            let epoch = it.kept[at].line.epoch();
            waiting.entry(at).or_default().take(message, epoch);
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
        if !tentative.iter().any(|t| !t.written.is_empty() || !t.evidence.is_empty()) {
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
        let Waiting { inputs, lies, breaches, opening, arrived, fed_by } = waiting;
        let mut chance = self.chance.apart();
        let it = &mut self.stations[station];
        let now = it.now(self.now_ms);
        let (kept, key) = (&mut it.kept[at], &it.key);
        let Kept { line, journal, .. } = kept;
        let accepts_forks = self.plan.fault == Some(Fault::AcceptedFork);
        let stored = |_: Epoch, at: EntryRef| stored(journal, at, accepts_forks.then_some(arrived.as_slice()));
        let steady_ms = now.ms.saturating_sub(kept.up_since_ms);
        let conduct = Conduct { even: kept.even, steady_ms, mark: Mark::Exercise };
        let given = Given {
            now: now.wall,
            conduct,
            monotonic_ms: now.ms,
            sign: key,
            verify: &self.plan.signing,
            stored: &stored,
        };
        let mut written: Vec<Written> = Vec::new();
        written.extend(opening.and_then(|opening| line.open(&opening, &given).ok()));
        for lie in lies {
            written.extend(crate::lies::craft(line, journal, &given, lie, &mut chance));
        }
        if self.plan.fault == Some(Fault::LapseByTheWrongSide) && it.nature == crate::plan::Nature::Honest {
            written.extend(crate::lies::wrong_lapse(line, &given));
        }
        let shown: Vec<Vec<u8>> = inputs.iter().map(shown).collect();
        let plan = line.turn(inputs, &given);
        written.extend(plan.written);
        let accused = plan.answers.iter().zip(shown);
        let mut evidence: Vec<Evidence> = accused.filter_map(|(answer, bytes)| accusation(answer, bytes)).collect();
        for breach in breaches {
            line.mark_halted(line.epoch(), breach.what);
            evidence.push(breach);
        }
        kept.stirred = false;
        Tentative { at, written, answers: plan.answers, evidence, arrived, fed_by, next: plan.next }
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
    fn store(&mut self, station: usize, t: &Tentative) -> Held {
        let it = &mut self.stations[station];
        let kept = &mut it.kept[t.at];
        let was_halted = kept.journal.halted().is_some();
        kept.journal.commit(&t.written, &t.evidence);
        for w in &t.written {
            kept.committed_ms[w.entry.header.party.slot()].push(self.now_ms);
        }
        let me = kept.line.me();
        let taken = t.written.iter().any(|w| w.entry.header.party != me);
        Promise::HaltedStays.check(!(was_halted && taken), || "an entry was taken of a log that is halted".into())?;
        let key = kept.line.peer().key();
        for (at, bytes) in &t.arrived {
            forked(&kept.journal, *at, bytes, |entry| entry.signed_by(&key, &self.plan.signing))?;
        }
        for e in &t.evidence {
            let entry = Entry::read(&e.bytes).ok();
            let signed = entry.is_some_and(|entry| entry.signed_by(&key, &self.plan.signing));
            let shows = e.what != Misconduct::Fork || signed;
            Promise::EvidenceHolds.check(shows, || "what is kept as a fork was not signed by the peer".into())?;
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
        kept.watched.committed(&kept.line, &kept.journal, &t.written, honest)?;
        let wire = kept.wire;
        for w in &t.written {
            let header = &w.entry.header;
            if header.party == kept.line.me() {
                counts::of_entry(&mut self.counts, w);
                self.story.tell(self.now_ms, || format!("{name} on wire {wire}: {}", told(w)));
            }
            kept.watched.told(header.at(), w.entry.leaf);
            self.wires[wire].touched.extend(w.thing);
        }
        for answer in &t.answers {
            self.answered(station, at, answer)?;
        }
        for e in &t.evidence {
            self.counts.note(if e.what.halts() { "halt" } else { "misconduct kept" });
            self.story.tell(self.now_ms, || format!("{name} on wire {wire}: keeps evidence of {}", e.what.word()));
            self.tell_misconduct(station, at, e.what, &e.bytes)?;
        }
        self.tell_sessions(station, at, false)?;
        self.ring(station, at)?;
        self.look_if_even(wire)
    }

    fn answered(&mut self, station: usize, at: usize, answer: &Answer) -> Held {
        match answer {
            Answer::Refused(refusal) => self.counts.note(counts::refusal(refusal)),
            Answer::Misconduct(what) => {
                let wire = self.stations[station].kept[at].wire;
                let honest = self.wires[wire].places.iter().all(|(s, _)| self.stations[*s].honest());
                Promise::AppliedInOrder.check(!honest, || format!("the record names {}", what.word()))?;
                self.counts.note(format!("misconduct {}", counts::name(what)));
            }
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
        let touched = std::mem::take(&mut self.wires[wire].touched);
        let [one, other] = self.ends(wire);
        promises::same_of(&one.line, &other.line, &touched)
    }

    /// Neither station of a wire is deciding anything.
    fn is_settled(&self, wire: usize) -> bool {
        self.wires[wire].places.iter().all(|(s, _)| self.stations[*s].running && self.stations[*s].pending.is_none())
    }

    /// A commit failed: the tentative state is dropped, and whoever fed it is hung up on.
    fn failed(&mut self, station: usize, tentative: &[Tentative]) -> Held {
        self.counts.note("commit failed");
        let name = self.stations[station].name;
        self.story.tell(self.now_ms, || format!("{name}: a commit failed; nothing of it is kept"));
        for t in tentative {
            self.reload(station, t.at)?;
            self.open_again(station, t.at);
            let me = self.stations[station].kept[t.at].line.me();
            for number in &t.fed_by {
                // Also of a connection that the other end has left already: what is still on its way would leave a gap.
                let end = &mut self.connections[*number].ends[me.slot()];
                end.session = None;
                end.coming.clear();
                self.cut(*number, 1, 10);
            }
            // What came behind it on those connections is dropped with them: it comes again.
            let behind = |m: &Message| matches!(m, Message::Arrived(number, _) if t.fed_by.contains(number));
            self.stations[station].inbox.retain(|(_, message)| !behind(message));
        }
        self.wake(station, 0);
        Ok(())
    }

    /// Reads a line back from disk.
    fn reload(&mut self, station: usize, at: usize) -> Held {
        let seed = self.chance.draw();
        let kept = &mut self.stations[station].kept[at];
        let mut line = promises::reload(&kept.journal, Reading::First(kept.line.me()))?;
        if seed.is_multiple_of(4) {
            let again = promises::reload(&kept.journal, Reading::Mixed(seed))?;
            promises::same(Promise::OrderDoesNotMatter, &line, &again)?;
        }
        if let Some(halted) = kept.journal.halted() {
            line.mark_halted(line.epoch(), halted);
        }
        kept.line = line;
        kept.stirred = true;
        kept.watched.look(&kept.line, &kept.journal)
    }

    /// A station stops without a word: at once, or in the middle of its next commit.
    pub(crate) fn crash(&mut self, station: usize, run: u64) -> Held {
        let it = &mut self.stations[station];
        let in_commit = it.run == run;
        if !it.running || self.now_ms > LENGTH_MS || (!in_commit && run != u64::MAX) {
            return Ok(());
        }
        if !in_commit && it.pending.is_none() && self.chance.percent(70) {
            it.doomed = true;
            return Ok(());
        }
        let kept = self.chance.percent(50);
        let what = match it.pending.take() {
            None => "crash",
            Some(tentative) if kept => {
                for t in &tentative {
                    self.store(station, t)?;
                }
                "crash after commit"
            }
            Some(_) => "crash before commit",
        };
        self.counts.note(what);
        let it = &mut self.stations[station];
        (it.running, it.doomed, it.wake_ms) = (false, false, None);
        it.run += 1;
        it.inbox.clear();
        let name = it.name;
        self.story.tell(self.now_ms, || format!("{name}: {what}"));
        self.hang_up(station);
        let down = self.chance.scaled(500, 20_000_000);
        self.after(down, Event::Start(station));
        Ok(())
    }

    /// A station starts: it reads its lines from disk and looks at what stands.
    pub(crate) fn start(&mut self, station: usize) -> Held {
        let now = self.now_ms;
        let it = &mut self.stations[station];
        if std::mem::replace(&mut it.running, true) {
            return Ok(());
        }
        it.started_ms = now;
        let name = it.name;
        self.story.tell(now, || format!("{name}: starts"));
        for at in 0..self.stations[station].kept.len() {
            let kept = &mut self.stations[station].kept[at];
            (kept.current, kept.even, kept.up_since_ms, kept.next) = (None, false, 0, None);
            kept.ringing.clear();
            let wire = kept.wire;
            self.open_again(station, at);
            self.reload(station, at)?;
            self.ring(station, at)?;
            self.redial(wire);
        }
        self.wake(station, 0);
        Ok(())
    }

    /// Pairing repeats what did not come to be: a log that has not begun is begun again.
    pub(crate) fn open_again(&mut self, station: usize, at: usize) {
        let kept = &self.stations[station].kept[at];
        if kept.journal.size(kept.line.me()) == 0 {
            let opening = Box::new(self.wires[kept.wire].opening.clone());
            self.put(station, at, Message::Open(opening));
        }
    }

    /// Brings the bells up to what the line says must ring.
    fn ring(&mut self, station: usize, at: usize) -> Held {
        let it = &self.stations[station];
        let (honest, run) = (it.honest(), it.run);
        let kept = &it.kept[at];
        let rings = ringing::rings(&kept.line.facts().all(), kept.line.me());
        let mut now_ringing = BTreeSet::new();
        let (mut fresh, mut told) = (Vec::new(), Vec::new());
        for ring in rings {
            if honest {
                promises::ring(&kept.line, &kept.journal, &ring)?;
            }
            now_ringing.insert(ring.at);
            if !kept.ringing.contains(&ring.at) && ring.climbs {
                fresh.push(ring.at);
            }
            if ring.tells {
                told.push(ring.at);
            }
        }
        let kept = &mut self.stations[station].kept[at];
        kept.ringing = now_ringing;
        // Somebody takes note of every third, as soon as it rings.
        for act in told.into_iter().filter(|act| act.index.is_multiple_of(3)) {
            if kept.line.note(act) {
                kept.journal.note(act);
                self.counts.note("noted");
            }
        }
        for attempt in fresh {
            self.counts.note("rang");
            // Not every device that rings can say so.
            if self.chance.percent(60) {
                let (after, channel) =
                    (self.chance.scaled(20, 5_000), self.chance.one([Channel::Terminal, Channel::Desk]));
                self.after(after, Event::Rung(station, run, at, attempt, channel));
            }
        }
        Ok(())
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
    fn take(&mut self, message: Message, epoch: Epoch) {
        match message {
            Message::Open(opening) => self.opening = Some(opening),
            Message::Act(act, words) => self.inputs.push(Input::Act(epoch, act, words)),
            Message::Alerting(at, channel) => self.inputs.push(Input::Alerting(epoch, at, channel)),
            Message::Arrived(number, arrived) => {
                self.fed_by.insert(number);
                self.arrived.push((arrived.entry.header.at(), arrived.entry.bytes.clone()));
                self.inputs.push(Input::Arrived(arrived));
            }
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

/// What the store says stands at an index; with the fault of that name, whatever has just come.
fn stored(journal: &Journal, at: EntryRef, come: Option<&[(EntryRef, Vec<u8>)]>) -> Option<Vec<u8>> {
    let come = come.and_then(|come| come.iter().find(|(a, _)| *a == at));
    come.map(|(_, bytes)| bytes.clone()).or_else(|| journal.entry(at).map(|s| s.entry.bytes.clone()))
}

/// The bytes that an input brought from outside.
fn shown(input: &Input) -> Vec<u8> {
    if let Input::Arrived(arrived) = input { arrived.entry.bytes.clone() } else { Vec::new() }
}

fn accusation(answer: &Answer, bytes: Vec<u8>) -> Option<Evidence> {
    if let Answer::Misconduct(what) = answer { Some(Evidence { what: *what, bytes }) } else { None }
}

/// A signed entry that differs from the one on disk at its index: then the log is halted, and the entry kept.
fn forked(journal: &Journal, at: EntryRef, bytes: &[u8], signed: impl Fn(&Entry) -> bool) -> Held {
    let Some(stored) = journal.entry(at).filter(|s| s.entry.bytes != bytes) else { return Ok(()) };
    if Entry::read(bytes).is_ok_and(|entry| signed(&entry)) {
        let kept = journal.halted().is_some() && journal.evidence().iter().any(|e| e.bytes == bytes);
        let leaf = stored.entry.leaf;
        return Promise::NoForkIsTaken.check(kept, || format!("two entries at {at}, one with leaf {leaf:02x?}"));
    }
    Ok(())
}

fn told(written: &Written) -> String {
    let header = &written.entry.header;
    let kind = header.kind().map_or("of an unknown type", counterpart_core::record::kind::Kind::word);
    let on = header.refers.map_or(String::new(), |at| format!(" on {at}"));
    let held = header.held.size;
    let standing =
        if written.standing == Standing::Counts { String::new() } else { format!("  ({:?})", written.standing) };
    format!("{} {kind}{on}, holds {held}{standing}", header.at())
}
