//! What may come to Northland's copy of Southland's logs once there are epochs, and what it is worth: one fault at a time.

use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::record::charter::Charter;
use counterpart_core::record::codes::LineState;
use counterpart_core::record::entry::{Head, Header};
use counterpart_core::record::merkle::{Hash, root};
use counterpart_core::record::opening::{EpochHeads, Opening};
use counterpart_core::record::sign1::{AAD_ENTRY, SoftKey, seal};
use counterpart_core::record::what::What;

use super::{FRESH, JOINED, NORTH, OPENED, SOUTH, Worked};
use crate::cast::{BEGIN, key};

/// An entry that follows the first `after` lines of `epochs.jsonl`, and its verdict.
pub struct Case {
    pub name: &'static str,
    pub after: usize,
    pub epoch: Epoch,
    pub party: Party,
    pub index: u64,
    pub bytes: Vec<u8>,
    /// `counts`, `waits`, `void`, `held`, `let-go`, or the name of a misconduct.
    pub expect: &'static str,
}

struct Bench<'a> {
    charter: &'a Charter,
    worked: &'a Worked,
}

const NOTHING: Head = Head { size: 0, root: [0; 32] };

impl Bench<'_> {
    fn head(&self, after: usize, epoch: Epoch, party: Party) -> Head {
        let of = |h: &&super::Held| h.entry.header.epoch == epoch && h.entry.header.party == party;
        let leaves: Vec<Hash> = self.worked.held[..after].iter().filter(of).map(|h| h.entry.leaf).collect();
        Head { size: leaves.len() as u64, root: root(&leaves) }
    }

    /// What Southland would write next in an epoch, saying that the line is open.
    fn next(&self, after: usize, epoch: Epoch) -> Header {
        let heads = [SOUTH, NORTH].map(|party| self.head(after, epoch, party));
        let what = What::State { state: LineState::Open, until: None };
        Header::of((self.charter.line, epoch, SOUTH), heads, BEGIN.plus(80_000_000), Ok(what))
    }

    /// Index 0 of Southland's log of an epoch.
    fn first(&self, after: usize, epoch: Epoch, opening: &Opening) -> Header {
        let empty = Head::empty();
        Header { own: empty, what: Ok(What::Charter(opening.write())), ..self.next(after, epoch) }
    }

    fn opened(&self, after: usize) -> Opening {
        let keys = [[0x41; 32], [0x42; 32], [0x43; 32]];
        Opening::Opened { keys, heads: self.earlier(after) }
    }

    fn joined(&self, after: usize) -> Opening {
        Opening::Joined { heads: self.earlier(after), restored: false }
    }

    fn earlier(&self, after: usize) -> Vec<EpochHeads> {
        let heads = Party::BOTH.map(|party| self.head(after, Epoch::FIRST, party));
        vec![EpochHeads { epoch: Epoch::FIRST, heads }]
    }
}

fn case(name: &'static str, after: usize, expect: &'static str, header: &Header, key: &SoftKey) -> Case {
    let bytes = seal(AAD_ENTRY, &header.encode(), key);
    let (epoch, party, index) = (header.epoch, header.party, header.own.size);
    Case { name, after, epoch, party, index, bytes, expect }
}

fn epoch(number: u64) -> Epoch {
    Epoch { number, id: [0x77; 8] }
}

/// All cases.
pub fn cases(charter: &Charter, worked: &Worked) -> Vec<Case> {
    let bench = Bench { charter, worked };
    let mut cases = bench.beginnings();
    cases.extend(bench.epochs());
    cases.extend(bench.late());
    cases.extend(bench.serving());
    cases
}

