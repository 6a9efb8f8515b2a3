//! Offering times: windows as they are here, shown on both sides' clocks and on one band; then the sentence and the key.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use counterpart_core::record::codes::{Code as Reason, Instrument, OnSilence};
use counterpart_core::record::what::Offered;
use counterpart_core::time::Timestamp;

use super::band::{Band, band, in_night};
use super::fields::Fields;
use super::frame::{Four, Frame, bars};
use super::readings::{Readings, window};
use super::request::Held;
use super::session::{Posted, Signed};
use super::{Desk, page, refused};
use crate::api::fault::{Code, Fault, Told};
use crate::api::times::{Times, write, write_window};
use crate::view::request::RequestView;
use crate::view::{Side, Sight};
use crate::words::Arg;
use crate::words::clocks::Telling;

/// Rows of the form: an offer has up to eight windows.
const ROWS: usize = 8;
/// Of which so many are there to begin with.
const ROWS_FIRST: usize = 2;
/// The key that adds one.
const MORE: &str = "more";

#[derive(Template)]
#[template(path = "offer.html")]
struct OfferPage {
    d: Frame,
    view: RequestView,
    /// The epoch in which the request stands.
    epoch: String,
    rows: Vec<RowView>,
    /// The row in which one goes on.
    focus: usize,
    days: Vec<(String, String)>,
    by: By,
    silence: String,
    code: String,
    words: String,
    band: Band,
    /// Times that are none or two.
    readings: Vec<Readings>,
    wrong: Option<Told>,
}

/// Until when an answer is wanted, as it was typed.
struct By {
    day: String,
    time: String,
    /// On both clocks; empty if it cannot be read.
    told: String,
    /// The same as they read it, their own time first.
    read: String,
}

/// One window as it was typed, and what it is on both clocks.
struct RowView {
    number: usize,
    day: String,
    from: String,
    until: String,
    told: String,
    /// The same as they read it, their own time first.
    read: String,
    /// In whose night any of it lies.
    nights: Vec<String>,
}

impl RowView {
    fn of(number: usize, [day, from, until]: [String; 3], told: WindowTold) -> RowView {
        RowView { number, day, from, until, told: told.here, read: told.there, nights: told.nights }
    }
}

impl OfferPage {
    fn bars(&self) -> [bool; 4] {
        bars(self.view.precedence.0)
    }

    fn codes(&self) -> Vec<(&'static str, String)> {
        Reason::ALL.iter().map(|code| (code.word(), self.d.coded(code).both())).collect()
    }

    /// What they will read, with what is chosen now.
    fn they_read(&self) -> String {
        let windows: Vec<&str> =
            self.rows.iter().map(|row| row.read.as_str()).filter(|read| !read.is_empty()).collect();
        if windows.is_empty() {
            return self.d.say("offer-reads-none");
        }
        let by = match self.by.read.is_empty() {
            true => self.d.say("offer-reads-no-by"),
            false => self.d.with("offer-reads-by", "time", &self.by.read),
        };
        let code = Reason::parse(&self.code);
        let args = [
            ("mark", self.d.coded(&self.view.mark.0).said.into()),
            ("precedence", self.d.coded(&self.view.precedence.0).said.into()),
            ("sign", (&self.d.call_sign).into()),
            ("count", windows.len().into()),
            ("name", (&self.view.request.name).into()),
            ("windows", windows.join("; ").into()),
            ("by", by.into()),
            ("silence", if self.lapses() { "lapses" } else { "stands" }.into()),
            ("code", code.map_or_else(|| "none".to_owned(), |code| self.d.coded(&code).said).into()),
            ("words", if self.words.is_empty() { "none" } else { "some" }.into()),
        ];
        self.d.words().say("offer-reads", &args)
    }

    /// What stands in the fields was put there by a person.
    fn is_typed(&self) -> bool {
        self.rows.len() > ROWS_FIRST
            || [&self.by.time, &self.words].iter().any(|field| !field.is_empty())
            || self.rows.iter().any(|row| !row.from.is_empty() || !row.until.is_empty())
    }

    /// Whether one more can be added.
    fn has_room(&self) -> bool {
        self.rows.len() < ROWS
    }

    fn lapses(&self) -> bool {
        self.silence != OnSilence::Stands.word()
    }
}

/// What a field says, if something stands in it.
type Read<T> = Option<Result<T, Fault>>;

