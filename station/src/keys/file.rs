//! Key files: one line each, readable by their owner alone.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{KeyError, Seed};

pub(super) const PRIVATE: &str = "counterpart-key-v1";
pub(super) const PUBLIC: &str = "counterpart-public-v1";
/// No key file is longer, in bytes.
const FILE_BYTES_MAX: usize = 128;

pub(super) fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir.into(),
        _ => PathBuf::from("."),
    }
}

pub(super) fn refuse_shared(handle: &File, path: &Path, needs: &'static str) -> Result<(), KeyError> {
    let mode = handle.metadata().map_err(|e| KeyError::reading(path, &e))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Shared { path: path.into(), mode, needs });
    }
    Ok(())
}

pub(super) fn write_new(path: &Path, line: &str) -> Result<(), KeyError> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(line.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|e| KeyError::writing(path, &e))
}

pub(super) fn sync_dir(dir: &Path) -> Result<(), KeyError> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(|e| KeyError::writing(dir, &e))
}

/// The one line of a key file. Its room is reserved at once, so that no smaller copy of the secret stays behind.
pub(super) fn line(header: &str, role: &str, bytes: &[u8; 32]) -> Zeroizing<String> {
    let mut line = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX));
    line.push_str(header);
    line.push(' ');
    line.push_str(role);
    line.push(' ');
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(line, "{byte:02x}");
    }
    line.push('\n');
    line
}

pub(super) fn read_private(path: &Path, role: &str) -> Result<Seed, KeyError> {
    let handle = File::open(path).map_err(|e| KeyError::reading(path, &e))?;
    refuse_shared(&handle, path, "600")?;
    read(handle, path, PRIVATE, role)
}

pub(super) fn read_public(path: &Path, role: &str) -> Result<[u8; 32], KeyError> {
    let handle = File::open(path).map_err(|e| KeyError::reading(path, &e))?;
    Ok(*read(handle, path, PUBLIC, role)?)
}

/// The public half of a key of this role, from the one line of its file.
pub fn public_of(line: &[u8], role: &str) -> Option<[u8; 32]> {
    parse(line, PUBLIC, role).map(|key| *key)
}

fn read(mut handle: File, path: &Path, header: &str, role: &str) -> Result<Seed, KeyError> {
    let mut room = Zeroizing::new([0u8; FILE_BYTES_MAX]);
    let mut filled = 0;
    while let Some(rest) = room.get_mut(filled..).filter(|r| !r.is_empty()) {
        match handle.read(rest).map_err(|e| KeyError::reading(path, &e))? {
            0 => break,
            n => filled += n,
        }
    }
    let line = room.get(..filled).unwrap_or_default();
    let malformed = || KeyError::Malformed { path: path.into(), expected: format!("{header} {role} HEX") };
    parse(line, header, role).ok_or_else(malformed)
}

pub(super) fn parse(line: &[u8], header: &str, role: &str) -> Option<Seed> {
    let rest = line.strip_prefix(header.as_bytes())?.strip_prefix(b" ")?;
    let digits = rest.strip_prefix(role.as_bytes())?.strip_prefix(b" ")?;
    let digits = digits.strip_suffix(b"\n").unwrap_or(digits);
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    let mut seed = Seed::default();
    for (byte, [high, low]) in seed.iter_mut().zip(pairs) {
        let digit = |d: &u8| char::from(*d).to_digit(16).and_then(|v| u8::try_from(v).ok());
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(seed)
}
