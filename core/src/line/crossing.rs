//! Which acts decide (`docs/protocol.md` §6.3–§6.6, rules 2 to 5): closing, crossing, concerted requests, deadlines.

use alloc::vec::Vec;

use super::epoch::Ended;
use super::facts::{Fact, View};
use super::switch::Rule;
use crate::ids::{EntryRef, Party};
use crate::record::codes::OnSilence;
use crate::record::kind::Kind;
use crate::record::what::What;
use crate::time::{Timestamp, Window};

/// What one closing act says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Say {
    /// They talk at once.
    Answered,
    /// They talk at this time.
    Agreed(Window),
    /// The other side says no.
    Declined,
    /// Its owner takes it back; also a lapse before its deadline, or without one.
    Withdrawn,
    /// Its deadline passed.
    Lapsed,
}

/// What became of a request or of an offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Nobody has closed it.
    Open,
    /// All deciding acts say this.
    Said(Say),
    /// Deciding acts that had not seen each other say different things: closed, nothing agreed.
    Crossed,
    /// Nobody had closed it when its epoch ended (§4.6): nothing is agreed.
    BrokenOff,
}

impl Outcome {
    /// Whether people will talk.
    pub fn agreed(self) -> bool {
        matches!(self, Outcome::Said(Say::Answered | Say::Agreed(_)))
    }

    /// The word of DESIGN.md §3.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Open => "OPEN",
            Outcome::Said(Say::Answered) => "ANSWERED",
            Outcome::Said(Say::Agreed(_)) => "AGREED",
            Outcome::Said(Say::Declined) => "DECLINED",
            Outcome::Said(Say::Withdrawn) => "WITHDRAWN",
            Outcome::Said(Say::Lapsed) => "LAPSED",
            Outcome::Crossed => "CROSSED",
            Outcome::BrokenOff => "BROKEN OFF",
        }
    }
}

/// An outcome with the acts it rests on: closing acts that no other closing act of the thing precedes; at most one a side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// What became of it.
    pub outcome: Outcome,
    /// The deciding acts.
    pub deciding: Vec<EntryRef>,
}

impl<'a> View<'a> {
    /// What became of a request (rules 2 and 4), or of an offer or ready (rules 2 and 3).
    pub fn decision(&self, thing: &Fact) -> Decision {
        let decision = match thing.kind() {
            Kind::Ask => self.decide(&self.closers_with_partner(thing)),
            _ => self.decide(&self.closers_of_offer(thing.at)),
        };
        match decision.outcome {
            Outcome::Open if self.ended().is_some() => Decision { outcome: Outcome::BrokenOff, ..decision },
            _ => decision,
        }
    }

