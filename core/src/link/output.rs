//! What goes into a session and what comes out of it.

use alloc::{boxed::Box, string::String, vec::Vec};

use super::rate::Rate;
use crate::fault::Misconduct;
use crate::ids::{EntryRef, Epoch, LineId, Party};
use crate::line::turn::Shown;
use crate::record::entry::Head;
use crate::record::log::Entry;
use crate::record::opening::EpochHeads;
use crate::record::sign1::PublicKey;
use crate::time::Timestamp;

/// One moment on both clocks of the station.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// Monotonic, in milliseconds from any beginning: all waiting is measured on it.
    pub ms: u64,
    /// What the station tells its peer; nothing is decided by it.
    pub wall: Timestamp,
}

/// What this station has committed of one epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// Which, and how far both logs reach.
    pub heads: EpochHeads,
    /// The peer's station key in force for its next entry there. One that opens the epoch is signed by its root instead.
    pub peer_key: PublicKey,
    /// Why the peer's log of that epoch is taken no further, if it is.
    pub halted: Option<Misconduct>,
    /// The size of our log that the peer has named in what we hold of its log: from there it shows, if it has to.
    pub named: u64,
    /// The peer has named a head of our log that we neither hold nor were shown: we ask to be shown what it holds of it.
    pub unknown: bool,
    /// Our log with what is kept beside it, continues it and counts ([`Line::beside`]): so much of it a peer that lacks it is sent.
    /// The size of our log, if there is nothing of that kind.
    ///
    /// [`Line::beside`]: crate::line::Line::beside
    pub counts: u64,
}

/// What a session begins with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// On which line.
    pub line: LineId,
    /// Which of its parties this station is.
    pub me: Party,
    /// Every epoch that is known, ascending, the last being the one that serves; at least one.
    pub held: Vec<Held>,
    /// The peer's root key.
    pub peer_root: PublicKey,
    /// Versions of the protocol that this station speaks: 1 to `limits::VERSIONS_MAX`.
    pub versions: Vec<u64>,
    /// How fast this station reads.
    pub rate: Rate,
    /// Its name for the peer's logs; cut to `limits::SHORT_TEXT_MAX` bytes.
    pub software: String,
    /// When the session begins.
    pub now: Now,
}

/// Entries of one log, from an index up to, not including, another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// In which epoch.
    pub epoch: Epoch,
    /// Whose log: ours is pushed; the peer's own is shown to it, who has lost a part of it.
    pub party: Party,
    /// The first index.
    pub from: u64,
    /// The index after the last; at most `limits::PUSH_ENTRIES_MAX` further.
    pub to: u64,
}

/// An entry of the peer's that its record is to judge.
#[derive(Clone, Debug)]
pub struct Received {
    /// The peer's, of this line.
    pub entry: Entry,
    /// The body, if it came and is the one that the entry names. A deniable body is not passed on: no version writes one.
    pub body: Option<Vec<u8>>,
    /// The key under which the entry's signature, and the grant of any keys that it brings, were found good, that key being
    /// in force at its index if all before it is taken. `None`: it stands below what is held, so that it is either held
    /// already or a fork, and nothing was verified.
    pub verified_under: Option<PublicKey>,
}

/// What the last pong told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Path {
    /// There and back, in milliseconds, with whatever stood in the queue before it.
    pub rtt_ms: u64,
    /// How far the peer's clock is ahead of ours, in milliseconds, if both ways took the same time.
    pub offset_ms: i64,
}

/// Why a session is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The peer broke the protocol in a way that ends a session.
    Misconduct(Misconduct),
    /// The peer's hello is for another line.
    WrongLine,
    /// Nothing came for thirty seconds: no hello, or nothing at all since a ping. Or nothing for fifteen, while the peer was to show our
    /// log within thirty.
    Silent,
}

/// What the station is to do, in order.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each variant's sentence names its fields")]
pub enum Output {
    /// Send this frame.
    Send(Vec<u8>),
    /// Give this to the record.
    Take(Box<Received>),
    /// An entry of our own log that the peer shows us: give it to the record, which judges whether we have signed it.
    Shown(Box<Shown>),
    /// The peer's hello has come, and it has shown all that was asked for of our log; or nothing was. These are the heads that
    /// it named: the record judges whether it holds or was shown them.
    Heard(Vec<EpochHeads>),
    /// The peer's hello came: the link is up. The version both speak, its clock, and what runs there.
    PeerHello { version: u64, clock: Timestamp, software: String },
    /// The peer names a higher head of our log than before in this session. No receipt: those are signed.
    PeerHolds { epoch: Epoch, head: Head },
    /// The peer names more of our log than we hold, or another root at our size: we may be a restored copy. If it did so in its
    /// hello it is asked to show it. Nothing is pushed in that epoch until what we hold agrees.
    Claim { epoch: Epoch, head: Head },
    /// The peer's hello names less of its own log than we hold, or another root at that size: it may be a restored copy.
    PeerLost { epoch: Epoch, head: Head },
    /// The records became even, or no longer are.
    Even(bool),
    /// A pong came.
    Path(Path),
    /// The peer sends faster than our rate: read nothing more before this time, in monotonic milliseconds.
    ReadSlower { until_ms: u64 },
    /// The peer says that we broke the protocol; `None`: in a way that this version does not know, of that number.
    PeerFault { what: Option<Misconduct>, number: u64, text: String },
    /// What the peer tells of the call of this agreeing act, as it came; if it is none, say so by [`super::Session::malformed_voice`].
    Call { epoch: Epoch, act: EntryRef, state: Vec<u8> },
    /// A packet of the peer's voice, as it came; if it is none, say so likewise.
    Voice(Vec<u8>),
    /// The peer broke the protocol. If that halts a log, it is the peer's in this epoch, and the session goes on, as
    /// it does over what is let go; otherwise a close follows. The evidence is the entry or frame.
    Misconduct { what: Misconduct, epoch: Epoch, evidence: Vec<u8> },
    /// The session is over and puts nothing more out; the records are not known to be even any more. Close the connection when what was to be sent is sent.
    Close(Reason),
}
