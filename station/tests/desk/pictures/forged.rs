//! Entries that Sundmark has signed and that its own program would not write: the other side runs what it likes.

use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::line::turn::Arrived;
use counterpart_core::record::codes::Part;
use counterpart_core::record::entry::{Head, Header};
use counterpart_core::record::log::Entry;
use counterpart_core::record::merkle::leaf_hash;
use counterpart_core::record::sign1::{AAD_ENTRY, PublicKey, seal};
use counterpart_core::record::what::{Unread, What};
use counterpart_core::time::Timestamp;
use serde_json::json;

use super::stage::{MINUTE, Stage};

/// What Northland holds: its own head, Sundmark's, and Sundmark's key.
fn held(s: &Stage) -> (Head, Head, PublicKey) {
    let id = s.line;
    let look = s.keeper(0).look(move |lines| {
        let line = &lines.line(&id).unwrap().line;
        (line.own().head(), line.peer().head(), line.peer().key())
    });
    s.runtime().block_on(look).unwrap()
}

/// A type that these rules do not have.
const UNKNOWN: u8 = 77;

fn brought(s: &Stage, header: Header, key: PublicKey) {
    let keys = s.serving[1].station.keys.first();
    let mut payload = header.encode();
    if header.what == Err(Unread::UnknownType(UNKNOWN.into())) {
        // A type that cannot be named is written as 0, which is one byte: the number takes two.
        assert_eq!(payload[1..3], [1, 0]);
        payload.splice(2..3, [0x18, UNKNOWN]);
    }
    let bytes = seal(AAD_ENTRY, &payload, keys.as_ref());
    let entry = Entry { leaf: leaf_hash(&bytes), bytes, header };
    let arrived = Arrived { entry, body: None, verified_under: Some(key) };
    s.runtime().block_on(s.keeper(0).arrived(s.line, vec![arrived])).unwrap();
}

/// Sundmark signs this about an entry at the end of its log, naming all that Northland has. Both have parted, and meet no more.
fn signed(s: &Stage, refers: Option<EntryRef>, what: Result<What, Unread>) -> EntryRef {
    let (ours, theirs, _) = held(s);
    placed(s, refers, what, [theirs, ours])
}

/// The same at this place of its log, naming this head of ours.
fn placed(s: &Stage, refers: Option<EntryRef>, what: Result<What, Unread>, [own, named]: [Head; 2]) -> EntryRef {
    let key = held(s).2;
    let time = Timestamp(s.now());
    let header = Header { refers, ..Header::of((s.line, Epoch::FIRST, Party::Joiner), [own, named], time, what) };
    brought(s, header, key);
    EntryRef { party: Party::Joiner, index: own.size }
}

fn named(at: &str) -> EntryRef {
    let (party, index) = at.split_once(':').unwrap();
    EntryRef { party: Party::from_number(party.parse().unwrap()).unwrap(), index: index.parse().unwrap() }
}

/// A person of theirs is in the talk that this entry agreed on: written by a program that has voice.
pub fn joins(s: &Stage, agreed: &str) {
    signed(s, Some(named(agreed)), Ok(What::Joined { part: Part::Principal }));
}

/// They state a second time that they have seen it: void.
pub fn sees_again(s: &Stage, ask: &str) -> EntryRef {
    signed(s, Some(named(ask)), Ok(What::Seen))
}

/// A type that these rules do not have.
pub fn says_what_is_unknown(s: &Stage) -> EntryRef {
    signed(s, None, Err(Unread::UnknownType(UNKNOWN.into())))
}

/// A second entry at an index that they have used: their log is taken no further.
pub fn forks(s: &Stage, ask: &str) {
    let (ours, theirs, _) = held(s);
    placed(s, Some(named(ask)), Ok(What::Referred), [Head { size: theirs.size, root: [7; 32] }, ours]);
}

/// They write on and name no head that covers what Northland has written since: STALLED.
pub fn stalls(s: &Stage) {
    let before = held(s).0;
    s.alone(0, json!({"act": "memo", "words": {"text": "They have been told by telephone."}}));
    s.pass_alone(5 * MINUTE);
    let theirs = held(s).1;
    placed(s, None, Err(Unread::UnknownType(UNKNOWN.into())), [theirs, before]);
}
