//! What whoever asked hears on the page of their request: one sound while it is on its way, another once the record says that a device
//! of theirs rings. It says no more than the record does, and for two minutes of each attempt.

use counterpart_core::line::ladder::Rung;
use counterpart_core::record::codes::Mode;

use crate::view::request::RequestView;
use crate::view::{Side, Sight};

/// How long it can be heard.
const LASTS_MS: u64 = 120_000;

/// One of both sounds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tone {
    /// "trying" or "ringing".
    pub word: &'static str,
    /// The attempt: what a person has stopped begins anew with the next.
    pub of: String,
    /// How much longer.
    pub left_ms: u64,
}

/// The sound of an ask of ours that is to be talked about by voice, is open, and was neither seen nor put off.
pub(super) fn tone(sight: &Sight<'_>, view: &RequestView) -> Option<Tone> {
    let attempt = view.attempts.iter().rev().find(|attempt| attempt.counts)?;
    let is_put_off = view.deferrals.iter().any(|deferral| deferral.on == attempt.attempt);
    let waits = view.owner == Side::Ours && view.mode.0 == Mode::Voice && view.suspended.is_none() && !is_put_off;
    let word = match view.reached.as_ref().filter(|_| waits)?.rung.0 {
        Rung::Sent | Rung::Delivered => "trying",
        Rung::Alerting => "ringing",
        Rung::Seen | Rung::Referred => return None,
    };
    let left_ms = (attempt.time.0.0 + LASTS_MS).checked_sub(sight.telling.clocks.now.0).filter(|left| *left > 0)?;
    Some(Tone { word, of: attempt.attempt.at.clone(), left_ms: left_ms.min(LASTS_MS) })
}
