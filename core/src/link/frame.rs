//! Frames: what two stations say to each other, to bytes and back (`docs/protocol.md` §8.2).
//!
//! A frame is one array in deterministic CBOR, at most `limits::FRAME_MAX` bytes, its type first. The type and the form
//! of a hello are the same in every version, so that two stations without a common one can say so.
//!
//! ```text
//! hello  = [1, versions: [1*16 uint], line: bstr .size 16, epochs: [1*64 epoch-heads], clock, rate: [uint, uint], text]
//! entry  = [2, entry: bstr, ? body: bstr]
//! ping   = [3, number: uint, clock, epoch-heads]
//! pong   = [4, number: uint, clock, epoch-heads]      ; the number of the ping that it answers
//! fault  = [5, misconduct: uint, text]
//! chain  = [6, line: bstr .size 16, party: 0 / 1, [0*128 bstr]]   ; entries of that party's logs
//! answer = [7, bool]                                  ; whether the chain is accepted
//! show   = [8, epoch: [uint, bstr .size 8], from: uint] ; show me my own log
//! call   = [9, epoch: [uint, bstr .size 8], [party: 0 / 1, index: uint], bstr .size (1..256)]
//! voice  = [10, bstr .size (16..1115)]
//!
//! epoch-heads = [epoch: [uint, bstr .size 8], inviter: [size: uint, root: bstr .size 32], joiner: [size, root]]
//! clock = uint                                        ; ms UTC
//! text = tstr .size (0..128)                          ; without control characters
//! ```

use alloc::{string::String, vec::Vec};

use super::rate::Rate;
use crate::ids::{EntryRef, Epoch, LineId, Party};
use crate::limits;
use crate::record::cbor::{CborFault, Value};
use crate::record::merkle::SIZE_MAX;
use crate::record::opening::EpochHeads;
use crate::time::Timestamp;

/// The numbers of frames.
mod kind {
    pub const HELLO: u64 = 1;
    pub const ENTRY: u64 = 2;
    pub const PING: u64 = 3;
    pub const PONG: u64 = 4;
    pub const FAULT: u64 = 5;
    pub const CHAIN: u64 = 6;
    pub const ANSWER: u64 = 7;
    pub const SHOW: u64 = 8;
    pub const CALL: u64 = 9;
    pub const VOICE: u64 = 10;
}

/// The first frame of each side, sent without waiting for the other's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hello {
    /// Of the protocol, ascending; 1 to `limits::VERSIONS_MAX` of them.
    pub versions: Vec<u64>,
    /// On which line.
    pub line: LineId,
    /// What the sender has committed of both logs in each epoch that it knows, ascending; 1 to `limits::EPOCHS_MAX`.
    pub epochs: Vec<EpochHeads>,
    /// The sender's clock.
    pub clock: Timestamp,
    /// How fast the sender reads.
    pub rate: Rate,
    /// What runs there, for logs; at most `limits::SHORT_TEXT_MAX` bytes.
    pub software: String,
}

/// What a ping and its pong carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Beat {
    /// Of the ping.
    pub number: u64,
    /// The sender's clock.
    pub clock: Timestamp,
    /// What the sender has committed in the epoch that serves.
    pub heads: EpochHeads,
}

/// One frame.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each variant's sentence names its fields")]
pub enum Frame {
    /// Who speaks, and what it holds.
    Hello(Hello),
    /// An entry exactly as signed, and its body if the sender holds one.
    Entry { bytes: Vec<u8>, body: Option<Vec<u8>> },
    /// Are you there?
    Ping(Beat),
    /// Yes.
    Pong(Beat),
    /// The sender names the receiver's misconduct by its number, and says in a few words what was wrong.
    Fault { number: u64, text: String },
    /// `key` entries and root-signed charters of one party's logs, oldest first, at most `limits::CHAIN_MAX`.
    Chain { line: LineId, party: Party, entries: Vec<Vec<u8>> },
    /// Whether that chain vouches for the link's key.
    Answer(bool),
    /// Show me the receiver's copy of the sender's own log of this epoch, from this index.
    Show { epoch: Epoch, from: u64 },
    /// What the sender tells of the call of this agreeing act: 1 to `limits::CALL_STATE_MAX` bytes, which the station reads.
    Call { epoch: Epoch, act: EntryRef, state: Vec<u8> },
    /// A packet of voice, `limits::VOICE_PACKET_MIN` to `limits::VOICE_PACKET_MAX` bytes, where datagrams do not pass.
    Voice(Vec<u8>),
}

