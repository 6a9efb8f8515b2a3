//! One entry as it was signed: what its header says, whether its signature holds, its words and its bytes.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use counterpart_core::ids::{EntryRef, LineId, hex};
use counterpart_core::record::body;
use counterpart_core::record::entry::{BodyRef, Header};
use counterpart_core::record::log::Entry;
use counterpart_core::record::sign1::{PublicKey, Strict};

use super::frame::{Four, Frame};
use super::request::epoch_asked;
use super::seen::Seen;
use super::session::Signed;
use super::spine::{Row, href, row};
use super::{Desk, page, refused};
use crate::api::fault::Told;
use crate::api::sight::hexadecimal;
use crate::api::stretch::Logs;
use crate::record::entry_key;
use crate::store;
use crate::view::{Moment, Sight, names};
use crate::words::{Arg, Words};

#[derive(Template)]
#[template(path = "entry.html")]
struct Page {
    d: Frame,
    seen: Seen,
    line: String,
    /// The number of its epoch, if the address names one.
    epoch: Option<u64>,
    row: Row,
    /// What the header says, one after the other.
    facts: Vec<(String, String)>,
    /// Whether the signature holds under the key in force.
    holds: bool,
    /// What vouches for the words, and whether what is held is what was signed.
    body: String,
    /// In hexadecimal digits, 64 to a line.
    bytes: String,
    length: usize,
    before: Option<String>,
    after: Option<String>,
}

impl Page {
    /// Where it stands in the record.
    fn record(&self) -> String {
        let epoch = self.epoch.map_or_else(String::new, |number| format!("epoch={number}&"));
        format!("/lines/{}/record?{epoch}from={}#{}", self.line, self.row.view.entry.at, self.row.anchor)
    }

    /// Its bytes, to be kept.
    fn as_signed(&self) -> String {
        let epoch = self.epoch.map_or_else(String::new, |number| format!("?epoch={number}"));
        format!("/lines/{}/entries/{}/bytes{epoch}", self.line, self.row.view.entry.at)
    }
}

/// An entry with what is held of it.
struct Held {
    at: EntryRef,
    entry: Entry,
    body: store::Body,
    stored: u64,
}

impl Desk {
    /// The entry of this name.
    async fn held(&self, line: &str, said: String, epoch: Option<u64>) -> Result<(LineId, Held), Told> {
        let id = self.api.line(Some(line.to_owned())).await?;
        let (at, epoch, sizes) = self
            .api
            .see_in(id, epoch, move |sight| {
                let at = names::parse_in(sight.book(), &said);
                let at = at.map_err(|fault| Told::name(&fault, sight.telling.words))?;
                let sizes = counterpart_core::ids::Party::BOTH.map(|party| sight.head(party).size);
                Ok::<_, Told>((at, sight.epoch, sizes))
            })
            .await??;
        let logs = Logs { reader: self.api.parts.reader.clone(), line: id, epoch, sizes };
        let read = move || {
            let key = entry_key(id, epoch, at);
            let stored = logs.reader.entry(key)?.map_or(0, |row| row.stored);
            Ok::<_, store::StoreError>(Held { at, entry: logs.entry(at)?, body: logs.reader.body(key)?, stored })
        };
        let read = tokio::task::spawn_blocking(read).await.map_err(|e| self.api.machine(e))?;
        Ok((id, read.map_err(|e| self.api.failed(&e))?))
    }
}

/// `GET /lines/{line}/entries/{entry}`.
pub(super) async fn show(
    State(desk): State<Desk>,
    who: Signed,
    Path((line, said)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let number = epoch_asked(query);
    let drawn = async {
        let position = desk.position(&who).await?;
        let (id, held) = desk.held(&line, said, number).await?;
        let (header, at) = (held.entry.header.clone(), held.at);
        let (drawn, key, facts, near, epoch) = desk
            .api
            .see_in(id, number, move |sight| {
                let key = sight.line.span(sight.epoch).map(|span| span.log(at.party).key_at(at.index));
                let size = sight.head(at.party).size;
                let near = [at.index.checked_sub(1), Some(at.index + 1).filter(|index| *index < size)];
                let near = near.map(|index| index.map(|index| href(sight, EntryRef { party: at.party, index })));
                (row(sight, &header), key, facts(sight, &header, key.as_ref()), near, sight.epoch)
            })
            .await?;
        let seen = desk.line_seen(id).await?;
        let mut d = Frame::new(&desk, &who, "record", position)?;
        d.line = id.to_string();
        d.four = Some(Four::of_line(d.words(), &seen, d.mark));
        let [before, after] = near;
        let stored = d.day_and_clock(counterpart_core::time::Timestamp(held.stored));
        let mut facts = facts;
        let mut authors = desk.authors(id, epoch, vec![at]).await?;
        facts.extend(authors.remove(&at.to_string()).map(|user| (d.say("entry-author"), user)));
        facts.push((d.say("entry-stored"), stored));
        facts.push((d.say("entry-leaf"), hexadecimal(&held.entry.leaf)));
        let shown = Page {
            holds: key.is_some_and(|key| held.entry.signed_by(&key, &Strict)),
            body: vouched(d.words(), &held),
            bytes: digits(&held.entry.bytes),
            length: held.entry.bytes.len(),
            line: id.to_string(),
            epoch: number,
            row: drawn,
            seen,
            facts,
            before,
            after,
            d,
        };
        Ok::<_, Told>(page(StatusCode::OK, &shown))
    };
    match drawn.await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &who, &told, &refused::Kept::default()).await,
    }
}

