//! Everything that a person or a program can ask the station to do: THE list that desk, API and commands share.
//!
//! Nobody asks for `received`, `lapse`, `overdue` or a scheduled `check`: the station writes those by itself, `alerting` only a
//! channel that confirmed that a device rings, and `joined` and `ended` only a call.

use alloc::{string::String, vec::Vec};

use crate::ids::{EntryRef, PostId};
use crate::precedence::{Mark, Precedence};
use crate::record::codes::{Code, Instrument, LineState, Mode, OnSilence};
use crate::record::what::Offered;
use crate::time::{Timestamp, Window};

/// Words that go with an act, in their author's own language.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Words {
    /// Random, for the digest.
    pub salt: [u8; 16],
    /// BCP 47.
    pub language: String,
    /// The text.
    pub text: String,
}

/// To which attempt an act refers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// Exactly this entry: the attempt that was on the screen.
    Entry(EntryRef),
    /// The latest attempt of this request; an offer is its own.
    Latest(EntryRef),
}

/// One act.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the fields are those of the entry that the act becomes, `docs/protocol.md` §3.3")]
pub enum Act {
    /// Ask to talk; `again` names a closed request.
    Ask {
        from: PostId,
        to: PostId,
        precedence: Precedence,
        mark: Mark,
        mode: Mode,
        private: bool,
        valid_until: Option<Timestamp>,
        again: Option<EntryRef>,
    },
    /// The watch has it.
    Seen { on: Target },
    /// It is with the principal's office.
    Refer { on: Target },
    /// Not now.
    Defer { on: Target, code: Code, until: Option<Timestamp> },
    /// Yes, at once.
    Answer { on: Target },
    /// No: to a request or to an offer.
    Decline { on: Target, code: Code },
    /// Name times.
    Offer { on: Target, windows: Vec<Offered>, answer_by: Timestamp, on_silence: OnSilence, code: Option<Code> },
    /// "We will take it now."
    Ready { on: Target },
    /// Take one window of an offer, or come to a ready.
    Accept { offer: EntryRef, window: Option<Window> },
    /// The request still stands.
    Renew { request: EntryRef, valid_until: Option<Timestamp>, precedence: Option<Precedence> },
    /// Not able at present: stops the ringing there.
    Suspend { request: EntryRef },
    /// Able again.
    Resume { request: EntryRef },
    /// Take back a request or an offer.
    Withdraw { thing: EntryRef },
    /// The agreed talk will not be.
    Cancel { request: EntryRef, code: Code },
    /// The other side did not come.
    Missed { request: EntryRef },
    /// A talk was held elsewhere.
    Talk { request: EntryRef, when: Window, instrument: Instrument, posts: Vec<PostId> },
    /// A call sheet: when it was held, which of our own posts were present, in which languages; the topics are its words.
    Sheet { request: EntryRef, when: Window, posts: Vec<PostId>, languages: Vec<String> },
    /// Write.
    Text { from: PostId, to: PostId, precedence: Precedence, mark: Mark },
    /// A text has been read.
    Read { text: EntryRef },
    /// Take a text back.
    Retract { text: EntryRef },
    /// A note in our own log.
    Memo,
    /// Test the line; answered by a person.
    Check { precedence: Precedence, mark: Mark },
    /// Answer a check.
    CheckReply { check: EntryRef },
    /// Declare the state of our station on this line.
    State { state: LineState, until: Option<Timestamp> },
}

impl Act {
    /// The command's word, for each act: what every way of asking must have.
    pub const WORDS: [&'static str; 24] = [
        "ask",
        "seen",
        "refer",
        "defer",
        "answer",
        "decline",
        "offer",
        "ready",
        "accept",
        "renew",
        "suspend",
        "resume",
        "withdraw",
        "cancel",
        "missed",
        "talk",
        "sheet",
        "text",
        "read",
        "retract",
        "memo",
        "check",
        "check-reply",
        "state",
    ];

    /// The command's word.
    pub fn word(&self) -> &'static str {
        match self {
            Act::Ask { .. } => "ask",
            Act::Seen { .. } => "seen",
            Act::Refer { .. } => "refer",
            Act::Defer { .. } => "defer",
            Act::Answer { .. } => "answer",
            Act::Decline { .. } => "decline",
            Act::Offer { .. } => "offer",
            Act::Ready { .. } => "ready",
            Act::Accept { .. } => "accept",
            Act::Renew { .. } => "renew",
            Act::Suspend { .. } => "suspend",
            Act::Resume { .. } => "resume",
            Act::Withdraw { .. } => "withdraw",
            Act::Cancel { .. } => "cancel",
            Act::Missed { .. } => "missed",
            Act::Talk { .. } => "talk",
            Act::Sheet { .. } => "sheet",
            Act::Text { .. } => "text",
            Act::Read { .. } => "read",
            Act::Retract { .. } => "retract",
            Act::Memo => "memo",
            Act::Check { .. } => "check",
            Act::CheckReply { .. } => "check-reply",
            Act::State { .. } => "state",
        }
    }
}
