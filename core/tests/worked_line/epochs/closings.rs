//! How far the first epoch counts, by what the charters name that close it: one pair of charters at a time, and what of Southland's
//! entries has come late. Any station that holds the same reads the same.

use counterpart_core::ids::{Epoch, Party};
use counterpart_core::line::epoch::Ended;
use counterpart_core::record::charter::Charter;
use counterpart_core::record::entry::{Head, Header};
use counterpart_core::record::log::Entry;
use counterpart_core::record::merkle::{Hash, root};
use counterpart_core::record::opening::{EpochHeads, Opening};
use counterpart_core::record::sign1::{AAD_ENTRY, Sign, SoftKey, seal};
use counterpart_core::record::what::What;
use serde_json::json;

use super::files::{dump, name};
use super::{FRESH, Held, NORTH, OPENED, SOUTH, Worked, copied, read};
use crate::cast::{BEGIN, key};

/// Entries that follow the first `after` lines of `epochs.jsonl`, and how far an epoch counts then.
pub struct Closing {
    name: &'static str,
    after: usize,
    entries: Vec<Held>,
    epoch: Epoch,
    counts: [u64; 2],
    /// `None`: nothing closes it.
    settled: Option<bool>,
    /// Who reads it otherwise, settled, and how far: another life of theirs joined what closes it, as the charters stand.
    denied: Option<(Party, [u64; 2])>,
}

/// A head that no log has had.
fn never(size: u64) -> Head {
    Head { size, root: [0x99; 32] }
}

struct Bench<'a> {
    charter: &'a Charter,
    worked: &'a Worked,
}

