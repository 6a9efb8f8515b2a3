//! The pages that are live: whose each is, and whether its bell is armed. In memory: a page that comes back says it again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::TokenHash;

/// Pages that are live at one time.
const PAGES_MAX: usize = 64;

/// One page.
struct Page {
    session: TokenHash,
    user: String,
    /// As it said last; a page that has said nothing makes no sound.
    is_armed: bool,
}

#[derive(Default)]
struct Known {
    next: u64,
    pages: BTreeMap<u64, Page>,
}

/// All of them; clones share.
#[derive(Clone, Default)]
pub(super) struct Pages(Arc<Mutex<Known>>);

/// A place among the pages; dropped with its stream, it is free.
pub(super) struct Place {
    /// The number of the stream.
    pub number: u64,
    pages: Pages,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.pages.lock().pages.remove(&self.number);
    }
}

impl Pages {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a page of this session; `None` if all are taken.
    pub fn enter(&self, session: TokenHash, user: &str) -> Option<Place> {
        let mut known = self.lock();
        if known.pages.len() >= PAGES_MAX {
            return None;
        }
        known.next += 1;
        let number = known.next;
        known.pages.insert(number, Page { session, user: user.into(), is_armed: false });
        Some(Place { number, pages: self.clone() })
    }

    /// Whether a page of this session is live.
    pub fn is_live(&self, session: &TokenHash) -> bool {
        self.lock().pages.values().any(|page| page.session == *session)
    }

    /// Notes whether the bell of a page is armed; whether there is such a page of this session.
    pub fn arm(&self, session: &TokenHash, number: u64, is_armed: bool) -> bool {
        let mut known = self.lock();
        let page = known.pages.get_mut(&number).filter(|page| page.session == *session);
        page.map(|page| page.is_armed = is_armed).is_some()
    }

    /// The pages of other sessions: whose, and whether armed.
    pub fn others(&self, session: &TokenHash) -> Vec<(String, bool)> {
        let known = self.lock();
        let others = known.pages.values().filter(|page| page.session != *session);
        others.map(|page| (page.user.clone(), page.is_armed)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_known_while_its_stream_is_open_and_only_to_its_own_session() {
        let pages = Pages::default();
        let place = pages.enter([1; 32], "a").unwrap();
        assert!(pages.is_live(&[1; 32]) && !pages.is_live(&[2; 32]));
        assert!(!pages.arm(&[2; 32], place.number, true), "of another session");
        assert_eq!(pages.others(&[2; 32]), [("a".to_owned(), false)]);
        assert!(pages.arm(&[1; 32], place.number, true));
        assert_eq!((pages.others(&[2; 32]), pages.others(&[1; 32])), (vec![("a".to_owned(), true)], vec![]));

        drop(place);
        assert!(!pages.is_live(&[1; 32]));
    }

    #[test]
    fn there_are_so_many_pages_and_no_more() {
        let pages = Pages::default();
        let places: Vec<Place> = (0..PAGES_MAX).filter_map(|_| pages.enter([1; 32], "a")).collect();

        assert_eq!(places.len(), PAGES_MAX);
        assert!(pages.enter([1; 32], "a").is_none());
        drop(places);
        assert!(pages.enter([1; 32], "a").is_some());
    }
}
