//! Why keys could not be made or read.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::entropy::NoEntropy;
use crate::words::{Sentence, Tell, logged};

/// Why keys could not be made or read. The fault of whoever set up this machine; the text says how to mend it.
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
    /// A file could not be read.
    Unread {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        cause: String,
    },
    /// A file could not be written.
    Unwritten {
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
        KeyError::Unread { path: path.into(), cause: cause.to_string() }
    }

    pub(super) fn writing(path: &Path, cause: &io::Error) -> KeyError {
        if cause.kind() == io::ErrorKind::AlreadyExists {
            return KeyError::Taken { path: path.into() };
        }
        KeyError::Unwritten { path: path.into(), cause: cause.to_string() }
    }
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
