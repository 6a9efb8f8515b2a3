//! The facts of one epoch: what both logs say, by thing (`docs/protocol.md` §6). Order of arrival never matters: what an
//! entry is worth was fixed by its author when it named what it had seen.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use super::by_entry::ByEntry;
use super::switch::Rule;
use super::terms::Terms;
use crate::fault::Bar;
use crate::ids::{EntryRef, Party, PostId};
use crate::limits;
use crate::precedence::{Mark, Precedence};
use crate::record::charter::Charter;
use crate::record::codes::{CheckBy, LineState};
use crate::record::entry::Header;
use crate::record::kind::Kind;
use crate::record::what::{Unread, What};
use crate::time::Timestamp;

pub use super::view::View;

/// An entry that counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fact {
    /// Where it stands.
    pub at: EntryRef,
    /// The size of the peer's log that its author named as held.
    pub saw: u64,
    /// The author's claimed time.
    pub time: Timestamp,
    /// The entry that it acts on.
    pub refers: Option<EntryRef>,
    /// The author's post, and the counterpart.
    pub posts: Option<(PostId, PostId)>,
    /// How urgent.
    pub precedence: Option<Precedence>,
    /// What for.
    pub mark: Option<Mark>,
    /// Valid-until, answer-by or recall-until.
    pub deadline: Option<Timestamp>,
    /// Whether words go with it, held or not.
    pub has_words: bool,
    /// What it says.
    pub what: What,
    /// The thing it belongs to: the ask, text or check that opened it; itself if it opens one or stands alone.
    pub thing: EntryRef,
}

impl Fact {
    /// Whether this entry is in the stated past of `other` (§6.2).
    pub fn before(&self, other: &Fact) -> bool {
        if self.at.party == other.at.party { self.at.index < other.at.index } else { self.at.index < other.saw }
    }

    /// Whether neither had seen the other.
    pub fn crosses(&self, other: &Fact) -> bool {
        self.at != other.at && !self.before(other) && !other.before(self)
    }

    /// Its type.
    pub fn kind(&self) -> Kind {
        self.what.kind()
    }
}

/// What an entry is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It counts.
    Counts,
    /// Kept, receipted, shown, without effect: its author could not write it.
    Void(Bar),
    /// A type or a header key that the rules in force have not, or rules that this software lacks: kept, receipted, shown, without
    /// effect.
    Unknown,
    /// What its author had seen is not held here yet: it is judged when it is.
    Waits,
}

/// How much of each log is looked at, in the order of the parties.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Cut(pub [u64; 2]);

impl Cut {
    /// Of this party's log.
    pub fn size(&self, party: Party) -> u64 {
        let Cut([inviter, joiner]) = self;
        match party {
            Party::Inviter => *inviter,
            Party::Joiner => *joiner,
        }
    }

    /// What the author of the entry at `at` knew when it named `saw` of the peer's log.
    pub fn past(at: EntryRef, saw: u64) -> Cut {
        match at.party {
            Party::Inviter => Cut([at.index, saw]),
            Party::Joiner => Cut([saw, at.index]),
        }
    }

    /// Whether it holds this entry.
    pub fn holds(&self, at: EntryRef) -> bool {
        at.index < self.size(at.party)
    }
}

/// A step up in the head that a party names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Named {
    /// The entry that first names it.
    pub index: u64,
    /// The size it names.
    pub size: u64,
    /// Its claimed time.
    pub time: Timestamp,
}

/// What one party's log has brought, beside the facts themselves.
#[derive(Clone, Default, Debug)]
pub(super) struct Side {
    /// Entries applied.
    pub size: u64,
    /// The steps in the head it names, upwards.
    pub named: Vec<Named>,
    /// Its asks, by index.
    pub asks: BTreeSet<u64>,
    /// Those of its asks that may be open in the past of an entry that it is still to write.
    pub may_be_open: BTreeSet<u64>,
    /// Indexes of its entries other than `received` that the peer has not yet named.
    pub substance: VecDeque<u64>,
    /// Its `state` entries that count, by index, and the one that closed the line.
    pub states: Vec<u64>,
    pub closed: Option<u64>,
    /// How many of its entries belong to each request.
    pub acts: BTreeMap<EntryRef, u64>,
    /// Its latest check, and the claimed time of the latest by the schedule.
    pub last_check: Option<u64>,
    pub last_scheduled: Option<Timestamp>,
    /// Its texts and notices that were neither read nor taken back, the least urgent first, then by index.
    pub unread: BTreeSet<(Precedence, u64)>,
    /// What it opened that is called by a number said aloud, by index; void or not.
    pub opened: Vec<u64>,
}

