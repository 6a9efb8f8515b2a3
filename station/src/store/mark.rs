//! A mark outside the process that says whether a commit is under way, so that the crash test can count the kills that fell
//! between BEGIN and COMMIT's return. Off unless `COUNTERPART_COMMIT_MARK` names a file; it decides nothing and holds no data.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;

/// Where the mark is written.
const VARIABLE: &str = "COUNTERPART_COMMIT_MARK";

/// One byte in a file: 1 while a commit is under way, else 0. The page cache keeps it when the process is killed.
pub(super) struct Mark(Option<File>);

impl Mark {
    /// The file that the environment names, if it can be written.
    pub fn from_environment() -> Mark {
        let open = |path| OpenOptions::new().write(true).create(true).truncate(false).open(path).ok();
        Mark(std::env::var_os(VARIABLE).and_then(open))
    }

    /// A transaction is about to begin.
    pub fn begins(&self) {
        self.write(1);
    }

    /// COMMIT or ROLLBACK has returned.
    pub fn returned(&self) {
        self.write(0);
    }

    fn write(&self, byte: u8) {
        if let Some(file) = &self.0 {
            // A test that cannot be marked counts fewer kills, and says so.
            let _ = file.write_at(&[byte], 0);
        }
    }
}