    /// The closing acts that name this ask or a renewal, and the accepts that decide its offers.
    fn closers_of_ask(&self, ask: EntryRef) -> Vec<&'a Fact> {
        let mut closers = Vec::new();
        let names = |fact: &Fact| fact.refers.and_then(|r| self.request_of(r)).is_some_and(|r| r.at == ask);
        for fact in self.thread(ask) {
            match fact.what {
                What::Answer | What::Decline { .. } | What::Withdraw | What::Lapse { .. } if names(fact) => {
                    closers.push(fact)
                }
                What::Offer { .. } | What::Ready => {
                    let decision = self.decide(&self.closers_of_offer(fact.at));
                    if decision.outcome.agreed() || self.facts.off(Rule::Offers) {
                        closers.extend(decision.deciding.iter().filter_map(|at| self.fact_of(*at, &[Kind::Accept])));
                    }
                }
                _ => {}
            }
        }
        closers
    }

    fn closers_of_offer(&self, offer: EntryRef) -> Vec<&'a Fact> {
        const CLOSING: &[Kind] = &[Kind::Accept, Kind::Decline, Kind::Withdraw, Kind::Lapse];
        self.on(offer).filter(|f| CLOSING.contains(&f.kind())).collect()
    }

    /// Rule 4: an answer, decline or accepted offer that decides a concerted ask uncrossed decides the other, unless that is
    /// itself withdrawn, lapsed or crossed.
    fn closers_with_partner(&self, ask: &Fact) -> Vec<&'a Fact> {
        let mut closers = self.closers_of_ask(ask.at);
        let Some(partner) = self.partner(ask.at) else {
            return closers;
        };
        let joint = |outcome: Outcome| outcome.agreed() || outcome == Outcome::Said(Say::Declined);
        let theirs = self.decide(&self.closers_of_ask(partner.at));
        let own = self.decide(&closers).outcome;
        if joint(theirs.outcome) && (joint(own) || own == Outcome::Open) {
            closers.extend(theirs.deciding.iter().filter_map(|at| self.fact(*at)));
        }
        closers
    }

    /// Rule 2. That no other closing act precedes a deciding one follows from rule 1 already (no history of the model differs
    /// without it); it is written out because the specification says it and a reader should not have to derive it.
    fn decide(&self, closers: &[&'a Fact]) -> Decision {
        let decides = |c: &&Fact| !closers.iter().any(|d| d.at != c.at && d.before(c));
        let mut minimal: Vec<&Fact> = closers.iter().copied().filter(decides).collect();
        minimal.sort_by_key(|c| c.at);
        let mut says = minimal.iter().filter_map(|c| self.says(c));
        let outcome = match says.next() {
            None => Outcome::Open,
            Some(first) if self.facts.off(Rule::Crossed) || says.all(|other| other == first) => Outcome::Said(first),
            Some(_) => Outcome::Crossed,
        };
        Decision { outcome, deciding: minimal.iter().map(|c| c.at).collect() }
    }

    /// What a closing act says; a lapse is judged by its author's own log and claimed time alone (rule 5).
    fn says(&self, closer: &Fact) -> Option<Say> {
        Some(match &closer.what {
            What::Answer => Say::Answered,
            What::Accept { window: Some(window) } => Say::Agreed(*window),
            What::Accept { window: None } => Say::Answered,
            What::Decline { .. } => Say::Declined,
            What::Withdraw => Say::Withdrawn,
            What::Lapse { .. } => self.says_lapse(closer),
            _ => return None,
        })
    }

    fn says_lapse(&self, lapse: &Fact) -> Say {
        if self.facts.off(Rule::Deadlines) {
            return Say::Lapsed;
        }
        let thing = lapse.refers.and_then(|at| self.fact(at));
        let deadline = thing.and_then(|thing| self.deadline(thing, lapse.at.index));
        if deadline.is_some_and(|deadline| lapse.time >= deadline) { Say::Lapsed } else { Say::Withdrawn }
    }

    /// Rule 5: the deadline of a thing in force in its owner's own log before index `upto`. Only a renewal that is later moves
    /// it, and only if there is one; an offer whose silence means "stands" has none.
    pub fn deadline(&self, thing: &Fact, upto: u64) -> Option<Timestamp> {
        if let What::Offer { on_silence: OnSilence::Stands, .. } = thing.what {
            return None;
        }
        let first = thing.deadline?;
        let renewed = self.on(thing.at).filter(|f| f.what == What::Renew && f.at.index < upto);
        Some(renewed.filter_map(|f| f.deadline).fold(first, Timestamp::max))
    }

    /// Whether an outcome is settled for `station` (§6.10): what it rests on is covered, and its epoch, if it has ended, is settled.
    /// Settled outcomes never change.
    pub fn settled_for(&self, station: Party, decision: &Decision) -> bool {
        // What is still to come may close that epoch elsewhere: without an act on which this rests.
        self.ended() != Some(Ended::Unsettled) && self.covered_for(station, decision)
    }

    /// Whether each of the deciding acts of `station` is covered by a head that the other side names: it holds them. Of what broke
    /// off there are none: whether its epoch is settled.
    pub fn covered_for(&self, station: Party, decision: &Decision) -> bool {
        let covered = |at: &EntryRef| at.party != station || self.receipt(*at).is_some();
        match decision.outcome {
            Outcome::Open => false,
            Outcome::BrokenOff => self.ended() == Some(Ended::Settled),
            Outcome::Said(_) | Outcome::Crossed => decision.deciding.iter().all(covered),
        }
    }

    /// Whether a request is open in no larger view: an act names it that closes it whatever crosses that act, or its outcome is
    /// settled. An accept alone does neither: what crosses it may leave the request open.
    pub fn closed_for_good(&self, request: &Fact) -> bool {
        let closes = |f: &Fact| matches!(f.kind(), Kind::Answer | Kind::Decline | Kind::Withdraw | Kind::Lapse);
        let named = |f: &Fact| f.refers.and_then(|at| self.request_of(at)).is_some_and(|r| r.at == request.at);
        let directly = self.thread(request.at).any(|f| closes(f) && named(f));
        directly || self.settled_for_all(&self.decision(request))
    }

    /// Whether an outcome is settled for whoever holds this view: every deciding act is covered.
    pub fn settled_for_all(&self, decision: &Decision) -> bool {
        Party::BOTH.into_iter().all(|station| self.settled_for(station, decision))
    }
}
