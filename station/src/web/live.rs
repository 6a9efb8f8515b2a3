//! The live stream (server-sent events): up to where this station's record has come, at once, at each change, and every second and a half.
//!
//! It is level-triggered. A page knows up to where it was drawn; an event that names another position makes it draw itself anew, also
//! the first after a break. Nothing is missed, for nothing is sent but where things stand.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use counterpart_core::ids::{EntryRef, Epoch, LineId};
use counterpart_core::line::ringing::Ring;
use counterpart_core::record::kind::Kind;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, mpsc, watch};

use super::Desk;
use super::call::page_of_call;
use super::session::Signed;
use crate::api::fault::{Code, Fault, Told};
use crate::api::sight::hexadecimal;
use crate::api::stream::{CALM, Looks, Stream};
use crate::link::observe::health;
use crate::record::LinePublished;
use crate::view::Moment;

/// After so long without a change the stream says that nothing has changed. A page that hears nothing for 3.8 s has lost its station.
const BEAT: Duration = Duration::from_millis(1_500);
/// Events that wait for a page that reads slowly.
pub(super) const WAITING_MAX: usize = 4;

/// What an event says.
#[derive(Serialize)]
struct Standing<'a> {
    /// Up to where the record has come, and what is observed of the lines.
    position: &'a str,
    /// The station's time.
    now: Moment,
    /// The session has ended: the page must be left.
    ended: bool,
    /// The number of this stream.
    stream: u64,
    /// What rings here, what presses most first; nothing for who could not acknowledge it.
    rings: Vec<Ringing>,
}

/// One thing that rings.
#[derive(Serialize)]
pub(super) struct Ringing {
    pub line: String,
    pub at: String,
    /// The epoch in which it rings, as "1/" and 16 hexadecimal digits.
    epoch: String,
    /// The request that it belongs to, or itself.
    thing: String,
    precedence: &'static str,
    mark: &'static str,
    /// A check rings softly.
    soft: bool,
    /// The other side is told that it rings here.
    climbs: bool,
    /// It rings once, and is told.
    briefly: bool,
    /// What stands in the page's title.
    title: String,
    /// The page of what rings.
    page: String,
}

impl Desk {
    /// Up to where this station's record has come, what it observes, and what waits for this person to be signed:
    /// "RUN.COMMITS.STATES.UNSIGNED.BANNER.HOME.PEOPLE.CALLS". Two are the same only if a page
    /// would show the same, clocks aside.
    pub(super) async fn position(&self, who: &Signed) -> Result<String, Told> {
        let parts = self.api.parts.clone();
        let published = parts.keeper.published().borrow().clone();
        let (version, held) = (published.version, if published.held_since.is_some() { "-held" } else { "" });
        let (now_ms, now) = (parts.clock.moment().ms_since(parts.begun), self.api.now());
        let board = parts.board.clone();
        let states = parts.keeper.look(move |lines| {
            let state = |kept: &crate::record::Kept| {
                let found = health(&kept.line, &board.of(kept.line.id()), now_ms, now);
                format!("{:?}", found.state)
            };
            lines.iter().map(state).collect::<Vec<_>>().join("-")
        });
        let states = states.await.map_err(|_| self.api.tell(Fault::new(Code::Stopping)))?;
        let states: String = states.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let unsigned = self.inner.unsigned.mark(who);
        let calls = self.api.parts.voice.changes().map_or(0, |changes| *changes.borrow());
        let banner = hexadecimal(&Sha256::digest(self.api.banner())[..4]);
        // What is kept at home is in no record. Pairings, users and tokens are seen by whoever looks after them.
        let [people, home] = [0, 1].map(|of: usize| self.api.home_changes[of].load(Ordering::Relaxed));
        let people = self.looks_after(who).map_or(0, |()| people + self.api.ceremony.changes());
        Ok(format!("{}.{version}.{states}{held}.{unsigned}.{banner}.{home}.{people}.{calls}", self.inner.run))
    }
}

/// `GET /live`. A page whose session ended while its station was away is told so by it: a stream cannot be led to the door.
pub(super) async fn live(State(desk): State<Desk>, who: Result<Signed, Response>) -> Response {
    let who = match who {
        Ok(who) => who,
        Err(door) if door.status().is_redirection() => return over(&desk),
        Err(refused) => return refused,
    };
    let user = who.role.acts().then_some(who.user.as_str());
    let place = desk.inner.pages.enter(who.token.hash(), user);
    let Some(place) = place else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let (to, events) = mpsc::channel(WAITING_MAX);
    tokio::spawn(follow(desk, who, (place.number, place.displaced.clone()), to));
    ([(CONTENT_TYPE, "text/event-stream")], Body::new(Stream::new(events, place))).into_response()
}

/// The one event of a stream whose page must be left.
pub(super) fn over(desk: &Desk) -> Response {
    let told = serde_json::json!({"now": Moment(desk.api.now()), "ended": true});
    ([(CONTENT_TYPE, "text/event-stream")], format!("event: standing\ndata: {told}\n\n")).into_response()
}

