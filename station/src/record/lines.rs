//! The lines in memory: read from the store at the start, and again if a commit fails. One that cannot be read is not served, and
//! is named; the others are.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;

use counterpart_core::ids::{EntryRef, Epoch, LineId, Party};
use counterpart_core::line::Line;
use counterpart_core::line::turn::{Folded, Written};
use counterpart_core::time::Timestamp;

use super::load::{called, load, name};
use super::published::{LinePublished, Pushed, RECENT_MAX, WORDS_MAX};
use super::steady::Steady;
use crate::store::{Append, EntryKey, EpochKey, HeadUpdate, LineRow, LogKey, Reader, StoreError, ThingRef};
use crate::words::{Sentence, Tell};

/// The states of a line in the store: it has begun; its pairing has ended before the other side began it.
pub(super) const LINE_BEGUN: u8 = 1;
pub(super) const LINE_ENDED: u8 = 2;

/// Whether a stored line is one still: not if its pairing ended before the other side began it.
pub fn is_line(row: &LineRow) -> bool {
    row.state != LINE_ENDED
}

/// How far a line is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineStatus {
    /// Both have signed, and both logs have begun.
    Open,
    /// Our log has begun, theirs is not held yet.
    Pending,
}

/// One line as the record thread keeps it.
pub struct Kept {
    /// The folded logs.
    pub line: Line,
    /// When the clock will next make something due.
    pub(super) next: Option<Timestamp>,
    /// What the link lets us write by ourselves.
    pub(super) steady: Steady,
    /// Something has changed since the last turn.
    pub(super) stirred: bool,
    pub(super) recent: VecDeque<Pushed>,
    pub(super) words: VecDeque<(EntryRef, Arc<[u8]>)>,
    at_hand_of: Epoch,
    /// The peer has been heard since the start, and all that it showed until then is committed: what no store keeps.
    pub(super) heard: bool,
    /// Our link key was shown to be retired, up to the epoch of this number, and that is not committed yet.
    pub(super) retires: Option<u64>,
}

impl Kept {
    pub(super) fn new(line: Line) -> Kept {
        let at_hand_of = line.epoch();
        let (steady, recent, words) = (Steady::default(), VecDeque::new(), VecDeque::new());
        Kept { line, next: None, steady, stirred: true, recent, words, at_hand_of, heard: false, retires: None }
    }

    /// How far it is in its life.
    pub fn status(&self) -> LineStatus {
        if self.line.peer().size() > 0 { LineStatus::Open } else { LineStatus::Pending }
    }

    /// Whether the link is up.
    pub fn is_up(&self) -> bool {
        self.steady.is_up()
    }

    /// Whether the records are even, as far as the link has shown.
    pub fn is_even(&self) -> bool {
        self.steady.is_even()
    }

    /// When the clock will next make something due; `None`: nothing waits for it.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.next
    }

    /// What is committed of it, after a commit that failed, and what was known before and no store keeps.
    fn begin_again(&mut self, line: Line) {
        self.line = line;
        if self.heard {
            self.line.mark_heard();
        }
        if let Some(highest) = self.retires {
            self.line.mark_retired(highest);
        }
        self.recent.clear();
        self.words.clear();
    }

    pub(super) fn publish(&self) -> LinePublished {
        let line = &self.line;
        let (peer, log) = (line.me().peer(), line.peer());
        let terms = line.facts().all().charter().party(peer).clone();
        LinePublished {
            me: line.me(),
            epoch: line.epoch(),
            held: line.held(),
            is_closed: line.facts().all().line_closed().is_some(),
            restore: line.restore(),
            peer_root: log.root_key(),
            peer_link: line.keys(peer).link,
            own_link: line.keys(line.me()).link,
            peer_addresses: terms.addresses,
            rings: line.rings(),
            tally: line.tally(),
            recent: self.recent.clone(),
            words: self.words.clone(),
        }
    }

    /// Keeps own entries at hand for the link, and their words for what rings.
    pub(super) fn push(&mut self, written: &Written) {
        // Those at hand are of the epoch that serves, ours without a gap.
        if written.epoch != self.line.epoch() || written.taken_back {
            return;
        }
        if self.at_hand_of != written.epoch {
            self.recent.clear();
            self.words.clear();
            self.at_hand_of = written.epoch;
        }
        if written.entry.header.party != self.line.me() {
            if let Some(body) = &written.body {
                self.words.push_back((written.entry.header.at(), body.as_slice().into()));
                if self.words.len() > WORDS_MAX {
                    self.words.pop_front();
                }
            }
            return;
        }
        self.recent.push_back(Pushed {
            index: written.entry.header.own.size,
            bytes: written.entry.bytes.as_slice().into(),
            body: written.body.as_deref().map(Into::into),
        });
        while self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
        }
    }
}

/// All lines of the station, as committed.
#[derive(Default)]
pub struct Lines {
    pub(super) kept: BTreeMap<LineId, Kept>,
    unread: BTreeMap<LineId, Unread>,
}

