//! How far an attempt has come (`docs/protocol.md` §6.8): the rung that entries of the other side have given it.

use alloc::vec::Vec;

use super::crossing::Outcome;
use super::facts::{Fact, View};
use super::switch::Rule;
use super::talk::TalkState;
use crate::ids::EntryRef;
use crate::precedence::Precedence;
use crate::record::kind::Kind;
use crate::record::what::What;
use crate::time::Timestamp;

/// The ladder of facts. Each rung is a statement of the side that can know it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Rung {
    /// It is in its author's log.
    Sent,
    /// The other station holds it.
    Delivered,
    /// A device there rings.
    Alerting,
    /// Their watch has it; not the principal.
    Seen,
    /// It is with the principal's office.
    Referred,
}

impl Rung {
    /// All, upwards.
    pub const ALL: [Rung; 5] = [Rung::Sent, Rung::Delivered, Rung::Alerting, Rung::Seen, Rung::Referred];

    /// The word of DESIGN.md §3.
    pub fn word(self) -> &'static str {
        match self {
            Rung::Sent => "SENT",
            Rung::Delivered => "DELIVERED",
            Rung::Alerting => "ALERTING",
            Rung::Seen => "SEEN",
            Rung::Referred => "REFERRED",
        }
    }

    /// The rung that an act of the other side gives the attempt it refers to.
    fn given_by(kind: Kind) -> Option<Rung> {
        match kind {
            Kind::Alerting => Some(Rung::Alerting),
            Kind::Seen | Kind::Defer | Kind::Offer | Kind::Ready => Some(Rung::Seen),
            Kind::Referred => Some(Rung::Referred),
            _ => None,
        }
    }
}

/// A rung with the entry that gave it and that entry's claimed time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reached {
    /// Which rung.
    pub rung: Rung,
    /// The entry that gave it; for SENT the attempt itself.
    pub by: EntryRef,
    /// When, by the clock of that entry's author.
    pub time: Timestamp,
}

/// What stands over a request or an offer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Headline {
    /// Closed: the outcome and what became of the talk.
    Closed {
        /// What became of it.
        outcome: Outcome,
        /// What became of the talk.
        talk: TalkState,
    },
    /// Open: how far the latest attempt came, which it is, and the best of those before it.
    Open {
        /// How far the latest attempt came.
        reached: Reached,
        /// How many attempts there were.
        attempts: usize,
        /// The best rung of the earlier ones.
        earlier: Option<Reached>,
        /// A talk held elsewhere, if one is stated.
        talk: TalkState,
    },
}

impl<'a> View<'a> {
    /// How far an ask, a renewal, an offer or a ready has come.
    pub fn reached(&self, attempt: &Fact) -> Reached {
        let sent = Reached { rung: Rung::Sent, by: attempt.at, time: attempt.time };
        let delivered = self.receipt(attempt.at).map(|(by, time)| Reached { rung: Rung::Delivered, by, time });
        // What names it, not the whole thread: a request can have two thousand attempts.
        let later = self.thread(attempt.thing).filter(|f| attempt.before(f));
        let later = self.facts.off(Rule::Ladder).then_some(later).into_iter().flatten();
        let theirs = self.on(attempt.at).chain(later).filter(|f| f.at.party != attempt.at.party);
        let climbed =
            theirs.filter_map(|f| Rung::given_by(f.kind()).map(|rung| Reached { rung, by: f.at, time: f.time }));
        // Of several that give the same rung the first stands: `>` keeps it.
        delivered.into_iter().chain(climbed).fold(sent, |best, r| if r.rung > best.rung { r } else { best })
    }

    /// When an attempt reached each rung, upwards; the first entry that gave it.
    pub fn rungs(&self, attempt: &Fact) -> Vec<Reached> {
        let mut rungs = alloc::vec![Reached { rung: Rung::Sent, by: attempt.at, time: attempt.time }];
        rungs.extend(self.receipt(attempt.at).map(|(by, time)| Reached { rung: Rung::Delivered, by, time }));
        for rung in [Rung::Alerting, Rung::Seen, Rung::Referred] {
            let mut theirs = self.on(attempt.at).filter(|f| f.at.party != attempt.at.party);
            let first = theirs.find(|f| Rung::given_by(f.kind()) == Some(rung));
            rungs.extend(first.map(|f| Reached { rung, by: f.at, time: f.time }));
        }
        rungs
    }

    /// The ask and those of its renewals that are attempts, oldest first. A renewal sooner than the charter's pace after the
    /// last attempt, by its author's own claimed times, is none.
    pub fn attempts(&self, request: &'a Fact) -> Vec<&'a Fact> {
        let charter = self.charter_of(request);
        let mut attempts = alloc::vec![request];
        let mut precedence = request.precedence.unwrap_or(Precedence::Routine);
        let mut last = request.time;
        for renewal in self.on(request.at).filter(|f| f.what == What::Renew) {
            precedence = precedence.max(renewal.precedence.unwrap_or(Precedence::Routine));
            if renewal.time >= last.plus(charter.pace(precedence) * 1_000) {
                last = renewal.time;
                attempts.push(renewal);
            }
        }
        attempts
    }

    /// From when on a renewal of this request is an attempt (§6.8), by its author's clock and unless it raises the precedence.
    pub fn next_attempt(&self, request: &'a Fact) -> Timestamp {
        let last = self.attempts(request).last().map_or(request.time, |attempt| attempt.time);
        last.plus(self.charter_of(request).pace(self.precedence(request)) * 1_000)
    }

    /// The latest renewal of this request, if it came sooner than the charter's pace and is no attempt.
    pub fn renewed_early(&self, request: &'a Fact) -> Option<&'a Fact> {
        let renewal = self.on(request.at).filter(|f| f.what == What::Renew).last()?;
        self.attempts(request).iter().all(|attempt| attempt.at != renewal.at).then_some(renewal)
    }

    /// If the entry at `at` is a renewal that came sooner than the pace, and so is no attempt: from when on the next would be one.
    pub fn too_soon(&self, at: EntryRef) -> Option<Timestamp> {
        self.fact_of(at, &[Kind::Renew])?;
        let request = self.request_of(at)?;
        let is_attempt = self.attempts(request).iter().any(|attempt| attempt.at == at);
        (!is_attempt).then(|| self.next_attempt(request))
    }

    /// The precedence in force: the ask's, or a renewal's that raised it.
    pub fn precedence(&self, request: &Fact) -> Precedence {
        let renewed = self.on(request.at).filter(|f| f.what == What::Renew).filter_map(|f| f.precedence);
        renewed.fold(request.precedence.unwrap_or(Precedence::Routine), Precedence::max)
    }

    /// What stands over a request, an offer or a ready.
    pub fn headline(&self, thing: &'a Fact) -> Headline {
        let is_request = thing.kind() == Kind::Ask;
        let talk = if is_request { self.talk(thing).state } else { TalkState::None };
        let outcome = self.decision(thing).outcome;
        if outcome != Outcome::Open {
            return Headline::Closed { outcome, talk };
        }
        let attempts = if is_request { self.attempts(thing) } else { alloc::vec![thing] };
        let latest = attempts.last().copied().unwrap_or(thing);
        let before = attempts.iter().take(attempts.len().saturating_sub(1)).map(|a| self.reached(a));
        let earlier = before.reduce(|best, r| if r.rung > best.rung { r } else { best });
        Headline::Open { reached: self.reached(latest), attempts: attempts.len(), earlier, talk }
    }
}
