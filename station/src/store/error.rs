//! Why the store did not do what it was asked.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, ffi};

use super::LogKey;
use crate::words::{Sentence, Tell, logged};

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
    /// Another program holds the database, so that nothing can be written; it may be over in a moment.
    Busy,
    /// The database is damaged. The machine's fault.
    Corrupt {
        /// What SQLite or the store found.
        found: String,
    },
    /// What is kept of one line is no line: changed from outside. The machine's fault; it stops that line alone.
    Line {
        /// What people call it.
        line: String,
        /// What was found.
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
        /// The name of the sentence that says what is wrong with it, and what to do.
        wrong: &'static str,
    },
    /// The machine or our own code failed otherwise.
    Other {
        /// The name of the words for what was being done.
        doing: &'static str,
        /// What was said about it.
        cause: String,
    },
}

impl StoreError {
    pub(crate) fn other(doing: &'static str, cause: impl fmt::Display) -> StoreError {
        StoreError::Other { doing, cause: cause.to_string() }
    }

    /// Whether it lies in the place that a person has named, and not in our machine.
    pub fn is_of_place(&self) -> bool {
        matches!(self, StoreError::Place { .. })
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
            Some(e) if e.code == ErrorCode::DatabaseBusy => StoreError::Busy,
            Some(e) if matches!(e.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Corrupt { found: cause }
            }
            _ => StoreError::Other { doing: "doing-database", cause },
        }
    }
}

impl Tell for StoreError {
    fn sentence(&self) -> Sentence {
        match self {
            StoreError::Stale { log, expected, held } => {
                let said = Sentence::new("store-stale").with("party", log.party);
                said.with("expected", expected).with("held", held)
            }
            StoreError::TokenUsed { token } => Sentence::new("store-token-used").with("token", token),
            StoreError::DiskFull => Sentence::new("store-disk-full"),
            StoreError::Busy => Sentence::new("store-busy"),
            StoreError::Corrupt { found } => Sentence::new("store-corrupt").with("found", found),
            StoreError::Line { line, found } => Sentence::new("store-line").with("line", line).with("found", found),
            StoreError::Locked { path, pid: Some(pid) } => {
                Sentence::new("store-locked").with("path", path.display()).with("pid", pid)
            }
            StoreError::Locked { path, pid: None } => Sentence::new("store-locked-unsaid").with("path", path.display()),
            StoreError::Newer { path, found, known } => versions("store-newer", path, *found, *known),
            StoreError::Older { path, found, known } => versions("store-older", path, *found, *known),
            StoreError::Place { path, wrong } => Sentence::new(wrong).with("path", path.display()),
            StoreError::Other { doing, cause } => {
                Sentence::new("store-failed").saying("doing", Sentence::new(doing)).with("cause", cause)
            }
        }
    }
}

fn versions(id: &'static str, path: &Path, found: u32, known: u32) -> Sentence {
    Sentence::new(id).with("path", path.display()).with("found", found).with("known", known)
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&logged(self))
    }
}

impl std::error::Error for StoreError {}
