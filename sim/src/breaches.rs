//! What a hostile station puts on the wire beside its session: frames that are none, and entries that halt its own log.

use counterpart_core::ids::{Epoch, LineId, Party};
use counterpart_core::line::Line;
use counterpart_core::link::frame::{Beat, Frame, Hello};
use counterpart_core::record::entry::{Head, Header};
use counterpart_core::record::opening::EpochHeads;
use counterpart_core::record::sign1::{AAD_ENTRY, seal};
use counterpart_core::record::what::What;
use counterpart_core::time::Timestamp;

use crate::chance::Chance;
use crate::fault::Fault;
use crate::keys::EntryKey;
use crate::lies::{Doctor, EntryLie, base};
use crate::plan::{LENGTH_MS, Nature};
use crate::promises::Held;
use crate::station::Message;
use crate::world::{Event, World};

/// Entries that halt the log of whoever sends them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Breach {
    /// Signed by nobody.
    Signature,
    /// A payload that is no header.
    Form,
    /// For another line.
    Line,
    /// In the other's name.
    Party,
    /// In an epoch that nobody opened.
    Epoch,
    /// After a gap.
    Gap,
    /// After another root.
    Root,
    /// Naming an older head than before.
    Back,
    /// Naming a head that was never.
    Never,
    /// Another entry where one stands.
    Fork,
    /// The same, unsigned: no fork, but a bad signature.
    ForkUnsigned,
    /// Two entries for the next index, one after the other.
    Twice,
}

const BREACHES: [Breach; 14] = [
    Breach::Signature,
    Breach::Form,
    Breach::Line,
    Breach::Party,
    Breach::Epoch,
    Breach::Gap,
    Breach::Root,
    Breach::Back,
    Breach::Never,
    Breach::Fork,
    Breach::Fork,
    Breach::ForkUnsigned,
    Breach::Twice,
    Breach::Twice,
];

impl World {
    /// A liar lies: in its log, or on the wire.
    pub(crate) fn lie(&mut self, station: usize) -> Held {
        let pause = self.chance.scaled(10_000, 14_400_000);
        self.after(pause, Event::Lie(station));
        if !self.stations[station].running {
            return Ok(());
        }
        let at = self.chance.place(self.stations[station].kept.len());
        let hostile = self.stations[station].nature == Nature::Hostile;
        let late = self.now_ms > LENGTH_MS * 3 / 4 || self.plan.fault == Some(Fault::AcceptedFork);
        if hostile && late && self.chance.percent(25) {
            return self.breach(station, at);
        } else if self.chance.percent(80) {
            let lie = self.chance.one(EntryLie::ALL);
            self.put(station, at, Message::Lie(lie));
        } else {
            self.noise(station, at);
        }
        Ok(())
    }

    /// What a liar's next connection does to what leaves it.
    pub(crate) fn doctor(&mut self, station: usize) -> Option<Doctor> {
        let lies = !self.healed && !self.stations[station].honest() && self.chance.percent(12);
        let hostile = self.stations[station].nature == Nature::Hostile && self.now_ms > LENGTH_MS * 3 / 4;
        lies.then(|| if hostile && self.chance.percent(30) { Doctor::Bits } else { self.chance.one(Doctor::SOFT) })
    }

    /// The connection over which a line is served, and the end at which this station is.
    fn served(&self, station: usize, at: usize) -> Option<(usize, Party)> {
        let kept = &self.stations[station].kept[at];
        Some((kept.current?, kept.line.me()))
    }

    /// Frames that are none, come where they may not, or come too fast.
    fn noise(&mut self, station: usize, at: usize) {
        let Some((number, end)) = self.served(station, at) else { return };
        let now = self.stations[station].now(self.now_ms);
        let kept = &self.stations[station].kept[at];
        let heads = EpochHeads {
            epoch: kept.line.epoch(),
            heads: Party::BOTH.map(|p| kept.journal.head(kept.line.epoch(), p)),
        };
        let beat = |number| Beat { number, clock: now.wall, heads };
        let (frames, what) = match self.chance.below(60) {
            0..20 => {
                let length = self.chance.between(1, 300);
                (vec![(0..length).map(|_| self.chance.draw() as u8).collect()], "bytes that are no frame")
            }
            20..30 => (vec![Frame::Pong(beat(77)).encode().unwrap_or_default()], "a pong that nobody asked for"),
            30 => ((0..700).filter_map(|n| Frame::Ping(beat(n)).encode()).collect(), "seven hundred pings"),
            31..45 => {
                let number = self.chance.between(1, 20);
                (Frame::Fault { number, text: "no".into() }.encode().into_iter().collect(), "a complaint")
            }
            _ => (Frame::Answer(true).encode().into_iter().collect(), "an answer to nothing"),
        };
        let name = self.stations[station].name;
        self.story.tell(self.now_ms, || format!("{name} sends {what}"));
        frames.into_iter().for_each(|frame| self.carry(number, end, frame));
    }

