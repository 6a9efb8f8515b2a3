//! At most ten tries a minute for a user and an address; the same for the begin of a wrong token.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::people::NAME_BYTES_MAX;

/// Tries in [`SPAN_MS`] for one user from one address.
pub const TRIES_MAX: usize = 10;
/// Tries in [`SPAN_MS`] from one address, whatever the user: who tries many names is slowed too.
const FROM_ADDRESS_MAX: usize = 60;
const SPAN_MS: u64 = 60_000;
/// Users and addresses that are remembered; the one tried longest ago is forgotten first.
const KEYS_MAX: usize = 4_096;

/// Whose tries: of a user from an address, or of the address alone.
type Key = (IpAddr, Option<String>);

#[derive(Default)]
pub(crate) struct Throttle(Mutex<BTreeMap<Key, VecDeque<u64>>>);

impl Throttle {
    /// Counts a try at `now`, in milliseconds that never go back.
    ///
    /// # Errors
    /// How long to wait, in milliseconds; the try then counts for nothing and must not be made.
    pub fn admit(&self, user: &str, from: IpAddr, now: u64) -> Result<(), u64> {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = keys(user, from);
        if let Some(wait) = spent(&mut tries, &keys, now) {
            return Err(wait);
        }
        for (key, _) in keys {
            if tries.len() >= KEYS_MAX && !tries.contains_key(&key) {
                let longest_ago =
                    tries.iter().min_by_key(|(_, times)| times.back().copied()).map(|(key, _)| key.clone());
                longest_ago.map(|key| tries.remove(&key));
            }
            tries.entry(key).or_default().push_back(now);
        }
        Ok(())
    }

    /// How long to wait before a try that would not be admitted, in milliseconds. Nothing is counted.
    pub fn waits(&self, user: &str, from: IpAddr, now: u64) -> Option<u64> {
        spent(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), &keys(user, from), now)
    }

    /// A user has signed in: earlier tries were mistakes.
    pub fn forgive(&self, user: &str, from: IpAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(from, Some(user.to_owned())));
    }
}

/// Whose tries are counted. A name that no user can have is not remembered: whoever sent it would choose how much we keep.
fn keys(user: &str, from: IpAddr) -> Vec<(Key, usize)> {
    let named = (user.len() <= NAME_BYTES_MAX).then(|| ((from, Some(user.to_owned())), TRIES_MAX));
    named.into_iter().chain([((from, None), FROM_ADDRESS_MAX)]).collect()
}

fn spent(tries: &mut BTreeMap<Key, VecDeque<u64>>, keys: &[(Key, usize)], now: u64) -> Option<u64> {
    keys.iter().find_map(|(key, max)| {
        let times = tries.get_mut(key)?;
        times.retain(|time| now.saturating_sub(*time) < SPAN_MS);
        times.front().filter(|_| times.len() >= *max).map(|oldest| (oldest + SPAN_MS).saturating_sub(now))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    #[test]
    fn the_eleventh_try_in_a_minute_waits_for_the_first_to_pass() {
        let throttle = Throttle::default();
        for n in 0..TRIES_MAX as u64 {
            assert_eq!(throttle.admit("a", HERE, 1_000 * n), Ok(()));
        }

        assert_eq!(throttle.admit("a", HERE, 20_000), Err(40_000));
        assert_eq!(throttle.admit("a", THERE, 20_000), Ok(()), "another address");
        assert_eq!(throttle.admit("b", HERE, 20_000), Ok(()), "another user");
        assert_eq!(throttle.admit("a", HERE, 60_000), Ok(()));
        assert!(throttle.admit("a", HERE, 60_001).is_err());
    }

    #[test]
    fn who_tries_many_names_is_slowed_too_and_who_signs_in_is_forgiven() {
        let throttle = Throttle::default();
        let admitted = (0..100).filter(|n| throttle.admit(&n.to_string(), HERE, 0).is_ok()).count();
        assert_eq!(admitted, FROM_ADDRESS_MAX);

        let tried = |throttle: &Throttle| (0..20).filter(|_| throttle.admit("a", THERE, 0).is_ok()).count();
        assert_eq!(tried(&throttle), TRIES_MAX);
        throttle.forgive("a", THERE);
        assert_eq!(tried(&throttle), TRIES_MAX);
    }

    #[test]
    fn a_name_that_is_too_long_is_counted_for_its_address_and_not_kept() {
        let throttle = Throttle::default();
        let long = "x".repeat(300_000);

        let admitted = (0..100).filter(|_| throttle.admit(&long, HERE, 0).is_ok()).count();

        assert_eq!(admitted, FROM_ADDRESS_MAX);
        assert!(throttle.0.lock().unwrap().keys().all(|(_, user)| user.is_none()));
    }

    #[test]
    fn what_is_remembered_has_a_limit() {
        let throttle = Throttle::default();
        for n in 0..2 * KEYS_MAX as u32 {
            let _ = throttle.admit("a", IpAddr::V4(std::net::Ipv4Addr::from_bits(n)), u64::from(n));
        }

        assert_eq!(throttle.0.lock().unwrap().len(), KEYS_MAX);
    }
}
