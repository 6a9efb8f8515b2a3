//! When pages of this desk were open and their bells armed: why nothing here confirmed that it rang. Of this run of the station, in
//! memory; the other side reads only that no device has confirmed.

use std::collections::VecDeque;

use counterpart_core::time::Timestamp;

use super::frame::Frame;

/// Changes that are remembered, the latest.
const CHANGES_MAX: usize = 4_096;
/// A page that is left for another is away for as long, in milliseconds: it was open all the time.
const TURNING_MS: u64 = 3_000;

/// From a time on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Change {
    at: u64,
    /// Pages that were open with an armed bell, and with one that was not.
    pages: [usize; 2],
}

/// What was open when.
#[derive(Clone, Debug)]
pub(super) struct Attended {
    changes: VecDeque<Change>,
}

/// Why nothing at this desk confirmed that it rang.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Unheard {
    /// Before this, in milliseconds since 1970 UTC, it is not known what was open; `None`: it is known of the whole time.
    known_from: Option<u64>,
    /// No page was open before this; `None`: one was all the time, or none until the end.
    page_from: Option<u64>,
    /// No page was open in all the time.
    is_closed: bool,
    /// Of a page that was open no bell was armed before this; `None`: until the end.
    armed_from: Option<u64>,
}

impl Attended {
    /// Nothing is open yet.
    pub fn since(now: u64) -> Attended {
        Attended { changes: VecDeque::from([Change { at: now, pages: [0, 0] }]) }
    }

    /// So many pages are open from now on.
    pub fn note(&mut self, now: u64, pages: [usize; 2]) {
        if self.changes.back().is_some_and(|last| last.pages == pages) {
            return;
        }
        self.changes.push_back(Change { at: now, pages });
        if self.changes.len() > CHANGES_MAX {
            self.changes.pop_front();
        }
    }

    /// Why nothing confirmed from one time to another that it rang; `None`: a bell was armed all the time, and this does not say why.
    pub fn unheard(&self, since: u64, until: u64) -> Option<Unheard> {
        let begun = self.changes.front().map_or(until, |first| first.at);
        let from = since.max(begun);
        let known_from = (begun > since + TURNING_MS).then_some(begun);
        let first = |is: fn(&Change) -> bool| {
            let ends = self.changes.iter().skip(1).map(|change| change.at).chain([u64::MAX]);
            let is_in = |(change, end): &(&Change, u64)| is(change) && *end > from && change.at <= until;
            self.changes.iter().zip(ends).find(is_in).map(|(change, _)| change.at.max(from))
        };
        let page = first(|change| change.pages != [0, 0]);
        let armed = first(|change| change.pages[0] > 0);
        let at_once = |at: u64| at <= from + TURNING_MS;
        if known_from.is_none() && armed.is_some_and(at_once) {
            return None;
        }
        let page_from = page.filter(|at| !at_once(*at));
        Some(Unheard { known_from, page_from, is_closed: page.is_none(), armed_from: armed })
    }
}

impl Unheard {
    /// As an officer here reads it.
    pub fn told(&self, d: &Frame) -> String {
        let at = |id: &str, at: u64| d.with(id, "time", d.day_and_clock(Timestamp(at.min(Timestamp::MAX.0))));
        let mut told = Vec::new();
        told.extend(self.known_from.map(|from| at("unheard-since", from)));
        if self.is_closed {
            told.push(d.say("unheard-no-page"));
            return told.join(" ");
        }
        told.extend(self.page_from.map(|from| at("unheard-no-page-until", from)));
        match self.armed_from {
            None => told.push(d.say("unheard-unarmed")),
            Some(armed) if self.page_from.is_none_or(|page| armed > page + TURNING_MS) => {
                told.push(at("unheard-unarmed-until", armed));
            }
            Some(_) => {}
        }
        told.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Unheard = Unheard { known_from: None, page_from: None, is_closed: false, armed_from: None };

    fn attended(changes: &[(u64, [usize; 2])]) -> Attended {
        let mut attended = Attended::since(0);
        changes.iter().for_each(|(at, pages)| attended.note(*at, *pages));
        attended
    }

    #[test]
    fn no_page_was_open_or_one_whose_bell_was_not_armed_or_one_came_late() {
        let closed = attended(&[(10_000, [0, 1]), (20_000, [0, 0])]);
        assert_eq!(closed.unheard(30_000, 90_000), Some(Unheard { is_closed: true, ..NONE }));

        let late = attended(&[(40_000, [0, 1]), (50_000, [1, 0])]);
        let told = Unheard { page_from: Some(40_000), armed_from: Some(50_000), ..NONE };
        assert_eq!(late.unheard(30_000, 90_000), Some(told));

        let unarmed = attended(&[(10_000, [0, 2])]);
        assert_eq!(unarmed.unheard(30_000, 90_000), Some(NONE));
    }

    #[test]
    fn where_a_bell_was_armed_this_says_nothing_also_while_a_page_is_left_for_another() {
        let armed = attended(&[(10_000, [1, 0])]);
        assert_eq!(armed.unheard(30_000, 90_000), None);

        let turning = attended(&[(10_000, [1, 0]), (29_900, [0, 0]), (30_100, [1, 0])]);
        assert_eq!(turning.unheard(30_000, 90_000), None);
    }

    #[test]
    fn what_was_open_before_the_station_started_is_not_known() {
        let mut attended = Attended::since(50_000);
        attended.note(60_000, [0, 1]);

        let told = attended.unheard(30_000, 90_000).unwrap();
        assert_eq!((told.known_from, told.page_from, told.armed_from), (Some(50_000), Some(60_000), None));
    }

    #[test]
    fn so_many_changes_are_remembered_and_no_more() {
        let mut attended = Attended::since(0);
        (1..10_000).for_each(|n| attended.note(n, [usize::try_from(n % 2).unwrap(), 0]));

        assert_eq!(attended.changes.len(), CHANGES_MAX);
    }
}
