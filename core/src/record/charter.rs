//! The charter: what two stations agreed to keep between them, in numbered clauses (`docs/protocol.md` §5).
//!
//! A clause's number is its key in the map, so that `overdue` and `lapse` can name it and a later version can add more.

use alloc::{string::String, vec::Vec};

use sha2::{Digest, Sha256};

use super::cbor::Value;
use super::merkle::Hash;
use crate::ids::{LineId, Party, PostId};
use crate::limits;
use crate::precedence::Precedence;

/// The version of the rules that this software computes.
pub const RULES_VERSION: u64 = 1;

/// The public keys of one station, 32 bytes each; their roles are apart from day one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keys {
    /// Kept offline; signs new keys and new epochs.
    pub root: Hash,
    /// Signs entries.
    pub station: Hash,
    /// Authenticates the link.
    pub link: Hash,
    /// X25519, for deniable bodies.
    pub word: Hash,
}

/// A post that can be reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PostTerms {
    /// Its name.
    pub id: PostId,
    /// The highest precedence it accepts.
    pub highest: Precedence,
    /// Reachable by day and night; otherwise by day.
    pub night: bool,
}

/// What the charter says of one side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartyTerms {
    /// The organisation.
    pub name: String,
    /// Short, said aloud before a number: "Northland 112".
    pub call_sign: String,
    /// Its keys.
    pub keys: Keys,
    /// BCP 47, the first preferred.
    pub languages: Vec<String>,
    /// `host:port` at which its station listens; may be empty.
    pub addresses: Vec<String>,
    /// Whom one can reach there.
    pub posts: Vec<PostTerms>,
    /// The zone of its watch, an IANA name; empty if it names none. Shown only: no rule asks it, and `core` knows no zones.
    pub zone: String,
}

/// When a watch check is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Checks {
    /// Every so many seconds, counted from midnight UTC; 0: never.
    Every(u64),
    /// At these minutes of the UTC day.
    At(Vec<u64>),
}

/// A charter, read. Times are in seconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Charter {
    /// Clause 1: the version of the rules that computes status.
    pub version: u64,
    /// Clause 2: the line.
    pub line: LineId,
    /// Clause 3: both sides, the inviter first.
    pub parties: [PartyTerms; 2],
    /// Clause 4: their station holds an attempt within.
    pub station_s: u64,
    /// Clause 5: their watch has seen it within; by precedence, ROUTINE first.
    pub watch_s: [u64; 4],
    /// Clause 6: their principal has deferred, offered or come within.
    pub principal_s: u64,
    /// Clause 7: a renewal sooner than this after the last attempt is none; by precedence, ROUTINE first.
    pub pacing_s: [u64; 4],
    /// Clause 8: watch checks.
    pub checks: Checks,
    /// Clause 9: whether bodies are deniable unless said otherwise; else attested.
    pub deniable: bool,
    /// Clause 10: no lapse is written sooner than this after its deadline.
    pub grace_s: u64,
    /// Clause 11: the types of entry that may be spoken of in public, by number.
    pub public: Vec<u64>,
    /// Clause 12: witnesses; may be empty.
    pub witnesses: Vec<String>,
    /// Clause 13: relays; may be empty.
    pub relays: Vec<String>,
    /// Clause 14: how long a `ready` can be taken up.
    pub recall_s: u64,
    /// Clauses that this version does not know: kept, shown by number, without effect.
    pub unknown: Vec<(Value, Value)>,
}

impl Charter {
    /// The plainest terms between two sides, the inviter first: response times as `docs/protocol.md` §5 proposes them, no pace, no
    /// checks, nothing public, no witness, no relay. What else is agreed is said over it.
    pub fn of(line: LineId, parties: [PartyTerms; 2]) -> Charter {
        Charter {
            version: RULES_VERSION,
            line,
            parties,
            station_s: 60,
            watch_s: [28_800, 3_600, 900, 300],
            principal_s: 172_800,
            pacing_s: [0; 4],
            checks: Checks::Every(0),
            deniable: false,
            grace_s: 60,
            public: Vec::new(),
            witnesses: Vec::new(),
            relays: Vec::new(),
            recall_s: 900,
            unknown: Vec::new(),
        }
    }

