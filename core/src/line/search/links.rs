//! Link keys and the chains that vouch for them (`docs/protocol.md` §8.6): who meets a link key that it does not know sees chains and
//! nothing else. The machine that judges a chain is the real one; keys are replaced by `key` entries that are written here by hand,
//! since this version has no act for it.

use std::rc::Rc;
use std::vec::Vec;

use super::world::{Cheap, CheapVerify, Disk, Station, World, key, print_disk, root};
use crate::ids::{Epoch, Party};
use crate::link::chain::{Chain, Output, Setup, belongs};
use crate::link::frame::Frame;
use crate::record::entry::{BodyRef, Head, Header};
use crate::record::log::{Entry, key_grant};
use crate::record::merkle::Hash;
use crate::record::sign1::{AAD_ENTRY, AAD_KEY, PublicKey, Sign, seal, to_be_signed};
use crate::record::what::What;
use crate::time::Timestamp;

/// What a station has sent: all that it had committed, under the link key that it had.
#[derive(Clone)]
pub struct Message {
    pub disk: Rc<Disk>,
    pub link: Hash,
    /// The sender takes the link key that the receiver proved: otherwise only chains came.
    pub full: bool,
}

impl Message {
    pub fn print(&self, out: &mut Vec<u8>) {
        let [link, ..] = self.link;
        out.extend([link, u8::from(self.full)]);
        print_disk(&self.disk, out);
    }
}

impl World {
    /// What one side would send now.
    pub fn message(&self, from: usize) -> Message {
        let [sender, receiver] = [&self.stations[from], &self.stations[1 - from]];
        let full = sender.meets(&receiver.disk, receiver.link).is_some_and(|(taken, _)| taken);
        Message { disk: sender.disk.clone(), link: sender.link, full }
    }

    /// Whether a message's sender is heard: each takes the other's link key. Otherwise each has shown the other's chain as it holds
    /// it, and a station may learn that its own link key is retired.
    pub fn admits(&mut self, at: usize, message: &Message, fault: bool) -> bool {
        let station = &mut self.stations[at];
        let me = station.me();
        let Some((true, mut chain)) = station.meets(&message.disk, message.link) else { return false };
        if message.full {
            return true;
        }
        for output in chain.frame(&frame(station, &message.disk, me), &CheapVerify) {
            if let Output::Retired { link, highest } = output
                && !fault
                && station.line.retire(&link, highest)
            {
                station.retired = station.retired.max(Some(highest));
            }
        }
        false
    }

    /// What becomes of A when the liar, which says that it does not know A's link key, shows any part of what A has ever signed as its
    /// chain, or root's grants as ended keys sign them anew.
    pub fn retirements(&self) -> Vec<World> {
        let [a, liar] = &self.stations;
        let Some((true, _)) = a.meets(&liar.disk, liar.link) else { return Vec::new() };
        let mut after = Vec::new();
        for shown in self.chains() {
            let Some((_, mut chain)) = a.meets(&liar.disk, liar.link) else { continue };
            let entries = shown.iter().map(|entry| entry.bytes.clone()).collect();
            let Some(frame) = (Frame::Chain { line: a.line.id(), party: a.me(), entries }).encode() else { continue };
            for output in chain.frame(&frame, &CheapVerify) {
                let Output::Retired { link, highest } = output else { continue };
                let mut world = self.clone();
                let station = &mut world.stations[0];
                if station.line.retire(&link, highest) {
                    station.retired = station.retired.max(Some(highest));
                    after.push(world);
                }
            }
        }
        after
    }

    /// Every part of A's chain, as all its lives have written it and as a thief of its ended keys shows root's grants again.
    fn chains(&self) -> Vec<Vec<Rc<Entry>>> {
        let last = self.signed[0].iter().filter_map(|log| log.last());
        let mut all: Vec<Rc<Entry>> = last.filter(|entry| belongs(&entry.header)).cloned().collect();
        let ended = self.granted[0].iter().rev().skip(1);
        let again = |key: &PublicKey| {
            let granted = all.iter().filter(|entry| matches!(entry.header.what, Ok(What::Key { .. })));
            let signs = granted.map(|entry| {
                let own = Head { size: entry.header.own.size + 9, root: [9; 32] };
                seal(AAD_ENTRY, &Header { own, ..entry.header.clone() }.encode(), &Cheap(*key))
            });
            signs.filter_map(|bytes| Entry::read(&bytes).ok()).map(Rc::new).collect::<Vec<_>>()
        };
        let again: Vec<_> = ended.flat_map(again).collect();
        all.extend(again);
        all.sort_by_key(|entry| (entry.header.epoch, entry.header.own.size, entry.leaf));
        let part =
            |which: u32| all.iter().enumerate().filter(move |(at, _)| which >> at & 1 == 1).map(|(_, e)| e.clone());
        (1..1_u32 << all.len().min(8)).map(|which| part(which).collect()).collect()
    }

