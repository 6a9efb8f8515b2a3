//! A line read from the store, at the start and after a commit that failed: its epochs from the first on, and what is kept beside
//! its logs (`docs/protocol.md` §4.6).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{EntryRef, Epoch, LineId, Party};
use counterpart_core::line::Line;
use counterpart_core::line::restore::Part;
use counterpart_core::record::charter::Charter;
use counterpart_core::record::entry::{BodyRef, Head};
use counterpart_core::record::log::Entry;
use counterpart_core::record::sign1::Strict;

use super::lines::{entry_key, epoch, log_key};
use crate::store::{LineRow, LogKey, ROWS_MAX, Reader, StoreError};

/// Entries read from the store at once.
const PAGE: u32 = 1_000;

/// Judges an entry before it is taken in.
type Judge<'a> = dyn FnMut(&Line, &Entry) -> Result<(), Misconduct> + 'a;

/// Reads a line from the store, its two logs merged so that each entry finds what its author had seen.
///
/// # Errors
/// [`StoreError::Line`] if what is stored is no line: changed from outside.
pub fn load(reader: &Reader, row: &LineRow) -> Result<Line, StoreError> {
    load_judged(reader, row, &mut |_, _| Ok(()))
}

/// The same, each entry judged before it is taken in.
///
/// # Errors
/// [`StoreError::Line`] with the first entry that `judge` finds wrong.
pub fn load_judged(reader: &Reader, row: &LineRow, judge: &mut Judge<'_>) -> Result<Line, StoreError> {
    let wrong = |found: String| unread(row, found);
    let charter = Charter::decode(&row.charter).map_err(|clause| wrong(format!("charter, clause {clause}")))?;
    let me = Party::from_number(row.me.into()).ok_or_else(|| wrong(format!("party {}", row.me)))?;
    let mut shown = shown(reader, row)?;
    let epochs: BTreeSet<Epoch> =
        reader.logs(row.id)?.iter().map(|log| epoch(&log.key.epoch)).chain(shown.keys().copied()).collect();
    let mut loading = Loading { reader, row, line: Line::new(charter, me), judge };
    for epoch in epochs {
        match shown.remove(&epoch) {
            None => loading.merged(epoch)?,
            Some(shown) => loading.beside_what_was_shown(epoch, &shown)?,
        }
    }
    loading.marked()
}

/// The name of a stored line, for people: the call sign of its peer, if its charter can be read, and its id.
pub(super) fn name(row: &LineRow) -> String {
    let read = Party::from_number(row.me.into()).zip(Charter::decode(&row.charter).ok());
    read.map_or_else(|| LineId(row.id).to_string(), |(me, charter)| called(&charter, me))
}

/// The name of a line, for people: the call sign of its peer and its id.
pub(super) fn called(charter: &Charter, me: Party) -> String {
    format!("{} ({})", charter.party(me.peer()).call_sign, charter.line)
}

fn unread(row: &LineRow, found: String) -> StoreError {
    StoreError::Line { line: name(row), found }
}

/// What the peer showed of our own logs, by epoch, in the order in which it was kept.
fn shown(reader: &Reader, row: &LineRow) -> Result<BTreeMap<Epoch, Vec<Entry>>, StoreError> {
    let mut shown: BTreeMap<Epoch, Vec<Entry>> = BTreeMap::new();
    let mut from = 0;
    loop {
        let page = reader.shown(row.id, from)?;
        for kept in &page {
            let entry = Entry::read(&kept.bytes).map_err(|m| unread(row, format!("what was shown: {}", m.word())))?;
            shown.entry(entry.header.epoch).or_default().push(entry);
        }
        if page.len() < ROWS_MAX as usize {
            return Ok(shown);
        }
        from += ROWS_MAX;
    }
}

/// A line that is being read.
struct Loading<'a, 'j> {
    reader: &'a Reader,
    row: &'a LineRow,
    line: Line,
    judge: &'j mut Judge<'j>,
}

