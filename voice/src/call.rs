//! One call as one station knows it: who is in it from both sides, who hears whom, and what each may send. It forwards and never
//! mixes: everyone hears everyone once, and nobody themselves. No clock, no chance, no I/O.

mod passing;
mod their;

use counterpart_core::ids::Party;
use counterpart_core::record::codes::{EndReason, Part};

use crate::codec::{Codec, Codecs, PayloadFault};
use crate::flood::{Allowance, Verdict};
use crate::packet::{PAYLOAD_BYTES_MAX, Packet};
use crate::quality::Arrived;
use crate::seat::{Number, SIDE_PEOPLE_MAX, Seat};
use crate::state::State;
use crate::voice::Voice;
pub use passing::{Breach, Forward, Refusal, Sound};
use their::Their;

/// How long a person who is not there may take to come back, and one who was let in to come: 20 s.
pub const COME_BACK_MS: u64 = 20_000;

/// Where one of our people is in a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Room {
    /// Held: hears nobody, and is heard by nobody.
    Hold,
    /// Beside the line, with those of our side alone.
    Aside,
    /// On the line, with everyone of both sides who is.
    Line,
}

/// What the other side sees of a person: never a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Named {
    /// What they are there for.
    pub part: Part,
    /// They only listen.
    pub listens: bool,
    /// They are muted.
    pub muted: bool,
    /// They are on the line, and not held or beside it.
    pub on_line: bool,
    /// Their page is there. Who is not may come back for [`COME_BACK_MS`].
    pub here: bool,
}

impl Named {
    /// Whether what they say is for the other side.
    fn speaks(self) -> bool {
        self.on_line && !self.muted && !self.listens
    }
}

/// One of our people.
#[derive(Debug)]
struct Own {
    part: Part,
    listens: bool,
    muted: bool,
    room: Room,
    /// They are held until both sides have put through, and by nobody's hand.
    waits: bool,
    here: bool,
    /// Since when they are here, or not.
    since_ms: u64,
    /// The number of their first packet after both sides were put through.
    through_at: Option<u32>,
}

/// How one person's voice arrives at the station that hears it; told to the one that sent it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    /// Whose voice, on the side that sent it.
    pub person: Number,
    /// The highest number that came.
    pub newest: u32,
    /// How it arrives.
    pub arrived: Arrived,
}

/// A call.
#[derive(Debug)]
pub struct Call {
    me: Party,
    ours: Codecs,
    codec: Codec,
    /// By what number the other side knows the call.
    number_there: u32,
    own: [Option<Own>; SIDE_PEOPLE_MAX],
    voices: [Voice; SIDE_PEOPLE_MAX],
    allowances: [Allowance; SIDE_PEOPLE_MAX],
    theirs: [Their; SIDE_PEOPLE_MAX],
    /// What each of them may still send, by whatever number they know the call.
    their_allowances: [Allowance; SIDE_PEOPLE_MAX],
    /// Which side's watch has put through, the inviter's first.
    through: [bool; 2],
    /// Which side has ended it, and why, the inviter's first.
    over: [Option<EndReason>; 2],
    joined: Option<Part>,
    /// Somebody of theirs was heard here after both sides had put through.
    has_heard: bool,
}

impl Call {
    /// A call between two sides whose legs can all take these codecs.
    ///
    /// # Errors
    /// [`Refusal::NoSharedCodec`], before anybody is joined.
    pub fn new(me: Party, ours: Codecs, theirs: Codecs, number_there: u32, now_ms: u64) -> Result<Call, Refusal> {
        let codec = ours.agreed(theirs).ok_or(Refusal::NoSharedCodec)?;
        Ok(Call {
            me,
            ours,
            codec,
            number_there,
            own: [const { None }; SIDE_PEOPLE_MAX],
            voices: std::array::from_fn(|_| Voice::new(now_ms)),
            allowances: std::array::from_fn(|_| Allowance::new(now_ms)),
            theirs: std::array::from_fn(|_| Their::new(now_ms)),
            their_allowances: std::array::from_fn(|_| Allowance::new(now_ms)),
            through: [false; 2],
            over: [None; 2],
            joined: None,
            has_heard: false,
        })
    }

    /// How everyone in it speaks.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// One of our seats.
    pub fn seat(&self, number: Number) -> Seat {
        Seat { side: self.me, number }
    }

    /// One of the other side's.
    pub fn peer_seat(&self, number: Number) -> Seat {
        Seat { side: self.me.peer(), number }
    }

