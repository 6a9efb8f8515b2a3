//! The attempts of a request with their rungs, the deferrals, the offers, and what was noted as overdue.

use counterpart_core::line::crossing::{Decision, Outcome, Say};
use counterpart_core::line::facts::Fact;
use counterpart_core::line::ladder::Rung;
use counterpart_core::record::codes::{Clause, Code, Deadline, OnSilence};
use counterpart_core::record::kind::Kind;
use counterpart_core::record::what::What;
use counterpart_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ByWord, Moment, Named, Side, Sight, Window};

/// A rung that an attempt has reached.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RungView {
    /// Which.
    pub rung: ByWord<Rung>,
    /// When, by the clock of the side that states it.
    pub time: Moment,
    /// Whose statement it is, and whose clock.
    pub stated_by: Side,
    /// The entry that gave it.
    pub entry: Named,
}

/// An ask or a renewal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AttemptView {
    /// The ask or the renewal.
    pub attempt: Named,
    /// "ask" or "renew".
    pub kind: String,
    /// Whose.
    pub side: Side,
    /// When, by its author's clock.
    pub time: Moment,
    /// Whether it is an attempt: a renewal sooner than the charter's pace is none and does not ring.
    pub counts: bool,
    /// How far it came, upwards.
    pub rungs: Vec<RungView>,
}

/// "Not now."
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DeferralView {
    /// The deferral.
    pub entry: Named,
    /// The attempt that it defers.
    pub on: Named,
    /// By whom.
    pub side: Side,
    /// When, by its author's clock.
    pub time: Moment,
    /// Why.
    pub code: ByWord<Code>,
    /// Until when, if they said.
    pub until: Option<Moment>,
}

/// An act that decides, or decided, a request or an offer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DecidingView {
    /// The act.
    pub entry: Named,
    /// Its type: answer, accept, decline, withdraw or lapse.
    pub kind: String,
    /// Whose.
    pub side: Side,
    /// When, by its author's clock.
    pub time: Moment,
    /// Whether the other side is known to hold it.
    pub held: bool,
    /// Why, of a decline.
    pub code: Option<ByWord<Code>>,
    /// The deadline, of a lapse.
    pub deadline: Option<ByWord<Deadline>>,
    /// The window taken, of an accept.
    pub window: Option<Window>,
}

/// An offer of times, or a ready.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct OfferView {
    /// The offer.
    pub offer: Named,
    /// "offer" or "ready".
    pub kind: String,
    /// The attempt that it was made on.
    pub on: Option<Named>,
    /// Whose.
    pub side: Side,
    /// When, by its author's clock.
    pub time: Moment,
    /// The windows offered; of a ready none.
    pub windows: Vec<Window>,
    /// Answer-by, or of a ready until when it can be taken up.
    pub answer_by: Option<Moment>,
    /// What silence does to it; never consent. Of a ready: absent.
    pub on_silence: Option<ByWord<OnSilence>>,
    /// Why not sooner.
    pub code: Option<ByWord<Code>>,
    /// OPEN, AGREED, ANSWERED, DECLINED, WITHDRAWN, LAPSED or CROSSED.
    pub outcome: String,
    /// Whether that is settled for this station.
    pub settled: bool,
    /// The window taken.
    pub accepted: Option<Window>,
    /// The acts that it rests on.
    pub deciding: Vec<DecidingView>,
    /// How far the offer itself came, in the other direction.
    pub rungs: Vec<RungView>,
}

/// A response time of the charter that the other side missed, as the waiting station has written it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct OverdueView {
    /// The entry.
    pub entry: Named,
    /// The attempt that waits.
    pub on: Named,
    /// Who wrote it: the side that waits.
    pub side: Side,
    /// When, by its clock.
    pub time: Moment,
    /// Whose response time.
    pub clause: ByWord<Clause>,
    /// The charter's clause.
    pub clause_number: u64,
}

/// The number of the charter's clause that states a response time (§5.1).
pub fn clause_number(clause: Clause) -> u64 {
    match clause {
        Clause::Station => 4,
        Clause::Watch => 5,
        Clause::Principal => 6,
    }
}

impl<'a> Sight<'a> {
    /// How far an attempt came.
    pub fn rungs(&self, attempt: &Fact) -> Vec<RungView> {
        let rungs = self.view().rungs(attempt).into_iter();
        let shown = rungs.map(|r| RungView {
            rung: ByWord(r.rung),
            time: Moment(r.time),
            stated_by: self.side(r.by.party),
            entry: self.named(r.by),
        });
        shown.collect()
    }

