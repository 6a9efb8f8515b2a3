//! Chance: all of it comes from the seed, so that a seed is a story.

/// A generator of Steele, Lea and Flood's SplitMix: small, fast, and the same on every machine.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The chance of a seed.
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// Chance of its own for a part of the world, so that one part's draws do not move another's.
    pub fn apart(&mut self) -> Chance {
        Chance(self.draw())
    }

    /// 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.draw().checked_rem(end).unwrap_or(0)
    }

    /// A number from `from` to `to`, both included.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from) + 1)
    }

    /// A number from `from` (at least 1) to `to`, short ones as likely as long ones: every doubling has the same chance.
    pub fn scaled(&mut self, from: u64, to: u64) -> u64 {
        let bits = self.between(u64::from(from.max(1).ilog2()), u64::from(to.max(1).ilog2()));
        self.between(1 << bits, (2 << bits) - 1).clamp(from, to)
    }

    /// Whether something happens that does so so many times in a hundred.
    pub fn percent(&mut self, times: u64) -> bool {
        self.below(100) < times
    }

    /// A place in a list of this length; 0 if it is empty.
    pub fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// One of these; `None` of nothing.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.place(from.len()))
    }

    /// One of these.
    pub fn one<T: Copy, const N: usize>(&mut self, of: [T; N]) -> T {
        const { assert!(N > 0, "one of nothing") };
        of[self.place(N)]
    }

    /// So many bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.draw() as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_stays_within_its_bounds() {
        let (mut one, mut other) = (Chance::new(7), Chance::new(7));

        for _ in 0..10_000 {
            let drawn = one.scaled(100, 90_000);
            assert_eq!(drawn, other.scaled(100, 90_000));
            assert!((100..=90_000).contains(&drawn));
        }
        assert_eq!((one.below(0), one.between(5, 5)), (0, 5));
    }
}
