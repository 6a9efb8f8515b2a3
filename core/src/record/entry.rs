//! An entry's header, to bytes and back (`docs/protocol.md` §3.1). An entry is stored exactly as signed; nothing here signs.

use alloc::vec::Vec;

use super::args;
use super::body::digest;
use super::cbor::{CborFault, Value};
use super::kind::Kind;
use super::merkle::{Hash, empty_root};
use super::what::{Unread, What};
use crate::ids::{EntryRef, Epoch, LineId, Party, PostId};
use crate::limits;
use crate::precedence::{Mark, Precedence};
use crate::time::Timestamp;

/// The numbers of header keys (§3.1).
mod key {
    pub const KIND: u64 = 1;
    pub const LINE: u64 = 2;
    pub const EPOCH: u64 = 3;
    pub const PARTY: u64 = 4;
    pub const OWN: u64 = 5;
    pub const HELD: u64 = 6;
    pub const TIME: u64 = 7;
    pub const REFERS: u64 = 8;
    pub const FROM: u64 = 9;
    pub const TO: u64 = 10;
    pub const PRECEDENCE: u64 = 11;
    pub const MARK: u64 = 12;
    pub const DEADLINE: u64 = 13;
    pub const ARGS: u64 = 14;
    pub const BODY: u64 = 15;
    pub const LACKING: u64 = 16;
    pub const UNDER: u64 = 17;
}

/// How far a log reaches: its size, and the root of its tree at that size (RFC 6962 §2.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Head {
    /// Entries.
    pub size: u64,
    /// The tree's root; of size 0: SHA-256 of nothing.
    pub root: Hash,
}

impl Head {
    /// The head of a log that holds nothing.
    pub fn empty() -> Head {
        Head { size: 0, root: empty_root() }
    }
}

/// How an entry vouches for its body (§3.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyRef {
    /// SHA-256 of domain and body: whoever holds entry and body can show both.
    Attested(Hash),
    /// The body travels beside the entry under a MAC that either side could have made.
    Deniable,
}

/// The index of the author's latest `key` and `amend` entries in its own log (§3.1); absent before the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Under {
    /// Of the latest `key`; 0, the charter, if there is none.
    pub key: u64,
    /// Of the latest `amend`; 0 if there is none.
    pub amend: u64,
}

/// Everything that status depends on. Free text is never in here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// On which line.
    pub line: LineId,
    /// In which epoch.
    pub epoch: Epoch,
    /// Whose log.
    pub party: Party,
    /// Its own index (`size`), and the root of the author's log before it.
    pub own: Head,
    /// The head of the peer's log that the author held: "I hold every entry below `size`".
    pub held: Head,
    /// The author's clock; evidence of nothing but what its author claims.
    pub time: Timestamp,
    /// The entry that it acts on.
    pub refers: Option<EntryRef>,
    /// The author's post.
    pub from: Option<PostId>,
    /// The counterpart.
    pub to: Option<PostId>,
    /// How urgent.
    pub precedence: Option<Precedence>,
    /// What for.
    pub mark: Option<Mark>,
    /// Valid-until, answer-by or recall-until.
    pub deadline: Option<Timestamp>,
    /// How its body is vouched for; `None`: it has none.
    pub body: Option<BodyRef>,
    /// Indexes of the peer's entries whose bodies the author does not hold, in order.
    pub lacking: Vec<u64>,
    /// Under which key and amendment; `None`: the charter's.
    pub under: Option<Under>,
    /// What it says, or why it cannot be read.
    pub what: Result<What, Unread>,
}

/// Why bytes are no entry: its log is taken no further (§3.6, *halt*).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderFault {
    /// No deterministic CBOR.
    Cbor(CborFault),
    /// A key that places the entry (1 to 7) is missing or is not what it must be; its number.
    Unplaced(u64),
}

impl Header {
    /// One that says this and nothing else: on which line, in which epoch, in whose log; its own place and the head of the other log that
    /// its author held; when; what.
    pub fn of(
        (line, epoch, party): (LineId, Epoch, Party),
        [own, held]: [Head; 2],
        time: Timestamp,
        what: Result<What, Unread>,
    ) -> Header {
        Header {
            line,
            epoch,
            party,
            own,
            held,
            time,
            refers: None,
            from: None,
            to: None,
            precedence: None,
            mark: None,
            deadline: None,
            body: None,
            lacking: Vec::new(),
            under: None,
            what,
        }
    }

