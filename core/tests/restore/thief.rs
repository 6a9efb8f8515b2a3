//! Somebody has a station key of ours, ended or in force, and a peer shows us what they sign: what that can do, and what it cannot.

use counterpart_core::fault::Refusal;
use counterpart_core::ids::Epoch;
use counterpart_core::limits::{BRANCHES_MAX, EPOCH_JUMP_MAX, EPOCHS_MAX};
use counterpart_core::line::epoch::Ended;
use counterpart_core::line::restore::{Judgement, Restore, Why, Word};
use counterpart_core::line::turn::Answer;
use counterpart_core::record::entry::Head;
use counterpart_core::record::log::Entry;
use counterpart_core::record::opening::Opening;
use counterpart_core::record::what::What;

use crate::meeting::World;
use crate::rig::{NORTH, Station, Verdict};

/// What this key signs to join, for us, an epoch of this number that nobody has opened.
fn joins(station: &Station, key: u8, number: u64) -> Entry {
    let nothing = Head::empty();
    let joined = Opening::Joined { heads: vec![], restored: false };
    let what = What::Charter(joined.write());
    station.signed(key, (Epoch { number, id: [0xff; 8] }, nothing), 0, what)
}

#[test]
fn who_has_an_ended_key_does_not_choose_the_number_of_our_next_epoch() {
    let mut world = World::new();
    world.north.opens(4, Word::Dark).unwrap();
    world.meet();
    let shown = [EPOCH_JUMP_MAX, EPOCH_JUMP_MAX + 1].map(|number| joins(&world.north, 1, number));
    assert_eq!(world.north.is_shown(&shown), [Answer::Kept, Answer::LetGo]);
    world.north.killed();
    assert_eq!((world.north.waits(), world.north.line.awaits_judgement()), (Restore::Nothing, false));

    assert_eq!(world.north.opens(7, Word::Heard).unwrap().number, 2);

    world.goes_on();
}

#[test]
fn who_has_the_key_in_force_stops_us_and_cannot_make_our_next_epoch_a_jump() {
    let mut world = World::new();
    world.north.opens(4, Word::Dark).unwrap();
    world.meet();
    let shown = [EPOCH_JUMP_MAX, EPOCH_JUMP_MAX + 1].map(|number| joins(&world.north, 4, number));
    assert_eq!(world.north.is_shown(&shown), [Answer::Kept, Answer::LetGo]);
    assert_eq!(world.north.waits(), Restore::Opening(Why::Branch), "somebody signs with our key");
    // Nobody has opened that epoch: the other side would not know our log there.
    let part = world.north.line.shown()[0].part();
    assert_eq!(world.north.says(&Judgement { take: vec![part], refuse: vec![] }), Err(Refusal::PartNotWaiting));
    world.north.killed();

    assert_eq!(world.north.opens(7, Word::Dark).unwrap().number, EPOCH_JUMP_MAX + 1);

    world.goes_on();
}

#[test]
fn of_two_parts_that_exclude_one_another_a_person_names_one_and_the_other_is_evidence() {
    let mut world = World::new();
    let [one, other] = [1, 2].map(|mark| world.north.continued(1, &[], mark, 2));
    world.north.is_shown(&[one, other].concat());
    let parts: Vec<_> = world.north.line.shown().iter().map(|part| part.part()).collect();
    let says = |take: &[usize], refuse: &[usize]| {
        let of = |places: &[usize]| places.iter().map(|place| parts[*place]).collect();
        Judgement { take: of(take), refuse: of(refuse) }
    };

    for unclear in [says(&[0, 1], &[]), says(&[0], &[0])] {
        assert_eq!(world.north.says(&unclear), Err(Refusal::PartsConflict));
        assert_eq!(world.north.opens_with(4, Word::Dark, unclear), Err(Refusal::PartsConflict));
    }
    assert_eq!((world.north.waits(), world.north.size(Epoch::FIRST, NORTH)), (Restore::Judgement, 1));
    // The second to be shown, and nothing is said of the first.
    assert_eq!(world.north.says(&says(&[1], &[])), Ok(2));
    world.north.killed();

    let seen: Vec<_> = world.north.line.shown().iter().map(|part| (part.part(), part.branch, part.waits)).collect();
    assert_eq!(seen, [(parts[0], true, false)]);
    world.meet();
    assert_eq!(world.north.waits(), Restore::Opening(Why::Restored));
    assert_eq!(world.north.says(&says(&[0], &[])), Err(Refusal::PartNotWaiting));
    world.north.opens(4, Word::Dark).unwrap();
    world.goes_on();
}

