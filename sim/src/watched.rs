//! What one end of a line has shown so far: what may not change any more.

use std::collections::{BTreeMap, BTreeSet};

use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::line::Line;
use counterpart_core::line::crossing::{Decision, Outcome};
use counterpart_core::line::facts::{Fact, Standing, View};
use counterpart_core::line::restore::{Restore, Showing};
use counterpart_core::line::talk::TalkState;
use counterpart_core::line::turn::Written;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::log::opened_with;
use counterpart_core::record::merkle::Hash;
use counterpart_core::record::what::What;

use crate::journal::Journal;
use crate::promises::{Held, Promise};

/// What was shown by one end of a line.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    settled: BTreeMap<(Epoch, EntryRef), Outcome>,
    talked: BTreeSet<(Epoch, EntryRef)>,
    /// Requests and offers that are not settled yet.
    unsettled: BTreeSet<(Epoch, EntryRef)>,
    /// What callers were told is in the record.
    told: Vec<(Epoch, EntryRef, Hash)>,
    /// Commits since everything was last looked at.
    commits: u64,
    /// It has been put back to a backup, or a person has refused a part of its log.
    is_copy: bool,
    /// At the last commit a branch of its log of the epoch that served lay before it, or its link key was retired.
    held_back: bool,
    /// Epochs in which it has named `head-never-ours` of an honest peer, not knowing that it is a copy: it has lost what that names.
    mistaken: BTreeSet<Epoch>,
    /// Another copy of it lives at the same time.
    is_twin: bool,
    /// Entries of its own log that the other copy has signed, as far as they count here.
    by_other: BTreeSet<(Epoch, EntryRef)>,
}

/// After so many commits all that is settled is looked at again, and not only what a commit touches.
const LOOK_AGAIN: u64 = 64;

impl Watched {
    /// A caller has been told that this entry is in the record.
    pub fn told(&mut self, epoch: Epoch, at: EntryRef, leaf: Hash) {
        self.told.push((epoch, at, leaf));
    }

    /// It is put back to this: what was shown till then still stands.
    pub fn is_copy(&mut self) {
        self.is_copy = true;
    }

    /// From now on another copy lives too. What this one alone has said of a talk the peer may never hold.
    pub fn is_twin(&mut self) {
        self.is_twin = true;
        self.talked.clear();
    }

    /// All that callers were told.
    pub fn all_told(&self) -> impl Iterator<Item = &(Epoch, EntryRef, Hash)> {
        self.told.iter()
    }

    /// Whether a caller was told this entry, and not later by the peer what the other copy has signed.
    pub fn has_told(&self, epoch: Epoch, at: EntryRef, leaf: &Hash) -> bool {
        self.told.contains(&(epoch, at, *leaf)) && !self.by_other.contains(&(epoch, at))
    }

    /// All that was settled, each as it was shown last.
    pub fn all_settled(&self) -> impl Iterator<Item = (&(Epoch, EntryRef), &Outcome)> {
        self.settled.iter()
    }

    /// It has taken a head of what it has lost for one that never was.
    pub fn is_mistaken(&mut self, epoch: Epoch) {
        self.mistaken.insert(epoch);
    }

    /// Epochs in which it has.
    pub fn mistaken(&self) -> &BTreeSet<Epoch> {
        &self.mistaken
    }

    /// A person has refused a part of the own log.
    pub fn refused(&mut self) {
        self.is_copy = true;
    }

    /// After a commit: `written` is what it held, `line` the committed state.
    pub fn committed(&mut self, line: &Line, journal: &Journal, written: &[Written], honest: bool) -> Held {
        for w in written {
            let header = &w.entry.header;
            if header.party == line.me() && honest && !w.taken_back {
                own_entry(line, journal, w)?;
            }
            if matches!(header.kind(), Some(Kind::Ask | Kind::Offer | Kind::Ready))
                && matches!(w.standing, Standing::Counts | Standing::Waits)
            {
                self.unsettled.insert((w.epoch, header.at()));
            }
        }
        if honest {
            self.silent(line, written)?;
        }
        self.is_held_back(line, journal);
        self.of_other(line, written);
        let touched: BTreeSet<(Epoch, EntryRef)> = written.iter().filter_map(|w| Some((w.epoch, w.thing?))).collect();
        for (epoch, at) in touched {
            let Some(view) = line.look(epoch) else { continue };
            let partner = view.partner(at).map(|p| p.at);
            for fact in [Some(at), partner].into_iter().flatten().flat_map(|thing| view.thread(thing)) {
                self.unchanged(epoch, &view, fact)?;
            }
        }
        self.settle(line);
        self.commits += 1;
        if self.commits.is_multiple_of(LOOK_AGAIN) { self.look(line, journal) } else { Ok(()) }
    }

    /// Who was held back signs nothing but what its root opens, and on top of that.
    fn silent(&self, line: &Line, written: &[Written]) -> Held {
        let own = |w: &&Written| w.entry.header.party == line.me() && !w.taken_back;
        let opened = written.iter().filter(own).find(|w| opened_with(&w.entry.header).is_some()).map(|w| w.epoch);
        let else_signed = written.iter().filter(own).find(|w| self.held_back && Some(w.epoch) != opened);
        let place = else_signed.map(|w| (w.epoch, w.entry.header.at()));
        Promise::CopiesAreSilent.check(place.is_none(), || format!("{place:?} is signed, held back"))
    }

    /// What the other copy has signed and counts here: it was taken back, or the peer's charter names it.
    fn of_other(&mut self, line: &Line, written: &[Written]) {
        if !self.is_twin {
            return;
        }
        let taken = written.iter().filter(|w| w.taken_back).map(|w| (w.epoch, w.entry.header.at()));
        self.by_other.extend(taken);
        for shown in line.shown().iter().filter(|shown| shown.counts.is_some()) {
            self.by_other.extend(shown.entries.iter().map(|entry| (shown.epoch, entry.header.at())));
        }
    }

