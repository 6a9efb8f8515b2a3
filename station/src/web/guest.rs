//! A place in a call for who is not signed in here: the watch gives a part and has a link; who takes it has a cookie that is good for this
//! call and nothing else. What the place is good for the voice thread knows ([`crate::voice::GuestView`]); nothing of it is kept.

use std::sync::Arc;

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use counterpart_core::record::codes::Part;
use tokio::sync::{Notify, mpsc};

use super::frame::{Door, Frame, class_of, mark_class};
use super::live::{WAITING_MAX, over, waited};
use super::refused::{self, Kept};
use super::session::{Posted, cookie, is_form_of, read};
use super::talking::Talking;
use super::{Desk, page};
use crate::api::fault::{Code, Fault, Told};
use crate::api::places::Place;
use crate::api::sight::hexadecimal;
use crate::api::stream::{Looks, Stream};
use crate::api::talks::{Talk, part_of};
use crate::people::{LINK_MS, SESSION_MS, Token};
use crate::view::Moment;
use crate::voice::{Ask, Given, Gone, GuestView, Refusal, Stage};

/// The parts that are given by a link. Who holds the line has an account.
pub(super) const GIVEN: [Part; 3] = [Part::Principal, Part::Interpreter, Part::NoteTaker];

/// What can be done from a place.
const ACTS: [&str; 4] = ["join", "mute", "unmute", "leave"];

/// For the watch: a link that was just made. It is shown this once.
#[derive(Template)]
#[template(path = "let_in.html")]
struct LetIn {
    d: Frame,
    part: Part,
    link: String,
    until: Moment,
    left: String,
}

/// The link, opened.
#[derive(Template)]
#[template(path = "place_link.html")]
struct PlaceLink {
    d: Door,
    form: String,
    token: String,
    /// As what; `None`: it serves no longer.
    part: Option<Part>,
}

/// The call, for who has a place.
#[derive(Template)]
#[template(path = "place.html")]
struct PlacePage {
    d: Door,
    t: Talking,
    form: String,
    position: String,
    part: Part,
    /// Why nobody can come in now.
    shut: Option<String>,
}

/// The place is no more.
#[derive(Template)]
#[template(path = "place_gone.html")]
struct PlaceGone {
    d: Door,
    why: &'static str,
}

impl PlacePage {
    fn class(&self) -> &'static str {
        class_of(self.t.about.talk.mark)
    }

    fn mark_class(&self) -> &'static str {
        mark_class(self.t.about.talk.mark)
    }

    fn hint(&self) -> &'static str {
        if self.part == Part::NoteTaker { "place-listens" } else { "place-speaks" }
    }

    fn moves(&self) -> Option<(String, &str)> {
        None
    }

    fn offer(&self) -> String {
        "/place/offer".into()
    }

    fn else_by(&self) -> &'static str {
        "place-mend-listen"
    }
}

/// Somebody who has a place.
pub(super) struct Guest {
    token: Token,
    view: GuestView,
}

impl Desk {
    fn place_cookie(&self) -> String {
        format!("{}-place", self.inner.site.cookie)
    }

    async fn guest(&self, token: &Token) -> Option<GuestView> {
        self.api.parts.voice.guest(token.hash()).await
    }

    /// The part that is given by the link with this secret, if it serves.
    async fn link_to_place(&self, token: &str) -> Option<(Token, GuestView)> {
        let token = Token::parse(token)?;
        let view = self.guest(&token).await?;
        matches!(view.stage, Stage::Link(_)).then_some((token, view))
    }

    /// That a place is no more; `status` where it is known why.
    fn place_gone(&self, status: StatusCode, why: Option<Gone>) -> Response {
        let (status, why) = match why {
            Some(Gone::Over) => (status, "place-over"),
            Some(Gone::Removed) => (status, "place-removed"),
            Some(Gone::Left) => (status, "place-left"),
            Some(Gone::Away) => (status, "place-away"),
            None => (StatusCode::GONE, "place-none"),
        };
        page(status, &PlaceGone { d: Door::new(self, ""), why })
    }

    /// Up to where the page of a place shows calls: it is drawn anew when one has changed.
    fn place_position(&self) -> String {
        let calls = self.api.parts.voice.changes().map_or(0, |changes| *changes.borrow());
        format!("{}.{calls}", self.inner.run)
    }

