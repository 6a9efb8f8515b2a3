//! A station that is killed and reads its store again knows what it knew: it signs where it would have signed, or less, and has
//! forgotten no branch, no refusal, no halt, no mark and no entry that was shown.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::world::Station;
use crate::ids::{EntryRef, Party};
use crate::line::Line;
use crate::line::restore::Restore;
use crate::line::span::Span;

/// 7: what a start has forgotten. Only that the peer was heard is kept by no store: to have it said again is safer.
pub fn forgotten(station: &Station, fault: bool) -> Option<String> {
    let mut line = station.started(fault).line;
    let (before, after) = (station.line.restore(), line.restore());
    if after == Restore::Nothing && before != Restore::Nothing {
        return Some(format!("7: after a start it signs, and before it waited: {before:?}"));
    }
    if fault {
        return None;
    }
    if station.line.heard() {
        line.mark_heard();
    }
    let (was, is) = (known(&station.line), known(&line));
    let only =
        |here: &[String], there: &[String]| here.iter().filter(|k| !there.contains(k)).cloned().collect::<Vec<_>>();
    let (lost, new) = (only(&was, &is), only(&is, &was));
    (was != is).then(|| format!("7: a start changes what is known: without {lost:#?}, with {new:#?}"))
}

/// Everything that a line knows, as far as it tells two lines apart.
fn known(line: &Line) -> Vec<String> {
    let mut known = Vec::new();
    known.push(format!("{:?} {:?} {} {}", line.restore(), line.awaits_judgement(), line.epoch(), line.latest()));
    known.push(format!("{:?} {:?} {}", line.signer(), line.keys(line.me()), line.restored()));
    let begun = |span: &&Span| span.own().size() + span.peer().size() > 0 || !span.branches.is_empty();
    for span in line.spans().filter(begun) {
        let epoch = span.epoch();
        known.push(format!("{epoch}: {:?} {:?} {:?}", span.heads(), span.halted(), span.lacking));
        let log = |party| (span.log(party).from(), span.log(party).named(), span.opening(party).cloned());
        known.push(format!("{epoch}: {:?}", Party::BOTH.map(log)));
        known.push(format!("{epoch}: {} {:?} {:?}", span.parted, span.folded_on, folded(span)));
        let seen = line.look(epoch).map(|view| (view.cut(), view.ended()));
        known.push(format!("{epoch}: {seen:?} {:?}", line.awaited()));
    }
    for part in line.shown() {
        let marks = (part.branch, part.refused, part.waits);
        known.push(format!("{} from {}: {:?} {:?} {marks:?}", part.epoch, part.from, part.head, part.key));
    }
    known
}

/// How far both logs are folded, what each entry is worth, and what became of each ask.
fn folded(span: &Span) -> String {
    let facts = span.facts();
    let sizes = Party::BOTH.map(|party| facts.side(party).size);
    let places =
        Party::BOTH.into_iter().flat_map(|party| (0..sizes[party.slot()]).map(move |index| EntryRef { party, index }));
    let worth: Vec<_> =
        places.map(|at| (at, facts.standing(at), facts.all().fact(at).map(|fact| fact.thing))).collect();
    let view = facts.all();
    let asks: Vec<_> =
        Party::BOTH.into_iter().flat_map(|party| view.asks(party)).map(|ask| view.decision(ask)).collect();
    let owed = Party::BOTH.map(|party| facts.owes_receipt(party));
    format!("{sizes:?} {worth:?} {asks:?} {owed:?}")
}
