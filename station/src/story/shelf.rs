//! The record of one side, read back from its own store: what expectations are compared with and accounts are made of.

use std::path::Path;

use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::line::Line;
use counterpart_core::record::log::Entry;
use counterpart_core::time::Timestamp;

use crate::api::sight::body;
use crate::record::{load, log_key};
use crate::store::{ROWS_MAX, Reader, StoreError};
use crate::view::Sight;
use crate::words::Words;
use crate::words::clocks::{Clocks, Telling};

/// One side's store, its line folded anew.
pub(super) struct Shelf {
    reader: Reader,
    line: Line,
    clocks: Clocks,
}

impl Shelf {
    /// Opens the store of a data directory. Both zones are those of the charter, and every time is told with its day and year.
    ///
    /// # Errors
    /// [`StoreError`]; also if it holds no line.
    pub fn open(data: &Path) -> Result<Shelf, StoreError> {
        let reader = Reader::open(data)?;
        let none = || StoreError::Corrupt { found: "no line".into() };
        let row = reader.lines()?.into_iter().next().ok_or_else(none)?;
        let line = load(&reader, &row)?;
        // No day is "today" in an account: it is read later.
        let clocks = Clocks::of(&line, &line.charter().party(line.me()).zone, Timestamp(0));
        Ok(Shelf { reader, line, clocks })
    }

    /// Shows something of the line.
    pub fn see<T>(&self, words: &Words, show: impl FnOnce(&Sight<'_>) -> T) -> T {
        let bodies = |epoch: Epoch, at: EntryRef| body(&self.reader, self.line.id(), epoch, at).ok().flatten();
        let telling = Telling { words, clocks: &self.clocks };
        show(&Sight { line: &self.line, bodies: &bodies, telling, epoch: self.line.epoch() })
    }

    /// Both logs as they are stored, the inviter's first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn entries(&self) -> Result<[Vec<Entry>; 2], StoreError> {
        let read = |party: Party| -> Result<Vec<Entry>, StoreError> {
            let log = log_key(self.line.id(), self.line.epoch(), party);
            let mut entries = Vec::new();
            loop {
                let rows = self.reader.entries(log, entries.len() as u64, ROWS_MAX)?;
                if rows.is_empty() {
                    return Ok(entries);
                }
                for row in rows {
                    let found = || format!("entry {}:{} cannot be read", party.number(), row.key.index);
                    entries.push(Entry::read(&row.bytes).map_err(|_| StoreError::Corrupt { found: found() })?);
                }
            }
        };
        Ok([read(Party::Inviter)?, read(Party::Joiner)?])
    }
}
