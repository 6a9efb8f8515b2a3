//! The lines in memory: read from the store at the start, and again if a commit fails.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{EntryRef, Epoch, LineId, Party};
use counterpart_core::line::Line;
use counterpart_core::line::turn::{Folded, Written};
use counterpart_core::record::charter::Charter;
use counterpart_core::record::entry::BodyRef;
use counterpart_core::record::log::Entry;
use counterpart_core::record::sign1::Strict;
use counterpart_core::time::Timestamp;

use super::published::{LinePublished, Pushed, RECENT_MAX, WORDS_MAX};
use super::steady::Steady;
use crate::store::{Append, EntryKey, EpochKey, HeadUpdate, LineRow, LogKey, Reader, StoreError, ThingRef};

/// Entries read from the store at once.
const PAGE: u32 = 1_000;

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
}

impl Kept {
    pub(super) fn new(line: Line) -> Kept {
        let at_hand_of = line.epoch();
        let (steady, recent, words) = (Steady::default(), VecDeque::new(), VecDeque::new());
        Kept { line, next: None, steady, stirred: true, recent, words, at_hand_of }
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

    pub(super) fn publish(&self) -> LinePublished {
        let line = &self.line;
        let (peer, log) = (line.me().peer(), line.peer());
        let terms = line.facts().all().charter().party(peer).clone();
        LinePublished {
            me: line.me(),
            epoch: line.epoch(),
            held: line.held(),
            restore: line.restore(),
            peer_root: log.root_key(),
            peer_link: line.keys(peer).link,
            own_link: line.keys(line.me()).link,
            peer_addresses: terms.addresses,
            rings: counterpart_core::line::ringing::rings(&line.facts().all(), line.me()),
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
}

impl Lines {
    /// Every line.
    pub fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.kept.values()
    }

    /// One line.
    pub fn line(&self, id: &LineId) -> Option<&Kept> {
        self.kept.get(id)
    }

    /// Reads every line from the store.
    pub(super) fn load(reader: &Reader) -> Result<Lines, StoreError> {
        let mut lines = Lines::default();
        for row in reader.lines()?.into_iter().filter(is_line) {
            let line = load(reader, &row)?;
            lines.kept.insert(line.id(), Kept::new(line));
        }
        Ok(lines)
    }

    /// Reads one line again, after a commit that failed. What is known of its link stays.
    pub(super) fn reload(&mut self, reader: &Reader, id: LineId) -> Result<(), StoreError> {
        let row = reader.lines()?.into_iter().find(|row| row.id == id.0);
        match (row, self.kept.get_mut(&id)) {
            (Some(row), Some(kept)) => {
                kept.line = load(reader, &row)?;
                kept.recent.clear();
                kept.words.clear();
            }
            _ => {
                self.kept.remove(&id);
            }
        }
        Ok(())
    }
}

/// Reads a line from the store, its two logs merged so that each entry finds what its author had seen.
///
/// # Errors
/// [`StoreError::Corrupt`] if what is stored is no line: changed from outside.
pub fn load(reader: &Reader, row: &LineRow) -> Result<Line, StoreError> {
    load_judged(reader, row, &mut |_, _| Ok(()))
}

/// The same, each entry judged before it is taken in.
///
/// # Errors
/// [`StoreError::Corrupt`] with the first entry that `judge` finds wrong.
pub fn load_judged(
    reader: &Reader,
    row: &LineRow,
    judge: &mut dyn FnMut(&Line, &Entry) -> Result<(), Misconduct>,
) -> Result<Line, StoreError> {
    let corrupt = |found: String| StoreError::Corrupt { found };
    let charter = Charter::decode(&row.charter).map_err(|clause| corrupt(format!("charter, clause {clause}")))?;
    let me = Party::from_number(row.me.into()).ok_or_else(|| corrupt(format!("party {}", row.me)))?;
    let mut line = Line::new(charter, me);
    let mut epochs: Vec<Epoch> = reader.logs(row.id)?.iter().map(|log| epoch(&log.key.epoch)).collect();
    epochs.dedup();
    for epoch in epochs {
        load_epoch(reader, &mut line, epoch, judge)?;
    }
    beside(reader, row, &mut line)?;
    Ok(line)
}

/// Reads both logs of one epoch. An entry waits while what its author had seen is not read; what was taken back may wait for
/// ever, if the peer keeps it.
fn load_epoch(
    reader: &Reader,
    line: &mut Line,
    epoch: Epoch,
    judge: &mut dyn FnMut(&Line, &Entry) -> Result<(), Misconduct>,
) -> Result<(), StoreError> {
    let id = line.id();
    let [mut inviter, mut joiner] = Party::BOTH.map(|party| Pages::new(reader, log_key(id, epoch, party)));
    let mut rest = false;
    loop {
        let mut moved = false;
        for party in Party::BOTH {
            let pages = if party == Party::Inviter { &mut inviter } else { &mut joiner };
            while let Some(entry) = pages.peek()? {
                let known = line.span(epoch).map_or(0, |span| span.log(party.peer()).size());
                if entry.header.held.size > known && !rest {
                    break;
                }
                let at = entry.header.at();
                let judged = judge(line, entry).and_then(|()| line.reload(entry));
                judged.map_err(|m| StoreError::Corrupt { found: format!("entry {at}: {}", m.word()) })?;
                let attested = matches!(entry.header.body, Some(BodyRef::Attested(_)));
                if party != line.me() && attested && !reader.had_body(entry_key(id, epoch, at))? {
                    line.lacks(epoch, at.index);
                }
                pages.advance();
                moved = true;
            }
        }
        if !moved && rest {
            return Ok(());
        }
        rest = !moved;
    }
}

/// What the store keeps of a line beside its logs: what the peer showed of ours, of what somebody has taken note, whether our log came in a backup, where theirs is
/// halted, whether our link key is retired.
fn beside(reader: &Reader, row: &LineRow, line: &mut Line) -> Result<(), StoreError> {
    let mut from = 0;
    loop {
        let page = reader.shown(row.id, from)?;
        for shown in &page {
            let recalled = Entry::read(&shown.bytes).and_then(|entry| line.recall(&entry, &Strict));
            recalled.map_err(|m| StoreError::Corrupt { found: format!("what was shown: {}", m.word()) })?;
        }
        if page.len() < crate::store::ROWS_MAX as usize {
            break;
        }
        from += crate::store::ROWS_MAX;
    }
    let party = line.me().peer();
    for index in reader.noted(log_key(line.id(), line.epoch(), party))? {
        line.noted_before(EntryRef { party, index });
    }
    for log in reader.logs(row.id)? {
        let epoch = epoch(&log.key.epoch);
        if log.restored && log.key == log_key(line.id(), line.epoch(), line.me()) {
            line.mark_restored();
        }
        if let Some(misconduct) = log.halted.and_then(Misconduct::from_number) {
            line.mark_halted(epoch, misconduct);
        }
    }
    if row.retired {
        line.mark_retired();
    }
    let id = line.id();
    line.rebuilt(&|epoch, at| reader.entry(entry_key(id, epoch, at)).ok().flatten().map(|row| row.bytes));
    Ok(())
}

/// The entries of one log, a page at a time.
struct Pages<'a> {
    reader: &'a Reader,
    log: LogKey,
    next: u64,
    page: VecDeque<Entry>,
}

impl<'a> Pages<'a> {
    fn new(reader: &'a Reader, log: LogKey) -> Pages<'a> {
        Pages { reader, log, next: 0, page: VecDeque::new() }
    }

    fn peek(&mut self) -> Result<Option<&Entry>, StoreError> {
        if self.page.is_empty() {
            for row in self.reader.entries(self.log, self.next, PAGE)? {
                let found = |_| StoreError::Corrupt { found: format!("entry {} cannot be read", row.key.index) };
                self.page.push_back(Entry::read(&row.bytes).map_err(found)?);
                self.next = row.key.index + 1;
            }
        }
        Ok(self.page.front())
    }

    fn advance(&mut self) {
        self.page.pop_front();
    }
}

/// An epoch by the store's key.
pub fn epoch(key: &EpochKey) -> Epoch {
    Epoch { number: key.number, id: key.id }
}

/// The store's key of a log.
pub fn log_key(line: LineId, epoch: Epoch, party: Party) -> LogKey {
    let epoch = EpochKey { number: epoch.number, id: epoch.id };
    LogKey { line: line.0, epoch, party: u8::from(party == Party::Joiner) }
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
