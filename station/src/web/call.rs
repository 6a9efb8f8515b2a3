//! A talk over this system: before it, who one is to them and whether one is heard; in it, who is on from both sides and what may be
//! done. The page is drawn here; that sound goes both ways is `static/voice.js`.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Redirect, Response};
use counterpart_core::ids::{LineId, Party};
use counterpart_core::precedence::Precedence;
use counterpart_core::record::codes::{EndReason, Part};
use counterpart_voice::call::Room;
use counterpart_voice::quality::Arrived;
use counterpart_voice::seat::Seat;

use super::frame::{Four, Frame, bars};
use super::keys::{Key, missed};
use super::session::{Posted, Signed};
use super::{Desk, page, refused};
use crate::api::fault::{Code, Fault, Told};
use crate::api::talks::{Talk, ask_of, part_of, talk_of};
use crate::view::request::request;
use crate::view::{Moment, Side, Sight, names};
use crate::voice::{Ask, CallView, Given, PersonView, Standing};
use crate::words::Sentence;

/// Where the watch can have one of ours.
const ROOMS: [(&str, Room); 3] = [("hold", Room::Hold), ("aside", Room::Aside), ("line", Room::Line)];

#[derive(Template)]
#[template(path = "call.html")]
struct CallPage {
    d: Frame,
    about: About,
    call: Option<CallView>,
    /// Why nobody can be let in now.
    shut: Option<String>,
}

/// The talk, as the record has it.
struct About {
    talk: Talk,
    me: Party,
    /// The call signs, ours first.
    signs: [String; 2],
    /// The agreed time on both clocks.
    window: Option<String>,
    /// "Northland 112", and where it stands.
    name: String,
    href: String,
    /// Until the agreed time, if it is still to come.
    due: Option<(Moment, String)>,
    /// That the other side did not come.
    missed: Option<Key>,
}

/// One row of a side.
struct Row {
    part: String,
    note: String,
    is_away: bool,
    is_me: bool,
    /// Of ours: their number.
    person: Option<usize>,
    /// Of ours: each room by its word, and whether they are in it.
    rooms: Vec<(&'static str, bool)>,
    /// What their level is known by on this page; none of who is not heard here.
    level: Option<String>,
    /// What is said in the place of a level.
    quiet: Option<String>,
    /// Lost of a thousand, as the end that hears it counts.
    lost: Option<u64>,
}

impl CallPage {
    fn bars(&self) -> [bool; 4] {
        let precedence: Precedence = self.about.talk.precedence;
        bars(precedence)
    }

    fn parts(&self) -> Vec<(&'static str, String, String)> {
        let said = |part: &Part| {
            let word = part.word();
            (word, self.d.with("talking-part", "part", word), self.d.with("talking-part-hint", "part", word))
        };
        [Part::Watch, Part::Principal, Part::Interpreter, Part::NoteTaker].iter().map(said).collect()
    }

    fn me(&self) -> Option<usize> {
        self.call.as_ref().and_then(|call| call.me).map(|me| me.index())
    }

    /// How long it is until the agreed time, for whoever waits for it outside.
    fn due(&self) -> Option<&(Moment, String)> {
        self.about.due.as_ref().filter(|_| self.me().is_none() && !self.is_over())
    }

    fn is_over(&self) -> bool {
        matches!(self.call.as_ref().map(|call| call.standing), Some(Standing::Over(..)))
    }

    fn is_muted(&self) -> bool {
        let me = self.call.as_ref().and_then(|call| call.ours.iter().find(|person| Some(person.number) == call.me));
        me.is_some_and(|person| person.named.muted)
    }

    fn listens(&self) -> bool {
        let me = self.call.as_ref().and_then(|call| call.ours.iter().find(|person| Some(person.number) == call.me));
        me.is_some_and(|person| person.named.listens)
    }

    /// What bars a microphone, each with what mends it; the page shows the one that is so.
    fn mends(&self) -> Vec<(&'static str, Vec<String>)> {
        let own: [(&str, &[&str]); 3] = [
            ("denied", &["talking-mend-allow", "talking-mend-held"]),
            ("insecure", &["talking-mend-https", "talking-mend-setup"]),
            ("none", &["talking-mend-plug"]),
        ];
        let with = |ways: &[&str]| ways.iter().chain(&["talking-mend-listen"]).map(|id| self.d.say(id)).collect();
        own.map(|(said, ways)| (said, with(ways))).into()
    }

