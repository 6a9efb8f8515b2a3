//! Entries in the order in which they came to this store, over all lines: what a program reads that follows the record.

use rusqlite::{Row, params};

use super::commit::signed;
use super::find::{entry_row, rows, unsigned};
use super::{EntryRow, EpochKey, LogKey, ROWS_MAX, Reader, StoreError};

impl Reader {
    /// How many entries have come: the number of the next (`EntryRow::seq`).
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn arrivals(&self) -> Result<u64, StoreError> {
        let sql = "SELECT COALESCE(MAX(seq) + 1, 0) FROM entry";
        self.with(|c| Ok(unsigned(c.prepare_cached(sql)?.query_row([], |row| row.get(0))?)))
    }

    /// Entries of every line from the arrival `from` on, in the order of arrival, at most `limit` and [`ROWS_MAX`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn arrived(&self, from: u64, limit: u32) -> Result<Vec<EntryRow>, StoreError> {
        let sql = "SELECT place, seq, kind, thing, claimed, stored, bytes, line.id, epoch, epoch_id, party FROM entry
                   JOIN log ON log.no = entry.place >> 40 JOIN line ON line.no = log.line
                   WHERE seq >= ?1 ORDER BY seq LIMIT ?2";
        let read = |row: &Row<'_>| {
            let epoch = EpochKey { number: unsigned(row.get(8)?), id: row.get(9)? };
            entry_row(LogKey { line: row.get(7)?, epoch, party: row.get(10)? }, row)
        };
        self.with(|c| rows(c, sql, params![signed(from), limit.min(ROWS_MAX)], read))
    }
}
