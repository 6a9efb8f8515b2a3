//! A call as a page shows it.

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::Party;
use counterpart_core::record::codes::EndReason;
use counterpart_voice::call::{Named, Room};
use counterpart_voice::leg::Figures;
use counterpart_voice::quality::Arrived;
use counterpart_voice::seat::Number;

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
    /// How their leg fares.
    pub figures: Option<Figures>,
    /// Whether our watch has put through, and theirs.
    pub through: [bool; 2],
    /// A session with the other side is up.
    pub is_linked: bool,
    /// Voice goes over the stream, where only TCP passes.
    pub is_degraded: bool,
    /// Somebody of theirs should be heard, and nothing of them has come for two seconds.
    pub is_unheard: bool,
    /// What their station sent last that no call carries, since the link is up.
    pub breach: Option<Misconduct>,
}
