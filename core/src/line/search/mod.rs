//! Restored copies, epochs and liars: every run of small bounds against the line itself, breadth first, as the model of the
//! design does it, with the chains of §8.6 and with `key` entries, which this version does not write by itself.

mod closing;
mod liar;
mod links;
mod promises;
mod restart;
mod rows;
mod world;

use std::collections::{HashSet, VecDeque};
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

use super::Line;
use super::restore::{Restore, Why};
use super::span::Span;
use super::switch::Mend;
use crate::ids::Party;
use closing::{gained, unsettles};
use liar::lies;
use links::Message;
use promises::{broken, count, jumps, not_ours, noticed, twice};
use rows::{
    Bounds, FORKED, HONEST, JOINS_LATE, LIAR, MAKES_UP, ONE, ROTATED, ROTATED_LIAR, THIEF, TO_BEFORE, UNKNOWN, WIDER,
};
use world::{Verdict, World, print_disk};

/// Off in one search: a rule of the line, or what a person or root does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Off {
    Nothing,
    Rule(Mend),
    /// The random bytes of an epoch.
    Id,
    /// The order of root's list of keys.
    List,
    /// A branch is still known after a start.
    Restart,
    /// What is shown of an epoch below the one that serves is judged.
    Below,
    /// A link key that is not known is judged by the chain that is shown with it.
    Chains,
    /// A station learns by a chain of its own that its link key is retired.
    Retired,
}

struct Search {
    bounds: Bounds,
    off: Off,
    found: Vec<String>,
    states: usize,
    /// Stations, alone and together, of which is known that all is well with them: on the way of messages and backups it does not
    /// depend.
    well: HashSet<Vec<u8>>,
}

const WRITES: [&str; 2] = ["A writes", "B writes"];
const ROTATES: [&str; 2] = ["A rotates", "B rotates"];
const RESTORED: [&str; 2] = ["A restored", "B restored"];
const UNMARKED: [&str; 2] = ["A restored unmarked", "B restored unmarked"];

impl Search {
    fn new(bounds: Bounds, off: Off) -> Search {
        Search { bounds, off, found: Vec::new(), states: 0, well: HashSet::new() }
    }

    fn left(&self, world: &World, what: &str) -> bool {
        let most = self.bounds.iter().find(|(name, _)| *name == what).map_or(0, |(_, most)| *most);
        world.spent.iter().filter(|spent| **spent == what).count() < most
    }

    fn begin(&self) -> World {
        let without = if let Off::Rule(mend) = self.off { Some(mend) } else { None };
        World { without_id: self.off == Off::Id, ..World::new(without) }
    }

    fn verdict(&self, liar: bool) -> Verdict {
        if liar { Verdict::Refuse } else { Verdict::Take }
    }

