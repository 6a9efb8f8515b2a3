//! Who owes what by when: read from the charter and the record. Whether it is late by now is for whoever shows it to say.

use counterpart_core::line::crossing::{Outcome, Say};
use counterpart_core::line::facts::Fact;
use counterpart_core::line::ladder::Rung;
use counterpart_core::line::ringing;
use counterpart_core::line::talk::{TalkState, Word};
use counterpart_core::precedence::Precedence;
use counterpart_core::record::codes::{Clause, OnSilence};
use counterpart_core::record::kind::Kind;
use counterpart_core::record::what::What;
use counterpart_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::attempts::clause_number;
use super::{Moment, Named, Side, Sight};

/// What is owed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Owed {
    /// That their station holds it.
    Hold,
    /// That their watch sees it.
    See,
    /// A deferral, a time or an answer.
    Principal,
    /// Accept or decline.
    AnswerOffer,
    /// Come to a ready.
    TakeReady,
    /// An answer, a time or a decline; without a date.
    Answer,
    /// Resume or withdraw what was suspended.
    Resume,
    /// To come to the talk.
    Come,
    /// A side's word on the talk.
    SayTalked,
    /// That a text is read.
    Read,
    /// A person's answer to a check.
    CheckReply,
}

/// One thing that is owed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct OwedView {
    /// What.
    pub what: Owed,
    /// By whom; absent: by both sides.
    pub who: Option<Side>,
    /// Until when; of a talk: from when. Absent: without a date.
    pub by: Option<Moment>,
    /// The clause of the charter that says so.
    pub clause: Option<u64>,
    /// What it is owed on.
    pub on: Named,
    /// The request, text or check that it belongs to.
    pub thing: Named,
    /// All of that as a sentence.
    pub sentence: String,
}

impl<'a> Sight<'a> {
    /// What is owed on a request, the nearest duty of the other side first; in an epoch that has ended nothing.
    pub fn owed(&self, request: &'a Fact) -> Vec<OwedView> {
        let view = self.view();
        if view.ended().is_some() || view.line_closed().is_some() {
            // Nothing can be written that would be what was owed.
            return Vec::new();
        }
        let decision = view.decision(request);
        if decision.outcome != Outcome::Open {
            return self.owed_on_talk(request, decision.outcome);
        }
        let mut owed = self.owed_on_offers(request);
        if view.suspended(request).is_some() {
            owed.push(self.owe(request, request, Owed::Resume, Some(self.side(request.at.party)), None));
        } else {
            owed.extend(self.owed_on_attempt(request, owed.is_empty()));
        }
        owed
    }

    /// The charter's response times for the latest attempt (rule 6), and what is owed when none of them runs.
    fn owed_on_attempt(&self, request: &'a Fact, alone: bool) -> Vec<OwedView> {
        let view = self.view();
        let Some(attempt) = view.attempts(request).pop() else {
            return Vec::new();
        };
        let charter = view.charter_of(request);
        let who = Some(self.side(request.at.party).other());
        let owe = |what, clause, seconds: u64| {
            let mut owed = self.owe(request, attempt, what, who, Some(attempt.time.plus(seconds * 1_000)));
            owed.clause = Some(clause_number(clause));
            self.with_sentence(owed, None)
        };
        let rung = view.reached(attempt).rung;
        if rung < Rung::Delivered {
            return vec![owe(Owed::Hold, Clause::Station, charter.station_s)];
        }
        let mut owed = Vec::new();
        if rung < Rung::Seen {
            owed.push(owe(Owed::See, Clause::Watch, charter.watch(view.precedence(request))));
        }
        if !view.met(attempt, Clause::Principal) {
            owed.push(owe(Owed::Principal, Clause::Principal, charter.principal_s));
        } else if alone {
            owed.push(self.owe(request, attempt, Owed::Answer, who, None));
        }
        owed
    }

