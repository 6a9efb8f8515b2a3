//! What is known of each line's link: shown to people and judged by `core`'s `health`; it decides no status.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{Epoch, LineId};
use counterpart_core::link::Path;
use counterpart_core::record::entry::Head;

use super::Transport;
use super::withheld::Withheld;
use crate::words::Sentence;

/// What is known of one line's link.
#[derive(Clone, Debug, Default)]
pub struct LinkState {
    /// A session is up since this moment, in milliseconds since the station's start.
    pub up_since_ms: Option<u64>,
    /// How long the peer was connected and showed nothing new of our own log.
    pub withheld: Withheld,
    /// None is up since this moment; 0 at the start.
    pub down_since_ms: u64,
    /// What carries it.
    pub transport: Option<Transport>,
    /// The other end.
    pub remote: Option<SocketAddr>,
    /// Round trip and the difference of the clocks, by the last pong.
    pub path: Option<Path>,
    /// Packets sent and lost on the present connection since the peer's hello, if it is QUIC. Those of the handshake may have met a
    /// station that was only starting.
    pub packets: Option<(u64, u64)>,
    /// What runs there.
    pub software: String,
    /// How far the peer's clock was ahead of ours at its hello, in milliseconds.
    pub clock_ahead_ms: Option<i64>,
    /// The records are even.
    pub even: bool,
    /// The last attempts to reach the peer since the link went down, by address, and how each failed.
    pub tried: BTreeMap<String, Sentence>,
    /// How often an address was tried since the link went down, and how many of the tries ended in a handshake.
    pub tries: u32,
    /// Of these, how many ended in a handshake.
    pub handshakes: u32,
    /// Whether a reference that the operator named answered since; `None`: none was named, or none was asked yet.
    pub reference: Option<bool>,
    /// The reference that answered, or the last one asked.
    pub reference_asked: String,
    /// The peer claims to hold more of our log than we do, or another.
    pub claim: Option<(Epoch, Head)>,
    /// The peer holds less of its own log than we do, or another.
    pub peer_lost: Option<(Epoch, Head)>,
    /// The peer has used up what it may have stored here: until when nothing more of it is read, in milliseconds since the start.
    pub slowed_until_ms: Option<u64>,
    /// What it broke last.
    pub misconduct: Option<Misconduct>,
}

/// Every line's link; cheap to clone.
#[derive(Clone, Default, Debug)]
pub struct Board(Arc<Mutex<BTreeMap<LineId, LinkState>>>);

impl Board {
    /// Changes what is known of one line.
    pub fn change(&self, line: LineId, change: impl FnOnce(&mut LinkState)) {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(links.entry(line).or_default());
    }

    /// What is known of one line.
    pub fn of(&self, line: LineId) -> LinkState {
        let links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.get(&line).cloned().unwrap_or_default()
    }
}
