//! A call as any page shows it, whoever looks: who is on from both sides, how far it has come, and what is wrong with its way.

use std::net::SocketAddr;

use counterpart_core::ids::Party;
use counterpart_core::line::talk::{TalkState, Word};
use counterpart_core::precedence::Precedence;
use counterpart_core::record::codes::{EndReason, Part};
use counterpart_core::time::Timestamp;
use counterpart_voice::call::Room;
use counterpart_voice::quality::Arrived;
use counterpart_voice::seat::Seat;

use super::Desk;
use super::frame::{Door, bars};
use super::keys::{Key, missed};
use crate::api::fault::{Fault, Told};
use crate::api::talks::{Talk, talk_of};
use crate::view::request::request;
use crate::view::{Moment, Side, Sight, names};
use crate::voice::{CallView, PersonView, PlaceKey, Standing};
use counterpart_core::ids::LineId;

/// Where the watch can have one of ours.
const ROOMS: [(&str, Room); 3] = [("hold", Room::Hold), ("aside", Room::Aside), ("line", Room::Line)];

/// The talk, as the record has it.
pub(super) struct About {
    pub talk: Talk,
    pub me: Party,
    /// The call signs, ours first.
    pub signs: [String; 2],
    /// The agreed time on both clocks.
    pub window: Option<String>,
    /// "Northland 112", and where it stands.
    pub name: String,
    pub href: String,
    /// Until the agreed time, if it is still to come.
    pub due: Option<(Moment, String)>,
    /// That the other side did not come.
    pub missed: Option<Key>,
    /// What the record says of the talk beyond that it is to come, or goes on.
    pub said: Option<String>,
    /// We have said that we joined, and no more.
    pub is_joined: bool,
    /// Neither side has said anything of it.
    pub is_planned: bool,
}

/// One row of a side.
pub(super) struct Row {
    pub part: String,
    pub note: String,
    pub is_away: bool,
    pub is_me: bool,
    /// Of ours: their number.
    pub person: Option<usize>,
    /// Of ours: each room by its word, and whether they are in it.
    pub rooms: Vec<(&'static str, bool)>,
    /// What their level is known by on this page; none of who is not heard here.
    pub level: Option<String>,
    /// What is said in the place of a level.
    pub quiet: Option<String>,
    /// Lost of a thousand, as the end that hears it counts.
    pub lost: Option<u64>,
}

/// A talk's call, as whoever has this place sees it.
pub(super) struct Talking {
    pub about: About,
    pub call: Option<CallView>,
    /// What stands beside whoever looks.
    pub you: String,
    /// Where their browser reaches the voice of this station.
    pub address: Option<SocketAddr>,
    since: Option<(Moment, String, String)>,
}

impl Talking {
    pub fn bars(&self) -> [bool; 4] {
        let precedence: Precedence = self.about.talk.precedence;
        bars(precedence)
    }

    pub fn me(&self) -> Option<usize> {
        self.call.as_ref().and_then(|call| call.me).map(|me| me.index())
    }

    fn mine(&self) -> Option<&PersonView> {
        self.call.as_ref().and_then(|call| call.ours.iter().find(|person| Some(person.number) == call.me))
    }

    /// How long it is until the agreed time, for whoever waits for it outside.
    pub fn due(&self) -> Option<&(Moment, String)> {
        self.about.due.as_ref().filter(|_| self.me().is_none() && !self.is_over())
    }

    /// Since when both sides are put through, how long that is, and that time on both clocks.
    pub fn since(&self) -> Option<&(Moment, String, String)> {
        self.since.as_ref().filter(|_| !self.is_over())
    }

    pub fn is_over(&self) -> bool {
        matches!(self.call.as_ref().map(|call| call.standing), Some(Standing::Over(..)))
    }

    /// We were in it, and nobody of ours came back into it yet: the page was lost, or the station was.
    pub fn is_left(&self) -> bool {
        let is_empty = self.call.as_ref().is_none_or(|call| call.ours.is_empty());
        self.about.is_joined && is_empty && !self.is_over()
    }

    pub fn is_muted(&self) -> bool {
        self.mine().is_some_and(|me| me.named.muted)
    }

    pub fn listens(&self) -> bool {
        self.mine().is_some_and(|me| me.named.listens)
    }

