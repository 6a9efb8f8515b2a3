//! `GET /api/v1/events`: server-sent events for programs. Every entry that comes to the record of any line, in the order in which it
//! came here, and what is observed of each line when that changes. Each entry's event names a position; a program that comes back
//! says the last one it has seen, and is sent all that came since. Nothing is sent that is not committed.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use counterpart_core::ids::{Epoch, LineId};
use counterpart_core::record::log::Entry;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::Api;
use super::door::Who;
use super::fault::{Code, Fault, Told};
use super::receive::Asked;
use super::stream::{Looks, Stream};
use crate::link::observe::health;
use crate::record::Lines;
use crate::store::{EntryRow, Reader, StoreError};
use crate::view::lines::ObservedState;
use crate::view::record::{RecordEntry, entry};

/// Entries that are read at one time, and bytes of their words.
const CHUNK: u32 = 100;
const WORDS_BYTES_MAX: u64 = 64 * 1024;
/// Parts that wait for a program that reads slowly.
const WAITING_MAX: usize = 2;
/// What is observed is looked at so often.
const LOOK: Duration = Duration::from_secs(2);
/// After so many looks without an event a comment is sent: a program that hears none has lost its station.
const LOOKS_TO_BEAT: u32 = 5;
/// The header by which a program says what it has seen.
const LAST_SEEN: &str = "last-event-id";

/// From where on.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// The last position that was seen; the header `Last-Event-ID` counts before it. Without either: from now on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<String>,
    /// With the words of the entries.
    #[serde(default)]
    pub words: bool,
}

/// An entry that has come.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ArrivedView {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// The number of the epoch.
    pub epoch: u64,
    /// The entry.
    pub arrived: RecordEntry,
}

/// What is observed of a line, now that it has changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ObservedEvent {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// OPEN, DEGRADED, SILENT or DOWN.
    pub state: ObservedState,
}

/// What is observed of every line.
type Observed = BTreeMap<LineId, ObservedState>;

/// Up to where a program has seen this record: how often the record was restored from a backup, and how many entries had come. A
/// restored record has lost some and counts anew from there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    generation: u32,
    arrivals: u64,
}

impl Position {
    /// Reads it as it is written, in that one form.
    pub fn parse(said: &str) -> Option<Position> {
        let (generation, arrivals) = said.split_once('.')?;
        let position = Position { generation: generation.parse().ok()?, arrivals: arrivals.parse().ok()? };
        Some(position).filter(|position| position.text() == said)
    }

    /// Whether it is one of the record that has come up to `here`.
    pub fn is_of(&self, here: &Position) -> bool {
        self.generation == here.generation && self.arrivals <= here.arrivals
    }

    /// How many entries have come after it, up to `here`; all that have, if it is of a record before a restore.
    pub fn behind(&self, here: &Position) -> u64 {
        if self.is_of(here) { here.arrivals - self.arrivals } else { here.arrivals }
    }

    /// Written as an event's id.
    pub fn text(self) -> String {
        format!("{}.{}", self.generation, self.arrivals)
    }
}

