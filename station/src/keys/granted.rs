//! Root's list: every station key that the root key ever granted, in order. It lies beside the root key and away from the
//! station, so that a copy that comes back cannot forget what was granted after it was made (`docs/protocol.md` §4.6).
//!
//! One line a grant, only ever appended: `counterpart-granted-v1 LINE EPOCH STATION`, all in hexadecimal but the number of
//! the epoch; `-` for LINE is the key that `init` made, for every line. A grant is written before root signs. If no epoch was opened
//! with it, the same line beginning with `counterpart-withdrawn-v1` says so: a key that never served has ended none before it.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use counterpart_core::ids::{LineId, hex, unhex};

use super::KeyError;
use super::file::{parent, sync_dir};

const GRANTED: &str = "counterpart-granted-v1";
const WITHDRAWN: &str = "counterpart-withdrawn-v1";
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
        self.write(GRANTED, path)
    }

    /// Adds to the list that no epoch was opened with this grant. It is on disk when this returns.
    ///
    /// # Errors
    /// [`KeyError::Unwritten`].
    pub fn withdraw(&self, path: &Path) -> Result<(), KeyError> {
        self.write(WITHDRAWN, path)
    }

    /// Takes back the newest grant for a line, if it is of this station key: whoever wrote it came to no opening.
    ///
    /// # Errors
    /// As [`Granted::keys`] and [`Granted::withdraw`].
    pub fn withdraw_newest(path: &Path, line: LineId, station: &[u8; 32]) -> Result<(), KeyError> {
        match Granted::list(path)?.iter().rfind(|granted| granted.line == Some(line)) {
            Some(newest) if newest.station == *station => newest.withdraw(path),
            _ => Ok(()),
        }
    }

    /// The station keys that the list at `path` names for a line, oldest first, each once. `charter` is the one that the charter of
    /// the line names: of a line that was paired after a change of keys the list knows it by another line.
    ///
    /// # Errors
    /// [`KeyError`] if the list cannot be read, is over 1 MiB, holds anything else, or does not name that key.
    pub fn keys(path: &Path, line: LineId, charter: &[u8; 32]) -> Result<Vec<[u8; 32]>, KeyError> {
        let granted = Granted::list(path)?;
        if granted.iter().all(|granted| granted.station != *charter) {
            return Err(KeyError::NotListed { path: path.into(), key: *charter });
        }
        let of = |wanted: Option<LineId>| granted.iter().filter(move |g| g.line == wanted).map(|g| g.station);
        let mut keys = Vec::new();
        for key in of(None).chain([*charter]).chain(of(Some(line))) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        Ok(keys)
    }

    /// Every grant that stands, in order.
    fn list(path: &Path) -> Result<Vec<Granted>, KeyError> {
        let mut text = String::new();
        let file = OpenOptions::new().read(true).open(path).map_err(|e| KeyError::reading(path, &e))?;
        file.take(LIST_BYTES_MAX).read_to_string(&mut text).map_err(|e| KeyError::reading(path, &e))?;
        let malformed = || KeyError::Malformed { path: path.into(), expected: format!("{GRANTED} LINE EPOCH STATION") };
        Granted::read(&text).ok_or_else(malformed)
    }

    /// Every grant of a list that stands, in order; `None` if anything else is in it.
    pub fn read(text: &str) -> Option<Vec<Granted>> {
        let mut list: Vec<Granted> = Vec::new();
        for row in text.lines() {
            let (header, granted) = Granted::parse(row)?;
            if header == GRANTED {
                list.push(granted);
            } else if let Some(at) = list.iter().rposition(|before| *before == granted) {
                list.remove(at);
            }
        }
        Some(list)
    }

    fn write(&self, header: &str, path: &Path) -> Result<(), KeyError> {
        let line = self.line.map_or_else(|| "-".into(), |line| line.to_string());
        let mut row = format!("{header} {line} {} ", self.epoch);
        // Writing to a string cannot fail.
        let _ = hex(&mut row, &self.station);
        row.push('\n');
        let write = || -> io::Result<()> {
            let mut list = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
            list.write_all(row.as_bytes())?;
            list.sync_all()
        };
        write().map_err(|e| KeyError::writing(path, &e))?;
        sync_dir(&parent(path))
    }

    fn parse(row: &str) -> Option<(&str, Granted)> {
        let mut words = row.split(' ');
        let (header, line, epoch, station) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let line = if line == "-" { None } else { Some(LineId(unhex(line)?)) };
        let whole = [GRANTED, WITHDRAWN].contains(&header) && words.next().is_none();
        let granted = Granted { line, epoch: epoch.parse().ok()?, station: unhex(station)? };
        whole.then_some((header, granted))
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

        assert_eq!(Granted::keys(&path, LINE, &[1; 32]).unwrap(), [[1; 32], [2; 32], [4; 32]]);
    }

    #[test]
    fn a_grant_with_which_no_epoch_was_opened_ends_no_key_before_it() {
        let scratch = Scratch::new("granted-withdrawn");
        let path = scratch.path().join("list");
        let [first, second, third] = [1, 2, 3].map(|n| Granted {
            line: (n > 1).then_some(LINE),
            epoch: if n > 1 { 1 } else { 0 },
            station: [n; 32],
        });
        first.append(&path).unwrap();
        second.append(&path).unwrap();

        second.withdraw(&path).unwrap();

        assert_eq!(Granted::keys(&path, LINE, &[1; 32]).unwrap(), [[1; 32]]);
        third.append(&path).unwrap();
        second.append(&path).unwrap();
        assert_eq!(Granted::keys(&path, LINE, &[1; 32]).unwrap(), [[1; 32], [3; 32], [2; 32]]);

        // One that was left behind is taken back by its key; it must be the newest.
        for (key, left) in [(3, &[1, 3, 2][..]), (2, &[1, 3]), (2, &[1, 3])] {
            Granted::withdraw_newest(&path, LINE, &[key; 32]).unwrap();
            let left: Vec<[u8; 32]> = left.iter().map(|key| [*key; 32]).collect();
            assert_eq!(Granted::keys(&path, LINE, &[1; 32]).unwrap(), left);
        }
    }

    #[test]
    fn a_line_that_was_paired_after_a_change_of_keys_begins_with_the_key_of_its_charter() {
        let scratch = Scratch::new("granted-later");
        let path = scratch.path().join("list");
        for (line, epoch, station) in [(None, 0, 1), (Some(LineId([8; 16])), 1, 2), (Some(LINE), 1, 3)] {
            Granted { line, epoch, station: [station; 32] }.append(&path).unwrap();
        }

        assert_eq!(Granted::keys(&path, LINE, &[2; 32]).unwrap(), [[1; 32], [2; 32], [3; 32]]);
        let strange = Granted::keys(&path, LINE, &[9; 32]);
        assert!(matches!(strange, Err(KeyError::NotListed { key, .. }) if key == [9; 32]), "{strange:?}");
    }

    #[test]
    fn a_list_with_anything_else_in_it_is_refused_and_so_is_a_missing_one() {
        let scratch = Scratch::new("granted-wrong");
        let path = scratch.path().join("list");
        let missing = Granted::keys(&path, LINE, &[1; 32]).unwrap_err();
        Granted { line: None, epoch: 0, station: [1; 32] }.append(&path).unwrap();
        for row in
            ["", "counterpart-granted-v1 - 0", "counterpart-granted-v1 - 0 00", "counterpart-granted-v1 - x 00 1"]
        {
            let whole = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, format!("{whole}{row}\n")).unwrap();

            assert!(matches!(Granted::keys(&path, LINE, &[1; 32]), Err(KeyError::Malformed { .. })), "{row}");
            std::fs::write(&path, whole).unwrap();
        }
        assert!(matches!(missing, KeyError::Unread { .. }));
    }
}
