//! One turn, one transaction.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, ffi, params};

use super::batch::{INDEX_MAX, TOKEN_BYTES_MAX};
use super::mark::Mark;
use super::{Append, Batch, EntryKey, HeadUpdate, LogKey, StoreError, keep, people};

/// Logs are numbered below this: the number shares 63 bits with the index.
const LOGS_MAX: i64 = 1 << 23;

/// Integers of SQLite have a sign; numbers beyond it are no times and no sizes, and are kept as the largest.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The place of an entry: its log's number and its index in one integer.
pub(super) fn place(log_no: i64, index: u64) -> Result<i64, StoreError> {
    if index >= INDEX_MAX {
        return Err(StoreError::other("doing-commit", format!("index {index} is beyond {INDEX_MAX}")));
    }
    Ok(log_no << 40 | signed(index))
}

/// Makes the writer's side of a connection, and remembers between commits what cannot change under it.
pub(super) struct Writer {
    connection: Connection,
    /// The numbers of logs; forgotten after a commit that failed, which may have taken some back.
    numbers: BTreeMap<LogKey, i64>,
    /// Entries ever stored here: the next one's place in the order of arrival.
    seq: i64,
    mark: Mark,
}

impl Writer {
    pub fn new(connection: Connection) -> Result<Writer, StoreError> {
        connection.set_prepared_statement_cache_capacity(64);
        // Each entry stored raised one size by one, so the sum is the next number, without a counter to keep.
        let seq = connection.query_row("SELECT COALESCE(SUM(size), 0) FROM log", [], |row| row.get(0))?;
        Ok(Writer { connection, numbers: BTreeMap::new(), seq, mark: Mark::from_environment() })
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Keeps all of `batch` or nothing.
    pub fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.mark.begins();
        let result = self.transact(batch);
        self.mark.returned();
        if result.is_err() {
            self.numbers.clear();
        }
        self.seq = result?;
        Ok(())
    }

    fn transact(&mut self, batch: &Batch) -> Result<i64, StoreError> {
        let transaction = Transaction::new(&mut self.connection, TransactionBehavior::Immediate)?;
        let mut turn = Turn { to: &transaction, numbers: &mut self.numbers, seq: self.seq, grown: BTreeMap::new() };
        turn.write(batch)?;
        let seq = turn.seq;
        transaction.commit()?;
        Ok(seq)
    }
}

/// The sizes of a log before and, so far, within this transaction.
struct Growth {
    before: u64,
    now: u64,
}

struct Turn<'a> {
    to: &'a Transaction<'a>,
    numbers: &'a mut BTreeMap<LogKey, i64>,
    seq: i64,
    grown: BTreeMap<i64, Growth>,
}