    fn through(&self) -> [bool; 2] {
        self.call.as_ref().map_or([false; 2], |call| call.through)
    }

    /// Of whom nobody is in the call: for whoever came, that is an act. Before it can be done it says why not.
    fn missed(&self) -> Option<&Key> {
        let is_alone = self.call.as_ref().is_none_or(|call| call.theirs.is_empty());
        self.about.missed.as_ref().filter(|key| is_alone && (self.me().is_some() || key.why.is_none()))
    }

    fn is_degraded(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.is_degraded && call.is_linked)
    }

    fn is_cut(&self) -> bool {
        self.call.as_ref().is_some_and(|call| !call.is_linked)
    }

    /// The link is up, and nothing comes over it of somebody who is on the line there.
    fn is_unheard(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.is_unheard && call.is_linked && call.me.is_some())
    }

    /// What their station did, and what follows.
    fn breach(&self) -> Option<[String; 2]> {
        let why = self.d.words().misconduct(self.call.as_ref()?.breach?);
        Some([why.why, why.instead])
    }

    /// What is so, and what follows.
    fn headline(&self) -> [String; 2] {
        let theirs = self.call.as_ref().map_or(0, |call| call.theirs.len());
        let (first, second) = match self.call.as_ref().map(|call| (call.standing, call.me)) {
            Some((Standing::Over(by, reason), _)) => ("talking-over", over(by == self.about.me, reason)),
            Some((_, Some(_))) => match self.through() {
                [true, true] => ("talking-through", "talking-through-both"),
                [true, false] => ("talking-in", "talking-through-ours"),
                [false, true] => ("talking-in", "talking-through-theirs"),
                [false, false] if theirs == 0 => ("talking-in", "talking-nobody"),
                [false, false] => ("talking-in", "talking-through-none"),
            },
            _ if theirs == 0 => ("talking-before", "talking-nobody"),
            _ => ("talking-before", "talking-they-wait"),
        };
        [self.d.with(first, "peer", &self.about.signs[1]), self.d.with(second, "peer", &self.about.signs[1])]
    }

    fn ours(&self) -> Vec<Row> {
        self.call.as_ref().map_or_else(Vec::new, |call| call.ours.iter().map(|one| self.row(call, one, true)).collect())
    }

    fn theirs(&self) -> Vec<Row> {
        self.call
            .as_ref()
            .map_or_else(Vec::new, |call| call.theirs.iter().map(|one| self.row(call, one, false)).collect())
    }

    fn row(&self, call: &CallView, one: &PersonView, is_ours: bool) -> Row {
        let is_me = is_ours && call.me == Some(one.number);
        let side = if is_ours { self.about.me } else { self.about.me.peer() };
        let seat = Seat { side, number: one.number };
        let hearer = call.me.map(|number| Seat { side: self.about.me, number });
        let slot = hearer.and_then(|hearer| seat.slot_at(hearer)).map(|slot| format!("slot-{slot}"));
        let named = one.named;
        let rooms = one.room.map_or_else(Vec::new, |in_it| ROOMS.map(|(word, room)| (word, room == in_it)).to_vec());
        let mine = call.ours.iter().find(|other| call.me == Some(other.number)).and_then(|me| me.room);
        let is_with_me = one.room.is_some_and(|room| room == Room::Aside && Some(room) == mine);
        let quiet = if !named.here {
            Some("talking-away")
        } else if named.muted {
            Some("talking-muted")
        } else if named.listens {
            Some("talking-listens")
        } else if is_with_me || named.on_line {
            None
        } else if one.room == Some(Room::Aside) {
            Some("talking-aside")
        } else {
            Some("talking-held")
        };
        let lost = one.arrived.filter(|arrived| arrived.expected > 0);
        Row {
            part: self.d.with("talking-part", "part", named.part.word()),
            note: if is_me { self.d.with("talking-you", "user", &self.d.user) } else { String::new() },
            is_away: !named.here,
            is_me,
            person: is_ours.then(|| one.number.index()),
            rooms,
            level: if is_me { Some("own".into()) } else { slot },
            quiet: quiet.map(|id| self.d.say(id)),
            lost: lost.map(permille),
        }
    }

    fn percent(&self, permille: &u64) -> String {
        format!("{}.{}", permille / 10, permille % 10)
    }
}