    /// An entry that halts this station's log at the other.
    pub(crate) fn breach(&mut self, station: usize, at: usize) -> Held {
        let Some((number, end)) = self.served(station, at) else {
            // It calls, to have somebody to show it to.
            self.dial_later(self.stations[station].kept[at].wire, 1, 50);
            self.after(5_000, Event::Breach(station, at));
            return Ok(());
        };
        let breach =
            if self.plan.fault == Some(Fault::AcceptedFork) { Breach::Fork } else { self.chance.one(BREACHES) };
        let mut chance = self.chance.apart();
        let it = &self.stations[station];
        let kept = &it.kept[at];
        if kept.line.own().size() < 2 {
            return Ok(());
        }
        let now = it.now(self.now_ms).wall;
        let key = it.key_of(kept.line.signer());
        let entries = entries(breach, &kept.line, &kept.journal, &key.entry, now, &mut chance);
        let name = it.name;
        self.counts.note(format!("breach {breach:?}"));
        self.story.tell(self.now_ms, || format!("{name} breaks the protocol: {breach:?}"));
        for bytes in entries {
            let frame = Frame::Entry { bytes, body: None }.encode();
            frame.into_iter().for_each(|frame| self.carry(number, end, frame));
        }
        Ok(())
    }
}

fn entries(
    breach: Breach,
    line: &Line,
    journal: &crate::journal::Journal,
    key: &EntryKey,
    now: Timestamp,
    chance: &mut Chance,
) -> Vec<Vec<u8>> {
    let next = base(line, now, What::State { state: counterpart_core::record::codes::LineState::Open, until: None });
    let signed = |header: &Header| seal(AAD_ENTRY, &header.encode(), key);
    let unsigned = |header: &Header| {
        let mut bytes = signed(header);
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        bytes
    };
    let index = chance.below(line.own().size());
    let earlier = || {
        let own = journal
            .of(line.epoch())
            .and_then(|part| part.root_at(line.me(), index))
            .map(|root| Head { size: index, root });
        Header { own: own.unwrap_or(next.own), held: empty(), ..next.clone() }
    };
    match breach {
        Breach::Signature => vec![unsigned(&next)],
        Breach::Form => vec![seal(AAD_ENTRY, &[0x81, 0x00], key)],
        Breach::Line => vec![signed(&Header { line: LineId(chance.bytes()), ..next })],
        Breach::Party => vec![signed(&Header { party: line.me().peer(), ..next })],
        Breach::Epoch => vec![signed(&Header { epoch: Epoch { number: 1, id: chance.bytes() }, ..next })],
        Breach::Gap => vec![signed(&Header { own: Head { size: next.own.size + 3, ..next.own }, ..next })],
        Breach::Root => vec![signed(&Header { own: Head { root: chance.bytes(), ..next.own }, ..next })],
        Breach::Back => vec![signed(&Header { held: empty(), ..next })],
        Breach::Never => {
            let size = next.held.size + chance.below(3);
            vec![signed(&Header { held: Head { size, root: chance.bytes() }, ..next })]
        }
        Breach::Fork => vec![signed(&earlier())],
        Breach::ForkUnsigned => vec![unsigned(&earlier())],
        Breach::Twice => {
            let other = Header {
                what: Ok(What::Check { by: counterpart_core::record::codes::CheckBy::Schedule }),
                ..next.clone()
            };
            vec![signed(&next), signed(&other)]
        }
    }
}

fn empty() -> Head {
    Head { size: 0, root: counterpart_core::record::merkle::empty_root() }
}

impl World {
    /// What a liar's connection makes of a frame that leaves it; once a connection.
    pub(crate) fn doctored(&mut self, number: usize, from: Party, frame: Vec<u8>) -> Vec<u8> {
        let mut chance = self.chance.apart();
        let doctor = self.doctor_of(number, from);
        let Some(what) = *doctor else { return frame };
        let made = match Frame::decode(&frame) {
            Ok(read) => operate(what, read, &mut chance),
            Err(_) => None,
        };
        let Some(made) = made else { return frame };
        *doctor = None;
        self.counts.note(format!("doctored {what:?}"));
        self.story.tell(self.now_ms, || format!("connection {number}: what leaves {from:?} is doctored: {what:?}"));
        made
    }
}

/// What becomes of a frame; `None` if this is not the one.
fn operate(what: Doctor, frame: Frame, chance: &mut Chance) -> Option<Vec<u8>> {
    let made = match (what, frame) {
        (Doctor::Bits, frame) => {
            let mut bytes = frame.encode()?;
            for _ in 0..chance.between(1, 3) {
                let at = chance.place(bytes.len());
                bytes[at] ^= 1 << chance.below(8);
            }
            return chance.percent(30).then_some(bytes);
        }
        (Doctor::Body, Frame::Entry { bytes, body: Some(mut body) }) => {
            body.push(0);
            Frame::Entry { bytes, body: Some(body) }
        }
        (Doctor::Bodiless, Frame::Entry { bytes, body: Some(_) }) => Frame::Entry { bytes, body: None },
        (Doctor::Versions, Frame::Hello(hello)) => Frame::Hello(Hello { versions: vec![9], ..hello }),
        (Doctor::Line, Frame::Hello(hello)) => Frame::Hello(Hello { line: LineId([9; 16]), ..hello }),
        (doctor, Frame::Hello(mut hello)) => {
            let heads = hello.epochs.first_mut()?;
            let [inviter, joiner] = &mut heads.heads;
            match doctor {
                Doctor::Epoch => heads.epoch = Epoch { number: 1_001, id: [9; 8] },
                // Both: whichever is its own is lost or claimed, and the other the other way round.
                Doctor::Claim => (inviter.size, joiner.size) = (inviter.size + 2, joiner.size + 2),
                Doctor::Lost => {
                    (inviter.size, joiner.size) = (inviter.size.saturating_sub(2), joiner.size.saturating_sub(2))
                }
                _ => return None,
            }
            Frame::Hello(hello)
        }
        _ => return None,
    };
    made.encode()
}
