//! Why keys could not be made or read.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::entropy::NoEntropy;

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
    /// A file could not be read or written.
    Disk {
        /// "read" or "write".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        cause: String,
    },
    /// There was no randomness to draw keys from.
    NoEntropy(NoEntropy),
}

impl KeyError {
    pub(super) fn reading(path: &Path, cause: &io::Error) -> KeyError {
        KeyError::Disk { doing: "read", path: path.into(), cause: cause.to_string() }
    }

    pub(super) fn writing(path: &Path, cause: &io::Error) -> KeyError {
        if cause.kind() == io::ErrorKind::AlreadyExists {
            return KeyError::Taken { path: path.into() };
        }
        KeyError::Disk { doing: "write", path: path.into(), cause: cause.to_string() }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::Taken { path } => {
                let path = path.display();
                write!(f, "{path} exists, and keys are never overwritten; choose another place, or move it away")
            }
            KeyError::RootInside { path } => write!(
                f,
                "the root key {} would lie inside the data directory, which it must outlive; name a file outside it, best on \
                 a medium that goes into a safe",
                path.display()
            ),
            KeyError::Shared { path, mode, needs } => {
                let path = path.display();
                write!(f, "{path} has mode {mode:o}, so others could read the key; run: chmod {needs} {path}")
            }
            KeyError::Malformed { path, expected } => write!(
                f,
                "{} is no key of this kind: it must be one line `{expected}` with 64 digits of hexadecimal; take the file from a backup",
                path.display()
            ),
            KeyError::Disk { doing, path, cause } => write!(
                f,
                "cannot {doing} {}: {cause}; check that it exists and that this user may {doing} it",
                path.display()
            ),
            KeyError::NoEntropy(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for KeyError {}

impl From<NoEntropy> for KeyError {
    fn from(e: NoEntropy) -> KeyError {
        KeyError::NoEntropy(e)
    }
}
