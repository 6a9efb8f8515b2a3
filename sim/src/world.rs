//! The world: one thread, one clock, one list of what happens next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::line::Line;
use counterpart_core::record::codes::Channel;
use counterpart_core::record::sign1::Sign;

use crate::backups::Setback;
use crate::chance::Chance;
use crate::counts::Counts;
use crate::keys::{EntryKey, KeySet};
use crate::pairing::pair;
use crate::plan::{ACTS_MIN, LENGTH_MS, Plan};
use crate::promises::Held;
use crate::station::{Clock, Kept, Message, Station};
use crate::story::Story;
use crate::twins::Twins;
use crate::wire::{Connection, Wire};

/// What happens next. A station's events carry the number of its run: those of an earlier run are void.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// A station looks at what waits.
    Turn(usize, u64),
    /// Its commit is done.
    Committed(usize, u64),
    /// A frame reaches one end of a connection.
    Arrive(usize, Party),
    /// A session has something due.
    Tick(usize, Party),
    /// One end of a connection is there.
    Opened(usize, Party),
    /// One end learns that the connection is gone.
    Lost(usize, Party),
    /// Somebody dials.
    Dial(usize),
    /// A connection breaks.
    Break(usize),
    /// Nothing passes for so long.
    Partition(usize, u64),
    /// A person acts.
    Act,
    /// A person asks seventy times.
    Insist,
    /// A liar lies.
    Lie(usize),
    /// A hostile station breaks the protocol, as soon as there is somebody to see it.
    Breach(usize, usize),
    /// A station's side of a pairing is done: it writes index 0.
    Begin(usize, usize),
    /// A bell has rung for an attempt.
    Rung(usize, u64, usize, (Epoch, EntryRef), Channel),
    /// A station stops without a word.
    Crash(usize, u64),
    /// A station starts.
    Start(usize),
    /// A backup is made.
    BackUp(usize),
    /// A station is put back to a backup; its peer cannot be reached for long, or can.
    SetBack(usize, Setback, bool),
    /// The person with the root key comes.
    Root(usize),
    /// A backup is served elsewhere while the station goes on.
    Double(usize, Setback),
    /// The peers meet the other copy of a station.
    Turns,
    /// A person with the root key goes on with one of two copies.
    Choose,
    /// A clock is set.
    Jump(usize),
}

/// Everything.
pub struct World {
    pub(crate) plan: Plan,
    pub(crate) chance: Chance,
    pub(crate) now_ms: u64,
    events: BTreeMap<(u64, u64), Event>,
    last: u64,
    pub(crate) stations: Vec<Station>,
    pub(crate) wires: Vec<Wire>,
    pub(crate) connections: Vec<Connection>,
    pub(crate) counts: Counts,
    pub(crate) story: Story,
    /// Acts that were asked for and written.
    pub(crate) acts: u64,
    /// Fourteen days are over: nothing goes wrong any more, and nobody acts.
    pub(crate) healed: bool,
    /// A station of which two copies live.
    pub(crate) twins: Option<Twins>,
}

const NAMES: [&str; 3] = ["Northland", "Southmark", "Eastholm"];

impl World {
    /// The world of a plan, with nothing written in it yet.
    pub fn new(mut plan: Plan, kept: bool) -> World {
        let mut chance = plan.chance.apart();
        let natures = plan.natures.iter().zip(NAMES);
        let stations: Vec<Station> =
            natures.map(|(nature, name)| station(name, *nature, plan.signing, &mut chance)).collect();
        let mut world = World {
            now_ms: 0,
            events: BTreeMap::new(),
            last: 0,
            stations,
            wires: Vec::new(),
            connections: Vec::new(),
            counts: Counts::default(),
            story: Story::new(kept),
            acts: 0,
            healed: false,
            twins: None,
            chance,
            plan,
        };
        for (wire, ends) in world.plan.lines().into_iter().enumerate() {
            world.connect(wire, ends);
        }
        world.trouble();
        world
    }

    /// Pairs two stations and has both write their index 0 soon.
    fn connect(&mut self, wire: usize, ends: [usize; 2]) {
        let pairing = pair(ends.map(|s| &self.stations[s]), &mut self.chance);
        let granted = ends.map(|s| self.stations[s].keys[0].entry.public());
        let mut places = [(0, 0); 2];
        for (party, station) in Party::BOTH.into_iter().zip(ends) {
            let kept = Kept::new(wire, Line::new(pairing.charter.clone(), party));
            let station_kept = &mut self.stations[station].kept;
            places[party.slot()] = (station, station_kept.len());
            station_kept.push(kept);
            let later = self.chance.scaled(1, 8_000);
            self.after(later, Event::Begin(station, places[party.slot()].1));
        }
        self.wires.push(Wire::new(places, pairing.opening, granted));
        self.dial_later(wire, 1, 5_000);
    }

