//! How often each thing arose, and the list of those that cannot.

use std::collections::BTreeMap;

use counterpart_core::fault::{Bar, Misconduct, Refusal};
use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::line::Line;
use counterpart_core::line::facts::Standing;
use counterpart_core::line::restore::{Restore, Why};
use counterpart_core::line::turn::Written;
use counterpart_core::record::codes::Deadline;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::opening::Opening;
use counterpart_core::record::what::What;
use counterpart_core::time::Timestamp;

use crate::plan::Kind as Seeds;
use crate::station::{Kept, Tentative};

/// How often each thing arose.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// It arose.
    pub fn note(&mut self, what: impl Into<String>) {
        self.add(what, 1);
    }

    /// It arose so many times.
    pub fn add(&mut self, what: impl Into<String>, times: u64) {
        *self.0.entry(what.into()).or_default() += times;
    }

    /// How often it arose.
    pub fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    /// Adds those of another seed.
    pub fn merge(&mut self, other: &Counts) {
        for (what, times) in &other.0 {
            self.add(what.clone(), *times);
        }
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(what, times)| (what.as_str(), *times))
    }

    /// What should have arisen in seeds of a kind and did not.
    pub fn missing(&self, of: Seeds) -> Vec<String> {
        let expected = match of {
            Seeds::Ordinary => expected(),
            Seeds::Restored => of_copies(),
            Seeds::Twins => of_twins(),
        };
        expected.into_iter().filter(|what| self.of(what) == 0).collect()
    }
}

/// The name of a variant, without what it carries.
pub fn name(variant: &impl std::fmt::Debug) -> String {
    let shown = format!("{variant:?}");
    shown.split(['(', ' ', '{']).next().unwrap_or_default().into()
}

/// How a refusal is counted.
pub fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Barred(bar) => format!("refused {}", name(bar)),
        other => format!("refused {}", name(other)),
    }
}

/// Counts what an entry is worth.
pub fn of_entry(counts: &mut Counts, written: &Written) {
    match written.standing {
        Standing::Counts => {}
        Standing::Void(bar) => counts.note(format!("void {}", name(&bar))),
        Standing::Unknown => counts.note("unknown"),
        Standing::Waits => counts.note("waits"),
    }
    if !written.entry.header.lacking.is_empty() {
        counts.note("lacking");
    }
}

/// Counts what a commit did about copies and epochs.
pub fn of_restore(counts: &mut Counts, kept: &Kept, tentative: &Tentative) {
    let me = kept.line.me();
    for w in &tentative.written {
        let own = w.entry.header.party == me;
        if w.taken_back {
            counts.note("taken back");
        }
        if !own && w.epoch < kept.line.epoch() {
            counts.note("late entry kept");
        }
        let Ok(What::Charter(args)) = &w.entry.header.what else { continue };
        if own && !w.taken_back && matches!(Opening::read(args), Some(Opening::Joined { .. })) {
            counts.note("joined");
        }
    }
    if let Some(Some(_)) = tentative.retired {
        counts.note("retired");
    }
    if let Some(opened) = tentative.opened {
        counts.note(match opened.because {
            Restore::Nothing => "opened Needless".into(),
            Restore::Peer => format!("opened {:?}", opened.word),
            Restore::Judgement => "opened Restored".into(),
            Restore::Opening(why) => format!("opened {why:?}"),
        });
    }
}

/// Counts what became of the requests of a line.
pub fn of_line(counts: &mut Counts, line: &Line) {
    for span in line.spans() {
        of_epoch(counts, line, span.epoch());
    }
    let refused = line.shown().iter().filter(|shown| shown.refused).count();
    counts.add("refused part", refused as u64);
}

fn of_epoch(counts: &mut Counts, line: &Line, epoch: Epoch) {
    let (Some(view), Some(span)) = (line.look(epoch), line.span(epoch)) else { return };
    for ask in Party::BOTH.into_iter().flat_map(|party| view.asks(party)) {
        counts.note(format!("outcome {}", view.decision(ask).outcome.word()));
        let talk = view.talk(ask).state.word();
        if !talk.is_empty() {
            counts.note(format!("talk {talk}"));
        }
        if view.partner(ask.at).is_some() {
            counts.note("concerted");
        }
    }
    counts.add("entries", Party::BOTH.into_iter().map(|party| span.log(party).size()).sum());
}

