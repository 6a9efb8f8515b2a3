//! A session: one line over one connection whose peer has proved its link key (`docs/protocol.md` §8).
//!
//! Each side sends a hello at once and, when the other's has come, pushes what the other lacks of its log; then each new
//! entry once it is committed. The station moves the bytes: it hands in every frame, every commit and every tick, carries
//! out the outputs in order, and asks [`Session::wants`] whenever there is room to send.
//!
//! A session judges what would cost us something: form, place, signature, body, rate. Whether an entry continues the log is
//! judged by the record ([`crate::record::log::Log::judge`]), which says by [`Session::misconduct`] if it does not.

use alloc::{boxed::Box, string::String, vec::Vec};

use super::CALLS_SINCE;
use super::frame::{Beat, Frame, Hello, clip};
pub use super::output::{Held, Now, Output, Path, Range, Reason, Received, Setup};
use super::pulse::{Pulse, SILENT_AFTER_MS};
use super::rate::Bucket;
use super::track::{Told, Track, Tracks, fitting_body};
use crate::fault::Misconduct;
use crate::ids::{Epoch, LineId, Party};
use crate::limits;
use crate::line::turn::Shown;
use crate::record::entry::Head;
use crate::record::log::Entry;
use crate::record::opening::EpochHeads;
use crate::record::sign1::{PublicKey, Verify};

mod calls;
mod claims;
mod state;

use calls::Voice;
use state::{Open, State};

/// One line on one connection.
#[derive(Debug)]
pub struct Session {
    line: LineId,
    me: Party,
    peer_root: PublicKey,
    versions: Vec<u64>,
    /// Pays for what is read.
    reading: Bucket,
    tracks: Tracks,
    state: State,
    /// What was last said.
    told_even: bool,
}

impl Session {
    /// A session, and the hello that is to be sent at once.
    ///
    /// # Panics
    /// If `held` is empty: a line has its first epoch from pairing on.
    pub fn new(setup: Setup) -> (Session, Vec<u8>) {
        let Setup { now, rate, me, .. } = setup;
        let mut versions = setup.versions;
        versions.sort_unstable();
        versions.dedup();
        let tracks = Tracks::new(me, &setup.held);
        let hello = Frame::Hello(Hello {
            versions: versions.clone(),
            line: setup.line,
            epochs: tracks.heads(),
            clock: now.wall,
            rate,
            software: clip(&setup.software),
        });
        let session = Session {
            line: setup.line,
            me,
            peer_root: setup.peer_root,
            versions,
            reading: Bucket::new(rate, now.ms),
            tracks,
            state: State::AwaitingHello { until_ms: now.ms.saturating_add(SILENT_AFTER_MS) },
            told_even: false,
        };
        // A hello of as many epochs as a line may have is far below what a frame may be.
        (session, hello.encode().unwrap_or_default())
    }

    /// Which side of the line this is.
    pub fn me(&self) -> Party {
        self.me
    }

    /// Takes one frame from the peer.
    pub fn frame(&mut self, bytes: &[u8], now: Now, verify: &dyn Verify) -> Vec<Output> {
        let mut out = Vec::new();
        if self.closed() {
            return out;
        }
        if let Some(open) = self.opened() {
            open.pulse.heard(now.ms);
        }
        let hello_expected = matches!(self.state, State::AwaitingHello { .. });
        let calls = self.carries_calls();
        let mut is_free = false;
        match (Frame::decode(bytes), hello_expected) {
            (Ok(Frame::Hello(hello)), true) => self.hello(hello, bytes, now, &mut out),
            (Ok(Frame::Entry { bytes, body }), false) => {
                self.entry(&bytes, body, now, verify, &mut out);
            }
            (Ok(Frame::Show { epoch, from }), false) if self.show(epoch, from) => {}
            (Ok(Frame::Ping(beat)), false) => self.ping(&beat, now, &mut out),
            (Ok(Frame::Pong(beat)), false) if self.pong(&beat, now, &mut out) => {}
            (Ok(Frame::Fault { number, text }), _) => self.is_accused(number, text, &mut out),
            (Ok(Frame::Call { epoch, act, state }), false) if calls => out.push(Output::Call { epoch, act, state }),
            // Packets are counted by themselves; those that are too many are read as slowly as anything.
            (Ok(Frame::Voice(packet)), false) if calls => is_free = self.packet(packet, now.ms, &mut out),
            // What is no frame, or comes where it may not: chains and answers have their own connection.
            _ => self.accuse(Misconduct::BadFrame, self.tracks.current(), bytes, &mut out),
        }
        let slower = if is_free { None } else { self.reading.charge(now.ms) };
        self.say_even(&mut out);
        if !self.closed() {
            out.extend(slower.map(|until_ms| Output::ReadSlower { until_ms }));
        }
        out
    }

