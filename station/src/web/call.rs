//! A talk over this system: before it, who one is to them and whether one is heard; in it, who is on from both sides and what may be
//! done. The page is drawn here; that sound goes both ways is `static/voice.js`.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Redirect, Response};
use counterpart_core::ids::LineId;
use counterpart_core::record::codes::Part;

use super::frame::{Four, Frame};
use super::guest::{GIVEN, let_in};
use super::keys::Key;
use super::session::{Posted, Signed};
use super::talking::Talking;
use super::{Desk, page, refused};
use crate::api::fault::Told;
use crate::api::talks::{ask_of, part_of};
use crate::view::Moment;
use crate::voice::{Ask, Given, Refusal, Waiting};
use crate::words::HAS_JOINED;

#[derive(Template)]
#[template(path = "call.html")]
struct CallPage {
    d: Frame,
    t: Talking,
    /// Who was given a part by a link and is not in the call yet.
    waiting: Vec<Waits>,
    /// Why nobody can be let in now.
    shut: Option<String>,
}

/// Somebody who was given a part by a link and is not in the call yet.
struct Waits {
    number: u32,
    part: String,
    /// Until when the link serves, and how long that is; `None`: it was taken.
    until: Option<(Moment, String)>,
}

impl CallPage {
    fn parts(&self) -> Vec<(&'static str, String, String)> {
        let said = |part: &Part| {
            let word = part.word();
            (word, self.d.with("talking-part", "part", word), self.d.with("talking-part-hint", "part", word))
        };
        [Part::Watch, Part::Principal, Part::Interpreter, Part::NoteTaker].iter().map(said).collect()
    }

    /// The parts that are given by a link. The watch has an account.
    fn given(&self) -> Vec<(&'static str, String)> {
        GIVEN.iter().map(|part| (part.word(), self.d.with("talking-part", "part", part.word()))).collect()
    }

    /// Where somebody of ours is moved from here, and the token of that form.
    fn moves(&self) -> Option<(String, &str)> {
        let may = self.d.acts && self.t.me().is_some() && !self.t.is_over();
        may.then(|| (self.at(), self.d.form.as_str()))
    }

    /// The address of this page.
    fn at(&self) -> String {
        format!("/lines/{}/calls/{}", self.d.line, self.t.about.talk.request.at)
    }

    fn offer(&self) -> String {
        format!("{}/offer", self.at())
    }

    fn else_by(&self) -> &'static str {
        "talking-mend-listen"
    }

    /// Of whom nobody is in the call, nor was: for whoever came, that is an act. Before it can be done it says why not.
    fn missed(&self) -> Option<&Key> {
        let is_alone = self.t.call.as_ref().is_none_or(|call| call.theirs.is_empty() && !call.has_met);
        let came = |key: &Key| key.why.as_ref().is_some_and(|why| why.code == HAS_JOINED);
        self.t.about.missed.as_ref().filter(|key| is_alone && !came(key) && self.t.me().is_some())
    }
}

/// The page of a talk's call.
pub(super) fn page_of_call(line: LineId, request: &str) -> String {
    format!("/lines/{line}/calls/{request}")
}

fn waits(desk: &Desk, d: &Frame, one: &Waiting) -> Waits {
    let left = one.until.map(|until| until.saturating_duration_since(desk.api.parts.clock.moment().instant()));
    let until = left.map(|left| {
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        (Moment(desk.api.now().plus(left_ms)), d.words().lasts(left_ms))
    });
    Waits { number: one.number, part: d.with("talking-part", "part", one.part.word()), until }
}

/// `GET /lines/{line}/calls/{request}`.
pub(super) async fn show(
    State(desk): State<Desk>,
    who: Signed,
    Path((line, said)): Path<(String, String)>,
) -> Response {
    let drawn = async {
        let position = desk.position(&who).await?;
        let id = desk.api.line(Some(line)).await?;
        let mut t = desk.talking(id, said, who.token.hash()).await?;
        let seen = desk.line_seen(id).await?;
        let mut d = Frame::new(&desk, &who, "lines", position)?;
        d.mark = t.about.talk.mark;
        d.line = id.to_string();
        d.four = Some(Four::of_line(d.words(), &seen, d.mark));
        let shut = t.about.talk.shut.or(desk.api.parts.voice.address().is_none().then_some("no-call-off"));
        let shut = shut.map(|id| d.say(id));
        t.you = d.with("talking-you", "user", &d.user);
        let waiting = t
            .call
            .as_ref()
            .map_or_else(Vec::new, |call| call.waiting.iter().map(|one| waits(&desk, &d, one)).collect());
        Ok::<_, Told>(page(StatusCode::OK, &CallPage { d, t, waiting, shut }))
    };
    match drawn.await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &who, &told, &refused::Kept::default()).await,
    }
}

/// `POST /lines/{line}/calls/{request}`: joins, or does something in the call.
pub(super) async fn act(
    State(desk): State<Desk>,
    Path((line, said)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    let done = async {
        desk.may_act(&posted.who)?;
        let id = desk.api.line(Some(line)).await?;
        let talk = desk.api.talk(id, said).await?;
        let text = |name: &str| posted.fields.text(name);
        let word = text("act").unwrap_or_default();
        if word == "let-in" {
            return let_in(&desk, &posted, &talk, page_of_call(id, &talk.request.at)).await;
        }
        let ask = if word == "join" {
            let part = part_of(&text("part").unwrap_or_default()).map_err(|fault| desk.api.tell(fault))?;
            Ask::LetIn { part, listens: text("listens").is_some() }
        } else {
            let (word, rest) = word.split_once(' ').map_or((word.as_str(), None), |(word, rest)| (word, Some(rest)));
            let person = rest.and_then(|said| said.parse().ok());
            let taken_back = rest.filter(|_| word == "take-back").and_then(|said| said.parse().ok()).map(Ask::TakeBack);
            taken_back
                .map_or_else(|| ask_of(word, person, &posted.who.actor), Ok)
                .map_err(|fault| desk.api.tell(fault))?
        };
        let given = desk.api.do_in_call(&talk, posted.who.token.hash(), ask).await?;
        if matches!(given, Given::Seat(_)) {
            desk.comes_into_call(posted.who.token.hash());
            desk.api.come(talk.id, posted.who.actor.clone()).await;
        }
        Ok::<_, Told>(Redirect::to(&page_of_call(id, &talk.request.at)).into_response())
    };
    match done.await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &posted.who, &told, &refused::Kept::default()).await,
    }
}

/// `POST /lines/{line}/calls/{request}/offer`: the browser of somebody who has a place offers; the answer is for it.
pub(super) async fn offer(
    State(desk): State<Desk>,
    Path((line, said)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    let answered = async {
        let id = desk.api.line(Some(line)).await?;
        let talk = desk.api.talk(id, said).await?;
        let sdp = posted.fields.text("sdp").unwrap_or_default();
        match desk.api.do_in_call(&talk, posted.who.token.hash(), Ask::Offer(sdp)).await? {
            Given::Answer(sdp) => Ok(sdp),
            Given::Seat(_) | Given::Done => Err(desk.api.call_refused(&Refusal::NoPlace)),
        }
    };
    match answered.await {
        Ok(sdp) => ([(CONTENT_TYPE, "application/sdp")], sdp).into_response(),
        Err(told) => refused::shown(&desk, &posted.who, &told, &refused::Kept::default()).await,
    }
}
