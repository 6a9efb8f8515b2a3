//! The last day of every line, for whoever begins a watch: tests and requests with how long they took, and what was written. The
//! morning sheet of the desk and `GET /api/v1/morning` are made of it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use counterpart_core::ids::{EntryRef, LineId, Party};
use counterpart_core::line::crossing::Outcome;
use counterpart_core::line::facts::Fact;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::kind::Kind;
use counterpart_core::record::log::Entry;
use counterpart_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Api;
use super::fault::Told;
use super::stretch::{Logs, entry};
use crate::record::log_key;
use crate::store::{ROWS_MAX, Range, StoreError};
use crate::view::figures::seen;
use crate::view::{ByWord, Moment, Named, Side, Sight};

/// A day, in milliseconds.
pub(crate) const DAY_MS: u64 = 24 * 3_600_000;
/// Entries of each log that are looked through for what was written, the newest.
const LOOKED_MAX: u32 = 200;

/// A line's last day.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MorningView {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// From when on.
    pub since: Moment,
    /// Tests of ours, which their watch answers, and theirs, both as they were stored here; of what has this station's mark.
    pub tests: [Vec<TestView>; 2],
    /// Requests of ours, and of theirs, of the same mark.
    pub asks: [Vec<AskedView>; 2],
    /// What was written of requests, offers and the station, of any mark, the latest last.
    pub written: Vec<NewsView>,
}

/// A test of the line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TestView {
    /// The check.
    pub check: Named,
    /// When it was stored here.
    pub written: Moment,
    /// When its answer was; absent: none is held.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answered: Option<Moment>,
    /// The charter's time for it, in milliseconds.
    pub within_ms: u64,
}

/// How long a request took to be seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AskedView {
    /// The request.
    pub request: Named,
    /// In milliseconds, by both clocks; absent: it was not seen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seen_after_ms: Option<u64>,
    /// The charter's time for it, in milliseconds.
    pub within_ms: u64,
}

/// Something that was written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NewsView {
    /// The entry.
    pub entry: Named,
    /// When, by its author's clock.
    pub time: Moment,
    /// What it is for.
    pub mark: ByWord<Mark>,
    /// As a sentence, without its mark.
    pub told: String,
    /// It ended something: it lapsed, or crossed.
    pub ends: bool,
}

/// What is read of a line's last day.
pub(crate) struct Day {
    since: Timestamp,
    /// Tests and asks, each log in its order.
    things: Vec<Entry>,
    latest: Vec<Entry>,
    /// When tests and their answers were stored here, by our clock (ms since 1970 UTC): claimed times are of two clocks.
    stored: BTreeMap<EntryRef, u64>,
}

/// `GET /api/v1/morning`.
pub(super) async fn show(State(api): State<Api>) -> Result<Json<Vec<MorningView>>, Told> {
    let since = Timestamp(api.now().0.saturating_sub(DAY_MS));
    let mut views = Vec::new();
    for id in api.ids().await? {
        let day = api.day(id, since).await?;
        let mark = api.parts.mark;
        views.push(api.see(id, move |sight| view(sight, &day, mark)).await?);
    }
    Ok(Json(views))
}

impl Api {
    /// Reads the last day of a line.
    ///
    /// # Errors
    /// What to tell the caller.
    pub(crate) async fn day(&self, id: LineId, since: Timestamp) -> Result<Day, Told> {
        let look = |sight: &Sight<'_>| (sight.epoch, Party::BOTH.map(|party| sight.head(party).size));
        let (epoch, sizes) = self.see(id, look).await?;
        let logs = Logs { reader: self.parts.reader.clone(), line: id, epoch, sizes };
        let read = tokio::task::spawn_blocking(move || day(&logs, since)).await.map_err(|e| self.machine(e))?;
        read.map_err(|e| self.failed(&e))
    }
}

impl Day {
    /// Whether all was looked through that was stored here since then.
    pub(crate) fn is_whole(&self) -> bool {
        let looked = |party| self.latest.iter().filter(|e| e.header.party == party).count();
        Party::BOTH.into_iter().all(|party| looked(party) < usize::try_from(LOOKED_MAX).unwrap_or(usize::MAX))
    }
}

