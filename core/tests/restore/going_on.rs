//! Copies, dark peers and forks: the line goes on, and nothing that either side held is lost.

use counterpart_core::fault::{Misconduct, Refusal};
use counterpart_core::ids::Epoch;
use counterpart_core::line::epoch::Ended;
use counterpart_core::line::restore::{Restore, Why, Word};
use counterpart_core::line::turn::Answer;
use counterpart_core::record::log::Entry;

use crate::meeting::World;
use crate::rig::{NORTH, SOUTH, Station, Verdict};

/// North wrote one entry before the backup and one after it; South holds both.
fn restored(marked: bool) -> World {
    let mut world = World::new();
    world.north.writes().unwrap();
    world.meet();
    let backup = world.north.clone();
    world.north.writes().unwrap();
    world.meet();
    world.north.restored(&backup, marked);
    world
}

#[test]
fn a_restored_copy_hears_its_peer_takes_back_what_it_lost_and_goes_on() {
    let mut world = restored(true);
    assert_eq!((world.north.waits(), world.north.writes()), (Restore::Peer, Err(Refusal::Restored)));

    world.meet();
    assert_eq!(world.north.waits(), Restore::Judgement);
    world.north.killed();
    assert_eq!(world.north.waits(), Restore::Judgement);
    world.meet();
    assert_eq!(world.north.judges(&[1], Verdict::Take), 1);
    world.north.killed();
    world.meet();
    assert_eq!(world.north.waits(), Restore::Opening(Why::Restored));
    world.north.opens(4, Word::Heard).unwrap();
    world.north.killed();

    world.goes_on();
    assert_eq!((world.north.size(Epoch::FIRST, NORTH), world.south.size(Epoch::FIRST, NORTH)), (3, 3));
}

#[test]
fn a_dark_peer_that_returns_after_an_opening_gives_back_what_it_held_and_nothing_is_held_up() {
    let mut world = restored(true);
    world.north.opens(4, Word::Dark).unwrap();
    world.meet();

    let waits = world.north.line.shown().iter().map(|part| (part.epoch, part.from, part.waits)).collect::<Vec<_>>();
    assert_eq!(waits, [(Epoch::FIRST, 2, true)]);
    assert!(world.north.line.awaits_judgement());
    assert_eq!(world.north.waits(), Restore::Nothing);
    world.north.killed();
    assert!(world.north.line.awaits_judgement());
    world.north.writes().unwrap();
    assert_eq!(world.north.judges(&[1, 4], Verdict::Take), 1);
    world.north.killed();

    assert!(!world.north.line.awaits_judgement() && world.north.line.shown().is_empty());
    assert_eq!(world.north.waits(), Restore::Nothing);
    world.goes_on();
    assert_eq!(world.north.size(Epoch::FIRST, NORTH), 3);
}

#[test]
fn who_signed_on_from_an_old_copy_learns_of_the_branch_and_knows_it_after_every_start() {
    let mut world = restored(false);
    world.north.writes().unwrap();

    world.meet();

    assert_eq!(world.south.line.halted(), None, "it was shown the branch before it wrote on");
    for _ in 0..2 {
        assert_eq!(world.north.waits(), Restore::Opening(Why::Branch));
        assert_eq!(world.north.writes(), Err(Refusal::Restored));
        world.north.killed();
        world.south.killed();
    }
    world.north.opens(4, Word::Heard).unwrap();
    world.north.killed();
    world.goes_on();
    assert!(world.north.line.shown().iter().any(|part| part.branch && part.epoch == Epoch::FIRST));
}

#[test]
fn an_entry_of_an_earlier_epoch_that_comes_late_is_kept_and_counts() {
    let mut world = World::new();
    let ask = world.north.asks();
    world.meet();
    world.south.declines(ask);
    world.north.opens(4, Word::Dark).unwrap();
    assert_eq!(world.north.outcome(Epoch::FIRST, ask), "BROKEN OFF");

    world.meet();
    world.north.killed();
    world.south.killed();

    for station in [&world.north, &world.south] {
        assert_eq!(station.outcome(Epoch::FIRST, ask), "DECLINED");
        assert_eq!(station.line.look(Epoch::FIRST).unwrap().ended(), Some(Ended::Settled));
    }
    world.goes_on();
}

