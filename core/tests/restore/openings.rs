//! What a peer signs with its own root to open epochs: one that does not fit opens nothing and leaves nothing behind.

use counterpart_core::act::Act;
use counterpart_core::fault::{Misconduct, Refusal};
use counterpart_core::ids::Epoch;
use counterpart_core::line::restore::Word;
use counterpart_core::line::turn::{Answer, Arrived, Input};
use counterpart_core::record::codes::LineState;
use counterpart_core::record::entry::Head;
use counterpart_core::record::opening::Opening;
use counterpart_core::record::what::What;
use counterpart_core::time::Timestamp;

use crate::meeting::World;
use crate::rig::{NORTH, SOUTH};

#[test]
fn an_opening_that_cannot_begin_its_log_leaves_no_epoch_and_halts_nothing() {
    let mut world = World::new();
    let keys = [4, 5, 6].map(|number| *world.south.public(number).as_bytes());
    let opened = Opening::Opened { keys, heads: vec![] };
    let forged = (1..=100).map(|number| {
        // As if something stood before index 0.
        let own = Head { size: 0, root: [number; 32] };
        let epoch = Epoch { number: number.into(), id: [number; 8] };
        let entry = world.south.signed(0, (epoch, own), 1, What::Charter(opened.write()));
        Input::Arrived(Arrived { entry, body: None, verified_under: None }.into())
    });
    let before = world.north.line.spans().count();

    let answers = world.north.turn(forged.collect());

    assert!(answers.iter().all(|answer| *answer == Answer::Misconduct(Misconduct::WrongEpoch)), "{answers:?}");
    assert_eq!((world.north.line.spans().count(), world.north.line.halted()), (before, None));
    world.north.killed();
    assert_eq!((world.north.line.spans().count(), world.north.line.halted()), (before, None));
    world.goes_on();
}

#[test]
fn an_opening_that_fits_begins_its_epoch() {
    let mut world = World::new();
    let keys = [4, 5, 6].map(|number| *world.south.public(number).as_bytes());
    let what = What::Charter(Opening::Opened { keys, heads: vec![] }.write());
    let epoch = Epoch { number: 1, id: [9; 8] };
    let entry = world.south.signed(0, (epoch, Head::empty()), 1, what);

    let answers = world.north.turn(vec![Input::Arrived(Arrived { entry, body: None, verified_under: None }.into())]);

    assert!(matches!(answers[..], [Answer::Written(_)]), "{answers:?}");
    assert_eq!(world.north.line.spans().count(), 2);
}

#[test]
fn an_opening_that_names_a_head_of_ours_in_an_epoch_of_its_own_opens_nothing_and_we_go_on() {
    let mut world = World::new();
    let keys = [4, 5, 6].map(|number| *world.south.public(number).as_bytes());
    let what = What::Charter(Opening::Opened { keys, heads: vec![] }.write());
    let (epoch, nothing) = (Epoch { number: 1, id: [9; 8] }, Head::empty());
    let never = [Head { size: 5, root: [5; 32] }, Head { size: 0, root: [5; 32] }];
    let entries = never.map(|held| world.south.signed_seeing(held, 0, (epoch, nothing), 1, what.clone()));
    let arrived = |entry| Input::Arrived(Arrived { entry, body: None, verified_under: None }.into());

    let answers = world.north.turn(entries.map(arrived).into());

    assert!(answers.iter().all(|answer| *answer == Answer::Misconduct(Misconduct::WrongEpoch)), "{answers:?}");
    assert_eq!((world.north.line.spans().count(), world.north.line.halted()), (1, None));
    world.north.writes().unwrap();
    world.goes_on();
}

#[test]
fn a_joining_that_names_a_head_that_our_log_never_had_is_not_taken_and_we_go_on() {
    let mut world = World::new();
    let epoch = world.north.opens(4, Word::Dark).unwrap();
    let nothing = Head::empty();
    let never = Head { size: 1 << 50, root: [5; 32] };
    let what = What::Charter(Opening::Joined { heads: vec![], restored: false }.write());
    let entry = world.south.signed_seeing(never, 1, (epoch, nothing), 1, what);

    let answers = world.north.turn(vec![Input::Arrived(Arrived { entry, body: None, verified_under: None }.into())]);

    assert_eq!(answers, [Answer::Misconduct(Misconduct::HeadNeverOurs)]);
    for _ in 0..2 {
        assert_eq!(world.north.line.halted(), Some(Misconduct::HeadNeverOurs));
        assert_eq!(world.north.line.span(epoch).unwrap().peer().size(), 0);
        world.north.writes().unwrap();
        world.north.killed();
    }
}