    /// What bars a microphone, each with what mends it; the page shows the one that is so. `else_by`: what can be done without one.
    pub fn mends(&self, d: &Door, else_by: &str) -> Vec<(&'static str, Vec<String>)> {
        let own: [(&str, &[&str]); 3] = [
            ("denied", &["talking-mend-allow", "talking-mend-held"]),
            ("insecure", &["talking-mend-https", "talking-mend-setup"]),
            ("none", &["talking-mend-plug"]),
        ];
        let with = |ways: &[&str]| ways.iter().copied().chain([else_by]).map(|id| d.say(id)).collect();
        own.map(|(said, ways)| (said, with(ways))).into()
    }

    pub fn through(&self) -> [bool; 2] {
        self.call.as_ref().map_or([false; 2], |call| call.through)
    }

    pub fn is_degraded(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.is_degraded && call.is_linked)
    }

    pub fn is_cut(&self) -> bool {
        self.call.as_ref().is_some_and(|call| !call.is_linked && call.standing == Standing::Open)
    }

    /// The link is up, and nothing comes over it of somebody who is on the line there.
    pub fn is_unheard(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.is_unheard && call.is_linked && call.me.is_some())
    }

    /// What their station did, and what follows.
    pub fn breach(&self, d: &Door) -> Option<[String; 2]> {
        let why = d.words().misconduct(self.call.as_ref()?.breach?);
        Some([why.why, why.instead])
    }

    /// Whether their station names nobody who is there and on the line.
    fn is_nobody_there(&self) -> bool {
        let is_there = |one: &PersonView| one.named.on_line && one.named.here;
        self.call.as_ref().is_some_and(|call| !call.theirs.iter().any(is_there))
    }

    /// Who is heard all the same, where the headline says who is not there or not put through.
    pub fn heard(&self) -> Option<&'static str> {
        let is_on_line = self.mine()?.room == Some(Room::Line);
        match self.through() {
            _ if self.is_over() || self.is_cut() => None,
            [true, true] => (is_on_line && self.is_nobody_there()).then_some("talking-still-sent"),
            _ => Some("talking-watches-hear"),
        }
    }

    /// What is so, and what follows.
    pub fn headline(&self, d: &Door) -> [String; 2] {
        let theirs = self.call.as_ref().map_or(0, |call| call.theirs.len());
        let is_alone = self.call.as_ref().is_some_and(|call| call.theirs.iter().all(|one| !one.named.here));
        let room = self.mine().and_then(|me| me.room);
        let (first, second) = match self.call.as_ref().map(|call| (call.standing, call.me)) {
            Some((Standing::Over(by, reason), _)) => {
                // What a call has shown waits for a record that cannot be written; on a line that is over nothing is to come.
                let what = match (self.about.is_planned, self.call.as_ref().is_some_and(|call| call.has_joined)) {
                    (true, _) if reason == EndReason::BrokenOff => "talking-over",
                    (true, false) => "talking-over-unwritten",
                    (true, true) => "talking-over-waits",
                    (false, _) => "talking-over",
                };
                (what, over(by == self.about.me, reason))
            }
            Some((_, Some(_))) => match self.through() {
                [true, true] if room == Some(Room::Hold) => ("talking-in", "talking-you-hold"),
                [true, true] if room == Some(Room::Aside) => ("talking-in", "talking-you-aside"),
                // That is their station's word: it stops no voice.
                [true, true] if theirs == 0 => ("talking-in", "talking-they-left"),
                [true, true] if is_alone => ("talking-in", "talking-they-away"),
                [true, true] if self.is_nobody_there() => ("talking-in", "talking-they-off"),
                // What is wrong is said below; "through" would say that they hear each other.
                [true, true] if self.is_cut() || self.is_unheard() => ("talking-in", "talking-through-both"),
                [true, true] => ("talking-through", "talking-through-both"),
                [true, false] => ("talking-in", "talking-through-ours"),
                [false, true] => ("talking-in", "talking-through-theirs"),
                [false, false] if theirs == 0 => ("talking-in", "talking-nobody"),
                [false, false] if is_alone => ("talking-in", "talking-they-away"),
                [false, false] => ("talking-in", "talking-through-none"),
            },
            _ if self.is_left() && self.about.talk.shut.is_none() => ("talking-was-in", "talking-come-back"),
            _ => (
                if self.is_left() { "talking-was-in" } else { "talking-before" },
                if theirs == 0 { "talking-nobody" } else { "talking-they-wait" },
            ),
        };
        [d.with(first, "peer", &self.about.signs[1]), d.with(second, "peer", &self.about.signs[1])]
    }

    pub fn ours(&self, d: &Door) -> Vec<Row> {
        self.call
            .as_ref()
            .map_or_else(Vec::new, |call| call.ours.iter().map(|one| self.row(d, call, one, true)).collect())
    }

    pub fn theirs(&self, d: &Door) -> Vec<Row> {
        self.call
            .as_ref()
            .map_or_else(Vec::new, |call| call.theirs.iter().map(|one| self.row(d, call, one, false)).collect())
    }

    fn row(&self, d: &Door, call: &CallView, one: &PersonView, is_ours: bool) -> Row {
        let is_me = is_ours && call.me == Some(one.number);
        let side = if is_ours { self.about.me } else { self.about.me.peer() };
        let seat = Seat { side, number: one.number };
        let hearer = call.me.map(|number| Seat { side: self.about.me, number });
        let slot = hearer.and_then(|hearer| seat.slot_at(hearer)).map(|slot| format!("slot-{slot}"));
        let named = one.named;
        let may = |room: Room| room != Room::Line || named.part == Part::Watch || self.through() == [true; 2];
        let rooms = ROOMS.into_iter().filter(|(_, room)| one.room.is_some() && may(*room));
        let rooms = rooms.map(|(word, room)| (word, one.room == Some(room))).collect();
        let mine = self.mine().and_then(|me| me.room);
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
            part: d.with("talking-part", "part", named.part.word()),
            note: if is_me { self.you.clone() } else { String::new() },
            is_away: !named.here,
            is_me,
            person: is_ours.then(|| one.number.index()),
            rooms,
            level: if is_me { Some("own".into()) } else { slot },
            quiet: quiet.map(|id| d.say(id)),
            lost: lost.map(Arrived::lost_permille),
        }
    }

    pub fn percent(&self, permille: &u64) -> String {
        format!("{}.{}", permille / 10, permille % 10)
    }
}

