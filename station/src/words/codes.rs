//! Sentences for what crosses the line as a code.

use counterpart_core::act::Act;
use counterpart_core::line::crossing::{Outcome, Say};
use counterpart_core::line::ladder::Rung;
use counterpart_core::line::talk::{TalkState, Word};
use counterpart_core::precedence::Mark;
use counterpart_core::record::codes::{Clause, Code, LineState, Mode, OnSilence};

use super::coded::Coded;
use super::{Arg, Words};
use crate::view::Side;

impl Words {
    /// What a code of deferral or decline means.
    pub fn meaning(&self, code: Code) -> String {
        let id = match code {
            Code::Engaged => "code-engaged",
            Code::Travelling => "code-travelling",
            Code::OutOfHours => "code-out-of-hours",
            Code::NoInterpreter => "code-no-interpreter",
            Code::Level => "code-level",
            Code::NotCompetent => "code-not-competent",
            Code::InWriting => "code-in-writing",
            Code::OtherChannel => "code-other-channel",
            Code::Conditions => "code-conditions",
            Code::AwaitingInstructions => "code-awaiting-instructions",
            Code::PostVacant => "code-post-vacant",
            Code::IdentityDoubt => "code-identity-doubt",
            Code::NoConfirmation => "code-no-confirmation",
            Code::Unstated => "code-unstated",
        };
        self.say(id, &[])
    }

    /// A code with its meaning: "TRAVELLING (on a journey)".
    pub fn code(&self, code: Code) -> String {
        self.say("code-said", &[("code", self.coded_in(code).into()), ("meaning", self.meaning(code).into())])
    }

    /// What a rung says; `side` is whose attempt it is, `post` whom it is for.
    pub fn rung(&self, rung: Rung, side: Side, post: &str) -> String {
        let id = match rung {
            Rung::Sent => "rung-sent",
            Rung::Delivered => "rung-delivered",
            Rung::Alerting => "rung-alerting",
            Rung::Seen => "rung-seen",
            Rung::Referred => "rung-referred",
        };
        self.say(id, &[("side", side.word().into()), ("post", post.into())])
    }

    /// What an outcome says.
    pub fn outcome(&self, outcome: Outcome) -> String {
        let id = match outcome {
            Outcome::Open => "outcome-open",
            Outcome::Said(Say::Answered) => "outcome-answered",
            Outcome::Said(Say::Agreed(_)) => "outcome-agreed",
            Outcome::Said(Say::Declined) => "outcome-declined",
            Outcome::Said(Say::Withdrawn) => "outcome-withdrawn",
            Outcome::Said(Say::Lapsed) => "outcome-lapsed",
            Outcome::Crossed => "outcome-crossed",
            Outcome::BrokenOff => "outcome-broken-off",
        };
        self.say(id, &[])
    }

    /// The word that stands over a request: its outcome once it is settled for us, else that it was written here.
    pub fn shown(&self, outcome: Outcome, settled: bool) -> Coded {
        if settled {
            return self.coded(outcome);
        }
        let id = match outcome {
            Outcome::Open | Outcome::Crossed | Outcome::BrokenOff => return self.coded(outcome),
            Outcome::Said(Say::Answered) => "shown-answered-here",
            Outcome::Said(Say::Agreed(_)) => "shown-accepted-here",
            Outcome::Said(Say::Declined) => "shown-declined-here",
            Outcome::Said(Say::Withdrawn) => "shown-withdrawn-here",
            Outcome::Said(Say::Lapsed) => "shown-lapsed-here",
        };
        self.term(id)
    }

    /// What became of a talk; `by` is whose word it is, `None` if both say it.
    pub fn talk(&self, state: TalkState, by: Option<Side>) -> String {
        let id = match state {
            TalkState::None => "talk-none",
            TalkState::Planned => "talk-planned",
            TalkState::Joined => "talk-joined",
            TalkState::Cancelled => "talk-cancelled",
            TalkState::Missed => "talk-missed",
            TalkState::Stated => "talk-stated",
            TalkState::Talked => "talk-talked",
            TalkState::Crossed => "talk-crossed",
        };
        self.say(id, &[("by", by.map_or("both", Side::word).into())])
    }

    /// A side's word on a talk.
    pub fn word(&self, word: Word) -> String {
        let id = match word {
            Word::None => "word-none",
            Word::Joined => "word-joined",
            Word::Missed => "word-missed",
            Word::Cancelled => "word-cancelled",
            Word::Talked => "word-talked",
        };
        self.say(id, &[])
    }

    /// How they would talk.
    pub fn mode(&self, mode: Mode) -> String {
        let id = match mode {
            Mode::Voice => "mode-voice",
            Mode::Writing => "mode-writing",
            Mode::Meeting => "mode-meeting",
        };
        self.say(id, &[])
    }

    /// What silence does to an offer.
    pub fn silence(&self, on_silence: OnSilence) -> String {
        let id = match on_silence {
            OnSilence::Lapses => "silence-lapses",
            OnSilence::Stands => "silence-stands",
        };
        self.say(id, &[])
    }

    /// What a station declares of itself.
    pub fn state(&self, state: LineState) -> String {
        let id = match state {
            LineState::Open => "state-open",
            LineState::Maintenance => "state-maintenance",
            LineState::Suspended => "state-suspended",
            LineState::Closed => "state-closed",
        };
        self.say(id, &[])
    }

    /// The sentence of an `overdue`.
    pub fn overdue(&self, clause: Clause, args: &[(&'static str, Arg<'_>)]) -> String {
        let id = match clause {
            Clause::Station => "plain-overdue-station",
            Clause::Watch => "plain-overdue-watch",
            Clause::Principal => "plain-overdue-principal",
        };
        self.say(id, args)
    }

    /// A sentence under its mark: an OPERATION needs none, an EXERCISE says so first.
    pub fn marked(&self, mark: Mark, sentence: String) -> String {
        match mark {
            Mark::Operation => sentence,
            Mark::Exercise | Mark::Test => {
                self.say("mark-prefix", &[("mark", self.coded_in(mark).into()), ("sentence", sentence.into())])
            }
        }
    }

    /// What is not done, in the command's own word.
    pub fn not_done(&self, act: &Act) -> String {
        self.say("refusal-what", &[("act", act.word().into())])
    }
}
