//! The network between two stations of a line: connections that carry frames in order, late, and not for ever.
//!
//! A connection over which nothing but pings has gone for a while is put to sleep by the world, and is dialled again when
//! there is something to send: fourteen days of pings every fifteen seconds would be 320,000 frames a seed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::link::VERSIONS;
use counterpart_core::link::output::Setup;
use counterpart_core::link::rate::Rate;
use counterpart_core::link::session::Session;
use counterpart_core::record::merkle::Hash;
use counterpart_core::record::opening::Opening;
use counterpart_core::record::sign1::PublicKey;

use crate::lies::Doctor;
use crate::promises::Held;
use crate::world::{Event, World};

/// The wire of one line.
#[derive(Debug)]
pub struct Wire {
    /// The inviter's station and the joiner's, each with the place of the line there.
    pub places: [(usize, usize); 2],
    /// Nothing passes before this time.
    pub partitioned_until_ms: u64,
    /// Connections of which an end is still there.
    pub(crate) live: Vec<usize>,
    /// When somebody will dial.
    dial_ms: Option<u64>,
    /// The charter with both signatures, until both have begun.
    pub opening: Opening,
    /// Things that have changed since both were last seen to see the same.
    pub touched: BTreeSet<(Epoch, EntryRef)>,
    /// Of each party's log, how much has ever left: what the fault of that name does not send again.
    pub(crate) ever_sent: [BTreeMap<Epoch, u64>; 2],
    /// Root's list of each party: the station keys that it has granted on this line, oldest first. It is kept with root.
    pub(crate) granted: [Vec<PublicKey>; 2],
    /// All that an honest station of each party has ever committed of its own.
    pub(crate) signed: [BTreeMap<(Epoch, u64), Hash>; 2],
    /// The same, whichever copy signed what: two of one place are two.
    pub(crate) leaves: [BTreeSet<Hash>; 2],
    /// A copy of this party has served that did not know that it is one.
    pub(crate) unmarked: [bool; 2],
    /// Epochs in which an honest station of each party has signed an index twice: only such a copy does.
    pub(crate) forked: [BTreeSet<Epoch>; 2],
    /// What has to be on both disks in the end, because it was on both when one of them was put back to a backup.
    pub(crate) owed: BTreeMap<(Epoch, EntryRef), Hash>,
    /// Over how many connections a liar has withheld what it claims.
    pub(crate) withheld: u64,
}

impl Wire {
    /// A wire over which nobody has dialled.
    pub fn new(places: [(usize, usize); 2], opening: Opening, granted: [PublicKey; 2]) -> Wire {
        Wire {
            places,
            partitioned_until_ms: 0,
            live: Vec::new(),
            dial_ms: None,
            opening,
            touched: BTreeSet::new(),
            ever_sent: Default::default(),
            granted: granted.map(|key| vec![key]),
            signed: Default::default(),
            leaves: Default::default(),
            unmarked: [false; 2],
            forked: Default::default(),
            owed: BTreeMap::new(),
            withheld: 0,
        }
    }
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    pub(crate) wire: usize,
    pub(crate) alive: bool,
    pub(crate) ends: [End; 2],
    /// It is put to sleep after so much time without anything but pings.
    pub(crate) sleeps_after_ms: u64,
    pub(crate) useful_ms: u64,
    /// Since when both ends are there.
    pub(crate) whole_since_ms: Option<u64>,
    /// A liar shows nothing over it of what it claims.
    pub(crate) withholds: bool,
}

/// One end of a connection.
#[derive(Debug, Default)]
pub struct End {
    pub(crate) is_open: bool,
    pub(crate) session: Option<Session>,
    /// Frames on their way here, each with the time at which it comes.
    pub(crate) coming: VecDeque<(u64, Vec<u8>)>,
    last_ms: u64,
    pub(crate) quiet_until_ms: u64,
    pub(crate) tick_ms: Option<u64>,
    /// The index that the next entry leaving here must have in each epoch, as the other end's hello says.
    pub(crate) next_index: Option<BTreeMap<Epoch, u64>>,
    /// What a liar does to what leaves here.
    doctor: Option<Doctor>,
}

