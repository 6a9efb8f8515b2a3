//! Whose fault it was. A [`Refusal`] is for our own person: this may not be done now, because of that fact. A
//! [`Misconduct`] is the peer's: it broke the protocol, the evidence is kept and the line survives. The third, `Error`, is
//! our machine's and belongs to the station.

use crate::ids::EntryRef;
use crate::record::codes::Deadline;
use crate::record::entry::HeaderFault;
use crate::record::kind::Kind;
use crate::time::Timestamp;

/// What bars an act (`docs/protocol.md` §6.1). Judged in its author's own past: the same bar that refuses our person's act
/// makes the peer's entry void.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bar {
    /// It names no entry that counts, or one of a kind that this act does not act on.
    NoSuchThing,
    /// The thing that it acts on, a request, an offer or a ready, is closed.
    Closed {
        /// What is closed: the request of an act on it or on a renewal of it, otherwise the offer or ready.
        thing: EntryRef,
        /// The act that closed it.
        by: EntryRef,
    },
    /// The request is not closed: only a closed one is asked again.
    StillOpen(EntryRef),
    /// Only the side that opened it may do this.
    NotOwner(EntryRef),
    /// Only the other side may do this.
    OwnThing(EntryRef),
    /// It has been done already; by this entry.
    Already(EntryRef),
    /// As many asks of this side are open as the protocol allows.
    TooManyOpen,
    /// As many entries of this side belong to that request as the protocol allows; it can still be closed.
    TooMany(EntryRef),
    /// An offer of this side on that request is still open.
    OfferOpen(EntryRef),
    /// It is not suspended, and so cannot be resumed.
    NotSuspended,
    /// That response time has been met, or nothing of theirs is late.
    Met,
    /// It is not one of the windows offered.
    NotOffered,
    /// A ready is accepted without a window, an offer with one.
    WindowMismatch,
    /// The agreement is not settled: the other side is not known to hold our own act.
    Unsettled,
    /// It decides no request, so there is no talk to speak of.
    NoTalk,
    /// This side's word on the talk has been said; by this entry.
    WordSaid(EntryRef),
    /// The other side has cancelled the talk, or already states what became of it.
    TheirWord(EntryRef),
    /// The agreed start lies ahead of the claimed time.
    BeforeStart(Timestamp),
    /// This side has not joined the talk.
    NotJoined,
    /// It is retracted.
    Retracted(EntryRef),
    /// A side has closed the line; by this entry.
    LineClosed(EntryRef),
    /// The charter names no such post on that side.
    UnknownPost,
    /// The charter does not let that post be asked with this precedence.
    PrecedenceTooHigh,
    /// A `received` names nothing new but `received`.
    NothingNew,
    /// A charter stands at index 0 and nowhere else.
    NotAtIndexZero,
    /// An amendment needs the next number, a charter that reads and keeps line and roots, not too many before it that wait, and to
    /// be countersigned once.
    AmendMismatch,
    /// It cannot be read: a field or its `args` are not as the type has them.
    Malformed(Kind),
}

/// Why our own person's act is not done now, beside what bars it for everyone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The rules bar it.
    Barred(Bar),
    /// A time named in it has passed; that time.
    InThePast(Timestamp),
    /// The answer-by of an offer lies after its last window, which ends at this time: nothing would be left to accept.
    AfterWindows(Timestamp),
    /// Its deadline has not been reached, or grace has not passed: not before this time.
    TooEarly(Deadline, Timestamp),
    /// What they may have done meanwhile is not known: the records are not even, and grace has not passed since the link
    /// came or the station started.
    NotEven,
    /// The body is over `limits::BODY_CONTENT_MAX`; its length in bytes.
    TooLong(usize),
    /// The line is not open: pairing is not finished, or its log is halted.
    LineNotOpen,
    /// Restored from a backup, or shown to be a copy: nothing is signed before a new epoch is open.
    Restored,
    /// The charter in force names rules of this version, which this software lacks.
    LacksRules(u64),
    /// Another epoch serves than the one in which this was looked at: look again.
    EpochEnded,
    /// More broke off with an epoch than was told whoever takes note, or less: look again.
    MoreBrokeOff,
    /// The station does not hold the key that signs our next entry.
    KeyNotHeld,
    /// A new epoch waits for the peer to be heard, or for a person's word that it cannot be.
    AwaitsPeer,
    /// A new epoch waits for a person to take or refuse what the peer has shown.
    AwaitsJudgement,
    /// What a judgement names is not shown, is in our log, was judged already, or continues what is not taken with it: look again.
    PartNotWaiting,
    /// Of parts of our log that part from one another a judgement takes more than one, or it takes and refuses the same.
    PartsConflict,
    /// A new epoch is signed by the root key that the charter names, and by no other.
    NotRoot,
    /// We have opened as many epochs of the line as one party may.
    TooManyEpochs,
    /// There is no such line here.
    UnknownLine,
}