    /// The record moved on. The station says so to every session of the line before anything that rests on it leaves.
    pub fn committed(&mut self, held: Held, now: Now) -> Vec<Output> {
        let mut out = Vec::new();
        if self.closed() {
            return out;
        }
        self.tracks.committed(self.me, held);
        // It may be a head of ours that we have lost, and the peer sound.
        if held.unknown && self.opened().is_some() {
            self.ask_unclaimed(held.heads.epoch, &mut out);
        }
        self.catch_up(now, &mut out);
        self.say_even(&mut out);
        out
    }

    /// The record found misconduct in what it was given. A log that is halted stays so; the session ends if it must.
    pub fn misconduct(&mut self, what: Misconduct, epoch: Epoch, evidence: &[u8]) -> Vec<Output> {
        let mut out = Vec::new();
        if !self.closed() {
            self.accuse(what, epoch, evidence, &mut out);
        }
        out
    }

    /// Which entries are to be sent next, ours or the peer's own; the station reads them and calls [`Session::supply`]. `None`:
    /// nothing, or not before [`Session::next_tick`].
    pub fn wants(&self, now_ms: u64) -> Option<Range> {
        let State::Open(open) = &self.state else {
            return None;
        };
        let room = open.sending.frames(now_ms).min(limits::PUSH_ENTRIES_MAX);
        let range = self.tracks.lacking()?;
        let to = range.to.min(range.from.saturating_add(room));
        (range.from < to).then_some(Range { to, ..range })
    }

    /// The entries of `range`, or the first of them, each with its body if it is held; gives the frames to be sent. A range
    /// that is no longer wanted gives none.
    pub fn supply(&mut self, range: Range, entries: &[(Vec<u8>, Option<Vec<u8>>)], now_ms: u64) -> Vec<Vec<u8>> {
        let offered = range.from.saturating_add(entries.len() as u64);
        let wanted = self
            .tracks
            .lacking()
            .is_some_and(|all| Range { to: all.to, ..range } == all && offered <= range.to && range.to <= all.to);
        let ours = range.party == self.me;
        let track = self.tracks.find_mut(range.epoch).filter(|_| wanted);
        let (State::Open(open), Some(track)) = (&mut self.state, track) else {
            return Vec::new();
        };
        if ours && entries.first().is_some_and(|(next, _)| track.strays(next)) {
            return Vec::new();
        }
        let mut frames = Vec::new();
        for (bytes, body) in entries {
            let bytes = bytes.clone();
            let alone = Frame::Entry { bytes: bytes.clone(), body: None };
            let body = body.clone();
            let Some(frame) = Frame::Entry { bytes, body }.encode().or_else(|| alone.encode()) else {
                break;
            };
            open.sending.charge(now_ms);
            if ours {
                track.pushed(1);
            } else {
                track.shown(1);
            }
            frames.push(frame);
        }
        frames
    }