impl Bench<'_> {
    /// The entries of a party of the first epoch, in their order.
    fn log(&self, party: Party) -> Vec<&Held> {
        let of = |h: &&Held| h.entry.header.epoch == Epoch::FIRST && h.entry.header.party == party;
        self.worked.held.iter().filter(of).collect()
    }

    /// A log of the first epoch at this size.
    fn at(&self, party: Party, size: usize) -> Head {
        let leaves: Vec<Hash> = self.log(party).iter().take(size).map(|h| h.entry.leaf).collect();
        Head { size: leaves.len() as u64, root: root(&leaves) }
    }

    fn first(&self, party: Party, epoch: Epoch, opening: &Opening, key: &SoftKey) -> Held {
        self.first_seeing(Head::empty(), party, epoch, opening, key)
    }

    fn first_seeing(&self, seen: Head, party: Party, epoch: Epoch, opening: &Opening, key: &SoftKey) -> Held {
        let what = Ok(What::Charter(opening.write()));
        let header = Header::of((self.charter.line, epoch, party), [Head::empty(), seen], BEGIN.plus(80_000_000), what);
        let entry = Entry::read(&seal(AAD_ENTRY, &header.encode(), key)).unwrap();
        Held { entry, body: None, taken_back: false }
    }

    /// Southland joins Northland's epoch by a charter that names these heads of the first; so many of its late entries have come.
    fn joins(&self, name: &'static str, heads: [Head; 2], late: usize, counts: [u64; 2], settled: bool) -> Closing {
        let [epoch, _] = self.worked.opened();
        let opening = Opening::Joined { heads: vec![EpochHeads { epoch: Epoch::FIRST, heads }], restored: false };
        let mut entries = vec![self.first(SOUTH, epoch, &opening, &key(SOUTH, 1))];
        entries.extend(self.log(SOUTH).into_iter().skip(6).take(late).map(copied));
        Closing { name, after: OPENED, entries, epoch: Epoch::FIRST, counts, settled: Some(settled), denied: None }
    }

    /// Southland opens one more, which Northland joins, and neither charter names anything of the epoch before.
    fn names_nothing(&self) -> Closing {
        let [one, _] = self.worked.opened();
        let above = Epoch { number: 2, id: [0x77; 8] };
        let heads = vec![EpochHeads { epoch: Epoch::FIRST, heads: [self.at(NORTH, 8), self.at(SOUTH, 9)] }];
        let keys = [*key(SOUTH, FRESH).public().as_bytes(), [0x42; 32], [0x43; 32]];
        let opening = Opening::Opened { keys, heads: heads.clone() };
        let opened = self.first(SOUTH, above, &opening, &key(SOUTH, 0));
        let joined = self.first(NORTH, above, &Opening::Joined { heads, restored: true }, &key(NORTH, FRESH));
        let last = |h: &Held| h.entry.header.epoch == one;
        let after = 1 + self.worked.held.iter().rposition(last).unwrap();
        let counts = [3, 2];
        Closing {
            name: "closed-by-no-charters-that-name-nothing-of-it",
            after,
            entries: vec![opened, joined],
            epoch: one,
            counts,
            settled: None,
            denied: None,
        }
    }

    /// Southland, in another life, has opened an epoch that stands below Northland's, and came to light first; what joins Northland's is
    /// signed by the key that Southland had before, and Northland's charter of the next epoch names it.
    fn joins_under_an_earlier_key(&self) -> Closing {
        let [one, _] = self.worked.opened();
        let [below, above] = [(1, 0x11), (2, 0x77)].map(|(number, id)| Epoch { number, id: [id; 8] });
        let heads = |epoch, heads| EpochHeads { epoch, heads };
        let first = heads(Epoch::FIRST, [self.at(NORTH, 8), self.at(SOUTH, 9)]);
        let opens = |epoch, heads| {
            let keys = [*key(SOUTH, FRESH).public().as_bytes(), [0x42; 32], [0x43; 32]];
            self.first(SOUTH, epoch, &Opening::Opened { keys, heads }, &key(SOUTH, 0))
        };
        let joined = Opening::Joined { heads: vec![first], restored: false };
        let joined = self.first(SOUTH, one, &joined, &key(SOUTH, 1));
        let opened = self.worked.held.iter().find(|h| h.entry.header.epoch == one).unwrap();
        let alone = |held: &Held| Head { size: 1, root: held.entry.leaf };
        let named = Opening::Joined { heads: vec![first, heads(one, [alone(opened), alone(&joined)])], restored: true };
        let north = self.first(NORTH, above, &named, &key(NORTH, FRESH));
        let entries = vec![opens(below, vec![first]), opens(above, vec![first]), north, joined];
        Closing {
            name: "joined-under-a-key-that-its-author-has-ended-since",
            after: OPENED,
            entries,
            epoch: one,
            counts: [1, 1],
            settled: Some(true),
            denied: None,
        }
    }

    /// Northland opens two epochs, one above the other. Southland joins the upper, where it names of the first epoch no more than
    /// Northland held, and of its own log of the lower this. What it wrote late in the first has come, and then its joining of the
    /// lower, which names that.
    fn lets_pass(&self, name: &'static str, own: Own, counts: [u64; 2], settled: bool) -> Closing {
        let [one, _] = self.worked.opened();
        let above = Epoch { number: 2, id: [0x31; 8] };
        let heads = |epoch, heads| EpochHeads { epoch, heads };
        let first = |theirs| heads(Epoch::FIRST, [self.at(NORTH, 8), theirs]);
        let lower = Opening::Joined { heads: vec![first(self.at(SOUTH, 9))], restored: false };
        let seen = if own == Own::SeesWhatNeverWas { never(1 << 50) } else { Head::empty() };
        let lower = self.first_seeing(seen, SOUTH, one, &lower, &key(SOUTH, 1));
        let opened = self.worked.held.iter().find(|h| h.entry.header.epoch == one).unwrap();
        let alone = |held: &Held| Head { size: 1, root: held.entry.leaf };
        let of_lower = |own| heads(one, [alone(opened), own]);
        let nothing = Head::empty();
        let (by_south, by_north) = match own {
            Own::Nothing => (nothing, nothing),
            Own::Joining | Own::Withheld | Own::SeesWhatNeverWas => (alone(&lower), nothing),
            Own::NeverWas => (never(1), nothing),
            Own::NamedByNorth => (nothing, alone(&lower)),
        };
        let keys = [[0x51; 32], [0x52; 32], [0x53; 32]];
        let named = vec![first(self.at(SOUTH, 6)), of_lower(by_north)];
        let opens = self.first(NORTH, above, &Opening::Opened { keys, heads: named }, &key(NORTH, 0));
        let named = vec![first(self.at(SOUTH, 6)), of_lower(by_south)];
        let joins = self.first(SOUTH, above, &Opening::Joined { heads: named, restored: false }, &key(SOUTH, 1));
        let mut entries = vec![opens, joins];
        entries.extend(self.log(SOUTH).into_iter().skip(6).map(copied));
        entries.extend(Some(lower).filter(|_| own != Own::Withheld));
        Closing { name, after: OPENED, entries, epoch: Epoch::FIRST, counts, settled: Some(settled), denied: None }
    }

    /// Southland has joined Northland's epoch, and opened one above it, which a key that Northland has ended since joined; neither charter
    /// there names the lower. Northland, which knows of neither, opens the next; Southland joins that, and names both.
    fn denies(&self) -> Closing {
        let [one, _] = self.worked.opened();
        let [between, above] = [(1, 0xee), (2, 0x31)].map(|(number, id)| Epoch { number, id: [id; 8] });
        assert!(one < between && between < above);
        let heads = |epoch, heads| EpochHeads { epoch, heads };
        let [before, late] = [6, 9].map(|theirs| heads(Epoch::FIRST, [self.at(NORTH, 8), self.at(SOUTH, theirs)]));
        let joined = |heads| Opening::Joined { heads, restored: false };
        let alone = |held: &Held| Head { size: 1, root: held.entry.leaf };
        let opened = self.worked.held.iter().find(|h| h.entry.header.epoch == one).unwrap();
        let lower = self.first(SOUTH, one, &joined(vec![before]), &key(SOUTH, 1));
        let of_lower = heads(one, [alone(opened), alone(&lower)]);
        let keys = [*key(SOUTH, FRESH).public().as_bytes(), [0x42; 32], [0x43; 32]];
        let opens = self.first(SOUTH, between, &Opening::Opened { keys, heads: vec![late] }, &key(SOUTH, 0));
        let by_another = self.first(NORTH, between, &joined(vec![late]), &key(NORTH, 1));
        let keys = [[0x51; 32], [0x52; 32], [0x53; 32]];
        let next = Opening::Opened { keys, heads: vec![late, of_lower] };
        let next = self.first(NORTH, above, &next, &key(NORTH, 0));
        let named = vec![late, of_lower, heads(between, [alone(&by_another), alone(&opens)])];
        let joins = self.first(SOUTH, above, &joined(named), &key(SOUTH, FRESH));
        let mut entries = vec![lower, opens, next, joins];
        entries.extend(self.log(SOUTH).into_iter().skip(6).map(copied));
        entries.push(by_another);
        Closing {
            name: "joined-by-another-life-whose-party-names-what-that-did-not-know",
            after: OPENED,
            entries,
            epoch: Epoch::FIRST,
            counts: [8, 9],
            settled: Some(false),
            denied: Some((NORTH, [8, 8])),
        }
    }
}