/// A line that the store keeps and that cannot be read: nothing is signed on it, nobody is met for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unread {
    /// Which.
    pub id: LineId,
    /// The call sign of its peer, if its charter can be read, and its id.
    pub name: String,
    /// What was found, and what to do.
    pub found: Sentence,
}

impl Unread {
    /// A stored line that this error stops.
    pub fn of(row: &LineRow, error: &StoreError) -> Unread {
        Unread { id: LineId(row.id), name: name(row), found: error.sentence() }
    }

    /// Whether somebody who says this, in lower case, means it: the call sign of its peer, its id, or the first 4 or more digits of it.
    pub fn is_called(&self, said: &str) -> bool {
        let sign = self.name.split(" (").next().unwrap_or_default();
        sign.to_lowercase() == said || said.len() >= 4 && self.id.to_string().starts_with(said)
    }
}

impl Lines {
    /// Every line that is served.
    pub fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.kept.values()
    }

    /// One line.
    pub fn line(&self, id: &LineId) -> Option<&Kept> {
        self.kept.get(id)
    }

    /// Lines that cannot be read.
    pub fn unread(&self) -> impl Iterator<Item = &Unread> {
        self.unread.values()
    }

    /// Reads every line from the store. What is wrong with one line stops that line alone.
    pub(super) fn load(reader: &Reader) -> Result<Lines, StoreError> {
        let mut lines = Lines::default();
        for row in reader.lines()?.into_iter().filter(is_line) {
            match load(reader, &row) {
                Ok(line) => drop(lines.kept.insert(line.id(), Kept::new(line))),
                Err(error @ StoreError::Line { .. }) => lines.leave(Unread::of(&row, &error), &error),
                Err(error) => return Err(error),
            }
        }
        Ok(lines)
    }

    /// Reads one line again, after a commit that failed. What is known of its link stays.
    pub(super) fn reload(&mut self, reader: &Reader, id: LineId) {
        let read = reader.lines().and_then(|rows| {
            let row = rows.into_iter().find(|row| row.id == id.0);
            row.map(|row| load(reader, &row)).transpose()
        });
        match (read, self.kept.get_mut(&id)) {
            (Ok(Some(line)), Some(kept)) => kept.begin_again(line),
            // It was to begin with this commit.
            (Ok(_), _) => drop(self.kept.remove(&id)),
            (Err(error), kept) => {
                let name = kept.map_or(id.to_string(), |kept| called(kept.line.charter(), kept.line.me()));
                self.leave(Unread { id, name, found: error.sentence() }, &error);
            }
        }
    }

    fn leave(&mut self, unread: Unread, error: &StoreError) {
        // The log names no organisation.
        let found = if let StoreError::Line { found, .. } = error { found.clone() } else { error.to_string() };
        tracing::error!(line = %unread.id, found, "a line cannot be read and is not served");
        self.kept.remove(&unread.id);
        self.unread.insert(unread.id, unread);
    }
}

/// An epoch by the store's key.
pub fn epoch(key: &EpochKey) -> Epoch {
    Epoch { number: key.number, id: key.id }
}

/// The store's key of an epoch.
pub(super) fn epoch_key(epoch: Epoch) -> EpochKey {
    EpochKey { number: epoch.number, id: epoch.id }
}

/// The store's key of a log.
pub fn log_key(line: LineId, epoch: Epoch, party: Party) -> LogKey {
    LogKey { line: line.0, epoch: epoch_key(epoch), party: u8::from(party == Party::Joiner) }
}

/// The store's key of an entry.
pub fn entry_key(line: LineId, epoch: Epoch, at: EntryRef) -> EntryKey {
    EntryKey { log: log_key(line, epoch, at.party), index: at.index }
}

/// What is stored of an entry that a turn decided.
pub(super) fn append(line: LineId, written: &Written) -> Append {
    let at = written.entry.header.at();
    let thing = written.thing.map(thing_ref);
    Append {
        key: entry_key(line, written.epoch, at),
        bytes: written.entry.bytes.clone(),
        body: written.body.clone(),
        kind: written.entry.header.kind().map_or(u64::MAX, counterpart_core::record::kind::Kind::number),
        thing,
        claimed: written.entry.header.time.0,
        actor: None,
    }
}

/// The thing of an entry that was stored before its past was held.
pub(super) fn folded_row(line: LineId, folded: &Folded) -> Option<(EntryKey, ThingRef)> {
    let thing = folded.thing?;
    Some((entry_key(line, folded.epoch, folded.at), thing_ref(thing)))
}

fn thing_ref(at: EntryRef) -> ThingRef {
    ThingRef { party: u8::from(at.party == Party::Joiner), index: at.index }
}

/// The head row of one log of a line; `None` if it has no such epoch.
pub(super) fn head(line: &Line, epoch: Epoch, party: Party) -> Option<HeadUpdate> {
    let log = line.span(epoch)?.log(party);
    let head = log.head();
    Some(HeadUpdate {
        log: log_key(line.id(), epoch, party),
        size: head.size,
        edge: log.edge().to_bytes(),
        root: head.root,
    })
}