    /// The ask and its renewals, those that are no attempts too.
    pub fn attempts(&self, request: &'a Fact) -> Vec<AttemptView> {
        let view = self.view();
        let counted: Vec<_> = view.attempts(request).into_iter().map(|a| a.at).collect();
        let all = view.thread(request.at).filter(|f| matches!(f.kind(), Kind::Ask | Kind::Renew));
        let shown = all.map(|f| AttemptView {
            attempt: self.named(f.at),
            kind: f.kind().word().into(),
            side: self.side(f.at.party),
            time: Moment(f.time),
            counts: counted.contains(&f.at),
            rungs: self.rungs(f),
        });
        shown.collect()
    }

    /// Every deferral, oldest first.
    pub fn deferrals(&self, request: &Fact) -> Vec<DeferralView> {
        let one = |f: &Fact| match f.what {
            What::Defer { code, until } => Some(DeferralView {
                entry: self.named(f.at),
                on: self.named(f.refers.unwrap_or(f.thing)),
                side: self.side(f.at.party),
                time: Moment(f.time),
                code: ByWord(code),
                until: until.map(Moment),
            }),
            _ => None,
        };
        self.view().thread(request.at).filter_map(one).collect()
    }

    /// Until when the latest attempt was put off, and by whom: what the last deferral on it says, if it names a time.
    pub fn put_off(&self, request: &'a Fact) -> Option<(Side, Timestamp)> {
        let view = self.view();
        let attempt = view.attempts(request).pop()?;
        let last = view.on(attempt.at).filter(|f| f.kind() == Kind::Defer).last()?;
        match last.what {
            What::Defer { until, .. } => Some((self.side(last.at.party), until?)),
            _ => None,
        }
    }

    /// The entry with which the waiting side has noted that an attempt came late to this rung, if the charter has a time for it.
    pub fn noted_late(&self, attempt: &Fact, rung: Rung) -> Option<Named> {
        let clause = match rung {
            Rung::Delivered => Clause::Station,
            Rung::Seen => Clause::Watch,
            Rung::Sent | Rung::Alerting | Rung::Referred => return None,
        };
        let said = self.view().on(attempt.at).find(|f| f.what == What::Overdue { clause })?;
        Some(self.named(said.at))
    }

    /// The acts on which an outcome rests.
    pub fn deciding(&self, decision: &Decision) -> Vec<DecidingView> {
        let view = self.view();
        let one = |f: &Fact| DecidingView {
            entry: self.named(f.at),
            kind: f.kind().word().into(),
            side: self.side(f.at.party),
            time: Moment(f.time),
            held: f.at.party != self.me() || view.receipt(f.at).is_some(),
            code: match f.what {
                What::Decline { code } => Some(ByWord(code)),
                _ => None,
            },
            deadline: match f.what {
                What::Lapse { deadline } => Some(ByWord(deadline)),
                _ => None,
            },
            window: match f.what {
                What::Accept { window } => window.map(Window::of),
                _ => None,
            },
        };
        decision.deciding.iter().filter_map(|at| view.fact(*at)).map(one).collect()
    }

    /// Every offer and ready on a request, oldest first.
    pub fn offers(&self, request: &Fact) -> Vec<OfferView> {
        let all = self.view().thread(request.at).filter(|f| matches!(f.kind(), Kind::Offer | Kind::Ready));
        all.map(|offer| self.offer(offer)).collect()
    }

    fn offer(&self, offer: &Fact) -> OfferView {
        let view = self.view();
        let decision = view.decision(offer);
        let (windows, on_silence, code) = match &offer.what {
            What::Offer { windows, on_silence, code } => (windows.as_slice(), Some(*on_silence), *code),
            _ => (&[][..], None, None),
        };
        let shown = windows.iter().map(|o| Window { zone: Some(o.zone.clone()), ..Window::of(o.window) });
        OfferView {
            offer: self.named(offer.at),
            kind: offer.kind().word().into(),
            on: offer.refers.map(|at| self.named(at)),
            side: self.side(offer.at.party),
            time: Moment(offer.time),
            windows: shown.collect(),
            answer_by: offer.deadline.map(Moment),
            on_silence: on_silence.map(ByWord),
            code: code.map(ByWord),
            outcome: decision.outcome.word().into(),
            settled: view.settled_for(self.me(), &decision),
            accepted: match decision.outcome {
                Outcome::Said(Say::Agreed(window)) => Some(Window::of(window)),
                _ => None,
            },
            deciding: self.deciding(&decision),
            rungs: self.rungs(offer),
        }
    }

    /// Every response time that was noted as missed, oldest first.
    pub fn overdue(&self, request: &Fact) -> Vec<OverdueView> {
        let one = |f: &Fact| match f.what {
            What::Overdue { clause } => Some(OverdueView {
                entry: self.named(f.at),
                on: self.named(f.refers.unwrap_or(f.thing)),
                side: self.side(f.at.party),
                time: Moment(f.time),
                clause: ByWord(clause),
                clause_number: clause_number(clause),
            }),
            _ => None,
        };
        self.view().thread(request.at).filter_map(one).collect()
    }
}
