//! What a person takes or refuses of what the peer shows.

use counterpart_core::fault::Refusal;
use counterpart_core::ids::Epoch;
use counterpart_core::line::restore::{Judgement, Part, Restore, Why, Word};
use counterpart_core::record::log::Entry;
use counterpart_core::record::what::What;

use crate::meeting::World;
use crate::rig::{NORTH, Verdict};

/// North has opened an epoch, by which its first station key has ended; whoever has that key writes on in the first epoch, and
/// South takes it, as it would take North's own.
fn with_a_thief_of_the_ended_key() -> World {
    let mut world = World::new();
    let thief = world.north.clone();
    world.north.opens(4, Word::Dark).unwrap();
    let mut copy = World { north: thief, south: world.south.clone() };
    copy.north.writes().unwrap();
    copy.meet();
    world.south = copy.south;
    world.meet();
    world
}

#[test]
fn what_was_refused_stays_refused_after_a_start_and_is_not_taken_by_a_later_word() {
    let mut world = with_a_thief_of_the_ended_key();
    assert!(world.north.line.awaits_judgement());

    assert_eq!(world.north.judges(&[1, 4], Verdict::Refuse), 0);
    world.north.killed();
    world.meet();

    let parts = world.north.line.shown().iter().map(|part| (part.refused, part.waits)).collect::<Vec<_>>();
    assert_eq!(parts, [(true, false)]);
    assert!(!world.north.line.awaits_judgement());
    let refused = world.north.line.shown()[0].part();
    let taken = world.north.says(&Judgement { take: vec![refused], refuse: vec![] });
    assert_eq!(taken, Err(Refusal::PartNotWaiting));
    assert_eq!(world.north.size(Epoch::FIRST, NORTH), 1);
}

#[test]
fn a_part_that_has_grown_since_the_person_looked_is_taken_as_far_as_they_saw_it() {
    let mut world = World::new();
    let backup = world.north.clone();
    for _ in 0..3 {
        world.north.writes().unwrap();
    }
    let whole = world.north.clone();
    world.meet();
    world.north.restored(&backup, true);
    let grown = world.south.clone();
    let shorter = {
        let mut two = whole;
        two.store.logs.get_mut(&(Epoch::FIRST, NORTH)).unwrap().truncate(3);
        two.killed();
        let mut other = World { north: two, south: World::new().south };
        other.meet();
        other.south
    };
    world.south = shorter;
    world.meet();
    let seen = world.north.line.shown().iter().map(|part| part.part()).collect::<Vec<_>>();
    world.south = grown;
    world.meet();

    let seen = Judgement { take: seen, refuse: vec![] };
    assert_eq!(world.north.says(&seen), Ok(2));
    world.north.killed();

    assert_eq!(world.north.size(Epoch::FIRST, NORTH), 3);
    assert_eq!(world.north.waits(), Restore::Judgement, "the third entry was not seen");
    assert_eq!(world.north.opens_with(4, Word::Dark, seen), Err(Refusal::PartNotWaiting), "it was taken before");
    assert_eq!(world.north.opens(4, Word::Dark), Err(Refusal::AwaitsJudgement));
    assert_eq!(world.north.judges(&[1], Verdict::Take), 1);
    world.meet();
    assert_eq!(world.north.waits(), Restore::Opening(Why::Restored));
}

#[test]
fn a_persons_word_that_the_peer_is_dark_opens_nothing_over_what_is_not_judged_also_after_a_start() {
    let mut world = World::new();
    let backup = world.north.clone();
    world.north.writes().unwrap();
    world.meet();
    world.north.restored(&backup, true);
    world.meet();
    world.north.killed();

    assert_eq!(world.north.opens(4, Word::Dark), Err(Refusal::AwaitsJudgement));

    let judgement = world.north.judgement(&[1], Verdict::Take);
    assert_eq!(world.north.opens_with(4, Word::Heard, judgement.clone()), Err(Refusal::AwaitsPeer));
    world.north.opens_with(4, Word::Dark, judgement).unwrap();
    world.goes_on();
    assert_eq!(world.north.size(Epoch::FIRST, NORTH), 2);
}

