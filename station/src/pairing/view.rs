//! A pairing as a person sees it: plain data, from the committed state.

use std::collections::BTreeMap;

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{LineId, Party};
use counterpart_core::pairing::frames::Why;
use counterpart_core::pairing::{Show, Standing};
use counterpart_core::record::charter::{Charter, PostTerms, digits};
use counterpart_core::record::merkle::Hash;
use sha2::{Digest, Sha256};

use super::alike::{self, Alike, Bearer};
use super::machine::Machine;
use super::steps::Kept;
use crate::words::{Sentence, Tell};

/// One pairing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PairingView {
    /// The line that is being paired.
    pub line: LineId,
    /// Which side we are.
    pub me: Party,
    /// How far it has come.
    pub standing: Standing,
    /// The organisation at the other end, as it calls itself. `None`: nobody has come, or several have.
    pub peer: Option<String>,
    /// What the charter says: its clauses, and of its parties ours. The other side's half is each candidate's own.
    pub charter: Charter,
    /// Whom to compare digits with. None before there are digits, and none once the line is open or the pairing has ended.
    pub candidates: Vec<CandidateView>,
    /// What has to happen next.
    pub awaited: Awaited,
    /// A connection of this pairing is up.
    pub connected: bool,
    /// What happened lately, oldest first: at most 16 things since this station started.
    pub shown: Vec<Show>,
    /// How dialling the inviter failed last, by address. Empty while connected.
    pub tried: BTreeMap<String, Sentence>,
}

/// Somebody to compare digits with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CandidateView {
    /// Its link key: what `differ` takes.
    pub key: Hash,
    /// The first 8 bytes of SHA-256 of the link key, as four groups of hexadecimal, to tell candidates apart.
    pub key_fingerprint: String,
    /// The organisation, as it calls itself.
    pub name: String,
    /// Its call sign.
    pub call_sign: String,
    /// The zone of its watch, an IANA name; empty if it names none.
    pub zone: String,
    /// Whom one can reach there.
    pub posts: Vec<PostTerms>,
    /// Sixteen groups of five digits: SHA-256 of the charter with this candidate.
    pub digits: String,
    /// A person there has confirmed. Who joined learns it only with the inviter's own index 0.
    pub they_confirmed: bool,
    /// Its station is connected now.
    pub connected: bool,
    /// What its names could be taken for.
    pub alike: Option<Alike>,
    /// A word of its names in letters of several scripts.
    pub mixed: Option<String>,
}

/// What has to happen next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Awaited {
    /// The other station has not come or not answered.
    TheirStation,
    /// A person here compares and confirms.
    OurPerson,
    /// A person there confirms.
    TheirPerson,
    /// Their index 0.
    TheirRecord,
    /// Their station turned us away, and we no longer dial: a person here tries again or abandons.
    Retry(Why),
    /// Their station broke the protocol, and we no longer dial: a person here tries again or abandons.
    RetryAfter(Misconduct),
    /// Nothing: the line is open, or there will be none.
    Nothing,
}

impl Awaited {
    /// What is awaited; of what turned us away, what to do stands in the sentence's second half.
    pub fn sentence(&self) -> Sentence {
        match self {
            Awaited::TheirStation => Sentence::new("awaited-their-station"),
            Awaited::OurPerson => Sentence::new("awaited-our-person"),
            Awaited::TheirPerson => Sentence::new("awaited-their-person"),
            Awaited::TheirRecord => Sentence::new("awaited-their-record"),
            Awaited::Retry(why) => why.sentence(),
            Awaited::RetryAfter(what) => Sentence::new("awaited-after").with("misconduct", what.word()),
            Awaited::Nothing => Sentence::new("awaited-nothing"),
        }
    }
}

/// Why a joiner has stopped to dial until a person tries again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rest {
    Refused(Why),
    Misconduct(Misconduct),
}

/// What is shown of one pairing. `connected`: the link keys that have a connection; `bearers`: who bears names here.
pub(super) fn of(kept: &Kept, connected: &[Hash], bearers: &[Bearer]) -> PairingView {
    let (machine, standing) = (&kept.machine, kept.machine.standing());
    let peer = machine.me().peer();
    let has_digits = matches!(standing, Standing::Comparing | Standing::Confirmed | Standing::Countersigned);
    let charters = machine.charters();
    let candidate = |charter: &Charter| {
        let terms = charter.party(peer);
        let key = terms.keys.link;
        CandidateView {
            key,
            key_fingerprint: key_fingerprint(&key),
            name: terms.name.clone(),
            call_sign: terms.call_sign.clone(),
            zone: terms.zone.clone(),
            posts: terms.posts.clone(),
            digits: digits(&charter.fingerprint()),
            they_confirmed: matches!(machine, Machine::Inviter(inviter) if inviter.has_signed(&key)),
            connected: connected.contains(&key),
            alike: alike::alike(charter, peer, bearers),
            mixed: alike::mixed(charter, peer),
        }
    };
    PairingView {
        line: machine.line(),
        me: machine.me(),
        standing,
        peer: match charters.as_slice() {
            [charter] => Some(charter.party(peer).name.clone()),
            _ => None,
        },
        charter: machine.clauses().clone(),
        candidates: if has_digits { charters.iter().map(candidate).collect() } else { Vec::new() },
        awaited: awaited(kept, standing),
        connected: !connected.is_empty(),
        shown: kept.shown.iter().cloned().collect(),
        tried: kept.tried.clone(),
    }
}

fn awaited(kept: &Kept, standing: Standing) -> Awaited {
    match (standing, kept.rest) {
        (Standing::Open | Standing::Ended(_), _) => Awaited::Nothing,
        (_, Some(Rest::Refused(why))) => Awaited::Retry(why),
        (_, Some(Rest::Misconduct(what))) => Awaited::RetryAfter(what),
        (Standing::Waiting, None) => Awaited::TheirStation,
        (Standing::Comparing, None) => Awaited::OurPerson,
        (Standing::Confirmed, None) => Awaited::TheirPerson,
        (Standing::Countersigned, None) => Awaited::TheirRecord,
    }
}

fn key_fingerprint(key: &Hash) -> String {
    let hash: Hash = Sha256::digest(key).into();
    let group = |pair: &[u8]| pair.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    hash.chunks_exact(2).take(4).map(group).collect::<Vec<_>>().join(" ")
}
