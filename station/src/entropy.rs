//! The only randomness: the operating system's. `clippy.toml` bans it everywhere else.

#![allow(clippy::disallowed_methods, reason = "this is the file that draws chance")]

use std::fmt;

use crate::words::{Sentence, Tell, logged};

/// Fills `bytes` from the operating system's generator. May wait early in a boot, until that has been seeded.
///
/// # Errors
/// [`NoEntropy`] if the operating system has none to give.
pub fn fill(bytes: &mut [u8]) -> Result<(), NoEntropy> {
    getrandom::fill(bytes).map_err(|e| NoEntropy(e.to_string()))
}

/// `N` random bytes, as [`fill`] gives them.
///
/// # Errors
/// [`NoEntropy`] if the operating system has none to give.
pub fn bytes<const N: usize>() -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// The operating system gave no random bytes. The fault of the machine: nothing may be signed or paired without.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoEntropy(String);

impl Tell for NoEntropy {
    fn sentence(&self) -> Sentence {
        Sentence::new("entropy-none").with("cause", &self.0)
    }
}

impl fmt::Display for NoEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&logged(self))
    }
}

impl std::error::Error for NoEntropy {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let first = bytes::<32>().unwrap();
        let second = bytes::<32>().unwrap();

        assert_ne!(first, second);
        assert_ne!(first, [0; 32]);
    }
}
