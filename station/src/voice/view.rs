//! A call as a page shows it.

use std::time::Instant;

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::Party;
use counterpart_core::record::codes::{EndReason, Part};
use counterpart_voice::call::{Named, Room};
use counterpart_voice::quality::Arrived;
use counterpart_voice::seat::Number;

use super::TalkId;

/// How far a call has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Nobody of ours is in it.
    Empty,
    /// It goes on.
    Open,
    /// It is over: which side ended it, and why.
    Over(Party, EndReason),
}

/// One person of either side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PersonView {
    /// On their side.
    pub number: Number,
    /// What they are named by.
    pub named: Named,
    /// Of ours, in which room they are.
    pub room: Option<Room>,
    /// How their voice arrives here; of ours, how it arrives there.
    pub arrived: Option<Arrived>,
}

/// A call.
#[derive(Clone, PartialEq, Debug)]
pub struct CallView {
    /// How far it has come.
    pub standing: Standing,
    /// Our people.
    pub ours: Vec<PersonView>,
    /// Theirs.
    pub theirs: Vec<PersonView>,
    /// Whoever looks.
    pub me: Option<Number>,
    /// Whether our watch has put through, and theirs.
    pub through: [bool; 2],
    /// Since when both are, as this station knows it; of a call that is over not any more.
    pub through_since: Option<Instant>,
    /// It showed that we joined: the record says so, or is to.
    pub has_joined: bool,
    /// Somebody of theirs was to be heard here after both sides had put through.
    pub has_met: bool,
    /// Who was given a part by a link and is not in the call yet.
    pub waiting: Vec<Waiting>,
    /// A session with the other side is up.
    pub is_linked: bool,
    /// Voice goes over the stream, where only TCP passes.
    pub is_degraded: bool,
    /// Somebody of theirs should be heard, and nothing of them has come for two seconds.
    pub is_unheard: bool,
    /// What their station sent last that no call carries, since the link is up.
    pub breach: Option<Misconduct>,
}

impl CallView {
    /// One that is known no more, in which somebody of theirs was heard.
    pub fn met(is_linked: bool) -> CallView {
        CallView {
            standing: Standing::Empty,
            ours: Vec::new(),
            theirs: Vec::new(),
            me: None,
            through: [false; 2],
            through_since: None,
            has_joined: false,
            has_met: true,
            waiting: Vec::new(),
            is_linked,
            is_degraded: false,
            is_unheard: false,
            breach: None,
        }
    }

    /// Whether something was heard here of somebody of theirs: who is there now, or with whom ours were put through. That their station
    /// names somebody is its word alone: it keeps nobody from saying that they did not come.
    pub fn has_come(&self) -> bool {
        let is_heard = |one: &PersonView| one.named.here && one.arrived.is_some_and(|arrived| arrived.received > 0);
        self.has_met || self.is_linked && self.theirs.iter().any(is_heard)
    }
}

/// Somebody who was given a part by a link and is not in the call yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// By this the watch names them.
    pub number: u32,
    /// As what they may come.
    pub part: Part,
    /// Until when the link serves; `None`: it was taken.
    pub until: Option<Instant>,
}

/// How far somebody has come who was given a part by a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Nobody has taken the link, which serves until then.
    Link(Instant),
    /// They have a place in the call, whether they are in it or not.
    Place,
    /// They have it no more.
    Gone(Gone),
}

/// Why a place is no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gone {
    /// Our watch took them out.
    Removed,
    /// They left.
    Left,
    /// Their page was not there for 20 s.
    Away,
    /// The call is over.
    Over,
}

/// What a link, or the place that was taken by it, is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GuestView {
    /// In the call of which talk.
    pub talk: TalkId,
    /// As what.
    pub part: Part,
    /// How far they have come.
    pub stage: Stage,
}
