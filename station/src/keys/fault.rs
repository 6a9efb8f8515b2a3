//! Why keys could not be made or read.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::entropy::NoEntropy;
use crate::words::{Sentence, Tell, logged};

/// Why keys could not be made or read: the fault of whoever set up this machine, but for what [`KeyError::is_of_place`] leaves out. The
/// text says how to mend it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyError {
    /// There are keys already, and they are never overwritten.
    Taken {
        /// What is there.
        path: PathBuf,
    },
    /// The root key was to lie beside the keys that it must outlive.
    RootInside {
        /// Where it was to be written.
        path: PathBuf,
    },
    /// Others than the owner may read or change a secret.
    Shared {
        /// The file or folder.
        path: PathBuf,
        /// Its mode, the lowest nine bits.
        mode: u32,
        /// The mode that it needs, for `chmod`.
        needs: &'static str,
    },
    /// A key file is not what it should be.
    Malformed {
        /// The file.
        path: PathBuf,
        /// What its one line must read.
        expected: String,
    },
    /// A file is not there, or this user may not read it.
    Unread {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        cause: String,
    },
    /// No file can be there, or this user may not write it.
    Unwritten {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        cause: String,
    },
    /// The machine failed at a file: its disk is full or broken, for one.
    Failed {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        cause: String,
    },
    /// Root's list names a station key nowhere that it must have granted.
    NotListed {
        /// The list.
        path: PathBuf,
        /// The key.
        key: [u8; 32],
    },
    /// There was no randomness to draw keys from.
    NoEntropy(NoEntropy),
}

impl KeyError {
    pub(super) fn reading(path: &Path, cause: &io::Error) -> KeyError {
        let (path, said) = (path.into(), cause.to_string());
        match is_of_place(cause.kind()) {
            true => KeyError::Unread { path, cause: said },
            false => KeyError::Failed { path, cause: said },
        }
    }

    pub(super) fn writing(path: &Path, cause: &io::Error) -> KeyError {
        let (path, said) = (path.into(), cause.to_string());
        match cause.kind() {
            io::ErrorKind::AlreadyExists => KeyError::Taken { path },
            kind if is_of_place(kind) => KeyError::Unwritten { path, cause: said },
            _ => KeyError::Failed { path, cause: said },
        }
    }

    /// Whether it lies in what a person has named or set up, and not in our machine.
    pub fn is_of_place(&self) -> bool {
        !matches!(self, KeyError::Failed { .. } | KeyError::NoEntropy(_))
    }
}

/// Whether a file that cannot be used so is one that should be another, or another user's.
fn is_of_place(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as K;
    let absent = matches!(kind, K::NotFound | K::NotADirectory | K::IsADirectory | K::DirectoryNotEmpty);
    let unfit = matches!(kind, K::InvalidInput | K::InvalidFilename | K::InvalidData);
    absent || unfit || matches!(kind, K::PermissionDenied | K::ReadOnlyFilesystem)
}

impl Tell for KeyError {
    fn sentence(&self) -> Sentence {
        let of = |id, path: &PathBuf| Sentence::new(id).with("path", path.display());
        match self {
            KeyError::Taken { path } => of("keys-taken", path),
            KeyError::RootInside { path } => of("keys-root-inside", path),
            KeyError::Shared { path, mode, needs } => {
                of("keys-shared", path).with("mode", format_args!("{mode:o}")).with("needs", needs)
            }
            KeyError::Malformed { path, expected } => of("keys-malformed", path).with("expected", expected),
            KeyError::Unread { path, cause } => of("keys-unread", path).with("cause", cause),
            KeyError::Unwritten { path, cause } => of("keys-unwritten", path).with("cause", cause),
            KeyError::Failed { path, cause } => of("keys-failed", path).with("cause", cause),
            KeyError::NotListed { path, key } => of("keys-not-listed", path).with("key", short(key)),
            KeyError::NoEntropy(fault) => fault.sentence(),
        }
    }
}

/// The first digits of a key, by which people tell keys apart.
fn short(key: &[u8; 32]) -> String {
    key.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&logged(self))
    }
}

impl std::error::Error for KeyError {}

impl From<NoEntropy> for KeyError {
    fn from(e: NoEntropy) -> KeyError {
        KeyError::NoEntropy(e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_a_person_named_or_closed_is_of_its_place_and_a_disk_that_fails_is_not() {
        use io::ErrorKind as K;
        let of = |kind: K| {
            let (path, cause) = (Path::new("north.root-key"), io::Error::from(kind));
            [KeyError::reading(path, &cause), KeyError::writing(path, &cause)].map(|e| e.is_of_place())
        };

        for kind in [K::NotFound, K::PermissionDenied, K::NotADirectory, K::IsADirectory, K::ReadOnlyFilesystem] {
            assert_eq!(of(kind), [true, true], "{kind:?}");
        }
        for kind in [K::StorageFull, K::QuotaExceeded, K::UnexpectedEof, K::Interrupted, K::Other] {
            assert_eq!(of(kind), [false, false], "{kind:?}");
        }
        assert!(matches!(KeyError::writing(Path::new("x"), &K::AlreadyExists.into()), KeyError::Taken { .. }));
    }
}
