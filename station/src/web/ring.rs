//! The ring: what fills the screen while something of theirs is not seen, whose acknowledgement stopped it, and the report of a page that
//! it rang. That report is the desk as a channel: it becomes ALERTING only for what rings now, from a page that is live.

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use counterpart_core::ids::{EntryRef, LineId, Party, unhex};
use counterpart_core::line::facts::Fact;
use counterpart_core::line::ringing::Ring;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::Channel;
use counterpart_core::record::kind::Kind;
use serde::Serialize;

use super::begun::has_begun;
use super::call::page_of_call;
use super::frame::{Due, Frame, bars, mark_class};
use super::keys::{Key, Keys, beside, keys_of_ring, noting, noting_late};
use super::live::Ringing;
use super::put_off::PutOff;
use super::request::page_of;
use super::seen::{due_of, needs};
use super::session::{Posted, Signed};
use super::{Desk, page, refused};
use crate::api::fault::{Code, Fault, Told};
use crate::api::talks::talk_of;
use crate::people::author;
use crate::record::entry_key;
use crate::store::EntryKey;
use crate::view::request::request;
use crate::view::ring::{ringing, waiting};
use crate::view::{Moment, Said, Side, Sight, names};
use crate::words::clocks::Hand;

#[derive(Template)]
#[template(path = "ring.html")]
struct RingPage {
    d: Frame,
    drawn: Drawn,
    /// Other pages that are live: whose, and whether their bell is armed.
    desks: Vec<(String, bool)>,
    step: Step,
    /// How many other things ring here: one alone fills the screen.
    others: usize,
    put_off: PutOff,
}

/// Characters of a headline that stands on one line of a desk in the largest letters, with its mark.
const SHORT_MAX: usize = 38;
/// The same with the longest call sign, in smaller ones.
const MIDDLE_MAX: usize = 72;

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// What one does about it.
    First,
    /// The code with which the request is declined.
    Decline,
    /// The code with which the offer is, and the request stands.
    DeclineOffer,
}

/// What is drawn of one ring.
struct Drawn {
    line: String,
    /// The entry that rings.
    at: String,
    /// The request that it belongs to, or itself.
    thing: String,
    /// Who wants what.
    sentence: String,
    /// "Northland 112".
    name: String,
    peer: String,
    /// Of them, and of us.
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
    /// How far the clock there is ahead of UTC, in minutes.
    there_ahead: i32,
    place: String,
    keys: Keys,
    /// The page of what rings.
    page: String,
    /// Whether the other side is told that it rings here.
    climbs: bool,
    /// It is the agreed time itself: its call comes first.
    is_time: bool,
    /// That it rings no longer, and whose doing that was.
    stopped: Option<String>,
    /// The entry of ours that stopped it, and its time here.
    by: Option<(EntryKey, Kind, String)>,
}

impl RingPage {
    fn bars(&self) -> [bool; 4] {
        bars(self.drawn.precedence)
    }

    fn mark_class(&self) -> &'static str {
        mark_class(self.d.mark)
    }

    /// The codes of an act, which each have one key.
    fn codes(&self, act: &str) -> &[Key] {
        self.drawn.keys.codes.iter().find(|codes| codes.act == act).map_or(&[], |codes| &codes.keys)
    }

    /// The codes of the second step.
    fn step_codes(&self) -> &[Key] {
        match self.step {
            Step::First => &[],
            Step::Decline => self.codes("decline"),
            Step::DeclineOffer => self.drawn.keys.none.first().map_or(&[], |codes| &codes.keys),
        }
    }

    fn is_second(&self) -> bool {
        self.step != Step::First
    }

    /// A sentence of the second step, about the request or about the offer.
    fn second(&self, of_request: &str, of_offer: &str) -> String {
        self.d.say(if self.step == Step::DeclineOffer { of_offer } else { of_request })
    }

    /// What is said when such a key was pressed once.
    fn twice(&self, key: &Key) -> String {
        self.d.with("ring-twice", "key", key.letter.to_uppercase())
    }

    /// The size of its headline: the more it says, the smaller its letters.
    fn size(&self) -> &'static str {
        let word = self.d.coded(&self.d.mark).said;
        let mark = if self.d.mark == Mark::Operation { 0 } else { word.chars().count() + 2 };
        match self.drawn.sentence.chars().count() + mark {
            length if length <= SHORT_MAX => "",
            length if length <= MIDDLE_MAX => "mid",
            _ => "long",
        }
    }

    /// Whether digits are free for codes: the windows of an offer have them first.
    fn has_digits(&self) -> bool {
        self.is_second() || self.drawn.keys.offers.is_empty()
    }
}

