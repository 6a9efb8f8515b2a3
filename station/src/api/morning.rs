//! The last day of every line, for whoever begins a watch: tests and requests with how long they took, and what was written. The
//! morning sheet of the desk and `GET /api/v1/morning` are made of it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use counterpart_core::ids::{EntryRef, Epoch, LineId, Party};
use counterpart_core::line::crossing::Outcome;
use counterpart_core::line::facts::Fact;
use counterpart_core::line::span::Span;
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
/// Entries of each side that are looked through for what was written, the newest.
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
    /// What was written of requests, offers, texts and the station, of any mark, the latest last.
    pub written: Vec<NewsView>,
}

/// A test of the line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TestView {
    /// The number of the epoch whose names these are.
    pub epoch: u64,
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
    /// The number of the epoch whose names these are.
    pub epoch: u64,
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
    /// The number of the epoch whose names these are.
    pub epoch: u64,
    /// The entry.
    pub entry: Named,
    /// When, by its author's clock.
    pub time: Moment,
    /// What it is for.
    pub mark: ByWord<Mark>,
    /// As a sentence, without its mark; of an epoch that has ended, with its number.
    pub told: String,
    /// It ended something: it lapsed, or crossed.
    pub ends: bool,
}

/// What is read of a line's last day.
pub(crate) struct Day {
    since: Timestamp,
    /// By epoch, ascending: an epoch that began last night must not hide the evening.
    epochs: Vec<(Epoch, Stored)>,
}

/// What was stored of one epoch.
#[derive(Default)]
struct Stored {
    /// Tests and asks, each log in its order.
    things: Vec<Entry>,
    latest: Vec<Entry>,
    /// When tests and their answers were stored here, by our clock (ms since 1970 UTC): claimed times are of two clocks.
    at: BTreeMap<EntryRef, u64>,
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
        let sizes = |span: &Span| (span.epoch(), Party::BOTH.map(|party| span.log(party).size()));
        let spans: Vec<_> = self.see(id, move |sight| sight.line.spans().map(sizes).collect()).await?;
        let reader = self.parts.reader.clone();
        let logs = spans.into_iter().map(move |(epoch, sizes)| Logs { reader: reader.clone(), line: id, epoch, sizes });
        let logs: Vec<Logs> = logs.collect();
        let read = tokio::task::spawn_blocking(move || day(&logs, since)).await.map_err(|e| self.machine(e))?;
        read.map_err(|e| self.failed(&e))
    }
}

impl Day {
    /// Whether all was looked through that was stored here since then.
    pub(crate) fn is_whole(&self) -> bool {
        let latest = || self.epochs.iter().flat_map(|(_, stored)| &stored.latest);
        let looked = |party| latest().filter(|e| e.header.party == party).count();
        Party::BOTH.into_iter().all(|party| looked(party) < usize::try_from(LOOKED_MAX).unwrap_or(usize::MAX))
    }
}

/// What the logs of all epochs hold that was stored here since then; of each side no more than of one log.
fn day(all: &[Logs], since: Timestamp) -> Result<Day, StoreError> {
    let mut rest = [Rest::default(); 2];
    let mut epochs = Vec::new();
    for logs in all.iter().rev() {
        let mut stored = Stored::default();
        for party in Party::BOTH {
            stored.read(logs, party, since, &mut rest[party.slot()])?;
        }
        epochs.push((logs.epoch, stored));
    }
    epochs.retain(|(_, stored)| !(stored.things.is_empty() && stored.latest.is_empty()));
    epochs.reverse();
    Ok(Day { since, epochs })
}

/// How much more is read of one side.
#[derive(Clone, Copy)]
struct Rest {
    latest: u32,
    of_kind: [u32; 3],
}

impl Default for Rest {
    fn default() -> Rest {
        Rest { latest: LOOKED_MAX, of_kind: [ROWS_MAX; 3] }
    }
}

impl Stored {
    /// What one log has.
    fn read(&mut self, logs: &Logs, party: Party, since: Timestamp, rest: &mut Rest) -> Result<(), StoreError> {
        let (log, size) = (log_key(logs.line, logs.epoch, party), logs.sizes[party.slot()]);
        let from = logs.reader.stored_from(log, size, since.0)?;
        if from >= size {
            return Ok(());
        }
        let all = Range { log, from, until: size, kind: None, newest: true };
        for (kind, rest) in [Kind::Check, Kind::CheckReply, Kind::Ask].into_iter().zip(&mut rest.of_kind) {
            let rows = logs.reader.range(&Range { kind: Some(kind.number()), ..all }, *rest)?;
            *rest = rest.saturating_sub(rows.len() as u32);
            self.at.extend(rows.iter().map(|row| (EntryRef { party, index: row.key.index }, row.stored)));
            if kind != Kind::CheckReply {
                self.things.extend(rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?);
            }
        }
        let rows = logs.reader.range(&all, rest.latest)?;
        rest.latest = rest.latest.saturating_sub(rows.len() as u32);
        self.latest.extend(rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?);
        Ok(())
    }
}

