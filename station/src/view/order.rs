//! The merge order of both logs of a line, and where an entry stands in it without reading what stands before.
//!
//! An entry stands after its own log before it and after all that it had seen; of two that could come next the inviter's comes
//! first. So an entry of the inviter's stands after exactly those of the joiner's log that it names, and because named heads never
//! go back (§3.6) every position is found by halving.

use counterpart_core::ids::{EntryRef, Party};
use counterpart_core::record::entry::Header;
use counterpart_core::record::log::Entry;

/// The order of two logs of these sizes. `held` answers how much of the joiner's log an entry of the inviter's names, by its index.
pub struct Order<F> {
    sizes: [u64; 2],
    held: F,
}

/// Whether an entry of the inviter's stands before one of the joiner's.
fn is_before(inviter: &Header, joiner: &Header) -> bool {
    inviter.held.size <= joiner.own.size
}

/// Entries of both logs, each in the order of its log, in merge order. Of either log some may be missing.
pub fn merge<'e>(inviter: &'e [Entry], joiner: &'e [Entry]) -> Vec<&'e Entry> {
    let (mut first, mut second) = (inviter.iter().peekable(), joiner.iter().peekable());
    let mut merged = Vec::with_capacity(inviter.len() + joiner.len());
    loop {
        let from_first = match (first.peek(), second.peek()) {
            (Some(one), Some(other)) => is_before(&one.header, &other.header),
            (one, _) => one.is_some(),
        };
        let next = if from_first { first.next() } else { second.next() };
        let Some(entry) = next else { return merged };
        merged.push(entry);
    }
}

impl<E, F: Fn(u64) -> Result<u64, E>> Order<F> {
    /// Of logs of these sizes, the inviter's first.
    pub fn new(sizes: [u64; 2], held: F) -> Order<F> {
        Order { sizes, held }
    }

    /// Entries of both logs.
    pub fn total(&self) -> u64 {
        let [inviter, joiner] = self.sizes;
        inviter + joiner
    }

    /// How many entries of each log stand before a position.
    ///
    /// # Errors
    /// What `held` answers.
    pub fn cut(&self, position: u64) -> Result<[u64; 2], E> {
        let position = position.min(self.total());
        let inviter = self.first(|index, held| index + held >= position)?;
        Ok([inviter, position - inviter])
    }

    /// Where an entry stands; one that is not held would stand at the end.
    ///
    /// # Errors
    /// What `held` answers.
    pub fn position(&self, at: EntryRef) -> Result<u64, E> {
        let [inviter, joiner] = self.sizes;
        match at.party {
            Party::Inviter if at.index < inviter => Ok(at.index + self.held(at.index)?),
            Party::Joiner if at.index < joiner => Ok(at.index + self.first(|_, held| held > at.index)?),
            _ => Ok(self.total()),
        }
    }

    fn held(&self, index: u64) -> Result<u64, E> {
        let [_, joiner] = self.sizes;
        (self.held)(index).map(|held| held.min(joiner))
    }

    /// The first entry of the inviter's for which this is so; it must be so for all after it.
    fn first(&self, is: impl Fn(u64, u64) -> bool) -> Result<u64, E> {
        let [mut above, _] = self.sizes;
        let mut below = 0;
        while below < above {
            let middle = below.midpoint(above);
            if is(middle, self.held(middle)?) {
                above = middle;
            } else {
                below = middle + 1;
            }
        }
        Ok(below)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use super::*;
    use crate::view::trial::Trial;

    /// A line on which both write, by turns seen and unseen by the other.
    fn written() -> Trial {
        let mut trial = Trial::new();
        for round in 0..12 {
            trial.ask(if round % 2 == 0 { Party::Inviter } else { Party::Joiner });
            if round % 3 == 0 {
                trial.ask(Party::Joiner);
                trial.ask(Party::Inviter);
            }
            if round % 4 == 3 {
                trial.carry();
            }
        }
        trial
    }

    #[test]
    fn every_position_that_is_found_by_halving_is_the_one_of_the_whole_merge() {
        let trial = written();
        let [inviter, joiner] = &trial.logs;
        let held = |index: u64| Ok::<_, Infallible>(inviter[index as usize].header.held.size);
        let order = Order::new([inviter.len() as u64, joiner.len() as u64], held);

        let merged = merge(inviter, joiner);
        assert_eq!(merged.len() as u64, order.total());
        for (position, entry) in (0..).zip(&merged) {
            assert_eq!(order.position(entry.header.at()), Ok(position), "{}", entry.header.at());
            let before = |party| merged[..position as usize].iter().filter(|e| e.header.party == party).count() as u64;
            assert_eq!(order.cut(position), Ok(Party::BOTH.map(before)));
        }
        assert_eq!(order.cut(u64::MAX), Ok([inviter.len() as u64, joiner.len() as u64]));
        assert_eq!(order.position(EntryRef { party: Party::Joiner, index: 9_999 }), Ok(order.total()));
    }

    #[test]
    fn entries_that_are_left_out_leave_the_others_in_their_order() {
        let trial = written();
        let [inviter, joiner] = &trial.logs;

        let whole: Vec<EntryRef> = merge(inviter, joiner).iter().map(|e| e.header.at()).collect();
        let some: [Vec<Entry>; 2] = trial.logs.clone().map(|log| log.into_iter().step_by(3).collect());
        let left: Vec<EntryRef> = merge(&some[0], &some[1]).iter().map(|e| e.header.at()).collect();
        let expected: Vec<EntryRef> = whole.into_iter().filter(|at| at.index % 3 == 0).collect();
        assert_eq!(left, expected);
    }

    #[test]
    fn a_position_among_a_million_is_found_with_some_twenty_looks() {
        let looks = Cell::new(0);
        let held = |index: u64| {
            looks.set(looks.get() + 1);
            Ok::<_, Infallible>(index)
        };
        let order = Order::new([500_000, 500_000], held);

        assert_eq!(order.cut(700_001), Ok([350_001, 350_000]));
        assert!(looks.get() <= 20, "{} looks", looks.get());
    }
}
