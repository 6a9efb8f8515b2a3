//! Asking to talk: with whom, about what, how urgent; the sentence that they will read; then the key.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use counterpart_core::ids::Party;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::Mode;
use counterpart_core::time::Timestamp;
use serde::Deserialize;

use super::fields::Fields;
use super::frame::{Four, Frame, bars, mark_class, state_class, word};
use super::readings::Readings;
use super::seen::Seen;
use super::session::{Posted, Signed};
use super::{Desk, page, refused};
use crate::api::fault::{Code, Fault, Told};
use crate::api::times::write;
use crate::view::request::request;
use crate::view::{Side, Sight, names};
use crate::words::clocks::{Hand, Telling, zone};
use crate::words::coded::Coded;

/// Days ahead that can be chosen for "until".
const DAYS: i64 = 14;
/// The longest subject that the field takes, in characters. A text has more room.
pub(super) const SUBJECT_MAX: usize = 200;

/// Which line, and the closed request that is asked again.
#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    line: String,
    #[serde(default)]
    again: String,
}

#[derive(Template)]
#[template(path = "ask.html")]
struct Ask {
    d: Frame,
    lines: Vec<AskLine>,
    choice: Choice,
    days: Vec<(String, String)>,
    languages: Vec<String>,
    /// Of a time that is none or two, which is meant.
    readings: Vec<Readings>,
    /// Why it was not signed.
    wrong: Option<Told>,
    /// What stands in the fields was put there by a person.
    is_typed: bool,
    /// Until when it stands, on both clocks; "none", or "unread".
    until: String,
}

/// A line on which one can ask.
pub(super) struct AskLine {
    pub id: String,
    pub name: String,
    pub call_sign: String,
    pub state: &'static str,
    pub state_word: String,
    pub there: Hand,
    pub place: String,
    /// Posts there, with the highest precedence that each takes.
    pub posts: Vec<(String, Precedence)>,
    pub our_posts: Vec<String>,
    /// Within what time their watch sees it, from ROUTINE to FLASH.
    watch: Vec<String>,
    /// An open request of theirs: answering it is quicker.
    pub asks_us: Option<(String, String)>,
}

/// What is chosen, as far as it is.
#[derive(Clone, Default)]
struct Choice {
    line: String,
    to: String,
    from: String,
    subject: String,
    language: String,
    is_private: bool,
    precedence: String,
    mode: String,
    mark: String,
    is_until: bool,
    day: String,
    time: String,
    again: String,
    /// The epoch in which that request stands.
    epoch: String,
}

impl Ask {
    fn chosen(&self) -> Option<&AskLine> {
        self.lines.iter().find(|line| line.id == self.choice.line).or(self.lines.first())
    }

    fn is_chosen(&self, line: &AskLine) -> bool {
        self.chosen().is_some_and(|chosen| chosen.id == line.id)
    }

    /// From the most urgent: the word, its bars, and within what time their watch sees it.
    fn precedences(&self) -> Vec<(&'static str, [bool; 4], String, Coded)> {
        let watch =
            |p: Precedence| self.chosen().and_then(|line| line.watch.get(p as usize).cloned()).unwrap_or_default();
        Precedence::ALL.into_iter().rev().map(|p| (p.word(), bars(p), watch(p), self.d.coded(&p))).collect()
    }

    fn modes(&self) -> Vec<(&'static str, String, String)> {
        let told = |mode: &Mode| {
            let id = match mode {
                Mode::Voice => "ask-mode-voice",
                Mode::Writing => "ask-mode-writing",
                Mode::Meeting => "ask-mode-meeting",
            };
            (mode.word(), self.d.say(id), self.d.words().say_hint(id))
        };
        Mode::ALL.iter().map(told).collect()
    }

    fn marks(&self) -> Vec<(&'static str, &'static str, String, Coded)> {
        let told = |mark: Mark| {
            let id = match mark {
                Mark::Operation => "ask-mark-operation",
                Mark::Exercise => "ask-mark-exercise",
                Mark::Test => "ask-mark-test",
            };
            (mark.word(), mark_class(mark), self.d.say(id), self.d.coded(&mark))
        };
        Mark::ALL.into_iter().map(told).collect()
    }

    /// What they will read, with what is chosen now.
    fn they_read(&self) -> String {
        let choice = &self.choice;
        let mode = Mode::parse(&choice.mode).unwrap_or(Mode::Voice);
        let subject = if choice.subject.is_empty() { "…" } else { &choice.subject };
        let args = [
            ("mark", self.d.words().coded_as::<Mark>(&choice.mark).into()),
            ("precedence", self.d.words().coded_as::<Precedence>(&choice.precedence).into()),
            ("sign", (&self.d.call_sign).into()),
            ("from", (&choice.from).into()),
            ("to", (&choice.to).into()),
            ("mode", self.d.words().mode(mode).into()),
            ("subject", subject.into()),
            ("until", (&self.until).into()),
        ];
        self.d.words().say("ask-they-read", &args)
    }

    fn subject_max(&self) -> usize {
        SUBJECT_MAX
    }
}

