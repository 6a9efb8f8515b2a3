//! A lying peer and somebody who has an ended station key of ours: what they sign in our name and keep back changes nothing that was
//! settled, stops nothing, and is read after a start as it was before.

use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::line::epoch::Ended;
use counterpart_core::line::restore::{Judgement, Restore, Why, Word};
use counterpart_core::line::turn::Answer;
use counterpart_core::record::entry::{Head, Header};
use counterpart_core::record::log::Entry;
use counterpart_core::record::opening::{EpochHeads, Opening};
use counterpart_core::record::sign1::{AAD_ENTRY, seal};
use counterpart_core::record::what::What;
use counterpart_core::time::Timestamp;

use crate::meeting::World;
use crate::rig::{NORTH, SOUTH, START, Station, head_of, key};

const BROKEN_OFF: (&str, Option<Ended>) = ("BROKEN OFF", Some(Ended::Settled));

fn heads(station: &Station, epoch: Epoch) -> EpochHeads {
    station.line.span(epoch).unwrap().heads()
}

/// What became of an ask in the first epoch, and whether that is settled; the same after a start.
fn reads(station: &Station, ask: EntryRef) -> (&'static str, Option<Ended>) {
    let of = |station: &Station| {
        (station.outcome(Epoch::FIRST, ask), station.line.look(Epoch::FIRST).unwrap().ended(), station.line.awaited())
    };
    let mut started = station.clone();
    started.killed();
    assert_eq!(of(station), of(&started));
    let (outcome, ended, _) = of(station);
    (outcome, ended)
}

fn first_entry(station: &Station, epoch: Epoch) -> Entry {
    station.store.log(epoch, station.me).swap_remove(0)
}

/// What South opens, naming this.
fn opened(south: &Station, epoch: Epoch, heads: Vec<EpochHeads>) -> Entry {
    let keys = [30, 31, 32].map(|number| *south.public(number).as_bytes());
    south.signed(0, (epoch, Head::empty()), 1, What::Charter(Opening::Opened { keys, heads }.write()))
}

/// What this key signs to join an epoch that begins so, naming this.
fn joined(station: &Station, key: u8, opening: &Entry, heads: Vec<EpochHeads>) -> Entry {
    let what = What::Charter(Opening::Joined { heads, restored: false }.write());
    station.signed_seeing(head_of([opening]), key, (opening.header.epoch, Head::empty()), 99, what)
}

/// An ask of North's that South declines, which North is not told of before it has opened an epoch.
struct Late {
    world: World,
    ask: EntryRef,
    /// What North holds of the first epoch, and the same with the declining.
    heads: [EpochHeads; 2],
    declined: Entry,
}

fn late() -> Late {
    let mut world = World::new();
    let ask = world.north.asks();
    world.meet();
    let mut other = world.south.clone();
    other.declines(ask);
    let declined = other.store.log(Epoch::FIRST, SOUTH).pop().unwrap();
    let heads = [&world.north, &other].map(|station| heads(station, Epoch::FIRST));
    Late { world, ask, heads, declined }
}

/// What these name of the epoch that they begin.
fn whole([ours, theirs]: [&Entry; 2]) -> EpochHeads {
    EpochHeads { epoch: theirs.header.epoch, heads: [head_of([ours]), head_of([theirs])] }
}

#[test]
fn another_joining_of_an_epoch_that_we_have_joined_and_the_peer_names_changes_nothing_that_was_settled() {
    let Late { mut world, ask, heads: [first, with_declined], declined } = late();
    let lower = world.south.opens(20, Word::Heard).unwrap();
    let opening = first_entry(&world.south, lower);
    world.north.takes(&opening);
    assert_eq!((world.north.line.epoch(), world.north.size(lower, NORTH)), (lower, 1));
    let serving = world.north.opens(7, Word::Dark).unwrap();
    let forged = joined(&world.north, 1, &opening, vec![with_declined]);
    let joining =
        joined(&world.south, 20, &first_entry(&world.north, serving), vec![first, whole([&forged, &opening])]);
    world.north.takes(&joining);
    assert_eq!(reads(&world.north, ask), BROKEN_OFF);

    world.north.takes(&declined);
    assert_eq!(world.north.is_shown(&[forged]), [Answer::Kept]);

    assert_eq!(reads(&world.north, ask), BROKEN_OFF);
}