impl Turn<'_> {
    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        for line in &batch.lines {
            keep::line(self.to, line)?;
        }
        for (log, expected) in &batch.expects {
            let no = self.number(log)?;
            let held = self.size(no)?;
            if held != *expected {
                return Err(StoreError::Stale { log: *log, expected: *expected, held });
            }
        }
        for append in &batch.appends {
            self.append(append, batch.now)?;
        }
        for head in &batch.heads {
            self.head(head)?;
        }
        if !self.grown.is_empty() {
            return Err(StoreError::other("doing-commit", "a log was appended to and its head not named"));
        }
        for evidence in &batch.evidence {
            keep::evidence(self.to, evidence)?;
        }
        self.beside(batch)?;
        for (log, misconduct) in &batch.halts {
            let sql = "UPDATE log SET halted = COALESCE(halted, ?2) WHERE no = ?1";
            let row = params![self.number(log)?, signed(*misconduct)];
            self.to.prepare_cached(sql)?.execute(row)?;
        }
        for (key, user) in &batch.noted {
            let at = place(self.number(&key.log)?, key.index)?;
            keep::noted(self.to, at, user, batch.now)?;
        }
        for (line, state) in &batch.pairings {
            keep::pairing(self.to, line, state.as_deref())?;
        }
        for (key, value) in &batch.settings {
            keep::setting(self.to, key, value.as_deref())?;
        }
        for change in &batch.people {
            people::keep(self.to, change, batch.now)?;
        }
        Ok(())
    }

    /// What a restore keeps beside the logs, and what it says of them.
    fn beside(&mut self, batch: &Batch) -> Result<(), StoreError> {
        for showing in &batch.shown {
            keep::showing(self.to, showing, batch.now)?;
        }
        for late in &batch.bodies {
            // An epoch that is known by what was shown alone has no logs yet.
            let no = log_number(self.to, &late.key.log)?;
            let at = no.map(|no| place(no, late.key.index)).transpose()?;
            keep::late_body(self.to, at, late)?;
        }
        for judged in &batch.judged {
            keep::judged(self.to, judged, batch.now)?;
        }
        for log in &batch.restored {
            let no = self.number(log)?;
            self.to.prepare_cached("UPDATE log SET restored = 1 WHERE no = ?1")?.execute([no])?;
        }
        for (line, retired) in &batch.retired {
            // One above the epoch; 0: it is not.
            let retired = retired.map_or(0, |highest| signed(highest.saturating_add(1)));
            self.to.prepare_cached("UPDATE line SET retired = ?2 WHERE id = ?1")?.execute(params![line, retired])?;
        }
        for (key, thing) in &batch.folded {
            let at = place(self.number(&key.log)?, key.index)?;
            if thing.index < INDEX_MAX {
                let thing = place(self.number(&LogKey { party: thing.party, ..key.log })?, thing.index)?;
                self.to.prepare_cached("UPDATE entry SET thing = ?2 WHERE place = ?1")?.execute([at, thing])?;
            }
        }
        Ok(())
    }

    /// The number of a log. Both logs of an epoch are made when the first of them is named.
    fn number(&mut self, log: &LogKey) -> Result<i64, StoreError> {
        if let Some(no) = self.numbers.get(log) {
            return Ok(*no);
        }
        if log.party > 1 || i64::try_from(log.epoch.number).is_err() {
            return Err(StoreError::other("doing-commit", format!("{log:?} cannot exist")));
        }
        let no = match log_number(self.to, log)? {
            Some(no) => no,
            None => {
                let sql = "INSERT INTO log (line, epoch, epoch_id, party, size, edge, root, restored)
                           SELECT no, ?2, ?3, party, 0, x'', x'', 0
                           FROM line, (SELECT 0 AS party UNION ALL SELECT 1) WHERE id = ?1";
                let keys = params![log.line, signed(log.epoch.number), log.epoch.id];
                self.to.prepare_cached(sql)?.execute(keys)?;
                let unknown = || StoreError::other("doing-commit", "its line is not in the store");
                log_number(self.to, log)?.ok_or_else(unknown)?
            }
        };
        if no >= LOGS_MAX {
            return Err(StoreError::other("doing-commit", format!("there are {LOGS_MAX} already")));
        }
        self.numbers.insert(*log, no);
        Ok(no)
    }

    fn size(&self, no: i64) -> Result<u64, StoreError> {
        let size: i64 =
            self.to.prepare_cached("SELECT size FROM log WHERE no = ?1")?.query_row([no], |row| row.get(0))?;
        u64::try_from(size).map_err(|_| StoreError::Corrupt { found: "a log with a size below 0".into() })
    }

    fn append(&mut self, append: &Append, now: u64) -> Result<(), StoreError> {
        let EntryKey { log, index } = append.key;
        let no = self.number(&log)?;
        let held = match self.grown.get(&no) {
            Some(growth) => growth.now,
            None => self.size(no)?,
        };
        if index != held {
            return Err(StoreError::Stale { log, expected: index, held });
        }
        let at = place(no, index)?;
        let thing = match append.thing.filter(|thing| thing.index < INDEX_MAX) {
            Some(thing) => Some(place(self.number(&LogKey { party: thing.party, ..log })?, thing.index)?),
            None => None,
        };
        let sql =
            "INSERT INTO entry (place, seq, kind, thing, claimed, stored, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let row = params![at, self.seq, signed(append.kind), thing, signed(append.claimed), signed(now), append.bytes];
        self.to.prepare_cached(sql)?.execute(row).map_err(beyond_the_head)?;
        if let Some(body) = &append.body {
            let sql = "INSERT INTO body (place, bytes) VALUES (?1, ?2)";
            self.to.prepare_cached(sql)?.execute(params![at, body])?;
        }
        self.actor(append, at)?;
        self.grown.entry(no).or_insert(Growth { before: held, now: held }).now += 1;
        self.seq += 1;
        Ok(())
    }

    fn actor(&self, append: &Append, at: i64) -> Result<(), StoreError> {
        let Some(actor) = &append.actor else {
            return Ok(());
        };
        if let Some(token) = actor.token.as_ref().filter(|token| token.len() > TOKEN_BYTES_MAX) {
            let cause = format!("a token of {} bytes, over {TOKEN_BYTES_MAX}", token.len());
            return Err(StoreError::other("doing-commit", cause));
        }
        let sql = "INSERT INTO actor (place, user, token, command) VALUES (?1, ?2, ?3, ?4)";
        let row = params![at, actor.user, actor.token, actor.command];
        let inserted = self.to.prepare_cached(sql)?.execute(row);
        match (inserted, &actor.token) {
            (Err(e), Some(token)) if is_violation(&e, ffi::SQLITE_CONSTRAINT_UNIQUE) => {
                Err(StoreError::TokenUsed { token: token.clone() })
            }
            (inserted, _) => Ok(inserted.map(drop)?),
        }
    }

    fn head(&mut self, head: &HeadUpdate) -> Result<(), StoreError> {
        let no = self.number(&head.log)?;
        let grown = self.grown.remove(&no).filter(|growth| growth.now == head.size);
        let Some(growth) = grown else {
            return Err(StoreError::other("doing-commit", format!("a head of size {} is not its log's", head.size)));
        };
        let sql = "UPDATE log SET size = ?2, edge = ?3, root = ?4 WHERE no = ?1 AND size = ?5";
        let row = params![no, signed(head.size), head.edge, head.root, signed(growth.before)];
        match self.to.prepare_cached(sql)?.execute(row)? {
            1 => Ok(()),
            _ => Err(StoreError::Stale { log: head.log, expected: growth.before, held: self.size(no)? }),
        }
    }
}

