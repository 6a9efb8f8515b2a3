//! Places in a call for who is not signed in here. The watch gives a part and has a link, which serves once; whoever takes it has a
//! place. It is in memory alone, of each secret only its hash is known, and nothing of it outlasts the call.

use std::time::{Duration, Instant};

use counterpart_core::record::codes::Part;
use counterpart_voice::call::Room;

use super::super::view::{Gone, GuestView, Stage, Waiting};
use super::super::{Given, PlaceKey, Refusal, TalkId};
use super::{Calls, Held};
use crate::people::LINK_MS;

/// Links of one call that nobody has taken, and places that nobody is in yet, at one time.
const WAITING_MAX: usize = 4;
/// Of so many it is remembered what became of their place.
const GONE_MAX: usize = 8;

/// One link or place.
struct Guest {
    /// By this the watch names it.
    number: u32,
    /// The hash of the link's secret; once it was taken, of the place's.
    key: PlaceKey,
    part: Part,
    stage: Stage,
}

/// Those of one call.
#[derive(Default)]
pub(super) struct Guests {
    known: Vec<Guest>,
    given: u32,
}

impl Guests {
    fn invite(&mut self, key: PlaceKey, part: Part, now: Instant) {
        self.given = self.given.wrapping_add(1);
        let stage = Stage::Link(now + Duration::from_millis(LINK_MS));
        self.known.push(Guest { number: self.given, key, part, stage });
    }

    fn of(&mut self, key: &PlaceKey) -> Option<&mut Guest> {
        self.known.iter_mut().find(|guest| guest.key == *key)
    }

    /// Ends the place of this key, if there is one, for this reason.
    pub fn end(&mut self, key: &PlaceKey, why: Gone) {
        if let Some(guest) = self.of(key).filter(|guest| guest.stage == Stage::Place) {
            guest.stage = Stage::Gone(why);
        }
        let is_gone = |guest: &Guest| matches!(guest.stage, Stage::Gone(_));
        if self.known.iter().filter(|guest| is_gone(guest)).count() > GONE_MAX
            && let Some(oldest) = self.known.iter().position(is_gone)
        {
            self.known.remove(oldest);
        }
    }

    /// Ends all of them with their call.
    pub fn end_all(&mut self) {
        self.known.retain(|guest| !matches!(guest.stage, Stage::Link(_)));
        let places: Vec<PlaceKey> = self.known.iter().map(|guest| guest.key).collect();
        places.iter().for_each(|key| self.end(key, Gone::Over));
    }

    /// Takes away the links whose time is over; whether there were any.
    pub fn expire(&mut self, now: Instant) -> bool {
        let before = self.known.len();
        self.known.retain(|guest| !matches!(guest.stage, Stage::Link(until) if now >= until));
        self.known.len() != before
    }
}

impl Held {
    /// Links that nobody has taken, and places that nobody is in yet.
    pub(super) fn waiting(&self) -> Vec<Waiting> {
        let waiting = |guest: &Guest| match guest.stage {
            Stage::Link(until) => Some(Waiting { number: guest.number, part: guest.part, until: Some(until) }),
            Stage::Place if self.place_of(&guest.key).is_none() => {
                Some(Waiting { number: guest.number, part: guest.part, until: None })
            }
            Stage::Place | Stage::Gone(_) => None,
        };
        self.guests.known.iter().filter_map(waiting).collect()
    }

    /// The watch gives a part, by a link.
    pub(super) fn invite(&mut self, key: PlaceKey, part: Part, now: Instant) -> Result<(), Refusal> {
        if self.waiting().len() >= WAITING_MAX {
            return Err(Refusal::Links);
        }
        self.guests.invite(key, part, now);
        Ok(())
    }

    /// Whoever has the link has a place by it, and the link serves no more.
    pub(super) fn take(&mut self, link: &PlaceKey, place: PlaceKey, now: Instant) -> Result<(), Refusal> {
        self.guests.expire(now);
        let is_link = |guest: &&mut Guest| matches!(guest.stage, Stage::Link(_));
        let guest = self.guests.of(link).filter(is_link).ok_or(Refusal::NoPlace)?;
        (guest.key, guest.stage) = (place, Stage::Place);
        Ok(())
    }

    /// The watch takes back a link, or a place that nobody is in yet.
    pub(super) fn take_back(&mut self, number: u32) -> Result<(), Refusal> {
        if !self.waiting().iter().any(|waiting| waiting.number == number) {
            return Err(Refusal::NoPlace);
        }
        let taken = self.guests.known.iter().find(|guest| guest.number == number && guest.stage == Stage::Place);
        match taken.map(|guest| guest.key) {
            Some(key) => self.guests.end(&key, Gone::Removed),
            None => self.guests.known.retain(|guest| guest.number != number),
        }
        Ok(())
    }
}

impl Calls {
    /// What the secret of this hash is good for, in whichever call.
    pub fn guest(&self, key: &PlaceKey, now: Instant) -> Option<GuestView> {
        let is_it = |guest: &&Guest| guest.key == *key;
        let of_call = |(talk, held): (&TalkId, &Held)| {
            let guest = held.guests.known.iter().find(is_it)?;
            Some(GuestView { talk: *talk, part: guest.part, stage: guest.stage })
        };
        let found = self.held.iter().find_map(of_call)?;
        (!matches!(found.stage, Stage::Link(until) if now >= until)).then_some(found)
    }

    /// Whoever has a place by a link comes into the call, in the part that was given, and is held: also where both sides are through,
    /// the watch looks first at who came.
    pub(super) fn come(&mut self, (talk, place): (TalkId, PlaceKey), now: Instant) -> Result<Option<Given>, Refusal> {
        let now_ms = self.exchange.ms(now);
        let held = self.held.get_mut(&talk).filter(|held| held.is_open).ok_or(Refusal::NoPlace)?;
        let (number, was_in) = (held.number, held.place_of(&place).is_some());
        let guest = held.guests.of(&place).filter(|guest| guest.stage == Stage::Place);
        let part = guest.map(|guest| guest.part).ok_or(Refusal::NoPlace)?;
        let given = self.let_in((talk, place), part, false, now)?;
        if let (Some(Given::Seat(seat)), false) = (&given, was_in)
            && let Some(call) = self.exchange.call(number)
        {
            // They were let in just now.
            let _ = call.move_to(*seat, Room::Hold, now_ms);
        }
        Ok(given)
    }
}