/// `GET /lines/{line}/ring/{entry}`.
pub(super) async fn show(state: State<Desk>, who: Signed, path: Path<(String, String)>) -> Response {
    draw(state, who, path, Step::First).await
}

/// `GET /lines/{line}/ring/{entry}/decline`: with which code.
pub(super) async fn decline(state: State<Desk>, who: Signed, path: Path<(String, String)>) -> Response {
    draw(state, who, path, Step::Decline).await
}

/// `GET /lines/{line}/ring/{entry}/decline-offer`: with which code.
pub(super) async fn decline_offer(state: State<Desk>, who: Signed, path: Path<(String, String)>) -> Response {
    draw(state, who, path, Step::DeclineOffer).await
}

async fn draw(State(desk): State<Desk>, who: Signed, Path((line, at)): Path<(String, String)>, step: Step) -> Response {
    let made = async {
        let position = desk.position(&who).await?;
        let id = desk.api.line(Some(line)).await?;
        let days = desk.days();
        let begun = desk.begun().await;
        let is_begun = begun.iter().any(|begun| begun.talk.line == id && begun.talk.act.to_string() == at);
        let show = move |sight: &Sight<'_>| {
            let drawn = drawn(sight, &at)?;
            let drawn =
                if is_begun || rang_as_time(sight, &drawn) { at_its_time(sight, drawn, is_begun) } else { drawn };
            let put_off = PutOff::for_codes(&drawn.keys.codes, &sight.telling, &days);
            Ok::<_, Told>((drawn, put_off))
        };
        let (mut drawn, put_off) = desk.api.see(id, show).await??;
        if let Some((key, kind, time)) = drawn.by.take() {
            let reader = desk.api.parts.reader.clone();
            let actor =
                tokio::task::spawn_blocking(move || reader.actor(key)).await.map_err(|e| desk.api.machine(e))?;
            let user = actor.map_err(|e| desk.api.machine(e))?.map(|actor| author(&actor.user, &desk.api.words));
            let user = user.unwrap_or_else(|| desk.api.words.say("ring-somebody", &[]));
            let args = [("kind", kind.word().into()), ("user", user.into()), ("time", time.into())];
            drawn.stopped = Some(desk.api.words.say("ring-stopped-by", &args));
        }
        // What this person has put off or declined, and can still take back, does not ring at them.
        let waits = |on: &str| {
            let told = desk.inner.unsigned.on(&who.token.hash(), id, on)?;
            Some(desk.api.words.say("unsigned-waits", &[("told", told.into())]))
        };
        drawn.stopped = drawn.stopped.or_else(|| waits(&drawn.at).or_else(|| waits(&drawn.thing)));
        let to = match step {
            Step::First => None,
            Step::Decline => drawn.keys.decline.as_ref(),
            Step::DeclineOffer => drawn.keys.decline_offer.as_ref(),
        };
        let step = if drawn.stopped.is_none() && to.is_some() { step } else { Step::First };
        let mut d = Frame::new(&desk, &who, "lines", position)?;
        d.mark = drawn.mark;
        let desks = desk.inner.pages.others(&who.token.hash());
        let is_this = |ring: &&Ringing| (&ring.line, &ring.at) == (&drawn.line, &drawn.at);
        let others = if d.acts { desk.rings(&who).await } else { Vec::new() };
        let others = others.iter().filter(|ring| !is_this(ring)).count();
        Ok::<_, Told>(page(StatusCode::OK, &RingPage { d, drawn, desks, step, others, put_off }))
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
    let mark = ring.as_ref().map_or(thing.mark.unwrap_or(Mark::Operation), |ring| ring.mark.0);
    let now = sight.telling.clocks.now;
    let stopper = if ring.is_some() { None } else { sight.stopper(fact) };
    // What rings no more is told as it rang.
    let rang = as_it_rang(sight, fact, thing);
    let sentence = sight.ring_headline(&rang);
    let keys = match &asked {
        Some(view) => keys_of_ring(sight, view, fact),
        None => Keys { first: beside_key(sight, thing).into_iter().collect(), ..Keys::default() },
    };
    let keys = match ring.as_ref().filter(|ring| ring.tells && !ring.briefly) {
        // What tells that we are late stops with this key; what we are late with rings on, and what ends that comes first.
        Some(_) if rings_on(sight, thing.at) && !keys.first.is_empty() => {
            Keys { noted: Some(noting_late(sight, at, "k")), is_noted_after: true, ..keys }
        }
        Some(_) => Keys { noted: Some(noting(sight, at, "k")), ..keys },
        None => keys,
    };
    let over = match rang.tells {
        // What they did is still worth reading; what they asked is told by who has seen it.
        true => sentence.clone(),
        false => {
            let args = [("name", sight.named(thing.at).name.into()), ("why", sight.stopped(at).why.into())];
            sight.telling.say("ring-over", &args)
        }
    };
    Ok(Drawn {
        line: sight.line.id().to_string(),
        at: at.to_string(),
        thing: thing.at.to_string(),
        name: sight.named(thing.at).name,
        peer: sight.line.charter().party(sight.party(Side::Theirs)).name.clone(),
        posts: posts(sight, thing),
        said: sight.said(at).or_else(|| sight.said(thing.at)),
        precedence: ring.as_ref().map_or_else(|| sight.view().precedence(thing), |ring| ring.precedence.0),
        mark,
        not_meant: ring.as_ref().and_then(|ring| ring.not_meant.clone()),
        since: Moment(fact.time),
        stands: words.lasts(now.since(fact.time)),
        needs: owed.as_ref().map_or_else(String::new, |owed| needs(sight, owed)),
        due: owed.and_then(|owed| due_of(sight, &owed)),
        there: sight.telling.hand(Side::Theirs, now),
        there_ahead: sight.telling.minutes_ahead(Side::Theirs, now),
        place: sight.telling.clocks.theirs.name.clone(),
        keys,
        page: page_of(sight, thing.at),
        climbs: ring.as_ref().is_some_and(|ring| ring.climbs),
        is_time: false,
        stopped: ring.is_none().then_some(over),
        by: stopper.map(|fact| {
            let key = entry_key(sight.line.id(), sight.line.epoch(), fact.at);
            (key, fact.kind(), sight.telling.here(fact.time))
        }),
        sentence,
    })
}

