//! A round: one subject asked on several lines at once. Each is an ordinary ask of its line and no side learns of the others; which belong
//! together is kept at home.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use counterpart_core::ids::LineId;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::Mode;
use serde::Deserialize;

use super::ask::{AskLine, SUBJECT_MAX};
use super::fields::Fields;
use super::frame::{Four, Frame, bars, mark_class};
use super::refused::{self, Kept};
use super::session::{Posted, Signed};
use super::{Desk, page};
use crate::api::fault::{Code, Fault, Told};
use crate::api::form::{WordsForm, missing_field};
use crate::api::rounds::{RoundForm, RoundTo};
use crate::words::coded::Coded;

/// The round to which lines are added.
#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    round: String,
}

#[derive(Template)]
#[template(path = "round_new.html")]
struct NewRound {
    d: Frame,
    lines: Vec<AskLine>,
    our_posts: Vec<String>,
    languages: Vec<String>,
    choice: Choice,
    /// Why nothing was signed.
    wrong: Option<Told>,
    is_typed: bool,
}

#[derive(Template)]
#[template(path = "rounds.html")]
struct Rounds {
    d: Frame,
    rounds: Vec<super::round::Begun>,
}

/// What is chosen, as far as it is.
#[derive(Clone, Default)]
struct Choice {
    /// Of each line that is asked its post; empty: the first.
    lines: BTreeMap<String, String>,
    from: String,
    subject: String,
    language: String,
    precedence: String,
    mode: String,
    mark: String,
    round: String,
}

impl Choice {
    fn read(fields: &Fields) -> Choice {
        let text = |name: &str| fields.text(name).unwrap_or_default();
        Choice {
            lines: fields.all("line").into_iter().map(|line| (line.clone(), text(&format!("to-{line}")))).collect(),
            from: text("from"),
            subject: text("subject"),
            language: text("language"),
            precedence: text("precedence"),
            mode: text("mode"),
            mark: text("mark"),
            round: text("round"),
        }
    }

    /// Fills in what is not chosen.
    fn fill(&mut self, our_posts: &[String], mark: Mark, language: &str) {
        let fill = |field: &mut String, value: &str| {
            if field.is_empty() {
                value.clone_into(field);
            }
        };
        fill(&mut self.from, our_posts.first().map_or("", String::as_str));
        fill(&mut self.language, language);
        fill(&mut self.precedence, Precedence::Priority.word());
        fill(&mut self.mode, Mode::Voice.word());
        fill(&mut self.mark, mark.word());
    }

    /// The form of the round.
    fn form(&self, once: String) -> RoundForm {
        let said = |field: &str| Some(field.to_owned()).filter(|field| !field.is_empty());
        let ask = |(line, to): (&String, &String)| RoundTo { line: line.clone(), to: to.clone() };
        RoundForm {
            round: self.round.parse().ok(),
            token: Some(once),
            from: self.from.clone(),
            asks: self.lines.iter().map(ask).collect(),
            precedence: said(&self.precedence),
            mark: said(&self.mark),
            mode: said(&self.mode),
            private: None,
            words: said(&self.subject).map(|text| WordsForm { language: said(&self.language), text }),
        }
    }
}

impl NewRound {
    fn is_asked(&self, line: &AskLine) -> bool {
        self.choice.lines.contains_key(&line.id)
    }

    fn is_to(&self, line: &AskLine, post: &str) -> bool {
        self.choice.lines.get(&line.id).is_some_and(|to| to == post)
    }

    fn precedences(&self) -> Vec<(&'static str, [bool; 4], Coded)> {
        Precedence::ALL.into_iter().rev().map(|p| (p.word(), bars(p), self.d.coded(&p))).collect()
    }

    fn modes(&self) -> Vec<(&'static str, String)> {
        Mode::ALL.iter().map(|mode| (mode.word(), self.d.words().mode(*mode))).collect()
    }

    fn marks(&self) -> Vec<(&'static str, &'static str, Coded)> {
        Mark::ALL.into_iter().map(|mark| (mark.word(), mark_class(mark), self.d.coded(&mark))).collect()
    }

    /// What each side will read, with what is chosen now.
    fn they_read(&self) -> Vec<(String, String)> {
        let choice = &self.choice;
        let mode = Mode::parse(&choice.mode).unwrap_or(Mode::Voice);
        let subject = if choice.subject.is_empty() { "…" } else { &choice.subject };
        let read = |line: &AskLine| {
            let first = || line.posts.first().map(|(post, _)| post.clone()).unwrap_or_default();
            let to = choice.lines.get(&line.id).filter(|to| !to.is_empty()).cloned().unwrap_or_else(first);
            let args = [
                ("mark", self.d.words().coded_as::<Mark>(&choice.mark).into()),
                ("precedence", self.d.words().coded_as::<Precedence>(&choice.precedence).into()),
                ("sign", (&self.d.call_sign).into()),
                ("from", (&choice.from).into()),
                ("to", to.into()),
                ("mode", self.d.words().mode(mode).into()),
                ("subject", subject.into()),
                ("until", "none".into()),
            ];
            (line.call_sign.clone(), self.d.words().say("ask-they-read", &args))
        };
        self.lines.iter().filter(|line| self.is_asked(line)).map(read).collect()
    }

