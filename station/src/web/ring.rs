//! The ring: what fills the screen while something of theirs is not seen, whose acknowledgement stopped it, and the report of a page that
//! it rang. That report is the desk as a channel: it becomes ALERTING only for what rings now, from a page that is live.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use counterpart_core::ids::{EntryRef, LineId, Party, unhex};
use counterpart_core::line::facts::Fact;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::Channel;
use counterpart_core::record::kind::Kind;

use super::frame::{Due, Frame, bars, mark_class};
use super::keys::{Key, Keys, beside, keys};
use super::request::{page_of, unmarked};
use super::seen::needs;
use super::session::{Posted, Signed};
use super::{Desk, page, refused};
use crate::api::fault::{Code, Fault, Told};
use crate::record::entry_key;
use crate::store::EntryKey;
use crate::view::request::request;
use crate::view::ring::ringing;
use crate::view::{Moment, Said, Side, Sight, names};
use crate::words::clocks::Hand;

#[derive(Template)]
#[template(path = "ring.html")]
struct RingPage {
    d: Frame,
    drawn: Drawn,
    /// Other pages that are live: whose, and whether their bell is armed.
    desks: Vec<(String, bool)>,
}

/// What is drawn of one ring.
struct Drawn {
    line: String,
    /// Who wants what.
    sentence: String,
    /// "Northland 112".
    name: String,
    peer: String,
    posts: [String; 2],
    said: Option<Said>,
    precedence: Precedence,
    mark: Mark,
    not_meant: Option<String>,
    since: Moment,
    stands: String,
    needs: String,
    due: Option<Due>,
    there: Hand,
    place: String,
    keys: Keys,
    /// The page of what rings.
    page: String,
    /// That it rings no longer, and whose doing that was.
    stopped: Option<String>,
    /// The entry of ours that stopped it, and its time here.
    by: Option<(EntryKey, String, String)>,
}

impl RingPage {
    fn bars(&self) -> [bool; 4] {
        bars(self.drawn.precedence)
    }

    fn mark_class(&self) -> &'static str {
        mark_class(self.d.mark)
    }
}

/// `GET /lines/{line}/ring/{entry}`.
pub(super) async fn show(State(desk): State<Desk>, who: Signed, Path((line, at)): Path<(String, String)>) -> Response {
    let made = async {
        let position = desk.position(&who).await?;
        let id = desk.api.line(Some(line)).await?;
        let mut drawn = desk.api.see(id, move |sight| drawn(sight, &at)).await??;
        if let Some((key, kind, time)) = drawn.by.take() {
            let reader = desk.api.parts.reader.clone();
            let actor =
                tokio::task::spawn_blocking(move || reader.actor(key)).await.map_err(|e| desk.api.machine(e))?;
            let user = actor.map_err(|e| desk.api.machine(e))?.map(|actor| actor.user);
            let user = user.unwrap_or_else(|| desk.api.words.say("ring-somebody", &[]));
            let args = [("kind", kind.into()), ("user", user.into()), ("time", time.into())];
            drawn.stopped = Some(desk.api.words.say("ring-stopped-by", &args));
        }
        let mut d = Frame::new(&desk, &who, "lines", position)?;
        d.mark = drawn.mark;
        let desks = desk.inner.pages.others(&who.token.hash());
        Ok::<_, Told>(page(StatusCode::OK, &RingPage { d, drawn, desks }))
    };
    match made.await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &who, &told, &refused::Kept::default()).await,
    }
}

