//! Two stations without sockets or disks, stepped against each other in virtual time, with real keys and real logs.

use std::collections::VecDeque;

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{Epoch, LineId, Party};
use counterpart_core::link::frame::{Beat, Frame, Hello};
use counterpart_core::link::output::{Held, Now, Output, Reason, Received, Setup};
use counterpart_core::link::rate::Rate;
use counterpart_core::link::session::Session;
use counterpart_core::record::body;
use counterpart_core::record::entry::{BodyRef, Head, Header};
use counterpart_core::record::log::{Entry, Log, key_grant};
use counterpart_core::record::opening::{EpochHeads, Opening};
use counterpart_core::record::sign1::{AAD_ENTRY, AAD_KEY, PublicKey, Sign, SoftKey, Strict, seal, to_be_signed};
use counterpart_core::record::what::What;
use counterpart_core::time::Timestamp;

pub const LINE: LineId = LineId([0x11; 16]);
pub const SECOND: Epoch = Epoch { number: 1, id: [0xe1; 8] };

/// An entry as the store keeps it.
pub type Stored = (Vec<u8>, Option<Vec<u8>>);

pub fn now(ms: u64) -> Now {
    Now { ms, wall: Timestamp(1_700_000_000_000 + ms) }
}

pub fn key(seed: u8) -> SoftKey {
    SoftKey::from_seed([seed; 32])
}

/// The root key of a party; its station keys are those after it.
pub fn root_seed(party: Party) -> u8 {
    10 + 100 * party.slot() as u8
}

/// One party's log of one epoch, as its author writes it.
pub struct Author {
    pub party: Party,
    pub log: Log,
    pub seed: u8,
    pub stored: Vec<Stored>,
}

impl Author {
    pub fn new(party: Party, epoch: Epoch, seed: u8) -> Author {
        let root = key(root_seed(party)).public();
        Author { party, log: Log::new(LINE, epoch, party, key(seed).public(), root), seed, stored: Vec::new() }
    }

    /// Signs and appends; `held` is the head of the other log.
    pub fn write(&mut self, what: What, text: Option<&str>, held: Head) -> Vec<u8> {
        let body = text.map(|t| t.as_bytes().to_vec());
        let (place, time) = ((LINE, self.log.epoch(), self.party), Timestamp(1_700_000_000_000));
        let header = Header {
            body: body.as_deref().map(|b| BodyRef::Attested(body::digest(b))),
            ..Header::of(place, [self.log.head(), held], time, Ok(what))
        };
        let bytes = seal(AAD_ENTRY, &header.encode(), &key(self.seed));
        self.log.append(&Entry::read(&bytes).unwrap());
        self.stored.push((bytes.clone(), body));
        bytes
    }

    pub fn memo(&mut self, text: &str) -> Vec<u8> {
        self.write(What::Memo, Some(text), nothing())
    }

    /// The `key` entry that puts `seed` into force; `root` signs the grant.
    pub fn change_key(&mut self, seed: u8, root: u8) -> Vec<u8> {
        let public = *key(seed).public().as_bytes();
        let keys = [public, [1; 32], [2; 32]];
        let grant = to_be_signed(AAD_KEY, &key_grant(LINE, self.log.epoch(), 1, &keys));
        let what = What::Key { serial: 1, keys, root: key(root).sign(&grant), proof: key(seed).sign(&grant) };
        let bytes = self.write(what, None, nothing());
        self.seed = seed;
        bytes
    }

    /// The charter with which root opens this epoch; afterwards `seed` signs.
    pub fn open_epoch(&mut self, seed: u8) -> Vec<u8> {
        let keys = [*key(seed).public().as_bytes(), [1; 32], [2; 32]];
        let heads = Vec::new();
        let what = What::Charter(Opening::Opened { keys, heads }.write());
        let bytes = self.write(what, None, nothing());
        self.seed = seed;
        bytes
    }
}

pub fn nothing() -> Head {
    Head { size: 0, root: counterpart_core::record::merkle::empty_root() }
}

/// The key in force for a party's first entry of the first epoch.
pub fn first_key(party: Party) -> PublicKey {
    key(root_seed(party) + 1).public()
}

pub fn held(epoch: Epoch, inviter: Head, joiner: Head, peer_key: PublicKey) -> Held {
    let heads = [inviter, joiner];
    Held { heads: EpochHeads { epoch, heads }, peer_key, halted: None, named: 0, unknown: false, counts: 0 }
}

