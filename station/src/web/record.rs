//! The record of a line: both logs side by side, what each entry had seen, and what is looked for in them.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{LineId, Party};
use counterpart_core::record::kind::Kind;

use super::fields::Fields;
use super::frame::{Four, Frame};
use super::seen::Seen;
use super::session::Signed;
use super::spine::{Item, items};
use super::{Desk, page, refused};
use crate::api::fault::Told;
use crate::api::find::{Found, LOOKED_MAX, Towards};
use crate::api::search::{Look, Sought};
use crate::view::lines::StandingView;
use crate::view::restore::counting;
use crate::view::{Side, Sight};
use crate::words::Why;

/// Entries on a page.
const PAGE: usize = 50;
/// Requests to choose from, the newest.
const MATTERS_MAX: usize = 50;
/// Faults of the other side's that are shown, the newest.
const EVIDENCE_MAX: u32 = 20;

#[derive(Template)]
#[template(path = "record.html")]
struct Record {
    d: Frame,
    seen: Seen,
    signs: [String; 2],
    /// Entries of our log and of theirs.
    sizes: [usize; 2],
    items: Vec<Item>,
    asked: Asked,
    matters: Vec<(String, String)>,
    /// The numbers of all epochs, if there are several, and which is looked at.
    epochs: Vec<(u64, bool)>,
    /// The number of the epoch that is looked at, if that has ended.
    ended: Option<u64>,
    /// What counts in it though it is not in our log, a sentence each.
    notes: Vec<String>,
    found: usize,
    earlier: Option<String>,
    later: Option<String>,
    /// It was looked so far and no further, though the page is not full.
    is_cut: bool,
    /// Why the line is taken no further, if it is not.
    halted: Option<Why>,
    evidence: Vec<(String, Option<String>, String)>,
    /// What of it could not be read: then nothing is looked for.
    wrong: Option<Told>,
}

/// What was asked for, as it was written.
#[derive(Clone, Default)]
struct Asked {
    line: String,
    /// The number of an earlier epoch.
    epoch: Option<u64>,
    sought: Sought,
}

/// What is looked for is read as a field of this.
impl std::ops::Deref for Asked {
    type Target = Sought;

    fn deref(&self) -> &Sought {
        &self.sought
    }
}

impl Asked {
    fn read(line: &str, query: Option<String>) -> Asked {
        let fields = Fields::read(&Bytes::from(query.unwrap_or_default())).unwrap_or_default();
        let text = |name: &str| fields.text(name).unwrap_or_default();
        let number = |name: &str| text(name).trim().parse::<u64>().ok();
        let earlier = number("before").map(Towards::Earlier);
        let sought = Sought {
            matter: text("matter"),
            kind: text("kind"),
            side: text("side"),
            standing: text("standing"),
            since: text("since"),
            until: text("until"),
            words: text("q"),
            towards: earlier.or_else(|| number("offset").map(Towards::Later)),
            from: text("from"),
        };
        Asked { line: line.into(), epoch: number("epoch"), sought }
    }

    /// The address of the same with another place.
    fn at(&self, place: &str, position: u64) -> String {
        let all = [
            ("matter", &self.matter),
            ("kind", &self.kind),
            ("side", &self.side),
            ("standing", &self.standing),
            ("since", &self.since),
            ("until", &self.until),
            ("q", &self.words),
        ];
        let mut said: Vec<(&str, &str)> =
            all.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (*name, value.as_str())).collect();
        let epoch = self.epoch.map(|number| number.to_string());
        said.extend(epoch.iter().map(|number| ("epoch", number.as_str())));
        let position = position.to_string();
        said.push((place, &position));
        format!("/lines/{}/record?{}", self.line, serde_urlencoded::to_string(said).unwrap_or_default())
    }

    /// The address of the whole record of the epoch.
    fn whole(&self) -> String {
        let epoch = self.epoch.map_or_else(String::new, |number| format!("?epoch={number}"));
        format!("/lines/{}/record{epoch}", self.line)
    }

    /// The address of what belongs to the thing that this entry opened.
    fn of(&self, thing: &str) -> String {
        let epoch = self.epoch.map_or_else(String::new, |number| format!("&epoch={number}"));
        format!("/lines/{}/record?matter={thing}{epoch}", self.line)
    }

    /// Whether anything is looked for.
    fn is_narrowed(&self) -> bool {
        [&self.matter, &self.kind, &self.side, &self.standing, &self.since, &self.until, &self.words]
            .iter()
            .any(|said| !said.is_empty())
    }

    fn is_kind(&self, kind: &Kind) -> bool {
        self.kind == kind.word()
    }
}

impl Record {
    fn kinds(&self) -> &'static [Kind] {
        Kind::ALL
    }

    /// How long our log and theirs are.
    fn lengths(&self) -> [String; 2] {
        let [ours, theirs] = self.sizes;
        [self.d.count("record-our-log", ours), self.d.count("record-their-log", theirs)]
    }

    /// How many were found, and that not all was looked at.
    fn told(&self) -> String {
        if !self.asked.is_narrowed() {
            return String::new();
        }
        let id = if self.is_cut { "record-found-so-far" } else { "record-found" };
        let args = [("count", self.found.into()), ("max", LOOKED_MAX.into())];
        self.d.words().say(id, &args)
    }
}