    /// What is due by now.
    pub fn tick(&mut self, now: Now) -> Vec<Output> {
        let mut out = Vec::new();
        let silent = match &self.state {
            State::AwaitingHello { until_ms } => *until_ms <= now.ms,
            State::Open(open) => open.pulse.silent(now.ms),
            State::Closed => return out,
        };
        let unproved = self.tracks.proof_due_ms().is_some_and(|due| due <= now.ms);
        // Over a path that carries nothing the peer cannot show anything either.
        let stalls = self.opened().is_some_and(|open| open.pulse.stalls(now.ms));
        if silent || unproved && stalls {
            self.close(Reason::Silent, &mut out);
        } else if unproved {
            self.accuse_of_claim(&mut out);
        } else {
            self.beat(now, &mut out);
        }
        out
    }

    /// When [`Session::tick`], and then [`Session::wants`], is to be called next, in monotonic milliseconds.
    pub fn next_tick(&self, now_ms: u64) -> Option<u64> {
        match &self.state {
            State::AwaitingHello { until_ms } => Some(*until_ms),
            State::Open(open) => {
                let held_back = self.tracks.lacking().is_some() && open.sending.frames(now_ms) == 0;
                let push = held_back.then(|| open.sending.ready_ms());
                let proof = self.tracks.proof_due_ms();
                [push, proof].into_iter().flatten().chain([open.pulse.next_ms()]).min()
            }
            State::Closed => None,
        }
    }

    /// Whether the records are even: in the epoch that serves, each side holds all that the other has committed.
    pub fn even(&self) -> bool {
        let State::Open(open) = &self.state else {
            return false;
        };
        let current = self.tracks.current();
        open.latest == current && self.tracks.find(current).is_some_and(Track::even)
    }

    fn hello(&mut self, hello: Hello, bytes: &[u8], now: Now, out: &mut Vec<Output>) {
        if hello.line != self.line {
            out.extend(fault(Misconduct::WrongLine));
            return self.close(Reason::WrongLine, out);
        }
        let common = hello.versions.iter().rev();
        let Some(version) = common.copied().find(|v| self.versions.contains(v)) else {
            return self.accuse(Misconduct::NoCommonVersion, self.tracks.current(), bytes, out);
        };
        if hello.epochs.iter().any(|e| self.tracks.jumps(e.epoch)) {
            return self.accuse(Misconduct::EpochJump, self.tracks.current(), bytes, out);
        }
        let mut sending = Bucket::new(hello.rate, now.ms);
        sending.charge(now.ms); // for our own hello
        self.state = State::Open(Open {
            pulse: Pulse::new(now.ms),
            sending,
            latest: Epoch::FIRST,
            hello: bytes.iter().take(limits::FRAME_MAX).copied().collect(),
            named: Some(hello.epochs.clone()),
            caught_up: false,
            voice: (version >= CALLS_SINCE).then(|| Box::new(Voice::new(now.ms))),
        });
        out.push(Output::PeerHello { version, clock: hello.clock, software: hello.software });
        for heads in &hello.epochs {
            let lost = self.named(heads, true, out);
            out.extend(lost);
        }
        let nothing = Head::empty();
        let unnamed = self.tracks.unnamed(&hello.epochs).into_iter();
        out.extend(unnamed.map(|epoch| Output::PeerLost { epoch, head: nothing }));
        for (epoch, from) in self.tracks.ask(now.ms.saturating_add(limits::SHOW_WITHIN_MS)) {
            self.send(Some(Frame::Show { epoch, from }), now.ms, out);
        }
        self.is_heard(out);
        // Who was told before that its log is taken no further may have forgotten it.
        let halted = self.tracks.find(self.tracks.current()).and_then(Track::halted);
        out.extend(halted.and_then(fault));
        for epoch in self.tracks.unknown() {
            self.ask_unclaimed(epoch, out);
        }
        let caught_up = self.tracks.caught_up();
        if let Some(open) = self.opened() {
            open.caught_up = caught_up;
        }
        self.beat(now, out);
    }

