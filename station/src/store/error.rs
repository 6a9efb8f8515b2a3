//! Why the store did not do what it was asked.

use std::fmt;
use std::path::PathBuf;

use rusqlite::{ErrorCode, ffi};

use super::LogKey;

/// Why the store did not do what it was asked. After any of these nothing of the commit is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreError {
    /// The plan was decided on a size that the log no longer has: decide again. Nobody's fault.
    Stale {
        /// The log.
        log: LogKey,
        /// The size on which the plan was decided.
        expected: u64,
        /// The size that the log has.
        held: u64,
    },
    /// A command with this token has been done already: answer it from the record ([`super::Reader::by_token`]).
    TokenUsed {
        /// The token.
        token: String,
    },
    /// The disk is full. The operator's to mend; the next commit after that works.
    DiskFull,
    /// The database is damaged. The machine's fault.
    Corrupt {
        /// What SQLite or the store found.
        found: String,
    },
    /// Another process keeps this record.
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process that holds it; `None` if it has not said so.
        pid: Option<u32>,
    },
    /// A newer program wrote this database.
    Newer {
        /// The database.
        path: PathBuf,
        /// The version of its schema.
        found: u32,
        /// The highest that this program knows.
        known: u32,
    },
    /// An older program wrote this database, and it was opened to read only.
    Older {
        /// The database.
        path: PathBuf,
        /// The version of its schema.
        found: u32,
        /// The one that this program needs.
        known: u32,
    },
    /// There is no database, or, on creation, there is one.
    Place {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        wrong: &'static str,
    },
    /// The machine or our own code failed otherwise.
    Other {
        /// What was being done.
        doing: &'static str,
        /// What was said about it.
        cause: String,
    },
}

impl StoreError {
    pub(crate) fn other(doing: &'static str, cause: impl fmt::Display) -> StoreError {
        StoreError::Other { doing, cause: cause.to_string() }
    }

    /// What the operating system said about a file.
    pub(super) fn file(doing: &'static str, cause: &std::io::Error) -> StoreError {
        match cause.kind() {
            std::io::ErrorKind::StorageFull => StoreError::DiskFull,
            _ => StoreError::other(doing, cause),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        let cause = error.to_string();
        match error.sqlite_error() {
            // The index of the write-ahead log grows by a write of its own, which has a code of its own when space is out.
            Some(e) if e.code == ErrorCode::DiskFull || e.extended_code == ffi::SQLITE_IOERR_SHMSIZE => {
                StoreError::DiskFull
            }
            Some(e) if matches!(e.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Corrupt { found: cause }
            }
            _ => StoreError::Other { doing: "using the database", cause },
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Stale { log, expected, held } => {
                write!(f, "the log of party {} holds {held} entries, not {expected}; decide again", log.party)
            }
            StoreError::TokenUsed { token } => {
                write!(f, "the command with token `{token}` has been done already; its entry is in the record")
            }
            StoreError::DiskFull => {
                f.write_str("the disk that holds the record is full; free space on it: nothing is recorded until then")
            }
            StoreError::Corrupt { found } => write!(
                f,
                "the database is damaged ({found}); stop the station, keep a copy of its data directory, and restore a backup"
            ),
            StoreError::Locked { path, pid } => {
                let path = path.display();
                match pid {
                    Some(pid) => write!(f, "process {pid} keeps this record ({path}); stop it first"),
                    None => write!(f, "another process keeps this record ({path}); stop it first"),
                }
            }
            StoreError::Newer { path, found, known } => write!(
                f,
                "{} has version {found} of the schema and this program knows up to {known}; start the newer program",
                path.display()
            ),
            StoreError::Older { path, found, known } => write!(
                f,
                "{} has version {found} of the schema and this program reads {known}; start the station once, which brings \
                 it up",
                path.display()
            ),
            StoreError::Place { path, wrong } => write!(f, "{} {wrong}", path.display()),
            StoreError::Other { doing, cause } => {
                write!(f, "{doing} failed: {cause}; if it persists, run `counterpart doctor` and look at the disk")
            }
        }
    }
}

impl std::error::Error for StoreError {}