#[test]
fn what_stands_behind_our_own_entries_is_cut_off_by_taking_them_alone() {
    let mut world = World::new();
    let (backup, thief) = (world.north.clone(), world.north.clone());
    for _ in 0..2 {
        world.north.writes().unwrap();
    }
    world.meet();
    world.north.restored(&backup, true);
    world.meet();
    // Glued behind what South holds of ours.
    let ours = world.north.line.shown()[0].entries.to_vec();
    let glued = thief.continued(1, &ours, 9, 2);
    assert_eq!(world.north.is_shown(&glued), [Answer::Kept, Answer::Kept]);
    let (first, whole) = {
        let shown = world.north.line.shown();
        assert_eq!([0, 1, 6].map(|index| shown[0].up_to(index)), [None; 3]);
        assert_eq!(shown[0].up_to(5), Some(shown[0].part()));
        (shown[0].up_to(3).unwrap(), shown[0].part())
    };

    assert_eq!(world.north.says(&Judgement { take: vec![first], refuse: vec![whole] }), Ok(2));
    world.north.killed();

    assert_eq!(world.north.size(Epoch::FIRST, NORTH), 3);
    let shown = world.north.line.shown();
    let seen: Vec<_> = shown.iter().map(|part| (part.from, part.part(), part.refused, part.waits)).collect();
    assert_eq!(seen, [(3, whole, true, false)]);
    world.meet();
    world.north.opens(4, Word::Heard).unwrap();
    world.goes_on();
}

#[test]
fn what_a_copy_refuses_that_does_not_know_what_it_is_keeps_it_from_signing_on() {
    let mut world = World::new();
    let backup = world.north.clone();
    world.north.writes().unwrap();
    world.meet();
    world.north.restored(&backup, false);
    world.meet();
    assert_eq!(world.north.waits(), Restore::Judgement);

    // Root's list has a later key: what this one signed may be another's.
    assert_eq!(world.north.judges(&[1, 4], Verdict::Refuse), 0);

    for _ in 0..2 {
        assert_eq!(world.north.waits(), Restore::Opening(Why::Branch));
        assert_eq!(world.north.writes(), Err(Refusal::Restored));
        world.north.killed();
    }
    world.meet();
    world.north.opens(4, Word::Heard).unwrap();
    world.goes_on();
}

#[test]
fn who_refuses_its_own_joining_of_an_epoch_does_not_join_it_a_second_time() {
    let mut world = World::new();
    let backup = world.north.clone();
    let opened = world.south.opens(4, Word::Dark).unwrap();
    world.meet();
    assert_eq!((world.north.line.epoch(), world.north.size(opened, NORTH)), (opened, 1));
    world.north.restored(&backup, false);
    world.meet();
    assert_eq!(world.north.waits(), Restore::Judgement);

    assert_eq!(world.north.judges(&[1, 4], Verdict::Refuse), 0);
    world.meet();
    world.north.killed();

    assert_eq!((world.north.waits(), world.north.size(opened, NORTH)), (Restore::Opening(Why::Branch), 0));
    assert!(world.north.opens(4, Word::Dark).unwrap() > opened);
    world.goes_on();
}

#[test]
fn what_was_refused_leaves_room_for_what_is_ours_and_is_forgotten_by_no_start() {
    let mut world = World::new();
    let backup = world.north.clone();
    let thief = world.north.clone();
    world.north.writes().unwrap();
    world.north.writes().unwrap();
    let south = {
        world.meet();
        world.south.clone()
    };
    world.north.restored(&backup, true);
    // Twice as many forgeries as there is room for, a few at a time; each is longer than our own log.
    for round in 0..2 {
        let forged = |mark| thief.continued(1, &[], 10 * round + mark, 4);
        for mark in 1..=BRANCHES_MAX as u64 {
            assert_eq!(world.north.is_shown(&forged(mark)), [Answer::Kept; 4]);
        }
        let one_more = world.north.is_shown(&forged(BRANCHES_MAX as u64 + 1));
        assert_eq!(one_more, [Answer::LetGo; 4], "a person is asked before more is kept");
        assert_eq!(world.north.judges(&[1, 4], Verdict::Refuse), 0);
        assert_eq!(world.north.line.shown().len(), BRANCHES_MAX, "the oldest are only in the store");
        world.north.killed();
        assert_eq!(world.north.line.shown().len(), BRANCHES_MAX);
    }
    assert!(!world.north.line.awaits_judgement());

    // An honest South at last, whose log of ours leaves all of them at once.
    world.south = south;
    world.meet();
    world.meet();

    assert_eq!(world.north.waits(), Restore::Judgement);
    assert_eq!(world.north.judges(&[1], Verdict::Take), 2);
    world.meet();
    assert_eq!(world.north.waits(), Restore::Opening(Why::Restored));
    world.north.opens(4, Word::Heard).unwrap();
    world.goes_on();
    assert_eq!(world.north.size(Epoch::FIRST, NORTH), 3);
}

