//! The morning sheet: every line, the last 24 hours of its checks and requests as plots and in words, what was written, and the
//! figures as `lines --figures` has them. It is made to be printed.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use counterpart_core::ids::{EntryRef, LineId, Party};
use counterpart_core::line::crossing::Outcome;
use counterpart_core::line::facts::Fact;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::kind::Kind;
use counterpart_core::record::log::Entry;
use counterpart_core::time::Timestamp;

use super::frame::{Four, Frame, state_class, word};
use super::plots::{HOURS, Tested, Tests, Times, tests, ticks, times};
use super::seen::Seen;
use super::session::Signed;
use super::{Desk, page, refused};
use crate::api::fault::Told;
use crate::api::stretch::{Logs, entry};
use crate::api::views::UnreadView;
use crate::record::log_key;
use crate::store::{ROWS_MAX, Range, StoreError};
use crate::view::figures::{DirectionView, FiguresRow, FiguresView, SpanView, figures, seen};
use crate::view::lines::ObservedState;
use crate::view::{Side, Sight, text};
use crate::words::Words;

const DAY_MS: u64 = HOURS * 3_600_000;
/// Entries of each log that are looked through for what was written, the newest.
const LOOKED_MAX: u32 = 200;
/// What was written, at most so many on the sheet.
const NEWS_MAX: usize = 12;

#[derive(Template)]
#[template(path = "morning.html")]
struct Morning {
    d: Frame,
    lines: Vec<Sheet>,
    /// Lines that cannot be read.
    unread: Vec<UnreadView>,
    /// When the day began.
    since: String,
    open: usize,
    /// Matters that need this desk.
    needing: usize,
    first: String,
    ticks: Vec<(String, String)>,
    written: Vec<News>,
    ended: Vec<News>,
    owed: Vec<(String, String)>,
}

/// One line.
struct Sheet {
    seen: Seen,
    /// Our tests, which their watch answers; and theirs.
    tests: [Tests; 2],
    /// Requests of ours, and of theirs.
    times: [Times; 2],
    figures: FiguresView,
    news: Vec<News>,
}

/// Something that was written.
#[derive(Clone)]
struct News {
    at: Timestamp,
    time: String,
    href: String,
    told: String,
    /// It ended something: it lapsed, or crossed.
    is_end: bool,
}

/// What is read of a line's last day.
struct Day {
    /// Tests and asks, each log in its order.
    things: Vec<Entry>,
    latest: Vec<Entry>,
    /// When tests and their answers were stored here, by our clock (ms since 1970 UTC): claimed times are of two clocks.
    stored: BTreeMap<EntryRef, u64>,
}

impl Morning {
    fn state_class(&self, sheet: &Sheet) -> &'static str {
        state_class(sheet.seen.row.view.observed.state)
    }

    fn state(&self, sheet: &Sheet) -> String {
        word(self.d.words(), sheet.seen.row.view.observed.state)
    }

    fn declared(&self, sheet: &Sheet) -> String {
        self.d.words().state(sheet.seen.row.view.theirs.declared.0).to_uppercase()
    }

    fn headline(&self) -> String {
        let args = [("open", self.open.into()), ("not", (self.lines.len() - self.open + self.unread.len()).into())];
        self.d.words().say("morning-heading", &args)
    }

    fn lede(&self) -> String {
        let args = [("count", self.needing.into()), ("first", (&self.first).into())];
        self.d.words().say("morning-lede", &args)
    }

    /// Of what the plots are.
    fn legend(&self) -> String {
        self.d.with("morning-legend", "mark", self.d.mark.word())
    }

    fn open_matters(&self, sheet: &Sheet) -> String {
        self.d.count("morning-open", sheet.seen.matters.len())
    }

    fn heads(&self) -> Vec<String> {
        text::COUNTS.iter().chain(&text::SPANS).map(|id| self.d.say(id)).collect()
    }

    fn direction(&self, sheet: &Sheet, direction: &DirectionView) -> String {
        let [_, peer] = &sheet.figures.call_signs;
        let args = [("side", direction.asked_by.word().into()), ("peer", peer.into())];
        self.d.words().say("figures-direction", &args)
    }

    /// The figures of one row, as a terminal shows them.
    fn cells(&self, row: &FiguresRow) -> Vec<String> {
        let spans = [row.delivered, row.seen, row.first_answer].map(|span| spanned(&span, self.d.words()));
        row.counts().iter().map(u64::to_string).chain(spans).collect()
    }
}

/// Median and worst.
fn spanned(span: &SpanView, words: &Words) -> String {
    let (Some(median), Some(worst)) = (span.median_ms, span.worst_ms) else { return "–".into() };
    words.say("table-median-worst", &[("median", words.lasts(median).into()), ("worst", words.lasts(worst).into())])
}

/// `GET /morning`.
pub(super) async fn show(State(desk): State<Desk>, who: Signed) -> Response {
    match drawn(&desk, &who).await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &who, &told, &refused::Kept::default()).await,
    }
}