    /// What the charter says of one side.
    pub fn party(&self, party: Party) -> &PartyTerms {
        let [inviter, joiner] = &self.parties;
        match party {
            Party::Inviter => inviter,
            Party::Joiner => joiner,
        }
    }

    /// A post of one side.
    pub fn post(&self, party: Party, id: &PostId) -> Option<&PostTerms> {
        self.party(party).posts.iter().find(|p| p.id == *id)
    }

    /// The watch's response time for a precedence, in seconds.
    pub fn watch(&self, precedence: Precedence) -> u64 {
        self.watch_s.get(precedence as usize).copied().unwrap_or(0)
    }

    /// The pace of renewals at a precedence, in seconds.
    pub fn pace(&self, precedence: Precedence) -> u64 {
        self.pacing_s.get(precedence as usize).copied().unwrap_or(0)
    }

    /// SHA-256 of the charter's encoding: what both persons compare.
    pub fn fingerprint(&self) -> Hash {
        Sha256::digest(self.encode()).into()
    }

    /// The charter's one encoding.
    pub fn encode(&self) -> Vec<u8> {
        let uint = Value::Uint;
        let uints = |list: &[u64]| Value::Array(list.iter().copied().map(uint).collect());
        let texts = |list: &[String]| Value::Array(list.iter().map(|t| Value::text(t)).collect());
        let checks = match &self.checks {
            Checks::Every(seconds) => Value::Array(alloc::vec![uint(0), uint(*seconds)]),
            Checks::At(minutes) => Value::Array(alloc::vec![uint(1), uints(minutes)]),
        };
        let clauses = [
            uint(self.version),
            Value::bytes(&self.line.0),
            Value::Array(self.parties.iter().map(PartyTerms::write).collect()),
            uint(self.station_s),
            uints(&self.watch_s),
            uint(self.principal_s),
            uints(&self.pacing_s),
            checks,
            Value::Bool(self.deniable),
            uint(self.grace_s),
            uints(&self.public),
            texts(&self.witnesses),
            texts(&self.relays),
            uint(self.recall_s),
        ];
        let known = (1..).map(uint).zip(clauses);
        Value::map(known.chain(self.unknown.iter().cloned()).collect()).encode()
    }

    /// Reads a charter.
    ///
    /// # Errors
    /// The number of the first clause that is missing, malformed or over a limit; 0 if it is no canonical map at all.
    pub fn decode(bytes: &[u8]) -> Result<Charter, u64> {
        let value = Value::decode(bytes).map_err(|_| 0u64)?;
        let pairs = value.as_map().ok_or(0u64)?;
        let clause = |n: u64| value.at(n).ok_or(n);
        let number = |n: u64| clause(n)?.as_uint().filter(|s| *s <= limits::SPAN_MAX_S).ok_or(n);
        let four =
            |n: u64| read_numbers(clause(n)?, limits::SPAN_MAX_S).and_then(|l| <[u64; 4]>::try_from(l).ok()).ok_or(n);
        let texts = |n: u64| clause(n)?.as_array().and_then(read_texts).ok_or(n);
        let parties = match clause(3)?.as_array() {
            Some([inviter, joiner]) => [PartyTerms::read(inviter).ok_or(3u64)?, PartyTerms::read(joiner).ok_or(3u64)?],
            _ => return Err(3),
        };
        let known = |key: &Value| matches!(key, Value::Uint(1..=14));
        Ok(Charter {
            version: clause(1)?.as_uint().ok_or(1u64)?,
            line: LineId(clause(2)?.as_array_of().ok_or(2u64)?),
            parties,
            station_s: number(4)?,
            watch_s: four(5)?,
            principal_s: number(6)?,
            pacing_s: four(7)?,
            checks: read_checks(clause(8)?).ok_or(8u64)?,
            deniable: clause(9)?.as_bool().ok_or(9u64)?,
            grace_s: number(10)?,
            public: read_numbers(clause(11)?, u64::MAX).ok_or(11u64)?,
            witnesses: texts(12)?,
            relays: texts(13)?,
            recall_s: number(14)?,
            unknown: pairs.iter().filter(|(key, _)| !known(key)).cloned().collect(),
        })
    }
}

