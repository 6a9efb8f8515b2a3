//! The morning sheet: every line, the last 24 hours of its checks and requests as plots and in words, what was written, and the
//! figures as `lines --figures` has them. It is made to be printed.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use counterpart_core::ids::LineId;
use counterpart_core::precedence::Mark;
use counterpart_core::record::kind::Kind;
use counterpart_core::time::Timestamp;

use super::frame::{Four, Frame, state_class, word};
use super::plots::{Tested, Tests, Times, tests, ticks, times};
use super::seen::Seen;
use super::session::Signed;
use super::{Desk, page, refused};
use crate::api::fault::Told;
use crate::api::morning::{AskedView, DAY_MS, NewsView, TestView, view};
use crate::api::sight::epoch_of;
use crate::api::views::UnreadView;
use crate::view::figures::{DirectionView, FiguresRow, FiguresView, SpanView, figures};
use crate::view::lines::ObservedState;
use crate::view::{Said, Side, Sight, names, text};
use crate::words::Words;

/// What was written, at most so many on the sheet; of the others the sheet says how many there were, and where they stand.
const NEWS_MAX: usize = 12;

#[derive(Template)]
#[template(path = "morning.html")]
struct Morning {
    d: Frame,
    lines: Vec<Sheet>,
    /// Lines that cannot be read.
    unread: Vec<UnreadView>,
    open: usize,
    /// Matters that need this desk, as the four answers count them.
    needing: usize,
    first: String,
    ticks: Vec<(String, String)>,
    written: Listed,
    ended: Listed,
    owed: Vec<(String, String)>,
}

/// What the sheet lists, and what not: a link to the record of each line, and how many of its entries stand there alone.
#[derive(Default)]
struct Listed {
    shown: Vec<News>,
    more: Vec<(String, String)>,
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
    /// What was written on it was looked through to the beginning of the day.
    is_whole: bool,
}

/// Something that was written.
#[derive(Clone)]
struct News {
    /// The call sign at the other end of its line, and the record of that.
    line: (String, String),
    mark: Mark,
    at: Timestamp,
    time: String,
    href: String,
    told: String,
    /// The words that go with what opens a request or a text.
    said: Option<Said>,
    /// It ended something: it lapsed, or crossed.
    is_end: bool,
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
        let all = self.lines.len() + self.unread.len();
        let args = [("open", self.open.into()), ("not", (all - self.open).into()), ("all", all.into())];
        self.d.words().say("morning-heading", &args)
    }

    fn lede(&self) -> String {
        let args = [("count", self.needing.into()), ("first", (&self.first).into())];
        self.d.words().say("morning-lede", &args)
    }

    /// Of what the plots are.
    fn legend(&self) -> String {
        self.d.with("morning-legend", "mark", self.d.coded(&self.d.mark).said)
    }

    fn open_matters(&self, sheet: &Sheet) -> String {
        self.d.count("morning-open", sheet.seen.matters.len())
    }

    fn heads(&self) -> Vec<String> {
        let span = |id: &&str| self.d.with("morning-median-worst", "span", self.d.say(id));
        text::COUNTS.iter().map(|id| self.d.say(id)).chain(text::SPANS.iter().map(span)).collect()
    }

    fn direction(&self, sheet: &Sheet, direction: &DirectionView) -> String {
        let [_, peer] = &sheet.figures.call_signs;
        let args = [("side", direction.asked_by.word().into()), ("peer", peer.into())];
        self.d.words().say("figures-direction", &args)
    }

    /// The figures of one row with their heads, as a terminal shows them.
    fn cells(&self, row: &FiguresRow) -> Vec<(String, String)> {
        let spans = [row.delivered, row.seen, row.first_answer].map(|span| spanned(&span, self.d.words()));
        self.heads().into_iter().zip(row.counts().iter().map(u64::to_string).chain(spans)).collect()
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
    let four = Four::of_all(d.words(), &all, desk.unread().len(), d.mark);
    let needs = [four.needs.as_str(), &four.needs_small].into_iter().filter(|part| !part.is_empty());
    let (needing, needs) = (four.count, needs.collect::<Vec<_>>().join(", "));
    d.four = Some(four);
    let news = lines.iter().flat_map(|sheet| sheet.news.iter().cloned());
    let (ended, written): (Vec<News>, Vec<News>) = news.partition(|news| news.is_end);
    let cut: Vec<String> =
        lines.iter().filter(|sheet| !sheet.is_whole).map(|sheet| record_of(&sheet.seen.row.view.line)).collect();
    let mut owed: Vec<_> = lines.iter().flat_map(|s| &s.seen.matters).filter(|m| m.view.needs_us()).collect();
    owed.sort_by_key(|matter| matter.view.order());
    let told = |matter: &&super::seen::Matter| {
        let by = matter.due.as_ref().map_or_else(String::new, |due| format!(", {}", due.by));
        let told = format!("{}: {}{by}", matter.view.thing.name, matter.needs);
        (matter.href.clone(), d.words().marked(matter.view.mark.0, told))
    };
    let quiet = |seen: &Seen| {
        let told = format!("{}: {}", seen.row.view.theirs.call_sign, d.count("needs-texts", seen.quiet.len()));
        (!seen.quiet.is_empty()).then(|| (seen.texts(), told))
    };
    let owed: Vec<(String, String)> =
        owed.iter().map(told).chain(lines.iter().filter_map(|s| quiet(&s.seen))).collect();
    let shown = Morning {
        open: lines.iter().filter(|s| s.seen.row.view.observed.state == ObservedState::Open).count(),
        needing,
        first: owed.first().map_or(needs, |(_, told)| told.clone()),
        ticks: ticks(d.words()),
        written: listed(written, &cut, d.words()),
        ended: listed(ended, &cut, d.words()),
        owed,
        lines,
        unread: desk.unread(),
        d,
    };
    Ok(page(StatusCode::OK, &shown))
}

