//! Calls beside the record (`docs/protocol.md` §8.8): what the sides tell each other of one, and packets of voice. Nothing of it is
//! recorded, and nothing of it is awaited: what is wrong is let go, and the session goes on.

use alloc::vec::Vec;

use super::state::{Open, State};
use super::{Output, Reason, Session, fault};
use crate::fault::Misconduct;
use crate::ids::{EntryRef, Epoch};
use crate::limits;
use crate::link::frame::Frame;
use crate::link::rate::{Bucket, Rate};

/// The first byte of a packet.
const PACKET: u8 = 1;
/// The whole of a datagram that says nothing (§8.1).
const NUDGE: u8 = 0;
/// So many packets a second, and two seconds of them at once: what has waited while a path stood still.
const RATE: Rate = Rate { per_second: limits::VOICE_PACKETS_PER_SECOND, burst: 2 * limits::VOICE_PACKETS_PER_SECOND };

/// What a session counts of the peer's voice.
#[derive(Debug)]
pub(super) struct Voice {
    /// Pays for packets, whichever way they come.
    packets: Bucket,
    /// Packets, and what was told of calls, that were none.
    malformed: u32,
    /// What has been named once.
    named: Vec<Misconduct>,
}

impl Voice {
    pub(super) fn new(now_ms: u64) -> Voice {
        Voice { packets: Bucket::new(RATE, now_ms), malformed: 0, named: Vec::new() }
    }
}

impl Session {
    /// Whether the version that both sides speak has calls. Not before the peer's hello has come.
    pub fn carries_calls(&self) -> bool {
        matches!(&self.state, State::Open(Open { voice: Some(_), .. }))
    }

    /// The frame that tells the peer of the call of this agreeing act: `state`, 1 to `limits::CALL_STATE_MAX` bytes. `None`: this
    /// session has no calls.
    pub fn tell(&mut self, epoch: Epoch, act: EntryRef, state: Vec<u8>, now_ms: u64) -> Option<Vec<u8>> {
        let open = self.opened().filter(|open| open.voice.is_some())?;
        open.sending.charge(now_ms);
        Frame::Call { epoch, act, state }.encode()
    }

    /// The frame for a packet of ours where datagrams do not pass. It is not charged: the peer counts packets by themselves.
    pub fn voice(&self, packet: Vec<u8>) -> Option<Vec<u8>> {
        Frame::Voice(packet).encode().filter(|_| self.carries_calls())
    }

    /// Takes a datagram. What is no packet of voice and no nudge is misconduct where there are calls, and nothing where there are
    /// none.
    pub fn datagram(&mut self, bytes: &[u8], now_ms: u64) -> Vec<Output> {
        let mut out = Vec::new();
        let is_sized = (limits::VOICE_PACKET_MIN..=limits::VOICE_PACKET_MAX).contains(&bytes.len());
        match bytes {
            _ if !self.carries_calls() => {}
            [NUDGE] => {}
            [PACKET, ..] if is_sized => drop(self.packet(bytes.to_vec(), now_ms, &mut out)),
            _ => out = self.malformed_voice(),
        }
        out
    }

    /// A packet, or what was told of a call, was none, as the station found when it read it. The hundredth ends the session.
    pub fn malformed_voice(&mut self) -> Vec<Output> {
        let mut out = Vec::new();
        let Some(voice) = self.counted() else { return out };
        voice.malformed += 1;
        let is_enough = voice.malformed >= limits::MALFORMED_VOICE_MAX;
        self.name(Misconduct::MalformedVoice, &mut out);
        if is_enough {
            self.close(Reason::Misconduct(Misconduct::MalformedVoice), &mut out);
        }
        out
    }

    /// One person of theirs sends more than a voice takes, as the station found that counts them. It has let go of it.
    pub fn flooded(&mut self) -> Vec<Output> {
        let mut out = Vec::new();
        self.name(Misconduct::VoiceFlood, &mut out);
        out
    }

    /// A packet came. Whether it is within what may come.
    pub(super) fn packet(&mut self, bytes: Vec<u8>, now_ms: u64, out: &mut Vec<Output>) -> bool {
        let Some(voice) = self.counted() else { return false };
        // What is let go pays for nothing, or a flood would be answered with silence after it.
        if voice.packets.frames(now_ms) == 0 {
            self.name(Misconduct::VoiceFlood, out);
            return false;
        }
        voice.packets.charge(now_ms);
        out.push(Output::Voice(bytes));
        true
    }

    fn counted(&mut self) -> Option<&mut Voice> {
        self.opened()?.voice.as_deref_mut()
    }

    /// Names misconduct once a session: to the station and to the peer. No evidence is kept: nobody has signed it, and a packet
    /// holds speech.
    fn name(&mut self, what: Misconduct, out: &mut Vec<Output>) {
        let epoch = self.tracks.current();
        let Some(voice) = self.counted().filter(|voice| !voice.named.contains(&what)) else { return };
        voice.named.push(what);
        out.push(Output::Misconduct { what, epoch, evidence: Vec::new() });
        out.extend(fault(what));
    }
}
