//! A copy of the station, made while it runs.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::OpenFlags;
use rusqlite::backup::{Backup, StepResult};

use super::people::PEOPLE_WAIT;
use super::reader::read_only;
use super::{DATABASE_FILE, StoreError, connect, existing, known_version};
use crate::config::CONFIG_FILE;
use crate::keys::{KEYS_DIR, SETS_MAX};

/// Files in the folder of keys, three a set; more are not keys.
const KEY_FILES_MAX: usize = 4 * SETS_MAX;

/// Copies record, keys and configuration of the station in `data` into the new folder `to`, which then serves as a data
/// directory. The copy knows that it is one: [`super::Reader::restored`] is true there and each of its logs says so, before
/// the folder has its name (§4.6). The station may write meanwhile; the copy is one state of its record. Nobody is signed in there, no
/// link serves, and passwords and tokens that came with it wait for a person's word ([`super::Reader::people_wait`]): who has gone when the copy is taken
/// up would be back.
///
/// `to` holds private keys: it is made for its owner alone. The root key is not in it.
///
/// # Errors
/// [`StoreError::Place`] if `to` or its unfinished copy exists or there is no record; [`StoreError::DiskFull`];
/// [`StoreError::Other`]. A copy cut short keeps the ending `.partial`.
pub fn back_up(data: &Path, to: &Path) -> Result<(), StoreError> {
    let database = existing(data)?;
    let partial = with_ending(to);
    for path in [to, &partial] {
        if path.exists() {
            return Err(StoreError::Place { path: path.into(), wrong: "backup-exists" });
        }
    }
    let made = DirBuilder::new().mode(0o700).create(&partial);
    made.map_err(|e| StoreError::file("doing-backup", &e))?;
    copy_database(&database, &partial.join(DATABASE_FILE))?;
    copy_files(data, &partial)
        .and_then(|()| fs::rename(&partial, to))
        .and_then(|()| sync(parent(to)))
        .map_err(|e| StoreError::file("doing-backup", &e))
}

fn with_ending(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn copy_database(from: &Path, to: &Path) -> Result<(), StoreError> {
    let source = read_only(from)?;
    known_version(&source, from)?;
    create(to).map_err(|e| StoreError::file("doing-backup", &e))?;
    let mut copy = connect(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // All pages in one step: one state of the record, which the writer need not wait for.
    let step = Backup::new(&source, &mut copy)?.step(-1)?;
    if step != StepResult::Done {
        return Err(StoreError::other("doing-backup", format!("the database answered {step:?}")));
    }
    let people = people_wait(&copy)?;
    copy.execute_batch(&format!(
        "PRAGMA journal_mode = DELETE;
         BEGIN; UPDATE meta SET value = value + 1 WHERE key = 'restored'; UPDATE log SET restored = 1; {people} COMMIT;",
    ))?;
    copy.close().map_err(|(_, e)| e.into())
}

/// What is written of people in a copy; nothing in a record that an older program made, which may know of none.
fn people_wait(copy: &rusqlite::Connection) -> Result<String, StoreError> {
    let sql = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'api_token'";
    let tables: i64 = copy.query_row(sql, [], |row| row.get(0))?;
    let wait = format!(
        "DELETE FROM session; DELETE FROM link;
         INSERT OR REPLACE INTO setting (key, value) SELECT '{PEOPLE_WAIT}', x''
         WHERE EXISTS (SELECT 1 FROM user) OR EXISTS (SELECT 1 FROM api_token);"
    );
    Ok(if tables > 0 { wait } else { String::new() })
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn copy_files(data: &Path, to: &Path) -> io::Result<()> {
    copy_file(&data.join(CONFIG_FILE), &to.join(CONFIG_FILE))?;
    let (keys, copied) = (data.join(KEYS_DIR), to.join(KEYS_DIR));
    DirBuilder::new().mode(0o700).create(&copied)?;
    for (count, entry) in fs::read_dir(&keys)?.enumerate() {
        let entry = entry?;
        if count >= KEY_FILES_MAX {
            return Err(io::Error::other(format!("over {KEY_FILES_MAX} files in {}", keys.display())));
        }
        if entry.file_type()?.is_file() {
            copy_file(&entry.path(), &copied.join(entry.file_name()))?;
        }
    }
    sync(&copied)?;
    File::open(to.join(DATABASE_FILE))?.sync_all()?;
    sync(to)
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let mut copy = create(to)?;
    io::copy(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
