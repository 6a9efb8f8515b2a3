//! Switches for the model's own test: with any one rule off it must fail. Outside `cfg(test)` no switch exists and every rule
//! is on.

use super::Line;
use super::facts::Facts;

/// A rule of `docs/protocol.md` §6 that the test can take away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rule {
    /// 1: counts or void.
    Void,
    /// 2: acts that cross and say different things agree nothing.
    Crossed,
    /// 3: an accept that crosses its offer's end leaves the request as it was.
    Offers,
    /// 4: concerted requests.
    Concerted,
    /// 5: a lapse before its deadline is a withdrawal.
    Deadlines,
    /// 6: overdue once an attempt and clause, while it is not met.
    Overdue,
    /// Only what both sides call a talk is one.
    Talk,
    /// An act counts for the attempt that it refers to.
    Ladder,
    /// Nobody joins before the agreement is settled.
    Settled,
}

#[cfg(test)]
impl Rule {
    pub(super) const ALL: [Rule; 9] = [
        Rule::Void,
        Rule::Crossed,
        Rule::Offers,
        Rule::Concerted,
        Rule::Deadlines,
        Rule::Overdue,
        Rule::Talk,
        Rule::Ladder,
        Rule::Settled,
    ];
}

/// A rule of §4.6 that the search over restored copies can take away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mend {
    /// Entries of earlier epochs that come late are taken.
    Late,
    /// A halt does not hold in a new epoch.
    Lift,
    /// Who opened an epoch joins another only if that names its own.
    Next,
    /// A restored copy always opens an epoch.
    Always,
    /// An ended epoch counts as far as either side's charter names it.
    Both,
    /// What its author alone names of a log counts only once it is held as a whole.
    Own,
    /// An epoch closes others only if its own two index 0s count.
    Closes,
    /// What an epoch closed is settled only once no other can come to close it.
    ForGood,
    /// The number of an epoch does not go by what an ended key has begun.
    Number,
}

impl Line {
    #[cfg(test)]
    pub(super) fn off(&self, mend: Mend) -> bool {
        self.without == Some(mend)
    }

    #[cfg(not(test))]
    pub(super) const fn off(&self, _mend: Mend) -> bool {
        false
    }
}

/// Which rule is off, if any.
#[cfg(test)]
pub(super) type Switch = Option<Rule>;

impl Facts {
    #[cfg(test)]
    pub(super) fn off(&self, rule: Rule) -> bool {
        self.switch == Some(rule)
    }

    #[cfg(not(test))]
    pub(super) const fn off(&self, _rule: Rule) -> bool {
        false
    }
}
