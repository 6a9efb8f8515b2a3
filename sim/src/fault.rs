//! Faults that the simulator must find: each is put into the world around `core`, so that what is shipped has no switch.

use crate::promises::Promise;

/// A known fault, and where it sits in the simulated world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    /// The link is told of a turn's entries before they are committed.
    HeadNamedBeforeCommit,
    /// The bell looks at the tentative line.
    RingBeforeCommit,
    /// A station writes a lapse of the other side's thing, signed past the judge.
    LapseByTheWrongSide,
    /// Frames lost with a connection are not sent again on the next.
    LostResend,
    /// Two entries that wait for the record change places.
    ReorderedApply,
    /// The store, asked what stands at an index, says whatever has just come: no fork is ever seen.
    AcceptedFork,
    /// A copy forgets at its start that it is one, and so signs before it has heard its peer.
    CopySigns,
    /// What comes late of an earlier epoch is let go.
    LateLetGo,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 8] = [
        Fault::HeadNamedBeforeCommit,
        Fault::RingBeforeCommit,
        Fault::LapseByTheWrongSide,
        Fault::LostResend,
        Fault::ReorderedApply,
        Fault::AcceptedFork,
        Fault::CopySigns,
        Fault::LateLetGo,
    ];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Fault::HeadNamedBeforeCommit => "head-named-before-commit",
            Fault::RingBeforeCommit => "ring-before-commit",
            Fault::LapseByTheWrongSide => "lapse-by-the-wrong-side",
            Fault::LostResend => "lost-resend",
            Fault::ReorderedApply => "reordered-apply",
            Fault::AcceptedFork => "accepted-fork",
            Fault::CopySigns => "copy-signs",
            Fault::LateLetGo => "late-let-go",
        }
    }

    /// The fault of this name.
    pub fn parse(word: &str) -> Option<Fault> {
        Fault::ALL.into_iter().find(|f| f.word() == word)
    }

    /// The promise that finds it.
    pub fn breaks(self) -> Promise {
        match self {
            Fault::HeadNamedBeforeCommit => Promise::HeadsNameWhatIsCommitted,
            Fault::RingBeforeCommit => Promise::RingsAreCommitted,
            Fault::LapseByTheWrongSide => Promise::OnlyTheOwnerLapses,
            Fault::LostResend => Promise::LostIsSentAgain,
            Fault::ReorderedApply => Promise::AppliedInOrder,
            Fault::AcceptedFork => Promise::NoForkIsTaken,
            Fault::CopySigns => Promise::CopiesAreSilent,
            Fault::LateLetGo => Promise::CommittedArrives,
        }
    }
}
