//! The digits as a person types or pastes them: sixteen groups of five.

use std::fmt;

use counterpart_core::record::merkle::Hash;

use crate::words::{Sentence, Tell, logged};

/// Groups that are read aloud.
const GROUPS: usize = 16;
/// Digits in one group.
const GROUP_DIGITS: usize = 5;

/// Why a text is not sixteen groups of digits. The fault of who typed it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DigitsFault {
    /// There are this many digits, not 80.
    Count(usize),
    /// This character is neither a digit nor a space.
    Character(char),
    /// The group of this number, counted from 1, is above 65535, which no group is.
    Group(usize),
}

/// Reads the digits back into the fingerprint. Spaces and line breaks may stand anywhere.
pub(super) fn read(text: &str) -> Result<Hash, DigitsFault> {
    let typed: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    if let Some(other) = typed.iter().find(|c| !c.is_ascii_digit()) {
        return Err(DigitsFault::Character(*other));
    }
    if typed.len() != GROUPS * GROUP_DIGITS {
        return Err(DigitsFault::Count(typed.len()));
    }
    let mut fingerprint = Hash::default();
    let groups = typed.chunks_exact(GROUP_DIGITS).zip(fingerprint.chunks_exact_mut(2));
    for (number, (group, place)) in (1..).zip(groups) {
        let value = group.iter().filter_map(|c| c.to_digit(10)).fold(0, |sum, digit| sum * 10 + digit);
        let value = u16::try_from(value).map_err(|_| DigitsFault::Group(number))?;
        place.copy_from_slice(&value.to_be_bytes());
    }
    Ok(fingerprint)
}

impl Tell for DigitsFault {
    fn sentence(&self) -> Sentence {
        match self {
            DigitsFault::Count(count) => Sentence::new("digits-count").with("count", count),
            DigitsFault::Character(other) => Sentence::new("digits-character").with("other", other),
            DigitsFault::Group(number) => Sentence::new("digits-group").with("number", number),
        }
    }
}

impl fmt::Display for DigitsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&logged(self))
    }
}

impl std::error::Error for DigitsFault {}

#[cfg(test)]
mod tests {
    use counterpart_core::record::charter::digits;

    use super::*;

    #[test]
    fn digits_come_back_however_they_are_spaced() {
        let fingerprint: Hash = std::array::from_fn(|at| u8::try_from(at * 8 + 7).unwrap());
        let text = digits(&fingerprint);

        assert_eq!(read(&text), Ok(fingerprint));
        assert_eq!(read(&text.replace(' ', "")), Ok(fingerprint));
        assert_eq!(read(&format!("\n{}\u{a0}\t", text.replace(' ', "\r\n  "))), Ok(fingerprint));
    }

    #[test]
    fn what_is_wrong_with_typed_digits_is_named() {
        let text = digits(&[0; 32]);

        assert_eq!(read(&text[..text.len() - 1]), Err(DigitsFault::Count(79)));
        assert_eq!(read(&text.replacen('0', "O", 1)), Err(DigitsFault::Character('O')));
        assert_eq!(read(&text.replacen("00000 00000", "00000 65536", 1)), Err(DigitsFault::Group(2)));
    }
}