impl<'a> Loading<'a, '_> {
    fn pages(&self, log: LogKey) -> Pages<'a> {
        Pages { reader: self.reader, row: self.row, log, next: 0, page: VecDeque::new() }
    }

    /// Reads both logs of an epoch. An entry waits while what its author had seen is not read; what was taken back may wait for
    /// ever, if the peer keeps it.
    fn merged(&mut self, epoch: Epoch) -> Result<(), StoreError> {
        let id = self.line.id();
        let [mut inviter, mut joiner] = Party::BOTH.map(|party| self.pages(log_key(id, epoch, party)));
        let mut rest = false;
        loop {
            let mut moved = false;
            for party in Party::BOTH {
                let pages = if party == Party::Inviter { &mut inviter } else { &mut joiner };
                while let Some(entry) = pages.peek()? {
                    let known = self.line.span(epoch).map_or(0, |span| span.log(party.peer()).size());
                    if entry.header.held.size > known && !rest {
                        break;
                    }
                    self.take(entry, true)?;
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

    /// Reads an epoch of which the peer has shown parts of our own log: our log whole, then what was shown, then the peer's log. A
    /// head that the peer names lets go of what our log was below it, and where a shown part leaves our log would not be known.
    fn beside_what_was_shown(&mut self, epoch: Epoch, shown: &[Entry]) -> Result<(), StoreError> {
        let (id, me) = (self.line.id(), self.line.me());
        let mut told: BTreeSet<u64> = BTreeSet::new();
        let mut own = self.pages(log_key(id, epoch, me));
        while let Some(entry) = own.peek()? {
            told.extend(&entry.header.lacking);
            self.take(entry, false)?;
            own.advance();
        }
        for entry in shown {
            let at = entry.header.at();
            let recalled = self.line.recall(entry, &Strict);
            recalled.map_err(|m| unread(self.row, format!("entry {at} of epoch {epoch} as shown: {}", m.word())))?;
        }
        let mut peer = self.pages(log_key(id, epoch, me.peer()));
        while let Some(entry) = peer.peek()? {
            self.take(entry, !told.contains(&entry.header.own.size))?;
            peer.advance();
        }
        Ok(())
    }

    /// Takes in one entry. `lacks`: if it is the peer's and its attested body never came, our next entries say so.
    fn take(&mut self, entry: &Entry, lacks: bool) -> Result<(), StoreError> {
        let (at, epoch) = (entry.header.at(), entry.header.epoch);
        let judged = (self.judge)(&self.line, entry).and_then(|()| self.line.reload(entry));
        judged.map_err(|m| unread(self.row, format!("entry {at} of epoch {epoch}: {}", m.word())))?;
        let attested = matches!(entry.header.body, Some(BodyRef::Attested(_)));
        let key = entry_key(self.line.id(), epoch, at);
        if lacks && at.party != self.line.me() && attested && !self.reader.had_body(key)? {
            self.line.lacks(epoch, at.index);
        }
        Ok(())
    }

    /// Puts in what the store says of the line and its logs: of what somebody has taken note, whether our log came in a backup,
    /// where theirs is halted, whether our link key is retired.
    fn marked(self) -> Result<Line, StoreError> {
        let Loading { reader, row, mut line, .. } = self;
        let id = line.id();
        let party = line.me().peer();
        for index in reader.noted(log_key(id, line.epoch(), party))? {
            line.noted_before(EntryRef { party, index });
        }
        for log in reader.logs(row.id)? {
            let epoch = epoch(&log.key.epoch);
            if epoch < line.epoch() {
                let party = if log.key.party == 0 { Party::Inviter } else { Party::Joiner };
                let noted = reader.noted(log.key)?;
                if !noted.is_empty() {
                    let noted = noted.into_iter().map(|index| EntryRef { party, index });
                    line.broken_off_noted_before(epoch, noted);
                }
            }
            if log.restored && log.key == log_key(id, epoch, line.me()) {
                line.mark_restored(epoch);
            }
            // Of an epoch that is not known nothing is halted; it must not be taken for the one that serves.
            let is_known = line.spans().any(|span| span.epoch() == epoch);
            if let Some(misconduct) = log.halted.and_then(Misconduct::from_number).filter(|_| is_known) {
                line.mark_halted(epoch, misconduct);
            }
        }
        if let Some(highest) = row.retired {
            line.mark_retired(highest);
        }
        for judged in reader.judged(row.id)?.into_iter().filter(|judged| !judged.taken) {
            let head = Head { size: judged.size, root: judged.root };
            line.recall_refused(&Part { epoch: epoch(&judged.epoch), head });
        }
        line.rebuilt(&|epoch, at| reader.entry(entry_key(id, epoch, at)).ok().flatten().map(|row| row.bytes));
        Ok(line)
    }
}

/// The entries of one log, a page at a time.
struct Pages<'a> {
    reader: &'a Reader,
    row: &'a LineRow,
    log: LogKey,
    next: u64,
    page: VecDeque<Entry>,
}

impl Pages<'_> {
    fn peek(&mut self) -> Result<Option<&Entry>, StoreError> {
        if self.page.is_empty() {
            for row in self.reader.entries(self.log, self.next, PAGE)? {
                // It stops this line, and none beside it.
                let at = format!("entry {}:{} of epoch {}", self.log.party, row.key.index, epoch(&self.log.epoch));
                let found = |m: Misconduct| unread(self.row, format!("{at}: {}", m.word()));
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
