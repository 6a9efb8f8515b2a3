//! The places of a door. Whoever comes is a stranger until a request of theirs is signed in or carries a token that serves; strangers have a
//! bounded number of places, in all and from each address, and there whoever has been silent longest gives way to whoever comes. So silence
//! keeps nobody out, and those who are known keep theirs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::clock::{Clock, Moment};
use crate::link::damper::Damper;

/// Strangers at one time.
const STRANGERS_MAX: usize = 64;
/// Strangers from one address at one time. A browser holds six connections.
const ADDRESS_MAX: usize = 32;
/// Connections of those who are known, at one time; who is known beyond that keeps a stranger's place.
const KNOWN_MAX: usize = 192;

/// The places; clones share.
#[derive(Clone)]
pub(crate) struct Places(Arc<Room>);

struct Room {
    guests: Mutex<Guests>,
    /// Addresses behind which everybody is.
    proxies: Vec<IpAddr>,
    damper: Damper,
    clock: Clock,
    begun: Moment,
}

#[derive(Default)]
struct Guests {
    next: u64,
    by_number: BTreeMap<u64, Guest>,
}

struct Guest {
    from: IpAddr,
    is_known: bool,
    /// Requests that are being answered.
    busy: usize,
    leaves: Arc<Notify>,
}

/// One place; clones share it, and with the last it is free.
#[derive(Clone)]
pub(crate) struct Place(Arc<Held>);

struct Held {
    places: Places,
    number: u64,
    leaves: Arc<Notify>,
}

/// A request that is being answered, until it is dropped.
pub(crate) struct Busy(Place);

impl Places {
    /// The places of a door to which these proxies bring callers.
    pub fn new(proxies: &[IpAddr]) -> Places {
        let clock = Clock::system();
        let (guests, damper, begun) = (Mutex::default(), Damper::default(), clock.moment());
        Places(Arc::new(Room { guests, proxies: proxies.to_vec(), damper, clock, begun }))
    }

    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.0.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for whoever comes from this address. If strangers have as many as they may, one of them gives way.
    pub fn enter(&self, from: IpAddr) -> Place {
        let mut guests = self.guests();
        let is_full = |strangers: &mut dyn Iterator<Item = &Guest>, max: usize| strangers.count() >= max;
        let strangers = || guests.by_number.values().filter(|guest| !guest.is_known);
        let of_address = !self.0.proxies.contains(&from)
            && is_full(&mut strangers().filter(|guest| guest.from == from), ADDRESS_MAX);
        if of_address || is_full(&mut strangers(), STRANGERS_MAX) {
            guests.give_way(of_address.then_some(from));
            let now = self.0.clock.moment().ms_since(self.0.begun);
            if let Some(left_out) = self.0.damper.may("door", None, now) {
                tracing::warn!(
                    of_address,
                    left_out,
                    "all places for strangers at the desk are taken; who was silent longest was hung up"
                );
            }
        }
        guests.next += 1;
        let (number, leaves) = (guests.next, Arc::new(Notify::new()));
        guests.by_number.insert(number, Guest { from, is_known: false, busy: 0, leaves: leaves.clone() });
        Place(Arc::new(Held { places: self.clone(), number, leaves }))
    }
}

impl Guests {
    /// The stranger who came first goes, of this address or of all: one of whom nothing is being answered, if there is one.
    fn give_way(&mut self, of: Option<IpAddr>) {
        let strangers =
            self.by_number.iter().filter(|(_, guest)| !guest.is_known && of.is_none_or(|of| guest.from == of));
        let first = strangers.min_by_key(|(number, guest)| (guest.busy > 0, **number)).map(|(number, _)| *number);
        if let Some(guest) = first.and_then(|number| self.by_number.remove(&number)) {
            guest.leaves.notify_one();
        }
    }
}

impl Place {
    fn guest(&self, change: impl FnOnce(&mut Guest)) {
        if let Some(guest) = self.0.places.guests().by_number.get_mut(&self.0.number) {
            change(guest);
        }
    }

    /// Its caller is signed in, or has a token that serves.
    pub fn is_known(&self) {
        let known = self.0.places.guests().by_number.values().filter(|guest| guest.is_known).count();
        if known < KNOWN_MAX {
            self.guest(|guest| guest.is_known = true);
        }
    }

    /// A request has come.
    pub fn begins(&self) -> Busy {
        self.guest(|guest| guest.busy += 1);
        Busy(self.clone())
    }

    /// Until its caller has to give way.
    pub async fn gives_way(&self) {
        self.0.leaves.notified().await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.places.guests().by_number.remove(&self.number);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.guest(|guest| guest.busy -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: usize) -> IpAddr {
        IpAddr::from([192, 0, 2, u8::try_from(n).unwrap()])
    }

    fn inside(places: &Places, place: &Place) -> bool {
        places.guests().by_number.contains_key(&place.0.number)
    }

    #[test]
    fn of_one_address_the_silent_give_way_and_others_are_not_touched() {
        let places = Places::new(&[]);
        let other = places.enter(at(2));
        let held: Vec<Place> = (0..ADDRESS_MAX).map(|_| places.enter(at(1))).collect();
        let busy = held[0].begins();
        held[1].is_known();

        let more = [places.enter(at(1)), places.enter(at(1))];

        let gone: Vec<usize> = (0..ADDRESS_MAX).filter(|n| !inside(&places, &held[*n])).collect();
        assert_eq!(gone, [2], "neither who is answered nor who is known; and who is known has left a stranger's place");
        assert!(inside(&places, &other) && more.iter().all(|place| inside(&places, place)));
        drop(busy);
    }

    #[test]
    fn strangers_of_many_addresses_leave_the_known_their_places_and_room_for_who_comes() {
        let places = Places::new(&[]);
        let known: Vec<Place> =
            (0..KNOWN_MAX + 1).map(|n| places.enter(at(n % 200))).inspect(Place::is_known).collect();

        let strangers: Vec<Place> = (0..3 * STRANGERS_MAX).map(|n| places.enter(at(n % 200))).collect();

        let still = |held: &[Place]| held.iter().filter(|place| inside(&places, place)).count();
        assert_eq!((still(&known), still(&strangers)), (KNOWN_MAX, STRANGERS_MAX));
        assert!(inside(&places, &strangers[3 * STRANGERS_MAX - 1]), "who comes last is let in");
        drop((known, strangers));
        assert!(places.guests().by_number.is_empty());
    }

    #[test]
    fn a_proxy_brings_as_many_strangers_as_there_may_be() {
        let places = Places::new(&[at(1)]);

        let held: Vec<Place> = (0..STRANGERS_MAX).map(|_| places.enter(at(1))).collect();

        assert!(held.iter().all(|place| inside(&places, place)));
    }
}
