//! What an ended epoch broke off (`docs/protocol.md` §4.6), and what of it nobody here had seen. It is told at both ends, and rings
//! until a person of this side has taken note of it (§7.4): whoever did not restore anything learns of it in no other way.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::mem;

use sha2::{Digest, Sha256};

use super::Line;
use super::crossing::{Decision, Outcome, Say};
use super::facts::{Cut, Fact, View};
use super::ringing::{Ring, is_quiet, of_text, ring_of, rings, untold};
use super::span::Span;
use super::talk::Word;
use crate::fault::Refusal;
use crate::ids::{EntryRef, Epoch, Party};
use crate::limits;
use crate::precedence::{Mark, Precedence};
use crate::record::kind::Kind;
use crate::record::opening::Opening;
use crate::time::{Timestamp, Window};

/// Something that an ended epoch left without what it was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BrokenOff {
    /// The epoch that has ended.
    pub epoch: Epoch,
    /// What is told, and what a person takes note of: the ask that was open, the offer of which a time was agreed, the text or notice,
    /// or the act of theirs. A request that was told as open is so told anew when it turns out to be agreed.
    pub at: EntryRef,
    /// The request that it belongs to; itself for a text or a notice.
    pub thing: EntryRef,
    /// How it was left.
    pub left: Left,
    /// How urgent it was.
    pub precedence: Precedence,
    /// What it was for.
    pub mark: Mark,
}

/// How an ended epoch left something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Left {
    /// A request was open.
    Open,
    /// Of a request this time was agreed and still to come.
    Agreed(Window),
    /// Nobody here had read a text or notice of theirs.
    Unread,
    /// Nobody here had taken note of an act of theirs on a request, nor acted on that since.
    Untold,
}

/// What one list of what broke off is known by: no other has the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tally(pub [u8; 8]);

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
    /// By epoch, then by entry; without what was noted.
    found: Vec<(State, Vec<BrokenOff>)>,
    /// Of what a person here has taken note. It stays at home.
    noted: BTreeSet<(Epoch, EntryRef)>,
    /// What is told of all that, and what that list is known by; `None`: nothing.
    unnoted: Vec<BrokenOff>,
    tally: Option<Tally>,
}

impl Line {
    /// What is told of what broke off, and nobody here has taken note of: in the order of the epochs.
    pub fn broken_off_unnoted(&self) -> &[BrokenOff] {
        &self.broken.unnoted
    }

    /// What that is known by; `None`: nothing waits for somebody to take note.
    pub fn tally(&self) -> Option<Tally> {
        self.broken.tally
    }

    /// Whether this ask broke off, noted or not: it was open when its epoch ended, or its talk was still to come.
    pub fn is_broken_off(&self, epoch: Epoch, ask: EntryRef) -> bool {
        let ended = self.span(epoch).and_then(|span| self.ended_at(span));
        let (Some(ended), Some(view)) = (ended, self.look(epoch)) else { return false };
        let ask = view.fact_of(ask, &[Kind::Ask]);
        ask.is_some_and(|ask| broken(&view, self.me, ask, &view.decision(ask), ended).is_some())
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
        let unnoted = &self.broken.unnoted;
        // What is meant is not drowned by what is practised.
        let mark = unnoted.iter().map(|broken| broken.mark).min()?;
        let precedence = unnoted.iter().filter(|broken| broken.mark == mark).map(|broken| broken.precedence).max()?;
        Some(Ring { at, thing: at, kind: Kind::Charter, precedence, mark, climbs: false, tells: true })
    }

    /// A person here has taken note of all that broke off, which rings at the entry `at` and was told them as `tally`: what is to be
    /// kept of that. Nothing if nothing rings there. The station keeps it in its store; nothing of it leaves.
    ///
    /// # Errors
    /// [`Refusal::MoreBrokeOff`]: not all that rings there was told them.
    pub fn note_broken_off(&mut self, at: EntryRef, tally: Option<Tally>) -> Result<Vec<(Epoch, EntryRef)>, Refusal> {
        if self.ring_of_broken().is_none_or(|ring| ring.at != at) {
            return Ok(Vec::new());
        }
        if tally != self.broken.tally {
            return Err(Refusal::MoreBrokeOff);
        }
        let noted: Vec<_> = self.broken.unnoted.iter().map(|broken| (broken.epoch, broken.at)).collect();
        self.broken.noted.extend(&noted);
        self.broken.settle();
        Ok(noted)
    }

