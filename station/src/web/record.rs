//! The record of a line: both logs, and what each entry had seen.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use counterpart_core::ids::Party;

use super::frame::{Four, Frame, bars, mark_class};
use super::seen::Seen;
use super::session::Signed;
use super::{Desk, page, refused};
use crate::api::fault::Told;
use crate::api::views::{RecordPage as Shown, RecordQuery, entries, page as record_page};
use crate::view::record::RecordEntry;
use crate::view::{Side, Sight};
use crate::words::clocks::Hand;

#[derive(Template)]
#[template(path = "record.html")]
struct Record {
    d: Frame,
    seen: Seen,
    shown: Shown,
    rows: Vec<Entry>,
    /// Where the page before this one begins.
    before: Option<u64>,
    limit: u64,
}

/// An entry with its time on both clocks.
struct Entry {
    is_ours: bool,
    hands: [Hand; 2],
    /// Where it is on the page.
    anchor: String,
    view: RecordEntry,
    /// What it says beside its type, in words.
    told: String,
}

impl Record {
    fn bars(&self, entry: &Entry) -> Option<[bool; 4]> {
        entry.view.precedence.map(|p| bars(p.0))
    }

    fn mark_class(&self, entry: &Entry) -> &'static str {
        entry.view.mark.map_or("", |mark| mark_class(mark.0))
    }
}

/// `GET /lines/{line}/record`.
pub(super) async fn show(
    State(desk): State<Desk>,
    who: Signed,
    Path(line): Path<String>,
    Query(query): Query<RecordQuery>,
) -> Response {
    let drawn = async {
        let position = desk.position(&who).await?;
        let id = desk.api.line(Some(line)).await?;
        let sizes = |sight: &Sight<'_>| (sight.line.epoch(), Party::BOTH.map(|party| sight.line.log(party).size()));
        let (epoch, sizes) = desk.api.see(id, sizes).await?;
        let query = RecordQuery { words: true, ..query };
        let (reader, asked) = (desk.api.parts.reader.clone(), query.clone());
        let found = tokio::task::spawn_blocking(move || entries(&reader, id, epoch, sizes, &asked)).await;
        let found = found.map_err(|e| desk.api.machine(e))?.map_err(|e| desk.api.failed(&e))?;
        let limit = query.limit.unwrap_or(crate::api::views::PAGE_DEFAULT) as u64;
        let (shown, rows) = desk
            .api
            .see(id, move |sight| {
                let shown = record_page(sight, &found, &query)?;
                let rows = shown.record.entries.iter().map(|entry| drawn_entry(sight, entry)).collect::<Vec<_>>();
                Ok::<_, Told>((shown, rows))
            })
            .await??;
        let seen = desk.line_seen(id).await?;
        let mut d = Frame::new(&desk, &who, "record", position)?;
        d.line = id.to_string();
        d.four = Some(Four::of_line(d.words(), &seen, d.mark));
        let before = (shown.record.offset > 0).then(|| shown.record.offset.saturating_sub(limit));
        Ok::<_, Told>(page(StatusCode::OK, &Record { d, seen, shown, rows, before, limit }))
    };
    match drawn.await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &who, &told, &refused::Kept::default()).await,
    }
}

fn drawn_entry(sight: &Sight<'_>, entry: &RecordEntry) -> Entry {
    Entry {
        is_ours: entry.side == Side::Ours,
        hands: [Side::Ours, Side::Theirs].map(|side| sight.telling.hand(side, entry.time.0)),
        anchor: format!("e{}", entry.entry.at.replace(':', "-")),
        told: crate::view::text::args(&entry.args, &sight.telling).join(" · "),
        view: entry.clone(),
    }
}
