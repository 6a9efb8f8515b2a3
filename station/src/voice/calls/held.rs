//! What is held of one call, and how calls are numbered.

use std::time::Instant;

use counterpart_core::ids::Party;
use counterpart_core::record::codes::EndReason;
use counterpart_voice::seat::{Number, SIDE_PEOPLE_MAX};
use counterpart_voice::state::State;
use sha2::{Digest, Sha256};

use super::super::PlaceKey;
use super::super::view::Gone;
use super::guests::Guests;

/// Within so long what broke a call off is in our record too: the entry is on its way.
pub(super) const BREAKS_WITHIN_MS: u64 = 3_000;

/// One call that is known here.
pub(super) struct Held {
    /// By this number the other side sends packets of it.
    pub number: u32,
    pub me: Party,
    /// What the other side told last.
    pub theirs: Option<State>,
    /// Whose each of our places is.
    pub places: [Option<PlaceKey>; SIDE_PEOPLE_MAX],
    pub is_open: bool,
    /// It was closed here before, when all of ours had left: what comes now is numbered anew.
    pub was_open: bool,
    /// Until when somebody of ours waits to be let in.
    pub wanted_until_ms: u64,
    /// Since when nobody of ours is in it.
    pub empty_since_ms: Option<u64>,
    pub over: Option<Over>,
    /// What was told last, and when.
    pub told: Option<(State, u64)>,
    /// The other side has forgotten that.
    pub tells_again: bool,
    /// What pages were shown last of both sides, whether theirs is unheard, and what is lost of each voice.
    pub shown: Option<(State, Option<State>, bool, Vec<u64>)>,
    /// The record is to say that we joined.
    pub has_joined: bool,
    /// Somebody of theirs was to be heard here after both sides had put through.
    pub has_met: bool,
    pub ended_by: Option<String>,
    /// When it was last logged that a browser of ours sends what no call carries.
    pub browser_named_at_ms: Option<u64>,
    /// Since when both sides are put through, as we know it.
    pub through_since: Option<Instant>,
    pub guests: Guests,
    /// The line carries nothing more of its talk, as our record has it.
    pub is_broken: bool,
    /// Since when the other side says that it broke off.
    pub said_broken_ms: Option<u64>,
}

/// What is left of a call that is over.
pub(super) struct Over {
    pub state: State,
    pub by: Party,
    pub reason: EndReason,
    pub at_ms: u64,
}

impl Held {
    pub fn new(number: u32, me: Party) -> Held {
        Held {
            number,
            me,
            theirs: None,
            places: [None; SIDE_PEOPLE_MAX],
            is_open: false,
            was_open: false,
            wanted_until_ms: 0,
            empty_since_ms: None,
            over: None,
            told: None,
            tells_again: false,
            shown: None,
            has_joined: false,
            has_met: false,
            ended_by: None,
            browser_named_at_ms: None,
            through_since: None,
            guests: Guests::default(),
            is_broken: false,
            said_broken_ms: None,
        }
    }

    /// Why it is over, where `by` says `reason`; `None`: that is not known yet. What the other side says of it is not taken where this
    /// side knows better: what broke it off is in our record soon, or nothing did; and a side whose people are there lost none.
    pub fn why_over(&mut self, by: Party, reason: EndReason, now_ms: u64) -> Option<EndReason> {
        let are_there = || self.theirs.as_ref().is_some_and(|state| state.people.iter().any(|(_, one)| one.here));
        match reason {
            _ if by == self.me => Some(reason),
            EndReason::BrokenOff if !self.is_broken => {
                let since = *self.said_broken_ms.get_or_insert(now_ms);
                (now_ms >= since.saturating_add(BREAKS_WITHIN_MS)).then_some(EndReason::Done)
            }
            EndReason::Lost if are_there() => Some(EndReason::Done),
            _ => Some(reason),
        }
    }

    /// Nobody has this number any more.
    pub fn leaves(&mut self, person: Number, why: Gone) {
        if let Some(place) = self.places[person.index()].take() {
            self.guests.end(&place, why);
        }
    }

    pub fn place_of(&self, place: &PlaceKey) -> Option<Number> {
        Number::all().find(|number| self.places[number.index()].as_ref() == Some(place))
    }
}

/// Numbers of calls. One says nothing of the others: the other side of a line is not to know how many calls there are on other lines.
pub(super) struct Numbers {
    pub secret: [u8; 16],
    pub given: u64,
}

impl Numbers {
    pub fn next(&mut self) -> u32 {
        self.given += 1;
        let hash = Sha256::new().chain_update(self.secret).chain_update(self.given.to_be_bytes()).finalize();
        u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
    }
}