async fn drawn(desk: &Desk, who: &Signed) -> Result<Response, Told> {
    let position = desk.position(who).await?;
    let now = desk.api.now();
    let begun = Timestamp(now.0.saturating_sub(DAY_MS));
    let mut lines = Vec::new();
    for id in desk.api.ids().await? {
        lines.push(desk.sheet(id, begun, now).await?);
    }
    let all = desk.all_seen().await?;
    let mut d = Frame::new(desk, who, "morning", position)?;
    d.four = Some(Four::of_all(d.words(), &all, desk.unread().len(), d.mark));
    let mut news: Vec<News> = lines.iter().flat_map(|sheet| sheet.news.iter().cloned()).collect();
    news.sort_by_key(|news| std::cmp::Reverse(news.at));
    let (ended, written): (Vec<News>, Vec<News>) = news.into_iter().partition(|news| news.is_end);
    let latest = |mut news: Vec<News>| {
        news.truncate(NEWS_MAX);
        news.reverse();
        news
    };
    let mut owed: Vec<_> = lines.iter().flat_map(|s| &s.seen.matters).filter(|m| m.view.needs_us()).collect();
    owed.sort_by_key(|matter| matter.view.order());
    let told = |matter: &&super::seen::Matter| {
        let by = matter.due.as_ref().map_or_else(String::new, |due| format!(", {}", due.by));
        let told = format!("{}: {}{by}", matter.view.thing.name, matter.needs);
        (matter.href.clone(), d.words().marked(matter.view.mark.0, told))
    };
    let owed: Vec<(String, String)> = owed.iter().map(told).collect();
    let shown = Morning {
        since: d.day_and_clock(begun),
        open: lines.iter().filter(|s| s.seen.row.view.observed.state == ObservedState::Open).count(),
        needing: owed.len(),
        first: owed.first().map_or_else(String::new, |(_, told)| told.clone()),
        ticks: ticks(d.words()),
        written: latest(written),
        ended: latest(ended),
        owed,
        lines,
        unread: desk.unread(),
        d,
    };
    Ok(page(StatusCode::OK, &shown))
}

impl Desk {
    async fn sheet(&self, id: LineId, begun: Timestamp, now: Timestamp) -> Result<Sheet, Told> {
        let look = |sight: &Sight<'_>| (sight.epoch, Party::BOTH.map(|party| sight.head(party).size));
        let (epoch, sizes) = self.api.see(id, look).await?;
        let logs = Logs { reader: self.api.parts.reader.clone(), line: id, epoch, sizes };
        let read = tokio::task::spawn_blocking(move || day(&logs, begun)).await.map_err(|e| self.api.machine(e))?;
        let day = read.map_err(|e| self.api.failed(&e))?;
        let mark = self.api.parts.mark;
        let draw = move |sight: &Sight<'_>| {
            let sides = [Side::Ours, Side::Theirs];
            // What is meant and what is not are never drawn as one.
            let is_meant = move |e: &&Entry| e.header.mark.is_none_or(|of| of == mark);
            let of =
                |side: Side| day.things.iter().filter(move |e| sight.side(e.header.party) == side).filter(is_meant);
            let words = sight.telling.words;
            let tested = sides.map(|side| {
                let all: Vec<_> = of(side).filter_map(|e| tested(sight, e, &day.stored)).collect();
                tests(&all, now, words)
            });
            let asked = sides.map(|side| times(&of(side).filter_map(|e| asked(sight, e)).collect::<Vec<_>>(), words));
            let news: Vec<News> = day.latest.iter().filter_map(|e| news(sight, e)).collect();
            (tested, asked, figures(sight, None), news)
        };
        let (tests, times, figures, news) = self.api.see(id, draw).await?;
        Ok(Sheet { seen: self.line_seen(id).await?, tests, times, figures, news })
    }
}

/// What both logs hold that was stored here since `begun`.
fn day(logs: &Logs, begun: Timestamp) -> Result<Day, StoreError> {
    let (mut things, mut latest, mut stored) = (Vec::new(), Vec::new(), BTreeMap::new());
    for party in Party::BOTH {
        let (log, size) = (log_key(logs.line, logs.epoch, party), logs.sizes[party.slot()]);
        let from = logs.reader.stored_from(log, size, begun.0)?;
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
    Ok(Day { things, latest, stored })
}

/// A test of the line with its answer, both as they were stored here.
fn tested(sight: &Sight<'_>, entry: &Entry, stored: &BTreeMap<EntryRef, u64>) -> Option<Tested> {
    let view = sight.view();
    let check = view.fact_of(entry.header.at(), &[Kind::Check])?;
    let reply = view.on(check.at).find(|f| f.kind() == Kind::CheckReply);
    let within_ms = view.charter_of(check).watch(check.precedence.unwrap_or(Precedence::Routine)) * 1_000;
    let here = |fact: &Fact| stored.get(&fact.at).map_or(fact.time, |ms| Timestamp(*ms));
    Some(Tested { written: here(check), answered: reply.map(here), within_ms })
}

/// How long a request took to be seen, and what the charter gives for it.
fn asked(sight: &Sight<'_>, entry: &Entry) -> Option<(Option<u64>, u64)> {
    let view = sight.view();
    let ask = view.fact_of(entry.header.at(), &[Kind::Ask])?;
    let within_ms = view.charter_of(ask).watch(ask.precedence.unwrap_or(Precedence::Routine)) * 1_000;
    Some((seen(sight, ask).map(|at| at.since(ask.time)), within_ms))
}

/// What a head of watch wants to know was written.
fn news(sight: &Sight<'_>, entry: &Entry) -> Option<News> {
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
    let hand = sight.telling.hand(Side::Ours, fact.time);
    let mark = view.fact(fact.thing).and_then(|thing| thing.mark).unwrap_or(Mark::Operation);
    Some(News {
        at: fact.time,
        time: format!("{} {}", hand.day, hand.time.get(..5).unwrap_or_default()).trim().to_owned(),
        href: super::spine::href(sight, fact.at),
        told: sight.telling.words.marked(mark, sight.told(&entry.header)),
        is_end: is_crossed || fact.kind() == Kind::Lapse,
    })
}
