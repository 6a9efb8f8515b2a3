//! C2SP checkpoints (c2sp.org/tlog-checkpoint): the head of a log as the text of a signed note.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use super::base64;
use super::merkle::{Hash, SIZE_MAX, empty_root};

/// What a log says of itself: its name, its size and its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

/// Why a text is not a checkpoint, or something may not become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointFault {
    /// Fewer than three lines, or the last does not end.
    Form,
    /// The origin is empty or has a control character.
    Origin,
    /// The size is not a decimal number in its shortest form, or above [`SIZE_MAX`].
    Size,
    /// The root is not the base 64 of 32 bytes, or not that of the empty tree beside size 0.
    Root,
    /// An extension line is empty or has a control character.
    Extension,
}

impl fmt::Display for CheckpointFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "a checkpoint has three lines or more, and each ends",
            Self::Origin => "the origin of a checkpoint is one line and not empty",
            Self::Size => "the size of a checkpoint is a decimal number below 2^53 without leading zeroes",
            Self::Root => "the root of a checkpoint is 32 bytes in base 64 and fits its size",
            Self::Extension => "an extension line of a checkpoint is one line and not empty",
        })
    }
}

impl core::error::Error for CheckpointFault {}

impl Checkpoint {
    /// The head of a log. Its `origin` should also be the name of the key that signs it.
    ///
    /// # Errors
    /// What may not stand in a checkpoint.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, CheckpointFault> {
        if !is_line(origin) {
            return Err(CheckpointFault::Origin);
        }
        if size > SIZE_MAX {
            return Err(CheckpointFault::Size);
        }
        if size == 0 && root != empty_root() {
            return Err(CheckpointFault::Root);
        }
        Ok(Self { origin: origin.to_string(), size, root, extensions: Vec::new() })
    }

    /// Adds an extension line, which no monitor of logs understands: not recommended by the specification.
    ///
    /// # Errors
    /// [`CheckpointFault::Extension`]; how many there may be is limited by the note that carries them.
    pub fn extended(mut self, extension: &str) -> Result<Self, CheckpointFault> {
        if !is_line(extension) {
            return Err(CheckpointFault::Extension);
        }
        self.extensions.push(extension.to_string());
        Ok(self)
    }

    /// Reads the text of a note, in the one form that is written.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, CheckpointFault> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointFault::Form)?.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointFault::Form);
        };
        let size = decimal(size).ok_or(CheckpointFault::Size)?;
        let root = base64::decode(root).and_then(|root| root.try_into().ok()).ok_or(CheckpointFault::Root)?;
        lines.try_fold(Self::new(origin, size, root)?, Self::extended)
    }

    /// The name of the log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many entries the log has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree over them.
    pub const fn root(&self) -> &Hash {
        &self.root
    }

    /// The extension lines.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl fmt::Display for Checkpoint {
    /// The text that a note signs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, base64::encode(&self.root))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

fn is_line(line: &str) -> bool {
    !line.is_empty() && line.bytes().all(|byte| byte >= b' ')
}

/// A number as it is written: digits alone, and no zero before others. (Limits are for [`Checkpoint::new`].)
fn decimal(digits: &str) -> Option<u64> {
    let number: u64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::record::note::{Note, NoteKey};
    use crate::record::sign1::{Sign, SoftKey, Strict};
    use alloc::format;

    /// The example of the specification.
    const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_example_of_the_specification_is_read_and_written() {
        let checkpoint = Checkpoint::parse(EXAMPLE).unwrap();

        assert_eq!((checkpoint.origin(), checkpoint.size()), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(checkpoint.root()[..4], [0x0a, 0xc5, 0x18, 0x6a]);
        assert_eq!(checkpoint.to_string(), EXAMPLE);
    }

    #[test]
    fn a_checkpoint_travels_in_a_note_and_comes_back() {
        let key = SoftKey::from_seed([1; 32]);
        let checkpoint = Checkpoint::new("a.example/log", 7, [9; 32]).unwrap().extended("one more").unwrap();

        let note = Note::sign(&checkpoint.to_string(), checkpoint.origin(), &key).unwrap();

        let read = Note::parse(note.to_string().as_bytes()).unwrap();
        let signer = NoteKey::new("a.example/log", key.public()).unwrap();
        assert!(read.verify(&[signer], &Strict).is_ok());
        assert_eq!(Checkpoint::parse(read.text()).unwrap(), checkpoint);
        assert_eq!(checkpoint.extensions(), ["one more"]);
    }

    #[test]
    fn an_empty_log_has_the_root_of_nothing() {
        let empty = Checkpoint::new("a", 0, empty_root()).unwrap();

        assert_eq!(empty.to_string(), "a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
        assert_eq!(Checkpoint::parse(&empty.to_string()).unwrap(), empty);
        assert_eq!(Checkpoint::new("a", 0, [9; 32]), Err(CheckpointFault::Root));
    }

    #[test]
    fn what_is_not_a_checkpoint_is_refused_by_its_line() {
        let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        let cases = [
            (String::new(), CheckpointFault::Form),
            ("a\n1\n".into(), CheckpointFault::Form),
            (format!("a\n1\n{root}"), CheckpointFault::Form),
            (format!("\n1\n{root}\n"), CheckpointFault::Origin),
            (format!("a\tb\n1\n{root}\n"), CheckpointFault::Origin),
            (format!("a\n\n{root}\n"), CheckpointFault::Size),
            (format!("a\n01\n{root}\n"), CheckpointFault::Size),
            (format!("a\n+1\n{root}\n"), CheckpointFault::Size),
            (format!("a\n-1\n{root}\n"), CheckpointFault::Size),
            (format!("a\n1 \n{root}\n"), CheckpointFault::Size),
            (format!("a\n9007199254740992\n{root}\n"), CheckpointFault::Size),
            (format!("a\n99999999999999999999\n{root}\n"), CheckpointFault::Size),
            ("a\n1\nCsUYapGG\n".into(), CheckpointFault::Root),
            (format!("a\n1\n{}\n", root.replace("q2I=", "q2J=")), CheckpointFault::Root),
            (format!("a\n1\n{root}\n\n"), CheckpointFault::Extension),
            (format!("a\n1\n{root}\nb\r\n"), CheckpointFault::Extension),
        ];

        for (text, fault) in cases {
            assert_eq!(Checkpoint::parse(&text), Err(fault), "{text:?}");
        }
        assert!(Checkpoint::parse(&format!("a\n9007199254740991\n{root}\nb\nc\n")).is_ok());
    }
}
