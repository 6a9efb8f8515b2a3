//! The calls of this station: which there are, who has which place, what each side is told and when, and what the record is to
//! say. Without sockets, clock or chance: the thread hands all of it in and carries out what comes.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{LineId, Party};
use counterpart_core::record::codes::{EndReason, Part};
use counterpart_voice::Call;
use counterpart_voice::call::{Breach, COME_BACK_MS};
use counterpart_voice::codec::Codecs;
use counterpart_voice::exchange::{self, Event, Exchange, Output};
use counterpart_voice::offer::OfferFault;
use counterpart_voice::seat::{Number, SIDE_PEOPLE_MAX};
use counterpart_voice::state::State;

use super::entries::{Fact, Said};
use super::link::{Link, ToPeer};
use super::view::Gone;
use super::{Ask, Given, PlaceKey, Refusal, TOLD_WITHIN_MS, TalkId};
use held::{Held, Numbers, Over};
use refused::{barred, refused};

/// Calls of one line that are known here at one time, whoever tells of them.
const LINE_CALLS_MAX: usize = 8;
/// Between two tellings of one call, if something has changed that people see; and if only figures have.
const TELL_MS: [u64; 2] = [100, 1_000];
/// So long pages say what their station sent last that no call carries.
const BREACH_SHOWN_MS: u64 = 300_000;
/// So long what became of a call that is over is told and shown.
const OVER_KEPT_MS: u64 = 600_000;
/// The same of a call in which nobody of ours was heard: its talk is still to come, and can be begun anew after that.
const UNHEARD_KEPT_MS: u64 = 30_000;

/// What a browser of ours does that it may not is logged so often.
const NAMED_EVERY_MS: u64 = 60_000;

/// All of them.
pub(super) struct Calls {
    exchange: Exchange,
    held: BTreeMap<TalkId, Held>,
    /// Talks that were joined in an earlier run and are not ended: which side we are, and since when somebody can come back.
    left: BTreeMap<TalkId, (Party, Option<u64>)>,
    /// The present session of each line; `None`: the peer's version has no calls.
    links: BTreeMap<LineId, (u64, Option<Link>)>,
    /// What the peer of a line sent last in the present session that no call carries.
    breaches: BTreeMap<LineId, (Misconduct, u64)>,
    /// Talks in whose calls, which are known no more, somebody of theirs was heard; the latest of them.
    met: VecDeque<TalkId>,
    numbers: Numbers,
    /// Counts what pages show.
    pub changes: u64,
    /// What the record is to say.
    pub facts: Vec<Fact>,
}

impl Calls {
    /// None yet. The numbers of calls are made of `secret`, drawn by chance: a station that starts anew is another reader.
    pub fn new(exchange: Exchange, secret: [u8; 16]) -> Calls {
        let (held, left) = (BTreeMap::new(), BTreeMap::new());
        let (links, breaches) = (BTreeMap::new(), BTreeMap::new());
        let numbers = Numbers { secret, given: 0 };
        let met = VecDeque::new();
        Calls { exchange, held, left, links, breaches, met, numbers, changes: 0, facts: Vec::new() }
    }

    /// A session is up. Each call of its line is told anew.
    pub fn up(&mut self, line: LineId, session: u64, link: Option<Link>) {
        self.links.insert(line, (session, link));
        self.breaches.remove(&line);
        self.held.iter_mut().filter(|(talk, _)| talk.line == line).for_each(|(_, held)| held.told = None);
        self.changes += 1;
    }

    /// A session has ended. What was on its way is lost; calls stay.
    pub fn down(&mut self, line: LineId, session: u64) {
        if self.links.get(&line).is_some_and(|(up, _)| *up == session) {
            self.links.remove(&line);
            self.changes += 1;
        }
    }

    fn link(&self, line: LineId) -> Result<&Link, Refusal> {
        match self.links.get(&line) {
            None => Err(Refusal::Unreached),
            Some((_, None)) => Err(Refusal::Older),
            // Its session was broken off without a word.
            Some((_, Some(link))) if link.is_over() => Err(Refusal::Unreached),
            Some((_, Some(link))) => Ok(link),
        }
    }

