//! The pages that are live: whose each is, and whether its bell is armed. In memory: a page that comes back says it again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::attended::{Attended, Unheard};
use crate::api::metrics::LivePages;
use crate::clock::Clock;
use crate::store::TokenHash;

/// Pages that are live at one time, of everybody.
const PAGES_MAX: usize = 256;
/// Pages of one session that are live at one time. A browser holds six connections to one address (HTTP/1.1), of which each live page
/// keeps one: two are left, so that every page of theirs can still be drawn and every act sent.
pub(super) const SESSION_PAGES_MAX: usize = 4;

/// One page.
struct Page {
    session: TokenHash,
    /// Who could acknowledge what rings; `None`: somebody who only reads.
    user: Option<String>,
    /// As it said last; a page that has said nothing makes no sound.
    is_armed: bool,
    /// Tells its stream that a newer page of the session has its place.
    displaced: Arc<Notify>,
}

struct Known {
    next: u64,
    pages: BTreeMap<u64, Page>,
    attended: Attended,
}

/// All of them; clones share.
#[derive(Clone)]
pub(super) struct Pages {
    known: Arc<Mutex<Known>>,
    told: Arc<LivePages>,
    clock: Clock,
}

/// A place among the pages; dropped with its stream, it is free.
pub(super) struct Place {
    /// The number of the stream.
    pub number: u64,
    /// Tells that a newer page of the session has this place.
    pub displaced: Arc<Notify>,
    pages: Pages,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut known = self.pages.lock();
        known.pages.remove(&self.number);
        self.pages.count(&mut known);
    }
}

impl Pages {
    /// None yet; how many there are is told there.
    pub fn new(told: Arc<LivePages>, clock: Clock) -> Pages {
        let known = Known { next: 0, pages: BTreeMap::new(), attended: Attended::since(clock.now()) };
        Pages { known: Arc::new(Mutex::new(known)), told, clock }
    }

    fn count(&self, known: &mut Known) {
        let armed = known.pages.values().filter(|page| page.is_armed).count();
        let counts = [armed, known.pages.len() - armed];
        self.told.tell(counts);
        known.attended.note(self.clock.now(), counts);
    }

    /// Why no page confirmed from one time to another that it rang, in milliseconds since 1970 UTC.
    pub fn unheard(&self, since: u64, until: u64) -> Option<Unheard> {
        self.lock().attended.unheard(since, until)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a page of this session, whose oldest page gives way to it if it has as many as it may; `None` if all places are taken.
    pub fn enter(&self, session: TokenHash, user: Option<&str>) -> Option<Place> {
        let mut known = self.lock();
        let own: Vec<u64> =
            known.pages.iter().filter(|(_, page)| page.session == session).map(|(number, _)| *number).collect();
        if own.len() < SESSION_PAGES_MAX && known.pages.len() >= PAGES_MAX {
            return None;
        }
        if let (Some(oldest), true) = (own.first(), own.len() >= SESSION_PAGES_MAX)
            && let Some(page) = known.pages.remove(oldest)
        {
            page.displaced.notify_one();
        }
        known.next += 1;
        let (number, displaced) = (known.next, Arc::new(Notify::new()));
        let user = user.map(str::to_owned);
        known.pages.insert(number, Page { session, user, is_armed: false, displaced: displaced.clone() });
        self.count(&mut known);
        Some(Place { number, displaced, pages: self.clone() })
    }

    /// Whether this page of this session is live and its bell armed.
    pub fn is_armed(&self, session: &TokenHash, number: u64) -> bool {
        self.lock().pages.get(&number).is_some_and(|page| page.session == *session && page.is_armed)
    }

    /// Notes whether the bell of a page is armed; whether there is such a page of this session.
    pub fn arm(&self, session: &TokenHash, number: u64, is_armed: bool) -> bool {
        let mut known = self.lock();
        let page = known.pages.get_mut(&number).filter(|page| page.session == *session);
        let is_known = page.map(|page| page.is_armed = is_armed).is_some();
        self.count(&mut known);
        is_known
    }

    /// The pages of other sessions on which something can ring: whose, and whether armed.
    pub fn others(&self, session: &TokenHash) -> Vec<(String, bool)> {
        let known = self.lock();
        let others = known.pages.values().filter(|page| page.session != *session);
        others.filter_map(|page| Some((page.user.clone()?, page.is_armed))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages() -> Pages {
        Pages::new(Arc::default(), Clock::told(0))
    }

    #[test]
    fn a_page_is_known_while_its_stream_is_open_and_only_to_its_own_session() {
        let pages = pages();
        let place = pages.enter([1; 32], Some("a")).unwrap();
        assert!(!pages.is_armed(&[1; 32], place.number), "it has said nothing yet");
        assert!(!pages.arm(&[2; 32], place.number, true), "of another session");
        assert_eq!(pages.others(&[2; 32]), [("a".to_owned(), false)]);
        assert_eq!(pages.told.counted(), [0, 1]);
        assert!(pages.arm(&[1; 32], place.number, true));
        assert_eq!(pages.told.counted(), [1, 0]);
        assert!(pages.is_armed(&[1; 32], place.number) && !pages.is_armed(&[2; 32], place.number));
        assert_eq!((pages.others(&[2; 32]), pages.others(&[1; 32])), (vec![("a".to_owned(), true)], vec![]));

        let reads = pages.enter([3; 32], None).unwrap();
        assert_eq!(pages.others(&[2; 32]).len(), 1, "nothing rings at who only reads");
        drop(reads);
        let number = place.number;
        drop(place);
        assert_eq!(pages.told.counted(), [0, 0]);
        assert!(!pages.is_armed(&[1; 32], number));
    }

    #[test]
    fn there_are_so_many_pages_and_no_more() {
        let pages = pages();
        let session = |n: usize| [u8::try_from(n / SESSION_PAGES_MAX).unwrap(); 32];
        let places: Vec<Place> = (0..PAGES_MAX).filter_map(|n| pages.enter(session(n), Some("a"))).collect();

        assert_eq!(places.len(), PAGES_MAX);
        assert!(pages.enter([255; 32], Some("b")).is_none());
        assert!(pages.enter(session(0), Some("a")).is_some(), "who has a page opens another in its place");
        drop(places);
        assert!(pages.enter([255; 32], Some("b")).is_some());
    }

    #[tokio::test]
    async fn the_oldest_page_of_a_session_gives_way_to_a_new_one_and_is_told() {
        let pages = pages();
        let foreign = pages.enter([2; 32], Some("b")).unwrap();
        let places: Vec<Place> = (0..SESSION_PAGES_MAX).filter_map(|_| pages.enter([1; 32], Some("a"))).collect();

        let newest = pages.enter([1; 32], Some("a")).unwrap();

        places[0].displaced.notified().await;
        assert!(!pages.arm(&[1; 32], places[0].number, true), "it is live no more");
        for place in places[1..].iter().chain([&newest]) {
            assert!(pages.arm(&[1; 32], place.number, true));
        }
        assert!(pages.arm(&[2; 32], foreign.number, true), "another session's is as it was");
    }
}
