//! A simulated station: what it has in memory, what it has on disk, and the clock on its wall.

use std::collections::{BTreeSet, VecDeque};

use counterpart_core::act::{Act, Words};
use counterpart_core::ids::{EntryRef, Party};
use counterpart_core::line::Line;
use counterpart_core::line::turn::{Answer, Arrived, Written};
use counterpart_core::link::output::{Held, Now};
use counterpart_core::record::codes::Channel;
use counterpart_core::record::opening::{EpochHeads, Opening};
use counterpart_core::time::Timestamp;

use crate::journal::{Evidence, Journal};
use crate::keys::EntryKey;
use crate::lies::EntryLie;
use crate::plan::Nature;
use crate::promises::Watched;

/// The wall clock when a world begins: 1 January 2026, UTC.
const BEGIN: u64 = 1_767_225_600_000;

/// A clock that drifts and jumps.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// How far ahead it is.
    pub ahead_ms: i64,
    /// How much it gains, in millionths.
    pub drift_ppm: i64,
}

impl Clock {
    /// What it shows.
    pub fn shows(&self, now_ms: u64) -> Timestamp {
        let gained = now_ms.cast_signed() * self.drift_ppm / 1_000_000;
        Timestamp((BEGIN + now_ms).saturating_add_signed(gained + self.ahead_ms))
    }
}

/// Something that waits for the record.
#[derive(Debug)]
pub enum Message {
    /// Write index 0.
    Open(Box<Opening>),
    /// A person asks for an act.
    Act(Box<Act>, Option<Words>),
    /// A bell says that it rings.
    Alerting(EntryRef, Channel),
    /// An entry of the peer's, and the connection over which it came.
    Arrived(usize, Box<Arrived>),
    /// The link found misconduct.
    Breach(Evidence),
    /// A liar writes past its own judge.
    Lie(EntryLie),
}

/// What a turn decided for one line and no commit has kept yet.
#[derive(Debug)]
pub struct Tentative {
    /// Which of the station's lines.
    pub at: usize,
    /// To be stored.
    pub written: Vec<Written>,
    /// To be told after the commit.
    pub answers: Vec<Answer>,
    /// To be stored.
    pub evidence: Vec<Evidence>,
    /// The peer's entries among the inputs, as bytes, and the connections over which they came.
    pub arrived: Vec<(EntryRef, Vec<u8>)>,
    /// Those connections.
    pub fed_by: BTreeSet<usize>,
    /// When the clock makes something due.
    pub next: Option<Timestamp>,
}

/// A line as one station keeps it.
#[derive(Debug)]
pub struct Kept {
    /// Which wire of the world it runs over.
    pub wire: usize,
    /// In memory; tentative while a commit is under way.
    pub line: Line,
    /// On disk.
    pub journal: Journal,
    /// When each entry was committed, by the world's clock, in the order of the parties.
    pub committed_ms: [Vec<u64>; 2],
    /// What may not change any more.
    pub watched: Watched,
    /// When the clock makes something due.
    pub next: Option<Timestamp>,
    /// The connection that serves it.
    pub current: Option<usize>,
    /// When the last session began, by the clock that never jumps.
    pub up_since_ms: u64,
    /// As far as the link has shown.
    pub even: bool,
    /// A turn is owed.
    pub stirred: bool,
    /// What rings.
    pub ringing: BTreeSet<EntryRef>,
}

impl Kept {
    /// A line of which nothing is written yet.
    pub fn new(wire: usize, line: Line) -> Kept {
        Kept {
            wire,
            journal: Journal::new(line.charter().clone(), line.me()),
            line,
            committed_ms: [Vec::new(), Vec::new()],
            watched: Watched::default(),
            next: None,
            current: None,
            up_since_ms: 0,
            even: false,
            stirred: true,
            ringing: BTreeSet::new(),
        }
    }

    /// What a session is told: what is on disk.
    pub fn held(&self) -> Held {
        let heads = EpochHeads { epoch: self.line.epoch(), heads: Party::BOTH.map(|p| self.journal.head(p)) };
        Held { heads, peer_key: self.line.peer().key(), halted: self.journal.halted(), named: self.line.own().from() }
    }

    /// What a session would be told of a state that is not on disk: only a fault does that.
    pub fn tentative(&self) -> Held {
        let heads = EpochHeads { epoch: self.line.epoch(), heads: Party::BOTH.map(|p| self.line.log(p).head()) };
        Held { heads, ..self.held() }
    }
}

/// A station.
pub struct Station {
    /// Its call sign.
    pub name: &'static str,
    /// What it is like.
    pub nature: Nature,
    /// Signs its entries.
    pub key: EntryKey,
    /// On its wall.
    pub clock: Clock,
    /// When it was started, by the world's clock.
    pub started_ms: u64,
    /// Whether it runs.
    pub running: bool,
    /// How often it was started: what was meant for an earlier run is void.
    pub run: u64,
    /// It crashes during its next commit.
    pub doomed: bool,
    /// When it wakes by itself.
    pub wake_ms: Option<u64>,
    /// What waits, each with the line that it is for.
    pub inbox: VecDeque<(usize, Message)>,
    /// The commit under way.
    pub pending: Option<Vec<Tentative>>,
    /// Its lines.
    pub kept: Vec<Kept>,
}

impl Station {
    /// This moment on both of its clocks.
    pub fn now(&self, now_ms: u64) -> Now {
        Now { ms: now_ms.saturating_sub(self.started_ms), wall: self.clock.shows(now_ms) }
    }

    /// Whether it runs what we ship.
    pub fn honest(&self) -> bool {
        self.nature == Nature::Honest
    }
}