    /// The call of a talk, known from now on if it was not. Of too many the first goes in which nobody of ours is or waits to be;
    /// one that is over, and is shown so, after the others.
    fn known(&mut self, talk: TalkId, me: Party, now_ms: u64) -> Result<&mut Held, Refusal> {
        if !self.held.contains_key(&talk) {
            let of_line = self.held.iter().filter(|(other, _)| other.line == talk.line);
            if of_line.clone().count() >= LINE_CALLS_MAX {
                let idle = of_line.filter(|(_, held)| !held.is_open && now_ms >= held.wanted_until_ms);
                let idle = idle.min_by_key(|(_, held)| held.over.is_some()).map(|(other, _)| *other);
                self.forget(&idle.ok_or(Refusal::Full)?);
            }
            let number = self.number();
            let has_met = self.met.contains(&talk);
            self.held.insert(talk, Held { has_met, ..Held::new(number, me) });
        }
        self.held.get_mut(&talk).ok_or(Refusal::Full)
    }

    /// A number that no call has.
    fn number(&mut self) -> u32 {
        loop {
            let number = self.numbers.next();
            if self.talk_of(number).is_none() {
                return number;
            }
        }
    }

    /// Does what one of our own wants; `None`: not before the other side has told of the call.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn ask(
        &mut self,
        (talk, place): (TalkId, PlaceKey),
        ask: &Ask,
        secret: [u8; 24],
        now: Instant,
    ) -> Result<Option<Given>, Refusal> {
        if let Ask::LetIn { part, listens } = ask {
            return self.let_in((talk, place), *part, *listens, now);
        }
        if *ask == Ask::Come {
            return self.come((talk, place), now);
        }
        let now_ms = self.exchange.ms(now);
        let held = self.held.get_mut(&talk).ok_or(Refusal::NoPlace)?;
        if held.over.is_some() {
            // Who ends or leaves what is over has what they want.
            let is_so = matches!(ask, Ask::End(_) | Ask::Leave);
            return if is_so { Ok(Some(Given::Done)) } else { Err(Refusal::Over) };
        }
        let (number, me) = (held.number, held.me);
        let seat = held.place_of(&place).ok_or(Refusal::NoPlace);
        let Some(call) = self.exchange.call(number) else { return Err(Refusal::NoPlace) };
        match ask {
            Ask::LetIn { .. } | Ask::Come => {}
            Ask::Offer(offer) => {
                let seat = seat?;
                let answer = self.exchange.connect((number, seat), offer, secret, now);
                if answer == Err(exchange::Refusal::Offer(OfferFault::NoSharedCodec)) {
                    // Nobody is in a call who can neither be heard nor hear.
                    self.take_out(talk, seat, Gone::Left, now_ms)?;
                    self.changes += 1;
                }
                return Ok(Some(Given::Answer(answer.map_err(refused)?)));
            }
            Ask::Mute(muted) => call.mute(seat?, *muted, now_ms).map_err(barred)?,
            Ask::Through => call.put_through(me, now_ms),
            Ask::Move(person, room) => call.move_to(*person, *room, now_ms).map_err(barred)?,
            Ask::Leave => self.take_out(talk, seat?, Gone::Left, now_ms)?,
            Ask::Remove(person) => self.take_out(talk, *person, Gone::Removed, now_ms)?,
            Ask::Invite(link, part) => held.invite(*link, *part, now)?,
            Ask::Take(link) => held.take(link, place, now)?,
            Ask::TakeBack(number) => held.take_back(*number)?,
            Ask::End(user) => {
                call.end(EndReason::Done);
                held.ended_by = Some(user.clone());
            }
        }
        // Links are in no state that is told.
        self.changes += 1;
        Ok(Some(Given::Done))
    }

    fn let_in(
        &mut self,
        (talk, place): (TalkId, PlaceKey),
        part: Part,
        listens: bool,
        now: Instant,
    ) -> Result<Option<Given>, Refusal> {
        let me = self.link(talk.line)?.me;
        let now_ms = self.exchange.ms(now);
        let held = self.known(talk, me, now_ms)?;
        let is_over_there = held.theirs.as_ref().is_some_and(|state| state.over.is_some());
        let waits = now_ms < held.wanted_until_ms;
        if held.over.is_some() || is_over_there && (waits || held.is_open) {
            return Err(Refusal::Over);
        }
        if is_over_there {
            // That was of a call which is over here too; whether it still is there is told to who knows it by a new number.
            self.forget(&talk);
        }
        let held = self.known(talk, me, now_ms)?;
        if let Some(seat) = held.place_of(&place) {
            return Ok(Some(Given::Seat(seat)));
        }
        let Some(theirs) = held.theirs.clone() else {
            if !waits {
                // Perhaps it was forgotten there since.
                held.told = None;
                held.wanted_until_ms = now_ms.saturating_add(TOLD_WITHIN_MS);
            }
            return Ok(None);
        };
        let is_open = held.is_open;
        if !is_open {
            self.open(talk, theirs, now)?;
        }
        let number = self.known(talk, me, now_ms)?.number;
        let call = self.exchange.call(number).ok_or(Refusal::Full)?;
        let listens = listens || part == Part::NoteTaker;
        let seat = call.let_in(part, listens, now_ms).map_err(barred)?;
        let held = self.known(talk, me, now_ms)?;
        (held.is_open, held.empty_since_ms) = (true, None);
        held.places[seat.index()] = Some(place);
        Ok(Some(Given::Seat(seat)))
    }

    /// Opens a call that the other side has told of.
    fn open(&mut self, talk: TalkId, mut theirs: State, now: Instant) -> Result<(), Refusal> {
        let now_ms = self.exchange.ms(now);
        let number = self.number();
        let held = self.held.get_mut(&talk).ok_or(Refusal::NoPlace)?;
        if held.was_open {
            // They are told by another number that nothing goes on from what was before; what they report is of that.
            (held.number, held.told) = (number, None);
            theirs.reports.clear();
        }
        let call = Call::new(held.me, Codecs::all(), theirs.codecs, theirs.number, now_ms);
        self.exchange.open(held.number, call.map_err(barred)?).map_err(refused)?;
        held.was_open = true;
        // What they told while the call was not open here is taken now.
        let _ = self.exchange.told(held.number, &theirs, now);
        Ok(())
    }

    fn take_out(&mut self, talk: TalkId, person: Number, why: Gone, now_ms: u64) -> Result<(), Refusal> {
        let held = self.held.get_mut(&talk).ok_or(Refusal::NoPlace)?;
        self.exchange.take_out(held.number, person).map_err(refused)?;
        held.leaves(person, why);
        if held.places == [None; SIDE_PEOPLE_MAX] {
            held.empty_since_ms = Some(now_ms);
        }
        Ok(())
    }

    /// Whoever has this place may be in no call any more.
    pub fn gone(&mut self, place: &PlaceKey, now: Instant) {
        let now_ms = self.exchange.ms(now);
        let of = |(talk, held): (&TalkId, &Held)| Some((*talk, held.place_of(place)?));
        let all: Vec<(TalkId, Number)> = self.held.iter().filter_map(of).collect();
        for (talk, person) in all {
            let _ = self.take_out(talk, person, Gone::Removed, now_ms);
        }
    }

    /// The peer tells of a call. `false`: that is none.
    pub fn told(&mut self, talk: TalkId, bytes: &[u8], now: Instant) -> bool {
        let Ok(state) = State::decode(bytes) else { return false };
        let Ok(me) = self.link(talk.line).map(|link| link.me) else { return true };
        let now_ms = self.exchange.ms(now);
        // More than may be known is not answered.
        let Ok(held) = self.known(talk, me, now_ms) else { return true };
        let (number, is_open) = (held.number, held.is_open);
        if is_open && matches!(self.exchange.told(number, &state, now), Some(Err(_))) {
            return false;
        }
        if let Some(held) = self.held.get_mut(&talk) {
            if held.theirs.as_ref().is_some_and(|before| before.number != state.number) {
                // It has forgotten what it was told.
                held.tells_again = true;
            }
            held.theirs = Some(state);
        }
        true
    }

    /// A call whose line takes nothing more of its talk breaks off (§7.5).
    pub fn carried(&mut self, carries: impl Fn(&TalkId) -> bool) {
        for (talk, held) in self.held.iter_mut().filter(|(_, held)| held.is_open) {
            held.is_broken = !carries(talk);
            let call = self.exchange.call(held.number).filter(|call| held.is_broken && call.over().is_none());
            if let Some(call) = call {
                call.end(EndReason::BrokenOff);
            }
        }
    }

    /// A packet of the peer's came.
    pub fn packet(&mut self, line: LineId, bytes: &[u8], now: Instant) {
        let numbers: Vec<u32> = self.of_line(line).map(|(_, held)| held.number).collect();
        if self.exchange.from_peer(bytes, |number| numbers.contains(&number), now).is_err() {
            self.breach(line, Misconduct::MalformedVoice, now);
        }
    }

    /// The peer sent what no call carries. It was let go; the session names it, and pages say so.
    pub fn breach(&mut self, line: LineId, what: Misconduct, now: Instant) {
        if let Ok(link) = self.link(line) {
            let _ = link.give(ToPeer::Breach(what));
        }
        let before = self.breaches.insert(line, (what, self.exchange.ms(now)));
        self.changes += u64::from(before.is_none_or(|(before, _)| before != what));
    }

    fn of_line(&self, line: LineId) -> impl Iterator<Item = (&TalkId, &Held)> {
        self.held.iter().filter(move |(talk, _)| talk.line == line)
    }

    /// The calls of all, for what comes from browsers and for what is due.
    pub fn exchange(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    /// When to look again by itself.
    pub fn next_tick(&self, now: Instant) -> Option<Instant> {
        let told = (!self.held.is_empty() || !self.left.is_empty()).then(|| now + Duration::from_millis(TELL_MS[0]));
        self.exchange.next_tick().into_iter().chain(told).min()
    }

    /// Sends on what came: to peers what is theirs; gives what is to be sent to browsers.
    pub fn pass(&mut self, now: Instant) -> Vec<Output> {
        let mut to_browsers = Vec::new();
        while let Some(output) = self.exchange.poll(now) {
            match output {
                Output::ToBrowser { .. } => to_browsers.push(output),
                Output::ToPeer { call, bytes } => {
                    if let Some(talk) = self.talk_of(call)
                        && let Ok(link) = self.link(talk.line)
                    {
                        link.packet(bytes);
                    }
                }
                Output::Happened { call, event } => self.happened(call, event, now),
            }
        }
        to_browsers
    }

    /// The same, and does what is due of each call.
    pub fn settle(&mut self, now: Instant) -> Vec<Output> {
        if self.exchange.next_tick().is_some_and(|at| at <= now) {
            self.exchange.tick(now);
        }
        let to_browsers = self.pass(now);
        let now_ms = self.exchange.ms(now);
        let before = self.breaches.len();
        self.breaches.retain(|_, (_, at_ms)| now_ms < at_ms.saturating_add(BREACH_SHOWN_MS));
        self.changes += u64::from(self.breaches.len() != before);
        self.look_after_left(now_ms);
        let talks: Vec<TalkId> = self.held.keys().copied().collect();
        talks.into_iter().for_each(|talk| self.look_after(talk, now));
        to_browsers
    }

    fn talk_of(&self, number: u32) -> Option<TalkId> {
        self.held.iter().find(|(_, held)| held.number == number).map(|(talk, _)| *talk)
    }

    fn happened(&mut self, call: u32, event: Event, now: Instant) {
        let now_ms = self.exchange.ms(now);
        let Some(talk) = self.talk_of(call) else { return };
        let Some(held) = self.held.get_mut(&talk) else { return };
        match event {
            Event::Connected(_) | Event::Away(_) | Event::Back(_) => {}
            Event::Gone(person) => {
                held.leaves(person, Gone::Away);
                if held.places == [None; SIDE_PEOPLE_MAX] {
                    // They have been awaited already.
                    held.empty_since_ms = Some(now_ms.saturating_sub(COME_BACK_MS));
                }
            }
            Event::Breach(seat, breach) if seat.side != held.me => {
                let is_flood = breach == Breach::Flood;
                let what = if is_flood { Misconduct::VoiceFlood } else { Misconduct::MalformedVoice };
                self.breach(talk.line, what, now);
            }
            Event::Breach(..) => {
                // Once a minute, however much it sends.
                if held.browser_named_at_ms.is_none_or(|at| now_ms >= at.saturating_add(NAMED_EVERY_MS)) {
                    held.browser_named_at_ms = Some(now_ms);
                    tracing::warn!(line = %talk.line, "a browser of ours sends what no call carries");
                }
            }
        }
    }

    /// What is due of one call: its end, what the record is to say, what the other side is told, what pages show.
    fn look_after(&mut self, talk: TalkId, now: Instant) {
        let now_ms = self.exchange.ms(now);
        let Some(held) = self.held.get_mut(&talk) else { return };
        self.changes += u64::from(held.guests.expire(now));
        let kept_ms = if held.has_joined { OVER_KEPT_MS } else { UNHEARD_KEPT_MS };
        if held.over.as_ref().is_some_and(|over| now_ms >= over.at_ms.saturating_add(kept_ms)) {
            self.forget(&talk);
            self.changes += 1;
            return;
        }
        if let Some(call) = self.exchange.call(held.number) {
            held.through_since = call.is_through().then(|| held.through_since.unwrap_or(now));
            held.has_met |= call.has_met();
            if let Some(part) = call.joined().filter(|_| !held.has_joined) {
                held.has_joined = true;
                self.facts.push(Fact { talk, said: Said::Joined(part), user: None });
            }
            let is_left = held.empty_since_ms.is_some_and(|since| now_ms >= since.saturating_add(COME_BACK_MS));
            if is_left && held.has_joined {
                call.end(EndReason::Lost);
            }
            let over = call.over().and_then(|(by, reason)| Some((by, held.why_over(by, reason, now_ms)?)));
            if let Some((by, reason)) = over {
                held.over = Some(Over { state: call.state(held.number), by, reason, at_ms: now_ms });
                if held.has_joined {
                    let user = held.ended_by.take().filter(|_| by == held.me);
                    self.facts.push(Fact { talk, said: Said::Ended(by, reason), user });
                }
            }
            if held.over.is_some() || is_left {
                self.exchange.close(held.number);
                (held.is_open, held.places, held.empty_since_ms) = (false, [None; SIDE_PEOPLE_MAX], None);
                held.through_since = None;
                held.guests.end_all();
                self.changes += 1;
            }
        }
        self.tell(talk, now_ms);
    }

    fn tell(&mut self, talk: TalkId, now_ms: u64) {
        let Some(held) = self.held.get_mut(&talk) else { return };
        let call = self.exchange.call(held.number);
        let is_unheard = call.as_ref().is_some_and(|call| call.is_unheard(now_ms));
        let state = match (&held.over, call) {
            (Some(over), _) => over.state.clone(),
            (None, Some(call)) => call.state(held.number),
            (None, None) => bare(held.number),
        };
        // Of what is lost, whole percents: a page is not drawn at each packet.
        let lost = [Some(&state), held.theirs.as_ref()].into_iter().flatten().flat_map(|of| &of.reports);
        let lost = lost.map(|report| report.arrived.lost_permille() / 10);
        let seen = (still(&state), held.theirs.as_ref().map(still), is_unheard, lost.collect());
        if held.shown.as_ref() != Some(&seen) {
            held.shown = Some(seen);
            self.changes += 1;
        }
        let wait_ms = match &held.told {
            None => 0,
            // Of a peer that forgets all the time, too, no more is answered.
            Some(_) if held.tells_again => TELL_MS[0],
            Some((before, _)) if *before == state => return,
            Some((before, _)) => TELL_MS[usize::from(still(before) == still(&state))],
        };
        let since_ms = held.told.as_ref().map_or(0, |(_, at_ms)| *at_ms);
        if held.told.is_some() && now_ms < since_ms.saturating_add(wait_ms) {
            return;
        }
        let encoded = state.encode();
        let told = (state, now_ms);
        if self.link(talk.line).is_ok_and(|link| link.give(ToPeer::State(talk.epoch, talk.act, encoded)))
            && let Some(held) = self.held.get_mut(&talk)
        {
            (held.told, held.tells_again) = (Some(told), false);
        }
    }

    /// The station stops: every browser is hung up on.
    pub fn hang_up(&mut self) {
        self.held.values().for_each(|held| self.exchange.close(held.number));
    }
}

/// What is told of a call in which nobody of ours is.
fn bare(number: u32) -> State {
    State { number, codecs: Codecs::all(), through: false, over: None, people: Vec::new(), reports: Vec::new() }
}

/// What people see of a state: all but its figures.
fn still(state: &State) -> State {
    State { reports: Vec::new(), ..state.clone() }
}

mod guests;
mod held;
mod left;
mod refused;
mod shown;
#[cfg(test)]
mod tests;
