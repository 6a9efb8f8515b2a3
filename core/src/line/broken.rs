//! What broke off when an epoch ended (`docs/protocol.md` §4.6). It is told at both ends, and rings until a person of this side has
//! taken note of it (§7.4): whoever did not restore anything learns of it in no other way.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::mem;

use super::Line;
use super::crossing::{Outcome, Say};
use super::facts::{Cut, Fact, View};
use super::ringing::{Ring, is_quiet, rings};
use super::span::Span;
use super::talk::TalkState;
use crate::ids::{EntryRef, Epoch, Party};
use crate::precedence::{Mark, Precedence};
use crate::record::kind::Kind;
use crate::record::opening::Opening;
use crate::time::{Timestamp, Window};

/// A request that an ended epoch left without what it was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BrokenOff {
    /// The epoch that has ended.
    pub epoch: Epoch,
    /// The ask.
    pub ask: EntryRef,
    /// The time that was agreed and was still to come; `None`: the request was open.
    pub agreed: Option<Window>,
    /// How urgent the request was.
    pub precedence: Precedence,
    /// What it was for.
    pub mark: Mark,
}

/// What a state of an ended epoch is known by: what counts of it, on which branch of our log, and when it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct State {
    epoch: Epoch,
    cut: Cut,
    folded_on: Option<usize>,
    ended: Timestamp,
}

/// All that has broken off on a line, found anew when an ended epoch changes: which is seldom, and it can hold much.
#[derive(Clone, Default, Debug)]
pub(super) struct Broken {
    /// What of the epochs was looked at.
    looked_at: Vec<(Epoch, [u64; 4], Option<usize>, usize)>,
    found: Vec<(State, Vec<BrokenOff>)>,
    /// Of what a person here has taken note. It stays at home.
    noted: BTreeSet<(Epoch, EntryRef)>,
}

impl Line {
    /// Everything that broke off, in the order of the epochs, also what a person here has taken note of.
    pub fn broken_off(&self) -> impl Iterator<Item = &BrokenOff> {
        self.broken.found.iter().flat_map(|(_, found)| found)
    }

    /// That of which nobody here has taken note.
    pub fn broken_off_unnoted(&self) -> impl Iterator<Item = &BrokenOff> {
        self.broken_off().filter(|broken| !self.broken.noted.contains(&(broken.epoch, broken.ask)))
    }

    /// The charter by which the epoch that serves was opened; `None` in the first.
    pub fn opened_by(&self) -> Option<EntryRef> {
        let serving = self.span(self.epoch())?;
        let opened = |party: &Party| matches!(serving.opening(*party), Some(Opening::Opened { .. }));
        Party::BOTH.into_iter().find(opened).map(|party| EntryRef { party, index: 0 })
    }

    /// What must ring here: in the epoch that serves, and, as one ring at the charter that opened it, all that broke off before.
    pub fn rings(&self) -> Vec<Ring> {
        let view = self.facts().all();
        let mut all = rings(&view, self.me);
        all.extend(self.ring_of_broken().filter(|_| !is_quiet(&view, self.me)));
        all.sort();
        all
    }

    fn ring_of_broken(&self) -> Option<Ring> {
        let at = self.opened_by()?;
        // What is meant is not drowned by what is practised.
        let mark = self.broken_off_unnoted().map(|broken| broken.mark).min()?;
        let of_mark = self.broken_off_unnoted().filter(|broken| broken.mark == mark);
        let precedence = of_mark.map(|broken| broken.precedence).max()?;
        Some(Ring { at, thing: at, kind: Kind::Charter, precedence, mark, climbs: false, tells: true })
    }

    /// A person here has taken note of all that broke off, which rings at the entry `at`: what is to be kept of that. Nothing if
    /// nothing rings there. The station keeps it in its store; nothing of it leaves.
    pub fn note_broken_off(&mut self, at: EntryRef) -> Vec<(Epoch, EntryRef)> {
        if self.ring_of_broken().is_none_or(|ring| ring.at != at) {
            return Vec::new();
        }
        let noted: Vec<_> = self.broken_off_unnoted().map(|broken| (broken.epoch, broken.ask)).collect();
        self.broken.noted.extend(&noted);
        noted
    }

    /// The same, from our own store.
    pub fn broken_off_noted_before(&mut self, epoch: Epoch, ask: EntryRef) {
        self.broken.noted.insert((epoch, ask));
    }

