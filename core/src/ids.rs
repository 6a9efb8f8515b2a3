//! The names of lines, parties, epochs, posts and entries (`docs/protocol.md` §2).

use alloc::string::String;
use core::fmt;

use crate::limits;

/// A line: 16 random bytes, chosen by the inviter (§2.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId(pub [u8; 16]);

/// One of the two stations of a line (§2.2). The number is what entries carry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Party {
    /// The station that wrote the invitation: 0.
    Inviter,
    /// The station that joined: 1.
    Joiner,
}

impl Party {
    /// Both, in the order of their numbers.
    pub const BOTH: [Party; 2] = [Party::Inviter, Party::Joiner];

    /// 0 or 1.
    pub fn number(self) -> u64 {
        self as u64
    }

    /// 0 or 1, to index a pair kept in the order of [`Party::BOTH`].
    pub fn slot(self) -> usize {
        self as usize
    }

    /// The party of this number; `None` beyond 1.
    pub fn from_number(number: u64) -> Option<Party> {
        match number {
            0 => Some(Party::Inviter),
            1 => Some(Party::Joiner),
            _ => None,
        }
    }

    /// The station at the other end.
    pub fn peer(self) -> Party {
        match self {
            Party::Inviter => Party::Joiner,
            Party::Joiner => Party::Inviter,
        }
    }
}

/// A span of a line's life in which each log starts at index 0 (§4.6). The first is `Epoch::FIRST`; a later one follows a
/// restored backup. The number orders; the eight random bytes keep two that were opened at once apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Epoch {
    /// One above the highest known when it was opened.
    pub number: u64,
    /// Random; zero in the first epoch.
    pub id: [u8; 8],
}

impl Epoch {
    /// The epoch that the charter opened.
    pub const FIRST: Epoch = Epoch { number: 0, id: [0; 8] };
}

/// Where an entry stands in its epoch: whose log, and its index there, from 0 (§2.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EntryRef {
    /// Whose log.
    pub party: Party,
    /// Its index in that log.
    pub index: u64,
}

/// An office that can be reached, as the charter names it: 1 to 32 of `a`–`z`, `0`–`9`, `-` (§2.3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PostId(String);

impl PostId {
    /// Parses a post's name.
    ///
    /// # Errors
    /// `None` if it is empty, over 32 characters, or holds any other character.
    pub fn parse(text: &str) -> Option<PostId> {
        let fits = !text.is_empty() && text.len() <= limits::POST_ID_MAX;
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        (fits && plain).then(|| PostId(text.into()))
    }

    /// The name as the charter writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Writes bytes as lower-case hexadecimal.
pub fn hex(out: &mut dyn fmt::Write, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|b| write!(out, "{b:02x}"))
}

/// Reads exactly `N` bytes of hexadecimal, either case; `None` for anything else.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |d: u8| char::from(d).to_digit(16);
        let value = digit(*pair.first()?)? * 16 + digit(*pair.get(1)?)?;
        *byte = u8::try_from(value).ok()?;
    }
    Some(bytes)
}

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}

impl fmt::Debug for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LineId({self})")
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.number)?;
        hex(f, &self.id)
    }
}

impl fmt::Display for EntryRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.party.number(), self.index)
    }
}

impl fmt::Display for PostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