fn drawn(sight: &Sight<'_>, at: &str) -> Result<Drawn, Told> {
    let words = sight.telling.words;
    let at = names::parse(sight.line, at).map_err(|fault| Told::name(&fault, words))?;
    let none = || Fault::new(Code::NotARequest).with("name", names::name(sight.line, at)).tell(words);
    let fact = sight.view().fact(at).ok_or_else(none)?;
    let thing = sight.view().fact(fact.thing).ok_or_else(none)?;
    let ring = ringing(sight).into_iter().find(|ring| ring.entry.at == at.to_string());
    let asked = request(sight, thing.at);
    let owed = match &asked {
        Some(view) => view.next.iter().find(|owed| owed.who != Some(Side::Theirs)).cloned(),
        None => sight.owed_beside_requests().into_iter().find(|owed| owed.thing.at == thing.at.to_string()),
    };
    let mark = thing.mark.unwrap_or(Mark::Operation);
    let now = sight.telling.clocks.now;
    let stopper = if ring.is_some() { None } else { stopper(sight, fact) };
    let post = |post: usize| {
        let (from, to) = thing.posts.clone().map(|(from, to)| (from.to_string(), to.to_string())).unwrap_or_default();
        if post == 0 { from } else { to }
    };
    Ok(Drawn {
        line: sight.line.id().to_string(),
        sentence: ring.as_ref().map_or_else(String::new, |ring| unmarked(&ring.sentence, mark).to_owned()),
        name: sight.named(thing.at).name,
        peer: sight.line.charter().party(sight.party(Side::Theirs)).name.clone(),
        posts: [post(0), post(1)],
        said: sight.said(at).or_else(|| sight.said(thing.at)),
        precedence: ring.as_ref().map_or_else(|| sight.view().precedence(thing), |ring| ring.precedence.0),
        mark,
        not_meant: ring.as_ref().and_then(|ring| ring.not_meant.clone()),
        since: Moment(fact.time),
        stands: words.lasts(now.since(fact.time)),
        needs: owed.as_ref().map_or_else(String::new, |owed| needs(sight, owed)),
        due: owed.and_then(|owed| owed.by).map(|by| Due::new(&sight.telling, by.0)),
        there: sight.telling.hand(Side::Theirs, now),
        place: sight.telling.clocks.theirs.name.clone(),
        keys: match &asked {
            Some(view) => keys(sight, view),
            None => Keys { first: beside_key(sight, thing).into_iter().collect(), ..Keys::default() },
        },
        page: page_of(sight, thing.at),
        stopped: ring.is_none().then(|| sight.telling.say("ring-over", &[("name", sight.named(thing.at).name.into())])),
        by: stopper.map(|fact| {
            let key = entry_key(sight.line.id(), sight.line.epoch(), fact.at);
            (key, fact.kind().word().to_owned(), sight.telling.here(fact.time))
        }),
    })
}

/// The first act of ours after which it rang no more.
fn stopper<'a>(sight: &Sight<'a>, rang: &Fact) -> Option<&'a Fact> {
    let ours = |fact: &&Fact| fact.at.party == sight.me() && fact.refers == Some(rang.at);
    let stops = |fact: &&Fact| !matches!(fact.kind(), Kind::Alerting | Kind::Received | Kind::Overdue);
    sight.view().thread(rang.thing).filter(ours).find(stops)
}

/// The act that deals with a text or a check.
fn beside_key(sight: &Sight<'_>, thing: &Fact) -> Option<Key> {
    match thing.kind() {
        Kind::Check => Some(beside(sight, thing, "check-reply", "do-check-reply", "a")),
        Kind::Text | Kind::Notice => Some(beside(sight, thing, "read", "do-read", "r")),
        _ => None,
    }
}

/// `POST /rang`: a page has drawn the ring and its sound runs.
pub(super) async fn rang(State(desk): State<Desk>, posted: Posted) -> Response {
    let text = |name| posted.fields.text(name).unwrap_or_default();
    let at = text("at").split_once(':').and_then(|(party, index)| {
        Some(EntryRef { party: Party::from_number(party.parse().ok()?)?, index: index.parse().ok()? })
    });
    let (Some(line), Some(at)) = (unhex(&text("line")).map(LineId), at) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    // Only a page of somebody who could acknowledge it counts, and only while it hears of the station.
    if !posted.who.role.acts() || !desk.inner.pages.is_live(&posted.who.token.hash()) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let published = desk.api.parts.keeper.published().borrow().clone();
    let found = published.lines.get(&line);
    let ring = found.and_then(|line| Some((line.epoch, line.rings.iter().find(|ring| ring.at == at)?)));
    match ring {
        // It rings no longer: there is nothing to confirm.
        None => StatusCode::CONFLICT.into_response(),
        Some((_, ring)) if !ring.climbs => StatusCode::NO_CONTENT.into_response(),
        Some((epoch, _)) => match desk.api.parts.keeper.alerting(line, epoch, at, Channel::Desk).await {
            Ok(_) | Err(crate::record::ActFault::Refused(_)) => StatusCode::NO_CONTENT.into_response(),
            Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        },
    }
}

/// `POST /bell`: whether the bell of a live page is armed.
pub(super) async fn bell(State(desk): State<Desk>, posted: Posted) -> StatusCode {
    let stream = posted.fields.text("stream").and_then(|text| text.parse().ok());
    let is_armed = posted.fields.text("armed").as_deref() == Some("yes");
    let known = stream.is_some_and(|stream| desk.inner.pages.arm(&posted.who.token.hash(), stream, is_armed));
    if known { StatusCode::NO_CONTENT } else { StatusCode::CONFLICT }
}