/// `GET /asks/new`.
pub(super) async fn show(State(desk): State<Desk>, who: Signed, Query(wanted): Query<Wanted>) -> Response {
    let choice = Choice { line: wanted.line, again: wanted.again, ..Choice::default() };
    desk.ask_page(&who, choice, None, StatusCode::OK).await
}

/// `POST /asks`: signs, or shows what they would read.
pub(super) async fn ask(State(desk): State<Desk>, mut posted: Posted) -> Response {
    posted.fields.press();
    let choice = Choice::read(&posted.fields);
    if posted.fields.text("act").as_deref() == Some("show") {
        return desk.ask_page(&posted.who, choice, None, StatusCode::OK).await;
    }
    match desk.signed_ask(&posted, &choice).await {
        Ok(to) => Redirect::to(&to).into_response(),
        Err(told) => {
            let status = told.status();
            // Asked again it may be, but not by the name that it had in an epoch that serves no more.
            let again = if told.code == refused::ENDED { String::new() } else { choice.again.clone() };
            desk.ask_page(&posted.who, Choice { again, ..choice }, Some(told), status).await
        }
    }
}

impl Choice {
    fn read(fields: &Fields) -> Choice {
        let text = |name: &str| fields.text(name).unwrap_or_default();
        let line = text("line");
        Choice {
            to: text(&format!("to-{line}")),
            from: text("from"),
            subject: text("subject"),
            language: text("language"),
            is_private: text("private") == "yes",
            precedence: text("precedence"),
            mode: text("mode"),
            mark: text("mark"),
            is_until: text("until") == "at",
            day: text("day"),
            time: text("time"),
            // It is a request of its own line, and of no other that is chosen instead.
            again: text(&format!("again-{line}")),
            epoch: text("epoch"),
            line,
        }
    }

    /// Fills in what is not chosen: every question has an answer already.
    fn fill(&mut self, lines: &[AskLine], mark: Mark, language: &str) {
        let Some(line) = lines.iter().find(|line| line.id == self.line).or(lines.first()) else { return };
        self.line.clone_from(&line.id);
        let fill = |field: &mut String, value: &str| {
            if field.is_empty() {
                value.clone_into(field);
            }
        };
        // A post of another line is none of this one's: the page says nothing that its fields do not show.
        if !line.posts.iter().any(|(post, _)| *post == self.to) {
            self.to = line.posts.first().map_or(String::new(), |(post, _)| post.clone());
        }
        if !line.our_posts.contains(&self.from) {
            self.from = line.our_posts.first().cloned().unwrap_or_default();
        }
        fill(&mut self.language, language);
        fill(&mut self.precedence, Precedence::Priority.word());
        fill(&mut self.mode, Mode::Voice.word());
        fill(&mut self.mark, mark.word());
    }

    /// The fields of the act.
    /// The time until which it is to stand, as it was typed.
    fn until(&self) -> String {
        format!("{} {}", self.day, self.time)
    }

    fn fields(&self, until: Option<String>, once: Option<String>) -> Fields {
        let private = if self.is_private { "yes" } else { "" };
        let pairs = [
            ("act", "ask"),
            ("from", &self.from),
            ("to", &self.to),
            ("words", &self.subject),
            ("language", &self.language),
            ("private", private),
            ("precedence", &self.precedence),
            ("mode", &self.mode),
            ("mark", &self.mark),
            ("again", &self.again),
            ("epoch", if self.again.is_empty() { "" } else { &self.epoch }),
            ("valid_until", until.as_deref().unwrap_or_default()),
            ("once", once.as_deref().unwrap_or_default()),
        ];
        Fields::of(&pairs)
    }
}

impl Desk {
    async fn signed_ask(&self, posted: &Posted, choice: &Choice) -> Result<String, Told> {
        let until = choice.is_until.then(|| self.spoken().time(&choice.until())).transpose();
        let until = until.map_err(|fault| self.tell_time(fault))?.map(write);
        let fields = choice.fields(until, posted.fields.text("once"));
        self.do_act(&Posted { who: posted.who.clone(), fields }, &choice.line).await
    }

    async fn ask_page(&self, who: &Signed, mut choice: Choice, wrong: Option<Told>, status: StatusCode) -> Response {
        let is_typed = !choice.from.is_empty();
        let drawn = async {
            let position = self.position(who).await?;
            let all = self.all_seen().await?;
            let mut lines = Vec::new();
            for seen in &all {
                lines.push(self.ask_line(seen).await?);
            }
            if lines.is_empty() {
                return Err(self.api.tell(Fault::new(Code::LineNone)));
            }
            let mut d = Frame::new(self, who, "lines", position)?;
            if !choice.again.is_empty() && choice.to.is_empty() {
                self.again(&mut choice).await?;
            }
            let languages = self.api.parts.config.organisation.languages.clone();
            choice.fill(&lines, d.mark, languages.first().map_or("en", String::as_str));
            d.mark = Mark::parse(&choice.mark).unwrap_or(d.mark);
            if is_typed {
                // The answer to a form has the address of one.
                d.page = "/asks/new".into();
            }
            d.four = Some(Four::of_all(d.words(), &all, self.unread().len(), d.mark));
            let days = self.days();
            let until = self.until_told(&choice).await?;
            let doubtful = self.spoken().time(&choice.until()).err().filter(|_| choice.is_until);
            let readings = self.readings(doubtful.map(|fault| ("time".to_owned(), fault)).into_iter().collect());
            // What is asked about is not said twice.
            let wrong = wrong.filter(|_| readings.is_empty());
            Ok(page(status, &Ask { d, lines, choice, days, languages, readings, wrong, is_typed, until }))
        };
        match drawn.await {
            Ok(response) => response,
            Err(told) => refused::shown(self, who, &told, &refused::Kept::default()).await,
        }
    }