/// What a day tells. What is meant and what is not are never counted as one.
pub(crate) fn view(sight: &Sight<'_>, day: &Day, mark: Mark) -> MorningView {
    let is_meant = |e: &&Entry| e.header.mark.is_none_or(|of| of == mark);
    let sides = [Side::Ours, Side::Theirs];
    let (mut tests, mut asks) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    let mut written: Vec<NewsView> = Vec::new();
    for (epoch, stored) in &day.epochs {
        let sight = Sight { epoch: *epoch, ..*sight };
        for (slot, side) in sides.into_iter().enumerate() {
            let of_side = stored.things.iter().filter(|e| sight.side(e.header.party) == side).filter(is_meant);
            tests[slot].extend(of_side.clone().filter_map(|e| tested(&sight, e, &stored.at)));
            asks[slot].extend(of_side.filter_map(|e| asked(&sight, e)));
        }
        written.extend(stored.latest.iter().filter_map(|e| news(&sight, e)));
    }
    written.sort_by_key(|news| news.time.0);
    MorningView { line: sight.line.id().to_string(), since: Moment(day.since), tests, asks, written }
}

/// A test of the line with its answer, both as they were stored here.
fn tested(sight: &Sight<'_>, entry: &Entry, stored: &BTreeMap<EntryRef, u64>) -> Option<TestView> {
    let view = sight.view();
    let check = view.fact_of(entry.header.at(), &[Kind::Check])?;
    let reply = view.on(check.at).find(|f| f.kind() == Kind::CheckReply);
    let within_ms = view.charter_of(check).watch(check.precedence.unwrap_or(Precedence::Routine)) * 1_000;
    let here = |fact: &Fact| Moment(stored.get(&fact.at).map_or(fact.time, |ms| Timestamp(*ms)));
    let epoch = sight.epoch.number;
    Some(TestView { epoch, check: sight.named(check.at), written: here(check), answered: reply.map(here), within_ms })
}

/// How long a request took to be seen, and what the charter gives for it.
fn asked(sight: &Sight<'_>, entry: &Entry) -> Option<AskedView> {
    let view = sight.view();
    let ask = view.fact_of(entry.header.at(), &[Kind::Ask])?;
    let within_ms = view.charter_of(ask).watch(ask.precedence.unwrap_or(Precedence::Routine)) * 1_000;
    let seen_after_ms = seen(sight, ask).map(|at| at.since(ask.time));
    Some(AskedView { epoch: sight.epoch.number, request: sight.named(ask.at), seen_after_ms, within_ms })
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
        Kind::Text,
        Kind::Notice,
        Kind::Retract,
    ];
    let view = sight.view();
    let fact = view.fact_of(entry.header.at(), SAID)?;
    let ask = view.fact_of(fact.thing, &[Kind::Ask]);
    let crossed = ask.map(|ask| view.decision(ask)).filter(|decision| decision.outcome == Outcome::Crossed);
    let is_crossed = crossed.is_some_and(|decision| decision.deciding.contains(&fact.at));
    let mark = view.fact(fact.thing).and_then(|thing| thing.mark).unwrap_or(Mark::Operation);
    let told = sight.told(&entry.header);
    let told = match sight.epoch == sight.line.epoch() {
        true => told,
        false => {
            let args = [("epoch", sight.epoch.number.to_string().into()), ("told", told.into())];
            sight.telling.say("morning-of-epoch", &args)
        }
    };
    Some(NewsView {
        epoch: sight.epoch.number,
        entry: sight.named(fact.at),
        time: Moment(fact.time),
        mark: ByWord(mark),
        told,
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
    fn what_was_written_in_an_epoch_that_ended_since_is_told_with_its_epoch() {
        let mut trial = Trial::new();
        let ask = trial.ask(Inviter);
        trial.carry();
        let written: Vec<Entry> = trial.logs[0].iter().filter(|e| e.header.at() == ask).cloned().collect();
        trial.open_epoch(Inviter);
        let stored = Stored { things: written.clone(), latest: written, at: BTreeMap::new() };
        let day = Day { since: Timestamp(0), epochs: vec![(Epoch::FIRST, stored)] };

        let told = trial.look(Inviter, |sight| view(sight, &day, Mark::Operation));

        assert_eq!((told.asks[0].len(), told.asks[0][0].epoch), (1, 0));
        assert_eq!(told.written[0].epoch, 0);
        assert!(told.written[0].told.ends_with(" (epoch 0)"), "{}", told.written[0].told);
    }

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
