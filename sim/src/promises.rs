//! What must hold after every step of every seed, each promise with its name. [`crate::fault::Fault`] shows that they bite.

use std::collections::{BTreeMap, BTreeSet};

use counterpart_core::ids::{EntryRef, Party};
use counterpart_core::line::Line;
use counterpart_core::line::crossing::Outcome;
use counterpart_core::line::facts::{Fact, Standing, View};
use counterpart_core::line::ringing::Ring;
use counterpart_core::line::talk::TalkState;
use counterpart_core::line::turn::Written;
use counterpart_core::record::codes::LineState;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::merkle::Hash;
use counterpart_core::record::what::What;

use crate::journal::{Journal, Reading};
use crate::status::{self, Status};

/// Declares the promises with the sentence that a report prints.
macro_rules! promises {
    ($($(#[$doc:meta])* $name:ident = $says:literal,)+) => {
        /// A promise of DESIGN.md §11 and §12.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Promise { $($(#[$doc])* $name,)+ }

        impl Promise {
            /// All of them.
            pub const ALL: &'static [Promise] = &[$(Promise::$name,)+];

            /// What is promised.
            pub fn says(self) -> &'static str {
                match self { $(Promise::$name => $says,)+ }
            }
        }
    };
}

promises! {
    /// Also over a crash, and what a caller was told stays true.
    NothingIsLost = "nothing that was committed is lost",
    /// Looked at where bytes leave the station.
    HeadsNameWhatIsCommitted = "a head is named, and an entry leaves, only after its commit",
    /// In each log.
    HeadsNeverGoBack = "heads that were named never go back",
    /// By the ringing station's own disk.
    RingsAreCommitted = "nothing rings before it is committed where it rings",
    /// Nor for what is seen, read, suspended or one's own.
    RingsAreOpen = "nothing rings for what is closed",
    /// By the view of whoever calls it settled.
    SettledStays = "a settled outcome never changes",
    /// For good.
    TalkedStays = "TALKED never changes",
    /// Looked at whenever both hold the same entries.
    BothSeeTheSame = "both sides see the same once their records are even, and what an honest station writes counts",
    /// In which the two logs are read.
    OrderDoesNotMatter = "the same entries in another order give the same",
    /// And every act is covered.
    ReceivedEnds = "`received` ends: each covers an act, every act is covered, and then it is quiet",
    /// And not before grace.
    OnlyTheOwnerLapses = "a lapse is written by the owner alone, after deadline and grace",
    /// Where both stations run and the link holds.
    CommittedArrives = "what is committed arrives",
    /// So that lapses wait no longer than they must.
    EvenIsSaid = "records that have long been even are said to be",
    /// After a reconnection.
    LostIsSentAgain = "what was lost with a connection is sent again on the next, without a gap",
    /// So that no honest peer is ever accused.
    AppliedInOrder = "entries are applied in their order, and nobody honest is accused",
    /// The evidence is kept.
    NoForkIsTaken = "a fork is never taken: its log halts and the evidence is kept",
    /// Also after a start.
    HaltedStays = "a halted log is taken no further",
    /// A fork is two entries that the peer signed.
    EvidenceHolds = "what is kept as evidence shows what it is kept for",
    /// A station with a second line that is down, slow or halted.
    LinesAreApart = "two lines do not hold each other up",
    /// And no assertion fails.
    NothingPanics = "no bytes of a peer's stop a station",
    /// Of the simulator itself.
    SeedIsFull = "a seed has fourteen days, 200 acts, a crash and a partition",
}

/// A promise that did not hold.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Which.
    pub promise: Promise,
    /// What was seen.
    pub seen: String,
}

/// Nothing, or the promise that did not hold.
pub type Held = Result<(), Broken>;

impl Promise {
    /// Holds if `holds` does; `seen` tells what was seen otherwise.
    pub fn check(self, holds: bool, seen: impl FnOnce() -> String) -> Held {
        if holds { Ok(()) } else { Err(Broken { promise: self, seen: seen() }) }
    }
}

/// What one end of a line has shown so far: what may not change any more.
#[derive(Debug, Default)]
pub struct Watched {
    settled: BTreeMap<EntryRef, Outcome>,
    talked: BTreeSet<EntryRef>,
    /// Requests and offers that are not settled yet.
    unsettled: BTreeSet<EntryRef>,
    /// What callers were told is in the record.
    told: Vec<(EntryRef, Hash)>,
    /// Commits since everything was last looked at.
    commits: u64,
}

/// After so many commits all that is settled is looked at again, and not only what a commit touches.
const LOOK_AGAIN: u64 = 64;

