//! What must hold after every step of every seed, each promise with its name. [`crate::fault::Fault`] shows that they bite.

use std::collections::BTreeSet;

use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::line::Line;
use counterpart_core::line::crossing::Outcome;
use counterpart_core::line::facts::View;
use counterpart_core::line::restore::Restore;
use counterpart_core::line::ringing::Ring;
use counterpart_core::record::codes::LineState;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::sign1::Verify;

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
    /// Nor while it has a branch of its own log before it, or a link key that is retired.
    CopiesAreSilent = "a station that knows that it is a copy signs nothing in its old epoch",
    /// By the world's own list of all that was ever committed.
    SignedOnce = "no index of a log is signed twice, but by a copy that did not know that it is one",
    /// Or beside the log, if a person refused it or it is a branch.
    TakenBack = "what one side committed and the other holds comes back to a restored copy",
    /// Once both have met the peer for two minutes, and have signed two logs.
    TwoAreFound = "two copies that sign two logs are found out when they meet the peer",
    /// By name of the party, with what it signed.
    HaltNamesWho = "a fork is named of the party that signed it, and what it signed shows it",
    /// Except what an act of the copy's own other life has crossed.
    SettledAgrees = "no outcome that one end shows as settled is contradicted at another",
    /// Neither from a copy nor by one.
    AgreementsAreSigned = "nobody gains an agreement that the other never signed",
    /// As a part of its log, in an epoch, from an index on.
    CommittedOrNamed = "what a copy answered as committed is in the record of both ends, or the copy names the part that is not",
    /// It has met the peer since.
    AsideIsSilent = "the copy with which root has not gone on signs nothing more",
    /// Once the world is whole and a person with the root key is at hand.
    SignsAgain = "whoever was restored signs again in the end",
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

