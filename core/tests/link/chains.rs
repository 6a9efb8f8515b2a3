//! Stations that meet a link key which they do not know (`docs/protocol.md` §8.6).

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{Epoch, LineId, Party};
use counterpart_core::limits;
use counterpart_core::link::chain::{self, Chain, End, Output, Setup};
use counterpart_core::link::frame::Frame;
use counterpart_core::record::charter::Keys;
use counterpart_core::record::log::{Entry, key_grant};
use counterpart_core::record::opening::Opening;
use counterpart_core::record::sign1::{AAD_KEY, Sign, Strict, to_be_signed};
use counterpart_core::record::what::What;

use crate::rig::{Author, LINE, SECOND, hello, key, nothing, root_seed};

use Party::{Inviter as NORTH, Joiner as SOUTH};

fn link(party: Party) -> [u8; 32] {
    [100 + party.slot() as u8; 32]
}

fn charter(party: Party) -> Keys {
    let public = |seed| *key(seed).public().as_bytes();
    Keys { root: public(root_seed(party)), station: public(root_seed(party) + 1), link: link(party), word: [3; 32] }
}

fn author(party: Party) -> Author {
    Author::new(party, Epoch::FIRST, root_seed(party) + 1)
}

/// A `key` entry by `author` whose grant `root` signs.
fn changes(author: &mut Author, serial: u64, link: [u8; 32], root: u8) -> Entry {
    let seed = author.seed + 1;
    let keys = [*key(seed).public().as_bytes(), link, [2; 32]];
    let grant = to_be_signed(AAD_KEY, &key_grant(LINE, author.log.epoch(), serial, &keys));
    let what = What::Key { serial, keys, root: key(root).sign(&grant), proof: key(seed).sign(&grant) };
    let bytes = author.write(what, None, nothing());
    author.seed = seed;
    Entry::read(&bytes).unwrap()
}

fn opens(party: Party, epoch: Epoch, link: [u8; 32]) -> Entry {
    let mut author = Author::new(party, epoch, root_seed(party));
    let keys = [*key(root_seed(party) + 50).public().as_bytes(), link, [2; 32]];
    let what = What::Charter(Opening::Opened { keys, heads: Vec::new() }.write());
    Entry::read(&author.write(what, None, nothing())).unwrap()
}

/// What one station holds, and what it proved.
struct Side {
    held: [Vec<Entry>; 2],
    highest: [Epoch; 2],
    proved: [u8; 32],
}

impl Side {
    fn new(party: Party) -> Side {
        Side { held: [Vec::new(), Vec::new()], highest: [Epoch::FIRST; 2], proved: link(party) }
    }

    fn holds(mut self, party: Party, entries: &[Entry]) -> Side {
        self.held[party.slot()].extend_from_slice(entries);
        self.highest[party.slot()] = entries.last().unwrap().header.epoch;
        self
    }

    fn proves(self, link: [u8; 32]) -> Side {
        Side { proved: link, ..self }
    }
}

fn begin(sides: &[Side; 2], me: Party) -> (Chain, Vec<u8>) {
    let side = &sides[me.slot()];
    Chain::new(Setup {
        line: LINE,
        me,
        charter: Party::BOTH.map(charter),
        held: side.held.clone(),
        highest: side.highest,
        proved: [sides[0].proved, sides[1].proved],
        now_ms: 0,
    })
}

/// Steps both ends until both have closed. What each put out, and what each sent.
fn meet(sides: &[Side; 2]) -> ([Vec<Output>; 2], [Vec<Frame>; 2]) {
    let (north, first) = begin(sides, NORTH);
    let (south, other) = begin(sides, SOUTH);
    let mut ends = [north, south];
    let mut inboxes = [vec![other.clone()], vec![first.clone()]];
    let mut sent = [vec![Frame::decode(&first).unwrap()], vec![Frame::decode(&other).unwrap()]];
    let mut said = [Vec::new(), Vec::new()];
    while inboxes.iter().any(|inbox| !inbox.is_empty()) {
        for me in [0, 1] {
            for bytes in std::mem::take(&mut inboxes[me]) {
                for output in ends[me].frame(&bytes, &Strict) {
                    if let Output::Send(bytes) = &output {
                        sent[me].push(Frame::decode(bytes).unwrap());
                        inboxes[1 - me].push(bytes.clone());
                    }
                    said[me].push(output);
                }
            }
        }
    }
    (said, sent)
}

fn end(said: &[Output]) -> End {
    let ends: Vec<End> =
        said.iter().filter_map(|o| if let Output::Close(end) = o { Some(*end) } else { None }).collect();
    assert_eq!(ends.len(), 1, "{said:?}");
    ends[0]
}

