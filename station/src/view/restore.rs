//! What a line waits for before it signs again, and what the other side shows of our own log (`docs/protocol.md` §4.6): what a
//! person looks at before root opens an epoch.

use counterpart_core::line::restore::{Restore, Showing, Why};
use counterpart_core::line::span::Span;
use counterpart_core::record::log::Entry;
use serde::{Deserialize, Serialize};

use super::names::call_sign;
use super::{Moment, Sight};
use crate::words::Arg;

/// Entries told one by one of each part that is shown: the last ones.
const TOLD_MAX: usize = 20;

/// What a line waits for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RestoreView {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// The call sign of the other side.
    pub peer: String,
    /// The number of the epoch that serves.
    pub epoch: u64,
    /// nothing, peer, judgement, restored, branch, retired or unnamed.
    pub waits: String,
    /// The link is up.
    pub link_up: bool,
    /// Our station key in force, 64 hexadecimal digits.
    pub key: String,
    /// What the other side shows of our log that is not in it.
    pub shown: Vec<ShownView>,
    /// Entries that are named and that nobody has shown or sent.
    pub missing: Vec<MissingView>,
    /// All of that as sentences.
    pub sentences: Vec<String>,
    /// What to do, if there is anything.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none", default)]
    pub instead: Option<String>,
}

/// A part of our own log that the other side shows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ShownView {
    /// The number of the epoch.
    pub epoch: u64,
    /// The index of its first entry.
    pub from: u64,
    /// The index after its last.
    pub to: u64,
    /// Our station key in force at its end: whoever had it could have made it.
    pub key: String,
    /// It parts from the log that is held here, so it can only be kept.
    pub branch: bool,
    /// A person has refused it.
    pub refused: bool,
    /// The last of them, at most 20.
    pub entries: Vec<ShownEntry>,
}

/// One entry of ours that is shown.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ShownEntry {
    /// Its index.
    pub index: u64,
    /// Its type.
    pub kind: String,
    /// The time that it claims.
    pub time: Moment,
}

/// Entries that are named and not held.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MissingView {
    /// The number of the epoch.
    pub epoch: u64,
    /// They are ours.
    pub ours: bool,
    /// The first index.
    pub from: u64,
    /// The index after the last.
    pub to: u64,
}

/// What the line waits for, and what is shown.
pub fn restore(sight: &Sight<'_>, link_up: bool) -> RestoreView {
    let line = sight.line;
    let peer = call_sign(line, line.me().peer()).to_owned();
    let waits = line.restore();
    let shown: Vec<ShownView> = line.shown().iter().map(part).collect();
    let missing: Vec<MissingView> = line.spans().flat_map(|span| missing(span, &shown)).collect();
    let args = [("peer", Arg::from(peer.clone())), ("epoch", Arg::from(line.epoch().number.to_string()))];
    let id = sentence(waits, link_up);
    let mut sentences = vec![sight.telling.say(id, &args)];
    for part in &shown {
        sentences.extend(tell(sight, part));
    }
    sentences.extend(missing.iter().map(|missing| tell_missing(sight, missing)));
    RestoreView {
        line: line.id().to_string(),
        peer,
        epoch: line.epoch().number,
        waits: word(waits).into(),
        link_up,
        key: hexadecimal(line.signer().as_bytes()),
        shown,
        missing,
        sentences,
        instead: (waits != Restore::Nothing).then(|| sight.telling.words.say_do(id, &args)),
    }
}

fn word(waits: Restore) -> &'static str {
    match waits {
        Restore::Nothing => "nothing",
        Restore::Peer => "peer",
        Restore::Judgement => "judgement",
        Restore::Opening(Why::Restored) => "restored",
        Restore::Opening(Why::Branch) => "branch",
        Restore::Opening(Why::Retired) => "retired",
        Restore::Opening(Why::Unnamed) => "unnamed",
    }
}

fn sentence(waits: Restore, link_up: bool) -> &'static str {
    match waits {
        Restore::Nothing => "restore-nothing",
        Restore::Peer if link_up => "restore-peer-silent",
        Restore::Peer => "restore-peer",
        Restore::Judgement => "restore-judgement",
        Restore::Opening(Why::Restored) => "restore-restored",
        Restore::Opening(Why::Branch) => "restore-branch",
        Restore::Opening(Why::Retired) => "restore-retired",
        Restore::Opening(Why::Unnamed) => "restore-unnamed",
    }
}

fn part(showing: &Showing<'_>) -> ShownView {
    let told = showing.entries.len().saturating_sub(TOLD_MAX);
    ShownView {
        epoch: showing.epoch.number,
        from: showing.from,
        to: showing.head.size,
        key: hexadecimal(showing.key.as_bytes()),
        branch: showing.branch,
        refused: showing.refused,
        entries: showing.entries.iter().skip(told).map(entry).collect(),
    }
}

fn entry(entry: &Entry) -> ShownEntry {
    let kind = entry.header.kind().map_or("unknown", |kind| kind.word());
    ShownEntry { index: entry.header.own.size, kind: kind.into(), time: Moment(entry.header.time) }
}

fn missing(span: &Span, shown: &[ShownView]) -> Vec<MissingView> {
    let epoch = span.epoch().number;
    let (own, peer) = (span.own(), span.peer());
    let seen = shown.iter().filter(|part| part.epoch == epoch && !part.branch).map(|part| part.to).max();
    let ours = (seen.unwrap_or(0).max(own.size()), peer.named().size, true);
    let theirs = (peer.size(), own.named().size, false);
    let gap = |(from, to, ours)| (from < to).then_some(MissingView { epoch, ours, from, to });
    [ours, theirs].into_iter().filter_map(gap).collect()
}

fn tell(sight: &Sight<'_>, part: &ShownView) -> Vec<String> {
    let id = match (part.branch, part.refused) {
        (_, true) => "restore-shown-kept",
        (true, false) => "restore-shown-branch",
        (false, false) => "restore-shown",
    };
    let key: String = part.key.chars().take(16).collect();
    let args = [
        ("epoch", Arg::from(part.epoch.to_string())),
        ("from", part.from.to_string().into()),
        ("last", part.to.saturating_sub(1).to_string().into()),
        ("count", (part.to.saturating_sub(part.from)).into()),
        ("key", key.into()),
    ];
    let mut told = vec![sight.telling.say(id, &args)];
    for entry in &part.entries {
        let args = [
            ("index", Arg::from(entry.index.to_string())),
            ("kind", (&entry.kind).into()),
            ("time", sight.telling.both(entry.time.0).into()),
        ];
        told.push(sight.telling.say("restore-shown-entry", &args));
    }
    told
}

fn tell_missing(sight: &Sight<'_>, missing: &MissingView) -> String {
    let id = if missing.ours { "restore-missing-ours" } else { "restore-missing-theirs" };
    let args = [
        ("epoch", Arg::from(missing.epoch.to_string())),
        ("from", missing.from.to_string().into()),
        ("last", missing.to.saturating_sub(1).to_string().into()),
    ];
    sight.telling.say(id, &args)
}

fn hexadecimal(bytes: &[u8]) -> String {
    crate::api::sight::hexadecimal(bytes)
}