/// What a charter names of its author's log of the epoch that it had let pass.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Own {
    Nothing,
    Joining,
    /// Its joining, which has not come.
    Withheld,
    NeverWas,
    /// Nothing; the other side's charter names the joining.
    NamedByNorth,
    /// Its joining, which names a head that Northland's log there never had.
    SeesWhatNeverWas,
}

/// All of them.
pub fn closings(charter: &Charter, worked: &Worked) -> Vec<Closing> {
    let bench = Bench { charter, worked };
    let (ours, theirs) = (bench.at(NORTH, 8), bench.at(SOUTH, 9));
    let joins = |name, heads, late, counts, settled| bench.joins(name, heads, late, counts, settled);
    vec![
        joins("names-of-its-own-what-has-not-come", [ours, theirs], 0, [7, 6], false),
        joins("names-of-its-own-what-came-in-part", [ours, theirs], 2, [8, 8], false),
        joins("names-of-its-own-what-came", [ours, theirs], 3, [8, 9], true),
        joins("names-of-its-own-less-than-the-other-has-a-receipt-for", [ours, bench.at(SOUTH, 7)], 3, [8, 8], true),
        joins("names-of-its-own-what-never-was", [ours, never(1 << 50)], 3, [8, 8], false),
        joins("names-of-its-own-what-never-was-at-a-size-that-came", [ours, never(8)], 3, [8, 8], true),
        joins("names-of-the-others-less-than-is-held", [bench.at(NORTH, 5), theirs], 3, [8, 9], true),
        joins("names-of-the-others-what-never-was", [never(1 << 50), theirs], 3, [8, 9], false),
        joins("names-of-the-others-what-never-was-at-a-size-that-is-held", [never(5), theirs], 3, [8, 9], false),
        joins("names-of-both-what-never-was", [never(5), never(8)], 3, [8, 8], false),
        bench.names_nothing(),
        bench.joins_under_an_earlier_key(),
        bench.lets_pass("joined-later-and-not-named-by-the-next", Own::Nothing, [8, 8], true),
        bench.lets_pass("joined-and-named-by-its-author-in-the-next", Own::Joining, [8, 9], true),
        bench.lets_pass("joined-and-named-by-the-other-in-the-next", Own::NamedByNorth, [8, 9], true),
        bench.lets_pass("joined-and-what-the-next-names-of-it-never-was", Own::NeverWas, [8, 8], true),
        bench.lets_pass("named-by-the-next-and-not-come", Own::Withheld, [8, 8], false),
        Closing {
            epoch: bench.worked.opened()[0],
            ..bench.lets_pass("joined-by-what-names-a-head-that-never-was", Own::SeesWhatNeverWas, [1, 0], false)
        },
        bench.denies(),
    ]
}