/// What holds of everything that rings: `line` is what the bell looks at.
pub fn ring(line: &Line, journal: &Journal, ring: &Ring) -> Held {
    let (at, epoch) = (ring.at, line.epoch());
    Promise::RingsAreCommitted
        .check(journal.entry(epoch, at).is_some(), || format!("{at} rings and is not on disk"))?;
    let (view, me) = (line.facts().all(), line.me());
    let ((state, _), closed) = (view.declared(me), view.line_closed());
    let quiet = state == LineState::Closed || state == LineState::Suspended && closed.is_none();
    let theirs = at.party != me || ring.kind == Kind::Charter;
    Promise::RingsAreOpen.check(theirs && !quiet, || format!("{at} rings at {me:?}, which is {state:?}"))?;
    if ring.kind == Kind::Charter {
        let broke_off = line.broken_off_unnoted();
        let noted = broke_off.iter().any(|broken| journal.noted().contains(&(broken.epoch, broken.at)));
        let rings = line.opened_by() == Some(at) && !broke_off.is_empty() && !noted;
        return Promise::RingsAreOpen.check(rings, || format!("{at} rings, and nothing broke off or it was noted"));
    }
    let heard = closed.is_none() || ring.tells;
    Promise::RingsAreOpen.check(heard, || format!("{at} rings and tells nothing, on a line that is closed"))?;
    let (Some(thing), Some(attempt)) = (view.fact(ring.thing), view.fact(at)) else {
        return Promise::RingsAreOpen.check(false, || format!("{at} rings and does not count"));
    };
    let over = |kinds: &[Kind]| view.on(at).any(|f| kinds.contains(&f.kind()));
    if ring.tells {
        let tells = match attempt.kind() {
            Kind::Answer | Kind::Decline | Kind::Accept | Kind::Cancel | Kind::Defer | Kind::Overdue => true,
            Kind::Text | Kind::Notice => closed.is_some() && !over(&[Kind::Read, Kind::Retract]),
            Kind::State => closed == Some(at),
            _ => false,
        };
        let told = journal.noted().contains(&(epoch, at));
        return Promise::RingsAreOpen.check(tells && !told, || format!("{at} rings, and was noted or tells nothing"));
    }
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
pub fn reload(journal: &Journal, reading: Reading, verify: &dyn Verify, marked: bool) -> Result<Line, Broken> {
    let unreadable = |what| Broken { promise: Promise::NothingIsLost, seen: format!("on disk: {what:?}") };
    journal.reload(reading, verify, marked).map_err(unreadable)
}

/// Compares all that two lines with the same entries say, of every epoch from this one on.
pub fn same(promise: Promise, one: &Line, other: &Line, from: Epoch) -> Held {
    let epochs = |line: &Line| {
        let spans = line.spans().filter(|span| span.epoch() >= from);
        spans.map(|span| (span.epoch(), span.heads().heads.map(|h| h.size))).collect()
    };
    let (here, there): (Vec<_>, Vec<_>) = (epochs(one), epochs(other));
    promise.check(here.len() == there.len(), || format!("epochs {here:?} and {there:?}"))?;
    for (epoch, _) in here {
        same_epoch(promise, one, other, epoch)?;
    }
    Ok(())
}

fn same_epoch(promise: Promise, one: &Line, other: &Line, epoch: Epoch) -> Held {
    let (Some(a), Some(b)) = (one.look(epoch), other.look(epoch)) else {
        return promise.check(false, || format!("epoch {epoch} is there for one and not for the other"));
    };
    let (ours, theirs) = (status::all(&a), status::all(&b));
    for (at, status) in &ours {
        let other = theirs.get(at);
        promise.check(Some(status) == other, || format!("{epoch} {}", status::differs(*at, Some(status), other)))?;
    }
    let more = || format!("{epoch}: {} things here, {} there", ours.len(), theirs.len());
    promise.check(ours.len() == theirs.len(), more)?;
    let (Some(here), Some(there)) = (one.span(epoch), other.span(epoch)) else { return Ok(()) };
    for party in Party::BOTH {
        // What both hold of it: a branch that only one of them holds is a thing of its own.
        let size = here.log(party).size().min(there.log(party).size());
        for at in (0..size).map(|index| EntryRef { party, index }).filter(|at| a.fact(*at).is_some()) {
            let (here, there) = (here.facts().standing(at), there.facts().standing(at));
            promise.check(here == there, || format!("{epoch} {at} is {here:?} here and {there:?} there"))?;
        }
        let declared = (a.declared(party), b.declared(party));
        promise.check(declared.0 == declared.1, || format!("{epoch}: {party:?} declared {declared:?}"))?;
    }
    promise.check(a.line_closed() == b.line_closed(), || format!("{epoch}: closed for one and not for the other"))
}

/// A line as it runs, and as a start would read it now: what it waits for, and what was shown to it.
pub fn same_after_start(running: &Line, read: &Line) -> Held {
    let promise = Promise::OrderDoesNotMatter;
    same(promise, running, read, Epoch::FIRST)?;
    let shown = |line: &Line| {
        let parts = line.shown().into_iter().map(|s| (s.epoch, s.from, s.head, s.branch, s.refused, s.waits));
        parts.collect::<Vec<_>>()
    };
    let (here, there) = (shown(running), shown(read));
    promise.check(here == there, || format!("shown {here:?}, and after a start {there:?}"))?;
    let (here, there) = (running.restore(), read.restore());
    // A start has not heard the peer yet.
    let waits = here == there || there == Restore::Peer;
    promise.check(waits, || format!("waits for {here:?}, and after a start for {there:?}"))?;
    let keys = |line: &Line| {
        let peers = line.spans().map(|span| (span.epoch(), span.peer().key())).collect::<Vec<_>>();
        (line.signer(), peers, Party::BOTH.map(|party| line.keys(party)))
    };
    promise.check(keys(running) == keys(read), || "other keys are in force after a start".into())?;
    let (here, there) = (running.awaited(), read.awaited());
    promise.check(here == there, || format!("awaits {here:?}, and after a start {there:?}"))?;
    let told = |line: &Line| (line.tally(), line.broken_off_unnoted().to_vec());
    let (here, there) = (told(running), told(read));
    promise.check(here == there, || format!("{here:?} broke off, and after a start {there:?}"))
}

/// Compares what two lines say of these things.
pub fn same_of(one: &Line, other: &Line, things: &BTreeSet<(Epoch, EntryRef)>) -> Held {
    let of = |view: &View<'_>, at: &EntryRef| view.fact(*at).map(|thing| Status::of(view, thing));
    for (epoch, at) in things {
        let (Some(a), Some(b)) = (one.look(*epoch), other.look(*epoch)) else { continue };
        let (here, there) = (of(&a, at), of(&b, at));
        let differs = || format!("{epoch} {}", status::differs(*at, here.as_ref(), there.as_ref()));
        Promise::BothSeeTheSame.check(here == there, differs)?;
    }
    Ok(())
}

/// When all is quiet: every act of the peer is covered, and no more `received` were written than the peer had acts.
pub fn quiet(journal: &Journal, me: Party) -> Held {
    let part = journal.serving();
    let acts = |s: &&std::rc::Rc<crate::journal::Stored>| s.entry.header.kind() != Some(Kind::Received);
    let named = part.log(me).last().map_or(0, |s| s.entry.header.held.size);
    let last = part.log(me.peer()).iter().rev().find(acts).map_or(0, |s| s.entry.header.own.size + 1);
    Promise::ReceivedEnds
        .check(named >= last, || format!("{me:?} names {named}, the last act stands before {last}"))?;
    let theirs = part.log(me.peer()).iter().filter(acts).count();
    let receipts = part.log(me).iter().filter(|s| !acts(s)).count();
    Promise::ReceivedEnds.check(receipts <= theirs, || format!("{receipts} receipts for {theirs} acts"))
}
