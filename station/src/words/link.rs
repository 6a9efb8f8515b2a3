//! Sentences for what is observed of a link, with the evidence.

use super::clocks::Telling;
use crate::view::lines::{Evidence, ObservedState};

impl Telling<'_> {
    /// The word for an observed state.
    pub fn observed(&self, state: ObservedState) -> String {
        let id = match state {
            ObservedState::Open => "observed-open",
            ObservedState::Degraded => "observed-degraded",
            ObservedState::Silent => "observed-silent",
            ObservedState::Down => "observed-down",
        };
        self.say(id, &[])
    }

    /// What an observed state rests on.
    pub fn evidence(&self, evidence: &Evidence) -> String {
        match evidence {
            Evidence::Path { since, tries, reference } => {
                let time = ("time", self.both(since.0).into());
                self.say("evidence-path", &[time, ("tries", (*tries).into()), ("reference", reference.into())])
            }
            Evidence::Unknown { since, tries } => {
                self.say("evidence-unknown", &[("time", self.both(since.0).into()), ("tries", (*tries).into())])
            }
            Evidence::Silent { check, sent } => {
                self.say("evidence-silent", &[("name", (&check.name).into()), ("time", self.both(sent.0).into())])
            }
            Evidence::Stalled { entry, sent } => {
                self.say("evidence-stalled", &[("name", (&entry.name).into()), ("time", self.both(sent.0).into())])
            }
            Evidence::Tcp => self.say("evidence-tcp", &[]),
            Evidence::Loss { percent } => self.say("evidence-loss", &[("percent", (*percent).into())]),
        }
    }
}