impl World {
    /// Somebody dials, if there is no connection and nothing in the way.
    pub(crate) fn dial(&mut self, wire: usize) -> Held {
        if self.wires[wire].dial_ms != Some(self.now_ms) {
            return Ok(());
        }
        self.wires[wire].dial_ms = None;
        let places = self.wires[wire].places;
        let served = places.iter().all(|(s, at)| self.stations[*s].kept[*at].current.is_some());
        if served && !self.chance.percent(5) {
            return Ok(());
        }
        let reachable = places.iter().all(|(s, _)| self.stations[*s].running);
        if !reachable || self.wires[wire].partitioned_until_ms > self.now_ms {
            self.dial_later(wire, 1_000, 600_000);
            return Ok(());
        }
        if places.iter().any(|(s, _)| self.stations[*s].pending.is_some()) {
            self.dial_later(wire, 1, 50);
            return Ok(());
        }
        if !self.know_each_other(wire) {
            return self.meet(wire);
        }
        let number = self.connections.len();
        let sleeps_after_ms = if self.chance.percent(1) { 3_600_000 } else { self.chance.scaled(2_000, 60_000) };
        self.connections.push(Connection {
            wire,
            alive: true,
            ends: [End::default(), End::default()],
            sleeps_after_ms,
            useful_ms: self.now_ms,
            whole_since_ms: None,
            withholds: false,
        });
        self.wires[wire].live.push(number);
        for end in Party::BOTH {
            let delay = self.delay();
            self.after(delay, Event::Opened(number, end));
        }
        Ok(())
    }

    /// Dials after a while, unless somebody will sooner.
    pub(crate) fn dial_later(&mut self, wire: usize, from_ms: u64, to_ms: u64) {
        let to_ms = if self.healed { to_ms.min(from_ms * 4) } else { to_ms };
        let at = self.now_ms + self.chance.scaled(from_ms, to_ms);
        if self.wires[wire].dial_ms.is_none_or(|dial| dial > at) {
            self.wires[wire].dial_ms = Some(at);
            self.at(at, Event::Dial(wire));
        }
    }

    /// What a liar does to what leaves this end.
    pub(crate) fn doctor_of(&mut self, number: usize, end: Party) -> &mut Option<Doctor> {
        &mut self.connections[number].ends[end.slot()].doctor
    }

    fn delay(&mut self) -> u64 {
        let (from, to) = self.plan.delay_ms;
        self.chance.between(from, to)
    }

    /// One end is there: its session begins, and what served the line before is replaced.
    pub(crate) fn opened(&mut self, number: usize, end: Party) -> Held {
        let wire = self.connections[number].wire;
        let (station, at) = self.wires[wire].places[end.slot()];
        if !self.connections[number].alive || !self.stations[station].running {
            self.cut(number, 1, 20_000);
            return Ok(());
        }
        let it = &self.stations[station];
        let kept = &it.kept[at];
        if kept.journal.serving().size(end) == 0 {
            // Pairing is not finished here: nothing is answered yet.
            self.cut(number, 1, 100);
            return Ok(());
        }
        let setup = Setup {
            line: kept.line.id(),
            me: end,
            held: kept.held.clone(),
            peer_root: kept.line.peer().root_key(),
            versions: VERSIONS.to_vec(),
            rate: Rate::default(),
            software: "simulated".into(),
            now: it.now(self.now_ms),
        };
        let (session, hello) = Session::new(setup);
        let doctor = self.doctor(station);
        let place = &mut self.connections[number].ends[end.slot()];
        (place.is_open, place.session, place.doctor) = (true, Some(session), doctor);
        let old = self.stations[station].kept[at].current.replace(number);
        if let Some(old) = old.filter(|old| *old != number) {
            let later = self.chance.between(0, 3_000);
            self.after(later, Event::Lost(old, end));
        }
        self.stations[station].kept[at].even = false;
        if self.connections[number].ends.iter().all(|e| e.session.is_some()) {
            self.connections[number].whole_since_ms = Some(self.now_ms);
        }
        self.send(number, end, hello)?;
        self.after(0, Event::Arrive(number, end));
        self.arm(number, end);
        Ok(())
    }