/// `GET /lines/{line}/entries/{entry}/bytes`: exactly as signed.
pub(super) async fn bytes(
    State(desk): State<Desk>,
    who: Signed,
    Path((line, said)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    match desk.held(&line, said, epoch_asked(query)).await {
        Ok((id, held)) => {
            let name = format!("{id}-{}-{}.cose", held.at.party.number(), held.at.index);
            let headers = [
                (CONTENT_TYPE, "application/cose".to_owned()),
                (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
            ];
            (headers, held.entry.bytes).into_response()
        }
        Err(told) => refused::shown(&desk, &who, &told, &refused::Kept::default()).await,
    }
}

/// What the header says, in words and digits.
fn facts(sight: &Sight<'_>, header: &Header, key: Option<&PublicKey>) -> Vec<(String, String)> {
    let telling = sight.telling;
    let mut facts: Vec<(&str, String)> = Vec::new();
    let head = |size: u64, root: &[u8; 32]| {
        telling.say("entry-head", &[("size", size.into()), ("root", hexadecimal(root).into())])
    };
    facts.push(("entry-time", Moment(header.time).to_string()));
    facts.push(("entry-times", telling.both_exact(header.time)));
    facts.push(("entry-epoch", header.epoch.number.to_string()));
    facts.push(("entry-own", head(header.own.size, &header.own.root)));
    facts.push(("entry-held", head(header.held.size, &header.held.root)));
    facts.extend(header.refers.map(|at| ("entry-refers", sight.named(at).name)));
    facts.extend(header.from.as_ref().map(|post| ("entry-from", post.to_string())));
    facts.extend(header.to.as_ref().map(|post| ("entry-to", post.to_string())));
    facts.extend(header.precedence.map(|p| ("entry-precedence", telling.words.coded(p).both())));
    facts.extend(header.mark.map(|mark| ("entry-mark", telling.words.coded(mark).both())));
    facts.extend(header.deadline.map(|time| ("entry-deadline", telling.both_exact(time))));
    if !header.lacking.is_empty() {
        let lacking: Vec<String> = header.lacking.iter().map(|index| format!("#{index}")).collect();
        facts.push(("entry-lacking", lacking.join(", ")));
    }
    facts.extend(key.map(|key| ("entry-key", hexadecimal(key.as_bytes()))));
    facts.push(("entry-algorithm", "Ed25519, COSE_Sign1".to_owned()));
    facts.into_iter().map(|(id, value)| (telling.say(id, &[]), value)).collect()
}

/// What vouches for the words of an entry.
fn vouched(words: &Words, held: &Held) -> String {
    let digest = |hash: &[u8; 32]| Arg::from(hexadecimal(hash));
    match (&held.entry.header.body, &held.body) {
        (None, _) => words.say("entry-no-words", &[]),
        (Some(BodyRef::Deniable), _) => words.say("entry-deniable", &[]),
        (Some(BodyRef::Attested(hash)), store::Body::Held(bytes)) if body::digest(bytes) == *hash => {
            words.say("entry-attested", &[("digest", digest(hash))])
        }
        (Some(BodyRef::Attested(hash)), store::Body::Held(_)) => {
            words.say("entry-other-words", &[("digest", digest(hash))])
        }
        (Some(BodyRef::Attested(hash)), _) => words.say("entry-lacks-words", &[("digest", digest(hash))]),
    }
}

/// Bytes in hexadecimal digits, 32 to a line.
fn digits(bytes: &[u8]) -> String {
    let line = |bytes: &[u8]| {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = hex(&mut out, bytes);
        out
    };
    bytes.chunks(32).map(line).collect::<Vec<_>>().join("\n")
}