    fn subject_max(&self) -> usize {
        SUBJECT_MAX
    }
}

impl Desk {
    async fn new_round_page(&self, who: &Signed, mut choice: Choice, wrong: Option<Told>) -> Result<Response, Told> {
        let is_typed = !choice.from.is_empty();
        let position = self.position(who).await?;
        let all = self.all_seen().await?;
        let (asked, subject) = self.asked_already(&choice.round).await?;
        if choice.subject.is_empty() && !is_typed {
            choice.subject = subject;
        }
        let mut lines = Vec::new();
        for seen in all.iter().filter(|seen| !asked.contains(&seen.row.view.line)) {
            lines.push(self.ask_line(seen).await?);
        }
        if lines.is_empty() {
            return Err(self.api.tell(Fault::new(if all.is_empty() { Code::LineNone } else { Code::RoundWhole })));
        }
        if choice.lines.is_empty() && !is_typed {
            choice.lines = lines.iter().map(|line| (line.id.clone(), String::new())).collect();
        }
        let posts: BTreeSet<String> = lines.iter().flat_map(|line| line.our_posts.iter().cloned()).collect();
        let first = lines.first().and_then(|line| line.our_posts.first().cloned());
        let our_posts: Vec<String> =
            first.iter().cloned().chain(posts.into_iter().filter(|post| Some(post) != first.as_ref())).collect();
        let mut d = Frame::new(self, who, "lines", position)?;
        if is_typed {
            d.page = "/rounds/new".into();
        }
        let languages = self.api.parts.config.organisation.languages.clone();
        choice.fill(&our_posts, d.mark, languages.first().map_or("en", String::as_str));
        d.mark = Mark::parse(&choice.mark).unwrap_or(d.mark);
        d.four = Some(Four::of_all(d.words(), &all, self.unread().len(), d.mark));
        let status = wrong.as_ref().map_or(StatusCode::OK, Told::status);
        Ok(page(status, &NewRound { d, lines, our_posts, languages, choice, wrong, is_typed }))
    }

    /// The lines of a round on which is asked already, and what it is about.
    async fn asked_already(&self, round: &str) -> Result<(BTreeSet<String>, String), Told> {
        if round.is_empty() {
            return Ok((BTreeSet::new(), String::new()));
        }
        let round = self.api.round(round).await?;
        let asked = round.asks.iter().filter(|(_, at)| at.is_some()).map(|(line, _)| LineId(*line).to_string());
        let asked = asked.collect();
        Ok((asked, self.api.subject_of(&round).await?.map(|said| said.text).unwrap_or_default()))
    }

    /// Signs an ask on each line, and keeps that they belong together.
    async fn signed_round(&self, posted: &Posted, choice: &Choice) -> Result<u64, Told> {
        self.may_act(&posted.who)?;
        if !choice.round.is_empty() {
            self.api.round(&choice.round).await?;
        }
        let once = posted.fields.text("once").ok_or_else(|| self.api.tell(missing_field("ask", "once")))?;
        self.api.begin_round(&choice.form(once), &posted.who.user, &posted.who.actor).await
    }
}

/// `GET /rounds`.
pub(super) async fn list(State(desk): State<Desk>, who: Signed) -> Response {
    let drawn = async {
        let position = desk.position(&who).await?;
        let all = desk.all_seen().await?;
        let mut d = Frame::new(&desk, &who, "lines", position)?;
        d.four = Some(Four::of_all(d.words(), &all, desk.unread().len(), d.mark));
        let rounds = desk.rounds_begun(&d).await?;
        Ok::<_, Told>(page(StatusCode::OK, &Rounds { d, rounds }))
    };
    match drawn.await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &who, &told, &Kept::default()).await,
    }
}

/// `GET /rounds/new`.
pub(super) async fn show(State(desk): State<Desk>, who: Signed, Query(wanted): Query<Wanted>) -> Response {
    let choice = Choice { round: wanted.round, ..Choice::default() };
    match desk.new_round_page(&who, choice, None).await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &who, &told, &Kept::default()).await,
    }
}

/// `POST /rounds`: signs, or shows what they would read.
pub(super) async fn ask(State(desk): State<Desk>, mut posted: Posted) -> Response {
    posted.fields.press();
    let choice = Choice::read(&posted.fields);
    let is_shown = posted.fields.text("act").as_deref() == Some("show");
    let signed = if is_shown { Ok(None) } else { desk.signed_round(&posted, &choice).await.map(Some) };
    let drawn = match signed {
        Ok(Some(id)) => return Redirect::to(&format!("/rounds/{id}")).into_response(),
        Ok(None) => desk.new_round_page(&posted.who, choice, None).await,
        Err(told) => desk.new_round_page(&posted.who, choice, Some(told)).await,
    };
    match drawn {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &posted.who, &told, &Kept::of(&posted.fields)).await,
    }
}