    /// The talk of this place.
    async fn talk_of_place(&self, view: &GuestView) -> Result<Talk, Told> {
        let talk = self.api.talk(view.talk.line, view.talk.act.to_string()).await?;
        // After an epoch has ended the same name is that of something else.
        if talk.id == view.talk { Ok(talk) } else { Err(self.no_place()) }
    }

    fn no_place(&self) -> Told {
        self.api.call_refused(&Refusal::NoPlace)
    }
}

/// Whoever has none, or has it no more, is told so.
impl FromRequestParts<Desk> for Guest {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Guest, Response> {
        // What became of a place is a page; nothing more can be done from it.
        let is_read = parts.method == Method::GET && parts.uri.path() == "/place";
        let status = if is_read { StatusCode::OK } else { StatusCode::GONE };
        let token = cookie(&parts.headers, &desk.place_cookie()).and_then(Token::parse);
        let Some(token) = token else { return Err(desk.place_gone(status, None)) };
        match desk.guest(&token).await {
            Some(view) if view.stage == Stage::Place => {
                parts.extensions.get::<Place>().inspect(|place| place.is_known());
                Ok(Guest { token, view })
            }
            Some(GuestView { stage: Stage::Gone(why), .. }) => Err(desk.place_gone(status, Some(why))),
            _ => Err(desk.place_gone(status, None)),
        }
    }
}

/// Makes a link, for the watch alone.
pub(super) async fn let_in(desk: &Desk, posted: &Posted, talk: &Talk, back: String) -> Result<Response, Told> {
    let part = part_of(&posted.fields.text("part").unwrap_or_default()).map_err(|fault| desk.api.tell(fault))?;
    if !GIVEN.contains(&part) {
        let known = GIVEN.map(Part::word).join(", ");
        let fault = Fault::new(Code::UnknownWord).with("field", "part").with("said", part.word());
        return Err(desk.api.tell(fault.with("known", known)));
    }
    let address = desk.api.address()?;
    let token = Token::draw().map_err(|e| desk.api.failed(&e))?;
    let position = desk.position(&posted.who).await?;
    desk.api.do_in_call(talk, posted.who.token.hash(), Ask::Invite(token.hash(), part)).await?;
    let mut d = Frame::new(desk, &posted.who, "lines", position)?;
    (d.mark, d.line, d.page) = (talk.mark, talk.id.line.to_string(), back);
    let (until, left) = (Moment(desk.api.now().plus(LINK_MS)), d.words().lasts(LINK_MS));
    let link = format!("{address}/let-in/{}", token.text());
    Ok(page(StatusCode::OK, &LetIn { d, part, link, until, left }))
}

/// `GET /let-in/{token}`: a page with one button.
pub(super) async fn link(
    State(desk): State<Desk>,
    Path(token): Path<String>,
    headers: axum::http::HeaderMap,
) -> Response {
    let found = desk.link_to_place(&token).await;
    let (door, had) = match desk.door(&headers) {
        Ok(door) => door,
        Err(told) => return refused::plain(&desk, &told, &Kept::default()),
    };
    let status = if found.is_some() { StatusCode::OK } else { StatusCode::GONE };
    let (form, part) = (hexadecimal(&door.of_forms()), found.map(|(_, view)| view.part));
    let shown = page(status, &PlaceLink { d: Door::new(&desk, ""), form, token, part });
    desk.at_door(&door, had, shown)
}

/// `POST /let-in/{token}`: takes it, once.
pub(super) async fn take(State(desk): State<Desk>, Path(said): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let taken = async {
        let fields = read(&desk, body).await?;
        if !desk.door_of(&parts.headers).is_some_and(|door| is_form_of(&door, &fields)) {
            return Err(desk.api.tell(Fault::new(Code::FormForeign)));
        }
        let place = Token::draw().map_err(|e| desk.api.failed(&e))?;
        let voice = &desk.api.parts.voice;
        let is_taken = match desk.link_to_place(&said).await {
            Some((link, view)) => voice.ask(view.talk, place.hash(), Ask::Take(link.hash())).await.is_ok(),
            None => false,
        };
        if is_taken {
            return Ok(desk.with_cookie(&desk.place_cookie(), &place.text(), SESSION_MS, Redirect::to("/place")));
        }
        let spent = PlaceLink { d: Door::new(&desk, ""), form: String::new(), token: String::new(), part: None };
        Ok(page(StatusCode::GONE, &spent))
    };
    taken.await.unwrap_or_else(|told| refused::plain(&desk, &told, &Kept::default()))
}