    /// What will go wrong, and when; and who will act.
    fn trouble(&mut self) {
        let (troubles, stations, wires) = (self.plan.troubles, self.stations.len(), self.wires.len());
        for _ in 0..troubles.partitions {
            let (at, length) = (self.chance.below(LENGTH_MS * 9 / 10), self.chance.scaled(60_000, 86_400_000));
            let wire = self.chance.place(wires);
            self.at(at, Event::Partition(wire, length));
        }
        for _ in 0..troubles.crashes {
            let (at, station) = (self.chance.below(LENGTH_MS * 9 / 10), self.chance.place(stations));
            self.at(at, Event::Crash(station, u64::MAX));
        }
        for _ in 0..troubles.jumps {
            let (at, station) = (self.chance.below(LENGTH_MS), self.chance.place(stations));
            self.at(at, Event::Jump(station));
        }
        for _ in 0..troubles.breaks {
            let (at, wire) = (self.chance.below(LENGTH_MS), self.chance.place(wires));
            self.at(at, Event::Break(wire));
        }
        if self.plan.twins {
            self.plan_twins();
        }
        self.plan_setbacks();
        for liar in 0..stations {
            if self.stations[liar].honest() {
                continue;
            }
            let first = self.chance.scaled(10_000, 7_200_000);
            self.at(first, Event::Lie(liar));
        }
        let first = self.chance.scaled(200, 20_000);
        self.at(first, Event::Act);
        if self.plan.insistent {
            let at = self.chance.below(LENGTH_MS);
            self.at(at, Event::Insist);
        }
    }

    /// Honest stations are put back to backups: mostly one and the same, some of them time and again.
    fn plan_setbacks(&mut self) {
        let honest: Vec<usize> = (0..self.stations.len()).filter(|s| self.stations[*s].honest()).collect();
        let Some(mostly) = self.chance.pick(&honest).copied() else { return };
        let mut unlucky = BTreeSet::new();
        // An old copy that does not know that it is one comes alone: what it forks is enough for one seed.
        let unmarked = self.chance.percent(25);
        for _ in 0..if unmarked { self.plan.setbacks.min(1) } else { self.plan.setbacks } {
            let station = if self.chance.percent(70) { mostly } else { *self.chance.pick(&honest).unwrap_or(&mostly) };
            let (backup, later) = (self.chance.below(LENGTH_MS * 8 / 10), self.chance.scaled(60_000, LENGTH_MS / 3));
            self.at(backup, Event::BackUp(station));
            let how = if unmarked { Setback::Unmarked } else { Setback::Marked };
            let dark = self.chance.percent(35);
            self.at((backup + later).min(LENGTH_MS * 9 / 10), Event::SetBack(station, how, dark));
            unlucky.insert(station);
        }
        for station in unlucky {
            let first = self.chance.scaled(1_000, 86_400_000);
            self.at(first, Event::Root(station));
        }
    }

    /// How often each thing has arisen.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Acts that were asked for and written.
    pub fn acts(&self) -> u64 {
        self.acts
    }

    /// Whether entries are signed as stations sign.
    pub fn ed25519(&self) -> bool {
        self.plan.signing == crate::keys::Signing::Ed25519
    }

    /// What happened so far.
    pub fn story(&self) -> &[String] {
        self.story.lines()
    }

    /// Something will happen, at a time.
    pub(crate) fn at(&mut self, at_ms: u64, event: Event) {
        self.last += 1;
        self.events.insert((at_ms.max(self.now_ms), self.last), event);
    }

    /// Something will happen, after so many milliseconds.
    pub(crate) fn after(&mut self, ms: u64, event: Event) {
        self.at(self.now_ms + ms, event);
    }

    /// Runs the fourteen days, heals the world, waits until it is quiet, and looks at all of it.
    pub fn run(&mut self) -> Held {
        self.until(LENGTH_MS)?;
        // Whoever has acted little acts on, faster.
        for _ in 0..ACTS_MIN * 100 {
            if self.acts >= ACTS_MIN {
                break;
            }
            let soon = self.now_ms + self.chance.scaled(200, 20_000);
            self.act();
            self.until(soon)?;
        }
        if self.plan.closes {
            self.close();
            self.until(self.now_ms + 3_600_000)?;
        }
        self.heal();
        self.until(self.now_ms + 1_800_000)?;
        self.calm_down()?;
        if self.plan.has_copies() {
            self.write_once_more();
            self.until(self.now_ms + 60_000)?;
            self.calm_down()?;
        }
        self.last_meeting()?;
        self.calm_down()?;
        self.look_at_all()
    }

    fn calm_down(&mut self) -> Held {
        for _ in 0..360 {
            if self.is_quiet() {
                break;
            }
            self.until(self.now_ms + 10_000)?;
        }
        Ok(())
    }

    pub(crate) fn until(&mut self, end_ms: u64) -> Held {
        while let Some(next) = self.events.first_entry() {
            let (at, _) = *next.key();
            if at > end_ms {
                break;
            }
            let event = next.remove();
            self.now_ms = at;
            self.step(event)?;
        }
        self.now_ms = end_ms;
        Ok(())
    }

