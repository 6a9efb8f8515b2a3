//! Backups, and stations that are put back to one: all that is on disk is as it was then, and everything since is gone, unless
//! the peer holds it.

use std::rc::Rc;

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{Epoch, Party};

use crate::ends::names_what_is_lost;
use crate::journal::Journal;
use crate::keys::KeySet;
use crate::promises::{Held, Promise};
use crate::station::Message;
use crate::watched::Watched;
use crate::world::{Event, World};

/// All that a station had on disk at some moment; what its lines had shown till then is beside it, for the world to watch.
#[derive(Clone)]
pub struct Backup {
    pub(crate) keys: Vec<Rc<KeySet>>,
    pub(crate) lines: Vec<(Journal, Watched)>,
}

/// How a station is put back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setback {
    /// By the command for it: the copy knows that it is one.
    Marked,
    /// An old copy of the disk was started: it does not know.
    Unmarked,
}

impl World {
    /// A backup is made while the station runs.
    pub(crate) fn back_up(&mut self, station: usize) -> Held {
        let it = &mut self.stations[station];
        let begun = |journal: &Journal| Party::BOTH.into_iter().all(|party| journal.serving().size(party) > 0);
        if !it.running || it.pending.is_some() || !it.kept.iter().all(|kept| begun(&kept.journal)) {
            let soon = self.chance.scaled(1_000, 600_000);
            self.after(soon, Event::BackUp(station));
            return Ok(());
        }
        let lines = it.kept.iter().map(|kept| (kept.journal.clone(), kept.watched.clone())).collect();
        it.backups.push(Backup { keys: it.keys.clone(), lines });
        let name = it.name;
        self.counts.note("backup");
        self.story.tell(self.now_ms, || format!("{name}: a backup is made"));
        Ok(())
    }

    /// A station is put back to one of its backups, and starts some time later.
    pub(crate) fn set_back(&mut self, station: usize, how: Setback, dark: bool) -> Held {
        let Some(backup) = self.chance.pick(&self.stations[station].backups).cloned() else { return Ok(()) };
        self.stop(station);
        let it = &mut self.stations[station];
        it.keys = backup.keys;
        let name = it.name;
        self.story.tell(self.now_ms, || format!("{name}: is put back to a backup ({how:?})"));
        let mut signed_since = false;
        for (at, (mut journal, watched)) in backup.lines.into_iter().enumerate() {
            let kept = &mut self.stations[station].kept[at];
            let (wire, me) = (kept.wire, kept.line.me());
            if how == Setback::Marked {
                journal.mark_restored();
            }
            let old = std::mem::replace(&mut kept.journal, journal);
            kept.watched = watched;
            kept.watched.is_copy();
            // Also what an earlier setback has lost, and the peer has not shown since.
            let now = &self.stations[station].kept[at].journal;
            let mut signed = self.wires[wire].signed[me.slot()].keys();
            let lost = signed.any(|(epoch, index)| *index >= now.head(*epoch, me).size);
            signed_since |= lost;
            self.wires[wire].unmarked[me.slot()] |= how == Setback::Unmarked && lost;
            self.owe(wire, me, &old);
            if dark {
                let length = self.chance.scaled(3_600_000, 200_000_000);
                self.partition(wire, length)?;
            }
        }
        self.counts.note(match how {
            Setback::Marked => "restored",
            Setback::Unmarked => "restored unmarked",
        });
        if signed_since {
            self.counts.note("restored and lost entries of its own");
        }
        let down = self.chance.scaled(500, 7_200_000);
        self.after(down, Event::Start(station));
        Ok(())
    }

    /// What was on both disks has to be on both again in the end. What is on neither any more is lost.
    fn owe(&mut self, wire: usize, me: Party, old: &Journal) {
        let mut owed = std::mem::take(&mut self.wires[wire].owed);
        let of = |part: &crate::journal::Part| {
            let logs = Party::BOTH.map(|party| part.log(party).to_vec());
            logs.into_iter()
                .flatten()
                .map(|s| (s.entry.header.epoch, s.entry.header.at(), s.entry.leaf))
                .collect::<Vec<_>>()
        };
        let peer = self.ends(wire)[me.peer().slot()];
        let both = old.parts().iter().flat_map(of).filter(|(epoch, at, leaf)| peer.journal.has(*epoch, *at, leaf));
        owed.extend(both.map(|(epoch, at, leaf)| ((epoch, at), leaf)));
        let ends = self.ends(wire);
        owed.retain(|(epoch, at), leaf| ends.iter().any(|kept| kept.journal.has(*epoch, *at, leaf)));
        self.wires[wire].owed = owed;
    }

