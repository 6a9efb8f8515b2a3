//! The types of entry (`docs/protocol.md` §3.2).

/// Declares the types of entry with their numbers and words.
macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $number:literal $word:literal,)+) => {
        /// The type of an entry. The numbers are fixed once.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Kind { $($(#[$doc])* $variant = $number,)+ }

        impl Kind {
            /// All, in the order of their numbers.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant,)+];

            /// The number that entries carry.
            pub fn number(self) -> u64 {
                self as u64
            }

            /// The word of DESIGN.md §3.
            pub fn word(self) -> &'static str {
                match self { $(Kind::$variant => $word,)+ }
            }
        }
    };
}

kinds! {
    /// Index 0 of each log.
    Charter = 0 "charter",
    /// Names a head and says nothing else.
    Received = 1 "received",
    /// A proposal to change the charter, or its countersignature.
    Amend = 2 "amend",
    /// New keys.
    Key = 3 "key",
    /// Who holds a post.
    Post = 4 "post",
    /// What a station declares of itself.
    State = 5 "state",
    /// A test of the line.
    Check = 6 "check",
    /// A person's answer to a check.
    CheckReply = 7 "check-reply",
    /// A response time of the charter was missed by the peer.
    Overdue = 8 "overdue",
    /// A request to talk.
    Ask = 9 "ask",
    /// A device rings.
    Alerting = 10 "alerting",
    /// The watch has it.
    Seen = 11 "seen",
    /// It is with the principal's office.
    Referred = 12 "referred",
    /// Not now.
    Defer = 13 "defer",
    /// The request still stands.
    Renew = 14 "renew",
    /// The owner cannot talk at present.
    Suspend = 15 "suspend",
    /// The owner can again.
    Resume = 16 "resume",
    /// Yes, at once.
    Answer = 17 "answer",
    /// No.
    Decline = 18 "decline",
    /// The owner takes it back.
    Withdraw = 19 "withdraw",
    /// Its deadline has passed.
    Lapse = 20 "lapse",
    /// Times are offered.
    Offer = 21 "offer",
    /// "We will take it now."
    Ready = 22 "ready",
    /// One window is taken, or the ready.
    Accept = 23 "accept",
    /// A person is in the talk.
    Joined = 24 "joined",
    /// The talk is over.
    Ended = 25 "ended",
    /// The other side did not come.
    Missed = 26 "missed",
    /// The agreed talk will not be.
    Cancel = 27 "cancel",
    /// A talk was held elsewhere.
    Talk = 28 "talk",
    /// What a talk was about.
    Sheet = 29 "sheet",
    /// A written message.
    Text = 30 "text",
    /// A written message in a fixed format.
    Notice = 31 "notice",
    /// A person has read it.
    Read = 32 "read",
    /// It is taken back, without blame.
    Retract = 33 "retract",
    /// A note for one's own record.
    Memo = 34 "memo",
    /// Words for the public.
    Statement = 35 "statement",
    /// What the other side says of them.
    StatementReply = 36 "statement-reply",
    /// Somebody claiming to be a post came by another channel.
    Approach = 37 "approach",
    /// Whose that was.
    ApproachReply = 38 "approach-reply",
    /// An attempt on another channel.
    Attempt = 39 "attempt",
    /// What they said there.
    Heard = 40 "heard",
    /// A history is adopted, or not.
    Adopt = 41 "adopt",
}

impl Kind {
    /// The type of this number; `None` if this version of the rules has none.
    pub fn from_number(number: u64) -> Option<Kind> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// The type of this word.
    pub fn parse(word: &str) -> Option<Kind> {
        Self::ALL.iter().copied().find(|k| k.word() == word)
    }

    /// Whether it opens something that is called aloud by a number: "Northland 112" (§2.4).
    pub fn is_numbered(self) -> bool {
        matches!(self, Kind::Ask | Kind::Offer | Kind::Ready | Kind::Text | Kind::Notice | Kind::Statement)
    }
}