/// What was typed.
struct Typed {
    rows: Vec<[String; 3]>,
    /// How many rows the page had, and whether one more is wanted.
    shown: usize,
    is_more: bool,
    by: [String; 2],
    silence: String,
    code: String,
    words: String,
    /// The epoch of the page on which it was typed.
    epoch: String,
}

impl Typed {
    fn read(fields: &Fields) -> Typed {
        let text = |name: &str| fields.text(name).unwrap_or_default();
        let row = |n: usize| ["day", "from", "until"].map(|field| text(&format!("{field}-{n}")));
        let by = ["by-day", "by-time"].map(text);
        Typed {
            rows: (1..=ROWS).map(row).collect(),
            shown: text("rows").parse().unwrap_or(ROWS_FIRST),
            is_more: text("act") == MORE,
            by,
            silence: text("on_silence"),
            code: text("code"),
            words: text("words"),
            epoch: text("epoch"),
        }
    }

    /// How many rows there are: those that the page had, those in which something stands, and the one that is wanted.
    fn count(&self) -> usize {
        let filled = self.rows.iter().rposition(|[_, from, until]| !from.is_empty() || !until.is_empty());
        let had = self.shown.max(filled.map_or(0, |last| last + 1)).max(ROWS_FIRST);
        had.saturating_add(usize::from(self.is_more)).min(ROWS)
    }

    /// The windows of the rows in which something stands, in the zone of this desk; and until when an answer is wanted.
    fn times(&self, times: &Times) -> (Vec<Read<Offered>>, Read<Timestamp>) {
        let window = |[day, from, until]: &[String; 3]| {
            (!from.is_empty() || !until.is_empty()).then(|| times.window(&format!("{day} {from}/{until}")))
        };
        let [day, time] = &self.by;
        let windows: Vec<Read<Offered>> = self.rows.iter().map(window).collect();
        // Where no time is written an answer is wanted before the first of the windows begins.
        let starts = || windows.iter().flatten().flatten().map(|offered| offered.window.start()).min();
        let by = if time.is_empty() { starts().map(Ok) } else { Some(times.time(&format!("{day} {time}"))) };
        (windows, by)
    }

    /// Times among them that are none or two: which field, and what is wrong with it.
    fn doubtful(&self, times: &Times) -> Vec<(String, Fault)> {
        let row = |(n, [day, from, until]): (usize, &[String; 3])| {
            let n = n + 1;
            if from.is_empty() {
                return None;
            }
            match times.time(&format!("{day} {from}")) {
                Err(fault) => Some((format!("from-{n}"), fault)),
                Ok(_) => Some((format!("until-{n}"), times.window(&format!("{day} {from}/{until}")).err()?)),
            }
        };
        let [day, time] = &self.by;
        let by = (!time.is_empty()).then(|| times.time(&format!("{day} {time}")).err()).flatten();
        self.rows.iter().enumerate().filter_map(row).chain(by.map(|fault| ("by-time".to_owned(), fault))).collect()
    }
}

/// `GET /lines/{line}/requests/{request}/offer`.
pub(super) async fn show(
    State(desk): State<Desk>,
    who: Signed,
    Path((line, said)): Path<(String, String)>,
) -> Response {
    let typed = Typed::read(&Fields::default());
    desk.offer_page(&who, &line, said, typed, None, StatusCode::OK).await
}

/// `POST /lines/{line}/requests/{request}/offer`: signs, or shows the windows on the band.
pub(super) async fn offer(
    State(desk): State<Desk>,
    Path((line, said)): Path<(String, String)>,
    mut posted: Posted,
) -> Response {
    posted.fields.press();
    let typed = Typed::read(&posted.fields);
    if posted.fields.text("act").as_deref() != Some("offer") {
        return desk.offer_page(&posted.who, &line, said, typed, None, StatusCode::OK).await;
    }
    match desk.signed_offer(&posted, &line, &said, &typed).await {
        Ok(to) => Redirect::to(&to).into_response(),
        // What the page would show of that name is another request.
        Err(told) if told.code == refused::ENDED => {
            refused::shown(&desk, &posted.who, &told, &refused::Kept::of(&posted.fields)).await
        }
        Err(told) => {
            let status = told.status();
            desk.offer_page(&posted.who, &line, said, typed, Some(told), status).await
        }
    }
}