#[test]
fn an_ended_epoch_is_not_settled_before_all_that_its_closing_names_has_come() {
    let mut world = World::new();
    let ask = world.north.asks();
    world.meet();
    let old = world.north.clone();
    world.south.declines(ask);
    world.meet();
    // A copy that has lost the declining, and everything since.
    world.north.restored(&old, true);
    world.north.opens(4, Word::Dark).unwrap();
    let joined = {
        let mut south = world.south.clone();
        let mut other = World { north: world.north.clone(), south: south.clone() };
        other.meet();
        std::mem::swap(&mut south, &mut other.south);
        south
    };
    let epoch = world.north.line.epoch();
    let charter = counterpart_core::record::log::Entry::read(&joined.store.logs[&(epoch, SOUTH)][0].0).unwrap();

    let arrived = counterpart_core::line::turn::Arrived { entry: charter, body: None, verified_under: None };
    world.north.turn(vec![counterpart_core::line::turn::Input::Arrived(arrived.into())]);

    let view = world.north.line.look(Epoch::FIRST).unwrap();
    assert_eq!(view.ended(), Some(Ended::Unsettled), "South's charter names its own declining, which has not come");
    world.south = joined;
    world.meet();
    let view = world.north.line.look(Epoch::FIRST).unwrap();
    assert_eq!(view.ended(), Some(Ended::Settled));
}

#[test]
fn both_sides_restored_at_once_take_back_from_each_other_and_meet_in_one_epoch() {
    let mut world = World::new();
    let backups = [world.north.clone(), world.south.clone()];
    world.north.writes().unwrap();
    world.south.writes().unwrap();
    world.meet();
    world.north.restored(&backups[0], true);
    world.meet();
    world.south.restored(&backups[1], true);
    world.south.killed();
    world.meet();

    assert_eq!(world.north.waits(), Restore::Judgement);
    world.north.killed();
    world.north.judges(&[1], Verdict::Take);
    world.meet();
    world.north.opens(4, Word::Heard).unwrap();
    world.meet();
    // South holds of its own log what North had received of it.
    world.south.killed();
    world.meet();
    let judgement = world.south.judgement(&[1], Verdict::Take);
    world.south.opens_with(4, Word::Heard, judgement).unwrap();
    world.meet();
    if let Restore::Opening(Why::Unnamed) = world.north.waits() {
        world.north.opens(7, Word::Heard).unwrap();
    }

    world.goes_on();
    for party in [NORTH, SOUTH] {
        assert_eq!(world.north.size(Epoch::FIRST, party), world.south.size(Epoch::FIRST, party));
    }
}

#[test]
fn a_peer_whose_own_part_is_kept_already_still_sends_what_it_held_back() {
    let mut world = restored(true);
    world.meet();
    let ask_again = world.north.clone();
    world.south.writes().unwrap();

    // All that South names of North's log is kept beside it, and waits.
    world.meet();

    assert_eq!(ask_again.waits(), Restore::Judgement);
    assert_eq!(world.north.size(Epoch::FIRST, SOUTH), world.south.size(Epoch::FIRST, SOUTH));
}

#[test]
fn a_forked_log_reads_alike_when_all_that_decides_it_comes_in_one_turn() {
    let mut world = World::new();
    let backup = world.north.clone();
    let ask = world.north.asks();
    world.meet();
    world.north.restored(&backup, false);
    world.north.writes().unwrap();
    world.meet();
    assert_eq!(world.north.waits(), Restore::Opening(Why::Branch));
    world.south.declines(ask);
    let epoch = world.north.opens(4, Word::Dark).unwrap();
    let opening = world.north.sends(epoch, NORTH, 0);
    world.south.turn(vec![opening]);

    let late = world.south.size(Epoch::FIRST, SOUTH) - 1;
    let all = vec![world.south.sends(Epoch::FIRST, SOUTH, late), world.south.sends(epoch, SOUTH, 0)];
    world.north.turn(all);

    assert_eq!(world.south.outcome(Epoch::FIRST, ask), "DECLINED");
    assert_eq!(world.north.outcome(Epoch::FIRST, ask), "DECLINED");
    world.north.killed();
    assert_eq!(world.north.outcome(Epoch::FIRST, ask), "DECLINED");
}

#[test]
fn what_follows_an_entry_that_was_let_go_is_let_go_too() {
    let mut world = World::new();
    let backup = world.north.clone();
    world.north.writes().unwrap();
    world.meet();
    let first = world.south.size(Epoch::FIRST, SOUTH);
    world.south.writes().unwrap();
    world.south.writes().unwrap();
    world.north.restored(&backup, true);

    let all = (first..first + 2).map(|index| world.south.sends(Epoch::FIRST, SOUTH, index)).collect();
    assert_eq!(world.north.turn(all), [Answer::LetGo, Answer::LetGo], "they name an entry that we have lost");

    world.meet();
    assert_eq!(world.north.size(Epoch::FIRST, SOUTH), first + 2);
}