fn vouched(said: &[Output]) -> Option<&Vec<Entry>> {
    said.iter().find_map(|o| if let Output::Vouched(chain) = o { Some(chain) } else { None })
}

fn retired(said: &[Output]) -> bool {
    said.iter().any(|o| matches!(o, Output::Retired { .. }))
}

#[test]
fn a_link_key_that_roots_charter_or_a_key_entry_names_is_taken_by_its_chain_alone() {
    let mut log = author(NORTH);
    let changed =
        vec![changes(&mut log, 1, [7; 32], root_seed(NORTH)), changes(&mut log, 2, [8; 32], root_seed(NORTH))];
    for own in [changed.clone(), vec![opens(NORTH, SECOND, [8; 32])]] {
        let north = Side::new(NORTH).holds(NORTH, &own).proves([8; 32]);

        let (said, _) = meet(&[north, Side::new(SOUTH)]);

        assert_eq!((end(&said[0]), end(&said[1])), (End::Taken, End::Taken));
        let bytes = |chain: &[Entry]| chain.iter().map(|e| e.bytes.clone()).collect::<Vec<_>>();
        assert_eq!(bytes(vouched(&said[1]).unwrap()), bytes(&own));
        assert!(vouched(&said[0]).is_none(), "South's key is the charter's");
    }
}

#[test]
fn two_stations_that_both_opened_an_epoch_take_each_others_keys() {
    let sides = [NORTH, SOUTH].map(|party| {
        let own = opens(party, SECOND, [50 + party.slot() as u8; 32]);
        Side::new(party).holds(party, &[own]).proves([50 + party.slot() as u8; 32])
    });

    let (said, _) = meet(&sides);

    assert!(said.iter().all(|said| vouched(said).is_some() && end(said) == End::Taken));
}

#[test]
fn a_stranger_is_shown_chains_and_an_answer_and_nothing_else() {
    let opened = opens(SOUTH, SECOND, link(SOUTH));
    let north = Side::new(NORTH).proves([66; 32]);
    let mut log = author(NORTH);
    let held = changes(&mut log, 1, [7; 32], root_seed(NORTH));
    let south = Side::new(SOUTH).holds(SOUTH, &[opened]).holds(NORTH, &[held]);

    let (said, sent) = meet(&[north, south]);

    assert_eq!((end(&said[0]), end(&said[1])), (End::Refused, End::Refused));
    assert!(vouched(&said[1]).is_none());
    assert!(matches!(sent[1][..], [Frame::Chain { .. }, Frame::Chain { party: NORTH, .. }, Frame::Answer(false)]));
}

#[test]
fn a_copy_set_back_to_before_its_change_of_keys_learns_that_its_link_key_is_retired() {
    let mut log = author(NORTH);
    let change = changes(&mut log, 1, [7; 32], root_seed(NORTH));
    let south = Side::new(SOUTH).holds(NORTH, &[change]);

    let (said, _) = meet(&[Side::new(NORTH), south]);

    assert!(retired(&said[0]));
    assert_eq!(end(&said[1]), End::Refused);
}

#[test]
fn a_copy_is_retired_also_above_what_it_lost_and_told_the_highest_epoch_of_either_chain() {
    // An earlier life of North opened 3/5; this one has opened 3/1 and 4/1 since, and South 4/9, which that life joined.
    let epoch = |number, id| Epoch { number, id: [id; 8] };
    let own = [opens(NORTH, epoch(3, 1), [31; 32]), opens(NORTH, epoch(4, 1), [41; 32])];
    let north = Side::new(NORTH).holds(NORTH, &own).proves([41; 32]);
    let theirs = [opens(SOUTH, epoch(4, 9), [49; 32])];
    let mut south = Side::new(SOUTH).holds(SOUTH, &theirs).holds(NORTH, &[opens(NORTH, epoch(3, 5), [35; 32])]);
    south.highest[NORTH.slot()] = epoch(4, 9);

    let (said, _) = meet(&[north, south.proves([49; 32])]);

    let told = said[0]
        .iter()
        .find_map(|o| if let Output::Retired { link, highest } = o { Some((*link, *highest)) } else { None });
    assert_eq!((told, end(&said[0])), (Some(([41; 32], 4)), End::Refused));
}

#[test]
fn a_copy_that_has_opened_above_what_it_lost_is_not_retired_by_what_it_lost() {
    // North has lost 3/5 and opened 4/1 since; South says that it does not know 4/1, and shows 3/5 again and again.
    let epoch = |number, id| Epoch { number, id: [id; 8] };
    let north = Side::new(NORTH).holds(NORTH, &[opens(NORTH, epoch(4, 1), [41; 32])]).proves([41; 32]);
    let mut south = Side::new(SOUTH).holds(NORTH, &[opens(NORTH, epoch(3, 5), [35; 32])]);
    south.highest[NORTH.slot()] = epoch(4, 9);

    let (said, _) = meet(&[north, south]);

    assert!(!retired(&said[0]));
}

