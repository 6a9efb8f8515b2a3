//! The closed lists that cross the line as numbers (`docs/protocol.md` §3.4). Codes cross the line, sentences do not: each
//! station says them in its own language.

/// Declares a list of codes: its numbers are its places, its words are those of commands and documents.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $($(#[$item])* $variant,)+ }

        impl $name {
            /// All, in the order of their numbers.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The number that entries carry.
            pub fn number(self) -> u64 {
                self as u64
            }

            /// `None` for a number that this version of the rules does not know.
            pub fn from_number(number: u64) -> Option<$name> {
                Self::ALL.get(usize::try_from(number).ok()?).copied()
            }

            /// The word that commands and documents use.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }

            /// Reads the word, in either case.
            pub fn parse(word: &str) -> Option<$name> {
                Self::ALL.iter().copied().find(|c| c.word().eq_ignore_ascii_case(word))
            }
        }
    };
}

codes! {
    /// Why not now, or not at all.
    Code {
        /// In another engagement.
        Engaged = "ENGAGED",
        /// On a journey.
        Travelling = "TRAVELLING",
        /// Outside working hours there.
        OutOfHours = "OUT-OF-HOURS",
        /// No interpreter at hand.
        NoInterpreter = "NO-INTERPRETER",
        /// Another level should speak.
        Level = "LEVEL",
        /// Another office is competent.
        NotCompetent = "NOT-COMPETENT",
        /// Wanted in writing.
        InWriting = "IN-WRITING",
        /// Wanted on another channel.
        OtherChannel = "OTHER-CHANNEL",
        /// Conditions are not met.
        Conditions = "CONDITIONS",
        /// Waiting for instructions.
        AwaitingInstructions = "AWAITING-INSTRUCTIONS",
        /// Nobody holds the post.
        PostVacant = "POST-VACANT",
        /// In doubt who asks.
        IdentityDoubt = "IDENTITY-DOUBT",
        /// "We take it as closed": a time was named and not confirmed.
        NoConfirmation = "NO-CONFIRMATION",
        /// No reason stated.
        Unstated = "UNSTATED",
    }
}

codes! {
    /// How they would talk.
    Mode {
        /// By voice.
        Voice = "voice",
        /// In writing.
        Writing = "writing",
        /// Face to face.
        Meeting = "meeting",
    }
}

codes! {
    /// The kind of channel that confirmed that a device rings.
    Channel {
        /// A page of the desk.
        Desk = "desk",
        /// A terminal.
        Terminal = "terminal",
        /// A telephone.
        Telephone = "telephone",
    }
}

codes! {
    /// What silence until answer-by does to an offer. Never consent.
    OnSilence {
        /// The offer lapses; the request stands.
        Lapses = "lapses",
        /// The offer stands.
        Stands = "stands",
    }
}

codes! {
    /// Who missed a response time of the charter.
    Clause {
        /// Their station did not hold it.
        Station = "station",
        /// Their watch did not see it.
        Watch = "watch",
        /// Their principal gave neither a deferral nor a time.
        Principal = "principal",
    }
}

codes! {
    /// The deadline that a lapse rests on.
    Deadline {
        /// An ask's valid-until.
        ValidUntil = "valid-until",
        /// An offer's answer-by.
        AnswerBy = "answer-by",
        /// A ready's recall window.
        Recall = "recall",
    }
}

codes! {
    /// What a station says of itself.
    LineState {
        /// In use.
        Open = "open",
        /// At work on the station; entries may wait.
        Maintenance = "maintenance",
        /// Asks stand and do not ring.
        Suspended = "suspended",
        /// For good: only `received` and `memo` count after it.
        Closed = "closed",
    }
}

codes! {
    /// What a person in a talk is there for.
    Part {
        /// The one who speaks.
        Principal = "principal",
        /// The interpreter.
        Interpreter = "interpreter",
        /// The note-taker.
        NoteTaker = "note-taker",
        /// The watch.
        Watch = "watch",
    }
}

codes! {
    /// Why a talk ended.
    EndReason {
        /// It was over.
        Done = "done",
        /// The path failed and nobody came back.
        Lost = "lost",
        /// It was broken off.
        BrokenOff = "broken-off",
    }
}

codes! {
    /// By what a talk was held elsewhere.
    Instrument {
        /// A telephone.
        Telephone = "telephone",
        /// In person.
        InPerson = "in-person",
        /// Video.
        Video = "video",
        /// In writing.
        Writing = "writing",
        /// Anything else.
        Other = "other",
    }
}

codes! {
    /// Who holds a post.
    Holding {
        /// Held.
        Held = "held",
        /// By someone acting.
        Acting = "acting",
        /// Delegated while its holder is away.
        Delegated = "delegated",
        /// By nobody.
        Vacant = "vacant",
        /// Claimed by more than one.
        Contested = "contested",
    }
}

codes! {
    /// Who made a check.
    CheckBy {
        /// The schedule of the charter.
        Schedule = "schedule",
        /// A person.
        Person = "person",
    }
}

codes! {
    /// What the other side says of a statement.
    StatementAnswer {
        /// It agrees.
        Confirmed = "confirmed",
        /// It does not.
        Contested = "contested",
        /// It says neither.
        NoComment = "no-comment",
    }
}

codes! {
    /// Whose an approach or an attempt was.
    Ownership {
        /// Ours.
        Ours = "ours",
        /// Not ours.
        NotOurs = "not-ours",
        /// We take no position.
        NoPosition = "no-position",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_comes_back_from_its_number_and_its_word() {
        for code in Code::ALL {
            assert_eq!(Code::from_number(code.number()), Some(*code));
            assert_eq!(Code::parse(code.word()), Some(*code));
        }
        assert_eq!(Code::from_number(14), None);
        assert_eq!(Code::ALL.len(), 14);
    }
}