/// The number of a log; `None` if nothing has been kept of its epoch.
pub(super) fn log_number(connection: &Connection, log: &LogKey) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT log.no FROM log JOIN line ON line.no = log.line
               WHERE line.id = ?1 AND epoch = ?2 AND epoch_id = ?3 AND party = ?4";
    let keys = params![log.line, signed(log.epoch.number), log.epoch.id, log.party];
    Ok(connection.prepare_cached(sql)?.query_row(keys, |row| row.get(0)).optional()?)
}

fn is_violation(error: &rusqlite::Error, extended_code: i32) -> bool {
    error.sqlite_error().is_some_and(|e| e.extended_code == extended_code)
}

/// An entry already stands where the head says that there is none.
fn beyond_the_head(error: rusqlite::Error) -> StoreError {
    if is_violation(&error, ffi::SQLITE_CONSTRAINT_PRIMARYKEY) || is_violation(&error, ffi::SQLITE_CONSTRAINT_ROWID) {
        return StoreError::Corrupt { found: "an entry beyond its log's head".into() };
    }
    error.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{EpochKey, LineUpdate, schema};

    const LOG: LogKey = LogKey { line: [7; 16], epoch: EpochKey { number: 0, id: [0; 8] }, party: 0 };

    fn writer() -> Writer {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::found(&connection).unwrap();
        schema::migrate(&mut connection, 0, schema::MIGRATIONS).unwrap();
        Writer::new(connection).unwrap()
    }

    fn line() -> LineUpdate {
        LineUpdate { id: LOG.line, state: 1, me: 0, charter: b"charter".to_vec(), added: 5 }
    }

    fn append(index: u64) -> Append {
        let key = EntryKey { log: LOG, index };
        Append { key, bytes: b"entry".to_vec(), body: None, kind: 1, thing: None, claimed: 5, actor: None }
    }

    fn head(size: u64) -> HeadUpdate {
        HeadUpdate { log: LOG, size, edge: vec![1], root: [1; 32] }
    }

    fn count(writer: &Writer, table: &str) -> i64 {
        writer.connection.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_head_that_is_not_its_logs_leaves_nothing() {
        let mut writer = writer();
        let batch = |heads| Batch { lines: vec![line()], appends: vec![append(0)], heads, ..Batch::default() };

        let missing = writer.commit(&batch(vec![]));
        let wrong = writer.commit(&batch(vec![head(2)]));

        assert!(matches!(missing, Err(StoreError::Other { .. })));
        assert!(matches!(wrong, Err(StoreError::Other { .. })));
        assert_eq!((count(&writer, "line"), count(&writer, "log"), count(&writer, "entry")), (0, 0, 0));
    }

    #[test]
    fn a_log_named_by_a_failed_commit_is_named_anew() {
        let mut writer = writer();
        let appends = vec![append(0)];
        let failed = Batch { lines: vec![line()], appends: appends.clone(), ..Batch::default() };
        assert!(writer.commit(&failed).is_err());

        let whole = Batch { heads: vec![head(1)], ..failed };

        assert_eq!(writer.commit(&whole), Ok(()));
        assert_eq!((count(&writer, "log"), count(&writer, "entry"), writer.seq), (2, 1, 1));
    }

    #[test]
    fn an_entry_of_an_unknown_line_is_refused() {
        let batch = Batch { appends: vec![append(0)], heads: vec![head(1)], ..Batch::default() };

        assert!(matches!(writer().commit(&batch), Err(StoreError::Other { .. })));
    }

    #[test]
    fn an_entry_beyond_the_head_is_damage() {
        let mut writer = writer();
        let batch = Batch { lines: vec![line()], appends: vec![append(0)], heads: vec![head(1)], ..Batch::default() };
        writer.commit(&batch).unwrap();
        writer.connection.execute("UPDATE log SET size = 0", []).unwrap();

        assert!(matches!(writer.commit(&batch), Err(StoreError::Corrupt { .. })));
    }

    #[test]
    fn an_index_beyond_the_largest_is_no_place() {
        assert!(place(1, INDEX_MAX).is_err());
        assert_eq!(place(3, 4).unwrap(), 3 << 40 | 4);
    }
}
