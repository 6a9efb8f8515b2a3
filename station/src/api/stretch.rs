//! Reading some of the record in merge order. What is read is what was asked for, and some twenty entries to find where that
//! begins, however long the logs.

use counterpart_core::ids::{EntryRef, Epoch, LineId, Party};
use counterpart_core::record::log::Entry;

use crate::record::{entry_key, log_key};
use crate::store::{EntryRow, ROWS_MAX, Range, Reader, StoreError};
use crate::view::order::{Order, merge};
use crate::view::record::{From, Page, Stretch};

/// Bytes of the words on one page. They are held while it is made and sent, whether it shows them or only says that they are held.
pub const WORDS_BYTES_MAX: u64 = 1024 * 1024;

/// Both logs of a line in one epoch, as far as they were committed when somebody looked.
#[derive(Clone)]
pub struct Logs {
    /// Reads them.
    pub reader: Reader,
    /// Of this line.
    pub line: LineId,
    /// In this epoch.
    pub epoch: Epoch,
    /// How long they are, the inviter's first.
    pub sizes: [u64; 2],
}

/// The entry of a row.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn entry(row: &EntryRow) -> Result<Entry, StoreError> {
    let found = || format!("entry {}:{} cannot be read", row.key.log.party, row.key.index);
    Entry::read(&row.bytes).map_err(|_| StoreError::Corrupt { found: found() })
}

impl Logs {
    /// Their order.
    pub fn order(&self) -> Order<impl Fn(u64) -> Result<u64, StoreError> + '_> {
        Order::new(self.sizes, |index| Ok(self.entry(EntryRef { party: Party::Inviter, index })?.header.held.size))
    }

    /// The entry at a place, which must be held.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn entry(&self, at: EntryRef) -> Result<Entry, StoreError> {
        let epoch = self.epoch;
        let found = || format!("entry {at} of epoch {epoch} is not there");
        let row = self.reader.entry(entry_key(self.line, epoch, at))?;
        row.map_or_else(|| Err(StoreError::Corrupt { found: found() }), |row| entry(&row))
    }

    /// The entries from one position up to before another.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn between(&self, [from, until]: [u64; 2]) -> Result<Vec<Entry>, StoreError> {
        let order = self.order();
        let (begin, end) = (order.cut(from)?, order.cut(until)?);
        let read = |party: Party| self.log(party, begin[party.slot()], end[party.slot()]);
        let [inviter, joiner] = [read(Party::Inviter)?, read(Party::Joiner)?];
        Ok(merge(&inviter, &joiner).into_iter().cloned().collect())
    }

    /// A page: fewer entries than were asked for where their words are long.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn page(&self, page: &Page) -> Result<Stretch, StoreError> {
        let order = self.order();
        let [from, until] = page.span(order.total(), |at| order.position(at))?;
        let mut entries = self.between([from, until])?;
        let mut offset = from;
        // Of the last entries the last are kept, of any others the first.
        if page.from == From::Last {
            let fit = self.fit(entries.iter().rev())?;
            let left_out = entries.len() - fit;
            entries.drain(..left_out);
            offset += left_out as u64;
        } else {
            let fit = self.fit(entries.iter())?;
            entries.truncate(fit);
        }
        Ok(Stretch { total: order.total(), offset, entries })
    }

    /// How many of these entries have words that fit on one page; one always does.
    fn fit<'a>(&self, entries: impl Iterator<Item = &'a Entry>) -> Result<usize, StoreError> {
        let (mut fit, mut bytes) = (0, 0);
        for entry in entries {
            bytes += match entry.header.body {
                Some(_) => self.reader.body_bytes(entry_key(self.line, self.epoch, entry.header.at()))?,
                None => 0,
            };
            if fit > 0 && bytes > WORDS_BYTES_MAX {
                break;
            }
            fit += 1;
        }
        Ok(fit)
    }

    /// Entries of one log from index `from` up to before `until`.
    fn log(&self, party: Party, from: u64, until: u64) -> Result<Vec<Entry>, StoreError> {
        let log = log_key(self.line, self.epoch, party);
        let (mut entries, mut next) = (Vec::new(), from);
        while next < until {
            let rows = self.reader.range(&Range { log, from: next, until, kind: None, newest: false }, ROWS_MAX)?;
            if rows.is_empty() {
                break;
            }
            next += rows.len() as u64;
            entries.extend(rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(entries)
    }
}
