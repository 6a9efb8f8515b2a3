//! Times to answer: for each direction, mark and precedence, from the ask to DELIVERED, to SEEN and to a first answer.
//!
//! All are claimed times, and each runs from the asking side's clock to the answering side's: the figures say so.

use std::collections::BTreeMap;

use counterpart_core::ids::Party;
use counterpart_core::line::crossing::{Outcome, Say};
use counterpart_core::line::facts::Fact;
use counterpart_core::line::ladder::Rung;
use counterpart_core::line::talk::TalkState;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::kind::Kind;
use counterpart_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ByWord, Moment, Side, Sight};

/// Figures of one line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FiguresView {
    /// Our call sign, and theirs.
    pub call_signs: [String; 2],
    /// IANA names of our zone and theirs, by which times are told; UTC where one is empty or not known.
    pub zones: [String; 2],
    /// Only what was asked in this year, by the asking side's clock in UTC; absent: all.
    pub year: Option<u64>,
    /// Asked by us, then asked of us.
    pub directions: Vec<DirectionView>,
    /// Whose clocks are mixed, as a sentence.
    pub clocks: String,
}

/// One direction.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DirectionView {
    /// Who asked.
    pub asked_by: Side,
    /// From whose clock.
    pub from_clock: Side,
    /// To whose clock.
    pub to_clock: Side,
    /// OPERATION first, then from the most urgent; only those with requests.
    pub rows: Vec<FiguresRow>,
}

/// The requests of one mark and precedence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FiguresRow {
    /// What they were for: an EXERCISE is never counted with an OPERATION.
    pub mark: ByWord<Mark>,
    /// The precedence at which they were asked.
    pub precedence: ByWord<Precedence>,
    /// How many.
    pub count: u64,
    /// Those without an outcome in the epoch that serves.
    pub open: u64,
    /// Those that were open when their epoch ended.
    pub broken_off: u64,
    /// Answered at once.
    pub answered: u64,
    /// Ended in a time.
    pub agreed: u64,
    /// Declined.
    pub declined: u64,
    /// Taken back.
    pub withdrawn: u64,
    /// Lapsed.
    pub lapsed: u64,
    /// Crossed.
    pub crossed: u64,
    /// Both state that they talked: only these were reached.
    pub talked: u64,
    /// From the ask until their station held it.
    pub delivered: SpanView,
    /// From the ask until their watch had seen it or a renewal.
    pub seen: SpanView,
    /// From the ask until their first deferral, offer, ready, answer or decline.
    pub first_answer: SpanView,
}

impl FiguresRow {
    /// How many of each kind, in the order of the columns.
    pub fn counts(&self) -> [u64; 10] {
        [
            self.count,
            self.open,
            self.broken_off,
            self.answered,
            self.agreed,
            self.declined,
            self.withdrawn,
            self.lapsed,
            self.crossed,
            self.talked,
        ]
    }
}

/// Times of those requests that came so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SpanView {
    /// How many came so far.
    pub count: u64,
    /// In milliseconds; of an even number the mean of the middle two.
    pub median_ms: Option<u64>,
    /// In milliseconds.
    pub worst_ms: Option<u64>,
    /// How many were claimed earlier than the ask, and counted as 0: the clocks differ.
    pub before_ask: u64,
}

/// An ask, as its epoch is looked at.
type Asked<'a> = (Sight<'a>, &'a Fact);

/// The figures of a line in all its epochs, of all years or of one.
pub fn figures(sight: &Sight<'_>, year: Option<u64>) -> FiguresView {
    FiguresView {
        call_signs: [Side::Ours, Side::Theirs].map(|side| sight.call_sign(side)),
        zones: sight.zones(),
        year,
        directions: [Side::Ours, Side::Theirs].map(|side| direction(sight, side, year)).into(),
        clocks: sight.telling.say("figures-clocks", &[]),
    }
}

fn direction(sight: &Sight<'_>, asked_by: Side, year: Option<u64>) -> DirectionView {
    let party = sight.party(asked_by);
    let epochs = sight.line.spans().map(|span| Sight { epoch: span.epoch(), ..*sight });
    let asks = epochs.flat_map(|sight| sight.view().asks(party).map(move |ask| (sight, ask)));
    let mut groups: BTreeMap<(Mark, std::cmp::Reverse<Precedence>), Vec<Asked<'_>>> = BTreeMap::new();
    for (sight, ask) in asks.filter(|(_, ask)| year.is_none_or(|year| in_year(ask.time, year))) {
        let precedence = std::cmp::Reverse(ask.precedence.unwrap_or(Precedence::Routine));
        groups.entry((ask.mark.unwrap_or(Mark::Operation), precedence)).or_default().push((sight, ask));
    }
    let row = |((mark, precedence), asks): ((Mark, std::cmp::Reverse<Precedence>), Vec<Asked<'_>>)| {
        row(mark, precedence.0, &asks)
    };
    let rows = groups.into_iter().map(row).collect();
    DirectionView { asked_by, from_clock: asked_by, to_clock: asked_by.other(), rows }
}

fn in_year(time: Timestamp, year: u64) -> bool {
    Moment(time).to_string().split('-').next().and_then(|y| y.parse().ok()) == Some(year)
}