    /// Whether a decision rests on an act that the other copy has signed: it may cross what this one has shown.
    fn is_crossed(&self, epoch: Epoch, decision: &Decision) -> bool {
        let by_other = |at: &EntryRef| self.by_other.contains(&(epoch, *at));
        self.is_twin && !decision.outcome.agreed() && decision.deciding.iter().any(by_other)
    }

    fn is_held_back(&mut self, line: &Line, journal: &Journal) {
        let serving = |part: &Showing<'_>| part.epoch == line.epoch() && part.branch;
        self.held_back = journal.retired.is_some() || line.shown().iter().any(serving);
    }

    /// Notes what has become settled.
    fn settle(&mut self, line: &Line) {
        // A copy that waits has not got back what it has lost: its own act may still cross what it sees.
        if self.is_copy && line.restore() != Restore::Nothing {
            return;
        }
        for (epoch, at) in self.unsettled.clone() {
            let Some(view) = line.look(epoch) else { continue };
            let Some(thing) = view.fact(at) else { continue };
            let decision = view.decision(thing);
            if view.settled_for(line.me(), &decision) {
                self.settled.insert((epoch, at), decision.outcome);
            }
            if view.settled_for_all(&decision) {
                self.unsettled.remove(&(epoch, at));
            }
        }
    }

    fn unchanged(&mut self, epoch: Epoch, view: &View<'_>, thing: &Fact) -> Held {
        let place = (epoch, thing.at);
        if let Some(settled) = self.settled.get(&place) {
            let now = view.decision(thing);
            let changed = || format!("{epoch} {}: {settled:?} became {now:?}", thing.at);
            let stays = now.outcome == *settled;
            Promise::SettledStays.check(stays || self.is_crossed(epoch, &now), changed)?;
            if !stays {
                self.settled.insert(place, now.outcome);
            }
        }
        if thing.kind() != Kind::Ask {
            return Ok(());
        }
        let state = view.talk(thing).state;
        let stays = state == TalkState::Talked || !self.talked.contains(&place);
        Promise::TalkedStays.check(stays, || format!("{epoch} {}: TALKED became {state:?}", thing.at))?;
        if state == TalkState::Talked && !self.is_copy && !self.is_twin {
            self.talked.insert(place);
        }
        Ok(())
    }

    /// Everything that is settled or was told, whether or not anything touched it.
    pub fn look(&mut self, line: &Line, journal: &Journal) -> Held {
        self.is_held_back(line, journal);
        self.of_other(line, &[]);
        let things: Vec<(Epoch, EntryRef)> = self.settled.keys().chain(&self.talked).copied().collect();
        for (epoch, at) in things {
            let view = line.look(epoch);
            let fact = view.and_then(|view| view.fact(at));
            Promise::SettledStays.check(fact.is_some(), || format!("{epoch} {at} is gone"))?;
            let (Some(view), Some(fact)) = (view, fact) else { continue };
            self.unchanged(epoch, &view, fact)?;
        }
        for (epoch, at, leaf) in &self.told {
            let there = journal.entry(*epoch, *at).is_some_and(|s| s.entry.leaf == *leaf);
            Promise::NothingIsLost.check(there, || format!("{epoch} {at} was told to a caller and is not on disk"))?;
        }
        for part in journal.parts() {
            for party in Party::BOTH {
                let (line, disk) = (line.span(part.epoch).map(|s| s.log(party).head()), part.head(party));
                let seen = || format!("the line holds {line:?}, the disk {disk:?}");
                Promise::NothingIsLost.check(line == Some(disk), seen)?;
            }
        }
        Ok(())
    }
}

/// What holds of every entry that an honest station writes.
fn own_entry(line: &Line, journal: &Journal, written: &Written) -> Held {
    let (header, epoch) = (&written.entry.header, written.epoch);
    let at = header.at();
    Promise::HeadsNameWhatIsCommitted
        .check(journal.had(epoch, at.party.peer(), &header.held), || format!("{at} names {:?}", header.held))?;
    let before = at.index.checked_sub(1).and_then(|index| journal.entry(epoch, EntryRef { index, ..at }));
    let named = before.map_or(0, |b| b.entry.header.held.size);
    Promise::HeadsNeverGoBack
        .check(header.held.size >= named, || format!("{at} names {} after {named}", header.held.size))?;
    let is_copy = journal.of(epoch).is_some_and(|part| part.restored);
    Promise::CopiesAreSilent.check(!is_copy, || format!("{epoch} {at} is signed by a copy"))?;
    let (Ok(What::Lapse { .. }), Some(on)) = (&header.what, header.refers) else {
        return counts(written);
    };
    Promise::OnlyTheOwnerLapses.check(on.party == at.party, || format!("{at} lapses {on}"))?;
    let Some(span) = line.span(epoch) else { return counts(written) };
    let view = span.facts().all();
    let Some(thing) = view.fact(on) else { return counts(written) };
    let grace = view.charter_of(thing).grace_s * 1_000;
    let due = view.deadline(thing, at.index).map(|deadline| deadline.plus(grace));
    Promise::OnlyTheOwnerLapses
        .check(due.is_some_and(|due| header.time >= due), || format!("{at} at {:?}, due {due:?}", header.time))?;
    counts(written)
}

fn counts(written: &Written) -> Held {
    Promise::BothSeeTheSame
        .check(written.standing == Standing::Counts, || format!("an own entry is {:?}", written.standing))
}