/// The folded entries of one epoch of a line.
#[derive(Clone, Debug)]
pub struct Facts {
    pub(super) terms: Terms,
    pub(super) sides: [Side; 2],
    pub(super) facts: ByEntry<Fact>,
    /// Acts on an entry, in the order of arrival: what names it and belongs to the same thing.
    pub(super) on: BTreeMap<EntryRef, Vec<EntryRef>>,
    /// Asks that name a closed ask, by it and by who asks, their indexes upwards. There may be any number: they are things of their
    /// own, and not in `on`.
    pub(super) again: BTreeMap<(EntryRef, Party), Vec<u64>>,
    /// What belongs to a thing, itself first.
    pub(super) threads: ByEntry<Vec<EntryRef>>,
    /// Concerted asks, each with the other (rule 4).
    pub(super) pairs: BTreeMap<EntryRef, EntryRef>,
    /// What may still ring or come due: asks that are not closed, settled and noted. Texts that may are each side's `unread`.
    pub(super) live: BTreeSet<EntryRef>,
    /// Requests on which a time was accepted last, oldest first; it may have crossed.
    pub(super) accepted: VecDeque<EntryRef>,
    /// Entries of the peer of which a person here has taken note. It stays at home.
    pub(super) noted: BTreeSet<EntryRef>,
    /// `amend` entries that count.
    pub(super) amends: Vec<EntryRef>,
    /// Entries without effect.
    idle: BTreeMap<EntryRef, Standing>,
    /// Open asks that one side may have; `limits::OPEN_ASKS_MAX` but in the model's own tests.
    pub(super) open_asks_max: usize,
    #[cfg(test)]
    pub(super) switch: super::switch::Switch,
    /// How often a fact was looked up, for tests of what is asked for again and again.
    #[cfg(test)]
    pub(super) looks: core::cell::Cell<u64>,
}

impl Facts {
    /// Nothing yet, under this charter.
    pub fn new(charter: Charter) -> Facts {
        Facts {
            terms: Terms::new(charter),
            sides: [Side::default(), Side::default()],
            facts: ByEntry::new(),
            on: BTreeMap::new(),
            again: BTreeMap::new(),
            threads: ByEntry::new(),
            pairs: BTreeMap::new(),
            live: BTreeSet::new(),
            accepted: VecDeque::new(),
            noted: BTreeSet::new(),
            amends: Vec::new(),
            idle: BTreeMap::new(),
            open_asks_max: limits::OPEN_ASKS_MAX,
            #[cfg(test)]
            switch: super::switch::Switch::default(),
            #[cfg(test)]
            looks: core::cell::Cell::new(0),
        }
    }

    pub(super) fn side(&self, party: Party) -> &Side {
        let [inviter, joiner] = &self.sides;
        match party {
            Party::Inviter => inviter,
            Party::Joiner => joiner,
        }
    }

    pub(super) fn side_mut(&mut self, party: Party) -> &mut Side {
        let [inviter, joiner] = &mut self.sides;
        match party {
            Party::Inviter => inviter,
            Party::Joiner => joiner,
        }
    }