    /// What one side's station and person may do by themselves.
    fn alone(&self, world: &World, at: usize, liar: bool) -> Vec<World> {
        let mut next = Vec::new();
        let mut add = |what: Option<&'static str>, step: &dyn Fn(&mut World) -> bool| {
            if what.is_some_and(|what| !self.left(world, what)) {
                return;
            }
            let mut after = world.clone();
            if step(&mut after) {
                after.spent.extend(what);
                after.spent.sort_unstable();
                next.push(after);
            }
        };
        let station = &world.stations[at];
        add(Some(WRITES[at]), &|w| w.writes(at));
        add(Some(ROTATES[at]), &|w| w.rotates(at));
        add(None, &|w| {
            w.stations[at] = w.stations[at].started(self.off == Off::Restart);
            true
        });
        let backed = [RESTORED[at], UNMARKED[at]].iter().any(|what| self.left(world, what));
        if backed && world.signs(at) {
            add(None, &|w| {
                w.backups[at] = w.stations[at].clone();
                true
            });
        }
        for (what, marked) in [(RESTORED[at], true), (UNMARKED[at], false)] {
            let prints = [&world.backups[at].disk, &station.disk].map(|disk| {
                let mut out = Vec::new();
                print_disk(disk, &mut out);
                out
            });
            if prints[0] != prints[1] {
                add(Some(what), &|w| {
                    w.stations[at] = w.backups[at].restored(marked, self.off == Off::Restart);
                    w.stations[at].life = 1 + w.spent.len() as u64;
                    w.unmarked[at] |= !marked;
                    true
                });
            }
        }
        let judgement = world.judgement(at, self.verdict(liar), self.off != Off::List);
        if self.asks(&station.line) {
            add(None, &|w| {
                w.takes(at, &judgement);
                true
            });
        }
        if station.line.restore() == Restore::Nothing {
            add(Some("needless epoch"), &|w| w.opens(at, judgement.clone()));
        } else {
            add(Some("epoch"), &|w| w.opens(at, judgement.clone()));
        }
        next
    }

    /// A message comes; true if its sender is heard, and not only its chain.
    fn receives(&self, world: &mut World, at: usize, message: &Message) -> bool {
        let known = world.stations[at].line.keys(world.stations[1 - at].me()).link == message.link;
        let strange = self.off == Off::Chains && !known;
        let heard = !strange && world.admits(at, message, self.off == Off::Retired);
        if heard {
            world.receives(at, &message.disk);
        }
        heard
    }

    /// Whether the station asks a person about what is shown.
    fn asks(&self, line: &Line) -> bool {
        if self.off == Off::Below { line.restore() == Restore::Judgement } else { line.awaits_judgement() }
    }

    fn honest(&mut self) {
        let first = self.begin();
        let (mut seen, mut todo) = (HashSet::from([print(&first)]), VecDeque::from([first]));
        while let Some(world) = todo.pop_front() {
            self.states += 1;
            self.forgotten(&world);
            if self.well.insert(print_stations(&world))
                && let Some(why) = self.settles(world.clone())
            {
                self.found.push(format!("3: {why}: {:?}", world.spent));
                return;
            }
            let mut next = Vec::new();
            for at in [0, 1] {
                next.extend(self.alone(&world, at, false));
                let message = world.message(at);
                if world.net[at].as_ref().map(printed) != Some(printed(&message)) {
                    let mut after = world.clone();
                    after.net[at] = Some(message);
                    next.push(after);
                }
                if let Some(message) = &world.net[1 - at] {
                    let mut after = world.clone();
                    if self.receives(&mut after, at, message) {
                        self.found.extend(noticed(&after, at, &message.disk));
                    }
                    next.push(after);
                }
            }
            for after in next {
                self.found.extend(broken(&world, &after));
                if !self.found.is_empty() {
                    return;
                }
                if seen.insert(print(&after)) {
                    todo.push_back(after);
                }
            }
        }
    }

    /// Both honest, the link up, persons at hand: why not all is well in the end.
    fn settles(&self, mut world: World) -> Option<String> {
        for _ in 0..14 {
            let before = print(&world);
            for at in [0, 1] {
                let message = world.message(1 - at);
                self.receives(&mut world, at, &message);
                self.person(&mut world, at);
            }
            if print(&world) == before {
                break;
            }
        }
        let [a, b] = &world.stations;
        if !(world.signs(0) && world.signs(1)) {
            return Some(format!("stuck: {:?} {:?}", a.line.restore(), b.line.restore()));
        }
        if a.line.halted().or(b.line.halted()).is_some() {
            return Some("halted for ever".into());
        }
        if a.line.epoch() != b.line.epoch() {
            return Some("in two epochs for ever".into());
        }
        if a.line.keys(b.me()).link != b.link || b.line.keys(a.me()).link != a.link {
            return Some("link keys are never learnt".into());
        }
        let forked = world.unmarked.contains(&true);
        let logs = Party::BOTH.into_iter().all(|party| a.line.log(party).head() == b.line.log(party).head());
        // What an ended key has begun is shown, kept and taken by nobody.
        let shown = |line: &Line, epoch| line.shown().iter().any(|part| part.epoch == epoch && !part.waits);
        let alike = |span: &Span| {
            let other = b.line.span(span.epoch()).map(Span::heads);
            [a, b].iter().any(|s| shown(&s.line, span.epoch())) || other == Some(span.heads())
        };
        let same = logs && (forked || a.line.spans().all(alike));
        if !same || a.status() != b.status() && !forked {
            let seen = world.stations.each_ref().map(|s| {
                let spans = s.line.spans().map(|span| (span.epoch().to_string(), span.heads().heads.map(|h| h.size)));
                format!("{:?} {:?} {:?}", spans.collect::<Vec<_>>(), s.status(), s.line.shown().len())
            });
            return Some(format!("records differ: {seen:#?}"));
        }
        world.writes(0);
        let message = world.message(0);
        self.receives(&mut world, 1, &message);
        let [a, b] = &world.stations;
        (a.line.own().head() != b.line.peer().head()).then(|| "the next entry is not taken".to_string())
    }

    /// What a person does when nothing hinders: takes what is shown, opens what is to be opened.
    fn person(&self, world: &mut World, at: usize) {
        let judgement = world.judgement(at, Verdict::Take, self.off != Off::List);
        if self.asks(&world.stations[at].line) {
            world.takes(at, &judgement);
        }
        if matches!(world.stations[at].line.restore(), Restore::Opening(_)) {
            world.opens(at, judgement);
        }
    }

    /// A is honest; its peer shows any part of what A has ever signed, or what a thief of A's ended keys puts on top of it, and
    /// may open epochs of its own.
    fn liar(&mut self) {
        let first = self.begin();
        let (mut seen, mut todo) = (HashSet::from([print(&first)]), VecDeque::from([first]));
        while let Some(world) = todo.pop_front() {
            self.states += 1;
            self.forgotten(&world);
            if self.well.insert(print_stations(&world)) && !self.comes_to_sign(&world) {
                self.found.push("4b: silenced for ever".into());
            }
            let mut next = self.alone(&world, 0, true);
            for message in lies(&world) {
                let mut after = world.clone();
                after.receives(0, &message);
                next.push(after);
            }
            for named in if self.left(&world, "liar writes") { world.namable() } else { Vec::new() } {
                let mut after = world.clone();
                if after.liar_writes(named) {
                    after.spent.push("liar writes");
                    next.push(after);
                }
            }
            if self.left(&world, "liar's epoch") {
                let mut after = world.clone();
                let judgement = after.judgement(1, Verdict::Take, true);
                if after.opens(1, judgement) {
                    after.spent.push("liar's epoch");
                    next.push(after);
                }
            }
            next.extend(self.joins(&world));
            for after in world.retirements() {
                if world.stations[0].retired.is_none() && world.is_above() {
                    self.found.push("11: a link key that stands above all that was lost is retired".into());
                }
                next.push(after);
            }
            for after in next {
                self.found.extend(gained(&after));
                if count(&world, 0) == count(&after, 0) {
                    self.found.extend(unsettles(&world, &after, 0));
                }
                self.found.extend(twice(&after, 0));
                self.found.extend(not_ours(&after));
                self.found.extend(jumps(&after));
                let never_restored = !after.spent.iter().any(|spent| RESTORED.contains(spent));
                if never_restored && after.stations[0].line.restore() == Restore::Opening(Why::Branch) {
                    self.found.push("4b: a thief's branch stops a station that was never restored".into());
                }
                if !self.found.is_empty() {
                    return;
                }
                if seen.insert(print(&after)) {
                    todo.push_back(after);
                }
            }
        }
    }

    fn forgotten(&mut self, world: &World) {
        for station in &world.stations {
            let mut print = vec![252];
            station.print(&mut print);
            if self.well.insert(print) {
                self.found.extend(restart::forgotten(station, self.off == Off::Restart));
            }
        }
    }

    fn comes_to_sign(&self, world: &World) -> bool {
        let mut world = world.clone();
        for _ in 0..4 {
            if world.signs(0) {
                return true;
            }
            let judgement = world.judgement(0, Verdict::Refuse, true);
            world.opens(0, judgement);
            world.turn(0, Vec::new());
        }
        world.signs(0)
    }
}