fn record_of(line: &str) -> String {
    format!("/lines/{line}/record")
}

/// At most [`NEWS_MAX`] of them, in their order: what is meant before what is not, then the latest. Of lines that were not looked through
/// to the beginning of the day the others are so many at least.
fn listed(mut news: Vec<News>, cut: &[String], words: &Words) -> Listed {
    news.sort_by_key(|news| (news.mark, std::cmp::Reverse(news.at)));
    let others = news.split_off(news.len().min(NEWS_MAX));
    news.sort_by_key(|news| news.at);
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for other in others {
        *counts.entry(other.line).or_default() += 1;
    }
    let told = |((peer, record), count): ((String, String), usize)| {
        let id = if cut.contains(&record) { "morning-more-least" } else { "morning-more" };
        let told = words.say(id, &[("count", count.into()), ("peer", peer.into())]);
        (record, told)
    };
    Listed { shown: news, more: counts.into_iter().map(told).collect() }
}

impl Desk {
    async fn sheet(&self, id: LineId, begun: Timestamp, now: Timestamp) -> Result<Sheet, Told> {
        let day = self.api.day(id, begun).await?;
        let (mark, is_whole) = (self.api.parts.mark, day.is_whole());
        let draw = move |sight: &Sight<'_>| {
            let (view, words) = (view(sight, &day, mark), sight.telling.words);
            let said = words.coded(mark).said;
            let tests = view.tests.map(|all| tests(&all.iter().map(tested).collect::<Vec<_>>(), now, &said, words));
            let asked = |ask: &AskedView| (ask.seen_after_ms, ask.within_ms);
            let times = view.asks.map(|all| times(&all.iter().map(asked).collect::<Vec<_>>(), &said, words));
            let news: Vec<News> = view.written.into_iter().map(|written| news(sight, written)).collect();
            (tests, times, figures(sight, None), news)
        };
        let (tests, times, figures, news) = self.api.see(id, draw).await?;
        Ok(Sheet { seen: self.line_seen(id).await?, tests, times, figures, news, is_whole })
    }
}

/// A test as the plot has it.
fn tested(test: &TestView) -> Tested {
    Tested { written: test.written.0, answered: test.answered.map(|at| at.0), within_ms: test.within_ms }
}

/// Something that was written, as the sheet tells it.
fn news(sight: &Sight<'_>, written: NewsView) -> News {
    let hand = sight.telling.hand(Side::Ours, written.time.0);
    let epoch = epoch_of(sight.line, Some(written.epoch)).unwrap_or(sight.epoch);
    let sight = &Sight { epoch, ..*sight };
    let at = names::parse_in(sight.book(), &written.entry.at);
    let opens = at.as_ref().is_ok_and(|at| sight.view().fact_of(*at, &[Kind::Ask, Kind::Text, Kind::Notice]).is_some());
    News {
        line: (sight.call_sign(Side::Theirs), record_of(&sight.line.id().to_string())),
        mark: written.mark.0,
        at: written.time.0,
        time: format!("{} {}", hand.day, hand.time.get(..5).unwrap_or_default()).trim().to_owned(),
        said: at.as_ref().ok().filter(|_| opens).and_then(|at| sight.said(*at)),
        href: at.map_or_else(|_| "/lines".into(), |at| super::spine::href(sight, at)),
        told: sight.telling.words.marked(written.mark.0, written.told),
        is_end: written.ends,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(at: u64, mark: Mark, peer: &str) -> News {
        let (line, time, href, told) = ((peer.into(), record_of(peer)), String::new(), String::new(), String::new());
        News { line, mark, at: Timestamp(at), time, href, told, said: None, is_end: false }
    }

    #[test]
    fn what_is_meant_is_listed_before_what_is_not_and_what_is_not_listed_is_counted_where_it_stands() {
        let mut all: Vec<News> = (100..200).map(|at| news(at, Mark::Test, "Southland")).collect();
        all.extend([news(7, Mark::Operation, "Southland"), news(8, Mark::Exercise, "Sundmark")]);
        all.extend((20..23).map(|at| news(at, Mark::Test, "Sundmark")));
        let words = Words::english();

        let listed = listed(all, &[record_of("Sundmark")], &words);

        let shown: Vec<u64> = listed.shown.iter().map(|news| news.at.0).collect();
        assert_eq!(shown, [[7, 8].as_slice(), &(190..200).collect::<Vec<u64>>()].concat());
        let told: Vec<&str> = listed.more.iter().map(|(_, told)| told.as_str()).collect();
        assert_eq!(told, ["and 90 more, in the record of Southland", "and at least 3 more, in the record of Sundmark"]);
        assert_eq!(listed.more[0].0, "/lines/Southland/record");
    }
}