    /// Where it stands.
    pub fn at(&self) -> EntryRef {
        EntryRef { party: self.party, index: self.own.size }
    }

    /// Its type; `None` if this version of the rules has no such type.
    pub fn kind(&self) -> Option<Kind> {
        match &self.what {
            Ok(what) => Some(what.kind()),
            Err(Unread::Malformed(kind)) => Some(*kind),
            Err(Unread::UnknownType(_) | Unread::UnknownKey(_)) => None,
        }
    }

    /// Whether these bytes are the body that was signed with it (§3.5): nothing vouches for any other.
    pub fn attests(&self, body: &[u8]) -> bool {
        self.body == Some(BodyRef::Attested(digest(body)))
    }

    /// The payload that is signed. Only for entries that can be read: others are kept as they came.
    pub fn encode(&self) -> Vec<u8> {
        let kind = self.kind().map_or(0, Kind::number);
        let uint = Value::Uint;
        let mut pairs = alloc::vec![
            (key::KIND, uint(kind)),
            (key::LINE, Value::bytes(&self.line.0)),
            (key::EPOCH, Value::Array(alloc::vec![uint(self.epoch.number), Value::bytes(&self.epoch.id)])),
            (key::PARTY, uint(self.party.number())),
            (key::OWN, Value::Array(alloc::vec![uint(self.own.size), Value::bytes(&self.own.root)])),
            (key::HELD, Value::Array(alloc::vec![held(self.party.peer(), &self.held)])),
            (key::TIME, uint(self.time.0)),
        ];
        let mut put = |key: u64, value: Option<Value>| pairs.extend(value.map(|v| (key, v)));
        put(key::REFERS, self.refers.map(|r| Value::Array(alloc::vec![uint(r.party.number()), uint(r.index)])));
        put(key::FROM, self.from.as_ref().map(|p| Value::text(p.as_str())));
        put(key::TO, self.to.as_ref().map(|p| Value::text(p.as_str())));
        put(key::PRECEDENCE, self.precedence.map(|p| uint(p.number())));
        put(key::MARK, self.mark.map(|m| uint(m.number())));
        put(key::DEADLINE, self.deadline.map(|d| uint(d.0)));
        put(key::ARGS, self.what.as_ref().ok().and_then(What::args));
        put(key::BODY, self.body.map(write_body));
        let lacking = || Value::Array(self.lacking.iter().copied().map(uint).collect());
        put(key::LACKING, (!self.lacking.is_empty()).then(lacking));
        put(key::UNDER, self.under.map(|u| Value::Array(alloc::vec![uint(u.key), uint(u.amend)])));
        Value::map(pairs.into_iter().map(|(k, v)| (uint(k), v)).collect()).encode()
    }

    /// Reads a payload. Unknown types and keys, and malformed `args`, are results, not faults.
    ///
    /// # Errors
    /// [`HeaderFault`]: such an entry halts its log.
    pub fn decode(payload: &[u8]) -> Result<Header, HeaderFault> {
        let value = Value::decode(payload).map_err(HeaderFault::Cbor)?;
        let placed = |k: u64| value.at(k).ok_or(HeaderFault::Unplaced(k));
        let kind = placed(key::KIND)?.as_uint().ok_or(HeaderFault::Unplaced(key::KIND))?;
        let epoch = placed(key::EPOCH).ok().and_then(read_epoch).ok_or(HeaderFault::Unplaced(key::EPOCH))?;
        let line = placed(key::LINE)?.as_array_of().ok_or(HeaderFault::Unplaced(key::LINE))?;
        let party = placed(key::PARTY)?.as_uint().and_then(Party::from_number);
        let party = party.ok_or(HeaderFault::Unplaced(key::PARTY))?;
        let own = read_head(placed(key::OWN)?).ok_or(HeaderFault::Unplaced(key::OWN))?;
        let held = read_held(placed(key::HELD)?, party.peer()).ok_or(HeaderFault::Unplaced(key::HELD))?;
        let time = placed(key::TIME)?.as_uint().and_then(Timestamp::new).ok_or(HeaderFault::Unplaced(key::TIME))?;
        let mut header = Header::of((LineId(line), epoch, party), [own, held], time, Err(Unread::UnknownType(kind)));
        let Some(kind) = Kind::from_number(kind) else {
            return Ok(header);
        };
        if let Some(unknown) = unknown_key(&value) {
            header.what = Err(Unread::UnknownKey(unknown));
            return Ok(header);
        }
        let fits = payload.len() <= limits::ENTRY_MAX && header.read_optional(&value).is_some();
        let what = args::read(kind, value.at(key::ARGS)).filter(|_| fits && super::shape::fits(kind, &header));
        header.what = what.ok_or(Unread::Malformed(kind));
        Ok(header)
    }