impl Watched {
    /// A caller has been told that this entry is in the record.
    pub fn told(&mut self, at: EntryRef, leaf: Hash) {
        self.told.push((at, leaf));
    }

    /// After a commit: `written` is what it held, `line` the committed state.
    pub fn committed(&mut self, line: &Line, journal: &Journal, written: &[Written], honest: bool) -> Held {
        for w in written {
            let header = &w.entry.header;
            if header.party == line.me() && honest {
                own_entry(line, journal, w)?;
            }
            if matches!(header.kind(), Some(Kind::Ask | Kind::Offer | Kind::Ready)) && w.standing == Standing::Counts {
                self.unsettled.insert(header.at());
            }
        }
        let view = line.facts().all();
        let touched: BTreeSet<EntryRef> = written.iter().filter_map(|w| w.thing).collect();
        for at in touched {
            let partner = view.partner(at).map(|p| p.at);
            for fact in [Some(at), partner].into_iter().flatten().flat_map(|thing| view.thread(thing)) {
                self.unchanged(&view, fact)?;
            }
        }
        self.settle(&view, line.me());
        self.commits += 1;
        if self.commits.is_multiple_of(LOOK_AGAIN) { self.look(line, journal) } else { Ok(()) }
    }

    /// Notes what has become settled.
    fn settle(&mut self, view: &View<'_>, me: Party) {
        let settled: Vec<&Fact> = self.unsettled.iter().filter_map(|at| view.fact(*at)).collect();
        for thing in settled {
            let decision = view.decision(thing);
            if view.settled_for(me, &decision) {
                self.settled.insert(thing.at, decision.outcome);
            }
            if view.settled_for_all(&decision) {
                self.unsettled.remove(&thing.at);
            }
        }
    }

    fn unchanged(&mut self, view: &View<'_>, thing: &Fact) -> Held {
        if let Some(settled) = self.settled.get(&thing.at) {
            let now = view.decision(thing).outcome;
            Promise::SettledStays.check(now == *settled, || format!("{}: {settled:?} became {now:?}", thing.at))?;
        }
        if thing.kind() != Kind::Ask {
            return Ok(());
        }
        let state = view.talk(thing).state;
        let stays = state == TalkState::Talked || !self.talked.contains(&thing.at);
        Promise::TalkedStays.check(stays, || format!("{}: TALKED became {state:?}", thing.at))?;
        if state == TalkState::Talked {
            self.talked.insert(thing.at);
        }
        Ok(())
    }

    /// Everything that is settled or was told, whether or not anything touched it.
    pub fn look(&mut self, line: &Line, journal: &Journal) -> Held {
        let view = line.facts().all();
        let things: Vec<EntryRef> = self.settled.keys().chain(&self.talked).copied().collect();
        for at in things {
            let fact = view.fact(at);
            Promise::SettledStays.check(fact.is_some(), || format!("{at} is gone"))?;
            fact.map_or(Ok(()), |fact| self.unchanged(&view, fact))?;
        }
        for (at, leaf) in &self.told {
            let there = journal.entry(*at).is_some_and(|s| s.entry.leaf == *leaf);
            Promise::NothingIsLost.check(there, || format!("{at} was told to a caller and is not on disk"))?;
        }
        for party in Party::BOTH {
            let (line, disk) = (line.log(party).head(), journal.head(party));
            Promise::NothingIsLost.check(line == disk, || format!("the line holds {line:?}, the disk {disk:?}"))?;
        }
        Ok(())
    }
}

