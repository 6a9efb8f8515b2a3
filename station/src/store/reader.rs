//! A few read-only connections, shared.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rustix::fs::Access;

use super::{StoreError, connect, existing, known_version, schema};

/// Connections to read with, opened when first needed: more readers wait.
pub const READERS_MAX: usize = 4;
/// How long a reader waits for a connection, in milliseconds.
const WAIT_MS: u64 = 10_000;

/// Reads the record, beside the one that writes it or alone. Clones share the connections; each call sees one state.
#[derive(Clone)]
pub struct Reader {
    pool: Arc<Pool>,
}

struct Pool {
    path: PathBuf,
    idle: Mutex<Idle>,
    freed: Condvar,
}

struct Idle {
    connections: Vec<Connection>,
    /// Connections that exist, idle or not.
    open: usize,
}

impl Reader {
    /// Opens the record in `data` to read only, whether or not a station serves it.
    ///
    /// # Errors
    /// [`StoreError::Place`] if there is none, [`StoreError::Newer`] or [`StoreError::Older`] if this program cannot
    /// read it.
    pub fn open(data: &Path) -> Result<Reader, StoreError> {
        Reader::of(&existing(data)?)
    }

    pub(super) fn of(path: &Path) -> Result<Reader, StoreError> {
        let first = read_only(path)?;
        let found = known_version(&first, path)?;
        if found < schema::NEWEST {
            return Err(StoreError::Older { path: path.into(), found, known: schema::NEWEST });
        }
        let idle = Mutex::new(Idle { connections: vec![first], open: 1 });
        Ok(Reader { pool: Arc::new(Pool { path: path.into(), idle, freed: Condvar::new() }) })
    }

    /// Lends a connection to `read`.
    pub(super) fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let lent = Lent { connection: Some(self.pool.take()?), pool: &self.pool };
        match &lent.connection {
            Some(connection) => read(connection),
            None => Err(StoreError::other("doing-read", "no connection was lent")),
        }
    }
}

pub(super) fn read_only(path: &Path) -> Result<Connection, StoreError> {
    let connection = match still(path)? {
        None => connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        Some(unchanging) => {
            connect(Path::new(&unchanging), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)?
        }
    };
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// What names the database to SQLite where nobody can write beside it, a medium that is mounted to read only for one: there the index
/// of its journal cannot be made, without which it is not read. `None` where SQLite reads it as everywhere.
///
/// # Errors
/// [`StoreError::Place`] if entries stand in the journal that cannot be read without that index.
fn still(path: &Path) -> Result<Option<String>, StoreError> {
    let beside = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let data = path.parent().filter(|data| !data.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if rustix::fs::access(data, Access::WRITE_OK).is_ok() || beside("-shm").exists() {
        return Ok(None);
    }
    let journal = beside("-wal");
    if std::fs::metadata(&journal).is_ok_and(|found| found.len() > 0) {
        return Err(StoreError::Place { path: journal, wrong: "store-journal-apart" });
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._".contains(&b);
    let escaped = path.as_os_str().as_bytes().iter().map(|b| match plain(*b) {
        true => char::from(*b).to_string(),
        false => format!("%{b:02x}"),
    });
    Ok(Some(format!("file:{}?immutable=1", escaped.collect::<String>())))
}

impl Pool {
    /// A reader that panicked left no half-done work behind: it only read.
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<Connection, StoreError> {
        let none = |idle: &mut Idle| idle.connections.is_empty() && idle.open >= READERS_MAX;
        let wait = Duration::from_millis(WAIT_MS);
        let waited = self.freed.wait_timeout_while(self.idle(), wait, none);
        let (mut idle, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = idle.connections.pop() {
            return Ok(connection);
        }
        if idle.open >= READERS_MAX {
            return Err(StoreError::other("doing-read", format!("{READERS_MAX} readers were busy for {WAIT_MS} ms")));
        }
        idle.open += 1;
        drop(idle);
        read_only(&self.path).inspect_err(|_| {
            self.idle().open -= 1;
            self.freed.notify_one();
        })
    }
}

/// Gives the connection back, however the reading ends.
struct Lent<'a> {
    connection: Option<Connection>,
    pool: &'a Pool,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.pool.idle().connections.extend(self.connection.take());
        self.pool.freed.notify_one();
    }
}