    /// A frame is on its way, if the connection still carries.
    pub(crate) fn carry(&mut self, number: usize, from: Party, frame: Vec<u8>) {
        let (now, delay) = (self.now_ms, self.delay());
        let connection = &mut self.connections[number];
        if connection.alive {
            let to = &mut connection.ends[from.peer().slot()];
            to.last_ms = to.last_ms.max(now + delay);
            to.coming.push_back((to.last_ms, frame));
            let at = to.last_ms;
            self.at(at, Event::Arrive(number, from.peer()));
        }
    }

    /// The connection carries nothing more; both ends learn it after a while.
    pub(crate) fn cut(&mut self, number: usize, from_ms: u64, to_ms: u64) {
        if !std::mem::replace(&mut self.connections[number].alive, false) {
            return;
        }
        for end in Party::BOTH {
            self.connections[number].ends[end.slot()].coming.clear();
            let later = self.chance.scaled(from_ms, to_ms);
            self.after(later, Event::Lost(number, end));
        }
    }

    /// One end has said its last: the other reads what is on its way and then learns it.
    pub(crate) fn close_end(&mut self, number: usize, end: Party) {
        let connection = &mut self.connections[number];
        connection.alive = false;
        let last = connection.ends[end.peer().slot()].last_ms + 1;
        self.after(0, Event::Lost(number, end));
        self.at(last, Event::Lost(number, end.peer()));
    }

    /// One end learns that the connection is gone.
    pub(crate) fn lost(&mut self, number: usize, end: Party) -> Held {
        let wire = self.connections[number].wire;
        let (station, at) = self.wires[wire].places[end.slot()];
        let place = &mut self.connections[number].ends[end.slot()];
        (place.session, place.is_open) = (None, true);
        place.coming.clear();
        let kept = &mut self.stations[station].kept[at];
        if kept.current == Some(number) {
            kept.current = None;
            kept.even = false;
            let since = self.connections[number].whole_since_ms;
            kept.unshown_ms += since.map_or(0, |since| self.now_ms - since);
        }
        // Whoever hangs up hangs up for both.
        let was_alive = std::mem::replace(&mut self.connections[number].alive, false);
        if was_alive {
            let later = self.chance.scaled(1, 20_000);
            self.after(later, Event::Lost(number, end.peer()));
        }
        if self.connections[number].ends.iter().all(|e| e.session.is_none()) {
            self.wires[wire].live.retain(|c| *c != number);
        }
        self.redial(wire);
        Ok(())
    }

    /// Soon if there is something to send, otherwise some time.
    pub(crate) fn redial(&mut self, wire: usize) {
        if self.is_even(wire) || self.is_halted(wire) {
            self.dial_later(wire, 3_600_000, 86_400_000);
        } else {
            self.dial_soon(wire);
        }
    }

    /// There is something to send. To a peer that withholds, which ends each connection, there is no hurry.
    pub(crate) fn dial_soon(&mut self, wire: usize) {
        let (from, to) = if self.is_withheld(wire) { (60_000, 1_200_000) } else { (50, 5_000) };
        self.dial_later(wire, from, to);
    }

    /// A connection of this wire breaks.
    pub(crate) fn broken(&mut self, wire: usize) -> Held {
        if let Some(number) = self.wires[wire].live.last().copied() {
            self.counts.note("connection broken");
            self.cut(number, 10, 20_000);
        }
        Ok(())
    }

    /// Nothing passes for so long.
    pub(crate) fn partition(&mut self, wire: usize, ms: u64) -> Held {
        let until = self.now_ms + ms;
        self.wires[wire].partitioned_until_ms = self.wires[wire].partitioned_until_ms.max(until);
        self.counts.note("partition");
        self.story.tell(self.now_ms, || format!("wire {wire}: nothing passes for {} min", ms / 60_000));
        Ok(())
    }

    /// The connections of a station that has stopped are gone.
    pub(crate) fn hang_up(&mut self, station: usize) {
        for number in 0..self.connections.len() {
            let wire = self.connections[number].wire;
            if self.connections[number].alive && self.wires[wire].places.iter().any(|(s, _)| *s == station) {
                self.cut(number, 10, 20_000);
            }
        }
        for wire in 0..self.wires.len() {
            for end in Party::BOTH.into_iter().filter(|end| self.wires[wire].places[end.slot()].0 == station) {
                for number in self.wires[wire].live.clone() {
                    self.connections[number].ends[end.slot()].session = None;
                }
            }
        }
    }
}
