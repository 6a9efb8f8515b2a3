//! Whether the disk takes what would be written next: a record of which nothing can be written looks well otherwise.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::StoreError;

/// A file in the data directory that stands there only while this looks.
const PROBE_FILE: &str = "room";
/// As much as one entry with its body may take, in bytes.
const PROBE_BYTES: usize = 128 * 1024;

/// Writes as much as one entry may take beside the record, and removes it again.
///
/// # Errors
/// [`StoreError::DiskFull`], or what the operating system said.
pub fn takes_writes(data: &Path) -> Result<(), StoreError> {
    let path = data.join(PROBE_FILE);
    let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).and_then(fill);
    let removed = if path.exists() { std::fs::remove_file(&path) } else { Ok(()) };
    written.and(removed).map_err(|error| StoreError::file("doing-probe", &error))
}

fn fill(mut file: File) -> std::io::Result<()> {
    file.write_all(&vec![0; PROBE_BYTES])?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::scratch::Scratch;
    use crate::words::Tell;

    #[test]
    fn a_disk_that_takes_nothing_more_is_told_and_the_probe_leaves_nothing() {
        let data = Scratch::new("room");
        assert_eq!(takes_writes(data.path()), Ok(()));
        assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);

        std::os::unix::fs::symlink("/dev/full", data.path().join(PROBE_FILE)).unwrap();

        let full = takes_writes(data.path()).unwrap_err();
        assert_eq!(full.sentence(), StoreError::DiskFull.sentence());
        assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
    }
}