/// What holds of every entry that an honest station writes.
fn own_entry(line: &Line, journal: &Journal, written: &Written) -> Held {
    let header = &written.entry.header;
    let at = header.at();
    Promise::HeadsNameWhatIsCommitted
        .check(journal.had(at.party.peer(), &header.held), || format!("{at} names {:?}", header.held))?;
    let before = at.index.checked_sub(1).and_then(|index| journal.entry(EntryRef { index, ..at }));
    let named = before.map_or(0, |b| b.entry.header.held.size);
    Promise::HeadsNeverGoBack
        .check(header.held.size >= named, || format!("{at} names {} after {named}", header.held.size))?;
    let (Ok(What::Lapse { .. }), Some(on)) = (&header.what, header.refers) else {
        return counts(written);
    };
    Promise::OnlyTheOwnerLapses.check(on.party == at.party, || format!("{at} lapses {on}"))?;
    let view = line.facts().all();
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

/// What holds of everything that rings: `line` is what the bell looks at.
pub fn ring(line: &Line, journal: &Journal, ring: &Ring) -> Held {
    let at = ring.at;
    Promise::RingsAreCommitted.check(journal.entry(at).is_some(), || format!("{at} rings and is not on disk"))?;
    let (view, me) = (line.facts().all(), line.me());
    let (state, _) = view.declared(me);
    let quiet = matches!(state, LineState::Suspended | LineState::Closed);
    Promise::RingsAreOpen.check(at.party != me && !quiet, || format!("{at} rings at {me:?}, which is {state:?}"))?;
    let (Some(thing), Some(attempt)) = (view.fact(ring.thing), view.fact(at)) else {
        return Promise::RingsAreOpen.check(false, || format!("{at} rings and does not count"));
    };
    if ring.tells {
        let tells = [Kind::Answer, Kind::Decline, Kind::Accept, Kind::Defer, Kind::Overdue].contains(&attempt.kind());
        let told = journal.noted().contains(&at);
        return Promise::RingsAreOpen.check(tells && !told, || format!("{at} rings, and was noted or tells nothing"));
    }
    let over = |kinds: &[Kind]| view.on(at).any(|f| kinds.contains(&f.kind()));
    let open = match attempt.kind() {
        Kind::Text | Kind::Notice => !over(&[Kind::Read, Kind::Retract]),
        Kind::Check => !over(&[Kind::CheckReply]),
        Kind::Offer | Kind::Ready => [attempt, thing].iter().all(|t| view.decision(t).outcome == Outcome::Open),
        _ => view.decision(thing).outcome == Outcome::Open && view.suspended(thing).is_none(),
    };
    let seen = over(&[Kind::Seen, Kind::Defer, Kind::Referred]);
    Promise::RingsAreOpen.check(open && !seen, || format!("{at} rings and is closed, seen or suspended"))?;
    Promise::RingsAreOpen.check(thing.mark == Some(ring.mark), || format!("{at} rings as {:?}", ring.mark))
}

/// Reads a line back from disk.
pub fn reload(journal: &Journal, reading: Reading) -> Result<Line, Broken> {
    let unreadable = |what| Broken { promise: Promise::NothingIsLost, seen: format!("on disk: {what:?}") };
    journal.reload(reading).map_err(unreadable)
}

/// Compares all that two lines with the same entries say.
pub fn same(promise: Promise, one: &Line, other: &Line) -> Held {
    let (a, b) = (one.facts().all(), other.facts().all());
    let (ours, theirs) = (status::all(&a), status::all(&b));
    for (at, status) in &ours {
        let other = theirs.get(at);
        promise.check(Some(status) == other, || status::differs(*at, Some(status), other))?;
    }
    promise.check(ours.len() == theirs.len(), || "one of them sees things that the other does not".into())?;
    for party in Party::BOTH {
        for index in 0..one.log(party).size() {
            let at = EntryRef { party, index };
            let (here, there) = (one.facts().standing(at), other.facts().standing(at));
            promise.check(here == there, || format!("{at} is {here:?} here and {there:?} there"))?;
        }
        let declared = (a.declared(party), b.declared(party));
        promise.check(declared.0 == declared.1, || format!("{party:?} declared {declared:?}"))?;
    }
    promise.check(a.line_closed() == b.line_closed(), || "closed for one and not for the other".into())
}

/// Compares what two lines say of these things.
pub fn same_of(one: &Line, other: &Line, things: &BTreeSet<EntryRef>) -> Held {
    let (a, b) = (one.facts().all(), other.facts().all());
    let of = |view: &View<'_>, at: &EntryRef| view.fact(*at).map(|thing| Status::of(view, thing));
    for at in things {
        let (here, there) = (of(&a, at), of(&b, at));
        Promise::BothSeeTheSame.check(here == there, || status::differs(*at, here.as_ref(), there.as_ref()))?;
    }
    Ok(())
}

/// When all is quiet: every act of the peer is covered, and no more `received` were written than the peer had acts.
pub fn quiet(journal: &Journal, me: Party) -> Held {
    let acts = |s: &&crate::journal::Stored| s.entry.header.kind() != Some(Kind::Received);
    let named = journal.log(me).last().map_or(0, |s| s.entry.header.held.size);
    let last = journal.log(me.peer()).iter().rev().find(acts).map_or(0, |s| s.entry.header.own.size + 1);
    Promise::ReceivedEnds
        .check(named >= last, || format!("{me:?} names {named}, the last act stands before {last}"))?;
    let theirs = journal.log(me.peer()).iter().filter(acts).count();
    let receipts = journal.log(me).iter().filter(|s| !acts(s)).count();
    Promise::ReceivedEnds.check(receipts <= theirs, || format!("{receipts} receipts for {theirs} acts"))
}
