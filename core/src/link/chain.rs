//! What two stations say to each other while one of them does not know the link key of the other (`docs/protocol.md` §8.6):
//! each shows the chain of its `key` entries and root-signed charters, and says whether it takes the other's. Nothing of the
//! record passes. Both then close and connect anew.
//!
//! Stepped like a session: frames and times in, outputs out. Both ends run this machine, whoever dialled.

use alloc::vec::Vec;

use super::frame::Frame;
use crate::fault::Misconduct;
use crate::ids::{Epoch, LineId, Party};
use crate::limits;
use crate::record::charter::Keys;
use crate::record::entry::Header;
use crate::record::log::{Entry, key_after, opened_with, vouched};
use crate::record::merkle::Hash;
use crate::record::opening::Opening;
use crate::record::sign1::{PublicKey, Verify};
use crate::record::what::What;

/// A side that says nothing for so long is left alone, in milliseconds.
const SILENT_AFTER_MS: u64 = 30_000;

/// What a conversation begins with. Pairs stand in the order of the parties.
#[derive(Clone, Debug)]
pub struct Setup {
    /// On which line.
    pub line: LineId,
    /// Which of its parties this station is.
    pub me: Party,
    /// The keys that the charter names.
    pub charter: [Keys; 2],
    /// The chain of each party's logs, as it is committed here: oldest first.
    pub held: [Vec<Entry>; 2],
    /// The highest epoch in which a log of each party is held here.
    pub highest: [Epoch; 2],
    /// The link keys that were proved on this connection.
    pub proved: [Hash; 2],
    /// When it begins, in monotonic milliseconds.
    pub now_ms: u64,
}

/// How a conversation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Both took the other's key: connect anew.
    Taken,
    /// One did not.
    Refused,
    /// The other side broke the form, or spoke of another line.
    BadFrame,
    /// The other side said nothing for thirty seconds.
    Silent,
}

/// What the station is to do, in order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send this frame.
    Send(Vec<u8>),
    /// The peer's chain vouches for the link key that it proved: from now on it is the peer's.
    Vouched(Vec<Entry>),
    /// The peer, which does not take our link key, shows a chain of ours that ends in another, with a grant of root that is not held
    /// here or that was taken back: this is a copy of a station that went on. An epoch that is to be taken has a number above this, the highest in
    /// either side's chain. The line takes note by [`crate::line::Line::retire`].
    Retired {
        /// The link key that we have proved.
        link: Hash,
        /// The highest number of an epoch.
        highest: u64,
    },
    /// It is over. Close the connection when what was to be sent is sent.
    Close(End),
}

/// One conversation.
#[derive(Debug)]
pub struct Chain {
    setup: Setup,
    until_ms: u64,
    greeted: bool,
    /// The peer's own chain has come, and whether its link key is taken.
    taken: Option<bool>,
    /// Our own chain has come back.
    returned: bool,
    answered: Option<bool>,
    closed: bool,
    /// The number of the epoch that the peer's own chain reaches.
    reaches: u64,
}

impl Chain {
    /// A conversation, and the frame that is to be sent at once: our own chain.
    pub fn new(setup: Setup) -> (Chain, Vec<u8>) {
        let first = show(setup.line, setup.me, held(&setup, setup.me));
        let until_ms = setup.now_ms.saturating_add(SILENT_AFTER_MS);
        let chain = Chain {
            setup,
            until_ms,
            greeted: false,
            taken: None,
            returned: false,
            answered: None,
            closed: false,
            reaches: 0,
        };
        (chain, first)
    }

    /// Takes one frame.
    pub fn frame(&mut self, bytes: &[u8], verify: &dyn Verify) -> Vec<Output> {
        let mut out = Vec::new();
        if self.closed {
            return out;
        }
        let (me, line) = (self.setup.me, self.setup.line);
        match Frame::decode(bytes) {
            // Both speak at once: who knew our key began a session, and learns by our chain that there is none.
            Ok(Frame::Hello(hello)) if hello.line == line && !self.greeted && self.taken.is_none() => {
                self.greeted = true
            }
            Ok(Frame::Chain { line: of, party, entries }) if of == line && party != me && self.taken.is_none() => {
                self.theirs(&entries, verify, &mut out);
            }
            Ok(Frame::Chain { line: of, party, entries })
                if of == line && party == me && self.taken.is_some() && !self.returned =>
            {
                self.ours(&entries, verify, &mut out);
            }
            Ok(Frame::Answer(taken)) if self.taken.is_some() && self.answered.is_none() => self.answered = Some(taken),
            _ => {
                out.extend(fault(Misconduct::BadFrame));
                self.close(End::BadFrame, &mut out);
            }
        }
        if let (Some(here), Some(there)) = (self.taken, self.answered) {
            self.close(if here && there { End::Taken } else { End::Refused }, &mut out);
        }
        out
    }

