//! The record: both logs of a line in one order ([`super::order`]), with what each entry had seen and what it is worth.

use counterpart_core::ids::{EntryRef, Party};
use counterpart_core::line::facts::Standing;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::{
    Channel, CheckBy, Clause, Code, Deadline, EndReason, Instrument, LineState, Mode, OnSilence, Part,
};
use counterpart_core::record::entry::{BodyRef, Header};
use counterpart_core::record::log::Entry;
use counterpart_core::record::what::{Unread, What};
use serde::{Deserialize, Serialize};

use super::restore::counting;
use super::{ByWord, Moment, Named, Said, Side, Sight, Window};
use crate::words::Why;

/// A page of the record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RecordView {
    /// Our call sign, and theirs.
    pub call_signs: [String; 2],
    /// IANA names of our zone and theirs, by which times are told; UTC where one is empty or not known.
    pub zones: [String; 2],
    /// Entries of both logs together.
    pub total: u64,
    /// How many come before this page.
    pub offset: u64,
    /// Where the next page begins; absent on the last.
    pub next: Option<u64>,
    /// In merge order: what an entry had seen stands before it.
    pub entries: Vec<RecordEntry>,
    /// What counts in this epoch though it is not in our log, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
}

/// One entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RecordEntry {
    /// Its place and its name.
    pub entry: Named,
    /// Its index in its log: "#n".
    pub index: u64,
    /// Whose log.
    pub side: Side,
    /// Its type; "unknown 77" for one that this version of the rules has not.
    pub kind: String,
    /// What it acts on.
    pub refers: Option<Named>,
    /// When, by its author's clock.
    pub time: Moment,
    /// The size of the other log that its author held.
    pub saw: u64,
    /// "counts", "void" or "unknown".
    pub standing: String,
    /// Why it is void.
    pub why: Option<Why>,
    /// The author's post.
    pub from: Option<String>,
    /// Its counterpart.
    pub to: Option<String>,
    /// How urgent.
    pub precedence: Option<ByWord<Precedence>>,
    /// What for.
    pub mark: Option<ByWord<Mark>>,
    /// Valid-until, answer-by or recall-until.
    pub deadline: Option<Moment>,
    /// What else it says.
    pub args: Args,
    /// "none", "held", "lacking", "deniable"; "changed": what is kept is not what was signed.
    pub words: String,
    /// Its words, if they were asked for and are held.
    pub said: Option<Said>,
}

/// What an entry says beside its common fields, as far as its type has it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of `docs/protocol.md` §3.3")]
pub struct Args {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<ByWord<Code>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<ByWord<Mode>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<ByWord<Channel>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<ByWord<LineState>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<ByWord<CheckBy>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clause: Option<ByWord<Clause>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lapsed: Option<ByWord<Deadline>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_silence: Option<ByWord<OnSilence>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instrument: Option<ByWord<Instrument>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub posts: Vec<String>,
    /// Of a `joined`: as what the first of that side was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<ByWord<Part>>,
    /// Of an `ended`: which side ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<Side>,
    /// Of an `ended`: why it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ByWord<EndReason>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
}

/// Which part of the record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum From {
    /// After so many entries.
    Offset(u64),
    /// At this entry; an entry that is not there begins at the end.
    Entry(EntryRef),
    /// So that the last entries are on the page.
    Last,
}

/// A page to be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// Where it begins.
    pub from: From,
    /// Entries on it.
    pub limit: usize,
    /// Whether the words of the entries are on it too.
    pub with_words: bool,
}

/// Some of the record, in merge order.
#[derive(Clone, Debug, Default)]
pub struct Stretch {
    /// Entries of both logs together.
    pub total: u64,
    /// How many stand before these.
    pub offset: u64,
    /// The entries.
    pub entries: Vec<Entry>,
}

impl Page {
    /// From which position to which, of a record of so many entries; `position` answers where an entry stands.
    ///
    /// # Errors
    /// What `position` answers.
    pub fn span<E>(&self, total: u64, position: impl FnOnce(EntryRef) -> Result<u64, E>) -> Result<[u64; 2], E> {
        let limit = self.limit as u64;
        let from = match self.from {
            From::Offset(offset) => offset.min(total),
            From::Entry(at) => position(at)?,
            From::Last => total.saturating_sub(limit),
        };
        Ok([from, from.saturating_add(limit).min(total)])
    }
}