impl Desk {
    pub(super) fn spoken(&self) -> Times {
        Times::spoken(&self.api.parts.config.organisation.zone, self.api.now())
    }

    /// Why what stands in a field of hours and minutes is no time: what to write is told as that field takes it.
    pub(super) fn tell_time(&self, fault: Fault) -> Told {
        self.as_typed(self.api.tell(fault), "time-field")
    }

    /// What was not done, with what to write as a field of the desk takes it.
    pub(super) fn as_typed(&self, told: Told, how: &str) -> Told {
        let is_unread = [Code::TimeUnreadable, Code::WindowUnreadable].iter().any(|code| code.word() == told.code);
        if is_unread { Told { instead: self.api.words.say(how, &[]), ..told } } else { told }
    }

    /// Of times that are none or two, which is meant.
    pub(super) fn readings(&self, doubtful: Vec<(String, Fault)>) -> Vec<Readings> {
        let one = |(field, fault): (String, Fault)| Readings::of(&fault, &field, self.api.tell(fault.clone()).what);
        doubtful.into_iter().filter_map(one).collect()
    }

    async fn signed_offer(&self, posted: &Posted, line: &str, said: &str, typed: &Typed) -> Result<String, Told> {
        let (windows, by) = typed.times(&self.spoken());
        let windows: Result<Vec<Offered>, _> = windows.into_iter().flatten().collect();
        let windows = windows.map_err(|fault| self.tell_time(fault))?;
        let by = by.transpose().map_err(|fault| self.tell_time(fault))?;
        let written: Vec<String> = windows.iter().map(write_window).collect();
        let mut pairs = vec![("act", "offer".to_owned()), ("on", said.to_owned())];
        pairs.extend(written.into_iter().map(|window| ("windows", window)));
        pairs.extend(by.map(|by| ("answer_by", write(by))));
        pairs.push(("on_silence", typed.silence.clone()));
        pairs.push(("code", typed.code.clone()));
        for name in ["once", "epoch", "words"] {
            pairs.extend(posted.fields.text(name).map(|text| (name, text)));
        }
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.do_act(&Posted { who: posted.who.clone(), fields: Fields::of(&pairs) }, line).await
    }

    async fn offer_page(
        &self,
        who: &Signed,
        line: &str,
        said: String,
        typed: Typed,
        wrong: Option<Told>,
        status: StatusCode,
    ) -> Response {
        let drawn = async {
            let position = self.position(who).await?;
            let id = self.api.line(Some(line.to_owned())).await?;
            let times = self.spoken();
            let (windows, by) = typed.times(&times);
            let read: Vec<Option<Offered>> =
                windows.iter().map(|w| w.as_ref().and_then(|w| w.as_ref().ok().cloned())).collect();
            let by = by.and_then(Result::ok);
            let readings = self.readings(typed.doubtful(&times));
            let (count, is_more) = (typed.count(), typed.is_more);
            let typed_in = typed.epoch;
            let look = move |sight: &Sight<'_>| looked(sight, &said, &read, by, &typed_in);
            let Looked { epoch, view, told, by, band } = self.api.see(id, look).await??;
            let seen = self.line_seen(id).await?;
            let mut d = Frame::new(self, who, "lines", position)?;
            d.mark = view.mark.0;
            d.line = id.to_string();
            d.four = Some(Four::of_line(d.words(), &seen, d.mark));
            // What cannot be read is said at once, not only when it is signed; what can be read in two ways is asked.
            let unread = windows.into_iter().flatten().find_map(Result::err);
            let unread = unread.filter(|fault| fault.arg("first").is_none()).map(|fault| self.tell_time(fault));
            let wrong = wrong.filter(|_| readings.is_empty()).or(unread);
            let days = self.days();
            let rows = typed.rows.into_iter().zip(told).take(count).enumerate();
            let rows = rows.map(|(n, (typed, told))| RowView::of(n + 1, typed, told)).collect();
            let ([day, time], [told, read]) = (typed.by, by);
            let (by, silence, code, words) = (By { day, time, told, read }, typed.silence, typed.code, typed.words);
            let focus = if is_more { count } else { 1 };
            let shown =
                OfferPage { d, view, epoch, rows, focus, days, by, silence, code, words, band, readings, wrong };
            Ok(page(status, &shown))
        };
        match drawn.await {
            Ok(response) => response,
            Err(told) => refused::shown(self, who, &told, &refused::Kept::default()).await,
        }
    }
}

