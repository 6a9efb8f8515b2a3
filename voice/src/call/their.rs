//! What comes from one seat of the other side: who is named there, and how their voice arrives.

use super::Named;
use crate::numbering::Numbering;
use crate::packet::Packet;
use crate::quality::{Arrived, Quality};

/// Of whoever speaks a packet comes every few milliseconds, of silence too: after so long without one something is wrong.
const UNHEARD_MS: u64 = 2_000;

/// One seat.
#[derive(Debug)]
pub(super) struct Their {
    named: Option<Named>,
    numbering: Numbering,
    newest: u32,
    /// When their last packet came; before the first, since when they are to be heard.
    heard_at_ms: u64,
    quality: Quality,
}

impl Their {
    pub fn new(now_ms: u64) -> Their {
        let (numbering, quality) = (Numbering::from(0), Quality::default());
        Their { named: None, numbering, newest: 0, heard_at_ms: now_ms, quality }
    }

    /// Who is there now, as the other side says it.
    pub fn name(&mut self, named: Option<Named>, now_ms: u64) {
        if !self.is_speaking() {
            self.heard_at_ms = now_ms;
        }
        self.named = named;
    }

    pub fn named(&self) -> Option<Named> {
        self.named
    }

    /// A packet came. Whether it is to be heard: its speaker may be, and it comes once and in time.
    pub fn came(&mut self, packet: &Packet, now_ms: u64) -> bool {
        if !self.named.is_some_and(Named::speaks) {
            return false;
        }
        let Some(numbered) = self.numbering.number(packet.sequence, packet.begins) else { return false };
        self.heard_at_ms = now_ms;
        if numbered.grown > 0 {
            self.newest = packet.sequence;
        }
        self.quality.came(numbered, packet.timestamp, now_ms, packet.codec.clock_hz());
        true
    }

    /// The highest number that came, and how they arrive.
    pub fn arrived(&self, clock_hz: u32) -> (u32, Arrived) {
        (self.newest, self.quality.arrived(clock_hz))
    }

    /// Whether they should be heard, and nothing has come for a while.
    pub fn is_unheard(&self, now_ms: u64) -> bool {
        self.is_speaking() && now_ms >= self.heard_at_ms.saturating_add(UNHEARD_MS)
    }

    /// Whether their page is there and sends.
    fn is_speaking(&self) -> bool {
        self.named.is_some_and(|named| named.here && named.speaks())
    }
}
