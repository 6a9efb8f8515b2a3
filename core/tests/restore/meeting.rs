//! Two stations that meet over real sessions, until nobody has anything more to say.

use std::collections::VecDeque;

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{Epoch, Party};
use counterpart_core::line::Line;
use counterpart_core::line::turn::{Answer, Arrived, Input};
use counterpart_core::link::output::{Now, Output, Setup};
use counterpart_core::link::rate::Rate;
use counterpart_core::link::session::Session;
use counterpart_core::record::opening::{EpochHeads, Opening};
use counterpart_core::record::sign1::{AAD_CHARTER, Sign, Strict, to_be_signed};
use counterpart_core::time::Timestamp;

use crate::rig::{NORTH, SOUTH, START, Station, Store, charter, key};

/// What became of one side of a meeting.
#[derive(Default, Debug)]
pub struct Met {
    /// The session said so; whether the line believes it is another matter.
    pub heard: bool,
    pub misconduct: Vec<Misconduct>,
    pub is_closed: bool,
}

/// Two stations.
pub struct World {
    pub north: Station,
    pub south: Station,
}

impl World {
    /// Both logs have begun, and both sides hold both.
    pub fn new() -> World {
        let message = to_be_signed(AAD_CHARTER, &charter().encode());
        let signatures = Party::BOTH.map(|party| key(party, 1).sign(&message));
        let opening = Opening::Paired { charter: charter().encode(), signatures };
        let station = |me: Party| {
            let (line, store) = (Line::new(charter(), me), Store::default());
            let mut station = Station { me, line, store, now: START };
            let mut line = station.line.clone();
            let written = station.given(&key(me, 1), |given| line.open(&opening, given)).unwrap();
            station.line = line;
            station.commit(vec![written]);
            station
        };
        let mut world = World { north: station(NORTH), south: station(SOUTH) };
        world.meet();
        world
    }

    /// A connection, until nobody has anything more to say.
    pub fn meet(&mut self) -> [Met; 2] {
        Meeting::new([&mut self.north, &mut self.south], |_| {}).run()
    }

    /// The same; in its hello South names what it likes.
    pub fn meet_claiming(&mut self, claim: impl FnMut(&mut EpochHeads)) -> [Met; 2] {
        Meeting::new([&mut self.north, &mut self.south], claim).run()
    }

    /// They meet until all is even, and both go on in one epoch.
    pub fn goes_on(&mut self) {
        for _ in 0..3 {
            self.meet();
        }
        let (north, south) = (self.north.writes().unwrap(), self.south.writes().unwrap());
        self.meet();
        assert_eq!(self.north.line.epoch(), self.south.line.epoch());
        let held = |station: &Station| [north, south].map(|at| station.store.entry(station.line.epoch(), at));
        assert!(held(&self.north) == held(&self.south) && !held(&self.north).contains(&None));
    }
}

struct Meeting<'a> {
    stations: [&'a mut Station; 2],
    sessions: [Session; 2],
    inboxes: [VecDeque<Vec<u8>>; 2],
    met: [Met; 2],
    ms: u64,
}

impl<'a> Meeting<'a> {
    fn new(stations: [&'a mut Station; 2], mut claim: impl FnMut(&mut EpochHeads)) -> Meeting<'a> {
        let mut inboxes = [VecDeque::new(), VecDeque::new()];
        let sessions = [0, 1].map(|at: usize| {
            let line = &stations[at].line;
            let mut held = line.held();
            if at == 1 {
                held.iter_mut().for_each(|held| claim(&mut held.heads));
            }
            let setup = Setup {
                line: line.id(),
                me: line.me(),
                held,
                peer_root: line.peer().root_key(),
                versions: vec![1],
                rate: Rate { per_second: 100_000, burst: 100_000 },
                software: String::new(),
                now: now(0),
            };
            let (session, hello) = Session::new(setup);
            inboxes[1 - at].push_back(hello);
            session
        });
        Meeting { stations, sessions, inboxes, met: Default::default(), ms: 0 }
    }

    fn run(mut self) -> [Met; 2] {
        loop {
            while self.step(0) | self.step(1) {}
            self.ms += 15_000;
            if self.ms > 60_000 {
                return self.met;
            }
            for at in [0, 1] {
                let out = self.sessions[at].tick(now(self.ms));
                self.follow(at, out);
            }
        }
    }

    fn step(&mut self, at: usize) -> bool {
        let mut busy = false;
        if let Some(frame) = self.inboxes[at].pop_front() {
            let out = self.sessions[at].frame(&frame, now(self.ms), &Strict);
            self.follow(at, out);
            busy = true;
        }
        if let Some(range) = self.sessions[at].wants(self.ms) {
            let frames = self.sessions[at].supply(range, &self.stations[at].entries(range), self.ms);
            busy |= !frames.is_empty();
            self.inboxes[1 - at].extend(frames);
        }
        busy
    }

    fn follow(&mut self, at: usize, out: Vec<Output>) {
        for output in out {
            let input = match output {
                Output::Send(frame) => {
                    self.inboxes[1 - at].push_back(frame);
                    continue;
                }
                Output::Take(received) => {
                    let verified_under = received.verified_under;
                    Input::Arrived(Arrived { entry: received.entry, body: received.body, verified_under }.into())
                }
                Output::Shown(shown) => Input::Shown(shown),
                Output::Heard(named) => {
                    self.met[at].heard = true;
                    Input::Heard(named)
                }
                Output::Misconduct { what, epoch, .. } => {
                    self.met[at].misconduct.push(what);
                    self.stations[at].line.mark_halted(epoch, what);
                    continue;
                }
                Output::Close(_) => {
                    self.met[at].is_closed = true;
                    continue;
                }
                _ => continue,
            };
            self.put(at, input);
        }
    }

    fn put(&mut self, at: usize, input: Input) {
        let epoch = match &input {
            Input::Arrived(arrived) => arrived.entry.header.epoch,
            Input::Shown(shown) => shown.entry.header.epoch,
            _ => Epoch::FIRST,
        };
        let answers = self.stations[at].turn(vec![input]);
        for held in self.stations[at].line.held() {
            let out = self.sessions[at].committed(held, now(self.ms));
            self.follow(at, out);
        }
        if let [Answer::Misconduct(what)] = answers[..] {
            let out = self.sessions[at].misconduct(what, epoch, &[]);
            self.follow(at, out);
        }
    }
}

fn now(ms: u64) -> Now {
    Now { ms, wall: Timestamp(START + ms) }
}
