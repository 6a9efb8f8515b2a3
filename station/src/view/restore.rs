//! What a line waits for before it signs again, and what the other side shows of our own log (`docs/protocol.md` §4.6): what a
//! person looks at before root opens an epoch.

use counterpart_core::ids::{Epoch, unhex};
use counterpart_core::line::Line;
use counterpart_core::line::restore::{Part, Restore, Showing, Why};
use counterpart_core::line::span::Span;
use counterpart_core::record::entry::Head;
use counterpart_core::record::log::Entry;
use counterpart_core::record::sign1::PublicKey;
use serde::{Deserialize, Serialize};

use super::names::call_sign;
use super::{Moment, Sight};
use crate::words::Arg;

/// Entries told one by one of each part that is shown: the last ones.
const TOLD_MAX: usize = 20;

/// The words of an entry that is shown, if they are at hand.
pub type Said<'a> = dyn Fn(&Entry) -> Option<String> + 'a;

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
    /// A part of what is shown, of any epoch, waits for a person.
    pub judges: bool,
    /// The link is up.
    pub link_up: bool,
    /// How long the other side was connected and showed nothing new of our log, in milliseconds, since the start.
    pub silent_ms: u64,
    /// Our station key in force, 64 hexadecimal digits.
    pub key: String,
    /// Our station key that the charter names.
    pub charter_key: String,
    /// Our root key that the charter names.
    pub root_key: String,
    /// The station key of the set that was drawn last here, if it serves nowhere on this line: if root's list names it last, no opening
    /// used that grant.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub drawn: Option<String>,
    /// What the other side shows of our log that is not in it.
    pub shown: Vec<ShownView>,
    /// Entries that are named and that nobody has shown or sent.
    pub missing: Vec<MissingView>,
    /// What it waits for as a sentence, then what is shown and what is missing.
    pub sentences: Vec<String>,
    /// What to do, if there is anything.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none", default)]
    pub instead: Option<String>,
}

/// A part of our own log that the other side shows, by where it ends: what a person's word is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartView {
    /// The number of the epoch.
    pub epoch: u64,
    /// The epoch's random bytes, 16 hexadecimal digits.
    pub id: String,
    /// The index after its last entry.
    pub to: u64,
    /// The root of our log at its end, 64 hexadecimal digits.
    pub root: String,
}

impl PartView {
    /// As it is sent back.
    pub fn of(part: &Part) -> PartView {
        let Part { epoch, head } = part;
        PartView { epoch: epoch.number, id: hexadecimal(&epoch.id), to: head.size, root: hexadecimal(&head.root) }
    }

    /// As the line knows it; `None` if its digits are none.
    pub fn part(&self) -> Option<Part> {
        let epoch = Epoch { number: self.epoch, id: unhex(&self.id)? };
        Some(Part { epoch, head: Head { size: self.to, root: unhex(&self.root)? } })
    }
}

/// A part of our own log that the other side shows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ShownView {
    /// What it is called: the first eight digits of the root at its end.
    pub name: String,
    /// Which it is.
    pub part: PartView,
    /// The index of its first entry.
    pub from: u64,
    /// Our station key in force at its end.
    pub key: String,
    /// The key that signed its last entry: whoever had it could have made it.
    pub signer: String,
    /// It parts from the log that is held here, so it can only be kept.
    pub branch: bool,
    /// It waits for a person.
    pub waits: bool,
    /// A person has said that it is not to be taken.
    pub refused: bool,
    /// The last of them, at most 20.
    pub entries: Vec<ShownEntry>,
    /// All of that as sentences.
    pub sentences: Vec<String>,
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
    /// The first 200 characters of its words, if they came.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub words: Option<String>,
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

/// What is known of the link of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Link {
    /// It is up.
    pub up: bool,
    /// How long the peer was connected and showed nothing new, in milliseconds.
    pub silent_ms: u64,
}

/// The entries that are told one by one and have words.
pub fn told(line: &Line) -> Vec<Entry> {
    let told =
        |showing: &Showing<'_>| last(showing).filter(|entry| entry.header.body.is_some()).cloned().collect::<Vec<_>>();
    line.shown().iter().flat_map(told).collect()
}

fn last<'a>(showing: &Showing<'a>) -> impl Iterator<Item = &'a Entry> + use<'a> {
    showing.entries.iter().skip(showing.entries.len().saturating_sub(TOLD_MAX))
}

/// Whether a station key of ours has signed nothing on this line that we hold or were shown.
fn is_unused(line: &Line, station: &[u8; 32]) -> bool {
    let key = PublicKey::from_bytes(*station);
    let held = line.spans().any(|span| span.own().key() == key);
    let shown = line.shown().iter().any(|shown| shown.key == key || shown.signer == key);
    line.signer() != key && !held && !shown
}