    /// Takes the heads that the peer names, and says if it has lost a part of its own log.
    fn named(&mut self, heads: &EpochHeads, hello: bool, out: &mut Vec<Output>) -> Option<Output> {
        let (epoch, me) = (heads.epoch, self.me);
        let State::Open(open) = &mut self.state else {
            return None;
        };
        open.latest = open.latest.max(epoch);
        // An epoch that we do not know is the peer's to open; a log of ours in it would be one that we have lost.
        let unknown = self.tracks.find(epoch).is_none() && heads.of(me).size > 0 && hello && !self.tracks.full();
        if let Some(key) = self.tracks.key_below(epoch).filter(|_| unknown) {
            self.tracks.insert(Track::unknown(me, epoch, key));
        }
        let track = self.tracks.find_mut(epoch)?;
        let (told, lost) = if hello { track.hello(heads) } else { (track.named(heads), None) };
        out.extend(say(told, epoch));
        lost.map(|head| Output::PeerLost { epoch, head })
    }

    fn entry(&mut self, bytes: &[u8], body: Option<Vec<u8>>, now: Now, verify: &dyn Verify, out: &mut Vec<Output>) {
        let entry = match Entry::read(bytes) {
            Ok(entry) => entry,
            Err(what) => {
                // Only its author can be accused of what it says, and the author of what is unsigned is not known.
                let current = self.tracks.current();
                let signed = self.tracks.find(current).is_some_and(|track| track.signed(bytes, verify));
                let what = if signed { what } else { Misconduct::BadSignature };
                return self.accuse(what, current, bytes, out);
            }
        };
        let epoch = entry.header.epoch;
        let track = self.tracks.find_mut(epoch);
        let until_ms = now.ms.saturating_add(limits::SHOW_WITHIN_MS);
        let shown = entry.header.line == self.line && entry.header.party == self.me;
        if track.is_some_and(|t| shown && t.is_shown(entry.header.own.size, until_ms)) {
            return match fitting_body(&entry.header, body) {
                Ok(body) => {
                    out.push(Output::Shown(Box::new(Shown { entry, body })));
                    self.is_heard(out);
                }
                Err(what) => self.accuse(what, epoch, bytes, out),
            };
        }
        if self.tracks.find(epoch).is_some_and(Track::awaits_proof) {
            return self.accuse_of_claim(out);
        }
        if self.tracks.find(epoch).is_some_and(|t| t.halted().is_some()) {
            return;
        }
        match self.receive(entry, body, verify, out) {
            Ok(received) => out.push(Output::Take(received.into())),
            Err(what) => self.accuse(what, epoch, bytes, out),
        }
    }

    fn receive(
        &mut self,
        entry: Entry,
        body: Option<Vec<u8>>,
        verify: &dyn Verify,
        out: &mut Vec<Output>,
    ) -> Result<Received, Misconduct> {
        let header = &entry.header;
        if header.line != self.line {
            return Err(Misconduct::WrongLine);
        }
        if header.party != self.me.peer() {
            return Err(Misconduct::WrongParty);
        }
        let epoch = header.epoch;
        let verified_under = if let Some(track) = self.tracks.taker(&entry, verify) {
            track.receive(&entry, &self.peer_root, verify)?
        } else {
            if self.tracks.jumps(epoch) {
                return Err(Misconduct::EpochJump);
            }
            let full = self.tracks.full();
            let opened = Track::opened(self.me, header, self.peer_root).filter(|_| !full);
            let mut track = opened.ok_or(Misconduct::WrongEpoch)?;
            let key = track.receive(&entry, &self.peer_root, verify)?;
            self.tracks.insert(track);
            key
        };
        let body = fitting_body(&entry.header, body)?;
        if verified_under.is_some() {
            let told = self.tracks.find_mut(epoch).map(|track| track.receipted(entry.header.held));
            out.extend(told.and_then(|told| say(told, epoch)));
            if let Some(open) = self.opened() {
                open.latest = open.latest.max(epoch);
            }
        }
        Ok(Received { entry, body, verified_under })
    }

