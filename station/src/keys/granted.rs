//! Root's list: every station key that the root key ever granted, in order. It lies beside the root key and away from the
//! station, so that a copy that comes back cannot forget what was granted after it was made (`docs/protocol.md` §4.6).
//!
//! One line a grant, only ever appended: `counterpart-granted-v1 LINE EPOCH STATION`, all in hexadecimal but the number of
//! the epoch; `-` for LINE is the key that `init` made, for every line.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use counterpart_core::ids::{LineId, hex, unhex};

use super::KeyError;
use super::file::{parent, sync_dir};

const HEADER: &str = "counterpart-granted-v1";
/// No list is longer, in bytes: some 7,000 grants.
const LIST_BYTES_MAX: u64 = 1 << 20;

/// Where the list of a root key lies unless it is said otherwise: beside it.
pub fn granted_file(root_key: &Path) -> PathBuf {
    let mut name = root_key.as_os_str().to_owned();
    name.push(".granted");
    name.into()
}

/// One grant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Granted {
    /// For which line; `None`: for every line that is paired.
    pub line: Option<LineId>,
    /// In the epoch of this number.
    pub epoch: u64,
    /// The station key.
    pub station: [u8; 32],
}

impl Granted {
    /// Adds the grant to the list at `path`, which is made if it is not there. It is on disk when this returns.
    ///
    /// # Errors
    /// [`KeyError::Unwritten`].
    pub fn append(&self, path: &Path) -> Result<(), KeyError> {
        let write = || -> io::Result<()> {
            let mut list = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
            list.write_all(self.text().as_bytes())?;
            list.sync_all()
        };
        write().map_err(|e| KeyError::writing(path, &e))?;
        sync_dir(&parent(path))
    }

    /// The station keys that the list at `path` names for a line, oldest first, each once.
    ///
    /// # Errors
    /// [`KeyError`] if it cannot be read, is over 1 MiB, or holds anything else.
    pub fn keys(path: &Path, line: LineId) -> Result<Vec<[u8; 32]>, KeyError> {
        let mut text = String::new();
        let file = OpenOptions::new().read(true).open(path).map_err(|e| KeyError::reading(path, &e))?;
        file.take(LIST_BYTES_MAX).read_to_string(&mut text).map_err(|e| KeyError::reading(path, &e))?;
        let mut keys = Vec::new();
        for row in text.lines() {
            let malformed =
                || KeyError::Malformed { path: path.into(), expected: format!("{HEADER} LINE EPOCH STATION") };
            let granted = Granted::parse(row).ok_or_else(malformed)?;
            let ours = granted.line.is_none_or(|of| of == line);
            if ours && !keys.contains(&granted.station) {
                keys.push(granted.station);
            }
        }
        Ok(keys)
    }

    fn text(&self) -> String {
        let line = self.line.map_or_else(|| "-".into(), |line| line.to_string());
        let mut text = format!("{HEADER} {line} {} ", self.epoch);
        // Writing to a string cannot fail.
        let _ = hex(&mut text, &self.station);
        text.push('\n');
        text
    }

    fn parse(row: &str) -> Option<Granted> {
        let mut words = row.split(' ');
        let (header, line, epoch, station) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let line = if line == "-" { None } else { Some(LineId(unhex(line)?)) };
        let whole = header == HEADER && words.next().is_none();
        whole.then_some(Granted { line, epoch: epoch.parse().ok()?, station: unhex(station)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    const LINE: LineId = LineId([7; 16]);

    #[test]
    fn a_list_gives_back_the_keys_of_a_line_in_order_and_no_others() {
        let scratch = Scratch::new("granted");
        let path = granted_file(&scratch.path().join("root-key"));
        let grants =
            [(None, 0, 1), (Some(LINE), 1, 2), (Some(LineId([8; 16])), 1, 3), (Some(LINE), 2, 2), (Some(LINE), 3, 4)];

        for (line, epoch, station) in grants {
            Granted { line, epoch, station: [station; 32] }.append(&path).unwrap();
        }

        assert_eq!(Granted::keys(&path, LINE).unwrap(), [[1; 32], [2; 32], [4; 32]]);
    }

    #[test]
    fn a_list_with_anything_else_in_it_is_refused_and_so_is_a_missing_one() {
        let scratch = Scratch::new("granted-wrong");
        let path = scratch.path().join("list");
        let missing = Granted::keys(&path, LINE).unwrap_err();
        Granted { line: None, epoch: 0, station: [1; 32] }.append(&path).unwrap();
        for row in
            ["", "counterpart-granted-v1 - 0", "counterpart-granted-v1 - 0 00", "counterpart-granted-v1 - x 00 1"]
        {
            let whole = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, format!("{whole}{row}\n")).unwrap();

            assert!(matches!(Granted::keys(&path, LINE), Err(KeyError::Malformed { .. })), "{row}");
            std::fs::write(&path, whole).unwrap();
        }
        assert!(matches!(missing, KeyError::Unread { .. }));
    }
}