/// A page of the record.
pub fn record(sight: &Sight<'_>, stretch: &Stretch, with_words: bool) -> RecordView {
    let entries: Vec<RecordEntry> = stretch.entries.iter().map(|e| entry(sight, &e.header, with_words)).collect();
    let next = stretch.offset + entries.len() as u64;
    RecordView {
        call_signs: [Side::Ours, Side::Theirs].map(|side| sight.call_sign(side)),
        zones: sight.zones(),
        total: stretch.total,
        offset: stretch.offset,
        next: (next < stretch.total).then_some(next),
        entries,
        notes: counting(sight),
    }
}

/// One entry, as it is worth now.
pub fn entry(sight: &Sight<'_>, header: &Header, with_words: bool) -> RecordEntry {
    let at = header.at();
    let span = sight.line.span(sight.epoch);
    let standing = span.map_or(Standing::Waits, |span| span.facts().standing(at));
    let (standing, why) = match standing {
        Standing::Counts => ("counts", None),
        Standing::Void(bar) => ("void", Some(sight.bar(&bar))),
        Standing::Unknown => ("unknown", None),
        Standing::Waits => ("waits", None),
    };
    let said = sight.said(at);
    let words = match (&header.body, &said) {
        (_, Some(said)) if said.changed => "changed",
        (None, _) => "none",
        (Some(BodyRef::Deniable), _) => "deniable",
        (Some(BodyRef::Attested(_)), Some(_)) => "held",
        (Some(BodyRef::Attested(_)), None) => "lacking",
    };
    RecordEntry {
        entry: sight.named(at),
        index: at.index,
        side: sight.side(at.party),
        kind: kind(header),
        refers: header.refers.map(|at| sight.named(at)),
        time: Moment(header.time),
        saw: header.held.size,
        standing: standing.into(),
        why,
        from: header.from.as_ref().map(|p| p.to_string()),
        to: header.to.as_ref().map(|p| p.to_string()),
        precedence: header.precedence.map(ByWord),
        mark: header.mark.map(ByWord),
        deadline: header.deadline.map(Moment),
        args: header.what.as_ref().map(|what| args(what, |party| sight.side(party))).unwrap_or_default(),
        words: words.into(),
        said: said.filter(|_| with_words),
    }
}

fn kind(header: &Header) -> String {
    match &header.what {
        Err(Unread::UnknownType(number)) => format!("unknown {number}"),
        Err(Unread::UnknownKey(key)) => format!("unknown key {key}"),
        _ => header.kind().map(|k| k.word().to_owned()).unwrap_or_default(),
    }
}

fn args(what: &What, side: impl Fn(Party) -> Side) -> Args {
    let none = Args::default();
    match what {
        What::State { state, until } => Args { state: Some(ByWord(*state)), until: until.map(Moment), ..none },
        What::Check { by } => Args { by: Some(ByWord(*by)), ..none },
        What::Overdue { clause } => Args { clause: Some(ByWord(*clause)), ..none },
        What::Ask { mode, private } => Args { mode: Some(ByWord(*mode)), private: Some(*private), ..none },
        What::Alerting { channel } => Args { channel: Some(ByWord(*channel)), ..none },
        What::Defer { code, until } => Args { code: Some(ByWord(*code)), until: until.map(Moment), ..none },
        What::Decline { code } | What::Cancel { code } => Args { code: Some(ByWord(*code)), ..none },
        What::Lapse { deadline } => Args { lapsed: Some(ByWord(*deadline)), ..none },
        What::Offer { windows, on_silence, code } => {
            let windows = windows.iter().map(|o| Window { zone: Some(o.zone.clone()), ..Window::of(o.window) });
            let (on_silence, code) = (Some(ByWord(*on_silence)), code.map(ByWord));
            Args { windows: windows.collect(), on_silence, code, ..none }
        }
        What::Joined { part } => Args { part: Some(ByWord(*part)), ..none },
        What::Ended { by, reason } => Args { ended_by: Some(side(*by)), reason: Some(ByWord(*reason)), ..none },
        What::Accept { window } => Args { windows: window.map(Window::of).into_iter().collect(), ..none },
        What::Talk { when, instrument, posts } => Args {
            windows: vec![Window::of(*when)],
            instrument: Some(ByWord(*instrument)),
            posts: posts.iter().map(|p| p.to_string()).collect(),
            ..none
        },
        What::Sheet { when, posts, languages } => Args {
            windows: vec![Window::of(*when)],
            posts: posts.iter().map(|p| p.to_string()).collect(),
            languages: languages.clone(),
            ..none
        },
        _ => none,
    }
}

