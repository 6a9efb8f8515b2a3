//! The draft of a charter: everything but what it says of the joiner, who fills that in (`docs/protocol.md` §5.1).

use alloc::{string::String, vec::Vec};
use core::fmt;

use sha2::{Digest, Sha256};

use crate::ids::LineId;
use crate::limits;
use crate::record::cbor::Value;
use crate::record::charter::{Charter, PartyTerms, RULES_VERSION};
use crate::record::merkle::Hash;
use crate::shown::is_unshown;

/// The clause that names both parties.
const PARTIES: u64 = 3;
/// The clauses that name witnesses and relays.
const WITNESSES: u64 = 12;
const RELAYS: u64 = 13;

/// A charter that lacks its joiner. It reads, is within the limits, and names a version of the rules that we compute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// The inviter's terms stand in for the joiner's, which nobody reads before [`Draft::complete`] puts them there.
    stand_in: Charter,
}

/// Why a draft or a charter made from it cannot serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DraftFault {
    /// This clause is missing, malformed or over a limit; 0: it is no map of clauses at all.
    Clause(u64),
    /// It is to be judged by a version of the rules that this software does not compute.
    Version(u64),
    /// Over `limits::CHARTER_MAX`; its length in bytes.
    TooLong(usize),
    /// The joiner's keys and the inviter's are not all different.
    SharedKey,
    /// Both sides have one call sign: an entry of the one could not be told from an entry of the other.
    SharedCallSign,
    /// A text in this clause holds a character that shows nothing, or turns the direction of writing.
    Unshown(u64),
}

impl Draft {
    /// Takes everything of a charter but what it says of the joiner: anything may stand there.
    ///
    /// # Errors
    /// [`DraftFault`], except `SharedKey` and `SharedCallSign`.
    pub fn of(mut charter: Charter) -> Result<Draft, DraftFault> {
        let [inviter, _] = &charter.parties;
        charter.parties = [inviter.clone(), inviter.clone()];
        fits(&charter)?;
        shows(&charter)?;
        let draft = Draft { stand_in: charter };
        let length = draft.encode().len();
        if length > limits::CHARTER_MAX {
            return Err(DraftFault::TooLong(length));
        }
        Ok(draft)
    }

    /// The line's name, chosen by the inviter.
    pub fn line(&self) -> LineId {
        self.stand_in.line
    }

    /// What the draft says of the inviter.
    pub fn inviter(&self) -> &PartyTerms {
        let [inviter, _] = &self.stand_in.parties;
        inviter
    }

    /// Everything but the joiner's half, in whose place the inviter's stands.
    pub fn clauses(&self) -> &Charter {
        &self.stand_in
    }

    /// The final charter: this draft with the joiner's terms.
    ///
    /// # Errors
    /// `Clause(3)` if the terms are malformed or over a limit, `Unshown(3)`, `SharedKey`, `SharedCallSign`, `TooLong`.
    pub fn complete(&self, joiner: PartyTerms) -> Result<Charter, DraftFault> {
        let mut charter = self.stand_in.clone();
        let theirs = keys(&joiner);
        if keys(self.inviter()).iter().any(|key| theirs.contains(key)) {
            return Err(DraftFault::SharedKey);
        }
        if said(&self.inviter().call_sign) == said(&joiner.call_sign) {
            return Err(DraftFault::SharedCallSign);
        }
        let [_, place] = &mut charter.parties;
        *place = joiner;
        fits(&charter)?;
        shows(&charter)?;
        let length = charter.encode().len();
        if length > limits::CHARTER_MAX {
            return Err(DraftFault::TooLong(length));
        }
        Ok(charter)
    }

    /// The draft's one encoding: a charter's, with `null` in the joiner's place.
    pub fn encode(&self) -> Vec<u8> {
        let parties = Value::Array(alloc::vec![self.inviter().write(), Value::Null]);
        let bytes = self.stand_in.encode();
        // Our own encoding reads; if it did not, the empty draft that is left is one that nobody can read.
        let mut value = Value::decode(&bytes).unwrap_or(Value::Null);
        if let Value::Map(pairs) = &mut value {
            let clause = pairs.iter_mut().find(|(k, _)| *k == Value::Uint(PARTIES));
            if let Some((_, place)) = clause {
                *place = parties;
            }
        }
        value.encode()
    }