    /// Everything applied so far.
    pub fn all(&self) -> View<'_> {
        let [inviter, joiner] = &self.sides;
        self.view(Cut([inviter.size, joiner.size]))
    }

    /// What was known at a cut.
    pub fn view(&self, cut: Cut) -> View<'_> {
        View::new(self, cut)
    }

    /// Takes in one entry. Taking in again what is held changes nothing.
    ///
    /// The caller has judged its place ([`crate::record::log::Log::judge`]): it continues its log, and the head that it names is
    /// held here.
    pub fn apply(&mut self, header: &Header) -> Standing {
        let at = header.at();
        if at.index < self.side(at.party).size {
            return self.standing(at);
        }
        let held = self.side(at.party.peer()).size;
        assert!(
            at.index == self.side(at.party).size && header.held.size <= held,
            "a log grows by one, from what is held"
        );
        let judged = match &header.what {
            Ok(_) if self.lacks_rules(header).is_some() => Err(Standing::Unknown),
            Ok(_) => super::judge::judge(self, header).map_err(Standing::Void),
            Err(Unread::Malformed(kind)) => Err(Standing::Void(Bar::Malformed(*kind))),
            Err(Unread::UnknownType(_) | Unread::UnknownKey(_)) => Err(Standing::Unknown),
        };
        self.note_head(header);
        match (judged, &header.what) {
            (Ok(thing), Ok(what)) => {
                self.keep(header, what.clone(), thing);
                Standing::Counts
            }
            (Err(standing), _) => {
                self.idle.insert(at, standing);
                standing
            }
            (Ok(_), Err(_)) => Standing::Unknown,
        }
    }

    /// The head that any entry names is a receipt, whatever else the entry is worth.
    fn note_head(&mut self, header: &Header) {
        let at = header.at();
        let side = self.side_mut(at.party);
        side.size += 1;
        if side.named.last().map_or(0, |n| n.size) < header.held.size {
            side.named.push(Named { index: at.index, size: header.held.size, time: header.time });
        }
        if header.kind() != Some(Kind::Received) {
            side.substance.push_back(at.index);
        }
        if header.kind().is_some_and(Kind::is_numbered) {
            side.opened.push(at.index);
        }
        let theirs = &mut self.side_mut(at.party.peer()).substance;
        while theirs.front().is_some_and(|index| *index < header.held.size) {
            theirs.pop_front();
        }
    }

    fn keep(&mut self, header: &Header, what: What, thing: EntryRef) {
        let at = header.at();
        if what == What::Received {
            return;
        }
        let fact = Fact {
            at,
            saw: header.held.size,
            time: header.time,
            refers: header.refers,
            posts: header.from.clone().zip(header.to.clone()),
            precedence: header.precedence,
            mark: header.mark,
            deadline: header.deadline,
            has_words: header.body.is_some(),
            what,
            thing,
        };
        self.terms.note(&fact);
        match &fact.what {
            What::Ask { .. } => self.keep_ask(&fact),
            What::Text | What::Notice { .. } | What::Read | What::Retract => self.keep_unread(&fact),
            What::State { state, .. } => {
                let side = self.side_mut(at.party);
                side.states.push(at.index);
                // After the first none counts.
                side.closed = side.closed.or((*state == LineState::Closed).then_some(at.index));
            }
            What::Check { by } => {
                let side = self.side_mut(at.party);
                side.last_check = Some(at.index);
                if *by == CheckBy::Schedule {
                    side.last_scheduled = side.last_scheduled.max(Some(fact.time));
                }
            }
            What::Accept { .. } => {
                self.accepted.retain(|request| *request != thing);
                self.accepted.push_back(thing);
                if self.accepted.len() > limits::AGREED_TALKS_MAX {
                    self.accepted.pop_front();
                }
            }
            What::Amend { .. } => self.amends.push(at),
            // It is to be told, however long ago the talk was agreed and settled.
            What::Cancel { .. } => {
                self.live.insert(thing);
            }
            _ => {}
        }
        self.threads.slot(thing).get_or_insert_default().push(at);
        *self.side_mut(at.party).acts.entry(thing).or_default() += 1;
        if let Some(refers) = fact.refers {
            if thing != at {
                self.on.entry(refers).or_default().push(at);
            } else if header.kind() == Some(Kind::Ask) {
                self.again.entry((refers, at.party)).or_default().push(at.index);
            }
        }
        *self.facts.slot(at) = Some(Box::new(fact));
    }

    fn keep_ask(&mut self, ask: &Fact) {
        self.pair(ask);
        self.live.insert(ask.at);
        // What was closed for good in this ask's past stays so in every later past of its author.
        let past = self.view(Cut::past(ask.at, ask.saw));
        let settled = |index: &u64| {
            let fact = past.fact(EntryRef { party: ask.at.party, index: *index });
            fact.is_some_and(|f| past.closed_for_good(f))
        };
        let closed: Vec<u64> = self.side(ask.at.party).may_be_open.iter().copied().filter(|i| settled(i)).collect();
        let side = self.side_mut(ask.at.party);
        side.may_be_open.retain(|index| !closed.contains(index));
        side.may_be_open.insert(ask.at.index);
        side.asks.insert(ask.at.index);
    }

    /// Rule 4: an ask is concerted with the oldest ask of the other side that it crosses, between the same posts with the same
    /// mark, that has no partner yet. Greedy by age, so a pair once made stays when the logs grow.
    fn pair(&mut self, ask: &Fact) {
        if self.off(Rule::Concerted) {
            return;
        }
        let peer = ask.at.party.peer();
        let mirrored = |other: &Fact| {
            let swapped = other.posts.as_ref().map(|(from, to)| (to, from));
            ask.crosses(other) && swapped == ask.posts.as_ref().map(|(from, to)| (from, to)) && ask.mark == other.mark
        };
        let unseen = self.side(peer).asks.range(ask.saw..).map(|index| EntryRef { party: peer, index: *index });
        let partner =
            unseen.filter(|at| !self.pairs.contains_key(at)).find(|at| self.facts.get(*at).is_some_and(mirrored));
        if let Some(partner) = partner {
            self.pairs.insert(ask.at, partner);
            self.pairs.insert(partner, ask.at);
        }
    }

    /// What the entry at `at` is worth; it has been applied.
    pub fn standing(&self, at: EntryRef) -> Standing {
        if at.index >= self.side(at.party).size {
            return Standing::Waits;
        }
        self.idle.get(&at).copied().unwrap_or(Standing::Counts)
    }

    /// Whether this party's log holds something other than `received` that the other has not named (§7.2).
    pub fn owes_receipt(&self, party: Party) -> bool {
        !self.side(party.peer()).substance.is_empty()
    }

    /// The index of the oldest entry of this party, other than `received`, that no head named by the other covers.
    pub fn uncovered(&self, party: Party) -> Option<u64> {
        self.side(party).substance.front().copied()
    }

    /// The claimed time of the last entry of this party that counts or names a larger head than those before it.
    pub(super) fn last_written(&self, party: Party) -> Option<Timestamp> {
        let side = self.side(party);
        let step = side.named.last();
        // What is kept of no entry names nothing new, or is void.
        let since = (step.map_or(0, |step| step.index)..side.size).rev();
        let fact = since.into_iter().find_map(|index| self.facts.get(EntryRef { party, index }));
        fact.map(|fact| fact.time).or(step.map(|step| step.time))
    }

    /// The largest size of the peer's log that this party has named.
    pub fn named_by(&self, party: Party) -> u64 {
        self.side(party).named.last().map_or(0, |n| n.size)
    }
}