#[cfg(test)]
mod tests {
    use counterpart_core::ids::Party;

    use super::*;
    use crate::view::trial::Trial;

    fn names(view: &RecordView) -> Vec<&str> {
        view.entries.iter().map(|e| e.entry.at.as_str()).collect()
    }

    const ALL: Page = Page { from: From::Offset(0), limit: 100, with_words: true };

    #[test]
    fn what_an_entry_had_seen_stands_before_it_and_of_two_the_lower_party_comes_first() {
        let mut trial = Trial::new();
        let ask = trial.ask(Party::Inviter);
        trial.ask(Party::Joiner);
        trial.carry();
        trial.seen(ask);
        trial.carry();

        let views = Party::BOTH.map(|party| trial.record(party, ALL));
        let [ours, theirs] = views.each_ref().map(names);
        assert_eq!(ours, theirs, "both sides tell one order");
        let place = |at: &str| ours.iter().position(|e| *e == at).unwrap();
        assert!(place("0:1") < place("1:3"), "the ask before what saw it");
        assert!(place("0:1") < place("1:1"), "of two that had not seen each other the inviter's comes first");
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_repetition() {
        let mut trial = Trial::new();
        for _ in 0..3 {
            trial.ask(Party::Inviter);
            trial.ask(Party::Joiner);
            trial.carry();
        }

        let whole = trial.record(Party::Inviter, ALL);
        let (mut paged, mut next) = (Vec::new(), Some(0));
        while let Some(offset) = next {
            let page = trial.record(Party::Inviter, Page { from: From::Offset(offset), limit: 3, ..ALL });
            next = page.next;
            paged.extend(page.entries);
        }
        assert_eq!(paged, whole.entries);
        let last = trial.record(Party::Inviter, Page { from: From::Last, limit: 2, ..ALL });
        assert_eq!(last.entries, whole.entries[whole.entries.len() - 2..]);
        let from = From::Entry(EntryRef { party: Party::Joiner, index: 1 });
        assert_eq!(trial.record(Party::Inviter, Page { from, ..ALL }).entries[0].entry.at, "1:1");
    }

    #[test]
    fn a_void_entry_stands_in_the_record_with_the_reason() {
        let mut trial = Trial::new();
        let ask = trial.ask(Party::Inviter);
        trial.carry();
        trial.seen(ask);
        trial.forge_second_seen(ask);

        let view = trial.record(Party::Inviter, ALL);
        let void = view.entries.last().unwrap();
        assert_eq!((void.kind.as_str(), void.standing.as_str()), ("seen", "void"));
        let why = void.why.as_ref().unwrap();
        assert_eq!((why.code.as_str(), why.why.as_str()), ("bar-already", "It has been done, by Sundmark #2."));
    }

    #[test]
    fn words_are_shown_when_they_were_asked_for_and_said_to_be_lacking_when_they_are_not_held() {
        let mut trial = Trial::new();
        trial.ask(Party::Inviter);
        trial.carry();

        let with = trial.record(Party::Joiner, ALL);
        let ask = with.entries.iter().find(|e| e.kind == "ask").unwrap();
        assert_eq!((ask.words.as_str(), ask.said.as_ref().unwrap().text.as_str()), ("held", "the tanker adrift"));
        let without = trial.record(Party::Joiner, Page { with_words: false, ..ALL });
        assert!(without.entries.iter().all(|e| e.said.is_none()));
        trial.bodies.clear();
        let lacking = trial.record(Party::Joiner, ALL);
        assert_eq!(lacking.entries.iter().find(|e| e.kind == "ask").unwrap().words, "lacking");
    }
}