    /// What is due by now.
    pub fn tick(&mut self, now_ms: u64) -> Vec<Output> {
        let mut out = Vec::new();
        if !self.closed && self.until_ms <= now_ms {
            self.close(End::Silent, &mut out);
        }
        out
    }

    /// When [`Chain::tick`] is to be called, in monotonic milliseconds.
    pub fn next_tick(&self) -> u64 {
        self.until_ms
    }

    fn theirs(&mut self, shown: &[Vec<u8>], verify: &dyn Verify, out: &mut Vec<Output>) {
        let Setup { line, me, .. } = self.setup;
        let peer = me.peer();
        let held = held(&self.setup, peer);
        let link = *of(&self.setup.proved, peer);
        let read = read(line, peer, of(&self.setup.charter, peer), shown, verify);
        let known = link_after(of(&self.setup.charter, peer), held) == link;
        let taken =
            known || read.as_ref().is_ok_and(|shown| vouches(shown, held, *of(&self.setup.highest, peer), link));
        // A number that jumps too far is none to go by, nor one above which ours would jump.
        let above = of(&self.setup.highest, me).number.saturating_add(limits::EPOCH_JUMP_MAX);
        let last = read.as_ref().ok().and_then(|shown| shown.last()).map(|entry| entry.header.epoch.number);
        self.reaches = last.filter(|number| *number < above).unwrap_or(0);
        if taken && !known {
            out.extend(read.ok().map(Output::Vouched));
        } else if !taken {
            // To one that falls short: what is held here of its own.
            out.push(Output::Send(show(line, peer, held)));
        }
        self.taken = Some(taken);
        out.extend(Frame::Answer(taken).encode().map(Output::Send));
    }

    /// Our own chain, as the peer holds it. What a stranger says of us is nothing.
    fn ours(&mut self, shown: &[Vec<u8>], verify: &dyn Verify, out: &mut Vec<Output>) {
        self.returned = true;
        let me = self.setup.me;
        let charter = of(&self.setup.charter, me);
        let Ok(shown) = read(self.setup.line, me, charter, shown, verify) else { return };
        let held = held(&self.setup, me);
        // By what root has granted: the entry that carries a grant can be made anew by whoever has the key that it ended.
        let more = shown.iter().any(|entry| !held.iter().any(|h| granted(&h.header) == granted(&entry.header)));
        let link = *of(&self.setup.proved, me);
        // A copy that has taken its last keys back holds all of the chain, and has not the link key that it brings.
        let lacks = more || link_after(charter, held) != link;
        // A station may prove the key of another of its lines: of one that was never this line's nothing is learnt.
        let ours = charter.link == link || held.iter().any(|entry| link_of(&entry.header) == Some(link));
        let highest = shown.last().map_or(0, |entry| entry.header.epoch.number).max(self.reaches);
        // An honest peer takes our key of a later epoch: what ends below ours retires nothing, or one lost opening of ours would do so
        // for ever, whatever we open.
        let reaches = highest >= of(&self.setup.highest, me).number;
        if self.taken == Some(true) && ours && lacks && reaches && link_after(charter, &shown) != link {
            out.push(Output::Retired { link, highest });
        }
    }

    fn close(&mut self, end: End, out: &mut Vec<Output>) {
        self.closed = true;
        out.push(Output::Close(end));
    }
}

/// Whether an entry belongs to a chain: it is a `key`, or a charter by which root opens an epoch.
pub fn belongs(header: &Header) -> bool {
    matches!(header.what, Ok(What::Key { .. })) || opened_with(header).is_some()
}

/// The link key in force after a chain of a party whose charter names `keys`.
pub fn link_after(keys: &Keys, chain: &[Entry]) -> Hash {
    chain.iter().rev().find_map(|entry| link_of(&entry.header)).unwrap_or(keys.link)
}