    /// The same, from our own store.
    pub fn broken_off_noted_before(&mut self, epoch: Epoch, noted: impl IntoIterator<Item = EntryRef>) {
        self.broken.noted.extend(noted.into_iter().map(|at| (epoch, at)));
        self.broken.settle();
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
        self.broken.settle();
    }

    fn state_of(&self, span: &Span) -> Option<State> {
        let ended = self.ended_at(span)?;
        let cut = self.look(span.epoch())?.cut();
        Some(State { epoch: span.epoch(), cut, folded_on: span.folded_on, ended })
    }

    /// When an epoch ended: the earlier of the times that the charters of the next one claim in which we have written ours, and not
    /// before our own last entry of it. Whoever opens an epoch with a late clock hides no talk that was still to come when we joined,
    /// and with an early one it makes none that is past one to come.
    fn ended_at(&self, span: &Span) -> Option<Timestamp> {
        let later = self.spans.iter().find(|later| later.epoch() > span.epoch() && later.own().size() > 0)?;
        // What the peer joins when we have gone on, and closes nothing, says of no time either.
        let says = |party: &Party| *party == self.me || self.closes(later);
        let authors = Party::BOTH.into_iter().filter(says);
        let times = authors.map(|party| Some(later.facts.all().fact(EntryRef { party, index: 0 })?.time));
        // A charter is folded as soon as it is held, but for one that is void: then it claims nothing.
        let claimed = times.flatten().min();
        Some(claimed.max(span.facts.last_written(self.me)).unwrap_or(Timestamp(0)))
    }

    /// What broke off in this state of an epoch. After another state of it only that is looked at of which more came since: a peer that
    /// brings late entries one by one must not have all of an epoch looked through for each.
    fn find_broken(&self, state: &State, before: Option<(State, Vec<BrokenOff>)>) -> Vec<BrokenOff> {
        let Some(view) = self.look(state.epoch) else { return Vec::new() };
        let (mut found, things): (Vec<BrokenOff>, BTreeSet<EntryRef>) = match before {
            Some((of, found)) if of == *state => return found,
            Some((of, mut found)) if of.grows_to(state) => {
                let touched = touched(&view, of.cut);
                found.retain(|broken| !touched.contains(&broken.thing));
                (found, touched)
            }
            _ => (Vec::new(), view.things().map(|thing| thing.at).collect()),
        };
        for thing in things.into_iter().filter_map(|at| view.fact(at)) {
            match thing.kind() {
                Kind::Ask => found.extend(self.broken_request(&view, thing, state)),
                Kind::Text | Kind::Notice if thing.at.party != self.me => {
                    let unread = of_text(&view, thing);
                    found.extend(unread.map(|ring| BrokenOff::of(state.epoch, &ring, Left::Unread)));
                }
                _ => {}
            }
        }
        found.sort_by_key(|broken| broken.at);
        // Two asks that are decided by one act have one talk.
        found.dedup_by_key(|broken| broken.at);
        found
    }

    /// How a request broke off, and what of it nobody here was told.
    fn broken_request(&self, view: &View<'_>, ask: &Fact, state: &State) -> Vec<BrokenOff> {
        let of = |told: &Fact, left| BrokenOff::of(state.epoch, &ring_of(view, ask, told), left);
        let decision = view.decision(ask);
        let broken = broken(view, self.me, ask, &decision, state.ended);
        let is_agreed = matches!(broken, Some((_, Left::Agreed(_))));
        // What agreed on a talk is told with it.
        let acts = untold(view, self.me, ask).filter(|act| !(is_agreed && decision.deciding.contains(&act.at)));
        let mut found: Vec<BrokenOff> = acts.map(|act| of(act, Left::Untold)).collect();
        found.extend(broken.map(|(told, left)| of(told, left)));
        found
    }
}

