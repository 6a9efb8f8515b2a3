//! A simulated station: what it has in memory, what it has on disk, and the clock on its wall.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use counterpart_core::act::{Act, Words};
use counterpart_core::ids::{EntryRef, Epoch};
use counterpart_core::line::Line;
use counterpart_core::line::restore::{Judgement, NewEpoch, Part, Restore, Word as Because};
use counterpart_core::line::turn::{Answer, Arrived, Shown, Written};
use counterpart_core::link::output::{Held, Now, Range};
use counterpart_core::record::codes::Channel;
use counterpart_core::record::merkle::Hash;
use counterpart_core::record::opening::{EpochHeads, Opening};
use counterpart_core::record::sign1::PublicKey;
use counterpart_core::time::Timestamp;

use crate::backups::Backup;
use crate::journal::{Evidence, Journal};
use crate::keys::{EntryKey, KeySet};
use crate::lies::EntryLie;
use crate::plan::Nature;
use crate::watched::Watched;

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
    /// A person, who looks at this epoch, asks for an act.
    Act(Epoch, Box<Act>, Option<Words>),
    /// A bell says that it rings.
    Alerting(Epoch, EntryRef, Channel),
    /// An entry of the peer's, and the connection over which it came.
    Arrived(usize, Box<Arrived>),
    /// An entry of our own, shown by the peer, and the connection over which it came.
    Shown(usize, Box<Shown>),
    /// The peer has been heard over this connection; what its hello named.
    Heard(usize, Vec<EpochHeads>),
    /// A person with root's list takes or refuses what was shown, and opens an epoch or does not.
    Root(Box<Word>),
    /// The peer has shown that this link key of ours is retired, and epochs up to this number.
    Retired(Hash, u64),
    /// The link found misconduct.
    Breach(Evidence),
    /// A liar writes past its own judge.
    Lie(EntryLie),
}

/// What a person with the root key does on one line.
#[derive(Clone, Debug)]
pub enum Word {
    /// Only says what becomes of what was shown.
    Judges(Judgement),
    /// Opens an epoch with these fresh keys, which are on disk, and in every later backup.
    Opens(NewEpoch),
}

/// What a turn decided for one line and no commit has kept yet.
#[derive(Debug)]
pub struct Tentative {
    /// Which of the station's lines.
    pub at: usize,
    /// To be stored.
    pub written: Vec<Written>,
    /// To be stored beside the logs.
    pub shown: Vec<Shown>,
    /// To be stored: what a person refused of what was shown.
    pub refused: Vec<Part>,
    /// To be stored: our link key was shown to be retired, or we have a new one.
    pub retired: Option<Option<u64>>,
    /// Why an epoch was opened, if one was.
    pub opened: Option<Opened>,
    /// To be told after the commit.
    pub answers: Vec<Answer>,
    /// To be stored.
    pub evidence: Vec<Evidence>,
    /// The peer's entries among the inputs, as bytes.
    pub arrived: Vec<(Epoch, EntryRef, Vec<u8>)>,
    /// The connections over which they came.
    pub fed_by: BTreeSet<usize>,
    /// When the clock makes something due.
    pub next: Option<Timestamp>,
}

impl Tentative {
    /// Whether there is something to be stored.
    pub fn is_some(&self) -> bool {
        let stored =
            [self.written.is_empty(), self.shown.is_empty(), self.refused.is_empty(), self.evidence.is_empty()];
        stored.contains(&false) || self.retired.is_some()
    }
}

/// An epoch that root has opened.
#[derive(Clone, Copy, Debug)]
pub struct Opened {
    /// What the line waited for.
    pub because: Restore,
    /// Of the person.
    pub word: Because,
    /// The fresh station key.
    pub key: PublicKey,
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
    /// What a session is told: what is on disk.
    pub held: Vec<Held>,
    /// The peer's link key that the record had, and the later one for which its chain vouches.
    pub vouched: Option<[Hash; 2]>,
    /// What may not change any more.
    pub watched: Watched,
    /// When the clock makes something due.
    pub next: Option<Timestamp>,
    /// The peer had been heard when the last commit was done.
    pub heard: bool,
    /// How long it has been connected since the start, or since the peer has last shown something of our log.
    pub unshown_ms: u64,
    /// The connection that serves it.
    pub current: Option<usize>,
    /// When the last session began, by the clock that never jumps.
    pub up_since_ms: u64,
    /// As far as the link has shown.
    pub even: bool,
    /// A turn is owed.
    pub stirred: bool,
    /// What rings.
    pub ringing: BTreeSet<(Epoch, EntryRef)>,
}

impl Kept {
    /// A line of which nothing is written yet.
    pub fn new(wire: usize, line: Line) -> Kept {
        Kept {
            wire,
            journal: Journal::new(line.charter().clone(), line.me()),
            held: line.held(),
            line,
            vouched: None,
            watched: Watched::default(),
            next: None,
            heard: false,
            unshown_ms: 0,
            current: None,
            up_since_ms: 0,
            even: false,
            stirred: true,
            ringing: BTreeSet::new(),
        }
    }

    /// Entries that are to be sent: of a log on disk, and behind our own what is kept beside it and counts.
    pub fn entries(&self, range: Range) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let log = self.journal.of(range.epoch).map(|part| part.log(range.party)).unwrap_or_default();
        let beside = self.line.beside(range.epoch).iter().filter(|_| range.party == self.line.me());
        let shown = beside.filter_map(|entry| {
            let shown = self.journal.shown().iter().find(|shown| shown.entry.leaf == entry.leaf)?;
            Some((&entry.bytes, &shown.body))
        });
        let held = log.iter().map(|stored| (&stored.entry.bytes, &stored.body));
        let wanted = held.chain(shown).skip(range.from as usize).take((range.to - range.from) as usize);
        wanted.map(|(bytes, body)| (bytes.clone(), body.clone())).collect()
    }
}

/// A station.
pub struct Station {
    /// Its call sign.
    pub name: &'static str,
    /// What it is like.
    pub nature: Nature,
    /// Its private keys, as they are on disk; the first are those of the charters.
    pub keys: Vec<Rc<KeySet>>,
    /// Its backups, oldest first.
    pub backups: Vec<Backup>,
    /// Kept elsewhere, and brought when an epoch is to be opened.
    pub root: Rc<EntryKey>,
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

    /// The private key of this public one; without it the first, with which the line signs nothing then.
    pub fn key_of(&self, public: PublicKey) -> Rc<KeySet> {
        use counterpart_core::record::sign1::Sign;
        let found = self.keys.iter().find(|set| set.entry.public() == public);
        found.unwrap_or(&self.keys[0]).clone()
    }
}
