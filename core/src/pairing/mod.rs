//! How a line begins (`docs/protocol.md` §5.1): an invitation, a comparison by two persons, two signatures, index 0 of both
//! logs.
//!
//! Each side is a state machine that is kept in the store and never changed in place: every method takes `&self` and
//! returns a [`Step`], which holds the next state. The station commits a step's [`Commit`] in one transaction, then sends,
//! then shows; if the commit fails it forgets the step. Every step may be repeated and every frame lost, repeated or late.
//!
//! The secret of the invitation proves the right to be compared and nothing more. What makes a line is that a person on
//! each side has confirmed the same fingerprint, over another channel, before that side's station signs.

pub mod draft;
mod first;
pub mod frames;
pub mod invitation;
pub mod inviter;
pub mod joiner;

use alloc::vec::Vec;
use core::fmt;

use self::frames::{Frame, Why};
use crate::fault::Misconduct;
use crate::record::log::Entry;
use crate::record::merkle::Hash;
use crate::record::sign1::{Sign, Verify};
use crate::time::Timestamp;

/// The protocol that is named in the TLS handshake (ALPN, RFC 7301) of a connection for pairing.
pub const ALPN: &[u8] = b"counterpart-pair/1";
/// The label of the 32 bytes that TLS exports for the proof (RFC 8446 §7.5); the context is empty.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-counterpart-pair/1";

/// What TLS exports for one connection under [`EXPORTER_LABEL`]: it ties a proof to that connection.
pub type Exporter = [u8; 32];

/// What the station lends for one step.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// Signs the charter and entries: the station key that our half of the charter names.
    pub key: &'a dyn Sign,
    /// Checks the peer's signatures.
    pub verify: &'a dyn Verify,
    /// The claimed time of an index 0 that is written now.
    pub now: Timestamp,
}

/// What follows from an input. The order is commit, send, show; a step without anything in it changes nothing.
#[derive(Clone, Debug)]
#[must_use = "a step does nothing until it is committed, sent and shown"]
pub struct Step<S> {
    /// Durable before anything else of this step happens. `None`: the state stays as it is.
    pub commit: Option<Commit<S>>,
    /// In this order, each on a connection with the link key beside it. What cannot be sent is dropped: it is sent again
    /// when that key next connects.
    pub send: Vec<(Hash, Frame)>,
    /// For our people.
    pub show: Vec<Show>,
}

/// What one transaction stores.
#[derive(Clone, Debug)]
pub struct Commit<S> {
    /// Takes the place of the state that made the step.
    pub state: S,
    /// Appended in this order, each at index 0 of its author's log: the peer's, judged, before ours that names it.
    pub entries: Vec<Entry>,
}

/// What our people are told. A link key says with whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Show {
    /// Compare these digits ([`crate::record::charter::digits`]) with them over another channel, then confirm or refuse.
    Compare {
        /// The candidate's link key, or the inviter's.
        with: Hash,
        /// SHA-256 of the final charter.
        fingerprint: Hash,
    },
    /// Their signature under the charter is here: a person there has confirmed. The inviter's side.
    TheyConfirmed {
        /// The candidate's link key.
        with: Hash,
    },
    /// Both signatures are here and our index 0 is written; the peer's is awaited. The inviter's side.
    Countersigned {
        /// The joiner's link key.
        with: Hash,
    },
    /// Both have written their index 0, as far as this side knows: the line is open.
    Open {
        /// The peer's link key.
        with: Hash,
    },
    /// The inviter's station turned us away.
    Refused(Why),
    /// Somebody came with our line's name and was turned away.
    TurnedAway {
        /// The link key of the connection.
        from: Hash,
        /// What they were told.
        why: Why,
    },
    /// They have abandoned the pairing.
    Gone {
        /// The peer's link key.
        with: Hash,
    },
    /// They broke the protocol. Nothing changed.
    Misconduct {
        /// The link key of the connection.
        from: Hash,
        /// How.
        what: Misconduct,
    },
    /// Something of ours stands in the way, though no person asked just now.
    Hindered(Refusal),
}

/// Why our own person's act is not done now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// No candidate's charter has this fingerprint.
    OtherDigits,
    /// The inviter's station has not shown the final charter yet.
    NotYet,
    /// There is no candidate with this key.
    NoSuchCandidate,
    /// This candidate was confirmed: it can no longer be refused, but the pairing can be abandoned.
    Confirmed,
    /// Our index 0 is written: the line is left only by `state` closed.
    Written,
    /// The pairing has ended.
    Ended(End),
    /// The station's key is not the one that our half of the charter names.
    OtherKey,
}

/// Who ended a pairing before there was a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// A person here.
    Ours,
    /// The other side.
    Theirs,
    /// Nobody: this station was restored from a backup, and a restored copy burns its open invitations.
    Restored,
}

/// How far a pairing has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Nobody has answered yet.
    Waiting,
    /// There are digits to compare.
    Comparing,
    /// A person here has confirmed; the other side's signature is awaited.
    Confirmed,
    /// Our index 0 is written, the peer's is awaited. The inviter's side.
    Countersigned,
    /// The line is open.
    Open,
    /// There will be no line.
    Ended(End),
}

/// Why stored bytes are no state of a pairing. They come from our own store, so this is a fault of our machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StateFault {
    /// Written by a later version of this software; its number.
    Version(u64),
    /// Cut off, changed, or of the other side.
    Malformed,
}

/// The version of the stored states.
const STATE_VERSION: u64 = 1;

impl<S> Step<S> {
    fn none() -> Step<S> {
        Step { commit: None, send: Vec::new(), show: Vec::new() }
    }

    fn commit(state: S) -> Step<S> {
        Step { commit: Some(Commit { state, entries: Vec::new() }), ..Step::none() }
    }

    fn sending(mut self, to: Hash, frame: Frame) -> Step<S> {
        self.send.push((to, frame));
        self
    }

    fn showing(mut self, show: Show) -> Step<S> {
        self.show.push(show);
        self
    }
}

impl End {
    fn number(self) -> u64 {
        self as u64
    }

    fn from_number(number: u64) -> Option<End> {
        [End::Ours, End::Theirs, End::Restored].into_iter().find(|end| end.number() == number)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::OtherDigits => {
                "these digits belong to no candidate: compare all sixteen groups again; if they differ, refuse"
            }
            Refusal::NotYet => "there are no digits yet: the other station has not answered; check the link, then wait",
            Refusal::NoSuchCandidate => "there is no such candidate: list the candidates again",
            Refusal::Confirmed => "this candidate has been confirmed: to end the pairing, abandon it",
            Refusal::Written => "the charter is signed by both and our record has begun: to leave, close the line",
            Refusal::Ended(End::Ours) => "this pairing was abandoned here: make a new invitation",
            Refusal::Ended(End::Theirs) => "the other side has abandoned this pairing: agree on a new invitation",
            Refusal::Ended(End::Restored) => {
                "this station was restored from a backup, which ends open pairings: agree on a new invitation"
            }
            Refusal::OtherKey => {
                "the station's key has changed since our half of the charter was written: abandon, then pair anew"
            }
        })
    }
}

impl core::error::Error for Refusal {}

impl fmt::Display for StateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateFault::Version(number) => write!(
                f,
                "the pairing was stored as version {number} and this program reads {STATE_VERSION}: start the newer program"
            ),
            StateFault::Malformed => {
                f.write_str("the stored pairing cannot be read: restore it from a backup, or pair anew")
            }
        }
    }
}

impl core::error::Error for StateFault {}