/// What the page shows around what is found.
struct Around {
    look: Look,
    /// Which side we are.
    me: Party,
    matters: Vec<(String, String)>,
    epochs: Vec<(u64, bool)>,
    ended: Option<u64>,
    notes: Vec<String>,
    signs: [String; 2],
}

/// `GET /lines/{line}/record`.
pub(super) async fn show(
    State(desk): State<Desk>,
    who: Signed,
    Path(line): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    match drawn(&desk, &who, Asked::read(&line, query)).await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &who, &told, &refused::Kept::default()).await,
    }
}

async fn drawn(desk: &Desk, who: &Signed, asked: Asked) -> Result<Response, Told> {
    let position = desk.position(who).await?;
    let id = desk.api.line(Some(asked.line.clone())).await?;
    let asked = Asked { line: id.to_string(), ..asked };
    let turn = desk.api.page_turn().await?;
    let (reader, wanted) = (desk.api.parts.reader.clone(), asked.clone());
    let around = desk.api.see_in(id, asked.epoch, move |sight| around(sight, reader.clone(), &wanted)).await??;
    // What cannot be read is said above the fields in which it stands; nothing is shown as if it had been found.
    let (found, wrong) = match desk.api.sieve(&asked, &around.look) {
        Ok(sieve) => (desk.api.found(&asked, &around.look, sieve, PAGE).await?, None),
        Err(told) => (Found::default(), Some(desk.as_typed(told, "time-day-field"))),
    };
    drop(turn);
    let evidence = desk.evidence(id, wrong.is_none()).await?;
    let count = found.entries.len();
    let entries = found.entries;
    let (items, evidence) = desk
        .api
        .see_in(id, asked.epoch, move |sight| {
            let told = evidence.iter().map(|(at, kind, detail)| {
                let told = Misconduct::from_word(kind).map(|known| sight.telling.words.misconduct(known).why);
                (sight.telling.here_exact(counterpart_core::time::Timestamp(*at)), told, format!("{kind}: {detail}"))
            });
            (items(sight, &entries), told.collect::<Vec<_>>())
        })
        .await?;
    let seen = desk.line_seen(id).await?;
    let mut d = Frame::new(desk, who, "record", position)?;
    d.line = id.to_string();
    if wrong.is_some() {
        d.page = format!("/lines/{id}/record");
    }
    d.four = Some(Four::of_line(d.words(), &seen, d.mark));
    let halted = match &seen.row.view.standing {
        StandingView::Halted { why, .. } => Some(why.clone()),
        _ => None,
    };
    let shown = Record {
        sizes: [around.me, around.me.peer()]
            .map(|party| usize::try_from(around.look.logs.sizes[party.slot()]).unwrap_or(usize::MAX)),
        signs: around.signs,
        matters: around.matters,
        epochs: around.epochs,
        ended: around.ended,
        notes: around.notes,
        found: count,
        earlier: found.earlier.map(|position| asked.at("before", position)),
        later: found.later.map(|position| asked.at("offset", position)),
        is_cut: found.is_cut,
        halted,
        d,
        seen,
        items,
        asked,
        evidence,
        wrong,
    };
    Ok(page(shown.wrong.as_ref().map_or(StatusCode::OK, Told::status), &shown))
}

fn around(sight: &Sight<'_>, reader: crate::store::Reader, asked: &Asked) -> Result<Around, Told> {
    let look = Look::read(sight, reader, asked)?;
    let view = sight.view();
    let mut matters: Vec<_> = Party::BOTH.into_iter().flat_map(|p| view.asks(p).rev().take(MATTERS_MAX)).collect();
    matters.sort_by_key(|ask| std::cmp::Reverse(ask.time));
    let mut chosen: BTreeMap<String, String> = BTreeMap::new();
    // One that is asked for by an address stands in the list, however old it is.
    chosen.extend(look.thing.map(|at| sight.named(at)).map(|named| (named.at, named.name)));
    let latest = matters.into_iter().take(MATTERS_MAX).map(|ask| sight.named(ask.at));
    let latest: Vec<_> = latest.filter(|named| !chosen.contains_key(&named.at)).collect();
    let begun = sight.line.spans().filter(|span| span.own().size() + span.peer().size() > 0);
    let epochs: Vec<_> = begun.map(|span| (span.epoch().number, span.epoch() == sight.epoch)).collect();
    Ok(Around {
        look,
        me: sight.me(),
        matters: chosen.into_iter().chain(latest.into_iter().map(|named| (named.at, named.name))).collect(),
        epochs: if epochs.len() > 1 { epochs } else { Vec::new() },
        ended: (sight.epoch != sight.line.epoch()).then_some(sight.epoch.number),
        notes: counting(sight),
        signs: [Side::Ours, Side::Theirs].map(|side| sight.call_sign(side)),
    })
}

impl Desk {
    /// When which fault of the other side's was kept, and what was found; nothing if nothing is looked for.
    async fn evidence(&self, id: LineId, is_asked: bool) -> Result<Vec<(u64, String, String)>, Told> {
        if !is_asked {
            return Ok(Vec::new());
        }
        let reader = self.api.parts.reader.clone();
        let read = tokio::task::spawn_blocking(move || reader.evidence(id.0, EVIDENCE_MAX)).await;
        let rows = read.map_err(|e| self.api.machine(e))?.map_err(|e| self.api.failed(&e))?;
        Ok(rows.into_iter().map(|row| (row.at, row.kind, row.detail)).collect())
    }
}