    /// 11: who stands above all grants of root's that it has lost is not retired, but by an epoch of the peer's that is as high.
    pub fn is_above(&self) -> bool {
        let a = &self.stations[0];
        // What it has taken back of its chain may have brought a key that it has not.
        if a.line.keys(a.me()).link != a.link {
            return false;
        }
        let held = chain(&a.disk, a.me());
        let is_held = |entry: &Rc<Entry>| held.iter().any(|h| h.leaf == entry.leaf);
        let last = self.signed[0].iter().filter_map(|log| log.last());
        let mut lost = last.filter(|entry| belongs(&entry.header) && !is_held(entry));
        let theirs = self.stations[1].disk.keys().map(|(epoch, _)| epoch.number).max();
        lost.all(|entry| entry.header.epoch.number < a.line.epoch().number)
            && theirs <= Some(a.line.epoch().number)
            && !self.spent.contains(&"liar's epoch")
    }

    /// A `key` entry with fresh station and link keys, under the next grant of root.
    pub fn rotates(&mut self, at: usize) -> bool {
        let station = &self.stations[at];
        let (line, me) = (&station.line, station.me());
        if !self.signs(at) || line.latest() > line.epoch() {
            return false;
        }
        let number = 10 + self.granted[at].len() as u8;
        let (fresh, link) = (key(me, number), *key(me, number + 30).as_bytes());
        let epoch = line.epoch();
        let before = station.log(epoch, me).iter().filter(|entry| matches!(entry.header.what, Ok(What::Key { .. })));
        let (serial, keys) = (1 + before.count() as u64, [*fresh.as_bytes(), link, [2; 32]]);
        let granted = to_be_signed(AAD_KEY, &key_grant(line.id(), epoch, serial, &keys));
        let what = What::Key { serial, keys, root: Cheap(root(me)).sign(&granted), proof: Cheap(fresh).sign(&granted) };
        let now = Timestamp(1_000_000 + station.life);
        let header = bare(station.log(epoch, me), line.peer().head(), now, what);
        let Some(entry) = header.map(|header| seal(AAD_ENTRY, &header.encode(), &Cheap(line.signer()))) else {
            return false;
        };
        let entry = Rc::new(Entry::read(&entry).unwrap());
        let station = &mut self.stations[at];
        station.line.reload(&entry).unwrap();
        let log = Rc::make_mut(&mut station.disk).entry((epoch, me)).or_default();
        log.push(entry);
        station.keys.push(fresh);
        station.link = link;
        let log = log.clone();
        self.granted[at].push(fresh);
        self.signed[at].push(Rc::new(log));
        true
    }
}

impl Station {
    /// Shows and is shown the own chains: whether the other's link key is taken, and the conversation.
    fn meets(&self, theirs: &Disk, link: Hash) -> Option<(bool, Chain)> {
        let me = self.me();
        let proved = if me == Party::Inviter { [self.link, link] } else { [link, self.link] };
        let highest = |party| self.disk.keys().filter(|(_, of)| *of == party).map(|(epoch, _)| *epoch).max();
        let setup = Setup {
            line: self.line.id(),
            me,
            charter: Party::BOTH.map(|party| self.line.charter().party(party).keys),
            held: Party::BOTH.map(|party| chain(&self.disk, party)),
            highest: Party::BOTH.map(|party| highest(party).unwrap_or(Epoch::FIRST)),
            proved,
            now_ms: 0,
        };
        let (mut chain, _) = Chain::new(setup);
        let said = chain.frame(&frame(self, theirs, me.peer()), &CheapVerify);
        let answer = said.iter().find_map(|output| match output {
            Output::Send(bytes) => match Frame::decode(bytes) {
                Ok(Frame::Answer(taken)) => Some(taken),
                _ => None,
            },
            _ => None,
        });
        answer.map(|taken| (taken, chain))
    }
}

fn chain(disk: &Disk, party: Party) -> Vec<Entry> {
    let logs = disk.iter().filter(|((_, of), _)| *of == party);
    logs.flat_map(|(_, log)| log).filter(|entry| belongs(&entry.header)).map(|entry| Entry::clone(entry)).collect()
}

fn frame(station: &Station, disk: &Disk, party: Party) -> Vec<u8> {
    let entries = chain(disk, party).into_iter().map(|entry| entry.bytes).collect();
    Frame::Chain { line: station.line.id(), party, entries }.encode().unwrap()
}

/// The next entry of a log, with nothing in it but what it says.
pub fn bare(log: &[Rc<Entry>], held: Head, time: Timestamp, what: What) -> Option<Header> {
    let last = log.last()?;
    let mut edge = crate::record::merkle::Edge::new();
    log.iter().for_each(|entry| edge.push(entry.leaf));
    let own = Head { size: edge.size(), root: edge.root() };
    let nothing: Option<BodyRef> = None;
    let header = Header { own, held, time, what: Ok(what), body: nothing, ..last.header.clone() };
    Some(Header { refers: None, from: None, to: None, precedence: None, mark: None, deadline: None, ..header })
}