/// What the line waits for, and what is shown. `drawn` is the station key of the set that was drawn last for this record.
pub fn restore(sight: &Sight<'_>, link: Link, drawn: Option<[u8; 32]>, said: &Said<'_>) -> RestoreView {
    let line = sight.line;
    let peer = call_sign(line, line.me().peer()).to_owned();
    let waits = line.restore();
    let judges = line.awaits_judgement();
    let shown: Vec<ShownView> = line.shown().iter().map(|showing| part(sight, showing, said)).collect();
    let missing: Vec<MissingView> = line.spans().flat_map(|span| missing(span, &shown)).collect();
    let lasted = sight.telling.words.lasts(link.silent_ms);
    let epoch = line.epoch().number.to_string();
    let args = [("peer", Arg::from(peer.clone())), ("epoch", epoch.into()), ("lasted", lasted.into())];
    let id = sentence(waits, judges, link.up);
    let mut sentences = vec![sight.telling.say(id, &args)];
    sentences.extend(shown.iter().flat_map(|part| part.sentences.clone()));
    sentences.extend(missing.iter().map(|missing| tell_missing(sight, missing)));
    let founding = line.charter().party(line.me()).keys;
    RestoreView {
        line: line.id().to_string(),
        peer,
        epoch: line.epoch().number,
        waits: word(waits).into(),
        judges,
        link_up: link.up,
        silent_ms: link.silent_ms,
        key: hexadecimal(line.signer().as_bytes()),
        charter_key: hexadecimal(&founding.station),
        root_key: hexadecimal(&founding.root),
        drawn: drawn.filter(|station| is_unused(line, station)).map(|station| hexadecimal(&station)),
        shown,
        missing,
        sentences,
        instead: (waits != Restore::Nothing || judges).then(|| sight.telling.words.say_do(id, &args)),
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

fn sentence(waits: Restore, judges: bool, link_up: bool) -> &'static str {
    match waits {
        Restore::Nothing if judges => "restore-late",
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

fn part(sight: &Sight<'_>, showing: &Showing<'_>, said: &Said<'_>) -> ShownView {
    let part = PartView::of(&showing.part());
    let mut view = ShownView {
        name: part.root.chars().take(8).collect(),
        part,
        from: showing.from,
        key: hexadecimal(showing.key.as_bytes()),
        signer: hexadecimal(showing.signer.as_bytes()),
        branch: showing.branch,
        waits: showing.waits,
        refused: showing.refused,
        entries: last(showing).map(|shown| entry(shown, said)).collect(),
        sentences: Vec::new(),
    };
    view.sentences = tell(sight, &view);
    view
}

fn entry(entry: &Entry, said: &Said<'_>) -> ShownEntry {
    let kind = entry.header.kind().map_or("unknown", |kind| kind.word());
    let time = Moment(entry.header.time);
    ShownEntry { index: entry.header.own.size, kind: kind.into(), time, words: said(entry) }
}

fn missing(span: &Span, shown: &[ShownView]) -> Vec<MissingView> {
    let epoch = span.epoch().number;
    let (own, peer) = (span.own(), span.peer());
    let seen = shown.iter().filter(|shown| shown.part.epoch == epoch && !shown.branch).map(|shown| shown.part.to).max();
    let ours = (seen.unwrap_or(0).max(own.size()), peer.named().size, true);
    let theirs = (peer.size(), own.named().size, false);
    let gap = |(from, to, ours)| (from < to).then_some(MissingView { epoch, ours, from, to });
    [ours, theirs].into_iter().filter_map(gap).collect()
}

fn tell(sight: &Sight<'_>, shown: &ShownView) -> Vec<String> {
    let id = match (shown.waits, shown.refused, shown.branch) {
        (true, _, _) => "restore-shown",
        (false, true, _) => "restore-shown-kept",
        (false, false, true) => "restore-shown-branch",
        (false, false, false) => "restore-shown-ended",
    };
    let key: String = shown.signer.chars().take(16).collect();
    let args = [
        ("part", Arg::from(shown.name.clone())),
        ("epoch", shown.part.epoch.to_string().into()),
        ("from", shown.from.to_string().into()),
        ("last", shown.part.to.saturating_sub(1).to_string().into()),
        ("count", (shown.part.to.saturating_sub(shown.from)).into()),
        ("key", key.into()),
    ];
    let mut told = vec![sight.telling.say(id, &args)];
    for entry in &shown.entries {
        let args = [
            ("index", Arg::from(entry.index.to_string())),
            ("kind", (&entry.kind).into()),
            ("time", sight.telling.both(entry.time.0).into()),
        ];
        told.push(match &entry.words {
            None => sight.telling.say("restore-shown-entry", &args),
            Some(words) => {
                let args = args.into_iter().chain([("words", words.into())]).collect::<Vec<_>>();
                sight.telling.say("restore-shown-words", &args)
            }
        });
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