#[test]
fn what_the_peer_holds_of_our_log_and_leaves_the_forgery_that_is_kept_comes_all_the_same() {
    // Of our own log South holds less than the forgery has, or more.
    for lost in [2, 6] {
        let mut world = World::new();
        let (backup, thief) = (world.north.clone(), world.north.clone());
        for _ in 0..lost {
            world.north.writes().unwrap();
        }
        world.meet();
        world.north.restored(&backup, true);
        assert_eq!(world.north.is_shown(&thief.continued(1, &[], 9, 4)), [Answer::Kept; 4]);

        let [north, _] = world.meet();
        assert_eq!(north.misconduct, [], "an honest South showed what follows entries that North was not shown");
        assert!(!world.north.line.heard());
        world.meet();

        assert!(world.north.line.heard());
        let waiting: Vec<_> = world.north.line.shown().iter().map(|part| (part.from, part.head.size)).collect();
        assert_eq!(waiting, [(1, 5), (1, 1 + lost)]);
        let ours = world.north.line.shown()[1].part();
        assert_eq!(world.north.says(&Judgement { take: vec![ours], refuse: vec![] }), Ok(lost as usize));
        world.north.opens(4, Word::Heard).unwrap();
        world.goes_on();
    }
}

#[test]
fn evidence_of_an_ended_key_keeps_out_no_branch_that_another_copy_of_ours_has_written() {
    let mut world = World::new();
    let grant = world.north.grant(4);
    let thief = world.north.clone();
    world.north.signs_by_hand(1, grant);
    let copy = world.north.clone();
    world.north.signs_by_hand(4, What::Received);
    for mark in 0..=BRANCHES_MAX as u64 {
        let kept = if mark < BRANCHES_MAX as u64 { Answer::Kept } else { Answer::LetGo };
        assert_eq!(world.north.is_shown(&thief.continued(1, &[], 10 + mark, 1)), [kept]);
    }
    assert_eq!(world.north.waits(), Restore::Nothing);

    assert_eq!(world.north.is_shown(&copy.continued(4, &[], 1, 1)), [Answer::Kept]);

    assert_eq!(world.north.waits(), Restore::Opening(Why::Branch));
}

#[test]
fn epochs_that_an_ended_key_has_made_up_keep_out_none_that_root_has_opened_for_us() {
    let mut world = World::new();
    world.north.opens(4, Word::Dark).unwrap();
    let mut life = world.north.clone();
    let opened = life.opens(7, Word::Dark).unwrap();
    let made_up: Vec<Entry> = (3..=3 + EPOCHS_MAX as u64).map(|number| joins(&world.north, 1, number)).collect();
    let answers = world.north.is_shown(&made_up);
    assert_eq!(answers[EPOCHS_MAX - 1..], [Answer::Kept, Answer::LetGo]);
    assert_eq!(world.north.waits(), Restore::Nothing);

    let ours = Entry::read(&life.store.logs[&(opened, NORTH)][0].0).unwrap();
    assert_eq!(world.north.is_shown(&[ours]), [Answer::Kept]);

    assert_eq!(world.north.waits(), Restore::Judgement);
    world.north.killed();
    assert_eq!((world.north.waits(), world.north.line.shown().len()), (Restore::Judgement, EPOCHS_MAX + 1));
}

#[test]
fn what_counts_only_by_their_charter_and_was_refused_is_told_from_what_we_took() {
    let mut world = World::new();
    let mut copy = World { north: world.north.clone(), south: world.south.clone() };
    copy.north.writes().unwrap();
    copy.north.writes().unwrap();
    copy.meet();
    world.south = copy.south;
    world.north.opens(4, Word::Dark).unwrap();
    world.meet();
    let seen = |station: &Station| {
        station.line.shown().iter().map(|part| (part.from, part.refused, part.waits, part.counts)).collect::<Vec<_>>()
    };
    // South joined, and its charter names what it had taken for ours.
    assert_eq!(seen(&world.north), [(1, false, true, Some(3))]);

    assert_eq!(world.north.judges(&[1, 4], Verdict::Refuse), 0);
    world.meet();
    world.north.killed();

    assert_eq!(seen(&world.north), [(1, true, false, Some(3))], "both accounts of it stand beside one another");
    assert_eq!(world.north.line.look(Epoch::FIRST).unwrap().ended(), Some(Ended::Settled));
    world.goes_on();
}
