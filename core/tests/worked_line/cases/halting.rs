//! Cases of misconduct: form, frame, signature, place and keys.

use counterpart_core::ids::Epoch;
use counterpart_core::record::cbor::Value;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::log::key_grant;
use counterpart_core::record::merkle::{Hash, leaf_hash};
use counterpart_core::record::sign1::{AAD_CHARTER, AAD_ENTRY, AAD_KEY, Sign, SoftKey, seal, to_be_signed};

use super::{ASKED, Bench, Case, Crafted, NORTH, SOUTH, encode, list, numbers, root, sealed, set, uint};
use crate::cast::key;

/// An entry's type and one field, who signs it, and its verdict.
type Next<'a> = (&'a (Kind, (u64, Value)), &'a SoftKey, &'static str);

impl Bench<'_> {
    pub(super) fn forms(&self) -> Vec<Case> {
        let seen = self.seen();
        let changed = |name, change: &dyn Fn(&mut Vec<u8>)| {
            let mut payload = seen.clone();
            change(&mut payload);
            self.one(name, ASKED, "not-canonical", sealed(&payload))
        };
        let deep = (0..8).fold(uint(0), |inner, _| list(&[inner]));
        let unknown = |name, args: Value| self.after(name, ASKED, "not-canonical", 42, &[(14, args)]);
        let without = |name, key: u64| {
            let mut pairs = self.pairs(ASKED, SOUTH, Kind::Memo.number());
            pairs.retain(|(k, _)| *k != uint(key));
            self.one(name, ASKED, "not-canonical", sealed(&encode(pairs)))
        };
        let with = |name, key: u64, value: Value| self.after(name, ASKED, "not-canonical", 34, &[(key, value)]);
        vec![
            changed("number-in-two-bytes", &|p| p.insert(2, 0x18)),
            changed("keys-out-of-order", &|p| p[1..21].rotate_left(2)),
            changed("key-repeated", &|p| {
                p[0] += 1;
                p.splice(1..1, [1, 11]);
            }),
            changed("map-of-indefinite-length", &|p| {
                p[0] = 0xbf;
                p.push(0xff);
            }),
            changed("tagged-number", &|p| p.insert(2, 0xc1)),
            changed("float-under-an-unknown-key", &|p| {
                p[0] += 1;
                p.extend([0x13, 0xf9, 0x3c, 0x00]);
            }),
            changed("byte-after-the-map", &|p| p.push(0)),
            changed("cut-off", &|p| {
                p.pop();
            }),
            changed("no-map", &|p| *p = vec![0x00]),
            changed("empty", &Vec::clear),
            changed("text-that-is-no-utf-8", &|p| {
                p[0] += 1;
                p.extend([0x09, 0x61, 0xff]);
            }),
            unknown("inside-eight-arrays", deep),
            unknown("array-of-1025", list(&vec![uint(0); 1_025])),
            without("without-a-type", 1),
            without("without-a-time", 7),
            with("time-beyond-9999", 7, uint(253_402_300_800_000)),
            with("party-2", 4, uint(2)),
            with("line-of-15-bytes", 2, Value::bytes(&[0; 15])),
            with("held-of-oneself", 6, list(&[list(&[uint(1), uint(0), Value::bytes(&root(&[]))])])),
            with("held-of-nobody", 6, list(&[])),
        ]
    }

    pub(super) fn frames(&self) -> Vec<Case> {
        let good = sealed(&self.seen());
        let changed = |name, change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = good.clone();
            change(&mut bytes);
            self.one(name, ASKED, "bad-signature", bytes)
        };
        vec![
            changed("frame-without-tag", &|b| {
                b.remove(0);
            }),
            changed("frame-with-algorithm-eddsa", &|b| b[5] = 0x27),
            changed("frame-with-an-unprotected-header", &|b| {
                b[6] = 0xa1;
                b.splice(7..7, [0x04, 0x40]);
            }),
            changed("frame-with-a-long-length", &|b| {
                b[7] = 0x59;
                b.insert(8, 0);
            }),
            changed("frame-with-a-signature-of-63-bytes", &|b| {
                let at = b.len() - 65;
                b[at] = 63;
                b.pop();
            }),
            changed("frame-with-a-byte-after-it", &|b| b.push(0)),
            changed("frame-cut-off", &|b| {
                b.pop();
            }),
        ]
    }

    pub(super) fn signatures(&self) -> Vec<Case> {
        let seen = self.seen();
        let with = |name, bytes| self.one(name, ASKED, "bad-signature", bytes);
        let mut beyond = sealed(&seen);
        let s = beyond.len() - 32;
        add_order(&mut beyond[s..]);
        vec![
            with("signed-by-the-peer", seal(AAD_ENTRY, &seen, &key(NORTH, 1))),
            with("signed-by-root", seal(AAD_ENTRY, &seen, &key(SOUTH, 0))),
            with("signed-as-a-charter", seal(AAD_CHARTER, &seen, &key(SOUTH, 1))),
            with("signed-with-s-beyond-the-order", beyond),
        ]
    }

    pub(super) fn places(&self) -> Vec<Case> {
        let all = self.line.len();
        let own = self.leaves(all, SOUTH);
        let size = own.len() as u64;
        let theirs = self.leaves(all, NORTH);
        let memo = |name, expect, key: u64, value| {
            self.after(name, all, expect, Kind::Memo.number(), &[(15, list(&[])), (key, value)])
        };
        let own_head = |n: u64, root: &Hash| list(&[uint(n), Value::bytes(root)]);
        let held = |n: u64, root: &Hash| list(&[list(&[uint(0), uint(n), Value::bytes(root)])]);
        let mut fork = memo("fork", "fork", 5, own_head(3, &root(&own[..3])));
        fork.entries[0].index = 3;
        let mut unsigned =
            memo("other-bytes-at-an-index-that-nobody-signed", "bad-signature", 5, own_head(3, &root(&own[..3])));
        unsigned.entries[0].index = 3;
        if let Some(last) = unsigned.entries[0].bytes.last_mut() {
            *last ^= 1;
        }
        let mut first = self.pairs(1, SOUTH, Kind::Memo.number());
        set(&mut first, 15, list(&[]));
        let mut other = self.pairs(1, SOUTH, Kind::Charter.number());
        set(&mut other, 14, list(&[uint(2), list(&[]), Value::Bool(false)]));
        vec![
            memo("another-line", "wrong-line", 2, Value::bytes(&[9; 16])),
            memo("ours", "wrong-party", 4, uint(0)).held_by_north(held_of(&own)),
            memo("an-epoch-that-nobody-opened", "wrong-epoch", 3, list(&[uint(1), Value::bytes(&[5; 8])])),
            memo("an-index-left-out", "wrong-place", 5, own_head(size + 1, &root(&own))),
            memo("another-root-before", "fork", 5, own_head(size, &root(&own[1..]))),
            fork,
            unsigned,
            memo("an-older-head", "head-went-back", 6, held(1, &root(&theirs[..1]))),
            memo("a-head-with-another-root", "head-never-ours", 6, held(theirs.len() as u64, &[1; 32])),
            memo("a-head-beyond-the-log", "head-never-ours", 6, held(theirs.len() as u64 + 1, &[1; 32])),
            self.one("a-log-that-begins-with-a-memo", 1, "wrong-epoch", sealed(&encode(first))),
            self.one("a-log-that-begins-with-another-charter", 1, "wrong-epoch", sealed(&encode(other))),
        ]
    }

    pub(super) fn keys(&self) -> Vec<Case> {
        let (old, root, new) = (key(SOUTH, 1), key(SOUTH, 0), SoftKey::from_seed([0x2a; 32]));
        let key_entry = |serial, by_root, by_new| (Kind::Key, self.grant(serial, by_root, by_new));
        let good = key_entry(1, &root, &new);
        let again = key_entry(2, &root, &new);
        let seen = (Kind::Seen, (8, numbers(&[0, 1])));
        let row = |name, entries: &[Next<'_>]| self.sequence(name, entries);
        vec![
            row("key-and-an-entry-under-it", &[(&good, &old, "counts"), (&seen, &new, "counts")]),
            row("key-and-an-entry-under-the-old-one", &[(&good, &old, "counts"), (&seen, &old, "bad-signature")]),
            row("key-and-another-with-the-next-serial", &[(&good, &old, "counts"), (&again, &new, "counts")]),
            row("key-and-the-same-grant-again", &[(&good, &old, "counts"), (&good, &new, "stale-grant")]),
            row("key-with-serial-0", &[(&key_entry(0, &root, &new), &old, "stale-grant")]),
            row("key-granted-by-another-root", &[(&key_entry(1, &key(NORTH, 0), &new), &old, "bad-signature")]),
            row("key-not-signed-by-itself", &[(&key_entry(1, &root, &old), &old, "bad-signature")]),
            row("key-signed-by-the-new-one", &[(&good, &new, "bad-signature")]),
        ]
    }

    /// The args of a `key` that brings the key of seed `2a`.
    fn grant(&self, serial: u64, by_root: &SoftKey, by_new: &SoftKey) -> (u64, Value) {
        let keys = [*SoftKey::from_seed([0x2a; 32]).public().as_bytes(), [0x2b; 32], [0x2c; 32]];
        let message = to_be_signed(AAD_KEY, &key_grant(self.charter.line, Epoch::FIRST, serial, &keys));
        let signatures = [by_root, by_new].map(|key| Value::bytes(&key.sign(&message)));
        let args = [uint(serial), list(&keys.map(|k| Value::bytes(&k)))];
        (14, list(&[&args[..], &signatures].concat()))
    }

    /// South's entries after the ask, one after the other, each with one field and its signer.
    fn sequence(&self, name: &'static str, entries: &[Next<'_>]) -> Case {
        let mut own = self.leaves(ASKED, SOUTH);
        let mut case = Case { name, after: ASKED, entries: Vec::new() };
        for ((kind, (field, value)), signer, expect) in entries {
            let mut pairs = self.pairs_on(&own, &self.leaves(ASKED, NORTH), SOUTH, kind.number());
            set(&mut pairs, *field, value.clone());
            let bytes = seal(AAD_ENTRY, &encode(pairs), *signer);
            let index = own.len() as u64;
            own.push(leaf_hash(&bytes));
            case.entries.push(Crafted { party: SOUTH, index, bytes, expect });
        }
        case
    }
}

fn held_of(leaves: &[Hash]) -> Value {
    list(&[list(&[uint(1), uint(leaves.len() as u64), Value::bytes(&root(leaves))])])
}

impl Case {
    /// The same entry with party 0 as its author, who holds a head of party 1.
    fn held_by_north(mut self, held: Value) -> Case {
        for entry in &mut self.entries {
            let sealed_before = counterpart_core::record::sign1::open(&entry.bytes).unwrap();
            let Value::Map(mut pairs) = Value::decode(sealed_before.payload).unwrap() else { return self };
            set(&mut pairs, 6, held.clone());
            entry.bytes = sealed(&encode(pairs));
        }
        self
    }
}

/// Adds the order of the group to S, both little-endian.
fn add_order(s: &mut [u8]) {
    const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let mut carry = 0;
    for (byte, add) in s.iter_mut().zip(crate::notation::unhex(ORDER)) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = carry.to_le_bytes()[0];
        carry >>= 8;
    }
}