/// What the peer did that the protocol forbids (`docs/protocol.md` §3.6). What the author of a log is shown to have signed halts
/// that log: taken no further in this epoch. What whoever holds the link could have sent without the author ends the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misconduct {
    /// Nothing that the key in force at its index has signed.
    BadSignature,
    /// It is signed, and not in its one form.
    NotCanonical(Option<HeaderFault>),
    /// An entry belongs to another line.
    WrongLine,
    /// An entry of ours, or of nobody's, was pushed as theirs.
    WrongParty,
    /// An epoch that no charter opened.
    WrongEpoch,
    /// An entry above the next index: one between them is left out.
    WrongPlace,
    /// It names an older head of ours than it named before.
    HeadWentBack,
    /// It names a head that our log never had.
    HeadNeverOurs,
    /// Two histories of one log, both signed: two entries at one index, or one that states another root before it.
    Fork,
    /// A frame that is none, or comes where it may not.
    BadFrame,
    /// No version of the protocol in common.
    NoCommonVersion,
    /// It claims to hold more of our log than we do, and shows nothing that we signed.
    FalseClaim,
    /// A new epoch's number jumps by more than `limits::EPOCH_JUMP_MAX`.
    EpochJump,
    /// A body that is not the one its entry names.
    WrongBody,
    /// In pairing, a charter that is not the draft with the joiner's terms, or an index 0 that carries another.
    OtherCharter,
    /// A `key` entry whose serial is not above the last: an old grant of root, shown again.
    StaleGrant,
    /// More packets of voice than a side may send.
    VoiceFlood,
    /// A packet of voice, or what is told of a call, that is none.
    MalformedVoice,
}

impl Misconduct {
    /// Whether it ends the taking of that log in this epoch.
    pub fn halts(self) -> bool {
        use Misconduct as M;
        matches!(self, M::NotCanonical(_) | M::HeadWentBack | M::HeadNeverOurs | M::Fork | M::StaleGrant)
    }

    /// Whether it is let go, and the session goes on: nothing that is recorded rests on voice.
    pub fn is_let_go(self) -> bool {
        matches!(self, Misconduct::VoiceFlood | Misconduct::MalformedVoice)
    }

    /// All of them, in the order of their numbers, which begin at 1.
    const ALL: [Misconduct; 18] = [
        Misconduct::BadSignature,
        Misconduct::NotCanonical(None),
        Misconduct::WrongLine,
        Misconduct::WrongParty,
        Misconduct::WrongEpoch,
        Misconduct::WrongPlace,
        Misconduct::HeadWentBack,
        Misconduct::HeadNeverOurs,
        Misconduct::Fork,
        Misconduct::BadFrame,
        Misconduct::NoCommonVersion,
        Misconduct::FalseClaim,
        Misconduct::EpochJump,
        Misconduct::WrongBody,
        Misconduct::OtherCharter,
        Misconduct::StaleGrant,
        Misconduct::VoiceFlood,
        Misconduct::MalformedVoice,
    ];

    /// The number under which a fault frame names it, from 1.
    pub fn number(self) -> u64 {
        match self {
            Misconduct::BadSignature => 1,
            Misconduct::NotCanonical(_) => 2,
            Misconduct::WrongLine => 3,
            Misconduct::WrongParty => 4,
            Misconduct::WrongEpoch => 5,
            Misconduct::WrongPlace => 6,
            Misconduct::HeadWentBack => 7,
            Misconduct::HeadNeverOurs => 8,
            Misconduct::Fork => 9,
            Misconduct::BadFrame => 10,
            Misconduct::NoCommonVersion => 11,
            Misconduct::FalseClaim => 12,
            Misconduct::EpochJump => 13,
            Misconduct::WrongBody => 14,
            Misconduct::OtherCharter => 15,
            Misconduct::StaleGrant => 16,
            Misconduct::VoiceFlood => 17,
            Misconduct::MalformedVoice => 18,
        }
    }

    /// The misconduct of this number; `None` if this version has none. What made an entry not canonical is not told.
    pub fn from_number(number: u64) -> Option<Misconduct> {
        let at = usize::try_from(number.checked_sub(1)?).ok()?;
        Self::ALL.get(at).copied()
    }

    /// The one of this name, which [`Misconduct::word`] gives.
    pub fn from_word(word: &str) -> Option<Misconduct> {
        Self::ALL.into_iter().find(|what| what.word() == word)
    }

    /// Its name in logs, evidence and exit messages.
    pub fn word(self) -> &'static str {
        match self {
            Misconduct::BadSignature => "bad-signature",
            Misconduct::NotCanonical(_) => "not-canonical",
            Misconduct::WrongLine => "wrong-line",
            Misconduct::WrongParty => "wrong-party",
            Misconduct::WrongEpoch => "wrong-epoch",
            Misconduct::WrongPlace => "wrong-place",
            Misconduct::HeadWentBack => "head-went-back",
            Misconduct::HeadNeverOurs => "head-never-ours",
            Misconduct::Fork => "fork",
            Misconduct::BadFrame => "bad-frame",
            Misconduct::NoCommonVersion => "no-common-version",
            Misconduct::FalseClaim => "false-claim",
            Misconduct::EpochJump => "epoch-jump",
            Misconduct::WrongBody => "wrong-body",
            Misconduct::OtherCharter => "other-charter",
            Misconduct::StaleGrant => "stale-grant",
            Misconduct::VoiceFlood => "voice-flood",
            Misconduct::MalformedVoice => "malformed-voice",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_misconduct_is_found_again_by_its_number() {
        for (at, what) in Misconduct::ALL.into_iter().enumerate() {
            assert_eq!(what.number(), at as u64 + 1);
            assert_eq!(Misconduct::from_number(what.number()), Some(what));
            assert_eq!(Misconduct::from_word(what.word()), Some(what));
        }
        assert_eq!(Misconduct::from_number(0), None);
        assert_eq!(Misconduct::from_number(19), None);
    }
}