    fn ping(&mut self, beat: &Beat, now: Now, out: &mut Vec<Output>) {
        self.named(&beat.heads, false, out);
        let pong = self.own_beat(beat.number, now).map(Frame::Pong);
        self.send(pong, now.ms, out);
    }

    /// False if nothing was asked under that number.
    fn pong(&mut self, beat: &Beat, now: Now, out: &mut Vec<Output>) -> bool {
        let open = self.opened();
        let Some(path) = open.and_then(|o| o.pulse.pong(beat.number, beat.clock, now)) else {
            return false;
        };
        out.push(Output::Path(path));
        self.named(&beat.heads, false, out);
        self.beat(now, out);
        true
    }

    /// Pings, if that is due.
    fn beat(&mut self, now: Now, out: &mut Vec<Output>) {
        let number = self.opened().and_then(|open| open.pulse.due(now));
        let ping = number.and_then(|n| self.own_beat(n, now)).map(Frame::Ping);
        self.send(ping, now.ms, out);
    }

    fn own_beat(&self, number: u64, now: Now) -> Option<Beat> {
        let track = self.tracks.find(self.tracks.current())?;
        Some(Beat { number, clock: now.wall, heads: track.heads() })
    }

    fn send(&mut self, frame: Option<Frame>, now_ms: u64, out: &mut Vec<Output>) {
        if let (Some(open), Some(bytes)) = (self.opened(), frame.and_then(|f| f.encode())) {
            open.sending.charge(now_ms);
            out.push(Output::Send(bytes));
        }
    }

    /// Once a session, when what was missing at its begin is committed, the peer is told before the next ping would.
    fn catch_up(&mut self, now: Now, out: &mut Vec<Output>) {
        if !self.tracks.caught_up() {
            return;
        }
        let Some(open) = self.opened().filter(|open| !open.caught_up) else {
            return;
        };
        open.caught_up = true;
        open.pulse.hurry(now.ms);
        self.beat(now, out);
    }

    /// Names misconduct once: to the station with its evidence, to the peer by its number. What names no epoch that is known
    /// here halts the current one.
    fn accuse(&mut self, what: Misconduct, epoch: Epoch, evidence: &[u8], out: &mut Vec<Output>) {
        let known = self.tracks.find(epoch).is_some();
        let epoch = if known { epoch } else { self.tracks.current() };
        if what.halts() {
            match self.tracks.find_mut(epoch) {
                Some(track) if track.halted().is_none() => track.halt(what),
                _ => return,
            }
        }
        let evidence = evidence.iter().take(limits::FRAME_MAX).copied().collect();
        out.push(Output::Misconduct { what, epoch, evidence });
        out.extend(fault(what));
        if !what.halts() {
            self.close(Reason::Misconduct(what), out);
        }
    }

    fn close(&mut self, reason: Reason, out: &mut Vec<Output>) {
        self.state = State::Closed;
        out.push(Output::Close(reason));
    }

    fn say_even(&mut self, out: &mut Vec<Output>) {
        let even = self.even();
        if even != self.told_even && !self.closed() {
            self.told_even = even;
            out.push(Output::Even(even));
        }
    }

    fn opened(&mut self) -> Option<&mut Open> {
        if let State::Open(open) = &mut self.state { Some(open) } else { None }
    }

    fn closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }
}

fn say(told: Told, epoch: Epoch) -> Option<Output> {
    match told {
        Told::Nothing => None,
        Told::Holds(head) => Some(Output::PeerHolds { epoch, head }),
        Told::Claims(head) => Some(Output::Claim { epoch, head }),
    }
}

fn fault(what: Misconduct) -> Option<Output> {
    let text = String::from(what.word());
    let number = what.number();
    Frame::Fault { number, text }.encode().map(Output::Send)
}
