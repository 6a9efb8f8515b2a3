//! Lines of our log that somebody outside can cause as often as he likes: written seldom, with how many were left out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use counterpart_core::ids::LineId;

/// The least time between two lines of one kind, in milliseconds.
const EVERY_MS: u64 = 60_000;

/// A kind of line in the log, and whose peer causes it; `None`: strangers, who share one measure.
type Cause = (&'static str, Option<LineId>);

/// The kinds of lines, and when each was last written; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Damper(Arc<Mutex<BTreeMap<Cause, Said>>>);

#[derive(Debug)]
struct Said {
    at_ms: u64,
    left_out: u64,
}

impl Damper {
    /// Whether to write a line of this kind now, and if so, how many were left out since the last. Only lines that we have are
    /// named, so the table stays small.
    pub fn may(&self, kind: &'static str, line: Option<LineId>, now_ms: u64) -> Option<u64> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match said.get_mut(&(kind, line)) {
            Some(last) if now_ms.saturating_sub(last.at_ms) < EVERY_MS => {
                last.left_out = last.left_out.saturating_add(1);
                None
            }
            Some(last) => {
                last.at_ms = now_ms;
                Some(std::mem::take(&mut last.left_out))
            }
            None => {
                said.insert((kind, line), Said { at_ms: now_ms, left_out: 0 });
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_often_is_said_once_a_minute_with_what_was_left_out() {
        let damper = Damper::default();

        let said: Vec<u64> = (0..120).filter_map(|second| damper.may("knock", None, second * 1_000)).collect();

        assert_eq!(said, [0, 59]);
        assert_eq!(damper.may("knock", Some(LineId([1; 16])), 1_000), Some(0));
        assert_eq!(damper.may("fault", None, 1_000), Some(0));
    }
}
