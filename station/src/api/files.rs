//! Files that are for their owner alone.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::fault::{Code, Fault};

/// Writes a new file, readable by its owner alone, and waits until it is on the disk.
///
/// # Errors
/// [`Code::File`]; an existing file is left as it is.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|e: std::io::Error| Fault::new(Code::File).with("path", path.display()).with("cause", e))
}