#[test]
fn a_refused_part_that_the_peers_charter_names_reads_alike_on_both_sides() {
    let mut world = World::new();
    let thief = world.north.clone();
    let mut copy = World { north: thief, south: world.south.clone() };
    let ask = copy.north.asks();
    copy.meet();
    world.south = copy.south;
    world.north.opens(4, Word::Dark).unwrap();
    world.meet();

    world.north.judges(&[1, 4], Verdict::Refuse);
    world.meet();
    world.north.killed();
    world.south.killed();

    let read = |station: &crate::rig::Station| station.outcome(Epoch::FIRST, ask);
    assert_eq!((read(&world.north), read(&world.south)), ("BROKEN OFF", "BROKEN OFF"));
    world.goes_on();
}

/// North has replaced its keys by a `key` entry; whoever has the key that this ended has put an entry in its place, and root's grant,
/// which everyone may read, on top of that. South holds that copy of North's log.
fn with_a_grant_shown_again(north_holds_its_own: bool) -> World {
    let mut world = World::new();
    let mut thief = world.north.clone();
    let grant = world.north.grant(4);
    thief.signs_by_hand(1, What::Received);
    thief.signs_by_hand(1, grant.clone());
    let mut copy = World { north: thief, south: World::new().south };
    copy.meet();
    if north_holds_its_own {
        world.north.signs_by_hand(1, grant);
        world.north.writes().unwrap();
    } else {
        let backup = world.north.clone();
        world.north.restored(&backup, true);
    }
    world.south = copy.south;
    world
}

#[test]
fn roots_grant_shown_again_on_top_of_what_an_ended_key_made_does_not_make_it_ours() {
    let mut world = with_a_grant_shown_again(false);
    world.meet();

    assert_eq!(world.north.waits(), Restore::Judgement);
    assert_eq!(world.north.judges(&[1, 4], Verdict::Refuse), 0);

    assert_eq!(world.north.size(Epoch::FIRST, NORTH), 1);
    assert!(world.north.line.shown().iter().all(|part| part.refused && part.signer == world.north.public(1)));
}

#[test]
fn a_branch_by_an_ended_key_stops_nothing_also_once_the_peer_has_named_more() {
    let mut world = with_a_grant_shown_again(true);
    let south = World::new().south;
    world.meet();
    assert!(world.north.line.shown().iter().any(|part| part.branch));
    assert_eq!(world.north.waits(), Restore::Nothing);

    // An honest South, which holds what North has signed, names it.
    world.south = south;
    world.meet();
    world.south.writes().unwrap();
    world.meet();
    world.north.killed();

    assert_eq!(world.north.line.own().from(), 3, "less of our log can be told of");
    assert_eq!(world.north.waits(), Restore::Nothing);
}

#[test]
fn what_another_key_of_ours_has_signed_on_top_of_what_is_refused_is_asked_about_again() {
    let mut world = World::new();
    let backup = world.north.clone();
    let grant = world.north.grant(4);
    world.north.signs_by_hand(1, grant);
    world.north.writes().unwrap();
    world.meet();
    world.north.restored(&backup, true);
    world.meet();
    let whole = world.north.line.shown()[0].part();
    let first =
        Part { head: Entry::read(&world.south.store.logs[&(Epoch::FIRST, NORTH)][2].0).unwrap().header.own, ..whole };

    // The person saw the first of the two, which an ended key signed.
    assert_eq!(world.north.says(&Judgement { take: vec![], refuse: vec![first] }), Ok(0));
    world.north.killed();

    assert_eq!(world.north.waits(), Restore::Judgement);
    assert_eq!(world.north.judges(&[1, 4], Verdict::Refuse), 2, "no ended key signed the whole");
}
