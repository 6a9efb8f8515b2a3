//! When the peer counts as heard, and what it can and cannot do to hold us up.

use counterpart_core::fault::{Misconduct, Refusal};
use counterpart_core::ids::Epoch;
use counterpart_core::limits;
use counterpart_core::line::restore::{Restore, Why, Word};
use counterpart_core::line::turn::{Answer, Arrived, Input, Shown};
use counterpart_core::record::entry::Head;
use counterpart_core::record::log::Entry;
use counterpart_core::record::opening::EpochHeads;

use crate::meeting::World;
use crate::rig::{NORTH, SOUTH, Verdict};

/// North, restored to its index 0; South holds so many entries more of its log.
fn lost(entries: usize) -> World {
    let mut world = World::new();
    let backup = world.north.clone();
    for _ in 0..entries {
        world.north.writes().unwrap();
    }
    world.meet();
    world.north.restored(&backup, true);
    world
}

#[test]
fn a_peer_that_only_claims_to_hold_more_breaks_the_protocol_and_is_not_heard() {
    let mut world = lost(0);
    let claim = |heads: &mut EpochHeads| heads.heads[NORTH.slot()] = Head { size: 5, root: [9; 32] };

    let [north, _] = world.meet_claiming(claim);

    assert_eq!((north.misconduct, north.is_closed, north.heard), (vec![Misconduct::FalseClaim], true, false));
    assert_eq!(world.north.waits(), Restore::Peer);
    world.north.killed();
    world.meet();
    assert_eq!(world.north.waits(), Restore::Opening(Why::Restored));
}

#[test]
fn what_was_shown_and_is_not_ours_does_not_make_the_peer_heard_by_what_came_with_it() {
    let mut world = lost(1);
    let (bytes, _) = &world.south.store.logs[&(Epoch::FIRST, SOUTH)][0];
    let false_claim = Input::Shown(Shown { entry: Entry::read(bytes).unwrap(), body: None }.into());
    let named = world.south.line.spans().map(|span| span.heads()).collect::<Vec<_>>();

    let answers = world.north.turn(vec![false_claim, Input::Heard(named)]);

    assert_eq!(answers, [Answer::Misconduct(Misconduct::FalseClaim), Answer::LetGo]);
    assert_eq!((world.north.waits(), world.north.line.heard()), (Restore::Peer, false));
}

#[test]
fn a_peer_that_shows_more_than_is_kept_is_heard_when_the_rest_has_come() {
    let mut world = lost(0);
    let entries = world.north.continued(1, &[], 0, limits::SHOWN_MAX + 2);
    let mut edge = world.north.line.own().edge().clone();
    entries.iter().for_each(|entry| edge.push(entry.leaf));
    let head = Head { size: edge.size(), root: edge.root() };
    let shown = |entry: &Entry| Input::Shown(Shown { entry: entry.clone(), body: None }.into());
    let nothing = Head::empty();
    let named = || Input::Heard(vec![EpochHeads { epoch: Epoch::FIRST, heads: [head, nothing] }]);

    let answers = world.north.turn(entries.iter().map(shown).chain([named()]).collect());
    assert_eq!(answers[limits::SHOWN_MAX - 1..], [Answer::Kept, Answer::LetGo, Answer::LetGo, Answer::LetGo]);
    assert_eq!((world.north.waits(), world.north.line.heard()), (Restore::Judgement, false));
    assert_eq!(world.north.judges(&[1], Verdict::Take), limits::SHOWN_MAX);
    assert_eq!(world.north.waits(), Restore::Peer, "there is more of our log");
    let answers = world.north.turn(entries[limits::SHOWN_MAX..].iter().map(shown).chain([named()]).collect());

    assert_eq!(answers, [Answer::Kept, Answer::Kept, Answer::Held]);
    assert_eq!((world.north.waits(), world.north.line.heard()), (Restore::Judgement, true));
}

#[test]
fn a_peer_cannot_use_up_the_epochs_that_are_ours() {
    let mut world = World::new();
    for number in 0..limits::EPOCHS_OPENED_MAX {
        world.south.opens(4 + number as u8, Word::Dark).unwrap();
    }
    assert_eq!(world.south.opens(50, Word::Dark), Err(Refusal::TooManyEpochs));
    world.meet();
    assert_eq!(world.north.line.epoch().number, limits::EPOCHS_OPENED_MAX as u64);

    // Another copy of South, which knows of none of them, opens one more.
    let mut copy = World::new().south;
    let epoch = copy.opens(51, Word::Dark).unwrap();
    let (bytes, body) = copy.store.logs[&(epoch, SOUTH)][0].clone();
    let one_more = Arrived { entry: Entry::read(&bytes).unwrap(), body, verified_under: None };
    let answers = world.north.turn(vec![Input::Arrived(one_more.into())]);
    assert_eq!(answers, [Answer::Misconduct(Misconduct::WrongEpoch)]);

    world.north.opens(4, Word::Dark).unwrap();
    world.north.killed();
    world.goes_on();
}

#[test]
fn a_link_key_is_retired_only_while_it_is_in_force_and_the_next_epoch_stands_above_what_was_shown() {
    let mut world = lost(0);
    let link = world.north.line.keys(NORTH).link;

    assert!(world.north.line.retire(&link, 7));
    assert_eq!(world.north.waits(), Restore::Opening(Why::Retired), "nobody speaks to who proves a retired key");
    assert_eq!(world.north.opens(4, Word::Heard).unwrap().number, 8);

    assert!(!world.north.line.retire(&link, 7), "a conversation that began before the opening");
    assert_eq!(world.north.waits(), Restore::Nothing);
}
