//! Sentences for what is observed of a link, with the evidence.

use counterpart_core::link::health::Cause;

use super::clocks::Telling;
use crate::view::lines::{EvidenceView, ObservedState};

impl Telling<'_> {
    /// The word for an observed state.
    pub fn observed(&self, state: ObservedState) -> String {
        let id = match state {
            ObservedState::Open => "observed-open",
            ObservedState::Degraded => "observed-degraded",
            ObservedState::Silent => "observed-silent",
            ObservedState::Down => "observed-down",
            ObservedState::Unserved => "observed-unserved",
        };
        self.say(id, &[])
    }

    /// Why a line is DOWN, as far as evidence goes.
    pub fn cause(&self, cause: Cause) -> String {
        let id = match cause {
            Cause::Path => "cause-path",
            Cause::Unknown => "cause-unknown",
        };
        self.say(id, &[])
    }

    /// One thing that was found.
    pub fn evidence(&self, evidence: &EvidenceView) -> String {
        let lasted = |ms: u64| ("lasted", self.words.lasts(ms).into());
        match evidence {
            EvidenceView::NoSession { for_ms } => self.say("evidence-no-session", &[lasted(*for_ms)]),
            EvidenceView::NoHandshake { tries } => self.say("evidence-no-handshake", &[("tries", (*tries).into())]),
            EvidenceView::Handshakes { tries, handshakes } => {
                self.say("evidence-handshakes", &[("tries", (*tries).into()), ("handshakes", (*handshakes).into())])
            }
            EvidenceView::Reference { answers: true } => self.say("evidence-reference-answers", &[]),
            EvidenceView::Reference { answers: false } => self.say("evidence-reference-dark", &[]),
            EvidenceView::CheckUnanswered { for_ms, within_ms } => {
                let within = self.words.lasts(*within_ms).into();
                self.say("evidence-silent", &[lasted(*for_ms), ("within", within)])
            }
            EvidenceView::Stalled { entry, sent_ms_ago, .. } => {
                self.say("evidence-stalled", &[("name", (&entry.name).into()), lasted(*sent_ms_ago)])
            }
            EvidenceView::Clocks { ahead_ms } => {
                let id = if *ahead_ms < 0 { "evidence-clock-behind" } else { "evidence-clock-ahead" };
                self.say(id, &[lasted(ahead_ms.unsigned_abs())])
            }
            EvidenceView::OverTcp => self.say("evidence-tcp", &[]),
            EvidenceView::Slowed { for_ms } => self.say("evidence-slowed", &[lasted(*for_ms)]),
            EvidenceView::Loss { permille } => self.say("evidence-loss", &[("permille", (*permille).into())]),
        }
    }
}