/// The handler.
pub(super) async fn open(
    State(api): State<Api>,
    who: Who,
    Asked(query): Asked<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Told> {
    let here = api.position().await?;
    let header = headers.get(LAST_SEEN).map(|said| said.to_str().unwrap_or_default().to_owned());
    let said = header.filter(|said| !said.is_empty()).or(query.after);
    let from = match &said {
        None => here,
        Some(said) => {
            let from = Position::parse(said).filter(|from| from.is_of(&here));
            from.ok_or_else(|| api.tell(Fault::new(Code::PositionUnknown).with("said", said)))?
        }
    };
    let place = api.streams.enter(who.token()).map_err(|fault| api.tell(fault))?;
    let (to, events) = mpsc::channel(WAITING_MAX);
    let follower = Follower { api, who, from, words: query.words, observed: Observed::new(), to };
    tokio::spawn(follower.follow());
    Ok(([(CONTENT_TYPE, "text/event-stream")], Body::new(Stream::new(events, place))).into_response())
}

/// One program that follows.
struct Follower {
    api: Api,
    who: Who,
    /// Up to where it has been sent.
    from: Position,
    words: bool,
    observed: Observed,
    to: mpsc::Sender<Bytes>,
}

/// The stream has ended: its reader has gone, the token was revoked, or the record cannot be read. A program comes back and says
/// what it has seen.
struct Ended;

impl Follower {
    async fn follow(mut self) {
        let mut looks = Looks::new(&self.api);
        let here = format!("id: {}\nevent: here\ndata: {{}}\n\n", self.from.text());
        if self.to.send(here.into()).await.is_err() {
            return;
        }
        let mut silent = 0;
        while looks.begin() {
            let Ok(sent) = self.look().await else { return };
            silent = if sent { 0 } else { silent + 1 };
            if silent >= LOOKS_TO_BEAT {
                silent = 0;
                if self.to.send(Bytes::from_static(b":\n\n")).await.is_err() {
                    return;
                }
            }
            if !looks.next(LOOK, &self.to).await {
                return;
            }
        }
    }

    /// Sends all that has come, and what is observed if that has changed. Whether anything was sent.
    async fn look(&mut self) -> Result<bool, Ended> {
        let mut sent = false;
        loop {
            if !self.api.is_still(&self.who).await {
                return Err(Ended);
            }
            let Follow { events, next } = self.api.follow(self.from, CHUNK, self.words).await.map_err(|_| Ended)?;
            if next == self.from {
                break;
            }
            self.from = next;
            let told = |(position, event): &(Position, ArrivedView)| {
                let data = serde_json::to_string(event).unwrap_or_default();
                format!("id: {}\nevent: entry\ndata: {data}\n\n", position.text())
            };
            let events: String = events.iter().map(told).collect();
            if !events.is_empty() {
                sent = true;
                self.to.send(events.into()).await.map_err(|_| Ended)?;
            }
        }
        let observed = self.api.observed().await.map_err(|_| Ended)?;
        let changed: Vec<_> = observed.iter().filter(|(line, state)| self.observed.get(line) != Some(state)).collect();
        let events: String = changed
            .iter()
            .map(|(line, state)| {
                let view = ObservedEvent { line: line.to_string(), state: **state };
                format!("event: observed\ndata: {}\n\n", serde_json::to_string(&view).unwrap_or_default())
            })
            .collect();
        self.observed = observed;
        if !events.is_empty() {
            sent = true;
            self.to.send(events.into()).await.map_err(|_| Ended)?;
        }
        Ok(sent)
    }
}

/// The next entries, as far as their words fit into one part; one always does.
fn arrived(reader: &Reader, from: u64, most: u32) -> Result<Vec<EntryRow>, StoreError> {
    let mut rows = reader.arrived(from, most)?;
    let (mut fit, mut bytes) = (0, 0);
    for row in &rows {
        bytes += reader.body_bytes(row.key)?;
        if fit > 0 && bytes > WORDS_BYTES_MAX {
            break;
        }
        fit += 1;
    }
    rows.truncate(fit);
    Ok(rows)
}

/// What has come after a position.
pub(crate) struct Follow {
    /// Each entry, with the position up to it.
    pub events: Vec<(Position, ArrivedView)>,
    /// Up to where that is; the position itself if nothing has come.
    pub next: Position,
}

impl Api {
    /// Up to where the record has come.
    pub(crate) async fn position(&self) -> Result<Position, Told> {
        let reader = self.parts.reader.clone();
        let read = move || Ok::<_, StoreError>((reader.generation()?, reader.arrivals()?));
        let read = tokio::task::spawn_blocking(read).await.map_err(|e| self.machine(e))?;
        let (generation, arrivals) = read.map_err(|e| self.failed(&e))?;
        Ok(Position { generation, arrivals })
    }

    /// What has come after `from`, at most so many entries. One of a line that is not served, or of an epoch that another of its
    /// number has replaced, is not told.
    pub(crate) async fn follow(&self, from: Position, most: u32, words: bool) -> Result<Follow, Told> {
        let reader = self.parts.reader.clone();
        let read = tokio::task::spawn_blocking(move || arrived(&reader, from.arrivals, most)).await;
        let rows = read.map_err(|e| self.machine(e))?.map_err(|e| self.failed(&e))?;
        let up_to = |row: &EntryRow| Position { arrivals: row.seq + 1, ..from };
        let mut events = Vec::new();
        for rows in rows.chunk_by(|a, b| (a.key.log.line, a.key.log.epoch) == (b.key.log.line, b.key.log.epoch)) {
            let Some(log) = rows.first().map(|row| row.key.log) else { continue };
            let epoch = Epoch { number: log.epoch.number, id: log.epoch.id };
            let read = rows.iter().filter_map(|row| Some((up_to(row), Entry::read(&row.bytes).ok()?.header)));
            let headers: Vec<_> = read.collect();
            let line = LineId(log.line);
            let shown = self.see_in(line, Some(epoch.number), move |sight| {
                let all = headers.iter().filter(|_| sight.epoch == epoch);
                all.map(|(position, header)| (*position, entry(sight, header, words))).collect::<Vec<_>>()
            });
            match shown.await {
                Ok(shown) => events.extend(shown.into_iter().map(|(position, arrived)| {
                    (position, ArrivedView { line: line.to_string(), epoch: epoch.number, arrived })
                })),
                Err(told) if [Code::LineUnknown, Code::EpochUnknown].iter().any(|code| told.code == code.word()) => {}
                Err(told) => return Err(told),
            }
        }
        Ok(Follow { events, next: rows.last().map_or(from, up_to) })
    }

    async fn observed(&self) -> Result<Observed, Told> {
        let parts = self.parts.clone();
        let (now_ms, now) = (parts.clock.moment().ms_since(parts.begun), self.now());
        let look = move |lines: &Lines| {
            let state = |kept: &crate::record::Kept| {
                let line = kept.line.id();
                (line, ObservedState::of(health(&kept.line, &parts.board.of(line), now_ms, now).state))
            };
            lines.iter().map(state).collect()
        };
        self.parts.keeper.look(look).await.map_err(|_| self.tell(Fault::new(Code::Stopping)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_was_written_and_nothing_else_is_one() {
        let position = Position { generation: 2, arrivals: 4_711 };

        assert_eq!(Position::parse(&position.text()), Some(position));
        for said in ["", "4711", "2.", ".1", "2.-1", "2.1.1", "a.b", "99999999999.1"] {
            assert_eq!(Position::parse(said), None, "{said}");
        }
    }
}
