//! How many handshakes may be under way, so that callers who stall cannot keep others out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Handshakes under way at a time, from everywhere.
pub(super) const HANDSHAKES_MAX: usize = 64;
/// Handshakes under way at a time from one source: an IPv4 address, or the /64 of an IPv6 address, all of which commonly
/// belongs to one host.
pub(super) const HANDSHAKES_PER_SOURCE_MAX: usize = 8;

/// Counts handshakes from when they are let in until their [`Place`] is dropped.
#[derive(Default)]
pub(super) struct Admission {
    under_way: Mutex<HashMap<IpAddr, usize>>,
}

/// What to do with a caller.
pub(super) enum Verdict {
    Admitted(Place),
    /// A QUIC caller may forge its source address, and eight forged packets must not keep the true owner of that address
    /// out. So half of the places, of each source and of all, are for callers that have shown that they receive there
    /// (RFC 9000 section 8.1.2).
    MustShowAddress,
    Full,
}

/// A place among the handshakes under way.
pub(super) struct Place {
    admission: Arc<Admission>,
    source: IpAddr,
}

impl Admission {
    /// May a handshake with `remote` begin? `shown`: the caller is known to receive at that address, as over TCP always.
    pub(super) fn admit(self: &Arc<Self>, remote: IpAddr, shown: bool) -> Verdict {
        let source = source_of(remote);
        let mut under_way = self.lock();
        let total: usize = under_way.values().sum();
        let here = under_way.get(&source).copied().unwrap_or(0);
        if total >= HANDSHAKES_MAX || here >= HANDSHAKES_PER_SOURCE_MAX {
            return Verdict::Full;
        }
        if !shown && (total >= HANDSHAKES_MAX / 2 || here >= HANDSHAKES_PER_SOURCE_MAX / 2) {
            return Verdict::MustShowAddress;
        }
        under_way.insert(source, here + 1);
        Verdict::Admitted(Place { admission: self.clone(), source })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Counts are whole at every point where a thread could have died.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut under_way = self.admission.lock();
        match under_way.get_mut(&self.source) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(under_way.remove(&self.source)),
        }
    }
}

fn source_of(remote: IpAddr) -> IpAddr {
    match remote.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = u128::from(address) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(admission: &Arc<Admission>, remote: &str, shown: bool) -> Option<Place> {
        match admission.admit(remote.parse().unwrap(), shown) {
            Verdict::Admitted(place) => Some(place),
            Verdict::MustShowAddress | Verdict::Full => None,
        }
    }

    #[test]
    fn one_source_takes_eight_places_and_gives_them_back() {
        let admission = Arc::default();
        let mut places: Vec<_> = (0..8).map(|_| admitted(&admission, "192.0.2.1", true).unwrap()).collect();

        assert!(admitted(&admission, "192.0.2.1", true).is_none());
        assert!(admitted(&admission, "::ffff:192.0.2.1", true).is_none());
        assert!(admitted(&admission, "192.0.2.2", true).is_some());

        places.pop();
        assert!(admitted(&admission, "192.0.2.1", true).is_some());
        places.clear();
        assert!(admission.lock().is_empty());
    }

    #[test]
    fn one_ipv6_network_is_one_source() {
        let admission = Arc::default();
        let _places: Vec<_> = (0..8).map(|n| admitted(&admission, &format!("2001:db8::{n}"), true).unwrap()).collect();

        assert!(admitted(&admission, "2001:db8::ffff:1", true).is_none());
        assert!(admitted(&admission, "2001:db8:0:1::1", true).is_some());
    }

    #[test]
    fn all_sources_together_take_sixty_four_places() {
        let admission = Arc::default();
        let _places: Vec<_> = (0..64).map(|n| admitted(&admission, &format!("192.0.2.{n}"), true).unwrap()).collect();

        assert!(admitted(&admission, "192.0.2.200", true).is_none());
    }

    #[test]
    fn forged_addresses_leave_half_of_the_places_free() {
        let admission = Arc::default();
        let _forged: Vec<_> = (0..4).map(|_| admitted(&admission, "192.0.2.1", false).unwrap()).collect();

        assert!(matches!(admission.admit("192.0.2.1".parse().unwrap(), false), Verdict::MustShowAddress));
        assert!(admitted(&admission, "192.0.2.1", true).is_some());
    }
}
