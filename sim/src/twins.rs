//! Two live copies of one station: a backup is served elsewhere while the station of which it was made goes on. Both sign with the
//! same keys, and each meets the peer at times, never both in one session: a link takes one at a time. When somebody has noticed, a
//! person with the root key goes on with one of them, and the other stands aside (`docs/protocol.md` §4.6).

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use counterpart_core::act::{Act, Words};
use counterpart_core::line::Line;
use counterpart_core::line::restore::Restore;

use crate::backups::{Backup, Setback};
use crate::plan::LENGTH_MS;
use crate::promises::{Held, Promise};
use crate::station::{Kept, Message, Station};
use crate::world::{Event, World, a_clock};

/// What the copies of the stations are called.
const NAMES: [&str; 3] = ["Northland's copy", "Southmark's copy", "Eastholm's copy"];

/// A station of which two copies live.
#[derive(Clone, Debug)]
pub struct Twins {
    /// The station, and its copy.
    pub copies: [usize; 2],
    /// Which of them the peers meet at present.
    pub met: usize,
    /// Somebody has seen that there are two.
    pub noticed: bool,
    /// The one with which root goes on.
    pub chosen: Option<usize>,
    /// Lines on which that one has opened an epoch since.
    pub opened: BTreeSet<usize>,
    /// The other one was found, and stopped by hand.
    pub stopped: bool,
}

impl Twins {
    /// The one with which root does not go on.
    pub fn aside(&self) -> Option<usize> {
        self.chosen.map(|chosen| self.other(chosen))
    }

    fn other(&self, of: usize) -> usize {
        let [one, other] = self.copies;
        if of == one { other } else { one }
    }
}

impl World {
    /// One of the stations will have two copies.
    pub(crate) fn plan_twins(&mut self) {
        let station = self.chance.place(self.stations.len());
        let (backup, later) = (self.chance.below(LENGTH_MS / 2), self.chance.scaled(60_000, LENGTH_MS / 6));
        self.at(backup, Event::BackUp(station));
        let how = if self.chance.percent(15) { Setback::Marked } else { Setback::Unmarked };
        self.at(backup + later, Event::Double(station, how));
        let peer = usize::from(station == 0);
        // A copy may be stopped when it should crash: the peer does at least once.
        let crash = self.chance.below(LENGTH_MS / 2);
        self.at(crash, Event::Crash(peer, u64::MAX));
        // It may lift the halt by an epoch of its own: then two copies join that.
        if self.chance.percent(30) {
            let first = self.chance.scaled(1_000, 86_400_000);
            self.at(first, Event::Root(peer));
        }
    }

    /// What happens to two copies.
    pub(crate) fn twins_step(&mut self, event: Event) {
        match event {
            Event::Double(station, how) => self.double(station, how),
            Event::Turns => self.take_turns(),
            _ => self.choose(),
        }
    }

    /// A backup is served elsewhere, and the station goes on.
    fn double(&mut self, station: usize, how: Setback) {
        let Some(backup) = self.stations[station].backups.last().cloned() else {
            self.after(600_000, Event::Double(station, how));
            return;
        };
        let copy = self.stations.len();
        let served = self.copy_of(station, backup, how);
        self.stations.push(served);
        let name = self.stations[copy].name;
        self.counts.note("two copies");
        self.story.tell(self.now_ms, || format!("{name}: is served elsewhere ({how:?})"));
        let twins = Twins {
            copies: [station, copy],
            met: station,
            noticed: false,
            chosen: None,
            opened: BTreeSet::new(),
            stopped: false,
        };
        self.twins = Some(twins);
        self.after(1, Event::Start(copy));
        let (crash, turn) = (self.chance.below(LENGTH_MS), self.chance.scaled(60_000, 86_400_000));
        self.at(crash, Event::Crash(copy, u64::MAX));
        self.after(turn, Event::Turns);
        if how == Setback::Marked {
            // Whoever restored it knows, and has the root key at hand.
            self.is_noticed();
        }
    }

