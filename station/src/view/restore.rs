//! What a line waits for before it signs again, and what the other side shows of our own log (`docs/protocol.md` §4.6): what a
//! person looks at before root opens an epoch.

use counterpart_core::ids::{EntryRef, Epoch, unhex};
use counterpart_core::line::Line;
use counterpart_core::line::restore::{Part, Restore, Showing, Why};
use counterpart_core::line::span::Span;
use counterpart_core::record::entry::Head;
use counterpart_core::record::log::Entry;
use counterpart_core::record::sign1::PublicKey;
use serde::{Deserialize, Serialize};

use super::awaited::AwaitedView;
use super::names::call_sign;
use super::{Moment, Side, Sight};
use crate::words::Arg;

/// Entries told one by one of each part that is shown: the last ones.
const TOLD_MAX: usize = 20;
/// Entries told at once of one part that is looked at by itself.
const PAGE_MAX: usize = 100;
/// Characters told of the words of an entry, but of a part that is looked at by itself: there they are whole.
const WORDS_MAX: usize = 200;
/// Digits of the root in the name of a part.
const NAME_DIGITS: usize = 20;
/// Of these so many are enough, if no other part begins so.
const NAME_DIGITS_MIN: usize = 8;

/// Which entries of what is shown are told one by one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listing {
    /// The last of every part.
    Last,
    /// Of this part, from an index on; `None`: from its first entry on.
    Of(Part, Option<u64>),
}

impl Listing {
    fn is_of(&self, showing: &Showing<'_>) -> bool {
        match self {
            Listing::Last => true,
            Listing::Of(part, _) => showing.part() == *part,
        }
    }

    /// What is told of a part.
    fn of<'a>(&self, showing: &Showing<'a>) -> &'a [Entry] {
        let entries = showing.entries;
        let [from, until] = match self {
            Listing::Last => [entries.len().saturating_sub(TOLD_MAX), entries.len()],
            Listing::Of(_, from) => {
                let skipped = from.unwrap_or(0).saturating_sub(showing.from);
                let from = usize::try_from(skipped).unwrap_or(usize::MAX).min(entries.len());
                [from, from.saturating_add(PAGE_MAX).min(entries.len())]
            }
        };
        entries.get(from..until).unwrap_or_default()
    }

    fn words(&self, words: String) -> String {
        if *self == Listing::Last { words.chars().take(WORDS_MAX).collect() } else { words }
    }
}

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
    /// What it is called: where it ends, and the first 20 digits of the root there.
    pub fn name(&self) -> String {
        let digits: String = self.root.chars().take(NAME_DIGITS).collect();
        format!("{}-{digits}", self.to)
    }

    /// Whether `said` is its name, or the begin of that with at least 8 of the digits.
    pub fn is_called(&self, said: &str) -> bool {
        let digits = said.split_once('-').map_or(0, |(_, digits)| digits.len());
        digits >= NAME_DIGITS_MIN && self.name().starts_with(&said.to_lowercase())
    }

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
    /// What it is called: the index after its last entry, and the first 20 digits of the root at its end.
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
    /// What of it stands before this index counts in its ended epoch, though it is not in our log: the charter with which the other
    /// side closed that epoch names it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub counts: Option<u64>,
    /// The last of them, at most 20; of a part that is asked for by its name those from an index on, at most 100.
    pub entries: Vec<ShownEntry>,
    /// Where the entries of a part that is asked for by its name go on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<u64>,
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
    /// Its words, if they came: the first 200 characters; of a part that is asked for by its name all.
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
    /// A charter that closed the epoch names them, and no entry does: why that epoch is not settled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unsettled: Option<String>,
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
pub fn told(line: &Line, listing: Listing) -> Vec<Entry> {
    let shown = line.shown();
    let told = shown.iter().filter(|showing| listing.is_of(showing)).flat_map(|showing| listing.of(showing));
    told.filter(|entry| entry.header.body.is_some()).cloned().collect()
}

/// Whether a station key of ours has signed nothing on this line that we hold or were shown.
fn is_unused(line: &Line, station: &[u8; 32]) -> bool {
    let key = PublicKey::from_bytes(*station);
    let held = line.spans().any(|span| span.own().key() == key);
    let shown = line.shown().iter().any(|shown| shown.key == key || shown.signer == key);
    line.signer() != key && !held && !shown
}

