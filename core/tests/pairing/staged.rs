//! Two stations of invented organisations, a thief, and what they need to pair.

use std::cell::Cell;

use counterpart_core::ids::{LineId, PostId};
use counterpart_core::pairing::draft::Draft;
use counterpart_core::pairing::frames::Frame;
use counterpart_core::pairing::invitation::{Invitation, Secret};
use counterpart_core::pairing::inviter::Inviter;
use counterpart_core::pairing::joiner::Joiner;
use counterpart_core::pairing::{Exporter, Means};
use counterpart_core::precedence::Precedence;
use counterpart_core::record::charter::{Charter, Checks, Keys, PartyTerms, PostTerms};
use counterpart_core::record::merkle::Hash;
use counterpart_core::record::sign1::{PublicKey, Sign, Signature, SoftKey, Strict, Verify};
use counterpart_core::time::Timestamp;
use sha2::{Digest, Sha256};

pub const NORTH: u8 = 10;
pub const SOUTH: u8 = 20;
pub const THIEF: u8 = 30;
pub const LINE: LineId = LineId([9; 16]);
pub const GONE: Frame = Frame::Gone { line: LINE };

/// A key whose signatures cost one hash; anybody could forge them, so nobody here is allowed to try.
pub struct Cheap<'a> {
    public: Hash,
    /// Set if this key is ever made to sign this message.
    pub never: Option<(&'a [u8], &'a Cell<bool>)>,
}

pub fn cheap(seed: u8) -> Cheap<'static> {
    Cheap { public: [seed; 32], never: None }
}

impl Sign for Cheap<'_> {
    fn public(&self) -> PublicKey {
        PublicKey::from_bytes(self.public)
    }

    fn sign(&self, message: &[u8]) -> Signature {
        if let Some((forbidden, signed)) = self.never {
            signed.set(signed.get() || message == forbidden);
        }
        cheap_signature(&self.public, message)
    }
}

fn cheap_signature(key: &Hash, message: &[u8]) -> Signature {
    let half: Hash = Sha256::new().chain_update(key).chain_update(message).finalize().into();
    core::array::from_fn(|at| half[at % 32])
}

pub struct CheapVerify;

impl Verify for CheapVerify {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        cheap_signature(key.as_bytes(), message) == *signature
    }
}

pub fn soft(seed: u8) -> SoftKey {
    SoftKey::from_seed([seed; 32])
}

pub fn real(key: &SoftKey) -> Means<'_> {
    Means { key, verify: &Strict, now: Timestamp(1_360_659_720_000) }
}

/// Terms whose station key is this one.
pub fn terms(seed: u8, station: PublicKey) -> PartyTerms {
    let names = match seed {
        NORTH => ("Ministry of Northland", "Northland"),
        SOUTH => ("Ministry of Southland", "Southland"),
        _ => ("Ministry of Southland", "Southl\u{430}nd"),
    };
    let post = PostTerms { id: PostId::parse("duty-officer").unwrap(), highest: Precedence::Flash, night: true };
    PartyTerms {
        name: names.0.into(),
        call_sign: names.1.into(),
        keys: Keys { root: [seed + 1; 32], station: *station.as_bytes(), link: link(seed), word: [seed + 3; 32] },
        languages: vec!["en".into(), "ru".into()],
        addresses: vec![format!("station-{seed}.example:7001")],
        posts: vec![post],
        zone: "Europe/Helsinki".into(),
    }
}

/// A station's link key.
pub fn link(seed: u8) -> Hash {
    [seed + 2; 32]
}

/// What TLS exports on a station's connections; here always the same.
pub fn exporter(seed: u8) -> Exporter {
    [seed + 4; 32]
}

pub fn draft(inviter: PartyTerms) -> Draft {
    Draft::of(Charter {
        pacing_s: [86_400, 28_800, 3_600, 900],
        checks: Checks::Every(3_600),
        grace_s: 120,
        public: vec![7, 13],
        ..Charter::of(LINE, [inviter.clone(), inviter])
    })
    .unwrap()
}

pub fn invitation(inviter: PartyTerms) -> Invitation {
    let addresses = vec!["station-10.example:7001".into()];
    Invitation::new(draft(inviter), addresses, Secret::new([77; 32])).unwrap()
}

/// An inviter and a joiner with cheap keys.
pub fn both_cheap() -> (Inviter, Joiner) {
    let invitation = invitation(terms(NORTH, cheap(NORTH).public()));
    let joiner = Joiner::new(invitation.clone(), terms(SOUTH, cheap(SOUTH).public()));
    (Inviter::new(invitation), joiner.unwrap())
}

/// Somebody else who holds the same invitation.
pub fn thief(seed: u8) -> Joiner {
    let invitation = invitation(terms(NORTH, cheap(NORTH).public()));
    Joiner::new(invitation, terms(seed, cheap(seed).public())).unwrap()
}

pub fn lend<'a>(key: &'a Cheap<'a>) -> Means<'a> {
    Means { key, verify: &CheapVerify, now: Timestamp(1_360_659_720_000) }
}

/// The one frame that a step sends.
pub fn only(frames: &[(Hash, Frame)]) -> Frame {
    let [(_, frame)] = frames else {
        panic!("one frame was expected: {frames:?}");
    };
    frame.clone()
}