#[test]
fn a_joining_charter_above_an_epoch_that_the_peer_opened_itself_is_signed_by_the_key_of_that() {
    let mut world = World::new();
    let backup = world.north.clone();
    world.south.opens(4, Word::Dark).unwrap();
    world.meet();
    world.north.opens(4, Word::Dark).unwrap();
    world.meet();
    world.north.restored(&backup, true);

    let [north, _] = world.meet();

    assert_eq!(north.misconduct, []);
    world.north.judges(&[1, 4], Verdict::Take);
    world.meet();
    world.north.opens(7, Word::Heard).unwrap();
    world.goes_on();
}

#[test]
fn who_was_set_back_and_has_written_past_what_its_peer_holds_learns_of_the_branch_by_the_head_that_it_never_had() {
    for is_cut in [false, true] {
        let mut world = restored(false);
        for _ in 0..3 {
            world.north.writes().unwrap();
        }
        // South's next entry names what North has lost; it comes before anything else.
        world.south.writes().unwrap();
        let last = world.south.size(Epoch::FIRST, SOUTH) - 1;
        if is_cut {
            let entry = world.south.sends(Epoch::FIRST, SOUTH, last);
            assert_eq!(world.north.turn(vec![entry]), [Answer::Misconduct(Misconduct::HeadNeverOurs)]);
            world.north.killed();
        }

        world.meet();

        assert_eq!(world.north.waits(), Restore::Opening(Why::Branch));
        world.north.opens(4, Word::Heard).unwrap();
        world.goes_on();
    }
}

/// North was restored and opens an epoch while South, who has opened a later one that North's earlier life joined, is dark. Gives both
/// as they are when South has learnt of North's epoch, that earlier life, and the two epochs, the lower first.
fn with_an_epoch_that_comes_to_light_below_another() -> (World, Station, [Epoch; 2]) {
    let mut world = World::new();
    let backup = world.north.clone();
    let high = world.south.opens(20, Word::Heard).unwrap();
    world.meet();
    world.north.writes().unwrap();
    world.meet();
    let earlier = world.north.clone();
    world.north.restored(&backup, true);
    let low = world.north.opens(4, Word::Dark).unwrap();
    assert!(low < high && world.north.waits() == Restore::Nothing);
    (world, earlier, [low, high])
}

#[test]
fn charters_that_know_nothing_of_an_epoch_that_comes_to_light_later_do_not_close_it() {
    let (mut world, _, [low, high]) = with_an_epoch_that_comes_to_light_below_another();
    let ask = world.north.asks();
    world.meet();
    assert_eq!((world.south.line.epoch(), world.north.waits()), (high, Restore::Opening(Why::Unnamed)));
    let ended = |station: &Station| station.line.look(low).and_then(|view| view.ended());
    assert_eq!((world.south.outcome(low, ask), ended(&world.south)), ("BROKEN OFF", Some(Ended::Unsettled)));

    world.north.opens(7, Word::Heard).unwrap();
    world.goes_on();
    world.south.killed();

    for station in [&world.north, &world.south] {
        assert_eq!((station.outcome(low, ask), ended(station)), ("BROKEN OFF", Some(Ended::Settled)));
    }
}

#[test]
fn who_joined_an_epoch_writes_on_there_by_its_key_also_once_another_life_of_it_has_come_to_light_below() {
    let (mut world, earlier, [_, high]) = with_an_epoch_that_comes_to_light_below_another();
    world.meet();
    world.south.killed();
    let mut other = World { north: earlier, south: world.south };

    other.north.writes().unwrap();
    let [_, south] = other.meet();

    assert!(south.misconduct.is_empty(), "{south:?}");
    assert_eq!(other.south.size(high, NORTH), 3);
}

#[test]
fn what_the_peer_wrote_in_sight_of_what_a_copy_has_lost_comes_also_if_the_copy_wrote_past_it_and_opened_an_epoch() {
    let mut world = restored(false);
    for _ in 0..3 {
        world.north.writes().unwrap();
    }
    world.south.writes().unwrap();
    let whole = world.south.size(Epoch::FIRST, SOUTH);
    world.north.opens(4, Word::Heard).unwrap();

    world.meet();
    world.north.killed();
    world.goes_on();

    assert!(world.north.line.shown().iter().any(|part| part.branch));
    assert_eq!(world.north.size(Epoch::FIRST, SOUTH), whole);
}

