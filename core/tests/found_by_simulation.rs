//! What the simulator found, each as the shortest story that shows it.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::collections::BTreeMap;

use counterpart_core::act::Act;
use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{EntryRef, Epoch, LineId, Party, PostId};
use counterpart_core::line::Line;
use counterpart_core::line::due::Conduct;
use counterpart_core::line::turn::{Answer, Arrived, Given, Input, Plan};
use counterpart_core::link::{Held, Now, Output, Rate, Session, Setup, VERSIONS};
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::charter::{Charter, Keys, PartyTerms, PostTerms};
use counterpart_core::record::codes::Mode;
use counterpart_core::record::log::Entry;
use counterpart_core::record::opening::{EpochHeads, Opening};
use counterpart_core::record::sign1::{AAD_CHARTER, Sign, SoftKey, Strict, to_be_signed};
use counterpart_core::time::Timestamp;

const NOW: Timestamp = Timestamp(1_767_225_600_000);

fn key(party: Party) -> SoftKey {
    SoftKey::from_seed([party as u8 + 1; 32])
}

fn post() -> PostId {
    PostId::parse("minister").unwrap()
}

fn opening() -> (Charter, Opening) {
    let parties = Party::BOTH.map(|party| PartyTerms {
        name: format!("{party:?}"),
        call_sign: format!("{party:?}"),
        keys: Keys { root: [9; 32], station: *key(party).public().as_bytes(), link: [8; 32], word: [7; 32] },
        languages: Vec::new(),
        addresses: Vec::new(),
        posts: vec![PostTerms { id: post(), highest: Precedence::Flash, night: true }],
        zone: String::new(),
    });
    let charter = Charter::of(LineId([5; 16]), parties);
    let message = to_be_signed(AAD_CHARTER, &charter.encode());
    let signatures = Party::BOTH.map(|party| key(party).sign(&message));
    let opening = Opening::Paired { charter: charter.encode(), signatures };
    (charter, opening)
}

/// A station with its line; what a turn wrote is committed at once.
struct Station {
    line: Line,
    key: SoftKey,
    disk: BTreeMap<EntryRef, Vec<u8>>,
}

impl Station {
    fn new(party: Party) -> Station {
        let (charter, opening) = opening();
        let mut station = Station { line: Line::new(charter, party), key: key(party), disk: BTreeMap::new() };
        let stored = |_: Epoch, _: EntryRef| None;
        let written = station.line.open(&opening, &given(&station.key, &stored)).unwrap();
        station.disk.insert(written.entry.header.at(), written.entry.bytes);
        station
    }

    fn turn(&mut self, inputs: Vec<Input>) -> Plan {
        let stored = |_: Epoch, at: EntryRef| self.disk.get(&at).cloned();
        let plan = self.line.turn(inputs, &given(&self.key, &stored));
        for written in &plan.written {
            self.disk.insert(written.entry.header.at(), written.entry.bytes.clone());
        }
        plan
    }

    fn act(&mut self, act: Act) -> Answer {
        self.turn(vec![Input::Act(Epoch::FIRST, Box::new(act), None)]).answers[0]
    }

    fn entry(&self, index: u64) -> Entry {
        Entry::read(&self.disk[&EntryRef { party: self.line.me(), index }]).unwrap()
    }

    fn held(&self) -> Held {
        let heads = Party::BOTH.map(|party| self.line.log(party).head());
        let heads = EpochHeads { epoch: self.line.epoch(), heads };
        Held { heads, peer_key: self.line.peer().key(), halted: None, named: 0, unknown: false, counts: 0 }
    }

    fn session(&self) -> (Session, Vec<u8>) {
        Session::new(Setup {
            line: self.line.id(),
            me: self.line.me(),
            held: vec![self.held()],
            peer_root: self.line.peer().root_key(),
            versions: VERSIONS.to_vec(),
            rate: Rate::default(),
            software: String::new(),
            now: now(0),
        })
    }
}

fn given<'a>(sign: &'a SoftKey, stored: &'a dyn Fn(Epoch, EntryRef) -> Option<Vec<u8>>) -> Given<'a> {
    let conduct = Conduct { even: true, steady_ms: 0, mark: Mark::Exercise };
    Given { now: NOW, conduct, monotonic_ms: 0, sign, verify: &Strict, stored }
}

fn now(ms: u64) -> Now {
    Now { ms, wall: NOW.plus(ms) }
}

/// As the link brings it: verified, or below what is held and so not.
fn arrived(entry: &Entry, verified: bool) -> Input {
    let verified_under = verified.then(|| key(entry.header.party).public());
    Input::Arrived(Box::new(Arrived { entry: entry.clone(), body: None, verified_under }))
}

fn ask() -> Act {
    Act::Ask {
        from: post(),
        to: post(),
        precedence: Precedence::Routine,
        mark: Mark::Exercise,
        mode: Mode::Voice,
        private: false,
        valid_until: None,
        again: None,
    }
}

#[test]
fn a_log_that_was_halted_before_a_start_stays_halted() {
    let joiner = Station::new(Party::Joiner);
    let mut inviter = Station::new(Party::Inviter);

    inviter.line.mark_halted(Epoch::FIRST, Misconduct::Fork);
    let plan = inviter.turn(vec![arrived(&joiner.entry(0), true)]);

    assert_eq!((plan.answers, inviter.line.peer().size()), (vec![Answer::Held], 0));
}

#[test]
fn a_hello_that_its_author_overtook_on_another_connection_does_not_keep_the_records_uneven() {
    let (mut inviter, mut joiner) = (Station::new(Party::Inviter), Station::new(Party::Joiner));
    let (old, first) = (joiner.session(), inviter.entry(0));
    joiner.turn(vec![arrived(&first, true)]);
    joiner.act(ask());
    inviter.turn(vec![arrived(&joiner.entry(0), true), arrived(&joiner.entry(1), true)]);
    let (mut here, hello) = inviter.session();
    let (mut there, overtaken) = old;

    here.frame(&overtaken, now(1), &Strict);
    let mut to_here = there.committed(joiner.held(), now(1));
    to_here.extend(there.frame(&hello, now(1), &Strict));
    for _ in 0..3 {
        let mut to_there = Vec::new();
        for output in std::mem::take(&mut to_here) {
            if let Output::Send(frame) = output {
                to_there.extend(here.frame(&frame, now(2), &Strict));
            }
        }
        to_there.extend(here.tick(now(2)));
        for output in to_there {
            if let Output::Send(frame) = output {
                to_here.extend(there.frame(&frame, now(3), &Strict));
            }
        }
    }

    assert!(there.even() && here.even());
}
