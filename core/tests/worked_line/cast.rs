//! Two stations of invented organisations with keys from fixed seeds, and how they pair.

use counterpart_core::ids::{LineId, Party, PostId};
use counterpart_core::pairing::draft::Draft;
use counterpart_core::pairing::frames::Frame;
use counterpart_core::pairing::invitation::{Invitation, Secret};
use counterpart_core::pairing::inviter::Inviter;
use counterpart_core::pairing::joiner::Joiner;
use counterpart_core::pairing::{Exporter, Means, Step};
use counterpart_core::precedence::Precedence;
use counterpart_core::record::charter::{Charter, Keys, PartyTerms, PostTerms};
use counterpart_core::record::log::Entry;
use counterpart_core::record::sign1::{Sign, SoftKey, Strict};
use counterpart_core::time::Timestamp;

/// 2026-02-12T08:00:00Z.
pub const BEGIN: Timestamp = Timestamp(1_770_883_200_000);
/// What TLS would export on the one connection of the pairing.
pub const EXPORTER: Exporter = [0x77; 32];
/// Of the invitation.
pub const SECRET: [u8; 32] = [0x66; 32];
/// The names under which the vectors speak of the parties.
pub const NAMES: [&str; 2] = ["Northland", "Southland"];
const LINE: LineId = LineId(*b"worked-line-0001");

/// The seed of one key: the party's digit and the key's, 32 times.
pub fn seed(party: Party, key: u8) -> [u8; 32] {
    let digit = [0x10, 0x20][party.slot()];
    [digit + key; 32]
}

/// The four seeds by name. The word key is no Ed25519 key; its public half is made up from its seed, for nothing here uses it.
pub const KEY_NAMES: [&str; 4] = ["root", "station", "link", "word"];

/// A private key: 0 root, 1 station, 2 link.
pub fn key(party: Party, which: u8) -> SoftKey {
    SoftKey::from_seed(seed(party, which))
}

fn terms(party: Party) -> PartyTerms {
    let public = |which| *key(party, which).public().as_bytes();
    let post = |id: &str, highest, night| PostTerms { id: PostId::parse(id).unwrap(), highest, night };
    let name = NAMES[party.slot()];
    PartyTerms {
        name: format!("Ministry of {name}"),
        call_sign: name.into(),
        keys: Keys { root: public(0), station: public(1), link: public(2), word: seed(party, 3) },
        languages: vec![["en", "ru"][party.slot()].into()],
        addresses: vec![format!("station.{}.example:7001", name.to_lowercase())],
        posts: vec![post("duty-officer", Precedence::Flash, true), post("minister", Precedence::Immediate, false)],
        zone: ["Europe/Helsinki", "America/Santiago"][party.slot()].into(),
    }
}

fn draft() -> Draft {
    let inviter = terms(Party::Inviter);
    Draft::of(Charter {
        pacing_s: [86_400, 28_800, 3_600, 900],
        grace_s: 120,
        public: vec![9, 13, 21, 23],
        ..Charter::of(LINE, [inviter.clone(), inviter])
    })
    .unwrap()
}

/// What pairing leaves behind.
pub struct Paired {
    pub draft: Vec<u8>,
    pub invitation: String,
    pub charter: Charter,
    /// Who sent it, and the frame.
    pub frames: Vec<(Party, Frame)>,
    /// Index 0 of both logs.
    pub first: [Entry; 2],
}

/// The ceremony without an accident: one candidate, and the joiner's person confirms first.
pub fn pair() -> Paired {
    let means = |key, seconds: u64| Means { key, verify: &Strict, now: BEGIN.plus(seconds * 1_000) };
    let keys = Party::BOTH.map(|party| key(party, 1));
    let [north, south] = &keys;
    let draft = draft();
    let addresses = draft.inviter().addresses.clone();
    let invitation = Invitation::new(draft.clone(), addresses, Secret::new(SECRET)).unwrap();
    let text = invitation.to_text();
    let joiner = Joiner::new(Invitation::parse(&text).unwrap(), terms(Party::Joiner)).unwrap();
    let inviter = Inviter::new(invitation);
    let from = terms(Party::Joiner).keys.link;
    let mut frames = Vec::new();
    let mut sent = |party, step: &[(_, Frame)]| {
        let frame = step.first().unwrap().1.clone();
        frames.push((party, frame.clone()));
        frame
    };

    let hello = sent(Party::Joiner, &joiner.connected(&EXPORTER).send);
    let (inviter, _, send) = then(inviter.clone(), inviter.frame(&from, &EXPORTER, &hello, &means(north, 0)));
    let candidate = sent(Party::Inviter, &send);
    let (joiner, ..) = then(joiner.clone(), joiner.frame(&candidate, &means(south, 0)));
    let fingerprint = joiner.charter().fingerprint();
    let (joiner, _, send) = then(joiner.clone(), joiner.confirm(&fingerprint, &means(south, 0)).unwrap());
    let signature = sent(Party::Joiner, &send);
    let (inviter, ..) = then(inviter.clone(), inviter.confirm(&fingerprint, &means(north, 0)).unwrap());
    let (inviter, _, send) = then(inviter.clone(), inviter.frame(&from, &EXPORTER, &signature, &means(north, 0)));
    let both = sent(Party::Inviter, &send);
    let (joiner, first, send) = then(joiner.clone(), joiner.frame(&both, &means(south, 1)));
    let last = sent(Party::Joiner, &send);
    let (_, stored, _) = then(inviter.clone(), inviter.frame(&from, &EXPORTER, &last, &means(north, 1)));
    assert_eq!(stored.first().map(|e| &e.bytes), first.last().map(|e| &e.bytes));

    Paired {
        draft: draft.encode(),
        invitation: text,
        charter: joiner.charter().clone(),
        frames,
        first: first.try_into().unwrap(),
    }
}

/// To which link key, and what.
type Sent = Vec<([u8; 32], Frame)>;

/// The state after a step, what it stored, and what it sent.
fn then<S>(before: S, step: Step<S>) -> (S, Vec<Entry>, Sent) {
    let (state, entries) = step.commit.map_or((before, Vec::new()), |c| (c.state, c.entries));
    (state, entries, step.send)
}