    /// Lets one of our people in. The watch is on the line at once; others are held until both sides have put through.
    ///
    /// # Errors
    /// [`Refusal::SideFull`].
    pub fn let_in(&mut self, part: Part, listens: bool, now_ms: u64) -> Result<Number, Refusal> {
        let free = Number::all().find(|number| self.own[number.index()].is_none()).ok_or(Refusal::SideFull)?;
        let room = if part == Part::Watch || self.is_through() { Room::Line } else { Room::Hold };
        self.voices[free.index()].renew();
        let waits = room == Room::Hold;
        let person = Own { part, listens, muted: false, room, waits, here: false, since_ms: now_ms, through_at: None };
        self.own[free.index()] = Some(person);
        Ok(free)
    }

    /// Takes one of our people out.
    ///
    /// # Errors
    /// [`Refusal::NobodyThere`].
    pub fn take_out(&mut self, number: Number) -> Result<(), Refusal> {
        self.own[number.index()].take().map(drop).ok_or(Refusal::NobodyThere(number))
    }

    /// A browser of theirs is connected: the first, or one after a page was loaded anew. It numbers and times by itself.
    ///
    /// # Errors
    /// [`Refusal::NobodyThere`].
    pub fn connected(&mut self, number: Number, now_ms: u64) -> Result<(), Refusal> {
        self.back(number, now_ms)?;
        self.voices[number.index()].renew();
        Ok(())
    }

    /// Their browser, which was silent, is heard of again.
    ///
    /// # Errors
    /// [`Refusal::NobodyThere`].
    pub fn back(&mut self, number: Number, now_ms: u64) -> Result<(), Refusal> {
        self.voices[number.index()].pause();
        let person = self.person(number)?;
        (person.here, person.since_ms) = (true, now_ms);
        Ok(())
    }

    /// Their browser is gone. Their place is kept for [`COME_BACK_MS`].
    ///
    /// # Errors
    /// [`Refusal::NobodyThere`].
    pub fn went(&mut self, number: Number, now_ms: u64) -> Result<(), Refusal> {
        let person = self.person(number)?;
        if person.here {
            (person.here, person.since_ms) = (false, now_ms);
        }
        Ok(())
    }

    /// Until when somebody who is not there may come back; the next such time.
    pub fn next_tick(&self) -> Option<u64> {
        self.own.iter().flatten().filter(|person| !person.here).map(|person| person.since_ms + COME_BACK_MS).min()
    }

    /// Takes out who has not come back in time.
    pub fn tick(&mut self, now_ms: u64) -> Vec<Number> {
        let late = |person: &Own| !person.here && now_ms >= person.since_ms + COME_BACK_MS;
        let gone: Vec<Number> =
            Number::all().filter(|number| self.own[number.index()].as_ref().is_some_and(late)).collect();
        gone.iter().for_each(|number| self.own[number.index()] = None);
        gone
    }

    /// Mutes one of our people, or lets them be heard again.
    ///
    /// # Errors
    /// [`Refusal::NobodyThere`].
    pub fn mute(&mut self, number: Number, muted: bool, now_ms: u64) -> Result<(), Refusal> {
        self.voices[number.index()].turn(now_ms);
        self.person(number)?.muted = muted;
        Ok(())
    }

    /// Moves one of our people to another room. What they said before and comes late is heard in neither.
    ///
    /// # Errors
    /// [`Refusal::NobodyThere`]; [`Refusal::NotThrough`].
    pub fn move_to(&mut self, number: Number, room: Room, now_ms: u64) -> Result<(), Refusal> {
        let (is_through, ours_has) = (self.is_through(), self.through[self.me.slot()]);
        let person = self.person(number)?;
        if room == Room::Line && person.part != Part::Watch && !is_through {
            return Err(Refusal::NotThrough);
        }
        // Before our watch has put through, that later act of its own is what joins them. After it, only its hand does.
        (person.room, person.waits) = (room, room == Room::Hold && person.part != Part::Watch && !ours_has);
        self.voices[number.index()].turn(now_ms);
        Ok(())
    }

    /// A side's watch puts through. Once both have, all who wait for it are on the line at once. Whoever is aside, or was put on hold
    /// after our watch put through, stays there: the moment is the other side's to choose, and so is how often it comes.
    pub fn put_through(&mut self, side: Party, now_ms: u64) {
        let was_through = self.is_through();
        self.through[side.slot()] = true;
        if self.is_through() && !was_through {
            self.shift(|person| (person.room == Room::Hold && person.waits).then_some(Room::Line), now_ms);
        }
    }

