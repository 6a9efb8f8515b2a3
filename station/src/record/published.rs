//! What followers may see: an immutable view, replaced after each commit. Nothing is in it that the record does not hold.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use counterpart_core::ids::{EntryRef, Epoch, LineId, Party};
use counterpart_core::line::broken::Tally;
use counterpart_core::line::restore::Restore;
use counterpart_core::line::ringing::Ring;
use counterpart_core::link::Held;
use counterpart_core::record::sign1::PublicKey;
use counterpart_core::time::Timestamp;

use super::lines::Unread;

/// Own entries kept at hand, so that the link need not read from the disk what was just written to it.
pub(super) const RECENT_MAX: usize = 256;
/// Bodies of theirs kept at hand, so that what has just come rings without a look on the disk.
pub(super) const WORDS_MAX: usize = 8;

/// Every line as committed.
#[derive(Clone, Default, Debug)]
pub struct Published {
    /// Counts commits.
    pub version: u64,
    /// By line.
    pub lines: BTreeMap<LineId, Arc<LinePublished>>,
    /// Lines that cannot be read, and are not served.
    pub unread: Arc<[Unread]>,
    /// Since when another program holds the database: nothing of theirs is taken meanwhile or rings, and nothing of ours is written.
    pub held_since: Option<Timestamp>,
}

/// One entry of ours, ready to be sent.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// Its index in our log.
    pub index: u64,
    /// As signed.
    pub bytes: Arc<[u8]>,
    /// Its body.
    pub body: Option<Arc<[u8]>>,
}

/// One line as committed.
#[derive(Clone, Debug)]
pub struct LinePublished {
    /// Which side we are.
    pub me: Party,
    /// The epoch in which we write.
    pub epoch: Epoch,
    /// What is committed of each epoch, ascending; the last serves.
    pub held: Vec<Held>,
    /// Whether a side has closed the line in the epoch that serves.
    pub is_closed: bool,
    /// What the line waits for before it signs.
    pub restore: Restore,
    /// The peer's root key.
    pub peer_root: PublicKey,
    /// The key that its station proves on the link.
    pub peer_link: [u8; 32],
    /// The key that ours proves.
    pub own_link: [u8; 32],
    /// `host:port` where the charter says that the peer listens.
    pub peer_addresses: Vec<String>,
    /// What must ring here.
    pub rings: Vec<Ring>,
    /// What the list of what broke off is known by, which rings at one entry however much it is.
    pub tally: Option<Tally>,
    /// Our latest entries, oldest first.
    pub recent: VecDeque<Pushed>,
    /// The bodies that came last with entries of theirs, oldest first.
    pub words: VecDeque<(EntryRef, Arc<[u8]>)>,
}

impl LinePublished {
    /// Whether a talk of this epoch can go on: the epoch serves, neither side has closed the line in it, and the peer's log is taken
    /// further.
    pub fn carries_talks_of(&self, epoch: Epoch) -> bool {
        let halted = self.held.iter().any(|held| held.heads.epoch == epoch && held.halted.is_some());
        self.epoch == epoch && !self.is_closed && !halted
    }
}