pub fn setup(me: Party, held: Vec<Held>, rate: Rate, at: u64) -> Setup {
    Setup {
        line: LINE,
        me,
        held,
        peer_root: key(root_seed(me.peer())).public(),
        versions: vec![1],
        rate,
        software: "rig".into(),
        now: now(at),
    }
}

/// A joiner's session that holds nothing, and the hello of an inviter who has this much.
pub fn joiner_meets(inviter: Head) -> (Session, Vec<Output>) {
    let held = held(Epoch::FIRST, nothing(), nothing(), first_key(Party::Inviter));
    let (mut session, _) = Session::new(setup(Party::Joiner, vec![held], Rate::default(), 0));
    let out = session.frame(&hello(vec![heads(inviter, nothing())]), now(0), &Strict);
    (session, out)
}

pub fn heads(inviter: Head, joiner: Head) -> EpochHeads {
    EpochHeads { epoch: Epoch::FIRST, heads: [inviter, joiner] }
}

pub fn hello(epochs: Vec<EpochHeads>) -> Vec<u8> {
    let hello = Hello {
        versions: vec![1],
        line: LINE,
        epochs,
        clock: Timestamp(1_700_000_000_000),
        rate: Rate::default(),
        software: "by hand".into(),
    };
    Frame::Hello(hello).encode().unwrap()
}

pub fn entry(bytes: &[u8], body: Option<&[u8]>) -> Vec<u8> {
    let (bytes, body) = (bytes.to_vec(), body.map(Vec::from));
    Frame::Entry { bytes, body }.encode().unwrap()
}

pub fn beat(number: u64, heads: EpochHeads) -> Beat {
    Beat { number, clock: Timestamp(1_700_000_000_000), heads }
}

/// What of the outputs a test asks for.
pub fn taken(out: &[Output]) -> Vec<&Received> {
    out.iter().filter_map(received).collect()
}

fn received(output: &Output) -> Option<&Received> {
    match output {
        Output::Take(received) => Some(received),
        _ => None,
    }
}

pub fn named(out: &[Output]) -> Option<Misconduct> {
    out.iter().find_map(|o| match o {
        Output::Misconduct { what, .. } => Some(*what),
        _ => None,
    })
}

pub fn closed(out: &[Output]) -> Option<Reason> {
    out.iter().find_map(|o| match o {
        Output::Close(reason) => Some(*reason),
        _ => None,
    })
}

pub fn fault_sent(out: &[Output]) -> Option<u64> {
    out.iter().find_map(|o| match o {
        Output::Send(bytes) => match Frame::decode(bytes) {
            Ok(Frame::Fault { number, .. }) => Some(number),
            _ => None,
        },
        _ => None,
    })
}

/// One station: its own log, its copy of the other, and at most one session.
pub struct Station {
    pub own: Author,
    pub copy: Log,
    pub copied: Vec<Stored>,
    pub rate: Rate,
    pub session: Option<Session>,
    /// Frames on their way to it.
    pub inbox: VecDeque<Vec<u8>>,
    /// Everything that its sessions said, frames and entries apart.
    pub said: Vec<Output>,
    /// How often an entry came that it held already.
    pub again: usize,
    read_from: u64,
}

impl Station {
    fn new(me: Party) -> Station {
        let peer = me.peer();
        let peer_root = key(root_seed(peer)).public();
        Station {
            own: Author::new(me, Epoch::FIRST, root_seed(me) + 1),
            copy: Log::new(LINE, Epoch::FIRST, peer, first_key(peer), peer_root),
            copied: Vec::new(),
            rate: Rate::default(),
            session: None,
            inbox: VecDeque::new(),
            said: Vec::new(),
            again: 0,
            read_from: 0,
        }
    }

    pub fn held(&self) -> Held {
        let (own, copy) = (self.own.log.head(), self.copy.head());
        let [inviter, joiner] = match self.own.party {
            Party::Inviter => [own, copy],
            Party::Joiner => [copy, own],
        };
        held(Epoch::FIRST, inviter, joiner, self.copy.key())
    }

    fn keep(&mut self, received: &Received) {
        let index = received.entry.header.own.size as usize;
        if let Some((bytes, _)) = self.copied.get(index) {
            assert_eq!(*bytes, received.entry.bytes);
            self.again += 1;
            return;
        }
        assert_eq!(self.copy.judge(&received.entry, &self.own.log, &Strict), Ok(()));
        assert_eq!(received.verified_under, Some(self.copy.key()));
        self.copy.append(&received.entry);
        let stored = (received.entry.bytes.clone(), received.body.clone());
        self.copied.push(stored);
    }
}