    /// Moves whom of ours this says.
    fn shift(&mut self, moves: impl Fn(&Own) -> Option<Room>, now_ms: u64) {
        for (person, voice) in self.own.iter_mut().zip(&mut self.voices) {
            if let Some((person, room)) = person.as_mut().and_then(|person| moves(person).map(|room| (person, room))) {
                (person.room, person.waits) = (room, room == Room::Hold);
                voice.turn(now_ms);
            }
        }
    }

    /// In which room each of our people is, by number.
    pub fn rooms(&self) -> [Option<Room>; SIDE_PEOPLE_MAX] {
        std::array::from_fn(|at| self.own[at].as_ref().map(|person| person.room))
    }

    /// Whether our watch has put through, and theirs. A side that has takes it back for the whole call alone: by another number.
    pub fn through(&self) -> [bool; 2] {
        [self.me, self.me.peer()].map(|side| self.through[side.slot()])
    }

    /// Whether both sides have put through.
    pub fn is_through(&self) -> bool {
        self.through == [true; 2]
    }

    /// Whether somebody of theirs was to be heard here after both sides had put through: they have come.
    pub fn has_met(&self) -> bool {
        self.has_heard
    }

    /// We end the call. Nothing is forwarded any more.
    pub fn end(&mut self, reason: EndReason) {
        self.over[self.me.slot()].get_or_insert(reason);
    }

    /// Which side has ended the call, and why. Of two that both say so the inviter (§8.8).
    pub fn over(&self) -> Option<(Party, EndReason)> {
        Party::BOTH.into_iter().find_map(|side| Some((side, self.over[side.slot()]?)))
    }

    /// What the other side is told: by `number` we read its packets.
    pub fn state(&self, number: u32) -> State {
        State {
            number,
            codecs: self.ours,
            through: self.through[self.me.slot()],
            over: self.over[self.me.slot()],
            people: self.ours().collect(),
            reports: self.reports(),
        }
    }

    /// What the other side tells. Whether its packets are numbered anew from now on, because it knows the call by another number.
    ///
    /// # Errors
    /// [`Breach::OtherCodec`]: its legs cannot take the call's codec any more. Nothing of what it tells is taken.
    pub fn told(&mut self, state: &State, now_ms: u64) -> Result<bool, Breach> {
        if !state.codecs.has(self.codec) {
            return Err(Breach::OtherCodec(self.codec));
        }
        let peer = self.me.peer();
        let is_anew = state.number != self.number_there;
        if is_anew {
            self.number_there = state.number;
            self.theirs = std::array::from_fn(|_| Their::new(now_ms));
            self.voices.iter_mut().for_each(Voice::pause);
            // What their watch had done was in the call before. Ours wait until it does so again, as theirs do.
            self.through[peer.slot()] = false;
            let is_held = |person: &Own| person.room == Room::Line && person.part != Part::Watch;
            self.shift(|person| is_held(person).then_some(Room::Hold), now_ms);
        }
        for number in Number::all() {
            let said = state.people.iter().find(|(taken, _)| *taken == number);
            self.theirs[number.index()].name(said.map(|(_, named)| *named), now_ms);
        }
        if state.through {
            self.put_through(peer, now_ms);
        }
        self.over[peer.slot()] = self.over[peer.slot()].or(state.over);
        state.reports.iter().for_each(|report| self.reported(*report));
        Ok(is_anew)
    }

    /// Our people, as they are named to the other side.
    pub fn ours(&self) -> impl Iterator<Item = (Number, Named)> {
        let named = |person: &Own| Named {
            part: person.part,
            listens: person.listens,
            muted: person.muted,
            on_line: person.room == Room::Line,
            here: person.here,
        };
        Number::all().filter_map(move |number| Some((number, named(self.own[number.index()].as_ref()?))))
    }

    /// Their people, as they are named to us.
    pub fn theirs(&self) -> impl Iterator<Item = (Number, Named)> {
        Number::all().filter_map(|number| Some((number, self.theirs[number.index()].named()?)))
    }