/// Whether what rings no more rang last because an agreed time had begun.
fn rang_as_time(sight: &Sight<'_>, drawn: &Drawn) -> bool {
    drawn.stopped.is_some() && names::parse(sight.line, &drawn.at).is_ok_and(|at| has_begun(sight, at))
}

/// The ring of an agreed time that has begun, drawn at the act that agreed on it; or that it rings no more.
fn at_its_time(sight: &Sight<'_>, drawn: Drawn, rings: bool) -> Drawn {
    let peer = sight.line.charter().party(sight.party(Side::Theirs)).call_sign.clone();
    let at = names::parse(sight.line, &drawn.at).ok();
    let talk = talk_of(sight, &drawn.thing).ok();
    let since = talk.as_ref().and_then(|talk| talk.window).map_or(drawn.since.0, |window| window.start());
    let call = talk.filter(|talk| talk.shut.is_none()).map(|talk| page_of_call(talk.id.line, &talk.request.at));
    let stopped = sight.telling.say("ring-time-over", &[("name", drawn.name.as_str().into())]);
    Drawn {
        page: call.clone().unwrap_or(drawn.page),
        keys: Keys { call, noted: at.map(|at| noting(sight, at, "k")), is_noted_after: true, ..Keys::default() },
        sentence: sight.telling.say("ring-time", &[("peer", peer.into())]),
        since: Moment(since),
        stands: sight.telling.words.lasts(sight.telling.clocks.now.since(since)),
        needs: String::new(),
        due: None,
        climbs: false,
        is_time: true,
        stopped: (!rings).then_some(stopped),
        by: None,
        ..drawn
    }
}

/// Whether a matter rings until it is seen, whatever else of it does.
fn rings_on(sight: &Sight<'_>, thing: EntryRef) -> bool {
    waiting(sight).iter().any(|ring| ring.thing == thing && !ring.tells)
}

