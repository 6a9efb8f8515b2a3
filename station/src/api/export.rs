//! Everything that was signed on a line, and the evidence of what the peer broke, to be checked elsewhere: one JSON object in each line,
//! as `docs/operating.md` describes and `tools/reader` reads. The words of an entry are there only if they are those that were signed.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use counterpart_core::ids::LineId;
use counterpart_core::record::log::{Entry, opened_with};
use counterpart_core::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::Api;
use super::door::Who;
use super::fault::{Code, Fault, Told};
use super::receive::Asked;
use super::sight::hexadecimal;
use super::stream::Stream;
use super::stretch::entry;
use crate::store::{self, EntryKey, EntryRow, LineRow, LogRow, ROWS_MAX, Reader, StoreError};
use crate::view::Moment;

/// Parts on their way to a caller.
const WAITING_MAX: usize = 4;
/// Bytes that are gathered before they are sent.
const PART_BYTES: usize = 64 * 1024;

/// Of which line.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    /// The line, if there are several.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<String>,
}

/// The first line: whose record follows.
#[derive(Serialize)]
struct Begins {
    /// The line, 32 hexadecimal digits.
    line: String,
    /// Which party this station is.
    me: u8,
    /// The charter in force, as both sides signed it.
    charter: String,
    /// Its SHA-256, which two persons compared when the line was paired.
    fingerprint: String,
}

/// An entry.
#[derive(Serialize)]
struct Signed {
    epoch: (u64, String),
    party: u8,
    index: u64,
    /// Exactly as signed.
    bytes: String,
    /// Its words as encoded (§3.5), if they are held.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// What is kept as its words is not what was signed, and is left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    changed: bool,
}

/// What shows that the peer broke the protocol.
#[derive(Serialize)]
struct Breach {
    /// Which, by its name in §3.6 and §8.
    misconduct: String,
    /// When, by our clock.
    at: Moment,
    /// In which epoch, in words.
    detail: String,
    /// What came, as it came; cut after 65,536 bytes.
    bytes: String,
}

/// An entry of our own log that the peer showed and that was not taken into it, or had been there before.
#[derive(Serialize)]
struct Shown {
    shown: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// The last line: without it the export is cut short.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counted {
    /// Entries.
    pub entries: u64,
    /// Breaches by the peer.
    pub misconduct: u64,
    /// Entries of our own logs that the peer showed.
    pub shown: u64,
}

/// The last line, under its name.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ends {
    pub end: Counted,
}

/// What is taken out.
pub(crate) struct Export {
    reader: Reader,
    line: LineRow,
    /// As far as they were committed when it was begun: what is stored meanwhile is left out.
    logs: Vec<LogRow>,
    counted: Counted,
}

/// Where a line goes; whether more is wanted.
pub(crate) type Put<'a> = dyn FnMut(String) -> bool + 'a;

/// Nobody reads any more, or the store cannot be read.
enum Ended {
    Gone,
    Store(StoreError),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Ended {
        Ended::Store(error)
    }
}

