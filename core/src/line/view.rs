//! What can be asked of the facts of one epoch, looked at as far as a cut.

use super::crossing::{Outcome, Say};
use super::facts::{Cut, Fact, Facts};
use crate::ids::{EntryRef, Party};
use crate::limits;
use crate::precedence::Precedence;
use crate::record::charter::Charter;
use crate::record::codes::LineState;
use crate::record::kind::Kind;
use crate::record::what::What;
use crate::time::{Timestamp, Window};

/// The counted entries of a cut. Everything that is shown is a function of one.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub(super) facts: &'a Facts,
    cut: Cut,
    pub(super) ended: Option<super::epoch::Ended>,
}

impl<'a> View<'a> {
    pub(super) fn new(facts: &'a Facts, cut: Cut) -> View<'a> {
        View { facts, cut, ended: None }
    }

    /// How much of each log it looks at.
    pub fn cut(&self) -> Cut {
        self.cut
    }

    /// The entry at `at`, if it counts and is in the cut.
    pub fn fact(&self, at: EntryRef) -> Option<&'a Fact> {
        #[cfg(test)]
        self.facts.looks.set(self.facts.looks.get() + 1);
        if self.cut.holds(at) { self.facts.facts.get(at) } else { None }
    }

    /// The entry at `at`, if it is of one of these types.
    pub fn fact_of(&self, at: EntryRef, kinds: &[Kind]) -> Option<&'a Fact> {
        self.fact(at).filter(|f| kinds.contains(&f.kind()))
    }

    /// The acts on the entry at `at`.
    pub fn on(&self, at: EntryRef) -> impl Iterator<Item = &'a Fact> + use<'a> {
        let view = *self;
        self.facts.on.get(&at).into_iter().flatten().filter_map(move |at| view.fact(*at))
    }

    /// The last ask of a side that names the closed ask at `at`.
    pub fn asked_again(&self, at: EntryRef, by: Party) -> Option<&'a Fact> {
        let asks = self.facts.again.get(&(at, by))?;
        let held = asks.partition_point(|index| *index < self.cut.size(by));
        let index = *asks.get(held.checked_sub(1)?)?;
        self.fact(EntryRef { party: by, index })
    }

    /// What belongs to a thing, itself first.
    pub fn thread(&self, thing: EntryRef) -> impl Iterator<Item = &'a Fact> + use<'a> {
        let view = *self;
        self.facts.threads.get(thing).into_iter().flatten().filter_map(move |at| view.fact(*at))
    }

    /// Every thing, in the order of side and index.
    pub fn things(&self) -> impl Iterator<Item = &'a Fact> + use<'a> {
        let view = *self;
        self.facts.threads.places().filter_map(move |at| view.fact(at))
    }

    /// Asks that may still ring or come due.
    pub fn live(&self) -> impl Iterator<Item = &'a Fact> + use<'a> {
        let view = *self;
        self.facts.live.iter().filter_map(move |at| view.fact(*at))
    }

    /// What a side wrote from PRIORITY up and nobody read or noted: the most urgent, and of those the latest (`limits::RINGING_TEXTS_MAX`).
    /// Nothing is left out for what is less urgent, however much of that there is.
    pub fn unread(&self, party: Party) -> impl Iterator<Item = &'a Fact> + use<'a> {
        let view = *self;
        let urgent = self.facts.side(party).unread.range((Precedence::Priority, 0)..).rev();
        let unread = urgent.map(move |(_, index)| EntryRef { party, index: *index });
        let waits = unread.filter(move |at| !view.facts.noted.contains(at));
        waits.take(limits::RINGING_TEXTS_MAX).filter_map(move |at| view.fact(at))
    }

    /// Every text and notice of a side that was neither read nor taken back, whether it rings or not: the least urgent first.
    pub fn unread_of_any(&self, party: Party) -> impl Iterator<Item = &'a Fact> + use<'a> {
        let view = *self;
        let unread = self.facts.side(party).unread.iter();
        unread.filter_map(move |(_, index)| view.fact(EntryRef { party, index: *index }))
    }

    /// Requests that ended in an agreed time, with it: those of the last that were accepted (`limits::AGREED_TALKS_MAX`), oldest first.
    pub fn agreed(&self) -> impl Iterator<Item = (&'a Fact, Window)> + use<'a> {
        let view = *self;
        let requests = self.facts.accepted.iter().filter_map(move |at| view.fact_of(*at, &[Kind::Ask]));
        requests.filter_map(move |request| match view.decision(request).outcome {
            Outcome::Said(Say::Agreed(window)) => Some((request, window)),
            _ => None,
        })
    }

    /// The latest check of one side.
    pub fn last_check(&self, party: Party) -> Option<&'a Fact> {
        let index = self.facts.side(party).last_check?;
        self.fact(EntryRef { party, index })
    }

    /// The ordinal among what its side has opened by which an entry is called aloud, from 1.
    pub fn ordinal(&self, at: EntryRef) -> Option<u64> {
        let opened = &self.facts.side(at.party).opened;
        opened.binary_search(&at.index).ok().map(|place| place as u64 + 1)
    }

    /// The entry that a side calls by this ordinal.
    pub fn by_ordinal(&self, party: Party, ordinal: u64) -> Option<EntryRef> {
        let place = usize::try_from(ordinal.checked_sub(1)?).ok()?;
        self.facts.side(party).opened.get(place).map(|index| EntryRef { party, index: *index })
    }

    /// How many entries a side has opened that are called aloud by a number: its highest ordinal.
    pub fn opened(&self, party: Party) -> u64 {
        self.facts.side(party).opened.len() as u64
    }

    /// The asks of one side, oldest first.
    pub fn asks(&self, party: Party) -> impl DoubleEndedIterator<Item = &'a Fact> + use<'a> {
        let view = *self;
        let asks = self.facts.side(party).asks.range(..self.cut.size(party));
        asks.filter_map(move |index| view.fact(EntryRef { party, index: *index }))
    }

    /// The request that an ask or one of its renewals stands for.
    pub fn request_of(&self, at: EntryRef) -> Option<&'a Fact> {
        let fact = self.fact_of(at, &[Kind::Ask, Kind::Renew])?;
        if fact.kind() == Kind::Ask { Some(fact) } else { self.fact_of(fact.refers?, &[Kind::Ask]) }
    }

    /// The entry of the peer that first names a head covering the entry at `at`, with its claimed time.
    pub fn receipt(&self, at: EntryRef) -> Option<(EntryRef, Timestamp)> {
        let party = at.party.peer();
        let named = &self.facts.side(party).named;
        let step = named.get(named.partition_point(|n| n.size <= at.index))?;
        let receipt = EntryRef { party, index: step.index };
        self.cut.holds(receipt).then_some((receipt, step.time))
    }

    /// What a side has last declared of itself; `Open` before it says otherwise.
    pub fn declared(&self, party: Party) -> (LineState, Option<Timestamp>) {
        let states = self.facts.side(party).states.iter().rev();
        let mut facts = states.filter_map(|index| self.fact(EntryRef { party, index: *index }));
        match facts.next().map(|f| &f.what) {
            Some(What::State { state, until }) => (*state, *until),
            _ => (LineState::Open, None),
        }
    }

    /// The entry by which a side has closed the line.
    pub fn line_closed(&self) -> Option<EntryRef> {
        let closed = |party: Party| Some(EntryRef { party, index: self.facts.side(party).closed? });
        Party::BOTH.into_iter().filter_map(closed).find(|at| self.cut.holds(*at))
    }

    /// The charter in force for what is written in this cut.
    pub fn charter(&self) -> &'a Charter {
        self.facts.terms.at(self.cut)
    }

    /// The charter by which a thing and all acts on it are judged for life: that of its opener's own past (§5.4).
    pub fn charter_of(&self, thing: &Fact) -> &'a Charter {
        self.facts.terms.at(Cut::past(thing.at, thing.saw))
    }

    /// The concerted ask of an ask, if this view holds both.
    pub fn partner(&self, ask: EntryRef) -> Option<&'a Fact> {
        self.fact(ask)?;
        self.fact(*self.facts.pairs.get(&ask)?)
    }
}
