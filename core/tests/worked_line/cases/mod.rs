//! What comes after the worked line, or a part of it, and what it is worth: one fault at a time.

use counterpart_core::ids::Party;
use counterpart_core::record::cbor::Value;
use counterpart_core::record::charter::Charter;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::log::Entry;
use counterpart_core::record::merkle::Hash;
use counterpart_core::record::sign1::{AAD_ENTRY, seal};

mod halting;

use super::cast::{BEGIN, key};

/// Entries that follow the first `after` of the worked line, each with its verdict.
pub struct Case {
    pub name: &'static str,
    pub after: usize,
    pub entries: Vec<Crafted>,
}

/// `counts`, `void`, `malformed`, `unknown`, or the name of a misconduct.
pub struct Crafted {
    pub party: Party,
    pub index: u64,
    pub bytes: Vec<u8>,
    pub expect: &'static str,
}

const NORTH: Party = Party::Inviter;
const SOUTH: Party = Party::Joiner;
/// Both charters and the ask.
const ASKED: usize = 3;

/// The pairs of a header, before they are put in order.
type Pairs = Vec<(Value, Value)>;

struct Bench<'a> {
    charter: &'a Charter,
    line: &'a [Entry],
}

fn uint(n: u64) -> Value {
    Value::Uint(n)
}

fn list(items: &[Value]) -> Value {
    Value::Array(items.to_vec())
}

fn numbers(items: &[u64]) -> Value {
    list(&items.iter().copied().map(uint).collect::<Vec<_>>())
}

fn set(pairs: &mut Pairs, key: u64, value: Value) {
    pairs.retain(|(k, _)| *k != uint(key));
    pairs.push((uint(key), value));
}

impl Bench<'_> {
    fn leaves(&self, after: usize, party: Party) -> Vec<Hash> {
        self.line[..after].iter().filter(|e| e.header.party == party).map(|e| e.leaf).collect()
    }

    /// A header of this type that is placed right after the first `after` entries.
    fn pairs(&self, after: usize, party: Party, kind: u64) -> Pairs {
        self.pairs_on(&self.leaves(after, party), &self.leaves(after, party.peer()), party, kind)
    }

    fn pairs_on(&self, own: &[Hash], theirs: &[Hash], party: Party, kind: u64) -> Pairs {
        let head = |leaves: &[Hash]| [uint(leaves.len() as u64), Value::bytes(&root(leaves))];
        let mut held = vec![uint(party.peer().number())];
        held.extend(head(theirs));
        [
            uint(kind),
            Value::bytes(&self.charter.line.0),
            list(&[uint(0), Value::bytes(&[0; 8])]),
            uint(party.number()),
            list(&head(own)),
            list(&[list(&held)]),
            uint(BEGIN.plus(3_600_000).0),
        ]
        .into_iter()
        .enumerate()
        .map(|(at, value)| (uint(at as u64 + 1), value))
        .collect()
    }

    fn one(&self, name: &'static str, after: usize, expect: &'static str, bytes: Vec<u8>) -> Case {
        let index = self.leaves(after, SOUTH).len() as u64;
        Case { name, after, entries: vec![Crafted { party: SOUTH, index, bytes, expect }] }
    }

    /// South's next entry after the ask, of this type with these fields.
    fn next(&self, name: &'static str, expect: &'static str, kind: Kind, fields: &[(u64, Value)]) -> Case {
        self.after(name, ASKED, expect, kind.number(), fields)
    }

    fn after(
        &self,
        name: &'static str,
        after: usize,
        expect: &'static str,
        kind: u64,
        fields: &[(u64, Value)],
    ) -> Case {
        let mut pairs = self.pairs(after, SOUTH, kind);
        for (key, value) in fields {
            set(&mut pairs, *key, value.clone());
        }
        self.one(name, after, expect, sealed(&encode(pairs)))
    }

    /// The payload of a `seen` of South's after the ask.
    fn seen(&self) -> Vec<u8> {
        let mut pairs = self.pairs(ASKED, SOUTH, Kind::Seen.number());
        set(&mut pairs, 8, numbers(&[0, 1]));
        encode(pairs)
    }
}

fn root(leaves: &[Hash]) -> Hash {
    counterpart_core::record::merkle::root(leaves)
}

fn encode(pairs: Pairs) -> Vec<u8> {
    Value::map(pairs).encode()
}

fn sealed(payload: &[u8]) -> Vec<u8> {
    seal(AAD_ENTRY, payload, &key(SOUTH, 1))
}

