//! Talks over this system (`docs/protocol.md` §8.8): who is let into a call, and what is done there. Nothing of it is an act of the
//! record: what a call shows becomes entries by itself.

use axum::Json;
use axum::extract::State;
use counterpart_core::ids::{LineId, unhex};
use counterpart_core::line::crossing::{Outcome, Say};
use counterpart_core::line::talk::Word;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::Part;
use counterpart_core::time::{Timestamp, Window};
use counterpart_voice::call::Room;
use counterpart_voice::seat::Number;
use serde::{Deserialize, Serialize};

use super::Api;
use super::door::Who;
use super::fault::{Code, Fault, Told};
use super::receive::{Asked, Form};
use super::sight::hexadecimal;
use crate::entropy;
use crate::view::request::request;
use crate::view::{Named, Sight, names};
use crate::voice::{Ask, CallView, Given, PersonView, PlaceKey, Refusal, Standing, TalkId};
use crate::words::{Sentence, Tell};

/// So long before an agreed time its call can be entered, and after it, in milliseconds.
const ENTER_MS: [u64; 2] = [15 * 60_000, 60 * 60_000];

/// How often it is looked whether the token of whoever came in by one still serves.
const LOOKS_EVERY: std::time::Duration = std::time::Duration::from_secs(2);

/// What may be done in a call.
const ACTS: [&str; 9] = ["mute", "unmute", "through", "leave", "end", "hold", "aside", "line", "remove"];

/// Which talk.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TalkQuery {
    /// The line, if there are several.
    pub line: Option<String>,
    /// The request, by its name.
    pub on: String,
}

/// Somebody is let into a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LetInForm {
    /// The line, if there are several.
    pub line: Option<String>,
    /// The request, by its name.
    pub on: String,
    /// principal, interpreter, note-taker or watch: by this alone the other side sees them.
    pub part: String,
    /// They only listen.
    #[serde(default)]
    pub listens: bool,
}

/// A place in a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlaceView {
    /// The person's number on our side, 0 to 3.
    pub person: usize,
    /// A secret: whoever has it speaks as this person. It is good until they leave.
    pub place: String,
}

/// A browser that is to speak in a place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferForm {
    /// The line, if there are several.
    pub line: Option<String>,
    /// The request, by its name.
    pub on: String,
    /// The place.
    pub place: String,
    /// What the browser offers (SDP): one track for its microphone, and up to seven in which it plays the others.
    pub sdp: String,
}

/// The answer for a browser.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AnswerView {
    /// SDP.
    pub sdp: String,
}

/// Something is done in a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TalkForm {
    /// The line, if there are several.
    pub line: Option<String>,
    /// The request, by its name.
    pub on: String,
    /// mute, unmute or leave, of whoever has the place; through, end; hold, aside, line or remove, of a person.
    pub act: String,
    /// The place.
    #[serde(default)]
    pub place: Option<String>,
    /// The person's number on our side.
    #[serde(default)]
    pub person: Option<u8>,
}

/// A person in a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TalkerView {
    /// On their side, 0 to 3.
    pub person: usize,
    /// principal, interpreter, note-taker or watch.
    pub part: String,
    /// They only listen.
    pub listens: bool,
    /// They are muted.
    pub muted: bool,
    /// They hear the other side and are heard there, once both have put through.
    pub on_line: bool,
    /// Their page is there.
    pub here: bool,
    /// Packets of their voice that the other end had to expect.
    pub expected: u64,
    /// Of these, those that came in time.
    pub received: u64,
}

/// A talk as it goes on over this system.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TalkingView {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// The request.
    pub request: Named,
    /// empty, open or over.
    pub standing: String,
    /// Why it is over: done, lost or broken-off; absent while it is not.
    pub reason: Option<String>,
    /// Our people.
    pub ours: Vec<TalkerView>,
    /// Theirs.
    pub theirs: Vec<TalkerView>,
    /// Whether our watch has put through, and theirs.
    pub through: [bool; 2],
    /// A session with the other side is up.
    pub linked: bool,
    /// Voice goes over the stream, where only TCP passes.
    pub degraded: bool,
}