fn print(world: &World) -> Vec<u8> {
    let mut out = Vec::new();
    world.stations.iter().chain(&world.backups).for_each(|station| station.print(&mut out));
    // A liar's own log is not what its line holds.
    print_disk(&world.stations[1].disk, &mut out);
    for message in &world.net {
        out.push(253);
        message.iter().for_each(|message| message.print(&mut out));
    }
    world.spent.iter().for_each(|spent| out.extend(spent.bytes()));
    out.extend(world.unmarked.map(u8::from));
    out
}

/// What tells two pairs of stations apart, whatever is under way.
fn print_stations(world: &World) -> Vec<u8> {
    let mut out = Vec::new();
    world.stations.iter().for_each(|station| station.print(&mut out));
    out.extend(world.granted.each_ref().map(|list| list.len() as u8));
    out.extend(world.unmarked.map(u8::from));
    out
}

fn printed(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    message.print(&mut out);
    out
}

fn search(rows: &[(&str, Bounds)], liar: bool, off: Off) -> Vec<String> {
    let mut found = Vec::new();
    for (name, bounds) in rows {
        let mut search = Search::new(bounds, off);
        if liar {
            search.liar();
        } else {
            search.honest();
        }
        std::eprintln!("{off:?}: {name}: {} states, {:?}", search.states, search.found);
        found.extend(search.found.iter().map(|what| format!("{name}: {what}")));
    }
    found
}