    /// Reads a draft.
    ///
    /// # Errors
    /// [`DraftFault`], except `SharedKey` and `SharedCallSign`.
    pub fn decode(bytes: &[u8]) -> Result<Draft, DraftFault> {
        if bytes.len() > limits::CHARTER_MAX {
            return Err(DraftFault::TooLong(bytes.len()));
        }
        let mut value = Value::decode(bytes).map_err(|_| DraftFault::Clause(0))?;
        // Before the clauses: another version may have others.
        if let Some(version) = value.at(1).and_then(Value::as_uint) {
            served(version)?;
        }
        if let Value::Map(pairs) = &mut value {
            let clause = pairs.iter_mut().find(|(k, _)| *k == Value::Uint(PARTIES));
            let (_, parties) = clause.ok_or(DraftFault::Clause(PARTIES))?;
            let Some([inviter, Value::Null]) = parties.as_array() else {
                return Err(DraftFault::Clause(PARTIES));
            };
            *parties = Value::Array(alloc::vec![inviter.clone(), inviter.clone()]);
        }
        Draft::of(Charter::decode(&value.encode()).map_err(DraftFault::Clause)?)
    }

    /// SHA-256 of the encoding.
    pub fn digest(&self) -> Hash {
        Sha256::digest(self.encode()).into()
    }
}

fn keys(terms: &PartyTerms) -> [Hash; 4] {
    let keys = &terms.keys;
    [keys.root, keys.station, keys.link, keys.word]
}

/// A call sign as it is typed: in either case, its words apart by one space.
fn said(call_sign: &str) -> String {
    call_sign.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// What is shown of a charter shows what it says: names and places are read before anything is signed, and for years.
fn shows(charter: &Charter) -> Result<(), DraftFault> {
    let hides = |text: &String| text.chars().any(is_unshown);
    let of_party = |party: &PartyTerms| {
        let texts = [&party.name, &party.call_sign, &party.zone].into_iter();
        texts.chain(&party.languages).chain(&party.addresses).any(hides)
    };
    let clauses = [
        (PARTIES, charter.parties.iter().any(of_party)),
        (WITNESSES, charter.witnesses.iter().any(hides)),
        (RELAYS, charter.relays.iter().any(hides)),
    ];
    match clauses.into_iter().find(|(_, hides)| *hides) {
        Some((clause, _)) => Err(DraftFault::Unshown(clause)),
        None => Ok(()),
    }
}

fn served(version: u64) -> Result<(), DraftFault> {
    if version == RULES_VERSION { Ok(()) } else { Err(DraftFault::Version(version)) }
}

/// What we write must be what every reader takes, with every clause where it belongs.
fn fits(charter: &Charter) -> Result<(), DraftFault> {
    served(charter.version)?;
    let again = Charter::decode(&charter.encode()).map_err(DraftFault::Clause)?;
    if again == *charter { Ok(()) } else { Err(DraftFault::Clause(0)) }
}

impl fmt::Display for DraftFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DraftFault::Clause(0) => f.write_str("the charter cannot be read: ask for a new invitation"),
            DraftFault::Clause(number) => {
                write!(f, "clause {number} of the charter is missing, malformed or too long: mend it and invite again")
            }
            DraftFault::Version(version) => write!(
                f,
                "the charter names rules version {version} and this program computes {RULES_VERSION}: \
                 agree on a version that both programs have"
            ),
            DraftFault::TooLong(length) => write!(
                f,
                "the charter has {length} bytes and at most {} are allowed: name fewer posts, addresses or languages",
                limits::CHARTER_MAX
            ),
            DraftFault::SharedCallSign => {
                f.write_str("both sides have the same call sign: agree who takes another, and invite again")
            }
            DraftFault::Unshown(number) => write!(
                f,
                "clause {number} of the charter has a text with a character that cannot be seen: write it anew, and invite again"
            ),
            DraftFault::SharedKey => f.write_str(
                "both sides name the same key: a station cannot pair with itself or with a copy; make new keys",
            ),
        }
    }
}

impl core::error::Error for DraftFault {}