impl Desk {
    /// The call of the talk that is named so, as it is now.
    pub(super) async fn talking(&self, line: LineId, said: String, place: PlaceKey) -> Result<Talking, Told> {
        let about =
            self.api.see(line, move |sight| about(sight, &said)).await?.map_err(|fault| self.api.tell(fault))?;
        let call = self.api.parts.voice.look(about.talk.id, Some(place)).await;
        let through = call.as_ref().and_then(|call| call.through_since);
        let since = match through {
            Some(since) => {
                let lasted = self.api.parts.clock.moment().instant().saturating_duration_since(since);
                let lasted_ms = u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX);
                let begun = Timestamp(self.api.now().0.saturating_sub(lasted_ms));
                let said =
                    self.api.see(line, move |sight| (sight.telling.words.lasts(lasted_ms), sight.telling.both(begun)));
                let (lasts, at) = said.await?;
                Some((Moment(begun), lasts, at))
            }
            None => None,
        };
        Ok(Talking { about, call, you: String::new(), address: self.api.parts.voice.address(), since })
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

pub(super) fn about(sight: &Sight<'_>, said: &str) -> Result<About, Fault> {
    let talk = talk_of(sight, said)?;
    let asked = names::parse(sight.line, &talk.request.at).ok().and_then(|at| request(sight, at));
    let now = sight.telling.clocks.now;
    let start = talk.window.map(|window| window.start()).filter(|start| now < *start);
    let sign = |side: Side| sight.line.charter().party(sight.party(side)).call_sign.clone();
    let said = asked.as_ref().and_then(|asked| asked.talk.as_ref());
    let is = |states: &[TalkState]| said.is_none_or(|said| states.contains(&said.state.0));
    Ok(About {
        is_joined: said.is_some_and(|said| said.ours.0 == Word::Joined),
        is_planned: is(&[TalkState::None, TalkState::Planned]),
        said: said
            .filter(|_| !is(&[TalkState::None, TalkState::Planned, TalkState::Joined]))
            .map(|said| said.sentence.clone()),
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