/// What the line waits for, and what is shown. `drawn` is the station key of the set that was drawn last for this record.
pub fn restore(
    sight: &Sight<'_>,
    link: Link,
    drawn: Option<[u8; 32]>,
    listing: Listing,
    said: &Said<'_>,
) -> RestoreView {
    let line = sight.line;
    let peer = call_sign(line, line.me().peer()).to_owned();
    let waits = line.restore();
    let judges = line.awaits_judgement();
    let all = line.shown();
    let missing = all_missing(sight, &all);
    let listed = all.iter().filter(|showing| listing.is_of(showing));
    let shown: Vec<ShownView> = listed.map(|showing| part(sight, showing, listing, said)).collect();
    let lasted = sight.telling.words.lasts(link.silent_ms);
    let epoch = line.epoch().number.to_string();
    let args = [("peer", Arg::from(peer.clone())), ("epoch", epoch.into()), ("lasted", lasted.into())];
    // What was not taken of the log that serves holds us back as another course of it does.
    let serving = all.iter().filter(|shown| shown.epoch >= line.epoch());
    let refused = serving.clone().any(|shown| shown.refused) && !serving.clone().any(|shown| shown.branch);
    let id = sentence(waits, judges, link.up, refused);
    let mut sentences = vec![sight.telling.say(id, &args)];
    sentences.extend(shown.iter().flat_map(|part| part.sentences.clone()));
    if listing == Listing::Last {
        sentences.extend(missing.iter().map(|missing| tell_missing(sight, missing)));
    }
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

fn sentence(waits: Restore, judges: bool, link_up: bool, refused: bool) -> &'static str {
    match waits {
        Restore::Nothing if judges => "restore-late",
        Restore::Nothing => "restore-nothing",
        Restore::Peer if link_up => "restore-peer-silent",
        Restore::Peer => "restore-peer",
        Restore::Judgement => "restore-judgement",
        Restore::Opening(Why::Restored) => "restore-restored",
        Restore::Opening(Why::Branch) if refused => "restore-not-taken",
        Restore::Opening(Why::Branch) => "restore-branch",
        Restore::Opening(Why::Retired) => "restore-retired",
        Restore::Opening(Why::Unnamed) => "restore-unnamed",
    }
}

fn part(sight: &Sight<'_>, showing: &Showing<'_>, listing: Listing, said: &Said<'_>) -> ShownView {
    let part = PartView::of(&showing.part());
    let entries: Vec<ShownEntry> = listing.of(showing).iter().map(|shown| entry(shown, listing, said)).collect();
    let next = entries.last().map(|last| last.index + 1).filter(|next| *next < part.to && listing != Listing::Last);
    let mut view = ShownView {
        name: part.name(),
        part,
        from: showing.from,
        key: hexadecimal(showing.key.as_bytes()),
        signer: hexadecimal(showing.signer.as_bytes()),
        branch: showing.branch,
        waits: showing.waits,
        refused: showing.refused,
        counts: showing.counts,
        entries,
        next,
        sentences: Vec::new(),
    };
    view.sentences = tell(sight, &view, listing);
    view
}

fn entry(entry: &Entry, listing: Listing, said: &Said<'_>) -> ShownEntry {
    let kind = entry.header.kind().map_or("unknown", |kind| kind.word());
    let time = Moment(entry.header.time);
    ShownEntry {
        index: entry.header.own.size,
        kind: kind.into(),
        time,
        words: said(entry).map(|words| listing.words(words)),
    }
}

/// What entries name and is not held, then what only a charter names.
fn all_missing(sight: &Sight<'_>, shown: &[Showing<'_>]) -> Vec<MissingView> {
    let mut all: Vec<MissingView> = sight.line.spans().flat_map(|span| missing(span, shown)).collect();
    for AwaitedView { epoch, log, held: from, named: to, sentence, .. } in sight.heads_awaited() {
        let ours = log == Side::Ours;
        let known = all.iter().any(|m| (m.epoch, m.ours) == (epoch, ours) && m.to >= to);
        if from < to && !known {
            all.push(MissingView { epoch, ours, from, to, unsettled: Some(sentence) });
        }
    }
    all
}

