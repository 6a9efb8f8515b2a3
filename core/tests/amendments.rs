//! Amendments: which may be proposed, and what becomes of a line whose rules this software lacks (`docs/protocol.md` §5.4).

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod pair;

use counterpart_core::act::{Act, Target};
use counterpart_core::fault::{Bar, Refusal};
use counterpart_core::ids::{EntryRef, Party};
use counterpart_core::line::facts::Standing;
use counterpart_core::precedence::Precedence;
use counterpart_core::record::charter::Charter;
use counterpart_core::record::entry::Header;
use counterpart_core::record::log::Entry;
use counterpart_core::record::what::What;
use pair::{MINUTE, NORTH, Pair, SOUTH, ask, charter};

/// Writes an `amend` into its author's own line, as software that can would, and carries it over.
fn amend(
    pair: &mut Pair,
    author: Party,
    number: u64,
    proposal: Option<EntryRef>,
    charter: Option<Charter>,
) -> Standing {
    let bytes = pair.forge(author, |header| {
        header.refers = proposal;
        header.what = Ok(What::Amend { number, charter: charter.map(|c| c.encode()) });
    });
    keep(pair, author, bytes)
}

fn keep(pair: &mut Pair, author: Party, bytes: Vec<u8>) -> Standing {
    let entry = Entry::read(&bytes).unwrap();
    let standing = pair.lines[author.slot()].reload(&entry).unwrap();
    pair.sent[author.slot()].push((bytes, None));
    pair.carry();
    assert_eq!(pair.standing(author.peer(), entry.header.at()), standing, "both sides judge alike");
    standing
}

fn of_version(version: u64) -> Charter {
    Charter { version, ..charter() }
}

const VOID: Standing = Standing::Void(Bar::AmendMismatch);

#[test]
fn a_proposal_of_rules_that_this_software_lacks_counts_and_so_does_its_countersignature() {
    let mut pair = Pair::new();

    let proposed = amend(&mut pair, SOUTH, 1, None, Some(of_version(2)));
    let before = pair.ask(NORTH, ask(Precedence::Routine));
    pair.carry();
    let countersigned = amend(&mut pair, NORTH, 1, Some(EntryRef { party: SOUTH, index: 1 }), None);

    assert_eq!((proposed, countersigned), (Standing::Counts, Standing::Counts));
    assert!(before.is_ok(), "a proposal alone changes nothing");
}

#[test]
fn under_rules_that_it_lacks_a_station_writes_nothing_new_and_what_comes_is_kept_without_effect() {
    let mut pair = Pair::new();
    let old = pair.act(NORTH, ask(Precedence::Routine));
    pair.carry();
    amend(&mut pair, SOUTH, 1, None, Some(of_version(2)));
    amend(&mut pair, NORTH, 1, Some(EntryRef { party: SOUTH, index: 1 }), None);

    assert_eq!(pair.ask(NORTH, ask(Precedence::Routine)), Err(Refusal::LacksRules(2)));
    assert_eq!(pair.lines[0].would(&Act::Memo, None, charter_time()), Err(Refusal::LacksRules(2)));
    let state = |header: &mut Header| {
        let state = counterpart_core::record::codes::LineState::Closed;
        header.what = Ok(What::State { state, until: None });
    };
    let bytes = pair.forge(SOUTH, state);
    assert_eq!(keep(&mut pair, SOUTH, bytes), Standing::Unknown);
    assert_eq!(pair.view(NORTH).line_closed(), None, "what it does is not known here");
    // What was opened under the first charter is judged by it for life.
    pair.act(SOUTH, Act::Answer { on: Target::Latest(old) });
    pair.carry();
    assert_eq!(pair.outcome(NORTH, old), "ANSWERED");
    pair.pass(MINUTE);
}

#[test]
fn a_proposal_takes_the_next_number_and_no_other() {
    let mut pair = Pair::new();
    let propose = |pair: &mut Pair, author, number| amend(pair, author, number, None, Some(charter()));

    assert_eq!(propose(&mut pair, SOUTH, u64::MAX), VOID);
    assert_eq!(propose(&mut pair, SOUTH, 2), VOID);
    assert_eq!(propose(&mut pair, SOUTH, 0), VOID);
    assert_eq!(propose(&mut pair, SOUTH, 1), Standing::Counts);
    assert_eq!(propose(&mut pair, NORTH, 1), VOID, "it has seen number 1");
    assert_eq!(propose(&mut pair, NORTH, 2), Standing::Counts, "an unanswered proposal blocks none");
    assert_eq!(propose(&mut pair, SOUTH, 3), Standing::Counts);
}

#[test]
fn a_side_has_at_most_sixty_four_proposals_that_wait() {
    let mut pair = Pair::new();
    let propose = |pair: &mut Pair, author, number| amend(pair, author, number, None, Some(charter()));

    for number in 1..=64 {
        assert_eq!(propose(&mut pair, SOUTH, number), Standing::Counts);
    }
    assert_eq!(propose(&mut pair, SOUTH, 65), VOID);
    assert_eq!(propose(&mut pair, NORTH, 65), Standing::Counts, "the other side's are its own");
    let last = EntryRef { party: SOUTH, index: 64 };
    assert_eq!(amend(&mut pair, NORTH, 64, Some(last), None), Standing::Counts);
    assert_eq!(propose(&mut pair, SOUTH, 66), Standing::Counts);
}

#[test]
fn proposals_that_cross_have_one_number_and_the_next_is_free() {
    let mut pair = Pair::new();
    let mut forge = |author| {
        pair.forge(author, |header| {
            header.what = Ok(What::Amend { number: 1, charter: Some(charter().encode()) });
        })
    };
    let crossing = [forge(NORTH), forge(SOUTH)];
    for (party, bytes) in Party::BOTH.into_iter().zip(crossing) {
        pair.lines[party.slot()].reload(&Entry::read(&bytes).unwrap()).unwrap();
        pair.sent[party.slot()].push((bytes, None));
    }
    pair.carry();

    for party in Party::BOTH {
        let standing = amend(&mut pair, party, 1, Some(EntryRef { party: party.peer(), index: 1 }), None);
        assert_eq!(standing, Standing::Counts);
    }
    assert_eq!(amend(&mut pair, NORTH, 2, None, Some(charter())), Standing::Counts);
}

#[test]
fn a_charter_that_changes_line_or_root_is_no_amendment() {
    let mut pair = Pair::new();
    let mut other = charter();
    other.parties[1].keys.root = [1; 32];

    assert_eq!(amend(&mut pair, SOUTH, 1, None, Some(other)), VOID);
}

#[test]
fn a_ready_can_be_taken_up_as_long_as_the_charter_of_its_ask_says() {
    let mut pair = Pair::new();
    let old = pair.act(NORTH, ask(Precedence::Routine));
    pair.carry();
    amend(&mut pair, SOUTH, 1, None, Some(Charter { recall_s: 60, ..charter() }));
    amend(&mut pair, NORTH, 1, Some(EntryRef { party: SOUTH, index: 1 }), None);
    let new = pair.act(NORTH, ask(Precedence::Routine));
    pair.carry();

    let minutes = [old, new].map(|request| {
        let ready = pair.act(SOUTH, Act::Ready { on: Target::Latest(request) });
        (pair.view(SOUTH).fact(ready).unwrap().deadline.unwrap().0 - pair.now) / MINUTE
    });
    assert_eq!(minutes, [15, 1]);
}

fn charter_time() -> counterpart_core::time::Timestamp {
    counterpart_core::time::Timestamp(pair::START)
}