/// Why bytes are no frame. The peer is told `Misconduct::BadFrame`; this is for our own log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameFault {
    /// Over `limits::FRAME_MAX`; its length.
    TooLong(usize),
    /// No deterministic CBOR.
    Cbor(CborFault),
    /// Not an array that begins with a number.
    NoType,
    /// No frame has this number.
    UnknownType(u64),
    /// A field of this type of frame is not what it must be.
    Malformed(u64),
}

impl Frame {
    /// The frame's one encoding; `None` if it is over `limits::FRAME_MAX`, which only a chain, or an entry with a body over
    /// the protocol's limits, can be.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let uint = Value::Uint;
        let list = match self {
            Frame::Hello(hello) => alloc::vec![
                uint(kind::HELLO),
                Value::Array(hello.versions.iter().copied().map(uint).collect()),
                Value::bytes(&hello.line.0),
                Value::Array(hello.epochs.iter().map(EpochHeads::write).collect()),
                uint(hello.clock.0),
                Value::Array(alloc::vec![uint(hello.rate.per_second.into()), uint(hello.rate.burst.into())]),
                Value::text(&hello.software),
            ],
            Frame::Entry { bytes, body } => {
                let mut list = alloc::vec![uint(kind::ENTRY), Value::bytes(bytes)];
                list.extend(body.as_ref().map(|b| Value::bytes(b)));
                list
            }
            Frame::Ping(beat) => write_beat(kind::PING, beat),
            Frame::Pong(beat) => write_beat(kind::PONG, beat),
            Frame::Fault { number, text } => {
                alloc::vec![uint(kind::FAULT), uint(*number), Value::text(text)]
            }
            Frame::Chain { line, party, entries } => {
                let entries = entries.iter().map(|e| Value::bytes(e)).collect();
                alloc::vec![uint(kind::CHAIN), Value::bytes(&line.0), uint(party.number()), Value::Array(entries)]
            }
            Frame::Answer(accepted) => alloc::vec![uint(kind::ANSWER), Value::Bool(*accepted)],
            Frame::Show { epoch, from } => alloc::vec![uint(kind::SHOW), write_epoch(*epoch), uint(*from)],
            Frame::Call { epoch, act, state } => {
                let act = Value::Array(alloc::vec![uint(act.party.number()), uint(act.index)]);
                alloc::vec![uint(kind::CALL), write_epoch(*epoch), act, Value::bytes(state)]
            }
            Frame::Voice(packet) => alloc::vec![uint(kind::VOICE), Value::bytes(packet)],
        };
        let bytes = Value::Array(list).encode();
        (bytes.len() <= limits::FRAME_MAX).then_some(bytes)
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// [`FrameFault`].
    pub fn decode(bytes: &[u8]) -> Result<Frame, FrameFault> {
        if bytes.len() > limits::FRAME_MAX {
            return Err(FrameFault::TooLong(bytes.len()));
        }
        let value = Value::decode(bytes).map_err(FrameFault::Cbor)?;
        let Some([Value::Uint(number), fields @ ..]) = value.as_array() else {
            return Err(FrameFault::NoType);
        };
        let frame = match *number {
            kind::HELLO => read_hello(fields).map(Frame::Hello),
            kind::ENTRY => read_entry(fields),
            kind::PING => read_beat(fields).map(Frame::Ping),
            kind::PONG => read_beat(fields).map(Frame::Pong),
            kind::FAULT => read_fault(fields),
            kind::CHAIN => read_chain(fields),
            kind::ANSWER => read_answer(fields),
            kind::SHOW => read_show(fields),
            kind::CALL => read_call(fields),
            kind::VOICE => read_voice(fields),
            other => return Err(FrameFault::UnknownType(other)),
        };
        frame.ok_or(FrameFault::Malformed(*number))
    }
}