/// A talk that was agreed.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    pub id: TalkId,
    pub request: Named,
    pub mark: Mark,
    pub precedence: Precedence,
    /// The agreed time, if it was not to be at once.
    pub window: Option<Window>,
    /// The name of the sentence that says why nobody can be let in now.
    pub shut: Option<&'static str>,
    /// This side has signed that somebody of ours was in it: with whom nobody is heard nobody has joined.
    pub has_joined: bool,
}

/// Why something was not done in a call.
fn not_done(why: Sentence) -> Fault {
    Fault::new(Code::TalkRefused).because(&why.doing(Sentence::new("fault-talk-not-done")))
}

/// Why nobody can be let in.
fn shut_for(why: &'static str) -> Fault {
    Fault::new(Code::TalkShut).because(&Sentence::new(why).doing(Sentence::new("fault-talk-shut")))
}

/// The talk of a request, if one was agreed.
pub(crate) fn talk_of(sight: &Sight<'_>, said: &str) -> Result<Talk, Fault> {
    let none = || shut_for("talking-shut-none");
    let at = names::parse(sight.line, said).map_err(|_| none())?;
    let asked = sight.view().fact(at).and_then(|fact| request(sight, fact.thing)).ok_or_else(none)?;
    let asked_at = names::parse(sight.line, &asked.request.at).map_err(|_| none())?;
    let fact = sight.view().fact(asked_at).ok_or_else(none)?;
    let decision = sight.view().decision(fact);
    let act = decision.deciding.first().copied().filter(|_| decision.outcome.agreed()).ok_or_else(none)?;
    let window = match decision.outcome {
        Outcome::Said(Say::Agreed(window)) => Some(window),
        _ => None,
    };
    let (word, _) = sight.view().word(sight.me(), fact);
    let now = sight.telling.clocks.now;
    let is_ended = sight.epoch != sight.line.epoch() || sight.line.halted().is_some();
    let shut = if is_ended || sight.view().line_closed().is_some() {
        Some("talking-shut-closed")
    } else if !sight.view().settled_for(sight.me(), &decision) {
        Some("talking-shut-unsettled")
    } else if !matches!(word, Word::None | Word::Joined | Word::Missed) {
        Some("talking-shut-said")
    } else {
        window.and_then(|window| shut_by(window, now))
    };
    Ok(Talk {
        id: TalkId { line: sight.line.id(), epoch: sight.epoch, act },
        request: asked.request,
        mark: asked.mark.0,
        precedence: asked.precedence.0,
        window,
        shut,
        has_joined: word == Word::Joined,
    })
}

fn shut_by(window: Window, now: Timestamp) -> Option<&'static str> {
    let [before, after] = ENTER_MS;
    if now.plus(before) < window.start() {
        Some("talking-shut-early")
    } else if now > window.end().plus(after) {
        Some("talking-shut-late")
    } else {
        None
    }
}

impl Api {
    /// The talk of this request.
    ///
    /// # Errors
    /// What to tell the caller: nothing was agreed.
    pub(crate) async fn talk(&self, line: LineId, said: String) -> Result<Talk, Told> {
        self.see(line, move |sight| talk_of(sight, &said)).await?.map_err(|fault| self.tell(fault))
    }

    /// That nobody of theirs is heard in the call of this request, nor was, as this side has signed.
    ///
    /// # Errors
    /// What to tell whoever says that they did not come.
    pub(super) async fn unmet(&self, line: LineId, on: Option<String>) -> Result<(), Told> {
        let Ok(talk) = self.talk(line, on.unwrap_or_default()).await else { return Ok(()) };
        let came = |why| Err(self.tell(not_done(Sentence::new(why))));
        if talk.has_joined {
            return came("no-call-has-joined");
        }
        match self.parts.voice.look(talk.id, None).await {
            Some(call) if call.has_come() => came("no-call-they-came"),
            _ => Ok(()),
        }
    }