/// Both stations and the time.
pub struct World {
    pub stations: [Station; 2],
    pub ms: u64,
    /// Frames that still arrive before the connection is lost.
    pub frames_left: usize,
}

impl World {
    pub fn new() -> World {
        World { stations: Party::BOTH.map(Station::new), ms: 0, frames_left: usize::MAX }
    }

    pub fn connect(&mut self) {
        self.cut();
        for me in [0, 1] {
            let station = &mut self.stations[me];
            let setup = setup(station.own.party, vec![station.held()], station.rate, self.ms);
            let (session, hello) = Session::new(setup);
            station.session = Some(session);
            self.stations[1 - me].inbox.push_back(hello);
        }
    }

    pub fn cut(&mut self) {
        for station in &mut self.stations {
            station.session = None;
            station.inbox.clear();
            station.read_from = 0;
        }
    }

    pub fn memo(&mut self, me: usize, text: &str) {
        let station = &mut self.stations[me];
        let held = station.copy.head();
        station.own.write(What::Memo, Some(text), held);
        self.commit(me);
    }

    pub fn commit(&mut self, me: usize) {
        let station = &mut self.stations[me];
        let held = station.held();
        if let Some(session) = &mut station.session {
            let out = session.committed(held, now(self.ms));
            self.follow(me, out);
        }
    }

    /// Lets everything happen that is due within `ms`.
    pub fn run(&mut self, ms: u64) {
        let end = self.ms + ms;
        loop {
            while self.step(0) | self.step(1) {}
            let due = self.stations.iter().filter_map(|s| {
                let tick = s.session.as_ref()?.next_tick(self.ms)?;
                let reads = !s.inbox.is_empty() && self.frames_left > 0;
                let read = reads.then_some(s.read_from);
                Some(read.unwrap_or(u64::MAX).min(tick))
            });
            let next = due.min().unwrap_or(u64::MAX);
            assert!(next > self.ms, "a station would spin");
            if next > end {
                self.ms = end;
                return;
            }
            self.ms = next;
        }
    }

    /// One frame in, what is wanted out, what is due done; false if there was nothing of these.
    fn step(&mut self, me: usize) -> bool {
        let at = now(self.ms);
        let station = &mut self.stations[me];
        let Some(session) = &mut station.session else {
            return false;
        };
        let mut busy = false;
        if let Some(range) = session.wants(at.ms) {
            assert_eq!(range.epoch, Epoch::FIRST);
            assert!(range.to - range.from <= 64);
            let entries = &station.own.stored[range.from as usize..range.to as usize];
            let frames = session.supply(range, entries, at.ms);
            assert_eq!(frames.len(), entries.len());
            self.stations[1 - me].inbox.extend(frames);
            busy = true;
        }
        let station = &mut self.stations[me];
        if let Some(session) = &mut station.session
            && session.next_tick(at.ms).is_some_and(|due| due <= at.ms)
        {
            let out = session.tick(at);
            self.follow(me, out);
            busy = true;
        }
        let station = &mut self.stations[me];
        if station.read_from <= at.ms
            && self.frames_left > 0
            && let Some(session) = &mut station.session
            && let Some(frame) = station.inbox.pop_front()
        {
            self.frames_left -= 1;
            let out = session.frame(&frame, at, &Strict);
            self.follow(me, out);
            busy = true;
        }
        busy
    }

    fn follow(&mut self, me: usize, out: Vec<Output>) {
        for output in out {
            let station = &mut self.stations[me];
            match output {
                Output::Send(frame) => self.stations[1 - me].inbox.push_back(frame),
                Output::Take(received) => {
                    station.keep(&received);
                    self.commit(me);
                }
                Output::ReadSlower { until_ms } => {
                    station.read_from = until_ms;
                    station.said.push(Output::ReadSlower { until_ms });
                }
                Output::Close(reason) => {
                    station.session = None;
                    station.said.push(Output::Close(reason));
                }
                other => station.said.push(other),
            }
        }
    }

    /// Each holds exactly what the other has written.
    pub fn agrees(&self) -> bool {
        let [a, b] = &self.stations;
        a.copied == b.own.stored && b.copied == a.own.stored
    }

    pub fn even(&self) -> [bool; 2] {
        [0, 1].map(|me| {
            let session = self.stations[me].session.as_ref();
            session.is_some_and(Session::even)
        })
    }
}