    fn copy_of(&mut self, station: usize, backup: Backup, how: Setback) -> Station {
        let clock = a_clock(&mut self.chance);
        let it = &mut self.stations[station];
        let mut lines = Vec::new();
        for (kept, (mut journal, mut watched)) in it.kept.iter_mut().zip(backup.lines) {
            let (charter, me) = (kept.line.charter().clone(), kept.line.me());
            if how == Setback::Marked {
                journal.mark_restored();
            }
            kept.watched.is_twin();
            watched.is_copy();
            watched.is_twin();
            self.wires[kept.wire].unmarked[me.slot()] |= how == Setback::Unmarked;
            lines.push(Kept { journal, watched, ..Kept::new(kept.wire, Line::new(charter, me)) });
        }
        Station {
            name: NAMES[station],
            nature: it.nature,
            keys: backup.keys,
            backups: Vec::new(),
            root: Rc::clone(&it.root),
            clock,
            started_ms: self.now_ms,
            running: false,
            run: 0,
            doomed: false,
            wake_ms: None,
            inbox: VecDeque::new(),
            pending: None,
            kept: lines,
        }
    }

    /// The peers meet the other copy, if it runs; and so on.
    fn take_turns(&mut self) {
        let pause = self.chance.scaled(600_000, 2 * 86_400_000);
        self.after(pause, Event::Turns);
        if let Some(twins) = &self.twins {
            self.meets(twins.other(twins.met));
        }
    }

    /// From now on the peers meet this copy: what served the other is gone.
    fn meets(&mut self, copy: usize) {
        let Some(twins) = self.twins.as_mut().filter(|twins| twins.met != copy && self.stations[copy].running) else {
            return;
        };
        let before = std::mem::replace(&mut twins.met, copy);
        let name = self.stations[copy].name;
        self.counts.note("the other copy is met");
        self.story.tell(self.now_ms, || format!("{name}: the peers meet this copy now"));
        for at in 0..self.stations[copy].kept.len() {
            let (wire, me) = (self.stations[copy].kept[at].wire, self.stations[copy].kept[at].line.me());
            for number in self.wires[wire].live.clone() {
                let end = &mut self.connections[number].ends[me.slot()];
                end.session = None;
                end.coming.clear();
                self.cut(number, 1, 20_000);
            }
            let kept = &mut self.stations[before].kept[at];
            (kept.current, kept.even) = (None, false);
            self.wires[wire].places[me.slot()] = (copy, at);
            self.redial(wire);
        }
    }

    /// Whether the peers meet this station: not, while they meet its other copy.
    pub(crate) fn is_met(&self, station: usize) -> bool {
        self.twins.as_ref().is_none_or(|twins| !twins.copies.contains(&station) || twins.met == station)
    }

    /// Whether root has gone on with the other copy of this station.
    pub(crate) fn stands_aside(&self, station: usize) -> bool {
        self.twins.as_ref().is_some_and(|twins| twins.aside() == Some(station))
    }

    /// Whether this copy was stopped by hand.
    pub(crate) fn is_stopped(&self, station: usize) -> bool {
        self.stands_aside(station) && self.twins.as_ref().is_some_and(|twins| twins.stopped)
    }

    /// Whether root has anything to do with this station: with a copy only when it is the one to go on with.
    pub(crate) fn has_root(&self, station: usize) -> bool {
        let copies = self.twins.as_ref().filter(|twins| twins.copies.contains(&station));
        copies.is_none_or(|twins| twins.chosen == Some(station))
    }

    /// Whether root is to open an epoch for this copy, though the copy itself sees nothing wrong.
    pub(crate) fn is_to_open(&self, station: usize, at: usize) -> bool {
        self.twins.as_ref().is_some_and(|twins| twins.chosen == Some(station) && !twins.opened.contains(&at))
    }

    /// Root has opened an epoch.
    pub(crate) fn has_opened(&mut self, station: usize, at: usize) {
        let Some(twins) = self.twins.as_mut().filter(|twins| twins.copies.contains(&station)) else {
            if self.plan.twins && self.twins.is_some() {
                self.counts.note("opened by the peer of two copies");
            }
            return;
        };
        let [original, _] = twins.copies;
        self.counts.note(if original == station { "opened at the station" } else { "opened at the copy" });
        if twins.met != station {
            self.counts.note("opened while the other copy was met");
        }
        twins.opened.insert(at);
    }