/// What a person cannot be refused here, and why. Reviewed: a line goes when the code that makes it possible comes.
pub const NEVER_REFUSED: [(&str, &str); 19] = [
    ("TooMany", "a seed has some hundred acts; core's own tests show it"),
    ("Met", "people do not write `overdue`; the station writes none that is met"),
    ("NotJoined", "`ended` comes with voice"),
    ("NothingNew", "nobody asks for `received`, and the station writes none that names nothing"),
    ("NotAtIndexZero", "no act becomes a charter, and a log is opened once"),
    ("AmendMismatch", "`amend` comes later"),
    ("TooEarly", "the station waits by itself; no act writes a lapse"),
    ("NotEven", "the station waits by itself; no act writes a lapse"),
    ("EpochEnded", "only where stations are put back to backups"),
    ("MoreBrokeOff", "whoever takes note here names what rings then; core's own tests show it"),
    ("AwaitsPeer", "only where stations are put back to backups"),
    ("AwaitsJudgement", "only where stations are put back to backups"),
    ("PartNotWaiting", "only where stations are put back to backups"),
    ("PartsConflict", "the person names parts that exclude one another only in core's own tests"),
    ("KeyNotHeld", "who lacks a key was restored, and is told so; core's own tests show it"),
    ("NotRoot", "root is brought by whoever has it; core's own tests show it"),
    ("TooManyEpochs", "a seed has few epochs; core's own tests show it"),
    ("LacksRules", "no version 2 of the rules is agreed to here; core's own tests show it"),
    ("UnknownLine", "the station says it, before a line is asked"),
];

/// What a peer's entry cannot be void for here, and why.
pub const NEVER_VOID: [(&str, &str); 1] = [("TooMany", "a seed has some hundred acts; core's own tests show it")];

/// What a peer cannot be named for here, and why.
pub const NEVER_NAMED: [(&str, &str); 4] = [
    ("OtherCharter", "named in pairing; simulated stations are paired already"),
    ("StaleGrant", "`key` entries are written by a later issue; core's own tests show it"),
    ("VoiceFlood", "simulated stations have no calls; core's own tests show it"),
    ("MalformedVoice", "simulated stations have no calls; core's own tests show it"),
];

/// One of each bar; a test holds this list to `core`'s own.
fn bars() -> Vec<Bar> {
    let at = EntryRef { party: Party::Inviter, index: 0 };
    vec![
        Bar::NoSuchThing,
        Bar::Closed { thing: at, by: at },
        Bar::StillOpen(at),
        Bar::NotOwner(at),
        Bar::OwnThing(at),
        Bar::Already(at),
        Bar::TooManyOpen,
        Bar::TooMany(at),
        Bar::OfferOpen(at),
        Bar::NotSuspended,
        Bar::Met,
        Bar::NotOffered,
        Bar::WindowMismatch,
        Bar::Unsettled,
        Bar::NoTalk,
        Bar::WordSaid(at),
        Bar::TheirWord(at),
        Bar::BeforeStart(Timestamp(0)),
        Bar::NotJoined,
        Bar::Retracted(at),
        Bar::LineClosed(at),
        Bar::UnknownPost,
        Bar::PrecedenceTooHigh,
        Bar::NothingNew,
        Bar::NotAtIndexZero,
        Bar::AmendMismatch,
        Bar::Malformed(Kind::Ask),
    ]
}