#[test]
fn a_grant_that_we_hold_retires_nothing_though_an_ended_key_has_signed_it_anew() {
    // North has replaced its keys twice. Whoever has the first, which has ended, signs root's first grant once more.
    let mut log = author(NORTH);
    let root = root_seed(NORTH);
    let own = [changes(&mut log, 1, [7; 32], root), changes(&mut log, 2, [8; 32], root)];
    let mut ended = author(NORTH);
    drop(ended.memo("none"));
    let again = changes(&mut ended, 1, [7; 32], root);
    let north = |held: &[Entry]| Side::new(NORTH).holds(NORTH, held).proves([8; 32]);
    let south = |shown: &[Entry]| Side::new(SOUTH).holds(NORTH, shown);

    let (said, _) = meet(&[north(&own), south(std::slice::from_ref(&again))]);
    assert!(!retired(&said[0]));

    // A copy that lacks the second is told by the second.
    let copy = Side::new(NORTH).holds(NORTH, &own[..1]).proves([7; 32]);
    let (said, _) = meet(&[copy, south(&own)]);
    assert!(retired(&said[0]));
}

#[test]
fn a_stranger_cannot_tell_us_that_our_key_is_retired() {
    // South proves a key that nothing names, and shows North's true chain, of which North lacks the last.
    let mut log = author(NORTH);
    let change = changes(&mut log, 1, [7; 32], root_seed(NORTH));
    let south = Side::new(SOUTH).holds(NORTH, &[change]).proves([66; 32]);

    let (said, _) = meet(&[Side::new(NORTH), south]);

    assert!(!retired(&said[0]));
}

#[test]
fn a_key_of_another_line_that_the_peer_does_not_take_retires_none_of_this_one() {
    // North proves the fresh link key of another of its lines; South takes none but the charter's.
    let north = Side::new(NORTH).proves([77; 32]);

    let (said, _) = meet(&[north, Side::new(SOUTH)]);

    assert!(!retired(&said[0]));
    assert_eq!(end(&said[0]), End::Refused);
}

#[test]
fn an_older_chain_a_branch_and_a_jump_do_not_vouch() {
    let mut log = author(NORTH);
    let first = changes(&mut log, 1, [7; 32], root_seed(NORTH));
    let second = changes(&mut log, 2, [8; 32], root_seed(NORTH));
    let mut branch = author(NORTH);
    let other = changes(&mut branch, 3, [9; 32], root_seed(NORTH));
    let far = Epoch { number: limits::EPOCH_JUMP_MAX + 1, id: [1; 8] };
    let near = Epoch { number: limits::EPOCH_JUMP_MAX, id: [1; 8] };
    let meets = |shown: Vec<Entry>, proved: [u8; 32]| {
        let south = Side::new(SOUTH).holds(NORTH, &[first.clone(), second.clone()]);
        let north = Side::new(NORTH).holds(NORTH, &shown).proves(proved);
        vouched(&meet(&[north, south]).0[1]).is_some()
    };

    assert!(!meets(vec![first.clone()], [7; 32]), "older");
    // An ended key signs root's first grant anew, far beyond what is held.
    let mut ended = author(NORTH);
    (0..5).for_each(|_| drop(ended.memo("none")));
    let late = changes(&mut ended, 1, [7; 32], root_seed(NORTH));
    assert!(!meets(vec![late], [7; 32]), "beyond what is held");
    assert!(!meets(vec![other], [9; 32]), "a branch");
    assert!(!meets(vec![opens(NORTH, far, [9; 32])], [9; 32]), "too far");
    assert!(meets(vec![opens(NORTH, near, [9; 32])], [9; 32]), "a later epoch");
    let third = changes(&mut log, 3, [9; 32], root_seed(NORTH));
    assert!(meets(vec![first.clone(), second.clone(), third], [9; 32]), "an extension");
}

fn judged(shown: &[Entry]) -> Option<Misconduct> {
    let shown: Vec<Vec<u8>> = shown.iter().map(|e| e.bytes.clone()).collect();
    chain::read(LINE, NORTH, &charter(NORTH), &shown, &Strict).err()
}