    /// Looks again at what has ended, if any of it has changed.
    pub(super) fn remember_broken(&mut self) {
        let serving = self.epoch();
        let looked_at = |span: &Span| {
            let [ours, theirs] = [span.own().size(), span.peer().size()];
            // Of those that serve only that they have begun.
            let ended = span.epoch() < serving;
            let sizes = if ended { [ours, theirs] } else { [ours.min(1), theirs.min(1)] };
            let folded = Party::BOTH.map(|party| if ended { span.facts.side(party).size } else { 0 });
            (span.epoch(), [sizes[0], sizes[1], folded[0], folded[1]], span.folded_on, span.branches.len())
        };
        let looked_at: Vec<_> = self.spans.iter().map(looked_at).collect();
        if looked_at == self.broken.looked_at {
            return;
        }
        let states: Vec<State> = self.spans.iter().filter_map(|span| self.state_of(span)).collect();
        let mut before = mem::take(&mut self.broken.found);
        let found = states.into_iter().map(|state| {
            let at = before.iter().position(|(of, _)| of.epoch == state.epoch);
            let before = at.map(|at| before.swap_remove(at));
            let found = self.find_broken(&state, before);
            (state, found)
        });
        self.broken.found = found.collect();
        self.broken.looked_at = looked_at;
    }

    fn state_of(&self, span: &Span) -> Option<State> {
        let ended = self.ended_at(span)?;
        let cut = self.look(span.epoch())?.cut();
        Some(State { epoch: span.epoch(), cut, folded_on: span.folded_on, ended })
    }

    /// When an epoch ended: the earlier of the times that the charters of the next one claim in which we have written ours. Whoever
    /// opens an epoch with a late clock hides no talk that was still to come when we joined.
    fn ended_at(&self, span: &Span) -> Option<Timestamp> {
        let later = self.spans.iter().find(|later| later.epoch() > span.epoch() && later.own().size() > 0)?;
        let times = Party::BOTH.map(|party| Some(later.facts.all().fact(EntryRef { party, index: 0 })?.time));
        // A charter is folded as soon as it is held, but for one that is void: then all that was agreed was to come.
        Some(times.into_iter().flatten().min().unwrap_or(Timestamp(0)))
    }

    /// What broke off in this state of an epoch. After another state of it only what came since is looked at: a peer that brings late
    /// entries one by one must not have all of an epoch looked through for each.
    fn find_broken(&self, state: &State, before: Option<(State, Vec<BrokenOff>)>) -> Vec<BrokenOff> {
        let Some(view) = self.look(state.epoch) else { return Vec::new() };
        let asks = match before {
            Some((of, found)) if of == *state => return found,
            Some((of, found)) if of.grows_to(state) => {
                let mut asks: BTreeSet<EntryRef> = found.iter().map(|broken| broken.ask).collect();
                asks.extend(touched(&view, of.cut));
                asks
            }
            _ => Party::BOTH.into_iter().flat_map(|party| view.asks(party)).map(|ask| ask.at).collect(),
        };
        // Two asks that are decided by one act have one talk.
        let mut agreed_by = BTreeSet::new();
        let asks = asks.into_iter().filter_map(|at| view.fact_of(at, &[Kind::Ask]));
        let found = asks.filter_map(|ask| {
            let agreed = broken(&view, ask, state.ended)?;
            let (epoch, precedence) = (state.epoch, view.precedence(ask));
            let first = agreed.is_none() || agreed_by.insert(view.decision(ask).deciding);
            let mark = ask.mark.unwrap_or(Mark::Operation);
            first.then_some(BrokenOff { epoch, ask: ask.at, agreed, precedence, mark })
        });
        found.collect()
    }
}

impl State {
    /// Whether the other is the same with more entries.
    fn grows_to(&self, other: &State) -> bool {
        let grows = Party::BOTH.iter().all(|party| self.cut.size(*party) <= other.cut.size(*party));
        grows && (self.folded_on, self.ended) == (other.folded_on, other.ended)
    }
}

/// The asks, and what is concerted with them, to which something beyond this cut belongs.
fn touched(view: &View<'_>, before: Cut) -> Vec<EntryRef> {
    let since = |party: Party| {
        (before.size(party)..view.cut().size(party)).filter_map(move |index| view.fact(EntryRef { party, index }))
    };
    let things = Party::BOTH.into_iter().flat_map(since).map(|fact| fact.thing);
    things.flat_map(|ask| [Some(ask), view.partner(ask).map(|partner| partner.at)]).flatten().collect()
}

/// Whether a request of an ended epoch broke off, and if so the talk that was still to come.
fn broken(view: &View<'_>, ask: &Fact, ended: Timestamp) -> Option<Option<Window>> {
    match view.decision(ask).outcome {
        Outcome::BrokenOff => Some(None),
        Outcome::Said(Say::Agreed(window)) => {
            let stands = matches!(view.talk(ask).state, TalkState::Planned | TalkState::Joined);
            (stands && window.end() > ended).then_some(Some(window))
        }
        _ => None,
    }
}