    /// Does something in a call, for whoever has the place.
    ///
    /// # Errors
    /// Why not.
    pub(crate) async fn do_in_call(&self, talk: &Talk, place: PlaceKey, ask: Ask) -> Result<Given, Told> {
        if let (Some(shut), Ask::LetIn { .. } | Ask::Come) = (talk.shut, &ask) {
            return Err(self.tell(shut_for(shut)));
        }
        self.parts.voice.ask(talk.id, place, ask).await.map_err(|refusal| self.call_refused(&refusal))
    }

    /// Takes out who came in by a token that serves no more: their browser would go on hearing, and speak.
    async fn while_it_serves(self, who: Who, talk: TalkId, place: PlaceKey) {
        let voice = &self.parts.voice;
        while voice.look(talk, Some(place)).await.is_some_and(|call| call.me.is_some()) {
            if !self.is_still(&who).await {
                return voice.gone(place).await;
            }
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    }

    /// Whoever comes to a talk has taken note of what agreed on it: that rings no more. If the record cannot take it now, it rings on.
    pub(crate) async fn come(&self, talk: TalkId, user: String) {
        let TalkId { line, epoch, act } = talk;
        let keeper = &self.parts.keeper;
        let published = keeper.published().borrow().clone();
        let rings = published.lines.get(&line).map_or(&[][..], |line| &line.rings);
        if rings.iter().any(|ring| ring.tells && ring.at == act) {
            let _ = keeper.noted(line, epoch, (act, None), user).await;
        }
    }

    pub(crate) fn call_refused(&self, refusal: &Refusal) -> Told {
        self.tell(not_done(refusal.sentence()))
    }

    async fn talk_named(&self, line: Option<String>, on: String) -> Result<Talk, Told> {
        let line = self.line(line).await?;
        self.talk(line, on).await
    }

    fn place(&self, said: &str) -> Result<PlaceKey, Told> {
        unhex(said).ok_or_else(|| self.call_refused(&Refusal::NoPlace))
    }

    async fn talking(&self, talk: Talk) -> TalkingView {
        let call = self.parts.voice.look(talk.id, None).await;
        let (standing, reason) = match call.as_ref().map(|call| call.standing) {
            None | Some(Standing::Empty) => ("empty", None),
            Some(Standing::Open) => ("open", None),
            Some(Standing::Over(_, reason)) => ("over", Some(reason.word().into())),
        };
        let people = |side: fn(&CallView) -> &[PersonView]| {
            call.as_ref().map_or(&[][..], side).iter().map(TalkerView::of).collect()
        };
        TalkingView {
            line: talk.id.line.to_string(),
            request: talk.request,
            standing: standing.into(),
            reason,
            ours: people(|call| &call.ours),
            theirs: people(|call| &call.theirs),
            through: call.as_ref().map_or([false; 2], |call| call.through),
            linked: call.as_ref().is_some_and(|call| call.is_linked),
            degraded: call.as_ref().is_some_and(|call| call.is_degraded),
        }
    }
}

impl TalkerView {
    fn of(person: &PersonView) -> TalkerView {
        let arrived = person.arrived.unwrap_or_default();
        TalkerView {
            person: person.number.index(),
            part: person.named.part.word().into(),
            listens: person.named.listens,
            muted: person.named.muted,
            on_line: person.named.on_line,
            here: person.named.here,
            expected: arrived.expected,
            received: arrived.received,
        }
    }
}

/// What a word asks for in a call that needs nothing but the word, and a person.
///
/// # Errors
/// There is no such word.
pub(crate) fn ask_of(act: &str, person: Option<u8>, user: &str) -> Result<Ask, Fault> {
    match act {
        "mute" => Ok(Ask::Mute(true)),
        "unmute" => Ok(Ask::Mute(false)),
        "through" => Ok(Ask::Through),
        "leave" => Ok(Ask::Leave),
        "end" => Ok(Ask::End(user.to_owned())),
        "remove" => person_of(act, person).map(Ask::Remove),
        "hold" => person_of(act, person).map(|person| Ask::Move(person, Room::Hold)),
        "aside" => person_of(act, person).map(|person| Ask::Move(person, Room::Aside)),
        "line" => person_of(act, person).map(|person| Ask::Move(person, Room::Line)),
        _ => Err(Fault::new(Code::UnknownAct).with("said", act).with("known", ACTS.join(", "))),
    }
}

fn person_of(act: &str, person: Option<u8>) -> Result<Number, Fault> {
    person.and_then(Number::new).ok_or_else(|| super::form::missing_field(act, "person"))
}

/// The part of this word.
///
/// # Errors
/// There is none.
pub(crate) fn part_of(said: &str) -> Result<Part, Fault> {
    let known = || Part::ALL.iter().map(|part| part.word()).collect::<Vec<_>>().join(", ");
    Part::parse(said)
        .ok_or_else(|| Fault::new(Code::UnknownWord).with("field", "part").with("said", said).with("known", known()))
}

/// `GET /api/v1/talks`: one as it goes on.
pub(super) async fn show(State(api): State<Api>, Asked(query): Asked<TalkQuery>) -> Result<Json<TalkingView>, Told> {
    let talk = api.talk_named(query.line, query.on).await?;
    Ok(Json(api.talking(talk).await))
}

/// `POST /api/v1/talks/let-in`.
pub(super) async fn let_in(
    State(api): State<Api>,
    who: Who,
    Form(form): Form<LetInForm>,
) -> Result<Json<PlaceView>, Told> {
    let part = part_of(&form.part).map_err(|fault| api.tell(fault))?;
    let talk = api.talk_named(form.line, form.on).await?;
    let place: PlaceKey = entropy::bytes().map_err(|e| api.failed(&e))?;
    match api.do_in_call(&talk, place, Ask::LetIn { part, listens: form.listens }).await? {
        Given::Seat(person) => {
            api.come(talk.id, who.name.clone()).await;
            tokio::spawn(api.while_it_serves(who, talk.id, place));
            Ok(Json(PlaceView { person: person.index(), place: hexadecimal(&place) }))
        }
        Given::Answer(_) | Given::Done => Err(api.call_refused(&Refusal::NoPlace)),
    }
}

/// `POST /api/v1/talks/offer`.
pub(super) async fn offer(State(api): State<Api>, Form(form): Form<OfferForm>) -> Result<Json<AnswerView>, Told> {
    let talk = api.talk_named(form.line, form.on).await?;
    let place = api.place(&form.place)?;
    match api.do_in_call(&talk, place, Ask::Offer(form.sdp)).await? {
        Given::Answer(sdp) => Ok(Json(AnswerView { sdp })),
        Given::Seat(_) | Given::Done => Err(api.call_refused(&Refusal::NoPlace)),
    }
}

/// `POST /api/v1/talks/act`.
pub(super) async fn act(
    State(api): State<Api>,
    who: Who,
    Form(form): Form<TalkForm>,
) -> Result<Json<TalkingView>, Told> {
    let ask = ask_of(&form.act, form.person, &who.name).map_err(|fault| api.tell(fault))?;
    let talk = api.talk_named(form.line, form.on).await?;
    let place = form.place.as_deref().map_or(Ok(PlaceKey::default()), |said| api.place(said))?;
    api.do_in_call(&talk, place, ask).await?;
    Ok(Json(api.talking(talk).await))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_can_be_entered_from_a_quarter_of_an_hour_before_its_time_until_an_hour_after() {
        let (start, end) = (Timestamp(100 * 3_600_000), Timestamp(101 * 3_600_000));
        let window = Window::new(start, end).unwrap();
        let minute = 60_000;

        let at = |ms: u64| shut_by(window, Timestamp(ms));

        assert_eq!(at(start.0 - 16 * minute), Some("talking-shut-early"));
        assert_eq!([at(start.0 - 15 * minute), at(end.0), at(end.0 + 60 * minute)], [None; 3]);
        assert_eq!(at(end.0 + 61 * minute), Some("talking-shut-late"));
    }
}
