//! At most ten tries a minute for a user and an address; the same for the begin of a wrong token.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use crate::people::NAME_BYTES_MAX;

/// Tries in [`SPAN_MS`] for one user from one address.
pub const TRIES_MAX: usize = 10;
/// Tries in [`SPAN_MS`] from one address, whatever the user: who tries many names is slowed too.
const FROM_ADDRESS_MAX: usize = 60;
const SPAN_MS: u64 = 60_000;
/// Users and addresses that are remembered; the one tried longest ago is forgotten first.
const KEYS_MAX: usize = 4_096;

/// Bits of an IPv6 address that are one caller's: who has a network has all addresses of it.
const NETWORK_BITS: u32 = 64;

/// Whose tries: of a user from an address, or of the address alone.
type Key = (IpAddr, Option<String>);

/// A try that must not be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Spent {
    /// How long to wait, in milliseconds.
    pub wait_ms: u64,
    /// The address has tried as often as it may, whatever the user; otherwise the user from there.
    pub of_address: bool,
}

#[derive(Default)]
pub(crate) struct Throttle(Mutex<BTreeMap<Key, VecDeque<u64>>>);

impl Throttle {
    /// Counts a try at `now`, in milliseconds that never go back.
    ///
    /// # Errors
    /// [`Spent`]; the try then counts for nothing and must not be made.
    pub fn admit(&self, user: &str, from: IpAddr, now: u64) -> Result<(), Spent> {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = keys(user, from);
        if let Some(spent) = spent(&mut tries, &keys, now) {
            return Err(spent);
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

    /// A user has signed in: earlier tries were mistakes.
    pub fn forgive(&self, user: &str, from: IpAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(network(from), Some(user.to_owned())));
    }
}

/// Whose tries are counted. A name that no user can have is not remembered: whoever sent it would choose how much we keep.
fn keys(user: &str, from: IpAddr) -> Vec<(Key, usize)> {
    let from = network(from);
    let named = (user.len() <= NAME_BYTES_MAX).then(|| ((from, Some(user.to_owned())), TRIES_MAX));
    named.into_iter().chain([((from, None), FROM_ADDRESS_MAX)]).collect()
}

/// What is counted as one caller: an IPv4 address, or a network of IPv6.
fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => {
            let kept = u128::MAX << (Ipv6Addr::BITS - NETWORK_BITS);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & kept))
        }
        address => address,
    }
}

fn spent(tries: &mut BTreeMap<Key, VecDeque<u64>>, keys: &[(Key, usize)], now: u64) -> Option<Spent> {
    keys.iter().find_map(|(key, max)| {
        let times = tries.get_mut(key)?;
        times.retain(|time| now.saturating_sub(*time) < SPAN_MS);
        let oldest = times.front().filter(|_| times.len() >= *max)?;
        Some(Spent { wait_ms: (oldest + SPAN_MS).saturating_sub(now), of_address: key.1.is_none() })
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

        assert_eq!(throttle.admit("a", HERE, 20_000), Err(Spent { wait_ms: 40_000, of_address: false }));
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
        assert_eq!(throttle.admit("new", HERE, 20_000), Err(Spent { wait_ms: 40_000, of_address: true }));

        let tried = |throttle: &Throttle| (0..20).filter(|_| throttle.admit("a", THERE, 0).is_ok()).count();
        assert_eq!(tried(&throttle), TRIES_MAX);
        throttle.forgive("a", THERE);
        assert_eq!(tried(&throttle), TRIES_MAX);
    }

    #[test]
    fn a_network_of_ipv6_is_one_caller_and_a_mapped_address_is_the_one_it_maps() {
        let throttle = Throttle::default();
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        let tried =
            |from: &dyn Fn(usize) -> String| (0..20).filter(|n| throttle.admit("a", at(&from(*n)), 0).is_ok()).count();

        assert_eq!(tried(&|n| format!("2001:db8:0:1::{n}")), TRIES_MAX);
        assert_eq!(tried(&|n| format!("2001:db8:0:2:{n}::")), TRIES_MAX, "another network");
        assert_eq!(tried(&|n| if n % 2 == 0 { "192.0.2.1".into() } else { "::ffff:192.0.2.1".into() }), TRIES_MAX);
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
