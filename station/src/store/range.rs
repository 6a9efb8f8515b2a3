//! A part of one log, found by its places: what a page shows costs what is on it, however long the log.

use rusqlite::{OptionalExtension, Row, params};

use super::commit::{log_number, place, signed};
use super::find::{entry_row, index, rows, unsigned};
use super::{EntryRow, INDEX_MAX, LogKey, ROWS_MAX, Reader, StoreError};

/// Which entries of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// Of which log.
    pub log: LogKey,
    /// From this index on.
    pub from: u64,
    /// Up to before this index.
    pub until: u64,
    /// Of the type with this number; of all types without.
    pub kind: Option<u64>,
    /// The last of them come first; otherwise the first.
    pub newest: bool,
}

impl Reader {
    /// Entries of a range, at most `limit` and [`ROWS_MAX`], in the order in which they were asked for.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn range(&self, range: &Range, limit: u32) -> Result<Vec<EntryRow>, StoreError> {
        let sql = if range.newest {
            "SELECT place, seq, kind, thing, claimed, stored, bytes FROM entry
             WHERE place >= ?1 AND place < ?2 AND (?3 IS NULL OR kind = ?3) ORDER BY place DESC LIMIT ?4"
        } else {
            "SELECT place, seq, kind, thing, claimed, stored, bytes FROM entry
             WHERE place >= ?1 AND place < ?2 AND (?3 IS NULL OR kind = ?3) ORDER BY place LIMIT ?4"
        };
        self.with(|c| {
            let Some(no) = log_number(c, &range.log)? else { return Ok(Vec::new()) };
            let [from, until] = [range.from, range.until].map(|index| index.min(INDEX_MAX - 1));
            let span = params![place(no, from)?, place(no, until)?, range.kind.map(signed), limit.min(ROWS_MAX)];
            rows(c, sql, span, |row| entry_row(range.log, row))
        })
    }

    /// The entries of one log from index `from` up to before `until` whose body is held and is one of these, by index. One body at a
    /// time is in memory.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn with_body(
        &self,
        log: LogKey,
        [from, until]: [u64; 2],
        is: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<u64>, StoreError> {
        let sql = "SELECT place, bytes FROM body WHERE place >= ?1 AND place < ?2 AND bytes IS NOT NULL ORDER BY place";
        self.with(|c| {
            let Some(no) = log_number(c, &log)? else { return Ok(Vec::new()) };
            let [from, until] = [from, until].map(|index| index.min(INDEX_MAX - 1));
            let read = |row: &Row<'_>| {
                let body: &[u8] = row.get_ref(1)?.as_blob()?;
                Ok(is(body).then_some(index(row.get(0)?)))
            };
            let read = rows(c, sql, params![place(no, from)?, place(no, until)?], read)?;
            Ok(read.into_iter().flatten().collect())
        })
    }

    /// The index of the first of `size` entries of a log that was stored here at `time` or later, in milliseconds since 1970 UTC
    /// by our own clock. Found by halving: of a log whose clock was set back meanwhile, one such place of several.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn stored_from(&self, log: LogKey, size: u64, time: u64) -> Result<u64, StoreError> {
        let sql = "SELECT stored FROM entry WHERE place = ?1";
        self.with(|c| {
            let Some(no) = log_number(c, &log)? else { return Ok(0) };
            let mut statement = c.prepare_cached(sql)?;
            let (mut below, mut above) = (0, size.min(INDEX_MAX - 1));
            while below < above {
                let middle = below.midpoint(above);
                let stored = statement.query_row([place(no, middle)?], |row| row.get(0)).optional()?;
                if stored.map_or(0, unsigned) >= time {
                    above = middle;
                } else {
                    below = middle + 1;
                }
            }
            Ok(below)
        })
    }
}