    /// A packet of one of our browsers. `None` if nobody is to have it.
    ///
    /// # Errors
    /// [`Breach`]: the browser's fault.
    pub fn spoken(&mut self, number: Number, sound: Sound, now_ms: u64) -> Result<Option<Forward>, Breach> {
        let at = number.index();
        match self.allowances[at].take(sound.payload.len(), now_ms) {
            Verdict::Passes => {}
            Verdict::Named => return Err(Breach::Flood),
            Verdict::LetGo => return Ok(None),
        }
        if sound.payload.len() > PAYLOAD_BYTES_MAX {
            return Err(Breach::Malformed(PayloadFault::TooLong));
        }
        if sound.payload.is_empty() {
            // With padding and nothing else browsers try what their path carries. It has a number of theirs and gets none of ours.
            self.voices[at].pause();
            return Ok(None);
        }
        self.codec.ticks(&sound.payload).map_err(Breach::Malformed)?;
        let clock_hz = self.codec.clock_hz();
        let is_of_before = self.voices[at].is_of_before(sound.timestamp, now_ms, clock_hz);
        let goes_on = self.over == [None; 2];
        let speaks =
            |person: &&mut Own| goes_on && person.here && !person.muted && !person.listens && person.room != Room::Hold;
        let is_through = self.through == [true; 2];
        let Some(person) = self.own[at].as_mut().filter(speaks) else {
            self.voices[at].pause();
            return Ok(None);
        };
        if is_of_before {
            return Ok(None);
        }
        let to_peer = person.room == Room::Line;
        let sent = self.voices[at].send((sound.sequence, sound.timestamp), to_peer, now_ms, clock_hz);
        let Some((numbered, timestamp)) = sent else { return Ok(None) };
        // The number that crosses goes round.
        let sequence = numbered.number as u32;
        if to_peer && is_through {
            person.through_at.get_or_insert(sequence);
        }
        let room = person.room;
        let (call, codec, begins, payload) = (self.number_there, self.codec, numbered.begins, sound.payload);
        let packet = Packet { call, person: number, codec, begins, sequence, timestamp, payload };
        let hearers = self.hearers(room).filter(|hearer| *hearer != number).collect();
        Ok(Some(Forward { packet, from: self.seat(number), to_peer, hearers }))
    }

    /// A packet of the other side. `None` if it goes nowhere: it came before, nobody is to hear it, or its speaker is not on the
    /// line, which may have crossed.
    ///
    /// # Errors
    /// [`Breach`]: the peer's misconduct.
    pub fn arrived(&mut self, packet: Packet, now_ms: u64) -> Result<Option<Forward>, Breach> {
        let at = packet.person.index();
        match self.their_allowances[at].take(packet.payload.len(), now_ms) {
            Verdict::Passes => {}
            Verdict::Named => return Err(Breach::Flood),
            Verdict::LetGo => return Ok(None),
        }
        if packet.codec != self.codec {
            return Err(Breach::OtherCodec(packet.codec));
        }
        if self.over != [None; 2] || !self.theirs[at].came(&packet, now_ms) {
            return Ok(None);
        }
        let from = self.peer_seat(packet.person);
        let hearers: Vec<Number> = self.hearers(Room::Line).collect();
        self.has_heard |= self.is_through() && !hearers.is_empty();
        Ok(Some(Forward { packet, from, to_peer: false, hearers }))
    }

    /// Whether somebody of theirs should be heard, and nothing of them has come for a while.
    pub fn is_unheard(&self, now_ms: u64) -> bool {
        self.over == [None; 2] && self.theirs.iter().any(|their| their.is_unheard(now_ms))
    }

    /// How the other side's voices arrive here, for it to know.
    pub fn reports(&self) -> Vec<Report> {
        let report = |(person, their): (Number, &Their)| {
            let (newest, arrived) = their.arrived(self.codec.clock_hz());
            Report { person, newest, arrived }
        };
        Number::all().zip(&self.theirs).map(report).filter(|report| report.arrived.received > 0).collect()
    }

    /// The other side says how one of our voices arrives there.
    fn reported(&mut self, report: Report) {
        let alone = !self.own.iter().flatten().any(|person| person.part != Part::Watch && !person.listens);
        let Some(person) = &self.own[report.person.index()] else { return };
        let put_through = alone || person.part != Part::Watch;
        let passed = person.through_at.is_some_and(|at| report.newest.wrapping_sub(at).cast_signed() >= 0);
        if put_through && passed {
            self.joined.get_or_insert(person.part);
        }
    }

    /// The part of the first of our people whose voice has passed both stations after both sides had put through: what `joined`
    /// says (§7.5). A watch counts only where nobody else of its side may speak; and nobody has joined a talk in which nobody of
    /// theirs was heard since: that ours has arrived there is the other side's word alone.
    pub fn joined(&self) -> Option<Part> {
        self.joined.filter(|_| self.has_heard)
    }

    fn person(&mut self, number: Number) -> Result<&mut Own, Refusal> {
        self.own[number.index()].as_mut().ok_or(Refusal::NobodyThere(number))
    }

    /// Our people in a room whose browsers are there.
    fn hearers(&self, room: Room) -> impl Iterator<Item = Number> {
        let hears = move |person: &Own| person.here && person.room == room;
        Number::all().filter(move |number| self.own[number.index()].as_ref().is_some_and(hears))
    }
}

#[cfg(test)]
mod tests;