    /// Reads keys 8 to 17; `None` if one of them is not what it must be.
    fn read_optional(&mut self, value: &Value) -> Option<()> {
        let number = |v: &Value| v.as_uint();
        self.refers = read_if(value.at(key::REFERS), read_ref)?;
        self.from = read_if(value.at(key::FROM), |v| PostId::parse(v.as_text()?))?;
        self.to = read_if(value.at(key::TO), |v| PostId::parse(v.as_text()?))?;
        self.precedence = read_if(value.at(key::PRECEDENCE), |v| Precedence::from_number(number(v)?))?;
        self.mark = read_if(value.at(key::MARK), |v| Mark::from_number(number(v)?))?;
        self.deadline = read_if(value.at(key::DEADLINE), |v| Timestamp::new(number(v)?))?;
        self.body = read_if(value.at(key::BODY), read_body)?;
        self.lacking = read_if(value.at(key::LACKING), read_lacking)?.unwrap_or_default();
        self.under = read_if(value.at(key::UNDER), read_under)?;
        Some(())
    }
}

fn read_if<T>(value: Option<&Value>, read: impl Fn(&Value) -> Option<T>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(value) => read(value).map(Some),
    }
}

/// The first key that this version has not. Key 18, an inner act signed by a person's key, is reserved: unknown here.
fn unknown_key(value: &Value) -> Option<u64> {
    value.as_map()?.iter().find_map(|(k, _)| match k {
        Value::Uint(key::KIND..=key::UNDER) => None,
        Value::Uint(other) => Some(*other),
        _ => Some(u64::MAX),
    })
}

fn held(peer: Party, head: &Head) -> Value {
    Value::Array(alloc::vec![Value::Uint(peer.number()), Value::Uint(head.size), Value::bytes(&head.root)])
}

fn read_epoch(value: &Value) -> Option<Epoch> {
    let [number, id] = value.as_array()? else {
        return None;
    };
    Some(Epoch { number: number.as_uint()?, id: id.as_array_of()? })
}

fn read_head(value: &Value) -> Option<Head> {
    let [size, root] = value.as_array()? else {
        return None;
    };
    Some(Head { size: size.as_uint()?, root: root.as_array_of()? })
}

/// A list, so that lines of three stay possible; in this version it names exactly the one peer.
fn read_held(value: &Value, peer: Party) -> Option<Head> {
    let [one] = value.as_array()? else {
        return None;
    };
    let [party, size, root] = one.as_array()? else {
        return None;
    };
    (party.as_uint()? == peer.number()).then_some(())?;
    Some(Head { size: size.as_uint()?, root: root.as_array_of()? })
}

fn read_ref(value: &Value) -> Option<EntryRef> {
    let [party, index] = value.as_array()? else {
        return None;
    };
    Some(EntryRef { party: Party::from_number(party.as_uint()?)?, index: index.as_uint()? })
}

fn write_body(body: BodyRef) -> Value {
    match body {
        BodyRef::Attested(digest) => Value::Array(alloc::vec![Value::bytes(&digest)]),
        BodyRef::Deniable => Value::Array(Vec::new()),
    }
}

fn read_body(value: &Value) -> Option<BodyRef> {
    match value.as_array()? {
        [] => Some(BodyRef::Deniable),
        [digest] => Some(BodyRef::Attested(digest.as_array_of()?)),
        _ => None,
    }
}

fn read_lacking(value: &Value) -> Option<Vec<u64>> {
    let items = value.as_array()?;
    let indexes: Vec<u64> = items.iter().map(Value::as_uint).collect::<Option<_>>()?;
    let in_order = indexes.is_sorted_by(|a, b| a < b);
    (in_order && !indexes.is_empty() && indexes.len() <= limits::LACKING_MAX).then_some(indexes)
}

fn read_under(value: &Value) -> Option<Under> {
    let [key, amend] = value.as_array()? else {
        return None;
    };
    Some(Under { key: key.as_uint()?, amend: amend.as_uint()? })
}