#[test]
fn where_a_record_holds_a_joining_that_waits_for_what_never_was_an_act_is_refused_and_root_opens_another_epoch() {
    let mut world = World::new();
    let epoch = world.north.opens(4, Word::Dark).unwrap();
    let nothing = Head::empty();
    let what = What::Charter(Opening::Joined { heads: vec![], restored: false }.write());
    let entry = world.south.signed_seeing(Head { size: 1 << 50, root: [5; 32] }, 1, (epoch, nothing), 1, what);
    // As a version that did not judge it has kept it.
    world.north.store.logs.insert((epoch, SOUTH), vec![(entry.bytes, None)]);
    world.north.killed();

    assert_eq!(world.north.writes(), Err(Refusal::LineNotOpen));

    world.north.opens(7, Word::Dark).unwrap();
    world.north.writes().unwrap();
}

#[test]
fn who_joins_says_again_what_it_declared_of_the_line() {
    let mut world = World::new();
    world.north.act(Act::State { state: LineState::Suspended, until: None }).unwrap();
    world.south.act(Act::State { state: LineState::Maintenance, until: None }).unwrap();
    world.meet();

    world.south.opens(4, Word::Heard).unwrap();
    world.meet();

    let view = world.south.line.facts().all();
    assert_eq!(view.declared(NORTH), (LineState::Suspended, None));
    assert_eq!(view.declared(SOUTH), (LineState::Open, None), "whoever opens an epoch says itself how its station is");

    // What was said for a time that is over is not said again.
    world.south.act(Act::State { state: LineState::Suspended, until: Some(Timestamp(world.south.now + 5)) }).unwrap();
    world.meet();
    world.south.now += 10_000;
    world.north.opens(7, Word::Heard).unwrap();
    world.meet();
    assert_eq!(world.north.line.facts().all().declared(SOUTH), (LineState::Open, None));
}

#[test]
fn a_line_that_we_closed_is_closed_again_in_the_epoch_that_the_other_side_opens() {
    let mut world = World::new();
    world.north.act(Act::State { state: LineState::Closed, until: None }).unwrap();
    world.meet();

    world.south.opens(4, Word::Heard).unwrap();
    world.meet();

    for station in [&world.north, &world.south] {
        let closed = station.line.facts().all().line_closed().unwrap();
        assert_eq!((station.line.epoch().number, closed.party, closed.index), (1, NORTH, 1));
    }
}

#[test]
fn what_joins_an_epoch_is_sent_after_the_older_ones_from_which_its_key_is_learnt() {
    let mut world = World::new();
    let backup = world.south.clone();
    world.north.opens(4, Word::Heard).unwrap();
    world.meet();
    world.south.restored(&backup, true);
    let epoch = world.south.opens(9, Word::Dark).unwrap();
    // North joins, and is cut off before it has sent that.
    world.north.turn(vec![world.south.sends(epoch, SOUTH, 0)]);
    world.north.killed();

    let [north, south] = world.meet();

    assert_eq!((north.misconduct, south.misconduct), (vec![], vec![]));
    world.goes_on();
    assert_eq!(world.south.line.epoch(), epoch);
}

#[test]
fn a_log_that_joined_has_the_same_key_after_a_start_whatever_its_charter_names_and_what_came_since() {
    // South renews its key before it joins, and names its log as it was before that; or after, and names nothing.
    for (is_renewed, number) in [(true, 4), (false, 1)] {
        let mut world = World::new();
        let before = world.north.line.span(Epoch::FIRST).unwrap().heads();
        let grant = world.south.grant(4);
        world.south.signs_by_hand(1, grant);
        let renewal = world.south.sends(Epoch::FIRST, SOUTH, 1);
        if is_renewed {
            world.north.turn(vec![renewal.clone()]);
        }
        let epoch = world.north.opens(4, Word::Dark).unwrap();
        let heads = if is_renewed { vec![before] } else { vec![] };
        let what = What::Charter(Opening::Joined { heads, restored: false }.write());
        let entry = world.south.signed(number, (epoch, Head::empty()), 1, what);
        let joining = Input::Arrived(Arrived { entry, body: None, verified_under: None }.into());

        let answers = world.north.turn(vec![joining, renewal]);

        assert!(matches!(answers[0], Answer::Written(_)), "{answers:?}");
        assert_eq!(world.north.size(Epoch::FIRST, SOUTH), 2);
        assert_eq!(world.north.line.peer().key(), world.south.public(number));
        world.north.killed();
        assert_eq!(world.north.line.peer().key(), world.south.public(number));
    }
}