fn missing(span: &Span, shown: &[Showing<'_>]) -> Vec<MissingView> {
    let epoch = span.epoch().number;
    let (own, peer) = (span.own(), span.peer());
    let of_it = shown.iter().filter(|shown| shown.epoch == span.epoch() && !shown.branch);
    let seen = of_it.map(|shown| shown.head.size).max();
    let ours = (seen.unwrap_or(0).max(own.size()), peer.named().size, true);
    let theirs = (peer.size(), own.named().size, false);
    let gap = |(from, to, ours)| (from < to).then_some(MissingView { epoch, ours, from, to, unsettled: None });
    [ours, theirs].into_iter().filter_map(gap).collect()
}

fn tell(sight: &Sight<'_>, shown: &ShownView, listing: Listing) -> Vec<String> {
    let in_force = shown.signer == hexadecimal(sight.line.signer().as_bytes());
    let id = match (shown.waits, shown.refused, shown.branch) {
        (true, _, _) => "restore-shown",
        (false, true, _) => "restore-shown-kept",
        (false, false, true) => "restore-shown-branch",
        (false, false, false) if in_force => "restore-shown-unopened",
        (false, false, false) => "restore-shown-ended",
    };
    let key: String = shown.signer.chars().take(16).collect();
    let count = shown.part.to.saturating_sub(shown.from);
    let args = [
        ("part", Arg::from(shown.name.clone())),
        ("epoch", shown.part.epoch.to_string().into()),
        ("from", shown.from.to_string().into()),
        ("last", shown.part.to.saturating_sub(1).to_string().into()),
        ("count", count.into()),
        ("key", key.into()),
    ];
    let mut told = vec![sight.telling.say(id, &args)];
    told.extend(shown.counts.map(|counts| tell_counts(sight, &shown.part, counts, shown.refused)));
    for entry in &shown.entries {
        let args = [
            ("index", Arg::from(entry.index.to_string())),
            ("kind", sight.telling.words.coded_kind(&entry.kind).said.into()),
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
    let line: String = sight.line.id().to_string().chars().take(8).collect();
    let of_part = [("part", Arg::from(shown.name.clone())), ("line", line.into())];
    if listing == Listing::Last && (shown.waits || count > shown.entries.len() as u64) {
        told.push(sight.telling.say("restore-shown-all", &of_part));
    }
    told.extend(shown.next.map(|next| {
        let more = [("from", Arg::from(next.to_string()))];
        sight.telling.say("restore-shown-more", &[of_part.as_slice(), more.as_slice()].concat())
    }));
    told
}

/// That a part counts in its epoch though it is not in our log.
fn tell_counts(sight: &Sight<'_>, part: &PartView, counts: u64, refused: bool) -> String {
    let id = if refused { "restore-counts-not-taken" } else { "restore-counts" };
    let args = [
        ("part", Arg::from(part.name())),
        ("epoch", part.epoch.to_string().into()),
        ("last", counts.saturating_sub(1).to_string().into()),
    ];
    sight.telling.say(id, &args)
}

/// What counts in the epoch that is looked at though it is not in our log, a sentence each (`docs/protocol.md` §4.6).
pub fn counting(sight: &Sight<'_>) -> Vec<String> {
    let shown = sight.line.shown();
    let here = shown.iter().filter(|shown| shown.epoch == sight.epoch);
    let told =
        |shown: &Showing<'_>| Some(tell_counts(sight, &PartView::of(&shown.part()), shown.counts?, shown.refused));
    here.filter_map(told).collect()
}

/// Whether an entry counts in the epoch that is looked at by the word of the other side's charter alone: it is not in our log.
pub fn counts_by_them(sight: &Sight<'_>, at: EntryRef) -> bool {
    let of = |shown: &Showing<'_>| {
        shown.epoch == sight.epoch && shown.counts.is_some_and(|counts| (shown.from..counts).contains(&at.index))
    };
    at.party == sight.line.me() && sight.line.shown().iter().any(of)
}

fn tell_missing(sight: &Sight<'_>, missing: &MissingView) -> String {
    if let Some(sentence) = &missing.unsettled {
        return sentence.clone();
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_called_by_its_name_or_by_the_begin_of_it_with_eight_digits_or_more() {
        let part = |root: &str| PartView { epoch: 0, id: "00".repeat(8), to: 57, root: format!("{root:0<64}") };
        let [one, other] = ["1f0c77a2b3d4e5f60718", "1f0c77a2b3d4e5f60719"].map(part);

        assert_eq!(one.name(), "57-1f0c77a2b3d4e5f60718");
        for said in ["57-1f0c77a2", "57-1F0C77A2B3", "57-1f0c77a2b3d4e5f60718"] {
            assert!(one.is_called(said), "{said}");
        }
        for said in
            ["", "57", "57-", "57-1f0c77a", "1f0c77a2b3d4", "5-71f0c77a2", "57-2f0c77a2", "57-1f0c77a2b3d4e5f607180"]
        {
            assert!(!one.is_called(said), "{said}");
        }
        // Which of two is meant is said by more of its digits.
        let called = |said: &str| [&one, &other].map(|part| part.is_called(said));
        assert_eq!((called("57-1f0c77a2"), called("57-1f0c77a2b3d4e5f60719")), ([true, true], [false, true]));
    }
}
