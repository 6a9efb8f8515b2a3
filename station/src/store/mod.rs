//! The record on disk: SQLite, one writer on one plain thread, a few readers beside it.
//!
//! Nothing here decides: the store keeps a turn whole or not at all, refuses one that was decided on sizes that its logs no
//! longer have, and finds what it kept. Bodies lie apart from entries, so that a body can be erased and the record stays.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};

mod arrivals;
mod backup;
mod batch;
mod check;
mod commit;
mod error;
mod find;
mod keep;
mod lock;
mod mark;
mod people;
mod range;
mod reader;
mod room;
mod rounds;
mod schema;
mod sessions;

pub use backup::back_up;
pub use batch::{
    Actor, Append, Batch, EntryKey, EpochKey, Evidence, HeadUpdate, Judged, LateBody, LineKey, LineUpdate, LogKey,
    Showing, ThingRef,
};
pub use batch::{EVIDENCE_BYTES_MAX, EVIDENCE_MAX, INDEX_MAX, TOKEN_BYTES_MAX};
pub use check::Fault;
pub use error::StoreError;
pub use find::{Body, ByToken, EntryRow, LineRow, LogRow, Page, ROWS_MAX};
pub use lock::{LOCK_FILE, served_by};
pub use people::{ApiToken, People, Settings, TokenHash, User};
pub use range::Range;
pub use reader::{READERS_MAX, Reader};
pub use room::takes_writes;
pub use rounds::{Round, RoundKept};
pub use sessions::{By, Session};

/// The database's file in the data directory.
pub const DATABASE_FILE: &str = "counterpart.db";
const STAGED_FILE: &str = "counterpart.db.new";
/// How long a statement waits for a lock of SQLite's; of ours only a reader that recovers or closes the database holds one. Whoever looks
/// at the record waits meanwhile, once: [`Store::is_free`].
const BUSY_MS: u64 = 1_000;

/// The record, to write: held by the one thread that serves, with the lock of the data directory.
pub struct Store {
    writer: commit::Writer,
    path: PathBuf,
    _lock: lock::Lock,
}

/// What became of a body that was to be erased.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Erasure {
    /// There was none, or it had been erased before.
    Nothing,
    /// It is overwritten in the database, and no journal holds it. Copies made before do.
    Done,
    /// It is erased, but a reader kept the journal open: the bytes leave it with the next checkpoint.
    InJournal,
}

impl Store {
    /// Makes an empty record in `data`, for `init` alone: a station that finds none must not begin one by itself.
    ///
    /// # Errors
    /// [`StoreError::Place`] if there is one already.
    pub fn create(data: &Path) -> Result<(), StoreError> {
        let _lock = lock::Lock::take(data)?;
        let path = data.join(DATABASE_FILE);
        if path.exists() {
            return Err(StoreError::Place { path, wrong: "store-exists" });
        }
        let staged = data.join(STAGED_FILE);
        let made = |e| StoreError::file("doing-create", &e);
        // Made by us, so that it and SQLite's files beside it are readable by their owner alone. One that is there was
        // left by an `init` that was cut short, and holds nothing.
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&staged).map_err(made)?;
        let mut connection = connect(&staged, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        schema::found(&connection)?;
        schema::migrate(&mut connection, 0, schema::MIGRATIONS)?;
        connection.close().map_err(|(_, e)| StoreError::from(e))?;
        fs::rename(&staged, &path).and_then(|()| File::open(data)?.sync_all()).map_err(made)
    }

    /// Opens the record in `data` to serve it, alone; brings an older schema up.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process serves it, [`StoreError::Place`] if there is none,
    /// [`StoreError::Newer`] if a newer program wrote it.
    pub fn open(data: &Path) -> Result<Store, StoreError> {
        let path = existing(data)?;
        let lock = lock::Lock::take(data)?;
        let mut connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let found = known_version(&connection, &path)?;
        set_up_writer(&connection)?;
        if found < schema::NEWEST {
            schema::migrate(&mut connection, found, schema::MIGRATIONS)?;
        }
        Ok(Store { writer: commit::Writer::new(connection)?, path, _lock: lock })
    }

    /// Keeps all of `batch`, durably, or nothing.
    ///
    /// # Errors
    /// [`StoreError::Stale`], [`StoreError::TokenUsed`], [`StoreError::DiskFull`], [`StoreError::Busy`], [`StoreError::Corrupt`] or
    /// [`StoreError::Other`]; after each the store is as it was and takes the next batch.
    pub fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.writer.commit(batch)
    }

    /// Whether no other program holds the database, asked without waiting. What else may keep a commit from succeeding, the commit says.
    pub fn is_free(&self) -> bool {
        let connection = self.writer.connection();
        let begun = connection
            .busy_timeout(Duration::ZERO)
            .and_then(|()| connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK"));
        // It can only fail on a connection that is misused.
        let _ = connection.busy_timeout(Duration::from_millis(BUSY_MS));
        !matches!(begun.map_err(StoreError::from), Err(StoreError::Busy))
    }

    /// Erases one body, overwriting it. The entry, its digest of the body and the rest of the record stay.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn erase_body(&mut self, key: EntryKey, now: u64) -> Result<Erasure, StoreError> {
        let connection = self.writer.connection();
        let Some(no) = commit::log_number(connection, &key.log)? else {
            return Ok(Erasure::Nothing);
        };
        let sql = "UPDATE body SET bytes = NULL, erased = ?2 WHERE place = ?1 AND bytes IS NOT NULL";
        let place = commit::place(no, key.index)?;
        if connection.execute(sql, params![place, commit::signed(now)])? == 0 {
            return Ok(Erasure::Nothing);
        }
        let blocked = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        match connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], blocked) {
            Ok(0) => Ok(Erasure::Done),
            // The erasure itself is committed: a checkpoint that fails only delays what it leaves.
            Ok(_) | Err(_) => Ok(Erasure::InJournal),
        }
    }

    /// Folds the journal into the database's file and cuts it, at the end of serving. A reader in the midst of its work keeps some of it
    /// there: nothing is lost by it, and the next start reads it.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn fold(&self) -> Result<(), StoreError> {
        Ok(self.writer.connection().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }

    /// Readers beside this writer; clones share them.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Reader::of(&self.path)
    }
}

/// The database in `data`, if there is one.
fn existing(data: &Path) -> Result<PathBuf, StoreError> {
    let path = data.join(DATABASE_FILE);
    if !path.is_file() {
        return Err(StoreError::Place { path, wrong: "store-absent" });
    }
    Ok(path)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    // Each connection is used by one thread at a time, which Rust sees to.
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_millis(BUSY_MS))?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

fn set_up_writer(connection: &Connection) -> Result<(), StoreError> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::other("doing-open", format!("its journal is `{mode}`, not a write-ahead log")));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is erased is overwritten.
    connection.pragma_update(None, "secure_delete", true)?;
    // A journal that a long reader let grow is cut back, in bytes.
    connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
    Ok(())
}

/// The version of the schema, if this program knows it.
fn known_version(connection: &Connection, path: &Path) -> Result<u32, StoreError> {
    match schema::version(connection)? {
        Some(found) if found <= schema::NEWEST => Ok(found),
        Some(found) => Err(StoreError::Newer { path: path.into(), found, known: schema::NEWEST }),
        None => Err(StoreError::Place { path: path.into(), wrong: "store-foreign" }),
    }
}
