//! How many programs follow the record, and how many streams each has: one program alone must not keep the others out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fault::{Code, Fault};
use crate::store::TokenHash;

/// Streams at one time.
const STREAMS_MAX: usize = 64;
/// Streams of one token at one time.
const TOKEN_STREAMS_MAX: usize = 4;

/// Whose a stream is; `None`: the owner's, on the command socket.
type Whose = Option<TokenHash>;

/// All that are open; clones share.
#[derive(Clone, Default)]
pub(super) struct Streams(Arc<Mutex<BTreeMap<Whose, usize>>>);

/// One of them; free again when dropped.
pub(super) struct Place {
    streams: Streams,
    whose: Whose,
}

impl Streams {
    fn open(&self) -> MutexGuard<'_, BTreeMap<Whose, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one stream more.
    ///
    /// # Errors
    /// [`Code::StreamsOwn`], [`Code::StreamsMany`].
    pub fn enter(&self, whose: Whose) -> Result<Place, Fault> {
        let mut open = self.open();
        let own = open.get(&whose).copied().unwrap_or(0);
        if whose.is_some() && own >= TOKEN_STREAMS_MAX {
            return Err(Fault::new(Code::StreamsOwn).with("max", TOKEN_STREAMS_MAX));
        }
        if open.values().sum::<usize>() >= STREAMS_MAX {
            return Err(Fault::new(Code::StreamsMany).with("max", STREAMS_MAX));
        }
        open.insert(whose, own + 1);
        Ok(Place { streams: self.clone(), whose })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open();
        match open.get_mut(&self.whose) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(&self.whose)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_token_has_four_streams_and_another_is_not_kept_out() {
        let streams = Streams::default();
        let mut held: Vec<Place> = (0..TOKEN_STREAMS_MAX).map(|_| streams.enter(Some([1; 32])).unwrap()).collect();

        let refused = |whose| streams.enter(whose).map(drop).map_err(|fault| fault.code());
        assert_eq!(refused(Some([1; 32])), Err(Code::StreamsOwn));
        assert_eq!((refused(Some([2; 32])), refused(None)), (Ok(()), Ok(())));

        held.pop();
        assert_eq!(refused(Some([1; 32])), Ok(()));
    }

    #[test]
    fn all_together_have_a_limit_and_nothing_is_kept_of_who_has_gone() {
        let streams = Streams::default();
        let held: Vec<Place> = (0..STREAMS_MAX).map(|_| streams.enter(None).unwrap()).collect();
        assert_eq!(streams.enter(Some([1; 32])).map(drop).map_err(|fault| fault.code()), Err(Code::StreamsMany));

        drop(held);

        assert!(streams.enter(Some([1; 32])).is_ok() && streams.open().is_empty());
    }
}