async fn follow(desk: Desk, who: Signed, (stream, displaced): (u64, Arc<Notify>), to: mpsc::Sender<Bytes>) {
    let mut looks = Looks::new(&desk.api);
    let mut calls = desk.api.parts.voice.changes();
    while looks.begin() {
        let Ok(position) = desk.position(&who).await else { return };
        let ended = !matches!(desk.is_on(&who).await, Ok(true));
        let rings = if who.role.acts() { desk.rings(&who).await } else { Vec::new() };
        let standing = Standing { position: &position, now: Moment(desk.api.now()), ended, stream, rings };
        let data = serde_json::to_string(&standing).unwrap_or_default();
        let event = Bytes::from(format!("id: {position}\nevent: standing\ndata: {data}\n\n"));
        if to.send(event).await.is_err() || ended {
            return;
        }
        if !waited(&mut looks, &mut calls, &displaced, &to).await {
            return;
        }
    }
}

/// Waits until a page has something new to be told; `false`: it is told no more.
pub(super) async fn waited(
    looks: &mut Looks,
    calls: &mut Option<watch::Receiver<u64>>,
    displaced: &Notify,
    to: &mpsc::Sender<Bytes>,
) -> bool {
    tokio::select! {
        goes_on = looks.next(BEAT, to) => goes_on,
        // What another station tells of calls, however often, is looked at as calmly as what it writes.
        () = changed(calls) => {
            tokio::time::sleep(CALM).await;
            true
        }
        () = displaced.notified() => {
            let _ = to.send(Bytes::from_static(b"event: displaced\ndata: {}\n\n")).await;
            false
        }
    }
}

/// Comes when a call has changed; never at a station without voice.
async fn changed(calls: &mut Option<watch::Receiver<u64>>) {
    let is_told = match calls {
        Some(calls) => calls.changed().await.is_ok(),
        None => false,
    };
    if !is_told {
        std::future::pending::<()>().await;
    }
}

impl Desk {
    /// What rings on every line: OPERATION before EXERCISE, then precedence, then order.
    pub(super) async fn rings(&self, who: &Signed) -> Vec<Ringing> {
        let published = self.api.parts.keeper.published().borrow().clone();
        let begun = self.begun().await;
        let times: Vec<_> = begun.iter().map(|begun| (begun.talk, begun.ring())).collect();
        let of_line = |(id, line): (&LineId, &Arc<LinePublished>)| {
            let (id, epoch) = (*id, line.epoch);
            // What agreed on a time that has begun rings as that time.
            let is_time = |ring: &&Ring| times.iter().any(|(talk, _)| (talk.line, talk.act) == (id, ring.at));
            let rings = line.rings.iter().filter(|ring| !is_time(ring)).cloned();
            rings.map(|ring| (id, epoch, ring)).collect::<Vec<_>>()
        };
        let begun = times.iter().map(|(talk, ring)| (talk.line, talk.epoch, ring.clone()));
        let all = published.lines.iter().flat_map(of_line).chain(begun);
        // What this person has put off or declined, and can still take back, does not ring at them.
        let session = who.token.hash();
        let waits = |line, at: EntryRef| self.inner.unsigned.on(&session, line, &at.to_string()).is_some();
        let mut all: Vec<_> =
            all.filter(|(line, _, ring)| !waits(*line, ring.at) && !waits(*line, ring.thing)).collect();
        all.sort_by_key(|(id, _, ring)| (ring.mark, Reverse(ring.precedence), *id, ring.at));
        let one = |(id, epoch, ring): (LineId, Epoch, Ring)| {
            let [mark, precedence] = [ring.mark.word(), ring.precedence.word()];
            let words = &self.api.words;
            let args =
                [("mark", words.coded_in(ring.mark).into()), ("precedence", words.coded_in(ring.precedence).into())];
            let title = words.say("ring-title", &args);
            let soft = ring.kind == Kind::Check;
            let page = match ring.kind {
                Kind::Check | Kind::Text | Kind::Notice | Kind::State => format!("/lines/{id}/texts"),
                // An epoch has ended: what broke off stands above all lines.
                Kind::Charter => "/lines".into(),
                // It is time to talk.
                Kind::Talk => page_of_call(id, &ring.thing.to_string()),
                _ => format!("/lines/{id}/requests/{}", ring.thing),
            };
            Ringing {
                line: id.to_string(),
                at: ring.at.to_string(),
                epoch: epoch.to_string(),
                thing: ring.thing.to_string(),
                precedence,
                mark,
                soft,
                climbs: ring.climbs,
                briefly: ring.briefly(),
                title,
                page,
            }
        };
        all.into_iter().map(one).collect()
    }

    /// Whether the session still runs.
    async fn is_on(&self, who: &Signed) -> Result<bool, Told> {
        Ok(self.session(who.token.hash()).await?.is_some())
    }
}