/// `GET /place`.
pub(super) async fn show(State(desk): State<Desk>, guest: Guest) -> Response {
    let drawn = async {
        let position = desk.place_position();
        let id = desk.talk_of_place(&guest.view).await?.id;
        let mut t = desk.talking(id.line, id.act.to_string(), guest.token.hash()).await?;
        let (d, form) = (Door::new(&desk, ""), hexadecimal(&guest.token.of_forms()));
        t.you = d.say("place-you");
        let shut = t.about.talk.shut.map(|id| d.say(id));
        Ok::<_, Told>(page(StatusCode::OK, &PlacePage { d, t, form, position, part: guest.view.part, shut }))
    };
    drawn.await.unwrap_or_else(|told| refused::plain(&desk, &told, &Kept::default()))
}

/// A form of this place, and the talk. Nothing but the acts below is read of it.
async fn posted(desk: &Desk, guest: &Guest, body: Body) -> Result<(super::fields::Fields, Talk), Told> {
    let fields = read(desk, body).await?;
    if !is_form_of(&guest.token, &fields) {
        return Err(desk.api.tell(Fault::new(Code::FormForeign)));
    }
    Ok((fields, desk.talk_of_place(&guest.view).await?))
}

/// `POST /place`: comes in, is muted, is heard again, or leaves. No more can be done from a place.
pub(super) async fn act(State(desk): State<Desk>, guest: Guest, request: Request) -> Response {
    let done = async {
        let (fields, talk) = posted(&desk, &guest, request.into_body()).await?;
        let word = fields.text("act").unwrap_or_default();
        let ask = match word.as_str() {
            "join" => Ask::Come,
            "mute" => Ask::Mute(true),
            "unmute" => Ask::Mute(false),
            "leave" => Ask::Leave,
            other => {
                let fault = Fault::new(Code::UnknownAct).with("said", other);
                return Err(desk.api.tell(fault.with("known", ACTS.join(", "))));
            }
        };
        desk.api.do_in_call(&talk, guest.token.hash(), ask).await?;
        Ok(Redirect::to("/place").into_response())
    };
    done.await.unwrap_or_else(|told| refused::plain(&desk, &told, &Kept::default()))
}

/// `POST /place/offer`: the browser offers; the answer is for it.
pub(super) async fn offer(State(desk): State<Desk>, guest: Guest, request: Request) -> Response {
    let answered = async {
        let (fields, talk) = posted(&desk, &guest, request.into_body()).await?;
        let sdp = fields.text("sdp").unwrap_or_default();
        match desk.api.do_in_call(&talk, guest.token.hash(), Ask::Offer(sdp)).await? {
            Given::Answer(sdp) => Ok(sdp),
            Given::Seat(_) | Given::Done => Err(desk.no_place()),
        }
    };
    match answered.await {
        Ok(sdp) => ([(CONTENT_TYPE, "application/sdp")], sdp).into_response(),
        Err(told) => refused::plain(&desk, &told, &Kept::default()),
    }
}

/// `GET /place/live`: that the call has changed. It says nothing of the record and of what rings here.
pub(super) async fn live(State(desk): State<Desk>, guest: Result<Guest, Response>) -> Response {
    let Ok(guest) = guest else { return over(&desk) };
    let Some(place) = desk.inner.place_pages.enter(guest.token.hash(), None) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let (to, events) = mpsc::channel(WAITING_MAX);
    tokio::spawn(follow(desk, guest, place.displaced.clone(), to));
    ([(CONTENT_TYPE, "text/event-stream")], Body::new(Stream::new(events, place))).into_response()
}

async fn follow(desk: Desk, guest: Guest, displaced: Arc<Notify>, to: mpsc::Sender<Bytes>) {
    let mut looks = Looks::new(&desk.api);
    let mut calls = desk.api.parts.voice.changes();
    while looks.begin() {
        let position = desk.place_position();
        let has_place = desk.guest(&guest.token).await.is_some_and(|view| view.stage == Stage::Place);
        let now = Moment(desk.api.now());
        let told = serde_json::json!({"position": position, "now": now, "ended": !has_place});
        if to.send(Bytes::from(format!("event: standing\ndata: {told}\n\n"))).await.is_err() || !has_place {
            return;
        }
        if !waited(&mut looks, &mut calls, &displaced, &to).await {
            return;
        }
    }
}
