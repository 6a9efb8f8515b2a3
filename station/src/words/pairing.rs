//! What `core` says of a pairing, as sentences: why a text is no invitation, why a step is not taken, why their station turned
//! us away.

use counterpart_core::limits;
use counterpart_core::pairing::draft::DraftFault;
use counterpart_core::pairing::frames::Why;
use counterpart_core::pairing::invitation::InvitationFault;
use counterpart_core::pairing::{End, Refusal};
use counterpart_core::record::charter::RULES_VERSION;

use super::{Sentence, Tell};

impl Tell for InvitationFault {
    fn sentence(&self) -> Sentence {
        match self {
            InvitationFault::TooLong(length) => {
                Sentence::new("invitation-too-long").with("length", length).with("max", limits::INVITATION_TEXT_MAX)
            }
            InvitationFault::Foreign => Sentence::new("invitation-foreign"),
            InvitationFault::Surrounded(line) => Sentence::new("invitation-surrounded").with("line", line),
            InvitationFault::Version(version) => Sentence::new("invitation-version").with("version", version),
            InvitationFault::CutOff => Sentence::new("invitation-cut-off"),
            InvitationFault::BadLine(line) => Sentence::new("invitation-bad-line").with("line", line),
            InvitationFault::Damaged => Sentence::new("invitation-damaged"),
            InvitationFault::Malformed => Sentence::new("invitation-malformed"),
            InvitationFault::Addresses => Sentence::new("invitation-addresses")
                .with("count", limits::CHARTER_LIST_MAX)
                .with("max", limits::SHORT_TEXT_MAX),
            InvitationFault::Draft(fault) => fault.sentence(),
        }
    }
}

impl Tell for DraftFault {
    fn sentence(&self) -> Sentence {
        match self {
            DraftFault::Clause(0) => Sentence::new("draft-unreadable"),
            DraftFault::Clause(number) => Sentence::new("draft-clause").with("clause", number),
            DraftFault::Version(version) => {
                Sentence::new("draft-version").with("version", version).with("known", RULES_VERSION)
            }
            DraftFault::TooLong(length) => {
                Sentence::new("draft-too-long").with("length", length).with("max", limits::CHARTER_MAX)
            }
            DraftFault::SharedCallSign => Sentence::new("draft-shared-call-sign"),
            DraftFault::Unshown(number) => Sentence::new("draft-unshown").with("clause", number),
            DraftFault::SharedKey => Sentence::new("draft-shared-key"),
        }
    }
}

impl Tell for Refusal {
    fn sentence(&self) -> Sentence {
        Sentence::new(match self {
            Refusal::OtherDigits => "pairing-other-digits",
            Refusal::NotYet => "pairing-not-yet",
            Refusal::NoSuchCandidate => "pairing-no-such-candidate",
            Refusal::Confirmed => "pairing-confirmed",
            Refusal::Written => "pairing-written",
            Refusal::Ended(End::Ours) => "pairing-ended-ours",
            Refusal::Ended(End::Theirs) => "pairing-ended-theirs",
            Refusal::Ended(End::Restored) => "pairing-ended-restored",
            Refusal::OtherKey => "pairing-other-key",
        })
    }
}

/// Why their station turned us away, for the joiner's person.
impl Tell for Why {
    fn sentence(&self) -> Sentence {
        Sentence::new(match self {
            Why::NoInvitation => "turned-no-invitation",
            Why::Proof => "turned-proof",
            Why::Full => "turned-full",
            Why::Taken => "turned-taken",
            Why::Used => "turned-used",
            Why::ByPerson => "turned-by-person",
            Why::Terms => "turned-terms",
            Why::LinkKey => "turned-link-key",
            Why::NotCandidate => "turned-not-candidate",
        })
    }
}
