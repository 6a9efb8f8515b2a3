//! Files that are for their owner alone.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::fault::{Code, Fault};

/// A new file, readable by its owner alone.
pub struct PrivateFile {
    path: PathBuf,
    file: File,
}

impl PrivateFile {
    /// Makes the file, empty.
    ///
    /// # Errors
    /// [`Code::File`]; an existing file is left as it is.
    pub fn create(path: &Path) -> Result<PrivateFile, Fault> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        Ok(PrivateFile { path: path.into(), file: file.map_err(|e| fault(path, &e))? })
    }

    /// Writes into it and waits until that is on the disk.
    ///
    /// # Errors
    /// [`Code::File`].
    pub fn write(&self, bytes: &[u8]) -> Result<(), Fault> {
        self.add(bytes)?;
        self.file.sync_all().map_err(|e| fault(&self.path, &e))
    }

    /// Writes a part of it, which may not be on the disk yet.
    ///
    /// # Errors
    /// [`Code::File`].
    pub fn add(&self, bytes: &[u8]) -> Result<(), Fault> {
        (&self.file).write_all(bytes).map_err(|e| fault(&self.path, &e))
    }

    /// Takes it away again. What cannot be removed is left: it is empty, or of no use to anybody.
    pub fn remove(&self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn fault(path: &Path, cause: &io::Error) -> Fault {
    Fault::new(Code::File).with("path", path.display()).with("cause", cause)
}