/// What a page shows of the request and of the windows that were typed.
struct Looked {
    epoch: String,
    view: RequestView,
    told: Vec<WindowTold>,
    /// Until when an answer is wanted, as we read it and as they do.
    by: [String; 2],
    band: Band,
}

fn looked(
    sight: &Sight<'_>,
    said: &str,
    read: &[Option<Offered>],
    by: Option<Timestamp>,
    typed_in: &str,
) -> Result<Looked, Told> {
    let view = crate::api::views::status(sight, said)?;
    let turned = sight.telling.clocks.turned();
    let there = Telling { clocks: &turned, ..sight.telling };
    let told = read.iter().map(|w| window_told(sight, &there, w.as_ref())).collect();
    let windows: Vec<_> = read.iter().flatten().map(|offered| offered.window).collect();
    let band = band(&sight.telling, &windows, by);
    let by = by.map_or_else(Default::default, |by| [sight.telling.both(by), there.both(by)]);
    // What was typed goes on to be about what was looked at.
    let epoch = if typed_in.is_empty() { sight.epoch.to_string() } else { typed_in.to_owned() };
    Ok(Looked { epoch, view, told, by, band })
}

/// A window as we read it and as they do, and in whose night any of it lies.
#[derive(Default)]
struct WindowTold {
    here: String,
    there: String,
    nights: Vec<String>,
}

fn window_told(sight: &Sight<'_>, there: &Telling<'_>, offered: Option<&Offered>) -> WindowTold {
    let Some(Offered { window, zone }) = offered else { return WindowTold::default() };
    let telling = sight.telling;
    let night = |side| {
        let place = [("place", Arg::from(sight.place(side).name.clone()))];
        in_night(&telling, side, *window).then(|| telling.say("offer-night", &place))
    };
    WindowTold {
        here: telling.offered(*window, zone),
        there: there.offered(*window, zone),
        nights: [Side::Theirs, Side::Ours].into_iter().filter_map(night).collect(),
    }
}

/// `POST /lines/{line}/requests/{request}/talk`: a talk was held elsewhere.
pub(super) async fn talk(
    State(desk): State<Desk>,
    Path((line, said)): Path<(String, String)>,
    mut posted: Posted,
) -> Response {
    posted.fields.press();
    let text = |name: &str| posted.fields.text(name).unwrap_or_default();
    let held = Held { day: text("day"), from: text("from"), until: text("until"), ..Held::default() };
    let spoken = window(&desk.spoken(), [&held.day, &held.from, &held.until]);
    let doubtful = spoken.as_ref().err().map(|(field, fault)| ((*field).to_owned(), fault.clone()));
    let unread = doubtful.as_ref().map_or_else(String::new, |(field, _)| field.clone());
    let held = Held { unread, ..held };
    let readings = desk.readings(doubtful.into_iter().collect());
    // A key for one reading chooses it, and signs nothing.
    if text("act") == "show" {
        let held = Held { instrument: text("instrument"), readings, ..held };
        return desk.request_page(&posted.who, line, said, None, held).await;
    }
    let done = async {
        let when = spoken.map_err(|(_, fault)| desk.tell_time(fault))?;
        let when = format!("{}/{}", write(when.window.start()), write(when.window.end()));
        let (instrument, once, epoch, words) = (text("instrument"), text("once"), text("epoch"), text("words"));
        let pairs = [
            ("act", "talk"),
            ("on", &said),
            ("when", &when),
            ("instrument", &instrument),
            ("once", &once),
            ("epoch", &epoch),
            ("words", &words),
        ];
        desk.do_act(&Posted { who: posted.who.clone(), fields: Fields::of(&pairs) }, &line).await
    };
    match done.await {
        Ok(to) => Redirect::to(&to).into_response(),
        // What the page would show of that name is another request.
        Err(told) if told.code == refused::ENDED => {
            refused::shown(&desk, &posted.who, &told, &refused::Kept::of(&posted.fields)).await
        }
        Err(told) => {
            let instrument = text("instrument");
            let held = Held { instrument, readings, wrong: Some(told), ..held };
            desk.request_page(&posted.who, line, said, None, held).await
        }
    }
}

/// By what a talk can be held, as words.
pub(super) fn instruments() -> Vec<&'static str> {
    Instrument::ALL.iter().map(|instrument| instrument.word()).collect()
}
