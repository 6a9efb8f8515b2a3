//! What an entry says: its type and its `args` (`docs/protocol.md` §3.3, CDDL there).

use alloc::{string::String, vec::Vec};

use super::cbor::Value;
use super::codes::{
    Channel, CheckBy, Clause, Code, Deadline, EndReason, Holding, Instrument, LineState, Mode, OnSilence, Ownership,
    Part, StatementAnswer,
};
use super::kind::Kind;
use super::merkle::Hash;
use super::sign1::Signature;
use crate::ids::{EntryRef, Party, PostId};
use crate::time::{Timestamp, Window};

/// A window that is offered, with the zone in which its author thought of it (IANA name; shown, never computed with).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offered {
    /// The interval.
    pub window: Window,
    /// An IANA zone name, at most `limits::SHORT_TEXT_MAX` bytes.
    pub zone: String,
}

/// What an entry says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each variant's sentence names its fields")]
pub enum What {
    /// Both signatures under the whole charter; or a new epoch. Read by [`super::opening`].
    Charter(Value),
    /// A head and nothing else.
    Received,
    /// The number of the amendment, and the whole new charter; `None` in its countersignature.
    Amend { number: u64, charter: Option<Vec<u8>> },
    /// A serial, the new station and link and word keys, root's signature and the new station key's.
    Key { serial: u64, keys: [Hash; 3], root: Signature, proof: Signature },
    /// Who holds a post, from when until when.
    Post { post: PostId, holding: Holding, from: Timestamp, until: Option<Timestamp> },
    /// What the station declares, and until when.
    State { state: LineState, until: Option<Timestamp> },
    /// By the schedule or by a person.
    Check { by: CheckBy },
    /// Somebody answered the check.
    CheckReply,
    /// Which response time was missed.
    Overdue { clause: Clause },
    /// How they would talk, and whether nothing of it may be said in public.
    Ask { mode: Mode, private: bool },
    /// What kind of device rings.
    Alerting { channel: Channel },
    /// The watch has it.
    Seen,
    /// It is with the principal's office.
    Referred,
    /// Why not now, and until when.
    Defer { code: Code, until: Option<Timestamp> },
    /// The request still stands.
    Renew,
    /// Not able at present.
    Suspend,
    /// Able again.
    Resume,
    /// Yes, at once.
    Answer,
    /// Why not.
    Decline { code: Code },
    /// Taken back.
    Withdraw,
    /// Which deadline passed.
    Lapse { deadline: Deadline },
    /// 1 to 8 windows, what silence does, and why not sooner.
    Offer { windows: Vec<Offered>, on_silence: OnSilence, code: Option<Code> },
    /// "We will take it now."
    Ready,
    /// The window taken; `None` for a ready.
    Accept { window: Option<Window> },
    /// What the person is there for.
    Joined { part: Part },
    /// Which side ended it, and why.
    Ended { by: Party, reason: EndReason },
    /// The other side did not come.
    Missed,
    /// Why the agreed talk will not be.
    Cancel { code: Code },
    /// When, by what, and which posts talked.
    Talk { when: Window, instrument: Instrument, posts: Vec<PostId> },
    /// When, which posts, in which languages; the topics are in the body.
    Sheet { when: Window, posts: Vec<PostId>, languages: Vec<String> },
    /// A written message.
    Text,
    /// The format and the number of the notice.
    Notice { format: u64, number: u64 },
    /// A person has read it.
    Read,
    /// Taken back.
    Retract,
    /// A note.
    Memo,
    /// Sentences by code, each with the entry that it rests on.
    Statement { sentences: Vec<(u64, EntryRef)> },
    /// Confirmed, contested or no comment.
    StatementReply { answer: StatementAnswer },
    /// By which channel, claiming which post.
    Approach { channel: Instrument, post: PostId },
    /// Ours or not.
    ApproachReply { ownership: Ownership },
    /// By which channel, to which address, with which result (0 none, 1 spoke to someone, 2 left word).
    Attempt { channel: Instrument, address: String, result: u64 },
    /// What they said, in the body.
    Heard,
    /// Ours, not ours, or no position.
    Adopt { ownership: Ownership },
}

/// What cannot be read by this version of the rules, and why. Both are kept and receipted; neither has effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unread {
    /// A type that this version has not (§3.6).
    UnknownType(u64),
    /// A header key that this version has not (§3.6).
    UnknownKey(u64),
    /// `args` or another field is not as the type has it, or over a limit: void.
    Malformed(Kind),
}

impl What {
    /// Its type.
    pub fn kind(&self) -> Kind {
        match self {
            What::Charter(_) => Kind::Charter,
            What::Received => Kind::Received,
            What::Amend { .. } => Kind::Amend,
            What::Key { .. } => Kind::Key,
            What::Post { .. } => Kind::Post,
            What::State { .. } => Kind::State,
            What::Check { .. } => Kind::Check,
            What::CheckReply => Kind::CheckReply,
            What::Overdue { .. } => Kind::Overdue,
            What::Ask { .. } => Kind::Ask,
            What::Alerting { .. } => Kind::Alerting,
            What::Seen => Kind::Seen,
            What::Referred => Kind::Referred,
            What::Defer { .. } => Kind::Defer,
            What::Renew => Kind::Renew,
            What::Suspend => Kind::Suspend,
            What::Resume => Kind::Resume,
            What::Answer => Kind::Answer,
            What::Decline { .. } => Kind::Decline,
            What::Withdraw => Kind::Withdraw,
            What::Lapse { .. } => Kind::Lapse,
            What::Offer { .. } => Kind::Offer,
            What::Ready => Kind::Ready,
            What::Accept { .. } => Kind::Accept,
            What::Joined { .. } => Kind::Joined,
            What::Ended { .. } => Kind::Ended,
            What::Missed => Kind::Missed,
            What::Cancel { .. } => Kind::Cancel,
            What::Talk { .. } => Kind::Talk,
            What::Sheet { .. } => Kind::Sheet,
            What::Text => Kind::Text,
            What::Notice { .. } => Kind::Notice,
            What::Read => Kind::Read,
            What::Retract => Kind::Retract,
            What::Memo => Kind::Memo,
            What::Statement { .. } => Kind::Statement,
            What::StatementReply { .. } => Kind::StatementReply,
            What::Approach { .. } => Kind::Approach,
            What::ApproachReply { .. } => Kind::ApproachReply,
            What::Attempt { .. } => Kind::Attempt,
            What::Heard => Kind::Heard,
            What::Adopt { .. } => Kind::Adopt,
        }
    }
}
