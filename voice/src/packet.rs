//! What crosses the link (§8.8): one packet of one person's voice as it was encoded, in a datagram of its own, or in a frame where
//! only TCP passes.
//!
//! ```text
//! 0       1   kind: 1 (a datagram of the one byte 0 is a nudge, §8.1)
//! 1       1   bits 0 to 3: the codec; bit 7: begins; the others are 0
//! 2       1   the person's number on the sender's side, 0 to 3
//! 3       4   the call, by the number that the reader has given it
//! 7       4   sequence, from 0 on, one more for each packet; goes round
//! 11      4   timestamp, in ticks of the codec's clock; goes round
//! 15 …        the payload, 1 to 1,100 bytes
//! ```
//!
//! Numbers are big-endian. There is one form of each packet.

use std::sync::Arc;

use crate::codec::{Codec, PayloadFault};
use crate::seat::Number;

/// Bytes before the payload.
pub const HEADER_BYTES: usize = 15;
/// The longest payload. Header and payload fit into a QUIC datagram on a path of 1,200 bytes.
pub const PAYLOAD_BYTES_MAX: usize = 1_100;
/// The first byte of every packet.
pub const KIND: u8 = 1;

const BEGINS: u8 = 0x80;

/// One packet of voice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    /// The call, by the number that the reader has given it.
    pub call: u32,
    /// Who speaks, on the sender's side.
    pub person: Number,
    /// How it is encoded.
    pub codec: Codec,
    /// It is the first after a pause: what is missing before it was never sent, and is no loss.
    pub begins: bool,
    /// One more for each packet of this person.
    pub sequence: u32,
    /// When it was spoken, in ticks of the codec's clock.
    pub timestamp: u32,
    /// As the speaker's browser encoded it. Shared by all who hear it.
    pub payload: Arc<[u8]>,
}

/// Why bytes are no packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PacketFault {
    /// Fewer bytes than a header.
    Short(usize),
    /// More than the longest payload; its length.
    Long(usize),
    /// Another first byte.
    Kind(u8),
    /// A bit is set that has no meaning.
    Reserved,
    /// No codec has this number.
    Codec(u8),
    /// Nobody can have this number.
    Person(u8),
    /// The payload is none of its codec.
    Payload(PayloadFault),
}

impl Packet {
    /// As it goes over the link.
    pub fn encode(&self) -> Vec<u8> {
        let begins = if self.begins { BEGINS } else { 0 };
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.payload.len());
        bytes.extend([KIND, begins | self.codec.number(), self.person.index() as u8]);
        for number in [self.call, self.sequence, self.timestamp] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(&*self.payload);
        bytes
    }

    /// Reads one, strictly: what is read is written as the same bytes.
    ///
    /// # Errors
    /// [`PacketFault`], which is the sender's.
    pub fn decode(bytes: &[u8]) -> Result<Packet, PacketFault> {
        let (header, payload) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(PacketFault::Short(bytes.len()))?;
        let [kind, flags, person, numbers @ ..] = header;
        if *kind != KIND {
            return Err(PacketFault::Kind(*kind));
        }
        if flags & 0x70 != 0 {
            return Err(PacketFault::Reserved);
        }
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(PacketFault::Long(payload.len()));
        }
        let codec = Codec::from_number(flags & 0x0f).ok_or(PacketFault::Codec(flags & 0x0f))?;
        let person = Number::new(*person).ok_or(PacketFault::Person(*person))?;
        codec.ticks(payload).map_err(PacketFault::Payload)?;
        let number = |at: usize| u32::from_be_bytes([numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3]]);
        Ok(Packet {
            call: number(0),
            person,
            codec,
            begins: flags & BEGINS != 0,
            sequence: number(4),
            timestamp: number(8),
            payload: payload.into(),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    fn packet(codec: Codec, payload: &[u8]) -> Packet {
        let person = Number::new(2).unwrap();
        let (call, sequence, timestamp) = (0x0102_0304, u32::MAX, 0x8000_0000);
        Packet { call, person, codec, begins: true, sequence, timestamp, payload: payload.into() }
    }

    fn some() -> Vec<Packet> {
        let opus = [&[19 << 3][..], &[7; 80]].concat();
        let longest = [&[19 << 3 | 1][..], &[7; 1_098]].concat();
        vec![packet(Codec::Opus, &opus), packet(Codec::Opus, &longest), packet(Codec::Pcmu, &[0xff; 160])]
    }

    #[test]
    fn a_packet_is_read_back_as_it_was_written() {
        let worked = packet(Codec::Pcma, &[0xd5, 0x55]);

        assert_eq!(worked.encode(), *b"\x01\x81\x02\x01\x02\x03\x04\xff\xff\xff\xff\x80\x00\x00\x00\xd5\x55");
        for packet in some() {
            assert_eq!(Packet::decode(&packet.encode()), Ok(packet));
        }
    }

    #[test]
    fn what_is_malformed_is_refused_and_says_by_what() {
        let with = |at: usize, byte: u8| {
            let mut bytes = some()[0].encode();
            bytes[at] = byte;
            Packet::decode(&bytes)
        };

        assert_eq!(Packet::decode(&[]), Err(PacketFault::Short(0)));
        assert_eq!(Packet::decode(&[KIND; 14]), Err(PacketFault::Short(14)));
        assert_eq!(with(0, 0), Err(PacketFault::Kind(0)));
        assert_eq!(with(1, 0x10), Err(PacketFault::Reserved));
        assert_eq!(with(1, 3), Err(PacketFault::Codec(3)));
        assert_eq!(with(2, 4), Err(PacketFault::Person(4)));
        assert_eq!(with(15, 19 << 3 | 3), Err(PacketFault::Payload(PayloadFault::Unframed)));
        assert_eq!(Packet::decode(&some()[0].encode()[..15]), Err(PacketFault::Payload(PayloadFault::Empty)));
        let long = [&some()[0].encode()[..], &[7; 1_100]].concat();
        assert_eq!(Packet::decode(&long), Err(PacketFault::Long(1_181)));
    }

    #[test]
    fn no_bytes_stop_the_reader_and_what_is_read_has_one_form() {
        let mut chance = 0x9e37_79b9_7f4a_7c15_u64; // xorshift64
        let mut next = |below: usize| {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            (chance % below as u64) as usize
        };
        let (mut read, mut refused) = (0, 0);

        for whole in some().iter().map(Packet::encode) {
            for _ in 0..50_000 {
                let mut bytes = whole.clone();
                for _ in 0..=next(3) {
                    // Most of what is changed is changed where the reader decides.
                    let at = next(bytes.len().min(20));
                    match next(4) {
                        0 => bytes[at] ^= 1 << next(8),
                        1 => bytes[at] = next(256) as u8,
                        2 => bytes.insert(at, next(256) as u8),
                        _ => bytes.truncate(next(bytes.len()) + 1),
                    }
                }
                if let Ok(packet) = Packet::decode(&bytes) {
                    assert_eq!(packet.encode(), bytes);
                    read += 1;
                } else {
                    refused += 1;
                }
            }
        }

        assert!(read > 1_000 && refused > 1_000, "{read} read, {refused} refused");
    }
}
