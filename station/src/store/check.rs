//! Whether what is on disk hangs together. Whether the entries hash to their roots is for `core` to say.

use std::fmt;

use rusqlite::params;

use super::commit::place;
use super::{EpochKey, INDEX_MAX, LogKey, Reader, StoreError};
use crate::words::{Sentence, Tell, logged};

/// Something that does not hang together. The machine's fault: stop, keep a copy, restore a backup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// SQLite found damage.
    Database {
        /// What it found.
        found: String,
    },
    /// A log's head does not name as many entries as there are, from 0 on without a gap.
    Size {
        /// The log.
        log: LogKey,
        /// The size that its head names.
        head: u64,
        /// The entries that there are.
        entries: u64,
    },
    /// The numbers of arrival of entries are not 0 up to one below how many there are, each once.
    Arrivals {
        /// How many entries there are.
        entries: u64,
        /// How many numbers.
        numbers: u64,
        /// The highest.
        highest: u64,
    },
    /// A body, or who did an act, of an entry that is not there.
    Orphans {
        /// The table.
        table: &'static str,
        /// How many.
        count: u64,
    },
}

impl Tell for Fault {
    fn sentence(&self) -> Sentence {
        match self {
            Fault::Database { found } => Sentence::new("store-corrupt").with("found", found),
            Fault::Size { log, head, entries } => {
                let said = Sentence::new("check-size").with("party", log.party).with("epoch", log.epoch.number);
                said.with("entries", entries).with("head", head)
            }
            Fault::Arrivals { entries, numbers, highest } => {
                let said = Sentence::new("check-arrivals").with("entries", entries);
                said.with("numbers", numbers).with("highest", highest)
            }
            Fault::Orphans { table, count } => Sentence::new("check-orphans").with("table", table).with("count", count),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&logged(self))
    }
}

impl Reader {
    /// Checks the whole database; reads all of it, so it takes seconds for each gigabyte. Empty: nothing is wrong.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot even be read.
    pub fn check(&self) -> Result<Vec<Fault>, StoreError> {
        self.with(|c| {
            // One state for all questions, also while a station writes.
            let state = c.unchecked_transaction()?;
            let mut faults = Vec::new();
            let mut integrity = state.prepare("PRAGMA integrity_check(100)")?;
            for found in integrity.query_map([], |row| row.get::<_, String>(0))? {
                let found = found?;
                if found != "ok" {
                    faults.push(Fault::Database { found });
                }
            }
            if faults.is_empty() {
                sizes(&state, &mut faults)?;
                // An entry that is lost, or one too many, explains a number that is.
                if faults.is_empty() {
                    arrivals(&state, &mut faults)?;
                }
                orphans(&state, &mut faults)?;
            }
            Ok(faults)
        })
    }
}

fn sizes(connection: &rusqlite::Connection, faults: &mut Vec<Fault>) -> Result<(), StoreError> {
    let sql = "SELECT log.no, line.id, epoch, epoch_id, party, size FROM log JOIN line ON line.no = log.line";
    let mut logs = connection.prepare(sql)?;
    let sql = "SELECT COUNT(*), COALESCE(MAX(place), ?1 - 1) - ?1 + 1 FROM entry WHERE place BETWEEN ?1 AND ?2";
    let mut count = connection.prepare(sql)?;
    let unsigned = |number: i64| u64::try_from(number).unwrap_or(u64::MAX);
    let mut rows = logs.query([])?;
    while let Some(row) = rows.next()? {
        let no: i64 = row.get(0)?;
        let epoch = EpochKey { number: unsigned(row.get(2)?), id: row.get(3)? };
        let log = LogKey { line: row.get(1)?, epoch, party: row.get(4)? };
        let head = unsigned(row.get(5)?);
        let span = params![place(no, 0)?, place(no, INDEX_MAX - 1)?];
        let (entries, end): (i64, i64) = count.query_row(span, |row| Ok((row.get(0)?, row.get(1)?)))?;
        if unsigned(entries) != head || unsigned(end) != head {
            faults.push(Fault::Size { log, head, entries: unsigned(entries) });
        }
    }
    Ok(())
}

fn arrivals(connection: &rusqlite::Connection, faults: &mut Vec<Fault>) -> Result<(), StoreError> {
    let sql = "SELECT COUNT(*), COUNT(DISTINCT seq), COALESCE(MAX(seq), -1) + 1, COALESCE(MIN(seq), 0) FROM entry";
    let found = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]);
    let [entries, numbers, end, first]: [i64; 4] = connection.query_row(sql, [], found)?;
    if numbers != entries || end != entries || first != 0 {
        let [entries, numbers, highest] = [entries, numbers, end - 1].map(|number| u64::try_from(number).unwrap_or(0));
        faults.push(Fault::Arrivals { entries, numbers, highest });
    }
    Ok(())
}

fn orphans(connection: &rusqlite::Connection, faults: &mut Vec<Fault>) -> Result<(), StoreError> {
    for table in ["body", "actor"] {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE place NOT IN (SELECT place FROM entry)");
        let count: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        if count > 0 {
            faults.push(Fault::Orphans { table, count: u64::try_from(count).unwrap_or(0) });
        }
    }
    Ok(())
}