/// All cases, over the whole worked line.
pub fn cases(charter: &Charter, line: &[Entry]) -> Vec<Case> {
    let bench = Bench { charter, line };
    let mut cases = bench.good();
    cases.extend(bench.unknown());
    cases.extend(bench.malformed());
    cases.extend(bench.void());
    cases.extend(bench.forms());
    cases.extend(bench.frames());
    cases.extend(bench.signatures());
    cases.extend(bench.places());
    cases.extend(bench.keys());
    cases
}

impl Bench<'_> {
    fn good(&self) -> Vec<Case> {
        let ask = (8, numbers(&[0, 1]));
        vec![
            self.one("seen", ASKED, "counts", sealed(&self.seen())),
            self.next("answer", "counts", Kind::Answer, &[ask.clone()]),
            self.after(
                "joined",
                self.line.len(),
                "counts",
                Kind::Joined.number(),
                &[(8, numbers(&[0, 6])), (14, numbers(&[1]))],
            ),
            self.next("received", "counts", Kind::Received, &[]),
            self.next(
                "defer-with-lacking-and-under",
                "counts",
                Kind::Defer,
                &[ask, (14, numbers(&[13])), (16, numbers(&[1])), (17, numbers(&[0, 0]))],
            ),
            self.next("memo-with-a-deniable-body", "counts", Kind::Memo, &[(15, list(&[]))]),
        ]
    }

    fn unknown(&self) -> Vec<Case> {
        let key = |name, key: Value| {
            let mut pairs = self.pairs(ASKED, SOUTH, Kind::Seen.number());
            set(&mut pairs, 8, numbers(&[0, 1]));
            pairs.push((key, uint(0)));
            self.one(name, ASKED, "unknown", sealed(&encode(pairs)))
        };
        let kind = |name, fields: &[(u64, Value)]| self.after(name, ASKED, "unknown", 42, fields);
        vec![
            kind("unknown-type", &[]),
            kind("unknown-type-with-any-fields", &[(8, Value::text("x")), (99, Value::Nint(0))]),
            key("unknown-key-18", uint(18)),
            key("unknown-key-0", uint(0)),
            key("unknown-key-negative", Value::Nint(0)),
            key("unknown-key-text", Value::text("x")),
        ]
    }

    fn malformed(&self) -> Vec<Case> {
        let case = |name, kind, fields: &[(u64, Value)]| self.next(name, "malformed", kind, fields);
        let ask = (8, numbers(&[0, 1]));
        let window = |from: u64, to: u64| list(&[uint(BEGIN.0 + from), uint(BEGIN.0 + to), Value::text("UTC")]);
        let offer = |windows: &[Value], silence: u64| (14, list(&[list(windows), uint(silence)]));
        let deadline = (13, uint(BEGIN.0));
        let offered =
            |name, windows: &[Value]| case(name, Kind::Offer, &[ask.clone(), deadline.clone(), offer(windows, 0)]);
        let posts = [(9, Value::text("minister")), (10, Value::text("minister"))];
        let opens = [(11, uint(0)), (12, uint(1))];
        let addressed = [&posts[..], &opens[..]].concat();
        let body = (15, list(&[Value::bytes(&[7; 32])]));
        let with = |fields: &[(u64, Value)], more: &[(u64, Value)]| [fields, more].concat();
        vec![
            case("seen-without-refers", Kind::Seen, &[]),
            case("seen-with-args", Kind::Seen, &[ask.clone(), (14, numbers(&[0]))]),
            case("seen-with-empty-args", Kind::Seen, &[ask.clone(), (14, list(&[]))]),
            case("seen-with-precedence", Kind::Seen, &[ask.clone(), (11, uint(0))]),
            case("seen-refers-to-party-2", Kind::Seen, &[(8, numbers(&[2, 1]))]),
            case("seen-refers-to-three-numbers", Kind::Seen, &[(8, numbers(&[0, 1, 0]))]),
            case("received-with-body", Kind::Received, &[body.clone()]),
            case("decline-without-args", Kind::Decline, &[ask.clone()]),
            case("decline-with-code-14", Kind::Decline, &[ask.clone(), (14, numbers(&[14]))]),
            case("decline-with-two-codes", Kind::Decline, &[ask.clone(), (14, numbers(&[1, 1]))]),
            case("defer-until-beyond-9999", Kind::Defer, &[ask.clone(), (14, numbers(&[0, 253_402_300_800_000]))]),
            case("alerting-on-channel-3", Kind::Alerting, &[ask.clone(), (14, numbers(&[3]))]),
            offered("offer-without-windows", &[]),
            offered("offer-of-nine-windows", &vec![window(1, 2); 9]),
            offered("offer-of-a-window-that-ends-as-it-begins", &[window(1, 1)]),
            offered("offer-of-a-window-over-a-week", &[window(0, 604_800_001)]),
            case("offer-without-answer-by", Kind::Offer, &[ask.clone(), offer(&[window(1, 2)], 0)]),
            case("offer-with-on-silence-2", Kind::Offer, &[ask.clone(), deadline.clone(), offer(&[window(1, 2)], 2)]),
            case("accept-of-one-number", Kind::Accept, &[ask.clone(), (14, numbers(&[1]))]),
            case("text-without-body", Kind::Text, &addressed),
            case("text-without-posts", Kind::Text, &with(&opens, std::slice::from_ref(&body))),
            case("text-to-nobody", Kind::Text, &[posts[0].clone(), opens[0].clone(), opens[1].clone(), body.clone()]),
            case(
                "text-from-a-post-in-capitals",
                Kind::Text,
                &with(&addressed, &[body.clone(), (9, Value::text("Minister"))]),
            ),
            case("text-with-precedence-4", Kind::Text, &with(&addressed, &[body.clone(), (11, uint(4))])),
            case("text-with-mark-3", Kind::Text, &with(&addressed, &[body.clone(), (12, uint(3))])),
            case(
                "text-with-a-digest-of-31-bytes",
                Kind::Text,
                &with(&addressed, &[(15, list(&[Value::bytes(&[7; 31])]))]),
            ),
            case("text-with-a-null-deadline", Kind::Text, &with(&addressed, &[body, (13, Value::Null)])),
            case(
                "ask-without-mark",
                Kind::Ask,
                &with(&posts, &[(11, uint(0)), (14, list(&[uint(0), Value::Bool(false)]))]),
            ),
            case("ask-with-a-number-for-private", Kind::Ask, &with(&addressed, &[(14, numbers(&[0, 0]))])),
            case("lacking-nothing", Kind::Seen, &[ask.clone(), (16, list(&[]))]),
            case("lacking-out-of-order", Kind::Seen, &[ask.clone(), (16, numbers(&[2, 1]))]),
            case("lacking-65", Kind::Seen, &[ask.clone(), (16, numbers(&(0..65).collect::<Vec<_>>()))]),
            case("under-of-one-number", Kind::Seen, &[ask.clone(), (17, numbers(&[0]))]),
            case("amend-over-12288-bytes", Kind::Amend, &[(14, list(&[uint(1), Value::bytes(&[0; 12_288])]))]),
            case("statement-of-no-sentence", Kind::Statement, &[(14, list(&[]))]),
            case("attempt-with-result-3", Kind::Attempt, &[(14, list(&[uint(0), Value::text("x"), uint(3)]))]),
        ]
    }

    fn void(&self) -> Vec<Case> {
        let ask = (8, numbers(&[0, 1]));
        let addressed = |post: &str, precedence| {
            [
                (9, Value::text("minister")),
                (10, Value::text(post)),
                (11, uint(precedence)),
                (12, uint(1)),
                (14, list(&[uint(0), Value::Bool(false)])),
            ]
        };
        let all = self.line.len();
        vec![
            self.next("seen-of-what-is-not-there", "void", Kind::Seen, &[(8, numbers(&[0, 2]))]),
            self.next("seen-of-a-charter", "void", Kind::Seen, &[(8, numbers(&[0, 0]))]),
            self.next("withdraw-by-the-other-side", "void", Kind::Withdraw, &[ask.clone()]),
            self.next("ask-to-an-unknown-post", "void", Kind::Ask, &addressed("nobody", 0)),
            self.next("ask-above-the-precedence-of-the-post", "void", Kind::Ask, &addressed("minister", 3)),
            self.next("charter-beyond-index-0", "void", Kind::Charter, &[(14, list(&[]))]),
            self.next("amend-that-is-no-charter", "void", Kind::Amend, &[(14, list(&[uint(1), Value::bytes(&[0])]))]),
            self.after("received-of-nothing-new", all, "void", Kind::Received.number(), &[]),
            self.after("seen-twice", all, "void", Kind::Seen.number(), &[ask.clone()]),
            self.after("answer-after-the-agreement", all, "void", Kind::Answer.number(), &[ask]),
            self.after("missed-before-the-agreed-time", all, "void", Kind::Missed.number(), &[(8, numbers(&[0, 6]))]),
            self.after(
                "ended-without-having-joined",
                all,
                "void",
                Kind::Ended.number(),
                &[(8, numbers(&[0, 6])), (14, numbers(&[1, 0]))],
            ),
        ]
    }
}