#[test]
fn whoever_takes_another_joining_than_the_one_that_is_named_changes_nothing_that_was_settled() {
    let Late { mut world, ask, heads: [first, with_declined], declined } = late();
    let serving = world.north.opens(7, Word::Dark).unwrap();
    let opening = opened(&world.south, Epoch { number: 1, id: [1; 8] }, vec![first]);
    assert!(opening.header.epoch < serving);
    let [named, other] = [first, with_declined].map(|heads| joined(&world.north, 1, &opening, vec![heads]));
    let joining = vec![first, whole([&named, &opening])];
    world.north.takes(&joined(&world.south, 1, &first_entry(&world.north, serving), joining));
    world.north.takes(&opening);
    world.north.takes(&declined);
    assert_eq!(world.north.is_shown(&[named, other]), [Answer::Kept; 2]);
    assert_eq!(reads(&world.north, ask), BROKEN_OFF);

    let part = world.north.line.shown()[1].part();
    assert_eq!(world.north.says(&Judgement { take: vec![part], refuse: vec![] }), Ok(1));

    assert_eq!(reads(&world.north, ask), BROKEN_OFF);
}

#[test]
fn nothing_is_settled_as_long_as_a_branch_could_come_that_only_a_joining_of_another_life_names() {
    let Late { mut world, ask, heads: [first, _], .. } = late();
    world.north.writes().unwrap();
    let serving = world.north.opens(7, Word::Dark).unwrap();
    let header = Header { refers: Some(ask), ..first_entry(&world.north, Epoch::FIRST).header };
    let header = Header {
        own: first.of(NORTH),
        held: first.of(SOUTH),
        time: Timestamp(START + 9),
        what: Ok(What::Withdraw),
        ..header
    };
    let forged = Entry::read(&seal(AAD_ENTRY, &header.encode(), &key(NORTH, 1))).unwrap();
    let mut log = world.south.store.log(Epoch::FIRST, NORTH);
    log.push(forged.clone());
    let mut beyond = first;
    beyond.heads[NORTH.slot()] = head_of(&log);
    let opening = opened(&world.south, Epoch { number: 1, id: [1; 8] }, vec![first]);
    assert!(opening.header.epoch < serving);
    let joining = joined(&world.north, 1, &opening, vec![beyond]);
    let named = vec![first, whole([&joining, &opening])];
    world.north.takes(&joined(&world.south, 1, &first_entry(&world.north, serving), named));
    world.north.takes(&opening);
    assert_eq!(world.north.is_shown(&[joining]), [Answer::Kept]);
    assert_eq!(reads(&world.north, ask), ("BROKEN OFF", Some(Ended::Unsettled)));

    assert_eq!(world.north.is_shown(&[forged]), [Answer::Kept]);

    assert_eq!(reads(&world.north, ask), ("WITHDRAWN", Some(Ended::Settled)));
}

#[test]
fn an_epoch_of_ours_whose_log_a_joining_of_another_life_names_otherwise_may_still_close_others() {
    let Late { mut world, ask, heads: [first, with_declined], declined } = late();
    let passed = world.north.opens(4, Word::Dark).unwrap();
    world.north.writes().unwrap();
    let (ours, begun) = (heads(&world.north, passed), first_entry(&world.north, passed));
    let serving = world.north.opens(7, Word::Dark).unwrap();
    let late = joined(&world.south, 1, &begun, vec![with_declined]);
    let forged = world.north.signed(4, (passed, head_of([&begun])), 77, What::Received);
    let other = EpochHeads { epoch: passed, heads: [head_of([&begun, &forged]), head_of([&late])] };
    let opening = opened(&world.south, Epoch { number: 1, id: [99; 8] }, vec![first]);
    assert!(passed < opening.header.epoch && opening.header.epoch < serving);
    let joining = joined(&world.north, 4, &opening, vec![first, other]);
    let named = vec![first, ours, whole([&joining, &opening])];
    world.north.takes(&joined(&world.south, 1, &first_entry(&world.north, serving), named));
    world.north.takes(&opening);
    assert_eq!(world.north.is_shown(&[joining]), [Answer::Kept]);
    assert_eq!(reads(&world.north, ask), ("BROKEN OFF", Some(Ended::Unsettled)));

    world.north.takes(&declined);
    world.north.takes(&late);
    assert_eq!(world.north.is_shown(&[forged]), [Answer::Kept]);

    assert_eq!(reads(&world.north, ask), ("DECLINED", Some(Ended::Settled)));
}

