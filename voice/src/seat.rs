//! Who is in a call: at most four of each side, so that no side has to ask the other for a place.

use counterpart_core::ids::Party;

/// People of one side in a call. With both sides at most eight.
pub const SIDE_PEOPLE_MAX: usize = 4;
/// Whom one person can hear: everyone else.
pub const SLOTS: usize = 2 * SIDE_PEOPLE_MAX - 1;

/// A person's number on their side of a call, 0 to 3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Number(u8);

impl Number {
    /// The number, if a person can have it.
    pub fn new(number: u8) -> Option<Number> {
        (usize::from(number) < SIDE_PEOPLE_MAX).then_some(Number(number))
    }

    /// All of a side.
    pub fn all() -> impl Iterator<Item = Number> {
        (0..SIDE_PEOPLE_MAX as u8).map(Number)
    }

    /// As an index, below [`SIDE_PEOPLE_MAX`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A place in a call: a side, and a number there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Seat {
    /// Whose person.
    pub side: Party,
    /// Which.
    pub number: Number,
}

impl Seat {
    /// In which of a hearer's seven tracks a speaker is heard; always the same, so that the page knows whose it is. None for
    /// oneself.
    pub fn slot_at(self, hearer: Seat) -> Option<usize> {
        let (own, other) = (hearer.number.index(), self.number.index());
        if self.side != hearer.side {
            return Some(SIDE_PEOPLE_MAX - 1 + other);
        }
        match other.cmp(&own) {
            std::cmp::Ordering::Less => Some(other),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(other - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats() -> Vec<Seat> {
        let sides = [Party::Inviter, Party::Joiner];
        sides.into_iter().flat_map(|side| Number::all().map(move |number| Seat { side, number })).collect()
    }

    #[test]
    fn everyone_hears_everyone_else_in_a_track_of_their_own() {
        for hearer in seats() {
            let mut slots: Vec<_> = seats().iter().filter_map(|speaker| speaker.slot_at(hearer)).collect();
            slots.sort_unstable();

            assert_eq!(slots, (0..SLOTS).collect::<Vec<_>>());
            assert_eq!(hearer.slot_at(hearer), None);
        }
    }
}
