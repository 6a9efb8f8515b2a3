//! What is kept of entries, found by their place: one slot an entry of each log. Status asks for facts by place more than for
//! anything else, and places have no gaps, so that finding one takes the same time however long the logs are.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::ids::{EntryRef, Party};

/// A value for some entries of both logs.
#[derive(Clone, Debug)]
pub(super) struct ByEntry<T>([Vec<Option<Box<T>>>; 2]);

impl<T> ByEntry<T> {
    pub(super) fn new() -> ByEntry<T> {
        ByEntry([Vec::new(), Vec::new()])
    }

    /// What is kept of this entry.
    pub(super) fn get(&self, at: EntryRef) -> Option<&T> {
        let ByEntry(logs) = self;
        logs[at.party.slot()].get(usize::try_from(at.index).ok()?)?.as_deref()
    }

    /// The place for what is kept of this entry. Only for one that is held: each entry before it takes a place too.
    pub(super) fn slot(&mut self, at: EntryRef) -> &mut Option<Box<T>> {
        let ByEntry(logs) = self;
        let log = &mut logs[at.party.slot()];
        let place = usize::try_from(at.index).unwrap_or(usize::MAX);
        if log.len() <= place {
            log.resize_with(place + 1, || None);
        }
        &mut log[place]
    }

    /// The entries of which something is kept, in the order of side and index.
    pub(super) fn places(&self) -> impl Iterator<Item = EntryRef> + use<'_, T> {
        let ByEntry(logs) = self;
        Party::BOTH.into_iter().zip(logs).flat_map(|(party, log)| {
            let kept = log.iter().enumerate().filter(|(_, kept)| kept.is_some());
            kept.map(move |(index, _)| EntryRef { party, index: index as u64 })
        })
    }
}
