//! What a station writes by itself (`docs/protocol.md` §7): lapses, overdue notes, scheduled checks. `now` decides here what is
//! written, and never what is read.

use alloc::vec::Vec;

use super::crossing::Outcome;
use super::draft::Draft;
use super::facts::{Fact, View};
use crate::ids::{EntryRef, Party};
use crate::precedence::{Mark, Precedence};
use crate::record::charter::Checks;
use crate::record::codes::{CheckBy, Clause, Deadline, LineState};
use crate::record::kind::Kind;
use crate::record::what::What;
use crate::time::Timestamp;

/// What the station knows of the link, beside the record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conduct {
    /// Each side holds all that the other has committed, as far as hello and frames since have shown.
    pub even: bool,
    /// Milliseconds since the later of this station's start and the last reconnection.
    pub steady_ms: u64,
    /// The mark of checks made by the schedule.
    pub mark: Mark,
}

/// What is due now, and when the next thing will be.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Due {
    /// To be written now.
    pub drafts: Vec<Draft>,
    /// When to look again; `None`: nothing waits for the clock.
    pub next: Option<Timestamp>,
}

impl Due {
    fn at(&mut self, when: Timestamp, now: Timestamp, draft: impl FnOnce() -> Draft) {
        if when <= now { self.drafts.push(draft()) } else { self.later(when) }
    }

    fn later(&mut self, when: Timestamp) {
        self.next = Some(self.next.map_or(when, |next| next.min(when)));
    }
}

/// What `me` owes to write at `now`.
pub fn due(view: &View<'_>, me: Party, now: Timestamp, conduct: Conduct) -> Due {
    let mut due = Due::default();
    if view.line_closed().is_some() {
        return due;
    }
    for request in view.live() {
        if view.decision(request).outcome != Outcome::Open {
            continue;
        }
        lapses(view, me, request, now, conduct, &mut due);
        if request.at.party == me && view.suspended(request).is_none() {
            overdue(view, request, now, &mut due);
        }
    }
    check(view, me, now, conduct, &mut due);
    due
}

/// Rule 5: a lapse by the owner of the thing that carries the deadline. Conduct: not before grace has passed, nor before the
/// records are even or grace has passed again since the start or a reconnection.
fn lapses(view: &View<'_>, me: Party, request: &Fact, now: Timestamp, conduct: Conduct, due: &mut Due) {
    let grace = view.charter_of(request).grace_s * 1_000;
    let offers = view.thread(request.at).filter(|f| matches!(f.kind(), Kind::Offer | Kind::Ready));
    let open = offers.filter(|o| view.decision(o).outcome == Outcome::Open);
    for thing in core::iter::once(request).chain(open).filter(|thing| thing.at.party == me) {
        let Some(deadline) = view.deadline(thing, u64::MAX) else {
            continue;
        };
        let steady = if conduct.even { now } else { now.plus(grace.saturating_sub(conduct.steady_ms)) };
        let clause = match thing.kind() {
            Kind::Ask => Deadline::ValidUntil,
            Kind::Ready => Deadline::Recall,
            _ => Deadline::AnswerBy,
        };
        due.at(deadline.plus(grace).max(steady), now, || Draft::on(What::Lapse { deadline: clause }, thing.at));
    }
}

/// Rule 6, for the latest attempt.
fn overdue(view: &View<'_>, request: &Fact, now: Timestamp, due: &mut Due) {
    let Some(attempt) = view.attempts(request).pop() else {
        return;
    };
    let charter = view.charter_of(request);
    for clause in Clause::ALL.iter().copied() {
        let said = view.on(attempt.at).any(|f| f.what == What::Overdue { clause });
        if said || view.met(attempt, clause) {
            continue;
        }
        let seconds = match clause {
            Clause::Station => charter.station_s,
            Clause::Watch => charter.watch(view.precedence(request)),
            Clause::Principal => charter.principal_s,
        };
        let when = attempt.time.plus(seconds * 1_000);
        due.at(when, now, || Draft::on(What::Overdue { clause }, attempt.at));
    }
}

/// The last watch check that the charter's schedule wants, once; one that was missed long ago is not made up for.
fn check(view: &View<'_>, me: Party, now: Timestamp, conduct: Conduct, due: &mut Due) {
    let (state, _) = view.declared(me);
    let Some((slot, next)) = slots(&view.charter().checks, now) else {
        return;
    };
    due.later(next);
    // A line that has begun since then owes none.
    let begun = view.fact(EntryRef { party: me, index: 0 }).is_none_or(|charter| charter.time < slot);
    let made = !begun || view.facts.side(me).last_scheduled >= Some(slot);
    if !made && state == LineState::Open {
        let check = Draft::of(What::Check { by: CheckBy::Schedule });
        due.drafts.push(Draft { opens: Some((Precedence::Routine, conduct.mark)), ..check });
    }
}

const DAY_MS: u64 = 86_400_000;
const MINUTE_MS: u64 = 60_000;

/// The last time at or before `now` at which a check is due, and the first after it.
fn slots(checks: &Checks, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let midnight = now.0 - now.0 % DAY_MS;
    match checks {
        Checks::Every(0) => None,
        Checks::Every(seconds) => {
            let step = seconds * 1_000;
            let slot = midnight + (now.0 - midnight) / step * step;
            Some((Timestamp(slot), Timestamp((slot + step).min(midnight + DAY_MS))))
        }
        Checks::At(minutes) => {
            let days = [midnight.checked_sub(DAY_MS), Some(midnight), midnight.checked_add(DAY_MS)];
            let times = days.into_iter().flatten().flat_map(|day| minutes.iter().map(move |m| day + m * MINUTE_MS));
            let (past, ahead): (Vec<u64>, Vec<u64>) = times.partition(|t| *t <= now.0);
            Some((Timestamp(past.into_iter().max()?), Timestamp(ahead.into_iter().min()?)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_due_at_each_step_from_midnight_and_at_fixed_minutes() {
        let noon = Timestamp(20_000 * DAY_MS + DAY_MS / 2);
        let hourly = slots(&Checks::Every(3_600), noon.plus(1)).unwrap();
        assert_eq!(hourly, (noon, noon.plus(3_600_000)));
        let fixed = Checks::At([540, 1_020].to_vec());
        let nine = Timestamp(20_000 * DAY_MS + 540 * MINUTE_MS);
        assert_eq!(slots(&fixed, noon), Some((nine, nine.plus(480 * MINUTE_MS))));
        assert_eq!(slots(&fixed, Timestamp(20_000 * DAY_MS)).unwrap().1, nine);
        assert_eq!(slots(&Checks::Every(0), noon), None);
        assert_eq!(slots(&Checks::At([].to_vec()), noon), None);
    }
}