fn row(mark: Mark, precedence: Precedence, asks: &[Asked<'_>]) -> FiguresRow {
    let outcomes: Vec<Outcome> = asks.iter().map(|(sight, ask)| sight.view().decision(ask).outcome).collect();
    let count = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|o| is(o)).count() as u64;
    let span = |reach: fn(&Sight<'_>, &Fact) -> Option<Timestamp>| {
        span(asks.iter().filter_map(|(sight, ask)| reach(sight, ask).map(|time| (ask.time, time))).collect())
    };
    FiguresRow {
        mark: ByWord(mark),
        precedence: ByWord(precedence),
        count: asks.len() as u64,
        open: count(|o| *o == Outcome::Open),
        broken_off: count(|o| *o == Outcome::BrokenOff),
        answered: count(|o| *o == Outcome::Said(Say::Answered)),
        agreed: count(|o| matches!(o, Outcome::Said(Say::Agreed(_)))),
        declined: count(|o| *o == Outcome::Said(Say::Declined)),
        withdrawn: count(|o| *o == Outcome::Said(Say::Withdrawn)),
        lapsed: count(|o| *o == Outcome::Said(Say::Lapsed)),
        crossed: count(|o| *o == Outcome::Crossed),
        talked: asks.iter().filter(|(sight, ask)| sight.view().talk(ask).state == TalkState::Talked).count() as u64,
        delivered: span(|sight, ask| sight.view().receipt(ask.at).map(|(_, time)| time)),
        seen: span(seen),
        first_answer: span(first_answer),
    }
}

/// When the other side's watch first had the ask or one of its renewals.
pub fn seen(sight: &Sight<'_>, ask: &Fact) -> Option<Timestamp> {
    let view = sight.view();
    let attempts = view.thread(ask.at).filter(|f| matches!(f.kind(), Kind::Ask | Kind::Renew));
    let seen = attempts.flat_map(|f| view.rungs(f)).filter(|r| r.rung == Rung::Seen);
    seen.min_by_key(|r| r.by.index).map(|r| r.time)
}

/// When the other side first said anything of substance: a SEEN is none.
fn first_answer(sight: &Sight<'_>, ask: &Fact) -> Option<Timestamp> {
    const ANSWERS: &[Kind] = &[Kind::Defer, Kind::Offer, Kind::Ready, Kind::Answer, Kind::Decline, Kind::Accept];
    let other: Party = ask.at.party.peer();
    let theirs = sight.view().thread(ask.at).filter(|f| f.at.party == other && ANSWERS.contains(&f.kind()));
    theirs.min_by_key(|f| f.at.index).map(|f| f.time)
}

fn span(times: Vec<(Timestamp, Timestamp)>) -> SpanView {
    let before_ask = times.iter().filter(|(asked, reached)| reached < asked).count() as u64;
    let mut lasted: Vec<u64> = times.into_iter().map(|(asked, reached)| reached.since(asked)).collect();
    lasted.sort_unstable();
    let middle = lasted.len() / 2;
    let median = match (lasted.len() % 2, lasted.get(middle)) {
        (1, upper) => upper.copied(),
        (_, Some(upper)) => middle.checked_sub(1).and_then(|m| lasted.get(m)).map(|lower| lower.midpoint(*upper)),
        _ => None,
    };
    SpanView { count: lasted.len() as u64, median_ms: median, worst_ms: lasted.last().copied(), before_ask }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::trial::Trial;

    fn ms(pairs: &[(u64, u64)]) -> SpanView {
        span(pairs.iter().map(|(from, to)| (Timestamp(*from), Timestamp(*to))).collect())
    }

    #[test]
    fn a_median_is_the_middle_one_or_the_mean_of_two_and_an_early_claim_is_counted() {
        assert_eq!(ms(&[]), SpanView::default());
        assert_eq!(ms(&[(0, 5), (0, 1), (0, 9)]).median_ms, Some(5));
        assert_eq!(ms(&[(0, 4), (0, 8)]).median_ms, Some(6));
        let early = ms(&[(10, 5), (10, 30)]);
        assert_eq!((early.before_ask, early.median_ms, early.worst_ms), (1, Some(10), Some(20)));
    }

    #[test]
    fn times_run_from_the_ask_to_each_fact_and_each_year_has_its_own() {
        let mut trial = Trial::new();
        let ask = trial.ask(Party::Inviter);
        trial.wait_ms(1_000);
        trial.carry();
        trial.wait_ms(60_000);
        trial.seen(ask);
        trial.wait_ms(60_000);
        trial.defer(ask, None);
        trial.carry();

        let of = |year| trial.look(Party::Inviter, |sight| figures(sight, year));
        let all = of(None);
        let [ours, theirs] = all.directions.as_slice() else { panic!("two directions") };
        assert_eq!((ours.asked_by, ours.to_clock, theirs.rows.len()), (Side::Ours, Side::Theirs, 0));
        let row = &ours.rows[0];
        assert_eq!((row.count, row.open, row.talked), (1, 1, 0));
        assert_eq!(row.seen.median_ms, Some(61_000));
        assert_eq!(row.first_answer.worst_ms, Some(121_000));
        assert_eq!(of(Some(2013)), FiguresView { year: Some(2013), ..all });
        assert!(of(Some(2012)).directions.iter().all(|d| d.rows.is_empty()));
    }
}