/// Cuts a text of ours to what a frame may carry.
pub(super) fn clip(text: &str) -> String {
    let mut clipped = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if clipped.len() + c.len_utf8() > limits::SHORT_TEXT_MAX {
            break;
        }
        clipped.push(c);
    }
    clipped
}

fn write_beat(kind: u64, beat: &Beat) -> Vec<Value> {
    alloc::vec![Value::Uint(kind), Value::Uint(beat.number), Value::Uint(beat.clock.0), beat.heads.write()]
}

fn write_epoch(epoch: Epoch) -> Value {
    Value::Array(alloc::vec![Value::Uint(epoch.number), Value::bytes(&epoch.id)])
}

fn read_epoch(value: &Value) -> Option<Epoch> {
    let [number, id] = value.as_array()? else { return None };
    Some(Epoch { number: number.as_uint()?, id: id.as_array_of()? })
}

fn read_hello(fields: &[Value]) -> Option<Hello> {
    let [versions, line, epochs, clock, rate, software] = fields else {
        return None;
    };
    let versions = versions.as_array()?.iter().map(Value::as_uint);
    let versions: Vec<u64> = versions.collect::<Option<_>>()?;
    let epochs = epochs.as_array()?;
    let bounded =
        (1..=limits::VERSIONS_MAX).contains(&versions.len()) && (1..=limits::EPOCHS_MAX).contains(&epochs.len());
    let epochs: Vec<EpochHeads> = epochs.iter().map(read_heads).collect::<Option<_>>()?;
    let in_order = versions.is_sorted_by(|a, b| a < b) && epochs.is_sorted_by(|a, b| a.epoch < b.epoch);
    (bounded && in_order).then_some(())?;
    Some(Hello {
        versions,
        line: LineId(line.as_array_of()?),
        epochs,
        clock: Timestamp::new(clock.as_uint()?)?,
        rate: read_rate(rate)?,
        software: read_text(software)?,
    })
}

fn read_entry(fields: &[Value]) -> Option<Frame> {
    let (bytes, body) = match fields {
        [bytes] => (bytes, None),
        [bytes, body] => (bytes, Some(body.as_bytes()?.into())),
        _ => return None,
    };
    let bytes = bytes.as_bytes()?.into();
    Some(Frame::Entry { bytes, body })
}

fn read_beat(fields: &[Value]) -> Option<Beat> {
    let [number, clock, heads] = fields else {
        return None;
    };
    Some(Beat { number: number.as_uint()?, clock: Timestamp::new(clock.as_uint()?)?, heads: read_heads(heads)? })
}

fn read_fault(fields: &[Value]) -> Option<Frame> {
    let [number, text] = fields else { return None };
    Some(Frame::Fault { number: number.as_uint()?, text: read_text(text)? })
}

fn read_chain(fields: &[Value]) -> Option<Frame> {
    let [line, party, entries] = fields else { return None };
    let entries = entries.as_array().filter(|list| list.len() <= limits::CHAIN_MAX)?.iter();
    let entries = entries.map(|e| e.as_bytes().map(Vec::from));
    Some(Frame::Chain {
        line: LineId(line.as_array_of()?),
        party: Party::from_number(party.as_uint()?)?,
        entries: entries.collect::<Option<_>>()?,
    })
}

fn read_answer(fields: &[Value]) -> Option<Frame> {
    let [accepted] = fields else { return None };
    Some(Frame::Answer(accepted.as_bool()?))
}

fn read_show(fields: &[Value]) -> Option<Frame> {
    let [epoch, from] = fields else { return None };
    Some(Frame::Show { epoch: read_epoch(epoch)?, from: from.as_uint().filter(|from| *from <= SIZE_MAX)? })
}

fn read_call(fields: &[Value]) -> Option<Frame> {
    let [epoch, act, state] = fields else { return None };
    let [party, index] = act.as_array()? else { return None };
    let index = index.as_uint().filter(|index| *index < SIZE_MAX)?;
    let act = EntryRef { party: Party::from_number(party.as_uint()?)?, index };
    let state = state.as_bytes().filter(|state| (1..=limits::CALL_STATE_MAX).contains(&state.len()))?;
    Some(Frame::Call { epoch: read_epoch(epoch)?, act, state: state.into() })
}