/// Their post and ours, whoever opened it.
fn posts(sight: &Sight<'_>, thing: &Fact) -> [String; 2] {
    let (from, to) = thing.posts.clone().map(|(from, to)| (from.to_string(), to.to_string())).unwrap_or_default();
    if sight.side(thing.at.party) == Side::Ours { [to, from] } else { [from, to] }
}

/// The ring of an entry that rings no more.
fn as_it_rang(sight: &Sight<'_>, fact: &Fact, thing: &Fact) -> Ring {
    use Kind::{Accept, Answer, Charter, Decline, Defer, Overdue, State};
    let tells = matches!(fact.kind(), Answer | Decline | Accept | Defer | Overdue | State | Charter);
    let precedence = sight.view().precedence(thing);
    let mark = thing.mark.unwrap_or(Mark::Operation);
    Ring { at: fact.at, thing: thing.at, kind: fact.kind(), precedence, mark, climbs: false, tells }
}

/// The act that deals with a text or a check, where one can still be written.
fn beside_key(sight: &Sight<'_>, thing: &Fact) -> Option<Key> {
    match thing.kind() {
        _ if sight.view().line_closed().is_some() => None,
        Kind::Check => Some(beside(sight, thing.at, "check-reply", "do-check-reply", "a")),
        Kind::Text | Kind::Notice => Some(beside(sight, thing.at, "read", "do-read", "r")),
        _ => None,
    }
}

/// What a page that has rung is answered.
#[derive(Serialize)]
struct Rang {
    /// It rings, and that is kept. `false`: it rings no longer, or this page was not known to sound; there is nothing to confirm.
    rang: bool,
}

/// `POST /rang`: a page has drawn the ring and its sound runs.
pub(super) async fn rang(State(desk): State<Desk>, posted: Posted) -> Response {
    let text = |name| posted.fields.text(name).unwrap_or_default();
    let at = text("at").split_once(':').and_then(|(party, index)| {
        Some(EntryRef { party: Party::from_number(party.parse().ok()?)?, index: index.parse().ok()? })
    });
    let (Some(line), Some(at), Ok(stream)) = (unhex(&text("line")).map(LineId), at, text("stream").parse()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if !posted.who.role.acts() {
        return StatusCode::FORBIDDEN.into_response();
    }
    let epoch = text("epoch");
    let answer = |rang| Json(Rang { rang }).into_response();
    // Only a page counts that hears of the station and has said that its bell is armed.
    if !desk.inner.pages.is_armed(&posted.who.token.hash(), stream) {
        return answer(false);
    }
    let published = desk.api.parts.keeper.published().borrow().clone();
    if desk.begun().await.iter().any(|begun| begun.is(line, &at.to_string(), &epoch)) {
        return answer(true);
    }
    // Names begin anew in each epoch: what rang in one that has ended is not confirmed for the next.
    let found = published.lines.get(&line).filter(|line| line.epoch.to_string() == epoch);
    let ring = found.and_then(|line| Some((line.epoch, line.rings.iter().find(|ring| ring.at == at)?)));
    let keeper = &desk.api.parts.keeper;
    let kept = match ring {
        // Somebody has seen it meanwhile.
        None => return answer(false),
        Some((epoch, ring)) if ring.climbs => keeper.alerting(line, epoch, at, Channel::Desk).await.map(drop),
        Some((epoch, ring)) if ring.briefly() => keeper.noted(line, epoch, (at, None), posted.who.actor).await,
        Some(_) => Ok(()),
    };
    match kept {
        Ok(()) => answer(true),
        // Told before, by another page or this one: that stands as long as it rings.
        Err(crate::record::ActFault::Refused(_)) => {
            let published = desk.api.parts.keeper.published().borrow().clone();
            answer(published.lines.get(&line).is_some_and(|line| line.rings.iter().any(|ring| ring.at == at)))
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// `POST /bell`: whether the bell of a live page is armed.
pub(super) async fn bell(State(desk): State<Desk>, posted: Posted) -> StatusCode {
    let stream = posted.fields.text("stream").and_then(|text| text.parse().ok());
    let is_armed = posted.fields.text("armed").as_deref() == Some("yes");
    let known = stream.is_some_and(|stream| desk.inner.pages.arm(&posted.who.token.hash(), stream, is_armed));
    if known { StatusCode::NO_CONTENT } else { StatusCode::CONFLICT }
}
