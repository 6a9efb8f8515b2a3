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
            DraftFault::Clause(number) => {
                let days = limits::SPAN_MAX_S / 86_400;
                let clause = Sentence::new("draft-clause").with("clause", number).with("days", days);
                clause.saying("name", Sentence::new(clause_name(*number)))
            }
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

/// What a clause of the charter is about.
fn clause_name(number: u64) -> &'static str {
    match number {
        1 => "clause-version",
        2 => "clause-line",
        3 => "clause-parties",
        4 => "clause-station",
        5 => "clause-watch",
        6 => "clause-principal",
        7 => "clause-pace",
        8 => "clause-checks",
        9 => "clause-deniable",
        10 => "clause-grace",
        11 => "clause-public",
        12 => "clause-witnesses",
        13 => "clause-relays",
        14 => "clause-recall",
        _ => "clause-unknown",
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