#[test]
fn what_names_what_both_have_lost_is_let_go_whenever_it_comes_and_holds_nothing_up() {
    let mut world = World::new();
    let backups = [world.north.clone(), world.south.clone()];
    world.north.writes().unwrap();
    world.meet();
    world.south.writes().unwrap();
    world.meet();
    let lost = world.north.store.logs[&(Epoch::FIRST, SOUTH)][1].0.clone();
    // South takes back of North what names North's entry, and both lose that.
    world.south.restored(&backups[1], true);
    world.south.is_shown(&[Entry::read(&lost).unwrap()]);
    assert_eq!(world.south.judges(&[1], Verdict::Take), 1);
    world.north.restored(&backups[0], true);
    world.north.opens(4, Word::Dark).unwrap();
    world.south.opens(10, Word::Dark).unwrap();

    let met = world.meet();
    if let Restore::Opening(Why::Unnamed) = world.north.waits() {
        world.north.opens(7, Word::Heard).unwrap();
    }
    world.goes_on();

    assert!(met.iter().all(|met| met.misconduct.is_empty()), "{met:?}");
    let sizes = [&world.north, &world.south].map(|station| station.size(Epoch::FIRST, SOUTH));
    assert_eq!(sizes, [1, 2], "it stays with its author alone");
    let again = world.south.sends(Epoch::FIRST, SOUTH, 1);
    assert_eq!(world.north.turn(vec![again]), [Answer::LetGo]);
    let ended = [&world.north, &world.south].map(|station| station.line.look(Epoch::FIRST).unwrap().ended());
    assert_eq!(ended, [Some(Ended::Unsettled); 2], "nobody can say what it is worth");
}

#[test]
fn what_another_copy_has_only_receipted_below_an_epoch_that_was_opened_unheard_is_shown() {
    let mut world = World::new();
    let copy = world.north.clone();
    world.south.writes().unwrap();
    world.meet();
    world.north.now += 1_000;
    world.north.turn(Vec::new());
    world.meet();
    assert_eq!(world.south.size(Epoch::FIRST, NORTH), 2, "a receipt, which South names nowhere");
    world.north = copy;
    let ask = world.north.asks();
    world.north.writes().unwrap();
    world.north.opens(4, Word::Dark).unwrap();

    for _ in 0..3 {
        world.meet();
    }

    let shown = world.north.line.shown();
    let parts: Vec<_> = shown.iter().map(|part| (part.epoch, part.from, part.branch, part.counts)).collect();
    assert_eq!(parts, [(Epoch::FIRST, 1, true, Some(2))]);
    assert!(
        world.north.line.look(Epoch::FIRST).unwrap().fact(ask).is_none(),
        "South's charter names the other copy's log"
    );
    world.goes_on();
}

#[test]
fn what_continues_a_log_that_another_copys_fork_has_halted_comes_once_a_later_epoch_serves_and_the_rest_is_let_go() {
    let mut world = World::new();
    let copy = world.north.clone();
    let first = world.north.asks();
    world.meet();
    let original = std::mem::replace(&mut world.north, copy);
    // The copy has written past what South holds: two logs, and South halts.
    for _ in 0..3 {
        world.north.writes().unwrap();
    }
    world.meet();
    assert_eq!(world.south.line.halted(), Some(Misconduct::Fork));
    let copy = std::mem::replace(&mut world.north, original);
    let late = world.north.asks();
    world.meet();
    assert_eq!(world.south.size(Epoch::FIRST, NORTH), 2, "a halted log is taken no further");

    world.north.opens(4, Word::Heard).unwrap();
    world.meet();
    world.meet();

    for station in [&world.north, &world.south] {
        assert_eq!([first, late].map(|ask| station.outcome(Epoch::FIRST, ask)), ["BROKEN OFF"; 2]);
        assert_eq!(station.line.look(Epoch::FIRST).unwrap().ended(), Some(Ended::Settled));
    }
    assert_eq!(world.south.size(Epoch::FIRST, NORTH), 3);
    // Neither what follows the fork accuses anybody anew, nor the fork itself, of which South has told when it halted the log.
    for index in [2, 3] {
        let forked = copy.sends(Epoch::FIRST, NORTH, index);
        assert_eq!(world.south.turn(vec![forked]), [Answer::LetGo]);
    }
    world.goes_on();
}
