//! Why the ceremony did not do what it was asked.

use std::fmt;

use counterpart_core::ids::LineId;
use counterpart_core::pairing::Refusal;
use counterpart_core::pairing::draft::DraftFault;
use counterpart_core::pairing::invitation::InvitationFault;

use super::digits::DigitsFault;
use super::{PENDING_MAX, Standing};
use crate::entropy::NoEntropy;
use crate::record::ActFault;
use crate::store::StoreError;

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

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NoSuchPairing(line) => write!(f, "there is no pairing of line {line}: list the pairings again"),
            Fault::Digits(fault) => fault.fmt(f),
            Fault::Refused(refusal) => refusal.fmt(f),
            Fault::Invitation(fault) => fault.fmt(f),
            Fault::Draft(fault) => fault.fmt(f),
            Fault::NoAddress => f.write_str(
                "whoever is invited dials this station, and no address is announced: write link.announce in \
                 counterpart.toml, start the station again, then invite; or let the other side invite",
            ),
            Fault::IsOpen(line) => write!(f, "line {line} of this invitation is open already: there is nothing to do"),
            Fault::TooMany => write!(f, "{PENDING_MAX} pairings are under way, and no more are kept: abandon some"),
            Fault::NotEnded(Standing::Open) => f.write_str("the line is open: its pairing is kept with it"),
            Fault::NotEnded(_) => f.write_str("this pairing is still under way: abandon it first"),
            Fault::Record(ActFault::Stopping) => f.write_str("the station is stopping: start it, then try again"),
            Fault::Record(ActFault::Machine(what)) => {
                write!(f, "nothing was kept, because this machine failed ({what}): mend it, then try again")
            }
            Fault::Record(ActFault::Refused(_)) => f.write_str("the record knows no such line: try again"),
            Fault::Store(error) => error.fmt(f),
            Fault::NoEntropy(error) => error.fmt(f),
            Fault::Differ => {
                f.write_str("the digits of the two stations differ: neither has signed; abandon and pair anew")
            }
            Fault::Late(_) => f.write_str("the other station did not answer in time: look at the link between the two"),
        }
    }
}

impl std::error::Error for Fault {}
