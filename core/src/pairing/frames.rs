//! What the two stations say to each other while they pair (`docs/protocol.md` §5.1): arrays in deterministic CBOR whose
//! first item is the frame's number. A connection names [`super::ALPN`]; both ends are known by their link keys.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use crate::ids::LineId;
use crate::limits;
use crate::record::cbor::{CborFault, Value};
use crate::record::charter::PartyTerms;
use crate::record::merkle::Hash;
use crate::record::sign1::Signature;

/// One frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    /// 1, to the inviter, first on every connection of a joiner that has not written its index 0.
    Hello {
        /// Which invitation.
        line: LineId,
        /// HMAC-SHA-256 under the secret, over the exporter, the draft's digest and the encoded terms.
        proof: Hash,
        /// What the charter is to say of the joiner.
        terms: Box<PartyTerms>,
    },
    /// 2, to the joiner: you are a candidate, and this is the final charter, as encoded.
    Candidate {
        /// Must be the draft with the joiner's own terms.
        charter: Vec<u8>,
    },
    /// 3, to the inviter: the joiner's signature under the final charter.
    Signature(Signature),
    /// 4, to the joiner: both signatures, the inviter's first, and the entry at index 0 of the inviter's log.
    Both {
        /// Under the final charter.
        signatures: [Signature; 2],
        /// As signed.
        entry: Vec<u8>,
    },
    /// 5, to the inviter: the entry at index 0 of the joiner's log.
    First {
        /// As signed.
        entry: Vec<u8>,
    },
    /// 6, either way: abandoned here. It names the line because it may be a connection's first frame, and two stations may be
    /// pairing more than one.
    Gone {
        /// Which pairing.
        line: LineId,
    },
    /// 7, to the joiner: turned away.
    Refused(Why),
}

/// Why a joiner is turned away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// 0: this station has no open invitation for that line.
    NoInvitation,
    /// 1: the proof is not one by the invitation's secret on this connection.
    Proof,
    /// 2: as many candidates are waiting as the protocol allows.
    Full,
    /// 3: a person has confirmed another candidate, or these terms are not those confirmed.
    Taken,
    /// 4: the invitation has been used.
    Used,
    /// 5: a person refused.
    ByPerson,
    /// 6: the terms are malformed, over a limit or share a key with the inviter.
    Terms,
    /// 7: the terms name another link key than that of the connection.
    LinkKey,
    /// 8: a signature, and no hello that made this key a candidate.
    NotCandidate,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameFault {
    /// Over `limits::FRAME_MAX`.
    TooLong,
    /// No deterministic CBOR.
    Cbor(CborFault),
    /// No frame of this version has this number.
    Unknown(u64),
    /// The frame of this number has other items; 0: it has no number.
    Malformed(u64),
}

const WHYS: [Why; 9] = [
    Why::NoInvitation,
    Why::Proof,
    Why::Full,
    Why::Taken,
    Why::Used,
    Why::ByPerson,
    Why::Terms,
    Why::LinkKey,
    Why::NotCandidate,
];

impl Frame {
    /// The frame's number.
    pub fn number(&self) -> u64 {
        match self {
            Frame::Hello { .. } => 1,
            Frame::Candidate { .. } => 2,
            Frame::Signature(_) => 3,
            Frame::Both { .. } => 4,
            Frame::First { .. } => 5,
            Frame::Gone { .. } => 6,
            Frame::Refused(_) => 7,
        }
    }

