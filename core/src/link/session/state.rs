//! What a session is in.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::calls::Voice;
use crate::ids::Epoch;
use crate::link::pulse::Pulse;
use crate::link::rate::Bucket;
use crate::record::opening::EpochHeads;

/// What the session waits for.
#[derive(Debug)]
pub(super) enum State {
    /// The peer's hello, until this time.
    AwaitingHello { until_ms: u64 },
    /// Anything.
    Open(Open),
    /// Nothing more.
    Closed,
}

#[derive(Debug)]
pub(super) struct Open {
    pub pulse: Pulse,
    /// Pays for what is sent, at the peer's rate: what the peer would leave unread would stand before our pings.
    pub sending: Bucket,
    /// The highest epoch that the peer has named.
    pub latest: Epoch,
    /// The peer's hello, while it has shown nothing of what it claims there: the evidence.
    pub hello: Vec<u8>,
    /// What the peer's hello names, until it is said that the peer has been heard.
    pub named: Option<Vec<EpochHeads>>,
    /// The peer has been told that all it had when the session began is committed here.
    pub caught_up: bool,
    /// The peer's calls; `None`: the version that both speak has none.
    pub voice: Option<Box<Voice>>,
}