fn refusals() -> Vec<Refusal> {
    vec![
        Refusal::InThePast(Timestamp(0)),
        Refusal::AfterWindows(Timestamp(0)),
        Refusal::TooEarly(Deadline::AnswerBy, Timestamp(0)),
        Refusal::NotEven,
        Refusal::TooLong(0),
        Refusal::LineNotOpen,
        Refusal::Restored,
        Refusal::LacksRules(2),
        Refusal::EpochEnded,
        Refusal::MoreBrokeOff,
        Refusal::KeyNotHeld,
        Refusal::AwaitsPeer,
        Refusal::AwaitsJudgement,
        Refusal::PartNotWaiting,
        Refusal::PartsConflict,
        Refusal::NotRoot,
        Refusal::TooManyEpochs,
        Refusal::UnknownLine,
    ]
}

/// Everything that must have arisen over two thousand seeds.
fn expected() -> Vec<String> {
    let outcomes = ["OPEN", "ANSWERED", "AGREED", "DECLINED", "WITHDRAWN", "LAPSED", "CROSSED"];
    let talks = ["PLANNED", "JOINED", "CANCELLED", "MISSED", "STATED", "TALKED", "CROSSED"];
    let events = ["concerted", "halt", "unknown", "lacking", "partition", "crash before commit", "crash after commit"];
    let mut all: Vec<String> = outcomes.iter().map(|o| format!("outcome {o}")).collect();
    all.extend(talks.iter().map(|t| format!("talk {t}")));
    all.extend(events.iter().map(|e| (*e).into()));
    all.extend(["commit failed", "clock jumped", "connection broken"].map(String::from));
    all.extend(["a closing rings", "a text rings on a closed line"].map(String::from));
    let never = |list: &[(&str, &str)], what: &str| list.iter().any(|(n, _)| *n == what);
    for bar in bars().iter().map(name) {
        all.extend((!never(&NEVER_VOID, &bar)).then(|| format!("void {bar}")));
        all.extend((!never(&NEVER_REFUSED, &bar)).then(|| format!("refused {bar}")));
    }
    let others = refusals().iter().map(name).filter(|r| !never(&NEVER_REFUSED, r)).collect::<Vec<_>>();
    all.extend(others.iter().map(|r| format!("refused {r}")));
    let named = (1..).map_while(Misconduct::from_number).map(|m| name(&m));
    all.extend(named.filter(|m| !never(&NEVER_NAMED, m)).map(|m| format!("misconduct {m}")));
    all
}

/// Everything that must arise, beside that, where stations are put back to backups.
fn of_copies() -> Vec<String> {
    let copies = ["backup", "restored", "restored unmarked", "shown kept", "taken back", "refused part", "retired"];
    let epochs = ["joined", "late entry kept", "meeting", "vouched", "let go", "opened Dark", "opened Needless"];
    let refused = ["refused Restored", "refused EpochEnded", "refused AwaitsPeer", "refused AwaitsJudgement"];
    let withheld = ["withheld", "opened Withheld"];
    let all = copies.into_iter().chain(epochs).chain(withheld).chain(refused);
    let mut all: Vec<String> = all.map(String::from).collect();
    let why = [Why::Restored, Why::Branch, Why::Retired, Why::Unnamed];
    all.extend(why.iter().map(|why| format!("opened {why:?}")));
    all.extend(["outcome BROKEN OFF", "what broke off rings", "what broke off is noted"].map(String::from));
    all
}

/// Everything that must arise where two copies of a station live at once.
fn of_twins() -> Vec<String> {
    let live = ["two copies", "the other copy is met", "signed at a place where another copy has signed"];
    let found = ["a fork is named", "a copy is told of the fork", "two copies are noticed"];
    let stops = ["the other copy is stopped", "the other copy still runs", "the copy that stands aside is met"];
    let opened = ["opened at the station", "opened at the copy", "opened while the other copy was met"];
    let shown = ["halt", "shown kept", "taken back", "retired", "refused Restored", "opened Branch", "opened Needless"];
    let ends = [
        "opened by the peer of two copies",
        "refused at the copy that stands aside",
        "answered by a copy and named as a part that is not in the record",
        "answered by a copy that stands aside, which knows that it does",
        "agreements looked at",
    ];
    let all = live.into_iter().chain(found).chain(stops).chain(opened).chain(shown).chain(ends);
    all.map(String::from).collect()
}