    /// The end: what was owed to a copy is on both disks, in the log or beside it. What its author keeps beside its log, refused or as
    /// a branch, it sends to nobody: a reader that was put back itself to before it came has lost it. So has one that has lost what it names.
    pub(crate) fn is_taken_back(&self, wire: usize) -> Held {
        for kept in self.ends(wire) {
            for ((epoch, at), leaf) in &self.wires[wire].owed {
                // A log that is halted is taken no further.
                let halted = self.ends(wire).iter().any(|kept| kept.journal.halted(*epoch).is_some());
                let author = self.ends(wire)[at.party.slot()];
                let sent = author.journal.entry(*epoch, *at).is_some_and(|stored| stored.entry.leaf == *leaf);
                let me = kept.line.me();
                let never_comes = !sent || names_what_is_lost(author, kept, *epoch);
                let has = kept.journal.has(*epoch, *at, leaf) || me != at.party && never_comes;
                Promise::TakenBack.check(has || halted, || format!("{me:?} ends without {epoch} {at}"))?;
            }
        }
        Ok(())
    }

    /// Between honest stations nobody names misconduct, but of a copy that did not know that it is one: it forks its log; and it takes
    /// a head of what it has lost for one that never was, and by that comes to know the branch.
    pub(crate) fn is_accused_rightly(&mut self, station: usize, at: usize, what: Misconduct, epoch: Epoch) -> Held {
        let (wire, me) = (self.stations[station].kept[at].wire, self.stations[station].kept[at].line.me());
        let name = self.stations[station].name;
        let honest = self.is_honest(wire);
        let wire = &self.wires[wire];
        let forked = what == Misconduct::Fork && wire.forked[me.peer().slot()].contains(&epoch);
        let lost = what == Misconduct::HeadNeverOurs && wire.unmarked[me.slot()];
        if honest && lost {
            self.stations[station].kept[at].watched.is_mistaken(epoch);
        }
        let rightly = !honest || forked || lost;
        Promise::AppliedInOrder.check(rightly, || format!("{name} names {} in {epoch}", what.word()))
    }

    /// The end: a copy that took a head of what it has lost for one that never was has come to know the branch.
    pub(crate) fn knows_its_branch(&self, wire: usize) -> Held {
        for kept in self.ends(wire) {
            let (me, shown) = (kept.line.me(), kept.line.shown());
            for epoch in kept.watched.mistaken() {
                let knows = shown.iter().any(|part| part.epoch == *epoch && part.branch);
                Promise::TakenBack.check(knows, || format!("{me:?} ends without the branch of its log in {epoch}"))?;
            }
        }
        Ok(())
    }

    /// Stops a station at once; what was not committed is gone.
    pub(crate) fn stop(&mut self, station: usize) {
        let it = &mut self.stations[station];
        (it.running, it.doomed, it.wake_ms, it.pending) = (false, false, None, None);
        it.run += 1;
        it.inbox.clear();
        self.hang_up(station);
    }

    /// Each honest station writes once more, if the line is not closed: what was restored has come to sign again.
    pub(crate) fn write_once_more(&mut self) {
        use counterpart_core::act::{Act, Words};
        for station in (0..self.stations.len())
            .filter(|s| self.stations[*s].honest() && !self.stands_aside(*s))
            .collect::<Vec<_>>()
        {
            for at in 0..self.stations[station].kept.len() {
                let epoch = self.stations[station].kept[at].line.epoch();
                let words = Words { salt: self.chance.bytes(), language: "en".into(), text: "once more".into() };
                self.put(station, at, Message::Act(epoch, Box::new(Act::Memo), Some(words)));
            }
        }
    }
}