#[test]
fn every_run_of_small_bounds_with_honest_peers_keeps_what_is_promised_of_restored_copies() {
    assert_eq!(search(&HONEST, false, Off::Nothing), [""; 0]);
}

#[test]
fn every_run_of_small_bounds_with_a_lying_peer_keeps_what_is_promised_of_restored_copies() {
    assert_eq!(search(&LIAR, true, Off::Nothing), [""; 0]);
}

#[test]
fn every_run_of_small_bounds_in_which_keys_are_replaced_keeps_what_is_promised() {
    assert_eq!(search(&ROTATED, false, Off::Nothing), [""; 0]);
    assert_eq!(search(&ROTATED_LIAR, true, Off::Nothing), [""; 0]);
}

#[test]
fn with_any_one_mend_off_a_restored_copy_breaks_what_is_promised() {
    let wanted = [
        (Off::Rule(Mend::Late), ONE, "3"),
        (Off::Rule(Mend::Lift), UNKNOWN, "3"),
        (Off::Rule(Mend::Next), WIDER, "1"),
        (Off::Rule(Mend::Always), ONE, "1"),
        (Off::Rule(Mend::Always), ONE, "4c"),
        (Off::Rule(Mend::Both), ONE, "5"),
        (Off::Id, WIDER, "1"),
        (Off::Restart, FORKED, "7"),
        (Off::Below, ONE, "3"),
        (Off::Chains, ROTATED[0], "3"),
        (Off::Retired, TO_BEFORE, "3"),
    ];
    for (off, row, promise) in wanted {
        let found = search(&[row], false, off);
        assert!(found.iter().any(|f| f.contains(&format!(": {promise}: "))), "{off:?} off: {found:?}");
    }
    let found = search(&[THIEF], true, Off::Rule(Mend::Number));
    assert!(found.iter().any(|f| f.contains(": 8: ")), "an epoch numbered by whatever was shown: {found:?}");
    let found = search(&[MAKES_UP], true, Off::Rule(Mend::Own));
    assert!(found.iter().any(|f| f.contains(": 9: ")), "its author's own head counts as it comes: {found:?}");
    for mend in [Mend::Closes, Mend::ForGood] {
        let found = search(&[JOINS_LATE], true, Off::Rule(mend));
        assert!(found.iter().any(|f| f.contains(": 10: ")), "{mend:?} off, what is joined late: {found:?}");
    }
    let found = search(&LIAR, true, Off::List);
    assert!(found.iter().any(|f| f.contains(": 4a: ")), "without root's list: {found:?}");
}