    fn owed_on_offers(&self, request: &'a Fact) -> Vec<OwedView> {
        let view = self.view();
        let offers = view.thread(request.at).filter(|f| matches!(f.kind(), Kind::Offer | Kind::Ready));
        let open = offers.filter(|o| view.decision(o).outcome == Outcome::Open);
        let owe = |offer: &'a Fact| {
            let who = Some(self.side(offer.at.party).other());
            let (what, silence) = match offer.what {
                What::Offer { on_silence, .. } => (Owed::AnswerOffer, Some(on_silence)),
                _ => (Owed::TakeReady, None),
            };
            self.with_sentence(self.owe(request, offer, what, who, offer.deadline), silence)
        };
        open.map(owe).collect()
    }

    fn owed_on_talk(&self, request: &'a Fact, outcome: Outcome) -> Vec<OwedView> {
        let view = self.view();
        let talk = view.talk(request);
        let settled = view.settled_for(self.me(), &view.decision(request));
        match talk.state {
            TalkState::Planned if settled => {
                let first = view.decision(request).deciding.first().and_then(|at| view.fact(*at));
                let from = match outcome {
                    Outcome::Said(Say::Agreed(window)) => Some(window.start()),
                    _ => first.map(|f| f.time),
                };
                vec![self.owe(request, request, Owed::Come, None, from)]
            }
            TalkState::Stated => {
                let [inviter, joiner] = talk.words;
                let words = [(0, inviter), (1, joiner)];
                let silent = words.into_iter().filter(|(_, word)| *word != Word::Talked);
                let parties = silent.filter_map(|(n, _)| counterpart_core::ids::Party::from_number(n));
                let owe = |party| self.owe(request, request, Owed::SayTalked, Some(self.side(party)), None);
                parties.map(owe).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The texts and the check of theirs that wait for a person here; of texts no more than ring.
    pub fn owed_beside_requests(&self) -> Vec<OwedView> {
        let view = self.view();
        let rings = super::ring::waiting(self).into_iter();
        let owe = |ring: ringing::Ring| {
            let what = match ring.kind {
                Kind::Check => Owed::CheckReply,
                Kind::Text | Kind::Notice => Owed::Read,
                _ => return None,
            };
            let thing = view.fact(ring.thing)?;
            let by = (what == Owed::CheckReply).then(|| self.check_until(thing));
            let mut owed = self.owe(thing, thing, what, Some(Side::Ours), by);
            owed.clause = by.map(|_| clause_number(Clause::Watch));
            Some(self.with_sentence(owed, None))
        };
        rings.filter_map(owe).collect()
    }

    /// Until when a check is answered: as long as the charter gives the watch, after which a line is SILENT (§8.7).
    fn check_until(&self, check: &Fact) -> Timestamp {
        let seconds = self.view().charter_of(check).watch(check.precedence.unwrap_or(Precedence::Routine));
        check.time.plus(seconds * 1_000)
    }

    fn owe(&self, thing: &Fact, on: &Fact, what: Owed, who: Option<Side>, by: Option<Timestamp>) -> OwedView {
        let (on, thing) = (self.named(on.at), self.named(thing.at));
        let owed = OwedView { what, who, by: by.map(Moment), clause: None, on, thing, sentence: String::new() };
        self.with_sentence(owed, None)
    }

    fn with_sentence(&self, owed: OwedView, silence: Option<OnSilence>) -> OwedView {
        let id = match owed.what {
            Owed::Hold => "owed-hold",
            Owed::See => "owed-see",
            Owed::Principal => "owed-principal",
            Owed::AnswerOffer => "owed-answer-offer",
            Owed::TakeReady => "owed-take-ready",
            Owed::Answer => "owed-answer",
            Owed::Resume => "owed-resume",
            Owed::Come => "owed-come",
            Owed::SayTalked => "owed-say-talked",
            Owed::Read => "owed-read",
            Owed::CheckReply => "owed-check-reply",
        };
        let words = self.telling.words;
        // A page may show from the clock what the record says only by an `overdue`; no rule reads it.
        let late = owed.what != Owed::Come && owed.by.is_some_and(|by| by.0 <= self.telling.clocks.now);
        let side = match (owed.who, late) {
            (None, _) => "both",
            (Some(Side::Ours), true) => "ours-late",
            (Some(Side::Theirs), true) => "theirs-late",
            (Some(side), false) => side.word(),
        };
        let args = [
            ("side", side.into()),
            ("name", (&owed.on.name).into()),
            ("time", owed.by.map(|by| self.telling.both(by.0)).unwrap_or_default().into()),
            ("clause", owed.clause.unwrap_or(0).into()),
            ("silence", silence.map(|s| words.silence(s)).unwrap_or_default().into()),
        ];
        let sentence = words.say(id, &args);
        OwedView { sentence, ..owed }
    }
}