    /// What this copy waits for shows that there is another.
    pub(crate) fn notice(&mut self, station: usize, at: usize) {
        let copies = self.twins.as_ref().is_some_and(|twins| twins.copies.contains(&station));
        let waits = || self.stations[station].kept[at].line.restore();
        if copies && !matches!(waits(), Restore::Nothing | Restore::Peer) {
            self.is_noticed();
        }
    }

    /// Somebody has seen that there are two; a person with the root key comes some time after.
    pub(crate) fn is_noticed(&mut self) {
        let Some(twins) = self.twins.as_mut().filter(|twins| !twins.noticed) else { return };
        twins.noticed = true;
        self.counts.note("two copies are noticed");
        self.story.tell(self.now_ms, || "somebody sees that there are two copies".into());
        let later = self.chance.scaled(300_000, 60_000_000);
        self.after(later, Event::Choose);
    }

    /// A person with the root key goes on with one of the copies. The other is stopped, or nobody knows where it runs.
    fn choose(&mut self) {
        let Some(twins) = self.twins.as_mut().filter(|twins| twins.chosen.is_none()) else { return };
        let chosen = self.chance.one(twins.copies);
        let aside = twins.other(chosen);
        twins.chosen = Some(chosen);
        twins.stopped = self.chance.percent(50);
        let stopped = twins.stopped;
        let [name, other] = [chosen, aside].map(|station| self.stations[station].name);
        self.story.tell(self.now_ms, || {
            format!("root goes on with {name}; {other} {}", if stopped { "is stopped" } else { "still runs" })
        });
        self.counts.note(if stopped { "the other copy is stopped" } else { "the other copy still runs" });
        if stopped {
            self.stop(aside);
        }
        if stopped || self.chance.percent(50) {
            self.meets(chosen);
        }
        let soon = self.chance.scaled(1_000, 7_200_000);
        self.after(soon, Event::Root(chosen));
    }

    /// The world is whole again: a person goes on with one copy, whether anybody has noticed or not, and the peers meet that one.
    pub(crate) fn heal_twins(&mut self) {
        self.choose();
        if let Some(chosen) = self.twins.as_ref().and_then(|twins| twins.chosen) {
            self.after(5_000, Event::Root(chosen));
        }
        self.meets_chosen();
    }

    /// The peers meet the copy with which root goes on, as soon as it runs.
    pub(crate) fn meets_chosen(&mut self) {
        if let Some(chosen) = self.twins.as_ref().and_then(|twins| twins.chosen) {
            self.meets(chosen);
        }
    }

    /// The end: the copy with which root has not gone on meets the peers once more, and somebody acts at it. It signs nothing.
    pub(crate) fn last_meeting(&mut self) -> Held {
        let Some(twins) = self.twins.clone() else { return Ok(()) };
        let (Some(aside), Some(chosen), false) = (twins.aside(), twins.chosen, twins.stopped) else { return Ok(()) };
        self.meets(aside);
        self.until(self.now_ms + 1_200_000)?;
        let sizes = |world: &World| {
            let kept = world.stations[aside].kept.iter();
            kept.map(|kept| kept.journal.parts().iter().map(|p| p.size(kept.line.me())).sum::<u64>())
                .collect::<Vec<_>>()
        };
        let before = sizes(self);
        for at in 0..before.len() {
            let epoch = self.stations[aside].kept[at].line.epoch();
            let words = Words { salt: self.chance.bytes(), language: "en".into(), text: "still here".into() };
            self.put(aside, at, Message::Act(epoch, Box::new(Act::Memo), Some(words)));
        }
        self.until(self.now_ms + 60_000)?;
        self.counts.note("the copy that stands aside is met");
        let name = self.stations[aside].name;
        for (at, (before, after)) in before.iter().zip(sizes(self)).enumerate() {
            let waits = self.stations[aside].kept[at].line.restore();
            let silent = waits != Restore::Nothing && *before == after;
            Promise::AsideIsSilent.check(silent, || format!("{name} waits for {waits:?}, {before} then {after}"))?;
        }
        self.meets(chosen);
        self.until(self.now_ms + 60_000)
    }
}