/// As a file, one a line within one array.
pub fn json(closings: &[Closing]) -> String {
    let one = |closing: &Closing| {
        let Closing { name: called, after, entries, epoch, counts, settled, denied } = closing;
        let dumped = dump(entries);
        let entries = dumped.lines().map(|line| serde_json::from_str(line).unwrap());
        let entries: Vec<serde_json::Value> = entries.collect();
        let (epoch, settled) = (name(*epoch), *settled);
        let denied = denied.map(|(party, counts)| json!({"party": party.number(), "counts": counts}));
        json!({"name": called, "after": after, "entries": entries, "epoch": epoch, "counts": counts, "settled": settled,
               "denied": denied})
        .to_string()
    };
    format!("[\n{}\n]\n", closings.iter().map(one).collect::<Vec<_>>().join(",\n"))
}

#[test]
fn both_stations_read_an_ended_epoch_as_far_as_the_charters_that_close_it_say() {
    let (paired, told) = super::worked();
    let worked = super::play(&paired.charter, &told);
    for closing in closings(&paired.charter, &worked) {
        let held = worked.held[..closing.after].iter().chain(&closing.entries).map(copied).collect::<Vec<_>>();
        for me in Party::BOTH {
            let line = read(&paired.charter, me, &held);
            let view = line.look(closing.epoch).unwrap();
            let counts = Party::BOTH.map(|party| view.cut().size(party));
            let is_closed = closing.settled.is_some();
            let settled = view.ended().filter(|_| is_closed).map(|ended| ended == Ended::Settled);
            // Each of the two is sure of what it reads, and they differ: who is neither party calls that unsettled.
            let by_itself =
                closing.denied.map(|(party, counts)| (if party == me { counts } else { closing.counts }, Some(true)));
            let expected = by_itself.unwrap_or((closing.counts, closing.settled));
            assert_eq!((counts, settled), expected, "{}, {me:?}", closing.name);
            // What is awaited may be of an epoch between.
            let awaits = line.awaited().iter().any(|awaited| awaited.epoch >= closing.epoch);
            assert_eq!(awaits, expected.1 == Some(false), "{}, {me:?}", closing.name);
        }
    }
}