impl Export {
    /// Begins with what is committed now; `None` if there is no such line.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn begin(reader: &Reader, line: LineId) -> Result<Option<Export>, StoreError> {
        let row = reader.lines()?.into_iter().find(|row| row.id == line.0);
        let logs = reader.logs(line.0)?;
        Ok(row.map(|line| Export { reader: reader.clone(), line, logs, counted: Counted::default() }))
    }

    /// Writes every line. Ends early, without its last line, if no more is wanted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn write(mut self, put: &mut Put<'_>) -> Result<Counted, StoreError> {
        match self.all(put) {
            Ok(()) | Err(Ended::Gone) => Ok(self.counted),
            Err(Ended::Store(error)) => Err(error),
        }
    }

    fn all(&mut self, put: &mut Put<'_>) -> Result<(), Ended> {
        let charter = &self.line.charter;
        let fingerprint = hexadecimal(&Sha256::digest(charter));
        let begins =
            Begins { line: hexadecimal(&self.line.id), me: self.line.me, charter: hexadecimal(charter), fingerprint };
        say(put, &begins)?;
        for log in self.in_order()? {
            self.log(&log, put)?;
        }
        self.breaches(put)?;
        self.shown(put)?;
        say(put, &Ends { end: self.counted })
    }

    /// The logs by epoch; in an epoch first that of the side which opened it.
    fn in_order(&self) -> Result<Vec<LogRow>, StoreError> {
        let mut logs = self.logs.clone();
        let mut opened = Vec::new();
        for log in &logs {
            let first = self.reader.entry(EntryKey { log: log.key, index: 0 })?.map(|row| entry(&row)).transpose()?;
            opened.extend(first.filter(|first| opened_with(&first.header).is_some()).map(|_| log.key));
        }
        logs.sort_by_key(|log| (log.key.epoch, !opened.contains(&log.key), log.key.party));
        Ok(logs)
    }

    fn log(&mut self, log: &LogRow, put: &mut Put<'_>) -> Result<(), Ended> {
        let mut next = 0;
        while next < log.size {
            let most = u32::try_from(log.size - next).unwrap_or(ROWS_MAX);
            let rows = self.reader.entries(log.key, next, most)?;
            if rows.is_empty() {
                let found = format!("entry {}:{} cannot be read", log.key.party, next);
                return Err(StoreError::Corrupt { found }.into());
            }
            for row in rows {
                next = row.key.index + 1;
                say(put, &self.signed(&row)?)?;
                self.counted.entries += 1;
            }
        }
        Ok(())
    }

    fn signed(&self, row: &EntryRow) -> Result<Signed, StoreError> {
        let EntryKey { log, index } = row.key;
        let held = match self.reader.body(row.key)? {
            store::Body::Held(body) => Some(body),
            store::Body::None | store::Body::Erased { .. } => None,
        };
        // Bytes that are no entry are given out as they are: that is what somebody wants to see.
        let attests = |body: &Vec<u8>| Entry::read(&row.bytes).is_ok_and(|entry| entry.header.attests(body));
        let changed = held.as_ref().is_some_and(|body| !attests(body));
        Ok(Signed {
            epoch: (log.epoch.number, hexadecimal(&log.epoch.id)),
            party: log.party,
            index,
            bytes: hexadecimal(&row.bytes),
            body: held.filter(|_| !changed).map(|body| hexadecimal(&body)),
            changed,
        })
    }

    fn breaches(&mut self, put: &mut Put<'_>) -> Result<(), Ended> {
        for breach in self.reader.evidence(self.line.id, ROWS_MAX)?.into_iter().rev() {
            let at = Moment(Timestamp(breach.at.min(Timestamp::MAX.0)));
            let bytes = hexadecimal(&breach.bytes);
            say(put, &Breach { misconduct: breach.kind, at, detail: breach.detail, bytes })?;
            self.counted.misconduct += 1;
        }
        Ok(())
    }

    fn shown(&mut self, put: &mut Put<'_>) -> Result<(), Ended> {
        let mut from = 0;
        loop {
            let page = self.reader.shown(self.line.id, from)?;
            for showing in &page {
                let attests = |body: &&Vec<u8>| Entry::read(&showing.bytes).is_ok_and(|e| e.header.attests(body));
                let body = showing.body.as_ref().filter(attests).map(|body| hexadecimal(body));
                say(put, &Shown { shown: hexadecimal(&showing.bytes), body })?;
                self.counted.shown += 1;
            }
            if page.len() < ROWS_MAX as usize {
                return Ok(());
            }
            from += ROWS_MAX;
        }
    }
}

fn say(put: &mut Put<'_>, value: &impl Serialize) -> Result<(), Ended> {
    // Strings, numbers and lists of them can always be written.
    let mut line = serde_json::to_string(value).unwrap_or_default();
    line.push('\n');
    if put(line) { Ok(()) } else { Err(Ended::Gone) }
}

/// `GET /api/v1/record/entries`.
pub(super) async fn export(
    State(api): State<Api>,
    who: Who,
    Asked(query): Asked<ExportQuery>,
) -> Result<Response, Told> {
    let line = api.line(query.line).await?;
    let place = api.streams.enter(who.token()).map_err(|fault| api.tell(fault))?;
    let reader = api.parts.reader.clone();
    let begun = tokio::task::spawn_blocking(move || Export::begin(&reader, line)).await;
    let begun = begun.map_err(|e| api.machine(e))?.map_err(|e| api.failed(&e))?;
    let export = begun.ok_or_else(|| api.tell(Fault::new(Code::LineUnknown).with("said", line).with("known", "")))?;
    let (to, parts) = mpsc::channel::<Bytes>(WAITING_MAX);
    let closing = api.closing.subscribe();
    tokio::task::spawn_blocking(move || send(export, &to, &|| *closing.borrow()));
    Ok(([(CONTENT_TYPE, super::calls::LINES)], Body::new(Stream::new(parts, place))).into_response())
}

/// Sends an export in parts. A reader that goes ends it, and a station that stops.
fn send(export: Export, to: &mpsc::Sender<Bytes>, stops: &dyn Fn() -> bool) {
    let mut part = String::new();
    let ended = export.write(&mut |line| {
        part.push_str(&line);
        let full = part.len() >= PART_BYTES;
        !full || !stops() && to.blocking_send(std::mem::take(&mut part).into()).is_ok()
    });
    match ended {
        Ok(_) => drop(to.blocking_send(part.into())),
        // Without its last line the caller knows that it is cut short.
        Err(error) => tracing::error!(error = %error, "the record could not be taken out whole"),
    }
}
