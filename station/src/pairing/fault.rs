//! Why the ceremony did not do what it was asked.

use std::fmt;

use counterpart_core::ids::LineId;
use counterpart_core::pairing::Refusal;
use counterpart_core::pairing::draft::DraftFault;
use counterpart_core::pairing::invitation::InvitationFault;

use super::alike::Alike;
use super::digits::DigitsFault;
use super::{PENDING_MAX, Standing};
use crate::entropy::NoEntropy;
use crate::record::ActFault;
use crate::store::StoreError;
use crate::words::{Sentence, Tell, logged};

/// Why nothing was done. Its text says what was wrong and what to do.
#[derive(Debug)]
pub enum Fault {
    /// No pairing of this line is kept here.
    NoSuchPairing(LineId),
    /// What was typed is not sixteen groups of digits.
    Digits(DigitsFault),
    /// It may not be done now.
    Refused(Refusal),
    /// The text is no invitation that can be used.
    Invitation(InvitationFault),
    /// What both sides would put into the charter makes none.
    Draft(DraftFault),
    /// Nobody could dial us: the configuration announces no address.
    NoAddress,
    /// The line of this invitation is open already.
    IsOpen(LineId),
    /// As many pairings are under way as this station keeps.
    TooMany,
    /// Only a pairing that has ended is forgotten; how far this one is.
    NotEnded(Standing),
    /// The record did not keep it: our machine failed, or the station is stopping.
    Record(ActFault),
    /// The store could not be read.
    Store(StoreError),
    /// There is no chance to draw from.
    NoEntropy(NoEntropy),
    /// The name of who is to be confirmed could be taken for another's.
    Alike(Alike),
    /// Both stations' digits were compared and differ. Neither has signed.
    Differ,
    /// The other station did not come so far in time; how far it came.
    Late(Standing),
}

impl From<DigitsFault> for Fault {
    fn from(fault: DigitsFault) -> Fault {
        Fault::Digits(fault)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Fault {
        Fault::Refused(refusal)
    }
}

impl From<InvitationFault> for Fault {
    fn from(fault: InvitationFault) -> Fault {
        Fault::Invitation(fault)
    }
}

impl From<DraftFault> for Fault {
    fn from(fault: DraftFault) -> Fault {
        Fault::Draft(fault)
    }
}

impl From<ActFault> for Fault {
    fn from(fault: ActFault) -> Fault {
        Fault::Record(fault)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        Fault::Store(error)
    }
}

impl From<NoEntropy> for Fault {
    fn from(error: NoEntropy) -> Fault {
        Fault::NoEntropy(error)
    }
}

impl Tell for Fault {
    fn sentence(&self) -> Sentence {
        match self {
            Fault::NoSuchPairing(line) => Sentence::new("pairing-no-such").with("line", line),
            Fault::Digits(fault) => fault.sentence(),
            Fault::Refused(refusal) => refusal.sentence(),
            Fault::Invitation(fault) => fault.sentence(),
            Fault::Draft(fault) => fault.sentence(),
            Fault::NoAddress => Sentence::new("pairing-no-address"),
            Fault::IsOpen(line) => Sentence::new("pairing-is-open").with("line", line),
            Fault::TooMany => Sentence::new("pairing-too-many").with("max", PENDING_MAX),
            Fault::NotEnded(Standing::Open) => Sentence::new("pairing-kept"),
            Fault::NotEnded(_) => Sentence::new("pairing-under-way"),
            Fault::Record(ActFault::Stopping) => Sentence::new("pairing-stopping"),
            Fault::Record(ActFault::Machine(what)) => what.clone(),
            Fault::Record(ActFault::Refused(_) | ActFault::TokenOfAnother(_)) => Sentence::new("pairing-unknown-line"),
            Fault::Store(error) => error.sentence(),
            Fault::NoEntropy(error) => error.sentence(),
            Fault::Alike(alike) => alike.sentence(),
            Fault::Differ => Sentence::new("pairing-differ"),
            Fault::Late(_) => Sentence::new("pairing-late"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&logged(self))
    }
}

impl std::error::Error for Fault {}