    fn step(&mut self, event: Event) -> Held {
        match event {
            Event::Turn(station, run) if self.stations[station].run == run => self.woken(station),
            Event::Committed(station, run) if self.stations[station].run == run => self.committed(station),
            Event::Turn(..) | Event::Committed(..) => Ok(()),
            Event::Arrive(connection, end) => self.arrive(connection, end),
            Event::Tick(connection, end) => self.tick(connection, end),
            Event::Opened(connection, end) => self.opened(connection, end),
            Event::Lost(connection, end) => self.lost(connection, end),
            Event::Dial(wire) => self.dial(wire),
            Event::Start(station) => self.start(station),
            Event::Begin(station, at) => {
                self.open_again(station, at);
                Ok(())
            }
            Event::Rung(station, run, at, attempt, channel) => {
                if self.stations[station].run == run {
                    let (epoch, attempt) = attempt;
                    self.put(station, at, Message::Alerting(epoch, attempt, channel));
                }
                Ok(())
            }
            Event::Root(station) => self.with_root(station),
            _ if self.healed => Ok(()),
            Event::BackUp(station) => self.back_up(station),
            Event::Double(..) | Event::Turns | Event::Choose => {
                self.twins_step(event);
                Ok(())
            }
            Event::SetBack(station, how, dark) => self.set_back(station, how, dark),
            Event::Break(wire) => self.broken(wire),
            Event::Partition(wire, ms) => self.partition(wire, ms),
            Event::Lie(station) => self.lie(station),
            Event::Breach(station, at) => self.breach(station, at),
            Event::Act => {
                self.act();
                let pause = self.chance.scaled(100, self.plan.pause_max_ms);
                self.after(pause, Event::Act);
                Ok(())
            }
            Event::Insist => self.insist(),
            Event::Crash(station, run) => self.crash(station, run),
            Event::Jump(station) => self.jump(station),
        }
    }

    /// Something waits for a station's record.
    pub(crate) fn put(&mut self, station: usize, at: usize, message: Message) {
        if self.stations[station].running {
            self.stations[station].inbox.push_back((at, message));
            self.wake(station, 0);
        }
    }

    /// A station will look, after so many milliseconds, at what waits.
    pub(crate) fn wake(&mut self, station: usize, ms: u64) {
        let at = self.now_ms + ms;
        let it = &mut self.stations[station];
        if it.wake_ms.is_none_or(|wake| wake > at) {
            it.wake_ms = Some(at);
            let run = it.run;
            self.at(at, Event::Turn(station, run));
        }
    }

    fn jump(&mut self, station: usize) -> Held {
        let by = self.chance.scaled(1_000, 200_000_000).cast_signed();
        let by = if self.chance.percent(50) { by } else { -by };
        let it = &mut self.stations[station];
        it.clock.ahead_ms += by;
        let name = it.name;
        self.counts.note("clock jumped");
        self.story.tell(self.now_ms, || format!("{name}: the clock is set by {by} ms"));
        self.stations[station].kept.iter_mut().for_each(|kept| kept.stirred = true);
        self.wake(station, 0);
        Ok(())
    }

    fn heal(&mut self) {
        self.healed = true;
        self.story.tell(self.now_ms, || "nothing goes wrong any more, and nobody acts".into());
        self.heal_twins();
        for station in 0..self.stations.len() {
            self.stations[station].doomed = false;
            if !self.stations[station].backups.is_empty() {
                self.after(5_000, Event::Root(station));
            }
            if !self.stations[station].running && !self.is_stopped(station) {
                self.after(1_000, Event::Start(station));
            }
        }
        for wire in 0..self.wires.len() {
            self.wires[wire].partitioned_until_ms = self.wires[wire].partitioned_until_ms.min(self.now_ms);
            self.dial_later(wire, 1_000, 4_000);
        }
    }
}

fn station(
    name: &'static str,
    nature: crate::plan::Nature,
    signing: crate::keys::Signing,
    chance: &mut Chance,
) -> Station {
    let clock = a_clock(chance);
    Station {
        name,
        nature,
        keys: vec![KeySet::new(chance.bytes(), signing).into()],
        root: EntryKey::new(chance.bytes(), signing).into(),
        backups: Vec::new(),
        clock,
        started_ms: 0,
        running: true,
        run: 0,
        doomed: false,
        wake_ms: None,
        inbox: VecDeque::new(),
        pending: None,
        kept: Vec::new(),
    }
}

/// A clock that is wrong by up to two minutes, and gains or loses.
pub(crate) fn a_clock(chance: &mut Chance) -> Clock {
    let ahead_ms = chance.scaled(1, 120_000).cast_signed() - chance.scaled(1, 120_000).cast_signed();
    let drift_ppm = chance.between(0, 400).cast_signed() - 200;
    Clock { ahead_ms, drift_ppm }
}