/// Minutes of a day.
const MINUTES_OF_DAY: u64 = 1_440;

impl PartyTerms {
    /// One side's place in clause 3.
    pub(crate) fn write(&self) -> Value {
        let texts = |list: &[String]| Value::Array(list.iter().map(|t| Value::text(t)).collect());
        let keys = [&self.keys.root, &self.keys.station, &self.keys.link, &self.keys.word];
        let post = |p: &PostTerms| {
            Value::Array(alloc::vec![Value::text(p.id.as_str()), Value::Uint(p.highest.number()), Value::Bool(p.night)])
        };
        Value::Array(alloc::vec![
            Value::text(&self.name),
            Value::text(&self.call_sign),
            Value::Array(keys.into_iter().map(|k| Value::bytes(k)).collect()),
            texts(&self.languages),
            texts(&self.addresses),
            Value::Array(self.posts.iter().map(post).collect()),
            Value::text(&self.zone),
        ])
    }

    /// Reads one side's place in clause 3; `None` if it is malformed or over a limit.
    pub(crate) fn read(value: &Value) -> Option<PartyTerms> {
        let [name, call_sign, keys, languages, addresses, posts, zone] = value.as_array()? else {
            return None;
        };
        let [root, station, link, word] = keys.as_array()? else {
            return None;
        };
        let keys = Keys {
            root: root.as_array_of()?,
            station: station.as_array_of()?,
            link: link.as_array_of()?,
            word: word.as_array_of()?,
        };
        let posts = posts.as_array().filter(|p| p.len() <= limits::POSTS_MAX)?;
        let posts = posts.iter().map(read_post).collect::<Option<Vec<_>>>()?;
        let sorted = posts.is_sorted_by(|a, b| a.id < b.id);
        sorted.then_some(())?;
        Some(PartyTerms {
            name: name.as_text().filter(|t| !t.is_empty() && t.len() <= limits::NAME_MAX)?.into(),
            call_sign: call_sign.as_text().filter(|t| !t.is_empty() && t.len() <= limits::CALL_SIGN_MAX)?.into(),
            keys,
            languages: read_texts(languages.as_array()?)?,
            addresses: read_texts(addresses.as_array()?)?,
            posts,
            zone: zone.as_text().filter(|t| t.len() <= limits::SHORT_TEXT_MAX)?.into(),
        })
    }
}

fn read_post(value: &Value) -> Option<PostTerms> {
    let [id, highest, night] = value.as_array()? else {
        return None;
    };
    Some(PostTerms {
        id: PostId::parse(id.as_text()?)?,
        highest: Precedence::from_number(highest.as_uint()?)?,
        night: night.as_bool()?,
    })
}

fn read_checks(value: &Value) -> Option<Checks> {
    match value.as_array()? {
        [Value::Uint(0), seconds] => Some(Checks::Every(seconds.as_uint().filter(|s| *s <= limits::SPAN_MAX_S)?)),
        [Value::Uint(1), minutes] => Some(Checks::At(read_numbers(minutes, MINUTES_OF_DAY - 1)?)),
        _ => None,
    }
}

fn read_numbers(value: &Value, max: u64) -> Option<Vec<u64>> {
    let items = value.as_array().filter(|items| items.len() <= limits::POSTS_MAX)?;
    items.iter().map(|n| n.as_uint().filter(|n| *n <= max)).collect()
}

fn read_texts(items: &[Value]) -> Option<Vec<String>> {
    if items.len() > limits::CHARTER_LIST_MAX {
        return None;
    }
    let short = |v: &Value| v.as_text().filter(|t| t.len() <= limits::SHORT_TEXT_MAX).map(String::from);
    items.iter().map(short).collect()
}

/// The fingerprint as sixteen groups of five digits, 16 bits each, to be read aloud.
pub fn digits(fingerprint: &Hash) -> String {
    let mut out = String::new();
    for (at, pair) in fingerprint.chunks_exact(2).enumerate() {
        let group = pair.iter().fold(0u32, |sum, b| sum * 256 + u32::from(*b));
        if at > 0 {
            out.push(' ');
        }
        let _ = core::fmt::Write::write_fmt(&mut out, format_args!("{group:05}"));
    }
    out
}