    /// Until when the ask would stand, on both clocks, theirs first: they read it.
    async fn until_told(&self, choice: &Choice) -> Result<String, Told> {
        if !choice.is_until {
            return Ok("none".into());
        }
        let Ok(time) = self.spoken().time(&choice.until()) else {
            return Ok("unread".into());
        };
        let id = self.api.line(Some(choice.line.clone())).await?;
        let told = move |sight: &Sight<'_>| {
            let clocks = sight.telling.clocks.turned();
            Telling { clocks: &clocks, ..sight.telling }.both(time)
        };
        self.api.see(id, told).await
    }

    /// What a closed request said is what is asked again.
    async fn again(&self, choice: &mut Choice) -> Result<(), Told> {
        let id = self.api.line(Some(choice.line.clone())).await?;
        let said = choice.again.clone();
        let found = self.api.see(id, move |sight| {
            let at = names::parse(sight.line, &said).ok();
            (sight.epoch.to_string(), at.and_then(|at| request(sight, at)))
        });
        let (epoch, view) = found.await?;
        choice.epoch = epoch;
        let Some(view) = view else { return Ok(()) };
        let [ours, theirs] = if view.owner == Side::Ours { [view.from, view.to] } else { [view.to, view.from] };
        choice.from = ours;
        choice.to = theirs;
        choice.subject = view.subject.filter(|said| !said.changed).map(|said| said.text).unwrap_or_default();
        choice.precedence = view.precedence.0.word().into();
        choice.mode = view.mode.0.word().into();
        choice.mark = view.mark.0.word().into();
        choice.is_private = view.private;
        Ok(())
    }

    pub(super) async fn ask_line(&self, seen: &Seen) -> Result<AskLine, Told> {
        let id = self.api.line(Some(seen.row.view.line.clone())).await?;
        let state = seen.row.view.observed.state;
        let theirs = seen.row.view.requests_theirs.first();
        let asks_us = theirs.map(|r| (r.request.name.clone(), format!("/lines/{id}/requests/{}", r.request.at)));
        let terms = self.api.see(id, terms).await?;
        Ok(AskLine {
            id: id.to_string(),
            name: seen.row.view.theirs.name.clone(),
            call_sign: seen.row.view.theirs.call_sign.clone(),
            state: state_class(state),
            state_word: word(&self.api.words, state),
            there: seen.there.clone(),
            place: seen.place.clone(),
            posts: terms.posts,
            our_posts: terms.our_posts,
            watch: terms.watch,
            asks_us,
        })
    }

    /// Days that can be chosen: the date, and how it is said.
    pub(super) fn days(&self) -> Vec<(String, String)> {
        self.days_from((0..DAYS).collect())
    }

    /// Today and the days before it.
    pub(super) fn days_back(&self) -> Vec<(String, String)> {
        self.days_from((0..DAYS).map(|n| -n).collect())
    }

    fn days_from(&self, ahead: Vec<i64>) -> Vec<(String, String)> {
        let door = super::frame::Door::new(self, "");
        let zone = zone(&self.api.parts.config.organisation.zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let now = jiff::Timestamp::from_millisecond(i64::try_from(self.api.now().0).unwrap_or(i64::MAX));
        let Ok(today) = now.map(|now| now.to_zoned(zone.clone()).date()) else { return Vec::new() };
        let day = |ahead: i64| {
            let date = today.checked_add(jiff::Span::new().days(ahead)).ok()?;
            // Noon is on its day whatever the clocks do at night.
            let noon = date.at(12, 0, 0, 0).to_zoned(zone.clone()).ok()?.timestamp().as_millisecond();
            Some((date.to_string(), door.day(Timestamp(u64::try_from(noon).ok()?))))
        };
        ahead.into_iter().filter_map(day).collect()
    }
}

/// What the charter says of asking.
struct Terms {
    posts: Vec<(String, Precedence)>,
    our_posts: Vec<String>,
    watch: Vec<String>,
}

fn terms(sight: &Sight<'_>) -> Terms {
    let charter = sight.view().charter();
    let posts = |party: Party| charter.party(party).posts.iter().map(|post| (post.id.to_string(), post.highest));
    Terms {
        posts: posts(sight.party(Side::Theirs)).collect(),
        our_posts: posts(sight.party(Side::Ours)).map(|(post, _)| post).collect(),
        watch: charter.watch_s.iter().map(|seconds| sight.telling.words.span(*seconds)).collect(),
    }
}