    /// The frame's one encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut items = alloc::vec![Value::Uint(self.number())];
        match self {
            Frame::Hello { line, proof, terms } => {
                items.extend([Value::bytes(&line.0), Value::bytes(proof), terms.write()]);
            }
            Frame::Candidate { charter } => items.push(Value::bytes(charter)),
            Frame::Signature(signature) => items.push(Value::bytes(signature)),
            Frame::Both { signatures, entry } => {
                items.extend(signatures.iter().map(|s| Value::bytes(s)));
                items.push(Value::bytes(entry));
            }
            Frame::First { entry } => items.push(Value::bytes(entry)),
            Frame::Gone { line } => items.push(Value::bytes(&line.0)),
            Frame::Refused(why) => items.push(Value::Uint(*why as u64)),
        }
        Value::Array(items).encode()
    }

    /// Reads exactly one frame that fills `bytes`.
    ///
    /// # Errors
    /// [`FrameFault`]: the connection ends, [`crate::fault::Misconduct::BadFrame`].
    pub fn decode(bytes: &[u8]) -> Result<Frame, FrameFault> {
        if bytes.len() > limits::FRAME_MAX {
            return Err(FrameFault::TooLong);
        }
        let value = Value::decode(bytes).map_err(FrameFault::Cbor)?;
        let Some([Value::Uint(number), items @ ..]) = value.as_array() else {
            return Err(FrameFault::Malformed(0));
        };
        if !(1..=7).contains(number) {
            return Err(FrameFault::Unknown(*number));
        }
        read(*number, items).ok_or(FrameFault::Malformed(*number))
    }
}

fn read(number: u64, items: &[Value]) -> Option<Frame> {
    let long = |value: &Value, max: usize| {
        let bytes = value.as_bytes().filter(|b| b.len() <= max)?;
        Some(Vec::from(bytes))
    };
    Some(match (number, items) {
        (1, [line, proof, terms]) => Frame::Hello {
            line: LineId(line.as_array_of()?),
            proof: proof.as_array_of()?,
            terms: Box::new(PartyTerms::read(terms)?),
        },
        (2, [charter]) => Frame::Candidate { charter: long(charter, limits::CHARTER_MAX)? },
        (3, [signature]) => Frame::Signature(signature.as_array_of()?),
        (4, [inviter, joiner, entry]) => Frame::Both {
            signatures: [inviter.as_array_of()?, joiner.as_array_of()?],
            entry: long(entry, limits::ENTRY_MAX)?,
        },
        (5, [entry]) => Frame::First { entry: long(entry, limits::ENTRY_MAX)? },
        (6, [line]) => Frame::Gone { line: LineId(line.as_array_of()?) },
        (7, [why]) => Frame::Refused(Why::from_number(why.as_uint()?)?),
        _ => return None,
    })
}

impl Why {
    fn from_number(number: u64) -> Option<Why> {
        WHYS.get(usize::try_from(number).ok()?).copied()
    }

    /// Its name in logs and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Why::NoInvitation => "no-invitation",
            Why::Proof => "proof",
            Why::Full => "full",
            Why::Taken => "taken",
            Why::Used => "used",
            Why::ByPerson => "by-person",
            Why::Terms => "terms",
            Why::LinkKey => "link-key",
            Why::NotCandidate => "not-candidate",
        }
    }
}

impl fmt::Display for Why {
    /// As the joiner's person reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::NoInvitation => "their station has no open invitation for this line: ask them for a new one",
            Why::Proof => "their station does not take the proof of this invitation: ask them whether they made it",
            Why::Full => {
                "eight candidates are waiting there: ask them to refuse those that they do not know, then try again"
            }
            Why::Taken => "a person there has confirmed another candidate: if it was not you, tell them at once",
            Why::Used => "this invitation has been used: if it was not you, tell them at once; else ask for a new one",
            Why::ByPerson => "a person there refused these digits: talk to them, then try again",
            Why::Terms => "their station does not take our half of the charter: shorten it, and use keys of our own",
            Why::LinkKey => {
                "our half of the charter names another link key than we connect with: abandon, then join anew"
            }
            Why::NotCandidate => "their station does not know us as a candidate: connect again",
        })
    }
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameFault::TooLong => f.write_str("a frame of pairing is too long"),
            FrameFault::Cbor(_) => f.write_str("a frame of pairing is not in its one form"),
            FrameFault::Unknown(number) => write!(f, "pairing has no frame {number}"),
            FrameFault::Malformed(number) => {
                write!(f, "frame {number} of pairing does not hold what it must")
            }
        }
    }
}

impl core::error::Error for FrameFault {}
