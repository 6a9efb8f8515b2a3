//! What is observed of a line's link, as views show it: `core`'s judgement with names and times.

use counterpart_core::ids::EntryRef;
use counterpart_core::link::health::{Cause, Evidence as Seen, State};
use counterpart_core::time::Timestamp;

use crate::link::board::LinkState;
use crate::link::observe::health;
use crate::view::lines::Evidence;
use crate::view::{Moment, Sight};

/// The evidence on one line. `now_ms` counts from the station's start; `references` are those that the operator named.
pub fn evidence(sight: &Sight<'_>, link: &LinkState, now_ms: u64, references: &[String]) -> Vec<Evidence> {
    let now = sight.telling.clocks.now;
    let health = health(sight.line, link, now_ms, now);
    let tries = u64::from(link.tries);
    let before = |ms: u64| Moment(Timestamp(now.0.saturating_sub(ms)));
    let shown = health.evidence.iter().filter_map(|seen| match (seen, health.state) {
        (Seen::NoSession { for_ms }, State::Down(Cause::Path)) => {
            Some(Evidence::Path { since: before(*for_ms), tries, reference: references.join(", ") })
        }
        (Seen::NoSession { for_ms }, State::Down(Cause::Unknown)) => {
            Some(Evidence::Unknown { since: before(*for_ms), tries })
        }
        (Seen::CheckUnanswered(check), _) => {
            let last = sight.view().last_check(sight.me())?;
            Some(Evidence::Silent { check: sight.named(last.at), sent: before(check.for_ms) })
        }
        (Seen::Stalled(uncovered), _) => {
            let at = EntryRef { party: sight.me(), index: uncovered.index };
            Some(Evidence::Stalled { entry: sight.named(at), sent: before(uncovered.sent_ms_ago) })
        }
        (Seen::OverTcp, _) => Some(Evidence::Tcp),
        (Seen::Loss { permille }, _) => Some(Evidence::Loss { percent: u64::from(permille / 10) }),
        _ => None,
    });
    shown.collect()
}