impl Bench<'_> {
    /// Index 0 of Southland's log of the epoch that Northland has opened.
    fn beginnings(&self) -> Vec<Case> {
        let [one, _] = self.worked.opened();
        let (station, root, link) = (key(SOUTH, 1), key(SOUTH, 0), key(SOUTH, 2));
        let begins = |opening: &Opening| self.first(OPENED, one, opening);
        let joined = begins(&self.joined(OPENED));
        let paired = Opening::Paired { charter: self.charter.encode(), signatures: [[0; 64]; 2] };
        let many = EpochHeads { epoch: Epoch::FIRST, heads: [NOTHING; 2] };
        let many = Opening::Joined { heads: vec![many; 65], restored: false };
        let above = Header { own: Head { size: 1, ..NOTHING }, ..self.next(OPENED, one) };
        let other_root = Header { own: NOTHING, ..joined.clone() };
        let never = Header { held: Head { size: 1 << 50, ..NOTHING }, ..joined.clone() };
        vec![
            case("joins-under-its-station-key", OPENED, "counts", &joined, &station),
            case("joins-under-its-root-key", OPENED, "bad-signature", &joined, &root),
            case("joins-under-its-link-key", OPENED, "bad-signature", &joined, &link),
            case("opens-what-the-peer-has-opened", OPENED, "wrong-epoch", &begins(&self.opened(OPENED)), &root),
            case("begins-a-later-epoch-as-if-paired", OPENED, "wrong-epoch", &begins(&paired), &station),
            case("joins-and-names-65-epochs", OPENED, "wrong-epoch", &begins(&many), &station),
            case("begins-with-no-charter", OPENED, "wrong-epoch", &self.next(OPENED, one), &station),
            case("begins-at-index-1", OPENED, "wrong-epoch", &above, &station),
            case("joins-and-names-a-head-that-never-was", OPENED, "head-never-ours", &never, &station),
            case("joins-with-another-root-before-it", OPENED, "wrong-epoch", &other_root, &station),
            case("another-index-0-after-the-first", JOINED, "fork", &joined, &station),
        ]
    }

    /// Epochs that are opened, or are not.
    fn epochs(&self) -> Vec<Case> {
        let (station, root) = (key(SOUTH, 1), key(SOUTH, 0));
        let opens = |number| self.first(JOINED, epoch(number), &self.opened(JOINED));
        let joins = self.first(JOINED, epoch(2), &self.joined(JOINED));
        let other_root = Header { own: NOTHING, ..opens(2) };
        let seeing = Header { held: Head { size: 1, ..NOTHING }, ..opens(2) };
        vec![
            case("opens-the-next-epoch", JOINED, "counts", &opens(2), &root),
            case("opens-an-epoch-of-the-same-number", JOINED, "counts", &opens(1), &root),
            case("opens-an-epoch-and-names-a-head-of-the-other-log-there", JOINED, "wrong-epoch", &seeing, &root),
            case("opens-an-epoch-1000-above", JOINED, "counts", &opens(1_001), &root),
            case("opens-an-epoch-1001-above", JOINED, "epoch-jump", &opens(1_002), &root),
            case("opens-an-epoch-with-another-root-before-it", JOINED, "wrong-epoch", &other_root, &root),
            case("opens-an-epoch-under-its-station-key", JOINED, "bad-signature", &opens(2), &station),
            case("joins-what-nobody-here-knows", JOINED, "let-go", &joins, &station),
            case(
                "an-entry-of-an-epoch-that-nobody-opened",
                JOINED,
                "wrong-epoch",
                &self.next(JOINED, epoch(2)),
                &station,
            ),
        ]
    }

    /// Entries of earlier epochs that come late.
    fn late(&self) -> Vec<Case> {
        let all = self.worked.held.len();
        let [one, _] = self.worked.opened();
        let (station, fresh) = (key(SOUTH, 1), key(SOUTH, FRESH));
        let next = |epoch| self.next(all, epoch);
        let of = |index| {
            let at = EntryRef { party: SOUTH, index };
            let found = |h: &&super::Held| h.entry.header.epoch == Epoch::FIRST && h.entry.header.at() == at;
            self.worked.held.iter().find(found).unwrap()
        };
        let six = of(6);
        let again = |name, expect, bytes: &[u8], after| Case {
            name,
            after,
            epoch: Epoch::FIRST,
            party: SOUTH,
            index: 6,
            bytes: bytes.to_vec(),
            expect,
        };
        let never = Header { held: Head { size: 3, root: [9; 32] }, ..next(Epoch::FIRST) };
        let back = Header { held: Head::empty(), ..next(Epoch::FIRST) };
        let other = Header { own: six.entry.header.own, held: six.entry.header.held, ..next(Epoch::FIRST) };
        vec![
            again("late-of-the-first-epoch", "counts", &six.entry.bytes, JOINED),
            again("late-and-held-already", "held", &six.entry.bytes, all),
            case("late-under-the-key-of-its-log", all, "counts", &next(Epoch::FIRST), &station),
            case("late-in-the-second-epoch", all, "counts", &next(one), &station),
            case("late-under-the-key-of-a-later-epoch", all, "bad-signature", &next(Epoch::FIRST), &fresh),
            case("late-and-names-a-head-that-never-was", all, "let-go", &never, &station),
            case("late-and-names-an-older-head", all, "let-go", &back, &station),
            case("late-and-another-at-an-index-that-is-held", all, "fork", &other, &station),
        ]
    }

    /// Entries of the epoch that serves.
    fn serving(&self) -> Vec<Case> {
        let all = self.worked.held.len();
        let [_, two] = self.worked.opened();
        let (station, fresh, root) = (key(SOUTH, 1), key(SOUTH, FRESH), key(SOUTH, 0));
        let next = self.next(all, two);
        let never = Header { held: Head { root: [9; 32], ..next.held }, ..next.clone() };
        let charter = Header { what: Ok(What::Charter(self.joined(all).write())), ..next.clone() };
        vec![
            case("under-the-fresh-key", all, "counts", &next, &fresh),
            case("under-the-key-of-the-epoch-before", all, "bad-signature", &next, &station),
            case("under-the-root-key-beyond-index-0", all, "bad-signature", &next, &root),
            case("names-a-head-that-never-was", all, "head-never-ours", &never, &fresh),
            case("a-charter-beyond-index-0", all, "void", &charter, &fresh),
        ]
    }
}