/// What both logs hold that was stored here since then.
fn day(logs: &Logs, since: Timestamp) -> Result<Day, StoreError> {
    let (mut things, mut latest, mut stored) = (Vec::new(), Vec::new(), BTreeMap::new());
    for party in Party::BOTH {
        let (log, size) = (log_key(logs.line, logs.epoch, party), logs.sizes[party.slot()]);
        let from = logs.reader.stored_from(log, size, since.0)?;
        let all = Range { log, from, until: size, kind: None, newest: true };
        for kind in [Kind::Check, Kind::CheckReply, Kind::Ask] {
            let rows = logs.reader.range(&Range { kind: Some(kind.number()), ..all }, ROWS_MAX)?;
            stored.extend(rows.iter().map(|row| (EntryRef { party, index: row.key.index }, row.stored)));
            if kind != Kind::CheckReply {
                things.extend(rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?);
            }
        }
        let rows = logs.reader.range(&all, LOOKED_MAX)?;
        latest.extend(rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(Day { since, things, latest, stored })
}

/// What a day tells. What is meant and what is not are never counted as one.
pub(crate) fn view(sight: &Sight<'_>, day: &Day, mark: Mark) -> MorningView {
    let is_meant = move |e: &&Entry| e.header.mark.is_none_or(|of| of == mark);
    let sides = [Side::Ours, Side::Theirs];
    let of = |side: Side| day.things.iter().filter(move |e| sight.side(e.header.party) == side).filter(is_meant);
    let mut written: Vec<NewsView> = day.latest.iter().filter_map(|e| news(sight, e)).collect();
    written.sort_by_key(|news| news.time.0);
    MorningView {
        line: sight.line.id().to_string(),
        since: Moment(day.since),
        tests: sides.map(|side| of(side).filter_map(|e| tested(sight, e, &day.stored)).collect()),
        asks: sides.map(|side| of(side).filter_map(|e| asked(sight, e)).collect()),
        written,
    }
}

/// A test of the line with its answer, both as they were stored here.
fn tested(sight: &Sight<'_>, entry: &Entry, stored: &BTreeMap<EntryRef, u64>) -> Option<TestView> {
    let view = sight.view();
    let check = view.fact_of(entry.header.at(), &[Kind::Check])?;
    let reply = view.on(check.at).find(|f| f.kind() == Kind::CheckReply);
    let within_ms = view.charter_of(check).watch(check.precedence.unwrap_or(Precedence::Routine)) * 1_000;
    let here = |fact: &Fact| Moment(stored.get(&fact.at).map_or(fact.time, |ms| Timestamp(*ms)));
    Some(TestView { check: sight.named(check.at), written: here(check), answered: reply.map(here), within_ms })
}

/// How long a request took to be seen, and what the charter gives for it.
fn asked(sight: &Sight<'_>, entry: &Entry) -> Option<AskedView> {
    let view = sight.view();
    let ask = view.fact_of(entry.header.at(), &[Kind::Ask])?;
    let within_ms = view.charter_of(ask).watch(ask.precedence.unwrap_or(Precedence::Routine)) * 1_000;
    let seen_after_ms = seen(sight, ask).map(|at| at.since(ask.time));
    Some(AskedView { request: sight.named(ask.at), seen_after_ms, within_ms })
}

/// What a head of watch wants to know was written.
fn news(sight: &Sight<'_>, entry: &Entry) -> Option<NewsView> {
    const SAID: &[Kind] = &[
        Kind::Ask,
        Kind::Renew,
        Kind::Defer,
        Kind::Offer,
        Kind::Ready,
        Kind::Answer,
        Kind::Accept,
        Kind::Decline,
        Kind::Withdraw,
        Kind::Lapse,
        Kind::Cancel,
        Kind::Missed,
        Kind::Talk,
        Kind::State,
        Kind::Overdue,
    ];
    let view = sight.view();
    let fact = view.fact_of(entry.header.at(), SAID)?;
    let ask = view.fact_of(fact.thing, &[Kind::Ask]);
    let is_crossed = ask.is_some_and(|ask| fact.kind() != Kind::Ask && view.decision(ask).outcome == Outcome::Crossed);
    let mark = view.fact(fact.thing).and_then(|thing| thing.mark).unwrap_or(Mark::Operation);
    Some(NewsView {
        entry: sight.named(fact.at),
        time: Moment(fact.time),
        mark: ByWord(mark),
        told: sight.told(&entry.header),
        ends: is_crossed || fact.kind() == Kind::Lapse,
    })
}

#[cfg(test)]
mod tests {
    use counterpart_core::act::Act;
    use counterpart_core::ids::Party::{Inviter, Joiner};

    use super::*;
    use crate::view::trial::Trial;

    #[test]
    fn a_test_is_judged_by_when_question_and_answer_were_stored_here_whatever_they_claim() {
        let mut trial = Trial::new();
        let check = trial.act(Inviter, Act::Check { precedence: Precedence::Routine, mark: Mark::Test });
        trial.carry();
        let reply = trial.act(Joiner, Act::CheckReply { check });
        trial.carry();
        let entry = trial.logs[0].iter().find(|e| e.header.at() == check).unwrap();
        let stored = BTreeMap::from([(check, 1_000), (reply, 900_000)]);

        let told = trial.look(Inviter, |sight| tested(sight, entry, &stored)).unwrap();

        let claimed = trial.look(Inviter, |sight| sight.view().fact(reply).unwrap().time.0);
        assert_ne!(claimed, 900_000);
        assert_eq!((told.written.0.0, told.answered.map(|at| at.0.0)), (1_000, Some(900_000)));
    }
}
