//! What passes through a call, and why something does not.

use std::sync::Arc;

use crate::codec::{Codec, PayloadFault};
use crate::packet::Packet;
use crate::seat::{Number, Seat};

/// A packet as it comes from a browser.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sound {
    /// RTP's, of which the lower 32 bits are kept.
    pub sequence: u32,
    /// RTP's, in ticks of the codec's clock.
    pub timestamp: u32,
    /// As it was encoded.
    pub payload: Arc<[u8]>,
}

/// Where a packet goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forward {
    /// The packet, for the link as it is.
    pub packet: Packet,
    /// Who speaks.
    pub from: Seat,
    /// Whether the other side is to have it.
    pub to_peer: bool,
    /// Who of our people hears it.
    pub hearers: Vec<Number>,
}

/// Why our own person cannot have it so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// No codec that both sides have: there is no call.
    NoSharedCodec,
    /// As many people of this side are in the call as may be.
    SideFull,
    /// Nobody has this number.
    NobodyThere(Number),
    /// On the line is nobody but a watch before both sides have put through.
    NotThrough,
}

/// What a sender did that no call carries: of a peer its misconduct, of a browser of ours its fault. The packet is let go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Breach {
    /// The payload is none of its codec, or too long.
    Malformed(PayloadFault),
    /// It is encoded otherwise than was agreed.
    OtherCodec(Codec),
    /// More packets or bytes than one person's voice takes. Said once a second while it lasts.
    Flood,
}