fn read_voice(fields: &[Value]) -> Option<Frame> {
    let [packet] = fields else { return None };
    let packet = packet.as_bytes()?;
    (limits::VOICE_PACKET_MIN..=limits::VOICE_PACKET_MAX).contains(&packet.len()).then(|| Frame::Voice(packet.into()))
}

/// No tree is larger than `SIZE_MAX`, so what is computed with a size from outside cannot overflow.
fn read_heads(value: &Value) -> Option<EpochHeads> {
    EpochHeads::read(value).filter(|h| h.heads.iter().all(|head| head.size <= SIZE_MAX))
}

fn read_rate(value: &Value) -> Option<Rate> {
    let [per_second, burst] = value.as_array()? else {
        return None;
    };
    let number = |v: &Value| u32::try_from(v.as_uint()?).ok().filter(|n| *n > 0);
    Some(Rate { per_second: number(per_second)?, burst: number(burst)? })
}

fn read_text(value: &Value) -> Option<String> {
    let text = value.as_text()?;
    let fits = text.len() <= limits::SHORT_TEXT_MAX && !text.chars().any(char::is_control);
    fits.then(|| text.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::record::entry::Head;
    use alloc::vec;

    fn heads(number: u64) -> EpochHeads {
        let head = |size| Head { size, root: [7; 32] };
        let id = [number as u8; 8];
        EpochHeads { epoch: Epoch { number, id }, heads: [head(3), head(SIZE_MAX)] }
    }

    fn hello() -> Hello {
        Hello {
            versions: vec![1, 3],
            line: LineId([9; 16]),
            epochs: vec![heads(0), heads(1)],
            clock: Timestamp(1_700_000_000_000),
            rate: Rate::default(),
            software: "counterpart 0.1.0".into(),
        }
    }

    fn one_of_each() -> Vec<Frame> {
        let beat = Beat { number: 4, clock: Timestamp(5), heads: heads(2) };
        let bytes = vec![1; 300];
        vec![
            Frame::Hello(hello()),
            Frame::Entry { bytes: bytes.clone(), body: None },
            Frame::Entry { bytes: bytes.clone(), body: Some(vec![2; 30]) },
            Frame::Ping(beat),
            Frame::Pong(beat),
            Frame::Fault { number: 99, text: "ни слова".into() },
            Frame::Chain { line: LineId([9; 16]), party: Party::Joiner, entries: vec![bytes, vec![3]] },
            Frame::Chain { line: LineId([9; 16]), party: Party::Inviter, entries: Vec::new() },
            Frame::Answer(true),
            Frame::Show { epoch: Epoch::FIRST, from: 300 },
            Frame::Call { epoch: Epoch::FIRST, act: EntryRef { party: Party::Joiner, index: 7 }, state: vec![0x80; 9] },
            Frame::Voice(vec![1; limits::VOICE_PACKET_MIN]),
        ]
    }

    #[test]
    fn every_frame_is_read_back_as_it_was() {
        for frame in one_of_each() {
            assert_eq!(Frame::decode(&frame.encode().unwrap()), Ok(frame));
        }
    }

    #[test]
    fn a_frame_that_is_cut_or_longer_is_refused() {
        for frame in one_of_each() {
            let bytes = frame.encode().unwrap();
            for length in 0..bytes.len() {
                assert!(Frame::decode(&bytes[..length]).is_err());
            }
            let longer = [&bytes[..], &[0]].concat();
            assert_eq!(Frame::decode(&longer), Err(FrameFault::Cbor(CborFault::Trailing)));
        }
    }

    #[test]
    fn a_mutated_frame_never_stops_the_reader_and_what_is_read_has_one_form() {
        let mut chance = 0x9e37_79b9_7f4a_7c15_u64; // xorshift64
        let mut next = |below: usize| {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            (chance % below as u64) as usize
        };

        for frame in one_of_each() {
            let whole = frame.encode().unwrap();
            for _ in 0..20_000 {
                let mut bytes = whole.clone();
                for _ in 0..=next(4) {
                    if bytes.is_empty() {
                        break;
                    }
                    let at = next(bytes.len());
                    match next(4) {
                        0 => bytes[at] ^= 1 << next(8),
                        1 => bytes[at] = next(256) as u8,
                        2 => bytes.insert(at, next(256) as u8),
                        _ => drop(bytes.remove(at)),
                    }
                }
                if let Ok(read) = Frame::decode(&bytes) {
                    assert_eq!(read.encode(), Some(bytes));
                }
            }
        }
    }

    #[test]
    fn a_hello_with_a_list_that_is_empty_unordered_or_too_long_is_malformed() {
        let refused = |change: fn(&mut Hello)| {
            let mut hello = hello();
            change(&mut hello);
            let bytes = Frame::Hello(hello).encode().unwrap();
            assert_eq!(Frame::decode(&bytes), Err(FrameFault::Malformed(1)));
        };

        refused(|h| h.versions.clear());
        refused(|h| h.versions = vec![3, 1]);
        refused(|h| h.versions = (0..17).collect());
        refused(|h| h.epochs.clear());
        refused(|h| h.epochs = vec![heads(1), heads(1)]);
        refused(|h| h.epochs = (0..65).map(heads).collect());
        refused(|h| h.epochs[0].heads[0].size = SIZE_MAX + 1);
        refused(|h| h.clock = Timestamp(Timestamp::MAX.0 + 1));
        refused(|h| h.rate.burst = 0);
        refused(|h| h.software = "x".repeat(129));
        refused(|h| h.software = "x\n".into());
    }

    #[test]
    fn a_frame_over_the_limit_is_neither_written_nor_read() {
        let with = |length: usize| Frame::Entry { bytes: vec![0; length], body: None };

        assert_eq!(with(limits::FRAME_MAX - 5).encode().unwrap().len(), limits::FRAME_MAX);
        assert_eq!(with(limits::FRAME_MAX - 4).encode(), None);
        let bytes = vec![0; limits::FRAME_MAX + 1];
        assert_eq!(Frame::decode(&bytes), Err(FrameFault::TooLong(limits::FRAME_MAX + 1)));
    }

    #[test]
    fn what_is_told_of_a_call_and_a_packet_of_voice_have_their_sizes() {
        let packet = |length: usize| Frame::Voice(vec![1; length]);
        let call = |length: usize| {
            let act = EntryRef { party: Party::Inviter, index: 1 };
            Frame::Call { epoch: Epoch::FIRST, act, state: vec![0; length] }
        };
        let read = |frame: Frame| Frame::decode(&frame.encode().unwrap());

        assert_eq!(read(packet(limits::VOICE_PACKET_MAX)), Ok(packet(limits::VOICE_PACKET_MAX)));
        assert_eq!(read(call(limits::CALL_STATE_MAX)), Ok(call(limits::CALL_STATE_MAX)));
        for length in [limits::VOICE_PACKET_MIN - 1, limits::VOICE_PACKET_MAX + 1] {
            assert_eq!(read(packet(length)), Err(FrameFault::Malformed(10)));
        }
        for length in [0, limits::CALL_STATE_MAX + 1] {
            assert_eq!(read(call(length)), Err(FrameFault::Malformed(9)));
        }
    }

    #[test]
    fn a_hello_of_as_many_epochs_as_a_line_may_have_fits() {
        let mut full = hello();
        full.epochs = (1 << 40..).take(limits::EPOCHS_MAX).map(heads).collect();

        let bytes = Frame::Hello(full.clone()).encode().unwrap();

        assert_eq!(Frame::decode(&bytes), Ok(Frame::Hello(full)));
    }

    #[test]
    fn what_has_no_type_or_an_unknown_one_is_refused() {
        let decode = |value: Value| Frame::decode(&value.encode());

        assert_eq!(decode(Value::Null), Err(FrameFault::NoType));
        assert_eq!(decode(Value::Array(Vec::new())), Err(FrameFault::NoType));
        assert_eq!(decode(Value::Array(vec![Value::Uint(11)])), Err(FrameFault::UnknownType(11)));
    }

    #[test]
    fn a_text_of_ours_is_cut_between_characters() {
        assert_eq!(clip(&"д".repeat(100)).len(), 128);
        assert_eq!(clip("a\nb"), "ab");
        assert_eq!(clip(&["x", &"д".repeat(100)].concat()).len(), 127);
    }
}
