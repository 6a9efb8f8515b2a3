//! A pairing as this station keeps it: either side's state machine, and its bytes in the store.

use counterpart_core::ids::{LineId, Party};
use counterpart_core::pairing::frames::Frame;
use counterpart_core::pairing::inviter::Inviter;
use counterpart_core::pairing::joiner::Joiner;
use counterpart_core::pairing::{Commit, Exporter, Means, Refusal, Standing, StateFault, Step};
use counterpart_core::record::charter::Charter;
use counterpart_core::record::merkle::Hash;

/// Which side's state follows, in the first byte of what is stored.
const INVITER: u8 = 0;
const JOINER: u8 = 1;

/// Our side of one pairing.
#[derive(Clone, Debug)]
pub(super) enum Machine {
    Inviter(Box<Inviter>),
    Joiner(Box<Joiner>),
}

pub(super) type Next = Step<Machine>;

/// A step of either side.
fn of<S>(step: Step<S>, machine: fn(S) -> Machine) -> Next {
    let commit = step.commit.map(|c| Commit { state: machine(c.state), entries: c.entries });
    Step { commit, send: step.send, show: step.show }
}

impl Machine {
    pub(super) fn invited(inviter: Inviter) -> Machine {
        Machine::Inviter(Box::new(inviter))
    }

    pub(super) fn joined(joiner: Joiner) -> Machine {
        Machine::Joiner(Box::new(joiner))
    }

    /// The bytes to store: role, how often the record had been copied by a backup when they were stored, state.
    pub(super) fn encode(&self, generation: u32) -> Vec<u8> {
        let (role, state) = match self {
            Machine::Inviter(inviter) => (INVITER, inviter.encode()),
            Machine::Joiner(joiner) => (JOINER, joiner.encode()),
        };
        [&[role], generation.to_be_bytes().as_slice(), &state].concat()
    }

    /// Reads what [`Machine::encode`] writes: the pairing and the generation.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Machine, u32), StateFault> {
        let (role, rest) = bytes.split_first().ok_or(StateFault::Malformed)?;
        let (generation, state) = rest.split_first_chunk().ok_or(StateFault::Malformed)?;
        let machine = match *role {
            INVITER => Machine::invited(Inviter::decode(state)?),
            JOINER => Machine::joined(Joiner::decode(state)?),
            _ => return Err(StateFault::Malformed),
        };
        Ok((machine, u32::from_be_bytes(*generation)))
    }

    pub(super) fn line(&self) -> LineId {
        match self {
            Machine::Inviter(inviter) => inviter.line(),
            Machine::Joiner(joiner) => joiner.line(),
        }
    }

    /// Which side we are.
    pub(super) fn me(&self) -> Party {
        match self {
            Machine::Inviter(_) => Party::Inviter,
            Machine::Joiner(_) => Party::Joiner,
        }
    }

    pub(super) fn standing(&self) -> Standing {
        match self {
            Machine::Inviter(inviter) => inviter.standing(),
            Machine::Joiner(joiner) => joiner.standing(),
        }
    }

    /// Whether there can still be a line and is none yet.
    pub(super) fn is_pending(&self) -> bool {
        !matches!(self.standing(), Standing::Open | Standing::Ended(_))
    }

    /// The final charters that may come of it.
    pub(super) fn charters(&self) -> Vec<Charter> {
        match self {
            Machine::Inviter(inviter) => inviter.charters(),
            Machine::Joiner(joiner) => vec![joiner.charter().clone()],
        }
    }

    /// What the charter says, whoever joins: while nobody has, the inviter stands in for the other side.
    pub(super) fn clauses(&self) -> &Charter {
        match self {
            Machine::Inviter(inviter) => inviter.draft().clauses(),
            Machine::Joiner(joiner) => joiner.charter(),
        }
    }

    /// Whether this link key is known to take part.
    pub(super) fn knows(&self, key: &Hash) -> bool {
        match self {
            Machine::Inviter(inviter) => inviter.knows(key),
            Machine::Joiner(joiner) => joiner.pin() == *key,
        }
    }

    /// A frame has come on a connection with the link key `from`.
    pub(super) fn frame(&self, from: &Hash, exporter: &Exporter, frame: &Frame, means: &Means<'_>) -> Next {
        match self {
            Machine::Inviter(inviter) => of(inviter.frame(from, exporter, frame, means), Machine::invited),
            Machine::Joiner(joiner) => of(joiner.frame(frame, means), Machine::joined),
        }
    }

    /// What is said first on a connection that we dialled. The inviter never dials.
    pub(super) fn dialled(&self, exporter: &Exporter) -> Option<Next> {
        match self {
            Machine::Inviter(_) => None,
            Machine::Joiner(joiner) => Some(of(joiner.connected(exporter), Machine::joined)),
        }
    }

    pub(super) fn confirm(&self, fingerprint: &Hash, means: &Means<'_>) -> Result<Next, Refusal> {
        Ok(match self {
            Machine::Inviter(inviter) => of(inviter.confirm(fingerprint, means)?, Machine::invited),
            Machine::Joiner(joiner) => of(joiner.confirm(fingerprint, means)?, Machine::joined),
        })
    }

    /// Refuses one candidate. Who joined has but one, and ends the pairing with it.
    pub(super) fn refuse(&self, key: &Hash) -> Result<Next, Refusal> {
        match self {
            Machine::Inviter(inviter) => Ok(of(inviter.refuse(key)?, Machine::invited)),
            Machine::Joiner(joiner) if joiner.pin() == *key => self.abandon(),
            Machine::Joiner(_) => Err(Refusal::NoSuchCandidate),
        }
    }

    pub(super) fn abandon(&self) -> Result<Next, Refusal> {
        Ok(match self {
            Machine::Inviter(inviter) => of(inviter.abandon()?, Machine::invited),
            Machine::Joiner(joiner) => of(joiner.abandon()?, Machine::joined),
        })
    }

    /// The peer's index 0 is in the record.
    pub(super) fn finish(&self) -> Option<Next> {
        match self {
            Machine::Inviter(inviter) if inviter.standing() == Standing::Countersigned => {
                Some(of(inviter.finish(), Machine::invited))
            }
            Machine::Inviter(_) | Machine::Joiner(_) => None,
        }
    }

    /// What a restored copy puts in the place of an open invitation.
    pub(super) fn burned(&self) -> Option<Machine> {
        match self {
            Machine::Inviter(inviter) => inviter.burned().map(Machine::invited),
            Machine::Joiner(joiner) => joiner.burned().map(Machine::joined),
        }
    }
}