/// Reads a chain of one party's logs and verifies it from the charter's `keys` on. It may begin later, with a charter that
/// root signed: what is before that is of no consequence.
///
/// # Errors
/// The [`Misconduct`] of the first entry that does not belong there.
pub fn read(
    line: LineId,
    party: Party,
    keys: &Keys,
    shown: &[Vec<u8>],
    verify: &dyn Verify,
) -> Result<Vec<Entry>, Misconduct> {
    let root = PublicKey::from_bytes(keys.root);
    let mut key = PublicKey::from_bytes(keys.station);
    let mut read: Vec<Entry> = Vec::new();
    for bytes in shown {
        let entry = Entry::read(bytes)?;
        let header = &entry.header;
        if header.line != line {
            return Err(Misconduct::WrongLine);
        }
        if header.party != party {
            return Err(Misconduct::WrongParty);
        }
        let after = read.last().is_none_or(|last| place(&last.header) < place(header));
        if !belongs(header) || !after {
            return Err(Misconduct::WrongPlace);
        }
        let signer = if opened_with(header).is_some() { root } else { key };
        if !vouched(&entry, &signer, &root, verify) {
            return Err(Misconduct::BadSignature);
        }
        if stale(&read, header) {
            return Err(Misconduct::StaleGrant);
        }
        key = key_after(header).unwrap_or(key);
        read.push(entry);
    }
    Ok(read)
}

/// Whether a chain that was read vouches for a link key: it ends in it, and extends what is held or opens a later epoch. One that begins
/// with a root-signed charter may leave out what is before it; what it extends has to be in it all the same.
fn vouches(shown: &[Entry], held: &[Entry], highest: Epoch, link: Hash) -> bool {
    let (Some(first), Some(last)) = (shown.first(), shown.last()) else { return false };
    let later = last.header.epoch > highest
        && last.header.epoch.number <= highest.number.saturating_add(limits::EPOCH_JUMP_MAX);
    let begins_late = opened_with(&first.header).is_some();
    let is_due = |entry: &&Entry| !begins_late || place(&entry.header) >= place(&first.header);
    let due: Vec<&Entry> = held.iter().filter(is_due).collect();
    // Of a chain that begins late some of what is held has to be in it, or it would extend nothing.
    let meets = !begins_late || !due.is_empty() || held.is_empty();
    let extends = meets && due.iter().all(|entry| shown.iter().any(|s| s.bytes == entry.bytes));
    link_of(&last.header) == Some(link) && (later || extends && last.header.epoch <= highest)
}

/// A chain as one frame. If it is too long, it begins with the first root-signed charter from which the rest fits.
fn show(line: LineId, party: Party, entries: &[Entry]) -> Vec<u8> {
    let begins = entries.iter().enumerate().skip(1).filter(|(_, entry)| opened_with(&entry.header).is_some());
    for from in core::iter::once(0).chain(begins.map(|(at, _)| at)).chain([entries.len()]) {
        let entries: Vec<Vec<u8>> = entries.iter().skip(from).map(|entry| entry.bytes.clone()).collect();
        let fits = entries.len() <= limits::CHAIN_MAX;
        let frame = Frame::Chain { line, party, entries };
        if let Some(bytes) = frame.encode().filter(|_| fits) {
            return bytes;
        }
    }
    Vec::new()
}

/// Serials rise within a log (§4.5).
fn stale(before: &[Entry], header: &Header) -> bool {
    let serial = |h: &Header| if let Ok(What::Key { serial, .. }) = h.what { Some(serial) } else { None };
    let last = before.iter().rev().filter(|e| e.header.epoch == header.epoch).find_map(|e| serial(&e.header));
    serial(header).is_some_and(|serial| serial <= last.unwrap_or(0))
}

fn place(header: &Header) -> (Epoch, u64) {
    (header.epoch, header.own.size)
}

fn link_of(header: &Header) -> Option<Hash> {
    match header.what.as_ref().ok()? {
        What::Key { keys: [_, link, _], .. } => Some(*link),
        What::Charter(args) if header.own.size == 0 => match Opening::read(args)? {
            Opening::Opened { keys: [_, link, _], .. } => Some(link),
            Opening::Paired { .. } | Opening::Joined { .. } => None,
        },
        _ => None,
    }
}

/// What root has granted by this entry: in which epoch, under which serial (an opening has none), and the keys.
fn granted(header: &Header) -> Option<(Epoch, Option<u64>, [Hash; 3])> {
    match header.what.as_ref().ok()? {
        What::Key { serial, keys, .. } => Some((header.epoch, Some(*serial), *keys)),
        What::Charter(args) => match Opening::read(args)? {
            Opening::Opened { keys, .. } => Some((header.epoch, None, keys)),
            Opening::Paired { .. } | Opening::Joined { .. } => None,
        },
        _ => None,
    }
}

fn held(setup: &Setup, party: Party) -> &[Entry] {
    of::<Vec<Entry>>(&setup.held, party)
}

fn of<T>(pair: &[T; 2], party: Party) -> &T {
    let [inviter, joiner] = pair;
    match party {
        Party::Inviter => inviter,
        Party::Joiner => joiner,
    }
}

fn fault(what: Misconduct) -> Option<Output> {
    Frame::Fault { number: what.number(), text: what.word().into() }.encode().map(Output::Send)
}
