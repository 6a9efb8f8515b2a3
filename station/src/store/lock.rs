//! One process keeps a record: an exclusive lock that the operating system lets go when the process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::StoreError;

/// The lock's file in the data directory. It stays after the process; only the lock on it counts.
pub const LOCK_FILE: &str = "lock";

/// Held while this lives.
pub(super) struct Lock {
    _held: File,
}

impl Lock {
    /// Takes the lock of this data directory and writes our process id into it, without waiting.
    ///
    /// # Errors
    /// [`StoreError::Locked`] with the id of the process that holds it.
    pub fn take(data: &Path) -> Result<Lock, StoreError> {
        let path = data.join(LOCK_FILE);
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.map_err(|e| StoreError::file("doing-lock", &e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked { path, pid: holder(&mut file) });
            }
            Err(TryLockError::Error(e)) => return Err(StoreError::file("doing-lock", &e)),
        }
        let mut say = || {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            writeln!(file, "{}", std::process::id())
        };
        say().map_err(|e| StoreError::file("doing-lock", &e))?;
        Ok(Lock { _held: file })
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// The process that keeps the record in this data directory at present, if one does.
pub fn served_by(data: &Path) -> Option<u32> {
    let mut file = OpenOptions::new().read(true).open(data.join(LOCK_FILE)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => holder(&mut file),
        _ => None,
    }
}
