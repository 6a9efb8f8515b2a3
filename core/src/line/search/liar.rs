//! What a lying peer may show of A's log, with a thief of A's ended keys, and what it may write itself.

use std::rc::Rc;
use std::vec;
use std::vec::Vec;

use super::links::bare;
use super::world::{Cheap, Disk, Log, World, key};
use crate::ids::{Epoch, Party};
use crate::limits;
use crate::line::Line;
use crate::record::entry::{Head, Header};
use crate::record::log::Entry;
use crate::record::merkle::Edge;
use crate::record::opening::Opening;
use crate::record::sign1::{AAD_ENTRY, PublicKey, seal};
use crate::record::what::What;
use crate::time::Timestamp;

/// The number of an epoch that nobody has opened: for who knows of one opening, one above it would jump.
const FAR: u64 = limits::EPOCH_JUMP_MAX + 1;

/// What the liar may show of A's log beside its own.
pub fn lies(world: &World) -> Vec<Disk> {
    let [a, b] = &world.stations;
    let own =
        |disk: &Disk| disk.iter().filter(|((_, p), _)| *p == b.me()).map(|(k, v)| (*k, v.clone())).collect::<Disk>();
    let mut shown: Vec<Disk> = vec![own(&b.disk)];
    // It keeps back the lower of two epochs that it has joined.
    let later = shown[0].keys().filter(|(epoch, _)| *epoch > Epoch::FIRST).copied().collect::<Vec<_>>();
    if let [lower, _] = later[..] {
        let mut disk = own(&b.disk);
        disk.remove(&lower);
        shown.push(disk);
    }
    let with = |log: Log| {
        let mut disk = own(&b.disk);
        disk.extend(log.first().map(|first| first.header.epoch).map(|epoch| ((epoch, Party::Inviter), log)));
        disk
    };
    for log in &world.signed[0] {
        shown.push(with(Log::clone(log)));
        let mut ended = world.granted[0].iter().rev().skip(1);
        // A thief puts an entry on top of what is real, as far as its key was in force there.
        let key = ended.find(|key| {
            log.first().is_some_and(|first| first.header.epoch == Epoch::FIRST) && **key == world.granted[0][0]
        });
        let forgery = key.and_then(|key| forged(log, *key, &a.line));
        let forged: Option<Log> = forgery.map(|entry| log.iter().cloned().chain([entry]).collect());
        // Root's grant of the next key, which everyone may read, makes no more of it.
        let grants = world.signed[0].iter().flat_map(|log| log.last().cloned()).collect::<Log>();
        let again = key.zip(forged.as_ref()).and_then(|(key, forged)| shown_again(&grants, forged, *key));
        shown
            .extend(again.zip(forged.clone()).map(|(entry, forged)| with(forged.into_iter().chain([entry]).collect())));
        shown.extend(forged.map(with));
    }
    // The copy may not know that it has ended.
    let first = world.granted[0].first().filter(|_| world.granted[0].len() > 1);
    shown.extend(first.and_then(|key| joined(&world.signed[0], *key)).map(|entry| with(vec![entry])));
    shown
}

/// What `key` signs to join, for the inviter, an epoch that nobody has opened.
fn joined(signed: &[Rc<Log>], key: PublicKey) -> Option<Rc<Entry>> {
    let first = signed.first()?.first()?;
    let nothing = Head::empty();
    let what = What::Charter(Opening::Joined { heads: vec![], restored: false }.write());
    let epoch = Epoch { number: FAR, id: [9; 8] };
    let header = Header { epoch, own: nothing, held: nothing, what: Ok(what), ..first.header.clone() };
    Entry::read(&seal(AAD_ENTRY, &header.encode(), &Cheap(key))).ok().map(Rc::new)
}

impl World {
    /// The heads of A's log of the first epoch that the liar may name: of what A has signed, and of what a thief has put on top of it.
    pub fn namable(&self) -> Vec<Head> {
        let of_first = |disk: Disk| disk.get(&(Epoch::FIRST, Party::Inviter)).map(|log| head(log));
        let mut heads: Vec<Head> = lies(self).into_iter().filter_map(of_first).collect();
        heads.sort_unstable();
        heads.dedup();
        heads
    }

    /// The liar writes an entry of the first epoch that names this head of A's log.
    pub fn liar_writes(&mut self, named: Head) -> bool {
        let place = (Epoch::FIRST, Party::Joiner);
        let liar = &mut self.stations[1];
        let what = What::State { state: crate::record::codes::LineState::Maintenance, until: None };
        let log = liar.disk.get(&place).map_or(&[][..], Vec::as_slice);
        let Some(header) = bare(log, named, Timestamp(7), what) else { return false };
        let entry = Entry::read(&seal(AAD_ENTRY, &header.encode(), &Cheap(key(Party::Joiner, 1))));
        let Ok(entry) = entry.map(Rc::new) else { return false };
        Rc::make_mut(&mut liar.disk).entry(place).or_default().push(entry);
        true
    }
}

/// How far a log reaches.
pub fn head(log: &[Rc<Entry>]) -> Head {
    let mut edge = Edge::new();
    log.iter().for_each(|entry| edge.push(entry.leaf));
    Head { size: edge.size(), root: edge.root() }
}

/// An entry that `key` signs on top of a log of the inviter's, which the inviter has not written.
fn forged(log: &[Rc<Entry>], key: PublicKey, line: &Line) -> Option<Rc<Entry>> {
    let what = What::State { state: crate::record::codes::LineState::Maintenance, until: None };
    let header = bare(log, log.last()?.header.held, Timestamp(9), what)?;
    debug_assert!(header.line == line.id());
    Entry::read(&seal(AAD_ENTRY, &header.encode(), &Cheap(key))).ok().map(Rc::new)
}

/// Root's grant in this log, which everyone may read, as `key` shows it again on top of another.
fn shown_again(grants: &[Rc<Entry>], log: &[Rc<Entry>], key: PublicKey) -> Option<Rc<Entry>> {
    let grant = grants.iter().find_map(|entry| match &entry.header.what {
        Ok(what @ What::Key { .. }) => Some(what.clone()),
        _ => None,
    });
    let header = bare(log, log.last()?.header.held, Timestamp(9), grant?)?;
    Entry::read(&seal(AAD_ENTRY, &header.encode(), &Cheap(key))).ok().map(Rc::new)
}