#[test]
fn a_joining_by_an_ended_key_that_was_shown_before_ours_stops_nothing_and_is_read_by_every_start() {
    let mut world = World::new();
    world.north.opens(4, Word::Dark).unwrap();
    world.meet();
    let named = world.north.line.spans().map(|span| span.heads()).collect();
    let opening = opened(&world.south, Epoch { number: 2, id: [99; 8] }, named);
    let forged = joined(&world.north, 1, &opening, vec![]);
    assert_eq!(world.north.is_shown(std::slice::from_ref(&forged)), [Answer::Kept]);

    world.north.takes(&opening);
    world.north.killed();

    assert_eq!((world.north.line.epoch(), world.north.waits()), (opening.header.epoch, Restore::Nothing));
    assert_eq!(world.north.is_shown(&[forged]), [Answer::Held]);
    assert!(world.north.writes().is_ok());
}

#[test]
fn what_joins_an_ended_epoch_and_names_of_our_log_what_never_was_counts_alike_before_and_after_a_start() {
    let Late { mut world, heads: [first, _], .. } = late();
    let passed = world.north.opens(4, Word::Dark).unwrap();
    let (mut ours, begun) = (heads(&world.north, passed), first_entry(&world.north, passed));
    let serving = world.north.opens(7, Word::Dark).unwrap();
    let what = What::Charter(Opening::Joined { heads: vec![first], restored: false }.write());
    let never = Head { size: 1, root: [9; 32] };
    let late = world.south.signed_seeing(never, 1, (passed, Head::empty()), 1, what);
    ours.heads[SOUTH.slot()] = head_of([&late]);
    world.north.takes(&joined(&world.south, 1, &first_entry(&world.north, serving), vec![first, ours]));
    world.north.takes(&late);
    let read = |station: &Station| {
        let view = station.line.look(passed).unwrap();
        (Party::BOTH.map(|party| view.cut().size(party)), view.ended())
    };
    let settled = ([1, 1], Some(Ended::Settled));
    assert_eq!(read(&world.north), settled);

    // An epoch in which anything was shown is folded anew at a start.
    let forged = world.north.signed(4, (passed, head_of([&begun])), 77, What::Received);
    assert_eq!(world.north.is_shown(&[forged]), [Answer::Kept]);
    assert_eq!(read(&world.north), settled);
    world.north.killed();

    assert_eq!(read(&world.north), settled);
}

#[test]
fn what_the_peer_wrote_in_sight_of_a_branch_by_an_ended_key_where_we_sign_is_answered_by_an_epoch_that_root_opens() {
    let mut world = World::new();
    let grant = world.north.grant(4);
    let thief = world.north.clone();
    world.north.signs_by_hand(1, grant);
    world.north.writes().unwrap();
    let branch = thief.continued(1, &[], 10, 1);
    world.north.is_shown(&branch);
    assert_eq!(world.north.waits(), Restore::Nothing, "a branch by an ended key stops nothing");
    let mut log = thief.store.log(Epoch::FIRST, NORTH);
    log.extend(branch);
    let own = (Epoch::FIRST, heads(&world.south, Epoch::FIRST).of(SOUTH));
    let first = world.south.signed_seeing(head_of(&log), 1, own, 5, What::Received);
    world.north.takes(&first);
    // What it writes then in sight of our own log stands behind that.
    let ours = heads(&world.north, Epoch::FIRST).of(NORTH);
    let mut theirs = world.south.store.log(Epoch::FIRST, SOUTH);
    theirs.push(first);
    world.north.takes(&world.south.signed_seeing(ours, 1, (Epoch::FIRST, head_of(&theirs)), 6, What::Received));
    for _ in 0..2 {
        assert_eq!(world.north.waits(), Restore::Opening(Why::Branch));
        assert!(world.north.writes().is_err());
        world.north.killed();
    }
    world.north.opens(7, Word::Heard).unwrap();
    assert_eq!(world.north.waits(), Restore::Nothing);
    world.north.writes().unwrap();
}
