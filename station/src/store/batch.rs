//! What one commit holds. Plain bytes and integers: `core` decides what they mean.

use super::People;

/// A line's id (§2.1).
pub type LineKey = [u8; 16];

/// The index of an entry is below this: an entry's place shares 63 bits with the number of its log.
pub const INDEX_MAX: u64 = 1 << 40;
/// Evidence kept for one line and one kind of misconduct, in items; the oldest go first. No kind halts a line more often than
/// it may have epochs, so that what halted one is never pushed out.
pub const EVIDENCE_MAX: u32 = 64;
/// Bytes kept of one item of evidence; no frame is larger.
pub const EVIDENCE_BYTES_MAX: usize = 65_536;
/// A token of a command, in bytes.
pub const TOKEN_BYTES_MAX: usize = 128;

/// An epoch of a line (§4.6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EpochKey {
    /// Its number.
    pub number: u64,
    /// Its random bytes.
    pub id: [u8; 8],
}

/// One of the two logs of a line in one epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LogKey {
    /// The line.
    pub line: LineKey,
    /// The epoch.
    pub epoch: EpochKey,
    /// Whose log: 0 the inviter's, 1 the joiner's.
    pub party: u8,
}

/// An entry, by where it stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EntryKey {
    /// The log.
    pub log: LogKey,
    /// Its index there, from 0.
    pub index: u64,
}

/// The thing that an entry belongs to, in the same line and epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ThingRef {
    /// Whose log opened it.
    pub party: u8,
    /// At which index.
    pub index: u64,
}

/// All that one turn writes; it is kept whole or not at all. It shows no bytes of bodies, so it has no `Debug`.
#[derive(Clone, Default)]
pub struct Batch {
    /// The time of the turn, in milliseconds since 1970 UTC: when the appended entries were stored.
    pub now: u64,
    /// The sizes of logs on which the turn was decided, appended to or not. One that differs makes the batch stale.
    pub expects: Vec<(LogKey, u64)>,
    /// Entries, each log's in the order of their indexes.
    pub appends: Vec<Append>,
    /// The heads of exactly the logs appended to, after all appends.
    pub heads: Vec<HeadUpdate>,
    /// Lines, new or changed. A line must be known before its first append; the same batch will do.
    pub lines: Vec<LineUpdate>,
    /// Misconduct to keep.
    pub evidence: Vec<Evidence>,
    /// Entries of our own logs that a peer showed; those already kept are kept once.
    pub shown: Vec<Showing>,
    /// Bodies of such entries, which came later than they did.
    pub bodies: Vec<LateBody>,
    /// What a person took, or did not take, of what was shown.
    pub judged: Vec<Judged>,
    /// Logs of ours into which entries were taken back from the peer: they are a copy's from now on (§4.6).
    pub restored: Vec<LogKey>,
    /// Lines on which our link key was shown to be retired, and up to which epoch that was shown; `None`: by an opened epoch it no
    /// longer is.
    pub retired: Vec<(LineKey, Option<u64>)>,
    /// Entries whose thing is known only now: what their authors had seen has come.
    pub folded: Vec<(EntryKey, ThingRef)>,
    /// Logs that are taken no further, each by the number of its misconduct (§3.6). The first one of a log stays.
    pub halts: Vec<(LogKey, u64)>,
    /// Acts of a peer, or asks that broke off, of which somebody here has taken note, and who.
    pub noted: Vec<(EntryKey, String)>,
    /// States of pairing ceremonies; `None` removes one.
    pub pairings: Vec<(LineKey, Option<Vec<u8>>)>,
    /// Settings; `None` removes one.
    pub settings: Vec<(String, Option<Vec<u8>>)>,
    /// Changes among users, sessions and links.
    pub people: Vec<People>,
}

/// One entry to append. Its index must be the size of its log at that point, or the batch is stale.
#[derive(Clone)]
pub struct Append {
    /// Where it goes.
    pub key: EntryKey,
    /// The entry exactly as signed.
    pub bytes: Vec<u8>,
    /// The body that came with it.
    pub body: Option<Vec<u8>>,
    /// The number of its type.
    pub kind: u64,
    /// The thing that it belongs to. One with an index beyond [`INDEX_MAX`] is kept as none: no such thing can exist.
    pub thing: Option<ThingRef>,
    /// The time that it claims, in milliseconds since 1970 UTC.
    pub claimed: u64,
    /// Who at home did it, if a person or a program did.
    pub actor: Option<Actor>,
}

/// An entry of our own log that a peer showed.
#[derive(Clone, PartialEq, Eq)]
pub struct Showing {
    /// On which line.
    pub line: LineKey,
    /// Exactly as signed.
    pub bytes: Vec<u8>,
    /// The body that came with it.
    pub body: Option<Vec<u8>>,
}

/// The body of an entry of our own log that a peer showed first without it. It has been held against the digest in the entry.
#[derive(Clone, PartialEq, Eq)]
pub struct LateBody {
    /// Where the entry stands in our log, if it was taken into it.
    pub key: EntryKey,
    /// The entry exactly as signed.
    pub bytes: Vec<u8>,
    /// Its body.
    pub body: Vec<u8>,
}

/// What a person took, or did not take, of a part of our own log that a peer showed. Never crosses the line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judged {
    /// On which line.
    pub line: LineKey,
    /// In which epoch.
    pub epoch: EpochKey,
    /// The size of our log at the end of the part.
    pub size: u64,
    /// Its root there.
    pub root: [u8; 32],
    /// Whether it was taken.
    pub taken: bool,
    /// Who judged.
    pub user: String,
}

/// Who at home did an act. Never crosses the line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// The user.
    pub user: String,
    /// The token of the command, at most 128 bytes; no two entries share one, so that a command repeated after a crash
    /// stands once. If a command makes several entries, the first carries it.
    pub token: Option<String>,
    /// SHA-256 of the command as it was given, so that a token that comes again with another is told from a repetition. `None`: it was
    /// not kept, and every command with the token is taken for that one.
    pub command: Option<[u8; 32]>,
}

/// The head of a log after a commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeadUpdate {
    /// The log.
    pub log: LogKey,
    /// Its size.
    pub size: u64,
    /// The right edge of its tree, as `core` writes it.
    pub edge: Vec<u8>,
    /// Its root.
    pub root: [u8; 32],
}

/// A line, new or changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineUpdate {
    /// Its id.
    pub id: LineKey,
    /// Its state, by a number that `core` gives.
    pub state: u8,
    /// Which party we are.
    pub me: u8,
    /// The charter in force, as encoded.
    pub charter: Vec<u8>,
    /// When we came to know it, in milliseconds since 1970 UTC. Kept from the first time.
    pub added: u64,
}

/// What a peer did against the protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evidence {
    /// The line on which it happened; zero if no line is known.
    pub line: LineKey,
    /// When, in milliseconds since 1970 UTC.
    pub at: u64,
    /// The name of the misconduct.
    pub kind: String,
    /// What it was, in words for the operator.
    pub detail: String,
    /// The bytes that show it; cut after [`EVIDENCE_BYTES_MAX`].
    pub bytes: Vec<u8>,
}