/// The sentence that says how a call ended.
fn over(is_ours: bool, reason: EndReason) -> &'static str {
    match (reason, is_ours) {
        (EndReason::Done, true) => "talking-over-ours",
        (EndReason::Done, false) => "talking-over-theirs",
        (EndReason::Lost, true) => "talking-over-lost-ours",
        (EndReason::Lost, false) => "talking-over-lost-theirs",
        (EndReason::BrokenOff, _) => "talking-over-broken",
    }
}

/// How many of a thousand were lost. The other side says the numbers, and may say any.
fn permille(arrived: Arrived) -> u64 {
    let lost = arrived.expected.saturating_sub(arrived.received);
    lost.saturating_mul(1_000) / arrived.expected.max(1)
}

/// The page of a talk's call.
pub(super) fn page_of_call(line: LineId, request: &str) -> String {
    format!("/lines/{line}/calls/{request}")
}

fn about(sight: &Sight<'_>, said: &str) -> Result<About, Fault> {
    let talk = talk_of(sight, said)?;
    let asked = names::parse(sight.line, &talk.request.at).ok().and_then(|at| request(sight, at));
    let now = sight.telling.clocks.now;
    let start = talk.window.map(|window| window.start()).filter(|start| now < *start);
    let sign = |side: Side| sight.line.charter().party(sight.party(side)).call_sign.clone();
    Ok(About {
        me: sight.me(),
        signs: [sign(Side::Ours), sign(Side::Theirs)],
        window: talk.window.map(|window| sight.telling.window(window)),
        due: start.map(|start| (Moment(start), sight.telling.words.lasts(start.since(now)))),
        missed: asked.and_then(|asked| missed(sight, &asked)).map(|key| Key { letter: "n".into(), ..key }),
        name: talk.request.name.clone(),
        href: format!("/lines/{}/requests/{}", sight.line.id(), talk.request.at),
        talk,
    })
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
        let about = desk.api.see(id, move |sight| about(sight, &said)).await?.map_err(|fault| desk.api.tell(fault))?;
        let place = who.token.hash();
        let call = desk.api.parts.voice.look(about.talk.id, Some(place)).await;
        let seen = desk.line_seen(id).await?;
        let mut d = Frame::new(&desk, &who, "lines", position)?;
        d.mark = about.talk.mark;
        d.line = id.to_string();
        d.four = Some(Four::of_line(d.words(), &seen, d.mark));
        let shut = about.talk.shut.or(desk.api.parts.voice.address().is_none().then_some("no-call-off"));
        let shut = shut.map(|id| d.say(id));
        Ok::<_, Told>(page(StatusCode::OK, &CallPage { d, about, call, shut }))
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
        let ask = if word == "join" {
            let part = part_of(&text("part").unwrap_or_default()).map_err(|fault| desk.api.tell(fault))?;
            let listens = part == Part::NoteTaker || text("listens").is_some();
            Ask::LetIn { part, listens }
        } else {
            let (word, person) = word.split_once(' ').map_or((word.as_str(), None), |(word, rest)| (word, Some(rest)));
            let person = person.and_then(|said| said.parse().ok());
            ask_of(word, person, &posted.who.actor).map_err(|fault| desk.api.tell(fault))?
        };
        let given = desk.api.do_in_call(&talk, posted.who.token.hash(), ask).await?;
        if matches!(given, Given::Seat(_)) {
            desk.comes_into_call(posted.who.token.hash());
            desk.api.come(talk.id, posted.who.actor.clone()).await;
        }
        Ok::<_, Told>(page_of_call(id, &talk.request.at))
    };
    match done.await {
        Ok(to) => Redirect::to(&to).into_response(),
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
            Given::Seat(_) | Given::Done => {
                Err(desk.api.tell(Fault::new(Code::TalkRefused).because(&Sentence::new("no-call-no-place"))))
            }
        }
    };
    match answered.await {
        Ok(sdp) => ([(CONTENT_TYPE, "application/sdp")], sdp).into_response(),
        Err(told) => (told.status(), told.what).into_response(),
    }
}