impl Broken {
    /// Lets go what was noted, and says what is told of the rest.
    fn settle(&mut self) {
        let noted = &self.noted;
        self.found.iter_mut().for_each(|(_, found)| found.retain(|broken| !noted.contains(&(broken.epoch, broken.at))));
        self.unnoted = self.found.iter().flat_map(|(_, found)| told(found)).collect();
        self.tally = Tally::of(&self.unnoted);
    }
}

impl BrokenOff {
    /// Something that rang, or could have.
    fn of(epoch: Epoch, ring: &Ring, left: Left) -> BrokenOff {
        BrokenOff { epoch, at: ring.at, thing: ring.thing, left, precedence: ring.precedence, mark: ring.mark }
    }

    /// Whether it is a request, and not what was written of one or beside them.
    pub fn is_request(&self) -> bool {
        matches!(self.left, Left::Open | Left::Agreed(_))
    }
}

impl Tally {
    /// Of a list; `None` if it is empty.
    fn of(list: &[BrokenOff]) -> Option<Tally> {
        let mut hash = Sha256::new();
        for broken in list {
            hash.update(broken.epoch.number.to_be_bytes());
            hash.update(broken.epoch.id);
            hash.update([broken.at.party.slot() as u8, broken.left.number()]);
            hash.update(broken.at.index.to_be_bytes());
        }
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(hash.finalize());
        (!list.is_empty()).then_some(Tally([a, b, c, d, e, f, g, h]))
    }
}

impl Left {
    fn number(self) -> u8 {
        match self {
            Left::Open => 0,
            Left::Agreed(_) => 1,
            Left::Unread => 2,
            Left::Untold => 3,
        }
    }
}

impl State {
    /// Whether the other is the same with more entries.
    fn grows_to(&self, other: &State) -> bool {
        let grows = Party::BOTH.iter().all(|party| self.cut.size(*party) <= other.cut.size(*party));
        grows && (self.folded_on, self.ended) == (other.folded_on, other.ended)
    }
}

/// The things to which something beyond this cut belongs, what is concerted with them, and closed asks that it names.
fn touched(view: &View<'_>, before: Cut) -> BTreeSet<EntryRef> {
    let since = |party: Party| {
        (before.size(party)..view.cut().size(party)).filter_map(move |index| view.fact(EntryRef { party, index }))
    };
    let named = |fact: &Fact| fact.refers.filter(|_| fact.kind() == Kind::Ask);
    let things = Party::BOTH.into_iter().flat_map(since).flat_map(|fact| [Some(fact.thing), named(fact)]).flatten();
    things.flat_map(|thing| [Some(thing), view.partner(thing).map(|partner| partner.at)]).flatten().collect()
}

/// What is told of what broke off in one epoch: of unread texts and notices as many as ring where they were written, the most urgent and
/// of those the latest. The next are told when these are noted.
fn told(found: &[BrokenOff]) -> Vec<BrokenOff> {
    let of_texts = |broken: &BrokenOff| broken.left == Left::Unread;
    let (mut texts, mut told): (Vec<_>, Vec<_>) = found.iter().copied().partition(of_texts);
    texts.sort_by_key(|text| Reverse((text.precedence, text.at)));
    texts.truncate(limits::RINGING_TEXTS_MAX);
    told.append(&mut texts);
    told.sort_by_key(|broken| broken.at);
    told
}

/// How a request of an ended epoch was left, if it broke off, and what is told of that: itself, or the offer of which a time was agreed.
/// That is none of what rings before an epoch ends and may be noted then. Of a talk still to come no word of the peer's alone hides that
/// it broke off, but that it is cancelled, which is told by itself.
fn broken<'a>(
    view: &View<'a>,
    me: Party,
    ask: &'a Fact,
    decision: &Decision,
    ended: Timestamp,
) -> Option<(&'a Fact, Left)> {
    match decision.outcome {
        Outcome::BrokenOff => Some((ask, Left::Open)),
        Outcome::Said(Say::Agreed(window)) => {
            let silent = matches!(view.word(me, ask).0, Word::None | Word::Joined);
            let stands = silent && view.word(me.peer(), ask).0 != Word::Cancelled;
            let accept = view.fact(*decision.deciding.first()?)?;
            let offer = view.fact(accept.refers?)?;
            (stands && window.end() > ended).then_some((offer, Left::Agreed(window)))
        }
        _ => None,
    }
}
