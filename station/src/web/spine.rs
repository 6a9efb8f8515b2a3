//! Both logs as one drawing: a knot on the rail of whoever wrote, a ring where the other side states that it holds the entry, and a
//! cross where neither had seen the other's.

use counterpart_core::ids::{EntryRef, Party};
use counterpart_core::line::crossing::Outcome;
use counterpart_core::record::entry::Header;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::log::Entry;

use super::frame::{bars, mark_class};
use crate::view::record::{self, RecordEntry};
use crate::view::{Side, Sight};
use crate::words::clocks::Hand;

/// What stands on the spine.
pub(super) enum Item {
    /// A new day here.
    Day(String),
    /// One entry.
    One(Box<Row>),
    /// Ours and theirs, of which neither had seen the other.
    Crossed(Box<Pair>),
}

/// Two entries of which neither had seen the other.
pub(super) struct Pair {
    pub ours: Row,
    pub theirs: Row,
    /// They decide one request, on which so nothing is agreed: its page.
    pub undecided: Option<String>,
}

/// An entry.
pub(super) struct Row {
    pub is_ours: bool,
    /// Where it is on the page.
    pub anchor: String,
    /// Its own page.
    pub href: String,
    pub view: RecordEntry,
    /// What it says, as a sentence.
    pub told: String,
    /// By our clock and by theirs.
    pub hands: [Hand; 2],
    /// Up to where its author had seen the other log.
    pub saw: String,
    /// When the other side stated that it holds it, and by which entry.
    pub held: Option<(String, String)>,
    pub bars: Option<[bool; 4]>,
    /// Why it is without effect.
    pub worth: String,
}

impl Row {
    pub fn mark_class(&self) -> &'static str {
        self.view.mark.map_or("", |mark| mark_class(mark.0))
    }

    pub fn is_operation(&self) -> bool {
        self.view.mark.is_none_or(|mark| mark.0 == counterpart_core::precedence::Mark::Operation)
    }
}

/// Where the page of an entry is.
pub(super) fn href(line: &str, at: &str) -> String {
    format!("/lines/{line}/entries/{at}")
}

/// The items of a page.
pub(super) fn items(sight: &Sight<'_>, entries: &[Entry]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut day = String::new();
    let mut rest = entries.iter().peekable();
    while let Some(entry) = rest.next() {
        let today = sight.telling.day(Side::Ours, entry.header.time);
        if today != day {
            items.push(Item::Day(today.clone()));
            day = today;
        }
        let other = rest.peek().filter(|next| are_crossed(&entry.header, &next.header));
        let Some(other) = other.copied() else {
            items.push(Item::One(Box::new(row(sight, &entry.header))));
            continue;
        };
        rest.next();
        let of = |side: Side| if sight.side(entry.header.party) == side { &entry.header } else { &other.header };
        let (ours, theirs) = (of(Side::Ours), of(Side::Theirs));
        let undecided = undecided(sight, ours, theirs);
        let pair = Pair { ours: row(sight, ours), theirs: row(sight, theirs), undecided };
        items.push(Item::Crossed(Box::new(pair)));
    }
    items
}

/// Whether two entries are one of each side's, say something of their own, and neither author had seen the other's.
fn are_crossed(one: &Header, other: &Header) -> bool {
    let says = |header: &Header| !matches!(header.kind(), None | Some(Kind::Received | Kind::Charter));
    let unseen = |a: &Header, b: &Header| a.held.size <= b.own.size;
    one.party != other.party && says(one) && says(other) && unseen(one, other) && unseen(other, one)
}

/// The page of the request that two crossing acts were on, if nothing is agreed on it by that.
fn undecided(sight: &Sight<'_>, ours: &Header, theirs: &Header) -> Option<String> {
    let view = sight.line.look(sight.epoch)?;
    let thing = view.fact(ours.at())?.thing;
    let ask = view.fact_of(thing, &[Kind::Ask]).filter(|_| view.fact(theirs.at()).is_some_and(|f| f.thing == thing))?;
    let is_crossed = view.decision(ask).outcome == Outcome::Crossed;
    is_crossed.then(|| format!("/lines/{}/requests/{thing}", sight.line.id()))
}

pub(super) fn row(sight: &Sight<'_>, header: &Header) -> Row {
    let (at, telling) = (header.at(), &sight.telling);
    let view = record::entry(sight, header, true);
    let line = sight.line.id().to_string();
    let sign = |party: Party| crate::view::names::call_sign(sight.line, party).to_owned();
    let saw = match header.held.size.checked_sub(1) {
        None => telling.say("record-saw-nothing", &[]),
        Some(index) => {
            let seen = sight.named(EntryRef { party: at.party.peer(), index }).name;
            telling.say("record-saw-to", &[("name", seen.into())])
        }
    };
    let told = match header.kind() {
        Some(Kind::Received) => telling.say("record-receipt", &[("sign", sign(at.party).into())]),
        _ => sight.told(header),
    };
    let receipt = sight.line.look(sight.epoch).and_then(|view| view.receipt(at));
    let held = receipt.map(|(by, time)| {
        let hand = telling.hand(Side::Ours, time);
        let when = [hand.day, hand.time].join(" ");
        (when.trim().to_owned(), href(&line, &by.to_string()))
    });
    let worth = match (view.standing.as_str(), &view.why) {
        ("unknown", _) => telling.say("standing-unknown", &[]),
        ("waits", _) => telling.say("standing-waits", &[]),
        _ => String::new(),
    };
    Row {
        is_ours: view.side == Side::Ours,
        anchor: format!("e{}", view.entry.at.replace(':', "-")),
        href: href(&line, &view.entry.at),
        hands: [Side::Ours, Side::Theirs].map(|side| telling.hand(side, header.time)),
        bars: view.precedence.map(|precedence| bars(precedence.0)),
        told,
        saw,
        held,
        worth,
        view,
    }
}