#[test]
fn a_chain_is_read_only_as_root_and_the_keys_in_force_signed_it() {
    let root = root_seed(NORTH);
    let mut log = author(NORTH);
    let (first, second) = (changes(&mut log, 1, [7; 32], root), changes(&mut log, 2, [8; 32], root));
    assert_eq!(judged(&[first.clone(), second.clone()]), None);

    assert_eq!(judged(std::slice::from_ref(&second)), Some(Misconduct::BadSignature), "signed by a key not shown");
    assert_eq!(judged(&[second.clone(), first.clone()]).map(Misconduct::number), Some(1));
    assert_eq!(judged(&[first.clone(), first.clone()]), Some(Misconduct::WrongPlace));
    let by_another = changes(&mut author(NORTH), 1, [7; 32], root_seed(SOUTH));
    assert_eq!(judged(&[by_another]), Some(Misconduct::BadSignature));
    let again = changes(&mut log, 2, [9; 32], root);
    assert_eq!(judged(&[first.clone(), second, again]), Some(Misconduct::StaleGrant));
    let memo = Entry::read(&author(NORTH).memo("none")).unwrap();
    assert_eq!(judged(&[memo]), Some(Misconduct::WrongPlace));
    assert_eq!(judged(&[opens(SOUTH, SECOND, [7; 32])]), Some(Misconduct::WrongParty));
    let joined = What::Charter(Opening::Joined { heads: Vec::new(), restored: false }.write());
    let joined = Author::new(NORTH, SECOND, root + 1).write(joined, None, nothing());
    assert_eq!(judged(&[Entry::read(&joined).unwrap()]), Some(Misconduct::WrongPlace), "root did not sign it");
}

#[test]
fn no_bit_of_a_chain_can_be_changed() {
    let chains = [changes(&mut author(NORTH), 1, [7; 32], root_seed(NORTH)), opens(NORTH, SECOND, [7; 32])];
    for entry in chains {
        for bit in 0..entry.bytes.len() * 8 {
            let mut bytes = entry.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(chain::read(LINE, NORTH, &charter(NORTH), &[bytes], &Strict).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn a_chain_too_long_for_a_frame_begins_with_roots_last_charter() {
    let mut log = author(NORTH);
    let many = 1..=limits::CHAIN_MAX as u64;
    let mut own: Vec<Entry> = many.map(|serial| changes(&mut log, serial, [7; 32], root_seed(NORTH))).collect();
    log.seed = 0;
    own.push(opens(NORTH, SECOND, [8; 32]));
    let north = Side::new(NORTH).holds(NORTH, &own).proves([8; 32]);

    let (said, sent) = meet(&[north, Side::new(SOUTH)]);

    assert!(matches!(&sent[0][0], Frame::Chain { entries, .. } if entries.len() == 1));
    assert_eq!(end(&said[1]), End::Taken);
}

#[test]
fn what_comes_out_of_place_closes_and_silence_does_after_thirty_seconds() {
    let sides = || [Side::new(NORTH), Side::new(SOUTH)];
    let chain = |line, party| Frame::Chain { line, party, entries: Vec::new() }.encode().unwrap();
    let wrong: Vec<Vec<Vec<u8>>> = vec![
        vec![Frame::Answer(true).encode().unwrap()],
        vec![chain(LineId([1; 16]), NORTH)],
        vec![chain(LINE, SOUTH)],
        vec![chain(LINE, NORTH), chain(LINE, NORTH)],
        vec![chain(LINE, NORTH), chain(LINE, SOUTH), chain(LINE, SOUTH)],
        vec![hello(vec![]), hello(vec![])],
        vec![Frame::Entry { bytes: vec![1], body: None }.encode().unwrap()],
        vec![vec![0xff]],
    ];
    for frames in wrong {
        let (mut south, _) = begin(&sides(), SOUTH);
        let said: Vec<Output> = frames.iter().flat_map(|bytes| south.frame(bytes, &Strict)).collect();
        assert_eq!(end(&said), End::BadFrame, "{frames:02x?}");
        assert!(south.frame(&chain(LINE, NORTH), &Strict).is_empty());
    }

    let (mut south, _) = begin(&sides(), SOUTH);
    assert!(south.tick(south.next_tick() - 1).is_empty());
    assert_eq!(end(&south.tick(30_000)), End::Silent);
}

#[test]
fn a_hello_that_crossed_our_chain_is_let_go() {
    let sides = [Side::new(NORTH), Side::new(SOUTH)];
    let (mut south, _) = begin(&sides, SOUTH);
    let (_, first) = begin(&sides, NORTH);

    let mut said = south.frame(&hello(vec![crate::rig::heads(nothing(), nothing())]), &Strict);
    said.extend(south.frame(&first, &Strict));
    said.extend(south.frame(&Frame::Answer(true).encode().unwrap(), &Strict));

    assert_eq!(end(&said), End::Taken);
}
